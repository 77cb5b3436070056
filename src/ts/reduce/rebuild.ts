import { slices } from '../breathe.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import type { Awaitable } from './awaiting.js'
import { checkPage, failedIn, goesOn } from './checks.js'
import { type Cursor, isCursor } from './cursors.js'
import { Fold, type Reducer } from './fold.js'
import type { EventLog } from './log.js'
import { PARTITION, VERSION, GLOBAL, packedBy, partition, snapshotsOf, spaceOf, stored } from './running.js'
import { packedRows, replacing } from '../storage/packed.js'
import type { State } from './state.js'
import { type Wish, wanted } from './wanted.js'

/** How far a rebuild is. Times in milliseconds, of a clock that does not jump. */
export interface Progress {
  readonly processed: number
  /** Undefined where the source does not count. */
  readonly total: number | undefined
  readonly elapsed: number
  /** Undefined until there is something to go by. */
  readonly remaining: number | undefined
  readonly done: boolean
}

export interface RebuildOptions {
  source: EventLog
  batchSize?: number | undefined
  onProgress?: ((progress: Progress) => void) | undefined
  /** Aborting leaves the old state; the rebuild rejects with REBUILD_CANCELLED. */
  signal?: AbortSignal | undefined
  /** `'snapshot'`: from the newest snapshot of this version and of these tables, if there is one. `'start'` by default. */
  from?: 'start' | 'snapshot' | undefined
  /** Up to and with this event. */
  until?: Cursor | undefined
}

/** Events that are folded into one version of a shadow. */
const TOGETHER = 250

/** A state folded beside the database. */
export interface Shadow { readonly db: Database<any>; readonly fold: Fold; cursor: Cursor | 'start'; processed: number }

/** A rebuild is wanted until it is cancelled, or the database closed. */
export const wishOf = (name: string, db: Database<any>, signal: AbortSignal | undefined): Wish => ({
  check() {
    if (signal?.aborted) throw new EddylineError('REBUILD_CANCELLED', `the rebuild of \`${name}\` was cancelled; the state is what it was`)
    db.inside.port.alive()
  },
  signals: signal === undefined ? [] : [signal], closers: db.closers,
})

/** Folds a log, or a part of it, into an empty database beside. Sliced: no task is longer than about 8 ms and one event. */
export class Rebuild {
  readonly shadow: Shadow
  readonly #begun = performance.now()
  readonly #breathe = slices(8)
  readonly #batchSize: number
  readonly #mine: Wish
  /** Of this pass. */
  #wish: Wish
  #total: number | undefined
  #told = -Infinity

  constructor(readonly reducer: Reducer, readonly options: RebuildOptions, readonly db: Database<any>, state: State) {
    this.#wish = this.#mine = wishOf(reducer.name, db, options.signal)
    this.#batchSize = options.batchSize ?? 500
    const beside = db.twin()
    const fold = new Fold(reducer, beside, changes => { if (changes.length > 0) beside.apply(changes as never) }, db)
    this.shadow = { db: beside, fold, cursor: 'start', processed: 0 }
    if (options.from !== 'snapshot') return
    try { this.#takeSnapshot(state) } catch (error) { this.end(); throw error }
  }

  /** Begins with the newest snapshot that fits. One of other tables, as before a migration, cannot be read. */
  #takeSnapshot(state: State): void {
    const { shadow: { db, fold }, reducer, options: { until } } = this
    const tables = packedBy(db)
    const newest = snapshotsOf(state, spaceOf(reducer)).map(([, s]) => s)
      .findLast(s => s.version === reducer.version && s.tables === tables && (until === undefined || s.cursor === 'start' || fold.compare(s.cursor, until) <= 0))
    if (newest === undefined) return
    for (const batch of newest.rows) db.applyPacked(batch)
    for (const p of newest.partitions) fold.partitions.set(p.id, partition(p))
    this.shadow.cursor = newest.cursor
  }

  /**
   * Reads to the end, or to `until`. In the turn of a reducer, `of`: rejects with CLOSED as soon as that is stopped, and may be called again.
   */
  async run(of?: Wish): Promise<void> {
    const { shadow, options } = this
    const mine = this.#mine
    this.#wish = of === undefined ? mine : { ...mine, check() { mine.check(); of.check() }, signals: [...mine.signals, ...of.signals] }
    this.#check()
    this.#total ??= await this.#wanted(options.source.count?.())
    this.#tell(false, true)
    for (;;) {
      const page = checkPage(await this.#fetch(), this.reducer.name)
      this.#check()
      if (!isCursor(page.cursor)) throw new EddylineError('REDUCER_INVALID', `\`fetch\` of a source gives the cursor ${String(page.cursor)}: it is a text, a number or a bigint`, { offending: String(page.cursor), path: 'source' })
      const { fold } = shadow
      const more = goesOn(page, shadow.cursor)
      const within = options.until === undefined ? page.events : page.events.filter(e => { const at = fold.placeOf(e); return at === undefined || fold.compare(at, options.until!) <= 0 })
      let some = new Map<string, unknown[]>(), count = 0
      const groups = [...fold.group(within)]
      for (const [i, [id, events]] of groups.entries()) {
        some.set(id, events)
        count += events.length
        if (count < TOGETHER && i + 1 < groups.length) continue
        // Nobody sees the versions of a shadow: a few large ones cost less than one for each partition.
        fold.runTogether(some)
        some = new Map()
        count = 0
        const turn = this.#breathe()
        if (turn !== undefined) { await turn; this.#check() }
      }
      shadow.processed += within.length
      if (within.length > 0) shadow.cursor = within.length === page.events.length ? page.cursor : within.map(e => fold.placeOf(e)).findLast(c => c !== undefined) ?? shadow.cursor
      this.#tell(false)
      if (!more || within.length < page.events.length) return
    }
  }

  async #fetch(): Promise<Awaited<ReturnType<EventLog['fetch']>>> {
    try { return await this.#wanted(this.options.source.fetch(this.shadow.cursor, this.#batchSize)) } catch (error) {
      throw error instanceof EddylineError ? error : failedIn('FETCH_FAILED', `the source of \`${this.reducer.name}\``, error, 'source')
    }
  }

  /** Puts the state in the place of the present one, and that of `known`: one version, one transaction, one net diff. False where `isAlone` says that something else reads by now. */
  async swap(db: Database<any>, state: State, known: Awaitable | undefined, isAlone: () => boolean): Promise<boolean> {
    const { shadow, reducer } = this
    const rows = await packedRows(shadow.db, reducer.tables)
    this.#check()
    if (!isAlone()) return false
    const space = spaceOf(reducer)
    const entries: Record<string, unknown> = {}
    for (const key of state.entries(space).keys()) if (key.startsWith(PARTITION)) entries[key] = undefined
    for (const p of shadow.fold.partitions.values()) entries[PARTITION + p.id] = stored(p)
    entries[VERSION] = reducer.version
    entries[GLOBAL] = shadow.cursor === 'start' ? undefined : { cursor: shadow.cursor }
    state.swap(replacing(db, reducer.tables, rows), { [space]: entries })
    known?.restore()
    return true
  }

  /** The last word: processed is total. */
  finish(): void {
    if (this.#total !== undefined) this.#total = Math.max(this.#total, this.shadow.processed)
    this.#tell(true, true)
  }

  end(): void { this.shadow.db.close() }

  #check(): void { this.#wish.check() }

  #wanted<T>(promise: T | Promise<T>): Promise<T> { return wanted(promise, this.#wish) }

  #tell(done: boolean, always = false): void {
    const { onProgress } = this.options
    const now = performance.now()
    if (onProgress === undefined || (!always && now - this.#told < 50)) return
    this.#told = now
    const { processed } = this.shadow
    const elapsed = now - this.#begun
    const total = this.#total === undefined ? undefined : Math.max(this.#total, processed)
    onProgress({ processed, total, elapsed, remaining: total === undefined || processed === 0 ? undefined : done ? 0 : elapsed / processed * (total - processed), done })
  }
}
