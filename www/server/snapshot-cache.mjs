/**
 * Snapshots, read from the database once for many pages.
 *
 * A snapshot stays good as long as the log can carry a page on from its cursor; a page that opens while the team is busy
 * gets one that is a few seconds old and then what happened since. The text is kept in pieces and handed out while it is
 * still being read.
 */
import { positionOf } from './change-log.mjs'

/** @typedef {{ cursor: string, chunks: Buffer[], bytes: number, isDone: boolean, error?: unknown, madeAt: number, grown: EventTarget }} Copy */

/** A copy is read anew when this many row changes came after it: replaying them costs about as much as loading. */
const MAX_BEHIND_CHANGES = 10_000
/** Nobody asked for so long: give the memory back. */
const IDLE_MS = 60_000

export class SnapshotCache {
  #database
  #log
  /** @type {Copy | undefined} */ #copy
  /** @type {Promise<Copy> | undefined} */ #opening
  /** @type {NodeJS.Timeout | undefined} */ #idle

  /** @param {import('./database.mjs').Database} database @param {import('./change-log.mjs').ChangeLog} log */
  constructor(database, log) {
    this.#database = database
    this.#log = log
  }

  /** @param {string | null} [after]   what a page has: a copy is of use to it when it is newer @returns {Promise<Copy>} */
  async open(after) {
    clearTimeout(this.#idle)
    this.#idle = setTimeout(() => { this.#copy = undefined }, IDLE_MS)
    this.#idle.unref()
    const position = positionOf(after ?? '') ?? -1n
    const isNewer = (/** @type {Copy} */ copy) => position > this.#log.end || (positionOf(copy.cursor) ?? 0n) > position
    if (this.#copy && this.#isGood(this.#copy) && isNewer(this.#copy)) return this.#copy
    this.#opening ??= this.#read().finally(() => { this.#opening = undefined })
    return this.#opening
  }

  /** @param {Copy} copy */
  #isGood(copy) {
    return !copy.error && this.#log.covers(positionOf(copy.cursor) ?? 0n) && this.#log.changes - copy.madeAt <= MAX_BEHIND_CHANGES
  }

  async #read() {
    const madeAt = this.#log.changes
    const { cursor, chunks } = await this.#database.snapshot()
    /** @type {Copy} */
    const copy = { cursor, chunks: [], bytes: 0, isDone: false, madeAt, grown: new EventTarget() }
    this.#copy = copy
    void (async () => {
      try {
        for await (const text of chunks) {
          const chunk = Buffer.from(text)
          copy.chunks.push(chunk)
          copy.bytes += chunk.length
          copy.grown.dispatchEvent(new Event('grown'))
        }
        copy.isDone = true
      } catch (error) {
        copy.error = error
      }
      copy.grown.dispatchEvent(new Event('grown'))
    })()
    return copy
  }

  /**
   * Writes a copy to a response, no faster than it is read at the other end.
   * @param {import('node:http').ServerResponse} response @param {string | null} [after]
   */
  async send(response, after) {
    const copy = await this.open(after)
    response.setHeader('content-type', 'application/json')
    response.setHeader('cache-control', 'no-store')
    response.setHeader('x-eddyline-epoch', this.#database.epoch)
    if (copy.isDone) response.setHeader('content-length', copy.bytes)
    for (let i = 0; !response.destroyed; i++) {
      while (i >= copy.chunks.length && !copy.isDone && !copy.error) await once(copy.grown, 'grown')
      // A body that is cut off fails at the page as a broken transfer, which is what it is.
      if (copy.error) return void response.destroy(/** @type {Error} */ (copy.error))
      if (i >= copy.chunks.length) return void response.end()
      if (!response.write(copy.chunks[i])) await drained(response)
    }
  }

  close() {
    clearTimeout(this.#idle)
    this.#copy = undefined
  }
}

/** @param {EventTarget} target @param {string} type */
const once = (target, type) => new Promise(resolve => target.addEventListener(type, resolve, { once: true }))

/** @param {import('node:http').ServerResponse} response */
const drained = response => new Promise(resolve => {
  const done = () => {
    response.off('drain', done)
    response.off('close', done)
    resolve(undefined)
  }
  response.on('drain', done)
  response.on('close', done)
})
