// One transaction as bytes: what a version changed (a binary batch), and the entries that belong to it.
import { EddylineError } from '../errors.js'
import { corrupt } from './medium.js'

/**
 * `[u32 magic][u32 CRC-32 of what follows][f64 number][u32 bytes of JSON][u32 blobs][JSON, padded to 8]` and per blob
 * `[u32 bytes][u32 0][bytes, padded to 8]`; little-endian. Blob 0 is the batch of `{ batch: true }`, the others are bytes of entries.
 */
const MAGIC = 0x314c4445 // "EDL1"
const HEAD = 24

/** A transaction. */
export interface Transaction {
  /** Counts up by one. Pieces of a checkpoint have the number that the state has. */
  number: number
  /** A binary batch (www/docs/boundary.md): upserted rows, keys of deleted ones, source and cursor. */
  batch?: Uint8Array
  /** Source, cursor and origin of the batch, for those who are told of it. */
  envelope?: { source?: string; cursor?: string; origin?: string }
  /** Values by space and key; null deletes. */
  entries?: { [space: string]: { [key: string]: unknown } }
  /** In the first record of a log or checkpoint. */
  schema?: StoredSchema
  /**
   * Which storage the numbers count in: a random name that is given when a storage is begun with nothing in it, and kept by every state that goes on
   * from what is stored. In the first record; absent in a storage that is older than this.
   */
  incarnation?: string
  /** First piece of a checkpoint: what was before is not part of the state. */
  fresh?: true
}

/** The schema that rows were packed by. */
export interface StoredSchema { version: number; hash: string; tables: unknown[] }

const utf8 = /* @__PURE__ */ new TextEncoder()
const text = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const pad8 = (n: number): number => (n + 7) & ~7

export function encodeTransaction(t: Transaction): Uint8Array {
  const blobs: Uint8Array[] = []
  if (t.batch !== undefined) blobs.push(t.batch)
  const { number, batch, ...rest } = t
  const json = utf8.encode(JSON.stringify(batch === undefined ? rest : { ...rest, batch: true }, function (this: any, name, made) {
    // What is there itself: bytes of some classes, and bigints of some pages, have a `toJSON`.
    const v = this[name]
    if (typeof v === 'bigint') return { $bigint: String(v) }
    if (v instanceof Uint8Array) return { $blob: blobs.push(v) - 1 }
    if (v !== null && typeof v === 'object' && ('$bigint' in v || '$blob' in v || '$object' in v)) return { $object: Object.entries(v) }
    return made
  }))
  const size = HEAD + pad8(json.length) + blobs.reduce((n, b) => n + 8 + pad8(b.length), 0)
  const out = new Uint8Array(size)
  const view = new DataView(out.buffer)
  view.setUint32(0, MAGIC, true)
  view.setFloat64(8, number, true)
  view.setUint32(16, json.length, true)
  view.setUint32(20, blobs.length, true)
  out.set(json, HEAD)
  let at = HEAD + pad8(json.length)
  for (const blob of blobs) {
    view.setUint32(at, blob.length, true)
    out.set(blob, at + 8)
    at += 8 + pad8(blob.length)
  }
  view.setUint32(4, crc32(out, 8), true)
  return out
}

/** What the head of a record says, unchecked: the number of its transaction, and a checksum of all that is in it. */
export function headOf(bytes: Uint8Array): { number: number; checksum: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return bytes.length < HEAD ? { number: 0, checksum: 0 } : { number: view.getFloat64(8, true), checksum: view.getUint32(4, true) }
}

/** Whether these are the bytes of a whole record. */
export function isRecord(bytes: Uint8Array): boolean {
  if (bytes.length < HEAD) return false
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.getUint32(0, true) === MAGIC && view.getUint32(4, true) === crc32(bytes, 8)
}

/** Throws STORAGE_CORRUPT. */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  if (!isRecord(bytes)) throw corrupt('a record whose checksum is wrong')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(16, true)
  const blobs: Uint8Array[] = []
  let at = HEAD + pad8(length)
  for (let i = view.getUint32(20, true); i > 0; i--) {
    const bytesOf = view.getUint32(at, true)
    blobs.push(bytes.subarray(at + 8, at + 8 + bytesOf))
    at += 8 + pad8(bytesOf)
  }
  try {
    const json = JSON.parse(text.decode(bytes.subarray(HEAD, HEAD + length)), (_, v) => {
      if (v === null || typeof v !== 'object') return v
      if ('$bigint' in v) return BigInt(v.$bigint)
      if ('$blob' in v) return blobs[v.$blob].slice()
      if ('$object' in v) return Object.fromEntries(v.$object)
      return v
    })
    const { batch, ...rest } = json
    return { number: view.getFloat64(8, true), ...rest, ...(batch === true ? { batch: blobs[0] } : {}) }
  } catch (error) { throw new EddylineError('STORAGE_CORRUPT', 'the stored state is damaged: a record that cannot be read', { cause: error }) }
}

let tables: Uint32Array[] | undefined

/** CRC-32 (IEEE) of `bytes` from `from` on, eight bytes at a time: about 1 ns a byte. */
export function crc32(bytes: Uint8Array, from = 0): number {
  const t = tables ??= makeTables()
  const [t0, t1, t2, t3, t4, t5, t6, t7] = t
  let c = -1
  let i = from
  for (const end = bytes.length - 7; i < end; i += 8) {
    c ^= bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24
    c = t7[c & 255] ^ t6[c >>> 8 & 255] ^ t5[c >>> 16 & 255] ^ t4[c >>> 24] ^ t3[bytes[i + 4]] ^ t2[bytes[i + 5]] ^ t1[bytes[i + 6]] ^ t0[bytes[i + 7]]
  }
  for (; i < bytes.length; i++) c = t0[(c ^ bytes[i]) & 255] ^ c >>> 8
  return ~c >>> 0
}

function makeTables(): Uint32Array[] {
  const all = Array.from({ length: 8 }, () => new Uint32Array(256))
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ c >>> 1 : c >>> 1
    all[0][n] = c
  }
  for (let k = 1; k < 8; k++) for (let n = 0; n < 256; n++) all[k][n] = all[k - 1][n] >>> 8 ^ all[0][all[k - 1][n] & 255]
  return all
}
