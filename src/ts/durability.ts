// What a database knows of its storage: types only. `eddyline/storage` brings what implements them.
import type { LooseBatch, LooseChange, Report } from './changes.js'
import type { Database } from './database.js'
import type { EddylineError } from './errors.js'

/** Named values that are written in the transaction of a version: space → key → value; null and `undefined` delete. JSON values, bigints and bytes. */
export type EntryWrites = { readonly [space: string]: { readonly [key: string]: unknown } }

/** What `createDatabase({ storage })` takes: made by `indexedDb`, `opfs`, `files` or `memory` of `eddyline/storage`. */
export interface StorageOption {
  /** @internal Loads what is stored into an empty database, and keeps it from then on. */
  attach(db: Database<any>): Promise<Durability>
  /** @internal What a worker makes the same of; absent where it lives in this thread. */
  readonly far?: FarStorage
}

/** @internal A storage as data, and the functions that stay with who asked for it. */
export interface FarStorage {
  readonly kind: 'indexedDb' | 'opfs' | 'files'
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  readonly migrations?: Readonly<Record<number, (row: any, table: string, tenant: string | undefined) => unknown>>
  readonly onWarning?: (warning: EddylineError) => void
}

/**
 * `'ready'`: what is applied is written behind. `'memory'`: there is no storage (any more), `warning` says why.
 * `'follower'`: another tab writes; this one is told by it.
 */
export type DurabilityStatus = 'ready' | 'memory' | 'follower' | 'closed'

/** The durable side of a database: `db.durability`. */
export interface Durability {
  /** `'indexeddb'`, `'opfs'`, `'files'`, `'memory'`. */
  readonly kind: string
  readonly status: DurabilityStatus
  /** Why the state is not kept, or was not found. */
  readonly warning: EddylineError | undefined
  /** Transactions that are not durable yet. */
  readonly pending: number
  /** Resolves when everything up to now is durable. Rejects with the warning when it is not going to be. */
  flush(): Promise<void>
  /**
   * Applies a batch as one version and writes `entries` with it in one transaction: both are there after a crash, or neither.
   * Without changes only the entries are written, and there is no version.
   */
  commit(batch: LooseBatch | readonly LooseChange[] | undefined, entries: EntryWrites): Report | undefined
  /** The named values of a space, as of the last commit. */
  entries(space: string): ReadonlyMap<string, unknown>
  /** Writes the whole state anew and drops the log. Happens by itself when the log has grown. */
  checkpoint(): Promise<void>
  /**
   * After a failure: tries to write the whole state again, and goes on if that works. What could not be read at the start is read now; NOT_DURABLE
   * if something was applied since.
   */
  retry(): Promise<void>
  /** Resolves when this tab may run sources and reducers: at once but for followers. Rejects with the warning when it never will, with CLOSED when it is closed before. */
  readonly leading: Promise<void>
  /** Settles when a database that is closed, or whose engine has crashed, has let its storage go. */
  readonly closed: Promise<void>
  /** Told of every change of `status`. Returns the function that ends it. */
  subscribe(fn: (status: DurabilityStatus) => void): () => void
}

/** @internal What the database calls. */
export interface Keeper extends Durability {
  /** A version was made, and its rows can still be read. */
  committed(report: Report): void
  /** As `commit`, of a packed batch. */
  commitPacked(batch: Uint8Array, entries: EntryWrites, source?: string, cursor?: string, origin?: string): Report
  /** Entries that a version led to while it was told: written in its transaction, if it has one, else in the next. */
  amend(version: number, entries: EntryWrites): void
  /** Runs what is no part of the transaction that is being put together. */
  aside(fn: () => void): void
  /** Throws when this tab must not write. */
  guard(): void
  /** The engine has crashed: there will be no more versions. */
  crashed(error: EddylineError): void
  close(): void
}
