import { later } from '../breathe.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import { ANYTHING, type Kind, checkOptions, isObject, said, shown, wrong } from '../option-kinds.js'
import type { QueryLike } from '../query/builder.js'

/** A query, or one with the tenant whose rows it is over. */
export type WarmQuery = QueryLike<any> | { readonly query: QueryLike<any>; readonly tenant: string }

const QUERY: Kind = { is: v => typeof (v as { toJSON?: unknown } | null)?.toJSON === 'function', what: 'a query, as `db.query` or `from` makes it', needed: true }

/** How long queries are kept that nobody has asked for yet. */
const KEPT = 10_000

/**
 * Queries that are kept up while stored rows come in, slice by slice: when the database is there, so are they, and `db.live` of
 * an equal query shares what is there. Registered afterwards, each would be a task as long as all rows take it.
 */
export class Warm {
  readonly #held: LiveQuery<any>[] = []

  /** Throws what the engine finds wrong with a query. */
  constructor(db: Database<any>, queries: readonly WarmQuery[]) {
    if (!Array.isArray(queries)) throw new EddylineError('INVALID_ARGUMENT', '`queries` of a storage is a list of queries', { path: 'storage.queries' })
    queries.forEach((given: WarmQuery, i) => {
      const path = `storage.queries[${i}]`
      try {
        if (typeof (given as { toJSON?: unknown } | null | undefined)?.toJSON !== 'function') {
          if (!isObject(given)) throw wrong('INVALID_ARGUMENT', `${QUERY.what}, or \`{ query, tenant }\`, is expected, not ${shown(given)}`, '', said(given))
          checkOptions({ ...given as object, query: (given as { query?: unknown }).query }, { query: QUERY, tenant: ANYTHING }, { path: '' })
        }
        const query = 'query' in given ? given.query : given
        if (query.types !== undefined) throw new EddylineError('QUERY_INVALID', 'a query with parameters is of one live query alone, which nobody could share', {})
        this.#held.push(db.live(query, 'query' in given ? { tenant: given.tenant } : undefined))
      } catch (error) {
        this.end()
        const e = error instanceof EddylineError ? error : new EddylineError('INVALID_ARGUMENT', String((error as Error)?.message ?? error))
        throw new EddylineError(e.code, `\`${path}\`: ${e.message}`, { path: e.path === undefined || e.path === 'options' ? path : `${path}.${e.path}`, offending: e.offending, nearest: e.nearest, cause: error })
      }
    })
  }

  /** The rows are there: somebody asks for the queries soon, or nobody needs them. */
  done(): void {
    if (this.#held.length === 0) return
    later(() => { this.end() }, KEPT)
  }

  end(): void { for (const live of this.#held.splice(0)) live.dispose() }
}
