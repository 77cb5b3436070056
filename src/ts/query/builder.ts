import { elementOf } from '../arrays.js'
import { EddylineError, unknownName } from '../errors.js'
import { isObject, isPlain, said } from '../option-kinds.js'
import type { AnySchema, AssociationTable, IsSingle, RelationsOf, Row, Simplify, TableName } from '../schema.js'
import { type Condition, Expr, type GroupingSets, Rows, exprOf, misshapen } from './expr.js'
import { type Grouped, type Loose, type LooseAliases, type Sometimes, groupsOf } from './grouping.js'
import type { CountLike } from './params.js'
import { PLAN, checkOrder, conditionOf, jsonOf, operatorCondition, outsiders, placed, refs, relationNamed, tableNamed, tooDeep } from './parts.js'
import { NOTHING, type Order, type Plan, type Planned, columnOf, columnsOf, counted, membersOf, partsOf, planJson, scopeOf } from './plan.js'
import { type Computed, type Derived, type Source, SourceTable, type TableJson, derived, tableOf } from './source.js'
import type { Aliases, Chosen, JoinKind, JoinedBase, Mate, MemberName, Merged, Named, Optional, OptionalAliases, OptionalBase, Place, QueryJson, Refs, ResultOf, Scope, Shown, Unnamed, ValueOfExpr, WhereOp, WhereValue } from './types.js'

export interface OrderOptions { nulls?: 'first' | 'last' | undefined }

/** A query over a table of a schema. `S` schema, `T` table, `J` aliases after a join, `B` row, `A` associations loaded with it. */
export type Query<S extends AnySchema, T extends TableName<S>, J = null, B = Row<S, T>, A = {}> = QueryOf<B, A, T, J, S>

/**
 * An immutable query: each step returns a new one. `db.query.issues` or `from(schema, 'issues')`.
 *
 * ```ts
 * db.query.issues.where('status', '=', 'open').orderBy('priority', 'desc').limit(50).with('labels')
 * ```
 * Misspelt names throw EddylineError at the step itself (UNKNOWN_COLUMN, UNKNOWN_TABLE, UNKNOWN_RELATION, with `nearest`).
 * The rows are the first of its types and the schema the last: editors and the compiler show as much of a type as fits into some lines.
 */
export class QueryOf<out B, out A, in out T extends TableName<S>, in out J, in out S extends AnySchema> {
  declare readonly $row: ResultOf<B, A>
  readonly #of: Planned
  #json: QueryJson | undefined

  /** @internal Use `from` or `db.query`. */
  constructor(schema: S, table: T, plan: Plan = NOTHING) {
    this.#of = { schema, table, plan }
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
  where<C extends (keyof Named<S, T, J> & string) | Unnamed<J>, O extends WhereOp>(column: C, op: O, value: WhereValue<Named<S, T, J>[C & keyof Named<S, T, J>], O>): QueryOf<B, A, T, J, S>
  where(condition: (row: Scope<S, T, J>) => Condition): QueryOf<B, A, T, J, S>
  where(first: string | ((row: any) => Condition), op?: WhereOp, value?: unknown): QueryOf<B, A, T, J, S> {
    const step = {}
    const condition = typeof first === 'string'
      ? placed('where', () => operatorCondition(columnOf(this.#of, first), op!, value).json)
      : conditionOf('where', 'where(i => eq(i.status, \'open\')), or where(\'status\', \'=\', \'open\')', first, () => [scopeOf(this.#of, step)])
    return this.#step({ where: [...this.#of.plan.where, condition] }, step)
  }

  /** Sorts; several sort within each other. Nulls are last ascending, first descending, unless told. Ties go by key. */
  orderBy<C extends (keyof Named<S, T, J> & string) | MemberName<J, B>>(by: C | ((row: Scope<S, T, J>) => Expr<any>), direction?: 'asc' | 'desc', options?: OrderOptions): QueryOf<B, A, T, J, S> {
    const path = `orderBy[${this.#of.plan.orderBy.length}]`
    checkOrder('QUERY_INVALID', direction, options, path)
    const order: Order = { desc: direction === 'desc', nulls: options?.nulls }
    const step = {}
    const usage = '`orderBy` takes one column or expression, each its own step: orderBy(\'title\', \'desc\'), orderBy(i => i.title)'
    if (typeof by === 'function') order.expr = placed(path, () => exprOf(by(scopeOf(this.#of, step) as never), usage))
    else if (typeof by === 'string') order.name = by
    else throw misshapen(usage, by, path)
    return this.#step({ orderBy: [...this.#of.plan.orderBy, order] }, step)
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
  as<N extends string>(name: N): QueryOf<B, A, T, J, S> & Source<S, N, B> {
    if (typeof name !== 'string' || name === '') throw new EddylineError('QUERY_INVALID', '`as` gives a name', { offending: name, path: 'alias' })
    return this.#step(this.#of.plan === NOTHING ? { alias: name } : { name })
  }

  /** At most `n` rows; a parameter may say how many. */
  limit(n: number | Expr<number>): QueryOf<B, A, T, J, S> { return this.#step({ limit: counted(n, 'limit') }) }

  /** Leaves out the first `n` rows; a parameter may say how many. */
  offset(n: number | Expr<number>): QueryOf<B, A, T, J, S> { return this.#step({ offset: counted(n, 'offset') }) }

  /**
   * Begins at a place in the order: the values of the order columns, then of the key (all of it or none); an array gives
   * them in that order.
   */
  startAt(values: Place<Named<S, T, J>> | readonly unknown[]): QueryOf<B, A, T, J, S> { return this.#start(values, true) }

  /** Begins right after a place in the order: the usual way to the next page. */
  startAfter(values: Place<Named<S, T, J>> | readonly unknown[]): QueryOf<B, A, T, J, S> { return this.#start(values, false) }

  /**
   * Chooses the members of the rows: columns by name, or a record of expressions.
   *
   * ```ts
   * q.select('id', 'title')
   * q.select(i => ({ id: i.id, label: concat(i.title, '!') }))
   * ```
   */
  select<C extends keyof Named<S, T, J> & string>(...columns: C[]): QueryOf<{ [K in C]: Named<S, T, J>[K] }, A, T, J, S>
  select<R extends Record<string, Chosen<L>>, L extends string>(members: (row: Scope<S, T, J>) => R): QueryOf<{ [K in keyof R]: ValueOfExpr<R[K]> }, A, T, J, S>
  select(...given: unknown[]): QueryOf<any, A, T, J, S> {
    const step = {}
    return this.#step({ select: membersOf(this.#of, 'select', given, step) }, step)
  }

  /**
   * Loads an association into the rows under its name; the callback narrows it.
   *
   * ```ts
   * q.with('comments', c => c.orderBy('createdAt', 'desc').limit(3).with('author'))
   * ```
   */
  with<N extends keyof RelationsOf<S, T> & string>(name: N): QueryOf<B, A & { [K in N]: Associated<S, T, K, Shown<Row<S, AssociationTable<S, T, K>>>> }, T, J, S>
  with<N extends keyof RelationsOf<S, T> & string, R>(
    name: N, narrow: (q: QueryOf<Row<S, AssociationTable<S, T, N>>, {}, AssociationTable<S, T, N>, null, S>) => QueryLike<R>,
  ): QueryOf<B, A & { [K in N]: Associated<S, T, K, R> }, T, J, S>
  with(name: string, narrow?: (q: any) => QueryLike<any>): any {
    const at = this.#of.plan.with.filter(w => w.relation !== name).length
    const relation = relationNamed(this.#of, name, `with[${at}].relation`)
    const entry: { relation: string; query?: QueryJson } = { relation: name }
    if (narrow !== undefined) {
      const { from: of, ...query } = placed(`with[${at}].query`, () => jsonOf(typeof narrow === 'function' ? narrow(new QueryOf(this.#of.schema, relation.table as never)) : narrow, 'from'))
      if (of !== relation.table) throw new EddylineError('QUERY_INVALID', `\`${name}\` is made of what its callback gets, rows of \`${String(relation.table)}\``, { path: `with[${at}].query.from`, offending: String(of), nearest: relation.table as string })
      if (Object.keys(query).length > 0) entry.query = query
    }
    return this.#step({ with: [...this.#of.plan.with.filter(w => w.relation !== name), entry] })
  }

  /**
   * Adds a column that is an aggregate over an association, to be read like the others by the steps after this one. What was
   * chosen before it, `select('id')`, has it beside; a `select` after it names it or leaves it out.
   *
   * ```ts
   * q.withAggregate('latest', 'comments', c => max(c.createdAt)).orderBy('latest', 'desc')
   * ```
   */
  withAggregate<K extends string, N extends keyof RelationsOf<S, T> & string, V>(
    as: K, name: N, make: (row: Refs<Row<S, AssociationTable<S, T, N>>>) => Expr<V>,
  ): QueryOf<B & { [P in K]: V }, A, T & TableName<Computed<S, T, { [P in K]: V }>>, J, Computed<S, T, { [P in K]: V }>> {
    const { select, computed = [] } = this.#of.plan
    const at = `computed[${computed.length}]`
    const relation = relationNamed(this.#of, name, `${at}.relation`)
    const target = tableNamed(this.#of.schema, relation.table as string)
    const made = placed(`${at}.expr`, () => typeof make === 'function' ? make(refs(target, undefined, { step: {}, of: target.name }) as never) : make)
    const expr = exprOf(made, 'the callback of `withAggregate` gives an aggregate: c => max(c.createdAt)', `${at}.expr`)
    const type = (made as Expr<V>).cellType
    return this.#step({ computed: [...computed, { as, relation: name as string, expr, type }], select: select && [...select, { name: as, expr: { op: 'col', name: as }, type }] })
  }

  /** Adds the number of rows of an association, as `commentsCount` or the name given; 0 without any. */
  withCount<N extends keyof RelationsOf<S, T> & string, K extends string = `${N}Count`>(name: N, as?: K): QueryOf<B & { [P in K]: number }, A, T & TableName<Computed<S, T, { [P in K]: number }>>, J, Computed<S, T, { [P in K]: number }>> {
    return this.withAggregate(as ?? `${said(name)}Count` as K, name, () => new Expr<number>({ op: 'agg', name: 'count', args: [] }, 'int'))
  }

  /** The same with the rows of a query, by its alias. */
  innerJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<R> }, A, T, Aliases<S, T, J> & { [K in N]: R }, S>
  /**
   * Pairs with rows of another table. Rows are `{ issues, projects }` unless selected; the third argument names the
   * other table, which a table joined to itself needs. A query is joined by its alias, and what is joined with it selected.
   *
   * ```ts
   * db.query.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id))
   * db.query.projects.leftJoin(counts.as('c'), (p, c) => eq(p.id, c.projectId)).select(r => ({ name: r.projects.name, n: r.c.n }))
   * ```
   */
  innerJoin<T2 extends keyof S['tables'] & string, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<Row<S, T2>> }, A, T, Aliases<S, T, J> & { [K in N]: Row<S, T2> }, S>
  innerJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('inner', table, on, alias) }

  /** The same with the rows of a query, by its alias. */
  leftJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<R> | null }, A, T, Aliases<S, T, J> & { [K in N]: Optional<R> }, S>
  /** The same, keeping rows that find no partner: theirs is `null`. */
  leftJoin<T2 extends keyof S['tables'] & string, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<Row<S, T2>> | null }, A, T, Aliases<S, T, J> & { [K in N]: Optional<Row<S, T2>> }, S>
  leftJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('left', table, on, alias) }

  /** The same with the rows of a query, by its alias. */
  rightJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): QueryOf<OptionalBase<T, J, B> & { [K in N]: Shown<R> }, A, T, OptionalAliases<S, T, J> & { [K in N]: R }, S>
  /** The same, keeping rows of the other table: what was there before is `null` beside one without a partner. */
  rightJoin<T2 extends keyof S['tables'] & string, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): QueryOf<OptionalBase<T, J, B> & { [K in N]: Shown<Row<S, T2>> }, A, T, OptionalAliases<S, T, J> & { [K in N]: Row<S, T2> }, S>
  rightJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('right', table, on, alias) }

  /** The same with the rows of a query, by its alias. */
  fullJoin<N extends string, R>(
    source: Source<any, N, R>, on: (left: Scope<S, T, J>, right: Refs<R>) => Condition,
  ): QueryOf<OptionalBase<T, J, B> & { [K in N]: Shown<R> | null }, A, T, OptionalAliases<S, T, J> & { [K in N]: Optional<R> }, S>
  /** The same, keeping the rows of both. */
  fullJoin<T2 extends keyof S['tables'] & string, N extends string = T2>(
    table: T2, on: (left: Scope<S, T, J>, right: Refs<Row<S, T2>>) => Condition, alias?: N,
  ): QueryOf<OptionalBase<T, J, B> & { [K in N]: Shown<Row<S, T2>> | null }, A, T, OptionalAliases<S, T, J> & { [K in N]: Optional<Row<S, T2>> }, S>
  fullJoin(table: string | Source<any, string, any>, on: (left: any, right: any) => Condition, alias?: string): any { return this.#join('full', table, on, alias) }

  /** The same with the rows of a query, by its alias. */
  crossJoin<N extends string, R>(source: Source<any, N, R>): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<R> }, A, T, Aliases<S, T, J> & { [K in N]: R }, S>
  /** Every row with every row of another table. */
  crossJoin<T2 extends keyof S['tables'] & string, N extends string = T2>(
    table: T2, alias?: N,
  ): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<Row<S, T2>> }, A, T, Aliases<S, T, J> & { [K in N]: Row<S, T2> }, S>
  crossJoin(table: string | Source<any, string, any>, alias?: string): any { return this.#join('cross', table, undefined, alias) }

  /**
   * Pairs with the elements of an array, as `{ value, ordinality }` (from 1) under a name; `kind`: `'left'` keeps rows without elements.
   *
   * ```ts
   * db.query.posts.unnest('tag', p => p.tags).select(r => ({ id: r.posts.id, tag: r.tag.value }))
   * db.query.posts.unnest('m', p => regexpMatches(p.body, '#(\\w+)')).select(r => ({ id: r.posts.id, tag: arrayAt(r.m.value, 1) }))
   * ```
   */
  unnest<N extends string, E>(alias: N, array: (row: Scope<S, T, J>) => Expr<readonly E[] | null> | Expr<E[]> | Rows<E>, kind?: 'cross'): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<Element<E>> }, A, T, Aliases<S, T, J> & { [K in N]: Element<E> }, S>
  unnest<N extends string, E>(alias: N, array: (row: Scope<S, T, J>) => Expr<readonly E[] | null> | Expr<E[]> | Rows<E>, kind: 'left'): QueryOf<JoinedBase<T, J, B> & { [K in N]: Shown<Element<E>> | null }, A, T, Aliases<S, T, J> & { [K in N]: Optional<Element<E>> }, S>
  unnest(alias: string, array: (row: any) => Expr<any> | Rows<any>, kind: 'cross' | 'left' = 'cross'): any {
    const at = `joins[${this.#of.plan.joins.length}]`
    const usage = 'unnest(\'tag\', p => p.tags)'
    if (typeof alias !== 'string') throw misshapen(`a name is expected: ${usage}`, alias, `${at}.alias`)
    if (typeof array !== 'function') throw misshapen(`a callback is expected: ${usage}`, array, `${at}.unnest`)
    if (kind !== 'cross' && kind !== 'left') throw unknownName('QUERY_INVALID', `kind \`${said(kind)}\` of \`unnest\``, kind, ['cross', 'left'], `${at}.kind`)
    this.#fresh(alias, at)
    const step = {}
    const made = placed(`${at}.unnest`, () => { const e: unknown = array(scopeOf(this.#of, step)); return e instanceof Rows ? { json: e.call, type: e.cellType } : { json: exprOf(e, `an array is expected; ${usage}`), type: elementOf((e as Expr<any>).cellType) } })
    const { json, type } = made
    const columns = [{ name: 'value', type, nullable: true }, { name: 'ordinality', type: 'int' as const, nullable: true }]
    const table = { name: alias, tenant: false, key: [], columns, relations: [] }
    return this.#step({ joins: [...this.#of.plan.joins, { kind, table, alias, unnest: json, ...(kind === 'left' ? { on: { op: 'lit', value: true } } : {}) }] }, step)
  }

  /** Rows with equal members are one. They are ordered by what is selected only. */
  distinct(...nothing: []): QueryOf<B, A, T, J, S> {
    const [given] = nothing as unknown[]
    if (given !== undefined) throw misshapen('`distinct` takes nothing: columns are for `distinctOn`', given, 'distinct')
    return this.#step({ distinct: true })
  }

  /**
   * The first row, in the order of the query, of those that agree on some columns.
   *
   * ```ts
   * q.distinctOn('projectId').orderBy('updatedAt', 'desc')    // the latest issue of each project, latest first
   * ```
   */
  distinctOn(values: (row: Scope<S, T, J>) => Expr<any> | readonly Expr<any>[]): QueryOf<B, A, T, J, S>
  distinctOn<C extends keyof Named<S, T, J> & string>(...columns: C[]): QueryOf<B, A, T, J, S>
  distinctOn(...given: any[]): any {
    const step = {}
    return this.#step({ distinctOn: partsOf(this.#of, 'distinctOn', given, step) }, step)
  }

  /** The first `limit` rows of those that agree on some columns: `q.limitBy('issueId', 3).orderBy('createdAt', 'desc')`. */
  limitBy(values: (row: Scope<S, T, J>) => Expr<any> | readonly Expr<any>[], limit: number | Expr<number>, offset?: number | Expr<number>): QueryOf<B, A, T, J, S>
  limitBy<C extends keyof Named<S, T, J> & string>(columns: C | readonly C[], limit: number | Expr<number>, offset?: number | Expr<number>): QueryOf<B, A, T, J, S>
  limitBy(by: any, limit: CountLike, offset: CountLike = 0): any {
    const given = Array.isArray(by) ? by : [by]
    const step = {}
    return this.#step({ limitBy: { by: partsOf(this.#of, 'limitBy', given, step), limit: counted(limit, 'limitBy.limit'), offset: counted(offset, 'limitBy.offset') } }, step)
  }

  /** Rows of this and other queries, equal ones once. Members are matched by position and named as here. */
  union<O extends readonly (QueryLike<B> | QueryLike<Mate<B>>)[]>(...others: O): QueryOf<Simplify<Merged<B, O[number]>>, {}, 'rows', null, Derived<S, 'rows', Merged<B, O[number]>>> { return this.#combine('union', false, others) }
  /** The same, equal rows kept apart. */
  unionAll<O extends readonly (QueryLike<B> | QueryLike<Mate<B>>)[]>(...others: O): QueryOf<Simplify<Merged<B, O[number]>>, {}, 'rows', null, Derived<S, 'rows', Merged<B, O[number]>>> { return this.#combine('union', true, others) }
  /** Rows that this and other queries have, equal ones once. */
  intersect(...others: (QueryLike<B> | QueryLike<Mate<B>>)[]): QueryOf<Simplify<B>, {}, 'rows', null, Derived<S, 'rows', B>> { return this.#combine('intersect', false, others) }
  /** The same, as often as each has them. */
  intersectAll(...others: (QueryLike<B> | QueryLike<Mate<B>>)[]): QueryOf<Simplify<B>, {}, 'rows', null, Derived<S, 'rows', B>> { return this.#combine('intersect', true, others) }
  /** Rows that other queries do not have, equal ones once. */
  except(...others: (QueryLike<B> | QueryLike<Mate<B>>)[]): QueryOf<Simplify<B>, {}, 'rows', null, Derived<S, 'rows', B>> { return this.#combine('except', false, others) }
  /** The same, each of theirs taking one of these away. */
  exceptAll(...others: (QueryLike<B> | QueryLike<Mate<B>>)[]): QueryOf<Simplify<B>, {}, 'rows', null, Derived<S, 'rows', B>> { return this.#combine('except', true, others) }

  /**
   * One row per group; `select` says what it holds.
   *
   * ```ts
   * q.groupBy('status').select(i => ({ status: i.status, n: count() }))
   * ```
   */
  groupBy<R extends Record<string, Expr<any>>>(members: (row: Scope<S, T, J>) => R): QueryOf<{ [K in keyof R]: ValueOfExpr<R[K]> }, A, T, J, S>
  groupBy<C extends keyof Named<S, T, J> & string>(...columns: C[]): QueryOf<{ [K in C]: Named<S, T, J>[K] }, A, T, J, S>
  /**
   * The same for several groupings, whose groups together are the rows; a column is null in those of groupings without it.
   *
   * ```ts
   * q.groupBy(rollup('projectId', 'status')).select(i => ({ project: i.projectId, status: i.status, level: grouping(i.projectId, i.status), n: count() }))
   * q.groupBy(i => ({ year: extract('year', i.due), status: i.status }), cube('year', 'status'))
   * ```
   */
  groupBy<G extends readonly ((keyof Named<S, T, J> & string) | GroupingSets<keyof Named<S, T, J> & string>)[]>(...columns: G): QueryOf<Grouped<Named<S, T, J>, G[number]>, A, T & TableName<Loose<S, T, J, Sometimes<G[number]>>>, LooseAliases<J>, Loose<S, T, J, Sometimes<G[number]>>>
  groupBy<R extends Record<string, Expr<any>>, C extends keyof R & string>(members: (row: Scope<S, T, J>) => R, first: GroupingSets<C>, ...sets: GroupingSets<C>[]): QueryOf<{ [K in keyof R]: ValueOfExpr<R[K]> | (K extends C ? null : never) }, A, T & TableName<Loose<S, T, J>>, LooseAliases<J>, Loose<S, T, J>>
  groupBy(...given: any[]): any {
    const step = {}
    return this.#step(groupsOf(this.#of, given, step), step)
  }

  /**
   * Keeps groups that satisfy a condition, which may call aggregates; several `having` must all hold.
   *
   * ```ts
   * q.groupBy('status').having(i => gt(count(), 1)).select(i => ({ status: i.status, n: count() }))
   * ```
   */
  having(condition: (row: Scope<S, T, J>) => Condition): QueryOf<B, A, T, J, S> {
    const step = {}
    const made = conditionOf('having', 'having(() => gt(count(), 1))', condition, () => [scopeOf(this.#of, step)])
    return this.#step({ having: [...this.#of.plan.having ?? [], made] }, step)
  }

  /** The query as the engine takes it. Made once, and never changed. */
  toJSON(): QueryJson { return frozen(this[PLAN]()) }

  /** @internal */
  [PLAN](): QueryJson { return this.#json ??= planJson(this.#of) }

  // ---- inside ------------------------------------------------------------------------------------------------------

  // `any`: the steps above say what comes out.
  #step(change: Partial<Plan>, step?: object): any {
    const { schema, table, plan } = this.#of
    return new QueryOf(schema, table as never, { ...plan, ...change, steps: step === undefined ? plan.steps : [...plan.steps, step] })
  }

  #start(values: unknown, inclusive: boolean): any {
    if (!isObject(values) && !Array.isArray(values)) throw misshapen('a start is values of a row, as an object or a list: startAfter({ title: \'b\', id: 5 })', values, 'start')
    return this.#step({ start: { values, inclusive } })
  }

  #combine(setOp: 'union' | 'intersect' | 'except', all: boolean, others: readonly QueryLike<any>[]): any {
    if (others.length === 0) throw new EddylineError('QUERY_INVALID', `\`${setOp}\` takes another query`, { path: setOp })
    const query: QueryJson = { setOp, ...(all ? { all } : {}), inputs: [this, ...others].map((q, i) => jsonOf(q, `inputs[${i}]`)) }
    for (const q of [this, ...others]) if (q instanceof QueryOf) q.#alone(q.toJSON())
    return new QueryOf(derived(new SourceTable(this.#of.schema, 'rows', { query }, columnsOf(this.#of))), 'rows')
  }

  /** @internal What a query that reads this one takes. */
  sourceTable(): SourceTable {
    const { schema, table, plan } = this.#of
    const { source } = tableNamed(schema, table)
    // The rows of a recursion have a name already.
    const named = source !== undefined && !('query' in source)
    const name = plan.name ?? plan.alias ?? (named ? table : undefined)
    if (name === undefined) throw new EddylineError('QUERY_INVALID', 'a query in the place of a table needs a name: `.as(…)`', { path: 'alias' })
    const query = this.toJSON()
    const whole = named && Object.keys(query).every(part => part === 'from')
    this.#alone(query)
    return new SourceTable(schema, name, whole ? source : { query }, columnsOf(this.#of))
  }

  /** @internal What a query that is made of this one builds on. */
  parts(): { schema: S; columns: TableJson['columns'] } { return { schema: this.#of.schema as S, columns: columnsOf(this.#of) } }

  /** What stands in the place of a table is worked out once for all rows around it. */
  #alone(query: QueryJson): void {
    outsiders(query, this.#of.plan.steps, ({ of }) => { throw new EddylineError('QUERY_INVALID', `a query in the place of a table cannot read \`${of}\` of the query outside; a condition behind it can`, { offending: of, path: 'from' }) })
  }

  #fresh(name: string, path: string): void {
    const { table, plan } = this.#of
    if (typeof name !== 'string') throw misshapen('an alias is a text', name, `${path}.alias`)
    if (plan.alias !== undefined) throw new EddylineError('QUERY_INVALID', '`as` is for a query of one table: join with `from(query.as(…)).innerJoin(…)`, or give the joined table the alias', { offending: plan.alias, path: 'alias' })
    if (name === table || plan.joins.some(j => j.alias === name)) {
      throw new EddylineError('QUERY_INVALID', `\`${name}\` is in the query already: give what is joined another alias`, { offending: name, path: 'joins' })
    }
  }

  #join(kind: JoinKind, table: string | Source<any, string, any>, on: ((left: any, right: any) => Condition) | undefined, alias: string | undefined): any {
    const at = `joins[${this.#of.plan.joins.length}]`
    if (typeof table !== 'string' && typeof (table as QueryOf<Row<any, any>, {}, any, null, any> | undefined | null)?.sourceTable !== 'function') throw misshapen(`\`${kind}Join\` takes the name of a table, or a query with \`as\`: ${kind}Join('projects'${kind === 'cross' ? '' : ', (i, p) => eq(i.projectId, p.id)'})`, table, `${at}.table`)
    const source = typeof table === 'string' ? undefined : (table as never as QueryOf<Row<any, any>, {}, any, null, any>).sourceTable()
    const name = alias ?? source?.alias ?? table as string
    this.#fresh(name, at)
    const joined = source === undefined ? tableNamed(this.#of.schema, table as string, `${at}.table`) : tableOf(source)
    const step = {}
    const condition = kind === 'cross' ? undefined : conditionOf(`${at}.on`, '(i, p) => eq(i.projectId, p.id)', on, () => [scopeOf(this.#of, step), refs(joined, name, { step, of: name })])
    return this.#step({ joins: [...this.#of.plan.joins, { kind, table: joined, alias: name, on: condition }] }, step)
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Query' }
}

/** Down to what is frozen, as are parts of other queries. By index and name, without lists of its own: it is asked for often. */
function frozen<T>(json: T): T {
  if (typeof json !== 'object' || json === null || Object.isFrozen(json)) return json
  if (Array.isArray(json)) for (let i = 0, list = Object.freeze(json) as readonly unknown[]; i < list.length; i++) frozen(list[i])
  else if (isPlain(json)) for (const name in Object.freeze(json)) frozen((json as Record<string, unknown>)[name])
  return json
}

/** An element of an array as a row. */
export interface Element<E> { value: E; ordinality: number }

/** What has the plan of a query with rows `R`; what it says of `types` is what TypeScript says of one whose parameters are missing, or others. */
export interface QueryLike<R> { readonly $row: R; readonly types?: 'its parameters are given beside it, each of its type: { params: { … } }' | undefined; toJSON(): QueryJson }

/** What an association shows of its rows. */
export type Associated<S extends AnySchema, T, N extends string, R> = IsSingle<S, T, N> extends true ? R | null : readonly R[]

/** A query over a table, without a database, or over the rows of another query: `from(q.as('open'))`. */
export function from<S extends AnySchema, T extends keyof S['tables'] & string>(schema: S, table: T): QueryOf<Row<S, T>, {}, T, null, S>
export function from<S extends AnySchema, N extends string, R>(source: Source<S, N, R>): QueryOf<R, {}, N, null, Derived<S, N, R>>
export function from(first: AnySchema | Source<AnySchema, string, unknown>, table?: string): any {
  if (!(first instanceof QueryOf) && !Array.isArray((first as AnySchema | undefined | null)?.json?.tables)) throw misshapen('`from` takes a schema and the name of a table, or a query with `as`: from(schema, \'issues\')', first, 'from')
  if (!(first instanceof QueryOf)) return new QueryOf(first as AnySchema, table as never)
  const source = first.sourceTable()
  return new QueryOf(derived(source), source.alias as never)
}

/** @internal Text that is equal for equal plans: identity of shared views and of hooks. */
export function planKey(query: QueryJson): string {
  try {
    return JSON.stringify(query, (_, v: unknown) =>
      typeof v === 'bigint' ? { $bigint: String(v) } : typeof v === 'number' && !Number.isFinite(v) ? { $number: String(v) } : v)
  } catch { throw tooDeep() }
}

/** @internal */
export interface Form { readonly form: string; readonly constants: readonly (string | number | bigint)[] }

/** @internal The form of a query, as JSON with holes for its constants, and these: queries of one form are described once. */
export function formOf(query: QueryJson): Form {
  const constants: (string | number | bigint)[] = []
  try {
    const form = JSON.stringify(query, function (this: { op?: unknown }, name, v: unknown) {
      if (name === 'value' && this.op === 'lit' && (typeof v === 'string' || typeof v === 'number' || typeof v === 'bigint')) return { hole: constants.push(v) - 1 }
      if (typeof v === 'bigint' || (typeof v === 'number' && !Number.isFinite(v))) throw constants
      return v
    })
    return { form, constants }
  } catch (e) { if (e === constants) return { form: planKey(query), constants: [] }; throw tooDeep() }
}

/** @internal Refuses a query that the engine could not read to its end: the engine's stack is small, and its own limit far below. */
export function checkDepth(json: unknown, left = 1000): void {
  if (left === 0) throw tooDeep()
  if (typeof json !== 'object' || json === null) return
  for (const member of Object.values(json)) checkDepth(member, left - 1)
}

