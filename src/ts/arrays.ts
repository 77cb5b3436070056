// Arrays: lists of rows, and the packed form that the engine holds (`src/value/array`).
import { dateText, daysOf, uuidOf } from './calendar.js'
import type { CellType } from './port.js'
import { microsOfText, wellFormed } from './values.js'

/** Types of elements. */
export type ElementType = 'bool' | 'int' | 'float' | 'text' | 'timestamp' | 'date' | 'uuid'
export const ELEMENTS: readonly ElementType[] = ['bool', 'int', 'float', 'text', 'timestamp', 'date', 'uuid']
/** The type of the elements of an array type; undefined of others. */
export const elementOf = (type: CellType | undefined): ElementType | undefined => type?.endsWith('[]') ? type.slice(0, -2) as ElementType : undefined

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
  for (let at = 0; at < packed.length;) {
    if (packed[at++] === NULL) { out.push(null); continue }
    let end = at + 10
    if (type === 'bool') end = at + 1
    if (type === 'text' || type === 'uuid') end = packed.indexOf(END, at) + 1
    out.push(unpack(type, packed.slice(at, end)))
    at = end
  }
  return out
}

function unpack(type: ElementType, packed: string): unknown {
  if (type === 'bool') return packed === '\x01'
  if (type === 'uuid') return packed.slice(0, -1)
  if (type === 'text') return packed.slice(0, -1).replace(/\x01[\x02\x03]/g, pair => pair[1] === '\x02' ? END : '\x01')
  let bits = 0n
  for (let i = 0; i < 10; i++) bits = bits << 7n | BigInt(packed.charCodeAt(i))
  if (type === 'float') {
    double.setBigUint64(0, bits >> 63n === 1n ? bits ^ SIGN : bits ^ (SIGN * 2n - 1n))
    return double.getFloat64(0)
  }
  const whole = BigInt.asIntN(64, bits ^ SIGN)
  if (type === 'timestamp') return new Date(Number((whole - (whole % 1000n + 1000n) % 1000n) / 1000n))
  if (type === 'date') return dateText(Number(whole))
  return whole >= BigInt(Number.MIN_SAFE_INTEGER) && whole <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(whole) : whole
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
