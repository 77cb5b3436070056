/** The change feed of the embedded database, as far as a page on the other end of a socket sees it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ChangeLog, positionOf } from '../../www/server/change-log.mjs'
import { openEmbedded } from '../../www/server/database-embedded.mjs'
import { startDemo } from '../../www/server/demo.mjs'
import { FeedPage, RecordingSink, SMALL_SEED, ask, assertSame, noPage, until } from './feed-client.mjs'

/** @param {(demo: import('../../www/server/demo.mjs').Demo, database: import('../../www/server/database.mjs').Database) => Promise<void>} work @param {object} [options] */
async function withDemo(work, options = {}) {
  const database = await openEmbedded({ seed: SMALL_SEED, ...options })
  const demo = await startDemo({ database, page: noPage, port: 0, ...options })
  try {
    await work(demo, database)
  } finally {
    await demo.close()
  }
}

/** @param {number} port @param {string} name @param {object} body */
const post = (port, name, body, headers = {}) => ask(`http://127.0.0.1:${port}/api/${name}`, { method: 'POST', headers, body: JSON.stringify(body) })

test('transactions arrive whole, in commit order, with only the fields that changed', async () => {
  const database = await openEmbedded({ seed: SMALL_SEED })
  const sink = new RecordingSink()
  try {
    await database.follow(sink)
    await Promise.all([
      database.transaction(async query => {
        await query(`update issues set status = 'done', assignee_id = null where id = 'i1' and status <> 'done'`)
        await query(`update issues set title = 'It''s "quoted" \\ über' where id = 'i2'`)
        await query(`insert into comments values ('c9001', 'i1', 'u1', E'line\\nbreak', '2026-02-03 04:05:06.789012+00')`)
      }),
      database.query(`update labels set id = 'l900' where id = 'l1' and false`),
      database.transaction(async query => {
        await query(`delete from issues where id = 'i3'`)
        throw new Error('roll back')
      }).catch(() => {}),
      database.query(`update projects set name = 'Second' where id = 'p1'`),
    ])
    await sink.waitFor(2)
    assert.equal(sink.transactions.length, 2)
    const [first, second] = sink.transactions
    assert.ok(BigInt(first.cursor) < BigInt(second.cursor))
    assert.deepEqual(first.changes.slice(-2), [
      { op: 'update', table: 'issues', id: 'i2', set: { title: 'It\'s "quoted" \\ über' } },
      { op: 'insert', table: 'comments', row: { id: 'c9001', issue_id: 'i1', author_id: 'u1', body: 'line\nbreak', created_at: '2026-02-03T04:05:06.789012+00:00' } },
    ])
    assert.deepEqual(second.changes, [{ op: 'update', table: 'projects', id: 'p1', set: { name: 'Second' } }])
    await database.query(`update comments set id = 'c9002' where id = 'c9001'`)
    await database.query('truncate comments')
    await sink.waitFor(4)
    assert.deepEqual(sink.transactions[2].changes.map(c => [c.op, c.id ?? c.row.id]), [['delete', 'c9001'], ['insert', 'c9002']])
    assert.deepEqual(sink.transactions[3].changes, [{ op: 'reset', table: 'comments', rows: [] }])
  } finally {
    await database.close()
  }
})

test('a transaction larger than a page of the log is still one transaction', async () => {
  const database = await openEmbedded({ seed: { issues: 0, comments: 0 } })
  const sink = new RecordingSink()
  try {
    await database.follow(sink)
    await database.query(`insert into labels select 'x' || i, 'x' || i, '' from generate_series(1, 45000) i`)
    await database.query(`update projects set name = 'After' where id = 'p1'`)
    await sink.waitFor(2)
    assert.deepEqual(sink.transactions.map(t => t.changes.length), [45_000, 1])
  } finally {
    await database.close()
  }
})

test('an edit made by one page reaches another through the database, and a busy team leaves both the same', async () => {
  await withDemo(async (demo, database) => {
    const [one, two] = [new FeedPage(demo.port), new FeedPage(demo.port)]
    await one.load()
    await one.follow()
    await post(demo.port, 'busy', { rate: 1000 })
    await until(() => one.frames.length > 5, 'work')
    // The second snapshot is taken, or reused, while the team is at work.
    await two.load()
    await two.follow()
    const created = /** @type {any} */ (await (await post(demo.port, 'create-issue', { project_id: 'p1', title: 'By one page', creator_id: 'u1' })).json())
    await until(() => two.replica.tables.issues.get(`"${created.id}"`)?.title === 'By one page', 'the new issue')
    await until(() => demo.team.made > 2000, 'more work')
    assert.ok(one.isTold('busy'))
    await post(demo.port, 'busy', { rate: 0 })
    await demo.team.close()
    await database.query(`update projects set name = 'The end' where id = 'p1'`)
    for (const page of [one, two]) {
      await until(() => page.replica.tables.projects.get('"p1"').name === 'The end', 'the end')
      await assertSame(page, database)
      await page.leave()
    }
  })
})

test('the busy team makes no more changes than it was asked for, in many transactions', async () => {
  await withDemo(async demo => {
    const page = new FeedPage(demo.port)
    await page.load()
    await page.follow()
    const [begun, before] = [performance.now(), demo.hub.log.next]
    await post(demo.port, 'busy', { rate: 1000 })
    await until(() => demo.team.made > 3_000, 'work')
    const [made, transactions, seconds] = [demo.team.made, demo.hub.log.next - before, (performance.now() - begun) / 1000]
    // What is owed when it has been kept from work is made up for, so that of a short while nothing can be said. A transaction more may be under way.
    assert.ok(made < 1000 * seconds + 100, `${made} changes in ${seconds} s`)
    assert.ok(made / transactions < 80, `${made} changes in ${transactions} transactions`)
    await until(() => page.frames.length > 0, 'the page to be told')
    await page.leave()
  })
})

test('1,000 changes of the busy team take no more work than a second has', async () => {
  const database = await openEmbedded({ seed: SMALL_SEED })
  const demo = await startDemo({ database, page: noPage, port: 0 })
  /** Seconds of processor time: on a machine that does other work these are not those of a clock. @param {() => Promise<unknown>} work */
  const worked = async work => {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }
  try {
    await demo.team.setRate(1000)
    await until(() => demo.team.made > 500, 'the first work')
    const from = demo.team.made
    const spent = await worked(() => until(() => demo.team.made >= from + 3_000, 'work'))
    const perThousand = spent / (demo.team.made - from) * 1000
    await demo.team.close()
    // How slow this machine is: the same is asked of it each time. Where it takes a quarter of a second, 1,000 changes take a fifth of one.
    const yardstick = await worked(() => database.query('select sum(hashtext(i::text)) from generate_series(1, 1000000) i'))
    assert.ok(perThousand < 3 * yardstick, `1,000 changes take ${perThousand} s of processor time, the yardstick ${yardstick} s`)
  } finally {
    await demo.close()
  }
})

test('a page that was away resumes from its cursor without a snapshot', async () => {
  await withDemo(async (demo, database) => {
    const page = new FeedPage(demo.port)
    await page.load()
    await page.follow()
    await page.leave()
    await database.query(`update issues set title = 'Missed' where id = 'i1'`)
    await database.query(`delete from issues where id = 'i2'`)
    await page.follow()
    await until(() => page.frames.length >= 2, 'what was missed')
    assert.ok(!page.isTold('must-refetch'))
    await assertSame(page, database)
    await page.leave()
  })
})

test('a page resumes after a restart of the server: the log is kept with the data', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'eddyline-data-'))
  try {
    const page = new FeedPage(0)
    await withDemo(async (demo, database) => {
      page.port = demo.port
      await page.load()
      await page.follow()
      await page.leave()
      await database.query(`update issues set title = 'Missed' where id = 'i1'`)
      await assert.rejects(openEmbedded({ directory }), /in use by process/)
    }, { directory })
    await withDemo(async (demo, database) => {
      await page.follow(demo.port)
      await until(() => page.frames.length >= 1, 'what was missed')
      assert.ok(!page.isTold('must-refetch') && !page.isTold('reload'))
      await assertSame(page, database)
      await page.leave()
    }, { directory })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

test('a page older than the log, or of another database, is told so', async () => {
  await withDemo(async (demo, database) => {
    const page = new FeedPage(demo.port)
    const { cursor } = await page.load()
    for (let i = 0; i < 30; i++) await database.query('update issues set title = $1 where id = $2', [`Title ${i}`, 'i1'])
    await until(() => !demo.hub.log.covers(/** @type {bigint} */ (positionOf(cursor))), 'the log to go on')
    await page.follow(demo.port, { cursor })
    await until(() => page.isTold('must-refetch'), 'must-refetch')
    await page.leave()
    page.controls = []
    page.replica = new FeedPage(0).replica
    await page.load()
    await page.follow()
    await assertSame(page, database)
    await page.leave()

    const stranger = new FeedPage(demo.port)
    await stranger.follow(demo.port, { cursor: '1', epoch: 'another database' })
    await until(() => stranger.isTold('reload'), 'reload')
  }, { log: new ChangeLog({ maxEntries: 10 }) })
})

test('the change log in the database is pruned, by whole transactions', async () => {
  const database = await openEmbedded({ seed: SMALL_SEED, keepChanges: 100 })
  try {
    const sink = new RecordingSink()
    await database.follow(sink)
    await database.query(`insert into labels select 'x' || i, 'x' || i, '' from generate_series(1, 20001) i`)
    await until(async () => (await database.query('select count(*)::int as n from changelog')).rows[0].n <= 20_001, 'pruning')
    await database.query(`update labels set color = '#000'`)
    await until(async () => (await database.query('select min(seq)::int as n from changelog')).rows[0].n === 20_002, 'pruning')
  } finally {
    await database.close()
  }
})

test('the write-ahead log of the database is not kept from the first change on', async () => {
  const database = await openEmbedded({ seed: { issues: 0, comments: 0 } })
  try {
    await database.follow(new RecordingSink())
    const checkpoint = async () => (await database.query('select redo_lsn::text as at from pg_control_checkpoint()')).rows[0].at
    const before = await checkpoint()
    await database.query(`insert into labels select 'x' || i, 'x' || i, '' from generate_series(1, 50001) i`)
    await until(async () => await checkpoint() !== before, 'a checkpoint')
  } finally {
    await database.close()
  }
})

test('what cannot be written is refused, and changes nothing', async () => {
  await withDemo(async (demo, database) => {
    // A moment that no page can show would keep all of them from loading.
    await assert.rejects(database.query(`update issues set updated_at = 'infinity' where id = 'i1'`), /check/)
    const cases = /** @type {[string, any, number][]} */ ([
      ['update-issue', { id: 'i1', set: { status: 'nonsense' } }, 400],
      ['update-issue', { id: 'i1', set: { id: 'i2' } }, 400],
      ['update-issue', { id: 'i1', set: { title: '   ' } }, 400],
      ['update-issue', { id: 'i1', set: {} }, 400],
      ['update-issue', { id: 'i1', set: { title: 'before\0after' } }, 400],
      ['update-issue', { id: 'i1', set: { 'title" = null --': 'x' } }, 400],
      ['update-issue', JSON.parse('{ "id": "i1", "set": { "__proto__": "x" } }'), 400],
      ['update-issue', { id: 'nobody', set: { priority: 1 } }, 404],
      ['update-issue', { id: 'i1', set: { assignee_id: 'nobody' } }, 409],
      ['add-comment', { issue_id: 'i1', author_id: 'u1', body: '' }, 400],
      ['add-label', { issue_id: 'i1', label_id: 'nothing' }, 409],
      ['busy', { rate: 7 }, 400], ['nothing', {}, 404], ['constructor', {}, 404], ['update-issue', [], 400],
    ])
    for (const [name, body, status] of cases) {
      const response = await post(demo.port, name, body)
      assert.equal(response.status, status, `${name} ${JSON.stringify(body)}`)
      assert.ok(/** @type {any} */ (await response.json()).error)
    }
    assert.equal((await post(demo.port, 'busy', { rate: 0 }, { origin: 'http://elsewhere.example' })).status, 403)
    assert.equal(demo.hub.log.changes, 0)
  })
})
