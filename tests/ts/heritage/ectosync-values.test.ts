// What EctoSync's and EctoWatch's own tests check besides: kinds of values, late rows, keys, preloads, forms of subscriptions.
import { describe, expect, it } from 'vitest'
import { type Notification, type RowEvent, close, receiver, subscribe, subscriptions, sync, watch, watchersFor } from '../../../pkg/sync/index.js'
import { belongsTo, createDatabase, defineSchema, hasMany, int, manyToMany, max, string, table, through } from '../../../pkg/index.inline.js'
import { eventually } from '../real/support.js'
import { failure, gone, hold, open, person, post, read, schema, set, tag, tagged, tick } from './blog.js'

const inserted = (name: string, id: unknown): RowEvent => ({ table: name, event: 'inserted', id })
const updated = (name: string, id: unknown): RowEvent => ({ table: name, event: 'updated', id })
const deleted = (name: string, id: unknown): RowEvent => ({ table: name, event: 'deleted', id })

describe('values', () => {
  it('what is no row comes back as it is', async () => {
    const { db } = await open()
    db.apply([post(1, null)])
    class Loading { readonly status = 'pending' }
    const others = [undefined, 7, 'text', true, new Date(0), new Loading(), new Set([1]), { not: 'a row' }, [1, 2], Symbol.iterator, () => 1]
    for (const value of others) for (const event of [inserted('posts', 1), updated('posts', 1), deleted('posts', 9)]) expect(sync(db, value, event)).toBe(value)
    expect(sync(db, null, updated('posts', 1))).toBe(null)
  })

  it('an insert: nil becomes the row, an empty list one of it, a list has it at the end; twice is once', async () => {
    const { db } = await open()
    db.apply([post(1, null), post(2, null), tag(1)])
    const [one, two] = read(db, db.query.posts)
    expect(sync<unknown>(db, null, inserted('posts', 1))).toEqual(one)
    expect(sync<unknown>(db, [], inserted('posts', 1))).toEqual([one])
    const list = sync(db, [one], inserted('posts', 2))
    expect([list, list[0] === one]).toEqual([[one, two], true])
    expect(sync(db, list, inserted('posts', 2))).toBe(list)
    expect(sync(db, list, inserted('tags', 1))).toBe(list)
    // Said to be of one table, an empty place takes in no other.
    expect(sync<unknown>(db, [], inserted('tags', 1), { of: 'posts' })).toEqual([])
    expect(sync<unknown>(db, null, inserted('tags', 1), { of: 'posts' })).toBe(null)
    // What is not there is not taken in.
    expect(sync(db, list, inserted('posts', 77))).toBe(list)
  })

  it('a delete: out of lists, null where it is alone in an association, and a lone row stays', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), post(2, 1)])
    const people = read(db, db.query.people.with('posts').with('latest'))
    const posts = read(db, db.query.posts.with('person'))
    db.apply([gone('posts', 1), gone('people', 1)])
    expect(sync(db, posts, deleted('posts', 1)).map(p => p.id)).toEqual([2])
    expect(sync(db, posts[0], deleted('posts', 1))).toBe(posts[0])
    expect(sync(db, posts, deleted('people', 1)).map(p => p.person)).toEqual([null, null])
    const left = sync(db, people[0], deleted('posts', 1), { of: 'people' })
    expect([left.posts.map(p => p.id), left.latest!.id]).toEqual([[2], 2])
    expect(left.latest).toBe(people[0].latest)
    // No implicit cascade: the key still points where nothing is.
    expect(read(db, db.query.posts)[0].personId).toBe(1)
  })

  it('records and Maps are values of values, and members of none stay', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), post(2, null)])
    const state = { person: read(db, db.query.people.with('posts'))[0], posts: read(db, db.query.posts), tags: [] as any[], title: 'Blog', page: { posts: read(db, db.query.posts) } }
    const of = { person: 'people', posts: 'posts', tags: 'tags', page: { posts: 'posts' } }
    db.apply([set('posts', 2, { name: 'changed', personId: 1 }), tag(5)])
    const next = sync(db, state, [updated('posts', 2), inserted('tags', 5)], { of })
    expect([next.posts[1].name, next.person.posts.map(p => p.id), next.tags, next.page.posts[1].name, next.title]).toEqual(['changed', [1, 2], [{ id: 5, name: 'tag 5' }], 'changed', 'Blog'])
    expect([next.posts[0] === state.posts[0], next.page.posts[0] === state.page.posts[0]]).toEqual([true, true])
    expect(sync(db, next, updated('posts', 2), { of })).toBe(next)
    const map = new Map<string, unknown>([['first', state.posts[0]], ['second', state.posts[1]], ['n', 1]])
    const after = sync(db, map, updated('posts', 2))
    expect([after.get('first') === state.posts[0], (after.get('second') as any).name, after.get('n'), map.get('second') === state.posts[1]]).toEqual([true, 'changed', 1, true])
    expect(sync(db, map, updated('posts', 1))).toBe(map)
  })

  it('of several tables take what a subscription follows for rows of its table only, whichever came first', async () => {
    const { db } = await open()
    db.apply([person(1)])
    let state = { people: read(db, db.query.people.with('posts')) as any[], posts: [] as any[] }, people = state.people
    const notes: Notification[] = []
    subscribe(db, 'posts', { assocs: 'tags' }, n => {
      notes.push(n)
      state = sync(db, state, n, { of: { people: 'people', posts: 'posts' } })
      // A value of other rows than those that were subscribed to.
      people = sync(db, people, n, { of: 'people' })
    })
    db.apply([tag(5), tagged(1, 7, 5), post(7, 1)])
    expect(notes.length).toBe(1)
    const plain = read(db, db.query.posts), whole = read(db, db.query.posts.with('tags'))
    expect(state).toEqual({ people: [{ id: 1, name: 'person 1', posts: plain }], posts: whole })
    expect(people).toEqual(state.people)
    // Said by the application: of the table that it names, though a row of another one comes first.
    const events = [inserted('tags', 5), inserted('postsTags', 1), inserted('posts', 7)]
    expect(sync(db, { posts: [] as any[], busy: true }, events, { of: { posts: 'posts' }, assocs: 'tags' })).toEqual({ posts: whole, busy: true })
  })

  it('an association that is not loaded stays so; an empty list is not the same as none', async () => {
    const { db } = await open()
    db.apply([person(1)])
    const [bare] = read(db, db.query.people)
    const [loaded] = read(db, db.query.people.with('posts').with('latest'))
    db.apply([post(1, 1)])
    expect(sync(db, bare, inserted('posts', 1), { of: 'people' })).toBe(bare)
    expect(Object.keys(sync(db, loaded, inserted('posts', 1), { of: 'people' }))).toEqual(Object.keys(loaded))
    expect(sync(db, loaded, inserted('posts', 1), { of: 'people' })).toEqual(read(db, db.query.people.with('posts').with('latest'))[0])
    const none = { ...loaded, posts: null as any }
    expect(sync(db, none, inserted('posts', 1), { of: 'people' }).posts).toBe(null)
  })

  it('rows keep members of the application, and rows of a projection gain no columns', async () => {
    const { db } = await open()
    db.apply([post(1, null)])
    const row = { ...read(db, db.query.posts)[0], selected: true }
    db.apply([set('posts', 1, { name: 'n' })])
    expect(sync(db, row, updated('posts', 1))).toEqual({ ...row, name: 'n' })
    expect(sync(db, [{ id: 1, name: 'old' }], updated('posts', 1), { of: 'posts' })).toEqual([{ id: 1, name: 'n' }])
  })

  it('two updates give two values, and the value before stays what it was', async () => {
    const { db } = await open()
    db.apply([post(1, null)])
    const values = [read(db, db.query.posts)[0]]
    subscribe(db, values[0], n => { values.push(sync(db, values.at(-1)!, n)) })
    db.apply([set('posts', 1, { name: 'a' })])
    db.apply([set('posts', 1, { name: 'b' })])
    expect(values.map(v => v.name)).toEqual(['post 1', 'a', 'b'])
  })

  it('`preloads` shape what comes in, per table; `force` reads everything anew', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), tag(1), tagged(1, 1, 1), tag(2)])
    const [value] = read(db, db.query.people.with('posts'))
    db.apply([post(2, 1), tagged(2, 2, 1)])
    const next: any = sync(db, value, inserted('posts', 2), { of: 'people', preloads: { posts: { tags: true, person: { latest: true } } } })
    expect(next.posts[1]).toMatchObject({ id: 2, tags: [{ id: 1 }], person: { id: 1, latest: { id: 2 } } })
    // Beside it the first post has no tags loaded, and gets none.
    expect(next.posts[0]).toBe(value.posts[0])
    expect((sync(db, value, inserted('posts', 2), { of: 'people' }) as any).posts[1].tags).toBe(undefined)
    db.apply([set('people', 1, { name: 'new' }), set('posts', 1, { name: 'new' }), gone('posts', 2)])
    expect(sync(db, value, updated('tags', 2), { of: 'people' })).toBe(value)
    expect(sync(db, value, updated('tags', 2), { of: 'people', force: true })).toEqual(read(db, db.query.people.with('posts'))[0])
  })

  it('composite and renamed keys, rows that lead to rows of their own table, a chain through them', async () => {
    const { db } = await open()
    const desk = (code: string, roomNo: number | null, rank: number): any => ({ op: 'upsert', table: 'desks', row: { code, house: roomNo === null ? null : 'H', roomNo, rank } })
    const room = (no: number): any => ({ op: 'upsert', table: 'rooms', row: { house: 'H', no, name: `room ${no}` } })
    db.apply([room(1), room(2), desk('a', 1, 1), desk('b', 1, 2), desk('c', 2, 3)])
    const query = db.query.rooms.with('desks', d => d.with('room').with('neighbours')).with('near')
    const held = hold(db, read(db, query), { inserted: true })
    const right = (): void => { expect(held.value).toEqual(read(db, query)) }
    right()
    const beside = (a: string, b: string): any => ({ op: 'upsert', table: 'nextTo', row: { deskA: a, deskB: b } })
    const history = [[beside('a', 'c')], [beside('c', 'a'), beside('a', 'a')], [set('desks' as string, 'a' as never, { rank: 9 })], [set('desks' as string, 'c' as never, { roomNo: 1 })],
      [set('desks' as string, 'b' as never, { house: null })], [gone('nextTo', ['a', 'c'])], [gone('nextTo', { deskA: 'a', deskB: 'a' })], [room(3), desk('d', 3, 1)], [gone('rooms', ['H', 1])]]
    for (const changes of history) { db.apply(changes as never); right() }
  })

  it('a list of 10,000 rows with one change copies the list and one row', async () => {
    const { db } = await open()
    db.apply([{ op: 'upsert', table: 'posts', rows: Array.from({ length: 10_000 }, (_, i) => post(i, 1).row) }, person(1)])
    const live = db.live(db.query.posts)
    const value = live.rows
    db.apply([set('posts', 5000, { name: 'changed' })])
    const next = sync(db, value, updated('posts', 5000))
    expect([next.length, next[5000].name, next[4999] === value[4999], value[5000].name]).toEqual([10_000, 'changed', true, 'post 5000'])
  })

  it('is wrong about no event: bad ones are errors with a place', async () => {
    const { db } = await open()
    const at = (event: unknown, options?: object): unknown[] => { const e = failure(() => sync(db, [], event as never, options)); return [e.code, e.path] }
    expect(at({ table: 'posts', event: 'insert', id: 1 })).toEqual(['EVENT_INVALID', 'event'])
    expect(at({ table: 'pots', event: 'inserted', id: 1 })).toEqual(['UNKNOWN_TABLE', 'event.table'])
    expect(at([inserted('posts', 1), { table: 'pairs', event: 'deleted', id: 1 }])).toEqual(['MISSING_KEY', 'events[1].id'])
    expect(at(inserted('posts', 1), { preloads: { posts: { tag: true } } })).toEqual(['UNKNOWN_RELATION', 'preloads.posts.tag'])
    expect(at(inserted('posts', 1), { of: 'pots' })).toEqual(['UNKNOWN_TABLE', 'of'])
  })
})

describe('without a database', () => {
  const row = (id: number, personId: number | null, more: object = {}): any => ({ ...post(id, personId).row, ...more })
  it('knows what it holds and what events bring', () => {
    const person1 = { id: 1, name: 'p', posts: [row(1, 1), row(2, 1)], testPosts: [] as any[], sorted: [row(2, 1), row(1, 1)], latest: row(2, 1) }
    const of = 'people'
    const next = sync(schema, person1, { table: 'posts', event: 'inserted', id: 3, row: row(3, 1, { name: 'test' }) }, { of })
    expect([next.posts, next.testPosts, next.sorted, next.latest].map(v => [v].flat().map((p: any) => p.id))).toEqual([[1, 2, 3], [3], [3, 2, 1], [3]])
    expect(next.posts[0]).toBe(person1.posts[0])
    const moved = sync(schema, next, { table: 'posts', event: 'updated', id: 3, row: row(3, 2, { name: 'test' }) }, { of })
    expect([moved.posts, moved.testPosts, moved.sorted, moved.latest].map(v => [v].flat().map((p: any) => p.id))).toEqual([[1, 2], [], [2, 1], [2]])
    expect(sync(schema, moved, { table: 'posts', event: 'deleted', id: 2 }, { of }).latest.id).toBe(1)
  })

  it('follows join rows by what they carry, and waits for rows it does not know', () => {
    const p = { ...row(1, null), tags: [{ id: 1, name: 'a' }], testTags: [] as any[] }
    const link = { table: 'postsTags', event: 'inserted', id: 5, row: { id: 5, postId: 1, tagId: 9 } } as const
    expect(sync(schema, p, link)).toBe(p)
    const late = sync(schema, p, [link, { table: 'tags', event: 'inserted', id: 9, row: { id: 9, name: 'test' } }])
    expect([late.tags.map((t: any) => t.id), late.testTags.map((t: any) => t.id)]).toEqual([[1, 9], [9]])
    expect(sync(schema, late, { table: 'tags', event: 'updated', id: 9, row: { id: 9, name: 'x' } })).toMatchObject({ tags: [{ id: 1 }, { id: 9, name: 'x' }], testTags: [] })
    expect(sync(schema, late, { table: 'postsTags', event: 'deleted', id: 5, old: { id: 5, postId: 1, tagId: 9 } })).toMatchObject({ tags: [{ id: 1 }], testTags: [] })
    // Of another post: nothing to do with this one.
    expect(sync(schema, late, { table: 'postsTags', event: 'deleted', id: 6, old: { id: 6, postId: 2, tagId: 9 } })).toBe(late)
  })

  it('follows a chain whose first link changed, and conditions on the way: what is known to be there, and nothing of before', () => {
    const chained = defineSchema({
      people: table({ id: int().key(), name: string() }), posts: table({ id: int().key(), personId: int().nullable(), name: string() }),
    }, {
      people: { posts: hasMany('posts', 'personId'), tests: hasMany('posts', 'personId', { where: q => q.where('name', '=', 'test') }), writers: through('tests', 'person') },
      posts: { person: belongsTo('people', 'personId'), beside: through('person', 'posts') },
    })
    const one = { id: 1, personId: 1, name: 'a' }, two = { id: 2, personId: 1, name: 'b' }, three = { id: 3, personId: 2, name: 'c' }
    const p1 = { id: 1, name: 'p' }, p2 = { id: 2, name: 'q' }
    const moves = { table: 'posts', event: 'updated', id: 1, row: { ...one, personId: 2 } } as const
    // The other posts of the one are not those of the other.
    const shown = { ...one, person: p1, beside: [one, two] }
    expect(sync(chained, shown, moves, { of: 'posts' })).toEqual({ ...one, personId: 2, person: null, beside: [] })
    const all = { posts: [shown, { ...three, person: p2, beside: [three] }], people: [p1, p2] }, of = { posts: 'posts', people: 'people' }
    const moved = sync(chained, all, moves, { of })
    expect(moved.posts).toEqual([{ ...one, personId: 2, person: p2, beside: [{ ...one, personId: 2 }, three] }, { ...three, person: p2, beside: [three, { ...one, personId: 2 }] }])
    expect(sync(chained, moved, moves, { of })).toBe(moved)
    expect(sync(chained, shown, { ...moves, row: { ...one, personId: null } }, { of: 'posts' })).toEqual({ ...one, personId: null, person: null, beside: [] })
    // A post that is no test leads nowhere.
    const person1 = { ...p1, posts: [one], tests: [], writers: [] }
    expect(sync(chained, person1, { table: 'posts', event: 'updated', id: 1, row: { ...one, name: 'x' } }, { of: 'people' })).toEqual({ ...person1, posts: [{ ...one, name: 'x' }] })
    expect(sync(chained, person1, { table: 'posts', event: 'updated', id: 1, row: { ...one, name: 'test' } }, { of: 'people' }).writers).toEqual([p1])
  })

  it('knows the join rows that the value holds as they were, though an event does not say', () => {
    const links = [{ id: 5, postId: 1, tagId: 1 }], tags = [{ id: 1, name: 'a' }, { id: 2, name: 'b' }]
    const value = { posts: [{ ...row(1, null), tags: [tags[0]] }], tags, links }, of = { posts: 'posts', tags: 'tags', links: 'postsTags' }
    const next = sync(schema, value, { table: 'postsTags', event: 'updated', id: 5, row: { id: 5, postId: 1, tagId: 2 } }, { of })
    expect(next).toEqual({ posts: [{ ...row(1, null), tags: [tags[1]] }], tags, links: [{ id: 5, postId: 1, tagId: 2 }] })
    expect([next.tags, sync(schema, value, { table: 'postsTags', event: 'deleted', id: 5 }, { of }).posts[0].tags]).toEqual([tags, []])
    expect(next.tags).toBe(tags)
  })

  it('shows rows that lead to each other as deep as the place that they come to, and no deeper', () => {
    const friendly = defineSchema({ people: table({ id: int().key(), name: string() }), friends: table({ a: int().key(), b: int().key() }) }, {
      people: { friends: manyToMany('people', 'friends', ['a', 'b']) },
    })
    const of = (id: number, friends?: object[]): any => ({ id, name: `p${id}`, ...(friends === undefined ? {} : { friends }) })
    const three = of(3, [of(4)]), value = [of(1, [three]), of(2, [three])]
    const link = (a: number, b: number): any => ({ table: 'friends', event: 'inserted', id: [a, b], row: { a, b } })
    const next = sync(friendly, value, [link(1, 2), link(2, 1)], { of: 'people' })
    expect(next).toEqual([of(1, [three, of(2, [of(3), of(1)])]), of(2, [three, of(1, [of(3), of(2)])])])
    expect([next[0].friends[0] === three, value[0].friends.length]).toEqual([true, 1])
  })

  it('lets go of what any image of a join row led to, and of a row that left what is known to lead to it', () => {
    const tags = [{ id: 1, name: 'a' }, { id: 2, name: 'b' }], value = { ...row(1, null), tags: [tags[0]] }
    const link = (what: 'inserted' | 'updated' | 'deleted', tagId: number, old?: number): any => ({ table: 'postsTags', event: what, id: 5, ...(what === 'deleted' ? {} : { row: { id: 5, postId: 1, tagId } }), ...(old === undefined ? {} : { old: { id: 5, postId: 1, tagId: old } }) })
    const come = { table: 'tags', event: 'inserted', id: 2, row: tags[1] } as const
    for (const links of [[link('updated', 3, 1), link('updated', 2, 3)], [link('deleted', 1, 1), link('inserted', 2)], [link('updated', 3, 1), link('deleted', 3), link('inserted', 2)]]) {
      expect(sync(schema, value, [come, ...links], { of: 'posts' })).toEqual({ ...value, tags: [tags[1]] })
    }
    const chained = defineSchema({
      people: table({ id: int().key() }), posts: table({ id: int().key(), personId: int() }), comments: table({ id: int().key(), postId: int() }),
    }, { people: { posts: hasMany('posts', 'personId'), comments: through('posts', 'comments') }, posts: { comments: hasMany('comments', 'postId') } })
    const person1 = { id: 1, posts: [{ id: 1, personId: 1 }], comments: [{ id: 1, postId: 1 }, { id: 2, postId: 1 }] }
    const moves = (postId: number): object => ({ table: 'comments', event: 'updated', id: 1, row: { id: 1, postId }, old: { id: 1, postId: 1 } })
    expect(sync(chained, person1, moves(9) as never, { of: 'people' })).toEqual({ ...person1, comments: [{ id: 2, postId: 1 }] })
    // Where nothing is known of what led to it, nothing is known of where it is.
    const bare = { id: 1, comments: person1.comments }
    expect(sync(chained, bare, moves(9) as never, { of: 'people' })).toEqual({ id: 1, comments: [{ id: 1, postId: 9 }, { id: 2, postId: 1 }] })
  })
})

describe('events that carry wrong rows, without a database', () => {
  const held = [{ id: 1, name: 'p', posts: [{ id: 1, personId: 1, otherId: null, name: 'a', body: null }] }]
  const whole = held[0].posts[0]
  const at = (more: object, list = false): unknown[] => {
    const event: any = { table: 'posts', event: 'updated', id: 1, ...more }
    const { code, path, offending } = failure(() => sync(schema, held, list ? [event] : event, { of: 'people' }))
    return [code, path, offending]
  }

  it('are refused, with what is wrong of them', () => {
    expect(at({ row: { id: 1 } })).toEqual(['MISSING_COLUMN', 'event.row', 'personId'])
    expect(at({ event: 'inserted', id: 2, row: { ...whole, id: 2, body: undefined } }, true)).toEqual(['MISSING_COLUMN', 'events[0].row', 'body'])
    expect(at({ row: 5 })).toEqual(['EVENT_INVALID', 'event.row', '5'])
    expect(at({ row: [whole] })[0]).toBe('EVENT_INVALID')
    expect(at({ row: whole, old: 'x' })).toEqual(['EVENT_INVALID', 'event.old', 'x'])
    expect(at({ row: { ...whole, personId: '1' } })).toEqual(['TYPE_MISMATCH', 'event.row', 'personId'])
    expect(at({ row: { ...whole, name: 7 } })).toEqual(['TYPE_MISMATCH', 'event.row', 'name'])
    expect(at({ row: { ...whole, name: null } })).toEqual(['NULL_NOT_ALLOWED', 'event.row', 'name'])
    expect(at({ row: { ...whole, id: 2 } })).toEqual(['KEY_CHANGE', 'event.row', 'posts'])
    expect(at({ row: whole, old: { ...whole, id: 2 } })).toEqual(['KEY_CHANGE', 'event.old', 'posts'])
    expect(at({ event: 'deleted', row: { personId: '1' } })).toEqual(['TYPE_MISMATCH', 'event.row', 'personId'])
  })

  it('and right ones are taken: a delete may carry some columns, a row its associations', () => {
    const go = (more: object): any => sync(schema, held, { table: 'posts', event: 'updated', id: 1, ...more } as RowEvent, { of: 'people' })[0].posts
    expect(go({ row: { ...whole, name: 'new', tags: [] } })).toMatchObject([{ id: 1, name: 'new' }])
    expect(go({ row: { ...whole, personId: null } })).toEqual([])
    expect(go({ event: 'deleted', row: { personId: 1 } })).toEqual([])
    expect(go({ event: 'deleted' })).toEqual([])
  })
})

describe('subscriptions', () => {
  const log = (): { told: [string, string[]][]; to: (name: string) => (n: Notification) => void } => {
    const told: [string, string[]][] = []
    return { told, to: name => n => { told.push([name, n.events.map(e => `${e.event} ${e.table} ${JSON.stringify(e.id)}`)]) } }
  }

  it('by table, event, key, column; old values, too, so that what left is seen to leave', async () => {
    const { db } = await open()
    const { told, to } = log()
    db.apply([post(1, 1), post(2, 2)])
    subscribe(db, ['posts', 'inserted'], to('new'))
    subscribe(db, ['posts', 'deleted'], { id: 2 }, to('two gone'))
    subscribe(db, 'posts', { by: { personId: 1 } }, to('of 1'))
    subscribe(db, ['posts', 'updated'], { columns: ['name'] }, to('renamed'))
    subscribe(db, ['pairs', 'deleted'], { by: { postId: 1 } }, to('pair gone'))
    db.apply([post(3, 1), post(4, 2)])
    expect(told.splice(0)).toEqual([['new', ['inserted posts 3', 'inserted posts 4']], ['of 1', ['inserted posts 3']]])
    db.apply([set('posts', 3, { personId: 2 }), set('posts', 4, { body: 'b' })])
    expect(told.splice(0)).toEqual([['of 1', ['updated posts 3']]])
    db.apply([set('posts', 3, { name: 'x' }), gone('posts', 2)])
    expect(told.splice(0).sort()).toEqual([['renamed', ['updated posts 3']], ['two gone', ['deleted posts 2']]])
    // Equal values are no update, and what came and went in one batch was never there.
    db.apply([set('posts', 3, { name: 'x' }), post(9, 1), gone('posts', 9)])
    expect(told).toEqual([])
    db.apply([{ op: 'insert', table: 'pairs', row: { postId: 1, tagId: 4 } }])
    db.apply([gone('pairs', [1, 4])])
    expect(told).toEqual([['pair gone', ['deleted pairs [1,4]']]])
  })

  it('rows that come in are followed as was stored, rows that go are let go', async () => {
    const { db } = await open()
    const { told, to } = log()
    const sub = subscribe(db, ['people', 'inserted'], { assocs: { posts: 'tags' } }, to('p'))
    db.apply([person(1), post(1, 1), tag(1), tagged(1, 1, 1)])
    expect(told.splice(0)).toEqual([['p', ['inserted people 1']]])
    expect([sub.ids, sub.assocs, sub.events, subscriptions(db, 'people', 1).length, subscriptions(db, 'people', 2).length]).toEqual([[1], { posts: { tags: {} } }, ['inserted'], 1, 0])
    db.apply([set('tags', 1, { name: 'n' })])
    db.apply([post(2, 1)])
    db.apply([tagged(2, 2, 1)])
    expect(told.splice(0)).toEqual([['p', ['updated tags 1']], ['p', ['inserted posts 2']], ['p', ['inserted postsTags 2']]])
    db.apply([gone('people', 1)])
    expect([told.splice(0), sub.ids, sub.status]).toEqual([[['p', ['deleted people 1']]], [], 'ready'])
    db.apply([set('tags', 1, { name: 'm' }), post(3, 1)])
    expect(told).toEqual([])
  })

  it('a row that was subscribed and deleted ends the subscription; many rows end when the last is gone', async () => {
    const { db } = await open()
    db.apply([post(1, null), post(2, null)])
    const posts = read(db, db.query.posts)
    const one = hold(db, posts[0]), two = hold(db, posts)
    db.apply([gone('posts', 1)])
    expect([one.subscription.status, two.subscription.status, one.value === posts[0], two.value]).toEqual(['closed', 'ready', true, [posts[1]]])
    db.apply([gone('posts', 2)])
    expect([two.subscription.status, two.value, subscriptions(db)]).toEqual(['closed', [], []])
  })

  it('the same ref for every subscriber; a listener that throws or applies does not disturb the others', async () => {
    const { db, errors } = await open()
    db.apply([post(1, null), post(2, null)])
    const seen: [string, unknown, number][] = []
    subscribe(db, 'posts', { id: 1 }, () => { throw new Error('listener') })
    subscribe(db, 'posts', { id: 1 }, n => { seen.push(['a', n.events[0].ref, n.version]); if (seen.length === 1) db.apply([set('posts', 2, { name: 'x' })]) })
    const held = hold(db, read(db, db.query.posts))
    subscribe(db, 'posts', { id: 1 }, n => { seen.push(['b', n.events[0].ref, n.version]) })
    db.apply([set('posts', 1, { name: 'y' })])
    await tick()
    expect(seen.map(([, ref]) => ref)).toEqual([seen[0][1], seen[0][1]])
    expect(errors.map(e => (e as Error).message)).toEqual(['listener'])
    expect(held.value).toEqual(read(db, db.query.posts))
    expect(held.notes.length).toBe(2)
  })

  it('gives everything back: no view is left in the engine', async () => {
    const { db } = await open({ graceMs: 0 })
    db.apply([person(1), post(1, 1), tag(1), tagged(1, 1, 1)])
    const before = db.stats().views
    const subs = [hold(db, read(db, db.query.people.with('posts', p => p.with('tags')).with('allTags')), { of: 'people' }), hold(db, read(db, db.query.posts))].map(h => h.subscription)
    db.apply([set('tags', 1, { name: 'x' })])
    expect(db.stats().views).toBeGreaterThan(before)
    for (const s of subs) s.unsubscribe()
    expect(subscriptions(db)).toEqual([])
    close(db)
    // Views end in slices.
    await eventually(() => db.stats().views === before)
    expect(db.stats().views).toBe(before)
    // Used again, it works again.
    expect(sync(db, null as unknown, inserted('posts', 1))).toMatchObject({ id: 1 })
  })

  it('tells images and changed columns from the middle of a long table, and narrows by columns that really changed', async () => {
    const { db } = await open()
    db.apply([{ op: 'upsert', table: 'posts', rows: Array.from({ length: 5000 }, (_, i) => post(i, i % 10).row) }])
    const notes: Notification[] = []
    subscribe(db, 'posts', n => { notes.push(n) })
    db.apply([gone('posts', 2500), set('posts', 2501, { name: 'x', body: null }), post(9000, 3), set('posts', 4999, { personId: null })])
    expect(notes[0].events.map(e => [e.event, e.id, (e.old as any)?.name, (e.row as any)?.name, e.changed])).toEqual(expect.arrayContaining([
      ['deleted', 2500, 'post 2500', undefined, []], ['updated', 2501, 'post 2501', 'x', ['name']], ['inserted', 9000, undefined, 'post 9000', []], ['updated', 4999, 'post 4999', 'post 4999', ['personId']],
    ]))
    expect(notes[0].events).toHaveLength(4)
    // Gone and back with other content in one batch is an update.
    db.apply([gone('posts', 9000), post(9000, 4)])
    expect(notes[1].events.map(e => [e.event, e.changed, (e.old as any).personId])).toEqual([['updated', ['personId'], 3]])
  })

  it('tenants do not see each other', async () => {
    const notes = defineSchema({ notes: table({ id: int().key(), listId: int(), text: string() }, { tenant: true }), lists: table({ id: int().key() }, { tenant: true }) }, { lists: { notes: hasMany('notes', 'listId') } })
    const db = await createDatabase({ schema: notes })
    const put = (tenant: string, id: number, text: string): any => ({ op: 'upsert', table: 'notes', tenant, row: { id, listId: 1, text } })
    db.apply([{ op: 'upsert', table: 'lists', tenant: 'A', row: { id: 1 } }, { op: 'upsert', table: 'lists', tenant: 'B', row: { id: 1 } }, put('A', 1, 'a'), put('B', 1, 'b')])
    let value: any = { id: 1, notes: [] }
    let told = 0
    subscribe(db, value, { of: 'lists', assocs: true, tenant: 'A' }, n => { told++; value = sync(db, value, n, { tenant: 'A' }) })
    value = sync(db, value, inserted('notes', 1), { of: 'lists', tenant: 'A' })
    expect(value.notes).toEqual([{ id: 1, listId: 1, text: 'a' }])
    db.apply([put('B', 1, 'bb'), put('B', 2, 'b')])
    expect(told).toBe(0)
    db.apply([put('A', 2, 'aa')])
    expect([told, value.notes.map((n: any) => n.text)]).toEqual([1, ['a', 'aa']])
    expect(failure(() => subscribe(db, 'notes', () => {})).code).toBe('TENANT_REQUIRED')
    expect(failure(() => sync(db, value, updated('notes', 1), { of: 'lists' })).code).toBe('TENANT_REQUIRED')
  })
})

describe('backends', () => {
  it('watchersFor: the tables, events and columns that a query needs', async () => {
    const { db } = await open()
    const needed = watchersFor(db, db.query.people.with('testPosts', p => p.with('tags')))
    expect([...new Set(needed.map(w => w.table))]).toEqual(['people', 'posts', 'postsTags', 'tags'])
    expect(needed.filter(w => w.table === 'posts').map(w => [w.event, w.columns, w.extraColumns])).toEqual([
      ['inserted', [], ['personId', 'otherId']], ['updated', ['personId', 'otherId', 'name', 'body'], ['personId', 'otherId']], ['deleted', [], ['personId', 'otherId']],
    ])
    expect(needed[0].label).toMatch(/^[0-9a-f]{8}_inserted$/)
    expect(new Set(needed.map(w => w.label)).size).toBe(needed.length)
    expect(watchersFor(schema, db.query.posts.where('personId', '=', 1).select('id')).find(w => w.event === 'updated')!.columns).toEqual(['personId', 'otherId'])
    // What it says can be declared, and messages with its labels are understood.
    watch(db, needed)
    const feed = receiver(db, { fetchRow: async (_, id) => ({ id, name: 'fetched' }) })
    feed.receive([needed.find(w => w.table === 'tags' && w.event === 'inserted')!.label, { id: 4 }])
    await feed.idle
    expect(read(db, db.query.tags)).toEqual([{ id: 4, name: 'fetched' }])
  })

  it('watchersFor: what computed columns read, in nested lists, too', async () => {
    const { db } = await open()
    const { people, posts } = db.query
    const needed = (q: Parameters<typeof watchersFor>[1]): [string, readonly string[]][] => watchersFor(db, q).filter(w => w.event === 'updated').map(w => [w.table, w.columns])
    expect(needed(people.withCount('posts'))).toEqual([['people', ['name']], ['posts', ['personId', 'otherId']]])
    expect(needed(people.withCount('testPosts'))).toEqual([['people', ['name']], ['posts', ['personId', 'otherId', 'name']]])
    expect(needed(people.withAggregate('last', 'posts', p => max(p.body)))).toEqual([['people', ['name']], ['posts', ['personId', 'otherId', 'body']]])
    expect(needed(posts.withCount('tags')).map(([t]) => t)).toEqual(['posts', 'postsTags', 'tags'])
    expect(needed(people.with('posts', p => p.withCount('tags'))).map(([t]) => t)).toEqual(['people', 'posts', 'postsTags', 'tags'])
  })

  it('the watchers of two queries may be the same: they are there until both are taken back', async () => {
    const { db } = await open()
    const feed = receiver(db, { fetchRow: async (_, id) => ({ id, name: 'fetched' }) })
    const one = watchersFor(db, db.query.people.with('posts')), two = watchersFor(db, db.query.people)
    const first = watch(db, one), second = watch(db, two)
    const { label } = two.find(w => w.event === 'deleted')!
    expect(one.some(w => w.label === label)).toBe(true)
    const known = (): string => { try { feed.receive([label, { id: 4 }]); return 'known' } catch (error) { return (error as { code: string }).code } }
    first()
    first()
    expect(known()).toBe('known')
    second()
    expect(known()).toBe('UNKNOWN_LABEL')
    watch(db, two)
    expect(failure(() => watch(db, [{ ...two[1], columns: [] }]))).toMatchObject({ code: 'DUPLICATE_LABEL', path: 'watchers[0].label' })
  })

  it('messages that are none are errors with a place, and nothing of a list is taken then', async () => {
    const { db } = await open()
    const feed = receiver(db, { fetchRow: async () => null, schemas: { 'Blog.Post': 'posts' } })
    const at = (m: unknown): unknown[] => { const e = failure(() => feed.receive(m as never)); return [e.code, e.path] }
    expect(at('{')).toEqual(['JSON_MALFORMED', undefined])
    expect(at({ id: 1 })).toEqual(['MESSAGE_INVALID', 'messages[0]'])
    expect(at([['posts', 'inserted'], 7])).toEqual(['MESSAGE_INVALID', 'messages[0][1]'])
    expect(at([['pots', 'inserted'], { id: 1 }])).toEqual(['UNKNOWN_TABLE', 'messages[0][0][0]'])
    expect(at([['Elixir.Blog.Post', 'created'], { id: 1 }])).toEqual(['EVENT_INVALID', 'messages[0][0][1]'])
    expect(at(['nobody', { id: 1 }])).toEqual(['UNKNOWN_LABEL', 'messages[0][0]'])
    expect(at(['EctoSync', ['posts', 'updated', [{}, 1]]])).toEqual(['MISSING_KEY', 'messages[0][1][2][0]'])
    expect(at([[['posts', 'deleted'], { id: 1 }], [['pots', 'deleted'], { id: 1 }]])).toEqual(['UNKNOWN_TABLE', 'messages[1][0][0]'])
    expect(db.version).toBe(0)
  })

  it('a burst: 50 subscribers, 1,000 touches on 100 rows, one request per row and round', async () => {
    const { db } = await open()
    db.apply(Array.from({ length: 100 }, (_, i) => post(i, null)))
    const posts = read(db, db.query.posts)
    const handles = Array.from({ length: 50 }, () => hold(db, posts))
    const calls = new Map<number, number>()
    let waiting: (() => void)[] = []
    const feed = receiver(db, { fetchRow: async (_, id) => { calls.set(id, (calls.get(id) ?? 0) + 1); await new Promise<void>(r => { waiting.push(r) }); return { ...post(id, null).row, name: `call ${calls.get(id)}` } } })
    const burst = (): void => { for (let i = 0; i < 1000; i++) feed.receive([['posts', 'updated'], { id: i * 7 % 100 }]) }
    const answer = async (): Promise<void> => { const now = waiting; waiting = []; for (const r of now) r(); await tick() }
    burst()
    await tick()
    expect([calls.size, Math.max(...calls.values())]).toEqual([100, 1])
    // News while the first round is under way: one more round, however many touches.
    burst()
    burst()
    await answer()
    expect([Math.max(...calls.values()), handles[0].notes.length]).toEqual([2, 0])
    await answer()
    await feed.idle
    expect(new Set(calls.values())).toEqual(new Set([2]))
    expect(new Set(handles.map(h => `${h.notes.length} ${h.notes[0].events.length} ${h.value[99].name}`))).toEqual(new Set(['1 100 call 2']))
  })

  it('4,000 updates of 3 rows in 40 batches: 40 calls at most, and the last values', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), post(2, 1), post(3, 1)])
    const query = db.query.people.with('posts')
    const held = hold(db, read(db, query)[0], { of: 'people' })
    for (let b = 0; b < 40; b++) db.apply(Array.from({ length: 100 }, (_, i) => set('posts', 1 + (i * 31 + b) % 3, { name: `${b}/${i % 7}` })) as never)
    expect(held.notes.length).toBeLessThanOrEqual(40)
    expect(held.value).toEqual(read(db, query)[0])
  })
})
