// A database whose storage could not be read when it was opened: nothing that is stored is written over.
import { describe, expect, it } from 'vitest'
import { EddylineError, createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import type { StoreOptions } from '../../../pkg/storage/index.js'
import { Held, kept } from './disks.js'
import { type Db, batch, feed, open, oracle, shut, stateOf } from './stream.js'

const opened = async (folder: Held): Promise<[string | undefined, string]> => {
  const db = await open(kept(folder.again()))
  const state: [string | undefined, string] = [db.cursor('s'), stateOf(db)]
  await shut(db)
  return state
}

/** A folder that holds 30 batches and a database that has it, and one that found it locked. */
async function locked(options?: StoreOptions): Promise<{ folder: Held; first: Db; second: Db }> {
  const folder = new Held()
  const first = await open(kept(folder))
  feed(first, 20)
  first.durability!.commit(undefined, { my: { a: 1 } })
  await first.durability!.checkpoint()
  feed(first, 30)
  await first.flush()
  const second = await open(kept(folder.again(), options))
  expect(second.durability).toMatchObject({ status: 'memory', warning: { code: 'STORAGE_LOCKED' } })
  return { folder, first, second }
}

describe('`retry` of a database that found its storage locked', () => {
  it('reads what is stored when it is free, as one version, and goes on', async () => {
    const { folder, first, second } = await locked()
    await expect(second.durability!.retry()).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    expect(second.durability!.status).toBe('memory')
    await shut(first)
    const live = second.live(second.query.items), versions: number[] = [], statuses: string[] = []
    second.durability!.subscribe(status => { statuses.push(status) })
    live.subscribe(() => { versions.push(second.version); if (versions.length === 1) second.durability!.commit(batch(31), { my: { b: 2 } }) })
    await second.durability!.retry()
    expect([statuses, second.durability!.warning, second.cursor('s'), stateOf(second)]).toEqual([['ready'], undefined, '31', oracle(31)])
    expect(second.durability!.entries('my')).toEqual(new Map([['a', 1], ['b', 2]]))
    expect(versions.length).toBeGreaterThan(0)
    feed(second, 40)
    await second.flush()
    await shut(second)
    expect(await opened(folder)).toEqual(['40', oracle(40)])
  })

  it('is refused when something was applied meanwhile, and touches nothing', async () => {
    for (const when of ['before', 'while it reads']) {
      const { folder, first, second } = await locked()
      if (when === 'before') feed(second, 3)
      await shut(first)
      const retried = second.durability!.retry()
      if (when !== 'before') feed(second, 3)
      await expect(retried).rejects.toMatchObject({ code: 'NOT_DURABLE', message: expect.stringMatching(/open it anew/) as unknown })
      expect([second.durability!.status, stateOf(second)]).toEqual(['memory', oracle(3)])
      await expect(second.durability!.retry()).rejects.toMatchObject({ code: 'NOT_DURABLE' })
      // Others have it meanwhile.
      expect(await opened(folder)).toEqual(['30', oracle(30)])
      await shut(second)
      expect(await opened(folder)).toEqual(['30', oracle(30)])
    }
  })

  it.each([true, false])('writes what was applied where nothing is stored (not even a schema: %s)', async isNew => {
    const folder = new Held()
    const first = isNew ? undefined : await open(kept(folder))
    if (isNew) folder.open()
    const [db, empty] = [await open(kept(folder.again())), await open(kept(folder.again()))]
    feed(db, 10)
    if (first === undefined) folder.close()
    else await shut(first)
    await db.durability!.retry()
    feed(db, 20)
    await shut(db)
    expect(await opened(folder)).toEqual(['20', oracle(20)])
    await empty.durability!.retry()
    expect(stateOf(empty)).toBe(oracle(20))
    await shut(empty)
  })

  it('is an opening: damage and other tables are told as there', async () => {
    for (const onCorrupt of ['refuse', 'rebuild'] as const) for (const isApplied of [false, true]) {
      const warnings: string[] = []
      const { folder, first, second } = await locked({ onCorrupt, onWarning: w => { warnings.push(w.code) } })
      await shut(first)
      if (isApplied) feed(second, 5)
      folder.files.get('log-1')!.bytes[100] ^= 1
      const retried = second.durability!.retry()
      if (onCorrupt === 'refuse' || isApplied) {
        await expect(retried).rejects.toMatchObject({ code: isApplied ? 'NOT_DURABLE' : 'STORAGE_CORRUPT' })
        folder.files.get('log-1')!.bytes[100] ^= 1
        expect(await opened(folder)).toEqual(['30', oracle(30)])
      } else {
        await retried
        expect([second.durability!.status, warnings]).toEqual(['ready', ['STORAGE_LOCKED', 'STORAGE_CORRUPT']])
        feed(second, 8)
      }
      await shut(second)
      expect(await opened(folder)).toEqual(onCorrupt === 'refuse' || isApplied ? ['30', oracle(30)] : ['8', oracle(8)])
    }
    const { folder, first, second } = await locked()
    const other = await createDatabase({ schema: defineSchema({ items: table({ id: int().key() }) }), storage: kept(folder.again()) })
    await shut(first)
    await expect(other.durability!.retry()).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' })
    expect(other.durability!.status).toBe('memory')
    await second.durability!.retry()
    expect(stateOf(second)).toBe(oracle(30))
    await shut(second)
  })

  it('that has no room for it, writes nothing over what is stored, and reads it when there is room', async () => {
    const { folder, first, second: db } = await locked()
    await shut(first)
    // An engine that is full.
    const { port } = db.inside
    Object.assign(port, { commit: () => { throw new EddylineError('MEMORY_BUDGET', 'there is no room') } })
    for (let n = 0; n < 2; n++) await expect(db.durability!.retry()).rejects.toMatchObject({ code: 'MEMORY_BUDGET' })
    expect([db.durability!.status, db.durability!.entries('my').size, folder.place.holder]).toEqual(['memory', 0, undefined])
    // Others have it meanwhile.
    expect(await opened(folder)).toEqual(['30', oracle(30)])
    delete (port as Partial<typeof port>).commit
    await db.durability!.retry()
    expect([db.durability!.status, stateOf(db), [...db.durability!.entries('my')]]).toEqual(['ready', oracle(30), [['a', 1]]])
    feed(db, 40)
    await shut(db)
    expect(await opened(folder)).toEqual(['40', oracle(40)])
  })

  it('closed meanwhile it lets go', async () => {
    for (let turns = 0; turns < 6; turns++) {
      const { folder, first, second } = await locked()
      await shut(first)
      const retried = second.durability!.retry().catch(() => {})
      for (let n = 0; n < turns; n++) await null
      await shut(second)
      await retried
      expect(await opened(folder)).toEqual(['30', oracle(30)])
    }
  })
})
