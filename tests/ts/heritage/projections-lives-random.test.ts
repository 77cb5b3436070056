// What an application does with projections in any order: it pauses and resumes them, releases lenses, follows some for a while,
// writes inside of listeners, throws there, ends projections and makes them again, restarts with functions of another version, for
// two tenants at once. After each step the tables are what a model says that knows lists and lenses only.
// HERITAGE_RUNS and HERITAGE_SEED choose how many programs, and from where; what fails is printed as the shortest program found.
import { describe, expect, it } from 'vitest'
import { type Database, type LiveQuery, applyPatches } from '../../../pkg/index.inline.js'
import { type Engine, type Lens, type Projections, lens, projections } from '../../../pkg/project/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { type Outcome, runPrograms } from '../real/random-programs.js'
import { random } from '../real/support.js'
import { Model, clashes } from './projections-model.js'
import { POISON, type R, type Spec, chained, definitions, open, schema, sorted, specs, tenanted } from './projections-world.js'

const RUNS = Number(process.env.HERITAGE_RUNS ?? 30), FIRST = Number(process.env.HERITAGE_SEED ?? 1)

type Change = readonly [table: 0 | 1, id: number, g: number, v: number | null | undefined]
type Op = { readonly of: number } & (
  | { readonly op: 'apply'; readonly batches: readonly (readonly Change[])[]; readonly fails?: boolean }
  | { readonly op: 'project'; readonly at: number; readonly g: number; readonly live: boolean; readonly reduced: boolean; readonly inline: boolean }
  | { readonly op: 'release'; readonly at: number; readonly g: number | undefined }
  | { readonly op: 'pause' | 'resume'; readonly at: number }
  | { readonly op: 'open'; readonly at: number; readonly g: number | undefined; readonly stored: boolean }
  | { readonly op: 'close' | 'mirror' | 'throw' | 'renew'; readonly at: number }
  | { readonly op: 'restart'; readonly at: number; readonly upgrade: boolean; readonly meanwhile: readonly Change[] }
  | { readonly op: 'inside'; readonly at: number; readonly then: readonly Op[] }
  | { readonly op: 'hurry'; readonly then: readonly Op[]; readonly gaps: readonly number[] })
interface Program { readonly seed: number; readonly ops: readonly Op[] }

/** Ids that random changes have nothing to do with: what makes a listener act, and what the mirror writes. */
const BELL = 30, MIRROR = 31

function generated(seed: number): Program {
  const r = random(seed)
  const change = (): Change => {
    const v = r(4) === 0 ? undefined : [null, 1, 2, 3, 4, POISON][r(40) === 0 ? 5 : r(5)]
    return [r(2) as 0 | 1, r(6), r(3), v]
  }
  const changes = () => Array.from({ length: 1 + r(4) }, change)
  const one = (depth: number): Op => {
    const of = r(2), at = r(100), g = r(3)
    switch (r(depth > 0 ? 14 : 22)) {
      case 0: case 1: case 2: return { op: 'apply', of, batches: Array.from({ length: r(3) === 0 ? 1 + r(3) : 1 }, changes), ...(r(8) === 0 ? { fails: true } : {}) }
      case 3: case 4: case 5: case 6: return { op: 'project', of, at, g, live: r(5) > 0, reduced: r(6) === 0, inline: r(6) === 0 }
      case 7: return { op: 'release', of, at, g: r(3) === 0 ? undefined : g }
      case 8: return { op: 'pause', of, at }
      case 9: return { op: 'resume', of, at }
      case 10: return { op: 'open', of, at, g: r(2) ? undefined : g, stored: r(2) === 0 }
      case 11: return { op: 'close', of, at }
      case 12: return { op: r(2) ? 'mirror' : 'throw', of, at }
      case 13: return { op: 'renew', of, at }
      case 14: return { op: 'restart', of, at, upgrade: r(3) === 0, meanwhile: r(2) ? changes() : [] }
      case 15: case 16: case 17: case 18: { const then = Array.from({ length: 2 + r(3) }, () => one(depth + 1)); return { op: 'hurry', of, then, gaps: then.map(() => r(12)) } }
      default: return { op: 'inside', of, at, then: Array.from({ length: 1 + r(2) }, () => one(depth + 1)) }
    }
  }
  return { seed, ops: Array.from({ length: 30 }, () => one(0)) }
}

class Mine extends Error {}
/** Jobs wait in a queue, and are done in the order that pleases. */
const lazy = (): Engine => ({ exec: job => ({ job }), fetch: async ({ job }) => { for (let i = job.projection.name.charCodeAt(1) % 4; i > 0; i--) await null; return job.run() } })
const reducer = ({ value }: any, rows: any): any => Array.isArray(rows) ? rows.filter((r: R) => r.g === value) : rows.where('g', '=', value)
const lensOf = (g: number, reduced: boolean): Lens => reduced ? lens({ g }, reducer) : lens({ g })

interface Held { readonly live: LiveQuery<any>; readonly name: string; readonly g: number | undefined; readonly stored: boolean; shown: readonly any[] }

class Side {
  p!: Projections
  readonly model: Model
  readonly held: Held[] = []
  readonly errors: unknown[] = []
  mirrors: (() => void) | undefined
  throws: (() => void) | undefined
  constructor(readonly tenant: string | undefined, all: readonly Spec[]) { this.model = new Model(all) }
}

class World {
  all: Spec[]
  readonly sides: Side[]
  readonly folder = new MemoryFolder()
  readonly engine: 'inline' | 'microtask' | Engine
  readonly schema: any
  readonly isDurable: boolean
  version = 1
  db!: Database<any>
  /** Somebody may have seen what was only for a moment: rows that nobody keeps up are those of some moment. */
  loose = false
  poisoned = false
  pending: Promise<unknown>[] = []
  faults: unknown[] = []
  compared = 0

  constructor(readonly seed: number) {
    const r = random(seed + 7)
    this.all = (r(3) === 0 ? chained : specs)(r)
    // Views whose rows may have one key: in error then, and what is made of them waits.
    if (r(3) === 0) this.all = this.all.map(s => s.kind === 'view' && r(3) === 0 ? { ...s, op: 'clash', inputs: s.inputs.slice(0, 1) } : s)
    this.engine = ['inline', 'microtask', lazy()][r(3)] as any
    const two = r(3) === 0
    this.isDurable = r(3) > 0
    this.schema = two ? tenanted : schema
    this.sides = (two ? ['a', 'b'] : [undefined]).map(t => new Side(t, this.all))
  }

  async begin(): Promise<void> { this.db = await open(this.isDurable ? memory(this.folder, { onWarning: () => {} }) : undefined, this.schema) }
  register(): void {
    for (const s of this.sides) {
      s.p = projections(this.db, { engine: this.engine, measure: false, ...(s.tenant === undefined ? {} : { tenant: s.tenant }), onError: e => { s.errors.push(e) } })
      s.p.register(...definitions(this.all, POISON, [], this.schema, () => ({ version: String(this.version), autoRebuild: true })).values())
    }
  }
  of(s: Side): { tenant?: string } { return s.tenant === undefined ? {} : { tenant: s.tenant } }
  rows(s: Side, name: string): R[] {
    const live = this.db.live<any>((this.db.query as any)[name], this.of(s))
    try { return sorted(live.rows as R[]) } finally { live.dispose() }
  }

  write(s: Side, changes: readonly Change[], fails = false): void {
    const out: object[] = changes.map(([t, id, g, v]) => ({ ...(v === undefined ? { op: 'delete', id } : { op: 'upsert', row: { id, g, v } }), table: `t${t}`, ...this.of(s) }))
    if (fails) {
      expect(() => { this.db.apply([...out, { op: 'upsert', table: 't1', row: { id: 1, g: 1, v: 'one' }, ...this.of(s) }] as never) }).toThrow()
      return
    }
    if (changes.some(c => c[3] === POISON)) this.poisoned = true
    this.db.apply(out as never)
  }
  /** The same of the model. */
  written(s: Side, changes: readonly Change[]): void {
    for (const [t, id, g, v] of changes) {
      if (v === undefined) s.model.base[t].delete(id)
      else s.model.base[t].set(id, { id, g, v })
    }
  }
  get mayClash(): boolean { return this.all.some(s => s.op === 'clash') }
  named(at: number): Spec { return this.all[at % this.all.length] }
  stored(at: number): Spec | undefined { const list = this.all.filter(s => s.kind === 'view' || s.kind === 'derive'); return list[at % Math.max(1, list.length)] }

  /** Does it; what is to be done to the model when all is quiet. */
  perform(op: Op): () => void {
    const side = this.sides[op.of % this.sides.length], { model } = side
    switch (op.op) {
      case 'apply': {
        if (op.batches.length > 1) this.loose = true
        for (const b of op.batches) this.write(side, b, op.fails)
        return () => { if (op.fails !== true) for (const b of op.batches) this.written(side, b) }
      }
      case 'project': {
        const s = this.named(op.at), l = lensOf(op.g, op.reduced)
        let result: any
        this.pending.push(side.p.project(s.name, l, { live: op.live, ...(op.inline ? { engine: 'inline' as const } : {}) }).then(x => { result = x }, error => { if (!this.poisoned && error.code !== 'CLOSED' && !(this.mayClash && error.code === 'PROJECTION_CONFLICT')) this.faults.push(error) }))
        return () => {
          if (result === undefined) return
          const changed = model.project(s.name, op.g)
          if (op.live) model.units.set(model.unit(s.name, op.g, op.reduced), { name: s.name, g: op.g, reduced: op.reduced })
          if (this.loose || this.poisoned || this.mayClash) return
          expect(sorted(result.rows), `rows of ${s.name}`).toEqual(sorted((model.tables.get(s.name) !== undefined ? [...model.tables.get(s.name)!.values()] : model.values().get(s.name)!).filter(r => r.g === op.g)))
          expect(result.changed, `changed by ${s.name}`).toBe(changed)
        }
      }
      case 'release': {
        const s = this.named(op.at)
        side.p.release(s.name, op.g === undefined ? undefined : { g: op.g })
        return () => { for (const [key, u] of model.units) if (u.name === s.name && (op.g === undefined || (u.g === op.g && !u.reduced))) model.units.delete(key) }
      }
      case 'pause': case 'resume': {
        const s = this.stored(op.at)
        if (s === undefined) return () => {}
        side.p[op.op](s.name)
        return () => { if (op.op === 'pause') model.paused.add(s.name); else model.paused.delete(s.name) }
      }
      case 'open': {
        const s = op.stored ? this.stored(op.at) : this.named(op.at)
        if (s === undefined || s.kind === 'list') return () => {}
        const live = op.stored ? this.db.live<any>((this.db.query as any)[s.name], this.of(side)) : side.p.live<any>(s.name, op.g === undefined ? undefined : { g: op.g })
        const held: Held = { live, name: s.name, g: op.stored ? undefined : op.g, stored: op.stored, shown: live.rows }
        live.subscribe(({ diff, rows }) => {
          try { expect(applyPatches(held.shown as any[], diff)).toEqual([...rows]) } catch (error) { this.faults.push(error) }
          held.shown = rows
        })
        side.held.push(held)
        return () => {}
      }
      case 'close': {
        if (side.held.length > 0) side.held.splice(op.at % side.held.length, 1)[0].live.dispose()
        return () => {}
      }
      case 'mirror': {
        // Writes what a row of one table is into another.
        const was = side.mirrors
        if (was !== undefined) { was(); side.mirrors = undefined; return () => {} }
        const live = this.db.live<any>((this.db.query as any).t0.where('id', '=', 3), this.of(side))
        const copy = (): Change => { const row = live.rows[0]; return [1, MIRROR, row?.g ?? 0, row === undefined ? undefined : row.v] }
        const stop = live.subscribe(() => { this.write(side, [copy()]) })
        this.write(side, [copy()])
        side.mirrors = () => { stop(); live.dispose() }
        return () => {}
      }
      case 'throw': {
        if (side.throws !== undefined) { side.throws(); side.throws = undefined; return () => {} }
        const stops = [this.db.subscribe(() => { throw new Mine('of a listener') })]
        const s = this.stored(op.at)
        if (s !== undefined) {
          const live = this.db.live<any>((this.db.query as any)[s.name], this.of(side))
          stops.push(live.subscribe(() => { throw new Mine('of a listener') }), () => { live.dispose() })
        }
        side.throws = () => { for (const stop of stops) stop() }
        return () => {}
      }
      case 'renew': {
        for (const s of this.sides) { for (const h of s.held.splice(0)) h.live.dispose() }
        for (const s of this.sides) s.p.dispose()
        this.register()
        return () => { this.renewed() }
      }
      case 'inside': {
        this.loose = true
        const live = this.db.live<any>((this.db.query as any).t0.where('id', '=', BELL), this.of(side))
        const effects: (() => void)[] = []
        const stop = live.subscribe(() => {
          stop()
          live.dispose()
          for (const then of op.then) try { effects.push(this.perform(then)) } catch (error) { this.faults.push(error) }
        })
        const bell: Change = [0, BELL, op.at % 3, (live.rows[0]?.v ?? 0) % 5 + 1]
        this.write(side, [bell])
        return () => { this.written(side, [bell]); for (const e of effects) e() }
      }
      default: throw new Error(op.op)
    }
  }

  renewed(): void {
    for (const { model } of this.sides) {
      model.paused.clear()
      for (const [key, u] of model.units) if (u.reduced) model.units.delete(key)
    }
  }

  async restart(op: Op & { op: 'restart' }): Promise<void> {
    await this.shut()
    const side = this.sides[op.of % this.sides.length]
    if (op.meanwhile.length > 0) {
      await this.begin()
      this.write(side, op.meanwhile)
      this.written(side, op.meanwhile)
      await this.shut()
    }
    if (op.upgrade) this.version++
    await this.begin()
    this.register()
    this.renewed()
    // Of another version there is nothing left but what is live.
    if (op.upgrade) for (const { model } of this.sides) for (const s of this.all) if (s.kind === 'derive') { const live = model.live(s.name); for (const [id, row] of model.tables.get(s.name)!) if (!live.has(row.g)) model.tables.get(s.name)!.delete(id) }
  }

  async shut(): Promise<void> {
    for (const s of this.sides) {
      for (const h of s.held.splice(0)) h.live.dispose()
      s.mirrors = s.throws = undefined
    }
    if (this.isDurable) await this.db.flush()
    const { durability } = this.db
    this.db.close()
    await durability?.closed
  }

  async quiet(): Promise<void> {
    await Promise.all(this.pending.splice(0))
    for (const s of this.sides) await s.p.idle()
    for (const s of this.sides) await s.p.idle()
  }

  async step(op: Op): Promise<void> {
    let effect: (() => void) | undefined
    if (op.op === 'restart' && this.isDurable) await this.restart(op)
    else if (op.op === 'restart') effect = this.perform({ op: 'renew', of: 0, at: 0 })
    else if (op.op === 'hurry') {
      this.loose = true
      const effects: (() => void)[] = []
      for (const [i, then] of op.then.entries()) {
        effects.push(this.perform(then))
        for (let n = op.gaps[i]; n > 0; n--) await null
      }
      effect = () => { for (const e of effects) e() }
    } else effect = this.perform(op)
    await this.quiet()
    effect?.()
    this.check()
  }

  /** Whether views are in error, or would be; those that no function has a part in are checked all the same. */
  troubled(s: Side): boolean {
    const { model } = s
    for (const name of model.tables.keys()) model.tables.set(name, new Map(this.rows(s, name).map(r => [r.id, r])))
    if (!model.isTroubled) return false
    const values = model.values()
    for (const { name, kind } of this.all) {
      const fails = kind === 'view' ? model.fails(name, values) : undefined
      if (fails === undefined) continue
      const { status } = s.p.status(name), at = `${s.tenant ?? ''} ${name}`
      // One that is made of a view in error, and has nothing to write, has nothing to wait for.
      if (model.paused.has(name) || !fails || clashes(values.get(name)!)) expect(status, at).toBe(model.paused.has(name) ? 'paused' : fails ? 'error' : 'ready')
      if (status === 'ready') expect(this.rows(s, name), at).toEqual(sorted(values.get(name)!))
    }
    return true
  }

  check(): void {
    for (const s of this.sides) {
      const { model } = s
      const mirrored = this.rows(s, 't1').find(r => r.id === MIRROR), row = model.base[0].get(3)
      if (s.mirrors !== undefined) expect(mirrored).toEqual(row === undefined ? undefined : { ...row, id: MIRROR })
      if (mirrored === undefined) model.base[1].delete(MIRROR)
      else model.base[1].set(MIRROR, mirrored)
    }
    if (this.faults.length > 0) throw this.faults[0]
    const bad = this.sides.some(s => s.model.base.some(t => [...t.values()].some(r => (r.v ?? 0) >= POISON)))
    if (bad) return
    if (this.mayClash && this.sides.map(s => this.troubled(s)).includes(true)) { this.poisoned = true; return }
    for (const s of this.sides) {
      const { model } = s
      model.settle(this.loose || this.poisoned ? name => this.rows(s, name) : undefined)
      const values = model.values()
      for (const spec of this.all) {
        const at = `${s.tenant ?? ''} ${spec.name} ${spec.kind} ${spec.op}(${spec.inputs})`
        if (spec.kind === 'list') continue
        if (spec.kind === 'virtual') {
          expect(s.p.status(spec.name), at).toEqual({ status: 'ready' })
          continue
        }
        expect(this.rows(s, spec.name), at).toEqual(sorted(model.tables.get(spec.name)!.values()))
        const paused = model.paused.has(spec.name), live = model.live(spec.name)
        const status = s.p.status(spec.name)
        // Asked for, a run of what is paused may have failed, and what it was to feed has no cause to run again.
        if (status.status === 'error' && spec.kind === 'derive' && model.paused.size > 0) continue
        expect(status, at).toEqual({ status: paused ? 'paused' : spec.kind === 'view' || live.size > 0 ? 'ready' : 'idle' })
      }
      for (const h of s.held) {
        const rows = h.stored ? model.tables.get(h.name)!.values() : values.get(h.name)!.filter(r => h.g === undefined || r.g === h.g)
        expect(sorted(h.live.rows as R[]), `${s.tenant ?? ''} followed: ${h.name} ${h.g}`).toEqual(sorted(rows))
      }
      if (!this.poisoned) expect(s.errors.filter(e => !this.mayClash || (e as { code?: string }).code !== 'PROJECTION_CONFLICT')).toEqual([])
      s.errors.length = 0
    }
    this.compared++
    this.loose = this.poisoned = false
  }
}

/** What is wrong with a program, if anything. */
async function run({ seed, ops }: Program): Promise<Outcome> {
  const world = new World(seed)
  await world.begin()
  let at = -1
  try {
    world.register()
    for (const op of ops) { at++; await world.step(op) }
    return { error: undefined, compared: world.compared, at }
  } catch (error) { return { error, compared: world.compared, at } } finally { await world.shut().catch(() => {}) }
}

/** The projections of a seed. */
function about(seed: number): string {
  const world = new World(seed)
  return `${typeof world.engine === 'string' ? world.engine : 'lazy'}: ${world.all.map(s => `${s.name} ${s.kind} ${s.op}(${s.inputs})${s.isAsync ? ' async' : ''}`).join('; ')}`
}

describe('projections that an application makes, stops and makes again', () => {
  it(`are what a model of lists and lenses says, ${RUNS} programs from ${FIRST}`, async () => {
    expect(await runPrograms(FIRST, RUNS, { program: generated, run, about })).toBeGreaterThan(RUNS * 12)
  }, 180_000 + RUNS * 1000)
})
