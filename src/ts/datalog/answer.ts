// One answer that stays right: the engine's live queries of a compiled query, their rows decoded, what came and went.
import type { Database } from '../database.js'
import type { LiveEvent } from '../dispatch.js'
import type { EddylineError } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import type { QueryLike } from '../query/builder.js'
import type { QueryJson } from '../query/types.js'
import type { ParsedQuery, PullPattern } from './ast.js'
import { answer, identity, member } from './decode.js'
import type { Compiled, Item } from './lower/query.js'
import type { Shape } from './lower/values.js'
import type { Mirror, Row } from './mirror.js'
import { type Given, failed, refused } from './place.js'
import { type Puller, type Touched, touchedEntity, touchedValue } from './pull.js'
import type { Facts } from './store.js'

/** Tuples that came and went with a version. */
export interface Difference { readonly added: unknown[][]; readonly removed: unknown[][] }
/** Whose answer it is: how errors call it, what it was given as, its label in the engine. */
export interface Asker { readonly name: string; readonly given: Given; readonly label: string }
interface Known { live: number; row: Row; tuple: unknown[]; touched?: Touched }

const columnsOf = (shape: Shape): string[] => shape.kind === 'scalar' ? [shape.name] : shape.items.flatMap(columnsOf)

export class Answer {
  readonly lives: readonly LiveQuery<Row>[]
  /** The columns that tell rows apart, by query. */
  readonly #keys: readonly (readonly string[])[]
  readonly #pulls: boolean
  #known: Map<string, Known> | undefined
  /** Rows by what their trees were looked up in. */
  readonly #dependents = new Map<string, Set<string>>()
  readonly #stale = new Set<string>()
  readonly #stops: (() => void)[] = []
  readonly #mirrors = new Set<Mirror>()
  #pending: { added: unknown[][]; removed: unknown[][] } | undefined
  #failure: { readonly of: EddylineError; readonly told: EddylineError } | undefined
  #cached: { value: unknown; rows: readonly (readonly Row[])[]; version: number } | undefined

  constructor(readonly db: Database<any>, readonly facts: Facts, readonly puller: Puller, readonly query: ParsedQuery, readonly compiled: Compiled, readonly patterns: ReadonlyMap<string, PullPattern>, readonly who: Asker) {
    const { items, queries } = compiled
    this.#keys = items.map(of => [...new Set(of.filter((_, i) => query.find[i].kind !== 'aggregate').flatMap(i => i.kind === 'list' ? [i.column] : columnsOf(i.shape)))])
    this.#pulls = query.find.some(f => f.kind === 'pull')
    this.lives = queries.map(json => { try { return live(db, json, who.label) } catch (e) { throw refused(e, json, who.given) } })
  }

  /** What evaluation fails with, said about the clause. */
  get error(): EddylineError | undefined {
    const failure = this.lives.find(l => l.status === 'error')?.error
    if (failure !== this.#failure?.of) this.#failure = failure === undefined ? undefined : { of: failure, told: failed(failure, this.who.name, this.compiled.queries, this.who.given) }
    return this.#failure?.told
  }

  /** All rows, as the find says: the same object until something changes. Throws what the query fails with. */
  get(): unknown {
    const failure = this.error
    if (failure !== undefined) throw failure
    const rows = this.lives.map(l => l.rows)
    const version = this.#pulls ? this.db.version : 0
    const cached = this.#cached
    if (cached !== undefined && cached.version === version && rows.every((r, i) => r === cached.rows[i])) return cached.value
    const value = frozen(answer(this.query, this.tuples()))
    this.#cached = { value, rows, version }
    return value
  }

  tuples(): unknown[][] {
    this.facts.current()
    return this.lives.flatMap((l, i) => l.rows.map(row => this.#tuple(i, row, undefined)))
  }

  /** A row of one of the engine's queries as a tuple of the language. */
  decode(live: number, row: Row): unknown[] { return this.#tuple(live, row, undefined) }

  #tuple(live: number, row: Row, touched: Touched | undefined): unknown[] {
    return this.compiled.items[live].map(item => member(item, row, (pulled, e) => this.#pull(pulled, e, touched)))
  }

  #pull(item: Item & { kind: 'pull' }, e: unknown, touched: Touched | undefined): unknown {
    const pattern = typeof item.pattern === 'string' ? this.patterns.get(item.pattern)! : item.pattern
    return this.puller.pull(pattern, e, item.table, touched)
  }

  #id(live: number, row: Row): string {
    const keys = this.#keys[live]
    return `${live} ${identity(keys.length === 1 ? row[keys[0]] : keys.map(k => row[k]))}`
  }

  /** Begins to note what comes and goes. */
  watch(): void {
    if (this.#known !== undefined) return
    const known = this.#known = new Map()
    this.facts.current()
    this.lives.forEach((live, i) => {
      for (const row of live.rows) known.set(this.#id(i, row), this.#made(i, this.#id(i, row), row))
      this.#stops.push(live.subscribe(event => { this.#heard(i, event) }))
    })
  }

  /** Hears of every table that a tree was looked up in. */
  #follow(): void {
    for (const mirror of this.facts.made) {
      if (this.#mirrors.has(mirror)) continue
      this.#mirrors.add(mirror)
      this.#stops.push(mirror.listen((removed, added) => { for (const row of [...removed, ...added]) this.#touch(mirror.table, mirror.key, row) }))
    }
  }

  #made(live: number, id: string, row: Row): Known {
    if (!this.#pulls) return { live, row, tuple: this.#tuple(live, row, undefined) }
    const touched: Touched = new Set()
    const tuple = this.#tuple(live, row, touched)
    this.#follow()
    for (const t of touched) {
      const ids = this.#dependents.get(t)
      if (ids === undefined) this.#dependents.set(t, new Set([id]))
      else ids.add(id)
    }
    return { live, row, tuple, touched }
  }

  #forget(id: string, known: Known): void {
    for (const t of known.touched ?? []) {
      const ids = this.#dependents.get(t)
      ids?.delete(id)
      if (ids?.size === 0) this.#dependents.delete(t)
    }
  }

  #touch(table: string, key: readonly string[], row: Row): void {
    const fact = this.facts.catalog.ofTable(table)[0]?.fact === true
    const entity = fact ? row.e : key.length === 1 ? row[key[0]] : key.map(k => row[k])
    const names = [touchedEntity(table, entity), ...Object.keys(row).map(c => touchedValue(table, c, row[c]))]
    for (const name of names) for (const id of this.#dependents.get(name) ?? []) this.#stale.add(id)
  }

  #heard(i: number, event: LiveEvent<Row>): void {
    const known = this.#known!
    const { added, removed } = this.#pending ??= { added: [], removed: [] }
    for (const patch of event.diff) {
      if (patch.t === 'add') {
        const row = patch.value as Row
        const id = this.#id(i, row)
        const made = this.#made(i, id, row)
        known.set(id, made)
        added.push(made.tuple)
        continue
      }
      if (patch.t !== 'remove' && patch.t !== 'set') continue
      const id = `${i} ${identity(patch.key)}`
      const old = known.get(id)
      if (old === undefined) continue
      removed.push(old.tuple)
      this.#forget(id, old)
      known.delete(id)
      this.#stale.delete(id)
      if (patch.t !== 'set') continue
      const made = this.#made(i, id, { ...old.row, ...patch.fields as Row })
      known.set(id, made)
      added.push(made.tuple)
    }
  }

  /** What changed since it was last asked; undefined if nothing did. */
  take(): Difference | undefined {
    const pending = this.#pending ?? { added: [], removed: [] }
    this.#pending = undefined
    for (const id of this.#stale) {
      const old = this.#known?.get(id)
      if (old === undefined) continue
      this.#forget(id, old)
      const made = this.#made(old.live, id, old.row)
      this.#known!.set(id, made)
      if (identity(made.tuple) === identity(old.tuple)) continue
      pending.removed.push(old.tuple)
      pending.added.push(made.tuple)
    }
    this.#stale.clear()
    const { added, removed } = net(pending)
    return added.length === 0 && removed.length === 0 ? undefined : { added, removed }
  }

  close(): void {
    for (const stop of this.#stops) stop()
    for (const l of this.lives) l.dispose()
  }
}

/** An answer is handed out until it changes: nobody may change it. */
function frozen<T>(value: T): T {
  for (const todo: unknown[] = [value]; todo.length > 0;) {
    const v = todo.pop()
    if (typeof v !== 'object' || v === null || Object.isFrozen(v)) continue
    if (!Array.isArray(v) && Object.getPrototypeOf(v) !== Object.prototype) continue
    Object.freeze(v)
    for (const inner of Object.values(v)) todo.push(inner)
  }
  return value
}

const isPlain = (v: unknown): boolean => typeof v === 'string' || typeof v === 'number' || typeof v === 'boolean'

/** Without what came and went alike: rows that are told anew after an error, or that changed in what is not shown. */
function net(difference: Difference): Difference {
  const { added, removed } = difference
  if (added.length === 0 || removed.length === 0) return difference
  // Most changes are of one row: no texts are made to see that it is another.
  if (added.length === 1 && removed.length === 1 && added[0].some((v, i) => isPlain(v) && isPlain(removed[0][i]) && v !== removed[0][i])) return difference
  const gone = new Map<string, number>()
  for (const t of removed) { const id = identity(t); gone.set(id, (gone.get(id) ?? 0) + 1) }
  const left = new Map<string, number>()
  const news = added.filter(t => {
    const id = identity(t)
    const n = gone.get(id) ?? 0
    if (n === 0) return true
    gone.set(id, n - 1)
    left.set(id, (left.get(id) ?? 0) + 1)
    return false
  })
  if (news.length === added.length) return difference
  return { added: news, removed: removed.filter(t => { const id = identity(t); const n = left.get(id) ?? 0; left.set(id, n - 1); return n <= 0 }) }
}

export function live(db: Database<any>, json: QueryJson, label: string): LiveQuery<Row> {
  return db.live({ toJSON: () => json } as QueryLike<Row>, { label })
}
