// Intervals from objects and JSON through the engine to rows, keys and expressions.
import { describe, expect, it } from 'vitest'
import {
  addInterval, avg, cast, count, createDatabase, dateTrunc, defineSchema, elapsed, eq, extract, gt, int, interval, intervalOf, max, over, sum, table, timestamp, time, timesInterval,
} from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({
  tasks: table({ id: int().key(), took: interval().nullable(), from: timestamp(), to: timestamp(), at: time() }),
  rates: table({ every: interval().key(), n: int() }),
})
const from = new Date('2024-01-31T10:00:00Z'), to = new Date('2024-03-01T12:30:00Z')
const task = (id: number, took: string | null | { hours: number }) => ({ op: 'upsert' as const, table: 'tasks' as const, row: { id, took, from, to, at: '22:00' } })

describe('intervals', () => {
  it('are texts in rows, in whatever form they come', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.tasks.orderBy('took'))
    db.apply([task(1, 'P1M'), task(2, { hours: 1.5 }), task(3, '-1 day 2:00'), task(4, '1.5 weeks ago'), task(5, null), task(7, '1 day 02:03:04 ago')])
    db.applyJson('[{"op":"upsert","table":"tasks","row":{"id":6,"took":"1 year 2 mons -3 days +04:05:06.70","from":0,"to":0,"at":"00:00"}}]')
    expect(live.rows.map(r => r.took)).toEqual(['-10 days -12:00:00', '-1 days -02:03:04', '-1 days +02:00:00', '01:30:00', '1 mon', '1 year 2 mons -3 days +04:05:06.7', null])
    expect(live.rows.map(r => r.id)).toEqual([4, 7, 3, 2, 1, 6, 5])
  })

  it.each([
    ['04:05.5', '00:04:05.5'], ['-1 day +04:05.25', '-1 days +00:04:05.25'], ['1 year 59:59. ago', '-1 years -00:59:59'], ['60:05.5', null], ['04:05.5:06', null], ['1 h 04:05.5', null], ['04:05.5.5', null], ['01:04:05.5.5', null],
    ['PT04:05:06', '04:05:06'], ['P1Y2M3DT4:05', '1 year 2 mons 3 days 04:05:00'], ['PT04:05:06.5', '04:05:06.5'], ['PT+4:05', null], ['PT04:', null], ['PT04:05:', null], ['PT04:05:06:07', null], ['PT04:05:06S', null], ['PT1H04:05', null], ['PT04:05M', null], ['P04:05:06', null],
  ])('are read as PostgreSQL reads them, by the page and by the engine: %s', async (text, shown) => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.tasks.select(t => ({ took: t.took })))
    if (shown === null) expect(failure(() => db.apply([task(1, text)])).code).toBe('TYPE_MISMATCH')
    else { db.apply([task(1, text)]); expect(live.rows).toEqual([{ took: shown }]) }
    const json = JSON.stringify([task(1, text)])
    if (shown === null) expect(failure(() => { db.applyJson(json) }).code).toBe('TYPE_MISMATCH')
    else { db.applyJson(json); expect(live.rows).toEqual([{ took: shown }]) }
  })

  it('are equal if they are as long, as keys too', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.rates.where('every', '=', { days: 30 }))
    db.apply([{ op: 'upsert', table: 'rates', row: { every: '1 mon', n: 1 } }])
    expect(live.rows).toEqual([{ every: '1 mon', n: 1 }])
    db.apply([{ op: 'upsert', table: 'rates', row: { every: '30 days', n: 2 } }])
    expect(live.rows).toEqual([{ every: '30 days', n: 2 }])
    db.apply([{ op: 'delete', table: 'rates', id: '720:00' }])
    expect(live.rows).toEqual([])
  })

  it('are added, scaled, measured and summed up', async () => {
    const db = await createDatabase({ schema })
    db.apply([task(1, '1 mon'), task(2, '1 day 12:00')])
    const live = db.live(db.query.tasks.where(t => gt(t.took, '1 hour')).orderBy('id').select(t => ({
      later: addInterval(t.from, t.took), more: addInterval(t.took, intervalOf({ days: 1 })), half: timesInterval(t.took, 0.5), between: elapsed(t.to, t.from),
      days: extract('day', t.took), cut: dateTrunc('day', t.took), text: cast(t.took, 'text'), clock: addInterval<string>(t.at, t.took),
    })))
    expect(live.rows).toEqual([
      { later: new Date('2024-02-29T10:00:00Z'), more: '1 mon 1 day', half: '15 days', between: '30 days 02:30:00', days: 0, cut: '1 mon', text: '1 mon', clock: '22:00:00' },
      { later: new Date('2024-02-01T22:00:00Z'), more: '2 days 12:00:00', half: '18:00:00', between: '30 days 02:30:00', days: 1, cut: '1 day', text: '1 day 12:00:00', clock: '10:00:00' },
    ])
    const all = db.live(db.query.tasks.select(t => ({ sum: sum(t.took), mean: avg(t.took), longest: max(t.took) })))
    expect(all.rows).toEqual([{ sum: '1 mon 1 day 12:00:00', mean: '15 days 18:00:00', longest: '1 mon' }])
    db.apply([{ op: 'delete', table: 'tasks', id: 1 }])
    expect(all.rows).toEqual([{ sum: '1 day 12:00:00', mean: '1 day 12:00:00', longest: '1 day 12:00:00' }])
  })

  it('are summed up over windows, and say how far a frame reaches', async () => {
    const db = await createDatabase({ schema })
    const at = (id: number, took: string, day: string) => ({ op: 'upsert' as const, table: 'tasks' as const, row: { id, took, from: new Date(day), to, at: `0${id}:00` } })
    const live = db.live(db.query.tasks.orderBy('id').select(t => ({
      id: t.id, all: over(sum(t.took), { orderBy: t.id }), mean: over(avg(t.took), { orderBy: t.id, frame: { unit: 'rows', start: { preceding: 1 } } }),
      month: over(count(), { orderBy: t.from, frame: { unit: 'range', start: { preceding: '1 mon' } } }),
      hour: over(count(), { orderBy: t.at, frame: { unit: 'range', start: { preceding: { hours: 1 } }, end: { following: { hours: 1 } } } }),
      near: over(count(), { orderBy: [t.took, 'desc'], frame: { unit: 'range', start: 'currentRow', end: { following: '30 days' } } }),
    })))
    db.apply([at(1, '1 mon', '2024-01-31'), at(2, '1 day', '2024-02-29'), at(3, '12:00', '2024-03-30')])
    expect(live.rows).toEqual([
      { id: 1, all: '1 mon', mean: '1 mon', month: 1, hour: 2, near: 3 },
      { id: 2, all: '1 mon 1 day', mean: '15 days 12:00:00', month: 2, hour: 3, near: 2 },
      { id: 3, all: '1 mon 1 day 12:00:00', mean: '18:00:00', month: 2, hour: 2, near: 1 },
    ])
    db.apply([at(2, '1 day', '2024-03-01')])
    expect(live.rows.map(r => r.month)).toEqual([1, 1, 2])
    db.apply([{ op: 'delete', table: 'tasks', id: 1 }])
    expect(live.rows.map(r => [r.all, r.near])).toEqual([['1 day', 2], ['1 day 12:00:00', 1]])
    const frame = (preceding: string | number) => failure(() => db.live(db.query.tasks.select(t => ({ n: over(count(), { orderBy: t.took, frame: { unit: 'range', start: { preceding } } }) }))))
    expect(frame('-1 days')).toMatchObject({ code: 'QUERY_INVALID', path: 'select[0].expr.over.frame.start.offset' })
    expect(frame(3)).toMatchObject({ code: 'TYPE_MISMATCH', path: 'select[0].expr.over.frame.start.offset' })
  })

  it('say how far a frame over groups reaches, back and ahead', async () => {
    const db = await createDatabase({ schema })
    const at = (id: number, day: string) => ({ op: 'upsert' as const, table: 'tasks' as const, row: { id, took: '1 day', from: new Date(day), to, at: '01:00' } })
    const live = db.live(db.query.tasks.groupBy('from').orderBy('from').select(t => ({
      from: t.from, back: over(sum(count()), { orderBy: t.from, frame: { unit: 'range', start: { preceding: '30 days' } } }),
      ahead: over(sum(count()), { orderBy: t.from, frame: { unit: 'range', start: 'currentRow', end: { following: '30 days' } } }),
    })))
    db.apply([at(1, '2024-01-01'), at(2, '2024-01-20'), at(3, '2024-01-20'), at(4, '2024-02-15')])
    expect(live.rows.map(r => [r.back, r.ahead])).toEqual([[1, 3], [3, 3], [3, 1]])
    db.apply([at(3, '2024-02-15')])
    expect(live.rows.map(r => [r.back, r.ahead])).toEqual([[1, 2], [2, 3], [3, 2]])
  })

  it('beyond their range are an error of the view, and texts that are none of the input', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.tasks.select(t => ({ far: timesInterval(t.took, 1e12) })))
    db.apply([task(1, '1 mon')])
    expect([live.status, live.error?.code]).toEqual(['error', 'TIMESTAMP_RANGE'])
    expect(failure(() => db.apply([task(1, '1 fortnight')]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'changes[0].row.took' })
    expect(failure(() => db.live(db.query.tasks.where(t => eq(t.took, 'soon'))))).toMatchObject({ code: 'TYPE_MISMATCH' })
    expect(failure(() => db.live(db.query.tasks.select(t => ({ w: extract('week', t.took as any) }))))).toMatchObject({ code: 'QUERY_INVALID', offending: 'week' })
  })
})
