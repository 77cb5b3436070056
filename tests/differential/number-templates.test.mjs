// `toChar` of numbers beside PostgreSQL's `to_char`: random templates, most of them with some sense, over numbers of many sizes.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createDatabase } from '../../pkg/index.inline.js'
import { openPostgres } from './postgres.mjs'
import { randomOf } from './random.mjs'

const column = (name, type) => ({ name, type, nullable: false })
const schema = { json: { tables: [{ name: 't', tenant: false, key: ['k'], columns: [column('k', 'int'), column('d', 'decimal'), column('i', 'bigint'), column('x', 'float')], relations: [] }] } }
const sql = (text) => `'${text.replaceAll("'", "''")}'`

const words = ['9', '9', '9', '9', '0', '0', '.', 'D', ',', 'G', 'S', 'MI', 'PL', 'SG', 'PR', 'FM', 'EEEE', 'V', 'RN', 'rn', 'TH', 'th', 'L', 'B', 'C', 'SP', ' ', 'x', '"9.q"', '\\"', '-', 'é', 'e', 'E', 'fm', 'mi', 'sg', 's', 'eeee', '"\\"']
const decimals = ['0', '-0.1', '0.1', '1', '-1', '0.5', '-0.5', '12', '-12.34', '999.995', '9.995', '-9.95', '11', '112', '21', '-21', '1234567.891', '0.001', '-0.0049', '99999', '3999', '4000', '485', '1.50', '10.00', '0.00', '-7', '100000000000000000000', '0.00000000000000000001']
const integers = [0n, 1n, -1n, 9n, 10n, 11n, -12n, 23n, 101n, 3999n, -485n, 99999n, 9223372036854775807n, -9223372036854775808n]
const doubles = [0, 0.1, -0.5, 1.005, 2.5, 1e15, 123456.789, -1 / 3, 1e-7, 99.995, 1e22, NaN, Infinity, -Infinity]

function template(r) {
  if (r.oneIn(2)) return Array.from({ length: r.between(1, 7) }, () => r.pick(words)).join('')
  const digits = Array.from({ length: r.below(7) }, () => r.pick(['9', '9', '0', ',', '9'])).join('')
  const behind = r.oneIn(2) ? r.pick(['.', 'D', 'V']) + r.pick(['', '9', '99', '0', '09', '90', '000', '9990']) : ''
  return r.pick(['', 'FM', 'S', 'FMS', 'SG', 'PL', 'MI', 'L', 'FMB']) + digits + behind + r.pick(['', '', 'S', 'MI', 'PR', 'th', 'TH', 'EEEE', 'PL', 'SG'])
}

describe('numbers by templates', () => {
  let pg
  before(async () => { pg = await openPostgres() })
  after(() => pg.close())

  it('are written as PostgreSQL writes them', async () => {
    const r = randomOf(Number(process.env.DIFF_SEED ?? 43))
    const total = Number(process.env.DIFF_RUNS ?? 3000)
    const db = await createDatabase({ schema })
    const rows = Array.from({ length: 16 }, (_, k) => ({
      k, d: r.oneIn(2) ? r.pick(decimals) : `${r.oneIn(3) ? '-' : ''}${r.below(10 ** r.between(1, 6))}.${r.below(10 ** r.between(1, 4))}`,
      i: r.oneIn(2) ? r.pick(integers) : BigInt(r.below(100000)) - 5000n, x: r.oneIn(2) ? r.pick(doubles) : r.below(1000000) / 8,
    }))
    db.apply([{ op: 'insert', table: 't', rows }])
    await pg.exec(`create table t (k int8, d numeric, i int8, x float8); insert into t values ${rows.map((v) => `(${v.k}, ${v.d}, ${v.i < 0 ? `'${v.i}'` : v.i}, '${v.x}')`).join(', ')}`)
    let refused = 0
    for (let n = 0; n < total; n++) {
      const format = template(r)
      const of = r.pick(['d', 'd', 'i', 'x'])
      const query = { toJSON: () => ({ from: 't', select: [{ name: 'v', expr: { op: 'toChar', args: [{ op: 'col', name: of }, { op: 'lit', value: format }] } }], orderBy: [{ expr: { op: 'col', name: 'k' } }] }) }
      let mine
      try {
        const live = db.live(query)
        mine = live.error?.code ?? live.rows.map((row) => row.v)
        live.dispose()
      } catch (error) {
        mine = error.code
      }
      let theirs
      try {
        // Of a double its decimal is written.
        theirs = (await pg.query(`select to_char(${of === 'x' ? 'x::numeric' : of === 'i' ? 'i::numeric' : 'd'}, ${sql(format)}) as v from t order by k`)).rows.map((row) => row.v)
      } catch {
        refused++
        theirs = ['QUERY_INVALID', 'INVALID_ARGUMENT'].includes(mine) ? mine : 'an error'
      }
      assert.deepEqual(mine, theirs, `${of} by ${JSON.stringify(format)} of ${rows.map((row) => row[of]).join(' ')}`)
    }
    assert.ok(refused > total / 10 && refused < total / 2)
    db.close()
  })
})
