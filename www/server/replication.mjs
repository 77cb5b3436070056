/**
 * The logical replication stream of a PostgreSQL server, followed through restarts of either side.
 *
 * Laws: transactions are handed over whole, in commit order, once; a position is confirmed to the server only after what
 * lies before it was handed over, so what was not is sent again on the next connection. What no message tells (tables that
 * were altered, a slot that somebody else read) is looked for: then all before is told as lost, and pages fetch a snapshot.
 */
import { LogicalReplicationService } from 'pg-logical-replication'
import { lsnOf, positionOf } from './change-log.mjs'
import { SetupError } from './database.mjs'
import { createPgoutput, decodePgoutput } from './decode-pgoutput.mjs'
import { createWal2json, decodeWal2json } from './decode-wal2json.mjs'

/**
 * @typedef {{ kind: 'begin' } | { kind: 'commit', lsn: string } | { kind: 'changes', changes: string[] } | { kind: 'unknown', reason: string }} Decoded
 *   what a message of the stream says; `unknown`: something changed and the stream does not tell what it is now
 */
/** @typedef {import('./database.mjs').FeedSink} FeedSink */
/** @typedef {'pgoutput' | 'wal2json'} Plugin */

/**
 * @typedef {object} Look what can be seen beside the stream
 * @property {string} position   where the server's log ends
 * @property {string | null} confirmed   the first position that the slot has not confirmed
 * @property {boolean} isPublished   the stream tells all changes of all tables
 * @property {string} shape   another text when a table was altered, rewritten or replaced: no message tells what its rows are then
 */

const CONFIRM_MS = 5_000
const BACKOFF_MS = [250, 500, 1_000, 2_000, 5_000]
/** A server that takes longer to answer is away, whatever its connections say. */
const LOOK_MS = 20_000
/** A transaction larger than this is not kept in memory: pages fetch a snapshot instead. */
const MAX_TRANSACTION_CHANGES = 200_000
const MAX_TRANSACTION_CHARACTERS = 32 * 1024 * 1024
const CLOSE_MS = 1_000
const UNDEFINED_OBJECT = '42704'
const OBJECT_IN_USE = '55006'
/** Logins that are refused, and rights that are missing. */
const NOT_ALLOWED = /^28|^42501/

export class ReplicationStream {
  #sink
  #options
  /** @type {LogicalReplicationService | undefined} */ #service
  /** @type {Promise<void> | undefined} */ #running
  #hasBegun = false
  #isClosed = false
  /** Ends what is waited for. @type {((nothing: undefined) => void) | undefined} */ #giveUp
  /** @type {string | undefined} */ #shape
  #mustRemake = false
  #failures = 0
  /** Commit position handed over last. */ #last = 0n
  /** Everything up to here was sent, seen while no transaction was half read. */ #idleAt = 0n
  #confirmed = 0n
  /** Confirmed at the next tick: late on purpose, so that pages can resume after a crash of this server. */ #ripe = 0n
  /** @type {string[]} */ #changes = []
  #characters = 0
  /** @type {string | undefined} */ #unknown
  #isInTransaction = false

  /**
   * @param {FeedSink} sink
   * @param {{ connection: import('pg').ClientConfig, slot: string, publication: string, plugin: Plugin, ensureSlot: (remake: boolean) => Promise<string | undefined>, look: () => Promise<Look> }} options
   *   `ensureSlot` makes the slot if it is gone or of no use, and then resolves to the cursor it starts after
   */
  constructor(sink, options) {
    this.#sink = sink
    this.#options = options
  }

  /** Resolves when the stream runs for the first time; rejects if it may not. @param {string} startAfter */
  async start(startAfter) {
    this.#startAfter(startAfter)
    await new Promise((resolve, reject) => {
      this.#running = this.#run(/** @type {() => void} */ (resolve)).catch(reject)
    })
  }

  /** @param {string} cursor */
  #startAfter(cursor) {
    this.#last = this.#confirmed = this.#ripe = positionOf(cursor) ?? 0n
    this.#idleAt = 0n
  }

  /** @param {() => void} onStart */
  async #run(onStart) {
    while (!this.#isClosed) {
      let reason = 'the stream ended'
      try {
        const lostBefore = await this.#unlessClosed(this.#options.ensureSlot(this.#mustRemake))
        if (this.#isClosed) break
        this.#mustRemake = false
        if (lostBefore !== undefined) {
          this.#startAfter(lostBefore)
          this.#sink.lost(lostBefore)
        }
        await this.#streamOnce(onStart)
      } catch (error) {
        // The publication was not there when a change was made: made again it is of no use to this slot, which looks back.
        const { code = '' } = /** @type {{ code?: string }} */ (error)
        if (code === UNDEFINED_OBJECT) this.#mustRemake = true
        if (!this.#hasBegun && (error instanceof SetupError || NOT_ALLOWED.test(code))) throw error
        reason = error instanceof Error ? error.message || error.constructor.name : String(error)
        if (code === OBJECT_IN_USE) reason += '; a slot has one reader: give another server one of its own with EDDYLINE_SLOT'
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
    // The slot's position tells who read it before us, as long as we have not moved it.
    let mayConfirm = false
    let isOver = false
    /** What came before that was known: whether it goes on where the last connection ended. @type {any[]} */
    const early = []
    /** @type {Promise<never>} */
    const failed = new Promise((_, reject) => {
      const tick = async () => {
        timer = undefined
        await this.#look(!mayConfirm)
        if (isOver) return
        if (mayConfirm) {
          this.#confirm(service, this.#ripe)
          this.#ripe = this.#handedOver()
        } else {
          mayConfirm = true
          for (const message of early.splice(0)) this.#take(decode(message))
          this.#failures = 0
          this.#hasBegun = true
          this.#sink.connection(true)
          onStart()
        }
        timer = setTimeout(() => void tick().catch(reject), CONFIRM_MS)
      }
      service.on('error', reject)
      service.on('start', () => void tick().catch(reject))
      service.on('data', (_lsn, message) => {
        try {
          if (mayConfirm) this.#take(decode(message))
          else early.push(message)
        } catch (error) {
          reject(error)
        }
      })
      service.on('heartbeat', (lsn, _time, shouldRespond) => {
        // One less: a commit record can begin at the very position where what was sent ends.
        if (mayConfirm && !this.#isInTransaction) this.#idleAt = (positionOf(lsn) ?? 1n) - 1n
        // A server that shuts down asks, and waits until all it sent is confirmed.
        if (shouldRespond && mayConfirm) this.#confirm(service, this.#handedOver())
      })
    })
    try {
      const output = plugin === 'wal2json' ? createWal2json() : createPgoutput(publication)
      await this.#unlessClosed(Promise.race([service.subscribe(output, slot), failed]))
    } finally {
      isOver = true
      clearTimeout(timer)
      failed.catch(() => {})
      await this.#unlessClosed(service.destroy().catch(() => {}))
    }
  }

  /** @param {boolean} isFirst   nothing was confirmed on this connection yet */
  async #look(isFirst) {
    const { position, confirmed, isPublished, shape } = await inTime(this.#options.look())
    if (!isPublished) throw new Error('the publication was altered')
    // What is confirmed is told as the position behind it.
    const isReadByOthers = isFirst && (positionOf(confirmed ?? '') ?? 0n) > this.#confirmed + 1n
    const isAltered = this.#shape !== undefined && this.#shape !== shape
    this.#shape = shape
    if (!isReadByOthers && !isAltered) return
    // All that was committed by now is in the snapshots that pages fetch, and not handed over besides.
    const end = (positionOf(position) ?? 1n) - 1n
    if (end > this.#last) this.#last = end
    this.#sink.lost(lsnOf(this.#last))
  }

  /** @param {Decoded} decoded */
  #take(decoded) {
    if (decoded.kind === 'begin') {
      this.#abandonTransaction()
      this.#isInTransaction = true
    } else if (decoded.kind === 'unknown') this.#unknown = decoded.reason
    else if (decoded.kind === 'changes') {
      if (this.#unknown) return
      for (const change of decoded.changes) {
        this.#changes.push(change)
        this.#characters += change.length
      }
      if (this.#changes.length > MAX_TRANSACTION_CHANGES || this.#characters > MAX_TRANSACTION_CHARACTERS) {
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
    this.#characters = 0
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
    /** @type {NodeJS.Timeout | undefined} */ let timer
    return this.#unlessClosed(new Promise(resolve => { timer = setTimeout(resolve, ms) })).finally(() => clearTimeout(timer))
  }

  /** What a promise resolves to, or undefined when the stream is closed: least of all then is a server waited for that does not answer. @template T @param {Promise<T>} promise @returns {Promise<T | undefined>} */
  #unlessClosed(promise) {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) resolve(undefined)
      this.#giveUp = resolve
      promise.then(resolve, reject)
    })
  }

  async close() {
    this.#isClosed = true
    // Politely, so that the slot is free at once; but nobody waits for a server that does not answer.
    const stopped = this.#service?.stop().catch(() => {})
    await Promise.race([stopped, new Promise(resolve => setTimeout(resolve, CLOSE_MS).unref())])
    this.#giveUp?.(undefined)
    await this.#running
  }
}

/** @template T @param {Promise<T>} answer @returns {Promise<T>} */
function inTime(answer) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the database does not answer')), LOOK_MS)
    answer.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
