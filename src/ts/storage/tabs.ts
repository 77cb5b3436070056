import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
import { report as tellError } from '../dispatch.js'
import type { DurabilityStatus, Durability, EntryWrites, Keeper, StorageOption } from '../durability.js'
import { EddylineError } from '../errors.js'
import { slices } from '../breathe.js'
import { cursorBatch, cursorsOf } from './doors.js'
import { Durable, type StoreOptions, closedError, tellStatus, tellWarning } from './durable.js'
import { type Medium, storageError } from './medium.js'
import { replacing } from './packed.js'
import { decodeTransaction, encodeTransaction, type StoredSchema, type Transaction } from './record.js'
import { storedSchema } from './schemas.js'
import { Warm } from './warm.js'

/** Which tables the rows are of, without saying them. */
type Of = Pick<StoredSchema, 'version' | 'hash'>

/**
 * What tabs say to each other. `hello`: who has the state? `state`: pieces of one, for one tab, the last with `done` and the cursors, which
 * nobody has without all rows. `record`: a transaction that is durable. `lead`: somebody has taken over, or has read the storage late; what he
 * has is the state of transaction `number`. `unread`: behind this transaction the storage was not read by who leads, and may hold anything.
 */
type Message =
  | { kind: 'hello'; from: string }
  | { kind: 'state'; to: string; state: string; record: Uint8Array; done?: { cursors: [source: string, cursor: string][]; unread: number | undefined } }
  | { kind: 'record'; of: Of; record: Uint8Array; unread: number | undefined }
  | { kind: 'lead'; of: Of; number: number; unread: number | undefined }

/** Bytes of rows in a message: what a page takes in one task. */
const PIECE = 32 * 1024
/** Transactions that go by, at the most, before a tab that could not take the state asks for it again. */
const LONGEST = 256

/**
 * One database in several tabs of one origin.
 *
 * The tab that holds the Web Lock leads: it has the storage, runs sources and reducers, and tells the others each transaction
 * once it is durable, so no tab shows what a crash could take back. The others take these in as versions of their own and refuse to
 * write (FOLLOWER). When the leader goes, however it goes, the lock passes on: the next one opens the storage, takes
 * what it has not heard of, and its sources begin at the durable cursor.
 *
 * What a follower has is always the state of one transaction, `#number`: it takes the one that comes next, and nothing else. A leader may
 * be killed between writing and telling; who finds that it was not told all asks for the whole state, and puts it in the place of its own.
 *
 * Rows are packed by the tables of who says them. Who has others is refused (SCHEMA_MISMATCH), or if it has followed until then, keeps
 * the rows that it has and does nothing more: it never leads.
 */
export class Tabs implements Keeper {
  readonly kind: string
  readonly leading: Promise<void>
  readonly closed: Promise<void>
  #leader: Durable | undefined
  #isClosed = false
  #number = 0
  #loaded = false
  /** It was not told all, and waits for the state. */
  #isBehind = false
  /** How many transactions go by between one state that is refused here and the question for another; and the one that it asks with. */
  #pause = 0
  #asksFrom = 0
  /** The transaction behind which its state is not of what is stored, as far as who leads knows. */
  #unread: number | undefined
  /** It has the lock: what is durable is in the storage, which is read now. */
  #takes = false
  /** Why it neither follows nor leads. */
  #failure: EddylineError | undefined
  /** The state that is on its way, and what was told meanwhile. Of one that takes the place of another: its pieces. */
  #state: string | undefined
  #pieces: Transaction[] = []
  #early: Transaction[] = []
  readonly #me = newId()
  readonly #of: Of
  readonly #channel: BroadcastChannel
  readonly #spaces = new Map<string, Map<string, unknown>>()
  readonly #listeners = new Set<(status: DurabilityStatus) => void>()
  #lead!: () => void
  #leadNever!: (error: EddylineError) => void
  #letGo!: () => void
  #release: (() => void) | undefined
  readonly #abort = new AbortController()
  #ready!: () => void
  #refuse!: (error: unknown) => void
  /** The host has no locks for this page. */
  isDenied = false
  /** Resolves with the state loaded, whoever had it. */
  readonly ready = new Promise<void>((resolve, reject) => { this.#ready = resolve; this.#refuse = reject })

  constructor(readonly db: Database<any>, readonly name: string, readonly open: () => Medium, readonly options: StoreOptions) {
    this.kind = open().kind
    const { version, hash } = storedSchema(db.schema, options.version ?? 1)
    this.#of = { version, hash }
    this.leading = new Promise((resolve, reject) => { this.#lead = resolve; this.#leadNever = reject })
    this.leading.catch(() => {})
    this.closed = new Promise(resolve => { this.#letGo = resolve })
    this.#channel = new BroadcastChannel(`eddyline:${name}`)
    this.#channel.onmessage = ({ data }) => { this.#hear(data as Message) }
    db.keeper = this
    this.#ask()
    this.#queue()
  }

  /** Waits for the lock. */
  #queue(): void {
    const { signal } = this.#abort
    navigator.locks.request(`eddyline:${this.name}`, { signal }, () => this.#takeOver()).catch((error: { name?: string }) => {
      // The browser's doing: of a page that was frozen, and is back.
      if (error.name === 'AbortError' && !signal.aborted && !this.#takes) { this.#queue(); return }
      this.isDenied = error.name === 'SecurityError'
      this.#refuse(error)
      this.#letGo()
    })
  }

  get status(): DurabilityStatus { return this.#isClosed ? 'closed' : this.#failure !== undefined ? 'memory' : this.#leader?.status ?? 'follower' }
  get warning(): EddylineError | undefined { return this.#failure ?? this.#leader?.warning }
  get pending(): number { return this.#leader?.pending ?? 0 }

  #say(message: Message): void { this.#channel.postMessage(message) }

  /** Asks for the state. */
  #ask(): void {
    this.#isBehind = this.#loaded
    this.#state = this.#loaded ? undefined : this.#state
    this.#say({ kind: 'hello', from: this.#me })
  }

  #sayLead({ unread }: Durable, number: number): void { this.#say({ kind: 'lead', of: this.#of, number, unread }) }

  #hear(message: Message): void {
    const leader = this.#leader
    if (leader !== undefined) {
      if (message.kind === 'hello') this.#tellState(leader, message.from).catch((error: unknown) => { tellError(error, undefined) })
      return
    }
    if (this.#isClosed || this.#takes || this.#failure !== undefined) return
    const { dead } = this.db.inside.port
    // It takes nothing any more, and would ask for the state at each transaction.
    if (dead !== undefined) { this.#fail(dead); return }
    switch (message.kind) {
      case 'lead': {
        if (!this.#fits(message.of)) return
        const { number, unread } = message
        if (this.#loaded && number === this.#number) {
          this.#isBehind = false
          this.#early = []
          this.#unread = unread
          return
        }
        // What it has more than who leads now was of another leader, and is not what is stored from there on.
        if (this.#loaded && number < this.#number) this.#unread = Math.min(this.#unread ?? number, number)
        this.#ask()
        return
      }
      case 'state': {
        if (message.to !== this.#me || (this.#loaded && !this.#isBehind)) return
        if (this.#loaded) { this.#takeState(message); return }
        // A part of the first state would be taken for all of it.
        try { this.#takeState(message) } catch (error) {
          // What was told meanwhile is behind it, and asked for again.
          if (this.#loaded) throw error
          this.#fail(storageError(error, 'the state of the leading tab cannot be taken'))
        }
        return
      }
      case 'record': {
        if (!this.#fits(message.of)) return
        const t = decodeTransaction(message.record)
        if (!this.#loaded) this.#early.push(t)
        else {
          this.#next(t)
          if (!this.#isBehind) this.#unread = message.unread
        }
      }
    }
  }

  /** A piece of the state; with the last one it counts. */
  #takeState({ record, state, done }: Extract<Message, { kind: 'state' }>): void {
    const t = decodeTransaction(record)
    if (t.fresh) {
      if (!this.#fits(t.schema!)) return
      // The leader changed in the middle, or tells it twice: from the start.
      if (!this.#loaded) this.#forget()
      this.#early = []
      this.#pieces = []
      this.#state = state
    } else if (state !== this.#state) return
    if (this.#loaded) this.#pieces.push(t)
    else this.#apply(t)
    if (done === undefined) return
    // First: where it is refused, a later transaction has it ask again.
    this.#isBehind = false
    if (this.#loaded) {
      // Where it is refused the next one may be, too: to say it all again for each transaction would hold up who leads.
      this.#asksFrom = t.number + (this.#pause = Math.min(LONGEST, Math.max(1, this.#pause * 2)))
      if (!this.#goesOn(done.cursors)) {
        this.#fail(new EddylineError('NOT_DURABLE', `this tab was told more of \`${this.name}\` than who leads now, and it was never durable: reload this tab`))
        return
      }
      this.#replace()
    }
    for (const [source, cursor] of done.cursors) this.#apply({ number: t.number, batch: cursorBatch(source, cursor) })
    this.#pause = this.#asksFrom = 0
    this.#state = undefined
    this.#unread = done.unread
    this.#loaded = true
    this.#ready()
    for (const early of this.#early.splice(0)) this.#next(early)
  }

  /** Takes a transaction if it is the next one. */
  #next(t: Transaction): void {
    if (this.#isBehind) this.#early.push(t)
    else if (t.number === this.#number + 1) this.#apply(t)
    else if (t.number > this.#number && t.number >= this.#asksFrom) {
      this.#early = [t]
      this.#ask()
    }
  }

  /** Whether rows of the leading tab are of the same tables. */
  #fits(theirs: Of | undefined): boolean {
    if (theirs?.hash === this.#of.hash) return true
    const { version } = this.#of
    this.#fail(new EddylineError('SCHEMA_MISMATCH', `another tab has \`${this.name}\` open with other tables (version ${theirs?.version} of the schema, this tab has ${version}): ` +
      (theirs !== undefined && theirs.version > version ? 'reload this one' : 'close or reload that one first'), { path: 'storage.tabs' }))
    return false
  }

  /** From now on it neither follows nor leads, and says why. */
  #fail(error: EddylineError): void {
    this.#refuse(error)
    if (this.#isClosed || this.#failure !== undefined) return
    this.#failure = error
    this.#abort.abort()
    this.#leadNever(error)
    // Who opens it is told by the error itself.
    if (!this.#loaded) return
    tellWarning(this.options, error)
    this.#told('memory')
  }

  /** What there is of a state that was not told to its end goes: rows may have been deleted meanwhile. */
  #forget(): void {
    this.#early = []
    if (this.#state === undefined) return
    this.#state = undefined
    this.#spaces.clear()
    this.db.applyPacked(replacing(this.db, this.db.inside.layouts.map(l => l.name), []), undefined, undefined, undefined, true)
  }

  /** Whether none of its cursors goes back with a state: sources would go on behind rows that it has not. */
  #goesOn(cursors: readonly (readonly [string, string])[]): boolean {
    const held = cursorsOf(this.db)
    if (!held.every(([source]) => cursors.some(([other]) => other === source))) return false
    const twin = this.db.twin()
    try {
      for (const [source, cursor] of [...held, ...cursors]) twin.applyPacked(cursorBatch(source, cursor))
      return true
    } catch (error) {
      if ((error as { code?: string }).code === 'CURSOR_BACKWARDS') return false
      throw error
    } finally { twin.close() }
  }

  /** Puts the state that was told in the place of the one that it has, as one version. */
  #replace(): void {
    const [{ number, entries }, ...pieces] = this.#pieces.splice(0)
    this.#spaces.clear()
    const batches = pieces.flatMap(t => t.batch === undefined ? [] : [t.batch])
    this.#apply({ number, entries, batch: replacing(this.db, this.db.inside.layouts.map(l => l.name), batches) })
  }

  #apply(t: Transaction): void {
    for (const [space, values] of Object.entries(t.entries ?? {})) {
      let known = this.#spaces.get(space)
      if (known === undefined) this.#spaces.set(space, known = new Map())
      for (const [key, value] of Object.entries(values)) {
        if (value === null) known.delete(key)
        else known.set(key, value)
      }
    }
    if (t.batch !== undefined) this.db.applyPacked(t.batch, t.envelope?.source, t.envelope?.cursor, t.envelope?.origin, true)
    // Last: of rows that were refused it does not have the transaction.
    this.#number = t.number
  }

  /** Tells a tab that has just come everything: what is durable, and what is on its way there will be told by itself. */
  async #tellState(leader: Durable, to: string): Promise<void> {
    // Nothing that is not durable is shown elsewhere.
    await leader.flush().catch(() => {})
    if (this.#isClosed) return
    const state = leader.state()
    const { number } = state.head
    const cursors = cursorsOf(this.db)
    const id = newId()
    const send = (t: Transaction, done?: { cursors: [string, string][]; unread: number | undefined }): void => { this.#say({ kind: 'state', to, state: id, record: encodeTransaction(t), ...(done === undefined ? {} : { done }) }) }
    const breathe = slices()
    try {
      send(state.head)
      for (let batch = state.next(PIECE); batch !== undefined; batch = state.next(PIECE)) {
        send({ number, batch })
        await breathe()
        if (this.#isClosed) return
      }
      // It counts when this is said. What was applied while the last of it was written may be in it.
      if (leader.known < number) await leader.flush().catch(() => {})
      if (this.#isClosed) return
      send({ number }, { cursors, unread: leader.unread })
    } finally { state.end() }
  }

  /** Leads until it is closed; the lock is held as long. */
  async #takeOver(): Promise<void> {
    if (this.#isClosed || this.#failure !== undefined) { this.#letGo(); return }
    this.#takes = true
    const { db } = this
    const leader = new Durable(db, this.open(), this.options)
    leader.onDurable = t => { this.#say({ kind: 'record', of: this.#of, record: encodeTransaction(t), unread: leader.unread }) }
    this.#early = []
    this.#pieces = []
    try {
      if (!this.#loaded) this.#forget()
      const unread = this.#unread !== undefined && this.#unread < this.#number ? this.#unread : undefined
      await (this.#loaded ? leader.load(this.#number, this.#spaces, unread) : leader.load())
      if (this.#isClosed) throw closedError(db)
    } catch (error) {
      // The next one may take over; it finds the storage free.
      leader.close()
      await leader.closed
      this.#fail(storageError(error, 'the storage cannot be taken over'))
      this.#letGo()
      return
    }
    this.#loaded = true
    this.#leader = leader
    leader.subscribe(status => { if (status !== 'closed') this.#told(status) })
    leader.onMatched = () => { this.#sayLead(leader, leader.known) }
    // First: what listeners apply is behind it, and followed as any other.
    this.#sayLead(leader, leader.number)
    this.#told(leader.status)
    this.#ready()
    this.#lead()
    await new Promise<void>(resolve => { this.#release = resolve; if (this.#isClosed) resolve() })
    leader.close()
    await leader.closed
    this.#letGo()
  }

  #told(status: DurabilityStatus): void { tellStatus(this.#listeners, status) }

  aside(fn: () => void): void { if (this.#leader === undefined) fn(); else this.#leader.aside(fn) }
  committed(report: Report): void { this.#leader?.committed(report) }
  amend(version: number, entries: EntryWrites): void { this.#leader?.amend(version, entries) }
  /** Followers take what they are told; everything else has to go to the leader. */
  guard(): void {
    if (this.#failure !== undefined) throw this.#failure
    // Until it has loaded nobody has the database but the storage, which applies the rows that it migrates.
    if (this.#leader === undefined && !this.#isClosed && this.#loaded) throw new EddylineError('FOLLOWER', `another tab writes \`${this.name}\`: wait for \`db.durability.leading\`, or let that tab do it`)
  }
  #writes(): void {
    if (this.#isClosed) throw closedError(this.db)
    this.guard()
  }
  commit(batch: LooseBatch | readonly LooseChange[] | undefined, entries: EntryWrites): Report | undefined {
    this.#writes()
    return this.#leader!.commit(batch, entries)
  }
  commitPacked(batch: Uint8Array, entries: EntryWrites, source?: string, cursor?: string, origin?: string): Report {
    this.#writes()
    return this.#leader!.commitPacked(batch, entries, source, cursor, origin)
  }
  entries(space: string): ReadonlyMap<string, unknown> { return this.#leader?.entries(space) ?? this.#spaces.get(space) ?? new Map() }
  /** Followers have what is durable only. */
  flush(): Promise<void> { return this.#isClosed ? Promise.reject(closedError(this.db)) : this.#led(leader => leader.flush()) }
  checkpoint(): Promise<void> { return this.#led(leader => leader.checkpoint()) }
  retry(): Promise<void> { return this.#led(leader => leader.retry()) }
  #led(ask: (leader: Durable) => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return this.#leader === undefined ? Promise.resolve() : ask(this.#leader)
  }

  subscribe(fn: (status: DurabilityStatus) => void): () => void {
    this.#listeners.add(fn)
    return () => { this.#listeners.delete(fn) }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#told('closed')
    if (this.#leader === undefined) this.#abort.abort()
    this.#leadNever(closedError(this.db))
    // Now: the engine goes, and a state that is being written has to be taken out of it first.
    this.#leader?.close()
    this.#release?.()
    void this.closed.then(() => { this.#channel.close() })
  }
}

const newId = (): string => Math.random().toString(36).slice(2)

/** Several tabs of one origin on one storage: see `Tabs`. Where there are no Web Locks, each tab is alone. */
export function shared(name: string, open: () => Medium, options: StoreOptions): StorageOption {
  return {
    async attach(db): Promise<Durability> {
      const alone = async (options: StoreOptions): Promise<Durability> => {
        const durable = new Durable(db, open(), options)
        await durable.load()
        return durable
      }
      if (typeof navigator === 'undefined' || navigator.locks === undefined || typeof BroadcastChannel === 'undefined') return alone(options)
      // A tab that follows is told the rows by messages, one that leads reads them: the queries are there before either.
      const { queries, ...others } = options
      const warm = new Warm(db, queries ?? [])
      const tabs = new Tabs(db, name, open, others)
      let durability: Durability = tabs
      try { await tabs.ready } catch (error) {
        if (!tabs.isDenied) { warm.end(); throw error }
        // A page of no origin, as a frame in a sandbox, has no locks: what it has of storage is told by that.
        tabs.close()
        db.keeper = undefined
        durability = await alone(others)
      }
      warm.done()
      return durability
    },
  }
}
