// `sync` beside a model that recomputes everything from whole tables: keys of all types in all spellings, associations by columns that
// are no keys, tenants, conditions; values that are lists, lone rows, records, Maps, rows of which some columns are held; with a
// database, by messages in any order and by subscriptions, and without one. Everything given is frozen.
import { describe, expect, it } from 'vitest'
import {
  type Database, belongsTo, bigint, boolean, bytes, createDatabase, date, decimal, defineSchema, hasMany, hasOne, int, interval, manyToMany, number, string, table, through, timestamp, uuid,
} from '../../../pkg/index.inline.js'
import { type RowEvent, close, subscribe, sync } from '../../../pkg/sync/index.js'
import { random } from '../real/support.js'

type Row = Record<string, any>
type Shape = { [name: string]: Shape }
type Rnd = (n: number) => number
interface Order { column: string; desc: boolean; nullsFirst: boolean }
interface Hop { table: string; left: string[]; right: string[]; test: (row: Row) => boolean }
interface Relation { target: string; single: boolean; keep: boolean; order: Order[]; hops: Hop[] }
interface World { schema: any; names: string[]; keys: Record<string, string[]>; types: Record<string, Record<string, string>>; nullable: Record<string, Set<string>>; relations: Record<string, Record<string, Relation>>; tenanted: Set<string>; whole?: boolean }

/** In order, which is not that of their texts. */
const DAYS = ['0044-03-15 BC', '1969-12-31', '2024-02-29', '2024-03-01', '10000-01-01']
const TYPES: Record<string, { make: () => any; pool: any[] }> = {
  int: { make: int, pool: [0, 1, 2, -1] },
  text: { make: string, pool: ['p', 'é', '😀', '\uffff'] },
  timestamp: { make: timestamp, pool: [new Date(0), new Date(1000), new Date(-5), new Date(86400000)] },
  decimal: { make: decimal, pool: ['1.5', '1.50', '9', '10'] },
  uuid: { make: uuid, pool: ['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'ffffffff-0000-0000-0000-000000000000'] },
  bigint: { make: bigint, pool: [1n, 2n, 9007199254740993n, 9007199254740992n] },
  date: { make: date, pool: DAYS },
  bool: { make: boolean, pool: [true, false] },
  float: { make: number, pool: [0, 1.5, NaN, Infinity, -2] },
  interval: { make: interval, pool: ['1 day', '24:00:00', '1 mon', '30 days', '02:00:00'] },
  bytes: { make: bytes, pool: [new Uint8Array([1]), new Uint8Array([1, 0]), new Uint8Array([2])] },
}
const KEYTYPES = ['int', 'text', 'timestamp', 'decimal', 'uuid', 'bigint', 'date', 'float', 'interval', 'bytes', 'int', 'text']
const NAMES = ['a', 'b', 'c', 'd']

/** Equal for equal values. */
function canon(type: string, v: any): any {
  if (v === null || v === undefined) return null
  switch (type) {
    case 'decimal': return String(Number(v))
    case 'timestamp': return v.getTime()
    case 'bigint': return String(v)
    case 'float': return String(v)
    case 'interval': { const m = /(-?\d+) mon/.exec(v), d = /(-?\d+) day/.exec(v), t = /(\d+):(\d+):(\d+)/.exec(v); return (m ? +m[1] * 30 * 24 : 0) + (d ? +d[1] * 24 : 0) + (t ? +t[1] : 0) }
    case 'bytes': return [...v].join()
    default: return v
  }
}
function compare(type: string, a: any, b: any): number {
  if (type === 'bytes') { const n = Math.min(a.length, b.length); for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i] - b[i]; return a.length - b.length }
  if (type === 'text') { const x = [...a].map((c: string) => c.codePointAt(0)!), y = [...b].map((c: string) => c.codePointAt(0)!); for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i] - y[i]; return x.length - y.length }
  if (type === 'decimal') return Number(a) - Number(b)
  if (type === 'date') return DAYS.indexOf(a) - DAYS.indexOf(b)
  if (type === 'interval') return canon(type, a) - canon(type, b)
  if (type === 'float') { if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b)); return a < b ? -1 : a > b ? 1 : 0 }
  return a < b ? -1 : a > b ? 1 : 0
}

function world(rnd: Rnd): World {
  const w: World = { schema: undefined, names: [], keys: {}, types: {}, nullable: {}, relations: {}, tenanted: new Set() }
  const tables: Record<string, Record<string, any>> = {}, given: Record<string, Record<string, any>> = {}
  const tenants = [0, 0, 1][rnd(3)]
  const column = (t: string, c: string, type: string, o: { key?: boolean; nullable?: boolean } = {}): void => {
    let col = TYPES[type].make()
    if (o.nullable) { col = col.nullable(); w.nullable[t].add(c) }
    if (o.key) { col = col.key(); w.keys[t].push(c) }
    tables[t][c] = col
    w.types[t][c] = type
  }
  const open = (t: string): void => { w.names.push(t); tables[t] = {}; given[t] = {}; w.keys[t] = []; w.types[t] = {}; w.nullable[t] = new Set(); w.relations[t] = {}; if (tenants) w.tenanted.add(t) }
  const keyType = (): string => KEYTYPES[rnd(KEYTYPES.length)]
  for (const t of NAMES) {
    open(t)
    column(t, 'k', keyType(), { key: true })
    if (rnd(4) === 0) column(t, 'l', keyType(), { key: true })
    column(t, 'n', 'int')
    column(t, 's', 'text', { nullable: true })
    column(t, 'x', keyType(), { nullable: true })
  }
  const where = (): { where?: any; test: (row: Row) => boolean } => [
    { test: () => true }, { test: () => true },
    { where: (q: any) => q.where('n', '<', 1), test: (r: Row) => r.n < 1 },
    { where: (q: any) => q.where('s', 'in', ['x', 'y']), test: (r: Row) => r.s === 'x' || r.s === 'y' },
    { where: (q: any) => q.where('s', 'is', null), test: (r: Row) => r.s === null },
    { where: (q: any) => q.where('s', 'is not', null).where('n', '>=', 0), test: (r: Row) => r.s !== null && r.n >= 0 },
    { where: (q: any) => q.where('s', '!=', 'x'), test: (r: Row) => r.s !== null && r.s !== 'x' },
  ][rnd(7)]
  const order = (t: string): { orderBy?: any[]; order: Order[] } => [
    { order: [] }, { order: [] },
    { orderBy: [['n', 'desc']], order: [{ column: 'n', desc: true, nullsFirst: true }] },
    { orderBy: [['s', 'asc', { nulls: 'first' }], ['n']], order: [{ column: 's', desc: false, nullsFirst: true }, { column: 'n', desc: false, nullsFirst: false }] },
    { orderBy: [['x', 'desc']], order: [{ column: 'x', desc: true, nullsFirst: true }] },
    { orderBy: [['x']], order: [{ column: 'x', desc: false, nullsFirst: false }] },
  ][rnd(6)]
  const add = (owner: string, relation: any, more: Relation): void => {
    const name = `r${Object.keys(w.relations[owner]).length}`
    given[owner][name] = relation
    w.relations[owner][name] = more
  }
  const strip = ({ where: wh, orderBy }: any, more: object = {}): object => ({ ...(wh === undefined ? {} : { where: wh }), ...(orderBy === undefined ? {} : { orderBy }), ...more })
  const all = (): boolean => true
  for (const child of NAMES) {
    for (let i = rnd(2); i < 2; i++) {
      const parent = NAMES[rnd(4)]
      const refs = rnd(4) === 0 ? ['x'] : w.keys[parent]
      const references = refs === w.keys[parent] ? {} : { references: refs }
      const names = refs.map((_, n) => `f${i}_${n}`)
      names.forEach((c, n) => { column(child, c, w.types[parent][refs[n]], { nullable: true }) })
      add(child, belongsTo(parent, names, references), { target: parent, single: true, keep: false, order: [], hops: [{ table: parent, left: names, right: refs, test: all }] })
      const wh = where(), od = order(child)
      add(parent, hasMany(child, names, strip({ ...wh, ...od }, references)), { target: child, single: false, keep: false, order: od.order, hops: [{ table: child, left: refs, right: names, test: wh.test }] })
      if (rnd(2) === 0) {
        const wh = where(), od = order(child)
        add(parent, hasOne(child, names, strip({ ...wh, ...od }, references)), { target: child, single: true, keep: false, order: od.order, hops: [{ table: child, left: refs, right: names, test: wh.test }] })
      }
    }
  }
  for (let i = 0; i < 3; i++) {
    const left = NAMES[rnd(4)], right = NAMES[rnd(4)], join = `j${i}`
    open(join)
    const bare = rnd(2) === 0
    if (!bare) column(join, 'id', 'int', { key: true })
    const refs = rnd(4) === 0 ? ['x'] : w.keys[left]
    const l = refs.map((_, n) => `l${n}`), r = w.keys[right].map((_, n) => `r${n}`)
    l.forEach((c, n) => { column(join, c, w.types[left][refs[n]], { key: bare }) })
    r.forEach((c, n) => { column(join, c, w.types[right][w.keys[right][n]], { key: bare }) })
    const wh = where(), od = order(right), keep = rnd(4) === 0
    add(left, manyToMany(right, join, [l, r], strip({ ...wh, ...od }, { ...(refs === w.keys[left] ? {} : { references: refs }), ...(keep ? { duplicates: 'keep' } : {}) })),
      { target: right, single: false, keep, order: od.order, hops: [{ table: join, left: refs, right: l, test: all }, { table: right, left: r, right: w.keys[right], test: wh.test }] })
    if (rnd(2) === 0 && refs === w.keys[left]) {
      const od = order(left)
      add(right, manyToMany(left, join, [r, l], strip({ ...od })), { target: left, single: false, keep: false, order: od.order, hops: [{ table: join, left: w.keys[right], right: r, test: all }, { table: left, left: l, right: w.keys[left], test: all }] })
    }
  }
  for (let i = 0; i < 4; i++) {
    const owner = NAMES[rnd(4)]
    const path: string[] = []
    let at = owner, order: Order[] = [], keep = false
    const hops: Hop[] = []
    for (let n = 0; n < 2 + rnd(2); n++) {
      const names = Object.keys(w.relations[at])
      if (names.length === 0) break
      const step = names[rnd(names.length)], r = w.relations[at][step]
      path.push(step)
      order = r.order
      keep ||= r.keep
      hops.push(...r.hops)
      at = r.target
    }
    if (path.length < 2 || hops.length > 9 || keep) continue
    add(owner, through(...path as [string, string]), { target: at, single: false, keep: false, order, hops })
  }
  w.schema = defineSchema(Object.fromEntries(Object.entries(tables).map(([name, t]) => [name, table(t, { tenant: w.tenanted.has(name) })])), given as never)
  return w
}

const cell = (rnd: Rnd, w: World, t: string, c: string): any => {
  if (w.nullable[t].has(c) && rnd(5) === 0) return null
  if (c === 's') return ['x', 'y', 'z'][rnd(3)]
  const { pool } = TYPES[w.types[t][c]]
  return pool[rnd(pool.length)]
}
const keyOf = (w: World, t: string, row: Row): string => JSON.stringify(w.keys[t].map(k => canon(w.types[t][k], row[k])))
const idOf = (w: World, t: string, row: Row): any => w.keys[t].length === 1 ? row[w.keys[t][0]] : w.keys[t].map(k => row[k])
type Store = Record<string, Map<string, Row>>

function batch(rnd: Rnd, w: World, held: Store): { changes: object[]; events: RowEvent[] } {
  const changes: object[] = [], events: RowEvent[] = []
  const told = (e: RowEvent, row: Row | null, old: Row | null): void => {
    events.push({ ...e, ...(w.whole || rnd(3) === 0 ? { row } : {}), ...(rnd(3) === 0 ? { old } : {}) })
  }
  for (let n = 1 + rnd(rnd(3) === 0 ? 12 : 3); n > 0; n--) {
    const t = w.names[rnd(w.names.length)]
    const rows = held[t], keys = [...rows.keys()]
    const any = keys.length > 0 ? rows.get(keys[rnd(keys.length)])! : undefined
    const kind = rnd(10)
    if (any !== undefined && kind < 4) {
      const rest = Object.keys(w.types[t]).filter(c => !w.keys[t].includes(c))
      if (rest.length === 0) continue
      const set = Object.fromEntries(Array.from({ length: 1 + rnd(2) }, () => rest[rnd(rest.length)]).map(c => [c, cell(rnd, w, t, c)]))
      changes.push({ op: 'update', table: t, id: idOf(w, t, any), set })
      const now = { ...any, ...set }
      rows.set(keyOf(w, t, any), now)
      told({ table: t, event: 'updated', id: idOf(w, t, any) }, now, any)
    } else if (any !== undefined && kind < 6) {
      changes.push({ op: 'delete', table: t, id: idOf(w, t, any) })
      rows.delete(keyOf(w, t, any))
      told({ table: t, event: 'deleted', id: idOf(w, t, any) }, null, any)
    } else {
      const row = Object.fromEntries(Object.keys(w.types[t]).map(c => [c, cell(rnd, w, t, c)]))
      const key = keyOf(w, t, row), was = rows.get(key)
      changes.push({ op: 'upsert', table: t, row })
      rows.set(key, row)
      told({ table: t, event: was === undefined ? 'inserted' : 'updated', id: idOf(w, t, row) }, row, was ?? null)
    }
  }
  return { changes, events }
}

function shapeFrom(rnd: Rnd, w: World, t: string, depth: number): Shape {
  const shape: Shape = {}
  for (const relation of Object.keys(w.relations[t])) {
    if (rnd(3) === 0) continue
    shape[relation] = depth > 0 && rnd(2) === 0 ? shapeFrom(rnd, w, w.relations[t][relation].target, depth - 1) : {}
  }
  return shape
}

function members(w: World, held: Store, t: string, owner: Row, r: Relation): Row[] {
  let rows: Row[] = [owner], at = t
  for (const hop of r.hops) {
    const next: Row[] = []
    for (const from of rows) {
      for (const to of held[hop.table].values()) {
        if (hop.test(to) && hop.left.every((c, i) => from[c] !== null && from[c] !== undefined && to[hop.right[i]] !== null && canon(w.types[at][c], from[c]) === canon(w.types[hop.table][hop.right[i]], to[hop.right[i]]))) next.push(to)
      }
    }
    rows = r.keep ? next : [...new Set(next)]
    at = hop.table
  }
  rows.sort((a, b) => sortRows(w, r.target, r.order, a, b))
  return r.single ? rows.slice(0, 1) : rows
}
function sortRows(w: World, t: string, order: Order[], a: Row, b: Row): number {
  for (const { column, desc, nullsFirst } of order) {
    const x = a[column], y = b[column]
    if (x === null || y === null) { if (x === y) continue; return (x === null) === nullsFirst ? -1 : 1 }
    const c = compare(w.types[t][column], x, y)
    if (c !== 0) return desc ? -c : c
  }
  for (const k of w.keys[t]) { const c = compare(w.types[t][k], a[k], b[k]); if (c !== 0) return c }
  return 0
}
function loaded(w: World, held: Store, t: string, row: Row, shape: Shape): Row {
  const out: Row = { ...row }
  for (const [name, below] of Object.entries(shape)) {
    const r = w.relations[t][name]
    const list = members(w, held, t, row, r).map(m => loaded(w, held, r.target, m, below))
    out[name] = r.single ? list[0] ?? null : list
  }
  return out
}
const byKey = (w: World, t: string) => (a: Row, b: Row): number => sortRows(w, t, [], a, b)
function settled(w: World, t: string, rows: readonly Row[], ordered: boolean): Row[] {
  const out = rows.map(row => {
    const copy: Row = {}
    for (const c of Object.keys(row)) copy[c] = row[c]
    for (const [name, { target, order }] of Object.entries(w.relations[t])) {
      const below = row[name]
      if (Array.isArray(below)) copy[name] = settled(w, target, below, order.length > 0)
      else if (below) copy[name] = settled(w, target, [below], true)[0]
    }
    return copy
  })
  return ordered ? out : out.sort(byKey(w, t))
}
const text = (v: unknown): string => JSON.stringify(v, (_, x) => typeof x === 'bigint' ? `${x}n` : x instanceof Uint8Array ? [...x] : typeof x === 'number' && !Number.isFinite(x) ? String(x) : x)
function shared(w: World, t: string, before: readonly Row[], after: readonly Row[], ordered: boolean, keep = false): string[] {
  const faults: string[] = []
  if (before !== after && text(before) === text(after)) faults.push(`an equal list of ${t} was copied`)
  const old = new Map(before.map(r => [keyOf(w, t, r), r]))
  if (!ordered && !keep) {
    const here = new Set(after.map(r => keyOf(w, t, r)))
    const expected = [...before.map(r => keyOf(w, t, r)).filter(k => here.has(k)), ...after.map(r => keyOf(w, t, r)).filter(k => !old.has(k))]
    if (text(expected) !== text(after.map(r => keyOf(w, t, r)))) faults.push(`rows of ${t} changed places`)
  }
  for (const row of after) {
    const was = old.get(keyOf(w, t, row))
    if (was === undefined || was === row) continue
    if (text(was) === text(row)) faults.push(`an equal row of ${t} was copied`)
    for (const [name, { target, order, keep }] of Object.entries(w.relations[t])) if (Array.isArray(row[name]) && Array.isArray(was[name])) faults.push(...shared(w, target, was[name], row[name], order.length > 0, keep))
  }
  return faults
}
function freeze(v: any): any {
  if (typeof v !== 'object' || v === null || Object.isFrozen(v) || v instanceof Uint8Array || v instanceof Date) return v
  Object.freeze(v)
  for (const x of v instanceof Map ? v.values() : Object.values(v)) freeze(x)
  return v
}

function loading(q: any, shape: Shape): any {
  for (const [name, below] of Object.entries(shape)) q = q.with(name, (inner: any) => loading(inner, below))
  return q
}

function differs(a: any, b: any, at = ''): string | undefined {
  if (text(a) === text(b) && !(a instanceof Object)) return undefined
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return `${at}: ${a.length} and not ${b.length}: ${text(a).slice(0, 400)} /// ${text(b).slice(0, 400)}`
    for (let i = 0; i < a.length; i++) { const d = differs(a[i], b[i], `${at}[${i}]`); if (d) return d }
    return undefined
  }
  if (a && b && typeof a === 'object' && Object.getPrototypeOf(a) === Object.prototype && Object.getPrototypeOf(b) === Object.prototype) {
    for (const k of new Set([...Object.keys(a), ...Object.keys(b)])) { const d = differs(a[k], b[k], `${at}.${k}`); if (d) return d }
    return undefined
  }
  return text(a) === text(b) ? undefined : `${at}: ${text(a)?.slice(0, 400)} /// ${text(b)?.slice(0, 400)}`
}
function equal(a: any, b: any, say: string): void { const d = differs(a, b); if (d !== undefined) throw new Error(`${say}\n   ${d}`) }

async function history(seed: number): Promise<void> {
  const rnd = random(seed)
  const w = world(rnd)
  const db: Database<any> = await createDatabase({ schema: w.schema, onError: e => { throw e } })
  try {
    const held: Store = Object.fromEntries(w.names.map(n => [n, new Map<string, Row>()]))
    const tenant = w.tenanted.size > 0 ? 'ten' : undefined
    const of = tenant === undefined ? {} : { tenant }
    const strange: Store = Object.fromEntries(w.names.map(n => [n, new Map<string, Row>()]))
    const put = (changes: object[]): void => {
      db.apply({ changes: changes.map(c => w.tenanted.has((c as any).table) ? { ...c, tenant } : c) } as never)
      // Another tenant's rows, with the same keys.
      if (tenant !== undefined && rnd(3) === 0) {
        const others = batch(rnd, w, strange).changes.filter(c => w.tenanted.has((c as any).table) && (c as any).op === 'upsert').map(c => ({ ...c, tenant: 'other' }))
        if (others.length > 0) db.apply({ changes: others } as never)
      }
    }
    for (let i = 0; i < 6; i++) put(batch(rnd, w, held).changes)
    const top = NAMES[rnd(4)]
    const shape = shapeFrom(rnd, w, top, 2)
    const full = (): Row[] => [...held[top].values()].sort(byKey(w, top)).map(r => loaded(w, held, top, r, shape))
    const live = db.live(loading((db.query as any)[top], shape), w.tenanted.size > 0 ? of : undefined)
    const say0 = `seed ${seed}, ${top} ${JSON.stringify(shape)}`
    equal(settled(w, top, live.rows as Row[], false), settled(w, top, full(), false), `${say0}: live`)
    const list = freeze([...full()])
    const lone = list[0]
    const partial = freeze(list.map((r: Row) => { const { s, ...rest } = r; return rest }))
    let values: Record<string, any> = {
      list, lone: lone ?? null, partial,
      record: freeze({ list, one: lone ?? null, empty: [], none: null, text: 'x', n: 1, day: new Date(5), deep: { list, fn: Math.max } }),
      map: freeze(new Map<any, any>([['list', list], [3, list], ['other', 7]])),
      forced: list,
    }
    const OF: Record<string, any> = { list: top, lone: top, partial: top, record: { list: top, one: top, deep: { list: top } }, map: { list: top, 3: top }, forced: top }
    let late: Row[] = list
    const kept: RowEvent[] = []
    let told: Row[] = list
    if (list.length > 0) subscribe(db, list, { of: top, inserted: true, assocs: shape, ...of }, n => { told = freeze(sync(db, told, n, { of: top, ...of })) as Row[] })
    let loneWas: Row | undefined = lone
    for (let step = 0; step < 8; step++) {
      const before = values, beforeTold = told
      const { changes, events } = batch(rnd, w, held)
      put(changes)
      if (rnd(3) === 0) events.push(...events.filter(() => rnd(2) === 0))
      const shuffled = rnd(3) === 0 ? [...events].sort(() => rnd(3) - 1) : events
      freeze(shuffled)
      const say = `seed ${seed}, step ${step}, ${top} ${JSON.stringify(shape)}`
      values = { ...values }
      for (const how of Object.keys(values)) values[how] = freeze(sync(db, values[how], shuffled, { of: OF[how], assocs: shape, force: how === 'forced', ...of }))
      const want = settled(w, top, full(), false)
      // News of several versions, later, in any order: the tables are newer than most of it.
      kept.push(...events)
      if (rnd(3) === 0 || step === 7) {
        const behind = late, all = freeze(rnd(2) ? [...kept].sort(() => rnd(3) - 1) : [...kept])
        late = freeze(sync(db, late, all, { of: top, assocs: shape, ...of }))
        kept.length = 0
        equal(settled(w, top, late, false), want, `${say}: late`)
        expect(shared(w, top, behind, late, false), `${say}: late`).toEqual([])
        expect(sync(db, late, all, { of: top, assocs: shape, ...of }), `${say}: late again`).toBe(late)
      }
      equal(settled(w, top, live.rows as Row[], false), want, `${say}: live`)
      const lists: [string, Row[], Row[]][] = [['list', before.list, values.list], ['forced', before.forced, values.forced], ['record.list', before.record.list, values.record.list], ['record.deep.list', before.record.deep.list, values.record.deep.list],
        ['map.list', before.map.get('list'), values.map.get('list')], ['map.3', before.map.get(3), values.map.get(3)], ...(list.length > 0 ? [['told', beforeTold, told] as [string, Row[], Row[]]] : [])]
      for (const [how, was, is] of lists) {
        equal(settled(w, top, is, false), want, `${say}: ${how}`)
        expect(shared(w, top, was, is, false), `${say}: ${how}`).toEqual([])
      }
      const noS = (rows: Row[]): Row[] => rows.map(({ s, ...rest }) => rest)
      expect(noS(settled(w, top, values.partial, false)), `${say}: partial`).toEqual(noS(want))
      // The lone row: as the table has it, else with the columns that it had.
      if (loneWas !== undefined) {
        const columns = held[top].get(keyOf(w, top, loneWas)) ?? Object.fromEntries(Object.keys(w.types[top]).map(c => [c, loneWas![c]]))
        const expected = settled(w, top, [loaded(w, held, top, columns, shape)], true)
        equal(settled(w, top, [values.lone], true), expected, `${say}: lone`)
        equal(settled(w, top, [values.record.one], true), expected, `${say}: record.one`)
        expect(shared(w, top, [before.lone], [values.lone], true).filter(f => !f.includes('list of')), `${say}: lone`).toEqual([])
        loneWas = values.lone
      }
      for (const c of ['empty', 'none', 'text', 'n', 'day']) expect(values.record[c]).toBe(before.record[c])
      expect(values.record.deep.fn).toBe(Math.max)
      expect(values.map.get('other')).toBe(7)
      // Once more: nothing.
      for (const how of Object.keys(values)) if (how !== 'lone') expect(sync(db, values[how], shuffled, { of: OF[how], assocs: shape, ...of }), `${say}: ${how} again`).toBe(values[how])
    }
  } finally {
    close(db)
    db.close()
  }
}

/** What a value shows, of what it should; associations over join tables may be not loaded. */
function only(w: World, t: string, is: Row, want: Row): Row {
  const out: Row = {}
  for (const c of Object.keys(w.types[t])) out[c] = want[c]
  for (const name of Object.keys(want)) {
    const r = w.relations[t][name]
    if (r === undefined) continue
    if (!(name in is) && r.hops.length > 1) continue
    const below = want[name]
    if (Array.isArray(below)) {
      const have = new Map((is[name] as Row[] ?? []).map(x => [keyOf(w, r.target, x), x]))
      out[name] = below.map(x => { const h = have.get(keyOf(w, r.target, x)); return h === undefined ? x : only(w, r.target, h, x) })
    } else out[name] = below === null || is[name] === null || is[name] === undefined ? below : only(w, r.target, is[name], below)
  }
  return out
}

/** Rows behind a join table, or a chain, show what they show elsewhere in the value: their columns are compared. */
function flat(w: World, t: string, rows: readonly Row[], deep = false): Row[] {
  return rows.map(row => {
    const out: Row = {}
    for (const c of Object.keys(row)) {
      const r = w.relations[t][c]
      if (r === undefined) out[c] = row[c]
      else if (!deep) out[c] = Array.isArray(row[c]) ? flat(w, r.target, row[c], r.hops.length > 1) : row[c] === null ? null : flat(w, r.target, [row[c]], false)[0]
    }
    return out
  })
}

/** Without a database: a record holds all rows of all tables, and keeps what they show of each other. */
function alone(seed: number): void {
  const rnd = random(seed)
  const w = world(rnd)
  w.whole = true
  for (const t of w.names) for (const [n, r] of Object.entries(w.relations[t])) if (r.hops.length > 2 || r.keep) delete w.relations[t][n]
  const held: Store = Object.fromEntries(w.names.map(n => [n, new Map<string, Row>()]))
  for (let i = 0; i < 6; i++) batch(rnd, w, held)
  const top = NAMES[rnd(4)]
  const shape = shapeFrom(rnd, w, top, 1 + rnd(2))
  const full = (): Row[] => [...held[top].values()].sort(byKey(w, top)).map(r => loaded(w, held, top, r, shape))
  const OF = Object.fromEntries(w.names.map(n => [n, n]))
  let value: Row = freeze({ ...Object.fromEntries([top, ...w.names.filter(n => n !== top)].map(n => [n, n === top ? full() : [...held[n].values()]])) })
  for (let step = 0; step < 8; step++) {
    const before = value
    const { events } = batch(rnd, w, held)
    // Images as they were at each event are needed: nobody else has them.
    const whole = freeze(events.map(e => e.event === 'deleted' ? (rnd(2) ? { ...e, row: undefined } : { table: e.table, event: e.event, id: e.id }) : e))
    value = freeze(sync(w.schema, value, whole, { of: { [top]: top, ...OF }, assocs: shape }))
    const say = `seed ${seed}, step ${step}, ${top} ${JSON.stringify(shape)}`
    for (const n of w.names) if (n !== top) equal(settled(w, n, value[n], false), settled(w, n, [...held[n].values()], false), `${say}: ${n}`)
    const is = settled(w, top, value[top], false), want = settled(w, top, full(), false)
    const have = new Map(is.map(x => [keyOf(w, top, x), x]))
    equal(flat(w, top, is), flat(w, top, settled(w, top, want.map(x => only(w, top, have.get(keyOf(w, top, x)) ?? {}, x)), false)), say)
    expect(shared(w, top, before[top], value[top], false), say).toEqual([])
    expect(sync(w.schema, value, whole, { of: { [top]: top, ...OF }, assocs: shape }), `${say}: again`).toBe(value)
  }
}

describe('sync beside whole tables', () => {
  const seed = Number(process.env.SYNC_SEED ?? 1), runs = Number(process.env.SYNC_RUNS ?? 40)
  it(`${runs} random graphs and histories`, async () => {
    for (let i = 0; i < runs; i++) await history(seed + i)
  }, Math.max(180_000, runs * 2000))
  it(`${runs * 10} of values that hold all there is, without a database`, () => {
    for (let i = 0; i < runs * 10; i++) alone(seed + i)
  }, Math.max(180_000, runs * 1000))
})
