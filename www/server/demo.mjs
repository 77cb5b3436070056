/** The demo's server put together, for the command line and for tests alike. */
import { openQuotes } from '../demos/quotes/server.mjs'
import { BusyTeam } from './busy-team.mjs'
import { SetupError } from './database.mjs'
import { createHttpServer } from './http-api.mjs'
import { Hub } from './hub.mjs'
import { SnapshotCache } from './snapshot-cache.mjs'

/** @typedef {import('./database.mjs').Database} Database */
/** @typedef {{ port: number, hub: Hub, team: BusyTeam, close: () => Promise<void> }} Demo */

const FIRST_PORT = 5173
const PORTS_TO_TRY = 10

/**
 * @param {object} options
 * @param {Database} options.database   closed with the demo
 * @param {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => Promise<void>} options.page
 * @param {string} [options.host]
 * @param {number} [options.port]   0 for any free one; by default 5173 or one of the next
 * @param {import('./change-log.mjs').ChangeLog} [options.log]
 * @param {(text: string) => void} [options.say]
 * @returns {Promise<Demo>}
 */
export async function startDemo({ database, page, host = '127.0.0.1', port, log, say = () => {} }) {
  const hub = new Hub({ epoch: database.epoch, kind: database.kind, latest: () => database.latest(), log })
  const snapshots = new SnapshotCache(database, hub.log)
  const team = new BusyTeam(database, { onError: throttled(error => say(`The busy team could not write: ${error instanceof Error ? error.message : error}`)) })
  const connection = hub.connection.bind(hub)
  hub.connection = (connected, reason) => {
    if (!connected) say(`The change feed is interrupted (${reason}); trying again.`)
    else if (hub.reason !== undefined) say('The change feed is back.')
    connection(connected, reason)
  }
  await database.follow(hub)
  const quotes = openQuotes()
  const server = createHttpServer({ database, hub, snapshots, team, page, mounted: new Map([['/demos/quotes', quotes.answer]]) })
  const bound = await listen(server, host, port).catch(async error => {
    hub.close()
    await database.close()
    throw error
  })
  // The first page need not wait for it. A failure is met again, and told, when a page asks.
  snapshots.open().catch(() => {})

  return {
    port: bound, hub, team,
    async close() {
      await team.close()
      hub.close()
      quotes.cut()
      snapshots.close()
      await new Promise(resolve => {
        server.close(resolve)
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 1_000).unref()
      })
      await database.close()
    },
  }
}

/**
 * @param {import('node:http').Server} server
 * @param {string} host
 * @param {number} [wanted]   this one and no other
 * @returns {Promise<number>}
 */
async function listen(server, host, wanted) {
  for (let port = wanted ?? FIRST_PORT; ; port++) {
    try {
      await new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve(undefined)
        })
      })
      return /** @type {import('node:net').AddressInfo} */ (server.address()).port
    } catch (error) {
      const { code, message } = /** @type {Error & { code?: string }} */ (error)
      if (code !== 'EADDRINUSE') throw new SetupError(`Nobody can listen on ${host}:${port} (${message}): choose another place with HOST and PORT.`)
      if (wanted !== undefined || port >= FIRST_PORT + PORTS_TO_TRY) throw new SetupError(`Port ${port} is in use: choose another one with PORT.`)
    }
  }
}

/** At most one call in five seconds. @param {(value: unknown) => void} call */
function throttled(call) {
  let last = -Infinity
  return (/** @type {unknown} */ value) => {
    if (performance.now() - last < 5_000) return
    last = performance.now()
    call(value)
  }
}
