// Values that cannot be turned into texts, contain themselves, or are of another kind, where watches, assigns, receivers and `sync` take something.
import { expect, it } from 'vitest'
import { EddylineError, createDatabase, defineSchema, hasMany, int, string, table } from '../../../pkg/index.inline.js'
import * as S from '../../../pkg/sync/index.js'
import * as W from '../../../pkg/watch/index.js'

const schema = defineSchema({ t: table({ id: int().key(), n: int(), s: string().nullable() }), u: table({ id: int().key(), t: int() }), own: table({ id: int().key(), s: string() }, { tenant: true }) }, { t: { us: hasMany('u', 't') } })
const circle: any = { id: 1, n: 1, s: 'a' }
circle.us = [circle]
const ring: any[] = [1]
ring.push(ring)
const odd: Record<string, any> = {
  symbol: Symbol('s'), 'an object without prototype': Object.create(null), 'a row without prototype': Object.assign(Object.create(null), { id: 1, n: 1, s: null }), 'a circle': circle, 'a ring': ring,
  unspeakable: { toString() { throw new Error('says nothing') } }, 'a list of a symbol': [Symbol('x')], 'a list of bare objects': [Object.create(null)], 'a large bigint': 1n << 70n, bytes: new Uint8Array([1]), 'no date': new Date(NaN),
  'a map': new Map([[1, 2]]), 'a set': new Set([1]), null: null, undefined: undefined, 'an empty text': '', NaN: NaN, 'a function': () => 1, five: 5, 'a text': 'zz', 'an instance': new (class { id = 1 })(), nothing: [], 'an object': {},
}
const nobody = (): void => {}

it('are typed errors, or work', async () => {
  const db: any = await createDatabase({ schema, onError() {} })
  db.apply([{ op: 'insert', table: 't', row: { id: 1, n: 1, s: 'a' } }, { op: 'insert', table: 'u', row: { id: 1, t: 1 } }])
  const w: any = W.watches(db), t: any = W.tenant(db, 'a'), s: any = S
  const row = { id: 1, n: 1, s: 'a', us: [{ id: 1, t: 1 }] }, event = { table: 't', event: 'updated', id: 1 }
  const feed: any = S.receiver(db, { fetchRow: async () => null, onError() {} })
  // What is looked at is looked at by changes and JSON, too.
  w.watch('t', 'changes', { noop: 'signal' }, nobody)
  t.watch('own', 'changes', { noop: 'signal' }, nobody)
  const each = (what: string, names: string[], call: (name: string, v: any) => unknown): Record<string, (v: any) => unknown> => Object.fromEntries(names.map(name => [`${what} ${name}`, (v: any) => call(name, v)]))
  const counts = { inserts: 0, deletes: 0, collection: 0, updates: 0, changes: 0 }
  const calls: Record<string, (v: any) => unknown> = {
    'tenant db': v => W.tenant(v, 'a'), 'tenant id': v => W.tenant(db, v), 'tenant options': v => W.tenant(db, 'b', v), watches: v => W.watches(v), 'watches options': v => W.watches(db, v), maxWatches: v => W.watches(db, { maxWatches: v === 5 ? 10_000 : v }), keepCounters: v => W.watches(db, { keepCounters: v }),
    watch: v => w.watch(v, 'changes', nobody).cancel(), kind: v => w.watch('t', v, nobody).cancel(), 'watch options': v => w.watch('t', 'changes', v, nobody).cancel(), fn: v => w.watch('t', 'changes', {}, v).cancel(), 'by.n': v => w.watch('t', 'changes', { by: { n: v } }, nobody).cancel(), 'by.s': v => w.watch('t', 'changes', { by: { s: v } }, nobody).cancel(), 'columns[0]': v => w.watch('t', 'updates', { columns: [v] }, nobody).cancel(),
    ...each('watch', ['label', 'once', 'signal', 'owner', 'upsertAs', 'noop', 'by', 'columns', 'query', 'odd'], (name, v) => w.watch('t', 'updates', { [name]: v }, nobody).cancel()),
    watchRow: v => w.watchRow(v, 1, nobody).cancel(), 'watchRow id': v => w.watchRow('t', v, nobody).cancel(), 'watchRow options': v => w.watchRow('t', 1, v, nobody).cancel(), unwatch: v => w.unwatch(v), watching: v => w.watching(v), assignReady: v => w.assignReady(v, []), refs: v => w.assignReady([], v), 'refs[0]': v => w.assignReady([], [v]), 'assignReady options': v => w.assignReady([], [], v), 'futures[0]': v => w.assignReady([v], []),
    counters: v => w.counters(v), 'counters options': v => w.counters('t', v), 'counters by': v => w.counters('t', { by: v }), clearCounters: v => w.clearCounters(v), 'clearCounters options': v => w.clearCounters('t', v), restoreCounters: v => w.restoreCounters(v), 'restored[0]': v => w.restoreCounters([v]), 'restored table': v => w.restoreCounters([{ table: v, counts }]), 'restored by': v => w.restoreCounters([{ table: 't', by: v, counts }]), 'restored counts': v => w.restoreCounters([{ table: 't', counts: v }]),
    assigns: v => w.assigns(v).dispose(), one: v => w.assigns().one(v, 't', 1).dispose(), 'one table': v => w.assigns().one('l', v, 1).dispose(), 'one id': v => w.assigns().one('l', 't', v).dispose(), many: v => w.assigns().many('l', 't', v).dispose(), 'many[0]': v => w.assigns().many('l', 't', [v]).dispose(), 'many table': v => w.assigns().many('l', v, [1]).dispose(), all: v => w.assigns().all('l', v).dispose(), 'all options': v => w.assigns().all('l', 't', v).dispose(), 'all watch': v => w.assigns().all('l', 't', { watch: v }).dispose(),
    allBy: v => w.assigns().allBy('l', 't', v).dispose(), 'allBy n': v => w.assigns().allBy('l', 't', { n: v }).dispose(), 'allBy what': v => w.assigns().allBy('l', v, { n: 1 }).dispose(), group: v => w.assigns().group(v).dispose(), onAssigns: v => w.assigns().onAssigns(v), 'onAssigns options': v => w.assigns().onAssigns(nobody, v), 'onAssigns name': v => w.assigns().onAssigns(nobody, { name: v }), cancel: v => w.assigns().cancel(v), 'cancel options': v => w.assigns().cancel('x', v), cancelAll: v => w.assigns().cancelAll(v),
    ...each('apply', ['w', 't'], (name, v) => (name === 'w' ? w : t).apply(v)), ...each('change in apply', ['w', 't'], (name, v) => (name === 'w' ? w : t).apply([v])), ...each('applyJson', ['w', 't'], (name, v) => (name === 'w' ? w : t).applyJson(v)), ...each('applyJson options', ['w', 't'], (name, v) => (name === 'w' ? w : t).applyJson('[]', v)), ...each('live', ['w', 't'], (name, v) => (name === 'w' ? w : t).live(v).dispose()), ...each('live options', ['w', 't'], (name, v) => (name === 'w' ? w : t).live(name === 'w' ? db.query.t : db.query.own, v).dispose()),
    ...each('change of a tenant', ['op', 'table', 'id', 'tenant', 'row', 'rows', 'set'], (name, v) => t.apply([{ op: 'delete', table: 'own', id: 1, [name]: v }])), ...each('change', ['op', 'table', 'id', 'tenant', 'row', 'rows', 'set'], (name, v) => w.apply([{ op: 'update', table: 't', id: 1, set: {}, [name]: v }])), 'tenant of JSON': v => t.applyJson('[]', { tenant: v }),
    sync: v => s.sync(v, row, event), value: v => s.sync(db, v, event), 'value with a schema': v => s.sync(schema, v, { ...event, row: { id: 1, n: 2, s: 'b' } }), 'value in a list': v => s.sync(db, [row, v], event), 'value in a record': v => s.sync(db, { a: row, b: v }, event), 'value of an association': v => s.sync(db, { ...row, us: v }, { table: 'u', event: 'inserted', id: 1 }), events: v => s.sync(db, row, v), 'events[0]': v => s.sync(db, row, [v]), 'sync options': v => s.sync(db, row, event, v),
    ...each('event', ['table', 'event', 'id', 'row', 'old', 'changed', 'ref', 'identifiers', 'label', 'odd'], (name, v) => s.sync(db, row, { ...event, [name]: v })), ...each('event with a schema', ['table', 'event', 'id', 'row', 'old', 'changed', 'ref', 'identifiers', 'label', 'odd'], (name, v) => s.sync(schema, row, { ...event, row: { id: 1, n: 2, s: 'b' }, [name]: v })), ...each('sync', ['of', 'preloads', 'assocs', 'force', 'query', 'tenant', 'odd'], (name, v) => s.sync(db, row, event, { [name]: v })),
    subscribe: v => s.subscribe(v, 't', nobody), target: v => s.subscribe(db, v, nobody).unsubscribe(), 'target[0]': v => s.subscribe(db, [v], { of: 't' }, nobody).unsubscribe(), 'target[1]': v => s.subscribe(db, ['t', v], nobody).unsubscribe(), 'subscribe options': v => s.subscribe(db, 't', v, nobody).unsubscribe(), tell: v => s.subscribe(db, 't', v).unsubscribe(), ...each('subscribe', ['of', 'id', 'by', 'columns', 'extraColumns', 'assocs', 'inserted', 'tenant', 'label', 'odd'], (name, v) => s.subscribe(db, 't', { [name]: v }, nobody).unsubscribe()), 'assocs of a row': v => s.subscribe(db, row, { of: 't', assocs: v }, nobody).unsubscribe(),
    unsubscribe: v => s.unsubscribe(db, v), 'unsubscribe options': v => s.unsubscribe(db, 't', v), subscriptions: v => s.subscriptions(db, v), 'subscriptions id': v => s.subscriptions(db, 't', v), 'subscriptions options': v => s.subscriptions(db, 't', 1, v), watchers: v => s.watch(db, v)(), 'watchers[0]': v => s.watch(db, [v])(), ...each('watcher', ['table', 'event', 'label', 'columns', 'extraColumns', 'odd'], (name, v) => s.watch(db, [{ table: 't', event: 'updated', label: 'l', [name]: v }])()), watchersFor: v => s.watchersFor(db, v), 'watchersFor of': v => s.watchersFor(v, db.query.t),
    receiver: v => s.receiver(v, { fetchRow: nobody }), 'receiver options': v => s.receiver(db, v).close(), ...each('receiver', ['fetchRow', 'schemas', 'columns', 'tenant', 'origin', 'remember', 'onError', 'odd'], (name, v) => s.receiver(db, { fetchRow: nobody, [name]: v }).close()), 'schemas.x': v => s.receiver(db, { fetchRow: nobody, schemas: { x: v } }).close(), 'columns.t': v => s.receiver(db, { fetchRow: nobody, columns: { t: v } }).close(), 'columns.t.x': v => s.receiver(db, { fetchRow: nobody, columns: { t: { x: v } } }).close(),
    receive: v => feed.receive(v), 'messages[0]': v => feed.receive([v]), label: v => feed.receive([[v, { id: 1 }]]), 'table of a message': v => feed.receive([[[v, 'updated'], { id: 1 }]]), 'event of a message': v => feed.receive([[['t', v], { id: 1 }]]), identifiers: v => feed.receive([[['t', 'updated'], v]]), 'id of a message': v => feed.receive([[['t', 'updated'], { id: v }]]), ref: v => feed.receive(['EctoSync', ['t', 'updated', [{ id: 1 }, v]]]), EctoSync: v => feed.receive(['EctoSync', v]), 'rows of EctoSync': v => feed.receive(['EctoSync', ['t', 'updated', v]]),
  }
  const raw: string[] = []
  for (const [call, run] of Object.entries(calls)) for (const [name, v] of Object.entries(odd)) {
    try { await run(v) } catch (error) {
      if (!(error instanceof EddylineError)) raw.push(`${call} with ${name}: ${(error as Error).message}`)
      else if (error.code === 'ENGINE_CRASHED') throw error
    }
  }
  expect(raw).toEqual([])
  expect([db.live(db.query.t).status, w.watchCount, t.watchCount]).toEqual(['ready', 1, 1])
  db.close()
})
