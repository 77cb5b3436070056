/**
 * Random transactions of several writers, while servers, connections, slots and pages are killed: at every quiet point what each
 * page holds equals the tables. `SEED` and `ROUNDS` choose another course and a longer one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { TABLES } from '../../www/server/model.mjs'
import { Random } from '../../www/server/seed.mjs'
import { until } from './feed-client.mjs'
import { FollowingPage } from './following-page.mjs'
import { freePort } from './free-port.mjs'
import { sql, startCluster } from './postgres.mjs'
import { transact } from './random-sql.mjs'
import { ServerProcess } from './server-process.mjs'

const SEED = Number(process.env.SEED ?? 1)
const ROUNDS = Number(process.env.ROUNDS ?? 3)
const WRITERS = 3
const TRANSACTIONS = 60
const SLOT = 'random'

/** Rows as texts that are equal when they are: a moment is written in one way. @param {any[]} rows */
const textsOf = rows => new Set(rows.map(row => JSON.stringify(Object.fromEntries(Object.entries(row).sort().map(([name, value]) =>
  [name, name.endsWith('_at') ? String(value).replace(/(Z|\+00(:00)?)(?= BC$|$)/, '') : value])))))

/** @param {import('../../www/server/replication.mjs').Plugin} plugin */
async function course(plugin) {
  const random = new Random(SEED)
  const cluster = await startCluster()
  const url = await cluster.createDatabase()
  const port = await freePort()
  const server = new ServerProcess(port, [url, plugin, SLOT])
  await server.start()
  const pages = Array.from({ length: 3 }, () => new FollowingPage(() => port))
  for (const page of pages) page.begin()
  let isQuiet = true

  /** @param {number} seed */
  async function write(seed) {
    const own = new Random(seed)
    /** @type {pg.Client | undefined} */ let client
    for (let n = 0; n < TRANSACTIONS; n++) {
      try {
        if (!client) {
          client = new pg.Client({ connectionString: url, options: '-c search_path=eddyline_demo -c lock_timeout=2000' })
          client.on('error', () => { client = undefined })
          await client.connect()
        }
        await transact(client, own, seed % WRITERS === 0)
      } catch {
        client?.end().catch(() => {})
        client = undefined
        await new Promise(resolve => setTimeout(resolve, 100))
      }
    }
    await client?.end()
  }

  const events = {
    cut: async () => random.pick(pages).cut(),
    kill: async () => {
      await server.end('SIGKILL')
      await server.start()
    },
    stop: async () => {
      await server.end('SIGTERM')
      await server.start()
    },
    restart: async () => {
      await cluster.stop(random.pick(['fast', 'immediate']))
      await cluster.start()
    },
    terminate: async () => void await sql(url, `select pg_terminate_backend(pid) from pg_stat_replication`),
    drop: async () => void await sql(url, `select pg_terminate_backend(active_pid) from pg_replication_slots where active; select pg_drop_replication_slot('${SLOT}')`).catch(() => {}),
    unpublish: async () => void await sql(url, 'drop publication if exists eddyline_demo'),
    join: async () => {
      const at = random.below(pages.length)
      await pages[at].leave()
      pages[at] = new FollowingPage(() => port)
      pages[at].begin()
    },
  }
  const kinds = /** @type {(keyof typeof events)[]} */ (['cut', 'cut', 'kill', 'kill', 'stop', 'restart', 'terminate', 'terminate', 'drop', 'unpublish', 'join'])

  async function disturb() {
    while (!isQuiet) {
      await new Promise(resolve => setTimeout(resolve, random.below(1500)))
      const kind = random.pick(kinds)
      history.push(kind)
      await events[kind]()
      if (!server.isRunning) throw new Error(`the server ended: ${server.said.join('')}`)
    }
  }

  /** @type {string[]} */ const history = []
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      isQuiet = false
      const disturbed = disturb()
      disturbed.catch(() => {})
      await Promise.all(Array.from({ length: WRITERS }, (_, i) => write(SEED * 1000 + round * WRITERS + i)))
      isQuiet = true
      await disturbed
      const mark = `Round ${round}`
      await sql(url, `alter table labels replica identity default`)
      await sql(url, 'update projects set name = $1 where id = $2', [mark, 'p1'])
      for (const [i, page] of pages.entries()) {
        const of = () => `page ${i} of seed ${SEED}, round ${round}, after ${history.join(', ')}`
        await until(() => page.fault !== undefined || !server.isRunning || page.replica.tables.projects.get('"p1"')?.name === mark, of())
        assert.ok(server.isRunning, `${of()}: ${server.said.join('')}`)
        assert.equal(page.fault, undefined, of())
        for (const [table, { columns }] of Object.entries(TABLES)) {
          const held = textsOf([...page.replica.tables[table].values()])
          const there = textsOf((await sql(url, `select row_to_json(t) as row from (select ${columns} from ${table}) t`)).map(r => r.row))
          const extra = [...held].filter(r => !there.has(r)).map(r => r.slice(0, 500))
          assert.deepEqual({ extra: extra.slice(0, 2), missing: there.size - (held.size - extra.length) }, { extra: [], missing: 0 }, `${table} of ${of()}`)
        }
      }
    }
  } finally {
    isQuiet = true
    for (const page of pages) await page.leave()
    await server.end('SIGKILL')
    await cluster.remove()
  }
}

for (const plugin of /** @type {const} */ (['pgoutput', 'wal2json'])) test(`pages hold the tables after random transactions and kills, through ${plugin}`, () => course(plugin))
