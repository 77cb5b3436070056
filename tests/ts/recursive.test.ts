import { describe, expect, it } from 'vitest'
import { defineSchema } from '../../src/ts/define-schema.js'
import { EddylineError } from '../../src/ts/errors.js'
import { from } from '../../src/ts/query/builder.js'
import { count } from '../../src/ts/query/aggregate.js'
import { add, eq } from '../../src/ts/query/expr.js'
import { recursive } from '../../src/ts/query/recursive.js'
import { int, string, table } from '../../src/ts/schema.js'

const schema = defineSchema({ people: table({ id: int().key(), name: string(), boss: int().nullable() }), edges: table({ a: int().key(), b: int().key(), w: int() }) })
const edges = from(schema, 'edges')
const col = (name: string, of?: string) => ({ op: 'col', name, ...(of ? { of } : {}) })
const lit = (value: unknown) => ({ op: 'lit', value })
const field = (name: string, expr: object) => ({ name, expr })

function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) { return error as EddylineError }
  throw new Error('did not throw')
}

const base = { from: 'edges', select: [field('a', col('a')), field('b', col('b'))] }
const reach = recursive('reach', edges.select('a', 'b'), reach =>
  reach.innerJoin('edges', (r, e) => eq(r.b, e.a)).select(({ reach, edges }) => ({ a: reach.a, b: edges.b })))
const step = {
  from: { relation: 'reach', alias: 'reach' }, joins: [{ kind: 'inner', table: 'edges', on: { op: '=', args: [col('b', 'reach'), col('a', 'edges')] } }],
  select: [field('a', col('a', 'reach')), field('b', col('b', 'edges'))],
}
const whole = { relations: [{ name: 'reach', columns: ['a', 'b'], branches: [base, step] }], result: 'reach' }

describe('recursive queries', () => {
  it('read what they have found', () => {
    expect(reach.toJSON()).toEqual({ from: { recursive: whole, alias: 'reach' } })
    expect(reach.where('a', '=', 1).orderBy('b').limit(2).toJSON()).toEqual({
      from: { recursive: whole, alias: 'reach' }, where: { op: '=', args: [col('a'), lit(1)] }, orderBy: [{ expr: col('b') }], limit: 2,
    })
    expect(reach.groupBy('a').select(r => ({ a: r.a, n: count() })).toJSON().from).toEqual({ recursive: whole, alias: 'reach' })
  })
  it('join what they have found to itself, under another name', () => {
    const twice = recursive('reach', edges.select('a', 'b'), reach => [
      reach.innerJoin(reach.as('on'), (r, on) => eq(r.b, on.a)).select(({ reach, on }) => ({ a: reach.a, b: on.b })),
      reach.select(r => ({ a: r.b, b: r.a })),
    ])
    const [, first, second] = (twice.toJSON().from as any).recursive.relations[0].branches
    expect(first.from).toEqual({ relation: 'reach', alias: 'reach' })
    expect(first.joins).toEqual([{ kind: 'inner', relation: 'reach', alias: 'on', on: { op: '=', args: [col('b', 'reach'), col('a', 'on')] } }])
    expect(second).toEqual({ from: { relation: 'reach', alias: 'reach' }, select: [field('a', col('b')), field('b', col('a'))] })
  })
  it('are joined and read like other queries', () => {
    const joined = from(schema, 'people').innerJoin(reach, (p, r) => eq(p.id, r.a)).select(({ people, reach }) => ({ name: people.name, to: reach.b }))
    expect(joined.toJSON().joins).toEqual([{ kind: 'inner', recursive: whole, alias: 'reach', on: { op: '=', args: [col('id', 'people'), col('a', 'reach')] } }])
    expect(from(reach.as('r')).where('a', '=', 1).toJSON().from).toEqual({ recursive: whole, alias: 'r' })
    expect(from(reach.where('a', '=', 1).as('r')).toJSON().from).toEqual({ query: { from: { recursive: whole, alias: 'reach' }, where: { op: '=', args: [col('a'), lit(1)] } }, alias: 'r' })
  })
  it('keep the best rows', () => {
    const path = recursive('path', edges.select(e => ({ a: e.a, b: e.b, d: e.w })), path =>
      path.innerJoin('edges', (p, e) => eq(p.b, e.a)).select(({ path, edges }) => ({ a: path.a, b: edges.b, d: add(path.d, edges.w) })),
    { min: { column: 'd', by: ['a', 'b'] }, maxRounds: 50 })
    const { recursive: json } = path.toJSON().from as any
    expect([json.maxRounds, json.relations[0].min, json.relations[0].max]).toEqual([50, { column: 'd', by: ['a', 'b'] }, undefined])
    const wrong = failure(() => recursive('r', edges.select('a', 'b'), r => r, { max: { column: 'bb' as never, by: [] } }))
    expect([wrong.code, wrong.nearest, wrong.path]).toEqual(['UNKNOWN_COLUMN', 'b', 'max'])
  })
  it('are refused with their place, where they are none: names of options, their values, bases, steps', () => {
    const all = edges.select('a', 'b')
    const said = (...args: unknown[]) => { const { code, path, nearest } = failure(() => (recursive as any)(...args)); return [code, path, nearest] }
    const self = (r: unknown) => r
    expect(said('r', all, self, { maxRound: 5 })).toEqual(['QUERY_INVALID', 'maxRound', 'maxRounds'])
    expect(said({ r: all }, (found: unknown) => found, { mni: {} })).toEqual(['QUERY_INVALID', 'mni', 'min'])
    for (const options of ['x', 5, null]) expect(said('r', all, self, options)[1]).toBe('options')
    for (const min of ['b', {}, { column: 'b' }, { column: 'b', by: 'a' }, null, []]) expect(said('r', all, self, { min }).slice(0, 2)).toEqual(['QUERY_INVALID', 'min'])
    for (const min of [{ column: 5, by: ['a'] }, { column: 'b', by: [5] }]) expect(said('r', all, self, { min }).slice(0, 2)).toEqual(['UNKNOWN_COLUMN', 'min'])
    for (const base of [undefined, null, 5, () => all, {}]) expect(said('r', base, self).slice(0, 2)).toEqual(['QUERY_INVALID', 'base'])
    for (const step of [undefined, all, () => {}, () => null, () => 5, () => [5], () => ({ a: 1 }), async () => all]) expect(said('r', all, step).slice(0, 2)).toEqual(['QUERY_INVALID', 'step'])
    for (const steps of [undefined, () => {}, () => 5, () => ({ r: 5 })]) expect(said({ r: all }, steps).slice(0, 2)).toEqual(['QUERY_INVALID', 'step'])
    for (const bases of [undefined, null, 5, {}]) expect(said(bases, self).slice(0, 2)).toEqual(['QUERY_INVALID', 'name'])
  })
  it('take the fields of a step by their names, in whatever order it has them', () => {
    const crossed = recursive('r', edges.select('a', 'b'), r => r.innerJoin('edges', (x, e) => eq(x.b, e.a)).select(({ r: x, edges }) => ({ b: edges.b, a: x.a })))
    const [, step] = (crossed.toJSON().from as any).recursive.relations[0].branches
    expect(step.select).toEqual([field('a', col('a', 'r')), field('b', col('b', 'edges'))])
  })
  it('may be made of each other', () => {
    const starts = { even: edges.where('a', '=', 0).select(e => ({ n: e.a })), odd: edges.where('a', '=', 0).select(e => ({ n: e.b })) }
    const { even, odd } = recursive(starts, ({ even, odd }) => ({
      even: odd.innerJoin('edges', (o, e) => eq(o.n, e.a)).select(({ edges }) => ({ n: edges.b })),
      odd: [even.innerJoin('edges', (o, e) => eq(o.n, e.a)).select(({ edges }) => ({ n: edges.b }))],
    }), { maxRounds: 9, min: { odd: { column: 'n', by: [] } } })
    const begin = (column: string) => ({ from: 'edges', where: { op: '=', args: [col('a'), lit(0)] }, select: [field('n', col(column))] })
    const on = (name: string) => ({ from: { relation: name, alias: name }, joins: [{ kind: 'inner', table: 'edges', on: { op: '=', args: [col('n', name), col('a', 'edges')] } }], select: [field('n', col('b', 'edges'))] })
    const relations = [{ name: 'even', columns: ['n'], branches: [begin('a'), on('odd')] }, { name: 'odd', columns: ['n'], branches: [begin('b'), on('even')], min: { column: 'n', by: [] } }]
    expect(even.toJSON()).toEqual({ from: { recursive: { relations, result: 'even', maxRounds: 9 }, alias: 'even' } })
    expect(even.innerJoin(odd, (e, o) => eq(e.n, o.n)).toJSON().joins).toEqual([{ kind: 'inner', recursive: { relations, result: 'odd', maxRounds: 9 }, alias: 'odd', on: { op: '=', args: [col('n', 'even'), col('n', 'odd')] } }])
    const wrong = (fn: () => unknown) => { const { code, path, nearest } = failure(fn); return [code, path, nearest] }
    expect(wrong(() => recursive(starts, ({ even }) => ({ even, add: even }) as never))).toEqual(['QUERY_INVALID', 'step', 'odd'])
    expect(wrong(() => recursive(starts, found => found as never, { min: { evn: { column: 'n', by: [] } } } as never))).toEqual(['QUERY_INVALID', 'min.evn', 'even'])
    expect(wrong(() => recursive(starts, found => found as never, { max: { even: { column: 'm' as never, by: [] } } }))).toEqual(['UNKNOWN_COLUMN', 'max.even', 'n'])
    expect(wrong(() => recursive({}, () => ({})))[0]).toBe('QUERY_INVALID')
  })
  it('say where a name is wrong', () => {
    const wrong = failure(() => recursive('r', edges.select('a', 'b'), r => r.where(row => eq((row as any).aa, 1))))
    expect([wrong.code, wrong.nearest, wrong.path]).toEqual(['UNKNOWN_COLUMN', 'a', 'step.where'])
    expect(failure(() => recursive('', edges.select('a', 'b'), r => r)).code).toBe('QUERY_INVALID')
  })
})
