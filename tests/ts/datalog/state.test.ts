// What is saved, restored, loaded, read from sources; and what listeners hear.
import { expect, it } from 'vitest'
import { failure, told, world } from '../heritage/wizard.js'

const N = '[:find ?e ?n :where [?e :n ?n]]'

it('an older state takes the place of a newer one, and sources read on from where it was', async () => {
  const { data } = await world({ n: 'int' })
  const log: [number, string, number, number][] = [[1, 'n', 1, 10]]
  const reads: (number | undefined)[] = []
  const source = { name: 's', datoms: (since: number | undefined) => { reads.push(since); return log.filter(d => d[3] > (since ?? 0)) } }
  await data.sync(source)
  const old = structuredClone(data.save())
  log.push([1, 'n', 2, 11])
  await data.sync(source)
  data.transact([{ ':db/id': 5, n: 5 }])
  const view = data.view('n', { query: N })
  const heard = told(view)
  data.restore(old)
  expect(heard.take()).toEqual([{ added: [[1, 1]], removed: [[1, 2], [5, 5]] }])
  expect([data.q(N), data.lastTx, data.pull('[:n]', 5)]).toEqual([[[1, 1]], 10, null])
  await data.sync(source)
  expect([reads, data.q(N), data.lastTx]).toEqual([[undefined, 10, 10], [[1, 2]], 11])
})

it('the last transaction is that of the source, if it is the last', async () => {
  const { data } = await world({ n: 'int' })
  const view = data.view('n', { query: N })
  const seen: number[] = []
  view.listen(() => { seen.push(view.lastTx) })
  await data.sync({ datoms: () => [[1, 'n', 1, 7], [2, 'n', 2, 8]] }, { chunk: 1 })
  expect([view.lastTx, data.lastTx, seen]).toEqual([8, 8, [7, 8]])
  // Transactions of one's own come behind those of sources, and never share a number with them.
  await data.sync({ name: 'far', datoms: () => [[3, 'n', 3, 900_000_000]] })
  expect([data.lastTx, data.transact([{ ':db/id': 9, n: 9 }]).tx, data.lastTx]).toEqual([900_000_000, 900_000_001, 900_000_001])
})

it('a state with a wrong value is refused with its place, and nothing has changed', async () => {
  const { data } = await world({ n: 'int', s: 'string' })
  data.transact([{ ':db/id': 1, n: 1, s: 'a' }])
  const state = structuredClone(data.save()) as any
  data.transact([{ ':db/id': 2, n: 2 }])
  const bad = (change: (s: any) => void) => { const s = structuredClone(state); change(s); return failure(() => { data.restore(s) }) }
  expect(bad(s => { s.facts[':s'][0].v = 5 })).toMatchObject({ code: 'STATE_INVALID', path: 'state.facts.:s[0].v' })
  expect(bad(s => { s.facts[':n'] = 'x' })).toMatchObject({ code: 'STATE_INVALID', path: 'state.facts.:n' })
  expect(bad(s => { s.positions.datalog = 'x' })).toMatchObject({ code: 'STATE_INVALID', path: 'state.positions.datalog' })
  expect(bad(s => { delete s.positions })).toMatchObject({ code: 'STATE_INVALID', path: 'state' })
  expect([data.q(N), data.lastTx]).toEqual([[[1, 1], [2, 2]], 0x20000002])
})

it('a configuration is loaded whole or not at all; its error names the circuit', async () => {
  const { data } = await world({ n: 'int' })
  data.transact([{ ':db/id': 1, n: 1 }])
  const good = { query: N }
  const bad = (circuits: unknown, options?: object) => failure(() => { data.load({ circuits } as never, options) })
  expect(bad({ a: good, b: { query: '[:find ?e :where [?e :m]]' } })).toMatchObject({ code: 'UNKNOWN_ATTRIBUTE', path: 'circuits.b.query 1:22', offending: 'm' })
  expect(bad({ a: good, b: { query: '[:find ?e' } })).toMatchObject({ code: 'DATALOG_SYNTAX', path: 'circuits.b.query 1:10' })
  expect(bad({ a: good, b: { query: '[:find ?n :in ?e :where [?e :n ?n]]' } })).toMatchObject({ code: 'DATALOG_INPUT', path: 'circuits.b.query 1:15' })
  expect(bad({ a: { qury: N } })).toMatchObject({ code: 'CONFIGURATION_INVALID', path: 'circuits.a.qury', nearest: 'query' })
  expect(failure(() => { data.load({} as never) })).toMatchObject({ code: 'CONFIGURATION_INVALID', path: 'circuits' })
  expect(failure(() => { data.load(undefined as never) }).code).toBe('CONFIGURATION_INVALID')
  // Facts of a state go back, too.
  const { data: other } = await world({ n: 'int' })
  other.transact([{ ':db/id': 2, n: 2 }])
  const state = structuredClone(other.save())
  expect(bad({ a: good, b: { query: '[:find ?e :where [?e :m]]' } }, { state }).code).toBe('UNKNOWN_ATTRIBUTE')
  expect([[...data.views.keys()], data.q(N)]).toEqual([[], [[1, 1]]])
  data.load({ circuits: { a: good } }, { state })
  expect(data.views.get('a')!.get()).toEqual([[2, 2]])
  expect(bad({ b: good, a: good })).toMatchObject({ code: 'DUPLICATE_VIEW', path: 'circuits.a' })
  expect([...data.views.keys()]).toEqual(['a'])
})

it('sources and their facts are refused with the place among all facts', async () => {
  const { data } = await world({ n: 'int' })
  const sync = (source: unknown, options?: object) => data.sync(source as never, options).then(() => undefined, (e: unknown) => e)
  const facts = [[1, 'n', 1, 1], [2, 'n', 2, 2], [3, 'n', 'x', 3]]
  expect(await sync({ name: 'a', datoms: () => facts }, { chunk: 1 })).toMatchObject({ code: 'TX_TYPE', path: 'datoms[2]' })
  expect(data.q('[:find (count ?e) . :where [?e :n]]')).toBe(2)
  expect(await sync({ name: 'b', datoms: () => [[1, 'n', 1, 2], [1, 'm', 1, 1]] })).toMatchObject({ code: 'UNKNOWN_ATTRIBUTE', path: 'datoms[1]' })
  expect(await sync({ name: 'c', datoms: () => [[1, 'n', 1, 2], [1, 'n', 1]] })).toMatchObject({ code: 'SOURCE_INVALID', path: 'datoms[1]' })
  expect(await sync({ name: 'd', datoms: () => [5] })).toMatchObject({ code: 'SOURCE_INVALID', path: 'datoms[0]' })
  expect(await sync({ name: 'e', datoms: () => 5 })).toMatchObject({ code: 'SOURCE_INVALID', path: 'source.datoms' })
  expect(await sync(undefined)).toMatchObject({ code: 'SOURCE_INVALID', path: 'source.datoms' })
  expect(await sync({ name: 'f', datoms: () => [], max: 5 })).toMatchObject({ code: 'SOURCE_INVALID', path: 'source.max' })
})

it('an error that is over is no difference', async () => {
  const { data } = await world({ n: 'int' })
  data.transact([{ ':db/id': 1, n: 5 }])
  const view = data.view('v', { query: '[:find ?x :where [?e :n ?n] [(/ 10 ?n) ?x]]' })
  const log = told(view)
  data.transact([{ ':db/id': 2, n: 0 }])
  expect([view.error?.code, log.take()]).toEqual(['DIVISION_BY_ZERO', []])
  data.transact([[':db/retract', 2, 'n', 0]])
  expect([view.error, log.take()]).toEqual([undefined, []])
  data.transact([{ ':db/id': 2, n: 0 }])
  data.transact([{ ':db/id': 2, n: 2 }])
  expect(log.take()).toEqual([{ added: [[5]], removed: [] }])
})

it('listeners get rows as `:keys` names them, and may not return promises', async () => {
  const { data, errors } = await world({ n: 'int' })
  const view = data.view('v', { query: '[:find ?e ?n :keys e n :where [?e :n ?n]]' })
  const log = told(view)
  view.listen((async () => [[':db/add', 7, 'n', 1]]) as never)
  data.transact([{ ':db/id': 1, n: 5 }])
  data.transact([{ ':db/id': 1, n: 6 }])
  expect(log.take()).toEqual([{ added: [{ e: 1, n: 5 }], removed: [] }, { added: [{ e: 1, n: 6 }], removed: [{ e: 1, n: 5 }] }])
  await new Promise(resolve => { setTimeout(resolve) })
  expect(errors).toMatchObject([{ code: 'LISTENER_INVALID', path: 'v' }, { code: 'LISTENER_INVALID' }])
  expect(data.q('[:find ?n . :where [7 :n ?n]]')).toBeNull()
})

it('bytes, and lookup references within lists, are inputs', async () => {
  const { data } = await world({ b: 'bytes', email: { type: 'string', unique: true }, name: 'string' })
  data.transact([{ ':db/id': 1, b: new Uint8Array([1, 2]), email: 'a', name: 'A' }, { ':db/id': 2, b: new Uint8Array([3]), email: 'b', name: 'B' }])
  expect(data.q('[:find [?e ...] :in $ ?b :where [?e :b ?b]]', new Uint8Array([1, 2]))).toEqual([1])
  const view = data.view('b', { query: '[:find [?e ...] :in [?b ...] :where [?e :b ?b]]', in: { '[?b ...]': [new Uint8Array([3])] } })
  const log = told(view)
  view.setInput('[?b ...]', [new Uint8Array([1, 2])])
  expect([view.get(), log.take()]).toEqual([[1], [{ added: [[1]], removed: [[2]] }]])
  const names = '[:find [?n ...] :in $ [?e ...] :where [?e :name ?n]]'
  expect([data.q(names, [[':email', 'b'], 1]), data.q(names, [[':email', 'nobody'], 2])]).toEqual([['A', 'B'], ['B']])
  expect(data.q('[:find ?n . :in $ ?e :where [?e :name ?n]]', [':email', 'nobody'])).toBeNull()
  // A tuple is a tuple, also where it looks like a reference.
  expect(data.q('[:find ?a ?b :in $ [?a ?b]]', [':email', 'b'])).toEqual([[':email', 'b']])
})

it('what a rule leaves open is told at the rule', async () => {
  const { data } = await world({ n: 'int' })
  const q = '[:find ?a ?b :in $ % :where\n (c ?a ?b)]'
  expect(failure(() => data.q(q, '[[(c ?a ?b) [?a :n]]]'))).toMatchObject({ code: 'DATALOG_UNSAFE', path: 'rules 1:2', offending: '?b', message: expect.stringContaining('query 2:2') })
  expect(failure(() => data.q(q, '[[(c ?a ?b) [?a :n ?b]]\n [(c ?x ?y) [?x :n] [(< ?y 3)]]]'))).toMatchObject({ path: 'rules 2:2', offending: '?y' })
  // What the rule asks for is missing where it is called.
  expect(failure(() => data.q(q, '[[(c [?a] ?b) [?a :n ?b]]]'))).toMatchObject({ path: 'query 2:2' })
})
