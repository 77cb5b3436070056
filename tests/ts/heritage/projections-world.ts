// Random graphs of projections over two tables, and what they are by definition: recomputed from plain lists, sharing nothing
// with what it judges. All rows are { id, g, v }; a lens is a value of g.
import { type Database, add, createDatabase, defineSchema, eq, from, gt, int, max, mod, mul, sum, table } from '../../../pkg/index.inline.js'
import { type Projection, projection } from '../../../pkg/project/index.js'
import type { StorageOption } from '../../../pkg/storage/index.js'

export interface R { id: number; g: number; v: number | null }
/** `clash`: several rows of a lens may have one key. */
export type Op = 'filter' | 'group' | 'join' | 'map' | 'merge' | 'clash'
export interface Spec { name: string; kind: 'virtual' | 'view' | 'derive' | 'list'; op: Op; inputs: string[]; isAsync: boolean }
export const COUNT = 9
/** Rows with so much make functions fail, and what is made of them has it, too. */
export const POISON = 1e9

const columns = (tenant: boolean) => table({ id: int().key(), g: int(), v: int().nullable() }, { tenant })
const names = ['t0', 't1', ...Array.from({ length: COUNT }, (_, i) => `p${i}`)]
export const schema: any = defineSchema(Object.fromEntries(names.map(n => [n, columns(false)])))
/** The same with tenants. */
export const tenanted: any = defineSchema(Object.fromEntries(names.map(n => [n, columns(true)])))
export const open = (storage?: StorageOption, of = schema): Promise<Database<any>> => createDatabase({ schema: of, ...(storage === undefined ? {} : { storage }), onError: () => {} })

/** What a node is of its inputs. Ids stay unique: each is made of one row of the inputs, or is a group. */
export function apply(op: Op, [a, b]: R[][]): R[] {
  switch (op) {
    case 'filter': return a.filter(r => r.v !== null && r.v > 1)
    case 'map': return a.map(r => ({ id: r.id, g: r.g, v: r.v === null ? null : r.v * 2 + 1 }))
    case 'group': {
      const groups = new Map<number, (number | null)[]>()
      for (const r of a) groups.set(r.g, [...groups.get(r.g) ?? [], r.v])
      return [...groups].map(([g, vs]) => { const some = vs.filter(v => v !== null); return { id: g, g, v: some.length === 0 ? null : some.reduce((x, y) => x + y, 0) + Math.max(...some) } })
    }
    case 'join': return a.flatMap(x => (b ?? a).filter(y => y.id === x.id).map(y => ({ id: x.id, g: x.g, v: x.v === null || y.v === null ? null : x.v + y.v })))
    case 'clash': return a.map(r => ({ ...r, id: r.id % 5 * 3 + r.g }))
    case 'merge': return [...a.map(r => ({ ...r, id: r.id * 2 })), ...(b ?? a).map(r => ({ ...r, id: r.id * 2 + 1 }))]
  }
}

function query(op: Op, inputs: any[]): any {
  const [a, b] = inputs
  const of = (s: any) => from(s) as any
  switch (op) {
    case 'filter': return of(a).where((r: any) => gt(r.v, 1))
    case 'map': return of(a).select((r: any) => ({ id: r.id, g: r.g, v: add(mul(r.v, 2), 1) }))
    case 'clash': return of(a).select((r: any) => ({ id: add(mul(mod(r.id, 5), 3), r.g), g: r.g, v: r.v }))
    case 'group': return of(a).groupBy('g').select((r: any) => ({ id: r.g, g: r.g, v: add(sum(r.v) as any, max(r.v) as any) }))
    case 'join': {
      const left = of(a).as('l'), right = of(b ?? a).as('r')
      return (from(left as any) as any).innerJoin(right, (x: any, y: any) => eq(x.id, y.id)).select(({ l, r }: any) => ({ id: l.id, g: l.g, v: add(l.v, r.v) }))
    }
    case 'merge': return of(a).select((r: any) => ({ id: mul(r.id, 2), g: r.g, v: r.v })).unionAll(of(b ?? a).select((r: any) => ({ id: add(mul(r.id, 2), 1), g: r.g, v: r.v })))
  }
}

/** A list that no table holds. */
export const LIST: R[] = [{ id: 1, g: 0, v: 5 }, { id: 2, g: 1, v: null }, { id: 3, g: 2, v: 1 }]

export function specs(rnd: (n: number) => number): Spec[] {
  const out: Spec[] = []
  for (let i = 0; i < COUNT; i++) {
    const kind = (['virtual', 'view', 'derive', 'derive', 'view', 'list'] as const)[i < 2 ? rnd(5) : rnd(40) === 0 ? 5 : rnd(5)]
    if (kind === 'list') { out.push({ name: `p${i}`, kind, op: 'map', inputs: [], isAsync: rnd(2) === 0 }); continue }
    const op = (['filter', 'group', 'join', 'map', 'merge'] as const)[rnd(5)]
    // Of what comes late rather: deep graphs. Lists are for functions.
    const known = ['t0', 't1', ...out.filter(s => s.kind !== 'list' || kind === 'derive').map(s => s.name)]
    const pick = () => known[Math.max(0, known.length - 1 - rnd(Math.min(known.length, 5)))]
    const inputs = [pick()]
    if (op === 'join' || op === 'merge') { const other = pick(); if (other !== inputs[0]) inputs.push(other) }
    out.push({ name: `p${i}`, kind, op, inputs, isAsync: rnd(3) === 0 })
  }
  return out
}

/** Functions over views of functions, and so on: what one lens writes is read within another. */
export function chained(rnd: (n: number) => number): Spec[] {
  const out: Spec[] = []
  for (let i = 0; i < COUNT; i++) {
    const kind = i % 2 === 0 ? 'derive' : rnd(4) === 0 ? 'virtual' : 'view'
    const op = (['filter', 'group', 'join', 'map', 'merge'] as const)[rnd(5)]
    const inputs = [i === 0 ? 't0' : `p${i - 1}`]
    if (op === 'join' || op === 'merge') { const other = ['t0', 't1', ...out.map(s => s.name)][rnd(i + 2)]; if (other !== inputs[0]) inputs.push(other) }
    out.push({ name: `p${i}`, kind, op, inputs, isAsync: rnd(12) === 0 })
  }
  return out
}

/** The projections of specs. `poison`: rows with this value make functions fail; `more`: further options of functions. */
export function definitions(all: readonly Spec[], poison = POISON, ran: string[] = [], of = schema, more: (name: string) => object = () => ({})): Map<string, Projection<any, string, any>> {
  const made = new Map<string, Projection<any, string, any>>()
  for (const { name, kind, op, inputs, isAsync } of all) {
    const given = inputs.map(i => made.get(i) ?? i) as any
    if (kind === 'list') made.set(name, projection(of, name, { output: isAsync ? (async function *() { yield* LIST }) as any : () => LIST }))
    else if (kind === 'virtual') made.set(name, projection(of, name, { inputs: given, output: (_: any, s: any) => query(op, inputs.map(i => s[i])) } as any))
    else if (kind === 'view') made.set(name, projection(of, name as never, { inputs: given, view: (_: any, s: any) => query(op, inputs.map(i => s[i])) } as any))
    else {
      const work = (lists: R[][], { tx, lens }: any) => {
        ran.push(`${name} ${lens}`)
        if (lists.some(l => l.some(r => r.v !== null && r.v >= poison))) throw new Error('poison')
        tx.dematerialize(lens)
        tx.materialize(apply(op, lists))
      }
      const derive = isAsync
        ? async (run: any) => {
          const lists: R[][] = []
          for (const i of inputs) { const list: R[] = []; for await (const chunk of run.inputs[i].chunks(3)) list.push(...chunk); lists.push(list) }
          work(lists, run)
        }
        : (run: any) => { work(inputs.map(i => run.inputs[i].toArray()), run) }
      made.set(name, projection(of, name as never, { inputs: given, derive, ...more(name) } as any))
    }
  }
  return made
}

/** Rows of every node, given those of the tables and the lenses of each function. */
export function naive(all: readonly Spec[], t0: R[], t1: R[], lenses: ReadonlyMap<string, ReadonlySet<number>>): Map<string, R[]> {
  const value = new Map<string, R[]>([['t0', t0], ['t1', t1]])
  for (const { name, kind, op, inputs } of all) {
    if (kind === 'list') { value.set(name, LIST); continue }
    const given = inputs.map(i => value.get(i)!)
    value.set(name, kind !== 'derive' ? apply(op, given) : [...lenses.get(name) ?? []].flatMap(g => apply(op, given.map(rows => rows.filter(r => r.g === g)))))
  }
  return value
}

/** Functions that a run of a projection runs. */
export function functionsOf(all: readonly Spec[], name: string): Set<string> {
  const out = new Set<string>()
  const walk = (n: string): void => {
    const s = all.find(x => x.name === n)
    if (s === undefined) return
    if (s.kind === 'derive') out.add(n)
    s.inputs.forEach(walk)
  }
  walk(name)
  return out
}

export const sorted = (rows: Iterable<R>): R[] => [...rows].map(({ id, g, v }) => ({ id, g, v })).sort((a, b) => a.id - b.id)
