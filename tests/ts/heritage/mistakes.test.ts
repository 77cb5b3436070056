// What is asked for wrongly of schemas, associations, tenants, watches, subscriptions and receivers: each an error with code, place and,
// where there is one, the name that was meant. Nothing is held or applied then.
import { describe, expect, it } from 'vitest'
import { belongsTo, createDatabase, defineSchema, from, hasMany, int, manyToMany, string, table, through } from '../../../pkg/index.inline.js'
import { receiver, subscribe, subscriptions, sync, unsubscribe, watch, watchersFor } from '../../../pkg/sync/index.js'
import { assignReady, tenant, watches } from '../../../pkg/watch/index.js'
import { failure } from './tenants.js'

type Wrong = Record<string, [fn: () => unknown, code: string, path: string, nearest?: string]>
function all(wrong: Wrong): void {
  for (const [name, [fn, code, path, nearest]] of Object.entries(wrong)) it(name, () => {
    const e = failure(fn)
    expect([e.code, e.path, e.nearest]).toEqual([code, path, nearest])
  })
}
const none = (): void => {}
const schema = defineSchema({
  people: table({ id: int().key(), name: string() }),
  posts: table({ id: int().key(), personId: int().nullable(), title: string() }),
  tags: table({ id: int().key(), name: string() }),
  postTags: table({ postId: int().key(), tagId: int().key() }),
  notes: table({ id: int().key(), n: int(), text: string().nullable() }, { tenant: true }),
}, { people: { posts: hasMany('posts', 'personId') }, posts: { tags: manyToMany('tags', 'postTags', ['postId', 'tagId']) } })
const db = await createDatabase({ schema }) as any
const row = { id: 1, personId: 1, title: 'x' }
const event = { table: 'posts', event: 'updated', id: 1 } as const

describe('schemas', () => {
  const columns = { id: int().key(), up: int(), s: string() }
  const made = (relation: unknown) => () => defineSchema({ a: table(columns), b: table({ id: int().key() }), j: table({ a: int().key(), b: int().key() }) }, { a: { kids: hasMany('a', 'up'), r: relation } } as never)
  const at = 'a.relations.r'
  all({
    'a table that is none': [() => defineSchema({ a: 5 } as never), 'SCHEMA_INVALID', 'a'],
    'a column that is none': [() => defineSchema({ a: { columns: { id: 'int' }, tenant: false } } as never), 'SCHEMA_INVALID', 'a.id'],
    'an association that is none': [made(5), 'SCHEMA_INVALID', at],
    'null': [made(null), 'SCHEMA_INVALID', at],
    'manyToMany without columns': [made((manyToMany as any)('b', 'j')), 'SCHEMA_INVALID', `${at}.columns`],
    'manyToMany with half of them': [made(manyToMany('b', 'j', ['a'] as never)), 'SCHEMA_INVALID', `${at}.columns[1]`],
    'belongsTo without columns': [made((belongsTo as any)('b')), 'SCHEMA_INVALID', `${at}.columns`],
    'an order that is a text': [made(hasMany('a', 'up', { orderBy: 'id' as never })), 'SCHEMA_INVALID', `${at}.orderBy`],
    'a condition that is no function': [made(hasMany('a', 'up', { where: 'x' as never })), 'QUERY_INVALID', `${at}.where`],
    'a condition that gives nothing': [made(hasMany('a', 'up', { where: (() => {}) as never })), 'QUERY_INVALID', `${at}.where`],
    'a condition that gives more than conditions': [made(hasMany('a', 'up', { where: (q: any) => q.where('s', '=', 'x').limit(1) })), 'SCHEMA_INVALID', `${at}.where`],
    'a condition on a column that is not there': [made(hasMany('a', 'up', { where: q => q.where('ss', '=', 'x') })), 'UNKNOWN_COLUMN', `${at}.where`, 's'],
    'through nothing': [made(through(...[] as never)), 'SCHEMA_INVALID', at],
    'through an association that is not there': [made(through('kidz', 'kids')), 'UNKNOWN_RELATION', at, 'kids'],
  })
})

describe('nested queries', () => {
  const q = db.query
  all({
    'rows of another table': [() => q.people.with('posts', () => q.tags), 'QUERY_INVALID', 'with[0].query.from', 'posts'],
    'rows of another table, with conditions': [() => q.people.with('posts', () => q.tags.where('id', '=', 1).limit(2)), 'QUERY_INVALID', 'with[0].query.from', 'posts'],
    'the rows of another query': [() => q.people.with('posts', () => from(q.posts.where('id', '=', 1).as('some'))), 'QUERY_INVALID', 'with[0].query.from', 'posts'],
    'no function': [() => q.people.with('posts', 5), 'QUERY_INVALID', 'with[0].query.from'],
    'nothing': [() => q.people.with('posts', () => {}), 'QUERY_INVALID', 'with[0].query.from'],
    'no query': [() => db.live(), 'QUERY_INVALID', 'query'],
    'the name of a table as a query': [() => db.live('posts'), 'QUERY_INVALID', 'query'],
  })

  it('nest 32 levels deep, and no deeper', async () => {
    const tree = await createDatabase({ schema: defineSchema({ n: table({ id: int().key(), up: int().nullable() }) }, { n: { kids: hasMany('n', 'up') } }) })
    tree.apply([{ op: 'insert', table: 'n', rows: Array.from({ length: 40 }, (_, i) => ({ id: i, up: i > 0 ? i - 1 : null })) }])
    const nested = (q: any, left: number): any => left === 0 ? q : q.with('kids', (k: any) => nested(k, left - 1))
    const live = tree.live<any>(nested(tree.query.n.where('id', '=', 0), 32))
    let depth = -1
    for (let at = live.rows[0]; at !== undefined; at = at.kids?.[0]) depth++
    expect(depth).toBe(32)
    const e = failure(() => tree.live(nested(tree.query.n, 33)))
    expect([e.code, e.path]).toEqual(['QUERY_INVALID', `${'with[0].query.'.repeat(32)}with`])
  })
})

describe('tenants', () => {
  const t = tenant(db, 'a') as any, other = tenant(db, 'b') as any
  const half = '\ud800'
  all({
    'a name that is no text': [() => db.tenant(5), 'TENANT_REQUIRED', 'id'],
    'a name with half a character': [() => db.tenant(half), 'INVALID_UTF8', 'id'],
    'of a scope': [() => tenant(db, half), 'INVALID_UTF8', 'id'],
    'of a change': [() => db.apply([{ op: 'insert', table: 'notes', row: { id: 1, n: 1 }, tenant: half }]), 'INVALID_UTF8', 'changes[0].tenant'],
    'of a batch': [() => db.apply({ tenant: half, changes: [{ op: 'delete', table: 'notes', id: 1 }] }), 'INVALID_UTF8', 'changes[0].tenant'],
    'of a query': [() => db.live(db.query.notes, { tenant: half }), 'INVALID_UTF8', 'tenant'],
    'of JSON': [() => db.applyJson('[]', { tenant: half }), 'INVALID_UTF8', 'tenant'],
    'of a change in JSON': [() => db.applyJson('[{"op":"delete","table":"notes","tenant":"\\ud800","id":1}]'), 'JSON_MALFORMED', 'changes[0]'],
    'of a subscription': [() => subscribe(db, 'notes', { tenant: half }, none), 'INVALID_UTF8', 'tenant'],
    'of a receiver': [() => receiver(db, { fetchRow: none as never, tenant: half }), 'INVALID_UTF8', 'tenant'],
    'a query with another tenant': [() => t.live(db.query.notes, { tenant: 'b' }), 'TENANT_MISMATCH', 'tenant'],
    'a query with a tenant outside of any': [() => watches(db as any).live(db.query.notes, { tenant: 'b' } as never), 'TENANT_MISMATCH', 'tenant'],
    'a query that is none': [() => t.live('notes'), 'QUERY_INVALID', 'query'],
    'futures of another tenant': [() => other.assignReady([t.watchRow('notes', 1, { label: 'x' })], []), 'TENANT_MISMATCH', 'futures[0]'],
    'no database': [() => tenant({} as never, 'a'), 'WATCH_INVALID', 'db'],
    'nothing': [() => watches(undefined as never), 'WATCH_INVALID', 'db'],
    'a limit that is a text': [() => tenant(db, 'c', { maxWatches: '3' as never }), 'WATCH_INVALID', 'maxWatches'],
    'keepCounters': [() => tenant(db, 'c', { keepCounters: 'yes' as never }), 'WATCH_INVALID', 'keepCounters'],
  })
  it('are apart, whatever their names: none was made by the mistakes', () => {
    const names = ['', 'a', 'A', ' a', 'a\u0000', 'é', 'e\u0301', '😀', '__proto__', 'constructor']
    names.forEach((name, i) => { db.tenant(name).apply([{ op: 'upsert', table: 'notes', row: { id: 1, n: i } }]) })
    expect(names.map(name => db.tenant(name).live(db.query.notes).rows.map((r: any) => r.n))).toEqual(names.map((_, i) => [i]))
    expect(db.stats().tables.find((s: any) => s.name === 'notes').rows).toBe(names.length)
  })
})

describe('watches', () => {
  const t = tenant(db, 'w') as any
  all({
    'columns that are numbers': [() => t.watch('notes', 'changes', { columns: [1] }, none), 'UNKNOWN_COLUMN', 'columns[0]', 'n'],
    'no columns': [() => t.watch('notes', 'changes', { columns: [] }, none), 'WATCH_INVALID', 'columns'],
    'options that are a list': [() => t.watch('notes', 'changes', [], none), 'WATCH_INVALID', 'options'],
    'by a fraction of an integer': [() => t.watch('notes', 'changes', { by: { n: 1.5 } }, none), 'TYPE_MISMATCH', 'by.n'],
    'by a text': [() => t.counters('notes', { by: { n: '1' } }), 'TYPE_MISMATCH', 'by.n'],
    'clearing by a text': [() => t.clearCounters('notes', { by: { n: '1' } }), 'TYPE_MISMATCH', 'by.n'],
    'once that is a text': [() => t.watch('notes', 'changes', { once: 'yes' }, none), 'WATCH_INVALID', 'once'],
    'a query to be read that is none': [() => t.watch('notes', 'changes', { query: 5 }, none), 'WATCH_INVALID', 'query'],
    'futures that are none': [() => assignReady([1] as never, [1]), 'WATCH_INVALID', 'futures[0]'],
    'futures by label that are none': [() => assignReady(new Map([['x', 1]]) as never, [1]), 'WATCH_INVALID', 'futures[0]'],
    'refs that are texts': [() => assignReady([], ['x'] as never), 'WATCH_INVALID', 'refs[0]'],
    'watch that is a text': [() => assignReady([], [], { watch: 'no' as never }), 'WATCH_INVALID', 'watch'],
    'a group of nothing': [() => t.assigns().group(), 'WATCH_INVALID', 'fn'],
    'a group that waits': [() => t.assigns().group(async () => {}), 'WATCH_INVALID', 'fn'],
    'assign that is a text': [() => t.assigns().cancel('x', { assign: 'no' }), 'WATCH_INVALID', 'assign'],
    'replace that is a text': [() => t.assigns().onAssigns(none, { name: 'x', replace: 1 }), 'WATCH_INVALID', 'replace'],
  })
  it('of disposed assigns: a group is told so', () => {
    const a = t.assigns()
    a.dispose()
    expect(failure(() => a.group(none)).code).toBe('CLOSED')
    expect(t.watchCount).toBe(0)
  })
})

describe('sync, subscriptions and messages', () => {
  const rest = (options: unknown) => () => sync(db, [row], event, options as never)
  all({
    'no database': [() => sync(undefined as never, [row], event), 'INVALID_ARGUMENT', 'db'],
    'an object that is none': [() => sync({} as never, [row], event), 'INVALID_ARGUMENT', 'db'],
    'an event without a table': [() => sync(db, [row], { event: 'updated', id: 1 } as never), 'UNKNOWN_TABLE', 'event.table'],
    'options that are a number': [rest(5), 'INVALID_ARGUMENT', 'options'],
    'of that is a number': [rest({ of: 5 }), 'INVALID_ARGUMENT', 'of'],
    'preloads that are a number': [rest({ preloads: 5 }), 'INVALID_ARGUMENT', 'preloads'],
    'associations that are a number': [rest({ of: 'posts', assocs: 5 }), 'INVALID_ARGUMENT', 'assocs'],
    'an association that is not there, whatever happened': [rest({ of: 'posts', assocs: { tagz: true } }), 'UNKNOWN_RELATION', 'assocs.tagz', 'tags'],
    'a query that is none': [rest({ query: 5 }), 'QUERY_INVALID', 'query'],
    'a tenant that is a number': [rest({ tenant: 5 }), 'INVALID_ARGUMENT', 'tenant'],
    'force that is a text': [rest({ force: 'yes' }), 'INVALID_ARGUMENT', 'force'],
    'subscribing to no database': [() => subscribe(undefined as never, 'posts', none), 'INVALID_ARGUMENT', 'db'],
    'a target of three': [() => subscribe(db, ['posts', 'updated', 'x'] as never, none), 'TARGET_INVALID', 'target[2]'],
    'a table of a target': [() => subscribe(db, ['postz', 'updated'], none), 'UNKNOWN_TABLE', 'target[0]', 'posts'],
    'rows that are none': [() => subscribe(db, [row, 5] as never, none), 'TARGET_INVALID', 'target[1]'],
    'options of a subscription that are a number': [() => subscribe(db, 'posts', 5 as never, none), 'TARGET_INVALID', 'options'],
    'or null': [() => subscribe(db, 'posts', null as never, none), 'TARGET_INVALID', 'options'],
    'columns that are numbers': [() => subscribe(db, 'posts', { columns: [5] as never }, none), 'UNKNOWN_COLUMN', 'columns[0]', 'id'],
    'a tenant of a subscription that is a number': [() => subscribe(db, 'notes', { tenant: 5 as never }, none), 'TENANT_REQUIRED', 'tenant'],
    'unsubscribing from no database': [() => unsubscribe(undefined as never, 'posts'), 'INVALID_ARGUMENT', 'db'],
    'subscriptions of no database': [() => subscriptions(undefined as never), 'INVALID_ARGUMENT', 'db'],
    'subscriptions of no table': [() => subscriptions(db, 'tagz'), 'UNKNOWN_LABEL', 'target', 'tags'],
    'a watcher without anything': [() => watch(db, [{}] as never), 'UNKNOWN_TABLE', 'watchers[0].table'],
    'columns of a watcher that are a number': [() => watch(db, [{ table: 'posts', event: 'updated', label: 'x', columns: 5 as never }]), 'WATCHER_INVALID', 'watchers[0].columns'],
    'watchers for nothing': [() => watchersFor(db, undefined as never), 'QUERY_INVALID', 'query'],
    'watchers for a text': [() => watchersFor(schema, 'posts' as never), 'QUERY_INVALID', 'query'],
    'a receiver of no database': [() => receiver(undefined as never, { fetchRow: none as never }), 'INVALID_ARGUMENT', 'db'],
    'a receiver without options': [() => (receiver as any)(db), 'INVALID_ARGUMENT', 'options'],
    'without fetchRow': [() => receiver(db, {} as never), 'INVALID_ARGUMENT', 'fetchRow'],
    'with an option that there is not': [() => receiver(db, { fetchRow: none as never, schema: {} } as never), 'INVALID_ARGUMENT', 'schema', 'schemas'],
    'remembering less than nothing': [() => receiver(db, { fetchRow: none as never, remember: -1 }), 'INVALID_ARGUMENT', 'remember'],
    'remembering NaN': [() => receiver(db, { fetchRow: none as never, remember: NaN }), 'INVALID_ARGUMENT', 'remember'],
    'names that are a text': [() => receiver(db, { fetchRow: none as never, columns: { posts: 'x' } as never }), 'INVALID_ARGUMENT', 'columns.posts'],
    'a tenant of a receiver that is a number': [() => receiver(db, { fetchRow: none as never, tenant: 5 as never }), 'TENANT_REQUIRED', 'tenant'],
  })
})

describe('what has no text', () => {
  const mute = Object.create(null) as never
  const t = tenant(db, 'a') as any, w = watches(db as any) as any
  all({
    'as a target': [() => subscribe(db, mute, none), 'TARGET_INVALID', 'target'],
    'as the table of an event': [() => sync(db, [row], { ...event, table: mute }), 'UNKNOWN_TABLE', 'event.table'],
    'as an event': [() => sync(db, [row], { ...event, event: mute }), 'EVENT_INVALID', 'event'],
    'as associations': [() => sync(db, [row], event, { of: 'posts', assocs: [() => mute, mute] as never }), 'INVALID_ARGUMENT', 'assocs[0]'],
    'as a label': [() => watch(db, [{ table: 'posts', event: 'updated', label: mute }]), 'WATCHER_INVALID', 'watchers[0].label'],
    'as columns': [() => watch(db, [{ table: 'posts', event: 'updated', label: 'x', columns: mute }]), 'WATCHER_INVALID', 'watchers[0].columns'],
    'as a tenant': [() => db.tenant(mute), 'TENANT_REQUIRED', 'id'],
    'as the tenant of a subscription': [() => subscribe(db, 'notes', { tenant: mute }, none), 'TENANT_REQUIRED', 'tenant'],
    'as fetchRow': [() => receiver(db, { fetchRow: mute }), 'INVALID_ARGUMENT', 'fetchRow'],
    'as a watched table': [() => t.watchRow(mute, 1), 'UNKNOWN_TABLE', 'table'],
    'as a kind': [() => w.watch('posts', mute), 'WATCH_INVALID', 'kind'],
    'as a ref': [() => w.assignReady([], [mute]), 'WATCH_INVALID', 'refs[0]'],
    'as a group': [() => w.assigns().group(mute), 'WATCH_INVALID', 'fn'],
  })
})
