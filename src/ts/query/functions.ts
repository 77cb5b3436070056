import { elementOf } from '../arrays.js'
import type { DateText } from '../calendar.js'
import type { Decimal } from '../decimal.js'
import { EddylineError } from '../errors.js'
import type { IntervalParts, IntervalText } from '../interval.js'
import { type Kind, type Kinds, checkOptions, isObject } from '../option-kinds.js'
import type { CellType } from '../port.js'
import { type Alternative, type Beheld, type Chosen, type ComparableWith, type Condition, type Constant, Expr, type ExprJson, type Operand, Rows, type Told, call as alike, checkList, compare, likeOf, literal, misshapen, not, operand } from './expr.js'

type Double = number | bigint | null
type Num = Double | Decimal
/** A double, or of decimals a decimal; of what may be either, either. */
type Fraction<A> = (Extract<A, string> extends never ? number : number extends A ? Decimal | number : Decimal) | Null<A>
const fractionOf = (a: unknown): CellType => a instanceof Expr && a.cellType === 'decimal' ? 'decimal' : 'float'
type Text = string | null
type Moment = Date | null
/** Null, if one of the arguments may be: JSON of no known type is null where there is none. */
type Null<A> = unknown extends A ? (0 extends 1 & A ? Extract<A, null> : null) : Extract<A, null>

function call<T>(op: string, args: readonly unknown[], type?: CellType, like?: CellType, name?: string): Expr<T> {
  const json: ExprJson = { op, args: args.map(a => literal(a, like)) }
  if (name !== undefined) json.name = name
  return new Expr(json, type)
}
const ofTexts = <T>(op: string, args: readonly unknown[], type: CellType = 'text'): Expr<T> => call(op, args, type, 'text')
/** What rows show as text as one. */
const textOf = (a: unknown): unknown => a instanceof Expr ? new Expr(literal(a, 'text')) : a
/** A number of JSON as one of a type; other expressions and constants as they are. */
const numberOf = (a: unknown, type: CellType = 'int'): unknown => a instanceof Expr && a.cellType === 'json' ? new Expr(literal(a, type), type) : a

// ---- conditions and choices ------------------------------------------------------------------------------------------

/** A `case` that can have more branches, each for a `W`. Without `otherwise` it is null where no branch is taken. */
export class Case<T, W = Condition> extends Expr<Chosen<T> | null> {
  /** @internal `pairs`: tests, each with its value behind it; a value more is that of no branch. */
  constructor(readonly of: Expr<any> | undefined, readonly pairs: readonly unknown[]) {
    const isValue = (_: unknown, i: number): boolean => i % 2 === 1 || i + 1 === pairs.length
    const type = likeOf(pairs.filter(isValue)), test = of === undefined ? 'bool' : likeOf([of, ...pairs.filter((p, i) => !isValue(p, i))])
    const args = pairs.map((p, i) => literal(p, isValue(p, i) ? type : test))
    super(of === undefined ? { op: 'case', args } : { op: 'caseOf', args: [literal(of, test), ...args] }, type)
  }

  /** Another branch: branches are tried in order, and only the one that is taken is computed. */
  when<const U extends Alternative<T> | null>(test: W, value: Operand<U>): Case<T | Beheld<T, U>, W> { return new Case(this.of, [...this.pairs, test, value]) }

  /** What it is where no branch is taken. */
  otherwise<const U extends Alternative<T> | null>(value: Operand<U>): Expr<Chosen<T | Beheld<T, U>>> {
    const { json, cellType } = new Case(this.of, [...this.pairs, value])
    return new Expr(json, cellType)
  }
}

/**
 * `CASE WHEN condition THEN value …`.
 *
 * ```ts
 * when(lt(i.due, new Date()), 'late').when(isNull(i.due), 'open').otherwise('fine')
 * ```
 */
export function when<const U>(condition: Condition, value: Operand<U>): Case<U> { return new Case<never>(undefined, []).when(condition, value) }
/** `CASE operand WHEN value THEN …`: `match(i.status).when('open', 1).when('done', 2).otherwise(0)`. */
export function match<T>(a: Expr<T>): { when<const U>(value: ComparableWith<T>, result: Operand<U>): Case<U, ComparableWith<T>> } {
  operand(a, 'match(i.status).when(…)')
  return new Case<never, ComparableWith<T>>(a, [])
}
/** Null where both are equal, else the first. */
export function nullif<T>(a: Expr<T>, b: ComparableWith<Told<T>>): Expr<T | null> { return alike('nullif', [a, b]) }
/** The largest that is not null. */
export function greatest<T extends Decimal | null>(a: Expr<T>, ...values: (Operand<Decimal | null> | number)[]): Expr<T | null>
export function greatest<T>(...values: Operand<T | null>[]): Expr<T | null>
export function greatest(...values: unknown[]): Expr<any> { return alike('greatest', values) }
/** The smallest that is not null. */
export function least<T extends Decimal | null>(a: Expr<T>, ...values: (Operand<Decimal | null> | number)[]): Expr<T | null>
export function least<T>(...values: Operand<T | null>[]): Expr<T | null>
export function least(...values: unknown[]): Expr<any> { return alike('least', values) }

/** `low <= a AND a <= high`. */
export function between<T>(a: Expr<T>, low: ComparableWith<Told<T>>, high: ComparableWith<Told<T>>): Condition { return alike('between', [a, low, high], 'bool') }
export function notBetween<T>(a: Expr<T>, low: ComparableWith<Told<T>>, high: ComparableWith<Told<T>>): Condition { return not(between<any>(a, low, high)) }
/** Not equal, where null equals null: never unknown. */
export function isDistinctFrom<T>(a: Expr<T>, b: ComparableWith<Told<T>> | null): Expr<boolean> { return compare('isDistinctFrom', a, b) as Expr<boolean> }
/** Equal, where null equals null: never unknown. */
export function isNotDistinctFrom<T>(a: Expr<T>, b: ComparableWith<Told<T>> | null): Expr<boolean> { return compare('isNotDistinctFrom', a, b) as Expr<boolean> }
/** `a NOT IN (…)`; true for an empty list, unknown if the list has a null and not `a`. */
export function notInArray<T>(a: Expr<T>, list: readonly (ComparableWith<Told<T>> | null)[]): Condition {
  checkList(list, 'notInArray')
  return list.length === 0 ? new Expr({ op: 'lit', value: true }, 'bool') : not(alike('in', [a, ...list], 'bool'))
}
export function notLike(a: Expr<Text>, pattern: Operand<Text>): Condition { return not(compare('like', a, pattern)) }
export function notIlike(a: Expr<Text>, pattern: Operand<Text>): Condition { return not(compare('ilike', a, pattern)) }
function unflagged(name: string, flags: readonly unknown[]): void {
  if (flags.length > 0) throw misshapen(`\`${name}\` takes no flags: they are in the pattern, '(?i)…'`, flags[0], 'flags')
}
/** Whether a regular expression, in PostgreSQL's syntax, is found in a text: `^` and `$` tie it to the ends. */
export function matches(a: Expr<Text>, pattern: string | Expr<string>, ...flags: []): Condition { unflagged('matches', flags); return compare('~', a, pattern) }
/** The same without regard to case. */
export function imatches(a: Expr<Text>, pattern: string | Expr<string>, ...flags: []): Condition { unflagged('imatches', flags); return compare('~*', a, pattern) }

// ---- numbers ---------------------------------------------------------------------------------------------------------

/** To a whole number, of doubles half to even, of decimals half away from zero; or to so many decimal digits, half away from zero. */
export function round<A extends Num>(a: Operand<A>, digits?: Operand<number>): Expr<Fraction<A>> {
  return call('round', digits === undefined ? [a] : [a, numberOf(digits)], fractionOf(a), 'float')
}
export function floor<A extends Num>(a: Operand<A>): Expr<Fraction<A>> { return call('floor', [a], fractionOf(a), 'float') }
export function ceil<A extends Num>(a: Operand<A>): Expr<Fraction<A>> { return call('ceil', [a], fractionOf(a), 'float') }
/** Towards zero; of decimals to so many digits. */
export function trunc<A extends Num>(a: Operand<A>, ...digits: Extract<A, string> extends never ? [] : [digits?: Operand<number>]): Expr<Fraction<A>> { return call('trunc', [a, ...digits.map(d => numberOf(d))], fractionOf(a), 'float') }
/** A decimal without zeros at the end of its digits behind the point. */
export function trimScale<A extends Decimal | null>(a: Operand<A>): Expr<Decimal | Null<A>> { return call('trimScale', [a], 'decimal', 'decimal') }
/** Digits of a decimal behind the point. */
export function scale<A extends Decimal | null>(a: Operand<A>): Expr<number | Null<A>> { return call('scale', [a], 'int', 'decimal') }
/** −1, 0 or 1. */
export function sign<A extends Num>(a: Operand<A>): Expr<Fraction<A>> { return call('sign', [a], fractionOf(a), 'float') }
export function power<A extends Double, B extends Double>(a: Operand<A>, b: Operand<B>): Expr<number | Null<A | B>> { return call('power', [a, b], 'float', 'float') }
/** Of a negative number: the query is in the state `error` (INVALID_ARGUMENT). */
export function sqrt<A extends Double>(a: Operand<A>): Expr<number | Null<A>> { return call('sqrt', [a], 'float', 'float') }
export function exp<A extends Double>(a: Operand<A>): Expr<number | Null<A>> { return call('exp', [a], 'float', 'float') }
/** Natural logarithm; of zero or less: the query is in the state `error` (INVALID_ARGUMENT). */
export function ln<A extends Double>(a: Operand<A>): Expr<number | Null<A>> { return call('ln', [a], 'float', 'float') }

/** `regexp_substr(a, pattern)`: the first match, the longest that begins there; null where there is none. */
export function regexpSubstr(a: Expr<Text>, pattern: string | Expr<string>, ...flags: []): Expr<string | null> { unflagged('regexpSubstr', flags); return ofTexts('regexpSubstr', [a, pattern]) }

/**
 * `regexp_replace(a, pattern, replacement, flags)`: the first match replaced, with the flag `g` all of them; `i` matches whatever the case,
 * `n` takes `^` and `$` as those of lines. In the
 * replacement `\\1` to `\\9` are what groups match, `\\&` is the whole match, `\\\\` a backslash.
 *
 * ```ts
 * regexpReplace(p.phone, '[^0-9+]', '', 'g')
 * regexpReplace(u.name, String.raw`(\w+) (\w+)`, String.raw`\2, \1`)
 * ```
 */
export function regexpReplace<A extends Text, B extends Text>(a: Operand<A>, pattern: string | Expr<string>, replacement: Operand<B>, flags?: string): Expr<string | Null<A | B>> { return ofTexts('regexpReplace', flags === undefined ? [a, pattern, replacement] : [a, pattern, replacement, flags]) }

/** `regexp_match(a, pattern)`: what the groups of the first match are, or the match itself where the pattern has none; null without a match. */
export function regexpMatch(a: Expr<Text>, pattern: string | Expr<string>, ...flags: []): Expr<(string | null)[] | null> { unflagged('regexpMatch', flags); return ofTexts('regexpMatch', [a, pattern], 'text[]') }
/** `regexp_matches(a, pattern, 'g')`: the same of all matches, as rows: for `unnest`. The pattern is a literal. */
export function regexpMatches(a: Expr<Text>, pattern: string, ...flags: []): Rows<(string | null)[]> {
  unflagged('regexpMatches', flags)
  return new Rows(ofTexts('regexpMatches', [a, pattern], 'text[]').json, 'text[]')
}

/** What a cast gives, by the name of the type. */
export interface CastTypes { text: string; int: number; bigint: bigint; float: number; bool: boolean; timestamp: Date; json: unknown; decimal: Decimal; date: DateText; time: string; uuid: string; interval: IntervalText }
/** `CAST(a AS type)`. A text that does not read as a value: the query is in the state `error` (INVALID_TEXT). */
export function cast<A, K extends keyof CastTypes>(a: Operand<A>, type: K): Expr<CastTypes[K] | Null<A>> { return call('cast', [a], type, undefined, type) }
/** `CAST(a AS numeric(precision, scale))`: rounded to so many digits behind the point; with more than `precision` in all: the query is in the state `error` (NUMERIC_OVERFLOW). */
export function numeric<A extends Num | Text>(a: Operand<A>, precision: number, scale = 0): Expr<Decimal | Null<A>> {
  return new Expr({ op: 'numeric', args: [cast(a, 'decimal').json, literal(precision), literal(scale)] }, 'decimal')
}
/**
 * A moment or day as text: `to_char(a, template)`, in UTC and English. Fields of PostgreSQL but `TM`, `RM` and `SP`; text that stands for
 * itself is best in double quotes.
 *
 * ```ts
 * toChar(i.due, 'FMDay, DD Mon YYYY HH24:MI "UTC"')     // 'Thursday, 29 Feb 2024 08:05 UTC'
 * ```
 * Numbers are written as decimals: `9 0 . , D G S MI PL SG PR FM V RN TH EEEE L`, as there.
 *
 * ```ts
 * toChar(p.price, 'FM999,990.00')     // '1,234.50'
 * ```
 */
export function toChar<A extends Moment | string | Num>(a: Operand<A>, template: Operand<string>): Expr<string | Null<A>> { return call('toChar', [numberOf(a, 'float'), textOf(template)], 'text') }

// ---- texts -----------------------------------------------------------------------------------------------------------

type Str<A> = Expr<string | Null<A>>
/** Characters from a place (from 1) on; `count` of them. */
export function substring<A extends Text>(a: Operand<A>, from: Operand<number>, count?: Operand<number>): Str<A> {
  return ofTexts('substring', count === undefined ? [a, numberOf(from)] : [a, numberOf(from), numberOf(count)])
}
/** The first characters; all but the last of a negative number. */
export function left<A extends Text>(a: Operand<A>, count: Operand<number>): Str<A> { return ofTexts('left', [a, numberOf(count)]) }
/** The last characters; all but the first of a negative number. */
export function right<A extends Text>(a: Operand<A>, count: Operand<number>): Str<A> { return ofTexts('right', [a, numberOf(count)]) }
/** Without blanks, or characters of a set, at both ends. */
export function trim<A extends Text>(a: Operand<A>, set?: Operand<string>): Str<A> { return ofTexts('trim', set === undefined ? [a] : [a, set]) }
export function ltrim<A extends Text>(a: Operand<A>, set?: Operand<string>): Str<A> { return ofTexts('ltrim', set === undefined ? [a] : [a, set]) }
export function rtrim<A extends Text>(a: Operand<A>, set?: Operand<string>): Str<A> { return ofTexts('rtrim', set === undefined ? [a] : [a, set]) }
/** Every occurrence. */
export function replace<A extends Text>(a: Operand<A>, from: Operand<string>, to: Operand<string>): Str<A> { return ofTexts('replace', [a, from, to]) }
/** Place of a part in a text, from 1; 0: it is not there. */
export function strpos<A extends Text>(a: Operand<A>, part: Operand<string>): Expr<number | Null<A>> { return ofTexts('strpos', [a, part], 'int') }
/** The n-th field, from 1 (from the end if negative), of a text split at a separator. */
export function splitPart<A extends Text>(a: Operand<A>, separator: Operand<string>, n: Operand<number>): Str<A> { return ofTexts('splitPart', [a, separator, numberOf(n)]) }
export function startsWith<A extends Text>(a: Operand<A>, start: Operand<Text>): Condition { return ofTexts('startsWith', [a, start], 'bool') }
/** Results beyond 16 MB: the query is in the state `error` (VALUE_TOO_LARGE). */
export function repeat<A extends Text>(a: Operand<A>, count: Operand<number>): Str<A> { return ofTexts('repeat', [a, numberOf(count)]) }
export function reverse<A extends Text>(a: Operand<A>): Str<A> { return ofTexts('reverse', [a]) }
/** Filled up at the front, or cut at the end, to a number of characters. */
export function lpad<A extends Text>(a: Operand<A>, count: Operand<number>, fill: Operand<string> = ' '): Str<A> { return ofTexts('lpad', [a, numberOf(count), fill]) }
/** Filled up, or cut, at the end. */
export function rpad<A extends Text>(a: Operand<A>, count: Operand<number>, fill: Operand<string> = ' '): Str<A> { return ofTexts('rpad', [a, numberOf(count), fill]) }
/** The first letter of each word in upper case, the others in lower. */
export function initcap<A extends Text>(a: Operand<A>): Str<A> { return ofTexts('initcap', [a]) }
/** Texts joined, nulls left out: PostgreSQL's function `concat`. (`concat` here is `||`: null if one is.) */
export function concatAll(...parts: Operand<Text>[]): Expr<string> { return ofTexts('concat', parts) }
/** Texts joined with a separator between them, nulls left out. */
export function concatWs<A extends Text>(separator: Operand<A>, ...parts: Operand<Text>[]): Str<A> { return ofTexts('concatWs', [separator, ...parts]) }
/** Bytes of a text in UTF-8, or of bytes. */
export function octetLength<A extends string | Uint8Array | null>(a: Operand<A>): Expr<number | Null<A>> { return ofTexts('octetLength', [a], 'int') }
/** Code point of the first character. */
export function ascii<A extends Text>(a: Operand<A>): Expr<number | Null<A>> { return ofTexts('ascii', [a], 'int') }
/** The character of a code point. */
export function chr<A extends Double>(a: Operand<A>): Str<A> { return call('chr', [a], 'text', 'int') }

// ---- moments, in UTC -------------------------------------------------------------------------------------------------

/** Units that a moment can be cut to. Weeks begin on Monday. */
export type TruncUnit = 'microseconds' | 'milliseconds' | 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year' | 'decade' | 'century' | 'millennium'
/** Parts of a moment, as PostgreSQL names them. */
export type ExtractUnit = TruncUnit | 'isoyear' | 'dow' | 'isodow' | 'doy' | 'epoch' | 'julian'

/** The beginning of the unit that a moment, or the day of a date, is in; an interval without what is smaller than the unit. */
export function dateTrunc<A extends IntervalText | null>(unit: TruncUnit, a: Expr<A>): Expr<IntervalText | Null<A>>
export function dateTrunc<A extends Moment | string>(unit: TruncUnit, a: Operand<A>): Expr<Date | Null<A>>
export function dateTrunc(unit: TruncUnit, a: Operand<any>): Expr<any> {
  const type = a instanceof Expr && a.cellType === 'interval' ? 'interval' : 'timestamp'
  return call('dateTrunc', [a], type, type, unit)
}
/** A part of a moment, a date, a time of day or an interval. */
export function extract<A extends Moment | string>(unit: ExtractUnit, a: Operand<A>): Expr<number | Null<A>> { return call('extract', [a], 'float', 'timestamp', unit) }

/** Parts of an interval; months, days and microseconds may be computed. */
export interface Interval {
  years?: number; months?: Operand<number>
  weeks?: number; days?: Operand<number>
  hours?: number; minutes?: number; seconds?: number; milliseconds?: number; micros?: Operand<number>
}
/**
 * A moment months, then days, then the rest later. A day that the month does not have is its last.
 *
 * `by` may be an interval, a text as `'1 day 12:00'`, a column or `intervalOf`, too: then `a` is a moment, a date (its midnight in UTC), a time of day or an interval.
 */
export function addInterval<A extends Moment>(a: Operand<A>, by: Interval | string): Expr<Date | Null<A>>
export function addInterval<A extends IntervalText | null>(a: Expr<A>, by: string): Expr<IntervalText | Null<A>>
export function addInterval<A extends IntervalText | null, B extends IntervalText | null>(a: Expr<A>, by: Expr<B>): Expr<IntervalText | Null<A | B>>
export function addInterval<A extends Moment, B extends IntervalText | null>(a: Operand<A>, by: Expr<B>): Expr<Date | Null<A | B>>
/** Of a time of day a text, of a date a moment: values of both columns are texts, so `addInterval<Date>(d.day, '1 day')` says which. */
export function addInterval<T extends string | Date = string | Date>(a: Expr<string | null>, by: Expr<IntervalText | null> | string): Expr<Told<T> | null>
export function addInterval(a: Operand<any>, by: Interval | string | Expr<any>): Expr<any> {
  if (typeof by === 'string') return addInterval(a, intervalOf(by))
  if (by instanceof Expr) {
    const type = a instanceof Expr && (a.cellType === 'interval' || a.cellType === 'time') ? a.cellType : 'timestamp'
    return call('+', [a, by], type, type)
  }
  if (!isObject(by) || Object.keys(by).length === 0) throw misshapen('`addInterval` takes parts, a text or an expression: { days: 1 }, \'1 day\', i.term', by)
  checkOptions(by, PARTS, { code: 'QUERY_INVALID', path: '', of: 'addInterval' })
  const { years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0, milliseconds = 0, micros = 0 } = by as Interval
  const small = Math.round((((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds) * 1000)
  return new Expr({ op: 'addInterval', args: [literal(a, 'timestamp'), sum(months, years * 12), sum(days, weeks * 7), sum(micros, small)] }, 'timestamp')
}
const FIXED: Kind = { is: v => typeof v === 'number', what: 'a number' }
const PART: Kind = { is: v => v instanceof Expr || FIXED.is(v), what: 'a number or an expression' }
const PARTS: Kinds = { years: FIXED, months: PART, weeks: FIXED, days: PART, hours: FIXED, minutes: FIXED, seconds: FIXED, milliseconds: FIXED, micros: PART }
/** A constant interval: `intervalOf('1 day 12:00')`, `intervalOf({ months: 1 })`. */
export function intervalOf(value: string | IntervalParts): Expr<IntervalText> { return new Expr(literal(value, 'interval'), 'interval') }
/** From moment `b` to `a` as an interval of days and a rest; of times of day without days. */
export function elapsed<A extends Moment | string, B extends Moment | string>(a: Expr<A>, b: Operand<B>): Expr<IntervalText | Null<A | B>> { return call('-', [a, b], 'interval', a?.cellType) }
/** An interval so many times. */
export function timesInterval<A extends IntervalText | null, B extends Num>(a: Expr<A>, times: Operand<B>): Expr<IntervalText | Null<A | B>> { return call('*', [a, times], 'interval', 'float') }
function sum(part: Operand<number>, more: number): ExprJson {
  if (!(part instanceof Expr)) return literal(whole(part + more))
  const json = literal(part, 'int')
  return more === 0 ? json : { op: '+', args: [json, literal(whole(more))] }
}
function whole(n: number): number {
  if (!Number.isSafeInteger(n)) throw new EddylineError('QUERY_INVALID', `a part of an interval is a whole number, not ${n}`, { offending: String(n) })
  return n
}
/** A date so many days later. */
export function addDays<A extends string | null, B extends number | null>(a: Expr<A>, days: Operand<B>): Expr<DateText | Null<A | B>> { return call('+', [a, days], 'date', 'int') }
/** Days from `b` to `a`; of a column and a text, the text is a date. */
export function diffDays<A extends string | null = string, B extends string | null = string>(a: Operand<A> | Date, b: Operand<B> | Date): Expr<number | Null<A | B>> { return call('-', [a, b], 'int', 'date') }
/** Seconds from `b` to `a`. */
export function diffSeconds<A extends Moment, B extends Moment>(a: Operand<A>, b: Operand<B>): Expr<number | Null<A | B>> { return call('diffSeconds', [a, b], 'float', 'timestamp') }
/** The moment of a calendar date and time. */
export function makeTimestamp(year: Operand<Num>, month: Operand<Num>, day: Operand<Num>, hour: Operand<Num> = 0, minute: Operand<Num> = 0, second: Operand<Num> = 0): Expr<Date | null> {
  return call('makeTimestamp', [year, month, day, hour, minute, numberOf(second, 'float')], 'timestamp', 'int')
}

// ---- arrays -----------------------------------------------------------------------------------------------------------

type Elements<A> = A extends readonly (infer E)[] ? E : never
/** Something to look for among the elements: an expression, or what stands for a constant. */
type Element<A> = Expr<Elements<A> | null> | Constant<NonNullable<Elements<A>>>
type ListOf<A> = Expr<A> | readonly NonNullable<Elements<A>>[]
const elementType = (a: Expr<any>): CellType | undefined => elementOf(a?.cellType)
/** `value = ANY(array)`: null if no element equals it and one is null; false of an empty array, also for null. */
export function anyOf<A extends readonly unknown[] | null>(value: Element<A> | null, a: Expr<A>): Condition { return new Expr({ op: 'any', args: [literal(value, elementType(a)), operand(a, 'anyOf(\'x\', i.tags)')] }, 'bool') }
/** `a @> part`: every element of `part` is in `a`. */
export function arrayContains<A extends readonly unknown[] | null>(a: Expr<A>, part: ListOf<A>): Condition { return call('@>', [a, part], 'bool', a?.cellType) }
/** `a && b`: an element of one is in the other. */
export function arrayOverlaps<A extends readonly unknown[] | null>(a: Expr<A>, b: ListOf<A>): Condition { return call('&&', [a, b], 'bool', a?.cellType) }
/** Number of elements. */
export function cardinality<A extends readonly unknown[] | null>(a: Expr<A>): Expr<number | Null<A>> { return call('cardinality', [a], 'int') }
/** The same; null of an empty array, as PostgreSQL's `array_length(a, 1)`. */
export function arrayLength<A extends readonly unknown[] | null>(a: Expr<A>): Expr<number | null> { return call('arrayLength', [a], 'int') }
/** `a[place]`: an element by its place, from 1; null where there is none. */
export function arrayAt<A extends readonly unknown[] | null>(a: Expr<A>, place: Operand<number>): Expr<Elements<A> | null> { return call('arrayAt', [a, place], elementType(a), 'int') }
/** Place of the first element that equals a value, from 1; null if none does. */
export function arrayPosition<A extends readonly unknown[] | null>(a: Expr<A>, value: Element<A>): Expr<number | null> { return new Expr({ op: 'arrayPosition', args: [operand(a, 'arrayPosition(i.tags, \'x\')'), literal(value, elementType(a))] }, 'int') }
/** Elements that are not null as texts, joined: PostgreSQL's `array_to_string`. */
export function arrayToText<A extends readonly unknown[] | null>(a: Expr<A>, separator: Operand<string>): Expr<string | Null<A>> { return ofTexts('arrayToText', [a, separator]) }

// ---- json ------------------------------------------------------------------------------------------------------------

/** `a -> key` or `a -> index` (from the end if negative): json, null if it is not there. */
export function jsonGet<T, K extends keyof NonNullable<T> & string>(a: Expr<T>, key: K): Expr<Exclude<NonNullable<T>[K], undefined> | null>
export function jsonGet<T = unknown>(a: Expr<unknown>, key: Operand<string> | Operand<number>): Expr<Told<T> | null>
export function jsonGet(a: Expr<unknown>, key: unknown): Expr<any> { return call('->', [a, textOf(key)], 'json') }
/** `a ->> key`: the same as text; strings without quotes. */
export function jsonGetText(a: Expr<unknown>, key: Operand<string> | Operand<number>): Expr<string | null> { return call('->>', [a, textOf(key)], 'text') }
/** `a #> path`: along keys and indexes. */
export function jsonPath<T = unknown>(a: Expr<unknown>, ...path: (Operand<string> | number)[]): Expr<Told<T> | null> { return call('#>', [a, ...path.map(step)], 'json') }
/** `a #>> path`: the same as text. */
export function jsonPathText(a: Expr<unknown>, ...path: (Operand<string> | number)[]): Expr<string | null> { return call('#>>', [a, ...path.map(step)], 'text') }
const step = (s: Operand<string> | number): unknown => typeof s === 'number' ? String(s) : textOf(s)
export function jsonTypeof<A>(a: Expr<A>): Expr<'object' | 'array' | 'string' | 'number' | 'boolean' | 'null' | Null<A>> { return call('jsonTypeof', [a], 'text') }
/** Of what is no array: the query is in the state `error` (INVALID_ARGUMENT). */
export function jsonArrayLength<A>(a: Expr<A>): Expr<number | Null<A>> { return call('jsonArrayLength', [a], 'int') }
/** `a @> part`: every member and element of `part` is in `a`. */
export function jsonContains(a: Expr<unknown>, part: unknown): Condition { return call('@>', [a, part], 'bool', 'json') }
/** `a ? key`: an object has the key, an array the text. */
export function jsonExists(a: Expr<unknown>, key: Operand<string>): Condition { return call('?', [a, textOf(key)], 'bool') }
