// A tab whose engine crashes: it leads no longer, so that a healthy one does, and nothing that was acknowledged or told is lost.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { tenant } from '../../../pkg/watch/index.js'
import { Browser, type Tab, stored, until } from './browser.js'
import { Disk, kept, look, turns } from './disks.js'
import { batch, type Db, fed, feed, open, oracle, rejection, shut, stateOf } from './stream.js'

/** Errors that had no caller to go to. */
let reported: string[] = []
beforeEach(() => {
  reported = []
  vi.stubGlobal('reportError', (error: { code: string }) => { reported.push(error.code) })
})
afterEach(() => { vi.unstubAllGlobals() })

/** From now on the engine of a database traps in these calls. */
function traps(db: Db, ...calls: string[]): void {
  for (const name of calls) Object.defineProperty(db.inside.port.engine, name, { value: () => { throw new WebAssembly.RuntimeError('unreachable') } })
}

/** The engine crashes in a call of the application. */
function crash(db: Db): void {
  traps(db, 'commit')
  expect(() => db.apply([{ op: 'delete', table: 'items', id: 1 }])).toThrowError(expect.objectContaining({ code: 'ENGINE_CRASHED' }))
}

async function opened(browser: Browser, many: number): Promise<{ tab: Tab; db: Db }[]> {
  const all: { tab: Tab; db: Db }[] = []
  for (let n = 0; n < many; n++) {
    const tab = browser.tab()
    all.push({ tab, db: await open(tab.storage()) })
    if (n === 0) { feed(all[0].db, 10); await all[0].db.flush() }
  }
  return all
}

describe('a leading tab whose engine crashes', () => {
  it('lets another one lead, with all that was applied before, and says so', async () => {
    const browser = new Browser()
    const [first, second, third] = await opened(browser, 3)
    const { durability } = first.db
    const statuses: string[] = []
    durability!.subscribe(status => { statuses.push(status) })
    durability!.commit(undefined, { my: { a: 1 } })
    feed(first.db, 14)
    const durable = rejection(first.db.apply(batch(15) as never, { durable: true }))
    crash(first.db)
    await until('another leader', () => second.db.durability!.status === 'ready')
    expect([await durable, ...look(second.db)]).toEqual(['none', '15', [['a', 1]], oracle(15)])
    feed(second.db, 20)
    await second.db.flush()
    await until('the stream', () => third.db.cursor('s') === '20')
    expect([third.db.durability!.status, stateOf(third.db), third.tab.warnings]).toEqual(['follower', oracle(20), []])
    // It keeps what it had, and does nothing more.
    expect([durability!.status, durability!.warning!.code, statuses, first.tab.warnings, durability!.entries('my').get('a')]).toEqual(['memory', 'ENGINE_CRASHED', ['memory'], ['ENGINE_CRASHED'], 1])
    for (const asked of [first.db.flush(), durability!.retry(), durability!.checkpoint(), first.db.apply([], { durable: true })]) expect(await rejection(asked)).toBe('ENGINE_CRASHED')
    expect(() => durability!.commit(undefined, { my: { a: 2 } })).toThrowError(expect.objectContaining({ code: 'ENGINE_CRASHED' }))
    const last = browser.tab()
    const fourth = await open(last.storage())
    expect([fourth.durability!.status, stateOf(fourth)]).toEqual(['follower', oracle(20)])
    for (const db of [first.db, third.db, fourth, second.db]) await shut(db)
    expect([await stored(browser), reported]).toEqual([['ready', [], '20', [['a', 1]], oracle(20)], []])
  })

  it('alone: who opens next leads, also before it is closed', async () => {
    const browser = new Browser()
    const [first] = await opened(browser, 1)
    crash(first.db)
    expect(await stored(browser)).toEqual(['ready', [], '10', [], oracle(10)])
    await shut(first.db)
    expect(first.db.durability!.status).toBe('closed')
    expect(await stored(browser)).toEqual(['ready', [], '10', [], oracle(10)])
  })

  it.each(['export_begin', 'export_next', 'cursors'])('while it tells the state (%s): who waits for that leads', async call => {
    const browser = new Browser()
    const [first] = await opened(browser, 1)
    traps(first.db, call)
    const second = await open(browser.tab().storage())
    expect([second.durability!.status, stateOf(second)]).toEqual(['ready', oracle(10)])
    expect([first.db.durability!.status, first.tab.warnings, reported]).toEqual(['memory', ['ENGINE_CRASHED'], ['ENGINE_CRASHED']])
    await shut(second)
    await shut(first.db)
  })

  it('while it has no room for what it told: who leads then has it, and it is stored', async () => {
    const disk = new Disk(), browser = new Browser({ folder: disk })
    const [first, second] = await opened(browser, 2)
    disk.full = /./
    feed(first.db, 14)
    expect(await rejection(first.db.flush())).toBe('STORAGE_FULL')
    await until('the stream', () => second.db.cursor('s') === '14')
    disk.full = undefined
    crash(first.db)
    await second.db.durability!.leading
    await second.db.flush()
    second.tab.kill()
    expect(await stored(browser)).toEqual(['ready', [], '14', [], oracle(14)])
  })

  it('at any time while it writes all anew: nothing is half stored', async () => {
    const ends = new Set<string>()
    for (let after = 0; after < 30; after += 3) {
      const disk = new Disk(), browser = new Browser({ folder: disk })
      const [first, second] = await opened(browser, 2)
      disk.full = /./
      feed(first.db, 12)
      await rejection(first.db.flush())
      await until('the stream', () => second.db.cursor('s') === '12')
      disk.full = undefined
      const retried = rejection(first.db.durability!.retry())
      await turns(after)
      traps(first.db, 'export_next', 'export_begin', 'cursors')
      crash(first.db)
      ends.add(await retried)
      await second.db.durability!.leading
      expect([second.db.durability!.status, stateOf(second.db)], `${after} turns`).toEqual(['ready', oracle(12)])
      await shut(second.db)
      expect((await stored(browser)).slice(0, 3), `${after} turns`).toEqual(['ready', [], '12'])
    }
    // It is not closed.
    expect([...ends].sort()).toEqual(['ENGINE_CRASHED', 'none'])
  })
})

it('a leading tab that had lost its storage says so once, whatever crashes then', async () => {
  const disk = new Disk(), browser = new Browser({ folder: disk })
  const [first] = await opened(browser, 1)
  const { durability } = first.db, statuses: string[] = []
  durability!.subscribe(status => { statuses.push(status) })
  disk.full = /./
  feed(first.db, 12)
  expect(await rejection(first.db.flush())).toBe('STORAGE_FULL')
  crash(first.db)
  await shut(first.db)
  expect([statuses, first.tab.warnings]).toEqual([['memory', 'closed'], ['STORAGE_FULL', 'ENGINE_CRASHED']])
})

it('a tab that takes over, and whose engine crashes by that, lets the next one lead', async () => {
  const browser = new Browser()
  const [first, second, third] = await opened(browser, 3)
  // It was not told the last of it.
  first.tab.isLost = m => m.kind === 'record'
  feed(first.db, 12)
  await first.db.flush()
  traps(second.db, 'commit')
  first.tab.kill()
  await third.db.durability!.leading
  expect([stateOf(third.db), second.db.durability!.status, second.tab.warnings]).toEqual([oracle(12), 'memory', ['ENGINE_CRASHED']])
  expect(await rejection(second.db.durability!.leading)).toBe('ENGINE_CRASHED')
  await shut(second.db)
  await shut(third.db)
})

it('a tab that follows, and whose engine crashes, says so at once, and waits for nothing', async () => {
  const browser = new Browser()
  const [first, second, third] = await opened(browser, 3)
  traps(second.db, 'register')
  expect(() => second.db.live(second.db.query.items.where('n', '>', 3))).toThrowError(expect.objectContaining({ code: 'ENGINE_CRASHED' }))
  expect([second.db.durability!.status, second.tab.warnings]).toEqual(['memory', ['ENGINE_CRASHED']])
  expect(await rejection(second.db.durability!.leading)).toBe('ENGINE_CRASHED')
  first.tab.kill()
  await third.db.durability!.leading
  for (const { db } of [second, third]) await shut(db)
})

it.each(['leads', 'follows'])('counters that are kept throw nothing where a tab that %s has crashed', async what => {
  const thrown: unknown[] = []
  const hear = (error: unknown): void => { thrown.push(error) }
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', hear)
  try {
    const browser = new Browser()
    const all = await opened(browser, 2)
    const { db } = all[what === 'leads' ? 0 : 1]
    const t = tenant(db, 't0', { keepCounters: true })
    expect(t.counters('notes').changes).toBe(0)
    await until('the stream', () => all[1].db.cursor('s') === '10')
    feed(all[0].db, 14)
    await until('the stream', () => all[1].db.cursor('s') === '14')
    expect(t.counters('notes').changes).toBeGreaterThan(0)
    traps(db, 'register')
    expect(() => db.live(db.query.items.where('n', '>', 3))).toThrowError(expect.objectContaining({ code: 'ENGINE_CRASHED' }))
    t.clearCounters('notes')
    await turns(3)
    for (const each of all) await shut(each.db)
    expect(thrown).toEqual([])
  } finally {
    process.off('uncaughtException', hear)
    for (const each of before) process.on('uncaughtException', each)
  }
})

it('a database without tabs whose engine has crashed, and that tries again, writes nothing behind what is stored', async () => {
  const disk = new Disk()
  const db = await fed(kept(disk), 10)
  disk.full = /./
  feed(db, 12)
  expect(await rejection(db.flush())).toBe('STORAGE_FULL')
  disk.full = undefined
  crash(db)
  expect(await rejection(db.durability!.retry())).toBe('ENGINE_CRASHED')
  const told = [await rejection(db.flush()), db.durability!.status, db.durability!.warning!.code]
  await shut(db)
  const warnings: string[] = []
  const again = await open(kept(disk, { onWarning: w => { warnings.push(w.code) } }))
  expect([warnings, ...look(again)]).toEqual([[], '10', [], oracle(10)])
  await shut(again)
  expect(told).toEqual(['ENGINE_CRASHED', 'memory', 'ENGINE_CRASHED'])
})

it('a database without tabs whose engine crashes lets its storage go, with all that was applied, and says so, as one with tabs', async () => {
  const disk = new Disk(), warnings: string[] = [], statuses: string[] = []
  const db = await fed(kept(disk, { onWarning: w => { warnings.push(w.code) } }), 10)
  const { durability } = db
  durability!.subscribe(status => { statuses.push(status) })
  durability!.commit(undefined, { my: { a: 1 } })
  feed(db, 14)
  const durable = rejection(db.apply(batch(15) as never, { durable: true }))
  crash(db)
  // At once: it is waited for, as for one that is closed.
  const next = await open(kept(disk))
  expect([next.durability!.status, await durable, ...look(next)]).toEqual(['ready', 'none', '15', [['a', 1]], oracle(15)])
  expect([durability!.status, durability!.warning!.code, statuses, warnings, durability!.entries('my').get('a')]).toEqual(['memory', 'ENGINE_CRASHED', ['memory'], ['ENGINE_CRASHED'], 1])
  for (const asked of [db.flush(), durability!.retry(), durability!.checkpoint(), db.apply([], { durable: true })]) expect(await rejection(asked)).toBe('ENGINE_CRASHED')
  expect(() => durability!.commit(undefined, { my: { a: 2 } })).toThrowError(expect.objectContaining({ code: 'ENGINE_CRASHED' }))
  await shut(db)
  expect([durability!.status, statuses]).toEqual(['closed', ['memory', 'closed']])
  // It lets nothing go that is another's by now.
  feed(next, 20)
  await next.flush()
  const third = await open(kept(disk))
  expect(third.durability!.warning!.code).toBe('STORAGE_LOCKED')
  for (const each of [third, next]) await shut(each)
})
