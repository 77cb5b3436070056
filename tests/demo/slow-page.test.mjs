/** Back-pressure: what happens to a page that reads slower than the database writes. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { ChangeLog, lsnOf, positionOf } from '../../www/server/change-log.mjs'
import { Hub } from '../../www/server/hub.mjs'

/** A socket that takes nothing until it is told to. */
class StuckSocket extends EventEmitter {
  OPEN = 1
  readyState = 1
  bufferedAmount = 0
  /** @type {any[]} */ batches = []
  /** @type {any[]} */ controls = []
  /** @type {(() => void)[]} */ callbacks = []

  /** @param {Buffer | string} data @param {object} [_options] @param {() => void} [done] */
  send(data, _options, done) {
    if (typeof data === 'string') return void this.controls.push(JSON.parse(data))
    this.batches.push(JSON.parse(data.toString()))
    this.bufferedAmount += data.length
    if (done) this.callbacks.push(done)
  }

  drain() {
    this.bufferedAmount = 0
    for (const done of this.callbacks.splice(0)) done()
  }

  close() { this.readyState = 3 }
  ping() {}
  terminate() {}
}

const turn = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))
const change = (/** @type {number} */ i) => `{"op":"delete","table":"issues","id":"i${i}","note":"${'x'.repeat(1000)}"}`

/** @param {ChangeLog} log */
function setUp(log) {
  const hub = new Hub({ epoch: 'e', kind: 'embedded', log })
  hub.start('0')
  const socket = new StuckSocket()
  hub.attach(/** @type {any} */ (socket), '0', 'e')
  return { hub, socket }
}

test('a slow page has a bounded buffer, then gets merged batches with nothing missing', async () => {
  const { hub, socket } = setUp(new ChangeLog())
  for (let i = 1; i <= 5_000; i++) {
    hub.transaction(String(i), [change(i)])
    if (i % 50 === 0) await turn()
  }
  assert.ok(socket.bufferedAmount < 2 * 1024 * 1024, `${socket.bufferedAmount} bytes are queued`)
  while (socket.callbacks.length > 0) {
    socket.drain()
    await turn()
  }
  assert.deepEqual(socket.batches.flatMap(b => b.changes.map((/** @type {any} */ c) => c.id)), Array.from({ length: 5_000 }, (_, i) => `i${i + 1}`))
  assert.ok(socket.batches.length < 500, `${socket.batches.length} frames for 5,000 transactions`)
  for (const batch of socket.batches) assert.equal(batch.changes.at(-1).id, `i${batch.cursor}`)
  hub.close()
})

test('a page that falls out of the log is told to fetch a snapshot', async () => {
  const { hub, socket } = setUp(new ChangeLog({ maxBytes: 1024 * 1024 }))
  for (let i = 1; i <= 5_000; i++) {
    hub.transaction(String(i), [change(i)])
    if (i % 50 === 0) await turn()
  }
  socket.drain()
  await turn()
  assert.ok(socket.controls.some(c => c.control === 'must-refetch'))
  assert.equal(hub.pages.size, 0)
  hub.close()
})

test('a fast page gets one frame for each transaction', async () => {
  const { hub, socket } = setUp(new ChangeLog())
  for (let i = 1; i <= 20; i++) hub.transaction(String(i), [change(i), change(i)])
  await turn()
  assert.deepEqual(socket.batches.map(b => [b.cursor, b.changes.length]), Array.from({ length: 20 }, (_, i) => [String(i + 1), 2]))
  hub.close()
})

test('cursors compare as numbers and as LSNs', () => {
  assert.ok(/** @type {bigint} */ (positionOf('9')) < /** @type {bigint} */ (positionOf('10')))
  assert.ok(/** @type {bigint} */ (positionOf('1/FFFFFFFF')) < /** @type {bigint} */ (positionOf('2/0')))
  assert.equal(lsnOf(/** @type {bigint} */ (positionOf('16/B374D848'))), '16/B374D848')
  assert.equal(positionOf('nonsense'), undefined)
})
