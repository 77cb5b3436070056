// What goes wrong says where: the clause as it was written, however deep it stands, when it is read and when rows are evaluated.
import { describe, expect, it } from 'vitest'
import { datalog, facts } from '../../../pkg/datalog/index.js'
import { createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { failure, told } from '../heritage/wizard.js'

const any = (v: unknown): never => v as never

async function world() {
  const schema = defineSchema({ pair: table({ a: int().key(), b: int().key(), w: int().nullable() }), issue: table({ id: string().key(), title: string(), points: int().nullable() }), ...facts({ n: 'int', s: 'string', f: { type: 'ref', many: true }, big: 'bigint' }) })
  const data = datalog(await createDatabase({ schema }))
  data.transact([{ ':db/id': 1, n: 0, s: 'a', f: [2] }, { ':db/id': 2, n: 5, s: 'b' }, { 'pair/a': 1, 'pair/b': 2, 'pair/w': 3 }, { 'pair/a': 1, 'pair/b': 5 }])
  return data
}

describe('a query that cannot be answered', () => {
  it.each<[what: unknown, rules: unknown, code: string, path: string, clause: string]>([
    ['[:find ?e :where [?e :n ?n]\n (not [?e :f ?f] [(incc ?n) ?f])]', undefined, 'UNKNOWN_FUNCTION', 'query 2:18', '[(incc ?n) ?f]'],
    ['[:find ?e :where [?e :n ?n] (or (and [?e :f] [?e :ss ?x]) [?e :s ?x])]', undefined, 'UNKNOWN_ATTRIBUTE', 'query 1:50', '[?e :ss ?x]'],
    ['[:find ?e :in % :where (r ?e)]', '[[(r ?e) [?e :n ?n]\n  (not [(< ?n "a")])]]', 'DATALOG_TYPE', 'rules 2:8', '[(< ?n "a")]'],
    ['[:find ?e :in % :where (r ?e)]', '[[(r ?e) [?e :n 1]] [(r ?e) (r ?e ?e)]]', 'DATALOG_RULE', 'rules 1:29', '(r ?e ?e)'],
    ['[:find ?e :in % :where (r ?e)]', '[[(r ?e) [?e :n] (not (r ?e))]]', 'DATALOG_UNSTRATIFIED', 'rules 1:23', '(r ?e)'],
    ['[:find ?e :where [?e :n ?n] (not [?e :s ?n])]', undefined, 'DATALOG_TYPE', 'query 1:41', '[?e :s ?n]'],
    ['[:find ?e :with ?z :where [?e :n]]', undefined, 'DATALOG_UNSAFE', 'query 1:17', '?z'],
    ['[:find (summ ?n) :where [_ :n ?n]]', undefined, 'UNKNOWN_FUNCTION', 'query 1:8', '(summ ?n)'],
    ['[:find ?e :where [?e :n ?n] [[:n 5] :s ?s]]', undefined, 'DATALOG_TYPE', 'query 1:30', '[[:n 5] :s ?s]'],
    ['[:find (pull ?e [{:f [:ss]}]) :where [?e :n]]', undefined, 'UNKNOWN_ATTRIBUTE', 'query 1:23', '[:ss]'],
    ['[:find ?e :whree [?e :n]]', undefined, 'DATALOG_SYNTAX', 'query 1:11', ':whree'],
    [[':find', '?e', ':where', ['?e', ':n', '?n'], ['not', ['or', ['?e', ':f', 2], [['incc', '?n'], 3]]]], undefined, 'DATALOG_SYNTAX', 'query[4][1][2][1]', "[['incc', '?n'], 3]"],
    [[':find', '?e', ':where', ['?e', ':n', '?n'], ['not', ['?e', ':ss', 'x']]], undefined, 'UNKNOWN_ATTRIBUTE', 'query[4][1][1]', "['?e', ':ss', 'x']"],
    [{ find: ['?e'], in: ['%'], where: [['r', '?e']] }, [[['r', '?e'], ['?e', ':n', '?n'], [['foo', '?n'], '?m']]], 'UNKNOWN_FUNCTION', 'rules[0][2]', "[['foo', '?n'], '?m']"],
  ])('names the clause: %j', async (query, rules, code, path, clause) => {
    const data = await world()
    const error = failure(() => data.ask({ query, ...(rules === undefined ? {} : { rules }) }))
    expect(error).toMatchObject({ code, path })
    expect(error.message).toContain(`(at ${path}: \`${clause}\`)`)
    expect(failure(() => data.view('v', { query, ...(rules === undefined ? {} : { rules }) })).message).toBe(error.message)
  })

  it('is refused in its own words, where it is the engine that refuses it', async () => {
    const data = await world()
    for (const error of [
      failure(() => data.q('[:find ?e :where [?e :s ?s]\n (not [(re-find #"(" ?s)])]')),
      failure(() => data.q('[:find ?e :in % :where (r ?e)]', '[[(r ?e)\n [?e :s ?s] [(re-find "(" ?s)]]]')),
    ]) expect([error.code, error.path, /\(at (?:query|rules) 2:\d+: `\[\(re-find .* \?s\)\]`\)$/.test(error.message)]).toEqual(['REGEX_INVALID', error.path, true])
    expect(failure(() => data.q('[:find ?e :where [?e :s ?s]\n (not [(re-find #"(" ?s)])]')).path).toBe('query 2:7')
  })

  it.each([
    ['[:find ?e ?n :keys a a :where [?e :n ?n]]', 'DATALOG_SYNTAX', 'query 1:22'], ['[:find ?e :in ?x [?x ?y] :where [?e :n ?x]]', 'DATALOG_SYNTAX', 'query 1:18'], ['[:find ?e :in $ $ :where [?e :n]]', 'DATALOG_SYNTAX', 'query 1:17'],
    ['[:find ?x :where [?e :n ?n] [(inc (inc ?n)) ?x]]', 'DATALOG_SYNTAX', 'query 1:35'], ['[:find ?e :in $ % :where (r ?e)]', 'DATALOG_INPUT', 'query 1:17'], ['[:find ?x :where [?e :n] [(get-else $ ?e :n "none") ?x]]', 'DATALOG_TYPE', 'query 1:26'],
  ])('for what says too much, or too little: %s', async (query, code, path) => {
    const data = await world()
    expect(failure(() => data.q(query))).toMatchObject({ code, path })
  })

  it('because of a Date that is none, in a query or as an input', async () => {
    const data = await world()
    expect(failure(() => data.q([':find', '?e', ':where', ['?e', ':n', new Date(NaN)]]))).toMatchObject({ code: 'DATALOG_SYNTAX', path: 'query[3][2]' })
    expect(failure(() => data.q('[:find ?e :in ?x :where [?e :n ?x]]', new Date(NaN)))).toMatchObject({ code: 'DATALOG_INPUT', path: 'query 1:15' })
  })
})

describe('a query that fails when rows are evaluated', () => {
  it('names itself and its clause, within `not`, `or` and rules as well', async () => {
    const data = await world()
    const said = (query: unknown, ...inputs: unknown[]) => { const { code, path, message } = failure(() => data.q(query, ...inputs)); return [code, path, message] }
    expect(said('[:find ?x :where [_ :n ?n]\n [(/ 10 ?n) ?x]]')).toEqual(['DIVISION_BY_ZERO', 'query 2:2', 'division by zero, in the query (at query 2:2: `[(/ 10 ?n) ?x]`)'])
    expect(said('[:find ?e :where [?e :s] (not [?e :n ?n] [(mod 10 ?n) ?x] [(= ?x 1)])]').slice(0, 2)).toEqual(['DIVISION_BY_ZERO', 'query 1:42'])
    expect(said('[:find ?x :in % :where (r ?x)]', '[[(r ?x) [_ :n ?n] [(quot 10 ?n) ?x]]]').slice(0, 2)).toEqual(['DIVISION_BY_ZERO', 'rules 1:20'])
    expect(said([':find', '?x', ':where', ['_', ':n', '?n'], [['/', 10, '?n'], '?x']])[2]).toBe("division by zero, in the query (at query[4]: `[['/', 10, '?n'], '?x']`)")
    expect(said('[:find ?x :in % :where (up ?x)]', '[[(up ?x) [_ :n ?x]] [(up ?y) (up ?x) [(+ ?x 1) ?y]]]')).toEqual(['RECURSION_LIMIT', 'query 1:24', expect.stringContaining('in the query (at query 1:24: `(up ?x)`)')])
    expect(said('[:find ?y :where [?e :n ?n] [(+ ?n 9223372036854775807) ?x] [(* ?x 3) ?y]]')[2]).toMatch(/^a number is out of range, in the query \(at query 1:\d+: `.*`, or query 1:\d+: `.*`\)$/)
  })

  it('is in the state of its view, whose name it says, until the rows are right again', async () => {
    const data = await world()
    const view = data.view('ratios', { query: '[:find ?e ?x :where [?e :n ?n] [(quot 10 ?n) ?x]]' })
    expect(view.error).toMatchObject({ code: 'DIVISION_BY_ZERO', path: 'query 1:32', message: 'division by zero, in the view `ratios` (at query 1:32: `[(quot 10 ?n) ?x]`)' })
    expect([view.error, failure(() => view.get())]).toEqual([view.error, view.error])
    data.transact([[':db/add', 1, 'n', 2]])
    expect([view.error, view.get()]).toEqual([undefined, [[1, 5], [2, 2]]])
  })
})

describe('transaction data that the engine refuses', () => {
  it('is named by its own place', async () => {
    const data = await world()
    const said = (tx: unknown) => { const { code, path } = failure(() => data.transact(tx as never)); return [code, path] }
    expect(said([{ ':db/id': 1, n: 3 }, { 'issue/id': 'i', 'issue/points': 3 }])).toEqual(['MISSING_COLUMN', 'tx[1]'])
    expect(said([{ 'issue/id': 'i', 'issue/title': 'T' }, { ':db/id': [1, 'x'], 'pair/w': 4 }])).toEqual(['TYPE_MISMATCH', 'tx[1]'])
    expect(said([[':db/add', 1, 'n', 4], [':db/add', 2, 'big', 2n ** 64n]])).toEqual(['INTEGER_RANGE', 'tx[1]'])
    expect(said([{ ':db/id': 2, big: 2n ** 64n }])).toEqual(['INTEGER_RANGE', 'tx[0].big'])
    expect(said([{ ':db/id': [1, Symbol('x')], 'pair/w': 4 }])[1]).toBe('tx[0]')
    expect(said([[':db/retractEntity', 'i']])).toEqual(['TX_INVALID', 'tx[0]'])
    expect(data.q('[:find ?n . :where [1 :n ?n]]')).toBe(0)
  })

  it('of a source by how many facts came before', async () => {
    const data = await world()
    const datoms = [[7, 'n', 1, 1], [8, 'big', 2n ** 64n, 2], [9, 'n', 3, 2]] as never
    expect(await data.sync({ datoms: () => datoms }).catch(e => [e.code, e.path])).toEqual(['INTEGER_RANGE', 'datoms[1]'])
  })

  it('rows of every type of column come and go by transactions', async () => {
    const { date, time, uuid, interval, decimal, array } = await import('../../../pkg/index.inline.js')
    const db = await createDatabase({ schema: defineSchema({ t: table({ id: int().key(), d: date().nullable(), at: time().nullable(), u: uuid().nullable(), i: interval().nullable(), x: decimal().nullable(), l: array(string()).nullable() }), ...facts({}) }) })
    const data = datalog(db)
    data.transact([{ 't/id': 1, 't/d': '2024-02-29', 't/at': '09:30:00', 't/u': 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 't/i': '1 mon', 't/x': '2.50', 't/l': ['a', 'b'] }, { 't/id': 2, 't/d': new Date(0) }])
    expect(data.q('[:find ?d ?at ?u ?x ?l :where [1 :t/d ?d] [1 :t/at ?at] [1 :t/u ?u] [1 :t/x ?x] [1 :t/l ?l]]')).toEqual([['2024-02-29', '09:30:00', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2.50', ['a', 'b']]])
    expect(data.q('[:find ?e . :where [?e :t/d "1970-01-01"]]')).toBe(2)
    expect(data.q('[:find ?e :in ?day :where [?e :t/d ?d] [(> ?d "1999-12-31")] [?e :t/d ?day]]', '2024-02-29')).toEqual([[1]])
    const view = data.view('v', { query: '[:find ?e :in ?day :where [?e :t/d ?day]]', in: { '?day': '1970-01-01' } })
    view.setInput('?day', '2024-02-29')
    expect([view.get(), view.verify().ok]).toEqual([[[1]], true])
    expect(failure(() => data.q('[:find ?e :where [?e :t/d "2024-02-30"]]'))).toMatchObject({ path: 'query 1:18' })
    expect(failure(() => data.transact([{ 't/id': 1, 't/d': '2024-02-30' }]))).toMatchObject({ path: 'tx[0].t/d' })
    data.transact([[':db/retract', 1, 't/d', '2024-02-29']])
    expect(data.q('[:find ?e . :where [?e :t/d "2024-02-29"]]')).toBe(null)
  })
})

it('listeners without end are all named: those that take turns, not what set them off', async () => {
  const schema = defineSchema(facts({ a: 'int', b: 'int', c: 'int' }))
  const data = datalog(await createDatabase({ schema }), { maxRounds: 7 })
  const turn = (from: string, to: string): void => { data.view(`of ${from}`, { query: `[:find ?v :where [1 :${from} ?v]]` }).listen(added => added.length === 0 ? undefined : [[':db/add', 1, to, (added[0][0] as number) + 1]]) }
  turn('a', 'b')
  turn('b', 'c')
  turn('c', 'b')
  expect(failure(() => data.transact([{ ':db/id': 1, a: 1 }]))).toMatchObject({ code: 'MAX_ROUNDS', path: 'of b, of c', message: expect.stringContaining('listeners of `of b`, `of c` go on after 7 rounds') })
})

describe('keys of several columns', () => {
  it.each<[string, unknown, unknown?]>([
    ['[:find ?w . :where [[1 2] :pair/w ?w]]', 3], ['[:find ?a ?v :where [[1 2] ?a ?v]]', [[':pair/a', 1], [':pair/b', 2], [':pair/w', 3]]], ['[:find ?e :where [?e :pair/a] (not [[1 2] :pair/w 4])]', [[[1, 2]], [[1, 5]]]],
    ['[:find ?e :where [?e :pair/a] [(= ?e [1 2])]]', [[[1, 2]]]], ['[:find ?e :where [?e :pair/a] [(not= ?e [1 2])]]', [[[1, 5]]]], ['[:find ?x :where (or [[1 2] :pair/w ?x] [[1 5] :pair/b ?x])]', [[3], [5]]],
    ['[:find ?w :in % :where (r [1 2] ?w)]', [[3]], '[[(r ?p ?w) [?p :pair/w ?w]]]'], ['[:find ?x . :where [(get-else $ [1 5] :pair/w 0) ?x]]', 0], ['[:find ?x . :where [(ground 1) ?x] [(missing? $ [1 5] :pair/w)]]', 1],
  ])('are constants as they are values: %s', async (query, answer, rules) => {
    const data = await world()
    expect(data.q(query, ...(rules === undefined ? [] : [rules]))).toEqual(answer)
    const view = data.view('v', { query, ...(rules === undefined ? {} : { rules }) })
    expect(data.q(view.edn)).toEqual(answer)
  })

  it('are of as many columns as the row that they name, and of their types', async () => {
    const data = await world()
    expect(failure(() => data.q('[:find ?w :where [[1 2 3] :pair/w ?w]]'))).toMatchObject({ code: 'DATALOG_TYPE', path: 'query 1:19', message: expect.stringContaining('2 columns, not 3') })
    expect(failure(() => data.q('[:find ?w :where [[1 2] :n ?w]]'))).toMatchObject({ code: 'DATALOG_TYPE', path: 'query 1:19' })
    expect(failure(() => data.q('[:find ?w :where [["1" 2] :pair/w ?w]]'))).toMatchObject({ code: 'DATALOG_TYPE', message: expect.stringContaining('[text int] and [int int]') })
  })
})

it('a match of a regular expression is a value that follows the text', async () => {
  const data = await world()
  const view = data.view('v', { query: '[:find ?e ?m :where [?e :s ?s] [(re-find #"[0-9]+" ?s) ?m]]' })
  const log = told(view)
  data.transact([{ ':db/id': 1, s: 'a12b345' }])
  data.transact([{ ':db/id': 1, s: 'x12' }, { ':db/id': 2, s: '7' }])
  data.transact([{ ':db/id': 1, s: 'none' }])
  expect(log.take()).toEqual([{ added: [[1, '12']], removed: [] }, { added: [[2, '7']], removed: [] }, { added: [], removed: [[1, '12']] }])
  // As a condition, groups say nothing; as a value they do.
  expect(data.q('[:find ?e . :where [?e :s ?s] [(re-find #"(7)" ?s)]]')).toBe(2)
  expect(data.q('[:find ?m . :where [2 :s ?s] [(re-find #"[(](?:x)|7\\(?" ?s) ?m]]')).toBe('7')
  expect(data.q('[:find ?m . :where [?e :s ?s] [(re-matches #"(7)" ?s) ?m]]')).toEqual(['7', '7'])
  expect(any(failure(() => data.pull('[*]', any({}))))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'e' })
})

it('values of any attribute are counted across their types, and summed or compared where the attribute is a group', async () => {
  const data = await world()
  data.transact([{ 'issue/id': 'i', 'issue/title': 't' }])
  const view = data.view('counts', { query: '[:find ?a (count ?v) (max ?v) :where [_ ?a ?v] [(!= ?a ":f")]]' })
  // Whole numbers are together what the widest of them is.
  const byName = (rows: unknown): unknown[][] => [...rows as unknown[][]].sort(([a], [b]) => String(a) < String(b) ? -1 : 1)
  expect(byName(view.get())).toEqual([[':issue/id', 1, 'i'], [':issue/title', 1, 't'], [':n', 2, 5n], [':pair/a', 1, 1n], [':pair/b', 2, 5n], [':pair/w', 1, 3n], [':s', 2, 'b']])
  // 5 is one value, whichever attribute has it, and '5' another.
  expect(data.q('[:find (count ?v) . :where [_ ?a ?v] [(= ?a ":n")]]')).toBe(2)
  data.transact([{ ':db/id': 2, s: '5' }])
  expect(data.q('[:find (count-distinct ?v) . :where [2 ?a ?v]]')).toBe(2)
  expect(data.q('[:find (count ?e) . :with ?a ?v :where [?e ?a ?v]]')).toBe(12)
  expect(byName(data.q('[:find ?v (count ?e) :where [?e ?a ?v] [(!= ?a ":issue/id")]]')).filter(([v]) => v === 5n || v === '5')).toEqual([[5n, 2], ['5', 1]])
  expect(data.q('[:find (count ?v) . :where [99 ?a ?v]]')).toBe(null)
  expect(view.verify()).toMatchObject({ ok: true })
  // Lists are of values as they are.
  const all = datalog(await createDatabase({ schema: defineSchema(facts({ at: 'timestamp', b: 'bytes', big: 'bigint', s: 'string' })) }))
  all.transact([{ ':db/id': 1, at: new Date(5), b: new Uint8Array([1, 255]), big: 2n ** 60n, s: '' }])
  const lists = [[':at', [new Date(5)]], [':b', [new Uint8Array([1, 255])]], [':big', [2n ** 60n]], [':s', ['']]]
  for (const a of ['distinct', 'min 3', 'max 3']) expect(byName(all.q(`[:find ?a (${a} ?v) :where [1 ?a ?v]]`))).toEqual(lists)
  const query = '[:find (sum ?v) . :where [_ ?a ?v]]'
  expect(failure(() => data.q(query))).toMatchObject({ code: 'DATALOG_TYPE', path: 'query 1:8', offending: 'sum' })
})

it('a rule without an end is named, soon, and the rounds can be said', async () => {
  const db = await createDatabase({ schema: defineSchema(facts({ n: 'int', to: 'ref' })) })
  const data = datalog(db, { maxRuleRounds: 50 })
  data.transact([{ ':db/id': 1, n: 1 }])
  const view = data.view('v', { query: '[:find ?n :where (up ?n)]', rules: '[[(up ?n) [_ :n ?n]] [(up ?n) (up ?m) [(inc ?m) ?n]]]' })
  expect(failure(() => view.get())).toMatchObject({ code: 'RECURSION_LIMIT', offending: 'up', message: expect.stringMatching(/^the rule `up` .*maxRuleRounds.*, in the view `v` \(at query 1:18: `\(up \?n\)`\)$/) })
  for (const maxRuleRounds of [0, 1.5, Infinity, 2 ** 31]) expect(failure(() => datalog(db, { maxRuleRounds }))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'options.maxRuleRounds' })
  // A chain of 49 takes as many.
  data.transact(Array.from({ length: 49 }, (_, i) => [':db/add', i + 1, 'to', i + 2]))
  expect(data.q('[:find (count ?b) . :in $ % :where (way 1 ?b)]', '[[(way ?a ?b) [?a :to ?b]] [(way ?a ?c) (way ?a ?b) [?b :to ?c]]]')).toBe(49)
})

it('what is no fact is refused, and answers that are handed out cannot be changed', async () => {
  const data = await world()
  data.transact([{ ':db/id': 1, s: 'a', n: 1 }])
  for (const [tx, path] of [[[null], 'tx[0]'], [[undefined], 'tx[0]'], [[[':db/add', Symbol('x'), 's', 'y']], 'tx[0]'], [[[1, 's', 'y', 5, 'yes']], 'tx[0]'], [[{ e: 1, a: 's', v: 'z', added: 'yes' }], 'tx[0]'], [[{ 'issue/id': Symbol('i'), 'issue/title': 't' }], undefined]] as const) {
    expect(failure(() => data.transact(tx as never)), String(path)).toMatchObject({ code: expect.stringMatching(/^TX_/), ...(path === undefined ? {} : { path }) })
  }
  const view = data.view('v', { query: '[:find ?s ?n :keys s n :where [?e :s ?s] [?e :n ?n]]' })
  const rows = view.get() as { s: string }[]
  expect(() => rows.push(any({}))).toThrow(TypeError)
  expect(() => { rows[0].s = 'b' }).toThrow(TypeError)
  expect(view.get()).toBe(rows)
  expect(rows.map(r => r.s)).toEqual(['a', 'b'])
  expect(failure(() => data.q('[:find ?e :in $ ?x :where [?e :n ?x]]', 2n ** 80n))).toMatchObject({ code: 'INTEGER_RANGE', path: 'query 1:17' })
  expect(failure(() => data.q('[:find ?e :wher [?e :s ?s]]'))).toMatchObject({ nearest: ':where' })
  expect(failure(() => data.q('[:find ?a ?b :keys a a :where [?a :n ?b]]'))).toMatchObject({ code: 'DATALOG_SYNTAX', path: 'query 1:22' })
})

it('rules that need what they are given call back into the recursion that calls them', async () => {
  const db = await createDatabase({ schema: defineSchema(facts({ p: 'ref' })) })
  const data = datalog(db)
  data.transact([[1, 2], [2, 3], [3, 1], [4, 1]].map(([e, v]) => [':db/add', e, 'p', v]))
  const all = (rules: string, call = '(anc ?a ?b)'): string => (data.q(`[:find ?a ?b :in $ % :where [?a :p _] ${call}]`, rules) as number[][]).map(r => r.join('')).sort().join()
  const closure = all('[[(anc ?a ?b) [?a :p ?b]] [(anc ?a ?b) [?a :p ?x] (anc ?x ?b)]]')
  expect(closure).toBe('11,12,13,21,22,23,31,32,33,41,42,43')
  const step = '[[(anc ?a ?b) [?a :p ?b]] [(anc ?a ?b) [?a :p ?x] (step ?x ?b)] [(step ?x ?b) [(identity ?x) ?y] (anc ?y ?b)]]'
  expect(all(step)).toBe(closure)
  expect(all(step, '(step ?a ?b)')).toBe(closure)
  expect(data.q('[:find [?b ...] :in $ % :where (anc 1 ?b)]', step)).toEqual([1, 2, 3])
  expect(all('[[(anc ?a ?b) [?a :p ?b]] [(anc ?a ?b) [?a :p ?x] [_ :p ?b] (ok ?x ?b)] [(ok ?x ?b) [(!= ?x ?b)] (anc ?x ?y) (same ?y ?b)] [(same ?y ?b) [(= ?y ?b)] (anc ?y _)]]')).toBe('11,12,13,21,22,23,31,32,33,41,42,43')
})
