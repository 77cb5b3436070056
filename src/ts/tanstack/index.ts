// `eddyline/tanstack`: adapters of TanStack DB (Electric, TanStack Query and others) as sources. Nothing of TanStack is imported:
// the options come from the caller.
import { said } from '../errors.js'
import { type Kinds, TEXT, checkOptions, oneOf, shown, wrong } from '../option-kinds.js'
import type { Source } from '../source.js'
import { Feed } from './feed.js'
import { notASource } from './stand-in.js'

/** The `sync` member of TanStack DB collection options, as far as it is used. */
export interface TanStackSync {
  sync(params: {
    collection: any
    begin: (options?: unknown) => void
    write: (message: any) => void
    commit: (signal?: unknown) => true | Promise<void>
    truncate: (options?: unknown) => void
    markReady: () => void
    markError: (error?: unknown) => void
    invalidateLoadedSubsets: () => void
    metadata: undefined
  }): TanStackStarted
  /** `'full'`: updates carry the whole row. */
  rowUpdateMode?: 'partial' | 'full'
}

/** What ends an adapter, and what loads rows where it does so on demand. */
export type TanStackStarted = void | (() => void) | { cleanup?: () => void; loadSubset?: (options: any) => unknown }

/** Collection options of TanStack DB, as far as they are used. */
export interface TanStackOptions {
  id?: string | undefined
  getKey?: ((row: any) => unknown) | undefined
  utils?: any
  sync: TanStackSync
}

const FROM: Kinds = { name: TEXT, stale: /* @__PURE__ */ oneOf('error', 'ignore') }

/**
 * Makes a source of a table of TanStack DB collection options.
 *
 * ```ts
 * db.connect(fromTanStack('issues', electricCollectionOptions({ … })))
 * ```
 * Inserts become upserts, because adapters send rows again after a reconnect. Adapters that load on demand load everything. Of
 * `sync` alone, rows are known by the key of the table instead of `getKey`.
 *
 * Throws INVALID_ARGUMENT for what is no such options, and for collections without a backend: local-only ones and live queries.
 * A `getKey` that gives two rows one key, one row two or none refuses their transaction with INVALID_ARGUMENT.
 * What an adapter throws, or marks as an error, is SOURCE_FAILED with that as `cause`.
 */
export function fromTanStack(table: string, options: TanStackOptions | TanStackSync, from?: { name?: string | undefined; stale?: 'error' | 'ignore' | undefined }): Source {
  if (typeof table !== 'string') throw wrong('INVALID_ARGUMENT', `\`fromTanStack\` takes the name of a table first, not ${shown(table)}`, 'table', said(table))
  checkOptions(from, FROM, { path: '' })
  const given = options as { sync?: unknown } | null | undefined
  const whole = (typeof given?.sync === 'function' ? { sync: given } : given) as TanStackOptions
  if (typeof whole?.sync?.sync !== 'function') throw wrong('INVALID_ARGUMENT', '`fromTanStack` takes collection options, or their `sync`', 'sync', said(options))
  const { utils } = whole
  if (utils != null && 'setWindow' in utils) throw notASource('live query collections')
  // Those in a storage accept mutations, too, and can be read.
  if (utils != null && 'acceptMutations' in utils && !('clearStorage' in utils)) throw notASource('local-only collections')
  const name = from?.name ?? `tanstack:${table}`
  return { name, stale: from?.stale, table, sync: session => new Feed(whole, table, name, session).start() }
}
