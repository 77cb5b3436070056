// Sources of a database in a worker: they run on the page, what they write is applied by the worker, in order.
import type { Cursor, Report } from '../changes.js'
import { type JsonBytes, type JsonOptions, type JsonStream, isStream } from '../json-input.js'
import { type Source, SourceConnection, type SyncSession } from '../source.js'
import type { AnySchema } from '../schema.js'
import type { WorkerDatabase } from './database.js'

/** What a source of a worker's database talks to: as `SyncSession`, with promises of reports. */
export interface WorkerSession extends Omit<SyncSession, 'commit' | 'applyJson' | 'load'> {
  commit(opts?: { cursor?: Cursor; origin?: string }): Promise<Report>
  applyJson(bytes: string | JsonBytes, opts?: JsonOptions): Promise<Report>
  load(from: JsonStream, opts?: JsonOptions): Promise<Report>
}

/**
 * Starts a source as soon as its cursor is known, and, of several tabs, when it is this one's `turn`. What is wrong with a write
 * is an error of the connection. `cursors`: those that sources have committed.
 */
export function connectTo<S extends AnySchema>(
  db: WorkerDatabase<S>, source: Source, cursors: Map<string, string>, turn: { ask(): Promise<string | undefined>; loaded(): void }, onClose: (connection: SourceConnection) => void, onError: ((error: unknown) => void) | undefined,
): SourceConnection {
  // One by one: what a class gives its instances is not their own, and would not be spread.
  const { name, stale, table } = source
  let pending = Promise.resolve()
  /** Told by the connection, whoever awaits it; but of a stream, which is awaited in the page, too, and may be tried again. */
  const followed = (applied: Promise<Report>, isAwaited = false): Promise<Report> => {
    const told = applied.then(() => {}, error => { if (!isAwaited) connection.markError(error) })
    const before = pending
    // Settles with nothing: what was written long ago is not to be held by what is written now.
    pending = told.then(() => before)
    return applied
  }
  const face = {
    schema: db.schema,
    cursor: () => cursors.get(name),
    apply: (batch: never) => followed(db.apply(batch)),
    applyJson: (input: never, opts: never) => followed(db.applyJson(input, opts), isStream(input)),
  }
  const ordered: Source = {
    name, stale, table,
    sync: session => source.sync({
      // As `SourceConnection` has it: adapters ask for the schema.
      db: face,
      get cursor() { return session.cursor },
      get signal() { return session.signal },
      begin: () => { session.begin() },
      write: change => { session.write(change) },
      commit: opts => session.commit(opts),
      applyJson: (bytes, opts) => session.applyJson(bytes, opts),
      load: (from, opts) => session.load(from, opts),
      truncate: table => { session.truncate(table) },
      // Ready is what the live queries show. An error that was known is over; one that came to light since is not.
      markReady: () => {
        const { status, error } = connection
        void pending.then(() => {
          if (connection.status === 'closed' || (connection.status === 'error' && (status !== 'error' || connection.error !== error))) return
          session.markReady()
          turn.loaded()
        })
      },
      markError: error => { session.markError(error) },
    } as SyncSession),
  }
  const connection = new SourceConnection(face as never, ordered, onClose, onError)
  turn.ask().then(known => {
    if (known !== undefined) cursors.set(name, known)
    if (connection.status !== 'closed') connection.start()
  }, error => { connection.markError(error) })
  return connection
}
