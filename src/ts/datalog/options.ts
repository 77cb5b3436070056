// Options and definitions as a program gives them: each name known, each value of its kind.
import { EddylineError, nearestName, unknownName } from '../errors.js'
import { isMap, said } from './tx-data.js'

const wrong = (code: string, message: string, path: string, offending?: string, nearest?: string): EddylineError =>
  new EddylineError(code, message, { path, ...(offending === undefined ? {} : { offending }), ...(nearest === undefined ? {} : { nearest }) })

/** What an option must be; `true` if it is. */
interface Kind { readonly is: (v: unknown) => boolean; readonly what: string; readonly words?: readonly string[] }
const BOOLEAN: Kind = { is: v => typeof v === 'boolean', what: 'true or false' }
const FUNCTION: Kind = { is: v => typeof v === 'function', what: 'a function' }
const OBJECT: Kind = { is: isMap, what: 'an object' }
const TEXT: Kind = { is: v => typeof v === 'string', what: 'a text' }
const ANYTHING: Kind = { is: () => true, what: 'anything' }
/** A whole number from 1 on, or without end. */
const COUNT: Kind = { is: v => typeof v === 'number' && v >= 1 && (Number.isSafeInteger(v) || v === Infinity), what: 'a whole number from 1 on' }
const ROUNDS: Kind = { is: v => v === 0 || COUNT.is(v), what: 'a whole number, not negative' }
const SIGNAL: Kind = { is: v => typeof v === 'object' && v !== null && 'aborted' in v, what: 'an AbortSignal' }
const oneOf = (...words: string[]): Kind => ({ is: v => words.includes(v as string), what: words.map(w => `'${w}'`).join(' or '), words })

/** Throws `code` where options are no object, have a name that is none of theirs, or a value that is not of its kind. `path`: where they stand. */
function checkOptions(given: unknown, kinds: Readonly<Record<string, Kind>>, { code = 'INVALID_ARGUMENT', path = 'options' }: { code?: string; path?: string } = {}): void {
  if (given === undefined) return
  if (!isMap(given)) throw wrong(code, 'options are an object', path)
  for (const [name, v] of Object.entries(given)) {
    const at = path === '' ? name : `${path}.${name}`
    if (!Object.hasOwn(kinds, name)) throw unknownName(code, `option \`${name}\``, name, Object.keys(kinds), at)
    const { is, what, words } = kinds[name]
    if (v === undefined || is(v)) continue
    const near = words === undefined || typeof v !== 'string' ? undefined : nearestName(v, words)
    throw wrong(code, `\`${name}\` is ${what}${near === undefined ? '' : `; did you mean \`${near}\`?`}`, at, said(v), near)
  }
}

/** Where browsers keep what a circuit is to outlive: that is the database's to say. */
const PLACES = ['idb', 'indexeddb', 'opfs', 'rocksdb', 'lmdb']
const STORAGES = ['memory', 'durable']
const ON_MISMATCH = oneOf('error', 'rebuild')
const DEFINITION: Readonly<Record<string, Kind>> = { query: ANYTHING, rules: ANYTHING, in: OBJECT, storage: ANYTHING, onMismatch: ON_MISMATCH }

/** Throws CONFIGURATION_INVALID for what is no definition of a circuit. `more`: names that it may have besides. */
export function checkDefinition(given: unknown, more: readonly string[] = []): void {
  if (!isMap(given)) throw wrong('CONFIGURATION_INVALID', 'a definition is an object with `query`', '')
  checkOptions(given, { ...DEFINITION, ...Object.fromEntries(more.map(name => [name, ANYTHING])) }, { code: 'CONFIGURATION_INVALID', path: '' })
  const { storage } = given
  if (storage === undefined || STORAGES.includes(storage as string)) return
  const place = typeof storage === 'string' && PLACES.includes(storage.toLowerCase())
  const near = place ? 'durable' : typeof storage === 'string' ? nearestName(storage, STORAGES) : undefined
  const hint = place ? '; where it is kept is for the storage of the database to say: createDatabase({ storage })' : ''
  throw wrong('CONFIGURATION_INVALID', `\`storage\` of circuits is 'durable' or 'memory'${near === undefined ? '' : `; did you mean \`${near}\`?`}${hint}`, 'storage', said(storage), near)
}

const FACE: Readonly<Record<string, Kind>> = { functions: OBJECT, maxRounds: ROUNDS, strict: BOOLEAN, attributeText: FUNCTION, open: BOOLEAN }

/** Throws INVALID_ARGUMENT for what are no options of `datalog`. */
export function checkFace(given: unknown): void {
  checkOptions(given, FACE)
  const { functions } = (given ?? {}) as { functions?: Record<string, unknown> }
  for (const [name, fn] of Object.entries(functions ?? {})) {
    if (typeof fn !== 'function') throw wrong('INVALID_ARGUMENT', `the function \`${name}\` is none: functions take and give expressions`, `options.functions.${name}`, name)
  }
}
/** Throws INVALID_ARGUMENT for what are no options of `sync`. */
export const checkSync = (given: unknown): void => { checkOptions(given, { chunk: COUNT, onProgress: FUNCTION, signal: SIGNAL }) }
/** Throws INVALID_ARGUMENT for what are no options of `load`. */
export const checkLoad = (given: unknown): void => { checkOptions(given, { state: ANYTHING, onMismatch: ON_MISMATCH }) }
/** Throws INVALID_ARGUMENT for what are no options of `pull`. */
export const checkPull = (given: unknown): void => { checkOptions(given, { table: TEXT }) }
/** Throws INVALID_ARGUMENT for what are no options of `drop`. */
export const checkDrop = (given: unknown): void => { checkOptions(given, { forget: BOOLEAN }) }
