// Lists that were handed out and that nobody has read yet: their cells are made when they are read, and show what was there.
import { describe, expect, it } from 'vitest'
import { type LiveQuery, count, eq } from '../../../pkg/index.inline.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, comment, issue, open, random, schema, tick } from './support.js'

const N = 2500
const queries: Record<string, (db: Pick<Db, 'query'>) => any> = {
  'whole rows': db => db.query.issues.orderBy('priority').orderBy('id'),
  'columns': db => db.query.issues.select('id', 'title').orderBy('id'),
  'pairs': db => db.query.comments.leftJoin('issues', (c, i) => eq(c.issueId, i.id)).orderBy(r => r.comments.id),
  'columns of pairs': db => db.query.issues.innerJoin('comments', (i, c) => eq(i.id, c.issueId)).select(r => ({ id: r.comments.id, title: r.issues.title, body: r.comments.body })).orderBy('id'),
  'groups': db => db.query.issues.groupBy('priority').select(i => ({ priority: i.priority, n: count() })).orderBy('priority'),
}
const load = (): any[] => [
  { op: 'upsert', table: 'issues', rows: Array.from({ length: N }, (_, i) => issue(`i${i}`, { priority: i })) },
  { op: 'upsert', table: 'comments', rows: Array.from({ length: N }, (_, i) => comment(i, `i${i * 31 % N}`).row) },
]
/** Changes in which rows come, go and change, and handles are given to other rows. */
function* batches(seed: number): Generator<any[]> {
  const r = random(seed)
  for (let step = 0; step < 25; step++) {
    const batch: any[] = []
    for (let n = r(30); n >= 0; n--) {
      const id = `i${r(N + 300)}`
      batch.push([
        { op: 'upsert', table: 'issues', row: issue(id, { priority: r(N), title: `t${step}` }) }, { op: 'delete', table: 'issues', id },
        { op: 'update', table: 'issues', id, set: { title: `u${step}` } }, { op: 'update', table: 'issues', id, set: { status: `s${step}` } },
        { op: 'upsert', table: 'comments', row: comment(r(N + 300), `i${r(N)}`, { body: `b${step}` }).row }, { op: 'delete', table: 'comments', id: r(N) },
      ][r(6)])
    }
    if (step === 12) batch.push({ op: 'reset', table: 'issues', rows: Array.from({ length: N }, (_, i) => issue(`i${i * 2}`, { priority: i * 3 % N })) })
    yield batch
  }
}
const copied = (rows: unknown): unknown => JSON.parse(JSON.stringify(rows, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)))

describe('a list that nobody has read', () => {
  for (const [name, make] of Object.entries(queries)) {
    for (const listened of [false, true]) {
      for (const seed of [0, 1, 2, 3]) {
        it(`shows what it showed when it was taken: ${name}${listened ? ', with a listener' : ''}, history ${seed}`, async () => {
          const [{ db }, { db: twin }] = [await open({ graceMs: 0 }), await open({ graceMs: 0 })]
          const [live, other] = [db.live(make(db)), twin.live(make(twin))] as LiveQuery<any>[]
          const diffs: unknown[] = [], expectedDiffs: unknown[] = []
          const told: (readonly any[])[] = []
          if (listened) {
            live.subscribe(e => { told.push(e.rows); diffs.push(e.diff) })
            other.subscribe(e => { expectedDiffs.push(copied(e.diff)) })
          }
          const taken: (readonly any[])[] = [], expected: unknown[] = []
          const look = (): void => { taken.push(live.rows); expected.push(copied(other.rows)) }
          // Half of them are filled by a batch, the others when they are read.
          if (seed % 2 === 0) look()
          for (const own of [db, twin]) own.apply(load())
          look()
          const [mine, its] = [[...batches(seed)], [...batches(seed)]]
          for (let i = 0; i < mine.length; i++) {
            db.apply(mine[i])
            twin.apply(its[i])
            if (i % 3 === 0) look()
            // Some of it is read.
            if (i === 9) taken[1].slice(100, 200)
          }
          if (seed === 1) live.dispose()
          if (seed >= 2) db.close()
          else await tick(20)
          taken.forEach((rows, i) => { expect(copied(rows)).toEqual(expected[i]) })
          if (listened) {
            // It is told when it is closed, too.
            expect(copied(diffs.slice(0, expectedDiffs.length))).toEqual(expectedDiffs)
            expect(told.length).toBe(diffs.length)
          }
        })
      }
    }

    it(`of a worker shows what it showed: ${name}`, async () => {
      const db = await createWorkerDatabase({ schema, worker: 'inline', graceMs: 0 })
      const { db: twin } = await open()
      await db.apply(load())
      twin.apply(load())
      const live: LiveQuery<any> = db.live(make(db as never)), other: LiveQuery<any> = twin.live(make(twin))
      while (live.status === 'loading') await tick(1)
      const taken: (readonly any[])[] = [live.rows], expected = [copied(other.rows)]
      for (const batch of batches(7)) {
        await db.apply(batch)
        twin.apply([...batch])
        taken.push(live.rows)
        expected.push(copied(other.rows))
      }
      db.close()
      taken.forEach((rows, i) => { expect(copied(rows)).toEqual(expected[i]) })
    })
  }

  // The other list has taken the new handle of the row when this one is told that nothing it shows is another.
  const ofOneShape: Record<string, (db: Db) => { all: any; first: any }> = {
    'columns': db => ({ all: db.query.issues.orderBy('id').select('id', 'title'), first: db.query.issues.orderBy('priority', 'desc').limit(1).select('id', 'title') }),
    'columns of pairs': db => {
      const pairs = db.query.issues.innerJoin('comments', (i, c) => eq(i.id, c.issueId)), shown = (r: any) => ({ id: r.comments.id, title: r.issues.title })
      return { all: pairs.orderBy(r => r.comments.id).select(shown), first: pairs.orderBy(r => r.issues.priority, 'desc').limit(1).select(shown) }
    },
  }
  for (const [name, make] of Object.entries(ofOneShape)) {
    it(`shows what it showed, in the same objects as the next, when a row comes into another list of its shape: ${name}`, async () => {
      const { db } = await open()
      db.apply(load())
      const [first, all] = [db.live(make(db).first), db.live(make(db).all)] as LiveQuery<any>[]
      expect(first.rows.length).toBe(1)
      const then = all.rows
      // Of this row only what nobody shows is another.
      db.apply([{ op: 'update', table: 'issues', id: 'i700', set: { priority: 9999 } }])
      // Its handle goes to another row.
      db.apply(Array.from({ length: 50 }, (_, i) => ({ op: 'upsert', table: 'issues', row: issue(`other${i}`, { title: 'another' }) }) as const))
      db.apply(Array.from({ length: 50 }, (_, i) => comment(10_000 + i, `other${i}`)))
      const at = all.rows.findIndex(row => row.id === first.rows[0].id)
      expect([at >= 0, then[at].title, then[at] === all.rows[at], then[at] === first.rows[0]]).toEqual([true, 'Issue i700', true, true])
      db.close()
    })
    it(`shows the objects of another list of its shape that was read before, when what neither shows is another: ${name}`, async () => {
      const { db } = await open()
      db.apply(load())
      const [first, all] = [db.live(make(db).first), db.live(make(db).all)] as LiveQuery<any>[]
      const [known] = first.rows
      const then = all.rows
      for (const status of ['one', 'two', 'three']) db.apply([{ op: 'update', table: 'issues', id: `i${N - 1}`, set: { status } }])
      // Into no list but this one: its handle goes to another row.
      db.apply([{ op: 'update', table: 'issues', id: `i${N - 1}`, set: { priority: -1 } }])
      db.apply(Array.from({ length: 50 }, (_, i) => ({ op: 'upsert', table: 'issues', row: issue(`other${i}`, { title: 'another' }) }) as const))
      db.apply(Array.from({ length: 50 }, (_, i) => comment(10_000 + i, `other${i}`)))
      const at = then.findIndex(row => row.id === known.id)
      expect([at >= 0, then[at].title, then[at] === known, all.rows[at] === known]).toEqual([true, `Issue i${N - 1}`, true, true])
      db.close()
    })
  }
})
