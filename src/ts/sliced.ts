// Queries whose rows come in slices, so that the page lives on meanwhile.
import { pause } from './breathe.js'
import { checkSliced } from './given.js'
import type { Port } from './port.js'

/** Rows that a sliced query has taken in, and how many there are to be; of all tables that it reads. */
export interface SliceProgress { readonly processed: number; readonly total: number }

/** What letting rows in needs of a database. */
export interface SliceDoor {
  /** The query is there still. */
  open(): boolean
  /** Makes a version of it. */
  moved(move: () => number): void
  /** All are in. */
  loaded(): void
  /** What a callback threw. */
  failed(error: unknown): void
  /** Between slices; by default the page has its turn. */
  pause?(): Promise<void>
}

/** Whether slices are asked for. Throws INVALID_ARGUMENT for what says neither. */
export function isSliced(sliced: unknown): boolean {
  if (sliced === undefined || sliced === null || typeof sliced === 'boolean') return sliced === true
  checkSliced(sliced)
  return true
}

/** Milliseconds that a slice is to take, and rows that it has at least. */
const SLICE = 4, LEAST = 64

/** Lets the rows of a sliced view in, as many at a time as a slice takes, while it is there. */
export async function letIn(port: Port, view: number, door: SliceDoor, onProgress: ((progress: SliceProgress) => void) | undefined): Promise<void> {
  let places = LEAST
  for (let processed = 0, left = port.call('pending', view); left > 0;) {
    await (door.pause ?? pause)()
    if (!door.open()) return
    const begun = performance.now()
    door.moved(() => port.call('admit', view, places))
    const took = performance.now() - begun
    // A listener may have ended it.
    if (!door.open()) return
    const before = left
    left = port.call('pending', view)
    processed += Math.max(before - left, 0)
    try { onProgress?.({ processed, total: processed + left }) } catch (error) { door.failed(error) }
    if (!door.open()) return
    // A table ran out: rows of the next one may cost many times as much, for they meet those that are there.
    places = before - left < places ? LEAST : Math.max(LEAST, Math.min(places * 2, Math.round(places * SLICE / Math.max(took, 0.1))))
  }
  if (door.open()) door.loaded()
}
