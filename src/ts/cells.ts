// Values of columns in the one form that rows show, whichever of the accepted forms they come in.
import { dateText, daysOf, timeOf, timeText, uuidOf } from './calendar.js'
import { EddylineError } from './errors.js'
import { intervalOf, intervalText } from './interval.js'
import type { CellType } from './port.js'
import { microsOfText } from './values.js'

const NAMES: Partial<Record<CellType, string>> = { text: 'a text', int: 'an integer', bigint: 'an integer', float: 'a number', bool: 'true or false', timestamp: 'a moment', decimal: 'a decimal', date: 'a date', time: 'a time of day', uuid: 'a uuid', interval: 'an interval', bytes: 'bytes' }

/** A value that is not null as rows show it. Throws TYPE_MISMATCH: the text `'1'` is not the number 1. */
export function cellOf(type: CellType, value: unknown, column: string, path: string | undefined): unknown {
  const cell = read(type, value)
  if (cell !== undefined) return cell
  throw new EddylineError('TYPE_MISMATCH', `\`${column}\` is ${NAMES[type] ?? type}, not ${described(value)}`, { path, offending: column })
}

function read(type: CellType, value: unknown): unknown {
  switch (type) {
    case 'text': return typeof value === 'string' ? value : undefined
    case 'int': return integer(value, Number)
    case 'bigint': return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : integer(value, BigInt)
    case 'float': return typeof value === 'number' ? value : undefined
    case 'bool': return typeof value === 'boolean' ? value : undefined
    case 'timestamp': return moment(value)
    case 'decimal': return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined
    case 'date': { const days = daysOf(value); return days === undefined ? undefined : dateText(days) }
    case 'time': { const micros = timeOf(value); return micros === undefined ? undefined : timeText(micros) }
    case 'uuid': return uuidOf(value)
    case 'interval': { const interval = intervalOf(value); return interval === undefined ? undefined : intervalText(interval) }
    default: return value
  }
}

function integer<T>(value: unknown, as: (value: number | bigint) => T): T | undefined {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) ? as(value) : undefined
}

function moment(value: unknown): Date | undefined {
  if (value instanceof Date) return value
  if (typeof value === 'number') return new Date(value)
  const micros = typeof value === 'string' ? microsOfText(value) : undefined
  return micros === undefined ? undefined : new Date(Math.floor(Number(micros) / 1000))
}

function described(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  return typeof value === 'object' ? 'an object' : `${typeof value} ${String(value)}`
}
