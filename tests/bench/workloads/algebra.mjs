// One change of a row under each operator of the relational algebra, beside the same query by hand.
import { folds, Groups } from '../baseline/groups.mjs'
import { functions, Latest, Windowed } from '../baseline/parts.mjs'
import { SortedList } from '../baseline/sorted-list.mjs'
import { perUnit, sample } from '../measure.mjs'
import { byUpdated, epoch, issue, issueId, random, span, statuses } from './issues.mjs'

/** A group is as large however many rows there are. */
const PROJECT = 1000
const projectOf = (index, rows) => `p${index % Math.ceil(rows / PROJECT)}`
export const teamOf = (project) => `t${project.slice(1) % 100}`

export function rowsOf(from, to, rows) {
  return Array.from({ length: to - from }, (_, i) => ({ ...issue(from + i), projectId: projectOf(from + i, rows) }))
}

export function schemaOf({ defineSchema, table, string, int, number, boolean, hasMany, belongsTo }) {
  return defineSchema({
    projects: table({ id: string().key(), team: string() }),
    issues: table({
      id: string().key(), projectId: string(), title: string(), status: string(), priority: string(), kind: string(),
      number: int(), updatedAt: int(), estimate: number(), flagged: boolean().nullable(),
    }),
  }, { projects: { issues: hasMany('issues', 'projectId') }, issues: { project: belongsTo('projects', 'projectId') } })
}

/** Aggregates in the engine's words, by the names of the hand-written ones. */
function aggregates(e) {
  const ordered = (i) => ({ orderBy: i.updatedAt })
  return {
    count: (i) => e.count({ where: e.ne(i.status, 'canceled') }), 'count distinct': (i) => e.count(e.mod(i.updatedAt, 1000), { distinct: true }),
    sum: (i) => e.sum(i.estimate), avg: (i) => e.avg(i.estimate), min: (i) => e.min(i.updatedAt), max: (i) => e.max(i.updatedAt),
    'bool or': (i) => e.boolOr(e.gt(i.estimate, 99.9)), stddev: (i) => e.stddev(i.estimate), median: (i) => e.median(i.updatedAt), mode: (i) => e.mode(i.status),
    first: (i) => e.first(i.title, ordered(i)), 'string agg': (i) => e.stringAgg(i.status, ',', ordered(i)), 'array agg': (i) => e.arrayAgg(i.status, ordered(i)),
  }
}

function windows(e) {
  const within = (i, more) => ({ partitionBy: i.projectId, orderBy: [i.updatedAt, i.id], ...more })
  return {
    'row number': (i) => e.over(e.rowNumber(), within(i)), lag: (i) => e.over(e.lag(i.number), within(i)),
    'moving avg of 7': (i) => e.over(e.avg(i.number), within(i, { frame: { unit: 'rows', start: { preceding: 6 } } })),
  }
}

/** Every scenario: the query, its rival, and the rows of both as something that can be compared. */
export function scenarios(e) {
  const all = {}
  for (const [name, aggregate] of Object.entries(aggregates(e))) {
    all[name] = {
      query: (q) => q.issues.groupBy('projectId').select((i) => ({ projectId: i.projectId, value: aggregate(i) })).orderBy('projectId'),
      byHand: (listener) => new Groups(folds[name], listener), ours: (rows) => rows, theirs: (query) => query.result,
    }
  }
  const inTeam = (row) => teamOf(row.projectId) === 't0'
  const list = { byHand: (listener) => new SortedList(inTeam, listener), ours: (rows) => rows.map((row) => row.id), theirs: (query) => query.list.map((row) => row.id) }
  all.join = {
    ...list,
    query: (q) => q.issues.innerJoin('projects', (i, p) => e.eq(i.projectId, p.id)).where((r) => e.eq(r.projects.team, 't0'))
      .select((r) => ({ id: r.issues.id, team: r.projects.team, status: r.issues.status, updatedAt: r.issues.updatedAt, estimate: r.issues.estimate })).orderBy('updatedAt', 'desc'),
  }
  all.exists = { ...list, query: (q) => q.issues.where((i) => e.exists(q.projects.where((p) => e.and(e.eq(p.id, i.projectId), e.eq(p.team, 't0'))))).orderBy('updatedAt', 'desc') }
  all['nested: latest 3 of each'] = {
    query: (q) => q.projects.with('issues', (i) => i.orderBy('updatedAt', 'desc').limit(3)),
    byHand: (listener) => new Latest(listener, 3), ours: (rows) => rows.map((row) => row.issues.map((i) => i.id)), theirs: (query) => query.result,
  }
  all['top 3 of each, flat'] = {
    query: (q) => q.issues.limitBy('projectId', 3).orderBy('updatedAt', 'desc'),
    byHand: (listener) => new Latest(listener, 3), ours: (rows) => rows.map((row) => row.id).sort(), theirs: (query) => query.result.flat().sort(),
  }
  for (const [name, fn] of Object.entries(windows(e))) {
    all[name] = {
      query: (q) => q.issues.select((i) => ({ id: i.id, value: fn(i) })), byHand: (listener) => new Windowed(functions[name], listener),
      ours: (rows) => rows.map(({ id, value }) => ({ id, value })), theirs: (query) => query.result,
    }
  }
  return all
}

/** Changes of a random row: its time, its estimate and its status. */
export function changesOf(rows, seed) {
  const next = random(seed)
  return (count) => Array.from({ length: count }, () => ({
    op: 'update', table: 'issues', id: issueId(Math.floor(next() * rows)),
    set: { updatedAt: epoch + Math.floor(next() * span), estimate: Math.floor(next() * 10_000) / 100, status: statuses[Math.floor(next() * statuses.length)] },
  }))
}

async function database(host, rows, query) {
  const e = await host.eddyline()
  const db = await e.createDatabase({ schema: schemaOf(e), graceMs: 0 })
  const load = () => {
    db.apply(Array.from({ length: Math.ceil(rows / PROJECT) }, (_, i) => ({ op: 'insert', table: 'projects', row: { id: `p${i}`, team: teamOf(`p${i}`) } })))
    for (let at = 0; at < rows; at += 50_000) {
      const some = rowsOf(at, Math.min(at + 50_000, rows), rows)
      db.applyJson(JSON.stringify(some), { table: 'issues' })
      query?.load(some)
    }
    query?.ready(byUpdated)
  }
  return { e, db, load, run(changes) { for (let i = 0; i < changes.length; i++) db.apply([changes[i]]) } }
}

function watch(db, scenario) {
  const live = db.live(scenario.query(db.query))
  let diff
  live.subscribe((event) => { diff = event.diff; return diff })
  return live
}

/** Fails unless both say the same; floats that the rival adds up may be off by what they drift. */
function mustAgree(name, ours, theirs) {
  if (ours.length !== theirs.length) throw new Error(`${name}: ${ours.length} rows beside ${theirs.length} by hand`)
  const close = (a, b) => a === b || (typeof a === 'number' && Math.abs(a - b) <= 1e-7 * Math.abs(b))
  ours.forEach((row, i) => {
    const [a, b] = [row?.value ?? row, theirs[i]?.value ?? theirs[i]]
    if (!close(a, b) && JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${name}: row ${i} is ${JSON.stringify(row)}, ${JSON.stringify(theirs[i])} by hand`)
  })
}

/** Names of the scenarios. */
export const names = [...Object.keys(folds), 'join', 'exists', 'nested: latest 3 of each', 'top 3 of each, flat', ...Object.keys(functions)]

/** Ours and the hand-written query, in turns. */
export async function algebra(host, { scenario: name, rows, count, rounds }) {
  const scenario = scenarios(await host.eddyline())[name]
  let held
  const query = scenario.byHand((event) => { held = event.diff; return held })
  const one = await database(host, rows, query)
  const live = watch(one.db, scenario)
  one.load()
  const runTheirs = (changes) => { for (let i = 0; i < changes.length; i++) query.apply(changes[i]) }
  const agree = () => mustAgree(name, scenario.ours([...live.rows]), scenario.theirs(query))
  const take = changesOf(rows, 5)
  const checked = take(500)
  one.run(checked)
  runTheirs(checked)
  agree()
  let changes
  let left = 0
  const prepare = () => {
    if (left === 0) [changes, left] = [take(count), 2]
    left--
  }
  const samples = await sample(host, { ours: { prepare, run: () => one.run(changes) }, byHand: { prepare, run: () => runTheirs(changes) } }, rounds, 1)
  agree()
  one.db.close()
  return { samples: perUnit(samples, count, 1000) }
}

/** Rows looked at per change at several sizes, of every scenario. */
export async function algebraScale(host, { sizes }) {
  const work = {}
  for (const rows of sizes) {
    const one = await database(host, rows)
    one.load()
    const take = changesOf(rows, 5)
    for (const [name, scenario] of Object.entries(scenarios(one.e))) {
      const live = watch(one.db, scenario)
      one.run(take(20))
      const before = one.db.stats().rowsExamined
      one.run(take(300))
      work[name] = { ...work[name], [rows]: (one.db.stats().rowsExamined - before) / 300 }
      live.dispose()
      // What it showed is kept first: until then it is worked for.
      while (one.db.stats().views > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    one.db.close()
  }
  return { work }
}
