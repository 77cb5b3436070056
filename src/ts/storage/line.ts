// Transactions on their way to the medium.
import type { EddylineError } from '../errors.js'
import type { Medium } from './medium.js'
import { type Transaction, encodeTransaction } from './record.js'
import type { Stored } from './stored.js'
import { Writer } from './writer.js'

/** Told of each transaction when it is durable: other tabs. */
export type Told = (transaction: Transaction) => void

/** Those that are not written yet, in order, and whether any are: nothing is behind a write that has failed. */
export class Line {
  readonly writer: Writer
  onDurable: Told | undefined
  /** Whether what is applied is written: also behind a state that is not published yet, while the status is still `'memory'`. */
  isOpen = true
  #unwritten: Transaction[] = []
  /** Transactions of versions whose bytes nobody has asked for yet. */
  #growing: { readonly version: number; readonly transaction: Transaction }[] = []

  constructor(medium: Medium, readonly stored: Stored, onFailure: (error: EddylineError) => void, onWritten: () => void) {
    this.writer = new Writer(medium, onFailure, count => {
      const written = this.#unwritten.splice(0, count)
      stored.known = written[written.length - 1].number
      if (this.onDurable !== undefined) for (const t of written) this.onDurable(t)
      onWritten()
    })
  }

  push(t: Transaction, version?: number): void {
    if (!this.isOpen) { this.onDurable?.(t); return }
    this.#unwritten.push(t)
    if (version !== undefined) this.#growing.push({ version, transaction: t })
    // What listeners of the version add is part of it: `amend`.
    this.writer.push(() => {
      if (this.#growing[0]?.transaction === t) this.#growing.shift()
      return encodeTransaction(t)
    })
  }

  /** The transaction of a version, while something can be added to it. */
  growing(version: number): Transaction | undefined { return this.#growing.findLast(o => o.version === version)?.transaction }

  /** A write has failed: what waits will not be durable, and what comes is not written. */
  stop(): void {
    const lost = this.#unwritten
    this.#unwritten = []
    this.#growing = []
    this.isOpen = false
    for (const record of this.writer.tried) this.stored.tries(record)
    // Nobody waits for what will not be durable; who hears of the failure may apply what comes behind it.
    if (this.onDurable !== undefined) for (const t of lost) this.onDurable(t)
  }

  /** What comes from now on is written again. */
  restart(): void {
    this.writer.reset()
    this.#unwritten = []
    this.#growing = []
    this.isOpen = true
  }
}
