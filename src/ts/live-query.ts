/// <reference lib="esnext.disposable" preserve="true" />
import type { Snapshot } from './chunked-list.js'
import { Coming } from './coming.js'
import type { Report } from './changes.js'
import type { Delivery, Listener, LiveEvent } from './dispatch.js'
import { EddylineError } from './errors.js'
import { checkFunction, said, shown, wrong } from './option-kinds.js'
import type { Family } from './open-queries.js'
import type { Patch } from './patches.js'
import type { AnyParams, ParamSpec } from './query/params.js'
import type { Diff, View } from './view.js'

/**
 * `ready`: rows are current. `error`: the query could not be evaluated, and rows are the last good ones; or, with
 * FETCH_FAILED, a touched row of a table that it reads could not be fetched, and that row is as it was, while all else
 * stays current. `closed`: no more changes. `loading`: rows are on their way, of a query that comes in slices or from a worker.
 */
export type LiveStatus = 'loading' | 'ready' | 'error' | 'closed'

/** An immutable picture of a live query: the same object until something changes. */
export interface LiveSnapshot<R> {
  readonly rows: readonly R[]
  readonly status: LiveStatus
  readonly error?: EddylineError
  readonly version: number
}

/** What a live query needs of its database. */
export interface QueryHost {
  readonly version: number
  /** Tells a change of status to the listeners of `query`. */
  tell(query: SharedQuery): void
  /** Nobody uses the query any more. */
  retire(query: SharedQuery): void
  setParams(query: SharedQuery, values: AnyParams): void
  show(query: SharedQuery, start: number, count: number): void
  total(query: SharedQuery): number
}

const NONE: readonly Patch[] = /* @__PURE__ */ Object.freeze([])
const EMPTY: readonly object[] = /* @__PURE__ */ Object.freeze([])
// An array that something is pushed on has room for sixteen: of ten thousand queries most have one listener.
const NOBODY: readonly never[] = /* @__PURE__ */ Object.freeze([])

/** The rows of a query that is opened for this alone. Throws why it has none. */
export function rowsOnce<R>(live: LiveQuery<R, any>): readonly R[] {
  const { error } = live
  try {
    // A row that could not be fetched is as it was, and all else is current.
    if (error !== undefined && error.code !== 'FETCH_FAILED') throw error
    return live.rows
  } finally { live.dispose() }
}

/** One engine view with everybody who uses it: live queries with equal plans share it. */
export class SharedQuery {
  /** As many as mount it, each of which comes and goes by itself. */
  readonly listeners = new Set<Listener<any>>()
  users = 0
  status: LiveStatus = 'ready'
  error: EddylineError | undefined
  timer: ReturnType<typeof setTimeout> | undefined
  /** Why it cannot be evaluated. */
  #broken: EddylineError | undefined
  #loading = false
  /** Somebody has looked at the rows of an event. */
  looked = false
  /** Its rows come in slices, and are not all there. */
  slicing = false
  /** Touched rows of its tables that could not be fetched, by name. */
  #missed: Map<string, EddylineError> | undefined
  #snapshot: LiveSnapshot<any> | undefined
  #lastRows: readonly object[] | undefined

  /** `family`: those that it shares its form with; `types`: those of declared parameters. */
  constructor(readonly host: QueryHost, public view: View, readonly planKey: string, readonly family: Family, readonly types?: ParamSpec) {}

  /** A part of the list is shown. */
  get windowed(): boolean { return this.family.json.part !== undefined }

  /** It cannot be evaluated. */
  get broken(): boolean { return this.#broken !== undefined }

  get version(): number { return this.view.version }

  snapshot(): LiveSnapshot<any> {
    if (this.#snapshot !== undefined) return this.#snapshot
    const { status, error, version } = this
    return this.#snapshot = error === undefined ? { rows: this.rows(), status, version } : { rows: this.rows(), status, error, version }
  }

  rows(): readonly object[] { return this.#lastRows ?? this.view.snapshot().rows() }

  window(start: number, count: number): readonly object[] {
    for (const [path, n] of [['start', start], ['count', count]] as const) if (!(Number.isInteger(n) || n === Infinity) || n < 0) throw wrong('INVALID_ARGUMENT', `\`window(start, count)\` takes two whole numbers from 0, not ${shown(n)}`, path, said(n))
    if (this.windowed && this.status !== 'closed') {
      const [at, most] = [start, count].map(n => Math.min(n, 0xffffffff))
      this.host.show(this, at, most)
      return this.rows()
    }
    return this.status === 'closed' ? this.rows().slice(start, start + count) : this.view.window(start, count)
  }

  /** Its rows are on their way: it shows an empty list until `opened`. */
  loading(): void {
    this.#loading = true
    this.status = 'loading'
  }

  /** The view is there. */
  opened(view: View): void {
    view.wanted = this.view.wanted
    this.view = view
    if (this.slicing) this.changed()
    else this.loaded()
  }

  /** All of its rows are there. */
  loaded(): void {
    this.#loading = this.slicing = false
    this.#judge()
  }

  /** Something changed: the snapshot object is a new one from now on. */
  changed(): void { this.#snapshot = undefined }

  /** Whether that is news: it may be in this error already. */
  fail(error: EddylineError): boolean {
    if (this.#broken?.code === error.code && this.#broken.message === error.message) return false
    this.#broken = error
    this.#judge()
    return true
  }

  recovered(): void {
    this.#broken = undefined
    this.#judge()
  }

  /** A row could not be fetched, or (without an error) is known again. Whether the status changed. */
  fetched(name: string, error: EddylineError | undefined): boolean {
    if (error === undefined && this.#missed?.has(name) !== true) return false
    const before = this.error
    if (error === undefined) this.#missed!.delete(name)
    else (this.#missed ??= new Map()).set(name, error)
    this.#judge()
    return before !== this.error
  }

  #judge(): void {
    if (this.status === 'closed') return
    // A row that could not be fetched may be none of those that are still to come; and slices come whatever is wrong with a row.
    this.error = this.#loading ? (this.slicing ? undefined : this.#broken) : this.#broken ?? this.#missed?.values().next().value
    this.status = this.error !== undefined ? 'error' : this.#loading ? 'loading' : 'ready'
    this.changed()
  }

  /** No more changes. `readable`: the engine still answers, so what was shown stays readable. */
  close(readable: boolean, status: LiveStatus, error: EddylineError | undefined): void {
    this.#lastRows ??= this.#final(readable)
    this.status = status
    this.error = error
    this.changed()
  }

  /** The rows to show from now on. After a crash rows that were never read are lost, and the last picture must do. */
  #final(readable: boolean): readonly object[] {
    if (!this.view.shown) return EMPTY
    if (readable) return this.view.snapshot().rows()
    try { return this.view.snapshot().rows() } catch { return this.#snapshot?.rows ?? EMPTY }
  }

  listen(fn: (event: LiveEvent<any>) => void): () => void {
    const listener: Listener<LiveEvent<any>> = { fn, since: this.host.version, active: true }
    // Nested patches need the tree for their paths; flat ones carry all they need.
    if (!this.view.flat && this.status !== 'closed') this.view.build()
    this.listeners.add(listener)
    this.view.wanted = true
    return () => {
      if (!listener.active) return
      listener.active = false
      this.listeners.delete(listener)
      this.view.wanted = this.listeners.size > 0
    }
  }
}

/** The event of one view at one version, shared by all its listeners. */
export class QueryEvent implements LiveEvent<any>, Delivery {
  readonly version: number
  readonly urgent: boolean
  readonly #query: SharedQuery
  #diff: Diff
  readonly #batch: Report | undefined
  #snapshot: Snapshot<any> | undefined
  /** Those of an event without a version of its own, and of a query in error. */
  #rows: readonly any[] | undefined

  constructor(query: SharedQuery, diff: Diff | undefined, batch: Report | undefined) {
    this.#query = query
    this.#diff = diff ?? NONE
    this.#batch = batch
    this.version = batch === undefined ? query.version : batch.version
    this.urgent = batch === undefined
    // For who looks at rows later. With a snapshot at each version the next change copies what it touches, and keeps the rows that go: most
    // of what hundreds of changed rows cost who looks at diffs alone. Of a nested mirror every row on the way to it would be made.
    if (query.looked && query.view.flat && query.view.built && !this.urgent) this.#snapshot = query.view.snapshot()
  }
  get diff(): readonly Patch[] {
    const diff = this.#diff
    return diff instanceof Coming ? this.#diff = diff.make() : typeof diff === 'function' ? this.#diff = diff() : diff
  }
  get batch(): Report | undefined { return this.#batch }
  get rows(): readonly any[] {
    this.#query.looked = true
    this.#take()
    if (this.#rows !== undefined) return this.#rows
    if (this.#snapshot === undefined) {
      throw new EddylineError('STALE_EVENT', 'the rows of an event must be read before the next version; `getSnapshot()` can be kept')
    }
    return this.#snapshot.rows()
  }
  listeners(): Iterable<Listener<any>> { return this.#query.listeners }
  pin(): void { this.#take() }
  #take(): void {
    const query = this.#query
    if (this.#snapshot !== undefined || this.#rows !== undefined || query.version !== this.version) return
    // In error it shows the last good ones.
    if (this.urgent || query.broken) this.#rows = query.rows()
    else if (query.status !== 'closed') this.#snapshot = query.view.snapshot()
  }
}

/**
 * A query that stays up to date.
 *
 * ```ts
 * const live = db.live(db.query.issues.where('status', '=', 'open'))
 * const stop = live.subscribe(({ rows, diff }) => render(rows, diff))
 * live.dispose()
 * ```
 * Live queries with equal plans share one view of the engine. Cost of a change: proportional to the change.
 */
export class LiveQuery<R, P = AnyParams> {
  readonly label: string | undefined
  readonly #query: SharedQuery
  #stops: readonly (() => void)[] = NOBODY
  #closed: LiveSnapshot<R> | undefined

  /** @internal Made by `db.live`. */
  constructor(query: SharedQuery, label: string | undefined) {
    this.#query = query
    this.label = label
    query.users++
  }

  /** @internal */
  get shared(): SharedQuery { return this.#query }

  /** The rows of the last version: an array up to 1,024 rows, beyond that an immutable list with the same interface. Not to be changed. */
  get rows(): readonly R[] { return this.#closed !== undefined ? this.#closed.rows : this.#query.snapshot().rows }

  get status(): LiveStatus { return this.#closed !== undefined ? 'closed' : this.#query.status }

  /** Why `status` is `'error'`. */
  get error(): EddylineError | undefined { return this.#closed !== undefined ? undefined : this.#query.error }

  /** Version of the last change to this query. */
  get version(): number { return this.#closed !== undefined ? this.#closed.version : this.#query.version }

  /** Rows, status, error and version in one object, which stays the same until something changes. Fit for `useSyncExternalStore`. */
  getSnapshot = (): LiveSnapshot<R> => this.#closed ?? this.#query.snapshot()

  /**
   * Calls `fn` after each version that changes this query, once, when all queries are up to date; and, with an empty
   * diff, when the status changes. Returns the function that ends it. Throws CLOSED after `dispose`.
   */
  subscribe = (fn: (event: LiveEvent<R>) => void): (() => void) => {
    if (this.#closed !== undefined) throw new EddylineError('CLOSED', 'this live query is disposed')
    checkFunction(fn, 'subscribe')
    const stop = this.#query.listen(fn)
    this.#stops = this.#stops.concat(stop)
    return () => {
      stop()
      this.#stops = this.#stops.filter(s => s !== stop)
    }
  }

  /**
   * Sets some of the query's parameters; the others stay. What this changes is a version of this query alone: rows that
   * enter, leave or change, as a diff; the others are the same objects. Throws UNKNOWN_PARAMETER, TYPE_MISMATCH … with `path`
   * `params.<name>`; then nothing has happened. Cost: of comparisons of a column with the parameter, and of limits and
   * offsets, O(log n) and the rows that enter and leave; elsewhere one evaluation per row.
   */
  setParams(values: P): void {
    if (this.#closed !== undefined) throw new EddylineError('CLOSED', 'this live query is disposed')
    this.#query.host.setParams(this.#query, values as AnyParams)
  }

  /** Number of rows of the whole list, whatever part of it is shown. */
  get total(): number {
    return this.#closed !== undefined || !this.#query.windowed || this.#query.status === 'closed' ? this.rows.length : this.#query.host.total(this.#query)
  }

  /**
   * The rows of a slice. Cheap on lists of any length: O(log n + count), nothing is kept.
   *
   * Of a query that was opened with a `window`, `rows` are a part of the list, and this moves it there: listeners get the rows
   * that enter and leave, those that stay are the same objects.
   */
  window(start: number, count: number): readonly R[] {
    return this.#closed !== undefined ? this.#closed.rows.slice(start, start + count) : this.#query.window(start, count) as R[]
  }

  /** Ends the query. Its listeners are not called any more, the last rows that were read or told stay readable. May be called again. */
  dispose(): void {
    if (this.#closed !== undefined) return
    for (const stop of this.#stops) stop()
    this.#stops = NOBODY
    const { view } = this.#query
    this.#closed = { rows: view.shown || this.#query.status === 'closed' ? this.#query.rows() as R[] : EMPTY as R[], status: 'closed', version: this.#query.version }
    if (--this.#query.users === 0) this.#query.host.retire(this.#query)
  }

  [Symbol.dispose](): void { this.dispose() }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'LiveQuery' }
}
// Runtimes without `Symbol.dispose` gave the method above a name of `undefined`; `dispose()` is the name for them.
