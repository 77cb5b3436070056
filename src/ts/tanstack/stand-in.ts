// What adapters take for their collection: as much of one as those for Electric and TanStack Query look at, private members included.
import type { EddylineError } from '../errors.js'
import { wrong } from '../option-kinds.js'
import type { Feed, Key, RowObject } from './feed.js'

/** A collection for the adapter of `feed`. */
export function standIn(feed: Feed): object {
  const { rows, pending, options } = feed
  return {
    id: options.id ?? feed.table,
    config: options,
    utils: options.utils ?? {},
    get status() { return feed.ended ? 'cleaned-up' : feed.status },
    // Live queries come and go; the feed stays, as if there were always one.
    subscriberCount: 1,
    deferDataRefresh: null,
    on(event: string) {
      if (event.startsWith('loadingSubset')) throw notASource('live query collections')
      return () => {}
    },
    get size() { return rows.size },
    has: (key: Key) => rows.has(key),
    get: (key: Key) => rows.get(key),
    keys: () => rows.keys(),
    values: () => rows.values(),
    entries: () => rows.entries(),
    getKeyFromItem: (row: RowObject) => feed.keyOf(row),
    // Rows are checked when they are applied.
    validateData: (row: RowObject) => row,
    _state: {
      syncedData: rows,
      syncedMetadata: new Map(),
      pendingSyncedTransactions: pending,
      // Of optimistic changes, which are made elsewhere.
      transactions: new Map(),
      getAcceptedSyncedRow: (key: Key) => feed.accepted(key),
      acceptedSyncedEntries: () => feed.acceptedRows(),
      set isLocalOnly(_: boolean) { throw notASource('local-only collections') },
    },
  }
}

/** What only a collection of TanStack DB can be. */
export const notASource = (what: string): EddylineError =>
  wrong('INVALID_ARGUMENT', `${what} have no backend, so they are no source: connect the collections that they are made of, or apply their rows`, 'options')
