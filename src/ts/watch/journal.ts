// What a batch says beyond its net effect: rows that came and went within it, writes that changed nothing, upserts.
import type { LooseChange } from '../changes.js'
import type { TableFeed } from './feed.js'
import { keyText, keyValues } from './row-keys.js'

/** What a batch wrote to one row. */
export interface Written {
  readonly key: unknown
  /** A row was written under this key at some point of the batch. */
  put: boolean
  /** What the last write left; undefined: updates only, so what was there before. */
  last: 'put' | 'gone' | undefined
  /** The last write was an upsert. */
  upsert: boolean
  /** The row as last written, as far as the batch tells; before the batch for updates of a row that was there. */
  row: Record<string, unknown> | undefined
}

/** Per feed: what was written, by the text of the key. */
export type Journal = Map<TableFeed, Map<string, Written>>

/** Reads changes for the feeds that want them. Changes that are not well formed are passed over: applying them throws. */
export function journalOf(changes: readonly LooseChange[], feedOf: (table: string, tenant: string | undefined) => TableFeed | undefined, tenant: string | undefined): Journal {
  const journal: Journal = new Map()
  for (const change of changes) {
    if (typeof change !== 'object' || change === null) continue
    const of: unknown = change.tenant ?? tenant
    if (typeof change.table !== 'string' || (of !== undefined && typeof of !== 'string')) continue
    const feed = feedOf(change.table, of)
    if (feed === undefined) continue
    let written = journal.get(feed)
    if (written === undefined) journal.set(feed, written = new Map())
    try { record(feed, written, change) } catch { /* a key that is not one: `apply` says so */ }
  }
  return journal
}

function record(feed: TableFeed, written: Map<string, Written>, change: LooseChange): void {
  const { table } = feed
  switch (change.op) {
    case 'reset': for (const w of written.values()) { w.last = 'gone'; w.upsert = false }
    // falls through
    case 'insert': case 'upsert': {
      const rows = change.rows ?? (change.row === undefined ? [] : [change.row])
      for (const row of rows as Record<string, unknown>[]) {
        const w = at(feed, written, table.key.map(name => row[name]))
        w.put = true
        w.last = 'put'
        w.upsert = change.op === 'upsert'
        w.row = row
      }
      return
    }
    case 'update': {
      const w = at(feed, written, keyValues(table, change.id))
      if (w.last === undefined && w.row === undefined && feed.noops > 0) w.row = feed.find(keyValues(table, change.id))
      w.upsert = false
      // Rows as they were given stay as they are.
      if (w.row !== undefined && w.last === 'put') w.row = { ...w.row, ...change.set }
      return
    }
    case 'delete': {
      const w = at(feed, written, keyValues(table, change.id))
      w.last = 'gone'
      w.upsert = false
    }
  }
}

function at(feed: TableFeed, written: Map<string, Written>, values: readonly unknown[]): Written {
  const text = keyText(feed.table, values)
  let w = written.get(text)
  if (w === undefined) written.set(text, w = { key: values.length > 1 ? values : values[0], put: false, last: undefined, upsert: false, row: undefined })
  return w
}
