// One request per row, whoever and however many wait for it.
import { textOf } from './compare.js'
import { answered, sameImage } from '../row-by-key.js'
import type { Node } from './graph.js'
import { type Ref, newer } from './refs.js'

/** Asks the backend for one row as it is now; null: it is gone. `ref`: of the newest message about it. */
export type Fetch = (table: string, key: any, context: { ref?: Ref; tenant?: string; signal: AbortSignal }) => Promise<object | null>

interface Flight {
  readonly table: Node
  readonly key: readonly unknown[]
  ref: Ref | undefined
  /** The request that is under way. */
  flying: AbortController | undefined
  /** Something newer was told while the request was under way: its answer is old. */
  again: boolean
  /** The row is known by other means: nobody waits for the answer. */
  settled: boolean
  /** The row as it was when it was asked for. */
  before: Uint8Array | undefined
}

interface Arrived { table: Node; key: readonly unknown[]; row: object | null }

interface Host {
  /** The row as it is now. */
  image(table: Node, key: readonly unknown[]): Uint8Array | undefined
  arrived(rows: Arrived[]): void
  failed(table: Node, key: readonly unknown[], error: unknown): void
  /** Whether the row has changed after `ref`, so that an answer to it is old. */
  stale(table: Node, key: readonly unknown[], ref: Ref | undefined): boolean
}

/**
 * Of a row one request is under way, at any time. Requests start in a microtask: what is told in one go is asked once. News
 * during a request make its answer old, and so do other changes of the row; it is asked for once more when the answer is there,
 * not sooner. A request that nobody waits for any more is aborted, each by a signal of its own. Answers of one moment are handed
 * over together.
 */
export class Fetcher {
  readonly #flights = new Map<string, Flight>()
  readonly #failed = new Map<string, Flight>()
  #closed = false
  #waiting: Flight[] = []
  #arrived: Arrived[] = []
  #handing = false
  #idle: (() => void)[] = []

  constructor(readonly fetchRow: Fetch, readonly tenant: string | undefined, readonly host: Host) {}

  want(table: Node, key: readonly unknown[], ref: Ref | undefined): void {
    if (this.#closed) return
    const name = textOf([table.name, ...key])
    const flight = this.#flights.get(name)
    if (flight === undefined) {
      const first: Flight = { table, key, ref, flying: undefined, again: false, settled: false, before: undefined }
      this.#flights.set(name, first)
      this.#failed.delete(name)
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

  /** The row is known by other means: an answer that is under way, or waits to be handed over, is old. */
  settled(table: Node, key: readonly unknown[]): void {
    const name = textOf([table.name, ...key])
    const flight = this.#flights.get(name)
    if (flight?.flying === undefined) this.#flights.delete(name)
    else if (!flight.settled) {
      flight.settled = true
      flight.again = false
      flight.flying.abort()
    }
    this.#failed.delete(name)
    this.#arrived = this.#arrived.filter(a => a.table !== table || textOf([table.name, ...a.key]) !== name)
    this.#finish()
  }

  retry(): void {
    const failed = [...this.#failed.values()]
    this.#failed.clear()
    for (const { table, key, ref } of failed) this.want(table, key, ref)
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
    this.#arrived = []
    this.#finish()
  }

  get #quiet(): boolean { return this.#arrived.length === 0 && [...this.#flights.values()].every(f => f.settled) }

  #schedule(flight: Flight): void {
    this.#waiting.push(flight)
    if (this.#waiting.length > 1) return
    queueMicrotask(() => {
      const flights = this.#waiting
      this.#waiting = []
      for (const f of flights) if (this.#current(f)) void this.#fly(f)
    })
  }

  #current(flight: Flight): boolean { return this.#flights.get(textOf([flight.table.name, ...flight.key])) === flight }

  async #fly(flight: Flight): Promise<void> {
    const { table, key } = flight
    const { signal } = flight.flying = new AbortController()
    flight.again = false
    flight.before = this.host.image(table, key)
    let row: object | null = null
    let error: { cause: unknown } | undefined
    try {
      row = answered(await this.fetchRow(table.name, key.length === 1 ? key[0] : key, {
        ...(flight.ref === undefined ? {} : { ref: flight.ref }), ...(this.tenant === undefined ? {} : { tenant: this.tenant }), signal,
      }))
    } catch (cause) { error = { cause } }
    flight.flying = undefined
    if (this.#closed || !this.#current(flight)) return
    const name = textOf([table.name, ...key])
    if (flight.settled) { this.#flights.delete(name); return }
    // What was written meanwhile by others is newer than what was asked before, or unknown to it.
    if (flight.again || !sameImage(flight.before, this.host.image(table, key))) { this.#schedule(flight); return }
    this.#flights.delete(name)
    if (error !== undefined) {
      this.#failed.set(name, flight)
      this.host.failed(table, key, error.cause)
    } else if (!this.host.stale(table, key, flight.ref)) this.#hand({ table, key, row })
    this.#finish()
  }

  #hand(arrived: Arrived): void {
    this.#arrived.push(arrived)
    if (this.#handing) return
    this.#handing = true
    queueMicrotask(() => {
      this.#handing = false
      const rows = this.#arrived
      this.#arrived = []
      try { if (rows.length > 0) this.host.arrived(rows) } finally { this.#finish() }
    })
  }

  #finish(): void {
    if (!this.#quiet) return
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }
}
