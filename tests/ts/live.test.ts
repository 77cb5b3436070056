import { describe, expect, it } from 'vitest'
import { applyPatches, plainPatches, toJsonPatch } from '../../src/ts/patches.js'
import type { Query } from '../../src/ts/query/builder.js'
import type { Database } from '../../src/ts/database.js'
import { type TestSchema, eventually, issue, open, random } from './fixtures.js'

type Q = Query<any, any, any, any, any>
const queries: Record<string, (db: Database<TestSchema>) => Q> = {
  all: db => db.query.issues,
  ordered: db => db.query.issues.where('status', '=', 'open').orderBy('priority', 'desc'),
  limited: db => db.query.issues.orderBy('priority').orderBy('title').limit(7).offset(2),
  projected: db => db.query.issues.select('title', 'priority').orderBy('priority'),
  belonging: db => db.query.issues.with('project').orderBy('priority'),
  nested: db => db.query.issues.orderBy('priority').with('comments', c => c.with('reactions')).with('project'),
  'nested and limited': db => db.query.issues.orderBy('priority', 'desc').limit(5).with('comments', c => c.orderBy('at', 'desc').limit(2)),
  'nested and projected': db => db.query.issues.select('title').with('comments', c => c.select('body', 'at').orderBy('at').with('reactions')),
}

/** A JSON Patch interpreter, to judge `toJsonPatch`. */
function applyJsonPatch(doc: any, operations: any[]): any {
  // Through JSON: a structured clone keeps shared empty lists shared.
  doc = JSON.parse(JSON.stringify(doc))
  const at = (pointer: string): [any, string] => {
    const parts = pointer.split('/').slice(1).map(p => p.replaceAll('~1', '/').replaceAll('~0', '~'))
    let holder = doc
    for (const p of parts.slice(0, -1)) holder = holder[p]
    return [holder, parts.at(-1)!]
  }
  for (const o of operations) {
    const [holder, name] = at(o.path)
    if (o.op === 'add') Array.isArray(holder) ? holder.splice(Number(name), 0, structuredClone(o.value)) : holder[name] = structuredClone(o.value)
    else if (o.op === 'remove') holder.splice(Number(name), 1)
    else if (o.op === 'replace') holder[name] = structuredClone(o.value)
    else { const [h, n] = at(o.from); holder.splice(Number(name), 0, h.splice(Number(n), 1)[0]) }
  }
  return doc
}

function randomChanges(r: (n: number) => number): any[] {
  const changes: any[] = []
  for (let n = r(4) + 1; n > 0; n--) {
    const p = r(12)
    const id = `i${r(25)}`
    if (p < 5) changes.push({ op: 'upsert', table: 'issues', row: issue(id, { priority: r(6), status: r(3) ? 'open' : 'dône', projectId: `p${r(3)}`, score: r(2) ? r(5) / 2 : null, title: 'T'.repeat(r(4)) }) })
    else if (p < 6) changes.push({ op: 'update', table: 'issues', id, set: { priority: r(6) } })
    else if (p < 7) changes.push({ op: 'delete', table: 'issues', id })
    else if (p < 8) changes.push(r(3) ? { op: 'upsert', table: 'projects', row: { id: `p${r(3)}`, name: `N${r(9)}` } } : { op: 'delete', table: 'projects', id: `p${r(3)}` })
    else if (p < 10) changes.push(r(4) ? { op: 'upsert', table: 'comments', row: { id: r(60), issueId: id, body: `b${r(99)}`, at: r(20) } } : { op: 'delete', table: 'comments', id: r(60) })
    else changes.push(r(4) ? { op: 'upsert', table: 'reactions', row: { id: r(60), commentId: r(60), emoji: r(2) ? '+' : '👍' } } : { op: 'delete', table: 'reactions', id: r(60) })
  }
  return changes
}

/** Everything in `now` that is equal to what was at its key before must be the same object. */
function checkIdentity(before: readonly any[], now: readonly any[], keyed: boolean): void {
  const old = new Map(before.map((row, i) => [keyed ? row.id : i, row]))
  now.forEach((row, i) => {
    const was = old.get(keyed ? row.id : i)
    if (was === undefined || was === row) return
    if (keyed) expect(JSON.stringify(row)).not.toBe(JSON.stringify(was))
    for (const name of Object.keys(row)) if (Array.isArray(row[name]) && Array.isArray(was[name]) && keyed) {
      if (JSON.stringify(row[name]) === JSON.stringify(was[name])) expect(row[name]).toBe(was[name])
      else checkIdentity(was[name], row[name], row[name].every((x: any) => 'id' in x) && was[name].every((x: any) => 'id' in x))
    }
  })
}

describe.each(Object.keys(queries))('a live query (%s)', name => {
  it.each([11, 12, 13])('is right at every version, and so are old rows and diffs (seed %d)', async seed => {
    const r = random(seed)
    const errors: unknown[] = []
    const { db, engine } = open({ onError: e => errors.push(e) })
    db.apply(Array.from({ length: 12 }, (_, i) => ({ op: 'insert', table: 'issues', row: issue(`i${i}`, { priority: i % 4 }) }) as const))
    const live = db.live(queries[name](db))
    const id = live.shared.view.id
    // Copies of rows without their key columns cannot be told apart.
    const readRows = seed !== 12 || name === 'nested and projected'
    const later: (() => void)[] = []
    let copy: any[] = structuredClone(engine.expected(id))
    let mirrored: any[] = [...live.rows]
    let before: readonly any[] = live.rows
    let told = 0
    let cloned = false
    live.subscribe(event => {
      told++
      const expected = structuredClone(engine.expected(id))
      const { diff } = event
      expect(diff.length).toBeGreaterThan(0)
      if (readRows || r(4) === 0) {
        const { rows } = event
        expect(rows).toEqual(expected)
        if (!cloned) checkIdentity(before, rows, name !== 'projected' && name !== 'nested and projected')
        const mine = applyPatches(mirrored, diff)
        expect(mine).toEqual(expected)
        expect(applyJsonPatch(before, toJsonPatch(diff, before))).toEqual(expected)
        mirrored = mine
        before = rows
        cloned = false
        copy = expected
      } else {
        // Not read now: must be readable much later, when handles have been reused.
        const old = copy
        later.push(() => {
          expect(applyPatches(old, diff)).toEqual(expected)
        })
        copy = expected
        mirrored = structuredClone(expected)
        before = expected
        cloned = true
      }
    })
    const kept: { picture: any; json: string }[] = []
    for (let step = 0; step < 250; step++) {
      const changes = randomChanges(r)
      const version = db.version
      const report = db.apply(changes)
      expect(report.version).toBe(version + 1)
      await Promise.resolve()
      if (errors.length > 0) throw errors[0]
      if (step % 9 === 0) kept.push({ picture: live.getSnapshot(), json: JSON.stringify(engine.expected(id)) })
    }
    expect(told).toBeGreaterThan(20)
    for (const check of later) check()
    for (const { picture, json } of kept) expect(JSON.stringify(picture.rows)).toBe(json)
    expect(JSON.stringify(live.rows)).toBe(JSON.stringify(engine.expected(id)))
  })
})

describe('live queries', () => {
  it('take the caller’s object for the row, and only for the row with its content', () => {
    const { db } = open()
    const live = db.live(db.query.issues.orderBy('priority').limit(2))
    void live.rows
    const a = issue('a', { priority: 1 }), b = issue('b', { priority: 2 }), c = issue('c', { priority: 3 })
    db.apply([{ op: 'upsert', table: 'issues', row: a }])
    expect(live.rows[0]).toBe(a)
    db.apply([{ op: 'upsert', table: 'issues', rows: [b, c] }])
    expect(live.rows[1]).toBe(b)
    const moved = issue('a', { priority: 9 })
    db.apply([{ op: 'upsert', table: 'issues', row: moved }])
    expect(live.rows[0]).toBe(b)
    expect(live.rows[1]).toEqual(c)
    const loose = { ...issue('d', { priority: 0 }), score: undefined } as never
    db.apply([{ op: 'upsert', table: 'issues', row: loose }])
    expect(live.rows[0]).not.toBe(loose)
    expect(live.rows[0]).toEqual({ ...issue('d', { priority: 0 }), score: null })
  })

  it('keep rows that did not change identical', () => {
    const { db } = open()
    db.apply([{ op: 'insert', table: 'issues', rows: [issue('a'), issue('b')] }])
    const live = db.live(db.query.issues)
    const [a, b] = live.rows
    const snapshot = live.getSnapshot()
    expect(live.getSnapshot()).toBe(snapshot)
    db.apply([{ op: 'update', table: 'issues', id: 'b', set: { title: 'x' } }])
    expect(live.rows[0]).toBe(a)
    expect(live.rows[1]).not.toBe(b)
    expect(b.title).toBe('Issue b')
    expect(live.getSnapshot()).not.toBe(snapshot)
    expect(snapshot.rows[1]).toBe(b)
  })

  it('that do not show a changed column stay as they are', () => {
    const { db } = open()
    db.apply([{ op: 'insert', table: 'issues', rows: [issue('a'), issue('b')] }])
    for (const query of [db.query.issues.select('title'), db.query.issues.select('title').with('comments')]) {
      const read = db.live(query), unread = db.live(query.limit(9))
      const snapshot = read.getSnapshot()
      let called = 0
      read.subscribe(() => { called++ })
      unread.subscribe(() => { called++ })
      for (let i = 0; i < 5; i++) db.apply([{ op: 'update', table: 'issues', id: 'a', set: { priority: 50 + i + db.version } }])
      expect(called).toBe(0)
      expect(read.getSnapshot()).toBe(snapshot)
      expect(unread.rows).toEqual(snapshot.rows)
      db.apply([{ op: 'update', table: 'issues', id: 'a', set: { title: 'x' + db.version } }])
      expect(called).toBe(2)
      expect(read.rows[1]).toBe(snapshot.rows[1])
    }
  })

  it('what is no diff, or none of these rows, is a typed error', () => {
    const at = (fn: () => unknown): unknown => { try { fn() } catch (e) { return [(e as any).code, (e as any).path, (e as any).offending] } }
    const no: any = null
    expect(at(() => applyPatches(no, []))).toEqual(['INVALID_ARGUMENT', 'rows', 'null'])
    for (const fn of [(d: any) => applyPatches([], d), (d: any) => toJsonPatch(d, []), plainPatches]) {
      expect(at(() => fn(no))).toEqual(['INVALID_ARGUMENT', 'diff', 'null'])
      expect(at(() => fn([{ t: 'foo', path: [] }] as any))).toEqual(['INVALID_ARGUMENT', 'diff[0]', 'foo'])
      expect(at(() => fn([{ t: 'add' }] as any))).toEqual(['INVALID_ARGUMENT', 'diff[0]', 'add'])
      expect(at(() => fn([null] as any))).toEqual(['INVALID_ARGUMENT', 'diff[0]', 'undefined'])
    }
    for (const patch of [{ t: 'remove', at: 0 }, { t: 'move', from: 1, to: 0 }, { t: 'add', at: 2, value: {} }, { t: 'add', at: -1, value: {} }]) {
      expect(at(() => applyPatches([], [{ path: [], key: 1, ...patch } as any]))).toEqual(['INVALID_ARGUMENT', 'diff', String((patch as any).from ?? patch.at)])
    }
  })

  it('tell sets with the changed fields only', () => {
    const { db } = open()
    db.apply([{ op: 'insert', table: 'issues', rows: [issue('a'), issue('b', { priority: 2 })] }])
    const live = db.live(db.query.issues.orderBy('priority'))
    let diff: any
    live.subscribe(e => { diff = plainPatches(e.diff) })
    db.apply([{ op: 'update', table: 'issues', id: 'a', set: { title: 'new', done: true } }])
    expect(diff).toEqual([{ t: 'set', path: [], key: 'a', fields: { title: 'new', done: true } }])
    expect(applyPatches([{ id: 'a' }, { id: 'b' }], diff)).toEqual([{ id: 'a', title: 'new', done: true }, { id: 'b' }])
    db.apply([{ op: 'update', table: 'issues', id: 'a', set: { priority: 3 } }])
    expect(diff.map((p: any) => p.t).sort()).toEqual(['move', 'set'])
  })

  it('share one view between equal plans and drop it when nobody uses it', async () => {
    const { db, engine } = open({ graceMs: 5 })
    const one = db.live(db.query.issues.limit(5))
    const two = db.live(db.query.issues.limit(5))
    expect(one.shared).toBe(two.shared)
    expect(engine.views.size).toBe(1)
    one.dispose()
    one.dispose()
    expect(one.status).toBe('closed')
    expect(() => one.subscribe(() => {})).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    two.dispose()
    const three = db.live(db.query.issues.limit(5))
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(engine.views.size).toBe(1)
    three.dispose()
    await eventually(() => engine.views.size === 0)
    expect(engine.views.size).toBe(0)
  })

  it('give windows without building the list', () => {
    const { db } = open()
    db.apply([{ op: 'insert', table: 'issues', rows: Array.from({ length: 3000 }, (_, i) => issue(`i${10000 + i}`)) }])
    const live = db.live(db.query.issues)
    expect(live.window(1000, 2).map(r => r.id)).toEqual(['i11000', 'i11001'])
    expect(live.shared.view.built).toBe(false)
    expect(live.rows.length).toBe(3000)
    expect(live.rows[1000]).toBe(live.window(1000, 1)[0])
  })

  it('keep old rows of long lists readable after disposal and reuse of handles', async () => {
    const { db } = open({ graceMs: 1 })
    db.apply([{ op: 'insert', table: 'issues', rows: Array.from({ length: 2000 }, (_, i) => issue(`i${10000 + i}`)) }])
    for (const query of [db.query.issues, db.query.issues.select('title')]) {
      const live = db.live(query)
      const { rows } = live
      live.dispose()
      await new Promise(resolve => setTimeout(resolve, 10))
      db.apply([{ op: 'upsert', table: 'issues', rows: Array.from({ length: 2000 }, (_, i) => issue(`i${10000 + i}`, { title: 'later' + db.version })) }])
      db.apply([{ op: 'upsert', table: 'issues', rows: Array.from({ length: 2000 }, (_, i) => issue(`i${10000 + i}`, { title: `Issue i${10000 + i}` })) }])
      expect((rows[1234] as any).title).toBe('Issue i11234')
      expect(live.rows).toBe(rows)
    }
  })

  it('keep patches readable that nobody read before the view went', async () => {
    const { db, engine } = open({ graceMs: 1 })
    db.apply([{ op: 'insert', table: 'issues', rows: [issue('a'), issue('b')] }])
    const live = db.live(db.query.issues.select('title'))
    const diffs: any[] = []
    live.subscribe(({ diff }) => { diffs.push(...diff) })
    db.apply([{ op: 'update', table: 'issues', id: 'a', set: { title: 'one' } }, { op: 'upsert', table: 'issues', row: issue('c') }, { op: 'delete', table: 'issues', id: 'b' }])
    live.dispose()
    await eventually(() => engine.views.size === 0)
    expect(engine.views.size).toBe(0)
    db.apply([{ op: 'reset', table: 'issues' }])
    db.apply([{ op: 'insert', table: 'issues', rows: [issue('x'), issue('y'), issue('z')] }])
    expect(plainPatches(diffs)).toEqual([
      { t: 'remove', path: [], key: 'b', at: 1 },
      { t: 'set', path: [], key: 'a', fields: { title: 'one' } },
      { t: 'add', path: [], key: 'c', at: 1, value: { title: 'Issue c' } },
    ])
  })

  it('show an evaluation error and recover with a diff that replaces the rows', () => {
    const { db, engine } = open()
    db.apply([{ op: 'insert', table: 'issues', rows: [issue('a'), issue('b')] }])
    const live = db.live(db.query.issues)
    let mine: any[] = [...live.rows]
    let events = 0
    live.subscribe(e => { events++; mine = applyPatches(mine, e.diff) })
    engine.failing.add(live.shared.view.id)
    db.apply([{ op: 'delete', table: 'issues', id: 'a' }])
    expect([live.status, live.error?.code, events]).toEqual(['error', 'OVERFLOW', 1])
    expect(live.rows.length).toBe(2)
    engine.failing.clear()
    db.apply([{ op: 'upsert', table: 'issues', row: issue('c') }])
    expect(live.status).toBe('ready')
    expect(live.rows.map(r => r.id)).toEqual(['b', 'c'])
    expect(mine).toEqual(live.rows)
  })
})
