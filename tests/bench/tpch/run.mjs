// The 22 queries of TPC-H: what an order with its lines costs while they are live, beside running them again. `--markdown=file` writes
// the table of www/docs/tpch.md. BENCH_SCALE (0.1), BENCH_ROUNDS (5). SQLite is compared with where it is installed:
//
//   npm install --no-package-lock --prefix tests/bench/tpch && npm run build && node --expose-gc tests/bench/tpch/run.mjs
import { writeFileSync } from 'node:fs'
import { createDatabase } from '../../../pkg/index.inline.js'
import { openPostgres } from '../../differential/postgres.mjs'
import { difference, parsers } from '../../tpch/compare.mjs'
import { dataAt, fileOf, jsonLines, rowsOf, tables } from '../../tpch/data.mjs'
import * as first from '../../tpch/queries/q01-q11.mjs'
import * as second from '../../tpch/queries/q12-q22.mjs'
import { schema } from '../../tpch/schema.mjs'
import { sqlOf, tablesSql } from '../../tpch/sql.mjs'
import { median } from '../measure.mjs'
import { inSqlite, openSqlite } from './sqlite.mjs'

const scale = Number(process.env.BENCH_SCALE ?? 0.1)
const rounds = Number(process.env.BENCH_ROUNDS ?? 5)
const markdown = process.argv.find((a) => a.startsWith('--markdown='))?.slice(11)
const queries = { ...first, ...second }
const names = Object.keys(queries).sort((a, b) => a.slice(1) - b.slice(1))
// Of the process: the clock of a thread moves by whole ticks while the thread runs.
const clock = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
const ORDERS = 100

const folder = await dataAt(scale, Math.ceil(ORDERS / (1500 * scale)))
const sql = sqlOf(folder)
const db = await createDatabase({ schema: { json: schema }, graceMs: 0 })
const pg = await openPostgres()
await pg.exec(tablesSql())
for (const table of tables) await load(table)
await pg.exec('analyze')
const sqlite = await openSqlite(folder)
const { changes, undone } = newOrders()

async function load(table) {
  const file = fileOf(folder, table)
  await pg.query(`copy ${table} from '/dev/blob' with (delimiter '|')`, [], { blob: new Blob([file]) })
  const lines = String(file).trimEnd().split('\n')
  for (let at = 0; at < lines.length; at += 50_000) db.applyJson(jsonLines(table, lines.slice(at, at + 50_000).join('\n')), { table, op: 'insert' })
}

/** Batches of an order and its lines each, and those that take them back. */
function newOrders() {
  const orders = new Map()
  for (let stream = 1; stream <= Math.ceil(ORDERS / (1500 * scale)); stream++) {
    for (const [table, key] of [['orders', 'o_orderkey'], ['lineitem', 'l_orderkey']]) {
      for (const row of rowsOf(table, fileOf(folder, table, stream))) {
        orders.set(row[key], [...(orders.get(row[key]) ?? []), { op: 'insert', table, row }])
      }
    }
  }
  const some = [...orders.values()].slice(0, ORDERS)
  const id = ({ table, row }) => (table === 'orders' ? row.o_orderkey : [row.l_orderkey, row.l_linenumber])
  return { changes: some, undone: some.map((batch) => batch.map((c) => ({ op: 'delete', table: c.table, id: id(c) })).reverse()) }
}

/** Milliseconds of processor time per order, inserted; rows that operators looked at. */
function insertOrders() {
  globalThis.gc?.()
  const examined = db.stats().rowsExamined
  const begun = clock()
  for (const batch of changes) db.apply(batch)
  const taken = (clock() - begun) / changes.length
  const work = (db.stats().rowsExamined - examined) / changes.length
  for (const batch of undone) db.apply(batch)
  return { taken, work }
}

async function again(run) {
  const begun = clock()
  await run()
  return clock() - begun
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 20))
const listen = (name) => {
  const live = db.live({ toJSON: () => queries[name] })
  live.subscribe(() => {})
  return live
}

const lines = []
for (const name of names) {
  const live = listen(name)
  const theirs = await pg.query(sql[name], [], { parsers })
  const differs = difference(name, [...live.rows], theirs)
  const found = sqlite?.rows(inSqlite(sql[name])).length
  if (sqlite && found !== theirs.rows.length) throw new Error(`${name}: SQLite has ${found} rows, PostgreSQL ${theirs.rows.length}`)
  insertOrders()
  const samples = { ours: [], work: [], postgres: [], sqlite: [] }
  for (let round = 0; round < rounds; round++) {
    const { taken, work } = insertOrders()
    samples.ours.push(taken)
    samples.work.push(work)
    samples.postgres.push(await again(() => pg.query(sql[name], [], { parsers })))
    if (sqlite) samples.sqlite.push(await again(() => sqlite.rows(inSqlite(sql[name]))))
  }
  live.dispose()
  await settle()
  const line = { name, differs, rows: theirs.rows.length, ...Object.fromEntries(Object.entries(samples).map(([side, list]) => [side, list.length > 0 ? median(list) : undefined])) }
  lines.push(line)
  console.log(name.padEnd(4), differs ?? 'equal', `${line.rows} rows, ${(line.ours * 1000).toFixed(1)} µs, ${line.work.toFixed(1)} rows looked at; PostgreSQL ${line.postgres.toFixed(1)} ms, SQLite ${line.sqlite?.toFixed(1)} ms`)
}

const all = names.map(listen)
insertOrders()
const together = Array.from({ length: rounds }, insertOrders)
const total = { ours: median(together.map((t) => t.taken)), work: median(together.map((t) => t.work)), memory: db.stats().wasmBytes }
all.forEach((live) => live.dispose())
for (const side of ['postgres', 'sqlite']) total[side] = lines.reduce((sum, line) => sum + (line[side] ?? NaN), 0)
console.log(`all at once: ${(total.ours * 1000).toFixed(0)} µs, ${total.work.toFixed(0)} rows looked at, ${(total.memory / 2 ** 20).toFixed(0)} MiB; again: PostgreSQL ${total.postgres.toFixed(0)} ms, SQLite ${total.sqlite.toFixed(0)} ms`)
if (markdown) writeFileSync(markdown, table())
db.close()
await pg.close()
sqlite?.close()

function table() {
  const times = (theirs, ours) => (Number.isFinite(theirs) ? `${Math.round(theirs / ours).toLocaleString('en')}×` : '–')
  const ms = (x) => (Number.isFinite(x) ? x.toFixed(x < 10 ? 1 : 0) : '–')
  const row = ({ name, differs, rows, ours, work, postgres, sqlite: lite }) =>
    `| ${name.slice(1)} | ${differs === undefined ? 'yes' : 'no'} | ${rows} | ${(ours * 1000).toFixed(0)} | ${work.toFixed(0)} | ${ms(postgres)} | ${times(postgres, ours)} | ${ms(lite)} | ${times(lite, ours)} |`
  return [
    '| query | equal | rows | live, µs | rows examined | PostgreSQL, ms | ratio | SQLite, ms | ratio |', '|---|---|---|---|---|---|---|---|---|', ...lines.map(row),
    `| all at once | | | ${(total.ours * 1000).toFixed(0)} | ${total.work.toFixed(0)} | ${ms(total.postgres)} | ${times(total.postgres, total.ours)} | ${ms(total.sqlite)} | ${times(total.sqlite, total.ours)} |`, '',
  ].join('\n')
}
