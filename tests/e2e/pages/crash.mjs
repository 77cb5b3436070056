// A page that applies the known stream with storage, and says what it found and what was acknowledged. It is killed.
import { createDatabase, defineSchema, int, string, table } from '/pkg/index.js'
import { indexedDb, opfs } from '/pkg/storage/index.js'
import { batch } from '/stream.mjs'

const schema = defineSchema({ items: table({ id: int().key(), n: int(), text: string() }) })
const { searchParams } = new URL(location.href)
const kind = searchParams.get('kind')
const told = []
const options = { onWarning: (w) => { told.push(`${w.code}: ${w.message}`) }, checkpointBytes: 20_000, onCorrupt: searchParams.get('onCorrupt') ?? 'rebuild', tabs: searchParams.has('tabs') }

/** The databases that the browser made anew, and what it says was lost. (Asking for a list of databases first would use that up.) */
const made = []
const { open } = IDBFactory.prototype
IDBFactory.prototype.open = function (...args) {
  const opening = open.apply(this, args)
  opening.addEventListener('upgradeneeded', (e) => { made.push(`${args[0]} of ${e.oldVersion}, lost: ${e.dataLoss} ${e.dataLossMessage}`) })
  return opening
}

/** Opens; what is there. */
globalThis.found = (async () => {
  globalThis.db = await createDatabase({ schema, storage: kind === 'opfs' ? opfs('crash', options) : indexedDb('crash', options) })
  return globalThis.look()
})()

/** What is there now. */
globalThis.look = () => {
  const { db } = globalThis
  const rows = db.live(db.query.items.orderBy('id')).rows
  return { cursor: Number(db.cursor('s') ?? 0), entry: db.durability.entries('e').get('at') ?? 0, state: rows.map((r) => `${r.id} ${r.n} ${r.text}`).join('\n'), told, status: db.durability.status, made }
}

/** Goes on to batch `to`: everything of a task at once, some of it awaited. */
globalThis.go = async (to) => {
  const { db } = globalThis
  for (let n = Number(db.cursor('s') ?? 0) + 1; n <= to; n++) {
    db.durability.commit({ changes: batch(n), source: 's', cursor: n }, { e: { at: n } })
    if (n % 4 !== 0) continue
    await db.flush()
    await fetch(`/ack?kind=${kind}&n=${n}`)
  }
  await db.flush()
  return told
}
