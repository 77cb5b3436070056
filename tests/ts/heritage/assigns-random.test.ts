// Assigns that are put, cancelled, grouped and disposed of at any moment, inside of callbacks, too, which apply, throw and end each
// other: beside a model that knows the tables of each version. What is told is told once, in order, and is whole.
import { describe, expect, it } from 'vitest'
import { EddylineError } from '../../../pkg/index.inline.js'
import { type AssignsListener, type Watch, tenant } from '../../../pkg/watch/index.js'
import { random } from '../fixtures.js'
import { eventually } from '../real/support.js'
import { open } from './tenants.js'

type Row = Record<string, any>
type Assigned = ReturnType<ReturnType<typeof tenant>['assigns']>
type Tables = Map<string, Row>
interface Label { weight: number; value(rows: Tables): unknown; many?: string[] }

const runs = Number(process.env.HERITAGE_RUNS ?? 40), first = Number(process.env.HERITAGE_SEED ?? 1), MOST = 14
const TENANTS = ['a', 'b'], LABELS = ['p', 'q', 'r', 's', Symbol('t'), NaN]
const USERS = ['1', '2', '3', '4'], COUNTRIES = ['de', 'fr']
class Mine extends Error {}
const each = (error: unknown): unknown[] => error instanceof AggregateError ? error.errors.flatMap(each) : [error]
const keyOf = (of: string, name: string, id: string): string => `${of} ${name} ${id}`
const sorted = (rows: Row[], by: string): Row[] => rows.sort((x, y) => x[by] < y[by] ? -1 : x[by] > y[by] ? 1 : (x.id ?? x.code) < (y.id ?? y.code) ? -1 : 1)

class Side {
  assigns!: Assigned
  labels = new Map<unknown, Label>()
  /** Labels that were cancelled, and what they show since. */
  over = new Map<unknown, unknown>()
  /** What a callback that hears everything was told last. */
  shadow = new Map<unknown, unknown>()
  watches: { watch: Watch; once: boolean; said: number[] }[] = []
  constructor(readonly id: string) {}
  get weight(): number { return [...this.labels.values()].reduce((n, l) => n + l.weight, 0) + this.watches.filter(w => w.watch.active).length }
}

async function play(seed: number): Promise<void> {
  const r = random(seed)
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]
  const { db, errors } = await open()
  const history = new Map<number, Tables>([[db.version, new Map()]])
  const now = (): Tables => history.get(db.version)!
  const sides = TENANTS.map(id => new Side(id))
  for (const s of sides) tenant(db, s.id, { maxWatches: MOST })
  /** How much callbacks may do in one go; what was put while versions were told shows newer ones. */
  let budget = 0, depth = 0
  const ahead = new Set<Side>()
  /** What callbacks found wrong. */
  const faults: unknown[] = []
  const say = (what: string): string => `seed ${seed}, version ${db.version}: ${what}`

  const apply = (): void => {
    const of = pick(TENANTS), rows = new Map(now()), changes: Row[] = []
    for (let n = 1 + r(4); n > 0; n--) {
      const name = r(4) ? 'users' : 'countries', id = pick(name === 'users' ? USERS : COUNTRIES)
      const key = keyOf(name === 'users' ? of : '', name, id)
      if (r(3) === 0) { changes.push({ op: 'delete', table: name, id, ...(name === 'users' ? { tenant: of } : {}) }); rows.delete(key); continue }
      const row = name === 'users' ? { id, name: pick(['A', 'B', 'C']), notes: pick([null, 'n']) } : { code: id, name: pick(['X', 'Y']) }
      changes.push({ op: 'upsert', table: name, row, ...(name === 'users' ? { tenant: of } : {}) })
      rows.set(key, row)
    }
    history.set(db.version + 1, rows)
    const { version } = db
    db.apply(changes as never)
    // Callbacks may have applied, too.
    expect(db.version).toBeGreaterThan(version)
  }

  const listen = (s: Side): void => {
    s.assigns = tenant(db, s.id).assigns()
    s.labels.clear(); s.over.clear(); s.shadow.clear()
    const { assigns, shadow } = s
    const hear = (fn: AssignsListener): void => { assigns.onAssigns((...told) => { try { fn(...told) } catch (error) { faults.push(error) } }) }
    let version = 0
    hear((changed, old, info) => {
      const what = say(`${s.id} is told of ${[...changed.keys()].map(String)}`)
      expect(changed.size, what).toBeGreaterThan(0)
      expect([...old.keys()].filter(k => changed.has(k)).length, what).toBe(changed.size)
      // What a call causes is of the newest version, which may be told after it.
      if (info.batch !== undefined) {
        expect(info.version, what).toBeGreaterThan(version)
        version = info.version
      }
      for (const [label, value] of changed) {
        expect(old.get(label), what).toBe(shadow.get(label))
        expect(value, what).not.toBe(old.get(label))
        shadow.set(label, value)
      }
      for (const patched of info.patches.keys()) expect(changed.has(patched), what).toBe(true)
      // All labels are of the version that is told, unless some were put meanwhile.
      if (info.batch !== undefined && !ahead.has(s)) {
        expect(info.batch.version, what).toBe(info.version)
        for (const [label, l] of s.labels) expect(assigns.get(label), `${what}, ${String(label)}`).toEqual(l.value(history.get(info.version)!))
      }
    })
    assigns.onAssigns(() => { inside() })
    assigns.onAssigns(() => { inside(); if (r(6) === 0) return 'halt' })
  }

  const inside = (): void => {
    if (depth === 0 || budget <= 0) return
    budget--
    if (r(3) === 0) { act(); if (r(5) === 0) throw new Mine('of a callback') }
    else if (r(5) === 0) throw new Mine('of a callback')
  }

  /** Calls something that may throw what a callback threw, or that there are too many watches. */
  const attempt = (s: Side, more: number, fn: () => void): boolean => {
    const fits = s.weight + more <= MOST
    let limited = false
    try { fn() } catch (error) {
      for (const e of each(error)) {
        if (e instanceof EddylineError && e.code === 'WATCH_LIMIT' && !fits) limited = true
        else if (!(e instanceof Mine)) throw e
      }
    }
    expect(limited, say('the limit')).toBe(!fits)
    return !limited
  }

  const put = (s: Side): void => {
    const a = s.assigns, label = pick(LABELS), known = s.labels.get(label), weight = known?.weight ?? 0
    if (depth > 1) ahead.add(s)
    let made: Label, fn: () => void
    const user = (rows: Tables, id: string): Row | undefined => rows.get(keyOf(s.id, 'users', id))
    const users = (rows: Tables): Row[] => USERS.flatMap(id => user(rows, id) ?? [])
    switch (r(5)) {
      case 0: { const id = pick(USERS); made = { weight: 1, value: rows => user(rows, id) ?? null }; fn = () => { a.one(label, 'users', id) }; break }
      case 1: { const code = pick(COUNTRIES); made = { weight: 1, value: rows => rows.get(keyOf('', 'countries', code)) ?? null }; fn = () => { a.one(label, 'countries', code) }; break }
      case 2: {
        const ids = Array.from({ length: 1 + r(5) }, () => pick(USERS)), own = [...new Set(ids)]
        made = { weight: own.length, many: own, value: rows => own.flatMap(id => user(rows, id) ?? []) }
        fn = () => { a.many(label, 'users', ids) }
        break
      }
      case 3: made = { weight: 1, value: rows => sorted(users(rows), 'name') }; fn = () => { a.all(label, db.query.users.orderBy('name')) }; break
      default: { const name = pick(['A', 'B', 'C']); made = { weight: 1, value: rows => users(rows).filter(u => u.name === name) }; fn = () => { a.allBy(label, 'users', { name }) } }
    }
    const before = a.get(label)
    // Before the call: callbacks that it makes see the label.
    const former = s.labels.get(label), wasOver = s.over.has(label), old = s.over.get(label), fits = s.weight + made.weight - weight <= MOST
    if (fits) { s.labels.set(label, made); s.over.delete(label) }
    const more = fits ? 0 : made.weight - weight
    const budgetWas = budget
    if (!fits) budget = 0
    attempt(s, more, fn)
    if (!fits) {
      budget = budgetWas
      expect(a.get(label), say('stays')).toBe(before)
      if (former !== undefined) s.labels.set(label, former)
      if (wasOver) s.over.set(label, old)
    }
  }

  const cancel = (s: Side): void => {
    const label = pick(LABELS), l = s.labels.get(label), assign = r(3) > 0
    if (depth > 1) ahead.add(s)
    if (l !== undefined) {
      const value = s.assigns.get(label)
      s.labels.delete(label)
      s.over.set(label, assign ? Array.isArray(value) ? [] : null : value)
    }
    attempt(s, 0, () => { s.assigns.cancel(label, assign ? undefined : { assign }) })
  }

  const act = (): void => {
    depth++
    try {
      const s = pick(sides)
      switch (r(14)) {
        case 0: case 1: case 2: case 3: apply(); break
        case 4: case 5: case 6: put(s); break
        case 7: cancel(s); break
        case 8: {
          // Callbacks may put others meanwhile, so what is over is looked at before.
          for (const [label] of s.labels) s.over.set(label, Array.isArray(s.assigns.get(label)) ? [] : null)
          s.labels.clear()
          if (depth > 1) ahead.add(s)
          attempt(s, 0, () => { s.assigns.cancelAll() })
          break
        }
        case 9: {
          ahead.add(s)
          try { s.assigns.group(() => { put(s); if (r(2)) apply(); put(s); if (r(5) === 0) throw new Mine('of a callback') }) } catch (error) {
            for (const e of each(error)) if (!(e instanceof Mine)) throw e
          }
          break
        }
        case 10: {
          if (depth > 1 && r(2)) break
          const former = s.assigns, picture = former.getSnapshot()
          former.dispose()
          expect(former.getSnapshot()).toBe(picture)
          listen(s)
          break
        }
        case 11: {
          const once = r(2) === 0, said: number[] = []
          const w = { once, said, watch: undefined as never as Watch }
          const fits = s.weight + 1 <= MOST
          try {
            w.watch = tenant(db, s.id).watch('users', 'changes', { once }, signal => {
              said.push(signal.version)
              expect(signal.counts.changes, say('a signal')).toBeGreaterThan(0)
              inside()
            })
            s.watches.push(w)
            expect(fits).toBe(true)
          } catch (error) { expect([(error as EddylineError).code, fits]).toEqual(['WATCH_LIMIT', false]) }
          break
        }
        case 12: if (s.watches.length > 0) s.watches.splice(r(s.watches.length), 1)[0].watch.cancel(); break
        default: { const stop = s.assigns.onAssigns(() => { stop(); inside() }) }
      }
    } finally { depth-- }
  }

  for (const s of sides) listen(s)
  db.subscribe(() => { inside() })
  db.live(db.query.countries).subscribe(() => { inside() })
  for (let step = 0; step < 60; step++) {
    budget = r(3) ? 3 : 0
    ahead.clear()
    act()
    if (faults.length > 0) throw faults[0]
    for (const s of sides) {
      const what = say(`step ${step}, ${s.id}`)
      for (const [label, l] of s.labels) {
        expect(s.assigns.get(label), `${what}, ${String(label)}`).toEqual(l.value(now()))
        expect(s.assigns.watching(label), what).toBe(true)
      }
      for (const [label, value] of s.over) {
        expect(s.assigns.get(label), `${what}, ${String(label)} is over`).toEqual(value)
        expect(s.assigns.watching(label), what).toBe(false)
      }
      for (const label of LABELS) expect(s.shadow.get(label), `${what}, ${String(label)} as told`).toBe(s.assigns.get(label))
      expect(tenant(db, s.id).watchCount, what).toBe(s.weight)
      for (const { said, once, watch } of s.watches) {
        expect(new Set(said).size, what).toBe(said.length)
        expect(said, what).toEqual([...said].sort((x, y) => x - y))
        if (once) expect([said.length <= 1, watch.active], what).toEqual([true, said.length === 0])
      }
    }
    for (const e of errors.splice(0).flatMap(each)) expect(e).toBeInstanceOf(Mine)
  }
  for (const s of sides) tenant(db, s.id).dispose()
  for (const s of sides) expect(tenant(db, s.id).watchCount).toBe(0)
  await eventually(() => db.stats().views <= 1)
  db.close()
}

describe('assigns that change at any moment', () => {
  it('show and tell what the tables of each version say, once', async () => {
    for (let i = 0; i < runs; i++) await play(first + i)
  }, 180_000 + runs * 1000)
})
