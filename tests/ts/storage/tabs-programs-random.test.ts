// Tabs at random over versions of an application: leaders and followers with batches, JSON, sources, entries and tenants; tabs of newer and older tables, tabs
// that are killed before they tell what is durable, disks that are full, browsers that are killed as a whole and power that fails. Each tab has at any
// time all of one transaction, and at the end everything that was acknowledged is behind what is stored.
import { afterEach, expect, it, vi } from 'vitest'
import { type Database, createDatabase } from '../../../pkg/index.inline.js'
import type { Folder } from '../../../pkg/storage/index.js'
import { random } from '../real/support.js'
import { Browser, type Tab, until } from './browser.js'
import { turns } from './disks.js'
import { Machine } from './machine.js'
import { NEWEST, type State, type Watched, change, changesOf, copyOf, empty, migrated, migrationsTo, plain, schemas, stateOf, text, watched } from './versions.js'

afterEach(() => { vi.unstubAllGlobals() })

interface Page { tab: Tab; name: string; version: number; db: Database<any> | undefined; opening: Promise<void>; told: string[]; queries: Watched[] }
/** A transaction: what there is behind it, and the one before. */
interface Step { readonly state: State; readonly before: number }

/** A row that names the transaction. */
const marker = (version: number, serial: number): object => ({ id: version >= 4 ? 'i99' : 99, n: serial, text: null, more: null, ...(version >= 2 ? { points: '0' } : {}) })
const serialOf = (state: State): number => Number([...state.tables['items'].values()].find(({ row }) => ['99', 'i99'].includes(String(row['id'])))?.row['n'] ?? 0)

const fine = new Set(['FOLLOWER', 'NOT_DURABLE', 'STORAGE_FAILED', 'STORAGE_FULL', 'STORAGE_UNAVAILABLE', 'SCHEMA_MISMATCH', 'CLOSED'])
const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error)

async function run(seed: number): Promise<string[]> {
  const rnd = random(seed)
  const machine = new Machine(rnd)
  let folder = machine.process()
  const browser = Object.assign(new Browser(), { disk: folder as Folder })
  const wrong: string[] = [], log: string[] = []
  const steps = new Map<number, Step>()
  /** Of a state of one version in another one. */
  const reached = (serial: number, version: number): string | undefined => {
    const step = steps.get(serial)
    return serial === 0 ? text(empty(version)) : step === undefined || step.state.version > version ? undefined : text(migrated(step.state, version))
  }
  const acknowledged = new Set<number>()
  let version = 1, serial = 0, next = 0, isUnreadable = false
  let pages: Page[] = []
  const closing: Promise<void>[] = []

  const check = ({ db, version, name, told, queries }: Page, where: string): void => {
    if (db === undefined || db.durability!.status === 'closed' || db.inside.port.dead !== undefined) return
    const state = stateOf(db, version), at = serialOf(state)
    if (text(state) !== reached(at, version)) wrong.push(`${where}: ${name} (${db.durability!.status}) has not the state of ${at}: ${text(state)}, but ${reached(at, version)}`)
    for (const { live, of } of queries) if (plain(live.rows) !== plain(of(state))) wrong.push(`${where}: a query of ${name} shows ${plain(live.rows)}, not ${plain(of(state))}`)
    if (told.some((status, i) => status === told[i - 1])) wrong.push(`${where}: ${name} is told ${told}`)
  }
  const start = async (of: number): Promise<void> => {
    const tab = browser.tab(), name = `p${next++}`
    tab.asked = method => { if (method === 'read' && isUnreadable) throw Object.assign(new Error('not now'), { code: 'STORAGE_FAILED' }) }
    const page: Page = { tab, name, version: of, db: undefined, opening: Promise.resolve(), told: [], queries: [] }
    page.opening = createDatabase({ schema: schemas[of], storage: tab.storage({ version: of, migrations: migrationsTo(of), checkpointBytes: [0, 1500, Infinity][rnd(3)] }) }).then(db => {
      page.db = db
      page.told.push(db.durability!.status)
      page.queries.push(...[0, 1, 2].map(which => watched(db, which)))
      db.durability!.subscribe(status => { page.told.push(status) })
      log.push(`${name} is ${db.durability!.status}`)
    }, error => {
      log.push(`${name} (version ${of}) is refused: ${codeOf(error)}`)
      if (!tab.isDead && codeOf(error) !== 'SCHEMA_MISMATCH') wrong.push(`${name} does not open: ${error}`)
      pages = pages.filter(p => p !== page)
    })
    pages.push(page)
    await until('its channel', () => tab.channel)
  }
  const write = ({ db, version, name }: Page): void => {
    const { durability } = db!
    const state = copyOf(stateOf(db!, version)), before = serialOf(state), own = ++serial
    const changes = [...changesOf(rnd, version, own), { op: 'upsert', table: 'items', row: marker(version, own) }]
    change(state, changes)
    const at = { source: 's', cursor: own }
    const what = rnd(4)
    try {
      if (what === 0) db!.apply(changes as never)
      else if (what === 1) {
        state.cursors.set('s', String(own))
        db!.applyJson(JSON.stringify({ changes, source: 's', cursor: String(own) }))
      } else {
        state.entries.set(name, own)
        if (what === 3) state.cursors.set('s', String(own))
        durability!.commit({ changes, ...(what === 3 ? at : {}) } as never, { my: { [name]: own } })
      }
    } catch (error) {
      if (!fine.has(codeOf(error))) wrong.push(`${name}: ${error}`)
      return
    }
    steps.set(own, { state, before })
    void db!.flush().then(() => { acknowledged.add(own) }, () => {})
  }
  const ended = async (what: string, work: Promise<unknown>): Promise<void> => {
    let isOver = false
    work.then(() => { isOver = true }, () => { isOver = true })
    await until(what, () => isOver).catch(error => { wrong.push(String(error)) })
  }

  await start(1)
  for (let step = 0; step < 60 && wrong.length === 0; step++) {
    const page = pages[rnd(pages.length)] as Page | undefined
    const { status } = page?.db?.durability ?? {}
    const leads = status === 'ready' || status === 'memory'
    const what = rnd(16)
    log.push(`${step}: ${what} ${page?.name} ${status} full ${machine.full} unreadable ${isUnreadable}`)
    if (what <= 1) { if (pages.length < 4) await start(rnd(8) === 0 ? 1 + rnd(version) : version) }
    else if (what <= 6) { if (leads) for (let k = rnd(3); k >= 0; k--) write(page!) }
    else if (what === 7 && page !== undefined) {
      let isOver = false
      if (leads) { page.tab.isLost = () => isOver ||= rnd(3) === 0; write(page); await turns(rnd(8)) }
      page.tab.kill()
      pages = pages.filter(p => p !== page)
    } else if (what === 8 && page?.db !== undefined) {
      pages = pages.filter(p => p !== page)
      page.db.close()
      closing.push(page.db.durability!.closed)
      if (rnd(2) === 0) await ended(`the end of ${page.name}`, page.db.durability!.closed)
    } else if (what === 9) machine.full = rnd(3) === 0 ? /./ : undefined
    else if (what === 10) isUnreadable = rnd(4) === 0
    else if (what === 11) { if (leads) void page!.db!.durability!.checkpoint().catch(() => {}) }
    else if (what === 12) { if (leads) void page!.db!.durability!.retry().catch(() => {}) }
    else if (what === 13) { if (rnd(3) === 0) machine.failsIn = rnd(6) }
    else if (what === 14 && rnd(3) === 0 && version < NEWEST) version++
    else if (what === 15 && rnd(3) === 0) {
      // All of it, and perhaps the machine.
      log.push('killed')
      folder.kill()
      for (const { tab } of pages) tab.kill()
      pages = []
      await turns(3)
      if (rnd(2) === 0) machine.off()
      folder = machine.process()
      browser.disk = folder
    }
    await turns(rnd(6))
    for (const p of pages) check(p, `step ${step} (${what})`)
  }
  machine.full = undefined
  machine.failsIn = Infinity
  isUnreadable = false
  for (const p of [...pages]) await ended(`the opening of ${p.name}`, p.opening)
  for (const p of pages) if (p.db !== undefined) { p.db.close(); await ended(`the end of ${p.name}`, p.db.durability!.closed) }
  await ended('the end of all', Promise.all(closing))
  if (wrong.length === 0) {
    const last = browser.tab()
    const db = await createDatabase({ schema: schemas[NEWEST], storage: last.storage({ version: NEWEST, migrations: migrationsTo(NEWEST) }) })
    const state = stateOf(db, NEWEST), at = serialOf(state)
    if (last.warnings.length > 0) wrong.push(`at the end: ${last.warnings}`)
    if (text(state) !== reached(at, NEWEST)) wrong.push(`at the end not the state of ${at}`)
    const behind = new Set<number>()
    for (let s: number | undefined = at; s !== undefined && s !== 0; s = steps.get(s)?.before) behind.add(s)
    for (const s of acknowledged) if (!behind.has(s)) wrong.push(`${s} was acknowledged, and is not behind ${at}`)
    db.close()
    await db.durability!.closed
  }
  for (const { db } of pages) db?.close()
  return wrong.length === 0 ? [] : [`seed ${seed}: ${wrong.slice(0, 2).join('; ')}`, ...process.env['EDDYLINE_LOG'] === undefined ? [] : log]
}

const from = Number(process.env['EDDYLINE_SEED'] ?? 1), count = Number(process.env['EDDYLINE_RUNS'] ?? 40)
it(`tabs over versions of their tables, ${count} times`, async () => {
  const wrong: string[] = []
  ;(await createDatabase({ schema: schemas[1] })).close()
  for (let seed = from; seed < from + count; seed++) {
    wrong.push(...await run(seed))
    vi.unstubAllGlobals()
  }
  expect(wrong).toEqual([])
}, 600_000)
