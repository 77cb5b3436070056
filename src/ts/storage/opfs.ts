// OPFS from a page: the files are in a worker, records go there and back as bytes.
import { whenGone } from './alive.js'
import { EddylineError } from '../errors.js'
import { Generations } from './generations.js'
import { type Medium, storageError } from './medium.js'
import { hasAccessHandles, OpfsFolder } from './opfs-folder.js'

export interface OpfsOptions {
  /**
   * A worker that runs `eddyline/storage/opfs-worker`, for bundlers that do not find it by themselves: best a function that makes one,
   * which is ended with the database. One that is given is not ended, and is of one database at a time.
   */
  worker?: Worker | (() => Worker) | undefined
}

/** The medium of `opfs`: the files themselves in a worker, a worker of its own elsewhere. */
export function opfsMedium(name: string, options: OpfsOptions = {}): Medium {
  if (options.worker === undefined && hasAccessHandles()) return new Generations(new OpfsFolder(name))
  const { worker } = options
  return new WorkerMedium(name, typeof worker === 'object', () => {
    if (worker !== undefined) return typeof worker === 'function' ? worker() : worker
    if (typeof Worker === 'undefined') throw new EddylineError('STORAGE_UNAVAILABLE', 'there is no OPFS here')
    return new Worker(new URL('./opfs-worker.js', import.meta.url), { type: 'module' })
  })
}

/** Workers that cannot be had now, and why. What is sent to one that has ended is never answered. */
const gone = new WeakMap<Worker, EddylineError>()

/** Calls of a medium as messages: `[id, name of the method, argument]`, answered by `[id, value]` or `[id, undefined, error]`. */
class WorkerMedium implements Medium {
  readonly kind = 'opfs'
  #worker: Worker | undefined
  #next = 0
  /** Why there is none any more. */
  #why: EddylineError | undefined
  /** Ends the wait for its end. */
  #forget: (() => void) | undefined
  readonly #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: unknown) => void }>()

  constructor(readonly name: string, readonly isGiven: boolean, readonly start: () => Worker) {}

  async open(): Promise<void> {
    try {
      const worker = this.start()
      const why = gone.get(worker)
      if (why !== undefined) throw why
      gone.set(worker, new EddylineError('STORAGE_LOCKED', 'the worker of the storage is used by another database: `worker` takes a function that makes one each time'))
      this.#worker = worker
      let isRunning = false
      worker.onmessage = ({ data: [id, value, error] }) => {
        isRunning = true
        const waiting = this.#waiting.get(id)
        this.#waiting.delete(id)
        if (error === undefined) waiting?.resolve(value)
        else waiting?.reject(new EddylineError(error.code, error.message))
      }
      worker.onerror = event => {
        event.preventDefault?.()
        const error = new EddylineError('STORAGE_UNAVAILABLE', `the worker of the storage does not run: ${event.message ?? 'it could not be loaded'}`)
        this.#fail(error)
        // It will answer nothing, not even `close`.
        if (!isRunning) this.#end(error)
      }
    } catch (error) { throw storageError(error, 'the storage cannot be opened', 'STORAGE_UNAVAILABLE') }
    const { name } = this
    const worker = this.#worker
    const alive = await this.#call('open', name) as string | undefined
    // Also one that was given, and is ended by who gave it: what is asked of it then is never answered.
    this.#forget = whenGone(alive, () => {
      if (this.#worker !== worker) return
      const error = new EddylineError('STORAGE_UNAVAILABLE', `the worker of the storage \`${name}\` has ended`)
      this.#end(error)
      this.#fail(error)
    })
  }

  async *read(): AsyncIterable<Uint8Array> {
    for (let first = true; ; first = false) {
      const records: Uint8Array[] = await this.#call('read', first)
      if (records.length === 0) return
      yield* records
    }
  }

  append(records: readonly Uint8Array[]): Promise<void> { return this.#call('append', records) }
  begin(): Promise<void> { return this.#call('begin') }
  piece(record: Uint8Array): Promise<void> { return this.#call('piece', record) }
  publish(): Promise<void> { return this.#call('publish') }
  clear(): Promise<void> { return this.#call('clear') }

  async close(): Promise<void> {
    if (this.#worker === undefined) return
    try { await this.#call('close') } finally { this.#end() }
  }

  #end(failure?: EddylineError): void {
    const worker = this.#worker
    this.#worker = undefined
    this.#why = failure
    this.#forget?.()
    this.#forget = undefined
    if (worker === undefined) return
    if (failure === undefined && this.isGiven) { gone.delete(worker); return }
    worker.terminate()
    gone.set(worker, failure ?? new EddylineError('STORAGE_UNAVAILABLE', 'the worker of the storage has ended: `worker` takes a function that makes one each time'))
  }

  #fail(error: EddylineError): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #call(method: string, argument?: unknown): Promise<any> {
    const worker = this.#worker
    if (worker === undefined) return Promise.reject(this.#why ?? new EddylineError('STORAGE_FAILED', 'the storage is closed'))
    return new Promise((resolve, reject) => {
      const id = this.#next++
      this.#waiting.set(id, { resolve, reject })
      worker.postMessage([id, method, argument])
    })
  }
}
