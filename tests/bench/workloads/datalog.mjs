// Datalog views beside npm `datascript`, which asks again: recursion over graphs that change, and a large answer. Node only.
import { perUnit, sample, timed } from '../measure.mjs'
import { random } from './issues.mjs'

const RULES = {
  reach: '[[(reach ?a ?b) [?a :next ?b]] [(reach ?a ?b) [?a :next ?c] (reach ?c ?b)]]',
  generation: '[[(same ?a ?b) [?a :next ?c] [?b :next ?c]] [(same ?a ?b) [?a :next ?c] (same ?c ?d) [?b :next ?d]]]',
}
/** Nodes are 1 to `nodes`; two edges for each, but for the chain. */
const scenarios = {
  reach: { edges: cyclic, rules: RULES.reach, query: '[:find ?b :in $ % :where (reach 1 ?b)]', byHand: reached },
  generation: { edges: genealogy, rules: RULES.generation, query: '[:find ?a ?b :in $ % :where (same ?a ?b)]', byHand: sameGeneration },
  chain: { edges: chain, rules: RULES.reach, query: '[:find ?a ?b :in $ % :where (reach ?a ?b)]', byHand: (edges, nodes) => closure(edges, nodes) },
}
/** As DataScript's JavaScript API writes attributes. */
const theirText = (text) => text.replace(/:next|:status|:title/g, (a) => `"${a.slice(1)}"`)

/** Any node to any other: most of them lie on cycles. */
function cyclic(nodes) {
  const next = random(11)
  const edges = new Map()
  while (edges.size < 2 * nodes) {
    const edge = [1 + Math.floor(next() * nodes), 1 + Math.floor(next() * nodes)]
    edges.set(edge.join(), edge)
  }
  return [...edges.values()]
}

/** Generations of 20: each node has two parents in the one before, the first ones have none. */
function genealogy(nodes) {
  const next = random(12)
  const width = 20
  const edges = []
  for (let n = width; n < nodes; n++) {
    const above = (Math.floor(n / width) - 1) * width + 1
    const one = Math.floor(next() * width)
    const other = (one + 1 + Math.floor(next() * (width - 1))) % width
    edges.push([n + 1, above + one], [n + 1, above + other])
  }
  return edges
}

function chain(nodes) { return Array.from({ length: nodes - 1 }, (_, i) => [i + 1, i + 2]) }

// ---- the same by hand, from nothing -----------------------------------------------------------------------------------

function listsOf(edges, nodes, from = 0) {
  const lists = Array.from({ length: nodes + 1 }, () => [])
  for (const edge of edges) lists[edge[from]].push(edge[1 - from])
  return lists
}

function from(start, lists) {
  const seen = new Set(lists[start])
  for (const n of seen) for (const m of lists[n]) seen.add(m)
  return seen
}

function reached(edges, nodes) { return [...from(1, listsOf(edges, nodes))].map((b) => [b]) }

function closure(edges, nodes) {
  const lists = listsOf(edges, nodes)
  return lists.flatMap((_, a) => a === 0 ? [] : [...from(a, lists)].map((b) => [a, b]))
}

function sameGeneration(edges, nodes) {
  const children = listsOf(edges, nodes, 1)
  const pairs = new Map()
  const enter = (a, b) => { if (!pairs.has(a * (nodes + 1) + b)) pairs.set(a * (nodes + 1) + b, [a, b]) }
  for (const list of children) for (const a of list) for (const b of list) enter(a, b)
  for (const [c, d] of pairs.values()) for (const a of children[c]) for (const b of children[d]) enter(a, b)
  return [...pairs.values()]
}

const same = (a, b) => {
  const key = (rows) => rows.map((row) => row.join('\u0000')).sort()
  const [x, y] = [key(a), key(b)]
  return x.length === y.length && x.every((v, i) => v === y[i])
}
function mustBe(what, rows, expected) {
  if (!same(rows, expected)) throw new Error(`${what}: ${rows.length} rows instead of ${expected.length}, or others`)
}

// ---- both sides -------------------------------------------------------------------------------------------------------

async function ourFacts(host, attributes, { query, rules }) {
  const eddyline = await host.eddyline()
  const { datalog, facts } = await host.part('datalog')
  const db = await eddyline.createDatabase({ schema: eddyline.defineSchema(facts(attributes)) })
  const data = datalog(db)
  const heard = { rows: 0, added: [], removed: [] }
  return {
    db, data, heard,
    /** The view, and what its rows must be by the differences that were told. */
    follow() {
      const view = data.view('bench', { query, rules })
      view.listen((added, removed) => { heard.rows = added.length + removed.length; heard.added = added; heard.removed = removed })
      return view
    },
  }
}

function theirFacts(datascript, schema, { query, rules }) {
  const conn = datascript.create_conn(schema)
  const inputs = rules === undefined ? [] : [theirText(rules)]
  return {
    transact: (tx) => datascript.transact(conn, tx),
    ask: () => datascript.q(theirText(query), datascript.db(conn), ...inputs),
  }
}

const graphOf = { next: { ':db/cardinality': ':db.cardinality/many', ':db/valueType': ':db.type/ref' } }
const counter = (view, name) => Number(new RegExp(`${name} (\\d+)`).exec(view.explain())[1])

/**
 * An edge cut and mended (of a chain the one in the middle, else any): first `counted` times one by one, with the derivations that come or go and the
 * rows told, the first `checked` of them compared with an answer made by hand; then `rounds` times `count` of them under the clock, which is too coarse
 * for one: processor time per change until the listener has its difference. At the end all is compared again, by `verify`, too.
 */
export async function datalogEdges(host, { scenario: name, nodes, counted, checked, count, rounds, rival = 0 }) {
  const scenario = scenarios[name]
  const edges = scenario.edges(nodes)
  const ours = await ourFacts(host, { next: { type: 'ref', many: true } }, scenario)
  ours.data.transact(edges.map(([a, b]) => [':db/add', a, 'next', b]))
  let view
  const built = await timed(host, () => { view = ours.follow() })
  mustBe(`${name}, at first`, view.get(), scenario.byHand(edges, nodes))
  const size = { facts: counter(view, 'facts'), derivations: counter(view, 'derivations'), rows: view.get().length, edges: edges.length }

  const next = random(13)
  const pick = () => name === 'chain' ? (nodes >> 1) - 1 : Math.floor(next() * edges.length)
  const step = { cut: ':db/retract', mend: ':db/add' }
  const change = (at, op) => [[op, edges[at][0], 'next', edges[at][1]]]
  const work = Object.fromEntries(Object.keys(step).map((kind) => [kind, { touched: [], told: [] }]))
  for (let i = 0; i < counted; i++) {
    const at = pick()
    for (const [kind, op] of Object.entries(step)) {
      const before = counter(view, 'touched')
      ours.heard.rows = 0
      ours.data.transact(change(at, op))
      work[kind].touched.push(counter(view, 'touched') - before)
      work[kind].told.push(ours.heard.rows)
      if (i < checked) mustBe(`${name}, ${kind}`, view.get(), scenario.byHand(kind === 'cut' ? edges.filter((_, e) => e !== at) : edges, nodes))
    }
  }
  const changed = await sample(host, { ours: {
    prepare: () => Array.from({ length: count }, pick).flatMap((at) => Object.values(step).map((op) => change(at, op))),
    run: (list) => { for (const tx of list) ours.data.transact(tx) },
  } }, rounds, 1)
  mustBe(`${name}, at last`, view.get(), scenario.byHand(edges, nodes))
  // `verify` makes a second engine with the same: too large for the pairs of a chain.
  const verdict = name === 'chain' ? { ok: true } : view.verify()
  if (!verdict.ok) throw new Error(`${name}: verify says ${verdict.missing.length} missing, ${verdict.extra.length} extra`)
  const asked = { cpu: [], wall: [] }
  const put = (list, taken) => { list.cpu.push(taken.cpu * 1000); list.wall.push(taken.wall * 1000) }
  const repeat = name === 'reach' ? 20 : 1
  const byHand = await sample(host, { byHand: { run: () => { for (let i = 0; i < repeat; i++) scenario.byHand(edges, nodes) } } }, 3, 1)
  if (rival > 0) {
    const theirs = theirFacts(await host.library('datascript'), graphOf, scenario)
    theirs.transact(edges.map(([a, b]) => [':db/add', a, 'next', b]))
    for (let i = 0; i < rival; i++) {
      const at = pick()
      for (const op of Object.values(step)) {
        const tx = change(at, op)
        theirs.transact(tx)
        ours.data.transact(tx)
        host.collect()
        let answer
        put(asked, await timed(host, () => { answer = theirs.ask() }))
        mustBe(`${name}, beside datascript`, view.get(), answer)
      }
    }
  }
  ours.db.close()
  return { size, built, work, ours: perUnit(changed, 2 * count, 1000).ours, byHand: perUnit(byHand, repeat, 1000).byHand, asked }
}

/** DataScript's answer alone, once: whoever runs it must end it when it takes too long. */
export async function datalogRival(host, { scenario: name, nodes }) {
  const scenario = scenarios[name]
  const theirs = theirFacts(await host.library('datascript'), graphOf, scenario)
  const edges = scenario.edges(nodes)
  theirs.transact(edges.map(([a, b]) => [':db/add', a, 'next', b]))
  let answer
  const taken = await timed(host, () => { answer = theirs.ask() })
  mustBe(`${name}, datascript`, answer, scenario.byHand(edges, nodes))
  return taken
}

// ---- a large answer ---------------------------------------------------------------------------------------------------

const LARGE = { query: '[:find ?e ?title :where [?e :status "open"] [?e :title ?title]]' }

/**
 * Entities with a status and a title, a tenth of them open: one fact changes, a title of an open one, or a status that takes one out and back. Ours by
 * `transact`, and by `db.apply` to the table of the attribute; each until the listener has the tuples. Theirs: the query alone, without `transact`.
 */
export async function datalogLarge(host, { entities, count, rounds }) {
  const ours = await ourFacts(host, { status: 'string', title: 'string' }, LARGE)
  const { db, data, heard } = ours
  const theirs = theirFacts(await host.library('datascript'), {}, LARGE)
  const rows = (value) => Array.from({ length: entities }, (_, i) => ({ e: i + 1, v: value(i), tx: 536870913 }))
  const status = (i) => i % 10 === 0 ? 'open' : `closed ${i % 10}`
  const title = (i) => `title of the entity ${i + 1}`
  db.apply([{ op: 'insert', table: ':status', rows: rows(status) }, { op: 'insert', table: ':title', rows: rows(title) }])
  for (let at = 0; at < entities; at += 10_000) {
    theirs.transact(Array.from({ length: Math.min(10_000, entities - at) }, (_, i) => ({ ':db/id': at + i + 1, status: status(at + i), title: title(at + i) })))
  }
  const view = ours.follow()
  const openAt = (n) => (n * 7919 % (entities / 10)) * 10 + 1
  let turn = 0
  /** A fact `[e a v]`; every other pair is a status. */
  const facts = (n) => Array.from({ length: n }, () => {
    const i = turn++
    if (i % 4 < 2) return [openAt(i), 'title', `new title ${i}`]
    return [openAt(i >> 2), 'status', i % 4 === 2 ? 'closed 0' : 'open']
  })
  const ways = {
    transact: (list) => { for (const [e, a, v] of list) data.transact([[':db/add', e, a, v]]) },
    apply: (list) => { for (const [e, a, v] of list) db.apply([{ op: 'upsert', table: `:${a}`, row: { e, v, tx: 536870914 } }]) },
  }
  const also = (list) => { for (const fact of list) theirs.transact([[':db/add', ...fact]]) }
  const agree = (when) => { mustBe(`large answer, ${when}`, view.get(), theirs.ask()) }
  agree('at first')
  // One by one: each difference turns the answer before into the one behind.
  const kept = new Map(view.get().map((t) => [t.join('\u0000'), t]))
  for (const way of Object.values(ways)) {
    for (const fact of facts(40)) {
      heard.added = heard.removed = []
      way([fact])
      also([fact])
      for (const t of heard.removed) if (!kept.delete(t.join('\u0000'))) throw new Error(`removed, but was not there: ${t}`)
      for (const t of heard.added) kept.set(t.join('\u0000'), t)
    }
    mustBe('large answer, by its differences', [...kept.values()], theirs.ask())
    agree('after single facts')
  }
  const variants = Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, {
    prepare: () => facts(count), run: way, after: also,
  }]))
  let answer
  variants.asked = { run: () => { answer = theirs.ask() }, after: () => { mustBe('large answer, in a round', view.get(), answer) } }
  const samples = await sample(host, variants, rounds, 2)
  agree('at last')
  const before = db.stats().rowsExamined
  const last = facts(400)
  ways.apply(last)
  const examined = (db.stats().rowsExamined - before) / 400
  also(last)
  agree('behind the counters')
  const shown = view.get().length
  const changed = perUnit({ transact: samples.transact, apply: samples.apply }, count, 1000)
  const asked = perUnit({ asked: samples.asked }, 1, 1000).asked
  db.close()
  return { shown, examined, samples: { ...changed, asked } }
}
