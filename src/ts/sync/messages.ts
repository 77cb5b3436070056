// Messages of EctoWatch and EctoSync: their tuples as JSON arrays.
import { EddylineError, said, unknownName } from '../errors.js'
import type { AnyRow } from './compare.js'
import type { EventName } from './events.js'
import type { Graph, Node } from './graph.js'
import { type KnownWatcher, eventNamed } from './watchers.js'

/**
 * `[[schema, event], { id, … }]`, `[label, { id, … }]` of EctoWatch, `['EctoSync', [schema, event, [{ id, … }, ref]]]` of
 * EctoSync. A schema is a table's name, or what `schemas` maps to one.
 */
export type Message = readonly unknown[]

export interface ReadMessage {
  readonly table: Node
  readonly event: EventName
  readonly key: readonly unknown[]
  readonly identifiers: AnyRow
  readonly ref: number | string | undefined
  readonly label: string | undefined
  /** The message carries all columns, so that nothing need be fetched. */
  readonly whole: boolean
}

/** What the backend calls tables and columns. */
export interface Names {
  /** Tables of its schemas. */
  readonly schemas: Readonly<Record<string, string>>
  /** Per table: its names of columns, where they are others. */
  readonly columns: ReadonlyMap<Node, ReadonlyMap<string, string>>
}

/** Checks names. Throws UNKNOWN_TABLE, UNKNOWN_COLUMN with `path`. */
export function readNames(graph: Graph, schemas: Readonly<Record<string, string>> = {}, columns: Readonly<Record<string, Readonly<Record<string, string>>>> = {}): Names {
  for (const [name, table] of Object.entries(schemas)) graph.table(table, `schemas.${name}`)
  return {
    schemas,
    columns: new Map(Object.entries(columns).map(([name, renamed]) => {
      const table = graph.table(name, `columns.${name}`)
      for (const [theirs, ours] of Object.entries(renamed)) if (!table.columns.includes(ours)) throw unknownName('UNKNOWN_COLUMN', `column \`${said(ours)}\` on \`${name}\``, ours, table.columns, `columns.${name}.${theirs}`)
      return [table, new Map(Object.entries(renamed))] as const
    })),
  }
}

/** A row of the backend under the names of our columns. Backends may send more than the table has. */
export function ours({ columns }: Names, table: Node, row: AnyRow): AnyRow {
  const renamed = columns.get(table)
  const out: AnyRow = {}
  for (const [name, value] of Object.entries(row)) {
    const column = renamed?.get(name) ?? name
    if (value !== undefined && table.columns.includes(column)) out[column] = value
  }
  return out
}

/** Reads a message. Throws MESSAGE_INVALID, UNKNOWN_TABLE, UNKNOWN_LABEL, EVENT_INVALID, MISSING_KEY with `path`. */
export function readMessage(graph: Graph, watchers: ReadonlyMap<string, KnownWatcher>, names: Names, message: unknown, path: string): ReadMessage {
  if (!Array.isArray(message) || message.length !== 2) throw invalid(path)
  const [head, body] = message as [unknown, unknown]
  if (head === 'EctoSync') {
    if (!Array.isArray(body) || body.length !== 3 || !Array.isArray(body[2])) throw invalid(`${path}[1]`)
    const [schema, event, [identifiers, ref]] = body as [unknown, unknown, [unknown, unknown]]
    if (ref !== undefined && ref !== null && typeof ref !== 'number' && typeof ref !== 'string') throw invalid(`${path}[1][2][1]`)
    return read(tableOf(graph, names, schema, `${path}[1][0]`), eventNamed(event, `${path}[1][1]`), identifiers, ref ?? undefined, undefined, `${path}[1][2][0]`, graph, names)
  }
  if (Array.isArray(head)) {
    if (head.length !== 2) throw invalid(`${path}[0]`)
    return read(tableOf(graph, names, head[0], `${path}[0][0]`), eventNamed(head[1], `${path}[0][1]`), body, undefined, undefined, `${path}[1]`, graph, names)
  }
  if (typeof head !== 'string') throw invalid(`${path}[0]`)
  const watcher = watchers.get(head)
  if (watcher === undefined) {
    throw unknownName('UNKNOWN_LABEL', `watcher \`${head}\``, head, watchers.keys(), `${path}[0]`)
  }
  return read(watcher.table, watcher.event, body, undefined, head, `${path}[1]`, graph, names)
}

function read(table: Node, event: EventName, identifiers: unknown, ref: number | string | undefined, label: string | undefined, path: string, graph: Graph, names: Names): ReadMessage {
  if (typeof identifiers !== 'object' || identifiers === null || Array.isArray(identifiers)) throw invalid(path)
  const columns = ours(names, table, identifiers as AnyRow)
  return { table, event, key: graph.keyOf(table, columns, path), identifiers: columns, ref, label, whole: table.columns.every(c => Object.hasOwn(columns, c)) }
}

/** Elixir writes module names with or without its prefix. */
function tableOf(graph: Graph, { schemas }: Names, name: unknown, path: string): Node {
  if (typeof name !== 'string') throw invalid(path)
  const short = name.replace(/^Elixir\./, '')
  for (const one of [name, short]) if (Object.hasOwn(schemas, one)) return graph.table(schemas[one], `schemas.${one}`)
  return graph.table(short, path)
}

function invalid(path: string): EddylineError {
  return new EddylineError('MESSAGE_INVALID', 'a message is [[schema, event], { id }], [label, { id }] or ["EctoSync", [schema, event, [{ id }, ref]]]', { path })
}
