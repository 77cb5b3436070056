// What `www/docs/departures.md` says, on both sides: a departure that is gone has to leave the list.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createDatabase } from '../../pkg/index.inline.js'
import { openPostgres } from './postgres.mjs'

const columns = { u: 'uuid', d: 'decimal', k: 'int', x: 'float', y: 'float', i: 'bigint', b: 'bool', s: 'text', j: 'json', w: 'timestamp' }
const schema = { json: { tables: [{ name: 't', tenant: false, key: ['k'], columns: Object.entries(columns).map(([name, type]) => ({ name, type, nullable: name !== 'k' })), relations: [] }] } }
const col = (name) => ({ op: 'col', name })
const lit = (value) => ({ op: 'lit', value })
const call = (op, ...args) => ({ op, args })
const agg = (name, arg, more) => ({ op: 'agg', name, args: [col(arg)], ...more })

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
    ['decimals have an end', "length((10::numeric ^ 2000)::text)", '2001', call('*', { op: 'lit', name: 'decimal', value: '1e900' }, { op: 'lit', name: 'decimal', value: '1e900' }), 'NUMERIC_OVERFLOW', {}],
    ['a decimal is a number', "'NaN'::numeric", 'NaN', { ...call('cast', col('s')), name: 'decimal' }, 'INVALID_TEXT', { s: 'NaN' }],
    ['equal decimals are shown with the fewest digits', "select max(d) from (values (1.5), (1.50)) v(d) group by d", '1.50', agg('min', 'd'), '1.5', { d: '1.50' }, { d: '1.5' }],
    ['roots are of doubles', 'sqrt(2.25)', '1.500000000000000', call('sqrt', col('d')), 'TYPE_MISMATCH', { d: '2.25' }],
    ['a partial sum may be beyond the range', "select sum(x) from (values (1.7e308::float8), (1.7e308), (-1.7e308)) v(x)", '22003', agg('sum', 'x'), 1.7e308, { x: 1.7e308 }, { x: 1.7e308 }, { x: -1.7e308 }],
    ['an average knows no sum of squares', "select avg(x) from (values (1e200::float8), (-1e200)) v(x)", '22003', agg('avg', 'x'), 0, { x: 1e200 }, { x: -1e200 }],
    ['a deviation of large integers has a fraction', 'select stddev_pop(i) from (values (1::int8), (3037000500)) v(i)', '1518500249', agg('stddevPop', 'i'), 1518500249.5, { i: 1n }, { i: 3037000500n }],
    ['a partial sum of a variance may be beyond the range', 'select var_pop(x) from (values (1.7e308::float8), (1.7e308)) v(x)', '22003', agg('varPop', 'x'), 0, { x: 1.7e308 }, { x: 1.7e308 }],
    ['a variance is exact', 'select var_samp(x) from (values (1e15::float8), (0.1), (-1e15), (0.3)) v(x)', '6.666666666666666e+29', agg('varSamp', 'x'), 6.666666666666667e29, { x: 1e15 }, { x: 0.1 }, { x: -1e15 }, { x: 0.3 }],
    ['an array of decimals is one of JSON', 'select array_agg(d) from (values (1.50)) v(d)', '{1.50}', agg('arrayAgg', 'd'), [1.5], { d: '1.50' }],
    ['there is a first one', 'select first(i) from (values (1::int8)) v(i)', '42883', agg('first', 'i', { orderBy: [{ expr: col('i'), desc: true }] }), 2n, { i: 1n }, { i: 2n }],
    ['a distinct text has one separator', "select string_agg(distinct s, s) from (values ('a')) v(s)", 'a', { op: 'agg', name: 'stringAgg', args: [col('s'), col('s')], distinct: true }, 'QUERY_INVALID', { s: 'a' }],
    ['a fraction is known before the rows', 'select percentile_cont(x) within group (order by y) from (values (1.5::float8, 1::float8)) v(x, y) group by x', '22003', { op: 'agg', name: 'percentileCont', args: [col('y'), lit(1.5)] }, 'QUERY_INVALID', {}],
    ['uuids have a least one', 'select min(u) from (select gen_random_uuid()) v(u)', '42883', agg('min', 'u'), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', { u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' }],
    ['dates have one form', "'Feb 29 2024'::date", '2024-02-29', { ...call('cast', col('s')), name: 'date' }, 'INVALID_TEXT', { s: 'Feb 29 2024' }],
    ['booleans have a least one', 'select min(b) from (values (true), (false)) v(b)', '42883', agg('min', 'b'), false, { b: true }, { b: false }],
    ['case is mapped beyond ASCII', `upper('é' collate "C")`, 'é', call('upper', col('s')), 'É', { s: 'é' }],
    ['a lone backslash stands for itself', String.raw`'a\' like 'a\'`, '22025', call('like', col('s'), lit('a\\')), true, { s: 'a\\' }],
    ["1 is not '1'", "1 = '1'", 'true', call('=', col('k'), lit('1')), 'TYPE_MISMATCH', {}],
    ['nothing is in an empty list', 'null::int in ()', '42601', call('in', col('i')), false, { i: null }],
    ['there is no infinite timestamp', "'infinity'::timestamptz", 'infinity', col('w'), 'TYPE_MISMATCH', { w: 'infinity' }],
    ['patterns have no back references', String.raw`'aa' ~ '(a)\1'`, 'true', call('~', col('s'), lit('(a)\\1')), 'REGEX_INVALID', { s: 'aa' }],
    ['patterns do not look ahead', "'ab' ~ 'a(?=b)'", 'true', call('~', col('s'), lit('a(?=b)')), 'REGEX_INVALID', { s: 'ab' }],
    ['patterns are literals', "'a' ~ s from (values ('a')) v(s)", '42601', call('~', col('s'), col('s')), 'QUERY_INVALID', { s: 'a' }],
    ['letters of patterns are those of Unicode', String.raw`'é' collate "C" ~ '\w'`, 'false', call('~', col('s'), lit('\\w')), true, { s: 'é' }],
    ['floats are rounded to digits', 'round(1.005::float8, 2)', '42883', call('round', col('x'), lit(2)), 1.01, { x: 1.005 }],
    ['integers of 64 bits are cast to booleans', '2::int8::bool', '42846', { ...call('cast', col('i')), name: 'bool' }, true, { i: 2n }],
    ['the quarter of a negative interval is that of PostgreSQL 15', "extract(quarter from interval '-3 mons')", '-2', { ...call('extract', { ...call('cast', col('s')), name: 'interval' }), name: 'quarter' }, 0, { s: '-3 mons' }],
    ['moments are read in ISO 8601 only', "'Jan 2 1970'::timestamptz", '1970-01-02 00:00:00+00', { ...call('cast', col('s')), name: 'timestamp' }, 'INVALID_TEXT', { s: 'Jan 2 1970' }],
    ['floats are read as decimals', "'0x10'::float8", '16', { ...call('cast', col('s')), name: 'float' }, 'INVALID_TEXT', { s: '0x10' }],
    ['there is no now()', 'now() is not null', 'true', call('now'), 'UNKNOWN_FUNCTION', {}],
    ['places are of 64 bits', "left('abc', 3000000000)", '42883', call('left', col('s'), lit(3_000_000_000)), 'abc', { s: 'abc' }],
    ['texts grow to 16 MB', "length(repeat('a', 20000000))", '20000000', call('repeat', col('s'), lit(20_000_000)), 'VALUE_TOO_LARGE', { s: 'a' }],
    ['moments end with the year 294247', 'make_timestamptz(294248, 1, 1, 0, 0, 0)', '294248-01-01 00:00:00+00', call('makeTimestamp', ...[294_248, 1, 1, 0, 0, 0].map(lit)), 'TIMESTAMP_RANGE', {}],
    ['json keeps no zeros at the end', "'[1.50]'::jsonb", '[1.50]', { ...call('cast', { ...call('cast', col('s')), name: 'json' }), name: 'text' }, '[1.5]', { s: '[1.50]' }],
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
