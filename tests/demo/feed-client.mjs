/** What the tests see of a feed: a page without a browser, and a sink without pages. */
import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { TABLES, keyOf } from '../../www/server/model.mjs'

/** @typedef {import('../../www/server/model.mjs').TableName} TableName */

/** After so long it does not come at all. Nothing is judged by how long it takes: a machine may do other work meanwhile. */
export const WAIT_MS = 300_000

/** @param {() => unknown} condition @param {string} what @param {number} [ms] */
export async function until(condition, what, ms = WAIT_MS) {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) assert.fail(`waited ${ms} ms for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 15))
  }
}

/**
 * A request on a connection of its own: one that was kept can be closed by the server in the moment in which it is used again.
 * @param {string | URL} url @param {RequestInit & { headers?: Record<string, string> }} [init]
 */
export const ask = (url, { headers, ...init } = {}) => fetch(url, { ...init, headers: { ...headers, connection: 'close' } })

/** Records what a database hands over. */
export class RecordingSink {
  /** @type {{ cursor: string, changes: any[] }[]} */ transactions = []
  /** @type {string | undefined} */ startedAt = undefined
  /** @type {string[]} */ losses = []
  isConnected = false
  disconnections = 0

  /** @param {string} cursor */
  start(cursor) { this.startedAt = cursor }

  /** @param {string} cursor @param {string[]} changes */
  transaction(cursor, changes) {
    if (changes.length > 0) this.transactions.push({ cursor, changes: changes.map(c => JSON.parse(c)) })
  }

  /** @param {string} cursor */
  lost(cursor) { this.losses.push(cursor) }

  /** @param {boolean} connected */
  connection(connected) {
    this.isConnected = connected
    if (!connected) this.disconnections++
  }

  /** @param {number} count */
  async waitFor(count) {
    await until(() => this.transactions.length >= count, `${count} transactions, there are ${this.transactions.length}`)
  }
}

/** Tables as a page would hold them, strict about what it is told. */
export class Replica {
  /** @type {Record<string, Map<string, any>>} */
  tables = Object.fromEntries(Object.keys(TABLES).map(t => [t, new Map()]))

  /** @param {any[]} changes */
  apply(changes) {
    for (const { op, table, row, rows, id, set } of changes) {
      const held = this.tables[table]
      const key = (/** @type {any} */ r) => JSON.stringify(keyOf(/** @type {TableName} */ (table), r))
      if (op === 'reset') {
        held.clear()
        for (const r of rows) held.set(key(r), r)
      } else if (op === 'insert') {
        assert.ok(!held.has(key(row)), `${table} ${key(row)} is inserted, but it is there`)
        held.set(key(row), row)
      } else if (op === 'update') {
        const at = JSON.stringify(id)
        assert.ok(held.has(at), `${table} ${at} is updated, but it is not there`)
        held.set(at, { ...held.get(at), ...set })
      } else if (op === 'delete') {
        assert.ok(held.delete(JSON.stringify(id)), `${table} ${JSON.stringify(id)} is deleted, but it is not there`)
      } else assert.fail(`unknown change ${op}`)
    }
  }

  /** Rows in key order, with times as numbers, to be compared with those of a database. */
  contents() {
    return Object.fromEntries(Object.entries(this.tables).map(([table, rows]) => [table, normalize([...rows.values()])]))
  }
}

/** @param {any[]} rows */
export function normalize(rows) {
  const texts = rows.map(row => JSON.stringify(Object.fromEntries(Object.entries(row).sort().map(([k, v]) =>
    [k, k.endsWith('_at') ? new Date(/** @type {any} */ (v)).getTime() : v]))))
  return texts.sort()
}

/** Everything in a database, in the form of `Replica.contents`. @param {import('../../www/server/database.mjs').Database} database */
export async function contentsOf(database) {
  /** @type {Record<string, string[]>} */
  const contents = {}
  for (const [table, { columns }] of Object.entries(TABLES)) contents[table] = normalize((await database.query(`select ${columns} from ${table}`)).rows)
  return contents
}

/**
 * The page holds what the database holds. Says where they differ, not all there is.
 * @param {FeedPage} page @param {import('../../www/server/database.mjs').Database} database
 */
export async function assertSame(page, database) {
  const expected = await contentsOf(database)
  for (const [table, rows] of Object.entries(page.replica.contents())) {
    const [held, there] = [new Set(rows), new Set(expected[table])]
    const extra = rows.filter(r => !there.has(r))
    const missing = expected[table].filter(r => !held.has(r))
    assert.deepEqual({ extra: extra.slice(0, 3), missing: missing.slice(0, 3) }, { extra: [], missing: [] }, `${table}: ${extra.length} rows too many, ${missing.length} missing`)
  }
}

/** A page: snapshot, feed, and a replica. */
export class FeedPage {
  replica = new Replica()
  /** @type {string | undefined} */ cursor = undefined
  /** @type {string | undefined} */ epoch = undefined
  /** @type {any[]} */ frames = []
  /** @type {any[]} */ controls = []
  /** @type {WebSocket | undefined} */ socket = undefined

  /** @param {number} port */
  constructor(port) {
    this.port = port
  }

  /** As a page does that is loaded anew. */
  forget() {
    this.replica = new Replica()
    this.cursor = this.epoch = undefined
  }

  async load() {
    const response = await ask(`http://127.0.0.1:${this.port}/snapshot`)
    assert.equal(response.status, 200)
    const batch = /** @type {any} */ (await response.json())
    this.replica.apply(batch.changes)
    this.cursor = batch.cursor
    return batch
  }

  /** @param {number} [port] @param {{ cursor?: string | null, epoch?: string }} [options] */
  async follow(port = this.port, { cursor = this.cursor, epoch = this.epoch } = {}) {
    const query = new URLSearchParams()
    if (cursor) query.set('cursor', cursor)
    if (epoch) query.set('epoch', epoch)
    const socket = this.socket = new WebSocket(`ws://127.0.0.1:${port}/feed?${query}`)
    socket.on('error', () => {})
    socket.on('message', (data, isBinary) => {
      const message = JSON.parse(data.toString())
      if (!isBinary) {
        if (message.control === 'hello') this.epoch = message.epoch
        return void this.controls.push(message)
      }
      this.frames.push(message)
      this.replica.apply(message.changes)
      this.cursor = message.cursor
    })
    await until(() => socket.readyState >= socket.OPEN && this.controls.some(c => c.control === 'hello'), 'the feed')
  }

  /** @param {string} control */
  isTold(control) {
    return this.controls.some(c => c.control === control)
  }

  async leave() {
    const { socket } = this
    if (!socket || socket.readyState === socket.CLOSED) return
    await new Promise(resolve => {
      socket.on('close', resolve)
      socket.close()
    })
  }
}

/** A page handler for servers under test that serve none. @type {(request: unknown, response: import('node:http').ServerResponse) => Promise<void>} */
export const noPage = async (_request, response) => void response.writeHead(404).end()

/** A seed small enough for a test to compare everything. */
export const SMALL_SEED = { issues: 300, comments: 600 }
