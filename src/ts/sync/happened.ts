// What events say, put together: per row, whatever their number, so that one walk through a value serves them all.
import { type AnyRow, type Types, pick, pointing, sameCell, textOfCells } from './compare.js'
import type { ReadEvent } from './events.js'
import type { Hop, Node, Path } from './graph.js'
import type { Rows } from './rows.js'

/** What happened to one row. */
export interface Happened {
  readonly table: Node
  readonly key: readonly unknown[]
  /** The row as it is now, undefined if it is gone or not known. */
  readonly now: AnyRow | undefined
  /** Images of before, as far as they are known. */
  readonly olds: readonly AnyRow[]
  /** All images that were told, of before and after. */
  readonly told: readonly AnyRow[]
  /** Some event does not say what the row was before. */
  readonly blind: boolean
  /** It was not there before. */
  readonly born: boolean
  readonly inserted: boolean
  readonly deleted: boolean
}

type Open = { -readonly [K in keyof Happened]: K extends 'olds' | 'told' ? AnyRow[] : Happened[K] }
/** An image of a row, old or new. */
export interface Image { readonly of: Happened; readonly row: AnyRow }

/** Equal for equal values of columns; cheap for one column of texts or numbers, which most are. */
export function nameOf(types: Types, columns: readonly string[], values: readonly unknown[]): unknown {
  if (columns.length === 1) {
    const [value] = values, type = types[columns[0]]
    if (type === 'text' || type === 'int' || type === 'float' || type === 'uuid') return value
  }
  return textOfCells(types, columns, values)
}

export function nameOfRow(table: Node, row: AnyRow): unknown {
  const { key } = table
  return key.length === 1 ? nameOf(table.types, key, [row[key[0]]]) : nameOf(table.types, key, pick(row, key))
}

export class News {
  readonly #tables = new Map<Node, Map<unknown, Happened>>()
  readonly #linked = new Map<Hop, Map<unknown, Image[]>>()
  readonly #leading = new Map<Path, Map<unknown, Happened[]> | null>()
  readonly #concerned = new Map<ReadonlySet<Node>, boolean>()

  /** `late`: the tables may be newer than the events. */
  constructor(readonly rows: Rows, events: readonly ReadEvent[], readonly late: boolean) {
    for (const { table, key, event, old, given } of events) {
      let here = this.#tables.get(table) as Map<unknown, Open> | undefined
      if (here === undefined) this.#tables.set(table, here = new Map())
      const name = nameOf(table.types, table.key, key)
      let happened = here.get(name)
      if (happened === undefined) here.set(name, happened = { table, key, now: undefined, olds: [], told: [], blind: false, born: false, inserted: false, deleted: false })
      if (old === undefined) happened.blind = true
      else if (old === null) happened.born = true
      else happened.olds.push(old)
      for (const image of [old, given]) if (image) happened.told.push(image)
      if (event === 'inserted') happened.inserted = true
      if (event === 'deleted') happened.deleted = true
    }
  }

  /** Reads the rows as they are now. */
  read(): void { for (const here of this.#tables.values()) for (const h of here.values() as Iterable<Open>) h.now = this.rows.get(h.table, h.key) }

  /** Tables in the order of the events. */
  get tables(): Iterable<Node> { return this.#tables.keys() }

  of(table: Node): ReadonlyMap<unknown, Happened> | undefined { return this.#tables.get(table) }

  find(table: Node, row: AnyRow): Happened | undefined {
    const here = this.#tables.get(table)
    return here === undefined ? undefined : here.get(nameOfRow(table, row))
  }

  /** Whether anything happened in one of some tables. */
  concern(tables: ReadonlySet<Node>): boolean {
    let known = this.#concerned.get(tables)
    if (known === undefined) this.#concerned.set(tables, known = [...this.#tables.keys()].some(t => tables.has(t)))
    return known
  }

  /** Whether rows on a hop changed of which it is not known what they were, or, far from the target, what they led to. */
  blind(path: Path, at: number): boolean {
    const far = this.late && path.hops.length > 2
    for (const h of this.#tables.get(path.hops[at].table)?.values() ?? []) if (h.blind || (far && h.olds.length > 0 && (h.now === undefined || this.away(path, at, h)))) return true
    return false
  }

  /** Whether a row is no more. */
  gone({ now, deleted }: Happened): boolean { return now === undefined && (this.rows.complete || deleted) }

  /** A row that came or went, and is there: in between, nobody may have heard of what hangs on it. */
  returned({ now, inserted, deleted }: Happened): boolean { return this.rows.complete && now !== undefined && (inserted || deleted) }

  /** Whether a row was told with other values of some columns than it has. */
  shifted({ now, told }: Happened, columns: readonly string[]): boolean {
    return this.rows.complete && now !== undefined && told.some(image => columns.some(c => image[c] !== undefined && !sameCell(image[c], now[c])))
  }

  /** Whether a row on a hop of an association may have been away from it in between. */
  away({ hops }: Path, at: number, happened: Happened): boolean {
    return this.returned(happened) || this.shifted(happened, hops[at].reads) || (at + 1 < hops.length && this.shifted(happened, hops[at + 1].left))
  }

  /** What happened to a row changed nothing that an association goes by: it is where it was. */
  stays({ hops }: Path, { now, olds, blind, born }: Happened): boolean {
    const { where, right, table: { types } } = hops[hops.length - 1]
    if (where !== undefined || blind || born || now === undefined) return false
    const name = nameOf(types, right, pick(now, right))
    return olds.every(old => nameOf(types, right, pick(old, right)) === name)
  }

  images(table: Node): Image[] {
    const out: Image[] = []
    for (const of of this.#tables.get(table)?.values() ?? []) {
      for (const row of of.olds) out.push({ of, row })
      if (of.now !== undefined) out.push({ of, row: of.now })
    }
    return out
  }

  /** Images that a hop leads to from a row. Cost: a look-up. */
  linked(hop: Hop, from: AnyRow): readonly Image[] {
    if (!this.#tables.has(hop.table)) return []
    const values = pick(from, hop.left)
    if (!pointing(values)) return []
    const { table: { types }, right } = hop
    let by = this.#linked.get(hop)
    if (by === undefined) {
      this.#linked.set(hop, by = new Map())
      for (const image of this.images(hop.table)) put(by, nameOf(types, right, pick(image.row, right)), image)
    }
    return by.get(nameOf(types, right, values)) ?? []
  }

  /**
   * Rows of the target of two hops that may have entered the list of an owner because of what happened to themselves. All of
   * them, where it is not known what leads to a row.
   */
  entering(path: Path, owner: AnyRow): readonly Happened[] {
    const here = this.#tables.get(path.target)
    if (here === undefined) return []
    const [first] = path.hops
    let by = this.#leading.get(path)
    if (by === undefined) {
      by = new Map<unknown, Happened[]>()
      for (const h of here.values()) {
        if (h.now === undefined || this.stays(path, h)) continue
        const joins = path.hops.length === 2 ? this.rows.leading(path, h.now) : undefined
        if (joins === undefined) { by = null; break }
        for (const name of new Set(joins.map(join => nameOf(first.table.types, first.right, pick(join, first.right))))) put(by, name, h)
      }
      this.#leading.set(path, by)
    }
    if (by === null) return [...here.values()].filter(h => h.now !== undefined && !this.stays(path, h))
    const values = pick(owner, first.left)
    return pointing(values) ? by.get(nameOf(first.table.types, first.right, values)) ?? [] : []
  }
}

function put<V>(map: Map<unknown, V[]>, name: unknown, value: V): void {
  const list = map.get(name)
  if (list === undefined) map.set(name, [value])
  else list.push(value)
}
