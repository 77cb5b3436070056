// Elements of arrays, and matches of patterns, as rows.
import { expect, it } from 'vitest'
import { array, arrayAt, count, createDatabase, defineSchema, eq, gt, int, regexpMatch, regexpMatches, string, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({ posts: table({ id: int().key(), body: string().nullable(), tags: array(string().nullable()).nullable() }), tags: table({ name: string().key(), color: string() }) })
const open = async () => {
  const db = await createDatabase({ schema })
  db.apply([{ op: 'insert', table: 'posts', rows: [
    { id: 1, body: 'see #a and #bc', tags: ['x', 'y', 'x'] }, { id: 2, body: null, tags: null }, { id: 3, body: 'none', tags: [] }, { id: 4, body: '#a', tags: [null, 'y'] },
  ] }, { op: 'insert', table: 'tags', rows: [{ name: 'x', color: 'red' }, { name: 'y', color: 'blue' }] }])
  return db
}

it('elements are rows with their numbers, which come and go one by one', async () => {
  const db = await open()
  const live = db.live(db.query.posts.unnest('t', p => p.tags).select(r => ({ id: r.posts.id, tag: r.t.value, n: r.t.ordinality })))
  const shown = (): string[] => live.rows.map(r => `${r.id}${String(r.tag)}${r.n}`)
  expect(shown()).toEqual(['1x1', '1y2', '1x3', '4null1', '4y2'])
  const told: string[] = []
  live.subscribe(e => { told.push(...e.diff.map(p => `${p.t}`)) })
  db.apply([{ op: 'update', table: 'posts', id: 1, set: { tags: ['x', 'z', 'x', 'w'] } }])
  expect(shown()).toEqual(['1x1', '1z2', '1x3', '1w4', '4null1', '4y2'])
  expect(told.sort()).toEqual(['add', 'set'])
  db.apply([{ op: 'delete', table: 'posts', id: 1 }, { op: 'update', table: 'posts', id: 2, set: { tags: ['q'] } }])
  expect(shown()).toEqual(['2q1', '4null1', '4y2'])
})

it('rows without elements stay where they are asked for; elements are joined, grouped and filtered like any column', async () => {
  const db = await open()
  expect(db.live(db.query.posts.unnest('t', p => p.tags, 'left').select(r => ({ id: r.posts.id, tag: r.t.value, n: r.t.ordinality }))).rows.filter(r => r.n === null).map(r => r.id)).toEqual([2, 3])
  const joined = db.live(db.query.posts.unnest('t', p => p.tags).innerJoin('tags', (r, t) => eq(r.t.value, t.name)).where(r => gt(r.t.ordinality, 1)).select(r => ({ id: r.posts.id, color: r.tags.color })))
  expect(joined.rows).toEqual([{ id: 1, color: 'blue' }, { id: 1, color: 'red' }, { id: 4, color: 'blue' }])
  const groups = db.live(db.query.posts.unnest('t', p => p.tags).groupBy(r => ({ tag: r.t.value })).select(r => ({ tag: r.t.value, n: count() })))
  expect(groups.rows).toEqual([{ tag: 'x', n: 2 }, { tag: 'y', n: 2 }, { tag: null, n: 1 }])
})

it('matches of a pattern are rows: what its groups are, or the match', async () => {
  const db = await open()
  const live = db.live(db.query.posts.unnest('m', p => regexpMatches(p.body, '#(\\w)(\\w)?')).select(r => ({ id: r.posts.id, all: r.m.value, first: arrayAt(r.m.value, 1) })))
  expect(live.rows).toEqual([{ id: 1, all: ['a', null], first: 'a' }, { id: 1, all: ['b', 'c'], first: 'b' }, { id: 4, all: ['a', null], first: 'a' }])
  db.apply([{ op: 'update', table: 'posts', id: 1, set: { body: '#zz' } }])
  expect(live.rows.map(r => r.all)).toEqual([['z', 'z'], ['a', null]])
  const one = db.live(db.query.posts.select(p => ({ id: p.id, found: regexpMatch(p.body, 'n(o)|#(.)'), whole: regexpMatch(p.body, '#.') })))
  expect(one.rows).toEqual([
    { id: 1, found: [null, 'z'], whole: ['#z'] }, { id: 2, found: null, whole: null }, { id: 3, found: ['o', null], whole: null }, { id: 4, found: [null, 'a'], whole: ['#a'] },
  ])
})

it('matches are rows only, and their flags are in the pattern', async () => {
  const db = await open()
  const e = failure(() => db.query.posts.select(p => ({ m: regexpMatches(p.body, '#.') as never })))
  expect([e.code, e.path, e.offending]).toEqual(['QUERY_INVALID', 'select.m', 'regexpMatches'])
  expect(failure(() => db.query.posts.select(p => ({ m: arrayAt(regexpMatches(p.body, '#.') as never, 1) })))).toMatchObject({ code: 'QUERY_INVALID', offending: 'regexpMatches' })
  expect(failure(() => db.query.posts.unnest('m', p => (regexpMatches as any)(p.body, '#A', 'i')))).toMatchObject({ code: 'QUERY_INVALID', path: 'joins[0].unnest.flags', offending: 'i' })
  expect(db.live(db.query.posts.unnest('m', p => regexpMatches(p.body, '(?i)#A')).select(r => ({ m: r.m.value }))).rows).toEqual([{ m: ['#a'] }, { m: ['#a'] }])
})

it('what cannot be taken apart is refused at its place', async () => {
  const db = await open()
  const said = (join: object): unknown[] => { const e = failure(() => db.live({ toJSON: () => ({ from: 'posts', joins: [join], select: [{ name: 'id', expr: { op: 'col', name: 'id', of: 'posts' } }] }) } as never)); return [e.code, e.path] }
  const tags = { op: 'col', name: 'tags' }
  expect(said({ kind: 'cross', unnest: tags })).toEqual(['QUERY_INVALID', 'joins[0].alias'])
  expect(said({ kind: 'cross', unnest: { op: 'col', name: 'body' }, alias: 't' })).toEqual(['TYPE_MISMATCH', 'joins[0].unnest'])
  expect(said({ kind: 'cross', unnest: { op: 'col', name: 'tag' }, alias: 't' })).toEqual(['UNKNOWN_COLUMN', 'joins[0].unnest'])
  expect(said({ kind: 'right', unnest: tags, alias: 't', on: { op: 'lit', value: true } })).toEqual(['QUERY_INVALID', 'joins[0].kind'])
  expect(said({ kind: 'left', unnest: tags, alias: 't', on: { op: '=', args: [{ op: 'col', name: 'value' }, { op: 'lit', value: 'x' }] } })).toEqual(['QUERY_INVALID', 'joins[0].kind'])
  expect(said({ kind: 'cross', unnest: tags, table: 'tags', alias: 't' })).toEqual(['QUERY_INVALID', 'joins[0].table'])
  expect(said({ kind: 'cross', unnest: { op: 'regexpMatches', args: [{ op: 'col', name: 'body' }, { op: 'col', name: 'body' }] }, alias: 't' })[0]).toBe('QUERY_INVALID')
  expect(() => db.query.posts.unnest('posts', p => p.tags)).toThrow(expect.objectContaining({ code: 'QUERY_INVALID' }))
})
