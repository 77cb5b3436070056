// What a database in a worker is made of, and what it tells of itself.
import type { EngineStats } from '../database.js'
import type { Pressure, Relief } from '../memory.js'
import type { Relieve } from './pressure.js'
import type { AnySchema } from '../schema.js'
import type { FetchRow } from '../touches.js'

/** What `createWorkerDatabase` makes a database of, beside the worker itself. */
export interface WorkerDatabaseOptions<S extends AnySchema> {
  schema: S
  /** For messages and devtools. */
  name?: string | undefined
  /** Answers `touch`, on the page: the row, or null if it is gone. */
  fetchRow?: FetchRow | undefined
  /** Gets errors that have no caller: of listeners, of `fetchRow`, of sources, of parameters. By default they are reported as uncaught. */
  onError?: ((error: unknown) => void) | undefined
  /** How long a view that nobody uses is kept, in milliseconds; 1,000 by default. */
  graceMs?: number | undefined
  /** Versions that may be on their way to the page; beyond that they are put together. 4 by default. */
  ahead?: number | undefined
  /**
   * As of `createDatabase`; the hook is called on the page, and may take its time. What it returns, what it asks of the database before
   * its first `await`, and what it asks within `relieve` makes room; its other calls wait, as anybody's, for the batch that waits for it.
   * Of tabs that share an engine the budget of the first one counts.
   */
  memory?: { budget: number; onPressure?: (pressure: Pressure, relieve: Relieve) => Relief | Promise<Relief> } | undefined
}

/** What `stats()` tells, and the traffic between page and worker. */
export interface WorkerStats extends EngineStats {
  readonly worker: {
    /** Messages with changes, and their bytes. */
    readonly messages: number
    readonly bytes: number
    /** Versions that the page got together with later ones. */
    readonly coalesced: number
    /** Most messages on their way at any time. */
    readonly mostUnacknowledged: number
    /** Pages that the engine serves: tabs that share it. */
    readonly pages: number
  }
  /** Rows that the page holds, and their bytes; what is on its way is not counted. */
  readonly page: { readonly rows: number; readonly bytes: number }
}
