// `not`: an anti join with a query of what must not be there.
import type { Clause, Not } from '../ast.js'
import type { Compiler } from './compiler.js'
import { Conjunction } from './conjunction.js'
import { Split } from './disjunction.js'
import { all, call } from './values.js'

export function addNot(compiler: Compiler, conj: Conjunction, step: Not): Conjunction {
  exclude(compiler, conj, step, step.clauses)
  return conj
}

function exclude(compiler: Compiler, conj: Conjunction, step: Not, clauses: readonly Clause[]): void {
  const inner = new Conjunction(compiler.strict, conj, step.vars === undefined ? undefined : new Set(step.vars))
  try {
    compiler.lower(inner, clauses, new Set())
  } catch (e) {
    if (!(e instanceof Split) || !clauses.includes(e.step as Clause)) throw e
    // Nothing of either branch is there: not one, and not the other.
    for (const branch of e.branches) exclude(compiler, conj, step, clauses.flatMap(c => c === e.step ? branch : [c]))
    return
  }
  if (inner.never) return
  if (inner.joins.length > 0) conj.condition({ op: 'notExists', query: inner.parts(compiler.one) })
  else if (inner.where.length > 0) conj.condition(call('not', all(inner.where)))
  else conj.never = true
}
