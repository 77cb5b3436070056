// Text forms of values that have more than one: timestamps with microseconds, and JSON in its canonical order.
import { EddylineError, said } from './errors.js'
import { isPlain } from './option-kinds.js'

const ISO = /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** Microseconds since 1970 of an ISO 8601 (or PostgreSQL) text; without a zone it is UTC. Undefined if it is not one. */
export function microsOfText(text: string): bigint | undefined {
  const m = ISO.exec(text.trim())
  if (m === null) return undefined
  const zone = m[8] ?? 'Z'
  const utc = /^z$/i.test(zone) ? 'Z' : zone.length === 3 ? `${zone}:00` : zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`
  const seconds = Date.parse(`${m[1]}-${m[2]}-${m[3]}T${m[4] ?? '00'}:${m[5] ?? '00'}:${m[6] ?? '00'}${utc}`)
  if (Number.isNaN(seconds)) return undefined
  return BigInt(seconds) * 1000n + BigInt((m[7] ?? '').padEnd(6, '0').slice(0, 6))
}

const MAX_DEPTH = 256

/** Whether the last call of `canonicalJson` saw only what a parser would give back (no `undefined`, no `toJSON`, no class instances). */
export let jsonWasPlain = true

/**
 * JSON text with keys sorted by length, then by their UTF-8 bytes, without blanks: equal values have equal text.
 * Numbers are written as JavaScript writes them. Throws TYPE_MISMATCH for bigints, NaN and functions,
 * JSON_TOO_DEEP for cycles.
 */
export function canonicalJson(value: unknown, path: string): string {
  jsonWasPlain = true
  const text = write(value, path, 0)
  if (text === undefined) throw new EddylineError('TYPE_MISMATCH', 'not a JSON value', { path })
  return text
}

function write(value: unknown, path: string, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) throw new EddylineError('JSON_MALFORMED', '\\u0000 has no place in a JSON value', { path })
      if (!wellFormed(value)) { jsonWasPlain = false; return JSON.stringify(value.replace(/\p{Surrogate}/gu, '\ufffd')) }
      return JSON.stringify(value)
    case 'number':
      if (!Number.isFinite(value)) throw new EddylineError('TYPE_MISMATCH', `JSON has no ${value}`, { path })
      if (Object.is(value, -0)) jsonWasPlain = false
      return String(value)
    case 'boolean': return value ? 'true' : 'false'
    case 'object': break
    case 'bigint': throw new EddylineError('TYPE_MISMATCH', 'JSON has no bigint', { path })
    default: jsonWasPlain = false; return undefined
  }
  if (value === null) return 'null'
  // The engine's limit, too: deeper than any document people write.
  if (depth === MAX_DEPTH) throw new EddylineError('JSON_TOO_DEEP', `JSON nested deeper than ${MAX_DEPTH} (a cycle?)`, { path })
  const toJson = (value as { toJSON?: unknown }).toJSON
  if (typeof toJson === 'function') { jsonWasPlain = false; return write(toJson.call(value), path, depth + 1) }
  if (Array.isArray(value)) {
    let text = '['
    for (let i = 0; i < value.length; i++) text += (i > 0 ? ',' : '') + (write(value[i], path, depth + 1) ?? 'null')
    return text + ']'
  }
  if (!isPlain(value)) jsonWasPlain = false
  const keys = Object.keys(value).sort(byLengthThenBytes)
  let text = '{', last: string | undefined, before = 1
  for (const key of keys) {
    const member = write((value as Record<string, unknown>)[key], path, depth + 1)
    if (member === undefined) continue
    const name = write(key, path, depth)
    // Keys that differ in halves of surrogate pairs only are the same in UTF-8: the last one wins.
    if (name === last) text = text.slice(0, before)
    last = name
    before = text.length
    text += `${before > 1 ? ',' : ''}${name}:${member}`
  }
  return text + '}'
}

const encoder = /* @__PURE__ */ new TextEncoder()

function byLengthThenBytes(a: string, b: string): number {
  if (/^[\x00-\x7f]*$/.test(a) && /^[\x00-\x7f]*$/.test(b)) return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
  const x = encoder.encode(a), y = encoder.encode(b)
  if (x.length !== y.length) return x.length - y.length
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i] - y[i]
  return 0
}

/** Throws TENANT_REQUIRED for what is no text, INVALID_UTF8 for one that UTF-8 would make that of others. */
export function checkTenant(id: unknown, path: string): void {
  const offending = said(id)
  if (typeof id !== 'string') throw new EddylineError('TENANT_REQUIRED', 'the name of a tenant is a text', { path, offending })
  if (!wellFormed(id)) throw new EddylineError('INVALID_UTF8', 'the name of a tenant has half a character', { path, offending })
}

/** No lone surrogate, so that UTF-8 can hold it. */
export function wellFormed(text: string): boolean { return !/\p{Surrogate}/u.test(text) }

/** Hexadecimal text of bytes, as literals carry them. */
export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const b of bytes) text += (b < 16 ? '0' : '') + b.toString(16)
  return text
}
