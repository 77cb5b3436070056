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
  version?: string
  /** Tables that only this reducer writes. */
  tables: readonly string[]
  /** Events of one partition are folded in order, each partition for itself. Null: not an event for this reducer. */
  partition(event: E): string | number | bigint | null | undefined
  cursor(event: E): Cursor
  /** Order of cursors; numbers, integers as texts and log positions by value, other texts by code units. */
  compare?: CompareCursors
  /** Which handler: `event.type` by default. */
  type?(event: E): string
  /** Handlers by type, or one for all. Events without a handler are counted as processed. */
  on: { [type: string]: (event: any, op: Operations) => unknown } | ((event: E, op: Operations) => unknown)
  /** A handler that throws halts the partition (default), is skipped, or is tried again so often before it halts. */
  onError?: 'halt' | 'skip' | { retry: number }
  /** One version for all partitions of a batch, instead of one for each. */
  coalesce?: boolean
  /** Keeps a snapshot after so many events, for rebuilds that begin there. The newest three are kept. */
  snapshotEvery?: number
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

interface Outcome { draft: Draft; partition: Partition | undefined }

/**
 * Folds events into rows, partition by partition.
 *
 * Law: the state is that of the committed events of each partition in the order of their cursors, however they were cut into
 * batches and however partitions were interleaved. A handler that throws leaves what was good before it; operations that
 * cannot be done leave nothing of the batch. Cost: a look-up and a row per operation, a version per partition and batch.
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
  #behind(after: Cursor | undefined, events: readonly unknown[]): { fresh: unknown[]; passed: number; broken: unknown; isBroken: boolean } {
    const fresh: unknown[] = []
    let passed = 0
    for (const event of events) {
      let at: Cursor
      try { at = this.cursorOf(event) } catch (broken) {
        if (this.reducer.onError === 'skip') { this.dropped++; continue }
        return { fresh, passed, broken, isBroken: true }
      }
      if (after === undefined || this.compare(at, after) > 0) fresh.push(event)
      else passed++
    }
    return { fresh, passed, broken: undefined, isBroken: false }
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
    const { draft, partition } = this.#fold(id, events, new Draft(this.#base()))
    if (partition !== undefined) this.#commit(draft, [partition], events)
  }

  /** Folds a whole batch into one version; partition by partition when that cannot be done. */
  runTogether(groups: ReadonlyMap<string, readonly unknown[]>): void {
    const all = new Draft(this.#base())
    const partitions: Partition[] = []
    for (const [id, events] of groups) {
      const { draft, partition } = this.#fold(id, events, new Draft(all))
      if (partition === undefined) continue
      all.absorb(draft)
      partitions.push(partition)
    }
    if (partitions.length === 0) return
    try { this.#done(all, partitions) } catch (error) {
      if ((error as { code?: string }).code === 'ENGINE_CRASHED') throw error
      for (const [id, events] of groups) this.run(id, events)
    }
  }

  #commit(draft: Draft, partitions: Partition[], events: readonly unknown[]): void {
    try { this.#done(draft, partitions) } catch (error) {
      if ((error as { code?: string }).code === 'ENGINE_CRASHED' || (error as { code?: string }).code === 'CLOSED') throw error
      // The engine refuses a row: which event wrote it, the drafts up to each of them say.
      this.#blame(partitions[0].id, events, error)
    }
  }

  #done(draft: Draft, partitions: Partition[]): void {
    this.commit(draft.changes(), partitions)
    for (const p of partitions) this.partitions.set(p.id, p)
  }

  #fold(id: string, events: readonly unknown[], draft: Draft): Outcome {
    const { reducer } = this
    const before = this.get(id)
    if (before.status === 'error') return { draft, partition: undefined }
    const { fresh, passed, broken, isBroken } = this.#behind(before.cursor, events)
    this.skipped += passed
    if (fresh.length === 0 && !isBroken) return { draft, partition: undefined }
    const batch = (): Cursor[] => fresh.map(e => reducer.cursor(e))
    let cursor = before.cursor
    for (const event of fresh) {
      const at = reducer.cursor(event)
      let operations: Recorded[]
      try { operations = this.#handle(event) } catch (error) {
        if (reducer.onError === 'skip') { this.dropped++; cursor = at; continue }
        return { draft, partition: { id, cursor, status: 'error', error: { type: 'handler', cursor: at, batch: batch(), ...described(error) } } }
      }
      for (let i = 0; i < operations.length; i++) {
        // One that cannot be done takes the whole batch with it: what it has written needs no place of its own.
        try { operations[i](draft.now) } catch (error) {
          if (reducer.onError === 'skip') return this.#without(id, events, draft, event)
          // Where the engine refuses what is before it, that is the first one to be mended or skipped.
          const first = this.#refused(fresh.slice(0, fresh.indexOf(event)), draft.base)
          const why = first === undefined ? { cursor: at, batch: batch(), operation: i, ...described(error) } : { cursor: reducer.cursor(first.event), batch: batch(), ...described(first.error) }
          return { draft: new Draft(draft.base), partition: { id, cursor: before.cursor, status: 'error', error: { type: 'commit', ...why } } }
        }
      }
      cursor = at
    }
    if (isBroken) return { draft, partition: { id, cursor, status: 'error', error: { type: 'handler', cursor: cursor ?? 'start', batch: batch(), ...described(broken) } } }
    return { draft, partition: { id, cursor, status: 'ok' } }
  }

  /** The same events but for one whose operations cannot be done. */
  #without(id: string, events: readonly unknown[], draft: Draft, event: unknown): Outcome {
    this.dropped++
    const rest = events.filter(e => e !== event)
    const made = this.#fold(id, rest, new Draft(draft.base))
    const { reducer } = this
    const last = reducer.cursor(event)
    const p = made.partition ?? { ...this.get(id) }
    return { draft: made.draft, partition: p.status === 'ok' && (p.cursor === undefined || this.compare(last, p.cursor) > 0) ? { ...p, cursor: last } : p }
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

  /** The first event whose rows the engine refuses; undefined where it takes what all of them make together. */
  #refused(events: readonly unknown[], base: Base): { event: unknown; error: unknown } | undefined {
    const draft = new Draft(base)
    const { encoder } = this.db.inside
    let first: { event: unknown; error: unknown } | undefined
    try {
      for (const event of events) {
        const step = new Draft(draft)
        for (const operation of this.#handle(event)) operation(step.now)
        try { encoder.encode(step.changes(), undefined) } catch (error) { first ??= { event, error } }
        draft.absorb(step)
      }
      if (first !== undefined) encoder.encode(draft.changes(), undefined)
    } catch { return first }
    return undefined
  }

  /** Finds the event whose rows the engine refuses, by applying ever longer prefixes to nothing. */
  #blame(id: string, events: readonly unknown[], cause: unknown): void {
    const { reducer } = this
    const before = this.get(id)
    const { fresh } = this.#behind(before.cursor, events)
    const batch = fresh.map(e => reducer.cursor(e))
    let guilty = fresh[fresh.length - 1]
    const draft = new Draft(this.#base())
    for (const event of fresh) {
      const step = new Draft(draft)
      try {
        for (const operation of this.#handle(event)) operation(step.now)
        // The encoder checks rows as `apply` does, and changes nothing.
        this.db.inside.encoder.encode(step.changes(), undefined)
      } catch { guilty = event; break }
      draft.absorb(step)
    }
    if (reducer.onError === 'skip') {
      const { draft: rest, partition } = this.#without(id, events, draft.base instanceof Draft ? draft : new Draft(this.#base()), guilty)
      if (partition !== undefined) this.#commit(rest, [partition], events.filter(e => e !== guilty))
      return
    }
    const failed: Partition = { id, cursor: before.cursor, status: 'error', error: { type: 'commit', cursor: reducer.cursor(guilty), batch, ...described(cause) } }
    this.#done(new Draft(this.#base()), [failed])
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
