import { decodeCell } from './decoder.js'
import { report } from './dispatch.js'
import { EddylineError } from './errors.js'
import type { TableLayout } from './layout.js'
import type { Port } from './port.js'

/** Asks the backend for one row. `null` (or undefined): the row is gone. */
export type FetchRow = (table: string, key: any, context: { tenant?: string; signal: AbortSignal }) => Promise<object | null | undefined>

interface Flight { again: boolean }

/** A touched row. */
export interface Touch { table: string; key: unknown; tenant: string | undefined }

/** Reads the touch records of a report. Must run before the next call of the engine. */
export function readTouches(port: Port, at: number, count: number, tables: readonly TableLayout[]): Touch[] {
  const touches: Touch[] = []
  for (let i = 0; i < count; i++) {
    const table = tables[port.i32[at]]
    const bytes = port.i32[at + 1]
    const row = (at + 2) << 2
    const parts = table.key.map(c => decodeCell(port, table.layout, row, c))
    touches.push({
      table: table.name,
      key: parts.length === 1 ? parts[0] : parts,
      tenant: table.tenanted ? decodeCell(port, table.layout, row, table.layout.shown) as string : undefined,
    })
    at += 2 + ((bytes + 3) >> 2)
  }
  return touches
}

/**
 * One request in flight per row, newest wins: a touch during a request makes its answer old, so the answer is dropped
 * and the row asked for again. Failures go to `onError` and leave the row as it is.
 */
export class RowFetcher {
  readonly #flights = new Map<string, Flight>()
  readonly #abort = new AbortController()

  constructor(
    readonly fetchRow: FetchRow | undefined,
    readonly store: (touch: Touch, row: object | null) => void,
    readonly onError: ((error: unknown) => void) | undefined,
  ) {}

  touch(touch: Touch): void {
    if (this.fetchRow === undefined) {
      report(new EddylineError('NO_FETCH_ROW', `a row of \`${touch.table}\` was touched, but createDatabase got no fetchRow`, { offending: touch.table }), this.onError)
      return
    }
    const name = JSON.stringify([touch.table, touch.tenant, touch.key], (_, v: unknown) => typeof v === 'bigint' ? `${v}n` : v)
    const flight = this.#flights.get(name)
    if (flight !== undefined) flight.again = true
    else void this.#fetch(touch, name)
  }

  close(): void { this.#abort.abort() }

  async #fetch(touch: Touch, name: string): Promise<void> {
    const flight: Flight = { again: false }
    this.#flights.set(name, flight)
    const { signal } = this.#abort
    try {
      for (;;) {
        flight.again = false
        const context = touch.tenant === undefined ? { signal } : { tenant: touch.tenant, signal }
        let row: object | null | undefined
        try { row = await this.fetchRow!(touch.table, touch.key, context) } catch (error) {
          if (flight.again && !signal.aborted) continue
          throw error
        }
        if (signal.aborted) return
        if (flight.again) continue
        // Removed first: storing may touch the row again.
        this.#flights.delete(name)
        this.store(touch, row ?? null)
        return
      }
    } catch (error) {
      if (!signal.aborted) report(error, this.onError)
    } finally {
      if (this.#flights.get(name) === flight) this.#flights.delete(name)
    }
  }
}
