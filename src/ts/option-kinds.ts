// Options as a program gives them: each name known, each value of its kind.
import { type ErrorCode, EddylineError, nearestName, said, unknownName } from './errors.js'

export { said }

/** An error about a value that somebody gave. */
export const wrong = (code: ErrorCode, message: string, path: string, offending?: string, nearest?: string): EddylineError =>
  new EddylineError(code, message, { path, ...(offending === undefined ? {} : { offending }), ...(nearest === undefined ? {} : { nearest }) })

/** A value as a message names it. */
export function shown(v: unknown): string {
  if (typeof v === 'string') return `'${v}'`
  if (typeof v === 'function') return 'a function'
  if (typeof v !== 'object' || v === null) return said(v)
  if (Array.isArray(v)) return `an array of ${v.length}`
  const tag = Object.prototype.toString.call(v).slice(8, -1)
  return tag === 'Object' ? 'an object' : `a ${tag}`
}

/** An object with members: no list, map or set, no promise, no value. */
export const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !(Symbol.iterator in v) && !(v instanceof Date) && !(v instanceof Promise)

/** An object that is of no class. */
export function isPlain(object: object): boolean {
  const proto = Object.getPrototypeOf(object)
  return proto === Object.prototype || proto === null
}

/** What an option must be. */
/** `needed`: it may not be missing where its name is given as `undefined`. */
export interface Kind { readonly is: (v: unknown) => boolean; readonly what: string; readonly words?: readonly string[]; readonly needed?: true }
export type Kinds = Readonly<Record<string, Kind>>
export const BOOLEAN: Kind = { is: v => typeof v === 'boolean', what: 'true or false' }
export const FUNCTION: Kind = { is: v => typeof v === 'function', what: 'a function' }
export const OBJECT: Kind = { is: isObject, what: 'an object' }
export const TEXT: Kind = { is: v => typeof v === 'string', what: 'a text' }
export const TEXTS: Kind = { is: v => Array.isArray(v) && v.every(t => typeof t === 'string'), what: 'an array of texts' }
export const ANYTHING: Kind = { is: () => true, what: 'anything' }
/** A whole number from 1 on, or without end. */
export const COUNT: Kind = { is: v => typeof v === 'number' && v >= 1 && (Number.isSafeInteger(v) || v === Infinity), what: 'a whole number from 1 on' }
export const MILLISECONDS: Kind = { is: v => typeof v === 'number' && v >= 0, what: 'a number of milliseconds from 0, or Infinity' }
export const SIGNAL: Kind = { is: v => typeof (v as AbortSignal | null)?.addEventListener === 'function' && typeof (v as AbortSignal).aborted === 'boolean', what: 'an AbortSignal' }
export const oneOf = (...words: string[]): Kind => ({ is: v => words.includes(v as string), what: words.map(w => `'${w}'`).join(' or '), words })

/** Throws `code` where options are no object, have a name that is none of theirs, or a value that is not of its kind. `path`: where they stand. */
export function checkOptions(given: unknown, kinds: Kinds, { code = 'INVALID_ARGUMENT', path = 'options', of }: { code?: ErrorCode; path?: string; of?: string } = {}): void {
  if (given === undefined) return
  const whose = of === undefined ? '' : ` of \`${of}\``
  if (!isObject(given)) throw wrong(code, `options${whose} are an object, not ${shown(given)}`, path === '' ? 'options' : path, said(given))
  for (const [name, v] of Object.entries(given)) {
    const at = path === '' ? name : `${path}.${name}`
    if (!Object.hasOwn(kinds, name)) throw unknownName(code, `option \`${name}\`${whose}`, name, Object.keys(kinds), at)
    const { is, what, words, needed } = kinds[name]
    if (v === undefined ? needed !== true : is(v)) continue
    const near = words === undefined || typeof v !== 'string' ? undefined : nearestName(v, words)
    throw wrong(code, `\`${name}\`${whose} is ${what}, not ${shown(v)}${near === undefined ? '' : `; did you mean \`${near}\`?`}`, at, said(v), near)
  }
}

/** Throws INVALID_ARGUMENT for what is no function. */
export function checkFunction(fn: unknown, what: string, path = 'fn'): void {
  if (typeof fn !== 'function') throw wrong('INVALID_ARGUMENT', `\`${what}\` takes a function, not ${shown(fn)}`, path, said(fn))
}

/** Throws INVALID_ARGUMENT for what is no database of this thread. `what` works on one. */
export function checkDatabase(db: unknown, what: string): void {
  if ((db as { closers?: unknown } | null | undefined)?.closers instanceof Set) return
  throw wrong('INVALID_ARGUMENT', `${what} work on a database that \`createDatabase\` made, not on ${shown(db)}`, 'db', shown(db))
}
