// Tabs at random: opened, closed, killed before they tell what is durable, with disks that are full or cannot be read for a while. What was
// acknowledged is there at the end, and each tab has at any time the state of its cursor.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { random } from '../real/support.js'
import { Browser, type Tab, until } from './browser.js'
import { Disk, turns } from './disks.js'
import { type Db, batch, open, oracle, shut, stateOf } from './stream.js'

afterEach(() => { vi.unstubAllGlobals() })

interface Page { tab: Tab; name: string; db: Db | undefined; opening: Promise<void>; hasLed: boolean }

/** In `harsh` runs engines of leading tabs crash as well, and all that is stored goes with some of the tabs that are killed. */
async function run(seed: number, isHarsh: boolean): Promise<string[]> {
  const rnd = random(seed), harsh = random(seed + 7777)
  vi.stubGlobal('reportError', (error: { code?: string }) => { if (error.code !== 'ENGINE_CRASHED') wrong.push(`reported: ${error}`) })
  const disk = new Disk(), browser = new Browser({ folder: disk })
  const wrong: string[] = [], log: string[] = []
  let isUnreadable = false, next = 0
  let acknowledged = 0, drops = 0
  /** Entries by who wrote them. */
  const promised = new Map<string, number>()
  let pages: Page[] = []
  const check = (page: Page): void => {
    const { db } = page
    if (db === undefined || db.durability!.status === 'closed' || db.inside.port.dead !== undefined) return
    const cursor = Number(db.cursor('s') ?? 0)
    if (stateOf(db) !== oracle(cursor)) wrong.push(`${page.name} (${db.durability!.status}) has not the state of its cursor ${cursor}`)
  }
  const start = async (): Promise<void> => {
    const tab = browser.tab(), name = `p${next++}`
    tab.asked = method => { if (method === 'read' && isUnreadable) throw Object.assign(new Error('not now'), { code: 'STORAGE_FAILED' }) }
    const page: Page = { tab, name, db: undefined, opening: Promise.resolve(), hasLed: false }
    page.opening = open(tab.storage({ checkpointBytes: 1500 })).then(db => {
      page.db = db
      db.durability!.leading.then(() => { page.hasLed = true }, () => {})
    })
    page.opening.catch(error => { if (!tab.isDead) wrong.push(`${name} does not open: ${error}`) })
    pages.push(page)
    // One after the other: the browser knows a page that says its first word as the one that was made last.
    await until('its channel', () => tab.channel)
  }
  const feed = (page: Page, count: number): void => {
    const { db, name } = page
    try {
      for (let n = Number(db!.cursor('s') ?? 0) + 1; count-- > 0; n++) db!.durability!.commit(batch(n), { by: { [name]: n } })
    } catch (error) {
      if (!['FOLLOWER', 'NOT_DURABLE', 'STORAGE_FAILED', 'STORAGE_FULL', 'ENGINE_CRASHED'].includes((error as { code: string }).code)) wrong.push(`${name}: ${error}`)
      return
    }
    const at = Number(db!.cursor('s') ?? 0), before = drops
    void db!.flush().then(() => {
      if (before !== drops) return
      acknowledged = Math.max(acknowledged, at)
      promised.set(name, Math.max(promised.get(name) ?? 0, at))
    }, () => {})
  }
  /** Nothing hangs for ever. */
  const ended = async (what: string, work: Promise<unknown>): Promise<void> => {
    let isOver = false
    work.then(() => { isOver = true }, () => { isOver = true })
    await until(what, () => isOver).catch(error => { wrong.push(String(error)) })
  }
  /** From now on its engine traps in a call, which may be the next one or not. */
  const traps = ({ db }: Page): void => { Object.defineProperty(db!.inside.port.engine, ['commit', 'changes', 'export_begin', 'export_next', 'cursors'][harsh(5)], { configurable: true, value: () => { throw new WebAssembly.RuntimeError('unreachable') } }) }
  const gone = (page: Page): void => { pages = pages.filter(p => p !== page) }

  await start()
  for (let step = 0; step < 60; step++) {
    const page = pages[rnd(pages.length)]
    const leads = page?.db !== undefined && ['ready', 'memory'].includes(page.db.durability!.status)
    const what = rnd(13)
    log.push(`${what} ${page?.name}`)
    if (isHarsh && leads && harsh(8) === 0) { log.push('traps'); traps(page) }
    if (what <= 1) { if (pages.length < 4) await start() }
    else if (what <= 5) { if (leads) feed(page, 1 + rnd(4)) }
    else if (what === 6 && page !== undefined) {
      // What it writes last it does not come to tell.
      let isOver = false
      if (leads) { page.tab.isLost = () => isOver ||= rnd(3) === 0; feed(page, 1 + rnd(4)); await turns(rnd(8)) }
      page.tab.kill()
      gone(page)
      // Nobody has it open then.
      if (isHarsh && harsh(2) === 0 && page.hasLed && page.db!.inside.port.dead === undefined) {
        log.push('all dropped')
        disk.files.clear()
        drops++
        acknowledged = 0
        promised.clear()
      }
    } else if (what === 7 && page?.db !== undefined) { gone(page); page.db.close(); if (rnd(2) === 0) await ended(`the end of ${page.name}`, page.db.durability!.closed) }
    else if (what === 8) disk.full = rnd(3) === 0 ? /./ : undefined
    else if (what === 9) isUnreadable = rnd(4) === 0
    else if (what === 10) { if (leads) void page.db!.durability!.checkpoint().catch(() => {}) }
    else if (leads) void page.db!.durability!.retry().catch(() => {})
    await turns(rnd(6))
    for (const p of pages) check(p)
    if (wrong.length > 0) break
  }
  disk.full = undefined
  isUnreadable = false
  // Those that live come to have the same.
  for (const p of pages) await ended(`the opening of ${p.name}`, p.opening)
  if (wrong.length > 0) return [`seed ${seed}: ${wrong.join('; ')}`, ...process.env['EDDYLINE_LOG'] === undefined ? [] : log]
  const of = (status: string): Page[] => pages.filter(p => p.db?.durability!.status === status && p.db.inside.port.dead === undefined)
  const quiet = async (): Promise<void> => {
    await until('an end', () => of('follower').every(p => [...of('ready'), ...of('memory')].some(l => l.db!.cursor('s') === p.db!.cursor('s') && stateOf(l.db!) === stateOf(p.db!))))
  }
  await quiet().catch(error => { wrong.push(String(error)) })
  for (const p of pages) check(p)
  for (const p of pages) if (p.db !== undefined) await shut(p.db)
  const last = browser.tab()
  const db = await open(last.storage())
  const cursor = Number(db.cursor('s') ?? 0)
  if (last.warnings.length > 0) wrong.push(`at the end: ${last.warnings}`)
  if (cursor < acknowledged) wrong.push(`${cursor} of ${acknowledged} acknowledged`)
  if (stateOf(db) !== oracle(cursor)) wrong.push(`at the end not the state of ${cursor}`)
  const by = db.durability!.entries('by')
  for (const [name, n] of promised) if (!(Number(by.get(name) ?? 0) >= n)) wrong.push(`of ${name} ${String(by.get(name))} of ${n} acknowledged`)
  await shut(db)
  return wrong.length === 0 ? [] : [`seed ${seed}: ${wrong.slice(0, 3).join('; ')}`, ...process.env['EDDYLINE_LOG'] === undefined ? [] : log]
}

describe('tabs at random', () => {
  const from = Number(process.env['EDDYLINE_SEED'] ?? 1), count = Number(process.env['EDDYLINE_RUNS'] ?? 60)
  it.each([[`${count} times`, false], [`${count} times, with engines that crash and storage that is dropped`, true]])('%s', async (_, isHarsh) => {
    const wrong: string[] = []
    // The binary is there then.
    await shut(await open())
    for (let seed = from; seed < from + count; seed++) {
      wrong.push(...await run(seed, isHarsh))
      vi.unstubAllGlobals()
    }
    expect(wrong).toEqual([])
  }, 600_000)
})
