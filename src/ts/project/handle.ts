import type { Result } from './run.js'

/** A run that goes on while the caller does something else. */
export class Handle<R = any> {
  status: 'pending' | 'ok' | 'error' | 'timeout' = 'pending'
  readonly #promise: Promise<Result<R>>

  /** @internal Made by `project`. */
  constructor(promise: Promise<Result<R>>) {
    this.#promise = promise
    promise.then(() => { this.status = 'ok' }, error => { this.status = (error as { code?: string } | null)?.code === 'PROJECTION_TIMEOUT' ? 'timeout' : 'error' })
  }

  /** What came of it, as often as asked. Rejects with what the run failed with. */
  fetch(): Promise<Result<R>> { return this.#promise }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Handle' }
}
