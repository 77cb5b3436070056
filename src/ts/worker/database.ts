/// <reference lib="esnext.disposable" preserve="true" />
import { later } from '../breathe.js'
import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { ApplyOptions, LiveOptions, QueryRoot, ReadOptions } from '../database.js'
import { Dispatcher, report as tellError, type ReportListener } from '../dispatch.js'
import type { EntryWrites, FarStorage } from '../durability.js'
import { Encoder } from '../encoder.js'
import { EddylineError } from '../errors.js'
import { checkApply, checkExplain, checkJson, checkName, checkSource } from '../given.js'
import { checkFunction } from '../option-kinds.js'
import { type JsonBytes, type JsonOptions, type JsonStream, checkInput, engineOptions, isStream } from '../json-input.js'
import { keyParts } from '../keys.js'
import { tableLayout } from '../layout.js'
import { opening } from '../live-json.js'
import { Held } from '../held.js'
import { LiveQuery, rowsOnce } from '../live-query.js'
import { located } from '../located.js'
import type { PackedInfo, Port } from '../port.js'
import { type QueryLike, checkDepth } from '../query/builder.js'
import type { ParamQuery, ParamValues } from '../query/params.js'
import { queryRoot } from '../query/root.js'
import { Relations } from '../rows.js'
import { ofKey } from '../row-by-key.js'
import type { AnySchema, Batch, Change, Key, Row, TableName } from '../schema.js'
import type { Connection, Source, SourceConnection } from '../source.js'
import { checkTenant } from '../values.js'
import { connectTo } from './connect.js'
import { type Contents, farPort } from './far-engine.js'
import { FarDurability, type WorkerDurability } from './durability.js'
import { RowHeap } from './heap.js'
import { Fetches } from './fetches.js'
import { Inbox } from './inbox.js'
import { type Channel, type OpenReply, type Request, type Told, errorOf } from './messages.js'
import type { WorkerDatabaseOptions, WorkerStats } from './options.js'
import { FarQueries, type WorkerLiveQuery } from './queries.js'
import { Requests } from './requests.js'
import { RoomMaker } from './pressure.js'
import { WorkerTenant } from './tenant.js'

/**
 * Tables and live queries over an engine in a worker. Made by `createWorkerDatabase`.
 *
 * What changes anything is asked of the worker, so it returns a promise; what is shown is here. After a crash of the worker
 * (WORKER_FAILED, ENGINE_CRASHED) and after `close` (CLOSED) every call throws or rejects.
 */
export class WorkerDatabase<S extends AnySchema> {
  readonly schema: S
  readonly name: string
  /** A query builder per table: `db.query.issues`. */
  readonly query: QueryRoot<S>
  readonly #channel: Channel
  readonly #requests: Requests
  readonly #heap = new RowHeap()
  readonly #port: Port
  readonly #encoder: Encoder
  readonly #relations: Relations
  readonly #dispatcher: Dispatcher
  readonly #queries: FarQueries
  readonly #inbox: Inbox
  /** Of what code inside of the worker tells. */
  readonly #listeners = new Map<string, Set<{ fn: (value: any) => void }>>()
  readonly #tenants = new Held<WorkerTenant<S>>()
  readonly #connections = new Set<SourceConnection>()
  /** The last one that each source has committed, as far as this page knows. */
  readonly #cursors = new Map<string, string>()
  readonly #fetches: Fetches
  readonly #onError: ((error: unknown) => void) | undefined
  readonly #durability: FarDurability | undefined
  /** Makes room where there is a hook for that. */
  readonly #rooms: RoomMaker | undefined
  #next = 0
  /** Nothing more is heard of the worker. */
  #left = false
  #dead: EddylineError | undefined

  /** @internal Use `createWorkerDatabase`. */
  constructor(options: WorkerDatabaseOptions<S>, channel: Channel, requests: Requests, opened: OpenReply, place: FarStorage | undefined, readonly ended: () => void) {
    this.schema = options.schema
    this.name = options.name ?? 'eddyline'
    this.#onError = options.onError
    this.#channel = channel
    this.#requests = requests
    this.#durability = opened.durability === undefined ? undefined : new FarDurability(opened.durability, place, requests, (batch, entries) => this.#commit(batch, { entries }))
    const contents: Contents = new Map()
    const { port, done } = farPort(this.#heap, contents)
    this.#port = port
    const layouts = options.schema.json.tables.map((t, i) =>
      tableLayout(opened.relations[i] as PackedInfo, new Map(t.columns.map(c => [c.name, c.nullable])), t.key, t.tenant))
    this.#encoder = new Encoder(port, new Map(layouts.map(l => [l.name, l])))
    this.#relations = new Relations(port, this.#encoder)
    this.#relations.add(opened.relations)
    const dispatcher = this.#dispatcher = new Dispatcher(options.onError)
    const over = (): boolean => this.#dead !== undefined
    const post = (request: Request): void => { channel.post(request, []) }
    this.#fetches = new Fetches(options.fetchRow, post)
    this.#queries = new FarQueries(port, this.#relations, requests, dispatcher, options.schema.json, options.graceMs ?? 1000, {
      dead: () => this.#dead, number: () => this.#next++, post, failed: error => { tellError(error, options.onError) },
    }, opened.version)
    this.#inbox = new Inbox(this.#queries, this.#heap, contents, done, dispatcher, { over, shown: told => { this.#shown(told) }, crashed: error => { this.fail(error) } })
    this.#inbox.take({ fetched: opened.fetched })
    const hook = options.memory?.onPressure
    this.#rooms = hook && new RoomMaker(hook, requests, {
      drop: () => { this.#queries.open.dropUnused() },
      apply: changes => this.#commit(changes, {}),
      relieved: error => { if (!over()) post({ t: 'relieved', error }) },
      failed: error => { if (!over()) tellError(error, this.#onError) },
    })
    this.query = queryRoot(options.schema)
  }

  /** Number of the version that the live queries show. */
  get version(): number { return this.#queries.version }

  /**
   * Applies changes as one version, as `Database.apply`. Resolves when the live queries show it; rejects with what is wrong, and
   * then nothing has happened. Rows are encoded before it returns: they may be changed afterwards. With `durable` it resolves when
   * storage has it; NOT_DURABLE without storage.
   */
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options?: ApplyOptions): Promise<Report> {
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
      return this.#noted(await this.#requests.ask<Report>({ t: 'commit', bytes, source: batch?.source, cursor, origin: batch?.origin, ...more }, [bytes.buffer]))
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
    if (isStream(input)) return this.#noted(await this.#requests.stream<Report>(input, options, opts))
    checkInput(input)
    const given = typeof input === 'string' || input instanceof Uint8Array ? input
      : ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input)
    // A view is sent with all of its buffer: only what it shows is to go.
    const part = given instanceof Uint8Array && given.byteLength < given.buffer.byteLength ? given.slice() : given
    return this.#noted(await this.#requests.ask<Report>({ t: 'json', input: part, options }, part !== given && part instanceof Uint8Array ? [part.buffer as ArrayBuffer] : []))
  }

  /** What sources go on from. */
  #noted(report: Report): Report {
    const { source, cursor, replayed } = report
    if (source !== undefined && cursor !== undefined && !replayed) this.#cursors.set(source, cursor)
    return report
  }

  /**
   * Starts a live query, as `Database.live`. Its `status` is `'loading'` until the first rows are here; what is wrong with the
   * query shows as `status` `'error'` with `error`.
   */
  live<R, P>(query: ParamQuery<R, P>, options: LiveOptions & { params: ParamValues<P> }): WorkerLiveQuery<R, Partial<ParamValues<P>>>
  live<R>(query: QueryLike<R>, options?: LiveOptions): WorkerLiveQuery<R>
  live(query: QueryLike<any> | ParamQuery<any, any>, options?: LiveOptions): WorkerLiveQuery<any, any> {
    this.#alive()
    return this.#queries.live(query, options)
  }

  /** The rows of a query, as `Database.read`, when they are here. Rejects with what is wrong with it. */
  async read<R, P>(query: ParamQuery<R, P>, options: ReadOptions & { params: ParamValues<P> }): Promise<readonly R[]>
  async read<R>(query: QueryLike<R>, options?: ReadOptions): Promise<readonly R[]>
  async read(query: QueryLike<any> | ParamQuery<any, any>, options?: ReadOptions): Promise<readonly any[]> {
    const live = this.live(query as QueryLike<any>, { ...options, sliced: undefined } as LiveOptions)
    if (live.status === 'loading') await new Promise<void>(resolve => { live.subscribe(() => { if (live.status !== 'loading') resolve() }) })
    this.#alive()
    return rowsOnce(live)
  }

  /** The row with a key, as `Database.get`. */
  async get<T extends TableName<S>>(table: T, id: Key<S, T>, options?: { tenant?: string }): Promise<Row<S, T> | undefined> {
    this.#alive()
    checkExplain(options)
    ofKey(() => this.#encoder.encode([{ op: 'delete', table, id, tenant: options?.tenant } as LooseChange], undefined))
    const { key, columns } = (this.schema as AnySchema).json.tables.find(t => t.name === table)!
    const values = keyParts(key, key.map(name => columns.find(c => c.name === name)!.type), id)
    const query = key.reduce((q, name, i) => q.where(name, '=', values[i]), (this.query as any)[table])
    return (await this.read<any>(query, options))[0]
  }

  /** The plan of a query with counters, as text for people. */
  async explain(query: QueryLike<unknown> | LiveQuery<unknown>, options?: { tenant?: string }): Promise<string> {
    this.#alive()
    checkExplain(options)
    if (query instanceof LiveQuery) return this.#requests.ask<string>({ t: 'explain', query: this.#queries.numberOf(query.shared) })
    const { json } = opening(query, options)
    checkDepth(json)
    return this.#requests.ask<string>({ t: 'plan', json })
  }

  /** As `Database.stats`, and what went between page and worker. */
  async stats(): Promise<WorkerStats> {
    this.#alive()
    const stats = await this.#requests.ask<WorkerStats>({ t: 'stats' })
    return { ...stats, page: { rows: this.#heap.rows, bytes: this.#heap.bytes } }
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
      // One that the answer threw has come as an ordinary error.
      if (!(cause instanceof DOMException) || cause.name !== 'DataCloneError') throw cause
      throw new EddylineError('INVALID_ARGUMENT', `this cannot cross to the worker: ${(cause as Error).message}`, { path: 'args', cause })
    }
  }

  /** Calls `fn` once per version that the page gets, after the live queries. Returns the function that ends it. */
  subscribe(fn: ReportListener): () => void {
    this.#alive()
    return this.#dispatcher.subscribe(fn, this.#queries.version)
  }

  /**
   * Connects a backend, as `Database.connect`. It runs on the page; what its session applies is applied by the worker, in order.
   * Of tabs that share an engine one runs the source; the others are ready when it is, and the next one goes on when it goes.
   */
  connect(source: Source): Connection {
    this.#alive()
    checkSource(source, this.schema.json)
    const { name } = source
    const turn = this.#next++
    const connection = connectTo(this, source, this.#cursors, {
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
    if (this.#dead !== undefined) {
      this.#dead = this.#closed()
      this.#durability?.end()
      return
    }
    this.#end(this.#closed(), 'closed', undefined)
  }

  [Symbol.dispose](): void { this.close() }

  // ---- what live queries need ----------------------------------------------------------------------------------------

  // ---- inside --------------------------------------------------------------------------------------------------------

  #closed(): EddylineError { return new EddylineError('CLOSED', `the database \`${this.name}\` is closed`) }

  #alive(): void { if (this.#dead !== undefined) throw this.#dead }

  /** @internal A message of the worker. */
  take(told: Told): void {
    if (told.closed === true) { this.#gone(); return }
    if (this.#dead !== undefined) return
    if (told.pressure !== undefined) void this.#rooms?.make(told.pressure)
    if (told.queued === true) this.#rooms?.queued()
    if (told.durability !== undefined) this.#durability?.told(told.durability)
    if (told.warning !== undefined) this.#durability?.warned(errorOf(told.warning) as EddylineError)
    if (told.crash !== undefined) { this.fail(errorOf(told.crash) as EddylineError); return }
    if (told.progress !== undefined) this.#queries.progressed(...told.progress)
    if (told.error !== undefined) tellError(errorOf(told.error), this.#onError)
    if (told.pull !== undefined) this.#requests.pull(told.pull)
    if (told.cancel !== undefined) this.#requests.cancel(told.cancel)
    if (told.fetch !== undefined) this.#fetches.fetch(told.fetch)
    if (told.drop !== undefined) this.#fetches.drop(told.drop)
    this.#inbox.take(told)
  }

  /** A message is taken in: it is acknowledged, and what was asked is answered. */
  #shown(told: Told): void {
    if (told.n !== undefined && this.#dead === undefined) this.#channel.post({ t: 'ack', n: told.n } satisfies Request, [])
    for (const [name, value] of told.signals ?? []) this.#signalled(name, value)
    for (const reply of told.replies ?? []) this.#requests.answered(reply)
    for (const name of told.sourced ?? []) for (const c of this.#connections) if (c.source.name === name) c.markReady()
  }

  #signalled(name: string, value: unknown): void {
    for (const { fn } of [...this.#listeners.get(name) ?? []]) try { fn(value) } catch (error) { tellError(error, this.#onError) }
  }

  /** @internal An error of the worker that has no caller. */
  erred(error: EddylineError): void { if (this.#dead === undefined) tellError(error, this.#onError) }

  /** @internal The worker or its engine does not live any more. */
  fail(error: EddylineError): void {
    if (this.#dead === undefined) this.#end(error, 'error', error)
    else this.#gone()
  }

  #end(why: EddylineError, status: 'closed' | 'error', error: EddylineError | undefined): void {
    this.#dead = why
    for (const connection of [...this.#connections]) connection.close()
    this.#fetches.close()
    // The rows are here, whatever became of the worker: what was shown stays readable.
    const readable = this.#port.dead === undefined
    if (readable) this.#dispatcher.pin()
    const queries = this.#queries.open.close(readable, status, error)
    this.#queries.numbers.clear()
    if (readable) this.#port.leave(why, this.#relations.settling(queries))
    this.#requests.end(why)
    try { this.#channel.post({ t: 'close' } satisfies Request, []) } catch { /* it is gone */ }
    this.#durability?.end(error)
    // The worker says so when its code has closed and what was applied is written, also of an engine that has crashed in it; one that hangs keeps
    // nothing, and is not waited for.
    if (error !== undefined && (error.code !== 'ENGINE_CRASHED' || this.#durability === undefined)) this.#gone()
    else if (this.#durability === undefined) later(() => { this.#gone() }, LEAVING)
    this.#queries.open.tell(queries)
  }

  #gone(): void {
    if (this.#left) return
    this.#left = true
    this.#channel.close()
    this.#durability?.letGo()
    this.ended()
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'WorkerDatabase' }
}

const notHere = (): EddylineError => new EddylineError('NOT_IN_WORKER', 'this works on a database of the page: what `createDatabase` makes, not `createWorkerDatabase`. In the worker itself it does, too: `inWorker` of `eddyline/worker/inside`')

/** So long may a worker take to leave, in milliseconds. */
const LEAVING = 1000
