/**
 * What the demo asks of a database, and the snapshot text both kinds share.
 *
 * A database is written to by SQL and read by its feed: `follow` hands over every committed transaction, whole and in
 * commit order, whoever made it. Nothing reaches a page by another way.
 */
import { SOURCE, TABLES, TABLE_NAMES } from './model.mjs'

/** @typedef {{ rows: any[], affected: number }} Result */
/** @typedef {(sql: string, params?: unknown[]) => Promise<Result>} Query */

/**
 * @typedef {object} FeedSink where a database's transactions go
 * @property {(cursor: string) => void} start   the feed begins after this cursor; what came before is only in snapshots
 * @property {(cursor: string, changes: string[]) => void} transaction   one commit; changes as JSON text
 * @property {(cursor: string) => void} lost    what lies before cannot be told change by change: fetch a snapshot
 * @property {(connected: boolean, reason?: string) => void} connection
 */

/**
 * @typedef {object} Database
 * @property {'embedded' | 'postgres'} kind
 * @property {string} epoch   names this very database; cursors of another one mean nothing here
 * @property {Query} query
 * @property {<T>(work: (query: Query) => Promise<T>) => Promise<T>} transaction
 * @property {() => Promise<Snapshot>} snapshot
 * @property {() => Promise<string>} latest   a cursor that no page of this database can be ahead of
 * @property {(sink: FeedSink) => Promise<void>} follow   resolves when the feed has begun
 * @property {() => Promise<void>} close
 */

/** @typedef {{ cursor: string, chunks: AsyncGenerator<string> }} Snapshot */

const FETCH_ROWS = 4_000

/** A fault that the person who started the demo can mend; its message says how. */
export class SetupError extends Error {}

/**
 * The batch that replaces everything, in pieces. Must run inside one transaction that sees one state.
 * @param {Query} query
 * @param {string} cursor
 * @returns {AsyncGenerator<string>}
 */
export async function* snapshotText(query, cursor) {
  let text = `{"source":"${SOURCE}","cursor":"${cursor}","changes":[`
  for (const [i, table] of TABLE_NAMES.entries()) {
    text += `${i ? ',' : ''}{"op":"reset","table":"${table}","rows":[`
    // The columns that pages know: a column that somebody adds is nothing to them.
    const columns = TABLES[table].columns.map(c => `t.${c}`).join(', ')
    await query(`declare snapshot_rows no scroll cursor for select row_to_json(r)::text as row from (select ${columns} from ${table} t) r`)
    for (let first = true; ; first = false) {
      const { rows } = await query(`fetch ${FETCH_ROWS} from snapshot_rows`)
      if (rows.length === 0) break
      text += (first ? '' : ',') + rows.map(r => r.row).join(',')
      yield text
      text = ''
    }
    await query('close snapshot_rows')
    text += ']}'
  }
  yield `${text}]}`
}
