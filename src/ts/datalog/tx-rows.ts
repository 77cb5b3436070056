// Rows of tables within a transaction: attributes that are columns.
import type { Attribute, Catalog } from './catalog.js'
import { type Row, keyOf } from './mirror.js'
import type { Facts } from './store.js'
import { RowKey, Unnamed, said, txError } from './tx-data.js'
import { normalized } from './tx-values.js'

/** A row as it was, and is to be: null if it goes. */
export interface PendingRow {
  readonly key: readonly unknown[]
  readonly before: Row | undefined
  now: Row | null | undefined
  /** Where the data is about it, and about its columns: for errors. */
  readonly path: Place
  readonly columns: Map<string, Place>
}
/** A place in transaction data, or the how many-th fact of a source. */
export type Place = string | number

/** What a row is called: the value of its key, or a list of them. */
const nameOf = ({ key }: PendingRow): unknown => key.length === 1 ? key[0] : key

export class PendingRows {
  readonly #rows = new Map<string, Map<string, PendingRow>>()
  /** Of a source: the fact that is worked on. */
  at: number | undefined

  /** `note` is told each fact that comes or goes. */
  constructor(readonly facts: Facts, readonly catalog: Catalog, readonly display: (a: Attribute) => string, readonly note: (e: unknown, a: string, v: unknown, added: boolean) => void) {}

  /** All rows that were looked at, by table. */
  * all(): Generator<[table: string, row: PendingRow]> {
    for (const [table, rows] of this.#rows) for (const row of rows.values()) yield [table, row]
  }

  /** The key of a row: as given, or by `[attribute value]`. A tempid is none. */
  #key({ table, entity }: Pick<Attribute, 'table' | 'entity'>, e: unknown, path: string): readonly unknown[] {
    if (!Array.isArray(e)) {
      if (e instanceof RowKey) return e.key
      if (typeof e === 'symbol' || typeof e === 'function' || e === undefined || e === null) throw txError('TX_INVALID', `\`${said(e)}\` is no key of a row of \`${table}\``, path, said(e))
      if ((typeof e === 'number' && e < 0) || e instanceof Unnamed) throw txError('TX_INVALID', `a tempid cannot name a row of \`${table}\`: say its key, \`${entity.map(c => `:${table}/${c.name}`).join('`, `')}\``, path, e instanceof Unnamed ? undefined : String(e))
      return [e]
    }
    const by = entity.length === 1 && e.length === 2 && typeof e[0] === 'string' ? this.catalog.find(e[0]) : undefined
    return by !== undefined && by.unique !== false && by.table === table ? [normalized(by, e[1], path)] : e
  }

  /** A row as it is while the transaction is worked out. */
  row(attribute: Pick<Attribute, 'table' | 'entity'>, e: unknown, path: string): PendingRow {
    const key = this.#key(attribute, e, path)
    let rows = this.#rows.get(attribute.table)
    if (rows === undefined) this.#rows.set(attribute.table, rows = new Map())
    const id = JSON.stringify(key.map(k => String(keyOf(k))))
    let row = rows.get(id)
    if (row === undefined) {
      const before = this.facts.mirror(attribute.table).get(key)
      rows.set(id, row = { key, before, now: before as Row, path: this.at ?? path, columns: new Map() })
    }
    return row
  }

  /** Gives a column a value; the row comes into being if it was not there. */
  set(attribute: Attribute, e: unknown, v: unknown, path: string): void {
    const value = normalized(attribute, v, path)
    const row = this.row(attribute, e, path)
    if (row.now === null || row.now === undefined) {
      if (attribute.entity.length !== row.key.length) throw txError('TX_INVALID', `rows of \`${attribute.table}\` have a key of ${attribute.entity.length} columns`, path)
      row.now = Object.fromEntries(attribute.entity.map((c, i) => [c.name, row.key[i]]))
      for (const a of this.catalog.ofTable(attribute.table)) if (Object.hasOwn(row.now, a.value.name)) this.note(nameOf(row), this.display(a), row.now[a.value.name], true)
    }
    row.columns.set(attribute.value.name, this.at ?? path)
    const isKey = attribute.entity.some(c => c.name === attribute.value.name)
    if (isKey && keyOf(row.now[attribute.value.name]) !== keyOf(value)) throw txError('TX_INVALID', `\`:${attribute.name}\` is the key of the row and cannot change`, path)
    if (!isKey) this.assign(attribute, row, value)
  }

  /** Gives a column of a row that is there a value, or null. */
  assign(attribute: Attribute, row: PendingRow, value: unknown): void {
    const old = row.now![attribute.value.name]
    if (keyOf(old) === keyOf(value)) return
    row.now = { ...row.now!, [attribute.value.name]: value }
    const e = nameOf(row)
    const a = this.display(attribute)
    if (old !== null && old !== undefined) this.note(e, a, old, false)
    if (value !== null) this.note(e, a, value, true)
  }

  /** Deletes a row. */
  drop(table: string, entity: unknown, path: string): void {
    const [attribute] = this.catalog.ofTable(table)
    const row = this.row(attribute, entity, path)
    const e = nameOf(row)
    for (const a of this.catalog.ofTable(table)) {
      const v = row.now?.[a.value.name]
      if (v !== null && v !== undefined) this.note(e, this.display(a), v, false)
    }
    row.now = null
  }
}
