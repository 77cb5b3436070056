// The built engine against a brute-force one: same history, same queries; rows, diffs, old snapshots and identity compared.
import { describe, expect, it } from 'vitest'
import { type Database, type Patch, applyPatches, createDatabase } from '../../../pkg/index.inline.js'
import { type TestSchema, issue, open, random, schema } from '../fixtures.js'

const queries: Record<string, (db: Database<TestSchema>) => any> = {
  all: db => db.query.issues.orderBy('id'),
  ordered: db => db.query.issues.where('status', '=', 'open').orderBy('priority', 'desc'),
  limited: db => db.query.issues.orderBy('priority').orderBy('title').limit(7).offset(2),
  projected: db => db.query.issues.select('title', 'priority').orderBy('priority'),
  belonging: db => db.query.issues.with('project').orderBy('priority'),
  nested: db => db.query.issues.orderBy('priority').with('comments', c => c.with('reactions')).with('project'),
  'nested and limited': db => db.query.issues.orderBy('priority', 'desc').limit(5).with('comments', c => c.orderBy('at', 'desc').limit(2)),
  'nested and projected': db => db.query.issues.select('title').with('comments', c => c.select('body', 'at').orderBy('at').with('reactions')),
}

function randomChanges(r: (n: number) => number): any[] {
  const changes: any[] = []
  for (let n = r(4) + 1; n > 0; n--) {
    const p = r(13)
    const id = `i${r(25)}`
    if (p < 5) changes.push({ op: 'upsert', table: 'issues', row: issue(id, { priority: r(6), status: r(3) ? 'open' : 'dône', projectId: `p${r(3)}`, score: r(2) ? r(5) / 2 : null, title: 'T'.repeat(r(4)) }) })
    else if (p < 6) changes.push({ op: 'update', table: 'issues', id, set: { priority: r(6) } })
    else if (p < 7) changes.push({ op: 'delete', table: 'issues', id })
    else if (p < 8) changes.push(r(3) ? { op: 'upsert', table: 'projects', row: { id: `p${r(3)}`, name: `N${r(9)}` } } : { op: 'delete', table: 'projects', id: `p${r(3)}` })
    else if (p < 10) changes.push(r(4) ? { op: 'upsert', table: 'comments', row: { id: r(60), issueId: id, body: `b${r(99)}`, at: r(20) } } : { op: 'delete', table: 'comments', id: r(60) })
    else if (p < 12) changes.push(r(4) ? { op: 'upsert', table: 'reactions', row: { id: r(60), commentId: r(60), emoji: r(2) ? '+' : '👍' } } : { op: 'delete', table: 'reactions', id: r(60) })
    // A row and its end in one batch: nothing happened, unless it was there before.
    else changes.push({ op: 'upsert', table: 'issues', row: issue(`n${r(9)}`) }, { op: 'delete', table: 'issues', id: `n${r(9)}` })
  }
  return changes
}

/** Rows that are equal to what was at their key before must be the same objects. */
function checkIdentity(before: readonly any[], now: readonly any[]): void {
  const old = new Map(before.map(row => [row.id, row]))
  for (const row of now) {
    const was = old.get(row.id)
    if (was === undefined || was === row) continue
    expect(JSON.stringify(row)).not.toBe(JSON.stringify(was))
    for (const name of Object.keys(row)) if (Array.isArray(row[name])) {
      if (JSON.stringify(row[name]) === JSON.stringify(was[name])) expect(row[name]).toBe(was[name])
      else checkIdentity(was[name], row[name])
    }
  }
}

describe.each(Object.keys(queries))('%s', name => {
  // Odd seeds read the rows at every version; even ones read diffs and old snapshots at the very end, when handles have been reused.
  it.each([1, 2, 3, 4])('seed %d', async seed => {
    const r = random(seed)
    const fake = open()
    const errors: unknown[] = []
    const db = await createDatabase({ schema, onError: e => { errors.push(e) } })
    const start = Array.from({ length: 12 }, (_, i) => ({ op: 'insert', table: 'issues', row: issue(`i${i}`, { priority: i % 4 }) }) as const)
    db.apply(start)
    fake.db.apply(start)
    const model = fake.db.live(queries[name](fake.db as never)) as any
    const live = db.live<any>(queries[name](db))
    const id = model.shared.view.id
    const keyed = !name.includes('projected')
    let mine: any[] = [...live.rows]
    let before = live.rows
    const diffs: (readonly Patch[])[] = []
    const kept: { rows: readonly any[]; json: string }[] = []
    let told = 0
    live.subscribe(({ rows, diff }) => {
      told++
      expect(diff.length).toBeGreaterThan(0)
      if (seed % 2 === 0) { diffs.push(diff); return }
      mine = applyPatches(mine, diff)
      expect(rows).toEqual(mine)
      if (keyed) checkIdentity(before, rows)
      before = rows
    })
    for (let step = 0; step < 150; step++) {
      const changes = randomChanges(r)
      const was = JSON.stringify(fake.engine.expected(id))
      const tellings = told
      fake.db.apply(changes)
      if (r(3) === 0) db.applyJson(JSON.stringify(changes))
      else db.apply(changes)
      await Promise.resolve()
      if (errors.length > 0) throw errors[0]
      const expected = JSON.stringify(fake.engine.expected(id))
      // Told exactly when something changed, and once.
      expect(told - tellings).toBe(was === expected ? 0 : 1)
      if (step % 9 === 0) kept.push({ rows: live.getSnapshot().rows, json: expected })
      if (seed % 2) expect(JSON.stringify(live.rows)).toBe(expected)
    }
    for (const diff of diffs) mine = applyPatches(mine, diff)
    const expected = fake.engine.expected(id)
    expect(mine).toEqual(expected)
    expect(live.rows).toEqual(expected)
    for (const { rows, json } of kept) expect(JSON.stringify(rows)).toBe(json)
    db.close()
    for (const { rows, json } of kept) expect(JSON.stringify(rows)).toBe(json)
  })
})
