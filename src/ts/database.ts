/// <reference lib="esnext.disposable" preserve="true" />
import { applied } from './applied.js'
import { Arrivals } from './arrivals.js'
import type { LooseBatch, LooseChange, Report } from './changes.js'
import { Dispatcher, type ReportListener, report } from './dispatch.js'
import type { Durability, Keeper } from './durability.js'
import { Encoder } from './encoder.js'
import { EddylineError } from './errors.js'
import { type JsonBytes, type JsonOptions, type JsonStream, isStream, pushWhole } from './json-input.js'
import { type TableLayout, tableLayout } from './layout.js'
import { opening } from './live-json.js'
import { LiveQuery, rowsOnce } from './live-query.js'
import { located } from './located.js'
import { checkExplain, checkJson, checkName, checkSource } from './given.js'
import { Held } from './held.js'
import { Budget, type MemoryOptions } from './memory.js'
import type { ApplyOptions, DatabaseOptions, EngineStats, Inside, LiveOptions, QueryRoot, ReadOptions, Tap } from './options.js'
import { type EngineModule, type PackedInfo, Port } from './port.js'
import { Queries } from './queries.js'
import type { QueryLike } from './query/builder.js'
import type { ParamQuery, ParamValues } from './query/params.js'
import { queryRoot } from './query/root.js'
import { CAME, CHANGED, FLAGS, IGNORED, NAMED, OVER, REPLAYED, TOUCHES, VERSION } from './report.js'
import { ofKey, rowByKey } from './row-by-key.js'
import { Relations } from './rows.js'
import type { AnySchema, Batch, Change, Key, Row, TableName } from './schema.js'
import { type Connection, type Source, SourceConnection } from './source.js'
import { type Tenant, tenantOf } from './tenant.js'
import { type Answer, type Failed, RowFetcher, type Touch, checkAnswer, readTouches } from './touches.js'
import { Streams } from './streams.js'

export type { ApplyOptions, DatabaseOptions, EngineStats, Inside, LiveOptions, QueryRoot, ReadOptions, Tap } from './options.js'

/**
 * Tables, live queries and sources over one engine. Made by `createDatabase`.
 *
 * After a crash of the engine (ENGINE_CRASHED, a bug of ours) and after `close` (CLOSED) every call that needs the engine throws.
 */
export class Database<S extends AnySchema> {
  readonly schema: S
  readonly name: string
  /** A query builder per table: `db.query.issues`. */
  readonly query: QueryRoot<S>
  readonly #port: Port
  readonly #encoder: Encoder
  readonly #relations: Relations
  readonly #dispatcher: Dispatcher
  readonly #fetcher: RowFetcher
  readonly #layouts: TableLayout[]
  readonly #queries: Queries
  readonly #tenants = new Held<Tenant<S>>()
  readonly #connections = new Set<SourceConnection>()
  readonly #streams: Streams
  readonly #module: EngineModule
  readonly #onError: ((error: unknown) => void) | undefined
  #lastMicros = 0
  #allMicros = 0
  /** @internal Set by the storage once it has loaded. */
  keeper: Keeper | undefined
  /** @internal Called once, when it is closed: what works on it ends. */
  readonly closers = new Set<() => void>()
  /** @internal Rows that answers are waited for. */
  readonly arrivals: Arrivals
  /** @internal Gets what happens as it is in the engine's memory: for a page in another thread. */
  tap: Tap | undefined
  #closed = false
  #budget: Budget | undefined

  /** @internal Use `createDatabase`. */
  constructor(module: EngineModule, options: DatabaseOptions<S>) {
    this.schema = options.schema
    this.#module = module
    this.name = options.name ?? 'eddyline'
    this.#onError = options.onError
    const port = this.#port = new Port(module, options.schema.json)
    const infos = port.call('relations')
    this.#layouts = options.schema.json.tables.map((t, i) =>
      tableLayout(infos[i] as PackedInfo, new Map(t.columns.map(c => [c.name, c.nullable])), t.key, t.tenant))
    this.#encoder = new Encoder(port, new Map(this.#layouts.map(l => [l.name, l])))
    this.#relations = new Relations(port, this.#encoder)
    this.#relations.add(infos)
    this.#streams = new Streams(port, {
      json: run => this.#json(run),
      makesRoom: error => this.#makesRoom(error),
    })
    this.#dispatcher = new Dispatcher(options.onError)
    this.arrivals = new Arrivals(this.inside)
    this.#queries = new Queries(port, this.#relations, this.#dispatcher, options.schema.json, options.graceMs ?? 1000, {
      closed: () => this.#closed,
      moved: move => { this.moved(move) },
      opened: query => { for (const [name, { touch, error }] of this.#fetcher.failed) if (this.#queries.open.reads(query, touch.table, touch.tenant)) query.fetched(name, error) },
      failed: error => { this.uncaught(error) },
    }, port.call('version'))
    this.#fetcher = new RowFetcher(options.fetchRow, {
      waitFor: ({ table, key, tenant }, came) => { this.arrivals.wait(this.#fetcher, table, key, tenant, came) },
      check: (touch, row) => { checkAnswer(this.inside, touch, row) },
      store: answers => { this.#store(answers) },
      told: (name, touch, error) => { this.#fetched(name, touch, error) },
    }, options.onError)
    this.query = queryRoot(options.schema)
    port.onCrash = error => { this.#crashed(error) }
  }

  /** Number of the current version. */
  get version(): number { return this.#queries.version }

  /**
   * Applies changes as one version: synchronous and atomic.
   *
   * ```ts
   * db.apply([{ op: 'upsert', table: 'issues', row }])
   * db.apply({ changes, source: 'api', cursor: 42 })
   * ```
   * Row objects in canonical form become the rows: do not change them afterwards. Throws DUPLICATE_KEY, MISSING_COLUMN,
   * UNKNOWN_COLUMN, TYPE_MISMATCH, KEY_CHANGE, CURSOR_BACKWARDS … with `path`; then nothing has happened.
   * Cost: about 0.4 µs per row here, plus what the engine needs.
   */
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>): Report
  /** The same, applied at once; resolves when storage has the version. Rejects with NOT_DURABLE without storage. */
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options: ApplyOptions): Promise<Report>
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options?: ApplyOptions): Report | Promise<Report> {
    return applied(this, options, () => this.#apply(input))
  }

  #apply(input: object, again = true): Report {
    this.keeper?.guard()
    const batch = Array.isArray(input) ? undefined : input as LooseBatch
    const changes = (batch !== undefined ? batch?.changes : input) as readonly LooseChange[]
    if (!Array.isArray(changes)) throw new EddylineError('CHANGE_INVALID', 'apply takes an array of changes or a batch { changes }', { path: 'changes' })
    const port = this.#port
    if (port.dead !== undefined) throw port.dead
    this.#dispatcher.enter()
    const bytes = this.#encoder.encodeInPieces(changes, batch)
    const begun = performance.now()
    let address: number
    try { address = port.commit(bytes) } catch (error) {
      this.#relations.links.close()
      if (again && this.#makesRoom(error)) return this.#apply(input, false)
      throw located(this.#encoder, error, changes)
    }
    const report = this.#publish(address, begun, batch?.source, batch?.cursor, batch?.origin)
    port.relax()
    return report
  }

  /**
   * Applies JSON as it comes from the network; bytes never become JavaScript objects unless somebody looks at the rows.
   *
   * ```ts
   * db.applyJson(await response.arrayBuffer())
   * await db.applyJson(await fetch('/issues.json'), { table: 'issues' })   // streamed in pieces, one version
   * await db.applyJson(await fetch('/all.json'), { table: 'issues', atomic: false, onProgress, signal })   // a version for each piece
   * ```
   * Throws JSON_MALFORMED and what `apply` throws; FETCH_FAILED for a response that is not ok. Streams are applied one
   * after another, whole texts at once. Cost: about 0.2 µs per row of ten columns.
   */
  applyJson(input: string | JsonBytes, opts?: JsonOptions): Report
  applyJson(input: JsonStream, opts?: JsonOptions): Promise<Report>
  applyJson(input: string | JsonBytes | JsonStream, opts?: JsonOptions): Report | Promise<Report> {
    this.#port.alive()
    checkJson(opts)
    this.keeper?.guard()
    if (isStream(input)) return this.#streams.apply(input, opts)
    return this.#json(() => this.#roomy(() => pushWhole(this.#port, input, opts)))!
  }

  /**
   * Starts a live query. Equal plans share one view.
   *
   * ```ts
   * const live = db.live(db.query.issues.where('status', '=', 'open').limit(50))
   * ```
   * Throws what the engine finds wrong with the query (UNKNOWN_COLUMN, TYPE_MISMATCH …), with `path` and `nearest`.
   * Cost: one evaluation; rows become objects when read.
   */
  live<R, P>(query: ParamQuery<R, P>, options: LiveOptions & { params: ParamValues<P> }): LiveQuery<R, Partial<ParamValues<P>>>
  live<R>(query: QueryLike<R>, options?: LiveOptions): LiveQuery<R>
  live(query: QueryLike<any> | ParamQuery<any, any>, options?: LiveOptions): LiveQuery<any, any> {
    this.#port.alive()
    return new LiveQuery(this.#queries.open.live(query, options), options?.label)
  }

  /**
   * The rows of a query as they are now, for who does not follow them: in a handler, say.
   *
   * ```ts
   * const [issue] = db.read(db.query.issues.where('id', '=', id))
   * ```
   * Throws what `live` throws, and why the query cannot be evaluated. Cost: as of `live`; for `graceMs` the next one finds it made.
   */
  read<R, P>(query: ParamQuery<R, P>, options: ReadOptions & { params: ParamValues<P> }): readonly R[]
  read<R>(query: QueryLike<R>, options?: ReadOptions): readonly R[]
  read(query: QueryLike<any> | ParamQuery<any, any>, options?: ReadOptions): readonly any[] { return rowsOnce(this.live(query as QueryLike<any>, { ...options, sliced: undefined } as LiveOptions)) }

  /**
   * The row with a key as it is now, or undefined. An object of its own each time: that of a live query stays the same.
   *
   * ```ts
   * db.get('issues', 'a')?.title
   * ```
   * Throws UNKNOWN_TABLE, MISSING_KEY, TYPE_MISMATCH, TENANT_REQUIRED … Cost: one look-up.
   */
  get<T extends TableName<S>>(table: T, id: Key<S, T>, options?: { tenant?: string }): Row<S, T> | undefined {
    checkExplain(options)
    return ofKey(() => rowByKey(this.inside, table, id, options?.tenant)) as Row<S, T> | undefined
  }

  /** The plan of a query with counters, as text for people. */
  explain(query: QueryLike<unknown> | LiveQuery<unknown>, options?: { tenant?: string }): string {
    checkExplain(options)
    if (query instanceof LiveQuery) return this.#port.call('explain', query.shared.view.id)
    const shared = this.#queries.open.shared(opening(query, options).json)
    const text = this.#port.call('explain', shared.view.id)
    if (shared.users === 0) this.#queries.retire(shared)
    return text
  }

  /** Memory, rows per table, nodes, views and engine time. */
  stats(): EngineStats {
    const stats = this.#port.call('stats') as Omit<EngineStats, 'micros'>
    const budget = this.#budget?.options.budget
    return { ...stats, micros: { last: this.#lastMicros, total: this.#allMicros }, ...(budget === undefined ? {} : { budget }) }
  }

  /** What is known of the storage; undefined without. */
  get durability(): Durability | undefined { return this.keeper }

  /** Resolves when everything applied so far is durable; at once without storage. Rejects with STORAGE_FULL, STORAGE_FAILED … */
  flush(): Promise<void> { return this.keeper?.flush() ?? Promise.resolve() }

  /** @internal A binary batch as storage and other tabs have it. `taken`: it is part of the state already, so no budget refuses it. */
  applyPacked(bytes: Uint8Array, source?: string, cursor?: string, origin?: string, taken = false): Report {
    const port = this.#port
    port.alive()
    this.#dispatcher.enter()
    let begun = 0
    const commit = (): number => {
      port.reserve(bytes.length, 0)
      port.u8.set(bytes, port.base)
      begun = performance.now()
      return port.commit(bytes.length)
    }
    const address = taken && this.#budget !== undefined ? this.#budget.without(commit) : this.#roomy(commit)
    const report = this.#publish(address, begun, source, cursor, origin)
    port.relax()
    return report
  }

  #makesRoom(error: unknown): boolean { return this.#budget?.makesRoom(error) === true }

  /** Runs what gives a report, and once more if the budget refused it and room was made. */
  #roomy(run: () => number): number {
    try { return run() } catch (error) {
      if (!this.#makesRoom(error)) throw error
      return run()
    }
  }

  /** @internal From now on: what storage has loaded is not refused. */
  limitMemory(options: MemoryOptions): void {
    const port = this.#port
    this.#budget = new Budget(options, {
      limit: bytes => port.dead === undefined ? port.call('budget', bytes) >>> 0 : 0,
      apply: changes => { this.apply(changes as never) },
      drop: () => {
        port.others()
        this.#queries.open.dropUnused()
      },
      aside: fn => { if (this.keeper === undefined) fn(); else this.keeper.aside(fn) },
      failed: error => { this.uncaught(error) },
    })
    this.#budget.begin()
  }

  /** @internal Tells what has no caller to go to. */
  uncaught(error: unknown): void { report(error, this.#onError) }

  /** @internal */
  get inside(): Inside { return { port: this.#port, encoder: this.#encoder, layouts: this.#layouts } }

  /** The last committed cursor of a source. */
  cursor(source: string): string | undefined { checkName(source, 'source'); return this.#port.call('cursor', source) }

  /** Calls `fn` once per version, after the live queries. Returns the function that ends it. */
  subscribe(fn: ReportListener): () => void {
    this.#port.alive()
    return this.#dispatcher.subscribe(fn, this.version)
  }

  /** Asks `fetchRow` again for touched rows that it failed for; their number. Queries over them are ready again as these arrive. */
  retry(): number {
    this.#port.alive()
    return this.#fetcher.retry()
  }

  /**
   * The scope of one tenant: changes, queries and watches of it keep to it. The same object each time (one with watches once
   * `eddyline/watch` is loaded); nothing has to be opened or created.
   *
   * ```ts
   * import 'eddyline/watch'                                      // for `watch`, `assigns` and `counters` of the scope
   * const t = db.tenant('org-1')
   * t.apply([{ op: 'insert', table: 'quotes', row }])
   * const live = t.live(t.query.quotes.orderBy('likes', 'desc'))
   * t.watch('quotes', 'changes', ({ keys }) => flash(keys.updated))
   * t.clear()
   * ```
   * Throws TENANT_REQUIRED for what is no text.
   */
  tenant(id: string): Tenant<S> { return tenantOf(this, id, this.#tenants) }

  /**
   * Connects a backend.
   *
   * ```ts
   * const connection = db.connect({ name: 'api', sync(s) { s.begin(); s.write(change); s.commit(); s.markReady() } })
   * await connection.ready
   * ```
   */
  connect(source: Source): Connection {
    this.#port.alive()
    checkSource(source, this.schema.json)
    const connection = new SourceConnection(this, source, c => { this.#connections.delete(c) }, this.#onError)
    this.#connections.add(connection)
    // Of several tabs one runs the sources; the others begin when they take over.
    if (this.keeper?.status === 'follower') this.keeper.leading.then(() => { if (connection.status !== 'closed') connection.start() }, () => {})
    else connection.start()
    return connection
  }

  /**
   * Ends everything: calls throw CLOSED, live queries become `'closed'` and keep the last rows that were read; old rows stay readable.
   * What was shown is copied and the engine's memory given back in slices of 4 ms, the first of them at once.
   */
  close(): void {
    if (this.#closed) return
    // Within a listener: the others are told what this version changed.
    if (this.#port.dead === undefined) this.#dispatcher.pin()
    this.#closed = true
    for (const connection of [...this.#connections]) connection.close()
    for (const close of [...this.closers]) close()
    this.#streams.close()
    this.keeper?.close()
    this.#fetcher.close()
    const port = this.#port
    const readable = port.dead === undefined
    const queries = this.#queries.open.close(readable, 'closed', undefined)
    if (readable) port.leave(new EddylineError('CLOSED', `the database \`${this.name}\` is closed`), this.#relations.settling(queries))
    this.#queries.open.tell(queries)
  }

  [Symbol.dispose](): void { this.close() }

  /** @internal Another database of the same schema, or of another, over an engine of its own. */
  twin<T extends AnySchema = S>(schema?: T): Database<T> { return new Database(this.#module, { schema: schema ?? this.schema as unknown as T, name: this.name, ...(this.#onError === undefined ? {} : { onError: this.#onError }) }) }

  // ---- inside ------------------------------------------------------------------------------------------------------

  /** @internal A version that no change of rows made, of a query here or of a page's in another thread. */
  moved(move: () => number): void {
    this.#port.alive()
    this.#dispatcher.enter()
    const begun = performance.now()
    const address = move() >>> 0
    this.#port.fresh()
    // Nothing is another value than before.
    if (this.#port.i32[(address >>> 2) + VERSION] === this.version) return
    this.#publish(address, begun)
  }

  /** JSON names its source, cursor and origin itself; a part of it may bring nothing yet. */
  #json(run: () => number): Report | undefined {
    this.#dispatcher.enter()
    const begun = performance.now()
    const address = run() >>> 0
    if (address === 0) return undefined
    this.#port.fresh()
    if ((this.#port.i32[(address >>> 2) + FLAGS] & NAMED) === 0) return this.#publish(address, begun)
    const [source, cursor, origin] = this.#port.call('envelope')
    return this.#publish(address, begun, source, cursor, origin)
  }

  /** Lets all mirrors absorb a report, then tells the listeners. */
  #publish(address: number, begun: number, source?: string, cursor?: unknown, origin?: string): Report {
    const micros = (performance.now() - begun) * 1000
    const port = this.#port
    port.fresh()
    const head = address >>> 2
    const words = port.i32
    const version = words[head + VERSION]
    const replayed = (words[head + FLAGS] & REPLAYED) !== 0
    if ((words[head + FLAGS] & OVER) !== 0) this.#budget?.over()
    const report: Report = {
      version, applied: words[head + CHANGED], ignored: words[head + IGNORED], replayed,
      source, cursor: cursor === undefined ? undefined : String(cursor), origin, micros,
    }
    const touched = words[head + TOUCHES]
    const came = (words[head + FLAGS] & CAME) !== 0
    const touchesAt = this.#queries.absorb(address)
    this.#queries.version = version
    this.#lastMicros = micros
    this.#allMicros += micros
    // First: a listener may apply, and what this version changed is then gone.
    if (this.keeper !== undefined && !replayed) this.keeper.committed(report)
    const touches = touched > 0 ? readTouches(port, touchesAt, touched, this.#layouts) : undefined
    // Behind everything that reads the report: what it asks of the engine may make another one.
    this.tap?.published(address, report)
    this.#queries.news(report)
    // Before rows are waited for anew.
    if (came) this.arrivals.came()
    if (touches !== undefined) for (const touch of touches) this.#fetcher.touch(touch)
    return report
  }

  #store(answers: readonly Answer[]): void {
    if (this.#closed) return
    this.apply(answers.map(({ touch: { table, key, tenant }, row }): LooseChange => ({
      ...(row !== null ? { op: 'upsert', table, row } : { op: 'delete', table, id: key }), ...(tenant === undefined ? {} : { tenant }),
    })) as never)
  }

  /** @internal Touched rows that could not be fetched, by name. */
  get missed(): ReadonlyMap<string, Failed> { return this.#fetcher.failed }

  /** A failed fetch shows on the live queries over its table; they keep what they have. */
  #fetched(name: string, touch: Touch, error: EddylineError | undefined): void {
    if (this.#closed) return
    this.tap?.fetched(name, touch, error)
    this.#queries.open.tell(this.#queries.open.fetched(name, touch.table, touch.tenant, error))
  }

  #crashed(error: EddylineError): void {
    this.tap?.crashed(error)
    const queries = this.#queries.open.all()
    for (const query of queries) query.close(false, 'error', error)
    this.#queries.open.tell(queries)
    this.keeper?.crashed(error)
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Database' }
}
