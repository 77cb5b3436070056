// The face of a database that speaks Datalog: facts, queries, views.
import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import type { Difference } from './answer.js'
import type { PullPattern, Rules } from './ast.js'
import { INPUTS } from './attributes.js'
import { type Attribute, Catalog } from './catalog.js'
import type { InputRows } from './given.js'
import type { CompilerOptions } from './lower/compiler.js'
import type { UserFunction } from './lower/functions.js'
import { storedInput } from './lower/inputs.js'
import { parsePull } from './parse-pull.js'
import { Puller } from './pull.js'
import { type Configuration, type LoadOptions, type Saved, load, restore, save } from './state.js'
import { Facts, TX0 } from './store.js'
import { type DatomSource, type SyncOptions, type SyncResult, syncFacts } from './sync.js'
import { type Datom, type Prepared, Transaction } from './transact.js'
import type { TxData } from './tx-data.js'
import { type Definition, DatalogView, ask } from './view.js'

export interface DatalogOptions {
  /** Pure functions by name, made of the engine's expressions: `{ adult: age => gte(age, 18) }`. */
  readonly functions?: Readonly<Record<string, UserFunction>>
  /** Rounds of transactions that listeners may cause before MAX_ROUNDS; 100 by default. */
  readonly maxRounds?: number
  /** Values of different types compared for equality: an error (true, the default), or never equal. */
  readonly strict?: boolean
  /** What attributes are called in results: `:movie/title` by default. */
  readonly attributeText?: (name: string) => string
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

/** Whose position the transactions of the face are. */
const SOURCE = 'datalog'

/** Facts, queries and views over a database. Made by `datalog(db)`. */
export class Face {
  readonly catalog: Catalog
  readonly facts: Facts
  readonly puller: Puller
  readonly views = new Map<string, DatalogView>()
  readonly #options: DatalogOptions
  readonly #functions: ReadonlyMap<string, UserFunction>
  readonly #followed = new Set<DatalogView>()
  readonly #rounds = new Map<number, number>()
  readonly #stop: () => void
  #number = 0
  /** Transactions that are being made, one within the other. */
  #depth = 0
  #failure: EddylineError | undefined
  /** Whose positions are part of the state. */
  readonly #sources = new Set<string>([SOURCE])
  #written = new Map<number, number[]>()

  /** @internal */
  constructor(readonly db: Database<any>, options: DatalogOptions = {}) {
    this.#options = options
    this.#functions = new Map(Object.entries(options.functions ?? {}))
    this.catalog = new Catalog(db.schema)
    this.facts = new Facts(db, this.catalog)
    this.puller = new Puller(this.facts, this.catalog, this.display)
    this.#stop = db.subscribe(report => { this.#told(report.version) })
  }

  readonly display = (a: Attribute): string => (this.#options.attributeText ?? (name => `:${name}`))(a.name)

  /** @internal */
  compilerOptions(rules: Rules): CompilerOptions {
    return { catalog: this.catalog, rules, strict: this.#options.strict ?? true, functions: this.#functions, attributeText: this.display }
  }

  /** The last transaction: of this face, or of a source that it read. */
  get lastTx(): number { return Number(this.db.cursor(SOURCE) ?? TX0) }

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
  ask({ query, rules, in: given }: Definition): unknown { return ask(this, query, given ?? {}, rules, () => ++this.#number) }

  /** A view: an answer that is kept right. A name is that of one view at a time; the same definition gives the same view. */
  view(name: string, definition: Definition): DatalogView {
    if (this.views.has(name)) throw new EddylineError('DUPLICATE_VIEW', `there is a view \`${name}\` already: \`drop\` it first`, { path: name, offending: name })
    const number = ++this.#number
    try {
      const made = new DatalogView(this, name, definition, number)
      this.views.set(name, made)
      return made
    } catch (e) {
      this.clearInputs(number)
      throw e
    }
  }

  /** The tree of an entity: `null` if nothing is known. `e`: a number, a row's key, or `[attribute value]`. */
  pull(pattern: unknown, e: unknown, options?: { table?: string }): Record<string, unknown> | null {
    const parsed = typeof pattern === 'object' && pattern !== null && 'wildcard' in pattern ? pattern as PullPattern : parsePull(pattern)
    const found = Array.isArray(e) && options?.table === undefined ? this.lookup(String(e[0]), e[1]) : e
    return found === undefined || found === null ? null : this.puller.pull(parsed, found, options?.table)
  }

  pullMany(pattern: unknown, es: readonly unknown[], options?: { table?: string }): (Record<string, unknown> | null)[] {
    const parsed = parsePull(pattern)
    return es.map(e => this.pull(parsed, e, options))
  }

  /** The entity that has a value of a unique attribute. */
  lookup(attribute: string, value: unknown): unknown {
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
    const tx = this.lastTx + 1
    const transaction = new Transaction(this.facts, this.catalog, tx, this.display)
    const prepared = transaction.prepare(data, (fn, args) => fn(this, ...args) as TxData)
    const report: TxReport = { tx, datoms: prepared.datoms, tempids: { ...prepared.tempids, ':db/current-tx': tx }, meta, version: this.db.version + 1 }
    this.commit(prepared, { source: SOURCE, cursor: tx })
    return report
  }

  /** @internal Commits what a transaction worked out. */
  commit({ changes, enter }: Prepared, position: { source: string; cursor: number }): void {
    const undo = enter()
    this.#depth++
    try {
      this.facts.committing(() => {
        try { this.db.apply({ changes, ...position, origin: 'datalog' } as never) } catch (e) { undo(); throw e }
      })
    } finally { this.#depth-- }
    if (this.#depth > 0 || this.#failure === undefined) return
    const failure = this.#failure
    this.#failure = undefined
    throw failure
  }

  /** @internal Facts of a source, whole transactions of them, as one version. */
  absorb(datoms: readonly { e: unknown; a: string; v: unknown; tx: number; added: boolean }[], source: string): void {
    const transaction = new Transaction(this.facts, this.catalog, datoms[0].tx, this.display)
    this.#sources.add(source)
    this.commit(transaction.replay(datoms), { source, cursor: datoms[datoms.length - 1].tx })
  }

  /** Reads a source of datoms from where it was left. */
  sync(source: DatomSource, options?: SyncOptions): Promise<SyncResult> { return syncFacts(this, source, options) }

  // ---- listeners -----------------------------------------------------------------------------------------------------

  /** @internal */
  follow(view: DatalogView): void { this.#followed.add(view) }
  /** @internal */
  unfollow(view: DatalogView): void { this.#followed.delete(view) }

  /** After the live queries of a version: views tell, once, and what their listeners return is transacted. */
  #told(version: number): void {
    const round = this.#rounds.get(version) ?? 0
    this.#rounds.delete(version)
    const news = [...this.#followed].flatMap(view => { const difference = view.take(); return difference === undefined ? [] : [{ view, difference }] })
    if (news.length > 0) this.#tell(news, round)
  }

  /** @internal A difference that came about without a version. */
  tell(view: DatalogView, difference: Difference): void { this.#tell([{ view, difference }], 0) }

  #tell(news: readonly { view: DatalogView; difference: Difference }[], round: number): void {
    const wanted: { view: DatalogView; data: TxData }[] = []
    const errors: unknown[] = []
    for (const { view, difference } of news) {
      for (const fn of [...view.listeners]) {
        try {
          const data = fn(difference.added, difference.removed, view)
          if (Array.isArray(data) && data.length > 0) wanted.push({ view, data })
        } catch (e) { errors.push(e) }
      }
    }
    const most = this.#options.maxRounds ?? 100
    if (wanted.length > 0 && round >= most) {
      const names = [...new Set(wanted.map(w => w.view.name))]
      const error = new EddylineError('MAX_ROUNDS', `listeners of ${names.map(n => `\`${n}\``).join(', ')} go on after ${most} rounds of transactions`, { path: names.join(', '), offending: names[0] })
      if (this.#depth > 0) this.#failure ??= error
      else errors.push(error)
    } else {
      for (const { data } of wanted) {
        this.#rounds.set(this.db.version + 1, round + 1)
        try { this.transact(data) } catch (e) { this.#rounds.delete(this.db.version + 1); errors.push(e) }
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several listeners failed')
  }

  // ---- inputs --------------------------------------------------------------------------------------------------------

  /** @internal Puts the inputs of a view into their table, in one version, if they are not there. */
  writeInputs(view: number, inputs: readonly InputRows[]): void {
    const known = this.#written.get(view) ?? []
    const changes: LooseChange[] = []
    inputs.forEach(({ rows }, input) => {
      rows.forEach((v, row) => { changes.push({ op: 'upsert', table: INPUTS, row: { view, input, row, v: storedInput(v) } } as LooseChange) })
      for (let row = rows.length; row < (known[input] ?? 0); row++) changes.push({ op: 'delete', table: INPUTS, id: [view, input, row] } as LooseChange)
    })
    this.#written.set(view, inputs.map(i => i.rows.length))
    if (changes.length > 0) this.db.apply(changes as never)
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

  /** Facts, positions and definitions as one plain object. */
  save(): Saved { return save(this, this.#sources) }
  /** Puts saved facts and positions in the place of those that are there. Throws STATE_INVALID. */
  restore(state: Saved): void { restore(this, state) }
  /** Makes the views of a configuration, over a saved state if there is one. Throws DEFINITION_MISMATCH, STATE_INVALID; then nothing is loaded. */
  load(config: Configuration, options?: LoadOptions): void { load(this, config, options) }
  /** @internal */
  remember(sources: readonly string[]): void { for (const s of sources) this.#sources.add(s) }

  /** Drops all views and what was kept to look facts up. */
  close(): void {
    for (const view of [...this.views.values()]) view.drop()
    this.#stop()
    this.facts.close()
  }
}
