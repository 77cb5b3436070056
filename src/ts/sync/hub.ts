/// <reference lib="esnext.disposable" preserve="true" />
// Subscriptions of a database: topics they listen to, one call per version.
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import type { AnySchema } from '../schema.js'
import { type AnyRow, keyText } from './compare.js'
import type { Assocs, Notification, RowEvent } from './events.js'
import { Feed, type RowChange } from './feed.js'
import { type Graph, type Node, graphOf, rowName } from './graph.js'
import { Scope, type ScopeHost } from './scope.js'
import { bounded } from './sync.js'
import { type Tables, closeTables, closeTablesOf, tablesOf } from './tables.js'
import { type ReadTarget, type SubscribeOptions, type Target, identifiersOf, readTarget, unknownTarget } from './target.js'
import { type Listener, Topics } from './topics.js'
import { checkDatabase } from './value.js'
import { type KnownWatcher, type Watcher, readWatchers } from './watchers.js'

export type Tell = (notification: Notification) => void

/** A subscription, as `subscribe` returns it. */
export interface Subscription {
  /** `error`: a row it follows could not be fetched; `closed`: it ended, or its last row was deleted. */
  readonly status: 'ready' | 'error' | 'closed'
  readonly error: EddylineError | undefined
  readonly table: string
  readonly label: string | undefined
  /** What it listens to besides rows. */
  readonly events: readonly string[]
  /** Keys of the rows it was given, or took in since. */
  readonly ids: readonly unknown[]
  /** Associations that are followed, and stored for rows that come in. */
  readonly assocs: Assocs
  unsubscribe(): void
  [Symbol.dispose](): void
}

const hubs = /* @__PURE__ */ new WeakMap<Database<any>, Map<string | undefined, Hub>>()
/** Databases whose end is the end of their hubs. */
const watched = /* @__PURE__ */ new WeakSet<Database<any>>()

/** The subscriptions of a database, of one tenant if given. */
export function hubOf(db: Database<any>, tenant: string | undefined): Hub {
  let perTenant = hubs.get(db)
  if (perTenant === undefined) {
    checkDatabase(db)
    hubs.set(db, perTenant = new Map())
    if (!watched.has(db)) db.closers.add(() => { closeHubs(db) })
    watched.add(db)
  }
  let hub = perTenant.get(tenant)
  if (hub === undefined) perTenant.set(tenant, hub = new Hub(db, tenant))
  return hub
}

/** Ends all subscriptions of a database and gives its indexes back. */
export function closeHubs(db: Database<any>): void {
  for (const hub of hubs.get(db)?.values() ?? []) hub.close()
  hubs.delete(db)
  closeTables(db)
}

export class Hub {
  readonly graph: Graph
  readonly topics = new Topics()
  readonly watchers = new Map<string, KnownWatcher>()
  /** How often each was declared. */
  readonly #declared = new Map<KnownWatcher, number>()
  readonly #feeds = new Map<Node, Feed>()
  /** By what they are about, then by whom they tell. */
  readonly #subscriptions = new Map<string, Map<Tell, Live>>()
  readonly #touched = new Set<Live>()
  readonly #failing = new Map<string, ReadonlySet<Live>>()
  #changes: RowChange[] = []
  /** The version that is being told. */
  telling = 0
  #stop: (() => void) | undefined

  constructor(readonly db: Database<any>, readonly tenant: string | undefined) { this.graph = graphOf(db.schema as AnySchema) }

  get tables(): Tables { return tablesOf(this.db, this.tenant) }

  /** Declares watchers, all or none. Returns the function that takes them back. */
  watch(given: readonly Watcher[]): () => void {
    const read = readWatchers(this.graph, given, this.watchers)
    for (const w of read) {
      this.watchers.set(w.label, w)
      this.#declared.set(w, (this.#declared.get(w) ?? 0) + 1)
    }
    let over = false
    return () => {
      if (over) return
      over = true
      for (const w of read) {
        const left = this.#declared.get(w)! - 1
        if (left > 0) { this.#declared.set(w, left); continue }
        this.#declared.delete(w)
        this.watchers.delete(w.label)
      }
      this.#unused()
    }
  }

  /** Tenants come and go: what nobody uses of one goes with it. */
  #unused(): void {
    const { db, tenant } = this
    if (tenant === undefined || this.#subscriptions.size > 0 || this.watchers.size > 0) return
    const perTenant = hubs.get(db)
    if (perTenant?.get(tenant) !== this) return
    perTenant.delete(tenant)
    closeTablesOf(db, tenant)
  }

  subscribe(target: Target, options: SubscribeOptions, tell: Tell): Subscription {
    const read = bounded('target', () => readTarget(this.graph, this.watchers, target, options))
    if (typeof tell !== 'function') throw new EddylineError('TARGET_INVALID', 'subscribe(db, target, options?, tell): there is nobody to be told', { path: 'tell' })
    let same = this.#subscriptions.get(read.name)
    const known = same?.get(tell)
    if (known !== undefined) return known
    if (same === undefined) this.#subscriptions.set(read.name, same = new Map())
    const live = new Live(this, read, tell)
    same.set(tell, live)
    try { live.start() } catch (error) { live.unsubscribe(); throw error }
    return live
  }

  unsubscribe(target: Target, options: SubscribeOptions, tell: Tell | undefined): boolean {
    const same = this.#subscriptions.get(readTarget(this.graph, this.watchers, target, options).name)
    const ended = [...same?.values() ?? []].filter(s => tell === undefined || s.tell === tell)
    for (const s of ended) s.unsubscribe()
    return ended.length > 0
  }

  subscriptions(of: string | undefined, id: unknown): Subscription[] {
    const read = of === undefined ? undefined : this.graph.find(of) ?? this.watchers.get(of)?.table
    // A label whose watchers were taken back has subscriptions still.
    if (of !== undefined && read === undefined && !this.#all().some(s => s.label === of)) throw unknownTarget(this.graph, this.watchers, of)
    const all = [...this.#subscriptions.values()].flatMap(same => [...same.values()])
    return all.filter(s => (of === undefined || s.table === of || s.label === of) && (id === undefined || s.has(id)))
  }

  /** Listens to a table for one more user. */
  listen(table: Node): () => void {
    let feed = this.#feeds.get(table)
    if (feed === undefined) {
      if (table.tenanted && this.tenant === undefined) throw new EddylineError('TENANT_REQUIRED', `\`${table.name}\` holds rows of tenants: say which, { tenant }`, { offending: table.name })
      this.#feeds.set(table, feed = new Feed(this.db, table, this.tenant, changes => { this.#changes.push(...changes) }))
      // Told after all live queries of a version.
      this.#stop ??= this.db.subscribe(report => { this.#flush(report.version) })
    }
    feed.users++
    let ended = false
    return () => {
      if (ended) return
      ended = true
      if (--feed.users > 0) return
      feed.close()
      this.#feeds.delete(table)
      if (this.#feeds.size > 0) return
      this.#stop?.()
      this.#stop = undefined
    }
  }

  touched(live: Live): void { this.#touched.add(live) }

  forget(live: Live): void {
    this.#touched.delete(live)
    const same = this.#subscriptions.get(live.name)
    same?.delete(live.tell)
    if (same?.size === 0) this.#subscriptions.delete(live.name)
    this.#unused()
  }

  /** A row could not be fetched: whoever follows it is told, and keeps what it has. */
  failed(table: Node, key: readonly unknown[], error: EddylineError): void {
    const name = rowName(table, key)
    const concerned = new Set<Live>()
    for (const l of this.topics.of(table, this.tables.get(table, key) ?? {}, key)) if ('live' in l) concerned.add((l as LiveListener).live)
    for (const live of this.#all()) if (live.follows(table, key)) concerned.add(live)
    this.#failing.set(name, concerned)
    this.#each(concerned, live => { live.fail(name, error) })
  }

  /** A row that could not be fetched could be. */
  recovered(table: Node, key: readonly unknown[]): void {
    const name = rowName(table, key)
    const concerned = this.#failing.get(name)
    if (concerned === undefined) return
    this.#failing.delete(name)
    this.#each(concerned, live => { live.fail(name, undefined) })
  }

  /** A row that could not be fetched has come by other means: told with what else is told of the version. */
  #known(name: string): void {
    for (const live of this.#failing.get(name) ?? []) live.known(name)
    this.#failing.delete(name)
  }

  close(): void {
    for (const live of this.#all()) live.unsubscribe()
    this.watchers.clear()
  }

  #all(): Live[] { return [...this.#subscriptions.values()].flatMap(same => [...same.values()]) }

  #flush(version: number): void {
    if (this.#changes.length === 0) return
    const changes = this.#changes
    this.#changes = []
    this.telling = version
    for (const change of changes) this.topics.tell(change)
    if (this.#failing.size > 0) for (const { table, key } of changes) this.#known(rowName(table, key))
    const touched = [...this.#touched]
    this.#touched.clear()
    // All scopes follow the version before anybody is called: a listener may change anything.
    for (const live of touched) live.settle(version)
    this.#each(touched, live => { live.notify(version) })
  }

  /** One that throws does not stop the others; errors go where those of the database's listeners go. */
  #each(lives: Iterable<Live>, fn: (live: Live) => void): void {
    const errors: unknown[] = []
    for (const live of lives) try { fn(live) } catch (error) { errors.push(error) }
    if (errors.length === 1) throw errors[0]
    if (errors.length > 1) throw new AggregateError(errors, 'several listeners failed')
  }
}

interface LiveListener extends Listener { readonly live: Live }

class Live implements Subscription, ScopeHost {
  error: EddylineError | undefined
  readonly #scope: Scope
  readonly #failed = new Map<string, EddylineError>()
  /** A row is known again, and that was not told yet. */
  #better = false
  #events = new Map<string, RowEvent>()
  #inserted: RowChange[] = []
  #deleted: RowChange[] = []
  #stops: (() => void)[] = []
  #closed = false
  /** It is told of later versions only, and what it follows was read at this one. */
  readonly #since: number

  constructor(readonly hub: Hub, readonly read: ReadTarget, readonly tell: Tell) {
    this.#since = hub.db.version
    this.#scope = new Scope(this)
  }

  get name(): string { return this.read.name }
  get table(): string { return this.read.table.name }
  get label(): string | undefined { return this.read.label }
  get events(): readonly string[] { return this.read.by === undefined ? [] : this.read.events }
  get assocs(): Assocs { return this.read.shape as Assocs }
  get status(): 'ready' | 'error' | 'closed' { return this.#closed ? 'closed' : this.error === undefined ? 'ready' : 'error' }
  get ids(): unknown[] {
    const keys = this.#scope.roots.map(r => r.key)
    const { by, table } = this.read
    if (keys.length === 0 && by !== undefined && by.columns === table.key) keys.push(by.values)
    return keys.map(key => key.length === 1 ? key[0] : key)
  }
  get tables(): Tables { return this.hub.tables }
  get topics(): Topics { return this.hub.topics }

  start(): void {
    const { table, by, events, columns, roots, shape } = this.read
    if (by !== undefined) {
      const listener: LiveListener = { live: this, events, columns, hit: change => { this.#came(change) } }
      this.#stops.push(this.hub.listen(table), this.hub.topics.add(table, by.columns, by.values, listener))
    }
    for (const key of roots) this.#scope.root(table, key, shape)
  }

  listen(table: Node): () => void { return this.hub.listen(table) }

  collect(change: RowChange): void {
    const { table, event, key, row, old, changed } = change
    const name = rowName(table, key)
    if (this.hub.telling <= this.#since || this.#events.has(name)) return
    const { label, extraColumns } = this.read
    const image = (row ?? old) as AnyRow
    if (event === 'deleted' && table === this.read.table) this.#deleted.push(change)
    this.#events.set(name, {
      table: table.name, event, id: key.length === 1 ? key[0] : key, row, old, changed, ref: this.hub.telling,
      identifiers: identifiersOf(table, image, extraColumns), ...(label === undefined ? {} : { label }),
    })
    this.hub.touched(this)
  }

  dirty(): void { this.hub.touched(this) }

  #came(change: RowChange): void {
    this.collect(change)
    if (change.event === 'inserted' && this.read.following && this.hub.telling > this.#since) this.#inserted.push(change)
  }

  settle(version: number): void {
    this.#scope.settle(version)
    const { table, shape } = this.read
    for (const { key } of this.#inserted) this.#scope.root(table, key, shape)
    this.#inserted = []
    for (const { key } of this.#deleted) this.#scope.leave(table, key, shape)
    this.#deleted = []
  }

  notify(version: number): void {
    if (this.#closed || (this.#events.size === 0 && !this.#better)) return
    this.#better = false
    const events = [...this.#events.values()]
    this.#events = new Map()
    // Its rows are gone, and nothing else can happen to it.
    if (this.read.by === undefined && this.#scope.empty) this.unsubscribe()
    this.tell({ version, table: this.table, events, assocs: this.assocs, ...(this.error === undefined ? {} : { error: this.error }) })
  }

  has(id: unknown): boolean {
    const { table } = this.read
    const key = keyText(table, this.hub.graph.keyOf(table, id))
    return this.ids.some(one => keyText(table, table.key.length === 1 ? [one] : one as unknown[]) === key)
  }

  follows(table: Node, key: readonly unknown[]): boolean { return this.#scope.shows(table, key) }

  known(name: string): void {
    if (!this.#failed.delete(name)) return
    this.error = [...this.#failed.values()].at(-1)
    this.#better = true
    this.hub.touched(this)
  }

  fail(name: string, error: EddylineError | undefined): void {
    if (this.#closed || (error === undefined && !this.#failed.delete(name))) return
    if (error !== undefined) this.#failed.set(name, error)
    this.error = [...this.#failed.values()].at(-1)
    this.tell({ version: this.hub.db.version, table: this.table, events: [], assocs: this.assocs, ...(this.error === undefined ? {} : { error: this.error }) })
  }

  unsubscribe(): void {
    if (this.#closed) return
    this.#closed = true
    this.#scope.close()
    for (const stop of this.#stops) stop()
    this.hub.forget(this)
  }

  [Symbol.dispose](): void { this.unsubscribe() }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Subscription' }
}
