// What is behind the labels of assigns: one row, a list of rows by their keys, a query.
import type { LiveEvent } from '../dispatch.js'
import { EddylineError } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import type { Patch } from '../patches.js'
import type { QueryLike } from '../query/builder.js'
import type { AnySchema } from '../schema.js'
import type { Follower, TableEvent, TableFeed } from './feed.js'
import type { SignalKind } from './kinds.js'
import { type TableJson, keyText, keyValues } from './row-keys.js'
import { eventsOf } from './row-set.js'
import type { Scope } from './scope.js'

/** What a label stands for. */
export interface Entry {
  /** How many watches it is. */
  readonly weight: number
  /** What the label shows at the version that was told last. */
  readonly value: unknown
  /** Why it is not up to date. */
  readonly error: EddylineError | undefined
  /** What it shows after `cancel`. */
  readonly nothing: unknown
  /** Patches since the value before; undefined when they were not kept. */
  takePatches(): readonly Patch[] | undefined
  end(): void
}

const NOTHING: readonly unknown[] = /* @__PURE__ */ Object.freeze([])

/** One row: null while it is not there, and watched all the time. */
export class OneEntry<S extends AnySchema> implements Entry {
  readonly weight = 1
  readonly nothing = null
  value: unknown
  readonly #live: LiveQuery<any>
  readonly #stop: () => void

  constructor(scope: Scope<S>, table: TableJson, id: unknown, changed: () => void) {
    const values = keyValues(table, id)
    let query = (scope.query as any)[table.name]
    table.key.forEach((name, i) => { query = query.where(name, '=', values[i]) })
    this.#live = scope.live<any>(query)
    this.value = this.#live.rows[0] ?? null
    this.#stop = this.#live.subscribe(event => {
      if (event.batch === undefined) return
      this.value = event.rows[0] ?? null
      changed()
    })
  }

  get error(): EddylineError | undefined { return this.#live.error }

  takePatches(): undefined { return undefined }

  end(): void { this.#stop(); this.#live.dispose() }
}

/** A query: a live query whose updates may be withheld. */
export class AllEntry<S extends AnySchema> implements Entry {
  readonly weight = 1
  readonly nothing = NOTHING
  value: readonly unknown[]
  readonly #live: LiveQuery<any>
  readonly #stop: () => void
  #patches: readonly Patch[] | undefined
  #withheld = false
  /** What came last has not been told. */
  #waiting = false

  constructor(scope: Scope<S>, query: QueryLike<any>, kind: SignalKind, changed: () => void) {
    this.#live = scope.live<any>(query)
    this.value = this.#live.rows
    this.#stop = this.#live.subscribe(event => {
      // A query that was in error and is as it was before tells its rows without a difference.
      if (event.batch === undefined || event.diff.length === 0) return
      if (!wanted(event, kind)) { this.#withheld = true; return }
      this.value = event.rows
      if (this.#waiting && this.#patches !== undefined) this.#patches = this.#withheld ? undefined : [...this.#patches, ...event.diff]
      else if (!this.#waiting) this.#patches = this.#withheld ? undefined : event.diff
      this.#waiting = true
      this.#withheld = false
      changed()
    })
  }

  /** Why the query has no result: its rows are the last good ones then. */
  get error(): EddylineError | undefined { return this.#live.error }

  takePatches(): readonly Patch[] | undefined {
    const patches = this.#patches
    this.#patches = undefined
    this.#waiting = false
    return patches
  }

  end(): void { this.#stop(); this.#live.dispose() }
}

/** Whether a list that waits for `kind` shows what an event brought. Places count as what is in the list. */
function wanted({ diff }: LiveEvent<any>, kind: SignalKind): boolean {
  if (kind === 'changes') return true
  if (kind === 'collection' && diff.some(p => p.t === 'move' && p.path.length === 0)) return true
  const does = { inserts: ['insert'], deletes: ['delete'], collection: ['insert', 'delete'], updates: ['update'] }[kind]
  return eventsOf(diff).some(e => does.includes(e.what))
}

/**
 * Rows by their keys, in the order given; those that are not there are left out, and watched.
 *
 * Another list keeps what both hold: the rows and their places among the followers of the table.
 */
export class ManyEntry<S extends AnySchema> implements Entry {
  readonly nothing = NOTHING
  value: readonly unknown[] = NOTHING
  #members: ReadonlyMap<string, Member> = new Map<string, Member>()
  #fresh = true

  constructor(readonly scope: Scope<S>, readonly table: TableJson, readonly feed: TableFeed, readonly changed: () => void) {}

  get weight(): number { return this.#members.size }

  get error(): EddylineError | undefined { return this.feed.error }

  /** Sets the list of keys. Throws MISSING_KEY, WATCH_LIMIT; then it stays as it was. */
  set(ids: readonly unknown[]): void {
    const wanted = new Map<string, readonly unknown[]>()
    ids.forEach((id, i) => {
      try {
        const values = keyValues(this.table, id)
        const text = keyText(this.table, values)
        if (!wanted.has(text)) wanted.set(text, values)
      } catch (error) {
        if (error instanceof EddylineError) throw new EddylineError(error.code, error.message, { path: `ids[${i}]`, offending: error.offending })
        throw error
      }
    })
    const kept = new Map(this.#members)
    const members = new Map<string, Member>()
    for (const [text, values] of wanted) {
      const known = kept.get(text)
      kept.delete(text)
      members.set(text, known ?? new Member(this.feed.db.version, this.feed.find(values), () => { this.#fresh = true; this.changed() }))
    }
    const more = members.size - this.#members.size
    if (more > 0) this.scope.hold(more)
    else this.scope.free(-more)
    for (const [text, member] of members) if (this.#members.get(text) !== member) this.feed.follow(text, member)
    this.#members = members
    // New ones first, so that the table is never without followers in between.
    for (const [text, member] of kept) this.feed.unfollow(text, member)
    this.#fresh = true
    this.refresh()
  }

  /** Makes the list anew when a member changed; the same list if its rows are the same. */
  refresh(): void {
    if (!this.#fresh) return
    this.#fresh = false
    const rows = [...this.#members.values()].map(m => m.row).filter(row => row !== undefined)
    if (rows.length !== this.value.length || rows.some((row, i) => row !== this.value[i])) this.value = rows
  }

  takePatches(): undefined { return undefined }

  /** Gives back the members; the watches are given back by whoever holds the entry. */
  end(): void {
    for (const [text, member] of this.#members) this.feed.unfollow(text, member)
    this.#members = new Map()
    if (this.feed.followers.size === 0) this.feed.unused()
  }
}

class Member implements Follower {
  constructor(readonly since: number, public row: Record<string, unknown> | undefined, readonly changed: () => void) {}

  follow(_: string, event: TableEvent): void {
    const { what, patch } = event
    if (what === 'delete') this.row = undefined
    else if (patch?.t === 'add') this.row = patch.value
    else if (patch?.t === 'set') this.row = { ...this.row, ...patch.fields }
    this.changed()
  }
}
