/// <reference lib="esnext.disposable" preserve="true" />
import type { Report } from '../changes.js'
import type { RowKey } from '../patches.js'
import type { Hub, Teller } from './hub.js'
import type { Counters, Rule, SignalKind, Tally } from './kinds.js'
import type { Recipient, RowSet } from './row-set.js'

/** One batch changed what a watch looks at. */
export interface Signal {
  readonly watch: Watch
  readonly kind: SignalKind
  readonly label: unknown
  /** Undefined for watches of queries. */
  readonly table: string | undefined
  readonly tenant: string | undefined
  readonly by: Readonly<Record<string, unknown>> | undefined
  readonly version: number
  /** How many rows, by kind. */
  readonly counts: Readonly<Counters>
  readonly keys: { readonly inserted: readonly RowKey[]; readonly deleted: readonly RowKey[]; readonly updated: readonly RowKey[] }
  readonly batch: Report
}

export type SignalListener = (signal: Signal) => void

/** What a watch looks at, as it was asked for. */
export interface Watched {
  readonly kind: SignalKind
  readonly table: string | undefined
  readonly by: Readonly<Record<string, unknown>> | undefined
  readonly label: unknown
  readonly labelled: boolean
  readonly tenant: string | undefined
  readonly once: boolean
}

/**
 * Told at most once per batch that changes what it looks at.
 *
 * Ends by `cancel()`, by disposal, by its AbortSignal, with its scope or its database; a `once` watch by its signal, too.
 */
export class Watch implements Recipient, Teller, Watched {
  /** Number of this watch: what `assignReady` takes. */
  readonly ref: number
  readonly order: number
  readonly kind: SignalKind
  readonly table: string | undefined
  readonly by: Readonly<Record<string, unknown>> | undefined
  readonly label: unknown
  readonly labelled: boolean
  readonly tenant: string | undefined
  readonly once: boolean
  readonly since: number
  /** @internal What else is to be given back. */
  release: (() => void) | undefined
  /** It has been told at least once. */
  ready = false
  #active = true
  #tally: Tally | undefined

  /** @internal Made by the `watch` of a scope. `reads`: what `assignReady` shows of it. */
  constructor(
    readonly hub: Hub, readonly set: RowSet, what: Watched, readonly rule: Rule, readonly columns: readonly string[] | undefined,
    readonly fn: SignalListener | undefined, readonly ended: (watch: Watch) => void, readonly reads: Reads,
  ) {
    this.ref = this.order = hub.next()
    this.kind = what.kind
    this.table = what.table
    this.by = what.by
    this.label = what.label
    this.labelled = what.labelled
    this.tenant = what.tenant
    this.once = what.once
    this.since = hub.db.version
    set.join(this)
    hub.enter()
  }

  /** It may still be told. */
  get active(): boolean { return this.#active }

  /** @internal */
  receive(tally: Tally): void {
    if (tally.counts[this.kind] === 0) return
    this.#tally = tally
    this.hub.wake(this)
  }

  /** @internal */
  tell(version: number, batch: Report): void {
    const tally = this.#tally
    this.#tally = undefined
    if (!this.#active || tally === undefined) return
    this.ready = true
    if (this.once) this.cancel()
    const { kind, label, table, tenant, by } = this
    const { counts, inserted, deleted, updated } = tally
    this.fn?.({ watch: this, kind, label, table, tenant, by, version, counts, keys: { inserted, deleted, updated }, batch })
  }

  /** Ends it. May be called again. */
  cancel(): void {
    if (!this.#active) return
    this.#active = false
    this.#tally = undefined
    this.hub.forget(this)
    this.hub.leave()
    this.set.release(this)
    this.release?.()
    this.ended(this)
  }

  [Symbol.dispose](): void { this.cancel() }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Watch' }
}

/** What `assignReady` reads for a watch, and how it makes the next one. */
export interface Reads {
  value(): unknown
  again(): Watch
}

let janitor: FinalizationRegistry<() => void> | undefined
// Within `endWith` it would hold what the first call of that was given.
const run = (end: () => void): void => { end() }

/**
 * Ends something when a signal aborts, at once if it has, or when `owner` has been collected, which neither it nor what is returned may hold.
 * Returns the function that takes it off both: an owner that lives on keeps nothing of what has ended.
 */
export function endWith(signal: AbortSignal | undefined, owner: object | undefined, end: () => void): () => void {
  if (signal?.aborted) { end(); return () => {} }
  signal?.addEventListener('abort', end, { once: true })
  if (owner !== undefined) {
    janitor ??= new FinalizationRegistry(run)
    janitor.register(owner, end, end)
  }
  return () => {
    signal?.removeEventListener('abort', end)
    janitor?.unregister(end)
  }
}
