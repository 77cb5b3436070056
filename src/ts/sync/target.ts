// What somebody subscribes to, as written and as read.
import { cellOf } from '../cells.js'
import { EddylineError, unknownName } from '../errors.js'
import { said } from '../option-kinds.js'
import { type AnyRow, keyText, pick, textOf, textOfCells } from './compare.js'
import { type Assocs, EVENTS, type EventName, type Shape, mergeShape, shapeOf } from './events.js'
import type { Graph, Node } from './graph.js'
import { checkOptions, isPlain, tableOf } from './value.js'
import { type KnownWatcher, columnsOf, eventNamed } from './watchers.js'

/**
 * A table or a label; a table and an event; a row; a list of rows.
 *
 * ```ts
 * 'posts'    ['posts', 'updated']    'title_changed'    post    [post1, post2]
 * ```
 */
export type Target = string | readonly [table: string, event: EventName] | (object & { readonly length?: never }) | readonly object[]

export interface SubscribeOptions {
  /** The table of the rows, where columns alone do not tell. */
  of?: string | undefined
  /** Updates and deletes of the row with this key. */
  id?: unknown
  /** Rows whose linking columns have these values; null, too. */
  by?: { readonly [column: string]: unknown } | undefined
  /** Updates that change one of these columns. */
  columns?: readonly string[] | undefined
  /** Associations to follow; `true`: those that the rows have loaded. */
  assocs?: Assocs | true | undefined
  /** For rows: new rows of their table, too. */
  inserted?: boolean | undefined
  /** Whose rows, for tenanted tables. */
  tenant?: string | undefined
}

const OPTIONS: readonly (keyof SubscribeOptions)[] = ['of', 'id', 'by', 'columns', 'assocs', 'inserted', 'tenant']

export interface ReadTarget {
  /** Equal for equal subscriptions. */
  readonly name: string
  readonly table: Node
  readonly label: string | undefined
  readonly events: readonly EventName[]
  /** Listen to rows with these values; none: to all of the table. Undefined: only to `roots`. */
  readonly by: { columns: readonly string[]; values: readonly unknown[] } | undefined
  readonly columns: readonly string[] | undefined
  readonly extraColumns: readonly string[]
  readonly roots: readonly (readonly unknown[])[]
  /** Rows that come in later are followed with `shape`. */
  readonly following: boolean
  readonly shape: Shape
}

/**
 * Reads what a subscription is about. Throws UNKNOWN_TABLE, UNKNOWN_LABEL, EVENT_INVALID, INSERT_BY_KEY, UNKNOWN_COLUMN,
 * NOT_LINKED, UNKNOWN_RELATION, MISSING_KEY, TYPE_MISMATCH, AMBIGUOUS_ROW, TARGET_INVALID.
 */
export function readTarget(graph: Graph, watchers: ReadonlyMap<string, KnownWatcher>, target: Target, o: SubscribeOptions): ReadTarget {
  checkOptions('TARGET_INVALID', o, OPTIONS)
  const rows = Array.isArray(target) && typeof target[0] !== 'string' ? target : isPlain(target) ? [target] : undefined
  if (rows !== undefined) return readRows(graph, rows as AnyRow[], o)
  if (Array.isArray(target) && target.length > 2) throw new EddylineError('TARGET_INVALID', 'a target is [table, event]', { path: 'target[2]', offending: said(target[2]) })
  const [name, one] = Array.isArray(target) ? target as unknown as [string, EventName] : [target as string, undefined]
  if (typeof name !== 'string') throw new EddylineError('TARGET_INVALID', 'subscribe to a table, [table, event], a label, a row or a list of rows', { path: 'target' })
  const watcher = one === undefined ? watchers.get(name) : undefined
  const table = watcher?.table ?? graph.find(name)
  if (table === undefined) {
    throw unknownTarget(graph, watchers, name, one === undefined ? 'UNKNOWN_LABEL' : 'UNKNOWN_TABLE', one === undefined ? 'target' : 'target[0]')
  }
  let events: readonly EventName[] = watcher !== undefined ? [watcher.event] : one !== undefined ? [eventNamed(one, 'target[1]')] : EVENTS
  let by: ReadTarget['by'] = { columns: [], values: [] }
  if (o.id !== undefined) {
    if (events.length === 1 && events[0] === 'inserted') throw new EddylineError('INSERT_BY_KEY', 'a row that is not there yet has no key to subscribe to', { path: 'id', offending: table.name })
    events = events.filter(e => e !== 'inserted')
    by = { columns: table.key, values: graph.keyOf(table, o.id, 'id') }
  }
  if (o.by !== undefined) {
    if (o.id !== undefined) throw new EddylineError('TARGET_INVALID', '`id` and `by` exclude each other', { path: 'by' })
    const columns = Object.keys(o.by ?? {}).sort()
    if (columns.length === 0) throw new EddylineError('TARGET_INVALID', '`by` names no column', { path: 'by' })
    columnsOf(table, columns, 'by')
    for (const c of columns) {
      if (!table.linking.has(c)) throw new EddylineError('NOT_LINKED', `no association uses \`${table.name}.${c}\`: rows are not found by it`, { path: `by.${c}`, offending: c })
      if (watcher !== undefined && !watcher.extraColumns.includes(c) && !table.key.includes(c)) throw new EddylineError('NOT_LINKED', `events of \`${watcher.label}\` do not carry \`${c}\`: name it in extraColumns`, { path: `by.${c}`, offending: c })
    }
    const valueOf = (c: string): unknown => {
      const value = o.by![c]
      if (value === undefined) throw new EddylineError('TARGET_INVALID', `\`by.${c}\` has no value`, { path: `by.${c}`, offending: c })
      return value === null ? null : cellOf(table.types[c], value, c, `by.${c}`)
    }
    by = { columns, values: columns.map(valueOf) }
  }
  const narrowed = o.columns !== undefined ? columnsOf(table, o.columns, 'columns') : watcher?.columns
  const columns = narrowed?.length === 0 ? undefined : narrowed
  if (o.columns !== undefined && !events.includes('updated')) throw new EddylineError('WATCHER_INVALID', '`columns` narrow updates', { path: 'columns' })
  if (o.assocs === true) throw new EddylineError('TARGET_INVALID', '`assocs: true` means what rows have loaded: subscribe to rows, or name the associations', { path: 'assocs' })
  const shape = shapeOf(graph, table, o.assocs)
  const extraColumns = watcher?.extraColumns ?? []
  const named = textOf([table.name, watcher?.label, extraColumns.join(), events.join(), by.columns.join(), textOfCells(table.types, by.columns, by.values), (columns ?? []).join(), JSON.stringify(shape)])
  return {
    name: named, table, label: watcher?.label, events, by, columns, extraColumns,
    // With an id the row itself is followed; without one those that come.
    roots: o.id !== undefined && o.assocs !== undefined ? [graph.keyOf(table, o.id)] : [], following: o.assocs !== undefined && o.id === undefined, shape,
  }
}

/** What is neither a table nor a label. */
export function unknownTarget(graph: Graph, watchers: ReadonlyMap<string, KnownWatcher>, name: string, code = 'UNKNOWN_LABEL', path = 'target'): EddylineError {
  return unknownName(code, `table or label \`${said(name)}\``, name, [...[...graph.tables].map(t => t.name), ...watchers.keys()], path)
}

function readRows(graph: Graph, rows: readonly AnyRow[], o: SubscribeOptions): ReadTarget {
  const table = o.of !== undefined ? graph.table(o.of, 'of') : rows[0] === undefined ? undefined : tableOf(graph, rows[0], () => true)
  if (table === undefined) throw new EddylineError('TARGET_INVALID', rows.length === 0 ? 'an empty list does not say its table: { of }' : 'not a row of any table: { of }', { path: 'target' })
  for (const name of ['id', 'by', 'columns'] as const) if (o[name] !== undefined) throw new EddylineError('TARGET_INVALID', `\`${name}\` goes with a table, not with rows`, { path: name })
  rows.forEach((row, i) => {
    if (!isPlain(row)) throw new EddylineError('TARGET_INVALID', 'a list of rows is one of rows', { path: `target[${i}]`, offending: said(row) })
  })
  const roots = rows.map((row, i) => graph.keyOf(table, row, rows.length > 1 ? `target[${i}]` : 'target'))
  const shape: Shape = {}
  if (o.assocs === true) for (const row of rows) mergeShape(shape, loaded(table, row))
  else mergeShape(shape, shapeOf(graph, table, o.assocs))
  const named = textOf([table.name, 'rows', o.inserted === true, JSON.stringify(shape), ...roots.map(key => keyText(table, key))])
  return {
    name: named, table, label: undefined, events: ['inserted'], by: o.inserted === true ? { columns: [], values: [] } : undefined, columns: undefined, extraColumns: [],
    roots, following: o.inserted === true, shape,
  }
}

/** The associations that a row has loaded. */
function loaded(table: Node, row: AnyRow): Shape {
  const shape: Shape = {}
  for (const path of table.paths.values()) {
    const below = row[path.name]
    if (below === undefined) continue
    shape[path.name] = {}
    for (const child of Array.isArray(below) ? below : [below]) if (isPlain(child)) mergeShape(shape[path.name], loaded(path.target, child))
  }
  return shape
}

/** What an event tells besides the row: its key and the columns it carries. */
export function identifiersOf(table: Node, image: AnyRow, extra: readonly string[]): AnyRow {
  const columns = new Set([...table.key, ...table.columns.filter(c => table.linking.has(c)), ...extra])
  return Object.fromEntries([...columns].map((c, i) => [c, pick(image, [...columns])[i]]))
}
