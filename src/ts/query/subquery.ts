import type { CellType } from '../port.js'
import type { Query, QueryLike } from './builder.js'
import { type Comparable, type Condition, Expr, type ExprJson, type Operand, likeOf, literal, misshapen } from './expr.js'
import { jsonOf } from './parts.js'

/** A query of one member. */
type OneMember<V> = QueryLike<{ readonly [member: string]: V }>

/**
 * Whether a query has a row. Columns of the rows outside are used in its callbacks as they are:
 *
 * ```ts
 * db.query.issues.where(i => exists(db.query.comments.where(c => eq(c.issueId, i.id))))
 * ```
 * A query over the same table as outside needs another name: `db.query.issues.as('other').where(o => eq(o.parentId, i.id))`.
 */
export function exists(query: QueryLike<any>): Condition { return about('exists', [], query) }
/** Whether a query has no row. */
export function notExists(query: QueryLike<any>): Condition { return about('notExists', [], query) }

/** Whether a value is the one member of a row: unknown if none is equal, and the value or a member is null. */
export function inQuery<T>(value: Operand<T>, query: OneMember<NoInfer<T> | Comparable<NoInfer<T>> | null>): Condition { return member('inQuery', value, query) }
/** Whether it is of none: as SQL's `NOT IN`, unknown (so no row) beside a null; `notExists` is what is mostly meant. */
export function notInQuery<T>(value: Operand<T>, query: OneMember<NoInfer<T> | Comparable<NoInfer<T>> | null>): Condition { return member('notInQuery', value, query) }

/**
 * The one member of a query's one row; null without rows. With more than one row the view is in error (TOO_MANY_ROWS).
 *
 * ```ts
 * q.select(i => ({ id: i.id, comments: scalar(db.query.comments.where(c => eq(c.issueId, i.id)).select(() => ({ n: count() }))) }))
 * ```
 */
export function scalar<R>(query: QueryLike<R>): Expr<R[keyof R] | null> { return new Expr({ op: 'scalar', query: jsonOf(query) }, typeOf(query)) }

/**
 * A column of a query outside, named as `table.column` (or `alias.column`), of no known type. A sub-query that is built away from the query
 * around has names and types as a function of its row:
 *
 * ```ts
 * const commentsOf = (i: Refs<Row<typeof schema, 'issues'>>) => db.query.comments.where(c => eq(c.issueId, i.id))
 * db.query.issues.where(i => exists(commentsOf(i)))
 * ```
 */
export function outer<T = any>(path: string): Expr<T> {
  if (typeof path !== 'string') throw misshapen('`outer` takes a name, \'projects.id\'; callbacks read columns outside as they are', path)
  const at = path.indexOf('.')
  return new Expr(at < 0 ? { op: 'col', name: path } : { op: 'col', name: path.slice(at + 1), of: path.slice(0, at) })
}

function about(op: string, args: ExprJson[], query: QueryLike<any>): Condition {
  return new Expr({ op, ...(args.length > 0 ? { args } : {}), query: jsonOf(query) }, 'bool')
}

function member(op: string, value: unknown, query: QueryLike<any>): Condition {
  const type = typeOf(query), like = likeOf([value, new Expr({ op }, type)])
  const made = about(op, [literal(value, like)], query), { select } = made.json.query!
  // What rows show as text is one beside a text, as in a comparison.
  if (like === 'text' && type !== like && select !== undefined) made.json.query = { ...made.json.query, select: select.map(({ name, expr }) => ({ name, expr: literal(new Expr(expr, type), like) })) }
  return made
}

/** The type of a query's one member: what stands beside its value is of it. */
function typeOf(query: QueryLike<any>): CellType | undefined {
  const columns = (query as Partial<Query<any, any>> | undefined)?.parts?.().columns
  return columns?.length === 1 ? columns[0].type : undefined
}
