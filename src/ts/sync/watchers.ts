// Watchers: which events of which tables have a label, and what a backend must send for a query.
import { EddylineError, unknownName } from '../errors.js'
import { said } from '../option-kinds.js'
import type { QueryLike } from '../query/builder.js'
import type { ExprJson } from '../query/expr.js'
import type { QueryJson } from '../query/types.js'
import { EVENTS, type EventName } from './events.js'
import { type Graph, type Node, type Path, columnsIn } from './graph.js'
import { checkOptions } from './value.js'

/** A labelled kind of event. */
export interface Watcher {
  readonly table: string
  readonly event: EventName
  readonly label?: string
  /** Updates only: those that change one of these columns. */
  readonly columns?: readonly string[]
  /** Columns that events carry beside the key. A subscription by a column needs it here. */
  readonly extraColumns?: readonly string[]
}

export interface KnownWatcher {
  readonly table: Node
  readonly event: EventName
  readonly label: string
  readonly columns: readonly string[] | undefined
  readonly extraColumns: readonly string[]
}

/** Reads watchers. Throws UNKNOWN_TABLE, EVENT_INVALID, UNKNOWN_COLUMN, WATCHER_INVALID, DUPLICATE_LABEL with `path`. A known one that is the same, label included, is returned itself. */
export function readWatchers(graph: Graph, given: readonly Watcher[], known: ReadonlyMap<string, KnownWatcher>): KnownWatcher[] {
  if (!Array.isArray(given) || given.length === 0) throw new EddylineError('WATCHER_INVALID', 'there must be a watcher at least: [{ table, event }]', { path: 'watchers' })
  const labels = new Set<string>()
  return given.map((w, i) => {
    const path = `watchers[${i}]`
    if (typeof w !== 'object' || w === null) throw new EddylineError('WATCHER_INVALID', 'a watcher is { table, event, label?, columns?, extraColumns? }', { path })
    checkOptions('WATCHER_INVALID', w, ['table', 'event', 'label', 'columns', 'extraColumns'], path)
    if (w.label !== undefined && (typeof w.label !== 'string' || w.label === '')) throw new EddylineError('WATCHER_INVALID', 'a label is a text', { path: `${path}.label`, offending: said(w.label) })
    const table = graph.table(w.table, `${path}.table`)
    const event = eventNamed(w.event, `${path}.event`)
    const columns = w.columns === undefined || (Array.isArray(w.columns) && w.columns.length === 0) ? undefined : columnsOf(table, w.columns, `${path}.columns`)
    if (columns !== undefined && event !== 'updated') throw new EddylineError('WATCHER_INVALID', '`columns` narrow updates: other events have no changed columns', { path: `${path}.columns`, offending: event })
    if (columns !== undefined && w.label === undefined) throw new EddylineError('WATCHER_INVALID', 'a watcher with `columns` needs a label: without one it would stand for all updates', { path: `${path}.label` })
    const label = w.label ?? `${table.name} ${event}`
    if (graph.find(label) !== undefined) throw new EddylineError('DUPLICATE_LABEL', `\`${label}\` is a table`, { path: `${path}.label`, offending: label })
    const extraColumns = columnsOf(table, w.extraColumns ?? [], `${path}.extraColumns`)
    const read: KnownWatcher = { table, event, label, columns, extraColumns }
    const former = known.get(label)
    // Watchers of queries carry a digest of their content: two queries may ask for the same ones.
    if (former !== undefined && w.label !== undefined && !labels.has(label) && sameWatcher(former, read)) { labels.add(label); return former }
    if (former !== undefined || labels.has(label)) throw new EddylineError('DUPLICATE_LABEL', w.label === undefined ? `${event} rows of \`${table.name}\` are watched already: give one a label` : `there is a watcher \`${label}\` already`, { path: `${path}.label`, offending: label })
    labels.add(label)
    return read
  })
}

function sameWatcher(a: KnownWatcher, b: KnownWatcher): boolean {
  return a.table === b.table && a.event === b.event && a.columns?.join() === b.columns?.join() && a.extraColumns.join() === b.extraColumns.join()
}

export function eventNamed(event: unknown, path: string): EventName {
  if (EVENTS.includes(event as EventName)) return event as EventName
  const { nearest, offending } = unknownName('EVENT_INVALID', `event \`${said(event)}\``, said(event), EVENTS)
  throw new EddylineError('EVENT_INVALID', `no event \`${said(event)}\`: there are ${EVENTS.join(', ')}`, { path, offending, nearest })
}

export function columnsOf(table: Node, columns: readonly string[], path: string): readonly string[] {
  if (!Array.isArray(columns)) throw new EddylineError('WATCHER_INVALID', 'columns are a list of names', { path, offending: said(columns) })
  columns.forEach((c: string, i) => {
    if (!table.columns.includes(c)) throw unknownName('UNKNOWN_COLUMN', `column \`${said(c)}\` on \`${table.name}\``, c, table.columns, `${path}[${i}]`)
  })
  return columns
}

interface Needed { all: boolean; columns: Set<string> }

/**
 * What a backend must send so that a query is kept right: three watchers per table, updates narrowed to the columns that
 * the query reads, with the columns that associations are found by. Labels are a digest of their content.
 */
export function watchersOf(graph: Graph, query: QueryLike<any>): Required<Watcher>[] {
  const needed = new Map<Node, Needed>()
  need(graph, query.toJSON(), needed)
  return [...needed].flatMap(([table, { all, columns }]) => {
    const extraColumns = table.columns.filter(c => table.linking.has(c) && !table.key.includes(c))
    const wanted = table.columns.filter(c => !table.key.includes(c) && (all || columns.has(c) || table.linking.has(c)))
    const digest = hash(JSON.stringify([table.name, extraColumns, wanted]))
    return EVENTS.map(event => ({ table: table.name, event, label: `${digest}_${event}`, columns: event === 'updated' ? wanted : [], extraColumns }))
  })
}

function need(graph: Graph, query: QueryJson, needed: Map<Node, Needed>, base?: Node, outer?: ReadonlyMap<string, Node>): void {
  const sources = new Map<string, Node>()
  const add = (name: unknown, alias?: string): void => {
    const table = typeof name === 'string' ? graph.find(name) : undefined
    if (table === undefined) return
    sources.set(alias ?? table.name, table)
    if (!needed.has(table)) needed.set(table, { all: false, columns: new Set() })
  }
  const own = base ?? (typeof query.from === 'string' ? graph.find(query.from) : undefined)
  add(own?.name, query.alias)
  for (const join of query.joins ?? []) add(join.table, join.alias)
  if (query.select === undefined && query.groupBy === undefined) for (const table of sources.values()) needed.get(table)!.all = true
  // Sub-queries and common table expressions name their tables themselves, wherever they stand.
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    const inner = part as QueryJson & ExprJson
    if (inner.op === undefined && inner.from !== undefined) { need(graph, inner, needed, undefined, new Map([...outer ?? [], ...sources])); return }
    if (inner.op === 'col' && inner.name !== undefined) {
      for (const [alias, table] of [...sources, ...inner.of === undefined ? [] : outer ?? []]) if ((inner.of === undefined || inner.of === alias) && table.columns.includes(inner.name)) needed.get(table)!.columns.add(inner.name)
    }
    for (const member of Object.values(part)) visit(member)
  }
  const { with: loaded, from, ...rest } = query
  if (typeof from !== 'string') visit(from)
  visit(rest)
  // Computed columns read their association without showing its rows.
  for (const { relation, expr } of query.computed ?? []) {
    const path = entered(own, relation, needed)
    if (path !== undefined) columnsIn(expr, needed.get(path.target)!.columns)
  }
  for (const { relation, query: below } of loaded ?? []) {
    const path = entered(own, relation, needed)
    if (path === undefined) continue
    for (const { column } of path.order) needed.get(path.target)!.columns.add(column)
    need(graph, below ?? {}, needed, path.target)
  }
}

/** What an association goes by, from its owner to its target. */
function entered(own: Node | undefined, relation: string, needed: Map<Node, Needed>): Path | undefined {
  const path = own?.paths.get(relation)
  if (path === undefined) return undefined
  for (const hop of path.hops) {
    const entry = needed.get(hop.table) ?? { all: false, columns: new Set() }
    needed.set(hop.table, entry)
    for (const c of hop.right) entry.columns.add(c)
    columnsIn(hop.where, entry.columns)
  }
  for (const c of path.hops[0].left) needed.get(path.owner)!.columns.add(c)
  return path
}

/** Eight hexadecimal digits (FNV-1a). */
function hash(text: string): string {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}
