import { ChunkedList, type Snapshot } from './chunked-list.js'
import type { EddylineError } from './errors.js'
import type { Patch } from './patches.js'
import type { Port, ViewInfo } from './port.js'
import { ADD, INNER, KIND, MOVE, ONE, REMOVE, SET, SWAP } from './report.js'
import type { Relations, RowCell } from './rows.js'
import { Added, Changed, Moved, OneSet, Removed } from './view-patches.js'
import { Level, linkLevels, NodeCell, type SubList, TreeNode } from './view-tree.js'

type Item = RowCell | NodeCell

/**
 * The mirror of one engine view.
 *
 * It is built on first need: a flat view that nobody reads costs nothing per change but its patches. Once built, it
 * follows the patches; snapshots share structure with it. Nothing here calls users' code.
 */
export class View {
  readonly id: number
  readonly flat: boolean
  readonly levels: Level[]
  /** Version of the last change. */
  version: number
  length: number
  /** Patches of the section just absorbed, when somebody listens. */
  diff: Patch[] | undefined
  /** Somebody wants diffs. */
  wanted = false
  /** The engine could not evaluate the view at the last version. */
  failed = false
  error: EddylineError | undefined
  readonly #port: Port
  readonly #relations: Relations
  #list: ChunkedList<Item> | undefined
  #nodes: (TreeNode | undefined)[] = []
  /** Some snapshot was given out, so what leaves the list must stay readable. */
  #shared = false
  /** Number of the present edit: nodes with an older stamp may be seen by a snapshot. */
  #stamp = 1
  #relist: TreeNode[] = []
  #stale = false

  constructor(port: Port, relations: Relations, info: ViewInfo, version: number) {
    this.#port = port
    this.#relations = relations
    relations.add(info.relations)
    this.id = info.view
    this.flat = info.flat
    this.length = info.length
    this.version = version
    this.levels = info.levels.map((level, i) => new Level(i, level, relations))
    linkLevels(this.levels)
  }

  /** The mirror exists. */
  get built(): boolean { return this.#list !== undefined }

  /** Rows were handed out. */
  get shown(): boolean { return this.#shared && this.#list !== undefined }

  /** The view could not be evaluated when it was registered. */
  fail(): void { this.failed = this.#stale = true }

  /** Builds the mirror from the engine's present state. Not while a report is being absorbed. */
  build(): ChunkedList<Item> {
    if (this.#list !== undefined) return this.#list
    const port = this.#port
    if (this.flat) {
      const address = port.call('slice', this.id, 0, 0x7fffffff) >>> 2
      port.fresh()
      const { table } = this.levels[0]
      // Copied: making a cell may call the engine, which may move its buffers.
      const handles = port.i32.slice(address + 1, address + 1 + port.i32[address])
      this.length = handles.length
      return this.#list = ChunkedList.from<Item>(handles.length, i => table.at(handles[i]))
    }
    const address = port.call('snapshot', this.id) >>> 2
    port.fresh()
    const words = port.i32.slice(address, address + port.i32[address])
    this.#list = new ChunkedList<Item>()
    this.#nodes = []
    if (words[5] > 0) this.#apply(words, 12, words[10], false)
    this.length = this.#list.length
    return this.#list
  }

  /** The rows as they are now, for ever. */
  snapshot(): Snapshot<Item> {
    const list = this.build()
    this.#shared = true
    this.#stamp++
    return list.snapshot()
  }

  /** Rows of a range: straight from the engine while the mirror is not built. */
  window(start: number, count: number): object[] {
    if (this.#list !== undefined || !this.flat) return this.snapshot().slice(start, start + count)
    const port = this.#port
    const address = port.call('slice', this.id, start, count) >>> 2
    port.fresh()
    const handles = port.i32.slice(address + 1, address + 1 + port.i32[address])
    const { table } = this.levels[0]
    const rows: object[] = []
    for (let i = 0; i < handles.length; i++) rows.push(table.at(handles[i]).get())
    return rows
  }

  /** Applies one section of a report; whether users see a change. */
  absorb(words: Int32Array, at: number, patches: number, version: number, failed: boolean): boolean {
    this.failed = failed
    this.diff = undefined
    if (!failed && !this.#stale && !this.#apply(words, at, patches, this.wanted)) return false
    this.version = version
    if (failed) {
      // No patches will say which rows leave from here on.
      this.#hold()
      this.#stale = true
    }
    return true
  }

  /**
   * After an evaluation error the patches no longer start from what we hold: the mirror is built anew and the diff
   * replaces every row. Called after the whole report is read, because it calls the engine.
   */
  recover(): void {
    if (!this.#stale || this.failed) return
    this.#stale = false
    const old = this.#list
    const level = this.levels[0]
    const diff: Patch[] | undefined = this.wanted && old !== undefined ? [] : undefined
    if (old !== undefined && diff !== undefined) {
      for (let i = old.length - 1; i >= 0; i--) diff.push(new Removed(level, undefined, i, rowOf(old.get(i))))
    }
    this.#list = undefined
    if (old === undefined) return
    const list = this.build()
    this.diff = diff
    for (let i = 0; diff !== undefined && i < list.length; i++) {
      const item = list.get(i)
      diff.push(new Added(level, undefined, i, rowOf(item), 'node' in item ? item : undefined) as Patch)
    }
  }

  /** Reads all that old snapshots may still show, before the engine forgets this view's handles. */
  settle(): void {
    if (!this.#shared) return
    this.#hold()
    for (const level of this.levels) if (level.ownTable) level.table.settle(true)
  }

  /** Takes the view's own tables off the relations. */
  detach(): void {
    for (const level of this.levels) {
      if (!level.ownTable) continue
      const { tables } = level.table.relation
      const i = tables.indexOf(level.table)
      if (i >= 0) tables.splice(i, 1)
    }
  }

  /** Makes the rows of the list readable whatever happens to their handles: flat ones when they are freed, nested ones now. */
  #hold(): void {
    const list = this.#list
    if (list === undefined || this.#stale) return
    if (this.flat) list.snapshot().eachCell(cell => { (cell as RowCell).held = true })
    else list.snapshot().eachCell(cell => { cell.get() })
  }

  /** Whether there was more than SWAPs, which users do not see. */
  #apply(words: Int32Array, at: number, patches: number, wanted: boolean): boolean {
    const diff: Patch[] | undefined = wanted ? [] : undefined
    let seen = false
    if (this.flat) seen = this.#applyFlat(words, at, patches, diff)
    else {
      for (let n = 0; n < patches; n++) {
        const kind = words[at] & KIND
        if (kind !== SWAP) seen = true
        if (this.#list !== undefined) at = this.#applyNested(words, at, diff)
        else at += 8 + (kind === SET ? this.levels[words[at + 1]].maskWords : 0)
      }
      if (this.#relist.length > 0) this.#relistRoots()
    }
    this.diff = diff
    return seen
  }

  #applyFlat(words: Int32Array, at: number, patches: number, diff: Patch[] | undefined): boolean {
    let seen = false
    const list = this.#list
    const level = this.levels[0]
    const table = level.table
    for (let n = 0; n < patches; n++) {
      const place = words[at + 3]
      switch (words[at] & KIND) {
        case ADD: {
          this.length++
          if (list === undefined && diff === undefined) { at += 8; break }
          const cell = table.at(words[at + 5])
          if (list !== undefined) list.insert(place, cell)
          if (diff !== undefined) diff.push(new Added(level, undefined, place, cell, undefined) as Patch)
          at += 8
          break
        }
        case REMOVE: {
          this.length--
          if (list !== undefined) {
            const cell = list.remove(place) as RowCell
            if (this.#shared) cell.held = true
          }
          if (diff !== undefined) diff.push(new Removed(level, undefined, place, table.at(words[at + 6])))
          at += 8
          break
        }
        case MOVE: {
          if (list !== undefined) list.move(place, words[at + 4])
          if (diff !== undefined) {
            // The handle of a SET that follows has the same key, and is not about to be freed.
            const next = n + 1 < patches && (words[at + 8] & KIND) === SET && words[at + 14] === words[at + 5] ? at + 13 : at + 5
            diff.push(new Moved(level, undefined, place, words[at + 4], table.at(words[next])))
          }
          at += 8
          break
        }
        case SET: {
          if (list !== undefined || diff !== undefined) {
            const cell = table.at(words[at + 5])
            if (list !== undefined) {
              const old = list.set(place, cell) as RowCell
              if (this.#shared) old.held = true
            }
            if (diff !== undefined) diff.push(changed(level, undefined, place, cell, words, at))
          }
          at += 8 + level.maskWords
          break
        }
        default: {
          // SWAP
          if (list !== undefined) {
            const cell = list.get(place) as RowCell
            const now = table.swap(cell, words[at + 5])
            if (now !== cell) list.set(place, now)
          }
          at += 8
          continue
        }
      }
      seen = true
    }
    return seen
  }

  #applyNested(words: Int32Array, at: number, diff: Patch[] | undefined): number {
    const kind = words[at] & KIND
    const inner = (words[at] & INNER) !== 0
    const level = this.levels[words[at + 1]]
    const owner = level.index === 0 ? undefined : this.#nodes[words[at + 2]]!
    const place = words[at + 3]
    const handle = words[at + 5]
    const child = words[at + 7]
    const end = at + 8 + (kind === SET ? level.maskWords : 0)
    const told = inner ? undefined : diff
    const list = this.#list!
    if (kind === SWAP) {
      if (child >= 0) { const node = this.#nodes[child]!; node.row = level.table.swap(node.row, handle) }
      else if (owner !== undefined) {
        const { items } = owner.subs[level.slot]
        const i = level.single ? 0 : place
        items[i] = level.table.swap(items[i] as RowCell, handle)
      }
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
          if (node !== undefined) { node.listed = node.cell; node.hint = place >> 6 }
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

  #removeRoot(place: number): TreeNode {
    const cell = this.#list!.get(place) as NodeCell
    const { node } = cell
    // Old snapshots may show it, and its rows are about to be freed.
    if (this.#shared) { cell.get(); if (node.cell !== cell) node.cell.get() }
    this.#list!.remove(place)
    node.listed = undefined
    return node
  }

  #node(id: number, level: Level, parent: TreeNode | undefined, row: RowCell): TreeNode {
    const nodes = this.#nodes
    while (nodes.length <= id) nodes.push(undefined)
    return nodes[id] = new TreeNode(id, level, parent, row, this.#stamp)
  }

  #drop(node: TreeNode): void {
    if (this.#nodes[node.id] === node) this.#nodes[node.id] = undefined
    node.dead = true
    for (const list of node.subs) for (const item of list.items) if (item instanceof TreeNode) this.#drop(item)
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
      if (n.stamp !== this.#stamp && n.cell.object === undefined && (this.#shared || n.stamp === 0)) top = n
    }
    top?.cell.get()
    for (let n: TreeNode | undefined = node; n !== undefined; n = n.parent) {
      if (n.stamp !== this.#stamp || n.cell.object !== undefined) {
        n.stamp = this.#stamp
        n.cell = new NodeCell(n)
      }
      if (n.parent !== undefined) listOf(n).rows = undefined
    }
    if (root.listed !== undefined && root.listed !== root.cell && !root.queued) { root.queued = true; this.#relist.push(root) }
  }

  #relistRoots(): void {
    for (const node of this.#relist) {
      node.queued = false
      if (node.dead || node.listed === undefined || node.listed === node.cell) continue
      node.hint = this.#list!.replace(node.listed, node.cell, node.hint)
      node.listed = node.cell
    }
    this.#relist.length = 0
  }
}

function rowOf(item: Item): RowCell { return 'node' in item ? item.node.row : item }

function listOf(node: TreeNode): SubList { return node.parent!.subs[node.level.slot] }

function changed(level: Level, owner: TreeNode | undefined, place: number, cell: RowCell, words: Int32Array, at: number): Patch {
  const more = level.maskWords > 1 ? words.slice(at + 9, at + 8 + level.maskWords) : undefined
  return new Changed(level, owner, place, cell, words[at + 8], more) as Patch
}
