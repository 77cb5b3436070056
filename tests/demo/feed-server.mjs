/** The demo's server as a process of its own, to be killed: `node feed-server.mjs PORT URL PLUGIN SLOT` or `… PORT DIRECTORY`; says `ready` to its parent. */
import { openEmbedded } from '../../www/server/database-embedded.mjs'
import { openPostgres } from '../../www/server/database-postgres.mjs'
import { startDemo } from '../../www/server/demo.mjs'
import { SMALL_SEED, noPage } from './feed-client.mjs'

const [port, place, plugin, slot] = process.argv.slice(2)
const database = place.startsWith('postgres:')
  ? await openPostgres({ url: place, plugin: /** @type {any} */ (plugin), slot, seed: SMALL_SEED })
  : await openEmbedded({ directory: place, seed: SMALL_SEED })
const demo = await startDemo({ database, page: noPage, port: Number(port) })
process.on('SIGTERM', async () => {
  await demo.close()
  process.exit(0)
})
process.send?.('ready')
