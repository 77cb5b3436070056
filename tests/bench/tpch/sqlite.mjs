// SQLite, compiled to WebAssembly, with the tables and queries of TPC-H.
import { fileOf, tables } from '../../tpch/data.mjs'
import { schema } from '../../tpch/schema.mjs'

const types = { int: 'integer', text: 'text', float: 'real', decimal: 'real', timestamp: 'text', date: 'text' }

/** A database in memory with the data of a folder, or `undefined` where the package is not installed. */
export async function openSqlite(folder) {
  let init
  try {
    ({ default: init } = await import('@sqlite.org/sqlite-wasm'))
  } catch {
    return undefined
  }
  const sqlite = await init({ print() {}, printErr() {} })
  const db = new sqlite.oo1.DB(':memory:')
  for (const { name, key, columns } of schema.tables) {
    db.exec(`create table ${name} (${columns.map((c) => `${c.name} ${types[c.type]} not null`).join(', ')}, primary key (${key.join(', ')})) without rowid`)
  }
  for (const table of tables) insert(db, table, fileOf(folder, table))
  db.exec('create index parts on lineitem (l_partkey, l_suppkey); create index customers on orders (o_custkey); analyze')
  return { version: sqlite.version.libVersion, rows: (sql) => db.selectObjects(sql), close: () => db.close() }
}

function insert(db, table, file) {
  const { columns } = schema.tables.find((t) => t.name === table)
  const isText = columns.map((c) => types[c.type] === 'text')
  const statement = db.prepare(`insert into ${table} values (${columns.map(() => '?').join(', ')})`)
  db.exec('begin')
  for (const line of String(file).trimEnd().split('\n')) {
    statement.bind(line.split('|').map((field, i) => (isText[i] ? field : Number(field)))).stepReset()
  }
  db.exec('commit')
  statement.finalize()
}

/** A query of PostgreSQL in SQLite's words. */
export const inSqlite = (sql) => sql
  .replaceAll(/date '([\d-]+)'(?:\s*([+-]) interval '(\d+)' (day|month|year))?/g, (_, day, sign, count, unit) => `'${moved(day, sign === '-' ? -count : Number(count ?? 0), unit)}'`)
  .replaceAll(/extract\(year from (\w+)\)/g, "cast(strftime('%Y', $1) as integer)")
  .replaceAll(/substring\((\w+) from (\d) for (\d)\)/g, 'substr($1, $2, $3)')
  // Of a query in the place of a table the columns cannot be named behind it.
  .replace('count(o_orderkey)', 'count(o_orderkey) as c_count').replace('as c_orders (c_custkey, c_count)', 'as c_orders')

function moved(day, count, unit) {
  const [y, m, d] = day.split('-').map(Number)
  const months = unit === 'year' ? 12 * count : unit === 'month' ? count : 0
  return new Date(Date.UTC(y, m - 1 + months, d + (unit === 'day' ? count : 0))).toISOString().slice(0, 10)
}
