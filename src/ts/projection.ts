// Rows that are put together from cells of several: each row that it takes cells of is found once, however many cells they are.
import { type RowMemory, decodeCell, define } from './decoder.js'
import { Kept } from './keeper.js'
import { TENANT } from './layout.js'
import type { FieldInfo } from './port.js'
import type { Relation, Relations, RowCell } from './rows.js'

/** A row at the end of some hops through pairs, which is shown whole or some columns of it. */
interface Leaf { readonly hops: readonly number[]; readonly target: Relation; readonly whole: boolean }
interface Field { readonly name: string; readonly leaf: number; readonly column: number }

/**
 * What is kept of a row that is put together: per leaf, where its row is, or the cell of a row shown whole. Where it is cells of one row
 * alone, that row is kept itself: of a million rows, three objects each were most of the time that went by until they were kept.
 */
export interface KeptParts { readonly memories: (Kept | undefined)[]; readonly at: number[]; readonly rows: (RowCell | undefined)[] }

/** Reads the rows of one shape. */
export class Projection {
  readonly #relations: Relations
  readonly #rel: number
  readonly #leaves: Leaf[] = []
  readonly #fields: Field[]
  /** Rows that are shown whole are those of tables, which keep them themselves. */
  readonly keeps: boolean
  /** The relation itself, where all cells are of its rows. */
  readonly #alone: Relation | undefined
  /** Columns of the key, if the objects do not hold it. */
  readonly #key: Field[] | undefined

  constructor(relations: Relations, rel: number, fields: readonly FieldInfo[], key: readonly { hops: number[]; column: number }[] | undefined) {
    this.#relations = relations
    this.#rel = rel
    this.#fields = fields.map(f => {
      if ('row' in f) return { name: f.name, leaf: this.#leaf(f.hops, relations.get(f.rel), true), column: -1 }
      return { name: f.name, leaf: this.#leaf(f.hops, relations.relationAt(rel, f.hops), false), column: f.column }
    })
    this.#key = key?.map(k => ({ name: '', leaf: this.#leaf(k.hops, relations.relationAt(rel, k.hops), false), column: k.column }))
      .filter(k => this.#leaves[k.leaf].target.layout?.names[k.column] !== TENANT)
    const [leaf] = this.#leaves
    this.#alone = this.#leaves.length === 1 && leaf.hops.length === 0 && !leaf.whole ? leaf.target : undefined
    this.keeps = this.#leaves.every(l => !l.whole || relations.isTable(l.target.id))
  }

  #leaf(hops: readonly number[], target: Relation, whole: boolean): number {
    const known = this.#leaves.findIndex(l => l.target === target && l.whole === whole && l.hops.length === hops.length && l.hops.every((h, i) => h === hops[i]))
    return known >= 0 ? known : this.#leaves.push({ hops, target, whole }) - 1
  }

  read(cell: RowCell): object {
    const { copy } = cell
    const parts: KeptParts = copy === undefined ? this.#find(cell.handle) : copy instanceof Kept ? { memories: [copy], at: [cell.copyAt], rows: [] } : copy as KeptParts
    const object = {}
    for (const f of this.#fields) define(object, f.name, this.#value(f, parts))
    if (this.#key !== undefined) cell.key = this.#key.length === 1 ? this.#value(this.#key[0], parts) : this.#key.map(k => this.#value(k, parts))
    return object
  }

  keep(cell: RowCell): void {
    const { kept, port } = this.#relations
    if (this.#alone !== undefined) {
      cell.copy = kept.take(port, port.rowPtr(this.#alone.id, cell.handle), this.#alone.layout!)
      cell.copyAt = kept.at
      return
    }
    const parts = this.#find(cell.handle)
    for (let i = 0; i < this.#leaves.length; i++) {
      const row = parts.rows[i]
      if (row !== undefined) row.held = true
      if (parts.at[i] < 0) continue
      parts.memories[i] = kept.take(port, parts.at[i], this.#leaves[i].target.layout!)
      parts.at[i] = kept.at
    }
    cell.copy = parts
  }

  /** Where the rows are that a row is put together from; −1 where a left join found nothing, or the row is shown whole. */
  #find(handle: number): KeptParts {
    const { port } = this.#relations
    const at: number[] = []
    const rows: (RowCell | undefined)[] = []
    for (const { hops, target, whole } of this.#leaves) {
      let rel = this.#rel, row = handle
      for (let i = 0; i < hops.length && row >= 0; i++) {
        row = port.member(rel, row, hops[i] !== 0)
        rel = hops[i] === 0 ? this.#relations.get(rel).left : this.#relations.get(rel).right
      }
      rows.push(whole && row >= 0 ? target.rows.at(row) : undefined)
      at.push(row < 0 || whole ? -1 : port.rowPtr(target.id, row))
    }
    return { memories: [], at, rows }
  }

  #value({ leaf, column }: Field, parts: KeptParts): unknown {
    const { target, whole } = this.#leaves[leaf]
    if (whole) return parts.rows[leaf]?.get() ?? null
    const memory: RowMemory = parts.memories[leaf] ?? this.#relations.port
    return parts.at[leaf] < 0 ? null : decodeCell(memory, target.layout!, parts.at[leaf], column)
  }
}
