// A tab of several on one database, with a source and a reducer.
import { createDatabase, defineSchema, int, string, table } from '/pkg/index.js'
import { memoryLog, reducer, reducers } from '/pkg/reduce/index.js'
import { indexedDb, opfs } from '/pkg/storage/index.js'
import { batch } from '/stream.mjs'

const schema = defineSchema({ items: table({ id: int().key(), n: int(), text: string() }), sums: table({ id: string().key(), n: int(), events: int() }) })
const kind = new URL(location.href).searchParams.get('kind')
const log = memoryLog((e) => e.id, Array.from({ length: 200 }, (_, i) => ({ id: i + 1, part: `p${i % 7}`, n: i })))
const sums = reducer('sums', { tables: ['sums'], partition: (e) => e.part, cursor: (e) => e.id, on: (e, op) => { op.insertNew('sums', { id: e.part, n: 0, events: 0 }); op.inc('sums', e.part, { n: e.n, events: 1 }) } })

globalThis.opened = (async () => {
  const options = { tabs: true, checkpointBytes: 20_000, onWarning: (w) => { console.error(w.code, w.message) } }
  const db = globalThis.db = await createDatabase({ schema, storage: kind === 'opfs' ? opfs('tabs', options) : indexedDb('tabs', options) })
  globalThis.starts = []
  db.connect({
    name: 's',
    sync(session) {
      globalThis.starts.push(session.cursor ?? null)
      let n = Number(session.cursor ?? 0)
      const timer = setInterval(() => {
        n++
        session.begin()
        for (const c of batch(n)) session.write(c)
        session.commit({ cursor: n })
      }, 2)
      session.markReady()
      return () => { clearInterval(timer) }
    },
  })
  void reducers(db).start(sums, { source: log, batchSize: 10 }).then((r) => { globalThis.reducer = r })
  return db.durability.status
})()

globalThis.look = () => {
  const { db } = globalThis
  const items = db.live(db.query.items.orderBy('id')), all = db.live(db.query.sums.orderBy('id'))
  return {
    status: db.durability.status, cursor: Number(db.cursor('s') ?? 0), starts: globalThis.starts,
    state: items.rows.map((r) => `${r.id} ${r.n} ${r.text}`).join('\n'), sums: all.rows.map((r) => [r.id, r.n, r.events]),
  }
}
globalThis.tryToWrite = () => { try { globalThis.db.apply([]); return 'written' } catch (e) { return e.code } }
/** From now on the engine crashes when something is applied. */
globalThis.trap = () => { Object.defineProperty(globalThis.db.inside.port.engine, 'commit', { value: () => { throw new WebAssembly.RuntimeError('unreachable') } }) }
