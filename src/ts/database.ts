/// <reference lib="esnext.disposable" preserve="true" />
import { Arrivals } from './arrivals.js'
import type { LooseBatch, LooseChange, Report } from './changes.js'
import { Dispatcher, type ReportListener, report } from './dispatch.js'
import type { Durability, Keeper, StorageOption } from './durability.js'
import { Encoder } from './encoder.js'
import { EddylineError } from './errors.js'
import { Forms } from './forms.js'
import { type JsonBytes, type JsonOptions, type JsonReader, type JsonStream, abort, engineOptions, isStream, openStream, pushStream, pushWhole } from './json-input.js'
import { type TableLayout, tableLayout } from './layout.js'
import { opening } from './live-json.js'
import { LiveQuery, QueryEvent, SharedQuery } from './live-query.js'
import { located } from './located.js'
import { checkApply, checkExplain, checkJson, checkName, checkSource } from './given.js'
import { Budget, type MemoryOptions } from './memory.js'
import { OpenQueries } from './open-queries.js'
import { type EngineModule, type PackedInfo, Port } from './port.js'
import { type Form, Query, type QueryLike } from './query/builder.js'
import { type AnyParams, type ParamQuery, type ParamSpec, type ParamValues, paramsJson } from './query/params.js'
import type { QueryJson } from './query/types.js'
import { CAME, CHANGED, FLAGS, IGNORED, NAMED, OVER, REPLAYED, TOUCHES, VERSION, ReportReader } from './report.js'
import { Relations } from './rows.js'
import type { AnySchema, Batch, Change, TableName } from './schema.js'
import { type Connection, type Source, SourceConnection } from './source.js'
import { type SliceProgress, isSliced, letIn } from './sliced.js'
import { type Tenant, tenantOf } from './tenant.js'
import { type Answer, type FetchRow, RowFetcher, type Touch, checkAnswer, readTouches } from './touches.js'
import { View } from './view.js'

export interface DatabaseOptions<S extends AnySchema> {
  schema: S
  /** For messages and devtools. */
  name?: string
  /** Answers `touch`: the row, or null if it is gone. */
  fetchRow?: FetchRow
  /** Gets errors that have no caller: of listeners, of `fetchRow`, of sources. By default they are reported as uncaught. */
  onError?: (error: unknown) => void
  /** How long the engine keeps a view that nobody uses, in milliseconds; 1,000 by default. */
  graceMs?: number
  /** Keeps the state over a restart: `indexedDb('app')` and others of `eddyline/storage`. */
  storage?: StorageOption
  /** How much memory the engine may take, and who makes room: `{ budget: 64 << 20, onPressure }`. */
  memory?: MemoryOptions
}

export interface ApplyOptions {
  /** Resolve when the version is durable. */
  durable: true
}

/** @internal What rooms with an entry of their own need of the inside: rows that enter and leave packed. */
export interface Inside {
  readonly port: Port
  readonly encoder: Encoder
  readonly layouts: readonly TableLayout[]
}

/** @internal What a database in a worker is asked for. */
export interface Tap {
  /** A version, before listeners hear of it: `address` is that of the engine's report. */
  published(address: number, report: Report): void
  /** A touched row could not be fetched, or, without an error, is known again. */
  fetched(name: string, touch: Touch, error: EddylineError | undefined): void
  crashed(error: EddylineError): void
}

export interface LiveOptions {
  /** For `explain` and devtools. */
  label?: string
  /** Whose rows, for tenanted tables. */
  tenant?: string
  /** Values of the query's parameters. */
  params?: AnyParams
  /** First row and number of rows of the part that is shown: `live.window` moves it. */
  window?: readonly [start: number, count: number]
  /**
   * Its rows come in slices of some 5 ms: `status` is `'loading'`, and rows and diffs show what there is, until all are there.
   * `dispose` ends it. For queries over so many rows that the page would stand still; what takes part in it already, or
   * finds its rows by an index, is quicker whole.
   */
  sliced?: boolean | { onProgress?: (progress: SliceProgress) => void }
}

/** What `db.stats()` tells. Bytes are of the engine's own structures; `wasmBytes` is all memory of its instance, shared by the databases of a page. */
export interface EngineStats {
  readonly version: number
  readonly tables: { name: string; rows: number; bytes: number }[]
  readonly nodes: number
  readonly views: number
  /** Rows that operators looked at so far: the work done. */
  readonly rowsExamined: number
  readonly bytes: { readonly tables: number; readonly operators: number; readonly views: number }
  /** Rows by key or in order, and how many operators and queries read each. */
  readonly indexes: { node: number; kind: string; bytes: number; users: number }[]
  /** Per view: bytes that go with it, and bytes that others use too. */
  readonly queries: { view: number; own: number; shared: number }[]
  readonly wasmBytes: number
  /** Bytes of this memory that are in use, the area that batches are written to not counted; the rest is free to be used again. */
  readonly allocatedBytes: number
  /** Microseconds in the engine: of the last batch and of all. */
  readonly micros: { readonly last: number; readonly total: number }
  /** What `allocatedBytes` may be, with a memory budget. */
  readonly budget?: number
}

/** One query builder per table. */
export type QueryRoot<S extends AnySchema> = { readonly [T in TableName<S>]: Query<S, T> }

/**
 * Tables, live queries and sources over one engine. Made by `createDatabase`.
 *
 * After a crash of the engine (ENGINE_CRASHED, a bug of ours) and after `close` (CLOSED) every call throws.
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
  readonly #views = new Map<number, View>()
  readonly #queries: (SharedQuery | undefined)[] = []
  readonly #open: OpenQueries
  readonly #tenants = new Map<string, Tenant<S>>()
  readonly #connections = new Set<SourceConnection>()
  readonly #readers = new Set<JsonReader>()
  readonly #module: EngineModule
  readonly #onError: ((error: unknown) => void) | undefined
  readonly #reader: ReportReader
  #version = 0
  #lastMicros = 0
  #allMicros = 0
  #streaming: Promise<unknown> | undefined
  readonly #forms: Forms
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
    this.#forms = new Forms(port)
    const infos = port.call('relations')
    this.#layouts = options.schema.json.tables.map((t, i) =>
      tableLayout(infos[i] as PackedInfo, new Map(t.columns.map(c => [c.name, c.nullable])), t.key, t.tenant))
    this.#encoder = new Encoder(port, new Map(this.#layouts.map(l => [l.name, l])))
    this.#relations = new Relations(port, this.#encoder)
    this.#relations.add(infos)
    this.#reader = new ReportReader(port, this.#relations, this.#views)
    this.#dispatcher = new Dispatcher(options.onError)
    this.arrivals = new Arrivals(this.inside)
    this.#open = new OpenQueries({
      open: (key, json, types, form, sliced) => this.#register(key, json, types, form, sliced),
      whole: query => { this.#whole(query) },
      drop: ({ view: { id } }) => {
        this.#views.delete(id)
        this.#queries[id] = undefined
        port.call('unregister', id)
      },
      ended: () => this.#closed || port.dead !== undefined,
    }, this.#dispatcher, options.schema.json, options.graceMs ?? 1000)
    this.#fetcher = new RowFetcher(options.fetchRow, {
      waitFor: ({ table, key, tenant }, came) => { this.arrivals.wait(this.#fetcher, table, key, tenant, came) },
      check: (touch, row) => { checkAnswer(this.inside, touch, row) },
      store: answers => { this.#store(answers) },
      told: (name, touch, error) => { this.#fetched(name, touch, error) },
    }, options.onError)
    this.#version = port.call('version')
    const query = Object.create(null) as Record<string, unknown>
    for (const t of options.schema.json.tables) query[t.name] = new Query(options.schema, t.name as never)
    this.query = Object.freeze(query) as QueryRoot<S>
    port.onCrash = error => { this.#crashed(error) }
  }

  /** Number of the current version. */
  get version(): number { return this.#version }

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
  apply(input: readonly Change<S>[] | Batch<S>): Report
  /** The same, applied at once; resolves when storage has the version. Rejects with NOT_DURABLE without storage. */
  apply(input: readonly Change<S>[] | Batch<S>, options: ApplyOptions): Promise<Report>
  apply(input: readonly Change<S>[] | Batch<S>, options?: ApplyOptions): Report | Promise<Report> {
    checkApply(options)
    if (options?.durable !== true) return this.#apply(input)
    const { keeper } = this
    if (keeper === undefined) return Promise.reject(new EddylineError('NOT_DURABLE', `the database \`${this.name}\` has no storage: createDatabase({ storage })`))
    try {
      const report = this.#apply(input)
      return keeper.flush().then(() => report)
    } catch (error) { return Promise.reject(error) }
  }

  #apply(input: readonly Change<S>[] | Batch<S>, again = true): Report {
    this.keeper?.guard()
    const batch = Array.isArray(input) ? undefined : input as LooseBatch
    const changes = (batch !== undefined ? batch?.changes : input) as readonly LooseChange[]
    if (!Array.isArray(changes)) throw new EddylineError('CHANGE_INVALID', 'apply takes an array of changes or a batch { changes }', { path: 'changes' })
    const port = this.#port
    if (port.dead !== undefined) throw port.dead
    if (this.#dispatcher.running) this.#dispatcher.pin()
    const bytes = this.#encoder.encode(changes, batch)
    const begun = performance.now()
    let address: number
    try { address = port.commit(bytes) } catch (error) {
      this.#relations.links.close()
      if (again && this.#budget?.makesRoom(error) === true) return this.#apply(input, false)
      throw located(this.#encoder, error, changes)
    }
    const report = this.#publish(address, (performance.now() - begun) * 1000, batch?.source, batch?.cursor, batch?.origin)
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
    if (isStream(input)) return this.#applyStream(input, opts)
    if (this.#dispatcher.running) this.#dispatcher.pin()
    const begun = performance.now()
    return this.#publishJson(this.#roomy(() => pushWhole(this.#port, input, opts)), begun)
  }

  async #applyStream(input: JsonStream, opts: JsonOptions | undefined): Promise<Report> {
    // Held at once, so that closing the database can end it while it waits.
    const reader = openStream(input)
    this.#readers.add(reader)
    // One at a time: the engine reads one stream.
    const before = this.#streaming
    let finish!: () => void
    const mine = this.#streaming = new Promise<void>(resolve => { finish = resolve })
    try {
      await before
      const port = this.#port
      port.call('json_begin', engineOptions(opts), false)
      let parts: Report | undefined
      const take = (method: 'json_part' | 'json_end'): Report | undefined => {
        if (this.#dispatcher.running) this.#dispatcher.pin()
        const begun = performance.now()
        const address = method === 'json_part' ? port.call(method) >>> 0 : port.call(method, false) >>> 0
        if (address === 0) return undefined
        const report = this.#publishJson(address, begun)
        port.relax()
        return parts = parts === undefined ? report : { ...report, applied: report.applied + parts.applied, ignored: report.ignored + parts.ignored, micros: report.micros + parts.micros }
      }
      const commit = (): Report => take('json_end')!
      // What the budget refuses, the engine keeps until it is asked again.
      const roomy = async <T>(run: () => T): Promise<T> => {
        try { return run() } catch (error) {
          if (!(opts?.pressed !== undefined ? await opts.pressed(error) : this.#budget?.makesRoom(error) === true)) throw error
          return run()
        }
      }
      // What is committed by another comes as a whole.
      const part = opts?.atomic === false && opts.around === undefined ? async () => (await roomy(() => take('json_part')))?.applied ?? parts?.applied ?? 0 : undefined
      try {
        await pushStream(port, reader, opts, part)
        return await roomy(() => opts?.around === undefined ? commit() : opts.around(commit))
      } catch (error) { abort(port, false); throw error }
    } catch (error) {
      reader.cancel(error).catch(() => {})
      throw error
    } finally {
      this.#readers.delete(reader)
      reader.releaseLock()
      if (this.#streaming === mine) this.#streaming = undefined
      finish()
    }
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
    return new LiveQuery(this.#open.live(query, options), options?.label)
  }

  /** The plan of a query with counters, as text for people. */
  explain(query: QueryLike<unknown> | LiveQuery<unknown>, options?: { tenant?: string }): string {
    checkExplain(options)
    if (query instanceof LiveQuery) return this.#port.call('explain', query.shared.view.id)
    const shared = this.#open.shared(opening(query, options).json)
    const text = this.#port.call('explain', shared.view.id)
    if (shared.users === 0) this.retire(shared)
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
    if (this.#dispatcher.running) this.#dispatcher.pin()
    let begun = 0
    const commit = (): number => {
      port.reserve(bytes.length, 0)
      port.u8.set(bytes, port.base)
      begun = performance.now()
      return port.commit(bytes.length)
    }
    const address = taken && this.#budget !== undefined ? this.#budget.without(commit) : this.#roomy(commit)
    const report = this.#publish(address, (performance.now() - begun) * 1000, source, cursor, origin)
    port.relax()
    return report
  }

  /** Runs what gives a report, and once more if the budget refused it and room was made. */
  #roomy(run: () => number): number {
    try { return run() } catch (error) {
      if (this.#budget?.makesRoom(error) !== true) throw error
      return run()
    }
  }

  /** @internal From now on: what storage has loaded is not refused. */
  limitMemory(options: MemoryOptions): void {
    const port = this.#port
    this.#budget = new Budget(options, {
      limit: bytes => port.dead === undefined ? port.call('budget', bytes) >>> 0 : 0,
      apply: changes => { this.apply(changes as never) },
      drop: () => { this.#open.dropUnused() },
      aside: fn => { if (this.keeper === undefined) fn(); else this.keeper.aside(fn) },
      failed: error => { report(error, this.#onError) },
    })
    this.#budget.begin()
  }

  /** @internal */
  get inside(): Inside { return { port: this.#port, encoder: this.#encoder, layouts: this.#layouts } }

  /** The last committed cursor of a source. */
  cursor(source: string): string | undefined { checkName(source, 'source'); return this.#port.call('cursor', source) }

  /** Calls `fn` once per version, after the live queries. Returns the function that ends it. */
  subscribe(fn: ReportListener): () => void { return this.#dispatcher.subscribe(fn, this.#version) }

  /** Asks `fetchRow` again for touched rows that it failed for; their number. Queries over them are ready again as these arrive. */
  retry(): number { return this.#fetcher.retry() }

  /**
   * The scope of one tenant: changes, queries and watches of it keep to it. The same object each time; nothing has to be
   * opened or created.
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

  /** Frees the engine. Live queries become `'closed'` and keep the last rows that were read; old rows stay readable. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const connection of [...this.#connections]) connection.close()
    for (const close of [...this.closers]) close()
    for (const reader of this.#readers) reader.cancel().catch(() => {})
    this.keeper?.close()
    this.#fetcher.close()
    const port = this.#port
    const readable = port.dead === undefined
    if (readable) this.#relations.settle()
    const queries = this.#open.close(readable, 'closed', undefined)
    if (readable) {
      port.end(new EddylineError('CLOSED', `the database \`${this.name}\` is closed`))
      port.engine.free?.()
    }
    this.#open.tell(queries)
  }

  [Symbol.dispose](): void { this.close() }

  /** @internal Another database of the same schema, or of another, over an engine of its own. */
  twin<T extends AnySchema = S>(schema?: T): Database<T> { return new Database(this.#module, { schema: schema ?? this.schema as unknown as T, name: this.name, ...(this.#onError === undefined ? {} : { onError: this.#onError }) }) }

  /** @internal */
  setParams(query: SharedQuery, values: AnyParams): void {
    const params = paramsJson(values, query.types)
    this.#moved(() => this.#port.call('set_params', query.view.id, { params }))
  }

  /** @internal */
  show(query: SharedQuery, start: number, count: number): void {
    this.#moved(() => this.#port.call('show', query.view.id, start, count))
  }

  /** @internal */
  total(query: SharedQuery): number { return this.#port.call('total', query.view.id) }

  /** A version that no change of rows made. */
  #moved(move: () => number): void {
    this.#port.alive()
    if (this.#dispatcher.running) this.#dispatcher.pin()
    const begun = performance.now()
    const address = move() >>> 0
    const micros = (performance.now() - begun) * 1000
    this.#port.fresh()
    // Nothing is another value than before.
    if (this.#port.i32[(address >> 2) + VERSION] === this.#version) return
    this.#publish(address, micros, undefined, undefined, undefined)
  }

  /** @internal */
  tell(query: SharedQuery): void { this.#open.tell([query]) }

  /** @internal */
  retire(query: SharedQuery): void { this.#open.retire(query) }

  // ---- inside ------------------------------------------------------------------------------------------------------

  #register(key: string, json: QueryJson, types: ParamSpec | undefined, form: Form, sliced: LiveOptions['sliced']): SharedQuery {
    const port = this.#port
    const view = new View(port, this.#relations, this.#forms.register(json, form, isSliced(sliced)), this.#version)
    const query = new SharedQuery(this, view, key, json, types)
    this.#views.set(view.id, view)
    this.#queries[view.id] = query
    const failure = port.call('view_error', view.id)
    if (failure != null) {
      view.fail()
      query.fail(new EddylineError(failure.code, failure.message))
    }
    for (const [name, { touch, error }] of this.#fetcher.failed) if (this.#open.reads(query, touch.table, touch.tenant)) query.fetched(name, error)
    if (isSliced(sliced)) {
      query.slicing = true
      query.loading()
      const door = {
        open: () => !this.#closed && port.dead === undefined && this.#queries[view.id] === query,
        moved: (move: () => number) => { this.#moved(move) },
        loaded: () => { if (query.slicing) this.#loaded(query) },
        failed: (error: unknown) => { report(error, this.#onError) },
      }
      letIn(port, view.id, door, typeof sliced === 'object' ? sliced?.onProgress : undefined).catch(door.failed)
    }
    return query
  }

  #loaded(query: SharedQuery): void {
    query.loaded()
    this.tell(query)
  }

  /** Somebody wants all rows of a sliced query now. */
  #whole(query: SharedQuery): void {
    const { id } = query.view
    while (query.slicing && this.#port.call('pending', id) > 0) this.#moved(() => this.#port.call('admit', id, 0xffffffff))
    if (query.slicing) this.#loaded(query)
  }

  /** JSON names its source, cursor and origin itself. */
  #publishJson(address: number, begun: number): Report {
    const micros = (performance.now() - begun) * 1000
    this.#port.fresh()
    if ((this.#port.i32[(address >> 2) + FLAGS] & NAMED) === 0) return this.#publish(address, micros, undefined, undefined, undefined)
    const [source, cursor, origin] = this.#port.call('envelope')
    return this.#publish(address, micros, source, cursor, origin)
  }

  /** Lets all mirrors absorb a report, then tells the listeners. */
  #publish(address: number, micros: number, source: string | undefined, cursor: unknown, origin: string | undefined): Report {
    const port = this.#port
    port.fresh()
    const head = address >> 2
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
    const reader = this.#reader
    const { links } = this.#relations
    links.open()
    reader.absorb(address)
    links.close()
    this.#version = version
    this.#lastMicros = micros
    this.#allMicros += micros
    // First: a listener may apply, and what this version changed is then gone.
    if (this.keeper !== undefined && !replayed) this.keeper.committed(report)
    const touches = touched > 0 ? readTouches(port, reader.touchesAt, touched, this.#layouts) : undefined
    // Behind everything that reads the report: what it asks of the engine may make another one.
    this.tap?.published(address, report)
    let first: QueryEvent | undefined
    let events: QueryEvent[] | undefined
    for (let i = 0; i < reader.count; i++) {
      const view = reader.changed[i]!
      reader.changed[i] = undefined
      const query = this.#queries[view.id]!
      query.changed()
      if (view.failed || query.broken) this.#evaluated(query, view)
      if (query.listeners.length > 0) {
        const event = new QueryEvent(query, view.diff, report)
        if (first === undefined) first = event
        else if (events === undefined) events = [first, event]
        else events.push(event)
      }
      view.diff = undefined
    }
    if (events !== undefined) this.#dispatcher.push(events, replayed ? undefined : report)
    else if (first !== undefined) this.#dispatcher.pushOne(first, replayed ? undefined : report)
    else if (!replayed && this.#dispatcher.hasReportListeners) this.#dispatcher.push([], report)
    if (touches !== undefined) for (const touch of touches) this.#fetcher.touch(touch)
    if (came) this.arrivals.came()
    return report
  }

  #evaluated(query: SharedQuery, view: View): void {
    if (view.failed) {
      const failure = this.#port.call('view_error', view.id)
      query.fail(new EddylineError(failure?.code ?? 'EVALUATION_FAILED', failure?.message ?? 'the query could not be evaluated'))
    } else {
      view.recover()
      query.recovered()
    }
  }

  #store(answers: readonly Answer[]): void {
    if (this.#closed) return
    this.apply(answers.map(({ touch: { table, key, tenant }, row }): LooseChange => ({
      ...(row !== null ? { op: 'upsert', table, row } : { op: 'delete', table, id: key }), ...(tenant === undefined ? {} : { tenant }),
    })) as never)
  }

  /** A failed fetch shows on the live queries over its table; they keep what they have. */
  #fetched(name: string, touch: Touch, error: EddylineError | undefined): void {
    if (this.#closed) return
    this.tap?.fetched(name, touch, error)
    this.#open.tell(this.#open.fetched(name, touch.table, touch.tenant, error))
  }

  #crashed(error: EddylineError): void {
    this.tap?.crashed(error)
    const queries = this.#open.all()
    for (const query of queries) query.close(false, 'error', error)
    this.#open.tell(queries)
  }
}
