// Queries over themselves: trees, threads, ways through graphs.
import { EddylineError, unknownName } from '../errors.js'
import type { AnySchema, TableName } from '../schema.js'
import { Query, type QueryLike } from './builder.js'
import { placed } from './parts.js'
import { type Derived, type Source, SourceTable, derived } from './source.js'
import type { BestJson, RecursiveJson } from './types.js'

/** Of the rows that agree in some columns, the one that is kept: the best in another column. */
export interface Best<B> { column: keyof B & string; by: readonly (keyof B & string)[] }

export interface RecursiveOptions<B> {
  /** Of the rows that agree in `by` only the one with the smallest `column` is there: shortest ways. */
  min?: Best<B>
  /** The same with the largest. */
  max?: Best<B>
  /** Most rounds that one change may take; 100,000 if not told. Beyond, the query is in the state `error` with `RECURSION_LIMIT`. */
  maxRounds?: number
}

/** A recursive query; to its own step, the rows found so far: to select from, and to join. */
export type Recursive<S extends AnySchema, N extends string, B> = Query<Derived<S, N, B>, N, null, B> & Source<S, N, B>

/**
 * Rows of a query, and whatever a step makes of the rows found so far, until it makes nothing new. Equal rows are one.
 * The step selects, computes, filters and joins; it may read the rows found several times, and be several queries.
 *
 * ```ts
 * // Everybody below somebody, at any depth.
 * const below = recursive('below', db.query.people.select(p => ({ boss: p.managerId, id: p.id })),
 *   below => below.innerJoin('people', (b, p) => eq(p.managerId, b.id)).select(({ below, people }) => ({ boss: below.boss, id: people.id })))
 * db.live(below.where('boss', '=', 7))
 * ```
 * Cost of a change: the ways to rows (derivations) that come and go with it, cycles or not.
 */
export function recursive<S extends AnySchema, T extends TableName<S>, J, B, A, N extends string>(
  name: N, base: Query<S, T, J, B, A>, step: (found: Recursive<S, N, B>) => QueryLike<B> | readonly QueryLike<B>[], options: RecursiveOptions<B> = {},
): Recursive<S, N, B> {
  const invalid = (message: string, path: string): EddylineError => new EddylineError('QUERY_INVALID', message, { path, offending: name })
  if (name === '') throw invalid('a recursive query needs a name', 'name')
  const { schema, columns } = base.parts()
  const names = columns.map(c => c.name)
  const over = (source: SourceTable): any => new Query(derived(source), name as never)
  const made = placed('step', () => step(over(new SourceTable(schema, name, { relation: name }, columns))))
  const steps = (Array.isArray(made) ? made : [made]) as readonly QueryLike<B>[]
  const best = (which: 'min' | 'max'): { [K in 'min' | 'max']?: BestJson } => {
    const given = options[which]
    if (given === undefined) return {}
    for (const column of [given.column, ...given.by]) {
      if (!names.includes(column)) throw unknownName('UNKNOWN_COLUMN', `column \`${column}\` on \`${name}\``, column, names, which)
    }
    return { [which]: { column: given.column, by: [...given.by] } }
  }
  const recursive: RecursiveJson = {
    relations: [{ name, columns: names, branches: [base, ...steps].map(q => q.toJSON()), ...best('min'), ...best('max') }],
    result: name, ...(options.maxRounds === undefined ? {} : { maxRounds: options.maxRounds }),
  }
  return over(new SourceTable(schema, name, { recursive }, columns))
}
