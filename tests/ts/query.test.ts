import { describe, expect, it } from 'vitest'
import { defineSchema } from '../../src/ts/define-schema.js'
import { EddylineError } from '../../src/ts/errors.js'
import { from, planKey } from '../../src/ts/query/builder.js'
import { arrayAgg, avg, count, first, last, percentileCont, stringAgg, sum } from '../../src/ts/query/aggregate.js'
import { add, and, concat, eq, gt, inArray, lt, not, or } from '../../src/ts/query/expr.js'
import { addInterval, between, cast, concatWs, extract, greatest, isDistinctFrom, jsonContains, jsonPathText, match, matches, notBetween, notInArray, nullif, round, when } from '../../src/ts/query/functions.js'
import { lag, over, rank, rowNumber } from '../../src/ts/query/window.js'
import { array, belongsTo, bigint, boolean, bytes, hasMany, int, json, manyToMany, string, table, through, timestamp } from '../../src/ts/schema.js'

const schema = defineSchema({
  issues: table({ id: string().key(), projectId: string(), title: string(), status: string<'open' | 'done'>(), points: int(), due: timestamp().nullable(), big: bigint(), meta: json(), raw: bytes() }),
  projects: table({ id: string().key(), name: string() }),
  labels: table({ id: string().key(), name: string() }),
  issueLabels: table({ issueId: string().key(), labelId: string().key() }),
  comments: table({ id: string().key(), issueId: string(), body: string(), hidden: boolean() }),
}, {
  issues: {
    project: belongsTo('projects', 'projectId'),
    comments: hasMany('comments', 'issueId', { where: q => q.where('body', '!=', '').where((c: any) => not(c.hidden)), orderBy: [['body', 'desc', { nulls: 'last' }]] }),
    labels: manyToMany('labels', 'issueLabels', ['issueId', 'labelId']),
  },
  projects: { issues: hasMany('issues', 'projectId'), labels: through('issues', 'labels') },
})

const q = from(schema, 'issues')
const col = (name: string, of?: string) => ({ op: 'col', name, ...(of ? { of } : {}) })
const lit = (value: unknown, name?: string) => ({ op: 'lit', ...(name ? { name } : {}), value })

function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) { return error as EddylineError }
  throw new Error('did not throw')
}

describe('operators of JavaScript', () => {
  it.each<[string, (i: any) => unknown]>([
    ['title', i => `${i.title}!`], ['title', i => i.title + '!'], ['points', i => i.points + 1], ['points', i => (i.points > 1 ? 'many' : 'few')], ['points', i => -i.points],
    ['status', i => (i.status == 'open' ? 1 : 0)], ['+', i => `${add(i.points, 1)}`],
  ])('over %s are refused where they stand: they are about values, which rows have', (offending, make) => {
    const error = failure(() => q.select(i => ({ id: i.id, x: make(i) as string })))
    expect([error.code, error.offending]).toEqual(['QUERY_INVALID', offending])
    expect(error.message).toContain(`\`${offending}\` is no value of JavaScript here: concat`)
  })
  it('leave what asks for no value: null and identity, lists, JSON', () => {
    expect(() => q.select(i => {
      expect([(i.title as unknown) == null, (i.title as unknown) === i.title, [i.title].length, Boolean(i.title)]).toEqual([false, i.title === i.title, 1, true])
      return { id: i.id, json: JSON.stringify({ of: i.title }) }
    })).not.toThrow()
  })
})

describe('schema', () => {
  it('becomes the JSON of the boundary', () => {
    const tables = schema.json.tables
    expect(tables[3]).toEqual({ name: 'issueLabels', tenant: false, key: ['issueId', 'labelId'], columns: [{ name: 'issueId', type: 'text', nullable: false }, { name: 'labelId', type: 'text', nullable: false }], relations: [] })
    expect(tables[0].relations).toEqual([
      { name: 'project', kind: 'belongsTo', table: 'projects', columns: ['projectId'] },
      { name: 'comments', kind: 'hasMany', table: 'comments', columns: ['issueId'],
        where: { op: 'and', args: [{ op: '!=', args: [col('body'), lit('')] }, { op: 'not', args: [col('hidden')] }] },
        orderBy: [{ expr: col('body'), desc: true, nulls: 'last' }] },
      { name: 'labels', kind: 'manyToMany', table: 'labels', columns: ['issueId'], join: 'issueLabels', joinTarget: ['labelId'] },
    ])
    expect(tables[1].relations[1]).toEqual({ name: 'labels', kind: 'through', table: 'labels', columns: [], path: ['issues', 'labels'] })
  })
  it.each<[() => unknown, string, string | undefined]>([
    [() => defineSchema({ a: table({ x: string() }) }), 'SCHEMA_INVALID', undefined],
    [() => defineSchema({ a: table({ x: string().nullable().key() }) }), 'SCHEMA_INVALID', undefined],
    [() => defineSchema({ a: table({ x: string().key() }) }, { a: { b: hasMany('aa' as 'a', 'x') } }), 'UNKNOWN_TABLE', 'a'],
    [() => defineSchema({ alpha: table({ identity: string().key() }) }, { alpha: { b: hasMany('alpha', 'identiti') } }), 'UNKNOWN_COLUMN', 'identity'],
    [() => defineSchema({ a: table({ x: string().key() }) }, { a: { b: through('what', 'd') } }), 'UNKNOWN_RELATION', undefined],
    [() => defineSchema({ a: table({ x: string().key(), y: int().key() }) }, { a: { b: belongsTo('a', 'x') } }), 'SCHEMA_INVALID', undefined],
    [() => defineSchema({ a: table({ x: string().key() }) }, { a: { x: belongsTo('a', 'x') } }), 'SCHEMA_INVALID', undefined],
  ])('mistakes are named (%#)', (make, code, nearest) => {
    const error = failure(make)
    expect([error.code, error.nearest]).toEqual([code, nearest])
  })
})

describe('the builder', () => {
  it('is immutable', () => {
    const open = q.where('status', '=', 'open')
    open.limit(3)
    expect(open.toJSON()).toEqual({ from: 'issues', where: { op: '=', args: [col('status'), lit('open')] } })
    expect(q.toJSON()).toEqual({ from: 'issues' })
  })
  it('lowers conditions', () => {
    const where = (x: { toJSON(): any }) => x.toJSON().where
    expect(where(q.where('status', 'in', ['open']).where('points', '>', 2))).toEqual({ op: 'and', args: [{ op: 'in', args: [col('status'), lit('open')] }, { op: '>', args: [col('points'), lit(2)] }] })
    expect(where(q.where('status', 'not in', []))).toEqual(lit(true))
    expect(where(q.where('due', 'is', null))).toEqual({ op: 'isNull', args: [col('due')] })
    expect(where(q.where('points', 'is not', 3))).toEqual({ op: 'isDistinctFrom', args: [col('points'), lit(3)] })
    expect(where(q.where('due', '<', new Date(0)))).toEqual({ op: '<', args: [col('due'), lit('1970-01-01T00:00:00.000Z', 'timestamp')] })
    expect(where(q.where('due', '<', 5 as never))).toEqual({ op: '<', args: [col('due'), lit('1970-01-01T00:00:00.005Z', 'timestamp')] })
    expect(where(q.where('big', '=', 5n))).toEqual({ op: '=', args: [col('big'), lit(5n)] })
    expect(where(q.where('meta', '=', { b: 1, a: [] }))).toEqual({ op: '=', args: [col('meta'), lit('{"a":[],"b":1}', 'json')] })
    expect(where(q.where('raw', '=', new Uint8Array([1, 255])))).toEqual({ op: '=', args: [col('raw'), lit('01ff', 'bytes')] })
    expect(where(q.where(i => or(eq(i.status, 'open'), and(gt(i.points, 2), false), inArray(i.id, ['a']))))).toEqual({
      op: 'or', args: [{ op: '=', args: [col('status'), lit('open')] }, { op: '>', args: [col('points'), lit(2)] }, { op: 'in', args: [col('id'), lit('a')] }],
    })
  })
  it('lowers functions, with constants of the type of what they meet', () => {
    const of = (make: (i: any) => unknown) => (q as any).select((i: any) => ({ x: make(i) })).toJSON().select[0].expr
    const moment = lit('1970-01-01T00:00:00.000Z', 'timestamp')
    expect(of(i => when(lt(i.due, 0), i.due).when(eq(i.status, 'open'), 0).otherwise(new Date(0)))).toEqual({ op: 'case', args: [{ op: '<', args: [col('due'), moment] }, col('due'), { op: '=', args: [col('status'), lit('open')] }, moment, moment] })
    expect(of(i => match(i.due).when(0, 'x').otherwise(null))).toEqual({ op: 'caseOf', args: [col('due'), moment, lit('x'), lit(null)] })
    expect(of(i => when(eq(i.points, 1), 2))).toEqual({ op: 'case', args: [{ op: '=', args: [col('points'), lit(1)] }, lit(2)] })
    expect(of(i => and(between(i.due, 0, '1970-01-01T00:00:00.000Z'), notBetween(i.points, 1, 2)))).toEqual({ op: 'and', args: [{ op: 'between', args: [col('due'), moment, moment] }, { op: 'not', args: [{ op: 'between', args: [col('points'), lit(1), lit(2)] }] }] })
    expect(of(i => isDistinctFrom(i.due, null))).toEqual({ op: 'isDistinctFrom', args: [col('due'), lit(null)] })
    expect([of(i => notInArray(i.points, [])), of(i => notInArray(i.points, [1]))]).toEqual([lit(true), { op: 'not', args: [{ op: 'in', args: [col('points'), lit(1)] }] }])
    expect(of(i => greatest(i.due, 0, null))).toEqual({ op: 'greatest', args: [col('due'), moment, lit(null)] })
    expect(of(i => round(nullif<number>(i.points, 0), 2))).toEqual({ op: 'round', args: [{ op: 'nullif', args: [col('points'), lit(0)] }, lit(2)] })
    expect(of(i => cast(i.points, 'text'))).toEqual({ op: 'cast', name: 'text', args: [col('points')] })
    expect(of(i => extract('year', i.due))).toEqual({ op: 'extract', name: 'year', args: [col('due')] })
    expect(of(i => addInterval(i.due, { years: 1, months: i.points, weeks: 2, days: -1, hours: 1, milliseconds: 0.5 }))).toEqual({ op: 'addInterval', args: [col('due'), { op: '+', args: [col('points'), lit(12)] }, lit(13), lit(3_600_000_500)] })
    expect(failure(() => of(i => addInterval(i.due, { days: 0.5 })))).toMatchObject({ code: 'QUERY_INVALID', offending: '0.5' })
    expect(of(i => concatWs(', ', i.title, null))).toEqual({ op: 'concatWs', args: [lit(', '), col('title'), lit(null)] })
    expect(of(i => jsonPathText(i.meta, 'a', 0))).toEqual({ op: '#>>', args: [col('meta'), lit('a'), lit('0')] })
    expect(of(i => jsonContains(i.meta, { b: 1, a: 'x' }))).toEqual({ op: '@>', args: [col('meta'), lit('{"a":"x","b":1}', 'json')] })
    expect(of(i => matches(i.title, '^a'))).toEqual({ op: '~', args: [col('title'), lit('^a')] })
    const where = (x: { toJSON(): any }) => x.toJSON().where
    expect(where(q.where('title', '!~*', 'a'))).toEqual({ op: 'not', args: [{ op: '~*', args: [col('title'), lit('a')] }] })
    expect(where(q.where('title', 'not like', 'a%'))).toEqual({ op: 'not', args: [{ op: 'like', args: [col('title'), lit('a%')] }] })
    expect(where(q.where('due', 'between', [0, new Date(0)]))).toEqual({ op: 'between', args: [col('due'), moment, moment] })
    expect(failure(() => (q as any).where('due', 'between', 5)).code).toBe('QUERY_INVALID')
  })
  it('lowers order, window and start', () => {
    expect(q.orderBy('points', 'desc').orderBy(i => concat(i.title, '!'), 'asc', { nulls: 'first' }).limit(5).offset(2).toJSON()).toEqual({
      from: 'issues', orderBy: [{ expr: col('points'), desc: true }, { expr: { op: '||', args: [col('title'), lit('!')] }, nulls: 'first' }], limit: 5, offset: 2,
    })
    expect(q.orderBy('points').orderBy('due').startAfter({ points: 3, due: null, id: 'x' }).toJSON().start).toEqual({ values: [lit(3), lit(null), lit('x')], inclusive: false })
    expect(q.orderBy('due').startAt([new Date(0), 'k']).toJSON().start).toEqual({ values: [lit('1970-01-01T00:00:00.000Z', 'timestamp'), lit('k')], inclusive: true })
    expect(q.orderBy('points').startAt({ points: 3 }).toJSON().start!.values).toEqual([lit(3)])
    expect(failure(() => q.orderBy('points').startAt({ id: 'x' }).toJSON()).code).toBe('MISSING_COLUMN')
  })
  it('lowers associations', () => {
    expect(q.with('labels').with('comments', c => c.limit(3)).with('project', p => p.with('labels')).toJSON().with).toEqual([
      { relation: 'labels' }, { relation: 'comments', query: { limit: 3 } }, { relation: 'project', query: { with: [{ relation: 'labels' }] } },
    ])
  })
  it('lowers joins with every column qualified', () => {
    const joined = q.where('status', '=', 'open').innerJoin('projects', (i, p) => eq(i.projectId, p.id)).leftJoin('issues', (r, other) => eq(r.projects.id, other.projectId), 'other')
    expect(joined.select(r => ({ title: r.issues.title, n: r.other.points })).orderBy('n').toJSON()).toEqual({
      from: 'issues',
      joins: [
        { kind: 'inner', table: 'projects', on: { op: '=', args: [col('projectId', 'issues'), col('id', 'projects')] } },
        { kind: 'left', table: 'issues', alias: 'other', on: { op: '=', args: [col('id', 'projects'), col('projectId', 'other')] } },
      ],
      where: { op: '=', args: [col('status', 'issues'), lit('open')] },
      select: [{ name: 'title', expr: col('title', 'issues') }, { name: 'n', expr: col('points', 'other') }],
      orderBy: [{ expr: col('points', 'other') }],
    })
    expect(failure(() => q.innerJoin('issues', (a, b) => eq(a.id, b.id))).code).toBe('QUERY_INVALID')
  })
  it('lowers queries in the place of tables', () => {
    const open = q.where('status', '=', 'open').select('id', 'projectId').as('open')
    const query = { from: 'issues', where: { op: '=', args: [col('status'), lit('open')] }, select: [{ name: 'id', expr: col('id') }, { name: 'projectId', expr: col('projectId') }] }
    expect(from(open).where('id', '=', 'x').limit(2).toJSON()).toEqual({ from: { query, alias: 'open' }, where: { op: '=', args: [col('id'), lit('x')] }, limit: 2 })
    expect(from(schema, 'projects').leftJoin(open, (p, o) => eq(p.id, o.projectId)).select(r => ({ name: r.projects.name, id: r.open.id })).toJSON()).toEqual({
      from: 'projects', joins: [{ kind: 'left', query, alias: 'open', on: { op: '=', args: [col('id', 'projects'), col('projectId', 'open')] } }],
      select: [{ name: 'name', expr: col('name', 'projects') }, { name: 'id', expr: col('id', 'open') }],
    })
    expect(from(open).innerJoin('projects', (o, p) => eq(o.projectId, p.id)).toJSON().joins).toEqual([{ kind: 'inner', table: 'projects', on: { op: '=', args: [col('projectId', 'open'), col('id', 'projects')] } }])
    // Literals take the type of what was computed.
    const late = q.select(i => ({ id: i.id, when: i.due })).as('late')
    expect(from(late).where('when', '<', 5).toJSON().where).toEqual({ op: '<', args: [col('when'), lit('1970-01-01T00:00:00.005Z', 'timestamp')] })
    expect(failure(() => (from(open) as any).where('title', '=', 'x'))).toMatchObject({ code: 'UNKNOWN_COLUMN', offending: 'title' })
    expect(failure(() => (from(open) as any).with('labels'))).toMatchObject({ code: 'UNKNOWN_RELATION' })
  })
  it('lowers every kind of join', () => {
    const kinds = q.rightJoin('projects', (i, p) => eq(i.projectId, p.id)).fullJoin('labels', (r, l) => eq(r.projects.id, l.id)).crossJoin('comments', 'c').toJSON().joins!
    expect(kinds.map(j => [j.kind, j.table, j.alias, j.on !== undefined])).toEqual([['right', 'projects', undefined, true], ['full', 'labels', undefined, true], ['cross', 'comments', 'c', false]])
  })
  it('lowers distinct rows, first rows and set operations', () => {
    expect(q.select('status').distinct().toJSON()).toEqual({ from: 'issues', select: [{ name: 'status', expr: col('status') }], distinct: true })
    expect(q.distinctOn('projectId').orderBy('points').toJSON()).toEqual({ from: 'issues', distinctOn: [col('projectId')], orderBy: [{ expr: col('points') }] })
    expect(q.distinctOn(i => [i.projectId, i.status]).toJSON().distinctOn).toEqual([col('projectId'), col('status')])
    expect(q.limitBy('projectId', 3).toJSON().limitBy).toEqual({ by: [col('projectId')], limit: 3 })
    expect(q.limitBy(['projectId', 'status'], 3, 1).toJSON().limitBy).toEqual({ by: [col('projectId'), col('status')], limit: 3, offset: 1 })
    const names = from(schema, 'projects').select('name')
    const inputs = [names.toJSON(), names.limit(1).toJSON()]
    expect(names.union(names.limit(1)).orderBy('name').toJSON()).toEqual({ from: { query: { setOp: 'union', inputs }, alias: 'rows' }, orderBy: [{ expr: col('name') }] })
    expect(names.exceptAll(names.limit(1)).toJSON().from).toEqual({ query: { setOp: 'except', all: true, inputs }, alias: 'rows' })
    expect(failure(() => names.union())).toMatchObject({ code: 'QUERY_INVALID' })
    expect(failure(() => q.limitBy('projectId', -1))).toMatchObject({ code: 'QUERY_INVALID' })
  })
  it('lowers groups', () => {
    expect(q.groupBy('status').select(i => ({ status: i.status, n: count(), points: sum(i.points), mean: avg(i.points) })).orderBy('n', 'desc').toJSON()).toEqual({
      from: 'issues', groupBy: [{ name: 'status', expr: col('status') }],
      select: [{ name: 'status', expr: col('status') }, { name: 'n', expr: { op: 'agg', name: 'count', args: [] } }, { name: 'points', expr: { op: 'agg', name: 'sum', args: [col('points')] } }, { name: 'mean', expr: { op: 'agg', name: 'avg', args: [col('points')] } }],
      orderBy: [{ expr: { op: 'agg', name: 'count', args: [] }, desc: true }],
    })
  })
  it('lowers what aggregates say', () => {
    const agg = (name: string, args: unknown[], more: object = {}) => ({ op: 'agg', name, args, ...more })
    const select = (make: (i: any) => any) => (q.select((i: any) => ({ x: make(i) })).toJSON().select as any)[0].expr
    expect(select(i => count({ where: gt(i.points, 2) }))).toEqual(agg('count', [], { filter: { op: '>', args: [col('points'), lit(2)] } }))
    expect(select(i => count(i.id, { distinct: true }))).toEqual(agg('count', [col('id')], { distinct: true }))
    expect(select(i => count(i.id, { distinct: false }))).toEqual(agg('count', [col('id')]))
    expect(select(i => stringAgg(i.title, ', ', { orderBy: i.points }))).toEqual(agg('stringAgg', [col('title'), lit(', ')], { orderBy: [{ expr: col('points') }] }))
    expect(select(i => arrayAgg(i.due, { orderBy: [i.points, 'desc', { nulls: 'last' }] }))).toEqual(agg('arrayAgg', [col('due')], { orderBy: [{ expr: col('points'), desc: true, nulls: 'last' }] }))
    expect(select(i => first(i.due, { orderBy: [i.points, i.id] }))).toEqual(agg('first', [col('due')], { orderBy: [{ expr: col('points') }, { expr: col('id') }] }))
    expect(select(i => last(i.due, { orderBy: [[i.points, 'desc'], i.id] }))).toEqual(agg('last', [col('due')], { orderBy: [{ expr: col('points'), desc: true }, { expr: col('id') }] }))
    expect(select(i => percentileCont(i.points, 0.9))).toEqual(agg('percentileCont', [col('points'), lit(0.9)]))
  })
  it('lowers having, and qualifies all parts of an aggregate in a join', () => {
    expect(q.groupBy('status').having(() => gt(count(), 1)).having(i => lt(sum(i.points), 9)).toJSON().having).toEqual({
      op: 'and', args: [{ op: '>', args: [{ op: 'agg', name: 'count', args: [] }, lit(1)] }, { op: '<', args: [{ op: 'agg', name: 'sum', args: [col('points')] }, lit(9)] }],
    })
    const made = q.groupBy('status').having(r => gt(count(r.id, { where: eq(r.status, 'open') }), 1)).innerJoin('projects', (a, b) => eq(a.projectId, b.id))
    expect(made.toJSON().having!.args![0]).toEqual({ op: 'agg', name: 'count', args: [col('id', 'issues')], filter: { op: '=', args: [col('status', 'issues'), lit('open')] } })
    expect(failure(() => (q as any).having(() => true))).toMatchObject({ code: 'QUERY_INVALID', path: 'having' })
  })
  it('lowers columns computed of associations', () => {
    const made = q.withCount('comments').withAggregate('longest', 'labels', l => stringAgg(l.name, ', ')).orderBy('commentsCount', 'desc').toJSON()
    expect(made).toEqual({
      from: 'issues', orderBy: [{ expr: col('commentsCount'), desc: true }],
      computed: [{ as: 'commentsCount', relation: 'comments', expr: { op: 'agg', name: 'count', args: [] } }, { as: 'longest', relation: 'labels', expr: { op: 'agg', name: 'stringAgg', args: [col('name'), lit(', ')] } }],
    })
    expect(q.withCount('comments', 'n').where((i: any) => gt(i.n, 3)).toJSON().where).toEqual({ op: '>', args: [col('n'), lit(3)] })
    expect(failure(() => (q as any).withCount('comment'))).toMatchObject({ code: 'UNKNOWN_RELATION', nearest: 'comments', path: 'computed[0].relation' })
    expect(failure(() => q.withAggregate('x', 'comments', (c: any) => first(c.bodi)))).toMatchObject({ code: 'UNKNOWN_COLUMN', nearest: 'body', path: 'computed[0].expr' })
  })
  it('lowers window functions', () => {
    const ranked = q.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).select(r => ({
      a: over(rowNumber(), { partitionBy: [r.projects.name], orderBy: [[r.issues.points, 'desc', { nulls: 'last' }], r.issues.id] }),
      b: over(sum(r.issues.points), { orderBy: r.issues.due, frame: { unit: 'range', start: { preceding: 1.5 }, end: 'currentRow', exclude: 'ties' } }),
      c: over(lag(r.issues.due, 2, '2024-01-01'), { orderBy: [r.issues.points, 'desc'] }),
      d: over(count()),
    }))
    expect(ranked.toJSON().select!.map(s => s.expr)).toEqual([
      { op: 'over', name: 'rowNumber', args: [], over: { partitionBy: [col('name', 'projects')], orderBy: [{ expr: col('points', 'issues'), desc: true, nulls: 'last' }, { expr: col('id', 'issues') }] } },
      { op: 'over', name: 'sum', args: [col('points', 'issues')], over: { orderBy: [{ expr: col('due', 'issues') }], frame: { unit: 'range', start: { kind: 'preceding', offset: 1500 }, end: { kind: 'currentRow' }, exclude: 'ties' } } },
      { op: 'over', name: 'lag', args: [col('due', 'issues'), lit(2), lit('2024-01-01', 'timestamp')], over: { orderBy: [{ expr: col('points', 'issues'), desc: true }] } },
      { op: 'over', name: 'count', args: [], over: {} },
    ])
    // A query of one table says no alias, and a join made later says it within the window too.
    const late = q.select(i => ({ n: over(rank(), { partitionBy: i.status, orderBy: i.points }) }))
    expect(late.toJSON().select![0].expr.over).toEqual({ partitionBy: [col('status')], orderBy: [{ expr: col('points') }] })
    const joined = late.innerJoin('projects', (i, p) => eq(i.projectId, p.id), 'p') as any
    expect(joined.toJSON().select[0].expr.over).toEqual({ partitionBy: [col('status', 'issues')], orderBy: [{ expr: col('points', 'issues') }] })
    expect(failure(() => over(eq(1, 1) as any)).code).toBe('QUERY_INVALID')
    expect(failure(() => q.select(() => ({ n: rank() as any })))).toMatchObject({ code: 'QUERY_INVALID', path: 'select.n', offending: 'rank' })
  })
  it('names mistakes', () => {
    const loose = q as any
    expect(failure(() => loose.where('statsu', '=', 'open'))).toMatchObject({ code: 'UNKNOWN_COLUMN', offending: 'statsu', nearest: 'status' })
    expect(failure(() => loose.where((i: any) => eq(i.titel, 'x')))).toMatchObject({ code: 'UNKNOWN_COLUMN', nearest: 'title' })
    expect(failure(() => loose.with('label'))).toMatchObject({ code: 'UNKNOWN_RELATION', nearest: 'labels' })
    expect(failure(() => loose.where('status', '==', 'x'))).toMatchObject({ code: 'QUERY_INVALID', nearest: '=' })
    expect(failure(() => loose.limit(-1))).toMatchObject({ code: 'QUERY_INVALID' })
    expect(failure(() => from(schema, 'isues' as never))).toMatchObject({ code: 'UNKNOWN_TABLE', nearest: 'issues' })
    expect(failure(() => loose.where('title', '=', undefined))).toMatchObject({ code: 'QUERY_INVALID' })
  })
  it('has equal keys for equal plans only', () => {
    const key = (x: { toJSON(): any }) => planKey(x.toJSON())
    expect(key(q.where(i => lt(i.points, 3)))).toBe(key(q.where('points', '<', 3)))
    expect(key(q.where('points', '=', 3))).not.toBe(key(q.where('points', '=', 3n as never)))
    expect(key(q.where('points', '=', NaN))).not.toBe(key(q.where('points', '=', null as never)))
  })
})

describe('words that orders and associations do not know', () => {
  const tables = { issues: table({ id: string().key(), projectId: string(), title: string() }), projects: table({ id: string().key() }), links: table({ a: string().key(), b: string().key() }) }
  const at = (fn: () => unknown): unknown[] => {
    try { fn() } catch (error) { const { code, path, nearest } = error as EddylineError; return [code, path, nearest] }
    return []
  }
  const related = (relation: any): unknown[] => at(() => defineSchema(tables, { projects: { issues: relation } }))

  it('are refused with the nearest one, and were ignored once', () => {
    const issues = from(defineSchema(tables), 'issues') as any
    expect(at(() => issues.orderBy('id').orderBy('title', 'descc'))).toEqual(['QUERY_INVALID', 'orderBy[1]', 'desc'])
    expect(at(() => issues.orderBy('title', 'down'))).toEqual(['QUERY_INVALID', 'orderBy[0]', undefined])
    expect(at(() => issues.orderBy('title', { desc: true }))).toEqual(['QUERY_INVALID', 'orderBy[0]', undefined])
    expect(() => issues.orderBy('title', { desc: true })).toThrow(/orderBy\('title', 'desc'/)
    expect(() => issues.select(() => ({ n: (sum as any)() }))).toThrow(/`sum` is of a column or an expression: sum\(i\.points\)/)
    expect(at(() => issues.select(() => ({ n: (avg as any)('points') })))[0]).toBe('QUERY_INVALID')
    expect(at(() => issues.orderBy('title', 'asc', { null: 'first' }))).toEqual(['QUERY_INVALID', 'orderBy[0]', 'nulls'])
    expect(at(() => issues.select((i: any) => ({ all: arrayAgg(i.id, { orderBy: [i.id, 'decs' as never] }) })))[0]).toBe('QUERY_INVALID')
    expect(related(hasMany('issues', 'projectId', { orderby: [['id', 'asc']] } as never))).toEqual(['SCHEMA_INVALID', 'projects.relations.issues.orderby', 'orderBy'])
    expect(related(hasMany('issues', 'projectId', { orderBy: [['id', 'down']] } as never))).toEqual(['SCHEMA_INVALID', 'projects.relations.issues.orderBy[0]', undefined])
    expect(related(hasMany('issues', 'projectId', { orderBy: [['id', 'desc', { nulls: 'lst' }]] } as never))).toEqual(['SCHEMA_INVALID', 'projects.relations.issues.orderBy[0]', 'last'])
    expect(related(hasMany('issues', 'projectId', { duplicates: 'keep' } as never))).toEqual(['SCHEMA_INVALID', 'projects.relations.issues.duplicates', undefined])
    expect(related(manyToMany('issues', 'links', ['a', 'b'], { duplicates: 'kep' } as never))).toEqual(['SCHEMA_INVALID', 'projects.relations.issues.duplicates', 'keep'])
    expect(related(manyToMany('issues', 'links', ['a', 'b'], { duplicates: 'keep', orderBy: [['id', 'desc', { nulls: 'last' }]] }))).toEqual([])
  })

  it('of tables are refused, too: a table that is not by tenants by mistake shows everybody\'s rows', () => {
    const columns = { id: string().key() }
    expect(at(() => table(columns, { tennant: true } as never))).toEqual(['SCHEMA_INVALID', 'tennant', 'tenant'])
    expect(at(() => table(columns, { tenant: 'yes' } as never))).toEqual(['SCHEMA_INVALID', 'tenant', undefined])
    expect(at(() => table(columns, true as never))).toEqual(['SCHEMA_INVALID', 'options', undefined])
    expect([undefined, {}, { tenant: undefined }, { tenant: false }, { tenant: true }].map(options => table(columns, options).tenant)).toEqual([false, false, false, false, true])
  })
  it.each<[string, unknown]>([['nothing', undefined], ['null', null], ['a number', 3], ['a Map', new Map(Object.entries(tables))], ['a list', [tables.links]], ['a promise', Promise.resolve(tables)]])('%s is no schema, and no associations', (name, given) => {
    expect(at(() => defineSchema(given as never))).toEqual(['SCHEMA_INVALID', 'tables', undefined])
    if (given === undefined || given === null) return
    expect(at(() => defineSchema(tables, given as never))).toEqual(['SCHEMA_INVALID', 'relations', undefined])
    expect(at(() => defineSchema(tables, { issues: given } as never))).toEqual(['SCHEMA_INVALID', 'issues.relations', undefined])
  })
  it('an array is of a column', () => {
    for (const element of [undefined, null, string, 'text']) expect(at(() => array(element as never))).toEqual(['SCHEMA_INVALID', 'array', undefined])
    expect(array(bigint()).type).toBe('int[]')
    expect(at(() => defineSchema({ a: table(new Map([['id', int().key()]]) as never) }))).toEqual(['SCHEMA_INVALID', 'a', undefined])
  })
})
