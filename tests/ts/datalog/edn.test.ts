// The reader: forms, places, mistakes.
import { describe, expect, it } from 'vitest'
import { type Form, read, text } from '../../../src/ts/datalog/edn.js'
import { canonicalQuery } from '../../../src/ts/datalog/canonical.js'
import { parseQuery } from '../../../src/ts/datalog/parse.js'
import { failure } from '../heritage/wizard.js'

const plain = (form: Form): unknown => {
  switch (form.kind) {
    case 'list': return { list: form.items.map(plain) }
    case 'vector': return form.items.map(plain)
    case 'set': return new Set(form.items.map(plain))
    case 'map': return new Map(form.entries.map(([k, v]) => [plain(k), plain(v)]))
    case 'keyword': return `:${form.value}`
    case 'symbol': return { symbol: form.value }
    case 'regex': return new RegExp(form.value)
    default: return form.value
  }
}
const readPlain = (source: unknown): unknown => plain(read(source))

describe('forms', () => {
  it('are read with what EDN has', () => {
    expect(readPlain('[nil true false 1 -2 +3 1.5 1e3 7N 2.5M "a\\n\\u0041" \\a \\newline :k :n/k sym n/s]')).toEqual(
      [null, true, false, 1, -2, 3, 1.5, 1000, 7, 2.5, 'a\nA', 'a', '\n', ':k', ':n/k', { symbol: 'sym' }, { symbol: 'n/s' }])
    expect(readPlain('12345678901234567890')).toBe(12345678901234567890n)
    expect(readPlain('{:a 1, :b #{1 2} }')).toEqual(new Map<unknown, unknown>([[':a', 1], [':b', new Set([1, 2])]]))
    expect(readPlain('#inst "2020-01-02T03:04:05Z"')).toEqual(new Date('2020-01-02T03:04:05Z'))
    expect(readPlain('#uuid "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"')).toBe('f81d4fae-7dec-11d0-a765-00a0c91e6bf6')
    expect(readPlain('#"a\\"\\d"')).toEqual(/a\"\d/)
    expect(readPlain('; a comment\n [1 #_ [dropped #_ "too"] ; another\n 2]')).toEqual([1, 2])
    expect(readPlain("'(f ?x)")).toEqual({ list: [{ symbol: 'f' }, { symbol: '?x' }] })
    expect(readPlain('[##Inf ##-Inf ##NaN]')).toEqual([Infinity, -Infinity, NaN])
  })

  it('know where they are', () => {
    const form = read('[:find ?a\n  :where [?a :b 1]]') as Form & { kind: 'vector' }
    expect(form.items.map(f => f.at)).toEqual(['query 1:2', 'query 1:8', 'query 2:3', 'query 2:10'])
    expect((read([1, ['a', [2]]]) as any).items[1].items[1].items[0].at).toBe('query[1][1][0]')
  })

  it('are made of arrays: what a text is depends on how it begins', () => {
    expect(readPlain([':a', '?x', '$', '%', '_', '...', '.', 'word', text(':kept'), text('?kept'), null, 1n])).toEqual(
      [':a', ...['?x', '$', '%', '_', '...', '.'].map(symbol => ({ symbol })), 'word', ':kept', '?kept', null, 1n])
  })

  it.each([
    ['[1 2', 'query 1:5', 'begins at query 1:1'], ['[1 2)', 'query 1:5', 'stands where `]`'], [']', 'query 1:1', 'closes nothing'], ['"abc', 'query 1:1', 'no end'], ['[1]\n 2', 'query 2:2', 'behind'],
    ['{:a}', 'query 1:1', 'without a value'], ['[12x]', 'query 1:2', 'no number'], ['#foo 1', 'query 1:1', 'cannot be read'], ['"\\q"', 'query 1:2', 'cannot be read'],
    ['', 'query 1:1', 'ends'], [':', 'query 1:1', 'no keyword'], ['#inst "no"', 'query 1:1', 'cannot be read'], ['\\abc', 'query 1:1', 'no character'],
    ['['.repeat(300), 'query 1:202', 'too deeply'], ['#_'.repeat(300), 'query 1:601', 'too deeply'],
  ])('are refused with their place: %s', (source, path, words) => {
    const error = failure(() => read(source))
    expect(error).toMatchObject({ code: 'DATALOG_SYNTAX', path })
    expect(error.message).toContain(words)
  })
})

describe('queries', () => {
  const canonical = (query: unknown, rules?: unknown): string => { const parsed = parseQuery(query, rules); return canonicalQuery(parsed.query, parsed.rules) }
  it('are the same in text, as arrays, and in their canonical form', () => {
    const source = `[:find ?g (count ?m) (pull ?m [* :movie/title {:movie/_cast [:db/id [:person/name :as "n" :limit 3 :default "?"]]} {:movie/next 3} {:movie/prev ...}])
      :with ?y :in $ ?min [?g ...] [[?a _]] % :where [?m :movie/year ?y] [(>= ?y ?min)] (not [?m :movie/title "x"] [?m :movie/tag :kw])
      (or-join [[?y] ?m] [?m :a 1] (and [?m :b ?q] [(inc ?q) ?y])) (rule ?m "c") [[:person/name "P"] :person/likes ?m] [(ground [[1 2] [3 4]]) [[?a ?b]]]]`
    const rules = '[[(rule ?a ?b) [?a :x ?b]] [(rule ?p ?q) (not-join [?p] [?p :y ?z]) [?p :z ?q]]]'
    const arrays = [':find', '?g', ['count', '?m'], ['pull', '?m', ['*', ':movie/title', { ':movie/_cast': [':db/id', [':person/name', ':as', 'n', ':limit', 3, ':default', '?']] }, { ':movie/next': 3 }, { ':movie/prev': '...' }]],
      ':with', '?y', ':in', '$', '?min', ['?g', '...'], [['?a', '_']], '%', ':where', ['?m', ':movie/year', '?y'], [['>=', '?y', '?min']], ['not', ['?m', ':movie/title', 'x'], ['?m', ':movie/tag', ':kw']],
      ['or-join', [['?y'], '?m'], ['?m', ':a', 1], ['and', ['?m', ':b', '?q'], [['inc', '?q'], '?y']]], ['rule', '?m', 'c'], [[':person/name', 'P'], ':person/likes', '?m'], [['ground', [[1, 2], [3, 4]]], [['?a', '?b']]]]
    const ruleArrays = [[['rule', '?a', '?b'], ['?a', ':x', '?b']], [['rule', '?p', '?q'], ['not-join', ['?p'], ['?p', ':y', '?z']], ['?p', ':z', '?q']]]
    const text = canonical(source, rules)
    expect(canonical(arrays, ruleArrays)).toBe(text)
    expect(canonical(text)).toBe(text)
    expect(text).toMatchInlineSnapshot(`"{:find [?g (count ?m) (pull ?m [* :movie/title {:movie/_cast [:db/id [:person/name :as "n" :limit 3 :default "?"]]} {:movie/next 3} {:movie/prev ...}])] :with [?y] :in [$ ?min [?g ...] [[?a _]]] :where [(not [?m :movie/tag :kw] [?m :movie/title "x"]) (or-join [[?y] ?m] (and [(inc ?q) ?y] [?m :b ?q]) [?m :a 1]) (rule ?m "c") [(>= ?y ?min)] [(ground [[1 2] [3 4]]) [[?a ?b]]] [?m :movie/year ?y] [[:person/name "P"] :person/likes ?m]] :rules [[(rule ?a ?b) [?a :x ?b]] [(rule ?p ?q) (not-join [?p] [?p :y ?z]) [?p :z ?q]]]}"`)
  })

  it.each([
    ['[:find]', 'DATALOG_SYNTAX', 'query 1:1'], ['[:where [?a :b]]', 'DATALOG_SYNTAX', 'query 1:1'], ['[:find ?a :were [?a :b]]', 'DATALOG_SYNTAX', 'query 1:11'], ['{:find [?a] :were []}', 'DATALOG_SYNTAX', 'query 1:13'],
    ['[:find ?a :where ?a]', 'DATALOG_SYNTAX', 'query 1:18'], ['[:find ?a :where (not)]', 'DATALOG_SYNTAX', 'query 1:18'], ['[:find ?a :where (or-join [] [?a :b])]', 'DATALOG_SYNTAX', 'query 1:27'],
    ['[:find ?a ?b :keys x :where [?a :b ?b]]', 'DATALOG_SYNTAX', 'query 1:1'], ['[:find (count 5) :where [?a :b]]', undefined, undefined], ['[:find ?a :where [?a :b foo]]', 'DATALOG_SYNTAX', 'query 1:25'],
    ['[:find (pull ?a [{:b 0}]) :where [?a :b]]', 'DATALOG_SYNTAX', 'query 1:22'], ['[:find ?a :in 5 :where [?a :b]]', 'DATALOG_SYNTAX', 'query 1:15'],
  ])('are refused with their place: %s', (source, code, path) => {
    if (code === undefined) { parseQuery(source); return }
    expect(failure(() => parseQuery(source))).toMatchObject({ code, path })
  })

  it('rules are refused with their place', () => {
    const bad = (rules: string) => failure(() => parseQuery('[:find ?a :where (r ?a)]', rules))
    expect(bad('[[(r ?a ?a) [?a :b]]]')).toMatchObject({ code: 'DATALOG_SYNTAX', path: 'rules 1:3' })
    expect(bad('[[(r ?a) [?a :b]]\n [(r ?a ?b) [?a :b ?b]]]')).toMatchObject({ code: 'DATALOG_RULE', path: 'rules 2:2' })
    expect(bad('[[(r ?a)]]')).toMatchObject({ code: 'DATALOG_SYNTAX', path: 'rules 1:2' })
    expect(bad('[(r ?a) [?a :b]]')).toMatchObject({ code: 'DATALOG_SYNTAX' })
  })
})
