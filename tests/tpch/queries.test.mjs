// The queries of TPC-H are taken by the engine and answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDatabase } from '../../pkg/index.inline.js'
import * as first from './queries/q01-q11.mjs'
import * as second from './queries/q12-q22.mjs'
import { schema } from './schema.mjs'

const queries = { ...first, ...second }

const open = () => createDatabase({ schema: { json: schema }, graceMs: 0 })

test('there are 22 queries', () => {
  assert.deepEqual(Object.keys(queries).sort(), Array.from({ length: 22 }, (_, i) => `q${i + 1}`).sort())
})

test('each is taken', async () => {
  const db = await open()
  for (const [name, json] of Object.entries(queries)) {
    const live = db.live({ toJSON: () => json })
    assert.deepEqual([live.status, live.error], ['ready', undefined], name)
  }
  db.close()
})

const moment = (text) => new Date(`${text}T00:00:00Z`)
const line = (order, number, more) => ({
  l_orderkey: order, l_partkey: 1, l_suppkey: 1, l_linenumber: number, l_quantity: 10, l_extendedprice: 100, l_discount: 0, l_tax: 0, l_returnflag: 'N', l_linestatus: 'F',
  l_shipdate: moment('1994-02-01'), l_commitdate: moment('1994-02-02'), l_receiptdate: moment('1994-02-03'), l_shipinstruct: '', l_shipmode: 'AIR', l_comment: '', ...more,
})
const order = (key, more) => ({
  o_orderkey: key, o_custkey: 1, o_orderstatus: 'F', o_totalprice: 100, o_orderdate: moment('1993-08-01'), o_orderpriority: '1-URGENT', o_clerk: '', o_shippriority: 0, o_comment: '', ...more,
})
const supplier = (key, nation, comment = '') => ({ s_suppkey: key, s_name: `s${key}`, s_address: '', s_nationkey: nation, s_phone: '', s_acctbal: key, s_comment: comment })
const put = (db, table, ...rows) => db.apply(rows.map((row) => ({ op: 'upsert', table, row })))

async function small() {
  const db = await open()
  put(db, 'region', { r_regionkey: 1, r_name: 'EUROPE', r_comment: '' })
  put(db, 'nation', ...['SAUDI ARABIA', 'CANADA', 'GERMANY'].map((n_name, i) => ({ n_nationkey: i, n_name, n_regionkey: 1, n_comment: '' })))
  put(db, 'supplier', supplier(1, 0), supplier(2, 1), supplier(3, 2, 'Customer has Complaints'))
  put(db, 'part', { p_partkey: 1, p_name: 'forest green', p_mfgr: '', p_brand: 'Brand#23', p_type: 'LARGE BRASS', p_size: 15, p_container: 'MED BOX', p_retailprice: 1, p_comment: '' })
  put(db, 'partsupp', ...[1, 2, 3].map((s) => ({ ps_partkey: 1, ps_suppkey: s, ps_availqty: 4, ps_supplycost: s, ps_comment: '' })))
  put(db, 'customer', { c_custkey: 1, c_name: 'c', c_address: '', c_nationkey: 0, c_phone: '13-1', c_acctbal: 1, c_mktsegment: '', c_comment: '' })
  put(db, 'orders', order(1), order(2))
  put(db, 'lineitem', line(1, 1), line(1, 2, { l_suppkey: 2, l_commitdate: moment('1994-02-04') }), line(2, 1))
  const live = (name) => db.live({ toJSON: () => queries[name] })
  return { db, live }
}

test('a supplier is counted while it alone keeps others waiting (21)', async () => {
  const { db, live } = await small()
  const waits = live('q21')
  assert.deepEqual([...waits.rows], [{ s_name: 's1', numwait: 1 }])
  put(db, 'lineitem', line(1, 2, { l_suppkey: 2 }))
  assert.deepEqual([...waits.rows], [], 'the other is late as well')
  put(db, 'lineitem', line(1, 2, { l_suppkey: 2, l_commitdate: moment('1994-02-04') }), line(2, 2, { l_suppkey: 3, l_commitdate: moment('1994-02-05') }))
  assert.deepEqual([...waits.rows], [{ s_name: 's1', numwait: 2 }])
  db.close()
})

test('half of what was shipped moves the bar (20), the least cost moves the supplier (2)', async () => {
  const { db, live } = await small()
  const [stocked, cheapest] = [live('q20'), live('q2')]
  assert.deepEqual([...stocked.rows], [], 'half of ten lines is more than the four that are there')
  put(db, 'lineitem', line(1, 2, { l_suppkey: 2, l_quantity: 7 }))
  assert.deepEqual(stocked.rows.map((r) => r.s_name), ['s2'])
  db.apply([{ op: 'delete', table: 'lineitem', id: [1, 2] }])
  assert.deepEqual([...stocked.rows], [], 'of nothing there is no sum')
  assert.deepEqual(cheapest.rows.map((r) => r.s_name), ['s1'])
  db.apply([{ op: 'delete', table: 'partsupp', id: [1, 1] }])
  assert.deepEqual(cheapest.rows.map((r) => r.s_name), ['s2'])
  db.close()
})

test('sets of suppliers, orders and means follow their rows (4, 16, 17, 18)', async () => {
  const { db, live } = await small()
  const [late, suppliers, few, large] = ['q4', 'q16', 'q17', 'q18'].map(live)
  assert.deepEqual([...late.rows], [{ o_orderpriority: '1-URGENT', order_count: 2 }])
  put(db, 'lineitem', line(2, 1, { l_commitdate: moment('1994-03-01') }))
  assert.deepEqual([...late.rows], [{ o_orderpriority: '1-URGENT', order_count: 1 }])
  assert.deepEqual([...suppliers.rows], [], 'of no such size')
  db.apply([{ op: 'update', table: 'part', id: 1, set: { p_size: 49 } }])
  assert.deepEqual([...suppliers.rows], [{ p_brand: 'Brand#23', p_type: 'LARGE BRASS', p_size: 49, supplier_cnt: 2 }])
  db.apply([{ op: 'update', table: 'supplier', id: 3, set: { s_comment: '' } }])
  assert.equal(suppliers.rows[0].supplier_cnt, 3)
  assert.deepEqual([...few.rows], [{ avg_yearly: null }])
  put(db, 'lineitem', line(1, 1, { l_quantity: 1, l_extendedprice: 70 }))
  assert.deepEqual([...few.rows], [{ avg_yearly: '10.0000000000000000' }])
  assert.deepEqual([...large.rows], [])
  put(db, 'lineitem', line(2, 3, { l_quantity: 295 }))
  assert.deepEqual(large.rows.map((r) => [r.o_orderkey, r.quantity]), [[2, '305']])
  db.close()
})
