// Numbers that callers give: how many, and how long.
import { type ErrorCode, EddylineError } from './errors.js'

/** The longest that a timer waits: what is longer ends at once. */
const LONGEST = 2 ** 31 - 1

/** A size of pages: a whole number from 1. Throws `code` for others, which would be read for ever. */
export function pageSize(size: unknown, name: string, code: ErrorCode): number {
  if (typeof size === 'number' && size >= 1 && (Number.isInteger(size) || size === Infinity)) return size
  throw new EddylineError(code, `\`${name}\` is a whole number from 1, not ${String(size)}`, { offending: String(size), path: name })
}

/** A time limit in milliseconds; `Infinity`: none. Throws `code` for what is none. */
export function timeLimit(ms: unknown, name: string, code: ErrorCode): number {
  if (typeof ms === 'number' && ms >= 0) return ms
  throw new EddylineError(code, `\`${name}\` is a number of milliseconds from 0, or Infinity, not ${String(ms)}`, { offending: String(ms), path: name })
}

/** Calls `fn` after a while; never after `Infinity`. */
export function later(fn: () => void, ms: number): ReturnType<typeof setTimeout> | undefined {
  return ms === Infinity ? undefined : setTimeout(fn, Math.min(ms, LONGEST))
}
