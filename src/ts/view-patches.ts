// The patches that live queries deliver: one class per kind, what needs a row is read on first use.
import { define } from './decoder.js'
import { type Patch, type PatchPath, rowKeys } from './patches.js'
import type { RowCell } from './rows.js'
import type { Level, NodeCell, TreeNode } from './view-tree.js'

const TOP: PatchPath = /* @__PURE__ */ Object.freeze([])
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/** The path of the list at `level` that `owner` owns. Keys of rows never change, so it may be made late. */
function pathOf(level: Level, owner: TreeNode | undefined): PatchPath {
  if (owner === undefined) return TOP
  return Object.freeze([...pathOf(owner.level, owner.parent), owner.level.keyOf(owner.row), level.name])
}

abstract class ViewPatch {
  readonly #level: Level
  readonly #owner: TreeNode | undefined
  protected constructor(level: Level, owner: TreeNode | undefined) {
    this.#level = level
    this.#owner = owner
  }
  get path(): PatchPath { return pathOf(this.#level, this.#owner) }
  get level(): Level { return this.#level }
  /** Key of a row of the list at `depth` of the path: lets `applyPatches` find rows whose key is not named `id`. */
  keyAt(depth: number, row: object): unknown {
    let level = this.#level
    let owner = this.#owner
    for (let d = level.depth; d > depth; d--) { level = owner!.level; owner = owner!.parent }
    return level.keyNames !== undefined ? level.keyIn(row as Record<string, unknown>) : rowKeys.get(row)
  }
  abstract toJSON(): object
  [INSPECT](): object { return this.toJSON() }
}

export class Added extends ViewPatch {
  readonly t = 'add'
  readonly #cell: RowCell
  readonly #node: NodeCell | undefined
  constructor(level: Level, owner: TreeNode | undefined, readonly at: number, cell: RowCell, node: NodeCell | undefined) {
    super(level, owner)
    cell.held = true
    this.#cell = cell
    this.#node = node
  }
  get key(): unknown { return this.level.keyOf(this.#cell) }
  get value(): object { return this.#node === undefined ? this.#cell.get() : this.#node.get() }
  /** @internal The row. */
  get row(): object { return this.#cell.get() }
  toJSON(): object { return { t: this.t, path: this.path, key: this.key, at: this.at, value: this.value } }
}

export class Removed extends ViewPatch {
  readonly t = 'remove'
  readonly #cell: RowCell
  constructor(level: Level, owner: TreeNode | undefined, readonly at: number, cell: RowCell) {
    super(level, owner)
    cell.held = true
    this.#cell = cell
  }
  /** @internal The row itself: of what is gone, as it was. */
  get row(): object { return this.#cell.get() }
  get key(): unknown { return this.level.keyOf(this.#cell) }
  toJSON(): object { return { t: this.t, path: this.path, key: this.key, at: this.at } }
}

export class Moved extends ViewPatch {
  readonly t = 'move'
  readonly #cell: RowCell
  constructor(level: Level, owner: TreeNode | undefined, readonly from: number, readonly to: number, cell: RowCell) {
    super(level, owner)
    cell.held = true
    this.#cell = cell
  }
  get key(): unknown { return this.level.keyOf(this.#cell) }
  toJSON(): object { return { t: this.t, path: this.path, key: this.key, from: this.from, to: this.to } }
}

export class Changed extends ViewPatch {
  readonly t = 'set'
  readonly #cell: RowCell
  readonly #position: number
  readonly #mask: number
  readonly #more: Int32Array | undefined
  #fields: object | undefined
  constructor(level: Level, owner: TreeNode | undefined, at: number, cell: RowCell, mask: number, more: Int32Array | undefined) {
    super(level, owner)
    cell.held = true
    this.#cell = cell
    this.#position = at
    this.#mask = mask
    this.#more = more
  }
  /** @internal The row itself. */
  get row(): object { return this.#cell.get() }
  get key(): unknown { return this.level.keyOf(this.#cell) }
  get position(): number { return this.#position }
  get fields(): object {
    if (this.#fields !== undefined) return this.#fields
    const row = this.#cell.get() as Record<string, unknown>
    const { fields } = this.level
    const out = {}
    for (let i = 0; i < fields.length; i++) {
      const word = i < 32 ? this.#mask : this.#more![(i >> 5) - 1]
      if ((word >>> (i & 31) & 1) === 0) continue
      const name = fields[i]
      define(out, name, name === '__proto__' ? Object.getOwnPropertyDescriptor(row, name)?.value : row[name])
    }
    return this.#fields = out
  }
  toJSON(): object { return { t: this.t, path: this.path, key: this.key, fields: this.fields } }
}

export class OneSet extends ViewPatch {
  readonly t = 'one'
  readonly #cell: RowCell | undefined
  readonly #node: NodeCell | undefined
  constructor(level: Level, owner: TreeNode | undefined, cell: RowCell | undefined, node: NodeCell | undefined) {
    super(level, owner)
    if (cell !== undefined) cell.held = true
    this.#cell = cell
    this.#node = node
  }
  get value(): object | null { return this.#node !== undefined ? this.#node.get() : this.#cell !== undefined ? this.#cell.get() : null }
  toJSON(): object { return { t: this.t, path: this.path, value: this.value } }
}

/** The patch of a SET at `at` of the words of a report. */
export function changed(level: Level, owner: TreeNode | undefined, place: number, cell: RowCell, words: Int32Array, at: number): Patch {
  const more = level.maskWords > 1 ? words.slice(at + 9, at + 8 + level.maskWords) : undefined
  return new Changed(level, owner, place, cell, words[at + 8], more) as Patch
}
