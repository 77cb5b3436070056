// Watches, assigns and tenants. `eddyline/watch` knows no entry: it works on the database that it is given.
export { type By, type QueryWatchOptions, type SavedCounters, type Scope, type ScopeOptions, type TableWatchOptions, type Tenant, type WatchOptions, tenant, watches } from './scope.js'
export type { AllOptions, Assigns, AssignsInfo, AssignsListener, AssignsOptions } from './assigns.js'
export type { Counters, Rule, SignalKind } from './kinds.js'
export { type Futures, type Ready, assignReady } from './ready.js'
export type { Signal, SignalListener, Watch } from './watch.js'
