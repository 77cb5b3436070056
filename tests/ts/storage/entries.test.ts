// What `commit` takes as entries: what comes back as it was, and nothing that the log could not have.
import { describe, expect, it } from 'vitest'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { open, shut } from './stream.js'

const row = { op: 'insert', table: 'items', row: { id: 1, n: 1 } } as const
const cyclic: any = { list: [] }
cyclic.list.push(cyclic)
class Own { x = 1 }

describe('entries', () => {
  const cases: [string, unknown, string, string?][] = [
    ['that are a number', 5, 'entries', '5'], ['that are none', undefined, 'entries'], ['that are null', null, 'entries'], ['that are a list', [], 'entries'],
    ['whose space is a number', { a: 5 }, 'entries.a', '5'], ['whose space is a text', { a: 'xyz' }, 'entries.a', 'xyz'], ['whose space is a Map', { a: new Map() }, 'entries.a'], ['whose space is undefined', { a: undefined }, 'entries.a'],
    ['with a part of themselves', { a: { b: cyclic } }, 'entries.a.b'],
    ['with a function', { a: { b: () => 1 } }, 'entries.a.b'], ['with a method', { a: { b: { c: { toJSON: () => 1 } } } }, 'entries.a.b.c.toJSON'],
    ['with a Map', { a: { b: { c: [1, new Map()] } } }, 'entries.a.b.c[1]'], ['with a Set', { a: { b: new Set() } }, 'entries.a.b'], ['with a Date', { a: { ok: 1, b: new Date(0) } }, 'entries.a.b'],
    ['with NaN', { a: { b: NaN } }, 'entries.a.b', 'NaN'], ['with Infinity', { a: { b: [-Infinity] } }, 'entries.a.b[0]', '-Infinity'], ['with a symbol', { a: { b: Symbol('s') } }, 'entries.a.b', 'Symbol(s)'],
    ['with an object of a class', { a: { b: new Own() } }, 'entries.a.b'], ['with other bytes', { a: { b: new Uint16Array(1) } }, 'entries.a.b'], ['with a hole in a list', { a: { b: [1, undefined] } }, 'entries.a.b[1]', 'undefined'],
  ]
  it.each(cases)('%s are refused with their place, and nothing is taken', async (_, entries, path, offending) => {
    const folder = new MemoryFolder()
    const db = await open(memory(folder))
    const d = db.durability!
    d.commit(undefined, { a: { before: 1 } })
    const at = { code: 'INVALID_ARGUMENT', path, ...(offending === undefined ? {} : { offending }) }
    for (const batch of [undefined, [], [row]]) expect(() => d.commit(batch, entries as never)).toThrowError(expect.objectContaining(at))
    expect(() => db.keeper!.commitPacked(new Uint8Array(16), entries as never)).toThrowError(expect.objectContaining(at))
    expect(() => { db.keeper!.amend(1, entries as never) }).toThrowError(expect.objectContaining(at))
    expect([db.live(db.query.items).rows.length, [...d.entries('a')]]).toEqual([0, [['before', 1]]])
    d.commit([row], { a: { after: 2 } })
    await db.flush()
    await shut(db)
    const again = await open(memory(folder))
    expect([again.live(again.query.items).rows.length, [...again.durability!.entries('a')]]).toEqual([1, [['before', 1], ['after', 2]]])
    await shut(again)
  })

  it('come back as they were: deep ones, shared parts, objects without prototype, members that are undefined, bytes of a class with `toJSON`', async () => {
    const folder = new MemoryFolder()
    const db = await open(memory(folder))
    let deep: unknown = 1
    for (let i = 0; i < 400; i++) deep = i % 2 === 0 ? [deep] : { deep }
    const part = { x: [1n, null, 'a', false, -1.5] }
    const bare = Object.assign(Object.create(null), { $bigint: 'no', $object: [1] }) as object
    const proto = BigInt.prototype as { toJSON?: () => string }
    proto.toJSON = function (this: bigint) { return String(this) }
    try {
      db.durability!.commit(undefined, { a: { deep, twice: [part, part], bare, gone: { x: undefined, y: 1 }, bytes: Buffer.from([1, 2, 255]) } })
      await db.flush()
    } finally { delete proto.toJSON }
    await shut(db)
    const again = await open(memory(folder))
    expect(Object.fromEntries(again.durability!.entries('a'))).toEqual({ deep, twice: [part, part], bare: { $bigint: 'no', $object: [1] }, gone: { y: 1 }, bytes: Uint8Array.of(1, 2, 255) })
    await shut(again)
  })

  it('are as they were given, whatever the giver does to them later', async () => {
    const folder = new MemoryFolder()
    const db = await open(memory(folder))
    const given = { list: [{ n: 1 }], bytes: Uint8Array.of(1, 2) }
    db.durability!.commit(undefined, { a: { given } })
    given.list[0].n = 2
    given.list.push({ n: 3 })
    given.bytes[0] = 9
    const as = { list: [{ n: 1 }], bytes: Uint8Array.of(1, 2) }
    expect(db.durability!.entries('a').get('given')).toEqual(as)
    await db.flush()
    await shut(db)
    const again = await open(memory(folder))
    expect(again.durability!.entries('a').get('given')).toEqual(as)
    await shut(again)
  })

  it('of a database that is closed are CLOSED, as is what waits for it', async () => {
    const db = await open(memory(new MemoryFolder()))
    const d = db.durability!
    db.close()
    for (const batch of [undefined, [], [row]]) expect(() => d.commit(batch, { a: { b: 1 } })).toThrowError(expect.objectContaining({ code: 'CLOSED' }))
    expect(() => db.keeper!.commitPacked(new Uint8Array(16), {})).toThrowError(expect.objectContaining({ code: 'CLOSED' }))
    for (const flush of [() => db.flush(), () => d.flush(), () => d.checkpoint()]) await expect(flush()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(d.entries('a').size).toBe(0)
    await d.closed
  })
})
