// Reducers beyond the scenarios of derive.test.ts: mistakes of those who write them.
import { describe, expect, it } from 'vitest'
import { notifier, reducers } from '../../../pkg/reduce/index.js'
import { tick } from '../real/support.js'
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
    await expect(reducers(db).notify(notifier('mail', { partition: () => 1, cursor: (e: Event) => e.id, on: () => undefined } as any), { source, batchSize })).rejects.toMatchObject(refused)
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
