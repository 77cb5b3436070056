// Diffs of many rows that come: made when somebody looks at them, and what that takes nothing from.
import { describe, expect, it } from 'vitest'
import { type LiveEvent, type LiveQuery, type Patch, applyPatches } from '../../../pkg/index.inline.js'
import { type Db, failure, issue, open, put } from './support.js'

const issues = (n: number, from = 0): string => JSON.stringify([{ op: 'upsert', table: 'issues', rows: Array.from({ length: n }, (_, i) => issue(`i${from + i}`, { priority: (from + i) * 7919 % 5003 })) }])
const done = (live: LiveQuery<any>): Promise<void> => new Promise(resolve => {
  const stop = live.subscribe(() => { if (live.status !== 'loading') { stop(); resolve() } })
})
/** Cells that there are for rows of the query. */
const cells = (live: LiveQuery<any>): number => (live as any).shared.view.levels[0].table.cells.filter((c: unknown) => c !== undefined).length
const ordered = (db: Db) => db.query.issues.orderBy('priority').orderBy('id')
const all = (db: Db): unknown[] => db.live(ordered(db)).rows.map(r => ({ ...r }))

describe('a diff of many rows that come', { timeout: 60_000 }, () => {
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

  it('an event that nobody looked at says so when its rows are others, rather than showing these', async () => {
    const { db } = await open()
    const live = db.live(ordered(db))
    const events: LiveEvent<any>[] = []
    live.subscribe(e => { events.push(e) })
    await db.applyJson(issues(1000))
    await db.applyJson(issues(1000, 1000))
    expect(events[0].diff.length).toBe(1000)
    await db.applyJson(issues(1000, 2000))
    db.apply([put('i2500', { title: 'other' })])
    expect(failure(() => events[2].diff)).toMatchObject({ code: 'STALE_EVENT' })
    expect([events[0].diff.length, events[1].diff.length, events[3].diff.length > 0]).toEqual([1000, 1000, true])
    // What was looked at stays readable.
    db.apply([{ op: 'reset', table: 'issues', rows: [] }] as never)
    expect((events[0].diff[7] as any).value.title).toMatch(/^Issue/)
    const mine = db.live(ordered(db).select('id', 'title') as never) as LiveQuery<any>
    mine.subscribe(e => { events.push(e) })
    await db.applyJson(issues(300))
    const last = events.at(-1)!
    mine.dispose()
    await new Promise(resolve => { setTimeout(resolve, 5) })
    db.close()
    expect(failure(() => last.diff).code).toBe('STALE_EVENT')
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
