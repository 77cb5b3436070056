// Pull patterns: an entity's facts as a tree. Facts are looked up; what was looked up is noted, so that a tree can follow changes.
import type { PullAttribute, PullPattern } from './ast.js'
import type { Attribute, Catalog } from './catalog.js'
import { fault } from './lower/values.js'
import { keyOf } from './mirror.js'
import type { Facts } from './store.js'

/** Names of the lookups that a tree rests on. */
export type Touched = Set<string>
export const touchedEntity = (table: string, e: unknown): string => `${table}\u0000e\u0000${Array.isArray(e) ? JSON.stringify(e) : `${typeof e}${String(e)}`}`
export const touchedValue = (table: string, column: string, v: unknown): string => `${table}\u0000${column}\u0000${typeof v}${String(keyOf(v))}`

type Tree = Record<string, unknown>
/** A tree in the making: what it asks for is made before it goes on, so that trees may be as deep as they like. */
type Making = Generator<Making, Tree | null, Tree | null>

/** One pull on its way: which attributes repeat how often still, and into which entities they have gone, by whichever. */
interface Walk { readonly touched: Touched | undefined; readonly left: Map<PullAttribute | Attribute, number>; readonly seen: Set<unknown> }

const MOST_VALUES = 1000

export class Puller {
  /** Patterns that were found right. */
  readonly #checked = new WeakSet<PullPattern>()

  /** `open`: attributes that are not there are no mistake. */
  constructor(readonly facts: Facts, readonly catalog: Catalog, readonly display: (a: Attribute) => string, readonly open: boolean) {}

  /** Throws UNKNOWN_ATTRIBUTE, DATALOG_TYPE with the place for what no entity could have. */
  check(pattern: PullPattern): PullPattern {
    if (this.#checked.has(pattern)) return pattern
    for (const a of pattern.attributes) {
      const attribute = this.open ? this.catalog.find(a.name) : this.catalog.get(a.name, a.at)
      const isRef = attribute !== undefined && attribute.ref !== false
      const wrong = (why: string): Error => fault('DATALOG_TYPE', `\`:${a.name}\` ${why}`, a.at, a.name)
      if (a.reverse && !isRef && (attribute !== undefined || !this.open)) throw wrong('is no ref: nothing refers by it')
      if (a.nested !== undefined && !isRef) throw wrong('is no ref: there is nothing to be pulled from its values')
      if (typeof a.limit === 'number' && !a.reverse && attribute?.many === false) throw wrong('has one value: there is nothing to limit')
      if (typeof a.nested === 'object') this.check(a.nested)
    }
    this.#checked.add(pattern)
    return pattern
  }

  /** The tree, or null if nothing is known of what the pattern asks. `table`: whose row the entity is; without it, any that has such a key. */
  pull(pattern: PullPattern, e: unknown, table?: string, touched?: Touched): Tree | null {
    this.facts.current()
    this.check(pattern)
    const stack = [this.#entity(pattern, e, table, { touched, left: new Map(), seen: new Set() })]
    for (let made: Tree | null = null; ;) {
      const { done, value } = stack[stack.length - 1].next(made) as IteratorResult<Making, Tree | null>
      if (done !== true) { stack.push(value as Making); made = null; continue }
      made = value as Tree | null
      stack.pop()
      if (stack.length === 0) return made
    }
  }

  /** Whether anything is said about an entity. */
  isKnown(e: unknown, table?: string): boolean { return this.#all(e, table, undefined).some(a => this.facts.rows(a, e).length > 0) }

  * #entity(pattern: PullPattern, e: unknown, table: string | undefined, walk: Walk): Making {
    const out: Tree = {}
    const named = new Set(pattern.attributes.filter(a => !a.reverse).map(a => a.name))
    let known = false
    if (pattern.wildcard) {
      for (const attribute of this.#all(e, table, walk.touched)) {
        if (named.has(attribute.name)) continue
        const values = this.#values(attribute, e, walk)
        if (values.length === 0) continue
        known = true
        const shown: unknown[] = []
        for (const v of values.slice(0, MOST_VALUES)) shown.push(attribute.ref === false ? v : attribute.component ? yield* this.#component(pattern, v, attribute, walk) : { ':db/id': v })
        out[this.display(attribute)] = attribute.many ? shown : shown[0]
      }
    }
    for (const a of pattern.attributes) {
      const value = yield* this.#attribute(pattern, a, e, walk)
      if (value === undefined && a.fallback === undefined) continue
      out[a.as ?? (a.reverse ? this.#reverseName(a) : this.#nameOf(a))] = value ?? a.fallback
      known = true
    }
    const id = pattern.id || pattern.wildcard
    if (id) out[':db/id'] = e
    return known || id ? out : null
  }

  /** What an entity can have: facts, and the columns of the rows of which it is the key. */
  #all(e: unknown, table: string | undefined, touched: Touched | undefined): readonly Attribute[] {
    const facts = typeof e === 'number' ? this.catalog.facts() : []
    const of = table === undefined ? [] : this.catalog.ofTable(table)
    if (of.length > 0 && !of[0].fact) return [...of, ...facts]
    const rows = this.catalog.keyed(e).flatMap(t => {
      touched?.add(touchedEntity(t, e))
      return this.facts.mirror(t).get(Array.isArray(e) ? e : [e]) === undefined ? [] : this.catalog.ofTable(t)
    })
    return rows.length === 0 ? facts : [...rows, ...facts]
  }
  #nameOf(a: PullAttribute): string { const attribute = this.catalog.find(a.name); return attribute === undefined ? a.label : this.display(attribute) }
  #reverseName(a: PullAttribute): string {
    const name = this.#nameOf(a)
    const slash = name.lastIndexOf('/')
    return slash < 0 ? name.replace(/^(:?)/, '$1_') : `${name.slice(0, slash + 1)}_${name.slice(slash + 1)}`
  }

  /** A component is shown as its owner is: with everything. */
  * #component(pattern: PullPattern, v: unknown, attribute: Attribute, walk: Walk): Generator<Making, unknown, Tree | null> {
    const whole: PullPattern = { wildcard: true, id: true, attributes: [], at: pattern.at }
    this.#checked.add(whole)
    return yield* this.#into(attribute, Infinity, v, walk, () => this.#entity(whole, v, typeof attribute.ref === 'string' ? attribute.ref : undefined, walk))
  }

  /** Goes into an entity by something that repeats: so deep, and into each entity once on a way. */
  * #into(by: PullAttribute | Attribute, depth: number, v: unknown, { left, seen }: Walk, make: () => Making): Generator<Making, Tree | null, Tree | null> {
    const key = keyOf(v)
    if (seen.has(key)) return { ':db/id': v }
    const known = left.get(by)
    const rest = known ?? depth
    if (rest <= 0) return null
    left.set(by, rest - 1)
    seen.add(key)
    const made = yield make()
    seen.delete(key)
    if (known === undefined) left.delete(by)
    else left.set(by, known)
    return made
  }

  #values(attribute: Attribute, e: unknown, { touched }: Walk): unknown[] {
    touched?.add(touchedEntity(attribute.table, e))
    return this.facts.values(attribute, e)
  }

  * #attribute(pattern: PullPattern, a: PullAttribute, e: unknown, walk: Walk): Generator<Making, unknown, Tree | null> {
    const attribute = this.catalog.find(a.name)
    if (attribute === undefined) return undefined
    let values: unknown[]
    if (a.reverse) {
      walk.touched?.add(touchedValue(attribute.table, attribute.value.name, e))
      values = this.facts.entities(attribute, e)
    } else values = this.#values(attribute, e, walk)
    if (values.length === 0) return undefined
    const isList = a.reverse ? !attribute.component : attribute.many
    const most = !isList ? Infinity : a.limit === undefined ? MOST_VALUES : a.limit ?? Infinity
    const isRef = a.reverse || attribute.ref !== false
    const table = a.reverse ? (attribute.fact ? undefined : attribute.table) : typeof attribute.ref === 'string' ? attribute.ref : undefined
    let shown = values
    if (!isRef) { if (values.length > most) shown = values.slice(0, most) } else {
      shown = []
      for (const v of values) {
        // Who has nothing that is asked for takes no place.
        if (shown.length >= most) break
        const made = yield* this.#referred(pattern, a, attribute, v, table, walk)
        if (made !== null) shown.push(made)
      }
    }
    if (shown.length === 0) return undefined
    return isList ? shown : shown[0]
  }

  * #referred(pattern: PullPattern, a: PullAttribute, attribute: Attribute, v: unknown, table: string | undefined, walk: Walk): Generator<Making, unknown, Tree | null> {
    const { nested } = a
    if (nested === undefined) return attribute.component && !a.reverse ? yield* this.#component(pattern, v, attribute, walk) : { ':db/id': v }
    if (typeof nested !== 'number') return yield this.#entity(nested, v, table, walk)
    // The pattern that it stands in, again.
    return yield* this.#into(a, nested, v, walk, () => this.#entity(pattern, v, table, walk))
  }
}
