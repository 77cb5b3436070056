// What a builder holds, and what is read of it: the JSON of the query, its columns, what callbacks get.
import { EddylineError } from '../errors.js'
import type { CellType } from '../port.js'
import type { AnySchema } from '../schema.js'
import { Expr, type ExprJson, exprOf, literal, misshapen } from './expr.js'
import { type CountLike, countParam } from './params.js'
import { type Member, columnNamed, members, natural, placed, refs, scopeOfAliases, settled, tableNamed } from './parts.js'
import type { TableJson } from './source.js'
import type { JoinKind, OrderJson, QueryJson } from './types.js'

export interface Join { kind: JoinKind; table: TableJson; alias: string; on?: ExprJson; unnest?: ExprJson }
export interface Order { name?: string; expr?: ExprJson; desc: boolean; nulls?: 'first' | 'last' }

/** What a builder holds: never changed, each step copies it. */
export interface Plan {
  /** Another name for the table. */
  alias?: string
  /** What a query that reads this one calls it by. */
  name?: string
  /** Of the callbacks that were given columns of this query. */
  steps: readonly object[]
  joins: readonly Join[]
  where: readonly ExprJson[]
  groupBy?: readonly Member[]
  groupingSets?: readonly (readonly number[])[]
  having?: readonly ExprJson[]
  select?: readonly Member[]
  distinct?: boolean
  distinctOn?: readonly ExprJson[]
  limitBy?: { by: readonly ExprJson[]; limit: CountLike; offset: CountLike }
  orderBy: readonly Order[]
  limit?: CountLike
  offset?: CountLike
  start?: { values: Record<string, unknown> | readonly unknown[]; inclusive: boolean }
  with: readonly { relation: string; query?: QueryJson }[]
  computed?: readonly { as: string; relation: string; expr: ExprJson; type?: CellType }[]
}

export const NOTHING: Plan = { steps: [], joins: [], where: [], orderBy: [], with: [] }

/** A plan over a table of a schema. */
export interface Planned { readonly schema: AnySchema; readonly table: string; readonly plan: Plan }

/** The query as the engine takes it. */
export function planJson(of: Planned): QueryJson {
  const { plan: p, table } = of
  const joined = p.joins.length > 0
  const base = nameOf(of)
  const scope = { base: joined ? base : undefined, names: [base, ...p.joins.map(j => j.alias)], steps: p.steps }
  const fix = (e: ExprJson): ExprJson => settled(e, scope)
  const { source } = tableNamed(of.schema, table)
  const json: QueryJson = source === undefined ? { from: table, ...(p.alias === undefined ? {} : { alias: p.alias }) } : { from: { ...source, alias: base } }
  if (joined) {
    json.joins = p.joins.map(({ kind, table: { name, source }, alias, on, unnest }) => ({
      kind, ...(unnest === undefined ? source ?? { table: name } : { unnest: fix(unnest) }), ...(alias === name && source === undefined && unnest === undefined ? {} : { alias }), ...(on === undefined ? {} : { on: fix(on) }),
    }))
  }
  if (p.where.length > 0) json.where = p.where.length === 1 ? fix(p.where[0]) : { op: 'and', args: p.where.map(fix) }
  if (p.groupBy !== undefined) json.groupBy = p.groupBy.map(g => ({ name: g.name, expr: fix(g.expr) }))
  if (p.groupingSets !== undefined) json.groupingSets = p.groupingSets
  if (p.having !== undefined) json.having = p.having.length === 1 ? fix(p.having[0]) : { op: 'and', args: p.having.map(fix) }
  if (p.select !== undefined) json.select = p.select.map(s => ({ name: s.name, expr: fix(s.expr) }))
  if (p.distinct) json.distinct = true
  if (p.distinctOn !== undefined) json.distinctOn = p.distinctOn.map(fix)
  if (p.limitBy !== undefined) json.limitBy = { by: p.limitBy.by.map(fix), ...cuts(p.limitBy) }
  const orders = p.orderBy.map((o, i) => placed(`orderBy[${i}]`, () => orderJson(of, o, fix)))
  if (orders.length > 0) json.orderBy = orders
  Object.assign(json, cuts(p))
  if (p.start !== undefined) json.start = { values: startValues(of, p.start.values), inclusive: p.start.inclusive }
  if (p.with.length > 0) json.with = p.with.map(w => ({ ...w }))
  if (p.computed !== undefined) json.computed = p.computed.map(({ as, relation, expr }) => ({ as, relation, expr }))
  return json
}

/** What the table is called in the query. */
export function nameOf({ table, plan }: Planned): string { return plan.alias ?? table }

/** The error about a callback that is not alone. */
export const several = (clause: string, given: unknown, path?: string): EddylineError => misshapen(`\`${clause}\` takes names, or one callback for all members`, given, path)

function callbackOf(clause: string, given: unknown[]): ((row: unknown) => unknown) | undefined {
  const [first] = given
  if (typeof first !== 'function') return undefined
  if (given.length > 1) throw several(clause, given[1])
  return first as (row: unknown) => unknown
}

/** Members of the rows: columns by name, or what a callback makes. */
export function membersOf(of: Planned, clause: string, given: unknown[], step: object): Member[] {
  return placed(clause, () => callbackOf(clause, given) !== undefined
    ? members(clause, (given[0] as (row: unknown) => unknown)(scopeOf(of, step)))
    : (given as string[]).map(name => { const { json, cellType } = columnOf(of, name); return { name, expr: json, type: cellType } }))
}

/** Expressions: columns by name, or what a callback makes. */
export function partsOf(of: Planned, clause: string, given: unknown[], step: object): ExprJson[] {
  return placed(clause, () => {
    const first = callbackOf(clause, given)
    if (first === undefined) return (given as string[]).map(name => columnOf(of, name).json)
    const made: unknown = first(scopeOf(of, step))
    return (Array.isArray(made) ? made : [made]).map(e => exprOf(e, `the callback of \`${clause}\` gives an expression, or several: i => [i.x, i.y]`))
  })
}

/** What the rows are made of. */
export function columnsOf(of: Planned): TableJson['columns'] {
  const { select, joins } = of.plan
  if (select !== undefined) return select.map(({ name, type }) => ({ name, type, nullable: true }))
  return [ownOf(of), ...joins.map(j => j.table)].flatMap(t => t.columns)
}

/** What callbacks get: the columns of the one table, or a record of aliases. */
export function scopeOf(of: Planned, step: object): unknown {
  const base = ownOf(of)
  const { joins } = of.plan
  const name = nameOf(of)
  if (joins.length === 0) return refs(base, undefined, { step, of: name })
  const scope: Record<string, object> = Object.create(null)
  scope[of.table] = refs(base, name, { step, of: name })
  for (const j of joins) scope[j.alias] = refs(j.table, j.alias, { step, of: j.alias })
  return scopeOfAliases(scope)
}

/** The table with the columns that are computed for it. */
function ownOf({ schema, table, plan }: Planned): TableJson {
  const base = tableNamed(schema, table)
  const computed = (plan.computed ?? []).map(c => ({ name: c.as, type: c.type as CellType, nullable: true }))
  return computed.length === 0 ? base : { ...base, columns: [...base.columns, ...computed] }
}

/** A column by its name. */
export function columnOf(of: Planned, name: string): Expr<any> {
  if (typeof name !== 'string') throw misshapen('columns are named by texts, or given by a callback: \'title\', i => i.title', name)
  return new Expr({ op: 'col', name }, columnNamed(ownOf(of), name).type)
}

function orderJson(of: Planned, order: Order, fix: (e: ExprJson) => ExprJson): OrderJson {
  let { expr } = order
  if (expr === undefined) {
    // As in SQL, the name of a result member comes before that of a column.
    const { select, groupBy } = of.plan
    const member = select?.find(s => s.name === order.name) ?? groupBy?.find(g => g.name === order.name)
    expr = member !== undefined ? member.expr : columnOf(of, order.name!).json
  }
  return { expr: fix(expr), ...(order.desc ? { desc: true } : {}), ...(order.nulls !== undefined ? { nulls: order.nulls } : {}) }
}

function startValues(of: Planned, values: Record<string, unknown> | readonly unknown[]): ExprJson[] {
  const t = tableNamed(of.schema, of.table)
  if (Array.isArray(values)) {
    return values.map((v, i) => literal(v, t.columns.find(c => c.name === (of.plan.orderBy[i]?.name ?? t.key[i - of.plan.orderBy.length]))?.type))
  }
  const given = values as Record<string, unknown>
  const value = (name: string): ExprJson => literal(given[name] ?? null, t.columns.find(c => c.name === name)?.type)
  const out = of.plan.orderBy.map((o, i) => {
    if (o.name === undefined) throw new EddylineError('QUERY_INVALID', 'an order by expression needs its start values as an array', { path: 'start' })
    if (!Object.hasOwn(given, o.name)) throw new EddylineError('MISSING_COLUMN', `the start has no value for the order column \`${o.name}\``, { path: `start[${i}]`, offending: o.name })
    return value(o.name)
  })
  if (t.key.every(name => Object.hasOwn(given, name))) for (const name of t.key) out.push(value(name))
  return out
}

/** A number of rows, checked, or a parameter that says it. */
export function counted(n: CountLike, what: string): CountLike { return countParam(n, what) === undefined ? natural(n as number, what) : n }

/** Limit and offset as the engine takes them. */
function cuts({ limit, offset }: { limit?: CountLike; offset?: CountLike }): Pick<QueryJson, 'limit' | 'limitParam' | 'offset' | 'offsetParam'> {
  return {
    ...(limit === undefined ? {} : typeof limit === 'number' ? { limit } : { limitParam: limit.json.name }),
    ...(offset === undefined || offset === 0 ? {} : typeof offset === 'number' ? { offset } : { offsetParam: offset.json.name }),
  }
}
