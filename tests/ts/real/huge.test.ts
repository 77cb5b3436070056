// Values that nobody should send: refused with a typed error, early, and without keeping the memory that they took.
// A file of its own, because all databases of a file share one memory.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Db, failure, issue, open, picture, put } from './support.js'

let db: Db
let before: unknown
beforeEach(async () => {
  db = (await open()).db
  db.apply({ changes: [put('a'), put('b', { priority: 2 })], source: 's', cursor: 10 })
  before = picture(db)
})
afterEach(() => { db.close() })
const untouched = (): void => { expect(picture(db)).toEqual(before) }

describe('huge values', () => {
  it('a text of 1 GB in a stream is refused early, and its memory is given back', async () => {
    const head = new TextEncoder().encode('[{"op":"update","table":"issues","id":"a","set":{"title":"')
    const piece = new Uint8Array(1 << 20).fill(120)
    const attempt = async (): Promise<number> => {
      let pieces = 0
      const stream = new ReadableStream<Uint8Array>({ pull(c) { c.enqueue(pieces++ === 0 ? head : piece); if (pieces > 1025) c.close() } })
      await expect(db.applyJson(stream)).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE', path: 'changes[0]' })
      return pieces
    }
    expect(await attempt()).toBeLessThan(80)
    // The second finds the holes that the first left, which need not fit.
    await attempt()
    const settled = db.stats().wasmBytes
    expect(settled).toBeLessThan(400e6)
    for (let i = 0; i < 3; i++) await attempt()
    expect(db.stats().wasmBytes).toBe(settled)
    untouched()
    db.apply([put('c')])
  }, 180_000)

  it('a huge text in a row is a typed error, not a crash', () => {
    const huge = 'x'.repeat(400_000_000)
    const encoded = vi.spyOn(TextEncoder.prototype, 'encodeInto')
    expect(failure(() => db.apply([put('c'), put('d', { title: huge })]))).toMatchObject({ code: 'VALUE_TOO_LARGE', path: 'changes[1].row.title' })
    expect(failure(() => db.apply([{ op: 'update', table: 'issues', id: 'a', set: { raw: new Uint8Array(200_000_000) } }]))).toMatchObject({ code: 'VALUE_TOO_LARGE', path: 'changes[0].set.raw' })
    expect(failure(() => db.apply([put('c', { meta: { huge } })]))).toMatchObject({ code: 'VALUE_TOO_LARGE', path: 'changes[0].row.meta' })
    // Nothing of it was written anywhere.
    expect(Math.max(...encoded.mock.calls.map(([text]) => text.length))).toBeLessThan(1000)
    encoded.mockRestore()
    expect(db.stats().wasmBytes).toBeLessThan(400e6)
    untouched()
    db.apply([put('c')])
  }, 180_000)

  it('many large texts in one batch are refused together', () => {
    const large = 'x'.repeat(60_000_000)
    const rows = Array.from({ length: 20 }, (_, i) => issue(`l${i}`, { title: large }))
    expect(failure(() => db.apply([{ op: 'upsert', table: 'issues', rows }])).code).toBe('VALUE_TOO_LARGE')
    untouched()
    db.apply([put('c')])
  }, 180_000)

  it('a large text that fits is kept, and the room for it given back', () => {
    const large = 'é'.repeat(5_000_000)
    db.apply([put('c', { title: large })])
    const live = db.live(db.query.issues.where('id', '=', 'c'))
    expect(live.rows[0].title === large).toBe(true)
    db.apply([{ op: 'delete', table: 'issues', id: 'c' }])
    const { wasmBytes } = db.stats()
    for (let i = 0; i < 5; i++) {
      db.apply([put('c', { title: large })])
      db.apply([{ op: 'delete', table: 'issues', id: 'c' }])
    }
    expect(db.stats().wasmBytes).toBeLessThan(wasmBytes * 1.3)
  }, 180_000)
})
