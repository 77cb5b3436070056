// The features whose pairs are to be covered, and the table of pairs that were.
import { atoms, connectives } from './make-expression.mjs'
import { aggregates, modifiers } from './make-aggregate.mjs'
import { subqueries } from './make-subquery.mjs'
import { windows } from './make-window.mjs'
import { types } from './values.mjs'

const nested = ['computed', 'belongsTo', 'hasOne', 'hasMany', 'manyToMany', 'through', 'deep']
const joined = ['inner', 'left', 'right', 'full', 'cross', 'three', 'self', 'range', 'overlap', 'either', 'unnest']
const sets = ['union', 'intersect', 'except', 'all']
const once = ['distinctRows', 'distinctOn', 'limitBy']
const sources = ['sub', 'cte', 'topk', 'recursive']
const grouped = ['group', 'groupingSets', 'global', ...aggregates, ...modifiers]

/** In the order of the table. */
export const features = [
  'rows', 'select', ...joined, ...grouped, ...nested, ...sources, ...once, ...sets,
  'where', ...connectives, ...atoms.filter((a) => a !== 'json'), 'inNull',
  ...subqueries, 'subInSub', ...windows, 'order', 'orderExpr', 'desc', 'nulls', 'limit', 'offset', 'start', 'startKey', 'hazard', 'late', 'composite', ...types,
]

const kinds = [
  [nested, sources], [nested, once], [nested, sets], [sets, joined], [[...sets, ...once], ['start', 'startKey', 'hazard', 'rows', ...grouped]], [sources, ['startKey', 'hazard']], [['distinctRows'], ['distinctOn', 'limitBy']],
  [nested, joined], [nested, grouped], [['rows'], ['select']], [['rows', 'select'], grouped], [['group', 'groupingSets'], ['global']], [['groupingSets'], ['start', 'startKey']], [windows, ['start', 'startKey']],
  [windows, [...sources, ...once, ...sets]], [sets, [...subqueries, 'subInSub']],
]

/** Whether one query can have both. */
export function possible(a, b) {
  if (a === b) return false
  return !kinds.some(([x, y]) => (x.includes(a) && y.includes(b)) || (x.includes(b) && y.includes(a)))
}

const pairs = features.flatMap((a, i) => features.slice(i + 1).filter((b) => possible(a, b)).map((b) => [a, b]))

/** The pair that the n-th query has to have: all pairs in turn, in an order that mixes them. */
export const pairOf = (n) => pairs[(n * 7919) % pairs.length]

/** Counts pairs of features that were seen together in a query. */
export class Coverage {
  #counts = new Map()

  /** @param {Set<string>} seen the features of a query that was compared */
  add(seen) {
    const known = features.filter((f) => seen.has(f))
    known.forEach((a, i) => known.slice(i).forEach((b) => {
      const key = `${a} ${b}`
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    }))
  }

  count(a, b) {
    return this.#counts.get(`${a} ${b}`) ?? this.#counts.get(`${b} ${a}`) ?? 0
  }

  /** Pairs that could be and were not. */
  missing() {
    return pairs.filter(([a, b]) => this.count(a, b) === 0)
  }

  /** The triangle of pairs; a digit is the number of digits of the count, `-`: impossible, `.`: not seen. */
  table() {
    const width = Math.max(...features.map((f) => f.length))
    const cell = (a, b) => {
      const n = this.count(a, b)
      return n > 0 ? String(n).length : a !== b && !possible(a, b) ? '-' : '.'
    }
    const lines = features.map((a, i) => `${a.padStart(width)} ${features.slice(0, i + 1).map((b) => cell(a, b)).join('')} ${this.count(a, a)}`)
    const missing = this.missing()
    return [
      'Pairs of features seen in one query (a digit: how many digits the count has; at the end of a line: queries with the feature)',
      ...lines,
      `${pairs.length - missing.length} of ${pairs.length} possible pairs seen${missing.length > 0 ? `; not: ${missing.slice(0, 40).map((p) => p.join('+')).join(' ')}${missing.length > 40 ? ' …' : ''}` : ''}`,
    ].join('\n')
  }
}
