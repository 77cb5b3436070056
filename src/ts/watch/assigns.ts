/// <reference lib="esnext.disposable" preserve="true" />
import type { Report } from '../changes.js'
import { EddylineError } from '../errors.js'
import type { Patch } from '../patches.js'
import type { QueryLike } from '../query/builder.js'
import type { AnySchema, Key, Row, TableName } from '../schema.js'
import { checkBy, checkFlag, checkFunction, checkList, checkOptions, checkWhat, checkWord } from './checks.js'
import { AllEntry, type Entry, ManyEntry, OneEntry } from './entries.js'
import { type Hub, type Teller, throwAll } from './hub.js'
import { KINDS, type SignalKind } from './kinds.js'
import { columnType, tableOf } from './row-keys.js'
import type { Scope } from './scope.js'

export interface AssignsOptions {
  /** Ends it. */
  signal?: AbortSignal | undefined
  /** Ends it when this object (a component, a process) has been collected. Callbacks must not hold it. */
  owner?: object | undefined
}

/** What a callback is told besides the values. */
export interface AssignsInfo {
  readonly version: number
  /** By label: the steps from the value before, for queries whose updates were not withheld. */
  readonly patches: ReadonlyMap<unknown, readonly Patch[]>
  /** The batch that caused it; undefined when a call of yours did. */
  readonly batch: Report | undefined
}

/** Gets new and old values by label. `'halt'` keeps it from the callbacks after it. */
export type AssignsListener = (changed: ReadonlyMap<unknown, unknown>, old: ReadonlyMap<unknown, unknown>, info: AssignsInfo) => 'cont' | 'halt' | void

export interface AllOptions {
  /** What refreshes the list: with `'collection'`, changes inside of rows are withheld until a row comes, goes or moves. */
  watch?: SignalKind | undefined
}

interface Callback { readonly name: string | undefined; readonly fn: AssignsListener; active: boolean }

/** Callbacks that change assigns are told of it in further rounds; so many are a circle. */
const MOST_ROUNDS = 100

/**
 * Values by label that follow the rows of a scope: the state of a user interface.
 *
 * All labels are of one version (those that are put inside of a listener that has applied are ahead until that is told). Callbacks are called at most once per batch with everything that changed, after
 * live queries and watches made before. Labels are any values, told apart as keys of a `Map` are.
 *
 * ```ts
 * const a = tenant(db, 'org-1').assigns({ signal })
 * a.onAssigns(changed => { render(changed) })
 * a.one('favourite', 'quotes', 'q1').all('quotes', db.query.quotes.orderBy('author'))
 * a.get('favourite')   // the row, or null
 * ```
 */
export class Assigns<S extends AnySchema> implements Teller {
  readonly order: number
  /** @internal What else is to be given back. */
  release: (() => void) | undefined
  readonly #entries = new Map<unknown, Entry>()
  readonly #values = new Map<unknown, unknown>()
  readonly #dirty = new Set<unknown>()
  #callbacks: Callback[] = []
  #old = new Map<unknown, unknown>()
  #patches = new Map<unknown, readonly Patch[]>()
  /** A version that waits to be told. */
  #late: { version: number; batch: Report } | undefined
  #grouped = 0
  #telling = false
  #disposed = false
  #picture: ReadonlyMap<unknown, unknown> | undefined

  /** @internal Made by `scope.assigns()`. */
  constructor(readonly scope: Scope<S>, readonly hub: Hub, readonly ended: (assigns: Assigns<S>) => void) {
    this.order = hub.next()
    hub.enter()
  }

  /** Follows one row: null while it is not there. */
  one<T extends TableName<S>>(label: unknown, table: T, id: Key<S, T>): this {
    this.#alive()
    const json = tableOf(this.scope.db.schema, table)
    return this.#put(label, 1, changed => new OneEntry(this.scope, json, id, changed))
  }

  /**
   * Follows rows by their keys, in the order given; rows that are not there are left out until they are. Another list
   * under the same label keeps the rows that both have. No keys, or null, cancel the label.
   */
  many<T extends TableName<S>>(label: unknown, table: T, ids: readonly Key<S, T>[] | null | undefined): this {
    this.#alive()
    const json = tableOf(this.scope.db.schema, table)
    if (ids !== null && ids !== undefined) checkList(ids, 'ids')
    if (ids === null || ids === undefined || ids.length === 0) {
      this.cancel(label, { assign: false })
      this.#change(label, [])
      return this.#done()
    }
    const known = this.#entries.get(label)
    if (known instanceof ManyEntry && known.table === json && !known.feed.closed) {
      known.set(ids)
      this.#change(label, known.value)
      return this.#done()
    }
    // What it holds is taken by `set`.
    return this.#put(label, 0, changed => {
      const feed = this.hub.feed(table, this.scope.id)
      const entry = new ManyEntry(this.scope, json, feed, changed)
      try { entry.set(ids) } catch (error) { entry.end(); throw error }
      return entry
    })
  }

  /** Follows a table or the result of a query. */
  all(label: unknown, what: TableName<S> | QueryLike<any>, options?: AllOptions): this {
    this.#alive()
    const kind = options?.watch ?? 'changes'
    checkWhat(what)
    checkOptions(options ?? {}, ['watch'])
    checkWord(kind, KINDS, 'watch')
    return this.#put(label, 1, changed => new AllEntry(this.scope, this.#query(what), kind, changed))
  }

  /** Follows the rows of a table, or of a query over one table, with an indexed value. */
  allBy<T extends TableName<S>>(label: unknown, what: T | QueryLike<any>, by: Partial<Row<S, T>>, options?: AllOptions): this {
    this.#alive()
    checkWhat(what)
    let query: any = this.#query(what)
    if (typeof query.where !== 'function') throw new EddylineError('QUERY_INVALID', '`allBy` needs a query builder', { path: 'query' })
    const from = (query.toJSON() as { from?: unknown }).from
    checkBy(by, column => typeof from === 'string' && columnType(tableOf(this.scope.db.schema, from), column, `by.${column}`))
    for (const [column, value] of Object.entries(by)) {
      query = query.where(column, value === null ? 'is' : '=', value)
    }
    return this.all(label, query, options)
  }

  /** Several labels at once: one callback for all of them, at one version. */
  group(fn: () => void): this {
    this.#alive()
    checkFunction(fn, 'fn')
    this.#grouped++
    const errors: unknown[] = []
    try {
      // What is put after a wait would be no part of it.
      if (typeof (fn() as unknown as PromiseLike<void> | undefined)?.then === 'function') throw new EddylineError('WATCH_INVALID', 'a group is put by a function that is done when it returns', { path: 'fn', offending: 'Promise' })
    } catch (error) { errors.push(error) } finally { this.#grouped-- }
    // What was put before an error is there, and is told.
    try { this.#done() } catch (error) { errors.push(error) }
    throwAll(errors)
    return this
  }

  /** The value of a label; undefined if it has none. */
  get<V = any>(label: unknown): V | undefined { return this.#values.get(label) as V | undefined }

  /** All values by label: the same object until one changes. Fit for `useSyncExternalStore`, as `onAssigns` is. */
  getSnapshot = (): ReadonlyMap<unknown, unknown> => this.#picture ??= new Map(this.#values)

  /**
   * Why a label is not up to date: its query could not be evaluated, and its value is the last good one; or a touched row of
   * its table could not be fetched (FETCH_FAILED), and is as it was.
   */
  error(label: unknown): EddylineError | undefined { return this.#entries.get(label)?.error }

  /** Whether a label follows anything; without a label, whether any does. */
  watching(...label: [label?: unknown]): boolean { return label.length === 0 ? this.#entries.size > 0 : this.#entries.has(label[0]) }

  /**
   * Calls `fn` whenever values change, at most once per batch, and once per call (or group) that changes some. Named
   * callbacks are there once: a second one of that name throws WATCH_INVALID or, with `replace`, takes the place of the
   * first. Returns the function that ends it.
   */
  onAssigns = (fn: AssignsListener, options?: { name?: string; replace?: boolean }): (() => void) => {
    this.#alive()
    checkFunction(fn, 'fn')
    checkOptions(options ?? {}, ['name', 'replace'])
    checkFlag(options?.replace, 'replace')
    const { name, replace } = options ?? {}
    const callback: Callback = { name, fn, active: true }
    const at = name === undefined ? -1 : this.#callbacks.findIndex(c => c.name === name)
    if (at >= 0 && !replace) throw new EddylineError('WATCH_INVALID', `there is a callback \`${name}\` already; \`replace\` takes its place`, { path: 'name', offending: name })
    if (at >= 0) {
      this.#callbacks[at].active = false
      this.#callbacks = this.#callbacks.with(at, callback)
    } else this.#callbacks = [...this.#callbacks, callback]
    return () => {
      callback.active = false
      this.#callbacks = this.#callbacks.filter(c => c !== callback)
    }
  }

  /** Ends a label; its value becomes null, or an empty list, unless `assign` is false. */
  cancel(label: unknown, options?: { assign?: boolean }): this {
    checkOptions(options ?? {}, ['assign'])
    checkFlag(options?.assign, 'assign')
    const entry = this.#entries.get(label)
    if (entry === undefined) return this
    this.#release(label, entry)
    if (options?.assign !== false) this.#change(label, entry.nothing)
    return this.#done()
  }

  /** Ends all labels. May be called again, and after the end: who cleans up does not know what went first. */
  cancelAll(options?: { assign?: boolean }): this {
    checkOptions(options ?? {}, ['assign'])
    return this.#disposed ? this : this.group(() => { for (const label of [...this.#entries.keys()]) this.cancel(label, options) })
  }

  /** Ends everything; the values stay as they are. May be called again. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const [label, entry] of [...this.#entries]) this.#release(label, entry)
    for (const c of this.#callbacks) c.active = false
    this.#callbacks = []
    this.#old.clear()
    this.hub.forget(this)
    this.hub.leave()
    this.release?.()
    this.ended(this)
  }

  [Symbol.dispose](): void { this.dispose() }

  /** @internal */
  tell(version: number, batch: Report): void {
    this.#late = { version, batch }
    // Inside of a callback that was not called by the database, or of a group, versions wait: values change between calls only.
    if (!this.#telling && this.#grouped === 0) throwAll(this.#drain(version, undefined))
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  #alive(): void { if (this.#disposed) throw new EddylineError('CLOSED', 'these assigns are disposed') }

  #query(what: string | QueryLike<any>): QueryLike<any> {
    if (typeof what !== 'string') return what
    tableOf(this.scope.db.schema, what)
    return (this.scope.query as any)[what]
  }

  #put(label: unknown, weight: number, make: (changed: () => void) => Entry): this {
    const former = this.#entries.get(label)
    const spare = former?.weight ?? 0
    let entry: Entry
    const changed = (): void => {
      this.#dirty.add(label)
      this.hub.wake(this)
    }
    // What the former one held is there for the new one.
    this.scope.free(spare)
    let held = 0
    try {
      this.scope.hold(weight)
      held = weight
      entry = make(changed)
    } catch (error) {
      this.scope.free(held - spare)
      throw error
    }
    if (former !== undefined) this.#forget(label, former)
    this.#entries.set(label, entry)
    this.#change(label, entry.value)
    return this.#done()
  }

  #release(label: unknown, entry: Entry): void {
    this.scope.free(entry.weight)
    this.#forget(label, entry)
  }

  #forget(label: unknown, entry: Entry): void {
    this.#entries.delete(label)
    this.#dirty.delete(label)
    this.#patches.delete(label)
    entry.end()
  }

  #change(label: unknown, value: unknown): boolean {
    const old = this.#values.get(label)
    if (Object.is(old, value) || (isEmpty(old) && isEmpty(value))) return false
    if (!this.#old.has(label)) this.#old.set(label, old)
    this.#values.set(label, value)
    this.#picture = undefined
    return true
  }

  /** After a call of the user: callbacks are told, unless a group or a round of theirs is under way. */
  #done(): this {
    if (this.#grouped === 0 && !this.#telling) throwAll(this.#drain(this.hub.db.version, undefined))
    return this
  }

  /** Takes over what entries show now. */
  #absorb(): void {
    for (const [label, entry] of this.#entries) {
      if (!this.#dirty.has(label)) continue
      if (entry instanceof ManyEntry) entry.refresh()
      const patches = entry.takePatches()
      if (this.#change(label, entry.value) && patches !== undefined) this.#patches.set(label, patches)
    }
    this.#dirty.clear()
  }

  #drain(version: number, batch: Report | undefined): unknown[] {
    const errors: unknown[] = []
    this.#telling = true
    try {
      for (let round = 0; this.#old.size > 0 || this.#late !== undefined; round++) {
        // First: what a callback or group has put meanwhile is of that version, too.
        if (this.#late !== undefined) {
          ({ version, batch } = this.#late)
          this.#late = undefined
          this.#absorb()
        }
        const old = this.#old, patches = this.#patches
        this.#old = new Map()
        this.#patches = new Map()
        const changed = new Map<unknown, unknown>()
        for (const [label, value] of old) if (!Object.is(this.#values.get(label), value)) changed.set(label, this.#values.get(label))
        if (changed.size === 0) continue
        if (round === MOST_ROUNDS) throw new EddylineError('CALLBACK_CIRCLE', `callbacks of assigns keep changing what they are told of, ${MOST_ROUNDS} times in a row`)
        const info: AssignsInfo = { version, patches, batch }
        batch = undefined
        for (const c of this.#callbacks) {
          if (!c.active) continue
          try { if (c.fn(changed, old, info) === 'halt') break } catch (error) { errors.push(error) }
        }
      }
    } finally { this.#telling = false }
    return errors
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Assigns' }
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0
