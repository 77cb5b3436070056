// What newcomers write where the builder takes something else: each says what to write, and nothing is passed over in silence.
import { describe, expect, it } from 'vitest'
import { and, count, createDatabase, defineSchema, eq, exists, inArray, inQuery, int, isNull, lower, max, not, or, over, rowNumber, scalar, string, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({
  issues: table({ id: int().key(), title: string(), p: int(), projectId: int() }),
  projects: table({ id: int().key(), name: string() }),
})
const { query } = await createDatabase({ schema })
// As JavaScript sees them.
const q: any = query.issues
const call: any = { and, count, eq, exists, inArray, inQuery, isNull, lower, max, not, or, over, rowNumber, scalar }

const refused: [what: string, make: () => { toJSON(): unknown }, path: string | undefined, says: string][] = [
  ['groupBy of a column', () => q.groupBy((i: any) => i.p), 'groupBy', "groupBy(i => ({ p: i.p })), or groupBy('p')"],
  ['groupBy of a list', () => q.groupBy((i: any) => [i.p]), 'groupBy', 'groupBy(i => ({ x: i.x }))'],
  ['groupBy of a text', () => q.groupBy(() => 'p'), 'groupBy', 'names members'],
  ['groupBy of nothing', () => q.groupBy(() => undefined), 'groupBy', 'names members'],
  ['groupBy of a list of names', () => q.groupBy(['p']), 'groupBy', 'columns are named by texts'],
  ['select of a column', () => q.select((i: any) => i.title), 'select', "select(i => ({ title: i.title })), or select('title')"],
  ['select of an object', () => q.select({ id: true }), 'select', 'columns are named by texts'],
  ['select of names by a callback', () => q.select(() => ['id', 'p']), 'select', 'names members'],
  ['a member that is a row', () => q.select((i: any) => ({ i })), 'select.i', 'a row is no value'],
  ['a member that is a query', () => q.select(() => ({ n: query.projects })), 'select.n', 'scalar(query)'],
  ['a member that is a list', () => q.select((i: any) => ({ a: [i.id, i.p] })), 'select.a', 'a list of expressions'],
  ['a member that is not there', () => q.select(() => ({ a: undefined })), 'select.a', 'undefined cannot be used'],
  ['a member that is a function', () => q.select(() => ({ a: count })), 'select.a', 'a function cannot be used'],
  ['a column of a join without its table', () => q.innerJoin('projects', (i: any, p: any) => call.eq(i.projectId, p.id)).select((r: any) => ({ t: r.title })), 'select', 'no table `title`'],
  ['orderBy of a list', () => q.orderBy(['p', 'id']), 'orderBy[0]', "orderBy('title', 'desc')"],
  ['orderBy of an object', () => q.orderBy({ p: 'desc' }), 'orderBy[0]', 'each its own step'],
  ['orderBy of a list by a callback', () => q.orderBy((i: any) => [i.p, 'desc']), 'orderBy[0]', 'each its own step'],
  ['orderBy of a text by a callback', () => q.orderBy('id').orderBy(() => 'p'), 'orderBy[1]', 'each its own step'],
  ['where of an object', () => q.where({ title: 'x' }), 'where', "where('status', '=', 'open')"],
  ['where of a condition', () => q.where(call.eq('title', 'x')), 'where', "where(i => eq(i.status, 'open'))"],
  ['where of what JavaScript compares', () => q.where((i: any) => i.p === 3), 'where', 'a condition is expected'],
  ['having of a text', () => q.groupBy('p').having('n > 1'), 'having', 'having(() => gt(count(), 1))'],
  ['having of what JavaScript compares', () => q.groupBy('p').having(() => call.count() > 1), 'having', '`count` is no value of JavaScript here'],
  ['a member that JavaScript writes', () => q.select((i: any) => ({ t: `${i.title}!` })), 'select', '`title` is no value of JavaScript here: concat'],
  ['a member that JavaScript computes', () => q.select((i: any) => ({ t: i.p + 1 })), 'select', '`p` is no value of JavaScript here'],
  ['a join without a condition', () => q.innerJoin('projects'), 'joins[0].on', '(i, p) => eq(i.projectId, p.id)'],
  ['a join on a text', () => q.leftJoin('projects', 'projectId'), 'joins[0].on', '(i, p) => eq(i.projectId, p.id)'],
  ['a join on what JavaScript compares', () => q.fullJoin('projects', (i: any, p: any) => i.projectId === p.id), 'joins[0].on', 'a condition is expected'],
  ['distinctOn of a record', () => q.distinctOn((i: any) => ({ p: i.p })), 'distinctOn', 'i => [i.x, i.y]'],
  ['distinctOn of a text', () => q.distinctOn(() => 'p'), 'distinctOn', 'i => [i.x, i.y]'],
  ['and of true', () => q.where((i: any) => call.and(true, call.eq(i.p, 1))), 'where', 'a condition is expected'],
  ['or of true', () => q.where((i: any) => call.or(true, call.eq(i.p, 1))), 'where', 'a condition is expected'],
  ['not of a name', () => q.where(() => call.not('p')), 'where', 'a condition is expected'],
  ['a function of a name', () => q.select(() => ({ t: call.lower('title') })), 'select', 'lower(i.title)'],
  ['isNull of a name', () => q.where(() => call.isNull('p')), 'where', 'isNull(i.title)'],
  ['inArray of a number', () => q.where((i: any) => call.inArray(i.p, 3)), 'where', 'takes an array'],
  ['inQuery of a list', () => q.where((i: any) => call.inQuery(i.p, [1, 2])), 'where.query', 'a query is made by'],
  ['exists of a name', () => q.where(() => call.exists('projects')), 'where.query', 'a query is made by'],
  ['scalar of a number', () => q.select(() => ({ n: call.scalar(3) })), 'select.query', 'a query is made by'],
  ['union with a name', () => q.union('projects'), 'inputs[1]', 'a query is made by'],
  ['count of a name', () => q.select(() => ({ n: call.count('p') })), 'select.options', 'an object'],
  ['an option of an aggregate that is none', () => q.select((i: any) => ({ n: call.max(i.p, { filter: call.eq(i.p, 1) }) })), 'select.filter', 'no option `filter` of `max`'],
  ['a window ordered by a name', () => q.select(() => ({ n: call.over(call.rowNumber(), { orderBy: 'p' }) })), 'select.orderBy', "[i.title, 'desc']"],
  ['a window function that is not called', () => q.select((i: any) => ({ n: call.over(rowNumber, { orderBy: i.p }) })), 'select', 'over(rowNumber(),'],
  ['an option of a window that is none', () => q.select((i: any) => ({ n: call.over(call.rowNumber(), { partition: i.p }) })), 'select.over.partition', 'did you mean `partitionBy`?'],
  ['the elements of a name', () => q.unnest('k', 'tags'), 'joins[0].unnest', 'a callback is expected'],
  ['the elements of a list', () => q.unnest('k', () => ['a']), 'joins[0].unnest', "unnest('tag', p => p.tags)"],
  ['the elements of a row', () => q.unnest('k', (i: any) => i), 'joins[0].unnest', 'an array is expected'],
  ['elements joined in a way that is none', () => q.unnest('k', (i: any) => i.title, 'right'), 'joins[0].kind', 'no kind `right` of `unnest`'],
  ['the queries of all tables as one', () => q.union(query), 'inputs[1]', 'a query is made by'],
  ['a query without a name', () => q.as(undefined), 'alias', 'gives a name'],
]

describe('what a step of the builder does not take', () => {
  it.each(refused)('%s', (_, make, path, says) => {
    const e = failure(() => make().toJSON())
    expect(e).toMatchObject({ code: path === 'select' && says.startsWith('no table') ? 'UNKNOWN_ALIAS' : 'QUERY_INVALID', path })
    expect(e.message).toContain(says)
  })

  it('is told apart from what it takes', () => {
    const made = (query: any) => query.toJSON()
    expect(made(q.where((i: any) => call.and(false, null, undefined, call.eq(i.p, 1))))).toEqual(made(q.where('p', '=', 1)))
    expect(made(q.select((i: any) => i)).select).toHaveLength(4)
    expect(made(q.limitBy(['p'], 2)).limitBy.by).toHaveLength(1)
    expect(made(q.select(() => ({ now: 7, none: null }))).select).toHaveLength(2)
  })
})
