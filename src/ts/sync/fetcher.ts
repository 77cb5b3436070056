// One request per row, whoever and however many wait for it.
import { answered } from '../row-by-key.js'
import { rowName } from './graph.js'
import type { Node } from './graph.js'
import { type Ref, newer } from './refs.js'

/** Asks the backend for one row as it is now; null: it is gone. `ref`: of the newest message about it. */
export type Fetch = (table: string, key: any, context: { ref?: Ref; tenant?: string; signal: AbortSignal }) => Promise<object | null>

interface Flight {
  readonly table: Node
  readonly key: readonly unknown[]
  ref: Ref | undefined
  /** The request that is under way, until its answer is handed over. */
  flying: AbortController | undefined
  /** Something newer is known, or was told, while the request was under way: its answer is old. */
  again: boolean
  /** The row is known by other means: nobody waits for the answer. */
  settled: boolean
}

/** An answer: of `null`, the row is gone. */
export interface Arrived {
  readonly table: Node
  readonly key: readonly unknown[]
  readonly row: object | null
  /** It cannot be stored. */
  refused(error: unknown): void
}

interface Host {
  /** Calls `came` when a batch brings the row, by whatever way and even if it is as it was. */
  waitFor(table: Node, key: readonly unknown[], came: () => void): void
  arrived(rows: readonly Arrived[]): void
  failed(table: Node, key: readonly unknown[], error: unknown): void
  /** A row that could not be fetched has come. */
  recovered(table: Node, key: readonly unknown[]): void
  /** Whether the row has changed after `ref`, so that an answer to it is old. */
  stale(table: Node, key: readonly unknown[], ref: Ref | undefined): boolean
}

/**
 * Of a row one request is under way, at any time. Requests start in a microtask: what is told in one go is asked once. News
 * during a request make its answer old, and so does whatever else brings the row (a write, a delete, be it of what is not
 * there); it is asked for once more when the answer is there, not sooner. A request that nobody waits for any more is aborted,
 * each by a signal of its own. Answers of one moment are handed over together.
 */
export class Fetcher {
  readonly #flights = new Map<string, Flight>()
  readonly #failed = new Map<string, Flight>()
  #closed = false
  #waiting: Flight[] = []
  #landing: { flight: Flight; row: object | null }[] = []
  #idle: (() => void)[] = []

  constructor(readonly fetchRow: Fetch, readonly tenant: string | undefined, readonly host: Host) {}

  want(table: Node, key: readonly unknown[], ref: Ref | undefined): void {
    if (this.#closed) return
    const name = rowName(table, key)
    const flight = this.#flights.get(name)
    if (flight === undefined) {
      const first: Flight = { table, key, ref, flying: undefined, again: false, settled: false }
      this.#flights.set(name, first)
      this.#schedule(first)
      return
    }
    if (flight.settled) {
      flight.settled = false
      flight.again = true
      flight.ref = ref
      return
    }
    const known = flight.ref
    if (ref !== undefined && known !== undefined && !newer(ref, known)) return
    flight.ref = ref ?? known
    if (flight.flying !== undefined) flight.again = true
  }

  /** The row is known by a message: nobody waits for an answer that is under way. */
  settled(table: Node, key: readonly unknown[]): void {
    const name = rowName(table, key)
    const flight = this.#flights.get(name)
    if (flight?.flying === undefined) this.#flights.delete(name)
    else if (!flight.settled) {
      flight.settled = true
      flight.again = false
      flight.flying.abort()
    }
    this.#failed.delete(name)
    this.#finish()
  }

  retry(): void {
    for (const [name, { table, key, ref }] of [...this.#failed]) if (!this.#flights.has(name)) this.want(table, key, ref)
  }

  get idle(): Promise<void> {
    return this.#quiet ? Promise.resolve() : new Promise(resolve => { this.#idle.push(resolve) })
  }

  close(): void {
    this.#closed = true
    for (const { flying } of this.#flights.values()) flying?.abort()
    this.#flights.clear()
    this.#failed.clear()
    this.#waiting = []
    this.#landing = []
    this.#finish()
  }

  get #quiet(): boolean { return [...this.#flights.values()].every(f => f.settled) }

  #schedule(flight: Flight): void {
    this.#waiting.push(flight)
    if (this.#waiting.length > 1) return
    queueMicrotask(() => {
      const flights = this.#waiting
      this.#waiting = []
      for (const f of flights) if (this.#current(f)) void this.#fly(f)
    })
  }

  #current(flight: Flight): boolean { return this.#flights.get(nameOf(flight)) === flight }

  async #fly(flight: Flight): Promise<void> {
    const { table, key, ref } = flight
    // Told and overtaken in one go.
    if (this.host.stale(table, key, ref)) { this.#end(flight); this.#finish(); return }
    const { signal } = flight.flying = new AbortController()
    flight.again = false
    this.host.waitFor(table, key, () => { this.#came(flight) })
    let row: object | null
    try {
      row = answered(await this.fetchRow(table.name, key.length === 1 ? key[0] : key, {
        ...(ref === undefined ? {} : { ref }), ...(this.tenant === undefined ? {} : { tenant: this.tenant }), signal,
      }))
    } catch (error) {
      if (this.#isNews(flight)) this.#fail(flight, error)
      this.#finish()
      return
    }
    if (this.#landing.push({ flight, row }) === 1) queueMicrotask(() => { this.#land() })
  }

  /** Answers of one moment. */
  #land(): void {
    const landing = this.#landing
    this.#landing = []
    const rows: Arrived[] = []
    for (const { flight, row } of landing) {
      const { table, key, ref } = flight
      if (this.#isNews(flight) && !this.host.stale(table, key, ref)) rows.push({ table, key, row, refused: error => { this.#fail(flight, error) } })
    }
    try { if (rows.length > 0) this.host.arrived(rows) } finally { this.#finish() }
  }

  /** The request is over. Whether its answer counts; if something newer is known, the row is asked for again. */
  #isNews(flight: Flight): boolean {
    flight.flying = undefined
    if (this.#closed || !this.#current(flight)) return false
    if (flight.again) this.#schedule(flight)
    else this.#end(flight)
    return !flight.again && !flight.settled
  }

  #fail(flight: Flight, error: unknown): void {
    this.#failed.set(nameOf(flight), flight)
    this.host.failed(flight.table, flight.key, error)
  }

  #came(flight: Flight): void {
    flight.again = !flight.settled
    if (!this.#failed.delete(nameOf(flight))) return
    this.host.recovered(flight.table, flight.key)
  }

  #end(flight: Flight): void { this.#flights.delete(nameOf(flight)) }

  #finish(): void {
    if (!this.#quiet) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}

function nameOf({ table, key }: Flight): string { return rowName(table, key) }
