// The subset of DataScript's JavaScript API, as its own tests use it, and what is ours: values that stay, answers that follow.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { createDatabase } from '../../../pkg/index.inline.js'
import { load } from '../../../pkg/datascript/index.js'
import { failure, sorted } from '../heritage/wizard.js'

const datascript = createRequire(import.meta.url)('datascript') as Record<string, (...args: any[]) => any>
const d = await load(createDatabase as never)
const TX0 = 0x20000000
const REFS = { father: { ':db/valueType': ':db.type/ref' }, children: { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many' } }
const family = d.db_with(d.empty_db(REFS), [{ ':db/id': 1, name: 'Ivan', children: [10] }, { ':db/id': 10, father: 1, children: [100, 101] }, { ':db/id': 100, father: 10 }])
const people = d.db_with(d.empty_db(), [{ ':db/id': 1, name: 'Ivan', age: 15 }, { ':db/id': 2, name: 'Petr', age: 37 }, { ':db/id': 3, name: 'Ivan', age: 37 }])
const facts = (datoms: readonly any[]): unknown[] => datoms.map(x => [x.e, x.a, x.v, x.tx])

it('db_with leaves the value before as it is', () => {
  const one = d.db_with(d.empty_db(), [[':db/add', 1, 'name', 'Ivan'], [':db/add', 1, 'age', 17]])
  const two = d.db_with(one, [{ ':db/id': 2, name: 'Igor', age: 35 }])
  const q = '[:find ?n ?a :where [?e "name" ?n] [?e "age" ?a]]'
  expect(d.q(q, one)).toEqual([['Ivan', 17]])
  expect(sorted(d.q(q, two) as unknown[])).toEqual([['Igor', 35], ['Ivan', 17]])
})

it('nested maps are entities, forward and back', () => {
  const q = '[:find ?e ?a ?v :where [?e ?a ?v]]'
  const empty = d.empty_db({ profile: { ':db/valueType': ':db.type/ref' }, 'user/profile': { ':db/valueType': ':db.type/ref' } })
  expect(sorted(d.q(q, d.db_with(empty, [{ name: 'Igor', profile: { email: '@2' } }])) as unknown[])).toEqual([[1, 'name', 'Igor'], [1, 'profile', 2], [2, 'email', '@2']])
  expect(sorted(d.q(q, d.db_with(empty, [{ email: '@2', _profile: { name: 'Igor' } }])) as unknown[])).toEqual([[1, 'email', '@2'], [2, 'name', 'Igor'], [2, 'profile', 1]])
  expect(sorted(d.q(q, d.db_with(empty, [{ email: '@2', 'user/_profile': { name: 'Igor' } }])) as unknown[])).toEqual([[1, 'email', '@2'], [2, 'name', 'Igor'], [2, 'user/profile', 1]])
})

it('init_db takes datoms as lists and as objects', () => {
  const q = '[:find ?n ?a ?tx :where [?e "name" ?n ?tx] [?e "age" ?a]]'
  const want = [['Igor', 35, TX0 + 1], ['Ivan', 17, TX0]]
  expect(sorted(d.q(q, d.init_db([[1, 'name', 'Ivan'], [1, 'age', 17], [2, 'name', 'Igor', TX0 + 1], [2, 'age', 35, TX0 + 1]])) as unknown[])).toEqual(want)
  expect(sorted(d.q(q, d.init_db([{ e: 1, a: 'name', v: 'Ivan' }, { e: 1, a: 'age', v: 17 }, { e: 2, a: 'name', v: 'Igor', tx: TX0 + 1 }, { e: 2, a: 'age', v: 35, tx: TX0 + 1 }] as never)) as unknown[])).toEqual(want)
})

it('functions of transactions see the value before', () => {
  const set = (_: unknown, e: number, n: string, a: number): unknown[] => [[':db/add', e, 'name', n], [':db/add', e, 'age', a]]
  expect(d.q('[:find ?n ?a :where [?e "name" ?n] [?e "age" ?a]]', d.db_with(d.empty_db(), [[':db.fn/call', set, 1, 'Ilya', 44]]))).toEqual([['Ilya', 44]])
})

it('reports say what was written, and listeners get them', () => {
  const conn = d.create_conn()
  const log: any[] = []
  d.listen(conn, (report: any) => { log.push([facts(report.tx_data), report.tx_meta]) })
  const before = d.db(conn)
  const report = d.transact(conn, [[':db/add', -1, 'name', 'Ivan'], [':db/add', -1, 'age', 17]], { some: 1 })
  expect(facts(report.tx_data)).toEqual([[1, 'name', 'Ivan', TX0 + 1], [1, 'age', 17, TX0 + 1]])
  expect(report.tempids).toEqual({ '-1': 1, ':db/current-tx': TX0 + 1 })
  expect(d.resolve_tempid(report.tempids, -1)).toBe(1)
  expect(log).toEqual([[facts(report.tx_data), { some: 1 }]])
  expect(report.db_before).toBe(before)
  expect(report.db_after).toBe(d.db(conn))
  // The value before is still what it was.
  d.transact(conn, [[':db/add', 1, 'name', 'Oleg'], [':db.fn/retractAttribute', 1, 'age']])
  expect(facts(d.datoms(before, ':eavt'))).toEqual([])
  expect(facts(d.datoms(report.db_after, ':eavt'))).toEqual([[1, 'age', 17, TX0 + 1], [1, 'name', 'Ivan', TX0 + 1]])
  expect(facts(d.datoms(d.db(conn), ':eavt'))).toEqual([[1, 'name', 'Oleg', TX0 + 2]])
})

it('entities are read by attribute, forward and back', () => {
  const e = (id: number): any => d.entity(family, id)
  const ids = (list: any): number[] => list.map((x: any) => x.get(':db/id'))
  expect([e(1).get('name'), e(1).get('age'), ids(e(10).get('children')), e(10).get('father').get(':db/id'), ids(e(10).get('father').get('children'))]).toEqual(['Ivan', null, [100, 101], 1, [10]])
  expect([e(1).get('_children'), ids(e(1).get('_father')), ids(e(100).get('_children')[0].get('_children'))]).toEqual([null, [10], [1]])
  expect([e(10).key_set().sort(), e(1).db === family]).toEqual([['children', 'father'], true])
})

it('transactions are numbered on in values that are made of one, also behind those that left no facts', () => {
  const conn = d.create_conn()
  d.transact(conn, [{ ':db/id': 1, name: 'Ivan' }])
  d.transact(conn, [{ ':db/id': 2, name: 'Oleg' }])
  d.transact(conn, [[':db.fn/retractEntity', 2]])
  // With an attribute that nobody has had, too.
  const more = [{ ':db/id': 3, name: 'Petr', note: 'n' }]
  const txs = (db: any): number[] => d.datoms(db, ':eavt', 3).map(x => x.tx - TX0)
  expect([txs(d.db_with(d.db(conn), more)), txs(d.transact(d.conn_from_db(d.db(conn)), more).db_after), txs(d.transact(conn, more).db_after)]).toEqual([[4, 4], [4, 4], [4, 4]])
})

it('of whom nothing is said there is no entity', () => {
  const conn = d.create_conn({ boss: { ':db/valueType': ':db.type/ref' } })
  expect(d.entity(d.db(conn), 1)).toBeNull()
  d.transact(conn, [{ ':db/id': 1, name: 'Ivan', boss: 5 }])
  const before = d.db(conn)
  expect([d.entity(before, 1)?.get('name'), d.entity(before, 2), d.entity(before, 5)]).toEqual(['Ivan', null, null])
  d.transact(conn, [[':db.fn/retractEntity', 1]])
  expect([d.entity(d.db(conn), 1), d.entity(before, 1)?.get('name')]).toEqual([null, 'Ivan'])
})

it('pull, lookup references, the transaction itself', () => {
  expect(d.pull(family, '["children", {"father" ["name" :db/id]}]', 10)).toEqual({ children: [{ ':db/id': 100 }, { ':db/id': 101 }], father: { name: 'Ivan', ':db/id': 1 } })
  const db = d.db_with(d.empty_db({ name: { ':db/unique': ':db.unique/identity' } }), [{ ':db/id': 1, name: 'Ivan' }, { ':db/id': 2, name: 'Oleg' }])
  expect(d.pull_many(db, '["name"]', [['name', 'Ivan'], ['name', 'Oleg']])).toEqual([{ name: 'Ivan' }, { name: 'Oleg' }])
  const conn = d.create_conn({ 'created-at': { ':db/valueType': ':db.type/ref' } })
  const { tempids } = d.transact(conn, [{ name: 'X', 'created-at': ':db/current-tx' }, { ':db/id': ':db/current-tx', prop1: 'val1' }, [':db/add', ':db/current-tx', 'prop2', 'val2'], [':db/add', -1, 'name', 'Y'], [':db/add', -1, 'created-at', ':db/current-tx']])
  const tx = tempids[':db/current-tx']
  expect(facts(d.datoms(d.db(conn), ':eavt'))).toEqual([[1, 'created-at', tx, tx], [1, 'name', 'X', tx], [2, 'created-at', tx, tx], [2, 'name', 'Y', tx], [tx, 'prop1', 'val1', tx], [tx, 'prop2', 'val2', tx]])
})

it('queries over relations, rules, and in every form of find', () => {
  const emails = [['Ivan', 'ivan@mail.ru'], ['Petr', 'petr@gmail.com']]
  const want = [[1, 'ivan@mail.ru'], [2, 'petr@gmail.com'], [3, 'ivan@mail.ru']]
  expect(sorted(d.q('[:find ?e ?email :in $ $b :where [?e "name" ?n] [$b ?n ?email]]', people, emails) as unknown[])).toEqual(want)
  expect(sorted(d.q('[:find ?e ?email :in $ [[?n ?email]] :where [?e "name" ?n]]', people, emails) as unknown[])).toEqual(want)
  expect(sorted(d.q('[:find ?e1 ?e2 :in $ % :where (mate ?e1 ?e2) [(< ?e1 ?e2)]]', people, '[[(mate ?e1 ?e2) [?e1 "name" ?n] [?e2 "name" ?n]] [(mate ?e1 ?e2) [?e1 "age" ?a] [?e2 "age" ?a]]]') as unknown[])).toEqual([[1, 3], [2, 3]])
  expect(d.q('[:find [?name ...] :where [_ "name" ?name]]', people)).toEqual(['Ivan', 'Petr'])
  expect(d.q('[:find [?name ?age] :where [1 "name" ?name] [1 "age" ?age]]', people)).toEqual(['Ivan', 15])
  expect(d.q('[:find ?name . :where [1 "name" ?name]]', people)).toBe('Ivan')
  expect(failure(() => d.q('[:find ?e :in $ ?adult :where [?e "age" ?a] [(?adult ?a)]]', people, (a: number) => a > 18)).code).toBe('DATALOG_INPUT')
})

it('a fact that is taken and given again: its transaction, and what reports say of it', () => {
  const schema = { tags: { ':db/cardinality': ':db.cardinality/many' } }
  const first = [{ ':db/id': 1, name: 'a', tags: ['x'] }]
  const last = (lib: any, ...txs: unknown[]): unknown => {
    const conn = lib.create_conn(schema)
    let tx_data: any[] = []
    for (const tx of [first, ...txs]) ({ tx_data } = lib.transact(conn, tx))
    return [tx_data.length, lib.datoms(lib.db(conn), ':eavt').map((x: any) => [x.a, x.v, x.tx - 2 ** 29])]
  }
  for (const [a, v] of [['name', 'a'], ['tags', 'x']]) {
    const out = [':db/retract', 1, a, v], back = [':db/add', 1, a, v], at = (tx: number): unknown => [['name', 'a', a === 'name' ? tx : 1], ['tags', 'x', a === 'tags' ? tx : 1]]
    for (const lib of [d, datascript]) expect(last(lib, [out], [back])).toEqual([1, at(3)])
    expect([last(d, [out, back]), last(datascript, [out, back])]).toEqual([[0, at(1)], [2, at(2)]])
  }
  const other = [[':db/add', 1, 'name', 'b'], [':db/add', 1, 'name', 'a']]
  expect([last(d, other), last(datascript, other)]).toEqual([[0, [['name', 'a', 1], ['tags', 'x', 1]]], [4, [['name', 'a', 2], ['tags', 'x', 1]]]])
})

it('owners of a component: the first of them is pulled, and an entity has them all', () => {
  for (const lib of [d, datascript] as any[]) {
    const conn = lib.create_conn({ part: { ':db/valueType': ':db.type/ref', ':db/isComponent': true, ':db/cardinality': ':db.cardinality/many' } })
    lib.transact(conn, [{ ':db/id': 2, name: 'second', part: [3] }, { ':db/id': 3, name: 'part' }])
    lib.transact(conn, [{ ':db/id': 1, name: 'first', part: [3] }])
    const pulled = (pattern: string, e: number): unknown => lib.pull(lib.db(conn), pattern, e)
    expect([pulled('["_part"]', 3), pulled('[{"_part" ["name"]}]', 3), pulled('[{"part" ["name" "_part"]}]', 2)]).toEqual([
      { _part: { ':db/id': 1 } }, { _part: { name: 'first' } }, { part: [{ name: 'part', _part: { ':db/id': 1 } }] },
    ])
    if (lib === d) expect(d.entity(d.db(conn), 3)!.get('_part')).toMatchObject([{ eid: 1 }, { eid: 2 }])
  }
})

it('what DataScript does wrong is right here', () => {
  const db = d.db_with(d.empty_db({ next: { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many' } }), [[':db/add', 1, 'next', 2], [':db/add', 2, 'next', 1], [':db/add', 2, 'next', 3], [':db/add', 4, 'next', 4]])
  const both = '[[(reach ?a ?b) [?a "next" ?b]] [(reach ?a ?b) (reach ?a ?c) (reach ?c ?b)]]'
  const mutual = '[[(reach ?a ?b) [?a "next" ?b]] [(reach ?a ?b) [?a "next" ?c] (way ?c ?b)] [(way ?a ?b) (reach ?a ?b)]]'
  for (const rules of [both, mutual]) {
    expect(d.q('[:find [?a ...] :in $ % :where (reach ?a ?a)]', db, rules)).toEqual([1, 2, 4])
    expect(d.q('[:find [?b ...] :in $ % :where (reach 1 ?b)]', db, rules)).toEqual([1, 2, 3])
  }
  expect(d.q('[:find ?a :where [?a "next" ?a]]', db)).toEqual([[4]])
  expect(d.pull(db, '[["name" :default "?"] "next"]', 2)).toEqual({ name: '?', next: [{ ':db/id': 1 }, { ':db/id': 3 }] })
})

it('a live answer follows its connection, also when attributes come that were not there', () => {
  const conn = d.create_conn()
  const live = d.q_live('[:find ?n ?a :in $ ?min :where [?e "name" ?n] [?e "age" ?a] [(>= ?a ?min)]]', conn, 18)
  const log: unknown[] = []
  live.listen((added, removed) => { log.push([added, removed]) })
  expect(live.get()).toEqual([])
  d.transact(conn, [{ ':db/id': 1, name: 'Ada', age: 36 }])
  d.transact(conn, [{ ':db/id': 2, name: 'Bob', age: 17, email: 'new@attribute' }])
  d.transact(conn, [[':db/add', 2, 'age', 18], [':db/add', 1, 'age', 3]])
  expect(live.get()).toEqual([['Bob', 18]])
  expect(log).toEqual([[[['Ada', 36]], []], [[['Bob', 18]], [['Ada', 36]]]])
  live.dispose()
  expect(failure(() => d.transact(conn, [[':db/add', 1, 'age', 'old']])).code).toBe('TX_TYPE')
})

it('trees of 20,000 levels are answers, and followed', () => {
  const conn = d.create_conn({ next: { ':db/valueType': ':db.type/ref' } })
  d.transact(conn, [[':db/add', 1, 'name', 'root'], ...Array.from({ length: 20_000 }, (_, i) => [':db/add', i + 1, 'next', i + 2])])
  const q = '[:find (pull ?e [:db/id {"next" ...}]) . :where [?e "name"]]'
  const ids = (tree: any): number[] => { const out: number[] = []; for (let t = tree; t !== undefined; t = t.next) out.push(t.id); return out }
  const all = Array.from({ length: 20_001 }, (_, i) => i + 1)
  const live = d.q_live(q, conn)
  const told: number[] = []
  live.listen((added, removed) => { told.push(ids(removed[0][0]).length, ids(added[0][0]).length) })
  expect([ids(d.q(q, d.db(conn))), ids(live.get())]).toEqual([all, all])
  d.transact(conn, [[':db/retract', 20_000, 'next', 20_001]])
  expect([ids(live.get()), told]).toEqual([all.slice(0, -1), [20_001, 20_000]])
})

it('lookup references, wildcards and keys of trees are as in DataScript', () => {
  const schema = { email: { ':db/unique': ':db.unique/identity' }, boss: { ':db/valueType': ':db.type/ref' }, part: { ':db/valueType': ':db.type/ref', ':db/isComponent': true } }
  const tx = [{ ':db/id': 1, email: 'a', name: 'Ada' }, { ':db/id': 2, email: 'b', name: 'Bob', boss: 1, part: { name: 'p' } }]
  const both = <T>(ask: (lib: any) => T): [T, T] => [ask(datascript), ask(d)]
  for (const [theirs, ours] of [
    both(l => l.datoms(l.db_with(l.empty_db(schema), tx), ':eavt', ['email', 'b'], 'name').map((x: any) => [x.e, x.a, x.v])),
    both(l => l.datoms(l.db_with(l.empty_db(schema), tx), ':avet', 'boss', ['email', 'a']).map((x: any) => [x.e, x.a, x.v])),
    both(l => { try { return l.datoms(l.db_with(l.empty_db(schema), tx), ':eavt', ['email', 'nobody']) } catch { return 'refused' } }),
    both(l => l.pull(l.db_with(l.empty_db(schema), tx), '["*"]', 2)),
    both(l => l.q('[:find (pull ?e [:db/id "name" {"boss" ["*"]}]) . :where [?e "boss"]]', l.db_with(l.empty_db(schema), tx))),
    both(l => l.q('[:find ?n :in $ [?e ...] :where [?e "name" ?n]]', l.db_with(l.empty_db(schema), tx), [['email', 'a'], 2]).sort()),
    both(l => l.datoms(l.db_with(l.db_with(l.empty_db(schema), tx), [[':db.fn/retractAttribute', 2, 'part']]), ':eavt').map((x: any) => [x.e, x.a, x.v])),
    both(l => l.datoms(l.db_with(l.empty_db(schema), [{ ':db/id': 1, name: 'A' }, [':db/retract', 1, 'never'], [':db.fn/retractAttribute', 1, 'seen']]), ':eavt').length),
    // New entities: behind those that are named, and never those that were.
    both(l => { const c = l.create_conn(schema); return [tx, [[':db.fn/retractEntity', 3]], [{ ':db/id': -1, name: 'C' }], [{ ':db/id': 9, name: 'D' }, { ':db/id': -1, name: 'E' }]].map(t => l.transact(c, t).tempids['-1'] ?? null) }),
    both(l => { const c = l.create_conn(schema); l.transact(c, [{ name: 'A' }, { name: 'B' }]); l.transact(c, [[':db.fn/retractEntity', 2]]); return l.transact(l.conn_from_db(l.db(c)), [{ ':db/id': -1, name: 'C' }]).tempids['-1'] }),
  ]) expect(ours).toEqual(theirs)
})

it('what is handed over wrongly is an error of ours, with its place and the nearest name', () => {
  const said = (fn: () => unknown) => { const { code, path, nearest } = failure(fn); return [code, path, nearest] }
  const conn = d.create_conn()
  const any = (v: unknown): never => v as never
  // Schemas: options that there are not, and words that they do not take.
  expect(said(() => d.create_conn(any({ a: { ':db/cardinalty': ':db.cardinality/many' } })))).toEqual(['INVALID_ARGUMENT', 'schema.a.:db/cardinalty', ':db/cardinality'])
  expect(said(() => d.empty_db(any({ a: { ':db/cardinality': ':db.cardinality/mny' } })))).toEqual(['INVALID_ARGUMENT', 'schema.a.:db/cardinality', ':db.cardinality/many'])
  expect(said(() => d.empty_db(any({ a: { 'db/unique': 'db.unique/identty' } })))).toEqual(['INVALID_ARGUMENT', 'schema.a.db/unique', ':db.unique/identity'])
  expect(said(() => d.empty_db(any({ a: { ':db/valueType': ':db.type/reff' } })))[2]).toBe(':db.type/ref')
  expect(said(() => d.empty_db(any({ a: { ':db/isComponent': 'yes' } })))[1]).toBe('schema.a.:db/isComponent')
  for (const schema of [5, [], null]) expect(said(() => d.create_conn(any(schema))).slice(0, 2)).toEqual(['INVALID_ARGUMENT', 'schema'])
  expect(said(() => d.create_conn(any({ a: null })))[1]).toBe('schema.a')
  d.create_conn({ a: { ':db/cardinality': 'many', ':my/note': 'of my own', ':db/doc': 'what it is', ':db/index': true } })
  // Connections, values, entities, listeners, lists: one in the place of another.
  for (const fn of [() => d.db(any(undefined)), () => d.transact(any(d.db(conn)), []), () => d.listen(any(5), any(() => {})), () => d.unlisten(any(undefined), 1), () => d.q_live('[:find ?e :where [?e "a"]]', any(d.db(conn)))]) expect(said(fn)[1]).toBe('conn')
  for (const fn of [() => d.pull(any(conn), '[*]', 1), () => d.entity(any(undefined), 1), () => d.datoms(any(5), ':eavt'), () => d.db_with(any(conn), []), () => d.conn_from_db(any(null))]) expect(said(fn)[1]).toBe('db')
  for (const data of [undefined, 5, {}]) expect([said(() => d.transact(conn, any(data))), said(() => d.db_with(d.db(conn), any(data)))]).toEqual([['TX_INVALID', 'tx', undefined], ['TX_INVALID', 'tx', undefined]])
  expect(said(() => d.listen(conn, any(5)))[1]).toBe('callback')
  expect(said(() => d.touch(any(5)))[1]).toBe('entity')
  expect(said(() => d.pull_many(d.db(conn), '[*]', any(5)))[1]).toBe('es')
  expect(said(() => d.init_db(any(5)))[1]).toBe('datoms')
  for (const datom of [[1], [1, 5, 5], ['a', 'b', 1], null, [1, 'a', null]]) expect(said(() => d.init_db(any([[1, 'a', 1], datom])))[1]).toBe('datoms[1]')
  expect(said(() => d.resolve_tempid(any(undefined), -1))[1]).toBe('tempids')
  expect(said(() => d.datoms(d.db(conn), any(undefined)))[1]).toBe('index')
  // Inputs: one that is missing, null, one too many.
  for (const inputs of [[], [null], [5]]) expect(said(() => d.q('[:find ?e :where [?e "a"]]', ...inputs)).slice(0, 2)).toEqual(['DATALOG_INPUT', 'in[0]'])
  expect(said(() => d.q('[:find ?e :where [?e "a"]]', d.db(conn), 5)).slice(0, 2)).toEqual(['DATALOG_INPUT', 'in'])
})

it('attributes that are declared and that nobody has: looked up in vain, nothing to retract, and no type yet', () => {
  const schema = { email: { ':db/unique': ':db.unique/identity' }, aka: { ':db/cardinality': ':db.cardinality/many' }, boss: { ':db/valueType': ':db.type/ref' }, kids: { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many' } }
  const after = (lib: any, ...txs: unknown[]): unknown => {
    const conn = lib.create_conn(schema)
    for (const tx of [[{ ':db/id': 1, name: 'a' }], ...txs]) lib.transact(conn, tx)
    return lib.datoms(lib.db(conn), ':eavt').map((x: any) => [x.e, x.a, x.v])
  }
  const nobody = ['email', 'x']
  for (const tx of [
    [[':db/retract', nobody, 'name', 'a']], [[':db.fn/retractAttribute', nobody, 'name']], [[':db.fn/retractEntity', nobody]], [[':db/retract', nobody, 'email', 'x']], [[':db/retract', nobody, 'never', 'x']], [[':db/retract', 1, 'aka', 'x']],
    [{ ':db/id': 1, aka: [] }], [{ aka: [] }], [{ ':db/id': 1, boss: { ':db/id': 2, name: 'b', aka: [] } }], [{ ':db/id': 1, aka: [] }, { ':db/id': 1, aka: ['x'] }],
    [{ ':db/id': 2, email: 'x' }, { ':db/id': 1, kids: [nobody] }], [[':db/retract', nobody, 'name', 'a'], { ':db/id': 2, email: 'x' }],
  ]) expect(after(d, tx)).toEqual(after(datascript, tx))
  // A value that is looked up or retracted says nothing of the type of those to come.
  for (const item of [[':db/retract', nobody, 'name', 'b'], [':db/retract', 1, 'email', 'x'], [':db/retract', 1, 'aka', 'x']]) expect(after(d, [item], [{ ':db/id': 9, email: 5, aka: [6] }])).toEqual(after(datascript, [item], [{ ':db/id': 9, email: 5, aka: [6] }]))
  const said = (tx: unknown): unknown => { const { code, path } = failure(() => after(d, [tx])); return [code, path] }
  expect([[':db/add', nobody, 'name', 'b'], { ':db/id': nobody, name: 'b' }, { ':db/id': 1, boss: nobody }, { ':db/id': 1, kids: nobody }, [':db.fn/cas', nobody, 'name', 'a', 'b']].map(said)).toEqual(['', '.name', '.boss', '.kids', ''].map(at => ['TX_UNKNOWN_ENTITY', `tx[0]${at}`]))
  // What is not declared is not known, and what is not unique names nobody.
  expect([[':db/retract', ['zip', 'x'], 'name', 'a'], [':db.fn/retractEntity', ['aka', 'x']]].map(said)).toEqual([['UNKNOWN_ATTRIBUTE', 'tx[0]'], ['TX_INVALID', 'tx[0]']])
})

it('nothing cannot be a value of any attribute, known, declared or new', () => {
  const schema = { aka: { ':db/cardinality': ':db.cardinality/many' }, boss: { ':db/valueType': ':db.type/ref' }, kids: { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many' } }
  for (const [item, at] of [
    ...['name', 'nam', 'n', 'aka', 'boss', '_boss'].flatMap(a => [null, undefined].map(v => [{ ':db/id': 1, [a]: v }, `.${a}`])), ...['aka', 'kids', '_boss'].map(a => [{ ':db/id': 1, [a]: [null] }, `.${a}`]), [{ ':db/id': 1, aka: ['x', null] }, '.aka'], [{ boss: { n: null } }, '.boss.n'],
    ...['name', 'nam', 'aka', 'boss'].map(a => [[':db/add', 1, a, null], '']), [[':db.fn/cas', 1, 'n', null, null], ''], [[1, 'n', null], ''], [{ e: 1, a: 'n', v: null }, ''],
  ] as const) for (const lib of [d, datascript] as any[]) {
    const conn = lib.create_conn(schema)
    lib.transact(conn, [{ ':db/id': 1, name: 'a' }])
    if (lib === datascript) expect(() => lib.transact(conn, [item])).toThrow()
    else expect(failure(() => lib.transact(conn, [item]))).toMatchObject({ code: 'TX_INVALID', path: `tx[0]${at as string}`, message: expect.stringContaining('nothing cannot be a value'), nearest: undefined })
    expect(lib.datoms(lib.db(conn), ':eavt')).toHaveLength(1)
  }
})
