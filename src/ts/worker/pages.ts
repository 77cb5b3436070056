// One database and the pages that it serves: its own in a worker of one page, all tabs of a SharedWorker.
import type { Entry, InitOptions } from '../boot/core.js'
import type { Report } from '../changes.js'
import type { Database, Tap } from '../database.js'
import { EddylineError } from '../errors.js'
import { WORDS } from '../report.js'
import type { AnySchema } from '../schema.js'
import { hold, whenGone } from '../storage/alive.js'
import type { Touch } from '../touches.js'
import { type Channel, type Fetched, type NeedsBinary, type OpenReply, type Opening, PROTOCOL, type Request, errorJson } from './messages.js'
import { Rooms } from './inside.js'
import { Page } from './page.js'
import { WorkerStorage, durabilityJson } from './storage.js'
import { Turns } from './turns.js'

/** A row that a page is asked for. */
interface Wanted { readonly id: number; readonly db: Database<any>; readonly fetch: { table: string; key: unknown; tenant: string | undefined }; page: Page | undefined; done(row: unknown): void; failed(error: unknown): void }

/** What the pages share: a database, code of the application beside it, and who runs which source. */
export interface Engine { readonly db: Database<any>; readonly rooms: Rooms; readonly turns: Turns<Page> }
interface Held { readonly schema: string; readonly storage: string | undefined; readonly maker: Channel; readonly engine: Promise<Engine>; db: Database<any> | undefined; pages: number }

export class Pages {
  readonly #list = new Set<Page>()
  readonly #wanted = new Map<number, Wanted>()
  #held: Held | undefined
  #loaded = false
  /** Storage that is being opened. */
  #opening: WorkerStorage | undefined
  /** The last database has let its storage go. */
  #ended: Promise<void> = Promise.resolve()
  #next = 0
  /** The request whose answer, its report or nothing, goes with the version it makes. */
  #asking: { page: Page; id: number; reports: boolean } | undefined
  readonly #alive: Promise<string | undefined>

  /** `shared`: of several tabs, which come and go; else of one page, with which it ends. `apart`: in a thread that may end before its pages. */
  constructor(readonly entry: Entry, readonly shared: boolean, apart: boolean) {
    this.#alive = apart ? hold().then(lock => lock?.name) : Promise.resolve(undefined)
  }

  /** The pages of a database. One that has not heard of the crash of the engine before is none of them. */
  of(db: Database<any>): Page[] { return [...this.#list].filter(page => page.db === db) }

  /** Takes in a page, at the other end of the line. */
  meet(channel: Channel): void {
    let page: Page | undefined
    let gone = false
    let asked = false
    // What comes while the engine is loading waits for it.
    const early: Request[] = []
    const left = (): void => {
      gone = true
      if (page !== undefined) page.leave()
      else if (this.#opening?.channel === channel) this.#opening.fail(new EddylineError('CLOSED', 'the page that opened the database has gone'))
    }
    channel.failed(left)
    channel.unread(() => {
      if (asked) { if (this.shared) left() }
      // The first request, with a compiled module that this place may not take.
      else channel.post({ replies: [[0, { needs: true } satisfies NeedsBinary]] }, [])
    })
    channel.listen((request: Request) => {
      if (request.t === 'migrated') this.#opening?.migrated(request)
      else if (request.t === 'open') {
        asked = true
        if (this.shared) whenGone(request.alive, left)
        void this.#alive.then(alive => { if (alive !== undefined) channel.post({ alive }, []) })
        this.#open(channel, request).then(made => {
          if (made === undefined) return
          page = made
          if (gone) page.leave()
          for (const each of early.splice(0)) page.handle(each)
        }, error => { channel.post({ replies: [[request.id, undefined, errorJson(error)]] }, []) })
      } else if (page !== undefined) page.handle(request)
      else if (request.t === 'close') left()
      else early.push(request)
    })
  }

  async #open(channel: Channel, request: Opening): Promise<Page | undefined> {
    if (request.protocol !== PROTOCOL) throw new EddylineError('WORKER_MISMATCH', 'another version of eddyline runs the engine that the tabs share: close the other tabs', { path: 'shared' })
    if (request.module === undefined && !this.#loaded) {
      channel.post({ replies: [[request.id, { needs: true } satisfies NeedsBinary]] }, [])
      return undefined
    }
    await this.entry.init({ module: request.module } as InitOptions)
    this.#loaded = true
    await this.#alive
    // One that has crashed is held by tabs alone that have not heard of it.
    if (this.#held?.db?.inside.port.dead !== undefined) this.#held = undefined
    const schema = JSON.stringify(request.schema)
    if (this.#held !== undefined && this.#held.schema !== schema) {
      throw new EddylineError('SCHEMA_MISMATCH', `the engine \`${request.name}\` that the tabs share has another schema: close the other tabs, or name it otherwise`, { path: 'schema' })
    }
    const storage = request.storage === undefined ? undefined : JSON.stringify(request.storage)
    if (this.#held !== undefined && this.#held.storage !== storage) {
      throw new EddylineError('WORKER_MISMATCH', `the engine \`${request.name}\` that the tabs share has another storage: close the other tabs, or name it otherwise`, { path: 'storage' })
    }
    const held = this.#held ??= { schema, storage, maker: channel, engine: this.#create(request, channel), db: undefined, pages: 0 }
    held.pages++
    try {
      const engine = await held.engine
      const db = held.db = engine.db
      const page = new Page(engine, channel, request, this, () => this.#left(page, held))
      this.#list.add(page)
      // Posted before any version that the page is told of.
      const reply: OpenReply = {
        relations: page.tables, version: db.inside.port.call('version'), durability: durabilityJson(db),
        fetched: [...db.missed].map(([name, { touch, error }]) => fetchedJson(name, touch, error)),
      }
      channel.post({ replies: [[request.id, reply]] }, [])
      return page
    } catch (error) {
      held.pages--
      if (this.#held === held) this.#held = undefined
      // Who opened it has gone in the middle, perhaps: each tries by itself.
      if (held.maker !== channel) return this.#open(channel, request)
      throw error
    }
  }

  async #create({ schema, name, fetches, storage, budget }: Opening, channel: Channel): Promise<Engine> {
    await this.#ended
    // Until it is there nobody has it.
    let db: Database<any> | undefined
    const pages = (): Page[] => db === undefined ? [] : this.of(db)
    const kept = this.#opening = storage === undefined ? undefined : new WorkerStorage(storage, channel, (opener, warning) => {
      const there = pages()
      for (const { post } of there.length > 0 ? there.map(page => page.channel) : [opener]) post({ warning: errorJson(warning) }, [])
    })
    const made: Database<any> = db = await this.entry.createDatabase({
      ...(kept === undefined ? {} : { storage: kept.option }),
      // A batch that waits is its page's matter.
      ...(budget === undefined ? {} : { memory: { budget, onPressure: pressure => { if (!pressure.waits) pages().find(page => page.presses)?.channel.post({ pressure }, []) } } }),
      schema: { tables: {}, relations: {}, json: schema } as unknown as AnySchema,
      name,
      onError: error => { for (const page of pages()) page.channel.post({ error: errorJson(error) }, []) },
      // Of several tabs a later one may have it.
      fetchRow: !fetches && !this.shared ? undefined : (table, key, { tenant, signal }) => this.#fetch(made, { table, key, tenant }, signal),
    })
    this.#opening = undefined
    made.tap = this.#tap(made)
    const rooms = new Rooms((name, value, latest) => { for (const page of pages()) page.outbox.signal(name, value, latest) })
    try { await rooms.begin(made) } catch (error) { made.close(); await made.keeper?.closed; throw error }
    made.keeper?.subscribe(() => { for (const page of pages()) page.channel.post({ durability: durabilityJson(made) }, []) })
    return { db: made, rooms, turns: new Turns() }
  }

  #tap(db: Database<any>): Tap {
    return {
      published: (address, report) => { this.#published(db, address, report) },
      fetched: (name, touch, error) => { for (const page of this.of(db)) page.outbox.tell({ fetched: [fetchedJson(name, touch, error)] }) },
      crashed: error => { for (const page of this.of(db)) page.channel.post({ crash: errorJson(error) }, []) },
    }
  }

  /** A version, for all pages; who asked for it is answered. */
  #published(db: Database<any>, address: number, report: Report): void {
    const { port } = db.inside
    const asking = this.#asking
    this.#asking = undefined
    port.fresh()
    const at = address >>> 2
    // Copied: what a page is told may have the engine make another report.
    const words = port.i32.slice(at, at + port.i32[at + WORDS])
    for (const page of this.of(db)) page.outbox.published(words, report, asking?.page === page ? asking.id : undefined, asking?.reports === true ? report : undefined)
  }

  /** The next version answers this request. What fails answers nothing. */
  asking(page: Page, id: number, run: () => void, reports = true): void {
    this.#asking = { page, id, reports }
    try { run() } finally { this.#asking = undefined }
  }

  // ---- rows that pages fetch -----------------------------------------------------------------------------------------

  #fetch(db: Database<any>, fetch: Wanted['fetch'], signal: AbortSignal): Promise<object | null> {
    return new Promise((resolve, reject) => {
      const id = this.#next++
      const end = (): void => { this.#wanted.delete(id); signal.removeEventListener('abort', dropped) }
      const dropped = (): void => { end(); wanted.page?.channel.post({ drop: id }, []); reject(signal.reason) }
      const wanted: Wanted = { id, db, fetch, page: undefined, done: row => { end(); resolve(row as object | null) }, failed: error => { end(); reject(error) } }
      signal.addEventListener('abort', dropped)
      this.#wanted.set(id, wanted)
      this.#ask(wanted)
    })
  }

  #ask(wanted: Wanted): void {
    const page = wanted.page = this.of(wanted.db).find(p => p.fetches)
    if (page !== undefined) page.channel.post({ fetch: { id: wanted.id, ...wanted.fetch } }, [])
    else wanted.failed(new EddylineError('NO_FETCH_ROW', `a row of \`${wanted.fetch.table}\` was touched, but no tab has a fetchRow`, { offending: wanted.fetch.table }))
  }

  /** A page's answer. */
  fetched(page: Page, id: number, row: unknown, error: Error | undefined): void {
    const wanted = this.#wanted.get(id)
    // Of one that was asked before it went, perhaps.
    if (wanted?.page !== page) return
    if (error === undefined) wanted.done(row)
    else wanted.failed(error)
  }

  // ---- the end -------------------------------------------------------------------------------------------------------

  /** Resolves when it has taken with it what it has to. */
  async #left(page: Page, held: Held): Promise<void> {
    const { db, engine } = page
    this.#list.delete(page)
    engine.turns.gone(page)
    for (const wanted of [...this.#wanted.values()]) if (wanted.page === page && this.of(db).length > 0) this.#ask(wanted)
    if (--held.pages > 0) return
    if (this.#held === held) this.#held = undefined
    const { keeper } = db
    db.close()
    if (keeper !== undefined) await (this.#ended = keeper.closed)
  }
}

const fetchedJson = (name: string, { table, tenant }: Touch, error: EddylineError | undefined): Fetched => [name, table, tenant, error && errorJson(error)]
