// Rows that somebody waits for, because an answer that was asked for before they come is old.
import type { Inside } from './database.js'
import { hasCome, keyText, layoutOf, waitFor, waitNoMore } from './row-by-key.js'

interface Awaited { readonly row: readonly [table: string, id: unknown, tenant: string | undefined]; readonly waiting: Map<object, () => void> }

/**
 * Tells when a batch brings (or deletes) a row, by whatever way and even if it is as it was. The engine tells once; here
 * several may wait for one row. Cost of a batch that brings a row: a look-up per row waited for.
 */
export class Arrivals {
  readonly #rows = new Map<string, Awaited>()

  constructor(readonly inside: Inside) {}

  /** Calls `fn` once, when a batch brings the row; instead of what the same `owner` gave before. Throws what `apply` finds wrong with the key. */
  wait(owner: object, table: string, id: unknown, tenant: string | undefined, fn: () => void): void {
    const { inside } = this
    waitFor(inside, table, id, tenant)
    const name = JSON.stringify([table, tenant, keyText(layoutOf(inside, table), id)])
    let awaited = this.#rows.get(name)
    if (awaited === undefined) this.#rows.set(name, awaited = { row: [table, id, tenant], waiting: new Map() })
    awaited.waiting.set(owner, fn)
  }

  /** The owner waits for nothing any more. */
  leave(owner: object): void {
    for (const [name, { row, waiting }] of this.#rows) {
      if (!waiting.delete(owner) || waiting.size > 0) continue
      this.#rows.delete(name)
      if (this.inside.port.dead === undefined) waitNoMore(this.inside, ...row)
    }
  }

  /** A version brought rows that are waited for. */
  came(): void {
    for (const [name, { row, waiting }] of [...this.#rows]) {
      if (!hasCome(this.inside, ...row)) continue
      this.#rows.delete(name)
      for (const fn of waiting.values()) fn()
    }
  }
}
