// HERITAGE 5.4: the scenarios of Derive, by number.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { EddylineError, createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { awaitMany, compareCursors, memoryLog, notifier, reducer, reducers } from '../../../pkg/reduce/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { largestTask } from '../largest-task.js'
import { eventually, random, tick } from '../real/support.js'
import { type Db, type Event, handlers, logOf, names, open, rows, schema, shut, users } from './derive.js'

const silent = { onWarning: () => {} }
const pokemon: Event[] = [
  { id: '1', type: 'UserCreated', user: '99', name: 'Pikachu' },
  { id: '2', type: 'UserCreated', user: '55', name: 'Squirtle' },
  { id: '3', type: 'UserRaised', user: '99' },
  { id: '4', type: 'UserNameUpdated', user: '99', name: 'Raichu' },
  { id: '5', type: 'UserNameUpdated', user: '55', name: 'Wartortle' },
  { id: '6', type: 'UserNameUpdated', user: '99', name: 'Super Raichu' },
]

describe('5.4-1 the reducer of the README', () => {
  const events: Event[] = [
    { id: '1', type: 'UserCreated', user: '99', name: 'John' },
    { id: '2', type: 'UserNameUpdated', user: '99', name: 'Johny Darko' },
    { id: '3', type: 'UserEmailUpdated', user: '99', email: 'donny@darko' },
    { id: '4', type: 'UserNameUpdated', user: '99', name: 'Donny Darko' },
  ]

  it('gives one row, and a live query an add and then a single set', async () => {
    const db = await open()
    const live = db.live(db.query.users)
    const diffs: any[] = []
    live.subscribe(({ diff }) => { diffs.push(diff.map(p => p.t === 'set' ? ['set', { ...p.fields }] : [p.t])) })
    const log = logOf(events[0])
    const r = await reducers(db).start(users(), { source: log })
    await r.awaitCatchup()
    log.append(...events.slice(1))
    await r.awaitCatchup()
    expect(live.rows).toEqual([{ id: '99', name: 'Donny Darko', email: 'donny@darko', age: null, tags: null }])
    expect(diffs).toEqual([[['add']], [['set', { name: 'Donny Darko', email: 'donny@darko' }]]])
    await r.stop()
  })

  it('deletes, and events without a handler or a partition are counted as processed', async () => {
    const db = await open()
    const log = logOf(...events, { id: '5', type: 'Unknown', user: '99' }, { id: '6', type: 'UserNameUpdated', user: null }, { id: '7', type: 'UserDeactivated', user: '99' })
    const r = await reducers(db).start(users(), { source: log })
    await r.awaitCatchup()
    expect([rows(db), r.partition('99').cursor, r.cursor]).toEqual([[], '7', '7'])
  })
})

describe('5.4-2 a partition halts', () => {
  async function halted(db: Db, definition = users()) {
    const log = logOf(pokemon[0])
    const r = await reducers(db).start(definition, { source: log })
    await r.awaitCatchup()
    log.append(...pokemon.slice(1, 5))
    await r.awaitCatchup()
    log.append(pokemon[5])
    await r.awaitCatchup()
    return { r, log }
  }

  it('with the good prefix committed, the error kept, and others going on', async () => {
    const db = await open()
    const { r } = await halted(db)
    let moved = 0
    r.subscribe(() => { moved++ })
    expect(names(db)).toEqual({ 55: 'Wartortle', 99: 'Pikachu' })
    expect(r.partition('55')).toEqual({ id: '55', cursor: '5', status: 'ok' })
    expect(r.partition(99)).toMatchObject({ cursor: '1', status: 'error', error: { type: 'handler', cursor: '3', batch: ['3', '4'], message: 'bad stuff happened' } })
    expect(r.partition('99').error!.stack).toContain('UserRaised')
    expect(r.cursor).toBe('6')
    expect(r.errors().map(p => p.id)).toEqual(['99'])
    await r.resume('99')
    expect(moved).toBe(1)
  })

  it('keeps what was handled before the failure in the same batch', async () => {
    const db = await open()
    const r = await reducers(db).start(users(), { source: logOf(...pokemon) })
    await r.awaitCatchup()
    expect([names(db)['99'], r.partition('99').cursor]).toEqual(['Pikachu', '1'])
  })

  it("resume('skip') applies 4 and 6", async () => {
    const db = await open()
    const { r, log } = await halted(db)
    expect(await r.resume('99', 'skip')).toEqual({ id: '99', cursor: '6', status: 'ok' })
    expect(names(db)['99']).toBe('Super Raichu')
    log.append({ id: '7', type: 'UserNameUpdated', user: '99', name: 'Pichu' })
    await r.awaitCatchup()
    expect(names(db)['99']).toBe('Pichu')
  })

  it("resume('skip') of the last event of the log moves behind it", async () => {
    const db = await open()
    const log = logOf(...pokemon.slice(0, 3))
    const r = await reducers(db).start(users(), { source: log })
    await r.awaitCatchup()
    expect(await r.resume('99', { from: 'skip' })).toEqual({ id: '99', cursor: '3', status: 'ok' })
    expect((await r.await([pokemon[2]], { timeout: 10 })).ok).toBe(true)
  })

  it("resume('retry') after a fix applies 3, 4 and 6, before it halts again", async () => {
    const db = await open()
    let broken = true
    const definition = users({ on: { ...handlers, UserRaised: (e, op) => { if (broken) throw new Error('still'); op.update('users', e.user, { email: 'raised' }) } } })
    const { r } = await halted(db, definition)
    expect(await r.resume('99')).toMatchObject({ status: 'error', cursor: '1', error: { message: 'still', cursor: '3' } })
    broken = false
    expect(await r.resume('99', 'retry')).toEqual({ id: '99', cursor: '6', status: 'ok' })
    expect(rows(db).find(u => u.id === '99')).toMatchObject({ name: 'Super Raichu', email: 'raised' })
    await expect(r.resume('nobody')).rejects.toMatchObject({ code: 'UNKNOWN_PARTITION' })
  })

  it('errors survive a restart, and what came meanwhile is there after a resume', async () => {
    const folder = new MemoryFolder()
    let db = await open(memory(folder))
    const { log } = await halted(db)
    await shut(db)
    log.append({ id: '7', type: 'UserEmailUpdated', user: '99', email: 'e' })
    db = await open(memory(folder))
    const r = await reducers(db).start(users(), { source: log })
    await r.awaitCatchup()
    expect(r.errors()).toMatchObject([{ id: '99', cursor: '1', error: { cursor: '3', type: 'handler' } }])
    await r.resume('99', 'skip')
    expect(rows(db).find(u => u.id === '99')).toMatchObject({ name: 'Super Raichu', email: 'e' })
    await shut(db)
    db = await open(memory(folder))
    const again = await reducers(db).start(users(), { source: log })
    expect([again.errors(), again.partition('99').cursor]).toEqual([[], '7'])
  })

  it("onError 'skip' passes over, { retry } tries again, and a handler that returns a promise is refused", async () => {
    const db = await open()
    const r = await reducers(db).start(users({ onError: 'skip' }), { source: logOf(...pokemon) })
    await r.awaitCatchup()
    expect([names(db)['99'], r.partition('99'), r.fold.dropped]).toEqual(['Super Raichu', { id: '99', cursor: '6', status: 'ok' }, 1])
    let calls = 0
    const other = await open()
    const s = await reducers(other).start(users({ onError: { retry: 2 }, on: { ...handlers, UserRaised: () => { if (++calls < 3) throw new Error('not yet') } } }), { source: logOf(...pokemon) })
    await s.awaitCatchup()
    expect([names(other)['99'], calls]).toEqual(['Super Raichu', 3])
    const third = await open()
    const t = await reducers(third).start(users({ on: async () => {} }), { source: logOf(pokemon[0]) })
    await t.awaitCatchup()
    expect(t.errors()[0].error).toMatchObject({ type: 'handler', code: 'REDUCER_INVALID' })
  })
})

describe('5.4-2 two failing events in a row', () => {
  const four = ['1', '2', '3', '4'].map((id): Event => ({ id, type: 'Any', user: 'p' }))
  /** Of four events these fail: by their handler, by an operation, or by a value that the engine refuses. */
  const failing = (kinds: Record<string, string>, more: object = {}) => users({
    ...more,
    on: (e, op) => {
      if (kinds[e.id] === 'handler') throw new Error(`bad ${e.id}`)
      if (kinds[e.id] === 'operation') op.transaction(() => { throw new Error(`bad ${e.id}`) })
      else op.insert('users', { id: `u${e.id}`, name: kinds[e.id] === 'value' ? 7 as never : e.id })
    },
  })
  const all = ['handler', 'operation', 'value']

  it.each(all.flatMap(a => all.map(b => [a, b])))('by %s and %s: two skips pass them, and a skip is kept over a restart', async (a, b) => {
    for (const onError of ['halt', { retry: 1 }] as const) {
      for (const batchSize of [1, 2, 100]) {
        const definition = failing({ 2: a, 3: b }, { onError })
        const folder = new MemoryFolder()
        let db = await open(memory(folder))
        const source = logOf(...four)
        let r = await reducers(db).start(definition, { source, batchSize })
        await r.awaitCatchup()
        expect(r.partition('p')).toMatchObject({ status: 'error', error: { cursor: '2' } })
        expect(await r.resume('p', 'skip')).toMatchObject({ cursor: '2', status: 'error', error: { cursor: '3' } })
        expect(await r.resume('p')).toMatchObject({ cursor: '2', status: 'error', error: { cursor: '3' } })
        await shut(db)
        db = await open(memory(folder))
        r = await reducers(db).start(definition, { source, batchSize })
        await r.awaitCatchup()
        expect(r.partition('p')).toMatchObject({ cursor: '2', status: 'error', error: { cursor: '3' } })
        expect(names(db)).toEqual({ u1: '1' })
        expect(await r.resume('p', 'skip')).toEqual({ id: 'p', cursor: '4', status: 'ok' })
        expect(names(db)).toEqual({ u1: '1', u4: '4' })
        await shut(db)
        db = await open(memory(folder))
        r = await reducers(db).start(definition, { source, batchSize })
        expect(r.partition('p')).toEqual({ id: 'p', cursor: '4', status: 'ok' })
        await shut(db)
      }
    }
  })

  it('at the end of the log, and all that there is', async () => {
    for (const kind of all) {
      const db = await open()
      const r = await reducers(db).start(failing({ 1: kind, 2: kind, 3: kind, 4: kind }), { source: logOf(...four) })
      await r.awaitCatchup()
      for (const next of ['2', '3', '4']) expect(await r.resume('p', 'skip')).toMatchObject({ status: 'error', error: { cursor: next } })
      expect(await r.resume('p', 'skip')).toEqual({ id: 'p', cursor: '4', status: 'ok' })
      expect(names(db)).toEqual({})
    }
  })

  it('a resume that is cut short loses nothing: halted as far as it came, here and after a restart', async () => {
    for (const end of ['rejects', 'crashes']) {
      const folder = new MemoryFolder()
      let db = await open(memory(folder))
      const log = logOf(...four)
      let isDown = false
      let fetches = 0
      const source = { ...log, fetch: async (c: any, n: number) => { if (isDown && ++fetches > 1) { if (end === 'crashes') await shut(db); throw new Error('down') } return log.fetch(c, n) } }
      let broken = true
      const definition = users({ on: (e, op) => { if (broken) throw new Error('bad'); op.insert('users', { id: `u${e.id}` }) } })
      let r = await reducers(db).start(definition, { source, batchSize: 2 })
      await r.awaitCatchup()
      broken = false
      isDown = true
      await expect(r.resume('p')).rejects.toMatchObject(end === 'crashes' ? { code: 'CLOSED' } : { message: 'down' })
      isDown = false
      if (end === 'crashes') {
        db = await open(memory(folder))
        r = await reducers(db).start(definition, { source, batchSize: 2 })
      }
      log.append({ id: '5', type: 'Any', user: 'p' })
      await r.awaitCatchup()
      expect(r.partition('p')).toMatchObject({ cursor: '2', status: 'error' })
      expect(await r.resume('p')).toEqual({ id: 'p', cursor: '5', status: 'ok' })
      expect(Object.keys(names(db))).toEqual(['u1', 'u2', 'u3', 'u4', 'u5'])
      await shut(db)
    }
  })
})

describe('5.4-3 what cannot be committed', () => {
  it('a duplicate insert: cursor at the start, the error names event 2, nothing is visible, no patch', async () => {
    const db = await open()
    const patches: unknown[] = []
    db.live(db.query.users).subscribe(({ diff }) => { patches.push(...diff) })
    const r = await reducers(db).start(users(), { source: logOf(pokemon[0], { id: '2', type: 'UserCreated', user: '99', name: 'Again' }, { id: '3', type: 'UserNameUpdated', user: '99', name: 'No' }) })
    await r.awaitCatchup()
    expect([rows(db), patches]).toEqual([[], []])
    expect(r.partition('99')).toMatchObject({ cursor: undefined, status: 'error', error: { type: 'commit', code: 'DUPLICATE_KEY', cursor: '2', batch: ['1', '2', '3'], operation: 0 } })
    expect(await r.resume('99', 'skip')).toMatchObject({ status: 'ok', cursor: '3' })
    expect(names(db)).toEqual({ 99: 'No' })
  })

  it('a value of the wrong type: nothing of the batch, and the event that gave it', async () => {
    const db = await open()
    const bad = (id: string): Event => ({ id, type: 'UserNameUpdated', user: '99', name: 7 })
    const log = logOf({ id: '2', type: 'UserCreated', user: '99', name: 'x' })
    const r = await reducers(db).start(users(), { source: log })
    await r.awaitCatchup()
    log.append({ id: '3', type: 'UserEmailUpdated', user: '99', email: 'e' }, bad('4'), { id: '5', type: 'UserNameUpdated', user: '99', name: 'good again' })
    await r.awaitCatchup()
    // What follows would mend the name: a batch that ends before it would have halted, and so does this one.
    expect(r.partition('99')).toMatchObject({ status: 'error', cursor: '2', error: { type: 'commit', code: 'TYPE_MISMATCH', cursor: '4', batch: ['3', '4', '5'] } })
    expect(rows(db)[0]).toMatchObject({ name: 'x', email: null })
    expect(await r.resume('99', 'skip')).toMatchObject({ status: 'ok', cursor: '5' })
    log.append({ id: '6', type: 'UserEmailUpdated', user: '99', email: 'f' }, bad('7'))
    await r.awaitCatchup()
    expect(r.partition('99')).toMatchObject({ status: 'error', cursor: '5', error: { type: 'commit', code: 'TYPE_MISMATCH', cursor: '7', batch: ['6', '7'] } })
    expect(rows(db)[0]).toMatchObject({ name: 'good again', email: 'e' })
  })

  it('an unknown column and a transaction that throws', async () => {
    const db = await open()
    const r = await reducers(db).start(users({
      on: { Column: (e, op) => { op.merge('users', { id: e.user, nmae: 'x' }) }, Throws: (e, op) => { op.transaction(t => { t.insert('users', { id: e.user }); throw new Error('changed my mind') }) } },
    }), { source: logOf({ id: '1', type: 'Column', user: 'a' }, { id: '2', type: 'Throws', user: 'b' }) })
    await r.awaitCatchup()
    expect(r.partition('a').error).toMatchObject({ type: 'commit', code: 'UNKNOWN_COLUMN', cursor: '1' })
    expect(r.partition('b').error).toMatchObject({ type: 'commit', message: 'changed my mind', cursor: '2' })
    expect(rows(db)).toEqual([])
  })
})

describe('5.4-4 a crash between a commit and the global cursor', () => {
  it('fetches again, skips what is in the state, applies the rest: exactly once', async () => {
    const counting = users({ on: { UserCreated: (e, op) => { op.insert('users', { id: e.user, age: 0 }) }, UserNameUpdated: (e, op) => { op.inc('users', e.user, { age: 1 }) } } })
    const events: Event[] = [{ id: '1', type: 'UserCreated', user: '9' }, ...['2', '3', '4', '5'].map(id => ({ id, type: 'UserNameUpdated', user: '9', name: id }))]
    const folder = new MemoryFolder()
    let db = await open(memory(folder))
    let r = await reducers(db).start(counting, { source: logOf(...events.slice(0, 4)), batchSize: 2 })
    await r.awaitCatchup()
    await db.flush()
    // The global cursor as it was before the last batch; partitions and rows as they are.
    db.durability!.commit(undefined, { 'reducer:users': { $: { cursor: '2' } } })
    await shut(db)
    db = await open(memory(folder))
    r = await reducers(db).start(counting, { source: logOf(...events), batchSize: 2 })
    await r.awaitCatchup()
    expect([rows(db)[0].age, r.partition('9').cursor, r.skipped]).toEqual([4, '5', 2])
  })

  it('wherever the log of the storage is cut', async () => {
    const counting = users({ on: { UserCreated: (e, op) => { op.insert('users', { id: e.user, age: 0 }) }, UserNameUpdated: (e, op) => { op.inc('users', e.user, { age: 1 }) } } })
    const events: Event[] = [...['a', 'b'].map((user, i) => ({ id: String(i + 1), type: 'UserCreated', user })), ...Array.from({ length: 10 }, (_, i) => ({ id: String(i + 3), type: 'UserNameUpdated', user: i % 3 ? 'a' : 'b' }))]
    const folder = new MemoryFolder()
    const db = await open(memory(folder))
    const r = await reducers(db).start(counting, { source: logOf(...events), batchSize: 3 })
    await r.awaitCatchup()
    const wanted = rows(db)
    await shut(db)
    const whole = folder.files.get('log-0')!
    for (let cut = 0; cut < whole.size; cut += 97) {
      const half = new MemoryFolder()
      half.files.set('log-0', { bytes: whole.bytes.slice(0, cut), size: cut })
      const again = await open(memory(half, silent))
      const s = await reducers(again).start(counting, { source: logOf(...events), batchSize: 3 })
      await s.awaitCatchup()
      expect(rows(again), `cut at ${cut}`).toEqual(wanted)
      await shut(again)
    }
  })
})

describe('5.4-5 stopping, and starting again', () => {
  it('resumes with what was appended meanwhile; catching up twice is immediate; batches of two with five events', async () => {
    const db = await open()
    const log = logOf(...pokemon.slice(0, 2))
    let r = await reducers(db).start(users(), { source: log, batchSize: 2 })
    await r.awaitCatchup()
    await r.awaitCatchup()
    await r.stop()
    await expect(r.awaitCatchup()).rejects.toMatchObject({ code: 'CLOSED' })
    log.append({ id: '3', type: 'UserCreated', user: '1' }, { id: '4', type: 'UserNameUpdated', user: '55', name: 'Blastoise' }, { id: '5', type: 'UserDeactivated', user: '99' })
    expect(names(db)).toEqual({ 99: 'Pikachu', 55: 'Squirtle' })
    r = await reducers(db).start(users(), { source: log, batchSize: 2 })
    expect((await r.await(log.events)).ok).toBe(true)
    expect(names(db)).toEqual({ 1: null, 55: 'Blastoise' })
    expect(r.skipped).toBe(0)
    await expect(reducers(db).start(users(), { source: log })).rejects.toMatchObject({ code: 'REDUCER_INVALID' })
  })

  it('goes on after a source that fails, with back-off', async () => {
    const db = await open()
    const log = logOf(...pokemon.slice(0, 2))
    let failures = 3
    const errors: unknown[] = []
    const source = { ...log, fetch: (c: any, n: number) => failures-- > 0 ? Promise.reject(new Error('down')) : log.fetch(c, n) }
    const r = await reducers(db).start(users(), { source, retry: { delay: 1 }, onError: e => { errors.push(e) } })
    await r.awaitCatchup()
    expect([names(db), errors.length]).toEqual([{ 99: 'Pikachu', 55: 'Squirtle' }, 1])
  })
})

describe('5.4-6 versions and rebuilds', () => {
  afterEach(() => { vi.useRealTimers() })
  const many = (n: number): Event[] => Array.from({ length: n }, (_, i) => i < n / 100
    ? { id: String(i + 1), type: 'UserCreated', user: `u${i}`, name: `n${i}` }
    : { id: String(i + 1), type: 'UserNameUpdated', user: `u${i % (n / 100)}`, name: `name ${i}` })

  it('refuses another version, state without one, and rows without state; 1.1 as well as 1.2', async () => {
    const folder = new MemoryFolder()
    let db = await open(memory(folder))
    const log = logOf(...pokemon.slice(0, 2))
    await (await reducers(db).start(users(), { source: log })).awaitCatchup()
    await shut(db)
    db = await open(memory(folder))
    for (const version of ['1.1', '1.2']) await expect(reducers(db).start(users({ version }), { source: log })).rejects.toMatchObject({ code: 'NEEDS_REBUILD', offending: 'users' })
    expect([reducers(db).needsRebuild(users()), reducers(db).needsRebuild(users({ version: '2' }))]).toEqual([false, true])
    const r = await reducers(db).start(users({ version: '1.1' }), { source: log, autoRebuild: true })
    await r.stop()
    expect(reducers(db).needsRebuild(users({ version: '1.1' }))).toBe(false)
    const other = await open()
    other.apply([{ op: 'insert', table: 'users', row: { id: 'x' } }])
    await expect(reducers(other).start(users(), { source: log })).rejects.toBeInstanceOf(EddylineError)
    await expect(reducers(other).start(users({ tables: ['usres'] }), { source: log })).rejects.toMatchObject({ code: 'UNKNOWN_TABLE', nearest: 'users' })
  })

  it('rebuilds 100,000 events: progress to the end, the old rows until one net diff, what comes meanwhile included, the page goes on', async () => {
    const db = await open()
    const log = logOf(...many(100_000))
    const running = await reducers(db).start(users(), { source: log, batchSize: 5000 })
    await running.awaitCatchup()
    await running.stop()
    const shouting = users({ version: '1.1', on: { ...handlers, UserCreated: (e, op) => { op.insert('users', { id: e.user, name: e.name, age: e.user === 'u7' ? 1 : null }) } } })
    const live = db.live(db.query.users)
    const before = [...live.rows]
    const events: { n: number; kinds: string[] }[] = []
    live.subscribe(({ diff }) => { events.push({ n: diff.length, kinds: [...new Set(diff.map(p => p.t))] }) })
    const progress: any[] = []
    let turns = 0, now = 0, isOver = false, meanwhile = 0
    const turn = (): void => {
      if (isOver) return
      setImmediate(turn)
      turns++
      if (turns === 3) { log.append({ id: '100001', type: 'UserNameUpdated', user: 'u5', name: 'meanwhile' }); meanwhile++ }
      if (events.length === 0) expect(live.rows).toEqual(before)
    }
    setImmediate(turn)
    // Each look at the clock takes a millisecond: a slice is eight of them, on whatever machine.
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now++)
    await reducers(db).rebuild(shouting, { source: log, onProgress: p => { progress.push(p) } })
    clock.mockRestore()
    isOver = true
    expect(meanwhile).toBe(1)
    expect(events).toEqual([{ n: 2, kinds: ['set'] }])
    expect(live.rows.filter((r, i) => r !== before[i]).map(r => r.id)).toEqual(['u5', 'u7'])
    expect(progress[0]).toMatchObject({ processed: 0, total: 100_000, done: false })
    for (let i = 1; i < progress.length; i++) expect(progress[i].processed).toBeGreaterThanOrEqual(progress[i - 1].processed)
    expect(progress.at(-1)).toMatchObject({ processed: 100_001, total: 100_001, remaining: 0, done: true })
    expect(progress.filter(p => p.done)).toHaveLength(1)
    expect(turns).toBeGreaterThan(10)
    // No task is a large part of it. Garbage may be collected in one of them, and is not in all three.
    const shares: number[] = []
    for (let times = 0; times < 3; times++) shares.push((await largestTask(() => reducers(db).rebuild(shouting, { source: log }).then(() => ({})))).largest)
    expect(Math.min(...shares)).toBeLessThan(1 / 4)
    const r = await reducers(db).start(shouting, { source: log })
    await r.awaitCatchup()
    expect([r.partition('u5').cursor, r.skipped]).toEqual(['100001', 0])
  }, 180_000)

  it('a running reducer is rebuilt under its readers, and goes on', async () => {
    const db = await open()
    const log = logOf(...many(2000))
    const definition = users()
    const r = await reducers(db).start(definition, { source: log })
    await r.awaitCatchup()
    db.apply([{ op: 'delete', table: 'users', id: 'u3' }, { op: 'update', table: 'users', id: 'u4', set: { name: 'broken' } }])
    const rebuilding = reducers(db).rebuild(definition, { source: log })
    log.append({ id: '2001', type: 'UserNameUpdated', user: 'u3', name: 'late' })
    await rebuilding
    await r.awaitCatchup()
    expect([names(db).u3, names(db).u4, rows(db).length]).toEqual(['late', 'name 1984', 20])
  })

  it('a cancelled rebuild, one that fails, and a page that dies in the middle leave the old state', async () => {
    const folder = new MemoryFolder()
    let db = await open(memory(folder))
    const log = logOf(...many(3000))
    const r = await reducers(db).start(users(), { source: log, batchSize: 1000 })
    await r.awaitCatchup()
    await r.stop()
    const before = rows(db)
    const version = db.version
    const stop = new AbortController()
    await expect(reducers(db).rebuild(users({ version: '2' }), { source: log, signal: stop.signal, onProgress: p => { if (p.processed > 0) stop.abort() } })).rejects.toMatchObject({ code: 'REBUILD_CANCELLED' })
    const failing = { ...log, fetch: (c: any, n: number) => c === 'start' ? log.fetch(c, n) : Promise.reject(new Error('gone')) }
    await expect(reducers(db).rebuild(users({ version: '2' }), { source: failing })).rejects.toThrow('gone')
    expect([rows(db), db.version]).toEqual([before, version])
    // Killed: nothing more is written than what is there in the middle.
    let killed: Map<string, { bytes: Uint8Array; size: number }> | undefined
    await reducers(db).rebuild(users({ version: '2' }), { source: log, onProgress: p => { if (!p.done) killed = new Map([...folder.files].map(([k, f]) => [k, { bytes: f.bytes.slice(), size: f.size }])) } })
    const found = new MemoryFolder()
    for (const [k, f] of killed!) found.files.set(k, f)
    db = await open(memory(found))
    expect(rows(db)).toEqual(before)
    expect(reducers(db).needsRebuild(users())).toBe(false)
  })

  it('from a snapshot of these tables: one that was taken of others does not count', async () => {
    const other = (more: object) => defineSchema({ ...more, sums: table({ id: string().key(), n: int() }) })
    const sums = reducer<Event>('sums', { tables: ['sums'], partition: e => e.user, cursor: e => e.id, snapshotEvery: 2, on: (e, op) => { op.insertNew('sums', { id: e.user, n: 0 }); op.inc('sums', e.user!, { n: 1 }) } })
    const log = logOf(...['1', '2', '3', '4', '5'].map(id => ({ id, type: 'Counted', user: `u${Number(id) % 2}` })))
    const folder = new MemoryFolder()
    let db: any = await createDatabase({ schema: other({}), storage: memory(folder) })
    const r = await reducers(db).start(sums, { source: log, batchSize: 2 })
    await r.awaitCatchup()
    expect(r.snapshots().length).toBe(2)
    await r.stop()
    await shut(db)
    // As long, and before it: rows of the snapshot would be taken for its own.
    db = await createDatabase({ schema: other({ first: table({ id: string().key(), n: int() }) }), storage: memory(folder, { version: 2, migrations: { 2: row => row } }) })
    let fetched: unknown
    const source = { ...log, fetch: (after: any, limit: number) => { fetched ??= after; return log.fetch(after, limit) } }
    await reducers(db).rebuild(sums, { source, from: 'snapshot' })
    expect([db.live(db.query.sums).rows, fetched]).toEqual([[{ id: 'u0', n: 2 }, { id: 'u1', n: 3 }], 'start'])
    await shut(db)
  })

  it('from a snapshot, and to a cursor in the past', async () => {
    const folder = new MemoryFolder()
    let db = await open(memory(folder))
    const log = logOf(...many(1000))
    const definition = users({ snapshotEvery: 300 })
    const r = await reducers(db).start(definition, { source: log })
    await r.awaitCatchup()
    const wanted = rows(db)
    await r.stop()
    await shut(db)
    db = await open(memory(folder))
    const fetched: any[] = []
    const source = { ...log, fetch: (c: any, n: number) => { fetched.push(c); return log.fetch(c, n) } }
    db.apply([{ op: 'reset', table: 'users' }])
    await reducers(db).rebuild(definition, { source, from: 'snapshot' })
    expect(rows(db)).toEqual(wanted)
    expect(fetched[0]).toBe('900')
    const past = await reducers(db).at(definition, { source, from: 'snapshot', until: '450' })
    const fresh = await open()
    const s = await reducers(fresh).start(users(), { source: logOf(...log.events.slice(0, 450)) })
    await s.awaitCatchup()
    expect(rows(past.db as Db)).toEqual(rows(fresh))
    expect([past.cursor, fetched[fetched.length - 1]]).toEqual(['450', '300'])
    past.db.close()
  })

  it('does not mind a clock that jumps', async () => {
    const db = await open()
    const log = logOf(...many(2000))
    const progress: any[] = []
    const now = vi.spyOn(Date, 'now')
    const rebuilding = reducers(db).rebuild(users(), { source: log, batchSize: 100, onProgress: p => { now.mockReturnValue(progress.length % 2 ? 0 : 4e12); progress.push(p) } })
    await rebuilding
    now.mockRestore()
    for (const p of progress) expect(p.elapsed).toBeLessThan(60_000)
    for (let i = 1; i < progress.length; i++) expect(progress[i].elapsed).toBeGreaterThanOrEqual(progress[i - 1].elapsed)
    expect(progress.every(p => p.remaining === undefined || p.remaining >= 0)).toBe(true)
  })
})

describe('5.4-7 partitions', () => {
  it('fifty partitions interleaved a hundred random ways give the same state, and none is reordered', async () => {
    const scripts = Array.from({ length: 50 }, (_, p) => Array.from({ length: 2 + p % 5 }, (_, i): Omit<Event, 'id'> =>
      i === 0 ? { type: 'UserCreated', user: `p${p}`, name: '0' } : i % 4 === 3 ? { type: 'UserDeactivated', user: `p${p}` } : { type: 'Append', user: `p${p}`, name: `${i}` }))
    const definition = users({ on: { ...handlers, Append: (e, op) => { op.update('users', e.user, (row: any) => ({ name: `${row.name},${e.name}` })) } } })
    const states = new Set<string>()
    for (let seed = 0; seed < 100; seed++) {
      const rnd = random(seed)
      const left = scripts.map(s => [...s])
      const log = memoryLog<any>(e => e.id)
      for (let id = 1; left.some(s => s.length > 0); id++) {
        const open = left.filter(s => s.length > 0)
        log.append({ ...open[rnd(open.length)].shift()!, id })
      }
      const db = await open()
      const r = await reducers(db).start({ ...definition, coalesce: seed % 2 === 0 }, { source: log, batchSize: 1 + rnd(40) })
      await r.awaitCatchup()
      expect(r.errors()).toEqual([])
      states.add(JSON.stringify(rows(db)))
      db.close()
    }
    expect(states.size).toBe(1)
    expect([...states][0]).toContain('0,1,2')
  }, 180_000)

  it('coalesced, a batch is one version; otherwise each partition is one', async () => {
    for (const coalesce of [false, true]) {
      const db = await open()
      let versions = 0
      db.subscribe(() => { versions++ })
      const r = await reducers(db).start(users({ coalesce }), { source: logOf(...pokemon) })
      await r.awaitCatchup()
      expect(versions).toBe(coalesce ? 1 : 2)
      expect([names(db), r.partition('99').status]).toEqual([{ 55: 'Wartortle', 99: 'Pikachu' }, 'error'])
    }
  })

  it('coalesced, partitions that write one row see each other, and one that cannot be committed does not keep the others', async () => {
    const db = await open()
    const counting = users({
      coalesce: true, partition: e => e.p, on: { Add: (e, op) => { op.insertNew('users', { id: 'sum', age: 0 }); op.inc('users', 'sum', { age: e.n }) }, Bad: (e, op) => { op.merge('users', { id: 'bad', age: 'x' }) } },
    })
    const r = await reducers(db).start(counting, { source: logOf({ id: '1', p: 'a', type: 'Add', n: 1 }, { id: '2', p: 'b', type: 'Add', n: 20 }, { id: '3', p: 'c', type: 'Bad' }, { id: '4', p: 'a', type: 'Add', n: 300 }) })
    await r.awaitCatchup()
    expect([rows(db).map(u => u.age), r.errors().map(p => p.id)]).toEqual([[321], ['c']])
  })

  it('cursors compare by value: integers as texts, log positions, bigints', () => {
    expect(compareCursors('10', '9')).toBeGreaterThan(0)
    expect(compareCursors(9007199254740993n, '9007199254740992')).toBeGreaterThan(0)
    expect(compareCursors('0/FF', '1/0')).toBeLessThan(0)
    expect(compareCursors('b', 'a')).toBeGreaterThan(0)
    expect(compareCursors(-2, '-10')).toBeGreaterThan(0)
  })
})

describe('5.4-8 awaiting', () => {
  it('may begin before the event is there', async () => {
    const db = await open()
    const log = logOf()
    const r = await reducers(db).start(users(), { source: log })
    const waiting = r.await([pokemon[0]])
    await tick(5)
    log.append(pokemon[0])
    expect(await waiting).toEqual({ ok: true, errors: [], timeouts: [] })
  })

  it('a failing event is not ok, with its error; so is one behind it; others are', async () => {
    const db = await open()
    const r = await reducers(db).start(users(), { source: logOf(...pokemon) })
    const told = await r.await(pokemon)
    expect(told.ok).toBe(false)
    expect(told.errors.map(e => [(e.event as Event).id, e.reducer, e.error.cursor])).toEqual([['3', 'users', '3'], ['4', 'users', '3'], ['6', 'users', '3']])
    expect((await r.await([pokemon[2]])).errors).toHaveLength(1)
    expect((await r.await([pokemon[4]])).ok).toBe(true)
  })

  it('events without a handler or a partition are ok; one that never comes is a timeout, which is not ok', async () => {
    const db = await open()
    const log = logOf({ id: '1', type: 'Nothing', user: '5' })
    const r = await reducers(db).start(users(), { source: log })
    expect((await r.await([log.events[0], { id: '2', type: 'UserCreated', user: null }])).ok).toBe(true)
    const never = { id: '9', type: 'UserCreated', user: '5' }
    expect(await r.await([log.events[0], never], { timeout: 20 })).toEqual({ ok: false, errors: [], timeouts: [{ reducer: 'users', event: never }] })
  })

  it('awaitMany waits for all reducers', async () => {
    const db = await open()
    const log = logOf()
    const links = reducer<Event>('links', { tables: ['links'], partition: e => e.user, cursor: e => e.id, on: { UserCreated: (e, op) => { op.insert('links', { a: e.user!, b: 'self' }) }, UserNameUpdated: () => { throw new Error('no') } } })
    const [r, s] = [await reducers(db).start(users(), { source: log }), await reducers(db).start(links, { source: log })]
    const [first, second] = [awaitMany([r, s], [pokemon[0]]), awaitMany([r, s], [{ ...pokemon[3], id: '2' }])]
    log.append(pokemon[0], { ...pokemon[3], id: '2' })
    expect((await first).ok).toBe(true)
    expect((await second)).toMatchObject({ ok: false, errors: [{ reducer: 'links' }] })
  })
})

describe('5.4-9 notifiers', () => {
  const mails = (sent: unknown[], more: object = {}) => notifier<Event>('mail', {
    partition: e => e.user, cursor: e => e.id, on: { UserCreated: e => ({ to: e.email }) }, initialCursor: 'start',
    deliver: async ([mail], { idempotencyKey }) => { sent.push([mail.to, idempotencyKey]) }, ...more,
  })
  const two: Event[] = [{ id: '1', type: 'UserCreated', user: 'a', email: 'a@x' }, { id: '2', type: 'UserCreated', user: 'b', email: 'b@x' }]

  it('sends two mails for two events, with keys; after a restart none again', async () => {
    const folder = new MemoryFolder()
    const sent: unknown[] = []
    let db = await open(memory(folder))
    const log = logOf(...two)
    await (await reducers(db).notify(mails(sent), { source: log })).awaitCatchup()
    expect(sent.sort()).toEqual([['a@x', 'mail:a:1'], ['b@x', 'mail:b:2']])
    await shut(db)
    db = await open(memory(folder))
    const n = await reducers(db).notify(mails(sent), { source: log })
    log.append({ id: '3', type: 'UserCreated', user: 'a', email: 'a2@x' })
    await n.awaitCatchup()
    expect(sent.slice(2)).toEqual([['a2@x', 'mail:a:3']])
  })

  it('begins behind its initial cursor, or at the end of history', async () => {
    for (const [initialCursor, wanted] of [['1', ['b@x', 'c@x']], ['end', ['c@x']], [undefined, ['c@x']]] as const) {
      const db = await open()
      const sent: any[] = []
      const log = logOf(...two)
      const { head: _, ...headless } = log
      const n = await reducers(db).notify(mails(sent, { initialCursor }), { source: initialCursor === undefined ? headless : log })
      log.append({ id: '3', type: 'UserCreated', user: 'c', email: 'c@x' })
      await n.awaitCatchup()
      expect(sent.map(s => s[0]).sort()).toEqual(wanted)
    }
  })

  it('tries again with back-off and the same key, one effective send; then keeps a dead letter that can be sent again', async () => {
    const db = await open()
    const tries: unknown[] = []
    let fails = 2
    const definition = mails([], { retry: { attempts: 3, delay: 1 }, deliver: async (_: unknown, c: any) => { tries.push([c.idempotencyKey, c.attempt]); if (fails-- > 0) throw new Error('busy') } })
    const log = logOf(two[0])
    const n = await reducers(db).notify(definition, { source: log })
    await n.awaitCatchup()
    expect(tries).toEqual([['mail:a:1', 1], ['mail:a:1', 2], ['mail:a:1', 3]])
    expect(n.deadLetters()).toEqual([])
    fails = 4
    log.append(two[1], { id: '3', type: 'UserCreated', user: 'b', email: 'after' })
    await n.awaitCatchup()
    expect(n.deadLetters()).toMatchObject([{ key: 'mail:b:2', attempts: 3, message: 'busy', operations: [{ to: 'b@x' }], cursor: '2' }])
    expect(tries.at(-1)).toEqual(['mail:b:3', 2])
    await n.redeliver('mail:b:2')
    expect([n.deadLetters(), tries.at(-1)]).toEqual([[], ['mail:b:2', 4]])
  })

  it('halts a partition where that was asked for, and goes on after resume', async () => {
    const db = await open()
    let up = false
    const sent: any[] = []
    const log = logOf(...two, { id: '3', type: 'UserCreated', user: 'a', email: 'a2@x' })
    const n = await reducers(db).notify(mails(sent, { exhausted: 'halt', retry: { attempts: 2, delay: 1 }, deliver: async ([m]: any[]) => { if (!up && m.to === 'a@x') throw new Error('down'); sent.push(m.to) } }), { source: log })
    await n.awaitCatchup()
    expect([sent, n.errors()]).toEqual([['b@x'], [{ id: 'a', cursor: '1', message: 'down' }]])
    up = true
    await n.resume('a')
    expect([sent, n.errors()]).toEqual([['b@x', 'a@x', 'a2@x'], []])
  })

  it('tells only what the reducer has durably in its state, and nothing during a rebuild', async () => {
    const folder = new MemoryFolder()
    const db = await open(memory(folder))
    const log = logOf()
    const definition = users()
    const r = await reducers(db).start(definition, { source: log })
    const pendings: number[] = []
    const sent: any[] = []
    await reducers(db).notify(mails([], { deliver: async ([m]: any[]) => { pendings.push(db.durability!.pending); sent.push([m.to, names(db)]) } }), { source: log, after: r })
    log.append({ id: '1', type: 'UserRaised', user: 'c' }, { id: '2', type: 'UserCreated', user: 'c', email: 'never' }, { id: '3', type: 'UserCreated', user: 'a', email: 'a@x', name: 'A' })
    await r.awaitCatchup()
    await eventually(() => sent.length > 0)
    expect([sent, pendings]).toEqual([[['a@x', { a: 'A' }]], [0]])
    await reducers(db).rebuild(definition, { source: log })
    await tick(10)
    expect(sent).toHaveLength(1)
    await r.resume('c', 'skip')
    await eventually(() => sent.length > 1)
    expect(sent.map(s => s[0])).toEqual(['a@x', 'never'])
    db.close()
  })
})

describe('5.4-10 operations, each against what they should leave', () => {
  const run = async (seed: any[], ...steps: ((op: any) => void)[]): Promise<{ db: Db; error: any }> => {
    const db = await open()
    const r = await reducers(db).start(reducer('all', { tables: ['users', 'links', 'bare'], partition: () => 1, cursor: (e: any) => e.id, on: (e, op) => { e.id === 0 ? op.apply(seed) : steps[e.id - 1](op) } }), { source: memoryLog((e: any) => e.id, [{ id: 0 }, ...steps.map((_, i) => ({ id: i + 1 }))]) })
    await r.awaitCatchup()
    return { db, error: r.errors()[0]?.error }
  }
  const user = (more: object) => ({ id: 'a', name: null, email: null, age: null, tags: null, ...more })
  const seed = [{ op: 'insert', table: 'users', row: { id: 'a', name: 'first', age: 1, tags: ['x'] } }]

  it.each<[string, (op: any) => void, any[]]>([
    ['insertNew keeps the first', op => { op.insertNew('users', { id: 'a', name: 'second' }); op.insertNew('users', { id: 'b' }) }, [user({ name: 'first', age: 1, tags: ['x'] }), user({ id: 'b' })]],
    ['update by fields', op => { op.update('users', 'a', { name: 'n', email: undefined }) }, [user({ name: 'n', age: 1, tags: ['x'] })]],
    ['update by a function', op => { op.update('users', 'a', (row: any) => ({ age: row.age + 41 })) }, [user({ name: 'first', age: 42, tags: ['x'] })]],
    ['update of a missing row, and an empty one', op => { op.update('users', 'zz', { name: 'n' }); op.update('users', 'a', {}) }, [user({ name: 'first', age: 1, tags: ['x'] })]],
    ['update of all rows with a value', op => { op.insert('users', { id: 'b', name: 'first' }); op.update('users', { where: { name: 'first' } }, { email: 'both' }) }, [user({ name: 'first', age: 1, tags: ['x'], email: 'both' }), user({ id: 'b', name: 'first', email: 'both' })]],
    ['upsert replaces', op => { op.upsert('users', { id: 'a', name: 'n' }) }, [user({ name: 'n' })]],
    ['upsert that does nothing', op => { op.upsert('users', { id: 'a', name: 'n' }, 'nothing') }, [user({ name: 'first', age: 1, tags: ['x'] })]],
    ['upsert of some columns', op => { op.upsert('users', { id: 'a', name: 'n', age: 9 }, { replace: ['age'] }) }, [user({ name: 'first', age: 9, tags: ['x'] })]],
    ['upsert of all columns but some', op => { op.upsert('users', { id: 'a', name: 'n', age: 9 }, { replaceAllExcept: ['age'] }) }, [user({ name: 'n', age: 1 })]],
    ['upsert by a function', op => { op.upsert('users', { id: 'a', age: 5 }, (old: any, row: any) => ({ age: old.age + row.age })) }, [user({ name: 'first', age: 6, tags: ['x'] })]],
    ['merge sets what is given, and inserts', op => { op.merge('users', { id: 'a', email: 'e' }); op.merge('users', { id: 'b', age: 2 }) }, [user({ name: 'first', age: 1, tags: ['x'], email: 'e' }), user({ id: 'b', age: 2 })]],
    ['replace sets absent columns to null', op => { op.replace('users', { id: 'a', email: 'e' }) }, [user({ email: 'e' })]],
    ['delete, also of a missing row, and insert again', op => { op.delete('users', 'a'); op.delete('users', 'zz'); op.insert('users', { id: 'a', age: 3 }) }, [user({ age: 3 })]],
    ['delete of all rows with a value', op => { op.insert('users', { id: 'b', name: 'other' }); op.delete('users', { where: { name: 'first' } }) }, [user({ id: 'b', name: 'other' })]],
    ['inc +2 −10, of null too', op => { op.inc('users', 'a', { age: 2 }); op.inc('users', 'a', { age: -10 }); op.insert('users', { id: 'b' }); op.inc('users', 'b', { age: 4 }); op.inc('users', 'zz', { age: 1 }) }, [user({ name: 'first', age: -7, tags: ['x'] }), user({ id: 'b', age: 4 })]],
    ['array push, unique', op => { for (const v of ['x', 'y', { z: [1] }, { z: [1] }]) op.arrayPushUniq('users', 'a', { tags: v }) }, [user({ name: 'first', age: 1, tags: ['x', 'y', { z: [1] }] })]],
    ['array delete', op => { op.arrayPushUniq('users', 'a', { tags: 'y' }); op.arrayDelete('users', 'a', { tags: 'x' }); op.arrayDelete('users', 'a', { tags: 'not there' }) }, [user({ name: 'first', age: 1, tags: ['y'] })]],
    ['a transaction over what is there', op => { op.transaction((t: any) => { const a = t.get('users', 'a'); t.insert('users', { id: 'b', age: a.age + 1 }); t.update('users', 'a', { name: String(t.all('users').length) }) }) }, [user({ name: '2', age: 1, tags: ['x'] }), user({ id: 'b', age: 2 })]],
    ['changes of the engine', op => { op.apply([{ op: 'update', table: 'users', id: 'a', set: { age: 5 } }, { op: 'upsert', table: 'users', rows: [{ id: 'b' }, { id: 'c' }] }, { op: 'delete', table: 'users', id: 'b' }]) }, [user({ name: 'first', age: 5, tags: ['x'] }), user({ id: 'c' })]],
  ])('%s', async (_, step, wanted) => {
    const { db, error } = await run(seed, step)
    expect(error).toBeUndefined()
    expect(rows(db)).toEqual(wanted)
    const again = await run(seed, op => { op.transaction(() => {}) }, step)
    expect(rows(again.db)).toEqual(wanted)
  })

  it('composite keys, rows that are keys only, and what cannot be done', async () => {
    const { db } = await run([], op => {
      op.insert('links', { a: 'x', b: 'y', note: 'n' })
      op.replace('links', { a: 'x', b: 'y' })
      op.merge('links', { a: 'x', b: 'z', note: 'm' })
      op.update('links', ['x', 'z'], { note: 'k' })
      op.delete('links', { a: 'x', b: 'nothing' })
      op.replace('bare', { id: 1 })
      op.replace('bare', { id: 1 })
    })
    expect([rows(db, 'links'), rows(db, 'bare')]).toEqual([[{ a: 'x', b: 'y', note: null }, { a: 'x', b: 'z', note: 'k' }], [{ id: 1 }]])
    for (const [step, code] of [
      [(op: any) => { op.update('users', 'a', { id: 'b' }) }, 'KEY_CHANGE'], [(op: any) => { op.arrayPushUniq('users', 'a', { name: 1 }) }, 'TYPE_MISMATCH'], [(op: any) => { op.delete('links', 'x') }, 'MISSING_KEY'],
      [(op: any) => { op.insert('nothing', {}) }, 'UNKNOWN_TABLE'], [(op: any) => { op.apply([{ op: 'reset', table: 'users' }]) }, 'CHANGE_INVALID'],
    ] as const) expect((await run(seed, step)).error).toMatchObject({ type: 'commit', code, cursor: 1 })
  })
})
