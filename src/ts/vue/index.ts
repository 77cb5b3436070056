// Vue binding. `eddyline/vue` knows no entry: the database is provided.
import {
  type ComputedRef, type InjectionKey, type MaybeRef, type MaybeRefOrGetter, type Plugin, type Ref, computed, effect, getCurrentInstance, hasInjectionContext, inject, onMounted, onScopeDispose, provide,
  shallowRef, ssrContextKey, stop, toRef, toValue, unref,
} from 'vue'
import type { QuerySnapshot } from '../bindings/bound-query.js'
import { FollowedQuery } from '../bindings/followed-query.js'
import { type GivenDatabase, databaseOf } from '../bindings/given-database.js'
import type { QueryOptions } from '../bindings/query-options.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import type { QueryLike } from '../query/builder.js'
import type { AnyParams, ParamQuery, ParamValues } from '../query/params.js'
import type { AnySchema } from '../schema.js'

export type { QuerySnapshot } from '../bindings/bound-query.js'
export type { GivenDatabase } from '../bindings/given-database.js'

/**
 * Say once which schema your program has, and the composables are typed:
 *
 * ```ts
 * declare module 'eddyline/vue' { interface Register { schema: typeof schema } }
 * ```
 */
export interface Register {}
export type RegisteredSchema = Register extends { schema: infer S extends AnySchema } ? S : AnySchema

/** Undefined: not there yet. */
type Provided = () => Database<any> | undefined

const KEY: InjectionKey<Provided> = /* @__PURE__ */ Symbol('eddyline')
/** What components provide: Vue injects it into those below alone. */
const own = /* @__PURE__ */ new WeakMap<object, Provided>()

function providedOf(given: MaybeRefOrGetter<GivenDatabase>): Provided {
  const arrivals = shallowRef(0)
  const arrived = (): void => { arrivals.value++ }
  return () => {
    void arrivals.value
    return databaseOf(toValue(given), arrived)
  }
}

/**
 * Gives the database to this component and those below it: in `setup`. A getter or a ref may give another one later.
 *
 * ```ts
 * provideDatabase(createDatabase({ schema }))
 * ```
 */
export function provideDatabase(db: MaybeRefOrGetter<GivenDatabase>): void {
  const provided = providedOf(db)
  provide(KEY, provided)
  const instance = getCurrentInstance()
  if (instance !== null) own.set(instance, provided)
}

/** Gives the database to an application: `app.use(EddylinePlugin, { db })`. */
export const EddylinePlugin: Plugin<[{ db: MaybeRefOrGetter<GivenDatabase> }]> = {
  install(app, { db }) { app.provide(KEY, providedOf(db)) },
}

function injected(): Provided {
  const instance = getCurrentInstance()
  const provided = (instance === null ? undefined : own.get(instance)) ?? (hasInjectionContext() ? inject(KEY, undefined) : undefined)
  if (provided === undefined) throw new EddylineError('NO_DATABASE', 'useLiveQuery and useDatabase need `provideDatabase` above, or the option `db`')
  return provided
}

/** The database that is provided. Its `value` throws while it is not there yet. */
export function useDatabase<S extends AnySchema = RegisteredSchema>(): Readonly<Ref<Database<S>>> {
  const provided = injected()
  return toRef(() => {
    const db = provided()
    if (db === undefined) throw new EddylineError('NO_DATABASE', 'the database of `provideDatabase` is not there yet')
    return db as Database<S>
  })
}

/** A query, one in a ref, or a function that makes it: what it reads is followed. Null or false: to wait. */
export type QuerySource<Q, S extends AnySchema = RegisteredSchema> = MaybeRef<Q | null | false> | ComputedRef<Q | null | false> | ((db: Database<S>) => Q | null | false)

/** As for `db.live`: values of parameters and the window are set anew when they change. */
export interface LiveQueryOptions<P = AnyParams> {
  tenant?: MaybeRefOrGetter<string | undefined> | undefined
  label?: string | undefined
  params?: MaybeRefOrGetter<P> | undefined
  window?: MaybeRefOrGetter<readonly [start: number, count: number] | undefined> | undefined
  /** Instead of the one that is provided. */
  db?: MaybeRefOrGetter<GivenDatabase> | undefined
}

/** Read-only refs. Rows are as the database has them, not made reactive: each is another object when it changes. */
export interface LiveQueryRefs<R> {
  readonly rows: Readonly<Ref<readonly R[]>>
  /** `'pending'`: no database or no query yet, or rendered on a server. */
  readonly status: Readonly<Ref<QuerySnapshot<R>['status']>>
  readonly error: Readonly<Ref<EddylineError | undefined>>
  readonly version: Readonly<Ref<number>>
  /** Rows of the whole list, where a `window` shows a part of it. */
  readonly total: Readonly<Ref<number | undefined>>
  /** All of it at one moment. */
  readonly snapshot: Readonly<Ref<QuerySnapshot<R>>>
}

/**
 * The rows of a query, up to date until the component or the effect scope ends.
 *
 * ```ts
 * const { rows, status } = useLiveQuery(db => db.query.issues.where('status', '=', wanted.value).limit(50))
 * ```
 * The plan is the identity: a getter that gives an equal one keeps the live query. What is wrong with a query throws here, or where a ref
 * is read if it comes later; what is no query, as a forgotten `return` gives, is QUERY_INVALID.
 */
export function useLiveQuery<R, P, S extends AnySchema = RegisteredSchema>(
  source: QuerySource<ParamQuery<R, P>, S>, options: LiveQueryOptions<ParamValues<P>> & { params: MaybeRefOrGetter<ParamValues<P>> },
): LiveQueryRefs<R>
export function useLiveQuery<R, S extends AnySchema = RegisteredSchema>(source: QuerySource<QueryLike<R>, S>, options?: LiveQueryOptions): LiveQueryRefs<R>
export function useLiveQuery<R>(source: QuerySource<QueryLike<R> | ParamQuery<R, any>, any>, options?: LiveQueryOptions<any>): LiveQueryRefs<R> {
  const { db: given, ...others } = options ?? {}
  const provided = given === undefined ? injected() : providedOf(given)
  const waits = waitsForBrowser()
  const followed = new FollowedQuery<R>({
    db: () => waits.value ? undefined : provided(),
    query: db => typeof source === 'function' ? source(db) : unref(source),
    options: () => Object.fromEntries(Object.entries(others).map(([name, value]) => [name, toValue(value)])) as QueryOptions,
  }, 'the source of `useLiveQuery`', untracked)
  const told = shallowRef(0)
  followed.listen(() => { told.value++ })
  onScopeDispose(() => {
    followed.end()
    told.value++
  })

  // A query is asked for when somebody looks: of several changes of a moment only the last one counts.
  const asked = computed(() => { followed.ask(); return {} })
  // A computed that throws is not asked again: what it says to be wrong is thrown by who reads it.
  const shown = computed<{ readonly snapshot?: QuerySnapshot<R>; readonly error?: unknown }>(() => {
    void asked.value
    void told.value
    try { return { snapshot: followed.snapshot } } catch (error) { return { error } }
  })
  const failure = computed(() => (shown.value.snapshot === undefined ? shown.value : undefined))
  const checked = (): void => { if (failure.value !== undefined) throw failure.value.error }
  const readonly = <T>(get: (snapshot: QuerySnapshot<R>) => T): Readonly<Ref<T>> => {
    const value = computed(() => (shown.value.snapshot === undefined ? undefined : get(shown.value.snapshot)) as T)
    return toRef(() => { checked(); return value.value })
  }
  checked()
  return {
    rows: readonly(s => s.rows), status: readonly(s => s.status), error: readonly(s => s.error), version: readonly(s => s.version), total: readonly(s => s.total),
    snapshot: readonly(s => s),
  }
}

/** On a server, and until a component that takes over what a server rendered is mounted: its first render is the server's. */
function waitsForBrowser(): { readonly value: boolean } {
  if (hasInjectionContext() && inject(ssrContextKey, undefined) !== undefined) return { value: true }
  const waits = shallowRef(getCurrentInstance()?.vnode.el != null)
  if (waits.value) onMounted(() => { waits.value = false })
  return waits
}

/** What listeners of the database read is nothing of the query. */
function untracked(fn: () => void): void {
  stop(effect(fn, { scheduler() {} }))
}
