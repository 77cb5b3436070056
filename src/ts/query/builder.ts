import { EddylineError, unknownName } from '../errors.js'
import type { AnySchema, AssociationName, AssociationTable, IsSingle, Row, TableName } from '../schema.js'
import type { CellType } from '../port.js'
import { type Condition, Expr, type ExprJson, literal } from './expr.js'
import { type Member, members, natural, operatorCondition, placed, refs, settled, tableNamed, tooDeep } from './parts.js'
import { type Derived, type Source, SourceTable, type TableJson, derived, tableOf } from './source.js'
import type { Aliases, JoinKind, JoinedBase, Named, Optional, OptionalAliases, OptionalBase, OrderJson, QueryJson, Refs, ResultOf, Scope, ValueOfExpr, WhereColumn, WhereOp, WhereValue } from './types.js'

interface Join { kind: JoinKind; table: TableJson; alias: string; on?: ExprJson }
interface Order { name?: string; expr?: ExprJson; desc: boolean; nulls?: 'first' | 'last' }

/** What a builder holds: never changed, each step copies it. */
interface Plan {
  /** Another name for the table. */
  alias?: string
  /** What a query that reads this one calls it by. */
  name?: string
  /** Of the callbacks that were given columns of this query. */
  steps: readonly object[]
  joins: readonly Join[]
  where: readonly ExprJson[]
  groupBy?: readonly Member[]
  having?: readonly ExprJson[]
  select?: readonly Member[]
  distinct?: boolean
  distinctOn?: readonly ExprJson[]
  limitBy?: { by: readonly ExprJson[]; limit: number; offset: number }
  orderBy: readonly Order[]
  limit?: number
  offset?: number
  start?: { values: Record<string, unknown> | readonly unknown[]; inclusive: boolean }
  with: readonly { relation: string; query?: QueryJson }[]
  computed?: readonly { as: string; relation: string; expr: ExprJson; type?: CellType }[]
}

const NOTHING: Plan = { steps: [], joins: [], where: [], orderBy: [], with: [] }

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
   * Names the query. As the first step it calls the table otherwise: for a sub-query over the same table as the query around it.
   * Later, it is what another query calls this one by when it reads its rows; used in several places it is worked out once.
   *
   * ```ts
   * q.where(i => exists(db.query.issues.as('other').where(o => eq(o.title, i.title), …)))
   * from(q.where('status', '=', 'open').as('open')).innerJoin(…)
   * ```
   */
  as<N extends string>(name: N): Query<S, T, J, B, A> & Source<S, N, B> {
    if (name === '') throw new EddylineError('QUERY_INVALID', '`as` gives a name', { offending: name, path: 'alias' })
    return this.#step(this.#plan === NOTHING ? { alias: name } : { name })
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
   * other table, which a table joined to itself needs. A query is joined by its alias, and what is joined with it selected.
   *
   * ```ts
   * db.query.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id))
   * db.query.projects.leftJoin(counts.as('c'), (p, c) => eq(p.id, c.projectId)).select(r => ({ name: r.projects.name, n: r.c.n }))
   * ```
   */
  innerJoin<T2 extends TableName<S>, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): Query<S, T, Aliases<S, T, J> & { [K in N]: Row<S, T2> }, JoinedBase<T, J, B> & { [K in N]: Row<S, T2> }, A>
  innerJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): Query<S, T, Aliases<S, T, J> & { [K in N]: R }, JoinedBase<T, J, B> & { [K in N]: R }, A>
  innerJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('inner', table, on, alias) }

  /** The same, keeping rows that find no partner: theirs is `null`. */
  leftJoin<T2 extends TableName<S>, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): Query<S, T, Aliases<S, T, J> & { [K in N]: Optional<Row<S, T2>> }, JoinedBase<T, J, B> & { [K in N]: Row<S, T2> | null }, A>
  leftJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): Query<S, T, Aliases<S, T, J> & { [K in N]: Optional<R> }, JoinedBase<T, J, B> & { [K in N]: R | null }, A>
  leftJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('left', table, on, alias) }

  /** The same, keeping rows of the other table: what was there before is `null` beside one without a partner. */
  rightJoin<T2 extends TableName<S>, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): Query<S, T, OptionalAliases<S, T, J> & { [K in N]: Row<S, T2> }, OptionalBase<T, J, B> & { [K in N]: Row<S, T2> }, A>
  rightJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): Query<S, T, OptionalAliases<S, T, J> & { [K in N]: R }, OptionalBase<T, J, B> & { [K in N]: R }, A>
  rightJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('right', table, on, alias) }

  /** The same, keeping the rows of both. */
  fullJoin<T2 extends TableName<S>, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): Query<S, T, OptionalAliases<S, T, J> & { [K in N]: Optional<Row<S, T2>> }, OptionalBase<T, J, B> & { [K in N]: Row<S, T2> | null }, A>
  fullJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): Query<S, T, OptionalAliases<S, T, J> & { [K in N]: Optional<R> }, OptionalBase<T, J, B> & { [K in N]: R | null }, A>
  fullJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('full', table, on, alias) }

  /** Every row with every row of another table. */
  crossJoin<T2 extends TableName<S>, N extends string = T2>(
    table: T2, alias?: N,
  ): Query<S, T, Aliases<S, T, J> & { [K in N]: Row<S, T2> }, JoinedBase<T, J, B> & { [K in N]: Row<S, T2> }, A>
  crossJoin<N extends string, R>(source: Source<any, N, R>): Query<S, T, Aliases<S, T, J> & { [K in N]: R }, JoinedBase<T, J, B> & { [K in N]: R }, A>
  crossJoin(table: string | Source<any, string, any>, alias?: string): any { return this.#join('cross', table, undefined, alias) }

  /** Rows with equal members are one. They are ordered by what is selected only. */
  distinct(): Query<S, T, J, B, A> { return this.#step({ distinct: true }) }

  /**
   * The first row, in the order of the query, of those that agree on some columns.
   *
   * ```ts
   * q.distinctOn('projectId').orderBy('updatedAt', 'desc')    // the latest issue of each project, latest first
   * ```
   */
  distinctOn<C extends keyof Named<S, T, J> & string>(...columns: C[]): Query<S, T, J, B, A>
  distinctOn(values: (row: Scope<S, T, J>) => Expr<any> | readonly Expr<any>[]): Query<S, T, J, B, A>
  distinctOn(...given: any[]): any {
    const step = {}
    return this.#step({ distinctOn: this.#parts('distinctOn', given, step) }, step)
  }

  /** The first `limit` rows of those that agree on some columns: `q.limitBy('issueId', 3).orderBy('createdAt', 'desc')`. */
  limitBy<C extends keyof Named<S, T, J> & string>(columns: C | readonly C[], limit: number, offset?: number): Query<S, T, J, B, A>
  limitBy(values: (row: Scope<S, T, J>) => Expr<any> | readonly Expr<any>[], limit: number, offset?: number): Query<S, T, J, B, A>
  limitBy(by: any, limit: number, offset = 0): any {
    const given = typeof by === 'function' || typeof by === 'string' ? [by] : by as string[]
    const step = {}
    return this.#step({ limitBy: { by: this.#parts('limitBy', given, step), limit: natural(limit, 'limitBy.limit'), offset: natural(offset, 'limitBy.offset') } }, step)
  }

  /** Rows of this and other queries, equal ones once. Members are matched by position and named as here. */
  union(...others: QueryLike<B>[]): Query<Derived<S, 'rows', B>, 'rows'> { return this.#combine('union', false, others) }
  /** The same, equal rows kept apart. */
  unionAll(...others: QueryLike<B>[]): Query<Derived<S, 'rows', B>, 'rows'> { return this.#combine('union', true, others) }
  /** Rows that this and other queries have, equal ones once. */
  intersect(...others: QueryLike<B>[]): Query<Derived<S, 'rows', B>, 'rows'> { return this.#combine('intersect', false, others) }
  /** The same, as often as each has them. */
  intersectAll(...others: QueryLike<B>[]): Query<Derived<S, 'rows', B>, 'rows'> { return this.#combine('intersect', true, others) }
  /** Rows that other queries do not have, equal ones once. */
  except(...others: QueryLike<B>[]): Query<Derived<S, 'rows', B>, 'rows'> { return this.#combine('except', false, others) }
  /** The same, each of theirs taking one of these away. */
  exceptAll(...others: QueryLike<B>[]): Query<Derived<S, 'rows', B>, 'rows'> { return this.#combine('except', true, others) }

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
    const { source } = tableNamed(this.#schema, this.#table)
    const json: QueryJson = source === undefined ? { from: this.#table, ...(p.alias === undefined ? {} : { alias: p.alias }) } : { from: { ...source, alias: base } }
    if (joined) {
      json.joins = p.joins.map(({ kind, table: { name, source }, alias, on }) => ({
        kind, ...(source ?? { table: name }), ...(alias === name && source === undefined ? {} : { alias }), ...(on === undefined ? {} : { on: fix(on) }),
      }))
    }
    if (p.where.length > 0) json.where = p.where.length === 1 ? fix(p.where[0]) : { op: 'and', args: p.where.map(fix) }
    if (p.groupBy !== undefined) json.groupBy = p.groupBy.map(g => ({ name: g.name, expr: fix(g.expr) }))
    if (p.having !== undefined) json.having = p.having.length === 1 ? fix(p.having[0]) : { op: 'and', args: p.having.map(fix) }
    if (p.select !== undefined) json.select = p.select.map(s => ({ name: s.name, expr: fix(s.expr) }))
    if (p.distinct) json.distinct = true
    if (p.distinctOn !== undefined) json.distinctOn = p.distinctOn.map(fix)
    if (p.limitBy !== undefined) json.limitBy = { by: p.limitBy.by.map(fix), limit: p.limitBy.limit, ...(p.limitBy.offset > 0 ? { offset: p.limitBy.offset } : {}) }
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

  #members(clause: string, given: unknown[], step: object): Member[] {
    return placed(clause, () => typeof given[0] === 'function'
      ? members((given[0] as (row: unknown) => Record<string, Expr<any>>)(this.#scope(step)))
      : (given as string[]).map(name => { const { json, cellType } = this.#column(name); return { name, expr: json, type: cellType } }))
  }

  #parts(clause: string, given: unknown[], step: object): ExprJson[] {
    return placed(clause, () => {
      const [first] = given
      if (typeof first !== 'function') return (given as string[]).map(name => this.#column(name).json)
      const made = first(this.#scope(step)) as Expr<any> | Expr<any>[]
      return (Array.isArray(made) ? made : [made]).map(e => e.json)
    })
  }

  #combine(setOp: 'union' | 'intersect' | 'except', all: boolean, others: readonly QueryLike<any>[]): any {
    if (others.length === 0) throw new EddylineError('QUERY_INVALID', `\`${setOp}\` takes another query`, { path: setOp })
    const query: QueryJson = { setOp, ...(all ? { all } : {}), inputs: [this, ...others].map(q => q.toJSON()) }
    return new Query(derived(new SourceTable(this.#schema, 'rows', { query }, this.#columns())), 'rows')
  }

  /** @internal What a query that reads this one takes. */
  sourceTable(): SourceTable {
    const { source } = tableNamed(this.#schema, this.#table)
    // The rows of a recursion have a name already.
    const named = source !== undefined && !('query' in source)
    const name = this.#plan.name ?? this.#plan.alias ?? (named ? this.#table : undefined)
    if (name === undefined) throw new EddylineError('QUERY_INVALID', 'a query in the place of a table needs a name: `.as(…)`', { path: 'alias' })
    const query = this.toJSON()
    const whole = named && Object.keys(query).every(part => part === 'from')
    return new SourceTable(this.#schema, name, whole ? source : { query }, this.#columns())
  }

  /** @internal What a query that is made of this one builds on. */
  parts(): { schema: S; columns: TableJson['columns'] } { return { schema: this.#schema, columns: this.#columns() } }

  /** What the rows are made of. */
  #columns(): TableJson['columns'] {
    const { select, joins } = this.#plan
    if (select !== undefined) return select.map(({ name, type }) => ({ name, type, nullable: true }))
    return [this.#own(), ...joins.map(j => j.table)].flatMap(t => t.columns)
  }

  #join(kind: JoinKind, table: string | Source<any, string, any>, on: ((left: any, right: any) => Condition) | undefined, alias: string | undefined): any {
    if (this.#plan.alias !== undefined) throw new EddylineError('QUERY_INVALID', '`as` is for a query of one table: give the joined table an alias instead', { offending: this.#plan.alias, path: 'alias' })
    const source = typeof table === 'string' ? undefined : (table as never as Query<any, any>).sourceTable()
    const name = alias ?? source?.alias ?? table as string
    if (name === this.#table || this.#plan.joins.some(j => j.alias === name)) {
      throw new EddylineError('QUERY_INVALID', `\`${name}\` is in the query already: give the join an alias as its third argument`, { offending: name, path: 'joins' })
    }
    const at = `joins[${this.#plan.joins.length}]`
    const joined = source === undefined ? tableNamed(this.#schema, table as string, `${at}.table`) : tableOf(source)
    const step = {}
    const condition = on && placed(`${at}.on`, () => on(this.#scope(step), refs(joined, name, { step, of: name })).json)
    return this.#step({ joins: [...this.#plan.joins, { kind, table: joined, alias: name, on: condition }] }, step)
  }

  #scope(step: object): unknown {
    const base = this.#own()
    const { joins } = this.#plan
    const name = this.#name()
    if (joins.length === 0) return refs(base, undefined, { step, of: name })
    const scope: Record<string, unknown> = Object.create(null)
    scope[this.#table] = refs(base, name, { step, of: name })
    for (const j of joins) scope[j.alias] = refs(j.table, j.alias, { step, of: j.alias })
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

/** What has the plan of a query with rows `R`. */
export interface QueryLike<R> { readonly $row: R; toJSON(): QueryJson }

/** What an association adds to a row. */
export type Associated<S extends AnySchema, T, N extends string, R> = { [K in N]: IsSingle<S, T, N> extends true ? R | null : R[] }

/** A query over a table, without a database, or over the rows of another query: `from(q.as('open'))`. */
export function from<S extends AnySchema, T extends TableName<S>>(schema: S, table: T): Query<S, T>
export function from<S extends AnySchema, N extends string, R>(source: Source<S, N, R>): Query<Derived<S, N, R>, N, null, R>
export function from(first: AnySchema | Source<AnySchema, string, unknown>, table?: string): any {
  if (!(first instanceof Query)) return new Query(first as AnySchema, table as never)
  const source = first.sourceTable()
  return new Query(derived(source), source.alias as never)
}

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

