import type { Cursor, LooseChange, Report } from './changes.js'
import type { Database } from './database.js'
import { report } from './dispatch.js'
import { EddylineError } from './errors.js'
import { checkCommit } from './given.js'
import type { JsonBytes, JsonOptions, JsonStream } from './json-input.js'
import type { AnySchema, Change, SchemaJson } from './schema.js'

/** A backend: anything that can feed changes into a session. */
export interface Source {
  /** Name under which its cursor is kept. */
  name: string
  /** What to do with a batch whose cursor is older than the committed one; `'error'` by default. */
  stale?: 'error' | 'ignore' | undefined
  /** Binds `write({ type, value, key })` and `truncate()` to one table. */
  table?: string | undefined
  /** Starts the feed. The returned function ends it. */
  sync(session: SyncSession): void | (() => void) | Promise<void | (() => void)>
}

/** TanStack DB's form of a change, for sources bound to a table. */
export interface TypedWrite { type: 'insert' | 'update' | 'delete'; value?: object; key?: unknown }

/** What a source talks to. */
export interface SyncSession<S extends AnySchema = AnySchema> {
  /** Where to resume: the last committed cursor of this source. */
  readonly cursor: string | undefined
  /** Aborted when the connection is closed. */
  readonly signal: AbortSignal
  /** Begins a transaction; writes before the next `commit` belong to it. */
  begin(): void
  /** Adds a change. Without a transaction it is applied at once. */
  write(change: Change<S> | TypedWrite): void
  /** Applies the transaction as one version. */
  commit(opts?: { cursor?: Cursor; origin?: string }): Report
  /** Applies a whole transaction as wire bytes. */
  applyJson(bytes: string | JsonBytes, opts?: JsonOptions): Report
  /** Loads an initial snapshot, streamed, as one version. */
  load(from: JsonStream, opts?: JsonOptions): Promise<Report>
  /** Empties a table; without a name the bound one, or all that are not by tenants. */
  truncate(table?: string): void
  /** The initial data is there. */
  markReady(): void
  markError(error: unknown): void
}

export type ConnectionStatus = 'connecting' | 'ready' | 'error' | 'closed'

/** A source at work. */
export interface Connection {
  readonly status: ConnectionStatus
  readonly error: unknown
  /** Resolves at `markReady`; rejects on an error before that, or CLOSED. */
  readonly ready: Promise<void>
  /** Ends the feed and its requests. What was applied stays. */
  close(): void
}

/** @internal What `db.connect` returns. */
export class SourceConnection implements Connection, SyncSession {
  status: ConnectionStatus = 'connecting'
  error: unknown = undefined
  readonly ready: Promise<void>
  #resolve!: () => void
  #reject!: (error: unknown) => void
  #transaction: LooseChange[] | undefined
  #cleanup: (() => void) | undefined
  readonly #abort = new AbortController()

  constructor(readonly db: Database<any>, readonly source: Source, readonly onClose: (connection: SourceConnection) => void, readonly onError: ((e: unknown) => void) | undefined) {
    this.ready = new Promise((resolve, reject) => { this.#resolve = resolve; this.#reject = reject })
    // Whoever does not await `ready` is told through `status` and `onError`.
    this.ready.catch(() => {})
  }

  start(): void {
    const started = (cleanup: void | (() => void)): void => {
      if (typeof cleanup !== 'function') return
      // By a listener of what it wrote, perhaps.
      if (this.status === 'closed') this.#clean(cleanup)
      else this.#cleanup = cleanup
    }
    try {
      const begun = this.source.sync(this) as Promise<void | (() => void)> | undefined
      if (typeof begun?.then === 'function') begun.then(started, error => { this.markError(error) })
      else started(begun as void | (() => void))
    } catch (error) { this.markError(error) }
  }

  get signal(): AbortSignal { return this.#abort.signal }
  get cursor(): string | undefined { return this.db.cursor(this.source.name) }

  begin(): void {
    this.#open()
    // TanStack sources begin while a transaction is open when a truncate came first: what is written stays in it.
    this.#transaction ??= []
  }

  write(change: Change<any> | TypedWrite): void {
    this.#open()
    const loose = (change as TypedWrite | null)?.type !== undefined && !('op' in change) ? this.#fromTyped(change as TypedWrite) : change as LooseChange
    if (this.#transaction !== undefined) this.#transaction.push(loose)
    else this.#apply([loose], undefined)
  }

  commit(opts?: { cursor?: Cursor; origin?: string }): Report {
    this.#open()
    checkCommit(opts)
    const changes = this.#transaction ?? []
    this.#transaction = undefined
    return this.#apply(changes, opts)
  }

  applyJson(bytes: string | JsonBytes, opts?: JsonOptions): Report {
    this.#open()
    return this.db.applyJson(bytes, this.#options(opts))
  }

  async load(from: JsonStream, opts?: JsonOptions): Promise<Report> {
    this.#open()
    // Another connection may be at work when this one has ended. Browsers without `any` heed the signal that was given.
    const given = opts?.signal
    const signal = given === undefined ? this.signal : AbortSignal.any?.([given, this.signal]) ?? given
    try { return await this.db.applyJson(from, { ...this.#options(opts), signal }) } catch (error) { this.#open(); throw error }
  }

  truncate(table?: string): void {
    this.#open()
    const name = table ?? this.source.table
    // Of a table with tenants the tenant has to be named.
    const names = name !== undefined ? [name] : this.#tables().filter(t => !t.tenant).map(t => t.name)
    const resets = names.map(each => ({ op: 'reset', table: each }) as LooseChange)
    if (this.#transaction !== undefined) this.#transaction.push(...resets)
    else this.#apply(resets, undefined)
  }

  markReady(): void {
    if (this.status !== 'connecting' && this.status !== 'error') return
    this.status = 'ready'
    this.error = undefined
    this.#resolve()
  }

  markError(error: unknown): void {
    if (this.status === 'closed') return
    this.status = 'error'
    this.error = error
    this.#reject(error)
    report(error, this.onError)
  }

  close(): void {
    if (this.status === 'closed') return
    this.status = 'closed'
    this.#reject(this.#gone())
    this.#transaction = undefined
    this.#abort.abort()
    this.onClose(this)
    this.#clean(this.#cleanup)
  }

  #tables(): SchemaJson['tables'] { return this.db.schema.json.tables }

  #open(): void {
    if (this.status === 'closed') throw this.#gone()
  }

  #gone(): EddylineError { return new EddylineError('CLOSED', `the connection of \`${this.source.name}\` is closed`) }

  /** Ends the feed; what it throws, or rejects with, is told. */
  #clean(cleanup: (() => unknown) | undefined): void {
    (async () => cleanup?.())().catch(error => { report(error, this.onError) })
  }

  #apply(changes: LooseChange[], opts: { cursor?: Cursor; origin?: string } | undefined): Report {
    return this.db.apply({ changes, source: this.source.name, cursor: opts?.cursor, origin: opts?.origin, stale: this.source.stale } as never)
  }

  #options(opts: JsonOptions | undefined): JsonOptions {
    return { source: this.source.name, ...(this.source.stale !== undefined ? { stale: this.source.stale } : {}), ...opts }
  }

  #fromTyped(write: TypedWrite): LooseChange {
    const { table } = this.source
    if (table === undefined) throw new EddylineError('CHANGE_INVALID', `\`${this.source.name}\` is not bound to a table: write { op, table, … }`)
    const schema = this.#tables().find(t => t.name === table)
    const value = write.value as Record<string, unknown> | null | undefined
    const id = (): unknown => value != null && schema?.key.every(k => value[k] !== undefined) ? schema.key.map(k => value[k]) : write.key
    switch (write.type) {
      case 'insert': return { op: 'upsert', table, row: value as object }
      case 'delete': return { op: 'delete', table, id: id() }
      case 'update': {
        const set: Record<string, unknown> = { ...value }
        for (const k of schema?.key ?? []) delete set[k]
        return { op: 'update', table, id: id(), set }
      }
    }
    throw new EddylineError('CHANGE_INVALID', `unknown write type \`${String(write.type)}\``, { offending: String(write.type) })
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'SourceConnection' }
}
