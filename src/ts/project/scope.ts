import type { Database } from '../database.js'
import type { LiveEvent } from '../dispatch.js'
import { EddylineError } from '../errors.js'
import type { LiveQuery } from '../live-query.js'
import { canonicalJson, hexOf } from '../values.js'
import type { Composer } from './compose.js'
import { type Node, nameOf } from './graph.js'
import type { Lens } from './lens.js'
import { areEqual } from './rows.js'

/** What a scope needs of those whose it is. */
export interface ScopeHost {
  readonly db: Database<any>
  readonly tenant: string | undefined
  readonly composer: Composer
  /** A version that this scope's own run made: it has seen these rows. */
  isOwn(scope: Scope, version: number): boolean
  /** Its inputs have changed. */
  wake(scope: Scope): void
}

/** A live query over an input within a lens. */
interface Tap { readonly live: LiveQuery<any>; readonly stop: () => void }

/**
 * One function with one lens: its inputs as live queries, so that it is known whether they changed. Lenses that differ in a value
 * share the engine's operators; a change wakes those whose rows it is in.
 */
export class Scope {
  /** Its inputs are not those that its rows were made of. */
  dirty = false
  /** Versions that changed its inputs. */
  changes = 0
  /** The version up to which its rows are made, or it is dirty: who hears of it later has nothing new. */
  #readAt = -1
  /** The version of the last run that may include it. */
  #askedAt = -1
  #isAsked = false
  /** It heard meanwhile of a version that this run has seen. */
  #heardMeanwhile = false
  /** Why its last run failed. */
  error: unknown
  /** Runs that include it and stay. */
  users = 0
  readonly #taps: (Tap | undefined)[]

  constructor(readonly host: ScopeHost, readonly node: Node, readonly lens: Lens, readonly shallow = false) {
    const { composer } = host
    const taps: (Tap | undefined)[] = this.#taps = []
    try {
      for (const input of node.inputs) {
        const query = composer.scoped(input, lens, shallow)
        if (query === undefined) { taps.push(undefined); continue }
        const live = this.#live(query, nameOf(input))
        taps.push({ live, stop: live.subscribe(event => { this.#heard(event) }) })
      }
    } catch (error) { this.end(); throw error }
  }

  #live(query: any, input: string): LiveQuery<any> {
    const { db, tenant } = this.host
    try { return db.live<any>(query, tenant === undefined ? undefined : { tenant }) } catch (error) {
      // What the engine finds in conditions is the lens's.
      if (!(error instanceof EddylineError) || error.path?.startsWith('where') !== true) throw error
      throw new EddylineError(error.code, `the lens over \`${input}\`: ${error.message}`, { path: 'lens', offending: error.offending, nearest: error.nearest, cause: error })
    }
  }

  #heard(event: LiveEvent<any>): void {
    if (event.batch === undefined || event.version <= this.#readAt || this.host.isOwn(this, event.version)) return
    if (event.version > this.#askedAt) this.changes++
    // Where a commit is within the telling of another, runs are ahead of what is told: whether this one reads it shows at its end.
    else if (this.#isAsked) { this.#heardMeanwhile = true; return }
    this.#stale()
  }

  #stale(): void {
    this.dirty = true
    this.host.wake(this)
  }

  /** A run of this version begins, that runs it if it is dirty or what it reads is changed by the run. */
  asked(version: number): void {
    this.#askedAt = version
    this.#isAsked = true
    this.#heardMeanwhile = false
  }

  /** That run is over. Versions that a function did not run for, though its run has seen them, are still to be heard of. */
  answered(hasRun: boolean): void {
    this.#isAsked = false
    if (hasRun || this.dirty) this.#readAt = this.#askedAt
    else if (this.#heardMeanwhile) this.#stale()
  }

  /** Rows of its inputs as they are now; undefined for lists. Throws why an input cannot be evaluated. */
  rows(): (readonly object[] | undefined)[] {
    return this.#taps.map(tap => {
      if (tap === undefined) return undefined
      if (tap.live.error !== undefined) throw tap.live.error
      return tap.live.rows
    })
  }

  /** Whether its inputs are these rows. */
  shows(read: readonly (readonly object[] | undefined)[]): boolean {
    try { return this.rows().every((rows, i) => rows === undefined || areEqual(rows, read[i]!)) } catch { return false }
  }

  end(): void {
    for (const tap of this.#taps) { tap?.stop(); tap?.live.dispose() }
    this.#taps.length = 0
  }
}

/** A text that is equal for equal lists of rows: which input a function has read, over a restart. 53 bits. Cost: about 1 µs per row. */
export function printOf(rows: Iterable<object>): string {
  let a = 0xdeadbeef, b = 0x41c6ce57, n = 0
  for (const row of rows) {
    n++
    const text = JSON.stringify(row, plain)
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i)
      a = Math.imul(a ^ c, 2654435761)
      b = Math.imul(b ^ c, 1597334677)
    }
    a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
    b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  }
  return `${n}-${(4294967296 * (2097151 & b) + (a >>> 0)).toString(36)}`
}

function plain(this: any, name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' && !Number.isFinite(value)) return `#${value}`
  if (value instanceof Uint8Array) return hexOf(value)
  // A JSON column: equal values have one text.
  if (name !== '' && typeof value === 'object' && value !== null) return canonicalJson(value, '')
  return value
}
