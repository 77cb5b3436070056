// What a database knows of what is stored.
import { EddylineError } from '../errors.js'
import { type StoredSchema, type Transaction, decodeTransaction, headOf } from './record.js'

/**
 * How far what is stored is this database's own, and what may be there that nobody was told of.
 *
 * Between a failure and `retry`, or between two, nobody may have kept others out: what they have stored is not written over. Numbers tell what is
 * behind only within one incarnation of a storage: who writes there has read it to its end, so it only grows. Who writes where there is none, or
 * drops it, begins another.
 */
export class Stored {
  /** The incarnation of the storage in which the numbers count. */
  incarnation: string | undefined = newIncarnation()
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

  /** Nothing that counts is stored: what is written now goes on from nothing that was. */
  beginAnew(): void {
    this.incarnation = newIncarnation()
    this.known = 0
    this.#tried.clear()
  }

  /** The whole state is stored as of this transaction, and nothing else. */
  rewritten(number: number): void {
    this.known = number
    this.#tried.clear()
    this.onMatched?.()
  }

  /**
   * Reads what is stored to its end; whether it is of this incarnation. Throws NOT_DURABLE for what somebody else has stored: what goes on behind all
   * that was written here, is of another incarnation, or of other tables. And what `goesOn` throws.
   */
  async look(records: AsyncIterable<Uint8Array>, goesOn: () => void): Promise<boolean> {
    const isRead = this.unread === undefined
    const last = this.unread ?? this.known
    let isFirst = true, isSame = false, isOther = false
    for await (const bytes of records) {
      goesOn()
      if (isFirst) {
        isFirst = false
        const head = this.#decoded(bytes)
        if (isRead && head?.schema !== undefined && !this.#hashes.has(head.schema.hash)) throw taken()
        isSame = head !== undefined && head.incarnation === this.incarnation
        isOther = head !== undefined && !isSame
      }
      const { number, checksum } = headOf(bytes)
      if (!isOther && (number <= last || this.#tried.has(checksum))) continue
      const t = this.#decoded(bytes)
      // The first record of a database that nothing was applied to holds a schema alone.
      if (t !== undefined && isFilled(t)) throw isRead ? taken() : unread()
    }
    return isSame
  }

  /** Damage is nothing that could be lost, unless it was never read. */
  #decoded(bytes: Uint8Array): Transaction | undefined {
    try { return decodeTransaction(bytes) } catch (error) {
      if (this.unread !== undefined) throw error
      return undefined
    }
  }
}

const newIncarnation = (): string => Array.from({ length: 2 }, () => Math.random().toString(36).slice(2)).join('')

/** Whether a transaction holds more than a schema. A whole state with nothing in it does, behind others: everything was deleted. */
export const isFilled = ({ number, fresh, batch, entries }: Transaction): boolean => batch !== undefined || Object.keys(entries ?? {}).length > 0 || fresh === true && number > 1

const taken = (): EddylineError => new EddylineError('NOT_DURABLE', 'another database has written to the storage since this one failed to: close this database and open it anew')
export const unread = (): EddylineError => new EddylineError('NOT_DURABLE', 'what is stored was never read here, and something was applied since: close this database and open it anew')
export const begunAnew = (): EddylineError => new EddylineError('NOT_DURABLE', 'what is stored was begun anew by another database, and is not what this tab has followed: reload this tab')
