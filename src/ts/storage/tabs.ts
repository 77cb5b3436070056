import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
import { report as tellError } from '../dispatch.js'
import type { DurabilityStatus, Durability, EntryWrites, Keeper, StorageOption } from '../durability.js'
import { EddylineError } from '../errors.js'
import { StatusListeners } from '../status-listeners.js'
import { Durable } from './durable.js'
import { Follower } from './follower.js'
import { type Medium, closedError, storageError } from './medium.js'
import { type StoreOptions, tellWarning } from './options.js'
import { encodeTransaction } from './record.js'
import { storedSchema } from './schemas.js'
import { type Message, heard, ofLeader, tellState } from './telling.js'
import { Warm } from './warm.js'

/**
 * One database in several tabs of one origin.
 *
 * The tab that holds the Web Lock leads: it has the storage, runs sources and reducers, and tells the others each transaction
 * once it is durable, so no tab shows what a crash could take back. The others take these in as versions of their own and refuse to
 * write (FOLLOWER). When the leader goes, however it goes, the lock passes on: the next one opens the storage, takes
 * what it has not heard of, and its sources begin at the durable cursor.
 *
 * Who has other tables than the one that leads is refused (SCHEMA_MISMATCH), or if it has followed until then, keeps
 * the rows that it has and does nothing more: it never leads.
 */
export class Tabs implements Keeper {
  readonly kind: string
  readonly leading: Promise<void>
  readonly closed: Promise<void>
  #leader: Durable | undefined
  /** What will lead, or would have: while it reads the storage its entries go with the rows. */
  #coming: Durable | undefined
  readonly #follower: Follower
  #isClosed = false
  /** It has the lock: what is durable is in the storage, which is read now. */
  #takes = false
  /** Why it neither follows nor leads. */
  #failure: EddylineError | undefined
  readonly #channel: BroadcastChannel
  readonly #listeners = new StatusListeners()
  /** What they were told last. */
  #last: DurabilityStatus = 'follower'
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
    this.leading = new Promise((resolve, reject) => { this.#lead = resolve; this.#leadNever = reject })
    this.leading.catch(() => {})
    this.closed = new Promise(resolve => { this.#letGo = resolve })
    this.#channel = new BroadcastChannel(`eddyline:${name}`)
    this.#channel.onmessage = ({ data }) => { this.#hear(data as Message) }
    this.#follower = new Follower(db, name, storedSchema(db.schema, options.version ?? 1), { say: m => { this.#say(m) }, loaded: () => { this.#ready() }, failed: error => { this.#fail(error) } })
    db.keeper = this
    this.#follower.ask()
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

  #sayLead(leader: Durable, number: number): void { this.#say({ kind: 'lead', of: ofLeader(leader), number, unread: leader.stored.unread }) }

  #hear(message: Message): void {
    const leader = this.#leader
    if (this.#isClosed || this.#failure !== undefined) return
    if (leader !== undefined) {
      if (message.kind === 'hello') tellState(leader, message.from, m => { this.#say(m) }, () => this.#isClosed || this.#failure !== undefined).catch((error: unknown) => { tellError(error, undefined) })
      return
    }
    if (this.#takes) return
    const { dead } = this.db.inside.port
    // It takes nothing any more, and would ask for the state at each transaction.
    if (dead !== undefined) this.#fail(dead)
    else this.#follower.hear(message)
  }

  /** From now on it neither follows nor leads, and says why. */
  #fail(error: EddylineError): void {
    this.#refuse(error)
    if (this.#isClosed || this.#failure !== undefined) return
    this.#failure = error
    this.#abort.abort()
    this.#leadNever(error)
    // Who opens it is told by the error itself.
    if (!this.#follower.isLoaded && this.#leader === undefined) return
    tellWarning(this.options, error)
    this.#told('memory')
  }

  /** Leads until it is closed or its engine crashes; the lock is held as long. */
  async #takeOver(): Promise<void> {
    // The lock may pass on before what was said last is heard: of one that led without storage nothing else has it.
    if (this.#follower.isLoaded) await heard()
    if (this.#isClosed || this.#failure !== undefined) { this.#letGo(); return }
    this.#takes = true
    const { db } = this
    const leader = new Durable(db, this.open(), this.options)
    this.#coming = leader
    leader.line.onDurable = t => { this.#say({ kind: 'record', of: ofLeader(leader), record: encodeTransaction(t), unread: leader.stored.unread }) }
    try {
      await leader.load(this.#follower.ended())
      if (this.#isClosed) throw closedError(db)
      if (this.#failure !== undefined) throw this.#failure
    } catch (error) {
      // The next one may take over; it finds the storage free.
      leader.close()
      await leader.closed
      this.#fail(storageError(error, 'the storage cannot be taken over'))
      this.#letGo()
      return
    }
    this.#leader = leader
    leader.subscribe(status => { if (status !== 'closed') this.#told(status) })
    leader.stored.onMatched = () => { this.#sayLead(leader, leader.stored.known) }
    // First: what listeners apply is behind it, and followed as any other.
    this.#sayLead(leader, leader.number)
    this.#told(leader.status)
    this.#ready()
    this.#lead()
    await new Promise<void>(resolve => { this.#release = resolve; if (this.#isClosed || this.#failure !== undefined) resolve() })
    leader.close()
    await leader.closed
    this.#letGo()
  }

  /** Listeners are told of changes: one that leads without storage, and crashes, is what it was. */
  #told(status: DurabilityStatus): void {
    if (status === this.#last) return
    this.#last = status
    this.#listeners.tell(status)
  }

  aside(fn: () => void): void { if (this.#leader === undefined) fn(); else this.#leader.aside(fn) }
  committed(report: Report): void { this.#leader?.committed(report) }
  amend(version: number, entries: EntryWrites): void { this.#leader?.amend(version, entries) }
  /** Followers take what they are told; everything else has to go to the leader. */
  guard(): void {
    if (this.#failure !== undefined) throw this.#failure
    // Until it has loaded nobody has the database but the storage, which applies the rows that it migrates.
    if (this.#leader === undefined && !this.#isClosed && this.#follower.isLoaded) throw new EddylineError('FOLLOWER', `another tab writes \`${this.name}\`: wait for \`db.durability.leading\`, or let that tab do it`)
  }
  /** It has nothing to tell any more, and what it leads is for others to lead; what was applied before is still written, and told. */
  crashed(error: EddylineError): void {
    this.#fail(error)
    this.#leader?.close()
    this.#release?.()
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
  entries(space: string): ReadonlyMap<string, unknown> { return (this.#coming?.spaces ?? this.#follower.spaces).get(space) }
  /** Followers have what is durable only. */
  flush(): Promise<void> { return this.#isClosed ? Promise.reject(closedError(this.db)) : this.#led(leader => leader.flush()) }
  checkpoint(): Promise<void> { return this.#led(leader => leader.checkpoint()) }
  retry(): Promise<void> { return this.#led(leader => leader.retry()) }
  #led(ask: (leader: Durable) => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return this.#leader === undefined ? Promise.resolve() : ask(this.#leader)
  }

  subscribe(fn: (status: DurabilityStatus) => void): () => void { return this.#listeners.add(fn) }

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
