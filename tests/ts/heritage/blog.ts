// The model of the sources that EctoSync and EctoWatch are tested with: people, their posts, tags.
import {
  type Database, type DatabaseOptions, EddylineError, type Patch, belongsTo, createDatabase, defineSchema, hasMany, hasOne, int, manyToMany, plainPatches, string, table, through,
} from '../../../pkg/index.inline.js'
import { type Notification, type SubscribeOptions, type Subscription, type Target, subscribe, sync } from '../../../pkg/sync/index.js'

export const schema = defineSchema({
  people: table({ id: int().key(), name: string() }),
  posts: table({ id: int().key(), personId: int().nullable(), otherId: int().nullable(), name: string(), body: string().nullable() }),
  tags: table({ id: int().key(), name: string() }),
  postsTags: table({ id: int().key(), postId: int(), tagId: int() }),
  pairs: table({ postId: int().key(), tagId: int().key() }),
  // Composite and renamed keys, and rows that lead to rows of their own table.
  rooms: table({ house: string().key(), no: int().key(), name: string() }),
  desks: table({ code: string().key(), house: string().nullable(), roomNo: int().nullable(), rank: int() }),
  nextTo: table({ deskA: string().key(), deskB: string().key() }),
}, {
  people: {
    posts: hasMany('posts', 'personId'),
    testPosts: hasMany('posts', 'personId', { where: q => q.where('name', '=', 'test') }),
    badPosts: hasMany('posts', 'personId', { where: q => q.where('name', 'in', ['bad', 'worse']).where('body', 'is not', null) }),
    sorted: hasMany('posts', 'personId', { orderBy: [['name', 'desc']] }),
    latest: hasOne('posts', 'personId', { orderBy: [['id', 'desc']] }),
    others: hasMany('posts', 'otherId'),
    allTags: through('posts', 'tags'),
  },
  posts: {
    person: belongsTo('people', 'personId'),
    other: belongsTo('people', 'otherId'),
    tags: manyToMany('tags', 'postsTags', ['postId', 'tagId']),
    testTags: manyToMany('tags', 'postsTags', ['postId', 'tagId'], { where: q => q.where('name', '=', 'test'), orderBy: [['id', 'asc']] }),
    pairTags: manyToMany('tags', 'pairs', ['postId', 'tagId']),
  },
  tags: { posts: manyToMany('posts', 'postsTags', ['tagId', 'postId']), people: through('posts', 'person') },
  rooms: { desks: hasMany('desks', ['house', 'roomNo'], { orderBy: [['rank', 'desc']] }), near: through('desks', 'neighbours') },
  desks: { room: belongsTo('rooms', ['house', 'roomNo']), neighbours: manyToMany('desks', 'nextTo', ['deskA', 'deskB'], { orderBy: [['code', 'asc']] }) },
})
export type Blog = Database<typeof schema>

export interface Opened { db: Blog; errors: unknown[] }
export async function open(options?: Partial<DatabaseOptions<typeof schema>>): Promise<Opened> {
  const errors: unknown[] = []
  return { db: await createDatabase({ schema, onError: e => { errors.push(e) }, ...options }), errors }
}

export const person = (id: number, name = `person ${id}`) => ({ op: 'upsert', table: 'people', row: { id, name } }) as const
export const post = (id: number, personId: number | null, more: { name?: string; body?: string | null; otherId?: number | null } = {}) =>
  ({ op: 'upsert', table: 'posts', row: { id, personId, otherId: null, name: `post ${id}`, body: null, ...more } }) as const
export const tag = (id: number, name = `tag ${id}`) => ({ op: 'upsert', table: 'tags', row: { id, name } }) as const
export const tagged = (id: number, postId: number, tagId: number) => ({ op: 'upsert', table: 'postsTags', row: { id, postId, tagId } }) as const
export const pair = (postId: number, tagId: number) => ({ op: 'upsert', table: 'pairs', row: { postId, tagId } }) as const
export const set = <T extends string>(table: T, id: number, values: object) => ({ op: 'update', table, id, set: values }) as never
export const gone = (table: string, id: unknown) => ({ op: 'delete', table, id }) as never

/** A value that an application holds, kept by `sync` from a subscription to it. */
export interface Held<V> { value: V; notes: Notification[]; subscription: Subscription; before: V }
export function hold<V>(db: Blog, value: V, options: SubscribeOptions & { target?: Target } = {}): Held<V> {
  const { target, ...rest } = options
  const held: Held<V> = { value, notes: [], before: value, subscription: undefined as never }
  held.subscription = subscribe(db, target ?? value as Target, { assocs: true, ...rest }, n => {
    held.notes.push(n)
    held.before = held.value
    held.value = sync(db, held.value, n)
  })
  return held
}

/** Rows of a query now; and what it tells from now on, a diff per version. */
export function watchQuery<R>(db: Blog, query: { $row: R; toJSON(): any }): { rows: readonly R[]; diffs: Patch[][] } {
  const live = db.live(query)
  const diffs: Patch[][] = []
  live.subscribe(({ diff }) => { diffs.push(plainPatches(diff)) })
  return { get rows() { return live.rows }, diffs }
}
/** The rows of a query now, which may be kept. */
export function read<R>(db: Blog, query: { $row: R; toJSON(): any }): R[] {
  using live = db.live(query)
  return [...live.rows]
}

export function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) {
    if (error instanceof EddylineError) return error
    throw error
  }
  throw new Error('did not throw')
}
export const tick = (ms = 0): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })
