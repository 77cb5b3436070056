// Parameters: values of a query that are given with it and can be set anew.
import type { DateText } from '../calendar.js'
import { EddylineError } from '../errors.js'
import type { Decimal } from '../decimal.js'
import type { IntervalText } from '../interval.js'
import { isObject, said, shown, wrong } from '../option-kinds.js'
import type { CellType } from '../port.js'
import { Expr, type Constant, type ExprJson, literal, misshapen, typed } from './expr.js'
import { PLAN, jsonOf } from './parts.js'
import type { QueryJson } from './types.js'

/** What the values of a parameter of some type are. */
export interface ParamTypes {
  text: string; int: number; bigint: bigint; decimal: Decimal; float: number; bool: boolean; timestamp: Date; json: unknown; bytes: Uint8Array; date: DateText; time: string; uuid: string; interval: IntervalText
  'bool[]': boolean[]; 'int[]': number[]; 'float[]': number[]; 'text[]': string[]; 'timestamp[]': Date[]; 'date[]': DateText[]; 'uuid[]': string[]
}
/** Parameters by name, as `withParams` takes them. */
export type ParamSpec = { readonly [name: string]: CellType }
/** What types are called elsewhere. */
interface Elsewhere {
  string: 'text'; varchar: 'text'; char: 'text'; number: 'float'; double: 'float'; real: 'float'; float8: 'float'; integer: 'int'; smallint: 'int'; int4: 'int'; int8: 'bigint'; boolean: 'bool'
  numeric: 'decimal'; money: 'decimal'; datetime: 'timestamp'; timestamptz: 'timestamp'; Date: 'timestamp'; jsonb: 'json'; object: 'json'; bytea: 'bytes'; blob: 'bytes'; binary: 'bytes'; guid: 'uuid'
  'string[]': 'text[]'; 'number[]': 'float[]'; 'integer[]': 'int[]'; 'boolean[]': 'bool[]'; 'Date[]': 'timestamp[]'
}
/** The type of a name: itself, or the one that is meant, which the compiler then says is expected. */
export type TypeNamed<N> = N extends CellType ? N : N extends keyof Elsewhere ? Elsewhere[N] : CellType
/** Values of parameters: what stands for a constant of the type, or null. */
export type ParamValues<P> = { readonly [N in keyof P]: Constant<P[N]> | null }
/** What the parameters of a specification hold. */
export type ParamsOf<T> = { [N in keyof T]: T[N] extends CellType ? ParamTypes[T[N]] : any }
/** Values of parameters that no type tells. */
export type AnyParams = { readonly [name: string]: unknown }

/** A query with typed parameters: `db.live` takes their values. */
export interface ParamQuery<R, P> {
  readonly $row: R
  readonly $params?: P
  /** @internal */
  readonly types: ParamSpec
  toJSON(): QueryJson
}

/**
 * A parameter: a value that `db.live` is given by name, and that can be set anew. It may stand wherever a constant may, and in
 * the place of limits and offsets. The type is that of what it stands beside, or the one given.
 *
 * ```ts
 * const live = db.live(db.query.issues.where(i => gt(i.priority, param('least'))), { params: { least: 3 } })
 * live.setParams({ least: 4 })    // a diff: rows that leave; those that stay are the same objects
 * ```
 */
export function param<T = any>(name: string, type?: CellType): Expr<T> {
  if (name === '') throw new EddylineError('QUERY_INVALID', 'a parameter needs a name', { offending: name })
  return new Expr<T>(typed({ op: 'param', name }, type), type)
}

/**
 * A query with typed parameters.
 *
 * ```ts
 * const busy = withParams({ least: 'int', shown: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)).limit(p.shown))
 * const live = db.live(busy, { params: { least: 3, shown: 50 } })
 * live.setParams({ least: 4 })
 * ```
 */
export function withParams<const T extends { readonly [name: string]: string }, R>(
  types: { readonly [N in keyof T]: TypeNamed<T[N]> }, make: (params: { readonly [N in keyof T]: Expr<ParamsOf<T>[N]> }) => { readonly $row: R; toJSON(): QueryJson },
): ParamQuery<R, ParamsOf<T>> {
  if (!isObject(types) || typeof make !== 'function') throw misshapen('`withParams` takes types and a callback: withParams({ least: \'int\' }, p => …)', isObject(types) ? make : types)
  const params = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, param(name, type)]))
  const query = make(params as never)
  return {
    types,
    toJSON() {
      jsonOf(query)
      return query.toJSON()
    },
    [PLAN]: () => jsonOf(query),
  } as never
}

/** @internal A parameter as the engine takes it. */
export interface ParamJson { name: string; type?: string; value: ExprJson }

/** @internal Values for the engine; `types`: its own are declared, those that it inherits are of what parameters stand beside. */
export function paramsJson(values: AnyParams, types: ParamSpec | undefined): ParamJson[] {
  if (!isObject(values)) throw wrong('INVALID_ARGUMENT', `parameters are \`{ name: value }\`, not ${shown(values)}`, 'params', said(values))
  return Object.entries(values).filter(([, value]) => value !== undefined).map(([name, given]) => {
    const type = types !== undefined && Object.hasOwn(types, name) ? types[name] : undefined
    if (given instanceof Expr) throw new EddylineError('QUERY_INVALID', 'the value of a parameter is a constant', { offending: name, path: `params.${name}` })
    const near = type === undefined && given !== null ? types?.[name] : undefined
    // Numbers and booleans are of their own type, but beside JSON, which any value is.
    const beside = near === 'json' || typeof given === 'string' || typeof given === 'object' ? near : undefined
    // What does not fit there is told by the engine, which knows the place.
    try { if (beside !== undefined) return { name, type: beside, value: literal(given, beside) } } catch {}
    let value: ExprJson
    try { value = literal(given, type) } catch (e) {
      if (e instanceof EddylineError) throw new EddylineError(e.code, e.message, { path: `params.${name}`, offending: e.offending })
      throw e
    }
    return type === undefined ? { name, value } : { name, type, value }
  })
}

/** @internal A number of rows, or the parameter that says it. */
export type CountLike = number | Expr<any>

/** @internal The name of the parameter that stands for a number of rows; undefined for a number. */
export function countParam(count: CountLike, what: string): string | undefined {
  if (!(count instanceof Expr)) return undefined
  if (count.json.op === 'param') return count.json.name
  throw new EddylineError('QUERY_INVALID', `${what} takes a number or a parameter`, { path: what, offending: count.json.op })
}
