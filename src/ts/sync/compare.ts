// Order and equality of cell values as the engine has them: what binary search and the places in sorted lists rest on.
import { daysOf } from '../calendar.js'
import { compareDecimals } from '../decimal.js'
import { compareIntervals } from '../interval.js'
import { valuesText } from '../keys.js'
import type { CellType } from '../port.js'

/** A row as applications hold it: columns, and associations that were loaded. */
export type AnyRow = Record<string, unknown>

/** Types of columns by name. */
export type Types = Readonly<Record<string, CellType>>

/** One column of an order. */
export interface OrderColumn { readonly column: string; readonly desc: boolean; readonly nullsFirst: boolean }

/** What tells rows of a table apart. */
export interface Keyed { readonly key: readonly string[]; readonly types: Types }

/** Whether two cells are the same value, and null like null. Documents and bytes are compared by content. */
export function sameCell(a: unknown, b: unknown): boolean {
  if (a === b || Object.is(a, b)) return true
  if (typeof a !== typeof b) return (typeof a === 'bigint' && typeof b === 'number' || typeof a === 'number' && typeof b === 'bigint') && a == b
  if (typeof a !== 'object' || a === null || b === null) return false
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  return sameDocument(a, b as object)
}

function sameDocument(a: object, b: object): boolean {
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every(name => Object.hasOwn(b, name) && sameCell((a as AnyRow)[name], (b as AnyRow)[name]))
}

/** Whether two cells of a type are equal as `=` has it: 1.50 is 1.5, 24:00:00 is a day. */
export function equalCells(type: CellType, a: unknown, b: unknown): boolean {
  if (sameCell(a, b)) return true
  if ((type !== 'decimal' && type !== 'interval') || typeof a !== 'string' || typeof b !== 'string') return false
  return compareCells(a, b, type) === 0
}

/**
 * Ascending order of cells of a type that are not null: texts by code points, NaN after all numbers, false before true.
 * Moments are compared by the millisecond, which is what a `Date` holds.
 */
export function compareCells(a: unknown, b: unknown, type?: CellType): number {
  if (type === 'decimal') return compareDecimals(String(a), String(b))
  if (type === 'interval') return compareIntervals(a, b)
  // Years beyond 9999, and those before Christ, are not in the order of their texts.
  if (type === 'date') return daysOf(a)! - daysOf(b)!
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b)
  const x = a instanceof Date ? a.getTime() : a as number
  const y = b instanceof Date ? b.getTime() : b as number
  if (x < y) return -1
  if (x > y) return 1
  const left = Number.isNaN(x), right = Number.isNaN(y)
  return left === right ? 0 : left ? 1 : -1
}

function compareTexts(a: string, b: string): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i)
    if (x === y) continue
    // Halves of characters beyond U+FFFF sort after everything below.
    const left = x >= 0xd800 && x < 0xe000, right = y >= 0xd800 && y < 0xe000
    return left === right ? x - y : left ? 1 : -1
  }
  return a.length - b.length
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return a.length - b.length
}

/** Ascending, nulls last: the order of an index. */
export function compareNullable(a: unknown, b: unknown, type: CellType): number {
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1
  return b === null || b === undefined ? -1 : compareCells(a, b, type)
}

/** Order of two rows of a list: by the declared columns, then by key. */
export function compareRows(a: AnyRow, b: AnyRow, order: readonly OrderColumn[], { key, types }: Keyed): number {
  for (const { column, desc, nullsFirst } of order) {
    const x = a[column], y = b[column]
    const none = x === null || x === undefined
    if (none !== (y === null || y === undefined)) return none === nullsFirst ? -1 : 1
    if (none) continue
    const c = compareCells(x, y, types[column])
    if (c !== 0) return desc ? -c : c
  }
  for (const column of key) {
    const c = compareCells(a[column], b[column], types[column])
    if (c !== 0) return c
  }
  return 0
}

/** Values of some columns of a row. */
export function pick(row: AnyRow, columns: readonly string[]): unknown[] { return columns.map(c => row[c]) }

/** No value is null: a foreign key that points somewhere. */
export function pointing(values: readonly unknown[]): boolean { return values.every(v => v !== null && v !== undefined) }

/** Text that is equal for equal values, whichever of their forms they come in. */
export function textOf(values: readonly unknown[]): string { return JSON.stringify(values.map(plain)) }

/** The same for values of columns, of which some may have several spellings. */
export function textOfCells(types: Types, columns: readonly string[], values: readonly unknown[]): string { return valuesText(columns.map(c => types[c]), values) }

/** Text of a key: equal for equal keys, whichever of their spellings they come in. */
export function keyText({ key, types }: Keyed, values: readonly unknown[]): string { return textOfCells(types, key, values) }

/** Text of the key of a row. */
export function rowText(table: Keyed, row: AnyRow): string { return keyText(table, pick(row, table.key)) }

function plain(value: unknown): unknown {
  if (value instanceof Date) return { t: value.getTime() }
  if (value instanceof Uint8Array) return { b: [...value] }
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : { i: String(value) }
  return typeof value === 'number' && !Number.isFinite(value) ? { n: String(value) } : value ?? null
}
