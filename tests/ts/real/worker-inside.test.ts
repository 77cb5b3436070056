// Code of the application inside of a worker: watches, Datalog, reducers and projections on the database itself, and what crosses.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker as Thread } from 'node:worker_threads'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Database, EddylineError, defineSchema, gte, int, string, table, withParams } from '../../../pkg/index.inline.js'
import { datalog } from '../../../pkg/datalog/index.js'
import { projection, projections } from '../../../pkg/project/index.js'
import { memoryLog, reducer, reducers } from '../../../pkg/reduce/index.js'
import { watches } from '../../../pkg/watch/index.js'
import { type WorkerCode, inWorker } from '../../../pkg/worker/inside.js'
import { type CreateWorkerOptions, type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type TestSchema, eventually, put, schema, tick } from './support.js'

const opened: { close(): void }[] = []
const ends: (() => void)[] = []
afterEach(() => { for (const end of ends.splice(0)) end(); for (const db of opened.splice(0)) db.close() })
async function far(code: WorkerCode, options?: Partial<CreateWorkerOptions<TestSchema>>): Promise<WorkerDatabase<TestSchema>> {
  ends.push(inWorker(code))
  const db = await createWorkerDatabase({ schema, worker: 'inline', ...options })
  opened.push(db)
  return db
}
const failed = async (run: () => unknown): Promise<EddylineError> => {
  try { await run() } catch (error) { if (error instanceof EddylineError) return error; throw error }
  throw new Error('did not fail')
}
const ready = async (live: { status: string }): Promise<void> => { while (live.status === 'loading') await tick(1) }

describe('rooms inside of a worker', () => {
  it('watches tell the pages, behind the version that they tell of', async () => {
    const db = await far(({ db, tell }) => { watches(db).watch('issues', 'changes', ({ counts, keys }) => { tell('issues', { counts, keys }) }) })
    const live = db.live(db.query.issues.orderBy('id'))
    await ready(live)
    const told: unknown[] = []
    db.on('issues', ({ keys }) => { told.push([keys.inserted, live.rows.map(r => r.id), db.version]) })
    await db.apply([put('a') as never, put('b') as never])
    await db.apply([{ op: 'delete', table: 'issues', id: 'a' }])
    await db.ask('nothing').catch(() => {})
    expect(told).toEqual([[['a', 'b'], ['a', 'b'], 1], [[], ['b'], 2]])
  })

  it('Datalog answers questions, and its views tell what came and went', async () => {
    const db = await far(({ db, tell, answer }) => {
      const data = datalog(db)
      const urgent = data.view('urgent', { query: '[:find ?id ?t :where [?i :issues/id ?id] [?i :issues/title ?t] [?i :issues/priority ?p] [(> ?p 5)]]' })
      urgent.listen((added, removed) => { tell('urgent', { added, removed }) })
      answer('q', (query: string, ...inputs: unknown[]) => data.q(query, ...inputs))
      answer('urgent', () => urgent.get())
    })
    const told: unknown[] = []
    db.on('urgent', difference => { told.push(difference) })
    await db.apply([put('a', { priority: 9 }) as never, put('b') as never])
    expect(await db.ask('q', '[:find [?id ...] :in $ ?p :where [?i :issues/id ?id] [?i :issues/priority ?p]]', 1)).toEqual(['b'])
    expect(await db.ask('urgent')).toEqual([['a', 'Issue a']])
    await db.apply([put('b', { priority: 7 }) as never, { op: 'delete', table: 'issues', id: 'a' }])
    await db.ask('urgent')
    expect(told.length).toBe(2)
    expect(JSON.stringify(told[1])).toContain('"Issue b"')
    const wrong = await failed(() => db.ask('q', '[:find ?x :where [?i :issues/titel ?x]]'))
    expect([wrong.code, wrong.nearest]).toEqual(['UNKNOWN_ATTRIBUTE', 'issues/title'])
  })

  it('reducers fold, and pages see the rows', async () => {
    const log = memoryLog<{ id: number; user: string }>(e => e.id)
    const db = await far(async ({ db, answer }) => {
      const running = await reducers(db).start(reducer<{ id: number; user: string }>('issues', {
        version: '1', tables: ['issues'], partition: (e: { user: string }) => e.user, cursor: (e: { id: number }) => e.id, type: () => 'Named',
        on: { Named: (e: { user: string }, op: any) => { op.upsert('issues', put(e.user).row) } },
      } as never) as never, { source: log as never })
      answer('caught up', async () => { await (running as any).awaitCatchup(); return (running as any).cursor })
    })
    const live = db.live(db.query.issues.orderBy('id'))
    await ready(live)
    log.append({ id: 1, user: 'x' }, { id: 2, user: 'y' })
    expect(await db.ask('caught up')).toBe(2)
    expect(live.rows.map(r => r.id)).toEqual(['x', 'y'])
  })

  it('projections keep tables, and pages see the rows', async () => {
    const both = defineSchema({ items: table({ id: int().key(), n: int() }), large: table({ id: int().key(), n: int() }) })
    const Large = projection(both, 'large', { inputs: ['items'], view: (q: any) => q.items.where('n', '>', 10) } as never)
    ends.push(inWorker(({ db }) => { projections(db).register(Large) }))
    const db = await createWorkerDatabase({ schema: both, worker: 'inline' })
    opened.push(db)
    const live = db.live(db.query.large.orderBy('id'))
    await ready(live)
    await db.apply([{ op: 'insert', table: 'items', rows: [{ id: 1, n: 5 }, { id: 2, n: 50 }] }])
    await eventually(() => live.rows.length > 0)
    expect(live.rows).toEqual([{ id: 2, n: 50 }])
  })
})

describe('what crosses', () => {
  it('is the value as it was, once per listener, in order; a listener that throws is told', async () => {
    const errors: unknown[] = []
    const state = { n: 0 }
    const db = await far(({ tell, answer }) => { answer('count', (to: number) => { for (state.n = 1; state.n <= to; state.n++) tell('n', state); return state }) }, { onError: e => { errors.push(e) }, ahead: 1 })
    const seen: number[] = [], twice: number[] = []
    const fn = (value: { n: number }): void => { twice.push(value.n) }
    db.on('n', () => { throw new Error('mine') })
    const stop = db.on<{ n: number }>('n', ({ n }) => { seen.push(n) })
    db.on('n', fn); const one = db.on('n', fn)
    expect(await db.ask('count', 100)).toEqual({ n: 101 })
    expect([seen, twice.length, errors.length]).toEqual([Array.from({ length: 100 }, (_, i) => i + 1), 200, 100])
    stop(); one(); stop()
    await db.ask('count', 2)
    expect([seen.length, twice.length]).toEqual([100, 202])
  })

  it('of what is told with `latest` a page that is behind gets the last', async () => {
    const db = await far(({ tell, answer }) => { answer('count', (to: number) => { for (let n = 1; n <= to; n++) { tell('n', n, { latest: true }); tell('all', n) } }) }, { ahead: 2 })
    const seen: number[] = [], all: number[] = []
    db.on('n', n => { seen.push(n) })
    db.on('all', n => { all.push(n) })
    await db.ask('count', 500)
    expect([seen.at(-1), seen.length < 10, all.length]).toEqual([500, true, 500])
  })

  it('what is told with `latest` leaves what waits and was told without', async () => {
    const db = await far(({ tell, answer }) => {
      answer('mix', () => {
        for (let n = 0; n < 20; n++) tell('n', `plain ${n}`)
        for (const at of ['one', 'two']) { tell('n', at, { latest: true }); tell('n', 'between'); tell('other', at, { latest: true }) }
        tell('n', 'last', { latest: true })
        tell('n', 'plain')
      })
    }, { ahead: 2 })
    const seen: string[] = []
    for (const name of ['n', 'other']) db.on(name, (value: string) => { seen.push(value) })
    // Twice: what waited then does not count.
    for (let round = 0; round < 2; round++) {
      await db.ask('mix')
      expect(seen.splice(0)).toEqual([...Array.from({ length: 20 }, (_, n) => `plain ${n}`), 'between', 'between', 'two', 'last', 'plain'])
    }
  })

  it('errors: names that nobody answers, values that cannot cross, what the code throws', async () => {
    const told: EddylineError[] = []
    const db = await far(({ tell, answer }) => {
      answer('titles', () => ['a'])
      answer('function', () => () => {})
      answer('ours', () => { throw new EddylineError('MINE', 'no', { path: 'x', offending: 'y' }) })
      answer('theirs', () => { throw new TypeError('plain') })
      answer('clones', () => structuredClone(() => {}))
      for (const run of [() => { tell('f', () => {}) }, () => { answer('titles', () => 1) }, () => { answer('x', 3 as never) }, () => { tell(3 as never) }, () => { tell('n', 1, { lates: true } as never) }]) try { run() } catch (e) { told.push(e as EddylineError) }
    })
    expect(told.map(e => [e.code, e.path, e.nearest])).toEqual([['INVALID_ARGUMENT', 'value', undefined], ['INVALID_ARGUMENT', 'name', undefined], ['INVALID_ARGUMENT', 'fn', undefined], ['INVALID_ARGUMENT', 'name', undefined], ['INVALID_ARGUMENT', 'lates', 'latest']])
    expect(await failed(() => db.ask('titels'))).toMatchObject({ code: 'UNKNOWN_REQUEST', offending: 'titels', nearest: 'titles' })
    expect(await failed(() => db.ask('function'))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'value' })
    expect(await failed(() => db.ask('titles', () => {}))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'args' })
    expect(await failed(() => db.ask('ours'))).toMatchObject({ code: 'MINE', path: 'x', offending: 'y' })
    await expect(db.ask('theirs')).rejects.toThrow('plain')
    // What an answer cannot clone is no fault of the question.
    await expect(db.ask('clones')).rejects.toMatchObject({ name: 'DataCloneError', message: expect.not.stringContaining('cannot cross') })
    expect(await failed(() => db.on('n', 3 as never))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'fn' })
    expect(await failed(() => inWorker(3 as never))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'code' })
    // And it lives.
    expect(await db.ask('titles')).toEqual(['a'])
    db.close()
    expect((await failed(() => db.ask('titles'))).code).toBe('CLOSED')
    expect((await failed(() => db.on('n', () => {}))).code).toBe('CLOSED')
  })

  it('code that fails refuses the database; code that ended counts no more; ends are called when it closes', async () => {
    const stop = inWorker(() => { throw new EddylineError('MINE', 'not today') })
    expect((await failed(() => createWorkerDatabase({ schema, worker: 'inline' }))).code).toBe('MINE')
    stop()
    let ended = 0
    const db = await far(async ({ answer }) => { await tick(5); answer('there', () => true); return () => { ended++ } })
    expect([await db.ask('there'), ended]).toEqual([true, 0])
    db.close()
    while (ended === 0) await tick(1)
    expect(ended).toBe(1)
  })
})

it('in a thread of its own: a module that runs the host and its own code', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eddyline-inside-'))
  const at = (name: string): string => JSON.stringify(new URL(`../../../pkg/${name}`, import.meta.url).href)
  writeFileSync(join(folder, 'engine.mjs'), `
    import ${at('worker/host.js')}
    import { inWorker } from ${at('worker/inside.js')}
    import { datalog } from ${at('datalog/index.js')}
    import { watches } from ${at('watch/index.js')}
    import { writeFileSync } from 'node:fs'
    inWorker(({ db, tell, answer }) => {
      watches(db).watch('issues', 'inserts', ({ keys }) => tell('new', keys.inserted))
      answer('q', (query, ...inputs) => datalog(db).q(query, ...inputs))
      return () => writeFileSync(${JSON.stringify(join(folder, 'closed'))}, 'yes')
    })`)
  try {
    const db = await createWorkerDatabase({ schema, worker: () => new Thread(join(folder, 'engine.mjs')) })
    opened.push(db)
    const told: unknown[] = []
    db.on('new', keys => { told.push(keys) })
    await db.apply([put('a') as never])
    expect(await db.ask('q', '[:find [?t ...] :where [_ :issues/title ?t]]')).toEqual(['Issue a'])
    expect(told).toEqual([['a']])
    // Without a storage to wait for, too, its code is told that the database closes. The page gives it a second for that: here as long as it takes.
    const real = setTimeout
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    db.close()
    while (!existsSync(join(folder, 'closed'))) await new Promise(resolve => { real(resolve, 5) })
  } finally { vi.useRealTimers(); rmSync(folder, { recursive: true }) }
})

describe('versions that pages make by parameters, windows and slices', () => {
  const above = (db: { query: any }) => withParams({ least: 'int' }, p => db.query.issues.where((i: any) => gte(i.priority, p.least)).orderBy('id'))
  /** A page, and what is inside; the page has made a version of its query alone. */
  async function moved(code: WorkerCode = () => {}): Promise<{ db: WorkerDatabase<TestSchema>; inside: Database<TestSchema>; move: (least: number) => Promise<void> }> {
    let inside!: Database<TestSchema>
    const db = await far(room => { inside = room.db; return code(room) })
    await db.apply([1, 2, 3, 4].map(n => put(`i${n}`, { priority: n })))
    const live = db.live(above(db), { params: { least: 2 } })
    await ready(live)
    return { db, inside, move: least => live.setParams({ least }) }
  }

  it('are versions inside, too: each is told once, what sets nothing else is none', async () => {
    const { db, inside, move } = await moved()
    const here = inside.live(above(inside), { params: { least: 3 } })
    const told: unknown[] = [], reports: number[] = []
    here.subscribe(({ version }) => { told.push(version) })
    inside.subscribe(({ version }) => { reports.push(version) })
    await move(1)
    expect([db.version, inside.version, reports]).toEqual([2, 2, [2]])
    here.setParams({ least: 3 })
    await db.stats()
    expect([db.version, inside.version, told, reports]).toEqual([2, 2, [], [2]])
    const part = db.live(db.query.issues.orderBy('id'), { window: [0, 1] })
    await ready(part)
    part.window(1, 2)
    await db.stats()
    expect([db.version, inside.version, reports]).toEqual([3, 3, [2, 3]])
    const slices = db.live(db.query.issues.where('priority', '=', 3), { sliced: true })
    await ready(slices)
    expect([db.version > 3, inside.version]).toEqual([true, db.version])
  })

  it('leave writes that change nothing to who counts them', async () => {
    const signals: unknown[] = []
    const { inside, move } = await moved(({ db }) => { watches(db).watch('issues', 'updates', { noop: 'signal' }, ({ counts }) => { signals.push(counts.updates) }) })
    const same = (): void => { watches(inside).apply([put('i1', { priority: 1 })]) }
    signals.length = 0
    same()
    await move(1)
    same()
    expect(signals).toEqual([1, 1])
  })

  it('come in the middle of a run of projections, which takes what it writes for its own', async () => {
    const three = defineSchema({ items: table({ id: int().key(), n: int() }), twice: table({ id: int().key(), n: int() }), more: table({ id: int().key(), n: int() }) })
    const runs: string[] = []
    let go: () => void = () => {}
    const of = (name: string, input: any): any => projection(three, name as never, { inputs: [input], derive: async ({ inputs, lens, tx }: any) => {
      runs.push(name)
      await new Promise<void>(resolve => { go = resolve })
      tx.dematerialize(lens)
      tx.materialize([...Object.values(inputs)[0] as any].map(({ id, n }: any) => ({ id, n: 2 * n })))
    } } as never)
    const More = of('more', of('twice', 'items'))
    let made!: ReturnType<typeof projections>
    ends.push(inWorker(({ db }) => { made = projections(db); made.register(More) }))
    const db = await createWorkerDatabase({ schema: three, worker: 'inline' })
    opened.push(db)
    await db.apply([{ op: 'insert', table: 'items', rows: [1, 2, 3].map(n => ({ id: n, n })) }])
    const part = db.live(db.query.items.orderBy('id'), { window: [0, 1] })
    await ready(part)
    const asked = made.project(More, {}, { allowEmptyFilters: true } as never)
    for (const at of [1, 2]) {
      await eventually(() => runs.length === at)
      part.window(at, 1)
      await db.stats()
      go()
    }
    expect([(await asked as any).rows.length, part.rows]).toEqual([3, [{ id: 3, n: 3 }]])
    // What ran again would wait for ever, and be told here.
    await db.stats()
    expect(runs).toEqual(['twice', 'more'])
  })
})
