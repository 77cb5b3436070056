import type { Database } from '../database.js'
import { EddylineError, unknownName } from '../errors.js'
import { checkDatabase, wrong, shown } from '../option-kinds.js'
import { type Awaited, Waiters, awaitAll } from './awaiting.js'
import { checkAwait, checkDefined, checkNotifier, checkNotify, checkRebuild, checkReducer, checkStart } from './checks.js'
import type { Reducer, ReducerOptions } from './fold.js'
import { type Notifier, type NotifierOptions, Notifying, type NotifyOptions } from './notifier.js'
import { own } from './owners.js'
import { Rebuild, type RebuildOptions, type Shadow, wishOf } from './rebuild.js'
import { GLOBAL, PARTITION, Running, type StartOptions, VERSION, spaceOf } from './running.js'
import { replacing } from '../storage/packed.js'
import { stateOf } from './state.js'
import { wanted } from './wanted.js'

/** Defines a reducer: events folded into tables that only it writes. Throws REDUCER_INVALID. */
export function reducer<E = any>(name: string, options: ReducerOptions<E>): Reducer<E> {
  checkReducer(name, options)
  return { version: '1', ...options, name }
}

/** Defines a notifier: side effects of events, at least once. Throws REDUCER_INVALID. */
export function notifier<E = any>(name: string, options: NotifierOptions<E>): Notifier<E> {
  checkNotifier(name, options)
  return { ...options, name }
}

const all = /* @__PURE__ */ new WeakMap<Database<any>, Reducers>()

/** The reducers and notifiers of a database. */
export function reducers(db: Database<any>): Reducers {
  checkDatabase(db, 'reducers')
  let known = all.get(db)
  if (known === undefined) all.set(db, known = new Reducers(db))
  return known
}

/** Starts, rebuilds and finds reducers. Made by `reducers(db)`. */
export class Reducers {
  readonly #running = new Map<string, Running>()
  readonly #notifying = new Map<string, Notifying>()
  readonly #rebuilding = new Set<string>()
  /** Who waits for a reducer of a name, whether it runs or not. */
  readonly #waiters = new Map<string, Waiters>()

  constructor(readonly db: Database<any>) {
    db.closers.add(() => { for (const one of [...this.#running.values(), ...this.#notifying.values()]) void one.stop() })
  }

  /** The reducer of this name, if it runs. */
  get(name: string): Running | undefined { return this.#running.get(name) }

  /**
   * Starts a reducer where it was, catches up and goes on with what comes. Of several tabs the leading one runs it; this
   * resolves when this tab does.
   *
   * Throws NEEDS_REBUILD for state of another version, unless `autoRebuild`; CLOSED; REDUCER_INVALID, also for a table that another reducer
   * or a projection writes; UNKNOWN_TABLE.
   */
  async start(definition: Reducer, options: StartOptions): Promise<Running> {
    this.#check(definition)
    checkStart(options, definition.name)
    if (this.#running.has(definition.name)) throw new EddylineError('REDUCER_INVALID', `\`${definition.name}\` runs already`, { offending: definition.name })
    const release = this.#own(definition)
    let waiters = this.#waiters.get(definition.name)
    if (waiters === undefined) this.#waiters.set(definition.name, waiters = new Waiters())
    const running = new Running(this.db, definition, options, waiters, r => {
      release()
      if (this.#running.get(r.name) === r) this.#running.delete(r.name)
    })
    this.#running.set(definition.name, running)
    const { pump } = running
    try {
      // As its first turn: who finds it meanwhile reads nothing over rows whose places it does not know, and who stops it waits for the end of it.
      const isAnew = await pump.alone(() => this.#begin(running))
      if (isAnew) await this.#stored()
      pump.start()
      return running
    } catch (error) {
      const isStopped = pump.stopped
      void running.stop()
      if (!isStopped || !['CLOSED', 'REBUILD_CANCELLED'].includes((error as { code?: string } | null)?.code ?? '')) throw error
      // Not where the database was closed.
      this.db.inside.port.alive()
      return running
    }
  }

  /** Makes a reducer begin where the stored state is; whether that was made anew. */
  async #begin(running: Running): Promise<boolean> {
    const { reducer: definition, options, pump } = running
    const state = stateOf(this.db), space = spaceOf(definition)
    await wanted(state.leading, wishOf(definition.name, this.db, pump.signal))
    const isAnew = options.validateVersion !== false && !this.#fits(definition)
    if (isAnew) {
      if (!options.autoRebuild) {
        const known = state.entries(space).get(VERSION)
        throw new EddylineError('NEEDS_REBUILD', `the state of \`${definition.name}\` is of ${known === undefined ? 'no known version' : `version ${String(known)}`}, the reducer of ${definition.version}: rebuild it`, { offending: definition.name })
      }
      await this.#rebuild(definition, { source: options.source, signal: pump.signal }, running)
    }
    pump.check()
    if (state.entries(space).get(VERSION) !== definition.version) state.commit([], { [space]: { [VERSION]: definition.version } })
    running.restore()
    return isAnew
  }

  /** Whether the state is of this version. State without a version, or rows without a state, are of another one. */
  #fits(definition: Reducer): boolean {
    const known = stateOf(this.db).entries(spaceOf(definition))
    if (known.has(VERSION)) return known.get(VERSION) === definition.version
    if (known.size > 0) return false
    const { tables } = this.db.stats()
    return definition.tables.every(name => tables.find(t => t.name === name)!.rows === 0)
  }

  /** Whether `start` would refuse the state. */
  needsRebuild(definition: Reducer): boolean {
    this.#check(definition)
    return !this.#fits(definition)
  }

  /**
   * Folds the log anew beside the tables and puts the result in their place: one version, one net diff, one transaction. The page
   * shows the old rows until then, and a reducer that runs goes on; what comes meanwhile is in the result.
   *
   * Throws REBUILD_CANCELLED; then, and after any failure, everything is as it was.
   */
  async rebuild(definition: Reducer, options: RebuildOptions): Promise<void> {
    this.#check(definition)
    checkRebuild(options, definition.name)
    await this.#rebuild(definition, options, undefined)
    await this.#stored()
  }

  /** `starting`: the one whose first turn this is. */
  async #rebuild(definition: Reducer, options: RebuildOptions, starting: Running | undefined): Promise<void> {
    const { name } = definition, { signal } = options
    if (this.#rebuilding.has(name)) throw new EddylineError('REDUCER_INVALID', `\`${name}\` is being rebuilt already`, { offending: name })
    /** Who runs by now: it may have been started, or stopped, since. */
    const present = (): Running | undefined => {
      const running = this.#running.get(name)
      if (running !== undefined && running.reducer !== definition) throw new EddylineError('REDUCER_INVALID', `\`${name}\` runs in another form: stop it, rebuild, and start the new one`, { offending: name })
      return running
    }
    present()
    const release = this.#own(definition)
    this.#rebuilding.add(name)
    const state = stateOf(this.db), wish = wishOf(name, this.db, signal)
    try {
      await wanted(state.leading, wish)
      const rebuild = new Rebuild(definition, options, this.db, state)
      try {
        await rebuild.run()
        for (let isIn = false; !isIn;) {
          const running = present()
          const finish = async (): Promise<void> => {
            // What came since the first pass, while nothing else reads.
            await rebuild.run(running === starting ? undefined : running?.pump.wish)
            isIn = await rebuild.swap(this.db, state, running ?? this.#waiters.get(name)?.latest, () => this.#running.get(name) === running)
          }
          if (running === undefined || running === starting) { await finish(); continue }
          let begin = (): void => {}
          const begun = new Promise<void>(resolve => { begin = resolve })
          const alone = running.pump.alone(() => { begin(); return finish() })
          // What the reducer is fetching may never come.
          await wanted(Promise.race([begun, alone]), wish).then(() => alone).catch(error => {
            alone.catch(() => {})
            // It was stopped before this had its turn, or in it: then there is nobody to wait for.
            if (!running.pump.stopped || this.#running.get(name) === running || (error as { code?: string } | null)?.code !== 'CLOSED') throw error
            this.db.inside.port.alive()
          })
        }
        rebuild.finish()
      } finally { rebuild.end() }
      this.#running.get(name)?.pump.wake()
    } finally {
      this.#rebuilding.delete(name)
      release()
    }
  }

  /** When everything is durable. In no turn: storage may take its time. */
  async #stored(): Promise<void> { await stateOf(this.db).flush().catch(() => { /* in memory from here on, which was told */ }) }

  /** The state at a cursor, in a database of its own: close it after use. */
  async at(definition: Reducer, options: RebuildOptions): Promise<Shadow> {
    this.#check(definition)
    checkRebuild(options, definition.name)
    const rebuild = new Rebuild(definition, options, this.db, stateOf(this.db))
    try { await rebuild.run() } catch (error) { rebuild.end(); throw error }
    rebuild.finish()
    return rebuild.shadow
  }

  /** Empties the tables of a reducer that does not run, and forgets where it was. */
  reset(definition: Reducer): void {
    this.#check(definition)
    if (this.#running.has(definition.name)) throw new EddylineError('REDUCER_INVALID', `\`${definition.name}\` runs: stop it first`, { offending: definition.name })
    this.#own(definition)()
    const state = stateOf(this.db)
    const space = spaceOf(definition)
    const keys = [...state.entries(space).keys()].filter(k => k === VERSION || k === GLOBAL || k.startsWith(PARTITION))
    // Of all tenants.
    state.swap(replacing(this.db, definition.tables, []), { [space]: Object.fromEntries(keys.map(k => [k, undefined])) })
    // Who waits for it knows no more of it than is stored.
    this.#waiters.get(definition.name)?.latest?.restore()
  }

  /** Starts a notifier where it was. Of several tabs the leading one runs it. */
  async notify(definition: Notifier, options: NotifyOptions): Promise<Notifying> {
    this.db.inside.port.alive()
    checkDefined(definition, checkNotifier, 'notifier')
    checkNotify(options, definition.name)
    if (this.#notifying.has(definition.name)) throw new EddylineError('REDUCER_INVALID', `\`${definition.name}\` runs already`, { offending: definition.name })
    const notifying = new Notifying(this.db, definition, options, n => { if (this.#notifying.get(n.name) === n) this.#notifying.delete(n.name) })
    this.#notifying.set(definition.name, notifying)
    try {
      await notifying.pump.wanted(stateOf(this.db).leading)
      await notifying.start()
      return notifying
    } catch (error) {
      this.#notifying.delete(definition.name)
      throw error
    }
  }

  /** Its tables are its own until this is called. */
  #own({ name, tables }: Reducer): () => void { return own(this.db, tables, { what: 'reducer', name }, 'REDUCER_INVALID', 'tables') }

  #check(definition: Reducer): void {
    this.db.inside.port.alive()
    checkDefined(definition, checkReducer, 'reducer')
    const known = this.db.schema.json.tables.map((t: { name: string }) => t.name) as string[]
    for (const name of definition.tables) if (!known.includes(name)) throw unknownName('UNKNOWN_TABLE', `table \`${name}\``, name, known, 'tables')
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Reducers' }
}

/** Waits for events in several reducers. */
export async function awaitMany(reducers: readonly Running[], events: unknown, options?: { timeout?: number | undefined }): Promise<Awaited> {
  if (!Array.isArray(reducers) || reducers.some(r => typeof r?.outcome !== 'function')) throw wrong('INVALID_ARGUMENT', '`awaitMany` takes reducers that run: what `start` gave', 'reducers', shown(reducers))
  const list = Array.isArray(events) ? events : [events]
  checkAwait(list, options)
  return awaitAll(reducers, list, options?.timeout ?? 30_000)
}
