import type { EddylineError } from '../errors.js'
import { type Medium, storageError } from './medium.js'

type Job = { record: () => Uint8Array } | { step: () => Promise<void>; refuse: (error: unknown) => void }

/**
 * Writes behind: records go to the medium one group after the other, everything that waits in one append.
 *
 * A failure ends it: later records without an earlier one would be a state that never was. What waits is dropped then, and
 * whoever waits is told. Steps (of checkpoints) take their turn in the same line, so that the line is the order of things.
 */
export class Writer {
  failure: EddylineError | undefined
  /** Bytes of the log since it began. */
  logBytes = 0
  /** Records of an append that has not come to its end, or has failed: they may be there. */
  tried: readonly Uint8Array[] = []
  #jobs: Job[] = []
  #written = 0
  #queued = 0
  #running = false
  #work: Promise<void> = Promise.resolve()
  #waiters: { at: number; resolve: () => void; reject: (error: unknown) => void }[] = []

  constructor(readonly medium: Medium, readonly onFailure: (error: EddylineError) => void, readonly onWritten: (count: number) => void) {}

  get pending(): number { return this.#queued - this.#written }

  /** Puts a record into the line; its bytes are asked for when its turn has come, in a later task or microtask. */
  push(record: () => Uint8Array): void {
    if (this.failure !== undefined) return
    this.#jobs.push({ record })
    this.#queued++
    this.#run()
  }

  /** Does something with the medium after what is in the line by now. If it fails the writer has failed, unless it is not `vital`. */
  step(step: () => Promise<void>, vital = true): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => {
      this.#jobs.push({ step: async () => step().then(resolve, error => { reject(storageError(error, 'the storage')); if (vital) throw error }), refuse: reject })
      this.#run()
    })
  }

  /** Resolves when all that is in the line is written. */
  flush(): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    if (this.#written === this.#queued) return Promise.resolve()
    return new Promise((resolve, reject) => { this.#waiters.push({ at: this.#queued, resolve, reject }) })
  }

  /** Begins anew after a failure. */
  reset(): void {
    this.failure = undefined
    this.logBytes = 0
  }

  #run(): void {
    if (this.#running) return
    this.#running = true
    // What is applied in the same task is written in one go.
    queueMicrotask(() => { this.#work = this.#through() })
  }

  /** Ends the line: what has its turn comes to its end, nothing behind it begins. Then nobody uses the medium any more. */
  async end(error: EddylineError): Promise<void> {
    this.fail(error)
    await this.#work
  }

  async #through(): Promise<void> {
    try {
      while (this.#jobs.length > 0) {
        const first = this.#jobs[0]
        if ('step' in first) {
          this.#jobs.shift()
          await first.step()
          continue
        }
        let n = this.#jobs.findIndex(j => 'step' in j)
        if (n < 0) n = this.#jobs.length
        const group = this.#jobs.splice(0, n).map(j => (j as { record: () => Uint8Array }).record())
        this.tried = group
        await this.medium.append(group)
        this.tried = []
        this.logBytes += group.reduce((sum, r) => sum + r.length, 0)
        this.#written += group.length
        this.onWritten(group.length)
        while (this.#waiters.length > 0 && this.#waiters[0].at <= this.#written) this.#waiters.shift()!.resolve()
      }
    } catch (error) { this.fail(storageError(error, 'the storage')) } finally { this.#running = false }
  }

  fail(error: EddylineError): void {
    if (this.failure !== undefined) return
    this.failure = error
    const jobs = this.#jobs
    const waiters = this.#waiters
    this.#jobs = []
    this.#waiters = []
    this.#written = this.#queued
    for (const waiter of waiters) waiter.reject(error)
    // Steps that did not get their turn fail as this one did.
    for (const job of jobs) if ('step' in job) job.refuse(error)
    this.onFailure(error)
  }
}
