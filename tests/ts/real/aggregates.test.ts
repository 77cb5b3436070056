// Aggregates through the whole way: what the builder says, what the engine finds, what rows hold.
import { describe, expect, it } from 'vitest'
import {
  arrayAgg, bigint, boolOr, bytes, count, createDatabase, defineSchema, eq, first, gt, hasMany, int, jsonAgg, last, median, min, mode, number, percentileDisc, stddevPop, string, stringAgg,
  sum, table, timestamp, varSamp,
} from '../../../pkg/index.inline.js'

const schema = defineSchema({
  sales: table({ id: int().key(), shop: string(), price: number().nullable(), pieces: int(), big: bigint(), at: timestamp(), raw: bytes() }),
})
const row = (id: number, shop: string, price: number | null, pieces = id) =>
  ({ op: 'upsert' as const, table: 'sales' as const, row: { id, shop, price, pieces, big: 2n ** 53n + 1n, at: 1_700_000_000_000 + id, raw: new Uint8Array([id]) } })

describe('aggregates', () => {
  it('follow changes, the removal of extremes too', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.sales.groupBy('shop').having(() => gt(count(), 1)).select(s => ({
      shop: s.shop, kinds: count(s.price, { distinct: true }), dear: count({ where: gt(s.price, 2) }), usual: mode(s.price), middle: median(s.price),
      third: percentileDisc(s.pieces, 0.34), spread: stddevPop(s.pieces), variance: varSamp(s.price), ids: arrayAgg(s.id, { orderBy: [s.price, 'desc', { nulls: 'last' }] }),
      list: stringAgg(s.shop, '+', { distinct: true }), newest: last(s.pieces), dearest: first(s.id, { orderBy: [[s.price, 'desc', { nulls: 'last' }]] }), any: boolOr(eq(s.price, 5)),
    })).orderBy('shop'))
    db.apply([row(1, 'a', 1), row(2, 'a', 5), row(3, 'a', 5), row(4, 'a', null), row(5, 'b', 1)])
    expect(live.rows).toEqual([{
      shop: 'a', kinds: 2, dear: 2, usual: 5, middle: 5, third: 2, spread: Math.sqrt(1.25), variance: 16 / 3, ids: [2, 3, 1, 4], list: 'a', newest: 4, dearest: 2, any: true,
    }])
    db.apply([{ op: 'delete', table: 'sales', id: 2 }, row(3, 'a', 3), row(6, 'b', 1)])
    expect(live.rows).toEqual([
      { shop: 'a', kinds: 2, dear: 1, usual: 1, middle: 2, third: 3, spread: Math.sqrt(14 / 9), variance: 2, ids: [3, 1, 4], list: 'a', newest: 4, dearest: 3, any: false },
      { shop: 'b', kinds: 1, dear: 0, usual: 1, middle: 1, third: 5, spread: 0.5, variance: 0, ids: [5, 6], list: 'b', newest: 6, dearest: 5, any: false },
    ])
    db.close()
  })

  it('put values into JSON as PostgreSQL does, and are null where there is nothing', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.sales.select(s => ({
      json: jsonAgg(s.price), at: arrayAgg(s.at), said: jsonAgg(s.at), bigs: arrayAgg(s.big), raw: arrayAgg(s.raw), text: stringAgg(s.shop, ','), n: count(), sum: sum(s.big, { distinct: true }), middle: median(s.price), first: first(s.at),
    })))
    expect(live.rows).toEqual([{ json: null, at: null, said: null, bigs: null, raw: null, text: null, n: 0, sum: null, middle: null, first: null }])
    db.apply([row(1, 'a "quoted"', NaN), row(2, 'b', null)])
    expect(live.rows[0]).toEqual({
      json: ['NaN', null], at: [new Date(1_700_000_000_001), new Date(1_700_000_000_002)], said: ['2023-11-14T22:13:20.001+00:00', '2023-11-14T22:13:20.002+00:00'], bigs: [2n ** 53n + 1n, 2n ** 53n + 1n], raw: ['\\x01', '\\x02'], text: 'a "quoted",b', n: 2, sum: 2n ** 53n + 1n, middle: NaN,
      first: new Date(1_700_000_000_001),
    })
    db.close()
  })

  it('are columns of the rows that an association belongs to', async () => {
    const db = await createDatabase({ schema: defineSchema({
      issues: table({ id: int().key(), title: string() }),
      comments: table({ id: int().key(), issueId: int(), body: string() }),
    }, { issues: { comments: hasMany('comments', 'issueId', { orderBy: [['body', 'asc']] }) } }) })
    const live = db.live(db.query.issues.withCount('comments').withAggregate('bodies', 'comments', c => stringAgg(c.body, ',')).orderBy('commentsCount', 'desc').with('comments', c => c.select('id')))
    const comment = (id: number, issueId: number, body: string) => ({ op: 'upsert' as const, table: 'comments' as const, row: { id, issueId, body } })
    db.apply([{ op: 'upsert', table: 'issues', row: { id: 1, title: 'a' } }, { op: 'upsert', table: 'issues', row: { id: 2, title: 'b' } }, comment(1, 2, 'z'), comment(2, 2, 'y')])
    expect(live.rows).toEqual([
      { id: 2, title: 'b', commentsCount: 2, bodies: 'y,z', comments: [{ id: 2 }, { id: 1 }] },
      { id: 1, title: 'a', commentsCount: 0, bodies: null, comments: [] },
    ])
    let patches: unknown[] = []
    live.subscribe(({ diff }) => { patches = diff.map(p => p.t) })
    db.apply([comment(1, 1, 'z'), { op: 'delete', table: 'comments', id: 2 }])
    expect(live.rows).toEqual([{ id: 1, title: 'a', commentsCount: 1, bodies: 'z', comments: [{ id: 1 }] }, { id: 2, title: 'b', commentsCount: 0, bodies: null, comments: [] }])
    expect(patches).toContain('move')
    db.close()
  })

  it('are columns of rows whose others were chosen before, in associations too', async () => {
    const db = await createDatabase({ schema: defineSchema({
      issues: table({ id: int().key(), title: string() }),
      comments: table({ id: int().key(), issueId: int(), body: string() }),
      votes: table({ id: int().key(), commentId: int(), points: int() }),
    }, { issues: { comments: hasMany('comments', 'issueId') }, comments: { votes: hasMany('votes', 'commentId') } }) })
    const { issues } = db.query
    const comments = db.live(issues.select('title').withCount('comments').withAggregate('first', 'comments', c => min(c.body)).orderBy('commentsCount', 'desc'))
    const nested = db.live(issues.select('id').with('comments', c => c.select('body').withCount('votes').withAggregate('points', 'votes', v => sum(v.points))))
    const later = db.live(issues.withCount('comments').select('title'))
    const made = db.live(issues.select(i => ({ name: i.title, n: 0 })).withCount('comments', 'n2'))
    db.apply([
      { op: 'insert', table: 'issues', rows: [{ id: 1, title: 'a' }, { id: 2, title: 'b' }] }, { op: 'insert', table: 'comments', rows: [{ id: 1, issueId: 2, body: 'z' }, { id: 2, issueId: 2, body: 'y' }] },
      { op: 'insert', table: 'votes', row: { id: 1, commentId: 1, points: 3 } },
    ])
    expect(comments.rows).toEqual([{ title: 'b', commentsCount: 2, first: 'y' }, { title: 'a', commentsCount: 0, first: null }])
    expect(nested.rows).toEqual([{ id: 1, comments: [] }, { id: 2, comments: [{ body: 'z', votesCount: 1, points: 3 }, { body: 'y', votesCount: 0, points: null }] }])
    expect(later.rows).toEqual([{ title: 'a' }, { title: 'b' }])
    expect(made.rows).toEqual([{ name: 'a', n: 0, n2: 0 }, { name: 'b', n: 0, n2: 2 }])
    db.apply([{ op: 'delete', table: 'comments', id: 2 }, { op: 'update', table: 'votes', id: 1, set: { points: 5 } }])
    expect(comments.rows).toEqual([{ title: 'b', commentsCount: 1, first: 'z' }, { title: 'a', commentsCount: 0, first: null }])
    expect(nested.rows[1]!.comments).toEqual([{ body: 'z', votesCount: 1, points: 5 }])
    db.close()
  })

  it('name what they cannot say', async () => {
    const db = await createDatabase({ schema })
    const failure = (make: () => unknown) => { try { make() } catch (e) { return e } }
    const of = (expr: object) => () => db.live({ toJSON: () => ({ from: 'sales', select: [{ name: 'x', expr }] }) } as never)
    const col = { op: 'col', name: 'price' }
    expect(failure(of({ op: 'agg', name: 'mode', args: [col], distinct: true }))).toMatchObject({ code: 'QUERY_INVALID', path: 'select[0].expr.distinct', offending: 'mode' })
    expect(failure(of({ op: 'agg', name: 'percentileCont', args: [col, { op: 'lit', value: 2 }] }))).toMatchObject({ code: 'QUERY_INVALID', path: 'select[0].expr.args[1]' })
    expect(failure(of({ op: 'agg', name: 'stringAg', args: [col] }))).toMatchObject({ code: 'UNKNOWN_FUNCTION', nearest: 'stringAgg' })
    db.close()
  })
})
