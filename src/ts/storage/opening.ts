// Opening: what is stored comes in.
import { slices } from '../breathe.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { cursorBatch, cursorsOf } from './doors.js'
import type { Durable } from './durable.js'
import { type Medium, corrupt, storageError } from './medium.js'
import { mismatch } from './mismatch.js'
import { inParts, packedRows, replacing } from './packed.js'
import { type Transaction, decodeTransaction } from './record.js'
import { databaseOf, leads, migrate } from './schemas.js'
import { Spaces } from './spaces.js'
import { begunAnew, isFilled, unread } from './stored.js'

/** Milliseconds that a part of the rows takes when it is loaded, and parts together before the page has its turn. */
const STEP = 1.5, SLICE = 3
const NO_SCHEMA = 'the first record names no schema'

/** What a tab has that has followed: the state of a transaction, and the entries of it. */
export interface Followed {
  readonly number: number
  /** That of the storage in which `number` counts. */
  readonly incarnation: string | undefined
  readonly spaces: Spaces
  /** Behind this transaction it is of tabs that had not read what is stored. */
  readonly unread: number | undefined
}

/**
 * Opens the medium and loads what is there. Throws only where the options say so. Of what a tab has that has followed only what comes behind is
 * taken; NOT_DURABLE, if it is of tabs that had not read what is stored, and that goes on behind it, too, or if what is stored was begun anew.
 */
export async function load(d: Durable, followed?: Followed): Promise<void> {
  const { medium, options, stored, schema } = d
  const known = followed?.number, before = followed?.unread
  if (followed !== undefined) {
    d.spaces.enter(followed.spaces.stored())
    stored.incarnation = followed.incarnation
  }
  stored.known = d.number = known ?? 0
  stored.unread = before ?? d.number
  try { await medium.open() } catch (error) {
    d.withoutStorage(storageError(error, 'the storage cannot be opened', 'STORAGE_UNAVAILABLE'))
    return
  }
  let transactions: Transaction[]
  try { transactions = await readAll(d) } catch (error) {
    const e = storageError(error, 'the storage cannot be read')
    if (e.code === 'STORAGE_CORRUPT' && options.onCorrupt === 'refuse') throw e
    if (e.code !== 'STORAGE_CORRUPT') { d.withoutStorage(e); return }
    d.warn(e)
    transactions = []
    stored.unread = undefined
    if (!await cleared(d)) return
  }
  // What a tab has that has followed is nothing of what is stored under another incarnation.
  const isOther = d.number > 0 && transactions.length > 0 && transactions[0].incarnation !== stored.incarnation
  const own = isOther ? 0 : before
  if (own !== undefined && transactions.some(t => t.number > own && isFilled(t))) throw before === undefined ? begunAnew() : unread()
  stored.unread = undefined
  const old = transactions[0]?.schema
  if (old !== undefined) stored.isOf(old)
  if (old !== undefined && old.hash !== schema.hash && !leads(old, schema, options.migrations ?? {})) {
    const error = mismatch(old, schema, options.migrations ?? {})
    if (options.onMismatch !== 'rebuild') throw error
    d.warn(error)
    transactions = []
    if (!await cleared(d)) return
  }
  if (isOther || transactions.length === 0) stored.beginAnew()
  else stored.incarnation = transactions[0].incarnation
  const last = stored.known = transactions[transactions.length - 1]?.number ?? 0
  // What tabs have had that is not of what is stored: the numbers say nothing then.
  const isApart = before !== undefined || isOther
  // Rows of other tables mean nothing beside those that are there.
  const isMigrated = known !== undefined && !isApart && last > known && old!.hash !== schema.hash
  if (isMigrated) await migrateInPlace(d, transactions)
  else if (known !== undefined && !isApart && transactions.length > 0 && transactions[0].number <= known + 1 && last >= known) await apply(d, transactions.filter(t => t.number > known), true)
  else if (known === undefined) await apply(d, transactions, false)
  d.begin()
  if (known !== undefined && !isMigrated && (isApart || last < known || transactions.length > 0 && transactions[0].number > known + 1)) {
    // The database is not at a place of the log: the checkpoint is put in its place, or where storage is behind, the state is written.
    // That fails, as where there is no room, is told, and leaves what is stored.
    if (isApart || last < d.number) await d.checkpoints.rewrite().catch(() => {})
    else putInPlace(d, transactions)
  } else if (transactions.length === 0) d.line.push({ number: ++d.number, schema, incarnation: stored.incarnation })
  // What follows is of these tables: without the rows as they are now it would be read as of the old ones.
  else if (old!.hash !== schema.hash || old!.version !== schema.version) await d.checkpoints.rewrite().catch(() => { /* told, and nothing is written */ })
}

/** Whether what was stored could be dropped. */
async function cleared(d: Durable): Promise<boolean> {
  try { await d.medium.clear(); return true } catch (error) {
    d.withoutStorage(storageError(error, 'the storage cannot be cleared'))
    return false
  }
}

/** All transactions, checked: nothing is applied before all are. */
async function readAll({ medium, line, checkpoints }: Durable): Promise<Transaction[]> {
  const breathe = slices()
  let all: Transaction[] = []
  let isCheckpoint = false
  line.writer.logBytes = checkpoints.bytes = 0
  for await (const bytes of medium.read()) {
    const t = decodeTransaction(bytes)
    if (all.length === 0 && t.schema === undefined) throw corrupt(NO_SCHEMA)
    if (t.fresh) { all = []; isCheckpoint = true }
    else if (isCheckpoint && t.number === all[0].number) { /* a piece */ }
    else if (all.length > 0 && t.number !== all[all.length - 1].number + 1) throw corrupt(`transaction ${t.number} follows ${all[all.length - 1].number}`)
    else isCheckpoint = false
    if (isCheckpoint) checkpoints.bytes += bytes.length
    else line.writer.logBytes += bytes.length
    all.push(t)
    await breathe()
  }
  return all
}

/** `db` and `spaces`: its own, or empty ones beside. */
async function apply(d: Durable, transactions: readonly Transaction[], isSeen: boolean, db = d.db, spaces = d.spaces): Promise<void> {
  const { schema, options } = d
  const breathe = slices(SLICE)
  let rows = 200
  const stored = transactions[0]?.schema
  const old = stored !== undefined && stored.hash !== schema.hash ? databaseOf(db, stored) : undefined
  try {
    for (const t of transactions) {
      try {
        // Where somebody listens a version is one.
        if (isSeen) d.take(t, old ?? db)
        else {
          // With queries a row costs what they make of it: parts are as large as they may last.
          d.number = t.number
          spaces.enter(t.entries)
          for (const part of t.batch === undefined ? [] : inParts(t.batch, () => rows)) {
            const begun = performance.now();
            (old ?? db).applyPacked(part)
            rows = Math.max(20, Math.min(20_000, Math.round(rows * Math.max(0.25, Math.min(2, STEP / Math.max(performance.now() - begun, 0.01))))))
            await breathe()
          }
        }
      } catch (error) {
        if (!isOfRows(error, old ?? db)) throw error
        // Rows that pass the checksum and not the engine: nothing that a crash leaves. Beside rows that were there it may be these.
        const isDropped = options.onCorrupt !== 'refuse' && !isSeen
        if (isDropped) await d.medium.clear().catch(() => {})
        throw new EddylineError('STORAGE_CORRUPT', `the stored rows do not fit the schema that they were stored under${isDropped ? '; they were dropped' : ''}`, { cause: error })
      }
      await breathe()
    }
    if (old !== undefined) await migrate(old, db, stored!, schema, options.migrations ?? {})
  } finally { old?.close() }
}

/** Puts what is stored in the place of what the database has, as one version but for what comes behind the checkpoint. */
function putInPlace(d: Durable, transactions: readonly Transaction[]): void {
  const { db } = d
  const { number } = transactions[0]
  const isRows = (t: Transaction): boolean => t.batch !== undefined && new DataView(t.batch.buffer, t.batch.byteOffset).getUint32(8, true) === 0xffffffff
  const pieces = transactions.filter(t => t.number === number && isRows(t))
  // First: who listens to the version has its entries.
  d.spaces.clear()
  for (const t of transactions) if (t.number === number) d.spaces.enter(t.entries)
  db.applyPacked(replacing(db, db.inside.layouts.map(l => l.name), pieces.map(t => t.batch!)), undefined, undefined, undefined, true)
  for (const t of transactions) if (t.number > number || !isRows(t)) d.take(t)
}

/** The same of what is stored of other tables: it is migrated beside, so that all of it comes in as one version, or nothing. */
async function migrateInPlace(d: Durable, transactions: readonly Transaction[]): Promise<void> {
  const { db } = d
  const tables = db.inside.layouts.map(l => l.name)
  const twin = db.twin(), spaces = new Spaces()
  try {
    await apply(d, transactions, false, twin, spaces)
    const rows = replacing(db, tables, await packedRows(twin, tables))
    d.spaces.clear()
    d.spaces.enter(spaces.stored())
    db.applyPacked(rows, undefined, undefined, undefined, true)
    for (const [source, cursor] of cursorsOf(twin)) db.applyPacked(cursorBatch(source, cursor))
  } finally { twin.close() }
}

/** Whether an engine refuses rows for what they are. One that is closed or has crashed refuses everything, one without memory what is large. */
function isOfRows(error: unknown, db: Database<any>): boolean {
  return error instanceof EddylineError && db.inside.port.dead === undefined && !['VALUE_TOO_LARGE', 'MEMORY_BUDGET', 'REENTRANT'].includes(error.code)
}
