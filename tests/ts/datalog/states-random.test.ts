// Random programs of states: facts are transacted and read from a source, saved, put back (older ones too, into other databases), circuits are
// loaded from configurations over what was saved and what the storage keeps, given other inputs, dropped and forgotten, over restarts: beside
// a model of facts, positions and definitions. HERITAGE_RUNS and HERITAGE_SEED choose how many programs, and from where; what fails is
// printed as the shortest program found.
import { expect, it } from 'vitest'
import { EddylineError, createDatabase, defineSchema } from '../../../pkg/index.inline.js'
import { type Datalog, type DatalogView, datalog, facts } from '../../../pkg/datalog/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { type Outcome, runPrograms } from '../real/random-programs.js'
import { random } from '../real/support.js'

const RUNS = Number(process.env.HERITAGE_RUNS ?? 60), FIRST = Number(process.env.HERITAGE_SEED ?? 1)
const SCHEMA = defineSchema(facts({ n: 'int', tags: { type: 'string', many: true }, ref: 'ref' }))
const TX0 = 0x20000000, KNOWN = 6, LOG = 60
const TAGS = ['a', 'b', 'c']

type Fact = readonly ['+' | '-', number, 'n' | 'tags' | 'ref', any]
type Op =
  | { readonly op: 'tx'; readonly facts: readonly Fact[]; readonly made: number; readonly gone: number | undefined; readonly fails: boolean }
  | { readonly op: 'sync'; readonly most: number; readonly chunk: number }
  | { readonly op: 'save' | 'resume' | 'restart' | 'verify' }
  | { readonly op: 'restore'; readonly at: number; readonly breaks: boolean }
  | { readonly op: 'load'; readonly at: number | undefined; readonly circuits: readonly (readonly [name: number, variant: number, input: number])[]; readonly rebuild: boolean }
  | { readonly op: 'set'; readonly at: number; readonly input: number }
  | { readonly op: 'drop'; readonly at: number; readonly forget: boolean }
interface Program { readonly seed: number; readonly ops: readonly Op[] }

function generated(seed: number): Program {
  const r = random(seed)
  const fact = (): Fact => { const a = (['n', 'tags', 'ref'] as const)[r(3)]; return [r(4) === 0 ? '-' : '+', 1 + r(KNOWN), a, a === 'n' ? r(5) : a === 'tags' ? TAGS[r(3)] : 1 + r(KNOWN)] }
  const one = (): Op => {
    const at = r(100)
    switch (r(16)) {
      case 0: case 1: case 2: case 3: return { op: 'tx', facts: [...new Map(Array.from({ length: 1 + r(4) }, fact).map(f => [`${f[1]} ${f[2]} ${f[2] === 'tags' ? f[3] : ''}`, f])).values()], made: r(3), gone: r(5) === 0 ? 1 + r(KNOWN + 3) : undefined, fails: r(8) === 0 }
      case 4: return { op: 'sync', most: r(LOG), chunk: 1 + r(9) }
      case 5: case 6: return { op: 'save' }
      case 7: case 8: return { op: 'restore', at, breaks: r(6) === 0 }
      case 9: case 10: case 11: return { op: 'load', at: r(2) === 0 ? undefined : at, circuits: [...new Map(Array.from({ length: r(4) }, () => [r(3), r(4) === 0 ? 1 : 0, r(5)] as const).map(c => [c[0], c])).values()], rebuild: r(3) === 0 }
      case 12: return { op: 'set', at, input: r(5) }
      case 13: return { op: 'drop', at, forget: r(2) === 0 }
      case 14: return { op: r(2) === 0 ? 'resume' : 'verify' }
      default: return { op: 'restart' }
    }
  }
  return { seed, ops: Array.from({ length: 30 }, one) }
}

interface Entity { n?: number; tags: Set<string>; ref?: number }
/** Facts and positions, which a state has. */
class Facts {
  entities = new Map<number, Entity>()
  positions: Record<string, number> = {}
  /** The largest number that an entity has had. */
  most = 0
  copy(): Facts {
    const out = new Facts()
    for (const [e, { tags, ...rest }] of this.entities) out.entities.set(e, { ...rest, tags: new Set(tags) })
    out.positions = { ...this.positions }
    out.most = this.most
    return out
  }
  apply([sign, e, a, v]: Fact): void {
    let entity = this.entities.get(e)
    if (entity === undefined) this.entities.set(e, entity = { tags: new Set() })
    if (sign === '+') {
      this.most = Math.max(this.most, e, a === 'ref' ? v : 0)
      if (a === 'tags') entity.tags.add(v)
      else entity[a] = v
    } else if (a === 'tags') entity.tags.delete(v)
    else if (entity[a] === v) delete entity[a]
  }
  get last(): number { return Math.max(-1, ...Object.values(this.positions)) }
  all(): unknown[] {
    return [...this.entities].flatMap(([e, { n, tags, ref }]) => [...n === undefined ? [] : [[e, 'n', n]], ...[...tags].map(t => [e, 'tags', t]), ...ref === undefined ? [] : [[e, 'ref', ref]]])
  }
}

/** Three circuits in two variants each. */
const CIRCUITS: readonly (readonly { query: string; in?: (input: number) => Record<string, unknown>; rows(f: Facts, input: number): unknown[] }[])[] = [
  [{ query: '[:find ?e ?n :in ?min :where [?e :n ?n] [(>= ?n ?min)]]', in: i => ({ '?min': i }), rows: (f, i) => [...f.entities].flatMap(([e, { n }]) => n !== undefined && n >= i ? [[e, n]] : []) },
    { query: '[:find ?e ?n :in ?min :where [?e :n ?n] [(> ?n ?min)]]', in: i => ({ '?min': i }), rows: (f, i) => [...f.entities].flatMap(([e, { n }]) => n !== undefined && n > i ? [[e, n]] : []) }],
  [{ query: '[:find ?t (count ?e) :where [?e :tags ?t]]', rows: f => TAGS.flatMap(t => { const n = [...f.entities.values()].filter(e => e.tags.has(t)).length; return n === 0 ? [] : [[t, n]] }) },
    { query: '[:find ?e ?t :where [?e :tags ?t]]', rows: f => [...f.entities].flatMap(([e, { tags }]) => [...tags].map(t => [e, t])) }],
  [{ query: '[:find ?a ?b :in [?a ...] :where [?a :ref ?b]]', in: i => ({ '[?a ...]': [1, 1 + i, 2 + i] }), rows: (f, i) => [...new Set([1, 1 + i, 2 + i])].flatMap(a => f.entities.get(a)?.ref === undefined ? [] : [[a, f.entities.get(a)!.ref]]) },
    { query: '[:find ?b ?a :in [?a ...] :where [?a :ref ?b]]', in: i => ({ '[?a ...]': [1, 1 + i, 2 + i] }), rows: (f, i) => [...new Set([1, 1 + i, 2 + i])].flatMap(a => f.entities.get(a)?.ref === undefined ? [] : [[f.entities.get(a)!.ref, a]]) }],
]
interface Circuit { readonly variant: number; readonly input: number }
const sorted = (rows: readonly unknown[]): string[] => rows.map(x => JSON.stringify(x)).sort()
const code = (run: () => void): string | undefined => { try { run(); return undefined } catch (error) { if (!(error instanceof EddylineError)) throw error; return error.code } }

class World {
  readonly folder = new MemoryFolder()
  readonly isDurable: boolean
  readonly log: readonly (readonly [number, string, any, number, boolean])[]
  readonly saved: { state: any; facts: Facts; circuits: Map<string, Circuit> }[] = []
  data!: Datalog
  leave!: () => Promise<void>
  facts = new Facts()
  readonly views = new Map<string, Circuit>()
  readonly kept = new Map<string, Circuit>()
  /** What listeners make of the answers. */
  readonly mirrors = new Map<DatalogView, Set<string>>()
  compared = 0

  constructor(seed: number) {
    const r = random(seed + 3)
    this.isDurable = r(2) === 0
    this.log = Array.from({ length: LOG * 2 }, (_, i) => [1 + r(KNOWN), 'tags', TAGS[r(3)], 1 + (i >> 1), r(3) > 0] as const)
  }

  async begin(): Promise<void> {
    const db = await createDatabase({ schema: SCHEMA, ...(this.isDurable ? { storage: memory(this.folder, { onWarning: e => { throw e } }) } : {}) })
    this.data = datalog(db)
    this.leave = async () => { this.data.close(); if (this.isDurable) await db.flush(); const { durability } = db; db.close(); await durability?.closed }
    this.mirrors.clear()
    this.views.clear()
  }

  follow(name: string): void {
    const view = this.data.views.get(name)!
    const mirror = new Set(sorted(view.get() as unknown[]))
    this.mirrors.set(view, mirror)
    view.listen((added: any, removed: any) => { for (const x of sorted(removed)) mirror.delete(x); for (const x of sorted(added)) mirror.add(x) })
  }
  view(at: number): [string, Circuit] | undefined { const all = [...this.views]; return all[at % Math.max(1, all.length)] }

  async step(op: Op): Promise<void> {
    const { data } = this
    switch (op.op) {
      case 'tx': {
        const made = Array.from({ length: op.made }, (_, i) => ({ ':db/id': -1 - i, n: i }))
        const tx: unknown[] = [...op.facts.map(([sign, e, a, v]) => [sign === '+' ? ':db/add' : ':db/retract', e, a, v]), ...made]
        // An entity goes with what refers to it; nobody is added and taken away at once.
        const gone = op.gone !== undefined && !op.facts.some(f => f[1] === op.gone || f[3] === op.gone) ? op.gone : undefined
        if (gone !== undefined) tx.push([':db/retractEntity', gone])
        if (op.fails) { expect(code(() => { data.transact([...tx, [':db/add', 1, 'n', 'text']] as never) })).toBe('TX_TYPE'); return }
        const next = Math.max(this.facts.last, TX0) + 1, from = this.facts.copy()
        for (const fact of op.facts) from.apply(fact)
        const report = data.transact(tx as never)
        expect(report.tx).toBe(next)
        made.forEach((_, i) => { expect(report.tempids[String(-1 - i)], 'a number that none has had').toBe(from.most + 1 + i) })
        made.forEach((_, i) => { from.apply(['+', from.most + 1, 'n', i]) })
        if (gone !== undefined) { from.entities.delete(gone); for (const e of from.entities.values()) if (e.ref === gone) delete e.ref }
        from.positions.datalog = next
        this.facts = from
        return
      }
      case 'sync': {
        const result = await data.sync({ name: 'log', datoms: (since: number | undefined) => this.log.filter(d => d[3] > (since ?? 0) && d[3] <= op.most) } as never, { chunk: op.chunk })
        const news = this.log.filter(d => d[3] > (this.facts.positions['datalog:log'] ?? 0) && d[3] <= op.most)
        expect(result.datoms).toBe(news.length)
        for (const [e, a, v, tx, added] of news) { this.facts.apply([added ? '+' : '-', e, a as 'tags', v]); this.facts.positions['datalog:log'] = tx }
        return
      }
      case 'save': {
        const state = structuredClone(data.save())
        this.saved.push({ state, facts: this.facts.copy(), circuits: new Map(this.views) })
        return
      }
      case 'restore': {
        const saved = this.saved[op.at % Math.max(1, this.saved.length)]
        if (saved === undefined) return
        if (op.breaks) {
          const state = structuredClone(saved.state), tables = Object.keys(state.facts)
          state.facts[tables[op.at % tables.length]].push({ e: 1, v: {} })
          expect(code(() => { data.restore(state) })).toBe('STATE_INVALID')
          return
        }
        data.restore(saved.state)
        this.facts = saved.facts.copy()
        return
      }
      case 'load': {
        const saved = op.at === undefined ? undefined : this.saved[op.at % Math.max(1, this.saved.length)]
        const circuits = Object.fromEntries(op.circuits.map(([name, variant, input]) => { const { query, in: given } = CIRCUITS[name][variant]; return [`c${name}`, { query, ...(given === undefined ? {} : { in: given(input) }) }] }))
        const known = saved?.circuits ?? this.kept
        const chosen = new Map(op.circuits.map(([name, variant, input]) => [`c${name}`, { variant, input }]))
        const changed = [...known].filter(([name, c]) => (chosen.get(name) ?? this.views.get(name))?.variant !== c.variant).map(([name]) => name)
        const due = [...chosen.keys()].some(name => this.views.has(name)) ? 'DUPLICATE_VIEW' : changed.length > 0 && !op.rebuild ? 'DEFINITION_MISMATCH' : undefined
        expect(code(() => { data.load({ circuits }, { ...(saved === undefined ? {} : { state: saved.state }), ...(op.rebuild ? { onMismatch: 'rebuild' } : {}) }) })).toBe(due)
        if (due !== undefined) return
        if (saved !== undefined) this.facts = saved.facts.copy()
        for (const [name, circuit] of chosen) {
          const was = known.get(name), made = was?.variant === circuit.variant ? was : circuit
          this.views.set(name, made)
          if (this.isDurable) this.kept.set(name, made)
          this.follow(name)
        }
        if (saved === undefined) for (const name of changed) if (!this.views.has(name)) this.kept.delete(name)
        return
      }
      case 'resume': {
        const made = data.resume().map(v => v.name)
        expect(made.sort()).toEqual([...this.kept.keys()].filter(name => !this.views.has(name)).sort())
        for (const name of made) { this.views.set(name, this.kept.get(name)!); this.follow(name) }
        return
      }
      case 'set': {
        const found = this.view(op.at)
        if (found === undefined) return
        const [name, { variant }] = found, given = CIRCUITS[Number(name[1])][variant].in?.(op.input)
        if (given === undefined) return
        for (const [input, value] of Object.entries(given)) data.views.get(name)!.setInput(input, value)
        const set = { variant, input: op.input }
        this.views.set(name, set)
        if (this.isDurable) this.kept.set(name, set)
        return
      }
      case 'drop': {
        const found = this.view(op.at)
        if (found === undefined) return
        data.views.get(found[0])!.drop({ forget: op.forget })
        this.views.delete(found[0])
        if (op.forget) this.kept.delete(found[0])
        return
      }
      case 'verify': for (const view of data.views.values()) expect(view.verify().ok).toBe(true); return
      case 'restart':
        await this.leave()
        await this.begin()
        if (!this.isDurable) this.facts = new Facts()
    }
  }

  check(): void {
    const { data, facts: model } = this
    const held = (['n', 'tags', 'ref'] as const).flatMap(a => (data.q(`[:find ?e ?v :where [?e :${a} ?v]]`) as [number, unknown][]).map(([e, v]) => [e, a, v]))
    expect(sorted(held)).toEqual(sorted(model.all()))
    expect(data.lastTx).toBe(model.last < 0 ? TX0 : model.last)
    expect([...data.views.keys()].sort()).toEqual([...this.views.keys()].sort())
    for (const [name, { variant, input }] of this.views) {
      this.compared++
      const view = data.views.get(name)!, circuit = CIRCUITS[Number(name[1])][variant]
      const due = sorted(circuit.rows(model, input))
      expect(sorted(view.get() as unknown[]), name).toEqual(due)
      expect([...this.mirrors.get(view)!].sort(), `${name}, as its listeners have it`).toEqual(due)
      expect(view.inputs, name).toEqual(circuit.in?.(input) ?? {})
    }
    expect([...data.kept].map(([name, { inputs }]) => [name, inputs]).sort()).toEqual([...this.kept].map(([name, { variant, input }]) => [name, CIRCUITS[Number(name[1])][variant].in?.(input) ?? {}]).sort())
    const state = data.save()
    expect([state.entities, state.positions]).toEqual([model.most, Object.fromEntries(Object.entries(model.positions).map(([name, tx]) => [name, String(tx)]))])
  }
}

async function run({ seed, ops }: Program): Promise<Outcome> {
  const world = new World(seed)
  let at = -1
  await world.begin()
  try {
    for (const op of ops) { at++; await world.step(op); world.check() }
    return { error: undefined, compared: world.compared, at }
  } catch (error) { return { error, compared: world.compared, at } } finally { await world.leave().catch(() => {}) }
}

it(`states are what a model of facts, positions and definitions says, ${RUNS} programs from ${FIRST}`, async () => {
  expect(await runPrograms(FIRST, RUNS, { program: generated, run, about: seed => new World(seed).isDurable ? 'stored' : 'not stored' })).toBeGreaterThan(RUNS * 10)
}, 120_000 + RUNS * 500)
