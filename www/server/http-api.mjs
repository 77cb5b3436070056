/** The server's HTTP and WebSocket routes: `/snapshot`, `/feed`, `/api/…`, demos with a server of their own, and the page for everything else. */
import { createServer } from 'node:http'
import { RATES } from './busy-team.mjs'
import { RequestError, mutate } from './mutations.mjs'

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

const MAX_BODY_BYTES = 64 * 1024

/**
 * @param {object} parts
 * @param {import('./database.mjs').Database} parts.database
 * @param {import('./hub.mjs').Hub} parts.hub
 * @param {import('./snapshot-cache.mjs').SnapshotCache} parts.snapshots
 * @param {import('./busy-team.mjs').BusyTeam} parts.team
 * @param {(request: Request, response: Response) => Promise<void>} parts.page
 * @param {Map<string, (request: Request, response: Response, path: string) => Promise<void>>} [parts.mounted]   by the folder they answer for, as `/demos/x`
 */
export function createHttpServer({ database, hub, snapshots, team, page, mounted = new Map() }) {
  /** @param {Request} request @param {Response} response */
  async function route(request, response) {
    const url = addressOf(request)
    if (url === undefined) throw new RequestError('this is no address')
    const { pathname, searchParams } = url
    if (pathname === '/snapshot') {
      if (request.method !== 'GET') throw new RequestError('use GET', 405)
      return snapshots.send(response, searchParams.get('after'))
    }
    if (pathname.startsWith('/api/')) {
      if (request.method !== 'POST') throw new RequestError('use POST', 405)
      if (!isSameOrigin(request)) throw new RequestError('this page may not write here', 403)
      const body = await readJson(request)
      return sendJson(response, 200, await call(pathname.slice('/api/'.length), body))
    }
    for (const [folder, answer] of mounted) {
      if (!pathname.startsWith(`${folder}/`)) continue
      if (!isSameOrigin(request)) throw new RequestError('this page may not write here', 403)
      return answer(request, response, pathname.slice(folder.length))
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new RequestError('use GET', 405)
    // An isolated page has clocks that tell microseconds; others see steps of 100, too coarse for what a change costs.
    response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.setHeader('cross-origin-embedder-policy', 'require-corp')
    return page(request, response)
  }

  /** @param {string} name @param {any} body */
  async function call(name, body) {
    if (name !== 'busy') return mutate(database, name, body)
    if (!RATES.includes(body?.rate)) throw new RequestError(`rate must be one of ${RATES.join(', ')}`)
    await team.setRate(body.rate)
    hub.setBusyRate(body.rate)
    return { rate: body.rate }
  }

  const server = createServer((request, response) => {
    route(request, response).catch(error => {
      if (response.headersSent) return response.destroy()
      const isRequestFault = error instanceof RequestError
      if (!isRequestFault) console.error(`${request.method} ${request.url}: ${error?.message ?? error}`)
      sendJson(response, isRequestFault ? error.status : 503, { error: isRequestFault ? error.message : 'the database does not answer just now' })
    })
  })
  server.on('upgrade', (request, socket, head) => {
    // The server has let go of this socket: one that breaks with nobody listening would end the process.
    socket.on('error', () => socket.destroy())
    const refuse = (/** @type {string} */ status) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
    if (addressOf(request)?.pathname !== '/feed') return refuse('404 Not Found')
    if (!isSameOrigin(request)) return refuse('403 Forbidden')
    hub.upgrade(request, socket, head)
  })
  return server
}

/** Undefined if there is none: what a request line holds need not be an address. @param {Request} request */
function addressOf(request) {
  try {
    return new URL(request.url ?? '/', 'http://localhost')
  } catch {
    return undefined
  }
}

/** Browsers name the page that asks; another site's page must not write here. @param {Request} request */
function isSameOrigin(request) {
  const { origin, host } = request.headers
  if (!origin) return true
  try {
    return new URL(origin).host === host
  } catch {
    return false
  }
}

/** @param {Request} request */
async function readJson(request) {
  /** @type {Buffer[]} */
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new RequestError('the body is too large', 413)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new RequestError('the body is not JSON')
  }
}

/** @param {Response} response @param {number} status @param {object} body */
export function sendJson(response, status, body) {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
