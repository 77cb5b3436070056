// The steps from one list to another when nobody told them: between two states of a view.
import type { Snapshot } from './chunked-list.js'
import type { Patch } from './patches.js'
import type { RowCell } from './rows.js'
import { Added, Removed } from './view-patches.js'
import type { Level, NodeCell } from './view-tree.js'

type Item = RowCell | NodeCell

/** Every row goes, if there were any, every row comes. */
export function replaced(level: Level, old: Snapshot<Item> | undefined, now: Snapshot<Item>): Patch[] {
  const diff: Patch[] = []
  const before = old === undefined ? [] : cells(old)
  for (let i = before.length - 1; i >= 0; i--) diff.push(new Removed(level, undefined, i, rowOf(before[i])))
  cells(now).forEach((item, i) => { diff.push(added(level, i, item)) })
  return diff
}

/**
 * Rows that stay, in the same order, are not named; the others go and come. Rows are the same when their cells are: a
 * changed row has another handle, so another cell. O(n log n) of what is between the equal beginning and end.
 */
export function exchanged(level: Level, old: Snapshot<RowCell>, now: Snapshot<RowCell>): Patch[] {
  const before = cells(old), after = cells(now)
  let from = 0, end = before.length, to = after.length
  while (from < end && from < to && before[from] === after[from]) from++
  while (end > from && to > from && before[end - 1] === after[to - 1]) { end--; to-- }
  const places = new Map<RowCell, number>()
  for (let i = from; i < end; i++) places.set(before[i], i)
  const stay = ascending(after, from, to, places)
  const diff: Patch[] = []
  for (let i = end - 1; i >= from; i--) if (!stay.has(before[i])) diff.push(new Removed(level, undefined, i, before[i]))
  for (let i = from; i < to; i++) if (!stay.has(after[i])) diff.push(added(level, i, after[i]))
  return diff
}

/** Cells of a longest part of `after` whose places before ascend. */
function ascending(after: readonly RowCell[], from: number, to: number, places: ReadonlyMap<RowCell, number>): Set<RowCell> {
  // tails[k]: where a run of k + 1 ends whose last place is the least; back: the one before it.
  const tails: number[] = []
  const back = new Int32Array(to)
  for (let i = from; i < to; i++) {
    const place = places.get(after[i])
    if (place === undefined) continue
    let low = 0, high = tails.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (places.get(after[tails[middle]])! < place) low = middle + 1
      else high = middle
    }
    back[i] = low > 0 ? tails[low - 1] : -1
    tails[low] = i
  }
  const stay = new Set<RowCell>()
  for (let i = tails.length > 0 ? tails[tails.length - 1] : -1; i >= 0; i = back[i]) stay.add(after[i])
  return stay
}

function added(level: Level, at: number, item: Item): Patch {
  // The patch shows this cell: what changes below from here on must not show in it.
  if ('node' in item) item.node.stamp = 0
  return new Added(level, undefined, at, rowOf(item), 'node' in item ? item : undefined) as Patch
}

function rowOf(item: Item): RowCell { return 'node' in item ? item.node.row : item }

function cells<C extends Item>(list: Snapshot<C>): C[] {
  const out: C[] = []
  list.eachCell(cell => { out.push(cell) })
  return out
}
