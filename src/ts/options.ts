// What a database and its queries are made of, and what it tells of itself.
import type { Report } from './changes.js'
import type { StorageOption } from './durability.js'
import type { Encoder } from './encoder.js'
import type { EddylineError } from './errors.js'
import type { TableLayout } from './layout.js'
import type { MemoryOptions } from './memory.js'
import type { Port } from './port.js'
import type { QueryOf } from './query/builder.js'
import type { AnyParams } from './query/params.js'
import type { AnySchema, Row, TableName } from './schema.js'
import type { SliceProgress } from './sliced.js'
import type { FetchRow, Touch } from './touches.js'

export interface DatabaseOptions<S extends AnySchema> {
  schema: S
  /** For messages and devtools. */
  name?: string | undefined
  /** Answers `touch`: the row, or null if it is gone. */
  fetchRow?: FetchRow | undefined
  /** Gets errors that have no caller: of listeners, of `fetchRow`, of sources. By default they are reported as uncaught. */
  onError?: ((error: unknown) => void) | undefined
  /** How long the engine keeps a view that nobody uses, in milliseconds; 1,000 by default. */
  graceMs?: number | undefined
  /** Keeps the state over a restart: `indexedDb('app')` and others of `eddyline/storage`. */
  storage?: StorageOption | undefined
  /** How much memory the engine may take, and who makes room: `{ budget: 64 << 20, onPressure }`. */
  memory?: MemoryOptions | undefined
}

export interface ApplyOptions {
  /** Resolve when the version is durable. */
  durable: true
}

/** @internal What rooms with an entry of their own need of the inside: rows that enter and leave packed. */
export interface Inside {
  readonly port: Port
  readonly encoder: Encoder
  readonly layouts: readonly TableLayout[]
}

/** @internal What a database in a worker is asked for. */
export interface Tap {
  /** A version, before listeners hear of it: `address` is that of the engine's report. */
  published(address: number, report: Report): void
  /** A touched row could not be fetched, or, without an error, is known again. */
  fetched(name: string, touch: Touch, error: EddylineError | undefined): void
  crashed(error: EddylineError): void
}

export interface LiveOptions {
  /** What you know it by: `live.label`. The library does nothing with it. */
  label?: string | undefined
  /** Whose rows, for tenanted tables. */
  tenant?: string | undefined
  /** Values of the query's parameters. */
  params?: AnyParams | undefined
  /** First row and number of rows of the part that is shown: `live.window` moves it. */
  window?: readonly [start: number, count: number] | undefined
  /**
   * Its rows come in slices of some 4 ms: `status` is `'loading'`, and rows and diffs show what there is, until all are there.
   * `dispose` ends it. For queries over so many rows that the page would stand still; what takes part in it already, or
   * finds its rows by an index, is quicker whole.
   */
  sliced?: boolean | { onProgress?: (progress: SliceProgress) => void } | undefined
}

/** Options of `read`. */
export type ReadOptions = Omit<LiveOptions, 'label' | 'sliced'>

/** What `db.stats()` tells. Bytes are of the engine's own structures; `wasmBytes` is all memory of its instance, shared by the databases of a page. */
export interface EngineStats {
  readonly version: number
  readonly tables: { name: string; rows: number; bytes: number }[]
  readonly nodes: number
  readonly views: number
  /** Rows that operators looked at so far: the work done. */
  readonly rowsExamined: number
  readonly bytes: { readonly tables: number; readonly operators: number; readonly views: number }
  /** Rows by key or in order, and how many operators and queries read each. */
  readonly indexes: { node: number; kind: string; bytes: number; users: number }[]
  /** Per view: bytes that go with it, and bytes that others use too. */
  readonly queries: { view: number; own: number; shared: number }[]
  readonly wasmBytes: number
  /** Bytes of this memory that are in use, the area that batches are written to not counted; the rest is free to be used again. */
  readonly allocatedBytes: number
  /** Microseconds in the engine: of the last batch and of all. */
  readonly micros: { readonly last: number; readonly total: number }
  /** What `allocatedBytes` may be, with a memory budget. */
  readonly budget?: number
}

/** One query builder per table. */
export type QueryRoot<S extends AnySchema> = { readonly [T in TableName<S>]: QueryOf<Row<S, T>, {}, T, null, S> }
