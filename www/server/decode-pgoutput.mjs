/**
 * PostgreSQL's own output plugin (`pgoutput`) to changes in wire form.
 *
 * The library parses the messages; here they become text: a tuple's values stay as PostgreSQL wrote them, so that 64-bit
 * integers and microseconds survive, and JSON text is built from them by the column's type.
 */
import { PgoutputPlugin } from 'pg-logical-replication'
import { NAMESPACE, TABLES, keyOf } from './model.mjs'

/** @typedef {import('./model.mjs').TableName} TableName */
/** @typedef {import('pg-logical-replication').Pgoutput.Message} Message */
/** @typedef {import('./replication.mjs').Decoded} Decoded */

const OID = { bool: 16, int8: 20, int2: 21, int4: 23, float4: 700, float8: 701, numeric: 1700, timestamptz: 1184, json: 114, jsonb: 3802 }

/** A number or JSON text that goes to the wire as it is. */
class Raw {
  /** @param {string} text */
  constructor(text) {
    this.text = text
  }
}

/** @param {string} text PostgreSQL's ISO style, in UTC */
export const isoOf = text => text.replace(' ', 'T').replace(/\+00$/, 'Z')

/** @param {string} text */
const numberOf = text => (/^-?\d/.test(text) ? new Raw(text) : text)

/** @param {number} typeOid @returns {(text: string) => unknown} */
function readerOf(typeOid) {
  switch (typeOid) {
    case OID.bool: return text => text === 't'
    case OID.int2: case OID.int4: case OID.int8: case OID.float4: case OID.float8: case OID.numeric: return numberOf
    case OID.json: case OID.jsonb: return text => new Raw(text)
    case OID.timestamptz: return isoOf
    default: return text => text
  }
}

/** @param {unknown} value */
const jsonOf = value => (value instanceof Raw ? value.text : JSON.stringify(value))

/** @param {Iterable<[string, unknown]>} fields */
const objectOf = fields => `{${[...fields].map(([name, value]) => `"${name}":${jsonOf(value)}`).join(',')}}`

/** @param {TableName} table @param {Record<string, unknown>} row */
function keyText(table, row) {
  const key = keyOf(table, row)
  return Array.isArray(key) ? `[${key.map(jsonOf).join(',')}]` : jsonOf(key)
}

/** @param {unknown} a @param {unknown} b */
const isEqual = (a, b) => (a instanceof Raw && b instanceof Raw ? a.text === b.text : a === b)

/** The plugin, with values read as above. @param {string} publication */
export function createPgoutput(publication) {
  const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: [publication] })
  const parse = plugin.parse.bind(plugin)
  plugin.parse = buffer => {
    const message = parse(buffer)
    if (message.tag === 'relation') for (const column of message.columns) column.parser = readerOf(column.typeOid)
    return message
  }
  return plugin
}

/**
 * @param {Message} message
 * @returns {Decoded}
 */
export function decodePgoutput(message) {
  switch (message.tag) {
    case 'begin': return { kind: 'begin' }
    // The LSN of the commit record itself, not of its end: wal2json tells the same one.
    case 'commit': return { kind: 'commit', lsn: message.commitLsn ?? '0/0' }
    case 'truncate': return { kind: 'changes', changes: message.relations.filter(isOurs).map(r => `{"op":"reset","table":"${r.name}","rows":[]}`) }
    case 'insert': case 'update': case 'delete':
      return isOurs(message.relation) ? decodeRow(/** @type {TableName} */ (message.relation.name), message) : { kind: 'changes', changes: [] }
    default: return { kind: 'changes', changes: [] }
  }
}

/** @param {{ schema: string, name: string }} relation */
const isOurs = relation => relation.schema === NAMESPACE && Object.hasOwn(TABLES, relation.name)

/**
 * @param {TableName} table
 * @param {Extract<Message, { tag: 'insert' | 'update' | 'delete' }>} message
 * @returns {Decoded}
 */
function decodeRow(table, message) {
  const { columns, key } = TABLES[table]
  const remove = (/** @type {Record<string, unknown>} */ row) => `{"op":"delete","table":"${table}","id":${keyText(table, row)}}`
  const insert = (/** @type {Record<string, unknown>} */ row) => `{"op":"insert","table":"${table}","row":${objectOf(columns.map(c => [c, row[c]]))}}`
  const gone = columns.find(c => !message.relation.columns.some(r => r.name === c))
  if (gone) return { kind: 'unknown', reason: `a change on ${table}, which had no column ${gone}` }
  if (message.tag === 'insert') return { kind: 'changes', changes: [insert(message.new)] }
  // REPLICA IDENTITY FULL sends the whole old row, the default one only the key, and for updates only a changed key.
  const old = message.old ?? message.key
  // REPLICA IDENTITY USING INDEX tells other columns than the key, and tells them only when these change.
  if (!key.every(c => (old ? old[c] !== undefined : message.relation.keyColumns.includes(c)))) return { kind: 'unknown', reason: `a change on ${table} without its key` }
  if (message.tag === 'delete') return { kind: 'changes', changes: [remove(/** @type {Record<string, unknown>} */ (old))] }
  if (old && key.some(c => !isEqual(old[c], message.new[c]))) {
    // An unchanged TOAST column is not sent, and a row under a new key cannot do without it.
    const missing = columns.find(c => message.new[c] === undefined)
    return missing
      ? { kind: 'unknown', reason: `a key change on ${table} without its column ${missing}` }
      : { kind: 'changes', changes: [remove(old), insert(message.new)] }
  }
  const set = columns.filter(c => !key.includes(c) && message.new[c] !== undefined && !(message.old && isEqual(message.old[c], message.new[c])))
  if (set.length === 0) return { kind: 'changes', changes: [] }
  return { kind: 'changes', changes: [`{"op":"update","table":"${table}","id":${keyText(table, message.new)},"set":${objectOf(set.map(c => [c, message.new[c]]))}}`] }
}
