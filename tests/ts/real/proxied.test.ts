// State of frameworks: proxies around what they hold (Vue, Svelte), marks on it (Solid).
import { describe, expect, it } from 'vitest'
import { gt, withParams } from '../../../pkg/index.inline.js'
import { datalog } from '../../../pkg/datalog/index.js'
import { projections } from '../../../pkg/project/index.js'
import { reducers } from '../../../pkg/reduce/index.js'
import { receiver, subscribe } from '../../../pkg/sync/index.js'
import { watches } from '../../../pkg/watch/index.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { load } from './shown.js'
import { comment, open, put, schema } from './support.js'

const raw = Symbol('raw')

/** As Vue's `reactive`: what says that it is an object or an array is shown through a proxy, and all that is read of it, methods by themselves. */
function reactive<T>(value: T): T {
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  if (typeof value !== 'object' || value === null || !['Object', 'Array', 'Map', 'Set'].includes(kind)) return value
  return new Proxy(value, { get: (target, key, receiver) => key === raw ? target : reactive(Reflect.get(target, key, receiver)) }) as T
}

/** As Svelte's `$state` of a list: what is not in the list is a place for a value to come. */
function state(list: readonly any[]): any {
  return new Proxy(list as any[], {
    get: (target, key, receiver) => key in target ? Reflect.get(target, key, receiver) : undefined,
  })
}

describe('held in reactive state', () => {
  it('a database, its queries and what they give work as they do outside', async () => {
    const { db } = await open({ graceMs: 0 })
    const held: any = reactive({ db, query: db.query.issues, live: undefined })
    expect(held.db.apply([put('a', { priority: 2 }), put('b'), comment(1, 'a')]).version).toBe(1)
    const live = held.db.live(held.query.where('priority', '>', 0).orderBy('id').with('comments'))
    const shown: any = reactive({ live })
    const told: unknown[] = []
    const stop = shown.live.subscribe(({ rows }: any) => { told.push(rows.length) })
    held.db.apply([put('c')])
    expect([shown.live.rows.length, shown.live.status, shown.live.version, shown.live.total, shown.live.window(0, 1).length, shown.live.getSnapshot().rows.length, told]).toEqual([3, 'ready', 2, 3, 1, 3, [3]])
    stop()
    const busy: any = reactive({ live: db.live(withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least))), { params: reactive({ least: 1 }) }) })
    busy.live.setParams(reactive({ least: 0 }))
    expect(busy.live.rows.length).toBe(3)
    shown.live.dispose()
    busy.live.dispose()
    expect(shown.live.status).toBe('closed')
    await expect.poll(() => db.stats().views).toBe(0)
    held.db.close()
  })

  it('scopes, watches and assigns, too', async () => {
    const { db } = await open()
    const held: any = reactive({ scope: watches(db), tenant: db.tenant('x'), watch: watches(db).watch('issues', 'changes', () => {}), assigns: watches(db).assigns() })
    held.assigns.one('it', 'issues', 'a').all('all', 'issues')
    held.scope.apply([put('a')])
    held.tenant.apply([{ op: 'insert', table: 'notes', row: { id: 1, text: 'n' } }])
    expect([held.assigns.get('it').id, held.assigns.get('all').length, held.scope.watchCount, held.watch.active, held.tenant.live(held.tenant.query.notes).rows.length]).toEqual(['a', 1, 3, true, 1])
    held.watch.cancel()
    held.assigns.dispose()
    expect([held.scope.watchCount, held.watch.active]).toEqual([0, false])
    db.close()
  })

  it('connections, receivers, facts, reducers and projections, too', async () => {
    const { db } = await open()
    const connection: any = reactive({ it: db.connect({ name: 's', sync: s => { s.begin(); s.write(put('a') as never); s.commit(); s.markReady() } }) })
    await connection.it.ready
    expect(connection.it.status).toBe('ready')
    connection.it.close()
    const facts: any = reactive({ d: datalog(db) })
    const view: any = reactive({ it: facts.d.view('ids', { query: '[:find [?t ...] :where [_ :issues/id ?t]]' }) })
    expect(view.it.get()).toEqual(['a'])
    const others: any = reactive({ receiver: receiver(db, { fetchRow: async () => null }), reducers: reducers(db), projections: projections(db) })
    await others.receiver.idle
    others.receiver.close()
    expect([others.reducers.get('none'), others.projections.list()]).toEqual([undefined, []])
    await others.projections.idle()
    const subscription: any = reactive({ it: subscribe(db, [...db.live(db.query.issues).rows], { of: 'issues' }, () => {}) })
    expect([subscription.it.status, subscription.it.ids]).toEqual(['ready', ['a']])
    subscription.it.unsubscribe()
    db.close()
  })

  it('a database in a worker, too', async () => {
    const held: any = reactive({ db: await createWorkerDatabase({ schema, worker: 'inline' }) })
    await held.db.apply([put('a')])
    const shown: any = reactive({ live: held.db.live(held.db.query.issues) })
    await held.db.flush()
    await expect.poll(() => [shown.live.status, shown.live.rows.length]).toEqual(['ready', 1])
    shown.live.dispose()
    held.db.close()
  })

  it('long lists are lists', async () => {
    const { db } = await open()
    db.apply(load(1500))
    const { rows } = db.live(db.query.issues.orderBy('id'))
    const ids = rows.map(row => row.id)
    for (const list of [reactive({ rows }).rows, state(rows)]) {
      expect([list.length, list[7].id, list.at(-1)!.id, list.find((row: any) => row.id === ids[3])!.id, list.indexOf(rows[9]), Array.isArray(list)]).toEqual([1500, ids[7], ids[1499], ids[3], 9, true])
      expect(list.map((row: any) => row.id)).toEqual(ids)
      expect([...list].map(row => row.id)).toEqual(ids)
      expect(list.filter((row: any) => row.id === ids[5]).length).toBe(1)
    }
    db.close()
  })

  it('a long list keeps the marks of a framework and is not changed otherwise', async () => {
    const { db } = await open()
    db.apply(load(1500))
    const { rows } = db.live(db.query.issues)
    const mark = Symbol('mark')
    Object.defineProperty(rows, mark, { value: 7 })
    expect([(rows as any)[mark], Object.keys(rows).length, rows.length]).toEqual([7, 1500, 1500])
    expect(() => Object.defineProperty(rows, 0, { value: 7 })).toThrow(TypeError)
    expect(() => { (rows as any)[0] = 7 }).toThrow(TypeError)
    expect((db.live(db.query.issues.orderBy('priority')).rows as any)[mark]).toBe(undefined)
    db.close()
  })
})
