// Arrays: lists of rows, and the packed form that the engine holds (`src/value/array`).
import { dateText, daysOf, uuidOf } from './calendar.js'
import type { CellType } from './port.js'
import { microsOfText, wellFormed } from './values.js'

/** Types of elements. */
export type ElementType = 'bool' | 'int' | 'float' | 'text' | 'timestamp' | 'date' | 'uuid'
export const ELEMENTS: readonly ElementType[] = ['bool', 'int', 'float', 'text', 'timestamp', 'date', 'uuid']
/** The type of the elements of an array type; undefined of others. */
export const elementOf = (type: CellType | undefined): ElementType | undefined => type?.endsWith('[]') ? type.slice(0, -2) as ElementType : undefined

const ESCAPES = /\x01[\x02\x03]/
const END = '\0', VALUE = '\x01', NULL = '\x02', SIGN = 1n << 63n
const double = /* @__PURE__ */ new DataView(new ArrayBuffer(8))

/** The cell of an array; undefined if it is no list, or one of its elements is of another type. */
export function packArray(type: ElementType, value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined
  let packed = ''
  for (const element of value as unknown[]) {
    const part = element === null ? NULL : pack(type, element)
    if (part === undefined) return undefined
    packed += part
  }
  return packed
}

function pack(type: ElementType, value: unknown): string | undefined {
  switch (type) {
    case 'bool': return typeof value === 'boolean' ? VALUE + (value ? '\x01' : END) : undefined
    case 'text': return typeof value === 'string' ? VALUE + escape(value) + END : undefined
    case 'uuid': {
      const uuid = uuidOf(value)
      return uuid === undefined ? undefined : VALUE + uuid + END
    }
    case 'float': {
      if (typeof value !== 'number') return undefined
      double.setFloat64(0, value === 0 ? 0 : value)
      const bits = value !== value ? 0x7ff8n << 48n : double.getBigUint64(0)
      return word(bits >> 63n === 0n ? bits | SIGN : bits ^ (SIGN * 2n - 1n))
    }
    default: {
      const whole = integerOf(type, value)
      return whole === undefined || BigInt.asIntN(64, whole) !== whole ? undefined : word(BigInt.asUintN(64, whole) ^ SIGN)
    }
  }
}

function integerOf(type: ElementType, value: unknown): bigint | undefined {
  if (type === 'date') {
    const days = daysOf(value)
    return days === undefined ? undefined : BigInt(days)
  }
  if (type === 'int') return typeof value === 'bigint' ? value : typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value === 'string') return microsOfText(value)
  const ms = value instanceof Date ? value.getTime() : value
  return typeof ms === 'number' && ms >= -8.64e15 && ms <= 8.64e15 ? BigInt(Math.trunc(ms)) * 1000n : undefined
}

const escape = (text: string): string => /[\0\x01]/.test(text) ? text.replace(/[\0\x01]/g, c => c === END ? '\x01\x02' : '\x01\x03') : text

function word(bits: bigint): string {
  let out = VALUE
  for (let at = 63n; at >= 0n; at -= 7n) out += String.fromCharCode(Number(bits >> at & 127n))
  return out
}

/** The list of a cell. */
export function unpackArray(type: ElementType, packed: string): unknown[] {
  const out: unknown[] = []
  const isText = type === 'text' || type === 'uuid'
  // Rare: what holds no such pair anywhere holds no escape.
  const isPlain = !isText || !ESCAPES.test(packed)
  for (let at = 0; at < packed.length;) {
    if (packed.charCodeAt(at++) === 2) { out.push(null); continue }
    if (isText) {
      const end = packed.indexOf(END, at)
      const text = packed.slice(at, end)
      out.push(isPlain ? text : text.replace(/\x01[\x02\x03]/g, pair => pair[1] === '\x02' ? END : '\x01'))
      at = end + 1
    } else if (type === 'bool') out.push(packed.charCodeAt(at++) === 1)
    else {
      out.push(unpack(type, packed, at))
      at += 10
    }
  }
  return out
}

/** Ten digits of seven bits: 29 bits and 35. */
function unpack(type: ElementType, packed: string, at: number): unknown {
  let high = 0, low = 0
  for (let i = at; i < at + 5; i++) {
    high = high * 128 + packed.charCodeAt(i)
    low = low * 128 + packed.charCodeAt(i + 5)
  }
  if (type === 'float') {
    const first = high * 8 + Math.floor(low / 4294967296)
    const isPositive = high >= 268435456
    double.setUint32(0, isPositive ? first ^ 0x80000000 : ~first)
    double.setUint32(4, isPositive ? low : ~low)
    return double.getFloat64(0)
  }
  // Exact while it is safe.
  const near = (high - 268435456) * 34359738368 + low
  const exact = Number.isSafeInteger(near) ? near : BigInt(high - 268435456) << 35n | BigInt(low)
  if (type === 'date') return dateText(near)
  if (type !== 'timestamp') return exact
  return new Date(typeof exact === 'number' ? Math.floor(exact / 1000) : Number((exact - (exact % 1000n + 1000n) % 1000n) / 1000n))
}

/** Whether an array is written as the decoder would give it back. */
export function isPlainArray(type: ElementType, value: readonly unknown[]): boolean {
  return value.every(v => v === null || (type === 'timestamp' ? v instanceof Date : type === 'date' || type === 'uuid' ? false :
    type === 'text' ? wellFormed(v as string) : type === 'float' ? !Object.is(v, -0) : type === 'bool' || (typeof v === 'number' && !Object.is(v, -0))))
}

/** The list as JSON, as literals of queries have it. */
export function arrayJson(type: ElementType, value: readonly unknown[]): string {
  const shown = value.map(v => typeof v === 'bigint' ? String(v) : v instanceof Date ? (type === 'date' ? v.toISOString().slice(0, 10) : v.toISOString()) :
    typeof v === 'number' && !Number.isFinite(v) ? String(v) : v)
  return JSON.stringify(shown)
}
