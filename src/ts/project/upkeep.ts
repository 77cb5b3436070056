import type { Database } from '../database.js'
import type { LiveEvent } from '../dispatch.js'
import { EddylineError } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import { rowByKey } from '../row-by-key.js'
import { type TableJson, rowKeyText } from '../watch/row-keys.js'
import { type Composer, fits } from './compose.js'
import type { Draft } from './draft.js'
import type { Node } from './graph.js'

type RowObject = Record<string, unknown>

/**
 * A view and its table: what the query's patches say is written to the table, as one version after that which made them.
 *
 * Law: when no version waits, the table holds exactly the rows of the query. Cost: the rows that changed; the whole, when it
 * begins, goes on after an error or a pause, or when rows of the query had the same key.
 */
export class Upkeep {
  /** Why the table is not what the query says: it stays as it was. */
  error: unknown
  /** Nobody keeps the table up. */
  paused = false
  readonly live: LiveQuery<any>
  readonly #stop: () => void
  readonly #table: TableJson
  #whole = true
  /** The version of which the whole was compared: what is told of it, and of those before, is in the table. */
  #at = -1
  #gone = new Map<string, RowObject>()
  #come = new Map<string, RowObject>()
  /** Those of them that were not there before. */
  readonly #added = new Set<string>()

  constructor(readonly db: Database<any>, readonly node: Node, composer: Composer, readonly tenant: string | undefined, wake: (u: Upkeep) => void) {
    this.#table = node.table!
    this.live = db.live<any>(composer.queryOf(node), tenant === undefined ? undefined : { tenant })
    const { view } = this.live.shared
    try { fits(node, view.levels[0].fields, view.flat, composer.readable(node)!.columns) } catch (error) { this.live.dispose(); throw error }
    this.#stop = this.live.subscribe(event => { this.#heard(event); wake(this) })
  }

  /** There is nothing to write. */
  get isDone(): boolean { return !this.#whole && this.#gone.size === 0 && this.#come.size === 0 }

  /** All of it is compared with the table at the next occasion. */
  again(): void { this.#whole = true }

  #heard(event: LiveEvent<any>): void {
    if (event.batch !== undefined && event.version <= this.#at) return
    if (this.#whole || this.paused || this.live.status !== 'ready' || event.batch === undefined) { this.#forget(true); return }
    const table = this.#table
    for (const patch of event.diff) {
      const { row } = patch as unknown as { row: RowObject }
      if (patch.t === 'remove') this.#gone.set(rowKeyText(table, row), row)
      else if (patch.t === 'add' || patch.t === 'set') {
        const text = rowKeyText(table, row)
        // Another key, or two rows of one key: patches alone do not tell what is there now.
        if (this.#come.has(text) || (patch.t === 'set' && table.key.some(k => Object.hasOwn(patch.fields, k)))) { this.#forget(true); return }
        if (patch.t === 'add' && !this.#gone.has(text)) this.#added.add(text)
        this.#come.set(text, row)
      }
    }
  }

  #forget(whole: boolean): void {
    this.#whole ||= whole
    this.#gone.clear()
    this.#come.clear()
    this.#added.clear()
  }

  /** Writes what is to be written. Throws PROJECTION_CONFLICT, PROJECTION_REQUIRED, and what the encoder finds. */
  flush(draft: Draft): void {
    if (this.live.error !== undefined) { this.#forget(true); throw this.live.error }
    if (!this.#whole && !this.#fits()) this.#forget(true)
    try {
      if (this.#whole) {
        // Within a listener the rows are ahead of what is told.
        this.#at = this.db.version
        reconcile(draft, this.#table, this.live.rows as RowObject[], tableRows(this.db, this.#table.name, (q: any) => q, this.tenant))
      } else {
        for (const [text, row] of this.#gone) if (!this.#come.has(text)) draft.drop(row)
        draft.put([...this.#come.values()], 'replaceAll')
      }
      this.#whole = false
      this.#forget(false)
    } catch (error) { this.#forget(true); throw error }
  }

  /** Rows that come are not there yet: else somebody wrote the table, or the query has two rows of one key. */
  #fits(): boolean {
    for (const text of this.#added) {
      if (this.#gone.has(text)) continue
      const row = this.#come.get(text)!
      const id = this.#table.key.map(k => row[k])
      if (rowByKey(this.db.inside, this.#table.name, id.length === 1 ? id[0] : id, this.tenant) !== undefined) return false
    }
    return true
  }

  end(): void {
    this.#stop()
    this.live.dispose()
  }
}

/** Rows of a table that a function of its query leaves. */
export function tableRows(db: Database<any>, name: string, narrow: (q: any) => any, tenant: string | undefined): readonly object[] {
  const live = db.live<any>(narrow((db.query as any)[name]), tenant === undefined ? undefined : { tenant })
  try {
    if (live.error !== undefined) throw live.error
    return live.rows
  } finally { live.dispose() }
}

/** Makes the rows of a table those of a query. */
export function reconcile(draft: Draft, table: TableJson, wanted: readonly RowObject[], there: readonly object[]): void {
  const texts = new Map<string, RowObject>()
  for (const row of wanted) {
    const text = rowKeyText(table, row)
    if (texts.has(text)) throw new EddylineError('PROJECTION_CONFLICT', `two rows of \`${draft.owner}\` have one key: ${table.key.map(k => `${k} ${String(row[k])}`).join(', ')}`, { offending: draft.owner, path: table.key.join(', ') })
    texts.set(text, row)
  }
  draft.remove((function *() { for (const row of there) if (!texts.has(rowKeyText(table, row))) yield row })())
  draft.put(wanted, 'replaceAll')
}
