// Rows of the engine as rows of the language.
import type { ParsedQuery } from './ast.js'
import type { Item } from './lower/query.js'
import type { Shape } from './lower/values.js'
import { type Row, keyOf } from './mirror.js'

function shaped(shape: Shape, row: Row): unknown {
  return shape.kind === 'scalar' ? row[shape.name] : shape.items.map(s => shaped(s, row))
}

/** A member of a list that the engine has put together as json. */
function listed(type: string, v: unknown): unknown {
  switch (type) {
    case 'timestamp': return new Date(v as string)
    case 'bigint': return BigInt(v as number | string)
    case 'float': return Number(v)
    case 'bytes': return Uint8Array.from((v as string).slice(2).match(/../g) ?? [], hex => parseInt(hex, 16))
    default: return v
  }
}

/** A member of a result row; pulled trees are made by `pull`. */
export function member(item: Item, row: Row, pull: (item: Item & { kind: 'pull' }, e: unknown) => unknown): unknown {
  switch (item.kind) {
    case 'value': return shaped(item.shape, row)
    case 'pull': return pull(item, shaped(item.shape, row))
    case 'list': {
      const list = (row[item.column] as unknown[]).map(v => listed(item.type, v))
      const shown = item.most === undefined ? list : list.slice(0, item.most)
      return item.reversed === true ? shown.reverse() : shown
    }
  }
}

/** A row as `:keys` names its members. */
export const named = (query: ParsedQuery, tuple: unknown[]): unknown => query.names === undefined ? tuple : Object.fromEntries(query.names.map((n, i) => [n, tuple[i]]))

/** Result rows as the find says: all of them, of the first column, the first, or its one value. */
export function answer(query: ParsedQuery, tuples: readonly unknown[][]): unknown {
  switch (query.shape) {
    case 'relation': return query.names === undefined ? [...tuples] : tuples.map(t => named(query, t))
    case 'collection': return distinct(tuples.map(t => t[0]))
    case 'tuple': return tuples.length === 0 ? null : named(query, tuples[0])
    case 'scalar': return tuples.length === 0 ? null : tuples[0][0]
  }
}

function distinct(values: readonly unknown[]): unknown[] {
  const seen = new Set<unknown>()
  return values.filter(v => { const key = typeof v === 'object' ? `j${identity(v)}` : keyOf(v); if (seen.has(key)) return false; seen.add(key); return true })
}

/** One text per content: to find a result row again. */
export function identity(value: unknown): string {
  const flat = flatText(value)
  if (flat !== undefined) return flat
  try { return JSON.stringify(value, (_, v: unknown) => plain(v)) } catch (e) {
    if (!(e instanceof RangeError)) throw e
    return deep(value)
  }
}

/** The text of a plain value, or of a list of such: no replacer is called for most of what there is. */
function flatText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number': return Number.isFinite(value) ? (value === 0 ? '0' : String(value)) : undefined
    case 'string': return JSON.stringify(value)
    case 'boolean': return value ? 'true' : 'false'
  }
  if (!Array.isArray(value) || value.length === 0) return undefined
  let out = '['
  for (let i = 0; i < value.length; i++) {
    const v = value[i] as unknown
    if (typeof v === 'object' || typeof v === 'bigint') return undefined
    const text = flatText(v)
    if (text === undefined) return undefined
    out += i === 0 ? text : `,${text}`
  }
  return `${out}]`
}

function plain(v: unknown): unknown {
  if (typeof v === 'bigint') return `${v}n`
  if (typeof v === 'number' && !Number.isFinite(v)) return `${v}f`
  if (v instanceof Uint8Array) return `x${v.join()}`
  return typeof v === 'object' && v !== null && !Array.isArray(v) && !(v instanceof Date) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => a < b ? -1 : 1)) : v
}

/** The same of what is nested deeper than the stack is. */
function deep(value: unknown): string {
  const out: string[] = []
  const todo: ({ text: string } | { value: unknown })[] = [{ value }]
  while (todo.length > 0) {
    const next = todo.pop()!
    if ('text' in next) { out.push(next.text); continue }
    const v = plain(next.value)
    if (typeof v !== 'object' || v === null || v instanceof Date) { out.push(JSON.stringify(v) ?? 'null'); continue }
    todo.push({ text: Array.isArray(v) ? ']' : '}' })
    for (const [k, x] of Object.entries(v).reverse()) todo.push({ text: ',' }, { value: x }, { text: Array.isArray(v) ? '' : `${JSON.stringify(k)}:` })
    out.push(Array.isArray(v) ? '[' : '{')
  }
  return out.join('')
}
