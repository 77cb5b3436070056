// Options and arguments of the core that are wrong: typed errors at their place with the nearest name, and nothing has happened.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EddylineError, createDatabase, div, gt, init, param } from '../../../pkg/index.inline.js'
import { fromTanStack } from '../../../pkg/tanstack/index.js'
import { files } from '../../../pkg/storage/index.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, type TestSchema, failure, issue, open, picture, put, schema, tick } from './support.js'

const told = async (run: () => unknown): Promise<EddylineError> => {
  try { await run() } catch (error) {
    if (error instanceof EddylineError) return error
    throw new Error(`not ours: ${String(error)}`, { cause: error })
  }
  throw new Error('nothing was wrong')
}
const locked = (): ReadableStream<Uint8Array> => {
  const stream = new ReadableStream<Uint8Array>({ start(c) { c.close() } })
  stream.getReader()
  return stream
}
const used = async (): Promise<Response> => { const r = new Response('[]'); await r.text(); return r }
type Case = [name: string, run: (db: any) => unknown, code: string, path: string, offending?: string, nearest?: string]
const BAD = 'INVALID_ARGUMENT'
const table = { table: 'issues' }

const both: Case[] = [
  ['an unknown option of live', db => db.live(db.query.issues, { windwo: [0, 1] }), BAD, 'windwo', 'windwo', 'window'],
  ['a number for the options of live', db => db.live(db.query.issues, 3), BAD, 'options', '3'],
  ['a text for a window', db => db.live(db.query.issues, { window: 'x' }), BAD, 'window', 'x'],
  ['half a window', db => db.live(db.query.issues, { window: [1] }), BAD, 'window', '1'],
  ['a window that begins before the rows', db => db.live(db.query.issues, { window: [-1, 5] }), 'QUERY_INVALID', 'window', '-1'],
  ['a limit below 0', db => db.live(db.query.issues.limit(-1)), 'QUERY_INVALID', 'limit', '-1'],
  ['half a row to leave out', db => db.live(db.query.issues.offset(0.5)), 'QUERY_INVALID', 'offset', '0.5'],
  ['a text for a limit', db => db.live(db.query.issues.limit('5')), 'QUERY_INVALID', 'limit', '5'],
  ['no limit', db => db.live(db.query.issues.limitBy('status', null)), 'QUERY_INVALID', 'limitBy.limit', 'null'],
  ['no parameters', db => db.live(db.query.issues, { params: null }), BAD, 'params', 'null'],
  ['a list of parameters', db => db.live(db.query.issues, { params: ['a'] }), BAD, 'params', 'a'],
  ['a number for a label', db => db.live(db.query.issues, { label: 3 }), BAD, 'label', '3'],
  ['a number for `sliced`', db => db.live(db.query.issues, { sliced: 3 }), BAD, 'sliced', '3'],
  ['a text for the start of a window', db => db.live(db.query.issues).window('x', 1), BAD, 'start', 'x'],
  ['no count of a window', db => db.live(db.query.issues, { window: [0, 1] }).window(0), BAD, 'count', 'undefined'],
  ['null for parameters that are set', db => db.live(db.query.issues.where((i: any) => gt(i.priority, param('p'))), { params: { p: 1 } }).setParams(null), BAD, 'params', 'null'],
  ['a Map for parameters', db => db.live(db.query.issues, { params: new Map() }), BAD, 'params', '[object Map]'],
  ['a Map for parameters that are set', db => db.live(db.query.issues.where((i: any) => gt(i.priority, param('p'))), { params: { p: 1 } }).setParams(new Map([['p', 2]])), BAD, 'params', '[object Map]'],
  ['half a row for the start of a window', db => db.live(db.query.issues).window(0.5, 1), BAD, 'start', '0.5'],
  ['half a row for the count of a window', db => db.live(db.query.issues, { window: [0, 1] }).window(0, 1.5), BAD, 'count', '1.5'],
  ['a number for a listener', db => db.live(db.query.issues).subscribe(3), BAD, 'fn', '3'],
  ['a number for a listener of the database', db => db.subscribe(3), BAD, 'fn', '3'],
  ['an unknown option of apply', db => db.apply([put('z')], { durabel: true }), BAD, 'durabel', 'durabel', 'durable'],
  ['a text for `durable`', db => db.apply([put('z')], { durable: 'yes' }), BAD, 'durable', 'yes'],
  ['an unknown member of a batch', db => db.apply({ changes: [put('z')], sorce: 's' }), 'CHANGE_INVALID', 'sorce', 'sorce', 'source'],
  ['a number for the source of a batch', db => db.apply({ changes: [put('z')], source: 3 }), 'CHANGE_INVALID', 'source', '3'],
  ['an object for the cursor of a batch', db => db.apply({ changes: [put('z')], source: 's', cursor: {} }), 'CHANGE_INVALID', 'cursor', '[object Object]'],
  ['a misspelt policy of a batch', db => db.apply({ changes: [put('z')], stale: 'ignor' }), 'CHANGE_INVALID', 'stale', 'ignor', 'ignore'],
  ['an unknown member of a change', db => db.apply([put('y'), { ...put('z'), tennant: 't' }]), 'CHANGE_INVALID', 'changes[1].tennant', 'tennant', 'tenant'],
  ['an unknown option of applyJson', db => db.applyJson('[]', { tabel: 'issues' }), BAD, 'tabel', 'tabel', 'table'],
  ['a number for JSON', db => db.applyJson(3, table), BAD, 'input', '3'],
  ['an object for JSON', db => db.applyJson({}, table), BAD, 'input', '[object Object]'],
  ['a number for a signal', db => db.applyJson(new Response('[]'), { ...table, signal: 3 }), BAD, 'signal', '3'],
  ['a number for onProgress', db => db.applyJson(new Response('[]'), { ...table, onProgress: 3 }), BAD, 'onProgress', '3'],
  ['a text for `atomic`', db => db.applyJson(new Response('[]'), { ...table, atomic: 'no' }), BAD, 'atomic', 'no'],
  ['no number for a cursor', db => db.apply({ changes: [put('z')], source: 's', cursor: NaN }), 'CHANGE_INVALID', 'cursor', 'NaN'],
  ['a number with an end that is lost for a cursor', db => db.apply({ changes: [put('z')], source: 's', cursor: 1e21 }), 'CHANGE_INVALID', 'cursor', '1e+21'],
  ['an object for the cursor of JSON', db => db.applyJson('[]', { ...table, source: 's', cursor: {} }), BAD, 'cursor', '[object Object]'],
  ['a stream that somebody reads', db => db.applyJson(locked(), table), BAD, 'input', 'locked'],
  ['a response that was read', async db => db.applyJson(await used(), table), BAD, 'input', 'locked'],
  ['a stream of texts', db => db.applyJson(new ReadableStream({ start(c) { c.enqueue('[]'); c.close() } }), table), BAD, 'input', '[]'],
  ['null for a source', db => db.connect(null), BAD, 'source', 'null'],
  ['a source without a name', db => db.connect({ sync() {} }), BAD, 'source.name', 'undefined'],
  ['a source without sync', db => db.connect({ name: 's' }), BAD, 'source.sync', 'undefined'],
  ['a misspelt member of a source', db => db.connect({ name: 's', stael: 'ignore', sync() {} }), BAD, 'source.stael', 'stael', 'stale'],
  ['a misspelt policy of a source', db => db.connect({ name: 's', stale: 'ignor', sync() {} }), BAD, 'source.stale', 'ignor', 'ignore'],
  ['an unknown table of a source', db => db.connect({ name: 's', table: 'isues', sync() {} }), 'UNKNOWN_TABLE', 'source.table', 'isues', 'issues'],
  ['an unknown option of explain', db => db.explain(db.query.issues, { tennant: 'x' }), BAD, 'tennant', 'tennant', 'tenant'],
  ['a number for the source of a cursor', db => db.cursor(3), BAD, 'source', '3'],
]

describe('a wrong option is a typed error, and nothing has happened', () => {
  let db: Db
  let before: unknown
  beforeEach(async () => {
    db = (await open()).db
    db.apply({ changes: [put('a')], source: 's', cursor: 1 })
    before = picture(db)
  })
  afterEach(() => { db.close() })
  it.each(both)('%s', async (_, run, code, path, offending, nearest) => {
    const { code: c, path: p, offending: o, nearest: n } = await told(() => run(db))
    expect([c, p, o, n]).toEqual([code, path, offending, nearest])
    expect(picture(db)).toEqual(before)
    // And the engine lives.
    expect(db.apply([put('q')]).applied).toBe(1)
  })

  it('of a window says what one is', () => {
    expect(failure(() => db.live(db.query.issues, { window: [5] as never })).message).toBe('`window` is its first row and how many, as [0, 50], not an array of 1')
  })

  it('of a session', () => {
    let got: EddylineError | undefined
    db.connect({ name: 'c', sync(s) { s.begin(); s.write({ op: 'delete', table: 'issues', id: 'a' }); got = failure(() => s.commit({ cursr: 2 } as never)); s.commit({ cursor: 2 }) } })
    expect([got?.path, got?.nearest, db.cursor('c'), db.version]).toEqual(['cursr', 'cursor', '2', 2])
  })

  it('not of what classes of sources have besides', async () => {
    class Feed { readonly name = 'feed'; state = 1; sync(s: { markReady(): void }) { s.markReady() } }
    await db.connect(new Feed() as never).ready
  })
})

describe('in a worker, too', () => {
  let db: WorkerDatabase<TestSchema>
  const errors: unknown[] = []
  beforeEach(async () => {
    db = await createWorkerDatabase({ schema, worker: 'inline', onError: e => { errors.push(e) } })
    await db.apply({ changes: [put('a') as never], source: 's', cursor: 1 })
  })
  afterEach(() => { db.close() })
  it.each(both)('%s', async (_, run, code, path, offending, nearest) => {
    const { code: c, path: p, offending: o, nearest: n } = await told(() => run(db))
    expect([c, p, o, n]).toEqual([code, path, offending, nearest])
    expect([await db.cursor('s'), (await db.stats()).tables.find(t => t.name === 'issues')?.rows]).toEqual(['1', 1])
    expect((await db.apply([put('q') as never])).applied).toBe(1)
  })
})

describe('what makes a database', () => {
  const makers: Case[] = [
    ['no options', make => make(), BAD, 'schema', 'undefined'],
    ['a number', make => make(3), BAD, 'options', '3'],
    ['no schema', make => make({}), BAD, 'schema', 'undefined'],
    ['a misspelt schema', make => make({ shcema: schema }), BAD, 'shcema', 'shcema', 'schema'],
    ['something else for the schema', make => make({ schema: {} }), BAD, 'schema', '[object Object]'],
    ['an unknown option', make => make({ schema, onEror() {} }), BAD, 'onEror', 'onEror', 'onError'],
    ['a number for the name', make => make({ schema, name: 5 }), BAD, 'name', '5'],
    ['a text for graceMs', make => make({ schema, graceMs: 'x' }), BAD, 'graceMs', 'x'],
    ['a number for fetchRow', make => make({ schema, fetchRow: 3 }), BAD, 'fetchRow', '3'],
    ['null for the memory', make => make({ schema, memory: null }), BAD, 'memory', 'null'],
    ['no budget', make => make({ schema, memory: {} }), BAD, 'memory.budget', 'undefined'],
    ['a budget below 0', make => make({ schema, memory: { budget: -1 } }), BAD, 'memory.budget', '-1'],
    ['an unknown option of the memory', make => make({ schema, memory: { budget: 1e9, onPresure() {} } }), BAD, 'memory.onPresure', 'onPresure', 'onPressure'],
    ['a number for the hook', make => make({ schema, memory: { budget: 1e9, onPressure: 3 } }), BAD, 'memory.onPressure', '3'],
  ]
  const only: Case[] = [
    ['a misspelt `ahead`', make => make({ schema, aheda: 3 }), BAD, 'aheda', 'aheda', 'ahead'],
    ['a text for `ahead`', make => make({ schema, ahead: 'x' }), BAD, 'ahead', 'x'],
    ['a number for the worker', make => make({ schema, worker: 3 }), BAD, 'worker', '3'],
    ['a function that makes a number of a worker', make => make({ schema, worker: () => 5 }), BAD, 'worker', '5'],
    ['a function that forgets to return its worker', make => make({ schema, worker: () => {} }), BAD, 'worker', 'undefined'],
    ['a function that promises a worker', make => make({ schema, worker: async () => 5 }), BAD, 'worker', '[object Promise]'],
    ['a worker whose port is a number', make => make({ schema, worker: { port: 5 } }), BAD, 'worker', '[object Object]'],
    ['a misspelt worker', make => make({ schema, worker: 'inlin' }), BAD, 'worker', 'inlin', 'inline'],
    ['a number for `shared`', make => make({ schema, shared: 3 }), BAD, 'shared', '3'],
    ['a number for the module', make => make({ schema, module: 3 }), BAD, 'module', '3'],
  ]
  for (const [where, make, cases] of [['createDatabase', createDatabase, makers], ['createWorkerDatabase', createWorkerDatabase, [...makers, ...only]]] as const) {
    it.each(cases)(`${where}: %s`, async (_, run, code, path, offending, nearest) => {
      const { code: c, path: p, offending: o, nearest: n } = await told(() => run(make))
      expect([c, p, o, n]).toEqual([code, path, offending, nearest])
    })
  }

  it('init and fromTanStack', async () => {
    expect(await told(() => init({ modul: 3 } as never))).toMatchObject({ path: 'modul', nearest: 'module' })
    expect(failure(() => fromTanStack('issues', { sync() {} }, { nam: 'x' } as never))).toMatchObject({ path: 'nam', nearest: 'name' })
    expect(failure(() => fromTanStack('issues', 3 as never))).toMatchObject({ code: BAD, path: 'sync' })
  })

  it('what names a table in options of JSON is a text, whoever reads it', async () => {
    const { db } = await open()
    const trap = { get x() { throw new Error('mine') } }
    for (const name of ['table', 'op', 'source', 'stale', 'origin']) for (const value of [5, trap, Symbol('s'), []]) {
      expect(failure(() => db.applyJson('[]', { table: 'issues', [name]: value } as never)), name).toMatchObject({ code: BAD, path: name })
    }
    expect(db.applyJson('[]', { table: 'issues' })).toMatchObject({ version: 1 })
  })

  it('a grace without end is one', async () => {
    const { db } = await open({ graceMs: Infinity })
    db.live(db.query.issues).dispose()
    await tick(20)
    expect(db.stats().views).toBe(1)
  })
})

it('a sliced query says `loading` until all is there, whatever is wrong with a row', async () => {
  const { db } = await open()
  db.apply([put('bad', { priority: 0 }), ...Array.from({ length: 3000 }, (_, i) => put(`i${i}`, { priority: 1 + i }))])
  const live = db.live(db.query.issues.select(i => ({ id: i.id, n: div(12, i.priority) })).orderBy('id'), { sliced: true })
  const seen: string[] = []
  live.subscribe(() => { if (seen.at(-1) !== live.status) seen.push(live.status) })
  while (live.status === 'loading') await tick()
  expect([live.status, live.error?.code, seen]).toEqual(['error', 'DIVISION_BY_ZERO', ['loading', 'error']])
  db.apply([{ op: 'delete', table: 'issues', id: 'bad' }])
  expect([live.status, live.rows.length]).toEqual(['ready', 3000])
})

describe('a place that a closed database still writes to', () => {
  const row = { op: 'upsert', table: 'issues', row: issue('x') } as const
  let path: string
  beforeEach(() => { path = mkdtempSync(join(tmpdir(), 'eddyline-again-')) })
  afterEach(() => { rmSync(path, { recursive: true }) })

  it('can be opened again at once, and has what was applied', async () => {
    let closed: Promise<void> | undefined
    for (let i = 0; i < 4; i++) {
      const { db } = await open({ storage: files(path, { onWarning: w => { throw w } }) })
      expect([db.durability?.status, db.stats().tables[0].rows]).toEqual(['ready', i])
      db.apply([{ ...row, row: issue(`x${i}`) }])
      closed = db.durability!.closed
      db.close()
    }
    // The folder goes after this.
    await closed
  })

  it('from a worker and from the page', async () => {
    const storage = (): ReturnType<typeof files> => files(path, { onWarning: w => { throw w } })
    const one = await createWorkerDatabase({ schema, storage: storage() })
    await one.apply([row as never])
    one.close()
    const { db } = await open({ storage: storage() })
    expect([db.durability?.status, db.stats().tables[0].rows]).toEqual(['ready', 1])
    db.close()
    const two = await createWorkerDatabase({ schema, storage: storage() })
    expect([two.durability?.status, (await two.stats()).tables[0].rows]).toEqual(['ready', 1])
    two.close()
    await two.durability!.closed
  })
})
