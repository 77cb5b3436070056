// Arrays from objects and JSON through the engine to rows, keys and expressions.
import { describe, expect, it } from 'vitest'
import {
  and, anyOf, array, arrayAgg, arrayAt, arrayContains, arrayLength, arrayOverlaps, arrayPosition, arrayToText, bigint, boolean, cardinality, cast, count, createDatabase, date, defineSchema, eq, from, gt, int, jsonAgg, max,
  number, param, string, table, timestamp, uuid,
} from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({
  posts: table({ id: int().key(), tags: array(string().nullable()), votes: array(int()).nullable() }),
  paths: table({ path: array(int()).key(), name: string() }),
  all: table({ id: int().key(), b: array(boolean()), f: array(number()), t: array(timestamp()), d: array(date()), u: array(uuid()), i: array(bigint()) }),
})
const post = (id: number, tags: (string | null)[], votes: number[] | null = null) => ({ op: 'upsert' as const, table: 'posts' as const, row: { id, tags, votes } })

describe('arrays', () => {
  it('are lists in rows, in whatever form they come', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.posts.orderBy('tags'))
    db.apply([post(1, ['b']), post(2, ['a', 'b'], [1, 2]), post(3, []), post(4, ['a']), post(5, [null]), post(6, ['\0', 'a\u0001ß"'])])
    db.applyJson('[{"op":"upsert","table":"posts","row":{"id":7,"tags":[ "a", null ],"votes":[9007199254740993]}}]')
    expect(live.rows.map(r => [r.id, r.tags, r.votes])).toEqual([
      [3, [], null], [6, ['\0', 'a\u0001ß"'], null], [4, ['a'], null], [2, ['a', 'b'], [1, 2]], [7, ['a', null], [9007199254740993n]], [1, ['b'], null], [5, [null], null],
    ])
    const day = new Date('2024-02-29T12:00:00Z')
    const row = { id: 1, b: [true, false], f: [-0, 1.5, NaN, -Infinity], t: [day], d: ['0044-03-15 BC', '2024-02-29'], u: ['A0EEBC999C0B4EF8BB6D6BB9BD380A11'], i: [-(2n ** 63n), 5n] }
    db.apply([{ op: 'insert', table: 'all', row }])
    expect(db.live(db.query.all).rows).toEqual([{ ...row, f: [0, 1.5, NaN, -Infinity], u: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], i: [-(2n ** 63n), 5] }])
  })

  it('are keys, by their elements', async () => {
    const db = await createDatabase({ schema })
    const live = db.live(db.query.paths)
    db.apply([{ op: 'insert', table: 'paths', row: { path: [1, 10], name: 'x' } }, { op: 'insert', table: 'paths', row: { path: [1, 2], name: 'y' } }, { op: 'insert', table: 'paths', row: { path: [1], name: 'z' } }])
    db.apply([{ op: 'update', table: 'paths', id: [[1, 10]], set: { name: 'w' } }])
    expect(live.rows.map(r => [r.path, r.name])).toEqual([[[1], 'z'], [[1, 2], 'y'], [[1, 10], 'w']])
  })

  it('are searched, measured and written', async () => {
    const db = await createDatabase({ schema })
    db.apply([post(1, ['a', 'b c', null], [3, 4]), post(2, ['x'])])
    const live = db.live(db.query.posts.select(p => ({
      has: anyOf('x', p.tags), both: arrayContains(p.tags, ['a', 'b c']), one: arrayOverlaps(p.tags, ['x', 'a']), n: cardinality(p.tags), none: arrayLength(p.votes), second: arrayAt(p.tags, 2),
      at: arrayPosition(p.votes, 4), text: arrayToText(p.tags, ', '), cast: cast(p.tags, 'text'),
    })))
    expect(live.rows).toEqual([
      { has: null, both: true, one: true, n: 3, none: 2, second: 'b c', at: 2, text: 'a, b c', cast: '{a,"b c",NULL}' },
      { has: true, both: false, one: true, n: 1, none: null, second: null, at: null, text: 'x', cast: '{x}' },
    ])
    const groups = db.live(db.query.posts.groupBy('tags').select(p => ({ tags: p.tags, n: count(), most: max(p.votes), all: jsonAgg(p.votes) })))
    expect(groups.rows).toEqual([{ tags: ['a', 'b c', null], n: 1, most: [3, 4], all: [[3, 4]] }, { tags: ['x'], n: 1, most: null, all: [null] }])
    const found = db.live(db.query.posts.where(p => and(eq(p.tags, ['x']), anyOf(param('tag', 'text'), p.tags))), { params: { tag: 'x' } })
    expect(found.rows.map(r => r.id)).toEqual([2])
    found.setParams({ tag: 'y' })
    expect(found.rows).toEqual([])
  })

  it('of other elements are refused, with the place', async () => {
    const db = await createDatabase({ schema })
    expect(failure(() => db.apply([post(1, [1 as any])]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'changes[0].row.tags' })
    expect(failure(() => db.applyJson('[{"op":"upsert","table":"posts","row":{"id":7,"tags":[["a"]]}}]'))).toMatchObject({ code: 'TYPE_MISMATCH' })
    expect(failure(() => db.live(db.query.posts.where(p => anyOf(1 as any, p.tags))))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'where.args[0]' })
    expect(failure(() => db.live(db.query.posts.where(p => arrayOverlaps(p.tags, p.votes as any))))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'where.args[1]' })
  })

  it('are made of the rows of groups, and are arrays there too', async () => {
    const db = await createDatabase({ schema: defineSchema({ marks: table({ id: int().key(), post: int(), tag: string().nullable(), at: timestamp() }) }) })
    const mark = (id: number, post: number, tag: string | null) => ({ op: 'upsert' as const, table: 'marks' as const, row: { id, post, tag, at: id } })
    db.apply([mark(1, 1, 'b'), mark(2, 1, 'a'), mark(3, 1, null), mark(4, 2, 'a'), mark(5, 3, null)])
    const lists = db.query.marks.groupBy('post').select(m => ({ post: m.post, tags: arrayAgg(m.tag, { orderBy: m.tag }), ats: arrayAgg(m.at) }))
    const live = db.live(lists.orderBy('tags'))
    expect(live.rows).toEqual([
      { post: 2, tags: ['a'], ats: [new Date(4)] }, { post: 1, tags: ['a', 'b', null], ats: [new Date(1), new Date(2), new Date(3)] }, { post: 3, tags: [null], ats: [new Date(5)] },
    ])
    const of = from(lists.as('lists'))
    const found = db.live(of.where(l => and(arrayContains(l.tags, ['a']), anyOf('a', l.tags))).orderBy('post').select('post'))
    const same = db.live(of.where(l => eq(l.tags, ['a'])).select('post'))
    const single = db.live(db.query.marks.groupBy('post').having(m => gt(cardinality(arrayAgg(m.tag)), 1)).select(m => ({ post: m.post, second: arrayAt(arrayAgg(m.tag, { orderBy: [m.tag, 'desc', { nulls: 'last' }] }), 2) })))
    const rows = db.live(of.unnest('tag', l => l.tags).select(r => ({ post: r.lists.post, tag: r.tag.value, n: r.tag.ordinality })).orderBy('post').orderBy('n'))
    expect([found.rows, same.rows, single.rows]).toEqual([[{ post: 1 }, { post: 2 }], [{ post: 2 }], [{ post: 1, second: 'a' }]])
    expect(rows.rows).toEqual([{ post: 1, tag: 'a', n: 1 }, { post: 1, tag: 'b', n: 2 }, { post: 1, tag: null, n: 3 }, { post: 2, tag: 'a', n: 1 }, { post: 3, tag: null, n: 1 }])
    db.apply([{ op: 'delete', table: 'marks', id: 1 }, mark(3, 2, 'c')])
    expect(found.rows).toEqual([{ post: 1 }, { post: 2 }])
    expect(same.rows).toEqual([{ post: 1 }])
    expect(rows.rows.map(r => [r.post, r.tag])).toEqual([[1, 'a'], [2, 'a'], [2, 'c'], [3, null]])
    // Nothing makes no list.
    db.apply([{ op: 'reset', table: 'marks', rows: [] }])
    expect(db.live(db.query.marks.select(m => ({ all: arrayAgg(m.tag) }))).rows).toEqual([{ all: null }])
  })
})
