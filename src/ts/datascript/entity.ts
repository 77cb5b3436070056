// An entity as a map that is read when asked.
import type { Attribute } from '../datalog/catalog.js'
import type { DatabaseValue } from './database-value.js'

export class Entity {
  constructor(readonly db: DatabaseValue, readonly eid: number) {}

  /** A value, the entity that is referred to, or a list; null if there is none. `_attribute`: who refers here. */
  get(name: string): unknown {
    if (name === ':db/id') return this.eid
    const { face } = this.db.read()
    face.facts.current()
    const reverse = /(^|\/|:)_[^/]+$/.test(name)
    const attribute = face.catalog.find(reverse ? name.replace(/(^|\/|:)_([^/]+)$/, '$1$2') : name)
    if (attribute === undefined) return null
    if (reverse) {
      const owners = face.facts.entities(attribute, this.eid)
      return owners.length === 0 ? null : owners.map(e => new Entity(this.db, e as number))
    }
    return this.#values(attribute)
  }

  #values(attribute: Attribute): unknown {
    const values = this.db.read().face.facts.values(attribute, this.eid)
    if (values.length === 0) return null
    const shown = attribute.ref === true ? values.map(v => new Entity(this.db, v as number)) : values
    return attribute.many ? shown : shown[0]
  }

  entry_set(): [string, unknown][] {
    const { face } = this.db.read()
    face.facts.current()
    return face.catalog.facts().flatMap((a): [string, unknown][] => { const v = this.#values(a); return v === null ? [] : [[face.display(a), v]] })
  }
  key_set(): string[] { return this.entry_set().map(([k]) => k) }
  value_set(): unknown[] { return this.entry_set().map(([, v]) => v) }
  keys(): IterableIterator<string> { return this.key_set().values() }
  values(): IterableIterator<unknown> { return this.value_set().values() }
  entries(): IterableIterator<[string, unknown]> { return this.entry_set().values() }
  has(name: string): boolean { return this.get(name) !== null }
  forEach(fn: (this: any, value: unknown, name: string) => void, self?: unknown): void { for (const [name, value] of this.entry_set()) fn.call(self, value, name) }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Entity' }
}
