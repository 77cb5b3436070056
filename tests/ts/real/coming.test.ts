// Diffs of many rows that come: made when somebody looks at them, and what that takes nothing from.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { type LiveEvent, type LiveQuery, type Patch, applyPatches, count } from '../../../pkg/index.inline.js'
import { type Db, issue, open, put, random, tick } from './support.js'

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void

const issues = (n: number, from = 0): string => JSON.stringify([{ op: 'upsert', table: 'issues', rows: Array.from({ length: n }, (_, i) => issue(`i${from + i}`, { priority: (from + i) * 7919 % 5003 })) }])
const done = (live: LiveQuery<any>): Promise<void> => new Promise(resolve => {
  const stop = live.subscribe(() => { if (live.status !== 'loading') { stop(); resolve() } })
})
/** Cells that there are for rows of the query. */
const cells = (live: LiveQuery<any>): number => (live as any).shared.view.levels[0].table.cells.filter((c: unknown) => c !== undefined).length
const ordered = (db: Db) => db.query.issues.orderBy('priority').orderBy('id')
const all = (db: Db): unknown[] => db.live(ordered(db)).rows.map(r => ({ ...r }))

describe('a diff of many rows that come', { timeout: 180_000 }, () => {
  it('takes nothing for rows that nobody looks at, in slices and in batches', async () => {
    const { db } = await open()
    await db.applyJson(issues(5000))
    const live = db.live(ordered(db), { sliced: true })
    let versions = 0
    live.subscribe(() => { versions++ })
    await done(live)
    expect(versions).toBeGreaterThan(5)
    // Those of the last slice, which may be a small one.
    const few = cells(live)
    expect(few).toBeLessThan(64)
    await db.applyJson(issues(3000, 5000))
    expect([live.rows.length, versions > 6, cells(live)]).toEqual([8000, true, few])
    db.close()
  })

  it('leads from the rows before to those after, whoever looks and whenever he does so while they are there', async () => {
    const { db } = await open()
    await db.applyJson(issues(1200))
    for (const isRead of [false, true]) for (const isLate of [false, true]) {
      const rows = ordered(db).where('priority', '>', isRead ? -1 : -2)
      const q = isLate ? rows : rows.select('id', 'title')
      const live = db.live(q as never, { sliced: true }) as LiveQuery<any>
      const events: LiveEvent<any>[] = []
      let mirror: readonly any[] = []
      const follow = (event: LiveEvent<any>): void => { mirror = applyPatches(mirror as object[], event.diff as Patch<any>[]) }
      live.subscribe(event => {
        if (isRead) expect(event.rows.length).toBeGreaterThan(0)
        events.push(event)
        if (!isLate) follow(event)
      })
      await done(live)
      if (isLate) for (const event of events) follow(event)
      expect(mirror).toEqual([...live.rows])
      expect(mirror.every((row, i) => row === live.rows[i])).toBe(true)
      expect(events[3].diff).toBe(events[3].diff)
      live.dispose()
      expect((events[3].diff[0] as any).key).toBeTypeOf('string')
    }
    db.close()
  })

  it('an event that nobody looked at shows its rows as they came, whatever became of them', async () => {
    const { db } = await open()
    const live = db.live(ordered(db))
    const events: LiveEvent<any>[] = []
    live.subscribe(e => { events.push(e) })
    await db.applyJson(issues(1000))
    await db.applyJson(issues(1000, 1000))
    expect(events[0].diff.length).toBe(1000)
    await db.applyJson(issues(1000, 2000))
    db.apply([put('i2500', { title: 'other' })])
    const late = events[2].diff as any[]
    expect(late.length).toBe(1000)
    expect(late.find(p => p.key === 'i2500').value.title).toBe('Issue i2500')
    expect(late.find(p => p.key === 'i2501').value).toBe(live.rows.find(r => r.id === 'i2501'))
    db.apply([{ op: 'reset', table: 'issues', rows: [] }] as never)
    expect(events.map(e => e.diff.filter(p => p.t !== 'move').length)).toEqual([1000, 1000, 1000, 1, 3000])
    expect([...events[1].diff as any[]].map(p => p.value.title).sort()[0]).toBe('Issue i1000')
    db.close()
  })

  it('an event that nobody looked at stays readable when its query ends, and when the database does', async () => {
    for (const columns of [['id', 'title'], ['id', 'title', 'priority']]) for (const isRead of [false, true]) {
      const { db } = await open({ graceMs: 0 })
      const mine = db.live(ordered(db).select(...columns as ['id']) as never) as LiveQuery<any>
      const groups = db.live(db.query.issues.groupBy('id').select(r => ({ id: r.id, n: count() })).orderBy('id')) as LiveQuery<any>
      const events: LiveEvent<any>[] = []
      for (const live of [mine, groups]) live.subscribe(e => { events.push(e) })
      await db.applyJson(issues(300))
      if (isRead) void mine.rows.length
      await db.applyJson(issues(300, 300))
      for (const live of [mine, groups]) live.dispose()
      await new Promise(resolve => { setTimeout(resolve, 5) })
      // What was free is used again.
      await db.applyJson(issues(600, 600))
      db.live(db.query.issues.groupBy('title').select(r => ({ id: r.title, n: count() }))).subscribe(() => {})
      db.apply([{ op: 'reset', table: 'issues', rows: [] }] as never)
      await db.applyJson(issues(2000, 5000))
      expect((events[0].diff as any[]).map(p => p.value.title).sort()).toEqual(Array.from({ length: 300 }, (_, i) => `Issue i${i}`).sort())
      expect((events[1].diff as any[]).map(p => p.value)).toEqual(Array.from({ length: 300 }, (_, i) => ({ id: `i${i}`, n: 1 })).sort((a, b) => a.id < b.id ? -1 : 1))
      db.close()
      expect((events[2].diff as any[]).map(p => p.value.title).sort()[0]).toBe('Issue i300')
      expect(events[3].diff.length).toBe(300)
      expect((events[3].diff as any[]).every(p => p.value.n === 1 && p.value.id === p.key)).toBe(true)
    }
  })

  it('shows late what it would have shown at once: random batches, some of whose events are looked at later', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const below = random(seed)
      const { db } = await open()
      const shapes = () => [ordered(db), ordered(db).select('id', 'title') as never, db.query.issues.where('priority', '<', 300).select('id', 'priority') as never, ordered(db).limit(150)]
      const texts = (e: LiveEvent<any>): string => JSON.stringify(e.diff)
      const lives = shapes().map(q => db.live(q as never)) as LiveQuery<any>[]
      const kept: { event: LiveEvent<any>; text: string }[] = []
      const twins = await open()
      const mirrors = [ordered(twins.db), ordered(twins.db).select('id', 'title') as never, twins.db.query.issues.where('priority', '<', 300).select('id', 'priority') as never, ordered(twins.db).limit(150)].map(q => twins.db.live(q as never)) as LiveQuery<any>[]
      const told = new Map<string, string>()
      mirrors.forEach((live, i) => live.subscribe(e => { if (e.batch !== undefined) told.set(`${i}:${e.version}`, texts(e)) }))
      lives.forEach((live, i) => live.subscribe(e => { if (e.batch !== undefined) kept.push({ event: e, text: `${i}:${e.version}` }) }))
      for (let n = 0; n < 30; n++) {
        const batch = below(3) === 0
          ? [{ op: 'upsert', table: 'issues', rows: Array.from({ length: 64 + below(100) }, () => issue(`i${below(600)}`, { priority: below(600), title: `t${below(9)}` })) }]
          : below(8) === 0 ? [{ op: 'reset', table: 'issues', rows: [] }]
          : Array.from({ length: 1 + below(20) }, () => put(`i${below(600)}`, { priority: below(600), title: `t${below(9)}` }))
        const text = JSON.stringify(batch)
        if (below(2) === 0) lives.forEach(live => live.rows.length)
        for (const d of [db, twins.db]) await d.applyJson(text)
        if (below(3) === 0 && kept.length > 0) {
          const [{ event, text: name }] = kept.splice(below(kept.length), 1)
          expect(texts(event)).toBe(told.get(name))
        }
      }
      if (seed % 2 === 0) db.close()
      for (const { event, text } of kept) expect(texts(event)).toBe(told.get(text))
      if (seed % 2 === 1) db.close()
      twins.db.close()
    }
  })

  it('tells rows apart that had one place in memory after another, and goes on with those that users see no change of', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('id').select('id', 'title') as never) as LiveQuery<any>
    const events: LiveEvent<any>[] = []
    live.subscribe(e => { events.push(e) })
    for (let n = 0; n < 5; n++) {
      await db.applyJson(issues(100, n * 100))
      if (n < 4) for (let i = 0; i < 100; i++) db.apply([{ op: 'delete', table: 'issues', id: `i${n * 100 + i}` }] as never)
    }
    const { rows } = live
    db.apply(Array.from({ length: 50 }, (_, i) => put(`i${400 + i}`, { priority: 77 })))
    expect(live.rows).toBe(rows)
    const many = events.filter((_, i) => i % 101 === 0)
    expect(many.map(e => (e.diff as any[]).map(p => p.value.title))).toEqual(Array.from({ length: 5 }, (_, n) => Array.from({ length: 100 }, (_, i) => `Issue i${n * 100 + i}`).sort()))
    expect((many[4].diff as any[]).every((p, i) => p.value === rows[i])).toBe(true)
    db.close()
  })

  it('what is kept for one old event is bounded, however many rows come and go after it', async () => {
    const { db } = await open()
    const live = db.live(ordered(db))
    const events: LiveEvent<any>[] = []
    live.subscribe(e => { if (events.length === 0) events.push(e) })
    await db.applyJson(issues(100))
    const { table } = (live as any).shared.view.levels[0]
    let most = 0
    for (let n = 0; n < 30; n++) {
      await db.applyJson(issues(200, 1000))
      db.apply(Array.from({ length: 200 }, (_, i) => ({ op: 'delete', table: 'issues', id: `i${1000 + i}` })) as never)
      // Those of diffs that nobody has any more.
      await tick(1)
      collect()
      most = Math.max(most, table.unread.kept)
    }
    expect(most).toBeLessThan(1000)
    db.apply([{ op: 'reset', table: 'issues', rows: [] }] as never)
    expect((events[0].diff as any[]).map(p => p.value.title).sort()).toEqual(Array.from({ length: 100 }, (_, i) => `Issue i${i}`).sort())
    db.close()
  })

  it('is what a listener is told of, though one before it changed these rows', async () => {
    const { db } = await open()
    await db.applyJson(issues(1))
    const first = db.live(ordered(db)), second = db.live(db.query.issues.orderBy('title'))
    let isDone = false
    first.subscribe(() => {
      if (isDone) return
      isDone = true
      db.apply([{ op: 'reset', table: 'issues', rows: [] }] as never)
      for (let n = 0; n < 50; n++) db.apply([put(`other${n}`)])
    })
    const seen: unknown[] = []
    second.subscribe(({ diff }) => { if (diff.length > 100) seen.push(diff[5], (diff[5] as any).value.title) })
    await db.applyJson(issues(1000, 1))
    expect(seen[0]).toMatchObject({ t: 'add', path: [] })
    expect(seen[1]).toMatch(/^Issue i/)
    expect(all(db).length).toBe(50)
    db.close()
  })
})
