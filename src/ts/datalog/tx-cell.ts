// The values of one entity and attribute while a transaction is worked out: what is stored, and what is another way by now.
import type { Attribute } from './catalog.js'
import { type Row, keyOf } from './mirror.js'
import type { Facts } from './store.js'
import type { Place } from './tx-rows.js'

/** A value, the transaction that it is of, and where the data says it. */
export interface Held { readonly v: unknown; readonly tx: number; readonly path?: Place }
/** A value that was told about: what is stored of it, and what it is now. */
export interface Told { readonly v: unknown; readonly before: Row | undefined; now: Held | undefined }

/** Cost: a look-up per value that is told about; all values are only read by who asks for all. */
export class Cell {
  readonly #told = new Map<unknown, Told>()

  constructor(readonly facts: Facts, readonly attribute: Attribute, readonly e: number) {}

  /** What is stored of a value. */
  before(v: unknown): Row | undefined {
    const told = this.#told.get(keyOf(v))
    return told === undefined ? this.#stored(v) : told.before
  }

  get(v: unknown): Held | undefined {
    const told = this.#told.get(keyOf(v))
    return told === undefined ? held(this.#stored(v)) : told.now
  }

  /** The value is there from now on, or gone. */
  set(v: unknown, now: Held | undefined): void {
    const key = keyOf(v), told = this.#told.get(key)
    if (told === undefined) this.#told.set(key, { v, before: this.#stored(v), now })
    else told.now = now
  }

  /** All values that are there now. */
  all(): unknown[] {
    const stored = this.facts.rows(this.attribute, this.e).map(row => row.v).filter(v => !this.#told.has(keyOf(v)))
    return [...stored, ...[...this.#told.values()].filter(told => told.now !== undefined).map(told => told.now!.v)]
  }

  told(): IterableIterator<Told> { return this.#told.values() }

  #stored(v: unknown): Row | undefined {
    const { facts, attribute, e } = this
    if (attribute.many) return facts.mirror(attribute.table).get([e, v])
    const row = facts.rows(attribute, e)[0] as Row | undefined
    return row !== undefined && keyOf(row.v) === keyOf(v) ? row : undefined
  }
}

function held(row: Row | undefined): Held | undefined { return row === undefined ? undefined : { v: row.v, tx: row.tx as number } }
