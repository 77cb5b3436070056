// `sync`: the value an application held, and what happened → the value it holds now.
import type { Database } from '../database.js'
import type { QueryLike } from '../query/builder.js'
import type { AnySchema } from '../schema.js'
import { type AnyRow, pick, textOf } from './compare.js'
import { type Assocs, type Notification, type ReadEvent, type RowEvent, type Shape, isNotification, readEvents, shapeOf } from './events.js'
import { type Graph, type Node, graphOf } from './graph.js'
import { HeldRows } from './held.js'
import { Pass, type Root } from './pass.js'
import { type Arrange, merge, mergeRow, reconcile } from './reconcile.js'
import { type Rows, asListed } from './rows.js'
import { tablesOf } from './tables.js'
import { type Of, checkOf, checkOptions, isPlain, memberOf, tableNamed, tableOf } from './value.js'

export interface SyncOptions {
  /** The table of the value's rows, where columns alone do not tell; for a record, one per member. A list or null of one table takes in rows of that table only. */
  of?: Of
  /** Per table: associations that rows of it load when they come in. By default they load what rows beside them have. */
  preloads?: { readonly [table: string]: Assocs }
  /** Associations of rows at the top, for values that have none yet. A notification brings those that were subscribed. */
  assocs?: Assocs
  /** Reads every row and list on the way anew, whatever the event says. */
  force?: boolean
  /** The value is the list of this query: it takes in, orders and cuts as the query does. */
  query?: QueryLike<any>
  /** Whose rows, for tenanted tables. */
  tenant?: string
}

/** What `sync` takes as news. */
export type News = RowEvent | readonly RowEvent[] | Notification

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
 * Throws EVENT_INVALID, UNKNOWN_TABLE, UNKNOWN_RELATION, MISSING_KEY, AMBIGUOUS_ROW, TENANT_REQUIRED. Cost: the rows of
 * the value on paths to the event's table, and O(log n) lookups for each list that may change.
 */
export function sync<V>(source: Database<any> | AnySchema, value: V, news: News, options: SyncOptions = {}): V {
  const db = 'json' in source ? undefined : source
  const graph = graphOf(db === undefined ? source as AnySchema : db.schema as AnySchema)
  if (options.query !== undefined && db !== undefined) return reconcile(graph, db, value, options.query, options.tenant) as V
  if (value === undefined || (typeof value !== 'object')) return value
  const events = readEvents(graph, news)
  checkOptions('INVALID_ARGUMENT', options, ['of', 'preloads', 'assocs', 'force', 'query', 'tenant'])
  checkOf(graph, options.of)
  const preloads = new Map(Object.entries(options.preloads ?? {}).map(([name, assocs]) => {
    const table = graph.table(name, 'preloads')
    return [table, shapeOf(graph, table, assocs, `preloads.${name}`)] as const
  }))
  const assocs = options.assocs ?? (isNotification(news) ? news.assocs : undefined)
  const force = options.force === true
  const held = db === undefined ? new HeldRows(graph) : undefined
  const rows: Rows = held ?? tablesOf(db!, options.tenant)
  for (const event of events) held?.take(event)
  let out: unknown = value
  for (const event of events) {
    const holder = new Holder(graph, event, options.of, isNotification(news) ? news.table : undefined)
    const before = out
    // Asked only when a row comes in where none is yet.
    const roots = (): Root[] => holder.roots(before)
    if (held !== undefined) for (const { table, row } of roots()) holdAll(held, table, row)
    const shape = (): Shape => assocs === undefined ? {} : shapeOf(graph, roots()[0]?.table ?? tableNamed(graph, options.of) ?? event.table, assocs)
    out = holder.through(out, new Pass(rows, event, roots, { preloads, shape, force }), options.of)
  }
  // One event may undo in a list what the one before did: a row takes its place among others that are yet to change.
  const [first] = events
  return (events.length > 1 && out !== value ? new Holder(graph, first, options.of, isNotification(news) ? news.table : undefined).shared(value, out, options.of, arrivedIn(rows)) : out) as V
}

/** Events say nothing of the order in which rows came: several that came into a list without an order stand as they arrived. */
function arrivedIn(rows: Rows): Arrange | undefined {
  if (!rows.complete) return undefined
  return (path, owner, old, now) => {
    if (path.order.length > 0 || now.length < 2) return now
    const { key } = path.target
    const before = new Set(old.map(row => textOf(pick(row as AnyRow, key))))
    const fresh = (now as readonly AnyRow[]).filter(row => !before.has(textOf(pick(row, key))))
    if (fresh.length < 2) return now
    const arrived = asListed(path.target, rows.members(path, owner) ?? [], fresh)
    const place = new Map(fresh.map((row, i) => [row, arrived[i]]))
    return now.map(row => place.get(row as AnyRow) ?? row)
  }
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
  constructor(readonly graph: Graph, readonly event: ReadEvent, readonly of: Of | undefined, readonly likely: string | undefined) {}

  readonly #matters = (table: Node): boolean => table === this.event.table || table.reach.has(this.event.table)

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

  /** The new value with the old objects wherever these are equal. */
  shared(old: unknown, now: unknown, of: Of | undefined, arrange: Arrange | undefined): unknown {
    if (old === now) return old
    if (Array.isArray(old) && Array.isArray(now)) return merge(this.#tableOfList(now, of), old, now, arrange)
    if (old instanceof Map && now instanceof Map) {
      const out = new Map([...now].map(([name, one]) => [name, this.shared(old.get(name), one, memberOf(of, String(name)), arrange)]))
      return [...out].every(([name, one]) => old.get(name) === one) ? old : out
    }
    if (!isPlain(old) || !isPlain(now)) return now
    const table = typeof of === 'object' ? undefined : this.#table(now, of)
    if (table !== undefined) return mergeRow(table, old, now, arrange)
    const out = Object.fromEntries(Object.entries(now).map(([name, one]) => [name, this.shared(old[name], one, memberOf(of, name), arrange)]))
    return Object.entries(out).every(([name, one]) => old[name] === one) ? old : out
  }

  through(value: unknown, pass: Pass, of: Of | undefined, inside = false): unknown {
    if (value === null || value === undefined) return value === null && this.#takes(of, inside) && pass.exists ? pass.fresh() : value
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
    if (value.length === 0) return this.#takes(of, inside) && pass.exists ? [pass.fresh()] : value
    const table = this.#tableOfList(value, of)
    return table === undefined ? value : pass.list(table, value)
  }

  /** Whether an empty place takes the row in: any table's at the top, inside of records only of the table that was said. */
  #takes(of: Of | undefined, inside: boolean): boolean {
    if (this.event.event !== 'inserted') return false
    return of === undefined ? !inside : of === this.event.table.name
  }
}
