// What TypeScript takes for a text, a number or a truth value runs as one: values that rows show as texts, and what JSON is said to hold.
import { afterAll, describe, expect, it } from 'vitest'
import * as e from '../../../pkg/index.inline.js'

const schema = e.defineSchema({
  all: e.table({
    id: e.int().key(), s: e.string(), i: e.int(), f: e.number(), b: e.bigint(), d: e.decimal(), ok: e.boolean(), at: e.timestamp(), day: e.date(), tm: e.time(), iv: e.interval(), u: e.uuid(),
    names: e.array(e.string()), meta: e.json<{ s: string; n: number; f: number; b: boolean; none?: number }>(), any: e.json(),
  }),
}, {})
const meta = { s: 'abc', n: 5, f: 2.5, b: true }
const db = await e.createDatabase({ schema })
db.apply([{ op: 'upsert', table: 'all', row: {
  id: 1, s: 'abc', i: 4, f: 4.5, b: 4n, d: '4.50', ok: true, at: '2024-01-02', day: '2024-01-02', tm: '04:05:06', iv: '1 day', u: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', names: ['x', 'abc', 'y', 'z', 'five'], meta, any: meta,
} }])
afterAll(() => db.close())

const q = db.query.all
/** The row that a query gives for the one of the table. */
function row<R>(query: { readonly $row: R } & e.QueryLike<R>): R {
  const live = db.live(query as never) as e.LiveQuery<any>
  expect(live.error).toBeUndefined()
  const rows = [...live.rows]
  expect(rows).toHaveLength(1)
  return rows[0]
}

describe('what rows show as text is text to functions of texts', () => {
  it.each([['d', '4.50'], ['day', '2024-01-02'], ['tm', '04:05:06'], ['iv', '1 day'], ['u', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']] as const)('%s', (column, text) => {
    expect(row(q.select(a => {
      const c = a[column]
      return {
        lower: e.lower(c), upper: e.upper(c), length: e.length(c), like: e.like(c, `${text.slice(0, 2)}%`), notLike: e.notLike(c, '%'), pattern: e.like(a.s, c), starts: e.startsWith(c, text.slice(0, 3)),
        matches: e.matches(c, '^.'), concat: e.concat(c, '!'), all: e.concatAll(c, '!'), ws: e.concatWs(c, c, a.s), part: e.substring(c, 1, 2), left: e.left(c, 2), trim: e.trim(c, e.left(c, 1)),
        replace: e.replace(c, c, a.s), strpos: e.strpos(c, c), split: e.splitPart(c, '!', 1), lpad: e.lpad(c, 1, c), octets: e.octetLength(c), ascii: e.ascii(c), reverse: e.reverse(e.reverse(c)), repeat: e.repeat(c, 2),
        initcap: e.initcap(c), regexp: e.regexpReplace(c, '^.', '_'), substr: e.regexpSubstr(c, '^.'), match: e.regexpMatch(c, '^.'), member: e.jsonGetText(a.any, c), has: e.jsonExists(a.any, c),
        joined: e.arrayToText(a.names, c),
      }
    }))).toEqual({
      lower: text.toLowerCase(), upper: text.toUpperCase(), length: text.length, like: true, notLike: false, pattern: false, starts: true, matches: true, concat: `${text}!`, all: `${text}!`, ws: `${text}${text}abc`,
      part: text.slice(0, 2), left: text.slice(0, 2), trim: text.slice(1).replace(new RegExp(`${text[0]}+$`), '').replace(new RegExp(`^${text[0]}+`), ''), replace: 'abc', strpos: 1, split: text, lpad: text[0], octets: text.length, ascii: text.charCodeAt(0), reverse: text,
      repeat: text + text, initcap: expect.any(String), regexp: `_${text.slice(1)}`, substr: text[0], match: [text[0]], member: null, has: false, joined: ['x', 'abc', 'y', 'z', 'five'].join(text),
    })
    expect(row(q.where(column, 'like', `${text}%`).where(column, '~', '.').where(column, 'not like', 'x').select('id'))).toEqual({ id: 1 })
    expect(row(q.groupBy('id').select(a => ({ list: e.stringAgg(a[column], a[column]) })))).toEqual({ list: text })
  })

  it('beside a column of texts days, times of day and uuids are compared as texts', () => {
    expect(row(q.select(a => ({
      day: e.eq(a.s, a.day), tm: e.lt(a.tm, a.s), u: e.ne(a.u, a.s), list: e.inArray(a.s, ['x', a.u]), first: e.coalesce(a.s, a.u), least: e.least(a.u, a.s), of: e.when(a.ok, a.u).otherwise(a.s), within: e.between(a.s, a.day, a.u),
    })))).toEqual({ day: false, tm: true, u: true, list: false, first: 'abc', least: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', of: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', within: false })
  })

  it('parameters of such functions are texts', () => {
    const like = e.withParams({ p: 'text' }, p => q.where(a => e.like(a.u, p.p)).select('id'))
    expect([...db.live(like, { params: { p: 'a0%' } }).rows]).toEqual([{ id: 1 }])
    expect([...db.live(q.where(a => e.startsWith(a.d, e.param<string>('p'))), { params: { p: '4.' } }).rows]).toHaveLength(1)
  })
})

describe('what JSON is said to hold', () => {
  it.each(['i', 'f', 'b', 'd'] as const)('is a number beside %s', column => {
    expect(row(q.select(a => {
      const c = a[column] as unknown as e.Expr<number>, n = e.jsonGet<number>(a.any, 'n'), f = e.jsonGet(a.meta, 'f')
      return {
        gt: e.gt(n, c), lt: e.lt(c, n), eq: e.eq(n, c), between: e.between(c, f, n), outside: e.between(f, c, n), in: e.inArray(n, [c, 5]), out: e.notInArray(n, [c, 5]), distinct: e.isDistinctFrom(c, n), add: e.add(c, n), div: e.div(n, f),
        greatest: e.greatest(n, c, f), coalesce: e.coalesce(n, c), last: e.coalesce(c, n), when: e.when(a.ok, n).otherwise(c), other: e.when(e.not(a.ok), c).otherwise(n), match: e.match(c).when(n, 'same').otherwise('other'), of: e.match(n).when(c, 'same').otherwise('other'),
        nullif: e.nullif(n, c),
      }
    }))).toEqual({
      gt: true, lt: true, eq: false, between: true, outside: false, in: true, out: false, distinct: true, add: { i: 9, f: 9.5, b: 9, d: 9.5 }[column], div: 2, greatest: 5, coalesce: 5, last: { i: 4, f: 4.5, b: 4, d: 4.5 }[column], when: 5, other: 5,
      match: 'other', of: 'other', nullif: 5,
    })
    expect(row(q.where(a => e.lt(a[column] as e.Expr<any>, e.jsonGet(a.meta, 'n'))).select('id'))).toEqual({ id: 1 })
  })

  it('is a number, text or truth value to functions of these', () => {
    expect(row(q.select(a => {
      const n = e.jsonGet<number>(a.any, 'n'), f = e.jsonGet(a.meta, 'f'), s = e.jsonPath<string>(a.any, 's'), b = e.jsonGet(a.meta, 'b'), w = e.coalesce(n, 1)
      return {
        plus: e.add(n, 1), neg: e.neg(n), abs: e.abs(f), round: e.round(f), floor: e.floor(f), ceil: e.ceil(f), trunc: e.trunc(f), sign: e.sign(f), digits: e.round(a.f, w), power: e.power(n, 2), sqrt: e.sqrt(e.mul(n, n)), exp: e.exp(e.sub(n, n)), ln: e.ln(e.div(n, n)),
        chr: e.chr(n), lower: e.upper(s), like: e.like(s, 'a%'), concat: e.concat(s, '!'), eq: e.eq(s, a.s), uuid: e.eq(a.u, s), any: e.anyOf(s, a.names), place: e.arrayPosition(a.names, e.coalesce(s, '')), at: e.arrayAt(a.names, w),
        left: e.left('abcdefgh', w), part: e.substring('abcdefgh', w, w), pad: e.lpad('a', w, '-'), repeat: e.repeat('a', w), split: e.splitPart('a,b,c,d,e', ',', w),
        and: e.and(b, a.ok), or: e.or(b, e.not(b)), not: e.not(b), when: e.when(b, 'yes').otherwise('no'), ok: e.eq(b, a.ok), days: e.addDays(a.day, n), later: e.addInterval(a.at, { days: w }), moment: e.makeTimestamp(2024, w, w, w),
        times: e.timesInterval(a.iv, n), chars: e.toChar(n, 'FM9'), sums: e.over(e.sum(n)),
      }
    }))).toEqual({
      plus: 6, neg: -5, abs: 2.5, round: 2, floor: 2, ceil: 3, trunc: 2, sign: 1, digits: 4.5, power: 25, sqrt: 5, exp: 1, ln: 0, chr: '\u0005', lower: 'ABC', like: true, concat: 'abc!', eq: true, uuid: false, any: true, place: 2, at: 'five', left: 'abcde', part: 'efgh',
      pad: '----a', repeat: 'aaaaa', split: 'e', and: true, or: true, not: false, when: 'yes', ok: true, days: '2024-01-07', later: new Date('2024-01-07'), moment: new Date('2024-05-05T05:00Z'), times: '5 days', chars: '5', sums: 5,
    })
    expect(row(q.where(a => e.jsonGet(a.meta, 'b')).groupBy('id').having(a => e.boolAnd(e.jsonGet<boolean>(a.any, 'b'))).select(a => ({
      sum: e.sum(e.jsonGet(a.meta, 'f')), mean: e.avg(e.jsonGet(a.meta, 'f')), every: e.every(e.jsonGet(a.meta, 'b')), text: e.stringAgg(e.jsonGet(a.meta, 's'), ','), deviation: e.stddevPop(e.jsonGet(a.meta, 'n')),
      median: e.median(e.jsonGet(a.meta, 'n')), cont: e.percentileCont(e.jsonGet(a.meta, 'n'), 0.5), most: e.max(e.jsonGet(a.meta, 'n')), some: e.count({ where: e.jsonGet<boolean>(a.any, 'b') }),
    })))).toEqual({ sum: 2.5, mean: 2.5, every: true, text: 'abc', deviation: 0, median: 5, cont: 5, most: 5, some: 1 })
    expect(row(q.innerJoin('all', (a, o) => e.eq(e.jsonGet(a.meta, 's'), o.s), 'o').select(({ o }) => ({ id: o.id })))).toEqual({ id: 1 })
  })

  it('keeps the order of JSON among itself and beside constants', () => {
    expect(row(q.select(a => ({ gt: e.gt(e.jsonGet(a.any, 's'), 3 as never), least: e.least(e.jsonGet<number>(a.any, 'n'), e.jsonGet<number>(a.any, 'f'), 3), none: e.coalesce(e.jsonGet(a.meta, 'none'), 7) })))).toEqual({ gt: false, least: 2.5, none: 7 })
  })
})
