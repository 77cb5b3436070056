import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
import type { DurabilityStatus, Durability, EntryWrites, Keeper, StorageOption } from '../durability.js'
import { EddylineError } from '../errors.js'
import { slices } from '../breathe.js'
import { cursorBatch, cursorsOf } from './doors.js'
import { Durable, type StoreOptions, closedError } from './durable.js'
import type { Medium } from './medium.js'
import { decodeTransaction, encodeTransaction, type Transaction } from './record.js'
import { Warm } from './warm.js'

/**
 * What tabs say to each other. `hello`: who has the state? `state`: pieces of it, for one tab, the last with `done`. `record`: a
 * transaction that is durable. `lead`: somebody has taken over.
 */
type Message =
  | { kind: 'hello'; from: string }
  | { kind: 'state'; to: string; record: Uint8Array; done: boolean }
  | { kind: 'record'; record: Uint8Array }
  | { kind: 'lead' }

/** Bytes of rows in a message: what a page takes in one task. */
const PIECE = 32 * 1024

/**
 * One database in several tabs of one origin.
 *
 * The tab that holds the Web Lock leads: it has the storage, runs sources and reducers, and tells the others each transaction
 * once it is durable, so no tab shows what a crash could take back. The others take these in as versions of their own and refuse to
 * write (FOLLOWER). When the leader goes, however it goes, the lock passes on: the next one opens the storage, takes
 * what it has not heard of, and its sources begin at the durable cursor.
 */
export class Tabs implements Keeper {
  readonly kind: string
  readonly leading: Promise<void>
  readonly closed: Promise<void>
  #leader: Durable | undefined
  #isClosed = false
  #number = 0
  #loaded = false
  /** What was told while the state was on its way. */
  #early: Transaction[] = []
  readonly #me = Math.random().toString(36).slice(2)
  readonly #channel: BroadcastChannel
  readonly #spaces = new Map<string, Map<string, unknown>>()
  readonly #listeners = new Set<(status: DurabilityStatus) => void>()
  #lead!: () => void
  #letGo!: () => void
  #release: (() => void) | undefined
  readonly #abort = new AbortController()
  #ready!: () => void
  #refuse!: (error: unknown) => void
  /** Resolves with the state loaded, whoever had it. */
  readonly ready = new Promise<void>((resolve, reject) => { this.#ready = resolve; this.#refuse = reject })

  constructor(readonly db: Database<any>, readonly name: string, readonly open: () => Medium, readonly options: StoreOptions) {
    this.kind = open().kind
    this.leading = new Promise(resolve => { this.#lead = resolve })
    this.closed = new Promise(resolve => { this.#letGo = resolve })
    this.#channel = new BroadcastChannel(`eddyline:${name}`)
    this.#channel.onmessage = ({ data }) => { this.#hear(data as Message) }
    db.keeper = this
    this.#say({ kind: 'hello', from: this.#me })
    navigator.locks.request(`eddyline:${name}`, { signal: this.#abort.signal }, () => this.#takeOver()).catch(error => {
      if (!this.#isClosed) this.#refuse(error)
      this.#letGo()
    })
  }

  get status(): DurabilityStatus { return this.#isClosed ? 'closed' : this.#leader?.status ?? 'follower' }
  get warning(): EddylineError | undefined { return this.#leader?.warning }
  get pending(): number { return this.#leader?.pending ?? 0 }

  #say(message: Message): void { this.#channel.postMessage(message) }

  #hear(message: Message): void {
    const leader = this.#leader
    if (leader !== undefined) {
      if (message.kind === 'hello') void this.#tellState(leader, message.from)
      return
    }
    if (this.#isClosed) return
    switch (message.kind) {
      case 'lead': if (!this.#loaded) this.#say({ kind: 'hello', from: this.#me }); return
      case 'state': {
        if (message.to !== this.#me || this.#loaded) return
        const t = decodeTransaction(message.record)
        // The leader changed in the middle: from the start again.
        if (t.fresh && this.#number > 0) return
        this.#apply(t)
        if (!message.done) return
        this.#loaded = true
        for (const early of this.#early) if (early.number > this.#number) this.#apply(early)
        this.#early = []
        this.#ready()
        return
      }
      case 'record': {
        const t = decodeTransaction(message.record)
        if (!this.#loaded) this.#early.push(t)
        else if (t.number > this.#number) this.#apply(t)
      }
    }
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
    const send = (t: Transaction, done: boolean): void => { this.#say({ kind: 'state', to, record: encodeTransaction(t), done }) }
    const breathe = slices()
    try {
      send(state.head, false)
      for (const [source, cursor] of cursors) send({ number, batch: cursorBatch(source, cursor) }, false)
      for (let batch = state.next(PIECE); batch !== undefined; batch = state.next(PIECE)) {
        send({ number, batch }, false)
        await breathe()
        if (this.#isClosed) return
      }
      send({ number }, true)
    } finally { state.end() }
  }

  /** Leads until it is closed; the lock is held as long. */
  async #takeOver(): Promise<void> {
    if (this.#isClosed) { this.#letGo(); return }
    const { db } = this
    const leader = new Durable(db, this.open(), this.options)
    leader.onDurable = t => { this.#say({ kind: 'record', record: encodeTransaction(t) }) }
    try {
      await leader.load(this.#loaded ? this.#number : undefined, this.#loaded ? this.#spaces : undefined)
    } catch (error) {
      this.#refuse(error)
      this.#letGo()
      return
    }
    this.#loaded = true
    this.#leader = leader
    leader.subscribe(status => { this.#told(status) })
    this.#told(leader.status)
    this.#say({ kind: 'lead' })
    this.#ready()
    this.#lead()
    await new Promise<void>(resolve => { this.#release = resolve; if (this.#isClosed) resolve() })
    leader.close()
    await leader.closed
    this.#letGo()
  }

  #told(status: DurabilityStatus): void { for (const fn of [...this.#listeners]) fn(status) }

  aside(fn: () => void): void { if (this.#leader === undefined) fn(); else this.#leader.aside(fn) }
  committed(report: Report): void { this.#leader?.committed(report) }
  amend(version: number, entries: EntryWrites): void { this.#leader?.amend(version, entries) }
  /** Followers take what they are told; everything else has to go to the leader. */
  guard(): void {
    if (this.#leader === undefined && !this.#isClosed) throw new EddylineError('FOLLOWER', `another tab writes \`${this.name}\`: wait for \`db.durability.leading\`, or let that tab do it`)
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
  flush(): Promise<void> { return this.#isClosed ? Promise.reject(closedError(this.db)) : this.#leader?.flush() ?? Promise.resolve() }
  checkpoint(): Promise<void> { return this.#leader?.checkpoint() ?? Promise.resolve() }
  retry(): Promise<void> { return this.#leader?.retry() ?? Promise.resolve() }

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

/** Several tabs of one origin on one storage: see `Tabs`. Where there are no Web Locks, each tab is alone. */
export function shared(name: string, open: () => Medium, options: StoreOptions): StorageOption {
  return {
    async attach(db): Promise<Durability> {
      if (typeof navigator === 'undefined' || navigator.locks === undefined || typeof BroadcastChannel === 'undefined') {
        const alone = new Durable(db, open(), options)
        await alone.load()
        return alone
      }
      // A tab that follows is told the rows by messages, one that leads reads them: the queries are there before either.
      const { queries, ...others } = options
      const warm = new Warm(db, queries ?? [])
      const tabs = new Tabs(db, name, open, others)
      await tabs.ready
      warm.done()
      return tabs
    },
  }
}
