import { describe, expect, it } from 'vitest'
import { defineSchema } from '../../src/ts/define-schema.js'
import { EddylineError } from '../../src/ts/errors.js'
import { from } from '../../src/ts/query/builder.js'
import { count, max } from '../../src/ts/query/aggregate.js'
import { and, eq, gt, ne, or } from '../../src/ts/query/expr.js'
import { exists, inQuery, notExists, notInQuery, outer, scalar } from '../../src/ts/query/subquery.js'
import { hasMany, int, string, table } from '../../src/ts/schema.js'

const schema = defineSchema({
  issues: table({ id: string().key(), projectId: string(), title: string(), points: int() }),
  projects: table({ id: string().key(), name: string() }),
  comments: table({ id: int().key(), issueId: string(), body: string() }),
}, { issues: { comments: hasMany('comments', 'issueId') } })
const issues = from(schema, 'issues')
const comments = from(schema, 'comments')
const col = (name: string, of?: string) => ({ op: 'col', name, ...(of ? { of } : {}) })
const lit = (value: unknown) => ({ op: 'lit', value })

function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) { return error as EddylineError }
  throw new Error('did not throw')
}

describe('sub-queries', () => {
  it('name what they read outside in full', () => {
    const q = issues.where(i => exists(comments.where(c => and(eq(c.issueId, i.id), ne(c.body, '')))))
    expect(q.toJSON()).toEqual({ from: 'issues', where: { op: 'exists', query: { from: 'comments',
      where: { op: 'and', args: [{ op: '=', args: [col('issueId'), col('id', 'issues')] }, { op: '!=', args: [col('body'), lit('')] }] } } } })
  })
  it('are values, members and sets', () => {
    const newest = (i: any) => scalar(comments.where(c => eq(c.issueId, i.id)).select(c => ({ at: max(c.id) })))
    const q = issues.where(i => or(inQuery(i.projectId, from(schema, 'projects').where('name', '=', 'x').select('id')), notInQuery(i.id, comments.select('issueId'))))
      .select(i => ({ id: i.id, newest: newest(i) })).orderBy('newest', 'desc')
    const json = q.toJSON()
    expect(json.where).toEqual({ op: 'or', args: [
      { op: 'inQuery', args: [col('projectId')], query: { from: 'projects', where: { op: '=', args: [col('name'), lit('x')] }, select: [{ name: 'id', expr: col('id') }] } },
      { op: 'notInQuery', args: [col('id')], query: { from: 'comments', select: [{ name: 'issueId', expr: col('issueId') }] } }] })
    const value = { op: 'scalar', query: { from: 'comments', where: { op: '=', args: [col('issueId'), col('id', 'issues')] }, select: [{ name: 'at', expr: { op: 'agg', name: 'max', args: [col('id')] } }] } }
    expect(json.select?.[1]).toEqual({ name: 'newest', expr: value })
    expect(json.orderBy).toEqual([{ expr: value, desc: true }])
  })
  it('read two levels out, and joined tables by their names', () => {
    const q = issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).where(({ issues: i, projects: p }) =>
      notExists(comments.where(c => and(eq(c.issueId, i.id), exists(issues.as('other').where(o => and(eq(o.title, c.body), eq(o.title, p.name))))))))
    const inner = { from: 'issues', alias: 'other', where: { op: 'and', args: [{ op: '=', args: [col('title'), col('body', 'comments')] }, { op: '=', args: [col('title'), col('name', 'projects')] }] } }
    expect(q.toJSON().where).toEqual({ op: 'notExists', query: { from: 'comments', where: { op: 'and', args: [{ op: '=', args: [col('issueId'), col('id', 'issues')] }, { op: 'exists', query: inner }] } } })
  })
  it('of the same table need another name', () => {
    const same = () => issues.where(i => exists(issues.where(o => eq(o.title, i.title)))).toJSON()
    expect(failure(same)).toMatchObject({ code: 'QUERY_INVALID', offending: 'issues' })
    const q = issues.where(i => exists(issues.as('o').where(o => and(eq(o.title, i.title), gt(o.points, i.points)))))
    expect(q.toJSON().where).toEqual({ op: 'exists', query: { from: 'issues', alias: 'o', where: { op: 'and', args: [
      { op: '=', args: [col('title'), col('title', 'issues')] }, { op: '>', args: [col('points'), col('points', 'issues')] }] } } })
    // A level between hides the name as well.
    const between = () => issues.where(i => exists(from(schema, 'issues').where(() => exists(comments.where(c => eq(c.issueId, i.id)))))).toJSON()
    expect(failure(between)).toMatchObject({ code: 'QUERY_INVALID', offending: 'issues' })
    // But the same table joined inside, and not read outside, hides nothing.
    const inside = comments.innerJoin('issues', (c, i) => eq(c.issueId, i.id)).where(({ issues: i }) => gt(i.points, 1))
    expect(() => issues.where(() => exists(inside)).toJSON()).not.toThrow()
    // Later it is a name for queries that read this one.
    expect(issues.where('points', '>', 1).as('x').toJSON()).toEqual(issues.where('points', '>', 1).toJSON())
    expect(failure(() => issues.as('x').innerJoin('projects', (i: any, p) => eq(i.projectId, p.id))).code).toBe('QUERY_INVALID')
  })
  it('that join over the same table are told how to name it, and what they are told works', () => {
    const inside = (make: (i: any) => any): EddylineError | undefined => { try { issues.where(i => exists(make(i))).toJSON() } catch (e) { return e as EddylineError } }
    const joined = (query: any, i: any, alias?: string): any => query.innerJoin('comments', (_: any, c: any) => eq(c.issueId, i.id), alias)
    expect(inside(i => issues.where(() => eq(i.id, 'x')))).toMatchObject({ code: 'QUERY_INVALID', offending: 'issues', message: expect.stringContaining('begin it with `.as(\'other\')`') as unknown })
    expect(inside(i => issues.as('other').where(() => eq(i.id, 'x')))).toBeUndefined()
    expect(inside(i => joined(issues, i))).toMatchObject({ offending: 'issues', message: expect.stringContaining('`from(query.as(\'other\'))`') as unknown })
    expect(inside(i => joined(from(issues.as('other')), i))).toBeUndefined()
    expect(inside(i => comments.innerJoin('issues', () => eq(i.id, 'x')))).toMatchObject({ offending: 'issues', message: expect.stringContaining('give what is joined another alias') as unknown })
    expect(inside(i => comments.innerJoin('issues', () => eq(i.id, 'x'), 'other'))).toBeUndefined()
  })

  it('in the place of a table read nothing outside, and say so', () => {
    const of = (i: any): any => comments.where(c => eq(c.issueId, i.id))
    const wrong = { code: 'QUERY_INVALID', offending: 'issues', message: expect.stringContaining('cannot read `issues`') as unknown }
    for (const make of [(i: any) => from(of(i).as('c')), (i: any) => from(schema, 'projects').innerJoin(of(i).as('c'), () => eq(1, 1)), (i: any) => of(i).union(comments), (i: any) => comments.union(of(i))]) {
      expect(failure(() => issues.where(i => exists(make(i) as never)).toJSON())).toMatchObject(wrong)
    }
    // A sub-query of theirs may read them, and their condition what is outside.
    const own = comments.where(c => exists(issues.where(i => eq(i.id, c.issueId)))).as('c')
    expect(issues.where(i => exists(from(own).where(c => eq(c.issueId, i.id)))).toJSON().where?.op).toBe('exists')
  })

  it('can be made away from the query around, by names', () => {
    const some = exists(comments.where(c => eq(c.issueId, outer<string>('issues.id'))))
    expect(issues.where(() => some).toJSON().where).toEqual({ op: 'exists', query: { from: 'comments', where: { op: '=', args: [col('issueId'), col('id', 'issues')] } } })
    expect(outer('title').json).toEqual(col('title'))
    expect(issues.select(i => ({ n: scalar(comments.where(c => eq(c.issueId, i.id)).select(() => ({ n: count() }))) })).toJSON().select?.[0].expr.op).toBe('scalar')
  })
})
