// Objects of any make as rows, keys and sets: getters, prototypes, names that every object has, keys in another spelling.
import { describe, expect, it } from 'vitest'
import { array, bigint, createDatabase, date, decimal, defineSchema, int, interval, string, table, timestamp, uuid } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

describe('columns with names that every object has', () => {
  const schema = defineSchema({
    t: table({ id: int().key(), constructor: string() }), k: table({ constructor: string().key(), x: int() }),
    n: table({ id: int().key(), constructor: string().nullable() }), u: table({ constructor: string().key(), b: int().key(), x: int() }),
    p: table({ id: int().key(), ['__proto__']: string() }),
  })
  it('are read by getters, too', async () => {
    const db = await createDatabase({ schema, graceMs: 0 })
    const rows = (name: string): any[] => [...(db.live as any)((db.query as any)[name]).rows]
    const apply = (change: object): any => db.apply([change] as any)
    apply({ op: 'insert', table: 't', row: { id: 1, constructor: 'old' } })
    expect(apply({ op: 'update', table: 't', id: 1, set: { get constructor() { return 'new' } } }).applied).toBe(1)
    expect(rows('t')).toEqual([{ id: 1, constructor: 'new' }])
    apply({ op: 'insert', table: 'k', row: { constructor: 'k', x: 1 } })
    expect(failure(() => apply({ op: 'update', table: 'k', id: 'k', set: { get constructor() { return 'other' }, x: 2 } })).code).toBe('KEY_CHANGE')
    expect(rows('k')).toEqual([{ constructor: 'k', x: 1 }])
    apply({ op: 'upsert', table: 'n', row: { id: 3, get constructor() { return 'g' } } })
    expect(rows('n')).toEqual([{ id: 3, constructor: 'g' }])
    apply({ op: 'insert', table: 'u', row: { constructor: 'k', b: 1, x: 1 } })
    apply({ op: 'update', table: 'u', id: { get constructor() { return 'k' }, get b() { return 1 } }, set: { x: 5 } })
    expect(rows('u')).toEqual([{ constructor: 'k', b: 1, x: 5 }])
    const own = (name: string, value: string): object => Object.defineProperty({ id: 1 }, name, { value, enumerable: true })
    apply({ op: 'insert', table: 'p', row: own('__proto__', 'old') })
    apply({ op: 'update', table: 'p', id: 1, set: Object.defineProperty({}, '__proto__', { get: () => 'new', enumerable: true }) })
    expect(Object.getOwnPropertyDescriptor(rows('p')[0], '__proto__')?.value).toBe('new')
  })
})

it('a name that is no column is told of, whatever a prototype gives', async () => {
  const db = await createDatabase({ schema: defineSchema({ t: table({ id: int().key(), a: string() }) }), graceMs: 0 })
  db.apply([{ op: 'insert', table: 't', row: { id: 1, a: 'x' } }])
  class Given { typo = 1; get a(): string { return 'g' } }
  class Row { id = 2; typo = 1; get a(): string { return 'g' } }
  for (const change of [{ op: 'update', table: 't', id: 1, set: new Given() }, { op: 'upsert', table: 't', row: new Row() }]) {
    const error = failure(() => db.apply([change] as any))
    expect([error.code, error.offending, error.path]).toEqual(['UNKNOWN_COLUMN', 'typo', `changes[0].${change.op === 'update' ? 'set' : 'row'}.typo`])
  }
  for (const set of [new Map([['a', 'y']]), new Set(['a']), new Date(), Promise.resolve({ a: 'y' })]) {
    const error = failure(() => db.apply([{ op: 'update', table: 't', id: 1, set }] as any))
    expect([error.code, error.path]).toEqual(['CHANGE_INVALID', 'changes[0].set'])
  }
  expect(db.apply([{ op: 'update', table: 't', id: 1, set: {} }, { op: 'update', table: 't', id: 1, set: Object.create(null) }]).applied).toBe(0)
  class Fine { get a(): string { return 'fine' } }
  class Id { get id(): number { return 1 } }
  db.apply([{ op: 'update', table: 't', id: new Id() as never, set: new Fine() }])
  expect(db.live(db.query.t).rows).toEqual([{ id: 1, a: 'fine' }])
})

describe('a set that names the key', () => {
  const cases: [string, () => any, row: unknown, id: unknown, same: unknown[], other: unknown][] = [
    ['array', () => array(int()), [1, 2], [[1, 2]], [[1, 2]], [2, 1]],
    ['timestamp', timestamp, 0, new Date(0), [0, new Date(0), '1970-01-01T00:00:00Z'], 1],
    ['decimal', decimal, '1.50', '1.5', ['1.50', '1.5', 1.5], '1.51'],
    ['uuid', uuid, '00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000a', ['00000000-0000-4000-8000-00000000000A'], '00000000-0000-4000-8000-00000000000b'],
    ['int', int, 0, 0, [-0, 0], 1],
    ['bigint', bigint, 7n, 7, [7n, 7], 8n],
    ['date', date, '2026-11-22', '2026-11-22', [new Date('2026-11-22')], '2026-11-23'],
    ['interval', interval, '1 day', '1 day', ['24:00:00', { days: 1 }], '2 days'],
    ['text', string, 'a', 'a', ['a'], 'b'],
  ]
  it.each(cases)('%s: the same value in any spelling is no change of it', async (_, column, row, id, same, other) => {
    const db = await createDatabase({ schema: defineSchema({ t: table({ id: column().key(), x: int() }) }), graceMs: 0 })
    const apply = (change: object): unknown => db.apply([change] as any)
    apply({ op: 'insert', table: 't', row: { id: row, x: 0 } })
    let x = 0
    for (const value of same) apply({ op: 'update', table: 't', id, set: { id: value, x: ++x } })
    expect((db.live(db.query.t).rows as any)[0].x).toBe(same.length)
    const told = (value: unknown): unknown[] => { const e = failure(() => apply({ op: 'update', table: 't', id, set: { x: 99, id: value } })); return [e.code, e.path] }
    expect(told(other)).toEqual(['KEY_CHANGE', 'changes[0].set.id'])
    expect(told(null)).toEqual(['NULL_NOT_ALLOWED', 'changes[0].set.id'])
    expect(told(Symbol.iterator)[0]).toBe('TYPE_MISMATCH')
    expect((db.live(db.query.t).rows as any)[0].x).toBe(same.length)
  })
})
