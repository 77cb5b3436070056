// One event goes through one value: along the paths that lead to its table, copying what changes and nothing else.
import { type AnyRow, compareRows, equalCells, pick, sameCell, textOf } from './compare.js'
import { type ReadEvent, type Shape, mergeShape } from './events.js'
import { type Node, type Path, links } from './graph.js'
import { type Rows, asListed } from './rows.js'

export interface PassOptions {
  /** Associations of rows that come in, per table. */
  readonly preloads: ReadonlyMap<Node, Shape>
  /** Associations from the top of the value on, for places that show none yet. */
  readonly shape: () => Shape
  /** Read everything on the way anew, whatever the event says. */
  readonly force: boolean
}

type Row = AnyRow
/** A row at the top of a value. */
export interface Root { readonly table: Node; readonly row: AnyRow }
/** All rows of a value at a place: what a row that comes in there looks like. */
interface Place { readonly names: readonly string[] }
/** A row that may have entered or left a list, and whether it belongs there: undefined if that is not known. */
interface Candidate { readonly key: readonly unknown[]; readonly row: Row | undefined; readonly member: boolean | undefined }
const TOP: Place = { names: [] }

export class Pass {
  readonly #shapes = new Map<string, Shape>()
  /** The row as it is now, undefined if it is gone or not known. */
  readonly #now: Row | undefined
  readonly #name: string

  constructor(readonly rows: Rows, readonly event: ReadEvent, readonly roots: () => readonly Root[], readonly options: PassOptions) {
    this.#now = rows.get(event.table, event.key)
    this.#name = textOf(event.key)
  }

  /** A row of the value that is in no list. It stays when it is deleted. */
  lone(table: Node, row: Row): Row { return this.#row(table, row, TOP) }

  /** A list of rows of one table at the top of the value. */
  list(table: Node, rows: readonly unknown[]): readonly unknown[] {
    const { event } = this
    let out = rows
    if (table === event.table) {
      const at = this.#find(table, rows)
      if (at >= 0 && this.#gone()) out = without(rows, at)
      else if (at < 0 && event.event === 'inserted' && this.#now !== undefined) return [...this.#each(table, rows, TOP), this.fresh()]
    }
    return this.#each(table, out, TOP)
  }

  /** The row of the event with the associations of the top of the value. */
  fresh(): Row { return this.#build(this.event.table, this.#now!, TOP) }
  get exists(): boolean { return this.#now !== undefined }

  // ---- rows --------------------------------------------------------------------------------------------------------

  #is(table: Node, row: Row): boolean { return table === this.event.table && hasKey(table, row, this.event.key) }

  #gone(): boolean { return this.#now === undefined && (this.rows.complete || this.event.event === 'deleted') }

  #each(table: Node, rows: readonly unknown[], place: Place): readonly unknown[] {
    let out: unknown[] | undefined
    rows.forEach((row, i) => {
      if (typeof row !== 'object' || row === null) return
      const next = this.#row(table, row as Row, place)
      if (next !== row) (out ??= rows.slice())[i] = next
    })
    return out ?? rows
  }

  #row(table: Node, row: Row, place: Place): Row {
    const { event, options: { force } } = this
    let out = row
    let columns: Set<string> | undefined
    const now = this.#is(table, row) ? this.#now : force ? this.rows.get(table, pick(row, table.key)) : undefined
    if (now !== undefined && now !== row) {
      for (const c of table.columns) {
        // A row of the value may have less columns than the table.
        if (!(c in row) || now[c] === undefined || sameCell(row[c], now[c])) continue
        if (out === row) out = { ...row }
        out[c] = now[c];
        (columns ??= new Set()).add(c)
      }
    }
    if (!table.reach.has(event.table) && columns === undefined && !force) return out
    for (const path of table.paths.values()) {
      const held = row[path.name]
      // An association that is not there is not loaded, and stays so.
      if (held === undefined || (held === null && !path.single)) continue
      const moved = columns !== undefined && path.hops[0].left.some(c => columns.has(c))
      if (!moved && !force && !path.reach.has(event.table)) continue
      const below = { names: [...place.names, path.name] }
      const next = path.single ? this.#one(path, out, held as Row | null, moved || force, below) : this.#many(path, out, held as readonly Row[], moved || force, below)
      if (next === held) continue
      if (out === row) out = { ...row }
      out[path.name] = next
    }
    return out
  }

  // ---- associations ------------------------------------------------------------------------------------------------

  #one(path: Path, owner: Row, held: Row | null, all: boolean, place: Place): Row | null {
    const { target } = path
    const about = target === this.event.table && ((held !== null && this.#is(target, held)) || (this.#now !== undefined && this.rows.shows(path, owner, this.#now) === true))
    if (!all && !about) return held === null ? null : this.#row(target, held, place)
    const [first] = this.rows.members(path, owner) ?? []
    if (first === undefined) return null
    if (held !== null && hasKey(target, held, pick(first, target.key))) return this.#row(target, held, place)
    return this.#build(target, first, place, held ?? undefined)
  }

  #many(path: Path, owner: Row, held: readonly Row[], all: boolean, place: Place): readonly Row[] {
    const { target } = path
    const sibling = held[0]
    if (path.keep && this.rows.complete && (all || path.hops.some(h => h.table === this.event.table))) return this.#kept(path, owner, held, place)
    const candidates = this.#candidates(path, owner, held, all)
    let out: readonly Row[] = held
    const leaving = new Set<number>()
    const coming: Row[] = []
    const positions = candidates.size > 8 ? new Map(held.map((r, i) => [textOf(pick(r, target.key)), i])) : undefined
    for (const [name, { key, row, member }] of candidates) {
      const at = positions !== undefined ? positions.get(name) ?? -1 : held.findIndex(r => hasKey(target, r, key))
      if (at >= 0 && member === false) leaving.add(at)
      else if (at < 0 && member === true && row !== undefined) coming.push(row)
    }
    if (leaving.size > 0) out = out.filter((_, i) => !leaving.has(i))
    out = this.#each(target, out, place) as readonly Row[]
    if (path.order.length > 0) out = this.options.force ? this.#sorted(path, out) : this.#placed(path, out)
    if (coming.length === 0) return out
    const list = out.slice()
    for (const row of this.#inOrder(path, owner, coming)) this.#insert(path, list, this.#build(target, row, place, sibling))
    return list
  }

  /** A list that shows rows once per row of the join table: so many of each as there are, those that are there first. */
  #kept(path: Path, owner: Row, held: readonly Row[], place: Place): readonly Row[] {
    const { target } = path
    const sibling = held[0]
    const members = this.rows.members(path, owner) ?? []
    const here = countedBy(target, members), there = countedBy(target, held)
    const staying = held.filter(row => taken(here, target, row))
    const coming = members.filter(row => !taken(there, target, row))
    const out = this.#each(target, staying.length === held.length ? held : staying, place) as readonly Row[]
    const list = coming.length === 0 ? out : [...out, ...coming.map(row => this.#build(target, row, place, sibling))]
    return path.order.length > 0 ? this.#sorted(path, list) : list
  }

  /** Rows of the target that the event may have brought into the list or taken out of it, by key. */
  #candidates(path: Path, owner: Row, held: readonly Row[], all: boolean): Map<string, Candidate> {
    const { event, rows } = this
    const { target, hops } = path
    const found = new Map<string, Candidate>()
    if (all || (rows.complete && event.old === undefined && hops.slice(0, -1).some(h => h.table === event.table))) {
      const members = rows.members(path, owner)
      for (const r of held) {
        const key = pick(r, target.key)
        found.set(textOf(key), { key, row: undefined, member: members === undefined ? rows.shows(path, owner, r) : false })
      }
      for (const r of members ?? []) {
        const key = pick(r, target.key)
        found.set(textOf(key), { key, row: r, member: true })
      }
      return found
    }
    const images: Row[] = []
    if (event.old) images.push(event.old)
    if (this.#now !== undefined) images.push(this.#now)
    const suspects = new Map<string, Row>()
    hops.forEach((hop, i) => {
      if (hop.table !== event.table) return
      if (i === hops.length - 1) return
      for (const image of images) {
        if (i === 0 && !links(hop, owner, image)) continue
        for (const r of rows.follow(hops.slice(i + 1), [image])) suspects.set(textOf(pick(r, target.key)), r)
        // A target that is gone, or no longer fits the condition, is not found any more: the list itself is asked.
        if (!rows.complete || hops.length === 2) {
          const next = hops[i + 1]
          for (const r of held) if (links(next, image, r)) suspects.set(textOf(pick(r, target.key)), r)
        }
      }
    })
    if (target === event.table) {
      if (this.#now !== undefined) { if (!this.#stays(path)) suspects.set(this.#name, this.#now) }
      else if (this.#gone()) found.set(this.#name, { key: event.key, row: undefined, member: false })
    }
    if (suspects.size > 2 && hops.length > 2) {
      const members = new Map((rows.members(path, owner) ?? []).map(r => [textOf(pick(r, target.key)), r]))
      for (const [name, r] of suspects) found.set(name, { key: pick(r, target.key), row: members.get(name) ?? r, member: rows.complete ? members.has(name) : undefined })
    } else for (const [name, r] of suspects) found.set(name, { key: pick(r, target.key), row: r, member: rows.shows(path, owner, r) })
    return found
  }

  /** Rows that come in, as the declared order has them; without one as they arrived. */
  #inOrder(path: Path, owner: Row, coming: Row[]): Row[] {
    const { target } = path
    if (path.order.length > 0) return coming.sort((a, b) => compareRows(a, b, path.order, target))
    return coming.length > 1 && this.rows.complete ? asListed(target, this.rows.members(path, owner) ?? [], coming) : coming
  }

  #sorted(path: Path, list: readonly Row[]): readonly Row[] {
    const out = list.slice().sort((a, b) => compareRows(a, b, path.order, path.target))
    return out.every((r, i) => r === list[i]) ? list : out
  }

  /** The event changed nothing that an association goes by: the row is where it was. */
  #stays({ hops }: Path): boolean {
    const { event: { old } } = this
    const { where, right, table } = hops[hops.length - 1]
    return where === undefined && old !== null && old !== undefined && right.every(c => equalCells(table.types[c], old[c], this.#now![c]))
  }

  /** Puts the row of the event where the declared order has it now. */
  #placed(path: Path, list: readonly Row[]): readonly Row[] {
    const { target, order } = path
    const at = this.#find(target, list)
    if (at < 0) return list
    const row = list[at]
    const fits = (at === 0 || compareRows(list[at - 1], row, order, target) < 0) && (at === list.length - 1 || compareRows(row, list[at + 1], order, target) < 0)
    if (fits) return list
    const out = without(list, at) as Row[]
    this.#insert(path, out, row)
    return out
  }

  /** Into its place of the declared order; without one, at the end. */
  #insert(path: Path, list: Row[], row: Row): void {
    let low = path.order.length > 0 ? 0 : list.length
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareRows(list[middle], row, path.order, path.target) > 0) high = middle
      else low = middle + 1
    }
    list.splice(low, 0, row)
  }

  #find(table: Node, rows: readonly unknown[]): number {
    return table !== this.event.table ? -1 : rows.findIndex(r => typeof r === 'object' && r !== null && this.#is(table, r as Row))
  }

  // ---- rows that come in -------------------------------------------------------------------------------------------

  #build(table: Node, row: Row, place: Place, sibling?: Row): Row {
    const shape = this.options.preloads.get(table)
      ?? (sibling !== undefined ? this.#shapeOf(table, [sibling], place) : this.#shapeAt(table, place))
    return this.#loaded(table, row, shape)
  }

  #loaded(table: Node, row: Row, shape: Shape): Row {
    let out = row
    for (const [name, below] of Object.entries(shape)) {
      const path = table.paths.get(name)
      if (path === undefined) continue
      const members = this.rows.members(path, row)
      // Not known: as the event brought it, or not loaded.
      if (members === undefined) continue
      const loaded = members.map(m => this.#loaded(path.target, m, below))
      if (out === row) out = { ...row }
      out[name] = path.single ? loaded[0] ?? null : loaded
    }
    return out
  }

  /** The associations that rows of the value show at a place. */
  #shapeAt(of: Node, place: Place): Shape {
    const name = `${of.name}:${place.names.join('/')}`
    let shape = this.#shapes.get(name)
    if (shape !== undefined) return shape
    let rows = this.roots()
    for (const step of place.names) {
      const next: Root[] = []
      for (const { table, row } of rows) {
        const path = table.paths.get(step)
        if (path !== undefined) for (const child of children(row[step])) next.push({ table: path.target, row: child })
      }
      rows = next
    }
    let from: Shape | undefined = this.options.shape()
    for (const step of place.names) from = from?.[step]
    this.#shapes.set(name, shape = mergeShape({}, from ?? {}))
    mergeShape(shape, this.#shapeOf(of, rows.filter(r => r.table === of).map(r => r.row), place))
    return shape
  }

  #shapeOf(table: Node, rows: readonly Row[], place: Place): Shape {
    const shape: Shape = {}
    for (const path of table.paths.values()) {
      if (!rows.some(r => r[path.name] !== undefined)) continue
      const below = rows.flatMap(r => children(r[path.name]))
      shape[path.name] = below.length > 0 ? this.#shapeOf(path.target, below, { names: [...place.names, path.name] }) : this.#shapeAt(path.target, { names: [...place.names, path.name] })
    }
    return shape
  }
}

function hasKey(table: Node, row: Row, key: readonly unknown[]): boolean {
  const columns = table.key
  for (let i = 0; i < columns.length; i++) if (!sameCell(row[columns[i]], key[i])) return false
  return true
}

/** How often each row is in a list, by key. */
function countedBy(table: Node, rows: readonly Row[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const row of rows) { const name = textOf(pick(row, table.key)); counts.set(name, (counts.get(name) ?? 0) + 1) }
  return counts
}

/** Takes one of a row off the counts; false if there was none. */
function taken(counts: Map<string, number>, table: Node, row: Row): boolean {
  const name = textOf(pick(row, table.key))
  const left = counts.get(name) ?? 0
  counts.set(name, left - 1)
  return left > 0
}

function children(value: unknown): Row[] {
  if (Array.isArray(value)) return value.filter(v => typeof v === 'object' && v !== null) as Row[]
  return typeof value === 'object' && value !== null ? [value as Row] : []
}

function without<T>(rows: readonly T[], at: number): T[] { return [...rows.slice(0, at), ...rows.slice(at + 1)] }
