import type { Decimal } from '../decimal.js'
import type { AnySchema, Row, Simplify } from '../schema.js'
import type { Beside, ComparableWith, Constant, Expr, ExprJson } from './expr.js'
import type { ParamJson } from './params.js'

/** Column references of a row. */
export type Refs<R> = { readonly [C in keyof R]-?: Expr<R[C]> }
/** What callbacks get: the columns of the one table, or after a join the record of aliases. */
export type Scope<S extends AnySchema, T, J> = [J] extends [null] ? Refs<Row<S, T>> : { readonly [A in keyof J]: Refs<J[A]> }
/** Columns that can be named by a string: those of the one table. */
export type Named<S extends AnySchema, T, J> = [J] extends [null] ? Row<S, T> : {}
/** What is chosen for the rows: an expression, or a constant; `L` has texts keep what they say. */
export type Chosen<L extends string> = Expr<any> | L | number | boolean | Date | null
export type ValueOfExpr<E> = E extends Expr<infer T> ? T : E extends number ? number : E extends boolean ? boolean : E
/** Rows of a query and of others beside them. */
export type Merged<B, Q> = { [K in keyof B]: B[K] | (Q extends { readonly $row: infer R extends { [N in keyof B]: unknown } } ? R[K] : never) }
/** Rows of another query that can be put beside those of `B`: the same members, which may be null, and texts of any kind. */
export type Mate<B> = { [K in keyof B]: 0 extends 1 & B[K] ? any : (B[K] extends Decimal | null ? B[K] : B[K] extends string | null ? string : B[K] extends number | null ? number : B[K]) | null }
/** All columns may be null: the right side of a left join, in expressions. */
export type Optional<R> = { [C in keyof R]: R[C] | null }

/** Members of the rows that are values: what a join pairs are rows, under the names of its aliases. */
export type MemberName<J, B> = [J] extends [null] ? keyof B & string : string extends keyof B ? string : { [K in keyof B]-?: K extends keyof J ? (B[K] extends J[K] | null ? never : K) : K }[keyof B] & string
/** A place in the order: values of columns as constants are, or parameters. */
export type Place<R> = { readonly [C in keyof R]?: Constant<R[C]> | Beside<NonNullable<R[C]>> }

export type CompareOp = '=' | '!=' | '<' | '<=' | '>' | '>='
export type TextOp = 'like' | 'ilike' | 'not like' | 'not ilike' | '~' | '~*' | '!~' | '!~*'
export type WhereOp = CompareOp | TextOp | 'in' | 'not in' | 'between' | 'not between' | 'is' | 'is not'
/** What the right side of an operator takes, by the column's type. */
export type WhereValue<V, O> =
  unknown extends V ? unknown
  : O extends 'in' | 'not in' ? readonly ComparableWith<V>[]
  : O extends 'is' | 'is not' ? ComparableWith<V> | null
  : O extends 'between' | 'not between' ? readonly [ComparableWith<V>, ComparableWith<V>]
  : O extends TextOp ? (NonNullable<V> extends string ? string | Expr<string | null> : string & { readonly 'of texts only': O })
  : ComparableWith<V>

/** What is expected as a column behind a join, where names are of no table: it says what to do. */
export type Unnamed<J> = [J] extends [null] ? never : string & { readonly 'behind a join columns are read in a callback': 'where(r => eq(r.issues.status, …))' }

/** The aliases known before a join: the table itself, or what joins gave. */
export type Aliases<S extends AnySchema, T extends string, J> = [J] extends [null] ? { [K in T]: Row<S, T> } : J
/** The same, all of them optional: what a right or full join may lack. */
export type OptionalAliases<S extends AnySchema, T extends string, J> = { [K in keyof Aliases<S, T, J>]: Optional<Aliases<S, T, J>[K]> }
/** The members before a right or full join: each may be missing. */
export type OptionalBase<T extends string, J, B> = { [K in keyof JoinedBase<T, J, B>]: JoinedBase<T, J, B>[K] | null }
/** The result of a join before `select`: one member per alias. */
export type JoinedBase<T extends string, J, B> = [J] extends [null] ? { [K in T]: Shown<B> } : B
/** Rows as they are shown: shared by whoever looks, so nobody writes to them. */
export type Shown<R> = { readonly [C in keyof R]: R[C] } & {}
export type ResultOf<B, A> = Shown<B & A>

/** The row type of a query: `RowOf<typeof query>`. */
export type RowOf<Q> = Q extends { readonly $row: infer R } ? R : never

export interface OrderJson { expr: ExprJson; desc?: boolean; nulls?: 'first' | 'last' }

export type JoinKind = 'inner' | 'left' | 'right' | 'full' | 'cross'

/** Relations that are made of each other, as the engine takes them. */
export interface RecursiveJson { relations: GrowingJson[]; result: string; maxRounds?: number }
export interface GrowingJson { name: string; columns: string[]; branches: QueryJson[]; min?: BestJson; max?: BestJson }
export interface BestJson { column: string; by: string[] }
/** What stands in the place of a table. */
export type SourceJson = { query: QueryJson } | { relation: string } | { recursive: RecursiveJson }

/** A query as the engine takes it: www/docs/boundary.md. */
export interface QueryJson {
  from?: string | (SourceJson & { alias?: string })
  alias?: string
  tenant?: string
  ctes?: { name: string; query: QueryJson }[]
  joins?: { kind: JoinKind; table?: string; query?: QueryJson; relation?: string; recursive?: RecursiveJson; unnest?: ExprJson; alias?: string; on?: ExprJson }[]
  where?: ExprJson
  groupBy?: { name?: string; expr: ExprJson }[]
  groupingSets?: readonly (readonly number[])[]
  having?: ExprJson
  select?: { name: string; expr: ExprJson }[]
  distinct?: boolean
  distinctOn?: ExprJson[]
  limitBy?: { by: ExprJson[]; limit?: number; offset?: number; limitParam?: string; offsetParam?: string }
  setOp?: 'union' | 'intersect' | 'except'
  all?: boolean
  inputs?: QueryJson[]
  orderBy?: OrderJson[]
  limit?: number
  offset?: number
  limitParam?: string
  offsetParam?: string
  params?: ParamJson[]
  part?: readonly [number, number]
  start?: { values: ExprJson[]; inclusive: boolean }
  with?: { relation: string; as?: string; query?: QueryJson }[]
  computed?: { as: string; relation: string; expr: ExprJson }[]
}
