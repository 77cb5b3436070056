// The scope of one tenant of a database in a worker.
import type { Report } from '../changes.js'
import type { LiveOptions, QueryRoot, ReadOptions } from '../database.js'
import type { JsonBytes, JsonOptions, JsonStream } from '../json-input.js'
import type { ApplyOptions } from '../options.js'
import type { QueryLike } from '../query/builder.js'
import type { ParamQuery, ParamValues } from '../query/params.js'
import type { AnySchema, Batch, Change, Key, Row, TableName } from '../schema.js'
import { batchOf, checkQuery, cleared, confined } from '../tenant.js'
import type { WorkerDatabase } from './database.js'
import type { WorkerLiveQuery } from './queries.js'

/** Part of a database in a worker: the rows of one tenant, as `Tenant`, with promises. */
export class WorkerTenant<S extends AnySchema> {
  /** @internal Use `db.tenant`. */
  constructor(readonly db: WorkerDatabase<S>, readonly id: string) {}

  /** Query builders, as those of the database. What they make is run with `live` of this scope. */
  get query(): QueryRoot<S> { return this.db.query }

  /**
   * Applies changes to this tenant, as one version. Rejects with what `db.apply` rejects with, and TENANT_MISMATCH when a change is
   * of another tenant or of a table without tenants; then nothing has happened.
   */
  async apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options?: ApplyOptions): Promise<Report> { return this.db.apply(batchOf(this.db.schema, this.id, input) as never, options as never) }

  /** Applies JSON to this tenant. Rejects with what `db.applyJson` rejects with, and TENANT_MISMATCH as `apply`. */
  async applyJson(input: string | JsonBytes | JsonStream, opts?: Omit<JsonOptions, 'tenant'>): Promise<Report> { return this.db.applyJson(input, confined(this.id, opts)) }

  /** A live query over the rows of this tenant. Throws what `db.live` throws, and TENANT_MISMATCH. */
  live<R, P>(query: ParamQuery<R, P>, options: Omit<LiveOptions, 'tenant'> & { params: ParamValues<P> }): WorkerLiveQuery<R, Partial<ParamValues<P>>>
  live<R>(query: QueryLike<R>, options?: Omit<LiveOptions, 'tenant'>): WorkerLiveQuery<R>
  live(query: QueryLike<any> | ParamQuery<any, any>, options?: Omit<LiveOptions, 'tenant'>): WorkerLiveQuery<any, any> {
    checkQuery(query, this.id, options)
    return this.db.live(query as QueryLike<any>, { ...options, tenant: this.id })
  }

  /** The rows of a query of this tenant, as `db.read`. Rejects with TENANT_MISMATCH, too. */
  async read<R, P>(query: ParamQuery<R, P>, options: Omit<ReadOptions, 'tenant'> & { params: ParamValues<P> }): Promise<readonly R[]>
  async read<R>(query: QueryLike<R>, options?: Omit<ReadOptions, 'tenant'>): Promise<readonly R[]>
  async read(query: QueryLike<any> | ParamQuery<any, any>, options?: Omit<ReadOptions, 'tenant'>): Promise<readonly any[]> {
    checkQuery(query, this.id, options)
    return this.db.read(query as QueryLike<any>, { ...options, tenant: this.id })
  }

  /** A row of this tenant by its key, as `db.get`. */
  async get<T extends TableName<S>>(table: T, id: Key<S, T>): Promise<Row<S, T> | undefined> { return this.db.get(table, id, { tenant: this.id }) }

  /** Deletes all rows of the tenant, as one version: queries see them go. */
  clear(): Promise<Report> { return this.apply(cleared(this.db.schema) as never) }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'WorkerTenant' }
}
