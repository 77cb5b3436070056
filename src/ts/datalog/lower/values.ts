// What variables stand for while a query is lowered: expressions of the engine with their types, or tuples of such.
import { EddylineError } from '../../errors.js'
import type { CellType } from '../../port.js'
import type { ExprJson } from '../../query/expr.js'
import { literal } from '../../query/expr.js'
import type { Key } from '../ast.js'
import type { Constant } from '../edn.js'

export type Type = CellType | 'null'
/** An expression with its type. `nullable`: it may have no value; then what it would be bound to is not there. */
export interface Scalar { readonly kind: 'scalar'; readonly json: ExprJson; readonly type: Type; readonly nullable?: boolean; readonly constant?: Constant; /** Given by an input. */ readonly given?: boolean }
export interface Tuple { readonly kind: 'tuple'; readonly items: readonly Bound[] }
export type Bound = Scalar | Tuple

/** What columns a variable has in the rows of a query: those of `Bound`, without a source. */
export type Shape = { readonly kind: 'scalar'; readonly name: string; readonly type: Type } | { readonly kind: 'tuple'; readonly items: readonly Shape[] }

export const scalar = (json: ExprJson, type: Type, nullable = false): Scalar => nullable ? { kind: 'scalar', json, type, nullable } : { kind: 'scalar', json, type }
export const column = (of: string, name: string, type: Type): Scalar => scalar({ op: 'col', of, name }, type)
export const truth = (value: boolean): ExprJson => ({ op: 'lit', value })
export const call = (op: string, ...args: ExprJson[]): ExprJson => ({ op, args })

/** The type of numbers together. */
export function wider(of: readonly { readonly type: Type }[]): CellType {
  const has = (type: Type): boolean => of.some(x => x.type === type)
  return has('float') ? 'float' : has('decimal') ? 'decimal' : has('bigint') ? 'bigint' : 'int'
}

/** Types that can be equal: integers and floats are numbers. */
export const kindOf = (type: Type): string => type === 'int' || type === 'bigint' || type === 'float' || type === 'decimal' ? 'number' : type
export const isNumber = (type: Type): boolean => kindOf(type) === 'number' || type === 'null'

export function constant(value: Constant): Scalar {
  const type: Type = value === null ? 'null'
    : typeof value === 'string' ? 'text' : typeof value === 'boolean' ? 'bool' : typeof value === 'bigint' ? 'bigint'
    : typeof value === 'number' ? (Number.isSafeInteger(value) ? 'int' : 'float')
    : value instanceof Date ? 'timestamp' : 'bytes'
  return { kind: 'scalar', json: literal(value), type, constant: value }
}

/** Types whose values are written as texts. */
const WRITTEN: ReadonlySet<Type> = new Set<Type>(['timestamp', 'date', 'time', 'uuid', 'interval'])

/** Two that are compared: a text that is written or given, beside a moment or the like, is one. */
export function fitted<A extends Bound, B extends Bound>(a: A, b: B): [A, B] {
  if (a.kind === 'tuple' || b.kind === 'tuple') return [a, b]
  const as = (x: Scalar, type: Type): Scalar =>
    x.type !== 'text' || !WRITTEN.has(type) ? x : typeof x.constant === 'string' ? constantFor(x.constant, type as CellType) : x.given === true ? scalar({ op: 'cast', name: type, args: [x.json] }, type) : x
  return [as(a, b.type) as A, as(b, a.type) as B]
}

/** A literal for a column: moments may be written as ISO texts, json as any value. */
export function constantFor(value: Constant, type: CellType): Scalar {
  if (WRITTEN.has(type) && typeof value === 'string') return { kind: 'scalar', json: literal(value, type), type, constant: value }
  if (type === 'decimal' && (typeof value === 'number' || typeof value === 'bigint')) return { kind: 'scalar', json: literal(value, 'decimal'), type, constant: value }
  if (type === 'json' && !(value instanceof Date) && !(value instanceof Uint8Array)) return { kind: 'scalar', json: literal(value, 'json'), type, constant: value }
  return constant(value)
}

/** A key that is written. `like`: the columns that it is a key of. */
export function keyBound(key: Key, like?: Bound): Tuple {
  const types = like?.kind === 'tuple' ? like.items : []
  return { kind: 'tuple', items: key.items.map((item, i) => { const type = types[i]; return type?.kind === 'scalar' && type.type !== 'null' ? constantFor(item.value, type.type) : constant(item.value) }) }
}

export const isColumn = (bound: Bound): boolean => bound.kind === 'scalar' && bound.json.op === 'col'
export const isConstant = (bound: Bound): bound is Scalar => bound.kind === 'scalar' && bound.json.op === 'lit'
export const scalarsOf = (bound: Bound): readonly Scalar[] => bound.kind === 'scalar' ? [bound] : bound.items.flatMap(scalarsOf)

/** All conditions; none is always true. */
export function all(conditions: readonly ExprJson[]): ExprJson {
  return conditions.length === 1 ? conditions[0] : conditions.length === 0 ? truth(true) : { op: 'and', args: [...conditions] }
}

/** Whether values of the two can ever be equal; tuples by their members. */
export function comparable(a: Bound, b: Bound): boolean {
  if (a.kind === 'tuple' || b.kind === 'tuple') return a.kind === 'tuple' && b.kind === 'tuple' && a.items.length === b.items.length && a.items.every((x, i) => comparable(x, b.items[i]))
  return a.type === 'null' || b.type === 'null' || kindOf(a.type) === kindOf(b.type)
}

/** Conditions under which two of comparable types are equal. */
export function equalities(a: Bound, b: Bound): ExprJson[] {
  if (a.kind === 'tuple' && b.kind === 'tuple') return a.items.flatMap((x, i) => equalities(x, b.items[i]))
  return [call('=', (a as Scalar).json, (b as Scalar).json)]
}

/** The sources that an expression reads. */
export function sourcesOf(e: ExprJson, out = new Set<string>()): Set<string> {
  if (e.op === 'col' && e.of !== undefined) out.add(e.of)
  for (const a of e.args ?? []) sourcesOf(a, out)
  return out
}

/** What is to be selected for a variable, under names of its own; and what it is to readers of these. */
export function selected(name: string, bound: Bound): { shape: Shape; fields: { name: string; expr: ExprJson }[] } {
  if (bound.kind === 'scalar') return { shape: { kind: 'scalar', name, type: bound.type }, fields: [{ name, expr: bound.json }] }
  const parts = bound.items.map((item, i) => selected(`${name}#${i}`, item))
  return { shape: { kind: 'tuple', items: parts.map(p => p.shape) }, fields: parts.flatMap(p => p.fields) }
}

/** What a variable is, for errors. */
export const typeName = (of: Shape | Bound): string => of.kind === 'tuple' ? `[${of.items.map(typeName).join(' ')}]` : of.type

/** A shape as read from a source. */
export function boundOf(shape: Shape, alias: string): Bound {
  return shape.kind === 'scalar' ? column(alias, shape.name, shape.type) : { kind: 'tuple', items: shape.items.map(s => boundOf(s, alias)) }
}

/** What a variable is in a union of queries: integers beside floats are floats. Undefined if they cannot be together. */
export function together(a: Shape, b: Shape): Shape | undefined {
  if (a.kind === 'tuple' || b.kind === 'tuple') {
    if (a.kind !== 'tuple' || b.kind !== 'tuple' || a.items.length !== b.items.length) return undefined
    const items = a.items.map((x, i) => together(x, b.items[i]))
    return items.some(i => i === undefined) ? undefined : { kind: 'tuple', items: items as Shape[] }
  }
  if (a.type === b.type || b.type === 'null') return a
  if (a.type === 'null') return { ...a, type: b.type }
  if (kindOf(a.type) !== kindOf(b.type)) return undefined
  return { ...a, type: wider([a, b]) }
}

/** An error of the language at a place. */
export const fault = (code: string, message: string, at: string, offending?: string): EddylineError =>
  new EddylineError(code, `${message} (at ${at})`, { path: at, ...(offending === undefined ? {} : { offending }) })
