// What a component asks for: a query and its options, and when another is asked for.
import type { LiveOptions } from '../options.js'
import { isObject } from '../option-kinds.js'
import { type QueryLike, planKey } from '../query/builder.js'
import { misshapen } from '../query/expr.js'
import type { ParamQuery } from '../query/params.js'
import { jsonOf } from '../query/parts.js'

/** As for `db.live`: values of parameters and the window are set anew when they change. */
export interface QueryOptions extends Pick<LiveOptions, 'tenant' | 'label' | 'params' | 'window'> {}

/** A query that a component may ask for. */
export type Asked<R> = QueryLike<R> | ParamQuery<R, any>

/** The query that was given, undefined for one that is waited for. Throws QUERY_INVALID for nothing at all; `from`: who gave it. */
export function askedOf<R>(given: Asked<R> | null | false | undefined, from: string): Asked<R> | undefined {
  if (given === undefined) throw misshapen(`${from} gives a query, or null to wait: is a \`return\` missing?`, given, 'query')
  return given || undefined
}

/**
 * Another text for another query: its plan, and what a live query keeps for as long as it lives. Parameters, and where the window
 * is, are set, not part of what the query is. Throws QUERY_INVALID for what is none.
 */
export function identityOf(query: Asked<any> | undefined, { tenant, window, params }: QueryOptions): string {
  if (query === undefined) return ''
  // A value that is not given any more is none: what is set stays.
  const given = isObject(params) ? JSON.stringify(Object.entries(params).flatMap(([name, value]) => value === undefined ? [] : [name]).sort()) : String(params)
  return [planKey(jsonOf(query)), JSON.stringify((query as ParamQuery<any, any>).types), window !== undefined, given, typeof tenant, String(tenant)].join('\n')
}

/** Other texts for other values: objects may be the same with others in them. */
export const textsOf = ({ params, window }: QueryOptions): [params: string, window: string] => [textOf(params), textOf(window)]

/** Of what contains itself it is any: no parameter takes it. */
function textOf(value: unknown): string {
  try { return JSON.stringify([value], apart) } catch { return '' }
}

/** Makes JSON another text for another value: a Date is none, bytes are no object, NaN and infinities are not null. */
function apart(this: { readonly [name: string]: unknown }, name: string, json: unknown): unknown {
  const value = this[name]
  if (value instanceof Date) return `Date ${Number(value)}`
  if (value instanceof Uint8Array) return `bytes ${value.join()}`
  return typeof json === 'object' ? json : `${typeof json} ${String(json)}`
}
