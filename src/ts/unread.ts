// Rows that diffs show which nobody has looked at yet.
import type { Coming } from './coming.js'
import type { CellTable, RowCell } from './rows.js'

/** A row that went, as it was, and those that had its handle before it. */
interface Gone { readonly at: number; readonly cell: RowCell; readonly before: Gone | undefined }

/** The collector decides when a diff is gone: so it can only be known to be unread where there are weak references. */
export const WEAK = typeof WeakRef !== 'undefined'

/** Rows that went are looked through when there are so many. */
const FEW = 64

/**
 * Keeps the rows of diffs that are not made yet, when they change or go: of one table of cells.
 *
 * A change of a row that no such diff shows costs a look at a byte; of one that does, a copy of its bytes, once. What is kept is at most twice
 * the rows of the diffs that somebody may still look at: beyond that these diffs are made.
 */
export class Unread {
  /** Of each handle: whether a diff shows the row that has it. */
  #shown = new Uint8Array(0)
  #diffs: WeakRef<Coming>[] = []
  #gone = new Map<number, Gone>()
  #count = 0
  #bound = FEW
  #most = FEW
  #time = 0
  constructor(readonly table: CellTable) {}

  /** Number of rows that went and are kept. */
  get kept(): number { return this.#count }

  /** A diff, before its rows are `show`n: the number for `cellOf`. Handles are below `handles`. */
  enter(diff: Coming, handles: number): number {
    if (this.#shown.length < handles) {
      const shown = new Uint8Array(Math.max(handles, 2 * this.#shown.length))
      shown.set(this.#shown)
      this.#shown = shown
    }
    // Rows may come and go without a row that goes for good, of a window or a parameter.
    if (this.#diffs.length >= this.#most) {
      this.#diffs = this.#diffs.filter(ref => ref.deref() !== undefined)
      this.#most = FEW + 2 * this.#diffs.length
    }
    this.#diffs.push(new WeakRef(diff))
    return this.#time
  }

  show(handle: number): void { this.#shown[handle] = 1 }

  /** The row of a diff: as it was when it went, or as it is. */
  cellOf(handle: number, since: number): RowCell {
    let found: RowCell | undefined
    for (let gone = this.#gone.get(handle); gone !== undefined && gone.at > since; gone = gone.before) found = gone.cell
    return found ?? this.table.at(handle)
  }

  /** The handle of a row goes, or goes to another row. */
  goes(handle: number): void {
    if (this.#shown[handle] !== 1) return
    this.#shown[handle] = 0
    const cell = this.table.at(handle)
    cell.held = true
    this.#gone.set(handle, { at: ++this.#time, cell, before: this.#gone.get(handle) })
    if (++this.#count >= this.#bound) this.sweep()
  }

  /** All handles go, step by step. */
  *going(): Generator<void, void, void> {
    for (let handle = 0; handle < this.#shown.length; handle++) {
      this.goes(handle)
      if ((handle & 15) === 0) yield
    }
  }

  /** Forgets what nobody can ask for. */
  sweep(): void {
    const left = this.#diffs.map(ref => ref.deref()).filter(diff => diff !== undefined && !diff.isMade) as Coming[]
    let rows = 0
    for (const diff of left) rows += diff.length
    // Of rows that are kept for one old diff, most may be those of others that are gone.
    if (this.#count > 2 * rows) for (const diff of left.splice(0)) diff.make()
    if (left.length === 0) {
      this.#shown = new Uint8Array(0)
      this.#gone = new Map()
      this.#count = 0
    }
    this.#diffs = left.map(diff => new WeakRef(diff))
    this.#bound = Math.max(FEW, Math.min(2 * this.#count, 2 * rows + 1))
  }
}
