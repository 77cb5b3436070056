// A page that lives for days: what random use of everything leaves behind, in the page and in the engine, is nothing.
//
// ENDURANCE_STEPS=4000 finds what little grows, ENDURANCE_ONLY=windows says whether it is that, ENDURANCE_SAY=1 what there is after each period;
// ENDURANCE_SEED and ENDURANCE_RUNS: others.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { type LiveQuery, count, createDatabase, div, eq, exists, gt, like, max, over, rowNumber, withParams } from '../../../pkg/index.inline.js'
import { datalog } from '../../../pkg/datalog/index.js'
import { memoryLog, reducer, reducers } from '../../../pkg/reduce/index.js'
import { MemoryFolder, memory as storage } from '../../../pkg/storage/index.js'
import { close, receiver, subscribe, sync, watch } from '../../../pkg/sync/index.js'
import { tenant, watches } from '../../../pkg/watch/index.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, comment, eventually, issue, put, random, schema, tick } from './support.js'

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void

const seeds = Number(process.env.ENDURANCE_SEED ?? 1), runs = Number(process.env.ENDURANCE_RUNS ?? 1), steps = Number(process.env.ENDURANCE_STEPS ?? 400), only = process.env.ENDURANCE_ONLY

type Random = (n: number) => number
const ISSUES = 300, COMMENTS = 500
const text = (r: Random): string => 'x'.repeat(r(500) === 0 ? r(100_000) : r(20) === 0 ? r(2000) : r(40))
const someIssue = (r: Random, id = `i${r(2 * ISSUES)}`) => issue(id, { title: text(r), status: ['open', 'done'][r(2)], priority: r(40), projectId: r(4) === 0 ? null : `p${r(20)}`, score: r(3) === 0 ? null : r(100) / 4, votes: r(3) === 0 ? null : BigInt(r(1e9)), due: r(3) === 0 ? null : new Date(r(1e9) * 1000), meta: r(3) === 0 ? { n: r(9), t: 'y'.repeat(r(50)) } : null, raw: r(5) === 0 ? new Uint8Array(r(100)) : null })
const someComment = (r: Random) => comment(r(2 * COMMENTS), `i${r(2 * ISSUES)}`, { body: text(r), at: r(1000) })
const some = (r: Random): any => [
  () => ({ op: 'upsert', table: 'issues', row: someIssue(r) }), () => ({ op: 'update', table: 'issues', id: `i${r(2 * ISSUES)}`, set: { title: text(r), priority: r(40) } }), () => ({ op: 'delete', table: 'issues', id: `i${r(2 * ISSUES)}` }),
  () => someComment(r), () => ({ op: 'delete', table: 'comments', id: r(2 * COMMENTS) }), () => ({ op: 'upsert', table: 'projects', row: { id: `p${r(30)}`, name: text(r).slice(0, 50) } }),
  () => ({ op: 'upsert', table: 'members', row: { projectId: `p${r(30)}`, userId: r(9), role: 'r' } }), () => ({ op: 'delete', table: 'members', id: [`p${r(30)}`, r(9)] }),
][r(8)]()
const batch = (r: Random): any[] => Array.from({ length: 1 + r(r(8) === 0 ? 100 : 5) }, () => some(r))

/** The rows that are there between the periods, all of them new: of rows that are there some are held that nothing shows, and have long texts. */
function base(db: Db): void {
  const r = random(7)
  db.apply(['issues', 'comments', 'projects'].map(table => ({ op: 'reset', table, rows: [] })) as never)
  db.apply([
    { op: 'reset', table: 'issues', rows: Array.from({ length: ISSUES }, (_, i) => ({ ...someIssue(r, `i${i}`), title: `Issue ${i}` })) },
    { op: 'reset', table: 'comments', rows: Array.from({ length: COMMENTS }, (_, i) => comment(i, `i${i % ISSUES}`).row) },
    { op: 'reset', table: 'projects', rows: Array.from({ length: 20 }, (_, i) => ({ id: `p${i}`, name: `P${i}` })) }, { op: 'reset', table: 'members', rows: [] },
  ])
}

const shapes: ((db: Db, r: Random) => any)[] = [
  (db, r) => db.query.issues.where('priority', '>', r(40)).orderBy('title').limit(1 + r(30)),
  (db, r) => db.query.issues.where('projectId', '=', `p${r(20)}`).with('comments').with('project').with('latest'),
  (db, r) => db.query.projects.with('issues', q => q.where('priority', '<', r(40)).orderBy('id').with('comments')).with('members'),
  (db, r) => db.query.issues.where('priority', '<', r(40)).groupBy('projectId').select(i => ({ p: i.projectId, n: count(), m: max(i.title) })),
  (db, r) => db.query.issues.innerJoin('comments', (i, c) => eq(i.id, c.issueId)).where(({ comments }) => gt(comments.at, r(1000))),
  (db, r) => db.query.comments.leftJoin('issues', (c, i) => eq(i.id, c.issueId)).where(({ comments }) => gt(comments.at, r(1000))).select(({ comments, issues }) => ({ id: comments.id, t: issues.title })),
  (db, r) => db.query.issues.where(i => exists(db.query.comments.where(c => eq(c.issueId, i.id)).where('at', '>', r(1000)))).select('id', 'title'),
  (db, r) => db.query.issues.select(i => ({ id: i.id, n: over(rowNumber(), { partitionBy: i.projectId, orderBy: i.title }) })).orderBy('n').limit(r(50)),
  (db, r) => db.query.issues.where(i => like(i.title, `${'x'.repeat(r(9))}%`)).select('status').distinct(),
  (db, r) => db.query.issues.where('priority', '>', r(40)).select('id').union(db.query.projects.select('id')),
  (db, r) => db.query.issues.withCount('comments').orderBy('commentsCount', 'desc').limit(r(9)),
  // Rows of which some have no value: the query is in error while one of these is there.
  (db, r) => db.query.issues.select(i => ({ id: i.id, n: div(r(9), i.priority) })),
]

/** What a page has all along, and what it holds for a while. */
class World {
  readonly kept: unknown[] = []
  readonly signal = new AbortController().signal
  readonly owner = {}
  readonly lives: LiveQuery<any>[]
  constructor(readonly db: Db, readonly far: Awaited<ReturnType<typeof createWorkerDatabase<typeof schema>>>) {
    const { query } = db
    this.lives = [
      db.live(query.issues.orderBy('id')), db.live(query.issues.orderBy('title').with('comments').with('project')), db.live(query.issues.orderBy('priority'), { window: [0, 20] }),
      db.live(query.comments.innerJoin('issues', (c, i) => eq(i.id, c.issueId))), db.live(query.issues.groupBy('status').select(i => ({ s: i.status, n: count() }))),
    ]
    this.lives.forEach((live, i) => live.subscribe(event => { if (i % 2 === 0) this.keep(event.diff); else if (i < 3) this.keep(event.rows) }))
    watches(db).watch('issues', 'changes', { by: { projectId: 'p1' } }, signal => { this.keep(signal.keys) })
    watches(db).assigns().many('many', 'issues', ['i1', 'i2', 'i3']).all('all', query.projects.with('members'))
    this.subscribe()
  }
  subscribe(): void { subscribe(this.db, 'comments', {}, news => { this.keep(news) }) }
  keep(what: unknown): void { if (this.kept.push(what) > 30) this.kept.shift() }
}

const caught = (fn: () => unknown): void => { try { fn() } catch { /* it is wrong */ } }
const stream = (parts: readonly string[], ends = true): ReadableStream<Uint8Array> =>
  new ReadableStream({ start(c) { for (const part of parts) c.enqueue(new TextEncoder().encode(part)); if (ends) c.close() } })
const counted = reducer('counted', { version: '1', tables: ['members'], partition: (e: any) => e.p, cursor: (e: any) => e.id, on: { Seen: (e: any, op: any) => { op.upsert('members', { projectId: `p${e.p}`, userId: e.id % 5, role: 's' }) } } } as never)

const uses: Record<string, (world: World, r: Random) => unknown> = {
  rows: ({ db }, r) => db.apply(batch(r)),
  wrong({ db }, r) {
    caught(() => db.apply([...batch(r), { op: 'insert', table: 'issues', row: { ...someIssue(r, 'i1'), title: 'no' } }, { op: 'update', table: 'issues', id: 'i2', set: { priority: 'x' } as never }]))
    caught(() => db.apply([...batch(r), put('new'), { op: 'insert', table: 'issues', row: issue('new', { title: 'other' }) }]))
    caught(() => db.applyJson(`[{"op":"upsert","table":"projects","row":{"id":"${text(r)}"}},{"op":`))
    caught(() => db.live(db.query.issues.where('priority', '=', 'x' as never)))
  },
  json: ({ db }, r) => db.applyJson(JSON.stringify([{ id: `p${r(30)}`, name: text(r).slice(0, 200) }]), { table: 'projects', source: 'json', cursor: db.version }),
  async streams({ db, signal }, r) {
    await db.applyJson(stream([`[{"id":"p${r(30)}",`, `"name":"${text(r)}"}]`]), { table: 'projects', signal, atomic: r(2) === 0 })
    const abort = new AbortController()
    const broken = db.applyJson(stream(['[{"id":"p1"'], false), { table: 'projects', signal: abort.signal }).catch(() => {})
    await tick()
    abort.abort()
    await broken
  },
  queries({ db, ...world }, r) {
    const live = db.live<any>(shapes[r(shapes.length)](db, r), r(4) === 0 ? { label: `l${r(1e6)}` } : undefined)
    if (r(2) === 0) live.subscribe(({ diff, rows }) => { world.kept[r(30)] = r(2) === 0 ? diff : rows })
    if (r(2) === 0) world.kept[r(30)] = live.getSnapshot()
    if (r(2) === 0) db.apply(batch(r))
    if (r(3) === 0) world.kept[r(30)] = live.rows[0]
    live.dispose()
    if (r(5) === 0) db.explain(shapes[r(shapes.length)](db, r))
  },
  windows({ db, lives }, r) {
    const live = r(2) === 0 ? lives[2] : db.live<any>(shapes[r(2)](db, r), { window: [r(50), r(100)] })
    for (let i = 0; i < 10; i++) live.window(r(250), r(50))
    if (live !== lives[2]) live.dispose()
  },
  parameters({ db }, r) {
    const live = db.live(withParams({ least: 'int', title: 'text', most: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)).where(i => like(i.title, p.title)).limit(p.most)), { params: { least: 3, title: '%', most: 99 } })
    const stop = live.subscribe(() => {})
    for (let i = 0; i < 10; i++) live.setParams({ least: r(40), title: `${'%x'[r(2)]}%`, most: r(200) })
    caught(() => { live.setParams({ least: 'x' as never }) })
    if (r(2) === 0) stop()
    live.dispose()
  },
  async sliced({ db }, r) {
    const live = db.live<any>(shapes[r(shapes.length)](db, r), { sliced: true })
    if (r(2) === 0) await tick()
    live.dispose()
  },
  tenants({ db, ...world }, r) {
    const id = `t${r(1e9)}`, t = r(2) === 0 ? db.tenant(id) : tenant(db, id)
    t.apply([{ op: 'upsert', table: 'notes', rows: [{ id: 1, text: text(r) }, { id: 2, text: '' }] }])
    const live = t.live(t.query.notes.orderBy('text'))
    world.kept[r(30)] = live.rows
    const labels = t.assigns().one('one', 'notes', 1).all('all', 'notes')
    const ends = r(2) === 0 ? t.watch('notes', 'changes', { once: true }, () => {}) : subscribe(db, 'notes', { tenant: id }, () => {})
    t.clear()
    live.dispose()
    labels.dispose()
    if ('cancel' in ends) ends.cancel()
    else ends.unsubscribe()
  },
  watches({ db, signal, owner }, r) {
    const scope = watches(db)
    const all = [scope.watch('issues', 'changes', { by: { projectId: `p${r(20)}` }, signal, owner }, () => {}), scope.watch(shapes[0](db, r), 'collection', { once: r(2) === 0, label: r(1e6) }, () => {}), scope.watchRow('issues', `i${r(600)}`, { label: 'row', owner }, () => {})]
    scope.apply(batch(r).slice(0, 3))
    for (const watch of all) watch.cancel()
  },
  assigns({ db, signal, owner, ...world }, r) {
    const assigns = watches(db).assigns({ signal, owner })
    const stop = assigns.onAssigns((changed, old) => { world.kept[r(30)] = r(2) === 0 ? old : changed })
    for (let i = 0; i < 5; i++) assigns.many('many', 'issues', Array.from({ length: r(5) }, () => `i${r(600)}`)).one('one', 'issues', `i${r(600)}`).all(`all${r(3)}`, shapes[r(3)](db, r))
    db.apply(batch(r).slice(0, 3))
    if (r(2) === 0) stop()
    assigns.dispose()
  },
  async subscriptions({ db, ...world }, r) {
    const live = db.live(db.query.projects.with('issues', q => q.with('comments')).limit(5))
    let value: unknown = [...live.rows]
    live.dispose()
    const subscription = subscribe(db, value as never, { of: 'projects', assocs: true, inserted: true }, news => { world.kept[r(30)] = value = sync(db, value as never, news) })
    const end = watch(db, [{ table: 'issues', event: 'updated', label: `l${r(1e6)}` }])
    const feed = receiver(db, { onError() {}, fetchRow: async (_, id) => { if (r(3) === 0) throw new Error('no'); return someIssue(r, id as string) } })
    feed.receive([['issues', r(3) === 0 ? 'deleted' : 'updated'], { id: `i${r(600)}` }])
    if (r(2) === 0) await feed.idle
    db.apply(batch(r).slice(0, 5))
    feed.close()
    subscription.unsubscribe()
    end()
  },
  facts({ db, ...world }, r) {
    const data = datalog(db)
    // A row that was touched and could not be fetched is an error of it.
    caught(() => { world.kept[r(30)] = data.q('[:find ?i ?t :in $ ?p :where [?i :issues/projectId ?p] [?i :issues/title ?t]]', `p${r(20)}`) })
    const view = data.view(`v${r(1e6)}`, { query: '[:find (count ?i) . :in ?p :where [?i :issues/projectId ?p]]', in: { '?p': `p${r(20)}` } })
    view.listen(() => {})
    view.setInput('?p', `p${r(20)}`)
    db.apply(batch(r).slice(0, 2))
    view.drop({ forget: true })
  },
  async connections({ db }, r) {
    const connection = db.connect({ name: `s${r(5)}`, stale: 'ignore', async sync(s) {
      if (r(3) === 0) throw new Error('no')
      if (r(3) === 0) await s.load(stream([`[{"id":"p${r(30)}","name":"n"}]`]), { table: 'projects', signal: new AbortController().signal })
      s.begin()
      s.write(some(r))
      s.commit({ cursor: r(1e6) })
      s.markReady()
      return () => {}
    } })
    await connection.ready.catch(() => {})
    connection.close()
  },
  async touches({ db }, r) {
    db.apply(Array.from({ length: 3 }, () => ({ op: 'touch', table: 'issues', id: `i${r(600)}` })))
    await tick()
  },
  async databases(world, r) {
    const db = await createDatabase({ schema, graceMs: r(2) * 1000, ...(r(2) === 0 ? { storage: storage(new MemoryFolder()) } : {}) })
    db.apply([put('a', { title: text(r) }), comment(1, 'a')])
    const live = db.live<any>(shapes[r(shapes.length)](db, r))
    live.subscribe(({ diff }) => { world.kept[r(30)] = diff })
    world.kept[r(30)] = live.rows
    watches(db).watch('issues', 'changes', { owner: world.owner, signal: world.signal }, () => {})
    db.apply([put('a', { title: 'new' })])
    db.close()
    await db.durability?.closed
  },
  async logs({ db }, r) {
    const log = memoryLog((e: any) => e.id)
    const running = await reducers(db).start(counted, { source: log })
    log.append({ id: r(100), p: String(r(5)), type: 'Seen' } as never)
    await running.awaitCatchup()
    await running.stop()
  },
  async worker({ far, ...world }, r) {
    const live = far.live<any>(shapes[r(4)](far as never, r), { window: [0, r(40)] })
    live.subscribe(({ diff }) => { world.kept[r(30)] = diff })
    await far.apply(batch(r).slice(0, 5))
    live.window(r(50), r(40))
    await far.apply([{ op: 'insert', table: 'projects', row: {} } as never]).catch(() => {})
    world.kept[r(30)] = live.rows
    live.dispose()
  },
}
const kinds = Object.keys(uses).filter(kind => only === undefined || kind === only)

/** What is used, when nothing is under way: bytes of the page's heap and of the engine. */
async function used(world: World, views: number): Promise<{ heap: number; engine: number; wasm: number }> {
  const { db, far, kept } = world
  // Indexes of `sync` are there until then.
  close(db)
  world.subscribe()
  base(db)
  base({ apply: (changes: never) => { void far.apply(changes) } } as never)
  // What is free for a while longer than a query is freed by versions.
  for (let n = 0; n < 600; n++) db.apply([put('i0', { title: `${n % 2}` })])
  base(db)
  await eventually(async () => db.stats().views === views && (await far.stats()).views === 0)
  kept.length = 0
  for (let i = 0; i < 8; i++) { collect(); await tick(10) }
  const { views: there, tables, queries, allocatedBytes, wasmBytes } = db.stats()
  expect({ there, queries: queries.length, tables: Object.fromEntries(tables.map(t => [t.name, t.rows])) }).toEqual({ there: views, queries: views, tables: { issues: ISSUES, comments: COMMENTS, projects: 20, members: 0, notes: 0 } })
  return { heap: process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers, engine: allocatedBytes, wasm: wasmBytes }
}

for (let seed = seeds; seed < seeds + runs; seed++) {
  it(`what was used is given back (seed ${seed})`, async () => {
    const r = random(seed)
    const db = await createDatabase({ schema, graceMs: 0, onError() {}, fetchRow: async (_, id) => { if (r(4) === 0) throw new Error('no'); return r(4) === 0 ? null : someIssue(r, id) } })
    const far = await createWorkerDatabase({ schema, worker: 'inline', graceMs: 0, onError() {} })
    // Where there are rows already, it would have made none of them.
    await (await reducers(db).start(counted, { source: memoryLog((e: any) => e.id) })).stop()
    base(db)
    const world = new World(db, far)
    const views = db.stats().views
    const period = async (): Promise<Awaited<ReturnType<typeof used>>> => {
      for (let step = 0; step < steps; step++) {
        await uses[kinds[r(kinds.length)]](world, r)
        if (step % 20 === 0) await tick()
      }
      return used(world, views)
    }
    // Code is compiled, and tables of the engine grow to what the most at a time take.
    await period()
    const all = [await period(), await period(), await period(), await period()]
    if (process.env.ENDURANCE_SAY !== undefined) console.log(JSON.stringify(all))
    const grown = (of: 'heap' | 'engine' | 'wasm'): number => Math.min(...all.slice(1).map((now, i) => now[of] - all[i][of]))
    // In each period, so in each step: a collector and a compiler have their ups and downs, some hundred rows wait for diffs that were not read, and texts of 100 kB find their places.
    expect(grown('heap')).toBeLessThan((512 << 10) + 20 * steps)
    expect(grown('engine')).toBeLessThan((32 << 10) + 2 * steps)
    expect(all[3].wasm / all[0].wasm).toBeLessThan(1.5)
    db.close()
    far.close()
  }, 60_000 + 200 * steps)
}
