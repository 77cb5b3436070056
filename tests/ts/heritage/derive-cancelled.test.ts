// A rebuild that nobody wants any more settles at once, whatever its source is doing.
import { describe, expect, it } from 'vitest'
import { reducers } from '../../../pkg/reduce/index.js'
import { eventually } from '../real/support.js'
import { type Event, logOf, open, rows, users } from './derive.js'

const created = (id: string): Event => ({ id, type: 'UserCreated', user: id, name: `n${id}` })

/** A log of which one call does not come back until it is let go. */
function hanging(call: 'count' | 'fetch') {
  const log = logOf(created('1'), created('2'))
  let held = 0
  let letGo = (): void => {}
  const gate = new Promise<void>(done => { letGo = done })
  const source = { ...log, [call]: async (...given: [any, any]) => { held++; await gate; return (log[call] as any)(...given) } }
  return { log, source, letGo, held: () => held }
}

/** What a promise has become, when it has. */
function outcome(promise: Promise<unknown>): { done: boolean; code?: string } {
  const seen: { done: boolean; code?: string } = { done: false }
  promise.then(() => { seen.done = true }, (error: { code: string }) => { seen.done = true; seen.code = error.code })
  return seen
}

describe('a rebuild', () => {
  it.each(['count', 'fetch'] as const)('that is cancelled while `%s` of its source hangs', async call => {
    const db = await open()
    const { source, letGo, held } = hanging(call)
    const stop = new AbortController()
    const definition = users()
    const seen = [outcome(reducers(db).rebuild(definition, { source, signal: stop.signal })), outcome(reducers(db).at(definition, { source, signal: stop.signal }))]
    await eventually(() => held() === 2)
    stop.abort()
    await eventually(() => seen.every(one => one.done))
    expect(seen).toEqual(Array(2).fill({ done: true, code: 'REBUILD_CANCELLED' }))
    // What comes late is for nobody, and the next one does not wait for it.
    await reducers(db).rebuild(definition, { source: logOf(created('3')) })
    letGo()
    await source.fetch('start', 1)
    await source.count?.()
    expect(rows(db).map(r => r.id)).toEqual(['3'])
    db.close()
  })

  it.each(['count', 'fetch'] as const)('of a database that is closed while `%s` of its source hangs', async call => {
    const db = await open()
    const { source, letGo, held } = hanging(call)
    const seen = [outcome(reducers(db).rebuild(users(), { source })), outcome(reducers(db).at(users(), { source }))]
    await eventually(() => held() === 2)
    db.close()
    await eventually(() => seen.every(one => one.done))
    expect(seen).toEqual(Array(2).fill({ done: true, code: 'CLOSED' }))
    letGo()
  })

  it('that waits for a reducer whose own fetch hangs', async () => {
    const db = await open()
    const { source, log, letGo, held } = hanging('fetch')
    let folded = 0
    const definition = users({ on: { UserCreated: (e: Event, op: any) => { folded++; op.insert('users', { id: e.user }) } } })
    const running = await reducers(db).start(definition, { source })
    await eventually(() => held() === 1)
    const stop = new AbortController()
    const seen = outcome(reducers(db).rebuild(definition, { source: log, signal: stop.signal }))
    // Folded beside the tables: from there on it waits for its turn.
    await eventually(() => folded === 2)
    stop.abort()
    await eventually(() => seen.done)
    expect(seen).toEqual({ done: true, code: 'REBUILD_CANCELLED' })
    letGo()
    await running.awaitCatchup()
    expect(rows(db).map(r => r.id)).toEqual(['1', '2'])
    await running.stop()
    db.close()
  })

  it('that has ended is not ended again', async () => {
    const db = await open()
    const stop = new AbortController()
    await reducers(db).rebuild(users(), { source: logOf(created('1')), signal: stop.signal })
    stop.abort()
    expect(rows(db).map(r => r.id)).toEqual(['1'])
    db.close()
  })

  it.each(['count', 'fetch'] as const)('of a start is over when the reducer is stopped while `%s` of its source hangs, and it can be started again', async call => {
    const db = await open()
    await (await reducers(db).start(users(), { source: logOf(created('1')) })).stop()
    const { source, letGo, held } = hanging(call)
    const next = users({ version: '2' })
    const starting = reducers(db).start(next, { source, autoRebuild: true })
    const seen = outcome(starting)
    await eventually(() => held() === 1)
    const first = reducers(db).get(next.name)!
    await first.stop()
    const second = await reducers(db).start(next, { source: logOf(created('3')), autoRebuild: true })
    await eventually(() => seen.done)
    // As one that is stopped before its start has come to its end.
    expect([seen, await starting === first, reducers(db).get(next.name) === second]).toEqual([{ done: true }, true, true])
    letGo()
    await source.fetch('start', 1)
    await second.awaitCatchup()
    expect(rows(db).map(r => r.id)).toEqual(['3'])
    await second.stop()
    db.close()
  })

  it('of a start is CLOSED when the database is closed while its source hangs', async () => {
    const db = await open()
    await (await reducers(db).start(users(), { source: logOf(created('1')) })).stop()
    const { source, letGo, held } = hanging('fetch')
    const seen = outcome(reducers(db).start(users({ version: '2' }), { source, autoRebuild: true }))
    await eventually(() => held() === 1)
    db.close()
    await eventually(() => seen.done)
    expect(seen).toEqual({ done: true, code: 'CLOSED' })
    letGo()
  })
})
