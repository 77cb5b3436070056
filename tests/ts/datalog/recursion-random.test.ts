// Recursive rules over random graphs that change, beside a naive closure: linear, non-linear, mutual, of the same generation, from one node, with tests that branch.
import { expect, it } from 'vitest'
import { world } from '../heritage/wizard.js'
import { random } from '../real/support.js'

const CASES = Number(process.env.DATALOG_CASES ?? 40)
type Pair = readonly [number, number]
const text = (pairs: Iterable<Pair>): string[] => [...new Set([...pairs].map(p => p.join('-')))].sort()

/** Pairs until there are no more: all of them are looked at again in each round. */
function closure(start: readonly Pair[], step: (pairs: readonly Pair[]) => Pair[]): Pair[] {
  let pairs = [...start]
  for (;;) {
    const more = new Map([...pairs, ...step(pairs)].map(p => [p.join('-'), p]))
    if (more.size === new Set(pairs.map(p => p.join('-'))).size) return [...more.values()]
    pairs = [...more.values()]
  }
}
const joined = (a: readonly Pair[], b: readonly Pair[]): Pair[] => a.flatMap(([x, y]) => b.filter(([z]) => z === y).map(([, w]): Pair => [x, w]))

const PROGRAMS: Record<string, { rules: string; naive(edges: readonly Pair[]): Pair[] }> = {
  right: { rules: '[[(r ?a ?b) [?a :n ?b]] [(r ?a ?b) [?a :n ?c] (r ?c ?b)]]', naive: e => closure(e, p => joined(e, p)) },
  left: { rules: '[[(r ?a ?b) [?a :n ?b]] [(r ?a ?b) (r ?a ?c) [?c :n ?b]]]', naive: e => closure(e, p => joined(p, e)) },
  both: { rules: '[[(r ?a ?b) [?a :n ?b]] [(r ?a ?b) (r ?a ?c) (r ?c ?b)]]', naive: e => closure(e, p => joined(p, p)) },
  mutual: { rules: '[[(r ?a ?b) [?a :n ?b]] [(r ?a ?b) [?a :n ?c] (odd ?c ?b)] [(odd ?a ?b) [?a :n ?c] (r ?c ?b)]]', naive: e => closure(e, p => joined(e, joined(e, p))) },
  generation: { rules: '[[(r ?a ?b) [?a :n ?c] [?b :n ?c]] [(r ?a ?b) [?a :n ?c] (r ?c ?d) [?b :n ?d]]]', naive: e => { const back = e.map(([a, b]): Pair => [b, a]); return closure(joined(e, back), p => joined(joined(e, p), back)) } },
  guarded: { rules: '[[(r ?a ?b) [?a :n ?b] (not [?b :off true])] [(r ?a ?b) (r ?a ?c) [?c :n ?b] (not [?b :off true])]]', naive: e => { const on = e.filter(([, b]) => b % 3 !== 0); return closure(on, p => joined(p, on)) } },
}

/** Steps that tests of `or` let pass: predicates, facts, and calls of the rule with a constant, two or three of them in a body. */
function tested(pick: (n: number) => number): { rules: string; naive(edges: readonly Pair[]): Pair[] } {
  type Test = { text: string; passes(pairs: readonly Pair[], step: Pair): boolean }
  const one = (): Test => {
    const k = 1 + pick(6)
    const v = pick(3)
    switch (pick(6)) {
      case 0: return { text: `[${v === 0 ? '?u' : '?v'} :off true]`, passes: (_, [c, b]) => (v === 0 ? c : b) % 3 === 0 }
      case 1: return { text: `[(> ?v ${k})]`, passes: (_, [, b]) => b > k }
      case 2: return { text: `[(= ?u ${k})]`, passes: (_, [c]) => c === k }
      case 3: return { text: `(and [?u :off ?off] [(!= ?v ${k})])`, passes: (_, [c, b]) => c % 3 === 0 && b !== k }
      case 4: return { text: `(r ${k} ?u)`, passes: (pairs, [c]) => pairs.some(p => p[0] === k && p[1] === c) }
      default: return { text: `(r ?v ${k})`, passes: (pairs, [, b]) => pairs.some(p => p[0] === b && p[1] === k) }
    }
  }
  const ors = Array.from({ length: 1 + pick(2) }, () => Array.from({ length: 2 + pick(2) }, one))
  const [u, v, body] = pick(2) === 0 ? ['?c', '?b', '(r ?a ?c) [?c :n ?b]'] : ['?a', '?c', '[?a :n ?c] (r ?c ?b)']
  // A rule that only tests is none of those that call each other.
  const written = (tests: readonly Test[], i: number): string => `(${pick(2) === 0 || tests.some(t => t.text.startsWith('(r')) ? 'or-join [?u ?v]' : `ok${i} ?u ?v`} ${tests.map(t => t.text).join(' ')})`
  const helpers: string[] = []
  const clauses = ors.map((tests, i) => {
    const text = written(tests, i)
    if (text.startsWith('(ok')) { helpers.push(...tests.map(t => `[(ok${i} ?u ?v) ${t.text}]`)); return `(ok${i} ${u} ${v})` }
    return text.replaceAll('?u', u).replaceAll('?v', v)
  })
  return {
    rules: `[[(r ?a ?b) [?a :n ?b]] [(r ?a ?b) ${body} ${clauses.join(' ')}] ${helpers.join(' ')}]`,
    naive: e => closure(e, p => {
      const steps = e.filter(step => ors.every(tests => tests.some(t => t.passes(p, step))))
      return u === '?c' ? joined(p, steps) : joined(steps, p)
    }),
  }
}

it(`answers as a naive closure does, ${CASES} random histories`, async () => {
  for (let seed = 1; seed <= CASES; seed++) {
    const pick = random(seed)
    const nodes = 3 + pick(6)
    const name = [...Object.keys(PROGRAMS), 'tested', 'tested'][seed % 8]
    const { rules, naive } = name === 'tested' ? tested(pick) : PROGRAMS[name]
    const { data } = await world({ n: { type: 'ref', many: true }, off: 'boolean' })
    data.transact([3, 6, 9].map(e => [':db/add', e, 'off', true]))
    const all = data.view('all', { query: '[:find ?a ?b :in $ % :where (r ?a ?b)]', rules })
    const from = data.view('from', { query: '[:find ?b :in $ ?s % :where (r ?s ?b)]', rules, in: { '?s': 1 } })
    const to = data.view('to', { query: '[:find ?a :in $ % :where (r ?a 2)]', rules })
    const shown = new Set<string>()
    all.listen((added, removed) => { for (const p of removed) shown.delete(p.join('-')); for (const p of added) shown.add(p.join('-')) })
    const edges = new Map<string, Pair>()
    for (let step = 0; step < 12; step++) {
      const tx: unknown[][] = []
      for (let i = pick(4); i >= 0; i--) {
        const edge: Pair = [1 + pick(nodes), 1 + pick(nodes)]
        const add = pick(5) < (edges.size < nodes ? 4 : 2)
        tx.push([add ? ':db/add' : ':db/retract', edge[0], 'n', edge[1]])
        if (add) edges.set(edge.join(), edge)
        else edges.delete(edge.join())
      }
      data.transact(tx)
      const pairs = naive([...edges.values()])
      const at = `seed ${seed}, ${name === 'tested' ? rules : name}, step ${step}: ${[...edges.keys()].join(' ')}`
      expect(text(all.get() as Pair[]), at).toEqual(text(pairs))
      expect([...shown].sort(), at).toEqual(text(pairs))
      const start = from.inputs['?s'] as number
      expect((from.get() as number[][]).map(r => r[0]).sort((a, b) => a - b), `${at} from ${start}`).toEqual([...new Set(pairs.filter(p => p[0] === start).map(p => p[1]))].sort((a, b) => a - b))
      expect((to.get() as number[][]).map(r => r[0]).sort((a, b) => a - b), `${at} to 2`).toEqual([...new Set(pairs.filter(p => p[1] === 2).map(p => p[0]))].sort((a, b) => a - b))
      if (pick(4) === 0) from.setInput('?s', 1 + pick(nodes))
    }
    data.db.close()
  }
}, 180_000 + CASES * 1000)
