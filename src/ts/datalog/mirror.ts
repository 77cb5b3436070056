// Rows of a table by key and by column: what transactions and pull patterns look facts up in.
import type { Database } from '../database.js'
import type { LiveEvent } from '../dispatch.js'
import type { LiveQuery } from '../live-query.js'
import type { QueryLike } from '../query/builder.js'

export type Row = Record<string, unknown>
/** Called with the rows that left and came, whatever the reason. */
export type MirrorListener = (removed: readonly Row[], added: readonly Row[]) => void

/** A value as a key of a map: equal values have equal keys. */
export function keyOf(v: unknown): unknown {
  if (typeof v === 'bigint') return Number.isSafeInteger(Number(v)) ? Number(v) : v
  if (v instanceof Date) return `d${v.getTime()}`
  if (v instanceof Uint8Array) return `x${v.join()}`
  return typeof v === 'object' && v !== null ? `j${canonical(v)}` : v
}
function canonical(v: unknown): string {
  return JSON.stringify(v, (_, x: unknown) => typeof x === 'object' && x !== null && !Array.isArray(x) ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => a < b ? -1 : 1)) : x)
}
/** Several values as one key: texts say how long they are, so that no two keys are alike. */
function composite(values: readonly unknown[]): string {
  let out = ''
  for (const v of values) {
    const k = keyOf(v)
    out += typeof k === 'string' ? `${k.length}:${k}` : `${typeof k === 'number' ? '' : typeof k}${String(k)},`
  }
  return out
}

/**
 * One table as maps. Built when first asked, from a live query; kept right by its patches, and by writes that are told ahead of
 * their commit, so that a listener that reads sees what it was told of.
 *
 * Cost: the rows as objects, an entry per row and index; a lookup is one of a map.
 */
export class Mirror {
  readonly #rows = new Map<unknown, Row>()
  readonly #indexes = new Map<string, Map<unknown, Rows>>()
  readonly #live: LiveQuery<Row>
  readonly #listeners = new Set<MirrorListener>()
  /** Versions up to this one are in the maps; later ones that are not ours come as events. */
  #since = -1

  constructor(readonly db: Database<any>, readonly table: string, readonly key: readonly string[], readonly isOwn: (version: number) => boolean) {
    this.#live = db.live({ toJSON: () => ({ from: table }) } as QueryLike<Row>, { label: `datalog:${table}` })
    this.#live.subscribe(event => { this.#heard(event) })
    this.rebuild()
  }

  /** Reads all rows anew. */
  rebuild(): void {
    this.#rows.clear()
    const indexed = [...this.#indexes.keys()]
    this.#indexes.clear()
    // By a live query of its own, which goes at once: the one that is listened to never keeps its rows.
    const all = this.db.live({ toJSON: () => ({ from: this.table }) } as QueryLike<Row>, { params: {} } as never)
    for (const row of all.rows) this.#rows.set(this.#keyOf(row), row)
    all.dispose()
    for (const column of indexed) this.#index(column)
    this.#since = this.db.version
  }

  #keyOf(row: Row): unknown { return this.key.length === 1 ? keyOf(row[this.key[0]]) : composite(this.key.map(k => row[k])) }

  #index(column: string): Map<unknown, Rows> {
    const known = this.#indexes.get(column)
    if (known !== undefined) return known
    const made = new Map<unknown, Rows>()
    for (const row of this.#rows.values()) enter(made, column, row)
    this.#indexes.set(column, made)
    return made
  }

  get(key: readonly unknown[]): Row | undefined { return this.#rows.get(key.length === 1 ? keyOf(key[0]) : composite(key)) }
  /** Rows whose column has a value, in no order. Cost: these. */
  by(column: string, value: unknown): readonly Row[] {
    if (this.key.length === 1 && this.key[0] === column) { const row = this.get([value]); return row === undefined ? [] : [row] }
    const rows = this.#index(column).get(keyOf(value))
    return rows === undefined ? [] : Array.isArray(rows) ? rows : [...rows]
  }
  rows(): IterableIterator<Row> { return this.#rows.values() }

  /** Takes in ahead of its commit that a row comes, goes or is another. `old` is the very row that is there. */
  change(key: readonly unknown[], old: Row | undefined, row: Row | undefined): void { this.#set(key.length === 1 ? keyOf(key[0]) : composite(key), old, row) }

  #set(key: unknown, old: Row | undefined, row: Row | undefined): void {
    if (row === undefined) this.#rows.delete(key)
    else this.#rows.set(key, row)
    for (const [column, index] of this.#indexes) {
      if (old !== undefined) leave(index, column, old)
      if (row !== undefined) enter(index, column, row)
    }
  }

  get isHeard(): boolean { return this.#listeners.size > 0 }
  /** Calls `fn` with every change, also those of our own. */
  listen(fn: MirrorListener): () => void {
    this.#listeners.add(fn)
    return () => { this.#listeners.delete(fn) }
  }
  /** Tells a change that was made by `change`, once it is committed. */
  tell(removed: readonly Row[], added: readonly Row[]): void { for (const fn of this.#listeners) fn(removed, added) }

  #heard(event: LiveEvent<Row>): void {
    if (event.version <= this.#since || this.isOwn(event.version)) return
    const removed: Row[] = []
    const added: Row[] = []
    for (const patch of event.diff) {
      if (patch.t === 'add') { added.push(patch.value as Row); continue }
      if (patch.t !== 'remove' && patch.t !== 'set') continue
      const key = Array.isArray(patch.key) ? composite(patch.key) : keyOf(patch.key)
      const old = this.#rows.get(key)
      if (old === undefined) continue
      removed.push(old)
      if (patch.t === 'set') added.push({ ...old, ...patch.fields })
    }
    for (const row of removed) this.#set(this.#keyOf(row), row, undefined)
    for (const row of added) this.#set(this.#keyOf(row), undefined, row)
    this.tell(removed, added)
  }

  close(): void { this.#live.dispose() }
}

/** Rows of one value; many are a set, so that one leaves without a look at the others. */
type Rows = Row[] | Set<Row>
const MANY = 32

function enter(index: Map<unknown, Rows>, column: string, row: Row): void {
  const key = keyOf(row[column])
  const rows = index.get(key)
  if (rows === undefined) index.set(key, [row])
  else if (!Array.isArray(rows)) rows.add(row)
  else if (rows.push(row) > MANY) index.set(key, new Set(rows))
}
function leave(index: Map<unknown, Rows>, column: string, row: Row): void {
  const key = keyOf(row[column])
  const rows = index.get(key)
  if (rows === undefined) return
  if (!Array.isArray(rows)) {
    rows.delete(row)
    if (rows.size === 0) index.delete(key)
    return
  }
  const at = rows.indexOf(row)
  if (at < 0) return
  if (rows.length === 1) index.delete(key)
  else { rows[at] = rows[rows.length - 1]; rows.pop() }
}
