import type { RowKey } from '../patches.js'

/** What a watch waits for: `collection` is inserts and deletes, `changes` all three. */
export type SignalKind = 'inserts' | 'deletes' | 'collection' | 'updates' | 'changes'

export const KINDS: readonly SignalKind[] = ['inserts', 'deletes', 'collection', 'updates', 'changes']

/** Numbers that only grow, one per kind. They count changed rows, once per row and batch, and mean something only beside earlier ones. */
export type Counters = Record<SignalKind, number>

/** How changes are told apart where backends disagree. */
export interface Rule {
  /** An upsert of a row that is there: an update (`'actual'`, the default) or an insert. Known of batches applied through a scope. */
  upsertAs?: 'actual' | 'insert'
  /** A write that leaves its row as it was: no signal (the default) or that of an update. Known of batches applied through a scope. */
  noop?: 'skip' | 'signal'
}

/** What happened to one row of a set of rows in one batch. */
export interface RowEvent {
  readonly key: RowKey
  /** `entered` and `left`: the row was and is in its table, but its indexed value moved to or from the one that is looked at. */
  readonly what: 'insert' | 'delete' | 'update' | 'entered' | 'left' | 'passed' | 'noop'
  /** The last that was written was an upsert. */
  readonly upsert: boolean
  /** Names of the changed columns; undefined: not known, take all as changed. */
  readonly fields?: () => readonly string[]
}

/** What a batch did to a set of rows, counted by one rule. */
export interface Tally {
  readonly counts: Counters
  readonly inserted: RowKey[]
  readonly deleted: RowKey[]
  readonly updated: RowKey[]
}

export const zeros = (): Counters => ({ inserts: 0, deletes: 0, collection: 0, updates: 0, changes: 0 })

/** Name of a rule: equal rules count together. */
export const ruleName = (rule: Rule): string => `${rule.upsertAs ?? 'actual'} ${rule.noop ?? 'skip'}`

/**
 * Counts events by a rule. `columns`: updates count only if they changed one of them.
 *
 * A row that moves to another indexed value counts as deleted and updated there, as inserted and updated here; one that
 * came and went within the batch as inserted and deleted. `changes` counts each of these rows once, but the last twice.
 */
export function tally(events: readonly RowEvent[], rule: Rule, columns: readonly string[] | undefined): Tally {
  const { upsertAs, noop } = rule
  const out: Tally = { counts: zeros(), inserted: [], deleted: [], updated: [] }
  const { counts } = out
  for (const event of events) {
    const { key, what, upsert } = event
    switch (what) {
      case 'insert': insert(out, key); counts.changes++; break
      case 'delete': remove(out, key); counts.changes++; break
      case 'passed': insert(out, key); remove(out, key); counts.changes += 2; break
      case 'entered':
        insert(out, key)
        if (touches(event, columns)) update(out, key)
        counts.changes++
        break
      case 'left':
        remove(out, key)
        if (touches(event, columns)) update(out, key)
        counts.changes++
        break
      case 'noop':
        if (noop !== 'signal') break
        if (upsert && upsertAs === 'insert') insert(out, key)
        else if (columns === undefined) update(out, key)
        else break
        counts.changes++
        break
      case 'update':
        if (upsert && upsertAs === 'insert') insert(out, key)
        else if (touches(event, columns)) update(out, key)
        else break
        counts.changes++
    }
  }
  return out
}

function insert(out: Tally, key: RowKey): void {
  out.inserted.push(key)
  out.counts.inserts++
  out.counts.collection++
}

function remove(out: Tally, key: RowKey): void {
  out.deleted.push(key)
  out.counts.deletes++
  out.counts.collection++
}

function update(out: Tally, key: RowKey): void {
  out.updated.push(key)
  out.counts.updates++
}

function touches(event: RowEvent, columns: readonly string[] | undefined): boolean {
  if (columns === undefined || event.fields === undefined) return true
  return event.fields().some(name => columns.includes(name))
}
