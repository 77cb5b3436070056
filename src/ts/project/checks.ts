// What projections are made of and asked for: everything is checked before anything is held.
import { EddylineError, unknownName } from '../errors.js'
import { ANYTHING, BOOLEAN, COUNT, FUNCTION, type Kind, type Kinds, MILLISECONDS, TEXT, TEXTS, checkOptions, isObject, shown, wrong } from '../option-kinds.js'
import type { TableJson } from '../watch/row-keys.js'
import type { OnConflict, Projection } from './definition.js'

const CODE = 'PROJECTION_INVALID'
/** Places that are as long as their names. */
const HERE = { code: CODE, path: '' } as const
const isEngine = (v: unknown): boolean => v === 'inline' || v === 'microtask' || (isObject(v) && typeof v.exec === 'function' && typeof v.fetch === 'function')
const ENGINE: Kind = { is: isEngine, what: "'inline', 'microtask', what `workers` makes, or { exec, fetch }", words: ['inline', 'microtask'] }
const CONFLICTS = ['raise', 'nothing', 'replaceAll']
const LIST: Kind = { is: Array.isArray, what: 'an array of projections and names of tables' }
/** What a virtual projection gives: a function, or rows. */
const OUTPUT: Kind = { is: v => typeof v === 'function' || (typeof v === 'object' && v !== null && (Symbol.iterator in v || Symbol.asyncIterator in v)), what: 'a function, or a list or stream of rows' }

const TABLE: Kinds = { inputs: LIST, into: TEXT, required: TEXTS }
const DEFINITIONS: Readonly<Record<'output' | 'view' | 'derive', Kinds>> = {
  output: { inputs: LIST, output: OUTPUT },
  view: { ...TABLE, view: FUNCTION },
  derive: { ...TABLE, derive: FUNCTION, onConflict: ANYTHING, dematerialize: BOOLEAN, timeoutMs: MILLISECONDS, version: TEXT, autoRebuild: BOOLEAN, engine: ENGINE },
}
const KINDS = Object.keys(DEFINITIONS) as (keyof typeof DEFINITIONS)[]

export const isProjection = (v: unknown): v is Projection => isObject(v) && typeof v.name === 'string' && ['virtual', 'view', 'derive'].includes(v.kind as string) && Array.isArray(v.inputs) && isObject(v.options)

/** Throws PROJECTION_INVALID for what does not define a projection; else which of `output`, `view` and `derive` it is made by. */
export function checkDefinition(schema: unknown, name: unknown, options: any): keyof typeof DEFINITIONS {
  // A worker that only runs functions need not have it.
  if (schema !== undefined && !isObject((schema as { json?: unknown } | null | undefined)?.json)) throw wrong(CODE, `the first argument of \`projection\` is a schema, not ${shown(schema)}`, 'schema', shown(schema))
  if (typeof name !== 'string' || name === '') throw wrong(CODE, 'a projection needs a name', 'name', shown(name))
  if (options !== undefined && options !== null) checkOptions(options, Object.assign({}, ...KINDS.map(k => DEFINITIONS[k])), { ...HERE, of: name })
  const kinds = KINDS.filter(k => options?.[k] !== undefined)
  if (kinds.length !== 1) throw wrong(CODE, `\`${name}\` needs one of output, view, derive${kinds.length > 1 ? `, not ${kinds.join(' and ')}` : ''}`, kinds[1] ?? 'derive', name)
  for (const option of Object.keys(options)) {
    if (!Object.hasOwn(DEFINITIONS[kinds[0]], option)) throw wrong(CODE, `\`${option}\` is for functions, and \`${name}\` has ${kinds[0] === 'view' ? 'a `view`' : 'an `output`'}`, option, option)
  }
  for (const [i, input] of (options.inputs ?? []).entries()) {
    if (typeof input !== 'string' && !isProjection(input)) throw wrong(CODE, `\`inputs\` of \`${name}\` are projections and names of tables, not ${shown(input)}`, `inputs[${i}]`, shown(input))
  }
  checkConflict(options.onConflict, name)
  return kinds[0]
}

export function checkConflict(conflict: unknown, name: string): void {
  if (conflict === undefined || CONFLICTS.includes(conflict as string)) return
  if (typeof conflict === 'string') throw unknownName(CODE, `\`onConflict\` '${conflict}' for \`${name}\``, conflict, CONFLICTS, 'onConflict')
  const names = isObject(conflict) ? Object.keys(conflict) : []
  if (names.length === 1 && (names[0] === 'replace' || names[0] === 'replaceAllExcept') && TEXTS.is((conflict as any)[names[0]])) return
  throw wrong(CODE, `\`onConflict\` of \`${name}\` is 'raise', 'nothing', 'replaceAll', { replace: [columns] } or { replaceAllExcept: [columns] }`, 'onConflict', name)
}

/** Throws UNKNOWN_COLUMN for columns of `onConflict` that its table does not have. */
export function checkConflictColumns(conflict: OnConflict | undefined, { name, columns }: TableJson): void {
  if (typeof conflict !== 'object') return
  const known = columns.map(c => c.name)
  for (const c of 'replace' in conflict ? conflict.replace : conflict.replaceAllExcept) if (!known.includes(c)) throw unknownName('UNKNOWN_COLUMN', `column \`${c}\` on \`${name}\``, c, known, 'onConflict')
}

export const checkProjections = (options: unknown): void => { checkOptions(options, { engine: ENGINE, tenant: TEXT, measure: BOOLEAN, maxRounds: COUNT, onError: FUNCTION, onWarning: FUNCTION }, HERE) }
export const checkProject = (options: unknown): void => { checkOptions(options, { engine: ENGINE, timeoutMs: MILLISECONDS, allowEmptyFilters: BOOLEAN, skipDependencies: BOOLEAN, live: BOOLEAN, ignoreUnknown: BOOLEAN, async: BOOLEAN }, HERE) }
export const checkLensOptions = (options: unknown): void => { checkOptions(options, { ignoreUnknown: BOOLEAN }, { code: 'LENS_INVALID', path: '' }) }
export const checkWorkers = (options: unknown): void => { checkOptions(options, { size: COUNT }, HERE) }

/** Throws PROJECTION_INVALID for what are no rows. */
export function checkRows(rows: unknown, options: unknown, name: string): void {
  checkOptions(options, { onConflict: ANYTHING }, { ...HERE, of: `materialize` })
  const list = Array.isArray(rows) ? rows : [rows]
  const i = list.findIndex(row => !isObject(row))
  if (i >= 0) throw wrong(CODE, `\`materialize\` of \`${name}\` takes rows, not ${shown(list[i])}`, Array.isArray(rows) ? `rows[${i}]` : 'rows', shown(list[i]))
}

/** Throws PROJECTION_INVALID for what is no projection. */
export function checkRegistered(definitions: readonly unknown[]): void {
  definitions.forEach((d, i) => {
    if (!isProjection(d)) throw wrong(CODE, `\`register\` takes projections, not ${shown(d)}${Array.isArray(d) ? ': register(...list)' : typeof d === 'string' ? ': its name is for afterwards' : ''}`, `definitions[${i}]`, shown(d))
  })
}

/** What a function of somebody threw, with the place; errors of ours keep their code. */
export function failedIn(code: string, where: string, name: string, error: unknown, path?: string): EddylineError {
  const message = (error as { message?: string } | null)?.message ?? String(error)
  const at = { offending: name, cause: error, ...(path === undefined ? {} : { path }) }
  if (!(error instanceof EddylineError)) return new EddylineError(code, `${where} failed: ${message}`, at)
  return new EddylineError(error.code, `${where}: ${message}`, { ...at, path: error.path ?? path, offending: error.offending ?? name, nearest: error.nearest })
}
