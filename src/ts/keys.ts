// Keys of rows: their values in key order, in whichever form a key is given, and texts that are equal for equal keys.
import { elementOf, packArray } from './arrays.js'
import { daysOf, timeOf, uuidOf } from './calendar.js'
import { plainDecimal } from './decimal.js'
import { intervalKey } from './interval.js'
import type { CellType } from './port.js'
import { canonicalJson, hexOf, microsOfText } from './values.js'

/** Values of a key in key order, from the key's one value, an array of them, or an object by column. What lacks is undefined. */
export function keyParts(names: readonly string[], types: readonly CellType[], id: unknown): readonly unknown[] {
  const only = names.length === 1 ? types[0] : ''
  // Elements of a list are no lists.
  if (Array.isArray(id)) return only.endsWith('[]') && !Array.isArray(id[0]) ? [id] : id
  if (typeof id !== 'object' || id === null || id instanceof Date || id instanceof Uint8Array) return [id]
  // Parts of an interval.
  if (only === 'interval' && !(names[0] in id)) return [id]
  return names.map(name => name in Object.prototype && !Object.hasOwn(id, name) ? undefined : (id as Record<string, unknown>)[name])
}

/** Text of a value of a column: equal for the forms that input, queries and rows have of it. Of none, null: no text is like it. */
export function valueText(type: CellType, value: unknown): string | null {
  if (value === null || value === undefined) return null
  switch (type) {
    case 'timestamp': return String(millisOf(value))
    case 'json': return canonicalJson(value, '')
    case 'decimal': return plainDecimal(String(value))
    case 'date': return String(daysOf(value) ?? value)
    case 'time': return String(timeOf(value) ?? value)
    case 'uuid': return String(uuidOf(value) ?? value)
    case 'interval': return intervalKey(value)
    case 'bytes': return value instanceof Uint8Array ? hexOf(value) : String(value)
  }
  const element = elementOf(type)
  return (element && packArray(element, value)) ?? String(value)
}

/** Text of values of columns: equal for equal ones. */
export function valuesText(types: readonly CellType[], values: readonly unknown[]): string {
  return JSON.stringify(values.map((value, i) => valueText(types[i], value)))
}

/** The same, with moments to the microsecond, as the engine tells them apart. */
export function exactText(types: readonly CellType[], values: readonly unknown[]): string {
  return JSON.stringify(values.map((value, i) => types[i] === 'timestamp' ? String(typeof value === 'string' ? microsOfText(value) : Number(value) * 1000) : valueText(types[i], value)))
}

/** Milliseconds, which is what rows show of a moment. */
function millisOf(value: unknown): number | string {
  if (value instanceof Date) return value.getTime()
  if (typeof value !== 'string') return Number(value)
  const micros = microsOfText(value)
  return micros === undefined ? value : Math.floor(Number(micros) / 1000)
}
