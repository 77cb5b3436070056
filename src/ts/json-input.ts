import { slices } from './breathe.js'
import type { Cursor, Report } from './changes.js'
import { EddylineError } from './errors.js'
import { said, shown, wrong } from './option-kinds.js'
import type { Port } from './port.js'
import { checkTenant } from './values.js'

/** How to read JSON that comes without a batch object around it. */
export interface JsonOptions {
  /** The text is an array or lines of rows of this table. */
  table?: string | undefined
  /** What to do with them; `'upsert'` by default. */
  op?: 'insert' | 'upsert' | 'reset' | undefined
  source?: string | undefined
  cursor?: Cursor | undefined
  tenant?: string | undefined
  /** @internal Of one tenant, beside tables without tenants; or of `tenant` alone. */
  confined?: 'one' | 'tenant' | undefined
  stale?: 'error' | 'ignore' | undefined
  origin?: string | undefined
  /** @internal Of streams: is called when all has been read, and commits. */
  around?: ((commit: () => Report) => Report) | undefined
  /**
   * Of streams: `false` applies what has come as versions of their own, instead of all of it as one at the end: first rows
   * first, no long task, and less memory. What was applied stays when the stream fails. The cursor is committed with the end.
   */
  atomic?: boolean | undefined
  /** Of streams: called when a piece was taken. */
  onProgress?: ((progress: StreamProgress) => void) | undefined
  /** Of streams: ends reading. The promise rejects with its reason; only what was applied before stays. */
  signal?: AbortSignal | undefined
  /** @internal Of streams: asked when the memory budget refuses one: whether to try once more. */
  pressed?: ((error: unknown) => Promise<boolean>) | undefined
}

/** How far a stream was read: bytes taken, and rows changed so far (0 until the end, unless it is applied as it comes in this thread). */
export interface StreamProgress { readonly bytes: number; readonly applied: number }

/** Bytes go into the engine in pieces of this size: no second copy of a 25 MB answer. */
const PIECE = 256 * 1024
const utf8 = /* @__PURE__ */ new TextEncoder()

export type JsonBytes = Uint8Array | ArrayBuffer | ArrayBufferView
export type JsonStream = Response | ReadableStream<Uint8Array>

export function isStream(input: unknown): input is JsonStream {
  return (typeof Response !== 'undefined' && input instanceof Response) || (typeof ReadableStream !== 'undefined' && input instanceof ReadableStream) ||
    typeof (input as { getReader?: unknown } | null)?.getReader === 'function'
}

/** Throws INVALID_ARGUMENT for what can be no JSON. */
export function checkInput(input: unknown): void {
  if (typeof input !== 'string' && !ArrayBuffer.isView(input) && !(Object.prototype.toString.call(input).endsWith('ArrayBuffer]'))) throw wrong('INVALID_ARGUMENT', `JSON is a text, bytes, a stream or a Response, not ${shown(input)}`, 'input', said(input))
}

/** Options as the engine takes them; a cursor is text there. */
export function engineOptions(opts: JsonOptions | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  if (opts === undefined) return out
  if (opts.tenant !== undefined) checkTenant(opts.tenant, 'tenant')
  for (const name of ['table', 'op', 'source', 'tenant', 'confined', 'stale', 'origin'] as const) if (opts[name] !== undefined) out[name] = opts[name]
  if (opts.cursor !== undefined) out.cursor = String(opts.cursor)
  return out
}

/** Feeds a whole text or buffer and commits it, also while a stream is open: the address of the report. */
export function pushWhole(port: Port, input: string | JsonBytes, opts: JsonOptions | undefined): number {
  checkInput(input)
  const bytes = typeof input === 'string' ? undefined : bytesOf(input)
  const small = bytes !== undefined ? bytes.length <= PIECE : (input as string).length * 3 <= PIECE
  if (opts === undefined && small) {
    const length = bytes !== undefined ? put(port, bytes) : putText(port, input as string)
    return port.applyJson(length)
  }
  port.call('json_begin', engineOptions(opts), true)
  try {
    if (bytes !== undefined) pushBytes(port, bytes)
    else pushText(port, input as string)
  } catch (error) { abort(port, true); throw error }
  return port.call('json_end', true) >>> 0
}

export type JsonReader = ReadableStreamDefaultReader<Uint8Array>

/** Takes hold of a stream. Throws FETCH_FAILED for a response that is not ok, INVALID_ARGUMENT for what is read already. */
export function openStream(input: JsonStream): JsonReader {
  const { body, bodyUsed } = input as Response
  if (bodyUsed || (body ?? input as ReadableStream).locked) throw wrong('INVALID_ARGUMENT', 'somebody reads this stream, or has read it', 'input', 'locked')
  if (typeof (input as ReadableStream).getReader === 'function') return (input as ReadableStream<Uint8Array>).getReader()
  const response = input as Response
  if (!response.ok) {
    response.body?.cancel().catch(() => {})
    throw new EddylineError('FETCH_FAILED', `${response.url || 'the server'} answered ${response.status} ${response.statusText}`.trim())
  }
  return (response.body ?? new ReadableStream<Uint8Array>({ start: c => { c.close() } })).getReader()
}

/** What a stream broke with, as an error with a code. */
export const broken = (cause: unknown): EddylineError =>
  cause instanceof EddylineError ? cause : new EddylineError('FETCH_FAILED', `the stream broke: ${cause instanceof Error ? cause.message : said(cause)}`, { cause })

/** Gives way after so many milliseconds. */
const SLICE = 5
/** Rows of a slow stream are applied after so many milliseconds, however few they are. */
const LATEST = 100

/** Feeds a stream in slices, until its signal ends it; the caller, who cancels the reader then, commits what is left. `part` applies what has come, and gives how many rows have changed so far. */
export async function pushStream(port: Port, reader: JsonReader, opts: JsonOptions | undefined, part: (() => Promise<number>) | undefined): Promise<void> {
  const { signal, onProgress } = opts ?? {}
  const breath = slices(SLICE)
  let bytes = 0
  let applied = 0
  let waiting = 0
  let since = performance.now()
  // What the part before took: one that would not fit into the slice waits for the next.
  let took = 0
  for (;;) {
    const { done, value } = await reader.read().catch(cause => {
      signal?.throwIfAborted()
      throw broken(cause)
    })
    if (done) return
    if (!(value instanceof Uint8Array)) throw wrong('INVALID_ARGUMENT', `a stream of JSON has bytes (Uint8Array), not ${shown(value)}`, 'input', said(value))
    for (let at = 0; at < value.length; at += PIECE) {
      const piece = value.subarray(at, at + PIECE)
      port.call('json_push', put(port, piece), false)
      bytes += piece.length
      waiting += piece.length
      if (part !== undefined && (waiting >= PIECE || performance.now() - since > LATEST)) {
        await breath(took)
        signal?.throwIfAborted()
        took = -performance.now()
        // Of all parts so far.
        applied = await part()
        waiting = 0
        since = performance.now()
        took += since
      }
      await breath()
      signal?.throwIfAborted()
    }
    onProgress?.({ bytes, applied })
  }
}

export function abort(port: Port, whole: boolean): void {
  if (port.dead === undefined) port.call('json_abort', whole)
}

function bytesOf(input: JsonBytes): Uint8Array {
  if (input instanceof Uint8Array) return input
  return ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input)
}

function put(port: Port, bytes: Uint8Array): number {
  port.reserve(bytes.length, 0)
  port.u8.set(bytes, port.base)
  return bytes.length
}

function putText(port: Port, text: string): number {
  port.reserve(text.length * 3, 0)
  return utf8.encodeInto(text, port.u8.subarray(port.base, port.base + port.capacity)).written
}

function pushBytes(port: Port, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PIECE) port.call('json_push', put(port, bytes.subarray(at, at + PIECE)), true)
}

function pushText(port: Port, text: string): void {
  const step = Math.floor(PIECE / 3)
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + step, text.length)
    // Never between the halves of a surrogate pair.
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--
    port.call('json_push', putText(port, text.slice(at, end)), true)
    at = end
  }
}
