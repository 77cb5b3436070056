// What it costs to keep the state: a durable commit, opening with stored rows, and a rebuild of a log beside a fold by hand.
import { issueSchema, issuesJson } from './issues.mjs'

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
/** What a page or process can keep its state in. */
async function storageOf(host, kind, name, more = {}) {
  const storage = await host.part('storage')
  const options = { ...more, onWarning: (w) => { throw new Error(`${w.code}: ${w.message}`) } }
  return kind === 'indexeddb' ? storage.indexedDb(name, options) : kind === 'opfs' ? storage.opfs(name, options) : storage.files(`${host.folder}/${name}`, options)
}

async function closed(db) {
  const { durability } = db
  db.close()
  await durability.closed
}

/** Wall time of batches of `size` rows until they are durable, in milliseconds. */
export async function durableCommit(host, { kind, size, count }) {
  const eddyline = await host.eddyline()
  const db = await eddyline.createDatabase({ schema: issueSchema(eddyline), storage: await storageOf(host, kind, `commit-${Date.now()}`) })
  const rows = JSON.parse(new TextDecoder().decode(issuesJson(0, size * 20)))
  const taken = []
  for (let n = 0; n < count; n++) {
    const batch = rows.slice((n % 20) * size, (n % 20 + 1) * size).map((row) => ({ ...row, number: n }))
    const begun = performance.now()
    await db.apply([{ op: 'upsert', table: 'issues', rows: batch }], { durable: true })
    if (n >= 10) taken.push(performance.now() - begun)
  }
  await closed(db)
  taken.sort((a, b) => a - b)
  return { p50: quantile(taken, 0.5), p99: quantile(taken, 0.99), least: taken[0] }
}

/**
 * Opening with stored rows and ten live queries, beside parsing the same rows from JSON text; milliseconds of wall time. `named`: the
 * queries are named to the storage, and grow with the rows.
 */
export async function durableOpen(host, { kind, rows, rounds }) {
  const asked = (eddyline, schema) => Array.from({ length: 10 }, (_, q) => eddyline.from(schema, 'issues').where('status', '!=', 'canceled').where('number', '>', q).orderBy('updatedAt', 'desc').limit(50))
  const eddyline = await host.eddyline()
  const schema = issueSchema(eddyline)
  const bytes = issuesJson(0, rows)
  const name = `open-${Date.now()}`
  const first = await eddyline.createDatabase({ schema, storage: await storageOf(host, kind, name) })
  first.applyJson(bytes, { table: 'issues' })
  await first.durability.checkpoint()
  await closed(first)
  const ours = [], parse = [], longest = [], named = [], namedLongest = []
  const open = async (queries) => {
    host.collect()
    let last = performance.now(), worst = 0
    const timer = setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last); last = now })
    const begun = performance.now()
    const db = await eddyline.createDatabase({ schema, storage: await storageOf(host, kind, name, queries === undefined ? {} : { queries }) })
    const loaded = performance.now()
    for (const q of asked(eddyline, schema)) db.live(q).rows.length
    const all = performance.now() - begun
    // The timer has its turn, so that the last task counts, too.
    await new Promise((resolve) => { setTimeout(resolve, 1) })
    clearInterval(timer)
    await closed(db)
    return { all, load: loaded - begun, worst }
  }
  for (let round = 0; round < rounds; round++) {
    const late = await open(undefined), early = await open(asked(eddyline, schema))
    ours.push(late)
    longest.push(late.worst)
    named.push(early.all)
    namedLongest.push(early.worst)
    host.collect()
    const start = performance.now()
    JSON.parse(new TextDecoder().decode(bytes)).length
    parse.push(performance.now() - start)
  }
  return { ours: ours.map((o) => o.all), load: ours.map((o) => o.load), parse, longest, named, namedLongest }
}

/** A rebuild of a log into rows, beside a fold into a Map by hand; milliseconds of wall time, and the longest task. */
export async function rebuildLog(host, { events, partitions, rounds }) {
  const eddyline = await host.eddyline()
  const { memoryLog, reducer, reducers } = await host.part('reduce')
  const schema = eddyline.defineSchema({ users: eddyline.table({ id: eddyline.string().key(), name: eddyline.string(), renamed: eddyline.int() }) })
  const log = memoryLog((e) => e.id, Array.from({ length: events }, (_, i) => ({ id: i + 1, type: i < partitions ? 'Created' : 'Renamed', user: `u${i % partitions}`, name: `name ${i}` })))
  const users = reducer('users', { tables: ['users'], partition: (e) => e.user, cursor: (e) => e.id, on: {
    Created: (e, op) => { op.insert('users', { id: e.user, name: e.name, renamed: 0 }) },
    Renamed: (e, op) => { op.update('users', e.user, (row) => ({ name: e.name, renamed: row.renamed + 1 })) },
  } })
  const ours = [], byHand = [], longest = []
  for (let round = 0; round < rounds; round++) {
    const db = await eddyline.createDatabase({ schema })
    host.collect()
    let last = performance.now(), worst = 0
    const timer = setInterval(() => { const now = performance.now(); worst = Math.max(worst, now - last); last = now })
    const begun = performance.now()
    await reducers(db).rebuild(users, { source: log, batchSize: 5000 })
    ours.push(performance.now() - begun)
    clearInterval(timer)
    longest.push(worst)
    host.collect()
    const start = performance.now()
    const state = new Map(), cursors = new Map()
    for (const e of log.events) {
      if (cursors.get(e.user) >= e.id) continue
      const row = state.get(e.user)
      state.set(e.user, e.type === 'Created' ? { id: e.user, name: e.name, renamed: 0 } : { ...row, name: e.name, renamed: row.renamed + 1 })
      cursors.set(e.user, e.id)
    }
    byHand.push(performance.now() - start)
    const rows = db.live(db.query.users).rows
    for (const row of rows) if (row.name !== state.get(row.id).name || row.renamed !== state.get(row.id).renamed) throw new Error(`${row.id} differs`)
    if (rows.length !== state.size) throw new Error('other rows')
    db.close()
  }
  return { ours, byHand, longest }
}
