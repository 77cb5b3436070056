// Keys of rows by the tables of a schema, their order, and finding a row by its key.
import { cellOf } from '../cells.js'
import { compareDecimals } from '../decimal.js'
import { compareIntervals } from '../interval.js'
import { EddylineError, unknownName } from '../errors.js'
import { keyParts, valueText, valuesText } from '../keys.js'
import { said } from '../option-kinds.js'
import type { LiveQuery } from '../live-query.js'
import type { CellType } from '../port.js'
import type { AnySchema, SchemaJson } from '../schema.js'

export type TableJson = SchemaJson['tables'][number]

/** The table of a schema. Throws UNKNOWN_TABLE with the nearest name. */
export function tableOf(schema: AnySchema, name: string, path = 'table'): TableJson {
  const { tables } = schema.json
  const found = tables.find(t => t.name === name)
  if (found === undefined) throw unknownName('UNKNOWN_TABLE', `table \`${said(name)}\``, said(name), tables.map(t => t.name), path)
  return found
}

/** Type of a column. Throws UNKNOWN_COLUMN with the nearest name. */
export function columnType(table: TableJson, name: string, path: string): CellType {
  const found = table.columns.find(c => c.name === name)
  if (found === undefined) throw unknownName('UNKNOWN_COLUMN', `column \`${said(name)}\` on \`${table.name}\``, name, table.columns.map(c => c.name), path)
  return found.type
}

/** Values of a key in key order, from the key's value, an array of them, or an object by column. Throws MISSING_KEY, TYPE_MISMATCH. */
export function keyValues(table: TableJson, id: unknown): unknown[] {
  const names = table.key
  const types = typesOf(table)
  const values = keyParts(names, types, id)
  if (values.length !== names.length || values.some(v => v === undefined || v === null)) {
    throw new EddylineError('MISSING_KEY', `the key of \`${table.name}\` is (${names.join(', ')})`, { path: 'id', offending: table.name })
  }
  values.forEach((value, i) => cellOf(types[i], value, names[i], 'id'))
  return [...values]
}

const typesOf = (table: TableJson): CellType[] => table.key.map(name => columnType(table, name, 'id'))

/** Text of a key given by its values in key order. Of one column, as most are, the text of its value: a text is itself, not another one to be hashed. */
export function keyText(table: TableJson, values: readonly unknown[]): string {
  return values.length === 1 ? textOfCell(columnType(table, table.key[0], 'id'), values[0]) : valuesText(typesOf(table), values)
}

/** Text of a key as patches carry it. */
export function patchKeyText(table: TableJson, key: unknown): string {
  return keyText(table, table.key.length > 1 ? key as unknown[] : [key])
}

/** Text of the key of a row. */
export function rowKeyText(table: TableJson, row: object): string {
  return keyText(table, table.key.map(name => (row as Record<string, unknown>)[name]))
}

/** The row with a key, from a live query over the whole table in the order of its key. Cost: O(log² n). */
export function findRow(table: TableJson, live: LiveQuery<any>, values: readonly unknown[]): Record<string, unknown> | undefined {
  const types = typesOf(table)
  const at = (i: number): Record<string, unknown> | undefined => live.window(i, 1)[0] as never
  const before = (row: Record<string, unknown>): boolean => {
    for (let i = 0; i < types.length; i++) {
      const c = compareValues(types[i], row[table.key[i]], values[i])
      if (c !== 0) return c < 0
    }
    return false
  }
  // By leaps first: the length of a list that nobody reads is not known here.
  let low = 0, high = 1
  for (let row = at(high - 1); row !== undefined && before(row); row = at(high - 1)) { low = high; high *= 2 }
  while (low < high) {
    const middle = (low + high) >> 1
    const row = at(middle)
    if (row !== undefined && before(row)) low = middle + 1
    else high = middle
  }
  // Moments that differ in microseconds only are neighbours with equal texts: the first of them.
  const row = at(low)
  return row !== undefined && rowKeyText(table, row) === keyText(table, values) ? row : undefined
}

/** Of values that are not null. */
const textOfCell = (type: CellType, value: unknown): string => valueText(type, value)!

/** The engine's order of values that are not null, given in any of their forms. */
export function compareValues(type: CellType, a: unknown, b: unknown): number {
  switch (type) {
    case 'text': return compareText(String(a), String(b))
    case 'bool': return Number(a) - Number(b)
    case 'bigint': { const x = BigInt(a as bigint), y = BigInt(b as bigint); return x < y ? -1 : x > y ? 1 : 0 }
    case 'timestamp': case 'date': case 'time': return Number(textOfCell(type, a)) - Number(textOfCell(type, b))
    case 'uuid': case 'bytes': { const x = textOfCell(type, a), y = textOfCell(type, b); return x < y ? -1 : x > y ? 1 : 0 }
    case 'decimal': return compareDecimals(String(a), String(b))
    case 'interval': return compareIntervals(a, b)
    case 'bool[]': case 'int[]': case 'float[]': case 'text[]': case 'timestamp[]': case 'date[]': case 'uuid[]': return compareText(textOfCell(type, a), textOfCell(type, b))
    default: {
      const x = a as number, y = b as number
      // NaN comes last and equals itself.
      return x === y ? 0 : Number.isNaN(x) ? (Number.isNaN(y) ? 0 : 1) : Number.isNaN(y) || x < y ? -1 : 1
    }
  }
}

/** By code points, as UTF-8 bytes compare; JavaScript compares halves of surrogate pairs. */
function compareText(a: string, b: string): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    let x = a.charCodeAt(i), y = b.charCodeAt(i)
    if (x === y) continue
    if (x >= 0xd800 && y >= 0xd800) { x += x >= 0xe000 ? -0x800 : 0x2000; y += y >= 0xe000 ? -0x800 : 0x2000 }
    return x - y
  }
  return a.length - b.length
}
