/**
 * Which issues just changed, told by the patches of a live query: the engine knows, so nothing is compared here.
 */
import { useEffect } from 'react'
import { useDatabase } from 'eddyline/react'
import type { Patch, Query } from 'eddyline'
import type { Schema } from './schema'

const FLASH_MS = 1_400
/** A diff this long is another list, not news. */
const MOST_PATCHES = 300

const changedAt = new Map<string, number>()

/** When the issue changed, if that was a moment ago: a key for an element that plays the flash once. */
export function flashOf(id: string): number | undefined {
  const at = changedAt.get(id)
  return at !== undefined && performance.now() - at < FLASH_MS ? at : undefined
}

/** The issue a patch belongs to: the key at the top, or under a label's issues one level down. */
function issueOf(patch: Patch, depth: number): unknown {
  return patch.path.length > depth ? patch.path[depth] : patch.path.length === depth && patch.t !== 'one' ? patch.key : undefined
}

/** Follows a query's patches. Equal queries share one view, so this costs no second evaluation. */
export function useFlashes(query: Query<Schema, any, any, any, any>, isNested: boolean): void {
  const db = useDatabase()
  useEffect(() => {
    const live = db.live(query)
    const depth = isNested ? 2 : 0
    live.subscribe(({ diff }) => {
      if (diff.length > MOST_PATCHES) return
      const now = performance.now()
      for (const patch of diff) {
        if (patch.t === 'remove' && patch.path.length === depth) continue
        const id = issueOf(patch, depth)
        if (typeof id === 'string') changedAt.set(id, now)
      }
      if (changedAt.size > 2_000) for (const [id, at] of changedAt) if (now - at > FLASH_MS) changedAt.delete(id)
    })
    return () => live.dispose()
  }, [db, query, isNested])
}
