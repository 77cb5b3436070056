// Queries over themselves: trees, threads, ways through graphs.
import { EddylineError, said, unknownName } from '../errors.js'
import { ANYTHING, type Kinds, checkOptions } from '../option-kinds.js'
import type { AnySchema, TableName } from '../schema.js'
import { type Query, type QueryLike, QueryOf } from './builder.js'
import { placed } from './parts.js'
import { type Derived, type Source, SourceTable, derived } from './source.js'
import type { BestJson, RecursiveJson } from './types.js'

/** Of the rows that agree in some columns, the one that is kept: the best in another column. */
export interface Best<B> { column: keyof B & string; by: readonly (keyof B & string)[] }

export interface RecursiveOptions<B> {
  /** Of the rows that agree in `by` only the one with the smallest `column` is there: shortest ways. */
  min?: Best<B> | undefined
  /** The same with the largest. */
  max?: Best<B> | undefined
  /** Most rounds that one change may take; 10,000 if not told: a chain takes one for each of its members. Beyond, the query is in the state `error` with `RECURSION_LIMIT`. */
  maxRounds?: number | undefined
}

/** A recursive query; to its own step, the rows found so far: to select from, and to join. */
export type Recursive<S extends AnySchema, N extends string, B> = Query<Derived<S, N, B>, N, null, B> & Source<S, N, B>

/**
 * Queries that are made of each other: a base and steps for each name, steps that read all of them. Each is a query.
 *
 * ```ts
 * // Who is reached in an even number of steps, and who in an odd one.
 * const { even, odd } = recursive({ even: edges.where('a', '=', 0).select(e => ({ n: e.a })), odd: edges.where('a', '=', 0).select(e => ({ n: e.b })) },
 *   ({ even, odd }) => ({
 *     even: odd.innerJoin('edges', (o, e) => eq(o.n, e.a)).select(({ edges }) => ({ n: edges.b })),
 *     odd: even.innerJoin('edges', (o, e) => eq(o.n, e.a)).select(({ edges }) => ({ n: edges.b })),
 *   }))
 * ```
 */
export function recursive<G extends Bases>(
  bases: G, steps: (found: Group<G>) => { readonly [N in keyof G]: QueryLike<G[N]['$row']> | readonly QueryLike<G[N]['$row']>[] }, options?: GroupOptions<G>,
): Group<G>
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
  name: N, base: Query<S, T, J, B, A>, step: (found: Recursive<S, N, B>) => QueryLike<B> | readonly QueryLike<B>[], options?: RecursiveOptions<B>,
): Recursive<S, N, B>
export function recursive(first: string | Bases, second: any, third?: any, fourth?: any): any {
  if (typeof first !== 'string') return group(first, second, third)
  checked(fourth)
  const { min, max, maxRounds }: RecursiveOptions<any> = fourth ?? {}
  // What gives nothing is no step, where several may be without one.
  const made = group({ [first]: second }, typeof third !== 'function' ? third : found => ({ [first]: third(found[first]) ?? null }), {
    ...(min === undefined ? {} : { min: { [first]: min } }), ...(max === undefined ? {} : { max: { [first]: max } }), ...(maxRounds === undefined ? {} : { maxRounds }),
  }, true)
  return made[first]
}

const invalid = (message: string, path: string, name = path): EddylineError => new EddylineError('QUERY_INVALID', message, { path, offending: name })

const OPTIONS: Kinds = { min: ANYTHING, max: ANYTHING, maxRounds: ANYTHING }
/** Throws QUERY_INVALID for options that there are not. */
const checked = (options: unknown): void => { checkOptions(options, OPTIONS, { code: 'QUERY_INVALID', path: '', of: 'recursive' }) }

/** The beginnings of queries that are made of each other, by name. */
export type Bases = { readonly [name: string]: Query<any, any, any, any, any> }
type SchemaOf<Q> = Q extends Query<infer S, any, any, any, any> ? S : never
/** Queries that are made of each other. */
export type Group<G extends Bases> = { readonly [N in keyof G & string]: Recursive<SchemaOf<G[N]>, N, G[N]['$row']> }
export interface GroupOptions<G extends Bases> {
  min?: { readonly [N in keyof G]?: Best<G[N]['$row']> } | undefined
  max?: { readonly [N in keyof G]?: Best<G[N]['$row']> } | undefined
  maxRounds?: number | undefined
}

function group(bases: Bases, step: (found: Record<string, any>) => Record<string, any>, options: GroupOptions<any> = {}, alone = false): Record<string, any> {
  const all = Object.entries(bases ?? {}).map(([name, base]) => {
    if (name === '') throw invalid('a recursive query needs a name', 'name', name)
    if (typeof base?.parts !== 'function') throw invalid(`what \`${name}\` begins with is no query`, 'base', name)
    const { schema, columns } = base.parts()
    return { name, base, schema, columns, names: columns.map(c => c.name) }
  })
  if (all.length === 0) throw invalid('a recursion needs a query to begin with', 'name', '')
  checked(options)
  const stray = all.find(r => r.schema !== all[0].schema)
  if (stray !== undefined) throw invalid(`\`${stray.name}\` is a query over another schema`, stray.name, stray.name)
  const over = (source: SourceTable, name: string): any => new QueryOf(derived(source), name as never)
  const found = Object.fromEntries(all.map(({ name, schema, columns }) => [name, over(new SourceTable(schema, name, { relation: name }, columns), name)]))
  if (typeof step !== 'function') throw invalid('a step is a function of the rows found', 'step')
  const steps = placed('step', () => step(found))
  if (typeof steps !== 'object') throw invalid('steps are queries by name', 'step')
  const unknown = Object.keys(steps).find(n => !Object.hasOwn(bases, n))
  if (unknown !== undefined) throw unknownName('QUERY_INVALID', `base for the step of \`${unknown}\``, unknown, Object.keys(bases), 'step')
  const best = (which: 'min' | 'max', name: string, names: readonly string[]): { [K in 'min' | 'max']?: BestJson } => {
    const given = options[which]?.[name]
    if (given === undefined) return {}
    const at = alone ? which : `${which}.${name}`
    if (!Array.isArray(given?.by)) throw invalid(`\`${which}\` is { column, by: [columns] }`, at)
    for (const column of [given.column, ...given.by].map(said)) {
      if (!names.includes(column)) throw unknownName('UNKNOWN_COLUMN', `column \`${column}\` on \`${name}\``, column, names, at)
    }
    return { [which]: { column: given.column, by: [...given.by] } }
  }
  for (const which of ['min', 'max'] as const) {
    const other = Object.keys(options[which] ?? {}).find(n => !Object.hasOwn(bases, n))
    if (other !== undefined) throw unknownName('QUERY_INVALID', `query \`${other}\` in this recursion`, other, Object.keys(bases), `${which}.${other}`)
  }
  const relations = all.map(({ name, base, names }) => {
    const made = steps[name] === undefined ? [] : steps[name]
    const branches = [base, ...(Array.isArray(made) ? made : [made]) as readonly QueryLike<any>[]].map(q => {
      const json = typeof q?.toJSON === 'function' ? q.toJSON() : undefined
      if (!json) throw invalid(`the step of \`${name}\` gives no query`, 'step', name)
      // Fields are called alike, whatever their order: the engine goes by the order.
      const fields = names.map(n => json.select?.find(f => f.name === n))
      return json.select?.length === names.length && !fields.includes(undefined) ? { ...json, select: fields as typeof json.select } : json
    })
    return { name, columns: names, branches, ...best('min', name, names), ...best('max', name, names) }
  })
  return Object.fromEntries(all.map(({ name, schema, columns }) => {
    const recursive: RecursiveJson = { relations, result: name, ...(options.maxRounds === undefined ? {} : { maxRounds: options.maxRounds }) }
    return [name, over(new SourceTable(schema, name, { recursive }, columns), name)]
  }))
}
