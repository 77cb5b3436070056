// Queries that come in slices: rows as they come, changes meanwhile, status, progress, an end.
import { expect, it, vi } from 'vitest'
import { type LiveQuery, type Patch, applyPatches, count, div, eq } from '../../../pkg/index.inline.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, eventually, failure, issue, open, put, random, schema, tick } from './support.js'

const done = (live: LiveQuery<any>): Promise<void> => new Promise(resolve => {
  const stop = live.subscribe(() => { if (live.status !== 'loading') { stop(); resolve() } })
})
const filled = async (n: number) => {
  const { db, errors } = await open()
  db.apply([
    { op: 'upsert', table: 'projects', rows: ['p', 'q'].map(id => ({ id, name: id })) },
    { op: 'upsert', table: 'issues', rows: Array.from({ length: n }, (_, i) => issue(`i${i}`, { priority: i * 7919 % n, projectId: i % 2 === 0 ? 'p' : 'q' })) },
  ])
  return { db, errors }
}

it('shows what there is, says loading, then ready; its patches lead from nothing to all', async () => {
  const { db } = await filled(5000)
  const seen: { processed: number; total: number }[] = []
  const live = db.live(db.query.issues.orderBy('priority'), { sliced: { onProgress: p => seen.push(p) } })
  expect([live.status, live.rows.length]).toEqual(['loading', 0])
  let mirror: readonly unknown[] = []
  const statuses = new Set<string>()
  live.subscribe(({ diff }) => { mirror = applyPatches(mirror as never, diff as readonly Patch[] as never); statuses.add(live.status); expect(mirror).toEqual(live.rows) })
  await done(live)
  expect([live.status, live.rows.length, live.getSnapshot().status, mirror.length, ...statuses]).toEqual(['ready', 5000, 'ready', 5000, 'loading', 'ready'])
  expect(live.rows.map(r => r.priority)).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  expect(seen.length).toBeGreaterThan(2)
  expect(seen.at(-1)).toEqual({ processed: 5000, total: 5000 })
  // Whoever asks for the same has it at once.
  expect(db.live(db.query.issues.orderBy('priority'), { sliced: true }).status).toBe('ready')
})

it('who asks without slices has all rows at once, and so has everybody else', async () => {
  const { db } = await filled(3000)
  const q = db.query.issues.orderBy('priority')
  const slow = db.live(q, { sliced: true })
  const events: string[] = []
  slow.subscribe(({ rows }) => { events.push(`${slow.status} ${rows.length}`) })
  const plain = db.live(q)
  expect([plain.status, plain.rows.length, slow.status, slow.rows.length]).toEqual(['ready', 3000, 'ready', 3000])
  await eventually(() => events.at(-1) === 'ready 3000')
  await tick(5)
  expect(events.at(-1)).toBe('ready 3000')
  expect(events.filter(e => e.startsWith('ready')).length).toBe(1)
  // Within a listener of it, too.
  const other = db.query.issues.orderBy('title')
  const loading = db.live(other, { sliced: true })
  const seen = new Promise<number>(resolve => { const stop = loading.subscribe(() => { stop(); resolve(db.live(other).rows.length) }) })
  expect(await seen).toBe(3000)
})

it('goes on when a callback throws; says what `sliced` may be', async () => {
  const { db, errors } = await filled(3000)
  const live = db.live(db.query.issues.orderBy('priority'), { sliced: { onProgress() { throw new Error('mine') } } })
  await done(live)
  expect([live.status, live.rows.length, (errors[0] as Error).message]).toEqual(['ready', 3000, 'mine'])
  for (const sliced of ['no', 5, [1], { onProgres() {} }, { onProgress: 3 }]) {
    expect(failure(() => db.live(db.query.issues.orderBy('title'), { sliced } as never)).code, JSON.stringify(sliced)).toBe('INVALID_ARGUMENT')
  }
  expect(failure(() => db.live(db.query.issues, { sliced: { onProgres() {} } } as never))).toMatchObject({ path: 'sliced.onProgres', nearest: 'onProgress' })
  expect(db.live(db.query.issues.orderBy('title'), { sliced: null } as never).status).toBe('ready')
})

it('follows changes meanwhile: rows that come, go and move are neither lost nor doubled', async () => {
  const { db } = await filled(4000)
  const queries = [
    db.query.issues.where('priority', '<', 2000).orderBy('priority').limit(50),
    db.query.issues.groupBy('projectId').select(i => ({ projectId: i.projectId, n: count() })).orderBy('projectId'),
    db.query.projects.with('issues', i => i.orderBy('priority').limit(3)).orderBy('id'),
    db.query.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy(r => r.issues.id).limit(20),
  ]
  const lives = queries.map(q => db.live(q as never, { sliced: true }) as LiveQuery<any>)
  const ends = Promise.all(lives.map(done))
  const next = random(5)
  let going = true
  void ends.then(() => { going = false })
  for (let i = 0; going && i < 2000; i++) {
    const id = `i${next(4200)}`
    db.apply(next(3) === 0 ? [{ op: 'delete', table: 'issues', id }] : [put(id, { priority: next(5000), projectId: next(2) === 0 ? 'p' : 'q' })])
    if (i % 10 === 0) await tick()
  }
  await ends
  for (const [i, live] of lives.entries()) {
    // The same query as another text, which shares no rows with it.
    const { db: fresh } = await open()
    fresh.apply([
      { op: 'upsert', table: 'projects', rows: db.live(db.query.projects).rows as never },
      { op: 'upsert', table: 'issues', rows: db.live(db.query.issues).rows as never },
    ])
    expect(live.rows, `query ${i}`).toEqual(fresh.live(queries[i] as never).rows)
  }
})

it('ends when it is disposed of or the database closes, and leaves nothing', async () => {
  const { db, errors } = await open({ graceMs: 0 })
  db.apply(Array.from({ length: 3000 }, (_, i) => put(`i${i}`, { priority: i })))
  const nodes = db.stats().nodes
  const live = db.live(db.query.issues.orderBy('priority'), { sliced: true })
  await new Promise<void>(resolve => { live.subscribe(() => { if (live.rows.length > 100) { live.dispose(); resolve() } }) })
  await eventually(() => db.stats().views === 0)
  expect([live.status, db.stats().nodes, db.stats().views]).toEqual(['closed', nodes, 0])
  const other = db.live(db.query.issues.orderBy('title'), { sliced: true })
  other.subscribe(() => { db.close() })
  await eventually(() => other.status === 'closed')
  expect([other.status, errors]).toEqual(['closed', []])
})

it('tells an error that a row causes, and goes on', async () => {
  const { db } = await filled(2000)
  db.apply([put('bad', { priority: 0 }), { op: 'delete', table: 'issues', id: 'i0' }])
  const live = db.live(db.query.issues.select(i => ({ id: i.id, n: div(12, i.priority) })).orderBy('id'), { sliced: true })
  await done(live)
  expect([live.status, live.error?.code]).toEqual(['error', 'DIVISION_BY_ZERO'])
  db.apply([put('bad', { priority: 3 })])
  expect([live.status, live.rows.length]).toEqual(['ready', 2000])
})

it('says of a touched row that could not be fetched meanwhile when all rows are there, and not of one that has come', async () => {
  const { db, errors } = await filled(3000)
  const far = await createWorkerDatabase({ schema, worker: 'inline', onError: e => { errors.push(e) } })
  await far.apply([{ op: 'upsert', table: 'issues', rows: Array.from({ length: 3000 }, (_, i) => issue(`i${i}`)) }])
  for (const of of [db, far] as Db[]) {
    errors.length = 0
    const live = of.live(of.query.issues.orderBy('title'), { sliced: true })
    // Within a slice: the rest is still to come.
    await new Promise<void>(resolve => { const stop = live.subscribe(() => { stop(); resolve() }) })
    expect([live.status, live.rows.length < 3000]).toEqual(['loading', true])
    await of.apply([{ op: 'touch', table: 'issues', id: 'i7' }, { op: 'touch', table: 'issues', id: 'i8' }])
    await of.apply([put('i8')])
    await done(live)
    await eventually(() => errors.length > 0)
    expect([live.status, live.error?.code, live.rows.length]).toEqual(['error', 'FETCH_FAILED', 3000])
    // One that is opened then has no error before it has its rows.
    const later = of.live(of.query.issues.where('status', '=', 'open').orderBy('title'), { sliced: true })
    expect([later.status, later.error, later.getSnapshot().error]).toEqual(['loading', undefined, undefined])
    await done(later)
    expect([later.status, later.error?.code]).toEqual(['error', 'FETCH_FAILED'])
    await of.apply([put('i7')])
    await eventually(() => live.status === 'ready' && later.status === 'ready')
    expect([live.status, later.status]).toEqual(['ready', 'ready'])
    of.close()
  }
})

it('begins small again with each table: its rows may cost many times as much', async () => {
  const { db } = await filled(20_000)
  db.apply([{ op: 'upsert', table: 'comments', rows: Array.from({ length: 20_000 }, (_, i) => ({ id: i, issueId: `i${i}`, body: 'b', at: i })) }])
  const port = (db as any).inside.port as { call: (method: string, ...args: any[]) => any }
  const { call } = port
  const steps: [places: number, ranOut: boolean][] = []
  port.call = (method, ...args) => {
    if (method !== 'admit') return call.call(port, method, ...args)
    const left = call.call(port, 'pending', args[0])
    const report = call.call(port, method, ...args)
    // A table had less left than was asked for.
    steps.push([args[1], left - call.call(port, 'pending', args[0]) < args[1]])
    return report
  }
  // A clock by which no slice takes any time: they grow, on whatever machine.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0)
  const live = db.live(db.query.issues.innerJoin('comments', (i, c) => eq(i.id, c.issueId)).orderBy(r => r.comments.at), { sliced: true })
  await done(live)
  clock.mockRestore()
  const after = steps.flatMap(([, ranOut], i) => ranOut && i + 1 < steps.length ? [steps[i + 1][0]] : [])
  expect([after, Math.max(...steps.map(s => s[0])) > 64, live.rows.length]).toEqual([[64], true, 20_000])
})
