// Keys whose one value has several forms or spellings: all of them name one row, wherever a key is given.
import { describe, expect, it } from 'vitest'
import { array, createDatabase, decimal, defineSchema, int, interval, string, table, timestamp } from '../../../pkg/index.inline.js'
import { subscribe } from '../../../pkg/sync/index.js'
import { watches } from '../../../pkg/watch/index.js'
import { eventually, failure } from './support.js'

const schema = defineSchema({
  prices: table({ at: decimal().key(), n: int() }),
  rates: table({ every: interval().key(), n: int() }),
  paths: table({ path: array(string()).key(), n: int() }),
  pairs: table({ at: decimal().key(), every: interval().key(), n: int() }),
})

/** A database whose `fetchRow` answers when it is told to. */
async function asking() {
  const asked: unknown[] = [], waiting: (() => void)[] = [], errors: unknown[] = []
  const db = await createDatabase({
    schema, onError: e => { errors.push(e) },
    fetchRow: async (name, key) => {
      asked.push(key)
      await new Promise<void>(done => { waiting.push(done) })
      return name === 'pairs' ? { at: key[0], every: key[1], n: asked.length } : name === 'prices' ? { at: key, n: asked.length } : name === 'rates' ? { every: key, n: asked.length } : { path: key, n: asked.length }
    },
  })
  return { db, asked, errors, answer: () => { for (const done of waiting.splice(0)) done() } }
}

describe('a row that is touched under several spellings of its key', () => {
  it('is asked for once', async () => {
    const { db, asked, answer } = await asking()
    db.apply([{ op: 'touch', table: 'prices', id: '1.5' }, { op: 'touch', table: 'prices', id: '1.50' }, { op: 'touch', table: 'prices', id: 1.5 }])
    db.apply([{ op: 'touch', table: 'rates', id: '1 mon' }, { op: 'touch', table: 'rates', id: '30 days' }])
    db.apply([{ op: 'touch', table: 'pairs', id: ['1.0', '1 day'] }, { op: 'touch', table: 'pairs', id: { at: 1, every: '24:00' } }])
    await eventually(() => asked.length > 2)
    answer()
    const live = db.live(db.query.prices)
    await eventually(() => live.rows.length > 0)
    expect(asked).toEqual(['1.5', '1 mon', ['1.0', '1 day']])
    db.close()
  })

  it('is asked for again when the touch comes during the request', async () => {
    const { db, asked, answer } = await asking()
    const live = db.live(db.query.prices)
    db.apply([{ op: 'touch', table: 'prices', id: '1.5' }])
    await eventually(() => asked.length === 1)
    db.apply([{ op: 'touch', table: 'prices', id: '1.50' }])
    answer()
    await eventually(() => asked.length === 2)
    answer()
    await eventually(() => live.rows.length > 0)
    expect(live.rows).toEqual([{ at: '1.5', n: 2 }])
    db.close()
  })

  it('fails once, and is known again when it comes under another', async () => {
    let asks = 0
    const db = await createDatabase({ schema, onError: () => {}, fetchRow: async () => { asks++; throw new Error('offline') } })
    const live = db.live(db.query.prices)
    db.apply([{ op: 'touch', table: 'prices', id: '1.5' }])
    await eventually(() => live.error !== undefined)
    db.apply([{ op: 'touch', table: 'prices', id: '1.500' }])
    await eventually(() => asks === 2)
    await eventually(() => live.error !== undefined)
    expect(db.retry()).toBe(1)
    await eventually(() => asks === 3)
    db.apply([{ op: 'upsert', table: 'prices', row: { at: '1.50', n: 1 } }])
    await eventually(() => live.error === undefined)
    expect(live.error).toBe(undefined)
    db.close()
  })

  it('is not another row: an answer with another key is refused', async () => {
    const errors: unknown[] = []
    const db = await createDatabase({ schema, onError: e => { errors.push(e) }, fetchRow: async (name, key) => name === 'prices' ? { at: '1.6', n: 1 } : { every: '31 days', n: 1 } })
    db.apply([{ op: 'touch', table: 'prices', id: '1.50' }, { op: 'touch', table: 'rates', id: '1 mon' }])
    await eventually(() => errors.length > 1)
    expect(errors).toMatchObject([{ code: 'FETCH_FAILED' }, { code: 'FETCH_FAILED' }])
    expect(db.live(db.query.prices).rows).toEqual([])
    expect(db.live(db.query.rates).rows).toEqual([])
    db.close()
  })
})

describe('moments as keys that differ in microseconds', () => {
  const moments = defineSchema({ ticks: table({ device: int().key(), at: timestamp().key(), n: int() }), turns: table({ at: timestamp().key(), n: int() }) })
  const at = (micros: string) => `2024-01-01T00:00:00.${micros}Z`
  const a = at('123456'), b = at('123789'), whole = new Date(at('123'))

  it('are touched each for itself: asked for by their text, stored, deleted', async () => {
    const asked: unknown[] = [], errors: unknown[] = []
    const db = await createDatabase({
      schema: moments, onError: e => { errors.push(e) },
      fetchRow: async (name, key) => { asked.push(key); return name === 'turns' ? key === a ? null : { at: key, n: 10 } : { device: key[0], at: key[1], n: 10 } },
    })
    db.apply([{ op: 'insert', table: 'turns', rows: [a, b, whole].map((at, n) => ({ at, n })) }, { op: 'insert', table: 'ticks', rows: [a, b].map((at, n) => ({ device: 1, at, n })) }])
    db.apply([a, b, whole, '2024-01-01 01:00:00.123456+01'].map(id => ({ op: 'touch', table: 'turns', id })))
    db.apply([a, b].map(at => ({ op: 'touch', table: 'ticks', id: [1, at] })))
    await eventually(() => db.live(db.query.ticks.where('n', '=', 10)).rows.length === 2)
    expect([asked, errors]).toEqual([[a, b, whole, [1, a], [1, b]], []])
    expect([db.live(db.query.turns.orderBy('n')).rows.map(r => r.n), db.live(db.query.ticks).rows.map(r => r.n)]).toEqual([[10, 10], [10, 10]])
    db.close()
  })

  it('also before 1970 and beyond the year 9999', async () => {
    const asked: unknown[] = []
    const db = await createDatabase({ schema: moments, onError: () => {}, fetchRow: async (_, key) => { asked.push(key); return { at: key, n: 1 } } })
    const keys = ['1969-12-31T23:59:59.999999Z', '+012024-01-01T00:00:00.000001Z', '-000100-01-01T00:00:00.123456Z']
    db.apply(keys.map(id => ({ op: 'touch', table: 'turns', id })))
    await eventually(() => db.live(db.query.turns).rows.length === 3)
    expect(asked).toEqual(keys)
    db.apply(keys.map(id => ({ op: 'delete', table: 'turns', id })))
    expect(db.live(db.query.turns).rows).toEqual([])
    db.close()
  })

  it('come each for itself to who waits for them, and an answer with another one is refused', async () => {
    let fails = true
    const errors: unknown[] = []
    const db = await createDatabase({ schema: moments, onError: e => { errors.push(e) }, fetchRow: async (_, key) => { if (fails) throw new Error('offline'); return { at: new Date(key), n: 1 } } })
    const live = db.live(db.query.turns)
    db.apply([a, b].map(id => ({ op: 'touch', table: 'turns', id })))
    await eventually(() => errors.length === 2)
    db.apply([{ op: 'upsert', table: 'turns', row: { at: a, n: 1 } }])
    fails = false
    expect(db.retry()).toBe(1)
    await eventually(() => live.error?.message.includes('another row') === true)
    expect(live.error).toMatchObject({ code: 'FETCH_FAILED' })
    db.apply([{ op: 'upsert', table: 'turns', row: { at: b, n: 2 } }])
    await eventually(() => live.error === undefined)
    expect([live.error, live.rows.map(r => r.n)]).toEqual([undefined, [1, 2]])
    db.close()
  })
})

describe('a key that is one list, or parts of an interval', () => {
  it('is given as its value, in an array, or by its column', async () => {
    const db = await createDatabase({ schema })
    db.apply([{ op: 'insert', table: 'rates', row: { every: { hours: 1 }, n: 0 } }, { op: 'insert', table: 'paths', rows: [{ path: ['a', 'b'], n: 0 }, { path: ['a'], n: 0 }, { path: [], n: 0 }] }])
    let n = 0
    for (const id of [{ hours: 1 }, { minutes: 60 }, '01:00', [{ hours: 1 }], { every: { hours: 1 } }]) expect(db.apply([{ op: 'update', table: 'rates', id, set: { n: ++n } }]).applied).toBe(1)
    for (const path of [['a', 'b'], ['a'], []]) for (const id of [path, [path], { path }]) expect(db.apply([{ op: 'update', table: 'paths', id, set: { n: ++n } }]).applied).toBe(1)
    db.apply([{ op: 'delete', table: 'rates', id: { hours: 1 } }, { op: 'delete', table: 'paths', id: ['a', 'b'] }])
    expect(db.live(db.query.rates).rows).toEqual([])
    expect(db.live(db.query.paths.orderBy('path')).rows.map(r => r.path)).toEqual([[], ['a']])
    expect(failure(() => db.apply([{ op: 'delete', table: 'rates', id: {} as never }]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'changes[0].id' })
    db.close()
  })

  it('is fetched by it', async () => {
    const { db, asked, errors, answer } = await asking()
    db.apply([{ op: 'touch', table: 'rates', id: { hours: 1 } }, { op: 'touch', table: 'paths', id: ['a', 'b'] }, { op: 'touch', table: 'paths', id: ['a'] }, { op: 'touch', table: 'paths', id: [[]] }])
    await eventually(() => asked.length === 4 || errors.length > 0)
    answer()
    const live = db.live(db.query.paths)
    await eventually(() => live.rows.length === 3 || errors.length > 0)
    expect(errors).toEqual([])
    expect(asked).toEqual(['01:00:00', ['a', 'b'], ['a'], []])
    db.close()
  })

  it('is watched and subscribed to by it', async () => {
    const db = await createDatabase({ schema })
    db.apply([{ op: 'insert', table: 'rates', row: { every: { hours: 1 }, n: 0 } }, { op: 'insert', table: 'paths', rows: [{ path: ['a', 'b'], n: 0 }, { path: ['a'], n: 0 }] }])
    const told: string[] = []
    const scope = watches(db)
    scope.watchRow('rates', { minutes: 60 }, () => { told.push('rate watched') })
    scope.watchRow('paths', ['a'], () => { told.push('a watched') })
    scope.watchRow('paths', ['a', 'b'], () => { told.push('a/b watched') })
    subscribe(db, 'rates', { id: { minutes: 60 } }, () => { told.push('rate') })
    subscribe(db, 'paths', { id: ['a'] }, () => { told.push('a') })
    subscribe(db, 'paths', { id: ['a', 'b'] }, () => { told.push('a/b') })
    db.apply([{ op: 'update', table: 'rates', id: '01:00', set: { n: 1 } }, { op: 'update', table: 'paths', id: [['a', 'b']], set: { n: 1 } }])
    await eventually(() => told.length >= 4)
    expect([...told].sort()).toEqual(['a/b', 'a/b watched', 'rate', 'rate watched'])
    db.apply([{ op: 'update', table: 'paths', id: [['a']], set: { n: 1 } }])
    await eventually(() => told.length >= 6)
    expect(told.slice(4).sort()).toEqual(['a', 'a watched'])
    db.close()
  })
})
