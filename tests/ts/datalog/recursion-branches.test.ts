// `or` in the bodies of recursive rules: branches that only test what others find, calls of the rule with constants, and both asked for a part.
import { expect, it } from 'vitest'
import { sorted, world } from '../heritage/wizard.js'

const chain = async () => {
  const { data } = await world({ f: { type: 'ref', many: true }, g: 'ref', n: 'int' })
  data.transact([{ ':db/id': 1, f: [2], n: 1 }, { ':db/id': 2, f: [3], g: 4 }, { ':db/id': 3, f: [4] }, { ':db/id': 4, f: [5] }])
  return data
}

/** The pairs of `p`, asked for as a whole, from each end, and from what other clauses find: of 1 -> 2 -> 3 -> 4 -> 5, where 2 has a `g`. */
const FULL = [[1, 2], [2, 3], [3, 4], [4, 5]]
it.each<[string, string, number[][]]>([
  ['a constant call in `or`', '[(p ?a ?b) [?a :f ?b] (or (p ?b 3) [?b :g 3])]', FULL],
  ['only a constant call in `or`', '[(p ?a ?c) [?a :f ?b] [?b :f ?c] (or (p ?b 3) [?b :g 3])]', [...FULL, [1, 3]]],
  ['a constant call in `or-join`', '[(p ?a ?c) [?a :f ?b] [?b :f ?c] (or-join [?b] (p ?b 4) (and [?b :n ?x] [(> ?x 1)]))]', [...FULL, [1, 3], [2, 4]]],
  ['a constant call in `or` in `or`', '[(p ?a ?c) [?a :f ?b] [?b :f ?c] (or (or (p ?b 4) (p ?b 3)) [?b :g 3])]', [...FULL, [1, 3], [2, 4]]],
  ['a call in `or-join` that leads on', '[(p ?a ?b) (or-join [?a ?b] (and [?a :f ?c] (p ?c ?b)))]', [...FULL, [1, 3], [1, 4], [1, 5], [2, 4], [2, 5], [3, 5]]],
  ['a branch that only tests', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (or [?b :g _] [(= ?b 3)])]', [...FULL, [1, 3]]],
  ['a branch that only tests, twice', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (or [?b :g _] [(= ?b 3)]) (or [?a :g _] [(< ?a 2)])]', [...FULL, [1, 3]]],
  ['a branch that only tests, with its own variable', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (or-join [?b ?c] [?b :g ?x] (and [?c :g ?x] [(> ?b 2)]))]', [...FULL, [1, 3]]],
  ['a branch that does not bind', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (or-join [?b ?o] [?x :f ?o])]', [...FULL, [1, 3], [1, 4], [1, 5], [2, 4], [2, 5], [3, 5]]],
  ['a branch that only tests, within a `not`', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (not (or [?b :g _] [(= ?b 4)]))]', [...FULL, [1, 3], [3, 5]]],
  ['a helper with a required variable', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (ok ?b)] [(ok [?x]) [?x :g _]] [(ok [?x]) [(= ?x 3)]]', [...FULL, [1, 3]]],
  ['a helper that only tests, behind another', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (fine ?b)] [(fine ?y) (ok ?y)] [(ok ?x) [?x :g _]] [(ok ?x) [(= ?x 3)]]', [...FULL, [1, 3]]],
  ['a helper that is given a constant', '[(p ?a ?b) (p ?a ?c) [?c :f ?b] (ok ?b 3)] [(ok ?x ?y) [?x :g _] [(> ?y 3)]] [(ok ?x ?y) [(= ?x ?y)]]', [...FULL, [1, 3]]],
  ['a computed entity', '[(p ?a ?b) [(identity 1) ?a] (p 1 ?c) [(inc ?c) ?b] [?b :f _]]', [...FULL, [1, 3], [1, 4]]],
  ['a computed entity, then a test', '[(p ?a ?b) [(identity 1) ?a] (p 1 ?c) [(inc ?c) ?d] [?d :f ?b] (or [?d :g _] [(= ?d 3)])]', [...FULL, [1, 4]]],
  ['more clauses than sources nest', `[(p ?a ?b) [(identity 1) ?a] (p 1 ?c) ${Array.from({ length: 18 }, (_, i) => `[?v${i} :f ?c]`).join(' ')} [?c :f ?b]]`, [...FULL, [1, 3], [1, 4], [1, 5]]],
])('%s, in a recursive rule', async (_, body, want) => {
  const data = await chain()
  const rules = `[[(p ?a ?b) [?a :f ?b]] ${body}]`
  const ask = (query: string): unknown[] => sorted(data.q(query, rules) as unknown[])
  expect(ask('[:find ?x ?y :in % :where (p ?x ?y)]')).toEqual(sorted(want))
  for (const e of [1, 2, 3, 4, 5]) {
    expect(ask(`[:find ?x :in % :where (p ${e} ?x)]`), `from ${e}`).toEqual(sorted(want.filter(p => p[0] === e).map(p => [p[1]])))
    expect(ask(`[:find ?x :in % :where (p ?x ${e})]`), `to ${e}`).toEqual(sorted(want.filter(p => p[1] === e).map(p => [p[0]])))
  }
  expect(ask('[:find ?y ?x :in % :where [?y :n 1] (p ?y ?x)]')).toEqual(sorted(want.filter(p => p[0] === 1)))
  const view = data.view('v', { query: '[:find ?x :in % :where (p 1 ?x)]', rules })
  data.transact([[':db/retract', 1, 'f', 2], [':db/add', 4, 'n', 7]])
  expect(view.get()).toEqual([])
  data.transact([[':db/add', 1, 'f', 2], [':db/retract', 4, 'n', 7]])
  expect(sorted(view.get() as unknown[])).toEqual(sorted(want.filter(p => p[0] === 1).map(p => [p[1]])))
})

it('an `or` that needs an input that can change waits for it', async () => {
  const data = await chain()
  const view = data.view('v', { query: '[:find ?o :in $ ?in :where [(mod ?in 4) ?y] (or-join [?y ?o] (and [(> ?y 1)] [?o :n]) (and [?y :f ?o] [(= ?o 2)])) [(!= ?in 9)]]', in: { '?in': 1 } })
  expect(view.get()).toEqual([[2]])
  view.setInput('?in', 2)
  expect(view.get()).toEqual([[1]])
})
