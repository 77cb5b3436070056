// Random programs of several pages on one engine, whose messages go when the program lets them go: pages fall behind, requests of one
// overtake those of another, queries come and go meanwhile, pages end and come. Whatever a page shows is, in all of its queries, what a
// model says of the version that it says it shows; of each query's listeners that holds for each event.
import { afterAll, describe, expect, it } from 'vitest'
import { type Connection, type Database, type LiveQuery, type Patch, type Report, type SyncSession, applyPatches } from '../../../pkg/index.inline.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { inWorker, type WorkerRoom } from '../../../pkg/worker/inside.js'
import { FAILS, type Params, type Shape, State, randomChanges, schema, shapes } from './live-model.js'
import { type Outcome, runPrograms } from './random-programs.js'
import { eventually, random, tick } from './support.js'
import { Line } from './worker-lines.js'

const RUNS = Number(process.env.PAGES_RUNS ?? 40), FIRST = Number(process.env.PAGES_SEED ?? 1)
const text = (value: unknown): string => JSON.stringify(value)
const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })

type Op = { readonly on: number } & (
  | { readonly op: 'apply'; readonly changes: readonly any[]; readonly json: boolean }
  | { readonly op: 'open'; readonly shape: number; readonly given: number; readonly window: readonly [number, number] | undefined; readonly sliced: boolean }
  | { readonly op: 'set'; readonly at: number; readonly given: number }
  | { readonly op: 'move'; readonly at: number; readonly window: readonly [number, number] }
  | { readonly op: 'end' | 'listen' | 'picture' | 'look'; readonly at: number }
  | { readonly op: 'up' | 'down'; readonly n: number }
  | { readonly op: 'wait' | 'quiet' | 'leave' | 'cut' | 'tell' | 'latest' | 'crash' }
  | { readonly op: 'touch'; readonly id: string }
  | { readonly op: 'connect'; readonly name: string }
  | { readonly op: 'feed' | 'ready' | 'close'; readonly at: number }
  | { readonly op: 'within'; readonly at: number; readonly then: readonly Op[] })
interface Program { readonly seed: number; readonly ops: readonly Op[] }

function generated(seed: number): Program {
  const r = random(seed)
  const state = new State()
  // Of some programs the lists are longer than what is shown as an array, or than what is read at once.
  const sizes = seed % 16 === 0 ? [300, 1800] as const : seed % 16 === 8 ? [2600, 4000] as const : [40, 60] as const
  const one = (depth: number): Op => {
    // The last is code beside the engine.
    const on = r(4) === 0 ? 3 : r(3), at = r(100)
    const p = r(depth > 0 ? 16 : 46)
    const window = (): readonly [number, number] => [r(8), r(5) === 0 ? 100 : r(9)]
    if (p < 5 && r(12) === 0) return { op: 'touch', on, id: `i${String(r(60)).padStart(2, '0')}` }
    if (p < 5) { const changes = randomChanges(r, state, ...sizes); state.apply(changes); return { op: 'apply', on, changes, json: r(4) === 0 } }
    if (p < 8) return { op: 'open', on, shape: r(shapes.length), given: r(1000), window: r(3) === 0 ? window() : undefined, sliced: r(6) === 0 }
    if (p < 11) return { op: 'set', on, at, given: r(1000) }
    if (p < 13) return { op: 'move', on, at, window: window() }
    if (p < 14) return { op: 'end', on, at }
    if (p < 15) return { op: 'listen', on, at }
    if (p < 16) return r(2) === 0 ? { op: 'tell', on } : { op: 'latest', on }
    if (p < 22) return { op: 'up', on, n: 1 + r(4) }
    if (p < 30) return { op: 'down', on, n: 1 + r(4) }
    if (p < 32) return { op: 'wait', on }
    if (p < 33) return { op: 'quiet', on }
    if (p < 34) return r(3) > 0 ? { op: 'wait', on } : { op: r(2) === 0 ? 'leave' : 'cut', on }
    if (p < 36) return { op: 'picture', on, at }
    if (p < 37) return { op: 'look', on, at }
    if (p < 43) return r(3) === 0 ? { op: 'connect', on: r(3), name: r(4) === 0 ? 't' : 's' } : { op: (['feed', 'feed', 'ready', 'close'] as const)[r(4)], on: r(3), at }
    return { op: 'within', on, at, then: Array.from({ length: 1 + r(2) }, () => one(depth + 1)) }
  }
  const ops = Array.from({ length: 120 }, () => one(0))
  return { seed, ops: r(6) === 0 ? [...ops, { op: 'crash', on: 0 }] : ops }
}

/** What a query is from a version on. */
interface Set { version: number; params: Params; window: readonly [number, number] | undefined }
/** A query that the engine knows by a number of its page. */
interface Query { readonly shape: Shape; readonly sets: Set[]; params: Params; window: readonly [number, number] | undefined }
interface Followed { readonly live: LiveQuery<any, any>; readonly query: Query; stop: (() => void) | undefined; mirror: any[]; last: number; within: (readonly Op[])[] }
/** A source that a page has connected. */
interface Fed { readonly name: string; session: SyncSession | undefined; readonly connection: Connection; cursor: number; open: boolean }
interface Picture { readonly rows: readonly any[]; readonly was: string; readonly say: string }

/** Who has live queries: a page, or code beside the engine. */
class Place {
  readonly followed: Followed[] = []
  readonly errors: unknown[] = []
  readonly pictures: Picture[] = []
  open = true
  constructor(readonly name: string) {}
}
class Page extends Place {
  db!: WorkerDatabase<typeof schema>
  readonly line = new Line()
  readonly queries = new Map<number, Query>()
  readonly sources: Fed[] = []
  readonly told: number[] = []
  readonly latest: number[] = []
  /** What is on its way to the engine, by the number of its request. */
  readonly asked = new Map<number, readonly any[]>()
  readonly setting = new Map<number, Params>()
  /** What the call at hand registers, applies or sets. */
  registered: Query | undefined
  applies: readonly any[] | undefined
  sets: Params | undefined
  override open = false
}

class World {
  readonly pages: Page[] = []
  readonly state = new State()
  readonly states: { version: number; state: State }[] = []
  room!: WorkerRoom
  engine!: Database<any>
  readonly faults: unknown[] = []
  readonly pending: Promise<unknown>[] = []
  readonly #end: () => void
  compared = 0
  said = 0
  saidLatest = 0
  depth = 0
  readonly inside = new Place('inside')
  /** What the message at hand is to the model. */
  #message: (() => void) | undefined
  #told = 0
  crashed = false

  constructor(readonly seed: number) {
    this.#end = inWorker(room => {
      this.room = room
      this.engine = room.db
      this.note()
      this.engine.subscribe(({ version }) => { this.attempt(() => { expect(version, 'each version is told inside').toBe(++this.#told) }) })
    })
  }

  async begin(): Promise<void> { for (let n = 0; n < 3; n++) await this.enter(n) }

  /** The model at the engine's version. */
  note(): void {
    const { items, notes, kinds, arrived } = this.state
    this.states.push({ version: this.engine.version, state: { items: new Map(items), notes: new Map(notes), kinds: new Map(kinds), arrived: new Map(arrived) } as State })
  }
  at(version: number): State { return this.states.findLast(s => s.version <= version)!.state }

  async enter(n: number): Promise<void> {
    const page = new Page(`page ${n}`)
    page.line.onAsked = message => {
      if (message.t === 'register') page.queries.set(message.query, page.registered!)
      if (message.t === 'commit' || message.t === 'json') page.asked.set(message.id, page.applies!)
      if (message.t === 'params') page.setting.set(message.id, page.sets!)
    }
    let there = false
    const opening = createWorkerDatabase({ schema, graceMs: 0, worker: () => page.line.worker(), ahead: 1 + random(this.seed * 3 + n)(3), onError: e => { page.errors.push(e) } })
    opening.then(() => { there = true }, () => { there = true })
    while (!there) { while (this.up(page) || this.down(page, false)); await turn() }
    page.db = await opening
    page.open = true
    page.db.on('told', ({ n, version }) => { this.attempt(() => { expect(page.db.version, 'told behind its version').toBeGreaterThanOrEqual(version); page.told.push(n) }) })
    page.db.on('latest', ({ n, version }) => { this.attempt(() => { expect(page.db.version, 'told behind its version').toBeGreaterThanOrEqual(version); page.latest.push(n) }) })
    page.told.push(this.said)
    page.latest.push(this.saidLatest)
    this.pages[n] = page
  }

  attempt(run: () => void): void { try { run() } catch (error) { this.faults.push(error) } }

  /** A message reaches the engine. */
  up(page: Page): boolean {
    const message = page.line.up[0]
    if (message === undefined) return false
    const { engine } = this
    const before = engine?.version
    if (message.t === 'unregister') page.queries.delete(message.query)
    const query = page.queries.get(message.query), changes = page.asked.get(message.id)
    this.#message = () => {
      if (changes !== undefined && (message.t === 'commit' || message.t === 'json') && engine.version > before) this.apply(changes)
      if (message.t === 'source') this.#turn(message.source).push({ page, turn: message.turn })
      if (message.t === 'sourced') this.#loaded.add(message.source)
      if (message.t === 'unsource') this.#gone(message.source, t => t.page === page && t.turn === message.turn)
      if (query === undefined) return
      if (message.t === 'params') query.params = { ...query.params, ...page.setting.get(message.id) }
      if (message.t === 'show') query.window = [message.start, message.count]
      if (message.t === 'register' || message.t === 'params' || message.t === 'show') this.set(query)
    }
    page.line.toEngine()
    // Before the database is there.
    if (this.crashed || engine === undefined) return true
    this.settle()
    this.check(this.inside)
    return true
  }

  /** The model takes in the message at hand: before what code beside the engine does when it is told. */
  settle(): void {
    const message = this.#message
    this.#message = undefined
    message?.()
  }
  apply(changes: readonly any[]): void {
    for (const { op, table, id, row, rows, set } of changes) {
      if (table !== 'items') continue
      if (op === 'touch') this.#missed.add(id)
      // With other content; what is as it was says nothing of the rest of the row.
      else if (op === 'update') { const { n } = this.state.items.get(id) ?? set; if (n !== set.n) this.#missed.delete(id) }
      else if (op === 'reset') this.#missed.clear()
      else for (const key of rows?.map((x: any) => x.id) ?? [id ?? row.id]) this.#missed.delete(key)
    }
    this.state.apply(changes.filter(c => c.op !== 'touch'))
    this.note()
  }
  set(query: Query): void { query.sets.push({ version: this.engine.version, params: query.params, window: query.window }) }

  /** Who waits for which source, the first of whom runs it; those that have loaded. */
  readonly #turns = new Map<string, { page: Page; turn: number }[]>()
  readonly #loaded = new Set<string>()
  /** Items that were touched, for which nobody has a row, and that nothing has brought since. All queries read items. */
  readonly #missed = new Set<string>()
  #touches = false
  #turn(name: string): { page: Page; turn: number }[] {
    let turns = this.#turns.get(name)
    if (turns === undefined) this.#turns.set(name, turns = [])
    return turns
  }
  #gone(name: string, which: (turn: { page: Page; turn: number }) => boolean): void {
    const left = this.#turn(name).filter(t => !which(t))
    this.#turns.set(name, left)
    if (left.length === 0) this.#loaded.delete(name)
  }

  /** A message reaches a page. */
  down(page: Page, checks = true): boolean {
    if (page.line.down.length === 0) return false
    page.line.toPage()
    if (checks && page.open) this.attempt(() => { this.check(page) })
    return true
  }

  /** What a query is to show of a version. */
  due(query: Query, version: number): { rows: any[]; total: number } | undefined {
    const set = query.sets.findLast(s => s.version <= version)
    if (set === undefined) return undefined
    const rows = query.shape.rows(this.at(version), set.params)
    if (rows === FAILS) return undefined
    return { rows: set.window === undefined ? rows : rows.slice(set.window[0], set.window[0] + set.window[1]), total: rows.length }
  }

  version(place: Place): number { return place instanceof Page ? place.db.version : this.engine.version }

  check(place: Place, quiet = false): void {
    if (this.crashed) return
    const version = this.version(place)
    for (const { live, query } of place.followed) {
      if (live.status === 'loading' || live.status === 'closed') continue
      const due = this.due(query, version)
      const say = `${place.name}, ${query.shape.name} at ${version}`
      const isMissed = quiet ? this.#missed.size > 0 : this.#touches && live.error?.code === 'FETCH_FAILED'
      expect([live.status, live.error?.code], say).toEqual(due === undefined ? ['error', 'DIVISION_BY_ZERO'] : isMissed ? ['error', 'FETCH_FAILED'] : ['ready', undefined])
      if (due === undefined) continue
      this.compared++
      expect(text(live.rows), say).toBe(text(due.rows))
      expect(live.total, `${say}: total`).toBe(due.total)
    }
    expect(place.errors.filter(e => (e as { code?: string }).code !== 'NO_FETCH_ROW')).toEqual([])
  }

  /** What a page does, if it is there. */
  perform(op: Op): void {
    const page = this.pages[op.on], place = page ?? this.inside
    const pick = (which: (f: Followed) => boolean): Followed | undefined => { const some = place.followed.filter(f => f.live.status !== 'closed' && which(f)); return 'at' in op ? some[op.at % Math.max(1, some.length)] : undefined }
    if (!place.open || this.crashed) return
    switch (op.op) {
      case 'up': for (let n = 0; n < op.n; n++) this.up(page ?? this.pages[0]); return
      case 'down': for (let n = 0; n < op.n; n++) this.down(page ?? this.pages[0]); return
      case 'apply': {
        if (page === undefined) {
          this.#during(() => op.json ? this.engine.applyJson(text(op.changes)) : this.engine.apply(structuredClone(op.changes) as never), () => { this.apply(op.changes) })
          return
        }
        page.applies = op.changes
        this.#applied(page, op.json ? page.db.applyJson(text(op.changes)) : page.db.apply(structuredClone(op.changes) as never))
        return
      }
      case 'touch': {
        this.#touches = true
        const changes = [{ op: 'touch', table: 'items', id: op.id }]
        if (page === undefined) { this.#during(() => this.engine.apply(changes as never), () => { this.apply(changes) }); return }
        page.applies = changes
        this.#applied(page, page.db.apply(changes as never))
        return
      }
      case 'open': {
        const shape = shapes[op.shape]
        const params = shape.params?.(random(op.given)) ?? {}
        const made: Query = { shape, sets: [], params, window: op.window }
        const options = { ...shape.params === undefined ? {} : { params }, ...op.window === undefined ? {} : { window: [...op.window] }, ...op.sliced ? { sliced: true } : {} } as never
        if (page === undefined) this.set(made)
        else page.registered = made
        const db = page?.db ?? this.engine
        const live = db.live(shape.query(db as never), options) as LiveQuery<any, any>
        const query = this.shared.get(live.shared) ?? made
        this.shared.set(live.shared, query)
        const f: Followed = { live, query, stop: undefined, mirror: [], last: -1, within: [] }
        place.followed.push(f)
        if (op.given % 4 > 0) this.listen(place, f)
        return
      }
      case 'set': {
        const f = pick(f => f.query.shape.params !== undefined)
        if (f === undefined) return
        const params = f.query.shape.params!(random(op.given))
        if (page === undefined) { this.#during(() => { f.live.setParams(params) }, () => { f.query.params = params; this.set(f.query) }); return }
        page.sets = params
        const set = f.live.setParams(params) as unknown as Promise<void>
        this.pending.push(set.then(nothing => { expect(nothing).toBe(undefined) }).catch(error => { if (page.open && !this.crashed) this.faults.push(error) }))
        return
      }
      case 'move': {
        const f = pick(f => f.query.window !== undefined)
        if (f === undefined) return
        if (page === undefined) this.#during(() => f.live.window(...op.window), () => { f.query.window = op.window; this.set(f.query) })
        else f.live.window(...op.window)
        return
      }
      case 'end': pick(() => true)?.live.dispose(); return
      case 'listen': {
        const f = pick(() => true)
        if (f === undefined) return
        if (f.stop === undefined) this.listen(place, f)
        else { f.stop(); f.stop = undefined }
        return
      }
      case 'within': pick(f => f.stop !== undefined)?.within.push(op.then); return
      case 'picture': {
        const f = pick(f => f.live.status === 'ready')
        const version = this.version(place), due = f && this.due(f.query, version)
        if (due !== undefined) place.pictures.push({ rows: f!.live.rows, was: text(due.rows), say: `a picture of ${f!.query.shape.name} at ${version}` })
        return
      }
      case 'look': for (const { rows, was, say } of place.pictures.splice(0, 1 + op.at % 3)) expect(text(rows), say).toBe(was); return
      case 'tell': this.room.tell('told', { n: ++this.said, version: this.engine.version }); return
      case 'latest': this.room.tell('latest', { n: ++this.saidLatest, version: this.engine.version }, { latest: true }); return
    }
    if (page === undefined) return
    const fed = 'at' in op ? page.sources.filter(s => s.open)[op.at % Math.max(1, page.sources.filter(s => s.open).length)] : undefined
    switch (op.op) {
      case 'connect': {
        const made: Fed = { name: op.name, session: undefined, cursor: 0, open: true, connection: page.db.connect({ name: op.name, sync: session => {
          this.attempt(() => {
            const running = this.pages.flatMap(p => p.sources).filter(s => s !== made && s.name === op.name && s.open && s.session !== undefined)
            expect(running.length, `${op.name} runs twice`).toBe(0)
            if (!this.crashed) expect(session.cursor, `the cursor of ${op.name}`).toBe(this.engine.cursor(op.name))
          })
          made.session = session
          made.cursor = Number(session.cursor ?? 0)
        } }) }
        page.sources.push(made)
        return
      }
      case 'feed': {
        if (fed?.session === undefined) return
        const { session } = fed, change = { op: 'upsert', table: 'kinds', row: { kind: 'z', title: `${fed.name} ${fed.cursor}` } }
        session.begin()
        session.write(change as never)
        page.applies = [change]
        this.#applied(page, session.commit({ cursor: ++fed.cursor }) as unknown as Promise<Report>)
        return
      }
      case 'ready': fed?.session?.markReady(); return
      case 'close': if (fed !== undefined) { fed.open = false; fed.connection.close() }
    }
  }

  #applied(page: Page, applied: Promise<Report>): void {
    this.pending.push(applied.then(report => {
      expect(page.db.version, 'applied, but not shown').toBeGreaterThanOrEqual(report.version)
      expect(report.replayed).toBe(false)
    }).catch(error => { if (page.open && !this.crashed) this.faults.push(error) }))
  }

  /** Code beside the engine does something: what it is told of then is of the version after. */
  #during(run: () => unknown, then: () => void): void {
    this.#message = then
    run()
    this.settle()
  }
  readonly shared = new WeakMap<object, Query>()

  listen(place: Place, f: Followed): void {
    const { live, query } = f
    f.mirror = [...live.rows]
    f.last = this.version(place)
    f.stop = live.subscribe(({ rows, diff, version, batch }) => {
      // Told that it is closed, or has crashed.
      if (!place.open || this.crashed) return
      if (place === this.inside) this.settle()
      this.attempt(() => {
        const say = `${place.name}, ${query.shape.name}, told of ${version}`
        expect(live.status, say).not.toBe('closed')
        const due = this.due(query, version)
        if ((live.status === 'ready' || live.error?.code === 'FETCH_FAILED') && this.version(place) === version && due !== undefined) expect(text(rows), say).toBe(text(due.rows))
        if (batch === undefined) {
          expect(diff.length, say).toBe(0)
          f.mirror = [...rows]
        } else {
          expect(version, `${say}: twice`).toBeGreaterThan(f.last)
          f.last = version
          f.mirror = applyPatches(f.mirror, diff as Patch<any>[], row => row.id ?? row.kind)
          expect(text(f.mirror), `${say}: patches`).toBe(text(rows))
        }
      })
      if (this.depth < 3) for (const then of f.within.splice(0)) for (const op of then) { this.depth++; this.attempt(() => { this.perform(op) }); this.depth-- }
    })
  }

  async leave(n: number, said: boolean): Promise<void> {
    const page = this.pages[n]
    const shown = page.followed.filter(f => f.live.status === 'ready').map(f => [f, text(f.live.rows)] as const)
    page.open = false
    for (const source of page.sources) source.open = false
    page.db.close()
    if (!said) page.line.cut()
    for (const [f, rows] of shown) expect([f.live.status, text(f.live.rows)], `closed: ${f.query.shape.name}`).toEqual(['closed', rows])
    for (const { rows, was, say } of page.pictures) expect(text(rows), `${say}, closed`).toBe(was)
    while (this.up(page));
    for (const name of [...this.#turns.keys()]) this.#gone(name, t => t.page === page)
  }

  async quiet(): Promise<void> {
    for (let idle = 0; idle < 3;) {
      let any = false
      for (const page of this.pages) { while (this.up(page)) any = true; while (this.down(page)) any = true }
      await (idle === 0 ? turn() : tick(1))
      idle = any || [...this.pages, this.inside].some(p => p.open && p.followed.some(f => f.live.status === 'loading')) ? 0 : idle + 1
      if (this.faults.length > 0) return
    }
    await Promise.all(this.pending.splice(0))
    for (const page of this.pages) {
      if (!page.open) continue
      expect(page.db.version).toBe(this.engine.version)
      this.check(page, true)
      expect(page.told, 'told, each in its order').toEqual(page.told.map((_, i) => page.told[0] + i))
      expect(page.latest, 'the latest in order').toEqual([...page.latest].sort((a, b) => a - b))
      expect([page.told.at(-1), page.latest.at(-1)], 'told to all').toEqual([this.said, this.saidLatest])
      for (const { name, connection, open } of page.sources) if (open && this.#loaded.has(name)) expect(connection.status, `${name} has loaded`).toBe('ready')
    }
    for (const [name, [first]] of this.#turns) if (first !== undefined) expect(first.page.sources.some(s => s.open && s.name === name && s.session !== undefined), `${name} runs`).toBe(true)
    this.check(this.inside, true)
  }

  async step(op: Op): Promise<void> {
    if (op.op === 'wait') await tick(2)
    else if (op.op === 'quiet') await this.quiet()
    else if (op.op === 'leave' || op.op === 'cut') { const on = op.on % 3; await this.leave(on, op.op === 'leave'); await this.enter(on) }
    else if (op.op === 'crash') await this.crash()
    else {
      this.perform(op)
      this.check(this.inside)
    }
    await turn()
    if (this.faults.length > 0) throw this.faults[0]
  }

  /** The engine crashes: what is on its way may come, then all is in error, and shows what it showed. */
  async crash(): Promise<void> {
    const open = (place: Place): Followed[] => place.followed.filter(f => f.live.status !== 'closed')
    this.crashed = true;
    (this.engine as any).inside.port.failure(new WebAssembly.RuntimeError('unreachable'))
    const shown = new Map<Followed, string>()
    await eventually(() => {
      for (const page of this.pages) {
        while (this.up(page));
        for (const f of open(page)) if (f.live.status === 'ready' || f.live.error?.code === 'FETCH_FAILED') shown.set(f, text(f.live.rows))
        this.down(page)
      }
      return this.pages.every(p => p.line.up.length + p.line.down.length === 0 && open(p).every(f => f.live.status === 'error'))
    })
    for (const f of [...this.pages, this.inside].flatMap(open)) expect([f.live.status, f.live.error?.code], f.query.shape.name).toEqual(['error', 'ENGINE_CRASHED'])
    for (const page of this.pages) for (const f of open(page)) if (shown.has(f)) expect(text(f.live.rows), `after the crash: ${f.query.shape.name}`).toBe(shown.get(f))
  }

  async shut(): Promise<void> {
    this.#end()
    for (const page of this.pages) {
      page.open = false
      page.db.close()
    }
    await eventually(() => {
      for (const page of this.pages) { while (this.up(page)); while (page.line.toPage() !== undefined); }
      return this.pages.every(p => !p.line.open)
    })
  }
}

async function run({ seed, ops }: Program): Promise<Outcome> {
  const world = new World(seed)
  let at = -1
  try {
    await world.begin()
    for (const op of ops) { at++; await world.step(op) }
    if (!world.crashed) await world.quiet()
    if (world.faults.length > 0) throw world.faults[0]
    return { error: undefined, compared: world.compared, at }
  } catch (error) { return { error, compared: world.compared, at } } finally { await world.shut() }
}

describe('pages on one engine, whose messages take their time', () => {
  it(`show what a model says of their version, ${RUNS} programs from ${FIRST}`, async () => {
    expect(await runPrograms(FIRST, RUNS, { program: generated, run })).toBeGreaterThan(RUNS * 20)
  }, 120_000 + RUNS * 2000)
})
