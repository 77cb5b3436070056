// `retry`: what it acknowledges is durable, in whatever order listeners, writes and `close` come.
import { describe, expect, it, vi } from 'vitest'
import { createDatabase, defineSchema } from '../../../pkg/index.inline.js'
import { datalog, facts } from '../../../pkg/datalog/index.js'
import { Generations, type MemoryFolder, memory, storage } from '../../../pkg/storage/index.js'
import { Disk, kept, turn, turns } from './disks.js'
import { type Db, batch, feed, open, oracle, shut, stateOf } from './stream.js'

/** A disk whose writes take a task. */
const slow = (): Disk => Object.assign(new Disk(), { flushed: turn })

/** A database of ten batches whose write of the eleventh has failed. */
async function failed(): Promise<{ db: Db; disk: Disk }> {
  const disk = slow()
  const db = await open(kept(disk))
  feed(db, 10)
  await db.flush()
  disk.full = /./
  feed(db, 11)
  await expect(db.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  disk.full = undefined
  return { db, disk }
}

async function found(folder: MemoryFolder): Promise<[number, string]> {
  const told: string[] = []
  const db = await open(kept(folder, { onWarning: w => { told.push(w.code) } }))
  expect(told).toEqual([])
  const state: [number, string] = [Number(db.cursor('s') ?? 0), stateOf(db)]
  await shut(db)
  return state
}

describe('retry', () => {
  it('what a listener applies when it hears of it is written behind the state, and counts as durable when both are there', async () => {
    const { db, disk } = await failed()
    let applied: Promise<MemoryFolder> | undefined
    db.durability!.subscribe(status => { if (status === 'ready') applied ??= db.apply(batch(12) as never, { durable: true }).then(() => disk.killed()) })
    await db.durability!.retry()
    expect(await found(await applied!)).toEqual([12, oracle(12)])
    await shut(db)
    expect(await found(disk)).toEqual([12, oracle(12)])
  })

  it('that fails again says nothing of being ready, and what was stored is there', async () => {
    const { db, disk } = await failed()
    const statuses: string[] = []
    db.durability!.subscribe(status => { statuses.push(status); if (status === 'ready') feed(db, 12) })
    disk.full = /checkpoint/
    const retried = db.durability!.retry()
    await turn()
    feed(db, 13)
    const durable = db.apply(batch(14) as never, { durable: true })
    await expect(retried).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    await expect(durable).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    expect([statuses, db.durability!.status, db.durability!.warning!.code]).toEqual([[], 'memory', 'STORAGE_FULL'])
    expect(await found(disk.killed())).toEqual([10, oracle(10)])
    disk.full = undefined
    await db.durability!.retry()
    expect([statuses, db.durability!.warning]).toEqual([['ready'], undefined])
    await shut(db)
    expect(await found(disk)).toEqual([14, oracle(14)])
  })

  it('`flush` meanwhile resolves when the state is published with what was applied before it, or rejects', async () => {
    for (let after = 0; after < 6; after++) for (const full of [undefined, /checkpoint/]) {
      const { db, disk } = await failed()
      disk.full = full
      const retried = db.durability!.retry().catch(() => {})
      await turns(after)
      feed(db, 12)
      const flushed = db.flush().then(() => disk.killed())
      if (full !== undefined) await expect(flushed).rejects.toMatchObject({ code: 'STORAGE_FULL' })
      else expect(await found(await flushed), `${after} turns`).toEqual([12, oracle(12)])
      await retried
      await shut(db)
    }
  })

  it('a listener that closes when it hears of it: all is written, and nobody is told otherwise', async () => {
    const { db, disk } = await failed()
    db.durability!.subscribe(status => { if (status === 'ready') db.close() })
    await db.durability!.retry()
    await db.durability!.closed
    expect(await found(disk)).toEqual([11, oracle(11)])
  })

  it('of an engine that crashes meanwhile publishes no part of a state', async () => {
    for (let after = 0; after < 8; after++) {
      const { db, disk } = await failed()
      const retried = db.durability!.retry().then(() => true, () => false)
      await turns(after)
      // As after a trap: nothing can be asked of it any more.
      const { port } = db.inside
      for (const name of ['export_next', 'export_begin', 'changes', 'cursors']) Object.defineProperty(port.engine, name, { value: () => { throw new WebAssembly.RuntimeError('unreachable') } })
      await shut(db)
      const [cursor, state] = await found(disk)
      expect(state, `${after} turns`).toBe(oracle(cursor))
      expect(cursor).toBeGreaterThanOrEqual(await retried ? 11 : 10)
    }
  })

  it('closed at any time of it, what was applied while the state was on its way is written or was not acknowledged', async () => {
    const cursors = new Set<number>()
    for (let after = 0; after < 8; after++) {
      const { db, disk } = await failed()
      const retried = db.durability!.retry().then(() => true, () => false)
      await turns(after)
      const durable = db.apply(batch(12) as never, { durable: true }).then(() => true, () => false)
      await shut(db)
      const [cursor, state] = await found(disk)
      cursors.add(cursor)
      expect(state).toBe(oracle(cursor))
      expect(cursor).toBeGreaterThanOrEqual(await durable ? 12 : await retried ? 11 : 10)
    }
    expect(cursors).toContain(12)
  })

  it('goes on whatever `onWarning` and listeners throw: the host is told of that, and the status is what it is', async () => {
    const thrown: string[] = []
    vi.stubGlobal('reportError', (error: Error) => { thrown.push(error.message) })
    try {
      const disk = slow()
      const db = await open(memory(disk, { onWarning: () => { throw new Error('of onWarning') } }))
      const statuses: string[] = []
      db.durability!.subscribe(() => { throw new Error('of a listener') })
      db.durability!.subscribe(status => { statuses.push(status) })
      disk.full = /./
      for (const n of [1, 2]) await expect(db.apply(batch(n) as never, { durable: true })).rejects.toMatchObject({ code: 'STORAGE_FULL' })
      expect([db.durability!.status, db.durability!.warning!.code, statuses, thrown]).toEqual(['memory', 'STORAGE_FULL', ['memory'], ['of onWarning', 'of a listener']])
      disk.full = undefined
      await db.durability!.retry()
      await db.apply(batch(3) as never, { durable: true })
      expect(statuses).toEqual(['memory', 'ready'])
      await shut(db)
      expect(await found(disk)).toEqual([3, oracle(3)])
    } finally { vi.unstubAllGlobals() }
  })

  it('circuits that are kept are written behind the state, too', async () => {
    const schema = defineSchema({ ...facts({ 'm/t': 'string' }) })
    const disk = slow()
    const start = (folder: MemoryFolder) => createDatabase({ schema, storage: kept(folder) })
    const db = await start(disk)
    const data = datalog(db)
    data.transact([{ ':db/id': 1, 'm/t': 'acknowledged' }])
    data.view('all', { query: '[:find ?t :where [_ :m/t ?t]]', storage: 'durable' })
    await db.flush()
    disk.full = /./
    data.transact([{ ':db/id': 2, 'm/t': 'later' }])
    await db.flush().catch(() => {})
    disk.full = /checkpoint/
    await expect(db.durability!.retry()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    const again = await start(disk.killed())
    expect(datalog(again).q('[:find [?t ...] :where [_ :m/t ?t]]')).toEqual(['acknowledged'])
    await shut(again as never)
    db.close()
  })

  it('a checkpoint that was under way writes no piece behind the new state', async () => {
    const disk = slow()
    const calls: string[] = []
    class Watched extends Generations {
      override begin() { calls.push('begin'); return super.begin() }
      override piece(record: Uint8Array) { calls.push('piece'); return super.piece(record) }
      override publish() { calls.push('publish'); return super.publish() }
    }
    const db = await open(storage(() => new Watched(disk), { onWarning: () => {}, checkpointBytes: Infinity }))
    db.apply(Array.from({ length: 8_000 }, (_, id) => ({ op: 'insert', table: 'items', row: { id: 1000 + id, n: 0, text: 'x'.repeat(200), more: null } })) as never)
    await db.flush()
    // The page is busy: the checkpoint waits for its turn between two pieces when the state is ready again.
    const clock = vi.spyOn(performance, 'now')
    let now = 0
    clock.mockImplementation(() => now += 20)
    const checkpoint = db.durability!.checkpoint().catch(() => {})
    while (!calls.includes('piece')) await turn()
    disk.full = /log/
    feed(db, 5)
    await db.flush().catch(() => {})
    disk.full = undefined
    await db.durability!.retry()
    await checkpoint
    clock.mockRestore()
    expect(calls.slice(calls.lastIndexOf('begin')).filter(call => call === 'publish')).toEqual(['publish'])
    expect(calls.at(-1)).toBe('publish')
    const before = stateOf(db)
    await shut(db)
    expect((await found(disk))[1]).toBe(before)
  })
})
