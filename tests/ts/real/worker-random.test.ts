// One program, with a database of the page and with one in a worker: parameters, windows, tenants, queries that come and go, what is
// refused and why. Rows, totals, states, patches, reports and errors have to be the same, whether each step is waited for or not.
import { afterEach, describe, expect, it } from 'vitest'
import { type LiveQuery, type Patch, type SyncSession, EddylineError, applyPatches, gte, withParams } from '../../../pkg/index.inline.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, State, open, randomChanges, schema, shapes } from './live-model.js'
import { eventually, random } from './support.js'

const seeds = Number(process.env.WORKER_SEED ?? 1), runs = Number(process.env.WORKER_RUNS ?? 8), steps = Number(process.env.WORKER_STEPS ?? 100)
const text = (value: unknown): string => JSON.stringify(value)
const opened: { close(): void }[] = []
afterEach(() => { for (const db of opened.splice(0)) db.close() })

type Far = WorkerDatabase<typeof schema>
type Either = Db | Far
/** A query on one side. */
interface Side { live: LiveQuery<any, any>; mirror: any[] | undefined; versions: number[] }
interface Pair { name: string; near: Side; far: Side; windowed: boolean; params: ((r: (n: number) => number) => object) | undefined }

/** A source on one side; of a worker it begins when its cursor is known. */
interface Fed { readonly session: SyncSession | undefined; connection: { close(): void } }

/** What a step gives: its value, or what is wrong with it. */
async function outcome(run: () => unknown): Promise<unknown> {
  try { return await run() } catch (error) {
    if (!(error instanceof EddylineError)) throw error
    const { name, code, path, offending, nearest, message } = error
    return { name, code, path, offending, nearest, message }
  }
}
/** Of a report what does not depend on the clock. */
const shownOf = (value: any, slices: boolean): unknown => typeof value?.micros === 'number' ? { ...value, micros: 0, ...slices ? { version: 0 } : {} } : value

function follow(live: LiveQuery<any, any>): Side {
  const side: Side = { live, mirror: undefined, versions: [] }
  live.subscribe(({ diff, rows, version, batch }) => {
    // A change of status has no steps; rows that come from the worker at first neither.
    if (batch === undefined) side.mirror = [...rows]
    else {
      side.versions.push(version)
      if (side.mirror !== undefined) side.mirror = applyPatches(side.mirror, diff as Patch<any>[], row => row.id ?? row.kind)
    }
  })
  if (live.status !== 'loading') side.mirror = [...live.rows]
  return side
}

const tagged = (db: Either) => withParams({ least: 'int' }, p => db.query.tags.where(t => gte(t.n, p.least)).orderBy('n', 'desc').orderBy('id'))

/** Batches that are refused, or that say little. */
function oddBatch(r: (n: number) => number): any {
  const item = { id: `i0${r(9)}`, kind: 'a', n: 1, s: null }
  return [
    [{ op: 'insert', table: 'items', row: { ...item, n: 99 } }],
    [{ op: 'upsert', table: 'items', row: item }, { op: 'upsert', table: 'items', row: { ...item, n: 'x' } }],
    [{ op: 'upsert', table: 'items', row: { id: 'i01', kind: 'a' } }],
    [{ op: 'upsert', table: 'items', row: { ...item, nn: 1 } }],
    [{ op: 'upsert', table: 'itms', row: item }],
    [{ op: 'update', table: 'items', id: 'i01', set: { id: 'i02' } }],
    [{ op: 'update', table: 'items', id: 'i01', set: { m: 3 } }],
    [{ op: 'update', table: 'items', id: 7, set: { n: 3 } }],
    [{ op: 'delete', table: 'notes', id: 1.5 }],
    [{ op: 'remove', table: 'notes', id: 1 }],
    [{ op: 'upsert', table: 'tags', row: { id: 1, label: 'x', n: 1 } }],
    [{ op: 'upsert', table: 'items', row: item, tenant: 'one' }],
    { changes: [{ op: 'delete', table: 'items', id: 'none' }], source: 's', cursor: r(6) },
    { changes: [{ op: 'upsert', table: 'kinds', row: { kind: 'z', title: `${r(9)}` } }], source: 's', cursor: r(6), stale: 'ignore' },
    { changes: [], source: 's', cursor: 'a/b' }, { changes: 5 }, { changes: [], sorce: 's' }, null, 'x', [null], [[]],
    { changes: [{ op: 'upsert', table: 'tags', row: { id: r(5), label: 'y', n: r(5) } }], tenant: 'two' },
  ][r(22)]
}
const oddParams: any[] = [{ none: 1 }, { least: 'x' }, { least: 1.5 }, { least: undefined }, { shown: -1 }, { kind: 5 }, {}, { least: null }]
const oddJson = ['', '{', '[1]', '[{"op":"upsert","table":"items","row":{"id":"i01","kind":"a","n":1,"s":null}},{"op":"x"}]', '{"op":"delete","table":"nowhere","id":1}', '[{"op":"insert","table":"items","row":{"id":"i05","kind":"b","n":77}}]', '{"changes":[],"source":"s","cursor":"3"}']
const oddQueries: ((db: any) => any)[] = [
  db => db.query.items.where('m', '=', 1), db => db.query.items.orderBy('ids'), db => db.query.items.limit(-1), db => db.query.items.with('nots'), db => db.query.items.where('n', '=', 'x'), db => db.query.tags,
  db => db.query.itmes, db => ({ from: 'items' }), db => withParams({ n: 'int' }, (p: any) => db.query.items.limit(p.n)), db => db.query.items.where('s', '~', '('),
]

async function play(seed: number, worker: 'inline' | undefined): Promise<void> {
  const r = random(seed)
  const nearErrors: unknown[] = [], farErrors: unknown[] = []
  const near = await open(nearErrors)
  const far = await createWorkerDatabase({ schema, graceMs: 0, onError: e => { farErrors.push(e) }, ...worker === undefined ? {} : { worker }, ahead: 1 + r(4) })
  opened.push(near, far)
  // Of some programs the worker's queries come in slices, each of which is a version.
  const slices = seed % 4 === 3
  const state = new State()
  const pairs: Pair[] = []
  const said: string[] = []
  /** What far says of steps that are not waited for. */
  const asked: { say: string; near: Promise<unknown>; far: Promise<unknown> }[] = []
  const step = (say: string, run: (db: Either) => unknown): void => {
    said.push(say)
    const what = `seed ${seed}: ${said.slice(-4).join('; ')}`
    asked.push({ say: what, near: outcome(() => run(near)), far: outcome(() => run(far)) })
  }
  const kept: { rows: readonly unknown[]; was: string | undefined; say: string }[] = []
  const look = (kept: { rows: readonly unknown[]; was: string | undefined; say: string }[]): void => { for (const { rows, was, say } of kept) if (was !== undefined) expect(text(rows), say).toBe(was) }
  const begin = (): void => {
    const ofTenant = r(4) === 0 ? ['one', 'two'][r(2)] : undefined
    const shape = shapes[r(shapes.length)]
    const params = ofTenant !== undefined ? (r: (n: number) => number) => ({ least: r(5) }) : shape.params
    const options = { ...params === undefined ? {} : { params: params(r) }, ...r(3) === 0 ? { window: [r(6), r(9)] } : {} }
    said.push(`open ${pairs.length} ${ofTenant ?? shape.name} ${text(options)}`)
    const sliced = slices && r(2) === 0
    const on = (db: Either): Side => follow(mount(db, db === far && sliced ? { ...options, sliced } : options))
    const mount = (db: Either, options: object): LiveQuery<any, any> => (ofTenant === undefined ? (db as Db).live(shape.query(db as Db), options as never) : (db as Db).tenant(ofTenant).live(tagged(db) as never, options as never))
    pairs.push({ name: ofTenant ?? shape.name, near: on(near), far: on(far), windowed: options.window !== undefined, params })
  }
  const pick = (which: (pair: Pair) => boolean): Pair | undefined => { const some = pairs.filter(p => p.near.live.status !== 'closed' && which(p)); return some[r(some.length)] }
  const sources: { name: string; near: Fed; far: Fed; open: boolean }[] = []
  const feed = (): void => {
    const name = ['s', 't'][r(2)], stale = ([undefined, 'error', 'ignore'] as const)[r(3)]
    said.push(`connect ${name} ${stale}`)
    const on = (db: Either): Fed => {
      let session: SyncSession | undefined
      const connection = db.connect({ name, ...stale === undefined ? {} : { stale }, sync: s => { session = s } })
      return { get session() { return session }, connection }
    }
    sources.push({ name, near: on(near), far: on(far), open: true })
  }
  const session = (): void => {
    const source = sources.filter(s => s.open)[r(4)]
    if (source?.far.session === undefined) { if (sources.length < 9) feed(); return }
    const of = (db: Either): SyncSession => (db === near ? source.near : source.far).session!
    const p = r(8), cursor = r(12), say = `source ${sources.indexOf(source)} ${source.name}`
    if (p < 4) {
      const batch = r(5) === 0 ? oddBatch(r) : [{ op: 'upsert', table: 'kinds', row: { kind: 'abcde'[r(5)], title: `K${r(9)}` } }]
      const changes: any[] = (Array.isArray(batch) ? batch : [{ op: 'delete', table: 'items', id: 'none' }]).filter((c: any) => c !== null && !Array.isArray(c))
      step(`${say}: commit ${cursor} ${text(changes)}`, db => { const s = of(db); s.begin(); for (const c of changes) s.write(c); return s.commit({ cursor }) })
    } else if (p < 5) step(`${say}: json ${cursor}`, db => of(db).applyJson(text([{ kind: 'f', title: `${cursor}` }]), { table: 'kinds', cursor }))
    else if (p < 6) step(`${say}: stream ${cursor}`, db => of(db).load(new Response(text([{ kind: 'g', title: `${cursor}` }])), { table: 'kinds', op: 'upsert', cursor }))
    else if (p < 7) step(`${say}: truncate`, db => { of(db).truncate('kinds') })
    else {
      source.open = false
      said.push(`${say}: close`)
      for (const { connection } of [source.near, source.far]) connection.close()
      step(`${say}: late`, async db => { await of(db).commit({ cursor: 99 }) })
    }
  }
  /** The answers are equal, and what is shown. */
  const check = async (): Promise<void> => {
    const waited = asked.length < 2
    for (const { say, near, far } of asked.splice(0)) expect(shownOf(await far, slices), say).toEqual(shownOf(await near, slices))
    // Windows have no answer: what is asked behind them has.
    for (const name of ['s', 't']) expect(await far.cursor(name)).toBe(near.cursor(name))
    for (const { near: a, far: b } of sources) if (b.session !== undefined) expect(b.session.cursor, said.slice(-4).join('; ')).toBe(a.session!.cursor)
    await eventually(() => pairs.every(p => p.far.live.status !== 'loading'))
    for (const { name, near: a, far: b } of pairs) {
      const say = `seed ${seed}: ${name} after ${said.slice(-4).join('; ')}`
      const error = (of: LiveQuery<any, any>): unknown => of.error === undefined ? undefined : [of.error.name, of.error.code, of.error.message]
      expect([b.live.status, error(b.live)], say).toEqual([a.live.status, error(a.live)])
      // Versions that come together show the rows before the first of them when the last cannot be evaluated.
      if (a.live.status === 'closed' || (a.live.status === 'error' && !waited)) continue
      if (a.live.status === 'ready') {
        expect(text(b.live.rows), say).toBe(text(a.live.rows))
        expect(text(b.mirror), `${say}: patches`).toBe(text(b.live.rows))
        expect(b.live.total, `${say}: total`).toBe(a.live.total)
      }
      expect(text(a.mirror), `${say}: patches here`).toBe(text(a.live.rows))
      for (const versions of [a.versions, b.versions]) expect(new Set(versions).size, say).toBe(versions.length)
    }
    if (!slices) expect(far.version).toBe(near.version)
  }

  // Of some programs the lists are longer than what is shown as an array.
  const many = seed % 8 === 0 || seed % 8 === 3
  if (many) {
    const rows = Array.from({ length: 1400 }, (_, i) => ({ id: `i${String(i).padStart(2, '0')}`, kind: 'abc'[r(3)], n: 1 + r(15), s: `s${r(30)}` }))
    state.apply([{ op: 'upsert', table: 'items', rows }])
    step('many', db => db.applyJson(text([{ op: 'upsert', table: 'items', rows }])))
  }
  for (let n = 0; n < 5; n++) begin()
  await check()
  await eventually(() => pairs.every(p => p.far.live.status !== 'loading'))
  const waits = r(2) === 0
  for (let n = 0; n < (many ? steps / 2 : steps); n++) {
    const p = r(28)
    if (p > 23) session()
    else if (p < 8) {
      const changes = randomChanges(r, state, ...(many ? [200, 1800] as const : []))
      state.apply(changes)
      const json = r(3) === 0 ? text(changes) : undefined
      step(`apply ${text(changes).slice(0, 300)}`, db => json === undefined ? db.apply(structuredClone(changes)) : db.applyJson(json))
    } else if (p < 10) { const batch = oddBatch(r); step(`apply ${text(batch)}`, db => db.apply(batch)) }
    else if (p < 11) { const json = oddJson[r(oddJson.length)], options = [undefined, { table: 'items' }, { tenant: 'one' }, { tabel: 'x' }][r(4)]; step(`json ${json} ${text(options)}`, db => db.applyJson(json, options as never)) }
    else if (p < 13) {
      const name = ['one', 'two'][r(2)], id = r(12)
      const changes: any[] = [[{ op: 'upsert', table: 'tags', row: { id, label: `l${r(3)}`, n: r(8) } }], [{ op: 'delete', table: 'tags', id }], [{ op: 'upsert', table: 'tags', row: { id, label: 'z', n: 9 }, tenant: 'three' }], [{ op: 'delete', table: 'items', id: 'i01' }]][r(4)]
      const clears = r(12) === 0
      step(`tenant ${name} ${clears ? 'clear' : text(changes)}`, db => clears ? db.tenant(name).clear() : db.tenant(name).apply(changes))
    } else if (p < 16) {
      const pair = pick(p => p.params !== undefined)
      if (pair === undefined) continue
      const given = r(5) === 0 ? oddParams[r(oddParams.length)] : pair.params!(r)
      step(`set ${pair.name} ${text(given)}`, db => (db === near ? pair.near : pair.far).live.setParams(given))
    } else if (p < 18) {
      const pair = pick(p => p.windowed)
      if (pair === undefined) continue
      const [start, n] = r(8) === 0 ? [[-1, 1.5, 'x', undefined][r(4)] as number, 3] : [r(8), r(9)]
      step(`window ${pair.name} ${start} ${n}`, db => { (db === near ? pair.near : pair.far).live.window(start, n) })
    } else if (p < 20) begin()
    else if (p < 21) {
      const pair = pick(() => true)
      if (pair === undefined) continue
      said.push(`dispose ${pair.name}`)
      pair.near.live.dispose()
      pair.far.live.dispose()
    } else if (p < 22) {
      const query = oddQueries[r(oddQueries.length)], options = [undefined, { params: { n: 'x' } }, { window: [1, -1] }, { tenant: 5 }][r(4)]
      // The page throws what the worker says later.
      step(`open ${String(query)} ${text(options)}`, db => {
        const live = (db as Db).live(query(db), options as never)
        return new Promise((_, reject) => {
          const look = (): void => {
            const { error } = live
            if (error === undefined && db === far) return
            live.dispose()
            reject(error ?? new EddylineError('CLOSED', 'it could be opened'))
          }
          live.subscribe(look)
          look()
        })
      })
    } else if (p < 23) { const query = shapes[r(shapes.length)]; if (query.params === undefined) step(`explain ${query.name}`, async db => String(await db.explain(query.query(db as Db))).split('\n').length) }
    else step('stats', async db => (await db.stats()).tables.map(t => [t.name, t.rows]))
    if (waits || r(12) === 0) await check()
    // Pictures of then, whose rows are looked at later.
    const pair = pick(p => p.near.live.status === 'ready' && p.far.live.status === 'ready')
    if (pair !== undefined) { const { near: { live: a }, far: { live: b } } = pair; kept.push({ rows: b.rows, was: text(b.rows.length > 1024 ? (asked.length === 0 ? a.rows : undefined) : b.rows), say: `seed ${seed}: a picture of ${pair.name} at ${n}` }) }
    if (r(10) === 0) look(kept.splice(r(kept.length), 2))
  }
  await check()
  expect(nearErrors, `seed ${seed}`).toEqual([])
  // What is wrong with parameters and with what a source writes is told to `onError`, too.
  for (const error of farErrors) expect(error, `seed ${seed}: ${String(error)}`).toBeInstanceOf(EddylineError)
  const shown = pairs.map(p => text(p.far.live.rows))
  for (const p of pairs.slice(0, 4)) p.far.live.dispose()
  if (seed % 2 === 0) look(kept.splice(0))
  far.close()
  look(kept)
  expect(pairs.map(p => [p.far.live.status, text(p.far.live.rows)]), `seed ${seed}: closed`).toEqual(shown.map(rows => ['closed', rows]))
}

describe.each(['inline', undefined] as const)('a program with an engine that is %s', worker => {
  it.each(Array.from({ length: worker === undefined ? Math.ceil(runs / 4) : runs }, (_, i) => seeds + i))('seed %d', async seed => { await play(seed, worker) })
})
