// What happened to one row, as `sync` reads it: an event of `subscribe`, or a backend's own.
import { cellOf } from '../cells.js'
import { EddylineError } from '../errors.js'
import { said } from '../option-kinds.js'
import { type AnyRow, pick, textOfCells } from './compare.js'
import type { Graph, Node } from './graph.js'

export type EventName = 'inserted' | 'updated' | 'deleted'
export const EVENTS: readonly EventName[] = ['inserted', 'updated', 'deleted']

/**
 * One row of one table came, changed or went. `id` is the key: its value, an array in key order for composite keys, or an
 * object. `row` is the row after, `old` the row before: without them the tables are asked, and lists that the change might
 * have left are looked through.
 */
export interface RowEvent {
  readonly table: string
  readonly event: EventName
  readonly id: unknown
  /** Key columns, and the columns that a message carried besides. */
  readonly identifiers?: AnyRow
  readonly row?: AnyRow | null
  readonly old?: AnyRow | null
  /** Columns that are different now. */
  readonly changed?: readonly string[]
  /** Number of this change of this row. */
  readonly ref?: number | string
  readonly label?: string
}

/** What a subscription gets once per version. `sync` takes it as it is. */
export interface Notification {
  readonly version: number
  /** The table that was subscribed to, or that of the rows. */
  readonly table?: string
  readonly events: readonly RowEvent[]
  /** The associations that were subscribed: the shape of rows that come in. */
  readonly assocs?: Assocs
  /** A row could not be fetched; what is shown is what was known before. */
  readonly error?: EddylineError
}

/** Associations to load or to listen to: names, a list of them, or a tree. `{ tags: true, person: { posts: true } }`. */
export type Assocs = string | readonly Assocs[] | { readonly [name: string]: Assocs | boolean }
/** The tree that `Assocs` stands for. */
export interface Shape { [name: string]: Shape }

/** Reads associations as written. Throws UNKNOWN_RELATION with `path`. */
export function shapeOf(graph: Graph, table: Node, given: Assocs | boolean | undefined | null, at = 'assocs'): Shape {
  const shape: Shape = {}
  if (typeof given === 'string') { graph.path(table, given, at); shape[given] = {} }
  else if (Array.isArray(given)) given.forEach((one, i) => { mergeShape(shape, shapeOf(graph, table, one as Assocs, `${at}[${i}]`)) })
  else if (typeof given === 'object' && given !== null) {
    for (const [name, below] of Object.entries(given as Record<string, Assocs | boolean>)) {
      if (below === false || below === undefined) continue
      const path = graph.path(table, name, `${at}.${name}`)
      mergeShape(shape, { [name]: below === true ? {} : shapeOf(graph, path.target, below, `${at}.${name}`) })
    }
  } else if (given !== undefined && given !== null) throw new EddylineError('INVALID_ARGUMENT', 'associations are names, a list of them or a tree', { path: at, offending: said(given) })
  return shape
}

export function mergeShape(into: Shape, from: Shape): Shape {
  for (const [name, below] of Object.entries(from)) into[name] = mergeShape(into[name] ?? {}, below)
  return into
}

/** An event, read: the table, the key, and the images that are known. */
export interface ReadEvent {
  readonly table: Node
  readonly event: EventName
  readonly key: readonly unknown[]
  /** What is known of the row before: null if there was none, undefined if nothing is known. */
  readonly old: AnyRow | null | undefined
  readonly given: AnyRow | null | undefined
}

/**
 * Events of a notification, of a list or a single one. `alone`: there are no tables to ask, the images of events are all that
 * is known, and are checked as rows. Throws EVENT_INVALID, UNKNOWN_TABLE, MISSING_KEY; of images MISSING_COLUMN,
 * NULL_NOT_ALLOWED, TYPE_MISMATCH, KEY_CHANGE.
 */
export function readEvents(graph: Graph, input: unknown, alone = false): ReadEvent[] {
  const list = Array.isArray(input) ? input : isNotification(input) ? input.events : [input]
  return list.map((event, i) => readEvent(graph, event as RowEvent, Array.isArray(input) || isNotification(input) ? `events[${i}]` : 'event', alone))
}

export function isNotification(input: unknown): input is Notification {
  return typeof input === 'object' && input !== null && Array.isArray((input as Notification).events)
}

function readEvent(graph: Graph, e: RowEvent, path: string, alone: boolean): ReadEvent {
  if (typeof e !== 'object' || e === null || !EVENTS.includes(e.event)) {
    throw new EddylineError('EVENT_INVALID', 'an event is { table, event: "inserted" | "updated" | "deleted", id }', { path, offending: said((e as RowEvent | undefined)?.event) })
  }
  const table = graph.table(e.table, `${path}.table`)
  const key = graph.keyOf(table, e.id !== undefined ? e.id : e.row ?? e.old ?? e.identifiers ?? null, `${path}.id`)
  let { old, row: given } = e
  for (const name of ['row', 'old'] as const) {
    const image: unknown = e[name]
    if (image !== undefined && image !== null && (typeof image !== 'object' || Array.isArray(image))) throw new EddylineError('EVENT_INVALID', `\`${name}\` of an event is a row, as an object, or null`, { path: `${path}.${name}`, offending: said(image) })
  }
  if (alone) {
    // Of a row that went, a message may carry some columns only.
    given = imageOf(table, key, given, e.event !== 'deleted', `${path}.row`)
    old = imageOf(table, key, old, false, `${path}.old`)
  }
  if (old === undefined && e.event === 'inserted') old = null
  // A message of a delete carries the columns that link, and that is all that is asked of the row that went.
  if (old === undefined && e.event === 'deleted') old = linkedBy(table, given) ?? linkedBy(table, e.identifiers) ?? linkedBy(table, Object.fromEntries(table.key.map((c, i) => [c, key[i]])))
  return { table, event: e.event, key, old, given }
}

/** An image that an event carries, its cells as rows show them. */
function imageOf(table: Node, key: readonly unknown[], image: AnyRow | null | undefined, whole: boolean, path: string): AnyRow | null | undefined {
  if (image === undefined || image === null) return image
  const read: AnyRow = { ...image }
  for (const c of table.columns) {
    const value = image[c]
    if (value === undefined) {
      if (whole) throw new EddylineError('MISSING_COLUMN', `\`row\` is the whole row, and has no \`${c}\``, { path, offending: c })
    } else if (value !== null) read[c] = cellOf(table.types[c], value, c, path)
    else if (table.required.has(c)) throw new EddylineError('NULL_NOT_ALLOWED', `\`${table.name}.${c}\` cannot be null`, { path, offending: c })
  }
  const own = table.key.map((c, i) => read[c] === undefined ? key[i] : read[c])
  if (textOfCells(table.types, table.key, own) !== textOfCells(table.types, table.key, key)) {
    throw new EddylineError('KEY_CHANGE', `the event is of the row (${key.map(String).join(', ')}), and carries (${own.map(String).join(', ')})`, { path, offending: table.name })
  }
  return read
}

/** What is known of a row, if that is all that links it. */
export function linkedBy(table: Node, row: AnyRow | null | undefined): AnyRow | undefined {
  return row !== null && row !== undefined && pick(row, [...table.linking]).every(v => v !== undefined) ? row : undefined
}
