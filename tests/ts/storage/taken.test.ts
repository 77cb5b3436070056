// A storage that somebody else has had since a database of it has failed: what that one was told is durable stays.
import { describe, expect, it } from 'vitest'
import { createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import { Generations, storage } from '../../../pkg/storage/index.js'
import { Held, kept } from './disks.js'
import { type Db, fed, feed, open, oracle, shut, stateOf } from './stream.js'

const found = async (folder: Held): Promise<unknown[]> => {
  const told: string[] = []
  const db = await open(kept(folder.again(), { onWarning: w => { told.push(w.code) } }))
  const state = [told, db.cursor('s'), db.durability!.entries('my').get('by'), stateOf(db)]
  await shut(db)
  return state
}

/** A database of ten batches whose write of the eleventh and twelfth has failed, and which has lost its hold. */
async function failed(): Promise<{ folder: Held; first: Db }> {
  const folder = new Held()
  const first = await fed(kept(folder), 10)
  folder.place.isFull = true
  feed(first, 12)
  await expect(first.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  folder.place.isFull = false
  delete folder.place.holder
  return { folder, first }
}

describe('`retry` of a database that has failed', () => {
  it.each([['a version', 11, false], ['as many versions', 12, false], ['more of them', 30, false], ['a whole state', 30, true]])('writes over nothing that another one was told is durable since: %s', async (_, to, isWhole) => {
    const { folder, first } = await failed()
    const second = await open(kept(folder.again()))
    second.durability!.commit(undefined, { my: { by: 'another' } })
    feed(second, to)
    await second.flush()
    if (isWhole) await second.durability!.checkpoint()
    await expect(first.durability!.retry()).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    await shut(second)
    const rejected = expect(first.durability!.retry()).rejects
    await rejected.toMatchObject({ code: 'NOT_DURABLE', message: expect.stringMatching(/open it anew/) as unknown })
    // It has let it go, goes on in memory, and does not try again what it must not.
    expect([first.durability!.status, folder.place.holder]).toEqual(['memory', undefined])
    feed(first, 40)
    await expect(first.durability!.retry()).rejects.toMatchObject({ code: 'NOT_DURABLE' })
    await expect(first.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    expect(stateOf(first)).toBe(oracle(40))
    await shut(first)
    expect(await found(folder)).toEqual([[], String(to), 'another', oracle(to)])
  })

  it.each([false, true])('does not bring back what another one has deleted, where that is everything (a whole state: %s)', async isWhole => {
    const folder = new Held()
    const rows = async (): Promise<unknown[]> => {
      const db = await open(kept(folder.again()))
      const all = [...db.live(db.query.pairs).rows]
      await shut(db)
      return all
    }
    const first = await open(kept(folder))
    first.apply([{ op: 'insert', table: 'pairs', row: { a: 'x', b: 1, n: 1 } }])
    await first.flush()
    folder.place.isFull = true
    first.apply([{ op: 'insert', table: 'pairs', row: { a: 'x', b: 2, n: 2 } }])
    await expect(first.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    folder.place.isFull = false
    delete folder.place.holder
    const second = await open(kept(folder.again()))
    await second.apply([{ op: 'delete', table: 'pairs', id: ['x', 1] }], { durable: true })
    if (isWhole) await second.durability!.checkpoint()
    await shut(second)
    await expect(first.durability!.retry()).rejects.toMatchObject({ code: 'NOT_DURABLE' })
    await shut(first)
    expect(await rows()).toEqual([])
  })

  it('writes where another one has only looked', async () => {
    const { folder, first } = await failed()
    expect(await found(folder)).toEqual([[], '10', undefined, oracle(10)])
    await first.durability!.retry()
    feed(first, 20)
    await shut(first)
    expect(await found(folder)).toEqual([[], '20', undefined, oracle(20)])
  })

  it('writes over nothing that has other tables by now', async () => {
    const { folder, first } = await failed()
    const other = defineSchema({ items: table({ id: int().key() }) })
    const second = await createDatabase({ schema: other, storage: kept(folder.again(), { version: 2, onMismatch: 'rebuild' }) })
    await second.apply([{ op: 'insert', table: 'items', row: { id: 5 } }], { durable: true })
    await shut(second as never)
    await expect(first.durability!.retry()).rejects.toMatchObject({ code: 'NOT_DURABLE' })
    await shut(first)
    const again = await createDatabase({ schema: other, storage: kept(folder.again(), { version: 2 }) })
    expect([...again.live(again.query.items).rows]).toEqual([{ id: 5 }])
    await shut(again as never)
  })

  it('writes where everything is gone', async () => {
    const { folder, first } = await failed()
    folder.files.clear()
    await first.durability!.retry()
    feed(first, 20)
    await shut(first)
    expect(await found(folder)).toEqual([[], '20', undefined, oracle(20)])
  })

  it('writes behind what it has written itself without being told, however often it fails', async () => {
    for (const at of ['append', 'publish', 'append and publish']) {
      const folder = new Held()
      let isUnheard = false
      /** Done, and told that it is not. */
      class Unheard extends Generations {
        override async append(records: readonly Uint8Array[]) { await super.append(records); if (isUnheard && at.includes('append')) throw new Error('not heard of') }
        override async publish() { await super.publish(); if (isUnheard && at.includes('publish')) throw new Error('not heard of') }
      }
      const db = await fed(storage(() => new Unheard(folder), { onWarning: () => {}, checkpointBytes: Infinity }), 10)
      isUnheard = at.includes('append')
      folder.place.isFull = !isUnheard
      feed(db, 12)
      await expect(db.flush()).rejects.toMatchObject({ code: isUnheard ? 'STORAGE_FAILED' : 'STORAGE_FULL' })
      folder.place.isFull = false
      isUnheard = true
      for (const to of [14, 16]) {
        if (at.includes('publish')) await expect(db.durability!.retry()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
        feed(db, to)
      }
      isUnheard = false
      await db.durability!.retry()
      feed(db, 20)
      await shut(db)
      expect(await found(folder), at).toEqual([[], '20', undefined, oracle(20)])
    }
  })
})
