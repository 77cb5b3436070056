// The acceptance scenarios of the two systems whose values are rows an application already holds.
import { describe, expect, it } from 'vitest'
import { type Notification, receiver, subscribe, subscriptions, sync, unsubscribe, watch } from '../../../pkg/sync/index.js'
import type { Patch } from '../../../pkg/index.inline.js'
import { failure, gone, hold, open, pair, person, post, read, set, tag, tagged, tick, watchQuery } from './blog.js'

const tagsOf = (rows: readonly any[]): Record<number, string[]> => Object.fromEntries(rows.map(r => [r.id, r.tags.map((t: any) => t.name)]))

const byPath = (diff: readonly Patch[]): Patch[] => [...diff].sort((a, b) => String(a.path) < String(b.path) ? -1 : 1)

describe('scenarios', () => {
  it('1. posts with tags: a join row adds one tag, a renamed tag is set wherever it shows, a deleted one leaves everywhere', async () => {
    const { db } = await open()
    db.apply([post(1, null), post(2, null), post(3, null), tag(8), tag(9), tagged(1, 2, 9), tagged(2, 3, 8)])
    const query = db.query.posts.with('tags')
    const live = watchQuery(db, query)
    const held = hold(db, read(db, query))
    db.apply([tagged(3, 1, 9)])
    expect(live.diffs).toEqual([[{ t: 'add', path: [1, 'tags'], key: 9, at: 0, value: { id: 9, name: 'tag 9' } }]])
    expect(tagsOf(held.value)).toEqual({ 1: ['tag 9'], 2: ['tag 9'], 3: ['tag 8'] })
    expect([held.value[1] === held.before[1], held.value[2] === held.before[2]]).toEqual([true, true])
    db.apply([set('tags', 9, { name: 'nine' })])
    expect(byPath(live.diffs[1])).toEqual([1, 2].map(id => ({ t: 'set', path: [id, 'tags'], key: 9, fields: { name: 'nine' } })))
    expect(tagsOf(held.value)).toEqual({ 1: ['nine'], 2: ['nine'], 3: ['tag 8'] })
    expect(held.value[2]).toBe(held.before[2])
    db.apply([gone('tags', 9)])
    expect(byPath(live.diffs[2])).toEqual([1, 2].map(id => ({ t: 'remove', path: [id, 'tags'], key: 9, at: 0 })))
    expect(tagsOf(held.value)).toEqual({ 1: [], 2: [], 3: ['tag 8'] })
    expect([held.value[2] === held.before[2], held.notes.length, held.value]).toEqual([true, 3, live.rows])
  })

  it('2. a move between parents is one notification for each that is held, and none for others', async () => {
    const { db } = await open()
    db.apply([person(1, 'A'), person(2, 'B'), person(3, 'C'), post(1, 1), post(2, 1), post(3, 2)])
    const query = db.query.people.with('posts')
    const [a, b, c] = read(db, query)
    const of = 'people'
    const one = hold(db, a, { of }), two = hold(db, b, { of }), both = hold(db, [a, b], { of }), third = hold(db, c, { of })
    const live = watchQuery(db, query)
    db.apply([set('posts', 1, { personId: 2 })])
    const ids = (p: any): number[] => p.posts.map((x: any) => x.id)
    expect(ids(one.value)).toEqual([2])
    expect(ids(two.value)).toEqual([3, 1])
    expect(both.value.map(ids)).toEqual([[2], [3, 1]])
    expect([one.notes.length, two.notes.length, both.notes.length, third.notes.length]).toEqual([1, 1, 1, 0])
    expect(both.notes[0].events).toHaveLength(1)
    expect(third.value).toBe(c)
    expect(one.value.posts[0]).toBe(a.posts[1])
    expect(live.diffs.map(d => d.map(p => [p.t, p.path[0]]))).toEqual([[['remove', 1], ['add', 2]]])
    // What left is no longer followed.
    db.apply([set('posts', 1, { name: 'elsewhere' })])
    expect([one.notes.length, two.notes.length]).toEqual([1, 2])
    expect(two.value.posts[1].name).toBe('elsewhere')
    db.apply([set('posts', 1, { personId: null })])
    expect([ids(two.value), two.notes.length, one.notes.length]).toEqual([[3], 3, 1])
  })

  it('3. rows leave and enter as the condition of the association says, and only there', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1, { name: 'test' }), post(2, 1, { name: 'bad', body: 'b' }), post(3, 1, { name: 'bad' })])
    const query = db.query.people.with('posts').with('testPosts').with('badPosts')
    const live = watchQuery(db, query)
    const held = hold(db, read(db, query)[0])
    const shown = (): number[][] => [held.value.posts, held.value.testPosts, held.value.badPosts].map(l => l.map((p: any) => p.id))
    expect(shown()).toEqual([[1, 2, 3], [1], [2]])
    db.apply([set('posts', 1, { name: 'x' })])
    expect(shown()).toEqual([[1, 2, 3], [], [2]])
    expect(live.diffs[0].map(p => [p.t, p.path[1]])).toEqual(expect.arrayContaining([['set', 'posts'], ['remove', 'testPosts']]))
    expect(live.diffs[0]).toHaveLength(2)
    expect(held.value.badPosts).toBe(held.before.badPosts)
    db.apply([set('posts', 1, { name: 'test' })])
    expect(shown()).toEqual([[1, 2, 3], [1], [2]])
    db.apply([set('posts', 3, { body: 'now' })])
    expect(shown()).toEqual([[1, 2, 3], [1], [2, 3]])
    db.apply([set('posts', 2, { name: 'good' })])
    expect(shown()).toEqual([[1, 2, 3], [1], [3]])
    db.apply([set('posts', 3, { body: null })])
    expect(shown()).toEqual([[1, 2, 3], [1], []])
    expect(held.value).toEqual(live.rows[0])
  })

  it('4. hasOne and belongsTo: insert, change of key, delete of the target, a custom foreign key', async () => {
    const { db } = await open()
    db.apply([person(1), person(2), post(1, 1, { otherId: 2 }), post(5, 1)])
    const people = db.query.people.with('latest').with('others')
    const posts = db.query.posts.with('person').with('other')
    // New rows at the top come at the end of a list that an application holds.
    const p = hold(db, read(db, people), { inserted: true }), q = hold(db, read(db, posts), { inserted: true })
    const byId = (rows: readonly any[]): any[] => [...rows].sort((x, y) => x.id - y.id)
    const right = (): void => {
      expect(byId(p.value)).toEqual(read(db, people))
      expect(byId(q.value)).toEqual(read(db, posts))
    }
    right()
    const history: unknown[][] = [
      [post(9, 1)], [gone('posts', 9)], [set('posts', 5, { personId: 2 })], [set('posts', 5, { personId: 7 })], [person(7, 'late')], [set('posts', 1, { otherId: 1 })],
      [gone('people', 1)], [person(1, 'again')], [set('posts', 1, { otherId: null, personId: 2 })], [set('people', 2, { name: 'renamed' })], [gone('people', 2)],
      [post(10, 7), post(11, 7)], [gone('posts', 11)], [gone('posts', 10)],
    ]
    for (const changes of history) {
      db.apply(changes as never)
      right()
    }
    expect([p.value.at(-1)!.id, p.notes.length <= history.length]).toEqual([1, true])
  })

  it('5. a post and its tags in one batch arrive once, nested, and a later change of a tag arrives nested', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), tag(1), tagged(1, 1, 1)])
    const query = db.query.people.with('posts', q => q.with('tags'))
    const live = watchQuery(db, query)
    const held = hold(db, read(db, query)[0], { of: 'people' })
    db.apply([tag(7, 'new'), tagged(2, 2, 7), post(2, 1)])
    expect([held.notes.length, live.diffs.length]).toEqual([1, 1])
    expect(held.value.posts[1]).toEqual({ id: 2, personId: 1, otherId: null, name: 'post 2', body: null, tags: [{ id: 7, name: 'new' }] })
    expect(held.value.posts[0]).toBe(held.before.posts[0])
    db.apply([set('tags', 7, { name: 'newer' })])
    expect(held.value.posts[1].tags[0].name).toBe('newer')
    expect([held.notes.length, held.value]).toEqual([2, live.rows[0]])
    // Rows that come into a list without any load what was subscribed.
    const empty = hold(db, { ...read(db, db.query.people)[0], posts: [] as any[] }, { of: 'people', assocs: { posts: 'tags' } })
    db.apply([post(3, 1), tagged(3, 3, 1)])
    expect(empty.value.posts).toEqual([expect.objectContaining({ id: 3, tags: [{ id: 1, name: 'tag 1' }] })])
  })

  it('6. through: what two ways lead to stays until the last of them goes', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1), post(2, 1), tag(1), tag(2), tagged(1, 1, 1), tagged(2, 2, 1), tagged(3, 2, 2)])
    const query = db.query.people.with('allTags')
    const live = watchQuery(db, query)
    const held = hold(db, read(db, query)[0])
    const value = held.value
    db.apply([gone('postsTags', 1)])
    expect([live.diffs, held.value === value]).toEqual([[], true])
    db.apply([gone('postsTags', 2)])
    expect(live.diffs).toEqual([[{ t: 'remove', path: [1, 'allTags'], key: 1, at: 0 }]])
    expect(held.value.allTags).toEqual([{ id: 2, name: 'tag 2' }])
    db.apply([set('posts', 2, { personId: null })])
    expect(held.value.allTags).toEqual([])
    db.apply([set('posts', 2, { personId: 1 })])
    expect(held.value).toEqual(live.rows[0])
  })

  it('7. a bare pair table without an id: insert, delete, the same pair again; and join rows doubled under ids', async () => {
    const { db } = await open()
    db.apply([post(1, null), tag(1), tag(2)])
    const query = db.query.posts.with('pairTags').with('tags')
    const live = watchQuery(db, query)
    const held = hold(db, read(db, query)[0])
    db.apply([pair(1, 2)])
    expect(held.value.pairTags).toEqual([{ id: 2, name: 'tag 2' }])
    db.apply([pair(1, 2)])
    expect([held.notes.length, live.diffs.length]).toEqual([1, 1])
    db.apply([gone('pairs', [1, 2]), pair(1, 2)])
    expect([held.notes.length, live.diffs.length]).toEqual([1, 1])
    db.apply([gone('pairs', [1, 2])])
    expect(held.value.pairTags).toEqual([])
    db.apply([tagged(1, 1, 1)])
    db.apply([tagged(2, 1, 1)])
    expect(held.value.tags).toEqual([{ id: 1, name: 'tag 1' }])
    const twice = held.value
    db.apply([gone('postsTags', 1)])
    expect(held.value).toBe(twice)
    db.apply([set('postsTags', 2, { tagId: 2 })])
    expect(held.value.tags).toEqual([{ id: 2, name: 'tag 2' }])
    db.apply([gone('postsTags', 2)])
    expect([held.value.tags, live.rows[0]]).toEqual([[], held.value])
    // The join row before its tag: pending until it is there.
    db.apply([pair(1, 77)])
    expect(held.value.pairTags).toEqual([])
    db.apply([tag(77, 'late')])
    expect(held.value.pairTags).toEqual([{ id: 77, name: 'late' }])
  })

  it('8. the same message twice, and refs 3, 2, 3: one patch, and the value of 3', async () => {
    const { db } = await open()
    db.apply([post(1, null)])
    const backend = new Map([[1, { ...post(1, null).row, name: 'of 3' }]])
    const calls: unknown[] = []
    const feed = receiver(db, { schemas: { 'Blog.Post': 'posts' }, fetchRow: async (table, id, { ref }) => { calls.push([table, id, ref]); return backend.get(id) ?? null } })
    const live = watchQuery(db, db.query.posts)
    const message = (ref: number): string => JSON.stringify(['EctoSync', ['Elixir.Blog.Post', 'updated', [{ id: 1 }, ref]]])
    feed.receive(message(3))
    feed.receive(message(2))
    feed.receive(message(3))
    await feed.idle
    expect([calls, live.diffs]).toEqual([[['posts', 1, 3]], [[{ t: 'set', path: [], key: 1, fields: { name: 'of 3' } }]]])
    backend.set(1, { ...backend.get(1)!, name: 'stale' })
    expect([feed.receive(message(2)).ignored, feed.receive(message(3)).ignored]).toEqual([1, 1])
    await feed.idle
    expect([calls.length, live.diffs.length, live.rows[0].name]).toEqual([1, 1, 'of 3'])
    feed.receive(message(4))
    await feed.idle
    expect([calls.length, live.rows[0].name]).toEqual([2, 'stale'])
    // A delete settles what is under way; the answer that comes after it is dropped.
    feed.receive(message(5))
    feed.receive(['EctoSync', ['posts', 'deleted', [{ id: 1 }, 6]]])
    await feed.idle
    await tick(2)
    expect(live.rows).toEqual([])
    // Inserts are numbered apart from updates: number 1 after number 6 is news.
    feed.receive([['EctoSync', ['posts', 'inserted', [{ id: 1 }, 1]]], ['EctoSync', ['posts', 'inserted', [{ id: 1 }, 1]]]])
    await feed.idle
    expect(live.rows).toHaveLength(1)
  })

  it('9. one request for 50 subscribers; a failure shows on them and keeps the rows, and asking again works', async () => {
    const { db } = await open()
    db.apply([post(1, null), tag(1), tagged(1, 1, 1), post(2, null)])
    let calls = 0
    let answer: () => Promise<object | null> = () => Promise.reject(new Error('503'))
    const failures: string[] = []
    const feed = receiver(db, { fetchRow: () => { calls++; return answer() }, onError: e => { failures.push(e.code) } })
    const row = read(db, db.query.posts.with('tags'))[0]
    const handles = Array.from({ length: 50 }, () => hold(db, row))
    const other = hold(db, read(db, db.query.posts)[1])
    for (let i = 0; i < 50; i++) feed.receive([['tags', 'updated'], { id: 1 }])
    await feed.idle
    expect([calls, failures]).toEqual([1, ['FETCH_FAILED']])
    expect(new Set(handles.map(h => `${h.subscription.status} ${h.subscription.error?.code} ${h.notes.length}`))).toEqual(new Set(['error FETCH_FAILED 1']))
    expect(handles[0].notes[0]).toMatchObject({ events: [], error: { code: 'FETCH_FAILED', cause: { message: '503' } } })
    expect(handles.every(h => h.value === row)).toBe(true)
    expect([other.subscription.status, other.notes.length]).toEqual(['ready', 0])
    answer = () => Promise.resolve({ id: 1, name: 'fetched', unknownToUs: true })
    feed.retry()
    await feed.idle
    expect([calls, handles[0].subscription.status, handles[0].subscription.error]).toEqual([2, 'ready', undefined])
    expect(handles.every(h => (h.value as any).tags[0].name === 'fetched')).toBe(true)
    feed.retry()
    await feed.idle
    expect(calls).toBe(2)
  })

  it('10. 100 updates of a row in a batch are one set; the echo of an own write is nothing', async () => {
    const { db } = await open()
    db.apply([person(1), post(1, 1)])
    const query = db.query.people.with('posts')
    const live = watchQuery(db, query)
    const held = hold(db, read(db, query)[0], { of: 'people' })
    db.apply(Array.from({ length: 100 }, (_, i) => set('posts', 1, { name: `n${i}`, body: String(i) })) as never)
    expect(live.diffs).toEqual([[{ t: 'set', path: [1, 'posts'], key: 1, fields: { name: 'n99', body: '99' } }]])
    expect([held.notes.length, held.notes[0].events.length, held.value.posts[0].name]).toEqual([1, 1, 'n99'])
    const feed = receiver(db, { origin: 'echo', fetchRow: async (_, id) => ({ id, personId: 1, otherId: null, name: 'mine', body: null }) })
    db.apply([set('posts', 1, { name: 'mine', body: null })])
    const mine = held.value
    feed.receive([['posts', 'updated'], { id: 1 }])
    feed.receive([['posts', 'updated'], { id: 1, personId: 1, otherId: null, name: 'mine', body: null }])
    await feed.idle
    expect([held.notes.length, live.diffs.length]).toEqual([2, 2])
    expect(sync(db, mine, { table: 'posts', event: 'updated', id: 1 }, { of: 'people' })).toBe(mine)
    // An echo that differs from what was written is a change.
    feed.receive([['posts', 'updated'], { id: 1, personId: 1, otherId: null, name: 'trimmed', body: null }])
    expect([held.value.posts[0].name, live.diffs[2]]).toEqual(['trimmed', [{ t: 'set', path: [1, 'posts'], key: 1, fields: { name: 'trimmed' } }]])
  })

  it('11. a list of a query takes in what fits it, in its place, and no more rows than it holds', async () => {
    const { db } = await open()
    const query = db.query.posts.where('body', '=', 'yes').orderBy('name').limit(10)
    db.apply(Array.from({ length: 20 }, (_, i) => post(i, null, { name: `n${String(i).padStart(2, '0')}`, body: 'yes' })))
    const live = watchQuery(db, query)
    let value = read(db, query)
    const step = (changes: unknown[], id: number): boolean => {
      const before = value
      db.apply(changes as never)
      value = sync(db, value, { table: 'posts', event: 'inserted', id }, { query })
      return value === before
    }
    expect(step([post(100, null, { name: 'a', body: 'no' })], 100)).toBe(true)
    expect(live.diffs).toEqual([])
    expect(step([post(101, null, { name: 'z', body: 'yes' })], 101)).toBe(true)
    const kept = value[3]
    expect(step([post(102, null, { name: 'm', body: 'yes' })], 102)).toBe(false)
    expect(live.diffs[0].map(p => p.t).sort()).toEqual(['add', 'remove'])
    expect([value, value[4] === kept, value.length]).toEqual([live.rows, true, 10])
  })

  it('12. what cannot be watched is an error with a code; unsubscribed is silent', async () => {
    const { db } = await open()
    const quiet = (): void => {}
    const code = (fn: () => unknown): unknown[] => { const e = failure(fn); return [e.code, e.path, e.nearest] }
    expect(code(() => subscribe(db, 'pots', quiet))).toEqual(['UNKNOWN_LABEL', 'target', 'posts'])
    expect(code(() => subscribe(db, ['posts', 'insert' as never], quiet))).toEqual(['EVENT_INVALID', 'target[1]', 'inserted'])
    expect(code(() => subscribe(db, 'posts', { by: { nam: 1 } }, quiet))).toEqual(['UNKNOWN_COLUMN', 'by[0]', 'name'])
    expect(code(() => subscribe(db, 'posts', { by: { name: 'x' } }, quiet))).toEqual(['NOT_LINKED', 'by.name', undefined])
    expect(code(() => subscribe(db, ['posts', 'inserted'], { id: 1 }, quiet))).toEqual(['INSERT_BY_KEY', 'id', undefined])
    expect(code(() => subscribe(db, 'posts', { columns: ['nme'] }, quiet))).toEqual(['UNKNOWN_COLUMN', 'columns[0]', 'name'])
    expect(code(() => subscribe(db, ['posts', 'deleted'], { columns: ['name'] }, quiet))).toEqual(['WATCHER_INVALID', 'columns', undefined])
    expect(code(() => subscribe(db, 'posts', { assocs: 'tag' }, quiet))).toEqual(['UNKNOWN_RELATION', 'assocs', 'tags'])
    expect(code(() => subscribe(db, 'pairs', { id: 1 }, quiet))).toEqual(['MISSING_KEY', 'id', undefined])
    expect(code(() => subscribe(db, [], quiet))).toEqual(['TARGET_INVALID', 'target', undefined])
    expect(code(() => subscribe(db, [{ id: 1, name: 'x' }], quiet))[0]).toBe('AMBIGUOUS_ROW')
    expect(code(() => watch(db, []))).toEqual(['WATCHER_INVALID', 'watchers', undefined])
    expect(code(() => watch(db, [{ table: 'posts', event: 'inserted', label: 'a', columns: ['name'] }]))).toEqual(['WATCHER_INVALID', 'watchers[0].columns', undefined])
    expect(code(() => watch(db, [{ table: 'posts', event: 'updated', columns: ['name'] }]))).toEqual(['WATCHER_INVALID', 'watchers[0].label', undefined])
    expect(code(() => watch(db, [{ table: 'posts', event: 'updated', label: 'a', extraColumns: ['zzzzzz'] }]))).toEqual(['UNKNOWN_COLUMN', 'watchers[0].extraColumns[0]', undefined])
    expect(code(() => watch(db, [{ table: 'posts', event: 'updated', label: 'a' }, { table: 'tags', event: 'updated', label: 'a' }]))).toEqual(['DUPLICATE_LABEL', 'watchers[1].label', undefined])
    expect(code(() => watch(db, [{ table: 'posts', event: 'updated' }, { table: 'posts', event: 'updated' }]))).toEqual(['DUPLICATE_LABEL', 'watchers[1].label', undefined])
    expect(subscriptions(db)).toEqual([])

    const renamed = watch(db, [{ table: 'posts', event: 'updated', label: 'renamed', columns: ['name'], extraColumns: ['personId'] }])
    expect(code(() => watch(db, [{ table: 'posts', event: 'updated', label: 'renamed' }]))).toEqual(['DUPLICATE_LABEL', 'watchers[0].label', undefined])
    expect(code(() => subscribe(db, 'renamed', { by: { otherId: 1 } }, quiet))).toEqual(['NOT_LINKED', 'by.otherId', undefined])
    const told: [string, Notification][] = []
    const to = (name: string) => (n: Notification): void => { told.push([name, n]) }
    const sub = subscribe(db, 'renamed', { by: { personId: 1 } }, to('renamed'))
    const all = to('all')
    expect(subscribe(db, 'posts', all)).toBe(subscribe(db, 'posts', all))
    subscribe(db, 'posts', { id: 1 }, to('one'))
    db.apply([person(1), post(1, 1), post(2, null)])
    expect(told.splice(0).map(([name, n]) => [name, n.events.map(e => `${e.event} ${e.id}`)])).toEqual([['all', ['inserted 1', 'inserted 2']]])
    db.apply([set('posts', 1, { body: 'b' })])
    expect(told.splice(0).map(t => t[0]).sort()).toEqual(['all', 'one'])
    db.apply([set('posts', 1, { name: 'n' })])
    const note = told.find(t => t[0] === 'renamed')![1]
    expect(note.events).toEqual([expect.objectContaining({ table: 'posts', event: 'updated', id: 1, label: 'renamed', changed: ['name'], identifiers: { id: 1, personId: 1, otherId: null } })])
    told.length = 0
    sub.unsubscribe()
    expect(unsubscribe(db, 'posts', { id: 1 })).toBe(true)
    expect(unsubscribe(db, 'posts', {}, all)).toBe(true)
    expect([unsubscribe(db, 'posts'), subscriptions(db), sub.status]).toEqual([false, [], 'closed'])
    renamed()
    expect(code(() => subscribe(db, 'renamed', quiet))[0]).toBe('UNKNOWN_LABEL')
    db.apply([set('posts', 1, { name: 'silence' }), gone('posts', 2)])
    expect(told).toEqual([])
  })
})
