// Steps and functions of queries called wrongly: a typed error that says how to call them, and nothing is silently left out.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as E from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = E.defineSchema({
  t: E.table({ id: E.int().key(), a: E.string().nullable(), b: E.int().nullable(), ts: E.timestamp().nullable(), iv: E.interval().nullable(), tm: E.time().nullable(), tags: E.array(E.string().nullable()).nullable() }),
  p: E.table({ id: E.int().key(), k: E.string().nullable() }),
})
const L = E as any
let db: any
let t: any
beforeAll(async () => {
  db = await E.createDatabase({ schema })
  t = db.query.t
  db.apply([
    { op: 'insert', table: 't', row: { id: 1, a: 'x', b: 1, ts: new Date(0), iv: '2 days', tm: '09:00:00', tags: ['m'] } },
    { op: 'insert', table: 't', row: { id: 2, a: 'y', b: 2, ts: null, iv: null, tm: null, tags: null } },
  ])
})
afterAll(() => { db.close() })

const rows = (q: any): unknown[] => [...db.live(q).rows]
const value = (make: (x: any) => unknown) => () => db.live(t.select((x: any) => ({ v: make(x) })))
const where = (make: (x: any) => unknown) => () => db.live(t.where(make))
type Case = [call: string, run: () => unknown, says: string | RegExp, more?: object]
const refused = (cases: Case[]): void => {
  it.each(cases)('%s', (_, run, says, more = {}) => {
    const error = failure(run)
    expect(error).toBeInstanceOf(E.EddylineError)
    expect(error).toMatchObject({ code: 'QUERY_INVALID', ...more })
    expect((error as Error).message).toMatch(says)
  })
}

describe('an interval to add', () => {
  it('may be a text, as other literals of intervals', () => {
    const q = t.select((x: any) => ({ ts: L.addInterval(x.ts, '1 day 12:00'), iv: L.addInterval(x.iv, '1 day'), tm: L.addInterval(x.tm, '01:30'), at: L.addInterval(new Date(0), 'P1M') }))
    expect(rows(q)).toEqual([
      { ts: new Date(129_600_000), iv: '3 days', tm: '10:30:00', at: new Date(31 * 86_400_000) },
      { ts: null, iv: null, tm: null, at: new Date(31 * 86_400_000) },
    ])
  })
  it('may have parts without a value', () => {
    expect(rows(t.select((x: any) => ({ v: L.addInterval(x.ts, { days: undefined, hours: 1.5 }) })))[0]).toEqual({ v: new Date(5_400_000) })
  })
  refused([
    ...[5, true, [], {}, new Date(1), null, undefined, () => 1].map((by): Case => [`addInterval(x.ts, ${String(by)})`, value(x => L.addInterval(x.ts, by)), /takes parts, a text or an expression/]),
    ['a misspelt part', value(x => L.addInterval(x.ts, { hour: 1 })), /did you mean `hours`/, { nearest: 'hours', offending: 'hour' }],
    ['a part that is a text', value(x => L.addInterval(x.ts, { days: '1' })), /`days` of `addInterval` is a number/],
    ['a fixed part that is an expression', value(x => L.addInterval(x.ts, { hours: x.b })), /`hours` of `addInterval` is a number/],
    ['a text that is no interval', value(x => L.addInterval(x.ts, '1 dya')), /not an interval: "1 dya"/, { code: 'TYPE_MISMATCH' }],
  ])
})

describe('a table that there is not', () => {
  const tenant = () => db.tenant('a').query
  it.each([['tt', 't'], ['P', 'p'], ['misspelt', undefined], ['items', undefined], ['0', 't']])('db.query.%s', (name, nearest) => {
    for (const root of [db.query, tenant()]) expect(failure(() => root[name])).toMatchObject({ code: 'UNKNOWN_TABLE', offending: name, path: 'query', ...(nearest === undefined ? {} : { nearest }) })
  })
  it('is nobody\'s business but of who names it', async () => {
    const root = db.query
    expect(['t' in root, 'tt' in root, Object.hasOwn(root, 'tt'), Object.keys(root)]).toEqual([true, false, false, ['t', 'p']])
    expect([await root, JSON.parse(JSON.stringify(root))]).toEqual([root, { t: { from: 't' }, p: { from: 'p' } }])
    expect({ ...root }).toEqual({ t: root.t, p: root.p })
    for (const name of ['then', 'toJSON', '$$typeof', 'constructor', 'toString', '__proto__', '__v_isRef', '@@__IMMUTABLE_ITERABLE__@@', 'asymmetricMatch', 'nodeType', Symbol.iterator, Symbol.toStringTag, Symbol('x')]) expect(root[name]).toBe(undefined)
    const { inspect } = await import('node:util')
    for (const options of [{}, { showProxy: true }]) expect(inspect(root, options)).toMatch(/t: .*p: /s)
    expect(root).toEqual(root)
    expect(() => { root.t = 1 }).toThrow(TypeError)
    expect(root.t).toBe(t)
  })
})

describe('a query as JSON', () => {
  it('is that of every use of it: it cannot be changed', () => {
    const q = t.where('id', '=', 1).where((x: any) => E.inQuery(x.id, db.query.p.where('k', '!=', 'z').select('id'))).orderBy('a').limit(3)
    const json = q.toJSON(), text = JSON.stringify(json)
    for (const change of [() => { json.limit = 1 }, () => { json.where.args.length = 0 }, () => { json.where.args[0].args[1].value = 2 }, () => { json.orderBy[0].desc = true }, () => { json.where.args[1].query.where.op = '=' }, () => { delete json.from }]) expect(change).toThrow(TypeError)
    expect(JSON.stringify(q.limit(3).toJSON())).toBe(text)
    expect(rows(q)).toEqual([])
  })
})

describe('what used to be left out', () => {
  refused([
    ...['matches', 'imatches', 'regexpSubstr', 'regexpMatch', 'regexpMatches'].map((name): Case => [`flags of ${name}`, value(x => L[name](x.a, 'x', 'i')), '`' + name + '` takes no flags: they are in the pattern', { offending: 'i' }]),
    ['groupBy(rollup, cb)', () => t.groupBy(L.rollup('a'), (x: any) => ({ b: x.b })), /`groupBy` takes names, or one callback/, { path: 'groupBy' }],
    ['groupBy(cb, cb)', () => t.groupBy((x: any) => ({ b: x.b }), (x: any) => ({ a: x.a })), /`groupBy` takes names, or one callback/, { path: 'groupBy' }],
    ['groupBy(cb, name)', () => t.groupBy((x: any) => ({ b: x.b }), 'a'), /`groupBy` takes names, or one callback/],
    ['groupBy(cb, rollup, cb)', () => t.groupBy((x: any) => ({ a: x.a }), L.rollup('a'), (x: any) => ({ b: x.b })), /`groupBy` takes names, or one callback/],
    ['groupBy(x => rollup)', () => t.groupBy(() => L.rollup('a')), /names members/],
    ['select(x => ({ v: rollup }))', value(() => L.rollup('a')), /groupings are no value/],
    ['select(cb, name)', () => t.select((x: any) => ({ b: x.b }), 'a'), /`select` takes names, or one callback/, { path: 'select' }],
    ['distinctOn(cb, name)', () => t.distinctOn((x: any) => x.a, 'b'), /`distinctOn` takes names, or one callback/, { path: 'distinctOn' }],
    ['distinct(name)', () => t.distinct('a'), /`distinctOn`/, { path: 'distinct', offending: 'a' }],
    ['orderBy(name, desc, 5)', () => t.orderBy('a', 'desc', 5), /orderBy\('title', 'desc', \{ nulls: 'last' \}\)/, { path: 'orderBy[0]', offending: '5' }],
    ['orderBy(name, desc, text)', () => t.orderBy('a', 'desc', 'first'), /\{ nulls: 'last' \}/],
    ...(['xy', new Set(['x']), 5, undefined] as unknown[]).map((list): Case => [`notInArray(x.a, ${String(list)})`, where(x => L.notInArray(x.a, list)), /`notInArray` takes an array; `notInQuery` a query/]),
  ])
  it('what is right stays: a callback before groupings and names, empty lists', () => {
    expect(rows(t.groupBy((x: any) => ({ a: x.a, b: x.b }), L.rollup('a'), 'b').select(() => ({ n: E.count() }))).length).toBe(4)
    expect(rows(t.where((x: any) => L.notInArray(x.a, ['x'])).select('id'))).toEqual([{ id: 2 }])
    expect(rows(t.where((x: any) => L.notInArray(x.a, [])).distinct().select('id')).length).toBe(2)
  })
})

describe('joins and sources', () => {
  const cb = (a: any, b: any): unknown => L.eq(a.a, b.k)
  refused([
    // Called as elsewhere: the nearest name says the opposite.
    ...Object.entries({ '<>': '!=', ne: '!=', gt: '>', lte: '<=', nin: 'not in', '==': '=', liek: 'like' }).map(([op, meant]): [string, () => unknown, RegExp, object] => [`where('a', '${op}', 1)`, () => t.where('a', op, 1), /no operator/, { nearest: meant }]),
    ['innerJoin()', () => t.innerJoin(), /`innerJoin` takes the name of a table/, { path: 'joins[0].table' }],
    ['innerJoin(cb)', () => t.innerJoin(cb), /`innerJoin` takes the name of a table/],
    ['innerJoin(5)', () => t.innerJoin(5), /`innerJoin` takes the name of a table/, { offending: '5' }],
    ['crossJoin()', () => t.crossJoin(), /`crossJoin` takes the name of a table.*: crossJoin\('projects'\)$/],
    ['leftJoin(live)', () => t.leftJoin(db.live(db.query.p), cb), /`leftJoin` takes the name of a table/],
    ['from()', () => L.from(), /`from` takes a schema/, { path: 'from' }],
    ['from(null)', () => L.from(null), /`from` takes a schema/],
    ['outer()', where(x => L.eq(x.a, L.outer())), /`outer` takes a name, 'projects\.id'/],
    ['outer(5)', where(x => L.eq(x.a, L.outer(5))), /`outer` takes a name/],
    ['outer(p.k)', () => db.query.p.where((p: any) => L.exists(t.where((x: any) => L.eq(x.a, L.outer(p.k))))), /`outer` takes a name/],
    ['withParams()', () => L.withParams(), /withParams\(\{ least: 'int' \}, p =>/],
    ['withParams({})', () => L.withParams({}), /`withParams` takes types and a callback/],
    ['withParams(null, cb)', () => L.withParams(null, () => t), /`withParams` takes types and a callback/],
    ['withParams of no query', () => db.live(L.withParams({ n: 'int' }, () => 1), { params: { n: 1 } }), /a query is made by/],
  ])
})

describe('what a function is of', () => {
  refused([
    ...['lower', 'upper', 'length', 'isNull', 'isNotNull'].flatMap(name => [undefined, null, 'A'].map((a): Case => [`${name}(${String(a)})`, value(() => L[name](a)), `a column or an expression is expected: ${name}(i.title)`, { path: 'select' }])),
    ...['lag', 'lead', 'firstValue', 'lastValue', 'nthValue'].flatMap(name => [undefined, null].map((a): Case => [`${name}(${String(a)})`, value(x => L.over(L[name](a), { orderBy: x.id })), `a column or an expression is expected: ${name}(i.points`])),
    ['match()', value(() => L.match().when('a', 1)), /is expected: match\(i\.status\)/],
    ['inArray()', where(() => L.inArray(undefined, ['x'])), /is expected: inArray\(i\.status, \['open'\]\)/],
    ['anyOf(x)', where(() => L.anyOf('x')), /is expected: anyOf\('x', i\.tags\)/],
    ['anyOf(x, null)', where(() => L.anyOf('x', null)), /is expected: anyOf\('x', i\.tags\)/],
    ['arrayPosition()', value(() => L.arrayPosition()), /a column.* is expected/],
    ['arrayPosition(list, x)', value(() => L.arrayPosition(['x'], 'x')), /is expected: arrayPosition\(i\.tags, 'x'\)/],
    ...['arrayContains', 'arrayOverlaps', 'arrayAt', 'elapsed', 'notInArray'].map((name): Case => [`${name}()`, value(() => L[name]()), name === 'notInArray' ? /takes an array/ : /a column, an expression or a constant is expected/]),
    ['an order of undefined', value(x => L.sum(x.b, { orderBy: [undefined] })), /`orderBy` takes an expression/],
    ['an order of null', value(x => L.sum(x.b, { orderBy: [null] })), /`orderBy` takes an expression/],
    ['gt(x.ts, NaN)', where(x => L.gt(x.ts, NaN)), /an invalid Date/, { code: 'TYPE_MISMATCH', offending: 'NaN' }],
    ['dateTrunc(day, 1e20)', value(() => L.dateTrunc('day', 1e20)), /an invalid Date/, { code: 'TYPE_MISMATCH' }],
  ])
})

describe('pages', () => {
  refused([
    ...[[], [3], [{ a: 3 }], [null, 3]].map((given): Case => [`limitBy(${JSON.stringify(given)})`, () => t.limitBy(...given), /columns are named by texts/, { path: 'limitBy' }]),
    ['limit of an object', () => t.limit(Object.create(null)), /limit takes a whole number from 0/],
    ['startAt()', () => t.orderBy('a').startAt(), /startAfter\(\{ title: 'b', id: 5 \}\)/, { path: 'start' }],
    ['startAfter(null)', () => t.orderBy('a').startAfter(null), /a start is values of a row/],
    ['startAfter(5)', () => t.orderBy('a').startAfter(5), /a start is values of a row/],
  ])
  it('a start may be a row of a live query, or a list', () => {
    const [first] = rows(t.orderBy('a')) as any[]
    expect((rows(t.orderBy('a').startAfter(first)) as any[]).map(r => r.id)).toEqual([2])
    expect((rows(t.orderBy('a').startAt(['y'])) as any[]).map(r => r.id)).toEqual([2])
  })
})
