// Rows as an application holds them, for `sync` without a database: those of the value, and those that events bring.
import { type AnyRow, compareRows, keyText, rowText, sameCell } from './compare.js'
import { truth } from './condition.js'
import { type ReadEvent, linkedBy } from './events.js'
import { type Graph, type Hop, type Node, type Path, links } from './graph.js'
import type { Rows } from './rows.js'

/** What is held is not all there is: whether a row is linked through a join table is known only from events. */
export class HeldRows implements Rows {
  readonly complete = false
  readonly #known = new Map<Node, Map<string, AnyRow>>()
  /** Rows as they were, at any time before: what they linked then. */
  readonly #gone = new Map<Node, AnyRow[]>()

  /** Rows of the value with what they have loaded, at whatever place. */
  readonly #loaded = new Map<Node, Map<string, AnyRow>>()

  constructor(readonly graph: Graph) {}

  /** Rows of the value, before what events bring. */
  hold(table: Node, row: AnyRow): void {
    const name = rowText(table, row)
    const loaded = this.#of(this.#loaded, table), known = this.#of(this.#known, table)
    const before = loaded.get(name)
    loaded.set(name, before === undefined ? row : { ...row, ...before })
    if (!known.has(name)) known.set(name, columnsOf(table, row))
  }

  held(table: Node, row: AnyRow, name: string): unknown { return this.#of(this.#loaded, table).get(rowText(table, row))?.[name] }

  /** Takes an event in. Returns it with the row of before, if it does not say what that was and it is known here. */
  take(event: ReadEvent): ReadEvent {
    const { table, key, given, old } = event
    const name = keyText(table, key)
    const known = this.#of(this.#known, table)
    const was = known.get(name)
    for (const before of [old, was]) if (before !== undefined && before !== null) this.#left(table, before)
    if (event.event === 'deleted' || given === null) known.delete(name)
    else if (given !== undefined) {
      // What points elsewhere now comes last there.
      if (was !== undefined && [...table.linking].some(c => given[c] !== undefined && !sameCell(given[c], was[c]))) known.delete(name)
      known.set(name, { ...was, ...given })
    }
    return old === undefined ? { ...event, old: linkedBy(table, was) } : event
  }

  get(table: Node, key: readonly unknown[]): AnyRow | undefined { return this.#of(this.#known, table).get(keyText(table, key)) }

  shows(path: Path, owner: AnyRow, target: AnyRow): boolean | undefined {
    const { hops } = path
    const last = hops[hops.length - 1]
    if (!passes(last, target)) return false
    if (hops.length === 1) return links(last, owner, target)
    if (hops.length > 2) return undefined
    const [first] = hops
    const from = (join: AnyRow): boolean => passes(first, join) && links(first, owner, join)
    const joins = [...this.#of(this.#known, first.table).values()].filter(from)
    if (joins.some(join => links(last, join, target))) return true
    // Was there, by rows that are known or by some that were: and is not any more.
    const key = rowText(path.target, target)
    const images = [target, ...(this.#gone.get(path.target) ?? []).filter(image => rowText(path.target, image) === key)]
    return [...joins, ...(this.#gone.get(first.table) ?? []).filter(from)].some(join => images.some(image => links(last, join, image))) ? false : undefined
  }

  members(path: Path, owner: AnyRow): AnyRow[] | undefined {
    if (path.hops.length > 1) return undefined
    const rows = [...this.#of(this.#known, path.target).values()].filter(r => this.shows(path, owner, r) === true)
    // Without an order as they came.
    if (path.order.length > 0 || path.single) rows.sort((a, b) => compareRows(a, b, path.order, path.target))
    return path.single ? rows.slice(0, 1) : rows
  }

  leading(): undefined { return undefined }

  follow(hops: readonly Hop[], from: readonly AnyRow[]): AnyRow[] {
    let rows = [...from]
    for (const hop of hops) rows = [...this.#of(this.#known, hop.table).values()].filter(r => passes(hop, r) && rows.some(f => links(hop, f, r)))
    return rows
  }

  #left(table: Node, before: AnyRow): void {
    const images = this.#gone.get(table)
    if (images === undefined) this.#gone.set(table, [before])
    else images.push(before)
  }

  #of(map: Map<Node, Map<string, AnyRow>>, table: Node): Map<string, AnyRow> {
    let rows = map.get(table)
    if (rows === undefined) map.set(table, rows = new Map())
    return rows
  }
}

/** A row without the associations that it has loaded: as they were is not as they are. */
function columnsOf(table: Node, row: AnyRow): AnyRow {
  let out = row
  for (const name of table.paths.keys()) {
    if (!(name in row)) continue
    if (out === row) out = { ...row }
    delete out[name]
  }
  return out
}

/** Whether a row satisfies the condition of a hop. */
function passes({ table, where }: Hop, row: AnyRow): boolean { return where === undefined || truth(where, row, table.types) === true }
