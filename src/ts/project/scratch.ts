import type { Database } from '../database.js'
import { exportRows } from '../storage/doors.js'
import type { Draft } from './draft.js'

/**
 * A database beside, of the tables of one version and what a run has written so far: queries over rows that are not committed.
 *
 * Needed only where a run reads a query over what a function made in the same run. Cost: a copy of the tables that are read, if
 * it comes to that.
 */
export class Scratch {
  #db: Database<any> | undefined
  #export: ReturnType<typeof exportRows> | undefined
  #first: Uint8Array | undefined
  readonly #taken = new Set<Draft>()

  /** Holds the version: rows are copied when somebody asks. */
  constructor(readonly of: Database<any>, readonly tables: readonly string[]) {
    if (tables.length === 0) return
    this.#export = exportRows(of, tables)
    this.#first = this.#export.next(1 << 14)
  }

  /** Rows of a query. */
  rows(query: any, drafts: Iterable<Draft>, tenant: string | undefined): readonly object[] {
    const db = this.#db ??= this.#load()
    for (const draft of drafts) {
      if (this.#taken.has(draft)) continue
      this.#taken.add(draft)
      const changes = draft.changes()
      if (changes.length > 0) db.apply(changes as never)
    }
    const live = db.live<any>(query, tenant === undefined ? undefined : { tenant })
    try {
      if (live.error !== undefined) throw live.error
      return live.rows
    } finally { live.dispose() }
  }

  #load(): Database<any> {
    const db = this.of.twin()
    for (let batch = this.#first; batch !== undefined; batch = this.#export!.next(1 << 18)) db.applyPacked(batch)
    this.#export?.end()
    return db
  }

  end(): void {
    this.#export?.end()
    this.#db?.close()
  }
}
