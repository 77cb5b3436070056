// Many queries that show rows of one table, or of one join, in the same shape.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createDatabase, eq } from '../../../pkg/index.inline.js'
import { type Db, comment, eventually, put, schema } from './support.js'

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void

const titles = (db: Db, n: number) => db.query.issues.where('priority', '=', n).select('id', 'title')
const joined = (db: Db, n: number) => db.query.issues.innerJoin('comments', (i, c) => eq(i.id, c.issueId)).where(({ comments }) => eq(comments.body, `body ${n}`))

it('a query of one row of a large table costs the page that row, whichever it is', async () => {
  const db = await createDatabase({ schema })
  const rows = 40_000, queries = 1000
  db.apply(Array.from({ length: rows }, (_, i) => put(`i${i}`, { title: `t${i}`, priority: i })))
  const heap = () => { collect(); return process.memoryUsage().heapUsed }
  const mount = (from: number) => Array.from({ length: queries }, (_, i) => {
    const live = db.live(titles(db, from + i))
    expect(live.rows[0].title).toBe(`t${from + i}`)
    return live
  })
  mount(0)
  // The rows with the highest handles: a list of cells per query would have as many places each. Twice: what else the heap does is of one of them.
  const before = heap(), kept = mount(rows - queries), between = heap(), more = mount(rows - 2 * queries), after = heap()
  expect([kept.length, more.length]).toEqual([queries, queries])
  expect(Math.min(between - before, after - between) / queries).toBeLessThan(8000)
})

it('rows of one shape are the same objects in all queries, and outlive each of them', async () => {
  const db = await createDatabase({ schema, graceMs: 0 })
  db.apply(Array.from({ length: 20 }, (_, i) => put(`i${i}`, { title: `t${i}`, priority: i })))
  const one = db.live(db.query.issues.where('priority', '<', 10).orderBy('priority').select('id', 'title'))
  const other = db.live(db.query.issues.where('priority', '<', 8).orderBy('priority').select('id', 'title'))
  const unlike = db.live(db.query.issues.where('priority', '<', 8).orderBy('priority').select('id', 'priority'))
  expect(other.rows[3]).toBe(one.rows[3])
  expect(unlike.rows[3]).toEqual({ id: 'i3', priority: 3 })
  // Hidden columns change: the same objects go on.
  const [old] = one.rows
  db.apply([put('i0', { title: 't0', priority: 0, status: 'closed' })])
  expect(one.rows[0]).toBe(old)
  expect(other.rows[0]).toBe(old)
  // Snapshots that nobody has read yet stay what they were, whoever of the two goes first.
  const seen = one.getSnapshot(), seenToo = other.getSnapshot()
  one.dispose()
  await new Promise(resolve => { setTimeout(resolve, 5) })
  db.apply(Array.from({ length: 20 }, (_, i) => put(`i${i}`, { title: `new ${i}`, priority: i })))
  expect(other.rows[5]).toEqual({ id: 'i5', title: 'new 5' })
  expect([...seen.rows].map(r => r.title)).toEqual(Array.from({ length: 10 }, (_, i) => `t${i}`))
  other.dispose()
  await new Promise(resolve => { setTimeout(resolve, 5) })
  db.apply(Array.from({ length: 20 }, (_, i) => put(`i${i}`, { title: `third ${i}`, priority: i })))
  expect([...seenToo.rows].map(r => r.title)).toEqual(Array.from({ length: 8 }, (_, i) => `t${i}`))
  // And who comes back begins anew.
  const back = db.live(db.query.issues.where('priority', '<', 8).orderBy('priority').select('id', 'title'))
  expect(back.rows[5]).toEqual({ id: 'i5', title: 'third 5' })
})

it('queries over one join share its rows', async () => {
  const db = await createDatabase({ schema, graceMs: 0 })
  db.apply(Array.from({ length: 10 }, (_, i) => put(`i${i}`, { title: `t${i}`, priority: i })))
  db.apply(Array.from({ length: 30 }, (_, i) => comment(i, `i${i % 10}`, { body: `body ${i % 3}` })))
  const lives = [0, 1, 2].map(n => db.live(joined(db, n)))
  expect(lives.map(l => l.rows.length)).toEqual([10, 10, 10])
  const held = lives[1].getSnapshot()
  lives[1].dispose()
  await new Promise(resolve => { setTimeout(resolve, 5) })
  db.apply([put('i4', { title: 'changed' })])
  expect(lives[0].rows.filter(r => r.issues.title === 'changed')).toHaveLength(1)
  expect(held.rows.map(r => r.issues.title)).not.toContain('changed')
})

it('two queries of one shape that end together keep what each has shown', async () => {
  // Long lists are not read before somebody asks.
  const db = await createDatabase({ schema, graceMs: 0 })
  db.apply(Array.from({ length: 2000 }, (_, i) => put(`i${i}`, { title: `t${i}`, priority: i })))
  const lives = [1500, 1800].map(n => db.live(db.query.issues.where('priority', '<', n).orderBy('priority').select('id', 'title')))
  const seen = lives.map(live => live.getSnapshot())
  const before = lives.map(live => live.rows.length)
  for (const live of lives) live.dispose()
  await eventually(() => db.stats().views === 0)
  expect(db.stats().views).toBe(0)
  // Their handles go, and come again as other rows.
  db.apply(Array.from({ length: 2000 }, (_, i) => ({ op: 'delete' as const, table: 'issues' as const, id: `i${i}` })))
  db.apply(Array.from({ length: 2000 }, (_, i) => put(`n${i}`, { title: `new ${i}`, priority: i })))
  expect(before).toEqual([1500, 1800])
  for (const [n, snapshot] of seen.entries()) expect(snapshot.rows.map(r => r.title)).toEqual(Array.from({ length: before[n] }, (_, i) => `t${i}`))
})
