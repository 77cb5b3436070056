// An index of a table: a live query in the order of some columns, of which nothing is kept here. Looked up by binary search.
import type { Database } from '../database.js'
import type { LiveQuery } from '../live-query.js'
import type { QueryLike } from '../query/builder.js'
import type { ExprJson } from '../query/expr.js'
import type { OrderJson, QueryJson } from '../query/types.js'
import { type AnyRow, type OrderColumn, compareNullable } from './compare.js'
import type { Node } from './graph.js'

/**
 * Rows of `table` that satisfy `where`, by `columns`, then in `order`, then by key. Always of the present version.
 *
 * Keeps an ordered arrangement in the engine, no rows in JavaScript. A lookup costs O(log n) engine calls.
 */
export class IndexView {
  readonly #live: LiveQuery<AnyRow>
  /** A position beyond the last row, as far as we know: where the search begins. */
  #end = 16

  constructor(db: Database<any>, readonly table: Node, where: ExprJson | undefined, readonly columns: readonly string[], order: readonly OrderColumn[], tenant: string | undefined) {
    const orderBy: OrderJson[] = columns.map(name => ({ expr: { op: 'col', name } }))
    for (const o of order) orderBy.push({ expr: { op: 'col', name: o.column }, ...(o.desc ? { desc: true } : {}), nulls: o.nullsFirst ? 'first' : 'last' })
    const json: QueryJson = { from: table.name, ...(where === undefined ? {} : { where }), ...(orderBy.length === 0 ? {} : { orderBy }) }
    this.#live = db.live({ toJSON: () => json } as QueryLike<AnyRow>, { label: `sync:${table.name}`, ...(tenant === undefined ? {} : { tenant }) })
  }

  /** Position of the first row whose columns are not below `values`. */
  #lower(values: readonly unknown[]): number {
    let low = 0
    while (!this.#reaches(this.#end, values)) { low = this.#end + 1; this.#end *= 2 }
    let high = this.#end
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#reaches(middle, values)) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Whether the row at `at` is not below `values`; there is nothing below what is beyond the end. */
  #reaches(at: number, values: readonly unknown[]): boolean {
    const [row] = this.#live.window(at, 1)
    return row === undefined || this.#compare(row, values) >= 0
  }

  #compare(row: AnyRow, values: readonly unknown[]): number {
    for (let i = 0; i < values.length; i++) {
      const c = compareNullable(row[this.columns[i]], values[i], this.table.types[this.columns[i]])
      if (c !== 0) return c
    }
    return 0
  }

  /** Rows whose first columns have these values, in order; at most `most`. */
  range(values: readonly unknown[], most = Infinity): AnyRow[] {
    const out: AnyRow[] = []
    let at = this.#lower(values)
    for (let size = Math.min(most, 8); out.length < most; size = Math.min(size * 4, 1024)) {
      const rows = this.#live.window(at, size)
      for (const row of rows) {
        if (out.length === most || this.#compare(row, values) !== 0) return out
        out.push(row)
      }
      if (rows.length < size) return out
      at += size
    }
    return out
  }

  close(): void { this.#live.dispose() }
}
