/** Where pages are in the log, told by a database that says what the test says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedPage, until } from './feed-client.mjs'
import { withDemo } from './talking-database.mjs'

test('a page that has more than the log is not told it again, even when much comes at once', async () => {
  await withDemo(async (demo, database) => {
    const page = new FeedPage(demo.port)
    database.end = '250'
    await page.follow(demo.port, { cursor: '150' })
    // The stream of a server that was killed says again what it had not confirmed.
    for (let cursor = 1; cursor <= 250; cursor++) database.commit(cursor)
    await until(() => page.replica.tables.labels.has('"l250"'), 'the last')
    assert.equal(page.replica.tables.labels.size, 100)
    assert.ok(page.replica.tables.labels.has('"l151"'))
    await page.leave()
  })
})

test('a page whose cursor its database has never reached begins anew', async () => {
  await withDemo(async (demo, database) => {
    database.commit(10)
    const page = new FeedPage(demo.port)
    await page.follow(demo.port, { cursor: '11' })
    await until(() => page.isTold('reload'), 'to be told')
    const other = new FeedPage(demo.port)
    await other.follow(demo.port, { cursor: '10' })
    database.commit(11)
    await until(() => other.replica.tables.labels.has('"l11"'), 'the next')
    assert.ok(!other.isTold('reload'))
    await other.leave()
  })
})

test('a page that asks for a snapshot because of what it holds gets a newer one', async () => {
  await withDemo(async (demo, database) => {
    const cursorOf = async (/** @type {string} */ query) => {
      const response = await fetch(`http://127.0.0.1:${demo.port}/snapshot${query}`)
      await response.text()
      return response.status
    }
    let taken = 0
    const { snapshot } = database
    database.snapshot = async () => (taken++, snapshot.call(database))
    database.commit(5)
    assert.equal(await cursorOf(''), 200)
    const first = taken
    assert.equal(await cursorOf(''), 200)
    assert.equal(taken, first)
    database.commit(6)
    assert.equal(await cursorOf('?after=6'), 200)
    assert.equal(taken, first + 1)
    assert.equal(await cursorOf('?after=5'), 200)
    assert.equal(taken, first + 1)
  })
})
