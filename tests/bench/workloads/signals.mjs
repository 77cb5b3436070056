// Bursts: id-only touches that many handles wait for, and many updates to few rows that one watch hears of.
import { perUnit, sample, timed } from '../measure.mjs'
import { random } from './issues.mjs'

const schemaOf = ({ defineSchema, table, string, int }) => defineSchema({
  notes: table({ id: int().key(), body: string(), version: int() }),
  quotes: table({ id: int().key(), content: string(), likes: int() }, { tenant: true }),
})

const settled = () => new Promise((resolve) => { setTimeout(resolve) })

/** 50 handles, a burst of 1,000 touches on 100 rows: until all rows are fetched and all handles told. By hand: a map of requests. */
export async function touches(host, { rounds }) {
  const eddyline = await host.eddyline()
  const [rows, handles, count] = [100, 50, 1000]
  const next = random(3)
  const asked = { ours: 0, byHand: 0 }
  const told = { ours: 0, byHand: 0 }
  let version = 0
  const backend = (side) => (_, id) => { asked[side]++; return Promise.resolve({ id, body: `note ${id}`, version }) }
  const db = await eddyline.createDatabase({ schema: schemaOf(eddyline), fetchRow: backend('ours') })
  const first = Array.from({ length: rows }, (_, id) => ({ id, body: `note ${id}`, version: 0 }))
  db.apply(first.map((row) => ({ op: 'insert', table: 'notes', row })))
  for (let h = 0; h < handles; h++) db.live(db.query.notes.where('id', '>=', h).orderBy('id')).subscribe((event) => { told.ours += event.diff.length })

  const held = new Map(first.map((row) => [row.id, row]))
  const requests = new Map()
  const listeners = Array.from({ length: handles }, (_, h) => ({ since: h, tell: (fields) => { told.byHand += Object.keys(fields).length } }))
  const touch = (id) => {
    const request = requests.get(id)
    if (request !== undefined) { request.again = true; return }
    void ask(id)
  }
  const ask = async (id) => {
    const request = { again: false }
    requests.set(id, request)
    let row
    do { request.again = false; row = await backend('byHand')('notes', id) } while (request.again)
    requests.delete(id)
    const old = held.get(id)
    const fields = {}
    for (const name in row) if (row[name] !== old[name]) fields[name] = row[name]
    held.set(id, row)
    for (const l of listeners) if (id >= l.since) l.tell(fields)
  }

  const samples = { ours: [], byHand: [] }
  for (let round = -2; round < rounds; round++) {
    const ids = Array.from({ length: count }, () => Math.floor(next() * rows))
    const touched = new Set(ids).size
    version++
    const order = round % 2 === 0 ? ['ours', 'byHand'] : ['byHand', 'ours']
    for (const side of order) {
      const before = asked[side]
      host.collect()
      const run = side === 'ours'
        ? () => { for (let at = 0; at < count; at += 100) db.apply(ids.slice(at, at + 100).map((id) => ({ op: 'touch', table: 'notes', id }))) }
        : () => { for (const id of ids) touch(id) }
      const begun = await timed(host, run)
      const [cpu, wall] = [host.cpuNow ? host.cpuNow() : await host.cpu(), performance.now()]
      await settled()
      const after = { cpu: (host.cpuNow ? host.cpuNow() : await host.cpu()) - cpu, wall: performance.now() - wall }
      // All touches of a burst are told before the first request is made; by hand one that comes during a request asks once more.
      if (asked[side] - before > touched * (side === 'ours' ? 1 : 2)) throw new Error(`${side}: ${asked[side] - before} requests for ${touched} rows`)
      if (round >= 0) samples[side].push({ cpu: begun.cpu + after.cpu, wall: begun.wall + after.wall })
    }
  }
  if (told.ours !== told.byHand) throw new Error(`${told.ours} patches, by hand ${told.byHand}`)
  const requested = asked.ours / (rounds + 2)
  db.close()
  return { samples: perUnit(samples, count, 1000), requested }
}

/** 4,000 updates on 3 rows in 40 batches: one watch, at most one call per batch. By hand: a map, counters, one call per batch. */
export async function likes(host, { rounds }) {
  const eddyline = await host.eddyline()
  await host.watch()
  const next = random(9)
  const db = await eddyline.createDatabase({ schema: schemaOf(eddyline) })
  const scope = db.tenant('a')
  const calls = { ours: 0, byHand: 0 }
  const held = new Map()
  for (let id = 0; id < 3; id++) {
    const row = { id, content: 'panta rhei', likes: 0 }
    scope.apply([{ op: 'insert', table: 'quotes', row }])
    held.set(id, { ...row })
  }
  const sum = { ours: 0, byHand: 0 }
  scope.watch('quotes', 'changes', ({ counts }) => { calls.ours++; sum.ours += counts.updates })
  const byHand = (batch) => {
    const changed = new Set()
    for (const { id, set } of batch) {
      const row = held.get(id)
      if (row.likes !== set.likes) { held.set(id, { ...row, ...set }); changed.add(id) }
    }
    if (changed.size > 0) { calls.byHand++; sum.byHand += changed.size }
  }
  let likesNow = 1
  let batches
  let turn = 0
  const prepare = () => {
    if (turn++ % 2 === 1) return
    batches = Array.from({ length: 40 }, () => Array.from({ length: 100 }, () => ({ op: 'update', table: 'quotes', id: Math.floor(next() * 3), set: { likes: likesNow++ } })))
  }
  const samples = await sample(host, {
    ours: { prepare, run: () => { for (const batch of batches) scope.apply(batch) } },
    byHand: { prepare, run: () => { for (const batch of batches) byHand(batch) } },
  }, rounds, 2)
  if (calls.ours !== calls.byHand || sum.ours !== sum.byHand) throw new Error(`calls ${calls.ours} and ${calls.byHand}, rows ${sum.ours} and ${sum.byHand}`)
  if (calls.ours > 40 * (rounds + 2)) throw new Error(`${calls.ours} calls`)
  const shown = JSON.stringify(scope.live(scope.query.quotes).rows.map((r) => r.likes))
  if (shown !== JSON.stringify([...held.values()].map((r) => r.likes))) throw new Error(`likes are ${shown}`)
  db.close()
  return { samples: perUnit(samples, 4000, 1000), calls: calls.ours / (rounds + 2) }
}
