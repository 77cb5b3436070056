// A page whose IndexedDB fails at its `at`th operation, and what it finds when it is opened again.
import { createDatabase, defineSchema, int, string, table } from '/pkg/index.js'
import { indexedDb } from '/pkg/storage/index.js'
import { batch, oracle } from '/stream.mjs'

const schema = defineSchema({ items: table({ id: int().key(), n: int(), text: string() }) })
const END = 40

/**
 * The browser's storage, failing. `throws`: the call throws, as a full disk may. `aborts`: the transaction is aborted behind it.
 * `unheard`: what was written is there, and the page is told that it is not. From there on all fails, where it is `dead`.
 */
const fault = { at: -1, way: 'throws', dead: false, count: 0, on: false }
function step(transaction) {
  if (!fault.on) return false
  const n = fault.count++
  if (n !== fault.at && !(fault.dead && fault.at >= 0 && n > fault.at)) return false
  if (fault.way === 'throws') throw new DOMException('the disk is full', 'QuotaExceededError')
  if (fault.way === 'aborts') queueMicrotask(() => { try { transaction.abort() } catch { /* it is over already */ } })
  return true
}
for (const name of ['add', 'put', 'delete', 'clear']) {
  const original = IDBObjectStore.prototype[name]
  IDBObjectStore.prototype[name] = function (...args) {
    // Aborted or unheard, a transaction is so as a whole: its stamp, the last thing in each, adds nothing.
    if (args[1] !== 'stamp' || fault.way === 'throws') step(this.transaction)
    return original.apply(this, args)
  }
}
const begin = IDBDatabase.prototype.transaction
IDBDatabase.prototype.transaction = function (stores, mode, ...rest) {
  if (mode !== 'readwrite') return begin.call(this, stores, mode, ...rest)
  if (fault.on && fault.way === 'throws') step()
  return begin.call(this, stores, mode, ...rest)
}
const commit = IDBTransaction.prototype.commit
IDBTransaction.prototype.commit = function () {
  if (!fault.on || !step(this)) return commit.call(this)
  if (fault.way === 'aborts') { this.abort(); return undefined }
  const { onabort } = this
  this.oncomplete = () => { onabort.call(this) }
  return commit.call(this)
}

const open = (name, told) => createDatabase({ schema, storage: indexedDb(name, { durability: 'relaxed', checkpointBytes: 2500, onWarning: (w) => { told.push(w.code) } }) })
const close = async (db) => { const { durability } = db; db.close(); await durability.closed }
const stateOf = (db) => db.live(db.query.items.orderBy('id')).rows.map((r) => `${r.id} ${r.n} ${r.text}`).join('\n')
const write = (db, n) => { db.durability.commit({ changes: batch(n), source: 's', cursor: n }, { e: { at: n } }) }

/** Applies batches 1 to END with the fault, waiting for some; opens again without. What is wrong, or nothing. */
async function one(at, way, dead, retries) {
  const name = `fault-${way}-${dead}-${retries}-${at}`
  Object.assign(fault, { at, way, dead, count: 0, on: true })
  const wrong = []
  const check = (what, ok) => { if (!ok) wrong.push(`${name}: ${what}`) }
  let acknowledged = 0
  const db = await open(name, [])
  for (let n = 1; n <= END; n++) {
    write(db, n)
    if (n % 3 !== 0) continue
    await db.flush().then(() => { acknowledged = n }, () => {})
    if (retries && db.durability.status === 'memory') await db.durability.retry().then(() => { acknowledged = n }, () => {})
  }
  await db.flush().then(() => { acknowledged = END }, () => {})
  check('goes on in memory', stateOf(db) === oracle(END))
  await close(db)
  const { count } = fault
  fault.on = false
  const told = []
  const again = await open(name, told)
  const cursor = Number(again.cursor('s') ?? 0)
  check(`warned of ${told}`, told.length === 0)
  check(`${cursor} of ${acknowledged} acknowledged`, cursor >= acknowledged)
  check(`the entry of the version ${cursor}`, (again.durability.entries('e').get('at') ?? 0) === cursor)
  check(`the state at ${cursor}`, stateOf(again) === oracle(cursor))
  for (let n = cursor + 1; n <= END + 10; n++) write(again, n)
  await again.flush()
  await close(again)
  const end = await open(name, told)
  check('the state at the end', stateOf(end) === oracle(END + 10))
  await close(end)
  indexedDB.deleteDatabase(`eddyline:${name}`)
  return { wrong, count, acknowledged, cursor }
}

/** Every operation in turn. */
globalThis.run = async (way, dead, retries) => {
  const { count, acknowledged } = await one(-1, way, dead, retries)
  const wrong = acknowledged === END ? [] : ['nothing fails, and not all is acknowledged']
  const cursors = new Set()
  for (let at = 0; at < count; at++) {
    const outcome = await one(at, way, dead, retries)
    wrong.push(...outcome.wrong)
    cursors.add(outcome.cursor)
  }
  return { count, wrong: wrong.slice(0, 10), cursors: cursors.size }
}
globalThis.ready = true
