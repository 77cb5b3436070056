// Queries that go: what they showed stays readable, and many rows do not hold the page up.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LiveQuery } from '../../../pkg/index.inline.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { copied, load, queries, slowClock } from './shown.js'
import { type Db, type TestSchema, comment, issue, open, put, schema, tick } from './support.js'

const N = 30_000
/** Timers that run before the query is gone. */
const turns = async (views: () => number): Promise<number> => {
  for (let n = 0; ; n++) { if (views() === 0) return n; await tick() }
}
afterEach(() => { vi.restoreAllMocks() })
const dropped = async (stats: () => Promise<number> | number): Promise<void> => { while (await stats() > 0) await tick(1) }

describe('rows that a query showed', () => {
  for (const [name, make] of Object.entries(queries)) {
    it(`stay as they were: ${name}`, async () => {
      const { db } = await open({ graceMs: 0 })
      db.apply(load(1500))
      const expected = copied(db.live(make(db)).rows)
      const other = await open({ graceMs: 0 })
      other.db.apply(load(1500))
      for (const [far, ends] of [[false, false], [true, false], [true, true]]) {
        // Nobody has read a row of this one yet: it is no plain array.
        const { db: mine } = await open({ graceMs: 0 })
        mine.apply(load(1500))
        const live: LiveQuery<any> = mine.live(make(mine))
        const { rows } = live
        live.dispose()
        if (!far) { mine.close() } else {
          await dropped(() => mine.stats().views)
          // Handles are given away to other rows.
          mine.apply([{ op: 'reset', table: 'comments', rows: [] }, { op: 'reset', table: 'issues', rows: Array.from({ length: 1600 }, (_, i) => issue(`n${i}`, { title: 'other' })) }])
          for (let i = 0; i < 5; i++) mine.apply([put(`n${i}`, { title: 'again' })])
          if (ends) mine.close()
        }
        expect(copied(rows)).toEqual(expected)
      }
    })
  }
})

describe('a query over many rows', () => {
  let db: Db
  beforeEach(async () => { db = (await open({ graceMs: 0 })).db; db.apply(load(N)) })

  for (const name of ['whole rows', 'columns', 'pairs of whole rows', 'columns of pairs', 'groups', 'found by recursion', 'nested', 'nested columns', 'nested twice']) {
    it(`goes in slices: ${name}`, async () => {
      const live: LiveQuery<any> = db.live(queries[name](db))
      const { rows } = live
      const last = rows.length - 1
      expect(last).toBe(name === 'nested twice' ? 1099 : N - 1)
      slowClock()
      live.dispose()
      // No step of a slice looks at more than 128 rows.
      expect(await turns(() => db.stats().views)).toBeGreaterThan(N / 128 / 5)
      expect(copied([rows[5], rows[last]])).toEqual(copied([...[5, last].map(i => db.live(queries[name](db)).rows[i])]))
    })
  }

  it('taken again in the middle of it is as it was, and follows changes', async () => {
    const q = queries['columns of pairs'](db)
    const first = db.live(q) as LiveQuery<any>
    const { rows } = first
    slowClock()
    first.dispose()
    await tick(); await tick()
    expect(db.stats().views).toBe(1)
    const again = db.live(q) as LiveQuery<any>
    db.apply([{ op: 'update', table: 'comments', id: 3, set: { body: 'new' } }, { op: 'delete', table: 'comments', id: 4 }])
    expect([again.rows.length, again.rows[3].body, rows.length, rows[3].body, rows[4].body]).toEqual([N - 1, 'new', N, 'c3', 'c4'])
    again.dispose()
    await turns(() => db.stats().views)
    expect([rows[3].body, rows[4].body, again.rows[3].body, again.rows[4].id]).toEqual(['c3', 'c4', 'new', 5])
  })

  for (const [name, make] of Object.entries(queries)) {
    it(`shows what it showed, whatever changes in the middle of it: ${name}`, async () => {
      const n = 1500
      const loaded = async (): Promise<Db> => {
        const { db: own } = await open({ graceMs: 0 })
        own.apply(load(n))
        return own
      }
      const other = await loaded()
      const expected = copied(other.live(make(other)).rows)
      for (let seed = 0; seed < 4; seed++) {
        const mine = await loaded()
        const live: LiveQuery<any> = mine.live(make(mine))
        // A query that lives on has cells of its own, and shares nodes of the engine.
        if (seed % 2 === 1) mine.live(make(mine).limit(900)).subscribe(() => {})
        const { rows } = live
        slowClock()
        live.dispose()
        let random = seed * 7919 + 1
        const some = (most: number): number => (random = random * 48271 % 0x7fffffff) % most
        const views = mine.stats().views
        let steps = 0
        while (mine.stats().views === views) {
          steps++
          const i = some(n), j = some(n)
          mine.apply([
            { op: 'delete', table: 'comments', id: i }, { op: 'upsert', table: 'comments', row: comment(n + some(n), `i${j}`, { body: 'later' }).row },
            { op: 'update', table: 'issues', id: `i${j}`, set: some(2) === 0 ? { title: 'changed' } : { meta: { seen: steps } } },
            { op: 'upsert', table: 'issues', row: issue(`i${some(2 * n)}`, { priority: some(n), projectId: `p${some(7)}` }) },
            { op: 'delete', table: 'issues', id: `i${some(n)}` },
          ])
          await tick()
        }
        expect(steps).toBeGreaterThan(1)
        mine.apply([{ op: 'reset', table: 'comments', rows: [] }, { op: 'reset', table: 'issues', rows: Array.from({ length: n }, (_, k) => issue(`n${k}`)) }])
        for (let k = 0; k < 5; k++) mine.apply([put(`n${k}`, { title: 'again' })])
        vi.restoreAllMocks()
        if (seed === 3) mine.close()
        expect(copied(rows)).toEqual(expected)
      }
    })
  }

  it('shows what it showed, whatever changes in the middle of it', async () => {
    const live = db.live(queries['columns of pairs'](db)) as LiveQuery<any>
    const { rows } = live
    slowClock()
    live.dispose()
    let n = 0
    while (db.stats().views > 0) {
      db.apply([{ op: 'delete', table: 'comments', id: n }, { op: 'upsert', table: 'comments', row: comment(N + n, 'i0', { body: 'later' }).row }, { op: 'update', table: 'issues', id: `i${n}`, set: { title: 'changed' } }])
      n++
      await tick()
    }
    expect(n).toBeGreaterThan(2)
    db.apply([{ op: 'reset', table: 'comments', rows: [] }])
    expect(live.rows.length).toBe(N)
    // What was shown when it was disposed of.
    expect(rows.every((r: any, i: number) => r.id === i && r.body === `c${i}` && r.title === `Issue i${i * 31 % N}`)).toBe(true)
  })
})

it('of a worker, too', async () => {
  const db: WorkerDatabase<TestSchema> = await createWorkerDatabase({ schema, worker: 'inline', graceMs: 0 })
  await db.apply(load(3000))
  for (const make of Object.values(queries)) {
    const live: LiveQuery<any> = db.live(make(db as never))
    while (live.status === 'loading') await tick(1)
    const expected = copied(live.rows)
    live.dispose()
    const other: LiveQuery<any> = db.live(make(db as never))
    while (other.status === 'loading') await tick(1)
    const { rows } = other
    other.dispose()
    await tick(5)
    while ((await db.stats()).views > 0) await tick(1)
    expect(copied(rows)).toEqual(expected)
  }
  db.close()
})
