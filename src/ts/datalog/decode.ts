// Rows of the engine as rows of the language.
import type { ParsedQuery } from './ast.js'
import type { Item } from './lower/query.js'
import type { Shape } from './lower/values.js'
import { type Row, keyOf } from './mirror.js'

function shaped(shape: Shape, row: Row): unknown {
  return shape.kind === 'scalar' ? row[shape.name] : shape.items.map(s => shaped(s, row))
}

/** A member of a result row; pulled trees are made by `pull`. */
export function member(item: Item, row: Row, pull: (item: Item & { kind: 'pull' }, e: unknown) => unknown): unknown {
  switch (item.kind) {
    case 'value': return shaped(item.shape, row)
    case 'pull': return pull(item, shaped(item.shape, row))
    case 'list': {
      const list = (row[item.column] as unknown[]).map(v => item.type === 'timestamp' ? new Date(v as string) : item.type === 'bigint' ? BigInt(v as number) : v)
      return item.most === undefined ? list : list.slice(0, item.most)
    }
  }
}

/** Result rows as the find says: all of them, of the first column, the first, or its one value. */
export function answer(query: ParsedQuery, tuples: readonly unknown[][]): unknown {
  const named = (tuple: unknown[]): unknown => query.names === undefined ? tuple : Object.fromEntries(query.names.map((n, i) => [n, tuple[i]]))
  switch (query.shape) {
    case 'relation': return tuples.map(named)
    case 'collection': return distinct(tuples.map(t => t[0]))
    case 'tuple': return tuples.length === 0 ? null : named(tuples[0])
    case 'scalar': return tuples.length === 0 ? null : tuples[0][0]
  }
}

function distinct(values: readonly unknown[]): unknown[] {
  const seen = new Set<unknown>()
  return values.filter(v => { const key = keyOf(v); if (seen.has(key)) return false; seen.add(key); return true })
}

/** One text per content: to find a result row again. */
export function identity(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => {
    if (typeof v === 'bigint') return `${v}n`
    if (typeof v === 'number' && !Number.isFinite(v)) return `${v}f`
    if (v instanceof Uint8Array) return `x${v.join()}`
    return typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => a < b ? -1 : 1)) : v
  })
}
