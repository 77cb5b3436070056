/**
 * The demo: `node www/server/server.mjs`.
 *
 * | variable | meaning | default |
 * |---|---|---|
 * | `DATABASE_URL` | a PostgreSQL server, `postgres://…` | the embedded database |
 * | `EDDYLINE_PLUGIN` | `pgoutput` or `wal2json` | `pgoutput` |
 * | `EDDYLINE_SLOT` | name of the replication slot | `eddyline_demo` |
 * | `EDDYLINE_DATA` | directory of the embedded database; `memory` keeps nothing | `.data` |
 * | `PORT`, `HOST` | where to listen | 5173 or the next free one, `127.0.0.1` |
 * | `EDDYLINE_DEV` | `1` serves the page through Vite, unbuilt | built |
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { openEmbedded } from './database-embedded.mjs'
import { openPostgres } from './database-postgres.mjs'
import { SetupError } from './database.mjs'
import { startDemo } from './demo.mjs'
import { buildPage, builtPage, demos, livePage } from './page.mjs'

const STOP_MS = 10_000

const { env } = process
// Always the same data, up to today.
const seed = { until: new Date() }
const say = (/** @type {string} */ text) => console.log(text)

/** @returns {Promise<import('./database.mjs').Database>} */
async function openDatabase() {
  const url = env.DATABASE_URL
  if (url) {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new SetupError('DATABASE_URL must begin with postgres://')
    const plugin = env.EDDYLINE_PLUGIN ?? 'pgoutput'
    if (plugin !== 'pgoutput' && plugin !== 'wal2json') throw new SetupError('EDDYLINE_PLUGIN must be pgoutput or wal2json')
    say('Opening PostgreSQL …')
    return openPostgres({ url, plugin, slot: env.EDDYLINE_SLOT, seed })
  }
  const data = env.EDDYLINE_DATA ?? fileURLToPath(new URL('../../.data', import.meta.url))
  say(data === 'memory' ? 'Opening the embedded database in memory …' : 'Opening the embedded database (the first time, it is filled with 20,000 issues) …')
  return openEmbedded({ directory: data === 'memory' ? undefined : data, seed })
}

/** @param {string} url */
function openBrowser(url) {
  if (!process.stdout.isTTY || env.CI || env.BROWSER === 'none') return
  if (process.platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return
  const [command, ...args] = process.platform === 'darwin' ? ['open', url] : process.platform === 'win32' ? ['cmd', '/c', 'start', '', url] : ['xdg-open', url]
  spawn(command, args, { stdio: 'ignore', detached: true }).on('error', () => {}).unref()
}

async function main() {
  const port = env.PORT ? Number(env.PORT) : undefined
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536)) throw new SetupError('PORT must be a number below 65536')
  const opening = openDatabase()
  opening.catch(() => {})
  const live = env.EDDYLINE_DEV === '1' ? await livePage() : undefined
  if (!live) await buildPage()
  const database = await opening
  const demo = await startDemo({ database, page: live?.handler ?? builtPage, host: env.HOST || undefined, port, say })
  const url = `http://${env.HOST && env.HOST !== '0.0.0.0' ? env.HOST : 'localhost'}:${demo.port}/`
  say(`Eddyline demo on ${url}`)
  say(`Smaller ones below ${url}demos/: ${demos.join(', ')}; a bench on ${url}bench/`)
  openBrowser(url)

  let stoppingSince = 0
  const stop = async () => {
    // A terminal signals the whole group, and a parent may pass the signal on: only a later one means "at once".
    if (stoppingSince && performance.now() - stoppingSince > 1_000) process.exit(1)
    if (stoppingSince) return
    stoppingSince = performance.now()
    // A database that does not answer must not keep the process.
    setTimeout(() => process.exit(1), STOP_MS).unref()
    await Promise.allSettled([demo.close(), live?.close()])
    if (database.kind === 'postgres') {
      say(`The replication slot stays, so that the next start goes on where this one stops. If there will be none, drop it, ` +
        `for PostgreSQL keeps its log for it: select pg_drop_replication_slot('${env.EDDYLINE_SLOT ?? 'eddyline_demo'}');`)
    }
    process.exit(0)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

main().catch(error => {
  console.error(error instanceof SetupError ? error.message : error)
  process.exit(1)
})
