import { type AnyRow, rowText } from './compare.js'
import type { Graph, Hop, Node, Path } from './graph.js'

/** Where `sync` finds rows that the value does not hold: the tables of a database, or what events brought. */
export interface Rows {
  readonly graph: Graph
  /** What is not found is not there. */
  readonly complete: boolean
  get(table: Node, key: readonly unknown[]): AnyRow | undefined
  /** Whether an association shows a row; undefined if that is not known. */
  shows(path: Path, owner: AnyRow, target: AnyRow): boolean | undefined
  /** What an association shows, in order; undefined if that is not known. Of a single one: the first. */
  members(path: Path, owner: AnyRow): AnyRow[] | undefined
  /** Where members may be not known: what a row shows of an association somewhere in the value. */
  held?(table: Node, row: AnyRow, name: string): unknown
  follow(hops: readonly Hop[], from: readonly AnyRow[]): AnyRow[]
  /** Rows of the join table that lead to a target, of two hops; undefined if that is not known. */
  leading(path: Path, target: AnyRow): AnyRow[] | undefined
}

/** Some rows of a list in the order in which the list has them. */
export function asListed(table: Node, list: readonly AnyRow[], some: readonly AnyRow[]): AnyRow[] {
  const places = new Map<string, number>()
  list.forEach((row, i) => { const name = rowText(table, row); if (!places.has(name)) places.set(name, i) })
  const at = (row: AnyRow): number => places.get(rowText(table, row)) ?? list.length
  return some.map(row => ({ row, at: at(row) })).sort((a, b) => a.at - b.at).map(({ row }) => row)
}
