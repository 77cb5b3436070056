import { tell } from '../dispatch.js'
import type { EddylineError } from '../errors.js'
import type { Migrations } from './schemas.js'
import type { WarmQuery } from './warm.js'

/** What every kind of storage can be told. */
export interface StoreOptions {
  /** Version of the schema; 1 by default. Raise it with a change of tables or columns, and say how rows get there. */
  version?: number | undefined
  /** Steps by the version that they lead to: `{ 2: (row, table) => table === 'issues' ? { ...row, points: 0 } : row }`. */
  migrations?: Migrations | undefined
  /** A schema that is neither the stored one nor reached by migrations: `'refuse'` (default, SCHEMA_MISMATCH) or begin empty. */
  onMismatch?: 'refuse' | 'rebuild' | undefined
  /** Damaged state: begin empty, so that sources load again (default), or refuse (STORAGE_CORRUPT). */
  onCorrupt?: 'rebuild' | 'refuse' | undefined
  /** Told of everything that makes the state less than durable. By default it goes to the console. */
  onWarning?: ((warning: EddylineError) => void) | undefined
  /**
   * Queries that are made ready while the rows are loaded, in slices: `[from(schema, 'issues').where('status', '=', 'open')]`. An equal
   * `db.live` then finds them there. They are kept for ten seconds, and from then on while somebody uses them.
   */
  queries?: readonly WarmQuery[] | undefined
  /**
   * Tables that are not stored, and begin empty: what is of this page or of this moment (a clock, who is typing), and views, whose rows
   * are made anew. Not for what a source brings under a cursor, nor for what reducers and functions of projections write; not with `tabs`.
   */
  except?: readonly string[] | undefined
  /** Bytes of log after which the state is written anew (1 MB), if it is at least half of the last checkpoint, too. */
  checkpointBytes?: number | undefined
}

/** Says what makes the state less than durable. */
export function tellWarning({ onWarning }: StoreOptions, warning: EddylineError): void {
  if (onWarning === undefined) console.warn(`eddyline: ${warning.code}: ${warning.message}`)
  else tell(() => { onWarning(warning) })
}
