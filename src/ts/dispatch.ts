import type { Report } from './changes.js'
import { EddylineError } from './errors.js'
import { checkFunction } from './option-kinds.js'
import type { Patch } from './patches.js'

/** One listener of one live query. */
export interface Listener<E> {
  readonly fn: (event: E) => void
  /** Version at which it began to listen: it is told of later ones only. */
  readonly since: number
  active: boolean
}

/** An event that waits for its listeners. */
export interface Delivery {
  readonly version: number
  listeners(): Iterable<Listener<any>>
  /** Status changes are told whatever the version. */
  readonly urgent: boolean
  /** Fixes what the event shows before a newer version is absorbed. */
  pin(): void
}

interface Round { readonly deliveries: readonly Delivery[]; readonly report: Report | undefined; pinned?: boolean }

/** Rounds after which a listener may not commit any more, until all are told: those that end by themselves need a few. */
const MOST = 10_000

/** What listeners of a whole database get. */
export type ReportListener = (report: Report) => void

/**
 * Calls listeners after all views are consistent, first come, first served.
 *
 * Rules: a round per version; a commit inside a listener takes effect at once, its round waits for the present one;
 * a listener that throws does not stop others; one that was removed meanwhile is not called any more; listeners that commit
 * whenever they are told are refused in the end.
 */
export class Dispatcher {
  /** A round is being told. */
  running = false
  readonly #rounds: Round[] = []
  /** The event being told outside of the queue. */
  #alone: Delivery | undefined
  #errors: unknown[] = []
  /** Rounds that waited and were told, since the one that nothing waited for. */
  #told = 0
  /** What listeners that go on and on are refused with. */
  #endless: EddylineError | undefined
  readonly #reportListeners = new Set<Listener<Report>>()

  constructor(readonly onError: ((error: unknown) => void) | undefined) {}

  get hasReportListeners(): boolean { return this.#reportListeners.size > 0 }

  subscribe(fn: ReportListener, since: number): () => void {
    checkFunction(fn, 'subscribe')
    const listener: Listener<Report> = { fn, since, active: true }
    this.#reportListeners.add(listener)
    return () => {
      listener.active = false
      this.#reportListeners.delete(listener)
    }
  }

  /** Before a commit: one that happens inside a listener is refused after so many rounds. Throws MAX_ROUNDS. */
  enter(): void {
    if (!this.running) return
    if (this.#told >= MOST) throw this.#endless ??= new EddylineError('MAX_ROUNDS', `listeners go on after ${MOST} versions: one applies whenever it is told`)
    this.pin()
  }

  /** Before a commit that happens inside a listener, or the end: events not told yet keep what they were to show. */
  pin(): void {
    this.#alone?.pin()
    for (let i = this.#rounds.length; i-- > 0 && !this.#rounds[i].pinned;) {
      this.#rounds[i].pinned = true
      for (const d of this.#rounds[i].deliveries) d.pin()
    }
  }

  /** A round of one event, which most versions are: nothing is put into a queue unless one is being told. */
  pushOne(event: Delivery, report: Report | undefined): void {
    if (this.running) { this.#rounds.push({ deliveries: [event], report }); return }
    this.running = true
    this.#alone = event
    try {
      this.#tellEvent(event)
      if (report !== undefined) this.#tellReport(report)
      this.#alone = undefined
      if (this.#rounds.length > 0) this.#tellRounds()
    } finally {
      this.#alone = undefined
      this.running = false
    }
    if (this.#errors.length > 0) this.#throwLater()
  }

  push(deliveries: readonly Delivery[], report: Report | undefined): void {
    this.#rounds.push({ deliveries, report })
    if (this.running) return
    this.running = true
    try {
      this.#tellRounds()
    } finally { this.running = false }
    if (this.#errors.length > 0) this.#throwLater()
  }

  #tellRounds(): void {
    while (this.#rounds.length > 0) {
      this.#told++
      const { deliveries, report } = this.#rounds[0]
      for (let i = 0; i < deliveries.length; i++) this.#tellEvent(deliveries[i])
      if (report !== undefined) this.#tellReport(report)
      this.#rounds.shift()
    }
    this.#told = 0
    this.#endless = undefined
  }

  #tellEvent(event: Delivery): void {
    // Copies: listeners may come and go meanwhile.
    for (const listener of [...event.listeners()]) this.#call(listener, event, event.version, event.urgent)
  }

  #tellReport(report: Report): void {
    for (const listener of [...this.#reportListeners]) this.#call(listener, report, report.version, false)
  }

  #call(listener: Listener<any>, event: unknown, version: number, urgent: boolean): void {
    if (!listener.active || (!urgent && listener.since >= version)) return
    try { listener.fn(event) } catch (error) {
      // However many versions wait for listeners that go on, that is told once.
      if (this.#endless === undefined || this.#errors.at(-1) !== error) this.#errors.push(error)
    }
  }

  #throwLater(): void {
    const errors = this.#errors
    this.#errors = []
    for (const error of errors) report(error, this.onError)
  }
}

/** Tells an error that has no caller to go to: `onError`, else the host's reporting, as for a failing event listener. */
export function report(error: unknown, onError: ((error: unknown) => void) | undefined): void {
  queueMicrotask(() => {
    if (onError !== undefined) onError(error)
    else if (typeof reportError === 'function') reportError(error)
    else throw error
  })
}

/** Calls a function that an application gave to be told of something: what it throws is no failure of who tells, and the host reports it. */
export function tell(fn: () => void): void {
  try { fn() } catch (error) { report(error, undefined) }
}

/** What a live query tells its listeners. Members are getters: destructuring is fine, spreading is not. */
export interface LiveEvent<R> {
  /** The rows at this version. Read them during the call: an unread event throws STALE_EVENT after newer versions. */
  readonly rows: readonly R[]
  /** The steps from the rows of the version before. Empty when only the status changed. */
  readonly diff: readonly Patch<R>[]
  readonly version: number
  /** The batch that caused it; undefined of a status that none has changed (a request that failed, the end). */
  readonly batch: Report | undefined
}
