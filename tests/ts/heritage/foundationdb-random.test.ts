// Watches, counters and assigns over random histories, beside a model that recomputes everything from whole tables.
import { describe, expect, it } from 'vitest'
import { type Database, createDatabase } from '../../../pkg/index.inline.js'
import { type Counters, type Rule, type Signal, type SignalKind, type Tenant, tenant } from '../../../pkg/watch/index.js'
import { random } from '../fixtures.js'
import { eventually } from '../real/support.js'
import { type Fate, type Row, type Rows, type TableName, columns, equal, expected, keyOf, kinds, replay, schema, text } from './watch-world.js'

const runs = Number(process.env.HERITAGE_RUNS ?? 30)
const sorted = (list: readonly unknown[]): string[] => list.map(text).sort()

interface Watching { tenant: string; table: TableName; kind: SignalKind; has: (row: Row) => boolean; rule: Rule; only?: string[]; once: boolean; said: Signal[]; cancel(): void; done: boolean; query: boolean }
interface Counting { tenant: string; table: TableName; by?: Row; rule: Rule; counts: Counters }
interface Label { name: string; tenant: string; table: TableName; value(rows: Rows): unknown; list?: (rows: Rows) => Row[]; kind: SignalKind; shown: unknown; withheld: boolean }

class World {
  readonly tables = new Map<string, Rows>()
  readonly watching: Watching[] = []
  readonly counting: Counting[] = []
  readonly labels = new Map<string, Map<string, Label>>()
  readonly told = new Map<string, { changed: ReadonlyMap<unknown, unknown>; old: ReadonlyMap<unknown, unknown> }[]>()
  readonly assigns = new Map<string, ReturnType<Tenant<any>['assigns']>>()
  constructor(readonly db: Database<typeof schema>, readonly r: (n: number) => number) {
    for (const id of ['a', 'b']) {
      const assigns = tenant(db, id).assigns()
      this.told.set(id, [])
      assigns.onAssigns((changed, old) => { this.told.get(id)!.push({ changed, old }) })
      this.assigns.set(id, assigns)
      this.labels.set(id, new Map())
    }
  }

  rows(id: string, t: TableName): Rows {
    const name = `${id} ${t}`
    if (!this.tables.has(name)) this.tables.set(name, new Map())
    return this.tables.get(name)!
  }
  pick<T>(list: readonly T[]): T { return list[this.r(list.length)] }
  key(t: TableName): any { return t === 'plain' ? `k${this.r(6)}` : [this.pick(['x', 'y']), this.r(3)] }
  row(t: TableName, key: any): Row {
    const { r } = this
    return { ...(t === 'plain' ? { id: key } : { shelf: key[0], place: key[1] }), author: this.pick(['X', 'Y', null]), likes: r(3), note: this.pick(['', 'n']) }
  }

  changes(id: string): any[] {
    const { r } = this
    const out: any[] = []
    const now = new Map((['items', 'plain'] as const).map(t => [t, new Map(this.rows(id, t))]))
    for (let n = r(6) + 1; n > 0; n--) {
      const t = this.pick(['items', 'plain'] as const)
      const rows = now.get(t)!
      const key = this.key(t)
      const p = r(20)
      if (p < 6) {
        if (rows.has(text(key))) continue
        const row = this.row(t, key)
        rows.set(text(key), row)
        out.push({ op: 'insert', table: t, row })
      } else if (p < 11) {
        const row = this.row(t, key)
        rows.set(text(key), row)
        out.push({ op: 'upsert', table: t, row })
      } else if (p < 15) {
        const set = Object.fromEntries(columns.filter(() => r(2) === 0).map(c => [c, this.row(t, key)[c]]))
        out.push({ op: 'update', table: t, id: key, set })
        if (rows.has(text(key))) rows.set(text(key), { ...rows.get(text(key)), ...set })
      } else if (p < 19) {
        rows.delete(text(key))
        out.push({ op: 'delete', table: t, id: key })
      } else {
        const fresh = new Map([this.key(t), this.key(t)].map(k => [text(k), this.row(t, k)]))
        rows.clear()
        for (const [k, row] of fresh) rows.set(k, row)
        out.push({ op: 'reset', table: t, rows: [...fresh.values()] })
      }
    }
    return out
  }

  by(t: TableName): Row {
    const p = this.r(6)
    if (p < 3) return { author: this.pick(['X', 'Y', null]) }
    if (p < 5) return { author: this.pick(['X', null]), likes: this.r(3) }
    const key = this.key(t)
    return t === 'plain' ? { id: key } : { place: key[1], shelf: key[0] }
  }
  rule(): Rule { return this.r(2) ? {} : { upsertAs: this.pick(['actual', 'insert'] as const), noop: this.pick(['skip', 'signal'] as const) } }

  watch(): void {
    const id = this.pick(['a', 'b']), t = this.pick(['items', 'plain'] as const), kind = this.pick(kinds), scope = tenant(this.db, id)
    const only = (kind === 'updates' || kind === 'changes') && this.r(3) === 0 ? [this.pick(columns)] : undefined
    const w: Watching = { tenant: id, table: t, kind, has: () => true, rule: {}, only, once: this.r(4) === 0, said: [], cancel: () => {}, done: false, query: false }
    const fn = (signal: Signal): void => { w.said.push(signal) }
    let handle
    if (this.r(4) === 0) {
      const n = this.r(3)
      w.has = row => row.likes >= n
      w.query = true
      handle = scope.watch((scope.query as any)[t].where('likes', '>=', n), kind, { columns: only, once: w.once }, fn)
    } else {
      const by = this.r(2) ? this.by(t) : undefined
      if (by !== undefined) w.has = row => Object.entries(by).every(([c, v]) => row[c] === v)
      w.rule = this.rule()
      handle = scope.watch(t, kind, { ...w.rule, by: by as never, columns: only as never, once: w.once }, fn)
    }
    w.cancel = () => { handle.cancel() }
    this.watching.push(w)
  }

  count(): void {
    const id = this.pick(['a', 'b']), t = this.pick(['items', 'plain'] as const), by = this.r(2) ? this.by(t) : undefined, rule = this.rule()
    if (this.counting.some(c => c.tenant === id && c.table === t && equal(c.by, by) && equal(normal(c.rule), normal(rule)))) return
    const counts = tenant(this.db, id).counters(t, { by: by as never, ...rule })
    expect(Object.values(counts)).toEqual([0, 0, 0, 0, 0])
    this.counting.push({ tenant: id, table: t, by, rule, counts })
  }

  assign(): void {
    const id = this.pick(['a', 'b']), t = this.pick(['items', 'plain'] as const), name = this.pick(['p', 'q', 'r', 's'])
    const a = this.assigns.get(id)!, labels = this.labels.get(id)!
    const label: Label = { name, tenant: id, table: t, kind: 'changes', shown: undefined, withheld: false, value: () => undefined }
    const p = this.r(8)
    if (p === 0) {
      a.cancel(name)
      if (labels.has(name)) { expect([null, []]).toContainEqual(a.get(name)); labels.delete(name) }
      expect(a.watching(name)).toBe(false)
    } else if (p < 3) {
      const key = this.key(t)
      label.value = rows => rows.get(text(key)) ?? null
      a.one(name, t, key)
    } else if (p < 5) {
      const ids = Array.from({ length: this.r(4) + 1 }, () => this.key(t))
      label.value = rows => [...new Set(ids.map(text))].flatMap(k => rows.get(k) ?? [])
      a.many(name, t, ids)
    } else {
      const n = this.r(3)
      label.kind = this.pick(kinds)
      label.list = rows => [...rows.values()].filter(row => row.likes >= n).sort((x, y) => x.note < y.note ? -1 : x.note > y.note ? 1 : text(keyOf(t, x)) < text(keyOf(t, y)) ? -1 : 1)
      label.value = label.list
      a.all(name, (this.db.query as any)[t].where('likes', '>=', n).orderBy('note'), { watch: label.kind })
    }
    if (p > 0) {
      label.shown = label.value(this.rows(id, t))
      expect(a.get(name)).toEqual(label.shown)
      labels.set(name, label)
    }
    this.told.get(id)!.length = 0
  }

  /** Whether a list that waits for a kind is refreshed. */
  refreshed(label: Label, before: Rows, after: Rows): boolean {
    if (label.list === undefined) return true
    const old = label.list(before), now = label.list(after), key = (row: Row): string => text(keyOf(label.table, row))
    const was = new Map(old.map(row => [key(row), row])), is = new Map(now.map(row => [key(row), row]))
    const inserts = now.some(row => !was.has(key(row))), deletes = old.some(row => !is.has(key(row)))
    const updates = now.some(row => was.has(key(row)) && !equal(columns.map(c => was.get(key(row))![c]), columns.map(c => row[c])))
    const moves = !equal(old.map(key).filter(k => is.has(k)), now.map(key).filter(k => was.has(k)))
    switch (label.kind) {
      case 'inserts': return inserts
      case 'deletes': return deletes
      case 'collection': return inserts || deletes || moves
      case 'updates': return updates
      default: return inserts || deletes || updates || moves
    }
  }

  step(): void {
    const id = this.pick(['a', 'b'])
    const changes = this.changes(id)
    if (changes.length === 0) return
    const seen = this.r(4) > 0
    for (const w of this.watching) w.said = []
    for (const told of this.told.values()) told.length = 0
    if (seen) tenant(this.db, id).apply(structuredClone(changes))
    else this.db.apply({ changes: structuredClone(changes), tenant: id })
    const fates = new Map<string, Fate[]>(), before = new Map<string, Rows>()
    for (const t of ['items', 'plain'] as const) {
      const name = `${id} ${t}`
      before.set(name, this.rows(id, t))
      const result = replay(this.rows(id, t), t, changes)
      this.tables.set(name, result.rows)
      fates.set(name, result.fates)
    }
    for (const w of this.watching) this.checkWatch(w, fates.get(`${w.tenant} ${w.table}`) ?? [], seen)
    for (const c of this.counting) {
      const by = c.by
      const { counts } = expected(fates.get(`${c.tenant} ${c.table}`) ?? [], row => by === undefined || Object.entries(by).every(([k, v]) => row[k] === v), c.rule, undefined, seen)
      for (const kind of kinds) c.counts[kind] += counts[kind]
      expect(tenant(this.db, c.tenant).counters(c.table, { by: by as never, ...c.rule })).toEqual(c.counts)
    }
    for (const [of, labels] of this.labels) this.checkLabels(of, labels, before)
  }

  checkWatch(w: Watching, fates: Fate[], seen: boolean): void {
    // Of a query nobody sees what was written, and what enters or leaves it was not updated.
    let wanted = expected(fates, w.has, w.query ? {} : w.rule, w.only, seen && !w.query)
    if (w.query) {
      const moved = (f: Fate): boolean => f.before !== undefined && f.after !== undefined && w.has(f.before) !== w.has(f.after)
      wanted = expected(fates.map(f => !moved(f) ? f : w.has(f.before!) ? { ...f, after: undefined } : { ...f, before: undefined }), w.has, {}, w.only, false)
    }
    const fires = !w.done && wanted.counts[w.kind] > 0
    expect(w.said.length, `${w.kind} of ${w.table}`).toBe(fires ? 1 : 0)
    if (!fires) return
    const { counts, keys: told } = w.said[0]
    expect({ counts, inserted: sorted(told.inserted), deleted: sorted(told.deleted), updated: sorted(told.updated) })
      .toEqual({ counts: wanted.counts, inserted: sorted(wanted.inserted), deleted: sorted(wanted.deleted), updated: sorted(wanted.updated) })
    if (w.once) w.done = true
  }

  checkLabels(id: string, labels: Map<string, Label>, before: Map<string, Rows>): void {
    const a = this.assigns.get(id)!
    const changed: string[] = []
    for (const [name, label] of labels) {
      const was = before.get(`${id} ${label.table}`)
      const rows = this.rows(id, label.table)
      if (was !== undefined) {
        const value = label.value(rows)
        if (this.refreshed(label, was, rows)) {
          // After what was withheld the list is another one, even if it is equal again.
          const other = label.withheld && (value as unknown[]).length > 0
          if (other || !same(value, label.shown)) changed.push(name)
          label.shown = value
          label.withheld = false
        } else if (!same(label.value(was), value)) label.withheld = true
      }
      expect(a.get(name), `${name} of ${id}`).toEqual(label.shown)
    }
    const told = this.told.get(id)!
    expect(told.length).toBe(changed.length > 0 ? 1 : 0)
    if (changed.length > 0) expect([...told[0].changed.keys()].sort()).toEqual(changed.sort())
  }
}

const normal = (rule: Rule): Rule => ({ upsertAs: rule.upsertAs ?? 'actual', noop: rule.noop ?? 'skip' })
const same = (a: unknown, b: unknown): boolean => equal(plain(a), plain(b))
/** Columns in one order, for comparison. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  return value === null || typeof value !== 'object' ? value : Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
}

describe('watches, counters and assigns beside a naive model', () => {
  it.each(Array.from({ length: runs }, (_, i) => i + 1))('seed %d', async seed => {
    const errors: unknown[] = []
    const db = await createDatabase({ schema, graceMs: 0, onError: e => { errors.push(e) } })
    const r = random(seed)
    const world = new World(db, r)
    for (let n = 0; n < 80; n++) {
      const p = r(10)
      if (p === 0) world.watch()
      else if (p === 1) world.count()
      else if (p === 2) world.assign()
      else if (p === 3 && world.watching.length > 3) { const [w] = world.watching.splice(r(world.watching.length), 1); w.cancel() }
      else world.step()
    }
    expect(errors).toEqual([])
    for (const id of ['a', 'b']) tenant(db, id).dispose()
    await eventually(() => db.stats().views === 0)
    expect(db.stats().views).toBe(0)
    db.close()
  })
})
