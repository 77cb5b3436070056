// Keeping every object whose content is as it was.
import type { Database } from '../database.js'
import type { QueryLike } from '../query/builder.js'
import { type AnyRow, rowText, sameCell } from './compare.js'
import type { Graph, Node } from './graph.js'
import { isPlain } from './value.js'

/** A value that is the list of a query: its rows now, in the objects of `value` as far as they are the same. Cost: the size of the value. */
export function reconcile(graph: Graph, db: Database<any>, value: unknown, query: QueryLike<any>, tenant: string | undefined): unknown {
  if (!Array.isArray(value)) return value
  const live = db.live(query, tenant === undefined ? undefined : { tenant })
  try {
    const from = query.toJSON().from
    return merge(typeof from === 'string' ? graph.find(from) : undefined, value, live.rows)
  } finally { live.dispose() }
}

/** Rows of a list as they are now, in their old objects where these are equal. */
function merge(table: Node | undefined, old: readonly unknown[], now: readonly unknown[]): readonly unknown[] {
  if (old === now) return old
  const byKey = new Map<string, AnyRow>()
  const name = (row: AnyRow): string | undefined => table !== undefined && table.key.every(c => c in row) ? rowText(table, row) : undefined
  for (const row of old) if (isPlain(row)) { const key = name(row); if (key !== undefined) byKey.set(key, row) }
  const out = now.map((row, i) => {
    const key = name(row as AnyRow)
    const before = key === undefined ? old[i] : byKey.get(key)
    return isPlain(before) ? mergeRow(table, before, row as AnyRow) : row
  })
  return out.length === old.length && out.every((row, i) => row === old[i]) ? old : out
}

function mergeRow(table: Node | undefined, old: AnyRow, now: AnyRow): AnyRow {
  if (old === now) return old
  const out: AnyRow = {}
  const names = Object.keys(now)
  let same = names.length === Object.keys(old).length
  for (const name of names) {
    const a = old[name], b = now[name]
    const target = table?.paths.get(name)?.target
    if (target !== undefined && Array.isArray(a) && Array.isArray(b)) out[name] = merge(target, a, b)
    else if (target !== undefined && isPlain(a) && isPlain(b) && rowText(target, a) === rowText(target, b)) out[name] = mergeRow(target, a, b)
    else out[name] = sameCell(a, b) ? a : b
    if (out[name] !== a || !(name in old)) same = false
  }
  return same ? old : out
}
