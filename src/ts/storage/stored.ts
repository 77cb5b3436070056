// What a database knows of what is stored.
import { EddylineError } from '../errors.js'
import { type StoredSchema, type Transaction, decodeTransaction, headOf } from './record.js'

/**
 * How far what is stored is this database's own, and what may be there that nobody was told of.
 *
 * Between a failure and `retry`, or between two, nobody may have kept others out: what they have stored is not written over.
 */
export class Stored {
  /** Number of the last transaction that is stored for certain. */
  known = 0
  /** What is stored was never read here: it ends behind this transaction for all that is known, and is not to be written over. */
  unread: number | undefined
  /** Told when what is stored and what is here have become one behind transaction `known`: it was read late, or written anew. */
  onMatched: (() => void) | undefined
  /** Checksums of records that may be stored though nobody was told so. */
  readonly #tried = new Set<number>()
  /** Hashes of the tables that what is stored may be of, for all that was done here. */
  readonly #hashes: Set<string>

  constructor({ hash }: StoredSchema) { this.#hashes = new Set([hash]) }

  /** What is stored is of these tables. */
  isOf({ hash }: StoredSchema): void { this.#hashes.add(hash) }

  /** A record goes to the medium. */
  tries(record: Uint8Array): void { this.#tried.add(headOf(record).checksum) }

  /** The whole state is stored as of this transaction, and nothing else. */
  rewritten(number: number): void {
    this.known = number
    this.#tried.clear()
    this.onMatched?.()
  }

  /** Reads what is stored to its end. Throws NOT_DURABLE for what somebody else has stored, and what `goesOn` throws. */
  async look(records: AsyncIterable<Uint8Array>, goesOn: () => void): Promise<void> {
    let isFirst = true
    for await (const bytes of records) {
      goesOn()
      if (this.#isOthers(bytes, isFirst)) throw this.unread === undefined ? taken() : unread()
      isFirst = false
    }
  }

  /** Whether a record is of what somebody else has stored: it goes on behind all that was written here, or is of other tables. */
  #isOthers(bytes: Uint8Array, isFirst: boolean): boolean {
    const { number, checksum } = headOf(bytes)
    const isOwn = number <= (this.unread ?? this.known) || this.#tried.has(checksum)
    if (isOwn && !isFirst && this.unread === undefined) return false
    let t: Transaction
    try { t = decodeTransaction(bytes) } catch (error) {
      if (this.unread !== undefined) throw error
      return false
    }
    // The first record of a database that nothing was applied to holds a schema alone.
    return !isOwn && isFilled(t) || this.unread === undefined && t.schema !== undefined && !this.#hashes.has(t.schema.hash)
  }
}

/** Whether a transaction holds more than a schema. */
export const isFilled = ({ batch, entries }: Transaction): boolean => batch !== undefined || Object.keys(entries ?? {}).length > 0

const taken = (): EddylineError => new EddylineError('NOT_DURABLE', 'another database has written to the storage since this one failed to: close this database and open it anew')
export const unread = (): EddylineError => new EddylineError('NOT_DURABLE', 'what is stored was never read here, and something was applied since: close this database and open it anew')
