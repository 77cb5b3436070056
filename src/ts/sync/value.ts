// What kind of value an application holds: a row, a list of rows, a record or a Map of such, or nothing of ours.
import type { Database } from '../database.js'
import { EddylineError, unknownName } from '../errors.js'
import { said } from '../option-kinds.js'
import type { AnySchema } from '../schema.js'
import type { AnyRow } from './compare.js'
import type { Graph, Node } from './graph.js'

/** Throws `code` for a name that is no option, with the one that was probably meant. */
export function checkOptions(code: string, given: unknown, known: readonly string[], path?: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new EddylineError(code, 'options are an object', { path: path ?? 'options', offending: said(given) })
  for (const name of Object.keys(given as object)) {
    if (!known.includes(name)) throw unknownName(code, `option \`${name}\``, name, known, path === undefined ? name : `${path}.${name}`)
  }
}

/** Throws INVALID_ARGUMENT for what is no database. */
export function checkDatabase(db: unknown): void {
  if (!((db as { closers?: unknown } | null | undefined)?.closers instanceof Set)) throw new EddylineError('INVALID_ARGUMENT', 'the first argument is a database', { path: 'db', offending: said(db) })
}

/** The schema of a database, or what is one. Throws INVALID_ARGUMENT for anything else. */
export function schemaOf(source: Database<any> | AnySchema): AnySchema {
  const known = source as { json?: { tables?: unknown }; schema?: AnySchema } | null | undefined
  if (Array.isArray(known?.json?.tables)) return known as unknown as AnySchema
  checkDatabase(source)
  return known!.schema!
}

/** The table of a value's rows; for records and Maps, one per member. */
export type Of = string | { readonly [member: string]: Of }

export function isPlain(value: unknown): value is AnyRow {
  if (typeof value !== 'object' || value === null) return false
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null
}

/**
 * The table of a row that says nothing of it: the one all of whose columns it has, and that explains most of its members.
 * Undefined if there is none. Of several that fit it is `likely`; else AMBIGUOUS_ROW is thrown if the answer matters.
 */
export function tableOf(graph: Graph, row: AnyRow, matters: (table: Node) => boolean, likely?: string): Node | undefined {
  let best: Node[] = []
  let least = Infinity
  for (const table of graph.tables) {
    if (!table.columns.every(c => Object.hasOwn(row, c))) continue
    const extra = Object.keys(row).filter(name => !table.columns.includes(name) && !table.paths.has(name)).length
    if (extra < least) { least = extra; best = [] }
    if (extra === least) best.push(table)
  }
  const known = best.find(t => t.name === likely)
  if (known !== undefined) return known
  if (best.length > 1 && best.some(matters)) {
    throw new EddylineError('AMBIGUOUS_ROW', `a row fits ${best.map(t => `\`${t.name}\``).join(' and ')}: say its table, { of: '${best[0].name}' }`, { path: 'value', offending: best[0].name })
  }
  return best[0]
}

/** Throws UNKNOWN_TABLE. */
export function checkOf(graph: Graph, of: Of | undefined, path = 'of'): void {
  if (typeof of === 'string') graph.table(of, path)
  else if (of !== undefined && !isPlain(of)) throw new EddylineError('INVALID_ARGUMENT', '`of` is a table, or one per member', { path, offending: said(of) })
  else for (const [name, one] of Object.entries(of ?? {})) checkOf(graph, one as Of, `${path}.${name}`)
}

/** The table that `of` names, for the whole value or for a member of it. Throws UNKNOWN_TABLE. */
export function tableNamed(graph: Graph, of: Of | undefined): Node | undefined { return typeof of === 'string' ? graph.table(of, 'of') : undefined }
/** The first table that `of` names anywhere. */
export function firstNamed(graph: Graph, of: Of | undefined): Node | undefined {
  if (typeof of !== 'object') return tableNamed(graph, of)
  for (const one of Object.values(of)) { const table = firstNamed(graph, one); if (table !== undefined) return table }
  return undefined
}
export function memberOf(of: Of | undefined, name: string): Of | undefined {
  if (of === undefined || typeof of === 'string') return of
  return Object.hasOwn(of, name) ? of[name] : undefined
}
