import { type CompareCursors, compareCursors, type Cursor } from './cursors.js'

/** Events of a log. */
export interface Page<E = any> { events: readonly E[]; cursor: Cursor | 'start'; more?: boolean }

/** Where events come from, in the order of their cursors. */
export interface EventLog<E = any> {
  /**
   * Up to `limit` events behind a cursor, and the cursor of the last one (the given one when there are none). A log is at its end where there
   * are none, however few came before: servers have limits of their own. `more: false` says so with the last of them, and saves a request.
   */
  fetch(after: Cursor | 'start', limit: number): Promise<Page<E>>
  /** Calls back when there may be new events. Returns the function that ends it. */
  subscribe(fn: () => void): () => void
  /** How many there are in all, for progress. */
  count?(): Promise<number>
  /** Cursor of the last event, for those who begin at the end; without it the log is read through. */
  head?(): Promise<Cursor | 'start'>
}

export interface MemoryLog<E> extends EventLog<E> {
  append(...events: E[]): void
  readonly events: readonly E[]
}

/** An event log in memory, ordered by `cursor`. */
export function memoryLog<E>(cursor: (event: E) => Cursor, events: readonly E[] = [], compare: CompareCursors = compareCursors): MemoryLog<E> {
  const all = [...events]
  const listeners = new Set<() => void>()
  /** Index of the first event behind a cursor. */
  const behind = (after: Cursor | 'start'): number => {
    if (after === 'start') return 0
    let low = 0, high = all.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(cursor(all[middle]), after) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    events: all,
    append(...more) {
      all.push(...more)
      for (const fn of [...listeners]) fn()
    },
    async fetch(after, limit) {
      const from = behind(after)
      const events = all.slice(from, from + limit)
      return { events, cursor: events.length > 0 ? cursor(events[events.length - 1]) : after, more: from + limit < all.length }
    },
    subscribe(fn) {
      listeners.add(fn)
      return () => { listeners.delete(fn) }
    },
    async count() { return all.length },
    async head() { return all.length > 0 ? cursor(all[all.length - 1]) : 'start' },
  }
}
