import type { Report } from '../changes.js'
import type { Database } from '../database.js'
import type { EddylineError } from '../errors.js'
import type { Patch } from '../patches.js'
import type { Written } from './journal.js'
import { type Rule, type RowEvent, ruleName } from './kinds.js'
import { valueText } from '../keys.js'
import { type TableJson, columnType, findRow, patchKeyText } from './row-keys.js'
import { Count, type Recipient, type RowSet, Tap, type Work, tellSet } from './row-set.js'

/** The rows of a table with an indexed value, or without one all rows of the table. */
export class Target implements RowSet {
  readonly recipients = new Set<Recipient>()
  readonly #counts = new Map<object, Map<string, Count>>()
  readonly tap: Tap | undefined
  /** What `by` names, in order. */
  readonly columns: readonly string[]

  constructor(readonly feed: TableFeed, readonly name: string, readonly by: Record<string, unknown> | undefined) {
    this.columns = Object.keys(by ?? {}).sort()
    if (by === undefined) return
    let query: any = feed.query
    for (const [column, value] of Object.entries(by)) query = query.where(column, value === null ? 'is' : '=', value)
    this.tap = new Tap(feed.db, query, feed.tenant, () => { feed.woke(this) })
  }

  /** The counters of a scope by a rule; counting begins when they are first asked for. */
  count(owner: object, rule: Rule): Count {
    let counts = this.#counts.get(owner)
    if (counts === undefined) this.#counts.set(owner, counts = new Map())
    const name = ruleName(rule)
    let count = counts.get(name)
    if (count === undefined) {
      counts.set(name, count = new Count({ upsertAs: rule.upsertAs, noop: rule.noop }, this.feed.db.version))
      this.join(count)
    }
    return count
  }

  /** All counters of a scope. */
  counts(owner: object): Iterable<Count> { return this.#counts.get(owner)?.values() ?? [] }

  /** Gives up the counters of a scope. */
  uncount(owner: object): void {
    const counts = [...this.counts(owner)]
    this.#counts.delete(owner)
    for (const count of counts) this.release(count)
  }

  /** Cost: the rows of this set that changed, however many changed in the table and whoever else looks at it. */
  events(): readonly RowEvent[] {
    const { feed, tap } = this
    if (tap === undefined) return feed.events()
    const { table } = feed
    feed.work.rows += tap.diff.length
    const here = new Map<string, Patch['t']>()
    for (const p of tap.diff) {
      if (p.t !== 'add' && p.t !== 'remove' && p.t !== 'set') continue
      const text = patchKeyText(table, p.key)
      here.set(text, here.has(text) ? 'set' : p.t)
    }
    const out: RowEvent[] = []
    for (const [text, how] of here) {
      const event = feed.event(text)
      if (event === undefined) continue
      const { what } = event
      if (how === 'add' && what !== 'insert') out.push({ ...event, what: 'entered' })
      else if (how === 'remove' && what !== 'delete') out.push({ ...event, what: 'left' })
      else out.push(event)
    }
    for (const event of feed.besides()) if (event.row !== undefined && feed.named(this.columns, event.row) === this.name) out.push(event)
    return out
  }

  join(recipient: Recipient): void {
    this.recipients.add(recipient)
    if (recipient.rule.noop === 'signal') this.feed.noops++
  }

  release(recipient: Recipient): void {
    if (!this.recipients.delete(recipient)) return
    if (recipient.rule.noop === 'signal') this.feed.noops--
    if (this.recipients.size === 0) this.feed.drop(this)
  }

  end(): void { this.tap?.end() }
}

/** An event of a whole table, with what finding it again needs. */
export interface TableEvent extends RowEvent {
  readonly text: string
  /** Of rows that came and went, and of writes that changed nothing: the row. */
  readonly row?: Record<string, unknown>
  readonly patch?: Patch
}

/** A member of a list that follows rows by their keys. */
export interface Follower {
  readonly since: number
  follow(text: string, event: TableEvent): void
}

/**
 * Everything that is watched of one table, of one tenant.
 *
 * Keeps one live query over the whole table (its patches say which rows changed) and one per indexed value that is looked
 * at (its patches say what they did to it): a row that leaves an indexed value was deleted only if it left the table.
 * Cost of a batch: its changed rows, times the indexed values that they are of.
 */
export class TableFeed {
  readonly targets = new Map<string, Target>()
  /** Lists that follow single rows, by the text of the key. */
  readonly followers = new Map<string, Set<Follower>>()
  written: Map<string, Written> | undefined
  readonly query: any
  /** How many want to know of writes that change nothing: then updates are looked up before they are applied. */
  noops = 0
  readonly #tap: Tap
  /** Sets of rows of which some changed at the version that is being told. */
  readonly #woken = new Set<Target>()
  /** How many indexed values of each choice of columns are watched. */
  readonly #columns = new Map<string, { readonly columns: readonly string[]; targets: number }>()
  #events: readonly TableEvent[] | undefined
  #net: Map<string, TableEvent> | undefined
  #besides: readonly TableEvent[] | undefined

  constructor(readonly db: Database<any>, readonly table: TableJson, readonly tenant: string | undefined, readonly work: Work, readonly wake: () => void, readonly retire: (feed: TableFeed) => void) {
    this.query = (db.query as any)[table.name]
    this.#tap = new Tap(db, this.query, tenant, () => { wake() })
  }

  get closed(): boolean { return this.#tap.live.status === 'closed' }

  /** Why it is not up to date. */
  get error(): EddylineError | undefined { return this.#tap.live.error }

  /** The rows with an indexed value, if they are watched. */
  known(by: Record<string, unknown> | undefined): Target | undefined { return this.targets.get(this.#named(by)) }

  #named(by: Record<string, unknown> | undefined): string { return by === undefined ? '' : this.named(Object.keys(by).sort(), by) }

  /** Name of the rows that have the values of this one in some columns. */
  named(columns: readonly string[], row: Readonly<Record<string, unknown>>): string {
    return columns.length === 0 ? '' : JSON.stringify(columns.map(c => [c, valueText(columnType(this.table, c, `by.${c}`), row[c])]))
  }

  /** Some rows with an indexed value changed. */
  woke(target: Target): void {
    this.#woken.add(target)
    this.wake()
  }

  target(by: Record<string, unknown> | undefined): Target {
    const name = this.#named(by)
    let target = this.targets.get(name)
    if (target !== undefined) return target
    this.targets.set(name, target = new Target(this, name, by))
    const columns = this.#columns.get(target.columns.join())
    if (columns === undefined) this.#columns.set(target.columns.join(), { columns: target.columns, targets: 1 })
    else columns.targets++
    return target
  }

  /** The row with a key, as it is now. */
  find(values: readonly unknown[]): Record<string, unknown> | undefined { return findRow(this.table, this.#tap.live, values) }

  follow(text: string, follower: Follower): void {
    const known = this.followers.get(text)
    if (known === undefined) this.followers.set(text, new Set([follower]))
    else known.add(follower)
  }

  unfollow(text: string, follower: Follower): void {
    const known = this.followers.get(text)
    known?.delete(follower)
    if (known?.size === 0) this.followers.delete(text)
    this.unused()
  }

  drop(target: Target): void {
    if (this.targets.get(target.name) === target) {
      this.targets.delete(target.name)
      const columns = this.#columns.get(target.columns.join())!
      if (--columns.targets === 0) this.#columns.delete(target.columns.join())
    }
    this.#woken.delete(target)
    target.end()
    this.unused()
  }

  /** Ends it when nobody looks at it. */
  unused(): void {
    if (this.targets.size > 0 || this.followers.size > 0) return
    this.retire(this)
    this.end()
  }

  /** Events of the version that is being told: the net effect of each row, and what was written besides. */
  events(): readonly TableEvent[] { return this.#events ??= [...this.#effects().values(), ...this.besides()] }

  /** What happened to the row with this key text. */
  event(text: string): TableEvent | undefined { return this.#effects().get(text) }

  /** Rows that came and went within the batch, and writes that changed nothing. */
  besides(): readonly TableEvent[] {
    if (this.#besides !== undefined) return this.#besides
    const out: TableEvent[] = []
    const net = this.#effects()
    for (const [text, w] of this.written ?? []) {
      if (net.has(text)) continue
      if (w.last === 'gone') { if (w.put) out.push({ key: w.key, text, what: 'passed', upsert: false, row: w.row }) }
      else if (w.row !== undefined) out.push({ key: w.key, text, what: 'noop', upsert: w.upsert, row: w.row, fields: () => [] })
    }
    return this.#besides = out
  }

  /** The net effect on each row, by the text of its key: read once per version, whoever asks. */
  #effects(): Map<string, TableEvent> {
    if (this.#net !== undefined) return this.#net
    const { table, written } = this
    const net = this.#net = new Map<string, TableEvent>()
    this.work.rows += this.#tap.diff.length
    for (const patch of this.#tap.diff) {
      if (patch.t !== 'add' && patch.t !== 'remove' && patch.t !== 'set') continue
      const text = patchKeyText(table, patch.key)
      const upsert = written?.get(text)?.upsert ?? false
      const what = patch.t === 'set' || net.has(text) ? 'update' : patch.t === 'add' ? 'insert' : 'delete'
      const fields = patch.t === 'set' ? () => Object.keys(patch.fields) : undefined
      net.set(text, { key: patch.key, text, what, upsert, fields, patch })
    }
    return net
  }

  /** Tells followers and recipients, then forgets the version. */
  tell(version: number, batch: Report): void {
    this.work.batches++
    if (this.followers.size > 0) {
      for (const event of this.#effects().values()) {
        for (const f of this.followers.get(event.text) ?? []) if (f.since < version) f.follow(event.text, event)
      }
    }
    // The whole table, those whose rows changed, and those of rows that are as they were, or came and went.
    const all = this.targets.get('')
    if (all !== undefined) this.#woken.add(all)
    for (const { row } of this.besides()) {
      if (row === undefined) continue
      for (const { columns } of this.#columns.values()) {
        const target = this.targets.get(this.named(columns, row))
        if (target !== undefined) this.#woken.add(target)
      }
    }
    for (const target of this.#woken) {
      this.work.sets++
      tellSet(target, version, batch)
    }
    this.#forget()
  }

  #forget(): void {
    this.#events = this.#net = this.#besides = this.written = undefined
    this.#tap.diff = []
    for (const target of this.#woken) if (target.tap !== undefined) target.tap.diff = []
    this.#woken.clear()
  }

  end(): void {
    for (const target of this.targets.values()) target.end()
    this.#tap.end()
  }
}
