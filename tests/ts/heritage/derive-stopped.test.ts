// Who is stopped, and who begins while another one ends: promises settle whatever the source is doing, and each event is in the state once.
import { describe, expect, it } from 'vitest'
import { type Running, notifier, reducer, reducers } from '../../../pkg/reduce/index.js'
import { eventually, tick } from '../real/support.js'
import { type Event, logOf, open, rows } from './derive.js'

const event = (id: number, user = 'a'): Event => ({ id: String(id), type: 'Counted', user })
const events = (n: number): Event[] => Array.from({ length: n }, (_, i) => event(i + 1, `u${i % 3}`))

/** Counts the events of each user. */
const counter = (more: object = {}) => reducer<Event>('users', {
  tables: ['users'], partition: e => e.user, cursor: e => e.id,
  on: (e, op) => { op.transaction(t => { t.merge('users', { id: e.user, age: (t.get('users', e.user)?.age ?? 0) + 1 }) }) }, ...more,
})
const ages = (db: any): Record<string, number> => Object.fromEntries(rows(db).map(r => [r.id, r.age]))

/** A log whose calls wait until they are let go, while it is held. */
function held(...given: Event[]) {
  const log = logOf(...given)
  let gates: (() => void)[] = []
  const source = {
    ...log, isHeld: true, waiting: () => gates.length,
    letGo() { source.isHeld = false; for (const go of gates.splice(0)) go() },
    async fetch(after: any, limit: number) { if (source.isHeld) await new Promise<void>(go => { gates.push(go) }); return log.fetch(after, limit) },
    async head() { if (source.isHeld) await new Promise<void>(go => { gates.push(go) }); return log.head!() },
  }
  return source
}
/** What promises have become, in their order: a code, `'done'`, or nothing yet. */
function outcomes(...promises: Promise<unknown>[]): (string | undefined)[] {
  const seen: (string | undefined)[] = promises.map(() => undefined)
  promises.forEach((p, i) => { p.then(() => { seen[i] = 'done' }, error => { seen[i] = error.code }) })
  return seen
}
const settled = (seen: unknown[]): Promise<void> => Promise.race([eventually(() => seen.every(s => s !== undefined)), tick(2000)])

describe('a source that hangs', () => {
  it.each(['stop', 'close'] as const)('keeps nobody waiting who has ended it: a reducer, %s', async end => {
    const db = await open()
    const source = held(event(1))
    const r = await reducers(db).start(counter(), { source })
    const seen = outcomes(r.awaitCatchup(), r.await(event(1)), r.awaitCatchup())
    await eventually(() => source.waiting() === 1)
    if (end === 'close') db.close()
    const stopped = outcomes(r.stop())
    await settled(stopped)
    await settled(seen)
    expect([seen, stopped]).toEqual([['CLOSED', 'CLOSED', 'CLOSED'], ['done']])
    source.letGo()
    await tick()
    if (end === 'stop') expect(rows(db)).toEqual([])
    db.close()
  })

  it.each(['stop', 'close'] as const)('nor who resumes, or catches up: %s', async end => {
    const db = await open()
    const source = held(event(1), event(2))
    source.isHeld = false
    const r = await reducers(db).start(counter({ on: () => { throw new Error('bad') } }), { source })
    const mail = notifier<Event>('mail', { partition: e => e.user, cursor: e => e.id, on: e => e, initialCursor: 'start', exhausted: 'halt', retry: { attempts: 1 }, deliver: () => { throw new Error('down') } })
    const n = await reducers(db).notify(mail, { source })
    await r.awaitCatchup()
    await n.awaitCatchup()
    source.isHeld = true
    const seen = outcomes(r.resume('a'), n.resume('a'), n.skipToEnd())
    await eventually(() => source.waiting() === 2)
    if (end === 'close') db.close()
    const stopped = outcomes(r.stop(), n.stop())
    await settled(stopped)
    await settled(seen)
    expect([seen, stopped]).toEqual([['CLOSED', 'CLOSED', 'CLOSED'], ['done', 'done']])
    source.letGo()
    db.close()
  })

  it('nor a notifier that looks for its place when the database is closed', async () => {
    for (const more of [{}, { head: undefined }]) {
      const db = await open()
      const source = { ...held(event(1)), ...more }
      const seen = outcomes(reducers(db).notify(notifier<Event>('mail', { partition: e => e.user, cursor: e => e.id, on: e => e, deliver: () => {} }), { source }))
      await eventually(() => source.waiting() === 1)
      db.close()
      await settled(seen)
      expect(seen).toEqual(['CLOSED'])
      source.letGo()
    }
  })
})

describe('one that begins while another one ends', () => {
  it.each([0, 1, 2, 5, 10, 20, 40])('is started at once behind a stop that nobody waits for, after %i turns: each event once', async turns => {
    const db = await open()
    const log = logOf(...Array.from({ length: 60 }, (_, i) => event(i + 1, `u${i % 20}`)))
    let r = await reducers(db).start(counter(), { source: log, batchSize: 60 })
    for (let n = 0; n < turns; n++) await null
    void r.stop()
    r = await reducers(db).start(counter(), { source: log, batchSize: 60 })
    await r.awaitCatchup()
    expect(ages(db)).toEqual(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`u${i}`, 3])))
    db.close()
  })

  it.each([false, true])('is started while its state is being rebuilt (and stopped, and started again: %s): each event once', async again => {
    const db = await open()
    const definition = counter()
    const source = held(...events(30))
    const rebuilt = reducers(db).rebuild(definition, { source, batchSize: 10 })
    await eventually(() => source.waiting() === 1)
    const log = logOf(...events(12))
    let r: Running = await reducers(db).start(definition, { source: log, validateVersion: false, batchSize: 5 })
    await r.awaitCatchup()
    if (again) {
      await r.stop()
      r = await reducers(db).start(definition, { source: log, validateVersion: false, batchSize: 5 })
    }
    source.letGo()
    await rebuilt
    log.append(...events(33).slice(12))
    await r.awaitCatchup()
    expect([ages(db), r.cursor]).toEqual([{ u0: 11, u1: 11, u2: 11 }, '33'])
    db.close()
  })
})
