// Database values of DataScript's API in any order: old ones that are asked again after others, values made of values, connections made of
// old values, listeners that transact: beside DataScript. HERITAGE_RUNS and HERITAGE_SEED choose how
// many programs, and from where; what fails is printed as the shortest program found.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { createDatabase } from '../../../pkg/index.inline.js'
import { load } from '../../../pkg/datascript/index.js'
import { type Outcome, runPrograms } from '../real/random-programs.js'
import { random } from '../real/support.js'
import { type Pick, any } from './random-datalog.js'
import { SCHEMA as DECLARED, generated } from './random-datalog.js'

const datascript = createRequire(import.meta.url)('datascript') as Record<string, (...args: any[]) => any>
const RUNS = Number(process.env.HERITAGE_RUNS ?? 15), FIRST = Number(process.env.HERITAGE_SEED ?? 1)
const d = await load(createDatabase as never) as any
const SCHEMA = { ...DECLARED, part: { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many', ':db/isComponent': true } }
const NAMES = ['Ada', 'Bob', 'Cid'], AKA = ['x', 'y', 'z'], EMAILS = ['a', 'b', 'c'], ENTITIES = 6

type Op =
  | { readonly op: 'transact' | 'with'; readonly at: number; readonly tx: readonly unknown[]; readonly inside?: readonly unknown[] }
  | { readonly op: 'connect' | 'entity' | 'datoms' | 'init'; readonly at: number; readonly e: number }
  | { readonly op: 'pull'; readonly at: number; readonly e: number; readonly pattern: string }
  | { readonly op: 'ask'; readonly at: number; readonly query: string; readonly inputs: readonly unknown[] }
interface Program { readonly seed: number; readonly ops: readonly Op[] }

function transaction(pick: Pick): unknown[] {
  const e = (): number => 1 + pick(ENTITIES)
  const value = (a: string): unknown => a === 'name' ? any(pick, NAMES) : a === 'age' ? pick(6) : a === 'aka' ? any(pick, AKA) : a === 'note' ? `n${pick(3)}` : e()
  return Array.from({ length: 1 + pick(4) }, () => {
    const a = any(pick, ['name', 'age', 'aka', 'friend', 'boss', 'part', 'note'])
    switch (pick(10)) {
      case 0: case 1: return [':db/retract', e(), a, value(a)]
      case 2: return [':db.fn/retractEntity', e()]
      case 3: return { ':db/id': e(), aka: [any(pick, AKA), any(pick, AKA)], friend: [e()] }
      case 4: return { email: any(pick, EMAILS), age: pick(6) }
      case 5: return { ':db/id': -1, name: any(pick, NAMES) }
      default: return [':db/add', e(), a, value(a)]
    }
  })
}

const PULLS = ['[*]', '["name" "age" {"friend" ["name"]}]', '[{"_friend" ["name" :db/id]}]', '["name" {"boss" ...}]']
function program(seed: number): Program {
  const pick = random(seed)
  return {
    seed, ops: Array.from({ length: 30 }, (): Op => {
      const at = pick(1000), e = 1 + pick(ENTITIES + 2)
      switch (pick(12)) {
        case 0: case 1: case 2: case 3: return { op: 'transact', at, tx: transaction(pick), ...(pick(4) === 0 ? { inside: transaction(pick) } : {}) }
        case 4: case 5: return { op: 'with', at, tx: transaction(pick) }
        case 6: return { op: pick(4) === 0 ? 'init' : 'connect', at, e }
        case 7: return { op: 'entity', at, e }
        case 8: return { op: 'datoms', at, e }
        case 9: return { op: 'pull', at, e, pattern: any(pick, PULLS) }
        default: { let c = generated(pick(100_000)); while (c.rules !== undefined) c = generated(pick(100_000)); return { op: 'ask', at, query: c.query, inputs: c.inputs } }
      }
    }),
  }
}

const tree = (v: unknown): unknown => Array.isArray(v) ? v.map(tree).sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  : typeof v === 'object' && v !== null ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, tree(x)] as const).sort(([a], [b]) => a < b ? -1 : 1)) : v
/** Facts; a fact that goes and comes back in one transaction has its former transaction here, and the new one there. */
const listed = (datoms: any[]): string[] => datoms.map(x => JSON.stringify([x.e, x.a, x.v])).sort()
const dated = (datoms: any[]): string[] => datoms.map(x => JSON.stringify([x.e, x.a, x.v, x.tx])).sort()
/** What a transaction did, net: of DataScript, whose log says some things twice, by the values before and behind it. */
function net(api: any, report: any): string[] {
  if (api === d) return report.tx_data.map((x: any) => `${x.added ? '+' : '-'} ${listed([x])[0]}`).sort()
  const [before, after] = [report.db_before, report.db_after].map(db => listed(api.datoms(db, ':eavt')))
  return [...before.filter(x => !after.includes(x)).map(x => `- ${x}`), ...after.filter(x => !before.includes(x)).map(x => `+ ${x}`)].sort()
}
const told = (api: any, report: any): unknown => ({ tx: net(api, report), tempids: Object.entries(report.tempids).filter(([k]) => k !== ':db/current-tx') })
/** An entity as far as it goes. */
const seen = (api: any, db: any, e: number): unknown => {
  const entity = api.entity(db, e)
  if (entity === null || entity === undefined) return null
  // Where it refers to somebody of whom nothing is said, DataScript has null.
  const id = (x: any): unknown => typeof x !== 'object' || x === null ? x : api.entity(db, x.get(':db/id')) === null ? null : x.get(':db/id')
  const names = (v: any): unknown => v === null || v === undefined ? null : Array.isArray(v) || typeof v?.[Symbol.iterator] === 'function' && typeof v !== 'string' ? [...v].map(id).filter(x => x !== null).sort() : id(v)
  return Object.fromEntries(['name', 'age', 'aka', 'friend', 'boss', '_friend'].map(a => [a, names(entity.get(a))]))
}

class World {
  /** The same value of both. */
  readonly values: { theirs: any; ours: any; facts: string[] }[] = []
  readonly conns: { theirs: any; ours: any }[] = []
  compared = 0

  constructor() {
    const [theirs, ours] = [datascript.create_conn(SCHEMA), d.create_conn(SCHEMA)]
    // New entities have the numbers behind this one.
    const begin = [[':db/add', 20, 'name', 'Ada']]
    datascript.transact(theirs, begin)
    d.transact(ours, begin)
    this.connect(theirs, ours)
  }
  connect(theirs: any, ours: any): void {
    this.conns.push({ theirs, ours })
    this.keep(datascript.db(theirs), d.db(ours))
  }
  keep(theirs: any, ours: any): void {
    const facts = d.datoms(ours, ':eavt')
    expect(listed(facts)).toEqual(listed(datascript.datoms(theirs, ':eavt')))
    this.values.push({ theirs, ours, facts: dated(facts) })
  }

  both(what: string, theirs: () => unknown, ours: () => unknown): void {
    const attempt = (fn: () => unknown): { value?: unknown; refused?: string } => { try { return { value: fn() } } catch (e) { return { refused: String((e as Error).message) } } }
    const [a, b] = [attempt(theirs), attempt(ours)]
    // It reads entities that refer to nobody with an error, and takes what somebody is to lose for what he is to have.
    if (a.refused !== undefined && (what === 'entity' || /AutoTempid/.test(a.refused))) return
    expect('refused' in b ? `refused: ${b.refused}` : '', what).toBe('refused' in a ? expect.stringContaining('refused') as never : '')
    this.compared++
    expect(b.value, what).toEqual(a.value)
  }

  step(op: Op): void {
    const v = this.values[op.at % this.values.length], conn = this.conns[op.at % this.conns.length]
    switch (op.op) {
      case 'transact': {
        const reports: { theirs: unknown[]; ours: unknown[] } = { theirs: [], ours: [] }
        const follow = (api: any, c: any, into: unknown[]): unknown => {
          let isOpen = op.inside !== undefined
          const key = api.listen(c, (report: any) => {
            into.push(told(api, report))
            if (!isOpen) return
            isOpen = false
            try { api.transact(c, op.inside) } catch { into.push('refused') }
          })
          return () => { api.unlisten(c, key) }
        }
        const stops = [follow(datascript, conn.theirs, reports.theirs), follow(d, conn.ours, reports.ours)] as (() => void)[]
        try { this.both('report', () => told(datascript, datascript.transact(conn.theirs, op.tx)), () => told(d, d.transact(conn.ours, op.tx))) } finally { for (const stop of stops) stop() }
        expect(reports.ours, 'listeners').toEqual(reports.theirs)
        this.keep(datascript.db(conn.theirs), d.db(conn.ours))
        break
      }
      case 'with': {
        let next: { theirs?: any; ours?: any } = {}
        this.both('value', () => { next.theirs = datascript.db_with(v.theirs, op.tx); return listed(datascript.datoms(next.theirs, ':eavt')) }, () => { next.ours = d.db_with(v.ours, op.tx); return listed(d.datoms(next.ours, ':eavt')) })
        if (next.theirs !== undefined && next.ours !== undefined) this.keep(next.theirs, next.ours)
        break
      }
      case 'connect': this.connect(datascript.conn_from_db(v.theirs), d.conn_from_db(v.ours)); break
      case 'init': {
        const plain = datascript.datoms(v.theirs, ':eavt').map((x: any) => [x.e, x.a, x.v, x.tx])
        this.keep(datascript.init_db(plain.map((x: any[]) => datascript.datom?.(...x) ?? { e: x[0], a: x[1], v: x[2], tx: x[3] }), SCHEMA), d.init_db(plain, SCHEMA))
        break
      }
      case 'entity': this.both('entity', () => seen(datascript, v.theirs, op.e), () => seen(d, v.ours, op.e)); break
      case 'datoms': this.both('datoms', () => listed(datascript.datoms(v.theirs, ':eavt', op.e)), () => listed(d.datoms(v.ours, ':eavt', op.e))); break
      case 'pull': this.both(op.pattern, () => tree(datascript.pull(v.theirs, op.pattern, op.e)), () => tree(d.pull(v.ours, op.pattern, op.e))); break
      case 'ask': {
        let wanted: unknown
        try { wanted = tree(datascript.q(op.query, v.theirs, ...op.inputs)) } catch { return }
        let got: unknown
        try { got = tree(d.q(op.query, v.ours, ...op.inputs)) } catch (e) { if (/^DATALOG_(TYPE|INPUT)/.test((e as any).code ?? '')) return; throw e }
        this.compared++
        expect(got, op.query).toEqual(wanted)
        break
      }
    }
    // What was there is there.
    const old = this.values[(op.at * 7) % this.values.length]
    expect(dated(d.datoms(old.ours, ':eavt')), 'an old value').toEqual(old.facts)
  }
  close(): void { for (const c of this.conns) c.ours.store.close() }
}

function run({ ops }: Program): Outcome {
  const world = new World()
  let at = -1
  try {
    for (const op of ops) { at++; world.step(op) }
    return { error: undefined, at, compared: world.compared }
  } catch (error) { return { error, at, compared: world.compared } } finally { world.close() }
}

it(`values of the past are what they were, ${RUNS} programs from ${FIRST}`, async () => {
  expect(await runPrograms(FIRST, RUNS, { program, run })).toBeGreaterThan(RUNS * 10)
}, 180_000 + RUNS * 1000)
