// Lists of associations: in the order of arrival where none is declared, and with duplicates kept where that is asked for.
import { describe, expect, it } from 'vitest'
import { type Patch, createDatabase, defineSchema, hasMany, int, manyToMany, plainPatches, string, table, through } from '../../../pkg/index.inline.js'
import { close, subscribe, sync } from '../../../pkg/sync/index.js'

const schema = defineSchema({
  people: table({ id: int().key() }),
  posts: table({ id: int().key(), personId: int().nullable(), name: string() }),
  tags: table({ id: int().key(), name: string() }),
  postsTags: table({ id: int().key(), postId: int(), tagId: int() }),
}, {
  people: { posts: hasMany('posts', 'personId'), sorted: hasMany('posts', 'personId', { orderBy: [['name', 'asc']] }), tags: through('posts', 'tags'), allTags: through('posts', 'every') },
  posts: {
    tags: manyToMany('tags', 'postsTags', ['postId', 'tagId']),
    every: manyToMany('tags', 'postsTags', ['postId', 'tagId'], { duplicates: 'keep' }),
    byName: manyToMany('tags', 'postsTags', ['postId', 'tagId'], { duplicates: 'keep', orderBy: [['name', 'asc']] }),
  },
})
const open = () => createDatabase({ schema, graceMs: 0, onError: e => { throw e } })
const person = (id: number) => ({ op: 'upsert', table: 'people', row: { id } }) as const
const post = (id: number, personId: number | null, name = 'x') => ({ op: 'upsert', table: 'posts', row: { id, personId, name } }) as const
const tag = (id: number, name = `tag ${id}`) => ({ op: 'upsert', table: 'tags', row: { id, name } }) as const
const tagged = (id: number, postId: number, tagId: number) => ({ op: 'upsert', table: 'postsTags', row: { id, postId, tagId } }) as const
const gone = (table: 'posts' | 'tags' | 'postsTags', id: number) => ({ op: 'delete', table, id }) as const
const ids = (rows: readonly { id: number }[]): number[] => rows.map(r => r.id)

describe('lists without a declared order', () => {
  it('grow at the end; changed rows stay where they are, rows that move in come last', async () => {
    const db = await open()
    db.apply([person(1), person(2), post(9, 1), post(4, 1), post(7, 1), post(2, 2)])
    const live = db.live(db.query.people.with('posts'))
    const diffs: Patch[][] = []
    live.subscribe(({ diff }) => { diffs.push(plainPatches(diff)) })
    const lists = (): number[][] => live.rows.map(p => ids(p.posts))
    expect(lists()).toEqual([[9, 4, 7], [2]])
    db.apply([post(9, 1, 'renamed')])
    expect([lists()[0], diffs.pop()]).toEqual([[9, 4, 7], [{ t: 'set', path: [1, 'posts'], key: 9, fields: { name: 'renamed' } }]])
    db.apply([post(1, 1)])
    expect(diffs.pop()).toEqual([{ t: 'add', path: [1, 'posts'], key: 1, at: 3, value: { id: 1, personId: 1, name: 'x' } }])
    db.apply([post(4, 2)])
    expect(lists()).toEqual([[9, 7, 1], [2, 4]])
    db.apply([post(4, 1)])
    expect(lists()).toEqual([[9, 7, 1, 4], [2]])
    // The same for who comes later, for other windows, and where another order is asked for.
    expect(ids(db.live(db.query.people.with('posts', p => p.limit(2))).rows[0].posts)).toEqual([9, 7])
    expect(ids(db.live(db.query.people.with('posts', p => p.orderBy('id'))).rows[0].posts)).toEqual([1, 4, 7, 9])
    expect(ids(db.live(db.query.people.with('sorted')).rows[0].sorted)).toEqual([9, 1, 4, 7])
  })

  it('are the same after the same log', async () => {
    const log = [
      [person(1), post(3, 1), post(1, 1), tag(5), tag(6), tagged(8, 3, 6), tagged(2, 3, 5)],
      [post(2, 1), tagged(1, 1, 5)], [gone('postsTags', 2)], [post(3, null)], [post(3, 1), post(1, 1, 'new')],
    ]
    const query = (db: Awaited<ReturnType<typeof open>>) => db.query.people.with('posts', p => p.with('tags')).with('tags')
    const [a, b] = [await open(), await open()]
    const early = a.live(query(a))
    for (const changes of log) { a.apply(changes); b.apply(changes) }
    expect(b.live(query(b)).rows).toEqual(early.rows)
    expect([ids(early.rows[0].posts), ids(early.rows[0].tags)]).toEqual([[1, 2, 3], [5, 6]])
  })
})

describe("manyToMany with duplicates: 'keep'", () => {
  it('shows a row once per row of the join table, each with a key of its own', async () => {
    const db = await open()
    db.apply([post(1, null), tag(5, 'b'), tag(6, 'a'), tagged(1, 1, 5), tagged(2, 1, 6), tagged(3, 1, 5)])
    const live = db.live(db.query.posts.with('tags').with('every').with('byName'))
    const diffs: Patch[][] = []
    live.subscribe(({ diff }) => { diffs.push(plainPatches(diff)) })
    const [row] = live.rows
    expect([ids(row.tags), ids(row.every), ids(row.byName)]).toEqual([[5, 6], [5, 6, 5], [6, 5, 5]])
    db.apply([tag(5, 'z')])
    expect(diffs.pop()).toEqual([
      { t: 'set', path: [1, 'tags'], key: 5, fields: { name: 'z' } },
      ...[1, 3].map(join => ({ t: 'set', path: [1, 'every'], key: [5, join], fields: { name: 'z' } })),
      ...[1, 3].map(join => ({ t: 'set', path: [1, 'byName'], key: [5, join], fields: { name: 'z' } })),
    ])
    db.apply([gone('postsTags', 1)])
    expect(ids(live.rows[0].every)).toEqual([6, 5])
    expect(diffs.pop()!.filter(p => p.path[1] === 'every')).toEqual([{ t: 'remove', path: [1, 'every'], key: [5, 1], at: 0 }])
    db.apply([tagged(3, 1, 6)])
    expect([ids(live.rows[0].tags), ids(live.rows[0].every)]).toEqual([[6], [6, 6]])
    db.apply([gone('tags', 6)])
    expect([ids(live.rows[0].tags), ids(live.rows[0].every)]).toEqual([[], []])
    // A through is a distinct union, whatever it goes through.
    db.apply([person(1), post(1, 1), tag(6), tagged(4, 1, 6)])
    expect(db.live(db.query.people.with('allTags')).rows[0].allTags.length).toBe(1)
  })

  it('is kept by sync as by the live query', async () => {
    const db = await open()
    db.apply([post(1, null), post(2, null), tag(5, 'b'), tag(6, 'a'), tagged(1, 1, 5), tagged(2, 1, 6), tagged(3, 1, 5)])
    const live = db.live(db.query.posts.with('every').with('byName'))
    let value: any = live.rows
    subscribe(db, value, { assocs: true }, n => { value = sync(db, value, n) })
    const sorted = (rows: readonly any[]): unknown => rows.map(r => ({ ...r, every: ids(r.every).sort(), byName: r.byName }))
    const history = [
      [tagged(4, 2, 5)], [tagged(5, 2, 5)], [gone('postsTags', 4)], [tag(5, 'c')], [tagged(2, 1, 5)], [gone('tags', 5)], [tag(5, 'again')],
      [gone('postsTags', 1), tagged(3, 2, 6)], [tagged(9, 1, 5), tagged(10, 1, 5), tagged(11, 1, 6)], [gone('postsTags', 9)],
    ]
    for (const changes of history) {
      db.apply(changes)
      expect(sorted(value), JSON.stringify(changes)).toEqual(sorted(live.rows))
    }
    const before = value
    db.apply([post(2, null, 'renamed')])
    expect(value[0]).toBe(before[0])
    close(db)
  })

  it('another word is an error', () => {
    const wrong = async () => createDatabase({ schema: defineSchema({ a: table({ id: int().key() }), j: table({ x: int().key(), y: int().key() }) }, { a: { as: manyToMany('a', 'j', ['x', 'y'], { duplicates: 'kep' as 'keep' }) } }) })
    return expect(wrong()).rejects.toMatchObject({ code: 'SCHEMA_INVALID', path: 'a.relations.as.duplicates', nearest: 'keep' })
  })
})
