/** A database without one: it says what a test says, and the server before it is the demo's own. */
import { startDemo } from '../../www/server/demo.mjs'
import { noPage } from './feed-client.mjs'

export class TalkingDatabase {
  kind = /** @type {const} */ ('embedded')
  epoch = 'one'
  end = '0'
  /** @type {import('../../www/server/database.mjs').FeedSink} */ sink = /** @type {any} */ (undefined)
  async query() { return { rows: [], affected: 0 } }
  async transaction() { return /** @type {any} */ (undefined) }
  async snapshot() { return { cursor: this.end, chunks: (async function* () { yield '{"changes":[]}' })() } }
  async latest() { return this.end }
  async close() {}

  /** @param {import('../../www/server/database.mjs').FeedSink} sink */
  async follow(sink) {
    this.sink = sink
    sink.start('0')
    sink.connection(true)
  }

  /** @param {number} cursor */
  commit(cursor) {
    this.end = String(cursor)
    this.sink.transaction(this.end, [`{"op":"insert","table":"labels","row":{"id":"l${cursor}","name":"","color":""}}`])
  }
}

/** @param {(demo: import('../../www/server/demo.mjs').Demo, database: TalkingDatabase) => Promise<void>} work */
export async function withDemo(work) {
  const database = new TalkingDatabase()
  const demo = await startDemo({ database: /** @type {any} */ (database), page: noPage, port: 0 })
  try {
    await work(demo, database)
  } finally {
    await demo.close()
  }
}

