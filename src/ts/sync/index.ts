// `eddyline/sync`: values that an application holds itself, kept right by events. No entry of the engine is named here: the
// database comes from the caller.
import type { Database } from '../database.js'
import type { QueryLike } from '../query/builder.js'
import type { AnySchema } from '../schema.js'
import { EddylineError } from '../errors.js'
import { said } from '../option-kinds.js'
import { checkTenant } from '../values.js'
import { jsonOf } from '../query/parts.js'
import { graphOf } from './graph.js'
import { type Subscription, type Tell, closeHubs, hubOf } from './hub.js'
import type { SubscribeOptions, Target } from './target.js'
import { checkDatabase, schemaOf } from './value.js'
import { type Watcher, watchersOf } from './watchers.js'

export { sync, type SyncOptions, type Told as News } from './sync.js'
export { receiver, type Receiver, type ReceiverOptions } from './receiver.js'
export type { Assocs, EventName, Notification, RowEvent } from './events.js'
export type { Fetch } from './fetcher.js'
export type { Message } from './messages.js'
export type { Of } from './value.js'
export type { SubscribeOptions, Subscription, Target, Tell, Watcher }

/**
 * Listens to rows: at most one call per version, with the net changes that concern the target.
 *
 * ```ts
 * subscribe(db, 'posts', tell)                                    // inserted, updated, deleted
 * subscribe(db, ['posts', 'updated'], { columns: ['title'] }, tell)
 * subscribe(db, 'posts', { by: { personId: 7 } }, tell)           // rows that were or are of person 7
 * subscribe(db, person, { assocs: { posts: 'tags' } }, n => { person = sync(db, person, n) })
 * ```
 * Rows are followed with their associations: rows that enter are followed from then on, deleted ones let go. The same
 * subscription twice is one. Throws UNKNOWN_TABLE, UNKNOWN_LABEL, EVENT_INVALID, INSERT_BY_KEY, UNKNOWN_COLUMN, NOT_LINKED,
 * WATCHER_INVALID, UNKNOWN_RELATION, MISSING_KEY, TYPE_MISMATCH, AMBIGUOUS_ROW, TARGET_INVALID, TENANT_REQUIRED. Cost of a change: a lookup
 * for each set of columns that anybody listens by, and the lists that it changes.
 */
export function subscribe(db: Database<any>, target: Target, tell: Tell): Subscription
export function subscribe(db: Database<any>, target: Target, options: SubscribeOptions, tell: Tell): Subscription
export function subscribe(db: Database<any>, target: Target, ...rest: [Tell] | [SubscribeOptions, Tell]): Subscription {
  checkDatabase(db)
  const [options, tell] = rest.length > 1 ? rest as [SubscribeOptions, Tell] : typeof rest[0] === 'function' ? [{}, rest[0]] : [rest[0] ?? {}, undefined as never]
  return hubOf(db, tenantOf(options)).subscribe(target, options, tell)
}

/** Ends subscriptions to the same target with the same options: that of `tell`, or all. Returns whether there were any. */
export function unsubscribe(db: Database<any>, target: Target, options: SubscribeOptions = {}, tell?: Tell): boolean {
  return hubOf(db, tenantOf(options)).unsubscribe(target, options, tell)
}

/** The subscriptions of a database: to a table or label, to a row of it. With the associations that are stored with them. */
export function subscriptions(db: Database<any>, of?: string, id?: unknown, options?: { tenant?: string | undefined }): Subscription[] {
  return hubOf(db, tenantOf(options ?? {})).subscriptions(of, id)
}

/**
 * Declares labelled watchers, for `subscribe` by label and for messages that carry one.
 *
 * ```ts
 * watch(db, [{ table: 'posts', event: 'updated', label: 'title_changed', columns: ['title'], extraColumns: ['personId'] }])
 * ```
 * A watcher that is declared twice, label and all, as those of two queries may be, is there until both are taken back.
 * Returns the function that takes them back. Throws UNKNOWN_TABLE, EVENT_INVALID, UNKNOWN_COLUMN, WATCHER_INVALID,
 * DUPLICATE_LABEL; then none is declared.
 */
export function watch(db: Database<any>, watchers: readonly Watcher[], options?: { tenant?: string | undefined }): () => void {
  return hubOf(db, tenantOf(options ?? {})).watch(watchers)
}

/** What a backend must send to keep a query right: watchers for `EctoWatch`, or for triggers of your own. */
export function watchersFor(source: Database<any> | AnySchema, query: QueryLike<any>): Required<Watcher>[] {
  jsonOf(query)
  return watchersOf(graphOf(schemaOf(source)), query)
}

/** The tenant of options, which are an object. */
function tenantOf(options: unknown): string | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new EddylineError('TARGET_INVALID', 'options are an object', { path: 'options', offending: said(options) })
  const { tenant } = options as { tenant?: unknown }
  if (tenant !== undefined) checkTenant(tenant, 'tenant')
  return tenant as string | undefined
}

/** Ends all subscriptions and gives back what `sync` keeps in the engine to find rows. Used again, it is made again. */
export function close(db: Database<any>): void { closeHubs(db) }
