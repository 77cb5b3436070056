// Random programs over reducers and notifiers, beside a fold over the log in plain JavaScript. At every step the rows are those of the events up to
// the stored places, each once and in order; at the end everything is read, delivered and settled, and nobody listens to the log.
import { afterAll, describe, expect, it } from 'vitest'
import { type Database, createDatabase, defineSchema, int, json, string, table } from '../../../pkg/index.inline.js'
import { type MemoryLog, type Notifying, type Reducer, type Running, memoryLog, notifier, reducer, reducers } from '../../../pkg/reduce/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { eventually, random, tick } from '../real/support.js'
const RUNS = Number(process.env.ORACLE_RUNS ?? 1) * 60
const STEPS = Number(process.env.ORACLE_STEPS ?? 60)
const seeds = process.env.ORACLE_SEED !== undefined ? [Number(process.env.ORACLE_SEED)] : Array.from({ length: RUNS }, (_, i) => i + 1)
interface Event { id: number; type: string; p: string | null; t: string; v: number; fixed: number }
interface State { sum: number; seq: number[] }
type Name = 'halting' | 'skipping' | 'retrying'
const NAMES: Name[] = ['halting', 'skipping', 'retrying']
const TENANTS = ['t0', 't1']
/** What each reducer multiplies by, of a table that none of them writes. */
const RATE = 3
const columns = { id: string().key(), sum: int(), seq: json() }
const schema = defineSchema({ halting: table(columns), skipping: table(columns, { tenant: true }), retrying: table(columns), rates: table({ id: string().key(), rate: int() }) })
type Db = Database<typeof schema>
/** Whether an event cannot be folded: its handler throws, or what it asks for cannot be done, or the engine refuses its row. */
const fails = (e: Event, version: number, row: State | undefined): 'handler' | 'commit' | undefined =>
  e.type === 'throw' && e.fixed > version ? 'handler' : (['wrong', 'typed'].includes(e.type) && e.fixed > version) || (e.type === 'insert' && row !== undefined) ? 'commit' : undefined
function fold(row: State | undefined, e: Event, version: number): State | undefined {
  if (e.type === 'other') return row
  if (e.type === 'delete') return undefined
  return { sum: (row?.sum ?? 0) + e.v * RATE * version, seq: [...row?.seq ?? [], e.id] }
}
interface Folded { rows: Map<string, State>; cursor: number | undefined; before: number | undefined; error: { cursor: number; type: string } | undefined }
/** The events of a partition up to a place, or to the first that halts it. */
function model(name: Name, events: readonly Event[], p: string, version: number, skipped: ReadonlySet<number>, upTo = Infinity): Folded {
  const rows = new Map<string, State>()
  const done: Folded = { rows, cursor: undefined, before: undefined, error: undefined }
  for (const e of events) {
    if (e.p !== p || e.id > upTo) continue
    const at = name === 'skipping' ? `${e.t} ${p}` : p
    const type = skipped.has(e.id) ? undefined : fails(e, version, rows.get(at))
    if (type !== undefined && name !== 'skipping') { done.error = { cursor: e.id, type }; return done }
    done.cursor = e.id
    if (type !== undefined || skipped.has(e.id)) continue
    const next = fold(rows.get(at), e, version)
    if (next === undefined) rows.delete(at)
    else rows.set(at, next)
  }
  return done
}
/** A log that fails, hangs and gives short pages, and that counts who reads it and who listens. */
class Source {
  failing = 0
  hanging = false
  listeners = 0
  under = 0
  #gates: (() => void)[] = []
  constructor(readonly log: MemoryLog<Event>, readonly rnd: (n: number) => number) {}
  readonly fetch = async (after: any, limit: number) => {
    this.under++
    try {
      await this.#way()
      if (this.failing > 0) { this.failing--; throw new Error('cut') }
      return await this.log.fetch(after, this.rnd(3) === 0 ? 1 : limit)
    } finally { this.under-- }
  }
  readonly count = async () => { await this.#way(); return this.log.events.length }
  readonly head = async () => { await this.#way(); return this.log.head!() }
  readonly subscribe = (fn: () => void) => {
    const end = this.log.subscribe(fn)
    this.listeners++
    return () => { this.listeners--; end() }
  }
  async #way(): Promise<void> {
    for (let n = this.rnd(4); n > 0; n--) await null
    if (this.rnd(5) === 0) await tick()
    if (this.hanging) await new Promise<void>(go => { this.#gates.push(go) })
  }
  letGo(): void {
    this.hanging = false
    this.failing = 0
    for (const go of this.#gates.splice(0)) go()
  }
}
const counts = { steps: 0, rebuilt: 0, skips: 0, delivered: 0, halted: 0, reopened: 0, reset: 0, hung: 0 }

class World {
  readonly rnd: (n: number) => number
  readonly log: MemoryLog<Event>
  readonly source: Source
  readonly versions: Record<Name, number> = { halting: 1, skipping: 1, retrying: 1 }
  readonly definitions = {} as Record<Name, Reducer<Event>>
  readonly skipped: Record<Name, Set<number>> = { halting: new Set(), skipping: new Set(), retrying: new Set() }
  /** What is under way and may be before or behind what changes the model. */
  readonly busy: Record<Name, Set<object>> = { halting: new Set(), skipping: new Set(), retrying: new Set() }
  readonly pending = new Set<string>()
  readonly tried = new Map<number, number>()
  readonly sent: { epoch: number; p: string; cursor: number; key: string }[] = []
  readonly story: string[] = []
  epoch = 0
  folder = new MemoryFolder()
  db!: Db
  telling: Notifying | undefined
  /** The reducer that notifiers are after, whether it runs or not. */
  known: Running | undefined
  ending = false
  readonly exhausted: 'deadLetter' | 'halt'

  constructor(readonly seed: number) {
    this.rnd = random(seed)
    this.log = memoryLog<Event>(e => e.id)
    this.source = new Source(this.log, this.rnd)
    this.exhausted = this.rnd(2) === 0 ? 'deadLetter' : 'halt'
    for (const name of NAMES) this.define(name)
  }
  get at(): string { return `seed ${this.seed}: ${this.story.slice(-14).join('; ')}` }
  async open(): Promise<void> {
    this.db = await createDatabase({ schema, storage: memory(this.folder), onError: error => { throw error } })
    this.db.apply([{ op: 'upsert', table: 'rates', row: { id: 'x', rate: RATE } }])
  }
  define(name: Name): void {
    const { rnd } = this
    const version = this.versions[name]
    this.definitions[name] = reducer<Event>(name, {
      version: String(version), tables: [name], partition: e => e.p, cursor: e => e.id, coalesce: rnd(2) === 0,
      ...(name === 'skipping' ? { onError: 'skip', snapshotEvery: 2 + rnd(6) } : name === 'retrying' ? { onError: { retry: 1 } } : {}),
      on: (e, op) => {
        const at = name === 'skipping' ? { tenant: e.t } : undefined
        if (e.type === 'throw' && e.fixed > version) throw new Error('bad')
        if (e.type === 'other') return
        if (e.type === 'delete') { op.delete(name, e.p, at); return }
        const tried = (this.tried.get(e.id) ?? 0) + 1
        this.tried.set(e.id, tried)
        // The second attempt works.
        if (name === 'retrying' && e.type === 'flaky' && tried % 2 === 1) throw new Error('once')
        if (e.type === 'insert') { op.insert(name, { id: e.p, sum: e.v * RATE * version, seq: [e.id] }, at); return }
        if (e.type === 'typed' && e.fixed > version) { op.merge(name, { id: e.p, sum: 'x' }, at); return }
        op.transaction(t => {
          const row = t.get(name, e.p, at) as State | null
          const { rate } = t.get('rates', 'x')
          if (['wrong', 'typed'].includes(e.type) && e.fixed > version) throw new Error('wrong')
          t.merge(name, { id: e.p, sum: (row?.sum ?? 0) + e.v * rate * version, seq: [...row?.seq ?? [], e.id] }, at)
        })
      },
    })
  }
  /** Something that has to settle before the database is closed, or when it is. */
  follow<T>(what: string, promise: Promise<T>, codes: string[] = []): Promise<T | undefined> {
    const name = `${what} #${counts.steps}`
    this.pending.add(name)
    return promise.then(made => { this.pending.delete(name); return made }, error => {
      this.pending.delete(name)
      if (!['CLOSED', ...codes].includes(error.code)) throw new Error(`${this.at}: ${what}: ${error.code} ${error.stack}`)
      return undefined
    })
  }
  append(): void {
    const { rnd, log } = this
    const type = ['add', 'add', 'add', 'add', 'delete', 'flaky', 'other', 'insert', 'throw', 'wrong', 'typed'][rnd(rnd(3) === 0 ? 11 : 7)]
    const p = rnd(8) === 0 ? null : `p${rnd(3)}`
    log.append({ id: log.events.length + 1, type, p, t: TENANTS[rnd(2)], v: 1 + rnd(4), fixed: 2 + rnd(3) })
  }
  entries(name: Name): ReadonlyMap<string, any> { return this.db.durability!.entries(`reducer:${name}`) }
  rows(name: Name, db: Database<any> = this.db): Record<string, State> {
    const found: Record<string, State> = {}
    for (const tenant of name === 'skipping' ? TENANTS : [undefined]) {
      const live = db.live<any>((db.query as any)[name], tenant === undefined ? undefined : { tenant })
      for (const { id, sum, seq } of live.rows) found[tenant === undefined ? id : `${tenant} ${id}`] = { sum, seq }
      live.dispose()
    }
    return found
  }
  /** The rows are those of the stored places, whatever is under way. */
  check(name: Name): void {
    if (this.busy[name].size > 0) return
    const entries = this.entries(name)
    const version = Number(entries.get('$version') ?? 1)
    const expected: Record<string, State> = {}
    for (const [key, { id, cursor, error }] of entries) {
      if (!key.startsWith('p:')) continue
      const done = model(name, this.log.events, id, version, this.skipped[name], cursor ?? 0)
      expect(done.error, `${this.at}: ${name} ${id} is past what halts it`).toBe(undefined)
      expect(cursor, `${this.at}: ${name} ${id}`).toBe(done.cursor)
      for (const [at, row] of done.rows) expected[at] = row
      // Of a resume that was cut short behind the event that it skipped: halted as far as it came.
      if (error === undefined || error.cursor <= cursor) continue
      const halted = model(name, this.log.events, id, version, this.skipped[name])
      expect({ cursor: error.cursor, type: error.type }, `${this.at}: ${name} ${id}`).toEqual(halted.error)
      if (error.type === 'handler') expect(cursor, `${this.at}: ${name} ${id}, the good before it`).toBe(halted.cursor)
    }
    expect(this.rows(name), `${this.at}: ${name}`).toEqual(expected)
  }
  start(name: Name): Promise<Running | undefined> {
    const definition = this.definitions[name], { rnd } = this
    const autoRebuild = rnd(2) === 0
    const mine = {}
    const rebuilds = autoRebuild && reducers(this.db).needsRebuild(definition)
    if (autoRebuild) this.busy[name].add(mine)
    const begun = reducers(this.db).start(definition, { source: this.source, batchSize: 1 + rnd(5), autoRebuild, retry: { delay: 1, max: 2 }, onError: () => {} })
    return this.follow(`start ${name}`, begun, ['NEEDS_REBUILD', 'REDUCER_INVALID', 'FETCH_FAILED']).then(made => {
      if (!autoRebuild) return made
      // What was skipped is read again by a rebuild.
      if (rebuilds && this.entries(name).get('$version') === definition.version) this.skipped[name].clear()
      this.busy[name].delete(mine)
      return made
    }).then(made => {
      if (name === 'skipping' && made !== undefined) this.known = made
      return made
    })
  }
  /** What notifiers were told by then may be gone: one begins anew. */
  async reset(name: Name): Promise<void> {
    const { telling } = this
    this.telling = undefined
    if (telling !== undefined) await this.follow('stop of notifier', telling.stop())
    if (reducers(this.db).get(name) !== undefined || this.busy[name].size > 0) return
    reducers(this.db).reset(this.definitions[name])
    this.skipped[name].clear()
    counts.reset++
    this.check(name)
    expect(this.rows(name), this.at).toEqual({})
    if (telling !== undefined) void this.notify()
  }
  async rebuild(name: Name): Promise<void> {
    const { rnd } = this
    const running = reducers(this.db).get(name)
    const stop = new AbortController()
    this.busy[name].add(stop)
    const from = rnd(2) === 0 ? 'snapshot' as const : 'start' as const
    const cut = rnd(3) === 0
    const going = this.follow(`rebuild ${name}`, reducers(this.db).rebuild(running?.reducer ?? this.definitions[name], { source: this.source, batchSize: 1 + rnd(20), from, signal: stop.signal }).then(() => {
      counts.rebuilt++
      this.skipped[name].clear()
    }), ['REBUILD_CANCELLED', 'REDUCER_INVALID', 'FETCH_FAILED'])
    if (cut) { for (let n = rnd(30); n > 0; n--) await null; stop.abort() }
    await going
    this.busy[name].delete(stop)
  }
  async resume(name: Name, r: Running): Promise<void> {
    const halted = r.errors()[0]
    if (halted === undefined) return
    const how = this.rnd(2) === 0 ? 'retry' : 'skip'
    const mine = {}
    if (how === 'skip') this.busy[name].add(mine)
    const made = await this.follow(`resume ${name} ${how}`, r.resume(halted.id, how).catch(error => { if (error.message !== 'cut') throw error; return undefined }))
    // As far as it came, where it was cut.
    const at = this.entries(name).get(`p:${halted.id}`)
    if (how === 'skip' && (made !== undefined || at?.cursor !== halted.cursor) && (at?.cursor ?? 0) >= halted.error!.cursor) { this.skipped[name].add(halted.error!.cursor as number); counts.skips++ }
    this.busy[name].delete(mine)
  }
  async notify(): Promise<void> {
    const epoch = ++this.epoch
    const after = this.rnd(2) === 0 ? reducers(this.db).get('skipping') ?? this.known : undefined
    const mail = notifier<Event>('mail', {
      partition: e => e.p, cursor: e => e.id, initialCursor: 'start', exhausted: this.exhausted, retry: { attempts: 2, delay: 1 },
      on: { add: e => e.v, insert: e => [e.v, e.v] },
      deliver: async ([v], { event, partition, cursor, idempotencyKey: key, signal }) => {
        if (after !== undefined && !signal.aborted) expect(this.entries('skipping').get(`p:${partition}`)?.cursor ?? 0, `${this.at}: sent before it happened`).toBeGreaterThanOrEqual(cursor as number)
        for (let n = this.rnd(3); n > 0; n--) await null
        if (!this.ending && this.rnd(12) === 0) { counts.hung++; await new Promise(() => {}) }
        expect(v).toBe(event.v)
        if (this.rnd(4) === 0) throw new Error('down')
        if (!signal.aborted) this.sent.push({ epoch, p: partition, cursor: cursor as number, key })
      },
    })
    const n = await this.follow('notify', reducers(this.db).notify(mail, { source: this.source, batchSize: 1 + this.rnd(5), onError: () => {}, ...after ? { after } : {} }), ['REDUCER_INVALID']).catch(error => { if (!/cut/.test(error.message)) throw error; return undefined })
    if (n !== undefined) this.telling = n
  }
  /** Ends the database, and everything that waits for something of it; whatever the source is doing. */
  async shut(): Promise<void> {
    const { db } = this
    const { durability } = db
    db.close()
    await durability!.closed
    await eventually(() => this.pending.size === 0)
    expect([...this.pending], `${this.at}: pending`).toEqual([])
    expect(this.source.listeners, `${this.at}: listeners`).toBe(0)
    this.telling = this.known = undefined
    for (const name of NAMES) this.busy[name].clear()
    this.source.letGo()
    await eventually(() => this.source.under === 0)
  }
  async step(): Promise<void> {
    const { rnd } = this
    const name = NAMES[rnd(3)]
    const r = reducers(this.db).get(name)
    const what = rnd(20)
    const say = (text: string): void => { this.story.push(text) }
    if (what < 6) { for (let n = 1 + rnd(4); n > 0; n--) this.append(); say(`append to ${this.log.events.length}`) }
    else if (r === undefined && (what < 8 || rnd(3) === 0)) { say(`start ${name}`); const made = this.start(name); if (rnd(2) === 0 && !this.source.hanging) await made }
    else if (r !== undefined && r.errors().length > 0 && rnd(3) === 0 && this.busy[name].size === 0) { say(`resume ${name}`); void this.resume(name, r) }
    else if (what < 9 && r !== undefined) {
      say(`stop ${name}`)
      const stopped = this.follow(`stop ${name}`, r.stop())
      // At once again, also before the one before has ended.
      if (rnd(2) === 0) { say('and start'); void this.start(name) }
      else await stopped
    } else if (what < 11 && this.busy[name].size === 0) { say(`rebuild ${name}`); void this.rebuild(name) }
    else if (what === 13) { this.source.failing = 1 + rnd(2); say('failing') }
    else if (what === 14) { if (this.source.hanging) { this.source.letGo(); say('let go') } else { this.source.hanging = true; say('hanging') } }
    else if (what === 15 && r !== undefined && this.log.events.length > 0) {
      const e = this.log.events[rnd(this.log.events.length)]
      void this.follow(`await ${e.id} in ${name}`, r.await(e, { timeout: Infinity }))
      void this.follow(`catch-up ${name}`, r.awaitCatchup())
    } else if (what === 16) {
      if (this.telling === undefined) { say('notify'); void this.notify() }
      else { say('stop notifying'); void this.follow('stop of notifier', this.telling.stop()); this.telling = undefined }
    } else if (what === 17 && r === undefined && this.busy[name].size === 0) { this.versions[name]++; this.define(name); say(`version ${this.versions[name]} of ${name}`) }
    else if (what === 12 && r === undefined && this.busy[name].size === 0) { say(`reset ${name}`); await this.reset(name) }
    else if (what === 18 && this.log.events.length > 0 && !this.source.hanging) {
      const until = 1 + rnd(this.log.events.length)
      const past = await this.follow(`at ${until}`, reducers(this.db).at(this.definitions[name], { source: this.source, until, batchSize: 3 }), ['FETCH_FAILED'])
      if (past !== undefined) {
        const seen = this.rows(name, past.db)
        past.db.close()
        for (const p of ['p0', 'p1', 'p2']) {
          const done = model(name, this.log.events, p, this.versions[name], new Set(), until)
          if (done.error?.type !== 'commit') for (const at of name === 'skipping' ? TENANTS.map(t => `${t} ${p}`) : [p]) expect(seen[at], `${this.at}: ${name} at ${until}`).toEqual(done.rows.get(at))
        }
      }
    } else if (what === 19 && rnd(3) > 0) { say('reopen'); counts.reopened++; await this.shut(); await this.open() }
    if (rnd(3) === 0) await tick()
    for (const one of NAMES) this.check(one)
    counts.steps++
  }
  /** Everything is up again, and reads to its end. */
  async end(): Promise<void> {
    await this.shut()
    await this.open()
    for (const name of NAMES) {
      this.story.push(`end ${name}`)
      const definition = this.definitions[name]
      if (reducers(this.db).needsRebuild(definition)) this.skipped[name].clear()
      const r = await reducers(this.db).start(definition, { source: this.source, autoRebuild: true, retry: { delay: 1 }, onError: () => {} })
      await r.awaitCatchup()
      this.check(name)
      for (const p of ['p0', 'p1', 'p2']) {
        const done = model(name, this.log.events, p, this.versions[name], this.skipped[name])
        if ((r.partition(p).error?.cursor ?? Infinity) <= (r.partition(p).cursor ?? 0)) await r.resume(p)
      const { status, cursor, error } = r.partition(p)
        expect([status, error?.cursor], `${this.at}: ${name} ${p}`).toEqual([done.error === undefined ? 'ok' : 'error', done.error?.cursor])
        if (done.error === undefined) expect(cursor, `${this.at}: ${name} ${p}`).toBe(done.cursor)
        else counts.halted++
      }
      expect([...r.waiters.partitions()]).toEqual([])
    }
    this.ending = true
    await this.notify()
    const n = this.telling!
    await n.awaitCatchup()
    for (let left = n.errors(); left.length > 0; left = n.errors()) await n.resume(left[0].id)
    const dead = new Set(n.deadLetters().map(l => l.cursor))
    const first = new Map<string, number[]>()
    for (const { p, cursor } of this.sent) if (!first.get(p)?.includes(cursor)) first.set(p, [...first.get(p) ?? [], cursor])
    for (const p of ['p0', 'p1', 'p2']) {
      // A delivery that was stopped on its way and given up afterwards was sent, and is a dead letter.
      const seen = new Set(first.get(p))
      const wanted = this.log.events.filter(e => e.p === p && ['add', 'insert'].includes(e.type) && (!dead.has(e.id) || seen.has(e.id))).map(e => e.id)
      expect(first.get(p) ?? [], `${this.at}: sent of ${p}`).toEqual(wanted)
    }
    const keys = this.sent.map(s => `${s.epoch} ${s.key}`)
    expect(new Set(keys).size, `${this.at}: sent twice by one notifier`).toBe(keys.length)
    counts.delivered += keys.length
    await this.shut()
  }
}

// Steps take real time, so that a seed does not replay exactly: what one has found is a test of its own, in `derive-stopped.test.ts` and others.
describe('random programs', () => {
  it.each(seeds)('seed %i: what is folded and told is what the log says', async seed => {
    const world = new World(seed)
    await world.open()
    for (let i = 0; i < STEPS; i++) await world.step()
    await world.end()
  }, 60_000)

  afterAll(() => { if (process.env.ORACLE_TELL !== undefined) console.log(JSON.stringify(counts)) })

  it.runIf(seeds.length >= 60)('much has happened', () => { for (const [what, n] of Object.entries(counts)) expect(n, what).toBeGreaterThan(10) })
})
