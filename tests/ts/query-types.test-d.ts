// Checked by `npx tsc --noEmit -p tests/ts/tsconfig.json`: what a query's type is taken for, by other queries, by functions that take any, and
// in generic ones. What the compiler says of mistakes: tests/packaging/fixtures/types/mistakes.ts.
import type { Database } from '../../src/ts/database.js'
import { defineSchema } from '../../src/ts/define-schema.js'
import { type Query, type QueryOf, from } from '../../src/ts/query/builder.js'
import { count } from '../../src/ts/query/aggregate.js'
import { type Expr, eq, inArray } from '../../src/ts/query/expr.js'
import { cube, rollup } from '../../src/ts/query/grouping.js'
import { withParams } from '../../src/ts/query/params.js'
import { recursive } from '../../src/ts/query/recursive.js'
import { exists } from '../../src/ts/query/subquery.js'
import type { Refs, RowOf } from '../../src/ts/query/types.js'
import { type AnySchema, type Row, type TableName, hasMany, int, string, table } from '../../src/ts/schema.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(...proof: Equal<A, B> extends true ? [] : [never]): void
/** The same of rows and lists of rows as queries show them: nobody writes to them. */
declare function shows<A, B>(...proof: Equal<A, B extends readonly (infer E)[] ? readonly Readonly<E>[] : Readonly<B>> extends true ? [] : [never]): void

const schema = defineSchema({
  issues: table({ id: string().key(), projectId: string(), status: string<'open' | 'done'>(), points: int() }),
  edges: table({ a: string().key(), b: string() }),
}, { issues: { edges: hasMany('edges', 'a') } })
type S = typeof schema
declare const db: Database<S>
const q = db.query.issues
const chosen = q.select(i => ({ n: i.id })), joined = q.innerJoin('edges', (i, e) => eq(i.id, e.a)), grouped = q.groupBy('status').select(() => ({ n: count() }))

// Any query is one of any rows, tables and schemas: functions of an application that take one do not depend on how it was made.
const all: Query<any, any, any, any, any>[] = [q, chosen, joined, grouped, from(chosen.as('c')), q.as('other')]
const ofSchema: QueryOf<any, any, any, any, S>[] = [q, chosen, joined, grouped]
const some: Query<any, any> = q
void all; void ofSchema; void some
const rowsOf = <R>(query: QueryOf<R, {}, any, any, any>): R[] => [query.$row as R]
same<ReturnType<typeof rowsOf<{ n: string }>>, { n: string }[]>()
const rows: { n: string }[] = rowsOf(chosen)
void rows
// So is one of rows with more members one of rows with less, and not the other way round.
const less: QueryOf<{ id: string }, {}, 'issues', null, S> = q
// @ts-expect-error rows without an id
const other: QueryOf<{ id: string }, {}, 'issues', null, S> = chosen
void less; void other
// A join may be what a recursion begins with.
const both = recursive({ even: joined.select(r => ({ n: r.edges.b })), odd: chosen }, ({ even, odd }) => ({ even: odd.innerJoin('edges', (o, e) => eq(o.n, e.a)).select(r => ({ n: r.edges.b })), odd: even }))
shows<RowOf<typeof both.even>, { n: string }>()

// In functions that are generic in the schema, the table or the value.
function page<G extends AnySchema, T extends TableName<G>>(of: Database<G>, g: G, name: T, column: keyof Row<G, T> & string) {
  const counted = from(g, name).groupBy(column).select(() => ({ n: count() }))
  return [of.live(from(g, name).where(column, '=', 'x' as never).orderBy(column).limit(3)).rows, of.live(counted).rows] as const
}
const equal = <T>(a: Expr<T>, b: Expr<T>) => eq(a, b)
const among = <T extends string>(a: Expr<T>, list: readonly Expr<T>[]) => inArray(a, list)
void page; void equal; void among

// What a sub-query reads of the query around it, of a function of its row: the names and types of columns are those of the table.
const edgesOf = (i: Refs<Row<S, 'issues'>>) => db.query.edges.where(e => eq(e.a, i.id))
q.where(i => exists(edgesOf(i)))
// @ts-expect-error no such column
const wrongEdges = (i: Refs<Row<S, 'issues'>>) => db.query.edges.where(e => eq(e.a, i.ident))
void wrongEdges

// Of several groupings only what is not in all of them may be null.
shows<RowOf<ReturnType<typeof rolled>>, { projectId: string; status: 'open' | 'done' | null; n: number }>()
function rolled() { return q.groupBy('projectId', rollup('status', 'projectId')).select(i => ({ projectId: i.projectId, status: i.status, n: count() })) }
const nested = q.groupBy('id', rollup(['projectId', 'status'], 'points')).select(i => ({ id: i.id, points: i.points }))
shows<RowOf<typeof nested>, { id: string; points: number | null }>()
shows<(typeof q extends never ? 0 : ReturnType<typeof byMember>)['$row'], { odd: number; status: 'open' | 'done' | null }>()
function byMember() { return q.groupBy(i => ({ odd: i.points, status: i.status }), cube('status')) }

// The right names of types are those that there are.
withParams({ s: 'text', n: 'int', all: 'text[]' }, p => {
  same<typeof p, { readonly s: Expr<string>; readonly n: Expr<number>; readonly all: Expr<string[]> }>()
  return q.limit(p.n)
})

// Rows are shared by whoever looks: nobody writes to them, nor to their lists. They still are what an application calls them.
const [first] = db.live(q.with('edges')).rows
// @ts-expect-error a member of a row
first.points = 1
// @ts-expect-error sorted in place
first.edges.sort()
// @ts-expect-error a row of a list
first.edges[0].b = 'x'
const pairs = db.live(joined).rows
// @ts-expect-error a row of a join
pairs[0].issues.points = 1
// @ts-expect-error a member that is chosen
db.live(chosen).rows[0].n = 'x'
interface Issue { id: string; points: number }
interface Listed extends Issue { edges: readonly { a: string; b: string }[] }
const ours: readonly Issue[] = db.live(q).rows, listed: Listed = first, copied: { a: string; b: string }[] = [...first.edges]
const draft = { ...first, points: 2 }, own: Row<S, 'issues'> = { ...first }
draft.points = own.points = 3
void ours; void listed; void copied
