// Questions to the worker and their answers; streams that it reads.
import type { EddylineError } from '../errors.js'
import { type JsonOptions, type JsonReader, type JsonStream, broken, openStream } from '../json-input.js'
import { said, shown, wrong } from '../option-kinds.js'
import { type Channel, type Reply, type Request, errorJson, errorOf, waits } from './messages.js'

/** A request without its number. */
type Asking<T> = T extends { id: number } ? Omit<T, 'id'> : never

/** Numbers requests, and gives each its answer. */
export class Requests {
  #next = 0
  readonly #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: unknown) => void }>()
  readonly #readers = new Map<number, JsonReader>()
  /** What ended a stream on this side. */
  readonly #broken = new Map<number, unknown>()
  #dead: EddylineError | undefined
  #relief = 0
  /** Told of what waits behind a batch that waits for room, if there is one. */
  queued: () => void = () => {}

  constructor(readonly channel: Channel) {}

  /** What `run` asks before it returns makes room: it goes ahead of what waits for room. */
  relief<T>(run: () => T): T {
    this.#relief++
    try { return run() } finally { this.#relief-- }
  }

  /** Throws at once, as a rejection, when nobody answers any more. */
  ask<T>(request: Asking<Request>, transfer: ArrayBuffer[] = []): Promise<T> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    const id = this.#next++
    const relief = this.#relief > 0
    // A stream of the hook waits for its turn behind one that waits for room.
    if (waits(request as Request) && (!relief || request.t === 'stream')) this.queued()
    return new Promise<T>((resolve, reject) => {
      // A worker may end while it is asked.
      this.#waiting.set(id, { resolve, reject })
      try { this.channel.post({ ...request, id, ...(relief ? { relief } : {}) }, transfer) } catch (error) {
        this.#waiting.delete(id)
        throw error
      }
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
    const reader = observed(typed(openStream(input)), signal, onProgress)
    const id = this.#next
    // Also of one that waits for its turn, and asks for no piece.
    const end = (): void => { if (this.#dead === undefined) this.channel.post({ t: 'chunk', id, bytes: undefined, error: errorJson(signal!.reason) } satisfies Request, []) }
    this.#readers.set(id, reader)
    try {
      const report = this.ask<T>({ t: 'stream', options: atomic === undefined ? options : { ...options, atomic } })
      signal?.addEventListener('abort', end)
      return await report
    } catch (error) {
      reader.cancel(error).catch(() => {})
      // What ended it on this side is told as it is.
      signal?.throwIfAborted()
      if (this.#broken.has(id)) throw this.#broken.get(id)
      throw error
    } finally {
      signal?.removeEventListener('abort', end)
      this.#readers.delete(id)
      this.#broken.delete(id)
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
      // Handed over when it is a large piece of its own; else a copy goes: of a part of a buffer all of it would, and a small one may be there to be given again.
      const own = value.byteLength > SMALL && value.byteLength === value.buffer.byteLength && value.buffer instanceof ArrayBuffer
      const bytes = own ? value : value.slice()
      this.channel.post({ t: 'chunk', id, bytes } satisfies Request, [bytes.buffer as ArrayBuffer])
    }).catch(error => {
      if (this.#readers.get(id) === reader) this.#broken.set(id, error)
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

/** Bytes of a piece of a stream up to which it is copied. */
const SMALL = 16 * 1024

/** A reader whose faults are typed: of the line, and pieces that are no bytes. */
function typed(reader: JsonReader): JsonReader {
  return {
    async read() {
      const piece = await reader.read().catch(cause => { throw broken(cause) })
      if (!piece.done && !((piece.value as unknown) instanceof Uint8Array)) throw wrong('INVALID_ARGUMENT', `a stream of JSON has bytes (Uint8Array), not ${shown(piece.value)}`, 'input', said(piece.value))
      return piece
    },
    cancel: reason => reader.cancel(reason),
    releaseLock: () => { reader.releaseLock() },
    closed: reader.closed,
  } as JsonReader
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
