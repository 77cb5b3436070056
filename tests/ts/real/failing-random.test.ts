// Random programs of rows that come, go and change, of which queries of many operators cannot be evaluated. A query is in error while a row
// fails; the row that it names is there and fails; listeners are told when what a query says changes, and then only. In the page, beside
// it in a worker, and of several queries that share what they compute.
import { afterEach, describe, expect, it } from 'vitest'
import {
  type LiveQuery, add, and, count, createDatabase, defineSchema, div, eq, exists, gt, hasMany, inQuery, int, lte, mul, notExists, over, recursive, string, sub, sum, table, withParams,
} from '../../../pkg/index.inline.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { eventually, random } from './support.js'

const seeds = Number(process.env.FAILING_SEED ?? 1), runs = Number(process.env.FAILING_RUNS ?? 24), steps = Number(process.env.FAILING_STEPS ?? 60)
const schema = defineSchema({
  t: table({ id: int().key(), g: int(), o: int(), p: int() }),
  u: table({ x: string().key(), t: int().key(), o: int() }),
  n: table({ id: int().key(), o: int() }, { tenant: true }),
}, { t: { us: hasMany('u', 't') } })
interface T { id: number; g: number; o: number; p: number }
interface U { x: string; t: number; o: number }
class Rows {
  readonly t = new Map<number, T>()
  readonly u = new Map<string, U>()
  readonly n = new Map<string, number>()
  get ts(): T[] { return [...this.t.values()] }
  get us(): U[] { return [...this.u.values()] }
}
const t = (row: T): string => `row ${row.id} of \`t\``
const u = (row: U): string => `row '${row.x}', ${row.t} of \`u\``
const pairs = <A, B>(a: A[], b: B[], fails: (a: A, b: B) => boolean, say: (a: A, b: B) => string): string[] => a.flatMap(x => b.filter(y => fails(x, y)).map(y => say(x, y)))
const zero = (rows: Rows): string[] => rows.ts.filter(r => r.o === 0).map(t)
const zeroU = (rows: Rows): string[] => rows.us.filter(r => r.o === 0).map(u)
const joint = (rows: Rows): string[] => pairs(rows.ts, rows.us, (a, b) => a.id === b.t && a.o + b.o === 0, (a, b) => `${t(a)} with ${u(b)}`)
const meet = (a: any, b: any) => and(eq(a.id, b.t), gt(div(12, add(a.o, b.o)), 2))
const OTHER = 'a row of this query'

interface Shape {
  name: string
  query: (db: any) => any
  /** What may be named: a row, or a pair. */
  fails: (rows: Rows, p: number) => string[]
  /** What goes wrong, if nothing is divided by zero. */
  code?: string
  params?: boolean
  tenant?: string
}
const shapes: Shape[] = [
  { name: 'computed', query: q => q.t.select((r: any) => ({ id: r.id, x: div(12, r.o) })), fails: zero },
  { name: 'computed, first three', query: q => q.t.select((r: any) => ({ id: r.id, x: div(12, r.o) })).orderBy('id').limit(3), fails: zero },
  { name: 'filtered', query: q => q.t.where((r: any) => gt(div(12, r.o), 1)), fails: zero },
  { name: 'counted', query: q => q.t.where((r: any) => gt(div(12, r.o), 1)).select(() => ({ n: count() })), fails: zero },
  { name: 'ordered', query: q => q.t.orderBy((r: any) => div(12, r.o)).orderBy('id'), fails: zero },
  { name: 'summed', query: q => q.t.groupBy('g').select((r: any) => ({ g: r.g, x: sum(div(12, r.o)) })), fails: zero },
  { name: 'of groups', query: q => q.t.groupBy('g').select((r: any) => ({ g: r.g, x: div(12, sum(r.o)) })), fails: ({ ts }) => ts.some(r => ts.filter(s => s.g === r.g).reduce((n, s) => n + s.o, 0) === 0) ? [OTHER] : [] },
  ...[0, 1, 2].map((g): Shape => ({ name: `of group ${g}`, query: q => q.t.where((r: any) => and(eq(r.g, g), gt(div(12, r.o), 1))), fails: ({ ts }) => ts.filter(r => r.g === g && r.o === 0).map(t) })),
  { name: 'windowed', query: q => q.t.select((r: any) => ({ id: r.id, x: over(sum(div(12, r.o)), { partitionBy: r.g, orderBy: r.id }) })), fails: zero },
  {
    name: 'running sums', code: 'NUMERIC_OVERFLOW', query: q => q.t.select((r: any) => ({ id: r.id, x: over(sum(mul(r.o, 2_000_000_000_000_000_000n)), { partitionBy: r.g, orderBy: r.id }) })),
    fails: ({ ts }) => ts.filter(r => Math.abs(ts.filter(s => s.g === r.g && s.id <= r.id).reduce((n, s) => n + s.o, 0)) > 4).map(t),
  },
  ...['innerJoin', 'leftJoin', 'rightJoin', 'fullJoin'].map((kind): Shape => ({ name: kind, query: q => q.t[kind]('u', meet), fails: joint })),
  { name: 'joined to itself', query: q => q.t.innerJoin('t', (a: any, b: any) => and(eq(a.g, b.g), gt(div(12, sub(a.o, b.p)), 2)), 'b').select((r: any) => ({ a: r.t.id, b: r.b.id })), fails: ({ ts }) => pairs(ts, ts, (a, b) => a.g === b.g && a.o === b.p, (a, b) => `${t(a)} with ${t(b)}`) },
  { name: 'joined by a range', query: q => q.t.innerJoin('u', (a: any, b: any) => and(lte(a.p, b.o), gt(div(12, sub(a.o, b.o)), 2))), fails: ({ ts, us }) => pairs(ts, us, (a, b) => a.p <= b.o && a.o === b.o, (a, b) => `${t(a)} with ${u(b)}`) },
  { name: 'quotients of a join', query: q => q.t.innerJoin('u', (a: any, b: any) => eq(a.id, b.t)).select((r: any) => ({ a: r.t.id, x: r.u.x, v: div(12, add(r.t.o, r.u.o)) })), fails: joint },
  { name: 'sum of a join', query: q => q.t.innerJoin('u', (a: any, b: any) => eq(a.id, b.t)).select((r: any) => ({ n: sum(div(12, add(r.t.o, r.u.o))) })), fails: joint },
  // Filtered when it is joined: a row that has no partner is not asked for.
  { name: 'join of filtered', query: q => q.t.where((r: any) => gt(div(12, r.o), 1)).innerJoin('u', (a: any, b: any) => eq(a.id, b.t)), fails: ({ ts, us }) => pairs(ts, us, (a, b) => a.id === b.t && a.o === 0, (a, b) => `${t(a)} with ${u(b)}`) },
  { name: 'that has', query: q => q.t.where((a: any) => exists(q.u.where((b: any) => meet(a, b)))), fails: joint },
  { name: 'that has none', query: q => q.t.where((a: any) => notExists(q.u.where((b: any) => meet(a, b)))), fails: joint },
  { name: 'in', query: q => q.t.where((a: any) => inQuery(a.id, q.u.select((b: any) => ({ v: div(12, b.o) })))), fails: zeroU },
  { name: 'both', query: q => q.t.select((r: any) => ({ v: div(12, r.o) })).union(q.u.select((r: any) => ({ v: div(12, r.o) }))), fails: rows => [...zero(rows), ...zeroU(rows)] },
  { name: 'but not', query: q => q.t.select((r: any) => ({ v: r.o })).except(q.u.select((r: any) => ({ v: div(12, r.o) }))), fails: zeroU },
  { name: 'filtered by a parameter', params: true, query: q => withParams({ p: 'int' }, p => q.t.where((r: any) => gt(div(12, sub(r.o, p.p)), 1))), fails: ({ ts }, p) => ts.filter(r => r.o === p).map(t) },
  { name: 'computed with a parameter', params: true, query: q => withParams({ p: 'int' }, p => q.t.select((r: any) => ({ id: r.id, x: div(12, sub(r.o, p.p)) }))), fails: ({ ts }, p) => ts.filter(r => r.o === p).map(t) },
  { name: 'of a group by a parameter', params: true, query: q => withParams({ p: 'int' }, p => q.t.where((r: any) => and(eq(r.g, p.p), gt(div(12, r.o), 1)))), fails: ({ ts }, p) => ts.filter(r => r.g === p && r.o === 0).map(t) },
  { name: 'nested', query: q => q.t.orderBy('id').with('us', (us: any) => us.where((r: any) => gt(div(12, r.o), 1))), fails: zeroU },
  {
    name: 'reached', query: q => recursive('r', q.t.where('id', '=', 0).select((r: any) => ({ id: r.id, x: div(12, r.o) })), (r: any) => r.innerJoin('t', (a: any, b: any) => eq(a.id, b.p)).select((j: any) => ({ id: j.t.id, x: div(12, j.t.o) }))),
    fails: ({ ts }) => {
      const found = new Set<T>(), bad = new Set<string>()
      const visit = (row: T): void => {
        if (row.o === 0) { bad.add(t(row)); return }
        if (found.has(row)) return
        found.add(row)
        for (const next of ts) if (next.p === row.id) visit(next)
      }
      for (const row of ts) if (row.id === 0) visit(row)
      return [...bad]
    },
  },
  { name: 'nested, first two', query: q => q.t.orderBy('id').with('us', (us: any) => us.orderBy((r: any) => div(12, r.o)).orderBy('x').limit(2)), fails: zeroU },
  { name: 'filtered of a tenant', tenant: 'one', query: q => q.n.where((r: any) => gt(div(12, r.o), 1)), fails: ({ n }) => [...n].filter(([key, o]) => key.startsWith("'one'") && o === 0).map(([key]) => `row ${key} of \`n\``) },
  ...['one', 'two'].map((tenant): Shape => ({ name: `tenant ${tenant}`, tenant, query: q => q.n.select((r: any) => ({ id: r.id, x: div(12, r.o) })), fails: ({ n }) => [...n].filter(([key, o]) => key.startsWith(`'${tenant}'`) && o === 0).map(([key]) => `row ${key} of \`n\``) })),
]

const opened: { close(): void }[] = []
afterEach(() => { for (const db of opened.splice(0)) db.close() })
const text = (value: unknown): string => JSON.stringify(value, (_, v: unknown) => typeof v === 'bigint' ? String(v) : v)

interface Followed { shape: Shape; live: LiveQuery<any, any>; far: LiveQuery<any, any>; p: number; told: number; farTold: number; before: string; crowded: boolean; shares: boolean }

async function play(seed: number): Promise<void> {
  const r = random(seed)
  // Few rows that fail at a time, or so many that not all of them are kept to be named.
  const [size, zeros] = [[5, 5], [12, 4], [40, 2], [9, 2]][seed % 4]
  const db = await createDatabase({ schema, graceMs: 0 }), far = await createWorkerDatabase({ schema, graceMs: 0, worker: 'inline', ahead: 1 + r(2) } as any)
  opened.push(db, far)
  const rows = new Rows()
  const all: Followed[] = []
  const log: string[] = []
  /** Of changes that are not waited for one by one. */
  const answers: Promise<unknown>[] = []
  const says = (live: LiveQuery<any, any>): string => text([live.status, live.error?.code, live.error?.message, live.error?.path, live.error?.offending, live.rows])
  const told = (live: LiveQuery<any, any>): string => (live.error === undefined ? says(live) : text({ ...live.error, message: live.error.message }))
  const number = (): number => r(zeros) === 0 ? 0 : r(5) - 1
  const change = (): any => {
    const p = r(20)
    if (p < 8) {
      const row = { id: r(size), g: r(3), o: number(), p: r(4) }
      rows.t.set(row.id, row)
      return { op: 'upsert', table: 't', row }
    }
    if (p < 11) {
      const id = r(size)
      rows.t.delete(id)
      return { op: 'delete', table: 't', id }
    }
    if (p < 15) {
      const row = { x: 'xyz'[r(3)], t: r(size), o: number() }
      rows.u.set(`${row.x}${row.t}`, row)
      return { op: 'upsert', table: 'u', row }
    }
    if (p < 17) {
      const [x, of] = ['xyz'[r(3)], r(size)]
      rows.u.delete(`${x}${of}`)
      return { op: 'delete', table: 'u', id: { x, t: of } }
    }
    const [id, tenant, o] = [r(size), ['one', 'two'][r(2)], number()]
    rows.n.set(`'${tenant}', ${id}`, o)
    return { op: 'upsert', table: 'n', tenant, row: { id, o } }
  }
  const apply = async (changes: any[], isWaitedFor = true): Promise<void> => {
    // Changes of a tenant come in batches of their own.
    for (const tenant of [undefined, 'one', 'two']) {
      const some = changes.filter(c => c.tenant === tenant).map(({ tenant: _, ...c }) => c)
      if (some.length === 0) continue
      log.push(text(some))
      const [here, there] = [tenant === undefined ? db : db.tenant(tenant), tenant === undefined ? far : (far as any).tenant(tenant)] as any[]
      here.apply(some)
      const answer = there.apply(some)
      if (isWaitedFor) await answer
      else answers.push(answer)
    }
  }
  /** A change of every row at once, of which all fail or none does. */
  const everything = (): any[] => {
    const [fails, p] = [r(3) > 0, r(4)]
    return [
      ...rows.ts.map(row => { const next = { ...row, p, o: fails ? 0 : 1 }; rows.t.set(row.id, next); return { op: 'upsert', table: 't', row: next } }),
      ...r(2) === 0 ? [] : rows.us.map(row => { const next = { ...row, o: fails ? 0 : 2 }; rows.u.set(`${row.x}${row.t}`, next); return { op: 'upsert', table: 'u', row: next } }),
    ]
  }
  const begin = async (): Promise<void> => {
    const shape = shapes[r(shapes.length)], p = r(3)
    const options = { ...shape.params ? { params: { p } } : {}, ...r(5) === 0 ? { sliced: true } : {} }
    const on = (db: any): LiveQuery<any, any> => { const of = shape.tenant === undefined ? db : db.tenant(shape.tenant); return of.live(shape.query(of.query), options) }
    const f: Followed = { shape, live: on(db), far: on(far), p, told: 0, farTold: 0, before: '', crowded: false, shares: !('sliced' in options) }
    log.push(`open ${shape.name} ${text(options)}`)
    await eventually(() => f.live.status !== 'loading' && f.far.status !== 'loading')
    f.live.subscribe(() => { f.told++ })
    f.far.subscribe(() => { f.farTold++ })
    f.before = says(f.live)
    all.push(f)
  }
  const check = (versions: number): void => {
    for (const f of all) {
      const say = `seed ${seed}, ${f.shape.name} ${f.p}, after ${log.slice(-3).join('; ')}: ${f.live.error?.message}`
      const fails = f.shape.fails(rows, f.p)
      expect([f.live.status, fails.length > 0], say).toEqual(fails.length > 0 ? ['error', true] : ['ready', false])
      f.crowded = fails.length > 16 || (f.crowded && fails.length > 0)
      if (fails.length > 0) {
        const error = f.live.error!
        const named = error.message.replace(/^(division by zero|a number is out of range) in /, '')
        if (named !== OTHER || !f.crowded) expect(fails, say).toContain(named)
        const [key, of] = named === OTHER ? [undefined, undefined] : /^row (.*?) of `(\w+)`/.exec(named)!.slice(1)
        expect([error.code, error.offending, error.path], say).toEqual([f.shape.code ?? 'DIVISION_BY_ZERO', key, of])
      }
      // What a query shows that began in error is its own.
      expect(told(f.far), `${say}, far`).toBe(told(f.live))
      // Those with parameters of their own, and those in slices, share nothing.
      for (const other of all) if (other.shape === f.shape && !f.shape.params && f.shares && other.shares) expect([other.live.error?.message, other.live.status], say).toEqual([f.live.error?.message, f.live.status])
      if (versions === 1) expect([f.told, f.farTold], say).toEqual(f.before === says(f.live) ? [0, 0] : [1, 1])
      f.told = f.farTold = 0
      f.before = says(f.live)
    }
  }
  await apply(Array.from({ length: size }, change))
  for (let n = 0; n < 6; n++) await begin()
  for (let n = 0; n < steps; n++) {
    const p = r(16), first = db.version
    if (p === 0 && all.length < 24) await begin()
    else if (p === 1 && all.length > 3) {
      const [f] = all.splice(r(all.length), 1)
      f.live.dispose()
      f.far.dispose()
      log.push(`close ${f.shape.name}`)
    } else if (p < 4 && all.some(f => f.shape.params)) {
      const some = all.filter(f => f.shape.params), f = some[r(some.length)]
      f.p = r(3)
      log.push(`params of ${f.shape.name} ${f.p}`)
      f.live.setParams({ p: f.p })
      f.far.setParams({ p: f.p })
      await eventually(() => told(f.far) === told(f.live)).catch(() => {})
    } else if (p < 6) {
      // A page that does not keep up gets several versions in one message.
      for (let m = 0; m < 4; m++) await apply(r(2) === 0 ? everything() : [change()], false)
      await Promise.all(answers.splice(0))
    } else await apply(p < 9 ? everything() : p < 11 ? [change()] : Array.from({ length: 1 + r(p < 14 ? 4 : size) }, change))
    check(db.version - first)
  }
}

describe('queries that cannot be evaluated', () => {
  it(`name a row that fails, in the page and in a worker, in ${runs} random programs`, async () => {
    for (let seed = seeds; seed < seeds + runs; seed++) await play(seed)
  }, 120_000)
})
