// Functions of a row, from the builder through the engine to rows: what each one is for, and what becomes of a row that has no value.
import { describe, expect, it } from 'vitest'
import {
  addInterval, between, cast, coalesce, concatAll, concatWs, count, dateTrunc, diffSeconds, div, eq, extract, greatest, gt, imatches, initcap, isDistinctFrom, isNull, jsonArrayLength, jsonContains, jsonExists,
  jsonAgg, jsonGet, jsonGetText, jsonPath, jsonPathText, jsonTypeof, least, left, lpad, lt, makeTimestamp, match, matches, max, min, notBetween, notInArray, notLike, nullif, octetLength, over, param, power, rank, regexpReplace, regexpSubstr, repeat, replace, reverse, right,
  round, rpad, splitPart, sqrt, startsWith, strpos, substring, trim, when,
} from '../../../pkg/index.inline.js'
import { failure, open, put } from './support.js'

const due = new Date('2024-01-31T13:14:15.500Z')

describe('functions', () => {
  it('give what PostgreSQL gives', async () => {
    const { db } = await open()
    db.apply([put('a', { title: ' Hello, wörld ', status: 'open', priority: 3, score: 2.5, votes: 7n, due, meta: { tags: ['x', 'y'], n: { deep: 1.5 }, none: null } })])
    const [row] = db.live(db.query.issues.select(i => ({
      state: when(lt(i.due, '2024-01-01'), 'early').when(isNull(i.due), 'never').otherwise('fine'),
      rank: match(i.status).when('done', 0).when('open', 1), none: when(eq(i.priority, 4), i.title),
      half: nullif(i.priority, 3), top: greatest(i.priority, null, 2), low: least(i.score, 3), even: round(i.score), to: round(2.345, 2), pow: power(i.priority, 2), root: sqrt(16),
      text: cast(i.due, 'text'), int: cast('42', 'int'), big: cast(i.priority, 'bigint'), bool: cast(i.priority, 'bool'), moment: cast('2024-02-29', 'timestamp'), obj: cast('{"a": [1]}', 'json'),
      trimmed: trim(i.title), cut: substring(trim(i.title), 8, 2), first: left(i.status, 2), last: right(i.status, -1), swapped: replace(i.status, 'o', '0'), at: strpos(i.title, 'ö'), field: splitPart(i.title, ',', -1),
      filled: lpad(i.status, 6, '*'), filled2: rpad(i.status, 2), named: initcap('ada LOVELACE'), turned: reverse('aé😀'), times: repeat('ab', 2), all: concatAll(i.status, null, '!'), ws: concatWs('-', 'a', i.projectId, 'b'), octets: octetLength(i.title),
      week: dateTrunc('week', i.due), day: extract('isodow', i.due), next: addInterval(i.due, { months: 1, hours: -13 }), apart: diffSeconds(i.due, new Date('2024-01-31')), made: makeTimestamp(2024, i.priority, 1),
      tags: jsonGet(i.meta, 'tags'), tag: jsonPathText(i.meta, 'tags', -1), deep: jsonPath<number>(i.meta, 'n', 'deep'), n: jsonGetText(i.meta, 'n'), kind: jsonTypeof(i.meta), size: jsonArrayLength(jsonGet(i.meta, 'tags')), nothing: jsonGet(i.meta, 'none'),
    }))).rows
    expect(row).toEqual({
      state: 'fine', rank: 1, none: null,
      half: null, top: 3, low: 2.5, even: 2, to: 2.35, pow: 9, root: 4,
      text: '2024-01-31 13:14:15.5+00', int: 42, big: 3n, bool: true, moment: new Date('2024-02-29'), obj: { a: [1] },
      trimmed: 'Hello, wörld', cut: 'wö', first: 'op', last: 'pen', swapped: '0pen', at: 10, field: ' wörld ',
      filled: '**open', filled2: 'op', named: 'Ada Lovelace', turned: '😀éa', times: 'abab', all: 'open!', ws: 'a-b', octets: 15,
      week: new Date('2024-01-29'), day: 3, next: new Date('2024-02-29T00:14:15.500Z'), apart: 47655.5, made: new Date('2024-03-01'),
      tags: ['x', 'y'], tag: 'y', deep: 1.5, n: '{"deep": 1.5}', kind: 'object', size: 2, nothing: null,
    })
  })

  it('cast JSON that is a number or a boolean, and say what has no value', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.select(i => ({ int: cast(jsonGet(i.meta, 'n'), 'int'), big: cast(jsonGet(i.meta, 'n'), 'bigint'), float: cast(jsonGet(i.meta, 'n'), 'float'), exact: cast(jsonGet(i.meta, 'n'), 'decimal'), is: cast(jsonGet(i.meta, 'b'), 'bool') })))
    const more = db.live(db.query.issues.where(i => gt(cast(jsonGet(i.meta, 'n'), 'float'), 2)))
    db.apply([put('a', { meta: { n: 2.5, b: true } })])
    expect([live.rows, more.rows.length]).toEqual([[{ int: 3, big: 3n, float: 2.5, exact: '2.5', is: true }], 1])
    db.apply([put('a', { meta: { n: null } })])
    expect([live.rows, more.rows.length]).toEqual([[{ int: null, big: null, float: null, exact: null, is: null }], 0])
    db.apply([put('a', { meta: { n: '2.5' } })])
    expect([live.error, more.error]).toMatchObject([{ code: 'INVALID_ARGUMENT', message: 'a function is not defined for its arguments in row \'a\' of `issues`' }, { code: 'INVALID_ARGUMENT' }])
    db.apply([put('a', { meta: { n: 1e30 } })])
    expect([live.error?.code, more.error, more.rows.length]).toEqual(['NUMERIC_OVERFLOW', undefined, 1])
    const read = db.live(db.query.issues.select(i => ({ n: cast(i.title, 'int') })))
    db.apply([put('a', { title: 'three' })])
    expect(read.error).toMatchObject({ code: 'INVALID_TEXT', message: 'a text is no value of the type that it is cast to in row \'a\' of `issues`', path: 'issues', offending: "'a'" })
  })

  it('order, group and compare JSON as jsonb does', async () => {
    const { db } = await open()
    const members = { a: 'x', b: 10, c: 2.5, d: null, e: [1], f: { n: 1 }, g: true, h: 'X', i: [], j: 10 }
    db.apply(Object.entries(members).map(([id, n]) => put(id, { meta: { n } })))
    const ids = (rows: readonly { id: string }[]) => rows.map(r => r.id).join('')
    const ordered = db.live(db.query.issues.orderBy(i => jsonGet(i.meta, 'n')).orderBy('id'))
    const down = db.live(db.query.issues.orderBy('meta', 'desc').orderBy('id').limit(3))
    const after = db.live(db.query.issues.orderBy('meta').orderBy('id').startAfter({ meta: { n: 10 }, id: 'b' }).limit(2))
    const more = db.live(db.query.issues.where(i => gt(jsonGet(i.meta, 'n'), 5)).orderBy('id'))
    const range = db.live(db.query.issues.where('meta', 'between', [{ n: 2 }, { n: 10 }]).orderBy('id'))
    const grouped = db.live(db.query.issues.groupBy(i => ({ n: jsonGet(i.meta, 'n') })).select(i => ({ n: jsonGet(i.meta, 'n'), count: count() })).orderBy('count', 'desc').limit(1))
    const listed = db.live(db.query.issues.select(i => ({ all: jsonAgg(jsonGet(i.meta, 'n'), { distinct: true }), first: min(i.meta), last: max(i.meta) })))
    const placed = db.live(db.query.issues.select(i => ({ id: i.id, place: over(rank(), { orderBy: i.meta }) })).orderBy('place').orderBy('id'))
    // An array that is empty comes first by itself, and behind scalars within another value.
    expect(ids(ordered.rows)).toBe('idhacbjgef')
    expect([ids(down.rows), ids(after.rows), ids(more.rows), ids(range.rows)]).toEqual(['fei', 'jg', 'befgj', 'bcj'])
    expect(grouped.rows).toEqual([{ n: 10, count: 2 }])
    expect(listed.rows).toEqual([{ all: [[], null, 'X', 'x', 2.5, 10, true, [1], { n: 1 }], first: { n: null }, last: { n: { n: 1 } } }])
    expect(placed.rows.map(r => `${r.id}${r.place}`).join(' ')).toBe('d1 h2 a3 c4 b5 j5 g7 i8 e9 f10')
    db.apply([put('a', { meta: { n: 1e300 } }), put('k', { meta: { n: 1e300 } }), put('b', { meta: null })])
    expect(ids(ordered.rows)).toBe('idhcjakgefb')
    expect([ids(down.rows), ids(more.rows), ids(range.rows), grouped.rows]).toEqual(['bfe', 'aefgjk', 'cj', [{ n: 1e300, count: 2 }]])
  })

  it('are conditions that follow the rows', async () => {
    const { db } = await open()
    const ids = (live: { rows: readonly { id: string }[] }) => live.rows.map(r => r.id).join('')
    const of = (condition: any) => db.live(db.query.issues.where(condition).orderBy('id'))
    const views = {
      pattern: of((i: any) => matches(i.title, String.raw`^v\d+$`)), folded: of((i: any) => imatches(i.title, 'É')), start: of((i: any) => startsWith(i.title, 'v')), within: of((i: any) => between(i.priority, 2, 3)),
      without: of((i: any) => notBetween(i.priority, 2, 3)), distinct: of((i: any) => isDistinctFrom(i.score, 1)), listed: of((i: any) => notInArray(i.priority, [1, 2])), unlike: of((i: any) => notLike(i.title, 'v%')),
      part: of((i: any) => jsonContains(i.meta, { tags: ['x'] })), key: of((i: any) => jsonExists(i.meta, 'tags')),
    }
    const expectAll = (expected: Record<keyof typeof views, string>) => expect(Object.fromEntries(Object.entries(views).map(([k, v]) => [k, ids(v)]))).toEqual(expected)
    db.apply([put('a', { title: 'v1', priority: 1, score: 1, meta: { tags: ['y', 'x'] } }), put('b', { title: 'café', priority: 2 }), put('c', { title: 'v2b', priority: 4, score: 2, meta: { tags: [] } })])
    expectAll({ pattern: 'a', folded: 'b', start: 'ac', within: 'b', without: 'ac', distinct: 'bc', listed: 'c', unlike: 'b', part: 'a', key: 'ac' })
    db.apply([{ op: 'update', table: 'issues', id: 'a', set: { title: 'x', score: null, meta: ['tags'] } }, { op: 'update', table: 'issues', id: 'c', set: { title: 'v2', priority: 3 } }])
    expectAll({ pattern: 'c', folded: 'b', start: 'c', within: 'bc', without: 'a', distinct: 'abc', listed: 'c', unlike: 'ab', part: '', key: 'ac' })
  })

  it('give what a regular expression matches first, with a pattern that is written or a parameter', async () => {
    const { db } = await open()
    db.apply([put('a', { title: 'v12-34' }), put('b', { title: 'none' })])
    const live = db.live(db.query.issues.select((i: any) => ({ id: i.id, n: regexpSubstr(i.title, String.raw`\d+`), few: regexpSubstr(i.title, '[a-z0-9]+?(?:n|2)'), none: regexpSubstr(i.title, 'x*') })).orderBy('id' as never))
    expect(live.rows).toEqual([{ id: 'a', n: '12', few: 'v12', none: '' }, { id: 'b', n: null, few: 'non', none: '' }])
    const asked = db.live(db.query.issues.where((i: any) => eq(regexpSubstr(i.title, param('p', 'text')), 'v1')), { params: { p: 'v.' } })
    expect(asked.rows.map(r => r.id)).toEqual(['a'])
    asked.setParams({ p: 'v.*' })
    expect(asked.rows).toEqual([])
    expect(() => db.live(db.query.issues.select((i: any) => ({ n: regexpSubstr(i.title, '(') })))).toThrow(expect.objectContaining({ code: 'REGEX_INVALID' }))
  })

  it('take options of regular expressions, in the pattern and as flags', async () => {
    const { db } = await open()
    db.apply([put('a', { title: 'one\ntwo' }), put('b', { title: '(a.c' })])
    const live = db.live(db.query.issues.orderBy('id' as never).select((i: any) => ({
      line: matches(i.title, '(?n)^two$'), text: matches(i.title, '***=(a.'), spread: matches(i.title, '(?x) t w o # or\n | ^ n'), quoted: regexpReplace(i.title, '^', '> ', 'gn'), plain: regexpReplace(i.title, param('p', 'text'), '-', 'gq'),
    })), { params: { p: '(' } })
    expect(live.rows).toEqual([
      { line: true, text: false, spread: true, quoted: '> one\n> two', plain: 'one\ntwo' },
      { line: false, text: true, spread: false, quoted: '> (a.c', plain: '-a.c' },
    ])
    live.setParams({ p: '.' })
    expect(live.rows.map((r: any) => r.plain)).toEqual(['one\ntwo', '(a-c'])
    expect(() => db.live(db.query.issues.select((i: any) => ({ n: regexpReplace(i.title, 'a', '', 'e') })))).toThrow(expect.objectContaining({ code: 'QUERY_INVALID', path: 'select[0].expr.args[3]' }))
    expect(() => db.live(db.query.issues.select((i: any) => ({ n: regexpReplace(i.title, '(', '', 'x') })))).toThrow(expect.objectContaining({ code: 'REGEX_INVALID' }))
    db.close()
  })

  it('replace what a regular expression matches', async () => {
    const { db } = await open()
    db.apply([put('a', { title: 'Ann Lee, ann lee' }), put('b', { title: 'none' })])
    const swap = [String.raw`(\w+) (\w+)`, String.raw`\2 \1[\&]\\`] as const
    const live = db.live(db.query.issues.select((i: any) => ({ id: i.id, one: regexpReplace(i.title, ...swap), all: regexpReplace(i.title, 'ANN|n$', '<$1>', 'gi'), by: regexpReplace(i.title, '^.', i.id) })).orderBy('id' as never))
    expect(live.rows).toEqual([
      { id: 'a', one: String.raw`Lee Ann[Ann Lee]\, ann lee`, all: '<$1> Lee, <$1> lee', by: 'ann Lee, ann lee' },
      { id: 'b', one: 'none', all: 'none', by: 'bone' },
    ])
    const asked = db.live(db.query.issues.where((i: any) => eq(regexpReplace(i.title, param('p', 'text'), '', 'g'), 'oe')), { params: { p: 'n' } })
    expect(asked.rows.map(r => r.id)).toEqual(['b'])
    asked.setParams({ p: 'on' })
    expect(asked.rows).toEqual([])
    const wrong = (...args: [string, string, string?]) => { try { db.live(db.query.issues.select((i: any) => ({ n: regexpReplace(i.title, ...args) }))) } catch (e) { return [(e as any).code, (e as any).path] } }
    expect(wrong('(', '')).toEqual(['REGEX_INVALID', 'select[0].expr.args[1]'])
    expect(wrong('a', '', 'ge')).toEqual(['QUERY_INVALID', 'select[0].expr.args[3]'])
  })

  it.each([
    ['a root', 'INVALID_ARGUMENT', (i: any) => sqrt(i.score), { score: 4 }, 2, { score: -1 }],
    ['a cast', 'INVALID_TEXT', (i: any) => cast(i.title, 'int'), { title: ' 12 ' }, 12, { title: '12a' }],
    ['a range', 'NUMERIC_OVERFLOW', (i: any) => cast(i.score, 'int'), { score: 2.5 }, 2, { score: 1e19 }],
    ['a moment', 'TIMESTAMP_RANGE', (i: any) => addInterval(i.due, { years: 292_000 }), { due: new Date('0001-01-01') }, new Date('+292001-01-01T00:00:00Z'), { due: new Date('9999-01-01') }],
    ['a length', 'VALUE_TOO_LARGE', (i: any) => repeat(i.title, i.priority), { title: 'ab', priority: 2 }, 'abab', { title: 'ab', priority: 9_000_000 }],
    ['an array', 'INVALID_ARGUMENT', (i: any) => jsonArrayLength(i.meta), { meta: [1] }, 1, { meta: {} }],
  ] as const)('without a value put the query into an error while the row is there: %s', async (_, code, make, good, value, bad) => {
    const { db } = await open()
    const live = db.live(db.query.issues.select((i: any) => ({ v: make(i) })).orderBy('id' as never))
    db.apply([put('a', good as object)])
    expect(live.rows).toEqual([{ v: value }])
    db.apply([put('b', { ...good, ...bad } as object)])
    expect([live.status, live.error?.code]).toEqual(['error', code])
    db.apply([{ op: 'delete', table: 'issues', id: 'b' }])
    expect([live.status, live.rows]).toEqual(['ready', [{ v: value }]])
  })

  it('are computed only where a branch is taken', async () => {
    const { db } = await open()
    db.apply([put('a', { priority: 0 }), put('b', { priority: 2 })])
    const live = db.live(db.query.issues.select(i => ({ v: when(eq(i.priority, 0), -1).otherwise(div(6, i.priority)), w: coalesce(match(i.priority).when(0, 0).when(2, div(4, i.priority)), 9) })).orderBy('v'))
    expect(live.rows).toEqual([{ v: -1, w: 0 }, { v: 3, w: 2 }])
  })

  it('that are mistaken are refused with their place', async () => {
    const { db } = await open()
    expect(failure(() => db.live(db.query.issues.where(i => matches(i.title, '(a'))))).toMatchObject({ code: 'REGEX_INVALID', path: 'where.args[1]', offending: '(a' })
    expect(failure(() => db.live(db.query.issues.where(i => matches(i.title, String.raw`(a)\1`))))).toMatchObject({ code: 'REGEX_INVALID' })
    expect(failure(() => db.live(db.query.issues.select(i => ({ x: extract('yaer' as 'year', i.due) }))))).toMatchObject({ code: 'QUERY_INVALID', path: 'select[0].expr.name', nearest: 'year' })
    expect(failure(() => db.live(db.query.issues.select(i => ({ x: left(i.title, 1.5) }))))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'select[0].expr.args[1]' })
    expect(failure(() => db.live(db.query.issues.select(i => ({ x: cast(i.due, 'int') }))))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'select[0].expr.args[0]' })
  })
})
