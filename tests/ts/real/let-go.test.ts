// Pages live for days: what is not shown any more is not held.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createDatabase, eq, withParams } from '../../../pkg/index.inline.js'
import { type Db, comment, eventually, issue, put, schema, tick } from './support.js'

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
