/**
 * A real PostgreSQL server, followed by logical replication. The demo keeps to a schema, a publication and a slot of its own.
 */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { lsnOf, positionOf } from './change-log.mjs'
import { mendable } from './connection-faults.mjs'
import { SetupError, snapshotText } from './database.mjs'
import { NAMESPACE, TABLE_NAMES } from './model.mjs'
import { ReplicationStream } from './replication.mjs'
import { createAndSeed } from './seed.mjs'

/** @typedef {import('./database.mjs').Database} Database */
/** @typedef {import('./database.mjs').Query} Query */
/** @typedef {import('./replication.mjs').Plugin} Plugin */

const PUBLICATION = 'eddyline_demo'
const CONNECT_MS = 10_000
/** A slot is made when all transactions have ended that were open: who waits longer is told. */
const SLOT_MS = 10_000
const UNDEFINED_FILE = '58P01'
const INSUFFICIENT_PRIVILEGE = '42501'

/**
 * @param {{ url: string, plugin?: Plugin, slot?: string, seed?: import('./seed.mjs').SeedOptions }} options
 * @returns {Promise<Database>}
 */
export async function openPostgres({ url, plugin = 'pgoutput', slot = 'eddyline_demo', seed }) {
  /** @type {PostgresDatabase | undefined} */ let db
  try {
    db = new PostgresDatabase(url, plugin, slot)
    await db.prepare(seed)
    return db
  } catch (error) {
    await db?.close()
    throw mendable(error, url)
  }
}

/** A text that is another one when a table was altered, rewritten or replaced. `$1`: the tables. */
const SHAPE = `
  select md5(string_agg(concat_ws(' ', c.oid, c.relname, c.relfilenode, columns), '; ' order by c.relname)) from pg_class c,
    lateral (select string_agg(concat_ws(' ', attname, atttypid, atttypmod), ', ' order by attnum) as columns from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) a
  where c.relnamespace = to_regnamespace('${NAMESPACE}') and c.relname = any($1)`

/** Whether a publication tells all that happens to all tables. `$1`: the tables, `$2`: the publication. */
const IS_WHOLE = `
  select p.pubinsert and p.pubupdate and p.pubdelete and p.pubtruncate
    and (select count(*) from pg_publication_tables t where t.pubname = p.pubname and t.schemaname = '${NAMESPACE}' and t.tablename = any($1)) = ${TABLE_NAMES.length}
    and not exists (select from pg_publication_rel r where r.prpubid = p.oid and (to_jsonb(r) ->> 'prqual' is not null or to_jsonb(r) ->> 'prattrs' is not null))
  from pg_publication p where p.pubname = $2`

/** The LSN just before one: cursors name the last commit that is included, slots the first position that is not. @param {string} lsn */
const before = lsn => lsnOf((positionOf(lsn) ?? 1n) - 1n)

/** @implements {Database} */
class PostgresDatabase {
  kind = /** @type {const} */ ('postgres')
  epoch = ''
  #url
  #connection
  #plugin
  #slot
  #pool
  /** @type {ReplicationStream | undefined} */ #stream
  #isClosed = false

  /** @param {string} url @param {Plugin} plugin @param {string} slot */
  constructor(url, plugin, slot) {
    this.#url = url
    this.#connection = {
      connectionString: url, connectionTimeoutMillis: CONNECT_MS, application_name: 'eddyline demo', keepAlive: true,
      options: `-c search_path=${NAMESPACE} -c timezone=UTC -c datestyle=ISO -c client_min_messages=warning`,
    }
    this.#plugin = plugin
    this.#slot = slot
    this.#pool = new pg.Pool({ ...this.#connection, max: 8 })
    // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
    this.#pool.on('error', () => {})
  }

  /** @param {import('./seed.mjs').SeedOptions} [seed] */
  async prepare(seed) {
    const { rows } = await this.query(`select current_setting('wal_level') as wal_level, to_regclass('${NAMESPACE}.feed_identity') is not null as made`)
    if (rows[0].wal_level !== 'logical') {
      throw new SetupError(`PostgreSQL runs with wal_level = ${rows[0].wal_level}; the change feed needs wal_level = logical. ` +
        `To fix it, run: ALTER SYSTEM SET wal_level = 'logical'; then restart PostgreSQL and start the demo again.`)
    }
    if (!rows[0].made) {
      // One transaction: the demo's schema is there whole, or not at all.
      await this.transaction(async query => {
        const exec = (/** @type {string} */ sql) => query(sql)
        await createAndSeed({ exec, query }, seed)
        await query('create table feed_identity (epoch text not null)')
        await query('insert into feed_identity values ($1)', [randomUUID()])
      })
      await this.query(`analyze ${TABLE_NAMES.join(', ')}`)
    }
    // Copies of a database have its identity with its rows, but positions of their own; and what was altered while nobody looked is not told by the stream.
    const { rows: [{ epoch }] } = await this.query(`select epoch || '-' || md5(concat_ws(' ', (select oid from pg_database where datname = current_database()),
      (select system_identifier from pg_control_system()), (${SHAPE}))) as epoch from feed_identity`, [TABLE_NAMES])
    this.epoch = epoch
  }

  async latest() {
    return (await this.query('select pg_current_wal_insert_lsn()::text as lsn')).rows[0].lsn
  }

  /** @type {Query} */
  async query(sql, params) {
    const { rows, rowCount } = await this.#pool.query(sql, params)
    return { rows, affected: rowCount ?? 0 }
  }

  /** @type {Database['transaction']} */
  async transaction(work) {
    const client = await this.#pool.connect()
    /** @type {Error | undefined} */ let broken
    // A connection that dies while checked out emits `error` on the client, besides failing the query.
    const onError = (/** @type {Error} */ error) => { broken = error }
    client.on('error', onError)
    try {
      await client.query('begin')
      const result = await work(async (sql, params) => {
        const { rows, rowCount } = await client.query(sql, params)
        return { rows, affected: rowCount ?? 0 }
      })
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback').catch(failure => { broken ??= failure })
      throw error
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }

  /**
   * A state of the tables and the position in the stream that belongs to it.
   *
   * Reading the current LSN beside a repeatable-read transaction is not enough: a commit has its LSN a moment before others
   * can see it. Making a replication slot is how PostgreSQL itself pairs the two; the slot is gone as soon as the
   * snapshot is imported.
   * @type {Database['snapshot']}
   */
  async snapshot() {
    const client = await this.#pool.connect()
    const onError = () => {}
    client.on('error', onError)
    const release = (/** @type {unknown} */ error) => {
      client.off('error', onError)
      client.release(error instanceof Error ? error : undefined)
    }
    try {
      const slot = new pg.Client(/** @type {any} */ ({ ...this.#connection, replication: 'database' }))
      slot.on('error', () => {})
      await slot.connect()
      /** @type {string} */ let cursor
      try {
        await slot.query(`set lock_timeout = ${SLOT_MS}`)
        const made = await slot.query(`CREATE_REPLICATION_SLOT "eddyline_snapshot_${randomUUID().replaceAll('-', '')}" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT`)
        const { consistent_point, snapshot_name } = made.rows[0]
        await client.query('begin isolation level repeatable read read only')
        await client.query(`set transaction snapshot '${snapshot_name}'`)
        cursor = before(consistent_point)
      } finally {
        await slot.end()
      }
      /** @type {Query} */
      const query = async sql => {
        const { rows } = await client.query(sql)
        return { rows, affected: 0 }
      }
      const chunks = (async function* () {
        /** @type {unknown} */ let failure = new Error('the snapshot was not read to its end')
        try {
          yield* snapshotText(query, cursor)
          await client.query('commit')
          failure = undefined
        } finally {
          release(failure)
        }
      })()
      return { cursor, chunks }
    } catch (error) {
      release(error)
      throw mendable(error, this.#url)
    }
  }

  /** @type {Database['follow']} */
  async follow(sink) {
    try {
      await this.#follow(sink)
    } catch (error) {
      throw mendable(error, this.#url)
    }
  }

  /** @param {import('./database.mjs').FeedSink} sink */
  async #follow(sink) {
    const made = await this.#ensureSlot(false)
    const { rows } = await this.query('select confirmed_flush_lsn::text as lsn from pg_replication_slots where slot_name = $1', [this.#slot])
    const start = made ?? before(rows[0].lsn)
    sink.start(start)
    this.#stream = new ReplicationStream(sink, {
      connection: this.#connection, slot: this.#slot, publication: PUBLICATION, plugin: this.#plugin,
      ensureSlot: remake => this.#ensureSlot(remake), look: () => this.#look(),
    })
    await this.#stream.start(start)
  }

  /** @returns {Promise<import('./replication.mjs').Look>} */
  async #look() {
    const { rows: [look] } = await this.query(`select pg_current_wal_insert_lsn()::text as position, (${SHAPE}) as shape, coalesce((${IS_WHOLE}), false) as "isPublished",
      (select confirmed_flush_lsn::text from pg_replication_slots where slot_name = $3) as confirmed`, [TABLE_NAMES, PUBLICATION, this.#slot])
    return look
  }

  /**
   * Makes the publication and the slot, if there are none that can be used.
   * @param {boolean} remake   the slot that is there is of no use
   * @returns {Promise<string | undefined>} the cursor a new one starts after
   */
  async #ensureSlot(remake) {
    const { rows } = await this.query(`select plugin, database, wal_status, current_database() as here from pg_replication_slots where slot_name = $1`, [this.#slot])
    const found = rows[0]
    if (found && found.database !== found.here) {
      throw new SetupError(`The replication slot ${this.#slot} belongs to the database ${found.database}. ` +
        `Drop it there (select pg_drop_replication_slot('${this.#slot}')) or give this demo another one with EDDYLINE_SLOT.`)
    }
    const isWhole = (await this.#look()).isPublished
    if (found?.plugin === this.#plugin && found.wal_status !== 'lost' && isWhole && !remake) return undefined
    if (found) await this.query('select pg_drop_replication_slot($1)', [this.#slot])
    // After the slot was dropped: one that is there has read by a publication that was whole all the time.
    if (!isWhole) {
      await this.transaction(async query => {
        await query(`drop publication if exists ${PUBLICATION}`)
        await query(`create publication ${PUBLICATION} for table ${TABLE_NAMES.join(', ')}`)
      })
    }
    const made = await this.transaction(async query => {
      await query(`set local lock_timeout = ${SLOT_MS}`)
      return query('select lsn::text as lsn from pg_create_logical_replication_slot($1, $2)', [this.#slot, this.#plugin])
    }).catch(error => {
      // Since 15.19 and its siblings, a server loads only the plugins it is told to trust.
      if (error.code === INSUFFICIENT_PRIVILEGE && /output plugin/.test(error.message)) {
        throw new SetupError(`This PostgreSQL server does not trust the output plugin ${this.#plugin}. To allow it, add it to output_plugin_libraries ` +
          `(ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, ${this.#plugin}), run SELECT pg_reload_conf(), and start the demo again.`)
      }
      if (error.code !== UNDEFINED_FILE) throw error
      throw new SetupError(`This PostgreSQL server has no output plugin ${this.#plugin}: install it there, or use the built-in pgoutput.`)
    })
    return before(made.rows[0].lsn)
  }

  async close() {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#stream?.close()
    await this.#pool.end()
  }
}
