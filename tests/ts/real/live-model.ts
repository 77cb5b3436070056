// Queries as plain functions over plain arrays: what live queries must show, said without the engine.
import {
  and, belongsTo, coalesce, count, createDatabase, defineSchema, div, eq, exists, gt, gte, hasMany, int, isNotNull, lt, lte, max, mul, over, rowNumber, scalar, string, sum, table, withParams,
} from '../../../pkg/index.inline.js'

export const schema = defineSchema({
  items: table({ id: string().key(), kind: string(), n: int(), s: string().nullable() }),
  notes: table({ id: int().key(), itemId: string(), at: int(), text: string() }),
  kinds: table({ kind: string().key(), title: string() }),
  tags: table({ id: int().key(), label: string(), n: int() }, { tenant: true }),
}, {
  items: { notes: hasMany('notes', 'itemId', { orderBy: [['at', 'asc']] }), arrived: hasMany('notes', 'itemId'), of: belongsTo('kinds', 'kind') },
})
export const open = (errors: unknown[]) => createDatabase({ schema, graceMs: 0, onError: e => { errors.push(e) } })
export type Db = Awaited<ReturnType<typeof open>>

export interface Item { id: string; kind: string; n: number; s: string | null }
export interface Note { id: number; itemId: string; at: number; text: string }
export interface Kind { kind: string; title: string }
/** The tables; notes also with the number of their arrival. */
export class State {
  items = new Map<string, Item>()
  notes = new Map<number, Note>()
  kinds = new Map<string, Kind>()
  arrived = new Map<number, number>()
  #next = 0

  /** Applies a batch that has each row at most once. */
  apply(changes: readonly any[]): void {
    for (const c of changes) {
      const rows = (this as any)[c.table] as Map<unknown, any>
      const before = rows.get(c.id ?? c.row?.[c.table === 'kinds' ? 'kind' : 'id'])
      if (c.op === 'delete') rows.delete(c.id)
      else if (c.op === 'update') { if (before !== undefined) rows.set(c.id, { ...before, ...c.set }) }
      else for (const row of c.rows ?? [c.row]) rows.set(row.id ?? row.kind, row)
      if (c.op === 'reset') for (const id of [...rows.keys()]) if (!c.rows.some((r: any) => r.id === id)) rows.delete(id)
      if (c.table !== 'notes' || c.op === 'reset') continue
      for (const id of c.rows === undefined ? [c.id ?? c.row.id] : c.rows.map((r: Note) => r.id)) {
        const now = this.notes.get(id)
        if (now === undefined) this.arrived.delete(id)
        else if (before?.itemId !== now.itemId) this.arrived.set(id, this.#next++)
      }
    }
  }
}

export type Params = Record<string, any>
export const FAILS = Symbol('cannot be evaluated')
export interface Shape {
  name: string
  query(db: Db): any
  params?(r: (n: number) => number): Params
  rows(state: State, params: Params): any[] | typeof FAILS
}

const compare = (a: any, b: any): number => (a === b ? 0 : a < b ? -1 : 1)
const by = <T>(...keys: ((row: T) => any)[]) => (a: T, b: T): number => { for (const key of keys) { const c = compare(key(a), key(b)); if (c !== 0) return c } return 0 }
const cut = <T>(rows: T[], limit: number | null | undefined, offset: number | null = 0): T[] => rows.slice(offset ?? 0, limit === null || limit === undefined ? undefined : (offset ?? 0) + limit)
const kinds = ['a', 'b', 'c']
const items = (state: State): Item[] => [...state.items.values()]
const notesOf = (state: State, item: Item): Note[] => [...state.notes.values()].filter(n => n.itemId === item.id)

export const shapes: Shape[] = [
  {
    name: 'all', query: db => db.query.items.orderBy('n', 'desc').orderBy('id'),
    rows: state => items(state).sort(by(i => -i.n, i => i.id)),
  },
  {
    name: 'nulls first', query: db => db.query.items.orderBy('s', 'asc', { nulls: 'first' }).orderBy('n').select('id', 's'),
    rows: state => items(state).sort(by(i => i.s !== null, i => i.s ?? '', i => i.n, i => i.id)).map(({ id, s }) => ({ id, s })),
  },
  {
    name: 'least of a kind', query: db => withParams({ least: 'int', kind: 'text' }, p => db.query.items.where(i => and(gte(i.n, p.least), eq(i.kind, p.kind))).orderBy('n')),
    params: r => ({ least: r(12), kind: kinds[r(3)] }),
    rows: (state, p) => items(state).filter(i => i.n >= p.least && i.kind === p.kind).sort(by(i => i.n, i => i.id)),
  },
  {
    name: 'limit and offset', query: db => withParams({ most: 'int', shown: 'int', skip: 'int' }, p => db.query.items.where(i => lte(i.n, p.most)).orderBy('n', 'desc').limit(p.shown).offset(p.skip)),
    params: r => ({ most: 4 + r(12), shown: r(6) === 0 ? null : r(9), skip: r(4) }),
    rows: (state, p) => cut(items(state).filter(i => i.n <= p.most).sort(by(i => -i.n, i => i.id)), p.shown, p.skip),
  },
  {
    name: 'computed', query: db => withParams({ times: 'int', kind: 'text' }, p => db.query.items.select(i => ({ id: i.id, v: mul(i.n, p.times), is: eq(i.kind, p.kind) })).orderBy('id')),
    params: r => ({ times: r(4), kind: kinds[r(3)] }),
    rows: (state, p) => items(state).sort(by(i => i.id)).map(i => ({ id: i.id, v: i.n * p.times, is: i.kind === p.kind })),
  },
  {
    name: 'a quotient', query: db => withParams({ by: 'int', least: 'int' }, p => db.query.items.where(i => gte(i.n, p.least)).select(i => ({ id: i.id, v: div(mul(i.n, 12), p.by) })).orderBy('id')),
    params: r => ({ by: r(4), least: r(14) }),
    rows: (state, p) => {
      const rows = items(state).filter(i => i.n >= p.least).sort(by(i => i.id))
      return p.by === 0 && rows.length > 0 ? FAILS : rows.map(i => ({ id: i.id, v: 12 * i.n / p.by }))
    },
  },
  {
    name: 'a quotient of rows', query: db => db.query.items.select(i => ({ id: i.id, kind: i.kind, v: div(0, i.n) })).orderBy('kind'),
    rows: state => items(state).some(i => i.n === 0) ? FAILS : items(state).sort(by(i => i.kind, i => i.id)).map(i => ({ id: i.id, kind: i.kind, v: 0 })),
  },
  {
    name: 'nested', query: db => withParams({ most: 'int', since: 'int', shown: 'int' }, p => db.query.items.where(i => lt(i.n, p.most)).orderBy('n').with('notes', c => c.where(c => gte(c.at, p.since)).limit(p.shown)).with('of')),
    params: r => ({ most: 6 + r(10), since: r(5), shown: r(4) === 0 ? null : r(4) }),
    rows: (state, p) => items(state).filter(i => i.n < p.most).sort(by(i => i.n, i => i.id))
      .map(i => ({ ...i, notes: cut(notesOf(state, i).filter(c => c.at >= p.since).sort(by(c => c.at, c => c.id)), p.shown), of: state.kinds.get(i.kind) ?? null })),
  },
  {
    name: 'in order of arrival', query: db => db.query.items.orderBy('id').select('id').with('arrived', c => c.select('id', 'text')),
    rows: state => items(state).sort(by(i => i.id)).map(i => ({ id: i.id, arrived: notesOf(state, i).sort(by(c => state.arrived.get(c.id))).map(({ id, text }) => ({ id, text })) })),
  },
  {
    name: 'groups', query: db => withParams({ least: 'int' }, p => db.query.items.groupBy('kind').having((() => gte(count(), p.least)) as never).select(i => ({ kind: i.kind, n: count(), all: sum(i.n) })).orderBy('all', 'desc').orderBy('kind')),
    params: r => ({ least: r(9) }),
    rows: (state, p) => kinds.map(kind => { const of = items(state).filter(i => i.kind === kind); return { kind, n: of.length, all: of.reduce((s, i) => s + i.n, 0) } })
      .filter(g => g.n > 0 && g.n >= p.least).sort(by(g => -g.all, g => g.kind)),
  },
  {
    name: 'texts like', query: db => withParams({ like: 'text', shown: 'int' }, p => db.query.items.where('s', 'like', p.like as never).orderBy('s').limit(p.shown)),
    params: r => ({ like: ['%', 's1%', '%2', 'none'][r(4)], shown: r(3) === 0 ? null : 1 + r(6) }),
    rows: (state, p) => {
      const like = { '%': (_: string) => true, 's1%': (s: string) => s.startsWith('s1'), '%2': (s: string) => s.endsWith('2'), none: (_: string) => false }[p.like as '%']
      return cut(items(state).filter(i => i.s !== null && like(i.s)).sort(by(i => i.s, i => i.id)), p.shown)
    },
  },
  {
    name: 'joined', query: db => withParams({ since: 'int' }, p => (db.query.items.innerJoin('notes', (i, c) => and(eq(i.id, c.itemId), gte(c.at, p.since))) as any).select((r: any) => ({ id: r.notes.id, item: r.items.id, n: r.items.n })).orderBy('n').orderBy('id')),
    params: r => ({ since: r(7) }),
    rows: (state, p) => items(state).flatMap(i => notesOf(state, i).filter(c => c.at >= p.since).map(c => ({ id: c.id, item: i.id, n: i.n }))).sort(by(r => r.n, r => r.id)),
  },
  {
    name: 'laid over', query: db => withParams({ since: 'int' }, p => (db.query.items.fullJoin('kinds', (i, k) => and(eq(i.kind, k.kind), gte(i.n, p.since))) as any)
      .select((r: any) => ({ id: coalesce(r.items.id, r.kinds.kind), kind: r.kinds.kind, title: r.kinds.title, is: isNotNull(r.kinds.kind) })).orderBy('id')),
    params: r => ({ since: r(16) }),
    rows: (state, p) => {
      const meets = (i: Item): Kind | undefined => i.n >= p.since ? state.kinds.get(i.kind) : undefined
      const met = new Set(items(state).map(i => meets(i)?.kind))
      return [...items(state).map(i => ({ id: i.id, kind: meets(i)?.kind ?? null, title: meets(i)?.title ?? null, is: meets(i) !== undefined })),
        ...[...state.kinds.values()].filter(k => !met.has(k.kind)).map(k => ({ id: k.kind, kind: k.kind, title: k.title, is: true }))].sort(by(r => r.id))
    },
  },
  {
    name: 'counted', query: db => withParams({ least: 'int' }, p => (db.query.items.select('id', 'kind').withCount('notes').withAggregate('latest', 'notes', c => max(c.at)) as any).where((i: any) => gte(i.n, p.least)).orderBy('notesCount', 'desc').limit(20)),
    params: r => ({ least: r(14) }),
    rows: (state, p) => cut(items(state).filter(i => i.n >= p.least).map(i => ({ id: i.id, kind: i.kind, notesCount: notesOf(state, i).length, latest: notesOf(state, i).reduce<number | null>((m, c) => m === null || c.at > m ? c.at : m, null) }))
      .sort(by(i => -i.notesCount, i => i.id)), 20),
  },
  {
    name: 'first of each kind', query: db => withParams({ most: 'int' }, p => db.query.items.where(i => lt(i.n, p.most)).limitBy('kind', 2).orderBy('n', 'desc')),
    params: r => ({ most: r(16) }),
    rows: (state, p) => {
      const seen = new Map<string, number>()
      return items(state).filter(i => i.n < p.most).sort(by(i => -i.n, i => i.id)).filter(i => { seen.set(i.kind, (seen.get(i.kind) ?? 0) + 1); return seen.get(i.kind)! <= 2 })
    },
  },
  {
    name: 'behind a start', query: db => withParams({ n: 'int', id: 'text', shown: 'int' }, p => db.query.items.orderBy('n').startAfter({ n: p.n, id: p.id }).limit(p.shown)),
    params: r => ({ n: r(16), id: `i${String(r(60)).padStart(2, '0')}`, shown: 1 + r(8) }),
    rows: (state, p) => cut(items(state).filter(i => i.n > p.n || (i.n === p.n && i.id > p.id)).sort(by(i => i.n, i => i.id)), p.shown),
  },
  {
    name: 'that exist', query: db => withParams({ at: 'int', above: 'int' }, p => db.query.items.where(i => exists(db.query.notes.where(c => and(eq(c.itemId, i.id), gte(c.at, p.at)))))
      .select(i => ({ id: i.id, n: scalar(db.query.notes.where(c => and(eq(c.itemId, i.id), gt(c.at, p.above))).select(() => ({ n: count() }))) })).orderBy('id')),
    params: r => ({ at: r(8), above: r(8) }),
    rows: (state, p) => items(state).filter(i => notesOf(state, i).some(c => c.at >= p.at)).sort(by(i => i.id)).map(i => ({ id: i.id, n: notesOf(state, i).filter(c => c.at > p.above).length })),
  },
  {
    name: 'numbered', query: db => withParams({ least: 'int' }, p => db.query.items.where(i => gte(i.n, p.least)).select(i => ({ id: i.id, kind: i.kind, place: over(rowNumber(), { partitionBy: i.kind, orderBy: [[i.n, 'desc'], i.id] }) })).orderBy('id')),
    params: r => ({ least: r(14) }),
    rows: (state, p) => {
      const places = new Map<string, number>(), place = new Map<string, number>()
      const rows = items(state).filter(i => i.n >= p.least)
      for (const i of [...rows].sort(by(i => -i.n, i => i.id))) { places.set(i.kind, (places.get(i.kind) ?? 0) + 1); place.set(i.id, places.get(i.kind)!) }
      return rows.sort(by(i => i.id)).map(i => ({ id: i.id, kind: i.kind, place: place.get(i.id) }))
    },
  },
]

/** The changes of one batch, no row twice; `many` in large ones, of so many ids. */
export function randomChanges(r: (n: number) => number, state: State, many = 40, ids = 60): any[] {
  const changes = new Map<string, any>()
  const item = (id: string): Item => ({ id, kind: kinds[r(3)], n: r(8) === 0 ? 0 : 1 + r(15), s: r(4) === 0 ? null : `s${r(30)}` })
  for (let k = r(25) === 0 ? many : 1 + r(4); k > 0; k--) {
    const p = r(14), id = `i${String(r(ids)).padStart(2, '0')}`, note = r(2 * ids)
    const put = (table: string, id: unknown, change: object): void => { changes.set(`${table} ${id}`, { table, ...change }) }
    if (p < 5) put('items', id, { op: 'upsert', row: item(id) })
    else if (p < 6) put('items', id, { op: 'update', id, set: { n: 1 + r(15) } })
    else if (p < 7) put('items', id, { op: 'delete', id })
    else if (p < 10) put('notes', note, { op: 'upsert', row: { id: note, itemId: id, at: r(8), text: `t${r(5)}` } })
    else if (p < 11) put('notes', note, { op: 'update', id: note, set: r(2) === 0 ? { itemId: id } : { at: r(8) } })
    else if (p < 12) put('notes', note, { op: 'delete', id: note })
    else { const kind = kinds[r(3)]; put('kinds', kind, r(4) === 0 ? { op: 'delete', id: kind } : { op: 'upsert', row: { kind, title: `K${r(4)}` } }) }
  }
  if (r(60) === 0) return [{ op: 'reset', table: 'items', rows: [...state.items.values()].filter(() => r(3) > 0) }]
  return [...changes.values()]
}
