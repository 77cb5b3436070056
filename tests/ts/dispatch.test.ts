import { describe, expect, it } from 'vitest'
import { issue, open } from './fixtures.js'

const put = (id: string, more = {}) => [{ op: 'upsert', table: 'issues', row: issue(id, more) }] as const
const tick = () => new Promise(resolve => setTimeout(resolve, 0))

describe('listeners', () => {
  it('are called once per version, when every view is up to date, first come first served', () => {
    const { db } = open()
    const order: string[] = []
    const all = db.live(db.query.issues), high = db.live(db.query.issues.where('priority', '>', 5))
    all.subscribe(({ version, rows }) => { order.push(`all ${version} ${rows.length} ${high.rows.length}`) })
    high.subscribe(({ version, rows }) => { order.push(`high ${version} ${rows.length} ${all.rows.length}`) })
    all.subscribe(() => { order.push('second') })
    db.subscribe(report => { order.push(`db ${report.version}`) })
    db.apply([...put('a', { priority: 9 }), ...put('b')])
    expect(order).toEqual(['all 1 2 1', 'second', 'high 1 1 2', 'db 1'])
  })

  it('see versions in order when one applies in its callback, each with its own rows', () => {
    const { db } = open()
    const order: string[] = []
    const live = db.live(db.query.issues)
    live.subscribe(({ version }) => {
      if (version < 3) {
        db.apply(put(`n${version}`))
        order.push(`nested ${version}, now ${db.version}, rows ${live.rows.length}`)
      }
    })
    live.subscribe(({ version, rows, diff }) => { order.push(`${version}: ${rows.length} rows, ${diff.length}`) })
    db.apply(put('a'))
    expect(order).toEqual(['nested 1, now 2, rows 2', '1: 1 rows, 1', 'nested 2, now 3, rows 3', '2: 2 rows, 1', '3: 3 rows, 1'])
  })

  it('that were not read get the rows of their version even when the list is built later', () => {
    const { db } = open()
    const live = db.live(db.query.issues)
    const seen: number[] = []
    live.subscribe(({ version }) => { if (version === 1) db.apply(put('b')) })
    live.subscribe(({ rows }) => { seen.push(rows.length) })
    db.apply(put('a'))
    expect(seen).toEqual([1, 2])
  })

  it('do not stop others by throwing, and the error is reported', async () => {
    const errors: unknown[] = []
    const { db } = open({ onError: e => { errors.push(e) } })
    const live = db.live(db.query.issues)
    let called = 0
    live.subscribe(() => { throw new Error('one') })
    live.subscribe(() => { called++ })
    db.subscribe(() => { throw new Error('two') })
    db.apply(put('a'))
    expect(called).toBe(1)
    expect(errors).toEqual([])
    await tick()
    expect(errors.map(e => (e as Error).message)).toEqual(['one', 'two'])
    db.apply(put('b'))
    expect(called).toBe(2)
  })

  it('are silent once removed or disposed, even in the same round', () => {
    const { db } = open()
    const one = db.live(db.query.issues), two = db.live(db.query.issues), three = db.live(db.query.issues.limit(1))
    const called: string[] = []
    one.subscribe(() => { called.push('one'); stop(); two.dispose(); three.dispose() })
    const stop = one.subscribe(() => { called.push('stopped') })
    two.subscribe(() => { called.push('two') })
    three.subscribe(() => { called.push('three') })
    db.apply(put('a'))
    expect(called).toEqual(['one'])
    expect(two.rows.length).toBe(0)
    stop()
  })

  it('that come during a round are told from the next version on', () => {
    const { db } = open()
    const live = db.live(db.query.issues)
    const late: number[] = []
    let once = false
    live.subscribe(() => {
      if (once) return
      once = true
      live.subscribe(({ version }) => { late.push(version) })
      db.live(db.query.issues.limit(3)).subscribe(({ version }) => { late.push(version * 10) })
    })
    db.apply(put('a'))
    expect(late).toEqual([])
    db.apply(put('b'))
    expect(late).toEqual([2, 20])
  })

  it('that close the database in their callback end the round', () => {
    const { db } = open()
    const live = db.live(db.query.issues)
    const seen: string[] = []
    void live.rows
    live.subscribe(() => { seen.push(live.status); if (live.status === 'ready') db.close() })
    db.apply(put('a'))
    expect(seen).toEqual(['ready', 'closed'])
    expect(live.rows).toEqual([issue('a')])
    expect(() => db.apply(put('b'))).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it('keep an unread event only until the next version', () => {
    const { db } = open()
    const live = db.live(db.query.issues)
    const events: any[] = []
    live.subscribe(e => { events.push(e) })
    db.apply(put('a'))
    db.apply(put('b'))
    expect(() => events[0].rows).toThrow(expect.objectContaining({ code: 'STALE_EVENT' }))
    expect(events[1].rows.length).toBe(2)
    expect(events[0].diff[0].value).toEqual(issue('a'))
  })

  it('that apply whenever they are told are refused after 10,000 versions, and all that was applied is told', async () => {
    for (const listeners of [1, 2]) {
      const errors: any[] = []
      const { db } = open({ onError: e => errors.push(e) })
      const live = db.live(db.query.issues)
      let applied = 0
      const told: number[] = []
      const apply = () => {
        if (applied > 30_000) throw new Error('goes on and on')
        db.apply(put('a', { priority: applied + 2 }))
        applied++
      }
      const stops = Array.from({ length: listeners }, () => live.subscribe(apply))
      live.subscribe(({ version }) => { told.push(version) })
      db.apply(put('a'))
      await tick()
      expect(errors.map(e => [e.code ?? e.message])).toEqual([['MAX_ROUNDS']])
      // Of two listeners each version makes two more, which wait for theirs.
      expect(applied).toBe(listeners * 10_000)
      expect(live.rows).toEqual([issue('a', { priority: applied + 1 })])
      expect(told).toEqual(Array.from({ length: applied + 1 }, (_, i) => i + 1))

      // What comes later begins anew.
      for (const stop of stops) stop()
      let once = true
      live.subscribe(() => { if (once) { once = false; db.apply(put('b')) } })
      expect(db.apply(put('c')).version).toBe(applied + 2)
      expect(told.slice(-2)).toEqual([applied + 2, applied + 3])
      await tick()
      expect(errors.length).toBe(1)
    }
  })

  it('may apply any number of versions that none of them answers', async () => {
    const errors: unknown[] = []
    const { db } = open({ onError: e => errors.push(e) })
    const live = db.live(db.query.issues)
    let told = 0
    live.subscribe(() => { if (told++ === 0) for (let i = 1; i <= 12_000; i++) db.apply(put('a', { priority: i + 1 })) })
    db.apply(put('a'))
    await tick()
    expect(told).toBe(12_001)
    expect(errors).toEqual([])
  })

  it('are not called for replays and batches that change nothing', () => {
    const { db } = open()
    let called = 0
    db.live(db.query.issues).subscribe(() => { called++ })
    db.subscribe(() => { called += 10 })
    expect(db.apply({ changes: put('a'), source: 's', cursor: 1n })).toMatchObject({ replayed: false, cursor: '1', source: 's', applied: 1 })
    expect(called).toBe(11)
    expect(db.apply({ changes: put('a', { title: 'x' }), source: 's', cursor: 1 })).toMatchObject({ replayed: true, version: 1 })
    expect(called).toBe(11)
    expect(db.cursor('s')).toBe('1')
    db.apply(put('a'))
    expect(called).toBe(21)
  })
})
