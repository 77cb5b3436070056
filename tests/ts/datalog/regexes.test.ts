// What regular expressions find, beside DataScript's (JavaScript's): texts, groups, all matches; and kept right when texts change.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { createDatabase } from '../../../pkg/index.inline.js'
import { load } from '../../../pkg/datascript/index.js'
import { failure, sorted, told, world } from '../heritage/wizard.js'
import { random } from '../real/support.js'

const datascript = createRequire(import.meta.url)('datascript') as Record<string, (...args: any[]) => any>
const d = await load(createDatabase as never)

/** A pattern of plain, kept and repeated parts, and how many groups it has. */
function pattern(pick: (n: number) => number): string {
  const one = <T>(list: readonly T[]): T => list[pick(list.length)]
  const alt = (depth: number): string => Array.from({ length: 1 + Number(pick(3) === 0) }, () => Array.from({ length: 1 + pick(3) }, () => part(depth)).join('')).join('|')
  const part = (depth: number): string => {
    const atom = depth === 0 || pick(2) === 0 ? one(['a', 'b', 'c', '[ab]', '[^a]', '.']) : `${one(['(', '(', '(?:'])}${alt(depth - 1)})`
    return atom + one(['', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{0,2}', '{1,2}?'])
  }
  return alt(2)
}
const groupsOf = (p: string): number => new RegExp(`${p}|`).exec('')!.length - 1
const rows = (answer: unknown): string[] => [...new Set((answer as unknown[][]).map(r => JSON.stringify(r)))].sort()

it('find what DataScript finds, whatever the pattern', () => {
  let found = 0
  for (let seed = 1; seed <= 12; seed++) {
    const pick = random(seed)
    const p = pattern(pick)
    const n = groupsOf(p)
    const [theirs, ours] = [datascript.create_conn({}), d.create_conn({})]
    const names = Array.from({ length: n }, (_, i) => `?g${i}`).join(' ')
    const given = `[(re-pattern ${JSON.stringify(p)}) ?p]`
    const queries = [
      `[:find ?e ?m :where [?e "s" ?s] ${given} [(re-find ?p ?s) ?m]]`, `[:find ?e ?m :where [?e "s" ?s] ${given} [(re-seq ?p ?s) [?m ...]]]`,
      `[:find ?e :where [?e "s" ?s] ${given} [(re-seq ?p ?s)]]`,
      n === 0 ? `[:find ?e ?m :where [?e "s" ?s] ${given} [(re-seq ?p ?s) ?m]]` : `[:find ?e ?w ${names} :where [?e "s" ?s] ${given} [(re-seq ?p ?s) [[?w ${names}]]]]`,
      ...(n === 0 ? [] : [`[:find ?e ?w ${names} :where [?e "s" ?s] ${given} [(re-find ?p ?s) [?w ${names}]]]`]),
    ]
    const text = (): string => Array.from({ length: pick(7) }, () => 'abc'[pick(3)]).join('')
    const live = d.create_conn({})
    d.transact(live, [{ ':db/id': 9, s: '' }])
    const views = queries.map(q => d.q_live(q, live))
    for (let step = 0; step < 2; step++) {
      const tx = [1, 2, 3].map(id => ({ ':db/id': id, s: text() }))
      datascript.transact(theirs, tx)
      d.transact(ours, tx)
      d.transact(live, step === 0 ? [[':db/retractEntity', 9], ...tx] : tx)
      queries.forEach((q, i) => {
        const wanted = rows(datascript.q(q, datascript.db(theirs)))
        found += wanted.length
        expect(rows(d.q(q, d.db(ours))), `${q} ${JSON.stringify(tx)}`).toEqual(wanted)
        expect(rows(views[i].get()), `${q} ${JSON.stringify(tx)}`).toEqual(wanted)
      })
    }
    views.forEach(v => { v.dispose() })
  }
  expect(found).toBeGreaterThan(150)
}, 180_000)

it('all matches of a text come and go as it changes', async () => {
  const { data } = await world({ s: 'string' })
  const tags = data.view('tags', { query: String.raw`[:find ?e ?tag :where [?e :s ?s] [(re-seq #"#(\w+)" ?s) [[_ ?tag]]]]` })
  const count = data.view('count', { query: String.raw`[:find ?tag (count ?e) :where [?e :s ?s] [(re-seq #"#\w+" ?s) [?tag ...]]]` })
  const log = told(tags)
  data.transact([{ ':db/id': 1, s: 'see #a and #b, #a' }, { ':db/id': 2, s: '#b' }])
  data.transact([{ ':db/id': 1, s: '#a #c' }])
  data.transact([[':db/retractEntity', 2]])
  expect(log.take()).toEqual([
    { added: [[1, 'a'], [1, 'b'], [2, 'b']], removed: [] }, { added: [[1, 'c']], removed: [[1, 'b']] }, { added: [], removed: [[2, 'b']] },
  ])
  expect(sorted(count.get() as unknown[])).toEqual([['#a', 1], ['#c', 1]])
  expect([tags.verify().ok, count.verify().ok]).toEqual([true, true])
})

it('are read as Clojure writes them', async () => {
  const { data } = await world({ s: 'string' })
  data.transact([{ ':db/id': 1, s: 'one two\nThree' }])
  const all = (p: string): unknown => data.q(`[:find [?m ...] :where [_ :s ?s] [(re-seq #"${p}" ?s) [?m ...]]]`)
  expect(sorted(all(String.raw`\b\w`) as string[])).toEqual(['T', 'o', 't'])
  expect(all(String.raw`\Bn.`)).toEqual(['ne'])
  expect(all('o.*')).toEqual(['one two'])
  expect(all('(?s)o.*')).toEqual(['one two\nThree'])
  expect(all('(?i)THREE')).toEqual(['Three'])
  expect(data.q('[:find ?m . :where [_ :s ?s] [(re-find #"one|one two" ?s) ?m]]')).toBe('one')
  expect(data.q('[:find [?m ?g] :where [_ :s ?s] [(re-find #"(?<first>[a-z]+)" ?s) [?m ?g]]]')).toEqual(['one', 'one'])
  expect(data.q('[:find ?m . :where [_ :s ?s] [(re-matches #"(?is)(?:one|one two).*" ?s) ?m]]')).toBe('one two\nThree')
  expect(data.q('[:find [?a ?b] :where [_ :s ?s] [(re-seq #"[a-z]+" ?s) [?a ?b]]]')).toEqual(['one', 'two'])
})

it('stand within not, or, rules and recursion', async () => {
  const { data } = await world({ s: 'string', to: 'string' })
  data.transact([{ ':db/id': 1, s: 'a' }, { ':db/id': 2, s: 'b', to: 'a c' }, { ':db/id': 3, s: 'c', to: 'b' }, { ':db/id': 4, s: 'd', to: 'x' }])
  const not = '[:find [?e ...] :where [?e :s _] (not [?e :to ?t] [(re-seq #"[a-z]" ?t) [?m ...]] [_ :s ?m])]'
  expect(sorted(data.q(not) as number[])).toEqual([1, 4])
  const outer = '[:find [?e ...] :where [?e :to ?t] (not [(re-seq #"[a-z]" ?t) [?m ...]] [_ :s ?m])]'
  expect(data.q(outer)).toEqual([4])
  const rules = '[[(way ?a ?b) [?e :s ?a] [?e :to ?t] [(re-seq #"[a-z]" ?t) [?b ...]]] [(way ?a ?c) (way ?a ?b) [?e :s ?b] [?e :to ?t] [(re-seq #"[a-z]" ?t) [?c ...]]]]'
  const view = data.view('way', { query: '[:find ?a ?b :where (way ?a ?b)]', rules })
  const pairs = (): string[] => (view.get() as string[][]).map(p => p.join('')).sort()
  expect(pairs()).toEqual(['ba', 'bb', 'bc', 'ca', 'cb', 'cc', 'dx'])
  data.transact([[':db/add', 2, 'to', 'a']])
  expect(pairs()).toEqual(['ba', 'ca', 'cb', 'dx'])
  data.transact([[':db/add', 4, 'to', 'c a']])
  expect(pairs()).toEqual(['ba', 'ca', 'cb', 'da', 'db', 'dc'])
  expect(view.verify().ok).toBe(true)
  expect(sorted(data.q('[:find [?m ...] :where [?e :to ?t] (or [(re-seq #"[ab]" ?t) [?m ...]] [(re-seq #"c" ?t) [?m ...]])]') as string[])).toEqual(['a', 'b', 'c'])
})

it.each([
  ['[:find ?m :where [_ :s ?s] [(re-seq #"(a)" ?s) ?m]]', 'DATALOG_TYPE'], ['[:find ?m :where [_ :s ?s] [(re-seq #"a" ?s) [[?m]]]]', 'DATALOG_TYPE'], ['[:find ?m :where [_ :s ?s] [(re-find ?s ?s) ?m]]', 'DATALOG_TYPE'],
  ['[:find ?m :where [_ :s ?s] [(re-seq #"a") [?m ...]]]', 'DATALOG_SYNTAX'], ['[:find ?m :where [?e :s _] [(re-seq #"a" ?e) [?m ...]]]', 'DATALOG_TYPE'], ['[:find ?m :where [_ :s ?s] [(re-find #"(a)" ?s) [?m _ _]]]', 'DATALOG_TYPE'],
  ['[:find ?m :where [_ :s ?s] [(re-seq #"(a" ?s) [?m ...]]]', 'REGEX_INVALID'], ['[:find ?m :where [_ :s ?s] [(re-find #"a(?=b)" ?s) ?m]]', 'REGEX_INVALID'],
])('are refused at their clause: %s', async (query, code) => {
  const { data } = await world({ s: 'string' })
  expect(failure(() => data.q(query))).toMatchObject({ code, path: expect.stringMatching(/^query 1:/) })
})
