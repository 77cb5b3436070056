import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { type CompareCursors, compareCursors, type Cursor, isCursor } from './cursors.js'
import { shown } from '../option-kinds.js'
import { failedIn } from './checks.js'
import { type Base, Draft, type Operations, type Recorded, Recorder, baseOf } from './draft.js'

/** What a handler, a partition, a cursor are, for one kind of events. */
export interface ReducerOptions<E = any> {
  /** Raise it when the handlers change: state of another version is refused, and rebuilt. `'1'` by default. */
  version?: string | undefined
  /** Tables that only this reducer writes. */
  tables: readonly string[]
  /** Events of one partition are folded in order, each partition for itself. Null: not an event for this reducer. */
  partition(event: E): string | number | bigint | null | undefined
  cursor(event: E): Cursor
  /** Order of cursors; numbers, integers as texts and log positions by value, other texts by code units. */
  compare?: CompareCursors | undefined
  /** Which handler: `event.type` by default. */
  type?(event: E): string
  /** Handlers by type, or one for all. Events without a handler are counted as processed. */
  on: { [type: string]: (event: any, op: Operations) => unknown } | ((event: E, op: Operations) => unknown)
  /** A handler that throws halts the partition (default), is skipped, or is tried again so often before it halts. */
  onError?: 'halt' | 'skip' | { retry: number } | undefined
  /** One version for all partitions of a batch, instead of one for each. */
  coalesce?: boolean | undefined
  /** Keeps a snapshot after so many events, for rebuilds that begin there. The newest three are kept. */
  snapshotEvery?: number | undefined
}

export interface Reducer<E = any> extends ReducerOptions<E> { readonly name: string; readonly version: string }

/** Why a partition has halted. */
export interface PartitionError {
  /** A handler has thrown; or what it asked for could not be done. */
  type: 'handler' | 'commit'
  /** The event; of one without a cursor that of the event before it, `'start'` if there is none. */
  cursor: Cursor
  /** Cursors of the events that were to be committed together. */
  batch: Cursor[]
  /** Of a commit error: which operation of the event. */
  operation?: number
  code?: string
  message: string
  stack?: string
}

/** Where a partition is. */
export interface Partition {
  readonly id: string
  /** The last event that is in the state; undefined: none. */
  readonly cursor: Cursor | undefined
  readonly status: 'ok' | 'error'
  readonly error?: PartitionError
}

/** Puts changes and partitions into one transaction. */
export type Commit = (changes: LooseChange[], partitions: Partition[]) => void

/** What events make. Undefined: no partition has moved. What was passed over counts once this is in the state. */
interface Outcome { draft: Draft; partition: Partition | undefined; passed: number; dropped: number }

const NONE: ReadonlySet<unknown> = /* @__PURE__ */ new Set()

/**
 * Folds events into rows, partition by partition.
 *
 * Law: the state is that of the committed events of each partition in the order of their cursors, however they were cut into
 * batches and however partitions were interleaved. A handler that throws leaves what was good before it; operations that
 * cannot be done, and rows that the engine refuses, leave nothing of the batch. Cost: a look-up and a row per operation, a version per
 * partition and batch.
 */
export class Fold {
  readonly partitions = new Map<string, Partition>()
  /** Events that were passed over because they are in the state. */
  skipped = 0
  /** Events that `onError: 'skip'` has passed over. */
  dropped = 0
  readonly compare: CompareCursors
  readonly #recorder = new Recorder()

  /** `others`: where handlers read tables that are not the reducer's, if not there. */
  constructor(readonly reducer: Reducer, readonly db: Database<any>, readonly commit: Commit, readonly others: Database<any> = db) {
    this.compare = reducer.compare ?? compareCursors
  }

  #base(): Base { return baseOf(this.db, this.reducer.tables, this.others) }

  get(id: string): Partition { return this.partitions.get(id) ?? { id, cursor: undefined, status: 'ok' } }

  /** Name of the partition of an event; undefined: none. */
  partitionOf(event: unknown): string | undefined {
    let id: unknown
    try { id = this.reducer.partition(event) } catch (error) { throw failedIn('REDUCER_INVALID', `\`partition\` of \`${this.reducer.name}\` for the event ${eventText(event)}`, error, 'partition') }
    if (id === null || id === undefined) return undefined
    if (typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint') return String(id)
    throw new EddylineError('REDUCER_INVALID', `\`partition\` of \`${this.reducer.name}\` gives ${shown(id)} for the event ${eventText(event)}: it is a text, a number, a bigint or null`, { offending: shown(id), path: 'partition' })
  }

  /** Where an event is. Throws REDUCER_INVALID for what has no place in an order, and what `cursor` throws. */
  cursorOf(event: unknown): Cursor {
    const cursor: unknown = this.reducer.cursor(event)
    if (isCursor(cursor)) return cursor
    throw new EddylineError('REDUCER_INVALID', `\`cursor\` of \`${this.reducer.name}\` gives ${typeof cursor === 'object' && cursor !== null ? 'an object' : String(cursor)} for the event ${eventText(event)}: it is a text, a number or a bigint`, { offending: String(cursor), path: 'cursor' })
  }

  /** The same; undefined for an event without a cursor. */
  placeOf(event: unknown): Cursor | undefined {
    try { return this.cursorOf(event) } catch { return undefined }
  }

  /** Events behind a cursor, up to the first without one, and why that has none. */
  #behind(after: Cursor | undefined, events: readonly unknown[]): { fresh: unknown[]; passed: number; dropped: number; broken: unknown; isBroken: boolean } {
    const fresh: unknown[] = []
    let passed = 0, dropped = 0
    for (const event of events) {
      let at: Cursor
      try { at = this.cursorOf(event) } catch (broken) {
        if (this.reducer.onError === 'skip') { dropped++; continue }
        return { fresh, passed, dropped, broken, isBroken: true }
      }
      if (after === undefined || this.compare(at, after) > 0) fresh.push(event)
      else passed++
    }
    return { fresh, passed, dropped, broken: undefined, isBroken: false }
  }

  /** Events of a batch by partition. */
  group(events: readonly unknown[]): Map<string, unknown[]> {
    const groups = new Map<string, unknown[]>()
    for (const event of events) {
      let id: string | undefined
      try { id = this.partitionOf(event) } catch (error) {
        // It belongs nowhere: nothing goes past it, unless it may be dropped.
        if (this.reducer.onError !== 'skip') throw error
        this.dropped++
      }
      if (id === undefined) continue
      const group = groups.get(id)
      if (group === undefined) groups.set(id, [event])
      else group.push(event)
    }
    return groups
  }

  /** Folds events of one partition, and commits them. */
  run(id: string, events: readonly unknown[]): void {
    for (let without = NONE; ;) {
      const made = this.#fold(id, events, new Draft(this.#base()), without)
      try { this.#done(made.draft, [made]); return } catch (error) {
        const { code } = error as { code?: string }
        if (code === 'ENGINE_CRASHED' || code === 'CLOSED') throw error
        // The engine refuses a row: which event wrote it, the drafts up to each of them say.
        const before = this.get(id)
        const fresh = this.#behind(before.cursor, events).fresh.filter(e => !without.has(e))
        if (fresh.length === 0) throw error
        const failed = this.#failed(fresh, new Draft(this.#base()))
        const guilty = failed[0]?.event ?? fresh.at(-1)
        if (this.reducer.onError === 'skip') {
          // It is no row: each for itself, as they would be in a batch of their own.
          if (failed.length === 0 && fresh.length > 1) { for (const event of events) this.run(id, [event]); return }
          without = new Set([...without, guilty, ...failed.map(f => f.event)])
          continue
        }
        const batch = fresh.map(e => this.reducer.cursor(e))
        const partition: Partition = { id, cursor: before.cursor, status: 'error', error: { type: 'commit', cursor: this.reducer.cursor(guilty), batch, ...described(error) } }
        this.#done(new Draft(this.#base()), [{ ...made, partition }])
        return
      }
    }
  }

  /** Folds a whole batch into one version; partition by partition when that cannot be done. */
  runTogether(groups: ReadonlyMap<string, readonly unknown[]>): void {
    const all = new Draft(this.#base())
    try {
      const made = [...groups].map(([id, events]) => {
        const one = this.#fold(id, events, new Draft(all), NONE)
        all.absorb(one.draft)
        return one
      })
      this.#done(all, made)
    } catch (error) {
      if ((error as { code?: string }).code === 'ENGINE_CRASHED') throw error
      for (const [id, events] of groups) this.run(id, events)
    }
  }

  #done(draft: Draft, made: readonly Outcome[]): void {
    const partitions = made.flatMap(m => m.partition ?? [])
    if (partitions.length > 0) this.commit(draft.changes(), partitions)
    for (const p of partitions) this.partitions.set(p.id, p)
    for (const { passed, dropped } of made) { this.skipped += passed; this.dropped += dropped }
  }

  /** `without`: events that are dropped. */
  #fold(id: string, events: readonly unknown[], draft: Draft, without: ReadonlySet<unknown>): Outcome {
    const { reducer } = this
    const before = this.get(id)
    if (before.status === 'error') return { draft, partition: undefined, passed: 0, dropped: 0 }
    const { fresh, passed, dropped: lost, broken, isBroken } = this.#behind(before.cursor, events)
    let dropped = lost
    if (fresh.length === 0 && !isBroken) return { draft, partition: undefined, passed, dropped }
    const batch = (): Cursor[] => fresh.map(e => reducer.cursor(e))
    let cursor = before.cursor
    const halted = (error: PartitionError): Outcome => ({ draft, partition: { id, cursor, status: 'error', error }, passed, dropped })
    for (const event of fresh) {
      const at = reducer.cursor(event)
      if (without.has(event)) { dropped++; cursor = at; continue }
      let operations: Recorded[]
      try { operations = this.#handle(event) } catch (error) {
        if (reducer.onError === 'skip') { dropped++; cursor = at; continue }
        return halted({ type: 'handler', cursor: at, batch: batch(), ...described(error) })
      }
      draft.next()
      for (let i = 0; i < operations.length; i++) {
        // One that cannot be done takes the whole batch with it: what it has written needs no place of its own.
        try { operations[i](draft.now) } catch (error) {
          // Where the engine refuses what is before it, that is the first one to be mended or skipped.
          const skips = reducer.onError === 'skip'
          const failed = this.#failed((skips ? fresh : fresh.slice(0, fresh.indexOf(event))).filter(e => !without.has(e)), new Draft(draft.base)), first = failed[0]
          // At least this one, where a handler does not do the same again.
          if (skips) return this.#fold(id, events, new Draft(draft.base), new Set([...without, ...failed.length > 0 ? failed.map(f => f.event) : [event]]))
          const why = first === undefined ? { cursor: at, batch: batch(), operation: i, ...described(error) } : { cursor: reducer.cursor(first.event), batch: batch(), ...described(first.error) }
          cursor = before.cursor
          return { ...halted({ type: 'commit', ...why }), draft: new Draft(draft.base), dropped: 0 }
        }
      }
      cursor = at
    }
    if (isBroken) return halted({ type: 'handler', cursor: cursor ?? 'start', batch: batch(), ...described(broken) })
    return { draft, partition: { id, cursor, status: 'ok' }, passed, dropped }
  }

  #handle(event: unknown): Recorded[] {
    const { reducer } = this
    const { on } = reducer
    const handler = typeof on === 'function' ? on : Object.hasOwn(on, typeOf(reducer, event)) ? on[typeOf(reducer, event)] : undefined
    if (handler === undefined) return []
    const tries = typeof reducer.onError === 'object' ? reducer.onError.retry : 0
    for (let tried = 0; ; tried++) {
      try {
        const { operations, returned } = this.#recorder.record(ops => handler(event, ops))
        if (returned instanceof Promise) {
          returned.catch(() => {})
          throw new EddylineError('REDUCER_INVALID', 'a handler of a reducer cannot be asynchronous: use a notifier for what waits')
        }
        return operations
      } catch (error) { if (tried >= tries) throw error }
    }
  }

  /** The first event that leaves a row which the engine refuses, and why; where errors are passed over all of these, and all that cannot be done. */
  #failed(events: readonly unknown[], draft: Draft): { event: unknown; error: unknown }[] {
    const { encoder } = this.db.inside
    const skips = this.reducer.onError === 'skip', failed: { event: unknown; error: unknown }[] = []
    for (const event of events) {
      const step = new Draft(draft)
      let isDone = false
      try {
        for (const operation of this.#handle(event)) operation(step.now)
        isDone = true
        // The encoder checks rows as `apply` does, and changes nothing.
        encoder.encode(step.changes(), undefined)
      } catch (error) {
        if (isDone || skips) failed.push({ event, error })
        if (!skips) return failed
        continue
      }
      draft.absorb(step)
    }
    return failed
  }
}

/** The beginning of an event as text. */
function eventText(event: unknown): string {
  try { return (JSON.stringify(event, (_, v: unknown) => typeof v === 'bigint' ? String(v) : v) ?? String(event)).slice(0, 200) } catch { return shown(event) }
}

const typeOf = (reducer: Reducer, event: any): string => String(reducer.type !== undefined ? reducer.type(event) : event?.type)

/** An error as it is kept. */
export function described(error: unknown): { message: string; code?: string; stack?: string } {
  const e = error as { message?: unknown; code?: unknown; stack?: unknown } | null
  return {
    message: String(e?.message ?? error),
    ...(typeof e?.code === 'string' ? { code: e.code } : {}),
    ...(typeof e?.stack === 'string' ? { stack: e.stack } : {}),
  }
}
