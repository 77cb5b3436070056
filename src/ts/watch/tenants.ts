// The scopes of a database: one per tenant, and one of what belongs to none.
import type { Report } from '../changes.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { said } from '../option-kinds.js'
import type { AnySchema } from '../schema.js'
import { cleared } from '../tenant.js'
import { checkTenant } from '../values.js'
import { checkDatabase, checkFlag, checkOptions } from './checks.js'
import { hubOf } from './hub.js'
import type { ScopeOptions } from './options.js'
import { Scope } from './scope.js'

/** The scope of one tenant. */
export class Tenant<S extends AnySchema> extends Scope<S> {
  declare readonly id: string

  /** Deletes all rows of the tenant, as one version: queries and watches see them go. */
  clear(): Report { return this.apply(cleared(this.db.schema) as never) }
}

function scopeOf(db: Database<any>, id: string | undefined, options: ScopeOptions | undefined, make: () => Scope<any>): Scope<any> {
  checkDatabase(db)
  checkOptions(options ?? {}, ['maxWatches', 'keepCounters'])
  checkFlag(options?.keepCounters, 'keepCounters')
  const { scopes, told } = hubOf(db)
  const most = options?.maxWatches
  if (most !== undefined && !(typeof most === 'number' && most >= 0)) throw new EddylineError('WATCH_INVALID', '`maxWatches` is a number from 0', { path: 'maxWatches', offending: said(most) })
  let scope = scopes.get(id) as Scope<any> | undefined
  if (scope === undefined) scopes.set(id, scope = make())
  if (options?.maxWatches !== undefined) scope.maxWatches = options.maxWatches
  if (options?.keepCounters === true) {
    told.add(scope)
    scope.counted.keepAll()
  }
  return scope
}

/**
 * The scope of a tenant: the same object each time. Nothing has to be opened or created.
 *
 * ```ts
 * const t = tenant(db, 'org-1')
 * ```
 */
export function tenant<S extends AnySchema>(db: Database<S>, id: string, options?: ScopeOptions): Tenant<S> {
  checkTenant(id, 'id')
  return scopeOf(db, id, options, () => new Tenant<S>(db, id)) as Tenant<S>
}

/** The scope of what belongs to no tenant: watches over tables without tenants. */
export function watches<S extends AnySchema>(db: Database<S>, options?: ScopeOptions): Scope<S> {
  return scopeOf(db, undefined, options, () => new Scope<S>(db, undefined))
}
