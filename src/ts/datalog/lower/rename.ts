// Clauses with other variables: bodies of rules and of `or-join` have variables of their own.
import type { Argument, Binding, Clause, Term } from '../ast.js'
import { boundBy, variablesOf } from '../ast.js'
import type { Compiler } from './compiler.js'

/** The variables of clauses, those that only the clauses themselves know included. */
function deepVariables(clauses: readonly Clause[], out = new Set<string>()): Set<string> {
  for (const c of clauses) {
    for (const v of variablesOf(c)) out.add(v)
    if (c.kind === 'not') deepVariables(c.clauses, out)
    if (c.kind === 'or') c.branches.forEach(b => deepVariables(b, out))
  }
  return out
}

/** Clauses whose variables, but those in `kept`, have names that nothing else has. */
export function localized(clauses: readonly Clause[], kept: ReadonlySet<string>, compiler: Compiler): Clause[] {
  const terms = new Map<string, Term>()
  for (const v of deepVariables(clauses)) if (!kept.has(v)) terms.set(v, { kind: 'var', name: compiler.aliases.fresh(v), at: '' })
  return substituted(clauses, terms)
}

/** Clauses with terms in the place of variables: those of a rule's head by what it is called with. */
export function inlined(clauses: readonly Clause[], head: readonly string[], args: readonly Term[], compiler: Compiler): Clause[] {
  const terms = new Map<string, Term>()
  for (const v of deepVariables(clauses)) terms.set(v, { kind: 'var', name: compiler.aliases.fresh(v), at: '' })
  head.forEach((v, i) => { if (args[i].kind !== 'blank') terms.set(v, args[i]) })
  return substituted(clauses, terms)
}

function substituted(clauses: readonly Clause[], terms: ReadonlyMap<string, Term>): Clause[] {
  const term = (t: Term): Term => {
    const by = t.kind === 'var' ? terms.get(t.name) : undefined
    return by === undefined ? t : { ...by, at: t.at }
  }
  const argument = (a: Argument): Argument => a.kind === 'members' ? { ...a, items: a.items.map(argument) } : a.kind === 'pattern' ? a : term(a)
  const binding = (b: Binding): Binding => {
    switch (b.kind) {
      // A constant where a value is bound: the value must be it. `_ = f(x)` would lose that, so that it becomes a lookup below.
      case 'var': { const by = terms.get(b.name); return by?.kind === 'var' ? { ...by, at: b.at } : b }
      case 'blank': return b
      case 'collection': return { ...b, item: binding(b.item) }
      default: return { ...b, items: b.items.map(binding) }
    }
  }
  const names = (vars: readonly string[]): string[] => vars.flatMap(v => { const by = terms.get(v); return by === undefined ? [v] : by.kind === 'var' ? [by.name] : [] })
  return clauses.flatMap((c): Clause[] => {
    switch (c.kind) {
      case 'pattern': return [{ ...c, terms: c.terms.map(term) }]
      case 'rule': return [{ ...c, args: c.args.map(term) }]
      case 'predicate': return [{ ...c, args: c.args.map(argument) }]
      case 'call': {
        // Variables of the head that are constants in this call are bound first, then compared.
        const fixed = boundBy(c.out).flatMap((v): Clause[] => { const by = terms.get(v); return by?.kind === 'const' ? [{ kind: 'predicate', name: '=', args: [{ kind: 'var', name: v, at: c.at }, by], at: c.at }] : [] })
        return [{ ...c, args: c.args.map(argument), out: binding(c.out) }, ...fixed]
      }
      case 'not': return [{ ...c, ...(c.vars === undefined ? {} : { vars: names(c.vars) }), clauses: substituted(c.clauses, terms) }]
      case 'or': return [{ ...c, ...(c.vars === undefined ? {} : { vars: names(c.vars) }), required: names(c.required), branches: c.branches.map(b => substituted(b, terms)) }]
    }
  })
}
