// Sets of rows that are watched: what they tell, to whom, and the live queries behind them.
import type { Report } from '../changes.js'
import type { Database } from '../database.js'
import type { LiveEvent } from '../dispatch.js'
import type { LiveQuery } from '../live-query.js'
import type { Patch } from '../patches.js'
import type { QueryLike } from '../query/builder.js'
import type { QueryJson } from '../query/types.js'
import type { AnySchema } from '../schema.js'
import { type Counters, type Rule, type RowEvent, type Tally, ruleName, tally, zeros } from './kinds.js'
import { type TableJson, patchKeyText } from './row-keys.js'

/** What is told of each batch that changes a set of rows. */
export interface Recipient {
  readonly rule: Rule
  readonly columns: readonly string[] | undefined
  /** Version at which it began: it is told of later ones only. */
  readonly since: number
  receive(tally: Tally, version: number, batch: Report): void
}

/** What was done for the watches of one tenant: batches that woke a table or query, changed rows and row sets that were looked at. */
export interface Work { batches: number; rows: number; sets: number }

/** A set of rows that is watched: all of a table, those with an indexed value, or those of a query. */
export interface RowSet {
  readonly recipients: Set<Recipient>
  /** What happened to its rows at the version that is being told. */
  events(): readonly RowEvent[]
  join(recipient: Recipient): void
  release(recipient: Recipient): void
}

/** Patches of the version that is being told, from one internal live query. */
export class Tap {
  readonly live: LiveQuery<any>
  diff: readonly Patch[] = []
  readonly #stop: () => void

  constructor(db: Database<any>, query: QueryLike<any>, tenant: string | undefined, wake: (event: LiveEvent<any>) => void) {
    this.live = db.live(query, tenant === undefined ? undefined : { tenant })
    this.#stop = this.live.subscribe(event => {
      if (event.batch === undefined) return
      this.diff = event.diff
      wake(event)
    })
  }

  end(): void {
    this.#stop()
    this.live.dispose()
  }
}

/** A recipient that sums up: counters of one rule, kept while the scope lives. */
export class Count implements Recipient {
  readonly columns = undefined
  values: Counters = zeros()
  /** Told when they have changed, before anybody is told of the version. */
  changed: (() => void) | undefined
  constructor(readonly rule: Rule, readonly since: number) {}
  receive({ counts }: Tally): void {
    for (const kind of Object.keys(counts) as (keyof Counters)[]) this.values[kind] += counts[kind]
    this.changed?.()
  }
}

/** The rows of a query: what enters counts as inserted, what leaves as deleted. */
export class QuerySet implements RowSet {
  readonly recipients = new Set<Recipient>()
  readonly #tap: Tap
  readonly #table: TableJson | undefined

  constructor(db: Database<any>, query: QueryLike<any>, tenant: string | undefined, readonly work: Work, wake: (set: QuerySet) => void) {
    this.#table = tableOfRows(db.schema, query.toJSON())
    this.#tap = new Tap(db, query, tenant, () => { wake(this) })
  }

  events(): readonly RowEvent[] { return eventsOf(this.#tap.diff, this.#table) }

  tell(version: number, batch: Report): void {
    this.work.batches++
    this.work.rows += this.#tap.diff.length
    this.work.sets++
    tellSet(this, version, batch)
    this.#tap.diff = []
  }

  join(recipient: Recipient): void { this.recipients.add(recipient) }

  release(recipient: Recipient): void {
    this.recipients.delete(recipient)
    if (this.recipients.size === 0) this.#tap.end()
  }
}

/** The table whose rows a query shows, each under its own key; undefined if it joins, groups or puts together. */
function tableOfRows(schema: AnySchema, { from, joins, groupBy, distinct, distinctOn, setOp, ctes }: QueryJson): TableJson | undefined {
  return joins ?? groupBy ?? distinct ?? distinctOn ?? setOp ?? ctes ? undefined : schema.json.tables.find(t => t.name === from)
}

/**
 * What patches say of the rows at the top. A change inside of a row is an update of it; a change of place is none. With the
 * `table` that they are of, a row that went under one spelling of its key and came under another was updated.
 */
export function eventsOf(diff: readonly Patch[], table?: TableJson): RowEvent[] {
  const out = new Map<unknown, { key: unknown; what: 'insert' | 'delete' | 'update'; names: string[] | undefined }>()
  for (const p of diff) {
    const top = p.path.length === 0
    if (top && (p.t === 'move' || p.t === 'one')) continue
    const key = top ? (p as { key: unknown }).key : p.path[0]
    const text = table !== undefined ? patchKeyText(table, key) : typeof key === 'object' && key !== null ? JSON.stringify(key, (_, v) => typeof v === 'bigint' ? `${v}n` : v) : key
    let event = out.get(text)
    if (top && (p.t === 'add' || p.t === 'remove')) {
      const what = p.t === 'add' ? 'insert' : 'delete'
      // Gone and back: its members are new, nobody says which.
      if (event === undefined || event.what === 'update') out.set(text, { key, what, names: undefined })
      else if (event.what !== what) Object.assign(event, { key, what: 'update' })
      continue
    }
    if (event === undefined) out.set(text, event = { key, what: 'update', names: [] })
    event.names?.push(...(top && p.t === 'set' ? Object.keys(p.fields) : [String(p.path[1])]))
  }
  return [...out.values()].map(({ key, what, names }) => ({ key, what, upsert: false, fields: names === undefined ? undefined : () => names }))
}

export function tellSet(set: RowSet, version: number, batch: Report): void {
  if (set.recipients.size === 0) return
  const events = set.events()
  if (events.length === 0) return
  const known = new Map<string, Tally>()
  for (const r of [...set.recipients]) {
    if (r.since >= version) continue
    const name = `${ruleName(r.rule)} ${r.columns?.join() ?? ''}`
    let counted = known.get(name)
    if (counted === undefined) known.set(name, counted = tally(events, r.rule, r.columns))
    if (counted.counts.changes > 0) r.receive(counted, version, batch)
  }
}
