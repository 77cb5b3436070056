// Random queries in the place of tables, common table expressions, and queries that compare rows: distinct, first of each group,
// set operations.
import { Expressions } from './make-expression.mjs'
import { makeRecursive } from './make-recursive.mjs'
import { literal } from './values.mjs'

export const sourceFeatures = ['sub', 'cte', 'topk', 'recursive']
export const rowFeatures = ['distinctRows', 'distinctOn', 'limitBy', 'union', 'intersect', 'except', 'all']

const computed = {
  int: { type: 'bigint', domain: 'wide' }, float: { type: 'float', domain: 'huge' }, text: { type: 'text', domain: 'rich' },
  bool: { type: 'bool', domain: 'both' }, timestamp: { type: 'timestamp', domain: 'far' }, bytes: { type: 'bytes', domain: 'any' },
}

/**
 * A source for a query: `{ from, columns, table? }`, `from` as it is written in `from`. `state.ctes` holds the common table
 * expressions that are in sight, `{ name, query, columns }`.
 */
export function makeSource(state, table, alias, depth = 0) {
  const { r, wants } = state
  if (state.ctes.length > 0 && (r.oneIn(2) || !state.named)) {
    const cte = r.pick(state.ctes)
    state.named = true
    return { from: cte.name, columns: cte.columns }
  }
  if (depth < 2 && (depth === 0 ? wants('sub', 12) || wants('topk') : r.oneIn(6))) {
    state.seen.add('sub')
    const { query, columns } = makeRelation(state, depth + 1)
    return { from: { query, alias }, columns }
  }
  const recursive = depth < 2 && wants('recursive', 15) ? makeRecursive(state, table, alias) : undefined
  return recursive ?? { from: table.name, columns: table.columns, table }
}

/** Common table expressions for a query, each made of what is in sight before it. */
export function makeCtes(state) {
  const { r, wants, seen, schema } = state
  state.ctes = []
  if (!wants('cte', 12)) return undefined
  seen.add('cte')
  const made = []
  for (let n = r.between(1, 2); n > 0; n--) {
    const { query, columns } = makeRelation(state, 1)
    // Sometimes with the name of a table, which it hides from then on.
    const name = made.length === 0 && r.oneIn(6) ? r.pick(schema.tables).name : `cte${n}`
    made.push({ name, query, columns })
    state.ctes = [...made]
  }
  return made.map(({ name, query }) => ({ name, query }))
}

/** A table that no common table expression hides. */
export function someTable({ r, schema, ctes }) {
  const tables = schema.tables.filter((t) => ctes.every((c) => c.name !== t.name))
  return r.pick(tables)
}

/** A query whose rows another query reads, with its columns. Its values do not depend on the order of rows. */
export function makeRelation(state, depth, types) {
  const { r, seen, schema, wants } = state
  if (types === undefined && depth < 2 && r.oneIn(5)) return makeSet(state, depth)
  const { from, columns: first } = makeSource(state, someTable(state), 'x', depth)
  const query = { from }
  if (typeof from === 'string') query.alias = 'x'
  let columns = first.map((c) => ({ ...c, of: 'x' }))
  if (!schema.large && types === undefined && r.oneIn(4)) {
    const table = someTable(state)
    const right = table.columns.map((c) => ({ ...c, of: 'y', nullable: true }))
    const pairs = columns.flatMap((a) => right.filter((b) => a.type === b.type && a.type !== 'json').map((b) => [a, b]))
    if (pairs.length > 0) {
      const [a, b] = r.pick(pairs)
      const column = (c) => ({ op: 'col', name: c.name, of: c.of })
      query.joins = [{ kind: r.pick(['inner', 'left', 'right', 'full']), table: table.name, alias: 'y', on: { op: '=', args: [column(a), column(b)] } }]
      columns = [...columns.map((c) => ({ ...c, nullable: true })), ...right]
    }
  }
  const expressions = new Expressions(r, columns, seen)
  if (r.oneIn(2)) query.where = expressions.condition()
  const fields = types ? types.map((c, i) => fieldOf(r, expressions, c, i)) : r.oneIn(3) ? groupFields(r, expressions, query) : plainFields(r, expressions)
  query.select = fields.map(({ name, expr }) => ({ name, expr }))
  const grouped = query.groupBy !== undefined
  if (!types) makeRows(state, query, expressions, fields, grouped)
  if ((depth === 1 && wants('topk')) || r.oneIn(4)) {
    seen.add('topk')
    if (!query.orderBy) orderBy(r, query, fields)
    query.limit = r.pick(schema.large ? [1, 10, 50] : [1, 2, 3, 5])
    if (r.oneIn(3)) query.offset = r.pick([0, 1, 3])
  }
  return { query, columns: fields.map(({ name, column }) => ({ ...column, name, of: undefined, nullable: true })) }
}

function plainFields(r, expressions) {
  const picked = r.some(expressions.columns, 1).slice(0, 4)
  const fields = picked.map((column, i) => ({ name: `p${i}`, expr: expressions.column(column), column }))
  if (r.oneIn(3)) fields.push(valueField(r, expressions, 'v', r.pick(['int', 'text', 'bool', 'float'])))
  return fields
}

/** A computed field; what comes of `value` may be of another type. */
function valueField(r, expressions, name, type) {
  if (type !== 'int' && type !== 'bool' && expressions.columnsOf(type).length === 0) type = 'bool'
  if (type === 'float') {
    const column = r.pick(expressions.columnsOf('float'))
    return { name, expr: expressions.coalesce(column), column: { ...column, ...computed.float } }
  }
  const expr = type === 'bool' ? { op: 'isNull', args: [expressions.value('int')] } : expressions.value(type)
  return { name, expr, column: computed[type] }
}

function groupFields(r, expressions, query) {
  const { columns } = expressions
  const groups = r.oneIn(6) ? [] : [r.pick(columns)]
  query.groupBy = groups.map((c) => ({ expr: expressions.column(c) }))
  // No set twice: which of two equal rows comes first PostgreSQL leaves open, and a query over these shows it.
  if (groups.length > 0 && r.oneIn(5)) query.groupingSets = r.pick([[[0], []], [[], [0]]])
  const fields = groups.map((column, i) => ({ name: `g${i}`, expr: expressions.column(column), column }))
  if (fields.length > 0 && r.oneIn(4)) fields.pop()
  fields.push({ name: 'n', expr: { op: 'agg', name: 'count' }, column: computed.int })
  const column = r.pick(columns.filter((c) => !['bool', 'uuid', 'json'].includes(c.type)))
  if (column) fields.push({ name: 'm', expr: { op: 'agg', name: r.pick(['min', 'max']), args: [expressions.column(column)] }, column })
  return fields
}

/** A field of the type of another query's column. */
function fieldOf(r, expressions, wanted, i) {
  const family = (type) => (type === 'bigint' ? 'int' : type)
  const types = family(wanted.type) === 'float' && r.oneIn(4) ? ['int'] : [family(wanted.type)]
  const same = expressions.columns.filter((c) => types.includes(family(c.type)))
  const name = `q${i}`
  if (same.length > 0) {
    const column = r.pick(same)
    return { name, expr: expressions.column(column), column }
  }
  const values = { int: [0, 1, 2], bigint: [0, 1, 2], float: [0, 1.5], text: ['', 'a'], decimal: ['1.50', '0.3'], date: ['2024-02-29'], time: ['09:30:00'], interval: ['1 mon', '1 day'], 'text[]': [['a']], 'int[]': [[1]], 'float[]': [[0.5]], 'date[]': [['2024-02-29']], uuid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], json: [1, 'a', { a: 1 }], bool: [true, false], timestamp: ['2024-02-29T12:00:00.000Z'], bytes: ['\\x00'] }
  return { name, expr: r.oneIn(5) ? literal('int', null) : literal(wanted.type, r.pick(values[wanted.type])), column: wanted }
}

function orderBy(r, query, all) {
  // The engine orders by nothing that has no type.
  const fields = all.filter((f) => f.expr.op !== 'lit' || f.expr.value !== null)
  if (fields.length === 0) return
  query.orderBy = Array.from({ length: r.between(1, 2) }, () => ({ expr: r.pick(fields).expr, ...(r.oneIn(2) ? { desc: true } : {}), ...(r.oneIn(4) ? { nulls: r.pick(['first', 'last']) } : {}) }))
}

/** Perhaps compares rows: distinct ones, or the first of each group. */
export function makeRows(state, query, expressions, fields, grouped) {
  const { r, wants, seen } = state
  if (wants('distinctRows', 8)) {
    seen.add('distinctRows')
    query.distinct = true
    if (r.oneIn(2)) orderBy(r, query, fields)
  } else if (!grouped && (wants('distinctOn', 12) || wants('limitBy', 12))) {
    const by = Array.from({ length: r.between(1, 2) }, () => expressions.column(r.pick(expressions.columns)))
    if (wants('distinctOn', 2)) {
      seen.add('distinctOn')
      query.distinctOn = by
    } else {
      seen.add('limitBy')
      query.limitBy = { by, limit: r.between(1, 3), ...(r.oneIn(3) ? { offset: r.between(1, 2) } : {}) }
    }
    if (r.below(4) > 0) orderBy(r, query, fields)
  }
}

/** A set operation with its columns. */
export function makeSet(state, depth) {
  const { r, wanted, seen, schema } = state
  const setOp = ['union', 'intersect', 'except'].find((op) => wanted.includes(op)) ?? r.pick(['union', 'union', 'intersect', 'except'])
  seen.add(setOp)
  const inner = { ...state, wanted: [], wants: (_, odds = 0) => odds > 0 && r.oneIn(odds) }
  const { query: first, columns } = makeRelation(inner, depth + 1)
  const inputs = [first]
  for (let n = r.between(1, 2); n > 0; n--) {
    inputs.push(r.oneIn(4) ? r.pick(inputs) : makeRelation(inner, depth + 1, columns).query)
  }
  const query = { setOp, inputs }
  if (wanted.includes('all') || r.oneIn(2)) {
    seen.add('all')
    query.all = true
  }
  if (r.oneIn(2)) orderBy(r, query, columns.map((c) => ({ expr: { op: 'col', name: c.name } })))
  if (r.oneIn(4)) query.limit = r.pick(schema.large ? [10, 50] : [1, 3, 6])
  // The other inputs may have any values of the type.
  return { query, columns: columns.map((c) => ({ ...c, ...computed[c.type === 'bigint' ? 'int' : c.type] })) }
}
