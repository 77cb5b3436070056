// Options, definitions and arguments as they should not be: each an error of ours with its place and the nearest name.
import { expect, it } from 'vitest'
import { datalog, facts } from '../../../pkg/datalog/index.js'
import { createDatabase, defineSchema } from '../../../pkg/index.inline.js'
import { failure, world } from '../heritage/wizard.js'

const any = (v: unknown): any => v
const query = '[:find ?e :where [?e :n]]'
const one = async () => (await world({ n: 'int', ref: { type: 'ref', many: true } })).data

it.each([['idb', 'durable'], ['opfs', 'durable'], ['OPFS', 'durable'], ['rocksdb', 'durable'], ['durabel', 'durable'], ['memroy', 'memory'], ['disk', undefined], [5, undefined], [null, undefined]])('where a circuit is kept: %j is refused', async (storage, nearest) => {
  const data = await one()
  const is = { code: 'CONFIGURATION_INVALID', nearest, offending: String(storage) }
  for (const error of [failure(() => data.view('v', any({ query, storage }))), failure(() => data.ask(any({ query, storage })))]) {
    expect(error).toMatchObject({ ...is, path: 'storage' })
    expect(error.message.includes('createDatabase({ storage })')).toBe(/^(idb|opfs|rocksdb)$/i.test(String(storage)))
  }
  expect(failure(() => { data.load({ circuits: { v: any({ query, storage }) } }) })).toMatchObject({ ...is, path: 'circuits.v.storage' })
  expect(data.views.size).toBe(0)
  expect(data.view('v', { query, storage: 'memory' }).get()).toEqual([])
})

it.each<[string, unknown, string, string?]>([
  ['datalog', { maxround: 3 }, 'options.maxround', 'maxRounds'], ['datalog', { maxRounds: -3 }, 'options.maxRounds'], ['datalog', { maxRounds: 1.5 }, 'options.maxRounds'], ['datalog', { functions: { x: 5 } }, 'options.functions.x'], ['datalog', { functions: 5 }, 'options.functions'],
  ['datalog', { strict: 'no' }, 'options.strict'], ['datalog', { attributeText: 5 }, 'options.attributeText'], ['datalog', null, 'options'], ['datalog', [], 'options'],
  ['load', { onmismatch: 'rebuild' }, 'options.onmismatch', 'onMismatch'], ['load', { onMismatch: 'rebiuld' }, 'options.onMismatch', 'rebuild'], ['load', { onMismatch: 'x' }, 'options.onMismatch'], ['load', null, 'options'],
  ['sync', { chnk: 3 }, 'options.chnk', 'chunk'], ['sync', { chunk: -1 }, 'options.chunk'], ['sync', { chunk: 0 }, 'options.chunk'], ['sync', { chunk: 'x' }, 'options.chunk'], ['sync', { onProgress: 5 }, 'options.onProgress'], ['sync', { signal: {} }, 'options.signal'], ['sync', null, 'options'],
  ['pull', { tabel: 'n' }, 'options.tabel', 'table'], ['pull', { table: 5 }, 'options.table'], ['drop', { forgte: true }, 'options.forgte', 'forget'],
])('options of %s: %j', async (what, options, path, nearest) => {
  const data = await one()
  const view = data.view('v', { query })
  const calls: Record<string, () => unknown> = {
    datalog: () => datalog(data.db, any(options)), load: () => data.load({ circuits: {} }, any(options)), pull: () => data.pull('[*]', 1, any(options)), drop: () => view.drop(any(options)),
  }
  const error: unknown = what === 'sync' ? await data.sync({ datoms: () => [[1, 'n', 1, 1]] }, any(options)).catch((e: unknown) => e) : failure(calls[what])
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', path, nearest })
  // Nothing has happened.
  expect([view.get(), data.views.get('v') === view]).toEqual([[], true])
})

it('options that are right, and those that are not said, stay so', async () => {
  const db = await createDatabase({ schema: defineSchema(facts({ n: 'int' })) })
  const data = datalog(db, { functions: Object.assign(Object.create(null), { same: (x: unknown) => x }), maxRounds: 0, strict: false, attributeText: n => n, open: false })
  expect(datalog(db, {})).toBe(data)
  expect(await data.sync({ datoms: () => [[1, 'n', 1, 1]] }, { chunk: 1, onProgress: undefined, signal: new AbortController().signal })).toMatchObject({ datoms: 1, cancelled: false })
  expect(data.view('v', { query, rules: undefined, in: {}, onMismatch: 'rebuild' }).get()).toEqual([[1]])
  data.load({ circuits: { w: { query, name: 'of people' } } }, { onMismatch: 'error' })
  expect(data.views.size).toBe(2)
  // No round at all: what a listener returns is one too many.
  data.view('x', { query }).listen(() => [[':db/add', 7, 'n', 7]])
  expect(failure(() => data.transact([[':db/add', 2, 'n', 2]])).code).toBe('MAX_ROUNDS')
})

it('sections of a query that are undefined are absent; null is none', async () => {
  const db = await createDatabase({ schema: defineSchema(facts({ n: 'int' })) })
  const data = datalog(db)
  data.transact([[':db/add', 1, 'n', 1]])
  const map = { find: ['?e'], with: undefined, in: undefined, keys: undefined, rules: undefined, where: [['?e', 'n']] }
  expect(data.view('v', { query: any(map) }).get()).toEqual([[1]])
  expect(data.ask({ query: any(map) })).toEqual([[1]])
  expect(failure(() => data.view('w', { query: any({ ...map, in: null }) }))).toMatchObject({ code: 'DATALOG_SYNTAX', path: 'query.in' })
})

it('definitions: unknown names, and none at all', async () => {
  const data = await one()
  expect(failure(() => data.view('v', any({ query, rule: '[]' })))).toMatchObject({ code: 'CONFIGURATION_INVALID', path: 'rule', offending: 'rule', nearest: 'rules' })
  expect(failure(() => data.view('v', any({ query, onMismatch: 'rebiuld' })))).toMatchObject({ code: 'CONFIGURATION_INVALID', path: 'onMismatch', nearest: 'rebuild' })
  expect(failure(() => data.view('v', any({ query, in: 5 })))).toMatchObject({ code: 'CONFIGURATION_INVALID', path: 'in' })
  expect(failure(() => any(data).view())).toMatchObject({ code: 'CONFIGURATION_INVALID', path: 'name' })
  for (const definition of [undefined, null, 5, query, []]) {
    expect(failure(() => data.view('v', any(definition))).code).toBe('CONFIGURATION_INVALID')
    expect(failure(() => data.ask(any(definition))).code).toBe('CONFIGURATION_INVALID')
  }
  expect(data.views.size).toBe(0)
  const view = data.view('v', { query })
  for (const fn of [5, undefined, null, {}]) expect(failure(() => view.listen(any(fn)))).toMatchObject({ code: 'LISTENER_INVALID', path: 'v' })
  expect(view.listeners.size).toBe(0)
})

it('what is no database, and no list of entities', async () => {
  for (const db of [undefined, null, 5, {}]) expect(failure(() => datalog(any(db)))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'db' })
  const data = await one()
  for (const es of [undefined, null, 5, 'x']) expect(failure(() => data.pullMany('[*]', any(es)))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'es' })
})

it('names of attributes and of inputs are texts', async () => {
  const data = await one()
  const view = data.view('v', { query: '[:find ?e :in ?n :where [?e :n ?n]]', in: { '?n': 1 } })
  for (const name of [undefined, null, 5, {}]) {
    expect(failure(() => data.lookup(any(name), 1))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'attribute' })
    expect(failure(() => { view.setInput(any(name), 1) })).toMatchObject({ code: 'DATALOG_INPUT', path: 'name' })
  }
  expect(view.inputs).toEqual({ '?n': 1 })
})
