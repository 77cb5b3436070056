// Solid binding. `eddyline/solid` knows no entry: the database comes from the provider.
import { type Accessor, type JSX, createComponent, createContext, createMemo, createSignal, onCleanup, onMount, sharedConfig, untrack, useContext } from 'solid-js'
import { isServer } from 'solid-js/web'
import type { QuerySnapshot } from '../bindings/bound-query.js'
import { FollowedQuery } from '../bindings/followed-query.js'
import { type GivenDatabase, databaseOf } from '../bindings/given-database.js'
import type { QueryOptions } from '../bindings/query-options.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { checkFunction } from '../option-kinds.js'
import type { QueryLike } from '../query/builder.js'
import type { ParamQuery, ParamValues } from '../query/params.js'
import type { AnySchema } from '../schema.js'

export type { QuerySnapshot } from '../bindings/bound-query.js'
export type { GivenDatabase } from '../bindings/given-database.js'

/**
 * Say once which schema your program has, and the primitives are typed:
 *
 * ```ts
 * declare module 'eddyline/solid' { interface Register { schema: typeof schema } }
 * ```
 */
export interface Register {}
export type RegisteredSchema = Register extends { schema: infer S extends AnySchema } ? S : AnySchema

/** Undefined: not there yet. */
type Provided = () => Database<any> | undefined

const Context = /* @__PURE__ */ createContext<Provided>()

export interface EddylineProviderProps {
  db: GivenDatabase
  children?: JSX.Element
}

/**
 * Gives the database to the primitives below.
 *
 * ```tsx
 * <EddylineProvider db={db}><App /></EddylineProvider>
 * ```
 */
export function EddylineProvider(props: EddylineProviderProps): JSX.Element {
  return createComponent(Context.Provider, { value: providedOf(() => props.db), get children() { return props.children } })
}

function providedOf(given: () => GivenDatabase): Provided {
  const [arrivals, arrive] = createSignal(0)
  const arrived = (): void => { arrive(n => n + 1) }
  return () => {
    arrivals()
    return databaseOf(given(), arrived)
  }
}

function useProvided(): Provided {
  const provided = useContext(Context)
  if (provided === undefined) throw new EddylineError('NO_DATABASE', 'createLiveQuery and useDatabase need an <EddylineProvider> above, or the option `db`')
  return provided
}

/** The database of the provider. Reading it throws while it is not there yet. */
export function useDatabase<S extends AnySchema = RegisteredSchema>(): Accessor<Database<S>> {
  const provided = useProvided()
  return () => {
    const db = provided()
    if (db === undefined) throw new EddylineError('NO_DATABASE', 'the database of <EddylineProvider> is not there yet')
    return db as Database<S>
  }
}

/** As for `db.live`: values of parameters and the window are set anew when they change. */
export interface LiveQueryOptions extends QueryOptions {
  /** Instead of the one of the provider. */
  db?: GivenDatabase | undefined
}

/** Rows are the same objects until they change: `<For>` makes the items of those that did. */
export interface LiveQueryAccessors<R> {
  readonly rows: Accessor<readonly R[]>
  /** `'pending'`: no database or no query yet, or rendered on a server. */
  readonly status: Accessor<QuerySnapshot<R>['status']>
  readonly error: Accessor<EddylineError | undefined>
  readonly version: Accessor<number>
  /** Rows of the whole list, where a `window` shows a part of it. */
  readonly total: Accessor<number | undefined>
  /** All of it at one moment. */
  readonly snapshot: Accessor<QuerySnapshot<R>>
}

/**
 * The rows of a query, up to date until the owner is cleaned up.
 *
 * ```tsx
 * const issues = createLiveQuery(db => db.query.issues.where('status', '=', wanted()).limit(50))
 * return <For each={issues.rows()}>{issue => <li>{issue.title}</li>}</For>
 * ```
 * What `make` and `options` read is followed; the plan is the identity, an equal one keeps the live query. Return `null` to wait. What is
 * wrong with a query throws here, or where it is read if it comes later; what is no query, as a forgotten `return` gives, is QUERY_INVALID.
 */
export function createLiveQuery<R, P, S extends AnySchema = RegisteredSchema>(
  make: (db: Database<S>) => ParamQuery<R, P> | null | false, options: OrAccessor<LiveQueryOptions & { params: ParamValues<P> }>,
): LiveQueryAccessors<R>
export function createLiveQuery<R, S extends AnySchema = RegisteredSchema>(make: (db: Database<S>) => QueryLike<R> | null | false, options?: OrAccessor<LiveQueryOptions>): LiveQueryAccessors<R>
export function createLiveQuery<R>(make: (db: Database<any>) => QueryLike<R> | ParamQuery<R, any> | null | false, options?: OrAccessor<LiveQueryOptions>): LiveQueryAccessors<R> {
  checkFunction(make, 'createLiveQuery')
  const given = typeof options === 'function' ? createMemo(options) : () => options ?? {}
  const provided = untrack(() => given().db) === undefined ? useProvided() : providedOf(() => given().db)
  const waits = waitsForBrowser()
  const followed = new FollowedQuery<R>({
    db: () => waits() ? undefined : provided(),
    query: make,
    options: () => { const { db, ...others } = given(); return others },
  }, 'the callback of `createLiveQuery`', untrack)
  const [told, tell] = createSignal(0)
  followed.listen(() => { tell(n => n + 1) })
  onCleanup(() => { followed.end() })
  const asked = createMemo(() => { followed.ask() }, undefined, { equals: false })
  // Read where it is shown: an effect that reads several queries sees all of them at one version.
  const snapshot = (): QuerySnapshot<R> => {
    asked()
    told()
    return followed.snapshot
  }
  untrack(snapshot)
  return {
    rows: () => snapshot().rows, status: () => snapshot().status, error: () => snapshot().error, version: () => snapshot().version, total: () => snapshot().total,
    snapshot,
  }
}

/** A value, or a function that reads it. */
export type OrAccessor<T> = T | Accessor<T>

/** On a server, and until a component that takes over what a server rendered is mounted: its first render is the server's. */
function waitsForBrowser(): Accessor<boolean> {
  if (isServer) return () => true
  const [waits, wait] = createSignal(sharedConfig.context !== undefined)
  if (untrack(waits)) onMount(() => { wait(false) })
  return waits
}
