// Sources of a query as SQL: tables, common table expressions, and queries in their place.
//
// A query in the place of a table is a select of its fields, of what identifies its rows (`$k0`, …, where no field is that) and
// of its order (`$o0`, …), so that the query around it can break ties as the engine does.
import { cell, filter, grouping, keyOf, ordered, window } from './sql-clause.mjs'
import { constant, expression, name } from './sql-expression.mjs'
import { encode } from './values.mjs'

/**
 * The sources of a query, in order, and its `from` clause. A source is `{ alias, table, optional }`, its table
 * `{ columns: [{ name, type }], key: [name], derived? }`.
 */
export function sourcesOf(env, query, around) {
  // Of a full join the engine marks the rows of queries: what identifies them may be null.
  const marks = (query.joins ?? []).some((j) => j.kind === 'full')
  const first = source(env, query.from, query.alias, marks)
  const sources = [first]
  let from = first.sql
  for (const join of query.joins ?? []) {
    const joined = join.unnest ? elements(join, columnsOf(env, sources, around)) : source(env, join.query || join.recursive ? { query: join.query, recursive: join.recursive, alias: join.alias } : join.table, join.alias, marks)
    if (join.kind === 'right' || join.kind === 'full') for (const s of sources) s.optional = true
    joined.optional = join.kind === 'left' || join.kind === 'full'
    sources.push(joined)
    from += ` ${join.kind} join ${joined.sql}`
    if (join.kind !== 'cross') from += ` on ${expression(join.on, columnsOf(env, sources, around)).sql}`
  }
  return { sources, from }
}

/** The elements of an array, or the matches of a pattern, beside each row. */
function elements({ unnest, alias }, column) {
  const e = expression(unnest, column)
  const isMatch = unnest.op === 'regexpMatches'
  const type = isMatch ? 'text[]' : e.type.slice(0, -2)
  const [text, pattern] = isMatch ? unnest.args.map((a) => `(${expression(a, column).sql}) collate "pg_c_utf8"`) : []
  const rows = isMatch ? `regexp_matches(${text}, ${pattern}, 'g')` : `unnest(${e.sql})`
  const value = type === 'text' || type === 'text[]' ? 'v collate "C"' : 'v'
  const columns = [{ name: 'value', type }, { name: 'ordinality', type: 'int' }]
  return { alias, table: { columns, key: ['ordinality'], derived: true }, sql: `lateral (select ${value} as "value", n as "ordinality" from ${rows} with ordinality u(v, n)) ${name(alias)}` }
}

function source(env, from, alias, marks) {
  const marked = (table) => (marks ? { ...table, key: [...table.key, '$m'] } : table)
  const rows = (sql) => (marks ? `(select *, true as "$m" from ${sql} m)` : sql)
  if (typeof from === 'object') {
    // In the step of a recursion: the rows so far.
    if (from.relation) return { alias: from.alias, table: env.get(from.relation), sql: `${name(from.relation)} ${name(from.alias)}` }
    const { sql, ...table } = from.recursive ? recursion(env, from.recursive) : relation(env, from.query)
    return { alias: from.alias, table: marked({ ...table, derived: true }), sql: `${rows(`(${sql})`)} ${name(from.alias)}` }
  }
  const table = env.get(from)
  if (table.derived) return { alias: alias ?? from, table: marked(table), sql: `${rows(name(from))} ${name(alias ?? from)}` }
  return { alias: alias ?? from, table, sql: `${name(from)} ${name(alias ?? from)}` }
}

/** A recursion of one relation with a linear step. */
function recursion(env, { relations: [{ name: found, columns, branches }] }) {
  const first = (query) => typeof query.from === 'string'
  const base = relation(env, branches.find(first))
  const made = { columns: base.columns.map((c, i) => ({ ...c, name: columns[i] })), key: columns, order: [] }
  const step = relation(new Map([...env, [found, { ...made, derived: true }]]), branches.find((b) => !first(b)))
  const member = ({ sql, columns: own }) => `select ${own.map((c, i) => `${name(c.name)} as ${name(columns[i])}`).join(', ')} from (${sql}) m`
  const list = columns.map(name).join(', ')
  return { ...made, sql: `with recursive ${name(found)}(${list}) as (${member(base)} union ${member(step)}) select ${list} from ${name(found)}` }
}

/** The tables, and the common table expressions of a query: `{ env, clause }`. */
export function withCtes(env, query) {
  const inner = new Map(env)
  const parts = (query.ctes ?? []).map((cte) => {
    const { sql, ...table } = relation(inner, cte.query)
    inner.set(cte.name, { ...table, derived: true })
    return `${name(cte.name)} as (${sql})`
  })
  return { env: inner, clause: parts.length > 0 ? `with ${parts.join(', ')} ` : '' }
}

/** Finds columns, in the scopes around too. `keys`: what tells the rows of a group apart; `subquery` writes a query that stands here. */
export function columnsOf(env, sources, around) {
  const column = (wanted, of) => {
    const computed = (sources[0].computed ?? []).find((c) => c.name === wanted)
    if (computed) return computed
    const source = sources.find((s) => (of === undefined ? s.table.columns.some((c) => c.name === wanted) : s.alias === of))
    return source ? cell(source.alias, source.table.columns.find((c) => c.name === wanted)) : around(wanted, of)
  }
  return Object.assign(column, { keys: sources.flatMap(keyOf), subquery: (query) => subquerySql(env, query, column) })
}

/** A sub-query that gives one value, and the value's type. */
function subquerySql(env, query, around) {
  const { sources, from } = sourcesOf(env, query, around)
  const column = columnsOf(env, sources, around)
  const grouped = grouping(query, (query.groupBy ?? []).map((g) => expression(g.expr, column).sql))
  const key = isGrouped(query) ? grouped.key : sources.flatMap(keyOf)
  column.key = key
  const field = query.select ? expression(query.select[0].expr, column) : { sql: '1', type: 'int' }
  const where = filter('where', query.where ? [expression(query.where, column).sql] : [])
  const group = query.groupBy ? grouped.clause : ''
  const having = filter('having', query.having ? [expression(query.having, column).sql] : [])
  const cut = query.limit !== undefined || query.offset
  const places = () => ordered(sorts(query).map((o, i) => ({ ...o, sql: expression(query.orderBy[i].expr, column).sql })), key)
  const by = eachOf(query)
  if (by) {
    const number = `row_number() over (partition by ${by.by.map((e) => expression(e, column).sql).join(', ')} ${places()})`
    const rows = `select ${field.sql} as v, ${number} as n, row_number() over (${places()}) as place from ${from} ${where}`
    return { sql: `(select v from (${rows}) r where n > ${by.offset ?? 0} and n <= ${(by.offset ?? 0) + by.limit} order by place ${window(query)})`, type: field.type }
  }
  const order = cut ? places() : ''
  return { sql: [`(select ${query.distinct ? 'distinct ' : ''}${field.sql} from ${from}`, where, group, having, order, window(query)].filter(Boolean).join(' ') + ')', type: field.type }
}

/** What a limit is per. */
const eachOf = (query) => (query.distinctOn ? { by: query.distinctOn, limit: 1 } : query.limitBy)

const parts = ({ over = {} }) => [...(over.partitionBy ?? []), ...(over.orderBy ?? []).map((o) => o.expr)]
const calls = (e) => e.op === 'agg' || (e.args ?? []).some(calls) || parts(e).some(calls)

/** Whether a query groups, by `groupBy` or by calling an aggregate. */
export const isGrouped = (query) => query.groupBy !== undefined || query.having !== undefined || [...(query.select ?? []), ...(query.orderBy ?? [])].some((f) => calls(f.expr))

/** A query as a relation: `{ sql, columns, key, order }`; `order`: names and directions of the columns that order its rows. */
export function relation(outer, query) {
  const { env, clause } = withCtes(outer, query)
  const made = query.setOp ? combined(env, query) : query.distinct ? distinct(env, query) : plain(env, query)
  return { ...made, sql: clause + made.sql }
}

const sorts = (query) => (query.orderBy ?? []).map((o) => ({ desc: o.desc ?? false, nulls: o.nulls ?? (o.desc ? 'first' : 'last') }))

/** Cuts a relation: its rows in order, ties by the key. */
function cut(query, sql, order, key) {
  if (query.limit === undefined && !query.offset) return sql
  return `select * from (${sql}) s ${ordered(order, key.map(name))} ${window(query)}`
}

function plain(env, query) {
  const { sources, from } = sourcesOf(env, query)
  const column = columnsOf(env, sources)
  const grouped = isGrouped(query)
  const fields = fieldsOf(query, sources, column)
  const groups = grouped && grouping(query, (query.groupBy ?? []).map((g) => expression(g.expr, column).sql))
  const key = grouped ? groups.key : sources.flatMap(keyOf)
  const order = sorts(query).map((o, i) => ({ ...o, sql: name(`$o${i}`) }))
  const extra = [
    ...key.map((k, i) => `${k} as "$k${i}"`),
    ...(query.orderBy ?? []).map((o, i) => `${expression(o.expr, column).sql} as "$o${i}"`),
  ]
  const by = eachOf(query)
  if (by) {
    const places = ordered((query.orderBy ?? []).map((o, i) => ({ ...order[i], sql: expression(o.expr, column).sql })), key)
    extra.push(`row_number() over (partition by ${by.by.map((e) => expression(e, column).sql).join(', ')} ${places}) as "$r"`)
  }
  let sql = [
    `select ${[...fields.map((f) => `${f.sql} as ${name(f.name)}`), ...extra].join(', ')} from ${from}`,
    filter('where', query.where ? [expression(query.where, column).sql] : []),
    grouped ? groups.clause : '',
    filter('having', query.having ? [expression(query.having, column).sql] : []),
  ].join(' ')
  if (by) sql = `select * from (${sql}) r where "$r" > ${by.offset ?? 0} and "$r" <= ${(by.offset ?? 0) + by.limit}`
  const names = key.map((_, i) => `$k${i}`)
  return { sql: cut(query, sql, order, names), columns: columns(fields), key: names, order }
}

const columns = (fields) => fields.map(({ sql, ...column }) => column)

function fieldsOf(query, sources, column) {
  if (query.select) return query.select.map((f) => ({ name: f.name, ...untyped(expression(f.expr, column)) }))
  return sources.flatMap((s) => s.table.columns.map((c) => ({ name: c.name, ...column(c.name, s.alias) })))
}

/** A null without a type is text. */
const untyped = (e) => (e.type === 'null' ? { sql: 'null::text', type: 'text', untyped: true } : e)

function distinct(env, query) {
  const { orderBy = [], limit, offset, distinct: _, ctes, ...rest } = query
  const { sql, columns: found } = plain(env, rest)
  const names = found.map((c) => c.name)
  // What is ordered by is one of the fields.
  const fields = query.select ?? []
  const at = (o) => {
    const same = fields.findIndex((f) => encode(f.expr) === encode(o.expr))
    return name(same < 0 ? o.expr.name : names[same])
  }
  const order = sorts(query).map((o, i) => ({ ...o, sql: at(orderBy[i]) }))
  const once = `select distinct ${names.map(name).join(', ')} from (${sql}) d`
  return { sql: cut(query, once, order, names), columns: found, key: names, order }
}

function combined(env, query) {
  const inputs = query.inputs.map((input) => relation(env, input))
  const types = inputs[0].columns.map((_, c) => {
    const all = inputs.map((i) => i.columns[c].type)
    const known = all.filter((_, i) => !inputs[i].columns[c].untyped)
    return known.includes('float') ? 'float' : known.includes('decimal') ? 'decimal' : known[0] ?? 'text'
  })
  const names = inputs[0].columns.map((c) => c.name)
  const member = (input) => {
    const cells = input.columns.map((c, i) => `${c.untyped ? constant(types[i], null) : name(c.name)}${{ float: '::float8', decimal: '::numeric' }[types[i]] ?? ''} as ${name(names[i])}`)
    return `select ${cells.join(', ')} from (${input.sql}) m`
  }
  const word = `${query.setOp}${query.all ? ' all' : ''}`
  let sql = inputs.map(member).reduce((a, b) => `(${a}) ${word} (${b})`)
  const list = names.map(name).join(', ')
  if (query.all) sql = `select *, row_number() over (partition by ${list}) as "$n" from (${sql}) n`
  const key = query.all ? [...names, '$n'] : names
  const order = sorts(query).map((o, i) => ({ ...o, sql: name(query.orderBy[i].expr.name) }))
  const found = names.map((n, i) => ({ name: n, type: types[i] }))
  return { sql: cut(query, sql, order, key), columns: found, key, order }
}

