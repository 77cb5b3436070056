/**
 * Live queries of the page, with their patches: what changed is told by the engine, so nothing is compared here.
 */
import { useEffect, useRef, type RefObject } from 'react'
import { useDatabase, useLiveQuery } from 'eddyline/react'
import type { Database, Patch, QueryLike } from 'eddyline'
import { countPatches } from './metrics'
import type { Schema } from './schema'

/** A diff this long is another list, not news. */
const MOST_PATCHES = 1_000

/** The rows of a query. `onPatches` is called with every diff, before the page renders it. */
export function useRows<R>(make: (root: Database<Schema>['query']) => QueryLike<R>, onPatches?: (diff: readonly Patch[]) => void): readonly R[] {
  const db = useDatabase()
  const query = make(db.query)
  const { rows } = useLiveQuery(() => query)
  const latest = useRef<Latest>({ query, onPatches })
  useEffect(() => { latest.current = { query, onPatches } })
  const plan = JSON.stringify(query.toJSON())
  useEffect(() => follow(db, latest), [db, plan])
  return rows
}

interface Latest { query: QueryLike<unknown>, onPatches: ((diff: readonly Patch[]) => void) | undefined }

/**
 * Follows a query as long as its plan stays. A function of its own: what it returns is kept so long, and all that is in sight of it, which in
 * the hook would be its first `onPatches`, and in sight of that the first rows, every one of which is then kept as it was.
 */
function follow(db: Database<Schema>, latest: RefObject<Latest>): () => void {
  // Equal queries share one view: this one costs no second evaluation.
  const live = db.live(latest.current.query)
  live.subscribe(({ diff }) => {
    if (diff.length > MOST_PATCHES) return
    countPatches(diff.length)
    latest.current.onPatches?.(diff)
  })
  return () => live.dispose()
}
