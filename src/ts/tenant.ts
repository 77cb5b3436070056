import type { LooseBatch, LooseChange, Report } from './changes.js'
import { applied } from './applied.js'
import type { Database, LiveOptions, QueryRoot, ReadOptions } from './database.js'
import { EddylineError, said } from './errors.js'
import { checkJson } from './given.js'
import type { Held } from './held.js'
import type { JsonBytes, JsonOptions, JsonStream } from './json-input.js'
import { queryJson } from './live-json.js'
import type { LiveQuery } from './live-query.js'
import type { ApplyOptions } from './options.js'
import type { QueryLike } from './query/builder.js'
import type { ParamQuery, ParamValues } from './query/params.js'
import type { AnySchema, Batch, Change, Key, Row, TableName } from './schema.js'
import { checkTenant } from './values.js'

/**
 * Part of a database: the rows of one tenant. No change and no query of it crosses to another one.
 *
 * With `eddyline/watch` loaded it has watches, assigns and counters, too.
 */
export class Tenant<S extends AnySchema> {
  /** @internal Use `db.tenant`. */
  constructor(readonly db: Database<S>, readonly id: string) {}

  /** Query builders, as those of the database. What they make is run with `live` of this scope. */
  get query(): QueryRoot<S> { return this.db.query }

  /**
   * Applies changes to this tenant, as one version. Throws what `db.apply` throws, and TENANT_MISMATCH when a change is of
   * another tenant or of a table without tenants; then nothing has happened.
   */
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>): Report
  /** The same, applied at once; resolves when storage has the version. Rejects with NOT_DURABLE without storage. */
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options: ApplyOptions): Promise<Report>
  apply<T extends TableName<S>>(input: readonly Change<S, T>[] | Batch<S, T>, options?: ApplyOptions): Report | Promise<Report> {
    const { db } = this
    return applied(db, options, () => db.apply(batchOf(db.schema, this.id, input) as never))
  }

  /** Applies JSON to this tenant. Throws what `db.applyJson` throws, and TENANT_MISMATCH as `apply`. */
  applyJson(input: string | JsonBytes, opts?: Omit<JsonOptions, 'tenant'>): Report
  applyJson(input: JsonStream, opts?: Omit<JsonOptions, 'tenant'>): Promise<Report>
  applyJson(input: string | JsonBytes | JsonStream, opts?: Omit<JsonOptions, 'tenant'>): Report | Promise<Report> {
    return this.db.applyJson(input as never, confined(this.id, opts)) as never
  }

  /** A live query over the rows of this tenant. Throws what `db.live` throws, and TENANT_MISMATCH. */
  live<R, P>(query: ParamQuery<R, P>, options: Omit<LiveOptions, 'tenant'> & { params: ParamValues<P> }): LiveQuery<R, Partial<ParamValues<P>>>
  live<R>(query: QueryLike<R>, options?: Omit<LiveOptions, 'tenant'>): LiveQuery<R>
  live(query: QueryLike<any> | ParamQuery<any, any>, options?: Omit<LiveOptions, 'tenant'>): LiveQuery<any, any> {
    checkQuery(query, this.id, options)
    return this.db.live(query as QueryLike<any>, { ...options, tenant: this.id })
  }

  /** The rows of a query of this tenant as they are now. Throws what `db.read` throws, and TENANT_MISMATCH. */
  read<R, P>(query: ParamQuery<R, P>, options: Omit<ReadOptions, 'tenant'> & { params: ParamValues<P> }): readonly R[]
  read<R>(query: QueryLike<R>, options?: Omit<ReadOptions, 'tenant'>): readonly R[]
  read(query: QueryLike<any> | ParamQuery<any, any>, options?: Omit<ReadOptions, 'tenant'>): readonly any[] {
    checkQuery(query, this.id, options)
    return this.db.read(query as QueryLike<any>, { ...options, tenant: this.id })
  }

  /** A row of this tenant by its key, as `db.get`. */
  get<T extends TableName<S>>(table: T, id: Key<S, T>): Row<S, T> | undefined { return this.db.get(table, id, { tenant: this.id }) }

  /** Deletes all rows of the tenant, as one version: queries and watches see them go. */
  clear(): Report { return this.apply(cleared(this.db.schema) as never) }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Tenant' }
}

let make: ((db: Database<any>, id: string) => Tenant<any>) | undefined

/** @internal The scope of a tenant, with the features that are loaded; `known` are those made so far. */
export function tenantOf<S extends AnySchema>(db: Database<S>, id: string, known: Held<Tenant<S>>): Tenant<S> {
  if (make !== undefined) return make(db, id)
  checkTenant(id, 'id')
  let tenant = known.get(id)
  if (tenant === undefined) known.set(id, tenant = new Tenant(db, id))
  return tenant
}

/** @internal What makes scopes from now on. */
export function extendTenants(better: (db: Database<any>, id: string) => Tenant<any>): void { make = better }

/** Changes that delete all rows of a tenant. */
export function cleared(schema: AnySchema): LooseChange[] {
  return schema.json.tables.filter(t => t.tenant).map(t => ({ op: 'reset', table: t.name, rows: [] }))
}

/** JSON options that keep to a tenant. */
export function confined(tenant: string, opts: JsonOptions | undefined): JsonOptions {
  checkJson(opts)
  if (opts?.tenant !== undefined && opts.tenant !== tenant) throw crossed(`JSON of the tenant \`${said(opts.tenant)}\` in the scope of \`${tenant}\``, 'tenant', said(opts.tenant))
  return { ...opts, tenant, confined: 'tenant' }
}

const crossed = (message: string, path: string, offending: string): EddylineError => new EddylineError('TENANT_MISMATCH', message, { path, offending })

/**
 * A batch of one tenant, or of none. Throws TENANT_MISMATCH with `path` when it names another one, touches tables that
 * belong to no tenant from inside of one, or mixes tenants. Wrong changes pass: applying them says what is wrong.
 */
export function batchOf(schema: AnySchema, tenant: string | undefined, input: unknown): LooseBatch {
  const batch = (Array.isArray(input) ? { changes: input } : input ?? {}) as LooseBatch
  const changes: readonly LooseChange[] = Array.isArray(batch.changes) ? batch.changes : []
  if (tenant !== undefined && batch.tenant !== undefined && batch.tenant !== tenant) {
    throw crossed(`a batch of the tenant \`${said(batch.tenant)}\` in the scope of \`${tenant}\``, 'tenant', said(batch.tenant))
  }
  let first = tenant ?? batch.tenant
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i]
    if (typeof change !== 'object' || change === null) continue
    const table = schema.json.tables.find(t => t.name === change.table)
    if (table === undefined) continue
    if (!table.tenant) {
      if (tenant !== undefined) throw crossed(`rows of \`${table.name}\` belong to no tenant: they are changed outside of \`${tenant}\``, `changes[${i}].table`, table.name)
      continue
    }
    const of = change.tenant ?? batch.tenant ?? tenant
    if (typeof of !== 'string') continue
    if (first === undefined) first = of
    if (of !== first) throw crossed(`a change of the tenant \`${of}\` in a batch of \`${first}\``, `changes[${i}].tenant`, of)
  }
  return tenant === undefined ? batch : { ...batch, tenant }
}

/** A query of one tenant. Throws TENANT_MISMATCH when it, or what it is run with, names another one. */
export function checkQuery(query: QueryLike<any> | ParamQuery<any, any>, tenant: string | undefined, options?: LiveOptions): void {
  for (const of of [queryJson(query, undefined).tenant, options?.tenant]) if (of !== undefined && of !== tenant) {
    throw crossed(`a query of the tenant \`${said(of)}\` ${tenant === undefined ? 'outside of it' : `in the scope of \`${tenant}\``}`, 'tenant', said(of))
  }
}
