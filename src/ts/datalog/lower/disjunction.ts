// `or`: a union of queries, joined by the variables that its branches have in common.
import { EddylineError } from '../../errors.js'
import type { QueryJson } from '../../query/types.js'
import type { Clause, Or } from '../ast.js'
import { variablesOf } from '../ast.js'
import { type Compiler, type Step, columnName } from './compiler.js'
import { Conjunction, type Stage, asSource, stageOf } from './conjunction.js'
import { localized } from './rename.js'
import { type Shape, fault, isConstant, together, typeName } from './values.js'

/** A disjunction that cannot be a query of its own within a `not` or a recursive body: that is to be split along `branches`. */
export class Split extends Error {
  constructor(readonly step: Step, readonly branches: readonly (readonly Clause[])[]) { super('split') }
}

/** Rows of several queries, each once. Throws DATALOG_TYPE if they cannot be together. */
export function unionOf(stages: readonly Stage[], names: readonly string[], at: string): Stage {
  const some = stages.filter(s => !s.never)
  const used = some.length === 0 ? stages.slice(0, 1) : some
  const shapes = used.slice(1).reduce((shapes: readonly Shape[], s) => shapes.map((shape, i) => {
    const both = together(shape, s.shapes[i])
    if (both === undefined) throw fault('DATALOG_TYPE', `\`${names[i] ?? 'a variable'}\` is ${typeName(shape)} in one branch, and ${typeName(s.shapes[i])} in another`, at, names[i])
    return both
  }), used[0].shapes)
  const query: QueryJson = used.length === 1 ? used[0].query : { setOp: 'union', inputs: used.map(s => s.query) }
  return { query, shapes, never: used[0].never }
}

export function addOr(compiler: Compiler, conj: Conjunction, step: Or, later: ReadonlySet<string>): Conjunction {
  const vars = step.vars ?? [...new Set(step.branches.flatMap(b => b.flatMap(c => [...variablesOf(c)])))]
  if (step.vars === undefined) sameVariables(step, vars)
  const branches = step.vars === undefined ? step.branches : step.branches.map(b => localized(b, new Set(vars), compiler))
  const isFixed = (v: string): boolean => { const bound = conj.lookup(v); return bound !== undefined && isConstant(bound) && bound.constant !== undefined }
  // What nobody reads outside need not leave the union.
  const outputs = vars.filter(v => !isFixed(v) && (conj.lookup(v) !== undefined || later.has(v)))
  try {
    return joined(compiler, conj, step, branches, vars.filter(isFixed), outputs)
  } catch (e) {
    // Types that branches leave open may be said by what is bound around them.
    const isType = e instanceof EddylineError && e.code === 'DATALOG_TYPE' && conj.outer === undefined
    if (!isType && (!(e instanceof EddylineError) || e.code !== 'DATALOG_UNSAFE')) throw e
    if (conj.outer !== undefined || conj.grows) throw new Split(step, branches)
    if (vars.every(v => conj.lookup(v) === undefined)) throw e
  }
  return seeded(compiler, conj, step, branches, vars, later)
}

/** Branches that bind everything by themselves: their union is one more source. */
function joined(compiler: Compiler, conj: Conjunction, step: Or, branches: readonly (readonly Clause[])[], fixed: readonly string[], outputs: readonly string[]): Conjunction {
  const stages = branches.map(clauses => {
    const start = new Conjunction(compiler.strict)
    for (const v of fixed) start.set(v, conj.lookup(v)!)
    return compiler.stage(start, clauses, outputs.map(variable => ({ name: columnName(variable), variable, at: step.at })))
  })
  const union = unionOf(stages, outputs, step.at)
  const alias = compiler.aliases.fresh('or')
  const conditions = outputs.flatMap((v, i) => conj.unify(v, asSource(union.shapes[i], alias), step.at))
  conj.add({ query: union.query }, alias, conditions)
  if (union.never) conj.never = true
  return conj
}

/** Branches that need what is bound around them: each begins with the rows that are there. */
function seeded(compiler: Compiler, conj: Conjunction, step: Or, branches: readonly (readonly Clause[])[], vars: readonly string[], later: ReadonlySet<string>): Conjunction {
  const carried = [...conj.names()].filter(v => vars.includes(v) || later.has(v))
  const base = stageOf(conj, carried.map(v => ({ name: columnName(v), bound: conj.own(v)! })), compiler.one)
  const outputs = [...new Set([...carried.filter(v => later.has(v)), ...vars.filter(v => later.has(v))])]
  const stages = branches.map(clauses => {
    const start = new Conjunction(compiler.strict)
    const alias = compiler.aliases.fresh('so')
    start.add({ query: base.query }, alias)
    carried.forEach((v, i) => { start.set(v, asSource(base.shapes[i], alias)) })
    return compiler.stage(start, clauses, outputs.map(variable => ({ name: columnName(variable), variable, at: step.at })))
  })
  const union = unionOf(stages, outputs, step.at)
  const out = new Conjunction(compiler.strict)
  const alias = compiler.aliases.fresh('or')
  out.add({ query: union.query }, alias)
  outputs.forEach((v, i) => { out.set(v, asSource(union.shapes[i], alias)) })
  out.never = conj.never || union.never
  return out
}

function sameVariables(step: Or, vars: readonly string[]): void {
  for (const branch of step.branches) {
    const has = new Set(branch.flatMap(c => [...variablesOf(c)]))
    const missing = vars.filter(v => !has.has(v))
    if (missing.length > 0) throw fault('DATALOG_UNSAFE_OR', `${missing.map(v => `\`${v}\``).join(', ')} is not in every branch of \`or\`: name the variables that count with \`or-join\``, branch[0]?.at ?? step.at, missing[0])
  }
}
