// React binding. `eddyline/react` knows no entry: the database comes from the provider.
import { type ReactNode, createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import type { Database, LiveOptions } from '../database.js'
import { EddylineError } from '../errors.js'
import type { LiveQuery, LiveSnapshot } from '../live-query.js'
import { checkFunction, isObject } from '../option-kinds.js'
import { type QueryLike, planKey } from '../query/builder.js'
import { misshapen } from '../query/expr.js'
import type { ParamQuery, ParamValues } from '../query/params.js'
import { jsonOf } from '../query/parts.js'
import type { AnySchema } from '../schema.js'
import type { WorkerDatabase } from '../worker/database.js'

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

/** As for `db.live`: values of parameters and the window are set anew when they change. */
export type HookOptions = Pick<LiveOptions, 'tenant' | 'label' | 'params' | 'window'>

/** What `useLiveQuery` returns. `pending`: no database yet, or rendered on a server. */
export interface HookSnapshot<R> {
  readonly rows: readonly R[]
  readonly status: 'pending' | LiveSnapshot<R>['status']
  readonly error?: EddylineError
  readonly version: number
  /** Rows of the whole list, where a `window` shows a part of it. */
  readonly total?: number
}

const PENDING: HookSnapshot<any> = /* @__PURE__ */ Object.freeze({ rows: /* @__PURE__ */ Object.freeze([]), status: 'pending', version: 0 })

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
  make: (db: Database<S>) => ParamQuery<R, P> | null | false, options: HookOptions & { params: ParamValues<P> },
): HookSnapshot<R>
export function useLiveQuery<R, S extends AnySchema = RegisteredSchema>(make: (db: Database<S>) => QueryLike<R> | null | false, options?: HookOptions): HookSnapshot<R>
export function useLiveQuery<R>(make: (db: Database<any>) => QueryLike<R> | ParamQuery<R, any> | null | false, options?: HookOptions): HookSnapshot<R> {
  const db = useProvided()
  checkFunction(make, 'useLiveQuery')
  const made = db === undefined ? null : make(db)
  if (made === undefined) throw misshapen('the callback of `useLiveQuery` gives a query, or null to wait: is a `return` missing?', made, 'query')
  const query = made || undefined
  const key = query === undefined ? undefined : planKey(jsonOf(query))
  const types = JSON.stringify(query?.types)
  const tenant = options?.tenant
  const label = options?.label
  // A live query shows the whole list or a part of it, for as long as it lives.
  const part = options?.window !== undefined
  // A value that is not given any more is none: what is set stays.
  const given = isObject(options?.params) ? JSON.stringify(Object.entries(options.params).flatMap(([name, value]) => value === undefined ? [] : [name]).sort()) : options?.params
  // The plan's text stands for the query, which is another object in every render.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const store = useMemo(() => new HookStore<R>(db, query, { ...options, tenant, label }), [db, key, types, tenant, part, given])
  // Parameters, and where the window is, are set, not part of what the query is.
  const set = textsOf(options).join()
  useEffect(() => { store.set(options ?? {}) }, [store, set])
  return useSyncExternalStore(store.subscribe, store.getSnapshot, getServerSnapshot)
}

const textsOf = (options: HookOptions | undefined): [params: string, window: string] => [textOf(options?.params), textOf(options?.window)]

/** Another text for another value. Of what contains itself it is any: no parameter takes it. */
function textOf(value: unknown): string {
  try { return JSON.stringify([value], apart) } catch { return '' }
}

/** Makes JSON another text for another value: a Date is none, bytes are no object, NaN and infinities are not null. */
function apart(this: { readonly [name: string]: unknown }, name: string, json: unknown): unknown {
  const value = this[name]
  if (value instanceof Date) return `Date ${Number(value)}`
  if (value instanceof Uint8Array) return `bytes ${value.join()}`
  return typeof json === 'object' ? json : `${typeof json} ${String(json)}`
}

const getServerSnapshot = (): HookSnapshot<any> => PENDING

/**
 * One query of one component.
 *
 * Rendering must not leave anything behind, and React may render without ever subscribing: what the render opened is
 * disposed after a moment unless a subscription takes it over.
 */
class HookStore<R> {
  #live: LiveQuery<R> | undefined
  #last: HookSnapshot<R> = PENDING
  #timer: ReturnType<typeof setTimeout> | undefined
  #subscribers = 0

  #options: HookOptions
  /** Of the values that are set: objects may be the same with others in them. */
  #texts: [params: string, window: string]
  /** What `#last` is made of, where it says the length of the list. */
  #shown: LiveSnapshot<R> | undefined

  constructor(readonly db: Database<any> | undefined, readonly query: QueryLike<R> | ParamQuery<R, any> | undefined, options: HookOptions) {
    this.#options = options
    this.#texts = textsOf(options)
  }

  /** Takes other parameters and another window. */
  set(options: HookOptions): void {
    const { params, window } = options
    const [paramsBefore, windowBefore] = this.#texts
    this.#options = { ...this.#options, params, window }
    this.#texts = textsOf(options)
    // One that has ended shows what it did.
    if (this.#live === undefined || this.#live.status === 'closed') return
    if (params !== undefined && this.#texts[0] !== paramsBefore) this.#live.setParams(params)
    if (window !== undefined && this.#texts[1] !== windowBefore) this.#live.window(window[0], window[1])
  }

  getSnapshot = (): HookSnapshot<R> => {
    if (this.query === undefined) return this.#last
    const live = this.#open()
    if (live === undefined) return this.#last.status === 'closed' ? this.#last : this.#last = { rows: this.#last.rows, status: 'closed', version: this.#last.version, total: this.#last.total }
    if (this.#subscribers === 0 && this.#timer === undefined) this.#disposeSoon()
    return this.#last = this.#told(live)
  }

  /** The length is that of now: rows outside of the window come and go without a word of the query. */
  #told(live: LiveQuery<R>): HookSnapshot<R> {
    const shown = live.getSnapshot()
    if (this.#options.window === undefined) return shown
    // What has ended, or whose engine has, knows no length any more.
    const total = shown.status === 'closed' || shown.error?.code === 'ENGINE_CRASHED' ? this.#last.total : live.total
    if (this.#shown === shown && this.#last.total === total) return this.#last
    this.#shown = shown
    return total === undefined ? shown : { ...shown, total }
  }

  subscribe = (changed: () => void): (() => void) => {
    if (this.query === undefined) return () => {}
    this.#subscribers++
    if (this.#timer !== undefined) { clearTimeout(this.#timer); this.#timer = undefined }
    const live = this.#open()
    const stop = live?.subscribe(changed)
    const stopTotal = this.#options.window === undefined || live === undefined || live.status === 'closed' ? undefined : this.db!.subscribe(changed)
    return () => {
      stop?.()
      stopTotal?.()
      if (--this.#subscribers === 0) this.#close()
    }
  }

  /** Absent where the database has ended before: that is a status here, whether a component was there at the time or not. */
  #open(): LiveQuery<R> | undefined {
    try { return this.#live ??= this.db!.live(this.query as QueryLike<R>, this.#options) } catch (error) {
      if ((error as EddylineError).code !== 'CLOSED') throw error
      return undefined
    }
  }

  #close(): void {
    this.#live?.dispose()
    this.#live = undefined
  }

  #disposeSoon(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#subscribers === 0) this.#close()
    }, 1000);
    (this.#timer as { unref?: () => void }).unref?.()
  }
}
