// Svelte binding. `eddyline/svelte` knows no entry: the database comes from the context. Nothing here is compiled by Svelte.
import { getContext, onMount, setContext, untrack } from 'svelte'
import { createSubscriber } from 'svelte/reactivity'
import { type Readable, toStore } from 'svelte/store'
import { PENDING, type QuerySnapshot } from '../bindings/bound-query.js'
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
 * Say once which schema your program has, and the functions are typed:
 *
 * ```ts
 * declare module 'eddyline/svelte' { interface Register { schema: typeof schema } }
 * ```
 */
export interface Register {}
export type RegisteredSchema = Register extends { schema: infer S extends AnySchema } ? S : AnySchema

/** Undefined: not there yet. */
type Provided = () => Database<any> | undefined

const KEY = /* @__PURE__ */ Symbol('eddyline')

/** `mounted`: tells when the component is, until which a promise counts as not there yet. */
function providedOf(given: OrGetter<GivenDatabase>, mounted?: (fn: () => void) => void): Provided {
  let update: (() => void) | undefined
  const subscribe = createSubscriber(changed => {
    update = changed
    return () => { update = undefined }
  })
  const arrived = (): void => { update?.() }
  let waits = mounted !== undefined
  mounted?.(() => {
    waits = false
    arrived()
  })
  return () => {
    subscribe()
    const now = read(given), db = databaseOf(now, arrived)
    return waits && db !== now ? undefined : db
  }
}

/**
 * Gives the database to this component and those below it, as its script runs. A getter may give another one later. That of a promise is
 * there when this component is mounted: what takes over what a server rendered begins as the server did, or Svelte leaves `src` as it was.
 *
 * ```ts
 * provideDatabase(createDatabase({ schema }))
 * ```
 */
export function provideDatabase(db: OrGetter<GivenDatabase>): void {
  setContext<Provided>(KEY, providedOf(db, onMount))
}

function contextual(): Provided {
  let provided: Provided | undefined
  // Where there is no component there is no context, either: Svelte throws.
  try { provided = getContext(KEY) } catch {}
  if (provided === undefined) throw new EddylineError('NO_DATABASE', 'useLiveQuery and useDatabase need `provideDatabase` above, or the option `db`')
  return provided
}

/** The database that is provided: `current` throws while it is not there yet. */
export function useDatabase<S extends AnySchema = RegisteredSchema>(): { readonly current: Database<S> } {
  const provided = contextual()
  return {
    get current() {
      const db = provided()
      if (db === undefined) throw new EddylineError('NO_DATABASE', 'the database of `provideDatabase` is not there yet')
      return db as Database<S>
    },
  }
}

/** As for `db.live`: values of parameters and the window are set anew when they change. */
export interface LiveQueryOptions extends QueryOptions {
  /** Instead of the one of the context: outside of components there is none. */
  db?: GivenDatabase | undefined
}

/** What is read of it is followed by effects, deriveds and templates: not to be destructured. As a store it tells its snapshots: `$issues.rows`. */
export interface LiveQueryState<R> extends QuerySnapshot<R>, Readable<QuerySnapshot<R>> {
  /** All of it at one moment. */
  readonly snapshot: QuerySnapshot<R>
}

/**
 * The rows of a query, up to date while somebody looks.
 *
 * ```svelte
 * <script>
 *   let wanted = $state('open')
 *   const issues = useLiveQuery(db => db.query.issues.where('status', '=', wanted).limit(50))
 * </script>
 * {#each issues.rows as issue (issue.id)}<li>{issue.title}</li>{/each}
 * ```
 * What `make` and `options` read is followed; the plan is the identity, an equal one keeps the live query. Return `null` to wait. What is
 * wrong with a query throws where it is read; what is no query, as a forgotten `return` gives, is QUERY_INVALID.
 */
export function useLiveQuery<R, P, S extends AnySchema = RegisteredSchema>(
  make: (db: Database<S>) => ParamQuery<R, P> | null | false, options: OrGetter<LiveQueryOptions & { params: ParamValues<P> }>,
): LiveQueryState<R>
export function useLiveQuery<R, S extends AnySchema = RegisteredSchema>(make: (db: Database<S>) => QueryLike<R> | null | false, options?: OrGetter<LiveQueryOptions>): LiveQueryState<R>
export function useLiveQuery<R>(make: (db: Database<any>) => QueryLike<R> | ParamQuery<R, any> | null | false, options?: OrGetter<LiveQueryOptions>): LiveQueryState<R> {
  checkFunction(make, 'useLiveQuery')
  const given = (): LiveQueryOptions => read(options) ?? {}
  const provided = untrack(given).db === undefined ? contextual() : providedOf(() => given().db)
  const followed = new FollowedQuery<R>({
    db: provided, query: make,
    options: () => { const { db, ...others } = given(); return others },
  }, 'the callback of `useLiveQuery`', untrack)
  const subscribe = createSubscriber(update => followed.listen(update))
  const snapshot = (): QuerySnapshot<R> => {
    // There is no component on a server that would end it.
    if (typeof window === 'undefined') return PENDING
    subscribe()
    followed.ask()
    return followed.snapshot
  }
  return {
    get rows() { return snapshot().rows },
    get status() { return snapshot().status },
    get error() { return snapshot().error },
    get version() { return snapshot().version },
    get total() { return snapshot().total },
    get snapshot() { return snapshot() },
    subscribe: (run, invalidate) => toStore(snapshot).subscribe(run, invalidate),
  }
}

/** A value, or a function that reads it. */
export type OrGetter<T> = T | (() => T)

const read = <T>(given: OrGetter<T>): T => (typeof given === 'function' ? (given as () => T)() : given)
