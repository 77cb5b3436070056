// What the random tests of watches share: a schema, and what a batch of changes must tell, recomputed from whole tables.
import { defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import type { Counters, Rule, SignalKind } from '../../../pkg/watch/index.js'

export const schema = defineSchema({
  items: table({ shelf: string().key(), place: int().key(), author: string().nullable(), likes: int(), note: string() }, { tenant: true }),
  plain: table({ id: string().key(), author: string().nullable(), likes: int(), note: string() }, { tenant: true }),
})
export type Row = Record<string, any>
export type TableName = 'items' | 'plain'
export const keys = { items: ['shelf', 'place'], plain: ['id'] }
export const columns = ['author', 'likes', 'note']
export const kinds: SignalKind[] = ['inserts', 'deletes', 'collection', 'updates', 'changes']

export const keyOf = (t: TableName, row: Row): any => keys[t].length === 1 ? row.id : [row.shelf, row.place]
export const text = (key: unknown): string => JSON.stringify(key)
export const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** All rows of one table of one tenant, by the text of the key. */
export type Rows = Map<string, Row>

/** What happened to one row in a batch, from its images and what was written to it. */
export interface Fate { key: unknown; before: Row | undefined; after: Row | undefined; between: Row | undefined; written: boolean; upsert: boolean }

/** Replays changes one by one over a copy. */
export function replay(rows: Rows, t: TableName, changes: any[]): { rows: Rows; fates: Fate[] } {
  const now: Rows = new Map(rows)
  const fates = new Map<string, Fate>()
  const fate = (key: unknown): Fate => {
    const k = text(key)
    if (!fates.has(k)) fates.set(k, { key, before: rows.get(k), after: undefined, between: undefined, written: false, upsert: false })
    return fates.get(k)!
  }
  for (const c of changes.filter(c => c.table === t)) {
    if (c.op === 'insert' || c.op === 'upsert' || c.op === 'reset') {
      if (c.op === 'reset') { for (const row of now.values()) fate(keyOf(t, row)); now.clear() }
      for (const row of c.rows ?? [c.row]) {
        const f = fate(keyOf(t, row))
        now.set(text(f.key), { ...row })
        Object.assign(f, { between: { ...row }, written: true, upsert: c.op === 'upsert' })
      }
      continue
    }
    const f = fate(c.id)
    const row = now.get(text(c.id))
    f.upsert = false
    if (row === undefined) continue
    if (c.op === 'delete') { now.delete(text(c.id)); continue }
    now.set(text(c.id), f.between = { ...row, ...c.set })
    f.written = true
  }
  for (const [k, f] of fates) f.after = now.get(k)
  return { rows: now, fates: [...fates.values()] }
}

export interface Expected { counts: Counters; inserted: unknown[]; deleted: unknown[]; updated: unknown[] }

/** The signal that a batch must give for a set of rows, by the definitions; `seen`: what was written is known, not only what came of it. */
export function expected(fates: Fate[], has: (row: Row) => boolean, rule: Rule, only: readonly string[] | undefined, seen: boolean): Expected {
  const out: Expected = { counts: { inserts: 0, deletes: 0, collection: 0, updates: 0, changes: 0 }, inserted: [], deleted: [], updated: [] }
  for (const { key, before, after, between, written, upsert } of fates) {
    let inserted = false, deleted = false, updated = false, changes = 1
    if (before === undefined && after === undefined) {
      if (!seen || !written || between === undefined || !has(between)) continue
      inserted = deleted = true
      changes = 2
    } else if (before === undefined) inserted = has(after!)
    else if (after === undefined) deleted = has(before)
    else {
      const changed = columns.filter(c => !equal(before[c], after[c]))
      if (changed.length === 0) {
        if (!seen || !written || rule.noop !== 'signal' || !has(after)) continue
        // Columns are for updates.
        if (upsert && rule.upsertAs === 'insert') inserted = true
        else if (only === undefined) updated = true
        else continue
      } else {
        const matters = only === undefined || changed.some(c => only.includes(c))
        if (has(before) && has(after)) {
          if (seen && upsert && rule.upsertAs === 'insert') inserted = true
          else updated = matters
        } else {
          deleted = has(before)
          inserted = has(after)
          updated = matters && (deleted || inserted)
        }
      }
    }
    if (!inserted && !deleted && !updated) continue
    out.counts.changes += changes
    if (inserted) { out.counts.inserts++; out.counts.collection++; out.inserted.push(key) }
    if (deleted) { out.counts.deletes++; out.counts.collection++; out.deleted.push(key) }
    if (updated) { out.counts.updates++; out.updated.push(key) }
  }
  return out
}
