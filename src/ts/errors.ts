/** Codes of the engine: the list of src/error.rs. */
export type EngineErrorCode =
  | 'SCHEMA_INVALID' | 'UNSUPPORTED_TYPE' | 'UNKNOWN_TABLE' | 'UNKNOWN_COLUMN' | 'UNKNOWN_RELATION'
  | 'UNKNOWN_ALIAS' | 'UNKNOWN_FUNCTION' | 'AMBIGUOUS_COLUMN' | 'TYPE_MISMATCH' | 'NULL_NOT_ALLOWED'
  | 'INTEGER_RANGE' | 'MISSING_COLUMN' | 'MISSING_KEY' | 'KEY_CHANGE' | 'DUPLICATE_KEY' | 'QUERY_INVALID'
  | 'NOT_GROUPED' | 'TENANT_REQUIRED' | 'TENANT_MISMATCH' | 'CHANGE_INVALID' | 'JSON_MALFORMED' | 'JSON_TOO_DEEP'
  | 'VALUE_TOO_LARGE' | 'INVALID_UTF8' | 'CURSOR_BACKWARDS' | 'NUMERIC_OVERFLOW' | 'DIVISION_BY_ZERO' | 'TOO_MANY_ROWS'
  | 'RECURSION_LIMIT' | 'UNKNOWN_VIEW' | 'REENTRANT' | 'INVALID_ARGUMENT' | 'INVALID_TEXT' | 'TIMESTAMP_RANGE' | 'REGEX_INVALID'
  | 'UNKNOWN_PARAMETER' | 'MISSING_PARAMETER' | 'MEMORY_BUDGET'

/** Codes that this version raises. Codes are stable, messages are not. */
export type KnownErrorCode = EngineErrorCode
  | 'NO_FETCH_ROW' | 'FETCH_FAILED' | 'UNKNOWN_KEY' | 'STALE_EVENT' | 'MAX_ROUNDS' | 'CLOSED' | 'LOAD_FAILED' | 'ENGINE_CRASHED'
  | 'WORKER_FAILED' | 'WORKER_ERROR' | 'WORKER_MISMATCH' | 'NOT_SHARED' | 'NOT_IN_WORKER' | 'UNKNOWN_REQUEST'
  | 'WATCH_INVALID' | 'WATCH_LIMIT' | 'CALLBACK_CIRCLE'
  // Of storage.
  | 'NOT_DURABLE' | 'STORAGE_FULL' | 'STORAGE_UNAVAILABLE' | 'STORAGE_LOCKED' | 'STORAGE_CORRUPT' | 'STORAGE_FAILED' | 'SCHEMA_MISMATCH' | 'MIGRATION_FAILED' | 'FOLLOWER'
  // Of `eddyline/reduce`.
  | 'NEEDS_REBUILD' | 'REDUCER_INVALID' | 'REBUILD_CANCELLED' | 'UNKNOWN_PARTITION'
  // Of `eddyline/project`.
  | 'PROJECTION_INVALID' | 'PROJECTION_CYCLE' | 'UNKNOWN_INPUT' | 'UNKNOWN_PROJECTION' | 'LENS_INVALID' | 'LENS_FIELD' | 'EMPTY_LENS' | 'PROJECTION_CONFLICT'
  | 'PROJECTION_REQUIRED' | 'PROJECTION_TIMEOUT' | 'PROJECTION_HANDLE' | 'DERIVE_FAILED' | 'OUTSIDE_DERIVE' | 'DEMATERIALIZE_OFF'
  // Of `eddyline/sync`.
  | 'EVENT_INVALID' | 'AMBIGUOUS_ROW' | 'TARGET_INVALID' | 'UNKNOWN_LABEL' | 'INSERT_BY_KEY' | 'NOT_LINKED' | 'WATCHER_INVALID'
  | 'DUPLICATE_LABEL' | 'MESSAGE_INVALID'
  // Of the bindings of frameworks.
  | 'NO_DATABASE'
  // Of `eddyline/tanstack`.
  | 'SOURCE_FAILED'
  // Of `eddyline/datalog`.
  | 'DATALOG_SYNTAX' | 'DATALOG_UNSAFE' | 'DATALOG_UNSAFE_OR' | 'DATALOG_UNSTRATIFIED' | 'DATALOG_TYPE' | 'DATALOG_RULE' | 'DATALOG_IMPURE' | 'DATALOG_INPUT'
  | 'ATTRIBUTE_INVALID' | 'UNKNOWN_ATTRIBUTE' | 'UNKNOWN_RULE' | 'TX_INVALID' | 'TX_TYPE' | 'TX_CONFLICT' | 'TX_CAS' | 'TX_UNKNOWN_ENTITY' | 'SOURCE_ORDER'
  | 'DUPLICATE_VIEW' | 'DEFINITION_MISMATCH' | 'STATE_INVALID' | 'CONFIGURATION_INVALID' | 'SOURCE_INVALID' | 'LISTENER_INVALID'

/** A stable code to switch on; new codes may appear, so keep a default branch. */
export type ErrorCode = KnownErrorCode | (string & {})

/** What an error knows about its place besides the message. */
export interface ErrorDetails {
  path?: string
  offending?: string
  nearest?: string
  cause?: unknown
  /** Of MEMORY_BUDGET: bytes that would be in use, and that may be. */
  needed?: number
  budget?: number
}

/**
 * The one error type of the library.
 *
 * `code` says what went wrong, `path` where (`changes[3].row.statsu`), `offending` the name that was used and `nearest`
 * the one that was probably meant.
 *
 * ```ts
 * try { db.apply(changes) } catch (e) { if (e instanceof EddylineError && e.code === 'DUPLICATE_KEY') … }
 * ```
 */
export class EddylineError extends Error {
  readonly code: ErrorCode
  readonly path?: string
  readonly offending?: string
  readonly nearest?: string
  /** Of MEMORY_BUDGET: bytes that would be in use, and that may be. Declared only: of others they are no members, which consoles would show. */
  declare readonly needed?: number
  declare readonly budget?: number

  constructor(code: ErrorCode, message: string, details?: ErrorDetails) {
    super(message, details?.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'EddylineError'
    this.code = code
    if (details?.path) this.path = details.path
    if (details?.offending) this.offending = details.offending
    if (details?.nearest) this.nearest = details.nearest
    if (details?.needed) this.needed = details.needed
    if (details?.budget) this.budget = details.budget
  }
}

/** A value as text, whatever it is. */
export function said(v: unknown): string {
  try { return String(v) } catch { return typeof v === 'object' ? 'an object' : `a ${typeof v}` }
}

/** An error about a name that does not exist, with the suggestion in the message: `meant`, or the nearest of those that there are. */
export function unknownName(code: ErrorCode, what: string, name: string, known: Iterable<string>, path?: string, meant?: string): EddylineError {
  name = said(name)
  const near = meant ?? nearestName(name, known)
  return new EddylineError(code, `no ${what}${near === undefined ? '' : `; did you mean \`${near}\`?`}`,
    { path, offending: name, nearest: near })
}

/** The known name closest to `name`, or undefined when none is close enough to be a typing slip. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const d = candidate.toLowerCase() === name.toLowerCase() ? 0 : editDistance(name, candidate, least)
    if (d < least) { least = d; best = candidate }
  }
  return best
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
      row[j] = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same ? 0 : 1))
    }
    previous = row
  }
  return previous[b.length]
}

/**
 * An error that came out of wasm, as ours. Errors with a `code` are the user's; anything else is a crash and yields
 * undefined, so that the caller poisons the engine.
 */
export function codedError(error: unknown): EddylineError | undefined {
  if (error instanceof EddylineError) return error
  if (typeof error !== 'object' || error === null) return undefined
  const e = error as { code?: unknown; message?: unknown } & ErrorDetails
  if (typeof e.code !== 'string') return undefined
  return new EddylineError(e.code, String(e.message ?? e.code), { path: e.path, offending: e.offending, nearest: e.nearest, needed: e.needed, budget: e.budget })
}
