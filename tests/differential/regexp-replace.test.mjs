// `regexpReplace` beside PostgreSQL's `regexp_replace`: random patterns, texts, replacements and flags, as literals and as columns of a row.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createDatabase } from '../../pkg/index.inline.js'
import { openPostgres } from './postgres.mjs'
import { randomOf } from './random.mjs'

const schema = { json: { tables: [{ name: 't', tenant: false, key: ['k'], columns: [{ name: 'k', type: 'int', nullable: false }, { name: 's', type: 'text', nullable: true }, { name: 'w', type: 'text', nullable: true }], relations: [] }] } }
const lit = (value) => ({ op: 'lit', value })
const col = (name) => ({ op: 'col', name })
const sql = (text) => (text === null ? 'null' : `'${text.replaceAll("'", "''")}'`)

const atoms = ['a', 'b', 'B', '.', '[ab]', '[^a]', String.raw`\d`, String.raw`\w`, 'é', String.raw`\s`, '[[:upper:]]']
const looks = ['^', '$', '^', '$', String.raw`\m`, String.raw`\M`, String.raw`\y`]

const nothing = ['(?#)', '(?#a(b)', ' ', '\n', '# b\n']
const prefixes = ['(?i)', '***:', '***:(?n)', '***=', '(?n)', '(?n)', '(?m)', '(?p)', '(?w)', '(?x)', '(?x)', '(?xt)', '(?ns)', '(?q)', '(?qi)', '(?xn)', '(?nc)']

function pattern(r, depth) {
  const part = () => {
    const atom = depth > 0 && r.oneIn(3) ? (r.oneIn(4) ? `(?:${pattern(r, depth - 1)})` : `(${pattern(r, depth - 1)})`) : r.pick(atoms)
    return (r.oneIn(20) ? r.pick(nothing) : '') + atom + (r.oneIn(20) ? r.pick(nothing) : '') + (r.oneIn(3) ? r.pick(['*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,1}?']) : '')
  }
  const row = () => (r.oneIn(8) ? r.pick(looks) : '') + Array.from({ length: r.between(1, 3) }, part).join('') + (r.oneIn(10) ? r.pick(looks) : '')
  return r.oneIn(4) ? `${row()}|${row()}` : row()
}

const letters = ['\n', 'a', 'b', 'A', 'B', 'é', 'É', '1', '7', ' ', 'c', '_', 'ß']
const pieces = [String.raw`\1`, String.raw`\2`, String.raw`\3`, String.raw`\9`, String.raw`\&`, '\\\\', '\\', String.raw`\0`, String.raw`\n`, '<', 'x', 'é', '&']
const some = (r, list, most) => Array.from({ length: r.below(most + 1) }, () => r.pick(list)).join('')

describe('replacements by regular expressions', () => {
  let pg
  before(async () => {
    pg = await openPostgres()
    await pg.exec('create table t (k int8 primary key, s text, w text)')
  })
  after(() => pg.close())

  it('are those of PostgreSQL, over random patterns', async () => {
    const r = randomOf(Number(process.env.DIFF_SEED ?? 41))
    const total = Number(process.env.DIFF_RUNS ?? 4000)
    const each = 40
    let compared = 0
    for (let done = 0; done < total; done += each) {
      const db = await createDatabase({ schema })
      const rows = Array.from({ length: 12 }, (_, k) => ({ k, s: r.oneIn(20) ? null : some(r, letters, 9), w: r.oneIn(20) ? null : some(r, pieces, 4) }))
      db.apply([{ op: 'insert', table: 't', rows }])
      const calls = Array.from({ length: each }, () => ({
        pattern: (r.oneIn(4) ? r.pick(prefixes) : '') + pattern(r, 2), with: r.oneIn(4) ? null : some(r, pieces, 4), flags: r.oneIn(4) ? undefined : r.pick(['', 'g', 'g', 'g', 'gi', 'i', 'ic', 'ci', 'gs', 't', 'gn', 'gn', 'gp', 'gw', 'gm', 'gx', 'gx', 'q', 'gq', 'gnx', 'xtg', 'nsg']),
      }))
      const fields = calls.map((c, i) => ({ name: `v${i}`, expr: { op: 'regexpReplace', args: [col('s'), lit(c.pattern), c.with === null ? col('w') : lit(c.with), ...(c.flags === undefined ? [] : [lit(c.flags)])] } }))
      const live = db.live({ toJSON: () => ({ from: 't', select: fields, orderBy: [{ expr: col('k') }] }) })
      assert.equal(live.status, 'ready', live.error?.message)
      await pg.exec(`delete from t; insert into t values ${rows.map((x) => `(${x.k}, ${sql(x.s)}, ${sql(x.w)})`).join(', ')}`)
      // Classes and case as the engine has them.
      const values = calls.map((c, i) => `regexp_replace(s collate "pg_c_utf8", ${sql(c.pattern)}, ${c.with === null ? 'w' : sql(c.with)}${c.flags === undefined ? '' : `, ${sql(c.flags)}`}) as v${i}`)
      const theirs = (await pg.query(`select ${values.join(', ')} from t order by k`)).rows
      theirs.forEach((row, n) => calls.forEach((c, i) => {
        compared++
        assert.equal(live.rows[n][`v${i}`], row[`v${i}`], `${JSON.stringify(c)} of ${JSON.stringify(rows[n])}`)
      }))
      db.close()
    }
    assert.ok(compared >= total)
  })
})
