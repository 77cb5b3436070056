// What the core is given: each option known, each value of its kind, before anything is done.
import { unknownName } from './errors.js'
import { ANYTHING, BOOLEAN, FUNCTION, type Kind, type Kinds, MILLISECONDS, OBJECT, SIGNAL, TEXT, checkOptions, isObject, isPlain, oneOf, said, shown, wrong } from './option-kinds.js'
import type { SchemaJson } from './schema.js'

/** Names stand by themselves in places: `window`, `memory.budget`. */
const HERE = { path: '' }
const STALE = /* @__PURE__ */ oneOf('error', 'ignore')
const CURSOR: Kind = { is: v => typeof v === 'string' || Number.isSafeInteger(v) || typeof v === 'bigint', what: 'a text, a bigint or a whole number below 2^53' }
const ON_ERROR = { onError: FUNCTION }

/** What both kinds of databases are made of. */
const DATABASE: Kinds = {
  schema: { is: v => Array.isArray((v as { json?: { tables?: unknown } } | null | undefined)?.json?.tables), what: 'what `defineSchema` gives', needed: true },
  name: TEXT, fetchRow: FUNCTION, ...ON_ERROR, graceMs: MILLISECONDS, storage: ANYTHING, memory: OBJECT,
}
const MEMORY: Kinds = { budget: { is: v => typeof v === 'number' && v > 0, what: 'a number of bytes above 0', needed: true }, onPressure: FUNCTION }
const LIVE: Kinds = { label: TEXT, tenant: ANYTHING, params: OBJECT, window: { is: v => Array.isArray(v) && v.length === 2, what: 'its first row and how many, as [0, 50]' }, sliced: ANYTHING }
const PROGRESS: Kinds = { onProgress: FUNCTION }
const BATCH: Kinds = { changes: ANYTHING, source: TEXT, cursor: CURSOR, origin: TEXT, tenant: ANYTHING, stale: STALE }
// What has no kind here is for the engine to judge, or is ours.
const JSON_OPTIONS: Kinds = {
  table: TEXT, op: TEXT, source: TEXT, cursor: CURSOR, tenant: ANYTHING, stale: STALE, origin: TEXT,
  atomic: BOOLEAN, ...PROGRESS, signal: SIGNAL, confined: ANYTHING, around: ANYTHING, pressed: ANYTHING,
}
const COMMIT: Kinds = { cursor: CURSOR, origin: TEXT }
const NAME: Kind = { is: v => typeof v === 'string' && v !== '', what: 'a text that names it', needed: true }
const SOURCE: Kinds = { name: NAME, sync: { ...FUNCTION, needed: true }, stale: STALE, table: TEXT }

/** Throws INVALID_ARGUMENT for what makes no database. `more`: options that only this kind of database has. */
export function checkDatabaseOptions(given: unknown, more?: Kinds): void {
  const options = isObject(given) ? given : {}
  if (given !== undefined) checkOptions(given, { ...DATABASE, ...more }, HERE)
  checkOptions({ schema: options.schema }, DATABASE, HERE)
  if (options.memory !== undefined) checkOptions({ ...options.memory as object, budget: (options.memory as { budget?: unknown }).budget }, MEMORY, { path: 'memory' })
}

export const checkInit = (options: unknown): void => { checkOptions(options, { module: ANYTHING }, HERE) }
export const checkLive = (options: unknown): void => { checkOptions(options, LIVE, HERE) }
export const checkExplain = (options: unknown): void => { checkOptions(options, { tenant: ANYTHING }, HERE) }
export const checkSliced = (options: unknown): void => { checkOptions(options, PROGRESS, { path: 'sliced', of: 'sliced' }) }
export const checkApply = (options: unknown): void => { checkOptions(options, { durable: BOOLEAN }, HERE) }
export const checkCommit = (options: unknown): void => { checkOptions(options, COMMIT, HERE) }
/** Throws CHANGE_INVALID, as the same batch does as JSON. */
export const checkBatch = (batch: unknown): void => { checkOptions(batch, BATCH, { code: 'CHANGE_INVALID', path: '' }) }
export const checkJson = (options: unknown): void => { checkOptions(options, JSON_OPTIONS, HERE) }

/** Throws INVALID_ARGUMENT for what has no name. */
export function checkName(name: unknown, path: string): void { checkOptions({ [path]: name }, { [path]: NAME }, HERE) }

/** Throws INVALID_ARGUMENT for what is no source, UNKNOWN_TABLE. Members that instances of classes have besides are theirs. */
export function checkSource(source: unknown, { tables }: SchemaJson): void {
  const at = { path: 'source' }
  if (!isObject(source)) throw wrong('INVALID_ARGUMENT', `a source is \`{ name, sync }\`, not ${shown(source)}`, 'source', said(source))
  if (isPlain(source)) checkOptions(source, SOURCE, at)
  const { name, sync, stale, table } = source
  checkOptions({ name, sync, stale, table }, SOURCE, at)
  if (table !== undefined && !tables.some(t => t.name === table)) throw unknownName('UNKNOWN_TABLE', `table \`${table as string}\``, table as string, tables.map(t => t.name), 'source.table')
}
