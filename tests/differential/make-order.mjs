// Random order, keyset start, limit and offset.
import { call } from './make-aggregate.mjs'
import { domain, literal } from './values.mjs'

/** What a query can be ordered by: makers of `{ expr, type?, values? }`; with `values` a start can be made. */
export function orderables(state) {
  const { r, expressions, groups } = state
  if (groups === undefined) {
    const { columns } = expressions
    return {
      column: () => {
        const c = r.pick(columns)
        return { expr: expressions.column(c), values: domain(c), type: c.type }
      },
      expression: () => {
        const type = r.pick(['int', 'text', 'bool', 'float', 'decimal'])
        // What is made for `float` may be of integers only: integers fit both.
        const values = { int: [-2, 0, 1, 2, 3], text: ['', 'a', 'ab', 'É'], bool: [true, false], float: [-1, 0, 1, 2] }[type]
        return text(expressions, type) ? { expr: expressions.value(type), values, type } : { expr: expressions.number('int'), values: [0, 1, 2], type: 'int' }
      },
    }
  }
  const column = () => {
    if (groups.length > 0 && r.oneIn(2)) {
      const { expr, column } = r.pick(groups)
      return column ? { expr, values: domain(column), type: column.type } : { expr }
    }
    const name = r.pick(['count', 'countX', 'sum', 'min', 'max', 'mode', 'first', 'last', 'stringAgg', 'boolAgg'])
    const expr = call({ ...state, exact: true }, name)
    return !['count', 'countX', 'sum'].includes(name) ? { expr } : { expr, values: [0, 1, 2, 3], type: 'int' }
  }
  return {
    column,
    expression: () => (r.oneIn(2) ? { expr: { op: 'neg', args: [{ op: 'agg', name: 'count' }] }, values: [-2, -1, 0], type: 'int' } : { expr: { op: 'isNull', args: [column().expr] }, values: [true, false], type: 'bool' }),
  }
}

const text = (expressions, type) => type !== 'text' || expressions.columnsOf('text').length > 0

/** Puts an order into a query, and perhaps a start; `key`: the columns that identify a row of the result, if they are columns. */
export function makeOrder({ r, wants, seen, json }, { column, expression }, key) {
  const starts = wants('startKey') || wants('start', 6)
  if (!starts && !wants('order', 2) && !wants('orderExpr', 5) && !wants('desc') && !wants('nulls')) return
  const items = Array.from({ length: r.between(1, 2) }, (_, i) => {
    seen.add('order')
    const computed = wants('orderExpr') ? i === 0 : r.oneIn(4)
    if (computed) seen.add('orderExpr')
    const item = computed ? expression() : column()
    if (wants('desc') ? i === 0 : r.oneIn(2)) Object.assign(item, { desc: true })
    if (wants('nulls') ? i === 0 : r.oneIn(4)) Object.assign(item, { nulls: r.pick(['first', 'last']) })
    return item
  })
  for (const f of ['desc', 'nulls']) if (items.some((i) => f in i)) seen.add(f)
  json.orderBy = items.map(({ expr, desc, nulls }) => ({ expr, ...(desc ? { desc } : {}), ...(nulls ? { nulls } : {}) }))
  if (!starts || key === undefined || items.some((i) => i.values === undefined)) return
  seen.add('start')
  const values = items.map((i) => literal(i.type, r.oneIn(6) ? null : r.pick(i.values)))
  if (wants('startKey', 2)) {
    seen.add('startKey')
    values.push(...key.map((c) => literal(c.type, c.nullable && r.oneIn(4) ? null : r.pick(domain(c)))))
  }
  json.start = { values, inclusive: r.oneIn(2) }
}

/** Puts a limit and an offset into a query. */
export function makeWindow({ r, schema, wants, seen, json }) {
  if (wants('limit', 4)) {
    seen.add('limit')
    json.limit = r.pick(schema.large ? [1, 10, 50, 100] : [0, 1, 2, 3, 5, 8])
  }
  if (wants('offset', 8)) {
    seen.add('offset')
    json.offset = r.pick(schema.large ? [0, 3, 30, 90] : [0, 1, 2, 4])
  }
}
