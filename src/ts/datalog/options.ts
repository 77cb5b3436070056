// Definitions and options of Datalog as a program gives them: each name known, each value of its kind.
import { nearestName } from '../errors.js'
import { ANYTHING, BOOLEAN, COUNT, FUNCTION, type Kind, OBJECT, SIGNAL, TEXT, checkOptions, isObject, oneOf, said, wrong } from '../option-kinds.js'

/** Zero means none. */
const ROUNDS: Kind = { is: v => v === 0 || COUNT.is(v), what: 'a whole number, not negative' }

/** Where browsers keep what a circuit is to outlive: that is the database's to say. */
const PLACES = ['idb', 'indexeddb', 'opfs', 'rocksdb', 'lmdb']
const STORAGES = ['memory', 'durable']
const ON_MISMATCH = oneOf('error', 'rebuild')
const DEFINITION: Readonly<Record<string, Kind>> = { query: ANYTHING, rules: ANYTHING, in: OBJECT, storage: ANYTHING, onMismatch: ON_MISMATCH }

/** Throws CONFIGURATION_INVALID for what is no definition of a circuit. `more`: names that it may have besides. */
export function checkDefinition(given: unknown, more: readonly string[] = []): void {
  if (!isObject(given)) throw wrong('CONFIGURATION_INVALID', 'a definition is an object with `query`', '')
  checkOptions(given, { ...DEFINITION, ...Object.fromEntries(more.map(name => [name, ANYTHING])) }, { code: 'CONFIGURATION_INVALID', path: '' })
  const { storage } = given
  if (storage === undefined || STORAGES.includes(storage as string)) return
  const place = typeof storage === 'string' && PLACES.includes(storage.toLowerCase())
  const near = place ? 'durable' : typeof storage === 'string' ? nearestName(storage, STORAGES) : undefined
  const hint = place ? '; where it is kept is for the storage of the database to say: createDatabase({ storage })' : ''
  throw wrong('CONFIGURATION_INVALID', `\`storage\` of circuits is 'durable' or 'memory'${near === undefined ? '' : `; did you mean \`${near}\`?`}${hint}`, 'storage', said(storage), near)
}

/** As many as the engine counts. */
const RULE_ROUNDS: Kind = { is: v => Number.isSafeInteger(v) && (v as number) >= 1 && (v as number) <= 1e8, what: 'a whole number from 1 to 100,000,000' }
const FACE: Readonly<Record<string, Kind>> = { functions: OBJECT, maxRounds: ROUNDS, maxRuleRounds: RULE_ROUNDS, strict: BOOLEAN, attributeText: FUNCTION, open: BOOLEAN }

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
