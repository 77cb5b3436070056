import { ChunkedList, type Snapshot } from './chunked-list.js'
import { Coming } from './coming.js'
import type { EddylineError } from './errors.js'
import { equal, exchanged, replaced } from './exchange.js'
import { Handles, PART } from './handles.js'
import type { SharedQuery } from './live-query.js'
import { NestedMirror } from './nested-mirror.js'
import type { Patch } from './patches.js'
import type { Port, RelationInfo, ViewInfo } from './port.js'
import { ADD, FILL, KIND, MOVE, REMOVE, SET, SWAP } from './report.js'
import { type Relations, RowCell, snapshots } from './rows.js'
import { Added, Moved, Removed, changed } from './view-patches.js'
import { type Level, NodeCell, levelsFrom } from './view-tree.js'

type Item = RowCell | NodeCell

/** Longer flat lists make their cells when they are needed. */
const LATER = 1024

/** Patches, or what makes them when they are looked at. */
export type Diff = readonly Patch[] | (() => readonly Patch[]) | Coming

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
  /** Who shows it, where a database has its own engine: ids are never used again, and an array by them would only grow. */
  query: SharedQuery | undefined = undefined
  /** Patches of the section just absorbed, when somebody listens. */
  diff: Diff | undefined
  /** Somebody wants diffs. */
  wanted = false
  /** The engine could not evaluate the view at the last version. */
  failed = false
  error: EddylineError | undefined
  readonly #port: Port
  #list: ChunkedList<Item> | undefined
  #nested: NestedMirror | undefined
  /** Some snapshot was given out, so what leaves the list must stay readable. */
  #shared = false
  /** Number of the last snapshot. */
  #taken = 0
  #stale = false
  /** Takes back, on a flat list that nobody has read, the steps with which it could not be evaluated. */
  #undo: ((list: ChunkedList<Item>) => void) | undefined
  /** It shows a part of its list. */
  windowed = false
  /** Its rows come whole, not by steps. */
  comesWhole = false
  readonly #relations: Relations
  readonly #needs: readonly RelationInfo[]

  constructor(port: Port, relations: Relations, info: ViewInfo, version: number) {
    this.#port = port
    this.#relations = relations
    this.#needs = info.relations
    relations.add(info.relations)
    this.id = info.view
    this.flat = info.flat
    this.version = version
    this.levels = levelsFrom(info.levels, relations)
    for (const level of this.levels) if (level.ownTable) relations.enter(level.table)
  }

  /** The mirror exists. */
  get built(): boolean { return this.#list !== undefined }

  /** Rows were handed out. */
  get shown(): boolean { return this.#shared && this.#list !== undefined }

  /** The view could not be evaluated when it was registered, or when all of its rows were there. */
  fail(): void {
    this.build()
    this.hold()
    this.failed = this.#stale = true
  }

  /** Builds the mirror from the engine's present state. Not while a report is being absorbed. */
  build(): ChunkedList<Item> {
    if (this.#list !== undefined) return this.#list
    const port = this.#port
    if (this.flat) {
      const wait = !this.windowed && !this.comesWhole
      const address = port.call('slice', this.id, 0, wait ? PART : 0x7fffffff) >>> 2
      port.fresh()
      // Copied: making a cell may call the engine, which may move its buffers.
      const handles = port.i32.slice(address + 1, address + 1 + port.i32[address])
      const list = new ChunkedList<Item>()
      const length = wait && handles.length === PART ? port.call('total', this.id) : PART
      this.#fill(list, handles, length > PART ? new Handles(port, this.id, length, handles) : undefined, length)
      this.#list = list
      if (this.#stale) for (const _ of this.#holding());
      return list
    }
    const address = port.call('snapshot', this.id) >>> 2
    port.fresh()
    const words = port.i32.slice(address, address + port.i32[address])
    const nested = this.#nested = new NestedMirror(this.levels)
    this.#list = nested.list
    if (words[5] > 0) this.#apply(words, 12, words[10], false)
    if (this.#stale) for (const _ of this.#holding());
    return nested.list
  }

  /**
   * Fills a flat list. Cells of many rows are made when they are read, or before what is shown of their part of the list changes: no
   * handle goes without a patch at its place.
   */
  #fill(list: ChunkedList<Item>, handles: Int32Array, more?: Handles, length = handles.length): void {
    const { table } = this.levels[0]
    // Objects of a batch wait for their cells; a view in error is told of no changes.
    const later = handles.length > LATER && !this.#stale && this.#relations.links.count === 0
    const { taken } = snapshots
    list.fill(more === undefined ? handles.length : length, i => {
      const cell = table.at(more === undefined ? handles[i] : more.at(i))
      // It was in the list all the time.
      if (cell.born > taken) cell.born = taken
      return cell
    }, later)
  }

  /** The rows as they are now, for ever. */
  snapshot(): Snapshot<Item> {
    const list = this.build()
    this.#shared = true
    this.#taken = ++snapshots.taken
    if (this.#nested !== undefined) { this.#nested.shared = true; this.#nested.stamp++ }
    return list.snapshot()
  }

  /** Rows of a range: straight from the engine while the mirror is not built. */
  window(start: number, count: number): object[] {
    if (this.#list !== undefined || !this.flat || this.#stale) return this.snapshot().slice(start, start + count)
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
    // Slices come whatever is wrong with a row.
    this.failed = failed && this.query?.slicing !== true
    this.diff = undefined
    if (!this.failed && !this.#stale && !this.#apply(words, at, patches, this.wanted)) return false
    this.version = version
    if (this.failed && !this.#stale) {
      if (this.#list === undefined && this.flat && !this.comesWhole) this.#undo = this.#backwards(words, at, patches)
      // No patches will say which rows leave from here on.
      this.hold()
      this.#stale = true
    }
    return true
  }

  /** The steps of a section, backwards; the rows that they take away are kept. */
  #backwards(words: Int32Array, at: number, patches: number): (list: ChunkedList<Item>) => void {
    const { table, maskWords } = this.levels[0]
    const steps: ((list: ChunkedList<Item>) => void)[] = []
    for (let n = 0; n < patches; n++) {
      const kind = words[at] & KIND, place = words[at + 3], to = words[at + 4]
      const gone = kind === REMOVE || kind === SET ? table.at(words[at + 6]) : undefined
      if (gone !== undefined) gone.held = true
      steps.push(list => {
        if (kind === MOVE) list.move(to, place)
        if (kind === FILL) for (let i = to; i-- > 0;) list.remove(i)
        if (kind === ADD || kind === SET) list.remove(place)
        if (gone !== undefined) list.insert(place, gone)
      })
      at += 8 + (kind === SET ? maskWords : kind === FILL ? to : 0)
    }
    return list => { for (const step of steps.reverse()) step(list) }
  }

  /** In error the mirror shows the rows before it, of which diffs told. Called after the whole report is read, because it calls the engine. */
  stand(): void {
    const undo = this.#undo
    this.#undo = undefined
    undo?.(this.build())
  }

  /** After an evaluation error the mirror is built anew, as its steps were not taken. Called as `stand` is. */
  recover(): void {
    if (!this.#stale || this.failed) return
    this.#stale = false
    if (this.#list === undefined || !this.#rebuild(this.#list)) return
    // Rows that moved only stay the same objects: found now, before somebody looks at them.
    if (typeof this.diff === 'function') this.diff = this.diff()
  }

  /**
   * The state of another version, without the steps to it: the mirror is built anew, and the diff is found by comparing. For
   * views that fell behind. Before handles go that it shows, `hold` is called. Whether users see a change.
   */
  renew(version: number): boolean {
    this.failed = false
    this.diff = undefined
    const old = this.#list
    if (this.#stale || old === undefined) {
      this.version = version
      this.recover()
      this.build()
      return true
    }
    if (!this.#rebuild(old)) return false
    this.version = version
    return true
  }

  /** Builds the mirror in the place of an old one and finds the diff by comparing; of a nested one it replaces every row. Whether users see a change. */
  #rebuild(old: ChunkedList<Item>): boolean {
    this.#list = this.#nested = undefined
    const list = this.build()
    const before = old.snapshot() as Snapshot<any>
    if (this.flat) {
      if (equal(this.levels[0], before, list.snapshot() as Snapshot<any>)) return false
      // Most who listen look at the rows only. Both lists are readable whenever somebody asks for the steps.
      if (this.wanted) { const now = this.snapshot() as Snapshot<any>; this.diff = () => exchanged(this.levels[0], before, now) }
      return true
    }
    const diff = replaced(this.levels[0], before, list.snapshot() as Snapshot<any>)
    if (this.wanted) this.diff = diff
    return diff.length > 0
  }

  /** Reads all that old snapshots and patches may still show, before the engine forgets this view's handles. */
  settle(): void { for (const _ of this.settling()); }

  /** The same step by step. */
  *settling(): Generator<void, void, void> {
    let done = false
    try {
      if (!this.#stale && (this.#shared || this.#nested !== undefined)) yield* this.#holding(this.#shared)
      // What others show in the same shape is still told when it goes.
      for (const { ownTable, table } of this.levels) if (ownTable && table.users === 1) yield* table.settling(this.#shared)
      done = true
    } finally {
      // It stays.
      if (!done) for (const level of this.levels) if (level.ownTable) level.table.unsettle()
    }
  }

  /** What it shows stays readable without it: another of the same shape may have gone since, and left it the last. */
  get settled(): boolean { return this.levels.every(l => !l.ownTable || l.table.users > 1 || l.table.kept) }

  /** Takes the view's own tables off the relations. */
  detach(): void {
    for (const level of this.levels) if (level.ownTable) this.#relations.leave(level.table)
    this.#relations.drop(this.#needs)
  }

  /** The cells that it shows its rows by, some at a time. */
  cells(): Iterable<readonly RowCell[]> { return this.#nested?.cells() ?? this.#list?.made() as Iterable<readonly RowCell[]> | undefined ?? [] }

  /** Makes the rows of the list readable whatever happens to their handles: rows are kept when they are freed. */
  hold(): void { if (!this.#stale) for (const _ of this.#holding()); }

  /** The same step by step: what leaves the list in the middle is held when it does. */
  *#holding(all = true): Generator<void, void, void> {
    const list = this.#list
    if (list === undefined) return
    for (const cells of list.snapshot().cells()) {
      for (const cell of cells) {
        if (cell instanceof NodeCell) yield* this.#holdTree(cell, all)
        else cell.held = true
      }
      yield
    }
  }

  /** What nobody has read of a nested row, or (not `all`) of what patches show: its node changes no more unless its object is made before. */
  *#holdTree(cell: NodeCell, all: boolean): Generator<void, void, void> {
    const { node } = cell
    if (cell.object !== undefined || cell !== node.cell) return
    const held = all || node.stamp === 0
    if (held) node.row.held = true
    for (const { items } of node.subs) {
      for (let i = 0; i < items.length; i++) {
        const item = items[i]
        if (!(item instanceof RowCell)) yield* this.#holdTree(item.cell, held)
        else if (held) item.held = true
        if ((i & 63) === 63) yield
      }
    }
  }

  /** Whether there was more than SWAPs, which users do not see. */
  #apply(words: Int32Array, at: number, patches: number, wanted: boolean): boolean {
    const diff: Patch[] | undefined = wanted ? [] : undefined
    let seen = false
    if (this.flat) {
      // A whole list that comes: most who listen look at the rows only.
      if (wanted && patches === 1 && (words[at] & KIND) === FILL && this.#list !== undefined) {
        this.#applyFlat(words, at, patches, undefined)
        const level = this.levels[0], filled = this.snapshot() as Snapshot<RowCell>
        this.diff = () => replaced(level, undefined, filled)
        return true
      }
      // Objects of a batch wait for their cells; of a page of a worker rows go without being told one by one.
      const coming = wanted && !this.comesWhole && this.#relations.links.count === 0 ? Coming.of(this.levels[0], words, at, patches) : undefined
      seen = this.#applyFlat(words, at, patches, coming === undefined ? diff : undefined)
      if (coming !== undefined) { this.diff = coming; return true }
    } else {
      const nested = this.#nested
      for (let n = 0; n < patches; n++) {
        const kind = words[at] & KIND
        if (kind !== SWAP) seen = true
        if (nested !== undefined) at = nested.apply(words, at, diff)
        else at += 8 + (kind === SET ? this.levels[words[at + 1]].maskWords : 0)
      }
      nested?.relist()
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
          if (list === undefined && diff === undefined) { at += 8; break }
          const cell = table.at(words[at + 5])
          if (list !== undefined) list.insert(place, cell)
          if (diff !== undefined) diff.push(new Added(level, undefined, place, cell, undefined) as Patch)
          at += 8
          break
        }
        case REMOVE: {
          if (list !== undefined) {
            const cell = list.remove(place) as RowCell
            if (this.#taken > cell.born) cell.held = true
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
              if (this.#taken > old.born) old.held = true
            }
            if (diff !== undefined) diff.push(changed(level, undefined, place, cell, words, at))
          }
          at += 8 + level.maskWords
          break
        }
        case FILL: {
          const from = at + 8, count = words[at + 4]
          if (list !== undefined) this.#fill(list, words.slice(from, from + count))
          if (diff !== undefined) for (let i = 0; i < count; i++) diff.push(new Added(level, undefined, i, table.at(words[from + i]), undefined) as Patch)
          at = from + count
          break
        }
        default: {
          // SWAP
          if (list !== undefined) table.swap(list.get(place) as RowCell, words[at + 5])
          at += 8
          continue
        }
      }
      seen = true
    }
    return seen
  }
}
