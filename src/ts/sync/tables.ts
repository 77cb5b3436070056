// Rows as the tables of a database have them now, found by key and by association.
import type { Database } from '../database.js'
import { EddylineError, codedError } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import { planKey } from '../query/builder.js'
import type { ExprJson } from '../query/expr.js'
import { rowByKey } from '../row-by-key.js'
import type { AnySchema } from '../schema.js'
import { type AnyRow, type OrderColumn, compareRows, pick, pointing, textOf } from './compare.js'
import { type Graph, type Hop, type Node, type Path, graphOf, links } from './graph.js'
import { IndexView } from './index-view.js'
import { type Rows, asListed } from './rows.js'

const opened = /* @__PURE__ */ new WeakMap<Database<any>, Map<string | undefined, Tables>>()

/** The tables of a database, of one tenant if given: one object per database and tenant. */
export function tablesOf(db: Database<any>, tenant: string | undefined): Tables {
  let perTenant = opened.get(db)
  if (perTenant === undefined) opened.set(db, perTenant = new Map())
  let tables = perTenant.get(tenant)
  if (tables === undefined) perTenant.set(tenant, tables = new Tables(db, tenant))
  return tables
}

/** Gives the indexes of a tenant back. They are made again when needed. */
export function closeTablesOf(db: Database<any>, tenant: string): void {
  opened.get(db)?.get(tenant)?.close()
  opened.get(db)?.delete(tenant)
}

/** Gives the indexes of a database back. */
export function closeTables(db: Database<any>): void {
  for (const tables of opened.get(db)?.values() ?? []) tables.close()
  opened.delete(db)
}

/**
 * Lookups: by key in the tables, by the columns of an association over live queries that are kept, with its `where` and order,
 * all of them judged by the engine. What was found is remembered until the next version.
 */
export class Tables implements Rows {
  readonly complete = true
  readonly graph: Graph
  readonly #indexes = new Map<string, IndexView>()
  /** The nested list of each association that was read last. */
  readonly #lists = new Map<Path, LiveQuery<AnyRow>>()
  readonly #found = new Map<string, AnyRow | undefined>()
  #version = -1

  constructor(readonly db: Database<any>, readonly tenant: string | undefined) { this.graph = graphOf(db.schema as AnySchema) }

  /** The row with this key, undefined if it is not there. */
  get(table: Node, key: readonly unknown[]): AnyRow | undefined { return this.#byKey(table, undefined, key) }

  /** Whether a row of the table satisfies the condition of a hop. */
  passes(hop: Hop, row: AnyRow): boolean { return hop.where === undefined || this.#byKey(hop.table, hop.where, pick(row, hop.table.key)) !== undefined }

  /** Rows that a hop leads to from a row, in order of their keys. */
  step(hop: Hop, from: AnyRow): AnyRow[] {
    const values = pick(from, hop.left)
    return pointing(values) ? this.#index(hop.table, hop.where, hop.right, []).range(values) : []
  }

  /**
   * What an association shows for an owner, in its order: of several hops each target once. Without a declared order that is
   * the order of arrival, which the nested list of a live query has; asked only of lists of two and more.
   */
  members(path: Path, owner: AnyRow): AnyRow[] {
    const rows = this.#members(path, owner)
    return path.single || path.order.length > 0 || rows.length < 2 ? rows : this.#arrived(path, owner, rows)
  }

  #members(path: Path, owner: AnyRow): AnyRow[] {
    if (path.hops.length === 1) {
      const [hop] = path.hops
      const values = pick(owner, hop.left)
      return pointing(values) ? this.#index(hop.table, hop.where, hop.right, path.order).range(values, path.single ? 1 : Infinity) : []
    }
    if (path.keep) return this.#sorted(path, this.step(path.hops[0], owner).flatMap(join => this.step(path.hops[1], join)))
    return this.#sorted(path, this.follow(path.hops, [owner]))
  }

  /** Rows at the end of a chain of hops from some rows, each once. */
  follow(hops: readonly Hop[], from: readonly AnyRow[]): AnyRow[] {
    let rows = from
    for (const hop of hops) {
      const next = new Map<string, AnyRow>()
      for (const row of rows) for (const r of this.step(hop, row)) next.set(textOf(pick(r, hop.table.key)), r)
      rows = [...next.values()]
    }
    return rows as AnyRow[]
  }

  /** Rows of the join table that lead to a target. */
  leading({ hops: [first, last] }: Path, target: AnyRow): AnyRow[] {
    const values = pick(target, last.right)
    return pointing(values) ? this.#index(first.table, first.where, last.left, []).range(values) : []
  }

  /** Whether an association of an owner shows a row of its target. Over one or two hops: without reading the list. */
  shows(path: Path, owner: AnyRow, target: AnyRow): boolean {
    const { hops } = path
    const last = hops[hops.length - 1]
    if (!this.passes(last, target)) return false
    if (hops.length === 1) return links(last, owner, target)
    if (hops.length === 2) {
      const [first] = hops
      const values = [...pick(owner, first.left), ...pick(target, last.right)]
      return pointing(values) && this.#index(first.table, first.where, [...first.right, ...last.left], []).range(values, 1).length > 0
    }
    const key = textOf(pick(target, path.target.key))
    return this.follow(hops, [owner]).some(r => textOf(pick(r, path.target.key)) === key)
  }

  /** Rows of a list in the order in which they came to belong there. */
  #arrived(path: Path, owner: AnyRow, rows: AnyRow[]): AnyRow[] {
    const { db, tenant } = this
    let query = (db.query as any)[path.owner.name]
    for (const c of path.owner.key) query = query.where(c, '=', owner[c])
    let list: readonly AnyRow[]
    try {
      const live = db.live<AnyRow>(query.with(path.name), { label: `sync:${path.owner.name}.${path.name}`, ...(path.owner.tenanted ? { tenant } : {}) })
      // The last one stays: what it is found by is there for the next.
      this.#lists.get(path)?.dispose()
      this.#lists.set(path, live)
      list = live.rows[0]?.[path.name] as AnyRow[] | undefined ?? []
    } catch (error) {
      // Longer ways than a live query can go have no order of arrival.
      if (codedError(error)?.code === 'QUERY_INVALID') return rows
      throw error
    }
    const names = new Set(list.map(row => textOf(pick(row, path.target.key))))
    if (list.length === rows.length && rows.every(row => names.has(textOf(pick(row, path.target.key))))) return [...list]
    return asListed(path.target, list, rows)
  }

  close(): void {
    for (const live of this.#lists.values()) live.dispose()
    this.#lists.clear()
    for (const index of this.#indexes.values()) index.close()
    this.#indexes.clear()
    this.#found.clear()
  }

  #sorted(path: Path, rows: AnyRow[]): AnyRow[] { return rows.sort((a, b) => compareRows(a, b, path.order, path.target)) }

  #byKey(table: Node, where: ExprJson | undefined, key: readonly unknown[]): AnyRow | undefined {
    if (this.#version !== this.db.version) { this.#found.clear(); this.#version = this.db.version }
    const name = textOf([table.name, where === undefined ? null : planKey({ where }), ...key])
    if (this.#found.has(name)) return this.#found.get(name)
    // The engine's own index, but for conditions and for moments, which are known here by the millisecond.
    const own = where === undefined && table.key.every(c => table.types[c] !== 'timestamp')
    const row = own ? rowByKey(this.db.inside, table.name, key, this.#tenantOf(table)) : this.#index(table, where, table.key, []).range(key, 1)[0]
    this.#found.set(name, row)
    return row
  }

  #index(table: Node, where: ExprJson | undefined, columns: readonly string[], order: readonly OrderColumn[]): IndexView {
    const name = planKey({ from: table.name, where, columns, order } as never)
    let index = this.#indexes.get(name)
    if (index === undefined) {
      this.#indexes.set(name, index = new IndexView(this.db, table, where, columns, order, this.#tenantOf(table)))
    }
    return index
  }

  #tenantOf(table: Node): string | undefined {
    if (!table.tenanted) return undefined
    if (this.tenant === undefined) throw new EddylineError('TENANT_REQUIRED', `\`${table.name}\` holds rows of tenants: say which, { tenant }`, { offending: table.name })
    return this.tenant
  }
}
