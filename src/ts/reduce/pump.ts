import { report } from '../dispatch.js'
import { EddylineError } from '../errors.js'
import { later } from '../limits.js'
import { checkPage, failedIn, goesOn } from './checks.js'
import { type Cursor, isCursor } from './cursors.js'
import type { EventLog } from './log.js'
import { type Wish, stoppedError, wanted } from './wanted.js'

/** How failed attempts are repeated. Milliseconds, of a clock that does not jump. */
export interface Retry {
  /** Attempts of a delivery (5). A fetch is tried until it works. */
  attempts?: number
  /** Before the second attempt (1,000). */
  delay?: number
  /** Each delay is so many times the one before (2). */
  factor?: number
  /** The longest delay (60,000). */
  max?: number
}

export const backOff = (retry: Retry, tried: number): number => Math.min((retry.delay ?? 1000) * (retry.factor ?? 2) ** (tried - 1), retry.max ?? 60_000)

/** Resolves after a while, or as soon as the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) { resolve(); return }
    const done = (): void => { clearTimeout(timer); signal.removeEventListener('abort', done); resolve() }
    const timer = later(done, ms)
    signal.addEventListener('abort', done)
  })
}

/**
 * Reads a log to its end, again and again: batch after batch, one thing at a time.
 *
 * A fetch that fails is tried again with back-off until it works; `take` must not fail.
 */
export class Pump {
  cursor: Cursor | 'start' = 'start'
  /** Why the last fetch failed, while it fails. */
  failure: unknown
  readonly #abort = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #asked = false
  #stop: (() => void) | undefined
  /** What is done in a turn is wanted until it is stopped. */
  readonly wish: Wish = { check: () => { this.check() }, signals: [this.#abort.signal] }

  /** `name`: of whom it reads for. */
  constructor(readonly log: EventLog, readonly name: string, readonly batchSize: number, readonly take: (events: readonly unknown[], cursor: Cursor | 'start') => Promise<void> | void, readonly onError: ((error: unknown) => void) | undefined, readonly retry: Retry = {}) {}

  get signal(): AbortSignal { return this.#abort.signal }
  get stopped(): boolean { return this.#abort.signal.aborted }

  /** Throws CLOSED once it is stopped. */
  check(): void { if (this.stopped) throw stoppedError(this.name) }

  /** What a promise becomes. Rejects with CLOSED as soon as it is stopped: what a source is doing then is for nobody, and may never end. */
  wanted<T>(promise: T | Promise<T>): Promise<T> { return wanted(promise, this.wish) }

  start(): void {
    this.check()
    this.#stop = this.log.subscribe(() => { this.wake() })
    this.wake()
  }

  /** There may be something new. */
  wake(): void {
    if (this.#asked || this.stopped) return
    this.#asked = true
    this.alone(() => {
      this.#asked = false
      return this.drain()
    }).catch(error => {
      // It was stopped before its turn, or the database was closed: nobody waits for this.
      if (!this.stopped || (error as { code?: string } | null)?.code !== 'CLOSED') report(error, this.onError)
    })
  }

  /** Everything up to the head of now is taken, when it resolves. Rejects with CLOSED when it is stopped before. */
  caughtUp(): Promise<void> { return this.alone(() => this.drain()) }

  /** Does something while nothing is read. */
  alone<T>(fn: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => {
      this.check()
      return fn()
    })
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** Reads to the end. To be called alone. Throws CLOSED when it is stopped before. */
  async drain(): Promise<void> {
    for (let failed = 0; ;) {
      this.check()
      let page: Awaited<ReturnType<EventLog['fetch']>>
      try {
        page = checkPage(await this.wanted(this.log.fetch(this.cursor, this.batchSize)), this.name)
        this.failure = undefined
        failed = 0
      } catch (error) {
        this.check()
        this.failure = error
        failed++
        if (failed === 1) report(error instanceof EddylineError ? error : failedIn('FETCH_FAILED', `the source of \`${this.name}\``, error, 'source'), this.onError)
        await pause(backOff(this.retry, failed), this.signal)
        continue
      }
      this.check()
      const more = goesOn(page, this.cursor)
      if (page.events.length > 0) {
        if (!isCursor(page.cursor)) {
          // Taken, but it cannot go on from there: what it does not pass over comes again.
          await this.take(page.events, this.cursor)
          report(new EddylineError('REDUCER_INVALID', `\`fetch\` of a source gives the cursor ${String(page.cursor)}: it is a text, a number or a bigint`, { offending: String(page.cursor), path: 'source' }), this.onError)
          return
        }
        await this.take(page.events, page.cursor)
        this.cursor = page.cursor
      }
      if (!more) return
    }
  }

  /** Ends it, when what is under way has ended; what the source is doing is not waited for. */
  async stop(): Promise<void> {
    this.#abort.abort()
    try { this.#stop?.() } catch (error) { report(error, this.onError) }
    await this.#turn
  }
}
