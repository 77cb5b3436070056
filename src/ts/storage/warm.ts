import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import type { QueryLike } from '../query/builder.js'

/** A query, or one with the tenant whose rows it is over. */
export type WarmQuery = QueryLike<any> | { readonly query: QueryLike<any>; readonly tenant: string }

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
        const query = 'query' in given ? given.query : given
        if (typeof query?.toJSON !== 'function') throw new EddylineError('INVALID_ARGUMENT', 'not a query', {})
        if (query.types !== undefined) throw new EddylineError('QUERY_INVALID', 'a query with parameters is of one live query alone, which nobody could share', {})
        this.#held.push(db.live(query, 'query' in given ? { tenant: given.tenant } : undefined))
      } catch (error) {
        this.end()
        const e = error instanceof EddylineError ? error : new EddylineError('INVALID_ARGUMENT', String((error as Error)?.message ?? error))
        throw new EddylineError(e.code, `\`${path}\`: ${e.message}`, { path: e.path === undefined ? path : `${path}.${e.path}`, offending: e.offending, nearest: e.nearest, cause: error })
      }
    })
  }

  /** The rows are there: somebody asks for the queries soon, or nobody needs them. */
  done(): void {
    if (this.#held.length === 0) return
    const timer: unknown = setTimeout(() => { this.end() }, KEPT);
    (timer as { unref?(): void }).unref?.()
  }

  end(): void { for (const live of this.#held.splice(0)) live.dispose() }
}
