// What watches and scopes are asked for.
import { cellOf } from '../cells.js'
import type { QueryLike } from '../query/builder.js'
import type { AnySchema, Row } from '../schema.js'
import { checkBy } from './checks.js'
import type { Rule } from './kinds.js'
import { type TableJson, columnType } from './row-keys.js'

export interface ScopeOptions {
  /** The most watches at a time, members of assigns included; 10,000 by default. */
  maxWatches?: number | undefined
  /** Counters of this scope are written to the storage of the database when they change, and go on from there after a restart. */
  keepCounters?: boolean | undefined
}

/** The indexed value that is looked at: columns with their values. */
export type By<S extends AnySchema, T> = Partial<Row<S, T>>

export interface WatchOptions extends Rule {
  /** What `assignReady` and `unwatch` know it by; any value. */
  label?: unknown
  /** One signal, then it is over. */
  once?: boolean | undefined
  /** Ends it. */
  signal?: AbortSignal | undefined
  /** Ends it when this object has been collected. */
  owner?: object | undefined
}

export interface TableWatchOptions<S extends AnySchema, T> extends WatchOptions {
  /** Only rows with these values. */
  by?: By<S, T> | undefined
  /** Only updates that change one of these columns; for `updates` and `changes`. */
  columns?: readonly (keyof Row<S, T> & string)[] | undefined
  /** What `assignReady` reads; by default the rows that are watched. */
  query?: QueryLike<any> | undefined
}

export interface QueryWatchOptions extends WatchOptions { columns?: readonly string[] | undefined }

/** Values of columns, of their types. */
export function checkByOf(table: TableJson, by: object, at = ''): void {
  checkBy(by, c => {
    const path = `${at}by.${c}`, value = (by as Record<string, unknown>)[c]
    const type = columnType(table, c, path)
    if (value !== null && value !== undefined) cellOf(type, value, c, path)
  }, at)
}
