// A database in a worker beside one in the page: the same rows after the same changes, however versions come.
import { afterEach, describe, expect, it } from 'vitest'
import {
  EddylineError, type LiveEvent, type Query, and, applyPatches, count, eq, gt, param, withParams,
} from '../../../pkg/index.inline.js'
import { type CreateWorkerOptions, type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, type TestSchema, comment, issue, open, put, schema } from './support.js'

const opened: { close(): void }[] = []
afterEach(() => { for (const db of opened.splice(0)) db.close() })

async function openFar(options?: Partial<CreateWorkerOptions<TestSchema>>): Promise<{ far: WorkerDatabase<TestSchema>; errors: unknown[] }> {
  const errors: unknown[] = []
  const far = await createWorkerDatabase({ schema, onError: e => { errors.push(e) }, ...options })
  opened.push(far)
  return { far, errors }
}
async function both(options?: Partial<CreateWorkerOptions<TestSchema>>): Promise<{ near: Db; far: WorkerDatabase<TestSchema>; errors: unknown[] }> {
  const { db: near } = await open()
  opened.push(near)
  return { near, ...await openFar(options) }
}
const ready = async (live: { status: string; subscribe(fn: () => void): () => void }): Promise<void> => {
  if (live.status !== 'loading') return
  await new Promise<void>(resolve => { const stop = live.subscribe(() => { if (live.status !== 'loading') { stop(); resolve() } }) })
}
const failed = async (promise: Promise<unknown>): Promise<EddylineError> => {
  try { await promise } catch (error) { if (error instanceof EddylineError) return error; throw error }
  throw new Error('did not fail')
}

/** Numbers from a seed. */
function dice(seed: number): (n: number) => number {
  let s = seed * 2654435761 >>> 0
  return n => { s ^= s << 13; s >>>= 0; s ^= s >>> 17; s ^= s << 5; s >>>= 0; return s % n }
}

function queries(query: Db['query']): { name: string; query: Query<any, any>; options?: object }[] {
  return [
    { name: 'all', query: query.issues.orderBy('id') },
    { name: 'filtered', query: query.issues.where('status', '=', 'open').orderBy('priority', 'desc').orderBy('id') },
    { name: 'top', query: query.issues.orderBy('priority', 'desc').orderBy('id').limit(5) },
    { name: 'fields', query: query.issues.select('id', 'title').orderBy('title').orderBy('id') },
    { name: 'joined', query: query.issues.leftJoin('comments', (i, c) => eq(i.id, c.issueId)).select((r: any) => ({ id: r.issues.id, title: r.issues.title, comment: r.comments.id, body: r.comments.body })).orderBy('id').orderBy('comment') as never },
    { name: 'whole pairs', query: query.comments.leftJoin('issues', (c, i) => eq(c.issueId, i.id)) as never },
    { name: 'groups', query: query.issues.groupBy('status').select(i => ({ status: i.status, n: count() })) as never },
    { name: 'nested', query: query.projects.orderBy('id').with('issues', i => i.orderBy('id').with('comments').with('latest')) as never },
    { name: 'single', query: query.issues.orderBy('id').with('project') as never },
    { name: 'window', query: query.issues.orderBy('id'), options: { window: [2, 6] } },
  ]
}

/** The changes of one version. */
function changes(roll: (n: number) => number): any[] {
  return Array.from({ length: 1 + roll(4) }, () => {
    const id = `i${roll(14)}`
    switch (roll(9)) {
      case 0: return { op: 'delete', table: 'issues', id }
      case 1: case 2: return { op: 'upsert', table: 'projects', row: { id: `p${roll(4)}`, name: `P${roll(50)}` } }
      case 3: return { op: 'delete', table: 'projects', id: `p${roll(4)}` }
      case 4: case 5: return comment(roll(30), id, { body: `b${roll(100)}${'x'.repeat(roll(40) ** 2)}`, at: roll(10) })
      case 6: return { op: 'delete', table: 'comments', id: roll(30) }
      default: return put(id, { title: `T${roll(9)}`, status: roll(2) === 0 ? 'open' : 'done', priority: roll(6), projectId: roll(4) === 0 ? null : `p${roll(4)}`, votes: BigInt(roll(5)), due: new Date(roll(1e9)), meta: { n: roll(3) }, raw: new Uint8Array([roll(255)]) })
    }
  })
}

interface Followed { name: string; near: any; far: any; rows: readonly any[]; patched: any[]; versions: number[] }

/** Follows one query on both sides; `patched` is what the patches of the far side make of nothing. */
function follow(near: Db, far: WorkerDatabase<TestSchema>): Followed[] {
  return queries(near.query).map(({ name, query, options }, i) => {
    const there = far.live(queries(far.query as never)[i].query, options as never)
    const one: Followed = { name, near: near.live(query, options as never), far: there, rows: [], patched: [], versions: [] }
    one.far.subscribe(({ diff, rows, version, batch }: LiveEvent<any>) => {
      one.rows = rows
      // A change of status has no batch, and tells no steps.
      one.patched = batch === undefined ? [...rows] : applyPatches(one.patched, diff) as any[]
      if (batch !== undefined) one.versions.push(version)
    })
    return one
  })
}
const plain = (rows: Iterable<any>): unknown => structuredClone([...rows])

for (const input of [undefined, 'inline'] as const) {
  describe(`random histories, ${input ?? 'in a worker'}`, () => {
    for (const seed of [1, 2, 3, 4]) {
      it(`rows and patches are those of the page after every version, ${seed}`, async () => {
        const { near, far, errors } = await both({ worker: input })
        const roll = dice(seed)
        for (let n = 0; n < 10; n++) { const batch = changes(roll); near.apply(batch); await far.apply(batch) }
        const followed = follow(near, far)
        await Promise.all(followed.map(f => ready(f.far)))
        for (const f of followed) { expect(plain(f.far.rows), f.name).toEqual(plain(f.near.rows)); f.patched = [...f.far.rows] }
        for (let n = 0; n < 60; n++) {
          const batch = changes(roll)
          const at = near.apply(batch)
          expect((await far.apply(batch)).applied).toBe(at.applied)
          if (roll(6) === 0) {
            const [start, many] = [roll(10), roll(6)]
            const w = followed.find(f => f.name === 'window')!
            w.near.window(start, many); w.far.window(start, many)
            await far.cursor('none')
          }
          for (const f of followed) {
            expect(plain(f.far.rows), `${f.name} at ${n}`).toEqual(plain(f.near.rows))
            expect(plain(f.patched), `patches of ${f.name} at ${n}`).toEqual(plain(f.near.rows))
            expect(f.far.total, f.name).toBe(f.near.total)
          }
        }
        for (const f of followed) expect(new Set(f.versions).size, f.name).toBe(f.versions.length)
        expect(errors).toEqual([])
      })

      it(`nobody waits: versions are put together, the queue stays short, rows and patches end equal, ${seed}`, async () => {
        const { near, far, errors } = await both({ worker: input, ahead: 2 })
        const roll = dice(seed + 100)
        const followed = follow(near, far)
        await Promise.all(followed.map(f => ready(f.far)))
        for (const f of followed) f.patched = [...f.far.rows]
        for (let round = 0; round < 4; round++) {
          const sent: Promise<unknown>[] = []
          for (let n = 0; n < 120; n++) {
            const batch = changes(roll)
            near.apply(batch)
            sent.push(far.apply(batch))
            // Sometimes the page reads, and keeps what it read.
            if (roll(30) === 0) await sent[sent.length - 1 - roll(Math.min(sent.length, 20))]
          }
          const old = followed.map(f => f.far.rows)
          const shown = old.map(rows => plain(rows))
          await Promise.all(sent)
          for (const [i, f] of followed.entries()) {
            expect(plain(f.far.rows), f.name).toEqual(plain(f.near.rows))
            expect(plain(f.patched), `patches of ${f.name}`).toEqual(plain(f.near.rows))
            expect(plain(old[i]), `old rows of ${f.name}`).toEqual(shown[i])
            for (let v = 1; v < f.versions.length; v++) expect(f.versions[v]).toBeGreaterThan(f.versions[v - 1])
          }
        }
        const { worker } = await far.stats()
        expect(worker.mostUnacknowledged).toBeLessThanOrEqual(2)
        expect(worker.coalesced).toBeGreaterThan(100)
        expect(errors).toEqual([])
      })
    }
  })
}
