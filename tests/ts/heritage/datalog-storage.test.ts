// Heritage 3.4-3, 6 and 10 where the page goes away: facts, positions, definitions and inputs are what the storage has kept.
// IndexedDB and OPFS run the same cases in tests/e2e/datalog.test.mjs.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as eddyline from '../../../pkg/index.inline.js'
import * as language from '../../../pkg/datalog/index.js'
import { MemoryFolder, type StoreOptions, files, memory } from '../../../pkg/storage/index.js'
// @ts-expect-error -- plain JavaScript, which pages load, too
import { CASES, overPages } from './circuit-cases.mjs'
import { failure, told } from './wizard.js'

const parts = { ...eddyline, ...language }
const quiet: StoreOptions = { onWarning: e => { throw e } }

/** A page: a database over what is stored, and how it is left. */
async function page(folder: MemoryFolder, attributes: Record<string, language.AttributeInput> = { n: 'int', at: 'timestamp' }) {
  const db = await eddyline.createDatabase({ schema: eddyline.defineSchema(language.facts(attributes)), storage: memory(folder, quiet) })
  return { db, data: language.datalog(db), leave: async () => { db.close(); await db.durability!.closed } }
}

describe.each(['memory', 'files'])('3.4-3, the circuit cases over %s, a page for each transaction', kind => {
  it.each(CASES as { name: string }[])('$name', async c => {
    const folder = new MemoryFolder()
    const path = mkdtempSync(join(tmpdir(), 'eddyline-datalog-'))
    try {
      expect(await overPages(c as never, parts, () => kind === 'memory' ? memory(folder, quiet) : files(path, quiet))).toEqual([])
    } finally { rmSync(path, { recursive: true }) }
  })
})

it('3.4-6, a source is read on after the page was dropped, all counted once', async () => {
  const folder = new MemoryFolder()
  const log = Array.from({ length: 700 }, (_, i) => [i + 1, 'n', i % 5, 1 + Math.floor(i / 10)] as const)
  const reads: (number | undefined)[] = []
  const source = { name: 'log', datoms: (since: number | undefined) => { reads.push(since); return log.filter(d => d[3] > (since ?? 0)) } }
  const COUNT = { query: '[:find ?n (count ?e) :where [?e :n ?n]]' }
  const first = await page(folder)
  first.data.load({ circuits: { count: COUNT } })
  const stop = new AbortController()
  await first.data.sync(source, { chunk: 100, signal: stop.signal, onProgress: p => { if (p.chunks === 3) stop.abort() } })
  await first.leave()
  const second = await page(folder)
  expect(second.data.lastTx).toBe(30)
  second.data.load({ circuits: { count: COUNT } })
  expect(second.data.views.get('count')!.get()).toEqual([0, 1, 2, 3, 4].map(n => [n, 60]))
  expect(await second.data.sync(source, { chunk: 100 })).toMatchObject({ datoms: 400, chunks: 4, lastTx: 70 })
  expect([reads, second.data.views.get('count')!.get()]).toEqual([[undefined, 30], [0, 1, 2, 3, 4].map(n => [n, 140])])
  // An older state takes its place, for the next page, too; numbers of entities are not given again.
  const old = structuredClone(second.data.save())
  second.data.transact([{ ':db/id': 9000, n: 9 }])
  second.data.transact([[':db/retractEntity', 9000]])
  await second.leave()
  const third = await page(folder)
  expect(third.data.transact([{ ':db/id': -1, n: 9 }]).tempids['-1']).toBe(9001)
  third.data.restore(old)
  await third.leave()
  const fourth = await page(folder)
  expect([fourth.data.lastTx, fourth.data.q('[:find (count ?e) . :where [?e :n]]')]).toEqual([70, 700])
  await fourth.leave()
})

describe('3.4-10, definitions that are kept', () => {
  const SINCE = '[:find ?e :in ?min [?at ...] :where [?e :n ?n] [(>= ?n ?min)] [?e :at ?at]]'
  const times = [new Date(5), new Date(7)]
  const config = (query: string) => ({ circuits: { since: { query, in: { '?min': 2, '[?at ...]': times } } } })
  const begun = async (folder: MemoryFolder) => {
    const { data, leave } = await page(folder)
    data.transact([1, 2, 3].map(n => ({ ':db/id': n, n, at: new Date(4 + n) })))
    data.load(config(SINCE))
    data.views.get('since')!.setInput('?min', 1)
    await leave()
  }

  it('come back with their inputs as they were last set, and follow', async () => {
    const folder = new MemoryFolder()
    await begun(folder)
    for (const resume of [(d: language.Datalog) => { d.load(config(SINCE)) }, (d: language.Datalog) => { d.resume() }]) {
      const { data, leave } = await page(folder)
      resume(data)
      const view = data.views.get('since')!
      expect([view.inputs, view.get()]).toEqual([{ '?min': 1, '[?at ...]': times }, [[1], [3]]])
      const log = told(view)
      view.setInput('[?at ...]', [new Date(6)])
      view.setInput('[?at ...]', times)
      expect(log.take()).toEqual([{ added: [[2]], removed: [[1], [3]] }, { added: [[1], [3]], removed: [[2]] }])
      // Inputs of pages before are gone from the table.
      expect(data.db.stats().tables.find(t => t.name === ':db/input')!.rows).toBe(1 + 3)
      expect(view.verify().ok).toBe(true)
      await leave()
    }
  })

  it('have the inputs of a saved state where one is loaded, whatever the storage has kept', async () => {
    const folder = new MemoryFolder()
    await begun(folder)
    const first = await page(folder)
    first.data.load(config(SINCE))
    first.data.views.get('since')!.setInput('?min', 3)
    const saved = structuredClone(first.data.save())
    first.data.views.get('since')!.setInput('?min', 1)
    await first.leave()
    for (const state of [saved, undefined]) {
      const { data, leave } = await page(folder)
      data.load(config(SINCE), { state })
      expect([data.views.get('since')!.inputs, data.views.get('since')!.get()]).toEqual([{ '?min': 3, '[?at ...]': times }, [[3]]])
      await leave()
    }
    // One that the state has not is as the configuration says.
    const { data, leave } = await page(folder)
    data.load(config(SINCE), { state: { ...saved, circuits: {} } })
    expect(data.views.get('since')!.inputs).toEqual({ '?min': 2, '[?at ...]': times })
    await leave()
  })

  it('are what they were after a configuration that could not be loaded', async () => {
    const folder = new MemoryFolder()
    await begun(folder)
    const { data, leave } = await page(folder)
    const before = data.kept
    const bad = { circuits: { ...config(SINCE.replace('>=', '>')).circuits, more: { query: '[:find ?e :where [?e :n]]' }, bad: { query: SINCE, in: { '?min': 'x' } } } }
    for (const options of [{ onMismatch: 'rebuild' }, { onMismatch: 'rebuild', state: structuredClone(data.save()) }] as const) expect(failure(() => { data.load(bad, options) }).path).toMatch(/^circuits.bad/)
    expect([data.kept, [...data.views.keys()]]).toEqual([before, []])
    await leave()
    const next = await page(folder)
    next.data.load(config(SINCE))
    expect([next.data.kept, next.data.views.get('since')!.inputs]).toEqual([before, { '?min': 1, '[?at ...]': times }])
    await next.leave()
  })

  it('are an error when they are defined otherwise now, or not at all, unless the configuration counts', async () => {
    const folder = new MemoryFolder()
    await begun(folder)
    const edited = SINCE.replace('>=', '>')
    const { data, leave } = await page(folder)
    expect(failure(() => { data.load(config(edited)) })).toMatchObject({ code: 'DEFINITION_MISMATCH', offending: 'since' })
    expect(failure(() => { data.load({ circuits: {} }) })).toMatchObject({ code: 'DEFINITION_MISMATCH', offending: 'since' })
    expect(failure(() => data.view('since', { query: edited, in: { '?min': 1, '[?at ...]': times }, storage: 'durable' })).code).toBe('DEFINITION_MISMATCH')
    expect([...data.views.keys()]).toEqual([])
    data.load(config(edited), { onMismatch: 'rebuild' })
    expect([data.views.get('since')!.inputs, data.views.get('since')!.get()]).toEqual([{ '?min': 2, '[?at ...]': times }, [[3]]])
    await leave()
    const next = await page(folder)
    expect(next.data.kept.get('since')!.hash).toBe(next.data.view('x', { query: edited, in: { '?min': 1, '[?at ...]': times } }).hash)
    next.data.load({ circuits: {} }, { onMismatch: 'rebuild' })
    await next.leave()
    const last = await page(folder)
    expect([...last.data.kept]).toEqual([])
    await last.leave()
  })

  it('are forgotten when told so; a database without storage keeps none', async () => {
    const folder = new MemoryFolder()
    await begun(folder)
    const { data, leave } = await page(folder)
    data.resume()[0].drop()
    expect(data.kept.size).toBe(1)
    data.resume()[0].drop({ forget: true })
    await leave()
    const next = await page(folder)
    expect(next.data.resume()).toEqual([])
    await next.leave()
    const db = await eddyline.createDatabase({ schema: eddyline.defineSchema(language.facts({ n: 'int' })) })
    expect(failure(() => language.datalog(db).view('v', { query: '[:find ?e :where [?e :n]]', storage: 'durable' })).code).toBe('NOT_DURABLE')
    expect(language.datalog(db).resume()).toEqual([])
  })
})

it('views that live count as defined: a second configuration is loaded beside the first, and beside views kept by themselves', async () => {
  const folder = new MemoryFolder()
  const [A, B, C] = ['[:find ?e :where [?e :n]]', '[:find ?n :where [_ :n ?n]]', '[:find ?e :where [?e :at]]'].map(query => ({ query }))
  const first = await page(folder)
  first.data.view('solo', { ...C, storage: 'durable' })
  first.data.load({ circuits: { a: A } })
  first.data.load({ circuits: { b: B } }, { onMismatch: 'rebuild' })
  expect([[...first.data.views.keys()], [...first.data.kept.keys()].sort()]).toEqual([['solo', 'a', 'b'], ['a', 'b', 'solo']])
  // What was dropped but kept is not defined any more.
  first.data.views.get('solo')!.drop()
  expect(failure(() => { first.data.load({ circuits: { c: C } }) })).toMatchObject({ code: 'DEFINITION_MISMATCH', path: 'circuits.solo' })
  await first.leave()
  // A page that says nothing of a circuit is refused as before; one that makes it first is not.
  const second = await page(folder)
  expect(failure(() => { second.data.load({ circuits: { a: A, b: B } }) })).toMatchObject({ code: 'DEFINITION_MISMATCH', path: 'circuits.solo' })
  // A living view that is another is none of it.
  const other = second.data.view('solo', A)
  expect(failure(() => { second.data.load({ circuits: { a: A, b: B } }) })).toMatchObject({ code: 'DEFINITION_MISMATCH', path: 'circuits.solo', message: expect.stringContaining('otherwise') })
  other.drop()
  second.data.view('solo', C)
  second.data.load({ circuits: { a: A, b: B } })
  expect([[...second.data.views.keys()], [...second.data.kept.keys()].sort()]).toEqual([['solo', 'a', 'b'], ['a', 'b', 'solo']])
  await second.leave()
})
