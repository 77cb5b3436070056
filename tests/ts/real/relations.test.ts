// Queries of queries, rows that are compared, and every kind of join, through the built package.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { applyPatches, count, eq, from, gt, lt } from '../../../pkg/index.inline.js'
import { type Db, failure, open, put } from './support.js'

let db: Db
beforeEach(async () => {
  ({ db } = await open())
  db.apply([
    { op: 'upsert', table: 'projects', row: { id: 'p', name: 'Pea' } }, { op: 'upsert', table: 'projects', row: { id: 'q', name: 'Queue' } },
    put('a', { projectId: 'p', priority: 1 }), put('b', { projectId: 'p', priority: 3, status: 'done' }), put('c', { projectId: 'p', priority: 2 }), put('d', { priority: 5 }),
  ])
})
afterEach(() => db.close())

/** The rows of a query now and after a change; patches lead from the one to the other. */
function before<R extends object>(query: { readonly $row: R; toJSON(): any }, change: () => void): [readonly R[], readonly R[]] {
  const live = db.live(query)
  const first = live.rows
  let mirror: readonly R[] = first
  live.subscribe(({ diff }) => { mirror = applyPatches(mirror as never, diff as never) as never })
  change()
  expect([...mirror]).toEqual([...live.rows])
  const out: [readonly R[], readonly R[]] = [[...first], [...live.rows]]
  live.dispose()
  return out
}

describe('queries of queries', () => {
  it('reads the rows of another query, joined with what is counted in it', () => {
    const counts = db.query.issues.groupBy('projectId').select(i => ({ projectId: i.projectId, n: count() })).as('counts')
    const query = db.query.projects.leftJoin(counts, (p, c) => eq(p.id, c.projectId)).select(r => ({ name: r.projects.name, n: r.counts.n }))
    expect(before(query, () => db.apply([put('e', { projectId: 'q' }), put('a')]))).toEqual([
      [{ name: 'Pea', n: 3 }, { name: 'Queue', n: null }], [{ name: 'Pea', n: 2 }, { name: 'Queue', n: 1 }],
    ])
  })
  it('cuts a query before it is read', () => {
    const top = db.query.issues.orderBy('priority', 'desc').limit(2).select('id', 'projectId', 'priority').as('top')
    const query = from(top).where('projectId', '=', 'p').select('id')
    expect(before(query, () => db.apply([{ op: 'delete', table: 'issues', id: 'd' }]))).toEqual([[{ id: 'b' }], [{ id: 'b' }, { id: 'c' }]])
  })
  it('refuses rows of a query that would have to be shown whole', () => {
    const some = db.query.issues.select('id').as('some')
    expect(failure(() => db.live(db.query.projects.innerJoin(some, (p, s) => eq(p.id, s.id))))).toMatchObject({ code: 'QUERY_INVALID', path: 'select' })
  })
  it('names a common table expression', () => {
    const query = { $row: {} as { id: string }, toJSON: () => ({ ctes: [{ name: 'open', query: { from: 'issues', where: { op: '=', args: [{ op: 'col', name: 'status' }, { op: 'lit', value: 'open' }] } } }], from: 'open', select: [{ name: 'id', expr: { op: 'col', name: 'id' } }] }) }
    expect(before(query, () => db.apply([put('b', { status: 'open' })]))).toEqual([[{ id: 'a' }, { id: 'c' }, { id: 'd' }], [{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' }]])
  })
})

describe('rows that are compared', () => {
  it('shows equal rows once, as long as one is there', () => {
    const query = db.query.issues.select('status').distinct().orderBy('status', 'desc')
    expect(before(query, () => db.apply([{ op: 'delete', table: 'issues', id: 'b' }, { op: 'delete', table: 'issues', id: 'a' }]))).toEqual([
      [{ status: 'open' }, { status: 'done' }], [{ status: 'open' }],
    ])
  })
  it('shows the first rows of each group', () => {
    const ids = (rows: readonly { id: string }[]): string[] => rows.map(r => r.id)
    const first = before(db.query.issues.distinctOn('projectId').orderBy('priority', 'desc').select('id'), () => db.apply([put('b', { projectId: 'q', priority: 1 })]))
    expect(first.map(ids)).toEqual([['d', 'b'], ['d', 'c', 'b']])
    const two = before(db.query.issues.limitBy('projectId', 1, 1).orderBy('priority').select('id'), () => db.apply([put('e', { projectId: 'p', priority: 0 })]))
    expect(two.map(ids)).toEqual([['c'], ['a']])
  })
  it('puts queries together', () => {
    const statuses = db.query.issues.select(i => ({ name: i.status }))
    const names = db.query.projects.select(p => ({ name: p.name }))
    const all = (query: { readonly $row: { name: string }; toJSON(): any }): string[] => {
      const live = db.live(query)
      const out = live.rows.map(r => r.name)
      live.dispose()
      return out
    }
    expect(all(statuses.union(names).orderBy('name'))).toEqual(['Pea', 'Queue', 'done', 'open'])
    expect(all(statuses.unionAll(names).orderBy('name', 'desc'))).toEqual(['open', 'open', 'open', 'done', 'Queue', 'Pea'])
    expect(all(statuses.except(statuses.where('priority', '>', 2)))).toEqual([])
    expect(all(statuses.exceptAll(statuses.where('priority', '>', 2)))).toEqual(['open', 'open'])
    expect(all(statuses.intersectAll(statuses.where('priority', '<', 3)))).toEqual(['open', 'open'])
    expect(before(statuses.intersect(names), () => db.apply([{ op: 'upsert', table: 'projects', row: { id: 'r', name: 'done' } }]))).toEqual([[], [{ name: 'done' }]])
  })
})

describe('joins', () => {
  it('keeps rows of either side without a partner', () => {
    const shown = (r: { issues: { id: string } | null; projects: { id: string } | null }): string => `${r.issues?.id ?? '-'}${r.projects?.id ?? '-'}`
    const full = before(db.query.issues.fullJoin('projects', (i, p) => eq(i.projectId, p.id)), () => db.apply([put('d', { projectId: 'q' }), { op: 'delete', table: 'projects', id: 'p' }]))
    expect(full.map(rows => rows.map(shown).sort())).toEqual([['-q', 'ap', 'bp', 'cp', 'd-'], ['a-', 'b-', 'c-', 'dq']])
  })
  it('keeps rows of the right side', () => {
    const right = before(db.query.issues.rightJoin('projects', (i, p) => eq(i.projectId, p.id)).select(r => ({ id: r.issues.id, p: r.projects.id })), () => db.apply([put('d', { projectId: 'q' })]))
    expect(right[0]).toContainEqual({ id: null, p: 'q' })
    expect(right[1]).toContainEqual({ id: 'd', p: 'q' })
    expect(right[1]).not.toContainEqual({ id: null, p: 'q' })
  })
  it('joins by a range and with everything', () => {
    const above = db.query.issues.innerJoin('issues', (i, o) => lt(i.priority, o.priority), 'above').select(r => ({ id: r.issues.id, above: r.above.id }))
    const [first, second] = before(above, () => db.apply([put('d', { priority: 0 })]))
    expect([first.length, second.length]).toEqual([6, 6])
    expect(second).toContainEqual({ id: 'd', above: 'a' })
    const live = db.live(db.query.projects.crossJoin('issues').where(r => gt(r.issues.priority, 1)))
    expect(live.rows.length).toBe(2 * 2)
    expect(db.explain(above)).toContain('by a range')
    live.dispose()
  })
})
