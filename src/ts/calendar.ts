// Dates, times of day and uuids: the texts of rows, and the forms that are accepted besides.

/** A day as PostgreSQL prints it, `'2024-02-29'`: any text to TypeScript, and beside it in a query a `Date` is its day in UTC. */
export type DateText = string & { readonly $day?: Date }

const DATE = /^\s*(\d{4,6})-(\d\d)-(\d\d)( BC)?\s*$/
const TIME = /^\s*(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?\s*$/
const DAY = 86_400_000

/** Days since 1970 of `'2024-02-29'`, or of the day of a `Date` in UTC; undefined if it is none, or beyond the engine's calendar. */
export function daysOf(value: unknown): number | undefined {
  if (value instanceof Date) return within(Math.floor(value.getTime() / DAY))
  const m = typeof value === 'string' ? DATE.exec(value) : null
  if (m === null) return undefined
  const written = Number(m[1])
  if (written === 0 || (m[1].length > 4 && written < 10_000)) return undefined
  const year = m[4] === undefined ? written : 1 - written, month = Number(m[2]), day = Number(m[3])
  // Years beyond those of `Date` in steps of the calendar's 400 years.
  const cycles = Math.floor((year - 2000) / 400)
  const date = new Date(Date.UTC(year - cycles * 400, month - 1, day))
  if (month < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  return within(date.getTime() / DAY + cycles * 146_097)
}
const within = (days: number): number | undefined => days >= -2_440_550 && days <= 106_751_990 ? days : undefined

/** A date as PostgreSQL prints it. */
export function dateText(days: number): string {
  const cycles = Math.floor((days - 10_957) / 146_097)
  const date = new Date((days - cycles * 146_097) * DAY)
  const year = date.getUTCFullYear() + cycles * 400
  return `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}${year > 0 ? '' : ' BC'}`
}
const two = (n: number): string => n < 10 ? `0${n}` : String(n)

/** Microseconds into the day of `'09:30'` or `'23:59:59.5'`; undefined if it is none. */
export function timeOf(value: unknown): number | undefined {
  const m = typeof value === 'string' ? TIME.exec(value) : null
  if (m === null) return undefined
  const [hour, minute, second] = [Number(m[1]), Number(m[2]), Number(m[3] ?? 0)]
  const micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + Number((m[4] ?? '').padEnd(6, '0'))
  return minute < 60 && second <= 60 && micros <= DAY * 1000 ? micros : undefined
}

/** A time of day as PostgreSQL prints it. */
export function timeText(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000), rest = micros % 1_000_000
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(6, '0')}`.replace(/0+$/, '')
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${fraction}`
}

const PRINTED = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const UUID = /^\{?[0-9a-f]{4}(?:-?[0-9a-f]{4}){7}\}?$/

/** A uuid as PostgreSQL prints it: lower case, hyphens in their places; undefined if it is none. */
export function uuidOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  // As most are: a quarter of the time.
  if (PRINTED.test(value)) return value
  const text = value.trim().toLowerCase()
  if (!UUID.test(text) || text.startsWith('{') !== text.endsWith('}')) return undefined
  const digits = text.replace(/[{}-]/g, '')
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`
}
