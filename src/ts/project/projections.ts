import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import { report } from '../dispatch.js'
import { EddylineError, unknownName } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import { own } from '../reduce/owners.js'
import { stateOf } from '../reduce/state.js'
import { checkDatabase, checkFunction, shown } from '../option-kinds.js'
import { checkProject, checkProjections, checkRegistered, isProjection } from './checks.js'
import { Composer } from './compose.js'
import type { Projection } from './definition.js'
import { Draft } from './draft.js'
import { type Engine, engineOf, isPromise } from './engines.js'
import { Graph, type Node, levels } from './graph.js'
import { Handle } from './handle.js'
import { Lens, type LensFilters, type LensOf, lens as lensOf, narrowed } from './lens.js'
import type { ProjectionStatus, ProjectionsOptions, ProjectOptions } from './options.js'
import { Queue } from './queue.js'
import { Rounds } from './rounds.js'
import { type Result, Run, type Runner, type Task } from './run.js'
import type { Scope } from './scope.js'
import { type SpanListener, Telemetry } from './telemetry.js'
import { type Unit, Units, type Writes } from './units.js'
import { Views } from './views.js'

/** A run that was asked for. `live`: its functions run again from then on. */
interface Asked { readonly node: Node; readonly lens: Lens; readonly key: string; live: boolean }

const NONE: ReadonlySet<Node> = /* @__PURE__ */ new Set()
const all = /* @__PURE__ */ new WeakMap<Database<any>, Map<string | undefined, Projections>>()

/**
 * The projections of a database, or of a tenant in it: one object, whoever asks. Options count the first time. Throws CLOSED for a
 * database that is.
 */
export function projections(db: Database<any>, options: ProjectionsOptions = {}): Projections {
  checkDatabase(db, 'projections')
  checkProjections(options)
  db.inside.port.alive()
  let known = all.get(db)
  if (known === undefined) all.set(db, known = new Map())
  let made = known.get(options.tenant)
  if (made === undefined) known.set(options.tenant, made = new Projections(db, options))
  return made
}

/**
 * Projections at work. Made by `projections(db)`.
 *
 * Views are kept up by every version; functions run for a lens when `project` asks, and from then on when their inputs within
 * the lens change: once for all changes of a task, or of a version if the engine of `projections` is `'inline'`. A run reads one version and
 * is one transaction. One runs at a time, in the order of asking; what changes meanwhile makes it run again.
 */
export class Projections implements Runner {
  readonly composer: Composer
  readonly engine: Engine
  readonly telemetry: Telemetry
  readonly tenant: string | undefined
  readonly #graph: Graph
  readonly #units: Units
  readonly #views: Views
  readonly #queue: Queue
  readonly #rounds: Rounds
  readonly #paused = new Set<Node>()
  readonly #own = new Map<number, ReadonlySet<Scope>>()
  readonly #handles = new WeakSet<Handle>()
  /** Runs that were asked for and are not over. */
  readonly #asked = new Set<Asked>()
  #running: Run | undefined
  #leads = false
  #closed = false
  readonly #ends: (() => void)[] = []

  /** @internal Use `projections`. */
  constructor(readonly db: Database<any>, readonly options: ProjectionsOptions) {
    this.tenant = options.tenant
    this.#rounds = new Rounds(options.maxRounds ?? 100)
    this.engine = engineOf(options.engine ?? 'microtask')
    this.telemetry = new Telemetry(options.measure !== false, options.onError)
    this.#graph = new Graph(db.schema)
    this.composer = new Composer(db, this.#graph)
    this.#units = new Units(this, stateOf(db))
    this.#views = new Views(this, options.onError, changes => { this.#commit(changes, {}, new Set()) })
    this.#queue = new Queue(engineOf('inline') === this.engine, () => db.version, () => this.#next())
    this.#ends.push(db.subscribe(() => { this.#told() }))
    const close = (): void => { this.dispose() }
    db.closers.add(close)
    this.#ends.push(() => { db.closers.delete(close) })
    if (db.durability?.status !== 'follower') this.#leads = true
    else this.#units.state.leading.then(() => { this.#lead() }, () => {})
  }

  // ---- definitions -------------------------------------------------------------------------------------------------

  /**
   * Registers projections, and those that they read. Views are filled now, and kept up from now on; functions run again that did
   * before a restart, if their inputs have changed since.
   *
   * Throws PROJECTION_CYCLE with the names on the way round, UNKNOWN_INPUT, UNKNOWN_TABLE, UNKNOWN_COLUMN, PROJECTION_INVALID,
   * NEEDS_REBUILD; then nothing is registered. Cost: one evaluation of each view.
   */
  register(...definitions: Projection<any, string, any>[]): this {
    this.#alive()
    checkRegistered(definitions)
    const nodes = this.#graph.add(definitions)
    const owned: (() => void)[] = []
    try {
      for (const node of nodes) {
        if (node.table !== undefined) owned.push(own(this.db, [node.table.name], { what: 'projection', name: node.name }, 'PROJECTION_INVALID', 'into'))
        if (node.table?.tenant === true && this.tenant === undefined) throw new EddylineError('TENANT_REQUIRED', `\`${node.table.name}\` is tenanted: projections(db, { tenant })`, { offending: node.name })
        if (node.kind !== 'derive') this.composer.queryOf(node)
        if (node.kind === 'view') this.#views.add(node)
        if (node.kind === 'derive' && this.#leads) this.#units.check(node)
      }
    } catch (error) {
      for (const n of nodes) { this.#views.remove(n); this.composer.forget(n); this.#units.forget(n) }
      this.#graph.remove(nodes)
      for (const release of owned) release()
      throw error
    }
    this.#ends.push(...owned)
    if (this.#leads) {
      this.#views.flush()
      this.#restore(nodes)
      this.#queue.go()
    }
    return this
  }

  /** What a run of a projection runs, in levels: names of one level do not read each other. */
  plan(of: Projection<any, string, any> | string): string[][] { return levels(this.#node(of)).map(level => level.map(n => n.name)) }

  /** Names of all registered projections. */
  list(): string[] { return [...this.#graph.nodes.keys()] }

  /** What a projection reads: names of projections and tables. */
  inputsOf(of: Projection<any, string, any> | string): string[] { return this.#node(of).inputs.map(i => typeof i === 'string' ? i : i.name) }

  // ---- reading -----------------------------------------------------------------------------------------------------

  /** The rows of a projection as a query: what a virtual one or a view is made of, or the table of a function. */
  query<R>(of: Projection<any, string, R> | string, lens?: Lens | LensOf<R>): any {
    const node = this.#node(of)
    const r = this.composer.readable(node)
    if (r === undefined) throw new EddylineError('PROJECTION_INVALID', `the output of \`${node.name}\` is a list, which nothing can follow`, { offending: node.name })
    return lens === undefined ? r.query : narrowed(this.#lens(lens), r.query, r.columns, node.name)
  }

  /** A live query over a projection, also a virtual one; of a view it is at the version of its inputs, where its table is one behind. */
  live<R>(of: Projection<any, string, R> | string, lens?: Lens | LensOf<R>): LiveQuery<R> {
    return this.db.live(this.query(of, lens), this.tenant === undefined ? undefined : { tenant: this.tenant }) as LiveQuery<R>
  }

  /** How a projection is, or one lens of it. */
  status<F = unknown>(of: Projection<any, string, any, F> | string, lens?: Lens | LensOf<F>): ProjectionStatus {
    const node = this.#node(of)
    if (!this.#leads) return { status: 'waiting' }
    if (this.#paused.has(node)) return { status: 'paused' }
    if (node.kind === 'view') {
      const error = this.#views.errorOf(node)
      return error === undefined ? { status: 'ready' } : { status: 'error', error }
    }
    const scopes = lens === undefined ? this.#units.scopesOf(node) : [this.#units.scope(node, this.#lens(lens))].filter(s => s !== undefined)
    if (node.kind === 'virtual') return { status: 'ready' }
    const failed = scopes.find(s => s.error !== undefined)
    if (failed !== undefined) return { status: 'error', error: failed.error }
    return { status: scopes.length === 0 ? 'idle' : scopes.some(s => s.dirty) ? 'stale' : 'ready' }
  }

  // ---- running -----------------------------------------------------------------------------------------------------

  /**
   * Runs a projection and all that it reads within a lens, as one transaction, and keeps its functions live from then on: they
   * run again when their inputs within the lens change.
   *
   * ```ts
   * const { rows, changed } = await p.project(Letters, { orgId: 123 })
   * const handle = p.project(Letters, { orgId: 123 }, { async: true })    // handle.status, handle.fetch()
   * ```
   * With the engine `'inline'` and synchronous functions it is done when this returns. Rejects with what a function threw
   * (DERIVE_FAILED with `cause`), LENS_FIELD, PROJECTION_CONFLICT, PROJECTION_REQUIRED, PROJECTION_TIMEOUT, and what the engine finds;
   * then every projection is as it was.
   */
  project<R = any>(of: Projection<any, string, R> | string, lens: Lens | LensFilters, options: ProjectOptions & { ignoreUnknown: true; async: true }): Handle<R>
  project<R = any>(of: Projection<any, string, R> | string, lens: Lens | LensFilters, options: ProjectOptions & { ignoreUnknown: true; async?: false }): Promise<Result<R>>
  project<R = any, F = unknown>(of: Projection<any, string, R, F> | string, lens: Lens | LensOf<F>, options: ProjectOptions & { async: true }): Handle<R>
  project<R = any, F = unknown>(of: Projection<any, string, R, F> | string, lens?: Lens | LensOf<F>, options?: ProjectOptions & { async?: false }): Promise<Result<R>>
  project(of: Projection | string, given: Lens | LensFilters = {}, options: ProjectOptions & { async?: boolean } = {}): any {
    let promise: Promise<Result>
    try { promise = this.#project(of, given, options) } catch (error) { promise = Promise.reject(error) }
    if (options.async !== true) return promise
    const handle = new Handle(promise)
    this.#handles.add(handle)
    return handle
  }

  #project(of: Projection | string, given: Lens | LensFilters, options: ProjectOptions): Promise<Result> {
    this.#alive()
    checkProject(options)
    const node = this.#node(of)
    let lens = this.#lens(given)
    if (options.ignoreUnknown === true && !lens.ignoreUnknown) lens = lensOf(Object.fromEntries(lens.filters.map(f => [f.field, { [f.op]: f.value }])), lens.reducer, { ignoreUnknown: true })
    if (!this.#leads) throw new EddylineError('FOLLOWER', 'another tab runs the projections of this database', { offending: node.name })
    const engine = options.engine === undefined ? undefined : engineOf(options.engine)
    if (lens.isEmpty && options.allowEmptyFilters !== true) this.#warn(new EddylineError('EMPTY_LENS', `\`${node.name}\` runs without a lens, over everything: \`allowEmptyFilters\` if that is meant`, { offending: node.name }))
    const shallow = options.skipDependencies === true
    const live = options.live !== false && !shallow
    // Refused before anything is made.
    const plan = shallow ? shallowLevels(node) : levels(node)
    this.composer.check(plan, lens)
    const asked: Asked = { node, lens, key: JSON.stringify([node.name, lens.key, shallow, live, String(options.timeoutMs)]), live }
    this.#asked.add(asked)
    const promise = this.#queue.add(asked.key, engine === undefined, (resolve, reject) => {
      const { live } = asked
      const isNew = this.#units.get(node, lens) === undefined
      let unit: Unit
      try { unit = this.#units.open(node, lens, plan, shallow, live) } catch (error) { reject(error); return undefined }
      const ended = (ok: boolean): void => {
        if (!live) this.#units.letGo(unit)
        // What has never run does not stay.
        else if (isNew && !ok) this.#units.abandon(unit)
        else unit.failedAt = undefined
      }
      const task: Task = { ...unit, all: true, shallow, live, engine, timeoutMs: options.timeoutMs, paused: NONE }
      return this.#run(task, result => { ended(true); resolve(result) }, error => { ended(false); reject(error) })
    })
    const over = (): void => { this.#asked.delete(asked) }
    promise.then(over, over)
    return promise
  }

  /** What came of a run that was asked for by `{ async: true }`. Rejects with PROJECTION_HANDLE for what is no handle of this database. */
  fetch<R>(handle: Handle<R>): Promise<Result<R>> {
    if (!this.#handles.has(handle)) return Promise.reject(new EddylineError('PROJECTION_HANDLE', 'not a handle that `project` of this database has given'))
    return handle.fetch()
  }

  /** Resolves when nothing runs or waits to be run. */
  idle(): Promise<void> { return this.#queue.idle() }

  /** A projection that is not kept up: its table stays as it is, whatever changes. `project` still runs it. */
  pause(of: Projection<any, string, any> | string): void {
    const node = this.#node(of)
    this.#paused.add(node)
    this.#views.pause(node)
    this.#units.anew(node)
    if (this.#leads) this.#views.flush()
    this.#queue.go()
  }

  /** Keeps it up again, beginning with what has changed meanwhile. */
  resume(of: Projection<any, string, any> | string): void {
    const node = this.#node(of)
    if (!this.#paused.delete(node)) return
    this.#views.resume(node)
    this.#units.anew(node)
    if (this.#leads) this.#views.flush()
    this.#queue.go()
  }

  /** Ends what `project` keeps live, or would when its run is over: of one lens, or of all. The rows stay. */
  release<F = unknown>(of: Projection<any, string, any, F> | string, lens?: Lens | LensOf<F>): void {
    const node = this.#node(of)
    const only = lens === undefined ? undefined : this.#lens(lens).key
    for (const unit of this.#units.of(node)) if (only === undefined || unit.lens.key === only) this.#units.abandon(unit)
    for (const asked of this.#asked) {
      if (asked.node !== node || (only !== undefined && asked.lens.key !== only)) continue
      asked.live = false
      // Who asks from now on wants it to stay.
      this.#queue.unshare(asked.key)
    }
  }

  /** Calls `fn` when parts of runs begin and end. Returns the function that ends it. */
  subscribe(fn: SpanListener): () => void {
    checkFunction(fn, 'subscribe')
    return this.telemetry.subscribe(fn)
  }

  /** Ends everything. Rows stay. */
  dispose(): void {
    if (this.#closed) return
    this.#closed = true
    const error = new EddylineError('CLOSED', 'the projections are closed')
    this.#running?.abort(error)
    this.#queue.end(error)
    this.#views.end()
    this.#units.end()
    for (const end of this.#ends) end()
    if (all.get(this.db)?.get(this.tenant) === this) all.get(this.db)!.delete(this.tenant)
  }

  [Symbol.dispose](): void { this.dispose() }

  // ---- for runs ----------------------------------------------------------------------------------------------------

  /** @internal */
  draftOf(node: Node): Draft { return new Draft(this.db, node.table!, node.name, node.definition.options.required ?? [], node.table!.tenant ? this.tenant : undefined) }

  /** @internal */
  isOwn(scope: Scope, version: number): boolean { return this.#own.get(version)?.has(scope) === true }

  /** @internal */
  viewError(node: Node): unknown { return this.#views.errorOf(node) }

  /** @internal Something may have to run. */
  wake(scope: Scope): void {
    this.#units.mark(scope)
    if (this.#leads) this.#queue.wake()
  }

  /** @internal */
  isAnew(node: Node): boolean { return this.#units.isAnew(node) }

  /** @internal */
  commit(run: Run): number {
    const moved = this.db.version !== run.version
    // Others wrote meanwhile: what the run makes of views is not what they are now.
    if (moved) for (const node of run.drafts.keys()) this.#views.again(node)
    this.#commit(run.changes(), this.#units.writes(run), new Set(run.task.scopes.values()))
    this.#units.done(run, moved)
    if (moved) this.#views.flush()
    return this.db.version
  }

  /** One version, and what is stored with it. Scopes of the run have seen what it changes. */
  #commit(changes: readonly LooseChange[], writes: Writes, scopes: ReadonlySet<Scope>): void {
    const version = this.db.version + 1
    this.#own.set(version, scopes)
    try { this.#units.state.commit(changes, writes) } finally { if (this.db.version < version) this.#own.delete(version) }
    // Where a listener asked, it is told when it is this version's turn.
    for (const v of this.#own.keys()) if (v < version - 64) this.#own.delete(v)
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  /** A version was told to all live queries. */
  #told(): void {
    if (!this.#leads || this.#closed) return
    this.#views.flush()
    this.#queue.told()
  }

  /** Something to run again. */
  #next(): (() => void | Promise<void>) | undefined {
    const unit = this.#units.dirty(this.#paused)
    if (unit === undefined) { this.#rounds.quiet(); return undefined }
    const task: Task = { ...unit, scopes: this.#unpaused(unit.scopes), all: false, shallow: false, live: false, engine: undefined, timeoutMs: undefined, paused: new Set(this.#paused) }
    const attempt = this.#units.attempt(unit)
    const failed = (error: unknown): void => {
      attempt()
      if (!this.#closed && !this.#views.isTold(error)) report(error, this.options.onError)
    }
    if (this.#rounds.isTooMany(unit)) {
      return () => {
        const error = new EddylineError('MAX_ROUNDS', `\`${unit.terminal.name}\` has run ${this.#rounds.most} times because of what its own runs have changed: a function writes by \`tx\`, and not what it reads`, { offending: unit.terminal.name })
        for (const scope of unit.scopes.values()) {
          if (scope.dirty) scope.error = error
          scope.asked(this.db.version)
          scope.answered(false)
        }
        failed(error)
      }
    }
    return () => this.#run(task, () => { unit.failedAt = undefined }, failed)
  }

  /** Paused functions keep their rows, and what has changed for them. */
  #unpaused(scopes: ReadonlyMap<Node, Scope>): ReadonlyMap<Node, Scope> {
    return this.#paused.size === 0 ? scopes : new Map([...scopes].filter(([node]) => !this.#paused.has(node)))
  }

  #run(task: Task, ok: (result: Result) => void, failed: (error: unknown) => void): void | Promise<void> {
    let outcome: Result | Promise<Result>
    try {
      this.#running = new Run(this, task)
      outcome = this.#running.start()
    } catch (error) {
      this.#running = undefined
      failed(error)
      return undefined
    }
    if (!isPromise(outcome)) { this.#running = undefined; ok(outcome); return undefined }
    return outcome.then(ok, failed).finally(() => { this.#running = undefined })
  }

  #restore(nodes: readonly Node[]): void {
    this.#units.restore(nodes, this.options.onError, (draft, writes) => { this.#commit(draft.changes(), writes, new Set()) }, node => this.draftOf(node))
  }

  /** This tab has the state now. */
  #lead(): void {
    if (this.#closed) return
    this.#leads = true
    this.#views.againAll()
    this.#views.flush()
    for (const node of this.#graph.nodes.values()) if (node.kind === 'derive') try { this.#units.check(node) } catch (error) { report(error, this.options.onError) }
    this.#restore([...this.#graph.nodes.values()])
    this.#queue.go()
  }

  #lens(given: Lens | LensFilters | LensOf<any>): Lens { return given instanceof Lens ? given : lensOf(given as LensFilters) }

  #node(of: Projection<any, string, any> | string): Node {
    const name = typeof of === 'string' ? of : of?.name ?? shown(of)
    const node = this.#graph.nodes.get(name)
    if (node !== undefined && (typeof of === 'string' || node.definition === of)) return node
    if (typeof of !== 'string' && isProjection(of)) {
      this.register(of)
      return this.#graph.nodes.get(name)!
    }
    throw unknownName('UNKNOWN_PROJECTION', `projection \`${name}\``, name, this.#graph.nodes.keys())
  }

  #alive(): void { if (this.#closed) throw new EddylineError('CLOSED', 'the projections are closed') }

  #warn(warning: EddylineError): void {
    if (this.options.onWarning !== undefined) this.options.onWarning(warning)
    else console.warn(`eddyline: ${warning.message}`)
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Projections' }
}

/** The projection alone, after lists that it reads, which have no rows of their own. */
function shallowLevels(node: Node): Node[][] {
  const lists = node.inputs.filter((i): i is Node => typeof i !== 'string' && i.kind === 'virtual')
  return lists.length === 0 ? [[node]] : [lists, [node]]
}
