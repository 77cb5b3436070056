// Where values held by applications go wrong easily: order of arrival, keys in other forms, listeners that begin and end in
// listeners, requests that are overtaken, mistakes in what is asked for.
import { describe, expect, it } from 'vitest'
import { bigint, createDatabase, date, decimal, defineSchema, hasMany, int, interval, number, table, timestamp, uuid } from '../../../pkg/index.inline.js'
import { type Notification, receiver, subscribe, subscriptions, sync, unsubscribe, watch } from '../../../pkg/sync/index.js'
import { eventually } from '../real/support.js'
import { failure, gone, hold, open, person, post, read, schema, set, tag, tagged, tick } from './blog.js'

const ids = (rows: readonly any[]): unknown[] => rows.map(r => r.id)
const event = (name: string, id: unknown, event: 'inserted' | 'updated' | 'deleted' = 'inserted') => ({ table: name, event, id })

describe('lists without a declared order', () => {
  it('of a row that enters are in the order of arrival, at any depth, through and with join rows', async () => {
    const { db } = await open()
    db.apply([person(1), post(9, 1), post(4, 1), post(7, 1), tag(3), tag(1), tag(2), tagged(1, 9, 3), tagged(2, 9, 1), tagged(3, 4, 2)])
    db.apply([set('posts', 9, { name: 'stays' }), set('posts', 4, { personId: null })])
    db.apply([set('posts', 4, { personId: 1 })])
    const now = read(db, db.query.people.with('posts', p => p.with('tags')).with('allTags').with('testPosts'))
    expect([ids(now[0].posts), ids(now[0].posts[0].tags), ids(now[0].allTags)]).toEqual([[9, 7, 4], [3, 1], [3, 1, 2]])
    const assocs = { posts: 'tags', allTags: true, testPosts: true } as const
    expect(sync<unknown>(db, [], event('people', 1), { assocs })).toEqual(now)
    expect(sync<unknown>(db, null, event('people', 1), { assocs })).toEqual(now[0])
  })

  it('take in rows of one version as they arrived, those of other lists likewise', async () => {
    const { db } = await open()
    db.apply([person(1), person(2), post(5, 1), tag(8), tag(6), tag(7)])
    const query = db.query.people.with('posts', p => p.with('tags')).with('allTags')
    const live = db.live(query)
    const held = hold(db, read(db, query), { of: 'people' })
    db.apply([post(9, 1), post(4, 1), tagged(1, 5, 8), post(7, 2), post(3, 2), tagged(2, 5, 6), tagged(3, 5, 7)])
    expect([ids(held.value[0].posts), ids(held.value[0].posts[0].tags), ids(held.value[1].posts)]).toEqual([[5, 9, 4], [8, 6, 7], [7, 3]])
    expect(held.value).toEqual(live.rows)
    expect(held.value[0].posts[0]).not.toBe(held.before[0].posts[0])
    // By ids only, in any order of the messages.
    let plain = held.before
    plain = sync(db, plain, [event('posts', 3), event('posts', 4), event('postsTags', 3), event('posts', 7), event('postsTags', 1), event('posts', 9), event('postsTags', 2)], { of: 'people' })
    expect(plain).toEqual(live.rows)
  })

  it('without a database are as events brought their rows, and what points elsewhere comes last there', () => {
    const row = (id: number, personId: number | null): any => post(id, personId).row
    const come = (id: number, personId: number | null, what: 'inserted' | 'updated' = 'inserted'): any => ({ table: 'posts', event: what, id, row: row(id, personId) })
    const [one] = sync(schema, [] as any[], [come(7, 1), come(3, 1), come(5, null), come(5, 1, 'updated'), { table: 'people', event: 'inserted', id: 1, row: { id: 1, name: 'p' } }], { of: 'people', assocs: 'posts' })
    expect(ids(one.posts)).toEqual([7, 3, 5])
  })
})

describe('keys', () => {
  const typed = defineSchema({
    days: table({ at: timestamp().key(), n: int() }), bigs: table({ k: bigint().key(), n: int() }), ids: table({ u: uuid().key(), n: int() }), dates: table({ d: date().key(), n: int() }),
    prices: table({ p: decimal().key(), n: int() }), items: table({ id: int().key(), price: decimal().nullable() }),
  }, { prices: { items: hasMany('items', 'price') } })

  it('are the same in every form that is accepted', async () => {
    const db = await createDatabase({ schema: typed })
    const put = (name: string, row: object): any => ({ op: 'upsert', table: name, row })
    db.apply([put('days', { at: '2024-01-02T00:00:00Z', n: 1 }), put('bigs', { k: 7n, n: 1 }), put('ids', { u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', n: 1 }), put('dates', { d: '2024-01-02', n: 1 })])
    const forms: Record<string, unknown[]> = {
      days: ['2024-01-02T00:00:00Z', '2024-01-02 01:00:00+01', new Date('2024-01-02'), Date.UTC(2024, 0, 2)], bigs: [7, 7n, '7'],
      ids: ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{a0eebc999c0b4ef8bb6d6bb9bd380a11}'], dates: ['2024-01-02', new Date('2024-01-02')],
    }
    for (const [name, keys] of Object.entries(forms)) {
      const value = read(db as never, (db.query as any)[name]) as any[]
      for (const key of keys) {
        expect(sync(db, value, event(name, key)), `${name} ${String(key)}`).toBe(value)
        expect(sync(db, value, { ...event(name, key, 'updated'), row: { ...value[0], n: 9 } }), `${name} ${String(key)}`).toBe(value)
        expect(sync(typed, value, { ...event(name, key, 'updated'), row: { ...value[0], n: 9 } })[0].n, `${name} ${String(key)}`).toBe(9)
      }
    }
  })

  it('of another type are errors, and never a second row', async () => {
    const { db } = await open()
    db.apply([post(1, 1)])
    const value = read(db, db.query.posts)
    expect(failure(() => sync(db, value, event('posts', '1')))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'event.id', offending: 'id' })
    expect(failure(() => subscribe(db, 'posts', { id: '1' }, () => {}))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'id' })
    expect(failure(() => subscribe(db, 'posts', { by: { personId: '1' } }, () => {}))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'by.personId' })
    const feed = receiver(db, { fetchRow: async () => null })
    expect(failure(() => feed.receive([['posts', 'deleted'], { id: '1' }]))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'messages[0][1]' })
  })

  it('that are decimals link by their values: 9 before 10, and 1.50 is 1.5', async () => {
    const db = await createDatabase({ schema: typed })
    db.apply(Array.from({ length: 30 }, (_, i) => [{ op: 'upsert', table: 'prices', row: { p: `${i + 1}`, n: i } }, { op: 'upsert', table: 'items', row: { id: i, price: `${i + 1}.0` } }]).flat() as never)
    for (let i = 0; i < 30; i++) expect(sync<any>(db, null, event('prices', `${i + 1}`), { assocs: 'items' }).items, `${i + 1}`).toEqual([{ id: i, price: `${i + 1}.0` }])
    let value = read(db as never, db.query.prices.with('items') as never) as any
    subscribe(db, value, { assocs: true }, n => { value = sync(db, value, n) })
    db.apply([{ op: 'update', table: 'items', id: 3, set: { price: '10.00' } }])
    expect(value.filter((p: any) => p.items.length !== 1).map((p: any) => [p.p, ids(p.items)])).toEqual([['4', []], ['10', [9, 3]]])
  })

  it('that come in another spelling are the same rows: an upsert of 1.5 updates 1.50', async () => {
    const db = await createDatabase({ schema: typed })
    const price = (p: string, n: number): any => ({ op: 'upsert', table: 'prices', row: { p, n } })
    const item = (id: number, p: string | null): any => ({ op: 'upsert', table: 'items', row: { id, price: p } })
    db.apply([price('1.50', 1), item(1, '1.5')])
    const start = read(db as never, db.query.prices.with('items') as never) as any[]
    let value = start
    const told: unknown[] = []
    const held = subscribe(db, value, { assocs: true }, n => { value = sync(db, value, n); told.push(...n.events.map(e => [e.event, e.id, e.changed])) })
    const all: unknown[] = [], one: unknown[] = []
    subscribe(db, 'prices', n => { all.push(...n.events.map(e => e.event)) })
    const by = (id: string) => subscribe(db, 'prices', { id }, tell)
    const tell = (n: Notification): void => { one.push(...n.events.map(e => e.event)) }
    expect(by('1.5')).toBe(by('1.500'))
    db.apply([price('1.5', 2)])
    expect([value, told, all, one]).toEqual([[{ p: '1.5', n: 2, items: [{ id: 1, price: '1.5' }] }], [['updated', '1.5', ['p', 'n']]], ['updated'], ['updated']])
    // And it is followed as before.
    expect([held.status, subscriptions(db, 'prices', '1.500').length]).toEqual(['ready', 2])
    db.apply([item(2, '1.50'), { op: 'update', table: 'prices', id: '1.5', set: { n: 3 } }])
    expect(value).toEqual([{ p: '1.5', n: 3, items: [{ id: 1, price: '1.5' }, { id: 2, price: '1.50' }] }])
    expect(value[0].items[0]).toBe(start[0].items[0])
    // Without a database, too: one row, which stands once in its list.
    const alone = (given: object): any => sync(typed, start, { table: 'prices', event: 'updated', id: '1.500', ...given } as never)
    expect(alone({ row: { p: '1.500', n: 7 } })).toEqual([{ p: '1.500', n: 7, items: start[0].items }])
    const child = defineSchema({ owners: table({ id: int().key() }), parts: table({ p: decimal().key(), ownerId: int() }) }, { owners: { parts: hasMany('parts', 'ownerId') } })
    const owner = { id: 1, parts: [{ p: '1.50', ownerId: 1 }] }
    expect(sync(child, [owner], { table: 'parts', event: 'updated', id: '1.5', row: { p: '1.5', ownerId: 1 } })).toEqual([{ id: 1, parts: [{ p: '1.5', ownerId: 1 }] }])
    expect(sync(child, [{ ...owner, parts: [] }, owner], [{ table: 'parts', event: 'updated', id: '1.5', row: { p: '1.5', ownerId: 1 } }], { force: true })[1].parts.length).toBe(1)
  })

  it('that come in another spelling are asked for once, and their answers are those of the row', async () => {
    const db = await createDatabase({ schema: typed })
    db.apply([{ op: 'upsert', table: 'prices', row: { p: '1.50', n: 1 } }])
    const asked: unknown[] = [], errors: unknown[] = []
    const feed = receiver(db, { fetchRow: async (_, key) => { asked.push(key); return { p: '1.50', n: 2 } }, onError: e => { errors.push(e) } })
    feed.receive([[['prices', 'updated'], { p: '1.5' }], [['prices', 'updated'], { p: 1.5 }], ['EctoSync', ['prices', 'updated', [{ p: '1.500' }, 4]]]])
    await feed.idle
    expect([asked.length, errors, read(db as never, db.query.prices as never)]).toEqual([1, [], [{ p: '1.50', n: 2 }]])
    expect(feed.receive(['EctoSync', ['prices', 'updated', [{ p: '1.50' }, 4]]])).toEqual({ ignored: 1 })
    db.close()
  })
})

describe('listeners', () => {
  it('that begin while a version is told are told of later ones only', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1)])
    const told: string[] = []
    const to = (name: string) => ({ version, events }: Notification): void => { told.push(`${name} ${version} ${events.map(e => e.id)}`) }
    subscribe(db, 'posts', to('first'))
    let begun = false
    db.live(db.query.posts.where('id', '>', 0)).subscribe(() => {
      if (begun) return
      begun = true
      subscribe(db, 'posts', to('table'))
      subscribe(db, 'posts', { by: { personId: 1 } }, to('by'))
      subscribe(db, read(db, db.query.people)[0], { of: 'people', assocs: 'posts' }, to('row'))
      subscribe(db, ['posts', 'inserted'], { assocs: 'tags' }, to('followed'))
    })
    db.apply([set('posts', 1, { name: 'x' }), post(2, 1)])
    expect(told.splice(0).map(t => t.slice(0, 7))).toEqual(['first 2'])
    db.apply([set('posts', 1, { name: 'y' })])
    expect(told.sort()).toEqual(['by 3 1', 'first 3 1', 'row 3 1', 'table 3 1'])
  })

  it('that apply before others are told leave nothing behind in the values of these', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), post(2, 1), tag(2), tag(3), tagged(1, 1, 2), tagged(2, 2, 3)])
    const query = db.query.people.with('allTags').with('posts', p => p.with('tags'))
    let applied = false
    subscribe(db, ['posts', 'deleted'], () => {
      if (applied) return
      applied = true
      // What led from the deleted post to its tag is gone before the holder hears of the post.
      db.apply([gone('postsTags', 1), set('posts', 2, { name: 'newer' })])
    })
    const held = hold(db, read(db, query)[0], { of: 'people' })
    db.apply([gone('posts', 1)])
    expect([applied, held.value]).toEqual([true, read(db, query)[0]])
    expect(held.notes.map(n => [n.version, n.events.map(e => e.ref)])).toEqual([[2, [2]], [3, [3]]])
  })

  it('that throw stop nobody; ended ones are silent at once; a closed database tells nobody', async () => {
    const { db, errors } = await open()
    db.apply([post(1, 1)])
    const told: string[] = []
    subscribe(db, 'posts', () => { told.push('a'); b.unsubscribe(); throw new Error('wrong') })
    const b = subscribe(db, 'posts', () => { told.push('b') })
    subscribe(db, 'posts', () => { told.push('c'); db.close() })
    const last = subscribe(db, 'posts', () => { told.push('d') })
    db.apply([set('posts', 1, { name: 'x' })])
    await tick()
    expect([told, errors.map(e => (e as Error).message), last.status, subscriptions(db)]).toEqual([['a', 'c'], ['wrong'], 'closed', []])
  })

  it('of a label that stands for something else by now are others; columns that are none narrow nothing', async () => {
    const { db } = await open()
    const heard: unknown[] = [], tell = (n: Notification): void => { heard.push(...n.events.map(e => [e.table, e.identifiers])) }
    const label = 'changed', event = 'updated', as = (given: object): (() => void) => watch(db, [{ table: 'posts', event, label, ...given }])
    db.apply([post(1, 1), tag(1)])
    let back = as({})
    const old = subscribe(db, label, tell)
    expect(subscribe(db, label, tell)).toBe(old)
    back()
    back = as({ extraColumns: ['name'] })
    const more = subscribe(db, label, tell)
    expect(more).not.toBe(old)
    old.unsubscribe()
    db.apply([set('posts', 1, { name: 'x' })])
    expect(heard.splice(0)).toEqual([['posts', { id: 1, personId: 1, otherId: null, name: 'x' }]])
    back()
    back = as({ table: 'tags' })
    expect(subscribe(db, label, tell).table).toBe('tags')
    more.unsubscribe()
    db.apply([set('tags', 1, { name: 'x' }), set('posts', 1, { name: 'y' })])
    expect(heard.splice(0)).toEqual([['tags', { id: 1 }]])
    back()
    // As with watchers, and in EctoWatch.
    subscribe(db, ['posts', 'updated'], { columns: [] }, tell)
    db.apply([set('posts', 1, { name: 'z' })])
    expect(heard.length).toBe(1)
  })

  it('hear of columns that are null, too', async () => {
    const { db } = await open()
    const told: string[] = []
    subscribe(db, 'posts', { by: { personId: null } }, n => { told.push(n.events.map(e => `${e.event} ${e.id}`).join()) })
    db.apply([post(1, null), post(2, 1)])
    db.apply([set('posts', 2, { personId: null })])
    db.apply([set('posts', 1, { personId: 3 })])
    db.apply([set('posts', 1, { name: 'elsewhere' })])
    expect(told).toEqual(['inserted 1', 'updated 2', 'updated 1'])
    expect(unsubscribe(db, 'posts', { by: { personId: null } })).toBe(true)
  })

  it('mistakes in what they ask for are errors with the nearest name', async () => {
    const { db } = await open()
    const quiet = (): void => {}
    const at = (fn: () => unknown): unknown[] => { const e = failure(fn); return [e.code, e.path, e.nearest] }
    expect(at(() => subscribe(db, 'posts', { asocs: 'tags' } as never, quiet))).toEqual(['TARGET_INVALID', 'asocs', 'assocs'])
    expect(at(() => subscribe(db, 'posts', { by: {} }, quiet))).toEqual(['TARGET_INVALID', 'by', undefined])
    expect(at(() => subscribe(db, 'posts', { by: { personId: undefined } }, quiet))).toEqual(['TARGET_INVALID', 'by.personId', undefined])
    expect(at(() => (subscribe as any)(db, 'posts'))).toEqual(['TARGET_INVALID', 'tell', undefined])
    expect(at(() => (subscribe as any)(db, 'posts', { id: 1 }))).toEqual(['TARGET_INVALID', 'tell', undefined])
    expect(at(() => subscribe(db, null as never, quiet))).toEqual(['TARGET_INVALID', 'target', undefined])
    expect(at(() => sync(db, [], event('posts', 1), { preload: {} } as never))).toEqual(['INVALID_ARGUMENT', 'preload', 'preloads'])
    expect(at(() => watch(db, [null as never]))).toEqual(['WATCHER_INVALID', 'watchers[0]', undefined])
    expect(at(() => watch(db, [{ table: 'posts', event: 'updated', labels: 'x' } as never]))).toEqual(['WATCHER_INVALID', 'watchers[0].labels', 'label'])
    expect(at(() => watch(db, [{ table: 'posts', event: 'updated', label: 5 as never }]))).toEqual(['WATCHER_INVALID', 'watchers[0].label', undefined])
    expect(at(() => watch(db, [{ table: 'posts', event: 'updated', label: 'x', columns: 'name' as never }]))).toEqual(['WATCHER_INVALID', 'watchers[0].columns', undefined])
    expect(subscriptions(db)).toEqual([])
  })
})

it('a backend with other names of tables and columns: in messages, keys and rows', async () => {
  const { db } = await open()
  const names = { schemas: { 'Blog.Post': 'posts', posts_tags: 'pairs' }, columns: { posts: { person_id: 'personId', other_id: 'otherId' }, pairs: { post_id: 'postId', tag_id: 'tagId' } } }
  const feed = receiver(db, { ...names, fetchRow: async (_, id) => ({ id, person_id: 7, other_id: null, name: 'fetched', body: null, inserted_at: 'today' }) })
  feed.receive([['EctoSync', ['Elixir.Blog.Post', 'inserted', [{ id: 1, person_id: 7 }, 1]]], ['EctoSync', ['posts_tags', 'inserted', [{ post_id: 1, tag_id: 2 }, 1]]], [['Blog.Post', 'inserted'], { id: 2, person_id: null, other_id: 3, name: 'whole', body: 'b' }]])
  await feed.idle
  expect([read(db, db.query.posts), read(db, db.query.pairs)]).toEqual([[{ id: 1, personId: 7, otherId: null, name: 'fetched', body: null }, { id: 2, personId: null, otherId: 3, name: 'whole', body: 'b' }], [{ postId: 1, tagId: 2 }]])
  feed.receive(['EctoSync', ['posts_tags', 'deleted', [{ post_id: 1, tag_id: 2 }, 2]]])
  expect(read(db, db.query.pairs)).toEqual([])
  const at = (options: object): unknown[] => { const e = failure(() => receiver(db, { fetchRow: async () => null, ...options })); return [e.code, e.path, e.nearest] }
  expect(at({ schemas: { Post: 'post' } })).toEqual(['UNKNOWN_TABLE', 'schemas.Post', 'posts'])
  expect(at({ columns: { post: {} } })).toEqual(['UNKNOWN_TABLE', 'columns.post', 'posts'])
  expect(at({ columns: { posts: { person_id: 'person_id' } } })).toEqual(['UNKNOWN_COLUMN', 'columns.posts.person_id', 'personId'])
})

describe('many events', () => {
  it('are one walk: rows are looked at as often for two hundred as for one', async () => {
    const { db } = await open()
    db.apply([...Array.from({ length: 10 }, (_, i) => person(i)), ...Array.from({ length: 400 }, (_, i) => post(i, i % 10)), tag(1), tag(2)])
    let looks = 0
    const counted = <T extends { id: number }>(row: T): T => { const { id } = row; return Object.defineProperty({ ...row }, 'id', { get: () => { looks++; return id }, enumerable: true }) }
    const value = read(db, db.query.people.with('posts', p => p.with('tags'))).map(p => ({ ...p, posts: p.posts.map(counted) }))
    const looked = (n: number, name: string): number => {
      db.apply(Array.from({ length: n }, (_, i) => set('posts', i * 2, { name })))
      looks = 0
      const next = sync(db, value, Array.from({ length: n }, (_, i) => event('posts', i * 2, 'updated')), { of: 'people' })
      expect(next.flatMap(p => p.posts).filter(p => p.name === name).length).toBe(n)
      return looks
    }
    looked(1, 'first')
    const one = looked(1, 'one'), many = looked(200, 'many')
    // Rows that change are copied, and looked at where they are put.
    expect(many).toBeLessThan(one + 200 * 10)
    expect(one).toBeGreaterThanOrEqual(400)
  })

  it('of one row are what is left of them: inserted and deleted, deleted and inserted, moved twice', async () => {
    const { db } = await open()
    db.apply([person(1), person(2), post(1, 1), post(2, 1)])
    const query = db.query.people.with('posts')
    const value = read(db, query)
    db.apply([post(3, 1)])
    db.apply([gone('posts', 3), gone('posts', 1)])
    db.apply([post(1, 2, { name: 'again' }), set('posts', 2, { personId: 2 })])
    db.apply([set('posts', 2, { personId: 1, name: 'back' })])
    const events = [event('posts', 3), event('posts', 3, 'deleted'), event('posts', 1, 'deleted'), event('posts', 1), event('posts', 2, 'updated'), event('posts', 2, 'updated')]
    const next = sync(db, value, events, { of: 'people' })
    expect(next).toEqual(read(db, query))
    expect(sync(db, next, [...events, ...events], { of: 'people' })).toBe(next)
    const posts = [post(1, 1).row, post(2, 1).row]
    expect(ids(sync(db, posts, events))).toEqual([1, 2])
    expect(ids(sync(db, [] as any[], events))).toEqual([1])
    expect(sync(db, null as any, events)).toMatchObject({ id: 1, name: 'again' })
  })
})

describe('values', () => {
  it('that contain themselves, or are nested without end, are errors', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1)])
    const circle: any = { id: 1, name: 'person 1', posts: [{ ...post(1, 1).row, name: 'old' }] }
    circle.posts[0].person = circle
    const at = (fn: () => unknown): unknown[] => { const e = failure(fn); return [e.code, e.path] }
    for (const source of [db, schema]) expect(at(() => sync(source, circle, event('posts', 1, 'updated'), { of: 'people' }))).toEqual(['INVALID_ARGUMENT', 'value'])
    expect(at(() => subscribe(db, circle, { of: 'people', assocs: true }, () => {}))).toEqual(['INVALID_ARGUMENT', 'target'])
    const deep: any = {}
    for (let i = 0, at = deep; i < 50_000; i++) at = (at.posts = { person: {} }).person
    expect(at(() => subscribe(db, 'people', { assocs: deep }, () => {}))).toEqual(['INVALID_ARGUMENT', 'target'])
    expect(at(() => sync(schema, [], event('posts', 1), { query: db.query.posts }))).toEqual(['INVALID_ARGUMENT', 'query'])
    expect(subscriptions(db)).toEqual([])
  })

  it('that stand in the place of associations are not loaded, and stay', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1)])
    class NotLoaded {}
    for (const place of ['loading', 7, new NotLoaded(), Symbol.iterator, null]) {
      const row = { id: 1, name: 'person 1', posts: place, latest: place === null ? undefined : place }
      expect(sync<unknown>(db, [row], event('posts', 1), { of: 'people' })).toEqual([row])
    }
    const rows = [undefined, null, 'header', { ...post(1, 1).row, name: 'old' }]
    expect(sync(db, rows, event('posts', 1, 'updated'))).toEqual([undefined, null, 'header', post(1, 1).row])
  })

  it('without a database: rows that move keep what they show of join tables, and rows that enter show nothing of before', () => {
    const one = post(1, 1).row, two = post(2, 2).row, of = (id: number) => person(id).row, red = tag(1, 'red').row
    const people = [{ ...of(1), posts: [{ ...one, tags: [red] }] }, { ...of(2), posts: [{ ...two, tags: [] }] }]
    const moves = { table: 'posts', event: 'updated', id: 1, row: { ...one, personId: 2 }, old: one } as const
    expect(sync(schema, people, moves, { of: 'people' })).toEqual([{ ...of(1), posts: [] }, { ...of(2), posts: [{ ...two, tags: [] }, { ...one, personId: 2, tags: [red] }] }])
    // And follow what else is told.
    const renamed = sync(schema, people, [moves, { table: 'tags', event: 'updated', id: 1, row: { ...red, name: 'blue' }, old: red }], { of: 'people' })
    expect(renamed[1].posts[1].tags).toEqual([{ id: 1, name: 'blue' }])
    // A person that the value holds, with posts that it had: where it is shown anew, it is as asked for.
    const alone = [{ ...of(1), posts: [] as object[] }]
    const born = { table: 'posts', event: 'inserted', id: 1, row: one, old: null } as const
    expect(sync(schema, alone, born, { of: 'people', assocs: { posts: { person: true } } })).toEqual([{ ...of(1), posts: [{ ...one, person: of(1) }] }])
    expect(sync(schema, alone, born, { of: 'people', assocs: { posts: { person: 'posts' } } })).toEqual([{ ...of(1), posts: [{ ...one, person: { ...of(1), posts: [one] } }] }])
  })

  it('of several lists take in rows as each list shows its own, not as another one does', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), post(2, 1)])
    const one = post(1, 1).row, two = post(2, 1).row, of = person(1).row
    const whole = { ...one, person: of, tags: [] }
    expect(sync(db, { plain: [one], whole: [whole] }, event('posts', 2))).toEqual({ plain: [one, two], whole: [whole, { ...two, person: of, tags: [] }] })
    const map = new Map<string, object[]>([['whole', [whole]], ['plain', [one]]])
    expect([...sync(db, map, event('posts', 2)).values()]).toEqual([[whole, { ...two, person: of, tags: [] }], [one, two]])
    // What is said of the top, or per table, holds for all.
    expect(sync(db, { plain: [one], whole: [whole] }, event('posts', 2), { preloads: { posts: 'tags' } })).toEqual({ plain: [one, { ...two, tags: [] }], whole: [whole, { ...two, tags: [] }] })
    expect(sync(db, { plain: [one] }, event('posts', 2), { assocs: 'tags' }).plain[1]).toEqual({ ...two, tags: [] })
  })
})

describe('news taken in late', () => {
  it('a row that went and came back shows what hangs on it now: a listener applied, or the news were kept', async () => {
    for (const nested of [true, false]) {
      const { db } = await open()
      db.apply([person(1), person(2), post(1, 1), post(5, 2)])
      const query = db.query.people.with('posts')
      const before = read(db, query), news: Notification[] = []
      let value = before
      const again = [person(2, 'again'), post(5, 2, { name: 'newer' }), post(7, 2)]
      let done = !nested
      subscribe(db, value, { of: 'people', assocs: true, inserted: true }, n => { news.push(n); if (nested) value = sync(db, value, n) })
      db.live(db.query.people).subscribe(() => { if (!done) { done = true; db.apply(again) } })
      db.apply([gone('people', 2)])
      if (!nested) db.apply(again)
      expect(news.map(n => n.events.map(e => [e.table, e.event, e.id]))).toEqual([[['people', 'deleted', 2]], [['people', 'inserted', 2]]])
      const now = read(db, query)
      if (!nested) for (const n of news) value = sync(db, value, n)
      expect([value, sync(db, before, news.flatMap(n => n.events), { of: 'people' })]).toEqual([now, now])
      expect([value[0] === before[0], sync(db, value, news[0]) === value]).toEqual([true, true])
    }
  })

  it('so does one that was elsewhere, or that nothing led to, and what did not change is the same object', async () => {
    const { db } = await open()
    db.apply([person(1), person(2), person(3), post(1, 1), post(2, 1), post(4, null), tag(1), tag(2), tag(3), tagged(1, 1, 1), tagged(2, 2, 2), tagged(3, 2, 3)])
    const query = db.query.people.with('posts', p => p.with('tags').with('other')).with('allTags').where('id', '=', 1)
    const before = read(db, query), news: Notification[] = []
    subscribe(db, before, { of: 'people', assocs: true }, n => { news.push(n) })
    // A post away, with a new tag when it is back; a tag that is renamed while no row leads to it.
    db.apply([set('posts', 1, { personId: 2 }), gone('postsTags', 2)])
    db.apply([tagged(5, 1, 3), tag(2, 'renamed')])
    db.apply([set('posts', 1, { personId: 1 }), tagged(2, 2, 2)])
    // What is there again is at the end for the query, and in its place here.
    const names = (tags: readonly { name: string }[]): string[] => tags.map(t => t.name).sort()
    const shown = (people: typeof before): unknown => people.map(p => [p.posts.map(q => [q.id, names(q.tags)]).sort(), names(p.allTags)])
    const now = read(db, query)
    for (const told of [news, [...news].reverse(), [news.flatMap(n => n.events)]]) {
      let value = before
      for (const one of told) value = sync(db, value, one, { of: 'people' })
      expect(shown(value)).toEqual(shown(now))
      expect(value[0].posts[0].tags[0]).toBe(before[0].posts[0].tags[0])
    }
    // There and back by a single key: whom a post points to.
    db.apply([set('posts', 4, { otherId: 3 })])
    const pointing = read(db, db.query.posts.with('other')).find(p => p.id === 4)!, later: Notification[] = []
    subscribe(db, pointing, { of: 'posts', assocs: true }, n => { later.push(n) })
    db.apply([set('posts', 4, { otherId: null })])
    db.apply([person(3, 'renamed')])
    db.apply([set('posts', 4, { otherId: 3 })])
    expect(later.reduce((value, n) => sync(db, value, n), pointing).other?.name).toBe('renamed')
  })
})

describe('requests', () => {
  it('that failed are forgotten when the row comes by another message, whole or as a delete', async () => {
    const { db } = await open()
    db.apply([post(1, null), post(2, null)])
    const [one, two] = read(db, db.query.posts).map(row => hold(db, row))
    const feed = receiver(db, { fetchRow: () => Promise.reject(new Error('503')) })
    feed.receive([[['posts', 'updated'], { id: 1 }], [['posts', 'updated'], { id: 2 }]])
    await feed.idle
    expect([one.subscription.status, two.subscription.status]).toEqual(['error', 'error'])
    feed.receive([[['posts', 'updated'], { ...post(1, null).row, name: 'whole' }], [['posts', 'deleted'], { id: 2 }]])
    expect([one.subscription.status, one.value.name, one.notes.at(-1)!.error, two.subscription.status]).toEqual(['ready', 'whole', undefined, 'closed'])
  })

  it('are one at a time for a row, whatever is told of it meanwhile; what nobody waits for is aborted, each by a signal of its own', async () => {
    const { db } = await open()
    let running = 0, most = 0
    const asked: { id: number; aborted: boolean; answer: (row: object | null) => void }[] = []
    const signals = new Set<AbortSignal>()
    const feed = receiver(db, { fetchRow: (_, id: number, { signal }) => {
      if (id === 1) most = Math.max(most, ++running)
      signals.add(signal)
      const one = { id, aborted: false, answer: (_: object | null) => {} }
      signal.addEventListener('abort', () => { one.aborted = true })
      asked.push(one)
      return new Promise(resolve => { one.answer = row => { if (id === 1) running--; resolve(row) } })
    } })
    for (let i = 0; i < 5; i++) {
      feed.receive([['posts', 'updated'], { id: 1 }])
      await tick()
      feed.receive([['posts', 'deleted'], { id: 1 }])
      await tick()
    }
    expect([most, asked.length, asked[0].aborted]).toEqual([1, 1, true])
    // Nothing is waited for; then the row is wanted again, and asked for once when the old answer is there.
    await feed.idle
    feed.receive([['posts', 'inserted'], { id: 1 }])
    feed.receive([['posts', 'updated'], { id: 1 }])
    await tick()
    expect(asked.length).toBe(1)
    asked[0].answer({ ...post(1, null).row, name: 'old' })
    await tick()
    expect([asked.length, most, read(db, db.query.posts)]).toEqual([2, 1, []])
    asked[1].answer({ ...post(1, null).row, name: 'new' })
    await feed.idle
    expect(read(db, db.query.posts).map(p => p.name)).toEqual(['new'])
    // An answer that waits for its version when a delete comes.
    feed.receive([['posts', 'updated'], { id: 1 }])
    await tick()
    asked[2].answer({ ...post(1, null).row, name: 'ghost' })
    for (let i = 0; i < 12; i++) await Promise.resolve().then(() => { if (i === 1) feed.receive([['posts', 'deleted'], { id: 1 }]) })
    await feed.idle
    expect(read(db, db.query.posts)).toEqual([])
    for (let id = 2; id < 40; id++) feed.receive([['posts', 'updated'], { id }])
    await tick()
    expect(signals.size).toBe(asked.length)
    feed.close()
    expect(asked.slice(3).every(a => a.aborted)).toBe(true)
  })

  it('that failed are forgotten when the row comes by the database, told with its version', async () => {
    const { db } = await open()
    db.apply([post(1, null), post(2, null)])
    const [one, two] = read(db, db.query.posts).map(row => hold(db, row))
    const feed = receiver(db, { fetchRow: () => Promise.reject(new Error('503')) })
    feed.receive([[['posts', 'updated'], { id: 1 }], [['posts', 'updated'], { id: 2 }]])
    await feed.idle
    const before = one.notes.length
    db.apply([set('posts', 1, { name: 'came' }), gone('posts', 2)])
    expect([one.subscription.status, one.value.name, one.notes.length - before, one.notes.at(-1)!.error, one.notes.at(-1)!.events.length]).toEqual(['ready', 'came', 1, undefined, 1])
    expect([two.subscription.status, two.notes.at(-1)!.error]).toEqual(['closed', undefined])
  })

  it('that are answered with undefined, as by a forgotten return, have failed: the row stays', async () => {
    const { db } = await open()
    db.apply([post(1, null)])
    const one = hold(db, read(db, db.query.posts)[0])
    const codes: string[] = []
    const feed = receiver(db, { fetchRow: (async () => {}) as never, onError: e => { codes.push(e.code) } })
    feed.receive([['posts', 'updated'], { id: 1 }])
    await feed.idle
    expect([one.subscription.status, codes, read(db, db.query.posts).length]).toEqual(['error', ['FETCH_FAILED'], 1])
  })

  it('of a receiver that are overtaken by a change of the row are made once more', async () => {
    const { db } = await open()
    db.apply([post(1, null, { name: 'v1' }), post(2, null)])
    const waiting: ((row: object | null) => void)[] = []
    const feed = receiver(db, { fetchRow: () => new Promise(resolve => { waiting.push(resolve) }) })
    const names = (): unknown[] => read(db, db.query.posts).map(p => p.name)
    feed.receive([[['posts', 'updated'], { id: 1 }], [['posts', 'updated'], { id: 2 }]])
    await tick()
    // An own write, and a delete by another source, while both are asked for.
    db.apply([set('posts', 1, { name: 'own' }), gone('posts', 2)])
    waiting[0]({ ...post(1, null).row, name: 'asked before' })
    waiting[1]({ ...post(2, null).row, name: 'ghost' })
    await tick()
    expect([names(), waiting.length]).toEqual([['own'], 4])
    waiting[2]({ ...post(1, null).row, name: 'own, stored' })
    waiting[3](null)
    await feed.idle
    expect([names(), waiting.length]).toEqual([['own, stored'], 4])
  })

  it('of a receiver that are overtaken by a delete of nothing, or by a row that is as it was, bring nothing back', async () => {
    const { db } = await open()
    db.apply([post(1, null), post(3, null)])
    const waiting: ((row: object | null) => void)[] = []
    const feed = receiver(db, { fetchRow: () => new Promise(resolve => { waiting.push(resolve) }) })
    const names = (): unknown[] => read(db, db.query.posts).map(p => p.name)
    feed.receive([1, 2, 3].map(id => [['posts', 'updated'], { id }]))
    await tick()
    // There and back; not there before and after; equal to what was there.
    db.apply([set('posts', 1, { name: 'other' })])
    db.apply([set('posts', 1, { name: 'post 1' })])
    db.apply([gone('posts', 2)])
    db.applyJson(JSON.stringify([{ op: 'upsert', table: 'posts', row: post(3, null).row }]))
    for (const [i, answer] of waiting.splice(0).entries()) answer({ ...post(i + 1, null).row, name: 'asked before' })
    await tick()
    expect([names(), waiting.length]).toEqual([['post 1', 'post 3'], 3])
    waiting[0](post(1, null).row)
    waiting[1](null)
    // The answer is there, and is old when its turn comes to be stored.
    waiting[2]({ ...post(3, null).row, name: 'asked before' })
    for (let i = 0; i < 12; i++) await Promise.resolve().then(() => { if (i === 0) db.apply([gone('posts', 3)]) })
    await tick()
    expect([names(), waiting.length]).toEqual([['post 1'], 4])
    waiting[3](null)
    await feed.idle
    expect(names()).toEqual(['post 1'])
  })

  it('of a receiver that failed are over when the row comes as it was, and are not made again', async () => {
    const { db } = await open()
    db.apply([post(1, null)])
    const held = hold(db, read(db, db.query.posts)[0])
    let asked = 0
    const feed = receiver(db, { fetchRow: () => { asked++; return Promise.reject(new Error('503')) } })
    feed.receive([['posts', 'updated'], { id: 1 }])
    await feed.idle
    expect(held.subscription.status).toBe('error')
    db.apply([{ op: 'upsert', table: 'posts', row: post(1, null).row }])
    expect([held.subscription.status, held.notes.at(-1)!.error]).toEqual(['ready', undefined])
    feed.retry()
    await feed.idle
    expect(asked).toBe(1)
  })

  it('of a receiver end with the database', async () => {
    const { db } = await open()
    const signals: AbortSignal[] = [], codes: string[] = []
    const feed = receiver(db, { fetchRow: (_, __, { signal }) => { signals.push(signal); return new Promise(() => {}) }, onError: e => { codes.push(e.code) } })
    feed.receive([['posts', 'updated'], { id: 1 }])
    await tick()
    db.close()
    await feed.idle
    expect([signals.map(s => s.aborted), codes]).toEqual([[true], []])
  })

  it('that are answered with another row are failures, and nothing is stored of it', async () => {
    const { db } = await open()
    db.apply([post(1, null), post(2, null)])
    const held = hold(db, read(db, db.query.posts)[0])
    const feed = receiver(db, { fetchRow: async (_, id) => ({ ...post(id === 1 ? 77 : id, null).row, name: 'fetched' }) })
    feed.receive([[['posts', 'updated'], { id: 1 }], [['posts', 'updated'], { id: 2 }]])
    await feed.idle
    expect(read(db, db.query.posts).map(p => [p.id, p.name])).toEqual([[1, 'post 1'], [2, 'fetched']])
    expect([held.subscription.status, held.subscription.error?.message]).toEqual(['error', 'a row of `posts` could not be fetched: the answer is another row: (77)'])
  })

  it('that reject with what is no error are told as one', async () => {
    const { db, errors } = await open({ fetchRow: () => Promise.reject(null) })
    const live = db.live(db.query.posts)
    db.apply([{ op: 'touch', table: 'posts', id: 1 }])
    await tick()
    const one = { name: 'EddylineError', code: 'FETCH_FAILED', message: 'a row of `posts` could not be fetched: null', offending: 'posts' }
    expect([live.status, live.error, errors]).toMatchObject(['error', one, [one]])
    const codes: unknown[] = []
    const feed = receiver(db, { fetchRow: () => Promise.reject(undefined), onError: e => { codes.push(e.code) } })
    feed.receive([['posts', 'updated'], { id: 1 }])
    await feed.idle
    expect(codes).toEqual(['FETCH_FAILED'])
  })

  it('of touched rows are told apart by their keys, be they no numbers, and answered in any spelling of them', async () => {
    const asked: unknown[] = [], errors: unknown[] = []
    const db = await createDatabase({
      schema: defineSchema({ floats: table({ k: number().key(), n: int() }), spans: table({ k: interval().key(), n: int() }) }),
      fetchRow: async (name, k) => { asked.push(k); return { k: name === 'spans' ? '24:00:00' : k, n: 1 } }, onError: e => { errors.push(e) },
    })
    const floats = db.live(db.query.floats), spans = db.live(db.query.spans)
    db.apply([...[NaN, Infinity, -Infinity, 0].map(id => ({ op: 'touch', table: 'floats', id }) as const), { op: 'touch', table: 'spans', id: '1 day' }])
    await eventually(() => spans.rows.length + errors.length > 0 && floats.rows.length > 0)
    expect([asked, errors]).toEqual([[NaN, Infinity, -Infinity, 0, '1 day'], []])
    expect([floats.rows.map(row => row.k), spans.rows]).toEqual([[-Infinity, 0, Infinity, NaN], [{ k: '24:00:00', n: 1 }]])
    db.close()
  })

  it('of touched rows that are overtaken are made once more, and another row is no answer', async () => {
    const waiting: ((row: object | null) => void)[] = []
    const { db, errors } = await open({ fetchRow: () => new Promise(resolve => { waiting.push(resolve) }) })
    db.apply([post(1, null), post(2, null)])
    const live = db.live(db.query.posts)
    const touch = (id: number): void => { db.apply([{ op: 'touch', table: 'posts', id }]) }
    touch(1)
    touch(2)
    await tick()
    db.apply([set('posts', 1, { name: 'own' }), gone('posts', 2)])
    waiting[0](post(1, 5).row)
    waiting[1](post(2, 5).row)
    await tick()
    expect([live.rows.map(p => p.name), waiting.length]).toEqual([['own'], 4])
    waiting[2](post(1, 6, { name: 'own' }).row)
    waiting[3](null)
    await tick()
    expect([live.rows.map(p => [p.name, p.personId]), waiting.length]).toEqual([[['own', 6]], 4])
    touch(1)
    await tick()
    waiting[4](post(55, 5).row)
    await tick()
    expect([ids(live.rows), live.status, live.error?.message]).toEqual([[1], 'error', 'a row of `posts` could not be fetched: the answer is another row: (55)'])
    expect(errors.length).toBe(1)
    touch(1)
    await tick()
    waiting[5](post(1, 7).row)
    await tick()
    expect([live.status, live.rows[0].personId]).toEqual(['ready', 7])
  })
})
