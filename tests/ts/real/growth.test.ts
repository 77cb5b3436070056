// Pages mount and unmount a query per component, all day long: what a query took must come back.
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { count, createDatabase, eq } from '../../../pkg/index.inline.js'
import { type Db, comment, eventually, issue, put, schema } from './support.js'

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void

const shapes = [
  (db: Db, i: number) => db.query.issues.where('projectId', '=', `p${i % 50}`).orderBy('priority').limit(10),
  (db: Db, i: number) => db.query.issues.where('priority', '>', i % 400).with('comments'),
  (db: Db, i: number) => db.query.issues.where('priority', '<', i % 400).groupBy('projectId').select(r => ({ p: r.projectId, c: count() })),
  (db: Db, i: number) => db.query.issues.innerJoin('comments', (a, c) => eq(a.id, c.issueId)).where(r => eq(r.issues.projectId, `p${i % 50}`)).select(r => ({ id: r.comments.id, t: r.issues.title })),
]

it('tens of thousands of queries that come and go leave nothing behind, neither in the page nor in the engine', async () => {
  const db = await createDatabase({ schema, graceMs: 0 })
  db.apply(Array.from({ length: 400 }, (_, i) => put(`i${i}`, { projectId: `p${i % 50}`, priority: i })))
  db.apply(Array.from({ length: 800 }, (_, i) => comment(i, `i${i % 400}`)))
  const mount = async (queries: number) => {
    for (let i = 0; i < queries; i++) {
      const live = db.live<any>(shapes[i % shapes.length](db, i))
      const stop = live.subscribe(({ diff }) => diff.length)
      void live.rows.length
      if (i % 10 === 0) db.apply([put(`i${i % 400}`, { projectId: `p${i % 50}`, priority: i % 400, title: `${i}` })])
      stop()
      live.dispose()
      if (i % 50 === 49) await new Promise(resolve => { setTimeout(resolve, 1) })
    }
    // What is free for a while longer than a query is freed by versions.
    for (let n = 0; n < 600; n++) db.apply([put('i0', { title: `${n % 2}` })])
    await eventually(() => db.stats().views === 0)
    collect()
    await new Promise(resolve => { setTimeout(resolve, 20) })
    collect()
    const stats = db.stats()
    expect(stats).toMatchObject({ views: 0, queries: [], nodes: 0 })
    const large = getHeapSpaceStatistics().find(s => s.space_name === 'large_object_space')!.space_used_size
    return { large, heap: process.memoryUsage().heapUsed, engine: stats.allocatedBytes, wasm: stats.wasmBytes }
  }
  // Tables of the engine grow to what the most queries at a time take.
  await mount(6000)
  const before = await mount(2000)
  const between = await mount(15_000)
  const after = await mount(25_000)
  expect(after.engine - before.engine).toBeLessThan(64 << 10)
  // What is freed is used again; holes between what is kept cost a little.
  expect(after.wasm / before.wasm).toBeLessThan(1.1)
  // Compiled code comes once; a query that stayed would be kilobytes, each time.
  expect(Math.min(between.heap - before.heap, after.heap - between.heap)).toBeLessThan(512 << 10)
  // An array with a place for each query that ever was, eight bytes each, grows both times, whatever it doubles by; a table of weak keys
  // grows once to what the collector left of them at a time.
  expect(Math.min(between.large - before.large, after.large - between.large)).toBeLessThan(64 << 10)
  db.close()
}, 600_000)

it('the memory of the engine grows in large steps: for each, V8 begins to collect the garbage of the page', async () => {
  const db = await createDatabase({ schema })
  const title = 'x'.repeat(2000)
  const sizes = new Set([db.stats().wasmBytes])
  for (let batch = 0; batch < 300; batch++) {
    db.apply([{ op: 'upsert', table: 'issues', rows: Array.from({ length: 100 }, (_, i) => issue(`${batch}-${i}`, { title })) }])
    sizes.add(db.stats().wasmBytes)
  }
  // 60 MB, by a sixteenth each time: not hundreds of pages of 64 kB.
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeGreaterThan(50e6)
  expect(sizes.size).toBeLessThan(60)
  db.close()
})

it('queries that differ in a value have in common what they can: each takes little of the page', async () => {
  const db = await createDatabase({ schema })
  const heap = async () => {
    for (let i = 0; i < 4; i++) { collect(); await new Promise(resolve => { setTimeout(resolve, 20) }) }
    return process.memoryUsage().heapUsed
  }
  const mount = (from: number, n: number) => Array.from({ length: n }, (_, i) => { const live = db.live(db.query.issues.where('priority', '=', from + i)); live.subscribe(() => {}); return live })
  const first = mount(0, 500)
  const before = await heap()
  const rest = mount(500, 5000)
  const each = (await heap() - before) / 5000
  expect([first.length, rest.length]).toEqual([500, 5000])
  expect(each).toBeLessThan(1900)
  db.close()
}, 300_000)
