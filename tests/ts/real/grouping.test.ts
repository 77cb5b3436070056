// Several groupings in one query: rollup, cube, grouping sets, and what `grouping` says.
import { describe, expect, it } from 'vitest'
import { and, cube, createDatabase, count, decimal, defineSchema, eq, exists, from, gt, grouping, groupingSets, inQuery, int, min, mod, rollup, scalar, string, sum, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({
  sales: table({ id: int().key(), year: int(), region: string().nullable(), amount: int(), price: decimal() }),
  marks: table({ id: int().key() }),
})
const sale = (id: number, year: number, region: string | null, amount: number, price = '1.50') => ({ id, year, region, amount, price: price as never })
const some = async () => {
  const db = await createDatabase({ schema })
  db.apply([{ op: 'insert', table: 'sales', rows: [sale(1, 2024, 'n', 1), sale(2, 2024, 's', 2), sale(3, 2025, 'n', 4), sale(4, 2025, null, 8)] }])
  return db
}

describe('several groupings', () => {
  it('have totals of totals, each row of which says what it is grouped by', async () => {
    const db = await some()
    const q = db.query.sales.groupBy(rollup('year', 'region'))
      .select(s => ({ year: s.year, region: s.region, level: grouping(s.year, s.region), total: sum(s.amount) })).orderBy('year').orderBy('level').orderBy('region')
    const live = db.live(q)
    const rows = () => live.rows.map(r => [r.year, r.region, r.level, r.total])
    expect(rows()).toEqual([
      [2024, 'n', 0, 1], [2024, 's', 0, 2], [2024, null, 1, 3],
      [2025, 'n', 0, 4], [2025, null, 0, 8], [2025, null, 1, 12],
      [null, null, 3, 15],
    ])
    const diffs: string[] = []
    live.subscribe(() => { diffs.push('told') })
    // One row changes in three groupings; a group comes, and another goes.
    db.apply([{ op: 'update', table: 'sales', id: 4, set: { region: 's', amount: 9 } }])
    expect(rows()).toEqual([
      [2024, 'n', 0, 1], [2024, 's', 0, 2], [2024, null, 1, 3],
      [2025, 'n', 0, 4], [2025, 's', 0, 9], [2025, null, 1, 13],
      [null, null, 3, 16],
    ])
    expect(diffs.length).toBe(1)
    expect(db.live(q).rows).toEqual(live.rows)
  })

  it('have the group of everything over nothing, and of equal groupings each', async () => {
    const db = await some()
    const none = db.query.sales.where('year', '=', 1)
    const counts = (q: any): unknown[] => db.live(q).rows.map((r: any) => Object.values(r))
    expect(counts(none.groupBy(cube('year', 'region')).select(s => ({ year: s.year, n: count() })))).toEqual([[null, 0]])
    expect(counts(none.groupBy(rollup('year')).having(() => gt(count(), 0)).select(s => ({ year: s.year, n: count() })))).toEqual([])
    expect(counts(db.query.sales.groupBy(groupingSets('year', [], [], 'year')).orderBy('year').select(s => ({ year: s.year, n: count() }))))
      .toEqual([[2024, 2], [2024, 2], [2025, 2], [2025, 2], [null, 4], [null, 4]])
  })

  it('are of expressions by their names; what no grouping names is in all', async () => {
    const db = await some()
    const live = db.live(db.query.sales.groupBy(s => ({ odd: mod(s.year, 2), region: s.region }), rollup('region'))
      .select(s => ({ odd: mod(s.year, 2), region: s.region, all: grouping(s.region), n: count() })).orderBy('odd').orderBy('all').orderBy('region', 'asc', { nulls: 'first' }))
    expect(live.rows.map(r => [r.odd, r.region, r.all, r.n])).toEqual([[0, 'n', 0, 1], [0, 's', 0, 1], [0, null, 1, 2], [1, null, 0, 1], [1, 'n', 0, 1], [1, null, 1, 2]])
    const crossed = db.query.sales.groupBy(rollup('year'), cube('region')).toJSON()
    expect(crossed.groupingSets).toEqual([[0, 1], [0], [1], []])
    expect(db.query.sales.groupBy('id', rollup(['year', 'region'], 'amount')).toJSON().groupingSets).toEqual([[0, 1, 2, 3], [0, 1, 2], [0]])
  })

  it('show of equal decimals one form, and null where they are not grouped by', async () => {
    const db = await some()
    db.apply([{ op: 'update', table: 'sales', id: 2, set: { price: '1.5' as never } }])
    const live = db.live(db.query.sales.groupBy(rollup('price')).select(s => ({ price: s.price, least: min(s.price), n: count() })))
    expect(live.rows).toEqual([{ price: '1.5', least: '1.5', n: 4 }, { price: null, least: '1.5', n: 4 }])
  })

  it('are a source of other queries, and sub-queries that read nothing outside', async () => {
    const db = await some()
    const totals = db.query.sales.groupBy(rollup('year')).select(s => ({ year: s.year, whole: grouping(s.year), total: sum(s.amount) })).as('totals')
    const live = db.live(from(totals).where('whole', '=', 1).select('total'))
    expect(live.rows).toEqual([{ total: 15 }])
    const found = db.live(db.query.sales.where(s => inQuery(s.amount, db.query.sales.as('o').groupBy(cube('region')).select(o => ({ least: min(o.amount) })))).orderBy('id').select('id'))
    expect(found.rows.map(r => r.id)).toEqual([1, 2, 4])
    // The group of everything is there whatever the table holds.
    const there = db.live(db.query.sales.where(() => exists(db.query.marks.groupBy(rollup('id')).select(() => ({ n: count() })))).select('id'))
    expect(there.rows.length).toBe(4)
  })

  it('are of the row around them, with a group of everything for each', async () => {
    const db = await some()
    db.apply([{ op: 'insert', table: 'marks', rows: [{ id: 1 }, { id: 2 }, { id: 8 }] }])
    const above = (m: { id: any }) => db.query.sales.where(s => gt(s.amount, m.id)).groupBy(rollup('year'))
    const live = db.live(db.query.marks.orderBy('id').select(m => ({
      all: scalar(above(m).having(s => eq(grouping(s.year), 1)).select(() => ({ n: count() }))),
      second: scalar(above(m).orderBy(s => sum(s.amount), 'desc').limit(1).offset(1).select(s => ({ year: s.year }))),
    })))
    const rows = () => live.rows.map(r => [r.all, r.second])
    expect(rows()).toEqual([[3, 2025], [2, null], [0, null]])
    const unsold = db.live(db.query.marks.orderBy('id').where(m => exists(db.query.sales.where(s => eq(s.id, m.id)).groupBy(rollup('year')).having(() => eq(count(), 0)).select(() => ({ n: count() })))))
    expect(unsold.rows).toEqual([{ id: 8 }])
    db.apply([{ op: 'insert', table: 'sales', row: sale(8, 2024, 'n', 16) }, { op: 'delete', table: 'sales', id: 1 }])
    expect([rows(), unsold.rows]).toEqual([[[4, 2024], [3, 2024], [1, null]], [{ id: 1 }]])
  })

  it('say what is wrong with them, and where', async () => {
    const db = await some()
    const wrong = (f: () => unknown): unknown[] => { const e = failure(f); return [e.code, e.path, e.offending, e.nearest] }
    expect(wrong(() => db.query.sales.groupBy(rollup('yaer' as never)))).toEqual(['UNKNOWN_COLUMN', 'groupBy', 'yaer', 'year'])
    expect(wrong(() => db.query.sales.groupBy(s => ({ y: s.year }), rollup('z' as never)))).toEqual(['UNKNOWN_COLUMN', 'groupBy', 'z', 'y'])
    expect(wrong(() => rollup(((s: any) => s.year) as never)).slice(0, 2)).toEqual(['QUERY_INVALID', 'groupBy'])
    expect(wrong(() => cube('a', 'b', 'c', 'd', 'e', 'f', 'g')).slice(0, 2)).toEqual(['QUERY_INVALID', 'groupBy'])
    expect(wrong(() => db.live(db.query.sales.groupBy('year').select(s => ({ g: grouping(s.region) }))))).toEqual(['NOT_GROUPED', 'select[0].expr.args[0]', 'region', undefined])
    expect(wrong(() => db.live(db.query.sales.where(s => and(eq(grouping(s.year), 0)))))).toEqual(['QUERY_INVALID', 'where.args[0]', 'grouping', undefined])
    expect(wrong(() => grouping('year' as never)).slice(0, 1)).toEqual(['QUERY_INVALID'])
  })
})
