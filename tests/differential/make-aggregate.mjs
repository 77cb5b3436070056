// Random aggregates: which, of what, and what they say besides arguments.
import { Expressions } from './make-expression.mjs'
import { isSummable, literal } from './values.mjs'

/** Aggregates by the names of features. */
export const aggregates = ['count', 'countX', 'sum', 'avg', 'min', 'max', 'boolAgg', 'stringAgg', 'jsonAgg', 'variance', 'stddev', 'median', 'percentileCont', 'percentileDisc', 'mode', 'first', 'last']
/** What aggregates and groups can have besides. */
export const modifiers = ['distinct', 'filtered', 'orderedAgg', 'having']

const agg = (name, ...args) => ({ op: 'agg', name, ...(args.length > 0 ? { args } : {}) })

/** `exact`: the result can be ordered by, or computed with: PostgreSQL's does not depend on the order of rows. */
export function aggregate({ r, seen, expressions, exact }, name, hazard) {
  const numbers = expressions.columns.filter((c) => ['int', 'bigint', 'float', 'decimal'].includes(c.type) && isSummable(c))
  // PostgreSQL has no least uuid.
  const ordered = expressions.columns.filter((c) => c.type !== 'json' && c.type !== 'uuid' && !(exact && c.type === 'bool'))
  const number = () => (exact || numbers.length === 0 || r.oneIn(3) ? (r.oneIn(4) ? expressions.decimal() : expressions.number('int')) : expressions.column(r.pick(numbers)))
  const fraction = () => literal('float', r.oneIn(12) ? null : r.pick([0, 0.1, 0.25, 0.5, 0.75, 1]))
  const any = () => (ordered.length === 0 || r.oneIn(3) ? expressions.value(r.pick(['int', 'text', 'float'])) : expressions.column(r.pick(ordered)))
  // PostgreSQL's first of an order is an element of an array, of which there are none of arrays.
  const single = () => {
    const made = any()
    return expressions.columns.some((c) => c.name === made.name && c.type.endsWith('[]')) || made.op === 'coalesce' ? expressions.value('text') : made
  }
  // Of equal intervals of which a source makes one, either may be written in the list.
  const isSet = ['union', 'intersect', 'except', 'recursive', 'distinctRows', 'sub', 'cte'].some((f) => seen?.has(f)) && expressions.columns.some((c) => c.type !== 'interval')
  const listed = isSet ? expressions.columns.filter((c) => c.type !== 'interval') : expressions.columns
  switch (name) {
    case 'count': return agg('count')
    case 'countX': return agg('count', hazard ?? (r.oneIn(3) ? expressions.value('bool') : expressions.column(r.pick(expressions.columns))))
    // A hazard could fail itself before its sum does: `count`, `min` and `max` take one.
    case 'sum': case 'avg': return agg(name, !exact && r.oneIn(6) ? expressions.value('interval') : number())
    case 'variance': return agg(r.pick(['variance', 'varSamp', 'varPop']), number())
    case 'stddev': return agg(r.pick(['stddev', 'stddevSamp', 'stddevPop']), number())
    case 'boolAgg': return agg(r.pick(['boolAnd', 'boolOr', 'every']), expressions.value('bool'))
    case 'median': return agg('median', r.oneIn(4) ? expressions.decimal() : expressions.number(r.pick(['int', 'float'])))
    case 'percentileCont': return agg('percentileCont', number(), fraction())
    case 'percentileDisc': return agg('percentileDisc', any(), fraction())
    case 'first': case 'last': return agg(name, single())
    case 'mode': return agg(name, any())
    case 'stringAgg': return agg('stringAgg', expressions.text(), r.oneIn(6) ? expressions.text() : literal('text', r.oneIn(8) ? null : r.pick([',', '', ' | '])))
    case 'jsonAgg': return agg(r.pick(['arrayAgg', 'jsonAgg']), r.oneIn(4) ? any() : expressions.column(r.pick(listed)))
    default: return agg(name, hazard ?? any())
  }
}

const ordered = ['stringAgg', 'arrayAgg', 'jsonAgg', 'first', 'last']
const undistinct = ['median', 'percentileCont', 'percentileDisc', 'mode', 'first', 'last']

/** An aggregate with `distinct`, `filter` and `orderBy` left to chance, unless the last one has to have what is asked for. */
export function call(state, name, hazard, last = false) {
  const { r, seen, wanted, expressions } = state
  const made = aggregate(state, name, hazard)
  const wants = (f, odds) => (last && wanted.includes(f)) || r.oneIn(odds)
  const possible = made.args && !undistinct.includes(made.name) && (made.name !== 'stringAgg' || made.args[1].op === 'lit')
  if (possible && wants('distinct', 5)) {
    seen.add('distinct')
    made.distinct = true
  }
  if (wants('filtered', 6)) {
    seen.add('filtered')
    made.filter = expressions.condition()
  }
  if (ordered.includes(made.name) && wants('orderedAgg', 2)) {
    seen.add('orderedAgg')
    const item = () => ({ expr: r.oneIn(3) ? expressions.value(r.pick(['int', 'text', 'float'])) : expressions.column(r.pick(expressions.columns)) })
    made.orderBy = (made.distinct ? [{ expr: made.args[0] }] : Array.from({ length: r.between(1, 2) }, item))
      .map((o) => ({ ...o, ...(r.oneIn(2) ? { desc: true } : {}), ...(r.oneIn(4) ? { nulls: r.pick(['first', 'last']) } : {}) }))
  }
  return made
}

const exactly = ['count', 'countX', 'sum', 'min', 'max', 'boolAgg', 'stringAgg', 'jsonAgg', 'median', 'percentileCont', 'percentileDisc', 'mode', 'first', 'last']

/** Columns of a table that are aggregates over its associations, put into a query; those that expressions can read. */
export function makeComputed({ r, schema, seen, wanted }, table, json) {
  if (table.relations.length === 0) return []
  seen.add('computed')
  json.computed = Array.from({ length: r.between(1, 3) }, (_, i) => {
    const relation = r.pick(table.relations)
    seen.add(relation.kind)
    const expressions = new Expressions(r, schema.tables.find((t) => t.name === relation.table).columns, seen)
    const name = i === 0 ? 'count' : r.pick(exactly)
    seen.add(name)
    return { as: `n${i}`, relation: relation.name, expr: call({ r, seen, wanted, expressions, exact: true }, name) }
  })
  return [{ name: 'n0', type: 'int', domain: 'small', nullable: false }]
}
