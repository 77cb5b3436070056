// The steps from one list to another when nobody told them: between two states of a view.
import type { Snapshot } from './chunked-list.js'
import type { Patch } from './patches.js'
import type { RowCell } from './rows.js'
import { Added, Changed, Removed } from './view-patches.js'
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

/** Rows compared after the first that is another. */
const COMPARED = 1024

/**
 * Whether both show the same rows. A changed row has another handle, so another cell, which may show the same all the same: what
 * changed is not shown, or is as it was again. Such a row stays the same object where it is in the same place.
 */
export function equal(level: Level, old: Snapshot<RowCell>, now: Snapshot<RowCell>): boolean {
  const before = cells(old), after = cells(now)
  if (before.length !== after.length) return false
  let same = true, compared = 0
  for (let i = 0; i < after.length; i++) {
    const was = before[i], cell = after[i]
    // Beyond the first difference it is for the objects that somebody may know.
    if (was === cell || (!same && (was.object === undefined || compared++ >= COMPARED))) continue
    if (!alike(level, was, cell)) same = false
  }
  return same
}

function alike(level: Level, was: RowCell, cell: RowCell): boolean {
  const unread = cell.object === undefined
  const same = keyText(level, was) === keyText(level, cell) && changedFields(level, was, cell).every(word => word === 0)
  if (unread) cell.object = same ? was.object : undefined
  return same
}

/**
 * Rows that stay, in the same order, are not named; those of them that changed are set; the others go and come. O(n log n) of
 * what is between the equal beginning and end; rows that are not the same cells are read for their keys.
 */
export function exchanged(level: Level, old: Snapshot<RowCell>, now: Snapshot<RowCell>): Patch[] {
  const before = cells(old), after = cells(now)
  let from = 0, end = before.length, to = after.length
  while (from < end && from < to && before[from] === after[from]) from++
  while (end > from && to > from && before[end - 1] === after[to - 1]) { end--; to-- }
  // Nobody knows their objects yet.
  const unread = new Set(after.filter(cell => cell.object === undefined))
  const places = new Map<RowCell, number>()
  for (let i = from; i < end; i++) places.set(before[i], i)
  // Rows that changed have the place of the row with their key.
  const same = new Set(after.slice(from, to))
  const byKey = new Map<string, number>()
  for (let i = from; i < end; i++) if (!same.has(before[i])) byKey.set(keyText(level, before[i]), i)
  if (byKey.size > 0) for (let i = from; i < to; i++) {
    const place = places.has(after[i]) ? undefined : byKey.get(keyText(level, after[i]))
    if (place !== undefined) places.set(after[i], place)
  }
  const stay = ascending(after, from, to, places)
  const kept = new Set([...stay].map(cell => places.get(cell)))
  const diff: Patch[] = []
  for (let i = end - 1; i >= from; i--) if (!kept.has(i)) diff.push(new Removed(level, undefined, i, before[i]))
  for (let i = from; i < to; i++) {
    const cell = after[i], was = before[places.get(cell)!], stays = stay.has(cell)
    if (!stays) diff.push(added(level, i, cell))
    if (was === undefined || was === cell) continue
    const words = changedFields(level, was, cell)
    // One that is as it was is the same object, wherever it is.
    if (words.every(word => word === 0)) { if (unread.has(cell)) cell.object = was.object }
    else if (stays) diff.push(new Changed(level, undefined, i, cell, words[0], words.subarray(1)) as Patch)
  }
  return diff
}

// Numbers that JSON does not tell apart, in arrays, are what they are.
const text = (value: unknown): string => JSON.stringify(value, (_, v: unknown) => typeof v === 'bigint' || (typeof v === 'number' && (!Number.isFinite(v) || Object.is(v, -0))) ? `${Object.is(v, -0) ? '-' : ''}${v as number}n` : v)
const keyText = (level: Level, cell: RowCell): string => text(level.keyOf(cell))

/** A bit per field that is another. */
function changedFields(level: Level, was: RowCell, now: RowCell): Int32Array {
  const words = new Int32Array((level.fields.length >> 5) + 1)
  const a = was.get() as Record<string, unknown>, b = now.get() as Record<string, unknown>
  level.fields.forEach((name, i) => {
    const x = a[name], y = b[name]
    if (!Object.is(x, y) && (typeof x !== 'object' || typeof y !== 'object' || text(x) !== text(y))) words[i >> 5] |= 1 << (i & 31)
  })
  return words
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
  for (const cells of list.cells()) for (const cell of cells) out.push(cell)
  return out
}
