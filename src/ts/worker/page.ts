// One page of a worker: its views of the engine, what it asks and what it is told.
import { pause } from '../breathe.js'
import type { Database } from '../database.js'
import type { Keeper } from '../durability.js'
import { EddylineError, codedError } from '../errors.js'
import type { RelationInfo } from '../port.js'
import { type SliceDoor, letIn } from '../sliced.js'
import { type Channel, type ErrorJson, type Opening, type Request, errorJson, errorOf, waits } from './messages.js'
import { Outbox } from './outbox.js'
import type { Engine, Pages } from './pages.js'

export class Page {
  readonly tables: RelationInfo[]
  readonly outbox: Outbox
  /** It can fetch rows. */
  readonly fetches: boolean
  /** It can make room. */
  readonly presses: boolean
  /** Views by the page's numbers of queries. */
  readonly #views = new Map<number, number>()
  readonly #streams = new Map<number, { give(bytes: Uint8Array | undefined, error: ErrorJson | undefined): void }>()
  /** Batches that the memory budget refused, in order, while the page makes room; and what came behind them. */
  readonly #pressed: { readonly refusal: EddylineError; done(error: EddylineError | undefined): void }[] = []
  readonly #behind: Request[] = []
  /** The page knows that something waits for it. */
  #saidQueued = false
  #gone = false

  get db(): Database<any> { return this.engine.db }

  /** `left` is called once, when it has gone. */
  constructor(readonly engine: Engine, readonly channel: Channel, { ahead, fetches, presses }: Opening, readonly pages: Pages, readonly left: () => Promise<void>) {
    const { port } = this.db.inside
    this.fetches = fetches
    this.presses = presses
    this.tables = port.call('relations')
    this.outbox = new Outbox(port, this.tables, ahead, (told, transfer) => { if (!this.#gone) channel.post(told, transfer) })
  }

  handle(request: Request): void {
    if (this.#gone) return
    switch (request.t) {
      case 'ack': this.outbox.acked(request.n); return
      case 'close': this.leave(); return
      case 'chunk': this.#chunk(request); return
      case 'fetched': this.pages.fetched(this, request.id, request.row, request.error === undefined ? undefined : errorOf(request.error)); return
      case 'unsource': this.engine.turns.leave(request.source, this, request.turn); return
      case 'sourced': for (const page of this.engine.turns.mark(request.source)) page.outbox.tell({ sourced: [request.source] }); return
    }
    if (request.t === 'relieved') { this.#relieved(request.error); return }
    if (this.#pressed.length > 0 && waits(request) && request.relief !== true) {
      this.#behind.push(request)
      this.#queued()
      return
    }
    const id = 'id' in request ? request.id : undefined
    try { this.#do(request, id!) } catch (error) {
      if (id !== undefined) this.outbox.reply(id, undefined, errorJson(error))
      else this.channel.post({ error: errorJson(error) }, [])
    }
  }

  #do(request: Request, id: number): void {
    const { db, outbox } = this
    const { port } = db.inside
    switch (request.t) {
      case 'commit': this.#roomy(id, request.relief, () => { this.#commit(request) }); return
      case 'json': this.#roomy(id, request.relief, () => { this.pages.asking(this, id, () => { db.applyJson(request.input, request.options) }) }); return
      case 'stream': {
        const { stream, signal } = this.#stream(id)
        const pressed = this.presses && request.relief !== true ? { pressed: (error: unknown) => this.#room(error, signal) } : {}
        db.applyJson(stream, { ...request.options, signal, ...pressed }).then(report => { outbox.reply(id, report) }, error => { outbox.reply(id, undefined, errorJson(error)) })
          .finally(() => { this.#streams.delete(id) })
        return
      }
      case 'register': {
        const sliced = request.sliced === true
        const info = port.call('register', request.json, sliced)
        this.#views.set(request.query, info.view)
        outbox.opened(request.query, info, (request.json as { part?: unknown }).part !== undefined, sliced ? undefined : id)
        if (sliced) this.#letIn(id, request.query, info.view, request.tells === true)
        return
      }
      case 'whole': {
        const view = this.#views.get(request.query)
        while (view !== undefined && port.call('pending', view) > 0) this.#moved(undefined, () => port.call('admit', view, 0xffffffff))
        return
      }
      case 'unregister': {
        const view = this.#views.get(request.query)
        if (view === undefined) return
        this.#views.delete(request.query)
        port.forget(view)
        outbox.dropped(view)
        return
      }
      case 'params': this.#moved(id, () => port.call('set_params', this.#view(request.query), { params: request.params })); return
      case 'show': this.#moved(id, () => port.call('show', this.#view(request.query), request.start, request.count)); return
      case 'explain': outbox.reply(id, port.call('explain', this.#view(request.query))); return
      case 'plan': {
        const { view } = port.call('register', request.json, false)
        try { outbox.reply(id, port.call('explain', view)) } finally { port.forget(view) }
        return
      }
      case 'stats': outbox.reply(id, { ...db.stats(), worker: { ...outbox.traffic, pages: this.pages.of(db).length } }); return
      case 'retry': outbox.reply(id, db.retry()); return
      case 'ask': this.#answer(id, this.engine.rooms.ask(request.name, request.args)); return
      case 'cursor': outbox.reply(id, db.cursor(request.source)); return
      case 'source': this.#turn(id, request.source, request.turn); return
      case 'enter': this.#keeper().commit(undefined, request.entries); outbox.reply(id, undefined); return
      case 'entries': outbox.reply(id, new Map(this.#keeper().entries(request.space))); return
      case 'flush': this.#answer(id, db.flush()); return
      case 'checkpoint': this.#answer(id, this.#keeper().checkpoint()); return
      case 'rewrite': this.#answer(id, this.#keeper().retry()); return
      case 'leading': this.#answer(id, this.#keeper().leading)
    }
  }

  /** Applies, and once more when the page has made room. */
  #roomy(id: number, relief: boolean | undefined, run: () => void): void {
    try { run() } catch (error) {
      const pressed = relief !== true && this.#press(error, refused => {
        try {
          if (refused !== undefined) throw refused
          run()
        } catch (last) { this.outbox.reply(id, undefined, errorJson(last)) }
      })
      if (!pressed) throw error
    }
  }

  /** Of a stream: whether to try once more. One that is ended meanwhile does not wait for the hook. */
  #room(error: unknown, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => { reject(signal.reason as Error) })
      const pressed = this.#press(error, refused => { if (refused === undefined) resolve(true); else reject(refused) })
      if (!pressed) resolve(false)
    })
  }

  /** Asks the page for room, if that is what is missing; `done` gets what it is refused with, or nothing: then it is to try again. */
  #press(error: unknown, done: (refused: EddylineError | undefined) => void): boolean {
    const refusal = codedError(error)
    if (refusal?.code !== 'MEMORY_BUDGET' || !this.presses || this.#gone) return false
    if (this.#pressed.push({ refusal, done }) === 1) this.#askRoom(refusal)
    else this.#queued()
    return true
  }

  #askRoom({ needed, budget }: EddylineError): void {
    this.channel.post({ pressure: { needed: needed!, budget: budget!, waits: true } }, [])
    this.#saidQueued = false
    if (this.#pressed.length > 1 || this.#behind.length > 0) this.#queued()
  }

  /** Something waits for the page to make room, and it may have been asked before the page knew of that. */
  #queued(): void {
    if (this.#saidQueued) return
    this.#saidQueued = true
    this.channel.post({ queued: true }, [])
  }

  #relieved(failure: ErrorJson | undefined): void {
    const pressed = this.#pressed.shift()
    pressed?.done(failure && refused(pressed.refusal, errorOf(failure)))
    if (this.#pressed.length > 0) { this.#askRoom(this.#pressed[0].refusal); return }
    // In the order in which they came: one of them may have to wait itself.
    for (const request of this.#behind.splice(0)) this.handle(request)
  }

  #keeper(): Keeper {
    const { keeper, name } = this.db
    if (keeper === undefined) throw new EddylineError('NOT_DURABLE', `the database \`${name}\` has no storage: createWorkerDatabase({ storage })`)
    return keeper
  }

  #answer(id: number, value: Promise<unknown>): void {
    value.then(v => { this.outbox.reply(id, v) }, error => { this.outbox.reply(id, undefined, errorJson(error)) })
  }

  #commit({ id, bytes, source, cursor, origin, durable, entries }: Extract<Request, { t: 'commit' }>): void {
    const { db } = this
    db.keeper?.guard()
    if (durable !== true) {
      this.pages.asking(this, id, () => { if (entries === undefined) db.applyPacked(bytes, source, cursor, origin); else this.#keeper().commitPacked(bytes, entries, source, cursor, origin) })
      return
    }
    const keeper = this.#keeper()
    const report = db.applyPacked(bytes, source, cursor, origin)
    this.#answer(id, keeper.flush().then(() => report))
  }

  #view(query: number): number {
    const view = this.#views.get(query)
    if (view === undefined) throw new EddylineError('UNKNOWN_VIEW', 'the live query could not be opened')
    return view
  }

  /** A version that no change of rows makes; none, when nothing is another than before. The database makes it: those who work on it inside count versions. */
  #moved(id: number | undefined, move: () => number): void {
    const { db } = this
    const before = db.version
    const run = (): void => { db.moved(move) }
    if (id === undefined) { run(); return }
    this.pages.asking(this, id, run, false)
    if (db.version === before) this.outbox.reply(id, undefined)
  }

  /** The rows of a query in slices, as fast as the page takes them; other requests have their turn between. */
  #letIn(id: number, query: number, view: number, tells: boolean): void {
    const { port } = this.db.inside
    const door: SliceDoor = {
      open: () => !this.#gone && port.dead === undefined && this.#views.get(query) === view,
      moved: move => { this.#moved(undefined, move) },
      loaded: () => {},
      failed: error => { this.channel.post({ error: errorJson(error) }, []) },
      pause: async () => { await pause(); await this.outbox.room() },
    }
    letIn(port, view, door, tells ? ({ processed, total }) => { this.channel.post({ progress: [query, processed, total] }, []) } : undefined)
      // Of one that was dropped before, too: the page does not wait for ever.
      .then(() => { this.outbox.reply(id, undefined) }, error => { this.outbox.reply(id, undefined, errorJson(error)) })
  }

  /** A source may begin, with its cursor as the answer, when no other tab runs it. */
  #turn(id: number, source: string, turn: number): void {
    const { turns } = this.engine, { shared } = this.pages
    // Of several engines on one storage one runs the sources.
    const begin = (): void => { this.#answer(id, (this.db.keeper?.leading ?? Promise.resolve()).then(() => this.#gone ? undefined : this.db.cursor(source))) }
    if (!shared) { begin(); return }
    turns.ask(source, { page: this, turn, begin })
    if (turns.loaded(source)) this.outbox.tell({ sourced: [source] })
  }

  /** The pieces of a stream that the page reads; it is asked for them as they are used. `signal`: it has ended there, also while it waits for its turn here. */
  #stream(id: number): { stream: ReadableStream<Uint8Array>; signal: AbortSignal } {
    const { channel } = this
    const abort = new AbortController()
    let open = true
    const stream = new ReadableStream<Uint8Array>({
      start: controller => {
        this.#streams.set(id, { give(bytes, error) {
          if (error !== undefined) {
            const why = errorOf(error)
            open = false
            controller.error(why)
            abort.abort(why)
          } else if (!open) return
          else if (bytes === undefined) { open = false; controller.close() }
          else controller.enqueue(bytes)
        } })
      },
      pull: () => { channel.post({ pull: id }, []) },
      cancel: () => { open = false; channel.post({ cancel: id }, []) },
    }, { highWaterMark: 4 })
    return { stream, signal: abort.signal }
  }

  /** A piece of a stream, which may be ended before its turn has come. */
  #chunk({ id, bytes, error }: Extract<Request, { t: 'chunk' }>): void {
    this.#streams.get(id)?.give(bytes, error)
    const at = error === undefined ? -1 : this.#behind.findIndex(request => request.t === 'stream' && request.id === id)
    if (at < 0) return
    this.#behind.splice(at, 1)
    this.outbox.reply(id, undefined, error)
  }

  /** It has gone, whether it said so or not: its queries go, and what it was in the middle of is as if it had not begun. */
  leave(): void {
    if (this.#gone) return
    this.#gone = true
    const { port } = this.db.inside
    const gone = errorJson(new EddylineError('CLOSED', 'the page has gone'))
    for (const stream of [...this.#streams.values()]) stream.give(undefined, gone)
    for (const { refusal, done } of this.#pressed.splice(0)) done(refusal)
    for (const view of this.#views.values()) if (port.dead === undefined) port.call('unregister', view)
    this.#views.clear()
    // What was applied is still written.
    void this.left().then(() => {
      this.channel.post({ closed: true }, [])
      this.channel.close()
    })
  }
}

/** What the budget refused stays refused: the hook failed. */
function refused({ message, needed, budget }: EddylineError, cause: unknown): EddylineError {
  return new EddylineError('MEMORY_BUDGET', message, { needed, budget, cause })
}
