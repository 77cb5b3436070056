// What a page knows of the storage of its database, which is in the worker.
import type { LooseBatch, LooseChange, Report } from '../changes.js'
import { tell } from '../dispatch.js'
import type { DurabilityStatus, EntryWrites, FarStorage, StorageOption } from '../durability.js'
import { EddylineError } from '../errors.js'
import { checkEntries } from '../entries.js'
import { StatusListeners } from '../status-listeners.js'
import { placeLeft } from '../storage-places.js'
import { type Channel, type DurabilityJson, type Request, type StorageJson, type Told, errorJson, errorOf } from './messages.js'
import type { Requests } from './requests.js'

/** The durable side of a database in a worker: as `Durability`, with promises. */
export interface WorkerDurability {
  readonly kind: string
  readonly status: DurabilityStatus
  readonly warning: EddylineError | undefined
  /** Resolves when everything applied up to now is durable. Rejects with the warning when it is not going to be. */
  flush(): Promise<void>
  /** Applies a batch as one version and writes `entries` with it in one transaction. */
  commit(batch: LooseBatch | readonly LooseChange[] | undefined, entries: EntryWrites): Promise<Report | undefined>
  entries(space: string): Promise<ReadonlyMap<string, unknown>>
  checkpoint(): Promise<void>
  retry(): Promise<void>
  /** Resolves when this database may run sources: at once but for followers. */
  readonly leading: Promise<void>
  /** Settles when a database that is closed, or whose engine has crashed, has let its storage go. */
  readonly closed: Promise<void>
  subscribe(fn: (status: DurabilityStatus) => void): () => void
}

/** Storage as data. Throws NOT_IN_WORKER for one that lives in this thread. */
export function storageJson(storage: StorageOption): { far: FarStorage; json: StorageJson } {
  const { far } = storage
  if (far === undefined) throw new EddylineError('NOT_IN_WORKER', 'a worker opens `indexedDb`, `opfs` and `files` by themselves; a medium of one\'s own, and `memory`, are of this thread', { path: 'storage' })
  return { far, json: { kind: far.kind, name: far.name, options: far.options, steps: Object.keys(far.migrations ?? {}).map(Number) } }
}

/** Answers what the worker asks of the functions of a storage, also before the database is there. */
export function answerStorage(told: Told, far: FarStorage | undefined, channel: Channel): void {
  if (told.warning !== undefined) {
    const warning = errorOf(told.warning) as EddylineError
    if (far?.onWarning !== undefined) tell(() => { far.onWarning!(warning) })
    else console.warn(`eddyline: ${warning.code}: ${warning.message}`)
  }
  if (told.migrate === undefined) return
  const { step, version, row, table, tenant } = told.migrate
  const answer = (made: unknown, error?: unknown): void => { channel.post({ t: 'migrated', step, row: made, ...(error === undefined ? {} : { error: errorJson(error) }) } satisfies Request, []) }
  try { answer(far!.migrations![version](row, table, tenant)) } catch (error) { answer(undefined, error) }
}

/** @internal */
export class FarDurability implements WorkerDurability {
  readonly kind: string
  status: DurabilityStatus
  warning: EddylineError | undefined
  readonly leading: Promise<void>
  readonly closed: Promise<void>
  #letGo!: () => void
  #isLeaving = false
  readonly #listeners = new StatusListeners()

  constructor(json: DurabilityJson, readonly place: FarStorage | undefined, readonly requests: Requests, readonly apply: (batch: LooseBatch | readonly LooseChange[], entries: EntryWrites) => Promise<Report>) {
    this.kind = json.kind
    this.status = json.status
    this.warning = json.warning === undefined ? undefined : errorOf(json.warning) as EddylineError
    this.closed = new Promise(resolve => { this.#letGo = resolve })
    this.leading = requests.ask<void>({ t: 'leading' })
    this.leading.catch(() => {})
  }

  flush(): Promise<void> { return this.requests.ask({ t: 'flush' }) }
  checkpoint(): Promise<void> { return this.requests.ask({ t: 'checkpoint' }) }
  retry(): Promise<void> { return this.requests.ask({ t: 'rewrite' }) }
  entries(space: string): Promise<ReadonlyMap<string, unknown>> { return this.requests.ask({ t: 'entries', space }) }
  commit(batch: LooseBatch | readonly LooseChange[] | undefined, entries: EntryWrites): Promise<Report | undefined> {
    try { checkEntries(entries) } catch (error) { return Promise.reject(error as Error) }
    const changes = batch === undefined || Array.isArray(batch) ? batch as readonly LooseChange[] | undefined : (batch as LooseBatch).changes
    const isEmpty = changes === undefined || (changes.length === 0 && (Array.isArray(batch) || (batch as LooseBatch).cursor === undefined))
    return isEmpty ? this.requests.ask({ t: 'enter', entries }) : this.apply(batch!, entries)
  }

  subscribe(fn: (status: DurabilityStatus) => void): () => void { return this.#listeners.add(fn) }

  /** What is wrong by now, whatever the status. */
  warned(warning: EddylineError): void { this.warning = warning }

  /** Something changed. */
  told({ status, warning }: DurabilityJson): void {
    this.warning = warning === undefined ? undefined : errorOf(warning) as EddylineError
    this.#become(status)
  }

  /** The database is closed, or (`why`) its worker or engine does not live any more; `closed` settles when `letGo` is called. */
  end(why?: EddylineError): void {
    if (this.place !== undefined && !this.#isLeaving) placeLeft(this.place, this.closed)
    this.#isLeaving = true
    if (why !== undefined) this.warning = why
    this.#become(why === undefined ? 'closed' : 'memory')
  }
  letGo(): void { this.#letGo() }

  #become(status: DurabilityStatus): void {
    if (status === this.status || this.status === 'closed') return
    this.status = status
    this.#listeners.tell(status)
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'FarDurability' }
}
