import { listProxy } from './list-proxy.js'

/** What a list holds: something that yields its row object. */
export interface Cell { get(): object; chunk?: object | undefined }

// Measured, one move and a snapshot at 10,000 rows: chunks of 64 to 128 take 0.6 µs, 256 to 512 1.8 µs, mostly garbage.
const CHUNK = 64
const CHUNK_MOST = 128
const GROUP = 32
const GROUP_MOST = 64
/** Longest list that is published as a plain array. */
export const ARRAY_MOST = 1024
const NONE: readonly never[] = /* @__PURE__ */ Object.freeze([])

/** Some cells: there are `count` from `first` of what `cellAt` gives when somebody asks, once. */
class Chunk<C> {
  #items: C[] | undefined
  #cellAt: ((i: number) => C) | undefined
  /** Of a list that tracks its cells: the group that it is in. */
  group: Group<C> | undefined
  /** How many there are: whoever seeks a place looks at no items on the way. */
  size: number
  constructor(items: C[] | undefined, public edit: number, cellAt?: (i: number) => C, readonly first = 0, count = 0) {
    this.#items = items
    this.#cellAt = cellAt
    this.size = items === undefined ? count : items.length
  }
  get items(): C[] { return this.#items === undefined ? this.make() : this.#items }
  get made(): readonly C[] { return this.#items ?? NONE }
  make(): C[] {
    const items: C[] = []
    for (let i = 0; i < this.size; i++) items.push(this.#cellAt!(this.first + i))
    this.#cellAt = undefined
    return this.#items = items
  }
}
/** Some chunks, or what makes them when somebody asks. */
class Group<C> {
  #chunks: Chunk<C>[] | (() => Chunk<C>[])
  constructor(chunks: Chunk<C>[] | (() => Chunk<C>[]), public size: number, public edit: number) { this.#chunks = chunks }
  get chunks(): Chunk<C>[] { return typeof this.#chunks === 'function' ? this.#chunks = this.#chunks() : this.#chunks }
  get made(): readonly Chunk<C>[] { return typeof this.#chunks === 'function' ? NONE : this.#chunks }
}

/**
 * A list of cells with immutable snapshots: groups of chunks of about 100 cells, copied on write.
 *
 * What no snapshot shares is changed in place (`edit` tells). Cost of one change after a snapshot: a copy of one chunk,
 * one group and the list of groups: nearly the same at any length.
 */
export class ChunkedList<C extends Cell> {
  length = 0
  #groups: Group<C>[] = []
  #groupsEdit = 1
  #edit = 1
  #snapshot: Snapshot<C> | undefined
  /**
   * The objects of a short list that is read at every version, kept in step: copying an array costs a tenth of collecting
   * its rows. `null` where a row is to be read yet. Dropped when a version goes by unread.
   */
  #objects: (object | null)[] | undefined
  #objectsEdit = 0
  // Where `#seek` found the position: fields, so that seeking allocates nothing.
  #g = 0
  #c = 0
  #i = 0

  /** One that is `tracked` finds a cell by itself: cells of no other list, which know the chunk that they are in, as long as they are. */
  constructor(readonly tracked = false) {}

  /** A list of `n` cells given by index. */
  static from<C extends Cell>(n: number, cellAt: (i: number) => C, later?: boolean, tracked?: boolean): ChunkedList<C> {
    const list = new ChunkedList<C>(tracked)
    list.fill(n, cellAt, later)
    return list
  }

  /**
   * Puts `n` cells given by index into an empty list: now, or those near to what is read or changed when it is (`later`). Of a million
   * rows a page shows some; their cells are 30 to 50 ms.
   */
  fill(n: number, cellAt: (i: number) => C, later = false): void {
    this.#change()
    this.#objects = undefined
    const edit = this.#edit
    const groups: Group<C>[] = []
    for (let at = 0; at < n; at += GROUP * CHUNK) {
      const end = Math.min(at + GROUP * CHUNK, n)
      const chunks = (): Chunk<C>[] => {
        const made: Chunk<C>[] = []
        for (let first = at; first < end; first += CHUNK) made.push(new Chunk<C>(undefined, edit, cellAt, first, Math.min(CHUNK, end - first)))
        return made
      }
      const group = new Group<C>(chunks, end - at, edit)
      groups.push(group)
      if (!later || this.tracked) for (const chunk of group.chunks) {
        if (!later) chunk.make()
        if (this.tracked) this.#track(chunk, group)
      }
    }
    this.#groups = groups
    this.#groupsEdit = edit
    this.length = n
  }

  get(at: number): C {
    this.#seek(at)
    return this.#groups[this.#g].chunks[this.#c].items[this.#i]
  }

  insert(at: number, cell: C): void {
    if (at < 0 || at > this.length) throw new RangeError(`insert at ${at} of ${this.length}`)
    this.#change()
    if (this.#objects !== undefined) this.#objects.splice(at, 0, null)
    if (this.length === 0) {
      const chunk = new Chunk([cell], this.#edit), first = new Group([chunk], 1, this.#edit)
      if (this.tracked) this.#track(chunk, first)
      this.#groups = [first]
      this.#groupsEdit = this.#edit
      this.length = 1
      return
    }
    if (at === this.length) { this.#seek(at - 1); this.#i++ } else this.#seek(at)
    const group = this.#own()
    const chunk = group.chunks[this.#c]
    if (this.#i === chunk.items.length) chunk.items.push(cell)
    else chunk.items.splice(this.#i, 0, cell)
    if (this.tracked) cell.chunk = chunk
    chunk.size++
    group.size++
    this.length++
    if (chunk.items.length > CHUNK_MOST) this.#split(group, chunk)
  }

  remove(at: number): C {
    if (at < 0 || at >= this.length) throw new RangeError(`remove at ${at} of ${this.length}`)
    this.#change()
    if (this.#objects !== undefined) this.#objects.splice(at, 1)
    this.#seek(at)
    const group = this.#own()
    const chunk = group.chunks[this.#c]
    const { items } = chunk
    const cell = items[this.#i]
    if (this.tracked) cell.chunk = undefined
    chunk.size--
    if (this.#i === items.length - 1) items.pop()
    else items.splice(this.#i, 1)
    group.size--
    this.length--
    if (items.length === 0) {
      group.chunks.splice(this.#c, 1)
      if (group.chunks.length === 0) this.#groups.splice(this.#g, 1)
    }
    return cell
  }

  set(at: number, cell: C): C {
    this.#change()
    if (this.#objects !== undefined) this.#objects[at] = null
    this.#seek(at)
    const chunk = this.#own().chunks[this.#c]
    const { items } = chunk
    const old = items[this.#i]
    items[this.#i] = cell
    if (this.tracked) { old.chunk = undefined; cell.chunk = chunk }
    return old
  }

  /** `to` is the place after the cell was taken out. */
  move(from: number, to: number): void { this.insert(to, this.remove(from)) }

  /** Replaces the cell `old` of a list that tracks its cells. O(1) but for the list of groups. */
  replace(old: C, cell: C): void {
    this.#change()
    const chunk = old.chunk as Chunk<C>
    const g = this.#g = this.#groups.indexOf(chunk.group!)
    const c = this.#c = this.#groups[g].chunks.indexOf(chunk)
    const i = chunk.items.indexOf(old)
    if (this.#objects !== undefined) this.#objects[this.#position(g, c) + i] = null
    const own = this.#own().chunks[c]
    own.items[i] = cell
    old.chunk = undefined
    cell.chunk = own
  }

  /** The cells that are made of the list as it is now, some at a time: what changes meanwhile is copied, as behind a snapshot. */
  *made(): Generator<readonly C[], void, void> {
    this.#edit++
    for (const group of this.#groups) for (const { made } of group.made) yield made
  }

  #track(chunk: Chunk<C>, group: Group<C>): void {
    chunk.group = group
    for (const cell of chunk.items) cell.chunk = chunk
  }

  /** The list as it is now, for ever. O(1); the same object until the next change. */
  snapshot(): Snapshot<C> {
    if (this.#snapshot === undefined) {
      this.#snapshot = new Snapshot(this.#groups, this.length, this)
      this.#edit++
    }
    return this.#snapshot
  }

  /**
   * @internal The rows of the present snapshot as a new array. Not frozen: engines walk frozen arrays 5 to 70 × slower
   * (Node 20: `index` 228 against 41 ns, `slice` 1,818 against 26 for 50 rows); the type is readonly, and this list keeps its own copy.
   */
  publish(): readonly object[] {
    let objects = this.#objects
    if (objects === undefined) objects = this.#objects = this.#snapshot!.slice(0, this.length)
    else for (let i = objects.indexOf(null); i >= 0; i = objects.indexOf(null, i + 1)) objects[i] = this.get(i).get()
    this.#objectsEdit = this.#edit
    return (objects as object[]).slice()
  }

  #change(): void {
    const snapshot = this.#snapshot
    if (snapshot !== undefined) {
      // An old snapshot must not hold the list that goes on.
      snapshot.list = undefined
      this.#snapshot = undefined
      if (this.#objects !== undefined && (this.#objectsEdit !== this.#edit || this.length >= ARRAY_MOST)) this.#objects = undefined
    }
  }

  #position(g: number, c: number): number {
    let at = 0
    for (let i = 0; i < g; i++) at += this.#groups[i].size
    for (let i = 0; i < c; i++) at += this.#groups[g].chunks[i].size
    return at
  }

  #seek(at: number): void {
    const groups = this.#groups
    let g = 0
    while (at >= groups[g].size) at -= groups[g++].size
    const { chunks } = groups[g]
    let c = 0
    while (at >= chunks[c].size) at -= chunks[c++].size
    this.#g = g; this.#c = c; this.#i = at
  }

  #own(): Group<C> {
    const edit = this.#edit
    if (this.#groupsEdit !== edit) { this.#groups = this.#groups.slice(); this.#groupsEdit = edit }
    let group = this.#groups[this.#g]
    if (group.edit !== edit) {
      group = this.#groups[this.#g] = new Group(group.chunks.slice(), group.size, edit)
      if (this.tracked) for (const chunk of group.chunks) chunk.group = group
    }
    const chunk = group.chunks[this.#c]
    if (chunk.edit !== edit) {
      const own = group.chunks[this.#c] = new Chunk(chunk.items.slice(), edit)
      // What only old snapshots have leads to nothing that came later: that would lead on to what came after that, and so on.
      if (this.tracked) { chunk.group = undefined; this.#track(own, group) }
    }
    return group
  }

  #split(group: Group<C>, chunk: Chunk<C>): void {
    const more = new Chunk(chunk.items.splice(CHUNK), this.#edit)
    chunk.size = CHUNK
    if (this.tracked) this.#track(more, group)
    group.chunks.splice(this.#c + 1, 0, more)
    if (group.chunks.length <= GROUP_MOST) return
    const chunks = group.chunks.splice(GROUP)
    let size = 0
    for (const c of chunks) size += c.size
    group.size -= size
    const next = new Group(chunks, size, this.#edit)
    if (this.tracked) for (const c of chunks) c.group = next
    this.#groups.splice(this.#g + 1, 0, next)
  }
}

/** An immutable list of cells. */
export class Snapshot<C extends Cell> {
  #rows: readonly object[] | undefined
  readonly #groups: readonly Group<C>[]
  /** The list whose present state this is. */
  list: ChunkedList<C> | undefined
  constructor(groups: readonly Group<C>[], readonly length: number, list: ChunkedList<C>) {
    this.#groups = groups
    this.list = list
  }

  /** As users see it: an array up to 1,024 rows, else an array-like proxy that reads rows when asked. */
  rows(): readonly object[] {
    if (this.#rows !== undefined) return this.#rows
    if (this.length > ARRAY_MOST) return this.#rows = listProxy(this)
    return this.#rows = this.list !== undefined ? this.list.publish() : this.slice(0, this.length)
  }

  get(at: number): object | undefined {
    if (at < 0 || at >= this.length) return undefined
    let g = 0
    while (at >= this.#groups[g].size) at -= this.#groups[g++].size
    const { chunks } = this.#groups[g]
    let c = 0
    while (at >= chunks[c].size) at -= chunks[c++].size
    return chunks[c].items[at].get()
  }

  slice(start: number, end: number): object[] {
    const rows: object[] = []
    let at = 0
    for (const group of this.#groups) {
      if (at >= end) break
      if (at + group.size <= start) { at += group.size; continue }
      for (const chunk of group.chunks) {
        if (at >= end) break
        const to = Math.min(chunk.size, end - at)
        for (let i = Math.max(0, start - at); i < to; i++) rows.push(chunk.items[i].get())
        at += chunk.size
      }
    }
    return rows
  }

  /** Calls `fn` for the rows of a range in order, until it returns true. */
  each(start: number, end: number, fn: (row: object, at: number) => boolean | void): void {
    let at = 0
    for (const group of this.#groups) {
      if (at >= end) return
      if (at + group.size <= start) { at += group.size; continue }
      for (const chunk of group.chunks) {
        if (at >= end) return
        const n = chunk.size
        if (at + n > start) {
          const { items } = chunk
          const to = Math.min(n, end - at)
          for (let i = Math.max(0, start - at); i < to; i++) if (fn(items[i].get(), at + i) === true) return
        }
        at += n
      }
    }
  }

  /** The cells, some at a time. */
  *cells(): Generator<readonly C[], void, void> {
    for (const group of this.#groups) for (const { items } of group.chunks) yield items
  }

  /** Chunk by chunk, so that leaving early reads no more rows than needed. */
  *[Symbol.iterator](): ArrayIterator<object> {
    for (const group of this.#groups) for (const { items } of group.chunks) for (let i = 0; i < items.length; i++) yield items[i].get()
    return undefined
  }

  /** A proxy around the list that asks for this is given it as it is: see `LiveQuery`. */
  get [Symbol.toStringTag](): string { return 'Snapshot' }
}
