// Sub-queries that read the row around them and keep a part of their rows: of each row around, its own.
import { describe, expect, it } from 'vitest'
import { add, count, createDatabase, defineSchema, eq, exists, gt, inQuery, int, notExists, param, scalar, string, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({
  issues: table({ id: int().key(), title: string(), best: int().nullable() }),
  comments: table({ id: int().key(), issueId: int(), points: int().nullable(), text: string() }),
})
const comment = (id: number, issueId: number, points: number | null) => ({ id, issueId, points, text: `c${id}` })

describe('sub-queries that are cut, of the row around them', () => {
  const some = async () => {
    const db = await createDatabase({ schema })
    db.apply([
      { op: 'insert', table: 'issues', rows: [{ id: 1, title: 'a', best: 12 }, { id: 2, title: 'b', best: 21 }, { id: 3, title: 'c', best: null }] },
      { op: 'insert', table: 'comments', rows: [comment(11, 1, 5), comment(12, 1, 9), comment(13, 1, 7), comment(21, 2, 1)] },
    ])
    return db
  }

  it('are the value of the first row, and of the next when it goes', async () => {
    const db = await some()
    const best = (n: number) => (i: { id: any }) => ({ id: i.id, text: scalar(db.query.comments.where(c => eq(c.issueId, i.id)).orderBy('points', 'desc', { nulls: 'last' }).limit(1).offset(n).select(c => ({ text: c.text }))) })
    const first = db.live(db.query.issues.orderBy('id').select(best(0)))
    const second = db.live(db.query.issues.orderBy('id').select(best(1)))
    expect(first.rows.map(r => r.text)).toEqual(['c12', 'c21', null])
    expect(second.rows.map(r => r.text)).toEqual(['c13', null, null])
    db.apply([{ op: 'delete', table: 'comments', id: 12 }, { op: 'insert', table: 'comments', row: comment(31, 3, null) }])
    expect(first.rows.map(r => r.text)).toEqual(['c13', 'c21', 'c31'])
    expect(second.rows.map(r => r.text)).toEqual(['c11', null, null])
    db.apply([{ op: 'update', table: 'comments', id: 21, set: { issueId: 1, points: 100 } }])
    expect([first, second].map(q => q.rows.map(r => r.text))).toEqual([['c21', null, 'c31'], ['c13', null, null]])
    // As if asked anew.
    expect(db.live(db.query.issues.orderBy('id').select(best(0))).rows).toEqual(first.rows)
  })

  it('ask whether there are more than so many, or whether a value is among the first', async () => {
    const db = await some()
    const of = (i: { id: any }) => db.query.comments.where(c => eq(c.issueId, i.id))
    const three = db.live(db.query.issues.where(i => exists(of(i).offset(2))).select('id'))
    const few = db.live(db.query.issues.where(i => notExists(of(i).offset(1).limit(5))).orderBy('id').select('id'))
    const top = db.live(db.query.issues.where(i => inQuery(i.best, of(i).orderBy('points', 'desc').limit(2).select('id'))).orderBy('id').select('id'))
    expect([three, few, top].map(q => q.rows.map(r => r.id))).toEqual([[1], [2, 3], [1, 2]])
    db.apply([{ op: 'update', table: 'comments', id: 12, set: { points: 0 } }, { op: 'insert', table: 'comments', row: comment(22, 2, 0) }])
    expect([three, few, top].map(q => q.rows.map(r => r.id))).toEqual([[1], [3], [2]])
  })

  it('are tied by other than equality, over groups, and cut by a parameter', async () => {
    const db = await some()
    const above = db.live(db.query.issues.orderBy('id').select(i => ({ next: scalar(db.query.comments.where(c => gt(c.id, add(i.id, 11))).orderBy('id').limit(1).select('id')) })))
    expect(above.rows.map(r => r.next)).toEqual([13, 21, 21])
    const q = db.query.issues.orderBy('id').select(i => ({ n: scalar(db.query.comments.where(c => eq(c.issueId, i.id)).groupBy('points').orderBy('points').limit(1).offset(param<number>('skip')).select(() => ({ n: count() }))) }))
    const nth = db.live(q, { params: { skip: 2 } })
    expect(nth.rows.map(r => r.n)).toEqual([1, null, null])
    nth.setParams({ skip: 0 })
    expect(nth.rows.map(r => r.n)).toEqual([1, 1, null])
    // The one row of an aggregate without groups.
    const one = db.live(db.query.issues.orderBy('id').select(i => ({ n: scalar(db.query.comments.where(c => eq(c.issueId, i.id)).limit(param<number>('n')).select(() => ({ n: count() }))) })), { params: { n: 0 } })
    expect(one.rows.map(r => r.n)).toEqual([null, null, null])
    one.setParams({ n: 1 })
    expect(one.rows.map(r => r.n)).toEqual([3, 1, 0])
  })

  it('are the first of each of several groups', async () => {
    const db = await some()
    db.apply([{ op: 'insert', table: 'comments', rows: [comment(14, 1, 9), comment(22, 2, 3)] }])
    const best = db.live(db.query.comments.where(c => inQuery(c.id, db.query.comments.as('best').distinctOn('issueId').orderBy('points', 'desc').select('id'))).orderBy('id').select('id'))
    expect(best.rows.map(r => r.id)).toEqual([12, 22])
    const twice = db.live(db.query.issues.where(i => exists(db.query.comments.where(c => eq(c.issueId, i.id)).limitBy('points', 1, 1))).orderBy('id').select('id'))
    expect(twice.rows.map(r => r.id)).toEqual([1])
    const latest = db.live(db.query.issues.orderBy('id').select(i => ({ id: i.id, own: inQuery(i.best, db.query.comments.where(c => eq(c.issueId, i.id)).distinctOn('points').orderBy('id', 'desc').select('id')) })))
    expect(latest.rows.map(r => r.own)).toEqual([false, true, false])
    db.apply([{ op: 'delete', table: 'comments', id: 14 }, { op: 'insert', table: 'comments', row: comment(23, 2, 1) }])
    expect([best.rows.map(r => r.id), twice.rows.map(r => r.id), latest.rows.map(r => r.own)]).toEqual([[12, 22], [2], [true, false, false]])
    const of = (i: { id: any }) => db.query.comments.where(c => eq(c.issueId, i.id)).orderBy('id', 'desc')
    // Of these a part.
    const second = db.live(db.query.issues.orderBy('id').select(i => ({
      id: scalar(of(i).distinctOn('points').limit(1).offset(1).select('id')), other: scalar(of(i).limitBy('points', 1, 1).limit(1).select('id')),
    })))
    expect(second.rows).toEqual([{ id: 12, other: null }, { id: 22, other: 21 }, { id: null, other: null }])
    db.apply([{ op: 'update', table: 'comments', id: 13, set: { points: 5 } }])
    expect(second.rows).toEqual([{ id: 12, other: 11 }, { id: 22, other: 21 }, { id: null, other: null }])
    expect(db.live(db.query.issues.where(i => exists(of(i).distinctOn('points').limit(0)))).rows).toEqual([])
    expect(db.live(db.query.issues.where(i => exists(of(i).distinctOn('points').offset(2)))).rows).toEqual([])
    expect(db.live(db.query.issues.where(i => exists(of(i).distinctOn('points').offset(1))).orderBy('id').select('id')).rows).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('are refused where what they select makes rows too deep', async () => {
    const db = await some()
    const deep = (n: number) => db.live(db.query.issues.select(i => ({
      n: scalar(db.query.comments.where(c => eq(c.issueId, i.id)).distinctOn('points').limit(1).select(c => ({
        n: Array.from({ length: n }, (_, k) => scalar(db.query.issues.as(`other${k}`).where(o => gt(o.id, c.id)).where('id', '<', 100 + k).select(() => ({ n: count() })))).reduce((a, b) => add(a as any, b as any) as any),
      }))),
    })))
    expect(deep(6).rows.map(r => r.n)).toEqual([0, 0, null])
    expect(failure(() => deep(18))).toMatchObject({ code: 'QUERY_INVALID' })
  })

  it('are distinct for each row around them', async () => {
    const db = await some()
    db.apply([{ op: 'insert', table: 'comments', rows: [comment(14, 1, 9), comment(31, 3, 4), comment(32, 3, 4)] }])
    const of = (i: { id: any }) => db.query.comments.where(c => eq(c.issueId, i.id)).select('points').distinct()
    const one = db.live(db.query.issues.where('id', '!=', 1).orderBy('id').select(i => ({ id: i.id, points: scalar(of(i)) })))
    expect(one.rows).toEqual([{ id: 2, points: 1 }, { id: 3, points: 4 }])
    const second = db.live(db.query.issues.orderBy('id').select(i => ({ points: scalar(of(i).orderBy('points', 'desc').limit(1).offset(1)) })))
    const several = db.live(db.query.issues.where(i => exists(of(i).offset(1))).select('id'))
    expect([second.rows.map(r => r.points), several.rows.map(r => r.id)]).toEqual([[7, null, null], [1]])
    db.apply([{ op: 'update', table: 'comments', id: 32, set: { points: 6 } }])
    expect([second.rows.map(r => r.points), several.rows.map(r => r.id)]).toEqual([[7, null, 4], [1, 3]])
    expect(one.error).toMatchObject({ code: 'TOO_MANY_ROWS' })
    db.apply([{ op: 'update', table: 'comments', id: 31, set: { points: 6 } }])
    expect(one.rows).toEqual([{ id: 2, points: 1 }, { id: 3, points: 6 }])
  })
})
