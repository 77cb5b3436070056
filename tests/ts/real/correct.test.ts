// What must hold whatever listeners, sources and frameworks do in the middle of it.
import { describe, expect, it } from 'vitest'
import {
  type LiveEvent, applyPatches, add, avg, cast, count, createDatabase, defineSchema, div, eq, gt, inArray, int, max, mul, plainPatches, string, sub, sum, table,
} from '../../../pkg/index.inline.js'
import { type Db, comment, eventually, failure, issue, open, put, schema, tick } from './support.js'

describe('inside a listener', () => {
  it('the rows of a nested query in error are the last good ones', async () => {
    const { db } = await open()
    db.apply([put('a', { priority: 1 }), comment(1, 'a', { at: 2 }), comment(2, 'a', { at: 5 })])
    const live = db.live(db.query.issues.with('comments', c => c.where(x => gt(div(100, x.at), 3))))
    const before = live.rows
    expect(before[0].comments.map(c => c.id)).toEqual([1, 2])
    const seen: unknown[] = []
    live.subscribe(({ rows }) => { seen.push(rows, live.status) })
    db.apply([comment(1, 'a', { at: 0 })])
    expect(seen).toEqual([before, 'error'])
    expect(seen[0]).toBe(before)
    // The same error still: nothing that is shown has changed.
    const snapshot = live.getSnapshot()
    db.apply([comment(2, 'a', { at: 4 })])
    expect(seen).toHaveLength(2)
    expect(live.getSnapshot()).toBe(snapshot)
    db.apply([comment(1, 'a', { at: 1 })])
    expect(seen.at(-1)).toBe('ready')
    expect((seen.at(-2) as typeof before)[0].comments.map(c => c.at)).toEqual([1, 4])
  })

  it('apply takes effect at once and is told afterwards, to all in order of versions', async () => {
    const { db, errors } = await open()
    const live = db.live(db.query.issues.orderBy('id'))
    const said: string[] = []
    live.subscribe(({ version, rows, diff }) => {
      said.push(`first ${version}: ${rows.map(r => r.title)}`)
      if (version < 3) {
        expect(db.apply([put('a', { title: `n${version}` })]).version).toBe(version + 1)
        // The engine is ahead of the event, the event is not.
        expect(live.rows[0].title).toBe(`n${version}`)
        expect(rows[0].title).not.toBe(`n${version}`)
        expect(diff.length).toBe(1)
      }
    })
    live.subscribe(({ version, rows }) => { said.push(`second ${version}: ${rows.map(r => r.title)}`) })
    const other = db.live(db.query.issues.select('title'))
    other.subscribe(({ version }) => { said.push(`other ${version}`) })
    db.subscribe(report => { said.push(`report ${report.version}`) })
    db.apply([put('a', { title: 'n0' })])
    await tick()
    expect(errors).toEqual([])
    expect(said).toEqual([
      'first 1: n0', 'second 1: n0', 'other 1', 'report 1', 'first 2: n1', 'second 2: n1', 'other 2', 'report 2', 'first 3: n2', 'second 3: n2', 'other 3', 'report 3',
    ])
  })

  it('an event shows its version to listeners that come to it after a newer one was applied', async () => {
    const { db, errors } = await open()
    const first = db.live(db.query.issues.orderBy('id')), second = db.live(db.query.issues.orderBy('title')), third = db.live(db.query.issues.with('comments'))
    const said: unknown[] = []
    first.subscribe(e => { if (e.version < 3) db.apply([put('a', { title: `n${e.version}` })]); said.push(['first', e.version, e.rows[0].title]) })
    second.subscribe(e => { said.push(['second', e.version, e.rows[0].title]) })
    third.subscribe(e => { said.push(['third', e.version, e.rows[0].title]) })
    db.apply([put('a', { title: 'n0' })])
    await tick()
    expect(errors).toEqual([])
    expect(said).toEqual([1, 2, 3].flatMap(v => ['first', 'second', 'third'].map(n => [n, v, `n${v - 1}`])))
  })

  it('live, dispose, rows, window, explain and stats may be called', async () => {
    const { db, errors } = await open({ graceMs: 0 })
    const live = db.live(db.query.issues.orderBy('id'))
    const made: any[] = []
    live.subscribe(({ version, rows }) => {
      const inner = db.live(db.query.issues.where('id', '=', `x${version}`))
      made.push(inner)
      expect(inner.rows.map(r => r.id)).toEqual([`x${version}`])
      expect(db.explain(inner)).toContain('issues')
      expect(db.stats().version).toBe(version)
      expect(live.window(0, 1)[0]).toBe(live.rows[0])
      expect(rows).toEqual(live.rows)
      if (version === 2) made[0].dispose()
    })
    for (let i = 1; i < 6; i++) db.apply([put(`x${i}`)])
    await eventually(() => db.stats().views === 5)
    expect(errors).toEqual([])
    expect(made.map(m => m.status)).toEqual(['closed', 'ready', 'ready', 'ready', 'ready'])
    expect(made[0].rows.map((r: any) => r.id)).toEqual(['x1'])
    expect(db.stats().views).toBe(5)
  })

  it('nothing of a row that is being applied may apply', async () => {
    const { db } = await open()
    const row = { ...issue('a'), get title(): string { db.apply([put('b')]); return 'x' } }
    expect(failure(() => db.apply([{ op: 'upsert', table: 'issues', row }])).code).toBe('REENTRANT')
    expect(failure(() => db.apply([put('c', { meta: { toJSON: () => db.apply([put('b')]) } })])).code).toBe('REENTRANT')
    expect([db.version, db.apply([put('a')]).applied]).toEqual([0, 1])
  })

  it('a query that is made there is told of later versions only', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues)
    const said: number[] = []
    live.subscribe(({ version }) => {
      if (version === 1) db.live(db.query.issues).subscribe(e => { said.push(e.version) })
    })
    db.apply([put('a')])
    expect(said).toEqual([])
    db.apply([put('b')])
    expect(said).toEqual([2])
  })

  it('dispose of itself and of another ends both at once', async () => {
    const { db, errors } = await open()
    const a = db.live(db.query.issues), b = db.live(db.query.issues.orderBy('priority'))
    const said: string[] = []
    a.subscribe(() => { said.push('a'); a.dispose(); b.dispose() })
    b.subscribe(() => { said.push('b') })
    db.apply([put('a')])
    db.apply([put('b')])
    await tick()
    expect(said).toEqual(['a'])
    expect(errors).toEqual([])
    expect(failure(() => a.subscribe(() => {})).code).toBe('CLOSED')
    a.dispose()
  })

  it('one that throws stops neither the others nor the version; the error goes to onError', async () => {
    const { db, errors } = await open()
    const live = db.live(db.query.issues)
    const said: number[] = []
    live.subscribe(() => { throw new Error('mine') })
    live.subscribe(({ version }) => { said.push(version) })
    db.subscribe(() => { throw new Error('report') })
    expect(db.apply([put('a')]).applied).toBe(1)
    db.apply([put('b')])
    await tick()
    expect(said).toEqual([1, 2])
    expect(errors.map(e => (e as Error).message)).toEqual(['mine', 'report', 'mine', 'report'])
  })

  it('a failing apply throws to the listener that made it, and changes nothing', async () => {
    const { db, errors } = await open()
    const live = db.live(db.query.issues.orderBy('id'))
    const codes: string[] = []
    live.subscribe(({ version }) => { if (version === 1) codes.push(failure(() => db.apply([put('b'), { op: 'insert', table: 'issues', row: { id: 'c' } as never }])).code) })
    db.apply([put('a')])
    await tick()
    expect([codes, errors, live.rows.length, db.version]).toEqual([['MISSING_COLUMN'], [], 1, 1])
  })

  it('close ends everything in the middle of a round', async () => {
    const { db, errors } = await open()
    const live = db.live(db.query.issues), late = db.live(db.query.issues.orderBy('priority'))
    const said: string[] = []
    live.subscribe(e => { said.push(`live ${live.status} ${e.diff.length}`); if (live.status === 'ready') db.close() })
    late.subscribe(e => { said.push(`late ${late.status} ${e.diff.length}`) })
    db.apply([put('a')])
    await tick()
    expect(errors).toEqual([])
    expect(said.at(-1)).toBe('late closed 0')
    expect(said.filter(s => s.startsWith('live'))).toEqual(['live ready 1', 'live closed 0'])
    expect(failure(() => db.apply([])).code).toBe('CLOSED')
  })
})

describe('the notifications of a version', () => {
  it('are one per query, when all queries are up to date', async () => {
    const { db } = await open()
    const a = db.live(db.query.issues), b = db.live(db.query.issues.select(i => ({ n: count(), p: sum(i.priority) })))
    const said: unknown[] = []
    a.subscribe(() => { said.push(['a', a.rows.length, b.rows[0].n]) })
    b.subscribe(() => { said.push(['b', a.rows.length, b.rows[0].n]) })
    db.apply([put('x'), put('y'), put('x', { title: 'again' }), { op: 'update', table: 'issues', id: 'y', set: { status: 'late' } }])
    expect(said).toEqual([['a', 2, 2], ['b', 2, 2]])
  })

  it('do not happen when nothing changes', async () => {
    const { db } = await open()
    db.apply([put('a'), comment(1, 'a')])
    const told: string[] = []
    const watch = (name: string, q: any): any => { const live = db.live<any>(q); live.subscribe(() => { told.push(name) }); return live }
    const all = watch('all', db.query.issues)
    const titles = watch('titles', db.query.issues.select('id', 'title'))
    const nested = watch('nested', db.query.issues.select('id').with('comments', c => c.select('id')))
    const grouped = watch('grouped', db.query.issues.groupBy('status').select(i => ({ status: i.status, n: count() })))
    const pictures = [all, titles, nested, grouped].map(l => l.getSnapshot())
    const expectNothing = (): void => {
      expect(told).toEqual([])
      expect([all, titles, nested, grouped].map(l => l.getSnapshot())).toEqual(pictures)
      expect(titles.getSnapshot()).toBe(pictures[1])
    }
    expect(db.apply([])).toMatchObject({ applied: 0, replayed: false })
    expectNothing()
    expect(db.apply([put('a')]).applied).toBe(0)
    expectNothing()
    db.apply([put('n'), { op: 'delete', table: 'issues', id: 'n' }])
    expectNothing()
    db.apply([{ op: 'update', table: 'issues', id: 'a', set: { title: 'x' } }, { op: 'update', table: 'issues', id: 'a', set: { title: 'Issue a' } }])
    expectNothing()
    expect(db.apply([{ op: 'delete', table: 'issues', id: 'nobody' }, { op: 'update', table: 'issues', id: 'nobody', set: { title: 'x' } }])).toMatchObject({ applied: 0, ignored: 2 })
    expectNothing()
    db.apply([{ op: 'reset', table: 'issues', rows: [issue('a')] }])
    expectNothing()
    expect(db.version).toBe(7)
  })

  it('do not happen for columns that a query does not show', async () => {
    const { db } = await open()
    db.apply([put('a'), put('b'), comment(1, 'a')])
    const titles = db.live(db.query.issues.select('id', 'title'))
    const nested = db.live(db.query.issues.select('id').with('comments', c => c.select('id', 'body')))
    const pictures = [titles.getSnapshot(), nested.getSnapshot()]
    const rows = [...titles.rows]
    let told = 0
    titles.subscribe(() => { told++ })
    nested.subscribe(() => { told++ })
    for (let i = 0; i < 5; i++) db.apply([{ op: 'update', table: 'issues', id: 'a', set: { status: `s${i}`, priority: i + 5 } }, comment(1, 'a', { at: i + 50 })])
    expect(told).toBe(0)
    expect([titles.getSnapshot(), nested.getSnapshot()]).toEqual(pictures)
    expect(titles.getSnapshot()).toBe(pictures[0])
    // The rows' handles have changed underneath: what comes after must still start from them.
    db.apply([{ op: 'update', table: 'issues', id: 'a', set: { title: 'new' } }])
    expect(told).toBe(1)
    expect(titles.rows.map(r => r.title)).toEqual(['new', 'Issue b'])
    expect(titles.rows[1]).toBe(rows[1])
    db.apply([comment(1, 'a', { body: 'other', at: 54 })])
    expect(nested.rows[0].comments).toEqual([{ id: 1, body: 'other' }])
    expect(told).toBe(2)
  })
})

describe('two rows of one key in a batch', () => {
  it('the last counts, in one patch', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues)
    let patches: unknown[] = []
    live.subscribe(({ diff }) => { patches = plainPatches(diff) })
    db.apply([put('a', { title: '1' }), put('a', { title: '2' }), put('a', { title: '3' })])
    expect(patches).toEqual([{ t: 'add', path: [], key: 'a', at: 0, value: issue('a', { title: '3' }) }])
    db.apply([put('a', { title: '4' }), put('a', { title: '5', priority: 9 }), put('a', { title: '5', priority: 1 })])
    expect(patches).toEqual([{ t: 'set', path: [], key: 'a', fields: { title: '5' } }])
    db.apply([{ op: 'delete', table: 'issues', id: 'a' }, put('a', { title: '6' })])
    expect(patches).toEqual([{ t: 'set', path: [], key: 'a', fields: { title: '6' } }])
    expect(failure(() => db.apply([{ op: 'insert', table: 'issues', row: issue('n') }, { op: 'insert', table: 'issues', row: issue('n', { title: 'x' }) }])).path).toBe('changes[1]')
    expect(db.apply([{ op: 'insert', table: 'issues', row: issue('n') }, { op: 'insert', table: 'issues', row: issue('n') }]).applied).toBe(1)
  })
})

describe('cursors', () => {
  it('a batch that was applied is a replay; an older one an error, or a replay where that is said', async () => {
    const { db } = await open()
    const batch = (cursor: string | number | bigint, title: string, stale?: 'ignore') => ({ changes: [put('a', { title })], source: 's', cursor, stale })
    const live = db.live(db.query.issues)
    const told: number[] = []
    live.subscribe(({ version }) => { told.push(version) })
    expect(db.apply(batch(9, 'nine'))).toMatchObject({ version: 1, replayed: false, cursor: '9', source: 's' })
    expect(db.apply(batch(9n, 'again'))).toMatchObject({ version: 1, replayed: true, applied: 0 })
    expect(db.apply(batch('10', 'ten'))).toMatchObject({ version: 2, replayed: false })
    const e = failure(() => db.apply(batch(9, 'old')))
    expect([e.code, e.path, e.offending]).toEqual(['CURSOR_BACKWARDS', 'cursor', '9'])
    expect(db.apply(batch(9, 'old', 'ignore'))).toMatchObject({ version: 2, replayed: true, applied: 0 })
    expect(failure(() => db.applyJson(JSON.stringify(batch(9, 'old')))).code).toBe('CURSOR_BACKWARDS')
    expect(db.applyJson(JSON.stringify(batch(9, 'old', 'ignore')))).toMatchObject({ replayed: true })
    expect([live.rows[0].title, db.cursor('s'), db.cursor('t'), db.version, told]).toEqual(['ten', '10', undefined, 2, [1, 2]])
    expect(db.apply({ ...batch('0/A', 'lsn'), source: 'pg' }).replayed).toBe(false)
    expect(failure(() => db.apply({ ...batch('0/9', 'lsn'), source: 'pg' })).code).toBe('CURSOR_BACKWARDS')
    expect(db.apply({ ...batch('1/0', 'lsn'), source: 'pg' }).replayed).toBe(false)
  })

  it('a report of JSON says what the text said', async () => {
    const { db } = await open()
    const reports: any[] = []
    db.subscribe(r => { reports.push([r.source, r.cursor, r.origin]) })
    db.applyJson(JSON.stringify({ changes: [put('a')], source: 's', cursor: 5, origin: 'me' }))
    db.applyJson(JSON.stringify([put('b')]), { source: 't', cursor: 6n, origin: 'you' })
    await db.applyJson(new Response(JSON.stringify({ changes: [put('c')], source: 'u', cursor: '0/7' })))
    db.applyJson(JSON.stringify([put('d')]))
    expect(reports).toEqual([['s', '5', 'me'], ['t', '6', 'you'], ['u', '0/7', undefined], [undefined, undefined, undefined]])
  })
})

describe('what was handed out', () => {
  it('the patches of a list that comes at once are made when they are looked at, and are of that version', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('id'))
    const events: any[] = []
    expect(live.rows).toEqual([])
    live.subscribe(event => { events.push(event) })
    db.apply([{ op: 'upsert', table: 'issues', rows: [issue('a'), issue('b')] }])
    db.apply([put('a', { title: 'later' }), { op: 'delete', table: 'issues', id: 'b' }])
    db.apply([put('c'), put('d')])
    const { diff } = events[0]
    expect(diff).toBe(events[0].diff)
    expect(diff.map((p: any) => [p.t, p.at, p.key, p.value.title])).toEqual([['add', 0, 'a', 'Issue a'], ['add', 1, 'b', 'Issue b']])
    db.close()
  })
  it.each([true, false])('stays readable long after: diffs, and rows that were looked at (%s)', async isLooking => {
    const { db } = await open({ graceMs: 0 })
    db.apply(Array.from({ length: 50 }, (_, i) => put(`i${i}`, { priority: i })))
    db.apply([comment(1, 'i3'), comment(2, 'i3')])
    const watch = (query: any) => {
      const live = db.live<any>(query)
      const start = [...live.rows]
      const diffs: (readonly any[])[] = []
      const seen: (readonly any[])[] = []
      live.subscribe(({ diff, ...e }) => { diffs.push(diff); if (isLooking) seen.push((e as any).rows ?? live.rows) })
      return { live, start, diffs, seen }
    }
    const watched = [watch(db.query.issues.orderBy('priority')), watch(db.query.issues.orderBy('priority').with('comments')), watch(db.query.issues.groupBy('priority').select(i => ({ p: i.priority, n: count(), t: max(i.title) })))]
    for (let n = 0; n < 40; n++) {
      const changes = [put(`i${n % 50}`, { title: `t${n}`, priority: n % 7 }), comment(n % 9, `i${n % 5}`, { body: `b${n}` }), { op: 'delete', table: 'issues', id: `i${n + 5}` }] as const
      // Rows that came as objects are known already; others are read when somebody looks.
      if (n % 4 === 0) db.apply(changes)
      else db.applyJson(JSON.stringify(changes))
      db.apply([{ op: 'update', table: 'issues', id: `i${n % 11}`, set: { title: `u${n}` } }])
    }
    const wanted = watched.map(w => JSON.stringify(w.live.rows, big))
    for (const { live } of watched) live.dispose()
    await eventually(() => db.stats().views === 0)
    expect(db.stats().views).toBe(0)
    db.apply([{ op: 'reset', table: 'issues' }, { op: 'reset', table: 'comments' }])
    // New rows take the handles of the old ones.
    db.apply(Array.from({ length: 100 }, (_, i) => put(`z${i}`)))
    const check = (): void => watched.forEach(({ live, start, diffs, seen }, i) => {
      let rows = start
      expect(diffs.length).toBeGreaterThan(35)
      diffs.forEach((diff, n) => {
        rows = applyPatches(rows, diff)
        if (isLooking) expect(seen[n]).toEqual(rows)
      })
      expect([JSON.stringify(rows, big), JSON.stringify(live.rows, big)]).toEqual([wanted[i], wanted[i]])
    })
    check()
    db.close()
    check()
  })

  it('an event that nobody read says so later, rather than showing other rows', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues)
    const events: LiveEvent<any>[] = []
    live.subscribe(e => { events.push(e) })
    db.apply([put('a')])
    db.apply([put('b')])
    expect(failure(() => events[0].rows).code).toBe('STALE_EVENT')
    expect(events[0].diff[0]).toMatchObject({ t: 'add', key: 'a' })
  })

  it('so does one of a list that was read by itself; once the rows of an event were read, those of later ones stay', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues)
    const events: LiveEvent<any>[] = []
    const before = live.rows
    live.subscribe(e => { events.push(e) })
    for (const id of ['a', 'b', 'c', 'd']) {
      db.apply([put(id)])
      if (id === 'b') expect(events[1].rows.length).toBe(2)
    }
    expect(failure(() => events[0].rows).code).toBe('STALE_EVENT')
    expect([before, ...events.slice(1).map(e => e.rows)].map(rows => rows.length)).toEqual([0, 2, 3, 4])
  })

  it('an event of a status shows the rows of its version, or says that these are over', async () => {
    const { db } = await open()
    db.apply(Array.from({ length: 200 }, (_, i) => put(`i${i}`)))
    const events: LiveEvent<any>[] = []
    for (const isRead of [false, true]) {
      const live = db.live(db.query.issues.orderBy('id').where('priority', '>', isRead ? -1 : -2), { sliced: true })
      live.subscribe(e => { if (e.batch === undefined) { events.push(e); if (isRead) void e.rows } })
      while (live.status !== 'ready') await new Promise(resolve => { setTimeout(resolve, 1) })
    }
    db.apply([put('i5', { title: 'NEW' })])
    expect(events.map(e => e.diff.length)).toEqual([0, 0])
    expect(failure(() => events[0].rows).code).toBe('STALE_EVENT')
    expect(events[1].rows.find(r => r.id === 'i5').title).toBe('Issue i5')
    db.close()
  })

  it('so says an event of nested rows; rows that a listener reads are of its version for ever', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('id').with('comments'))
    const events: LiveEvent<any>[] = []
    const seen: (readonly any[])[] = []
    db.apply([put('a')])
    expect(live.rows).toMatchObject([{ id: 'a', comments: [] }])
    live.subscribe(e => { events.push(e); if (events.length % 2 === 0) seen.push(e.rows) })
    for (let n = 1; n <= 4; n++) db.apply([comment(n, 'a')])
    db.apply([put('a', { title: 'new' })])
    expect(failure(() => events[0].rows).code).toBe('STALE_EVENT')
    expect(seen.map(rows => rows[0].comments.length)).toEqual([2, 4])
    expect(events[3].rows).toBe(seen[1])
    expect(seen[1][0].title).toBe('Issue a')
  })

  it.each([['never read', false], ['read before', true]])('after an error the diff leads from the last good rows to the new ones: rows %s', async (_, isRead) => {
    const { db } = await open()
    db.apply([put('a', { priority: 5 }), put('b', { priority: 5 })])
    const live = db.live(db.query.issues.where(i => eq(div(10, i.priority), 2)).orderBy('id'))
    let copy: readonly any[] = [issue('a', { priority: 5 }), issue('b', { priority: 5 })]
    if (isRead) expect(live.rows).toEqual(copy)
    const steps: string[][] = []
    live.subscribe(({ diff }) => { copy = applyPatches(copy, diff); steps.push(diff.map(p => `${p.t} ${(p as any).key}`)) })
    db.apply([put('a', { priority: 0 })])
    expect(live.status).toBe('error')
    db.apply([put('c', { priority: 5 })])
    db.apply([{ op: 'delete', table: 'issues', id: 'b' }, put('d', { priority: 5 })])
    if (isRead) expect(live.rows.map(r => r.id)).toEqual(['a', 'b'])
    db.apply([put('a', { priority: 5, title: 'good again' })])
    expect(live.status).toBe('ready')
    expect(copy).toEqual([...live.rows])
    expect(copy.map(r => [r.id, r.title])).toEqual([['a', 'good again'], ['c', 'Issue c'], ['d', 'Issue d']])
    // What nobody touched is not told.
    db.apply([put('a', { priority: 0 })])
    const before = live.rows[1]
    db.apply([{ op: 'delete', table: 'issues', id: 'a' }])
    expect(steps.at(-1)).toEqual(['remove a'])
    expect(live.rows[0]).toBe(before)
    expect(copy).toEqual([...live.rows])
  })

  it('a patch of a joined row is read late: cells of both rows and rows shown whole are as they were', async () => {
    const { db } = await open()
    db.apply([{ op: 'insert', table: 'projects', row: { id: 'p', name: 'one' } }, put('a', { projectId: 'p', meta: { deep: [1] } }), put('b')])
    const live = db.live(db.query.issues.leftJoin('projects', (i, p) => eq(i.projectId, p.id)).select(r => ({ id: r.issues.id, meta: r.issues.meta, name: r.projects.name })).orderBy('id'))
    const whole = db.live(db.query.issues.leftJoin('projects', (i, p) => eq(i.projectId, p.id)))
    const held: any[] = []
    for (const l of [live, whole]) l.subscribe((e: any) => { held.push(e.diff) })
    db.apply([{ op: 'update', table: 'projects', id: 'p', set: { name: 'two' } }, { op: 'update', table: 'issues', id: 'a', set: { title: 'once' } }])
    for (let n = 0; n < 5; n++) db.apply([put('a', { projectId: 'p', title: `${n}`, meta: n }), { op: 'upsert', table: 'projects', row: { id: 'p', name: `${n}` } }, put('b', { title: `${n}` })])
    db.apply([{ op: 'delete', table: 'projects', id: 'p' }, { op: 'delete', table: 'issues', id: 'a' }])
    const [first, second] = held.slice(0, 2).map(diff => plainPatches(diff))
    expect([first, second]).toMatchObject([
      [{ t: 'set', fields: { name: 'two' } }],
      [{ t: 'set', fields: { issues: { id: 'a', title: 'once', meta: { deep: [1] } }, projects: { name: 'two' } } }],
    ])
    expect(plainPatches(held[2])).toMatchObject([{ t: 'set', fields: { meta: 0, name: '0' } }])
  })

  it('rows that were not touched are the same objects, and the row given to apply is the row', async () => {
    const { db } = await open()
    const row = issue('a'), other = issue('b')
    db.apply([{ op: 'insert', table: 'issues', row: other }])
    const live = db.live(db.query.issues.orderBy('id')), nested = db.live(db.query.issues.orderBy('id').with('comments'))
    live.subscribe(() => {})
    const kept = live.rows[0]
    db.apply([{ op: 'insert', table: 'issues', row }])
    expect(live.rows[0]).toBe(row)
    expect(live.rows[1]).toBe(kept)
    const trees = [...nested.rows]
    db.apply([comment(1, 'a')])
    expect(nested.rows[0]).not.toBe(trees[0])
    expect(nested.rows[1]).toBe(trees[1])
    expect(nested.rows[1].comments).toBe(trees[1].comments)
    db.apply([{ op: 'update', table: 'issues', id: 'a', set: { status: 'done' } }])
    expect(row.status).toBe('open')
  })

  it('long lists are lists: slices, iteration, positions', async () => {
    const { db } = await open()
    db.applyJson(JSON.stringify(Array.from({ length: 5000 }, (_, i) => issue(`k${String(i).padStart(5, '0')}`, { priority: i }))), { table: 'issues' })
    const live = db.live(db.query.issues.orderBy('priority'))
    expect(live.window(4990, 100).map(r => r.priority)).toEqual([4990, 4991, 4992, 4993, 4994, 4995, 4996, 4997, 4998, 4999])
    const rows = live.rows
    expect([rows.length, rows[4999].priority, rows.at(-1)!.priority, rows[5000], rows.slice(-2).length, Array.isArray(rows)]).toEqual([5000, 4999, 4999, undefined, 2, true])
    let told: any
    live.subscribe(({ diff }) => { told = plainPatches(diff) })
    db.apply([{ op: 'update', table: 'issues', id: 'k02500', set: { priority: -1 } }])
    expect(told).toEqual([{ t: 'move', path: [], key: 'k02500', from: 2500, to: 0 }, { t: 'set', path: [], key: 'k02500', fields: { priority: -1 } }])
    expect(live.rows[0].id).toBe('k02500')
    expect(rows[0].id).toBe('k00000')
    expect([...rows].map(r => r.priority)).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  })
})
const big = (_: string, v: unknown): unknown => typeof v === 'bigint' ? `${v}n` : v

describe('a query that cannot be evaluated', () => {
  it('is in the state error with the last good rows, says so once, and recovers with a diff from what was shown', async () => {
    const { db, errors } = await open()
    db.apply([put('a', { priority: 4 }), put('b', { priority: 2 })])
    const live = db.live(db.query.issues.orderBy('id').select(i => ({ id: i.id, x: div(100, i.priority) })))
    const calm = db.live(db.query.issues.orderBy('id'))
    let mine: any[] = [...live.rows]
    const said: unknown[] = []
    live.subscribe(({ rows, diff, version, batch }) => {
      mine = applyPatches(mine, diff)
      said.push([version, live.status, live.error?.code, diff.length > 0, batch?.version, rows.map(r => r.x)])
    })
    db.apply([put('c', { priority: 0 })])
    expect([live.status, live.error?.code, live.rows.map(r => r.x)]).toEqual(['error', 'DIVISION_BY_ZERO', [25, 50]])
    expect(live.getSnapshot()).toMatchObject({ status: 'error', error: { code: 'DIVISION_BY_ZERO' } })
    expect(calm.rows.length).toBe(3)
    db.apply([put('a', { priority: 5 }), { op: 'delete', table: 'issues', id: 'b' }])
    expect(live.rows.map(r => r.x)).toEqual([25, 50])
    db.apply([put('c', { priority: 1 })])
    expect([live.status, live.error, live.rows]).toEqual(['ready', undefined, [{ id: 'a', x: 20 }, { id: 'c', x: 100 }]])
    expect(mine).toEqual(live.rows)
    await tick()
    expect(errors).toEqual([])
    expect(said[0]).toEqual([2, 'error', 'DIVISION_BY_ZERO', false, 2, [25, 50]])
    expect(said.at(-1)).toEqual([4, 'ready', undefined, true, 4, [20, 100]])
  })

  it('says what is wrong now: of two errors the same whichever came first, and the other one when that is gone', async () => {
    for (const first of [0, 1]) {
      const { db } = await open()
      const live = db.live(db.query.issues.orderBy('id').select(i => ({ id: i.id, x: div(100, cast(i.title, 'int')) })))
      const said: unknown[] = []
      live.subscribe(() => { said.push([live.status, live.error?.code]) })
      const bad = [put('a', { title: '0' }), put('b', { title: 'no number' })]
      db.apply([bad[first]])
      db.apply([bad[1 - first]])
      const both = live.error?.code
      expect(db.live(db.query.issues.select(i => ({ x: div(100, cast(i.title, 'int')), y: i.priority }))).error?.code).toBe(both)
      expect(both).toBe('DIVISION_BY_ZERO')
      db.apply([put('a', { title: '1' })])
      expect([live.status, live.error?.code]).toEqual(['error', 'INVALID_TEXT'])
      db.apply([put('b', { title: '2' }), put('a', { title: '0' })])
      expect([live.status, live.error?.code]).toEqual(['error', 'DIVISION_BY_ZERO'])
      db.apply([put('a', { title: '1' })])
      expect(live.rows.map(r => r.x)).toEqual([100, 50])
      expect(said.slice(-3)).toEqual([['error', 'INVALID_TEXT'], ['error', 'DIVISION_BY_ZERO'], ['ready', undefined]])
      db.close()
    }
  })

  it('from the start has no rows until it can be', async () => {
    const { db } = await open()
    db.apply([put('a', { priority: 0 })])
    const live = db.live(db.query.issues.select(i => ({ id: i.id, x: div(1, i.priority) })))
    expect([live.status, live.error?.code, live.rows]).toEqual(['error', 'DIVISION_BY_ZERO', []])
    let told = 0
    live.subscribe(({ rows, diff }) => { told++; expect(applyPatches([], diff)).toEqual(rows) })
    db.apply([put('a', { priority: 1 })])
    expect([told, live.status, live.rows]).toEqual([1, 'ready', [{ id: 'a', x: 1 }]])
  })
})

describe('integers that doubles do not hold', () => {
  const most = Number.MAX_SAFE_INTEGER
  it.each<[string, (q: any) => any, bigint]>([
    ['a sum', q => q.select((i: any) => ({ x: sum(i.priority) })), BigInt(most) * 2n],
    ['a sum per group', q => q.groupBy('status').select((i: any) => ({ status: i.status, x: sum(i.priority) })), BigInt(most) * 2n],
    ['an addition', q => q.select((i: any) => ({ id: i.id, x: add(i.priority, 2) })), BigInt(most) + 2n],
    ['a subtraction', q => q.select((i: any) => ({ id: i.id, x: sub(-2, i.priority) })), -BigInt(most) - 2n],
    ['a product', q => q.select((i: any) => ({ id: i.id, x: mul(i.priority, 1000) })), BigInt(most) * 1000n],
  ])('%s beyond them is an exact bigint, never a wrong number', async (_, make, exact) => {
    const { db } = await open()
    const live = db.live(make(db.query.issues)) as any
    db.apply([put('a', { priority: 7 })])
    expect(Number.isSafeInteger(live.rows[0].x)).toBe(true)
    db.apply([put('a', { priority: most }), put('b', { priority: most })])
    expect(live.rows[0].x).toBe(exact)
    db.apply([put('a', { priority: 7 }), put('b', { priority: 7 })])
    expect(Number.isSafeInteger(live.rows[0].x)).toBe(true)
    const edge = db.live(db.query.issues.select(i => ({ up: add(i.priority, most - 7), down: sub(i.priority, most + 7) })))
    expect(edge.rows[0]).toEqual({ up: most, down: -most })
  })

  it('beyond 64 bits a query is in the state error', async () => {
    const { db } = await open()
    db.apply([put('a', { priority: most })])
    const live = db.live(db.query.issues.select(i => ({ id: i.id, x: mul(i.priority, i.priority) })))
    expect([live.status, live.error?.code]).toEqual(['error', 'NUMERIC_OVERFLOW'])
    db.apply([put('a', { priority: 3 })])
    expect([live.status, live.rows[0].x]).toEqual(['ready', 9])
  })

  it('averages, extremes, comparisons and bigints go beyond', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.select(i => ({ a: avg(i.priority), m: max(i.priority), v: sum(i.votes), w: add(max(i.votes), 1n) })))
    db.apply([put('a', { priority: most, votes: 2n ** 60n }), put('b', { priority: most, votes: 2n ** 60n })])
    expect(live.rows[0]).toEqual({ a: most, m: most, v: 2n ** 61n, w: 2n ** 60n + 1n })
    expect(db.live(db.query.issues.where(i => eq(add(i.priority, i.priority), mul(i.priority, 2)))).rows.length).toBe(2)
    db.apply([put('a', { votes: 2n ** 63n - 1n })])
    expect([live.status, live.error?.code]).toEqual(['error', 'NUMERIC_OVERFLOW'])
  })
})

describe('databases', () => {
  it('on one page are apart, also in what they are called and how they end', async () => {
    const [one, two] = [await open({ name: 'one' }), await open({ name: 'two' })]
    const a = one.db.live(one.db.query.issues), b = two.db.live(two.db.query.issues)
    one.db.apply([put('x', { title: 'one' })])
    two.db.apply([put('x', { title: 'two' }), put('y')])
    a.subscribe(() => { two.db.apply([put('z')]) })
    one.db.apply([put('x', { title: 'uno' })])
    expect([a.rows.map(r => r.title), b.rows.map(r => r.id)]).toEqual([['uno'], ['x', 'y', 'z']])
    one.db.close()
    expect(failure(() => one.db.apply([])).message).toContain('`one`')
    two.db.apply([put('y', { title: 'still' })])
    expect([a.status, a.rows.map(r => r.title), b.rows[1].title]).toEqual(['closed', ['uno'], 'still'])
    two.db.close()
  })

  it('closed with live queries: they are told, keep what was seen, and everything else throws CLOSED', async () => {
    const { db, errors } = await open()
    db.apply([put('a'), comment(1, 'a')])
    const seen = db.live(db.query.issues.with('comments')), unseen = db.live(db.query.issues.orderBy('title'))
    const said: unknown[] = []
    const { rows } = seen
    seen.subscribe(e => { said.push([seen.status, e.diff, e.batch, e.rows]) })
    db.close()
    db.close()
    await tick()
    expect(errors).toEqual([])
    expect(said).toEqual([['closed', [], undefined, rows]])
    expect(seen.rows).toEqual([{ ...issue('a'), comments: [{ id: 1, issueId: 'a', body: 'c1', at: 1 }] }])
    expect([unseen.status, unseen.rows, unseen.getSnapshot().status]).toEqual(['closed', [], 'closed'])
    for (const use of [() => db.apply([]), () => db.applyJson('[]'), () => db.live(db.query.issues), () => db.stats(), () => db.cursor('s'), () => db.explain(seen), () => db.connect({ name: 'x', sync() {} })]) {
      expect(failure(use).code).toBe('CLOSED')
    }
    await expect((async () => { await db.applyJson(new Response('[]')) })()).rejects.toMatchObject({ code: 'CLOSED' })
    seen.dispose()
    unseen.dispose()
  })

  /** Queries have gone, and what was of them, which goes in slices. */
  const isEmpty = (db: Db): boolean => { const { views, bytes } = db.stats(); return views + bytes.views + bytes.operators === 0 }

  it('give back everything: views, nodes and rows go to zero', async () => {
    const { db } = await open({ graceMs: 0 })
    const lives = Array.from({ length: 20 }, (_, i) => db.live(db.query.issues.where('priority', '=', i).orderBy('title').limit(3).with('comments').with('project')))
    db.apply(Array.from({ length: 100 }, (_, i) => put(`i${i}`, { priority: i % 20 })))
    expect(db.stats().views).toBe(20)
    for (const live of lives) live.dispose()
    await eventually(() => db.stats().views === 0)
    db.apply([{ op: 'reset', table: 'issues' }])
    db.apply([])
    await eventually(() => isEmpty(db))
    const { views, nodes, bytes } = db.stats()
    expect([views, nodes, bytes.views, bytes.operators]).toEqual([0, 0, 0, 0])
    db.close()
  })

  it('a query comes and goes many times without the memory growing', async () => {
    const { db } = await open({ graceMs: 0 })
    db.apply(Array.from({ length: 200 }, (_, i) => put(`i${i}`, { priority: i % 20 })))
    const round = async (n: number): Promise<void> => {
      for (let i = 0; i < 50; i++) {
        const live = db.live(db.query.issues.where('priority', '=', (n * 50 + i) % 400).select(r => ({ id: r.id, x: add(r.priority, i) })).orderBy('x'))
        void live.rows
        live.dispose()
      }
      await eventually(() => isEmpty(db))
    }
    for (let n = 0; n < 10; n++) await round(n)
    const { wasmBytes } = db.stats()
    for (let n = 10; n < 40; n++) await round(n)
    const after = db.stats()
    expect([after.views, after.nodes]).toEqual([0, 0])
    expect(after.wasmBytes).toBeLessThanOrEqual(wasmBytes + 131072)
    db.close()
  })
})

describe('constants of a query', () => {
  it('are what rows take: moments as milliseconds and ISO texts, bigints as integers, JSON and bytes as values', async () => {
    const { db } = await open()
    const due = new Date('2024-05-01T10:00:00.123Z')
    db.apply([put('a', { due, votes: 7n, meta: { b: [1, 'é'], a: null }, raw: new Uint8Array([0, 255]) }), put('b', { due: new Date(0), votes: 2n ** 60n, meta: 'x', raw: new Uint8Array() })])
    const ids = (q: any): string[] => db.live<any>(q).rows.map(r => r.id)
    const q = db.query.issues.orderBy('id')
    expect(ids(q.where('due', '=', due))).toEqual(['a'])
    expect(ids(q.where('due', '=', due.getTime()))).toEqual(['a'])
    expect(ids(q.where('due', '=', '2024-05-01 12:00:00.123+02'))).toEqual(['a'])
    expect(ids(q.where('due', 'in', [0, '2024-05-01T10:00:00.123Z']))).toEqual(['a', 'b'])
    expect(ids(q.where(i => gt(i.due, '2024-05-01')))).toEqual(['a'])
    expect(ids(q.where('votes', '=', 7))).toEqual(['a'])
    expect(ids(q.where(i => inArray(i.votes, [7, 2n ** 60n])))).toEqual(['a', 'b'])
    expect(ids(q.where('votes', '>', 2n ** 53n))).toEqual(['b'])
    expect(ids(q.where('meta', '=', { a: null, b: [1, 'é'] }))).toEqual(['a'])
    expect(ids(q.where('meta', '=', 'x'))).toEqual(['b'])
    expect(ids(q.where('raw', '=', new Uint8Array([0, 255])))).toEqual(['a'])
    expect(ids(q.where('raw', '=', new Uint8Array()))).toEqual(['b'])
    expect(ids(q.where('due', 'is', null))).toEqual([])
  })
})

describe('tenants', () => {
  it('do not see each other, and a reset is of one', async () => {
    const { db } = await open()
    db.apply({ changes: [{ op: 'upsert', table: 'notes', rows: [{ id: 1, text: 'a1' }, { id: 2, text: 'a2' }] }], tenant: 'a' } as never)
    db.apply([{ op: 'upsert', table: 'notes', row: { id: 1, text: 'b1' }, tenant: 'b' }])
    db.applyJson(JSON.stringify([{ id: 3, text: 'b3' }]), { table: 'notes', tenant: 'b' })
    const [a, b] = ['a', 'b'].map(tenant => db.live(db.query.notes.orderBy('id'), { tenant }))
    expect([a.rows.map(r => r.text), b.rows.map(r => r.text)]).toEqual([['a1', 'a2'], ['b1', 'b3']])
    expect(Object.keys(a.rows[0])).toEqual(['id', 'text'])
    db.apply([{ op: 'reset', table: 'notes', rows: [{ id: 2, text: 'a2' }], tenant: 'a' }])
    expect([a.rows.map(r => r.text), b.rows.map(r => r.text)]).toEqual([['a2'], ['b1', 'b3']])
  })
})

it('a schema is what the engine gets: a key that is not there is refused before anything is built', async () => {
  expect(failure(() => defineSchema({ t: table({ a: int() }) })).code).toBe('SCHEMA_INVALID')
  await expect(createDatabase({ schema: defineSchema({ t: table({ a: string().key() }) }) })).resolves.toBeDefined()
  expect(schema.json.tables.length).toBe(5)
})

describe('a crash of the engine', () => {
  it('poisons that database and no other', async () => {
    const module = await import('../../../pkg/glue.js')
    const other = await open()
    const engines: any[] = []
    const { relations } = module.Engine.prototype
    // Every database asks its engine for its relations first.
    module.Engine.prototype.relations = function (this: any) { engines.push(this); return relations.call(this) }
    const { db, errors } = await open().finally(() => { module.Engine.prototype.relations = relations })
    db.apply([put('a'), put('b')])
    const live = db.live(db.query.issues.orderBy('id')), unread = db.live(db.query.issues.orderBy('title'))
    const { rows } = live
    const told: string[] = []
    live.subscribe(() => { told.push(live.status) })
    // Taken away behind the database's back: the binding refuses the next call without a code, as a trap does.
    engines[0].__wbg_ptr = 0
    const e = failure(() => db.apply([put('a', { title: 'x' })]))
    expect([e.code, e.cause instanceof Error]).toEqual(['ENGINE_CRASHED', true])
    for (const use of [() => db.apply([]), () => db.applyJson('[]'), () => db.live(db.query.issues), () => db.stats()]) expect(failure(use).code).toBe('ENGINE_CRASHED')
    expect([live.status, live.error?.code, live.rows, unread.rows, told]).toEqual(['error', 'ENGINE_CRASHED', rows, [], ['error']])
    live.dispose()
    db.close()
    await tick()
    expect([errors, module.last_panic()]).toEqual([[], undefined])
    expect(other.db.apply([put('a')]).applied).toBe(1)
    const next = await open()
    next.db.apply([put('a')])
    expect(next.db.live(next.db.query.issues).rows.length).toBe(1)
  })
})
