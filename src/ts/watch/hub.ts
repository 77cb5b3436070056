import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
import { Held } from '../held.js'
import { type JsonBytes, type JsonOptions, type JsonStream, checkInput, isStream } from '../json-input.js'
import type { QueryLike } from '../query/builder.js'
import { TableFeed, type Target } from './feed.js'
import { type Journal, journalOf } from './journal.js'
import { changesOf, recorded, textOfPieces } from './json-changes.js'
import { type TableJson, tableOf } from './row-keys.js'
import { QuerySet, type Work } from './row-set.js'

/** What is told after all feeds of a version: in the order of their making. */
export interface Teller {
  readonly order: number
  tell(version: number, batch: Report): void
}

const hubs = /* @__PURE__ */ new WeakMap<Database<any>, Hub>()

/** What writes to the storage what a version counted, in its transaction. */
export interface Keeping { keep(version: number): void }

/** The hub of a database: one, whoever asks. */
export function hubOf(db: Database<any>): Hub {
  let hub = hubs.get(db)
  if (hub === undefined) hubs.set(db, hub = new Hub(db))
  return hub
}

/**
 * All watches and assigns of one database.
 *
 * Its internal live queries collect what a version changed; when the version is reported, which is after all live queries,
 * they are counted, then those who wait are told, each once. Nothing happens, and nothing is looked at, for versions that
 * change no row that somebody watches.
 */
export class Hub {
  /** Scopes by tenant: watches, assigns and counters hold theirs. */
  readonly scopes = new Held<{ dispose(): void }>()
  /** Those that were told something that others of that tenant would not know. */
  readonly told = new Set<object>()
  /** Scopes whose counters are to be written. */
  readonly keeping = new Set<Keeping>()
  readonly #feeds = new Map<string, TableFeed>()
  readonly #woken = new Set<TableFeed>()
  readonly #sets = new Set<QuerySet>()
  readonly #tellers = new Set<Teller>()
  readonly #journals = new Map<number, Journal>()
  readonly #work = new Held<Work>()
  #order = 0
  #users = 0
  #stop: (() => void) | undefined

  constructor(readonly db: Database<any>) {
    db.closers.add(() => { for (const scope of this.scopes.all()) scope.dispose() })
  }

  /** A place in the order of telling. */
  next(): number { return ++this.#order }

  /** Something needs to hear of versions. */
  enter(): void { if (this.#users++ === 0) this.#stop = this.db.subscribe(report => { this.#reported(report) }) }

  leave(): void {
    if (--this.#users > 0) return
    this.#stop?.()
    this.#stop = undefined
  }

  /** What was done for a tenant, or for what belongs to none. */
  work(tenant: string | undefined): Work {
    let work = this.#work.get(tenant)
    if (work === undefined) this.#work.set(tenant, work = { batches: 0, rows: 0, sets: 0 })
    return work
  }

  /** The feed of a table. Throws UNKNOWN_TABLE, TENANT_REQUIRED. Tables without tenants have one feed for all scopes. */
  feed(table: string, tenant: string | undefined): TableFeed {
    const json = tableOf(this.db.schema, table)
    const of = json.tenant ? tenant : undefined
    const name = feedName(table, of)
    let feed = this.#feeds.get(name)
    // The feed of a database that was closed meanwhile cannot be used: making another one says so.
    if (feed === undefined || feed.closed) {
      this.#feeds.set(name, feed = new TableFeed(this.db, json, of, this.work(of), () => { this.#woken.add(feed!) }, f => { if (this.#feeds.get(name) === f) this.#feeds.delete(name) }))
    }
    return feed
  }

  target(table: string, tenant: string | undefined, by: Record<string, unknown> | undefined): Target {
    const feed = this.feed(table, tenant)
    try { return feed.target(by) } catch (error) { feed.unused(); throw error }
  }

  /** The rows that are watched already, if they are. */
  known(table: TableJson, tenant: string | undefined, by: Record<string, unknown> | undefined): Target | undefined {
    return this.#feeds.get(feedName(table.name, table.tenant ? tenant : undefined))?.known(by)
  }

  querySet(query: QueryLike<any>, tenant: string | undefined): QuerySet { return new QuerySet(this.db, query, tenant, this.work(tenant), set => { this.#sets.add(set) }) }

  /** `teller` has something to tell at the version that is being told. */
  wake(teller: Teller): void { this.#tellers.add(teller) }

  forget(teller: Teller): void { this.#tellers.delete(teller) }

  /** Applies a batch whose writes are looked at, as far as somebody watches their tables. */
  apply(changes: readonly LooseChange[], batch: LooseBatch): Report {
    return this.#noting(this.#feeds.size === 0 ? [] : changes, batch.tenant, () => this.db.apply(batch as never) as Report)
  }

  /** The same of JSON. It is read a second time here, if something counts or watches rows of a table that it may change. */
  applyJson(input: string | JsonBytes | JsonStream, opts: JsonOptions | undefined): Report | Promise<Report> {
    const { db } = this
    if (!this.#counts()) return db.applyJson(input as never, opts)
    const changes = (text: string): LooseChange[] => {
      // What are no changes is told by who applies them.
      try { return changesOf(text, opts, name => this.#counted(name)) } catch { return [] }
    }
    if (!isStream(input)) {
      checkInput(input)
      return this.#noting(changes(typeof input === 'string' ? input : textOfPieces([input])), opts?.tenant, () => db.applyJson(input, opts))
    }
    const pieces: Uint8Array[] = []
    return db.applyJson(recorded(input, pieces), { ...opts, around: commit => this.#noting(changes(textOfPieces(pieces)), opts?.tenant, commit) })
  }

  /** Whether sets of rows of any table, of this one, are counted or watched. */
  #counts(): boolean { return [...this.#feeds.values()].some(feed => feed.targets.size > 0) }

  #counted(table: string): TableJson | undefined { return [...this.#feeds.values()].find(feed => feed.table.name === table && feed.targets.size > 0)?.table }

  /** Applies, and keeps what is written for its version, which may be told later: inside of a listener versions wait for their turn. */
  #noting(changes: readonly LooseChange[], tenant: string | undefined, apply: () => Report): Report {
    const journal = journalOf(changes, (table, of) => this.#feeds.get(feedName(table, of)) ?? this.#feeds.get(feedName(table, undefined)), tenant)
    if (journal.size === 0) return apply()
    const version = this.db.version + 1
    this.#journals.set(version, journal)
    try {
      const report = apply()
      if (report.version !== version || report.replayed) this.#journals.delete(version)
      return report
    } catch (error) {
      this.#journals.delete(version)
      throw error
    }
  }

  #reported(batch: Report): void {
    const { version } = batch
    const journal = this.#journals.get(version)
    if (journal !== undefined) {
      this.#journals.delete(version)
      for (const [feed, written] of journal) {
        feed.written = written
        this.#woken.add(feed)
      }
    }
    if (this.#woken.size === 0 && this.#sets.size === 0 && this.#tellers.size === 0) return
    for (const feed of this.#woken) feed.tell(version, batch)
    this.#woken.clear()
    for (const set of this.#sets) set.tell(version, batch)
    this.#sets.clear()
    for (const scope of this.keeping) scope.keep(version)
    const tellers = [...this.#tellers].sort((a, b) => a.order - b.order)
    this.#tellers.clear()
    const errors: unknown[] = []
    for (const teller of tellers) try { teller.tell(version, batch) } catch (error) { errors.push(error) }
    throwAll(errors)
  }
}

const feedName = (table: string, tenant: string | undefined): string => tenant === undefined ? table : JSON.stringify([table, tenant])

/** Errors of callbacks stop nobody else; here they leave. */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} callbacks threw`)
}
