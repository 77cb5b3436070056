import type { Database } from '../database.js'
import { EddylineError, type ErrorCode } from '../errors.js'

/**
 * Where records are kept: a checkpoint (the whole state, in pieces) and a log behind it.
 *
 * Laws, tested over every implementation by `tests/ts/storage/conformance`:
 * - when `append` has resolved, the records survive a killed process; before that a prefix of them may be there;
 * - `read` gives what was appended, in order: the pieces of the last published checkpoint, then the log from its `begin` on;
 * - a checkpoint that was not published shows nowhere, and takes nothing away;
 * - bytes that changed on the medium are STORAGE_CORRUPT, not other records.
 *
 * One call at a time. Errors: STORAGE_UNAVAILABLE, STORAGE_LOCKED, STORAGE_FULL, STORAGE_CORRUPT, STORAGE_FAILED.
 */
export interface Medium {
  readonly kind: string
  /** Takes hold of it and mends what a crash has left half written. */
  open(): Promise<void>
  read(): AsyncIterable<Uint8Array>
  append(records: readonly Uint8Array[]): Promise<void>
  /** Begins a checkpoint: what is appended from now on is the log behind it. One that was begun before is forgotten. */
  begin(): Promise<void>
  piece(record: Uint8Array): Promise<void>
  /** Makes the checkpoint the state, in one step. */
  publish(): Promise<void>
  /** Forgets everything that is stored. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Milliseconds for a page or worker that goes, as a reloaded one does, to let go. */
export const PATIENCE = 1000

const NAMES: Record<string, ErrorCode> = {
  QuotaExceededError: 'STORAGE_FULL', ENOSPC: 'STORAGE_FULL', EDQUOT: 'STORAGE_FULL', EFBIG: 'STORAGE_FULL',
  NoModificationAllowedError: 'STORAGE_LOCKED', EBUSY: 'STORAGE_LOCKED',
  SecurityError: 'STORAGE_UNAVAILABLE', EACCES: 'STORAGE_UNAVAILABLE', EROFS: 'STORAGE_UNAVAILABLE', EPERM: 'STORAGE_UNAVAILABLE',
}

/** An error of a host, as ours. */
export function storageError(error: unknown, doing: string, otherwise: ErrorCode = 'STORAGE_FAILED'): EddylineError {
  if (error instanceof EddylineError) return error
  const e = error as { name?: string; code?: unknown; message?: string } | null
  const code = NAMES[String(e?.code)] ?? NAMES[String(e?.name)] ?? otherwise
  return new EddylineError(code, `${doing}: ${e?.message ?? String(error)}`, { cause: error })
}

export const corrupt = (what: string): EddylineError => new EddylineError('STORAGE_CORRUPT', `the stored state is damaged: ${what}`)

export const closedError = (db: Database<any>): EddylineError => new EddylineError('CLOSED', `the database \`${db.name}\` is closed`)
