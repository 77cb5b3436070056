/**
 * The feed's far end: every connected page, each at its own position in the change log.
 *
 * A binary frame is a batch: one transaction, or, for a page that fell behind, several merged in commit order. Text frames
 * are about the feed itself: `hello`, `must-refetch`, `reload`, `busy`, `database`, `alive`.
 * There is no queue per page: what a page has not taken stays in the log, and a page that falls out of the log refetches.
 */
import { WebSocketServer } from 'ws'
import { ChangeLog, positionOf } from './change-log.mjs'

/** @typedef {import('./database.mjs').FeedSink} FeedSink */
/**
 * @typedef {object} Page
 * @property {import('ws').WebSocket} socket
 * @property {number} next   number of the entry that it gets next
 * @property {bigint | undefined} ahead   where it is, while the log has not come so far
 * @property {boolean} isWaiting
 * @property {boolean} isAlive
 */

/** Above this the socket is left alone until it has drained. */
const HIGH_WATER_BYTES = 1024 * 1024
/** Above this, transactions are merged: fewer frames let a slow page catch up. */
const MERGE_ABOVE_BYTES = 64 * 1024
const ALIVE_MS = 10_000

/** @implements {FeedSink} */
export class Hub {
  /** @param {{ epoch: string, kind: string, latest: () => Promise<string>, log?: ChangeLog }} options `latest`: a cursor that no page can be ahead of */
  constructor({ epoch, kind, latest, log = new ChangeLog() }) {
    this.epoch = epoch
    this.kind = kind
    this.latest = latest
    this.log = log
    this.busyRate = 0
    this.isConnected = false
    /** @type {string | undefined} */
    this.reason = undefined
    /** @type {Set<Page>} */
    this.pages = new Set()
    this.sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 4096 })
    this.isPumping = false
    this.timer = setInterval(() => this.#checkAlive(), ALIVE_MS)
    this.timer.unref()
  }

  /** @param {string} cursor */
  start(cursor) {
    this.log.reset(cursor)
  }

  /** @param {string} cursor @param {string[]} changes */
  transaction(cursor, changes) {
    if (this.log.append(cursor, changes)) this.#pumpSoon()
  }

  /** @param {string} cursor */
  lost(cursor) {
    this.log.reset(cursor)
    for (const page of this.pages) this.#refetch(page)
  }

  /** @param {boolean} connected @param {string} [reason] */
  connection(connected, reason) {
    this.isConnected = connected
    this.reason = reason
    this.#tellAll({ control: 'database', connected, reason })
  }

  /** @param {number} rate */
  setBusyRate(rate) {
    this.busyRate = rate
    this.#tellAll({ control: 'busy', rate })
  }

  /** @param {object} message */
  #tellAll(message) {
    for (const page of this.pages) page.socket.send(JSON.stringify(message))
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:stream').Duplex} socket
   * @param {Buffer} head
   */
  upgrade(request, socket, head) {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
    this.sockets.handleUpgrade(request, socket, head, webSocket => this.attach(webSocket, searchParams.get('cursor'), searchParams.get('epoch')))
  }

  /**
   * @param {import('ws').WebSocket} socket
   * @param {string | null} cursor   where the page is
   * @param {string | null} epoch    the database it loaded from
   */
  attach(socket, cursor, epoch) {
    /** @type {Page} */
    const page = { socket, next: 0, ahead: undefined, isWaiting: false, isAlive: true }
    socket.on('error', () => socket.terminate())
    socket.on('close', () => this.pages.delete(page))
    socket.on('pong', () => { page.isAlive = true })
    socket.send(JSON.stringify({ control: 'hello', epoch: this.epoch, database: this.kind, busy: this.busyRate, connected: this.isConnected, reason: this.reason }))
    if (epoch && epoch !== this.epoch) {
      // Another database: the page's rows and cursor belong to one that is gone.
      return this.#reload(page)
    }
    this.pages.add(page)
    const position = cursor === null ? undefined : positionOf(cursor)
    if (position === undefined || !this.log.covers(position)) return this.#refetch(page)
    page.next = this.log.after(position)
    if (position > this.log.end) {
      // Its snapshot is newer, or a server before this one told it more: what it has comes again, and is not for it. Or it is none of this history.
      page.ahead = position
      this.latest().then(latest => { if (position > (positionOf(latest) ?? position)) this.#reload(page) }, () => {})
    }
    this.#pump(page)
  }

  /** @param {Page} page */
  #reload(page) {
    this.pages.delete(page)
    page.socket.send(JSON.stringify({ control: 'reload' }))
    page.socket.close()
  }

  /** @param {Page} page */
  #refetch(page) {
    page.socket.send(JSON.stringify({ control: 'must-refetch' }))
    this.pages.delete(page)
    page.socket.close(4000, 'must-refetch')
  }

  /** Once per turn of the event loop, however many transactions came in. */
  #pumpSoon() {
    if (this.isPumping) return
    this.isPumping = true
    setImmediate(() => {
      this.isPumping = false
      for (const page of this.pages) if (!page.isWaiting) this.#pump(page)
    })
  }

  /** @param {Page} page */
  #pump(page) {
    const { socket } = page
    if (page.ahead !== undefined) {
      page.next = this.log.after(page.ahead)
      if (page.next < this.log.next) page.ahead = undefined
    }
    while (socket.readyState === socket.OPEN && page.next < this.log.next) {
      if (socket.bufferedAmount > HIGH_WATER_BYTES) {
        // The callback of the frame sent last goes on from here.
        page.isWaiting = true
        return
      }
      const entry = this.log.entry(page.next)
      if (!entry) return this.#refetch(page)
      const isBehind = socket.bufferedAmount > MERGE_ABOVE_BYTES || this.log.next - page.next > 100
      const { frame, next } = isBehind ? this.log.merged(page.next) : { frame: entry.frame, next: page.next + 1 }
      page.next = next
      socket.send(frame, { binary: true }, () => {
        if (!page.isWaiting || socket.bufferedAmount > HIGH_WATER_BYTES / 2) return
        page.isWaiting = false
        this.#pump(page)
      })
    }
  }

  #checkAlive() {
    for (const page of this.pages) {
      if (!page.isAlive) {
        page.socket.terminate()
        continue
      }
      page.isAlive = false
      page.socket.ping()
      // Pages cannot see a ping; this tells them that a quiet feed is not a dead one.
      page.socket.send('{"control":"alive"}')
    }
  }

  close() {
    clearInterval(this.timer)
    for (const page of this.pages) page.socket.close(1001, 'the server stops')
    // A page that does not answer must not keep the process.
    setTimeout(() => { for (const client of this.sockets.clients) client.terminate() }, 500).unref()
    this.sockets.close()
  }
}
