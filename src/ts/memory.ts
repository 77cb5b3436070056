// The memory budget: what the engine refuses, and who is asked to make room.
import { later } from './breathe.js'
import type { LooseBatch, LooseChange } from './changes.js'
import { EddylineError, codedError } from './errors.js'

/** Bytes, as `db.stats()` counts them in `allocatedBytes`. */
export interface Pressure {
  /** What would be in use with the rows of the batch that waits; without one what is in use. */
  readonly needed: number
  readonly budget: number
  /** A batch waits for room. */
  readonly waits: boolean
}

/** Changes that delete rows, for the database to apply. */
export type Relief = readonly LooseChange[] | LooseBatch | void

export interface MemoryOptions {
  /**
   * Bytes of the engine's memory that may be in use (`stats().allocatedBytes`; the databases of a page share it). A batch whose rows
   * do not fit is refused with MEMORY_BUDGET, and nothing of it is applied; deletes and what does not grow the tables always pass.
   */
  budget: number
  /**
   * Called before a batch is refused, and after a version whose queries need more than the budget: dispose queries, apply
   * deletes, or return changes that delete rows. A batch that waits is tried once more.
   */
  onPressure?: ((pressure: Pressure) => Relief) | undefined
}

/** What the budget needs of its database. */
export interface MemoryHost {
  /** Sets the limit; bytes in use. */
  limit(bytes: number): number
  apply(changes: readonly LooseChange[] | LooseBatch): void
  /** Drops queries that nobody uses any more and that wait for their time. */
  drop(): void
  /** Outside of any transaction that is being put together. */
  aside(fn: () => void): void
  failed(error: unknown): void
}

export class Budget {
  /** The hook is at work: what it applies is refused without asking it again. */
  #asking = false
  #soon = false
  /** What was in use when it was last asked about what is in use already. */
  #told = 0

  constructor(readonly options: MemoryOptions, readonly host: MemoryHost) {}

  /** From now on; what is there already may be too much: then the hook is called when the database has been handed out. */
  begin(): void {
    if (this.#set() <= this.options.budget) return
    later(() => { this.#relieve() })
  }

  /** Runs what the budget must not refuse: rows that are in the state of others already. */
  without<T>(run: () => T): T {
    this.host.limit(Infinity)
    try { return run() } finally { this.#set() }
  }

  /** Whether a batch that was refused may be tried once more. Throws MEMORY_BUDGET with the hook's error as its cause. */
  makesRoom(error: unknown): boolean {
    const refused = codedError(error)
    if (refused?.code !== 'MEMORY_BUDGET' || this.#asking) return false
    this.host.drop()
    try { this.#ask(refused.needed!, true) } catch (cause) {
      throw new EddylineError('MEMORY_BUDGET', refused.message, { needed: refused.needed, budget: refused.budget, cause })
    }
    return true
  }

  /** A version led over it: asked once the present task is done, and again only when more is in use than then. */
  over(): void {
    if (this.#soon || this.#asking) return
    this.#soon = true
    queueMicrotask(() => {
      this.#soon = false
      this.#relieve()
    })
  }

  #set(): number { return this.host.limit(this.options.budget) }

  #relieve(): void {
    try {
      this.host.drop()
      const used = this.#set()
      if (used <= this.options.budget) { this.#told = 0; return }
      if (used <= this.#told) return
      this.#ask(used, false)
      this.#told = this.#set()
    } catch (error) { this.host.failed(error) }
  }

  #ask(needed: number, waits: boolean): void {
    const { budget, onPressure } = this.options
    if (onPressure === undefined) return
    this.#asking = true
    try {
      this.host.aside(() => {
        const changes = onPressure({ needed, budget, waits })
        if (changes != null) this.host.apply(changes)
      })
      this.host.drop()
    } finally { this.#asking = false }
  }
}
