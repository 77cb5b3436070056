// Storage of a database in a worker: opened there, restored at the start, asked for by promises; in browsers tests/e2e/worker-storage.test.mjs.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { EddylineError, createDatabase, defineSchema, int, string, table, timestamp } from '../../../pkg/index.inline.js'
import { files, memory } from '../../../pkg/storage/index.js'
import { inWorker } from '../../../pkg/worker/inside.js'
import { type CreateWorkerOptions, type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type TestSchema, comment, eventually, put, schema } from './support.js'

const opened: { close(): void; durability?: { closed: Promise<void> } | undefined }[] = []
const folders: string[] = []
afterEach(async () => {
  for (const db of opened.splice(0)) { db.close(); await db.durability?.closed }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
const folder = (): string => { const made = mkdtempSync(join(tmpdir(), 'eddyline-worker-')); folders.push(made); return made }

async function far(options: Partial<CreateWorkerOptions<TestSchema>>): Promise<WorkerDatabase<TestSchema>> {
  const db = await createWorkerDatabase({ schema, ...options })
  opened.push(db)
  return db
}
async function closed(db: { close(): void; durability: { closed: Promise<void> } | undefined }): Promise<void> {
  db.close()
  await db.durability!.closed
}
const code = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'none', e => e instanceof EddylineError ? e.code : e)
const rowsOf = async (db: WorkerDatabase<TestSchema>): Promise<string[]> => {
  const live = db.live(db.query.issues.orderBy('id'))
  try {
    if (live.status === 'loading') await new Promise<void>(resolve => { live.subscribe(() => { resolve() }) })
    return live.rows.map(r => `${r.id} ${r.title}`)
  } finally { live.dispose() }
}

for (const worker of [undefined, 'inline'] as const) {
  describe(`storage ${worker ?? 'in a worker of its own'}`, () => {
    it('leaves out the tables that are not to be stored', async () => {
      const path = folder()
      let db = await far({ worker, storage: files(path, { except: ['comments'] }) })
      await db.apply([put('a'), comment(1, 'a')])
      await closed(db)
      db = await far({ worker, storage: files(path) })
      expect([(await db.read(db.query.issues)).length, (await db.read(db.query.comments)).length]).toEqual([1, 0])
      await expect(far({ worker, storage: files(folder(), { except: ['coments'] }) })).rejects.toMatchObject({ code: 'UNKNOWN_TABLE', nearest: 'comments' })
    })

    it('is there after a restart: rows, cursors, entries; what was applied before the end is written', async () => {
      const path = folder()
      const db = await far({ worker, storage: files(path) })
      expect([db.durability?.kind, db.durability?.status]).toEqual(['files', 'ready'])
      await db.apply({ changes: [put('a'), comment(1, 'a')], source: 's', cursor: 7 })
      await db.flush()
      await db.apply([put('b')], { durable: true })
      await db.durability!.commit([put('c')], { 'mine': { k: { n: 1 } } })
      await db.durability!.commit(undefined, { 'mine': { only: 2 } })
      await db.durability!.commit({ changes: [], source: 's', cursor: 9 }, { 'mine': { k: { n: 3 } } })
      // Nobody waits for this one.
      const last = code(db.apply([put('d')]))
      const statuses: string[] = []
      db.durability!.subscribe(status => { statuses.push(status) })
      await closed(db)
      expect(await last).toBe('CLOSED')
      expect([statuses, db.durability!.status]).toEqual([['closed'], 'closed'])

      const again = await far({ worker, storage: files(path) })
      expect(await rowsOf(again)).toEqual(['a Issue a', 'b Issue b', 'c Issue c', 'd Issue d'])
      expect(await again.cursor('s')).toBe('9')
      expect([...await again.durability!.entries('mine')]).toEqual([['k', { n: 3 }], ['only', 2]])
      expect(again.version).toBeGreaterThan(0)
      await closed(again)
      // The same files as in the page.
      const near = await createDatabase({ schema, storage: files(path) })
      opened.push(near)
      expect(near.stats().tables.map(t => t.rows).slice(0, 3)).toEqual([4, 0, 1])
    })

    it('what listeners and `onWarning` throw is no failure of the storage: the others are told, and it closes', async () => {
      const thrown: string[] = []
      vi.stubGlobal('reportError', (error: Error) => { thrown.push(error.message) })
      try {
        const path = folder()
        const db = await far({ worker, storage: files(path, { onWarning: () => { throw new Error('of onWarning') } }) })
        const statuses: string[] = []
        db.durability!.subscribe(() => { throw new Error('of a listener') })
        db.durability!.subscribe(status => { statuses.push(status) })
        await db.apply([put('a')], { durable: true })
        rmSync(path, { recursive: true })
        expect(await code(db.apply([put('b')], { durable: true }))).toMatch(/^STORAGE_/)
        await eventually(() => statuses.length > 0)
        await closed(db)
        expect([statuses, thrown]).toEqual([['memory', 'closed'], ['of onWarning', 'of a listener', 'of a listener']])
      } finally { vi.unstubAllGlobals() }
    })

    it('`warning` is the last one, also of what leaves the storage ready', async () => {
      const path = folder(), warnings: EddylineError[] = []
      const db = await far({ worker, storage: files(path, { onWarning: w => { warnings.push(w) } }) })
      await db.apply([put('a')], { durable: true })
      // What the checkpoint replaces cannot be removed.
      mkdirSync(join(path, 'log-00'))
      expect(await code(db.durability!.checkpoint())).toBe('STORAGE_FAILED')
      await eventually(() => warnings.length > 0)
      expect([db.durability!.status, warnings.map(w => w.code), db.durability!.warning?.message]).toEqual(['ready', ['STORAGE_FAILED'], warnings[0].message])
      rmSync(join(path, 'log-00'), { recursive: true })
    })

    it('migrates with the functions of the page', async () => {
      const path = folder()
      const before = defineSchema({ notes: table({ id: int().key(), at: timestamp() }) })
      const old = await createWorkerDatabase({ schema: before, worker, storage: files(path) })
      await old.apply([{ op: 'insert', table: 'notes', rows: Array.from({ length: 50 }, (_, id) => ({ id, at: new Date(id * 1000) })) }], { durable: true })
      await closed(old)
      const now = defineSchema({ notes: table({ id: int().key(), at: timestamp(), words: string() }) })
      const throwing = createWorkerDatabase({ schema: now, worker, storage: files(path, { version: 2, migrations: { 2: () => { throw new Error('not today') } } }) })
      await expect(throwing).rejects.toThrow('not today')
      // The cause crosses, as far as it goes: its code, or what kind of error it was.
      const cause = (step: (row: any) => unknown): Promise<any> => createWorkerDatabase({ schema: now, worker, storage: files(path, { version: 2, migrations: { 2: step as never } }) }).then(() => 'none', e => [e.code, e.cause])
      const [thrown, error] = await cause(() => { throw new TypeError('not that', { cause: new EddylineError('UNKNOWN_KEY', 'that', { path: 'here', cause: 'a text' }) }) })
      expect([thrown, error.name, error.message, error instanceof EddylineError]).toEqual(['MIGRATION_FAILED', 'TypeError', 'not that', false])
      expect([error.cause instanceof EddylineError, error.cause.code, error.cause.path, error.cause.message, error.cause.cause.message]).toEqual([true, 'UNKNOWN_KEY', 'here', 'that', 'a text'])
      const [twice, same] = await cause(row => ({ ...row, id: 1, words: '' }))
      expect([twice, same instanceof EddylineError, same.code, same.path, same.cause]).toEqual(['MIGRATION_FAILED', true, 'DUPLICATE_KEY', 'changes[0]', undefined])
      const circle = new Error('circle')
      circle.cause = circle
      let depth = 0
      for (let [, e] = await cause(() => { throw circle }); e !== undefined; e = e.cause) { expect(e.message).toBe('circle'); depth++ }
      expect(depth).toBeLessThan(20)
      expect((await cause(() => { throw Object.create(null) }))[0]).toBe('MIGRATION_FAILED')
      expect(await code(createWorkerDatabase({ schema: now, worker, storage: files(path) }))).toBe('SCHEMA_MISMATCH')
      const db = await createWorkerDatabase({ schema: now, worker, storage: files(path, { version: 2, migrations: { 2: row => row.id % 2 ? null : { ...row, words: row.at.toISOString() } } }) })
      opened.push(db)
      const live = db.live(db.query.notes.orderBy('id', 'desc'))
      await new Promise<void>(resolve => { live.subscribe(() => { resolve() }) })
      expect([live.rows.length, live.rows[0]]).toEqual([25, { id: 48, at: new Date(48_000), words: '1970-01-01T00:00:48.000Z' }])
    })
  })
}

describe('what is wrong', () => {
  it('an engine that crashes in a thread of its own: what was applied is written before that ends', async () => {
    const path = folder()
    const db = await far({ worker: () => new Worker(new URL('./crashing-worker.mjs', import.meta.url)) as never, storage: files(path, { onWarning: () => {} }) })
    for (let n = 0; n < 30; n++) await db.apply([put(`i${n}`)])
    expect(await code(db.ask('crash', [put('last')]))).toBe('ENGINE_CRASHED')
    expect(db.durability!.status).toBe('memory')
    const again = await createDatabase({ schema, storage: files(path) })
    expect([again.durability!.status, again.live(again.query.issues.where('id', '=', 'last')).rows.length]).toEqual(['ready', 1])
    again.close()
    await again.durability!.closed
  })
  it('an engine that crashes while its page is behind: what the page still acknowledges does not end the thread', async () => {
    const path = folder()
    const db = await far({ worker: () => new Worker(new URL('./crashing-worker.mjs', import.meta.url)) as never, storage: files(path, { onWarning: () => {} }), ahead: 1 })
    const live = db.live(db.query.issues)
    await eventually(() => live.status === 'ready')
    // In one task: the thread has all of it before the page has taken in anything.
    const asked = [...Array.from({ length: 30 }, (_, n) => db.apply([put(`i${n}`)])), db.ask('crash', [put('last')])]
    expect(await code(asked.at(-1)!)).toBe('ENGINE_CRASHED')
    await Promise.allSettled(asked)
    const again = await createDatabase({ schema, storage: files(path) })
    expect([again.durability!.status, again.live(again.query.issues).rows.length]).toEqual(['ready', 31])
    again.close()
    await again.durability!.closed
  })
  it('a worker that ends: the status says so, and what was durable is there', async () => {
    const path = folder(), statuses: string[] = []
    const thread = new Worker(new URL('./crashing-worker.mjs', import.meta.url))
    const db = await far({ worker: thread as never, storage: files(path) })
    db.durability!.subscribe(status => { statuses.push(status) })
    await db.apply([put('a')], { durable: true })
    await thread.terminate()
    await eventually(() => db.durability!.status !== 'ready')
    expect([db.durability!.status, db.durability!.warning!.code, await code(db.flush())]).toEqual(['memory', 'WORKER_FAILED', 'WORKER_FAILED'])
    const again = await createDatabase({ schema, storage: files(path) })
    expect([again.durability!.status, again.live(again.query.issues).rows.length]).toEqual(['ready', 1])
    again.close()
    await again.durability!.closed
    await closed(db)
    expect(statuses).toEqual(['memory', 'closed'])
  })
  it('an engine that crashes: what was applied is written, the storage let go, and the status says so, as without a worker', async () => {
    const path = folder(), warnings: string[] = [], statuses: string[] = []
    let crash!: () => void
    const end = inWorker(({ db: { inside: { port } } }) => { crash = () => { port.failure(new WebAssembly.RuntimeError('unreachable')) } })
    try {
      const db = await far({ worker: 'inline', storage: files(path, { onWarning: w => { warnings.push(w.code) } }) })
      const { durability } = db
      durability!.subscribe(status => { statuses.push(status) })
      await db.apply([put('a')])
      crash()
      await eventually(() => durability!.status === 'memory')
      expect([durability!.warning!.code, await code(db.flush())]).toEqual(['ENGINE_CRASHED', 'ENGINE_CRASHED'])
      const again = await createDatabase({ schema, storage: files(path) })
      expect([again.durability!.status, again.live(again.query.issues).rows.map(r => r.id)]).toEqual(['ready', ['a']])
      await closed(db)
      again.close()
      await again.durability!.closed
      expect([statuses, warnings]).toEqual([['memory', 'closed'], ['ENGINE_CRASHED']])
    } finally { end() }
  })

  it('storage that is of this thread is refused, before anything is started', async () => {
    for (const storage of [memory(), { attach: async () => { throw new Error('never') } }]) {
      await expect(createWorkerDatabase({ schema, storage })).rejects.toMatchObject({ code: 'NOT_IN_WORKER', path: 'storage' })
    }
  })

  it('without storage flush waits for what was applied, durable applies are refused', async () => {
    const db = await far({ worker: 'inline' })
    const applied = db.apply([put('a')])
    await db.flush()
    expect(db.version).toBe(1)
    await applied
    expect([db.durability, await code(db.apply([put('b')], { durable: true }))]).toEqual([undefined, 'NOT_DURABLE'])
    expect(await rowsOf(db)).toEqual(['a Issue a'])
  })

  it('a storage that cannot be opened is told, and the database goes on in memory', async () => {
    const path = folder()
    const first = await far({ storage: files(path) })
    const warnings: EddylineError[] = []
    const db = await far({ storage: files(path, { onWarning: w => { warnings.push(w) } }) })
    expect([db.durability?.status, db.durability?.warning?.code, warnings.map(w => w.code)]).toEqual(['memory', 'STORAGE_LOCKED', ['STORAGE_LOCKED']])
    await db.apply([put('a')])
    expect(await code(db.flush())).toBe('STORAGE_LOCKED')
    await closed(first)
    const told: string[] = []
    db.durability!.subscribe(status => { told.push(status) })
    await db.durability!.retry()
    await db.flush()
    expect([told, db.durability!.status]).toEqual([['ready'], 'ready'])
  })

  it.each(['throws', 'rejects'])('clean-up of code inside that %s does not keep the storage', async how => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    const path = folder()
    const end = inWorker(() => () => { if (how === 'throws') throw new Error('mine'); return Promise.reject(new Error('mine')) as never })
    let db: WorkerDatabase<TestSchema>
    try { db = await far({ worker: 'inline', storage: files(path) }) } finally { end() }
    const applied = code(db.apply([put('a')]))
    await closed(db)
    expect([await applied, said.mock.calls.map(([e]) => e.message)]).toEqual(['CLOSED', ['mine']])
    said.mockRestore()
    const again = await far({ worker: 'inline', storage: files(path) })
    expect([again.durability!.status, await rowsOf(again)]).toEqual(['ready', ['a Issue a']])
  })

  it('what a listener of the storage throws goes to the host, and the database closes', async () => {
    const uncaught: unknown[] = []
    const note = (e: unknown): void => { uncaught.push(e) }
    process.on('uncaughtException', note)
    try {
      const db = await far({ worker: 'inline', storage: files(folder()) })
      const mine = new Error('mine')
      const told: string[] = []
      db.durability!.subscribe(() => { throw mine })
      db.durability!.subscribe(status => { told.push(status) })
      const live = db.live(db.query.issues)
      live.subscribe(() => { told.push(live.status) })
      while (live.status === 'loading') await new Promise(resolve => { setTimeout(resolve, 1) })
      await closed(db)
      await eventually(() => uncaught.length > 0)
      expect(uncaught).toEqual([mine])
      expect(told).toEqual(['ready', 'closed', 'closed'])
    } finally { process.off('uncaughtException', note) }
  })

  it('pages that share an engine share its storage, or are refused', async () => {
    const path = folder()
    const shared = `storage ${Math.random()}`
    const a = await far({ worker: 'inline', shared, storage: files(path) })
    const b = await far({ worker: 'inline', shared, storage: files(path) })
    await expect(createWorkerDatabase({ schema, worker: 'inline', shared })).rejects.toMatchObject({ code: 'WORKER_MISMATCH', path: 'storage' })
    await a.apply([put('x')])
    await closed(a)
    await b.apply([put('y')])
    await closed(b)
    // Opened again at once: it waits until the files are let go.
    const c = await far({ worker: 'inline', shared, storage: files(path) })
    expect([c.durability!.status, await rowsOf(c)]).toEqual(['ready', ['x Issue x', 'y Issue y']])
  })
})
