// Parameters take the type of what they stand beside.
import { describe, expect, it } from 'vitest'
import { addDays, anyOf, array, between, bigint, bytes, coalesce, createDatabase, date, decimal, defineSchema, eq, gt, inArray, int, interval, json, jsonContains, jsonGet, param, string, table, time, timestamp, uuid } from '../../../pkg/index.inline.js'

describe('a parameter is of the type of what it stands beside', () => {
  const kinds = defineSchema({ t: table({ id: int().key(), u: uuid(), d: date(), ts: timestamp(), dc: decimal(), iv: interval(), tm: time(), by: bytes(), big: bigint(), us: array(uuid()), tags: array(string()) }) })
  const U = 'ffffffff-0000-0000-0000-000000000003', V = 'ffffffff-0000-0000-0000-000000000004'
  const row = { id: 1, u: U, d: '2024-01-11', ts: new Date(0), dc: '1.5', iv: '1 day', tm: '09:00:00', by: new Uint8Array([1]), big: 5n, us: [U], tags: ['a'] }
  const opened = async () => {
    const db = await createDatabase({ schema: kinds })
    db.apply([{ op: 'insert', table: 't', row: row as never }])
    return db
  }

  it('of every type, in comparisons, lists and functions, and when it is set anew', async () => {
    const db = await opened()
    const { t } = db.query
    for (const name of ['u', 'd', 'ts', 'dc', 'iv', 'tm', 'by', 'big', 'us', 'tags'] as const) {
      const given = { params: { v: row[name] } }
      for (const query of [t.where(x => eq(x[name] as never, param('v'))), t.where(x => eq(param('v'), x[name] as never)), t.where(name, '=', param('v') as never), t.where(x => inArray(x[name] as never, [param('v') as never])), t.where(x => between(x[name] as never, param('v') as never, param('v') as never))]) {
        expect(db.live(query, given).rows, name).toHaveLength(1)
      }
    }
    const live = db.live(t.where(x => anyOf(param('v'), x.us)), { params: { v: V } })
    expect(live.rows).toHaveLength(0)
    live.setParams({ v: U })
    expect(live.rows).toHaveLength(1)
    live.setParams({ v: null })
    expect(live.rows).toHaveLength(0)
    expect(db.live(t.where('ts', '=', param('v') as never), { params: { v: '1970-01-01T00:00:00Z' } }).rows).toHaveLength(1)
    expect(db.live(t.select(() => ({ v: param('v', 'uuid') })), { params: { v: U } }).rows).toEqual([{ v: U }])
  })

  it('numbers beside days and texts that do not fit are what they were', async () => {
    const db = await opened()
    const later = db.live(db.query.t.select(x => ({ d: addDays(x.d, param('n') as never) })), { params: { n: 2 } })
    expect(later.rows).toEqual([{ d: '2024-01-13' }])
    expect(() => db.live(db.query.t.where(x => eq(x.u, param('v'))), { params: { v: 'nothing' } })).toThrow(expect.objectContaining({ code: 'TYPE_MISMATCH', path: 'params.v' }))
  })

  it('json is any value, a number as well as a document', async () => {
    const db = await createDatabase({ schema: defineSchema({ t: table({ id: int().key(), j: json().nullable() }) }) })
    db.apply([{ n: 1 }, { n: 5 }, { n: true }, { n: 'a' }, { n: [5] }, null].map((j, id) => ({ op: 'insert', table: 't', row: { id, j } })))
    const { t } = db.query
    const ids = (live: { rows: readonly { id: number }[] }) => live.rows.map(r => r.id)
    const more = db.live(t.where(x => gt(jsonGet(x.j, 'n'), param('v'))).orderBy('id'), { params: { v: 3 } })
    expect(ids(more)).toEqual([1, 2, 4])
    const seen = [5, true, 'A', [1], { a: 1 }, 1.5, null].map(v => { more.setParams({ v }); return ids(more) })
    expect(seen).toEqual([[2, 4], [4], [0, 1, 2, 3, 4], [4], [], [1, 2, 4], []])
    expect(ids(db.live(t.where(x => between(param('v'), jsonGet(x.j, 'n'), 7)).orderBy('id'), { params: { v: 5 } }))).toEqual([0, 1, 3])
    expect(ids(db.live(t.where(x => jsonContains(jsonGet(x.j, 'n'), param('v'))), { params: { v: 5 } }))).toEqual([1, 4])
    expect(db.live(t.where(x => eq(x.id, 5)).select(x => ({ v: coalesce(x.j, param('v')) })), { params: { v: false } }).rows).toEqual([{ v: false }])
  })
})
