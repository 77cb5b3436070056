// Random queries: shapes, clauses, grouping. What must be in one is asked for by feature; the rest is left to chance.
import { aggregate, aggregates, call, makeComputed, modifiers } from './make-aggregate.mjs'
import { makeNested } from './make-nested.mjs'
import { atoms, connectives, Expressions } from './make-expression.mjs'
import { patterns } from './make-function.mjs'
import { makeOrder, makeWindow, orderables } from './make-order.mjs'
import { makeCtes, makeRows, makeSet, makeSource, rowFeatures, someTable, sourceFeatures } from './make-source.mjs'
import { subqueries, subqueryCondition, subqueryField } from './make-subquery.mjs'
import { makeWindows, scopeParts } from './make-window.mjs'
import { encode, isSafe, literal } from './values.mjs'

const nestedKinds = ['belongsTo', 'hasOne', 'hasMany', 'manyToMany', 'through', 'deep']
const joinKinds = ['inner', 'left', 'right', 'full', 'cross', 'three', 'self', 'range', 'overlap', 'either', 'unnest']

/**
 * A query `{ json, seen, lenient }`. `seen`: its features. `lenient`: whether an evaluation error is up to the order of
 * evaluation, so that either side may report it alone.
 */
export function makeQuery(r, schema, wanted) {
  const seen = new Set()
  const wants = (f, odds = 0) => wanted.includes(f) || (odds > 0 && r.oneIn(odds))
  const shape = shapeOf(r, wanted)
  if (['union', 'intersect', 'except', 'all'].some((f) => wanted.includes(f)) || (wanted.every((w) => !nestedKinds.includes(w)) && r.oneIn(25))) return setOf(r, schema, wanted, wants, seen)
  const tables = wanted.includes('composite') ? schema.tables.filter((t) => t.key.length > 1) : schema.tables
  const from = preferred(r, tables.length > 0 ? tables : schema.tables, wanted)
  const json = { from: from.name }
  const state = { r, schema, wanted, wants, seen, json, from, lenient: false, ctes: [], derived: false }
  if (!shape.nested) {
    const ctes = makeCtes(state)
    if (ctes) json.ctes = ctes
  }
  const columns = sources(state, shape)
  if (!shape.joined && !shape.grouped && state.table === from && state.ctes.length === 0 && wants('computed', 10)) columns.push(...makeComputed(state, from, json))
  state.expressions = new Expressions(r, columns, seen)
  if (from.key.length > 1) seen.add('composite')
  const hazard = !state.derived && wants('hazard', 12) ? state.expressions.hazard() : undefined
  if (wants('where', 2) || wanted.some((w) => (atoms.includes(w) || connectives.includes(w)) && r.below(4) > 0)) {
    seen.add('where')
    json.where = state.expressions.condition(wanted)
  }
  const subs = makeSubqueries(state)
  if (shape.grouped) makeGroups(state, hazard)
  else makeSelect(state, shape, hazard)
  if (shape.nested) {
    // Of large tables not deeper than one level: a row may be reached from hundreds of others, and these from hundreds again.
    json.with = makeNested(state, from, schema.large ? 1 : wanted.includes('deep') ? 3 : r.between(1, 3))
    if (depth(json) > 2) seen.add('deep')
  }
  if (compares(state, shape, hazard)) return { json, seen, lenient: state.lenient || seen.has('scalarRow') }
  const windowed = !state.derived && state.ctes.length === 0 && !hasTies(json)
  if (windowed) makeWindows(state, state.groups === undefined ? scopeParts(state, keyExpressions(state)) : groupParts(state))
  makeOrder(state, orderables(state), state.derived ? undefined : keyColumns(state))
  if (windowed) addWindowOrder(state)
  makeWindow(state)
  if ((hazard !== undefined || state.overflows) && (json.joins || json.limit !== undefined || json.offset !== undefined || json.start || json.having)) state.lenient = true
  // Which rows a failing expression is evaluated for is then up to the plan, and so is whether a sub-query is one of them.
  if ((subs && (hazard !== undefined || state.overflows)) || seen.has('scalarRow')) state.lenient = true
  return { json, seen, lenient: state.lenient }
}

/** Conditions with sub-queries, and a field that is one; whether there are any. */
function makeSubqueries(state) {
  const { r, wanted, seen, json, schema } = state
  let kinds = subqueries.filter((k) => wanted.includes(k))
  if (wanted.includes('subInSub') && kinds.length === 0) kinds = [r.pick(subqueries)]
  if (kinds.length === 0 && r.oneIn(10)) kinds = [r.pick(subqueries)]
  if (kinds.length === 0) return false
  seen.add('where')
  const at = r.below((json.joins?.length ?? 0) + 1)
  const join = json.joins?.[at]
  if (join && join.kind !== 'cross' && (!join.unnest || join.kind === 'inner') && (!schema.large || join.kind === 'inner') && r.oneIn(2)) {
    // In the condition of a join, which sees the sources up to its own.
    const behind = json.joins.slice(at + 1).map((j) => j.alias)
    const expressions = new Expressions(r, state.expressions.columns.filter((c) => !behind.includes(c.of)), seen)
    join.on = { op: 'and', args: r.shuffle([join.on, ...kinds.map((k) => subqueryCondition({ ...state, expressions }, k))]) }
    return true
  }
  const parts = kinds.map((k) => subqueryCondition(state, k))
  if (json.where) parts.splice(r.below(2), 0, json.where)
  json.where = parts.length === 1 ? parts[0] : { op: r.below(5) > 0 ? 'and' : 'or', args: parts }
  return true
}

function setOf(r, schema, wanted, wants, seen) {
  const state = { r, schema, wanted, wants, seen, ctes: [] }
  const ctes = makeCtes(state)
  const { query } = makeSet(state, 0)
  return { json: { ...(ctes ? { ctes } : {}), ...query }, seen, lenient: false }
}

/** Makes of a query one that compares its rows, if that is asked for and can be. */
function compares(state, shape, hazard) {
  const { r, json, wanted, expressions } = state
  const asked = rowFeatures.some((f) => wanted.includes(f))
  if (hazard !== undefined || json.computed || shape.nested || shape.grouped || state.overflows || !(asked || r.oneIn(10))) return false
  const { columns } = expressions
  const picked = r.some(columns, 1).slice(0, 4)
  const fields = picked.map((column, i) => ({ name: `d${i}`, expr: expressions.column(column), column }))
  json.select = fields.map(({ name, expr }) => ({ name, expr }))
  state.seen.delete('rows')
  state.seen.add('select')
  makeRows(state, json, expressions, fields, false)
  makeWindow(state)
  return true
}

const depth = (json) => Math.max(0, ...(json.with ?? []).map((w) => 1 + depth(w.query ?? {})))

/** The columns of the key of the result's rows, `undefined` if one of them is computed. */
function keyColumns({ schema, json, from, groups }) {
  if (json.groupingSets) return undefined
  if (groups !== undefined) return groups.every((g) => g.column !== undefined) ? groups.map((g) => ({ ...g.column, nullable: true })) : undefined
  const keys = (table, nullable) => table.key.map((name) => ({ ...table.columns.find((c) => c.name === name), nullable }))
  let all = keys(from, false)
  for (const { kind, table } of json.joins ?? []) {
    if (kind === 'right' || kind === 'full') all = all.map((c) => ({ ...c, nullable: true }))
    all.push(...keys(schema.tables.find((t) => t.name === table), kind === 'left' || kind === 'full'))
  }
  return all
}

/** The key of a result's rows in a query without grouping. */
function keyExpressions({ schema, json, from }) {
  const keys = (table, of) => table.key.map((name) => (of === undefined ? { op: 'col', name } : { op: 'col', name, of }))
  const joined = (json.joins ?? []).map((j) => keys(schema.tables.find((t) => t.name === j.table), j.alias))
  return [keys(from, json.alias), ...joined].flat()
}

/** The parts that window functions over groups are made of. */
function groupParts(state) {
  const { r, groups, json } = state
  const column = () => {
    if (groups.length > 0 && r.oneIn(2)) {
      const { expr, column } = r.pick(groups)
      return { expr, type: column?.type }
    }
    return { expr: aggregate({ ...state, exact: true }, r.pick(['count', 'countX', 'sum', 'min', 'max'])) }
  }
  const number = () => aggregate({ ...state, exact: true }, r.pick(['count', 'countX', 'sum']))
  return { column, number, text: number, key: [...groups.map((g) => g.expr), ...(json.groupingSets && groups.length > 0 ? [{ op: 'grouping', args: groups.map((g) => g.expr) }] : [])] }
}

/** Window functions that are ordered by. A start would be among the conditions of the SQL, which come before windows. */
function addWindowOrder({ json, windowOrder = [] }) {
  if (windowOrder.length > 0) json.orderBy = [...windowOrder, ...(json.orderBy ?? [])]
  const windows = (json.select ?? []).some((f) => f.expr.op === 'over') || windowOrder.length > 0
  if (windows) delete json.start
}

function shapeOf(r, wanted) {
  const asked = (list) => list.some((f) => wanted.includes(f))
  const grouped = asked(['group', 'groupingSets', 'global', ...aggregates, ...modifiers])
  const joined = asked(joinKinds)
  const nested = asked(nestedKinds)
  if (grouped || joined || nested) return { grouped: grouped || (!nested && !wanted.includes('rows') && r.oneIn(5)), joined: joined || (!nested && r.oneIn(4)), nested }
  const n = r.below(10)
  if (wanted.includes('rows')) return { grouped: false, joined: n < 2, nested: n > 5 }
  return { grouped: n < 3, joined: n < 1 || n === 3 || n === 4, nested: n > 6 }
}

/** Grouping sets of so many expressions: rollups, cubes, or whatever comes. Each expression is in one, as PostgreSQL would not know it else. */
export function groupingSets(r, count) {
  const all = Array.from({ length: count }, (_, i) => i)
  const rollup = [...all, count].map((n) => all.slice(0, count - n))
  const cube = all.reduce((sets, n) => [...sets.map((s) => [...s, n]), ...sets], [[]])
  // Which of the equal rows of equal sets comes first PostgreSQL leaves open.
  const some = [...new Set(Array.from({ length: r.between(1, 3) }, () => String(all.filter(() => r.oneIn(2)))))].map((s) => s.split(',').filter(Boolean).map(Number))
  const sets = r.pick([rollup, cube, some])
  return all.every((n) => sets.some((s) => s.includes(n))) ? sets : [...sets, all]
}

/** Whether two of the groupings are equal: which of their equal rows a window function tells what PostgreSQL leaves open. */
function hasTies(json) {
  const forms = formsOf(json)
  return new Set(forms).size < forms.length
}

/** What each of the grouping sets is by: equal expressions are one. */
function formsOf({ groupBy = [], groupingSets = [] }) {
  const texts = groupBy.map(({ expr }) => encode(expr))
  return groupingSets.map((set) => String([...new Set(set.map((n) => texts.indexOf(texts[n])))].sort()))
}

/** The expressions that some grouping is by, by their numbers. */
const usedBySets = ({ groupBy = [], groupingSets }) => groupBy.map((_, n) => n).filter((n) => groupingSets === undefined || groupingSets.some((s) => s.includes(n)))

/** A table that has what is asked for. */
function preferred(r, tables, wanted) {
  const score = (t) => t.columns.filter((c) => wanted.includes(c.type)).length + t.relations.filter((x) => wanted.includes(x.kind)).length +
    (['like', 'ilike', 'case', 'concat', 'length'].some((w) => wanted.includes(w)) && t.columns.some((c) => c.type === 'text') ? 1 : 0)
  const best = Math.max(...tables.map(score))
  return r.pick(tables.filter((t) => score(t) === best))
}

/** The columns in scope; joins are made on the way. */
function sources(state, shape) {
  const { r, schema, wants, wanted, seen, json, from } = state
  const scope = (table, of, optional) => table.columns.map((c) => ({ ...c, of, nullable: c.nullable || optional }))
  const hidden = state.ctes.some((c) => c.name === from.name)
  const first = shape.nested ? { from: from.name, columns: from.columns, table: from } : makeSource(state, hidden ? someTable(state) : from, 'a')
  json.from = first.from
  state.derived = first.table === undefined
  // Another table than the one asked for, if a common table expression hides that.
  state.from = first.table ?? from
  state.table = first.table
  if (!shape.joined) return scope(first, typeof json.from === 'string' ? undefined : 'a', false)
  const self = wants('self', 5)
  json.joins = []
  if (typeof json.from === 'string') json.alias = 'a'
  let columns = scope(first, 'a', false)
  const count = !schema.large && wants('three', 3) ? 2 : 1
  for (let j = 0; j < count; j++) {
    const asked = ['inner', 'left', 'right', 'full', 'cross'].filter((k) => wanted.includes(k))
    let kind = j === 0 && asked.length > 0 ? r.pick(asked) : r.pick(['inner', 'left', 'inner', 'left', 'right', 'full', 'cross'])
    if (schema.large && kind === 'cross') kind = 'inner'
    if ((j === 0 && wanted.includes('unnest')) || r.oneIn(15)) {
      columns = [...columns, ...makeUnnest(state, columns, 'bc'[j])]
      continue
    }
    const table = self && j === 0 && !hidden ? from : someTable(state)
    if (table === first.table) seen.add('self')
    const alias = 'bc'[j]
    const joined = makeSource(state, table, alias)
    if (joined.table === undefined) state.derived = true
    // PostgreSQL makes full joins of equalities only.
    const family = (c) => (c.type === 'bigint' ? 'int' : c.type)
    if (kind === 'full' && columns.every((a) => joined.columns.every((b) => family(a) !== family(b)))) kind = 'left'
    seen.add(kind)
    const right = scope(joined, alias, kind === 'left' || kind === 'full')
    const both = new Expressions(r, [...columns, ...right], seen)
    const on = kind === 'cross' ? {} : { on: joinCondition(r, both, columns, right, wants, seen, schema.large, kind === 'full') }
    json.joins.push({ kind, ...(typeof joined.from === 'string' ? { table: joined.from } : joined.from.query ? { query: joined.from.query } : { recursive: joined.from.recursive }), alias, ...on })
    if (kind === 'right' || kind === 'full') columns = columns.map((c) => ({ ...c, nullable: true }))
    columns = [...columns, ...right]
  }
  if (count === 2) seen.add('three')
  return columns
}

/** Joins the elements of an array of the row so far, or the matches of a pattern; its columns. */
function makeUnnest(state, columns, alias) {
  const { r, seen, json } = state
  const expressions = new Expressions(r, columns, seen)
  const type = r.pick(['text', 'int', 'float', 'match'])
  const lists = { text: ['a', null, 'b', 'a'], int: [3, null, -1, 3], float: [0.5, -1.5, null] }
  const array = type === 'match' ? { op: 'regexpMatches', args: [expressions.value('text'), literal('text', r.pick(patterns))] }
    : r.oneIn(5) || expressions.columnsOf(`${type}[]`).length === 0 ? literal(`${type}[]`, lists[type]) : expressions.column(r.pick(expressions.columnsOf(`${type}[]`)))
  const value = { text: { type, domain: 'rich' }, int: { type: 'bigint', domain: 'wide' }, float: { type, domain: 'huge' }, match: { type: 'text[]', domain: 'any' } }[type]
  const made = [{ name: 'value', ...value }, { name: 'ordinality', type: 'int', domain: 'small' }].map((c) => ({ ...c, of: alias, nullable: true }))
  const kind = r.pick(['cross', 'left', 'inner'])
  const on = kind === 'cross' ? {} : kind === 'left' ? { on: literal('bool', true) } : { on: new Expressions(r, [...columns, ...made], seen).condition() }
  seen.add('unnest')
  state.derived = true
  json.joins.push({ kind, unnest: array, alias, ...on })
  return made
}

function joinCondition(r, both, left, right, wants, seen, large, full) {
  const family = (c) => (c.type === 'bigint' ? 'int' : c.type)
  const pairs = left.flatMap((a) => right.filter((b) => family(a) === family(b)).map((b) => [a, b]))
  const keys = pairs.filter(([a, b]) => a.name.startsWith('f') || b.name.startsWith('f') || b.name.startsWith('k'))
  const parts = []
  const column = (c) => both.column(c)
  const orderedPairs = pairs.filter(([a]) => a.type !== 'json')
  if (!full && !large && wants('overlap', 8) && orderedPairs.length > 0) {
    // Two ranges that overlap, or a value within a range.
    seen.add('overlap')
    const [a, b] = r.pick(orderedPairs)
    const [c, d] = r.oneIn(2) ? r.pick(orderedPairs) : r.pick(orderedPairs.filter(([x, y]) => x === a || y === b))
    return { op: 'and', args: [{ op: r.pick(['<', '<=']), args: [column(a), column(b)] }, { op: r.pick(['<', '<=', '>', '>=']), args: [column(d), column(c)] }] }
  }
  if (!full && !large && wants('either', 8) && pairs.length > 0) {
    // One of two equalities, or a value among columns.
    seen.add('either')
    const [a, b] = r.pick(keys.length > 0 ? keys : pairs)
    const [c, d] = r.pick(pairs)
    const others = pairs.filter(([x, y]) => y === b && x !== a).map(([x]) => x)
    if (others.length > 0 && r.oneIn(3)) return { op: 'in', args: [both.column(b), both.column(a), both.column(r.pick(others))] }
    const other = { op: '=', args: [both.column(d), both.column(c)] }
    const more = r.oneIn(3) ? { op: 'and', args: [other, both.condition()] } : other
    const either = { op: 'or', args: r.shuffle([{ op: '=', args: [both.column(a), both.column(b)] }, more]) }
    return r.oneIn(3) ? { op: 'and', args: r.shuffle([either, both.condition()]) } : either
  }
  // Products of large tables would be all that the time is spent on.
  const equal = large || full || (wants('range') ? r.oneIn(2) : r.below(5) > 0)
  for (let n = equal ? r.between(1, 2) : 0; n > 0 && pairs.length > 0; n--) {
    const [a, b] = r.pick(keys.length > 0 && r.below(4) > 0 ? keys : pairs)
    parts.push({ op: '=', args: r.oneIn(2) ? [both.column(a), both.column(b)] : [both.column(b), both.column(a)] })
  }
  const ordered = orderedPairs
  if (full && parts.length > 0) return parts.length === 1 ? parts[0] : { op: 'and', args: parts }
  if ((wants('range', 4) || parts.length === 0) && ordered.length > 0) {
    seen.add('range')
    const [a, b] = r.pick(ordered)
    parts.push({ op: r.pick(['<', '<=', '>', '>=', '!=']), args: [both.column(a), both.column(b)] })
  }
  if (r.oneIn(3) || parts.length === 0) parts.push(both.condition())
  return parts.length === 1 ? parts[0] : { op: 'and', args: r.shuffle(parts) }
}

function makeSelect(state, shape, hazard) {
  const { r, wants, seen, json, expressions } = state
  const wanted = [...state.wanted]
  const safe = hazard !== undefined
  if (state.derived && json.joins) wanted.push('select')
  if (safe && !json.where && !shape.nested && r.oneIn(2)) {
    // A hazard alone in `where`: evaluated for every row, by both.
    json.where = { op: r.pick(['>', '=', '!=']), args: [hazard, literal('int', 1)] }
    seen.add('where')
  } else if (safe) {
    json.select = [{ name: 'h', expr: hazard }]
    if (shape.nested) state.lenient = true
  }
  if (!json.select && (wanted.includes('rows') || !wants('select', 2)) && !wanted.includes('select')) {
    seen.add('rows')
    return
  }
  seen.add('select')
  json.select ??= []
  for (const column of r.some(expressions.columns, 1).slice(0, 4)) {
    if (json.select.every((f) => f.name !== column.name)) json.select.push({ name: column.name, expr: expressions.column(column) })
  }
  if (wanted.some((w) => subqueries.includes(w)) && r.oneIn(2)) json.select.push({ name: 'sub', expr: subqueryField(state) })
  const wantedAtoms = wanted.filter((w) => atoms.includes(w))
  for (let n = r.between(0, 2); n > 0; n--) json.select.push({ name: `x${n}`, expr: expressions.value(r.pick(['int', 'float', 'text', 'bool', 'timestamp', 'bytes', 'json', 'decimal', 'date', 'interval', 'text[]', 'int[]'])) })
  const numbers = expressions.columns.filter((c) => ['int', 'float'].includes(c.type) && isSafe(c))
  if (numbers.length > 0 && r.oneIn(12)) {
    // Their last digit is up to the library: selected, and not computed with.
    const [op, ...args] = r.pick([['exp'], ['power', literal('int', 2)], ['power', literal('float', 1.5)], ['ln']])
    const column = { op: 'abs', args: [expressions.column(r.pick(numbers))] }
    const size = op === 'exp' ? { op: 'least', args: [column, literal('int', 20)] } : column
    json.select.push({ name: 'p', expr: { op, args: [op === 'ln' ? { op: '+', args: [size, literal('int', 1)] } : size, ...args] } })
  }
  for (const w of wantedAtoms) if (r.oneIn(2)) json.select.push({ name: `is_${w}`, expr: expressions.atom(w) })
}

function makeGroups(state, hazard) {
  const { r, wants, wanted, seen, json, expressions } = state
  const global = wants('global') || (!wanted.includes('group') && r.oneIn(4))
  seen.add(global ? 'global' : 'group')
  const groups = []
  if (!global) {
    for (let n = r.between(1, 2); n > 0; n--) {
      const column = r.oneIn(4) ? undefined : r.pick(expressions.columns)
      groups.push({ column, expr: column ? expressions.column(column) : expressions.value(r.pick(['int', 'text', 'float', 'bool', 'decimal'])) })
    }
    if (hazard !== undefined && r.oneIn(3)) groups.push({ expr: hazard })
    json.groupBy = groups.map(({ expr }) => ({ expr }))
    // A constant that is not grouped by stays one in PostgreSQL.
    if (wants('groupingSets', 4) && groups.every(({ expr }) => JSON.stringify(expr, (_, v) => (typeof v === 'bigint' ? String(v) : v)).includes('"col"'))) {
      seen.add('groupingSets')
      json.groupingSets = groupingSets(r, groups.length)
      // Sets of equal expressions are equal, too.
      const forms = formsOf(json)
      json.groupingSets = json.groupingSets.filter((_, i) => forms.indexOf(forms[i]) === i)
    }
  } else if (r.oneIn(4)) json.groupBy = []
  state.groups = groups
  json.select = groups.filter(() => r.below(4) > 0).map(({ expr }, i) => ({ name: `g${i}`, expr }))
  const used = usedBySets(json).map((n) => groups[n].expr)
  if (used.length > 0 && r.oneIn(json.groupingSets ? 2 : 20)) json.select.push({ name: 'gg', expr: { op: 'grouping', args: r.some(used, 1) } })
  const calls = [...wanted.filter((w) => aggregates.includes(w)), ...Array.from({ length: r.between(1, 3) }, () => r.pick(aggregates))]
  if (wanted.includes('distinct')) calls.push(r.pick(['countX', 'sum', 'jsonAgg', 'stringAgg']))
  const wide = expressions.columns.filter((c) => c.type === 'bigint' && !isSafe(c))
  calls.forEach((name, i) => {
    seen.add(name)
    if (name === 'sum' && wide.length > 0 && r.oneIn(2)) {
      // May be beyond 64 bits: an error of both.
      state.overflows = true
      json.select.push({ name: `a${i}`, expr: { op: 'agg', name, args: [expressions.column(r.pick(wide))] } })
      return
    }
    const expr = call(state, name, i === 0 && groups.every((g) => g.expr !== hazard) ? hazard : undefined, i === calls.length - 1)
    json.select.push({ name: `a${i}`, expr })
  })
  if (wants('having', 5)) {
    seen.add('having')
    const name = r.pick(['count', 'countX', 'sum', 'min', 'first', 'boolAgg'])
    const value = call({ ...state, exact: true }, name)
    const compared = { op: r.pick(['>', '<=', '!=']), args: [value, literal('int', r.between(0, 3))] }
    if (json.groupingSets && used.length > 0 && r.oneIn(3)) json.having = { op: r.pick(['=', '>=', '!=']), args: [{ op: 'grouping', args: [r.pick(used)] }, literal('int', 1)] }
    else json.having = name === 'boolAgg' ? value : name === 'min' || name === 'first' ? { op: 'isNotNull', args: [value] } : compared
  }
  if (r.oneIn(4)) {
    // An expression over aggregates.
    seen.add('arithmetic')
    json.select.push({ name: 'e', expr: { op: '+', args: [{ op: 'agg', name: 'count' }, { op: 'coalesce', args: [aggregate({ ...state, exact: true }, 'sum'), literal('int', 0)] }] } })
  }
}
