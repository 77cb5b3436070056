/** The demo's server as a process of its own, to be killed: `node feed-server.mjs URL PLUGIN SLOT PORT`; says `ready` to its parent. */
import { openPostgres } from '../../www/server/database-postgres.mjs'
import { startDemo } from '../../www/server/demo.mjs'
import { SMALL_SEED, noPage } from './feed-client.mjs'

const [url, plugin, slot, port] = process.argv.slice(2)
const database = await openPostgres({ url, plugin: /** @type {any} */ (plugin), slot, seed: SMALL_SEED })
const demo = await startDemo({ database, page: noPage, port: Number(port) })
process.on('SIGTERM', async () => {
  await demo.close()
  process.exit(0)
})
process.send?.('ready')
