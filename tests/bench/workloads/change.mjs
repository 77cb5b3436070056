// One change with many rows loaded: from `apply` to the listener that holds the diff.
import { ChunkList } from '../baseline/chunk-list.mjs'
import { SnapshotList } from '../baseline/snapshot-list.mjs'
import { SortedList } from '../baseline/sorted-list.mjs'
import { TopList } from '../baseline/top-list.mjs'
import { differs } from '../baseline/patches.mjs'
import { perUnit, sample } from '../measure.mjs'
import { streams } from './changes.mjs'
import { byUpdated, isShown, issueSchema, issuesJson, projectId } from './issues.mjs'

const utf8 = new TextDecoder()
const project = projectId(0)

/** Queries, in the engine's words and by hand. */
const scenarios = {
  filter: {
    query: (db) => db.query.issues.where('projectId', '=', project).where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
    byHand: (listener) => new SortedList((row) => row.projectId === project && row.status !== 'canceled', listener),
  },
  top: {
    query: (db) => db.query.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc').limit(50),
    byHand: (listener) => new TopList(isShown, listener, 50),
  },
  list: {
    query: (db) => db.query.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
    byHand: (listener) => new SnapshotList(isShown, listener),
    publishes: true,
  },
  /** The same against another rival. */
  chunks: {
    query: (db) => db.query.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
    byHand: (listener) => new ChunkList(isShown, listener),
    publishes: true,
  },
}

/** What listeners do; one of these runs per event. */
function listeners(publishes) {
  const sink = { calls: 0, patches: 0, sum: 0, diff: undefined, rows: undefined, copy: undefined }
  const hold = (event) => {
    const { diff } = event
    sink.calls++
    sink.patches += diff.length
    sink.diff = diff
    if (!publishes) return
    // The snapshot of this version: kept, and rows at both ends and in the middle looked at.
    const { rows } = event
    sink.rows = rows
    sink.sum += rows.length + rows.at(0).id.length + rows.at(rows.length >> 1).id.length
  }
  const read = (event) => {
    hold(event)
    for (const patch of event.diff) sink.sum += readPatch(patch)
  }
  const record = (event) => {
    hold(event)
    for (const patch of event.diff) sink.copy.apply(patch)
  }
  return { sink, hold, read, record }
}

function readPatch(patch) {
  switch (patch.t) {
    case 'add': { const { value } = patch; return patch.key.length + patch.at + value.title.length + value.status.length + value.updatedAt }
    case 'remove': return patch.key.length + patch.at
    case 'move': return patch.key.length + patch.from + patch.to
    default: {
      const { fields } = patch
      let sum = patch.key.length
      for (const name in fields) sum += fields[name] === null ? 0 : 1
      return sum
    }
  }
}

/** A copy of a list that only knows the patches: two lists of patches are alike when they make the same of it. */
class Copy {
  constructor(rows) { this.rows = rows.map((row) => ({ ...row })) }
  apply(patch) {
    const { rows } = this
    switch (patch.t) {
      case 'add': rows.splice(patch.at, 0, { ...patch.value }); break
      case 'remove': this.expect(rows.splice(patch.at, 1)[0], patch); break
      case 'move': { const [row] = rows.splice(patch.from, 1); this.expect(row, patch); rows.splice(patch.to, 0, row); break }
      default: Object.assign(rows.find((row) => row.id === patch.key), patch.fields)
    }
  }
  expect(row, patch) { if (row.id !== patch.key) throw new Error(`a patch names another row: ${JSON.stringify(patch)}`) }
}

async function load(host, rows, useDb, useHand) {
  const step = 100_000
  for (let at = 0; at < rows; at += step) {
    const bytes = issuesJson(at, Math.min(at + step, rows))
    useDb?.applyJson(bytes, { table: 'issues' })
    useHand?.load(JSON.parse(utf8.decode(bytes)))
  }
}

/** The engine with one query. */
async function engine(host, rows, scenario) {
  const eddyline = await host.eddyline()
  const db = await eddyline.createDatabase({ schema: issueSchema(eddyline) })
  const { sink, hold, read, record } = listeners(scenario.publishes)
  const live = db.live(scenario.query(db))
  return {
    db, live, sink,
    listen(kind) {
      this.stop?.()
      this.stop = live.subscribe(kind === 'read' ? read : kind === 'record' ? record : hold)
      if (scenario.publishes) live.rows.length
    },
    run(changes, form) {
      if (form === 'json') for (let i = 0; i < changes.length; i++) db.applyJson(changes[i])
      else for (let i = 0; i < changes.length; i++) db.apply([changes[i]])
    },
  }
}

function byHand(scenario) {
  const { sink, hold, read, record } = listeners(scenario.publishes)
  let listener = hold
  const query = scenario.byHand((event) => listener(event))
  return {
    query, sink,
    listen(kind) { listener = kind === 'read' ? read : kind === 'record' ? record : hold },
    run(changes, form) {
      if (form === 'json') for (let i = 0; i < changes.length; i++) query.apply(JSON.parse(utf8.decode(changes[i])))
      else for (let i = 0; i < changes.length; i++) query.apply(changes[i])
    },
  }
}

function mustEqual(what, a, b) {
  if (a !== b) throw new Error(`${what} differ:\n  engine  ${String(a).slice(0, 600)}\n  by hand ${String(b).slice(0, 600)}`)
}

/** Ours and the hand-written query over the same rows and the same changes. */
export async function change(host, { scenario: name, rows, count, rounds, forms = ['update', 'upsert', 'json', 'read'] }) {
  const scenario = scenarios[name]
  const ours = await engine(host, rows, scenario)
  const theirs = byHand(scenario)
  await load(host, rows, ours.db, theirs.query)
  theirs.query.ready(byUpdated)
  const stream = streams[name](rows, 7)
  const outside = streams.outside(rows, 11)

  // Every diff must have the same effect, before anything is timed.
  for (const side of [ours, theirs]) { side.listen('record'); side.sink.copy = new Copy(theirs.query.list.slice()) }
  for (const form of ['update', 'upsert', 'json']) {
    for (const c of stream.take(300, form)) {
      ours.run([c], form)
      theirs.run([c], form)
      const [a, b] = [ours.sink.copy.rows, theirs.sink.copy.rows]
      mustEqual('the lengths', a.length, b.length)
      for (let i = 0; i < a.length; i++) if (a[i].id !== b[i].id || differs(a[i], b[i])) mustEqual(`rows ${i}`, JSON.stringify(a[i]), JSON.stringify(b[i]))
    }
  }

  const results = {}
  for (const form of forms) {
    const kind = form === 'read' ? 'read' : 'hold'
    const encoded = form === 'upsert' || form === 'json' ? form : 'update'
    ours.listen(kind)
    theirs.listen(kind)
    const source = form === 'outside' ? outside : stream
    const warm = Math.min(200, count >> 2)
    let warmUp, changes
    let left = 0
    const next = () => {
      if (left === 0) { warmUp = source.take(warm, encoded); changes = source.take(count, encoded); left = 2 }
      left--
    }
    const variant = (side) => ({ prepare: next, rewarm: () => side.run(warmUp, encoded), run: () => side.run(changes, encoded) })
    const callsBefore = ours.sink.calls
    const samples = await sample(host, { ours: variant(ours), byHand: variant(theirs) }, rounds, 2)
    results[form] = { samples: perUnit(samples, count, 1000), calls: (ours.sink.calls - callsBefore) / ((count + warm) * (rounds + 2)) }
    mustEqual('the numbers of calls', ours.sink.calls, theirs.sink.calls)
  }
  const shown = ours.live.window(0, 1_000_000)
  const list = theirs.query.list.slice()
  mustEqual('the lengths', shown.length, list.length)
  for (let i = 0; i < list.length; i++) if (i < 2000 || i % 97 === 0) mustEqual(`rows ${i}`, JSON.stringify(shown[i]), JSON.stringify(list[i]))
  const examined = ours.db.stats().rowsExamined
  const some = stream.take(1000, 'update')
  ours.run(some, 'update')
  const work = (ours.db.stats().rowsExamined - examined) / some.length
  const notes = { shown: shown.length, way: theirs.query.wayName, refills: theirs.query.refills, work }
  ours.db.close()
  return { results, notes }
}

/** Ours alone at several sizes, side by side in one process. */
export async function scale(host, { scenario: name, sizes, count, rounds, form = 'update' }) {
  const scenario = scenarios[name]
  const engines = {}
  for (const rows of sizes) {
    const one = engines[rows] = await engine(host, rows, scenario)
    await load(host, rows, one.db, undefined)
    one.listen('hold')
    one.stream = streams[name](rows, 7)
    one.run(one.stream.take(500, form), form)
  }
  const variants = Object.fromEntries(sizes.map((rows) => {
    const one = engines[rows]
    let changes, warmUp
    return [rows, {
      prepare: () => { warmUp = one.stream.take(200, form); changes = one.stream.take(count, form) },
      rewarm: () => one.run(warmUp, form),
      run: () => one.run(changes, form),
    }]
  }))
  const samples = await sample(host, variants, rounds, 2)
  const work = {}
  for (const rows of sizes) {
    const one = engines[rows]
    const examined = one.db.stats().rowsExamined
    one.run(one.stream.take(1000, form), form)
    work[rows] = (one.db.stats().rowsExamined - examined) / 1000
    one.db.close()
  }
  return { samples: perUnit(samples, count, 1000), work }
}
