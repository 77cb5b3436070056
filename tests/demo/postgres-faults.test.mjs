/** What can happen to a PostgreSQL server beside its transactions: no change is lost by it, and what cannot be told is said. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { openPostgres } from '../../www/server/database-postgres.mjs'
import { SetupError } from '../../www/server/database.mjs'
import { startDemo } from '../../www/server/demo.mjs'
import { RecordingSink, SMALL_SEED, assertSame, noPage, until } from './feed-client.mjs'
import { FollowingPage } from './following-page.mjs'
import { freePort } from './free-port.mjs'
import { sql, startCluster } from './postgres.mjs'

/** Each test leaves the one of its database. */
const SLOTS = 40

/** @type {Awaited<ReturnType<typeof startCluster>>} */
let cluster
before(async () => { cluster = await startCluster({ settings: `max_slot_wal_keep_size = '32MB'\nmin_wal_size = '32MB'\nmax_wal_size = '64MB'\nmax_replication_slots = ${SLOTS}` }) })
after(() => cluster.remove())

const slotOf = (/** @type {string} */ url) => `slot_${new URL(url).pathname.slice(1)}`

/** @param {string} url @param {'pgoutput' | 'wal2json'} [plugin] */
const open = (url, plugin = 'pgoutput') => openPostgres({ url, plugin, slot: slotOf(url), seed: SMALL_SEED })

/**
 * A demo with a page that stays with it, through whatever `work` does; at the end the page holds the tables.
 * @param {(context: { url: string, page: FollowingPage, demo: import('../../www/server/demo.mjs').Demo, database: import('../../www/server/database.mjs').Database, same: () => Promise<void> }) => Promise<void>} work
 * @param {'pgoutput' | 'wal2json'} [plugin]
 */
async function withPage(work, plugin) {
  const url = await cluster.createDatabase()
  const database = await open(url, plugin)
  const demo = await startDemo({ database, page: noPage, port: 0 })
  const page = new FollowingPage(() => demo.port)
  page.begin()
  let marks = 0
  // A change of its own is the last one, and comes when all before it has come.
  const same = async () => {
    const mark = `Mark ${++marks}`
    await sql(url, 'update projects set name = $1 where id = $2', [mark, 'p1'])
    await until(() => page.fault !== undefined || page.replica.tables.projects.get('"p1"')?.name === mark, mark)
    assert.equal(page.fault, undefined)
    await assertSame(page, database)
  }
  try {
    await same()
    await work({ url, page, demo, database, same })
    await same()
  } finally {
    await page.leave()
    await demo.close()
  }
}

const issue = `insert into issues (id, project_id, number, title, description, status, priority, creator_id)`

for (const plugin of /** @type {const} */ (['pgoutput', 'wal2json'])) {
  test(`a replica identity by another index loses nothing, through ${plugin}`, async () => {
    await withPage(async ({ url, same }) => {
      await sql(url, 'alter table labels replica identity using index labels_name_key')
      await sql(url, `insert into labels values ('l900', 'new', '#fff')`)
      await sql(url, `update labels set color = '#000' where id = 'l900'`)
      await same()
      await sql(url, `update labels set id = 'l901' where id = 'l900'`)
      await same()
      await sql(url, `update labels set name = 'renamed' where id = 'l901'`)
      await same()
      await sql(url, `delete from labels where id = 'l901'`)
    }, plugin)
  })

  test(`a column that is added is nothing to pages, through ${plugin}`, async () => {
    await withPage(async ({ url, database, same }) => {
      await sql(url, `alter table issues add column weight int default 3`)
      await sql(url, `${issue} values ('i9001', 'p1', 9001, 'New', '', 'todo', 0, 'u1')`)
      await sql(url, `update issues set weight = 5, priority = 2 where id = 'i1'`)
      await same()
      const { chunks } = await database.snapshot()
      for await (const chunk of chunks) assert.doesNotMatch(chunk, /"weight"/)
    }, plugin)
  })

  test(`a table that is rewritten is told by a snapshot, through ${plugin}`, async () => {
    await withPage(async ({ url, page }) => {
      const before = page.refetched
      await sql(url, `alter table comments alter body type text using 'rewritten'`)
      await until(() => page.refetched > before, 'a new snapshot')
      assert.equal(page.replica.tables.comments.get('"c1"').body, 'rewritten')
    }, plugin)
  })

  test(`a column that goes for a while stops the pages for as long, through ${plugin}`, async () => {
    await withPage(async ({ url }) => {
      await sql(url, 'alter table issues rename column title to heading')
      await sql(url, `insert into issues (id, project_id, number, heading, status, priority, creator_id) values ('i9002', 'p1', 9002, 'New', 'todo', 0, 'u1')`)
      await sql(url, `update issues set heading = 'Unseen' where id = 'i1'`)
      await sql(url, 'alter table issues rename column heading to title')
    }, plugin)
  })

  test(`a publication that is altered, dropped or replaced is made again, through ${plugin}`, async () => {
    await withPage(async ({ url, same }) => {
      await sql(url, 'alter publication eddyline_demo drop table labels')
      await sql(url, `update labels set color = '#111' where id = 'l1'`)
      await until(async () => (await sql(url, `select 1 from pg_publication_tables where pubname = 'eddyline_demo' and tablename = 'labels'`)).length > 0, 'the table to be published')
      await same()
      await sql(url, 'drop publication eddyline_demo')
      await sql(url, `update labels set color = '#222' where id = 'l1'`)
      await same()
      await sql(url, `drop publication if exists eddyline_demo`)
      await sql(url, `update labels set color = '#333' where id = 'l1'`)
      await sql(url, `create publication eddyline_demo for table projects, users, labels, issues, issue_labels, comments`)
      await sql(url, `update labels set color = '#444' where id = 'l1'`)
    }, plugin)
  })

  test(`a slot that somebody else read, or put in the place of ours, loses nothing, through ${plugin}`, async () => {
    await withPage(async ({ url, same }) => {
      const slot = slotOf(url)
      // Between the end of our connection and the next one there is a quarter of a second at least.
      const takeAway = async (/** @type {string} */ theft) => {
        const client = new pg.Client({ connectionString: url, options: '-c search_path=eddyline_demo' })
        await client.connect()
        try {
          for (;;) {
            await client.query('select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active', [slot])
            await client.query(`update labels set color = md5(random()::text) where id = 'l2'`)
            const isTaken = await client.query(theft.replaceAll('$slot', slot)).then(() => true, () => false)
            if (isTaken) return
          }
        } finally {
          await client.end()
        }
      }
      await takeAway(`select pg_replication_slot_advance('$slot', pg_current_wal_lsn())`)
      await same()
      await takeAway(`select pg_drop_replication_slot('$slot'), pg_create_logical_replication_slot('$slot', '${plugin}')`)
      await same()
    }, plugin)
  })

  test(`a slot that fell behind what the server keeps is made anew, through ${plugin}`, async () => {
    const url = await cluster.createDatabase()
    const first = await open(url, plugin)
    await first.follow(new RecordingSink())
    await first.close()
    for (let i = 0; i < 6; i++) await sql(url, `begin; create table filler as select repeat(md5(i::text), 30) from generate_series(1, 30000) i; drop table filler; commit; select pg_switch_wal(); checkpoint`)
    const [{ wal_status }] = await sql(url, 'select wal_status from pg_replication_slots where slot_name = $1', [slotOf(url)])
    assert.equal(wal_status, 'lost')
    await sql(url, `update labels set color = '#555' where id = 'l1'`)
    const database = await open(url, plugin)
    const sink = new RecordingSink()
    try {
      await database.follow(sink)
      await sql(url, `update labels set color = '#666' where id = 'l1'`)
      await sink.waitFor(1)
      assert.equal(sink.transactions[0].changes[0].set.color, '#666')
    } finally {
      await database.close()
    }
  })
}

test('a transaction too large to be kept is told as lost, by its length as by its number of changes, and one of 100,000 rows is told', async () => {
  const url = await cluster.createDatabase()
  const database = await open(url)
  const sink = new RecordingSink()
  try {
    await database.follow(sink)
    await sql(url, `insert into comments select 'w' || i, 'i1', 'u1', 'short' from generate_series(1, 100000) i`)
    await sink.waitFor(1)
    assert.equal(sink.transactions[0].changes.length, 100_000)
    await sql(url, `insert into comments select 'x' || i, 'i1', 'u1', repeat(md5(i::text), 600) from generate_series(1, 2000) i`)
    await until(() => sink.losses.length === 1, 'the long one')
    await sql(url, `insert into comments select 'y' || i, 'i1', 'u1', '' from generate_series(1, 200001) i`)
    await until(() => sink.losses.length === 2, 'the one of many changes')
    await sql(url, `update labels set color = '#999' where id = 'l1'`)
    await sink.waitFor(2)
    assert.equal(sink.transactions[1].changes[0].set.color, '#999')
  } finally {
    await database.close()
  }
})

test('a copy of a database is another one, though it holds the same identity', async () => {
  const url = await cluster.createDatabase()
  const original = await open(url)
  await original.close()
  const copyUrl = new URL(url)
  copyUrl.pathname += '_copy'
  await sql(url.replace(/[^/]*$/, 'postgres'), `create database ${copyUrl.pathname.slice(1)} template ${new URL(url).pathname.slice(1)}`)
  const copy = await open(copyUrl.href)
  assert.notEqual(copy.epoch, original.epoch)
  await copy.close()
  const again = await open(url)
  assert.equal(again.epoch, original.epoch)
  await again.close()
})

test('a database that stands still is told to pages as away, and then goes on', async () => {
  await withPage(async ({ demo }) => {
    const pid = await cluster.pid()
    const { execFileSync } = await import('node:child_process')
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).trim().split(/\s+/).map(Number)
    const all = [pid, ...children]
    for (const each of all) process.kill(each, 'SIGSTOP')
    try {
      await until(() => !demo.hub.isConnected, 'the feed to notice')
    } finally {
      for (const each of all) process.kill(each, 'SIGCONT')
    }
    await until(() => demo.hub.isConnected, 'the feed to go on')
  })
})

test('what is wrong with DATABASE_URL is said, with the way to mend it', async () => {
  const url = await cluster.createDatabase()
  await sql(url, `create role nobody login`)
  await sql(url, `create role writer login`)
  await sql(url, `grant create on database ${new URL(url).pathname.slice(1)} to writer`)
  const as = (/** @type {string} */ user, to = url) => to.replace('postgres@', `${user}@`)
  /** @param {string} at @param {RegExp} says */
  const says = async (at, says) => {
    const fault = await openPostgres({ url: at, slot: slotOf(url), seed: SMALL_SEED })
      .then(async database => { await database.follow(new RecordingSink()).finally(() => database.close()) })
      .then(() => undefined, error => error)
    assert.ok(fault instanceof SetupError, `${at}: ${fault}`)
    assert.match(fault.message, says)
    assert.doesNotMatch(fault.message, /s3cret/)
  }
  await says(`postgres://someone:s3cret@127.0.0.1:${await freePort()}/demo`, /does not answer at 127\.0\.0\.1:\d+\/demo.*DATABASE_URL/s)
  await says('postgres://someone:s3cret@nowhere.invalid/demo', /does not answer at nowhere\.invalid:5432/)
  await says('postgres://someone:s3#cret@127.0.0.1/demo', /must be encoded/)
  await says(as('stranger'), /refuses the login.*stranger/s)
  await says(url.replace(/[^/]*$/, 'missing'), /no such database.*missing/s)
  await says(as('nobody'), /may not.*GRANT CREATE/s)
  await says(as('writer'), /may not.*REPLICATION/s)
  const [{ count }] = await sql(url, 'select count(*)::int from pg_replication_slots')
  const slots = Array.from({ length: SLOTS - count }, (_, i) => `full_${i}`)
  for (const slot of slots) await sql(url, `select pg_create_physical_replication_slot('${slot}')`)
  try {
    await says(await cluster.createDatabase(), /no replication slot left.*max_replication_slots/s)
  } finally {
    for (const slot of slots) await sql(url, `select pg_drop_replication_slot('${slot}')`)
  }
})

test('a transaction that stays open keeps nobody waiting without a word', async () => {
  const url = await cluster.createDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const database = await open(url)
  try {
    await client.query(`begin; insert into eddyline_demo.labels values ('l900', 'open', '')`)
    await assert.rejects(database.snapshot(), /open/)
    await assert.rejects(database.follow(new RecordingSink()), error => error instanceof SetupError && /open in the database/.test(error.message))
  } finally {
    await client.end()
    await database.close()
  }
})
