// Inputs as sources: rows of the table of inputs, so that an input can change without a new query.
import type { ExprJson } from '../../query/expr.js'
import type { QueryJson } from '../../query/types.js'
import type { Binding, Pattern, Term } from '../ast.js'
import { INPUTS } from '../attributes.js'
import type { Constant } from '../edn.js'
import { bind } from './calls.js'
import type { Compiler } from './compiler.js'
import type { Conjunction } from './conjunction.js'
import { type Bound, type Type, call, column, constant, fault } from './values.js'

/** Types of an input's values: of one, or of a tuple's members. */
export type InputType = Type | readonly InputType[]

/** An input of a view: `binding` of one row, rows in the table of inputs under two numbers. */
export interface InputSource {
  readonly kind: 'input'
  readonly name: string
  readonly binding: Binding
  readonly type: InputType
  readonly view: number
  readonly input: number
  readonly at: string
}

/** Joins the rows of an input. */
export function addInput(compiler: Compiler, conj: Conjunction, step: InputSource): Conjunction {
  const alias = source(compiler, conj, step)
  conj.selective = true
  return bind(conj, step.binding, boundTo(step.type, alias, []), step.at)
}

/** `[$b ?n ?email]`: rows of an input, by position. */
export function addInputPattern(compiler: Compiler, conj: Conjunction, pattern: Pattern, step: InputSource): Conjunction {
  const alias = source(compiler, conj, step)
  const row = boundTo(step.type, alias, [])
  const items: readonly Bound[] = row.kind === 'tuple' ? row.items : [row]
  if (pattern.terms.length > items.length) throw fault('DATALOG_TYPE', `rows of \`${pattern.source}\` have ${items.length} members`, pattern.at, pattern.source)
  pattern.terms.forEach((t: Term, i) => {
    if (t.kind === 'lookup' || t.kind === 'key') throw fault('DATALOG_SYNTAX', 'what names an entity of the database cannot stand here', t.at)
    if (t.kind === 'const') for (const c of conj.equal(items[i], constant(t.value), t.at, pattern.source)) conj.condition(c)
    if (t.kind === 'var') bind(conj, t, items[i], t.at)
  })
  return conj
}

/** The columns of an input, as texts and casts of the members of its json. */
function source(compiler: Compiler, conj: Conjunction, step: InputSource): string {
  const alias = compiler.aliases.fresh('in')
  const from = compiler.aliases.fresh('input')
  const of = (name: string): ExprJson => ({ op: 'col', of: from, name })
  const select: NonNullable<QueryJson['select']> = []
  const leaves = (type: InputType, path: readonly number[]): void => {
    if (Array.isArray(type)) { type.forEach((t: InputType, i) => leaves(t, [...path, i])); return }
    const text: ExprJson = { op: '#>>', args: [of('v'), ...(path.length === 0 ? [0] : [0, ...path]).map((i): ExprJson => ({ op: 'lit', value: String(i) }))] }
    select.push({ name: columnAt(path), expr: type === 'text' || type === 'null' ? text : { op: 'cast', name: type as string, args: [text] } })
  }
  leaves(step.type, [])
  const is = (name: string, value: number): ExprJson => call('=', of(name), { op: 'lit', value })
  conj.add({ query: { from: INPUTS, alias: from, where: { op: 'and', args: [is('view', step.view), is('input', step.input)] }, select: select.length === 0 ? [{ name: '_', expr: of('row') }] : select, distinct: true } }, alias)
  return alias
}

const columnAt = (path: readonly number[]): string => path.length === 0 ? 'v' : `v${path.join('#')}`
function boundTo(type: InputType, alias: string, path: readonly number[]): Bound {
  return Array.isArray(type) ? { kind: 'tuple', items: type.map((t: InputType, i) => boundTo(t, alias, [...path, i])) } : { ...column(alias, columnAt(path), type === 'null' ? 'text' : type as Type), given: true }
}

/** The type of a value that is given as an input. */
export function typeOfInput(value: unknown): InputType {
  if (Array.isArray(value)) return value.map(typeOfInput)
  return constant(value as Constant).type
}

/** A value as the table of inputs holds it: in a list of one, so that a text is not taken for json. */
export function storedInput(value: unknown): unknown {
  const plain = (v: unknown): unknown => Array.isArray(v) ? v.map(plain) : typeof v === 'bigint' ? String(v) : v instanceof Date ? v.toISOString() : typeof v === 'number' && !Number.isFinite(v) ? String(v) : v
  return [plain(value)]
}
