// `sync`: the value an application held, and what happened → the value it holds now.
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { said } from '../option-kinds.js'
import type { QueryLike } from '../query/builder.js'
import { jsonOf } from '../query/parts.js'
import type { AnySchema } from '../schema.js'
import type { AnyRow } from './compare.js'
import { type Assocs, type Notification, type ReadEvent, type RowEvent, type Shape, isNotification, readEvents, shapeOf } from './events.js'
import { type Graph, type Node, graphOf } from './graph.js'
import { type Happened, News } from './happened.js'
import { HeldRows } from './held.js'
import { Pass, type Root } from './pass.js'
import { reconcile } from './reconcile.js'
import type { Rows } from './rows.js'
import { tablesOf } from './tables.js'
import { type Of, checkOf, checkOptions, firstNamed, isPlain, memberOf, schemaOf, tableNamed, tableOf } from './value.js'

export interface SyncOptions {
  /** The table of the value's rows, where columns alone do not tell; for a record, one per member. A list or null of one table takes in rows of that table only. */
  of?: Of | undefined
  /** Per table: associations that rows of it load when they come in. By default they load what rows beside them have. */
  preloads?: { readonly [table: string]: Assocs } | undefined
  /** Associations of rows at the top, of the first table that `of` names or the value shows, for values that have none yet. A notification brings those that were subscribed, for rows of its table. */
  assocs?: Assocs | undefined
  /** Reads every row and list on the way anew, whatever the event says. */
  force?: boolean | undefined
  /** The value is the list of this query: it takes in, orders and cuts as the query does. */
  query?: QueryLike<any> | undefined
  /** Whose rows, for tenanted tables. */
  tenant?: string | undefined
}

/** What `sync` takes as news. */
export type Told = RowEvent | readonly RowEvent[] | Notification

/**
 * The value after an event. Pure: what is unchanged is `===`, the value itself if nothing in it is concerned; values that
 * are no rows come back as they are.
 *
 * ```ts
 * posts = sync(db, posts, event)                                  // { table, event, id }, or what `subscribe` tells
 * person = sync(db, person, events, { preloads: { posts: 'tags' } })
 * ```
 * A row's columns, the associations that it has loaded (members named like them) and theirs follow the tables: rows
 * enter and leave as keys and conditions say, in declared order or at the end. A row inserted into a list (or null) at
 * the top is taken in; a deleted one leaves its list, and stays where it stands alone. With a schema instead of a
 * database only the value and the rows in the events are known.
 *
 * Throws EVENT_INVALID, UNKNOWN_TABLE, UNKNOWN_RELATION, MISSING_KEY, TYPE_MISMATCH, AMBIGUOUS_ROW, TENANT_REQUIRED, INVALID_ARGUMENT. Cost: one walk through
 * the rows of the value on paths to the events' tables, however many events, and O(log n) lookups for each list that may change.
 */
export function sync<V>(source: Database<any> | AnySchema, value: V, given: Told, options: SyncOptions = {}): V {
  return bounded('value', () => synced(source, value, given, options))
}

/** Throws INVALID_ARGUMENT where recursion finds no end. */
export function bounded<T>(path: string, fn: () => T): T {
  try { return fn() } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new EddylineError('INVALID_ARGUMENT', 'a value that contains itself, or is nested too deeply', { path, cause: error })
  }
}

function synced<V>(source: Database<any> | AnySchema, value: V, given: Told, options: SyncOptions): V {
  const schema = schemaOf(source)
  const db = schema === source ? undefined : source as Database<any>
  const graph = graphOf(schema)
  checkOptions('INVALID_ARGUMENT', options, ['of', 'preloads', 'assocs', 'force', 'query', 'tenant'])
  checkOf(graph, options.of)
  for (const [name, given, type] of [['force', options.force, 'boolean'], ['tenant', options.tenant, 'string']] as const) {
    if (given !== undefined && typeof given !== type) throw new EddylineError('INVALID_ARGUMENT', `\`${name}\` is a ${type}`, { path: name, offending: said(given) })
  }
  if (options.preloads !== undefined && !isPlain(options.preloads)) throw new EddylineError('INVALID_ARGUMENT', '`preloads` are associations per table', { path: 'preloads', offending: said(options.preloads) })
  if (options.query !== undefined) jsonOf(options.query)
  if (typeof options.of === 'string') shapeOf(graph, graph.table(options.of), options.assocs)
  if (options.query !== undefined && db === undefined) throw new EddylineError('INVALID_ARGUMENT', '`query` needs a database: without one no query can be asked', { path: 'query' })
  if (options.query !== undefined && db !== undefined) return reconcile(graph, db, value, options.query, options.tenant) as V
  if (value === undefined || (typeof value !== 'object')) return value
  const events = readEvents(graph, given, db === undefined)
  const preloads = new Map(Object.entries(options.preloads ?? {}).map(([name, assocs]) => {
    const table = graph.table(name, 'preloads')
    return [table, shapeOf(graph, table, assocs, `preloads.${name}`)] as const
  }))
  const force = options.force === true
  const held = db === undefined ? new HeldRows(graph) : undefined
  const rows: Rows = held ?? tablesOf(db!, options.tenant)
  // What is kept for later, or told after a listener has applied: what images of before led to may be gone from the tables.
  const late = db !== undefined && !(isNotification(given) && given.version === db.version)
  const holding = (events: readonly ReadEvent[]): Holder => new Holder(graph, new News(rows, events, late), options.of, isNotification(given) ? given.table : undefined)
  let holder = holding(events)
  // Asked only when a row comes in where none is yet.
  const roots = (): Root[] => holder.roots(value)
  if (held !== undefined) {
    for (const { table, row } of roots()) holdAll(held, table, row)
    holder = holding(events.map(event => held.take(event)))
  }
  const { news } = holder
  news.read()
  // Those of a notification are of the table that was subscribed to, wherever else in the value its rows are.
  const [assocs, subscribed] = options.assocs === undefined && isNotification(given) ? [given.assocs, given.table] : [options.assocs, undefined]
  const shaped = once(() => {
    const table = subscribed === undefined ? firstNamed(graph, options.of) ?? roots()[0]?.table ?? holder.comes?.table ?? events[0].table : graph.table(subscribed)
    return { table, shape: shapeOf(graph, table, assocs) }
  })
  const shape = (top: Node): Shape => assocs !== undefined && shaped().table === top ? shaped().shape : {}
  return holder.through(value, new Pass(rows, news, roots, { preloads, shape, force })) as V
}

function once<T>(fn: () => T): () => T {
  let known: { readonly value: T } | undefined
  return () => (known ??= { value: fn() }).value
}

function holdAll(held: HeldRows, table: Node, row: AnyRow): void {
  held.hold(table, row)
  for (const path of table.paths.values()) {
    const below = row[path.name]
    for (const child of Array.isArray(below) ? below : below ? [below] : []) if (isPlain(child)) holdAll(held, path.target, child)
  }
}

/** Walks the value down to its rows. */
class Holder {
  constructor(readonly graph: Graph, readonly news: News, readonly of: Of | undefined, readonly likely: string | undefined) {}

  readonly #matters = (table: Node): boolean => this.news.of(table) !== undefined || this.news.concern(table.reach)

  /** The first row that came, of any table. */
  get comes(): Happened | undefined {
    for (const table of this.news.tables) for (const h of this.news.of(table)!.values()) if (h.inserted && h.now !== undefined) return h
    return undefined
  }

  #table(row: AnyRow, of: Of | undefined): Node | undefined { return tableNamed(this.graph, of) ?? tableOf(this.graph, row, this.#matters, this.likely) }

  /** A list is of one table: that of its first row. */
  #tableOfList(value: readonly unknown[], of: Of | undefined): Node | undefined {
    const first = value.find(isPlain)
    return first === undefined ? undefined : this.#table(first, of)
  }

  /** The rows at the top of the value. */
  roots(value: unknown, of: Of | undefined = this.of, out: Root[] = []): Root[] {
    if (Array.isArray(value)) {
      const table = this.#tableOfList(value, of)
      if (table !== undefined) value.forEach(row => { if (isPlain(row)) out.push({ table, row }) })
    } else if (value instanceof Map) for (const [name, one] of value) this.roots(one, memberOf(of, String(name)), out)
    else if (isPlain(value)) {
      const table = typeof of === 'object' ? undefined : this.#table(value, of)
      if (table !== undefined) out.push({ table, row: value })
      else for (const [name, one] of Object.entries(value)) this.roots(one, memberOf(of, name), out)
    }
    return out
  }

  through(value: unknown, pass: Pass, of: Of | undefined = this.of, inside = false): unknown {
    if (value === null || value === undefined) {
      const first = value === null ? this.#coming(of, inside)[0] : undefined
      return first === undefined ? value : pass.fresh(first)
    }
    if (Array.isArray(value)) return this.#list(value, pass, of, inside)
    if (value instanceof Map) {
      let out: Map<unknown, unknown> | undefined
      for (const [name, one] of value) {
        const next = this.through(one, pass, memberOf(of, String(name)), true)
        if (next !== one) (out ??= new Map(value)).set(name, next)
      }
      return out ?? value
    }
    if (!isPlain(value)) return value
    const table = typeof of === 'object' ? undefined : this.#table(value, of)
    if (table !== undefined) return pass.lone(table, value)
    let out: AnyRow | undefined
    for (const [name, one] of Object.entries(value)) {
      const next = this.through(one, pass, memberOf(of, name), true)
      if (next !== one) (out ??= { ...value })[name] = next
    }
    return out ?? value
  }

  #list(value: readonly unknown[], pass: Pass, of: Of | undefined, inside: boolean): unknown {
    if (value.length === 0) {
      const coming = this.#coming(of, inside)
      return coming.length === 0 ? value : coming.map(h => pass.fresh(h))
    }
    const table = this.#tableOfList(value, of)
    return table === undefined ? value : pass.list(table, value)
  }

  /** Rows that an empty place takes in: at the top those of the first table that has any, inside of records only of the table that was said. */
  #coming(of: Of | undefined, inside: boolean): Happened[] {
    const table = typeof of === 'string' ? this.graph.find(of) : of === undefined && !inside ? this.comes?.table : undefined
    const here = table === undefined ? undefined : this.news.of(table)
    return [...here?.values() ?? []].filter(h => h.inserted && h.now !== undefined)
  }
}
