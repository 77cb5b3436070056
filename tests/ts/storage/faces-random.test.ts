// A stored database at random by each of its faces: in the page, in a worker, in a worker that two pages share. Applies, entries, disks that are full,
// `retry`, pages that come and go, engines that crash, reopenings right behind a close. What is shown is the model; what was acknowledged is there at the
// next opening, and so is all that was applied while the disk had room.
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { type Database, createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import { files } from '../../../pkg/storage/index.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { inWorker } from '../../../pkg/worker/inside.js'
import { eventually, random } from '../real/support.js'
import { turns } from './disks.js'

afterEach(() => { vi.restoreAllMocks() })

const fs = createRequire(import.meta.url)('node:fs')
const schema = defineSchema({ items: table({ id: int().key(), n: int() }), notes: table({ id: int().key(), n: int() }, { tenant: true }) })
type Face = 'page' | 'worker' | 'shared'
type Db = Database<typeof schema> | WorkerDatabase<typeof schema>
interface Model { readonly items: ReadonlyMap<number, number>; readonly notes: ReadonlyMap<number, number>; readonly cursor: number; readonly entry: number }

const textOf = ({ items, notes, cursor, entry }: Model): string => JSON.stringify([[...items].sort(([a], [b]) => a - b), [...notes].sort(([a], [b]) => a - b), cursor, entry])
/** Files take their time. */
async function until(what: string, holds: () => boolean): Promise<void> {
  await eventually(holds)
  if (!holds()) throw new Error(`${what} does not come`)
}

const fine = new Set(['STORAGE_FULL', 'ENGINE_CRASHED', 'CLOSED'])
const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error)

async function run(seed: number, face: Face): Promise<string[]> {
  const rnd = random(seed), path = mkdtempSync(join(tmpdir(), 'eddyline-faces-')), name = `faces ${seed}`
  const wrong: string[] = [], log: string[] = []
  let isFull = false
  const { writeSync } = fs
  vi.spyOn(fs, 'writeSync').mockImplementation((...args: unknown[]) => {
    if (isFull) throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
    return writeSync(...args)
  })
  /** States behind each batch, in order; up to where they are stored for certain. */
  let states: Model[] = [{ items: new Map(), notes: new Map(), cursor: 0, entry: 0 }], acknowledged = 0, serial = 0
  let asked = 0, settled = 0

  for (let life = 0; life < 5 && wrong.length === 0; life++) {
    let crash!: () => void
    const end = inWorker(({ db: { inside: { port } } }) => { crash = () => { port.failure(new WebAssembly.RuntimeError('unreachable')) } })
    const warnings: string[] = []
    const start = async (): Promise<Db> => {
      const options = { schema, name, storage: files(path, { checkpointBytes: [0, 600, Infinity][rnd(3)], onWarning: w => { warnings.push(w.code) } }) }
      if (face === 'page') {
        const db = await createDatabase(options)
        crash = () => { db.inside.port.failure(new WebAssembly.RuntimeError('unreachable')) }
        return db
      }
      return createWorkerDatabase({ ...options, worker: 'inline', onError: () => {}, ...(face === 'shared' ? { shared: name, storage: files(path, { onWarning: w => { warnings.push(w.code) } }) } : {}) })
    }
    const rows = async (db: Db, what: 'items' | 'notes'): Promise<Map<number, number>> => {
      const live = (db as Database<typeof schema>).live(db.query[what].orderBy('id'), what === 'notes' ? { tenant: 't' } : undefined)
      try {
        await until('its rows', () => live.status !== 'loading')
        return new Map([...live.rows].map(({ id, n }) => [id, n]))
      } finally { live.dispose() }
    }
    let db = await start()
    let statuses: string[] = [db.durability!.status]
    const hear = (): void => { const own = statuses = [db.durability!.status]; db.durability!.subscribe(status => { own.push(status) }) }
    hear()
    const entries = await db.durability!.entries('my')
    const cursor = face === 'page' ? Number((db as Database<typeof schema>).cursor('s') ?? 0) : undefined
    const seen = { items: await rows(db, 'items'), notes: await rows(db, 'notes'), entry: Number(entries.get('e') ?? 0) }
    const at = states.map(state => textOf(state)).lastIndexOf(textOf({ ...seen, cursor: cursor ?? states.find(s => s.entry === seen.entry)?.cursor ?? 0 }))
    log.push(`opening ${life}: ${db.durability!.status} ${at} of ${acknowledged} to ${states.length - 1}`)
    if (warnings.length > 0 || db.durability!.status !== 'ready') wrong.push(`opening ${life}: ${warnings} ${db.durability!.status}`)
    if (at < acknowledged) { wrong.push(`opening ${life}: state ${at} of ${acknowledged}: ${JSON.stringify([...seen.items])}`); db.close(); end(); break }
    states = [states[at]]
    acknowledged = 0
    let isFine = true, isCrashed = false, known = 0
    const track = (work: Promise<unknown>, then: () => void = () => {}): void => {
      asked++
      work.then(then, error => { if (!fine.has(codeOf(error))) wrong.push(`rejected: ${error}`) }).finally(() => { settled++ })
    }
    for (let step = 0; step < 25 && wrong.length === 0 && !isCrashed; step++) {
      const what = rnd(14)
      log.push(`${step}: ${what} ${db.durability!.status}`)
      if (what <= 6) {
        const n = ++serial, last = states[states.length - 1], id = rnd(9)
        const changes = [{ op: 'upsert', table: 'items', row: { id, n } }, { op: 'delete', table: 'items', id: rnd(9) + 20 }, { op: 'upsert', table: 'notes', tenant: 't', row: { id: n % 4, n } }] as never
        const next = { items: new Map(last.items).set(id, n), notes: new Map(last.notes).set(n % 4, n), cursor: what === 0 ? n : last.cursor, entry: n }
        states.push(next)
        const index = states.length - 1
        const applied = Promise.resolve(db.durability!.commit(what === 0 ? { changes, source: 's', cursor: n } : changes, { my: { e: n } }))
        if (what <= 2) track(applied.then(() => { known = Math.max(known, index); return db.flush() }), () => { acknowledged = Math.max(acknowledged, index) })
        else track(applied, () => { known = Math.max(known, index) })
        if (what === 6) {
          await until('its rows', () => known === index || isCrashed)
          const shown = { items: await rows(db, 'items'), notes: await rows(db, 'notes') }
          if (textOf({ ...next, ...shown }) !== textOf(next)) wrong.push(`step ${step}: shows ${textOf({ ...next, ...shown })}, not ${textOf(next)}`)
        }
      } else if (what === 7) { isFull = true; isFine = false }
      else if (what === 8) isFull = false
      else if (what === 9) track(db.durability!.retry())
      else if (what === 10) track(db.durability!.checkpoint())
      else if (what === 11 && face === 'shared') {
        // Another page comes, and the first one goes.
        const before = db
        db = await start()
        hear()
        before.close()
      } else if (what === 12 && rnd(4) === 0) {
        log.push('crash')
        isCrashed = true
        crash()
        await until('the news', () => db.durability!.warning?.code === 'ENGINE_CRASHED').catch(error => { wrong.push(String(error)) })
        if (db.durability!.status !== 'memory') wrong.push(`crashed, and is ${db.durability!.status}`)
      }
      await turns(rnd(8))
      if (statuses.some((status, i) => status === statuses[i - 1]) || statuses.at(-1) !== db.durability!.status) wrong.push(`step ${step}: told ${statuses}, is ${db.durability!.status}`)
    }
    isFull = false
    const { durability } = db
    if (!isCrashed) known = states.length - 1
    db.close()
    if (durability!.status !== 'closed') wrong.push(`${durability!.status} behind a close`)
    if (rnd(2) === 0) {
      let isOver = false
      void durability!.closed.then(() => { isOver = true })
      await until('the end', () => isOver && settled === asked).catch(() => { wrong.push(isOver ? `${asked - settled} promises wait for ever` : 'the storage is not let go') })
    }
    // It had room all the time.
    if (isFine) acknowledged = Math.max(acknowledged, known)
    end()
  }
  await until('all answers', () => settled === asked).catch(() => { wrong.push(`${asked - settled} promises wait for ever`) })
  vi.restoreAllMocks()
  await turns(5)
  rmSync(path, { recursive: true, force: true })
  return wrong.length === 0 ? [] : [`seed ${seed}, ${face}: ${wrong.slice(0, 2).join('; ')}`, ...process.env['EDDYLINE_LOG'] === undefined ? [] : log]
}

const from = Number(process.env['EDDYLINE_SEED'] ?? 1), count = Number(process.env['EDDYLINE_RUNS'] ?? 15)
it.each(['page', 'worker', 'shared'] as Face[])(`a stored database by its face: %s, ${count} times`, async face => {
  const wrong: string[] = []
  for (let seed = from; seed < from + count; seed++) wrong.push(...await run(seed, face))
  expect(wrong).toEqual([])
}, 600_000)
