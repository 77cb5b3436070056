/** The `wal2json` plugin (format 2: one message per row) to changes in wire form. */
import { Wal2JsonPlugin } from 'pg-logical-replication'
import { isoOf } from './decode-pgoutput.mjs'
import { NAMESPACE, TABLES, TABLE_NAMES, keyOf } from './model.mjs'

/** @typedef {import('./model.mjs').TableName} TableName */
/** @typedef {import('./replication.mjs').Decoded} Decoded */
/** @typedef {{ name: string, type: string, value: unknown }} Column */
/** @typedef {{ action: string, lsn?: string, schema?: string, table?: string, columns?: Column[], identity?: Column[] }} Message */

export function createWal2json() {
  return new Wal2JsonPlugin({
    formatVersion: '2', includeLsn: true, includeTransaction: true,
    addTables: TABLE_NAMES.map(t => `${NAMESPACE}.${t}`).join(','),
  })
}

/** The columns that pages know. @param {Column[]} columns @param {string[]} known */
function rowOf(columns, known) {
  /** @type {Record<string, unknown>} */
  const row = {}
  for (const { name, type, value } of columns) {
    if (known.includes(name)) row[name] = value !== null && type.startsWith('timestamp') ? isoOf(String(value)) : value
  }
  return row
}

/**
 * @param {Message} message
 * @returns {Decoded}
 */
export function decodeWal2json(message) {
  if (message.action === 'B') return { kind: 'begin' }
  if (message.action === 'C') return { kind: 'commit', lsn: message.lsn ?? '0/0' }
  const table = /** @type {TableName} */ (message.table)
  if (message.schema !== NAMESPACE || !Object.hasOwn(TABLES, table)) return { kind: 'changes', changes: [] }
  if (message.action === 'T') return { kind: 'changes', changes: [`{"op":"reset","table":"${table}","rows":[]}`] }

  const { columns, key } = TABLES[table]
  const row = rowOf(message.columns ?? [], columns)
  const old = rowOf(message.identity ?? [], columns)
  /** @param {object} change */
  const text = change => JSON.stringify(change)
  if (message.action === 'I') {
    const gone = columns.find(c => !(c in row))
    return gone ? { kind: 'unknown', reason: `a change on ${table}, which had no column ${gone}` } : { kind: 'changes', changes: [text({ op: 'insert', table, row })] }
  }
  if (!key.every(c => c in old)) return { kind: 'unknown', reason: `a change on ${table} without a key` }
  const remove = text({ op: 'delete', table, id: keyOf(table, old) })
  if (message.action === 'D') return { kind: 'changes', changes: [remove] }
  if (message.action !== 'U') return { kind: 'changes', changes: [] }
  if (key.some(c => row[c] !== old[c])) {
    // An unchanged TOAST column is not sent, and a row under a new key cannot do without it.
    const missing = columns.find(c => !(c in row))
    return missing
      ? { kind: 'unknown', reason: `a key change on ${table} without its column ${missing}` }
      : { kind: 'changes', changes: [remove, text({ op: 'insert', table, row })] }
  }
  const set = Object.fromEntries(columns.filter(c => !key.includes(c) && c in row).map(c => [c, row[c]]))
  return { kind: 'changes', changes: [text({ op: 'update', table, id: keyOf(table, row), set })] }
}
