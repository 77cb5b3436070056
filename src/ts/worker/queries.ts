// Live queries whose views are in a worker: what they ask of it, and what the page knows of them.
import type { LiveOptions } from '../database.js'
import type { Dispatcher } from '../dispatch.js'
import type { EddylineError } from '../errors.js'
import { LiveQuery, type QueryHost, SharedQuery } from '../live-query.js'
import { type Family, OpenQueries } from '../open-queries.js'
import type { Port, ViewInfo } from '../port.js'
import { type QueryLike, checkDepth } from '../query/builder.js'
import { type AnyParams, type ParamQuery, type ParamSpec, paramsJson } from '../query/params.js'
import type { QueryJson } from '../query/types.js'
import type { Relations } from '../rows.js'
import type { SchemaJson } from '../schema.js'
import { type SliceProgress, isSliced } from '../sliced.js'
import { View } from '../view.js'
import type { Request } from './messages.js'
import type { Requests } from './requests.js'

/** A live query of a database in a worker: `loading` at first, and what is set takes effect with a later version. */
export class WorkerLiveQuery<R, P = AnyParams> extends LiveQuery<R, P> {
  /** As of `LiveQuery`; resolves when the rows are there. What the worker finds wrong rejects, and is told to `onError`. */
  override setParams(values: P): Promise<void> {
    super.setParams(values)
    const { host } = this.shared
    return host instanceof FarQueries ? host.lastSet : Promise.resolve()
  }
}

/** No view yet: an empty list. */
const NONE: ViewInfo = {
  view: -1, flat: true, length: 0, relations: [],
  levels: [{ name: '', parent: -1, single: false, rel: 0, fields: [], key: [], maskWords: 1, plain: true, subs: [] }],
}

/** What queries need of their database. */
export interface FarHost {
  /** Why nothing can be asked any more. */
  dead(): EddylineError | undefined
  /** A number that no query and no source had yet. */
  number(): number
  post(request: Request): void
  /** An error that has no caller. */
  failed(error: unknown): void
}

/** The live queries of a database in a worker, by their numbers and by their views. */
export class FarQueries implements QueryHost {
  /** The last `setParams`. */
  lastSet: Promise<void> = Promise.resolve()
  readonly open: OpenQueries
  readonly views = new Map<number, View>()
  readonly numbers = new Map<number, SharedQuery>()
  readonly byView = new Map<number, SharedQuery>()
  readonly totals = new Map<number, number>()
  readonly #numberOf = new Map<SharedQuery, number>()
  /** Who is told how far a query is, by its number. */
  readonly #progress = new Map<number, (progress: SliceProgress) => void>()

  /** `version`: the one that the live queries show. */
  constructor(
    readonly port: Port, readonly relations: Relations, readonly requests: Requests, dispatcher: Dispatcher, schema: SchemaJson, graceMs: number,
    readonly host: FarHost, public version: number,
  ) {
    this.open = new OpenQueries({
      open: (key, json, types, _, sliced, family) => this.#register(key, json, types, sliced, family),
      whole: query => { host.post({ t: 'whole', query: this.#numberOf.get(query)! }) },
      drop: query => { this.#drop(query) },
      ended: () => host.dead() !== undefined,
    }, dispatcher, schema, graceMs)
  }

  live(query: QueryLike<any> | ParamQuery<any, any>, options: LiveOptions | undefined): WorkerLiveQuery<any, any> {
    return new WorkerLiveQuery(this.open.live(query, options), options?.label)
  }

  /** The number that the worker knows a query by; -1: none. */
  numberOf(query: SharedQuery): number { return this.#numberOf.get(query) ?? -1 }

  setParams(query: SharedQuery, values: AnyParams): void {
    this.#asked()
    let params: unknown
    try { params = paramsJson(values, query.types) } catch (error) { this.lastSet = this.#followed(Promise.reject(error)); return }
    this.lastSet = this.#followed(this.requests.ask({ t: 'params', query: this.numberOf(query), params }))
  }

  show(query: SharedQuery, start: number, count: number): void {
    this.#asked()
    void this.#followed(this.requests.ask({ t: 'show', query: this.numberOf(query), start, count }))
  }

  total(query: SharedQuery): number { return this.totals.get(query.view.id) ?? 0 }

  tell(query: SharedQuery): void { this.open.tell([query]) }

  retire(query: SharedQuery): void { this.open.retire(query) }

  progressed(query: number, processed: number, total: number): void {
    try { this.#progress.get(query)?.({ processed, total }) } catch (error) { this.host.failed(error) }
  }

  #asked(): void {
    const dead = this.host.dead()
    if (dead !== undefined) throw dead
  }

  /** Nobody has to wait for it: what fails is told. */
  #followed(set: Promise<void>): Promise<void> {
    set.catch(error => { if (this.host.dead() === undefined) this.host.failed(error) })
    return set
  }

  #register(key: string, json: QueryJson, types: ParamSpec | undefined, sliced: LiveOptions['sliced'], family: Family): SharedQuery {
    checkDepth(json)
    const number = this.host.number()
    const query = new SharedQuery(this, new View(this.port, this.relations, NONE, this.version), key, family, types)
    query.loading()
    this.numbers.set(number, query)
    this.#numberOf.set(query, number)
    const onProgress = typeof sliced === 'object' ? sliced?.onProgress : undefined
    query.slicing = isSliced(sliced)
    if (onProgress !== undefined) this.#progress.set(number, onProgress)
    const there = (): boolean => this.host.dead() === undefined && this.numbers.get(number) === query
    this.requests.ask({ t: 'register', query: number, json, ...query.slicing ? { sliced: true, tells: onProgress !== undefined } : {} }).then(() => {
      this.#progress.delete(number)
      if (!query.slicing || !there()) return
      query.loaded()
      this.open.tell([query])
    }, error => {
      this.#progress.delete(number)
      if (!there()) return
      query.slicing = false
      query.fail(error as EddylineError)
      this.open.tell([query])
    })
    return query
  }

  #drop(query: SharedQuery): void {
    const number = this.#numberOf.get(query)!
    this.numbers.delete(number)
    this.#numberOf.delete(query)
    this.#progress.delete(number)
    if (query.view.id >= 0) {
      this.views.delete(query.view.id)
      this.byView.delete(query.view.id)
      this.totals.delete(query.view.id)
    }
    this.host.post({ t: 'unregister', query: number })
  }
}
