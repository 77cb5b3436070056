// `eddyline/datalog`: facts, queries and rules over a database. No entry of the engine is named here: the database comes from the caller.
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { type DatalogOptions, Face } from './face.js'
import { checkFace } from './options.js'

export { facts, type AttributeInput, type AttributeOptions, type ValueType } from './attributes.js'
export { text } from './edn.js'
export type { DatalogOptions, TxReport } from './face.js'
export type { UserFunction } from './lower/functions.js'
export type { DatomSource, SourceDatom, SyncOptions, SyncProgress, SyncResult } from './sync.js'
export type { Configuration, LoadOptions, Saved } from './state.js'
export type { Datom } from './transact.js'
export type { TxData, TxItem } from './tx-data.js'
export type { DatalogView, Definition, ViewJson, ViewListener } from './view.js'
export type { Face as Datalog } from './face.js'

const faces = new WeakMap<Database<any>, Face>()

/**
 * The Datalog face of a database: the same object each time.
 *
 * ```ts
 * const db = await createDatabase({ schema: defineSchema({ issues: table({ … }), ...facts({ 'movie/title': 'string' }) }) })
 * const data = datalog(db)
 * data.transact([{ ':movie/title': 'Commando' }])
 * data.q('[:find [?t ...] :where [_ :movie/title ?t]]')
 * ```
 * `options` count when the face is first asked for. Throws INVALID_ARGUMENT for what is no database and no option, with the nearest name.
 */
export function datalog(db: Database<any>, options?: DatalogOptions): Face {
  if (typeof (db as { live?: unknown } | undefined)?.live !== 'function' || db.inside === undefined) throw new EddylineError('INVALID_ARGUMENT', '`datalog` takes a database: what `createDatabase` resolves to', { path: 'db' })
  checkFace(options)
  let face = faces.get(db)
  if (face === undefined) faces.set(db, face = new Face(db, options))
  return face
}
