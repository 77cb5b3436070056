// Events go through one value, all in one walk: along the paths that lead to their tables, copying what changes and nothing else.
import { type AnyRow, compareRows, equalCells, pick, sameCell } from './compare.js'
import { type Shape, mergeShape } from './events.js'
import { type Node, type Path, links } from './graph.js'
import { type Happened, type News, nameOfRow } from './happened.js'
import { type Rows, asListed } from './rows.js'
import { isPlain } from './value.js'

export interface PassOptions {
  /** Associations of rows that come in, per table. */
  readonly preloads: ReadonlyMap<Node, Shape>
  /** Associations of rows of a table at the top of the value, and from there on: for places that show none yet. */
  readonly shape: (top: Node) => Shape
  /** Read everything on the way anew, whatever the events say. */
  readonly force: boolean
}

type Row = AnyRow
/** A row at the top of a value. */
export interface Root { readonly table: Node; readonly row: AnyRow }
/** All rows of a value at a place below rows of one table: what a row that comes in there looks like. */
interface Place { readonly top: Node; readonly names: readonly string[] }
/** A row that may have entered or left a list, and whether it belongs there: undefined if that is not known. */
interface Candidate { readonly row: Row | undefined; readonly member: boolean | undefined }
const topOf = (top: Node): Place => ({ top, names: [] })
const under = ({ top, names }: Place, name: string): Place => ({ top, names: [...names, name] })

export class Pass {
  readonly #shapes = new Map<string, Shape>()
  readonly #followed = new Map<Row, Map<Path, Row[][]>>()

  constructor(readonly rows: Rows, readonly news: News, readonly roots: () => readonly Root[], readonly options: PassOptions) {}

  /** A row of the value that is in no list. It stays when it is deleted. */
  lone(table: Node, row: Row): Row { return this.#row(table, row, topOf(table)) }

  /** A list of rows of one table at the top of the value. */
  list(table: Node, rows: readonly unknown[]): readonly unknown[] {
    const { news } = this
    const here = news.of(table), top = topOf(table)
    if (here === undefined) return this.#each(table, rows, top)
    const held = new Set<Happened>()
    const out = rows.filter(row => {
      const happened = isRow(row) ? news.find(table, row) : undefined
      if (happened !== undefined) held.add(happened)
      return happened === undefined || !news.gone(happened)
    })
    const kept = this.#each(table, out.length === rows.length ? rows : out, top)
    const coming = [...here.values()].filter(h => h.inserted && h.now !== undefined && !held.has(h))
    if (coming.length === 0) return kept
    // As those beside them in this list: others of the value may show more.
    const shape = this.options.preloads.get(table) ?? mergeShape(mergeShape({}, this.options.shape(table)), this.#shapeOf(table, rows.filter(isRow), top))
    return [...kept, ...coming.map(h => this.#loaded(table, h.now!, shape, top))]
  }

  /** The row of an event with the associations of the top of the value. */
  fresh({ table, now }: Happened): Row { return this.#build(table, now!, topOf(table)) }

  // ---- rows --------------------------------------------------------------------------------------------------------

  /** `anew`: which rows show what the tables have, whatever the events say. */
  #each(table: Node, rows: readonly unknown[], place: Place, anew?: (row: Row) => boolean): readonly unknown[] {
    let out: unknown[] | undefined
    rows.forEach((row, i) => {
      if (!isRow(row)) return
      const next = this.#row(table, row, place, anew?.(row))
      if (next !== row) (out ??= rows.slice())[i] = next
    })
    return out ?? rows
  }

  #row(table: Node, row: Row, place: Place, anew = false): Row {
    const { news } = this
    let out = row
    let columns: Set<string> | undefined
    const happened = news.find(table, row)
    const force = this.options.force || anew || (happened !== undefined && news.returned(happened))
    const now = happened !== undefined ? happened.now : force ? this.rows.get(table, pick(row, table.key)) : undefined
    if (now !== undefined && now !== row) {
      for (const c of table.columns) {
        // A row of the value may have less columns than the table.
        if (!(c in row) || now[c] === undefined || sameCell(row[c], now[c])) continue
        if (out === row) out = { ...row }
        out[c] = now[c];
        (columns ??= new Set()).add(c)
      }
    }
    if (happened === undefined && !force && !news.concern(table.reach)) return out
    for (const path of table.paths.values()) {
      const held = row[path.name]
      // An association that is not there, or is something else than rows, is not loaded, and stays so.
      if (path.single ? held !== null && !isPlain(held) : !Array.isArray(held)) continue
      const { left } = path.hops[0]
      // Elsewhere now, or there and back.
      const moved = force || left.some(c => columns?.has(c)) || (happened !== undefined && news.shifted(happened, left))
      if (!moved && !news.concern(path.reach)) continue
      const below = under(place, path.name)
      const next = path.single ? this.#one(path, out, held as Row | null, moved, below) : this.#many(path, out, held as readonly Row[], moved, below)
      if (next === held) continue
      if (out === row) out = { ...row }
      out[path.name] = next
    }
    return out
  }

  // ---- associations ------------------------------------------------------------------------------------------------

  #one(path: Path, owner: Row, held: Row | null, all: boolean, place: Place): Row | null {
    const { target, hops: [hop] } = path
    const { news, rows } = this
    const happened = held === null ? undefined : news.find(target, held)
    const about = all || happened !== undefined || news.linked(hop, owner).some(i => i.row === i.of.now && rows.shows(path, owner, i.row) === true)
    if (!about) return held === null ? null : this.#row(target, held, place)
    const [first] = rows.members(path, owner) ?? []
    if (first === undefined) return null
    if (held !== null && hasKey(target, held, pick(first, target.key))) return this.#row(target, held, place, (all && rows.complete) || (happened !== undefined && news.away(path, 0, happened)))
    return this.#build(target, first, place, held ?? undefined)
  }

  #many(path: Path, owner: Row, held: readonly Row[], all: boolean, place: Place): readonly Row[] {
    const { target } = path
    const { news } = this
    const sibling = held[0]
    const again = all && this.rows.complete
    const away = new Set<unknown>()
    const candidates = this.#candidates(path, owner, held, all, away)
    const anew = again || away.size > 0 ? (row: Row): boolean => again || away.has(nameOfRow(target, row)) : undefined
    if (path.keep && this.rows.complete && (all || path.hops.some(h => news.of(h.table) !== undefined))) return this.#kept(path, owner, held, place, anew)
    let out: readonly Row[] = held
    const coming: Row[] = []
    if (candidates.size > 0) {
      const here = new Set<unknown>()
      out = held.filter(row => {
        const name = nameOfRow(target, row)
        here.add(name)
        return candidates.get(name)?.member !== false
      })
      if (out.length === held.length) out = held
      for (const [name, { row, member }] of candidates) if (member === true && row !== undefined && !here.has(name)) coming.push(row)
    }
    out = this.#each(target, out, place, anew) as readonly Row[]
    if (path.order.length > 0) out = this.options.force || anew !== undefined ? this.#sorted(path, out) : this.#placed(path, out)
    if (coming.length === 0) return out
    const list = out.slice()
    for (const row of this.#inOrder(path, owner, coming)) this.#insert(path, list, this.#build(target, row, place, sibling))
    return list
  }

  /** A list that shows rows once per row of the join table: so many of each as there are, those that are there first. */
  #kept(path: Path, owner: Row, held: readonly Row[], place: Place, anew?: (row: Row) => boolean): readonly Row[] {
    const { target } = path
    const sibling = held[0]
    const members = this.rows.members(path, owner) ?? []
    const here = countedBy(target, members), there = countedBy(target, held)
    const staying = held.filter(row => taken(here, target, row))
    const coming = members.filter(row => !taken(there, target, row))
    const out = this.#each(target, staying.length === held.length ? held : staying, place, anew) as readonly Row[]
    const list = coming.length === 0 ? out : [...out, ...coming.map(row => this.#build(target, row, place, sibling))]
    return path.order.length > 0 ? this.#sorted(path, list) : list
  }

  /**
   * Rows of the target that may have entered the list or left it, by name. `away` takes those that may have left it and come
   * back: what happened to them in between nobody may have been told.
   */
  #candidates(path: Path, owner: Row, held: readonly Row[], all: boolean, away: Set<unknown>): Map<unknown, Candidate> {
    const { news, rows } = this
    const { target, hops } = path
    const last = hops.length - 1
    const found = new Map<unknown, Candidate>()
    const suspects = new Map<unknown, Row>()
    hops.forEach((hop, i) => {
      if (all || i === last || news.of(hop.table) === undefined) return
      for (const { of, row: image } of i === 0 ? news.linked(hop, owner) : news.images(hop.table)) {
        const back = image === of.now && news.away(path, i, of)
        for (const r of this.#follow(path, i + 1, image)) {
          const name = nameOfRow(target, r)
          suspects.set(name, r)
          if (back) away.add(name)
        }
        // A target that is gone, or no longer fits the condition, is not found any more: the list itself is asked.
        if (!rows.complete || hops.length === 2) for (const r of held) if (links(hops[i + 1], image, r)) {
          const now = rows.complete ? rows.get(target, pick(r, target.key)) : r
          if (now === undefined) found.set(nameOfRow(target, r), { row: undefined, member: false })
          else suspects.set(nameOfRow(target, r), now)
        }
      }
    })
    if (!all && news.of(target) !== undefined) {
      for (const r of held) {
        const happened = news.find(target, r)
        if (happened !== undefined && news.away(path, last, happened)) away.add(nameOfRow(target, r))
      }
    }
    if (all || (rows.complete && hops.some((_, i) => i < last && news.blind(path, i)))) {
      // Where not all is known: of an owner that points elsewhere what is known to be there, and nothing of before.
      const members = rows.members(path, owner) ?? (this.options.force ? undefined : rows.follow(hops, [owner]))
      for (const r of held) found.set(nameOfRow(target, r), { row: undefined, member: members === undefined ? rows.shows(path, owner, r) : false })
      for (const r of members ?? []) found.set(nameOfRow(target, r), { row: r, member: true })
      return found
    }
    if (news.of(target) !== undefined) {
      for (const r of held) {
        const happened = news.find(target, r)
        if (happened === undefined) continue
        if (happened.now === undefined) { if (news.gone(happened)) found.set(nameOfRow(target, r), { row: undefined, member: false }) }
        else if (!news.stays(path, happened)) suspects.set(nameOfRow(target, r), happened.now)
      }
      if (last === 0) {
        for (const { of, row } of news.linked(hops[0], owner)) if (row === of.now && !news.stays(path, of)) suspects.set(nameOfRow(target, row), row)
      } else for (const { now } of news.entering(path, owner)) suspects.set(nameOfRow(target, now!), now!)
    }
    if (suspects.size > 2 && hops.length > 2) {
      const members = new Map((rows.members(path, owner) ?? []).map(r => [nameOfRow(target, r), r]))
      for (const [name, r] of suspects) found.set(name, { row: members.get(name) ?? r, member: rows.complete ? members.has(name) : undefined })
    } else for (const [name, r] of suspects) if (!found.has(name)) found.set(name, { row: r, member: rows.shows(path, owner, r) })
    return found
  }

  /** Where the rest of the hops leads from an image, once for all lists. */
  #follow(path: Path, from: number, image: Row): Row[] {
    let known = this.#followed.get(image)
    if (known === undefined) this.#followed.set(image, known = new Map())
    let byHop = known.get(path)
    if (byHop === undefined) known.set(path, byHop = [])
    return byHop[from] ??= this.rows.follow(path.hops.slice(from), [image])
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

  /** Puts rows that changed where the declared order has them now. */
  #placed(path: Path, list: readonly Row[]): readonly Row[] {
    const { target, order } = path
    if (this.news.of(target) === undefined) return list
    const changed: number[] = []
    list.forEach((row, i) => { if (this.news.find(target, row) !== undefined) changed.push(i) })
    const fits = (at: number): boolean => (at === 0 || compareRows(list[at - 1], list[at], order, target) < 0) && (at === list.length - 1 || compareRows(list[at], list[at + 1], order, target) < 0)
    if (changed.every(fits)) return list
    const out = list.filter((_, i) => !changed.includes(i))
    for (const at of changed) this.#insert(path, out, list[at])
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

  // ---- rows that come in -------------------------------------------------------------------------------------------

  #build(table: Node, row: Row, place: Place, sibling?: Row): Row {
    const shape = this.options.preloads.get(table)
      ?? (sibling !== undefined ? this.#shapeOf(table, [sibling], place) : this.#shapeAt(table, place))
    return this.#loaded(table, row, shape, place)
  }

  #loaded(table: Node, row: Row, shape: Shape, place: Place): Row {
    let out = row
    for (const [name, below] of Object.entries(shape)) {
      const path = table.paths.get(name)
      if (path === undefined) continue
      const members = this.rows.members(path, row)
      const at = under(place, name)
      // Not known: as the event brought it, as the row shows it elsewhere in the value, or not loaded.
      const held = members !== undefined ? undefined : row[name] ?? this.rows.held?.(table, row, name)
      if (members === undefined && !Array.isArray(held)) continue
      const loaded = members?.map(m => this.#loaded(path.target, m, below, at)) ?? this.#carried(path, row, held as readonly Row[], below, at)
      if (loaded === row[name]) continue
      if (out === row) out = { ...row }
      out[name] = path.single ? loaded[0] ?? null : loaded
    }
    return out
  }

  /** A list that an event brought, or that the row shows elsewhere in the value, as it is now: no deeper than asked for, since rows may lead to each other. */
  #carried(path: Path, owner: Row, held: readonly Row[], below: Shape, place: Place): readonly Row[] {
    const { target } = path
    const candidates = this.#candidates(path, owner, held, this.#pointed(path, owner), new Set())
    const staying = held.filter(row => candidates.get(nameOfRow(target, row))?.member !== false)
    for (const row of held) candidates.delete(nameOfRow(target, row))
    const coming = [...candidates.values()].flatMap(({ row, member }) => member === true && row !== undefined ? [row] : [])
    const rows = [...staying.map(row => this.#cut(target, row, below)), ...this.#inOrder(path, owner, coming)].map(row => this.#loaded(target, row, below, place))
    const out = path.order.length > 0 ? this.#sorted(path, rows) : rows
    return out.length === held.length && out.every((row, i) => row === held[i]) ? held : out
  }

  /** A row with its columns as they are now, and those of its associations that are asked for. */
  #cut(table: Node, row: Row, shape: Shape): Row {
    const now = this.news.find(table, row)?.now
    let out = row
    const copy = (): Row => out === row ? out = { ...row } : out
    for (const name of table.paths.keys()) if (name in row && !Object.hasOwn(shape, name)) delete copy()[name]
    for (const c of table.columns) if (now !== undefined && c in row && now[c] !== undefined && !sameCell(row[c], now[c])) copy()[c] = now[c]
    return out
  }

  /** Whether an owner pointed elsewhere before: what is known of its list is of then. */
  #pointed({ owner, hops: [{ left }] }: Path, row: Row): boolean {
    return this.news.find(owner, row)?.olds.some(old => left.some(c => old[c] !== undefined && !sameCell(old[c], row[c]))) === true
  }

  /** The associations that rows of the value show at a place. */
  #shapeAt(of: Node, place: Place): Shape {
    const name = [place.top.name, ...place.names].join('/')
    let shape = this.#shapes.get(name)
    if (shape !== undefined) return shape
    let rows = this.roots().filter(r => r.table === place.top)
    for (const step of place.names) {
      const next: Root[] = []
      for (const { table, row } of rows) {
        const path = table.paths.get(step)
        if (path !== undefined) for (const child of children(row[step])) next.push({ table: path.target, row: child })
      }
      rows = next
    }
    let from: Shape | undefined = this.options.shape(place.top)
    for (const step of place.names) from = from?.[step]
    this.#shapes.set(name, shape = mergeShape({}, from ?? {}))
    mergeShape(shape, this.#shapeOf(of, rows.map(r => r.row), place))
    return shape
  }

  #shapeOf(table: Node, rows: readonly Row[], place: Place): Shape {
    const shape: Shape = {}
    for (const path of table.paths.values()) {
      if (!rows.some(r => r[path.name] !== undefined)) continue
      const below = rows.flatMap(r => children(r[path.name]))
      shape[path.name] = below.length > 0 ? this.#shapeOf(path.target, below, under(place, path.name)) : this.#shapeAt(path.target, under(place, path.name))
    }
    return shape
  }
}

function hasKey(table: Node, row: Row, key: readonly unknown[]): boolean {
  const columns = table.key
  for (let i = 0; i < columns.length; i++) if (!equalCells(table.types[columns[i]], row[columns[i]], key[i])) return false
  return true
}

/** How often each row is in a list, by key. */
function countedBy(table: Node, rows: readonly Row[]): Map<unknown, number> {
  const counts = new Map<unknown, number>()
  for (const row of rows) { const name = nameOfRow(table, row); counts.set(name, (counts.get(name) ?? 0) + 1) }
  return counts
}

/** Takes one of a row off the counts; false if there was none. */
function taken(counts: Map<unknown, number>, table: Node, row: Row): boolean {
  const name = nameOfRow(table, row)
  const left = counts.get(name) ?? 0
  counts.set(name, left - 1)
  return left > 0
}

function isRow(value: unknown): value is Row { return typeof value === 'object' && value !== null }

function children(value: unknown): Row[] {
  if (Array.isArray(value)) return value.filter(v => typeof v === 'object' && v !== null) as Row[]
  return typeof value === 'object' && value !== null ? [value as Row] : []
}
