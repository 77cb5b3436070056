// Views that are opened, listened to, given other inputs and dropped at any moment, inside of listeners, too, which transact and throw;
// over restarts: beside DataScript, which is asked again each time. HERITAGE_RUNS and HERITAGE_SEED choose how many programs, and from
// where; what fails is printed as the shortest program found.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { createDatabase, defineSchema } from '../../../pkg/index.inline.js'
import { type Datalog, type DatalogView, datalog, facts } from '../../../pkg/datalog/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { type Outcome, runPrograms } from '../real/random-programs.js'
import { random } from '../real/support.js'
import { AKA, ENTITIES, NAMES, type Pick, SCHEMA as DECLARED, any, generated, valueOf } from './random-datalog.js'

const datascript = createRequire(import.meta.url)('datascript') as Record<string, (...args: any[]) => any>
const RUNS = Number(process.env.HERITAGE_RUNS ?? 20), FIRST = Number(process.env.HERITAGE_SEED ?? 1)

const SCHEMA = { ...DECLARED, part: { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many', ':db/isComponent': true } }
const OURS = defineSchema(facts({
  name: 'string', age: 'int', aka: { type: 'string', many: true }, email: { type: 'string', unique: 'identity' },
  friend: { type: 'ref', many: true }, boss: 'ref', part: { type: 'ref', many: true, component: true },
}))
const EMAILS = ['a', 'b', 'c']
/** What makes a listener act is none of the facts' entities. */
const BELL = 20

interface Asked { readonly query: string; readonly names: readonly string[]; readonly inputs: readonly unknown[]; readonly rules?: string }
type Op =
  | { readonly op: 'tx'; readonly tx: readonly unknown[]; readonly fails?: boolean }
  | { readonly op: 'open'; readonly asked: Asked; readonly listens: boolean; readonly reacts: boolean; readonly throws: boolean; readonly durable: boolean }
  | { readonly op: 'set'; readonly at: number; readonly values: readonly Readonly<Record<string, unknown>>[] }
  | { readonly op: 'drop' | 'verify'; readonly at: number }
  | { readonly op: 'restart' }
  | { readonly op: 'inside'; readonly then: readonly Op[] }
interface Program { readonly seed: number; readonly ops: readonly Op[] }

function transaction(pick: Pick): unknown[] {
  const e = (): number => 1 + pick(ENTITIES)
  const value = (a: string): unknown => valueOf(pick, a)
  return Array.from({ length: 1 + pick(5) }, () => {
    const a = any(pick, ['name', 'age', 'aka', 'friend', 'friend', 'boss', 'part'])
    switch (pick(14)) {
      case 0: case 1: return [':db/retract', e(), a, value(a)]
      case 2: return [':db.fn/retractEntity', e()]
      case 3: return [':db.fn/retractAttribute', e(), a]
      case 4: return { ':db/id': e(), name: any(pick, NAMES), friend: [e(), e()] }
      case 5: return { ':db/id': e(), age: pick(6), aka: [any(pick, AKA), any(pick, AKA)] }
      case 6: return { ':db/id': e(), part: [e()], boss: e() }
      case 7: return { email: any(pick, EMAILS), age: pick(6), name: any(pick, NAMES) }
      case 8: return [':db/add', ['email', any(pick, EMAILS)], 'age', pick(6)]
      default: return [':db/add', e(), a, value(a)]
    }
  })
}

const PULLS = ['[*]', '["name" "age" "aka"]', '["name" {"friend" ["name" :db/id]}]', '["name" {"_friend" ["name"]} {"boss" ["age" {"boss" ["name"]}]}]', '["name" {"boss" ...}]', '["name" {"friend" 2}]',
  '[:db/id {"_boss" [:db/id "aka"]}]', '[:db/id "friend" "boss"]', '[["name" :as "n"] ["aka" :limit 1]]', '[["age" :default 0] {"part" ["name"]}]', '["name" "part"]', '["name" {"_part" [:db/id "age"]}]', '["email" {["friend" :limit 1] ["name"]}]', '[{"friend" ["name" {"boss" ["name" "aka"]}]}]']
const TEMPLATES = ['[?e "name" ?n0]', '[?e "age" ?a] (not [?e "boss" _])', '[?e "friend" ?f] [?f "age" ?a] [(> ?a 2)]', '[?x "boss" ?e] (not-join [?e] [?e "friend" ?y] [?y "name" "Ada"])', '(or [?e "aka" "x"] [?e "age" 3])', '[?e "part" ?p]', '[?e "name"]', '[?e "friend"]']
const AGGREGATES = ['[:find ?n (sum ?a) :with ?e :where [?e "name" ?n] [?e "age" ?a]]', '[:find (max ?a) . :where [_ "age" ?a]]', '[:find ?n (count ?f) (min ?a) :where [?e "name" ?n] [?e "friend" ?f] [?f "age" ?a] (not [?f "boss" ?e])]',
  '[:find [?n ...] :where [?e "name" ?n] (not-join [?e] [?x "boss" ?e])]', '[:find ?e (count ?b) :in $ % :where (reach ?e ?b) (not [?b "aka" "x"])]', '[:find (sum ?a) :in $ % [?e ...] :where (up ?e ?b) [?b "age" ?a]]',
  '[:find ?b (count-distinct ?n) :in $ % ?e :where (or-join [?e ?b] (reach ?e ?b) (and [?b "friend" ?e] (not-join [?b] [?b "age" ?q] [(< ?q 2)]))) [?b "name" ?n]]', '[:find ?n ?f :in $ [[?n ?a]] :where [?e "name" ?n] [?e "age" ?a] (not (not [?e "friend" ?f])) [?e "friend" ?f]]']
const RULES = '[[(up ?a ?b) [?a "boss" ?b]] [(up ?a ?b) [?a "boss" ?c] (up ?c ?b)] [(reach ?a ?b) [?a "friend" ?b]] [(reach ?a ?b) [?a "friend" ?c] (reach ?c ?b)]]'

/** The members of `:in`, as they are written, but `$` and `%`. */
const namesIn = (query: string): string[] => (/:in \$ (.*?) ?:where/.exec(query)?.[1] ?? '').match(/\[\[.*?\]\]|\[.*?\]|\?\w+/g) ?? []
function input(pick: Pick, name: string): unknown {
  const one = (v: string): unknown => v.startsWith('?n') ? any(pick, NAMES) : v.startsWith('?e') ? 1 + pick(ENTITIES) : pick(6)
  const variables = name.match(/\?\w+/g)!
  if (name.startsWith('[[')) return Array.from({ length: pick(4) }, () => variables.map(one))
  if (name.startsWith('[')) return Array.from({ length: pick(4) }, () => one(variables[0]))
  return one(name)
}

function asked(pick: Pick): Asked {
  const kind = pick(5)
  if (kind < 2) {
    // With tests within a recursion DataScript does not always end.
    let c = generated(pick(100_000))
    while (c.query.includes('(some ')) c = generated(pick(100_000))
    const names = namesIn(c.query)
    return { query: c.query, names, inputs: names.map((_, i) => c.inputs[i]), ...(c.rules === undefined ? {} : { rules: c.rules }) }
  }
  const query = kind === 2 ? any(pick, AGGREGATES) : `[:find ${any(pick, ['', '?e '])}(pull ?e ${any(pick, PULLS)}) :where ${any(pick, TEMPLATES)}]`
  const names = namesIn(query)
  return { query, names, inputs: names.map(n => input(pick, n)), ...(query.includes('%') ? { rules: RULES } : {}) }
}

function program(seed: number): Program {
  const pick = random(seed)
  const one = (depth: number): Op => {
    switch (pick(depth > 0 ? 12 : 16)) {
      case 0: case 1: { const a = asked(pick); return { op: 'open', asked: a, listens: pick(4) > 0, reacts: pick(8) === 0, throws: pick(8) === 0, durable: pick(3) === 0 } }
      case 2: case 3: case 4: { const r = random(pick(1 << 30)); return { op: 'set', at: pick(100), values: Array.from({ length: 1 + pick(2) }, () => Object.fromEntries(['?n0', '[?a0 ...]', '[?a1 ...]', '[[?n0 ?a1]]', '[[?n1 ?a2]]', '[[?n ?a]]', '[?e ...]', '?e'].map(n => [n, input(r, n)]))) } }
      case 5: return { op: 'drop', at: pick(100) }
      case 6: return { op: 'verify', at: pick(100) }
      // Within a listener only what comes to the same whenever it is done.
      case 7: case 8: case 9: case 10: case 11: return depth > 0 ? { op: 'tx', tx: [[':db/add', 1 + pick(ENTITIES), 'friend', 1 + pick(ENTITIES)]] } : { op: 'tx', tx: transaction(pick), ...(pick(8) === 0 ? { fails: true } : {}) }
      case 12: return pick(3) === 0 ? { op: 'restart' } : { op: 'tx', tx: transaction(pick) }
      default: return { op: 'inside', then: Array.from({ length: 1 + pick(3) }, () => one(depth + 1)) }
    }
  }
  return { seed, ops: Array.from({ length: 30 }, () => one(0)) }
}

class Mine extends Error {}

/** Lists of refs and values come in any order; the number of an entity has two names. */
const tree = (v: unknown): unknown => Array.isArray(v) ? v.map(tree).sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  : typeof v === 'object' && v !== null ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k === 'id' || k === ':db/id' ? 'id' : k, tree(x)] as const).sort(([a], [b]) => a < b ? -1 : 1)) : v
const text = (v: unknown, ordered: boolean): string => JSON.stringify(ordered ? v : tree(v))
const listed = (answer: unknown, query: string): string[] => {
  const pulls = query.includes('(pull')
  if (/:find \[/.test(query)) return (answer as unknown[]).map(v => text(v, true)).sort()
  if (/ \. :/.test(query)) return answer === null || answer === undefined ? [] : [text(answer, true)]
  return (answer as unknown[][]).map(r => text(r, !pulls)).sort()
}

interface Open { readonly view: DatalogView; readonly asked: Asked; inputs: unknown[]; readonly listens: boolean; readonly reacts: boolean; readonly durable: boolean; shown: string[]; known: string[] }

class World {
  readonly folder = new MemoryFolder()
  readonly theirs = datascript.create_conn(SCHEMA)
  data!: Datalog
  views: Open[] = []
  readonly errors: unknown[] = []
  faults: unknown[] = []
  compared = 0
  rows = 0
  #number = 0
  #isInside = false

  async begin(): Promise<void> {
    const db = await createDatabase({ schema: OURS, storage: memory(this.folder, { onWarning: () => {} }), onError: e => { this.errors.push(e) } })
    this.data = datalog(db, { strict: false, attributeText: name => name, open: true })
  }
  async shut(): Promise<void> {
    const { db } = this.data
    await db.flush()
    const { durability } = db
    db.close()
    await durability?.closed
  }

  answer(a: Asked, inputs: readonly unknown[]): unknown {
    // `%` stands before what else there is, or behind it.
    const behind = / % ?:where/.test(a.query)
    const given = a.rules === undefined ? inputs : behind ? [...inputs, a.rules] : [a.rules, ...inputs]
    return datascript.q(a.query, datascript.db(this.theirs), ...given)
  }
  tell(tx: readonly unknown[]): void { datascript.transact(this.theirs, tx as unknown[]) }
  /** What listeners that react write, until nothing comes. */
  react(): void {
    for (let again = true; again;) {
      again = false
      for (const o of this.views) {
        if (!o.reacts) continue
        const now = this.olds()
        const news = now.filter(e => !o.known.includes(e))
        o.known = now
        if (news.length === 0) continue
        again = true
        this.tell(news.map(e => [':db/add', Number(e), 'aka', 'old']))
      }
    }
  }
  olds(): string[] { return (datascript.q(OLD, datascript.db(this.theirs)) as number[][]).map(r => String(r[0])) }

  perform(op: Op): void {
    switch (op.op) {
      case 'tx': {
        if (op.fails === true) {
          const before = this.data.db.version
          expect(() => { this.data.transact([...op.tx, [':db/add', 1, 'age', 'many']] as never) }).toThrow()
          expect(this.data.db.version).toBe(before)
          return
        }
        let refused: unknown
        try { this.tell(op.tx) } catch (e) { refused = e }
        if (refused === undefined) this.data.transact(op.tx as never)
        else expect(() => { this.data.transact(op.tx as never) }, String(refused)).toThrow()
        this.react()
        return
      }
      case 'open': {
        const a: Asked = op.reacts ? { query: OLD, names: [], inputs: [] } : op.asked
        // What DataScript cannot say there is nothing to compare with; nor what we refuse.
        try { this.answer(a, a.inputs) } catch { return }
        let view: DatalogView
        try { view = this.data.view(`v${++this.#number}`, { query: a.query, ...(a.rules === undefined ? {} : { rules: a.rules }), in: Object.fromEntries(a.names.map((n, i) => [n, a.inputs[i]])), ...(op.durable ? { storage: 'durable' as const } : {}) }) } catch (e) {
          if (!/^DATALOG_(TYPE|INPUT)/.test((e as { code?: string }).code ?? '')) throw e
          return
        }
        const open: Open = { view, asked: a, inputs: [...a.inputs], listens: op.listens || op.reacts, reacts: op.reacts, durable: op.durable, shown: listed(view.get(), a.query), known: this.olds() }
        this.views.push(open)
        if (open.listens) this.listen(open)
        if (op.throws) view.listen(() => { throw new Mine('of a listener') })
        return
      }
      case 'set': {
        const o = this.views[op.at % Math.max(1, this.views.length)]
        if (o === undefined || o.asked.names.length === 0) return
        for (const values of op.values) {
          const i = op.at % o.asked.names.length, name = o.asked.names[i]
          const value = values[name] ?? o.inputs[i]
          o.inputs[i] = value
          o.view.setInput(name, value)
        }
        return
      }
      case 'drop': {
        if (this.views.length === 0) return
        const i = op.at % this.views.length, o = this.views[i]
        // Whether it has been told what is being told, nobody can say.
        if (this.#isInside && o.reacts) return
        this.views.splice(i, 1)
        o.view.drop({ forget: true })
        return
      }
      case 'verify': {
        const o = this.views[op.at % Math.max(1, this.views.length)]
        if (o !== undefined) expect(o.view.verify()).toEqual({ ok: true, missing: [], extra: [] })
        return
      }
      case 'inside': {
        const age = ((datascript.q('[:find ?a . :in $ ?e :where [?e "age" ?a]]', datascript.db(this.theirs), BELL) ?? 0) as number) % 5 + 1
        const bell = this.data.view(`bell${++this.#number}`, { query: '[:find ?a :in $ ?e :where [?e "age" ?a]]', in: { '?e': BELL } })
        bell.listen(() => {
          bell.drop()
          this.#isInside = true
          for (const then of op.then) try { this.perform(then) } catch (e) { if (!(e instanceof Mine) && !(e instanceof AggregateError)) this.faults.push(e) }
          this.#isInside = false
        })
        this.tell([[':db/add', BELL, 'age', age]])
        this.data.transact([[':db/add', BELL, 'age', age]])
        this.react()
        return
      }
      default: throw new Error(op.op)
    }
  }

  listen(o: Open): void {
    const pulls = o.asked.query.includes('(pull')
    // What `:find` makes one value or a list of is told as rows.
    const isValue = /:find \[| \. :/.test(o.asked.query)
    o.view.listen((came: any[], went: any[]) => {
      const [added, removed] = isValue ? [came.map(r => r[0]), went.map(r => r[0])] : [came, went]
      try {
        for (const r of removed) {
          const at = o.shown.indexOf(text(r, !pulls))
          expect(at, `${o.asked.query}: removed ${JSON.stringify(r)}, which was not there`).toBeGreaterThanOrEqual(0)
          o.shown.splice(at, 1)
        }
        for (const r of added) o.shown.push(text(r, !pulls))
        expect(added.length + removed.length).toBeGreaterThan(0)
      } catch (e) { this.faults.push(e) }
      if (o.reacts && added.length > 0) return added.map(([e]) => [':db/add', e, 'aka', 'old']) as never
    })
  }

  async step(op: Op): Promise<void> {
    if (op.op === 'restart') {
      await this.shut()
      await this.begin()
      const kept = this.views.filter(o => o.durable)
      const resumed = new Map(this.data.resume().map(v => [v.name, v]))
      expect([...resumed.keys()].sort()).toEqual(kept.map(o => o.view.name).sort())
      this.views = kept.map(o => ({ ...o, view: resumed.get(o.view.name)!, known: this.olds() }))
      for (const o of this.views) {
        o.shown = listed(o.view.get(), o.asked.query)
        if (o.listens) this.listen(o)
      }
    } else this.perform(op)
    if (this.faults.length > 0) throw this.faults[0]
    for (const e of this.errors.splice(0).flatMap(x => x instanceof AggregateError ? x.errors as unknown[] : [x])) if (!(e instanceof Mine)) throw e
    for (const o of this.views) {
      let expected: string[]
      try { expected = listed(this.answer(o.asked, o.inputs), o.asked.query) } catch { continue }
      this.compared++
      if (expected.length > 0) this.rows++
      const at = `${o.asked.query} ${JSON.stringify(o.inputs)}`
      expect(listed(o.view.get(), o.asked.query), at).toEqual(expected)
      if (o.listens) expect([...o.shown].sort(), `${at}, as told`).toEqual(expected)
    }
  }
}
const OLD = '[:find ?e :where [?e "age" ?a] [(> ?a 3)]]'

async function run({ ops }: Program): Promise<Outcome & { rows: number }> {
  const world = new World()
  await world.begin()
  let at = -1
  try {
    // New entities have the numbers behind this one.
    world.perform({ op: 'tx', tx: [[':db/add', BELL, 'age', 0], ...EMAILS.map((email, i) => ({ ':db/id': i + 1, email }))] })
    for (const op of ops) { at++; await world.step(op) }
    return { error: undefined, at, compared: world.compared, rows: world.rows }
  } catch (error) { return { error, at, compared: world.compared, rows: world.rows } } finally { await world.shut().catch(() => {}) }
}

it(`views at any moment say what DataScript does, ${RUNS} programs from ${FIRST}`, async () => {
  let rows = 0
  const compared = await runPrograms(FIRST, RUNS, {
    program,
    async run(p) {
      const outcome = await run(p)
      rows += outcome.rows
      return outcome
    },
  })
  expect(compared).toBeGreaterThan(RUNS * 20)
  expect(rows).toBeGreaterThan(compared / 3)
}, 180_000 + RUNS * 1000)
