// Decimals from objects and JSON through the engine to rows, keys and aggregates.
import { describe, expect, it } from 'vitest'
import { add, avg, cast, createDatabase, decimal, defineSchema, div, eq, gt, int, mul, round, scale, string, sum, table, trimScale, trunc } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({ items: table({ id: decimal().key(), name: string(), price: decimal().nullable(), n: int() }) })
const row = (id: string | number | bigint, price: string | number | bigint | null, n = 1, name = 'x') => ({ op: 'upsert' as const, table: 'items' as const, row: { id, name, price, n } })

describe('decimals', () => {
  it('keep their digits, from objects and from JSON', async () => {
    const db = await createDatabase({ schema })
    db.apply([row(1, '12.50'), row(2n, 0.1), row('3', 10n ** 30n), row(4, null)])
    db.applyJson('[{"op":"upsert","table":"items","rows":[{"id":5,"name":"j","price":1.10,"n":1},{"id":"6.0","name":"k","price":123456789012345678901234567890.5,"n":2}]}]')
    const live = db.live(db.query.items.orderBy('price', 'desc', { nulls: 'first' }))
    expect(live.rows.map(r => [r.id, r.price])).toEqual([['4', null], ['3', `1${'0'.repeat(30)}`], ['6.0', '123456789012345678901234567890.5'], ['1', '12.50'], ['5', '1.10'], ['2', '0.1']])
  })

  it('are equal as keys whatever their scale, and told again when they are shown differently', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.items)
    db.apply([row('1.0', '5')])
    db.apply([row('1', '5.00')])
    expect(live.rows).toEqual([{ id: '1', name: 'x', price: '5.00', n: 1 }])
    db.apply([{ op: 'update', table: 'items', id: '1.000', set: { price: 7 } }])
    expect(live.rows.map(r => r.price)).toEqual(['7'])
    db.apply([{ op: 'delete', table: 'items', id: 1 }])
    expect(live.rows).toEqual([])
  })

  it('are calculated with as in PostgreSQL', async () => {
    const db = await createDatabase({ schema })
    db.apply([row(1, '12.50', 3), row(2, '0.10', 3), row(3, '1.005', 4)])
    const live = db.live(db.query.items.where(i => gt(i.price, 0.05)).select(i => ({
      twice: mul(i.price, 2), more: add(i.price, 0.1), third: div(i.price, 3), each: mul(i.price, i.n), cut: trunc(i.price, 1), near: round(i.price, 2), digits: scale(i.price), plain: trimScale(i.price),
      text: cast(i.price, 'text'), int: cast(i.price, 'int'), float: cast(i.price, 'float'), back: cast('1.50', 'decimal'),
    })).orderBy('twice', 'desc'))
    expect(live.rows[0]).toEqual({ twice: '25.00', more: '12.60', third: '4.1666666666666667', each: '37.50', cut: '12.5', near: '12.50', digits: 2, plain: '12.5', text: '12.50', int: 13, float: 12.5, back: '1.50' })
    expect(live.rows[1].near).toBe('1.01')
    const totals = db.live(db.query.items.groupBy('n').select(i => ({ n: i.n, sum: sum(i.price), mean: avg(i.price) })).orderBy('n'))
    expect(totals.rows).toEqual([{ n: 3, sum: '12.60', mean: '6.3000000000000000' }, { n: 4, sum: '1.005', mean: '1.00500000000000000000' }])
    db.apply([{ op: 'delete', table: 'items', id: 1 }, { op: 'update', table: 'items', id: 2, set: { price: '-0.1' } }])
    expect(totals.rows[0]).toEqual({ n: 3, sum: '-0.1', mean: '-0.10000000000000000000' })
    expect(db.live(db.query.items.where('price', '=', '1.00500')).rows.length).toBe(1)
  })

  it('are refused where they are none', async () => {
    const db = await createDatabase({ schema })
    expect(failure(() => db.apply([row(1, 'a lot')]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'changes[0].row.price' })
    expect(failure(() => db.apply([row(1, NaN)]))).toMatchObject({ code: 'TYPE_MISMATCH' })
    expect(failure(() => db.apply([row(1, `1${'0'.repeat(1000)}`)]))).toMatchObject({ code: 'TYPE_MISMATCH' })
    expect(failure(() => db.live(db.query.items.where(i => eq(i.price, 'much' as never))))).toMatchObject({ code: 'TYPE_MISMATCH' })
    db.apply([row(1, '9'.repeat(600))])
    expect(db.live(db.query.items.select(i => ({ square: mul(i.price, i.price) }))).error).toMatchObject({ code: 'NUMERIC_OVERFLOW' })
  })
})
