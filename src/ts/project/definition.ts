// What a projection is: types, and the functions that define them.
import type { QueryRoot } from '../database.js'
import type { QueryLike } from '../query/builder.js'
import type { Source } from '../query/source.js'
import type { AnySchema, InputRow, Row, TableName } from '../schema.js'
import { checkDefinition } from './checks.js'
import type { Engine, EngineName } from './engines.js'
import type { Lens, LensOf } from './lens.js'
import type { Rows } from './rows.js'

/** What happens to a row whose key is there already. */
export type OnConflict<C extends string = string> = 'raise' | 'nothing' | 'replaceAll' | { readonly replace: readonly C[] } | { readonly replaceAllExcept: readonly C[] }

/** What projections read: other projections, and tables by their names. */
export type Input<S extends AnySchema> = Projection<S, string, any> | TableName<S>
type NameOf<I> = I extends { readonly name: infer N extends string } ? N : I & string
type RowOf<S extends AnySchema, I> = I extends { readonly $row?: infer R } ? unknown extends R ? any : NonNullable<R> : I extends TableName<S> ? Row<S, I> : never
/** Inputs as queries: `from(inputs.accounts)`, `….innerJoin(inputs.accounts, …)`. */
export type Sources<S extends AnySchema, I extends readonly Input<S>[]> = { readonly [P in I[number] as NameOf<P>]: Source<S, NameOf<P>, RowOf<S, P>> }
/** Inputs as rows. */
export type Streams<S extends AnySchema, I extends readonly Input<S>[]> = { readonly [P in I[number] as NameOf<P>]: Rows<RowOf<S, P>> }

/** What a lens over a function may name: columns of every input. */
export type Shared<S extends AnySchema, I extends readonly Input<S>[]> = I extends readonly [] ? unknown : RowOf<S, I[number]>

/** What `derive` writes with: recorded, and done when it has returned. */
export interface Transaction<R = any> {
  /** Rows of the projection. Those whose key is there are treated as `onConflict` says. */
  materialize(rows: Iterable<R> | R, options?: { onConflict?: OnConflict }): void
  /** Removes the rows of the projection that are in the scope of a lens: of the fields that the projection has. */
  dematerialize(lens: Lens | LensOf<R>): void
}

/** What `derive` gets. */
export interface DeriveRun<In = any, R = any> {
  /** Rows of the inputs in the scope of the lens, all of one version. */
  readonly inputs: In
  readonly lens: Lens
  readonly tx: Transaction<R>
  /** Aborted when the time is over, or the database is closed. */
  readonly signal: AbortSignal
}

interface Common<I> { inputs?: I }

/** Rows that are not stored: a query, or a list or stream that is pulled when a dependant runs. */
export interface VirtualOptions<S extends AnySchema, I extends readonly Input<S>[], R> extends Common<I> {
  output: ((q: QueryRoot<S>, inputs: Sources<S, I>) => QueryLike<R> | Iterable<R> | AsyncIterable<R>) | readonly R[]
}

interface MaterializedOptions<S extends AnySchema, T extends TableName<S>, I, Q extends keyof Row<S, T> & string> extends Common<I> {
  /** The table that its rows are in, which only it writes; the one of its name by default. */
  into?: T | undefined
  /** Columns that no row may lack, beyond those that cannot be null. */
  required?: readonly Q[] | undefined
}

/** A query whose rows are a table: kept up by what changes. */
export interface ViewOptions<S extends AnySchema, T extends TableName<S>, I extends readonly Input<S>[], Q extends keyof Row<S, T> & string> extends MaterializedOptions<S, T, I, Q> {
  view: (q: QueryRoot<S>, inputs: Sources<S, I>) => QueryLike<any>
}

type Complete<R, Q extends keyof R> = R & { [C in Q]-?: NonNullable<R[C]> }

/** Rows that a function makes: run again for the lenses whose inputs changed. */
export interface DeriveOptions<S extends AnySchema, T extends TableName<S>, I extends readonly Input<S>[], Q extends keyof Row<S, T> & string> extends MaterializedOptions<S, T, I, Q> {
  /** Synchronous or not. It may run in a worker: it sees what it is given, and nothing else. */
  derive: (run: DeriveRun<Streams<S, I>, Complete<InputRow<S, T>, Q & keyof InputRow<S, T>>>) => unknown
  /** `'replaceAll'` by default. */
  onConflict?: OnConflict<keyof Row<S, T> & string> | undefined
  /** False: `tx.dematerialize` is an error: rows are a record of what was done. */
  dematerialize?: boolean | undefined
  /** Milliseconds that a run may take: 60,000 by default; `Infinity`: no limit. */
  timeoutMs?: number | undefined
  /** Raise it when `derive` changes: rows of another version are refused, or made anew. `'1'` by default. */
  version?: string | undefined
  /** Rows of another version are made anew when it is registered, instead of NEEDS_REBUILD. */
  autoRebuild?: boolean | undefined
  engine?: EngineName | Engine | undefined
}

/** A projection: made by `projection`, registered by `projections(db).register`. */
export interface Projection<S extends AnySchema = AnySchema, N extends string = string, R = any, F = any> {
  readonly $row?: R
  /** Rows whose columns a lens may name. */
  readonly $lens?: F
  readonly name: N
  /** Not stored; kept up as a live query; made by a function. */
  readonly kind: 'virtual' | 'view' | 'derive'
  readonly schema: S
  readonly inputs: readonly (Projection<S, string, any> | string)[]
  /** @internal */
  readonly options: any
}

/**
 * Defines a projection: rows made of tables and other projections.
 *
 * ```ts
 * const Accounts = projection(schema, 'Accounts', { output: q => q.accounts.select('id', 'orgId') })
 * const Totals = projection(schema, 'totals', {
 *   inputs: [Accounts, 'invoices'],
 *   view: (q, { Accounts, invoices }) => from(Accounts).innerJoin(invoices, (a, i) => eq(i.accountId, a.id))
 *     .groupBy(r => ({ accountId: r.Accounts.id, orgId: r.Accounts.orgId })).select(r => ({ … total: sum(r.invoices.amount) })),
 * })
 * const Letters = projection(schema, 'letters', { inputs: ['totals'], derive: async ({ inputs, lens, tx }) => {
 *   tx.dematerialize(lens)
 *   for await (const rows of inputs.totals.chunks(2000)) tx.materialize(rows.map(letterOf))
 * } })
 * ```
 * `output`: virtual, not stored. `view`: a table kept up by what changes. `derive`: a table written by a function. Throws
 * PROJECTION_INVALID.
 */
export function projection<S extends AnySchema, const N extends string, R, const I extends readonly Input<S>[] = readonly []>(schema: S, name: N, options: VirtualOptions<S, I, R>): Projection<S, N, R, R>
export function projection<S extends AnySchema, const N extends string, const I extends readonly Input<S>[] = readonly [], T extends TableName<S> = N & TableName<S>, Q extends keyof Row<S, T> & string = never>(
  schema: S, name: N, options: ViewOptions<S, T, I, Q>): Projection<S, N, Row<S, T>, Row<S, T>>
export function projection<S extends AnySchema, const N extends string, const I extends readonly Input<S>[] = readonly [], T extends TableName<S> = N & TableName<S>, Q extends keyof Row<S, T> & string = never>(
  schema: S, name: N, options: DeriveOptions<S, T, I, Q>): Projection<S, N, Row<S, T>, Shared<S, I>>
export function projection(schema: AnySchema, name: string, options: any): Projection {
  const kind = checkDefinition(schema, name, options)
  return Object.freeze({ name, kind: kind === 'output' ? 'virtual' : kind, schema, inputs: Object.freeze([...options.inputs ?? []]), options: Object.freeze({ ...options }) }) as Projection
}
