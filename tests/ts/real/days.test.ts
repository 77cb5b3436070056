// Dates, times and uuids from objects and JSON through the engine to rows, keys and expressions.
import { describe, expect, it } from 'vitest'
import { addDays, cast, coalesce, count, createDatabase, date, defineSchema, diffDays, dateTrunc, eq, extract, gt, int, isNull, max, min, table, time, timestamp, uuid, when, withParams } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({
  visits: table({ id: uuid().key(), day: date(), at: time().nullable(), made: timestamp().nullable() }),
  prices: table({ day: date().key(), n: int() }),
})
const a = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const b = 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const visit = (id: string, day: string | Date, at: string | null = null, made: Date | null = null) => ({ op: 'upsert' as const, table: 'visits' as const, row: { id, day, at, made } })

describe('dates, times and uuids', () => {
  it('are texts in rows, in whatever form they come', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.visits.orderBy('day', 'desc'))
    db.apply([visit(a.toUpperCase(), new Date('2024-02-29T23:00:00Z'), '09:30'), visit(`{${b}}`, '0044-03-15 BC', '24:00:00')])
    db.applyJson(`[{"op":"upsert","table":"visits","row":{"id":"c0eebc999c0b4ef8bb6d6bb9bd380a11","day":"12345-06-07","at":"23:59:59.500000"}}]`)
    expect(live.rows.map(r => [r.id, r.day, r.at])).toEqual([
      ['c0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '12345-06-07', '23:59:59.5'], [a, '2024-02-29', '09:30:00'], [b, '0044-03-15 BC', '24:00:00'],
    ])
    db.apply([{ op: 'delete', table: 'visits', id: a }])
    expect(live.rows.length).toBe(2)
  })

  it('are compared, moved and counted', async () => {
    const db = await createDatabase({ schema })
    db.apply([visit(a, '2024-02-28', '10:00', new Date('2024-02-29T12:30:00Z')), visit(b, '2024-03-01')])
    const live = db.live(db.query.visits.where('day', '>=', '2024-02-28').where(v => gt(v.day, '2024-01-01')).select(v => ({
      next: addDays(v.day, 2), since: diffDays(v.day, '2024-02-01'), made: cast(v.made, 'date'), clock: cast(v.made, 'time'), moment: cast(v.day, 'timestamp'),
      month: cast(dateTrunc('month', cast(v.day, 'timestamp')), 'date'), weekday: extract('isodow', cast(v.day, 'timestamp')), text: cast(v.id, 'text'),
    })).orderBy('next'))
    expect(live.rows).toEqual([
      { next: '2024-03-01', since: 27, made: '2024-02-29', clock: '12:30:00', moment: new Date('2024-02-28'), month: '2024-02-01', weekday: 3, text: a },
      { next: '2024-03-03', since: 29, made: null, clock: null, moment: new Date('2024-03-01'), month: '2024-03-01', weekday: 5, text: b },
    ])
    const one = db.live(db.query.visits.select(v => ({ n: count(), first: min(v.day), last: max(v.day), id: min(v.id) })))
    expect(one.rows).toEqual([{ n: 2, first: '2024-02-28', last: '2024-03-01', id: a }])
    expect(db.live(db.query.visits.where(v => eq(v.id, a.toUpperCase()))).rows.length).toBe(1)
  })

  it('are compared with a Date, which is its day in UTC', async () => {
    const db = await createDatabase({ schema })
    db.apply([visit(a, '2024-02-28'), visit(b, '2024-03-01')])
    const noon = new Date('2024-02-28T12:00:00Z'), visits = db.query.visits
    const found = [
      visits.where('day', '=', noon), visits.where('day', '<=', noon), visits.where('day', 'in', [noon]), visits.where('day', 'between', [noon, '2024-02-29']), visits.where(v => eq(v.day, noon)),
      visits.where(v => eq(addDays(v.day, 1), new Date('2024-02-29'))), visits.where(v => eq(diffDays(v.day, noon), 0)), visits.where(v => eq(diffDays(noon, v.day), 0)), visits.orderBy('day', 'desc').startAt({ day: noon }),
    ]
    for (const query of found) expect(db.live(query).rows.map(v => v.id)).toEqual([a])
    const given = db.live(withParams({ day: 'date' }, p => visits.where(v => eq(v.day, p.day))), { params: { day: noon } })
    expect(given.rows.map(v => v.id)).toEqual([a])
    given.setParams({ day: new Date('2024-03-01T23:59:59Z') })
    expect(given.rows.map(v => v.id)).toEqual([b])
  })

  it('are shown as such, whichever form an alternative has', async () => {
    const db = await createDatabase({ schema })
    db.apply([visit(a, '2024-02-28')])
    const live = db.live(db.query.visits.select(v => ({
      made: coalesce(v.made, '2024-01-01'), zero: coalesce(v.made, 0), at: coalesce(v.at, '09:00'), day: coalesce(v.day, new Date(0)),
      none: when(isNull(v.at), new Date('2024-01-01')).otherwise(v.made), other: when(isNull(v.day), v.day).otherwise(new Date('2024-01-01T12:00:00Z')),
    })))
    expect(live.rows).toEqual([{ made: new Date('2024-01-01'), zero: new Date(0), at: '09:00:00', day: '2024-02-28', none: new Date('2024-01-01'), other: '2024-01-01' }])
  })

  it('are keys', async () => {
    const db = await createDatabase({ schema })
    db.apply([{ op: 'insert', table: 'prices', row: { day: '2024-02-29', n: 1 } }, { op: 'update', table: 'prices', id: new Date('2024-02-29T10:00:00Z'), set: { n: 2 } }])
    expect(db.live(db.query.prices).rows).toEqual([{ day: '2024-02-29', n: 2 }])
  })

  it('are refused where they are none', async () => {
    const db = await createDatabase({ schema })
    expect(failure(() => db.apply([visit(a, '2024-02-30')]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'changes[0].row.day' })
    expect(failure(() => db.apply([visit('a0', '2024-02-28')]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'changes[0].row.id' })
    expect(failure(() => db.apply([visit(a, '2024-02-28', '25:00')]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'changes[0].row.at' })
    expect(failure(() => db.live(db.query.visits.where('day', '=', 'tomorrow')))).toMatchObject({ code: 'TYPE_MISMATCH' })
    db.apply([visit(a, '294246-12-31')])
    expect(db.live(db.query.visits.select(v => ({ later: addDays(v.day, 100) }))).error).toMatchObject({ code: 'TIMESTAMP_RANGE' })
  })
})
