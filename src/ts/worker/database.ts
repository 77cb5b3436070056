/// <reference lib="esnext.disposable" preserve="true" />
import { slices } from '../breathe.js'
import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { ApplyOptions, EngineStats, LiveOptions, QueryRoot } from '../database.js'
import { Dispatcher, report as tellError, type ReportListener } from '../dispatch.js'
import type { EntryWrites, FarStorage } from '../durability.js'
import { Encoder } from '../encoder.js'
import { EddylineError } from '../errors.js'
import { checkApply, checkExplain, checkJson, checkName, checkSource } from '../given.js'
import { checkFunction } from '../option-kinds.js'
import { type JsonBytes, type JsonOptions, type JsonStream, checkInput, engineOptions, isStream } from '../json-input.js'
import { tableLayout } from '../layout.js'
import { opening } from '../live-json.js'
import { LiveQuery, QueryEvent, type QueryHost, SharedQuery } from '../live-query.js'
import { located } from '../located.js'
import type { Pressure, Relief } from '../memory.js'
import { OpenQueries } from '../open-queries.js'
import type { PackedInfo, Port, ViewInfo } from '../port.js'
import { Query, type QueryLike, checkDepth } from '../query/builder.js'
import { type AnyParams, type ParamQuery, type ParamSpec, type ParamValues, paramsJson } from '../query/params.js'
import type { QueryJson } from '../query/types.js'
import { FILL, FREED, HEAD, KIND, ReportReader, SECTIONS } from '../report.js'
import { type CellTable, Relations } from '../rows.js'
import type { AnySchema, Batch, Change } from '../schema.js'
import type { Connection, Source, SourceConnection } from '../source.js'
import { type SliceProgress, isSliced } from '../sliced.js'
import { checkTenant } from '../values.js'
import type { FetchRow } from '../touches.js'
import { View } from '../view.js'
import { connectTo } from './connect.js'
import { type Contents, farPort } from './far-engine.js'
import { FarDurability, type WorkerDurability } from './durability.js'
import { RowHeap } from './heap.js'
import { type Channel, type ErrorJson, type OpenReply, type Request, type Told, errorJson, errorOf } from './messages.js'
import { Requests } from './requests.js'
import { WorkerTenant } from './tenant.js'

/** What `createWorkerDatabase` makes a database of, beside the worker itself. */
export interface WorkerDatabaseOptions<S extends AnySchema> {
  schema: S
  /** For messages and devtools. */
  name?: string
  /** Answers `touch`, on the page: the row, or null if it is gone. */
  fetchRow?: FetchRow
  /** Gets errors that have no caller: of listeners, of `fetchRow`, of sources, of parameters. By default they are reported as uncaught. */
  onError?: (error: unknown) => void
  /** How long a view that nobody uses is kept, in milliseconds; 1,000 by default. */
  graceMs?: number
  /** Versions that may be on their way to the page; beyond that they are put together. 4 by default. */
  ahead?: number
  /** As of `createDatabase`; the hook is called on the page, and may take its time. Of tabs that share an engine the budget of the first one counts. */
  memory?: { budget: number; onPressure?: (pressure: Pressure) => Relief | Promise<Relief> }
}

/** What `stats()` tells, and the traffic between page and worker. */
export interface WorkerStats extends EngineStats {
  readonly worker: {
    /** Messages with changes, and their bytes. */
    readonly messages: number
    readonly bytes: number
    /** Versions that the page got together with later ones. */
    readonly coalesced: number
    /** Most messages on their way at any time. */
    readonly mostUnacknowledged: number
    /** Pages that the engine serves: tabs that share it. */
    readonly pages: number
  }
  /** Rows that the page holds, as bytes. */
  readonly page: { readonly rows: number; readonly bytes: number }
}

/** A live query of a database in a worker: `loading` at first, and what is set takes effect with a later version. */
export class WorkerLiveQuery<R, P = AnyParams> extends LiveQuery<R, P> {
  /** As of `LiveQuery`; resolves when the rows are there. What the worker finds wrong rejects, and is told to `onError`. */
  override setParams(values: P): Promise<void> {
    super.setParams(values)
    const { host } = this.shared
    return host instanceof WorkerDatabase ? host.lastSet : Promise.resolve()
  }
}

/** Numbers about rows in a message from which it is read in slices, and how long these last. */
const LARGE = 6000, SLICE_MS = 4

/** No view yet: an empty list. */
const NONE: ViewInfo = {
  view: -1, flat: true, length: 0, relations: [],
  levels: [{ name: '', parent: -1, single: false, rel: 0, fields: [], key: [], maskWords: 1, plain: true, subs: [] }],
}

/**
 * Tables and live queries over an engine in a worker. Made by `createWorkerDatabase`.
 *
 * What changes anything is asked of the worker, so it returns a promise; what is shown is here. After a crash of the worker
 * (WORKER_FAILED, ENGINE_CRASHED) and after `close` (CLOSED) every call throws or rejects.
 */
export class WorkerDatabase<S extends AnySchema> implements QueryHost {
  readonly schema: S
  readonly name: string
  /** A query builder per table: `db.query.issues`. */
  readonly query: QueryRoot<S>
  /** @internal The last `setParams`. */
  lastSet: Promise<void> = Promise.resolve()
  readonly #channel: Channel
  readonly #requests: Requests
  readonly #heap = new RowHeap()
  readonly #contents: Contents = new Map()
  readonly #port: Port
  readonly #done: () => void
  readonly #encoder: Encoder
  readonly #relations: Relations
  readonly #reader: ReportReader
  readonly #dispatcher: Dispatcher
  readonly #views = new Map<number, View>()
  readonly #open: OpenQueries
  /** Live queries by number and by view. */
  readonly #numbers = new Map<number, SharedQuery>()
  readonly #numberOf = new Map<SharedQuery, number>()
  readonly #queries = new Map<number, SharedQuery>()
  /** Of what code inside of the worker tells. */
  readonly #listeners = new Map<string, Set<{ fn: (value: any) => void }>>()
  /** Who is told how far a query is, by its number. */
  readonly #progress = new Map<number, (progress: SliceProgress) => void>()
  readonly #totals = new Map<number, number>()
  readonly #missed = new Map<string, { table: string; tenant: string | undefined; error: EddylineError }>()
  readonly #tenants = new Map<string, WorkerTenant<S>>()
  readonly #connections = new Set<SourceConnection>()
  readonly #fetches = new Map<number, AbortController>()
  readonly #onError: ((error: unknown) => void) | undefined
  readonly #fetchRow: FetchRow | undefined
  readonly #durability: FarDurability | undefined
  readonly #onPressure: ((pressure: Pressure) => Relief | Promise<Relief>) | undefined
  /** Hooks at work: what is applied meanwhile is not to wait for them. */
  #relieving = 0
  /** Messages that wait for the first of them to be read. */
  readonly #queue: Told[] = []
  #version: number
  #next = 0
  /** Nothing more is heard of the worker. */
  #left = false
  #dead: EddylineError | undefined

  /** @internal Use `createWorkerDatabase`. */
  constructor(options: WorkerDatabaseOptions<S>, channel: Channel, requests: Requests, opened: OpenReply, place: FarStorage | undefined, readonly ended: () => void) {
    this.schema = options.schema
    this.name = options.name ?? 'eddyline'
    this.#onError = options.onError
    this.#fetchRow = options.fetchRow
    this.#onPressure = options.memory?.onPressure
    this.#channel = channel
    this.#requests = requests
    this.#version = opened.version
    this.#durability = opened.durability === undefined ? undefined : new FarDurability(opened.durability, place, requests, (batch, entries) => this.#commit(batch, { entries }))
    const { port, done } = farPort(this.#heap, this.#contents)
    this.#port = port
    this.#done = done
    const layouts = options.schema.json.tables.map((t, i) =>
      tableLayout(opened.relations[i] as PackedInfo, new Map(t.columns.map(c => [c.name, c.nullable])), t.key, t.tenant))
    this.#encoder = new Encoder(port, new Map(layouts.map(l => [l.name, l])))
    this.#relations = new Relations(port, this.#encoder)
    this.#relations.add(opened.relations)
    this.#reader = new ReportReader(port, this.#relations, this.#views)
    this.#dispatcher = new Dispatcher(options.onError)
    this.#open = new OpenQueries({
      open: (key, json, types, _, sliced) => this.#register(key, json, types, sliced),
      whole: query => { this.#channel.post({ t: 'whole', query: this.#numberOf.get(query)! } satisfies Request, []) },
      drop: query => { this.#drop(query) },
      ended: () => this.#dead !== undefined,
    }, this.#dispatcher, options.schema.json, options.graceMs ?? 1000)
    const query = Object.create(null) as Record<string, unknown>
    for (const t of options.schema.json.tables) query[t.name] = new Query(options.schema, t.name as never)
    this.query = Object.freeze(query) as QueryRoot<S>
  }

  /** Number of the version that the live queries show. */
  get version(): number { return this.#version }

  /**
   * Applies changes as one version, as `Database.apply`. Resolves when the live queries show it; rejects with what is wrong, and
   * then nothing has happened. Rows are encoded before it returns: they may be changed afterwards. With `durable` it resolves when
   * storage has it; NOT_DURABLE without storage.
   */
  apply(input: readonly Change<S>[] | Batch<S>, options?: ApplyOptions): Promise<Report> {
    try { checkApply(options) } catch (error) { return Promise.reject(error) }
    return this.#commit(input as LooseBatch, options?.durable === true ? { durable: true } : {})
  }

  async #commit(input: readonly LooseChange[] | LooseBatch, more: { durable?: boolean; entries?: EntryWrites }): Promise<Report> {
    this.#alive()
    const batch = Array.isArray(input) ? undefined : input as LooseBatch
    const changes = (batch !== undefined ? batch?.changes : input) as readonly LooseChange[]
    if (!Array.isArray(changes)) throw new EddylineError('CHANGE_INVALID', 'apply takes an array of changes or a batch { changes }', { path: 'changes' })
    const port = this.#port
    const length = this.#encoder.encode(changes, batch)
    // Rows come back as others: these objects are not theirs.
    this.#relations.links.close()
    const bytes = port.u8.slice(port.base, port.base + length)
    port.relax()
    const cursor = batch?.cursor === undefined ? undefined : String(batch.cursor)
    // Places are told as they were written, even if the array is another by then.
    const written = changes.slice()
    try {
      return await this.#requests.ask<Report>({ t: 'commit', bytes, source: batch?.source, cursor, origin: batch?.origin, ...more, ...this.#relief() }, [bytes.buffer])
    } catch (error) { throw located(this.#encoder, error, written) }
  }

  /**
   * Applies JSON as `Database.applyJson`; the worker reads it. Resolves when the live queries show it. Bytes are copied; the
   * pieces of a stream are handed over.
   */
  async applyJson(input: string | JsonBytes | JsonStream, opts?: JsonOptions): Promise<Report> {
    this.#alive()
    checkJson(opts)
    const options = opts === undefined ? undefined : engineOptions(opts)
    if (isStream(input)) return this.#requests.stream<Report>(input, options, opts)
    checkInput(input)
    const given = typeof input === 'string' || input instanceof Uint8Array ? input
      : ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input)
    // A view is sent with all of its buffer: only what it shows is to go.
    const part = given instanceof Uint8Array && given.byteLength < given.buffer.byteLength ? given.slice() : given
    return this.#requests.ask<Report>({ t: 'json', input: part, options, ...this.#relief() }, part !== given && part instanceof Uint8Array ? [part.buffer as ArrayBuffer] : [])
  }

  /**
   * Starts a live query, as `Database.live`. Its `status` is `'loading'` until the first rows are here; what is wrong with the
   * query shows as `status` `'error'` with `error`.
   */
  live<R, P>(query: ParamQuery<R, P>, options: LiveOptions & { params: ParamValues<P> }): WorkerLiveQuery<R, Partial<ParamValues<P>>>
  live<R>(query: QueryLike<R>, options?: LiveOptions): WorkerLiveQuery<R>
  live(query: QueryLike<any> | ParamQuery<any, any>, options?: LiveOptions): WorkerLiveQuery<any, any> {
    this.#alive()
    return new WorkerLiveQuery(this.#open.live(query, options), options?.label)
  }

  /** The plan of a query with counters, as text for people. */
  async explain(query: QueryLike<unknown> | LiveQuery<unknown>, options?: { tenant?: string }): Promise<string> {
    this.#alive()
    checkExplain(options)
    if (query instanceof LiveQuery) return this.#requests.ask<string>({ t: 'explain', query: this.#numberOf.get(query.shared) ?? -1 })
    const { json } = opening(query, options)
    checkDepth(json)
    return this.#requests.ask<string>({ t: 'plan', json })
  }

  /** As `Database.stats`, and what went between page and worker. */
  async stats(): Promise<WorkerStats> {
    this.#alive()
    const stats = await this.#requests.ask<WorkerStats>({ t: 'stats' })
    return { ...stats, page: { rows: this.#heap.rows, bytes: this.#heap.used } }
  }

  /** What is known of the storage; undefined without. */
  get durability(): WorkerDurability | undefined { return this.#durability }

  /** Resolves when everything applied so far is durable; without storage when it is applied. Rejects with STORAGE_FULL, STORAGE_FAILED … */
  async flush(): Promise<void> {
    this.#alive()
    return this.#requests.ask<void>({ t: 'flush' })
  }

  /** The last committed cursor of a source. */
  async cursor(source: string): Promise<string | undefined> {
    this.#alive()
    checkName(source, 'source')
    return this.#requests.ask<string | undefined>({ t: 'cursor', source })
  }

  /** Asks `fetchRow` again for touched rows that it failed for; their number. */
  async retry(): Promise<number> {
    this.#alive()
    return this.#requests.ask<number>({ t: 'retry' })
  }

  /**
   * Calls `fn` with what code inside of the worker tells by this name (`inWorker` of `eddyline/worker/inside`), behind the versions
   * before it. Returns the function that ends it.
   */
  on<T = any>(name: string, fn: (value: T) => void): () => void {
    this.#alive()
    checkFunction(fn, 'on')
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    const listener = { fn }
    listeners.add(listener)
    return () => { if (listeners.delete(listener) && listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name) }
  }

  /** Asks code inside of the worker. Rejects with what it throws, UNKNOWN_REQUEST where nobody answers to the name, INVALID_ARGUMENT for what cannot cross. */
  async ask<T = any>(name: string, ...args: readonly unknown[]): Promise<T> {
    this.#alive()
    try { return await this.#requests.ask<T>({ t: 'ask', name: String(name), args }) } catch (cause) {
      if ((cause as Error | null)?.name !== 'DataCloneError') throw cause
      throw new EddylineError('INVALID_ARGUMENT', `this cannot cross to the worker: ${(cause as Error).message}`, { path: 'args', cause })
    }
  }

  /** Calls `fn` once per version that the page gets, after the live queries. Returns the function that ends it. */
  subscribe(fn: ReportListener): () => void { return this.#dispatcher.subscribe(fn, this.#version) }

  /**
   * Connects a backend, as `Database.connect`. It runs on the page; what its session applies is applied by the worker, in order.
   * Of tabs that share an engine one runs the source; the others are ready when it is, and the next one goes on when it goes.
   */
  connect(source: Source): Connection {
    this.#alive()
    checkSource(source, this.schema.json)
    const { name } = source
    const turn = this.#next++
    const connection = connectTo(this, source, {
      ask: () => this.#requests.ask<string | undefined>({ t: 'source', source: name, turn }),
      loaded: () => { if (this.#dead === undefined) this.#channel.post({ t: 'sourced', source: name } satisfies Request, []) },
    }, c => {
      this.#connections.delete(c)
      if (this.#dead === undefined) this.#channel.post({ t: 'unsource', source: name, turn } satisfies Request, [])
    }, this.#onError)
    this.#connections.add(connection)
    return connection
  }

  /** The scope of one tenant: changes and queries of it keep to it. The same object each time. Throws TENANT_REQUIRED for what is no text. */
  tenant(id: string): WorkerTenant<S> {
    checkTenant(id, 'id')
    let tenant = this.#tenants.get(id)
    if (tenant === undefined) this.#tenants.set(id, tenant = new WorkerTenant(this, id))
    return tenant
  }

  /** @internal What is of the page's own engine is not here: rooms that work on it say so. */
  get inside(): never { throw notHere() }
  /** @internal */
  get closers(): never { throw notHere() }
  /** @internal */
  get keeper(): never { throw notHere() }
  /** @internal */
  get twin(): never { throw notHere() }

  /** Ends the worker. Live queries become `'closed'` and keep the last rows that were read; old rows stay readable. */
  close(): void {
    if (this.#dead !== undefined) { this.#dead = this.#closed(); return }
    this.#end(this.#closed(), 'closed', undefined)
  }

  [Symbol.dispose](): void { this.close() }

  // ---- what live queries need ----------------------------------------------------------------------------------------

  /** @internal */
  setParams(query: SharedQuery, values: AnyParams): void {
    this.#alive()
    let params: unknown
    try { params = paramsJson(values, query.types) } catch (error) { this.lastSet = this.#followed(Promise.reject(error)); return }
    this.lastSet = this.#followed(this.#requests.ask({ t: 'params', query: this.#numberOf.get(query) ?? -1, params }))
  }

  /** @internal */
  show(query: SharedQuery, start: number, count: number): void {
    this.#alive()
    void this.#followed(this.#requests.ask({ t: 'show', query: this.#numberOf.get(query) ?? -1, start, count }))
  }

  /** @internal */
  total(query: SharedQuery): number { return this.#totals.get(query.view.id) ?? 0 }

  /** @internal */
  tell(query: SharedQuery): void { this.#open.tell([query]) }

  /** @internal */
  retire(query: SharedQuery): void { this.#open.retire(query) }

  // ---- inside --------------------------------------------------------------------------------------------------------

  #closed(): EddylineError { return new EddylineError('CLOSED', `the database \`${this.name}\` is closed`) }

  #alive(): void { if (this.#dead !== undefined) throw this.#dead }

  /** Nobody has to wait for it: what fails is told. */
  #followed(set: Promise<void>): Promise<void> {
    set.catch(error => { if (this.#dead === undefined) tellError(error, this.#onError) })
    return set
  }

  #register(key: string, json: QueryJson, types: ParamSpec | undefined, sliced: LiveOptions['sliced']): SharedQuery {
    checkDepth(json)
    const number = this.#next++
    const query = new SharedQuery(this, new View(this.#port, this.#relations, NONE, this.#version), key, json, types)
    query.loading()
    this.#numbers.set(number, query)
    this.#numberOf.set(query, number)
    const onProgress = typeof sliced === 'object' ? sliced?.onProgress : undefined
    query.slicing = isSliced(sliced)
    if (onProgress !== undefined) this.#progress.set(number, onProgress)
    const there = (): boolean => this.#dead === undefined && this.#numbers.get(number) === query
    this.#requests.ask({ t: 'register', query: number, json, ...query.slicing ? { sliced: true, tells: onProgress !== undefined } : {} }).then(() => {
      this.#progress.delete(number)
      if (!query.slicing || !there()) return
      query.loaded()
      this.#open.tell([query])
    }, error => {
      this.#progress.delete(number)
      if (!there()) return
      query.slicing = false
      query.fail(error as EddylineError)
      this.#open.tell([query])
    })
    return query
  }

  #drop(query: SharedQuery): void {
    const number = this.#numberOf.get(query)!
    this.#numbers.delete(number)
    this.#numberOf.delete(query)
    this.#progress.delete(number)
    if (query.view.id >= 0) {
      this.#views.delete(query.view.id)
      this.#queries.delete(query.view.id)
      this.#totals.delete(query.view.id)
    }
    this.#channel.post({ t: 'unregister', query: number } satisfies Request, [])
  }

  /** @internal A message of the worker. */
  take(told: Told): void {
    if (told.closed === true) { this.#gone(); return }
    if (this.#dead !== undefined) return
    if (told.pressure !== undefined) void this.#pressed(told.pressure)
    if (told.durability !== undefined) this.#durability?.told(told.durability)
    if (told.crash !== undefined) { this.fail(errorOf(told.crash) as EddylineError); return }
    if (told.progress !== undefined) this.#progressed(...told.progress)
    if (told.error !== undefined) tellError(errorOf(told.error), this.#onError)
    if (told.pull !== undefined) this.#requests.pull(told.pull)
    if (told.cancel !== undefined) this.#requests.cancel(told.cancel)
    if (told.fetch !== undefined) this.#fetch(told.fetch)
    if (told.drop !== undefined) { this.#fetches.get(told.drop)?.abort(); this.#fetches.delete(told.drop) }
    if (told.words === undefined && told.contents === undefined && told.rows === undefined && told.replies === undefined && told.opened === undefined &&
      told.failures === undefined && told.forgotten === undefined && told.fetched === undefined && told.sourced === undefined && told.n === undefined) return
    if (this.#queue.length > 0 || (told.rows !== undefined && told.rows.packed.length + told.rows.pairs.length > LARGE)) {
      this.#queue.push(told)
      if (this.#queue.length === 1) void this.#prepared()
    } else this.#shown(told)
  }

  /** Large messages are read in slices, so that the page draws meanwhile: rows first, which nobody sees before all of them are there. */
  async #prepared(): Promise<void> {
    const breathe = slices(SLICE_MS)
    while (this.#queue.length > 0) {
      const told = this.#queue[0]
      try {
        for (const _ of this.#prepare(told)) {
          const pause = breathe()
          if (pause === undefined) continue
          await pause
          if (this.#dead !== undefined) return
        }
      } catch (error) { this.fail(this.#port.failure(error)); return }
      this.#queue.shift()
      this.#shown(told)
      if (this.#dead !== undefined) return
    }
  }

  *#prepare(told: Told): Generator<void, void, void> {
    // Handles that were freed meanwhile may be those of other rows now: then it must wait.
    if (told.net === true && told.words !== undefined) return
    const { rows, words } = told
    if (rows === undefined) return
    yield* this.#heap.load(rows)
    told.rows = undefined
    const cells = new Map<CellTable, Int32Array>()
    for (const { info } of told.opened ?? []) {
      const handles = told.contents?.find(([view]) => view === info.view)?.[1]
      const relation = this.#relations.get(info.levels[0].rel)
      if (info.flat && info.levels[0].plain && handles !== undefined && relation !== undefined) cells.set(relation.rows, handles)
    }
    for (let s = 0, at = HEAD; words !== undefined && s < words[SECTIONS]; s++) {
      const view = this.#views.get(words[at])
      if (view?.flat === true && words[at + 1] === 0 && words[at + 2] === 1 && (words[at + 4] & KIND) === FILL) cells.set(view.levels[0].table, words.subarray(at + 12, at + 4 + words[at + 3]))
      at += 4 + words[at + 3]
    }
    for (const [table, handles] of cells) {
      for (let i = 0; i < handles.length; i++) {
        table.at(handles[i])
        if ((i & 1023) === 0) yield
      }
    }
  }

  /** A message is taken in, acknowledged, and what was asked is answered. */
  #shown(told: Told): void {
    try { this.#absorb(told) } catch (error) { this.fail(this.#port.failure(error)); return }
    if (told.n !== undefined && this.#dead === undefined) this.#channel.post({ t: 'ack', n: told.n } satisfies Request, [])
    for (const [name, value] of told.signals ?? []) this.#signalled(name, value)
    for (const reply of told.replies ?? []) this.#requests.answered(reply)
    for (const name of told.sourced ?? []) for (const c of this.#connections) if (c.source.name === name) c.markReady()
  }

  /** Lets all mirrors take a message in, then tells the listeners. */
  #absorb(told: Told): void {
    const { report, words, net } = told
    const version = told.version ?? this.#version
    if (told.contents !== undefined || words !== undefined) this.#dispatcher.pin()
    for (const [view, content] of told.contents ?? []) this.#contents.set(view, content)
    const failures = new Map((told.failures ?? []).map(([view, code, message]) => [view, new EddylineError(code, message)]))
    const changed: SharedQuery[] = []
    const views: View[] = []
    if (net === true) for (const view of [...this.#contents.keys(), ...failures.keys()]) {
      const known = this.#views.get(view)
      if (known !== undefined) views.push(known)
    }
    // Several versions in one: what leaves is held first, because handles that were freed may be those of other rows by now.
    for (const view of views) if (view.shown || view.wanted) view.hold()
    if (net !== true && told.rows !== undefined) for (const _ of this.#heap.load(told.rows));
    if (words !== undefined) this.#report(words, net === true ? undefined : changed, failures)
    if (net === true && told.rows !== undefined) for (const _ of this.#heap.load(told.rows));
    for (const view of views) {
      const query = this.#queries.get(view.id)!
      const failure = failures.get(view.id)
      if (failure !== undefined) { view.absorb(EMPTY, 0, 0, version, true); query.fail(failure); changed.push(query); continue }
      const broken = query.broken
      if (!view.renew(version) && !broken) continue
      query.changed()
      if (broken) query.recovered()
      changed.push(query)
    }
    const loaded = told.opened?.flatMap(({ query, info }) => this.#opened(query, info, version, failures)) ?? []
    this.#contents.clear()
    this.#done()
    for (const [view, total] of told.totals ?? []) this.#totals.set(view, total)
    for (const rel of told.forgotten ?? []) this.#heap.forget(rel)
    this.#version = version
    const fetched = this.#fetched(told)
    const events = changed.filter(q => q.listeners.length > 0).map(q => new QueryEvent(q, q.view.diff, report ?? NO_BATCH(version)))
    for (const query of changed) query.view.diff = undefined
    const batch = report !== undefined && !report.replayed ? report : undefined
    if (events.length > 0 || (batch !== undefined && this.#dispatcher.hasReportListeners)) this.#dispatcher.push(events, batch)
    this.#open.tell([...loaded, ...fetched])
  }

  /** Takes in a report of the engine; the freed rows go. */
  #report(words: Int32Array<ArrayBuffer>, changed: SharedQuery[] | undefined, failures: ReadonlyMap<number, EddylineError>): void {
    const heap = this.#heap
    const at = heap.putWords(words)
    const reader = this.#reader
    reader.absorb(at)
    for (let i = 0; i < reader.count; i++) {
      const view = reader.changed[i]!
      reader.changed[i] = undefined
      const query = this.#queries.get(view.id)!
      query.changed()
      if (view.failed) query.fail(failures.get(view.id) ?? new EddylineError('EVALUATION_FAILED', 'the query could not be evaluated'))
      else if (query.broken) { view.recover(); view.build(); query.recovered() }
      changed?.push(query)
    }
    let place = HEAD
    for (let s = 0; s < words[SECTIONS]; s++) place += 4 + words[place + 3]
    for (let s = 0; s < words[FREED]; s++) {
      const rel = words[place], end = place + 2 + words[place + 1]
      for (place += 2; place < end; place++) heap.free(rel, words[place])
    }
    heap.release(at, words.length * 4 + 4)
  }

  #opened(number: number, info: ViewInfo, version: number, failures: ReadonlyMap<number, EddylineError>): SharedQuery[] {
    const query = this.#numbers.get(number)
    // Nobody wants it any more: the worker knows by now.
    if (query === undefined) return []
    const view = new View(this.#port, this.#relations, info, version)
    view.comesWhole = true
    this.#views.set(info.view, view)
    this.#queries.set(info.view, query)
    const failure = failures.get(info.view)
    if (failure === undefined) view.build()
    else view.fail()
    query.opened(view)
    if (failure !== undefined) query.fail(failure)
    for (const [name, { table, tenant, error }] of this.#missed) if (this.#open.reads(query, table, tenant)) query.fetched(name, error)
    return [query]
  }

  #signalled(name: string, value: unknown): void {
    for (const { fn } of [...this.#listeners.get(name) ?? []]) try { fn(value) } catch (error) { tellError(error, this.#onError) }
  }

  #progressed(query: number, processed: number, total: number): void {
    try { this.#progress.get(query)?.({ processed, total }) } catch (error) { tellError(error, this.#onError) }
  }

  #fetched(told: Told): SharedQuery[] {
    const changed: SharedQuery[] = []
    for (const [name, table, tenant, json] of told.fetched ?? []) {
      const error = json === undefined ? undefined : errorOf(json) as EddylineError
      if (error === undefined) this.#missed.delete(name)
      else this.#missed.set(name, { table, tenant, error })
      changed.push(...this.#open.fetched(name, table, tenant, error))
    }
    return changed
  }

  #fetch({ id, table, key, tenant }: NonNullable<Told['fetch']>): void {
    const abort = new AbortController()
    this.#fetches.set(id, abort)
    const answer = (row: object | null | undefined, error?: ErrorJson): void => {
      if (!this.#fetches.delete(id) || this.#dead !== undefined) return
      this.#channel.post({ t: 'fetched', id, row, error } satisfies Request, [])
    }
    Promise.resolve().then(() => this.#fetchRow!(table, key, { ...(tenant === undefined ? {} : { tenant }), signal: abort.signal }))
      .then(row => { answer(row) }).catch(error => { this.#fetches.set(id, abort); answer(undefined, errorJson(error)) })
  }

  #relief(): { relief?: true } { return this.#relieving > 0 ? { relief: true } : {} }

  /** Makes room, and says so if a batch waits for it. */
  async #pressed(pressure: Pressure): Promise<void> {
    let failed = false
    this.#relieving++
    try {
      this.#open.dropUnused()
      const changes = await this.#onPressure!(pressure)
      if (changes != null) await this.#commit(changes, {})
      this.#open.dropUnused()
    } catch (error) {
      failed = true
      if (this.#dead === undefined) tellError(error, this.#onError)
    } finally { this.#relieving-- }
    if (pressure.waits && this.#dead === undefined) this.#channel.post({ t: 'relieved', failed } satisfies Request, [])
  }

  /** @internal The worker or its engine does not live any more. */
  fail(error: EddylineError): void {
    if (this.#dead === undefined) this.#end(error, 'error', error)
    else this.#gone()
  }

  #end(why: EddylineError, status: 'closed' | 'error', error: EddylineError | undefined): void {
    this.#dead = why
    for (const connection of [...this.#connections]) connection.close()
    for (const abort of this.#fetches.values()) abort.abort()
    this.#fetches.clear()
    // The rows are here, whatever became of the worker: what was shown stays readable.
    const readable = this.#port.dead === undefined
    if (readable) this.#relations.settle()
    const queries = this.#open.close(readable, status, error)
    this.#numbers.clear()
    if (readable) this.#port.end(why)
    this.#requests.end(why)
    try { this.#channel.post({ t: 'close' } satisfies Request, []) } catch { /* it is gone */ }
    this.#durability?.end()
    // The worker says so when its code has closed and what was applied is written; one that hangs keeps nothing, and is not waited for.
    if (status === 'error') this.#gone()
    else if (this.#durability === undefined) (setTimeout(() => { this.#gone() }, LEAVING) as { unref?: () => void }).unref?.()
    this.#open.tell(queries)
  }

  #gone(): void {
    if (this.#left) return
    this.#left = true
    this.#channel.close()
    this.#durability?.letGo()
    this.ended()
  }
}

const notHere = (): EddylineError => new EddylineError('NOT_IN_WORKER', 'this works on a database of the page: what `createDatabase` makes, not `createWorkerDatabase`. In the worker itself it does, too: `inWorker` of `eddyline/worker/inside`')

/** So long may a worker take to leave, in milliseconds. */
const LEAVING = 1000
const EMPTY = /* @__PURE__ */ new Int32Array(0)

/** Of versions that no batch made. */
const NO_BATCH = (version: number): Report => ({ version, applied: 0, ignored: 0, replayed: false, micros: 0 })
