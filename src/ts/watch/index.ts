// Watches, assigns and tenants. `eddyline/watch` knows no entry: it works on the database that it is given. Loading it gives
// the scopes of `db.tenant(id)` watches, assigns and counters.
import type { AnySchema } from '../schema.js'
import { extendTenants } from '../tenant.js'
import type { Scope } from './scope.js'
import { tenant } from './tenants.js'

declare module '../tenant.js' {
  interface Tenant<S extends AnySchema> extends Pick<Scope<S>,
    'watch' | 'watchRow' | 'unwatch' | 'watching' | 'watchCount' | 'work' | 'maxWatches' | 'assignReady' | 'assigns' |
    'counters' | 'clearCounters' | 'savedCounters' | 'restoreCounters' | 'dispose'> {}
}

extendTenants((db, id) => tenant(db, id) as never)

export type { SavedCounters } from './counted.js'
export type { By, QueryWatchOptions, ScopeOptions, TableWatchOptions, WatchOptions } from './options.js'
export type { Scope } from './scope.js'
export { type Tenant, tenant, watches } from './tenants.js'
export type { AllOptions, Assigns, AssignsInfo, AssignsListener, AssignsOptions } from './assigns.js'
export type { Counters, Rule, SignalKind } from './kinds.js'
export { type Futures, type Ready, assignReady } from './ready.js'
export type { Signal, SignalListener, Watch } from './watch.js'
