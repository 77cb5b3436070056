// What is measured, of one side at a time. `side` is one of sides/: `load`, `loadJson?`, `mount`, `prepare`, `apply`, `applyAll`,
// `close`; any of them may return a promise. Nothing here knows whether it runs in Node or in a page: `host` does.
import { Changes, family, mustBe, page, queries, rowsOf } from './data.mjs'

export class Unsupported extends Error {}
export class OutOfTime extends Error {}

const utf8 = new TextDecoder()

/** Told of results: holds them, looks at both ends and the middle, and wakes who waits for as many as there should be. */
class Sink {
  calls = 0
  sum = 0
  wanted = Infinity

  told = (rows) => {
    this.calls++
    this.rows = rows
    const { length } = rows
    if (length > 0) this.sum += length + seen(rows.at(0)) + seen(rows.at(length >> 1)) + seen(rows.at(length - 1))
    if (this.calls >= this.wanted) { this.wanted = Infinity; this.wake?.() }
  }

  /** Waits until there were `calls`, which they mostly were when a side's `apply` came back. */
  async reach(calls) {
    if (this.calls >= calls) return
    let timer
    await new Promise((resolve, reject) => {
      this.wanted = calls
      this.wake = resolve
      timer = setTimeout(() => reject(new Error(`a listener was told ${this.calls} times instead of ${calls}`)), 20_000)
    })
    clearTimeout(timer)
  }
}

/** A field of a row of whatever query. */
const seen = (row) => (row.id ?? row.status).length

const open = async (host, implementation) => {
  if (implementation.open === undefined) throw new Unsupported('not there')
  return await implementation.open(host)
}

function must(implementation, query) {
  if (implementation.supports(query) !== true) throw new Unsupported(`no ${query.kind}`)
}

/** Times of something that may wait: wall, and processor time of this thread. */
async function timed(host, run) {
  const [cpu, begun] = [host.cpu(), performance.now()]
  const result = run()
  if (result?.then !== undefined) await result
  return { wall: performance.now() - begun, cpu: host.cpu() - cpu }
}

async function loaded(host, implementation, rows) {
  const side = await open(host, implementation)
  await side.load(rows)
  return side
}

/** JSON text or objects to an ordered live query of which the first 50 rows were read; a new database in each round. */
export async function hydrate(host, implementation, { rows: count, rounds, form, limit }) {
  const query = limit === undefined ? queries.list : queries.top
  must(implementation, query)
  const bytes = new TextEncoder().encode(JSON.stringify(rowsOf(count)))
  const samples = []
  for (let round = -1; round < rounds; round++) {
    const rows = form === 'objects' ? JSON.parse(utf8.decode(bytes)) : undefined
    const side = await open(host, implementation)
    host.collect()
    const sink = new Sink()
    let handle
    const run = async () => {
      if (rows !== undefined) await side.load(rows)
      else if (side.loadJson !== undefined) await side.loadJson(bytes)
      else await side.load(JSON.parse(utf8.decode(bytes)))
      handle = await side.mount(query, sink.told)
      const first = await (handle.first ?? handle.rows)(50)
      for (let i = 0; i < Math.min(50, first.length); i++) for (const value of Object.values(first.at(i))) sink.sum += value === null ? 0 : 1
    }
    const taken = await timed(host, run)
    if (round < 0 && count <= 100_000) mustBe('after loading', query, await handle.rows(), rowsOf(count))
    await handle.close()
    await side.close()
    // One round is enough where a round takes that long; where there is no second one the first counts.
    if (round >= 0 || taken.wall > host.patience / 8) samples.push(taken)
    if (taken.wall > host.patience / 8) break
  }
  return { samples }
}

/** The same bytes as objects and nothing else: no query, nothing live. */
export async function parse(host, _, { rows: count, rounds }) {
  const bytes = new TextEncoder().encode(JSON.stringify(rowsOf(count)))
  const samples = []
  for (let round = -1; round < rounds; round++) {
    host.collect()
    let rows
    const taken = await timed(host, () => { rows = JSON.parse(utf8.decode(bytes)) })
    if (rows.length !== count) throw new Error('rows are missing')
    if (round >= 0) samples.push(taken)
  }
  return { samples }
}

/** How long a page could do nothing else while rows come in as a stream: the longest gap between timers. */
export async function block(host, implementation, { rows: count, rounds }) {
  const samples = []
  for (let round = 0; round < rounds; round++) {
    const side = await open(host, implementation)
    if (side.loadStream === undefined) throw new Unsupported('no streams')
    const bytes = new TextEncoder().encode(JSON.stringify(rowsOf(count)))
    const handle = await side.mount(queries.top, () => {})
    host.collect()
    let last = performance.now()
    let longest = 0
    const tick = () => { const now = performance.now(); longest = Math.max(longest, now - last); last = now }
    const timer = setInterval(tick, 0)
    const taken = await timed(host, () => side.loadStream(bytes))
    tick()
    clearInterval(timer)
    samples.push({ wall: longest, cpu: longest, whole: taken.wall })
    if (count <= 100_000) mustBe('after loading', queries.top, await handle.rows(), rowsOf(count))
    await side.close()
  }
  return { samples }
}

/** One change under one live query, until the listener has looked at the result. */
export async function change(host, implementation, { query: name, rows: count, rounds }) {
  const query = queries[name]
  must(implementation, query)
  const rows = rowsOf(count)
  const side = await loaded(host, implementation, rows)
  const sink = new Sink()
  let handle
  const mounting = await timed(host, async () => { handle = await side.mount(query, sink.told) })
  const changes = new Changes(name, rows)
  const run = async (list) => { await applyEach(side, sink, list) }
  await run(changes.take(20).map(side.prepare))
  mustBe('after 20 changes', query, await handle.rows(), rows)
  const samples = await rounded(host, side, changes, rounds, run)
  mustBe('in the end', query, await handle.rows(), rows)
  await side.close()
  return { ...samples, mounting }
}

/** One after the other; a promise is waited for only where there is one, and a listener only where it was not yet told. */
async function applyEach(side, sink, list, each = 1) {
  const { apply } = side
  for (let i = 0; i < list.length; i++) {
    const before = sink.calls
    const applied = apply(list[i])
    if (applied !== undefined) await applied
    if (sink.calls < before + each) await sink.reach(before + each)
  }
}

/** Rounds of as many changes as take a tenth of a second, at least one and at most 5,000; those that find this out, and one round more, are the warm-up. */
async function rounded(host, side, changes, rounds, run) {
  let per = 1
  for (;;) {
    const list = changes.take(per).map(side.prepare)
    const taken = await timed(host, () => run(list))
    const spent = host.by === 'processor' ? taken.cpu : taken.wall
    if (spent > host.sampleMs || per >= 5000) { per = Math.min(5000, Math.max(1, Math.round((per * host.sampleMs) / spent))); break }
    per = Math.min(5000, per * 4)
  }
  await run(changes.take(per).map(side.prepare))
  const samples = []
  const until = performance.now() + host.patience / 3
  for (let round = 0; round < rounds && (round === 0 || performance.now() < until); round++) {
    const list = changes.take(per).map(side.prepare)
    host.collect()
    const { wall, cpu } = await timed(host, () => run(list))
    samples.push({ wall: wall / per, cpu: cpu / per })
  }
  return { samples, per }
}

/** Many queries of one shape: mounting all of them, then one change that two of them see. */
export async function many(host, implementation, { shape, queries: queryCount, rows: count, rounds }) {
  const wanted = family[shape](queryCount)
  must(implementation, wanted[0])
  const rows = rowsOf(count)
  const side = await loaded(host, implementation, rows)
  const sink = new Sink()
  const handles = []
  const until = performance.now() + host.patience / 2
  const mount = await timed(host, async () => {
    for (const query of wanted) {
      const handle = side.mount(query, sink.told)
      handles.push(handle.then === undefined ? handle : await handle)
      if (performance.now() > until) throw new OutOfTime(`${handles.length.toLocaleString('en')} of ${queryCount.toLocaleString('en')} mounted in ${Math.round(host.patience / 2000)} s`)
    }
  })
  const changes = new Changes(shape, rows, queryCount)
  const run = async (list) => { await applyEach(side, sink, list, side.tellsOthers === true ? queryCount : 2) }
  await run(changes.take(5).map(side.prepare))
  const check = async () => {
    for (let i = 0; i < queryCount; i += Math.ceil(queryCount / 200)) mustBe(`query ${i}`, wanted[i], await handles[i].rows(), rows)
  }
  await check()
  const samples = await rounded(host, side, changes, rounds, run)
  await check()
  await side.close()
  return { ...samples, mount }
}

/** Many changes in one transaction under the ten queries of a page: so many, beside the rows, that each of the ten is changed. */
export async function transaction(host, implementation, { rows: count, changes: changeCount, rounds }) {
  for (const query of page) must(implementation, query)
  const rows = rowsOf(count)
  const side = await loaded(host, implementation, rows)
  const sink = new Sink()
  const handles = side.mountPage?.(page, sink.told) ?? await Promise.all(page.map((query) => side.mount(query, sink.told)))
  const changes = new Changes('page', rows)
  const samples = []
  for (let round = -1; round < rounds; round++) {
    const list = changes.take(changeCount).map(side.prepare)
    host.collect()
    const before = sink.calls
    const taken = await timed(host, async () => {
      await side.applyAll(list)
      await sink.reach(before + page.length)
    })
    if (round < 0 || round === rounds - 1) for (const [i, query] of page.entries()) mustBe(`query ${i}`, query, await handles[i].rows(), rows)
    if (round >= 0 || taken.wall > host.patience / 8) samples.push(taken)
    if (taken.wall > host.patience / 8) break
  }
  await side.close()
  return { samples }
}

/** Bytes that stay after collecting: of the rows, of a list of most of them, and of small queries. */
export async function memory(host, implementation, { rows: count, form, queries: queryCount }) {
  const wanted = family.equal(queryCount)
  for (const query of [queries.filter, wanted[0]]) must(implementation, query)
  const side = await open(host, implementation)
  const empty = await host.memory()
  if (form === 'json' && side.loadJson !== undefined) await side.loadJson(new TextEncoder().encode(JSON.stringify(rowsOf(count))))
  else await side.load(rowsOf(count))
  const full = await host.memory()
  const sink = new Sink()
  const list = implementation.supports(queries.list) === true ? await side.mount(queries.list, sink.told) : undefined
  await list?.rows()
  const listed = await host.memory()
  const handles = []
  const until = performance.now() + host.patience / 2
  for (const query of wanted) {
    handles.push(await side.mount(query, sink.told))
    if (performance.now() > until) break
  }
  const mounted = await host.memory()
  const per = (a, b, units) => Object.fromEntries(Object.keys(a).map((name) => [name, (b[name] - a[name]) / units]))
  const result = { rows: per(empty, full, count), list: list === undefined ? undefined : per(full, listed, count), query: per(listed, mounted, handles.length), mounted: handles.length, empty }
  await side.close()
  return result
}

export const workloads = { parse, hydrate, block, change, many, transaction, memory }
