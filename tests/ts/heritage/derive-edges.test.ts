// Reducers beyond the scenarios of derive.test.ts: mistakes of those who write them.
import { describe, expect, it } from 'vitest'
import { createDatabase, defineSchema, from, int, string, table } from '../../../pkg/index.inline.js'
import { projection, projections } from '../../../pkg/project/index.js'
import { awaitMany, memoryLog, notifier, reducer, reducers } from '../../../pkg/reduce/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { eventually, tick } from '../real/support.js'
import { type Event, logOf, open, users } from './derive.js'

const created = (id: string, more: object = {}): Event => ({ id, type: 'UserCreated', user: id, name: `n${id}`, ...more })

describe('numbers that callers give', () => {
  it.each([0, -1, NaN, 1.5, '10' as never])('a batch of %s events is refused, and nothing runs', async batchSize => {
    const db = await open()
    const definition = users()
    const refused = { code: 'REDUCER_INVALID', path: 'batchSize' }
    const source = logOf(created('1'))
    await expect(reducers(db).start(definition, { source, batchSize })).rejects.toMatchObject(refused)
    await expect(reducers(db).at(definition, { source, batchSize })).rejects.toMatchObject(refused)
    await expect(reducers(db).notify(notifier('mail', { partition: () => 1, cursor: (e: Event) => e.id, on: () => undefined, deliver: () => {} }), { source, batchSize })).rejects.toMatchObject(refused)
    const r = await reducers(db).start(definition, { source, batchSize: 1 })
    await expect(reducers(db).rebuild(definition, { source, batchSize })).rejects.toMatchObject(refused)
    await r.awaitCatchup()
    expect(db.live(db.query.users).rows.length).toBe(1)
    await r.stop()
  })

  it('who waits without a limit, or very long, waits', async () => {
    const db = await open()
    const log = logOf()
    const r = await reducers(db).start(users(), { source: log })
    await expect(r.await(created('1'), { timeout: NaN })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'timeout' })
    const waits = [Infinity, 1e12].map(timeout => r.await(created('1'), { timeout }))
    await new Promise(resolve => { setTimeout(resolve, 20) })
    log.append(created('1'))
    expect(await Promise.all(waits)).toEqual(Array(2).fill({ ok: true, errors: [], timeouts: [] }))
    await r.stop()
  })
})

describe('the end', () => {
  it.each([0, 1, 5])('stopped or closed with %s events to come, it is silent', async count => {
    for (const end of ['stop', 'close'] as const) {
      const db = await open()
      const errors: unknown[] = []
      const log = logOf()
      const r = await reducers(db).start(users(), { source: log, onError: e => { errors.push(e) } })
      await r.awaitCatchup()
      for (let i = 0; i < count; i++) log.append(created(String(i)))
      const ended = end === 'stop' ? r.stop() : db.close()
      log.append(created('late'))
      await ended
      await tick(5)
      expect(errors).toEqual([])
      await expect(r.awaitCatchup()).rejects.toMatchObject({ code: 'CLOSED' })
    }
  })
})

/** A log that counts who reads it and who listens to it. */
function counted(...events: Event[]) {
  const log = logOf(...events)
  const seen = { fetches: 0, listeners: 0 }
  return {
    seen, ...log,
    fetch: (after: any, limit: number) => { seen.fetches++; return log.fetch(after, limit) },
    subscribe: (fn: () => void) => {
      const stop = log.subscribe(fn)
      seen.listeners++
      return () => { seen.listeners--; stop() }
    },
  }
}
const mail = (more: object = {}) => notifier<Event>('mail', { partition: e => e.user, cursor: e => e.id, on: e => e, deliver: () => {}, ...more })

describe('a closed database', () => {
  it('starts, rebuilds and delivers nothing, and nobody reads or listens for it', async () => {
    const db = await open()
    const all = reducers(db)
    const source = counted(created('1'))
    let delivered = 0
    db.close()
    const calls: Record<string, () => unknown> = {
      start: () => all.start(users(), { source, validateVersion: false }), notify: () => all.notify(mail({ initialCursor: 'start', deliver: () => { delivered++ } }), { source }),
      rebuild: () => all.rebuild(users(), { source }), at: () => all.at(users(), { source }), reset: () => { all.reset(users()) }, needsRebuild: () => all.needsRebuild(users()),
    }
    const codes: Record<string, unknown> = {}
    for (const [name, call] of Object.entries(calls)) codes[name] = await (async () => call())().catch(error => error.code)
    await tick(5)
    expect(codes).toEqual(Object.fromEntries(Object.keys(calls).map(name => [name, 'CLOSED'])))
    expect([source.seen, delivered]).toEqual([{ fetches: 0, listeners: 0 }, 0])
  })

  it('leaves no listener of a notifier that was still looking for its place', async () => {
    const db = await open()
    const source = counted()
    let found!: (cursor: string) => void
    const asked = new Promise<void>(resolve => { source.head = () => { resolve(); return new Promise<string>(head => { found = head }) } })
    const started = reducers(db).notify(mail(), { source })
    await asked
    db.close()
    found('7')
    await expect(started).rejects.toMatchObject({ code: 'CLOSED' })
    expect(source.seen).toEqual({ fetches: 0, listeners: 0 })
  })

  it.each(['rebuild', 'at'] as const)('is read to no end: %s', async what => {
    const db = await open()
    const source = counted(...Array.from({ length: 50 }, (_, i) => created(String(i + 10))))
    const { fetch } = source
    source.fetch = (after, limit) => { if (source.seen.fetches === 1) db.close(); return fetch(after, limit) }
    await expect(reducers(db)[what](users(), { source, batchSize: 5 })).rejects.toMatchObject({ code: 'CLOSED' })
    expect(source.seen.fetches).toBe(2)
  })

  it.each(['stop', 'close'] as const)('or a stopped reducer keeps nobody waiting for events that do not come: %s', async end => {
    const db = await open()
    const log = logOf(created('1'))
    const [r, other] = [await reducers(db).start(users(), { source: log }), await reducers(db).start(reducer<Event>('links', { tables: ['links'], partition: e => e.user, cursor: e => e.id, on: () => {} }), { source: log })]
    await r.awaitCatchup()
    await other.awaitCatchup()
    const gone = { code: 'CLOSED' }
    const waits = [r.await(created('2', { user: '1' }), { timeout: Infinity }), awaitMany([other, r], [created('1'), created('3')], { timeout: Infinity })]
    const settled = Promise.all(waits.map(w => expect(w).rejects.toMatchObject(gone)))
    if (end === 'stop') await r.stop()
    else db.close()
    await settled
    // What is in the state is known.
    expect(await r.await(created('1'))).toEqual({ ok: true, errors: [], timeouts: [] })
    await expect(r.await(created('2', { user: '1' }), { timeout: Infinity })).rejects.toMatchObject(gone)
    db.close()
  })
})

describe('a source whose listening cannot be ended', () => {
  it('is told to `onError`; the reducer reads no more, and the others end', async () => {
    const db = await open()
    const errors: unknown[] = []
    const source = counted(created('1'))
    const { subscribe } = source
    source.subscribe = fn => { subscribe(fn); return () => { throw new Error('gone') } }
    const r = await reducers(db).start(users(), { source, onError: e => { errors.push(e) } })
    const n = await reducers(db).notify(mail(), { source: counted() })
    await r.awaitCatchup()
    db.close()
    await eventually(() => errors.length === 1)
    expect([errors, r.signal.aborted, n.pump.stopped]).toEqual([[new Error('gone')], true, true])
  })
})

describe('an event that is awaited', () => {
  it('and whose cursor cannot be told leaves nobody waiting for those before it', async () => {
    const db = await open()
    const r = await reducers(db).start(users({ cursor: (e: Event) => { if (e.id === 'odd') throw new Error('odd'); return e.id } }), { source: logOf() })
    await expect(r.await([created('1'), created('odd')])).rejects.toThrow('odd')
    expect([...r.waiters.partitions()]).toEqual([])
    await r.stop()
  })

  it('while a resume fails is not waited for: its partition is halted again', async () => {
    const db = await open()
    const log = logOf(created('1', { user: 'u' }), { id: '2', type: 'UserRaised', user: 'u' }, created('3', { user: 'u' }))
    let cut = (): void => {}, isCut = false
    const source = { ...log, fetch: (after: any, limit: number) => isCut ? new Promise<never>((_, reject) => { cut = () => { reject(new Error('cut')) } }) : log.fetch(after, limit) }
    const r = await reducers(db).start(users(), { source })
    await r.awaitCatchup()
    isCut = true
    const resumed = expect(r.resume('u')).rejects.toThrow('cut')
    await eventually(() => r.errors().length === 0)
    let looks = 0
    r.subscribe(() => { looks++ })
    const awaited = r.await(log.events[2], { timeout: 10_000 })
    cut()
    await resumed
    expect(await awaited).toMatchObject({ ok: false, errors: [{ reducer: 'users', error: { type: 'handler', cursor: '2' } }], timeouts: [] })
    expect([looks, r.errors().length]).toEqual([1, 1])
    await r.stop()
  })
})

/** What becomes of one event and its handler. */
async function outcome(on: (e: Event, op: any) => unknown, more: object = {}): Promise<any> {
  const db = await open()
  db.apply([{ op: 'insert', table: 'bare', row: { id: 1 } }])
  const r = await reducers(db).start(users({ on, ...more } as any), { source: logOf(created('1')) })
  await r.awaitCatchup()
  const found = { error: r.partition('1').error, users: db.live(db.query.users).rows.map(u => u.id), bare: db.live(db.query.bare).rows.map(u => u.id), links: db.live(db.query.links).rows.length }
  await r.stop()
  return found
}

describe('operations out of place', () => {
  it('after the handler has returned', async () => {
    let late: any
    expect(await outcome((e, op) => { late = op; op.insert('users', { id: e.user }) })).toMatchObject({ error: undefined, users: ['1'] })
    for (const name of ['insert', 'update', 'transaction', 'apply']) expect(() => late[name]('users', { id: '2' })).toThrowError(expect.objectContaining({ code: 'REDUCER_INVALID', offending: name }))
  })

  it('the outer ones within a transaction, and those of a transaction behind it', async () => {
    expect(await outcome((e, op) => { op.transaction(() => { op.insert('users', { id: e.user }) }) })).toMatchObject({ error: { type: 'commit', code: 'REDUCER_INVALID', operation: 0 }, users: [] })
    let late: any
    expect(await outcome((e, op) => { op.transaction((t: any) => { late = t; t.insert('users', { id: e.user }); t.transaction((u: any) => { u.update('users', e.user, { age: 3 }) }) }) })).toMatchObject({ error: undefined, users: ['1'] })
    for (const name of ['insert', 'get', 'all']) expect(() => late[name]('users', { id: '2' })).toThrowError(expect.objectContaining({ code: 'REDUCER_INVALID', offending: name }))
    expect(await outcome((e, op) => { op.transaction(async (t: any) => { t.insert('users', { id: e.user }); await 0; t.insert('users', { id: '2' }) }) })).toMatchObject({ error: { type: 'commit', code: 'REDUCER_INVALID' }, users: [] })
  })

  it('in tables that the reducer does not name', async () => {
    const refused = { error: { type: 'commit', code: 'REDUCER_INVALID' }, users: [], bare: [1], links: 0 }
    for (const write of [
      (op: any) => op.insert('bare', { id: 2 }), (op: any) => op.delete('bare', 1), (op: any) => op.update('bare', { where: { id: 1 } }, { id: 2 }),
      (op: any) => op.merge('links', { a: 'x', b: 'y' }), (op: any) => op.apply([{ op: 'upsert', table: 'links', row: { a: 'x', b: 'y' } }]), (op: any) => op.transaction((t: any) => t.delete('bare', 1)),
    ]) expect(await outcome((e, op) => { op.insert('users', { id: e.user }); write(op) })).toMatchObject(refused)
    // Read they can be.
    expect(await outcome((e, op) => { op.transaction((t: any) => { t.insert('users', { id: e.user, age: t.get('bare', 1).id }) }) })).toMatchObject({ error: undefined, users: ['1'] })
    expect(await outcome((_, op) => { op.merge('links', { a: 'x', b: 'y' }) }, { tables: ['users', 'links'] })).toMatchObject({ error: undefined, links: 1 })
  })
})

describe('operations that are given nothing', () => {
  it.each<[string, (op: any) => void, RegExp]>([
    ['insert', op => { op.insert('users') }, /`row` for `users`/],
    ['insertNew', op => { op.insertNew('users', null) }, /`row` for `users`/],
    ['upsert', op => { op.upsert('users', 5) }, /`row` for `users`/],
    ['upsert by a function', op => { op.upsert('users', { id: '0' }, () => undefined) }, /`onConflict` for `users`/],
    ['merge', op => { op.merge('users', []) }, /`row` for `users`/],
    ['replace', op => { op.replace('users', undefined) }, /`row` for `users`/],
    ['update', op => { op.update('users', '0') }, /`set` for `users`/],
    ['update by a function', op => { op.update('users', '0', () => null) }, /`set` for `users`/],
    ['update where nothing', op => { op.update('users', { where: undefined }, { name: 'x' }) }, /`where` for `users`/],
    ['update of everything', op => { op.update('users', { where: {} }, { name: 'x' }) }, /it would mean everything/],
    ['delete where null', op => { op.delete('users', { where: null }) }, /`where` for `users`/],
    ['delete of everything', op => { op.delete('users', { where: {} }) }, /it would mean everything/],
    ['inc', op => { op.inc('users', '0') }, /`by` for `users`/],
    ['arrayPushUniq', op => { op.arrayPushUniq('users', '0', null) }, /`values` for `users`/],
    ['arrayDelete', op => { op.arrayDelete('users', '0') }, /`values` for `users`/],
    ['transaction', op => { op.transaction() }, /takes a function/],
    ['apply', op => { op.apply(undefined) }, /array of changes/],
    ['apply of no changes', op => { op.apply([null]) }, /array of changes/],
    ['all', op => { op.transaction((t: any) => t.all('users', 'x')) }, /`where` for `users`/],
  ])('%s', async (_, bad, message) => {
    const on = (e: Event, op: any): void => { if (e.id === '1') op.insert('users', { id: '0', name: 'there', tags: [] }); else bad(op) }
    const db = await open()
    const r = await reducers(db).start(users({ on }), { source: logOf(created('1', { user: 'p' }), created('2', { user: 'p' })), batchSize: 1 })
    await r.awaitCatchup()
    expect(r.partition('p').error).toMatchObject({ type: 'commit', cursor: '2', operation: 0, code: 'REDUCER_INVALID', message: expect.stringMatching(message) })
    expect(db.live(db.query.users).rows.map(u => u.name)).toEqual(['there'])
    await r.stop()
  })

  it('and what there is not: a definition, a partition, a dead letter', async () => {
    const db = await open()
    const all = reducers(db)
    for (const not of ['x', null, {}]) expect(() => all.needsRebuild(not as never)).toThrowError(expect.objectContaining({ code: 'REDUCER_INVALID' }))
    const n = await all.notify(notifier('mail', { partition: () => 1, cursor: (e: Event) => e.id, on: () => 'mail', deliver: () => {} }), { source: logOf() })
    await expect(n.resume('nobody')).rejects.toMatchObject({ code: 'UNKNOWN_PARTITION', offending: 'nobody' })
    await expect(n.resume('nobody', 'skp' as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'from', nearest: 'skip' })
    expect(() => { n.dismiss('zz') }).toThrowError(expect.objectContaining({ code: 'UNKNOWN_KEY', offending: 'zz' }))
    await n.stop()
  })
})

describe('an event without a cursor', () => {
  const given = (value: unknown, more: object = {}) => users({ cursor: (e: Event) => e.bad ? value as never : e.id, ...more })
  const events = [created('1', { user: 'a' }), created('2', { user: 'b' }), { id: '3', type: 'UserNameUpdated', user: 'a', name: 'lost', bad: true }, { id: '4', type: 'UserNameUpdated', user: 'a', name: 'behind' }, { id: '5', type: 'UserNameUpdated', user: 'b', name: 'there' }]

  it.each([[NaN], [null], [undefined], [{}], [true]])('%s halts its partition, and no other', async value => {
    for (const coalesce of [false, true]) {
      for (const batchSize of [1, 3, 100]) {
        const db = await open()
        const definition = given(value, { coalesce })
        const r = await reducers(db).start(definition, { source: logOf(...events), batchSize })
        await r.awaitCatchup()
        expect(r.partition('a')).toMatchObject({ cursor: '1', status: 'error', error: { type: 'handler', code: 'REDUCER_INVALID', message: expect.stringContaining('"name":"lost"') } })
        expect(r.partition('b')).toMatchObject({ cursor: '5', status: 'ok' })
        expect(db.live(db.query.users).rows.map(u => [u.id, u.name]).sort()).toEqual([['a', 'n1'], ['b', 'there']])
        for (const how of ['retry', 'skip'] as const) expect(await r.resume('a', how)).toMatchObject({ cursor: '1', status: 'error', error: { code: 'REDUCER_INVALID' } })
        await expect(r.await({ ...events[2] })).rejects.toMatchObject({ code: 'REDUCER_INVALID' })
        await reducers(db).rebuild(definition, { source: logOf(...events) })
        expect(r.partition('a')).toMatchObject({ cursor: '1', status: 'error' })
        await r.stop()
        // With one that gives cursors nothing is lost.
        const repaired = await reducers(db).start(users(), { source: logOf(...events) })
        expect(await repaired.resume('a')).toMatchObject({ cursor: '4', status: 'ok' })
        expect(db.live(db.query.users).rows.map(u => [u.id, u.name]).sort()).toEqual([['a', 'behind'], ['b', 'there']])
        await repaired.stop()
      }
    }
  })

  it('is passed over where errors are', async () => {
    const db = await open()
    const r = await reducers(db).start(given(NaN, { onError: 'skip' }), { source: logOf(...events) })
    await r.awaitCatchup()
    expect(db.live(db.query.users).rows.map(u => [u.id, u.name]).sort()).toEqual([['a', 'behind'], ['b', 'there']])
    await r.stop()
  })

  it('and a source that gives none is told of, and not read for ever', async () => {
    const db = await open()
    const errors: unknown[] = []
    const source = { fetch: async () => ({ events: [created('1')], cursor: NaN }), subscribe: () => () => {} }
    const r = await reducers(db).start(users(), { source, batchSize: 1, onError: e => { errors.push(e) } })
    await r.awaitCatchup()
    expect(errors).toContainEqual(expect.objectContaining({ code: 'REDUCER_INVALID', path: 'source' }))
    expect(db.live(db.query.users).rows.length).toBe(1)
    await expect(reducers(db).at(users(), { source, batchSize: 1 })).rejects.toMatchObject({ code: 'REDUCER_INVALID', path: 'source' })
    await r.stop()
  })
})

describe('what is not what it should be', () => {
  const R = 'REDUCER_INVALID'
  const good = { tables: ['users'], partition: (e: Event) => e.user, cursor: (e: Event) => e.id, on: {} }
  it.each<[string, object | undefined, object]>([
    ['no options', undefined, { path: 'options' }],
    ['no partition', { ...good, partition: undefined }, { path: 'partition' }],
    ['no cursor', { ...good, cursor: undefined }, { path: 'cursor' }],
    ['no handlers', { ...good, on: undefined }, { path: 'on' }],
    ['handlers that are none', { ...good, on: { Created: 5 } }, { path: 'on' }],
    ['no tables', { ...good, tables: [] }, { path: 'tables' }],
    ['tables as one text', { ...good, tables: 'users' }, { path: 'tables' }],
    ['an option that there is not', { ...good, onErorr: 'skip' }, { path: 'onErorr', nearest: 'onError' }],
    ['a word near another', { ...good, onError: 'skipp' }, { path: 'onError', nearest: 'skip' }],
    ['attempts that are no number', { ...good, onError: { retry: 'x' } }, { path: 'onError' }],
    ['a version that is no text', { ...good, version: 2 }, { path: 'version' }],
    ['snapshots every 0 events', { ...good, snapshotEvery: 0 }, { path: 'snapshotEvery' }],
  ])('a reducer: %s', (_, options, error) => {
    expect(() => reducer('users', options as never)).toThrowError(expect.objectContaining({ code: R, ...error }))
  })

  it('a notifier, what is started, what is waited for', async () => {
    const db = await open()
    const all = reducers(db)
    const source = logOf(created('1'))
    const bad = (code: string, more: object = {}): unknown => expect.objectContaining({ code, ...more })
    for (const [options, error] of [[{ ...good, tables: undefined }, { path: 'deliver' }], [{ ...good, tables: undefined, deliver: 'mail' }, { path: 'deliver' }], [{ deliver: () => {}, partition: () => 1, cursor: () => 1, on: {}, exhausted: 'stop' }, { path: 'exhausted' }], [{ deliver: () => {}, partition: () => 1, cursor: () => 1, on: {}, retry: { atempts: 2 } }, { path: 'retry.atempts', nearest: 'attempts' }]] as const) {
      const { tables: _, ...rest } = options as any
      expect(() => notifier('mail', rest)).toThrowError(bad(R, error) as never)
    }
    for (const not of [null, undefined, {}, 5]) expect(() => reducers(not as never)).toThrowError(bad('INVALID_ARGUMENT', { path: 'db' }) as never)
    for (const not of [null, 'users', {}]) await expect(all.start(not as never, { source })).rejects.toEqual(bad(R))
    for (const not of [undefined, {}, { source: null }, { source: { fetch: () => {} } }]) await expect(all.start(users(), not as never)).rejects.toEqual(bad(R, { path: 'source' }))
    await expect(all.start(users(), { source, batchsize: 5 } as never)).rejects.toEqual(bad(R, { path: 'batchsize', nearest: 'batchSize' }))
    await expect(all.rebuild(users(), { source, from: 'snapshots' as never })).rejects.toEqual(bad(R, { path: 'from', nearest: 'snapshot' }))
    await expect(all.notify(null as never, { source })).rejects.toEqual(bad(R))
    await expect(all.notify(notifier('mail', { partition: () => 1, cursor: () => 1, on: {}, deliver: () => {} }), { source, after: users() as never })).rejects.toEqual(bad(R, { path: 'after' }))
    const r = await all.start(users(), { source })
    for (const not of [null, [undefined], [created('1'), null]]) await expect(r.await(not)).rejects.toEqual(bad('INVALID_ARGUMENT'))
    await expect(r.await(created('1'), { timeuot: 5 } as never)).rejects.toEqual(bad('INVALID_ARGUMENT', { nearest: 'timeout' }))
    await expect(awaitMany([users()] as never, [])).rejects.toEqual(bad('INVALID_ARGUMENT', { path: 'reducers' }))
    await expect(r.resume('1', 'skp' as never)).rejects.toEqual(bad('INVALID_ARGUMENT', { nearest: 'skip' }))
    await r.stop()
  })

  it('an operation that treats what is there by nothing that there is halts the partition with its reason', async () => {
    const db = await open()
    const r = await reducers(db).start(users({ on: (e: Event, op: any) => { op.upsert('users', { id: '1' }, e.how) } }), { source: logOf(created('1', { user: 'u' }), created('2', { user: 'u', how: 'replacAll' }), created('3', { user: 'u', how: { replac: [] } })) })
    await r.awaitCatchup()
    expect(r.partition('u')).toMatchObject({ status: 'error', error: { type: 'commit', code: R, cursor: '2' } })
    await r.stop()
  })
})

describe('what functions and sources of an application do wrong', () => {
  const boom = new Error('boom')
  it('a source that rejects, or gives something else, is told with the reducer and the cause', async () => {
    for (const [fetch, error] of [[() => Promise.reject(boom), { code: 'FETCH_FAILED', path: 'source', cause: boom }], [() => Promise.resolve(undefined), { code: 'REDUCER_INVALID', path: 'source' }], [() => Promise.resolve({ rows: [] }), { code: 'REDUCER_INVALID', path: 'source' }]] as const) {
      const db = await open()
      const errors: any[] = []
      const r = await reducers(db).start(users(), { source: { fetch: fetch as never, subscribe: () => () => {} }, onError: e => errors.push(e), retry: { delay: 60_000 } })
      await eventually(() => errors.length > 0)
      expect(errors).toEqual([expect.objectContaining(error)])
      expect(errors[0].message).toContain('`users`')
      await r.stop()
      await expect(reducers(db).rebuild(users(), { source: { fetch: fetch as never, subscribe: () => () => {} } })).rejects.toMatchObject(error)
    }
  })

  it('a partition that throws, or is none, stops the reducer before the event, which is not lost; or is dropped', async () => {
    for (const partition of [() => { throw boom }, () => ({})]) {
      const db = await open()
      const errors: any[] = []
      let isBad = true
      const of = (e: Event): any => e.id === '2' && isBad ? partition() : e.user
      const log = logOf(created('1'), created('2'), created('3'))
      const r = await reducers(db).start(users({ partition: of }), { source: log, batchSize: 1, onError: e => errors.push(e) })
      await expect(r.awaitCatchup()).rejects.toMatchObject({ code: 'REDUCER_INVALID', path: 'partition' })
      await eventually(() => errors.length > 0)
      expect(errors[0]).toMatchObject({ code: 'REDUCER_INVALID', path: 'partition' })
      expect([errors[0].message.includes('"id":"2"'), db.live(db.query.users).rows.map(u => u.id)]).toEqual([true, ['1']])
      isBad = false
      await r.awaitCatchup()
      expect(db.live(db.query.users).rows.map(u => u.id)).toEqual(['1', '2', '3'])
      await r.stop()
      const other = await open()
      isBad = true
      const s = await reducers(other).start(users({ partition: of, onError: 'skip' }), { source: log })
      await s.awaitCatchup()
      expect([other.live(other.query.users).rows.map(u => u.id), s.fold.dropped]).toEqual([['1', '3'], 1])
      await s.stop()
    }
  })

  it('a notifier whose events have no cursor sends nothing, and says so', async () => {
    const db = await open()
    const errors: any[] = [], sent: unknown[] = []
    const n = await reducers(db).notify(notifier('mail', { partition: () => 1, cursor: (e: Event) => (e as any).nr, on: () => 'mail', initialCursor: 'start', deliver: ops => { sent.push(ops) } }), { source: logOf(created('1')), onError: e => errors.push(e) })
    await eventually(() => errors.length > 0)
    expect([sent, errors]).toEqual([[], [expect.objectContaining({ code: 'REDUCER_INVALID', path: 'cursor' })]])
    await n.stop()
  })
})

describe('a table has one writer', () => {
  const small = defineSchema({ users: table({ id: string().key(), name: string().nullable() }), v: table({ id: string().key() }) })
  const at = (name: string) => ({ code: 'REDUCER_INVALID', path: 'tables', offending: 'users', message: expect.stringContaining(`\`${name}\``) })

  it('a second reducer is refused, and so are its rebuild and its reset, until the first has stopped', async () => {
    const db = await open()
    const all = reducers(db)
    const logs = [logOf(created('1')), logOf({ id: '1', type: 'UserCreated', user: 'other' })]
    const other = { ...users({ tables: ['links', 'users'] }), name: 'others' }
    const first = await all.start(users(), { source: logs[0] })
    await expect(all.start(other, { source: logs[1] })).rejects.toMatchObject(at('users'))
    await expect(all.rebuild(other, { source: logs[1] })).rejects.toMatchObject(at('users'))
    expect(() => { all.reset(other) }).toThrowError(expect.objectContaining({ code: 'REDUCER_INVALID' }))
    // Nothing was taken by who was refused.
    await (await all.start({ ...users({ tables: ['links'] }), name: 'links' }, { source: logOf() })).stop()
    await first.awaitCatchup()
    await all.rebuild(first.reducer, { source: logs[0] })
    expect(db.live(db.query.users).rows.map(u => u.id)).toEqual(['1'])
    await first.stop()
    await expect(all.start(other, { source: logs[1] })).rejects.toMatchObject({ code: 'NEEDS_REBUILD' })
    const second = await all.start(other, { source: logs[1], autoRebuild: true })
    await expect(all.start(users(), { source: logs[0] })).rejects.toMatchObject(at('others'))
    expect(db.live(db.query.users).rows.map(u => u.id)).toEqual(['other'])
    await second.stop()
  })

  it.each<[string, object]>([['a view', { inputs: ['v'], view: (_: unknown, { v }: any) => from(v).select((r: any) => ({ id: r.id })) }], ['a function', { inputs: ['v'], derive: () => {} }]])('%s and a reducer, whichever is first', async (_, options) => {
    const mine = () => projection(small, 'mine', { into: 'users', ...options } as never)
    const reduced = users()
    for (const tenant of [undefined, 't']) {
      const db = await createDatabase({ schema: small })
      projections(db, tenant === undefined ? {} : { tenant }).register(mine())
      await expect(reducers(db).start(reduced, { source: logOf() })).rejects.toMatchObject(at('mine'))
      projections(db, tenant === undefined ? {} : { tenant }).dispose()
      const r = await reducers(db).start(reduced, { source: logOf() })
      const p = projections(db)
      expect(() => p.register(mine())).toThrowError(expect.objectContaining({ code: 'PROJECTION_INVALID', path: 'into', offending: 'users', message: expect.stringContaining('`users`') }))
      expect(p.list()).toEqual([])
      await r.stop()
      p.register(mine())
      db.close()
    }
  })
})

describe('a notifier that is resumed', () => {
  it.each(['rejects', 'crashes', 'stops'])('and whose source %s on the way loses no delivery', async end => {
    const folder = new MemoryFolder()
    let db = await open(memory(folder))
    const log = logOf(...['1', '2', '3', '4', '5'].map(id => created(id, { user: 'p' })))
    const sent: string[] = []
    let isUp = false, isShort = false, fetches = 0
    const mail = notifier<Event>('mail', { partition: e => e.user, cursor: e => e.id, on: (e: Event) => e.id, initialCursor: 'start', exhausted: 'halt', retry: { attempts: 1 }, deliver: ([id]) => { if (!isUp) throw new Error('down'); sent.push(id) } })
    const source = { ...log, fetch: async (c: any, n: number) => {
      if (!isShort || ++fetches < 2) return log.fetch(c, n)
      if (end === 'crashes') { const { durability } = db; db.close(); await durability!.closed }
      if (end !== 'stops') throw new Error('cut')
      void running.stop()
      return log.fetch(c, n)
    } }
    let running = await reducers(db).notify(mail, { source, batchSize: 2 })
    await running.awaitCatchup()
    isUp = isShort = true
    await expect(running.resume('p')).rejects.toMatchObject(end === 'rejects' ? { message: 'cut' } : { code: 'CLOSED' })
    isShort = false
    if (end !== 'rejects') {
      if (end === 'crashes') db = await open(memory(folder))
      running = await reducers(db).notify(mail, { source, batchSize: 2 })
    }
    log.append(created('6', { user: 'p' }))
    await running.awaitCatchup()
    expect([sent, running.errors().map(e => e.id)]).toEqual([['1', '2'], ['p']])
    await running.resume('p', 'skip')
    expect([sent, running.errors()]).toEqual([['1', '2', '3', '4', '5', '6'], []])
    await running.stop()
  })
})

describe('beside the scenarios', () => {
  it('reset empties what a reducer has made, and it begins anew', async () => {
    const folder = new MemoryFolder()
    const db = await open(memory(folder))
    const log = logOf(created('1'), created('2'))
    const r = await reducers(db).start(users(), { source: log })
    await r.awaitCatchup()
    expect(() => { reducers(db).reset(users()) }).toThrowError(expect.objectContaining({ code: 'REDUCER_INVALID' }))
    await r.stop()
    reducers(db).reset(users())
    expect([db.live(db.query.users).rows.length, db.durability!.entries('reducer:users').size]).toEqual([0, 0])
    const again = await reducers(db).start(users({ version: '2' }), { source: log })
    await again.awaitCatchup()
    expect([db.live(db.query.users).rows.length, again.cursor, again.skipped]).toEqual([2, '2', 0])
    await again.stop()
  })

  it('reset empties the tables of every tenant', async () => {
    const tenanted = defineSchema({ sums: table({ id: string().key(), n: int() }, { tenant: true } as never), others: table({ id: int().key() }) })
    const db = await createDatabase({ schema: tenanted })
    db.apply([{ op: 'insert', table: 'others', row: { id: 1 } }])
    const sums = reducer<any>('sums', { tables: ['sums'], partition: e => e.p, cursor: e => e.id, on: (e, op) => { op.insertNew('sums', { id: e.p, n: 0 }, { tenant: e.t }); op.inc('sums', e.p, { n: 1 }, { tenant: e.t }) } })
    const log = memoryLog<any>(e => e.id, Array.from({ length: 30 }, (_, i) => ({ id: i + 1, p: `p${i % 3}`, t: `t${i % 2}` })))
    const shown = () => ['t0', 't1'].map(tenant => db.live(db.query.sums, { tenant }).rows.map(r => r.n))
    for (let round = 0; round < 2; round++) {
      const r = await reducers(db).start(sums, { source: log })
      await r.awaitCatchup()
      expect(shown()).toEqual([[5, 5, 5], [5, 5, 5]])
      await r.stop()
      reducers(db).reset(sums)
      expect(db.stats().tables.map(t => t.rows)).toEqual([0, 1])
    }
  })

  it('a log is at its end where a page is empty, however short the one before: servers have limits of their own', async () => {
    const all = Array.from({ length: 130 }, (_, i) => ({ id: i + 1, p: `p${i % 3}` }))
    for (const says of [false, true]) {
      let asked = 0
      const source = {
        async fetch(after: any, limit: number) {
          asked++
          const from = after === 'start' ? 0 : Number(after), to = from + Math.min(limit, 20)
          return { events: all.slice(from, to), cursor: Math.min(to, all.length), ...says ? { more: to < all.length } : {} }
        },
        subscribe: () => () => {},
        count: async () => all.length,
      }
      const db = await createDatabase({ schema: defineSchema({ t: table({ id: int().key() }) }) })
      const taken = reducer<any>('t', { tables: ['t'], partition: e => e.p, cursor: e => e.id, on: (e, op) => { op.upsert('t', { id: e.id }) } })
      const r = await reducers(db).start(taken, { source })
      await r.awaitCatchup()
      expect([db.live(db.query.t).rows.length, r.cursor, asked]).toEqual([130, 130, says ? 8 : 9])
      const sent: number[] = []
      const told = notifier<any>('n', { partition: (e: any) => e.p, cursor: (e: any) => e.id, initialCursor: 'start', on: { '*': (e: any) => [e.id] }, type: () => '*', deliver: (ids: any) => { sent.push(...ids) } } as never)
      const n = await reducers(db).notify(told, { source, after: r })
      await n.awaitCatchup()
      expect(sent.length).toBe(130)
      await n.stop()
      await r.stop()
      const progress: any[] = []
      await reducers(db).rebuild(taken, { source, onProgress: (p: any) => { progress.push(p) } } as never)
      expect([db.live(db.query.t).rows.length, progress.at(-1).processed]).toEqual([130, 130])
      const past = await reducers(db).at(taken, { source, until: 90 })
      expect(past.db.live((past.db.query as any).t).rows.length).toBe(90)
      past.db.close()
      db.close()
    }
  })

  it('a rebuild, and a state of the past, read the tables of others as they are', async () => {
    const db = await open()
    db.apply([{ op: 'insert', table: 'bare', row: { id: 7 } }])
    const definition = users({ on: (e, op) => { op.transaction(t => { t.insert('users', { id: e.user!, age: t.get('bare', 7).id + t.all('bare', { id: 7 }).length }) }) } })
    const source = logOf(created('1'), created('2'))
    const r = await reducers(db).start(definition, { source })
    await r.awaitCatchup()
    const expected = [['1', 8], ['2', 8]]
    const shown = (of: typeof db) => of.live(of.query.users).rows.map(u => [u.id, u.age])
    expect(shown(db)).toEqual(expected)
    await reducers(db).rebuild(definition, { source })
    expect([shown(db), r.errors()]).toEqual([expected, []])
    const past = await reducers(db).at(definition, { source, until: '1' })
    expect(shown(past.db as typeof db)).toEqual(expected.slice(0, 1))
    past.db.close()
    db.close()
  })

  it('who looks on hears of every move: where it is, what it passed over, what has halted', async () => {
    const db = await open()
    const log = logOf(created('1'))
    const r = await reducers(db).start(users(), { source: log })
    const seen: unknown[] = []
    const end = r.subscribe(() => { seen.push([r.cursor, r.errors().map(p => p.id)]) })
    await r.awaitCatchup()
    log.append({ id: '2', type: 'UserRaised', user: 'x' }, { id: '3', type: 'Other', user: 'y' })
    await r.awaitCatchup()
    expect(seen).toEqual([['1', []], ['3', ['x']]])
    expect([r.partition('y').cursor, r.partition('x').error!.cursor]).toEqual(['3', '2'])
    end()
    log.append(created('4'))
    await r.awaitCatchup()
    expect([seen.length, r.cursor]).toEqual([2, '4'])
    await r.stop()
  })

  it('a slow batch: the place in the log moves when all its partitions are done, however often the page has its turn', async () => {
    const db = await open(memory(new MemoryFolder()))
    const slowly = (e: Event, op: any): void => { const end = performance.now() + 5; while (performance.now() < end); op.insert('users', { id: e.user }) }
    const r = await reducers(db).start(users({ on: slowly }), { source: logOf(...Array.from({ length: 20 }, (_, i) => created(String(i + 1)))) })
    const looks: [number, unknown][] = []
    let done = false
    const look = (): void => {
      looks.push([db.live(db.query.users).rows.length, (db.durability!.entries('reducer:users').get('$') as any)?.cursor])
      if (!done) setImmediate(look)
    }
    setImmediate(look)
    await r.awaitCatchup()
    done = true
    expect(looks.filter(([n]) => n > 0 && n < 20).length).toBeGreaterThan(2)
    for (const [n, cursor] of looks) expect([n, cursor]).toEqual([n, n === 20 ? cursor : undefined])
    expect((db.durability!.entries('reducer:users').get('$') as any).cursor).toBe('20')
    await r.stop()
  })
})
