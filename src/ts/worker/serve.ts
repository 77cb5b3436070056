// The worker's side: an ordinary database without live queries, its engine's views, and what the page asks of them.
import type { Report } from '../changes.js'
import type { Database } from '../database.js'
import type { Entry, InitOptions } from '../boot/core.js'
import { EddylineError } from '../errors.js'
import type { RelationInfo } from '../port.js'
import { VERSION } from '../report.js'
import type { AnySchema } from '../schema.js'
import { type Channel, type ErrorJson, type OpenReply, type Request, errorJson, errorOf } from './messages.js'
import { Outbox } from './outbox.js'

type Opened = Extract<Request, { t: 'open' }>

/** Serves one page until it closes. */
export function serve(entry: Entry, channel: Channel): void {
  let host: Host | undefined
  // What comes while the engine is loading waits for it.
  let early: Request[] | undefined = []
  channel.listen((request: Request) => {
    if (request.t === 'open') {
      open(entry, channel, request).then(made => {
        host = made
        const waiting = early!
        early = undefined
        for (const each of waiting) host.handle(each)
      }, error => { channel.post({ replies: [[request.id, undefined, errorJson(error)]] }, []) })
    } else if (early !== undefined) early.push(request)
    else host!.handle(request)
  })
}

async function open(entry: Entry, channel: Channel, request: Opened): Promise<Host> {
  await entry.init({ module: request.module } as InitOptions)
  const fetching = new Map<number, (row: unknown, error: ErrorJson | undefined) => void>()
  let next = 0
  const db = await entry.createDatabase({
    schema: { tables: {}, relations: {}, json: request.schema } as unknown as AnySchema,
    name: request.name,
    onError: error => { channel.post({ error: errorJson(error) }, []) },
    fetchRow: !request.fetches ? undefined : (table, key, { tenant, signal }) => new Promise((resolve, reject) => {
      const id = next++
      const end = (): void => { fetching.delete(id); signal.removeEventListener('abort', dropped) }
      const dropped = (): void => { end(); channel.post({ drop: id }, []); reject(signal.reason) }
      signal.addEventListener('abort', dropped)
      fetching.set(id, (row, error) => { end(); if (error === undefined) resolve(row as object | null); else reject(errorOf(error)) })
      channel.post({ fetch: { id, table, key, tenant } }, [])
    }),
  })
  const host = new Host(db, channel, request, fetching)
  const reply: OpenReply = { relations: host.tables, version: db.version }
  channel.post({ replies: [[request.id, reply]] }, [])
  return host
}

class Host {
  readonly tables: RelationInfo[]
  readonly #outbox: Outbox
  /** Views by the page's numbers of queries. */
  readonly #views = new Map<number, number>()
  /** The request whose answer goes with the version it makes. */
  #asking: number | undefined
  readonly #streams = new Map<number, { give(bytes: Uint8Array | undefined, error: ErrorJson | undefined): void }>()

  constructor(readonly db: Database<any>, readonly channel: Channel, { ahead }: Opened, readonly fetching: Map<number, (row: unknown, error: ErrorJson | undefined) => void>) {
    const { port } = db.inside
    this.tables = port.call('relations')
    this.#outbox = new Outbox(port, this.tables, ahead, (told, transfer) => { channel.post(told, transfer) })
    db.tap = {
      published: (address, report) => {
        const id = this.#asking
        this.#asking = undefined
        this.#outbox.published(address, report, id, report)
      },
      fetched: (name, { table, tenant }, error) => { this.#outbox.tell({ fetched: [[name, table, tenant, error === undefined ? undefined : errorJson(error)]] }) },
      crashed: error => { channel.post({ crash: errorJson(error) }, []) },
    }
  }

  handle(request: Request): void {
    if (request.t === 'ack') { this.#outbox.acked(request.n); return }
    if (request.t === 'close') { this.#close(); return }
    if (request.t === 'chunk') { this.#streams.get(request.id)?.give(request.bytes, request.error); return }
    if (request.t === 'fetched') { this.fetching.get(request.id)?.(request.row, request.error); return }
    const id = 'id' in request ? request.id : undefined
    try { this.#do(request, id!) } catch (error) {
      this.#asking = undefined
      if (id !== undefined) this.#outbox.reply(id, undefined, errorJson(error))
      else this.channel.post({ error: errorJson(error) }, [])
    }
  }

  #do(request: Request, id: number): void {
    const { db } = this
    const { port } = db.inside
    const outbox = this.#outbox
    switch (request.t) {
      case 'commit':
        this.#asking = id
        db.applyPacked(request.bytes, request.source, request.cursor, request.origin)
        return
      case 'json':
        this.#asking = id
        db.applyJson(request.input, request.options)
        return
      case 'stream':
        db.applyJson(this.#stream(id), request.options).then(report => { outbox.reply(id, report) }, error => { outbox.reply(id, undefined, errorJson(error)) })
        return
      case 'register': {
        const info = port.call('register', request.json)
        this.#views.set(request.query, info.view)
        outbox.opened(request.query, info, (request.json as { part?: unknown }).part !== undefined)
        return
      }
      case 'unregister': {
        const view = this.#views.get(request.query)
        if (view === undefined) return
        this.#views.delete(request.query)
        port.call('unregister', view)
        outbox.dropped(view)
        return
      }
      case 'params': this.#moved(id, () => port.call('set_params', this.#view(request.query), { params: request.params })); return
      case 'show': this.#moved(id, () => port.call('show', this.#view(request.query), request.start, request.count)); return
      case 'explain': outbox.reply(id, port.call('explain', this.#view(request.query))); return
      case 'plan': {
        const { view } = port.call('register', request.json)
        try { outbox.reply(id, port.call('explain', view)) } finally { port.call('unregister', view) }
        return
      }
      case 'stats': outbox.reply(id, { ...db.stats(), worker: { ...outbox.traffic } }); return
      case 'retry': outbox.reply(id, db.retry()); return
      case 'cursor': outbox.reply(id, db.cursor(request.source)); return
    }
  }

  #view(query: number): number {
    const view = this.#views.get(query)
    if (view === undefined) throw new EddylineError('UNKNOWN_VIEW', 'the live query could not be opened')
    return view
  }

  /** A version that no change of rows makes; none, when nothing is another than before. */
  #moved(id: number, move: () => number): void {
    const { port } = this.db.inside
    const before = port.call('version')
    const begun = performance.now()
    const address = move() >>> 0
    port.fresh()
    const version = port.i32[(address >> 2) + VERSION]
    if (version === before) { this.#outbox.reply(id, undefined); return }
    const report: Report = { version, applied: 0, ignored: 0, replayed: false, source: undefined, cursor: undefined, origin: undefined, micros: (performance.now() - begun) * 1000 }
    this.#outbox.published(address, report, id, undefined)
  }

  /** The pieces of a stream that the page reads; it is asked for them as they are used. */
  #stream(id: number): ReadableStream<Uint8Array> {
    const { channel } = this
    const end = (): void => { this.#streams.delete(id) }
    return new ReadableStream<Uint8Array>({
      start: controller => {
        this.#streams.set(id, { give(bytes, error) {
          if (error !== undefined) { end(); controller.error(errorOf(error)) }
          else if (bytes === undefined) { end(); controller.close() }
          else controller.enqueue(bytes)
        } })
      },
      pull: () => { channel.post({ pull: id }, []) },
      cancel: () => { end(); channel.post({ cancel: id }, []) },
    }, { highWaterMark: 4 })
  }

  #close(): void {
    this.db.close()
    this.channel.close()
  }
}
