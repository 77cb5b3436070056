// Which rows a run is about: filters over the columns of inputs, and in their place a function.
import { EddylineError, nearestName, unknownName } from '../errors.js'
import { shown } from '../option-kinds.js'
import type { CellType } from '../port.js'
import type { Constant } from '../query/expr.js'
import type { TextOp, WhereOp } from '../query/types.js'
import { valueText } from '../keys.js'
import { type TableJson, compareValues } from '../watch/row-keys.js'
import { checkLensOptions, failedIn } from './checks.js'

const OPS: readonly WhereOp[] = ['=', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'between', 'not between', 'is', 'is not', 'like', 'ilike', 'not like', 'not ilike', '~', '~*', '!~', '!~*']

/** One filter of a lens. */
export interface Filter { readonly field: string; readonly op: WhereOp; readonly value: unknown }
/** Values by field; or operators with theirs: `{ orgId: 123, date: { '>=': a, '<': b }, state: { in: ['a', 'b'] }, paidAt: null }`. */
export type LensFilters = { readonly [field: string]: unknown }
type Against<V, O> = O extends 'in' | 'not in' ? readonly (V | null)[] : O extends 'between' | 'not between' ? readonly [V, V] : O extends TextOp ? string : V | null
type Value<V> = Constant<NonNullable<V>> | null | { readonly [O in WhereOp]?: Against<Constant<NonNullable<V>>, O> }
/** Filters over rows `R`; of several kinds of rows over what they have in common. */
export type LensOf<R> = unknown extends R ? LensFilters : [Extract<keyof R, string>] extends [never] ? { readonly [field: string]: never } : { readonly [C in Extract<keyof R, string>]?: Value<R[C]> }
/** What an input is, to a reducer. */
export interface LensInput { readonly name: string; readonly columns: readonly string[] }
/** Folded over the filters: gives the rows of an input that a filter leaves. `rows` is a query, or of lists an array. */
export type LensReducer = (filter: Filter, rows: any, input: LensInput) => any

/** A column as a lens needs it. */
export interface LensColumn { readonly name: string; readonly type: CellType | undefined }

/** Which rows a run is about. Equal lenses have equal `key`s. */
export class Lens {
  /** @internal Use `lens`. */
  constructor(readonly filters: readonly Filter[], readonly reducer: LensReducer | undefined, readonly ignoreUnknown: boolean, readonly key: string) {}
  get isEmpty(): boolean { return this.filters.length === 0 }
  /** The filters as text for people. */
  toString(): string { return this.filters.map(f => `${f.field} ${f.op} ${text(f.value)}`).join(', ') || '(everything)' }
}

/**
 * A lens: an AND of filters, or with a reducer what that makes of them.
 *
 * ```ts
 * lens({ orgId: 123, date: { '>=': '2022-01-01' } })
 * lens({ org: 123 }, ({ value }, rows, { name }) => name === 'invoices' ? rows.where('orgId', '=', value) : rows)
 * ```
 * Each input must have each field (LENS_FIELD), but with `ignoreUnknown`, or a reducer, which decides itself.
 */
export function lens(filters: LensFilters = {}, reducer?: LensReducer, options?: { ignoreUnknown?: boolean | undefined }): Lens {
  if (Object.prototype.toString.call(filters) !== '[object Object]') throw new EddylineError('LENS_INVALID', `a lens is \`lens(…)\`, or an object of filters by field; not ${shown(filters)}: it would mean everything`, { offending: shown(filters), path: 'lens' })
  if (reducer !== undefined && typeof reducer !== 'function') throw new EddylineError('LENS_INVALID', `the reducer of a lens is a function, not ${shown(reducer)}`, { offending: shown(reducer), path: 'reducer' })
  checkLensOptions(options)
  const all: Filter[] = []
  for (const [field, given] of Object.entries(filters)) {
    if (given === undefined) throw invalid(`the lens has no value for \`${field}\``, field)
    if (!isOperators(given)) { all.push(given === null ? { field, op: 'is', value: null } : { field, op: '=', value: given }); continue }
    for (const [op, value] of Object.entries(given)) {
      if (value === undefined) throw invalid(`the lens has no value for \`${field}\``, field)
      if ((op === 'in' || op === 'not in') && !Array.isArray(value)) throw invalid(`\`${op}\` takes an array`, field)
      if ((op === 'between' || op === 'not between') && (!Array.isArray(value) || value.length !== 2)) throw invalid(`\`${op}\` takes an array of two`, field)
      // One value of a list is that value: equal lenses are one.
      if (op === 'in' && (value as unknown[]).length === 1 && (value as unknown[])[0] !== null) all.push({ field, op: '=', value: (value as unknown[])[0] })
      else all.push(value === null && op === '=' ? { field, op: 'is', value: null } : { field, op: op as WhereOp, value })
    }
  }
  return canonical(all, reducer, options?.ignoreUnknown ?? false)
}

function canonical(all: readonly Filter[], reducer: LensReducer | undefined, ignoreUnknown: boolean): Lens {
  const sorted = all.map(f => {
    const items = f.op === 'in' || f.op === 'not in' ? [...new Set((f.value as unknown[]).map(text))].sort().join(',') : text(f.value)
    return { f, key: `${JSON.stringify(f.field)} ${f.op} ${items}` }
  }).sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  const key = sorted.map(c => c.key).join(' & ') + (ignoreUnknown ? ' ?' : '') + (reducer === undefined ? '' : ` #${numberOf(reducer)}`)
  return new Lens(Object.freeze(sorted.map(c => c.f)), reducer, ignoreUnknown, key)
}

const invalid = (message: string, field: string): EddylineError => new EddylineError('LENS_INVALID', message, { offending: field, path: `lens.${field}` })

/** A record of operators; any other object is a value of a JSON column. */
function isOperators(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
  const names = Object.keys(value)
  return names.length > 0 && names.every(n => (OPS as readonly string[]).includes(n))
}

/** Equal for equal values; texts and numbers are apart. */
function text(value: unknown): string {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  if (value instanceof Date) return `@${value.getTime()}`
  if (Array.isArray(value)) return `[${value.map(text).join(',')}]`
  return JSON.stringify(value) ?? String(value)
}

const reducers = /* @__PURE__ */ new WeakMap<LensReducer, number>()
let count = 0
function numberOf(reducer: LensReducer): number {
  let n = reducers.get(reducer)
  if (n === undefined) reducers.set(reducer, n = ++count)
  return n
}

/** Filters whose fields are columns of an input. Throws LENS_FIELD for others, unless the lens ignores them. */
export function fitting(l: Lens, columns: readonly LensColumn[], input: string): Filter[] {
  return l.filters.filter(f => {
    const column = columns.find(c => c.name === f.field)
    if (column !== undefined) { checkFilter(f, column.type, input); return true }
    if (l.ignoreUnknown) return false
    const e = unknownName('LENS_FIELD', `column \`${f.field}\` on \`${input}\``, f.field, columns.map(c => c.name), `lens.${f.field}`)
    throw new EddylineError('LENS_FIELD', `${e.message}: a lens is over the columns of every input; \`ignoreUnknown\` leaves it out where there is none`, { path: e.path, offending: e.offending, nearest: e.nearest })
  })
}

/** Throws LENS_INVALID for operators that there are not, TYPE_MISMATCH for values that a column cannot have. */
export function checkFilter({ field, op, value }: Filter, type: CellType | undefined, input: string): void {
  const list = op === 'in' || op === 'not in' || op === 'between' || op === 'not between'
  for (const v of list ? value as unknown[] : [value]) {
    if (v === null) continue
    if (typeof v === 'object' && Object.getPrototypeOf(v) === Object.prototype && type !== 'json' && type !== 'interval') {
      const names = Object.keys(v), unknown = names.find(n => !(OPS as readonly string[]).includes(n)) ?? ''
      const nearest = OPS.filter(o => [...o].sort().join() === [...unknown].sort().join())[0] ?? nearestName(unknown, OPS)
      throw new EddylineError('LENS_INVALID', `no operator \`${unknown}\` for \`${field}\` of \`${input}\`${nearest === undefined ? '' : `; did you mean \`${nearest}\`?`}`, { path: `lens.${field}`, offending: unknown, nearest })
    }
    if (['function', 'symbol', 'undefined'].includes(typeof v) || (type !== undefined && !typeFits(type, v))) {
      throw new EddylineError('TYPE_MISMATCH', `\`${field}\` of \`${input}\` is ${type}, and the lens has ${shown(v)}`, { path: `lens.${field}`, offending: shown(v) })
    }
  }
}

/** A query narrowed to a lens. */
export function narrowed(l: Lens, query: any, columns: readonly LensColumn[], input: string): any {
  if (l.reducer !== undefined) {
    const about = { name: input, columns: columns.map(c => c.name) }
    const out = reduced(l, query, about)
    if (typeof out?.toJSON !== 'function') throw new EddylineError('LENS_INVALID', `the reducer of the lens gives ${shown(out)} for \`${input}\`, and no query`, { offending: input, path: 'lens' })
    return out
  }
  return fitting(l, columns, input).reduce((q, f) => q.where(f.field, f.op, f.value), query)
}

function reduced(l: Lens, rows: any, about: LensInput): any {
  try { return l.filters.reduce((q, f) => l.reducer!(f, q, about), rows) } catch (error) { throw failedIn('LENS_INVALID', `the reducer of the lens over \`${about.name}\``, about.name, error, 'lens') }
}

/** The elements of a list that a lens leaves. Fields are those that an element has. */
export function chosen(l: Lens, list: readonly any[], input: string): any[] {
  if (l.reducer !== undefined) {
    const out = reduced(l, list, { name: input, columns: Object.keys(list[0] ?? {}) })
    if (typeof out?.[Symbol.iterator] !== 'function') throw new EddylineError('LENS_INVALID', `the reducer of the lens gives ${shown(out)} for \`${input}\`, and no array`, { offending: input, path: 'lens' })
    return [...out]
  }
  return list.filter(row => l.filters.every(f => {
    if (!Object.hasOwn(Object(row), f.field)) {
      if (l.ignoreUnknown) return true
      throw new EddylineError('LENS_FIELD', `no \`${f.field}\` in a row of \`${input}\``, { path: `lens.${f.field}`, offending: f.field })
    }
    return holds(f, row[f.field], typeOf(row[f.field]))
  }))
}

function typeOf(value: unknown): CellType {
  switch (typeof value) {
    case 'number': return 'float'
    case 'bigint': return 'bigint'
    case 'boolean': return 'bool'
    case 'object': return value instanceof Date ? 'timestamp' : value instanceof Uint8Array ? 'bytes' : 'json'
    default: return 'text'
  }
}

/** Whether a row of a table satisfies filters: what the engine would say of it. */
export function matches(filters: readonly Filter[], table: TableJson, row: Record<string, unknown>): boolean {
  return filters.every(f => holds(f, row[f.field], table.columns.find(c => c.name === f.field)!.type))
}

/** Filters that `matches` can judge; the others are for the engine alone. */
export const judged = (f: Filter): boolean => !/like|~/.test(f.op)

function holds({ op, value, field }: Filter, cell: unknown, type: CellType): boolean {
  const isNull = cell === null || cell === undefined
  const same = (v: unknown): boolean => v !== null && v !== undefined && typeFits(type, v) && valueText(type, cell) === valueText(type, v)
  const order = (v: unknown): number | undefined => isNull || v === null || !typeFits(type, v) ? undefined : compareValues(type, cell, v)
  const is = (test: (n: number) => boolean, v = value): boolean => { const n = order(v); return n !== undefined && test(n) }
  switch (op) {
    case 'is': return value === null ? isNull : !isNull && same(value)
    case 'is not': return value === null ? !isNull : isNull || !same(value)
    case '=': return !isNull && same(value)
    case '!=': return !isNull && value !== null && !same(value)
    case '<': return is(n => n < 0)
    case '<=': return is(n => n <= 0)
    case '>': return is(n => n > 0)
    case '>=': return is(n => n >= 0)
    case 'in': return !isNull && (value as unknown[]).some(same)
    // In nothing is not even a null.
    case 'not in': return (value as unknown[]).length === 0 || (!isNull && !(value as unknown[]).some(v => v === null || same(v)))
    case 'between': return is(n => n >= 0, (value as unknown[])[0]) && is(n => n <= 0, (value as unknown[])[1])
    case 'not between': return is(n => n < 0, (value as unknown[])[0]) || is(n => n > 0, (value as unknown[])[1])
    default: throw new EddylineError('LENS_INVALID', `\`${op}\` is for queries; of lists a reducer can tell`, { offending: op, path: `lens.${field}` })
  }
}

/** `1` is not `'1'`. */
function typeFits(type: CellType, value: unknown): boolean {
  switch (type) {
    case 'text': case 'uuid': case 'time': return typeof value === 'string'
    case 'int': case 'float': case 'bigint': return typeof value === 'number' || typeof value === 'bigint'
    case 'bool': return typeof value === 'boolean'
    default: return true
  }
}

/** A lens as it is stored; undefined for one with a reducer, which cannot be. */
export function stored(l: Lens): unknown { return l.reducer !== undefined ? undefined : { ignoreUnknown: l.ignoreUnknown, filters: l.filters.map(f => [f.field, f.op, wrap(f.value)]) } }

/** A lens of what was stored. Not by fields and operators: of one operator there may be two. */
export const restored = (s: any): Lens => canonical(s.filters.map(([field, op, value]: any) => ({ field, op, value: unwrap(value) })), undefined, s.ignoreUnknown)

const wrap = (v: unknown): unknown => v instanceof Date ? ['date', v.getTime()] : Array.isArray(v) ? ['list', v.map(wrap)] : ['value', v]
const unwrap = ([kind, v]: any): unknown => kind === 'date' ? new Date(v) : kind === 'list' ? v.map(unwrap) : v
