// Pull patterns: an entity's facts as a tree. Facts are looked up; what was looked up is noted, so that a tree can follow changes.
import type { PullAttribute, PullPattern } from './ast.js'
import type { Attribute, Catalog } from './catalog.js'
import { keyOf } from './mirror.js'
import type { Facts } from './store.js'

/** Names of the lookups that a tree rests on. */
export type Touched = Set<string>
export const touchedEntity = (table: string, e: unknown): string => `${table}\u0000e\u0000${Array.isArray(e) ? JSON.stringify(e) : `${typeof e}${String(e)}`}`
export const touchedValue = (table: string, column: string, v: unknown): string => `${table}\u0000${column}\u0000${typeof v}${String(keyOf(v))}`

const MOST_VALUES = 1000

export class Puller {
  constructor(readonly facts: Facts, readonly catalog: Catalog, readonly display: (a: Attribute) => string) {}

  /** The tree, or null if nothing is known of what the pattern asks. `table`: whose row the entity is; facts otherwise. */
  pull(pattern: PullPattern, e: unknown, table?: string, touched?: Touched): Record<string, unknown> | null {
    this.facts.current()
    return this.#entity(pattern, e, table, touched, new Map())
  }

  #entity(pattern: PullPattern, e: unknown, table: string | undefined, touched: Touched | undefined, depths: ReadonlyMap<PullAttribute, { left: number; seen: ReadonlySet<unknown> }>): Record<string, unknown> | null {
    const out: Record<string, unknown> = {}
    const named = new Set(pattern.attributes.filter(a => !a.reverse).map(a => a.name))
    let known = false
    if (pattern.wildcard) {
      for (const attribute of this.#all(table)) {
        if (named.has(attribute.name)) continue
        const values = this.#values(attribute, e, touched)
        if (values.length === 0) continue
        known = true
        const shown = values.slice(0, MOST_VALUES).map(v => attribute.ref === false ? v : attribute.component ? this.#component(pattern, v, attribute, touched, depths) : { ':db/id': v })
        out[this.display(attribute)] = attribute.many ? shown : shown[0]
      }
    }
    for (const a of pattern.attributes) {
      const value = this.#attribute(pattern, a, e, touched, depths)
      if (value !== undefined) { out[a.as ?? (a.reverse ? this.#reverseName(a) : this.#nameOf(a))] = value; known = true }
      else if (a.fallback !== undefined) { out[a.as ?? (a.reverse ? this.#reverseName(a) : this.#nameOf(a))] = a.fallback; known = true }
    }
    const id = pattern.id || pattern.wildcard
    if (id) out[':db/id'] = e
    return known || id ? out : null
  }

  #all(table: string | undefined): readonly Attribute[] {
    const of = table === undefined ? [] : this.catalog.ofTable(table)
    return of.length > 0 && !of[0].fact ? of : this.catalog.facts()
  }
  #nameOf(a: PullAttribute): string { const attribute = this.catalog.find(a.name); return attribute === undefined ? a.label : this.display(attribute) }
  #reverseName(a: PullAttribute): string {
    const name = this.#nameOf(a)
    const slash = name.lastIndexOf('/')
    return slash < 0 ? name.replace(/^(:?)/, '$1_') : `${name.slice(0, slash + 1)}_${name.slice(slash + 1)}`
  }

  /** A component is shown as its owner is: with everything. */
  #component(pattern: PullPattern, v: unknown, attribute: Attribute, touched: Touched | undefined, depths: ReadonlyMap<PullAttribute, { left: number; seen: ReadonlySet<unknown> }>): unknown {
    return this.#entity({ wildcard: true, id: true, attributes: [], at: pattern.at }, v, typeof attribute.ref === 'string' ? attribute.ref : undefined, touched, depths) ?? { ':db/id': v }
  }

  #values(attribute: Attribute, e: unknown, touched: Touched | undefined): unknown[] {
    touched?.add(touchedEntity(attribute.table, e))
    return this.facts.values(attribute, e)
  }

  #attribute(pattern: PullPattern, a: PullAttribute, e: unknown, touched: Touched | undefined, depths: ReadonlyMap<PullAttribute, { left: number; seen: ReadonlySet<unknown> }>): unknown {
    const attribute = this.catalog.find(a.name)
    if (attribute === undefined) return undefined
    let values: unknown[]
    if (a.reverse) {
      touched?.add(touchedValue(attribute.table, attribute.value.name, e))
      values = this.facts.entities(attribute, e)
    } else values = this.#values(attribute, e, touched)
    if (values.length === 0) return undefined
    const isList = a.reverse ? !attribute.component : attribute.many
    const most = a.limit === undefined ? MOST_VALUES : a.limit
    if (isList && most !== null) values = values.slice(0, most)
    const isRef = a.reverse || attribute.ref !== false
    const table = a.reverse ? (attribute.fact ? undefined : attribute.table) : typeof attribute.ref === 'string' ? attribute.ref : undefined
    const shown = !isRef ? values : values.map(v => this.#referred(pattern, a, attribute, v, table, touched, depths)).filter(v => v !== null)
    if (shown.length === 0) return undefined
    return isList ? shown : shown[0]
  }

  #referred(pattern: PullPattern, a: PullAttribute, attribute: Attribute, v: unknown, table: string | undefined, touched: Touched | undefined, depths: ReadonlyMap<PullAttribute, { left: number; seen: ReadonlySet<unknown> }>): unknown {
    if (a.nested === undefined) return attribute.component && !a.reverse ? this.#component(pattern, v, attribute, touched, depths) : { ':db/id': v }
    if (typeof a.nested !== 'number') return this.#entity(a.nested, v, table, touched, depths)
    // The pattern that it stands in, again: so deep, and into each entity once on a way.
    const known = depths.get(a) ?? { left: a.nested, seen: new Set<unknown>() }
    if (known.seen.has(keyOf(v))) return { ':db/id': v }
    if (known.left <= 0) return null
    const next = new Map(depths).set(a, { left: known.left - 1, seen: new Set([...known.seen, keyOf(v)]) })
    return this.#entity(pattern, v, table, touched, next)
  }
}
