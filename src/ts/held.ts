// Objects by name, each for as long as somebody holds it.
import { WEAK } from './unread.js'

/** Fewer names do no harm. */
const FEW = 64

/** What is asked for again is the same object, unless nobody can tell. Without weak references, which some hosts lack, all of them stay. */
export class Held<T extends object> {
  readonly #refs = new Map<string | undefined, { deref(): T | undefined }>()
  #most = FEW

  get(name: string | undefined): T | undefined { return this.#refs.get(name)?.deref() }

  set(name: string | undefined, object: T): void {
    const refs = this.#refs
    if (refs.size >= this.#most) {
      for (const [other, ref] of refs) if (ref.deref() === undefined) refs.delete(other)
      this.#most = FEW + 2 * refs.size
    }
    refs.set(name, WEAK ? new WeakRef(object) : { deref: () => object })
  }

  delete(name: string | undefined): void { this.#refs.delete(name) }

  /** Those that there are. */
  all(): T[] { return [...this.#refs.values()].map(ref => ref.deref()).filter(object => object !== undefined) }
}
