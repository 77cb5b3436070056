// The shape of a view (levels) and the rows of nested views (nodes).
import { define } from './decoder.js'
import { TENANT } from './layout.js'
import { rowKeys } from './patches.js'
import type { LevelInfo } from './port.js'
import type { CellTable, Relations, RowCell } from './rows.js'

/** One level of a view: how its rows become objects and keys. */
export class Level {
  readonly name: string
  readonly parent: number
  readonly single: boolean
  readonly rel: number
  readonly maskWords: number
  readonly fields: string[]
  readonly subs: number[]
  /** Place of this level among the sub-levels of its parent. */
  slot = 0
  depth = 0
  readonly table: CellTable
  /** The table is there for the views that show its shape, and goes with the last. */
  readonly ownTable: boolean
  /** Names of the key fields when the objects hold all of them. */
  readonly keyNames: string[] | undefined

  constructor(readonly index: number, info: LevelInfo, relations: Relations) {
    this.name = info.name
    this.parent = info.parent
    this.single = info.single
    this.rel = info.rel
    this.maskWords = info.maskWords
    this.fields = info.fields.map(f => f.name)
    this.subs = info.subs
    this.keyNames = keyNames(info, relations)
    const whole = info.plain || isWhole(info, relations)
    this.ownTable = !whole
    this.table = whole ? relations.get(info.rel).rows : relations.projection(info.rel, info.fields, info.key, this.keyNames !== undefined)
  }

  /** The key of a row of this level. */
  keyOf(cell: RowCell): unknown {
    const object = cell.get() as Record<string, unknown>
    return this.keyNames === undefined ? cell.key : this.keyIn(object)
  }

  keyIn(object: Record<string, unknown>): unknown {
    const names = this.keyNames!
    if (names.length === 1) return ownGet(object, names[0])
    return names.map(n => ownGet(object, n))
  }
}

function ownGet(object: Record<string, unknown>, name: string): unknown {
  return name === '__proto__' ? Object.getOwnPropertyDescriptor(object, name)?.value : object[name]
}

function keyNames(info: LevelInfo, relations: Relations): string[] | undefined {
  const names: string[] = []
  for (const cell of info.key) {
    if (relations.relationAt(info.rel, cell.hops).layout?.names[cell.column] === TENANT) continue
    const field = info.fields.find(f => !('row' in f) && f.column === cell.column && f.hops.length === cell.hops.length && f.hops.every((h, i) => h === cell.hops[i]))
    if (field === undefined) return undefined
    names.push(field.name)
  }
  return names
}

/** The fields are the whole row: its object can be shared, or copied when there are sub-levels. */
function isWhole(info: LevelInfo, relations: Relations): boolean {
  const layout = relations.get(info.rel).layout
  return layout !== undefined && info.fields.length === layout.shown &&
    info.fields.every((f, i) => !('row' in f) && f.hops.length === 0 && f.column === i && f.name === layout.names[i])
}

/** A list below a row: of nodes when its level has sub-levels, else of row cells. */
export class SubList {
  readonly items: (TreeNode | RowCell)[] = []
  rows: readonly object[] | undefined = undefined
}

/** A row instance of a level with sub-levels. Mutable; what others hold is its cell of the moment. */
export class TreeNode {
  readonly subs: SubList[]
  cell: NodeCell
  /** The cell that the root list holds for this node, if it is a root row. */
  listed: NodeCell | undefined = undefined
  dead = false
  /** Waits to be put into the root list with its new cell. */
  queued = false
  constructor(readonly id: number, readonly level: Level, readonly parent: TreeNode | undefined, public row: RowCell, public stamp: number) {
    this.subs = []
    for (let i = 0; i < level.subs.length; i++) this.subs.push(new SubList())
    this.cell = new NodeCell(this)
  }
}

/** A nested row as it was at one version. Built at the latest right before its node changes. */
export class NodeCell {
  object: object | undefined = undefined
  /** Where the root list has it, if it does. */
  chunk: object | undefined = undefined
  constructor(public node: TreeNode) {}
  get(): object { return this.object !== undefined ? this.object : (this.object = buildNode(this.node)) }
  /** The row goes on without it, or is gone: what it showed by then is all that it holds. */
  leave(): void { if (this.object !== undefined) this.node = undefined as never }
}

const EMPTY: readonly object[] = /* @__PURE__ */ Object.freeze([])

function buildNode(node: TreeNode): object {
  const object = { ...node.row.get() }
  const { subs } = node.level
  for (let s = 0; s < subs.length; s++) {
    const list = node.subs[s]
    const { name, single } = levelOf(node, s)
    if (single) define(object, name, list.items.length === 0 ? null : objectOf(list.items[0]))
    else define(object, name, list.rows ??= list.items.length === 0 ? EMPTY : list.items.map(objectOf))
  }
  if (node.level.keyNames === undefined) rowKeys.set(object, node.level.keyOf(node.row))
  return object
}

function objectOf(item: TreeNode | RowCell): object { return item instanceof TreeNode ? item.cell.get() : item.get() }

/** The levels of a description, made once for all views that it describes. */
const described = new WeakMap<readonly LevelInfo[], Level[]>()

/** The levels of a view. Queries of one form have one description. */
export function levelsFrom(infos: readonly LevelInfo[], relations: Relations): Level[] {
  const known = described.get(infos)
  if (known !== undefined) return known
  const levels = infos.map((info, i) => new Level(i, info, relations))
  linkLevels(levels)
  described.set(infos, levels)
  return levels
}

const levelsOf = new WeakMap<Level, Level[]>()

/** Links every level to its sub-levels. */
function linkLevels(levels: Level[]): void {
  for (const level of levels) {
    const subs = level.subs.map(i => levels[i])
    subs.forEach((sub, slot) => { sub.slot = slot; sub.depth = level.depth + 1 })
    levelsOf.set(level, subs)
  }
}

function levelOf(node: TreeNode, slot: number): Level { return levelsOf.get(node.level)![slot] }
