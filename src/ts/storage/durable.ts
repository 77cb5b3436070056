import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
import type { DurabilityStatus, EntryWrites, Keeper } from '../durability.js'
import { checkEntries } from '../entries.js'
import { EddylineError, unknownName } from '../errors.js'
import { StatusListeners } from '../status-listeners.js'
import { Checkpoints, type State, stateOf } from './checkpoints.js'
import { changesOf, record } from './doors.js'
import { Line } from './line.js'
import { type Medium, closedError, storageError } from './medium.js'
import { type Followed, load } from './opening.js'
import { type StoreOptions, tellWarning } from './options.js'
import { countOf, replacing, without } from './packed.js'
import type { StoredSchema, Transaction } from './record.js'
import { retry } from './retry.js'
import { storedSchema } from './schemas.js'
import { Spaces, written } from './spaces.js'
import { Stored } from './stored.js'
import { Warm } from './warm.js'

/** What ends the writing of a database that is over. */
const ENDS: readonly string[] = ['CLOSED', 'ENGINE_CRASHED']

/**
 * The state of one database on one medium.
 *
 * Every version is one transaction: its net changes as packed rows, cursor, and the entries that were committed with it.
 * Reading is the checkpoint's pieces, then the log. Rows are never JSON.
 *
 * How it begins is `opening.ts`, how it goes on after a failure `retry.ts`. Each part of its state has an owner: what is stored, the line of what
 * is on its way there, whole states, entries.
 */
export class Durable implements Keeper {
  status: DurabilityStatus = 'ready'
  warning: EddylineError | undefined
  /** Number of the last transaction. */
  number = 0
  readonly schema: StoredSchema
  readonly spaces = new Spaces()
  readonly stored: Stored
  readonly line: Line
  readonly checkpoints: Checkpoints
  readonly #listeners = new StatusListeners()
  /** Entries of the version that is being made. */
  #staged: EntryWrites | undefined
  /** Told, and not recorded, the version that is being made: it is stored already. */
  #taken: (() => void) | undefined
  #retrying: Promise<void> | undefined
  /** Tables that are not stored: their numbers. */
  readonly #except: ReadonlySet<number>
  /** It is closed, or its engine has crashed: what was applied is still written, and nothing else. */
  isOver = false
  /** Told when it begins to let its storage go, which it has when `closed` settles. */
  onLeave: (() => void) | undefined
  #letGo!: () => void
  readonly closed = new Promise<void>(resolve => { this.#letGo = resolve })

  constructor(readonly db: Database<any>, readonly medium: Medium, readonly options: StoreOptions) {
    this.schema = storedSchema(db.schema, options.version ?? 1)
    this.#except = tablesOf(db, options.except ?? [])
    this.stored = new Stored(this.schema)
    this.line = new Line(medium, this.stored, error => { this.#failed(error) }, () => { this.#checkpointWhenDue() })
    this.checkpoints = new Checkpoints(this.line.writer, medium, this.stored, () => this.state())
  }

  get kind(): string { return this.medium.kind }
  get pending(): number { return this.line.writer.pending }
  get leading(): Promise<void> { return Promise.resolve() }

  /** Opens the medium and loads what is there: see `opening.ts`. */
  async load(followed?: Followed): Promise<void> {
    const warm = new Warm(this.db, this.options.queries ?? [])
    try { await load(this, followed) } catch (error) {
      warm.end()
      await this.medium.close().catch(() => {})
      throw error
    }
    warm.done()
  }

  /** The same storage for a database beside, for as long as this one does not use it. */
  beside(twin: Database<any>, onWarning: (warning: EddylineError) => void): Durable {
    return new Durable(twin, this.medium, { ...this.options, queries: [], checkpointBytes: Infinity, onWarning })
  }

  /** From now on versions of the database are transactions of this. What is stored of tables that are not any more is not there. */
  begin(): void {
    if (this.#except.size > 0) this.db.applyPacked(replacing(this.db, this.db.inside.layouts.filter(l => this.#except.has(l.index)).map(l => l.name), []), undefined, undefined, undefined, true)
    record(this.db)
    this.db.keeper ??= this
  }

  /** Begins without storage. */
  withoutStorage(why: EddylineError): void {
    this.#memory(why)
    this.begin()
  }

  /** Takes a transaction that is durable already. */
  take(t: Transaction, db: Database<any> = this.db): void {
    this.number = t.number
    this.spaces.enter(t.entries)
    if (t.batch !== undefined) db.applyPacked(t.batch, t.envelope?.source, t.envelope?.cursor, t.envelope?.origin, true)
  }

  /** Rows that are stored make no transaction; what their listeners do makes one. `taken` is called between: not if they are refused. */
  takeStored(batch: Uint8Array, taken: () => void = () => {}): void {
    this.#taken = taken
    try { this.db.applyPacked(batch, undefined, undefined, undefined, true) } finally { this.#taken = undefined }
  }

  committed(report: Report): void {
    const taken = this.#taken
    if (taken !== undefined) {
      this.#taken = undefined
      taken()
      return
    }
    const { source, cursor, origin } = report
    const staged = this.#staged
    this.#staged = undefined
    if (report.applied === 0 && cursor === undefined && staged === undefined) return
    let batch = changesOf(this.db, cursor === undefined ? undefined : source, cursor, origin)
    if (this.#except.size > 0) {
      batch = without(batch, this.#except)
      if (countOf(batch) === 0 && cursor === undefined && staged === undefined) return
    }
    const envelope = source === undefined && cursor === undefined && origin === undefined ? undefined : { source, cursor, origin }
    this.#commit({ number: 0, batch, ...(envelope !== undefined ? { envelope } : {}), ...(staged !== undefined ? { entries: written(staged) } : {}) }, report.version)
  }

  amend(version: number, entries: EntryWrites): void {
    checkEntries(entries)
    const growing = this.line.growing(version)
    // A checkpoint that was begun meanwhile has the version, and not these.
    if (growing === undefined || this.checkpoints.running !== undefined) {
      if (!this.isOver) this.#commit({ number: 0, entries: written(entries) })
      return
    }
    const more = written(entries)
    growing.entries ??= {}
    for (const space of Object.keys(more)) growing.entries[space] = { ...growing.entries[space], ...more[space] }
    this.spaces.enter(more)
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
    this.spaces.enter(t.entries)
    if (!this.isOver) this.line.push(t, version)
  }

  entries(space: string): ReadonlyMap<string, unknown> { return this.spaces.get(space) }

  flush(): Promise<void> {
    const { writer } = this.line
    if (this.isOver) return Promise.reject(this.end)
    // The state that is written holds what was applied before it, the line behind it the rest.
    if (this.#retrying !== undefined) return this.#retrying.then(() => writer.flush())
    if (this.status === 'memory') return Promise.reject(this.warning ?? new EddylineError('STORAGE_FAILED', 'there is no storage'))
    return writer.flush()
  }

  /** The whole state, and where it ends: for other tabs and for checkpoints. The rows are those of this moment. */
  state(): State { return stateOf(this.db, { number: this.number, fresh: true, schema: this.schema, incarnation: this.stored.incarnation, entries: this.spaces.stored() }, this.tables) }

  /** Names of the tables that are stored. */
  get tables(): readonly string[] { return this.db.inside.layouts.filter(l => !this.#except.has(l.index)).map(l => l.name) }

  checkpoint(): Promise<void> {
    if (this.status !== 'ready') return this.flush()
    const { running } = this.checkpoints
    return running ?? this.checkpoints.write().catch((error: unknown) => {
      if (this.status === 'ready') this.warn(storageError(error, 'a checkpoint could not be written'))
      throw error
    })
  }

  #checkpointWhenDue(): void {
    if (this.status !== 'ready' || !this.checkpoints.isDue(this.options.checkpointBytes ?? 1 << 20)) return
    this.checkpoint().catch(() => { /* the failure is told as such */ })
  }

  retry(): Promise<void> {
    if (this.isOver && this.status === 'memory') return Promise.reject(this.end)
    if (this.#retrying === undefined && this.status !== 'memory') return Promise.resolve()
    return this.#retrying ??= retry(this).finally(() => { this.#retrying = undefined })
  }

  /** Why it does nothing more: the database is closed, or its engine has crashed, and another tab leads. */
  get end(): EddylineError {
    const { dead } = this.db.inside.port
    return dead?.code === 'ENGINE_CRASHED' ? dead : closedError(this.db)
  }

  guard(): void { if (this.isOver && this.status === 'memory') throw this.end }

  /** Throws before anything was taken. */
  #takes(entries: EntryWrites): void {
    if (this.isOver) throw this.end
    checkEntries(entries)
  }

  aside(fn: () => void): void {
    const staged = this.#staged
    this.#staged = undefined
    try { fn() } finally { this.#staged = staged }
  }

  close(): void {
    if (this.status === 'closed') return
    const isLeaving = this.isOver
    this.isOver = true
    // The engine goes now.
    if (!isLeaving) this.checkpoints.keep()
    this.become('closed')
    if (!isLeaving) this.#leave()
  }

  /** Who opens the storage next has all that was applied. */
  crashed(error: EddylineError): void {
    if (this.isOver) return
    this.isOver = true
    this.warn(error)
    this.become('memory')
    this.#leave()
  }

  #leave(): void {
    const { end, line: { writer } } = this
    // What was applied is still written.
    const last = Promise.resolve(this.#retrying).catch(() => {}).then(() => this.line.isOpen ? writer.flush() : undefined).catch(() => {})
    // A checkpoint may be in the middle of a step: the medium is closed behind it.
    void last.then(() => writer.end(end)).then(() => this.medium.close()).catch(() => {}).then(() => { this.#letGo() })
    this.onLeave?.()
  }

  subscribe(fn: (status: DurabilityStatus) => void): () => void { return this.#listeners.add(fn) }

  warn(warning: EddylineError): void {
    this.warning = warning
    tellWarning(this.options, warning)
  }

  #failed(error: EddylineError): void {
    if (this.isOver) {
      // Nobody waits for what was applied last, perhaps.
      if (!ENDS.includes(error.code)) this.warn(error)
      return
    }
    this.line.stop()
    this.#memory(error)
  }

  #memory(error: EddylineError): void {
    this.line.isOpen = false
    this.warn(error)
    this.become('memory')
  }

  become(status: DurabilityStatus): void {
    if (this.status === status) return
    this.status = status
    this.#listeners.tell(status)
  }
}

/** Numbers of tables. Throws UNKNOWN_TABLE. */
function tablesOf(db: Database<any>, names: readonly string[]): ReadonlySet<number> {
  const { layouts } = db.inside
  return new Set(names.map((name, i) => {
    const found = layouts.find(l => l.name === name)
    if (found === undefined) throw unknownName('UNKNOWN_TABLE', `table \`${name}\``, name, layouts.map(l => l.name), `storage.except[${i}]`)
    return found.index
  }))
}
