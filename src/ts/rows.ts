import type { Encoder } from './encoder.js'
import { decodeRow } from './decoder.js'
import { EddylineError } from './errors.js'
import { Keeper, type Kept, rowBytes } from './keeper.js'
import { PackedLayout } from './layout.js'
import type { FieldInfo, Port, RelationInfo } from './port.js'
import { type KeptParts, Projection } from './projection.js'
import type { Unread } from './unread.js'

/** Counts the snapshots of all lists: a cell that is younger than a list's last snapshot is in none of them. */
export const snapshots = { taken: 0 }

/**
 * What a list or a patch holds in place of a row: the object, once somebody read it.
 *
 * Handles are reused by the engine; cells are not. So whoever holds a cell can read it forever: when the engine frees
 * the handle of a cell that was handed out and not yet read, the row's bytes are copied at that moment: most are never
 * asked for, and a copy costs a fraction of decoding.
 */
export class RowCell {
  object: object | undefined = undefined
  /** Key, when the object does not hold all key columns. */
  key: unknown = undefined
  /** When its handle is gone and nobody has read it: where the row's bytes are, or those of the rows it is put together from, or the cell that has them. */
  copy: Kept | KeptParts | RowCell | undefined = undefined
  copyAt = 0
  /** Somebody outside of the current lists may hold it: an old snapshot, a patch. */
  held = false
  /** Snapshots taken before it was made. */
  born = snapshots.taken
  constructor(readonly table: CellTable, public handle: number) {}
  get(): object { return this.object !== undefined ? this.object : this.table.fill(this) }
}

/** How the rows of one kind become objects. */
interface RowReader {
  /** The object of a cell, and its key if the object does not hold that. */
  read(cell: RowCell): object
  /** Copies what `read` needs before the handle goes. */
  keep(cell: RowCell): void
  /** A copy is enough when all handles go at once; else the row has to be read. */
  readonly keeps: boolean
}

/** Cells by handle, for one relation and one shape of objects: of all views that show its rows in this shape. */
export class CellTable {
  readonly cells: (RowCell | undefined)[] = []
  /** Cells of lesser handles were kept by `settling`, before all of them go. */
  #settled = 0
  #spell = 0
  /** Views that it is for; those of whole rows are there without. */
  users = 0
  /** `settling` came to its end, and no view has entered since it began. */
  kept = false
  /** While cells that nothing shows are sought: which are shown, of those that were there when that began. */
  shown: Uint8Array | undefined
  /** Rows of diffs that nobody has looked at, once there was one. */
  unread: Unread | undefined
  constructor(readonly relation: Relation, readonly reader: RowReader) {}

  /** The cell of a live handle. */
  at(handle: number): RowCell {
    if (this.shown !== undefined) this.shown[handle] = 1
    const cell = this.cells[handle]
    return cell !== undefined ? cell : this.#make(handle)
  }

  fill(cell: RowCell): object {
    const { copy } = cell
    const object = copy instanceof RowCell ? copy.get() : this.reader.read(cell)
    if (copy instanceof RowCell) cell.key = copy.key
    cell.copy = undefined
    return cell.object = object
  }

  #make(handle: number): RowCell {
    const cells = this.cells
    // Filled up rather than left with holes: a far index would turn the array into a dictionary.
    while (cells.length <= handle) cells.push(undefined)
    const cell = new RowCell(this, handle)
    cells[handle] = cell
    const { relations } = this.relation, { links } = relations
    relations.made++
    if (links.count > 0 && this === this.relation.rows) cell.object = links.take(this.relation.id, handle, this.relation.layout!)
    return cell
  }

  /** The row of `cell` has another handle and shows the same: the same object to all who have read it or will. */
  swap(cell: RowCell, handle: number): void {
    if (cell.handle === handle) return
    const other = this.cells[handle]
    if (other !== undefined) {
      // Another place of the row has the new handle already. Snapshots of this one may hold the cell, whose handle goes: one that is unread is read there.
      if (cell.copy === other) return
      if (cell.object === undefined && cell.copy === undefined && !(other.copy instanceof RowCell)) {
        cell.copy = other
        other.held = true
        if (handle < this.#settled) this.keep(other)
        return
      }
      const object = cell.get()
      if (other.object === undefined) { other.object = object; other.key = cell.key }
      return
    }
    // It has a handle of its own again.
    if (cell.copy instanceof RowCell) cell.copy = undefined
    this.unread?.goes(cell.handle)
    if (this.cells[cell.handle] === cell) this.cells[cell.handle] = undefined
    cell.handle = handle
    while (this.cells.length <= handle) this.cells.push(undefined)
    // All below are kept already.
    if (handle < this.#settled) this.keep(cell)
    this.cells[handle] = cell
    if (this.shown !== undefined) this.shown[handle] = 1
  }

  free(handle: number): void {
    this.unread?.goes(handle)
    const cell = this.cells[handle]
    if (cell === undefined) return
    if (cell.held && cell.object === undefined && cell.copy === undefined) this.reader.keep(cell)
    this.cells[handle] = undefined
  }

  /** Keeps what a cell shows, if it is not read yet. A copy, of which most are never asked for: a third of decoding, and no objects. */
  keep(cell: RowCell): void {
    if (cell.object !== undefined || cell.copy !== undefined) return
    if (this.reader.keeps) this.reader.keep(cell)
    else this.fill(cell)
  }

  /** The handles do not go, or there is one more who shows rows. */
  unsettle(): void {
    this.#settled = 0
    this.#spell++
    this.kept = false
  }

  /**
   * Keeps what every cell shows, step by step: before the handles go away without being freed one by one. Who has rows at the beginning
   * has them at the end, whatever changes meanwhile: until `unsettle`.
   */
  *settling(all: boolean): Generator<void, void, void> {
    const { cells } = this
    const spell = this.#spell
    if (this.unread !== undefined) yield* this.unread.going()
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i]
      this.#settled = i
      if (cell !== undefined && (all || cell.held)) this.keep(cell)
      if ((i & 15) === 0) yield
    }
    this.#settled = cells.length
    this.kept = spell === this.#spell
  }
}

/** A relation of the engine: packed rows, or pairs of rows of two other relations. */
export class Relation {
  readonly id: number
  readonly layout: PackedLayout | undefined
  readonly left: number
  readonly right: number
  /** Whole rows as objects, shared by every view. */
  readonly rows: CellTable
  /** Views that it was described for. */
  users = 0
  /** Every table that has cells of this relation's handles. */
  readonly tables: CellTable[]
  /** Those that are not of whole rows, by what their objects show. */
  readonly shapes = new Map<string, CellTable>()

  constructor(readonly relations: Relations, info: RelationInfo) {
    this.id = info.id
    this.layout = info.kind === 'packed' ? new PackedLayout(info) : undefined
    this.left = info.kind === 'pair' ? info.left : -1
    this.right = info.kind === 'pair' ? info.right : -1
    this.rows = new CellTable(this, { read: cell => this.#read(cell), keep: cell => this.#keep(cell), keeps: this.layout !== undefined })
    this.tables = [this.rows]
  }

  #read(cell: RowCell): object {
    const { port } = this.relations
    if (this.layout === undefined) throw new EddylineError('ENGINE_CRASHED', 'a pair has no row of its own')
    if (cell.copy !== undefined) return decodeRow(cell.copy as Kept, this.layout, cell.copyAt)
    return decodeRow(port, this.layout, port.rowPtr(this.id, cell.handle))
  }

  #keep(cell: RowCell): void {
    if (this.layout === undefined) return
    const { port, kept } = this.relations
    cell.copy = kept.take(port, port.rowPtr(this.id, cell.handle), this.layout)
    cell.copyAt = kept.at
  }
}

/** Fewer cells that no view shows do no harm. */
const LEAST = 1024

/** All relations of one engine, and the link from the caller's objects to the handles of their rows. */
export class Relations {
  // A map: ids of relations that are gone never come back, and an array would keep their places.
  readonly #list = new Map<number, Relation>()
  #tables = 0
  readonly links: ObjectLinks
  readonly kept = new Keeper()
  /** Cells that came since those that no view shows were let go, or whose view went; and how many may. */
  made = 0
  most = LEAST
  constructor(readonly port: Port, encoder: Encoder) { this.links = new ObjectLinks(port, encoder) }

  /** Takes the relations that a view needs, which come with every view; tables stay for ever. */
  add(infos: readonly RelationInfo[]): void {
    if (this.#list.size === 0) this.#tables = infos.length
    for (const info of infos) {
      let relation = this.#list.get(info.id)
      if (relation === undefined) this.#list.set(info.id, relation = new Relation(this, info))
      relation.users++
    }
  }

  /** Whether it is a table, whose handles are freed one by one: those come first, and stay. */
  isTable(id: number): boolean { return id < this.#tables }

  /** A relation that some view needs. */
  get(id: number): Relation { return this.#list.get(id)! }

  /** A view does not need them any more. */
  drop(infos: readonly RelationInfo[]): void {
    for (const { id } of infos) if (--this.get(id).users === 0) this.#list.delete(id)
  }

  /** Whether rows of the relation are made of rows of others. */
  isPair(rel: number): boolean {
    const relation = this.#list.get(rel)
    return relation !== undefined && relation.layout === undefined
  }

  /**
   * Lets go of the cells that no view shows, step by step: of rows that left a window or a filter, and of queries that went. What the
   * rows were stays readable; who shows one of them anew makes its object anew.
   */
  *pruning(views: Iterable<{ cells(): Iterable<readonly RowCell[]> }>): Generator<void, void, void> {
    this.made = 0
    const all = [...this.#list.values()].flatMap(({ tables }) => tables)
    // What is asked for from here on is shown, too: a list shows the cells that it had when it was begun with, and these.
    for (const table of all) table.shown = new Uint8Array(table.cells.length)
    for (const view of views) for (const cells of view.cells()) {
      for (const { table, handle } of cells) if (table.shown !== undefined) table.shown[handle] = 1
      yield
    }
    let left = LEAST
    for (const table of all) {
      const { cells } = table, shown = table.shown!
      table.unread?.sweep()
      for (let i = 0; i < shown.length; i++) {
        const cell = cells[i]
        if (cell !== undefined && shown[i] === 1) left++
        else if (cell !== undefined) {
          table.keep(cell)
          cells[i] = undefined
        }
        if ((i & 63) === 0) yield
      }
      table.shown = undefined
    }
    this.most = left
  }

  /** Handles of a relation that are gone: the words from one up to another. */
  free(rel: number, words: Int32Array, from: number, end: number): void {
    const relation = this.#list.get(rel)
    if (relation === undefined) return
    const { tables } = relation
    for (let t = 0; t < tables.length; t++) for (let at = from; at < end; at++) tables[t].free(words[at])
  }

  relationAt(rel: number, hops: readonly number[]): Relation {
    for (const h of hops) rel = h === 0 ? this.get(rel).left : this.get(rel).right
    return this.get(rel)
  }

  /** The table of cells whose objects are these projections of the rows of `rel`; for a view that `enter`s it. */
  projection(rel: number, fields: readonly FieldInfo[], key: readonly { hops: number[]; column: number }[], keyed: boolean): CellTable {
    const relation = this.get(rel)
    const shape = JSON.stringify([fields, !keyed && key])
    let table = relation.shapes.get(shape)
    if (table === undefined) relation.shapes.set(shape, table = new CellTable(relation, new Projection(this, rel, fields, keyed ? undefined : key)))
    return table
  }

  /** One more view shows rows by a table that is not of whole ones. */
  enter(table: CellTable): void {
    if (table.users++ === 0) table.relation.tables.push(table)
    table.unsettle()
  }

  /** Ends an `enter`. What handles are those of later is unknown to a table that nobody uses. */
  leave(table: CellTable): void {
    if (--table.users > 0) return
    const { tables, shapes } = table.relation
    tables.splice(tables.indexOf(table), 1)
    for (const [shape, other] of shapes) if (other === table) shapes.delete(shape)
    table.cells.length = 0
    table.unread = undefined
  }

  /**
   * Keeps everything that may be held, step by step: the memory is about to go. Rows that views look up first; whole rows last: what is
   * put together of them asks for their cells.
   */
  *settling(queries: readonly { readonly view: { settling(): Generator<void, void, void> } }[]): Generator<void, void, void> {
    for (const { view } of queries) yield* view.settling()
    const all = [...this.#list.values()]
    for (const { rows, tables } of all) for (const table of tables) if (table !== rows) yield* table.settling(true)
    for (const { rows } of all) yield* rows.settling(true)
    // What is kept of the database by who holds an old list is that list.
    for (const { tables } of all) for (const table of tables) table.cells.length = 0
    this.#list.clear()
  }
}

/**
 * Gives the objects of the last batch to the handles of their rows.
 *
 * The packed bytes decide: the row of a new handle is compared with what the encoder wrote, so an object can never serve
 * for a row with other content. About 60 ns for a row of 200 bytes, against 150 or more for decoding it.
 */
class ObjectLinks {
  count = 0
  constructor(readonly port: Port, readonly encoder: Encoder) {}

  open(): void { this.count = this.encoder.linkCount }

  close(): void {
    const objects = this.encoder.linkObjects
    for (let i = this.encoder.linkCount - 1; i >= 0; i--) objects[i] = undefined
    this.encoder.linkCount = this.count = 0
  }

  take(rel: number, handle: number, layout: PackedLayout): object | undefined {
    const { port, encoder } = this
    let ptr = -1, bytes = 0
    for (let i = 0; i < this.count; i++) {
      const object = encoder.linkObjects[i]
      if (object === undefined || encoder.linkTables[i] !== rel) continue
      if (ptr < 0) {
        ptr = port.rowPtr(rel, handle)
        port.fresh()
        bytes = rowBytes(port, layout, ptr)
      }
      if (bytes !== encoder.linkBytes[i] || !sameBytes(port, ptr, port.base + encoder.linkAt[i], bytes)) continue
      encoder.linkObjects[i] = undefined
      return object
    }
    return undefined
  }
}

function sameBytes(port: Port, a: number, b: number, bytes: number): boolean {
  const { u8, i32 } = port
  let i = 0
  if (((a | b) & 3) === 0) {
    const words = bytes >> 2
    const x = a >>> 2, y = b >>> 2
    for (let w = 0; w < words; w++) if (i32[x + w] !== i32[y + w]) return false
    i = words << 2
  }
  for (; i < bytes; i++) if (u8[a + i] !== u8[b + i]) return false
  return true
}
