// Decimals to the last digit: values, scales and texts of every operation beside PostgreSQL's `numeric`, over random numbers of
// many sizes; sums, means, variances and deviations of groups while rows come and go.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createDatabase } from '../../pkg/index.inline.js'
import { openPostgres } from './postgres.mjs'
import { randomOf } from './random.mjs'

const names = ['k', 'g', 'a', 'b']
const schema = { json: { tables: [{ name: 't', tenant: false, key: ['k'], columns: names.map((name) => ({ name, type: name < 'c' ? 'decimal' : 'int', nullable: name === 'a' })), relations: [] }] } }
const col = (name) => ({ op: 'col', name })
const lit = (value) => ({ op: 'lit', value })
const call = (op, ...args) => ({ op, args })
const cast = (name, arg) => ({ op: 'cast', name, args: [arg] })
const agg = (name, arg, more) => ({ op: 'agg', name, args: [arg], ...more })
const a = col('a')
const b = col('b')

/** Expressions of a row, ours and theirs. */
const rowwise = [
  [a, 'a'], [call('+', a, b), 'a + b'], [call('-', a, b), 'a - b'], [call('*', a, b), 'a * b'], [call('/', a, b), 'a / b'], [call('%', a, b), 'a % b'],
  [call('neg', a), '-a'], [call('abs', a), 'abs(a)'], [call('sign', a), 'sign(a)'], [call('floor', a), 'floor(a)'], [call('ceil', a), 'ceil(a)'],
  [call('trunc', a), 'trunc(a)'], [call('round', a), 'round(a)'], ...[-3, 0, 2, 7].flatMap((n) => [[call('round', a, lit(n)), `round(a, ${n})`], [call('trunc', a, lit(n)), `trunc(a, ${n})`]]),
  [call('trimScale', a), 'trim_scale(a)'], [cast('text', a), 'a::text'], [call('+', a, col('k')), 'a + k'], [call('/', col('k'), b), 'k / b'],
  [call('*', a, lit(0.1)), 'a * 0.1'], [call('<', a, b), '(a < b)'], [call('=', a, b), '(a = b)'], [cast('decimal', cast('float', b)), 'b::float8::numeric'],
  [call('greatest', a, b, lit(1)), 'greatest(a, b, 1)'],
]
const grouped = ['sum', 'avg', 'variance', 'varPop', 'stddev', 'stddevPop', 'count'].map((name) => [agg(name, a), `${{ varPop: 'var_pop', stddevPop: 'stddev_pop' }[name] ?? name}(a)`])
const running = [[{ op: 'over', name: 'sum', args: [a], over: { partitionBy: [col('g')], orderBy: [{ expr: col('k') }] } }, 'sum(a) over (partition by g order by k)'],
  [{ op: 'over', name: 'avg', args: [a], over: { orderBy: [{ expr: col('k') }], frame: { unit: 'rows', start: { kind: 'preceding', offset: 3 } } } }, 'avg(a) over (order by k rows between 3 preceding and current row)'],
  [{ op: 'over', name: 'count', args: [a], over: { orderBy: [{ expr: b }], frame: { unit: 'range', start: { kind: 'preceding', offset: 2.5 }, end: { kind: 'following', offset: 1 } } } }, 'count(a) over (order by b range between 2.5 preceding and 1 following)']]

const text = (value) => (value === null ? null : String(value))

describe('decimals', () => {
  let pg
  before(async () => {
    pg = await openPostgres()
    await pg.exec('create table t (k int8 primary key, g int8, a numeric, b numeric)')
  })
  after(() => pg.close())

  it('are those of PostgreSQL to the last digit', async () => {
    const r = randomOf(Number(process.env.DIFF_SEED ?? 31))
    const digits = (most) => Array.from({ length: r.between(1, most) }, () => r.below(10)).join('')
    const number = () => `${r.oneIn(3) ? '-' : ''}${digits(r.pick([2, 2, 6, 20, 40]))}${r.oneIn(3) ? '' : `.${digits(r.pick([2, 2, 4, 12, 30]))}`}`
    const some = () => (r.oneIn(3) ? r.pick(['0', '0.00', '1', '1.50', '-2.5', '9.995', '0.0001', '99999999', '100000000', '1e-30', '12e8']) : number())
    const other = () => { const n = some(); return /[1-9]/.test(n.split('e')[0]) ? n : '3' }
    const db = await createDatabase({ schema })
    const fields = (list) => list.map(([expr], i) => ({ name: `v${i}`, expr }))
    const live = db.live({ toJSON: () => ({ from: 't', select: fields([...rowwise, ...running]), orderBy: [{ expr: col('k') }] }) })
    const groups = db.live({ toJSON: () => ({ from: 't', groupBy: [{ expr: col('g') }], select: fields(grouped), orderBy: [{ expr: col('g') }] }) })
    const rows = new Map()
    for (let batch = 0; batch < 12; batch++) {
      const changes = []
      for (let n = r.between(5, 60); n > 0; n--) {
        const k = r.below(150)
        if (rows.has(k) && r.oneIn(3)) { rows.delete(k); changes.push({ op: 'delete', table: 't', id: k }); continue }
        const row = { k, g: r.below(4), a: r.oneIn(8) ? null : some(), b: other() }
        rows.set(k, row)
        changes.push({ op: 'upsert', table: 't', row })
      }
      if (r.oneIn(2)) db.apply(changes)
      else db.applyJson(JSON.stringify(changes))
      await pg.exec(`delete from t; insert into t values ${[...rows.values()].map((x) => `(${x.k}, ${x.g}, ${x.a ?? 'null'}, ${x.b})`).join(', ')}`)
      for (const [mine, list, tail] of [[live, [...rowwise, ...running], 'order by k'], [groups, grouped, 'group by g order by g nulls last']]) {
        const theirs = (await pg.query(`select ${list.map(([, sql], i) => `(${sql})::text as v${i}`).join(', ')} from t ${tail}`)).rows
        assert.equal(mine.status, 'ready', mine.error?.message)
        const found = [...mine.rows]
        assert.equal(found.length, theirs.length)
        theirs.forEach((row, n) => list.forEach(([, sql], i) => assert.equal(text(found[n][`v${i}`]), row[`v${i}`], `${sql} of row ${n}`)))
      }
    }
    db.close()
  })
})
