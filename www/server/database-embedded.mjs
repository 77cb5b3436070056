/**
 * The database that needs no installation: PostgreSQL compiled to WebAssembly (PGlite), inside the server's process.
 * It is kept in a directory between runs, or in memory.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { CHANNEL, CREATE_FEED } from './change-triggers.mjs'
import { SetupError, snapshotText } from './database.mjs'
import { NAMESPACE, TABLE_NAMES } from './model.mjs'
import { createAndSeed } from './seed.mjs'

/** @typedef {import('./database.mjs').Database} Database */
/** @typedef {import('./database.mjs').FeedSink} FeedSink */
/** @typedef {import('./database.mjs').Query} Query */

/** Changes between two rounds of housekeeping: few, for nothing else is done meanwhile. */
const HOUSEKEEPING_CHANGES = 5_000
const READ_CHANGES = 20_000
/** Changes between two checkpoints: without one, the write-ahead log is kept from the first change on. */
const CHECKPOINT_CHANGES = 50_000

/**
 * @param {{ directory?: string, keepChanges?: number, seed?: import('./seed.mjs').SeedOptions }} [options]
 *   `directory`: where it is kept, in memory if absent; `keepChanges`: how much of the change log is kept for resuming
 * @returns {Promise<Database>}
 */
export async function openEmbedded({ directory, keepChanges = 20_000, seed } = {}) {
  const unlock = directory ? await lock(directory) : async () => {}
  try {
    const pg = await PGlite.create(directory ? join(directory, 'pglite') : undefined)
    const db = new EmbeddedDatabase(pg, unlock, keepChanges)
    await db.prepare(seed)
    return db
  } catch (error) {
    await unlock()
    throw error
  }
}

/** @implements {Database} */
class EmbeddedDatabase {
  kind = /** @type {const} */ ('embedded')
  epoch = ''
  #pg
  #unlock
  #keepChanges
  /** @type {FeedSink | undefined} */ #sink
  /** Seq of the last change handed over. */ #seen = 0
  #swept = 0
  #checkpointed = 0
  /** @type {Promise<void> | undefined} */ #reading
  #hasNews = false
  #isClosed = false

  /** @param {PGlite} pg @param {() => Promise<void>} unlock @param {number} keepChanges */
  constructor(pg, unlock, keepChanges) {
    this.#pg = pg
    this.#unlock = unlock
    this.#keepChanges = keepChanges
  }

  /** @param {import('./seed.mjs').SeedOptions} [seed] */
  async prepare(seed) {
    // A seed that was cut short leaves a schema without the identity row: it is made anew.
    const { rows } = await this.#pg.query(`select to_regclass('${NAMESPACE}.feed_identity') is not null as made`)
    await this.#pg.exec(`set timezone to 'UTC'; set client_min_messages to warning`)
    if (/** @type {any} */ (rows[0]).made) await this.#pg.exec(`set search_path to ${NAMESPACE}`)
    const identity = /** @type {any} */ (rows[0]).made ? (await this.query('select epoch from feed_identity')).rows[0] : undefined
    if (identity) {
      this.epoch = identity.epoch
      return
    }
    this.epoch = randomUUID()
    await this.#pg.exec(`drop schema if exists ${NAMESPACE} cascade`)
    await createAndSeed(this.#pg, seed)
    await this.#pg.exec(CREATE_FEED)
    await this.query('insert into feed_identity values ($1)', [this.epoch])
    await this.#pg.exec('vacuum analyze')
  }

  /** @type {Query} */
  async query(sql, params) {
    const { rows, affectedRows } = await this.#pg.query(sql, params)
    return { rows, affected: affectedRows ?? 0 }
  }

  /** @type {Database['transaction']} */
  async transaction(work) {
    return /** @type {any} */ (await this.#pg.transaction(tx => work(async (sql, params) => {
      const { rows, affectedRows } = await tx.query(sql, params)
      return { rows, affected: affectedRows ?? 0 }
    })))
  }

  /** Reads all rows at once: PGlite has one connection, and a slow page must not hold it. @type {Database['snapshot']} */
  async snapshot() {
    const { cursor, parts } = await this.transaction(async query => {
      const { rows } = await query('select coalesce(max(seq), 0)::text as seq from changelog')
      const parts = []
      for await (const part of snapshotText(query, rows[0].seq)) parts.push(part)
      return { cursor: rows[0].seq, parts }
    })
    return { cursor, chunks: (async function* () { yield* parts })() }
  }

  async latest() {
    return (await this.query('select coalesce(max(seq), 0)::text as seq from changelog')).rows[0].seq
  }

  /** @type {Database['follow']} */
  async follow(sink) {
    this.#sink = sink
    const { rows } = await this.query('select coalesce(min(seq), 1) - 1 as start from changelog')
    this.#seen = this.#swept = this.#checkpointed = Number(rows[0].start)
    sink.start(String(this.#seen))
    await this.#pg.listen(CHANNEL, () => void this.#read())
    await this.#read()
    sink.connection(true)
  }

  /** Hands over what was committed since the last time; calls made meanwhile run into one more round. */
  #read() {
    this.#hasNews = true
    this.#reading ??= this.#readAll().finally(() => { this.#reading = undefined })
    return this.#reading
  }

  async #readAll() {
    while (this.#hasNews && !this.#isClosed) {
      this.#hasNews = false
      const { rows } = await this.query('select seq, txid, change from changelog where seq > $1 order by seq limit $2', [this.#seen, READ_CHANGES + 1])
      let end = rows.length
      if (end > READ_CHANGES) {
        this.#hasNews = true
        // The last transaction of a full page may go on: leave it to the next page, unless it fills this one.
        while (end > 0 && rows[end - 1].txid === rows[rows.length - 1].txid) end--
        if (end === 0) end = await this.#readLarge(rows)
      }
      for (let from = 0, to = 0; from < end; from = to) {
        while (to < end && rows[to].txid === rows[from].txid) to++
        this.#seen = Number(rows[to - 1].seq)
        this.#sink?.transaction(String(this.#seen), rows.slice(from, to).map(r => r.change))
      }
      if (this.#seen - this.#swept > HOUSEKEEPING_CHANGES) await this.#sweep()
    }
  }

  /** A transaction larger than a page, in full. @param {any[]} rows the page; replaced by the transaction's rows */
  async #readLarge(rows) {
    const all = await this.query('select seq, txid, change from changelog where txid = $1 order by seq', [rows[0].txid])
    rows.length = 0
    for (const row of all.rows) rows.push(row)
    return rows.length
  }

  /** Prunes the log by whole transactions, clears dead rows and forgets old log: PGlite has no autovacuum and no checkpointer. */
  async #sweep() {
    this.#swept = this.#seen
    await this.query('delete from changelog where txid < (select txid from changelog where seq >= $1 order by seq limit 1)', [this.#seen - this.#keepChanges])
    await this.#pg.exec(`vacuum changelog, ${TABLE_NAMES.join(', ')}`)
    if (this.#seen - this.#checkpointed < CHECKPOINT_CHANGES) return
    this.#checkpointed = this.#seen
    await this.#pg.exec('checkpoint')
  }

  async close() {
    this.#isClosed = true
    await this.#reading
    await this.#pg.close()
    await this.#unlock()
  }
}

/** Locks of this process. @type {Set<string>} */
const held = new Set()

/**
 * Two processes on one PGlite directory destroy it; the lock names the one that has it.
 * @param {string} directory
 */
async function lock(directory) {
  await mkdir(directory, { recursive: true })
  const path = join(directory, 'lock')
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' })
      held.add(path)
      return async () => {
        held.delete(path)
        await rm(path, { force: true })
      }
    } catch (error) {
      if (/** @type {any} */ (error).code !== 'EEXIST') throw error
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => '0'))
    // In a container the process of the last run may have had this very number.
    if (owner === process.pid ? held.has(path) : isRunning(owner)) {
      throw new SetupError(`The database in ${directory} is in use by process ${owner}: stop that server, or give this one another directory with EDDYLINE_DATA.`)
    }
    await rm(path, { force: true })
  }
}

/** @param {number} pid */
function isRunning(pid) {
  if (!pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {any} */ (error).code === 'EPERM'
  }
}
