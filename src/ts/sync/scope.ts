// The rows that a subscription with associations follows: those it was given, and what hangs on them now.
import { keyText, pick, pointing, rowText, textOf } from './compare.js'
import { type Shape } from './events.js'
import type { RowChange } from './feed.js'
import { type Hop, type Node, type Path, rowName } from './graph.js'
import type { Tables } from './tables.js'
import { ALL, type Topics } from './topics.js'

/** What a scope needs of its subscription. */
export interface ScopeHost {
  readonly tables: Tables
  readonly topics: Topics
  /** The table is listened to from now on; returns the function that ends it. */
  listen(table: Node): () => void
  /** A change that the subscription is to be told of. */
  collect(change: RowChange): void
  /** The scope has something to settle. */
  dirty(): void
}

/** One association of one followed row: the rows on each step of it, and the topics that tell of changes there. */
interface Branch {
  readonly path: Path
  readonly below: Shape
  /** Per hop: keys of rows that are there. */
  hops: Set<string>[]
  children: Map<string, Followed>
  stops: (() => void)[]
  hits: Set<{ change: RowChange; hop: number }>
  structural: boolean
}

interface Followed {
  readonly table: Node
  readonly key: readonly unknown[]
  readonly name: string
  readonly shape: Shape
  users: number
  branches: Branch[]
  stops: (() => void)[]
}

/**
 * Follows rows along associations. A change re-reads the lists that it may have changed, and no others: rows that enter
 * are followed from then on, rows that nothing leads to any more are let go.
 */
export class Scope {
  readonly #followed = new Map<string, Followed>()
  readonly #roots = new Map<string, Followed>()
  readonly #dirty = new Map<Branch, Followed>()

  constructor(readonly host: ScopeHost) {}

  get size(): number { return this.#followed.size }
  get empty(): boolean { return this.#roots.size === 0 }
  get roots(): { table: Node; key: readonly unknown[] }[] { return [...this.#roots.values()] }

  /** Whether a row is among those that are followed or shown. */
  shows(table: Node, key: readonly unknown[]): boolean {
    const name = keyText(table, key)
    for (const followed of this.#followed.values()) {
      if (followed.table === table && keyText(table, followed.key) === name) return true
      for (const { path, hops } of followed.branches) if (path.hops.some((hop, i) => hop.table === table && hops[i].has(name))) return true
    }
    return false
  }

  /** Follows a row; twice is once. */
  root(table: Node, key: readonly unknown[], shape: Shape): void {
    const name = nameOf(table, key, shape)
    if (!this.#roots.has(name)) this.#roots.set(name, this.#follow(table, key, shape, true))
  }

  /** Follows a row no more that was followed by `root`. */
  leave(table: Node, key: readonly unknown[], shape: Shape): void {
    const name = nameOf(table, key, shape)
    const root = this.#roots.get(name)
    if (root === undefined) return
    this.#roots.delete(name)
    this.#release(root)
  }

  /** Re-reads what changed. Events reach the subscription's `collect`. */
  settle(version: number): void {
    for (;;) {
      const next = this.#dirty.entries().next()
      if (next.done) return
      const [branch, owner] = next.value
      this.#dirty.delete(branch)
      if (owner.users === 0) continue
      const before = branch.hops
      const hits = [...branch.hits]
      branch.hits.clear()
      if (branch.structural) {
        branch.structural = false
        this.#read(owner, branch)
      }
      for (const { change, hop } of hits) {
        const key = keyText(change.table, change.key)
        // Without a condition whoever has the columns is there.
        if (branch.path.hops[hop].where === undefined || before[hop]?.has(key) || branch.hops[hop]?.has(key) || this.host.tables.db.version !== version) this.host.collect(change)
      }
    }
  }

  close(): void {
    for (const root of this.#roots.values()) this.#release(root)
    this.#roots.clear()
    this.#dirty.clear()
  }

  #follow(table: Node, key: readonly unknown[], shape: Shape, root: boolean): Followed {
    const name = (root ? 'root ' : '') + nameOf(table, key, shape)
    const known = this.#followed.get(name)
    if (known !== undefined) { known.users++; return known }
    const followed: Followed = { table, key, name, shape, users: 1, branches: [], stops: [] }
    this.#followed.set(name, followed)
    followed.stops.push(this.host.listen(table), this.host.topics.add(table, table.key, key, { events: root ? ['updated', 'deleted'] : ALL, hit: change => { this.#changed(followed, change, root) } }))
    for (const [association, below] of Object.entries(shape)) {
      const branch: Branch = { path: table.paths.get(association)!, below, hops: [], children: new Map(), stops: [], hits: new Set(), structural: false }
      followed.branches.push(branch)
      for (const hop of branch.path.hops) followed.stops.push(this.host.listen(hop.table))
      this.#read(followed, branch)
    }
    return followed
  }

  #changed(followed: Followed, change: RowChange, root: boolean): void {
    if (root) this.host.collect(change)
    for (const branch of followed.branches) {
      if (change.event === 'updated' && !branch.path.hops[0].left.some(c => change.changed.includes(c))) continue
      this.#mark(followed, branch, true)
    }
  }

  #mark(followed: Followed, branch: Branch, structural: boolean): void {
    if (structural) branch.structural = true
    this.#dirty.set(branch, followed)
    this.host.dirty()
  }

  /** Reads an association anew: what is there, what leads there, whom to follow. */
  #read(owner: Followed, branch: Branch): void {
    const { path } = branch
    const { tables } = this.host
    for (const stop of branch.stops) stop()
    branch.stops = []
    branch.hops = path.hops.map(() => new Set())
    const from = tables.get(owner.table, owner.key)
    let rows = from === undefined ? [] : [from]
    path.hops.forEach((hop, i) => {
      const next = new Map<string, typeof rows[number]>()
      const told = new Set<string>()
      for (const row of rows) {
        const values = pick(row, hop.left)
        if (!pointing(values) || told.has(textOf(values))) continue
        told.add(textOf(values))
        branch.stops.push(this.host.topics.add(hop.table, hop.right, values, { events: ALL, hit: change => { this.#hit(owner, branch, hop, i, change) } }))
        for (const r of tables.step(hop, row)) next.set(rowText(hop.table, r), r)
      }
      for (const key of next.keys()) branch.hops[i].add(key)
      rows = [...next.values()]
    })
    const children = new Map<string, Followed>()
    if (Object.keys(branch.below).length > 0) {
      for (const row of rows) {
        const key = pick(row, path.target.key)
        const child = this.#follow(path.target, key, branch.below, false)
        children.set(child.name, child)
      }
    }
    for (const child of branch.children.values()) this.#release(child)
    branch.children = children
  }

  #hit(owner: Followed, branch: Branch, hop: Hop, at: number, change: RowChange): void {
    branch.hits.add({ change, hop: at })
    const plain = change.event === 'updated' && hop.where === undefined && !change.changed.some(c => hop.table.linking.has(c))
    this.#mark(owner, branch, !plain)
  }

  #release(followed: Followed): void {
    if (--followed.users > 0) return
    this.#followed.delete(followed.name)
    for (const stop of followed.stops) stop()
    for (const branch of followed.branches) {
      this.#dirty.delete(branch)
      for (const stop of branch.stops) stop()
      for (const child of branch.children.values()) this.#release(child)
    }
    followed.branches = []
  }
}

function nameOf(table: Node, key: readonly unknown[], shape: Shape): string { return `${rowName(table, key)} ${JSON.stringify(shape)}` }
