import type { Encoder } from './encoder.js'
import { type RowMemory, decodeCell, decodeRow, define } from './decoder.js'
import { EddylineError } from './errors.js'
import { PackedLayout, TENANT } from './layout.js'
import type { FieldInfo, Port, RelationInfo } from './port.js'

/** Counts the snapshots of all lists: a cell that is younger than a list's last snapshot is in none of them. */
export const snapshots = { taken: 0 }

/**
 * What a list or a patch holds in place of a row: the object, once somebody read it.
 *
 * Handles are reused by the engine; cells are not. So whoever holds a cell can read it forever: when the engine frees
 * the handle of a cell that was handed out and not yet read, the row's bytes are copied at that moment (most are never
 * asked for, and a copy costs a fraction of decoding), or decoded where it is put together from several rows.
 */
export class RowCell {
  object: object | undefined = undefined
  /** Key, when the object does not hold all key columns. */
  key: unknown = undefined
  /** Where the row's bytes are, when its handle is gone and nobody has read it. */
  copy: Kept | undefined = undefined
  copyAt = 0
  /** Somebody outside of the current lists may hold it: an old snapshot, a patch. */
  held = false
  /** Snapshots taken before it was made. */
  readonly born = snapshots.taken
  constructor(readonly table: CellTable, public handle: number) {}
  get(): object { return this.object !== undefined ? this.object : this.table.fill(this) }
}

// Rows that are kept share blocks: an array of its own would cost each more than its copy, and a block lives as long as a
// row in it may be read.
const BLOCK = 8192

/** A block of rows whose handles are gone. */
class Kept implements RowMemory {
  readonly u8: Uint8Array<ArrayBuffer>
  readonly i32: Int32Array<ArrayBuffer>
  readonly view: DataView<ArrayBuffer>
  used = 0
  constructor(bytes: number) {
    const buffer = new ArrayBuffer(bytes)
    this.u8 = new Uint8Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.view = new DataView(buffer)
  }
  fresh(): void {}
}

/** Copies rows out of the engine's memory before their handles go. */
class Keeper {
  #block: Kept | undefined

  /** Copies the row of `cell`, which is at `at`. */
  take(cell: RowCell, port: Port, at: number, layout: PackedLayout): void {
    const bytes = rowBytes(port, layout, at)
    const words = (bytes + 3) >> 2
    let block = this.#block
    if (block === undefined || block.used + words * 4 > block.u8.length) {
      block = new Kept(Math.max(BLOCK, words * 4))
      // A large row has a block of its own, and the rest of the present one stays in use.
      if (words * 4 < BLOCK >> 2) this.#block = block
    }
    const to = block.used
    if ((at & 3) === 0 && words < 128 && at + words * 4 <= port.u8.length) {
      const from = at >> 2, target = to >> 2
      const { i32 } = port, mine = block.i32
      for (let w = 0; w < words; w++) mine[target + w] = i32[from + w]
    } else block.u8.set(port.u8.subarray(at, at + bytes), to)
    block.used = to + words * 4
    cell.copy = block
    cell.copyAt = to
  }
}

/** How the rows of one kind become objects. */
interface RowReader {
  read(handle: number): object
  key: ((handle: number) => unknown) | undefined
}

/** Cells by handle, for one relation and one shape of objects. */
export class CellTable {
  readonly cells: (RowCell | undefined)[] = []
  constructor(readonly relation: Relation, readonly reader: RowReader) {}

  /** The cell of a live handle. */
  at(handle: number): RowCell {
    const cell = this.cells[handle]
    return cell !== undefined ? cell : this.#make(handle)
  }

  fill(cell: RowCell): object {
    if (cell.copy !== undefined) {
      const object = cell.object = decodeRow(cell.copy, this.relation.layout!, cell.copyAt)
      cell.copy = undefined
      return object
    }
    const object = this.reader.read(cell.handle)
    if (this.reader.key !== undefined) cell.key = this.reader.key(cell.handle)
    cell.object = object
    return object
  }

  #make(handle: number): RowCell {
    const cells = this.cells
    // Filled up rather than left with holes: a far index would turn the array into a dictionary.
    while (cells.length <= handle) cells.push(undefined)
    const cell = new RowCell(this, handle)
    cells[handle] = cell
    const { links } = this.relation.relations
    if (links.count > 0 && this === this.relation.rows) cell.object = links.take(this.relation.id, handle, this.relation.layout!)
    return cell
  }

  /**
   * The row of `cell` has another handle and shows the same: the cell to go on with, which is `cell` itself when somebody
   * may know its object.
   */
  swap(cell: RowCell, handle: number): RowCell {
    if (cell.handle === handle) return cell
    const other = this.cells[handle]
    if (other !== undefined) {
      // Another place of the row has the new handle already.
      if (other.object === undefined) { other.object = cell.object; other.key = cell.key }
      return cell.object === undefined ? other : cell
    }
    if (this.cells[cell.handle] === cell) this.cells[cell.handle] = undefined
    cell.handle = handle
    while (this.cells.length <= handle) this.cells.push(undefined)
    return this.cells[handle] = cell
  }

  free(handle: number): void {
    const cell = this.cells[handle]
    if (cell === undefined) return
    if (cell.held && cell.object === undefined) this.#keep(cell)
    this.cells[handle] = undefined
  }

  #keep(cell: RowCell): void {
    if (this.relation.layout === undefined || this !== this.relation.rows) { this.fill(cell); return }
    const { relations, layout } = this.relation
    const at = relations.port.rowPtr(this.relation.id, cell.handle)
    relations.port.fresh()
    relations.kept.take(cell, relations.port, at, layout)
  }

  /** Reads every cell that is not read yet: before the handles go away without being freed one by one. */
  settle(all: boolean): void {
    for (const cell of this.cells) if (cell !== undefined && cell.object === undefined && (all || cell.held)) this.fill(cell)
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

  constructor(readonly relations: Relations, info: RelationInfo) {
    this.id = info.id
    this.layout = info.kind === 'packed' ? new PackedLayout(info) : undefined
    this.left = info.kind === 'pair' ? info.left : -1
    this.right = info.kind === 'pair' ? info.right : -1
    this.rows = new CellTable(this, { read: handle => this.#read(handle), key: undefined })
    this.tables = [this.rows]
  }

  #read(handle: number): object {
    const { port } = this.relations
    if (this.layout === undefined) throw new EddylineError('ENGINE_CRASHED', 'a pair has no row of its own')
    return decodeRow(port, this.layout, port.rowPtr(this.id, handle))
  }
}

/** All relations of one engine, and the link from the caller's objects to the handles of their rows. */
export class Relations {
  readonly list: Relation[] = []
  readonly links: ObjectLinks
  readonly kept = new Keeper()
  constructor(readonly port: Port, encoder: Encoder) { this.links = new ObjectLinks(port, encoder) }

  /** Takes the relations that a view needs, which come with every view; tables stay for ever. */
  add(infos: readonly RelationInfo[]): void {
    for (const info of infos) {
      while (this.list.length <= info.id) this.list.push(undefined as never)
      const relation = this.list[info.id] ??= new Relation(this, info)
      relation.users++
    }
  }

  /** A view does not need them any more. */
  drop(infos: readonly RelationInfo[]): void {
    for (const { id } of infos) if (--this.list[id].users === 0) this.list[id] = undefined as never
  }

  /** Whether rows of the relation are made of rows of others. */
  isPair(rel: number): boolean { return this.list[rel] !== undefined && this.list[rel].layout === undefined }

  free(rel: number, handle: number): void {
    const relation = this.list[rel]
    if (relation === undefined) return
    const { tables } = relation
    for (let i = 0; i < tables.length; i++) tables[i].free(handle)
  }

  /** Follows hops through pairs; leaves the relation in `hopRelation`. −1 where a left join found nothing. */
  hop(rel: number, handle: number, hops: readonly number[]): number {
    for (let i = 0; i < hops.length && handle >= 0; i++) {
      handle = this.port.member(rel, handle, hops[i] !== 0)
      rel = hops[i] === 0 ? this.list[rel].left : this.list[rel].right
    }
    return handle
  }

  relationAt(rel: number, hops: readonly number[]): Relation {
    for (const h of hops) rel = h === 0 ? this.list[rel].left : this.list[rel].right
    return this.list[rel]
  }

  /** A table of cells whose objects are projections of the rows of `rel`. */
  projection(rel: number, fields: readonly FieldInfo[], key: readonly { hops: number[]; column: number }[], keyed: boolean): CellTable {
    const steps = fields.map(f => {
      const target = 'row' in f ? this.list[f.rel] : this.relationAt(rel, f.hops)
      return { name: f.name, hops: f.hops, target, column: 'row' in f ? -1 : f.column }
    })
    const keySteps = key.map(k => ({ hops: k.hops, target: this.relationAt(rel, k.hops), column: k.column }))
      .filter(k => k.target.layout?.names[k.column] !== TENANT)
    const valueAt = (handle: number, hops: readonly number[], target: Relation, column: number): unknown => {
      const at = this.hop(rel, handle, hops)
      if (at < 0) return null
      return column < 0 ? target.rows.at(at).get() : decodeCell(this.port, target.layout!, this.port.rowPtr(target.id, at), column)
    }
    const table = new CellTable(this.list[rel], {
      read: handle => {
        this.port.alive()
        const object = {}
        for (const s of steps) define(object, s.name, valueAt(handle, s.hops, s.target, s.column))
        return object
      },
      key: keyed ? undefined : handle => {
        const parts = keySteps.map(k => valueAt(handle, k.hops, k.target, k.column))
        return parts.length === 1 ? parts[0] : parts
      },
    })
    this.list[rel].tables.push(table)
    return table
  }

  /** Reads everything that may be held: the memory is about to go. */
  settle(): void {
    for (const relation of this.list) if (relation !== undefined) for (const table of relation.tables) table.settle(true)
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

/** Bytes of the packed row at `at`: its fixed part, and its heap up to the last end. */
export function rowBytes(port: Port, layout: PackedLayout, at: number): number {
  return layout.heapAt + (layout.varCount > 0 ? port.view.getUint32(at + layout.varAt + 4 * (layout.varCount - 1), true) : 0)
}

function sameBytes(port: Port, a: number, b: number, bytes: number): boolean {
  const { u8, i32 } = port
  let i = 0
  if (((a | b) & 3) === 0) {
    const words = bytes >> 2
    const x = a >> 2, y = b >> 2
    for (let w = 0; w < words; w++) if (i32[x + w] !== i32[y + w]) return false
    i = words << 2
  }
  for (; i < bytes; i++) if (u8[a + i] !== u8[b + i]) return false
  return true
}
