// Who listens to which rows: by table, by key, by the value of columns.
import { type AnyRow, pick, textOfCells } from './compare.js'
import { EVENTS, type EventName } from './events.js'
import type { RowChange } from './feed.js'
import type { Node } from './graph.js'

/** Something that listens. `events` and `columns` narrow it. */
export interface Listener {
  readonly events: readonly EventName[]
  /** Updates are told only if one of these columns is different. */
  readonly columns?: readonly string[]
  hit(change: RowChange): void
}

interface Columns { readonly columns: readonly string[]; readonly listeners: Map<string, Set<Listener>> }

/** Listeners of one table. A change costs a lookup per set of columns that somebody listens by. */
class TableTopics {
  readonly all = new Set<Listener>()
  readonly by = new Map<string, Columns>()
}

export class Topics {
  readonly #tables = new Map<Node, TableTopics>()

  /** Listens to rows of a table: all, or those whose `columns` have `values`, before or after. Returns the function that ends it. */
  add(table: Node, columns: readonly string[], values: readonly unknown[], listener: Listener): () => void {
    let topics = this.#tables.get(table)
    if (topics === undefined) this.#tables.set(table, topics = new TableTopics())
    if (columns.length === 0) {
      topics.all.add(listener)
      return () => { topics.all.delete(listener) }
    }
    const name = columns.join('\n')
    let by = topics.by.get(name)
    if (by === undefined) topics.by.set(name, by = { columns, listeners: new Map() })
    const value = textOfCells(table.types, columns, values)
    let set = by.listeners.get(value)
    if (set === undefined) by.listeners.set(value, set = new Set())
    set.add(listener)
    return () => {
      set.delete(listener)
      if (set.size > 0 || by.listeners.get(value) !== set) return
      by.listeners.delete(value)
      if (by.listeners.size === 0 && topics.by.get(name) === by) topics.by.delete(name)
    }
  }

  /** Calls everyone whom the change concerns: those of the old values, too, so that what left is seen to leave. */
  tell(change: RowChange): void {
    for (const listener of this.#concerned(change)) {
      if (!listener.events.includes(change.event)) continue
      if (listener.columns !== undefined && change.event === 'updated' && !listener.columns.some(c => change.changed.includes(c))) continue
      listener.hit(change)
    }
  }

  /** Listeners to one row, whatever happened to it. */
  of(table: Node, row: AnyRow, key: readonly unknown[]): Set<Listener> {
    return this.#concerned({ table, event: 'updated', key, row: { ...row, ...Object.fromEntries(table.key.map((c, i) => [c, key[i]])) }, old: null, changed: [] })
  }

  #concerned({ table, row, old }: RowChange): Set<Listener> {
    const found = new Set<Listener>()
    const topics = this.#tables.get(table)
    if (topics === undefined) return found
    for (const l of topics.all) found.add(l)
    for (const { columns, listeners } of topics.by.values()) {
      for (const image of [row, old]) {
        if (image === null) continue
        for (const l of listeners.get(textOfCells(table.types, columns, pick(image, columns))) ?? []) found.add(l)
      }
    }
    return found
  }
}

export const ALL: readonly EventName[] = EVENTS
