// Subscriptions of all forms over random histories, beside a model that compares whole tables: who is told of what, in one call per
// version, and of nothing else; those that begin, end and are made twice meanwhile.
import { describe, expect, it } from 'vitest'
import { type EventName, type Notification, type RowEvent, type Subscription, close, subscribe, subscriptions, unsubscribe, watch } from '../../../pkg/sync/index.js'
import { random } from '../fixtures.js'
import { eventually } from '../real/support.js'
import { open } from './blog.js'

type Row = Record<string, any>
type Shape = { [name: string]: Shape }
type Store = Record<string, Map<string, Row>>
interface Hop { table: string; left: string[]; right: string[]; test?: (row: Row) => boolean }

const runs = Number(process.env.SYNC_RUNS ?? 40), first = Number(process.env.SYNC_SEED ?? 1)
const KEYS: Record<string, string[]> = { people: ['id'], posts: ['id'], tags: ['id'], postsTags: ['id'], pairs: ['postId', 'tagId'] }
const NAMES = Object.keys(KEYS)
const COLUMNS: Record<string, string[]> = { people: ['name'], posts: ['personId', 'otherId', 'name', 'body'], tags: ['name'], postsTags: ['postId', 'tagId'], pairs: [] }
/** Columns that associations go by, which is what rows may be listened to by. */
const LINKING: Record<string, string[]> = { people: ['id'], posts: ['id', 'personId', 'otherId'], tags: ['id'], postsTags: ['postId', 'tagId'], pairs: ['postId', 'tagId'] }
const posts = (fk: string, test?: (row: Row) => boolean): Hop => ({ table: 'posts', left: ['id'], right: [fk], test })
const tags = (join: string, test?: (row: Row) => boolean): Hop[] => [{ table: join, left: ['id'], right: ['postId'] }, { table: 'tags', left: ['tagId'], right: ['id'], test }]
const PATHS: Record<string, Record<string, Hop[]>> = {
  people: {
    posts: [posts('personId')], testPosts: [posts('personId', r => r.name === 'test')], badPosts: [posts('personId', r => ['bad', 'worse'].includes(r.name) && r.body !== null)],
    latest: [posts('personId')], others: [posts('otherId')], allTags: [posts('personId'), ...tags('postsTags')],
  },
  posts: {
    person: [{ table: 'people', left: ['personId'], right: ['id'] }], tags: tags('postsTags'), testTags: tags('postsTags', r => r.name === 'test'), pairTags: tags('pairs'),
  },
  tags: { posts: [{ table: 'postsTags', left: ['id'], right: ['tagId'] }, { table: 'posts', left: ['postId'], right: ['id'] }] },
}
const text = (v: unknown): string => JSON.stringify(v)
const keyOf = (t: string, row: Row): unknown => KEYS[t].length === 1 ? row.id : KEYS[t].map(k => row[k])
const nameOf = (t: string, key: unknown): string => `${t} ${text(key)}`

/** Names of all rows on the way of the associations of some rows. */
function reached(images: (table: string) => Row[], t: string, rows: readonly Row[], shape: Shape, into: Set<string>): void {
  for (const [name, below] of Object.entries(shape)) {
    let at = [...rows]
    let table = t
    for (const hop of PATHS[t][name]) {
      at = images(hop.table).filter(to => (hop.test?.(to) ?? true) && at.some(from => hop.left.every((c, i) => from[c] !== null && from[c] === to[hop.right[i]])))
      table = hop.table
      for (const row of at) into.add(nameOf(table, keyOf(table, row)))
    }
    reached(images, table, at, below, into)
  }
}

interface Change { table: string; event: EventName; key: unknown; row: Row | null; old: Row | null; changed: string[] }
interface Live {
  what: string
  subscription: Subscription
  said: Notification[]
  tell(n: Notification): void
  again(): Subscription
  end(): boolean
  /** Rows that were given, or came in, by key. */
  roots: Map<string, unknown>
  table: string
  label?: string
  shape: Shape
  following: boolean
  /** Told of because of what it asked for, its rows and their associations aside. */
  wants(c: Change): boolean
  over: boolean
}

async function play(seed: number): Promise<void> {
  const r = random(seed)
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]
  const { db, errors } = await open({ graceMs: 0 })
  let store: Store = Object.fromEntries(NAMES.map(n => [n, new Map<string, Row>()]))
  const lives: Live[] = []
  watch(db, [{ table: 'posts', event: 'updated', label: 'renamed', columns: ['name'], extraColumns: ['otherId'] }, { table: 'tags', event: 'inserted', label: 'new tag' }])
  const cell = (c: string): unknown => c === 'name' ? pick(['test', 'bad', 'worse', 'x']) : c === 'body' ? pick([null, 'b']) : (c === 'personId' || c === 'otherId') && r(4) === 0 ? null : r(4)
  const shape = (t: string, depth: number): Shape => Object.fromEntries(Object.keys(PATHS[t] ?? {}).filter(() => r(3) === 0).map(n => [n, depth > 0 && r(2) ? shape(PATHS[t][n].at(-1)!.table, depth - 1) : {}]))

  const begin = (): void => {
    const t = pick(NAMES), rows = [...store[t].values()]
    const said: Notification[] = []
    const tell = (n: Notification): void => { said.push(n) }
    const live = { said, tell, roots: new Map(), table: t, shape: {}, following: false, over: false } as unknown as Live
    const of = (target: any, options: any): void => {
      live.what = text([target, options])
      live.subscription = subscribe(db, target, options, tell)
      live.again = () => subscribe(db, target, options, tell)
      live.end = () => unsubscribe(db, target, options, tell)
    }
    const columns = r(3) === 0 && COLUMNS[t].length > 0 ? [pick(COLUMNS[t])] : undefined
    const narrow = (c: Change): boolean => columns === undefined || c.event !== 'updated' || columns.some(x => c.changed.includes(x))
    switch (r(6)) {
      case 0: {
        const only = r(2) ? pick(['inserted', 'updated', 'deleted'] as const) : undefined
        const narrowed = columns !== undefined && (only === undefined || only === 'updated')
        live.wants = c => c.table === t && (only === undefined || only === c.event) && (!narrowed || narrow(c))
        of(only === undefined ? t : [t, only], narrowed ? { columns } : {})
        break
      }
      case 1: {
        const id = t === 'pairs' ? [r(4), r(4)] : r(4)
        live.wants = c => c.table === t && c.event !== 'inserted' && text(c.key) === text(id) && narrow(c)
        of(t, { id, ...(columns === undefined ? {} : { columns }) })
        break
      }
      case 2: {
        const by = Object.fromEntries(LINKING[t].filter((_, i) => i === 0 || r(2)).map(c => [c, c.endsWith('Id') && t === 'posts' && r(4) === 0 ? null : r(4)]))
        live.wants = c => c.table === t && [c.row, c.old].some(i => i !== null && Object.entries(by).every(([k, v]) => i[k] === v)) && narrow(c)
        of(t, { by, ...(columns === undefined ? {} : { columns }) })
        break
      }
      case 3: {
        live.label = pick(['renamed', 'new tag'])
        live.table = live.label === 'renamed' ? 'posts' : 'tags'
        live.wants = live.label === 'renamed' ? c => c.table === 'posts' && c.event === 'updated' && c.changed.includes('name') : c => c.table === 'tags' && c.event === 'inserted'
        of(live.label, {})
        break
      }
      default: {
        if (rows.length === 0) return
        const given = rows.filter(() => r(2) === 0)
        if (given.length === 0) given.push(rows[0])
        const inserted = r(2) === 0
        live.shape = shape(t, 2)
        live.following = inserted
        for (const row of given) live.roots.set(nameOf(t, keyOf(t, row)), row)
        live.wants = c => inserted && c.table === t && c.event === 'inserted'
        of(given.length === 1 && r(2) ? given[0] : given, { of: t, assocs: live.shape, ...(inserted ? { inserted } : {}) })
      }
    }
    expect(live.again(), live.what).toBe(live.subscription)
    lives.push(live)
  }

  const batch = (): Change[] => {
    const now: Store = Object.fromEntries(NAMES.map(n => [n, new Map(store[n])]))
    const changes: object[] = []
    for (let n = 1 + r(6); n > 0; n--) {
      const t = pick(NAMES), rows = [...now[t].values()], any = rows.length > 0 ? pick(rows) : undefined
      if (any !== undefined && COLUMNS[t].length > 0 && r(10) < 4) {
        const c = pick(COLUMNS[t]), set = { [c]: cell(c) }
        changes.push({ op: 'update', table: t, id: keyOf(t, any), set })
        now[t].set(text(keyOf(t, any)), { ...any, ...set })
      } else if (any !== undefined && r(3) === 0) {
        changes.push({ op: 'delete', table: t, id: keyOf(t, any) })
        now[t].delete(text(keyOf(t, any)))
      } else {
        const row = Object.fromEntries([...KEYS[t], ...COLUMNS[t]].map(c => [c, cell(c)])) as Row
        changes.push({ op: 'upsert', table: t, row })
        now[t].set(text(keyOf(t, row)), row)
      }
    }
    const net: Change[] = []
    for (const t of NAMES) {
      for (const k of new Set([...store[t].keys(), ...now[t].keys()])) {
        const old = store[t].get(k) ?? null, row = now[t].get(k) ?? null
        const changed = old === null || row === null ? [] : COLUMNS[t].filter(c => old[c] !== row[c])
        if (old === null || row === null || changed.length > 0) net.push({ table: t, event: old === null ? 'inserted' : row === null ? 'deleted' : 'updated', key: JSON.parse(k), row, old, changed })
      }
    }
    const before = store
    store = now
    db.apply(changes as never)
    for (const live of lives) check(live, net, before)
    return net
  }

  const check = (live: Live, net: readonly Change[], before: Store): void => {
    const say = `seed ${seed}, version ${db.version}: ${live.what}`
    const wanted = new Set<string>()
    // What changed below a row that came or left in the same version may be told, too.
    const passing = new Set<string>()
    if (!live.over) {
      const here = (s: Store): Row[] => [...s[live.table].values()].filter(row => live.roots.has(nameOf(live.table, keyOf(live.table, row))))
      const near = new Set<string>(), then = new Set<string>(), was = (t: string): Row[] => [...before[t].values()], is = (t: string): Row[] => [...store[t].values()]
      reached(was, live.table, here(before), live.shape, then)
      for (const c of net) if (live.following && live.wants(c)) live.roots.set(nameOf(c.table, c.key), c.row)
      reached(is, live.table, here(store), live.shape, near)
      reached(t => [...was(t), ...is(t)], live.table, [...here(before), ...here(store)], live.shape, passing)
      for (const c of net) {
        const name = nameOf(c.table, c.key)
        if (live.wants(c) || (then.has(name) && near.has(name)) || (c.table === live.table && c.event !== 'inserted' && live.roots.has(name))) wanted.add(name)
      }
      for (const c of net) if (c.table === live.table && c.event === 'deleted' && live.roots.delete(nameOf(c.table, c.key))) live.over ||= live.roots.size === 0 && !live.following
    }
    const said = live.said.splice(0)
    const told = said.flatMap(n => n.events)
    const names = told.map(e => nameOf(e.table, e.id))
    expect(names.filter(n => wanted.has(n) || !passing.has(n)).sort(), say).toEqual([...wanted].sort())
    expect([new Set(names).size, said.length], say).toEqual([names.length, names.length > 0 ? 1 : 0])
    for (const n of said) expect([n.version, n.table, n.assocs], say).toEqual([db.version, live.table, live.shape])
    for (const e of told) {
      const c = net.find(x => nameOf(x.table, x.key) === nameOf(e.table, e.id))!
      const { identifiers, ...rest } = e
      expect(rest as RowEvent, say).toEqual({ table: c.table, event: c.event, id: c.key, row: c.row, old: c.old, changed: c.changed, ref: db.version, ...(live.label === undefined ? {} : { label: live.label }) })
      const image = (c.row ?? c.old)!
      const columns = new Set([...KEYS[c.table], ...LINKING[c.table], ...(live.label === 'renamed' ? ['otherId'] : [])])
      expect(identifiers, say).toEqual(Object.fromEntries([...columns].map(k => [k, image[k]])))
    }
    expect(live.subscription.status, say).toBe(live.over ? 'closed' : 'ready')
  }

  for (let i = 0; i < 4; i++) batch()
  for (let step = 0; step < 40; step++) {
    const p = r(10)
    if (p < 3) begin()
    else if (p === 3 && lives.length > 0) {
      const [live] = lives.splice(r(lives.length), 1)
      expect(live.end(), live.what).toBe(!live.over)
      expect([live.subscription.status, live.end()], live.what).toEqual(['closed', false])
    } else batch()
    expect(subscriptions(db).length).toBe(lives.filter(l => !l.over).length)
    for (const t of NAMES) expect(subscriptions(db, t).length).toBe(lives.filter(l => !l.over && l.table === t).length)
  }
  expect(errors).toEqual([])
  for (const live of lives) live.subscription.unsubscribe()
  close(db)
  await eventually(() => db.stats().views === 0)
  db.close()
}

describe('subscriptions beside whole tables', () => {
  it(`${runs} random histories`, async () => {
    for (let i = 0; i < runs; i++) await play(first + i)
  }, 180_000 + runs * 1000)
})
