/// <reference lib="esnext.disposable" preserve="true" />
import { applied } from '../applied.js'
import type { Report } from '../changes.js'
import type { Database, LiveOptions, QueryRoot, ReadOptions } from '../database.js'
import { EddylineError } from '../errors.js'
import { said } from '../option-kinds.js'
import type { JsonBytes, JsonOptions, JsonStream } from '../json-input.js'
import type { LiveQuery } from '../live-query.js'
import type { ApplyOptions } from '../options.js'
import type { QueryLike } from '../query/builder.js'
import type { ParamQuery, ParamValues } from '../query/params.js'
import type { AnySchema, Batch, Change, Key, Row, TableName } from '../schema.js'
import { batchOf, checkQuery, confined } from '../tenant.js'
import { Assigns, type AssignsOptions } from './assigns.js'
import { checkEnds, checkFlag, checkFunction, checkList, checkOptions, checkRule, checkShown, checkWhat, checkWord } from './checks.js'
import { type SavedCounters, ScopeCounters } from './counted.js'
import { type Hub, hubOf } from './hub.js'
import { type Counters, KINDS, type Rule, type SignalKind } from './kinds.js'
import { type By, type QueryWatchOptions, type TableWatchOptions, checkByOf } from './options.js'
import { type Futures, type Ready, assignReady } from './ready.js'
import { columnType, keyValues, tableOf } from './row-keys.js'
import type { RowSet, Work } from './row-set.js'
import { type Reads, type SignalListener, Watch, type Watched, endWith } from './watch.js'

const OPTIONS: readonly string[] = ['label', 'once', 'signal', 'owner', 'upsertAs', 'noop', 'by', 'columns', 'query'] satisfies (keyof TableWatchOptions<AnySchema, string>)[]

/**
 * Part of a database: one tenant, or what belongs to none. Changes, queries and watches of it keep to it.
 *
 * ```ts
 * const t = tenant(db, 'org-1')
 * t.apply([{ op: 'insert', table: 'quotes', row }])
 * const w = t.watch('quotes', 'changes', { by: { author: 'Heraclitus' } }, ({ counts, keys }) => …)
 * ```
 */
export class Scope<S extends AnySchema> {
  readonly #hub: Hub
  readonly #watches = new Set<Watch>()
  readonly #assigns = new Set<Assigns<S>>()
  /** @internal */
  readonly counted: ScopeCounters
  readonly #work: Readonly<Work>
  #most = 10_000
  #held = 0
  #disposed = false

  /** @internal Use `tenant` or `watches`. */
  constructor(readonly db: Database<S>, readonly id: string | undefined) {
    this.#hub = hubOf(db)
    this.#work = this.#hub.work(id)
    this.counted = new ScopeCounters(db, this.#hub, id, this)
  }

  /** Query builders, as those of the database. What they make is run with `live` of this scope. */
  get query(): QueryRoot<S> { return this.db.query }

  /**
   * What has been done for the watches and assigns of this scope so far: batches that woke them, changed rows and sets of rows
   * (tables, indexed values, queries) that were looked at. Batches of other tenants add nothing to it.
   */
  get work(): Readonly<Work> { return { ...this.#work } }

  /** Most watches at a time. */
  get maxWatches(): number { return this.#most }
  set maxWatches(most: number) {
    this.#most = most
    if (!this.#disposed) this.#hub.told.add(this)
  }

  /** How many watches there are, members of assigns included. */
  get watchCount(): number { return this.#held }

  /**
   * Applies changes to this scope, as one version. What `db.apply` throws, and TENANT_MISMATCH when a change is of another
   * tenant or of a table without tenants; then nothing has happened.
   */
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>): Report
  /** The same, applied at once; resolves when storage has the version. Rejects with NOT_DURABLE without storage. */
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options: ApplyOptions): Promise<Report>
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options?: ApplyOptions): Report | Promise<Report> {
    return applied(this.db, options, () => {
      const batch = batchOf(this.db.schema, this.id, input)
      return Array.isArray(batch.changes) ? this.#hub.apply(batch.changes, batch) : this.db.apply(input)
    })
  }

  /**
   * Applies JSON to this scope. Throws what `db.applyJson` throws, and TENANT_MISMATCH as `apply`. Where rows of a tenant's tables
   * are watched or counted the text is read once more, and the bytes of a stream are kept until then.
   */
  applyJson(input: string | JsonBytes, opts?: Omit<JsonOptions, 'tenant'>): Report
  applyJson(input: JsonStream, opts?: Omit<JsonOptions, 'tenant'>): Promise<Report>
  applyJson(input: string | JsonBytes | JsonStream, opts?: JsonOptions): Report | Promise<Report> {
    return this.#hub.applyJson(input, this.id === undefined ? { ...opts, confined: 'one' } : confined(this.id, opts))
  }

  /** A live query over the rows of this scope. Throws what `db.live` throws, and TENANT_MISMATCH. */
  live<R, P>(query: ParamQuery<R, P>, options: Omit<LiveOptions, 'tenant'> & { params: ParamValues<P> }): LiveQuery<R, Partial<ParamValues<P>>>
  live<R>(query: QueryLike<R>, options?: Omit<LiveOptions, 'tenant'>): LiveQuery<R>
  live(query: QueryLike<any> | ParamQuery<any, any>, options?: Omit<LiveOptions, 'tenant'>): LiveQuery<any, any> {
    checkQuery(query, this.id, options)
    return this.db.live(query as QueryLike<any>, this.id === undefined ? options : { ...options, tenant: this.id })
  }

  /** The rows of a query of this scope as they are now. Throws what `db.read` throws, and TENANT_MISMATCH. */
  read<R, P>(query: ParamQuery<R, P>, options: Omit<ReadOptions, 'tenant'> & { params: ParamValues<P> }): readonly R[]
  read<R>(query: QueryLike<R>, options?: Omit<ReadOptions, 'tenant'>): readonly R[]
  read(query: QueryLike<any> | ParamQuery<any, any>, options?: Omit<ReadOptions, 'tenant'>): readonly any[] {
    checkQuery(query, this.id, options)
    return this.db.read(query as QueryLike<any>, this.id === undefined ? options : { ...options, tenant: this.id })
  }

  /** A row of this scope by its key, as `db.get`. */
  get<T extends TableName<S>>(table: T, id: Key<S, T>): Row<S, T> | undefined { return this.db.get(table, id, this.id === undefined ? undefined : { tenant: this.id }) }

  /**
   * Watches a table, the rows with an indexed value, or the rows of a query. `fn` is called at most once per batch, after
   * live queries, in the order of the watches.
   *
   * ```ts
   * t.watch('quotes', 'updates', { columns: ['likes'] }, ({ keys }) => flash(keys.updated))
   * t.watch(db.query.quotes.where('date', '>=', day), 'collection', ({ counts }) => …)
   * ```
   * Throws CLOSED, UNKNOWN_TABLE, UNKNOWN_COLUMN, WATCH_INVALID, WATCH_LIMIT, and what the engine finds wrong with values or query.
   * Cost: a table is read once, when its first watch begins; then work proportional to its changed rows.
   */
  watch<T extends TableName<S>>(table: T, kind: SignalKind, fn: SignalListener): Watch
  watch<T extends TableName<S>>(table: T, kind: SignalKind, options: TableWatchOptions<S, T>, fn?: SignalListener): Watch
  watch(query: QueryLike<any>, kind: SignalKind, fn: SignalListener): Watch
  watch(query: QueryLike<any>, kind: SignalKind, options: QueryWatchOptions, fn?: SignalListener): Watch
  watch(what: string | QueryLike<any>, kind: SignalKind, options?: any, fn?: SignalListener): Watch {
    this.#alive()
    if (typeof options === 'function') { fn = options; options = {} }
    const given = options as TableWatchOptions<S, any> | undefined ?? {}
    checkWhat(what)
    if (kind === undefined) throw new EddylineError('WATCH_INVALID', `a watch is of a kind: ${KINDS.join(', ')}`, { path: 'kind' })
    checkWord(kind, KINDS, 'kind')
    checkOptions(given, OPTIONS)
    checkRule(given)
    checkEnds(given.signal, given.owner)
    if (fn !== undefined) checkFunction(fn, 'fn')
    const { by, columns, label } = given
    checkFlag(given.once, 'once')
    if (given.query !== undefined) checkWhat(given.query)
    if (columns !== undefined) checkList(columns, 'columns', true)
    if (columns !== undefined && kind !== 'updates' && kind !== 'changes') {
      throw new EddylineError('WATCH_INVALID', `\`columns\` is for updates and changes: ${kind} come and go as whole rows`, { path: 'columns', offending: kind })
    }
    const named = typeof what === 'string'
    if (named) {
      const table = tableOf(this.db.schema, what)
      columns?.forEach((c, i) => columnType(table, c, `columns[${i}]`))
      if (by !== undefined) checkByOf(table, by)
    } else {
      if (by !== undefined) throw new EddylineError('WATCH_INVALID', '`by` goes with a table: a query has conditions of its own', { path: 'by' })
      checkQuery(what, this.id)
      const json = what.toJSON()
      if (columns !== undefined) checkShown(columns, json, name => tableOf(this.db.schema, name).columns.map(c => c.name))
    }
    const asked: Watched = {
      kind, table: named ? what : undefined, by: by as never, label, labelled: Object.hasOwn(given, 'label'), tenant: this.id, once: given.once ?? false,
    }
    // Nothing of a watch may hold its owner, so nothing below names the options.
    const { upsertAs, noop, owner, query, ...rest } = given
    const weak = owner === undefined ? undefined : new WeakRef(owner)
    this.hold(1)
    let watch: Watch
    try {
      const set: RowSet = named ? this.#hub.target(what, this.id, by as never) : this.#hub.querySet(what, this.id)
      const reads: Reads = {
        value: () => this.#read(query ?? (named ? this.#rowsBy(what, by as never) : what)),
        again: () => this.watch(what as never, kind, { ...rest, upsertAs, noop, query, owner: weak?.deref() } as never, fn),
      }
      watch = new Watch(this.#hub, set, asked, { upsertAs, noop }, columns, fn, w => { this.#watches.delete(w); this.free(1) }, reads)
    } catch (error) {
      this.free(1)
      throw error
    }
    this.#watches.add(watch)
    watch.release = endWith(rest.signal, owner, () => { watch.cancel() })
    return watch
  }

  /**
   * Watches one row, there or not: created, changed or deleted. For `assignReady` its value is the row or null.
   *
   * ```ts
   * t.watchRow('quotes', 'my-favorite-quote', { label: 'favourite', once: true }, ({ watch }) => inbox.push(watch.ref))
   * ```
   */
  watchRow<T extends TableName<S>>(table: T, id: Key<S, T>, fn: SignalListener): Watch
  watchRow<T extends TableName<S>>(table: T, id: Key<S, T>, options?: Omit<TableWatchOptions<S, T>, 'by' | 'query'>, fn?: SignalListener): Watch
  watchRow<T extends TableName<S>>(table: T, id: Key<S, T>, options?: Omit<TableWatchOptions<S, T>, 'by' | 'query'> | SignalListener, fn?: SignalListener): Watch {
    if (typeof options === 'function') { fn = options; options = {} }
    this.#alive()
    const json = tableOf(this.db.schema, table)
    checkOptions(options ?? {}, OPTIONS.filter(name => name !== 'by' && name !== 'query'))
    const values = keyValues(json, id)
    const by = Object.fromEntries(json.key.map((name, i) => [name, values[i]]))
    const watch = this.watch(table, 'changes', { ...options, by: by as never }, fn)
    watch.reads.value = () => this.#read(this.#rowsBy(table, by))[0] ?? null
    const { owner, ...rest } = options ?? {}
    const weak = owner === undefined ? undefined : new WeakRef(owner)
    watch.reads.again = () => this.watchRow(table, id, { ...rest, owner: weak?.deref() }, fn)
    return watch
  }

  /** Ends all watches with a label; their number. */
  unwatch(label: unknown): number {
    const found = this.watching(label)
    for (const w of found) w.cancel()
    return found.length
  }

  /** The watches, or those with a label. */
  watching(...label: [label?: unknown]): Watch[] { return [...this.#watches].filter(w => label.length === 0 || (w.labelled && w.label === label[0])) }

  /** Reads what one-shot watches of this scope look at and arms them anew: see `assignReady`. Throws TENANT_MISMATCH for those of another. */
  assignReady<F extends Futures>(futures: F, refs: readonly number[], options?: { watch?: boolean }): Ready<F> {
    return assignReady(futures, refs, options, (watch, path) => {
      if (watch.tenant !== this.id) throw new EddylineError('TENANT_MISMATCH', 'a watch of another scope', { path, offending: said(watch.tenant) })
    })
  }

  /**
   * How often rows came, went and changed since this was first asked for, of a table or of an indexed value.
   *
   * Counters grow as long as the scope lives; `clearCounters` sets them to 0. With `keepCounters` they are kept in the storage
   * of the database; `savedCounters` and `restoreCounters` carry them over a restart by other ways.
   */
  counters<T extends TableName<S>>(table: T, options?: { by?: By<S, T> } & Rule): Counters {
    this.#alive()
    checkOptions(options ?? {}, ['by', 'upsertAs', 'noop'])
    checkRule(options ?? {})
    return this.counted.counters(table, options?.by, options ?? {})
  }

  /** Sets counters to 0: of a table or of an indexed value. */
  clearCounters<T extends TableName<S>>(table: T, options?: { by?: By<S, T> }): void {
    const json = tableOf(this.db.schema, table)
    checkOptions(options ?? {}, ['by'])
    if (options?.by !== undefined) checkByOf(json, options.by)
    this.counted.clear(json, options?.by)
  }

  /** All counters, as plain data. */
  savedCounters(): SavedCounters[] { return this.counted.saved() }

  /**
   * Goes on from saved counters: they are added to what has been counted meanwhile. Throws WATCH_INVALID, UNKNOWN_TABLE,
   * UNKNOWN_COLUMN, TYPE_MISMATCH with `path`; then none is added.
   */
  restoreCounters(saved: readonly SavedCounters[]): void {
    this.#alive()
    this.counted.restore(saved)
  }

  /** Labelled values that follow rows, lists and queries of this scope. */
  assigns(options?: AssignsOptions): Assigns<S> {
    this.#alive()
    checkOptions(options ?? {}, ['signal', 'owner'])
    checkEnds(options?.signal, options?.owner)
    const assigns = new Assigns<S>(this, this.#hub, a => { this.#assigns.delete(a) })
    this.#assigns.add(assigns)
    assigns.release = endWith(options?.signal, options?.owner, () => { assigns.dispose() })
    return assigns
  }

  /** Ends all watches, assigns and counters of this scope, and it makes no others: CLOSED. The rows stay. */
  dispose(): void {
    this.#disposed = true
    for (const w of [...this.#watches]) w.cancel()
    for (const a of [...this.#assigns]) a.dispose()
    this.counted.end()
    this.#hub.told.delete(this)
    if (this.#hub.scopes.get(this.id) === this) this.#hub.scopes.delete(this.id)
  }

  [Symbol.dispose](): void { this.dispose() }

  #alive(): void {
    if (!this.#disposed) return
    this.db.inside.port.alive()
    throw new EddylineError('CLOSED', 'this scope is disposed: `tenant(db, id)` and `watches(db)` give another')
  }

  /** @internal Takes `n` watches of those that are left. Throws WATCH_LIMIT. */
  hold(n: number): void {
    if (this.#held + n > this.maxWatches) {
      throw new EddylineError('WATCH_LIMIT', `${this.#held} watches are there and ${n} more are asked for: ${this.maxWatches} are the most (\`maxWatches\`)`, { offending: said(n) })
    }
    this.#held += n
  }

  /** @internal */
  free(n: number): void { this.#held -= n }

  #rowsBy(table: string, by: Record<string, unknown> | undefined): QueryLike<any> {
    let query: any = (this.query as any)[table]
    for (const [column, value] of Object.entries(by ?? {})) query = query.where(column, value === null ? 'is' : '=', value)
    return query
  }

  #read(query: QueryLike<any>): readonly any[] {
    const live = this.live(query)
    try { return live.rows } finally { live.dispose() }
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Scope' }
}
