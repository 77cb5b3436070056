// Watches, counters and futures that begin, end and are armed anew at any moment, inside of callbacks, too, which apply and throw; scopes
// that are disposed of, tenants that are cleared, batches that fail or come again, restarts: beside a model that knows the tables of each
// version. HERITAGE_RUNS and HERITAGE_SEED choose how many programs, and from where; what fails is printed as the shortest program found.
import { describe, expect, it } from 'vitest'
import { type Database, createDatabase } from '../../../pkg/index.inline.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { type Counters, type Rule, type Signal, type SignalKind, type Tenant, type Watch, tenant } from '../../../pkg/watch/index.js'
import { random } from '../fixtures.js'
import { type Outcome, runPrograms } from '../real/random-programs.js'
import { type Fate, type Row, type Rows, type TableName, columns, equal, expected, keyOf, kinds, replay, schema, text } from './watch-world.js'

const RUNS = Number(process.env.HERITAGE_RUNS ?? 70), FIRST = Number(process.env.HERITAGE_SEED ?? 1)
const TENANTS = ['a', 'b'], TABLES = ['items', 'plain'] as const
const zeros = (): Counters => ({ inserts: 0, deletes: 0, collection: 0, updates: 0, changes: 0 })
const sorted = (list: readonly unknown[]): string[] => list.map(text).sort()
class Mine extends Error {}

type Change = Row
interface Asked { readonly table: TableName; readonly kind: SignalKind; readonly how: 'table' | 'by' | 'query' | 'row'; readonly by: Row; readonly least: number; readonly key: any; readonly rule: Rule; readonly only: string[] | undefined; readonly once: boolean; readonly inside: readonly Op[] }
type Op = { readonly of: string } & (
  | { readonly op: 'apply'; readonly changes: readonly Change[]; readonly by: 'scope' | 'db' | 'json' | 'failing' | 'again' }
  | { readonly op: 'watch'; readonly asked: Asked }
  | { readonly op: 'count'; readonly table: TableName; readonly by: Row | undefined; readonly rule: Rule }
  | { readonly op: 'cancel' | 'ready' | 'uncount'; readonly at: number }
  | { readonly op: 'dispose' | 'clear' | 'restart' | 'throw' })
interface Program { readonly seed: number; readonly ops: readonly Op[] }

function program(seed: number): Program {
  const r = random(seed)
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]
  const key = (t: TableName): any => t === 'plain' ? `k${r(4)}` : [pick(['x', 'y']), r(2)]
  const row = (t: TableName, k: any): Row => ({ ...(t === 'plain' ? { id: k } : { shelf: k[0], place: k[1] }), author: pick(['X', 'Y', null]), likes: r(3), note: pick(['', 'n']) })
  const changes = (): Change[] => Array.from({ length: 1 + r(4) }, () => {
    const t = pick(TABLES), k = key(t), p = r(12)
    if (p < 6) return { op: 'upsert', table: t, row: row(t, k) }
    if (p < 8) return { op: 'update', table: t, id: k, set: Object.fromEntries(columns.filter(() => r(2) === 0).map(c => [c, row(t, k)[c]])) }
    if (p < 11) return { op: 'delete', table: t, id: k }
    return { op: 'reset', table: t, rows: [row(t, k)] }
  })
  const by = (t: TableName): Row => {
    const p = r(5), k = key(t)
    return p < 2 ? { author: pick(['X', 'Y', null]) } : p < 4 ? { author: pick(['X', null]), likes: r(3) } : t === 'plain' ? { id: k } : { place: k[1], shelf: k[0] }
  }
  const rule = (): Rule => r(2) ? {} : { upsertAs: pick(['actual', 'insert'] as const), noop: pick(['skip', 'signal'] as const) }
  const one = (depth: number): Op => {
    const of = pick(TENANTS), table = pick(TABLES), at = r(100)
    switch (r(depth > 0 ? 14 : 20)) {
      case 0: case 1: case 2: case 3: return { op: 'apply', of, changes: changes(), by: pick(['scope', 'scope', 'scope', 'db', 'json', 'failing', 'again'] as const) }
      case 4: case 5: case 6: case 7: {
        const kind = pick(kinds)
        return { op: 'watch', of, asked: { table, kind, how: pick(['table', 'by', 'query', 'row'] as const), by: by(table), least: r(3), key: key(table), rule: rule(), only: (kind === 'updates' || kind === 'changes') && r(3) === 0 ? [pick(columns)] : undefined, once: r(4) === 0, inside: depth > 1 || r(2) ? [] : Array.from({ length: 1 + r(2) }, () => one(depth + 1)) } }
      }
      case 8: return { op: 'count', of, table, by: r(2) ? by(table) : undefined, rule: rule() }
      case 9: return { op: 'cancel', of, at }
      case 10: case 11: return { op: 'ready', of, at }
      case 12: return { op: 'throw', of }
      case 13: return r(12) === 0 ? { op: 'dispose', of } : r(4) === 0 ? { op: 'clear', of } : { op: 'count', of, table, by: undefined, rule: rule() }
      case 14: return { op: 'uncount', of, at }
      case 15: return r(4) === 0 ? { op: 'restart', of } : { op: 'apply', of, changes: changes(), by: 'scope' }
      default: return { op: 'apply', of, changes: changes(), by: pick(['scope', 'scope', 'db', 'json'] as const) }
    }
  }
  // Somebody listens from the beginning.
  const listening = TENANTS.flatMap((of): Op[] => TABLES.map(table => ({ op: 'watch', of, asked: { table, kind: pick(['changes', 'collection']), how: 'table', by: {}, least: 0, key: key(table), rule: rule(), only: undefined, once: false, inside: r(2) ? [one(1)] : [] } })))
  return { seed, ops: [...listening, ...Array.from({ length: 40 }, () => one(0))] }
}

interface Made { readonly of: string; readonly fates: ReadonlyMap<TableName, Fate[]>; readonly seen: boolean }
interface Watching { readonly of: string; readonly asked: Asked; readonly watch: Watch; readonly since: number; readonly said: Signal[]; over: boolean; readonly inside: readonly Op[] }
interface Counting { readonly of: string; readonly table: TableName; readonly by: Row | undefined; readonly rule: Rule; since: number; carried: Counters }

const has = (by: Row) => (row: Row): boolean => Object.entries(by).every(([c, v]) => row[c] === v)
const normal = (rule: Rule): Rule => ({ upsertAs: rule.upsertAs ?? 'actual', noop: rule.noop ?? 'skip' })
const keyBy = (t: TableName, key: any): Row => t === 'plain' ? { id: key } : { shelf: key[0], place: key[1] }

class World {
  readonly folder = new MemoryFolder()
  db!: Database<typeof schema>
  readonly errors: unknown[] = []
  readonly faults: unknown[] = []
  readonly tables = new Map<string, Rows>()
  /** What each version did. */
  log = new Map<number, Made>()
  watching: Watching[] = []
  counting: Counting[] = []
  /** How much callbacks may still do. */
  budget = 0
  depth = 0
  throws = false
  cursor = 0
  signals = 0

  async begin(): Promise<void> { this.db = await createDatabase({ schema, graceMs: 0, storage: memory(this.folder, { onWarning: () => {} }), onError: e => { this.errors.push(e) } }) }
  async shut(): Promise<void> {
    await this.db.flush()
    const { durability } = this.db
    this.db.close()
    await durability?.closed
  }
  scope(of: string): Tenant<typeof schema> { return tenant(this.db, of, { keepCounters: true }) }
  rows(of: string, t: TableName): Rows { return this.tables.get(`${of} ${t}`) ?? new Map() }

  /** Notes what the version that comes next will do. */
  note(of: string, changes: readonly Change[], seen: boolean): void {
    const fates = new Map<TableName, Fate[]>()
    for (const t of TABLES) {
      const result = replay(this.rows(of, t), t, changes as Row[])
      this.tables.set(`${of} ${t}`, result.rows)
      fates.set(t, result.fates)
    }
    this.log.set(this.db.version + 1, { of, fates, seen })
  }

  /** What a watch must be told of a version. */
  wanted(w: Watching, made: Made): ReturnType<typeof expected> {
    const { asked } = w
    const fates = made.of === w.of ? made.fates.get(asked.table)! : []
    if (asked.how !== 'query') return expected(fates, asked.how === 'by' ? has(asked.by) : asked.how === 'row' ? has(keyBy(asked.table, asked.key)) : () => true, asked.rule, asked.only, made.seen)
    const inside = (row: Row): boolean => row.likes >= asked.least
    const moved = (f: Fate): boolean => f.before !== undefined && f.after !== undefined && inside(f.before) !== inside(f.after)
    return expected(fates.map(f => !moved(f) ? f : inside(f.before!) ? { ...f, after: undefined } : { ...f, before: undefined }), inside, {}, asked.only, false)
  }

  /** Counters by definition, of the versions up to one. */
  counts(c: Counting, until: number): Counters {
    const out = { ...c.carried }
    for (const [version, made] of this.log) {
      if (version <= c.since || version > until || made.of !== c.of) continue
      const { counts } = expected(made.fates.get(c.table)!, c.by === undefined ? () => true : has(c.by), c.rule, undefined, made.seen)
      for (const kind of kinds) out[kind] += counts[kind]
    }
    return out
  }
  checkCounts(of: string, until: number): void {
    for (const c of this.counting) if (c.of === of) expect(this.scope(of).counters(c.table, { by: c.by as never, ...c.rule }), `counters of ${c.table} ${text(c.by)} at ${until}`).toEqual(this.counts(c, until))
  }

  heard(w: Watching, signal: Signal): void {
    this.signals++
    try {
      expect(w.over && !w.asked.once, 'told after its end').toBe(false)
      w.said.push(signal)
      // Counters are of the version that is told.
      this.checkCounts(w.of, signal.version)
    } catch (error) { this.faults.push(error) }
    if (w.asked.once) w.over = true
    if (this.budget <= 0 || w.inside.length === 0) return
    this.budget--
    for (const op of w.inside) this.perform(op)
    if (this.throws) throw new Mine('of a callback')
  }

  open(of: string, asked: Asked, inside: readonly Op[], make?: (fn: (s: Signal) => void) => Watch): void {
    const w = { of, asked, since: this.db.version, said: [], over: false, inside, watch: undefined as never as Watch }
    const fn = (signal: Signal): void => { this.heard(w, signal) }
    const scope = this.scope(of), { table, kind, how, by, rule, only, once, least, key } = asked
    if (make !== undefined) w.watch = make(fn)
    else if (how === 'query') w.watch = scope.watch((scope.query as any)[table].where('likes', '>=', least), kind, { columns: only, once, label: text(asked) }, fn)
    else if (how === 'row') w.watch = scope.watchRow(table as any, key, { ...rule, columns: only as never, once, label: text(asked) }, fn)
    else w.watch = scope.watch(table, kind, { ...rule, by: (how === 'by' ? by : undefined) as never, columns: only as never, once, label: text(asked) }, fn)
    this.watching.push(w)
  }

  perform(op: Op): void {
    this.depth++
    try { this.act(op) } catch (error) { if (!(error instanceof Mine)) this.faults.push(error) } finally { this.depth-- }
  }

  act(op: Op): void {
    const { of } = op
    switch (op.op) {
      case 'apply': {
        const changes = structuredClone(op.changes) as any[]
        const { version } = this.db
        if (op.by === 'failing') {
          expect(() => { this.scope(of).apply([...changes, { op: 'upsert', table: 'plain', row: { id: 'k1', author: 5, likes: 1, note: '' } }] as never) }).toThrow()
          expect(this.db.version).toBe(version)
        } else if (op.by === 'again') {
          this.cursor++
          const batch = { changes, source: `s${this.cursor}`, cursor: '1' }
          this.note(of, changes, true)
          this.scope(of).apply(structuredClone(batch) as never)
          const now = this.db.version
          expect(this.scope(of).apply(batch as never).replayed).toBe(true)
          expect(this.db.version).toBe(now)
        } else {
          this.note(of, changes, op.by !== 'db')
          if (op.by === 'db') this.db.apply({ changes, tenant: of } as never)
          else if (op.by === 'json') this.scope(of).applyJson(JSON.stringify(changes))
          else this.scope(of).apply(changes)
          expect(this.db.version).toBeGreaterThan(version)
        }
        return
      }
      case 'watch': this.open(of, op.asked.how === 'row' ? { ...op.asked, kind: 'changes' } : op.asked, op.asked.inside); return
      case 'count': {
        if (this.counting.some(c => c.of === of && c.table === op.table && equal(c.by, op.by) && equal(normal(c.rule), normal(op.rule)))) return
        const counts = this.scope(of).counters(op.table, { by: op.by as never, ...op.rule })
        this.counting.push({ of, table: op.table, by: op.by, rule: op.rule, since: this.db.version, carried: { ...counts } })
        return
      }
      case 'cancel': {
        if (this.watching.length === 0) return
        const [w] = this.watching.splice(op.at % this.watching.length, 1)
        w.over = true
        w.watch.cancel()
        // What it was told until then is right, as far as it goes.
        this.checkWatch(w, true)
        return
      }
      case 'ready': {
        const futures = this.watching.filter(w => w.of === of && w.asked.once)
        if (futures.length === 0) return
        const w = futures[op.at % futures.length]
        const [assigns, armed, untouched] = this.scope(of).assignReady(futures.map(f => f.watch), [w.watch.ref, 1e9])
        expect(untouched.length).toBe(futures.length - 1)
        const all = [...this.rows(of, w.asked.table).values()], { asked } = w
        const rows = all.filter(asked.how === 'table' ? () => true : asked.how === 'query' ? row => row.likes >= asked.least : has(asked.how === 'row' ? keyBy(asked.table, asked.key) : asked.by))
        const plain = (v: unknown): unknown => v === null ? null : Object.fromEntries(Object.entries(v as Row).sort(([a], [b]) => a < b ? -1 : 1))
        if (asked.how === 'row') expect(plain(assigns[0][1])).toEqual(rows.length === 0 ? null : plain(rows[0]))
        else expect(sorted((assigns[0][1] as Row[]).map(plain))).toEqual(sorted(rows.map(plain)))
        expect(armed.length).toBe(asked.how === 'row' && rows.length === 0 ? 0 : 1)
        this.watching = this.watching.filter(x => x !== w)
        this.checkWatch(w, true)
        w.over = true
        // The new one tells the function of the old one.
        if (armed.length > 0) { const next: Watching = { ...w, watch: armed[0], since: this.db.version, said: w.said, over: false }; w.said.length = 0; this.watching.push(next); this.#follow(w, next) }
        return
      }
      case 'uncount': {
        if (this.depth > 1) return
        const mine = this.counting.filter(c => c.of === of)
        if (mine.length === 0) return
        const { table, by } = mine[op.at % mine.length]
        this.scope(of).clearCounters(table, { by: by as never })
        for (const c of mine) if (c.table === table && equal(c.by, by)) Object.assign(c, { carried: zeros(), since: this.db.version })
        return
      }
      case 'dispose': {
        this.scope(of).dispose()
        for (const w of this.watching) if (w.of === of) { w.over = true; this.checkWatch(w, true) }
        this.watching = this.watching.filter(w => w.of !== of)
        // What storage has kept is what a new scope goes on from; here nothing is asked of it.
        this.counting = this.counting.filter(c => c.of !== of)
        return
      }
      case 'clear': {
        const changes = TABLES.map(table => ({ op: 'reset', table, rows: [] }))
        this.note(of, changes, true)
        this.scope(of).clear()
        return
      }
      case 'throw': this.throws = !this.throws; return
      default: throw new Error(op.op)
    }
  }

  #follow(from: Watching, to: Watching): void {
    // `heard` was made for the first of them.
    Object.assign(from, { get over() { return to.over }, set over(v: boolean) { to.over = v } })
  }

  /** What a watch was told is what the versions since it began have for it. */
  checkWatch(w: Watching, isPart: boolean): void {
    const all = [...this.log].filter(([version]) => version > w.since).flatMap(([version, made]) => { const e = this.wanted(w, made); return e.counts[w.asked.kind] > 0 ? [{ version, ...e }] : [] })
    const due = w.asked.once ? all.slice(0, 1) : all
    const shown = w.said.map(({ version, counts, keys: k }) => ({ version, counts, inserted: sorted(k.inserted), deleted: sorted(k.deleted), updated: sorted(k.updated) }))
    const wanted = due.map(({ version, counts, inserted, deleted, updated }) => ({ version, counts, inserted: sorted(inserted), deleted: sorted(deleted), updated: sorted(updated) }))
    expect(shown, `${w.asked.how} ${w.asked.kind} of ${w.asked.table} of ${w.of} since ${w.since}`).toEqual(isPart ? wanted.slice(0, shown.length) : wanted)
  }

  async step(op: Op): Promise<void> {
    this.budget = 4
    if (op.op === 'restart') {
      const before = this.counting.map(c => this.counts(c, Infinity))
      await this.shut()
      await this.begin()
      this.log = new Map()
      this.watching = []
      this.counting.forEach((c, i) => { c.carried = before[i]; c.since = this.db.version })
    } else this.perform(op)
    if (this.faults.length > 0) throw this.faults[0]
    for (const e of this.errors.splice(0).flatMap(x => x instanceof AggregateError ? x.errors as unknown[] : [x])) if (!(e instanceof Mine)) throw e
    for (const w of this.watching) this.checkWatch(w, false)
    for (const of of TENANTS) {
      this.checkCounts(of, Infinity)
      const active = this.watching.filter(w => w.of === of && !(w.asked.once && w.said.length > 0))
      expect(this.scope(of).watchCount, `watches of ${of}`).toBe(active.length)
    }
  }
}

async function run({ ops }: Program): Promise<Outcome> {
  const world = new World()
  await world.begin()
  let at = -1
  try {
    for (const op of ops) { at++; await world.step(op) }
    for (const of of TENANTS) world.scope(of).dispose()
    return { error: undefined, at, compared: world.signals }
  } catch (error) { return { error, at, compared: world.signals } } finally { await world.shut().catch(() => {}) }
}

describe('watches and counters that begin and end at any moment', () => {
  it(`tell what each version did, once, ${RUNS} programs from ${FIRST}`, async () => {
    // Of each signal it is looked at who was told.
    expect(await runPrograms(FIRST, RUNS, { program, run })).toBeGreaterThan(RUNS * 15)
  }, 180_000 + RUNS * 1000)
})
