// Sub-queries in the condition of a join: asked of the pairs that it gives.
import { describe, expect, it } from 'vitest'
import { and, createDatabase, defineSchema, eq, exists, gt, int, scalar, string, sum, table } from '../../../pkg/index.inline.js'

const schema = defineSchema({
  issues: table({ id: int().key(), projectId: int(), title: string() }),
  projects: table({ id: int().key(), name: string() }),
  labels: table({ id: int().key(), issueId: int() }),
})
const rows = [
  { op: 'insert', table: 'projects', rows: [{ id: 1, name: 'p' }, { id: 2, name: 'q' }] },
  { op: 'insert', table: 'issues', rows: [{ id: 1, projectId: 1, title: 'a' }, { id: 2, projectId: 1, title: 'b' }] },
  { op: 'insert', table: 'labels', row: { id: 1, issueId: 2 } },
] as const
const move = { op: 'update', table: 'labels', id: 1, set: { issueId: 1 } } as const
const none = { op: 'delete', table: 'labels', id: 1 } as const

describe('sub-queries in the condition of a join', () => {
  it('keep the pairs for which they hold, as rows come and go', async () => {
    const db = await createDatabase({ schema })
    const q = db.query.issues.innerJoin('projects', (i, p) => and(eq(i.projectId, p.id), exists(db.query.labels.where(l => eq(l.issueId, i.id))))).select(r => ({ title: r.issues.title, name: r.projects.name }))
    const live = db.live(q)
    db.apply(rows)
    expect(live.rows).toEqual([{ title: 'b', name: 'p' }])
    db.apply([move])
    expect(live.rows).toEqual([{ title: 'a', name: 'p' }])
  })

  it('leave rows alone where they do not hold, in outer joins', async () => {
    const db = await createDatabase({ schema })
    const labelled = (i: { id: any }) => exists(db.query.labels.where(l => eq(l.issueId, i.id)))
    const left = db.live(db.query.issues.leftJoin('projects', (i, p) => and(eq(i.projectId, p.id), labelled(i))))
    const full = db.live(db.query.issues.fullJoin('projects', (i, p) => and(eq(i.projectId, p.id), labelled(i))).select(r => ({ title: r.issues.title, name: r.projects.name })))
    db.apply(rows)
    const [a, b] = rows[1].rows, [p, q] = rows[0].rows
    expect(left.rows).toEqual([{ issues: a, projects: null }, { issues: b, projects: p }])
    expect(full.rows).toEqual([{ title: 'a', name: null }, { title: 'b', name: 'p' }, { title: null, name: 'q' }])
    db.apply([move])
    expect(left.rows).toEqual([{ issues: a, projects: p }, { issues: b, projects: null }])
    expect(full.rows).toEqual([{ title: 'a', name: 'p' }, { title: 'b', name: null }, { title: null, name: 'q' }])
    db.apply([none])
    expect(full.rows).toEqual([{ title: 'a', name: null }, { title: 'b', name: null }, { title: null, name: 'p' }, { title: null, name: 'q' }])
    expect(q.name).toBe('q')
  })

  it('may be about both sides', async () => {
    const db = await createDatabase({ schema })
    // Labels whose number is that of the project.
    const both = (kind: 'leftJoin' | 'rightJoin' | 'fullJoin') => db.live((db.query.issues as any)[kind]('projects', (i: any, p: any) => exists(db.query.labels.where(l => and(eq(l.issueId, i.id), eq(l.id, p.id))))))
    const [left, right, full] = [both('leftJoin'), both('rightJoin'), both('fullJoin')]
    db.apply(rows)
    const [a, b] = rows[1].rows, [p, q] = rows[0].rows
    expect(left.rows).toEqual([{ issues: a, projects: null }, { issues: b, projects: p }])
    expect(right.rows).toEqual([{ issues: b, projects: p }, { issues: null, projects: q }])
    expect(full.rows).toEqual([{ issues: a, projects: null }, { issues: b, projects: p }, { issues: null, projects: q }])
    db.apply([{ op: 'insert', table: 'labels', row: { id: 2, issueId: 2 } }])
    expect(full.rows).toEqual([{ issues: a, projects: null }, { issues: b, projects: p }, { issues: b, projects: q }])
    db.apply([move])
    expect(full.rows).toEqual([{ issues: a, projects: p }, { issues: b, projects: q }])
    db.apply([none, { op: 'delete', table: 'labels', id: 2 }])
    expect(left.rows).toEqual([{ issues: a, projects: null }, { issues: b, projects: null }])
    expect(right.rows).toEqual([{ issues: null, projects: p }, { issues: null, projects: q }])
  })

  it('are values too, and stand in front of joins that bring rows back', async () => {
    const db = await createDatabase({ schema })
    const many = (i: { id: any }) => gt(scalar(db.query.labels.where(l => eq(l.issueId, i.id)).select(l => ({ n: sum(l.id) }))), 0)
    const live = db.live(db.query.issues.innerJoin('labels', (i, l) => and(eq(l.issueId, i.id), many(i))).rightJoin('projects', (r, p) => eq(r.issues.projectId, p.id)).select(r => ({ title: r.issues.title, name: r.projects.name })))
    db.apply(rows)
    expect(live.rows).toEqual(expect.arrayContaining([{ title: 'b', name: 'p' }, { title: null, name: 'q' }]))
    db.apply([none])
    expect(live.rows).toEqual(expect.arrayContaining([{ title: null, name: 'p' }, { title: null, name: 'q' }]))
    expect(live.rows).toHaveLength(2)
  })
})
