// Recursive rules asked for a part only: what is asked for is a relation of the fixpoint, too, and bodies begin with it.
import type { Branch, Clause, Rule, RuleCall, Term } from '../ast.js'
import { boundBy, calledBy } from '../ast.js'
import { stepVariables } from './compiler.js'
import type { Stage } from './conjunction.js'

/** A rule that asks: its rows are arguments that others are called with. A branch may be a query that is made already. */
export interface AskedRule extends Omit<Rule, 'branches'> { readonly branches: readonly AskedBranch[] }
export type AskedBranch = Branch & { readonly stage?: Stage }

/** Which arguments are known: `bf` for the first of two. */
const adorned = (name: string, known: readonly boolean[]): string => `${name}@${known.map(k => k ? 'b' : 'f').join('')}`
const asked = (name: string): string => `${name}?`
/** The rule that one of a part is made of. */
export const plainName = (name: string): string => name.replace(/@[bf]+[?*]?$/, '')

/**
 * The rules of a group as far as a call with some arguments known needs them; undefined if somewhere within nothing is known,
 * so that all would be needed. `seeds`: what the call itself asks for.
 *
 * Source: Bancilhon, Maier, Sagiv, Ullman, "Magic sets and other strange ways to implement logic programs", PODS 1986.
 */
export function askedRules(rules: ReadonlyMap<string, Rule>, group: ReadonlySet<string>, call: { name: string; known: readonly boolean[] }, seeds: readonly AskedBranch[]): { rules: AskedRule[]; result: string } | undefined {
  const made = new Map<string, { rule: AskedRule; branches: AskedBranch[] }>()
  const todo: { name: string; known: readonly boolean[] }[] = []
  const want = (name: string, known: readonly boolean[]): string => {
    const full = adorned(name, known)
    if (made.has(full)) return full
    const rule = rules.get(name)!
    const put = (as: string, vars: readonly string[]): void => { const branches: AskedBranch[] = []; made.set(as, { rule: { name: as, vars, required: 0, branches, at: rule.at }, branches }) }
    put(full, rule.vars)
    put(asked(full), rule.vars.filter((_, i) => known[i]))
    todo.push({ name, known })
    return full
  }
  const result = want(call.name, call.known)
  made.get(asked(result))!.branches.push(...seeds)
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { name, known } = next
    const full = adorned(name, known)
    for (const branch of rules.get(name)!.branches) {
      const given = branch.vars.filter((_, i) => known[i])
      const begin: RuleCall = { kind: 'rule', name: asked(full), args: given.map((v): Term => ({ kind: 'var', name: v, at: branch.at })), at: branch.at }
      const body = sideways(branch, given, group)
      if (body === undefined) return undefined
      const out: Clause[] = [begin]
      for (const { clause, before } of body) {
        if (clause.kind !== 'rule' || !group.has(clause.name)) { out.push(clause); continue }
        const bound = before.bound
        const knows = clause.args.map(a => a.kind === 'const' || (a.kind === 'var' && bound.has(a.name)))
        if (!knows.some(k => k)) return undefined
        const target = want(clause.name, knows)
        const args = clause.args.filter((_, i) => knows[i])
        // Asking for what was asked for is nothing new.
        const same = target === full && args.length === given.length && args.every((a, i) => a.kind === 'var' && a.name === given[i])
        if (!same) made.get(asked(target))!.branches.push(asking(args, [begin, ...before.clauses], clause.at))
        const read: Clause = { ...clause, name: target }
        out.push(read)
        before.renamed(read)
      }
      made.get(full)!.branches.push({ vars: branch.vars, clauses: out, at: branch.at })
    }
  }
  return { rules: [...made.values()].map(m => ({ ...m.rule, branches: m.branches })), result }
}

/** A body that asks: constants are bound to variables of their own. */
function asking(args: readonly Term[], clauses: readonly Clause[], at: string): AskedBranch {
  const extra: Clause[] = []
  const vars = args.map((a, i) => {
    if (a.kind === 'var' && args.findIndex(b => b.kind === 'var' && b.name === a.name) === i) return a.name
    const name = `?asked.${i}`
    extra.push({ kind: 'call', name: a.kind === 'var' ? 'identity' : 'ground', args: [a], out: { kind: 'var', name, at }, at })
    return name
  })
  return { vars, clauses: [...clauses, ...extra], at }
}

/**
 * A rule that hands what is not known on as it is, `(r ?a ?b) … (r ?c ?b)`: who asks goes along instead, so that what is kept
 * is where each one gets to, not what every place on the way gets to. Undefined for rules that do otherwise.
 *
 * Source: Naughton, Ramakrishnan, Sagiv, Ullman, "Efficient evaluation of right-, left-, and multi-linear rules", SIGMOD 1989.
 */
export function factored(rule: Rule, group: ReadonlySet<string>, known: readonly boolean[], seeds: readonly AskedBranch[], boundIn: (clauses: readonly Clause[], given: ReadonlySet<string>) => ReadonlySet<string>): { rules: AskedRule[]; result: string } | undefined {
  if (group.size > 1) return undefined
  const result = adorned(rule.name, known)
  const [start, way] = [asked(result), `${result}*`]
  const { at } = rule
  const froms = rule.vars.flatMap((_, i) => known[i] ? [`?from.${i}`] : [])
  const term = (name: string): Term => ({ kind: 'var', name, at })
  const along = (branch: Branch): RuleCall => ({ kind: 'rule', name: way, args: [...froms, ...branch.vars.filter((_, i) => known[i])].map(term), at })
  const steps: AskedBranch[] = []
  const answers: AskedBranch[] = []
  for (const branch of rule.branches) {
    const calls = calledBy(branch.clauses).filter(c => group.has(c.name))
    if (calls.length === 0) {
      answers.push({ vars: branch.vars.map((v, i) => known[i] ? `?from.${i}` : v), clauses: [along(branch), ...branch.clauses], at: branch.at })
      continue
    }
    const call = branch.clauses.find(c => c.kind === 'rule' && group.has(c.name)) as RuleCall | undefined
    if (call === undefined || calls.length > 1) return undefined
    const others = branch.clauses.filter(c => c !== call)
    const elsewhere = new Set(others.flatMap(c => [...stepVariables(c)]))
    const handed = call.args.every((a, i) => known[i] ? a.kind === 'const' || a.kind === 'var' : a.kind === 'var' && a.name === branch.vars[i] && !elsewhere.has(a.name))
    const next = call.args.filter((_, i) => known[i])
    const bound = boundIn(others, new Set(branch.vars.filter((_, i) => known[i])))
    if (!handed || next.some(a => a.kind === 'var' && !bound.has(a.name))) return undefined
    const step = asking(next, [along(branch), ...others], branch.at)
    steps.push({ ...step, vars: [...froms, ...step.vars] })
  }
  const first: AskedBranch = { vars: [...froms, ...froms.map(f => `${f}.`)], clauses: [{ kind: 'rule', name: start, args: froms.map(term), at }, ...froms.map((f): Clause => ({ kind: 'call', name: 'identity', args: [term(f)], out: { kind: 'var', name: `${f}.`, at }, at }))], at }
  const made = (name: string, vars: readonly string[], branches: readonly AskedBranch[]): AskedRule => ({ name, vars, required: 0, branches, at })
  return { rules: [made(start, froms, seeds), made(way, first.vars, [first, ...steps]), made(result, rule.vars, answers)], result }
}

interface Before { readonly bound: ReadonlySet<string>; readonly clauses: readonly Clause[]; renamed(read: Clause): void }

/** The clauses of a body in an order in which what is known leads on; undefined if a recursive call is not reached. */
function sideways(branch: Branch, given: readonly string[], group: ReadonlySet<string>): { clause: Clause; before: Before }[] | undefined {
  const bound = new Set(given)
  const prefix: Clause[] = []
  const out: { clause: Clause; before: Before }[] = []
  let rest = [...branch.clauses]
  const recursive = (c: Clause): boolean => c.kind === 'rule' && group.has(c.name)
  const vars = (c: Clause): string[] => [...stepVariables(c)]
  const take = (clause: Clause): void => {
    rest = rest.filter(c => c !== clause)
    const at = prefix.length
    // Calls before it are of parts by the time that this is read.
    const before = { bound: new Set(bound), get clauses() { return prefix.slice(0, at) }, renamed: (read: Clause) => { prefix[at] = read } }
    out.push({ clause, before })
    prefix.push(clause)
    for (const v of vars(clause)) bound.add(v)
  }
  for (;;) {
    const next = rest.find(c => (c.kind === 'pattern' || (c.kind === 'rule' && !recursive(c))) && vars(c).some(v => bound.has(v)))
      ?? rest.find(c => c.kind === 'predicate' && vars(c).every(v => bound.has(v)))
      ?? rest.find(c => c.kind === 'call' && vars({ ...c, out: { kind: 'blank', at: c.at } }).every(v => bound.has(v)) && boundBy(c.out).length > 0)
      ?? rest.find(c => recursive(c) && c.kind === 'rule' && c.args.some(a => a.kind === 'const' || (a.kind === 'var' && bound.has(a.name))))
    if (next === undefined) break
    take(next)
  }
  if (rest.some(recursive)) return undefined
  // What only restricts stays with the body; it asks for nothing.
  for (const clause of rest) out.push({ clause, before: { bound, clauses: prefix, renamed: () => {} } })
  return out
}
