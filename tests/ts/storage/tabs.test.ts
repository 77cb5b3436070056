// Several tabs on one storage: who closes, is killed, or has other tables, at every step of a hand-over.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Database, createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import type { StoreOptions } from '../../../pkg/storage/index.js'
import { Browser, type Tab, until } from './browser.js'
import { fed, feed, open, oracle, shut, stateOf } from './stream.js'

afterEach(() => { vi.unstubAllGlobals() })

const rejection = (promise: Promise<unknown>): Promise<{ code: string; path?: string; message: string }> => promise.then(() => ({ code: 'none', message: '' }), error => error)

describe('tabs', () => {
  it('one leads, the others follow, and the next one goes on', async () => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await open(a.storage()), second = await open(b.storage())
    expect([first.durability!.status, second.durability!.status]).toEqual(['ready', 'follower'])
    feed(first, 30)
    await first.flush()
    await until('the stream', () => second.cursor('s') === '30')
    a.kill()
    await second.durability!.leading
    feed(second, 40)
    await shut(second)
    const again = await open(browser.tab().storage())
    expect(stateOf(again)).toBe(oracle(40))
    await shut(again)
  })

  it.each(['open', 'read', 'after it'])('closed while it takes over (at %s): what is stored stays, and is free', async at => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await fed(a.storage({ checkpointBytes: 1 }), 10)
    const second = await open(b.storage())
    // The last transactions are not told any more.
    a.isLost = () => true
    feed(first, 30)
    await first.flush()
    b.asked = method => { if (method === at) second.close() }
    a.kill()
    if (at === 'after it') { await second.durability!.leading; second.close() }
    await second.durability!.closed
    expect(b.warnings).toEqual([])
    const last = browser.tab()
    const again = await open(last.storage())
    expect([again.durability!.status, last.warnings, stateOf(again)]).toEqual(['ready', [], oracle(30)])
    await shut(again)
  })

  it.each([true, false])('a leader that is killed while it tells the state: nothing of it stays (another one leads: %s)', async isThird => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    const first = await open(a.storage())
    feed(first, 50)
    first.apply(Array.from({ length: 3000 }, (_, i) => ({ op: 'upsert', table: 'items', row: { id: 1000 + i, n: 0, text: 'x'.repeat(40), more: null } })) as never)
    first.durability!.commit(undefined, { my: { a: 'old', b: 1 } })
    await first.flush()
    const second = isThird ? await open(b.storage()) : undefined
    // The third is told half of it, that rows go, and then no more.
    let pieces = 0
    a.isLost = m => m.kind === 'state' && ++pieces > 3
    const opening = open(c.storage())
    await until('the half', () => pieces > 3)
    first.apply([{ op: 'reset', table: 'items' }, { op: 'reset', table: 'pairs' }] as never)
    first.durability!.commit(undefined, { my: { a: 'new', b: undefined } })
    await first.flush()
    if (second !== undefined) await until('the last record', () => second.durability!.entries('my').get('a') === 'new')
    const expected = stateOf(first)
    a.kill()
    const third = await opening
    const look = (db: typeof third) => [db.durability!.status, db.cursor('s'), [...db.durability!.entries('my')], stateOf(db)]
    expect(look(third)).toEqual([isThird ? 'follower' : 'ready', '50', [['a', 'new']], expected])
    if (second !== undefined) await shut(second)
    await third.durability!.leading
    await third.durability!.checkpoint()
    await shut(third)
    const again = await open(browser.tab().storage())
    expect(look(again)).toEqual(['ready', '50', [['a', 'new']], expected])
    await shut(again)
  })

  it('told the state twice it has it once', async () => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await open(a.storage())
    first.apply(Array.from({ length: 3000 }, (_, i) => ({ op: 'upsert', table: 'items', row: { id: i, n: 0, text: 'x'.repeat(40), more: null } })) as never)
    const opening = open(b.storage())
    await until('the second state', () => {
      const { from } = browser.said.find(m => m.kind === 'hello' && m.from !== browser.said[0].from) ?? {}
      if (from !== undefined) b.channel!.postMessage({ kind: 'hello', from })
      return from !== undefined
    })
    const second = await opening
    expect(stateOf(second)).toBe(stateOf(first))
    await shut(second)
    await shut(first)
  })

  it('that cannot take over keeps its rows, says so, and lets the next one try', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    await fed(a.storage(), 20)
    const second = await open(b.storage({ onCorrupt: 'refuse' })), third = await open(c.storage())
    await shut(third)
    const statuses: string[] = []
    second.durability!.subscribe(status => { statuses.push(status) })
    browser.folder.files.get('log-0')!.bytes[700] ^= 1
    a.kill()
    const { durability } = second
    await until('the refusal', () => durability!.status === 'memory')
    expect([statuses, b.warnings, durability!.warning!.code, stateOf(second)]).toEqual([['memory'], ['STORAGE_CORRUPT'], 'STORAGE_CORRUPT', oracle(20)])
    for (const asked of [durability!.leading, durability!.retry(), second.flush(), durability!.checkpoint(), second.apply([], { durable: true })]) expect((await rejection(asked)).code).toBe('STORAGE_CORRUPT')
    expect(() => second.apply([])).toThrowError(expect.objectContaining({ code: 'STORAGE_CORRUPT' }))
    const d = browser.tab()
    expect((await rejection(open(d.storage({ onCorrupt: 'refuse' })))).code).toBe('STORAGE_CORRUPT')
    const fresh = await open(d.storage())
    expect([fresh.durability!.status, d.warnings, stateOf(second)]).toEqual(['ready', ['STORAGE_CORRUPT'], oracle(20)])
    await shut(second)
    await shut(fresh)
  })

  it('without locks (a frame of no origin) it is as without tabs', async () => {
    const tab = new Browser({ denied: true }).tab()
    const db = await open(tab.storage({ worker: () => { throw new DOMException('denied', 'SecurityError') } }))
    feed(db, 5)
    expect([db.durability!.status, tab.warnings, stateOf(db)]).toEqual(['memory', ['STORAGE_UNAVAILABLE'], oracle(5)])
    await shut(db)
  })
})

describe('tabs of two versions of an application', () => {
  const old = defineSchema({ items: table({ id: int().key(), price: int(), stock: int() }) })
  // The same layout, and other columns in it.
  const swapped = defineSchema({ items: table({ id: int().key(), stock: int(), price: int() }) })
  const two: StoreOptions = { version: 2, migrations: { 2: row => row } }
  const start = (tab: Tab, schema: any, options?: StoreOptions): Promise<Database<any>> => createDatabase({ schema, storage: tab.storage(options) })
  const rows = (db: Database<any>): object[] => [...db.live((db.query as any).items.orderBy('id')).rows].map((r: any) => ({ id: r.id, price: r.price, stock: r.stock }))

  it.each([['without a way there', {}], ['with migrations', two], ['begin empty', { onMismatch: 'rebuild' } as StoreOptions]])('one with other tables is refused while the other is open: %s', async (_, options) => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await start(a, old)
    first.apply([{ op: 'insert', table: 'items', row: { id: 1, price: 999, stock: 3 } }])
    await first.flush()
    const error = await rejection(start(b, swapped, options))
    expect([error.code, error.path, error.message]).toEqual(['SCHEMA_MISMATCH', 'storage.tabs', expect.stringMatching(/close or reload that one/) as unknown])
    // The first goes on; the second is not in its way.
    first.apply([{ op: 'insert', table: 'items', row: { id: 2, price: 5, stock: 1 } }])
    await shut(first)
    if (options === two) {
      const next = await start(browser.tab(), swapped, two)
      expect(rows(next)).toEqual([{ id: 1, price: 999, stock: 3 }, { id: 2, price: 5, stock: 1 }])
      await shut(next)
    } else if (options.onMismatch === undefined) expect(await rejection(start(browser.tab(), swapped, options))).toMatchObject({ code: 'SCHEMA_MISMATCH', path: 'storage.version' })
  })

  it('one with the same tables under another number follows, as what is stored is read', async () => {
    const browser = new Browser()
    const first = await start(browser.tab(), old)
    first.apply([{ op: 'insert', table: 'items', row: { id: 1, price: 999, stock: 3 } }])
    const second = await start(browser.tab(), old, { version: 2 })
    expect(rows(second)).toEqual(rows(first))
    await shut(second)
    await shut(first)
  })

  it.each(['a log', 'a checkpoint'])('a newer one that has followed one that could not read what is stored, and takes over, migrates it as an opening does: %s', async kept => {
    const browser = new Browser()
    const first = await start(browser.tab(), old)
    first.apply([{ op: 'insert', table: 'items', row: { id: 1, price: 999, stock: 3 } }])
    first.apply({ changes: [{ op: 'insert', table: 'items', row: { id: 2, price: 5, stock: 1 } }], source: 's', cursor: 7 } as never)
    first.durability!.commit(undefined, { my: { a: 1 } })
    if (kept === 'a checkpoint') await first.durability!.checkpoint()
    await shut(first)
    const [a, b] = [browser.tab(), browser.tab()]
    a.asked = method => { if (method === 'read') throw Object.assign(new Error('not now'), { code: 'STORAGE_FAILED' }) }
    const second = await start(a, swapped, two), third = await start(b, swapped, two)
    expect([second.durability!.status, third.durability!.status]).toEqual(['memory', 'follower'])
    const versions: number[] = []
    third.subscribe(({ version }) => { versions.push(version) })
    await shut(second)
    await until('the end of it', () => third.durability!.status !== 'follower')
    const look = (db: Database<any>): unknown[] => [db.durability!.status, rows(db), db.cursor('s'), [...db.durability!.entries('my')]]
    const all = ['ready', [{ id: 1, price: 999, stock: 3 }, { id: 2, price: 5, stock: 1 }], '7', [['a', 1]]]
    expect([look(third), b.warnings]).toEqual([all, []])
    // The rows, then the cursor.
    expect(versions.length).toBeLessThanOrEqual(2)
    await shut(third)
    const last = browser.tab(), next = await start(last, swapped, { version: 2 })
    expect([look(next), last.warnings]).toEqual([all, []])
    await shut(next)
  })

  it('one that has followed, and finds a newer one leading, keeps its rows, says so, and writes nothing', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    const first = await start(a, old)
    first.apply([{ op: 'insert', table: 'items', row: { id: 1, price: 999, stock: 3 } }])
    await first.flush()
    // The newer one waits for the lock before the third does, and is not told what leads.
    a.isLost = m => m.kind === 'state'
    const opening = start(b, swapped, two)
    await until('its question', () => browser.said.some(m => m.kind === 'hello' && m.from !== browser.said[0].from))
    const asked = browser.said.filter(m => m.kind === 'hello').at(-1).from
    a.isLost = m => m.kind === 'state' && m.to === asked
    const third = await start(c, old)
    const statuses: string[] = []
    third.durability!.subscribe(status => { statuses.push(status) })
    a.kill()
    const second = await opening
    await until('the news', () => third.durability!.status === 'memory')
    second.apply([{ op: 'insert', table: 'items', row: { id: 2, price: 5, stock: 1 } }])
    await second.flush()
    expect([rows(third), statuses, c.warnings]).toEqual([[{ id: 1, price: 999, stock: 3 }], ['memory'], ['SCHEMA_MISMATCH']])
    expect(third.durability!.warning).toMatchObject({ code: 'SCHEMA_MISMATCH', path: 'storage.tabs', message: expect.stringMatching(/reload this one/) as unknown })
    for (const asked of [third.durability!.leading, third.durability!.retry(), third.flush()]) expect((await rejection(asked)).code).toBe('SCHEMA_MISMATCH')
    expect(() => third.apply([])).toThrowError(expect.objectContaining({ code: 'SCHEMA_MISMATCH' }))
    await shut(second)
    const next = await start(browser.tab(), swapped, two)
    expect([next.durability!.status, rows(next)]).toEqual(['ready', [{ id: 1, price: 999, stock: 3 }, { id: 2, price: 5, stock: 1 }]])
    await shut(third)
    await shut(next)
  })
})
