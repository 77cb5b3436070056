// The facts of a database for those who look single ones up: mirrors of tables, made when first asked.
import type { Database } from '../database.js'
import type { QueryLike } from '../query/builder.js'
import type { QueryJson } from '../query/types.js'
import type { Attribute, Catalog } from './catalog.js'
import { Mirror, type Row, keyOf } from './mirror.js'
import { Positions, TX0 } from './positions.js'


/** Reads facts by entity and by value. */
export class Facts {
  readonly #mirrors = new Map<string, Mirror>()
  readonly #own = new Set<number>()
  /** Versions up to this one are in the mirrors. */
  #seen: number
  #largest: { rows: readonly Row[]; dispose(): void } | undefined
  readonly #stop: () => void
  readonly positions: Positions

  constructor(readonly db: Database<any>, readonly catalog: Catalog) {
    this.positions = new Positions(db, catalog.hasInputs)
    this.#seen = db.version
    this.#stop = db.subscribe(report => {
      this.#own.delete(report.version)
      if (report.version > this.#seen) this.#seen = report.version
    })
  }

  /** To be called before facts are read: inside of listeners versions may not have been told yet. */
  current(): void {
    if (this.#seen >= this.db.version) return
    for (const mirror of this.#mirrors.values()) mirror.rebuild()
    this.#seen = this.db.version
  }

  /** Runs a commit whose writes the mirrors know already. */
  committing<T>(commit: () => T): T {
    const version = this.db.version + 1
    const before = this.#seen
    this.#own.add(version)
    this.#seen = version
    try { return commit() } catch (e) {
      this.#own.delete(version)
      this.#seen = before
      throw e
    }
  }

  mirror(table: string): Mirror {
    const known = this.#mirrors.get(table)
    if (known !== undefined) return known
    this.current()
    const json = this.db.schema.json.tables.find((t: { name: string }) => t.name === table)!
    const made = new Mirror(this.db, table, json.key, version => this.#own.has(version))
    this.#mirrors.set(table, made)
    return made
  }
  get made(): IterableIterator<Mirror> { return this.#mirrors.values() }

  /** The rows that hold an attribute's facts about an entity. */
  rows(attribute: Attribute, e: unknown): readonly Row[] {
    const mirror = this.mirror(attribute.table)
    if (attribute.fact) return mirror.by('e', e)
    const row = mirror.get(Array.isArray(e) ? e : [e])
    return row === undefined || row[attribute.value.name] === null ? [] : [row]
  }

  /** Values of an attribute; several in ascending order. */
  values(attribute: Attribute, e: unknown): unknown[] {
    const rows = this.rows(attribute, e).map(r => r[attribute.value.name])
    return rows.length < 2 ? rows : rows.sort((a, b) => (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0)
  }

  /** Entities of which an attribute has a value, ascending. */
  entities(attribute: Attribute, value: unknown): unknown[] {
    const rows = this.mirror(attribute.table).by(attribute.value.name, value)
    const of = (r: Row): unknown => attribute.entity.length === 1 ? r[attribute.entity[0].name] : attribute.entity.map(c => r[c.name])
    return rows.map(of).sort((a, b) => (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0)
  }

  /** The largest entity that facts are or were about, transactions left out. */
  largestEntity(): number {
    this.#largest ??= this.#watchLargest()
    let most = this.positions.entities
    for (const { m } of this.#largest?.rows ?? []) if (typeof m === 'number' && m > most) most = m
    return most
  }

  /** Kept up by the engine: the maximum of each column that names entities. */
  #watchLargest(): { rows: readonly Row[]; dispose(): void } | undefined {
    const columns = this.catalog.facts().flatMap(a => a.ref === true ? [[a.table, 'e'], [a.table, 'v']] : [[a.table, 'e']])
    if (columns.length === 0) return undefined
    const inputs = columns.map(([table, name]): QueryJson => {
      const col = { op: 'col', name }
      return { from: table, where: { op: '<', args: [col, { op: 'lit', value: TX0 }] }, groupBy: [], select: [{ name: 'm', expr: { op: 'agg', name: 'max', args: [col] } }] }
    })
    const json: QueryJson = inputs.length === 1 ? inputs[0] : { setOp: 'union', inputs }
    return this.db.live({ toJSON: () => json } as QueryLike<Row>, { label: 'datalog:largest' })
  }

  close(): void {
    this.#stop()
    for (const mirror of this.#mirrors.values()) mirror.close()
    this.#largest?.dispose()
  }
}

export { TX0, keyOf }
