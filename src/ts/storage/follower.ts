// What a tab has that follows: told by the one that leads.
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { cursorBatch, cursorsOf } from './doors.js'
import { storageError } from './medium.js'
import type { Followed } from './opening.js'
import { replacing } from './packed.js'
import { type Transaction, decodeTransaction } from './record.js'
import { Spaces } from './spaces.js'
import { type Message, type Tables, newId } from './telling.js'

/** Transactions that go by, at the most, before a tab that could not take the state asks for it again. */
const LONGEST = 256

/** What a follower tells its tab. */
export interface FollowerHost {
  say(message: Message): void
  /** It has a state: the first one. */
  loaded(): void
  /** It takes nothing more. */
  failed(error: EddylineError): void
}

/**
 * What a follower has is always the state of one transaction of one incarnation of the storage: it takes the one that comes next, and nothing
 * else. A leader may be killed between writing and telling; who finds that it was not told all asks for the whole state, and puts it in the place
 * of its own.
 *
 * Rows are packed by the tables of who says them. Who has others takes nothing.
 */
export class Follower {
  isLoaded = false
  readonly spaces = new Spaces()
  #number = 0
  /** That of the storage in which the number counts. */
  #incarnation: string | undefined
  /** It was not told all, and waits for the state. */
  #isBehind = false
  /** How many transactions go by between one state that is refused here and the question for another; and the one that it asks with. */
  #pause = 0
  #asksFrom = 0
  /** The transaction behind which its state is not of what is stored, as far as who leads knows. */
  #unread: number | undefined
  /** The state that is on its way, the incarnation that it is of, and what was told meanwhile. Of one that takes the place of another: its pieces. */
  #state: string | undefined
  #coming: string | undefined
  #pieces: Transaction[] = []
  #early: Transaction[] = []
  readonly #me = newId()

  constructor(readonly db: Database<any>, readonly name: string, readonly of: Tables, readonly tab: FollowerHost) {}

  /** Asks for the state. */
  ask(): void {
    this.#isBehind = this.isLoaded
    this.#state = this.isLoaded ? undefined : this.#state
    this.tab.say({ kind: 'hello', from: this.#me })
  }

  hear(message: Message): void {
    switch (message.kind) {
      case 'lead': {
        if (!this.#fits(message.of)) return
        const { number, unread, of: { incarnation } } = message
        const isSame = incarnation === this.#incarnation
        if (this.isLoaded && isSame && number === this.#number) {
          this.#isBehind = false
          this.#early = []
          this.#unread = unread
          return
        }
        // What it has more than who leads now was of another leader, and is not what is stored from there on.
        if (this.isLoaded && isSame && number < this.#number) this.#unread = Math.min(this.#unread ?? number, number)
        // What is on its way is of before: its end would be taken for the state of now, and the answer to this for one that nobody has asked for.
        if (!this.isLoaded) this.#forget()
        this.ask()
        return
      }
      case 'state': {
        if (message.to !== this.#me || (this.isLoaded && !this.#isBehind)) return
        if (this.isLoaded) { this.#takeState(message); return }
        // A part of the first state would be taken for all of it.
        try { this.#takeState(message) } catch (error) {
          // What was told meanwhile is behind it, and asked for again.
          if (this.isLoaded) throw error
          this.tab.failed(storageError(error, 'the state of the leading tab cannot be taken'))
        }
        return
      }
      case 'record': {
        if (!this.#fits(message.of)) return
        const t = decodeTransaction(message.record)
        if (!this.isLoaded) this.#early.push(t)
        else {
          this.#next(t, message.of.incarnation)
          if (!this.#isBehind) this.#unread = message.unread
        }
      }
    }
  }

  /** It is told nothing more: what it has. What came of a first state that was not told to its end goes. */
  ended(): Followed | undefined {
    this.#early = []
    this.#pieces = []
    if (!this.isLoaded) { this.#forget(); return undefined }
    return { number: this.#number, incarnation: this.#incarnation, spaces: this.spaces, unread: this.#unread !== undefined && this.#unread < this.#number ? this.#unread : undefined }
  }

  /** A piece of the state; with the last one it counts. */
  #takeState({ record, state, done }: Extract<Message, { kind: 'state' }>): void {
    const t = decodeTransaction(record)
    if (t.fresh) {
      if (!this.#fits(t.schema!)) return
      // The leader changed in the middle, or tells it twice: from the start.
      if (!this.isLoaded) this.#forget()
      this.#early = []
      this.#pieces = []
      this.#state = state
      this.#coming = t.incarnation
    } else if (state !== this.#state) return
    if (this.isLoaded) this.#pieces.push(t)
    else this.#apply(t)
    if (done === undefined) return
    // First: where it is refused, a later transaction has it ask again.
    this.#isBehind = false
    if (this.isLoaded) {
      // Where it is refused the next one may be, too: to say it all again for each transaction would hold up who leads.
      this.#asksFrom = t.number + (this.#pause = Math.min(LONGEST, Math.max(1, this.#pause * 2)))
      if (!this.#goesOn(done.cursors)) {
        this.tab.failed(new EddylineError('NOT_DURABLE', `this tab was told more of \`${this.name}\` than who leads now, and it was never durable: reload this tab`))
        return
      }
      this.#replace()
    }
    for (const [source, cursor] of done.cursors) this.#apply({ number: t.number, batch: cursorBatch(source, cursor) })
    this.#pause = this.#asksFrom = 0
    this.#state = undefined
    this.#unread = done.unread
    this.#incarnation = this.#coming
    this.isLoaded = true
    this.tab.loaded()
    for (const early of this.#early.splice(0)) this.#next(early)
  }

  /** Takes a transaction if it is the next one. */
  #next(t: Transaction, incarnation = this.#incarnation): void {
    const isSame = incarnation === this.#incarnation
    if (this.#isBehind) this.#early.push(t)
    else if (isSame && t.number === this.#number + 1) this.#apply(t)
    else if ((!isSame || t.number > this.#number) && t.number >= this.#asksFrom) {
      this.#early = [t]
      this.ask()
    }
  }

  /** Whether rows of the leading tab are of the same tables. */
  #fits(theirs: Tables | undefined): boolean {
    if (theirs?.hash === this.of.hash) return true
    const { version } = this.of
    this.tab.failed(new EddylineError('SCHEMA_MISMATCH', `another tab has \`${this.name}\` open with other tables (version ${theirs?.version} of the schema, this tab has ${version}): ` +
      (theirs !== undefined && theirs.version > version ? 'reload this one' : 'close or reload that one first'), { path: 'storage.tabs' }))
    return false
  }

  /** What there is of a state that was not told to its end goes: rows may have been deleted meanwhile. */
  #forget(): void {
    this.#early = []
    if (this.#state === undefined) return
    this.#state = undefined
    this.spaces.clear()
    this.db.applyPacked(replacing(this.db, this.db.inside.layouts.map(l => l.name), []), undefined, undefined, undefined, true)
  }

  /** Whether none of its cursors goes back with a state: sources would go on behind rows that it has not. */
  #goesOn(cursors: readonly (readonly [string, string])[]): boolean {
    const held = cursorsOf(this.db)
    if (!held.every(([source]) => cursors.some(([other]) => other === source))) return false
    const twin = this.db.twin()
    try {
      for (const [source, cursor] of [...held, ...cursors]) twin.applyPacked(cursorBatch(source, cursor))
      // One that goes back may count as a replay, which is no error and moves nothing.
      const moved = new Map(cursorsOf(twin))
      return cursors.every(([source, cursor]) => moved.get(source) === cursor)
    } catch (error) {
      if ((error as { code?: string }).code === 'CURSOR_BACKWARDS') return false
      throw error
    } finally { twin.close() }
  }

  /** Puts the state that was told in the place of the one that it has, as one version. */
  #replace(): void {
    const [{ number, entries }, ...pieces] = this.#pieces.splice(0)
    this.spaces.clear()
    const batches = pieces.flatMap(t => t.batch === undefined ? [] : [t.batch])
    this.#apply({ number, entries, batch: replacing(this.db, this.db.inside.layouts.map(l => l.name), batches) })
  }

  #apply(t: Transaction): void {
    this.spaces.enter(t.entries)
    if (t.batch !== undefined) this.db.applyPacked(t.batch, t.envelope?.source, t.envelope?.cursor, t.envelope?.origin, true)
    // Last: of rows that were refused it does not have the transaction.
    this.#number = t.number
  }
}
