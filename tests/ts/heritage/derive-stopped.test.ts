// Who is stopped, and who begins while another one ends: promises settle whatever the source is doing, and each event is in the state once.
import { describe, expect, it } from 'vitest'
import { type Running, notifier, reducer, reducers } from '../../../pkg/reduce/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
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
/** A folder whose writes do not become durable while it is held. */
class Slow extends MemoryFolder {
  isHeld = false
  gates: (() => void)[] = []
  override file(name: string) { return { ...super.file(name), flush: () => this.isHeld ? new Promise<void>(go => { this.gates.push(go) }) : undefined } }
  letGo(): void {
    this.isHeld = false
    for (const go of this.gates.splice(0)) go()
  }
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

describe('a rebuild in the turn of a reducer', () => {
  /** A reducer that runs, and a rebuild of it that reads what came since, from a source that hangs. */
  async function rebuilding() {
    const db = await open()
    const definition = counter()
    const log = logOf(...events(12))
    const r = await reducers(db).start(definition, { source: log, batchSize: 5 })
    await r.awaitCatchup()
    const source = held(...events(12))
    source.isHeld = false
    // The first pass is one page; then comes the turn.
    const rebuilt = reducers(db).rebuild(definition, { source: { ...source, fetch: (after, limit) => { const page = source.fetch(after, limit); source.isHeld = true; return page } } })
    await eventually(() => source.waiting() === 1)
    return { db, definition, log, r, source, rebuilt }
  }

  it('keeps nobody waiting who stops it; the rebuild goes on without it', async () => {
    const { db, r, source, rebuilt } = await rebuilding()
    const seen = outcomes(rebuilt), stopped = outcomes(r.stop(), r.awaitCatchup())
    await settled(stopped)
    expect([stopped, seen]).toEqual([['done', 'CLOSED'], [undefined]])
    await eventually(() => source.waiting() === 2)
    source.letGo()
    await rebuilt
    expect(ages(db)).toEqual({ u0: 4, u1: 4, u2: 4 })
    db.close()
  })

  it('has its turn in the one that is started next: each event once', async () => {
    const { db, definition, log, r, source, rebuilt } = await rebuilding()
    void r.stop()
    const next = await reducers(db).start(definition, { source: log, validateVersion: false, batchSize: 5 })
    log.append(...events(15).slice(12))
    source.append(...events(15).slice(12))
    await eventually(() => source.waiting() === 2)
    expect(source.waiting()).toBe(2)
    const seen = outcomes(rebuilt)
    await eventually(() => { source.letGo(); return seen[0] !== undefined })
    expect(seen).toEqual(['done'])
    await next.awaitCatchup()
    expect([ages(db), next.cursor]).toEqual([{ u0: 5, u1: 5, u2: 5 }, '15'])
    db.close()
  })

  it.each(['closed', 'cancelled'] as const)('is over when it is %s', async how => {
    const db = await open()
    const definition = counter()
    const r = await reducers(db).start(definition, { source: logOf(...events(3)) })
    const source = held(...events(3)), cancel = new AbortController()
    source.isHeld = false
    const seen = outcomes(reducers(db).rebuild(definition, { source: { ...source, fetch: (after, limit) => { const page = source.fetch(after, limit); source.isHeld = true; return page } }, signal: cancel.signal }))
    await eventually(() => source.waiting() === 1)
    if (how === 'closed') db.close()
    else cancel.abort()
    const stopped = outcomes(r.stop())
    await settled(stopped)
    await settled(seen)
    expect([seen, stopped]).toEqual([[how === 'closed' ? 'CLOSED' : 'REBUILD_CANCELLED'], ['done']])
    db.close()
  })

  it('of a start keeps nobody waiting for storage that hangs', async () => {
    const folder = new Slow()
    const db = await open(memory(folder))
    await (await reducers(db).start(counter(), { source: logOf(...events(3)) })).stop()
    await db.durability!.flush()
    folder.isHeld = true
    const next = counter({ version: '2' })
    const seen = outcomes(reducers(db).start(next, { source: logOf(...events(6)), autoRebuild: true }))
    await eventually(() => folder.gates.length > 0 && ages(db).u0 === 2)
    const stopped = outcomes(reducers(db).get(next.name)!.stop())
    await settled(stopped)
    expect([seen, stopped]).toEqual([[undefined], ['done']])
    folder.letGo()
    await settled(seen)
    expect(seen).toEqual(['done'])
    db.close()
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

describe('a notifier after a reducer', () => {
  const told = (sent: string[]) => notifier<Event>('mail', { partition: e => e.user, cursor: e => e.id, on: e => e.id, initialCursor: 'start', deliver: ([id]) => { sent.push(id) } })

  it.each(['the same', 'another version', 'another partition'])('that is stopped and started again goes on, and tells nothing meanwhile: %s', async how => {
    const db = await open()
    const log = logOf(event(1))
    const sent: string[] = []
    const r = await reducers(db).start(counter(), { source: log })
    const n = await reducers(db).notify(told(sent), { source: log, after: r })
    await n.awaitCatchup()
    await r.stop()
    log.append(event(2), event(3))
    await eventually(() => [...r.waiters.partitions()].length > 0)
    expect(sent).toEqual(['1'])
    const next = counter(how === 'another version' ? { version: '2' } : how === 'another partition' ? { partition: (e: Event) => `new ${e.user}` } : {})
    const again = await reducers(db).start(next, { source: log, autoRebuild: true })
    const caughtUp = outcomes(n.awaitCatchup())
    await settled(caughtUp)
    expect([caughtUp, sent]).toEqual([['done'], ['1', '2', '3']])
    // And once more.
    await again.stop()
    const last = await reducers(db).start(next, { source: log })
    log.append(event(4))
    await eventually(() => sent.length === 4)
    expect([sent, [...last.waiters.partitions()]]).toEqual([['1', '2', '3', '4'], []])
    await n.stop()
    db.close()
  })

  it('stops while storage hangs that its deliveries wait for, and delivers at its next start', async () => {
    const folder = new Slow()
    const db = await open(memory(folder))
    const log = logOf(event(1))
    const sent: string[] = []
    const r = await reducers(db).start(counter(), { source: log })
    const n = await reducers(db).notify(told(sent), { source: log, after: r })
    await n.awaitCatchup()
    folder.isHeld = true
    log.append(event(2))
    await r.awaitCatchup()
    await eventually(() => folder.gates.length > 0)
    const seen = outcomes(n.awaitCatchup()), stopped = outcomes(n.stop())
    await settled(stopped)
    await settled(seen)
    expect([seen, stopped, sent]).toEqual([['CLOSED'], ['done'], ['1']])
    folder.letGo()
    const again = await reducers(db).notify(told(sent), { source: log, after: r })
    await again.awaitCatchup()
    expect(sent).toEqual(['1', '2'])
    db.close()
  })

  it('tells nothing of what a stopped one has no more: it was reset', async () => {
    const db = await open()
    const log = logOf(event(1), event(2))
    const sent: string[] = []
    const r = await reducers(db).start(counter(), { source: log })
    await r.awaitCatchup()
    await r.stop()
    reducers(db).reset(counter())
    const n = await reducers(db).notify(told(sent), { source: log, after: r })
    await eventually(() => sent.length > 0 || [...r.waiters.partitions()].length > 0)
    expect([sent, r.partition('a')]).toEqual([[], { id: 'a', cursor: undefined, status: 'ok' }])
    await reducers(db).start(counter(), { source: log })
    await n.awaitCatchup()
    expect(sent).toEqual(['1', '2'])
    db.close()
  })

  it('tells what a stopped one has by now: it was rebuilt in another form', async () => {
    const db = await open()
    const log = logOf(event(1), event(2))
    const sent: string[] = []
    const r = await reducers(db).start(counter(), { source: log })
    await r.awaitCatchup()
    await r.stop()
    await reducers(db).rebuild(counter({ version: '2', on: (e: Event, op: any) => { if (e.id === '2') throw new Error('bad'); op.merge('users', { id: e.user, age: 1 }) } }), { source: log })
    const n = await reducers(db).notify(told(sent), { source: log, after: r })
    await eventually(() => sent.length > 1 || [...r.waiters.partitions()].length > 0)
    expect([sent, r.partition('a').status]).toEqual([['1'], 'error'])
    await n.stop()
    db.close()
  })

  it('stops while it waits for one that does not come back', async () => {
    const db = await open()
    const log = logOf(event(1))
    const r = await reducers(db).start(counter(), { source: log })
    await r.stop()
    const n = await reducers(db).notify(told([]), { source: log, after: r })
    await eventually(() => [...r.waiters.partitions()].length > 0)
    const stopped = outcomes(n.stop())
    await settled(stopped)
    expect([stopped, [...r.waiters.partitions()]]).toEqual([['done'], []])
    db.close()
  })
})

describe('a delivery that hangs', () => {
  const mail = (sent: string[], hangs: () => boolean, signals: AbortSignal[] = []) => notifier<Event>('mail', {
    partition: e => e.user, cursor: e => e.id, on: e => e.id, initialCursor: 'start', retry: { attempts: 1 },
    deliver: ([id], { signal }) => { signals.push(signal); sent.push(id); return hangs() ? new Promise(() => {}) : undefined },
  })

  it.each(['stop', 'close'] as const)('keeps nobody waiting who ends the notifier, and comes again at its next start: %s', async end => {
    const db = await open()
    const log = logOf(event(1), event(2))
    const sent: string[] = [], signals: AbortSignal[] = []
    let hangs = true
    const n = await reducers(db).notify(mail(sent, () => hangs, signals), { source: log })
    const seen = outcomes(n.awaitCatchup())
    await eventually(() => sent.length === 1)
    if (end === 'close') db.close()
    const stopped = outcomes(n.stop())
    await settled(stopped)
    await settled(seen)
    expect([seen, stopped, signals[0].aborted]).toEqual([['CLOSED'], ['done'], true])
    if (end === 'close') return
    hangs = false
    const again = await reducers(db).notify(mail(sent, () => hangs), { source: log })
    await again.awaitCatchup()
    expect([sent, again.deadLetters()]).toEqual([['1', '1', '2'], []])
    db.close()
  })

  it('and that is refused behind the stop is no error of anybody', async () => {
    const db = await open()
    const log = logOf(event(1))
    let fail = (_: Error): void => {}
    const sent: string[] = []
    const n = await reducers(db).notify(notifier<Event>('mail', {
      partition: e => e.user, cursor: e => e.id, on: e => e.id, initialCursor: 'start', deliver: ([id]) => { sent.push(id); return new Promise((_, reject) => { fail = reject }) },
    }), { source: log })
    await eventually(() => sent.length === 1)
    await n.stop()
    fail(new Error('too late'))
    await tick()
    expect([n.deadLetters(), n.errors()]).toEqual([[], []])
    db.close()
  })
})

describe('one that is found while it starts', () => {
  it.each([['of another version, which is refused', {}, 'NEEDS_REBUILD'], ['whose rebuild fails', { autoRebuild: true }, 'FETCH_FAILED']])('reads nothing over rows whose places it does not know: %s', async (_, options, code) => {
    const db = await open()
    const log = logOf(...events(6))
    const first = await reducers(db).start(counter(), { source: log })
    await first.awaitCatchup()
    await first.stop()
    let fetches = 0
    const source = { ...log, count: undefined, fetch: (after: any, limit: number) => ++fetches === 1 && 'autoRebuild' in options ? Promise.reject(new Error('cut')) : log.fetch(after, limit) }
    const starting = outcomes(reducers(db).start(counter({ version: '2' }), { source, ...options }))
    const r = reducers(db).get('users')!
    const seen = outcomes(r.awaitCatchup(), r.resume('u0'), r.await(event(7, 'u0')))
    await settled(starting)
    await settled(seen)
    expect([starting, seen, ages(db)]).toEqual([[code], ['CLOSED', 'CLOSED', 'CLOSED'], { u0: 2, u1: 2, u2: 2 }])
    expect((await first.await(event(1, 'u0'))).ok).toBe(true)
    db.close()
  })

  it('and catches up where it was, once it has started', async () => {
    const folder = new MemoryFolder()
    let db = await open(memory(folder))
    const log = logOf(...events(6))
    await (await reducers(db).start(counter(), { source: log })).awaitCatchup()
    const { durability } = db
    db.close()
    await durability!.closed
    db = await open(memory(folder))
    log.append(...events(9).slice(6))
    const starting = reducers(db).start(counter(), { source: log })
    await reducers(db).get('users')!.awaitCatchup()
    await starting
    expect(ages(db)).toEqual({ u0: 3, u1: 3, u2: 3 })
    db.close()
  })
})
