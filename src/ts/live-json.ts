import type { LiveOptions } from './database.js'
import { EddylineError } from './errors.js'
import { checkLive } from './given.js'
import type { QueryLike } from './query/builder.js'
import { typesWithin } from './query/expr.js'
import { type ParamQuery, type ParamSpec, paramsJson } from './query/params.js'
import { jsonOf, natural } from './query/parts.js'
import type { QueryJson } from './query/types.js'
import { checkTenant } from './values.js'

/** What a live query is opened with. */
export interface Opening {
  readonly json: QueryJson
  readonly types: ParamSpec | undefined
  /** It has what can be set, so it shares its view with no others. */
  readonly own: boolean
}

/** What a query is made of. Throws QUERY_INVALID for what is none, INVALID_UTF8. */
export function queryJson(query: QueryLike<any> | ParamQuery<any, any>, tenant: string | undefined): QueryJson {
  const made = jsonOf(query)
  if (tenant === undefined) return made
  checkTenant(tenant, 'tenant')
  return { ...made, tenant }
}

/** The query of `db.live`. Throws MISSING_PARAMETER and what is wrong with values and the window. */
export function opening(query: QueryLike<any> | ParamQuery<any, any>, options: LiveOptions | undefined): Opening {
  checkLive(options)
  const json: QueryJson = { ...queryJson(query, options?.tenant) }
  const own = options?.params !== undefined || query.types !== undefined || options?.window !== undefined
  if (!own) return { json, types: undefined, own }
  if (options?.window !== undefined) json.part = options.window.map(n => natural(n, 'window')) as [number, number]
  const known = Object.assign(Object.create(typesWithin(json)) as {}, query.types) as ParamSpec
  const params = json.params = paramsJson(options?.params ?? {}, known)
  for (const name of Object.keys(known)) {
    if (!params.some(p => p.name === name)) throw new EddylineError('MISSING_PARAMETER', `no value for the parameter \`${name}\``, { path: `params.${name}`, offending: name })
  }
  return { json, types: known, own }
}
