// What `www/docs/departures.md` says, on both sides: a departure that is gone has to leave the list.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createDatabase } from '../../pkg/index.inline.js'
import { openPostgres } from './postgres.mjs'

const columns = { k: 'int', x: 'float', y: 'float', i: 'bigint', b: 'bool', s: 'text', j: 'json', w: 'timestamp' }
const schema = { json: { tables: [{ name: 't', tenant: false, key: ['k'], columns: Object.entries(columns).map(([name, type]) => ({ name, type, nullable: name !== 'k' })), relations: [] }] } }
const col = (name) => ({ op: 'col', name })
const lit = (value) => ({ op: 'lit', value })
const call = (op, ...args) => ({ op, args })
const agg = (name, arg) => ({ op: 'agg', name, args: [col(arg)] })

describe('the departures from PostgreSQL', () => {
  let pg
  let db
  before(async () => { pg = await openPostgres() })
  after(() => pg.close())

  /** PostgreSQL's value of an expression as text, or the code of its error. */
  const theirs = async (sql) => {
    try {
      return (await pg.query(`select (${sql})::text as v`)).rows[0].v
    } catch (error) {
      return error.code
    }
  }
  /** The engine's value of an expression over some rows (the first one), or the code of its error. */
  const ours = async (expr, ...rows) => {
    db = await createDatabase({ schema })
    try {
      db.apply(rows.map((row, k) => ({ op: 'insert', table: 't', row: { k, ...row } })))
      const live = db.live({ toJSON: () => ({ from: 't', select: [{ name: 'v', expr }] }) })
      return live.error?.code ?? live.rows[0].v
    } catch (error) {
      return error.code
    } finally {
      db.close()
    }
  }
  const cases = [
    ['−0 is 0', "'-0'::float8", '-0', col('x'), 0, { x: -0 }],
    ['the average of integers is a double', 'select avg(i) from (values (1::int8), (2)) v(i)', '1.5000000000000000', agg('avg', 'i'), 1.5, { i: 1n }, { i: 2n }],
    ['a sum of integers stays within 64 bits', 'select sum(i) from (values (9223372036854775807), (1)) v(i)', '9223372036854775808', agg('sum', 'i'), 'NUMERIC_OVERFLOW', { i: 2n ** 63n - 1n }, { i: 1n }],
    ['a sum of floats is exact', "select sum(x) from (values (1e300::float8), (1), (-1e300)) v(x)", '0', agg('sum', 'x'), 1, { x: 1e300 }, { x: 1 }, { x: -1e300 }],
    ['a partial sum may be beyond the range', "select sum(x) from (values (1.7e308::float8), (1.7e308), (-1.7e308)) v(x)", '22003', agg('sum', 'x'), 1.7e308, { x: 1.7e308 }, { x: 1.7e308 }, { x: -1.7e308 }],
    ['an average knows no sum of squares', "select avg(x) from (values (1e200::float8), (-1e200)) v(x)", '22003', agg('avg', 'x'), 0, { x: 1e200 }, { x: -1e200 }],
    ['booleans have a least one', 'select min(b) from (values (true), (false)) v(b)', '42883', agg('min', 'b'), false, { b: true }, { b: false }],
    ['case is mapped beyond ASCII', `upper('é' collate "C")`, 'é', call('upper', col('s')), 'É', { s: 'é' }],
    ['a lone backslash stands for itself', String.raw`'a\' like 'a\'`, '22025', call('like', col('s'), lit('a\\')), true, { s: 'a\\' }],
    ["1 is not '1'", "1 = '1'", 'true', call('=', col('k'), lit('1')), 'TYPE_MISMATCH', {}],
    ['nothing is in an empty list', 'null::int in ()', '42601', call('in', col('i')), false, { i: null }],
    ['json has no order', `'1'::jsonb < '2'::jsonb`, 'true', call('<', col('j'), col('j')), 'TYPE_MISMATCH', { j: 1 }],
    ['there is no infinite timestamp', "'infinity'::timestamptz", 'infinity', col('w'), 'TYPE_MISMATCH', { w: 'infinity' }],
    ['texts can hold U+0000', String.raw`E'a\u0000'`, '42601', col('s'), 'a\0', { s: 'a\0' }],
  ]
  for (const [name, sql, expected, expr, value, ...rows] of cases) {
    it(name, async () => {
      assert.equal(await theirs(sql.startsWith('select') ? `(${sql})` : sql), expected)
      assert.deepEqual(await ours(expr, ...rows), value)
    })
  }

  it('a row behind the limit can fail', async () => {
    db = await createDatabase({ schema })
    db.apply([{ op: 'insert', table: 't', row: { k: 1, i: 1n } }, { op: 'insert', table: 't', row: { k: 2, i: 0n } }])
    const live = db.live({ toJSON: () => ({ from: 't', select: [{ name: 'v', expr: call('/', lit(1), col('i')) }], limit: 1 }) })
    assert.equal(live.error?.code, 'DIVISION_BY_ZERO')
    db.close()
    assert.equal(await theirs('(select 1 / i from (values (1::int8), (0)) v(i) limit 1)'), '1')
  })
})
