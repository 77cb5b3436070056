// Questions to the worker and their answers; streams that it reads.
import { EddylineError } from '../errors.js'
import { type JsonOptions, type JsonReader, type JsonStream, openStream } from '../json-input.js'
import { type Channel, type Reply, type Request, errorJson, errorOf } from './messages.js'

/** A request without its number. */
type Asking<T> = T extends { id: number } ? Omit<T, 'id'> : never

/** Numbers requests, and gives each its answer. */
export class Requests {
  #next = 0
  readonly #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: unknown) => void }>()
  readonly #readers = new Map<number, JsonReader>()
  #dead: EddylineError | undefined

  constructor(readonly channel: Channel) {}

  /** Throws at once, as a rejection, when nobody answers any more. */
  ask<T>(request: Asking<Request>, transfer: ArrayBuffer[] = []): Promise<T> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    const id = this.#next++
    return new Promise<T>((resolve, reject) => {
      this.channel.post({ ...request, id }, transfer)
      this.#waiting.set(id, { resolve, reject })
    })
  }

  answered([id, value, error]: Reply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(errorOf(error))
  }

  /** A stream: the worker asks for each piece when it has room for it. */
  async stream<T>(input: JsonStream, options: JsonOptions | undefined, { atomic, onProgress, signal }: JsonOptions = {}): Promise<T> {
    const reader = observed(openStream(input), signal, onProgress)
    const id = this.#next
    this.#readers.set(id, reader)
    try { return await this.ask<T>({ t: 'stream', options: atomic === undefined ? options : { ...options, atomic } }) } catch (error) {
      reader.cancel(error).catch(() => {})
      // What ended it on this side is told as it is.
      signal?.throwIfAborted()
      throw error
    } finally {
      this.#readers.delete(id)
      reader.releaseLock()
    }
  }

  /** The worker has room for a piece of a stream. */
  pull(id: number): void {
    const reader = this.#readers.get(id)
    if (reader === undefined) return
    reader.read().then(({ done, value }) => {
      if (this.#dead !== undefined) return
      if (done) { this.channel.post({ t: 'chunk', id, bytes: undefined } satisfies Request, []); return }
      // Handed over when it is a piece of its own; else a copy goes.
      const own = value.byteOffset === 0 && value.byteLength === value.buffer.byteLength
      this.channel.post({ t: 'chunk', id, bytes: value } satisfies Request, own ? [value.buffer as ArrayBuffer] : [])
    }).catch(error => {
      if (this.#dead === undefined) this.channel.post({ t: 'chunk', id, bytes: undefined, error: errorJson(error) } satisfies Request, [])
    })
  }

  /** The worker reads a stream no more. */
  cancel(id: number): void { this.#readers.get(id)?.cancel().catch(() => {}) }

  /** Nobody answers any more. */
  end(why: EddylineError): void {
    this.#dead = why
    for (const reader of this.#readers.values()) reader.cancel().catch(() => {})
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(why)
  }
}

/** A reader that ends with a signal and tells how far it is. */
function observed(reader: JsonReader, signal: AbortSignal | undefined, onProgress: JsonOptions['onProgress']): JsonReader {
  if (signal === undefined && onProgress === undefined) return reader
  let bytes = 0
  const end = (): void => { reader.cancel(signal!.reason).catch(() => {}) }
  signal?.addEventListener('abort', end)
  return {
    async read() {
      signal?.throwIfAborted()
      const piece = await reader.read()
      signal?.throwIfAborted()
      if (!piece.done) onProgress?.({ bytes: bytes += piece.value.length, applied: 0 })
      return piece
    },
    cancel: reason => reader.cancel(reason),
    releaseLock() {
      signal?.removeEventListener('abort', end)
      reader.releaseLock()
    },
    closed: reader.closed,
  } as JsonReader
}
