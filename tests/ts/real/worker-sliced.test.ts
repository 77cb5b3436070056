// Queries of a database in a worker that come in slices: rows as they come, changes meanwhile, progress, an end.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it } from 'vitest'
import { type LiveQuery, type Patch, applyPatches, count, div, eq } from '../../../pkg/index.inline.js'
import { type WorkerDatabase, type WorkerInput, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { BrowserWorker } from './browser-worker.js'
import { type TestSchema, eventually, issue, open, put, random, schema, tick } from './support.js'

const opened: { close(): void }[] = []
afterEach(() => { for (const db of opened.splice(0)) db.close() })
async function filled(n: number, worker?: WorkerInput, errors: unknown[] = []): Promise<WorkerDatabase<TestSchema>> {
  const db = await createWorkerDatabase({ schema, graceMs: 0, onError: e => { errors.push(e) }, ...worker === undefined ? {} : { worker } })
  opened.push(db)
  await db.apply([
    { op: 'upsert', table: 'projects', rows: ['p', 'q'].map(id => ({ id, name: id })) },
    { op: 'upsert', table: 'issues', rows: Array.from({ length: n }, (_, i) => issue(`i${i}`, { priority: i * 7919 % n, projectId: i % 2 === 0 ? 'p' : 'q' })) },
  ])
  return db
}
const done = async (live: LiveQuery<any>): Promise<void> => { while (live.status === 'loading') await tick(1) }

it.each(['inline', undefined] as const)('shows what there is, says loading, then ready (worker: %s)', async worker => {
  const db = await filled(20_000, worker)
  const seen: { processed: number; total: number }[] = []
  const live = db.live(db.query.issues.orderBy('priority'), { sliced: { onProgress: p => seen.push(p) } })
  let mirror: readonly unknown[] = []
  const lengths: number[] = []
  const statuses: string[] = []
  live.subscribe(({ diff, rows }) => {
    mirror = applyPatches(mirror as never, diff as readonly Patch[] as never)
    lengths.push(rows.length)
    if (statuses.at(-1) !== live.status) statuses.push(live.status)
  })
  await done(live)
  expect([live.status, live.rows.length, statuses]).toEqual(['ready', 20_000, ['loading', 'ready']])
  expect(live.rows.map(r => r.priority)).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
  expect(mirror).toEqual([...live.rows])
  // Rows were there before all of them were.
  expect(lengths.filter(n => n > 0 && n < 20_000).length).toBeGreaterThan(0)
  expect([seen.length > 2, seen.at(-1)]).toEqual([true, { processed: 20_000, total: 20_000 }])
  // Who asks for the same has it.
  expect(db.live(db.query.issues.orderBy('priority'), { sliced: true }).status).toBe('ready')
})

it('other requests have their turn between the slices', async () => {
  const worker = new BrowserWorker()
  const db = await filled(30_000, worker as never)
  // The worker waits between two slices for what the page acknowledges: it is in the middle of them when it is asked, whoever is the quicker.
  const post = worker.postMessage.bind(worker), held: unknown[] = []
  worker.postMessage = (message, transfer) => { if (message.t === 'ack') held.push(message); else post(message, transfer) }
  const live = db.live(db.query.issues.orderBy('priority'), { sliced: true })
  await eventually(() => live.rows.length > 0)
  const applied = db.apply([put('new', { priority: -1 }) as never])
  const small = db.live(db.query.projects)
  const meanwhile: unknown[] = []
  small.subscribe(() => { meanwhile.push(small.status, live.status) })
  worker.postMessage = post
  for (const ack of held) post(ack, [])
  await applied
  await done(small)
  await done(live)
  expect([meanwhile, live.rows.length, live.rows[0].id]).toEqual([['ready', 'loading'], 30_001, 'new'])
})

it('follows changes meanwhile: rows that come, go and move are neither lost nor doubled', async () => {
  const db = await filled(4000, 'inline')
  const queries = [
    db.query.issues.where('priority', '<', 2000).orderBy('priority').orderBy('id').limit(50),
    db.query.issues.groupBy('projectId').select(i => ({ projectId: i.projectId, n: count() })).orderBy('projectId'),
    db.query.projects.with('issues', i => i.orderBy('priority').orderBy('id').limit(3)).orderBy('id'),
    db.query.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy(r => r.issues.id).limit(20),
  ]
  const lives = queries.map(q => db.live(q as never, { sliced: true }) as LiveQuery<any>)
  const next = random(7)
  for (let i = 0; i < 300 && lives.some(l => l.status === 'loading'); i++) {
    const id = `i${next(4200)}`
    await db.apply(next(3) === 0 ? [{ op: 'delete', table: 'issues', id }] : [put(id, { priority: next(5000), projectId: next(2) === 0 ? 'p' : 'q' }) as never])
  }
  for (const live of lives) await done(live)
  const all = db.live(db.query.issues)
  await done(all)
  const { db: fresh } = await open()
  fresh.apply([{ op: 'upsert', table: 'projects', rows: ['p', 'q'].map(id => ({ id, name: id })) }, { op: 'upsert', table: 'issues', rows: [...all.rows] as never }])
  for (const [i, live] of lives.entries()) expect(live.rows, `query ${i}`).toEqual(fresh.live(queries[i] as never).rows)
})

it('who asks without slices has all rows soon; a failing callback is told; a failing row shows at the end', async () => {
  const errors: unknown[] = []
  const db = await filled(5000, 'inline', errors)
  const q = db.query.issues.orderBy('priority')
  const slow = db.live(q, { sliced: { onProgress() { throw new Error('mine') } } })
  const plain = db.live(q)
  await done(plain)
  expect([slow.status, slow.rows.length, plain.rows.length]).toEqual(['ready', 5000, 5000])
  expect((errors[0] as Error | undefined)?.message).toBe('mine')
  const broken = db.live(db.query.issues.select(i => ({ id: i.id, n: div(12, i.priority) })).orderBy('id'), { sliced: true })
  const statuses: string[] = []
  broken.subscribe(() => { if (statuses.at(-1) !== broken.status) statuses.push(broken.status) })
  await done(broken)
  expect([broken.status, broken.error?.code, statuses.at(-1)]).toEqual(['error', 'DIVISION_BY_ZERO', 'error'])
  const bad = plain.rows[0].id
  await db.apply([{ op: 'delete', table: 'issues', id: bad }])
  expect([broken.status, broken.rows.length]).toEqual(['ready', 4999])
})

it('ends when it is disposed of or the database closes', async () => {
  const db = await filled(20_000)
  const nodes = (await db.stats()).nodes
  const live = db.live(db.query.issues.orderBy('priority'), { sliced: true })
  await new Promise<void>(resolve => { live.subscribe(({ rows }) => { if (rows.length > 100) { live.dispose(); resolve() } }) })
  while ((await db.stats()).views > 0) await tick(5)
  expect([live.status, (await db.stats()).nodes]).toEqual(['closed', nodes])
  const other = db.live(db.query.issues.orderBy('title'), { sliced: true })
  await new Promise<void>(resolve => { other.subscribe(() => { db.close(); resolve() }) })
  expect(other.status).toBe('closed')
})

it('queries that go before all their rows are there leave nothing on the page', async () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const db = await filled(20_000)
  const refs: WeakRef<object>[] = []
  for (let i = 0; i < 20; i++) {
    const live = db.live(db.query.issues.where('priority', '>', i).orderBy('title'), { sliced: true })
    refs.push(new WeakRef((live as unknown as { shared: object }).shared))
    live.dispose()
    await tick(2)
  }
  await db.stats()
  await eventually(() => { collect(); return refs.filter(r => r.deref() !== undefined).length < 3 })
  expect(refs.filter(r => r.deref() !== undefined).length).toBeLessThan(3)
})

it('queries that come and go leave nothing on the page', async () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const db = await filled(50, 'inline')
  const refs: WeakRef<object>[] = []
  for (let i = 0; i < 20; i++) {
    const live = db.live(db.query.issues.where('priority', '>', i), i % 2 === 0 ? { sliced: true } : {})
    await done(live)
    refs.push(new WeakRef((live as unknown as { shared: object }).shared))
    live.dispose()
    await tick(2)
  }
  await eventually(() => { collect(); return refs.filter(r => r.deref() !== undefined).length < 3 })
  expect(refs.filter(r => r.deref() !== undefined).length).toBeLessThan(3)
})
