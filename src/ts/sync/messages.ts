// Messages of EctoWatch and EctoSync: their tuples as JSON arrays.
import { EddylineError, unknownName } from '../errors.js'
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

/** Reads a message. Throws MESSAGE_INVALID, UNKNOWN_TABLE, UNKNOWN_LABEL, EVENT_INVALID, MISSING_KEY with `path`. */
export function readMessage(graph: Graph, watchers: ReadonlyMap<string, KnownWatcher>, schemas: Readonly<Record<string, string>>, message: unknown, path: string): ReadMessage {
  if (!Array.isArray(message) || message.length !== 2) throw invalid(path)
  const [head, body] = message as [unknown, unknown]
  if (head === 'EctoSync') {
    if (!Array.isArray(body) || body.length !== 3 || !Array.isArray(body[2])) throw invalid(`${path}[1]`)
    const [schema, event, [identifiers, ref]] = body as [unknown, unknown, [unknown, unknown]]
    if (ref !== undefined && ref !== null && typeof ref !== 'number' && typeof ref !== 'string') throw invalid(`${path}[1][2][1]`)
    return read(tableOf(graph, schemas, schema, `${path}[1][0]`), eventNamed(event, `${path}[1][1]`), identifiers, ref ?? undefined, undefined, `${path}[1][2][0]`, graph)
  }
  if (Array.isArray(head)) {
    if (head.length !== 2) throw invalid(`${path}[0]`)
    return read(tableOf(graph, schemas, head[0], `${path}[0][0]`), eventNamed(head[1], `${path}[0][1]`), body, undefined, undefined, `${path}[1]`, graph)
  }
  if (typeof head !== 'string') throw invalid(`${path}[0]`)
  const watcher = watchers.get(head)
  if (watcher === undefined) {
    throw unknownName('UNKNOWN_LABEL', `watcher \`${head}\``, head, watchers.keys(), `${path}[0]`)
  }
  return read(watcher.table, watcher.event, body, undefined, head, `${path}[1]`, graph)
}

function read(table: Node, event: EventName, identifiers: unknown, ref: number | string | undefined, label: string | undefined, path: string, graph: Graph): ReadMessage {
  if (typeof identifiers !== 'object' || identifiers === null || Array.isArray(identifiers)) throw invalid(path)
  const columns = identifiers as AnyRow
  return { table, event, key: graph.keyOf(table, columns, path), identifiers: columns, ref, label, whole: table.columns.every(c => Object.hasOwn(columns, c)) }
}

/** Elixir writes module names with or without its prefix. */
function tableOf(graph: Graph, schemas: Readonly<Record<string, string>>, name: unknown, path: string): Node {
  if (typeof name !== 'string') throw invalid(path)
  const short = name.replace(/^Elixir\./, '')
  for (const one of [name, short]) if (Object.hasOwn(schemas, one)) return graph.table(schemas[one], `schemas.${one}`)
  return graph.table(short, path)
}

function invalid(path: string): EddylineError {
  return new EddylineError('MESSAGE_INVALID', 'a message is [[schema, event], { id }], [label, { id }] or ["EctoSync", [schema, event, [{ id }, ref]]]', { path })
}
