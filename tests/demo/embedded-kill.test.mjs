/** The embedded database's server, killed at its work: what its pages hold is what is in the files that it leaves. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openEmbedded } from '../../www/server/database-embedded.mjs'
import { ask, assertSame, until } from './feed-client.mjs'
import { FollowingPage } from './following-page.mjs'
import { freePort } from './free-port.mjs'
import { ServerProcess } from './server-process.mjs'

test('pages hold what is in the database, however often its server is killed at its work', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'eddyline-kill-'))
  const port = await freePort()
  const server = new ServerProcess(port, [directory])
  const post = async (/** @type {string} */ name, /** @type {object} */ body) => (await ask(`http://127.0.0.1:${port}/api/${name}`, { method: 'POST', body: JSON.stringify(body) })).json()
  const pages = [new FollowingPage(() => port), new FollowingPage(() => port)]
  try {
    await server.start()
    for (const page of pages) page.begin()
    for (let kills = 0; kills < 4; kills++) {
      await until(() => pages.every(page => page.fault !== undefined || page.cursor !== undefined && page.socket?.readyState === 1), 'the pages')
      const told = pages[0].taken
      await post('busy', { rate: 1000 })
      await until(() => pages.some(page => page.fault !== undefined) || pages[0].taken > told + 20 * (kills + 1), 'work')
      await server.end('SIGKILL')
      await server.start()
    }
    const { id } = /** @type {any} */ (await post('create-issue', { project_id: 'p1', title: 'The last one', creator_id: 'u1' }))
    for (const page of pages) {
      await until(() => page.fault !== undefined || page.replica.tables.issues.has(JSON.stringify(id)), 'the last one')
      assert.equal(page.fault, undefined)
      await page.leave()
      assert.equal(page.reloaded, 0)
    }
    await server.end('SIGKILL')
    const database = await openEmbedded({ directory })
    for (const page of pages) await assertSame(page, database)
    await database.close()
  } finally {
    for (const page of pages) await page.leave()
    await server.end('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
})
