import type { DurabilityStatus } from './durability.js'
import { tell } from './dispatch.js'

/** Who is told of each change of the status of a storage. */
export class StatusListeners {
  readonly #all = new Set<(status: DurabilityStatus) => void>()

  add(fn: (status: DurabilityStatus) => void): () => void {
    this.#all.add(fn)
    return () => { this.#all.delete(fn) }
  }

  tell(status: DurabilityStatus): void {
    for (const fn of [...this.#all]) tell(() => { fn(status) })
  }
}
