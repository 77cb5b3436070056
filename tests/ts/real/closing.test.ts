// A database that is closed: what it showed stays readable, and its end does not hold the page up.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type LiveQuery, gt, param } from '../../../pkg/index.inline.js'
import { copied, load, queries, slowClock } from './shown.js'
import { type Db, failure, issue, open, random } from './support.js'

const N = 3000
const loaded = async (n = N): Promise<Db> => {
  const { db } = await open({ graceMs: 0 })
  db.apply(load(n))
  return db
}
const real = setImmediate
afterEach(() => { vi.restoreAllMocks() })

/** Turns of what is done in slices: what asks for none is at its end. */
function slices(): { asked: number; end: (each?: () => void) => Promise<number> } {
  const counted = { asked: 0, end }
  vi.spyOn(globalThis, 'setImmediate').mockImplementation(((fn: () => void) => { counted.asked++; return real(fn) }) as never)
  async function end(each?: () => void): Promise<number> {
    for (let seen = -1; seen !== counted.asked;) {
      seen = counted.asked
      each?.()
      await new Promise(resolve => { real(resolve) })
    }
    return counted.asked
  }
  return counted
}

it('every call of a closed database says so', async () => {
  const db = await loaded(2)
  const own = db.live(db.query.issues.where(i => gt(i.priority, param('p'))), { params: { p: 0 } })
  const scope = db.tenant('a')
  db.close()
  const calls: Record<string, () => unknown> = {
    apply: () => db.apply([]), applyJson: () => db.applyJson('[]'), live: () => db.live(db.query.issues), explain: () => db.explain(db.query.issues), stats: () => db.stats(), cursor: () => db.cursor('s'),
    subscribe: () => db.subscribe(() => {}), retry: () => db.retry(), connect: () => db.connect({ name: 's', sync() {} }), setParams: () => own.setParams({ p: 1 }), 'tenant.apply': () => scope.apply([]), 'tenant.live': () => scope.live(db.query.notes),
  }
  expect(Object.entries(calls).filter(([, call]) => { try { call(); return true } catch (error) { return (error as { code?: string }).code !== 'CLOSED' } }).map(([name]) => name)).toEqual([])
})

describe('a database over many rows that is closed', () => {
  for (const [name, make] of Object.entries(queries)) {
    it(`shows in slices what it showed, whoever reads in the middle of it: ${name}`, async () => {
      const expected = copied((await loaded()).live(make(await loaded())).rows) as unknown[]
      for (const reads of [false, true]) {
        const db = await loaded()
        const live: LiveQuery<any> = db.live(make(db))
        let first: any
        live.subscribe(event => { first ??= event })
        const { rows } = live
        slowClock()
        const turns = slices()
        db.close()
        expect(failure(() => db.apply([])).code).toBe('CLOSED')
        const next = random(7)
        const seen = await turns.end(() => {
          if (!reads) return
          const at = next(rows.length)
          expect(copied(rows[at])).toEqual(expected[at])
          expect(live.rows.length).toBe(expected.length)
        })
        // A slice is four looks at the clock: of 16 rows, or of 128.
        expect(seen).toBeGreaterThan(rows.length / 128 / 5)
        expect(copied(rows)).toEqual(expected)
        expect(copied(live.rows)).toEqual(expected)
      }
    })
  }

  it('keeps diffs that nobody has looked at', async () => {
    for (const when of ['in the middle', 'at the end']) {
      const db = await loaded(0)
      const events: any[] = []
      db.live(db.query.issues.orderBy('priority').select('id', 'priority')).subscribe(event => { if (event.batch !== undefined) events.push(event.diff) })
      for (let k = 0; k < 3; k++) db.apply([{ op: 'upsert', table: 'issues', rows: Array.from({ length: 500 }, (_, i) => issue(`${k} ${i}`, { priority: i })) }])
      slowClock()
      const turns = slices()
      db.close()
      const read = (): void => {
        expect(events.map(diff => diff.length)).toEqual([500, 500, 500])
        for (const [k, diff] of events.entries()) expect(new Set(diff.map((p: any) => `${p.row.id} ${p.row.priority}`))).toEqual(new Set(Array.from({ length: 500 }, (_, i) => `${k} ${i} ${i}`)))
      }
      if (when === 'in the middle') read()
      expect(await turns.end()).toBeGreaterThan(5)
      read()
    }
  })

  it('gives its memory back before another of its kind is on its way', async () => {
    const rows = load(20_000)
    let bytes = 0
    for (let k = 0; k < 12; k++) {
      const { db } = await open()
      db.apply(rows)
      const { rows: shown } = db.live(db.query.issues.orderBy('priority'))
      expect((shown[19_999] as any).priority).toBe(19_999)
      // Nothing else runs between them.
      db.close()
      if (k === 2) bytes = await memory()
      if (k > 2) expect(await memory()).toBeLessThanOrEqual(bytes)
    }
  })
})

it('has given its memory back at its end', async () => {
  const small = await open()
  const before = small.db.stats().allocatedBytes
  const db = await loaded(20_000)
  const { rows } = db.live(queries.nested(db)) as LiveQuery<any>
  // Handles of so many rows are fetched when they are needed.
  const long = db.live(db.query.issues.orderBy('priority')).rows
  expect([rows.length, long.length, long[0].priority]).toEqual([20_000, 20_000, 0])
  slowClock()
  const turns = slices()
  db.close()
  expect(small.db.stats().allocatedBytes).toBeGreaterThan(before + 5_000_000)
  await turns.end()
  expect(small.db.stats().allocatedBytes).toBeLessThan(before + 50_000)
  expect([rows[19_999].comments.length, long[19_999].priority]).toEqual([1, 19_999])
})

it('makes room at once for another that has a budget', async () => {
  for (const when of ['before', 'asked'] as const) {
    const first = await loaded(20_000)
    expect(first.live(queries.nested(first)).rows.length).toBe(20_000)
    const budget = first.stats().allocatedBytes
    let asked = 0
    const { db } = await open({ memory: { budget, onPressure: () => { asked++; first.close() } } })
    if (when === 'before') first.close()
    db.apply(load(5000))
    expect(asked).toBeLessThanOrEqual(1)
    expect(db.live(db.query.issues).rows.length).toBe(5000)
    db.close()
  }
})

it('takes no event from the others when a listener closes it', async () => {
  const { db, errors } = await open()
  db.apply(load(3))
  const seen: unknown[] = []
  db.live(db.query.projects.limit(1)).subscribe(() => { db.close() })
  const shapes = [db.query.issues.orderBy('id'), db.query.issues.orderBy('id').with('comments', c => c.orderBy('id')), db.query.issues.select('id', 'title').orderBy('id')]
  const all = shapes.map(query => db.live(query as never) as LiveQuery<any>)
  // One was read before.
  expect(all[2].rows.length).toBe(3)
  for (const live of all) live.subscribe(event => { seen.push(event.batch === undefined ? live.rows.map((r: any) => r.title) : [event.rows.map((r: any) => r.title), event.diff.length]) })
  db.apply([{ op: 'update', table: 'projects', id: 'p0', set: { name: 'x' } }, { op: 'update', table: 'issues', id: 'i1', set: { title: 'new' } }])
  const titles = ['Issue i0', 'new', 'Issue i2']
  expect(seen).toEqual([...all.map(() => [titles, 1]), ...all.map(() => titles)])
  expect(errors).toEqual([])
})

async function memory(): Promise<number> {
  const { db } = await open()
  const { wasmBytes } = db.stats()
  db.close()
  return wasmBytes
}
