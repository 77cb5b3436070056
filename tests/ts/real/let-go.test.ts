// Pages live for days: what is not shown any more is not held.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createDatabase, eq, withParams } from '../../../pkg/index.inline.js'
import { subscribe, watch } from '../../../pkg/sync/index.js'
import { tenant, watches } from '../../../pkg/watch/index.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, comment, eventually, issue, put, random, schema, tick } from './support.js'

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void

/** How many of some objects are there still, once no more of them than so many go on being there. */
async function left(refs: readonly WeakRef<object>[], most: number): Promise<number> {
  const there = (): number => refs.filter(ref => ref.deref() !== undefined).length
  await eventually(() => { collect(); return there() <= most })
  return there()
}

const ROWS = 6000
async function open(): Promise<Db> {
  const db = await createDatabase({ schema, graceMs: 0 })
  const rows = Array.from({ length: ROWS }, (_, i) => issue(`i${String(i).padStart(5, '0')}`, { priority: i, projectId: `p${i % 3}` }))
  for (let i = 0; i < ROWS; i += 1000) db.apply([{ op: 'upsert', table: 'issues', rows: rows.slice(i, i + 1000) }])
  db.apply([{ op: 'upsert', table: 'projects', rows: [0, 1, 2].map(i => ({ id: `p${i}`, name: `P${i}` })) }])
  return db
}

const lists = {
  'whole rows': (db: Db) => db.query.issues.orderBy('id'),
  columns: (db: Db) => db.query.issues.select('id', 'title').orderBy('id'),
  'pairs of whole rows': (db: Db) => db.query.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy(r => r.issues.id),
  nested: (db: Db) => db.query.issues.orderBy('id').with('comments'),
}

for (const [name, make] of Object.entries(lists)) {
  it(`rows that a window was moved over are let go: ${name}`, async () => {
    const db = await open()
    const live = db.live<any>(make(db), { window: [0, 50] })
    live.subscribe(({ diff }) => diff.length)
    const seen: WeakRef<object>[] = []
    for (let at = 0; at < ROWS; at += 50) for (const row of live.window(at, 50)) seen.push(new WeakRef(row as object))
    expect(seen.length).toBe(ROWS)
    expect(await left(seen, 2500)).toBeLessThanOrEqual(2500)
    expect(live.rows).toHaveLength(50)
    expect(live.rows[49]).toEqual(db.live<any>(make(db)).rows[ROWS - 1])
    db.close()
  })

  it(`rows that were read are let go with their query, while another one goes on: ${name}`, async () => {
    const db = await open()
    const other = db.live<any>(make(db).limit(10))
    const [first] = other.rows
    const seen = await (async () => {
      const live = db.live<any>(make(db))
      const refs = live.rows.map(row => new WeakRef(row as object))
      live.dispose()
      return refs
    })()
    expect(seen.length).toBe(ROWS)
    expect(await left(seen, 10)).toBeLessThanOrEqual(10)
    expect(other.rows[0]).toBe(first)
    db.apply([put('i00001', { title: 'new', priority: 1, projectId: 'p1' })])
    expect(JSON.stringify(other.rows[1])).toContain('new')
    expect(other.rows[0]).toBe(first)
    db.close()
  })

  it(`an old list shows what it showed when its rows were let go: ${name}`, async () => {
    const db = await open()
    const live = db.live<any>(make(db))
    const { rows } = live
    const kept = live.getSnapshot()
    live.dispose()
    await eventually(() => db.stats().views === 0)
    await tick(30)
    db.apply([{ op: 'reset', table: 'issues', rows: Array.from({ length: ROWS }, (_, i) => issue(`n${i}`)) }])
    for (let i = 0; i < 5; i++) db.apply([put(`n${i}`, { title: 'again' })])
    const show = (row: any): any => row.issues ?? row
    expect(rows.length).toBe(ROWS)
    expect(rows.every((row, i) => show(row).id === `i${String(i).padStart(5, '0')}` && show(row).title === `Issue ${show(row).id}`)).toBe(true)
    expect(kept.rows).toBe(rows)
    db.close()
  })
}

// Rows with lists below them are of their query alone.
for (const [name, make] of Object.entries(lists).filter(([name]) => name !== 'nested')) {
  it(`a row that is shown again while others are let go is one object in all queries: ${name}`, async () => {
    const db = await open()
    const r = random(11), wide = 600
    const list = db.live<any>(make(db), { window: [0, wide] }), few = db.live<any>(make(db).limit(ROWS - 1), { window: [0, 10] })
    list.subscribe(({ diff }) => diff.length)
    const { now } = performance
    let shown = 0
    try {
      // Slices of one step: the windows move between any two.
      let time = 0
      performance.now = () => time += 3
      for (let i = 0; i < 150; i++) {
        const at = r(ROWS - wide - 1)
        const rows = list.window(at, wide)
        for (let n = r(8); n > 0; n--) await tick()
        const from = r(wide - 10)
        shown += few.window(at + from, 10).filter((row, k) => row === rows[from + k]).length
        for (let n = r(8); n > 0; n--) await tick()
      }
    } finally { performance.now = now }
    expect(shown).toBe(1500)
    db.close()
  })
}

it('rows of slices of a list that nobody has as a whole are let go', async () => {
  const db = await open()
  const live = db.live(lists['whole rows'](db))
  const seen: WeakRef<object>[] = []
  for (let at = 0; at < ROWS; at += 50) for (const row of live.window(at, 50)) seen.push(new WeakRef(row))
  // What there is to be let go is looked for with a version.
  db.apply([put('new')])
  expect(await left(seen, 2500)).toBeLessThanOrEqual(2500)
  db.close()
})

it('an old list of a database that was closed holds its own rows, and neither others nor the database', async () => {
  const [old, refs] = await (async () => {
    const db = await open()
    const list = db.live(db.query.comments)
    db.apply([{ op: 'upsert', table: 'comments', rows: Array.from({ length: 1500 }, (_, i) => comment(i, 'i00001').row) }])
    const { rows } = db.live(lists['whole rows'](db).limit(500))
    const held = [list.rows, [...rows.map(row => new WeakRef<object>(row)), new WeakRef<object>(db)]] as const
    db.close()
    return held
  })()
  expect(refs.length).toBe(501)
  expect(await left(refs, 0)).toBe(0)
  expect(old.length).toBe(1500)
  expect(old[1499].body).toBe('c1499')
}, 20_000)

it('an old nested list holds the rows that it showed, and not those that came below them since', async () => {
  const db = await open()
  const [old, refs] = await (async () => {
    const live = db.live(db.query.issues.orderBy('id').limit(1100).with('comments'))
    const { rows } = live
    expect(rows.map(row => row.comments.length).every(n => n === 0)).toBe(true)
    const came = Array.from({ length: 1100 }, (_, i) => comment(i, `i${String(i).padStart(5, '0')}`).row)
    for (let i = 0; i < came.length; i += 50) {
      db.apply([{ op: 'upsert', table: 'comments', rows: came.slice(i, i + 50) }])
      void live.rows[i].comments
    }
    const shown = live.rows.map(row => new WeakRef<object>(row))
    expect(live.rows[1099].comments).toHaveLength(1)
    live.dispose()
    return [rows, shown] as const
  })()
  expect(refs.length).toBe(1100)
  await eventually(() => db.stats().views === 0)
  expect(await left(refs, 0)).toBe(0)
  expect([old.length, old[1099].comments]).toEqual([1100, []])
  db.close()
}, 20_000)

it('a diff of a nested list that is kept holds nothing of what its owner had until it went', async () => {
  const db = await createDatabase({ schema, graceMs: 0 })
  db.apply([put('a'), put('b')])
  const live = db.live(db.query.issues.orderBy('id').with('comments'))
  const kept: unknown[] = []
  const stop = live.subscribe(({ diff }) => { kept.push(diff) })
  db.apply([comment(0, 'a')])
  stop()
  live.subscribe(() => {})
  const refs: WeakRef<object>[] = []
  for (let i = 1; i <= 50; i++) {
    db.apply([comment(i, 'a')])
    refs.push(new WeakRef(live.rows[0].comments[i]))
  }
  db.apply([{ op: 'delete', table: 'issues', id: 'a' }, { op: 'reset', table: 'comments', rows: [] }])
  expect(live.rows).toHaveLength(1)
  // The last of them may be a variable still.
  expect(await left(refs, 5)).toBeLessThanOrEqual(5)
  expect(JSON.parse(JSON.stringify(kept))).toEqual([[{ t: 'add', path: ['a', 'comments'], key: 0, at: 0, value: { id: 0, issueId: 'a', body: 'c0', at: 0 } }]])
  db.close()
}, 20_000)

it('a query whose parameter lets many rows in and out keeps nothing of the diffs that nobody looked at', async () => {
  const db = await open()
  const live = db.live(withParams({ least: 'int' }, p => db.query.issues.where('priority', '>=', p.least)), { params: { least: ROWS } })
  live.subscribe(() => {})
  const heap = async (): Promise<number> => {
    for (let i = 0; i < 4; i++) { collect(); await tick(5) }
    return process.memoryUsage().heapUsed
  }
  const toggle = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++) {
      live.setParams({ least: ROWS - 70 })
      live.setParams({ least: ROWS })
      if (i % 500 === 0) await tick()
    }
    return heap()
  }
  const before = await toggle(2000), between = await toggle(5000), after = await toggle(5000)
  expect(Math.min(between - before, after - between)).toBeLessThan(20 << 10)
  db.close()
})

it('rows that went and are kept for a diff that nobody looked at go with the diff', async () => {
  const db = await open()
  const live = db.live(db.query.comments), kept: unknown[] = []
  live.subscribe(event => { kept.push(event) })
  const bytes = (): number => { collect(); return process.memoryUsage().arrayBuffers }
  db.apply([{ op: 'upsert', table: 'comments', rows: Array.from({ length: 1000 }, (_, i) => comment(i, 'i00001', { body: `${i}`.padEnd(5000, '.') }).row) }])
  const before = bytes()
  db.apply([{ op: 'reset', table: 'comments', rows: [] }])
  expect(bytes() - before).toBeGreaterThan(4e6)
  kept.length = 0
  await tick()
  collect()
  await tick()
  const list = db.live(lists['whole rows'](db), { window: [0, 50] })
  for (let at = 0; at < ROWS; at += 50) list.window(at, 50)
  await eventually(() => bytes() - before < 1e6)
  expect(bytes() - before).toBeLessThan(1e6)
  db.close()
})

it('a page whose engine is in a worker gives back what a long list took, once it shows no rows', async () => {
  const db = await createWorkerDatabase({ schema, worker: 'inline', graceMs: 0 })
  const bytes = (): number => { collect(); return process.memoryUsage().arrayBuffers }
  const held = async (): Promise<number> => (await db.stats()).page.rows
  const before = bytes()
  for (let times = 1; times < 4; times++) {
    await db.apply([{ op: 'reset', table: 'comments', rows: Array.from({ length: ROWS }, (_, i) => comment(i, 'a', { body: `${i}`.padEnd(1500 * times, '.') }).row) }])
    await (async () => {
      const live = db.live(db.query.comments)
      await eventually(() => live.status === 'ready')
      expect([await held(), live.rows.length, live.rows[ROWS - 1].body.length]).toEqual([ROWS, ROWS, 1500 * times])
      live.dispose()
    })()
    await eventually(async () => await held() === 0)
  }
  await eventually(() => bytes() - before < 3e6)
  expect(bytes() - before).toBeLessThan(3e6)
  db.close()
})

it('texts that grow and shrink leave the engine what it had', async () => {
  const db = await createDatabase({ schema })
  const r = random(3)
  const all = (title: () => string): void => { for (let i = 0; i < 500; i++) db.apply([put(`i${i}`, { title: title() })]) }
  const churn = (): { allocatedBytes: number; wasmBytes: number } => {
    for (let n = 0; n < 4000; n++) db.apply([put(`i${r(500)}`, { title: 'x'.repeat(r(40) === 0 ? r(100_000) : r(4) === 0 ? r(5000) : 10 + r(200)) })])
    all(() => 'short')
    return db.stats()
  }
  all(() => 'short')
  const fresh = db.stats()
  const first = churn(), second = churn(), third = churn()
  expect(Math.max(first.allocatedBytes, second.allocatedBytes, third.allocatedBytes) - fresh.allocatedBytes).toBeLessThan(32 << 10)
  expect(third.wasmBytes / first.wasmBytes).toBeLessThan(1.25)
  db.close()
})

describe('tenants that come and go', () => {
  const gone = async (use: (id: string) => object | Promise<object>): Promise<number> => {
    const refs: WeakRef<object>[] = []
    for (let i = 0; i < 300; i++) refs.push(new WeakRef(await use(`t${i}`)))
    // The last of them may be a variable still.
    return await left(refs, 5) <= 5 ? 0 : refs.length
  }
  const note = (id: string) => [{ op: 'upsert' as const, table: 'notes' as const, row: { id: 1, text: id } }]

  it('are let go: their scopes', async () => {
    const db = await createDatabase({ schema, graceMs: 0 })
    const first = db.tenant('first')
    expect(await gone(id => {
      const t = db.tenant(id)
      expect(db.tenant(id)).toBe(t)
      t.apply(note(id))
      const live = t.live(t.query.notes)
      expect(live.rows).toEqual([{ id: 1, text: id }])
      live.dispose()
      t.clear()
      return t
    })).toBe(0)
    expect(db.tenant('first')).toBe(first)
    db.close()
  })

  it('are let go: scopes with watches, assigns and labels that ended', async () => {
    const db = await createDatabase({ schema, graceMs: 0 })
    let told = 0
    expect(await gone(id => {
      const t = tenant(db, id)
      const watch = t.watch('notes', 'changes', () => { told++ })
      const assigns = t.assigns()
      assigns.one('note', 'notes', 1)
      t.apply(note(id))
      expect(assigns.get<any>('note').text).toBe(id)
      watch.cancel()
      assigns.dispose()
      return t
    })).toBe(0)
    expect(told).toBe(300)
    db.close()
  })

  it('stay with what is of them: watches, assigns, counters, a limit', async () => {
    const db = await createDatabase({ schema })
    let told = 0
    tenant(db, 'watched').watch('notes', 'changes', { label: 'mine' }, () => { told++ })
    const assigns = tenant(db, 'assigned').assigns().one('note', 'notes', 1)
    tenant(db, 'counted').counters('notes')
    tenant(db, 'limited', { maxWatches: 1 })
    tenant(db, 'set').maxWatches = 2
    await gone(id => tenant(db, id))
    collect()
    await tick()
    for (const id of ['watched', 'assigned', 'counted']) tenant(db, id).apply(note(id))
    expect([told, assigns.get<any>('note').text, tenant(db, 'counted').counters('notes').inserts]).toEqual([1, 'assigned', 1])
    expect([tenant(db, 'watched').watching('mine').length, tenant(db, 'watched').watchCount, tenant(db, 'limited').maxWatches, tenant(db, 'set').maxWatches]).toEqual([1, 1, 1, 2])
    db.close()
    expect(assigns.watching()).toBe(false)
  })

  it('are let go: subscriptions and what they were found by', async () => {
    const db = await createDatabase({ schema, graceMs: 0 })
    const before = db.stats().views
    expect(await gone(id => {
      const of = { tenant: id }, told: unknown[] = []
      const subscription = subscribe(db, 'notes', of, news => { told.push(news) })
      db.apply({ changes: note('x'), ...of })
      expect(told).toHaveLength(1)
      subscription.unsubscribe()
      watch(db, [{ table: 'notes', event: 'updated', label: 'mine' }], of)()
      return (subscription as unknown as { hub: object }).hub
    })).toBe(0)
    await eventually(() => db.stats().views === before)
    expect(db.stats().views).toBe(before)
    db.close()
  })

  it('of a database in a worker, too', async () => {
    const db = await createWorkerDatabase({ schema, worker: 'inline' })
    expect(await gone(async id => {
      const t = db.tenant(id)
      expect(db.tenant(id)).toBe(t)
      return t
    })).toBe(0)
    db.close()
  })
})

it('a database whose watches had an owner is let go, while the owner lives on', async () => {
  const owner = {}, { signal } = new AbortController()
  const refs: WeakRef<object>[] = []
  for (let i = 0; i < 3; i++) await (async () => {
    const db = await createDatabase({ schema })
    refs.push(new WeakRef(db))
    watches(db).watch('issues', 'changes', { owner, signal }, () => {})
    watches(db).assigns({ owner, signal })
    db.close()
  })()
  expect(await left(refs, 0)).toBe(0)
  expect([owner, signal.aborted]).toEqual([{}, false])
})
