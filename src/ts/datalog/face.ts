// The face of a database that speaks Datalog: facts, queries, views.
import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import type { EntryWrites } from '../durability.js'
import { EddylineError, unknownName } from '../errors.js'
import type { Difference } from './answer.js'
import type { PullPattern, Rules } from './ast.js'
import { INPUTS } from './attributes.js'
import { type Attribute, Catalog } from './catalog.js'
import type { InputRows } from './given.js'
import type { CompilerOptions } from './lower/compiler.js'
import type { UserFunction } from './lower/functions.js'
import { storedInput } from './lower/inputs.js'
import { checkDefinition, checkPull } from './options.js'
import { parsePull } from './parse-pull.js'
import { placed } from './place.js'
import { SOURCE, TX0, inputRows } from './positions.js'
import { Puller } from './pull.js'
import { type Kept, Shelf } from './shelf.js'
import { type Configuration, type LoadOptions, type Saved, load, restore, save } from './state.js'
import { Facts } from './store.js'
import { type DatomSource, type SyncOptions, type SyncResult, syncFacts } from './sync.js'
import { type Datom, type Prepared, type SourceFact, Transaction } from './transact.js'
import { type TxData, isMap } from './tx-data.js'
import { type Definition, DatalogView, ask } from './view.js'

export interface DatalogOptions {
  /** Pure functions by name, made of the engine's expressions: `{ adult: age => gte(age, 18) }`. */
  readonly functions?: Readonly<Record<string, UserFunction>> | undefined
  /** Rounds of transactions that listeners may cause before MAX_ROUNDS; 100 by default. */
  readonly maxRounds?: number | undefined
  /** Rounds that a recursive rule may take for one change before RECURSION_LIMIT; 10,000 by default: a chain takes one for each of its members. */
  readonly maxRuleRounds?: number | undefined
  /** Values of different types compared for equality: an error (true, the default), or never equal. */
  readonly strict?: boolean | undefined
  /** What attributes are called in results: `:movie/title` by default. */
  readonly attributeText?: ((name: string) => string) | undefined
  /** Attributes come as they are used: patterns of `pull` may name any. */
  readonly open?: boolean | undefined
}

/** What a transaction did. */
export interface TxReport {
  readonly tx: number
  /** Facts that were added and retracted, net. */
  readonly datoms: readonly Datom[]
  readonly tempids: Readonly<Record<string, number>>
  readonly meta: unknown
  readonly version: number
}

interface Rounds { readonly number: number; readonly views: Map<string, number> }

/** What is wrong with a change, said about the data that it was made of. */
function inData(error: unknown, placeOf: Prepared['placeOf']): unknown {
  const at = error instanceof EddylineError ? /^changes\[(\d+)\](.*)$/s.exec(error.path ?? '') : null
  const path = at === null ? undefined : placeOf(Number(at[1]), at[2])
  if (path === undefined) return error
  const { code, message, offending, nearest, path: inner } = error as EddylineError
  return new EddylineError(code, `${message.replace(` (at ${inner!})`, '')} (at ${path})`, { path, offending, nearest, cause: error })
}

/** Facts, queries and views over a database. Made by `datalog(db)`. */
export class Face {
  readonly catalog: Catalog
  readonly facts: Facts
  readonly puller: Puller
  readonly views = new Map<string, DatalogView>()
  /** @internal */
  readonly shelf: Shelf
  readonly #options: DatalogOptions
  readonly #functions: ReadonlyMap<string, UserFunction>
  readonly #followed = new Set<DatalogView>()
  /** Sources that are being read: when the last who asked is done. */
  readonly #syncs = new Map<DatomSource, Promise<void>>()
  /** By version: in which round of listeners it is made, and when each view last was. */
  readonly #rounds = new Map<number, Rounds>()
  readonly #stop: () => void
  readonly #unsubscribe: (() => void) | undefined
  #number = 0
  /** Transactions that are being made, one within the other. */
  #depth = 0
  #failure: EddylineError | undefined
  #written = new Map<number, number[]>()
  #left: LooseChange[] = []

  /** @internal */
  constructor(readonly db: Database<any>, options: DatalogOptions = {}) {
    this.#options = options
    this.#functions = new Map(Object.entries(options.functions ?? {}))
    this.catalog = new Catalog(db.schema)
    this.facts = new Facts(db, this.catalog)
    this.puller = new Puller(this.facts, this.catalog, this.display, options.open ?? false)
    this.shelf = new Shelf(db)
    this.#settle()
    // Another tab led until now, or leads from now on.
    this.#unsubscribe = db.durability?.subscribe(status => {
      if (status !== 'ready') return
      this.#settle()
      for (const view of this.views.values()) view.keep()
    })
    this.#stop = db.subscribe(report => { this.#told(report.version) })
  }

  /** Takes up what others have left in the storage: positions, and inputs of views that are no more. */
  #settle(): void {
    if (!this.catalog.hasInputs || !this.shelf.durable) return
    this.facts.positions.read()
    this.#left = []
    for (const { view, input, row } of inputRows(this.db)) {
      if (view <= 0 || this.#written.has(view)) continue
      // Numbers go on behind them, and they go with the first that are written.
      this.#left.push({ op: 'delete', table: INPUTS, id: [view, input, row] } as LooseChange)
      if (view > this.#number) this.#number = view
    }
  }

  readonly display = (a: Attribute): string => (this.#options.attributeText ?? (name => `:${name}`))(a.name)

  /** @internal */
  compilerOptions(rules: Rules): CompilerOptions {
    return { catalog: this.catalog, rules, strict: this.#options.strict ?? true, functions: this.#functions, attributeText: this.display, maxRuleRounds: this.#options.maxRuleRounds }
  }

  /** The last transaction: of this face, or of a source that it read; the largest, if there are several. */
  get lastTx(): number {
    if (this.shelf.isFollower) this.facts.positions.read()
    return this.facts.positions.last
  }

  // ---- queries -------------------------------------------------------------------------------------------------------

  /**
   * Asks once: the same compiler as for views.
   *
   * ```ts
   * data.q('[:find ?t :in $ ?y :where [?m :movie/title ?t] [?m :movie/year ?y]]', 1985)
   * ```
   * Values are given in the order of `:in`, without `$`; rules where `%` stands.
   */
  q(query: unknown, ...inputs: unknown[]): unknown { return ask(this, query, inputs, undefined, () => ++this.#number) }

  /** Asks once, with rules and inputs by name. */
  ask(definition: Definition): unknown {
    checkDefinition(definition)
    const { query, rules, in: given } = definition
    return ask(this, query, given ?? {}, rules, () => ++this.#number)
  }

  /** A view: an answer that is kept right. A name is that of one view at a time; the same definition gives the same view. */
  view(name: string, definition: Definition): DatalogView { return this.made(name, definition, false) }

  /** @internal A view; `anew`: what the storage has kept under its name does not count. */
  made(name: string, definition: Definition, anew: boolean): DatalogView {
    if (typeof name !== 'string') throw new EddylineError('CONFIGURATION_INVALID', 'a view has a name, and then a definition', { path: 'name' })
    if (this.views.has(name)) throw new EddylineError('DUPLICATE_VIEW', `there is a view \`${name}\` already: \`drop\` it first`, { path: name, offending: name })
    const number = ++this.#number
    try {
      const made = new DatalogView(this, name, definition, number, anew)
      this.views.set(name, made)
      return made
    } catch (e) {
      this.clearInputs(number)
      throw e
    }
  }

  /**
   * The tree of an entity: `null` if nothing is known. `e`: a number, a row's key (a list, if it has several columns), or `[attribute value]`.
   * `table`: whose row it is, where keys of several tables are alike. Throws DATALOG_SYNTAX, DATALOG_TYPE, UNKNOWN_ATTRIBUTE with the place.
   */
  pull(pattern: unknown, e: unknown, options?: { table?: string }): Record<string, unknown> | null {
    checkPull(options)
    const parsed = placed({ pattern }, () => this.puller.check(typeof pattern === 'object' && pattern !== null && 'wildcard' in pattern ? pattern as PullPattern : parsePull(pattern)))
    let table = options?.table
    if (table !== undefined && this.catalog.ofTable(table).length === 0) throw unknownName('UNKNOWN_TABLE', `table \`${table}\``, table, this.db.schema.json.tables.map((t: { name: string }) => t.name), 'table')
    let found = e
    if (Array.isArray(e) && table === undefined && typeof e[0] === 'string' && e.length === 2 && (/^:./.test(e[0]) || this.catalog.find(e[0]) !== undefined)) {
      found = this.lookup(e[0], e[1])
      const attribute = this.catalog.get(e[0].replace(/^:(?=.)/, ''), e[0])
      if (!attribute.fact) table = attribute.table
    }
    if (found === undefined || found === null) return null
    if (isMap(found) || typeof found === 'function' || typeof found === 'symbol') throw new EddylineError('INVALID_ARGUMENT', 'an entity is a number, the key of a row, or `[attribute value]`', { path: 'e' })
    const tree = this.puller.pull(parsed, found, table)
    const isBare = !(this.#options.open ?? false) && tree !== null && ':db/id' in tree && Object.keys(tree).length === 1
    return isBare && !this.puller.isKnown(found, table) ? null : tree
  }

  pullMany(pattern: unknown, es: readonly unknown[], options?: { table?: string }): (Record<string, unknown> | null)[] {
    const parsed = placed({ pattern }, () => this.puller.check(parsePull(pattern)))
    if (!Array.isArray(es)) throw new EddylineError('INVALID_ARGUMENT', '`pullMany` takes a list of entities', { path: 'es' })
    return es.map(e => this.pull(parsed, e, options))
  }

  /** The entity that has a value of a unique attribute. */
  lookup(attribute: string, value: unknown): unknown {
    if (typeof attribute !== 'string') throw new EddylineError('INVALID_ARGUMENT', '`lookup` takes the name of an attribute, and a value', { path: 'attribute' })
    this.facts.current()
    const found = this.catalog.get(attribute.replace(/^:(?=.)/, ''), attribute)
    if (found.unique === false) throw new EddylineError('DATALOG_TYPE', `\`:${found.name}\` is not unique: it names no entity`, { path: attribute, offending: attribute })
    return this.facts.entities(found, value)[0] ?? null
  }

  // ---- transactions --------------------------------------------------------------------------------------------------

  /**
   * Makes a transaction: one version. Listeners of views run after it, and what they return is transacted until nothing comes.
   *
   * ```ts
   * data.transact([{ ':db/id': -1, ':movie/title': 'Predator' }, [':db/add', 7, ':movie/genre', 'drama'], [':db/retractEntity', 8]])
   * ```
   * Throws TX_INVALID, TX_TYPE, TX_CONFLICT, TX_CAS, TX_UNKNOWN_ENTITY, UNKNOWN_ATTRIBUTE with `path`, and what the engine throws: then nothing has
   * happened. Throws MAX_ROUNDS when listeners go on and on: what was committed until then stays.
   */
  transact(data: TxData, meta?: unknown): TxReport {
    const tx = Math.max(this.lastTx, TX0) + 1
    const transaction = new Transaction(this.facts, this.catalog, tx, this.display)
    const prepared = transaction.prepare(data, (fn, args) => fn(this, ...args) as TxData)
    const report: TxReport = { tx, datoms: prepared.datoms, tempids: { ...prepared.tempids, ':db/current-tx': tx }, meta, version: this.db.version + 1 }
    this.commit(prepared, SOURCE, tx)
    return report
  }

  /** @internal Commits what a transaction worked out. */
  commit({ changes, enter, entities, placeOf }: Prepared, source: string, tx: number): void {
    const undo = enter()
    const moved = this.facts.positions.moving(source, tx, entities)
    this.#depth++
    try {
      this.facts.committing(() => {
        const note = moved.done()
        try { this.db.apply({ changes: [...changes, ...moved.changes], ...moved.envelope, origin: 'datalog' } as never) } catch (e) { undo(); note(); throw inData(e, placeOf) }
      })
    } finally { this.#depth-- }
    if (this.#depth > 0 || this.#failure === undefined) return
    const failure = this.#failure
    this.#failure = undefined
    throw failure
  }

  /** @internal Facts of a source, whole transactions of them, as one version. */
  absorb(datoms: readonly SourceFact[], source: string): void {
    const transaction = new Transaction(this.facts, this.catalog, datoms[0].tx, this.display)
    this.commit(transaction.replay(datoms), source, datoms[datoms.length - 1].tx)
  }

  /** Reads a source of datoms from where it was left: once for all who ask for it while it is read, then what has come since. */
  async sync(source: DatomSource, options?: SyncOptions): Promise<SyncResult> {
    const former = this.#syncs.get(source)
    const { signal } = options ?? {}
    const run = former === undefined ? syncFacts(this, source, options) : former.then(() => syncFacts(this, source, options))
    if (typeof source !== 'object' || source === null) return run
    const over: Promise<void> = new Promise<void>(resolve => {
      // Who was told to stop may never hear of it.
      if (signal?.aborted === true) resolve()
      const stop = (): void => { resolve() }
      signal?.addEventListener?.('abort', stop, { once: true })
      const end = (): void => { signal?.removeEventListener?.('abort', stop); resolve() }
      run.then(end, end)
    }).then(() => { if (this.#syncs.get(source) === over) this.#syncs.delete(source) })
    this.#syncs.set(source, over)
    return run
  }

  // ---- listeners -----------------------------------------------------------------------------------------------------

  /** @internal */
  follow(view: DatalogView): void { this.#followed.add(view) }
  /** @internal */
  unfollow(view: DatalogView): void { this.#followed.delete(view) }

  /** After the live queries of a version: views tell, once, and what their listeners return is transacted. */
  #told(version: number): void {
    const round = this.#rounds.get(version) ?? { number: 0, views: new Map() }
    this.#rounds.delete(version)
    const news = [...this.#followed].flatMap(view => { const difference = view.take(); return difference === undefined ? [] : [{ view, difference }] })
    if (news.length > 0) this.#tell(news, round)
  }

  /** @internal A difference that came about without a version. What listeners throw goes where it goes otherwise. */
  tell(view: DatalogView, difference: Difference): void {
    try { this.#tell([{ view, difference }], { number: 0, views: new Map() }) } catch (error) { this.db.uncaught(error) }
  }

  #tell(news: readonly { view: DatalogView; difference: Difference }[], { number, views }: Rounds): void {
    const wanted: { view: DatalogView; data: TxData }[] = []
    const errors: unknown[] = []
    for (const { view, difference } of news) {
      const [added, removed] = [view.named(difference.added), view.named(difference.removed)]
      for (const fn of [...view.listeners]) {
        try {
          const data: unknown = fn(added, removed, view)
          if (Array.isArray(data)) { if (data.length > 0) wanted.push({ view, data }); continue }
          if (data !== undefined && data !== null) throw new EddylineError('LISTENER_INVALID', `a listener of \`${view.name}\` returned ${typeof (data as PromiseLike<unknown>).then === 'function' ? 'a promise: what comes later is for `transact`' : 'what is no transaction data'}`, { path: view.name, offending: view.name })
        } catch (e) { errors.push(e) }
      }
    }
    const most = this.#options.maxRounds ?? 100
    for (const { view } of wanted) views.set(view.name, number)
    if (wanted.length > 0 && number >= most) {
      // Those of a circle take turns; what only set it off has been silent since.
      const names = [...views].filter(([, last]) => last >= number / 2).map(([name]) => name)
      const error = new EddylineError('MAX_ROUNDS', `listeners of ${names.map(n => `\`${n}\``).join(', ')} go on after ${most} rounds of transactions`, { path: names.join(', '), offending: names[0] })
      if (this.#depth > 0) this.#failure ??= error
      else errors.push(error)
    } else {
      for (const { data } of wanted) {
        this.#rounds.set(this.db.version + 1, { number: number + 1, views })
        try { this.transact(data) } catch (e) { this.#rounds.delete(this.db.version + 1); errors.push(e) }
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several listeners failed')
  }

  // ---- inputs --------------------------------------------------------------------------------------------------------

  /** @internal Whether inputs can be rows: there is a table for them, and this tab writes. */
  get storesInputs(): boolean { return this.catalog.hasInputs && !this.shelf.isFollower }

  /** @internal Puts the inputs of a view into their table, in one version, with what is to be kept of its definition. */
  writeInputs(view: number, inputs: readonly InputRows[], entries?: EntryWrites): void {
    const known = this.#written.get(view) ?? []
    const changes: LooseChange[] = this.#left
    this.#left = []
    inputs.forEach(({ rows }, input) => {
      rows.forEach((v, row) => { changes.push({ op: 'upsert', table: INPUTS, row: { view, input, row, v: storedInput(v) } } as LooseChange) })
      for (let row = rows.length; row < (known[input] ?? 0); row++) changes.push({ op: 'delete', table: INPUTS, id: [view, input, row] } as LooseChange)
    })
    this.#written.set(view, inputs.map(i => i.rows.length))
    if (entries !== undefined) this.db.durability!.commit(changes, entries)
    else if (changes.length > 0) this.db.apply(changes as never)
  }

  /** @internal */
  clearInputs(view: number): void {
    const changes = (this.#written.get(view) ?? []).flatMap((n, input) => Array.from({ length: n }, (_, row): LooseChange => ({ op: 'delete', table: INPUTS, id: [view, input, row] } as LooseChange)))
    this.#written.delete(view)
    if (changes.length > 0) this.db.apply(changes as never)
  }

  /** @internal */
  dropped(view: DatalogView, number: number): void {
    this.#followed.delete(view)
    if (this.views.get(view.name) === view) this.views.delete(view.name)
    this.clearInputs(number)
  }

  /** @internal A database with the same rows in an engine of its own. */
  twin(): Database<any> {
    const twin = this.db.twin()
    const changes = this.db.schema.json.tables.filter((t: { tenant: boolean }) => !t.tenant).flatMap((t: { name: string }) => {
      const all = this.db.live({ toJSON: () => ({ from: t.name }) } as never)
      const rows = [...all.rows]
      all.dispose()
      return rows.length === 0 ? [] : [{ op: 'insert', table: t.name, rows }]
    })
    if (changes.length > 0) twin.apply(changes as never)
    return twin
  }

  // ---- state ---------------------------------------------------------------------------------------------------------

  /** Facts, positions and definitions as one plain object; rows of tables are not in it. */
  save(): Saved { return save(this) }
  /** Puts saved facts and positions in the place of those that are there. Throws STATE_INVALID. */
  restore(state: Saved): void { restore(this, state) }
  /**
   * Makes the views of a configuration, over a saved state if there is one, or over what the storage of the database has kept. Throws
   * CONFIGURATION_INVALID, DEFINITION_MISMATCH, STATE_INVALID, and what is wrong with a circuit, named in `path`; then nothing is loaded.
   */
  load(config: Configuration, options?: LoadOptions): void { load(this, config, options) }

  /** The circuits that the storage of the database has kept: their definitions, and their inputs as they were last set. */
  get kept(): ReadonlyMap<string, Kept> { return this.shelf.all() }
  /** Makes the views of all circuits that the storage has kept and that are not there yet; these views. */
  resume(): DatalogView[] {
    return [...this.kept].filter(([name]) => !this.views.has(name)).map(([name, { edn, inputs }]) => this.view(name, { query: edn, in: inputs, storage: 'durable' }))
  }

  /** Drops all views and what was kept to look facts up. */
  close(): void {
    for (const view of [...this.views.values()]) view.drop()
    this.#stop()
    this.#unsubscribe?.()
    this.facts.close()
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Face' }
}
