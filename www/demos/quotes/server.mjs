/**
 * The quotes of some reading circles: below `/demos/quotes/` of the demo, or alone by `node www/demos/quotes/server.mjs`, after
 * `npm run build`.
 *
 * Keeps each circle's quotes in memory and tells every page of the circle what changes, as one batch per write. Pages write
 * here and nowhere else; what a write did comes back to them as to all others. `PORT` says where to listen alone (5174).
 */
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { sendFile } from '../../server/static-files.mjs'

/** @typedef {{ id: string, author: string, content: string, likes: number }} Quote */
/** @typedef {{ like?: unknown, remove?: unknown, add?: { author?: unknown, content?: unknown } }} Wish */
/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/** Of a reader that takes less than it is told so much is kept; then it is cut off, and comes back to everything as it is. */
const MAX_UNREAD_BYTES = 1024 * 1024

const here = fileURLToPath(new URL('.', import.meta.url)).replace(/[\\/]$/, '')
const library = fileURLToPath(new URL('../../../pkg', import.meta.url))

/** @returns {Quote[]} */
const first = () => [
  { id: 'descartes', author: 'Descartes', content: 'I think, therefore I am.', likes: 0 },
  { id: 'heraclitus', author: 'Heraclitus', content: 'Nothing endures but change.', likes: 0 },
]

class Circle {
  rows = new Map(first().map((row) => [row.id, row]))
  /** @type {Set<Response>} */
  readers = new Set()
  // Later than anything that pages remember of an earlier run.
  cursor = Date.now() * 1000
  isWritten = false

  /** @param {string} name */
  constructor(name) { this.name = name }

  /** @param {object[]} changes */
  #text(changes) { return `data: ${JSON.stringify({ tenant: this.name, source: 'quotes', cursor: this.cursor, changes })}\n\n` }

  /** A page joins: everything as it is, then each batch. A page that comes back gets the same, and sees only what differs. @param {Response} response */
  join(response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(this.#text([{ op: 'reset', table: 'quotes', rows: [...this.rows.values()] }]))
    this.readers.add(response)
    response.on('close', () => { this.readers.delete(response) })
  }

  /** Nobody reads it, and nobody ever wrote to it: a new one is as good. */
  get isForgotten() { return this.readers.size === 0 && !this.isWritten }

  /** Ends all streams. One that is still on its way takes nothing more: a write behind the end would throw. */
  cut() {
    for (const response of this.readers) response.end()
    this.readers.clear()
  }

  /** Does what a wish asks for, and tells all readers; false if it asks for nothing that can be done. @param {Wish} wish */
  write(wish) {
    const change = this.#change(wish)
    if (change === undefined) return false
    this.cursor++
    this.isWritten = true
    const text = this.#text([change])
    for (const response of this.readers) {
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy()
      else response.write(text)
    }
    return true
  }

  /** What a wish changes, or undefined. @param {Wish} wish */
  #change({ like, add, remove }) {
    const row = typeof like === 'string' ? this.rows.get(like) : undefined
    if (row !== undefined) {
      row.likes++
      return { op: 'update', table: 'quotes', id: row.id, set: { likes: row.likes } }
    }
    if (typeof add?.author === 'string' && typeof add.content === 'string') {
      // Half a character, cut or sent so, is no text: no page could read it.
      const textOf = (/** @type {string} */ given, /** @type {number} */ length) => given.slice(0, length).toWellFormed()
      const made = { id: crypto.randomUUID(), author: textOf(add.author, 200), content: textOf(add.content, 2000), likes: 0 }
      this.rows.set(made.id, made)
      return { op: 'insert', table: 'quotes', row: made }
    }
    return typeof remove === 'string' && this.rows.delete(remove) ? { op: 'delete', table: 'quotes', id: remove } : undefined
  }
}

/** @param {Request} request @returns {Promise<unknown>} */
async function bodyOf(request) {
  let text = ''
  for await (const piece of request) {
    text += piece
    if (text.length > 10_000) return undefined
  }
  try { return JSON.parse(text) } catch { return undefined }
}

/** The circles, and what answers requests to them: `answer(request, response, path)`, the path as below where it is mounted. */
export function openQuotes() {
  /** @type {Map<string, Circle>} */
  const circles = new Map()
  const circle = (/** @type {string} */ name) => {
    const there = circles.get(name) ?? new Circle(name)
    circles.set(name, there)
    return there
  }
  return {
    /** @param {Request} request @param {Response} response @param {string} path */
    async answer(request, response, path) {
      const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
      const name = (searchParams.get('circle') || 'readers').slice(0, 100)
      if (path === '/feed') {
        const joined = circle(name)
        joined.join(response)
        response.on('close', () => { if (joined.isForgotten) circles.delete(name) })
        return
      }
      if (path === '/write' && request.method === 'POST') {
        const wish = await bodyOf(request)
        response.writeHead(typeof wish === 'object' && wish !== null && circle(name).write(wish) ? 204 : 400).end()
        return
      }
      const inside = path.startsWith('/pkg/') ? await sendFile(library, path.slice(4), response, false) : await sendFile(here, path, response, false)
      if (!inside) response.writeHead(404).end('not here')
    },
    /** Ends all streams of a circle, or of all: their pages come back by themselves. @param {string} [name] */
    cut(name) {
      for (const one of name === undefined ? circles.values() : [circles.get(name)]) one?.cut()
    },
  }
}

/** Starts it alone. `port` 0 takes a free one. */
export async function startQuotes({ port = 0, host = '127.0.0.1' } = {}) {
  const { answer, cut } = openQuotes()
  const server = createServer((request, response) => {
    // What a request line holds need not be an address, and then this throws.
    const answered = async () => answer(request, response, new URL(request.url ?? '/', 'http://localhost').pathname)
    answered()
      .catch(() => { if (!response.headersSent) response.writeHead(500); response.end() })
  })
  await new Promise((resolve, reject) => { server.once('error', reject).listen(port, host, () => { resolve(undefined) }) })
  const url = `http://${host}:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/`
  return { url, cut, close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }) }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await startQuotes({ port: Number(process.env.PORT ?? 5174) })
  console.log(`Quotes on ${url}`)
}
