// React binding. `eddyline/react` knows no entry: the database comes from the provider.
import { type ReactNode, createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { BoundQuery, PENDING, type QuerySnapshot } from '../bindings/bound-query.js'
import { type QueryOptions, askedOf, identityOf, textsOf } from '../bindings/query-options.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { checkFunction } from '../option-kinds.js'
import type { QueryLike } from '../query/builder.js'
import type { ParamQuery, ParamValues } from '../query/params.js'
import type { AnySchema } from '../schema.js'
import type { WorkerDatabase } from '../worker/database.js'

export type { QuerySnapshot as HookSnapshot } from '../bindings/bound-query.js'
export type { QueryOptions as HookOptions } from '../bindings/query-options.js'

/**
 * Say once which schema your program has, and the hooks are typed:
 *
 * ```ts
 * declare module 'eddyline/react' { interface Register { schema: typeof schema } }
 * ```
 */
export interface Register {}
export type RegisteredSchema = Register extends { schema: infer S extends AnySchema } ? S : AnySchema

export interface EddylineProviderProps {
  /** The database, also one of `eddyline/worker`, or the promise of it: until it is there, queries are `'pending'`. Absent (also as null) on the server. */
  db: Database<any> | WorkerDatabase<any> | Promise<Database<any> | WorkerDatabase<any>> | null | undefined
  children?: ReactNode
}

const Context = /* @__PURE__ */ createContext<{ db: Database<any> | undefined } | undefined>(undefined)

/**
 * Gives the database to the hooks below.
 *
 * ```tsx
 * <EddylineProvider db={db}><App /></EddylineProvider>
 * ```
 */
export function EddylineProvider({ db, children }: EddylineProviderProps): ReactNode {
  const [resolved, setResolved] = useState<{ from: unknown; db: Database<any> } | undefined>(undefined)
  const pending = typeof (db as Promise<unknown> | null | undefined)?.then === 'function'
  useEffect(() => {
    if (!pending) return
    let current = true
    void (db as Promise<Database<any>>).then(value => { if (current) setResolved({ from: db, db: value }) },
      error => { if (current) setResolved(() => { throw error }) })
    return () => { current = false }
  }, [db, pending])
  const present = pending ? (resolved?.from === db ? resolved!.db : undefined) : db as Database<any> | null ?? undefined
  const value = useMemo(() => ({ db: present }), [present])
  return <Context.Provider value={value}>{children}</Context.Provider>
}

function useProvided(): Database<any> | undefined {
  const provided = useContext(Context)
  if (provided === undefined) throw new EddylineError('NO_DATABASE', 'useLiveQuery and useDatabase need an <EddylineProvider> above')
  return provided.db
}

/** The database of the provider. Throws while it is not there yet. */
export function useDatabase<S extends AnySchema = RegisteredSchema>(): Database<S> {
  const db = useProvided()
  if (db === undefined) throw new EddylineError('NO_DATABASE', 'the database of <EddylineProvider> is not there yet')
  return db
}

/**
 * The rows of a query, up to date.
 *
 * ```tsx
 * const { rows, status } = useLiveQuery(db => db.query.issues.where('status', '=', wanted).limit(50))
 * ```
 * The plan is the identity: no dependency list, and equal queries in many components are one view. Return `null` to wait; what is
 * no query, as a forgotten `return` gives, throws QUERY_INVALID. Cost of a render: building the plan and its text, some microseconds.
 */
export function useLiveQuery<R, P, S extends AnySchema = RegisteredSchema>(
  make: (db: Database<S>) => ParamQuery<R, P> | null | false, options: QueryOptions & { params: ParamValues<P> },
): QuerySnapshot<R>
export function useLiveQuery<R, S extends AnySchema = RegisteredSchema>(make: (db: Database<S>) => QueryLike<R> | null | false, options?: QueryOptions): QuerySnapshot<R>
export function useLiveQuery<R>(make: (db: Database<any>) => QueryLike<R> | ParamQuery<R, any> | null | false, options?: QueryOptions): QuerySnapshot<R> {
  const db = useProvided()
  checkFunction(make, 'useLiveQuery')
  const asked = db === undefined ? undefined : askedOf(make(db), 'the callback of `useLiveQuery`')
  const given = options ?? {}
  const identity = identityOf(asked, given)
  // The identity stands for the query, which is another object in every render.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const bound = useMemo(() => new BoundQuery<R>(db, asked, given), [db, identity])
  const set = textsOf(given).join()
  useEffect(() => { bound.set(given) }, [bound, set])
  return useSyncExternalStore(bound.subscribe, bound.getSnapshot, getServerSnapshot)
}

const getServerSnapshot = (): QuerySnapshot<any> => PENDING
