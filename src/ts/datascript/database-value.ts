// Database values: immutable, though the engine moves on. The newest one of a line is the engine's present; older ones are made again when asked.
import { type Datom, type DataScriptSchema, Store } from './store.js'
import type { Database } from '../database.js'

export class DatabaseValue {
  /** What came after this value: kept as long as this value is, and no longer. */
  next: { readonly datoms: readonly Datom[]; readonly db: DatabaseValue } | undefined
  #own: Store | undefined
  /** The largest number that an entity had so far. */
  readonly #entities: number
  /** The last transaction, whether anything is left of it or not. */
  readonly #tx: number

  constructor(readonly seed: Database<any>, readonly schema: DataScriptSchema, private store: Store) {
    this.#entities = store.entities
    this.#tx = store.face.lastTx
  }

  /** The store whose present is this value. */
  read(): Store {
    if (this.#own !== undefined) return this.#own
    return this.next === undefined ? this.store : this.#own = this.fork()
  }

  /** A store of its own with the same facts. */
  fork(): Store {
    const made = new Store(this.seed, this.schema)
    made.load(this.datoms())
    made.reserve(this.#entities, this.#tx)
    return made
  }

  /** The facts of this value: those of the present without what came since. */
  datoms(): Datom[] {
    if (this.#own !== undefined) return this.#own.datoms()
    const steps: (readonly Datom[])[] = []
    for (let at: DatabaseValue = this; at.next !== undefined; at = at.next.db) steps.push(at.next.datoms)
    const id = (d: Datom): string => `${d.e} ${d.a} ${typeof d.v} ${d.v instanceof Date ? d.v.getTime() : typeof d.v === 'object' ? JSON.stringify(d.v) : String(d.v)}`
    const all = new Map(this.store.datoms().map(d => [id(d), d]))
    for (const datoms of steps.reverse()) for (const d of datoms) {
      if (d.added) all.delete(id(d))
      else all.set(id(d), { e: d.e, a: d.a, v: d.v, tx: d.since ?? d.tx, added: true })
    }
    return [...all.values()]
  }

  /** The value after a transaction on the store that this is the present of. */
  moved(datoms: readonly Datom[]): DatabaseValue {
    const after = new DatabaseValue(this.seed, this.schema, this.store)
    this.next = { datoms, db: after }
    return after
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'DatabaseValue' }
}
