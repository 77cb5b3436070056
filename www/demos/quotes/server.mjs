/**
 * The quotes of some reading circles: `node www/demos/quotes/server.mjs`, after `npm run build`.
 *
 * Keeps each circle's quotes in memory and tells every page of the circle what changes, as one batch per write. Pages write
 * here and nowhere else; what a write did comes back to them as to all others. `PORT` says where to listen (5174).
 */
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { sendFile } from '../../server/static-files.mjs'

const here = fileURLToPath(new URL('.', import.meta.url)).replace(/[\\/]$/, '')
const library = fileURLToPath(new URL('../../../pkg', import.meta.url))

const first = () => [
  { id: 'descartes', author: 'Descartes', content: 'I think, therefore I am.', likes: 0 },
  { id: 'heraclitus', author: 'Heraclitus', content: 'Nothing endures but change.', likes: 0 },
]

class Circle {
  rows = new Map(first().map((row) => [row.id, row]))
  readers = new Set()
  // Later than anything that pages remember of an earlier run.
  cursor = Date.now() * 1000

  constructor(name) { this.name = name }

  #text(changes) { return `data: ${JSON.stringify({ tenant: this.name, source: 'quotes', cursor: this.cursor, changes })}\n\n` }

  /** A page joins: everything as it is, then each batch. A page that comes back gets the same, and sees only what differs. */
  join(response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(this.#text([{ op: 'reset', table: 'quotes', rows: [...this.rows.values()] }]))
    this.readers.add(response)
    response.on('close', () => { this.readers.delete(response) })
  }

  /** What a wish changes, or undefined. */
  write(wish) {
    const change = this.#change(wish)
    if (change === undefined) return false
    this.cursor++
    for (const response of this.readers) response.write(this.#text([change]))
    return true
  }

  #change({ like, add, remove }) {
    const row = this.rows.get(like)
    if (row !== undefined) {
      row.likes++
      return { op: 'update', table: 'quotes', id: like, set: { likes: row.likes } }
    }
    if (typeof add?.author === 'string' && typeof add.content === 'string') {
      const made = { id: crypto.randomUUID(), author: add.author.slice(0, 200), content: add.content.slice(0, 2000), likes: 0 }
      this.rows.set(made.id, made)
      return { op: 'insert', table: 'quotes', row: made }
    }
    return this.rows.delete(remove) ? { op: 'delete', table: 'quotes', id: remove } : undefined
  }
}

async function bodyOf(request) {
  let text = ''
  for await (const piece of request) {
    text += piece
    if (text.length > 10_000) return undefined
  }
  try { return JSON.parse(text) } catch { return undefined }
}

/** Starts it. `port` 0 takes a free one. */
export async function startQuotes({ port = 0, host = '127.0.0.1' } = {}) {
  const circles = new Map()
  const circle = (url) => {
    const name = (url.searchParams.get('circle') || 'readers').slice(0, 100)
    if (!circles.has(name)) circles.set(name, new Circle(name))
    return circles.get(name)
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => { if (!response.headersSent) response.writeHead(500); response.end() })
  })
  async function answer(request, response) {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/feed') { circle(url).join(response); return }
    if (url.pathname === '/write' && request.method === 'POST') {
      const wish = await bodyOf(request)
      response.writeHead(typeof wish === 'object' && wish !== null && circle(url).write(wish) ? 204 : 400).end()
      return
    }
    const inside = url.pathname.startsWith('/pkg/') ? await sendFile(library, url.pathname.slice(4), response, false) : await sendFile(here, url.pathname, response, false)
    if (!inside) response.writeHead(404).end('not here')
  }
  await new Promise((resolve, reject) => { server.once('error', reject).listen(port, host, () => { resolve(undefined) }) })
  const url = `http://${host}:${server.address().port}/`
  /** Ends all streams of a circle: its pages come back by themselves. */
  const cut = (name) => { for (const response of circles.get(name)?.readers ?? []) response.end() }
  return { url, cut, close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }) }
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await startQuotes({ port: Number(process.env.PORT ?? 5174) })
  console.log(`Quotes on ${url}`)
}
