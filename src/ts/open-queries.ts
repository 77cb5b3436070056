// The live queries of a database: equal plans share one, and one that nobody uses stays for a moment.
import { later } from './breathe.js'
import type { LiveOptions } from './database.js'
import { type Dispatcher } from './dispatch.js'
import type { EddylineError } from './errors.js'
import { opening } from './live-json.js'
import { QueryEvent, type LiveStatus, type SharedQuery } from './live-query.js'
import { type Form, type QueryLike, formOf } from './query/builder.js'
import type { ParamQuery, ParamSpec } from './query/params.js'
import type { QueryJson } from './query/types.js'
import type { SchemaJson } from './schema.js'
import { isSliced } from './sliced.js'
import { readsTable } from './touches.js'

/** What opens and drops the view behind a query. */
export interface QueryDoor {
  /** A query that nobody has yet. Throws what is wrong with it. */
  open(key: string, json: QueryJson, types: ParamSpec | undefined, form: Form, sliced: LiveOptions['sliced'], family: Family): SharedQuery
  /** Lets in all rows of a query that comes in slices. */
  whole?(query: SharedQuery): void
  /** Nobody used it for the grace time; not called when `ended` says so. */
  drop(query: SharedQuery): void
  ended(): boolean
}

/**
 * Queries that differ in their constants: their keys begin with its number instead of its text, which is long and the same for all. `json`
 * is one of them: but for the constants it says what each of them is, of which there may be thousands.
 */
export interface Family { readonly id: number; readonly form: string; readonly json: QueryJson; queries: number }

/** Milliseconds of a slice. */
const SLICE = 4

const keyOf = (v: unknown): string => (typeof v === 'string' ? JSON.stringify(v) : typeof v === 'bigint' ? `${v}n` : String(v))

export class OpenQueries {
  readonly #plans = new Map<string, SharedQuery>()
  readonly #families = new Map<string, Family>()
  /** Families so far. */
  #numbered = 0
  /** Live queries that share their view with no others, so far. */
  #alone = 0

  constructor(readonly door: QueryDoor, readonly dispatcher: Dispatcher, readonly schema: SchemaJson, readonly graceMs: number) {}

  all(): SharedQuery[] { return [...this.#plans.values()] }

  /** The query behind `db.live`. */
  live(query: QueryLike<any> | ParamQuery<any, any>, options: LiveOptions | undefined): SharedQuery {
    const { json, types, own } = opening(query, options)
    // What can be set is of one live query alone.
    return this.shared(json, own ? `#${++this.#alone} ` : '', types, options?.sliced)
  }

  shared(json: QueryJson, alone = '', types?: ParamSpec, sliced?: LiveOptions['sliced']): SharedQuery {
    const slices = isSliced(sliced)
    const form = formOf(json)
    const family = this.#families.get(form.form) ?? { id: ++this.#numbered, form: form.form, json, queries: 0 }
    const key = `${alone}${family.id} ${form.constants.map(keyOf).join()}`
    const known = this.#plans.get(key)
    if (known !== undefined) {
      if (known.timer !== undefined) { clearTimeout(known.timer); known.timer = undefined }
      // Who asks without slices has all rows at once.
      if (known.slicing && !slices) this.door.whole?.(known)
      return known
    }
    const query = this.door.open(key, json, types, form, sliced, family)
    this.#plans.set(key, query)
    if (family.queries++ === 0) this.#families.set(family.form, family)
    return query
  }

  /** A view without users stays for a moment: frameworks drop and take again what they use. */
  retire(query: SharedQuery): void {
    if (this.door.ended()) return
    if (query.timer !== undefined) clearTimeout(query.timer)
    query.timer = later(() => { this.#expire(query) }, Math.min(this.graceMs, 0x7fffffff))
  }

  /** Its time is over. What it showed of many rows is kept in slices; who takes it again in the middle has it as it is. */
  #expire(query: SharedQuery): void {
    const steps = query.view.settling()
    const go = (): void => {
      query.timer = undefined
      if (query.users > 0 || this.door.ended()) { steps.return(); return }
      for (const end = performance.now() + SLICE; steps.next().done !== true;) {
        if (performance.now() > end) { query.timer = later(go); return }
      }
      if (!query.view.settled) query.view.settle()
      this.#drop(query)
    }
    go()
  }

  #drop(query: SharedQuery): void {
    this.#plans.delete(query.planKey)
    const { family } = query
    if (--family.queries === 0) this.#families.delete(family.form)
    this.door.drop(query)
    query.view.detach()
  }

  /** Those that nobody uses do not wait for their time. */
  dropUnused(): void {
    if (this.door.ended()) return
    for (const query of this.all()) {
      if (query.timer === undefined) continue
      clearTimeout(query.timer)
      query.timer = undefined
      query.view.settle()
      this.#drop(query)
    }
  }

  /** No more changes of any of them; `readable`: what was shown still is. They are to be told. */
  close(readable: boolean, status: LiveStatus, error: EddylineError | undefined): SharedQuery[] {
    const queries = this.all()
    for (const query of queries) {
      if (query.timer !== undefined) clearTimeout(query.timer)
      query.close(readable, status, error)
    }
    this.#plans.clear()
    this.#families.clear()
    return queries
  }

  /** A touched row could not be fetched, or (without an error) is known again: those whose status changed. One whose rows are still to come says so when they are there. */
  fetched(name: string, table: string, tenant: string | undefined, error: EddylineError | undefined): SharedQuery[] {
    return this.all().filter(q => (error === undefined || this.reads(q, table, tenant)) && q.fetched(name, error))
  }

  /** Whether a query reads a table, of the tenant. */
  reads({ family: { json } }: SharedQuery, table: string, tenant: string | undefined): boolean {
    return (tenant === undefined || json.tenant === undefined || json.tenant === tenant) && readsTable(this.schema, json, table)
  }

  /** Tells changes of status. */
  tell(queries: readonly SharedQuery[]): void {
    const events = queries.filter(q => q.listeners.size > 0).map(q => new QueryEvent(q, undefined, undefined))
    if (events.length > 0) this.dispatcher.push(events, undefined)
  }
}
