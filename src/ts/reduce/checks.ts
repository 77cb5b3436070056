// What reducers, notifiers and their sources are: everything is checked before anything is held.
import { EddylineError, nearestName } from '../errors.js'
import { ANYTHING, BOOLEAN, COUNT, FUNCTION, type Kind, type Kinds, MILLISECONDS, OBJECT, SIGNAL, TEXT, TEXTS, checkOptions, isObject, oneOf, shown, wrong } from '../option-kinds.js'
import { type Cursor, isCursor } from './cursors.js'

const CODE = 'REDUCER_INVALID'
const HERE = { code: CODE, path: '' } as const
const HANDLERS: Kind = { is: v => typeof v === 'function' || (isObject(v) && Object.values(v).every(h => typeof h === 'function' || h === undefined)), what: 'a function, or an object of functions by type' }
const ON_ERROR: Kind = { is: v => v === 'halt' || v === 'skip' || (isObject(v) && Object.keys(v).join() === 'retry' && Number.isSafeInteger(v.retry) && (v.retry as number) >= 0), what: "'halt', 'skip' or { retry: times }", words: ['halt', 'skip'] }
const PLACE: Kind = { is: isCursor, what: "'start', 'end', or a cursor" }
const RETRY: Kinds = { attempts: COUNT, delay: MILLISECONDS, factor: { is: v => typeof v === 'number' && v >= 1, what: 'a number from 1' }, max: MILLISECONDS }

const EVENTS: Kinds = { partition: FUNCTION, cursor: FUNCTION, compare: FUNCTION, type: FUNCTION, on: HANDLERS }
const REDUCER: Kinds = { ...EVENTS, version: TEXT, tables: TEXTS, onError: ON_ERROR, coalesce: BOOLEAN, snapshotEvery: COUNT }
const NOTIFIER: Kinds = { ...EVENTS, deliver: FUNCTION, initialCursor: PLACE, retry: OBJECT, exhausted: oneOf('deadLetter', 'halt') }

function checkEvents(name: unknown, options: unknown, kinds: Kinds, needed: readonly string[], what: string): void {
  if (typeof name !== 'string' || name === '') throw wrong(CODE, `a ${what} needs a name`, 'name', shown(name))
  if (!isObject(options)) throw wrong(CODE, `the ${what} \`${name}\` is defined by an object, not ${shown(options)}`, 'options', shown(options))
  checkOptions(options, kinds, { ...HERE, of: name })
  for (const one of needed) if (options[one] === undefined) throw wrong(CODE, `the ${what} \`${name}\` needs \`${one}\`: ${kinds[one].what}`, one, name)
  if (options.retry !== undefined) checkOptions(options.retry, RETRY, { code: CODE, path: 'retry', of: name })
}

/** Throws REDUCER_INVALID for what defines no reducer. */
export const checkReducer = (name: unknown, options: unknown): void => {
  checkEvents(name, options, REDUCER, ['tables', 'partition', 'cursor', 'on'], 'reducer')
  if ((options as { tables: unknown[] }).tables.length === 0) throw wrong(CODE, `\`${String(name)}\` names no tables`, 'tables', String(name))
}
/** Throws REDUCER_INVALID for what defines no notifier. */
export const checkNotifier = (name: unknown, options: unknown): void => { checkEvents(name, options, NOTIFIER, ['partition', 'cursor', 'on', 'deliver'], 'notifier') }
/** The same of one that `reducer` or `notifier` may not have made. */
export function checkDefined(definition: unknown, check: (name: unknown, options: unknown) => void, what: string): void {
  if (!isObject(definition)) throw wrong(CODE, `not a ${what}: ${shown(definition)}`, 'definition', shown(definition))
  const { name, ...options } = definition
  check(name, options)
}

const LOG: Kind = { is: v => isObject(v) && typeof v.fetch === 'function' && typeof v.subscribe === 'function', what: 'an event log, { fetch, subscribe }' }
/** What is folded once need not tell of what comes. */
const PAST: Kind = { is: v => isObject(v) && typeof v.fetch === 'function', what: 'an event log, { fetch }' }
const START: Kinds = { source: LOG, batchSize: COUNT, validateVersion: BOOLEAN, autoRebuild: BOOLEAN, onError: FUNCTION, retry: OBJECT }
const NOTIFY: Kinds = { source: LOG, batchSize: COUNT, after: ANYTHING, onError: FUNCTION }
const REBUILD: Kinds = { source: PAST, batchSize: COUNT, onProgress: FUNCTION, signal: SIGNAL, from: oneOf('start', 'snapshot'), until: { is: isCursor, what: 'a cursor' } }

function checkSource(options: unknown, kinds: Kinds, name: string): void {
  if (!isObject(options)) throw wrong(CODE, `\`${name}\` needs { source }: an event log`, 'source', shown(options))
  checkOptions(options, kinds, { ...HERE, of: name })
  if (options.source === undefined) throw wrong(CODE, `\`${name}\` needs \`source\`: ${kinds.source.what}`, 'source', name)
  if (options.retry !== undefined) checkOptions(options.retry, RETRY, { code: CODE, path: 'retry', of: name })
}
export const checkStart = (options: unknown, name: string): void => { checkSource(options, START, name) }
export const checkRebuild = (options: unknown, name: string): void => { checkSource(options, REBUILD, name) }
export function checkNotify(options: unknown, name: string): void {
  checkSource(options, NOTIFY, name)
  const { after } = options as { after?: { outcome?: unknown; waiters?: unknown } }
  if (after !== undefined && (typeof after?.outcome !== 'function' || after.waiters === undefined)) throw wrong(CODE, `\`after\` of \`${name}\` is a reducer that runs: what \`start\` gave`, 'after', shown(after))
}

/** Throws INVALID_ARGUMENT for what cannot be waited for. */
export function checkAwait(events: readonly unknown[], options: unknown): void {
  checkOptions(options, { timeout: MILLISECONDS }, { path: '' })
  events.forEach((e, i) => { if (e === null || e === undefined) throw wrong('INVALID_ARGUMENT', `\`await\` takes events, not ${shown(e)}`, `events[${i}]`, shown(e)) })
}

export const badResume = (from: unknown): EddylineError => wrong('INVALID_ARGUMENT', `a partition is resumed by 'retry' or 'skip', not ${shown(from)}`, 'from', shown(from), nearestName(String(from), ['retry', 'skip']))

/** What a source gave, or REDUCER_INVALID. */
export function checkPage<P extends { events: readonly unknown[]; cursor: Cursor | 'start' }>(page: P, name: string): P {
  if (isObject(page) && Array.isArray(page.events)) return page
  throw wrong(CODE, `\`fetch\` of the source of \`${name}\` gave ${shown(page)}, and not { events, cursor }`, 'source', shown(page))
}

/** Whether a log goes on behind a page that was asked for with a cursor; not where it leads nowhere. */
export function goesOn({ events, cursor, more }: { events: readonly unknown[]; cursor: Cursor | 'start'; more?: boolean }, after: Cursor | 'start'): boolean {
  return events.length > 0 && more !== false && cursor !== after
}

/** What a function of somebody threw, with the place. */
export function failedIn(code: string, what: string, error: unknown, path: string): EddylineError {
  return new EddylineError(code, `${what} failed: ${(error as { message?: string } | null)?.message ?? String(error)}`, { cause: error, path })
}
