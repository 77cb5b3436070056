// Random programs of components with live queries, the same in the bindings of all frameworks, beside plain arrays: what is shown at rest, how
// often components looked, and what is left in the database.
import { describe, expect, it, vi } from 'vitest'
import { gte, withParams } from '../../../pkg/index.inline.js'
import { type Binding, type Mounted, type Seen, type Spec, bindings } from './bindings.js'
import { type Outcome, runPrograms } from './random-programs.js'
import { type Db, issue, open, random, tick } from './support.js'

const root = vi.hoisted(() => new URL('../../../node_modules/', import.meta.url).href)
vi.mock('solid-js', () => import(/* @vite-ignore */ `${root}solid-js/dist/solid.js`))
vi.mock('solid-js/web', () => ({ isServer: false }))
vi.mock('svelte', () => import(/* @vite-ignore */ `${root}svelte/src/index-client.js`))
vi.mock('svelte/reactivity', () => import(/* @vite-ignore */ `${root}svelte/src/reactivity/index-client.js`))
vi.mock('svelte/store', () => import(/* @vite-ignore */ `${root}svelte/src/store/index-client.js`))

const FIRST = Number(process.env.BINDINGS_SEED ?? 1), RUNS = Number(process.env.BINDINGS_RUNS ?? 6), STEPS = Number(process.env.BINDINGS_STEPS ?? 80)

interface Issue { id: string; title: string; status: string; priority: number }
interface Asks { shape: number; status: string; least: number; window?: [number, number]; same: boolean }
/** `at`: a component. `give`: one of two databases, the promise of one, or none. */
type Op = { op: 'apply'; db: number; changes: (Issue | string)[]; alone: boolean } | { op: 'ask' | 'mount'; at: number; asks: Asks } | { op: 'unmount'; at: number }
  | { op: 'give'; at: number; db: number | null; promised: boolean } | { op: 'check' }
interface Generated { readonly ops: readonly Op[] }

const WAITS = 3, WRONG = 4
function program(seed: number): Generated {
  const r = random(seed)
  const asks = (shapes: number): Asks => ({ shape: r(shapes), status: ['open', 'done'][r(2)], least: r(5), ...r(3) === 0 ? { window: [r(4), r(5)] as [number, number] } : {}, same: r(2) === 0 })
  const changes = (): (Issue | string)[] => Array.from({ length: 1 + r(3) }, () => {
    const id = `i${r(10)}`
    return r(4) === 0 ? id : { id, title: `T${r(4)}`, status: ['open', 'done'][r(2)], priority: r(5) }
  })
  return {
    ops: Array.from({ length: STEPS }, (): Op => {
      const at = r(3)
      switch (r(10)) {
        case 0: case 1: return { op: 'mount', at, asks: asks(WRONG) }
        case 2: case 3: case 4: return { op: 'ask', at, asks: asks(WRONG + 1) }
        case 5: return r(3) === 0 ? { op: 'unmount', at } : { op: 'give', at, db: r(5) === 0 ? null : r(2), promised: r(3) === 0 }
        case 6: return { op: 'check' }
        default: return { op: 'apply', db: r(2), changes: changes(), alone: r(2) === 0 }
      }
    }),
  }
}

const compare = (a: any, b: any): number => (a === b ? 0 : a < b ? -1 : 1)
const select = (q: any): any => q.select('id', 'title', 'status', 'priority')
function specOf({ shape, status, least, window, same }: Asks, kept: { params: { least: number }; window: [number, number] }): Spec {
  const make = (db: any): unknown => {
    switch (shape) {
      case 0: return select(db.query.issues.where('status', '=', status).orderBy('id'))
      case 1: return withParams({ least: 'int' }, p => select(db.query.issues.where((i: any) => gte(i.priority, p.least)).orderBy('priority').orderBy('id')))
      case WAITS: return least > 2 ? null : false
      case WRONG: return db.query.issues.where('statsu', '=', status)
      default: return select(db.query.issues.orderBy('title').orderBy('id'))
    }
  }
  // Also the same objects with other values in them.
  const params = same ? Object.assign(kept.params, { least }) : { least }
  return { make, ...shape === 1 ? { params } : {}, ...window === undefined ? {} : { window: same ? Object.assign(kept.window, window) : window } }
}
function modelOf(all: Iterable<Issue> | undefined, { shape, status, least, window }: Asks): string {
  if (all === undefined || shape === WAITS) return 'pending []'
  if (shape === WRONG) return 'UNKNOWN_COLUMN'
  const list = shape === 0 ? [...all].filter(i => i.status === status).sort((a, b) => compare(a.id, b.id))
    : shape === 1 ? [...all].filter(i => i.priority >= least).sort((a, b) => a.priority - b.priority || compare(a.id, b.id))
    : [...all].sort((a, b) => compare(a.title, b.title) || compare(a.id, b.id))
  return window === undefined ? text('ready', list) : `${text('ready', list.slice(window[0], window[0] + window[1]))} of ${list.length}`
}
const text = (status: string, rows: readonly any[]): string => `${status} ${JSON.stringify(rows.map(r => [r.id, r.title, r.status, r.priority]))}`
const seenOf = ({ snapshot, thrown }: Seen = {}): string => thrown !== undefined ? thrown.code ?? String(thrown) : snapshot === undefined ? 'nothing' : `${text(snapshot.status, snapshot.rows)}${snapshot.total === undefined ? '' : ` of ${snapshot.total}`}`

interface Part { mounted: Mounted; asks: Asks; db: number | null; kept: { params: { least: number }; window: [number, number] } }

async function run(binding: Binding, { ops }: Generated): Promise<Outcome> {
  const databases: Db[] = (await Promise.all([open({ graceMs: 0 }), open({ graceMs: 0 })])).map(({ db }) => db)
  const tables = [new Map<string, Issue>(), new Map<string, Issue>()]
  const parts = new Map<number, Part>()
  let compared = 0
  const wanted = ({ db, asks }: Part): string => modelOf(db === null ? undefined : tables[db].values(), asks)
  const settle = async (): Promise<void> => { for (const { mounted } of parts.values()) await mounted.settle() }
  const check = async (): Promise<void> => {
    const isRight = ([, part]: [number, Part]): boolean => seenOf(part.mounted.seen.at(-1)) === wanted(part)
    for (let n = 0; n < 400; n++) {
      await settle()
      if ([...parts].every(isRight)) break
      await tick(5)
    }
    for (const [at, part] of parts) expect(`${at} ${seenOf(part.mounted.seen.at(-1))}`).toBe(`${at} ${wanted(part)}`)
    compared += parts.size
  }
  const apply = ({ db, changes }: Op & { op: 'apply' }): void => {
    for (const change of changes) typeof change === 'string' ? tables[db].delete(change) : tables[db].set(change.id, change)
    databases[db].apply(changes.map(change => typeof change === 'string' ? { op: 'delete', table: 'issues', id: change } : { op: 'upsert', table: 'issues', row: issue(change.id, change) }) as never)
  }
  /** A change is news once for who shows it, none for others; rows that are equal are the same objects. */
  const alone = async (op: Op & { op: 'apply' }): Promise<void> => {
    await check()
    const before = new Map([...parts].map(([at, part]) => [at, { shown: wanted(part), looked: part.mounted.seen.length, rows: part.mounted.seen.at(-1)?.snapshot?.rows ?? [] }]))
    apply(op)
    await check()
    for (const [at, part] of parts) {
      const { shown, looked, rows } = before.get(at)!
      expect(`${at} looked ${Math.min(part.mounted.seen.length - looked, 2)} times`).toBe(`${at} looked ${shown === wanted(part) ? 0 : 1} times`)
      const known = new Map(rows.map(row => [row.id, row]))
      for (const row of part.mounted.seen.at(-1)!.snapshot?.rows ?? []) {
        const old = known.get(row.id)
        if (old !== undefined && text('', [old]) === text('', [row])) expect(old).toBe(row)
      }
    }
  }
  const act = async (op: Op): Promise<void> => {
    if (op.op === 'check') return check()
    if (op.op === 'apply') { if (op.alone) await alone(op); else apply(op); return }
    const part = parts.get(op.at)
    if (op.op === 'unmount') {
      part?.mounted.unmount()
      parts.delete(op.at)
    } else if (op.op === 'mount') {
      part?.mounted.unmount()
      const kept: Part['kept'] = { params: { least: 0 }, window: [0, 0] }
      parts.set(op.at, { mounted: await binding.mount(databases[0], specOf(op.asks, kept)), asks: op.asks, db: 0, kept })
    } else if (part !== undefined && op.op === 'ask') {
      part.asks = op.asks
      part.mounted.ask(specOf(op.asks, part.kept))
    } else if (part !== undefined && op.op === 'give') {
      part.db = op.db
      const db = op.db === null ? null : databases[op.db]
      part.mounted.give(op.promised && db !== null ? Promise.resolve(db) : db)
    }
  }
  let at = -1
  try {
    for (const [i, op] of ops.entries()) { at = i; await act(op) }
    await check()
    // As many queries as components ask for, at most.
    const most = [0, 1].map(n => [...parts.values()].filter(({ db, asks }) => db === n && asks.shape < WAITS).length)
    for (let n = 0; n < 400 && databases.some((db, i) => db.stats().views > most[i]); n++) await tick(5)
    expect(databases.map((db, i) => db.stats().views <= most[i])).toEqual([true, true])
    for (const { mounted } of parts.values()) mounted.unmount()
    parts.clear()
    for (let n = 0; n < 400 && databases.some(db => db.stats().views > 0); n++) await tick(5)
    expect(databases.map(db => db.stats().views)).toEqual([0, 0])
    return { error: undefined, at, compared }
  } catch (error) {
    return { error, at, compared }
  } finally {
    for (const { mounted } of parts.values()) mounted.unmount()
    for (const db of databases) db.close()
  }
}

describe('components of each framework show what plain arrays give', () => {
  it.each(bindings.map(binding => ({ name: binding.name, binding })))('$name', async ({ binding }) => {
    expect(await runPrograms(FIRST, RUNS, { program, run: each => run(binding, each as Generated) })).toBeGreaterThan(RUNS * 10)
  })
})
