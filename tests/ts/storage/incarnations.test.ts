// A storage that was begun anew: its transactions count from one again, and are not those of who had it before, whatever their numbers.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import { Generations, MemoryFolder, type Transaction, decodeTransaction, memory } from '../../../pkg/storage/index.js'
import { Browser, until } from './browser.js'
import { Held, copyOf, kept, look } from './disks.js'
import { oldFolder } from './old-format.js'
import { type Db, fed, feed, open, oracle, rejection, shut, stateOf } from './stream.js'

afterEach(() => { vi.unstubAllGlobals() })

/** What the next one finds. */
async function found(folder: Held): Promise<unknown[]> {
  const told: string[] = []
  const db = await open(kept(folder.again(), { onWarning: w => { told.push(w.code) } }))
  const state = [told, ...look(db)]
  await shut(db)
  return state
}

/** The write of a database fails, and it loses its hold. */
async function fails(db: Db, folder: Held): Promise<void> {
  folder.place.isFull = true
  feed(db, Number(db.cursor('s') ?? 0) + 2)
  expect(await rejection(db.flush())).toBe('STORAGE_FULL')
  folder.place.isFull = false
  delete folder.place.holder
}

/** A database of ten batches that has failed. */
async function failed(folder = new Held()): Promise<{ folder: Held; first: Db }> {
  const first = await fed(kept(folder), 10)
  await fails(first, folder)
  return { folder, first }
}

/** Another database, with less than that one had, and acknowledged. */
async function another(folder: Held, isWhole = false): Promise<void> {
  const db = await open(kept(folder.again()))
  db.durability!.commit(undefined, { my: { by: 'another' } })
  feed(db, 3)
  if (isWhole) await db.durability!.checkpoint()
  await db.flush()
  await shut(db)
}

/** How all that is stored is lost. */
const LOST: [what: string, undo: (folder: Held) => void][] = [
  ['everything was deleted', folder => { folder.files.clear() }],
  ['it was damaged', folder => { folder.files.get('log-0')!.bytes[100] ^= 1 }],
]

/** The first record of what is stored. */
async function head(folder: MemoryFolder): Promise<Transaction & { incarnation?: string }> {
  const medium = new Generations(folder)
  await medium.open()
  try { for await (const bytes of medium.read()) return decodeTransaction(bytes) } finally { await medium.close() }
  throw new Error('nothing is stored')
}

describe('`retry` of a database whose storage was begun anew meanwhile writes over nothing that is acknowledged', () => {
  for (const isWhole of [false, true]) it.each(LOST)(`by a database with fewer transactions, after %s (a whole state: ${isWhole})`, async (_, undo) => {
    const { folder, first } = await failed()
    undo(folder)
    await another(folder, isWhole)
    for (let n = 0; n < 2; n++) expect(await rejection(first.durability!.retry())).toBe('NOT_DURABLE')
    expect([first.durability!.status, folder.place.holder, stateOf(first)]).toEqual(['memory', undefined, oracle(12)])
    await shut(first)
    expect(await found(folder)).toEqual([[], '3', [['by', 'another']], oracle(3)])
  })

  it('by one of the tables from which it has come itself', async () => {
    const folder = new Held()
    const old = defineSchema({ items: table({ id: int().key() }) }), now = defineSchema({ items: table({ id: int().key(), n: int() }) })
    const rows = async (schema: typeof old): Promise<number[]> => {
      const db = await createDatabase({ schema, storage: kept(folder.again()) })
      const ids = [...db.live(db.query.items).rows].map(r => r.id)
      await shut(db as never)
      return ids
    }
    const start = await createDatabase({ schema: old, storage: kept(folder) })
    for (const id of [1, 2, 3]) start.apply([{ op: 'insert', table: 'items', row: { id } }])
    await start.flush()
    await shut(start as never)
    const first = await createDatabase({ schema: now, storage: kept(folder.again(), { version: 2, migrations: { 2: row => ({ ...row, n: 0 }) } }) })
    folder.place.isFull = true
    first.apply([{ op: 'insert', table: 'items', row: { id: 4, n: 4 } }])
    expect(await rejection(first.flush())).toBe('STORAGE_FULL')
    folder.place.isFull = false
    delete folder.place.holder
    const second = await createDatabase({ schema: old, storage: kept(folder.again(), { onMismatch: 'rebuild' }) })
    await second.apply([{ op: 'insert', table: 'items', row: { id: 9 } }], { durable: true })
    await shut(second as never)
    expect(await rejection(first.durability!.retry())).toBe('NOT_DURABLE')
    await shut(first as never)
    expect(await rows(old)).toEqual([9])
  })

  it.each(LOST)('by the one that had it before, after %s', async (_, undo) => {
    const { folder, first } = await failed()
    const second = await fed(kept(folder.again()), 50)
    await fails(second, folder)
    undo(folder)
    await first.durability!.retry()
    await first.flush()
    await shut(first)
    expect(await rejection(second.durability!.retry())).toBe('NOT_DURABLE')
    await shut(second)
    expect(await found(folder)).toEqual([[], '12', [], oracle(12)])
  })

  it('by one that could not read it at the start, and found nothing then', async () => {
    const folder = new Held()
    const first = await open(kept(folder)), second = await open(kept(folder.again()))
    expect(second.durability!.status).toBe('memory')
    await first.flush()
    await fails(first, folder)
    second.durability!.commit(undefined, { my: { by: 'the second' } })
    await second.durability!.retry()
    await shut(second)
    expect(await rejection(first.durability!.retry())).toBe('NOT_DURABLE')
    await shut(first)
    expect(await found(folder)).toEqual([[], undefined, [['by', 'the second']], oracle(0)])
  })

  it('but where the other one has applied nothing it goes on', async () => {
    const { folder, first } = await failed()
    folder.files.clear()
    await shut(await open(kept(folder.again())))
    await first.durability!.retry()
    feed(first, 20)
    await shut(first)
    expect(await found(folder)).toEqual([[], '20', [], oracle(20)])
  })
})

describe('tabs whose storage was begun anew by a database without tabs', () => {
  const row = (id: number) => ({ op: 'upsert', table: 'items', row: { id, n: id, text: 'of the other', more: null } }) as const

  /** Puts another storage in the place of what is stored, of so many transactions, and says what it holds. */
  async function replaced(folder: MemoryFolder, many: number): Promise<unknown[]> {
    const other = new MemoryFolder()
    const db = await open(memory(other))
    // The first one is that of the schema.
    for (let n = 1; n < many; n++) db.apply({ changes: [row(1000 + n)], source: 's', cursor: 20 + n } as never)
    await db.flush()
    const state = look(db)
    await shut(db)
    folder.files.clear()
    for (const [name, file] of other.files) folder.files.set(name, file)
    return state
  }

  it.each([4, 11, 30])('one that takes over mixes nothing and writes over nothing (%i transactions, its own are 11)', async many => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    await fed(a.storage(), 10)
    const second = await open(b.storage())
    const state = await replaced(browser.folder, many)
    a.kill()
    await until('the end of it', () => second.durability!.status !== 'follower')
    expect([second.durability!.status, b.warnings, stateOf(second)]).toEqual(['memory', ['NOT_DURABLE'], oracle(10)])
    expect(second.durability!.warning!.message).toMatch(/begun anew.*reload this tab/)
    expect(await rejection(second.durability!.leading)).toBe('NOT_DURABLE')
    const third = await open(c.storage())
    expect([third.durability!.status, c.warnings, ...look(third)]).toEqual(['ready', [], ...state])
    await shut(second)
    await shut(third)
  })

  it('one that takes over where the other one has applied nothing writes what it has', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    await fed(a.storage(), 10)
    const second = await open(b.storage())
    await replaced(browser.folder, 1)
    a.kill()
    await second.durability!.leading
    feed(second, 20)
    await shut(second)
    const third = await open(c.storage())
    expect(stateOf(third)).toBe(oracle(20))
    await shut(third)
  })

  it.each([[11, false], [11, true], [10, true]])('one that follows is told the whole state of who leads then (%i transactions, its own are 11; not told who leads: %s)', async (many, isLost) => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    await fed(a.storage(), 10)
    // The second is not told what leads, and waits for the lock before the third does.
    a.isLost = m => m.kind === 'state'
    const opening = open(b.storage())
    await until('its question', () => browser.said.filter(m => m.kind === 'hello').length === 2)
    const asked = browser.said.filter(m => m.kind === 'hello').at(-1).from
    a.isLost = m => m.kind === 'state' && m.to === asked
    const third = await open(c.storage())
    expect(third.cursor('s')).toBe('10')
    await replaced(browser.folder, many)
    b.isLost = m => isLost && m.kind === 'lead'
    a.kill()
    const second = await opening
    if (isLost) { second.apply([row(7)]); if (many === 10) second.apply([row(8)]); await second.flush() }
    await until('the state', () => stateOf(third) === stateOf(second))
    expect([third.durability!.status, c.warnings, third.cursor('s')]).toEqual(['follower', [], second.cursor('s')])
    // It leads with that.
    b.kill()
    await third.durability!.leading
    expect([third.durability!.status, c.warnings]).toEqual(['ready', []])
    await shut(third)
  })

  it.each([1, 4, 11, 30])('one that takes over, and reads it late, does not take it for its own (%i transactions, its own are 11)', async many => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    await fed(a.storage(), 10)
    const second = await open(b.storage())
    const state = await replaced(browser.folder, many)
    b.asked = method => { if (method === 'read') throw Object.assign(new Error('not now'), { code: 'STORAGE_FAILED' }) }
    a.kill()
    await second.durability!.leading
    b.asked = () => {}
    // Where nothing was applied to the other it writes what it has.
    expect(await rejection(second.durability!.retry())).toBe(many === 1 ? 'none' : 'NOT_DURABLE')
    expect([second.durability!.status, stateOf(second)]).toEqual([many === 1 ? 'ready' : 'memory', oracle(10)])
    await shut(second)
    const third = await open(c.storage())
    expect([third.durability!.status, c.warnings, ...look(third)]).toEqual(['ready', [], ...many === 1 ? ['10', [], oracle(10)] : state])
    await shut(third)
  })

  it('one that comes while who leads begins it anew has what that one has then, and leads with that', async () => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    a.asked = method => { if (method === 'append') throw Object.assign(new Error('not now'), { code: 'STORAGE_FAILED' }) }
    const first = await open(a.storage())
    feed(first, 10)
    expect(await rejection(first.flush())).toBe('STORAGE_FAILED')
    a.asked = () => {}
    // It tells its state, and tries again before it has told all of it.
    let retried: Promise<void> | undefined
    a.isLost = m => { if (m.kind === 'state') retried ??= first.durability!.retry(); return false }
    const second = await open(b.storage())
    await retried
    await until('the state', () => stateOf(second) === oracle(10))
    a.kill()
    await until('the end of it', () => second.durability!.status !== 'follower')
    expect([second.durability!.status, b.warnings, second.cursor('s')]).toEqual(['ready', [], '10'])
    await shut(second)
  })

  it('one that takes over, and finds it damaged, writes what it has; the others follow, and lead with that', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    await fed(a.storage(), 10)
    const second = await open(b.storage()), third = await open(c.storage())
    const before = (await head(copyOf(browser.folder))).incarnation
    browser.folder.files.get('log-0')!.bytes[100] ^= 1
    a.kill()
    await second.durability!.leading
    expect([second.durability!.status, b.warnings]).toEqual(['ready', ['STORAGE_CORRUPT']])
    feed(second, 15)
    await second.flush()
    await until('the stream', () => third.cursor('s') === '15')
    expect((await head(copyOf(browser.folder))).incarnation).not.toBe(before)
    b.kill()
    await third.durability!.leading
    feed(third, 20)
    expect([third.durability!.status, c.warnings]).toEqual(['ready', []])
    await shut(third)
    const again = await open(browser.tab().storage())
    expect(stateOf(again)).toBe(oracle(20))
    await shut(again)
  })

  it('one that leads, and finds it gone when it tries again: the others follow, and lead with what it has written', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    const first = await fed(a.storage(), 10)
    const second = await open(b.storage())
    a.asked = method => { if (method === 'append') throw Object.assign(new Error('not now'), { code: 'STORAGE_FAILED' }) }
    feed(first, 12)
    expect(await rejection(first.flush())).toBe('STORAGE_FAILED')
    a.asked = () => {}
    browser.folder.files.clear()
    await first.durability!.retry()
    feed(first, 15)
    await first.flush()
    await until('the stream', () => second.cursor('s') === '15')
    a.kill()
    await second.durability!.leading
    expect([second.durability!.status, b.warnings]).toEqual(['ready', []])
    feed(second, 20)
    await shut(second)
    const third = await open(c.storage())
    expect(stateOf(third)).toBe(oracle(20))
    await shut(third)
  })
})

describe('an incarnation', () => {
  it('begins with a storage, lasts over openings, failures and checkpoints, and ends when everything is dropped', async () => {
    const folder = new Held()
    const first = await open(kept(folder))
    feed(first, 5)
    await shut(first)
    const { incarnation } = await head(folder.again())
    expect(incarnation).toMatch(/^\w{10,}$/)
    const second = await open(kept(folder.again()))
    await second.durability!.checkpoint()
    expect(folder.files.has('checkpoint-1')).toBe(true)
    await fails(second, folder)
    await second.durability!.retry()
    await shut(second)
    expect((await head(folder.again())).incarnation).toBe(incarnation)
    const other = await createDatabase({ schema: defineSchema({ items: table({ id: int().key() }) }), storage: kept(folder.again(), { onMismatch: 'rebuild' }) })
    await shut(other as never)
    const anew = (await head(folder.again())).incarnation
    expect([typeof anew, anew === incarnation]).toEqual(['string', false])
  })

  it.each(['log', 'checkpoint'] as const)('is not named by what was stored before there were any (%s): that is read, goes on, and is told from what is begun anew', async kind => {
    const folder = oldFolder(kind, new Held())
    const entries = [['count', 5n], ['bytes', new Uint8Array([1, 2, 3])]]
    expect((await head(folder.again())).incarnation).toBe(undefined)
    expect(await found(folder)).toEqual([[], '6', entries, oracle(6)])
    const first = await fed(kept(folder.again()), 10)
    await fails(first, folder)
    // Another one that writes it anew as it is takes nothing from the first.
    const second = await open(kept(folder.again()))
    await second.durability!.checkpoint()
    await shut(second)
    await first.durability!.retry()
    expect(await rejection(first.flush())).toBe('none')
    await fails(first, folder)
    expect(await found(folder)).toEqual([[], '12', entries, oracle(12)])
    folder.files.clear()
    await another(folder)
    expect(await rejection(first.durability!.retry())).toBe('NOT_DURABLE')
    await shut(first)
    expect(await found(folder)).toEqual([[], '3', [['by', 'another']], oracle(3)])
  })
})
