// Large batches of objects go into the engine in pieces: one version all the same, and nothing of it is there twice.
import { describe, expect, it } from 'vitest'
import { type Db, failure, issue, open, picture } from './support.js'

/** Rows of 300 bytes: 20,000 are six pieces. */
const rows = (n: number, from = 0): any[] => Array.from({ length: n }, (_, i) => issue(`i${from + i}`, { title: `Issue ${from + i} `.padEnd(200, 'x'), priority: i % 100 }))
const all = (db: Db): any[] => db.live(db.query.issues.orderBy('id')).rows.map(r => ({ ...r }))
const byId = (a: any, b: any): number => (a.id < b.id ? -1 : 1)

describe('a batch of many megabytes', { timeout: 180_000 }, () => {
  it('is one version with all of its changes, in order, and its cursor', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues)
    let versions = 0
    live.subscribe(() => { versions++ })
    const report = db.apply({ changes: [
      { op: 'upsert', table: 'issues', rows: rows(20_000) },
      ...Array.from({ length: 10_000 }, (_, i) => ({ op: 'update', table: 'issues', id: `i${i}`, set: { title: `later ${i} `.padEnd(150, 'y') } })),
      { op: 'delete', table: 'issues', id: 'i19999' },
    ], source: 's', cursor: 7, origin: 'me' } as never)
    expect([versions, report.cursor, report.origin, db.cursor('s')]).toEqual([1, '7', 'me', '7'])
    expect(all(db)).toEqual(rows(20_000).slice(0, -1).map((r, i) => (i < 10_000 ? { ...r, title: `later ${i} `.padEnd(150, 'y') } : r)).sort(byId))
    db.close()
  })

  it('is refused as a whole, with the place of what is wrong as it was written: a row of the last piece, of the first, and one that the engine refuses', async () => {
    const { db } = await open()
    db.apply([{ op: 'upsert', table: 'issues', rows: rows(3) }])
    const before = picture(db)
    for (const [at, wrong, code, path] of [
      [19_990, { priority: 'no' }, 'TYPE_MISMATCH', 'changes[1].rows[19990].priority'],
      [3, { titel: 'no' }, 'UNKNOWN_COLUMN', 'changes[1].rows[3].titel'],
      [19_990, { id: 'i1', title: 'another' }, 'DUPLICATE_KEY', 'changes[1].rows[19990]'],
    ] as const) {
      const bad = rows(20_000, 100)
      bad[at] = { ...bad[at], ...wrong }
      const error = failure(() => db.apply([{ op: 'delete', table: 'issues', id: 'i0' }, { op: 'insert', table: 'issues', rows: bad }] as never))
      expect(error).toMatchObject({ code })
      expect(error.path).toContain(path)
      expect(picture(db)).toEqual(before)
      // Nothing of it is left for the next.
      db.apply([{ op: 'update', table: 'issues', id: 'i2', set: { priority: 2 } }])
      expect(db.stats().tables.find(t => t.name === 'issues')!.rows).toBe(3)
      db.apply([{ op: 'update', table: 'issues', id: 'i2', set: { priority: 2 } }])
      Object.assign(before as object, { version: db.version, rows: (picture(db) as any).rows })
    }
    db.close()
  })

  it('a getter of a late row that applies something is refused, and so is the batch', async () => {
    const { db } = await open()
    const bad = rows(10_000)
    Object.defineProperty(bad[9000], 'title', { enumerable: true, get: () => { db.apply([{ op: 'delete', table: 'issues', id: 'i0' }] as never); return 'x' } })
    expect(failure(() => db.apply([{ op: 'upsert', table: 'issues', rows: bad }])).code).toBe('REENTRANT')
    db.apply([{ op: 'upsert', table: 'issues', rows: rows(2) }])
    expect(all(db).length).toBe(2)
    db.close()
  })

  it('takes a piece of memory beside its rows, not itself once more', async () => {
    const { db } = await open()
    db.apply([{ op: 'upsert', table: 'issues', rows: rows(60_000) }])
    const { wasmBytes, allocatedBytes, tables } = db.stats()
    expect(tables.find(t => t.name === 'issues')!.rows).toBe(60_000)
    // The batch is 19 MB: with all of it in the input area 48 MB were left over. The list of changes is 3, and the memory grows by sixteenths.
    expect(allocatedBytes).toBeGreaterThan(19e6)
    expect(wasmBytes - allocatedBytes).toBeLessThan(12e6)
    db.close()
  })
})
