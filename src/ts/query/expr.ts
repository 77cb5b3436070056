import { arrayJson, elementOf, packArray } from '../arrays.js'
import { dateText, daysOf, timeOf, uuidOf } from '../calendar.js'
import { type Decimal, isDecimal } from '../decimal.js'
import { EddylineError } from '../errors.js'
import { type IntervalParts, type IntervalText, intervalOf, intervalText } from '../interval.js'
import type { CellType } from '../port.js'
import { canonicalJson, hexOf, microsOfText } from '../values.js'
import { said, shown } from '../option-kinds.js'
import type { OrderJson, QueryJson } from './types.js'

/** An expression as the engine takes it. */
export interface ExprJson {
  op: string; args?: ExprJson[]; name?: string; of?: string; value?: unknown
  /** Of aggregates. */
  distinct?: boolean; filter?: ExprJson; orderBy?: OrderJson[]
  /** Of sub-queries. */
  query?: QueryJson
  /** Of window functions. */
  over?: OverJson
}
/** What a window function is over, as the engine takes it. */
export interface OverJson {
  partitionBy?: ExprJson[]
  orderBy?: OrderJson[]
  frame?: { unit: string; start: BoundJson; end?: BoundJson; exclude?: string }
}
interface BoundJson { kind: string; offset?: number | bigint | string }

/** A typed expression: a column reference, or what the functions below make of others. */
export class Expr<T> {
  declare readonly $type: T
  /** @internal */
  constructor(readonly json: ExprJson, readonly cellType?: CellType) {}
  /**
   * @internal Templates and operators of JavaScript would go on with `[object Object]`, which TypeScript lets pass in templates and beside texts.
   */
  [Symbol.toPrimitive](): never { throw misshapen(`\`${this.json.name ?? this.json.op}\` is no value of JavaScript here: concat(i.title, '!'), add(i.points, 1), gt(i.points, 1), when(…)`, this) }
}

/** A window function that is not yet over anything: `over` makes an expression of it. */
export class WindowFunction<T> {
  declare readonly $type: T
  /** @internal */
  constructor(readonly call: ExprJson, readonly cellType?: CellType) {}
}

/** Rows that a function gives: `unnest` takes them. */
export class Rows<E> {
  declare readonly $element: E
  /** @internal */
  constructor(readonly call: ExprJson, readonly cellType?: CellType) {}
}

/** Groupings by some members each. */
export class GroupingSets<C extends string> {
  /** @internal */
  constructor(readonly sets: readonly (readonly C[])[]) {}
}

/** An expression or a constant. */
export type Operand<T> = Expr<T> | T
/** What stands for a value of a column in a query: as on input, moments may be milliseconds or ISO texts, bigints safe integers, decimals numbers, intervals texts or parts. */
export type Constant<V> = V extends Date ? Date | number | string : V extends bigint ? bigint | number : V extends Decimal ? V | number | bigint : V extends IntervalText ? string | IntervalParts : V extends { readonly $day?: Date } ? V | Date : V extends readonly (infer E)[] ? V | readonly Constant<E>[] : V
/** Texts or numbers that are named one by one, as `'open' | 'closed'`: neither any text, nor one that is marked (`string & { brand }`). */
type Listed<T extends string | number> = {} extends { [K in T]: 1 } ? never : T
/**
 * Values that those of `T` can be compared with. Beside named texts it is any text, as in `status === text` of TypeScript; numbers are
 * compared whatever their kind. What is marked is only compared with its like.
 */
export type Comparable<T> = 0 extends 1 & T ? T : T | (T extends Decimal | bigint ? number | bigint | Decimal
  : T extends number ? (number extends T ? number | bigint | Decimal : Listed<T> extends never ? never : number | bigint | Decimal)
  : T extends string ? (Listed<T> extends never ? never : string) : never)
/** Expressions of these; those of `T` itself are named for functions that are generic in it. */
export type Beside<T> = Expr<T | null> | Expr<Comparable<T> | null>
/**
 * `T`, which nothing is inferred from. As `NoInfer<T>`, but that is left of types with objects in it: editors then have no texts to offer for
 * `eq(i.status, '…')`.
 */
export type Told<T> = [T][T extends unknown ? 0 : never]
/** The other side of a comparison with a `T`: an expression, or a constant. The name is what the compiler says of what is none. */
export type ComparableWith<T> = Beside<T> | Constant<NonNullable<T>>
/** A condition; unknown (`null`) counts as false in `where`. */
export type Condition = Expr<boolean | null>

/** @internal What callbacks get: no values, but what has some. */
export const scopes = new WeakSet<object>()

/** @internal An error about the shape of what a step or a function is given. */
export const misshapen = (message: string, given: unknown, path?: string): EddylineError => new EddylineError('QUERY_INVALID', message, { path, offending: given instanceof Expr ? given.json.name ?? given.json.op : said(given) })

/** @internal The expression that something is. Throws QUERY_INVALID for anything else. */
export function exprOf(given: unknown, message: string, path?: string): ExprJson {
  if (!(given instanceof Expr)) throw misshapen(message, given, path)
  return given.json
}

/** Types of parameters, by what they stand beside or as they are given. */
const paramTypes = new WeakMap<ExprJson, CellType>()

/** @internal Notes the type of a parameter whose own is not known. */
export function typed(param: ExprJson, type: CellType | undefined): ExprJson {
  if (type !== undefined && param.op === 'param' && !paramTypes.has(param)) paramTypes.set(param, type)
  return param
}

/** @internal Types of the parameters within a query, where they are known. */
export function typesWithin(part: unknown, found: { [name: string]: CellType } = Object.create(null) as {}): { [name: string]: CellType } {
  if (typeof part !== 'object' || part === null) return found
  const type = paramTypes.get(part as ExprJson)
  if (type !== undefined) found[(part as ExprJson).name!] ??= type
  else for (const inner of Object.values(part)) typesWithin(inner, found)
  return found
}

/** @internal The same of what a function is called with; `usage`: a call as it should be. */
export const operand = (given: unknown, usage: string): ExprJson => exprOf(given, `a column or an expression is expected: ${usage}`)

const unfit = (what: string, value: string): EddylineError => new EddylineError('TYPE_MISMATCH', `not ${what}: ${value}`, { offending: value })
const inJson = (value: unknown): string => { try { return JSON.stringify(value) } catch { return said(value) } }

function moment(given: Date | number): ExprJson {
  const at = new Date(given)
  if (Number.isNaN(at.getTime())) throw new EddylineError('TYPE_MISMATCH', 'an invalid Date in a query', { offending: said(given) })
  return { op: 'lit', name: 'timestamp', value: at.toISOString() }
}

/**
 * An expression in a place of a type. The types of rows have no others for what they show as texts, nor for what JSON is said to hold: what is
 * taken for a text, a number or a truth value is made one.
 */
function fitted({ json, cellType }: Expr<unknown>, like: CellType | undefined): ExprJson {
  if (cellType === 'json' && like === 'text') return { op: '#>>', args: [json] }
  if (cellType === 'json' ? MEMBERS.includes(like!) : like === 'text' && cellType !== like && SHOWN_AS_TEXT.includes(cellType!)) return { op: 'cast', args: [json], name: like }
  return typed(json, like)
}
const MEMBERS: readonly CellType[] = ['int', 'float', 'decimal', 'bool']
/** What is equal, and in order, as its text is. */
const COMPARED_AS_TEXT: readonly CellType[] = ['text', 'date', 'time', 'uuid']
const SHOWN_AS_TEXT: readonly CellType[] = [...COMPARED_AS_TEXT, 'decimal', 'interval']

/** Makes an expression of a constant. `like` tells the type of what it is compared with. */
export function literal(value: unknown, like?: CellType): ExprJson {
  if (value instanceof Expr) return fitted(value, like)
  const part = value instanceof WindowFunction ? 'over' : value instanceof Rows ? 'unnest' : undefined
  if (part !== undefined) {
    const { name, op } = (value as { call: ExprJson }).call
    throw new EddylineError('QUERY_INVALID', `\`${name ?? op}\` needs \`${part}\``, { offending: name ?? op })
  }
  if (value === null) return { op: 'lit', value: null }
  if (typeof value === 'object') {
    if (scopes.has(value)) throw misshapen('a row is no value: name a column of it, as `i.title`', 'a row')
    if ('sourceTable' in value) throw misshapen('a query is no value: `scalar(query)` is the value of its one row', 'a query')
    if (value instanceof GroupingSets) throw misshapen('groupings are no value: groupBy(rollup(\'a\'))', value)
    if (Array.isArray(value) && value.some(v => v instanceof Expr)) throw misshapen('a list of expressions is no value', value)
  }
  if (like === 'json') return { op: 'lit', name: 'json', value: canonicalJson(value, '') }
  if (like === 'timestamp' && typeof value === 'number') return moment(value)
  if (like === 'timestamp' && typeof value === 'string') {
    if (microsOfText(value) === undefined) throw unfit('an ISO 8601 text', value)
    return { op: 'lit', name: 'timestamp', value }
  }
  if ((like === 'date' && (typeof value === 'string' || value instanceof Date)) || ((like === 'time' || like === 'uuid') && typeof value === 'string')) {
    const days = like === 'date' ? daysOf(value) : undefined
    const text = like === 'date' ? (days === undefined ? undefined : dateText(days)) : like === 'time' ? (timeOf(value) === undefined ? undefined : value) : uuidOf(value)
    if (text === undefined) throw unfit(`a ${like}`, String(value))
    return { op: 'lit', name: like, value: text }
  }
  const element = Array.isArray(value) ? elementOf(like) : undefined
  if (element !== undefined) {
    if (packArray(element, value) === undefined) throw unfit(`a list of ${element} values`, inJson(value))
    return { op: 'lit', name: like, value: arrayJson(element, value as unknown[]) }
  }
  if (like === 'interval' && (typeof value === 'string' || (typeof value === 'object' && !(value instanceof Date)))) {
    const interval = intervalOf(value)
    if (interval === undefined) throw unfit('an interval', inJson(value))
    return { op: 'lit', name: 'interval', value: intervalText(interval) }
  }
  if (like === 'decimal' && (typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint')) {
    if (!isDecimal(String(value))) throw unfit('a decimal', String(value))
    return { op: 'lit', name: 'decimal', value: String(value) }
  }
  switch (typeof value) {
    case 'string': case 'number': case 'boolean': return { op: 'lit', value }
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw new EddylineError('INTEGER_RANGE', `${value} is beyond 64 bits`, { offending: String(value) })
      return { op: 'lit', value }
    case 'object':
      if (value instanceof Date) return moment(value)
      if (value instanceof Uint8Array) return { op: 'lit', name: 'bytes', value: hexOf(value) }
      return { op: 'lit', name: 'json', value: canonicalJson(value, '') }
  }
  throw misshapen(`${shown(value)} cannot be used in a query: a column, an expression or a constant is expected`, value)
}

/** @internal A condition comparing `a` with `b`, constants typed by the other side. */
export function compare(op: string, a: unknown, b: unknown): Condition {
  return call(op, [a, b], 'bool', /like|~/.test(op) ? 'text' : likeOf([a, b]))
}

/** @internal The type that constants beside these take: of numbers the widest, where those of JSON are doubles. */
export function likeOf(args: readonly unknown[]): CellType | undefined {
  const types = args.flatMap(a => a instanceof Expr && a.cellType !== undefined ? [a.cellType] : [])
  const others = types.filter(t => t !== 'json'), [first] = others
  if (first === undefined) return types[0]
  const isMixed = others.length < types.length, has = (t: typeof first): boolean => others.includes(t)
  if (has('decimal')) return isMixed || has('float') ? 'float' : 'decimal'
  if (isMixed && (first === 'int' || first === 'bigint')) return 'float'
  return (isMixed || has('text')) && others.every(t => COMPARED_AS_TEXT.includes(t)) ? 'text' : first
}

/** @internal All of one type: constants are typed by the others. */
export function call<T>(op: string, args: readonly unknown[], type?: CellType, like = likeOf(args)): Expr<T> {
  return new Expr({ op, args: args.map(a => literal(a, like)) }, type ?? like)
}
const numbers = <T>(op: string, args: readonly unknown[]): Expr<T> => {
  const like = likeOf(args)
  return call(op, args, undefined, like === 'json' ? 'float' : like)
}

/** `a = b`; unknown if one is null. */
export function eq<T>(a: Operand<T>, b: ComparableWith<Told<T>> | null): Condition { return compare('=', a, b) }
/** `a <> b`; unknown if one is null. */
export function ne<T>(a: Operand<T>, b: ComparableWith<Told<T>> | null): Condition { return compare('!=', a, b) }
export function lt<T>(a: Operand<T>, b: ComparableWith<Told<T>> | null): Condition { return compare('<', a, b) }
export function lte<T>(a: Operand<T>, b: ComparableWith<Told<T>> | null): Condition { return compare('<=', a, b) }
export function gt<T>(a: Operand<T>, b: ComparableWith<Told<T>> | null): Condition { return compare('>', a, b) }
export function gte<T>(a: Operand<T>, b: ComparableWith<Told<T>> | null): Condition { return compare('>=', a, b) }

/** All hold. Without arguments: true. Arguments that are `false`, `null` or `undefined` constants are left out, for conditions that are optional. */
export function and(...conditions: (Condition | false | null | undefined)[]): Condition { return junction('and', conditions, true) }
/** One holds. Without arguments: false. */
export function or(...conditions: (Condition | false | null | undefined)[]): Condition { return junction('or', conditions, false) }
export function not(condition: Condition): Condition { return new Expr({ op: 'not', args: [truth(condition)] }, 'bool') }

/** @internal */
export const CONDITION = 'a condition is expected: eq(i.status, \'open\'), and(…), …'

/** @internal The condition that something is. Throws QUERY_INVALID for anything else. */
export function truth(given: unknown, message = CONDITION): ExprJson {
  exprOf(given, message)
  return literal(given, 'bool')
}

function junction(op: string, conditions: (Condition | false | null | undefined)[], empty: boolean): Condition {
  const given = conditions.filter((c): c is Condition => c !== false && c !== null && c !== undefined)
  const args = given.map(c => truth(c))
  if (given.length === 0) return new Expr({ op: 'lit', value: empty }, 'bool')
  return new Expr(given.length === 1 ? args[0] : { op, args }, 'bool')
}

/** @internal Throws QUERY_INVALID for what is no list. */
export function checkList(list: unknown, name: string): void {
  if (!Array.isArray(list)) throw misshapen(`\`${name}\` takes an array; \`${name.replace('Array', 'Query')}\` a query`, list)
}

/** `a IN (…)`; false for an empty list. */
export function inArray<T>(a: Expr<T>, list: readonly (ComparableWith<Told<T>> | null)[]): Condition {
  checkList(list, 'inArray')
  operand(a, 'inArray(i.status, [\'open\'])')
  return list.length === 0 ? new Expr({ op: 'lit', value: false }, 'bool') : call('in', [a, ...list], 'bool')
}
/** SQL `LIKE`: `%` any text, `_` one character. */
export function like(a: Expr<string | null>, pattern: Operand<string | null>): Condition { return compare('like', a, pattern) }
/** `LIKE` without regard to case. */
export function ilike(a: Expr<string | null>, pattern: Operand<string | null>): Condition { return compare('ilike', a, pattern) }
export function isNull(a: Expr<unknown>): Expr<boolean> { return new Expr({ op: 'isNull', args: [operand(a, 'isNull(i.title)')] }, 'bool') }
export function isNotNull(a: Expr<unknown>): Expr<boolean> { return new Expr({ op: 'isNotNull', args: [operand(a, 'isNotNull(i.title)')] }, 'bool') }

export type Num = number | bigint | Decimal | null
type Nulls<A, B> = null extends A | B ? null : never
/**
 * @internal Of numbers of some type the type of what is computed of them: `1 | 2` are two numbers, their sum is any. Constants beside decimals are
 * decimals.
 */
export type Wide<A> = 0 extends 1 & A ? A
  : (Extract<A, string> extends never ? never : Extract<A, string> extends IntervalText ? IntervalText : Decimal)
  | (Extract<A, number> extends never ? never : number extends A ? number : Extract<A, string> extends never ? number : never)
  | (Extract<A, bigint> extends never ? never : bigint)
  | Extract<A, null>
/** Of an expression, where `1.5` is a double as a column of numbers is, and only whole numbers become decimals beside these. */
type Loose<A> = A extends number ? (`${A}` extends `${bigint}` ? A : number) : A
/** A decimal and a column of numbers: a decimal if these are integers. */
type Sum<A, B> = (Extract<A | B, string> extends never ? (Extract<A | B, bigint> extends never ? number : [Exclude<A | B, null>] extends [bigint] ? bigint : number | bigint) : number extends A | B ? Decimal | number : Decimal) | Nulls<A, B>

export function add<A extends Num, B extends Num>(a: Expr<A>, b: Expr<B>): Expr<Sum<Loose<A>, Loose<B>>>
export function add<A extends Num, B extends Num>(a: Operand<A>, b: Operand<B>): Expr<Sum<A, B>>
export function add(a: Operand<Num>, b: Operand<Num>): Expr<any> { return numbers('+', [a, b]) }
export function sub<A extends Num, B extends Num>(a: Expr<A>, b: Expr<B>): Expr<Sum<Loose<A>, Loose<B>>>
export function sub<A extends Num, B extends Num>(a: Operand<A>, b: Operand<B>): Expr<Sum<A, B>>
export function sub(a: Operand<Num>, b: Operand<Num>): Expr<any> { return numbers('-', [a, b]) }
export function mul<A extends Num, B extends Num>(a: Expr<A>, b: Expr<B>): Expr<Sum<Loose<A>, Loose<B>>>
export function mul<A extends Num, B extends Num>(a: Operand<A>, b: Operand<B>): Expr<Sum<A, B>>
export function mul(a: Operand<Num>, b: Operand<Num>): Expr<any> { return numbers('*', [a, b]) }
/** Division; of integers it cuts off, as in SQL, of decimals it has sixteen significant digits or more. A zero divisor puts the query into the state `error`. */
export function div<A extends Num, B extends Num>(a: Expr<A>, b: Expr<B>): Expr<Sum<Loose<A>, Loose<B>>>
export function div<A extends Num, B extends Num>(a: Operand<A>, b: Operand<B>): Expr<Sum<A, B>>
export function div(a: Operand<Num>, b: Operand<Num>): Expr<any> { return numbers('/', [a, b]) }
export function mod<A extends Num, B extends Num>(a: Expr<A>, b: Expr<B>): Expr<Sum<Loose<A>, Loose<B>>>
export function mod<A extends Num, B extends Num>(a: Operand<A>, b: Operand<B>): Expr<Sum<A, B>>
export function mod(a: Operand<Num>, b: Operand<Num>): Expr<any> { return numbers('%', [a, b]) }
export function neg<A extends Num>(a: Expr<A>): Expr<Wide<A>> { return numbers('neg', [a]) }
export function abs<A extends Num>(a: Expr<A>): Expr<Wide<A>> { return numbers('abs', [a]) }
function ofText(op: string, a: Expr<unknown>, type: CellType = 'text'): Expr<any> {
  operand(a, `${op}(i.title)`)
  return call(op, [a], type, 'text')
}
/** Texts joined; null if one is null. */
export function concat<const P extends readonly Operand<string | null>[]>(...parts: P): Expr<string | (null extends OperandValue<P[number]> ? null : never)> {
  return new Expr({ op: '||', args: parts.map(p => literal(p, 'text')) }, 'text')
}
type Fractions<T> = T extends number ? (`${T}` extends `${bigint}` ? never : T) : T
type Unnamed<T> = T extends number ? (number extends T ? T : never) : T
/**
 * Of values of which one is taken. Constants that are bigints are integers like others, unless a branch is a column of bigints; numbers
 * beside decimals are decimals, whole ones beside bigints bigints.
 */
export type Chosen<T> = bigint extends T ? Fractions<T> : Exclude<Extract<T, Decimal> extends never ? T : Unnamed<T>, bigint> | (Extract<T, bigint> extends never ? never : Extract<T, Decimal> extends never ? number | bigint : never)
type AnyNumber<T> = T extends number ? (Listed<T> extends never ? T : number) : T
/** What may stand in the place of a value of `T`: of its kind, as the engine has one type for both. */
export type Alternative<T, V = NonNullable<T>> = 0 extends 1 & T ? any : [V] extends [never] ? unknown
  : [V] extends [string] ? (string extends V ? string | (V extends { readonly $day?: Date } ? Date : never) : [Decimal] extends [V] ? number | bigint | Decimal : [IntervalText] extends [V] ? string | IntervalParts : string)
  : [V] extends [number | bigint | Decimal] ? number | bigint | Decimal : [V] extends [boolean] ? boolean : [V] extends [Date] ? Date | number | string
  : [V] extends [Uint8Array] ? Uint8Array : [V] extends [readonly unknown[]] ? readonly unknown[] : unknown
/** What an alternative to a value of `T` is in rows, which show moments, days and intervals in one form each. */
export type Beheld<T, U, V = Exclude<T, null>> = 0 extends 1 & T ? U : [V] extends [never] ? U
  : [V] extends [readonly (infer E)[]] ? (Exclude<U, null> extends readonly E[] ? V | Extract<U, null> : U)
  : [V] extends [Date] ? Date | Extract<U, null> : [V] extends [{ readonly $day?: Date }] ? V | Extract<U, null> : [V] extends [IntervalText] ? ([IntervalText] extends [V] ? V | Extract<U, null> : U) : U
/** The first that is not null. */
export function coalesce<T, const U extends Alternative<T> | null>(a: Expr<T>, b: Operand<U>): Expr<AnyNumber<Chosen<Exclude<T, null> | Beheld<T, U>>>>
export function coalesce<T>(...values: [...Operand<T | null>[], Operand<NonNullable<T>>]): Expr<NonNullable<T>>
export function coalesce<T>(...values: Operand<T | null>[]): Expr<T | null>
export function coalesce(...values: unknown[]): Expr<any> { return call('coalesce', values) }
export function lower<T extends string | null>(a: Expr<T>): Expr<string | Extract<T, null>> { return ofText('lower', a) }
export function upper<T extends string | null>(a: Expr<T>): Expr<string | Extract<T, null>> { return ofText('upper', a) }
/** Number of characters (code points). */
export function length<T extends string | null>(a: Expr<T>): Expr<number | Extract<T, null>> { return ofText('length', a, 'int') }

type OperandValue<P> = P extends Expr<infer T> ? T : P
