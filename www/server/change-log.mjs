/**
 * The recent past of the feed: the last transactions in commit order, bounded in bytes and in number.
 *
 * A connected page is only a position in this log, so a slow one costs nothing: when it falls off the end it is told to
 * fetch a new snapshot. Law: every transaction with `start < cursor <= end` is in the log, whole and in commit order.
 */
import { SOURCE } from './model.mjs'

/** @typedef {{ cursor: string, position: bigint, frame: Buffer, bodyAt: number, changes: number }} Entry */

const TAIL = Buffer.from(']}')
const COMMA = Buffer.from(',')
const MERGE_BYTES = 256 * 1024

/**
 * Cursors compare as numbers: a sequence number, or a PostgreSQL LSN (`X/Y`, both hexadecimal).
 * @param {string} cursor
 * @returns {bigint | undefined} undefined if it is neither
 */
export function positionOf(cursor) {
  if (/^\d{1,20}$/.test(cursor)) return BigInt(cursor)
  const lsn = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i.exec(cursor)
  return lsn ? (BigInt(`0x${lsn[1]}`) << 32n) | BigInt(`0x${lsn[2]}`) : undefined
}

/** @param {bigint} position @returns {string} an LSN */
export function lsnOf(position) {
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`
}

/** @param {string} cursor */
const headOf = cursor => Buffer.from(`{"source":"${SOURCE}","cursor":"${cursor}","changes":[`)

export class ChangeLog {
  /** @param {{ maxBytes?: number, maxEntries?: number }} [options] */
  constructor({ maxBytes = 32 * 1024 * 1024, maxEntries = 50_000 } = {}) {
    this.maxBytes = maxBytes
    this.maxEntries = maxEntries
    /** @type {Entry[]} */
    this.entries = []
    /** Number of entries dropped so far: `dropped + index` is a number that stays valid. */
    this.dropped = 0
    this.bytes = 0
    this.start = 0n
    this.end = 0n
    /** Row changes ever appended; snapshots are aged by it. */
    this.changes = 0
    this.started = false
  }

  /** Number of the entry that will be appended next. */
  get next() {
    return this.dropped + this.entries.length
  }

  /** Forgets everything: what lies at or before `cursor` is only in snapshots from now on. @param {string} cursor */
  reset(cursor) {
    this.dropped += this.entries.length
    this.entries = []
    this.bytes = 0
    this.start = this.end = positionOf(cursor) ?? 0n
    this.started = true
  }

  /**
   * Appends one transaction.
   * @param {string} cursor
   * @param {string[]} changes JSON text, one per change; empty to move the cursor only
   * @returns {boolean} false if it is already there
   */
  append(cursor, changes) {
    const position = positionOf(cursor) ?? 0n
    if (position <= this.end) return false
    const head = headOf(cursor)
    const frame = Buffer.concat([head, Buffer.from(changes.join(',')), TAIL])
    this.entries.push({ cursor, position, frame, bodyAt: head.length, changes: changes.length })
    this.bytes += frame.length
    this.changes += changes.length
    this.end = position
    this.#trim()
    return true
  }

  #trim() {
    let drop = 0
    while (drop < this.entries.length - 1 && (this.bytes > this.maxBytes || this.entries.length - drop > this.maxEntries)) {
      this.bytes -= this.entries[drop].frame.length
      this.start = this.entries[drop].position
      drop++
    }
    // Dropping one at a time would move the whole array for every transaction.
    if (drop > 0) this.entries.splice(0, drop)
    this.dropped += drop
  }

  /** Whether a reader at this position can be served from here. @param {bigint} position */
  covers(position) {
    return this.started && position >= this.start
  }

  /** Number of the first entry after a position. @param {bigint} position */
  after(position) {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.entries[middle].position <= position) low = middle + 1
      else high = middle
    }
    return this.dropped + low
  }

  /** @param {number} number @returns {Entry | undefined} undefined if dropped, or not there yet */
  entry(number) {
    return this.entries[number - this.dropped]
  }

  /**
   * Whole transactions from `number` on as one batch of about 256 KB, for a reader that is behind.
   * @param {number} number
   * @returns {{ frame: Buffer, next: number }}
   */
  merged(number) {
    const first = number - this.dropped
    let end = first
    for (let bytes = 0; end < this.entries.length && bytes < MERGE_BYTES; end++) bytes += this.entries[end].frame.length
    const last = this.entries[end - 1]
    if (end - first === 1) return { frame: last.frame, next: number + 1 }
    /** @type {Buffer[]} */
    const parts = [headOf(last.cursor)]
    for (const entry of this.entries.slice(first, end)) {
      if (entry.changes === 0) continue
      if (parts.length > 1) parts.push(COMMA)
      parts.push(entry.frame.subarray(entry.bodyAt, entry.frame.length - TAIL.length))
    }
    parts.push(TAIL)
    return { frame: Buffer.concat(parts), next: this.dropped + end }
  }
}
