// The mirror of a nested view: rows with lists below them, each row an object that is replaced when anything in it changes.
import { ChunkedList } from './chunked-list.js'
import type { Patch } from './patches.js'
import { ADD, INNER, KIND, MOVE, ONE, REMOVE, SET, SWAP } from './report.js'
import { RowCell } from './rows.js'
import { Added, Moved, OneSet, Removed, changed } from './view-patches.js'
import { type Level, NodeCell, type SubList, TreeNode } from './view-tree.js'

/** Applies patches to a tree of nodes whose root rows are in a chunked list. */
export class NestedMirror {
  readonly list = new ChunkedList<RowCell | NodeCell>(true)
  /** Some snapshot was given out, so what leaves the tree must stay readable. */
  shared = false
  /** Number of the present edit: nodes with an older stamp may be seen by a snapshot. */
  stamp = 1
  readonly #levels: readonly Level[]
  readonly #nodes: (TreeNode | undefined)[] = []
  #waiting: TreeNode[] = []

  constructor(levels: readonly Level[]) { this.#levels = levels }

  /** Applies one patch; where the next begins. */
  apply(words: Int32Array, at: number, diff: Patch[] | undefined): number {
    const kind = words[at] & KIND
    const inner = (words[at] & INNER) !== 0
    const level = this.#levels[words[at + 1]]
    const owner = level.index === 0 ? undefined : this.#nodes[words[at + 2]]!
    const place = words[at + 3]
    const handle = words[at + 5]
    const child = words[at + 7]
    const end = at + 8 + (kind === SET ? level.maskWords : 0)
    const told = inner ? undefined : diff
    const { list } = this
    if (kind === SWAP) {
      const row = child >= 0 ? this.#nodes[child]!.row : owner?.subs[level.slot].items[level.single ? 0 : place] as RowCell | undefined
      if (row !== undefined) level.table.swap(row, handle)
      return end
    }
    if (owner !== undefined && !inner) this.#renew(owner)
    const sub = owner?.subs[level.slot]
    if (sub !== undefined) sub.rows = undefined
    switch (kind) {
      case ADD: {
        const row = level.table.at(handle)
        const node = child >= 0 ? this.#node(child, level, owner, row) : undefined
        if (sub !== undefined) sub.items.splice(place, 0, node ?? row)
        else {
          list.insert(place, node !== undefined ? node.cell : row)
          if (node !== undefined) node.listed = node.cell
        }
        if (told !== undefined) {
          told.push(new Added(level, owner, place, row, node?.cell) as Patch)
          // The patch shows this cell: what changes below from here on must not show in it.
          if (node !== undefined) node.stamp = 0
        }
        break
      }
      case REMOVE: {
        const item = sub !== undefined ? sub.items.splice(place, 1)[0] : this.#removeRoot(place)
        const row = item instanceof TreeNode ? item.row : item
        if (item instanceof TreeNode) this.#drop(item)
        told?.push(new Removed(level, owner, place, row))
        break
      }
      case MOVE: {
        const to = words[at + 4]
        if (sub !== undefined) sub.items.splice(to, 0, sub.items.splice(place, 1)[0])
        else list.move(place, to)
        told?.push(new Moved(level, owner, place, to, level.table.at(handle)))
        break
      }
      case SET: {
        const row = level.table.at(handle)
        if (child >= 0) {
          const node = this.#nodes[child]!
          this.#renew(node)
          node.row = row
        } else if (sub !== undefined) sub.items[level.single ? 0 : place] = row
        told?.push(changed(level, owner, place, row, words, at))
        break
      }
      case ONE: {
        const old = sub!.items.pop()
        if (old instanceof TreeNode) this.#drop(old)
        const row = handle >= 0 ? level.table.at(handle) : undefined
        const node = row !== undefined && child >= 0 ? this.#node(child, level, owner, row) : undefined
        if (row !== undefined) sub!.items.push(node ?? row)
        if (told !== undefined) {
          told.push(new OneSet(level, owner, row, node?.cell) as Patch)
          if (node !== undefined) node.stamp = 0
        }
      }
    }
    return end
  }

  /** The cells of its rows, some at a time. */
  *cells(): Generator<readonly RowCell[], void, void> {
    for (const node of this.#nodes) if (node !== undefined) yield [node.row, ...node.subs.flatMap(({ items }) => items.filter(item => item instanceof RowCell))]
  }

  #removeRoot(place: number): TreeNode {
    const cell = this.list.get(place) as NodeCell
    const { node } = cell
    // Old snapshots may show it, and its rows are about to be freed.
    if (this.shared) { cell.get(); if (node.cell !== cell) node.cell.get() }
    if (node.cell !== cell) cell.leave()
    this.list.remove(place)
    node.listed = undefined
    return node
  }

  #node(id: number, level: Level, parent: TreeNode | undefined, row: RowCell): TreeNode {
    const nodes = this.#nodes
    while (nodes.length <= id) nodes.push(undefined)
    return nodes[id] = new TreeNode(id, level, parent, row, this.stamp)
  }

  #drop(node: TreeNode): void {
    // A patch shows it as it came, and nobody tells of what is below it any more.
    if (node.stamp === 0) node.cell.get()
    if (this.#nodes[node.id] === node) this.#nodes[node.id] = undefined
    node.dead = true
    node.cell.leave()
    // Patches of its lists know it, for their paths, and shall hold no more of it.
    node.cell = undefined as never
    for (const list of node.subs) {
      list.rows = undefined
      for (const item of list.items.splice(0)) if (item instanceof TreeNode) this.#drop(item)
    }
  }

  /**
   * Prepares a node and all rows above it for a change: what snapshots or patches hold of them is built as it still is,
   * then each gets a new cell. Building starts at the topmost unread one, because that builds all below.
   */
  #renew(node: TreeNode): void {
    let top: TreeNode | undefined
    let root = node
    for (let n: TreeNode | undefined = node; n !== undefined; n = n.parent) {
      root = n
      if (n.stamp !== this.stamp && n.cell.object === undefined && (this.shared || n.stamp === 0)) top = n
    }
    top?.cell.get()
    for (let n: TreeNode | undefined = node; n !== undefined; n = n.parent) {
      if (n.stamp !== this.stamp || n.cell.object !== undefined) {
        n.stamp = this.stamp
        if (n.cell !== n.listed) n.cell.leave()
        n.cell = new NodeCell(n)
      }
      if (n.parent !== undefined) listOf(n).rows = undefined
    }
    if (root.listed !== undefined && root.listed !== root.cell && !root.queued) { root.queued = true; this.#waiting.push(root) }
  }

  /** After the last patch of a section: the root list takes the new cells of rows that changed. */
  relist(): void {
    if (this.#waiting.length === 0) return
    for (const node of this.#waiting) {
      node.queued = false
      if (node.dead || node.listed === undefined || node.listed === node.cell) continue
      this.list.replace(node.listed, node.cell)
      node.listed.leave()
      node.listed = node.cell
    }
    this.#waiting.length = 0
  }
}

function listOf(node: TreeNode): SubList { return node.parent!.subs[node.level.slot] }
