// The association paths of a schema, computed once: which tables a value of one table may show rows of, and by which steps.
import { cellOf } from '../cells.js'
import { EddylineError, unknownName } from '../errors.js'
import { keyParts } from '../keys.js'
import { said } from '../option-kinds.js'
import type { ExprJson } from '../query/expr.js'
import type { AnySchema, SchemaJson } from '../schema.js'
import { type AnyRow, type OrderColumn, type Types, equalCells, keyText, pick, pointing } from './compare.js'

/** One step of an association: rows of `table` whose `right` columns equal the `left` columns of the row before. */
export interface Hop {
  readonly table: Node
  readonly left: readonly string[]
  readonly right: readonly string[]
  readonly where: ExprJson | undefined
  /** Columns of `table` that say whether a row is led to. */
  readonly reads: readonly string[]
}

/** An association as steps; a `through` has those of all that it goes through. */
export interface Path {
  readonly name: string
  readonly owner: Node
  readonly target: Node
  readonly hops: readonly Hop[]
  /** One row or null rather than a list. */
  readonly single: boolean
  /** A manyToMany that shows a target once per row of the join table. */
  readonly keep: boolean
  /** Declared order; empty: order of arrival. */
  readonly order: readonly OrderColumn[]
  /** Names of the associations that a `through` goes through. */
  readonly via: readonly string[] | undefined
  /** Every table whose rows may change what the association shows, at any depth. */
  readonly reach: ReadonlySet<Node>
}

/** A table. */
export interface Node {
  readonly name: string
  readonly columns: readonly string[]
  readonly key: readonly string[]
  readonly types: Types
  /** Columns that cannot be null. */
  readonly required: ReadonlySet<string>
  readonly tenanted: boolean
  readonly paths: ReadonlyMap<string, Path>
  /** Tables that its associations lead to or pass, at any depth. */
  readonly reach: ReadonlySet<Node>
  /** Columns that associations of any table compare: what a message must carry to be routed. */
  readonly linking: ReadonlySet<string>
}

interface RelationJson {
  name: string; kind: string; table: string; columns: string[]; references?: string[]; join?: string; joinTarget?: string[]; path?: string[]
  duplicates?: string; where?: ExprJson; orderBy?: { expr: ExprJson; desc?: boolean; nulls?: 'first' | 'last' }[]
}
interface OpenNode { name: string; columns: string[]; key: string[]; types: Types; required: ReadonlySet<string>; tenanted: boolean; paths: Map<string, Path>; reach: Set<Node>; linking: Set<string> }

const graphs = /* @__PURE__ */ new WeakMap<AnySchema, Graph>()

/** The graph of a schema; made on first use. Cost: tables times associations. */
export function graphOf(schema: AnySchema): Graph {
  let graph = graphs.get(schema)
  if (graph === undefined) graphs.set(schema, graph = new Graph(schema.json))
  return graph
}

export class Graph {
  readonly #tables = new Map<string, OpenNode>()

  constructor(json: SchemaJson) {
    for (const t of json.tables) {
      this.#tables.set(t.name, {
        name: t.name, columns: t.columns.map(c => c.name), key: t.key, types: Object.fromEntries(t.columns.map(c => [c.name, c.type])),
        required: new Set(t.columns.filter(c => !c.nullable).map(c => c.name)), tenanted: t.tenant, paths: new Map(), reach: new Set(), linking: new Set(),
      })
    }
    const written = new Map(json.tables.map(t => [t.name, new Map((t.relations as unknown as RelationJson[]).map(r => [r.name, r]))]))
    for (const t of json.tables) for (const r of t.relations as unknown as RelationJson[]) this.#resolve(written, t.name, r)
    this.#close()
  }

  get tables(): Iterable<Node> { return this.#tables.values() }

  /** Throws UNKNOWN_TABLE. */
  table(name: string, path?: string): Node {
    const found = this.#tables.get(name)
    if (found === undefined) throw unknownName('UNKNOWN_TABLE', `table \`${said(name)}\``, name, this.#tables.keys(), path)
    return found
  }

  find(name: string): Node | undefined { return this.#tables.get(name) }

  /** Throws UNKNOWN_RELATION. */
  path(table: Node, name: string, at?: string): Path {
    const found = table.paths.get(name)
    if (found === undefined) throw unknownName('UNKNOWN_RELATION', `association \`${name}\` on \`${table.name}\``, name, table.paths.keys(), at)
    return found
  }

  /** The key of a row, or of what names a row (a value, an array in key order, an object), as rows show it. Throws MISSING_KEY, TYPE_MISMATCH. */
  keyOf(table: Node, given: unknown, path?: string): unknown[] {
    const parts = keyParts(table.key, table.key.map(c => table.types[c]), given)
    if (parts.length !== table.key.length || parts.some(p => p === undefined || p === null)) {
      throw new EddylineError('MISSING_KEY', `the key of \`${table.name}\` is (${table.key.join(', ')})`, { path, offending: table.name })
    }
    return parts.map((part, i) => cellOf(table.types[table.key[i]], part, table.key[i], path))
  }

  #resolve(written: Map<string, Map<string, RelationJson>>, owner: string, r: RelationJson): Path {
    const own = this.#tables.get(owner)!
    const done = own.paths.get(r.name)
    if (done !== undefined) return done
    const order = (r.orderBy ?? []).map(o => ({ column: o.expr.name!, desc: o.desc === true, nullsFirst: o.nulls === undefined ? o.desc === true : o.nulls === 'first' }))
    let hops: Hop[]
    let target: OpenNode
    let ordered: readonly OrderColumn[] = order
    if (r.kind === 'through') {
      hops = []
      target = own
      for (const step of r.path!) {
        const next = this.#resolve(written, target.name, written.get(target.name)!.get(step)!)
        hops.push(...next.hops)
        if (order.length === 0) ordered = next.order
        target = next.target as OpenNode
      }
    } else {
      target = this.#tables.get(r.table)!
      const hop = (table: OpenNode, left: readonly string[], right: readonly string[], where?: ExprJson): Hop => ({ table, left, right, where, reads: [...columnsIn(where, new Set(right))] })
      if (r.kind === 'manyToMany') {
        const join = this.#tables.get(r.join!)!
        hops = [hop(join, r.references ?? own.key, r.columns), hop(target, r.joinTarget!, target.key, r.where)]
      } else if (r.kind === 'belongsTo') hops = [hop(target, r.columns, r.references ?? target.key, r.where)]
      else hops = [hop(target, r.references ?? own.key, r.columns, r.where)]
      let from: OpenNode = own
      for (const h of hops) {
        for (const c of h.left) from.linking.add(c)
        for (const c of h.right) (h.table as OpenNode).linking.add(c)
        from = h.table as OpenNode
      }
    }
    const path: Path = {
      name: r.name, owner: own, target, hops, single: r.kind === 'belongsTo' || r.kind === 'hasOne', keep: r.duplicates === 'keep', order: ordered, via: r.path, reach: new Set(hops.map(h => h.table)),
    }
    own.paths.set(r.name, path)
    return path
  }

  /** Reach until nothing is added: associations run in circles. */
  #close(): void {
    for (let grown = true; grown;) {
      grown = false
      for (const table of this.#tables.values()) {
        for (const path of table.paths.values()) {
          const reach = path.reach as Set<Node>
          const before = reach.size + table.reach.size
          for (const t of path.target.reach) reach.add(t)
          for (const t of reach) table.reach.add(t)
          if (reach.size + table.reach.size > before) grown = true
        }
      }
    }
  }
}

/** Columns that a condition names. */
export function columnsIn(e: ExprJson | undefined, into: Set<string>): Set<string> {
  if (e?.op === 'col' && e.name !== undefined) into.add(e.name)
  for (const a of e?.args ?? []) columnsIn(a, into)
  return into
}

/** Name of a row: equal for equal keys. */
export function rowName(table: Node, key: readonly unknown[]): string { return `${table.name} ${keyText(table, key)}` }

/** Whether a hop leads from one row to another, its `where` aside. */
export function links(hop: Hop, from: AnyRow, to: AnyRow): boolean {
  const values = pick(from, hop.left)
  return pointing(values) && hop.right.every((c, i) => equalCells(hop.table.types[c], values[i], to[c]))
}
