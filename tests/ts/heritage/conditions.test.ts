// Conditions of associations as `sync` judges them without a database, beside what the engine says: every operator, constants of every
// type in every spelling, null.
import { describe, expect, it } from 'vitest'
import {
  type Database, and, bigint, boolean, bytes, createDatabase, date, decimal, defineSchema, eq, gt, hasMany, inArray, int, interval, lte, not, number, or, string, table, time, timestamp, uuid,
} from '../../../pkg/index.inline.js'
import { sync } from '../../../pkg/sync/index.js'

const TYPES: Record<string, { column: () => any; values: unknown[]; constants: unknown[] }> = {
  text: { column: string, values: ['a', 'A', '', 'é', '😀', '\uffff'], constants: ['a', '', 'é', '\uffff', 'b'] },
  int: { column: int, values: [0, 1, -1], constants: [0, -0, 1, 2, 0.5] },
  float: { column: number, values: [0, NaN, Infinity, 0.1, -1], constants: [0, -0, NaN, 0.1, Infinity] },
  bigint: { column: bigint, values: [1n, 2n ** 53n + 1n, 2n ** 53n, -1n], constants: [1n, 1, 2n ** 53n, 2n ** 53n + 1n] },
  bool: { column: boolean, values: [true, false], constants: [true, false] },
  timestamp: { column: timestamp, values: [new Date(0), new Date('2024-02-29T08:00:00Z'), new Date(-1)], constants: [new Date(0), 0, '1970-01-01T00:00:00Z', '2024-02-29 10:00:00+02', new Date('2024-02-29T08:00:00Z')] },
  decimal: { column: decimal, values: ['1.5', '1.50', '0', '10', '-0.001', '9'], constants: ['1.5', '1.50', 1.5, '-0', 10n, '9'] },
  uuid: { column: uuid, values: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000', 'ffffffff-0000-0000-0000-000000000000'], constants: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'] },
  date: { column: date, values: ['2024-02-29', '1969-12-31', '10000-01-01', '0044-03-15 BC', '0001-01-01'], constants: ['2024-02-29', new Date('2024-02-29T23:00:00Z'), '10000-01-01', '0044-03-15 BC'] },
  time: { column: time, values: ['09:30:00', '00:00:00', '09:30:00.000001', '10:00:00'], constants: ['09:30', '09:30:00', '00:00:00'] },
  interval: { column: interval, values: ['1 day', '24:00:00', '1 mon', '30 days', '02:00:00', '10 days'], constants: ['1 day', 'PT24H', { hours: 24 }, '30 days', '9 days'] },
  bytes: { column: bytes, values: [new Uint8Array([1, 2]), new Uint8Array([]), new Uint8Array([1])], constants: [new Uint8Array([1, 2]), new Uint8Array([1])] },
}

/** Conditions by name, over the columns `v` and `w`. */
function conditions(constants: readonly any[]): [string, (q: any) => any][] {
  const out: [string, (q: any) => any][] = []
  const [first] = constants
  const said = (v: unknown): string => JSON.stringify(v, (_, x) => typeof x === 'bigint' ? `${x}n` : x instanceof Uint8Array ? [...x] : typeof x === 'number' ? String(x) : x)
  for (const c of constants) {
    for (const op of ['=', '!=', '<', '<=', '>', '>=', 'is', 'is not']) out.push([`${op} ${said(c)}`, q => q.where('v', op, c)])
    for (const op of ['in', 'not in']) out.push([`${op} ${said(c)}`, q => q.where('v', op, [c, first])], [`${op} null, ${said(c)}`, q => q.where('v', op, [c, null])])
    for (const op of ['between', 'not between']) out.push([`${op} ${said(c)}`, q => q.where('v', op, [first, c])], [`${op} ${said(c)} and the first`, q => q.where('v', op, [c, first])])
    out.push([`not, or ${said(c)}`, q => q.where((r: any) => not(or(eq(r.v, c), gt(r.v, first))))], [`and, in ${said(c)}`, q => q.where((r: any) => and(eq(r.v, r.w), inArray(r.v, [c, first])))], [`columns ${said(c)}`, q => q.where((r: any) => or(lte(r.v, r.w), eq(r.w, c)))])
  }
  out.push(['is null', q => q.where('v', 'is', null)], ['is not null', q => q.where('v', 'is not', null)], ['in nothing', q => q.where('v', 'in', [])])
  return out
}

describe('conditions of associations, with a database and without one', () => {
  it.each(Object.keys(TYPES))('%s', async type => {
    const { column, values, constants } = TYPES[type]
    const all = conditions(constants)
    const schema = defineSchema({ owners: table({ id: int().key() }), rows: table({ id: int().key(), owner: int(), v: column().nullable(), w: column().nullable() }) }, {
      owners: Object.fromEntries(all.map(([, where], i) => [`r${i}`, hasMany('rows', 'owner', { where })])),
    } as never) as any
    const rows = [...values, null].flatMap((v, i) => [null, ...values].slice(0, 4).map((w, n) => ({ id: i * 10 + n, owner: 1, v, w })))
    const db: Database<any> = await createDatabase({ schema })
    db.apply([{ op: 'insert', table: 'owners', row: { id: 1 } }, { op: 'insert', table: 'rows', rows }] as never)
    const wrong: string[] = []
    let some = 0
    for (const [i, [name]] of all.entries()) {
      const engine = (db.live((db.query as any).owners.with(`r${i}`)).rows[0] as any)[`r${i}`].map((r: any) => r.id)
      const alone = (sync(schema, { id: 1, [`r${i}`]: [] }, rows.map(row => ({ table: 'rows', event: 'inserted', id: row.id, row })) as never, { of: 'owners' }) as any)[`r${i}`].map((r: any) => r.id)
      if (engine.length > 0 && engine.length < rows.length) some++
      if (JSON.stringify(alone) !== JSON.stringify(engine)) wrong.push(`${name}: ${alone} and not ${engine}`)
    }
    expect(wrong).toEqual([])
    // They tell rows apart.
    expect(some).toBeGreaterThan(all.length / 2)
    db.close()
  })

  it('orders of days beyond the four digits of a year, and before Christ', async () => {
    const schema = defineSchema({ owners: table({ id: int().key() }), days: table({ d: date().key(), owner: int(), e: date() }) }, { owners: { days: hasMany('days', 'owner', { orderBy: [['e']] }) } })
    const db = await createDatabase({ schema })
    const days = ['10000-01-01', '2024-01-01', '0044-03-15 BC', '0043-01-01 BC', '99999-01-01', '0001-01-01'], row = (d: string): any => ({ d, owner: 1, e: d })
    db.apply([{ op: 'insert', table: 'owners', row: { id: 1 } }])
    const query = db.query.owners.with('days')
    let value = [...db.live(query).rows] as any[], alone = value
    for (const d of days) {
      db.apply([{ op: 'insert', table: 'days', row: row(d) }])
      const event = { table: 'days', event: 'inserted', id: d, row: row(d) } as const
      value = sync(db, value, event, { of: 'owners' })
      alone = sync(schema, alone, event, { of: 'owners' })
      expect([value, alone]).toEqual([db.live(query).rows, db.live(query).rows])
    }
    db.close()
  })
})
