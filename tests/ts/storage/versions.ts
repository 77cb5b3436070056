// Four versions of one application's tables, the steps between them, and what they hold as plain maps: the model of the random programs.
import { type AnySchema, type Database, decimal, defineSchema, int, json, number, string, table } from '../../../pkg/index.inline.js'
import type { Migrations } from '../../../pkg/storage/index.js'

const notes = table({ id: int().key(), text: string() }, { tenant: true })
const pairs = table({ a: string().key(), b: int().key(), n: int() })
const item = { n: int(), text: string().nullable(), more: json().nullable() }
/** By version; there is none 0. */
export const schemas: readonly AnySchema[] = [
  undefined!,
  defineSchema({ items: table({ id: int().key(), ...item }), pairs, notes }),
  defineSchema({ items: table({ id: int().key(), ...item, points: decimal() }), pairs, notes }),
  defineSchema({ items: table({ id: int().key(), ...item, points: decimal() }), tags: table({ name: string().key(), n: int() }), pairs: table({ a: string().key(), b: int().key(), n: number() }), notes: table({ id: string().key(), text: string() }, { tenant: true }) }),
  defineSchema({ items: table({ id: string().key(), ...item, points: decimal() }), tags: table({ name: string().key(), n: int() }), notes: table({ id: string().key(), text: string() }, { tenant: true }) }),
]
export const NEWEST = schemas.length - 1

type Row = Record<string, any>
const steps: Record<number, (row: Row, table: string, tenant?: string) => Row | null | { table: string; row: Row }[]> = {
  2: (row, table) => table === 'items' ? { ...row, points: `${row['n']}.50` } : row,
  3: (row, table) => {
    if (table === 'pairs') return row['b'] === 0 ? null : { ...row, n: row['n'] / 2 }
    if (table === 'notes') return { ...row, id: `n${row['id']}` }
    return [{ table: 'items', row }, { table: 'tags', row: { name: `tag ${row['id'] % 3}`, n: row['id'] % 3 } }]
  },
  4: (row, table) => table === 'pairs' ? null : table === 'items' ? { ...row, id: `i${row['id']}` } : row,
}
export const migrationsTo = (version: number): Migrations => Object.fromEntries(Object.entries(steps).filter(([v]) => Number(v) <= version)) as Migrations

/** What is stored, whole: rows by table and key, cursors, entries. */
export interface State { readonly version: number; readonly tables: Record<string, Map<string, { tenant?: string; row: Row }>>; readonly cursors: Map<string, string>; readonly entries: Map<string, unknown> }

const tablesOf = (version: number): string[] => (schemas[version].json as { tables: { name: string }[] }).tables.map(t => t.name)
const keys: Record<string, string[]> = { items: ['id'], pairs: ['a', 'b'], notes: ['id'], tags: ['name'] }
export const keyOf = (table: string, row: Row, tenant?: string): string => JSON.stringify([tenant ?? null, ...keys[table].map(name => row[name])])

export const empty = (version: number): State => ({ version, tables: Object.fromEntries(tablesOf(version).map(name => [name, new Map()])), cursors: new Map(), entries: new Map() })
export const copyOf = (s: State): State => ({ version: s.version, tables: Object.fromEntries(Object.entries(s.tables).map(([name, rows]) => [name, new Map(rows)])), cursors: new Map(s.cursors), entries: new Map(s.entries) })

/** What a state becomes in a later version. */
export function migrated(state: State, version: number): State {
  const out = { ...empty(version), cursors: new Map(state.cursors), entries: new Map(state.entries) }
  for (const [name, rows] of Object.entries(state.tables)) for (const { row, tenant } of rows.values()) {
    let all = [{ table: name, row }]
    for (let v = state.version + 1; v <= version; v++) all = all.flatMap(r => {
      const made = steps[v](r.row, r.table, tenant)
      return Array.isArray(made) ? made : made === null ? [] : [{ table: r.table, row: made }]
    })
    for (const r of all) out.tables[r.table].set(keyOf(r.table, r.row, r.table === 'notes' ? tenant : undefined), { row: r.row, ...(r.table === 'notes' ? { tenant } : {}) })
  }
  return out
}

const sorted = (row: Row): string => JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => a < b ? -1 : 1)))
export function text({ version, tables, cursors, entries }: State): string {
  const rows = Object.entries(tables).sort(([a], [b]) => a < b ? -1 : 1).map(([name, rows]) => [name, ...[...rows.values()].map(({ row, tenant }) => `${tenant ?? ''} ${sorted(row)}`).sort()])
  return JSON.stringify([version, rows, [...cursors].sort(), [...entries].sort()])
}

/** Applies changes as the engine does, those that it takes. */
export function change(state: State, changes: readonly any[], tenantOf?: string): void {
  for (const c of changes) {
    const rows = state.tables[c.table]
    const tenant: string | undefined = c.table === 'notes' ? c.tenant ?? tenantOf : undefined
    const held = tenant === undefined ? {} : { tenant }
    if (c.op === 'insert' || c.op === 'upsert') rows.set(keyOf(c.table, c.row, tenant), { row: c.row, ...held })
    else if (c.op === 'reset') { for (const [key, { tenant: of }] of rows) if (of === tenant) rows.delete(key) }
    else {
      const id = Array.isArray(c.id) ? c.id : [c.id], key = JSON.stringify([tenant ?? null, ...id])
      if (c.op === 'delete') rows.delete(key)
      else if (rows.has(key)) rows.set(key, { row: { ...rows.get(key)!.row, ...c.set }, ...held })
    }
  }
}

/** What a database has, read by queries of its own. */
export function stateOf(db: Database<any>, version: number): State {
  const state = empty(version)
  const rows = (name: string, tenant?: string): void => {
    const live = db.live((db.query as any)[name], tenant === undefined ? undefined : { tenant })
    try { change(state, [...live.rows as Iterable<any>].map(row => ({ op: 'upsert', table: name, row, ...(tenant === undefined ? {} : { tenant }) }))) } finally { live.dispose() }
  }
  for (const name of Object.keys(state.tables)) if (name === 'notes') for (const tenant of ['t0', 't1']) rows(name, tenant); else rows(name)
  for (const source of ['s', 'r']) if (db.cursor(source) !== undefined) state.cursors.set(source, db.cursor(source)!)
  for (const [key, value] of db.durability!.entries('my')) state.entries.set(key, value)
  return state
}

export interface Watched { readonly live: { readonly rows: Iterable<any>; readonly status: string; dispose(): void }; readonly of: (state: State) => unknown[] }

/** Live queries and what they show of a model. */
export function watched(db: Database<any>, which: number): Watched {
  const items = (state: State): any[] => [...state.tables['items'].values()].map(({ row }) => row)
  const q = (db.query as any).items
  if (which === 0) return { live: db.live(q.where('n', '>', 60).orderBy('id')), of: s => items(s).filter(r => r.n > 60).sort((a, b) => a.id < b.id ? -1 : 1) }
  if (which === 1) return { live: db.live(q.orderBy('n', 'desc').orderBy('id').limit(3).select('id', 'n')), of: s => items(s).sort((a, b) => b.n - a.n || (a.id < b.id ? -1 : 1)).slice(0, 3).map(({ id, n }) => ({ id, n })) }
  return { live: db.live((db.query as any).notes.orderBy('id'), { tenant: 't0' }), of: s => [...s.tables['notes'].values()].filter(r => r.tenant === 't0').map(r => r.row).sort((a, b) => a.id < b.id ? -1 : 1) }
}
/** Rows as text. */
export const plain = (rows: Iterable<any>): string => JSON.stringify([...rows].map(row => Object.entries(row).sort(([a], [b]) => a < b ? -1 : 1)))

/** Random changes that every state of the version takes. */
export function changesOf(rnd: (n: number) => number, version: number, serial: number): any[] {
  const items = version >= 4 ? (n: number) => `i${n}` : (n: number) => n
  const noteId = version >= 3 ? (n: number) => `n${n}` : (n: number) => n
  const one = (k: number): any => {
    const n = serial * 10 + k
    const what = rnd(12)
    const row = { id: items(rnd(12)), n, text: rnd(3) === 0 ? null : `text ${n} ä`, more: rnd(4) === 0 ? { n, list: [1, 'x'] } : null, ...(version >= 2 ? { points: `${n}.25` } : {}) }
    if (what <= 4) return { op: 'upsert', table: 'items', row: rnd(9) === 0 ? { ...row, text: 'long '.repeat(80) } : row }
    if (what === 5) return { op: 'delete', table: 'items', id: items(rnd(12)) }
    if (what === 6) return { op: 'update', table: 'items', id: items(rnd(12)), set: { n: -n, text: `set ${n}` } }
    if (what === 7) return { op: 'upsert', table: 'notes', tenant: `t${rnd(2)}`, row: { id: noteId(rnd(5)), text: `note ${n}` } }
    if (what === 8 && rnd(3) === 0) return { op: 'reset', table: 'notes', tenant: `t${rnd(2)}` }
    if (what === 9 && version < 4) return rnd(6) === 0 ? { op: 'reset', table: 'pairs' } : { op: 'upsert', table: 'pairs', row: { a: `a${rnd(3)}`, b: rnd(4), n } }
    if (what === 10 && version >= 3) return { op: 'upsert', table: 'tags', row: { name: `tag ${rnd(3)}`, n: rnd(3) } }
    return { op: 'upsert', table: 'items', row }
  }
  return Array.from({ length: 1 + rnd(3) }, (_, k) => one(k))
}
