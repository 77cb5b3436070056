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

describe('the value of a sub-query is of the type of its member', () => {
  const one = <C extends 'day' | 'at' | 'd' | 'u' | 'iv' | 'tm' | 's' | 'f'>(column: C) => e.scalar(db.query.all.as('x').limit(1).select(column))

  it('beside constants', () => {
    expect(row(q.select(() => ({
      day: e.eq(one('day'), '2024-01-02'), date: e.eq(one('day'), new Date('2024-01-02')), at: e.eq(one('at'), '2024-01-02'), micros: e.eq(one('at'), Date.UTC(2024, 0, 2)), d: e.eq(one('d'), '4.5'), u: e.eq(one('u'), 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'),
      iv: e.eq(one('iv'), { hours: 24 }), tm: e.lt(one('tm'), '04:06'), first: e.coalesce(one('day'), '2024-03-04'), in: e.inArray(one('d'), ['4.50', 3]), of: e.match(one('day')).when('2024-01-02', 'it').otherwise('no'),
      any: e.anyOf('x', e.scalar(db.query.all.as('x').limit(1).select('names'))), has: e.arrayContains(e.scalar(db.query.all.as('x').limit(1).select('names')), ['x']),
      list: e.arrayContains(e.scalar(db.query.all.as('x').select(x => ({ days: e.arrayAgg(x.day) }))), ['2024-01-02']),
    })))).toEqual({ day: true, date: true, at: true, micros: true, d: true, u: true, iv: true, tm: true, first: '2024-01-02', in: true, of: 'it', any: true, has: true, list: true })
    expect(row(e.from(q.select(() => ({ day: one('day') })).as('days')).where('day', '=', '2024-01-02'))).toEqual({ day: '2024-01-02' })
  })

  it('and so is a constant that is chosen', () => {
    const fixed = e.from(q.select(() => ({ at: new Date('2024-01-02'), kind: 'issue', zero: 0, yes: true })).as('fixed'))
    expect(row(fixed.where('at', '=', '2024-01-02').where('at', '<', Date.UTC(2025, 0)).where('kind', '=', 'issue').select(f => ({ at: e.coalesce(f.at, '2024-03-04') })))).toEqual({ at: new Date('2024-01-02') })
    expect(row(fixed.innerJoin('all', (f, a) => e.and(e.ne(a.day, f.kind), e.gt(e.jsonGet(a.meta, 'n'), f.zero), e.eq(e.jsonGet(a.meta, 'b'), f.yes))).select(r => ({ id: r.all.id })))).toEqual({ id: 1 })
  })

  it('in functions, of texts too', () => {
    expect(row(q.select(a => ({ lower: e.upper(one('u')), like: e.like(one('day'), '2024%'), concat: e.concat(one('d'), '!'), text: e.eq(one('day'), a.s), turned: e.ne(one('s'), a.day), round: e.round(one('d'), 0), elapsed: e.elapsed(one('tm'), '04:00') })))).toEqual({
      lower: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', like: true, concat: '4.50!', text: false, turned: true, round: '5', elapsed: '00:05:06',
    })
    expect(row(q.select(a => ({ n: e.gt(e.scalar(db.query.all.as('x').limit(1).select(x => ({ n: e.jsonGet(x.meta, 'n') }))), a.f) })))).toEqual({ n: true })
  })

  it('so is that of a list that is looked through', () => {
    const within = <C extends 'day' | 'at' | 'd' | 'u' | 's' | 'iv'>(column: C) => db.query.all.as('x').select(column)
    expect(row(q.select(a => ({
      day: e.inQuery('2024-01-02', within('day')), at: e.inQuery(new Date('2024-01-02'), within('at')), d: e.inQuery('4.5', within('d')), u: e.notInQuery('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', within('u')),
      iv: e.inQuery('24:00', within('iv')), text: e.inQuery(a.day, within('s')), member: e.inQuery(e.jsonGet(a.meta, 's'), within('s')),
    })))).toEqual({ day: true, at: true, d: true, u: false, iv: true, text: false, member: true })
    // The other way round: what it shows as text is looked through as text.
    expect(row(q.select(a => ({
      day: e.inQuery(e.cast(a.day, 'text'), within('day').distinct()), u: e.inQuery(e.cast(a.u, 'text'), within('u').orderBy('u').limit(1)), tm: e.notInQuery(e.cast(a.tm, 'text'), db.query.all.as('x').select('tm')), other: e.notInQuery(a.s, within('day')),
      member: e.inQuery(e.jsonGet(a.meta, 's'), within('day')), own: e.inQuery(a.s, db.query.all.as('x').where(x => e.eq(x.id, a.id)).groupBy('day').select(x => ({ d: x.day }))),
    })))).toEqual({ day: true, u: true, tm: false, other: true, member: false, own: false })
  })
})

it('integers are numbers whatever bigints they are chosen by', () => {
  expect(row(q.select(a => ({
    when: e.when(e.gt(a.b, 3), a.i).otherwise(0), match: e.match(a.b).when(4n, a.i).otherwise(0), open: e.match(a.b).when(4n, a.i), nullif: e.nullif(a.i, a.b), other: e.nullif(a.i, e.add(a.b, 1)), place: e.arrayPosition(a.names, e.cast(a.b, 'text')),
    at: e.arrayAt(e.scalar(db.query.all.as('x').select(x => ({ list: e.arrayAgg(x.i) }))), e.sub(a.b, 3) as e.Expr<never>), scale: e.scale(e.add(a.d, a.b) as e.Expr<e.Decimal>), length: e.arrayLength(e.scalar(db.query.all.as('x').select(x => ({ list: e.arrayAgg(x.b) })))),
    big: e.when(e.gt(a.i, 3), a.b), bigger: e.match(a.i).when(3, 1n).otherwise(a.b), none: e.nullif(a.b, a.i), tall: e.coalesce(a.b, a.i),
  })))).toEqual({ when: 4, match: 4, open: 4, nullif: null, other: 4, place: null, at: 4, scale: 2, length: 1, big: 4n, bigger: 4n, none: null, tall: 4n })
})

it('a distinct list of texts is ordered by what it is made of', () => {
  expect(row(q.groupBy('ok').select(a => ({ ds: e.stringAgg(a.d, ', ', { distinct: true, orderBy: [a.d, 'desc'] }), n: e.stringAgg(e.jsonGet(a.meta, 's'), ', ', { distinct: true, orderBy: e.jsonGet(a.meta, 's') }) })))).toEqual({ ds: '4.50', n: 'abc' })
})
