// Random sub-queries in conditions and selects: tied to the row outside by equalities, by comparisons, or not at all.
import { Expressions } from './make-expression.mjs'
import { aggregate } from './make-aggregate.mjs'
import { windowCall } from './make-window.mjs'
import { domain, isSafe, literal } from './values.mjs'

/** What sub-queries are there for: features by name. */
export const subqueries = ['exists', 'notExists', 'inQuery', 'notInQuery', 'scalar', 'scalarRow']

const family = (c) => (c.type === 'bigint' ? 'int' : c.type)

/** A condition of a kind of sub-query; `state` is that of the query around, whose columns are read by alias. */
export function subqueryCondition(state, kind) {
  return condition(within(state), kind, 1)
}

/** A field that is a sub-query. */
export function subqueryField(state) {
  const { r } = state
  return r.oneIn(2) ? scalar(within(state), 1).expr : condition(within(state), r.pick(subqueries), 1)
}

/** A number that is a sub-query: an aggregate. */
export const subqueryNumber = (state) => scalar(within(state), 1).expr

function within({ r, schema, seen, json, expressions, ctes = [] }) {
  const alias = json.alias ?? json.from.alias ?? json.from
  const tables = schema.tables.filter((t) => ctes.every((c) => c.name !== t.name))
  return { r, schema: { ...schema, tables }, seen, outside: expressions.columns.map((c) => ({ ...c, of: c.of ?? alias })) }
}

function condition(state, kind, level) {
  const { r, seen, outside } = state
  seen.add(kind)
  const around = new Expressions(r, outside, seen)
  let e
  switch (kind) {
    case 'exists': case 'notExists': {
      const { json, inside } = query(state, level)
      e = { op: kind, query: r.oneIn(4) ? cut(state, json, inside) : firstOfEach(state, json, inside) }
      break
    }
    case 'inQuery': case 'notInQuery': {
      const { json, inside } = query(state, level)
      const pairs = outside.flatMap((a) => inside.columns.filter((b) => family(a) === family(b) && a.type !== 'json').map((b) => [a, b]))
      if (pairs.length === 0) return condition(state, 'exists', level)
      const [a, b] = r.pick(pairs)
      const field = json.groupBy ? { op: 'agg', name: 'max', args: [inside.column(b)] } : inside.column(b)
      // A maximum of booleans and of uuids is of ours alone.
      const none = ['bool', 'uuid'].includes(b.type)
      if (none) ungrouped(json)
      const over = windowed(state, json, inside, b)
      json.select = [{ name: 'v', expr: over ?? (none ? inside.column(b) : field) }]
      if (r.oneIn(4)) cut(state, json, inside)
      else if (!json.groupBy && !over && r.oneIn(4)) json.distinct = true
      else firstOfEach(state, json, inside)
      e = { op: kind, args: [r.oneIn(6) ? around.coalesce(a) : around.column(a)], query: json }
      break
    }
    default: {
      const { expr, type } = scalar(state, level, kind === 'scalarRow')
      const others = outside.filter((c) => family(c) === type && isSafe(c))
      const other = others.length > 0 && r.oneIn(2) ? around.column(r.pick(others)) : type === 'int' ? literal('int', r.between(-1, 5)) : expr
      const args = r.oneIn(2) ? [expr, other] : [other, expr]
      e = { op: r.pick(['=', '!=', '<', '>=']), args }
    }
  }
  switch (r.below(8)) {
    case 0: return { op: 'not', args: [e] }
    case 1: return { op: 'or', args: [e, around.condition()] }
    case 2: return { op: 'isNull', args: [e] }
    default: return e
  }
}

/** One value: an aggregate, or (`row`) a column of the row with a whole key, which is at most one; without ties, of any. */
function scalar(state, level, row = false) {
  const { r, seen, outside } = state
  seen.add(row ? 'scalarRow' : 'scalar')
  const { json, inside, table, alias } = query(state, level)
  ungrouped(json)
  if (!row) {
    const name = r.pick(['count', 'countX', 'sum', 'min', 'max'])
    seen.add(name)
    let expr = aggregate({ r, expressions: inside, exact: true }, name)
    // By the column's own type: bytes have no maximum in PostgreSQL 15, and booleans another one.
    if ((name === 'min' || name === 'max')) expr = { op: 'agg', name, args: [inside.number('int')] }
    // Over the one group.
    if (r.oneIn(8)) expr = { op: 'over', name: 'sum', args: [expr], over: {} }
    json.select = [{ name: 'v', expr }]
    return { expr: { op: 'scalar', query: json }, type: 'int' }
  }
  const around = new Expressions(r, outside, seen)
  const ties = table.key.map((k) => {
    const c = inside.columns.find((x) => x.name === k && x.of === alias)
    const others = outside.filter((o) => family(o) === family(c))
    return { op: '=', args: [inside.column(c), others.length > 0 && r.below(4) > 0 ? around.column(r.pick(others)) : inside.literalLike(c)] }
  })
  if (r.oneIn(2)) {
    // The first row in some order.
    const columns = inside.columns.filter((c) => c.type !== 'json')
    const c = r.pick(columns)
    json.select = [{ name: 'v', expr: windowed(state, json, inside, c) ?? inside.column(c) }]
    cut(state, json, inside)
    json.limit = 1
    return { expr: { op: 'scalar', query: json }, type: family(c) }
  }
  // Rarely nothing holds it to one row.
  if (r.below(6) > 0) json.where = json.where ? { op: 'and', args: [...ties, json.where] } : ties.length === 1 ? ties[0] : { op: 'and', args: ties }
  const columns = inside.columns.filter((c) => c.type !== 'json')
  const c = r.pick(columns)
  json.select = [{ name: 'v', expr: inside.column(c) }]
  if (!json.groupBy && r.oneIn(4)) json.distinct = true
  else firstOfEach(state, json, inside)
  return { expr: { op: 'scalar', query: json }, type: family(c) }
}

/** Sometimes keeps the first rows of those that agree in a column. */
function firstOfEach({ r }, json, inside) {
  if (json.groupBy || !r.oneIn(5)) return json
  const column = () => inside.column(r.pick(inside.columns.filter((c) => c.type !== 'json')))
  if (r.oneIn(2)) json.distinctOn = [column()]
  else json.limitBy = { by: [column()], limit: r.between(1, 2), ...(r.oneIn(3) ? { offset: 1 } : {}) }
  json.orderBy = Array.from({ length: r.below(3) }, () => ({ expr: column(), ...(r.oneIn(2) ? { desc: true } : {}) }))
  return json
}

/** Rarely a window function over the rows, or groups, of a query, of the type of one of its columns. */
function windowed({ r, schema, seen }, json, inside, c) {
  if (!r.oneIn(6)) return undefined
  const group = json.groupBy?.[0].expr
  // Which of equal rows comes first PostgreSQL leaves open.
  if (group && json.groupingSets && String(json.groupingSets) !== '0,') return undefined
  const count = { expr: { op: 'agg', name: 'count' }, type: 'int' }
  const ordered = inside.columns.filter((x) => !['json', 'uuid'].includes(x.type))
  const column = () => {
    if (group) return r.oneIn(2) ? { expr: group } : count
    const x = r.pick(ordered)
    return { expr: inside.column(x), type: x.type, values: domain(x) }
  }
  const tables = [[json.from, json.alias], ...(json.joins ?? []).map((j) => [j.table, j.alias])]
  const keys = tables.flatMap(([from, of]) => schema.tables.find((t) => t.name === from).key.map((name) => ({ op: 'col', name, of })))
  const key = group ? [group, ...(json.groupingSets ? [{ op: 'grouping', args: [group] }] : [])] : keys
  const kind = r.pick(family(c) === 'int' ? ['rowNumber', 'ntile', 'overSum'] : ['shift', 'place'])
  if (group && family(c) !== 'int') return undefined
  const parts = { column, number: () => count.expr, text: () => count.expr, key }
  seen.add(kind)
  const call = windowCall({ r, wants: (_, odds = 0) => odds > 0 && r.oneIn(odds), seen }, kind, parts, true)
  if (family(c) !== 'int') call.args = [inside.column(c), ...call.args.slice(1, 2)]
  return call
}

/** Keeps a part of the rows, in an order. */
function cut(state, json, inside) {
  const { r } = state
  // Which of the equal rows of equal sets comes first PostgreSQL leaves open.
  if (json.groupingSets) json.groupingSets = [[0], []]
  const columns = inside.columns.filter((c) => c.type !== 'json')
  const place = () => windowed(state, json, inside, { type: 'int' }) ?? (json.groupBy ? (r.oneIn(2) ? json.groupBy[0].expr : { op: 'agg', name: 'count' }) : inside.column(r.pick(columns)))
  json.orderBy = Array.from({ length: r.below(3) }, () => ({ expr: place(), ...(r.oneIn(2) ? { desc: true } : {}), ...(r.oneIn(3) ? { nulls: r.pick(['first', 'last']) } : {}) }))
  json.limit = r.pick([0, 1, 1, 2, 3])
  if (r.oneIn(3)) json.offset = r.below(3)
  return firstOfEach(state, json, inside)
}

/** A query of one or two tables, without a select unless it is grouped. */
function query(state, level) {
  const { r, schema, seen, outside } = state
  const alias = `s${level}`
  const table = r.pick(schema.tables)
  const of = (t, a, optional = false) => t.columns.map((c) => ({ ...c, of: a, nullable: c.nullable || optional }))
  let columns = of(table, alias)
  const json = { from: table.name, alias }
  const equal = (left, right) => {
    const pairs = left.flatMap((a) => right.filter((b) => family(a) === family(b) && a.type !== 'json').map((b) => [a, b]))
    const keys = pairs.filter(([a, b]) => [a, b].some((c) => c.name.startsWith('f') || c.name.startsWith('k')))
    if (pairs.length === 0) return []
    const [a, b] = r.pick(keys.length > 0 && r.below(3) > 0 ? keys : pairs)
    const e = new Expressions(r, [a, b], seen)
    return [{ op: '=', args: r.oneIn(2) ? [e.column(a), e.column(b)] : [e.column(b), e.column(a)] }]
  }
  if (r.oneIn(6)) {
    const other = r.pick(schema.tables)
    const kind = r.pick(['inner', 'left'])
    const right = of(other, `u${level}`, kind === 'left')
    const on = equal(r.oneIn(4) && !schema.large ? outside : columns, right)[0]
    if (on) {
      json.joins = [{ kind, table: other.name, alias: `u${level}`, on }]
      columns = [...columns, ...right]
    }
  }
  const inside = new Expressions(r, columns, seen)
  const parts = []
  for (let n = schema.large ? 1 : r.pick([0, 1, 1, 1, 2]); n > 0; n--) parts.push(...equal(outside, columns))
  const ordered = columns.flatMap((a) => outside.filter((b) => family(a) === family(b) && a.type !== 'json' && a.type !== 'bool').map((b) => [a, b]))
  if (!schema.large && ordered.length > 0 && r.oneIn(4)) {
    const [a, b] = r.pick(ordered)
    const e = new Expressions(r, [a, b], seen)
    parts.push({ op: r.pick(['!=', '<', '>=']), args: [e.column(a), e.column(b)] })
  }
  if (r.oneIn(3)) parts.push(inside.condition())
  if (level < 3 && !schema.large && r.oneIn(6)) {
    // A sub-query of its own, which may skip the level between.
    seen.add('subInSub')
    const around = r.oneIn(3) ? [...columns, ...outside] : columns
    parts.push(condition({ ...state, outside: around }, r.pick(subqueries.slice(0, 5)), level + 1))
  }
  if (parts.length > 0) json.where = parts.length === 1 ? parts[0] : { op: r.below(8) > 0 ? 'and' : 'or', args: parts }
  if (r.oneIn(8)) {
    const c = r.pick(columns.filter((x) => x.type !== 'json'))
    json.groupBy = [{ expr: inside.column(c) }]
    json.select = [{ name: 'v', expr: inside.column(c) }]
    if (r.oneIn(3)) {
      seen.add('groupingSets')
      json.groupingSets = r.pick([[[0], []], [[], [0], []], [[0], [0]]])
      if (r.oneIn(3)) json.having = { op: '=', args: [{ op: 'grouping', args: [json.groupBy[0].expr] }, literal('int', r.below(2))] }
    }
  }
  return { json, inside, table, alias }
}

function ungrouped(json) {
  for (const part of ['groupBy', 'groupingSets', 'having']) delete json[part]
}
