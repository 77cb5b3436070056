// Rows that are put together from cells of several: each row that it takes cells of is found once, however many cells they are.
import { type RowMemory, decodeCell, define } from './decoder.js'
import { Kept } from './keeper.js'
import { type PackedLayout, TENANT } from './layout.js'
import type { FieldInfo } from './port.js'
import type { Relation, Relations, RowCell } from './rows.js'

/** A row at the end of some hops through pairs, which is shown whole or some columns of it. */
interface Leaf { readonly hops: readonly number[]; readonly target: Relation; readonly whole: boolean }
interface Field { readonly name: string; readonly leaf: number; readonly column: number }

/** What is kept of a row that is put together of others, some of them whole: where the rows are that cells are taken of, and the cells of those shown whole. */
export interface KeptParts { readonly block: Kept; readonly at: number; readonly rows: readonly (RowCell | undefined)[] }

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
  /** Per leaf, how its row is laid out, and how many texts and their like are needed of it: of a row with a long text, often none. */
  readonly #layouts: readonly PackedLayout[]
  readonly #vars: readonly number[]
  /** Per leaf, where its row is in work: −1 where a left join found nothing, or the row is shown whole. */
  readonly #at: number[]
  #rows: readonly (RowCell | undefined)[] = NONE
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
    this.#layouts = this.#leaves.map(l => l.target.layout!)
    this.#vars = this.#leaves.map((l, i) => Math.max(0, ...[...this.#fields, ...this.#key ?? []].map(f => f.leaf === i && f.column >= 0 ? l.target.layout!.vars[f.column] + 1 : 0)))
    this.#at = this.#leaves.map(() => -1)
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
    let memory: RowMemory = this.#relations.port
    if (copy === undefined) this.#find(cell.handle)
    else if (this.#alone !== undefined) {
      memory = copy as Kept
      this.#at[0] = cell.copyAt
    } else {
      const { block, at, rows } = copy instanceof Kept ? { block: copy, at: cell.copyAt, rows: NONE } : copy as KeptParts
      memory = block
      for (let i = 0; i < this.#at.length; i++) this.#at[i] = block.i32[(at >> 2) + i]
      this.#rows = rows
    }
    const object = {}
    for (const f of this.#fields) define(object, f.name, this.#value(f, memory))
    if (this.#key !== undefined) cell.key = this.#key.length === 1 ? this.#value(this.#key[0], memory) : this.#key.map(k => this.#value(k, memory))
    this.#rows = NONE
    return object
  }

  keep(cell: RowCell): void {
    const { kept, port } = this.#relations
    this.#find(cell.handle)
    if (this.#alone !== undefined) cell.copy = kept.take(port, this.#at[0], this.#layouts[0], this.#vars[0])
    else {
      const block = kept.takeAll(port, this.#at, this.#layouts, this.#vars)
      for (let i = 0; i < this.#rows.length; i++) { const row = this.#rows[i]; if (row !== undefined) row.held = true }
      cell.copy = this.#rows.length > 0 ? { block, at: kept.at, rows: this.#rows } : block
    }
    cell.copyAt = kept.at
    this.#rows = NONE
  }

  /** Finds the rows that a row is put together from. */
  #find(handle: number): void {
    const { port } = this.#relations
    for (let leaf = 0; leaf < this.#leaves.length; leaf++) {
      const { hops, target, whole } = this.#leaves[leaf]
      let rel = this.#rel, row = handle
      for (let i = 0; i < hops.length && row >= 0; i++) {
        row = port.member(rel, row, hops[i] !== 0)
        rel = hops[i] === 0 ? this.#relations.get(rel).left : this.#relations.get(rel).right
      }
      if (whole) {
        if (this.#rows === NONE) this.#rows = this.#leaves.map(() => undefined)
        ;(this.#rows as (RowCell | undefined)[])[leaf] = row >= 0 ? target.rows.at(row) : undefined
      }
      this.#at[leaf] = row < 0 || whole ? -1 : port.rowPtr(target.id, row)
    }
  }

  #value({ leaf, column }: Field, memory: RowMemory): unknown {
    const { target, whole } = this.#leaves[leaf]
    if (whole) return this.#rows[leaf]?.get() ?? null
    return this.#at[leaf] < 0 ? null : decodeCell(memory, target.layout!, this.#at[leaf], column)
  }
}

const NONE: readonly never[] = /* @__PURE__ */ Object.freeze([])
