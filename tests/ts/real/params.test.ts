// Parameters that are set anew, and windows that move: diffs, identity of rows, errors.
import { describe, expect, test } from 'vitest'
import { type Patch, and, applyPatches, count, eq, exists, gt, inArray, like, matches, param, withParams } from '../../../pkg/index.inline.js'
import { type Db, comment, failure, issue, open, put } from './support.js'

async function filled(n = 40): Promise<Db> {
  const { db } = await open()
  db.apply(Array.from({ length: n }, (_, i) => put(`i${String(i).padStart(2, '0')}`, { priority: i % 10, title: `t${i}`, score: i / 2 })))
  return db
}

const ids = (rows: readonly { id: string }[]) => rows.map(r => r.id)

describe('a parameter that is set', () => {
  test('lets rows in and out, and keeps the others the same objects', async () => {
    const db = await filled()
    const busy = withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)).orderBy('id'))
    const live = db.live(busy, { params: { least: 7 } })
    const before = [...live.rows]
    const diffs: (readonly Patch[])[] = []
    let mirror: readonly unknown[] = before
    live.subscribe(({ diff }) => { diffs.push(diff); mirror = applyPatches(mirror as never, diff as never) })
    expect(before.length).toBe(8)
    const version = db.version
    live.setParams({ least: 6 })
    expect(live.rows.length).toBe(12)
    expect(diffs.length).toBe(1)
    expect(diffs[0].length).toBe(4)
    expect(mirror).toEqual([...live.rows])
    for (const row of before) expect(live.rows).toContain(row)
    expect(db.version).toBe(version + 1)
    live.setParams({ least: 6 })
    expect([db.version, diffs.length]).toEqual([version + 1, 1])
    db.apply([put('i00', { priority: 9 })])
    expect(live.rows.length).toBe(13)
    live.setParams({ least: null })
    expect(live.rows.length).toBe(0)
    live.dispose()
    expect(failure(() => live.setParams({ least: 1 })).code).toBe('CLOSED')
  })

  test('may stand for limits, patterns, members of rows, and within sub-queries and associations', async () => {
    const db = await filled()
    db.apply([comment(1, 'i01'), comment(2, 'i01'), comment(3, 'i02', { body: 'x' })])
    const query = db.query.issues
      .where(i => and(matches(i.title, param('pattern')), exists(db.query.comments.where(c => and(eq(c.issueId, i.id), eq(c.body, param('body')))))))
      .orderBy('id').limit(param('n')).with('comments', c => c.where('id', '>', param('after')))
    const live = db.live(query, { params: { pattern: '^t', body: 'c1', n: 5, after: 0 } })
    expect(live.rows.map(r => [r.id, r.comments.length])).toEqual([['i01', 2]])
    const [first] = live.rows
    live.setParams({ after: 1 })
    expect(live.rows.map(r => r.comments.map(c => c.id))).toEqual([[2]])
    live.setParams({ body: 'x' })
    expect(live.rows.map(r => r.id)).toEqual(['i02'])
    live.setParams({ n: 0 })
    expect(live.rows).toEqual([])
    live.setParams({ n: 3, body: 'c2', pattern: '1$' })
    expect(live.rows.map(r => r.id)).toEqual([first.id])
    const labelled = db.live(db.query.issues.select(i => ({ id: i.id, mark: param<string>('mark') })).limit(1), { params: { mark: 'a' } })
    labelled.setParams({ mark: 'b' })
    expect(labelled.rows).toEqual([{ id: 'i00', mark: 'b' }])
    const grouped = db.live(db.query.issues.where(i => inArray(i.priority, [param('a'), param('b')])).select(() => ({ n: count() })), { params: { a: 1, b: 2 } })
    expect(grouped.rows).toEqual([{ n: 8 }])
    grouped.setParams({ b: 1 })
    expect(grouped.rows).toEqual([{ n: 4 }])
  })

  test('is of one live query alone', async () => {
    const db = await filled()
    const query = db.query.issues.where(i => like(i.title, param('text')))
    const [a, b] = [db.live(query, { params: { text: 't1%' } }), db.live(query, { params: { text: 't1%' } })]
    a.setParams({ text: 't2%' })
    expect(ids(b.rows)).toContain('i01')
    expect(ids(a.rows)).toContain('i02')
    a.dispose()
    b.setParams({ text: 'none' })
    expect(b.rows).toEqual([])
  })

  test('that is declared, and that only another form of the query uses, may be given and set', async () => {
    const db = await filled()
    const query = (only: boolean) => withParams({ least: 'int', text: 'text' }, p => {
      const some = db.query.issues.where(i => gt(i.priority, p.least))
      return only ? some.where(i => eq(i.title, p.text)) : some
    })
    const all = db.live(query(false), { params: { least: 1, text: 'x' } })
    expect(all.rows).toEqual(db.live(db.query.issues.where('priority', '>', 1)).rows)
    all.setParams({ text: 'y', least: 100 })
    expect(all.rows).toEqual([])
    expect(failure(() => db.live(query(false), { params: { least: 1, text: 2 as never } }))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'params.text' })
    expect(failure(() => db.live(query(false), { params: { least: 1, text: 'x', more: 1 } as never }))).toMatchObject({ code: 'UNKNOWN_PARAMETER', path: 'params.more' })
  })

  test('is refused with its place, and then nothing has changed', async () => {
    const db = await filled()
    const query = db.query.issues.where(i => gt(i.priority, param('least')))
    expect(failure(() => db.live(query))).toMatchObject({ code: 'MISSING_PARAMETER', path: 'where.args[1]', offending: 'least' })
    expect(failure(() => db.live(query, { params: { laest: 1 } }))).toMatchObject({ code: 'MISSING_PARAMETER', nearest: 'laest' })
    expect(failure(() => db.live(query, { params: { least: 1, most: 2 } }))).toMatchObject({ code: 'UNKNOWN_PARAMETER', path: 'params.most' })
    expect(failure(() => db.live(query, { params: { least: 'x' } }))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'params.least' })
    expect(failure(() => db.live(db.query.issues.limit(param('n')), { params: { n: -1 } }))).toMatchObject({ code: 'QUERY_INVALID', path: 'params.n' })
    const live = db.live(query, { params: { least: 3 } })
    const { version, rows } = live
    expect(failure(() => live.setParams({ least: 2.5 }))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'params.least' })
    expect(failure(() => live.setParams({ leest: 2 }))).toMatchObject({ code: 'UNKNOWN_PARAMETER', nearest: 'least' })
    expect([live.version, live.rows]).toEqual([version, rows])
    const views = db.stats().views
    live.dispose()
    expect(db.stats().views).toBeLessThanOrEqual(views)
  })
})

describe('a window', () => {
  test('moves over a list: what enters and leaves, the rest the same objects', async () => {
    const { db } = await open()
    db.apply(Array.from({ length: 5000 }, (_, i) => put(`i${String(i).padStart(4, '0')}`)))
    const live = db.live(db.query.issues.orderBy('id'), { window: [100, 50] })
    expect([live.rows.length, live.rows[0].id, live.total]).toEqual([50, 'i0100', 5000])
    const diffs: (readonly Patch[])[] = []
    live.subscribe(({ diff }) => { diffs.push(diff) })
    const kept = live.rows[49]
    const rows = live.window(120, 50)
    expect(rows).toBe(live.rows)
    expect([rows[0].id, diffs.length, diffs[0].length]).toEqual(['i0120', 1, 40])
    expect(rows[29]).toBe(kept)
    db.apply([put('i0000x')])
    expect([diffs.length, diffs[1].length, live.rows[0].id, live.total]).toEqual([2, 2, 'i0119', 5001])
    db.apply([put('i4000', { title: 'elsewhere' })])
    expect(diffs.length).toBe(2)
    expect(live.window(4990, 50).length).toBe(11)
    expect(live.window(9000, 50)).toEqual([])
    expect(live.window(0, 1)[0]).toMatchObject(issue('i0000'))
  })

  test('of rows with associations', async () => {
    const db = await filled()
    db.apply(Array.from({ length: 40 }, (_, i) => comment(i, `i${String(i).padStart(2, '0')}`)))
    const live = db.live(db.query.issues.orderBy('id').with('comments'), { window: [0, 3] })
    expect(live.rows.map(r => r.comments[0].id)).toEqual([0, 1, 2])
    const [, , third] = live.rows
    live.window(2, 3)
    expect(live.rows[0]).toBe(third)
    expect(live.rows.map(r => r.comments[0].id)).toEqual([2, 3, 4])
    db.apply([comment(100, 'i03')])
    expect(live.rows[1].comments.length).toBe(2)
  })

  test('of another live query is a slice, as ever', async () => {
    const db = await filled()
    const live = db.live(db.query.issues.orderBy('id'))
    expect(ids(live.window(3, 2))).toEqual(['i03', 'i04'])
    expect([live.rows.length, live.total]).toEqual([40, 40])
  })
})

test('what `toJSON` gives cannot be changed, down to its parts, whether a query is open already, has parameters or stands in another one', async () => {
  const db = await filled()
  const isFrozen = (part: unknown): boolean => typeof part !== 'object' || part === null || (Object.isFrozen(part) && Object.values(part).every(isFrozen))
  const wanted = db.query.issues.where('priority', 'in', [1, 2]).orderBy('id')
  const commented = db.query.comments.where('at', '>', 0)
  const within = db.query.issues.where(i => exists(commented.where(c => eq(c.issueId, i.id)))).with('comments', c => c.limit(3))
  const busy = withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)))
  for (const query of [wanted, within, busy, wanted.union(db.query.issues)] as any[]) {
    const opened = (): readonly unknown[] => db.live(query, query === busy ? { params: { least: 3 } } : undefined).rows
    const rows = opened()
    expect(isFrozen(query.toJSON())).toBe(true)
    expect(() => { query.toJSON().from = 'projects' }).toThrow(TypeError)
    expect(opened()).toEqual(rows)
  }
})
