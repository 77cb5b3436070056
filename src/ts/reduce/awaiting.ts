import { later, timeLimit } from '../limits.js'
import type { Cursor } from './cursors.js'
import type { PartitionError } from './fold.js'
import { stoppedError } from './wanted.js'

/** What became of events that somebody waited for. Anything in `errors` or `timeouts`: not ok. */
export interface Awaited {
  readonly ok: boolean
  readonly errors: readonly { reducer: string; event: unknown; error: PartitionError }[]
  readonly timeouts: readonly { reducer: string; event: unknown }[]
}

/** One event that is waited for. */
interface Waiter {
  readonly partition: string
  readonly cursor: Cursor
  readonly done: (error: PartitionError | undefined) => void
  /** The reducer has begun anew: its partitions may be others. */
  readonly again?: () => void
}

/** Those who wait for partitions of a reducer to get somewhere, also over its stop and next start. */
export class Waiters {
  readonly #all = new Map<string, Set<Waiter>>()
  /** The reducer as it began last. */
  latest: Awaitable | undefined

  /** A reducer begins, or its partitions are others than before. */
  begin(reducer: Awaitable): void {
    this.latest = reducer
    for (const waiters of [...this.#all.values()]) for (const waiter of [...waiters]) waiter.again?.()
  }

  add(waiter: Waiter): () => void {
    let known = this.#all.get(waiter.partition)
    if (known === undefined) this.#all.set(waiter.partition, known = new Set())
    known.add(waiter)
    return () => {
      known.delete(waiter)
      if (known.size === 0 && this.#all.get(waiter.partition) === known) this.#all.delete(waiter.partition)
    }
  }

  /** A partition has moved. */
  tell(partition: string, reached: (cursor: Cursor) => boolean, error: PartitionError | undefined): void {
    for (const waiter of [...this.#all.get(partition) ?? []]) {
      if (reached(waiter.cursor)) waiter.done(undefined)
      else if (error !== undefined) waiter.done(error)
    }
  }

  partitions(): Iterable<string> { return [...this.#all.keys()] }
}

/** A reducer as awaiting sees it. */
export interface Awaitable {
  readonly name: string
  partitionOf(event: unknown): string | undefined
  cursorOf(event: unknown): Cursor
  /** Where an event is: in the state, behind an error, or still to come. */
  outcome(partition: string, cursor: Cursor): 'done' | PartitionError | undefined
  readonly waiters: Waiters
  /** Takes the positions that are stored. */
  restore(): void
  /** Aborted when it is stopped: what is still to come then does not. */
  readonly signal: AbortSignal
}

/** Waits until all events are in the state of all reducers, or it is known that they will not be, or the time is over. Rejects with CLOSED when one that is waited for stops. */
export async function awaitAll(reducers: readonly Awaitable[], events: readonly unknown[], timeout: number): Promise<Awaited> {
  const limit = timeLimit(timeout, 'timeout', 'INVALID_ARGUMENT')
  const errors: { reducer: string; event: unknown; error: PartitionError }[] = []
  const wanted: { r: Awaitable; event: unknown; partition: string; cursor: Cursor }[] = []
  // Before anybody waits: functions of an application say where an event is, and may throw.
  for (const r of reducers) {
    for (const event of events) {
      const partition = r.partitionOf(event)
      if (partition === undefined) continue
      const cursor = r.cursorOf(event)
      const known = r.outcome(partition, cursor)
      if (known === 'done') continue
      if (known !== undefined) errors.push({ reducer: r.name, event, error: known })
      else if (r.signal.aborted) throw stoppedError(r.name)
      else wanted.push({ r, event, partition, cursor })
    }
  }
  if (wanted.length === 0) return { ok: errors.length === 0, errors, timeouts: [] }
  return new Promise((resolve, reject) => {
    const open = new Set<{ r: Awaitable; event: unknown; end: () => void }>()
    const signals = new Map<AbortSignal, () => void>()
    const over = (): void => {
      clearTimeout(timer)
      for (const { end } of open) end()
      for (const [signal, left] of signals) signal.removeEventListener('abort', left)
    }
    for (const { r, event, partition, cursor } of wanted) {
      const end = r.waiters.add({
        partition, cursor,
        done: error => {
          end()
          open.delete(entry)
          if (error !== undefined) errors.push({ reducer: r.name, event, error })
          if (open.size > 0) return
          over()
          resolve({ ok: errors.length === 0, errors, timeouts: [] })
        },
      })
      const entry = { r, event, end }
      open.add(entry)
      if (signals.has(r.signal)) continue
      const left = (): void => {
        if (![...open].some(e => e.r === r)) return
        over()
        reject(stoppedError(r.name))
      }
      signals.set(r.signal, left)
      r.signal.addEventListener('abort', left)
    }
    const timer = later(() => {
      over()
      resolve({ ok: false, errors, timeouts: [...open].map(({ r, event }) => ({ reducer: r.name, event })) })
    }, limit)
  })
}
