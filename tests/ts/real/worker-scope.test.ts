// What a database in a worker has of tenants, and what it has not: typed errors.
import { afterEach, describe, expect, it } from 'vitest'
import { EddylineError } from '../../../pkg/index.inline.js'
import { datalog } from '../../../pkg/datalog/index.js'
import { projections } from '../../../pkg/project/index.js'
import { memoryLog, reducer, reducers } from '../../../pkg/reduce/index.js'
import { receiver, subscribe, sync } from '../../../pkg/sync/index.js'
import { tenant, watches } from '../../../pkg/watch/index.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type TestSchema, put, schema } from './support.js'

const opened: { close(): void }[] = []
afterEach(() => { for (const db of opened.splice(0)) db.close() })
async function far(): Promise<WorkerDatabase<TestSchema>> {
  const db = await createWorkerDatabase({ schema, worker: 'inline' })
  opened.push(db)
  return db
}
const ready = async (live: { status: string; subscribe(fn: () => void): () => void }): Promise<void> => {
  if (live.status === 'loading') await new Promise<void>(resolve => { const stop = live.subscribe(() => { if (live.status !== 'loading') { stop(); resolve() } }) })
}

describe('tenants of a database in a worker', () => {
  it('change, load, read and clear their own rows', async () => {
    const db = await far()
    const one = db.tenant('one'), two = db.tenant('two')
    expect([db.tenant('one'), one.id, one.query]).toEqual([one, 'one', db.query])
    const mine = one.live(one.query.notes.orderBy('id')), theirs = two.live(two.query.notes.orderBy('id'))
    await one.apply([{ op: 'insert', table: 'notes', row: { id: 1, text: 'a' } }])
    await two.apply({ changes: [{ op: 'insert', table: 'notes', row: { id: 1, text: 'b' } }], source: 's', cursor: 4 })
    await one.applyJson('[{"id":2,"text":"c"}]', { table: 'notes' })
    await ready(mine); await ready(theirs)
    expect([mine.rows, theirs.rows, await db.cursor('s')]).toEqual([[{ id: 1, text: 'a' }, { id: 2, text: 'c' }], [{ id: 1, text: 'b' }], '4'])
    await one.clear()
    expect([mine.rows.length, theirs.rows.length]).toEqual([0, 1])
  })

  it('are not crossed', async () => {
    const db = await far()
    const one = db.tenant('one')
    await expect(one.apply([put('x') as never])).rejects.toMatchObject({ code: 'TENANT_MISMATCH', path: 'changes[0].table' })
    await expect(one.apply([{ op: 'insert', table: 'notes', row: { id: 1, text: 'a' }, tenant: 'two' }])).rejects.toMatchObject({ code: 'TENANT_MISMATCH', path: 'changes[0].tenant' })
    await expect(one.applyJson('{"op":"insert","table":"notes","tenant":"two","row":{"id":1,"text":"a"}}')).rejects.toMatchObject({ code: 'TENANT_MISMATCH' })
    expect(() => one.live({ toJSON: () => ({ from: 'notes', tenant: 'two' }), $row: undefined } as never)).toThrow(expect.objectContaining({ code: 'TENANT_MISMATCH' }))
    expect(() => db.tenant(7 as never)).toThrow(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
    expect((await db.stats()).tables.every(t => t.rows === 0)).toBe(true)
  })
})

describe('what works on a database of the page only', () => {
  const rooms: Record<string, (db: any) => unknown> = {
    'watches': db => watches(db), 'tenant of eddyline/watch': db => tenant(db, 'one'), 'datalog': db => datalog(db), 'projections': db => projections(db),
    'reducers': db => reducers(db).start(reducer('r', { version: '1', tables: ['issues'], partition: () => 'p', cursor: (e: any) => e.id, on: {} }) as never, { source: memoryLog((e: any) => e.id) as never }),
    'subscribe': db => subscribe(db, 'issues', () => {}), 'sync': db => sync(db, [], { table: 'issues', event: 'inserted', id: 'x' }), 'receiver': db => receiver(db, { fetchRow: async () => null }).receive([['issues', 'updated'], { id: 'x' }] as never),
  }
  for (const [name, use] of Object.entries(rooms)) {
    it(`says so: ${name}`, async () => {
      const db = await far()
      await db.apply([put('x')])
      let error: unknown
      try { await use(db) } catch (e) { error = e }
      expect(error instanceof EddylineError && error.code).toBe('NOT_IN_WORKER')
      // And the database is as good as before.
      const live = db.live(db.query.issues)
      await ready(live)
      expect(live.rows.length).toBe(1)
    })
  }
})
