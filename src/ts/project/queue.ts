import { pause } from '../breathe.js'
import { isPromise } from './engines.js'
import type { Result } from './run.js'

type Resolve = (result: Result) => void
type Reject = (error: unknown) => void
interface Waiting { key: string | undefined; readonly run: () => void | Promise<void>; readonly promise: Promise<Result>; readonly refuse: Reject; /** The version that it reads, while it runs. */ version?: number }

/** What has changed runs so often before the page has its turn: a function that changes what it reads must not freeze it. */
const TOGETHER = 100

/** Runs one after another: those that were asked for in their order, then what has changed. Synchronous runs are done at once. */
export class Queue {
  readonly #waiting: Waiting[] = []
  #busy = false
  #current: Waiting | undefined
  #scheduled = false
  #closed = false
  /** The last run was not done at once. */
  #waited = false
  /** Runs of what has changed since the page had its turn. */
  #again = 0
  #idle: (() => void)[] = []

  /** `next`: something to run again, or nothing; `version`: that of the rows now. */
  constructor(readonly isInline: boolean, readonly version: () => number, readonly next: () => (() => void | Promise<void>) | undefined) {}

  /** Asks for a run. One with an equal key that has not begun, or reads what is there now, is shared. */
  add(key: string, isShared: boolean, run: (resolve: Resolve, reject: Reject) => void | Promise<void>): Promise<Result> {
    const known = isShared ? this.#waiting.find(w => w.key === key) ?? (this.#current?.key === key && this.#current.version === this.version() ? this.#current : undefined) : undefined
    if (known !== undefined) return known.promise
    let resolve!: Resolve, reject!: Reject
    const promise = new Promise<Result>((yes, no) => { resolve = yes; reject = no })
    const waiting: Waiting = {
      key: isShared ? key : undefined, promise, refuse: reject,
      // What has ended is nobody's any more: who asks then wants another.
      run: () => run(result => { waiting.version = undefined; resolve(result) }, error => { waiting.version = undefined; reject(error) }),
    }
    this.#waiting.push(waiting)
    this.#pump()
    return promise
  }

  /** Runs with this key are for those who have asked so far. */
  unshare(key: string): void { for (const w of [...this.#waiting, this.#current]) if (w?.key === key) w.key = undefined }

  /** Something has changed. Where runs are inline, `told` goes on when all have heard of it. */
  wake(): void {
    if (this.isInline || this.#scheduled || this.#closed) return
    this.#scheduled = true
    queueMicrotask(() => { this.#scheduled = false; this.#pump() })
  }

  /** All have heard of a version. */
  told(): void { if (this.isInline) this.#pump() }

  /** Runs what there is to run, now or soon. */
  go(): void {
    this.told()
    this.wake()
  }

  /** Resolves when nothing runs or waits. */
  idle(): Promise<void> {
    if (!this.#busy && !this.#scheduled && this.#waiting.length === 0) return Promise.resolve()
    return new Promise(resolve => { this.#idle.push(resolve) })
  }

  end(error: unknown): void {
    this.#closed = true
    for (const w of this.#waiting.splice(0)) w.refuse(error)
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  #pump(): void {
    while (!this.#busy && !this.#closed) {
      const asked = this.#current = this.#waiting.shift()
      if (asked !== undefined) asked.version = this.version()
      let run = asked?.run
      if (run === undefined) {
        run = this.next()
        if (run === undefined) break
        // Where runs are inline they are done when `apply` returns, however many.
        if ((!this.isInline || this.#waited) && ++this.#again > TOGETHER) {
          this.#again = 0
          run = pause
        }
      }
      this.#busy = true
      const done = run()
      this.#waited = isPromise(done)
      if (isPromise(done)) {
        void done.then(() => { this.#busy = false; this.#current = undefined; this.#pump() })
        return
      }
      this.#busy = false
      this.#current = undefined
    }
    if (!this.#busy && !this.#scheduled && this.#waiting.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
