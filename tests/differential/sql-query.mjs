// Queries of the Query JSON as one SQL statement, with the shape of its rows.
//
// Every row is a JSON array of texts; nested associations are correlated sub-selects, lists by json_agg. A shape is a list of
// fields `{ name, type }`, `{ name, row: shape }` (a member of a join, or null), `{ name, one: shape }` or `{ name, list: shape }`.
import { output } from './sql-aggregate.mjs'
import { asText, expression, name } from './sql-expression.mjs'
import { defaultOrder, hops } from './sql-relations.mjs'

const kind = (type) => (type === 'bigint' ? 'int' : type)

/** `{ sql, shape }` of a query over a schema. */
export function querySql(schema, query) {
  const tables = new Map(schema.tables.map((t) => [t.name, t]))
  const sources = [{ alias: query.alias ?? query.from, table: tables.get(query.from) }]
  let from = `${name(query.from)} ${name(sources[0].alias)}`
  for (const join of query.joins ?? []) {
    sources.push({ alias: join.alias ?? join.table, table: tables.get(join.table), optional: join.kind === 'left' })
    from += ` ${join.kind} join ${name(join.table)} ${name(sources.at(-1).alias)} on ${expression(join.on, columnsOf(tables, sources)).sql}`
  }
  sources[0].computed = computedOf(tables, query, sources[0], 1)
  const column = columnsOf(tables, sources)
  const key = query.groupBy || isGrouped(query) ? (query.groupBy ?? []).map((g) => expression(g.expr, column).sql) : sources.flatMap(keyOf)
  column.key = key
  const { fields, shape } = select(query, sources, column)
  const nested = nest(tables, query, sources[0], 1)
  const order = orderOf(query.orderBy, key, column)
  const where = query.where ? [expression(query.where, column).sql] : []
  const start = query.start ? [startSql(query, key, column)] : []
  const grouped = query.groupBy || isGrouped(query)
  const parts = [
    `select json_build_array(${[...fields, ...nested.fields].join(', ')})::text as row from ${from}`,
    filter('where', grouped ? where : [...where, ...start]),
    grouped ? `group by ${key.length > 0 ? key.join(', ') : '()'}` : '',
    grouped ? filter('having', [...(query.having ? [expression(query.having, column).sql] : []), ...start]) : '',
    order, window(query),
  ]
  return { sql: parts.filter((p) => p !== '').join('\n'), shape: [...shape, ...nested.shape] }
}

const filter = (word, conditions) => (conditions.length > 0 ? `${word} ${conditions.join(' and ')}` : '')
const window = ({ limit, offset }) => [limit === undefined ? '' : `limit ${limit}`, offset ? `offset ${offset}` : ''].filter(Boolean).join(' ')

function isGrouped(query) {
  const parts = ({ over = {} }) => [...(over.partitionBy ?? []), ...(over.orderBy ?? []).map((o) => o.expr)]
  const calls = (e) => e.op === 'agg' || (e.args ?? []).some(calls) || parts(e).some(calls)
  return query.having !== undefined || [...(query.select ?? []), ...(query.orderBy ?? [])].some((f) => calls(f.expr))
}

const cell = (alias, column) => ({ sql: `${name(alias)}.${name(column.name)}`, type: kind(column.type) })
const keyOf = ({ alias, table }) => table.key.map((k) => `${name(alias)}.${name(k)}`)

/** Finds columns, in the scopes around too. `keys`: what tells the rows of a group apart; `subquery` writes a query that stands here. */
function columnsOf(tables, sources, around) {
  const column = (wanted, of) => {
    const computed = (sources[0].computed ?? []).find((c) => c.name === wanted)
    if (computed) return computed
    const source = sources.find((s) => (of === undefined ? s.table.columns.some((c) => c.name === wanted) : s.alias === of))
    return source ? cell(source.alias, source.table.columns.find((c) => c.name === wanted)) : around(wanted, of)
  }
  return Object.assign(column, { keys: sources.flatMap(keyOf), subquery: (query) => subquerySql(tables, query, column) })
}

/** A sub-query that gives one value, and the value's type. */
function subquerySql(tables, query, around) {
  const sources = [{ alias: query.alias ?? query.from, table: tables.get(query.from) }]
  let from = `${name(query.from)} ${name(sources[0].alias)}`
  for (const join of query.joins ?? []) {
    sources.push({ alias: join.alias ?? join.table, table: tables.get(join.table) })
    from += ` ${join.kind} join ${name(join.table)} ${name(sources.at(-1).alias)} on ${expression(join.on, columnsOf(tables, sources, around)).sql}`
  }
  const column = columnsOf(tables, sources, around)
  const field = query.select ? expression(query.select[0].expr, column) : { sql: '1', type: 'int' }
  const where = filter('where', query.where ? [expression(query.where, column).sql] : [])
  const group = query.groupBy ? `group by ${query.groupBy.length > 0 ? query.groupBy.map((g) => expression(g.expr, column).sql).join(', ') : '()'}` : ''
  const having = filter('having', query.having ? [expression(query.having, column).sql] : [])
  return { sql: [`(select ${field.sql} from ${from}`, where, group, having].filter(Boolean).join(' ') + ')', type: field.type }
}

function select(query, sources, column) {
  if (query.select) return split(query.select.map((f) => ({ name: f.name, ...output(f.expr, column) })))
  const whole = ({ alias, table }) => split(table.columns.map((c) => ({ name: c.name, ...asText(cell(alias, c)), column: c.type })))
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

/** Ties are broken by the key, ascending, nulls last. */
function orderOf(orderBy, key, column) {
  const items = (orderBy ?? []).map((o) => {
    const nulls = o.nulls ?? (o.desc ? 'first' : 'last')
    return `${expression(o.expr, column).sql} ${o.desc ? 'desc' : 'asc'} nulls ${nulls}`
  })
  const all = [...items, ...key.map((k) => `${k} asc nulls last`)]
  return all.length > 0 ? `order by ${all.join(', ')}` : ''
}

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
    return { ...field, sql: `(select coalesce(json_agg(x.row order by x.n), '[]') from (${rows}) x)`, list: shape }
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
