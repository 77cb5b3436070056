// Moments as texts by a template, and decimals of so many digits.
import { describe, expect, it } from 'vitest'
import { concat, createDatabase, date, decimal, defineSchema, int, numeric, string, table, timestamp, toChar } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({ items: table({ id: int().key(), at: timestamp().nullable(), day: date(), price: decimal(), text: string() }) })
const item = (id: number, at: string | null, price: string, text: string) => ({ op: 'upsert' as const, table: 'items' as const, row: { id, at: at === null ? null : new Date(at), day: '2024-02-29', price, text } })

describe('toChar', () => {
  it('writes moments and days as PostgreSQL does', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.items.orderBy('id').select(i => ({
      full: toChar(i.at, 'FMDay, FMDDth "of" FMMonth YYYY, HH12:MI:SS.MS pm'), iso: toChar(i.at, 'IYYY-"W"IW-ID'), short: toChar(i.day, 'Dy DD mon YY'), rest: toChar(i.at, '"Q\\"uarter"Q DDD WW J US TZ OF'),
      padded: concat(toChar(i.day, 'Day|MONTH'), '|'),
    })))
    db.apply([item(1, '2024-02-29T20:05:09.042Z', '0', ''), item(2, null, '0', '')])
    expect(live.rows).toEqual([
      { full: 'Thursday, 29th of February 2024, 08:05:09.042 pm', iso: '2024-W09-4', short: 'Thu 29 feb 24', rest: 'Q"uarter1 060 09 2460370 042000 UTC +00', padded: 'Thursday |FEBRUARY |' },
      { full: null, iso: null, short: 'Thu 29 feb 24', rest: null, padded: 'Thursday |FEBRUARY |' },
    ])
    db.apply([item(1, '1999-11-01T00:00:00Z', '0', '')])
    expect(live.rows[0].full).toBe('Monday, 1st of November 1999, 12:00:00.000 am')
  })

  it('writes numbers as PostgreSQL does', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.items.orderBy('id').select(i => ({
      money: toChar(i.price, 'FM999,990.00'), padded: concat(toChar(i.price, '9990.99MI'), '|'), whole: toChar(i.id, 'FM9th'), roman: toChar(i.id, 'FMRN'), sci: toChar(i.price, '9.99EEEE'), by: toChar(i.price, i.text),
    })))
    db.apply([item(1, null, '1234.5', 'S9999'), item(2, null, '-0.125', '9PR'), item(3, null, '1000000', '00000000.0')])
    expect(live.rows).toEqual([
      { money: '1,234.50', padded: '1234.50 |', whole: '1st', roman: 'I', sci: ' 1.23e+03', by: '+1235' },
      { money: '-0.13', padded: '   0.13-|', whole: '2nd', roman: 'II', sci: '-1.25e-01', by: ' 0 ' },
      { money: '###,###.##', padded: '####.## |', whole: '3rd', roman: 'III', sci: ' 1.00e+06', by: ' 01000000.0' },
    ])
    db.apply([item(2, null, '-0.125', '9.9.9')])
    expect(live.error).toMatchObject({ code: 'INVALID_ARGUMENT' })
    for (const template of ['9.9.9', '9V9.9', 'S9S', 'SMI9', 'PR9', '9EEEE9', 'FM9EEEE', 'RN.9']) {
      expect(failure(() => db.live(db.query.items.select(i => ({ x: toChar(i.price, template) }))))).toMatchObject({ code: 'QUERY_INVALID', path: 'select[0].expr.args[1]', offending: template })
    }
  })

  it('refuses fields that it does not know, in the query or in a row', async () => {
    const db = await createDatabase({ schema })
    for (const [template, field] of [['YYYY TMMonth', 'TM'], ['RM', 'RM'], ['FXYYYY', 'FX'], ['DDSP', 'SP']]) {
      expect(failure(() => db.live(db.query.items.select(i => ({ x: toChar(i.at, template) }))))).toMatchObject({ code: 'QUERY_INVALID', path: 'select[0].expr.args[1]', offending: field })
    }
    const live = db.live(db.query.items.select(i => ({ x: toChar(i.at, i.text) })))
    db.apply([item(1, '2024-01-01', '0', 'YYYY')])
    expect(live.rows).toEqual([{ x: '2024' }])
    db.apply([item(1, '2024-01-01', '0', 'TMDay')])
    expect(live.error?.code).toBe('INVALID_ARGUMENT')
    db.apply([item(1, '2024-01-01', '0', '"TM"DD')])
    expect([live.error, live.rows]).toEqual([undefined, [{ x: 'TM01' }]])
  })
})

describe('numeric(p, s)', () => {
  it('rounds to so many digits, and has no more than it says', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.items.select(i => ({ a: numeric(i.price, 5, 2), b: numeric(i.text, 3), c: numeric(i.price, 4, -2) })))
    db.apply([item(1, null, '-123.455', '99.5')])
    expect(live.rows).toEqual([{ a: '-123.46', b: '100', c: '-100' }])
    db.apply([item(1, null, '999.994', '0')])
    expect(live.rows).toEqual([{ a: '999.99', b: '0', c: '1000' }])
    db.apply([item(1, null, '999.995', '0')])
    expect(live.error?.code).toBe('NUMERIC_OVERFLOW')
    db.apply([item(1, null, '0.004', '1')])
    expect([live.error, live.rows]).toEqual([undefined, [{ a: '0.00', b: '1', c: '0' }]])
    const small = db.live(db.query.items.select(i => ({ a: numeric(i.price, 2, 4) })))
    expect(small.rows).toEqual([{ a: '0.0040' }])
    db.apply([item(1, null, '0.0123', '1')])
    expect(small.error?.code).toBe('NUMERIC_OVERFLOW')
    expect(() => db.live(db.query.items.select(i => ({ a: numeric(i.price, 0, 0) })))).toThrow(expect.objectContaining({ code: 'QUERY_INVALID', offending: '0', message: expect.stringContaining('a precision of 1 to 1000') }))
  })
})
