// Constants as members of rows: what they are in the rows, and wherever rows are put together.
import { describe, expect, it } from 'vitest'
import { add, count, createDatabase, defineSchema, eq, from, int, recursive, string, table } from '../../../pkg/index.inline.js'

const schema = defineSchema({
  issues: table({ id: int().key(), title: string(), parentId: int().nullable() }),
  notes: table({ id: int().key(), body: string() }),
})
const filled = async () => {
  const db = await createDatabase({ schema })
  db.apply([
    { op: 'insert', table: 'issues', rows: [{ id: 1, title: 'a', parentId: null }, { id: 2, title: 'b', parentId: 1 }, { id: 3, title: 'c', parentId: 2 }] },
    { op: 'insert', table: 'notes', row: { id: 1, body: 'n' } },
  ])
  return db
}

describe('constants of a select', () => {
  it('are what they are', async () => {
    const db = await filled()
    const live = db.live(db.query.notes.select(n => ({ body: n.body, kind: 'note', depth: 0, half: 0.5, done: false, none: null, at: new Date(5) })))
    expect(live.rows).toEqual([{ body: 'n', kind: 'note', depth: 0, half: 0.5, done: false, none: null, at: new Date(5) }])
    db.apply([{ op: 'update', table: 'notes', id: 1, set: { body: 'm' } }])
    expect(live.rows[0]!).toMatchObject({ body: 'm', kind: 'note' })
    db.close()
  })

  it('tell apart what is united, and are columns of what is made of it', async () => {
    const db = await filled()
    const { issues, notes } = db.query
    const feed = issues.select(i => ({ kind: 'issue', id: i.id, text: i.title, parent: i.parentId })).unionAll(notes.select(n => ({ kind: 'note', id: n.id, text: n.body, parent: null })))
    const all = db.live(feed.orderBy('kind').orderBy('id', 'desc').limit(3))
    const kinds = db.live(from(feed.as('feed')).groupBy('kind').select(f => ({ kind: f.kind, n: count(), parents: count(f.parent) })).orderBy('kind'))
    const found = db.live(from(feed.as('feed')).where('kind', '=', 'note').select('text'))
    expect(all.rows.map(r => [r.kind, r.id, r.parent])).toEqual([['issue', 3, 2], ['issue', 2, 1], ['issue', 1, null]])
    expect(kinds.rows).toEqual([{ kind: 'issue', n: 3, parents: 2 }, { kind: 'note', n: 1, parents: 0 }])
    db.apply([{ op: 'insert', table: 'notes', row: { id: 2, body: 'o' } }, { op: 'delete', table: 'issues', id: 3 }, { op: 'delete', table: 'issues', id: 2 }])
    expect(all.rows.map(r => [r.kind, r.id, r.parent])).toEqual([['issue', 1, null], ['note', 2, null], ['note', 1, null]])
    expect(kinds.rows).toEqual([{ kind: 'issue', n: 1, parents: 0 }, { kind: 'note', n: 2, parents: 0 }])
    expect(found.rows).toEqual([{ text: 'n' }, { text: 'o' }])
    db.close()
  })

  it('are what a recursion counts from', async () => {
    const db = await filled()
    const below = recursive('below', db.query.issues.where('parentId', 'is', null).select(i => ({ id: i.id, depth: 0 })),
      below => below.innerJoin('issues', (b, i) => eq(i.parentId, b.id)).select(r => ({ id: r.issues.id, depth: add(r.below.depth, 1) })))
    const live = db.live(below.orderBy('id'))
    expect(live.rows).toEqual([{ id: 1, depth: 0 }, { id: 2, depth: 1 }, { id: 3, depth: 2 }])
    db.apply([{ op: 'update', table: 'issues', id: 3, set: { parentId: 1 } }])
    expect(live.rows).toEqual([{ id: 1, depth: 0 }, { id: 2, depth: 1 }, { id: 3, depth: 1 }])
    db.close()
  })
})
