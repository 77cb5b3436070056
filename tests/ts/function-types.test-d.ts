// What functions give, as types: checked by `npx tsc --noEmit -p tests/ts/tsconfig.json`, nothing here runs.
import type * as api from '../../src/ts/api.js'
import {
  abs, add, addDays, addInterval, and, anyOf, arrayAgg, arrayAt, arrayContains, arrayLength, arrayOverlaps, arrayPosition, arrayToText, ascii, avg, between, boolAnd, boolOr, cardinality, cast, ceil,
  chr, coalesce, concat, concatAll, concatWs, count, cumeDist, dateTrunc, denseRank, diffDays, diffSeconds, div, elapsed, eq, every, exists, exp, extract, first, firstValue, floor, greatest, grouping, gt,
  gte, ilike, imatches, inArray, inQuery, initcap, intervalOf, isDistinctFrom, isNotDistinctFrom, isNotNull, isNull, jsonAgg, jsonArrayLength, jsonContains, jsonExists, jsonGet, jsonGetText, jsonPath,
  jsonPathText, jsonTypeof, lag, last, lastValue, lead, least, left, length, like, ln, lower, lpad, lt, lte, ltrim, makeTimestamp, match, matches, max, median, min, mod, mode, mul, ne, neg, not,
  notBetween, notExists, notIlike, notInArray, notInQuery, notLike, nthValue, ntile, nullif, numeric, octetLength, or, over, percentRank, percentileCont, percentileDisc, power, rank, regexpMatch,
  regexpReplace, regexpSubstr, repeat, replace, reverse, right, round, rowNumber, rpad, rtrim, scalar, scale, sign, splitPart, sqrt, startsWith, stddev, stddevPop, stddevSamp, stringAgg, strpos, sub,
  substring, sum, timesInterval, toChar, trim, trimScale, trunc, upper, varPop, varSamp, variance, when,
  array, bigint, boolean, bytes, date, decimal, hasMany, int, interval, json, number, string, table, time, timestamp, uuid, defineSchema, recursive,
  type Database, type Decimal, type IntervalText, type RowOf,
} from '../../src/ts/api.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(...proof: Equal<A, B> extends true ? [] : [never]): void
/** The same of rows and lists of rows as queries show them: nobody writes to them. */
declare function shows<A, B>(...proof: Equal<A, B extends readonly (infer E)[] ? readonly Readonly<E>[] : Readonly<B>> extends true ? [] : [never]): void

const schema = defineSchema({
  all: table({
    id: int().key(), s: string(), w: string<'x' | 'y'>(), i: int(), f: number(), b: bigint(), d: decimal(), ok: boolean(), at: timestamp(), day: date(), tm: time(), iv: interval(), u: uuid(), raw: bytes(),
    any: json(), j: json<{ k?: number; d: { e: string } }>(), times: array(timestamp()), names: array(string().nullable()), bigs: array(bigint()),
    maybe: string().nullable(), nextTm: time().nullable(), term: interval().nullable(), due: timestamp().nullable(), price: decimal().nullable(), n: int().nullable(),
  }),
  parts: table({ id: int().key(), allId: int(), v: int() }),
}, { all: { parts: hasMany('parts', 'allId') } })
declare const db: Database<typeof schema>
const q = db.query.all

// ---- none gives `any` ------------------------------------------------------------------------------------------------

// Each in the place where it mostly stands, the record of a `select`, which takes any expression: what a function does not tell is `any` there.
// A name may have more after `_`: another way to call it.
const rows = q.select(a => ({
  eq: eq(a.i, 1), ne: ne(a.i, 1), lt: lt(a.i, 1), lte: lte(a.i, 1), gt: gt(a.i, 1), gte: gte(a.i, 1), and: and(eq(a.i, 1), a.ok), or: or(a.ok, false), not: not(a.ok),
  inArray: inArray(a.w, ['x']), like: like(a.s, 'a%'), ilike: ilike(a.s, 'a%'), isNull: isNull(a.s), isNotNull: isNotNull(a.s),
  add: add(a.i, 1), sub: sub(a.i, a.f), mul: mul(a.d, a.i), div: div(a.b, 2), mod: mod(a.b, a.b), neg: neg(a.i), abs: abs(a.d), concat: concat(a.s, '!'), coalesce: coalesce(a.maybe, 'none'),
  coalesce_three: coalesce(a.n, a.i, 0), lower: lower(a.s), upper: upper(a.maybe), length: length(a.s),
  when: when(a.ok, a.i), match: match(a.w).when('x', 1).otherwise(a.i), nullif: nullif(a.w, 'x'), greatest: greatest(a.i, 2.5), least: least(a.at, a.due), between: between(a.at, 0, '2024-01-01'),
  notBetween: notBetween(a.i, 1, 2), isDistinctFrom: isDistinctFrom(a.s, null), isNotDistinctFrom: isNotDistinctFrom(a.s, a.maybe), notInArray: notInArray(a.i, [1]), notLike: notLike(a.s, 'a'),
  notIlike: notIlike(a.s, 'a'), matches: matches(a.s, 'a'), imatches: imatches(a.s, 'a'), regexpSubstr: regexpSubstr(a.s, 'a'), regexpMatch: regexpMatch(a.s, 'a'), regexpReplace: regexpReplace(a.s, 'a', 'b'),
  round: round(a.f), round_decimal: round(a.d, 1), floor: floor(a.i), ceil: ceil(a.b), trunc: trunc(a.d, 1), trimScale: trimScale(a.d), scale: scale(a.price), addDays: addDays(a.day, 1),
  diffDays: diffDays(a.day, '2024-01-01'), sign: sign(a.i), power: power(a.i, 2), sqrt: sqrt(a.f), exp: exp(a.f), ln: ln(a.f), cast: cast(a.i, 'text'), cast_json: cast(a.s, 'json'),
  substring: substring(a.s, 1), left: left(a.s, 1), right: right(a.s, 1), trim: trim(a.s), ltrim: ltrim(a.s), rtrim: rtrim(a.s), replace: replace(a.s, 'a', 'b'), strpos: strpos(a.s, 'a'),
  splitPart: splitPart(a.s, ',', 1), startsWith: startsWith(a.s, 'a'), repeat: repeat(a.s, 2), reverse: reverse(a.s), lpad: lpad(a.s, 2), rpad: rpad(a.s, 2), initcap: initcap(a.s), numeric: numeric(a.f, 5, 2),
  toChar: toChar(a.at, 'YYYY'), concatAll: concatAll(a.s, a.maybe), concatWs: concatWs(', ', a.s, a.maybe), octetLength: octetLength(a.raw), ascii: ascii(a.s), chr: chr(a.i),
  dateTrunc: dateTrunc('day', a.at), dateTrunc_date: dateTrunc('day', a.day), dateTrunc_interval: dateTrunc('day', a.iv), extract: extract('year', a.at), extract_time: extract('hour', a.tm),
  addInterval: addInterval(a.at, { days: 1 }), addInterval_text: addInterval(a.at, '1 day'), addInterval_column: addInterval(a.due, a.iv), addInterval_interval: addInterval(a.iv, '1 day'),
  addInterval_intervals: addInterval(a.iv, a.term), addInterval_time: addInterval(a.tm, '01:00'), addInterval_times: addInterval(a.tm, a.iv), addInterval_date: addInterval(a.day, '1 day'),
  addInterval_dates: addInterval(a.day, a.term), addInterval_nullable: addInterval(a.nextTm, intervalOf('01:00')),
  intervalOf: intervalOf('1 day'), elapsed: elapsed(a.at, a.due), timesInterval: timesInterval(a.iv, 2), diffSeconds: diffSeconds(a.at, a.due), makeTimestamp: makeTimestamp(2024, 1, a.i),
  jsonGet: jsonGet(a.j, 'k'), jsonGet_deep: jsonGet(jsonGet(a.j, 'd'), 'e'), jsonGet_unknown: jsonGet(a.any, 'k'), jsonGet_computed: jsonGet(a.j, a.s), jsonGetText: jsonGetText(a.j, 'k'),
  jsonPath: jsonPath(a.j, 'd', 'e'), jsonPathText: jsonPathText(a.j, 'd'), jsonTypeof: jsonTypeof(a.j), jsonArrayLength: jsonArrayLength(a.any), jsonContains: jsonContains(a.j, {}), jsonExists: jsonExists(a.j, 'k'),
  anyOf: anyOf('a', a.names), arrayContains: arrayContains(a.names, ['a']), arrayOverlaps: arrayOverlaps(a.names, ['a']), cardinality: cardinality(a.names), arrayLength: arrayLength(a.names),
  arrayAt: arrayAt(a.names, 1), arrayAt_moments: arrayAt(a.times, 1), arrayPosition: arrayPosition(a.names, 'a'), arrayToText: arrayToText(a.names, ','),
  over: over(sum(a.i)), rowNumber: over(rowNumber()), rank: over(rank()), denseRank: over(denseRank()), percentRank: over(percentRank()), cumeDist: over(cumeDist()), ntile: over(ntile(4)),
  lag: over(lag(a.s)), lag_else: over(lag(a.i, 1, 0)), lead: over(lead(a.at)), lead_else: over(lead(a.s, 1, null)), firstValue: over(firstValue(a.d)), lastValue: over(lastValue(a.d)), nthValue: over(nthValue(a.d, 2)),
  exists: exists(db.query.parts), notExists: notExists(db.query.parts), inQuery: inQuery(a.i, db.query.parts.select('v')), notInQuery: notInQuery(a.i, db.query.parts.select('v')),
  scalar: scalar(db.query.parts.select(p => ({ n: max(p.v) }))),
}))
const groups = q.groupBy('ok').select(a => ({
  count: count(), count_of: count(a.i, { distinct: true }), sum: sum(a.i), sum_interval: sum(a.iv), sum_decimal: sum(a.d), avg: avg(a.d), min: min(a.w), max: max(a.at), boolAnd: boolAnd(a.ok), boolOr: boolOr(a.ok),
  every: every(a.ok), stringAgg: stringAgg(a.s, ', '), arrayAgg: arrayAgg(a.at), arrayAgg_json: arrayAgg(a.any), jsonAgg: jsonAgg(a.at), jsonAgg_json: jsonAgg(a.any), first: first(a.raw), last: last(a.j),
  stddev: stddev(a.f), stddevSamp: stddevSamp(a.d), stddevPop: stddevPop(a.i), variance: variance(a.f), varSamp: varSamp(a.d), varPop: varPop(a.i), median: median(a.i), percentileCont: percentileCont(a.f, 0.5),
  percentileDisc: percentileDisc(a.at, 0.5), mode: mode(a.w), grouping: grouping(a.ok),
}))
type Rows = RowOf<typeof rows>
type Groups = RowOf<typeof groups>

type AnyOf<R> = { [K in keyof R]-?: 0 extends 1 & R[K] ? K : never }[keyof R]
same<AnyOf<Rows>, never>()
same<AnyOf<Groups>, never>()

/** What is no function of expressions; `param` and `outer` are names, whose type is that of what they stand beside. `regexpMatches` is for `unnest`. */
type Others =
  | 'EddylineError' | 'table' | 'defineSchema' | 'from' | 'recursive' | 'withParams' | 'param' | 'outer' | 'cube' | 'rollup' | 'groupingSets' | 'applyPatches' | 'toJsonPatch' | 'plainPatches' | 'fromTanStack'
  | 'string' | 'number' | 'int' | 'bigint' | 'boolean' | 'timestamp' | 'json' | 'bytes' | 'decimal' | 'date' | 'time' | 'uuid' | 'interval' | 'array'
  | 'belongsTo' | 'hasOne' | 'hasMany' | 'manyToMany' | 'through' | 'regexpMatches'
type Called<R> = { [K in keyof R]: K extends `${infer Name}_${string}` ? Name : K }[keyof R]
// Every function is called above: a new one is to be written there.
same<Exclude<keyof typeof api, Others | Called<Rows> | Called<Groups>>, never>()

shows<Pick<Rows, 'addInterval' | 'addInterval_column' | 'addInterval_interval' | 'addInterval_intervals' | 'addInterval_time' | 'addInterval_date'>, {
  addInterval: Date; addInterval_column: Date | null; addInterval_interval: IntervalText; addInterval_intervals: IntervalText | null; addInterval_time: string | Date | null; addInterval_date: string | Date | null
}>()
shows<Pick<Rows, 'jsonGet' | 'jsonGet_deep' | 'jsonGet_unknown' | 'jsonPath'>, { jsonGet: number | null; jsonGet_deep: string | null; jsonGet_unknown: unknown; jsonPath: unknown }>()
// Told by hand, as ever.
const told = q.select(a => ({ day: addInterval<Date>(a.day, '1 day'), tm: addInterval<string>(a.tm, a.iv), k: jsonGet<number>(a.any, 'k'), p: jsonPath<string>(a.any, 'k') }))
shows<RowOf<typeof told>, { day: Date | null; tm: string | null; k: number | null; p: string | null }>()
// @ts-expect-error JSON of no known type is no number
q.select(a => ({ x: add(jsonGet(a.any, 'k'), 1) }))

// ---- literals --------------------------------------------------------------------------------------------------------

// Two numbers are chosen from; what is computed of them is any number.
const ofChoices = q.select(a => {
  const n = when(a.ok, 1).otherwise(2)
  const half = when(a.ok, 1.5).otherwise(2)
  return {
    n, neg: neg(n), abs: abs(match(a.w).when('x', -1).otherwise(-2)), maybe: neg(when(a.ok, 1)), add: add(n, n), sub: sub(n, 1), mul: mul(a.i, n), div: div(n, n), mod: mod(n, 2), round: round(n), sign: sign(n),
    over: over(sum(n)), scalar: scalar(db.query.parts.select(p => ({ n: sum(when(eq(p.v, 1), 1).otherwise(0)) }))),
    cast: cast(n, 'decimal'), plus: mul(a.d, n), times: mul(a.d, half), rate: mul(a.d, 1.5), negated: neg(when(a.ok, a.d).otherwise(0)), kept: coalesce(n, 7), least: least(n, a.i),
  }
})
shows<RowOf<typeof ofChoices>, {
  n: 1 | 2; neg: number; abs: number; maybe: number | null; add: number; sub: number; mul: number; div: number; mod: number; round: number; sign: number
  over: number | null; scalar: number | null; cast: Decimal; plus: Decimal; times: Decimal | number; rate: Decimal; negated: Decimal; kept: number; least: number | null
}>()
const textsOfChoices = q.select(a => {
  const t = when(a.ok, 'a').otherwise('b')
  return { t, upper: upper(t), concat: concat(t, t), left: left(t, 1), replace: replace(a.w, 'x', 'z'), trim: trim(a.w), max: over(max(t)), lag: over(lag(t)), nullif: nullif(t, 'a') }
})
shows<RowOf<typeof textsOfChoices>, { t: 'a' | 'b'; upper: string; concat: string; left: string; replace: string; trim: string; max: 'a' | 'b' | null; lag: 'a' | 'b' | null; nullif: 'a' | 'b' | null }>()
const sums = q.groupBy('ok').select(a => {
  const n = when(a.ok, 1).when(eq(a.w, 'x'), 10).otherwise(0)
  return { sum: sum(n), of: sum(match(a.w).when('x', 1)), paid: sum(when(a.ok, a.d).otherwise(0)), big: sum(when(a.ok, a.b).otherwise(a.b)), took: sum(a.iv), mean: avg(n), min: min(n), first: first(n), mode: mode(n), disc: percentileDisc(n, 0.5), list: arrayAgg(n) }
})
shows<RowOf<typeof sums>, {
  sum: number | null; of: number | null; paid: Decimal | null; big: bigint | null; took: IntervalText | null; mean: number | null
  min: 1 | 10 | 0 | null; first: 1 | 10 | 0 | null; mode: 1 | 10 | 0 | null; disc: 1 | 10 | 0 | null; list: (1 | 10 | 0)[] | null
}>()
const sumsOfParts = q.withAggregate('big', 'parts', p => sum(when(eq(p.v, 1), 1).otherwise(0)))
same<RowOf<typeof sumsOfParts>['big'], number | null>()
// Bigints as constants are integers; columns of them stay what they are.
const bigs = q.select(a => ({ of: when(a.ok, 1n).otherwise(2n), column: when(a.ok, a.b).otherwise(0n), neg: neg(a.b), element: arrayAt(a.bigs, 1), all: a.bigs }))
shows<RowOf<typeof bigs>, { of: number | bigint; column: bigint; neg: bigint; element: number | bigint | null; all: (number | bigint)[] }>()
// A decimal and a double are a double: what comes of both may be either.
const mixed = q.select(a => ({ round: round(mul(a.d, a.f)), floor: floor(a.d), mean: over(avg(mul(a.d, a.f))) }))
shows<RowOf<typeof mixed>, { round: Decimal | number; floor: Decimal; mean: Decimal | number | null }>()
// A step gives what the base has: a number that is counted up begins as one.
recursive('r', q.select(a => ({ id: a.id, depth: cast(0, 'int') })), r => r.select(x => ({ id: x.id, depth: add(x.depth, 1) })))
// @ts-expect-error one more is not among `0 | 1`
recursive('r', q.select(a => ({ id: a.id, depth: when(a.ok, 1).otherwise(0) })), r => r.select(x => ({ id: x.id, depth: add(x.depth, 1) })))

// ---- values within lists ---------------------------------------------------------------------------------------------

const lists = q.groupBy('ok').select(a => ({
  times: jsonAgg(a.times), timesToo: arrayAgg(a.times), ats: arrayAgg(a.at), texts: jsonAgg(a.due), names: jsonAgg(a.names), bigs: jsonAgg(a.bigs), prices: jsonAgg(a.price), raw: arrayAgg(a.raw), j: jsonAgg(a.j),
  digits: jsonAgg(when(a.ok, '1').otherwise('2')), ivs: jsonAgg(a.iv),
}))
shows<RowOf<typeof lists>, {
  times: string[][] | null; timesToo: string[][] | null; ats: Date[] | null; texts: (string | null)[] | null; names: (string | null)[][] | null; bigs: number[][] | null; prices: (number | null)[] | null; raw: string[] | null
  j: { k?: number; d: { e: string } }[] | null; digits: ('1' | '2')[] | null; ivs: IntervalText[] | null
}>()
// A list in the place of one is one: what is compared with it, too.
const instead = q.select(a => ({ names: coalesce(a.names, []), some: coalesce(a.names, ['x', null]), of: when(a.ok, a.names).otherwise(null), other: when(a.ok, a.names).otherwise(['y']) }))
shows<RowOf<typeof instead>, { names: (string | null)[]; some: (string | null)[]; of: (string | null)[] | null; other: (string | null)[] }>()
q.where(a => eq(a.names, coalesce(a.names, ['x'])))
// What is looked for among moments is a constant as beside a column of moments.
q.where(a => and(anyOf(0, a.times), anyOf('2024-01-02', a.times), anyOf(new Date(), a.times), anyOf(a.due, a.times), eq(arrayPosition(a.times, '2024-01-02'), 1)))
// @ts-expect-error no number is among texts
anyOf(1, q.select(a => ({ names: a.names })) as never as api.Expr<string[]>)
// What is not there in JSON of no known type is null, whatever is made of it.
const unknowns = q.select(a => ({ n: cast(jsonGet(a.any, 'n'), 'int'), kind: jsonTypeof(jsonGet(a.any, 'n')), length: jsonArrayLength(jsonGet(a.any, 'list')), known: cast(a.j, 'text') }))
shows<RowOf<typeof unknowns>, { n: number | null; kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | null; length: number | null; known: string }>()

// A bigint and what may be a number of another kind: not a bigint for certain.
const uncertain = db.query.all.select(a => ({ once: add(a.b, a.f), twice: add(a.b, add(a.b, a.f)), sure: add(a.b, add(a.b, a.b)) }))
shows<RowOf<typeof uncertain>, { once: number | bigint; twice: number | bigint; sure: bigint }>()
