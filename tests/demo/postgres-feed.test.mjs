/** The change feed of a real PostgreSQL server, through both output plugins and through restarts of either side. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openPostgres } from '../../www/server/database-postgres.mjs'
import { startDemo } from '../../www/server/demo.mjs'
import { FeedPage, RecordingSink, SMALL_SEED, ask, assertSame, noPage, until } from './feed-client.mjs'
import { sql, startCluster } from './postgres.mjs'

/** @type {Awaited<ReturnType<typeof startCluster>>} */
let cluster
before(async () => { cluster = await startCluster() })
after(() => cluster.remove())

/** A slot name belongs to a cluster, and each test has a database of its own. @param {string} url @param {'pgoutput' | 'wal2json'} [plugin] */
const open = (url, plugin = 'pgoutput') => openPostgres({ url, plugin, slot: `slot_${new URL(url).pathname.slice(1)}`, seed: SMALL_SEED })

for (const plugin of /** @type {const} */ (['pgoutput', 'wal2json'])) {
  test(`transactions arrive whole and in commit order through ${plugin}`, async () => {
    const url = await cluster.createDatabase()
    const database = await open(url, plugin)
    const sink = new RecordingSink()
    try {
      await database.follow(sink)
      await database.transaction(async query => {
        await query(`update issues set status = 'done', updated_at = '2026-02-03 04:05:06.789012+00' where id = 'i1'`)
        // Committed while the first one is open: it comes first, and nothing of the first is mixed into it.
        await sql(url, `insert into labels values ('l900', 'über "quoted" \\ label', '#fff')`)
        await query(`insert into comments values ('c9001', 'i1', 'u1', E'line\\nbreak', '2026-02-03 04:05:06+00')`)
        await query(`update issues set assignee_id = null, estimate = 5 where id = 'i2'`)
      })
      await sink.waitFor(2)
      assert.deepEqual(sink.transactions[0].changes, [{ op: 'insert', table: 'labels', row: { id: 'l900', name: 'über "quoted" \\ label', color: '#fff' } }])
      const [status, comment, assignee] = sink.transactions[1].changes
      assert.equal(sink.transactions[1].changes.length, 3)
      assert.deepEqual([status.op, status.table, status.id, status.set.status, status.set.updated_at], ['update', 'issues', 'i1', 'done', '2026-02-03T04:05:06.789012Z'])
      assert.deepEqual(comment, { op: 'insert', table: 'comments', row: { id: 'c9001', issue_id: 'i1', author_id: 'u1', body: 'line\nbreak', created_at: '2026-02-03T04:05:06Z' } })
      assert.deepEqual([assignee.set.assignee_id, assignee.set.estimate], [null, 5])

      await database.query(`begin; delete from issues where id = 'i3'; rollback`)
      await sql(url, `update labels set id = 'l901' where id = 'l900'`)
      await sink.waitFor(3)
      assert.deepEqual(sink.transactions[2].changes, [
        { op: 'delete', table: 'labels', id: 'l900' },
        { op: 'insert', table: 'labels', row: { id: 'l901', name: 'über "quoted" \\ label', color: '#fff' } },
      ])

      await sql(url, `delete from issue_labels where issue_id = 'i1'; insert into issue_labels values ('i1', 'l1'); delete from issue_labels where issue_id = 'i1'`)
      await sink.waitFor(4)
      assert.deepEqual(sink.transactions[3].changes.at(-1), { op: 'delete', table: 'issue_labels', id: ['i1', 'l1'] })

      await sql(url, 'truncate comments')
      await sink.waitFor(5)
      assert.deepEqual(sink.transactions[4].changes, [{ op: 'reset', table: 'comments', rows: [] }])
    } finally {
      await database.close()
    }
  })

  test(`an unchanged TOAST column is left out, and a key change without it asks for a snapshot, through ${plugin}`, async () => {
    const url = await cluster.createDatabase()
    const database = await open(url, plugin)
    const sink = new RecordingSink()
    try {
      const long = Array.from({ length: 3000 }, (_, i) => Math.sin(i).toString(36)).join('')
      await sql(url, 'alter table issues alter description set storage external')
      await sql(url, `insert into issues (id, project_id, number, title, description, status, priority, creator_id) values ('i9001', 'p1', 9001, 'Long', $1, 'todo', 0, 'u1')`, [long])
      await database.follow(sink)
      await sql(url, `update issues set status = 'done' where id = 'i9001'`)
      await sink.waitFor(1)
      const { set } = sink.transactions[0].changes[0]
      assert.equal(set.status, 'done')
      assert.ok(!('description' in set))
      await sql(url, `update issues set id = 'i9002' where id = 'i9001'`)
      await until(() => sink.losses.length === 1, 'the loss')
      // With the whole old row in the log there is nothing missing, and only what changed is told.
      await sql(url, 'alter table issues replica identity full')
      await sql(url, `update issues set id = 'i9003' where id = 'i9002'`)
      await sql(url, `update issues set priority = 3 where id = 'i9003'`)
      if (plugin === 'pgoutput') {
        await sink.waitFor(3)
        assert.equal(sink.transactions[1].changes[1].row.description, long)
        assert.deepEqual(sink.transactions[2].changes, [{ op: 'update', table: 'issues', id: 'i9003', set: { priority: 3 } }])
      }
    } finally {
      await database.close()
    }
  })
}

test('a snapshot taken under load and the stream after it make the database, whatever the moment', async () => {
  const database = await open(await cluster.createDatabase())
  const demo = await startDemo({ database, page: noPage, port: 0 })
  try {
    await demo.team.setRate(1000)
    const pages = []
    for (let i = 0; i < 6; i++) {
      const { cursor, chunks } = await database.snapshot()
      const page = new FeedPage(demo.port)
      let text = ''
      for await (const chunk of chunks) text += chunk
      page.replica.apply(JSON.parse(text).changes)
      page.cursor = cursor
      pages.push(page)
      await page.follow()
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    await until(() => demo.team.made > 500, 'work')
    await demo.team.close()
    await database.query(`update projects set name = 'The last change' where id = 'p1'`)
    for (const page of pages) {
      await until(() => page.replica.tables.projects.get('"p1"')?.name === 'The last change', 'the last change')
      await assertSame(page, database)
    }
  } finally {
    await demo.close()
  }
})

test('what happens while our server is down arrives after its restart, once, and pages resume', async () => {
  const url = await cluster.createDatabase()
  const first = await startDemo({ database: await open(url), page: noPage, port: 0 })
  const page = new FeedPage(first.port)
  await page.load()
  await page.follow()
  await sql(url, `update issues set title = 'Before' where id = 'i1'`)
  await until(() => page.replica.tables.issues.get('"i1"').title === 'Before', 'the change before')
  await page.leave()
  await first.close()

  await sql(url, `update issues set title = 'While away' where id = 'i2'`)
  const database = await open(url)
  const second = await startDemo({ database, page: noPage, port: 0 })
  try {
    await page.follow(second.port)
    await sql(url, `delete from issues where id = 'i3'`)
    await until(() => !page.replica.tables.issues.has('"i3"'), 'the change after')
    assert.equal(page.replica.tables.issues.get('"i2"').title, 'While away')
    assert.ok(!page.isTold('must-refetch'))
    await assertSame(page, database)
  } finally {
    await page.leave()
    await second.close()
  }
})

for (const mode of /** @type {const} */ (['fast', 'immediate'])) {
  test(`the feed goes on after a restart of the database (${mode})`, async () => {
    const url = await cluster.createDatabase()
    const database = await open(url)
    const demo = await startDemo({ database, page: noPage, port: 0 })
    const page = new FeedPage(demo.port)
    try {
      await page.load()
      await page.follow()
      await sql(url, `update issues set title = 'Before' where id = 'i1'`)
      await until(() => page.replica.tables.issues.get('"i1"').title === 'Before', 'the change before')
      // It stops once we have confirmed what it has sent, or never.
      await cluster.stop(mode)
      await until(() => page.controls.some(c => c.control === 'database' && !c.connected), 'the page to be told')
      const refused = await ask(`http://127.0.0.1:${demo.port}/api/update-issue`, { method: 'POST', body: JSON.stringify({ id: 'i1', set: { title: 'No' } }) })
      assert.equal(refused.status, 503)
      await cluster.start()
      await sql(url, `update issues set title = 'After' where id = 'i1'`)
      await until(() => page.replica.tables.issues.get('"i1"').title === 'After', 'the change after')
      await assertSame(page, database)
      assert.ok(!page.isTold('must-refetch'))
    } finally {
      await page.leave()
      await demo.close()
    }
  })
}

test('a slot that was dropped is made anew, and pages are told to fetch a snapshot', async () => {
  const url = await cluster.createDatabase()
  const first = await open(url)
  await first.follow(new RecordingSink())
  await first.close()
  const slot = `slot_${new URL(url).pathname.slice(1)}`
  // The server's side of a connection that was closed ends a moment later.
  const isIdle = async () => (await sql(url, 'select active from pg_replication_slots where slot_name = $1', [slot]))[0]?.active === false
  await until(isIdle, 'the slot to be left')
  await sql(url, 'select pg_drop_replication_slot($1)', [slot])
  await sql(url, `update issues set title = 'Nobody listens' where id = 'i1'`)
  const database = await open(url)
  const demo = await startDemo({ database, page: noPage, port: 0 })
  const page = new FeedPage(demo.port)
  try {
    await page.follow(demo.port, { cursor: '0/1' })
    await until(() => page.isTold('must-refetch'), 'must-refetch')
    await page.load()
    await assertSame(page, database)
  } finally {
    await page.leave()
    await demo.close()
  }
})

test('an output plugin the server does not trust is refused with the way to mend it', async context => {
  const strict = await startCluster({ plugins: 'pgoutput' })
  try {
    const url = await strict.createDatabase()
    const [setting] = await sql(url, `select 1 from pg_settings where name = 'output_plugin_libraries'`)
    if (!setting) return context.skip('this PostgreSQL trusts every plugin')
    const database = await open(url, 'wal2json')
    await assert.rejects(database.follow(new RecordingSink()), /does not trust.*wal2json.*output_plugin_libraries/s)
    await database.close()
  } finally {
    await strict.remove()
  }
})

test('a server without logical decoding is refused with the way to mend it', async () => {
  const plain = await startCluster({ walLevel: 'replica' })
  try {
    await assert.rejects(open(await plain.createDatabase()), /wal_level = replica.*ALTER SYSTEM SET wal_level = 'logical'.*restart/s)
  } finally {
    await plain.remove()
  }
})
