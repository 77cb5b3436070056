import { EddylineError, unknownName } from '../errors.js'
import type { AnySchema, AssociationName, AssociationTable, IsSingle, Row, SchemaJson, TableName } from '../schema.js'
import type { CellType } from '../port.js'
import { type Condition, Expr, type ExprJson, compare, literal } from './expr.js'
import type { Aliases, JoinedBase, Named, Optional, OrderJson, QueryJson, Refs, ResultOf, Scope, ValueOfExpr, WhereColumn, WhereOp, WhereValue } from './types.js'

type TableJson = SchemaJson['tables'][number]
interface Join { kind: 'inner' | 'left'; table: string; alias: string; on: ExprJson }
interface Order { name?: string; expr?: ExprJson; desc: boolean; nulls?: 'first' | 'last' }

/** What a builder holds: never changed, each step copies it. */
interface Plan {
  /** Another name for the table. */
  alias?: string
  /** Of the callbacks that were given columns of this query. */
  steps: readonly object[]
  joins: readonly Join[]
  where: readonly ExprJson[]
  groupBy?: readonly { name?: string; expr: ExprJson }[]
  having?: readonly ExprJson[]
  select?: readonly { name: string; expr: ExprJson }[]
  orderBy: readonly Order[]
  limit?: number
  offset?: number
  start?: { values: Record<string, unknown> | readonly unknown[]; inclusive: boolean }
  with: readonly { relation: string; query?: QueryJson }[]
  computed?: readonly { as: string; relation: string; expr: ExprJson; type?: CellType }[]
}

const NOTHING: Plan = { steps: [], joins: [], where: [], orderBy: [], with: [] }

/** Where a column given to a callback is from: a step of some query, and that query's name for the table. */
interface Place { step: object; of: string }
const places = new WeakMap<ExprJson, Place>()
/** Columns that a sub-query reads outside. */
const outside = new WeakSet<ExprJson>()

export interface OrderOptions { nulls?: 'first' | 'last' }

/**
 * An immutable query: each step returns a new one. `db.query.issues` or `from(schema, 'issues')`.
 *
 * ```ts
 * db.query.issues.where('status', '=', 'open').orderBy('priority', 'desc').limit(50).with('labels')
 * ```
 * Misspelt names throw EddylineError at the step itself (UNKNOWN_COLUMN, UNKNOWN_TABLE, UNKNOWN_RELATION, with `nearest`).
 * `S` schema, `T` table, `J` aliases after a join, `B` row, `A` associations loaded with it.
 */
export class Query<S extends AnySchema, T extends TableName<S>, J = null, B = Row<S, T>, A = {}> {
  declare readonly $row: ResultOf<B, A>
  readonly #schema: S
  readonly #table: T
  readonly #plan: Plan
  #json: QueryJson | undefined

  /** @internal Use `from` or `db.query`. */
  constructor(schema: S, table: T, plan: Plan = NOTHING) {
    this.#schema = schema
    this.#table = table
    this.#plan = plan
    tableNamed(schema, table)
  }

  /**
   * Keeps rows that satisfy a condition; several `where` must all hold.
   *
   * ```ts
   * q.where('status', 'in', ['open', 'late'])
   * q.where(i => or(eq(i.status, 'open'), gt(i.priority, 2)))
   * ```
   */
  where<O extends WhereOp, C extends WhereColumn<Named<S, T, J>, O>>(column: C, op: O, value: WhereValue<Named<S, T, J>[C & keyof Named<S, T, J>], O>): Query<S, T, J, B, A>
  where(condition: (row: Scope<S, T, J>) => Condition): Query<S, T, J, B, A>
  where(first: string | ((row: any) => Condition), op?: WhereOp, value?: unknown): Query<S, T, J, B, A> {
    const step = {}
    const condition = placed('where', () => typeof first === 'function' ? first(this.#scope(step)) : operatorCondition(this.#column(first), op!, value))
    if (!(condition instanceof Expr)) throw new EddylineError('QUERY_INVALID', '`where` needs a condition: eq(…), and(…), …', { path: 'where' })
    return this.#step({ where: [...this.#plan.where, condition.json] }, step)
  }

  /** Sorts; several sort within each other. Nulls are last ascending, first descending, unless told. Ties go by key. */
  orderBy(column: (keyof Named<S, T, J> & string) | (keyof B & string), direction?: 'asc' | 'desc', options?: OrderOptions): Query<S, T, J, B, A>
  orderBy(value: (row: Scope<S, T, J>) => Expr<any>, direction?: 'asc' | 'desc', options?: OrderOptions): Query<S, T, J, B, A>
  orderBy(by: string | ((row: any) => Expr<any>), direction?: 'asc' | 'desc', options?: OrderOptions): Query<S, T, J, B, A> {
    const order: Order = { desc: direction === 'desc', nulls: options?.nulls }
    const step = {}
    if (typeof by === 'function') order.expr = placed(`orderBy[${this.#plan.orderBy.length}]`, () => by(this.#scope(step)).json)
    else order.name = by
    return this.#step({ orderBy: [...this.#plan.orderBy, order] }, step)
  }

  /**
   * Calls the table otherwise: for a sub-query over the same table as the query around it. Comes first.
   *
   * ```ts
   * q.where(i => exists(db.query.issues.as('other').where(o => eq(o.title, i.title), …)))
   * ```
   */
  as(name: string): Query<S, T, J, B, A> {
    if (this.#plan !== NOTHING || name === '') throw new EddylineError('QUERY_INVALID', '`as` comes first, and gives a name', { offending: name, path: 'alias' })
    return this.#step({ alias: name })
  }

  /** At most `n` rows. */
  limit(n: number): Query<S, T, J, B, A> { return this.#step({ limit: natural(n, 'limit') }) }

  /** Leaves out the first `n` rows. */
  offset(n: number): Query<S, T, J, B, A> { return this.#step({ offset: natural(n, 'offset') }) }

  /**
   * Begins at a place in the order: the values of the order columns, then of the key (all of it or none); an array gives
   * them in that order.
   */
  startAt(values: Partial<Named<S, T, J>> | readonly unknown[]): Query<S, T, J, B, A> { return this.#step({ start: { values: values as never, inclusive: true } }) }

  /** Begins right after a place in the order: the usual way to the next page. */
  startAfter(values: Partial<Named<S, T, J>> | readonly unknown[]): Query<S, T, J, B, A> { return this.#step({ start: { values: values as never, inclusive: false } }) }

  /**
   * Chooses the members of the rows: columns by name, or a record of expressions.
   *
   * ```ts
   * q.select('id', 'title')
   * q.select(i => ({ id: i.id, label: concat(i.title, '!') }))
   * ```
   */
  select<C extends keyof Named<S, T, J> & string>(...columns: C[]): Query<S, T, J, Pick<Named<S, T, J>, C>, A>
  select<R extends Record<string, Expr<any>>>(members: (row: Scope<S, T, J>) => R): Query<S, T, J, { [K in keyof R]: ValueOfExpr<R[K]> }, A>
  select(...given: unknown[]): Query<S, T, J, any, A> {
    const step = {}
    return this.#step({ select: this.#members('select', given, step) }, step)
  }

  /**
   * Loads an association into the rows under its name; the callback narrows it.
   *
   * ```ts
   * q.with('comments', c => c.orderBy('createdAt', 'desc').limit(3).with('author'))
   * ```
   */
  with<N extends AssociationName<S, T>>(name: N): Query<S, T, J, B, A & Associated<S, T, N, Row<S, AssociationTable<S, T, N>>>>
  with<N extends AssociationName<S, T>, R>(
    name: N, narrow: (q: Query<S, AssociationTable<S, T, N>>) => QueryLike<R>,
  ): Query<S, T, J, B, A & Associated<S, T, N, R>>
  with(name: string, narrow?: (q: any) => QueryLike<any>): any {
    const known = tableNamed(this.#schema, this.#table).relations
    const relation = known.find(r => r.name === name)
    const at = this.#plan.with.filter(w => w.relation !== name).length
    if (relation === undefined) throw unknownName('UNKNOWN_RELATION', `association \`${name}\` on \`${this.#table}\``, name, known.map(r => r.name as string), `with[${at}].relation`)
    const entry: { relation: string; query?: QueryJson } = { relation: name }
    if (narrow !== undefined) {
      const { from: _, ...query } = placed(`with[${at}].query`, () => narrow(new Query(this.#schema, relation.table as never)).toJSON())
      if (Object.keys(query).length > 0) entry.query = query
    }
    return this.#step({ with: [...this.#plan.with.filter(w => w.relation !== name), entry] })
  }

  /**
   * Adds a column that is an aggregate over an association; it can be ordered by.
   *
   * ```ts
   * q.withAggregate('latest', 'comments', c => max(c.createdAt)).orderBy('latest', 'desc')
   * ```
   */
  withAggregate<K extends string, N extends AssociationName<S, T>, V>(
    as: K, name: N, make: (row: Refs<Row<S, AssociationTable<S, T, N>>>) => Expr<V>,
  ): Query<S, T, J, B & { [P in K]: V }, A> {
    const at = `computed[${this.#plan.computed?.length ?? 0}]`
    const known = tableNamed(this.#schema, this.#table).relations
    const relation = known.find(r => r.name === name)
    if (relation === undefined) throw unknownName('UNKNOWN_RELATION', `association \`${name}\` on \`${this.#table}\``, name as string, known.map(r => r.name as string), `${at}.relation`)
    const target = tableNamed(this.#schema, relation.table as string)
    const made = placed(`${at}.expr`, () => make(refs(target, undefined, { step: {}, of: target.name }) as never))
    return this.#step({ computed: [...this.#plan.computed ?? [], { as, relation: name as string, expr: made.json, type: made.cellType }] })
  }

  /** Adds the number of rows of an association, as `commentsCount` or the name given; 0 without any. */
  withCount<N extends AssociationName<S, T>, K extends string = `${N}Count`>(name: N, as?: K): Query<S, T, J, B & { [P in K]: number }, A> {
    return this.withAggregate(as ?? `${name}Count` as K, name, () => new Expr<number>({ op: 'agg', name: 'count', args: [] }, 'int'))
  }

  /**
   * Pairs with rows of another table. Rows are `{ issues, projects }` unless selected; the third argument names the
   * other table, which a table joined to itself needs.
   *
   * ```ts
   * db.query.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id))
   * ```
   */
  innerJoin<T2 extends TableName<S>, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): Query<S, T, Aliases<S, T, J> & { [K in N]: Row<S, T2> }, JoinedBase<T, J, B> & { [K in N]: Row<S, T2> }, A> {
    return this.#join('inner', table, on, alias)
  }

  /** The same, keeping rows that find no partner: theirs is `null`. */
  leftJoin<T2 extends TableName<S>, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): Query<S, T, Aliases<S, T, J> & { [K in N]: Optional<Row<S, T2>> }, JoinedBase<T, J, B> & { [K in N]: Row<S, T2> | null }, A> {
    return this.#join('left', table, on, alias)
  }

  /**
   * One row per group; `select` says what it holds.
   *
   * ```ts
   * q.groupBy('status').select(i => ({ status: i.status, n: count() }))
   * ```
   */
  groupBy<C extends keyof Named<S, T, J> & string>(...columns: C[]): Query<S, T, J, Pick<Named<S, T, J>, C>, A>
  groupBy<R extends Record<string, Expr<any>>>(members: (row: Scope<S, T, J>) => R): Query<S, T, J, { [K in keyof R]: ValueOfExpr<R[K]> }, A>
  groupBy(...given: unknown[]): Query<S, T, J, any, A> {
    const step = {}
    return this.#step({ groupBy: this.#members('groupBy', given, step) }, step)
  }

  /**
   * Keeps groups that satisfy a condition, which may call aggregates; several `having` must all hold.
   *
   * ```ts
   * q.groupBy('status').having(i => gt(count(), 1)).select(i => ({ status: i.status, n: count() }))
   * ```
   */
  having(condition: (row: Scope<S, T, J>) => Condition): Query<S, T, J, B, A> {
    const step = {}
    const made = placed('having', () => condition(this.#scope(step) as Scope<S, T, J>))
    if (!(made instanceof Expr)) throw new EddylineError('QUERY_INVALID', '`having` needs a condition: gt(count(), 1), …', { path: 'having' })
    return this.#step({ having: [...this.#plan.having ?? [], made.json] }, step)
  }

  /** The query as the engine takes it. Made once. */
  toJSON(): QueryJson {
    if (this.#json !== undefined) return this.#json
    const p = this.#plan
    const joined = p.joins.length > 0
    const base = this.#name()
    const scope = { base: joined ? base : undefined, names: [base, ...p.joins.map(j => j.alias)], steps: p.steps }
    const fix = (e: ExprJson): ExprJson => settled(e, scope)
    const json: QueryJson = { from: this.#table, ...(p.alias === undefined ? {} : { alias: p.alias }) }
    if (joined) json.joins = p.joins.map(j => ({ kind: j.kind, table: j.table, ...(j.alias === j.table ? {} : { alias: j.alias }), on: fix(j.on) }))
    if (p.where.length > 0) json.where = p.where.length === 1 ? fix(p.where[0]) : { op: 'and', args: p.where.map(fix) }
    if (p.groupBy !== undefined) json.groupBy = p.groupBy.map(g => ({ ...g, expr: fix(g.expr) }))
    if (p.having !== undefined) json.having = p.having.length === 1 ? fix(p.having[0]) : { op: 'and', args: p.having.map(fix) }
    if (p.select !== undefined) json.select = p.select.map(s => ({ name: s.name, expr: fix(s.expr) }))
    const orders = p.orderBy.map((o, i) => placed(`orderBy[${i}]`, () => this.#order(o, fix)))
    if (orders.length > 0) json.orderBy = orders
    if (p.limit !== undefined) json.limit = p.limit
    if (p.offset !== undefined && p.offset > 0) json.offset = p.offset
    if (p.start !== undefined) json.start = { values: this.#startValues(p.start.values), inclusive: p.start.inclusive }
    if (p.with.length > 0) json.with = p.with.map(w => ({ ...w }))
    if (p.computed !== undefined) json.computed = p.computed.map(({ as, relation, expr }) => ({ as, relation, expr }))
    return this.#json = json
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  // `any`: the steps above say what comes out.
  #step(change: Partial<Plan>, step?: object): any {
    const steps = step === undefined ? this.#plan.steps : [...this.#plan.steps, step]
    return new Query(this.#schema, this.#table, { ...this.#plan, ...change, steps })
  }

  #name(): string { return this.#plan.alias ?? this.#table }

  #members(clause: string, given: unknown[], step: object): { name: string; expr: ExprJson }[] {
    return placed(clause, () => typeof given[0] === 'function'
      ? members((given[0] as (row: unknown) => Record<string, Expr<any>>)(this.#scope(step)))
      : (given as string[]).map(name => ({ name, expr: this.#column(name).json })))
  }

  #join(kind: 'inner' | 'left', table: string, on: (left: any, right: any) => Condition, alias: string | undefined): any {
    if (this.#plan.alias !== undefined) throw new EddylineError('QUERY_INVALID', '`as` is for a query of one table: give the joined table an alias instead', { offending: this.#plan.alias, path: 'alias' })
    const name = alias ?? table
    if (name === this.#table || this.#plan.joins.some(j => j.alias === name)) {
      throw new EddylineError('QUERY_INVALID', `\`${name}\` is in the query already: give the join an alias as its third argument`, { offending: name, path: 'joins' })
    }
    const at = `joins[${this.#plan.joins.length}]`
    const joined = tableNamed(this.#schema, table, `${at}.table`)
    const step = {}
    const condition = placed(`${at}.on`, () => on(this.#scope(step), refs(joined, name, { step, of: name })))
    return this.#step({ joins: [...this.#plan.joins, { kind, table, alias: name, on: condition.json }] }, step)
  }

  #scope(step: object): unknown {
    const base = this.#own()
    const { joins } = this.#plan
    const name = this.#name()
    if (joins.length === 0) return refs(base, undefined, { step, of: name })
    const scope: Record<string, unknown> = Object.create(null)
    scope[this.#table] = refs(base, name, { step, of: name })
    for (const j of joins) scope[j.alias] = refs(tableNamed(this.#schema, j.table), j.alias, { step, of: j.alias })
    return scope
  }

  /** The table with the columns that are computed for it. */
  #own(): TableJson {
    const base = tableNamed(this.#schema, this.#table)
    const computed = (this.#plan.computed ?? []).map(c => ({ name: c.as, type: c.type as CellType, nullable: true }))
    return computed.length === 0 ? base : { ...base, columns: [...base.columns, ...computed] }
  }

  #column(name: string): Expr<any> {
    const t = this.#own()
    const column = t.columns.find(c => c.name === name)
    if (column === undefined) throw unknownName('UNKNOWN_COLUMN', `column \`${name}\` on \`${t.name}\``, name, t.columns.map(c => c.name))
    return new Expr({ op: 'col', name }, column.type)
  }

  #order(order: Order, fix: (e: ExprJson) => ExprJson): OrderJson {
    let { expr } = order
    if (expr === undefined) {
      // As in SQL, the name of a result member comes before that of a column.
      const { select, groupBy } = this.#plan
      const member = select?.find(s => s.name === order.name) ?? groupBy?.find(g => g.name === order.name)
      expr = member !== undefined ? member.expr : this.#column(order.name!).json
    }
    return { expr: fix(expr), ...(order.desc ? { desc: true } : {}), ...(order.nulls !== undefined ? { nulls: order.nulls } : {}) }
  }

  #startValues(values: Record<string, unknown> | readonly unknown[]): ExprJson[] {
    const t = tableNamed(this.#schema, this.#table)
    if (Array.isArray(values)) {
      return values.map((v, i) => literal(v, t.columns.find(c => c.name === (this.#plan.orderBy[i]?.name ?? t.key[i - this.#plan.orderBy.length]))?.type))
    }
    const given = values as Record<string, unknown>
    const value = (name: string): ExprJson => literal(given[name] ?? null, t.columns.find(c => c.name === name)?.type)
    const out = this.#plan.orderBy.map((o, i) => {
      if (o.name === undefined) throw new EddylineError('QUERY_INVALID', 'an order by expression needs its start values as an array', { path: 'start' })
      if (!Object.hasOwn(given, o.name)) throw new EddylineError('MISSING_COLUMN', `the start has no value for the order column \`${o.name}\``, { path: `start[${i}]`, offending: o.name })
      return value(o.name)
    })
    if (t.key.every(name => Object.hasOwn(given, name))) for (const name of t.key) out.push(value(name))
    return out
  }
}

/** Runs a part of a step: errors say in which one. */
function placed<T>(path: string, make: () => T): T {
  try { return make() } catch (e) {
    if (!(e instanceof EddylineError)) throw e
    const { code, message, offending, nearest } = e
    throw new EddylineError(code, message, { path: e.path === undefined ? path : `${path}.${e.path}`, offending, nearest })
  }
}

/** What has the plan of a query with rows `R`. */
export interface QueryLike<R> { readonly $row: R; toJSON(): QueryJson }

/** What an association adds to a row. */
export type Associated<S extends AnySchema, T, N extends string, R> = { [K in N]: IsSingle<S, T, N> extends true ? R | null : R[] }

/** A query over a table, without a database. */
export function from<S extends AnySchema, T extends TableName<S>>(schema: S, table: T): Query<S, T> { return new Query(schema, table) }

/** @internal Text that is equal for equal plans: identity of shared views and of hooks. */
export function planKey(query: QueryJson): string {
  try {
    return JSON.stringify(query, (_, v: unknown) =>
      typeof v === 'bigint' ? { $bigint: String(v) } : typeof v === 'number' && !Number.isFinite(v) ? { $number: String(v) } : v)
  } catch (e) { throw e instanceof RangeError ? tooDeep() : e }
}

/** @internal Refuses a query that the engine could not read to its end: the engine's stack is small, and its own limit far below. */
export function checkDepth(json: unknown, left = 1000): void {
  if (left === 0) throw tooDeep()
  if (typeof json !== 'object' || json === null) return
  for (const member of Object.values(json)) checkDepth(member, left - 1)
}

function tooDeep(): EddylineError { return new EddylineError('QUERY_INVALID', 'the query is nested too deeply') }

function tableNamed(schema: AnySchema, name: string, path = 'from'): TableJson {
  const found = schema.json.tables.find(t => t.name === name)
  if (found === undefined) throw unknownName('UNKNOWN_TABLE', `table \`${name}\``, name, schema.json.tables.map(t => t.name), path)
  return found
}

/** An object with an expression per column; an unknown name throws instead of yielding undefined. */
function refs(table: TableJson, of: string | undefined, place: Place): object {
  const column = (name: string, type: CellType): Expr<any> => {
    const e = new Expr<any>(of === undefined ? { op: 'col', name } : { op: 'col', name, of }, type)
    places.set(e.json, place)
    return e
  }
  return new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (typeof name !== 'string') return undefined
      const found = table.columns.find(c => c.name === name)
      if (found === undefined) throw unknownName('UNKNOWN_COLUMN', `column \`${name}\` on \`${table.name}\``, name, table.columns.map(c => c.name))
      return column(name, found.type)
    },
    has: (_, name) => table.columns.some(c => c.name === name),
    ownKeys: () => table.columns.map(c => c.name),
    getOwnPropertyDescriptor(_, name) {
      const found = table.columns.find(c => c.name === name)
      if (found === undefined) return undefined
      return { value: column(found.name, found.type), enumerable: true, configurable: true }
    },
  })
}

function members(record: Record<string, Expr<any>>): { name: string; expr: ExprJson }[] {
  return Object.entries(record).map(([name, value]) => ({ name, expr: literal(value) }))
}

function operatorCondition(column: Expr<any>, op: WhereOp, value: unknown): Condition {
  const truth = (v: boolean): Condition => new Expr({ op: 'lit', value: v }, 'bool')
  const negated = (c: Condition): Condition => new Expr({ op: 'not', args: [c.json] }, 'bool')
  switch (op) {
    case '=': case '!=': case '<': case '<=': case '>': case '>=': case 'like': case 'ilike': case '~': case '~*': return compare(op, column, value)
    case 'not like': case 'not ilike': return negated(compare(op.slice(4), column, value))
    case '!~': case '!~*': return negated(compare(op.slice(1), column, value))
    case 'between': case 'not between': {
      if (!Array.isArray(value) || value.length !== 2) throw new EddylineError('QUERY_INVALID', `\`${op}\` takes an array of two`, { offending: op })
      const within: Condition = new Expr({ op: 'between', args: [column.json, ...value.map(v => literal(v, column.cellType))] }, 'bool')
      return op === 'between' ? within : negated(within)
    }
    case 'in': case 'not in': {
      if (!Array.isArray(value)) throw new EddylineError('QUERY_INVALID', `\`${op}\` takes an array`, { offending: op })
      if (value.length === 0) return truth(op === 'not in')
      const member: Condition = new Expr({ op: 'in', args: [column.json, ...value.map(v => literal(v, column.cellType))] }, 'bool')
      return op === 'in' ? member : negated(member)
    }
    case 'is': case 'is not': {
      if (value === null) return new Expr({ op: op === 'is' ? 'isNull' : 'isNotNull', args: [column.json] }, 'bool')
      return compare(op === 'is' ? 'isNotDistinctFrom' : 'isDistinctFrom', column, value)
    }
  }
  throw unknownName('QUERY_INVALID', `operator \`${String(op)}\``, String(op), ['=', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'like', 'ilike', 'not like', 'not ilike', '~', '~*', '!~', '!~*', 'between', 'not between', 'is', 'is not'], 'where')
}

/** A query's own names: of its table where columns are to be said in full, of all its tables, of its callbacks. */
interface Names { base: string | undefined; names: string[]; steps: readonly object[] }

/** An expression with the columns of queries outside named in full, and its own where there are several tables. */
function settled(e: ExprJson, own: Names, left = 500): ExprJson {
  if (left === 0) throw tooDeep()
  if (e.op === 'col') {
    const place = places.get(e)
    if (place === undefined || own.steps.includes(place.step)) return e.of === undefined && own.base !== undefined ? { ...e, of: own.base } : e
    notHidden(place, own)
    const full = { ...e, of: place.of }
    places.set(full, place)
    outside.add(full)
    return full
  }
  if (e.query !== undefined) passed(e.query, own)
  if (e.args === undefined && e.filter === undefined && e.orderBy === undefined) return e
  const out = { ...e }
  if (e.args !== undefined) out.args = e.args.map(a => settled(a, own, left - 1))
  if (e.filter !== undefined) out.filter = settled(e.filter, own, left - 1)
  if (e.orderBy !== undefined) out.orderBy = e.orderBy.map(o => ({ ...o, expr: settled(o.expr, own, left - 1) }))
  if (e.over !== undefined) {
    const { partitionBy, orderBy } = e.over
    out.over = { ...e.over }
    if (partitionBy !== undefined) out.over.partitionBy = partitionBy.map(p => settled(p, own, left - 1))
    if (orderBy !== undefined) out.over.orderBy = orderBy.map(o => ({ ...o, expr: settled(o.expr, own, left - 1) }))
  }
  return out
}

/** Checks that this query does not hide what a sub-query of it reads further outside. */
function passed(json: unknown, own: Names, left = 1000): void {
  if (left === 0) throw tooDeep()
  if (typeof json !== 'object' || json === null) return
  const place = places.get(json as ExprJson)
  if (place !== undefined && !own.steps.includes(place.step) && outside.has(json as ExprJson)) notHidden(place, own)
  for (const member of Object.values(json)) passed(member, own, left - 1)
}

function notHidden({ of }: Place, { names }: Names): void {
  if (names.includes(of)) throw new EddylineError('QUERY_INVALID', `\`${of}\` is a table of the query outside and of the one inside: call one otherwise by \`.as(…)\`, before its other steps`, { offending: of, path: 'alias' })
}

function natural(n: number, what: string): number {
  if (!Number.isSafeInteger(n) || n < 0) throw new EddylineError('QUERY_INVALID', `${what} takes a whole number from 0, not ${n}`, { path: what })
  return n
}
