// Components while transaction data is read: what goes with an entity that is retracted.
import type { Attribute } from './catalog.js'

/** Which components entities have at a point of the data: those from before it, with what it has said so far. */
export class Parts {
  readonly #of = new Map<Attribute, Map<number, Set<number>>>()

  /** `values`: those from before; `components`: the attributes whose values go with their entity. */
  constructor(readonly values: (attribute: Attribute, e: number) => readonly unknown[], readonly components: readonly Attribute[]) {}

  /** The components of an entity by an attribute, to be changed. */
  of(attribute: Attribute, e: number): Set<number> {
    let of = this.#of.get(attribute)
    if (of === undefined) this.#of.set(attribute, of = new Map())
    let parts = of.get(e)
    if (parts === undefined) of.set(e, parts = new Set(this.values(attribute, e) as readonly number[]))
    return parts
  }

  add(attribute: Attribute, e: number, part: number): void {
    const parts = this.of(attribute, e)
    if (!attribute.many) parts.clear()
    parts.add(part)
  }

  /** Takes an entity away with all that goes with it: these entities. */
  take(entity: number): ReadonlySet<number> {
    const all = new Set([entity])
    // A set that grows while it is gone through: components of components.
    for (const e of all) {
      for (const attribute of this.components) {
        const parts = this.of(attribute, e)
        for (const part of parts) all.add(part)
        parts.clear()
      }
    }
    return all
  }
}
