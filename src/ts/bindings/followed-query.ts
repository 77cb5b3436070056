// The live query of a component that runs once, and asks for another when what its query is made of changes: all but React.
import type { Database } from '../database.js'
import { BoundQuery, PENDING, type QuerySnapshot } from './bound-query.js'
import { type Asked, type QueryOptions, askedOf, identityOf, textsOf } from './query-options.js'

/** What a component asks for, from whatever its framework holds it in. */
export interface Question<R> {
  /** Undefined: not there yet. */
  db(): Database<any> | undefined
  /** Null or false: nothing yet. */
  query(db: Database<any>): Asked<R> | null | false | undefined
  options(): QueryOptions
}

/**
 * Follows a question: the same query keeps its live query, whose parameters and window are set; another one takes its place.
 *
 * `ask` reads the question, so the framework sees what it is made of; what it does then, the framework must not see (`untracked`):
 * other listeners of the database may be called by it. What is wrong with a question shows where the snapshot is read.
 */
export class FollowedQuery<R> {
  #bound = nothing<R>()
  #db: Database<any> | undefined
  /** Undefined: no question, or none that could be read. */
  #identity: string | undefined
  #texts = ''
  /** What came of the last question. */
  #failure: { readonly error: unknown } | undefined
  /** Why the query of now, with its values of now, is not shown. */
  #refused: { readonly error: unknown } | undefined
  #last: QuerySnapshot<R> = PENDING
  #changed: (() => void) | undefined
  #stop: (() => void) | undefined
  #taking = false
  #ended = false

  /** `from`: who gives the query, as messages name it. */
  constructor(readonly question: Question<R>, readonly from: string, readonly untracked: (fn: () => void) => void) {}

  /** Calls `changed` when there is something else to show, until the function that it returns is called. What is asked for is opened by `ask`. */
  listen(changed: () => void): () => void {
    this.#changed = changed
    return () => {
      this.#changed = undefined
      this.#leave()
    }
  }

  /** Shows what it did, from now on. */
  end(): void {
    const { rows, version, total } = this.#last
    this.#last = { rows, status: 'closed', version, total }
    this.#ended = true
    this.#changed = undefined
    this.#leave()
  }

  ask(): void {
    if (this.#ended) return
    this.#failure = undefined
    try {
      const { question, from } = this
      const db = question.db(), options = question.options()
      const query = db === undefined ? undefined : askedOf(question.query(db), from)
      const identity = identityOf(query, options), texts = textsOf(options).join('\n')
      this.untracked(() => { this.#take(db, query, options, identity, texts) })
    } catch (error) {
      this.#failure = { error }
      if (error !== this.#refused?.error) this.#identity = this.#refused = undefined
      this.#leave()
      this.#bound = nothing()
    }
  }

  /** Throws what is wrong with what was asked for. */
  get snapshot(): QuerySnapshot<R> {
    if (this.#ended) return this.#last
    if (this.#failure !== undefined) throw this.#failure.error
    return this.#last = this.#bound.getSnapshot()
  }

  #take(db: Database<any> | undefined, query: Asked<R> | undefined, options: QueryOptions, identity: string, texts: string): void {
    const isKnown = db === this.#db && identity === this.#identity
    const isSet = isKnown && texts === this.#texts
    if (isSet && this.#refused !== undefined) throw this.#refused.error
    const isThere = isKnown && this.#refused === undefined
    const before = isThere ? undefined : this.#stop
    this.#taking = true
    this.#db = db
    this.#identity = identity
    this.#texts = texts
    this.#refused = undefined
    try {
      if (!isThere) {
        this.#bound = new BoundQuery<R>(db, query, options)
        this.#stop = undefined
        // It opens while the one of before is there, with all that both have in common.
        this.#bound.getSnapshot()
      } else if (!isSet) this.#bound.set(options)
      if (this.#changed !== undefined) this.#stop ??= this.#bound.subscribe(() => { if (!this.#taking) this.#changed?.() })
    } catch (error) {
      this.#refused = { error }
      throw error
    } finally {
      this.#taking = false
      before?.()
    }
  }

  #leave(): void {
    this.#stop?.()
    this.#stop = undefined
  }
}

const nothing = <R>(): BoundQuery<R> => new BoundQuery<R>(undefined, undefined, {})
