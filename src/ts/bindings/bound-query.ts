// A live query as components hold it.
import type { Database } from '../database.js'
import type { EddylineError } from '../errors.js'
import type { LiveQuery, LiveSnapshot } from '../live-query.js'
import type { QueryLike } from '../query/builder.js'
import { type Asked, type QueryOptions, textsOf } from './query-options.js'

/** What a component shows. `pending`: no database or no query yet, or rendered on a server. */
export interface QuerySnapshot<R> {
  readonly rows: readonly R[]
  readonly status: 'pending' | LiveSnapshot<R>['status']
  readonly error?: EddylineError
  readonly version: number
  /** Rows of the whole list, where a `window` shows a part of it. */
  readonly total?: number
}

export const PENDING: QuerySnapshot<any> = /* @__PURE__ */ Object.freeze({ rows: /* @__PURE__ */ Object.freeze([]), status: 'pending', version: 0 })

/**
 * One query of one component.
 *
 * Looking must not leave anything behind, and frameworks may render without ever subscribing: what a look opened is
 * disposed after a moment unless a subscription takes it over.
 */
export class BoundQuery<R> {
  #live: LiveQuery<R> | undefined
  #last: QuerySnapshot<R> = PENDING
  #timer: ReturnType<typeof setTimeout> | undefined
  #subscribers = 0

  #options: QueryOptions
  #texts: [params: string, window: string]
  /** What `#last` is made of, where it says the length of the list. */
  #shown: LiveSnapshot<R> | undefined

  constructor(readonly db: Database<any> | undefined, readonly query: Asked<R> | undefined, options: QueryOptions) {
    this.#options = options
    this.#texts = textsOf(options)
  }

  /** Takes other parameters and another window. */
  set(options: QueryOptions): void {
    const { params, window } = options
    const [paramsBefore, windowBefore] = this.#texts
    this.#options = { ...this.#options, params, window }
    this.#texts = textsOf(options)
    // One that has ended shows what it did.
    if (this.#live === undefined || this.#live.status === 'closed') return
    if (params !== undefined && this.#texts[0] !== paramsBefore) this.#live.setParams(params)
    if (window !== undefined && this.#texts[1] !== windowBefore) this.#live.window(window[0], window[1])
  }

  getSnapshot = (): QuerySnapshot<R> => {
    if (this.query === undefined) return this.#last
    const live = this.#open()
    if (live === undefined) return this.#last.status === 'closed' ? this.#last : this.#last = { rows: this.#last.rows, status: 'closed', version: this.#last.version, total: this.#last.total }
    if (this.#subscribers === 0 && this.#timer === undefined) this.#disposeSoon()
    return this.#last = this.#told(live)
  }

  /** The length is that of now: rows outside of the window come and go without a word of the query. */
  #told(live: LiveQuery<R>): QuerySnapshot<R> {
    const shown = live.getSnapshot()
    if (this.#options.window === undefined) return shown
    const total = this.#total(live)
    if (this.#shown === shown && this.#last.total === total) return this.#last
    this.#shown = shown
    return total === undefined ? shown : { ...shown, total }
  }

  subscribe = (changed: () => void): (() => void) => {
    if (this.query === undefined) return () => {}
    this.#subscribers++
    if (this.#timer !== undefined) { clearTimeout(this.#timer); this.#timer = undefined }
    const live = this.#open()
    const isPart = this.#options.window !== undefined && live !== undefined && live.status !== 'closed'
    const told = isPart ? this.#once(live, changed) : changed
    const stop = live?.subscribe(told)
    const stopTotal = isPart ? this.db!.subscribe(told) : undefined
    return () => {
      stop?.()
      stopTotal?.()
      if (--this.#subscribers === 0) this.#close()
    }
  }

  /** What has ended, or whose engine has, knows no length any more. */
  #total(live: LiveQuery<R>): number | undefined {
    return live.status === 'closed' || live.error?.code === 'ENGINE_CRASHED' ? this.#last.total : live.total
  }

  /** The query and the database tell of one version, in whatever order. */
  #once(live: LiveQuery<R>, changed: () => void): () => void {
    const news = (): readonly unknown[] => [live.version, live.status, live.error, this.#total(live)]
    let before = news()
    return () => {
      const now = news()
      if (now.every((each, i) => each === before[i])) return
      before = now
      changed()
    }
  }

  /** Absent where the database has ended before: that is a status here, whether a component was there at the time or not. */
  #open(): LiveQuery<R> | undefined {
    try { return this.#live ??= this.db!.live(this.query as QueryLike<R>, this.#options) } catch (error) {
      if ((error as EddylineError).code !== 'CLOSED') throw error
      return undefined
    }
  }

  #close(): void {
    this.#live?.dispose()
    this.#live = undefined
  }

  #disposeSoon(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#subscribers === 0) this.#close()
    }, 1000);
    (this.#timer as { unref?: () => void }).unref?.()
  }
}
