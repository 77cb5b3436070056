import { later, timeLimit } from '../limits.js'
import type { Cursor } from './cursors.js'
import type { PartitionError } from './fold.js'

/** What became of events that somebody waited for. Anything in `errors` or `timeouts`: not ok. */
export interface Awaited {
  readonly ok: boolean
  readonly errors: readonly { reducer: string; event: unknown; error: PartitionError }[]
  readonly timeouts: readonly { reducer: string; event: unknown }[]
}

/** One event that is waited for. */
interface Waiter { readonly partition: string; readonly cursor: Cursor; readonly done: (error: PartitionError | undefined) => void }

/** Those who wait for partitions to get somewhere. */
export class Waiters {
  readonly #all = new Map<string, Set<Waiter>>()

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
}

/** Waits until all events are in the state of all reducers, or it is known that they will not be, or the time is over. */
export function awaitAll(reducers: readonly Awaitable[], events: readonly unknown[], timeout: number): Promise<Awaited> {
  return new Promise(resolve => {
    const limit = timeLimit(timeout, 'timeout', 'INVALID_ARGUMENT')
    const errors: { reducer: string; event: unknown; error: PartitionError }[] = []
    const open = new Set<{ reducer: string; event: unknown; end: () => void }>()
    let armed = false
    const settle = (): void => {
      if (!armed || open.size > 0) return
      clearTimeout(timer)
      resolve({ ok: errors.length === 0, errors, timeouts: [] })
    }
    for (const r of reducers) {
      for (const event of events) {
        const partition = r.partitionOf(event)
        if (partition === undefined) continue
        const cursor = r.cursorOf(event)
        const known = r.outcome(partition, cursor)
        if (known === 'done') continue
        if (known !== undefined) { errors.push({ reducer: r.name, event, error: known }); continue }
        const entry = { reducer: r.name, event, end: () => {} }
        open.add(entry)
        entry.end = r.waiters.add({
          partition, cursor,
          done: error => {
            entry.end()
            open.delete(entry)
            if (error !== undefined) errors.push({ reducer: r.name, event, error })
            settle()
          },
        })
      }
    }
    const timer = later(() => {
      const timeouts = [...open].map(({ reducer, event, end }) => { end(); return { reducer, event } })
      resolve({ ok: false, errors, timeouts })
    }, limit)
    armed = true
    settle()
  })
}
