import { EddylineError, unknownName } from '../errors.js'
import type { IntervalParts } from '../interval.js'
import { ANYTHING, type Kinds, OBJECT, checkOptions, isObject } from '../option-kinds.js'
import type { CellType } from '../port.js'
import { type OrderItem, orderJson, orderList } from './aggregate.js'
import { Expr, type ExprJson, type Operand, WindowFunction, exprOf, literal, misshapen, operand } from './expr.js'

/**
 * An end of a frame, so many rows or groups away, or as far as values of the order expression are: milliseconds of moments; of these,
 * too, of dates, times and intervals an interval, `'1 mon'` or `{ months: 1 }`.
 */
export type FrameBound =
  | 'unboundedPreceding' | 'currentRow' | 'unboundedFollowing'
  | { preceding: FrameOffset } | { following: FrameOffset }
type FrameOffset = number | bigint | string | IntervalParts

/** The part of its partition that a row sees: `end` is the current row unless told. */
export interface Frame {
  unit: 'rows' | 'range' | 'groups'
  start: FrameBound
  end?: FrameBound | undefined
  exclude?: 'noOthers' | 'currentRow' | 'group' | 'ties' | undefined
}

/** What a window function is over. */
export interface WindowSpec {
  partitionBy?: Expr<any> | readonly Expr<any>[] | undefined
  orderBy?: OrderItem | readonly OrderItem[] | undefined
  frame?: Frame | undefined
}

function windowFunction<T>(name: string, args: ExprJson[], type?: CellType): WindowFunction<T> {
  return new WindowFunction({ op: 'over', name, args }, type)
}

/** Position in the partition, from 1. */
export function rowNumber(): WindowFunction<number> { return windowFunction('rowNumber', [], 'int') }
/** Position of the first row of equal order, from 1. */
export function rank(): WindowFunction<number> { return windowFunction('rank', [], 'int') }
/** Number of the group of equal order, from 1. */
export function denseRank(): WindowFunction<number> { return windowFunction('denseRank', [], 'int') }
/** (rank − 1) / (rows − 1). */
export function percentRank(): WindowFunction<number> { return windowFunction('percentRank', [], 'float') }
/** The part of the rows that are not after this one. */
export function cumeDist(): WindowFunction<number> { return windowFunction('cumeDist', [], 'float') }
/** Number of the bucket, of so many of equal size. */
export function ntile(buckets: number): WindowFunction<number> { return windowFunction('ntile', [literal(buckets)], 'int') }

/** Value in the row `offset` (1) rows before; where there is none, `fallback`, else null. */
export function lag<T>(a: Expr<T>, offset?: number): WindowFunction<T | null>
export function lag<T, const U>(a: Expr<T>, offset: number, fallback: Operand<U>): WindowFunction<T | U>
export function lag(a: Expr<any>, offset?: number, fallback?: unknown): WindowFunction<any> { return shifted('lag', a, offset, fallback) }

/** Value in the row `offset` (1) rows after; where there is none, `fallback`, else null. */
export function lead<T>(a: Expr<T>, offset?: number): WindowFunction<T | null>
export function lead<T, const U>(a: Expr<T>, offset: number, fallback: Operand<U>): WindowFunction<T | U>
export function lead(a: Expr<any>, offset?: number, fallback?: unknown): WindowFunction<any> { return shifted('lead', a, offset, fallback) }

function shifted(name: string, a: Expr<any>, offset = 1, fallback?: unknown): WindowFunction<any> {
  const args = [operand(a, `${name}(i.points)`), literal(offset)]
  if (fallback !== undefined) args.push(literal(fallback, a.cellType))
  return windowFunction(name, args, a.cellType)
}

/** Value in the first row of the frame. */
export function firstValue<T>(a: Expr<T>): WindowFunction<T | null> { return windowFunction('firstValue', [operand(a, 'firstValue(i.points)')], a.cellType) }
/** Value in the last row of the frame: by default the last row of equal order. */
export function lastValue<T>(a: Expr<T>): WindowFunction<T | null> { return windowFunction('lastValue', [operand(a, 'lastValue(i.points)')], a.cellType) }
/** Value in the n-th row of the frame, from 1. */
export function nthValue<T>(a: Expr<T>, n: number): WindowFunction<T | null> { return windowFunction('nthValue', [operand(a, 'nthValue(i.points, 2)'), literal(n)], a.cellType) }

/**
 * A window function, or an aggregate, over the rows that agree with this one in `partitionBy`, in an order: an expression
 * for `select` and `orderBy`. Rows of equal order are told apart by their key.
 *
 * ```ts
 * q.select(i => ({ id: i.id, place: over(rowNumber(), { partitionBy: i.projectId, orderBy: [i.points, 'desc'] }) }))
 * q.select(i => ({ id: i.id, sofar: over(sum(i.points), { orderBy: i.due }) }))
 * ```
 * Throws QUERY_INVALID for what is neither.
 */
export function over<T>(call: WindowFunction<T> | Expr<T>, spec: WindowSpec = {}): Expr<T> {
  const json = call instanceof WindowFunction ? call.call : exprOf(call, '`over` takes a window function or an aggregate: over(rowNumber(), { orderBy: i.title })')
  checkOptions(spec, SPEC, { code: 'QUERY_INVALID', path: 'over', of: 'over' })
  if (!(call instanceof WindowFunction) && json.op !== 'agg') {
    throw new EddylineError('QUERY_INVALID', '`over` takes a window function or an aggregate', { offending: json.op })
  }
  const order = spec.orderBy === undefined ? [] : orderList(spec.orderBy)
  const over: NonNullable<ExprJson['over']> = {}
  const partitionBy = spec.partitionBy === undefined ? [] : Array.isArray(spec.partitionBy) ? spec.partitionBy as readonly Expr<any>[] : [spec.partitionBy]
  if (partitionBy.length > 0) over.partitionBy = partitionBy.map(e => exprOf(e, '`partitionBy` takes an expression, or a list of these: i.title', 'over.partitionBy'))
  if (order.length > 0) over.orderBy = order.map(o => orderJson(o))
  if (spec.frame !== undefined) {
    checkOptions({ start: undefined, ...spec.frame as object }, FRAME, { code: 'QUERY_INVALID', path: 'over.frame', of: 'frame' })
    const { unit, start, end, exclude } = spec.frame
    const by = order[0] instanceof Expr ? order[0] : order[0]?.[0]
    const moments = unit === 'range' && by?.cellType === 'timestamp'
    over.frame = { unit, start: bound(start, moments, 'start'), ...(end !== undefined ? { end: bound(end, moments, 'end') } : {}), ...(exclude !== undefined ? { exclude } : {}) }
  }
  return new Expr({ ...json, op: 'over', over }, call.cellType)
}

const SPEC: Kinds = { partitionBy: ANYTHING, orderBy: ANYTHING, frame: OBJECT }

const FRAME: Kinds = { unit: ANYTHING, start: { ...ANYTHING, what: 'an end, { preceding: 1 }', needed: true }, end: ANYTHING, exclude: ANYTHING }
const ENDS = ['preceding', 'following']

function bound(given: FrameBound, moments: boolean, which: 'start' | 'end'): { kind: string; offset?: number | bigint | string } {
  if (typeof given === 'string') return { kind: given }
  const path = `over.frame.${which}`
  const names = isObject(given) ? Object.keys(given) : []
  const odd = names.find(name => !ENDS.includes(name))
  if (odd !== undefined) throw unknownName('QUERY_INVALID', `\`${odd}\` of an end of a frame`, odd, ENDS, `${path}.${odd}`)
  if (names.length !== 1) throw misshapen('an end is a text, { preceding: 1 } or { following: 1 }', given, path)
  const [kind, offset] = Object.entries(given as Record<string, FrameOffset>)[0]
  if (typeof offset === 'string' || typeof offset === 'object') return { kind, offset: literal(offset, 'interval').value as string }
  // Moments are held in microseconds.
  return { kind, offset: !moments ? offset : typeof offset === 'bigint' ? offset * 1000n : Math.round(offset * 1000) }
}
