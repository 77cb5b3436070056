/** A position in an event log: unique, increasing, stable. */
export type Cursor = string | number | bigint

/** Texts, numbers but NaN, bigints: what has a place in an order. */
export const isCursor = (given: unknown): given is Cursor => typeof given === 'string' || typeof given === 'bigint' || (typeof given === 'number' && !Number.isNaN(given))

/** The order of cursors: negative, 0, positive. */
export type CompareCursors = (a: any, b: any) => number

const LSN = /^([0-9a-f]+)\/([0-9a-f]+)$/i
const INTEGER = /^-?\d+$/

/** Numbers, bigints and texts of integers by value, log positions (`X/Y`) by theirs, other texts by code units. */
export function compareCursors(a: Cursor, b: Cursor): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const x = numberOf(a), y = numberOf(b)
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : 0
  const s = String(a), t = String(b)
  return s < t ? -1 : s > t ? 1 : 0
}

function numberOf(cursor: Cursor): bigint | number | undefined {
  if (typeof cursor !== 'string') return cursor
  if (INTEGER.test(cursor)) return BigInt(cursor)
  const m = LSN.exec(cursor)
  return m === null ? undefined : (BigInt(`0x${m[1]}`) << 64n) + BigInt(`0x${m[2]}`)
}
