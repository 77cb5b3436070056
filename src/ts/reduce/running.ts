import { slices } from '../breathe.js'
import type { Database } from '../database.js'
import { report } from '../dispatch.js'
import { EddylineError } from '../errors.js'
import { type Awaitable, type Awaited, type Waiters, awaitAll } from './awaiting.js'
import { badResume, checkAwait, checkPage, goesOn } from './checks.js'
import type { Cursor } from './cursors.js'
import { Fold, type Partition, type PartitionError, type Reducer } from './fold.js'
import type { EventLog } from './log.js'
import { Pump, type Retry } from './pump.js'
import type { SchemaJson } from '../schema.js'
import { packedRows } from '../storage/packed.js'
import { type State, stateOf } from './state.js'

export interface StartOptions {
  source: EventLog
  /** Events per fetch (100). */
  batchSize?: number | undefined
  /** False: start on state of another version all the same. */
  validateVersion?: boolean | undefined
  /** State of another version is rebuilt instead of refused. */
  autoRebuild?: boolean | undefined
  /** Gets errors of the source. By default they are reported as uncaught. */
  onError?: ((error: unknown) => void) | undefined
  /** How a fetch that failed is repeated. */
  retry?: Retry | undefined
}

export const VERSION = '$version', GLOBAL = '$', PARTITION = 'p:', SNAPSHOT = 's:'
export const spaceOf = (reducer: Reducer): string => `reducer:${reducer.name}`

/** A snapshot as it is stored. */
export interface StoredSnapshot { version: string; cursor: Cursor | 'start'; partitions: StoredPartition[]; rows: Uint8Array[]; tables?: string }
export interface StoredPartition { id: string; cursor?: Cursor; error?: PartitionError }
export const stored = (p: Partition): StoredPartition => ({ id: p.id, ...(p.cursor !== undefined ? { cursor: p.cursor } : {}), ...(p.error !== undefined ? { error: p.error } : {}) })
export const partition = (s: StoredPartition): Partition => ({ id: s.id, cursor: s.cursor, status: s.error === undefined ? 'ok' : 'error', ...(s.error !== undefined ? { error: s.error } : {}) })

/** A reducer at work. */
export class Running implements Awaitable {
  readonly fold: Fold
  readonly pump: Pump
  readonly space: string
  readonly #state: State
  readonly #listeners = new Set<() => void>()
  #sinceSnapshot = 0
  /** The partition that is being resumed, as it had halted: it is stored as halted until all is read that came meanwhile. */
  #resumed: Partition | undefined

  constructor(readonly db: Database<any>, readonly reducer: Reducer, readonly options: StartOptions, readonly waiters: Waiters, readonly onStop: (r: Running) => void) {
    const state = this.#state = stateOf(db)
    this.space = spaceOf(reducer)
    this.fold = new Fold(reducer, db, (changes, partitions) => {
      state.commit(changes, { [this.space]: Object.fromEntries(partitions.map(p => [PARTITION + p.id, stored(this.#stillHalted(p))])) })
    })
    this.pump = new Pump(options.source, reducer.name, options.batchSize ?? 100, (events, cursor) => this.#take(events, cursor), options.onError, options.retry)
  }

  get name(): string { return this.reducer.name }
  get signal(): AbortSignal { return this.pump.signal }
  /** The last event of the log that was looked at. */
  get cursor(): Cursor | undefined { return this.pump.cursor === 'start' ? undefined : this.pump.cursor }
  /** Events that were in the state already when they came. */
  get skipped(): number { return this.fold.skipped }

  /** Takes the positions that are stored. */
  restore(): void {
    this.fold.partitions.clear()
    for (const [key, value] of this.#state.entries(this.space)) if (key.startsWith(PARTITION)) this.fold.partitions.set((value as StoredPartition).id, partition(value as StoredPartition))
    this.pump.cursor = (this.#state.entries(this.space).get(GLOBAL) as { cursor: Cursor } | undefined)?.cursor ?? 'start'
    this.waiters.begin(this)
    this.#tell()
    this.#moved()
  }

  async #take(events: readonly unknown[], cursor: Cursor | 'start'): Promise<void> {
    const breathe = slices(8)
    const groups = this.fold.group(events)
    if (this.reducer.coalesce) {
      this.fold.runTogether(groups)
      for (const id of groups.keys()) this.#tellOne(id)
    } else {
      for (const [id, group] of groups) {
        this.fold.run(id, group)
        this.#tellOne(id)
        await breathe()
        // Another one may have begun where this one was stopped: it reads again from the place in the log.
        this.pump.check()
      }
    }
    this.#state.commit([], { [this.space]: { [GLOBAL]: { cursor } } })
    this.#sinceSnapshot += events.length
    const { snapshotEvery } = this.reducer
    // The pump moves when this has returned; who is told reads the new place.
    this.pump.cursor = cursor
    this.#moved()
    if (snapshotEvery !== undefined && this.#sinceSnapshot >= snapshotEvery && cursor !== 'start') await this.#snapshot(cursor)
  }

  /** A partition as it is; one that has no events yet is ok, without a cursor. */
  partition(id: string | number | bigint): Partition { return this.fold.get(String(id)) }

  /** Partitions that have halted. */
  errors(): Partition[] { return [...this.fold.partitions.values()].filter(p => p.status === 'error') }

  /** A partition that is being resumed is behind the log: after a crash nothing would be read again if it were ok. */
  #stillHalted(p: Partition): Partition { return this.#resumed?.id === p.id && p.status === 'ok' ? { ...p, status: 'error', error: this.#resumed.error! } : p }

  /**
   * Goes on with a halted partition: from the event that failed (`'retry'`), or behind it (`'skip'`). What came meanwhile is read again
   * from the log. The partition as it is then; halted again if it fails again.
   *
   * A skip is kept: what is before the event and the place behind it are committed before what follows is tried.
   */
  resume(id: string | number | bigint, how: 'retry' | 'skip' | { from: 'retry' | 'skip' } = 'retry'): Promise<Partition> {
    const name = String(id)
    const from: unknown = typeof how === 'object' ? how?.from : how
    if (from !== 'retry' && from !== 'skip') return Promise.reject(badResume(from))
    return this.pump.alone(async () => {
      const { fold } = this
      const halted = fold.partitions.get(name)
      if (halted === undefined) throw new EddylineError('UNKNOWN_PARTITION', `\`${this.name}\` has no partition ${name}`, { offending: name })
      if (halted.error === undefined) return halted
      const skipped = from === 'skip' ? halted.error.cursor : undefined
      fold.partitions.set(name, { id: name, cursor: halted.cursor, status: 'ok' })
      this.#resumed = halted
      const { batchSize, log, cursor: global } = this.pump
      const breathe = slices(8)
      try {
        let cursor = halted.cursor ?? 'start' as Cursor | 'start'
        for (let more = true; more && fold.get(name).status === 'ok';) {
          const page = checkPage(await this.pump.wanted(log.fetch(cursor, batchSize)), this.name)
          const within = page.events.filter(e => {
            const at = fold.placeOf(e)
            // Without a cursor: its partition halts there again.
            return global !== 'start' && (at === undefined || fold.compare(at, global) <= 0)
          })
          const mine = within.filter(e => fold.partitionOf(e) === name)
          const at = mine.findIndex(e => {
            const place = skipped === undefined ? undefined : fold.placeOf(e)
            return place !== undefined && fold.compare(place, skipped!) === 0
          })
          if (at >= 0) {
            fold.run(name, mine.slice(0, at))
            const now = fold.get(name)
            if (now.status === 'ok') this.#place({ ...now, cursor: this.cursorOf(mine[at]) })
          }
          // Nothing, where what is before the skipped event has halted.
          fold.run(name, mine.slice(at + 1))
          more = goesOn(page, cursor) && within.length === page.events.length
          cursor = page.cursor
          await breathe()
          this.pump.check()
        }
        this.#resumed = undefined
        const now = fold.get(name)
        if (now.status === 'ok') this.#place(now)
      } catch (error) {
        // As far as it came, and halted: what it has not read it reads when it is resumed.
        this.#resumed = halted
        fold.partitions.set(name, this.#stillHalted(fold.get(name)))
        throw error
      } finally {
        this.#resumed = undefined
        this.#tellOne(name)
        this.#moved()
      }
      return fold.get(name)
    })
  }

  /** A partition is somewhere else, and no row has changed. */
  #place(p: Partition): void {
    this.fold.commit([], [p])
    this.fold.partitions.set(p.id, p)
  }

  partitionOf(event: unknown): string | undefined { return this.fold.partitionOf(event) }
  cursorOf(event: unknown): Cursor { return this.fold.cursorOf(event) }

  outcome(id: string, cursor: Cursor): 'done' | PartitionError | undefined {
    const p = this.fold.get(id)
    return p.cursor !== undefined && this.fold.compare(p.cursor, cursor) >= 0 ? 'done' : p.error
  }

  #tell(): void { for (const id of this.waiters.partitions()) this.#tellOne(id) }
  #tellOne(id: string): void {
    const p = this.fold.get(id)
    this.waiters.tell(id, c => p.cursor !== undefined && this.fold.compare(p.cursor, c) >= 0, p.error)
  }

  /** Calls `fn` when partitions or the cursor have moved, also where no row has changed. Returns the function that ends it. */
  subscribe(fn: () => void): () => void {
    this.#listeners.add(fn)
    return () => { this.#listeners.delete(fn) }
  }
  #moved(): void { for (const fn of [...this.#listeners]) { try { fn() } catch (error) { report(error, this.options.onError) } } }

  /** Waits until events are in the state. May be called before they are in the log. A timeout (30 s) or a halted partition is not ok. Rejects with CLOSED when it is stopped before. */
  async await(events: unknown, options?: { timeout?: number }): Promise<Awaited> {
    const list = Array.isArray(events) ? events : [events]
    checkAwait(list, options)
    return awaitAll([this], list, options?.timeout ?? 30_000)
  }

  /** Resolves when everything is read that is in the log by now. Halted partitions do not keep it. Rejects with CLOSED when it is stopped before. */
  awaitCatchup(): Promise<void> { return this.pump.caughtUp() }

  /** Keeps rows and positions for rebuilds; the three newest stay. */
  async #snapshot(cursor: Cursor): Promise<void> {
    this.#sinceSnapshot = 0
    const snapshot: StoredSnapshot = { version: this.reducer.version, cursor, partitions: [...this.fold.partitions.values()].map(stored), rows: await packedRows(this.db, this.reducer.tables), tables: packedBy(this.db) }
    const known = this.snapshots()
    const number = known.length > 0 ? Number(known[known.length - 1][0].slice(SNAPSHOT.length)) + 1 : 0
    const old = Object.fromEntries(known.slice(0, Math.max(0, known.length - 2)).map(([key]) => [key, undefined]))
    this.#state.commit([], { [this.space]: { ...old, [`${SNAPSHOT}${number}`]: snapshot } })
  }

  /** @internal */
  snapshots(): [string, StoredSnapshot][] { return snapshotsOf(this.#state, this.space) }

  /** Ends it after what is under way. The state stays, and the next start goes on from it. */
  async stop(): Promise<void> {
    this.onStop(this)
    await this.pump.stop()
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Running' }
}

/** What packed rows can be read by: the tables of the schema, in their order. */
export function packedBy(db: Database<any>): string {
  return JSON.stringify((db.schema.json as SchemaJson).tables.map(t => [t.name, t.tenant, t.key, t.columns.map(c => [c.name, c.type, c.nullable])]))
}

export function snapshotsOf(state: State, space: string): [string, StoredSnapshot][] {
  return [...state.entries(space)].filter(([key]) => key.startsWith(SNAPSHOT)).sort(([a], [b]) => Number(a.slice(2)) - Number(b.slice(2))) as [string, StoredSnapshot][]
}
