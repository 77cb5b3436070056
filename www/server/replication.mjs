/**
 * The logical replication stream of a PostgreSQL server, followed through restarts of either side.
 *
 * Laws: transactions are handed over whole, in commit order, once; a position is confirmed to the server only after what
 * lies before it was handed over, so what was not is sent again on the next connection.
 */
import { LogicalReplicationService } from 'pg-logical-replication'
import { lsnOf, positionOf } from './change-log.mjs'
import { createPgoutput, decodePgoutput } from './decode-pgoutput.mjs'
import { createWal2json, decodeWal2json } from './decode-wal2json.mjs'

/**
 * @typedef {{ kind: 'begin' } | { kind: 'commit', lsn: string } | { kind: 'changes', changes: string[] } | { kind: 'unknown', reason: string }} Decoded
 *   what a message of the stream says; `unknown`: something changed and the stream does not tell what it is now
 */
/** @typedef {import('./database.mjs').FeedSink} FeedSink */
/** @typedef {'pgoutput' | 'wal2json'} Plugin */

const CONFIRM_MS = 5_000
const BACKOFF_MS = [250, 500, 1_000, 2_000, 5_000]
/** A transaction larger than this is not kept in memory: pages fetch a snapshot instead. */
const MAX_TRANSACTION_CHANGES = 200_000

export class ReplicationStream {
  #sink
  #options
  /** @type {LogicalReplicationService | undefined} */ #service
  /** @type {Promise<void> | undefined} */ #running
  #isClosed = false
  /** @type {(() => void) | undefined} */ #wake
  #failures = 0
  /** Commit position handed over last. */ #last = 0n
  /** Everything up to here was sent, seen while no transaction was half read. */ #idleAt = 0n
  #confirmed = 0n
  /** Confirmed at the next tick: late on purpose, so that pages can resume after a crash of this server. */ #ripe = 0n
  /** @type {string[]} */ #changes = []
  /** @type {string | undefined} */ #unknown
  #isInTransaction = false

  /**
   * @param {FeedSink} sink
   * @param {{ connection: import('pg').ClientConfig, slot: string, publication: string, plugin: Plugin, ensureSlot: () => Promise<string | undefined> }} options
   *   `ensureSlot` makes the slot if it is gone, and then resolves to the cursor it starts after
   */
  constructor(sink, options) {
    this.#sink = sink
    this.#options = options
  }

  /** Resolves when the stream runs for the first time. @param {string} startAfter */
  async start(startAfter) {
    this.#startAfter(startAfter)
    await new Promise((resolve, reject) => {
      this.#running = this.#run(/** @type {() => void} */ (resolve)).catch(reject)
    })
  }

  /** @param {string} cursor */
  #startAfter(cursor) {
    this.#last = this.#confirmed = this.#ripe = positionOf(cursor) ?? 0n
  }

  /** @param {() => void} onStart */
  async #run(onStart) {
    while (!this.#isClosed) {
      let reason = 'the stream ended'
      try {
        const lostBefore = await this.#options.ensureSlot()
        if (lostBefore !== undefined) {
          this.#startAfter(lostBefore)
          this.#sink.lost(lostBefore)
        }
        await this.#streamOnce(onStart)
      } catch (error) {
        reason = error instanceof Error ? error.message || error.constructor.name : String(error)
      }
      if (this.#isClosed) break
      this.#sink.connection(false, reason)
      await this.#pause(BACKOFF_MS[Math.min(this.#failures++, BACKOFF_MS.length - 1)])
    }
  }

  /** @param {() => void} onStart */
  async #streamOnce(onStart) {
    const { connection, slot, publication, plugin } = this.#options
    const service = new LogicalReplicationService(connection, { acknowledge: { auto: false, timeoutSeconds: 0 } })
    this.#service = service
    this.#abandonTransaction()
    const decode = plugin === 'wal2json' ? decodeWal2json : decodePgoutput
    /** @type {NodeJS.Timeout | undefined} */ let timer
    /** @type {Promise<never>} */
    const failed = new Promise((_, reject) => {
      service.on('error', reject)
      service.on('start', () => {
        this.#failures = 0
        timer = setInterval(() => {
          this.#confirm(service, this.#ripe)
          this.#ripe = this.#handedOver()
        }, CONFIRM_MS)
        this.#sink.connection(true)
        onStart()
      })
      service.on('data', (_lsn, message) => {
        try {
          this.#take(decode(message))
        } catch (error) {
          reject(error)
        }
      })
      service.on('heartbeat', (lsn, _time, shouldRespond) => {
        // One less: a commit record can begin at the very position where what was sent ends.
        if (!this.#isInTransaction) this.#idleAt = (positionOf(lsn) ?? 1n) - 1n
        // A server that shuts down asks, and waits until all it sent is confirmed.
        if (shouldRespond) this.#confirm(service, this.#handedOver())
      })
    })
    try {
      const output = plugin === 'wal2json' ? createWal2json() : createPgoutput(publication)
      await Promise.race([service.subscribe(output, slot), failed])
    } finally {
      clearInterval(timer)
      failed.catch(() => {})
      await service.destroy().catch(() => {})
    }
  }

  /** @param {Decoded} decoded */
  #take(decoded) {
    if (decoded.kind === 'begin') {
      this.#abandonTransaction()
      this.#isInTransaction = true
    } else if (decoded.kind === 'unknown') this.#unknown = decoded.reason
    else if (decoded.kind === 'changes') {
      if (this.#unknown) return
      for (const change of decoded.changes) this.#changes.push(change)
      if (this.#changes.length > MAX_TRANSACTION_CHANGES) {
        this.#unknown = 'a very large transaction'
        this.#changes = []
      }
    } else this.#commit(decoded.lsn)
  }

  /** @param {string} lsn */
  #commit(lsn) {
    const position = positionOf(lsn) ?? 0n
    const isNew = position > this.#last
    const changes = this.#changes
    const unknown = this.#unknown
    this.#abandonTransaction()
    // After a reconnection the server repeats what was handed over but not yet confirmed.
    if (!isNew) return
    this.#last = position
    if (unknown) this.#sink.lost(lsn)
    else if (changes.length > 0) this.#sink.transaction(lsn, changes)
  }

  #abandonTransaction() {
    this.#changes = []
    this.#unknown = undefined
    this.#isInTransaction = false
  }

  #handedOver() {
    return this.#idleAt > this.#last ? this.#idleAt : this.#last
  }

  /** @param {LogicalReplicationService} service @param {bigint} position */
  #confirm(service, position) {
    if (position > this.#confirmed) this.#confirmed = position
    if (this.#confirmed > this.#last) {
      // Nothing of ours was written up to here; pages that know this position can resume from it after a restart.
      this.#last = this.#confirmed
      this.#sink.transaction(lsnOf(this.#last), [])
    }
    // The library adds one to what it is given, and the server then skips commit records that begin before that: adding it
    // to a commit's own position skips this commit and no other. (The end of a commit plus one could skip the next one.)
    void service.acknowledge(lsnOf(this.#confirmed))
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve(undefined)
      }
    })
  }

  async close() {
    this.#isClosed = true
    this.#wake?.()
    await this.#service?.stop().catch(() => {})
    await this.#running
  }
}
