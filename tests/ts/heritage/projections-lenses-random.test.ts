// Projections within lenses of every operator, over numbers, texts, moments and nulls, that overlap as they please: functions run here, later,
// out of turn or in workers, which may be lost, over a database of the page, over one that is stored and restarts, and inside of a worker, where a page moves its
// windows meanwhile and sees the tables. What a function makes of a row does not depend on others, and keeps what lenses look at: so a table
// has, within each lens that is followed, what the function makes of its inputs there, and elsewhere what was there before.
// HERITAGE_RUNS and HERITAGE_SEED choose how many programs, and from where; what fails is printed as the shortest program found.
import { describe, expect, it } from 'vitest'
import { type Database, add, createDatabase, defineSchema, from, gt, int, mul, string, table, timestamp } from '../../../pkg/index.inline.js'
import { type Engine, type Projection, type Projections, type Workers, projection, projections, serve, workers } from '../../../pkg/project/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { inWorker } from '../../../pkg/worker/inside.js'
import { type Outcome, runPrograms } from '../real/random-programs.js'
import { eventually, random } from '../real/support.js'

const RUNS = Number(process.env.HERITAGE_RUNS ?? 20), FIRST = Number(process.env.HERITAGE_SEED ?? 1)
const COUNT = 6
const columns = () => table({ id: int().key(), g: int(), s: string().nullable(), at: timestamp().nullable(), v: int() })
const schema: any = defineSchema(Object.fromEntries(['t0', 't1', ...Array.from({ length: COUNT }, (_, i) => `p${i}`)].map(n => [n, columns()])))

/** Moments are numbers in programs, which are printed. */
interface R { id: number; g: number; s: string | null; at: number | null; v: number }
type Filter = readonly [field: 'g' | 's' | 'at', op: string, value: any]
type LensOf = readonly Filter[]
interface Spec { name: string; kind: 'virtual' | 'view' | 'derive'; op: 'filter' | 'map' | 'merge'; inputs: string[]; isAsync: boolean }
type Op =
  | { readonly op: 'apply'; readonly rows: readonly (R | number)[]; readonly table: 't0' | 't1' }
  | { readonly op: 'project'; readonly at: number; readonly lens: LensOf; readonly live: boolean }
  | { readonly op: 'release'; readonly at: number }
  | { readonly op: 'restart' }
  | { readonly op: 'lose'; readonly at: number }
  | { readonly op: 'move'; readonly at: number; readonly window: readonly [number, number] }
  | { readonly op: 'hurry'; readonly then: readonly Op[]; readonly gaps: readonly number[] }
interface Program { readonly seed: number; readonly ops: readonly Op[] }

const DAY = Date.UTC(2024, 1, 28)
const moment = (n: number | null): Date | null => n === null ? null : new Date(DAY + n * 43_200_000 + n % 2)
const real = ({ at, ...row }: R): object => ({ ...row, at: moment(at) })

function lensOf(r: (n: number) => number): LensOf {
  const one = (): Filter => {
    const field = (['g', 's', 'at', 'g'] as const)[r(4)]
    const value = (nulls = true): any => field === 'g' ? r(4) : nulls && r(6) === 0 ? null : field === 's' ? ['', 'a', 'b', 'B'][r(4)] : r(5)
    const op = ['=', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'between', 'not between', 'is', 'is not'][r(12)]
    if (op === 'in' || op === 'not in') return [field, op, Array.from({ length: r(4) }, () => value(r(3) === 0))]
    if (op.endsWith('between')) return [field, op, [value(false), value(false)]]
    return op.startsWith('is') && field !== 'g' ? [field, op, null] : [field, op === 'is' ? '=' : op === 'is not' ? '!=' : op, value(op === '=')]
  }
  const filters = [one(), ...(r(3) === 0 ? [one()] : [])]
  return filters.filter((f, i) => filters.findIndex(g => g[0] === f[0] && g[1] === f[1]) === i)
}
const asFilters = (l: LensOf): any => {
  const out: any = {}
  for (const [field, op, value] of l) (out[field] ??= {})[op] = field === 'at' ? (Array.isArray(value) ? value.map(moment) : moment(value)) : value
  return out
}

/** As SQL has it: what is compared with null is not true. */
function holds([field, op, value]: Filter, row: R): boolean {
  const x: any = row[field]
  if (op === 'is' || (op === '=' && value === null)) return x === value
  if (op === 'is not') return x !== value
  if (op === 'not in' && value.length === 0) return true
  if (x === null) return false
  switch (op) {
    case '=': return x === value
    case '!=': return value !== null && x !== value
    case '<': return x < value
    case '<=': return x <= value
    case '>': return x > value
    case '>=': return x >= value
    case 'in': return value.includes(x)
    case 'not in': return !value.includes(null) && !value.includes(x)
    case 'between': return x >= value[0] && x <= value[1]
    default: return x < value[0] || x > value[1]
  }
}
const within = (l: LensOf) => (row: R): boolean => l.every(f => holds(f, row))

function made(op: Spec['op'], [a, b]: any[][]): any[] {
  switch (op) {
    case 'filter': return a.filter(r => r.v > 1)
    case 'map': return a.map(r => ({ ...r, v: r.v * 2 + 1 }))
    case 'merge': return [...a.map(r => ({ ...r, id: r.id * 2 })), ...(b ?? a).map(r => ({ ...r, id: r.id * 2 + 1 }))]
  }
}
function query(op: Spec['op'], [a, b]: any[]): any {
  const of = (s: any): any => from(s)
  switch (op) {
    case 'filter': return of(a).where((r: any) => gt(r.v, 1))
    case 'map': return of(a).select((r: any) => ({ id: r.id, g: r.g, s: r.s, at: r.at, v: add(mul(r.v, 2), 1) }))
    case 'merge': return of(a).select((r: any) => ({ id: mul(r.id, 2), g: r.g, s: r.s, at: r.at, v: r.v })).unionAll(of(b ?? a).select((r: any) => ({ id: add(mul(r.id, 2), 1), g: r.g, s: r.s, at: r.at, v: r.v })))
  }
}

function specs(r: (n: number) => number): Spec[] {
  const out: Spec[] = []
  for (let i = 0; i < COUNT; i++) {
    const kind = (['virtual', 'view', 'derive', 'derive', 'derive'] as const)[r(5)], op = (['filter', 'map', 'merge'] as const)[r(3)]
    const known = ['t0', 't1', ...out.map(s => s.name)], pick = (): string => known[Math.max(0, known.length - 1 - r(4))]
    const inputs = [pick()]
    if (op === 'merge') { const other = pick(); if (other !== inputs[0]) inputs.push(other) }
    out.push({ name: `p${i}`, kind, op, inputs, isAsync: r(3) === 0 })
  }
  return out
}

function generated(seed: number): Program {
  const r = random(seed)
  const row = (): R | number => r(4) === 0 ? r(8) : { id: r(8), g: r(4), s: r(4) === 0 ? null : ['', 'a', 'b', 'B'][r(4)], at: r(4) === 0 ? null : r(5), v: r(5) }
  const one = (depth: number): Op => {
    const p = r(depth > 0 ? 11 : 17)
    if (p < 4) return { op: 'apply', table: r(3) === 0 ? 't1' : 't0', rows: [...new Map(Array.from({ length: 1 + r(4) }, row).map(x => [typeof x === 'number' ? x : x.id, x])).values()] }
    if (p < 7) return { op: 'project', at: r(100), lens: lensOf(r), live: r(5) > 0 }
    if (p < 8) return { op: 'release', at: r(100) }
    if (p < 10) return { op: 'move', at: r(100), window: [r(4), r(6)] }
    if (p < 11) return { op: 'lose', at: r(100) }
    if (p < 12) return { op: 'restart' }
    const then = Array.from({ length: 2 + r(3) }, () => one(depth + 1))
    return { op: 'hurry', then, gaps: then.map(() => r(12)) }
  }
  return { seed, ops: Array.from({ length: 24 }, () => one(0)) }
}

/** Jobs wait in a queue, and are done in the order that pleases. */
const lazy = (): Engine => ({ exec: job => ({ job }), fetch: async ({ job }) => { for (let i = job.projection.name.charCodeAt(1) % 4; i > 0; i--) await null; return job.run() } })
interface Unit { readonly name: string; readonly lens: LensOf }
const sorted = (rows: Iterable<any>): any[] => [...rows].map(({ id, g, s, at, v }) => ({ id, g, s, at: at instanceof Date ? at.getTime() : at === null ? null : moment(at)!.getTime(), v })).sort((a, b) => a.id - b.id)

class World {
  readonly all: Spec[]
  readonly defined = new Map<string, Projection<any, string, any>>()
  readonly base = { t0: new Map<number, R>(), t1: new Map<number, R>() }
  readonly tables = new Map<string, Map<number, R>>()
  readonly units = new Map<string, Unit>()
  readonly folder = new MemoryFolder()
  readonly kind: 'page' | 'stored' | 'worker'
  readonly errors: unknown[] = []
  readonly ports: MessagePort[] = []
  readonly shown: { name: string; window: readonly [number, number]; live: any }[] = []
  readonly #engine: number
  engine!: 'inline' | 'microtask' | Engine
  db!: Database<any>
  far: WorkerDatabase<any> | undefined
  p!: Projections
  pending: Promise<unknown>[] = []
  compared = 0
  /** A worker was lost: what it was at has failed. */
  lost = false
  /** Several things at a time: rows that nobody follows are those of some moment. */
  loose = false

  constructor(readonly seed: number) {
    const r = random(seed + 11)
    this.all = specs(r)
    this.kind = (['page', 'stored', 'stored', 'worker', 'worker'] as const)[r(5)]
    this.#engine = r(6)
    for (const { name, kind, op, inputs, isAsync } of this.all) {
      if (kind !== 'virtual') this.tables.set(name, new Map())
      const given = inputs.map(i => this.defined.get(i) ?? i) as any
      const work = (lists: any[][], { tx, lens }: any): void => { tx.dematerialize(lens); tx.materialize(made(op, lists)) }
      const derive = isAsync
        ? async (run: any) => { const lists: any[][] = []; for (const i of inputs) { const list: any[] = []; for await (const chunk of run.inputs[i].chunks(3)) list.push(...chunk); lists.push(list) } work(lists, run) }
        : (run: any) => { work(inputs.map(i => run.inputs[i].toArray()), run) }
      this.defined.set(name, projection(schema, name, kind === 'virtual' ? { inputs: given, output: (_: any, s: any) => query(op, inputs.map(i => s[i])) } as any
        : kind === 'view' ? { inputs: given, view: (_: any, s: any) => query(op, inputs.map(i => s[i])) } as any : { inputs: given, derive } as any))
    }
  }

  /** Workers of this thread: what goes to them goes as to others. */
  #pool(): Workers {
    return workers(() => {
      const { port1, port2 } = new MessageChannel()
      this.ports.push(port1, port2)
      serve(this.all.filter(s => s.kind === 'derive').map(s => this.defined.get(s.name)!), port2 as never)
      return port1 as never
    }, { size: 1 + this.seed % 3 })
  }

  async begin(): Promise<void> {
    if (this.kind === 'worker') {
      const end = inWorker(({ db }) => { this.db = db })
      this.far = await createWorkerDatabase({ schema, worker: 'inline', ahead: 1 + this.seed % 3, onError: e => { this.errors.push(e) } })
      end()
      for (const { name, kind } of this.all) if (kind !== 'virtual') this.shown.push({ name, window: [0, 3], live: this.far.live((this.far.query as any)[name].orderBy('id'), { window: [0, 3] }) })
    } else this.db = await createDatabase({ schema, ...(this.kind === 'stored' ? { storage: memory(this.folder, { onWarning: () => {} }) } : {}), onError: e => { this.errors.push(e) } })
    this.engine = this.#engine < 3 ? (['inline', 'microtask', lazy()] as const)[this.#engine] : this.#pool()
    this.p = projections(this.db, { engine: this.engine, measure: false, onError: e => { this.errors.push(e) } })
    this.p.register(...this.defined.values())
  }

  spec(at: number): Spec { return this.all[at % this.all.length] }
  rows(name: string): any[] { const live = this.db.live<any>((this.db.query as any)[name]); try { return sorted(live.rows) } finally { live.dispose() } }
  values(): Map<string, R[]> {
    const out = new Map<string, R[]>([['t0', [...this.base.t0.values()]], ['t1', [...this.base.t1.values()]]])
    for (const s of this.all) out.set(s.name, s.kind === 'derive' ? [...this.tables.get(s.name)!.values()] : made(s.op, s.inputs.map(i => out.get(i)!)))
    return out
  }
  functions(name: string, out = new Set<string>()): Set<string> {
    const s = this.all.find(x => x.name === name)
    if (s?.kind === 'derive') out.add(name)
    for (const i of s?.inputs ?? []) this.functions(i, out)
    return out
  }
  /** A function runs within a lens. */
  ran(s: Spec, l: LensOf): void {
    const rows = this.tables.get(s.name)!, values = this.values()
    for (const [id, row] of rows) if (within(l)(row)) rows.delete(id)
    for (const row of made(s.op, s.inputs.map(i => values.get(i)!.filter(within(l))))) rows.set(row.id, row)
  }
  settle(): void {
    for (const s of this.all) if (s.kind === 'derive') for (const u of this.units.values()) if (this.functions(u.name).has(s.name)) this.ran(s, u.lens)
  }

  perform(op: Op): () => void {
    switch (op.op) {
      case 'apply': {
        const changes = op.rows.map(x => typeof x === 'number' ? { op: 'delete', table: op.table, id: x } : { op: 'upsert', table: op.table, row: real(x) })
        if (this.far === undefined) this.db.apply(changes as never)
        else this.pending.push(this.far.apply(changes as never))
        return () => { for (const x of op.rows) if (typeof x === 'number') this.base[op.table].delete(x); else this.base[op.table].set(x.id, x) }
      }
      case 'project': {
        const { name } = this.spec(op.at)
        let result: any
        this.pending.push(this.p.project(name, asFilters(op.lens), { live: op.live }).then((x: any) => { result = x }, (error: any) => { if (!this.lost || error.code !== 'DERIVE_FAILED') throw error }))
        return () => {
          if (result === undefined) return
          for (const s of this.all) if (s.kind === 'derive' && this.functions(name).has(s.name)) this.ran(s, op.lens)
          if (op.live) this.units.set(`${name} ${JSON.stringify(op.lens)}`, { name, lens: op.lens })
          if (!this.loose && !this.lost) expect(sorted(result.rows), `what projecting ${name} gave`).toEqual(sorted((this.tables.get(name) !== undefined && this.all.find(s => s.name === name)!.kind === 'derive' ? [...this.tables.get(name)!.values()] : this.values().get(name)!).filter(within(op.lens))))
        }
      }
      case 'release': {
        const all = [...this.units], chosen = all[op.at % Math.max(1, all.length)]
        if (chosen === undefined) return () => {}
        const [, unit] = chosen
        this.p.release(unit.name, asFilters(unit.lens))
        const { key } = new Lenses(unit.lens)
        return () => { for (const [k, u] of this.units) if (u.name === unit.name && new Lenses(u.lens).key === key) this.units.delete(k) }
      }
      case 'lose': {
        // Every other port is a worker's.
        const port = this.ports[op.at % Math.max(1, this.ports.length) & ~1]
        if (port === undefined) return () => {}
        this.lost = true
        port.dispatchEvent(new Event('error'))
        return () => {}
      }
      case 'move': {
        const shown = this.shown[op.at % Math.max(1, this.shown.length)]
        if (shown !== undefined) { shown.window = op.window; shown.live.window(...op.window) }
        return () => {}
      }
      default: throw new Error(op.op)
    }
  }

  async quiet(): Promise<void> {
    for (let n = 0; n < 3; n++) {
      await Promise.all(this.pending.splice(0))
      await this.p.idle()
      await this.far?.stats()
    }
  }

  async step(op: Op): Promise<void> {
    let effect = (): void => {}
    this.loose = op.op === 'hurry'
    if (op.op === 'restart') {
      if (this.kind === 'stored') {
        await this.shut()
        await this.begin()
      }
    } else if (op.op === 'hurry') {
      const effects: (() => void)[] = []
      for (const [i, then] of op.then.entries()) {
        effects.push(this.perform(then))
        for (let n = op.gaps[i]; n > 0; n--) await null
      }
      effect = () => { for (const e of effects) e() }
    } else effect = this.perform(op)
    await this.quiet()
    effect()
    if (this.lost) {
      for (const e of this.errors.splice(0)) expect((e as { code?: string }).code).toBe('DERIVE_FAILED')
      // What was not done is done when it is asked for.
      for (const { name, lens } of this.units.values()) await this.p.project(name, asFilters(lens))
      await this.quiet()
      this.loose = true
      if (typeof this.engine === 'object' && 'size' in this.engine) expect((this.engine as Workers).size).toBeLessThanOrEqual(1 + this.seed % 3)
    }
    await this.check()
    this.lost = false
  }

  async check(): Promise<void> {
    expect(this.errors).toEqual([])
    // Of rows that nobody follows those of any moment may have stayed.
    if (this.loose) for (const s of this.all) {
      if (s.kind !== 'derive') continue
      const live = [...this.units.values()].filter(u => this.functions(u.name).has(s.name)).map(u => within(u.lens))
      const actual = this.rows(s.name).map((x: any) => ({ ...x, at: [null, 0, 1, 2, 3, 4].find(n => (moment(n)?.getTime() ?? null) === x.at) }) as R)
      this.tables.set(s.name, new Map(actual.filter(row => !live.some(l => l(row))).map(row => [row.id, row])))
      for (const u of this.units.values()) if (this.functions(u.name).has(s.name)) this.ran(s, u.lens)
    }
    this.settle()
    const values = this.values()
    for (const s of this.all) {
      if (s.kind === 'virtual') continue
      this.compared++
      const due = sorted(s.kind === 'derive' ? this.tables.get(s.name)!.values() : values.get(s.name)!)
      expect(this.rows(s.name), `${s.name} ${s.kind} ${s.op}(${s.inputs})`).toEqual(due)
      const shown = this.shown.find(x => x.name === s.name)
      if (shown === undefined) continue
      await eventually(() => shown.live.status === 'ready')
      expect([shown.live.total, sorted(shown.live.rows)], `what the page sees of ${s.name}`).toEqual([due.length, due.slice(shown.window[0], shown.window[0] + shown.window[1])])
    }
  }

  async shut(): Promise<void> {
    if (this.kind === 'stored') await this.db.flush()
    const { durability } = this.db
    this.p.dispose()
    if (typeof this.engine === 'object' && 'close' in this.engine) (this.engine as Workers).close()
    for (const port of this.ports.splice(0)) port.close()
    if (this.far === undefined) this.db.close()
    else this.far.close()
    await durability?.closed
  }
}

/** Equal lenses are one. */
class Lenses { readonly key: string; constructor(l: LensOf) { this.key = JSON.stringify(l.map(([f, op, v]) => [f, op, Array.isArray(v) && op.endsWith('in') ? [...new Set(v)].sort() : v]).map(x => JSON.stringify(x)).sort()) } }

async function run({ seed, ops }: Program): Promise<Outcome> {
  const world = new World(seed)
  let at = -1
  await world.begin()
  try {
    for (const op of ops) { at++; await world.step(op) }
    return { error: undefined, compared: world.compared, at }
  } catch (error) { return { error, compared: world.compared, at } } finally { await world.shut().catch(() => {}) }
}

function about(seed: number): string {
  const world = new World(seed)
  return `${world.kind}: ${world.all.map(s => `${s.name} ${s.kind} ${s.op}(${s.inputs})${s.isAsync ? ' async' : ''}`).join('; ')}`
}

describe('projections within lenses of every kind', () => {
  it(`are what a model of rows says, ${RUNS} programs from ${FIRST}`, async () => {
    expect(await runPrograms(FIRST, RUNS, { program: generated, run, about })).toBeGreaterThan(RUNS * 30)
  }, 180_000 + RUNS * 1000)
})
