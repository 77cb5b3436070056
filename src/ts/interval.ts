// Intervals: the texts of rows, the forms that are accepted besides, and the packed form that the engine holds (`src/value/interval`).

/** An interval as PostgreSQL prints it: `'1 year 2 mons -3 days +04:05:06.7'`. */
export type IntervalText = `${number} ${string}` | `${number}:${string}`

/** Parts of an interval; fractions of a part go to smaller ones, as `1.5` months are a month and 15 days. */
export interface IntervalParts {
  years?: number | undefined; months?: number | undefined; weeks?: number | undefined; days?: number | undefined
  hours?: number | undefined; minutes?: number | undefined; seconds?: number | undefined; milliseconds?: number | undefined; microseconds?: number | undefined
}

/** Months, days and microseconds. */
export interface Interval { months: number; days: number; micros: bigint }

const DAY = 86_400_000_000, SECOND = 1_000_000
type Unit = readonly [kind: 'micros' | 'days' | 'months', size: number, names: string]
const UNITS: readonly Unit[] = [
  ['micros', 1, 'us usec usecs usecond useconds microsecond microseconds'], ['micros', 1000, 'ms msec msecs msecond mseconds millisecond milliseconds'],
  ['micros', SECOND, 's sec secs second seconds'], ['micros', 60 * SECOND, 'm min mins minute minutes'], ['micros', 3600 * SECOND, 'h hr hrs hour hours'],
  ['days', 1, 'd day days'], ['days', 7, 'w week weeks'], ['months', 1, 'mon mons month months'],
  ['months', 12, 'y yr yrs year years'], ['months', 120, 'dec decs decade decades'], ['months', 1200, 'c cent century centuries'], ['months', 12_000, 'mil mils millennium millennia'],
]
const unitOf = (name: string): number => UNITS.findIndex(u => u[2].split(' ').includes(name))
const [SECONDS, MINUTES, HOURS, DAYS, WEEKS, MONTHS, YEARS] = [2, 3, 4, 5, 6, 7, 8]
const PARTS: Record<keyof IntervalParts, number> = { years: YEARS, months: MONTHS, weeks: WEEKS, days: DAYS, hours: HOURS, minutes: MINUTES, seconds: SECONDS, milliseconds: 1, microseconds: 0 }

const ITEM = /^\s*([+-]?)(\d*\.?\d*)(?::(\d\d?)(?::(\d\d?))?(?:\.(\d*))?|\s*([a-z]+)|(?=\s+[+-]?\d+:)|(?=\s*$))/i
const ISO = /^([+-]?)(\d*\.?\d*)([YMWDHS])/

/** The interval of a text, or of parts; undefined if it is none, or out of range. */
export function intervalOf(value: unknown): Interval | undefined {
  const made: Made = { months: 0, days: 0, micros: 0n, seen: 0 }
  const read = typeof value === 'string' ? text(made, value.trim()) : value !== null && typeof value === 'object' && parts(made, value)
  const { months, days, micros } = made
  return read && (months | 0) === months && (days | 0) === days && BigInt.asIntN(64, micros) === micros ? { months, days, micros } : undefined
}
interface Made extends Interval { seen: number }

function parts(made: Made, of: object): boolean {
  const entries = Object.entries(of).filter(e => e[1] !== undefined)
  return entries.length > 0 && entries.every(([name, n]) => Object.hasOwn(PARTS, name) && typeof n === 'number' && Number.isFinite(n) &&
    add(made, n < 0, BigInt(Math.trunc(Math.abs(n))), Math.abs(n) % 1, PARTS[name as keyof IntervalParts]))
}

function text(made: Made, all: string): boolean {
  if (all.startsWith('P')) return iso(made, all.slice(1))
  let rest = all.replace(/^@/, '')
  while (rest.trim() !== '') {
    const m = ITEM.exec(rest)
    if (m === null || !/\d/.test(m[2])) return false
    rest = rest.slice(m[0].length)
    const [, sign, digits, , , fraction, word] = m
    // With a fraction two are minutes and seconds.
    const [hour, minute, second] = m[4] === undefined && fraction !== undefined ? ['0', digits, m[3]] : [digits, m[3], m[4]]
    const negative = sign === '-'
    if (minute !== undefined) {
      if (digits.includes('.') || minute.length > 2 || Number(minute) > 59 || Number(second ?? 0) > 59 || (made.seen & 28) !== 0 || /^[:.\d]/.test(rest)) return false
      made.seen |= 28
      const micros = ((BigInt(hour) * 60n + BigInt(minute)) * 60n + BigInt(second ?? 0)) * 1_000_000n + BigInt(even(Number(`0.${fraction ?? ''}0`) * 1e6))
      made.micros += negative ? -micros : micros
    } else {
      // A number alone is of seconds; in front of a time, of days.
      const unit = word !== undefined ? unitOf(word.toLowerCase()) : rest.trim() === '' ? SECONDS : DAYS
      if (unit < 0 || !number(made, negative, digits, unit)) return false
    }
    if (/^\s*ago\s*$/i.test(rest)) {
      Object.assign(made, { months: -made.months, days: -made.days, micros: -made.micros })
      return true
    }
  }
  return made.seen !== 0
}

function iso(made: Made, all: string): boolean {
  let rest = all, time = false
  while (rest !== '') {
    if (rest.startsWith('T') && !time) [time, rest] = [true, rest.slice(1)]
    // `hh:mm:ss`, which has nothing else beside it; of a sign PostgreSQL takes the hours alone.
    if (time && /^\d+:(\d+|\d+:\d+\.?\d*)$/.test(rest)) return text(made, rest)
    const m = ISO.exec(rest)
    if (m === null || !/\d/.test(m[2])) return false
    const unit = time ? { H: HOURS, M: MINUTES, S: SECONDS }[m[3]] : { Y: YEARS, M: MONTHS, W: WEEKS, D: DAYS }[m[3]]
    if (unit === undefined || !number(made, m[1] === '-', m[2], unit)) return false
    rest = rest.slice(m[0].length)
  }
  return made.seen !== 0
}

function number(made: Made, negative: boolean, digits: string, unit: number): boolean {
  const [whole, fraction = ''] = digits.split('.')
  return whole.length < 20 && add(made, negative, BigInt(whole || 0), Number(`0.${fraction}0`), unit)
}

function add(made: Made, negative: boolean, whole: bigint, fraction: number, unit: number): boolean {
  if ((made.seen >> unit & 1) !== 0) return false
  made.seen |= 1 << unit
  const [kind, size] = UNITS[unit], sign = negative ? -1 : 1
  if (kind === 'micros') {
    made.micros += BigInt(sign) * whole * BigInt(size)
    micros(made, sign * fraction * size)
    return true
  }
  const count = Number(whole) * size * sign
  if (kind === 'days') made.days += count
  else made.months += count
  if (kind === 'months' && size > 1) made.months += even(sign * fraction * size)
  else if (fraction !== 0) {
    const days = sign * fraction * (kind === 'days' ? size : 30)
    made.days += Math.trunc(days)
    micros(made, (days - Math.trunc(days)) * DAY)
  }
  return true
}

function micros(made: Made, exact: number): void {
  const rest = exact - Math.trunc(exact)
  made.micros += BigInt(Math.trunc(exact) + (rest > 0.5 ? 1 : rest < -0.5 ? -1 : 0))
}

/** To the nearest whole number, half to even. */
function even(n: number): number {
  const near = Math.round(n)
  return Math.abs(n % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near
}

/** As PostgreSQL prints it. */
export function intervalText({ months, days, micros }: Interval): string {
  const words: string[] = []
  let negative = false
  for (const [n, name] of [[Math.trunc(months / 12), 'year'], [months % 12, 'mon'], [days, 'day']] as const) {
    if (n === 0) continue
    words.push(`${negative && n > 0 ? '+' : ''}${n} ${name}${n === 1 ? '' : 's'}`)
    negative = n < 0
  }
  if (micros !== 0n || words.length === 0) {
    const size = micros < 0n ? -micros : micros, seconds = size / 1_000_000n
    const two = (n: bigint): string => String(n).padStart(2, '0')
    const fraction = size % 1_000_000n === 0n ? '' : `.${String(size % 1_000_000n).padStart(6, '0').replace(/0+$/, '')}`
    words.push(`${micros < 0n ? '-' : negative ? '+' : ''}${two(seconds / 3600n)}:${two(seconds / 60n % 60n)}:${two(seconds % 60n)}${fraction}`)
  }
  return words.join(' ')
}

const MONTH_LENGTH = 30n * BigInt(DAY), MIDDLE = 1n << 76n, HALF = 1n << 31n
const lengthOf = ({ months, days, micros }: Interval): bigint => BigInt(months) * MONTH_LENGTH + BigInt(days) * BigInt(DAY) + micros

function digits(value: bigint, count: number): string {
  let out = ''
  for (let i = 0; i < count; i++, value >>= 7n) out = String.fromCharCode(Number(value & 127n)) + out
  return out
}
const value = (packed: string): bigint => [...packed].reduce((v, c) => v << 7n | BigInt(c.charCodeAt(0)), 0n)

/** The cell of an interval: digits of seven bits, of its length, its months and its days. */
export function packInterval(interval: Interval): string {
  return digits(lengthOf(interval) + MIDDLE, 11) + digits(BigInt(interval.months) + HALF, 5) + digits(BigInt(interval.days) + HALF, 5)
}

/** The interval of a cell. */
export function unpackInterval(packed: string): Interval {
  const months = value(packed.slice(11, 16)) - HALF, days = value(packed.slice(16)) - HALF
  return { months: Number(months), days: Number(days), micros: value(packed.slice(0, 11)) - MIDDLE - months * MONTH_LENGTH - days * BigInt(DAY) }
}

/** Order of two intervals, given in any form: by their length, where a month is 30 days. */
export function compareIntervals(a: unknown, b: unknown): number {
  const x = intervalOf(a), y = intervalOf(b)
  if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1
  const between = lengthOf(x) - lengthOf(y)
  return between < 0n ? -1 : between > 0n ? 1 : 0
}

/** A text that is equal for equal intervals. */
export function intervalKey(of: unknown): string {
  const interval = intervalOf(of)
  return interval === undefined ? String(of) : String(lengthOf(interval))
}
