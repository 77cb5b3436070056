// `sync` beside the engine: random schemas of associations, random histories, and the nested live query read anew each time.
import { describe, expect, it } from 'vitest'
import {
  type Database, belongsTo, createDatabase, defineSchema, hasMany, hasOne, int, manyToMany, string, table, through,
} from '../../../pkg/index.inline.js'
import { type Notification, type RowEvent, type News, close, subscribe, sync } from '../../../pkg/sync/index.js'
import { random } from '../real/support.js'

type Row = Record<string, any>
type Shape = { [name: string]: Shape }
interface Relation { target: string; ordered: boolean; hops: number }
interface World { schema: any; names: string[]; keys: Record<string, string[]>; relations: Record<string, Record<string, Relation>>; columns: Record<string, string[]> }

const NAMES = ['a', 'b', 'c', 'd']

/** Tables with one or two key columns, foreign keys into each other, a pair table for each two of them. */
function world(rnd: (n: number) => number): World {
  const columns: Record<string, string[]> = {}, keys: Record<string, string[]> = {}, relations: World['relations'] = {}
  const tables: Record<string, any> = {}, given: Record<string, Record<string, any>> = {}
  for (const name of NAMES) {
    const composite = rnd(4) === 0
    keys[name] = composite ? ['k', 'l'] : [rnd(3) === 0 ? 'code' : 'id']
    tables[name] = { ...Object.fromEntries(keys[name].map(k => [k, k === 'code' ? string().key() : int().key()])), n: int(), s: string().nullable() }
    relations[name] = {}
    given[name] = {}
  }
  const where = (): object => [{}, {}, { where: (q: any) => q.where('n', '<', 3) }, { where: (q: any) => q.where('s', 'in', ['x', 'y']) }, { where: (q: any) => q.where('s', 'is', null) }][rnd(5)]
  const order = (): { orderBy?: any[] } => [{}, {}, { orderBy: [['n', 'desc']] }, { orderBy: [['s', 'asc', { nulls: 'first' }], ['n']] }][rnd(4)]
  const add = (owner: string, target: string, hops: number, relation: any): void => {
    const name = `r${Object.keys(relations[owner]).length}`
    given[owner][name] = relation
    relations[owner][name] = { target, hops, ordered: relation.orderBy !== undefined }
  }
  const like = (t: string, k: string): any => k === 'code' ? string() : int()
  for (const child of NAMES) {
    for (let i = rnd(2); i < 2; i++) {
      const parent = NAMES[rnd(4)]
      const fk = keys[parent].map((k, n) => [`f${i}_${n}`, like(parent, k).nullable()] as const)
      Object.assign(tables[child], Object.fromEntries(fk))
      const names = fk.map(([c]) => c)
      add(child, parent, 1, belongsTo(parent, names))
      add(parent, child, 1, hasMany(child, names, { ...where(), ...order() }))
      if (rnd(2) === 0) add(parent, child, 1, hasOne(child, names, { ...where(), orderBy: [['n', rnd(2) === 0 ? 'asc' : 'desc']] }))
    }
  }
  for (let i = 0; i < 3; i++) {
    const left = NAMES[rnd(4)], right = NAMES[rnd(4)]
    const join = `j${i}`
    const l = keys[left].map((k, n) => [`l${n}`, like(left, k)] as const), r = keys[right].map((k, n) => [`r${n}`, like(right, k)] as const)
    // Bare pairs, or rows of their own that may double.
    const bare = rnd(2) === 0
    tables[join] = { ...(bare ? {} : { id: int().key() }), ...Object.fromEntries([...l, ...r].map(([c, type]) => [c, bare ? type.key() : type])) }
    keys[join] = bare ? [...l, ...r].map(([c]) => c) : ['id']
    relations[join] = {}
    add(left, right, 2, manyToMany(right, join, [l.map(([c]) => c), r.map(([c]) => c)], { ...where(), ...order() }))
    if (rnd(2) === 0) add(right, left, 2, manyToMany(left, join, [r.map(([c]) => c), l.map(([c]) => c)], order()))
  }
  for (let i = 0; i < 4; i++) {
    const owner = NAMES[rnd(4)]
    const path: string[] = []
    let at = owner, ordered = false, hops = 0
    for (let n = 0; n < 2 + rnd(2); n++) {
      const names = Object.keys(relations[at])
      if (names.length === 0) break
      const step = names[rnd(names.length)]
      path.push(step)
      ordered = relations[at][step].ordered
      hops += relations[at][step].hops
      at = relations[at][step].target
    }
    // The engine joins 13 tables at most.
    if (path.length < 2 || hops > 9) continue
    add(owner, at, hops, through(...path as [string, string]))
    relations[owner][Object.keys(relations[owner]).at(-1)!].ordered = ordered
  }
  const built = Object.fromEntries(Object.entries(tables).map(([name, t]) => [name, table(t)]))
  for (const name of Object.keys(tables)) columns[name] = Object.keys(tables[name])
  return { schema: defineSchema(built, given as never), names: Object.keys(tables), keys, relations, columns }
}

const few = (rnd: (n: number) => number, column: string, type: 'text' | 'int'): unknown => type === 'text' ? ['p', 'q', 'é', '😀', '\uffff'][rnd(5)] : rnd(5)

function cell(rnd: (n: number) => number, w: World, name: string, column: string): unknown {
  const c = w.schema.json.tables.find((t: any) => t.name === name).columns.find((x: any) => x.name === column)
  if (column === 's') return [null, 'x', 'y', 'z'][rnd(4)]
  if (c.nullable && rnd(5) === 0) return null
  return few(rnd, column, c.type)
}

const keyOf = (w: World, name: string, row: Row): string => JSON.stringify(w.keys[name].map(k => row[k]))

/** A random batch, and the events that an outsider would send for it: ids only, in order. */
function batch(rnd: (n: number) => number, w: World, held: Record<string, Map<string, Row>>): { changes: object[]; events: RowEvent[] } {
  const changes: object[] = [], events: RowEvent[] = []
  for (let n = 1 + rnd(rnd(3) === 0 ? 12 : 3); n > 0; n--) {
    const name = w.names[rnd(w.names.length)]
    const rows = held[name]
    const keys = [...rows.keys()]
    const any = keys.length > 0 ? rows.get(keys[rnd(keys.length)])! : undefined
    const kind = rnd(10)
    if (any !== undefined && kind < 4) {
      const rest = w.columns[name].filter(c => !w.keys[name].includes(c))
      if (rest.length === 0) continue
      const set = Object.fromEntries(Array.from({ length: 1 + rnd(2) }, () => rest[rnd(rest.length)]).map(c => [c, cell(rnd, w, name, c)]))
      changes.push({ op: 'update', table: name, id: w.keys[name].map(k => any[k]), set })
      rows.set(keyOf(w, name, any), { ...any, ...set })
      events.push({ table: name, event: 'updated', id: w.keys[name].map(k => any[k]) })
    } else if (any !== undefined && kind < 6) {
      changes.push({ op: 'delete', table: name, id: w.keys[name].map(k => any[k]) })
      rows.delete(keyOf(w, name, any))
      events.push({ table: name, event: 'deleted', id: w.keys[name].map(k => any[k]) })
    } else {
      const row = Object.fromEntries(w.columns[name].map(c => [c, cell(rnd, w, name, c)]))
      if (w.keys[name].some(k => row[k] === null)) continue
      const key = keyOf(w, name, row)
      changes.push({ op: 'upsert', table: name, row })
      events.push({ table: name, event: rows.has(key) ? 'updated' : 'inserted', id: w.keys[name].map(k => row[k]) })
      rows.set(key, row)
    }
  }
  return { changes, events }
}

function shapeFrom(rnd: (n: number) => number, w: World, name: string, depth: number): Shape {
  const shape: Shape = {}
  for (const relation of Object.keys(w.relations[name])) {
    if (rnd(3) === 0) continue
    shape[relation] = depth > 0 && rnd(2) === 0 ? shapeFrom(rnd, w, w.relations[name][relation].target, depth - 1) : {}
  }
  return shape
}

function loading(q: any, shape: Shape): any {
  for (const [name, below] of Object.entries(shape)) q = q.with(name, (inner: any) => loading(inner, below))
  return q
}

/** Lists without a declared order by key, so that those of arrival compare with those of the engine. */
function settled(w: World, name: string, rows: readonly Row[], ordered: boolean): Row[] {
  const out = rows.map(row => {
    const copy: Row = { ...row }
    for (const [relation, { target, ordered: declared }] of Object.entries(w.relations[name])) {
      const below = row[relation]
      if (Array.isArray(below)) copy[relation] = settled(w, target, below, declared)
      else if (below) copy[relation] = settled(w, target, [below], true)[0]
    }
    return copy
  })
  return ordered ? out : out.sort((a, b) => keyOf(w, name, a) < keyOf(w, name, b) ? -1 : 1)
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** What is equal is identical; what was in an undeclared list stays in its place, what came is behind it. */
function shared(w: World, name: string, before: readonly Row[], after: readonly Row[], ordered: boolean): string[] {
  const faults: string[] = []
  if (before !== after && same(before, after)) faults.push(`an equal list of ${name} was copied`)
  const old = new Map(before.map(r => [keyOf(w, name, r), r]))
  if (!ordered) {
    const here = new Set(after.map(r => keyOf(w, name, r)))
    const expected = [...before.map(r => keyOf(w, name, r)).filter(k => here.has(k)), ...after.map(r => keyOf(w, name, r)).filter(k => !old.has(k))]
    if (!same(expected, after.map(r => keyOf(w, name, r)))) faults.push(`rows of ${name} changed places`)
  }
  for (const row of after) {
    const was = old.get(keyOf(w, name, row))
    if (was === undefined || was === row) continue
    if (same(was, row)) faults.push(`an equal row of ${name} was copied`)
    for (const [relation, { target, ordered: declared }] of Object.entries(w.relations[name])) {
      if (Array.isArray(row[relation])) faults.push(...shared(w, target, was[relation], row[relation], declared))
    }
  }
  return faults
}

/** What came into lists without a declared order stands as it arrived: as in the live query. Lists of rows that came in, wholly. */
function arrived(w: World, name: string, before: readonly Row[], after: readonly Row[], live: readonly Row[]): string[] {
  const faults: string[] = []
  const old = new Map(before.map(r => [keyOf(w, name, r), r])), now = new Map(live.map(r => [keyOf(w, name, r), r]))
  for (const row of after) {
    const was = old.get(keyOf(w, name, row)), is = now.get(keyOf(w, name, row))!
    for (const [relation, { target, ordered }] of Object.entries(w.relations[name])) {
      if (!Array.isArray(row[relation])) continue
      const here = new Set((was?.[relation] as Row[] | undefined ?? []).map(r => keyOf(w, target, r)))
      const fresh = (rows: Row[]): string[] => rows.map(r => keyOf(w, target, r)).filter(k => !here.has(k))
      if (!ordered && !same(fresh(row[relation]), fresh(is[relation]))) faults.push(`rows came to ${name}.${relation} as ${fresh(row[relation])} and not as ${fresh(is[relation])}`)
      faults.push(...arrived(w, target, was?.[relation] ?? [], row[relation], is[relation]))
    }
  }
  return faults
}

async function history(seed: number): Promise<void> {
  const rnd = random(seed)
  const w = world(rnd)
  const db: Database<any> = await createDatabase({ schema: w.schema, onError: e => { throw e } })
  try {
    const held = Object.fromEntries(w.names.map(n => [n, new Map<string, Row>()]))
    for (let i = 0; i < 6; i++) db.apply(batch(rnd, w, held).changes as never)
    const top = NAMES[rnd(4)]
    const shape = shapeFrom(rnd, w, top, 2)
    const live = db.live(loading((db.query as any)[top], shape))
    const read = (): Row[] => settled(w, top, live.rows as Row[], false)
    let told: Row[] = [...live.rows as Row[]], notes = 0
    let plain = told
    subscribe(db, told.length > 0 ? told : top, { ...(told.length > 0 ? { of: top, inserted: true } : {}), assocs: shape }, n => {
      notes++
      told = sync(db, told, n, { of: top }) as Row[]
    })
    for (let step = 0; step < 12; step++) {
      const [beforeTold, beforePlain, beforeNotes] = [told, plain, notes]
      const { changes, events } = batch(rnd, w, held)
      db.apply(changes as never)
      plain = sync(db, plain, events, { of: top, assocs: shape }) as Row[]
      const say = `seed ${seed}, step ${step}, ${top} ${JSON.stringify(shape)}`
      expect(settled(w, top, plain, false), `${say}: by messages`).toEqual(read())
      expect(settled(w, top, told, false), `${say}: by subscription`).toEqual(read())
      expect(notes - beforeNotes, say).toBeLessThanOrEqual(1)
      expect([...shared(w, top, beforePlain, plain, false), ...shared(w, top, beforeTold, told, false)], say).toEqual([])
      expect([...arrived(w, top, beforePlain, plain, live.rows as Row[]), ...arrived(w, top, beforeTold, told, live.rows as Row[])], say).toEqual([])
    }
  } finally {
    close(db)
    db.close()
  }
}

/** Batches between which some rows are gone or elsewhere, and back in the end as they were. */
function absence(rnd: (n: number) => number, w: World, held: Record<string, Map<string, Row>>): { changes: object[]; events: RowEvent[] }[] {
  const away: { changes: object[]; events: RowEvent[] } = { changes: [], events: [] }, back: typeof away = { changes: [], events: [] }
  for (const name of w.names) {
    for (const [key, was] of [...held[name]]) {
      if (rnd(4) > 0) continue
      const id = JSON.parse(key) as unknown[], moves = rnd(2) === 0
      const row = moves ? Object.fromEntries(w.columns[name].map(c => [c, w.keys[name].includes(c) ? was[c] : cell(rnd, w, name, c)])) : undefined
      away.changes.push(row === undefined ? { op: 'delete', table: name, id } : { op: 'upsert', table: name, row })
      away.events.push({ table: name, event: moves ? 'updated' : 'deleted', id })
      if (row === undefined) held[name].delete(key)
      else held[name].set(key, row)
      back.changes.push({ op: 'upsert', table: name, row: was })
      back.events.push({ table: name, event: 'updated', id })
    }
  }
  const between = Array.from({ length: 1 + rnd(2) }, () => batch(rnd, w, held))
  back.changes.forEach((change, i) => {
    const { table, row } = change as { table: string; row: Row }, key = keyOf(w, table, row)
    if (!held[table].has(key)) (back.events[i] as { event: string }).event = 'inserted'
    held[table].set(key, row)
  })
  return [away, ...between, back]
}

/** Values that take the same news in: in step, some of it later, all of it later (one by one, as a list, backwards, twice); and one by messages. */
async function late(seed: number): Promise<void> {
  const rnd = random(seed)
  const w = world(rnd)
  const db: Database<any> = await createDatabase({ schema: w.schema, onError: e => { throw e } })
  try {
    const held = Object.fromEntries(w.names.map(n => [n, new Map<string, Row>()]))
    for (let i = 0; i < 6; i++) db.apply(batch(rnd, w, held).changes as never)
    const top = NAMES[rnd(4)]
    const shape = shapeFrom(rnd, w, top, 2)
    const live = db.live(loading((db.query as any)[top], shape))
    const values: Record<string, Row[]> = { 'one by one': [...live.rows as Row[]] }
    for (const how of ['in step', 'some later', 'as a list', 'backwards', 'twice', 'by messages']) values[how] = values['one by one']
    const rows = values['one by one']
    let news: Notification[] = [], some: Notification[] = [], messages: RowEvent[] = []
    const take = (how: string, one: News): void => {
      const before = values[how]
      values[how] = sync(db, before, one, { of: top, assocs: shape }) as Row[]
      expect(shared(w, top, before, values[how], false), `seed ${seed}, ${how}`).toEqual([])
    }
    subscribe(db, rows.length > 0 ? rows : top, { ...(rows.length > 0 ? { of: top, inserted: true } : {}), assocs: shape }, n => {
      news.push(n)
      take('in step', n)
      if (rnd(2) === 0) take('some later', n)
      else some.push(n)
    })
    for (let step = 0; step < 8; step++) {
      for (const { changes, events } of rnd(3) > 0 ? absence(rnd, w, held) : [batch(rnd, w, held)]) {
        db.apply(changes as never)
        messages.push(...events)
      }
      if (rnd(4) === 0 && step < 7) continue
      const told: Record<string, News[]> = { 'by messages': [messages], 'as a list': [news.flatMap(n => n.events)], backwards: [...news].reverse(), twice: [...news, ...news], 'in step': [], 'some later': some }
      for (const how of Object.keys(values)) {
        for (const one of told[how] ?? news) take(how, one)
        const value = values[how], say = `seed ${seed}, step ${step}, ${top} ${JSON.stringify(shape)}, ${how}`
        expect(settled(w, top, value, false), say).toEqual(settled(w, top, live.rows as Row[], false))
        for (const one of [...news, messages]) expect(sync(db, value, one, { of: top, assocs: shape }), `${say}: again`).toBe(value)
      }
      [news, some, messages] = [[], [], []]
    }
  } finally {
    close(db)
    db.close()
  }
}

describe('sync beside the nested live query', () => {
  const seed = Number(process.env.SYNC_SEED ?? 1), runs = Number(process.env.SYNC_RUNS ?? 120)
  it(`${runs} random graphs and histories`, async () => {
    for (let i = 0; i < runs; i++) await history(seed + i)
  }, Math.max(180_000, runs * 1000))
  it(`${runs} of which the news are taken in late`, async () => {
    for (let i = 0; i < runs; i++) await late(seed + i)
  }, Math.max(180_000, runs * 1000))
})
