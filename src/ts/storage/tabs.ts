import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
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
 * nobody has without all rows. `record`: a transaction that is durable. `lead`: somebody has taken over.
 */
type Message =
  | { kind: 'hello'; from: string }
  | { kind: 'state'; to: string; state: string; record: Uint8Array; done?: { cursors: [source: string, cursor: string][] } }
  | { kind: 'record'; of: Of; record: Uint8Array }
  | { kind: 'lead'; of: Of }

/** Bytes of rows in a message: what a page takes in one task. */
const PIECE = 32 * 1024

/**
 * One database in several tabs of one origin.
 *
 * The tab that holds the Web Lock leads: it has the storage, runs sources and reducers, and tells the others each transaction
 * once it is durable, so no tab shows what a crash could take back. The others take these in as versions of their own and refuse to
 * write (FOLLOWER). When the leader goes, however it goes, the lock passes on: the next one opens the storage, takes
 * what it has not heard of, and its sources begin at the durable cursor.
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
  /** It has the lock: what is durable is in the storage, which is read now. */
  #takes = false
  /** Why it neither follows nor leads. */
  #failure: EddylineError | undefined
  /** The state that is on its way, and what was told meanwhile. */
  #state: string | undefined
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
    this.#say({ kind: 'hello', from: this.#me })
    navigator.locks.request(`eddyline:${name}`, { signal: this.#abort.signal }, () => this.#takeOver()).catch(error => {
      this.isDenied = (error as { name?: string }).name === 'SecurityError'
      this.#refuse(error)
      this.#letGo()
    })
  }

  get status(): DurabilityStatus { return this.#isClosed ? 'closed' : this.#failure !== undefined ? 'memory' : this.#leader?.status ?? 'follower' }
  get warning(): EddylineError | undefined { return this.#failure ?? this.#leader?.warning }
  get pending(): number { return this.#leader?.pending ?? 0 }

  #say(message: Message): void { this.#channel.postMessage(message) }

  #hear(message: Message): void {
    const leader = this.#leader
    if (leader !== undefined) {
      if (message.kind === 'hello') void this.#tellState(leader, message.from)
      return
    }
    if (this.#isClosed || this.#takes || this.#failure !== undefined) return
    switch (message.kind) {
      case 'lead': if (this.#fits(message.of) && !this.#loaded) this.#say({ kind: 'hello', from: this.#me }); return
      case 'state': {
        if (message.to !== this.#me || this.#loaded) return
        const t = decodeTransaction(message.record)
        if (t.fresh) {
          if (!this.#fits(t.schema!)) return
          // The leader changed in the middle, or tells it twice: from the start.
          this.#forget()
          this.#state = message.state
        } else if (message.state !== this.#state) return
        this.#apply(t)
        if (message.done === undefined) return
        for (const [source, cursor] of message.done.cursors) this.#apply({ number: t.number, batch: cursorBatch(source, cursor) })
        this.#loaded = true
        for (const early of this.#early) if (early.number > this.#number) this.#apply(early)
        this.#early = []
        this.#ready()
        return
      }
      case 'record': {
        if (!this.#fits(message.of)) return
        const t = decodeTransaction(message.record)
        if (!this.#loaded) this.#early.push(t)
        else if (t.number > this.#number) this.#apply(t)
      }
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

  #apply(t: Transaction): void {
    this.#number = t.number
    for (const [space, values] of Object.entries(t.entries ?? {})) {
      let known = this.#spaces.get(space)
      if (known === undefined) this.#spaces.set(space, known = new Map())
      for (const [key, value] of Object.entries(values)) {
        if (value === null) known.delete(key)
        else known.set(key, value)
      }
    }
    if (t.batch !== undefined) this.db.applyPacked(t.batch, t.envelope?.source, t.envelope?.cursor, t.envelope?.origin, true)
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
    const send = (t: Transaction, done?: { cursors: [string, string][] }): void => { this.#say({ kind: 'state', to, state: id, record: encodeTransaction(t), ...(done === undefined ? {} : { done }) }) }
    const breathe = slices()
    try {
      send(state.head)
      for (let batch = state.next(PIECE); batch !== undefined; batch = state.next(PIECE)) {
        send({ number, batch })
        await breathe()
        if (this.#isClosed) return
      }
      send({ number }, { cursors })
    } finally { state.end() }
  }

  /** Leads until it is closed; the lock is held as long. */
  async #takeOver(): Promise<void> {
    if (this.#isClosed || this.#failure !== undefined) { this.#letGo(); return }
    this.#takes = true
    const { db } = this
    const leader = new Durable(db, this.open(), this.options)
    leader.onDurable = t => { this.#say({ kind: 'record', of: this.#of, record: encodeTransaction(t) }) }
    try {
      if (!this.#loaded) this.#forget()
      await leader.load(this.#loaded ? this.#number : undefined, this.#loaded ? this.#spaces : undefined)
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
    this.#told(leader.status)
    this.#say({ kind: 'lead', of: this.#of })
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
