import type { AnyRow } from './compare.js'
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
  follow(hops: readonly Hop[], from: readonly AnyRow[]): AnyRow[]
}
