import { ELEMENTS } from '../arrays.js'
import type { Decimal } from '../decimal.js'
import type { IntervalText } from '../interval.js'
import type { CellType } from '../port.js'
import { type Condition, Expr, type ExprJson, type Num, type Operand, type Wide, exprOf, literal, misshapen } from './expr.js'
import { ANYTHING, BOOLEAN, type Kinds, checkOptions } from '../option-kinds.js'
import { checkOrder } from './parts.js'
import type { OrderJson } from './types.js'

/** What to sort by: an expression, alone or with a direction and a place of nulls. */
export type OrderItem = Expr<any> | readonly [by: Expr<any>, direction?: 'asc' | 'desc', options?: { nulls?: 'first' | 'last' }]
/** Which rows take part. */
export interface FilterOptions { where?: Condition | undefined }
/** `distinct`: equal values count once. */
export interface DistinctOptions extends FilterOptions { distinct?: boolean | undefined }
/** The order of the rows of a group; ties, and rows without an order, go by key. */
export interface OrderedOptions extends FilterOptions { orderBy?: OrderItem | readonly OrderItem[] | undefined }
/** With `distinct` the order can only be that of the value itself. */
export interface ListOptions extends OrderedOptions, DistinctOptions {}

/** A value within JSON: moments and bytes as text, bigints and decimals as numbers, of arrays the elements. Texts that happen to be digits stay texts. */
export type InJson<V> = V extends Date | Uint8Array ? string : V extends bigint ? number
  : V extends Decimal ? (Decimal extends V ? number : V)
  : V extends readonly (infer E)[] ? (Extract<E, Date | bigint> extends never ? V : InJson<E>[]) : V
/** A value within an array: as in rows; of types that there are no arrays of, as in JSON. */
export type InArray<V> = V extends Date ? Date : V extends bigint ? number | bigint : InJson<V>
/** A double; of decimals a decimal, of intervals an interval; of what may be doubles or decimals either. */
type Mean<A> = (Extract<A, string> extends never ? number : Extract<A, string> extends IntervalText ? IntervalText : number extends A ? Decimal | number : Decimal) | null
const meanOf = (a: Expr<unknown> | undefined): CellType => a?.cellType === 'decimal' || a?.cellType === 'interval' ? a.cellType : 'float'

const OPTIONS: Kinds = { distinct: BOOLEAN, where: { is: v => v instanceof Expr, what: 'a condition' }, orderBy: ANYTHING }

function aggregate<T>(name: string, args: readonly unknown[], type?: CellType, options: ListOptions = {}): Expr<T> {
  checkOptions(options, OPTIONS, { code: 'QUERY_INVALID', path: '', of: name })
  if (args.length > 0) exprOf(args[0], `\`${name}\` is of a column or an expression: ${name}(i.points)`)
  const json: ExprJson = { op: 'agg', name, args: args.map(a => literal(a, a instanceof Expr && name !== 'count' ? type : undefined)) }
  const { distinct, where, orderBy } = options
  if (distinct) json.distinct = true
  if (where !== undefined) json.filter = literal(where, 'bool')
  if (orderBy !== undefined) json.orderBy = orderList(orderBy).map(o => orderJson(o, distinct ? type : undefined))
  return new Expr(json, type)
}

const isItem = (o: OrderItem | readonly OrderItem[]): o is OrderItem => o instanceof Expr || (o[0] instanceof Expr && (o.length === 1 || typeof o[1] === 'string' || o[1] === undefined))

/** @internal One item, or a list of them, as a list. */
export function orderList(order: OrderItem | readonly OrderItem[]): readonly OrderItem[] {
  if (!(order instanceof Expr) && !Array.isArray(order)) throw misshapen(ORDER, order, 'orderBy')
  return isItem(order) ? [order] : order
}
const ORDER = '`orderBy` takes an expression, one with its direction, or a list of these: i.title, [i.title, \'desc\']'

/** @internal `like`: of a list that is ordered by what it is made of, the type that this is made one of. */
export function orderJson(item: OrderItem, like?: CellType): OrderJson {
  const [by, direction, options] = Array.isArray(item) ? item as Exclude<OrderItem, Expr<any>> : [item]
  checkOrder('QUERY_INVALID', direction, options, 'orderBy')
  const expr = exprOf(by, ORDER, 'orderBy')
  return { expr: like === undefined ? expr : literal(by, like), ...(direction === 'desc' ? { desc: true } : {}), ...(options?.nulls !== undefined ? { nulls: options.nulls } : {}) }
}

/** Number of rows, or of rows where `a` is not null. `count({ where: … })` counts rows that satisfy a condition. */
export function count(a?: Expr<any> | FilterOptions): Expr<number>
export function count(a: Expr<any>, options?: DistinctOptions): Expr<number>
export function count(a?: Expr<any> | FilterOptions, options?: DistinctOptions): Expr<number> {
  return a instanceof Expr ? aggregate('count', [a], 'int', options) : aggregate('count', [], 'int', a)
}
/** Exact sum of what is not null; null if there is nothing. Beyond ±(2^53−1) the sum of integers is a bigint. */
export function sum<A extends Num | IntervalText>(a: Expr<A>, options?: DistinctOptions): Expr<Wide<A> | null> { return aggregate('sum', [a], a?.cellType === 'json' ? 'float' : a?.cellType, options) }
/** Exact mean, rounded once; of decimals to sixteen significant digits or more. */
export function avg<A extends Num | IntervalText>(a: Expr<A>, options?: DistinctOptions): Expr<Mean<A>> { return aggregate('avg', [a], meanOf(a), options) }
export function min<A>(a: Expr<A>, options?: FilterOptions): Expr<A | null> { return aggregate('min', [a], a?.cellType, options) }
export function max<A>(a: Expr<A>, options?: FilterOptions): Expr<A | null> { return aggregate('max', [a], a?.cellType, options) }
/** Whether all that are not null are true. */
export function boolAnd(a: Expr<boolean | null>, options?: FilterOptions): Expr<boolean | null> { return aggregate('boolAnd', [a], 'bool', options) }
/** Another name of `boolAnd`. */
export function every(a: Expr<boolean | null>, options?: FilterOptions): Expr<boolean | null> { return aggregate('every', [a], 'bool', options) }
/** Whether one of those that are not null is true. */
export function boolOr(a: Expr<boolean | null>, options?: FilterOptions): Expr<boolean | null> { return aggregate('boolOr', [a], 'bool', options) }

/**
 * Texts that are not null, joined in order.
 *
 * ```ts
 * stringAgg(l.name, ', ', { orderBy: [l.rank, 'desc'] })
 * ```
 */
export function stringAgg(a: Expr<string | null>, separator: Operand<string | null>, options?: ListOptions): Expr<string | null> { return aggregate('stringAgg', [a, separator], 'text', options) }
/**
 * All values in order as an array, nulls too; null without rows. What it gives is what columns of `array(…)` have, for `anyOf`, `arrayContains`, `unnest`
 * and comparisons; of decimals, bytes, json, times, intervals and arrays it is JSON, as of `jsonAgg`.
 */
export function arrayAgg<A>(a: Expr<A>, options?: ListOptions): Expr<InArray<A>[] | null> {
  const of = a?.cellType === 'bigint' ? 'int' : a?.cellType
  return aggregate('arrayAgg', [a], (ELEMENTS as readonly unknown[]).includes(of) ? `${of}[]` as CellType : 'json', options)
}
/** The same as JSON. */
export function jsonAgg<A>(a: Expr<A>, options?: ListOptions): Expr<InJson<A>[] | null> { return aggregate('jsonAgg', [a], 'json', options) }
/** Value of the first row in order. */
export function first<A>(a: Expr<A>, options?: OrderedOptions): Expr<A | null> { return aggregate('first', [a], a?.cellType, options) }
/** Value of the last row in order. */
export function last<A>(a: Expr<A>, options?: OrderedOptions): Expr<A | null> { return aggregate('last', [a], a?.cellType, options) }

/** Variance of a sample, exact and rounded once; null below two values. */
export function variance<A extends Num>(a: Expr<A>, options?: DistinctOptions): Expr<Mean<A>> { return aggregate('variance', [a], meanOf(a), options) }
/** Another name of `variance`. */
export function varSamp<A extends Num>(a: Expr<A>, options?: DistinctOptions): Expr<Mean<A>> { return aggregate('varSamp', [a], meanOf(a), options) }
/** Variance of a whole population. */
export function varPop<A extends Num>(a: Expr<A>, options?: DistinctOptions): Expr<Mean<A>> { return aggregate('varPop', [a], meanOf(a), options) }
/** Standard deviation of a sample; null below two values. */
export function stddev<A extends Num>(a: Expr<A>, options?: DistinctOptions): Expr<Mean<A>> { return aggregate('stddev', [a], meanOf(a), options) }
/** Another name of `stddev`. */
export function stddevSamp<A extends Num>(a: Expr<A>, options?: DistinctOptions): Expr<Mean<A>> { return aggregate('stddevSamp', [a], meanOf(a), options) }
/** Standard deviation of a whole population. */
export function stddevPop<A extends Num>(a: Expr<A>, options?: DistinctOptions): Expr<Mean<A>> { return aggregate('stddevPop', [a], meanOf(a), options) }
/** The value in the middle, or the mean of the two next to it. */
export function median(a: Expr<Num>, options?: FilterOptions): Expr<number | null> { return aggregate('median', [a], 'float', options) }
/** Value at a fraction from 0 to 1 of the sorted values, interpolated between two. */
export function percentileCont(a: Expr<Num>, fraction: number | null, options?: FilterOptions): Expr<number | null> { return aggregate('percentileCont', [a, fraction], 'float', options) }
/** First of the sorted values whose place is at or behind a fraction from 0 to 1. */
export function percentileDisc<A>(a: Expr<A>, fraction: number | null, options?: FilterOptions): Expr<A | null> { return aggregate('percentileDisc', [a, fraction], a?.cellType, options) }
/** The most frequent value, the smallest of several. */
export function mode<A>(a: Expr<A>, options?: FilterOptions): Expr<A | null> { return aggregate('mode', [a], a?.cellType, options) }
