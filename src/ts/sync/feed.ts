// What changed in a table, row by row: read from the diffs of a live query over it.
import type { Database } from '../database.js'
import type { LiveEvent } from '../dispatch.js'
import type { LiveQuery } from '../live-query.js'
import type { QueryLike } from '../query/builder.js'
import { type AnyRow, compareCells, keyText, sameCell } from './compare.js'
import type { EventName } from './events.js'
import type { Node } from './graph.js'

/** The net change of one row in one version, with its images. */
export interface RowChange {
  readonly table: Node
  readonly event: EventName
  readonly key: readonly unknown[]
  readonly row: AnyRow | null
  readonly old: AnyRow | null
  /** Columns that are different; of rows that came or went: none. */
  readonly changed: readonly string[]
}

/** Listens to one table while somebody is subscribed to something of it. Rows become objects only when they change. */
export class Feed {
  users = 0
  readonly #live: LiveQuery<AnyRow>
  #before: readonly AnyRow[]

  constructor(db: Database<any>, readonly table: Node, tenant: string | undefined, readonly tell: (changes: RowChange[]) => void) {
    const json = { from: table.name }
    this.#live = db.live({ toJSON: () => json } as QueryLike<AnyRow>, { label: `sync:${table.name}`, ...(table.tenanted && tenant !== undefined ? { tenant } : {}) })
    this.#before = this.#live.rows
    this.#live.subscribe(event => { this.#read(event) })
  }

  close(): void { this.#live.dispose() }

  #read({ rows, diff }: LiveEvent<AnyRow>): void {
    const { table } = this
    const before = this.#before
    this.#before = rows
    // A row that left and came back with other content has changed.
    const touched = new Map<string, { key: unknown[]; row: AnyRow | null }>()
    for (const patch of diff) {
      const key = 'key' in patch ? table.key.length === 1 ? [patch.key] : patch.key as unknown[] : []
      if (patch.t === 'add') touched.set(keyText(table, key), { key, row: patch.value as AnyRow })
      else if (patch.t === 'remove') touched.set(keyText(table, key), { key, row: null })
      else if (patch.t === 'set') touched.set(keyText(table, key), { key, row: this.#at(rows, key) ?? null })
    }
    const changes: RowChange[] = []
    for (const { key, row } of touched.values()) {
      const old = this.#at(before, key) ?? null
      if (old === null && row === null) continue
      const event: EventName = old === null ? 'inserted' : row === null ? 'deleted' : 'updated'
      const changed = event === 'updated' ? table.columns.filter(c => !sameCell(old![c], row![c])) : []
      // A moment may have changed by less than a Date shows.
      changes.push({ table, event, key, row, old, changed })
    }
    if (changes.length > 0) this.tell(changes)
  }

  /** The row with a key in a list that is in order of the key. */
  #at(rows: readonly AnyRow[], key: readonly unknown[]): AnyRow | undefined {
    const columns = this.table.key
    let low = 0, high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const row = rows[middle]
      let c = 0
      for (let i = 0; i < columns.length && c === 0; i++) c = compareCells(row[columns[i]], key[i], this.table.types[columns[i]])
      if (c === 0) return row
      if (c < 0) low = middle + 1
      else high = middle
    }
    return undefined
  }
}
