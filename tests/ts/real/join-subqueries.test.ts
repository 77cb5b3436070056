// Sub-queries in the condition of a join: asked of the pairs that it gives.
import { describe, expect, it } from 'vitest'
import { and, createDatabase, defineSchema, eq, exists, int, string, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({
  issues: table({ id: int().key(), projectId: int(), title: string() }),
  projects: table({ id: int().key(), name: string() }),
  labels: table({ id: int().key(), issueId: int() }),
})

describe('sub-queries in the condition of a join', () => {
  it('keep the pairs for which they hold, as rows come and go', async () => {
    const db = await createDatabase({ schema })
    const q = db.query.issues.innerJoin('projects', (i, p) => and(eq(i.projectId, p.id), exists(db.query.labels.where(l => eq(l.issueId, i.id))))).select(r => ({ title: r.issues.title, name: r.projects.name }))
    const live = db.live(q)
    db.apply([
      { op: 'insert', table: 'projects', row: { id: 1, name: 'p' } },
      { op: 'insert', table: 'issues', rows: [{ id: 1, projectId: 1, title: 'a' }, { id: 2, projectId: 1, title: 'b' }] },
      { op: 'insert', table: 'labels', row: { id: 1, issueId: 2 } },
    ])
    expect(live.rows).toEqual([{ title: 'b', name: 'p' }])
    db.apply([{ op: 'update', table: 'labels', id: 1, set: { issueId: 1 } }])
    expect(live.rows).toEqual([{ title: 'a', name: 'p' }])
  })

  it('are refused where rows without a partner are kept', async () => {
    const db = await createDatabase({ schema })
    const q = db.query.issues.leftJoin('projects', (i, p) => and(eq(i.projectId, p.id), exists(db.query.labels.where(l => eq(l.issueId, i.id))))).select(r => ({ title: r.issues.title }))
    expect(failure(() => db.live(q))).toMatchObject({ code: 'QUERY_INVALID', path: 'joins[0].on.args[1]' })
  })
})
