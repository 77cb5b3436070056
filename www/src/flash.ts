/** Which issues just changed, by the patches of the query that shows them. */
import type { Patch } from 'eddyline'

const FLASH_MS = 1_400

/** More than this many changes in a second are no news one by one. */
const CALM_CHANGES = 60

let second = 0
let changesInSecond = 0
let changesBefore = 0

function count(now: number): void {
  const current = Math.floor(now / 1000)
  if (current !== second) {
    changesBefore = current === second + 1 ? changesInSecond : 0
    changesInSecond = 0
    second = current
  }
  changesInSecond++
}

/** Whether a single change can still be noticed. */
export const isCalm = (): boolean => Math.max(changesInSecond, changesBefore) < CALM_CHANGES

const changedAt = new Map<string, number>()

/** When the issue changed, if that was a moment ago: a key for an element that plays the flash once. */
export function flashOf(id: string): number | undefined {
  const at = changedAt.get(id)
  return at !== undefined && performance.now() - at < FLASH_MS ? at : undefined
}

/** Notes the issues of a diff. `depth`: how long the path to the list of issues is, 0 at the top, 2 under a label. */
export function noteFlashes(diff: readonly Patch[], depth: number): void {
  // Many at once are a page that catches up, or a bulk change.
  if (diff.length > CALM_CHANGES) return
  const now = performance.now()
  for (const patch of diff) {
    const id = patch.path.length > depth ? patch.path[depth] : patch.t === 'one' || patch.t === 'remove' ? undefined : patch.key
    if (typeof id !== 'string' || patch.path.length < depth) continue
    count(now)
    if (isCalm()) changedAt.set(id, now)
  }
  if (changedAt.size > 2_000) for (const [id, at] of changedAt) if (now - at > FLASH_MS) changedAt.delete(id)
}
