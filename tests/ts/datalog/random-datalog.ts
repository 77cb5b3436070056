// Random databases, histories, queries and rules that DataScript and we understand alike.
import { random } from '../real/support.js'

export const SCHEMA = {
  name: {}, age: {}, aka: { ':db/cardinality': ':db.cardinality/many' }, email: { ':db/unique': ':db.unique/identity' },
  friend: { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many' }, boss: { ':db/valueType': ':db.type/ref' },
}
export const NAMES = ['Ada', 'Bob', 'Cid', 'Dan']
export const AKA = ['x', 'y', 'z', 'Ada']
export const ENTITIES = 7

export interface Case {
  readonly seed: number
  readonly transactions: unknown[][]
  readonly query: string
  readonly rules: string | undefined
  readonly inputs: unknown[]
  /** Pull patterns, with an entity. */
  readonly pulls: [string, number][]
}

export type Pick = (n: number) => number
export const any = <T>(pick: Pick, list: readonly T[]): T => list[pick(list.length)]

/** A value that an attribute may have. */
export function valueOf(pick: Pick, attribute: string): unknown {
  return attribute === 'name' ? any(pick, NAMES) : attribute === 'age' ? pick(6) : attribute === 'aka' ? any(pick, AKA) : 1 + pick(ENTITIES)
}

/** One transaction: facts that come and go, some of them at once. */
function transaction(pick: Pick): unknown[] {
  const e = (): number => 1 + pick(ENTITIES)
  const value = (a: string): unknown => valueOf(pick, a)
  return Array.from({ length: 1 + pick(5) }, () => {
    const a = any(pick, ['name', 'age', 'aka', 'friend', 'friend', 'boss'])
    switch (pick(10)) {
      case 0: return [':db/retract', e(), a, value(a)]
      case 1: return pick(3) === 0 ? [':db.fn/retractEntity', e()] : [':db/retract', e(), a, value(a)]
      case 2: return { ':db/id': e(), name: any(pick, NAMES), friend: [e(), e()] }
      case 3: return { ':db/id': e(), age: pick(6), aka: [any(pick, AKA), any(pick, AKA)] }
      default: return [':db/add', e(), a, value(a)]
    }
  })
}

interface Scope { pick: Pick; vars: Map<string, 'e' | 'name' | 'age'>; rules: boolean; depth: number; fresh: number }

const known = (s: Scope, kind: string): string[] => [...s.vars].filter(([, k]) => k === kind).map(([v]) => v)
/** DataScript does not unify a variable that stands twice in a pattern or a call: `but` is the one that is there. */
function variable(s: Scope, kind: 'e' | 'name' | 'age', reuse = 3, but?: string): string {
  const have = known(s, kind).filter(v => v !== but)
  if (have.length > 0 && s.pick(4) < reuse) return any(s.pick, have)
  const name = `?${kind[0]}${s.fresh++}`
  s.vars.set(name, kind)
  return name
}

function pattern(s: Scope): string {
  const { pick } = s
  const e = pick(8) === 0 ? String(1 + pick(ENTITIES)) : variable(s, 'e')
  switch (pick(6)) {
    case 0: return `[${e} "name" ${pick(4) === 0 ? `"${any(pick, NAMES)}"` : pick(6) === 0 ? '_' : variable(s, 'name')}]`
    case 1: return `[${e} "age" ${pick(4) === 0 ? pick(6) : variable(s, 'age')}]`
    case 2: return `[${e} "aka" ${pick(4) === 0 ? `"${any(pick, AKA)}"` : variable(s, 'name')}]`
    default: return `[${e} "${any(pick, ['friend', 'boss'])}" ${pick(8) === 0 ? 1 + pick(ENTITIES) : pick(8) === 0 ? '_' : variable(s, 'e', 2, e)}]`
  }
}

function predicate(s: Scope): string | undefined {
  const ages = known(s, 'age'), names = known(s, 'name'), es = known(s, 'e')
  const { pick } = s
  switch (pick(5)) {
    case 0: return ages.length === 0 ? undefined : `[(${any(pick, ['<', '<=', '>', '>=', '!=', '='])} ${any(pick, ages)} ${pick(2) === 0 ? pick(6) : any(pick, ages)})]`
    case 1: return ages.length === 0 ? undefined : `[(${any(pick, ['even?', 'odd?', 'zero?', 'pos?'])} ${any(pick, ages)})]`
    case 2: return names.length < 1 ? undefined : `[(${any(pick, ['!=', '=', 'not='])} ${any(pick, names)} ${pick(2) === 0 ? `"${any(pick, NAMES)}"` : any(pick, names)})]`
    case 3: return es.length < 1 ? undefined : `[(!= ${any(pick, es)} ${pick(2) === 0 ? 1 + pick(ENTITIES) : any(pick, es)})]`
    default: return names.length < 1 ? undefined : `[(clojure.string/starts-with? ${any(pick, names)} "${any(pick, ['A', 'x', 'B'])}")]`
  }
}

function call(s: Scope): string | undefined {
  const ages = known(s, 'age'), es = known(s, 'e')
  const { pick } = s
  const out = (kind: 'age' | 'name'): string => { const v = `?${kind[0]}${s.fresh++}`; s.vars.set(v, kind); return v }
  switch (pick(5)) {
    case 0: return ages.length === 0 ? undefined : `[(${any(pick, ['+', '-', '*', 'max', 'min'])} ${any(pick, ages)} ${pick(2) === 0 ? pick(4) : any(pick, ages)}) ${out('age')}]`
    case 1: return ages.length === 0 ? undefined : `[(${any(pick, ['inc', 'dec'])} ${any(pick, ages)}) ${out('age')}]`
    case 2: return es.length === 0 ? undefined : `[(get-else $ ${any(pick, es)} "age" ${10 + pick(3)}) ${out('age')}]`
    case 3: return es.length === 0 ? undefined : `[(get-else $ ${any(pick, es)} "name" "none") ${out('name')}]`
    default: return `[(ground [${pick(6)} ${pick(6)}]) [${out('age')} ...]]`
  }
}

/** Clauses over variables that are bound where they stand. */
function clauses(s: Scope, count: number): string[] {
  const out: string[] = []
  for (let i = 0; i < count; i++) {
    const { pick } = s
    const es = known(s, 'e')
    const kind = pick(12)
    if (i === 0 || kind < 5 || es.length === 0) out.push(pattern(s))
    else if (kind < 6) { const p = predicate(s); if (p !== undefined) out.push(p) }
    else if (kind < 7) { const c = call(s); if (c !== undefined) out.push(c) }
    else if (kind < 8 && s.rules) {
      const a = pick(6) === 0 ? String(1 + pick(ENTITIES)) : any(pick, es)
      out.push(`(${any(pick, ['reach', 'near', 'same', 'up', 'some', 'some'])} ${a} ${variable(s, 'e', 3, a)})`)
    }
    // Not of refs: DataScript takes a ref to an entity without facts for missing.
    else if (kind < 9) out.push(`[(missing? $ ${any(pick, es)} "${any(pick, ['age', 'name', 'aka'])}")]`)
    else if (s.depth < 2 && kind < 11) {
      const e = any(pick, es)
      // What is inside is its own, but for one variable.
      const inner: Scope = { ...s, vars: new Map([[e, 'e']]), depth: s.depth + 1 }
      const body = [`[${e} "${any(pick, ['name', 'age', 'friend', 'boss'])}" ${pick(3) === 0 ? '_' : `?local${s.fresh++}`}]`, ...clauses(inner, pick(3))]
      s.fresh = inner.fresh
      out.push(`(not-join [${e}] ${body.join(' ')})`)
    } else if (s.depth < 2) {
      const e = any(pick, es)
      const branch = (): string => {
        const inner: Scope = { ...s, vars: new Map([[e, 'e']]), depth: s.depth + 1 }
        const body = [`[${e} "${any(pick, ['name', 'age', 'friend', 'boss', 'aka'])}" ${pick(3) === 0 ? '_' : `?local${s.fresh++}`}]`, ...clauses(inner, pick(2))]
        s.fresh = inner.fresh
        return body.length === 1 ? body[0] : `(and ${body.join(' ')})`
      }
      out.push(`(or-join [${e}] ${branch()} ${branch()})`)
    }
  }
  return out
}

/** Rules that DataScript ends with: linear ones. */
const LINEAR = `[[(near ?a ?b) [?a "friend" ?b]] [(near ?a ?b) [?b "friend" ?a]]
  [(up ?a ?b) [?a "boss" ?b]] [(up ?a ?b) [?a "boss" ?c] (up ?c ?b)]
  [(reach ?a ?b) [?a "friend" ?b]] [(reach ?a ?b) [?a "friend" ?c] (reach ?c ?b)]
  [(same ?a ?b) [?a "boss" ?c] [?b "boss" ?c]] [(same ?a ?b) [?a "boss" ?c] [?b "boss" ?d] (same ?c ?d)]]`

/** A rule whose steps an `or` tests, by what is there and by predicates, and calls of other rules with constants. With three branches DataScript does not always end. */
function tests(pick: Pick): string {
  const one = (): string => {
    switch (pick(6)) {
      case 0: return `[?c "${any(pick, ['boss', 'friend', 'age', 'name'])}" _]`
      case 1: return `[(${any(pick, ['<', '>', '!=', '='])} ?c ${1 + pick(ENTITIES)})]`
      case 2: return `[(${any(pick, ['even?', 'odd?'])} ?c)]`
      case 3: return `(and [?c "age" ?n] [(> ?n ${pick(6)})])`
      case 4: return `(${any(pick, ['up', 'reach'])} ?c ${1 + pick(ENTITIES)})`
      default: return `(${any(pick, ['up', 'near'])} ${1 + pick(ENTITIES)} ?c)`
    }
  }
  const or = `(or-join [?c] ${[one(), one()].join(' ')})`
  return `[(some ?a ?b) [?a "friend" ?b]] [(some ?a ?b) [?a "friend" ?c] ${or} (some ?c ?b)]`
}

const PULLS = ['[*]', '["name" "age" "aka"]', '["name" {"friend" ["name" :db/id]}]', '["name" {"_friend" ["name"]} {"boss" ["age" {"boss" ["name"]}]}]', '["name" {"boss" ...}]', '["name" {"friend" 2}]', '[{"_boss" [:db/id "aka"]}]', '[:db/id "friend" "boss"]', '[["name" :as "n"] ["aka" :limit 1]]']

/** The case of a seed. */
export function generated(seed: number): Case {
  const pick = random(seed)
  const transactions = Array.from({ length: 2 + pick(6) }, () => transaction(pick))
  const rules = pick(3) === 0
  const s: Scope = { pick, vars: new Map(), rules, depth: 0, fresh: 0 }
  const inputs: unknown[] = []
  const ins: string[] = []
  if (pick(4) === 0) { ins.push('?n0'); inputs.push(any(pick, NAMES)); s.vars.set('?n0', 'name'); s.fresh = 1 }
  if (pick(6) === 0) { ins.push(`[?a${s.fresh} ...]`); inputs.push([pick(6), pick(6)]); s.vars.set(`?a${s.fresh++}`, 'age') }
  if (pick(8) === 0) { ins.push(`[[?n${s.fresh} ?a${s.fresh + 1}]]`); inputs.push([[any(pick, NAMES), pick(6)], [any(pick, NAMES), pick(6)]]); s.vars.set(`?n${s.fresh++}`, 'name'); s.vars.set(`?a${s.fresh++}`, 'age') }
  const where = clauses(s, 1 + pick(4))
  const bound = [...s.vars.keys()].filter(v => where.join(' ').includes(v) || ins.join(' ').includes(v))
  const found = Array.from({ length: 1 + pick(3) }, () => any(pick, bound))
  const find = [...new Set(found)]
  const ages = [...s.vars].filter(([v, k]) => k === 'age' && bound.includes(v)).map(([v]) => v)
  const parts = [...find]
  if (pick(5) === 0) parts.push(ages.length > 0 ? `(${any(pick, ['sum', 'min', 'max', 'avg', 'count', 'count-distinct', 'min 2', 'max 2', 'median'])} ${any(pick, ages)})` : `(count ${any(pick, bound)})`)
  const query = `[:find ${parts.join(' ')} :in $ ${ins.join(' ')} ${rules ? '%' : ''} :where ${where.join(' ')}]`
  const text = rules ? `${LINEAR.slice(0, -1)}
  ${tests(pick)}]` : undefined
  const pulls = Array.from({ length: 2 }, (): [string, number] => [any(pick, PULLS), 1 + pick(ENTITIES)])
  return { seed, transactions, query, rules: text, inputs: rules ? [...inputs, text] : inputs, pulls }
}
