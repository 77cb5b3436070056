import { slices } from '../breathe.js'
import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
import { report } from '../dispatch.js'
import type { DurabilityStatus, EntryWrites, Keeper } from '../durability.js'
import { EddylineError } from '../errors.js'
import { changesOf, cursorBatch, cursorsOf, exportRows, record } from './doors.js'
import { inParts, packedRows, replacing } from './packed.js'
import { checkEntries } from '../entries.js'
import { corrupt, type Medium, storageError } from './medium.js'
import { decodeTransaction, encodeTransaction, headOf, type StoredSchema, type Transaction } from './record.js'
import { type Migrations, databaseOf, leads, migrate, storedSchema } from './schemas.js'
import { Warm, type WarmQuery } from './warm.js'
import { Writer } from './writer.js'

/** What every kind of storage can be told. */
export interface StoreOptions {
  /** Version of the schema; 1 by default. Raise it with a change of tables or columns, and say how rows get there. */
  version?: number
  /** Steps by the version that they lead to: `{ 2: (row, table) => table === 'issues' ? { ...row, points: 0 } : row }`. */
  migrations?: Migrations
  /** A schema that is neither the stored one nor reached by migrations: `'refuse'` (default, SCHEMA_MISMATCH) or begin empty. */
  onMismatch?: 'refuse' | 'rebuild'
  /** Damaged state: begin empty, so that sources load again (default), or refuse (STORAGE_CORRUPT). */
  onCorrupt?: 'rebuild' | 'refuse'
  /** Told of everything that makes the state less than durable. By default it goes to the console. */
  onWarning?: (warning: EddylineError) => void
  /**
   * Queries that are made ready while the rows are loaded, in slices: `[from(schema, 'issues').where('status', '=', 'open')]`. An equal
   * `db.live` then finds them there. They are kept for ten seconds, and from then on while somebody uses them.
   */
  queries?: readonly WarmQuery[]
  /** Bytes of log after which the state is written anew (1 MB), if it is at least half of the last checkpoint, too. */
  checkpointBytes?: number
}

/** Told of each transaction when it is durable: other tabs. */
export type Told = (transaction: Transaction) => void

/** A whole state on its way out. */
export interface State {
  head: Transaction
  next(bytes: number): Uint8Array | undefined
  /** Takes out all that is left, of an engine that goes. */
  keep(): void
  end(): void
}

const PIECE = 256 * 1024
/** Milliseconds that a part of the rows takes when it is loaded, and parts together before the page has its turn. */
const STEP = 1.5, SLICE = 3
const NO_SCHEMA = 'the first record names no schema'

/**
 * The state of one database on one medium.
 *
 * Every version is one transaction: its net changes as packed rows, cursor, and the entries that were committed with it.
 * Reading is the checkpoint's pieces, then the log. Rows are never JSON.
 */
export class Durable implements Keeper {
  status: DurabilityStatus = 'ready'
  warning: EddylineError | undefined
  /** Number of the last transaction. */
  number = 0
  readonly spaces = new Map<string, Map<string, unknown>>()
  readonly writer: Writer
  onDurable: Told | undefined
  /** Told when what is stored and what is here have become one behind transaction `known`: it was read late, or written anew. */
  onMatched: (() => void) | undefined
  /** Number of the last transaction that is stored for certain. */
  known = 0
  /** Checksums of records that may be stored though nobody was told so. */
  readonly #tried = new Set<number>()
  /** Hashes of the tables that what is stored may be of, for all that was done here. */
  readonly #hashes: Set<string>
  readonly #schema: StoredSchema
  readonly #listeners = new Set<(status: DurabilityStatus) => void>()
  #staged: EntryWrites | undefined
  #unwritten: Transaction[] = []
  /** Transactions of versions whose bytes nobody has asked for yet. */
  #open: { readonly version: number; readonly transaction: Transaction }[] = []
  /** Size of the last checkpoint, or what the log may grow to after one that failed. */
  #checkpointBytes = 0
  #letGo!: () => void
  readonly closed = new Promise<void>(resolve => { this.#letGo = resolve })
  #checkpointing: Promise<void> | undefined
  #retrying: Promise<void> | undefined
  /** What is stored was never read here: it ends behind this transaction for all that is known, and is not to be written over. */
  #unread: number | undefined
  #isTaking = false
  /** The state that is being written in one step. */
  #rewritten: State | undefined
  /** Whether what is applied goes into the line of the writer: also behind a state that is not published yet, whose status is still `'memory'`. */
  #writes = true

  constructor(readonly db: Database<any>, readonly medium: Medium, readonly options: StoreOptions) {
    this.#schema = storedSchema(db.schema, options.version ?? 1)
    this.#hashes = new Set([this.#schema.hash])
    this.writer = new Writer(medium, error => { this.#failed(error) }, count => {
      const written = this.#unwritten.splice(0, count)
      this.known = written[written.length - 1].number
      if (this.onDurable !== undefined) for (const t of written) this.onDurable(t)
      this.#checkpointWhenDue()
    })
  }

  get kind(): string { return this.medium.kind }
  get pending(): number { return this.writer.pending }
  get leading(): Promise<void> { return Promise.resolve() }
  /** The transaction behind which what is stored may be anything: it was not read here. */
  get unread(): number | undefined { return this.#unread }

  /**
   * Opens the medium and loads what is there. Throws only where the options say so. With `known` the database has the state of that
   * transaction, and its entries, already: only what follows is taken. Behind `unread` that state is of tabs that had not read what is
   * stored: NOT_DURABLE, if that goes on behind it, too.
   */
  async load(known?: number, spaces?: ReadonlyMap<string, ReadonlyMap<string, unknown>>, unread?: number): Promise<void> {
    const warm = new Warm(this.db, this.options.queries ?? [])
    try { await this.#load(known, spaces, unread) } catch (error) {
      warm.end()
      await this.medium.close().catch(() => {})
      throw error
    }
    warm.done()
  }

  async #load(known: number | undefined, spaces: ReadonlyMap<string, ReadonlyMap<string, unknown>> | undefined, before: number | undefined): Promise<void> {
    for (const [space, values] of spaces ?? []) this.spaces.set(space, new Map(values))
    this.known = this.number = known ?? 0
    this.#unread = before ?? this.number
    try {
      await this.medium.open()
    } catch (error) {
      this.#memory(storageError(error, 'the storage cannot be opened', 'STORAGE_UNAVAILABLE'))
      this.#recording()
      return
    }
    let transactions: Transaction[]
    try {
      transactions = await this.#readAll()
    } catch (error) {
      const e = storageError(error, 'the storage cannot be read')
      if (e.code === 'STORAGE_CORRUPT' && this.options.onCorrupt === 'refuse') throw e
      if (e.code !== 'STORAGE_CORRUPT') { this.#memory(e); this.#recording(); return }
      this.warn(e)
      transactions = []
      this.#unread = undefined
      if (!await this.#cleared()) return
    }
    if (before !== undefined && transactions.some(t => t.number > before && isFilled(t))) throw unread()
    this.#unread = undefined
    const stored = transactions[0]?.schema
    if (stored !== undefined) this.#hashes.add(stored.hash)
    if (stored !== undefined && stored.hash !== this.#schema.hash && !leads(stored, this.#schema, this.options.migrations ?? {})) {
      const error = new EddylineError('SCHEMA_MISMATCH', `the stored rows have version ${stored.version} of the schema, which is not that of version ${this.#schema.version}, and no migrations lead there`, { path: 'storage.version' })
      if (this.options.onMismatch !== 'rebuild') throw error
      this.warn(error)
      transactions = []
      if (!await this.#cleared()) return
    }
    const last = this.known = transactions[transactions.length - 1]?.number ?? 0
    // What tabs have had that is not of what is stored: the numbers say nothing then.
    const isApart = before !== undefined
    if (known !== undefined && !isApart && transactions.length > 0 && transactions[0].number <= known + 1 && last >= known) await this.#apply(transactions.filter(t => t.number > known), true)
    else if (known === undefined) await this.#apply(transactions, false)
    this.#recording()
    if (known !== undefined && (isApart || last < known || transactions.length > 0 && transactions[0].number > known + 1)) await this.#catchUp(transactions, isApart ? 0 : last)
    else if (transactions.length === 0) this.#push({ number: ++this.number, schema: this.#schema })
    // What follows is of these tables: without the rows as they are now it would be read as of the old ones.
    else if (stored!.hash !== this.#schema.hash || stored!.version !== this.#schema.version) await this.#rewrite().catch(() => { /* told, and nothing is written */ })
  }

  /** All transactions, checked: nothing is applied before all are. */
  async #readAll(): Promise<Transaction[]> {
    const breathe = slices()
    let all: Transaction[] = []
    let checkpoint = false
    this.writer.logBytes = this.#checkpointBytes = 0
    for await (const bytes of this.medium.read()) {
      const t = decodeTransaction(bytes)
      if (all.length === 0 && t.schema === undefined) throw corrupt(NO_SCHEMA)
      if (t.fresh) { all = []; checkpoint = true }
      else if (checkpoint && t.number === all[0].number) { /* a piece */ }
      else if (all.length > 0 && t.number !== all[all.length - 1].number + 1) throw corrupt(`transaction ${t.number} follows ${all[all.length - 1].number}`)
      else checkpoint = false
      if (checkpoint) this.#checkpointBytes += bytes.length
      else this.writer.logBytes += bytes.length
      all.push(t)
      await breathe()
    }
    return all
  }

  async #apply(transactions: readonly Transaction[], isSeen: boolean): Promise<void> {
    const { db } = this
    const breathe = slices(SLICE)
    let rows = 200
    const stored = transactions[0]?.schema
    const old = stored !== undefined && stored.hash !== this.#schema.hash ? databaseOf(db, stored) : undefined
    try {
      for (const t of transactions) {
        try {
          // Where somebody listens a version is one.
          if (isSeen) this.take(t, old ?? db)
          else {
            // With queries a row costs what they make of it: parts are as large as they may last.
            this.take({ ...t, batch: undefined })
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
          const isDropped = this.options.onCorrupt !== 'refuse' && !isSeen
          if (isDropped) await this.medium.clear().catch(() => {})
          throw new EddylineError('STORAGE_CORRUPT', `the stored rows do not fit the schema that they were stored under${isDropped ? '; they were dropped' : ''}`, { cause: error })
        }
        await breathe()
      }
      if (old !== undefined) await migrate(old, db, stored!, this.#schema, this.options.migrations ?? {})
    } finally { old?.close() }
  }

  /** The database is not at a place of the log: the checkpoint is put in its place, or where storage is behind, the state is written. */
  async #catchUp(transactions: readonly Transaction[], last: number): Promise<void> {
    // That fails, as where there is no room, is told, and leaves what is stored.
    if (last < this.number) return this.#rewrite().catch(() => {})
    const { number } = transactions[0]
    const pieces = transactions.filter(t => t.number === number)
    const isRows = (t: Transaction): boolean => t.batch !== undefined && new DataView(t.batch.buffer, t.batch.byteOffset).getUint32(8, true) === 0xffffffff
    this.spaces.clear()
    this.db.applyPacked(replacing(this.db, this.db.inside.layouts.map(l => l.name), pieces.filter(isRows).map(t => t.batch!)), undefined, undefined, undefined, true)
    for (const t of transactions) if (t.number > number || !isRows(t)) this.take(t)
  }

  /** Takes a transaction that is durable already. */
  take(t: Transaction, db: Database<any> = this.db): void {
    this.number = t.number
    if (t.entries !== undefined) this.#enter(t.entries)
    if (t.batch !== undefined) db.applyPacked(t.batch, t.envelope?.source, t.envelope?.cursor, t.envelope?.origin, true)
  }

  #recording(): void {
    record(this.db)
    this.db.keeper ??= this
  }

  committed(report: Report): void {
    if (this.#isTaking) { this.#isTaking = false; return }
    const { source, cursor, origin } = report
    const staged = this.#staged
    this.#staged = undefined
    if (report.applied === 0 && cursor === undefined && staged === undefined) return
    const batch = changesOf(this.db, cursor === undefined ? undefined : source, cursor, origin)
    const envelope = source === undefined && cursor === undefined && origin === undefined ? undefined : { source, cursor, origin }
    this.#commit({ number: 0, batch, ...(envelope !== undefined ? { envelope } : {}), ...(staged !== undefined ? { entries: written(staged) } : {}) }, report.version)
  }

  amend(version: number, entries: EntryWrites): void {
    checkEntries(entries)
    const open = this.#open.findLast(o => o.version === version)?.transaction
    // A checkpoint that was begun meanwhile has the version, and not these.
    if (open === undefined || this.#checkpointing !== undefined) {
      if (this.status !== 'closed') this.#commit({ number: 0, entries: written(entries) })
      return
    }
    const more = written(entries)
    open.entries ??= {}
    for (const space of Object.keys(more)) open.entries[space] = { ...open.entries[space], ...more[space] }
    this.#enter(more)
  }

  commit(batch: LooseBatch | readonly LooseChange[] | undefined, entries: EntryWrites): Report | undefined {
    this.#takes(entries)
    const changes = batch === undefined ? undefined : Array.isArray(batch) ? batch as readonly LooseChange[] : (batch as LooseBatch).changes
    const isEmpty = changes === undefined || (changes.length === 0 && (Array.isArray(batch) || (batch as LooseBatch).cursor === undefined))
    let report: Report | undefined
    if (!isEmpty) {
      this.#staged = entries
      // A batch that fails takes its entries with it.
      try { report = this.db.apply(batch as never) as Report } catch (error) { this.#staged = undefined; throw error }
    }
    if (isEmpty || this.#staged !== undefined) {
      this.#staged = undefined
      this.#commit({ number: 0, entries: written(entries) })
    }
    return report
  }

  commitPacked(batch: Uint8Array, entries: EntryWrites, source?: string, cursor?: string, origin?: string): Report {
    this.#takes(entries)
    this.#staged = entries
    try {
      const report = this.db.applyPacked(batch, source, cursor, origin)
      // A replay makes no version.
      if (this.#staged !== undefined) this.#commit({ number: 0, entries: written(entries) })
      return report
    } finally { this.#staged = undefined }
  }

  #commit(t: Transaction, version?: number): void {
    t.number = ++this.number
    if (t.entries !== undefined) this.#enter(t.entries)
    this.#push(t, version)
  }

  #push(t: Transaction, version?: number): void {
    if (this.status === 'closed') return
    if (!this.#writes) { this.onDurable?.(t); return }
    this.#unwritten.push(t)
    if (version !== undefined) this.#open.push({ version, transaction: t })
    // What listeners of the version add is part of it: `amend`.
    this.writer.push(() => {
      if (this.#open[0]?.transaction === t) this.#open.shift()
      return encodeTransaction(t)
    })
  }

  #enter(entries: NonNullable<Transaction['entries']>): void {
    for (const [space, values] of Object.entries(entries)) {
      let known = this.spaces.get(space)
      if (known === undefined) this.spaces.set(space, known = new Map())
      for (const [key, value] of Object.entries(values)) {
        if (value === null) known.delete(key)
        else known.set(key, value)
      }
    }
  }

  entries(space: string): ReadonlyMap<string, unknown> { return this.spaces.get(space) ?? new Map() }

  flush(): Promise<void> {
    if (this.status === 'closed') return Promise.reject(closedError(this.db))
    // The state that is written holds what was applied before it, the line behind it the rest.
    if (this.#retrying !== undefined) return this.#retrying.then(() => this.writer.flush())
    if (this.status === 'memory') return Promise.reject(this.warning ?? new EddylineError('STORAGE_FAILED', 'there is no storage'))
    return this.writer.flush()
  }

  /** The whole state, and where it ends: for other tabs and for checkpoints. The rows are those of this moment. */
  state(): State {
    const entries = Object.fromEntries([...this.spaces].map(([space, values]) => [space, Object.fromEntries(values)]))
    const rows = exportRows(this.db)
    let kept: Uint8Array[] | undefined
    return {
      head: { number: this.number, fresh: true, schema: this.#schema, entries },
      next: bytes => kept === undefined ? rows.next(bytes) : kept.shift(),
      keep() {
        if (kept !== undefined) return
        const left: Uint8Array[] = []
        for (let batch = rows.next(PIECE); batch !== undefined; batch = rows.next(PIECE)) left.push(batch)
        // Not before all of it is there: a part of a state would be taken for all of it.
        kept = left
      },
      end: () => { rows.end() },
    }
  }

  checkpoint(): Promise<void> {
    if (this.status !== 'ready') return this.flush()
    return this.#checkpointing ??= this.#checkpoint().finally(() => { this.#checkpointing = undefined })
  }

  async #checkpoint(): Promise<void> {
    const { writer, medium } = this
    // The line of the writer decides what is before: the state of now, and all that is in the line.
    const state = this.state()
    const pieces = this.#pieces(state)
    try {
      await writer.step(async () => {
        await medium.begin()
        writer.logBytes = 0
      })
      let bytes = 0
      for await (const piece of pieces) {
        bytes += piece.length
        await writer.step(() => medium.piece(piece), false)
      }
      await writer.step(() => medium.publish(), false)
      this.#checkpointBytes = bytes
    } catch (error) {
      // The log goes on without it: tried again when it has doubled.
      this.#checkpointBytes = Math.max(this.#checkpointBytes, writer.logBytes * 4, PIECE)
      if (this.status === 'ready') this.warn(storageError(error, 'a checkpoint could not be written'))
      throw error
    } finally { state.end() }
  }

  /** A state as the records of a checkpoint; to be called when the state is taken. */
  #pieces(state: State): AsyncIterable<Uint8Array> {
    const cursors = cursorsOf(this.db)
    const { number } = state.head
    return async function *() {
      yield encodeTransaction(state.head)
      for (const [source, cursor] of cursors) yield encodeTransaction({ number, batch: cursorBatch(source, cursor) })
      const breathe = slices()
      for (let batch = state.next(PIECE); batch !== undefined; batch = state.next(PIECE)) {
        yield encodeTransaction({ number, batch })
        await breathe()
      }
    }()
  }

  #checkpointWhenDue(): void {
    const { logBytes } = this.writer
    if (this.#checkpointing !== undefined || this.status !== 'ready') return
    if (logBytes < (this.options.checkpointBytes ?? 1 << 20) || logBytes * 2 < this.#checkpointBytes) return
    this.checkpoint().catch(() => { /* the failure is told as such */ })
  }

  retry(): Promise<void> {
    if (this.#retrying === undefined && this.status !== 'memory') return Promise.resolve()
    return this.#retrying ??= this.#retry().finally(() => { this.#retrying = undefined })
  }

  async #retry(): Promise<void> {
    const goesOn = (): void => { if (this.status === 'closed') throw closedError(this.db) }
    // A checkpoint that the failure has ended comes to its end: it must not write a piece into the new state.
    await this.#checkpointing?.catch(() => {})
    try {
      await this.medium.close().catch(() => {})
      goesOn()
      if (this.number === this.#unread && await this.#readLate()) {
        if (this.status !== ('closed' as DurabilityStatus)) this.#become('ready')
        return
      }
      goesOn()
      await this.medium.open()
      // What is there counts no more; reading finds the end of it. It stays until the new state is whole, unless it cannot be read for damage.
      try {
        let isFirst = true
        for await (const bytes of this.medium.read()) {
          goesOn()
          if (this.#isOthers(bytes, isFirst)) throw this.#unread === undefined ? taken() : unread()
          isFirst = false
        }
      } catch (error) {
        const { code } = error as { code?: string }
        // It is another's to read, who may have it meanwhile.
        if (this.#unread !== undefined || code === 'NOT_DURABLE') await this.medium.close().catch(() => {})
        if (this.#unread !== undefined || code !== 'STORAGE_CORRUPT') throw error
        await this.medium.clear()
      }
      this.#unread = undefined
      goesOn()
    } catch (error) { throw storageError(error, 'the storage cannot be opened') }
    this.writer.reset()
    this.#unwritten = []
    this.#open = []
    // In this order, without a pause: what is applied from now on is behind the state in the line, and nothing of it counts before that is published.
    this.#writes = true
    await this.#rewrite()
    // A write behind it may have failed meanwhile.
    if (this.writer.failure !== undefined) throw this.writer.failure
    if (this.status === 'closed') return
    this.warning = undefined
    this.#become('ready')
  }

  /**
   * Whether a record is of what somebody else has stored: it goes on behind all that was written here, or is of other tables. Between a failure
   * and `retry`, or between two, nobody may have kept others out.
   */
  #isOthers(bytes: Uint8Array, isFirst: boolean): boolean {
    const { number, checksum } = headOf(bytes)
    const isOwn = number <= (this.#unread ?? this.known) || this.#tried.has(checksum)
    if (isOwn && !isFirst && this.#unread === undefined) return false
    let t: Transaction
    try { t = decodeTransaction(bytes) } catch (error) {
      if (this.#unread !== undefined) throw error
      return false
    }
    // The first record of a database that nothing was applied to holds a schema alone.
    return !isOwn && isFilled(t) || this.#unread === undefined && t.schema !== undefined && !this.#hashes.has(t.schema.hash)
  }

  /**
   * Reads what could not be read at the start, as an opening does, into a database beside; nothing was applied to this one since, and it takes
   * all of it as one version. False if this one is ahead (as a tab that has followed).
   */
  async #readLate(): Promise<boolean> {
    const { db, medium, writer } = this
    const warnings: EddylineError[] = []
    const twin = db.twin()
    const late = new Durable(twin, medium, { ...this.options, queries: [], checkpointBytes: Infinity, onWarning: w => { warnings.push(w) } })
    try {
      await late.load()
      if (late.status === 'memory') throw late.warning!
      await late.writer.flush()
      const tables = db.inside.layouts.map(l => l.name)
      const rows = await packedRows(twin, tables)
      if (this.status === 'closed') throw closedError(db)
      if (this.number !== this.#unread) throw unread()
      if (late.number < this.number) {
        await medium.close()
        for (const w of warnings) this.warn(w)
        return false
      }
      const cursors = cursorsOf(twin)
      const batch = replacing(db, tables, rows)
      this.#unread = undefined
      this.known = this.number = late.number
      this.spaces.clear()
      for (const [space, values] of late.spaces) this.spaces.set(space, values)
      writer.reset()
      writer.logBytes = late.writer.logBytes
      this.#checkpointBytes = late.#checkpointBytes
      this.#writes = true
      this.#takeStored(batch)
      // A listener of these rows may be further already.
      for (const [source, cursor] of cursors) try { this.#takeStored(cursorBatch(source, cursor)) } catch (error) { if ((error as { code?: string }).code !== 'CURSOR_BACKWARDS') throw error }
      this.onMatched?.()
      for (const w of warnings) this.warn(w)
      this.warning = late.warning
      return true
    } catch (error) {
      if (!this.#writes) await medium.close().catch(() => {})
      throw error
    } finally {
      twin.keeper = undefined
      twin.close()
    }
  }

  /** Rows that are stored make no transaction; what their listeners do makes one. */
  #takeStored(batch: Uint8Array): void {
    this.#isTaking = true
    try { this.db.applyPacked(batch, undefined, undefined, undefined, true) } finally { this.#isTaking = false }
  }

  /** Writes the whole state in one step: what is applied meanwhile follows behind it, and is nothing without it. */
  async #rewrite(): Promise<void> {
    const { medium, writer } = this
    const state = this.state()
    const pieces = this.#pieces(state)
    this.#rewritten = state
    try {
      await writer.step(async () => {
        await medium.begin()
        let bytes = 0
        for await (const piece of pieces) {
          bytes += piece.length
          this.#tried.add(headOf(piece).checksum)
          await medium.piece(piece)
        }
        await medium.publish()
        writer.logBytes = 0
        this.#checkpointBytes = bytes
        this.known = state.head.number
        this.#tried.clear()
        this.onMatched?.()
      })
    } finally {
      this.#rewritten = undefined
      state.end()
    }
  }

  guard(): void {}

  /** Throws before anything was taken. */
  #takes(entries: EntryWrites): void {
    if (this.status === 'closed') throw closedError(this.db)
    checkEntries(entries)
  }

  aside(fn: () => void): void {
    const staged = this.#staged
    this.#staged = undefined
    try { fn() } finally { this.#staged = staged }
  }

  close(): void {
    if (this.status === 'closed') return
    // The engine goes now: what is left of a state that is being written is taken out first.
    try { this.#rewritten?.keep() } catch { /* an engine that has crashed: it will not be whole */ }
    this.#become('closed')
    // What was applied is still written.
    const last = Promise.resolve(this.#retrying).catch(() => {}).then(() => this.#writes ? this.writer.flush() : undefined).catch(() => {})
    // A checkpoint may be in the middle of a step: the medium is closed behind it.
    void last.then(() => this.writer.end(closedError(this.db))).then(() => this.medium.close()).catch(() => {}).then(() => { this.#letGo() })
  }

  subscribe(fn: (status: DurabilityStatus) => void): () => void {
    this.#listeners.add(fn)
    return () => { this.#listeners.delete(fn) }
  }

  warn(warning: EddylineError): void {
    this.warning = warning
    tellWarning(this.options, warning)
  }

  async #cleared(): Promise<boolean> {
    try { await this.medium.clear(); return true } catch (error) {
      this.#memory(storageError(error, 'the storage cannot be cleared'))
      this.#recording()
      return false
    }
  }

  #failed(error: EddylineError): void {
    if (this.status === 'closed') return
    const lost = this.#unwritten
    this.#unwritten = []
    this.#open = []
    this.#writes = false
    for (const record of this.writer.tried) this.#tried.add(headOf(record).checksum)
    // Nobody waits for what will not be durable; who hears of the failure may apply what comes behind it.
    if (this.onDurable !== undefined) for (const t of lost) this.onDurable(t)
    this.#memory(error)
  }

  #memory(error: EddylineError): void {
    this.#writes = false
    this.warn(error)
    this.#become('memory')
  }

  #become(status: DurabilityStatus): void {
    if (this.status === status) return
    this.status = status
    tellStatus(this.#listeners, status)
  }
}

export const closedError = (db: Database<any>): EddylineError => new EddylineError('CLOSED', `the database \`${db.name}\` is closed`)

export function tellWarning({ onWarning }: StoreOptions, warning: EddylineError): void {
  if (onWarning === undefined) console.warn(`eddyline: ${warning.code}: ${warning.message}`)
  else told(() => { onWarning(warning) })
}

export function tellStatus(listeners: ReadonlySet<(status: DurabilityStatus) => void>, status: DurabilityStatus): void {
  for (const fn of [...listeners]) told(() => { fn(status) })
}

/** What a function that is told of something throws is no failure of the storage: the host reports it. */
function told(fn: () => void): void {
  try { fn() } catch (error) { report(error, undefined) }
}

/** Whether an engine refuses rows for what they are. One that is closed or has crashed refuses everything, one without memory what is large. */
function isOfRows(error: unknown, db: Database<any>): boolean {
  return error instanceof EddylineError && db.inside.port.dead === undefined && !['VALUE_TOO_LARGE', 'MEMORY_BUDGET', 'REENTRANT'].includes(error.code)
}

/** Whether a transaction holds more than a schema. */
const isFilled = ({ batch, entries }: Transaction): boolean => batch !== undefined || Object.keys(entries ?? {}).length > 0

const taken = (): EddylineError => new EddylineError('NOT_DURABLE', 'another database has written to the storage since this one failed to: close this database and open it anew')
const unread = (): EddylineError => new EddylineError('NOT_DURABLE', 'what is stored was never read here, and something was applied since: close this database and open it anew')

/** Entries as they are stored: a value that goes is null, and what the giver does to one later is nothing to us. */
function written(entries: EntryWrites): NonNullable<Transaction['entries']> {
  return Object.fromEntries(Object.entries(entries).map(([space, values]) =>
    [space, Object.fromEntries(Object.entries(values).map(([key, value]) => [key, copied(value ?? null)]))]))
}

function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  return Array.isArray(value) ? value.map(copied) : Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copied(member)]))
}
