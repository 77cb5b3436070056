// Queries of the Query JSON as one SQL statement, with the shape of its rows.
//
// Every row is a JSON array of texts; nested associations are correlated sub-selects, lists by json_agg. A shape is a list of
// fields `{ name, type }`, `{ name, row: shape }` (a member of a join, or null), `{ name, one: shape }` or `{ name, list: shape }`.
import { output } from './sql-aggregate.mjs'
import { cell, filter, grouping, keyOf, ordered, window } from './sql-clause.mjs'
import { asText, expression, name } from './sql-expression.mjs'
import { defaultOrder, hops } from './sql-relations.mjs'
import { columnsOf, isGrouped, relation, sourcesOf, withCtes } from './sql-source.mjs'

/** `{ sql, shape }` of a query over a schema. */
export function querySql(schema, query) {
  const { env, clause } = withCtes(new Map(schema.tables.map((t) => [t.name, t])), query)
  // Rows that are made by comparing them are a relation first.
  if (query.setOp || query.distinct || query.distinctOn || query.limitBy) return wrapped(env, clause, query)
  const { sources, from } = sourcesOf(env, query)
  sources[0].computed = computedOf(env, query, sources[0], 1)
  const column = columnsOf(env, sources)
  const grouped = isGrouped(query)
  const groups = grouped && grouping(query, (query.groupBy ?? []).map((g) => expression(g.expr, column).sql))
  const key = grouped ? groups.key : sources.flatMap(keyOf)
  column.key = key
  const { fields, shape } = select(query, sources, column)
  const nested = nest(env, query, sources[0], 1)
  const order = orderOf(query.orderBy, key, column)
  const where = query.where ? [expression(query.where, column).sql] : []
  const start = query.start ? [startSql(query, key, column)] : []
  const parts = [
    `${clause}select json_build_array(${[...fields, ...nested.fields].join(', ')})::text as row from ${from}`,
    filter('where', grouped ? where : [...where, ...start]),
    grouped ? groups.clause : '',
    grouped ? filter('having', [...(query.having ? [expression(query.having, column).sql] : []), ...start]) : '',
    order, window(query),
  ]
  return { sql: parts.filter((p) => p !== '').join('\n'), shape: [...shape, ...nested.shape] }
}

function wrapped(env, clause, query) {
  const { ctes, ...rest } = query
  const { sql, columns, key, order } = relation(env, rest)
  const { fields, shape } = split(columns.map((c) => ({ name: c.name, ...asText({ sql: name(c.name), type: c.type }) })))
  return { sql: `${clause}select json_build_array(${fields.join(', ')})::text as row from (${sql}) w\n${ordered(order, key.map(name))}`, shape }
}

function select(query, sources, column) {
  if (query.select) return split(query.select.map((f) => ({ name: f.name, ...output(f.expr, column) })))
  const whole = ({ alias, table }) => split(table.columns.map((c) => ({ name: c.name, ...asText(cell(alias, c)), ...(table.derived ? {} : { column: c.type }) })))
  if (sources.length === 1) {
    const { fields, shape } = whole(sources[0])
    const computed = split((sources[0].computed ?? []).map((c) => ({ name: c.name, ...asText(c) })))
    return { fields: [...fields, ...computed.fields], shape: [...shape, ...computed.shape] }
  }
  const members = sources.map((source) => {
    const { fields, shape } = whole(source)
    const row = `json_build_array(${fields.join(', ')})`
    return { name: source.alias, sql: source.optional ? `case when ${keyOf(source)[0]} is not null then ${row} end` : row, row: shape }
  })
  return split(members)
}

/** Columns computed of associations: correlated sub-selects. */
function computedOf(tables, query, owner, level) {
  return (query.computed ?? []).map(({ as, relation: wanted, expr }, i) => {
    const relation = owner.table.relations.find((x) => x.name === wanted)
    const steps = hops(tables, owner.table, relation)
    const target = { alias: `c${level}_${i}`, table: tables.get(steps.at(-1).table) }
    const listed = ['first', 'last', 'stringAgg', 'arrayAgg', 'jsonAgg'].includes(expr.name) && !expr.distinct && !expr.orderBy
    const { sql, type } = expression(listed ? { ...expr, orderBy: defaultOrder(tables, owner.table, relation) } : expr, columnsOf(tables, [target]))
    return { name: as, type, sql: `(select ${sql} from ${name(target.table.name)} ${name(target.alias)} where ${linkSql(tables, owner, steps, target)})` }
  })
}

/** SQL apart from what describes it. */
const split = (outputs) => ({ fields: outputs.map((o) => o.sql), shape: outputs.map(({ sql, ...rest }) => rest) })

const orderOf = (orderBy, key, column) =>
  ordered((orderBy ?? []).map((o) => ({ sql: expression(o.expr, column).sql, desc: o.desc, nulls: o.nulls ?? (o.desc ? 'first' : 'last') })), key)

/** Rows behind the start: greater in the first order expression that differs. Null is equal to null, and has its place. */
function startSql({ orderBy = [], start }, key, column) {
  const places = [
    ...orderBy.map((o) => ({ sql: expression(o.expr, column).sql, desc: o.desc ?? false, nulls: o.nulls ?? (o.desc ? 'first' : 'last') })),
    ...key.map((sql) => ({ sql, desc: false, nulls: 'last' })),
  ].slice(0, start.values.length)
  const values = start.values.map((v) => expression(v, column).sql)
  const same = (i) => `${places[i].sql} is not distinct from ${values[i]}`
  const behind = (i) => {
    const { sql, desc, nulls } = places[i]
    if (values[i] === 'null') return nulls === 'first' ? `${sql} is not null` : 'false'
    const greater = `${sql} ${desc ? '<' : '>'} ${values[i]}`
    return nulls === 'last' ? `(${greater} or ${sql} is null)` : `(${sql} is not null and ${greater})`
  }
  const all = places.map((_, i) => i)
  const cases = all.map((i) => [...all.slice(0, i).map(same), behind(i)].join(' and '))
  if (start.inclusive) cases.push(all.map(same).join(' and '))
  return `(${cases.map((c) => `(${c})`).join(' or ')})`
}

/** The sub-selects of a level's `with`. */
function nest(tables, query, owner, level) {
  return split((query.with ?? []).map((item, i) => {
    const relation = owner.table.relations.find((x) => x.name === item.relation)
    const steps = hops(tables, owner.table, relation)
    const target = { alias: `l${level}_${i}`, table: tables.get(steps.at(-1).table) }
    const nested = item.query ?? {}
    target.computed = computedOf(tables, nested, target, level + 1)
    const column = columnsOf(tables, [target])
    column.key = keyOf(target)
    const own = select(nested, [target], column)
    const below = nest(tables, nested, target, level + 1)
    const key = keyOf(target)
    const orderBy = nested.orderBy?.length > 0 ? nested.orderBy : defaultOrder(tables, owner.table, relation)
    const order = orderOf(orderBy, key, column)
    const conditions = [linkSql(tables, owner, steps, target)]
    if (nested.where) conditions.push(expression(nested.where, column).sql)
    if (nested.start) conditions.push(startSql({ orderBy, start: nested.start }, key, column))
    const row = `json_build_array(${[...own.fields, ...below.fields].join(', ')})`
    const source = `from ${name(target.table.name)} ${name(target.alias)} where ${conditions.join(' and ')} ${order}`
    const field = { name: item.as ?? item.relation }
    const shape = [...own.shape, ...below.shape]
    if (relation.kind === 'belongsTo' || relation.kind === 'hasOne') return { ...field, sql: `(select ${row} ${source} limit 1)`, one: shape }
    const rows = `select row_number() over (${order}) as n, ${row} as row ${source} ${window(nested)}`
    // Without an order rows are in that of their arrival, of which PostgreSQL knows nothing.
    const unordered = !(orderBy?.length > 0) && !nested.start
    return { ...field, sql: `(select coalesce(json_agg(x.row order by x.n), '[]') from (${rows}) x)`, list: shape, unordered }
  }))
}

/** That the target can be reached from the owner. Through other tables `exists`: a target reached twice is there once. */
function linkSql(tables, owner, steps, target) {
  const equal = (a, left, b, right) => left.map((l, i) => `${name(a)}.${name(l)} = ${name(b)}.${name(right[i])}`)
  const conditions = []
  const between = []
  let at = owner
  steps.forEach((step, i) => {
    const next = i === steps.length - 1 ? target : { alias: `${target.alias}_h${i}`, table: tables.get(step.table) }
    if (next !== target) between.push(`${name(step.table)} ${name(next.alias)}`)
    conditions.push(...equal(at.alias, step.left, next.alias, step.right))
    for (const where of step.where) conditions.push(expression(where, columnsOf(tables, [next])).sql)
    at = next
  })
  const all = conditions.join(' and ')
  return between.length > 0 ? `exists (select from ${between.join(', ')} where ${all})` : all
}
