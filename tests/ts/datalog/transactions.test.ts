// Entities of transactions: which number a new one gets, what a key of a row is, what goes with what.
import { expect, it } from 'vitest'
import { createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { datalog, facts } from '../../../pkg/datalog/index.js'
import { failure, world } from '../heritage/wizard.js'

const NAMES = '[:find ?e ?n :where [?e :name ?n]]'
const PEOPLE = { name: 'string', friend: { type: 'ref', many: true }, email: { type: 'string', unique: true }, part: { type: 'ref', many: true, component: true } } as const

it.each([
  ['behind it', [{ ':db/id': 1, name: 'A' }, { name: 'B' }], [[1, 'A'], [2, 'B']]],
  ['before it', [{ name: 'B' }, { ':db/id': 1, name: 'A' }], [[1, 'A'], [2, 'B']]],
  ['in another form', [[':db/add', 1, 'name', 'A'], [':db/add', -1, 'name', 'B']], [[1, 'A'], [2, 'B']]],
  ['as a value', [{ name: 'B', friend: [1] }, { ':db/id': -1, name: 'C' }, [':db/add', 1, 'name', 'A']], [[1, 'A'], [2, 'B'], [3, 'C']]],
  ['nested', [{ ':db/id': 1, name: 'A', friend: [{ name: 'B' }] }], [[1, 'A'], [2, 'B']]],
  ['larger', [{ name: 'A' }, { ':db/id': 5, name: 'B' }, { name: 'C' }], [[1, 'A'], [5, 'B'], [6, 'C']]],
])('a new entity is none that the same transaction names: %s', async (_, tx, want) => {
  const { data } = await world(PEOPLE)
  data.transact(tx as never)
  expect(data.q(NAMES)).toEqual(want)
})

it('a number is not given again when its entity is gone, nor after the state was saved and restored', async () => {
  const { data } = await world(PEOPLE)
  data.transact([{ name: 'A' }, { name: 'B' }])
  data.transact([[':db/retractEntity', 2]])
  expect(data.transact([{ ':db/id': -1, name: 'C' }]).tempids['-1']).toBe(3)
  data.transact([[':db/retractEntity', 3]])
  const { data: next } = await world(PEOPLE)
  next.restore(structuredClone(data.save()))
  expect(next.transact([{ ':db/id': -1, name: 'D' }]).tempids['-1']).toBe(4)
  // A transaction that fails takes none.
  expect(failure(() => next.transact([{ name: 'E' }, { nam: 'F' }])).code).toBe('UNKNOWN_ATTRIBUTE')
  expect(next.transact([{ ':db/id': -1, name: 'G' }]).tempids['-1']).toBe(5)
})

it('a tempid is no key of a row; its own column says what is', async () => {
  const db = await createDatabase({ schema: defineSchema({ num: table({ id: int().key(), v: string() }), issue: table({ id: string().key(), title: string() }), ...facts({ note: 'string' }) }) })
  const data = datalog(db)
  for (const tx of [[{ ':db/id': -1, 'num/v': 'x' }], [[':db/add', -1, 'num/v', 'x']], [{ ':db/id': -1, note: 'n', 'num/v': 'x' }]]) {
    expect(failure(() => data.transact(tx as never))).toMatchObject({ code: 'TX_INVALID', path: expect.stringMatching(/^tx\[0\]/) })
  }
  expect(db.live(db.query.num).rows).toEqual([])
  // A column may be negative, and a tempid beside it is for the facts.
  const { tempids } = data.transact([{ ':db/id': -7, 'num/id': -1, 'num/v': 'x', note: 'n' }])
  expect([db.live(db.query.num).rows, data.q('[:find ?e ?n :where [?e :note ?n]]')]).toEqual([[{ id: -1, v: 'x' }], [[tempids['-7'], 'n']]])
  // Rows are found by what is unique of them, too.
  data.transact([{ 'issue/id': 'i1', 'issue/title': 'One' }, [':db/add', [':issue/id', 'i1'], 'issue/title', 'Two']])
  expect(data.q('[:find ?e ?t :where [?e :issue/title ?t]]')).toEqual([['i1', 'Two']])
  expect(failure(() => data.transact([[':db/retractEntity', 'i1']]))).toMatchObject({ code: 'TX_INVALID' })
})

it.each([
  ['its owner', [[':db/retractEntity', 7], { email: 'b', name: 'new' }]],
  ['the owner of its owner', [[':db/retractEntity', 8], { email: 'b', name: 'new' }]],
  ['an owner that it has got here', [[':db/add', 9, 'part', 2], [':db/retract', 7, 'part', 2], [':db/retractEntity', 9], { email: 'b', name: 'new' }]],
  ['the attribute of its owner', [[':db/retractAttribute', 7, 'part'], [':db/add', -1, 'email', 'b'], [':db/add', -1, 'name', 'new']]],
  ['its owner, after it was named', [{ email: 'b', name: 'old' }, [':db/retractEntity', 7], { email: 'b', name: 'new' }]],
])('a value names nobody once its entity is retracted as a component: with %s', async (_, tx) => {
  const { data } = await world(PEOPLE)
  data.transact([{ ':db/id': 2, email: 'b', name: 'part' }, { ':db/id': 7, part: [2] }, { ':db/id': 8, part: [7] }, { ':db/id': 9, name: 'other' }])
  data.transact(tx as never)
  expect(data.q('[:find ?e ?n :where [?e :email "b"] [?e :name ?n]]')).toEqual([[10, 'new']])
})

it.each([
  ['retracted', [[':db/add', 2, 'email', 'b'], [':db/retract', 2, 'email', 'b'], { email: 'b', name: 'new' }]],
  ['retracted with all others', [[':db/add', 2, 'email', 'b'], [':db/retract', 2, 'email'], { email: 'b', name: 'new' }]],
  ['replaced', [[':db/add', 2, 'email', 'b'], [':db/add', 2, 'email', 'c'], { email: 'b', name: 'new' }]],
  ['gone with its entity', [[':db/add', 2, 'email', 'b'], [':db/retractEntity', 2], { email: 'b', name: 'new' }]],
])('a value that was given here and is %s names nobody', async (_, tx) => {
  const { data } = await world(PEOPLE)
  data.transact([{ ':db/id': 2, name: 'old' }])
  data.transact(tx as never)
  expect(data.q('[:find ?e ?n :where [?e :email "b"] [?e :name ?n]]')).toEqual([[3, 'new']])
})

it.each([
  ['let go', [[':db/retract', 7, 'part', 2], [':db/retractEntity', 7], { email: 'b', name: 'new' }]],
  ['nobody\'s', [[':db/retractEntity', 9], { email: 'b', name: 'new' }]],
])('a component that is %s stays who it is', async (_, tx) => {
  const { data } = await world(PEOPLE)
  data.transact([{ ':db/id': 2, email: 'b', name: 'part' }, { ':db/id': 7, part: [2] }, { ':db/id': 9, name: 'other' }])
  data.transact(tx as never)
  expect(data.q('[:find ?e ?n :where [?e :email "b"] [?e :name ?n]]')).toEqual([[2, 'new']])
})

it('a chain of 10,000 components goes as one, and so does a circle', async () => {
  const { data } = await world(PEOPLE)
  data.transact(Array.from({ length: 10_000 }, (_, i) => [':db/add', i + 1, 'part', i + 2]))
  data.transact([[':db/add', 20_000, 'part', 20_001], [':db/add', 20_001, 'part', 20_000], [':db/add', 7, 'friend', 20_001]])
  data.transact([[':db/retractEntity', 1]])
  expect(data.q('[:find ?a ?b :where [?a :part ?b]]')).toEqual([[20_000, 20_001], [20_001, 20_000]])
  data.transact([[':db/retractEntity', 20_000]])
  expect([data.q('[:find ?a :where [?a :part]]'), data.q('[:find ?a :where [?a :friend]]')]).toEqual([[], []])
})

it('retractAttribute takes components with it, retract leaves them', async () => {
  const { data } = await world(PEOPLE)
  const tx = [{ ':db/id': 1, part: [{ name: 'p' }] }]
  data.transact(tx)
  data.transact([[':db/retract', 1, 'part']])
  expect(data.q(NAMES)).toEqual([[2, 'p']])
  data.transact([[':db/add', 1, 'part', 2]])
  data.transact([[':db/retractAttribute', 1, 'part']])
  expect(data.q(NAMES)).toEqual([])
})

it('a value that is unique can pass from one to another within a transaction', async () => {
  const { data } = await world(PEOPLE)
  data.transact([{ ':db/id': 1, email: 'a' }, { ':db/id': 2, email: 'b' }])
  data.transact([[':db/retract', 1, 'email', 'a'], [':db/add', 2, 'email', 'a'], [':db/add', 1, 'email', 'b']])
  expect(data.q('[:find ?e ?m :where [?e :email ?m]]')).toEqual([[1, 'b'], [2, 'a']])
  expect(failure(() => data.transact([[':db/add', 3, 'email', 'c'], [':db/add', 4, 'email', 'c']])).code).toBe('TX_CONFLICT')
})

it('a value that was given up before names nobody behind it, one that was given names who got it', async () => {
  const { data } = await world(PEOPLE)
  const emails = () => data.q('[:find ?e ?m :where [?e :email ?m]]')
  data.transact([{ ':db/id': 1, email: 'a' }, { ':db/id': 2, email: 'b' }])
  data.transact([[':db/retractEntity', 1], { email: 'a', name: 'new' }])
  expect(emails()).toEqual([[2, 'b'], [3, 'a']])
  data.transact([[':db/add', 2, 'email', 'c'], { email: 'b' }, { ':db/id': -1, email: 'c', name: 'C' }])
  expect([emails(), data.pull('[:name]', 2)]).toEqual([[[2, 'c'], [3, 'a'], [4, 'b']], { ':name': 'C' }])
  // Tempids that turn out to be one are one, whichever is said first.
  const { tempids } = data.transact([[':db/add', -1, 'name', 'X'], [':db/add', -2, 'name', 'Y'], [':db/add', -1, 'email', 'z'], [':db/add', -2, 'email', 'z']])
  expect([tempids['-1'], tempids['-2'], data.pull('[:name :email]', 5)]).toEqual([5, 5, { ':name': 'Y', ':email': 'z' }])
})

it('to retract of what nobody is does nothing', async () => {
  const { data } = await world(PEOPLE)
  data.transact([{ ':db/id': 1, name: 'A' }])
  expect(data.transact([[':db/retractEntity', [':email', 'x']], [':db/retract', [':email', 'x'], 'name', 'A'], [':db/retractEntity', 77], [':db/retractAttribute', 78, 'name']]).datoms).toEqual([])
  expect(data.transact([{ ':db/id': -1, name: 'B' }]).tempids['-1']).toBe(2)
})

it('a lookup ref names one entity for a whole map, also when the map changes what it is named by', async () => {
  const { data } = await world({ em: { type: 'string', unique: 'identity' }, n: 'int', friend: { type: 'ref', many: true } })
  data.transact([{ ':db/id': 1, em: 'p' }, { ':db/id': 2, n: 2 }])
  data.transact([{ ':db/id': [':em', 'p'], em: 'q', n: 1, _friend: 2 }])
  expect(data.q('[:find ?e ?n ?o :where [?e :em "q"] [?e :n ?n] [?o :friend ?e]]')).toEqual([[1, 1, 2]])
  // A nested one, and one that the map before has made.
  data.transact([{ ':db/id': 2, friend: { ':db/id': [':em', 'q'], em: 'r', n: 5 } }, { ':db/id': [':em', 'r'], em: 's', n: 6 }])
  expect(data.q('[:find ?e ?em ?n :where [?e :em ?em] [?e :n ?n] [2 :friend ?e]]')).toEqual([[1, 's', 6]])
  // What is said by itself is looked up by itself, and in the order in which it is said.
  const ref = [':em', 's']
  expect(failure(() => { data.transact([[':db/add', ref, 'em', 't'], [':db/add', ref, 'n', 7]]) })).toMatchObject({ code: 'TX_UNKNOWN_ENTITY' })
  expect(failure(() => { data.transact([{ ':db/id': ref, em: 't' }, { ':db/id': ref, n: 7 }]) })).toMatchObject({ code: 'TX_UNKNOWN_ENTITY', path: 'tx[1].n' })
})

it('a row that comes is reported with its key, as one that goes is', async () => {
  const db = await createDatabase({ schema: defineSchema({ pair: table({ a: int().key(), b: int().key(), n: int().nullable() }), person: table({ id: int().key(), name: string().nullable() }) }) })
  const data = datalog(db)
  const said = (tx: unknown): unknown[] => data.transact(tx as never).datoms.map(d => [d.e, d.a.replace(/^:/, ''), d.v, d.added])
  expect(said([{ 'pair/a': 1, 'pair/b': 2 }])).toEqual([[[1, 2], 'pair/a', 1, true], [[1, 2], 'pair/b', 2, true]])
  expect(said([{ 'pair/a': 1, 'pair/b': 2, 'pair/n': 3 }])).toEqual([[[1, 2], 'pair/n', 3, true]])
  expect(said([[':db/retractEntity', [1, 2], 'pair']])).toEqual([[[1, 2], 'pair/a', 1, false], [[1, 2], 'pair/b', 2, false], [[1, 2], 'pair/n', 3, false]])
  expect(said([[':db/add', 7, 'person/name', 'A']])).toEqual([[7, 'person/id', 7, true], [7, 'person/name', 'A', true]])
  // Gone and there again in one transaction: what is as it was is no difference.
  expect(said([[':db/retractEntity', 7, 'person'], [':db/add', 7, 'person/name', 'B']])).toEqual([[7, 'person/name', 'A', false], [7, 'person/name', 'B', true]])
})

it('of a value with many others beside it a transaction looks at none of these', async () => {
  const { data } = await world({ tag: { type: 'int', many: true }, friend: { type: 'ref', many: true } })
  const sets = (work: () => void): number => {
    const put = Map.prototype.set
    let n = 0
    Map.prototype.set = function (key, value) { n++; return put.call(this, key, value) }
    try { work() } finally { Map.prototype.set = put }
    return n
  }
  const changed = (e: number, n: number): number => {
    data.transact(Array.from({ length: n }, (_, i) => [':db/add', e, 'tag', i] as const))
    data.transact([[':db/add', e, 'tag', -1]])
    return sets(() => { data.transact([[':db/retract', e, 'tag', 3]]); data.transact([[':db/add', e, 'tag', 3], [':db/add', e, 'tag', -2]]) })
  }
  expect(changed(1, 3000)).toBeLessThan(changed(2, 10) + 10)
})

it('values and references come and go among a hundred', async () => {
  const { data } = await world({ tag: { type: 'int', many: true }, friend: { type: 'ref', many: true } })
  const tags = '[:find ?v :where [1 :tag ?v]]', friends = '[:find ?e :where [?e :friend 1]]'
  const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
  const flat = (rows: readonly unknown[]): unknown[] => (rows as unknown[][]).map(r => r[0]).sort((a, b) => (a as number) - (b as number))
  data.transact(numbers(0, 100).flatMap(i => [[':db/add', 1, 'tag', i], [':db/add', 10 + i, 'friend', 1], [':db/add', 10 + i, 'friend', 2]] as never[]))
  data.transact([[':db/retract', 1, 'tag', 5], [':db/add', 1, 'tag', 5], [':db/retract', 1, 'tag', 7], [':db/add', 1, 'tag', 200], [':db/retract', 1, 'tag', 200]] as never)
  expect(flat(data.q(tags) as never)).toEqual(numbers(0, 100).filter(v => v !== 7))
  // Down to a few, one by one, and up again.
  for (const v of numbers(8, 99)) data.transact([[':db/retract', 1, 'tag', v]])
  expect(flat(data.q(tags) as never)).toEqual([0, 1, 2, 3, 4, 5, 6, 99])
  expect(data.pull('[:tag]', 1)).toEqual({ ':tag': [0, 1, 2, 3, 4, 5, 6, 99] })
  data.transact([[':db/retract', 1, 'tag']] as never)
  expect(data.q(tags)).toEqual([])
  for (const e of numbers(10, 60)) data.transact([[':db/retract', e, 'friend', 1]])
  expect(flat(data.q(friends) as never)).toEqual(numbers(60, 110))
  data.transact([[':db/retractEntity', 1]])
  expect([data.q(friends), (data.q('[:find ?e :where [?e :friend 2]]') as unknown[]).length]).toEqual([[], 100])
})
