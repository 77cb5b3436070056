// HERITAGE 3.3 by its numbers: what the language can say. Each function with values, asked once and kept by a view.
import { describe, expect, it } from 'vitest'
import { add, createDatabase, defineSchema, gte, int, string, table } from '../../../pkg/index.inline.js'
import { datalog, facts } from '../../../pkg/datalog/index.js'
import { failure, sorted, told, world } from '../heritage/wizard.js'

const VALUES = { n: 'int', x: 'number', s: 'string', b: 'boolean', k: 'keyword', tags: { type: 'string', many: true }, next: 'ref' } as const
const one = async () => {
  const { data } = await world(VALUES, { functions: { adult: age => gte(age, 18), plus: (a, b) => add(a, b) } })
  data.transact([{ ':db/id': 1, n: 7, x: 2.5, s: 'Ada/Bo', b: true, k: ':a/b', tags: ['p', 'q'], next: 2 }, { ':db/id': 2, n: -3, s: '' }])
  return data
}
/** Clauses that bind what functions are tried on. */
const GIVEN = '[1 :n ?n] [1 :x ?x] [1 :s ?s] [1 :b ?b] [1 :k ?k]'

describe('3, functions', () => {
  it.each<[string, unknown]>([
    ['+ ?n 1 ?x', 10.5], ['- ?n', -7], ['- ?n 2 1', 4], ['* ?n 2', 14], ['/ ?n 2', 3.5], ['quot ?n 2', 3], ['quot -7 2', -3], ['rem -7 2', -1], ['mod -7 2', 1], ['mod ?x 2', 0.5], ['inc ?n', 8], ['dec ?n', 6], ['abs -4', 4],
    ['max ?n 9 2', 9], ['min ?n 9 2', 2], ['compare ?n 8', -1], ['compare "b" "a"', 1], ['compare 2 2', 0],
    ['= ?n 7', true], ['== ?n 7 8', false], ['not= ?n 7', false], ['!= ?n 8', true], ['< 1 ?n 9', true], ['<= 7 ?n', true], ['> ?n 7', false], ['>= ?n 7 7', true],
    ['zero? 0', true], ['pos? ?n', true], ['neg? ?n', false], ['even? ?n', false], ['odd? -3', true],
    ['true? ?b', true], ['false? ?b', false], ['nil? ?n', false], ['some? ?n', true], ['not ?b', false], ['and ?b true', true], ['or false ?b', true], ['identity ?n', 7],
    ['str ?s "-" ?n', 'Ada/Bo-7'], ['subs ?s 4', 'Bo'], ['subs ?s 0 3', 'Ada'], ['count ?s', 6], ['empty? ""', true], ['empty? ?s', false], ['not-empty ?s', 'Ada/Bo'], ['not-empty ""', null], ['keyword "a" "b"', ':a/b'], ['keyword "z"', ':z'], ['name ?k', 'b'], ['namespace ?k', 'a'],
    ['re-find #"d.\\/B" ?s', 'da/B'], ['re-find #"z|a.*" ?s', 'a/Bo'], ['re-find #"zz" ?s', null], ['re-find #"(?:d|a)+?" ?s', 'd'], ['re-matches #"Ada" ?s', null], ['re-matches #"Ada.*" ?s', 'Ada/Bo'], ['and ?n ?s', 'Ada/Bo'], ['or ?n ?s', 7], ['and ?b ?n', true], ['like ?s "Ada%"', true], ['not-like ?s "Ada%"', false], ['ilike ?s "ada%"', true], ['in ?n [1 7]', true], ['contains? #{1 7} ?n', true],
    ['clojure.string/starts-with? ?s "Ada"', true], ['ends-with? ?s "Bo"', true], ['includes? ?s "a/B"', true], ['blank? " "', true], ['lower-case ?s', 'ada/bo'], ['upper-case ?s', 'ADA/BO'], ['trim " a "', 'a'], ['reverse "ab"', 'ba'],
    ['adult ?n', false], ['plus ?n 1', 8], ['tuple ?n ?s', [7, 'Ada/Bo']],
  ])('(%s) is %j', async (call, value) => {
    const data = await one()
    const query = `[:find ?r . :where ${GIVEN} [(${call}) ?r]]`
    expect([data.q(query), data.view('v', { query }).get()]).toEqual([value, value])
    if (typeof value === 'boolean') expect(data.q(`[:find ?n . :where ${GIVEN} [(${call})]]`)).toBe(value ? 7 : null)
  })

  it('a text that a regular expression does not match is no row, bound or as a condition', async () => {
    const { data } = await world({ s: 'string' })
    data.transact([{ ':db/id': 1, s: 'Ada' }, { ':db/id': 2, s: 'Bob' }, { ':db/id': 3, s: 'Al' }])
    expect(sorted(data.q('[:find ?e ?r :where [?e :s ?s] [(re-matches #"A[a-z]+" ?s) ?r]]') as unknown[])).toEqual([[1, 'Ada'], [3, 'Al']])
    expect(sorted(data.q('[:find ?e :where [?e :s ?s] [(re-matches #"A[a-z]{2}" ?s)]]') as unknown[])).toEqual([[1]])
    expect(data.q('[:find ?e :where [?e :s ?s] (not [(re-matches #"A.*" ?s)])]')).toEqual([[2]])
    const view = data.view('v', { query: '[:find ?e ?r :where [?e :s ?s] [(re-matches #"A[a-z]+" ?s) ?r]]' })
    const log = told(view)
    data.transact([{ ':db/id': 2, s: 'Abe' }, { ':db/id': 3, s: 'Zoe' }])
    expect(log.take()).toEqual([{ added: [[2, 'Abe']], removed: [[3, 'Al']] }])
  })

  it('patterns of regular expressions have names, too', async () => {
    const data = await one()
    expect(data.q('[:find ?e . :where [(re-pattern "^A") ?p] [?e :s ?s] [(re-find ?p ?s)]]')).toBe(1)
  })

  it.each(['rand', 'rand-int 3', 'random-uuid', 'now', 'shuffle ?s'])('(%s) gives something else each time, and is refused where it stands', async call => {
    const data = await one()
    expect(failure(() => data.q(`[:find ?r :where [1 :s ?s]\n [(${call}) ?r]]`))).toMatchObject({ code: 'DATALOG_IMPURE', path: 'query 2:2' })
  })

  it.each<[string, string]>([
    ['[?e :n ?n] [(get-else $ ?e :x 0.5) ?v]', '[1,2.5] [2,0.5]'], ['[?e :n] [(get-else $ ?e :k ":none") ?v]', '[1,":a/b"] [2,":none"]'], ['[?e :n] [(missing? $ ?e :next)] [?e :s ?v]', '[2,""]'],
    ['[?e :n] [(get-some $ ?e :k :s) [?a ?v]]', '[1,":a/b"] [2,""]'], ['[?e :n 7] [(ground 5) ?v]', '[1,5]'], ['[?e :n 7] [(ground [5 6 5]) [?v ...]]', '[1,5] [1,6]'], ['[(ground [3 "a"]) [?e ?v]]', '[3,"a"]'],
    ['[(ground [[3 "a"] [4 "b"]]) [[?e ?v]]]', '[3,"a"] [4,"b"]'], ['[?e :n ?n] [(tuple ?e ?n) ?t] [(untuple ?t) [_ ?v]]', '[1,7] [2,-3]'], ['[?e :n ?v] (not [?e :next _])', '[2,-3]'],
    ['[?e :n ?v] (not-join [?e] [?e :next ?f] [?f :n ?m] [(< ?m 0)])', '[2,-3]'], ['[?e :n ?v] (or [?e :x] [?e :s ""])', '[1,7] [2,-3]'], ['(or-join [?e ?v] [?e :n ?v] (and [?f :next ?e] [?f :n ?v]))', '[1,7] [2,-3] [2,7]'],
    ['[?e :tags ?v] (not (or [?e :n -3] [?e :s ""]))', '[1,"p"] [1,"q"]'], ['[?e :next ?v] [?v :n -3]', '[1,2]'], ['[?e :n ?v] [?e _ 7]', '[1,7]'],
  ])('clauses: %s', async (where, rows) => {
    const data = await one()
    const query = `[:find ?e ?v :where ${where}]`
    const want = rows.split(' ').map(r => JSON.parse(r) as unknown)
    expect([sorted(data.q(query) as unknown[]), sorted(data.view('v', { query }).get() as unknown[])]).toEqual([want, want])
  })

  it.each<[string, string, unknown[], unknown]>([
    ['?x', '?x', [5], [[5]]], ['[?x ?y]', '?x ?y', [[1, 'a']], [[1, 'a']]], ['[?x ...]', '?x', [[2, 1, 2]], [[1], [2]]], ['[[?x _ ?y]]', '?x ?y', [[[1, 9, 'a'], [2, 9, 'b']]], [[1, 'a'], [2, 'b']]],
    ['$ ?x', '?x', [5], [[5]]], ['[?x ...] ?y', '?x ?y', [new Set([1, 2]), true], [[1, true], [2, true]]], ['?x', '?x', [new Date(5)], [[new Date(5)]]], ['?x', '?x', [5n], [[5]]], ['[?x ...]', '?x', [[]], []],
  ])('inputs: :in %s', async (spec, find, inputs, rows) => {
    const data = await one()
    expect(sorted(data.q(`[:find ${find} :in ${spec}]`, ...inputs) as unknown[])).toEqual(rows)
  })

  it('finds relations, collections, tuples, scalars, rows with names, and trees', async () => {
    const data = await one()
    const q = (find: string) => data.q(`[:find ${find} :where [?e :n ?n] [?e :s ?s]]`)
    expect([q('?e ?n'), q('[?n ...]'), q('[?e ?n]'), q('?n .'), q('?e ?n :keys e n'), q('[?e ?n] :strs e n'), q('(pull ?e [:n {:next [:n]}])')]).toEqual([
      [[1, 7], [2, -3]], [-3, 7], [1, 7], -3, [{ e: 1, n: 7 }, { e: 2, n: -3 }], { e: 1, n: 7 }, [[{ ':n': 7, ':next': { ':n': -3 } }], [{ ':n': -3 }]]])
    expect(data.q('[:find (pull ?e ?p) . :in ?p :where [?e :n 7]]', '[:n]')).toEqual({ ':n': 7 })
  })

  it('aggregates: groups, `:with`, each of them by difference', async () => {
    const { data } = await world({ team: 'string', points: 'int' })
    const view = data.view('v', { query: '[:find ?t (count ?p) (count-distinct ?p) (sum ?p) (avg ?p) (min ?p) (max ?p) (median ?p) (min 2 ?p) (max 2 ?p) (distinct ?p) :with ?e :where [?e :team ?t] [?e :points ?p]]' })
    const [sets, spread] = ['[:find (sum ?p) . :where [_ :points ?p]]', '[:find [(variance ?p) (stddev ?p)] :with ?e :where [?e :points ?p]]']
    const log = told(view)
    data.transact([[1, 4], [2, 4], [3, 1], [4, 9]].map(([e, points]) => ({ ':db/id': e, team: 'a', points })))
    expect(log.take()[0].added).toEqual([['a', 4, 3, 18, 4.5, 1, 9, 4, [1, 4], [4, 9], [1, 4, 9]]])
    // Without `:with` equal values are one, as they are in DataScript.
    expect([data.q(sets), data.q(spread)]).toEqual([14, [8.25, Math.sqrt(8.25)]])
    data.transact([[':db/retractEntity', 3]])
    expect(log.take()[0].added).toEqual([['a', 3, 2, 17, 17 / 3, 4, 9, 4, [4, 4], [4, 9], [4, 9]]])
  })

  it.each<[string, string, string, string?]>([
    ['[:find ?q :where [?e :n]]', 'DATALOG_UNSAFE', 'query 1:8'], ['[:find ?e :where [?e :n]\n [(> ?z 3)]]', 'DATALOG_UNSAFE', 'query 2:2'], ['[:find ?e :where [?e :n]\n (not [?f :n 3])]', 'DATALOG_UNSAFE', 'query 2:2'],
    ['[:find ?e :where\n (or [?e :n 3] [?f :s "a"])]', 'DATALOG_UNSAFE_OR', 'query 2:6'], ['[:find ?e :where [?e :nn]]', 'UNKNOWN_ATTRIBUTE', 'query 1:22', 'n'], ['[:find ?x :where [?e :s ?s]\n [(starts-wiht? ?s "a") ?x]]', 'UNKNOWN_FUNCTION', 'query 2:2', 'starts-with?'],
    ['[:find (summ ?n) :where [_ :n ?n]]', 'UNKNOWN_FUNCTION', 'query 1:8', 'sum'], ['[:find (sum ?s) :where [_ :s ?s]]', 'DATALOG_TYPE', 'query 1:8'], ['[:find ?x :where [?e :s ?s] [(+ ?s 1) ?x]]', 'DATALOG_TYPE', 'query 1:29'],
    ['[:find ?x :where [?e :n] [(get-else $ ?e :s 3) ?x]]', 'DATALOG_TYPE', 'query 1:26'], ['[:find ?x :where [(ground [5 "a"]) [?x ...]]]', 'DATALOG_TYPE', 'query 1:18'], ['[:find ?x :where [?e :n] [(get-else $ ?e :tags "") ?x]]', 'DATALOG_TYPE', 'query 1:26'],
  ])('what cannot be answered is refused with its place: %s', async (query, code, path, nearest) => {
    const data = await one()
    const error = failure(() => data.q(query))
    expect(error).toMatchObject({ code, path })
    if (nearest !== undefined) expect(error.nearest).toBe(nearest)
  })
})

describe('1 and 2, facts and rows', () => {
  it('are the same: either front end changes what both see', async () => {
    const db = await createDatabase({ schema: defineSchema({ issue: table({ id: string().key(), title: string(), points: int().nullable() }), ...facts({ label: { type: 'string', many: true } }) }) })
    const data = datalog(db)
    const builder = db.live(db.query.issue.where('points', '>', 2))
    const log = told(data.view('v', { query: '[:find ?e ?t :where [?e :issue/points ?p] [(> ?p 2)] [?e :issue/title ?t]]' }))
    db.apply([{ op: 'insert', table: 'issue', row: { id: 'a', title: 'A', points: 3 } }])
    data.transact([[':db/add', 'a', 'issue/title', 'B']])
    data.transact([[':db/retract', 'a', 'issue/points', 3]])
    expect(log.take()).toEqual([{ added: [['a', 'A']], removed: [] }, { added: [['a', 'B']], removed: [['a', 'A']] }, { added: [], removed: [['a', 'B']] }])
    expect([builder.rows, data.q('[:find ?t . :where ["a" :issue/title ?t]]')]).toEqual([[], 'B'])
    // A fact that is written as a row of its table is a fact.
    db.apply([{ op: 'insert', table: ':label', row: { e: 5, v: 'x', tx: 1 } }] as never)
    expect([data.pull('[*]', 5), data.q('[:find ?tx . :where [5 :label "x" ?tx]]')]).toEqual([{ ':db/id': 5, ':label': ['x'] }, 1])
  })

  it('one value takes the place of another, several are a set; nothing happens twice', async () => {
    const { data } = await world({ name: 'string', aka: { type: 'string', many: true } })
    const log = told(data.view('v', { query: '[:find ?a ?v :where [1 ?a ?v]]' }))
    const datoms = (tx: unknown[]) => data.transact(tx as never).datoms.map(d => [d.a, d.v, d.added])
    expect(datoms([{ ':db/id': 1, name: 'A', aka: ['x', 'y', 'x'] }])).toEqual([[':name', 'A', true], [':aka', 'x', true], [':aka', 'y', true]])
    expect(datoms([[':db/add', 1, 'name', 'B'], [':db/add', 1, 'aka', 'y']])).toEqual([[':name', 'A', false], [':name', 'B', true]])
    expect(datoms([[':db/add', 1, 'name', 'C'], [':db/add', 1, 'name', 'B'], [':db/retract', 1, 'aka', 'none'], [':db/retract', 1, 'aka', 'x'], [':db/add', 1, 'aka', 'x']])).toEqual([])
    expect(log.take()).toEqual([{ added: [[':aka', 'x'], [':aka', 'y'], [':name', 'A']], removed: [] }, { added: [[':name', 'B']], removed: [[':name', 'A']] }])
  })
})

describe('6, values as they are kept', () => {
  it.each<[string, readonly unknown[]]>([
    ['bigint', [-(2n ** 62n), -1n, 0n, 2n ** 62n]], ['timestamp', [new Date(-5), new Date(0), new Date(1e12)]], ['string', ['', 'a', 'a\u0000', 'a\u0000b', 'ab', 'é', '😀']], ['uuid', ['00000000-0000-0000-0000-000000000001', 'ffffffff-0000-0000-0000-000000000000']],
    ['bytes', [new Uint8Array([]), new Uint8Array([0]), new Uint8Array([0, 255]), new Uint8Array([1])]], ['number', [-Infinity, -1.5, 0, 1e-300, 2, Infinity]], ['int', [-(2 ** 53) + 1, -1, 0, 2 ** 53 - 1]], ['boolean', [false, true]], ['keyword', [':a', ':a/b', ':b']],
  ])('%s: all come back, from a state and in order, and are found', async (type, values) => {
    const { data } = await world({ v: type as never })
    data.transact([...values].reverse().map((v, i) => ({ ':db/id': i + 1, v })))
    const { data: next } = await world({ v: type as never })
    next.restore(structuredClone(data.save()))
    const back = (next.q('[:find ?e ?v :where [?e :v ?v]]') as [number, unknown][]).sort((a, b) => b[0] - a[0]).map(r => r[1])
    expect(back).toEqual([...values])
    const ordered = next.db.live({ toJSON: () => ({ from: ':v', orderBy: [{ expr: { op: 'col', name: 'v' } }] }) } as never).rows.map(r => (r as { v: unknown }).v)
    expect(ordered).toEqual([...values])
    for (const [i, v] of values.entries()) expect(next.q('[:find [?e ...] :in ?v :where [?e :v ?v]]', v)).toEqual([values.length - i])
  })
})

describe('any attribute', () => {
  const mixed = async () => {
    const db = await createDatabase({ schema: defineSchema({
      pair: table({ a: int().key(), b: int().key(), w: int().nullable() }), visit: table({ who: string().key(), day: int().key(), place: string() }), issue: table({ id: string().key(), title: string() }),
      ...facts({ n: 'int', name: 'string' }),
    }) })
    const data = datalog(db)
    db.apply([
      { op: 'insert', table: 'pair', row: { a: 1, b: 2, w: 3 } }, { op: 'insert', table: 'pair', row: { a: 1, b: 3, w: null } },
      { op: 'insert', table: 'visit', row: { who: 'Ann', day: 2, place: 'Rome' } }, { op: 'insert', table: 'issue', row: { id: 'i', title: 'One' } },
    ] as never)
    data.transact([{ ':db/id': 7, n: 3, name: 'Rome' }])
    return { db, data }
  }

  const rowsOf = (answer: unknown): unknown[] => sorted(answer as unknown[])

  it('has rows whose keys have several columns, too', async () => {
    const { data } = await mixed()
    expect(rowsOf(data.q('[:find ?e ?a :where [?e :pair/w] [?e ?a ?v]]'))).toEqual([[[1, 2], ':pair/a'], [[1, 2], ':pair/b'], [[1, 2], ':pair/w']])
    expect(rowsOf(data.q('[:find ?e ?a ?v :where [?e ?a ?v]]'))).toEqual(sorted([
      [[1, 2], ':pair/a', 1], [[1, 2], ':pair/b', 2], [[1, 2], ':pair/w', 3], [[1, 3], ':pair/a', 1], [[1, 3], ':pair/b', 3],
      [['Ann', 2], ':visit/who', 'Ann'], [['Ann', 2], ':visit/day', 2], [['Ann', 2], ':visit/place', 'Rome'],
      ['i', ':issue/id', 'i'], ['i', ':issue/title', 'One'], [7, ':n', 3], [7, ':name', 'Rome'],
    ]))
    expect(rowsOf(data.q('[:find ?e ?a :where [?e ?a "Rome"]]'))).toEqual([[7, ':name'], [['Ann', 2], ':visit/place']])
    expect(rowsOf(data.q('[:find ?e (pull ?e [:pair/w :n]) :where [?e _ 3]]'))).toEqual([[7, { ':n': 3 }], [[1, 2], { ':pair/w': 3 }], [[1, 3], null]])
    // A value that entities of several kinds have is one row.
    expect(rowsOf(data.q('[:find ?v :where [?e ?a ?v]]'))).toEqual(sorted([[1], [2], [3], ['Ann'], ['Rome'], ['i'], ['One']]))
    // What is written is no key of several columns.
    expect([rowsOf(data.q('[:find ?a :where [7 ?a]]')), data.q('[:find ?a :where [8 ?a]]')]).toEqual([[[':n'], [':name']], []])
    expect(rowsOf(data.q('[:find ?e ?a :where [?e :visit/day 2] (or [?e ?a "Rome"] [?e ?a "Paris"])]'))).toEqual([[['Ann', 2], ':visit/place']])
    expect(data.q('[:find ?e :where [?e :pair/a 1] (not [?e :pair/w]) (not [?e _ 2])]')).toEqual([[[1, 3]]])
  })

  it('is followed row by row, and found right', async () => {
    const { db, data } = await mixed()
    const view = data.view('v', { query: '[:find ?e ?a ?v :where [?e ?a ?v]]' })
    const values = data.view('w', { query: '[:find ?v :where [?e ?a ?v]]' })
    const heard: unknown[] = []
    view.listen((added, removed) => { heard.push(['v', sorted(added), sorted(removed)]) })
    values.listen((added, removed) => { heard.push(['w', sorted(added), sorted(removed)]) })
    data.transact([{ ':db/id': [1, 2], 'pair/w': 4 }])
    expect(heard.splice(0)).toEqual([['v', [[[1, 2], ':pair/w', 4]], [[[1, 2], ':pair/w', 3]]], ['w', [[4]], []]])
    db.apply([{ op: 'delete', table: 'pair', id: [1, 3] }] as never)
    expect(heard.splice(0)).toEqual([['v', [], [[[1, 3], ':pair/a', 1], [[1, 3], ':pair/b', 3]]]])
    data.transact([[':db/retract', 7, 'n', 3]])
    expect(heard.splice(0)).toEqual([['v', [], [[7, ':n', 3]]], ['w', [], [[3]]]])
    expect([view.verify(), values.verify()]).toEqual([{ ok: true, missing: [], extra: [] }, { ok: true, missing: [], extra: [] }])
    expect(rowsOf(view.get())).toEqual(rowsOf(data.q('[:find ?e ?a ?v :where [?e ?a ?v]]')))
  })
})
