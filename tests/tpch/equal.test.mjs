// The queries of TPC-H at scale 0.01, live, beside PostgreSQL: after the load and after each pair of refresh streams.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createDatabase } from '../../pkg/index.inline.js'
import { openPostgres } from '../differential/postgres.mjs'
import { difference, parsers } from './compare.mjs'
import { dataAt, fileOf, jsonLines, tables } from './data.mjs'
import * as first from './queries/q01-q11.mjs'
import * as second from './queries/q12-q22.mjs'
import { schema } from './schema.mjs'
import { sqlOf, tablesSql } from './sql.mjs'

const queries = { ...first, ...second }
const names = Object.keys(queries).sort((a, b) => a.slice(1) - b.slice(1))
const streams = 4

// Orders that a narrow query shows something of: each stream deletes one of each besides, else the query would stay as it is.
const narrow = (sql) => [
  `select l_orderkey from (${sql.q3}) r`,
  "select o_orderkey from orders join lineitem on l_orderkey = o_orderkey join customer on c_custkey = o_custkey join supplier on s_suppkey = l_suppkey join nation on n_nationkey = s_nationkey where c_nationkey = s_nationkey and n_regionkey = 2 and o_orderdate between '1994-01-01' and '1994-12-31'",
  "select l_orderkey from lineitem join supplier on s_suppkey = l_suppkey join orders on o_orderkey = l_orderkey join customer on c_custkey = o_custkey where s_nationkey = 6 and c_nationkey = 7 and l_shipdate between '1995-01-01' and '1996-12-31'",
  `select l_orderkey from lineitem join orders on o_orderkey = l_orderkey where l_returnflag = 'R' and o_orderdate between '1993-10-01' and '1993-12-31' and o_custkey in (select c_custkey from (${sql.q10}) r)`,
  `select l_orderkey from lineitem where l_suppkey in (select s_suppkey from (${sql.q15}) r) and l_shipdate between '1996-01-01' and '1996-03-31'`,
  'select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > 300',
  "select l_orderkey from lineitem join part on p_partkey = l_partkey where p_brand = 'Brand#23' and p_container like 'MED%' and l_quantity between 10 and 20 and p_size <= 10 and l_shipmode in ('AIR', 'AIR REG') and l_shipinstruct = 'DELIVER IN PERSON'",
  "select l_orderkey from lineitem l join orders on o_orderkey = l_orderkey join supplier on s_suppkey = l_suppkey where s_nationkey = 20 and o_orderstatus = 'F' and l_receiptdate > l_commitdate and not exists (select from lineitem o where o.l_orderkey = l.l_orderkey and o.l_suppkey <> l.l_suppkey and o.l_receiptdate > o.l_commitdate)",
]

// What no stream changes changes at the end, a few hundred rows of each table: `[table, rows, set]`.
const updates = [
  ['customer', 'c_custkey % 11 = 3', { c_acctbal: '9500.25', c_mktsegment: 'BUILDING' }], ['customer', 'c_custkey % 13 = 2', { c_nationkey: 7, c_phone: '13-000' }],
  ['supplier', 's_suppkey % 9 = 4', { s_nationkey: 3 }], ['supplier', 's_suppkey % 17 = 5', { s_comment: 'Customer and Complaints' }],
  ['part', 'p_partkey % 19 = 1', { p_brand: 'Brand#23', p_container: 'MED BOX', p_size: 9 }], ['part', 'p_partkey % 23 = 1', { p_type: 'ECONOMY ANODIZED STEEL', p_name: 'forest green' }],
  ['part', 'p_partkey % 29 = 1', { p_type: 'PROMO BRASS', p_size: 15 }], ['partsupp', 'ps_partkey % 7 = 1', { ps_supplycost: '0.99', ps_availqty: 7 }],
  ['orders', 'o_orderkey % 101 = 1', { o_comment: 'special requests', o_orderpriority: '2-HIGH', o_orderstatus: 'F' }],
  ['lineitem', 'l_orderkey % 103 = 1 and l_linenumber = 1', { l_quantity: '1.00', l_extendedprice: '123.45', l_discount: '0.05', l_receiptdate: '1994-05-05', l_commitdate: '1994-05-04' }],
  ['lineitem', 'l_orderkey % 109 = 1', { l_quantity: '100.00' }],
  ['lineitem', 'l_orderkey % 107 = 1 and l_linenumber = 2', { l_suppkey: 39, l_shipdate: '1996-02-02' }], ['supplier', 's_suppkey in (39, 40)', { s_nationkey: 20 }],
]

const asText = { rowMode: 'array' }
let pg
let db
let folder
let sql
const lives = {}
const changed = new Set()
const register = (name) => {
  lives[name] = db.live({ toJSON: () => queries[name] })
  lives[name].subscribe(() => changed.add(name))
}

before(async () => {
  folder = await dataAt(0.01, streams)
  sql = sqlOf(folder)
  pg = await openPostgres()
  db = await createDatabase({ schema: { json: schema }, graceMs: 0 })
  await pg.exec(tablesSql())
  // Half of the queries see the rows come, the others find them there.
  names.filter((_, i) => i % 2 === 0).forEach(register)
  for (const table of tables) await load(table)
  await pg.exec('analyze')
  names.filter((_, i) => i % 2 === 1).forEach(register)
  changed.clear()
})
after(async () => {
  db.close()
  await pg.close()
})

const copy = (table, file) => pg.query(`copy ${table} from '/dev/blob' with (delimiter '|')`, [], { blob: new Blob([file]) })

async function load(table) {
  const file = fileOf(folder, table)
  await copy(table, file)
  db.applyJson(jsonLines(table, file), { table, op: 'insert' })
}

test('the data has the sizes of its scale', () => {
  const rows = Object.fromEntries(db.stats().tables.map((t) => [t.name, t.rows]))
  assert.deepEqual(rows, { region: 5, nation: 25, supplier: 100, customer: 1500, part: 2000, partsupp: 8000, orders: 15_000, lineitem: 60_175 })
})

test('after the load', async (t) => {
  for (const name of names) await t.test(name, () => isEqual(name))
})

for (let stream = 1; stream <= streams; stream++) {
  test(`after refresh streams ${stream}: new orders`, async (t) => {
    const changes = []
    for (const table of ['orders', 'lineitem']) {
      const file = fileOf(folder, table, stream)
      await copy(table, file)
      changes.push(`{"op":"insert","table":"${table}","rows":[${jsonLines(table, file).trimEnd().split('\n').join(',')}]}`)
    }
    db.applyJson(`[${changes.join(',')}]`)
    for (const name of names) await t.test(name, () => isEqual(name))
  })
  test(`after refresh streams ${stream}: deleted orders`, async (t) => {
    await remove(stream)
    for (const name of names) await t.test(name, () => isEqual(name))
  })
}

test('each query that reads orders has followed the streams', () => {
  const still = names.filter((name) => !changed.has(name))
  assert.deepEqual(still.filter((name) => !['q2', 'q8', 'q11', 'q16', 'q17', 'q19', 'q20', 'q22'].includes(name)), [])
  changed.clear()
})

test('after updates of all tables', async (t) => {
  for (const [table, where, set] of updates) {
    const { key } = schema.tables.find((x) => x.name === table)
    const assigned = Object.entries(set).map(([name, value]) => `${name} = '${value}'`)
    const { rows } = await pg.query(`update ${table} set ${assigned} where ${where} returning ${key}`, [], asText)
    db.applyJson(JSON.stringify(rows.map((id) => ({ op: 'update', table, id: id.length === 1 ? Number(id[0]) : id.map(Number), set }))))
  }
  for (const name of names) await t.test(name, () => isEqual(name))
  assert.deepEqual(names.filter((name) => !changed.has(name)), [], 'all have changed')
  assert.deepEqual(names.filter((name) => lives[name].rows.length === 0), [], 'none is empty')
})

/** Deletes as many orders as a stream brings, spread over the table, and what narrow queries look at. */
async function remove(stream) {
  const { rows } = await pg.query('select o_orderkey from (select o_orderkey, row_number() over (order by o_orderkey) as n from orders) o where n % 1000 = $1', [stream * 37], asText)
  const keys = rows.flat()
  for (const query of narrow(sql)) keys.push(...(await pg.query(`select min(k) from (${query}) q(k) having count(distinct k) > 1`, [], asText)).rows.flat())
  const list = [...new Set(keys.map(Number))]
  const lines = await pg.query(`delete from lineitem where l_orderkey in (${list}) returning l_orderkey, l_linenumber`, [], asText)
  await pg.query(`delete from orders where o_orderkey in (${list})`)
  db.apply([
    ...lines.rows.map((id) => ({ op: 'delete', table: 'lineitem', id: id.map(Number) })),
    ...list.map((id) => ({ op: 'delete', table: 'orders', id })),
  ])
}

async function isEqual(name) {
  const live = lives[name]
  assert.deepEqual([live.status, live.error], ['ready', undefined])
  assert.equal(difference(name, [...live.rows], await pg.query(sql[name], [], { parsers })), undefined)
}
