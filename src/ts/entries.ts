// Entries as programs give them: what can be written and read again as it is, and nothing else.
import type { EddylineError } from './errors.js'
import { isObject, said, shown, wrong } from './option-kinds.js'

/** Levels of a value. What is nested deeper is most likely part of itself. */
const DEPTH = 500

/** Throws INVALID_ARGUMENT with the place for what are no entries. One pass over the values, less than what writing them takes. */
export function checkEntries(entries: unknown): void {
  if (!isObject(entries)) throw wrong('INVALID_ARGUMENT', `entries are \`{ space: { key: value } }\`, not ${shown(entries)}`, 'entries', said(entries))
  for (const space of Object.keys(entries)) {
    const values = entries[space]
    if (!isObject(values) || !isPlain(values)) throw wrong('INVALID_ARGUMENT', `the entries of \`${space}\` are \`{ key: value }\`, not ${shown(values)}`, `entries.${space}`, said(values))
    for (const key of Object.keys(values)) {
      const fault = faultIn(values[key], DEPTH)
      if (fault !== undefined) throw notStored(fault, `entries.${space}.${key}`)
    }
  }
}

function notStored({ path, value }: Fault, at: string): EddylineError {
  if (path === undefined) return wrong('INVALID_ARGUMENT', `a value that is part of itself, or nested deeper than ${DEPTH} levels, cannot be stored`, at)
  return wrong('INVALID_ARGUMENT', `entries are JSON, bigints and bytes (Uint8Array), not ${shown(value)}`, at + path, said(value))
}

/** `path` is absent for what is too deep. */
interface Fault { readonly path?: string; readonly value?: unknown }

/** What in a value cannot be written; undefined when everything can. A member that is undefined is none, as in JSON. */
function faultIn(value: unknown, depth: number): Fault | undefined {
  switch (typeof value) {
    case 'string': case 'boolean': case 'bigint': case 'undefined': return undefined
    case 'number': return Number.isFinite(value) ? undefined : { path: '', value }
    case 'object': break
    default: return { path: '', value }
  }
  if (value === null || value instanceof Uint8Array) return undefined
  if (depth === 0) return {}
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const fault = value[i] === undefined ? { path: '', value: undefined } : faultIn(value[i], depth - 1)
      if (fault !== undefined) return fault.path === undefined ? fault : { path: `[${i}]${fault.path}`, value: fault.value }
    }
    return undefined
  }
  if (!isPlain(value)) return { path: '', value }
  for (const name of Object.keys(value)) {
    const fault = faultIn((value as Record<string, unknown>)[name], depth - 1)
    if (fault !== undefined) return fault.path === undefined ? fault : { path: `.${name}${fault.path}`, value: fault.value }
  }
  return undefined
}

/** Whether it is an object of no class, of this realm or another. */
function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === Object.prototype || proto === null || Object.getPrototypeOf(proto) === null
}
