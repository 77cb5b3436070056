import { describe, expect, it } from 'vitest'
import { decodeRow } from '../../src/ts/decoder.js'
import { Encoder } from '../../src/ts/encoder.js'
import { defineSchema } from '../../src/ts/define-schema.js'
import { EddylineError } from '../../src/ts/errors.js'
import { type TableLayout, tableLayout } from '../../src/ts/layout.js'
import { type PackedInfo, Port } from '../../src/ts/port.js'
import { bigint, boolean, bytes, int, json, number, string, table, timestamp } from '../../src/ts/schema.js'
import { canonicalJson } from '../../src/ts/values.js'
import { fakeModule } from './fake-engine.js'
import { random } from './fixtures.js'

const schema = defineSchema({
  all: table({
    id: string().key(), n: int(), big: bigint(), f: number(), b: boolean(), t: timestamp(), j: json().nullable(), y: bytes(),
    s: string().nullable(), constructor: string().nullable(), ['__proto__']: string().nullable(),
  } as never),
  pairs: table({ a: string().key(), b: int().key(), note: string() }),
  notes: table({ id: int().key(), text: string() }, { tenant: true }),
})

function setUp() {
  const port = new Port(fakeModule(), schema.json)
  const tables = new Map<string, TableLayout>()
  schema.json.tables.forEach((t, i) => tables.set(t.name, tableLayout(port.call('relations')[i] as PackedInfo, new Map(t.columns.map(c => [c.name, c.nullable])), t.key, t.tenant)))
  return { port, tables, encoder: new Encoder(port, tables) }
}

/** Encodes one row and decodes it from the batch. */
function trip(row: object): { row: Record<string, unknown>; linked: boolean } {
  const { port, tables, encoder } = setUp()
  encoder.encode([{ op: 'upsert', table: 'all', row }], undefined)
  return { row: decodeRow(port, tables.get('all')!.layout, port.base + 40) as Record<string, unknown>, linked: encoder.linkCount === 1 }
}

const base = { id: 'x', n: 1, big: 2n, f: 1.5, b: true, t: new Date(1000), j: { a: [1] }, y: new Uint8Array([1, 200]), s: null, constructor: null }
const full = (more: object): object => {
  const row: Record<string, unknown> = { ...base, ...more }
  if (!Object.hasOwn(row, '__proto__')) Object.defineProperty(row, '__proto__', { value: 'safe', enumerable: true, writable: true, configurable: true })
  return row
}

function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) { return error as EddylineError }
  throw new Error('did not throw')
}

describe('encoder and decoder', () => {
  it('give back every kind of value', () => {
    const row = full({})
    const out = trip(row)
    expect(Object.getOwnPropertyDescriptor(out.row, '__proto__')!.value).toBe('safe')
    expect(Object.keys(out.row)).toEqual(Object.keys(row))
    for (const k of Object.keys(base)) expect(out.row[k]).toEqual((row as any)[k])
    expect(out.linked).toBe(true)
    expect(({} as any).safe).toBeUndefined()
  })

  it.each([0, -1, 1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 5e9, -5e9, 2 ** 53 - 1, -(2 ** 53 - 1), 4294967295, -4294967297])('keep the integer %d', n => {
    expect(trip(full({ n })).row.n).toBe(n)
  })
  it.each([0.1, -1e300, Infinity, -Infinity, NaN, 5e-324])('keep the float %d', f => { expect(trip(full({ f })).row.f).toBe(f) })
  it.each([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)])('keep the bigint %s', big => { expect(trip(full({ big })).row.big).toBe(big) })
  it.each([0, -1, 1700000000123, -62135596800000, 8.64e15, -8.64e15, 253402300799999])('keep the moment %d', ms => {
    expect((trip(full({ t: new Date(ms) })).row.t as Date).getTime()).toBe(ms)
  })
  it.each([
    ['2024-05-01T10:00:00Z', 1714557600000], ['2024-05-01 10:00:00.123456+00', 1714557600123], ['2024-05-01T10:00:00', 1714557600000],
    ['2024-05-01T12:00:00+02:00', 1714557600000], ['2024-05-01', 1714521600000], ['1969-12-31T23:59:59.9999Z', -1],
  ])('read the time %s', (t, ms) => { expect((trip(full({ t })).row.t as Date).getTime()).toBe(ms) })
  it('keep texts of all lengths and alphabets', () => {
    const r = random(7)
    const letters = ['a', 'Z', '9', ' ', 'é', '漢', '😀', '\0', '\ufeff']
    for (let i = 0; i < 300; i++) {
      let s = ''
      for (let n = r(90); n > 0; n--) s += letters[r(i % 2 ? 4 : letters.length)]
      const out = trip(full({ s, id: s }))
      expect(out.row.s).toBe(s)
      expect(out.row.id).toBe(s)
      expect(out.linked).toBe(true)
    }
  })
  it('grow the input area in the middle of a batch', () => {
    const { encoder, port, tables } = setUp()
    const rows = Array.from({ length: 2000 }, (_, i) => ({ a: `k${i}`, b: i, note: 'é'.repeat(i % 97) }))
    encoder.encode([{ op: 'insert', table: 'pairs', rows }], undefined)
    let at = port.base + 24
    for (const row of rows) {
      expect(decodeRow(port, tables.get('pairs')!.layout, at + 16)).toEqual(row)
      at += 16 + ((port.i32[(at + 8) >> 2] + 7) & ~7)
    }
  })

  it.each<[string, object]>([
    ['−0 in a float', { f: -0 }], ['−0 in an int', { n: -0 }], ['a number for a bigint', { big: 3 }], ['a text for a time', { t: '2024-01-01' }],
    ['undefined for a nullable column', { s: undefined }], ['a lone surrogate', { s: 'a\ud800' }], ['JSON with undefined', { j: { a: undefined } }],
    ['a Date in JSON', { j: new Date(0) }], ['a Buffer', { y: Buffer.from([1]) }],
  ])('do not take the object for the row: %s', (_, more) => { expect(trip(full(more)).linked).toBe(false) })
  it('do not take an instance of a class for the row', () => {
    class Row { constructor() { Object.assign(this, base); Object.defineProperty(this, '__proto__', { value: 'x', enumerable: true }) } }
    expect(trip(new Row()).linked).toBe(false)
  })

  it('write JSON in canonical order', () => {
    expect(canonicalJson({ bb: 1, a: { z: null, y: [true, 'é"'] }, c: -0, é: 1 }, 'x')).toBe('{"a":{"y":[true,"é\\""],"z":null},"c":0,"bb":1,"é":1}')
    // Halves of surrogate pairs are all the same character in UTF-8, and an object has a key once.
    expect(canonicalJson({ '\ud800': 1, a: 0, '\udfff': 2, '\ud801': { '\udc00': 3, '\udc01': 4 }, b: 5 }, 'x')).toBe('{"a":0,"b":5,"\ufffd":{"\ufffd":4}}')
    expect(canonicalJson({ '\ud800': 1, '\udfff': 2 }, 'x')).toBe('{"\ufffd":2}')
    const loop: any = {}
    loop.loop = loop
    expect(failure(() => canonicalJson(loop, 'x')).code).toBe('JSON_TOO_DEEP')
  })
})

describe('encoder errors', () => {
  const { encoder } = setUp()
  const encode = (change: any, batch?: any) => failure(() => encoder.encode([{ op: 'delete', table: 'pairs', id: ['a', 1] }, change], batch))
  it.each<[any, string, string, string | undefined]>([
    [{ op: 'upsert', table: 'pears', row: {} }, 'UNKNOWN_TABLE', 'changes[1].table', 'pairs'],
    [{ op: 'upset', table: 'pairs' }, 'CHANGE_INVALID', 'changes[1].op', 'upsert'],
    // A misspelt column is missing and unknown: what to say is the second.
    [{ op: 'upsert', table: 'pairs', row: { a: 'x', b: 1, ntoe: '' } }, 'UNKNOWN_COLUMN', 'changes[1].row.ntoe', 'note'],
    [{ op: 'upsert', table: 'pairs', row: { a: 'x', b: 1 } }, 'MISSING_COLUMN', 'changes[1].row.note', undefined],
    [{ op: 'upsert', table: 'pairs', row: { b: 1, note: '' } }, 'MISSING_KEY', 'changes[1].row.a', undefined],
    [{ op: 'upsert', table: 'pairs', row: ['x', 1, ''] }, 'CHANGE_INVALID', 'changes[1].row', undefined],
    [{ op: 'delete', table: 'pairs', id: ['x', 1, 2] }, 'CHANGE_INVALID', 'changes[1].id', undefined],
    [{ op: 'delete', table: 'pairs', id: ['x', 1], tenant: 't' }, 'CHANGE_INVALID', 'changes[1].tenant', undefined],
    [{ op: 'upsert', table: 'pairs', row: { a: 'x', b: 1, note: '', ntoe: '' } }, 'UNKNOWN_COLUMN', 'changes[1].row.ntoe', 'note'],
    [{ op: 'upsert', table: 'pairs', rows: [{ a: 'x', b: 1, note: '' }, { a: 'x', b: 1.5, note: '' }] }, 'TYPE_MISMATCH', 'changes[1].rows[1].b', undefined],
    [{ op: 'upsert', table: 'pairs', row: { a: null, b: 1, note: '' } }, 'NULL_NOT_ALLOWED', 'changes[1].row.a', undefined],
    [{ op: 'update', table: 'pairs', id: ['x', 1], set: { noet: '' } }, 'UNKNOWN_COLUMN', 'changes[1].set.noet', 'note'],
    [{ op: 'update', table: 'pairs', id: ['x', 1], set: { b: 2 } }, 'KEY_CHANGE', 'changes[1].set.b', undefined],
    [{ op: 'delete', table: 'pairs', id: 'x' }, 'MISSING_KEY', 'changes[1].id', undefined],
    [{ op: 'delete', table: 'pairs', id: { a: 'x' } }, 'MISSING_KEY', 'changes[1].id', undefined],
    [{ op: 'upsert', table: 'notes', row: { id: 1, text: '' } }, 'TENANT_REQUIRED', 'changes[1].tenant', undefined],
    [{ op: 'upsert', table: 'pairs' }, 'CHANGE_INVALID', 'changes[1].row', undefined],
    [{ op: 'upsert', table: 'pairs', row: { a: 'x', b: 2 ** 53, note: '' } }, 'INTEGER_RANGE', 'changes[1].row.b', undefined],
    [null, 'CHANGE_INVALID', 'changes[1]', undefined],
  ])('%j', (change, code, path, nearest) => {
    const error = encode(change)
    expect(error).toBeInstanceOf(EddylineError)
    expect([error.code, error.path, error.nearest]).toEqual([code, path, nearest])
  })
  it('does not take what objects inherit for columns', () => {
    expect(failure(() => trip({ ...base, constructor: undefined, hasOwnProperty: 'x' })).code).toBe('UNKNOWN_COLUMN')
  })
})
