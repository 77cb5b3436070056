// Checked by `npx tsc --noEmit -p tests/ts/tsconfig.json`: nothing here runs.
import type { Report } from '../../src/ts/changes.js'
import type { Database } from '../../src/ts/database.js'
import { defineSchema } from '../../src/ts/define-schema.js'
import { type Query, type QueryLike, from } from '../../src/ts/query/builder.js'
import { arrayAgg, avg, boolAnd, count, first, max, median, mode, percentileDisc, stddev, stringAgg, sum } from '../../src/ts/query/aggregate.js'
import type { DateText } from '../../src/ts/calendar.js'
import type { Decimal } from '../../src/ts/decimal.js'
import { type Expr, add, and, coalesce, concat, eq, gt, inArray, like, lt, mul, or } from '../../src/ts/query/expr.js'
import { cube, grouping, groupingSets, rollup } from '../../src/ts/query/grouping.js'
import { recursive } from '../../src/ts/query/recursive.js'
import { addDays, addInterval, anyOf, arrayAt, cardinality, between, cast, dateTrunc, diffDays, elapsed, extract, floor, greatest, isDistinctFrom, jsonGet, jsonGetText, jsonPath, left as leftOf, match, matches, notLike, nullif, regexpMatches, round, startsWith, substring, trimScale, trunc, when } from '../../src/ts/query/functions.js'
import { param, withParams } from '../../src/ts/query/params.js'
import { exists, inQuery, notInQuery, scalar } from '../../src/ts/query/subquery.js'
import type { LiveQuery } from '../../src/ts/live-query.js'
import type { RowOf } from '../../src/ts/query/types.js'
import { firstValue, lag, lead, over, rowNumber } from '../../src/ts/query/window.js'
import type { WorkerDatabase } from '../../src/ts/worker/index.js'
import { useLiveQuery } from '../../src/ts/react/index.js'
import { createLiveQuery } from '../../src/ts/solid/index.js'
import { useLiveQuery as useSvelteQuery } from '../../src/ts/svelte/index.js'
import { useLiveQuery as useVueQuery } from '../../src/ts/vue/index.js'
import { computed as computedRef, ref, shallowRef } from 'vue'
import { subscribe, sync } from '../../src/ts/sync/index.js'
import { watches } from '../../src/ts/watch/index.js'
import { type Change, type InputRow, type Key, type Row, type TableName, array, belongsTo, bigint, boolean, bytes, date, decimal, hasMany, hasOne, int, interval, json, manyToMany, number, string, table, through, time, timestamp, uuid } from '../../src/ts/schema.js'
import type { IntervalText } from '../../src/ts/interval.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(...proof: Equal<A, B> extends true ? [] : [never]): void
/** The same of rows and lists of rows as queries show them: nobody writes to them. */
declare function shows<A, B>(...proof: Equal<A, B extends readonly (infer E)[] ? readonly Readonly<E>[] : Readonly<B>> extends true ? [] : [never]): void

const schema = defineSchema({
  issues: table({ id: string().key(), projectId: string(), title: string(), status: string<'open' | 'done'>(), points: int(), ratio: number(), due: timestamp().nullable(), big: bigint(), meta: json<{ a: number }>(), raw: bytes(), done: boolean(), assigneeId: string().nullable() }),
  projects: table({ id: string().key(), name: string() }),
  users: table({ id: string().key(), email: string() }),
  labels: table({ id: string().key(), name: string() }),
  issueLabels: table({ issueId: string().key(), labelId: string().key() }),
  comments: table({ id: int().key(), issueId: string(), body: string() }),
}, {
  issues: {
    project: belongsTo('projects', 'projectId'), assignee: belongsTo('users', 'assigneeId'), latest: hasOne('comments', 'issueId'),
    comments: hasMany('comments', 'issueId', { orderBy: [['body', 'desc']] }), labels: manyToMany('labels', 'issueLabels', ['issueId', 'labelId']),
  },
  comments: { issue: belongsTo('issues', 'issueId') },
  projects: { issues: hasMany('issues', 'projectId'), labels: through('issues', 'labels') },
})
type S = typeof schema
declare const db: Database<S>
const q = db.query.issues

type Issue = { id: string; projectId: string; title: string; status: 'open' | 'done'; points: number; ratio: number; due: Date | null; big: bigint; meta: { a: number }; raw: Uint8Array; done: boolean; assigneeId: string | null }
type Comment = { id: number; issueId: string; body: string }
type Label = { id: string; name: string }
same<Row<S, 'issues'>, Issue>()
same<Row<S, 'issueLabels'>, { issueId: string; labelId: string }>()
same<Key<S, 'projects'>, string | readonly string[] | { id: string }>()

const input: InputRow<S, 'issues'> = { id: 'a', projectId: 'p', title: '', status: 'open', points: 1, ratio: 1, due: '2024-01-01', big: 3, meta: { a: 1 }, raw: new Uint8Array(), done: false }
// @ts-expect-error a column is missing
const missing: InputRow<S, 'projects'> = { id: 'a' }
void input; void missing

db.apply([
  { op: 'upsert', table: 'projects', row: { id: 'p', name: 'P' } },
  { op: 'update', table: 'issues', id: 'a', set: { title: 'x', due: null } },
  { op: 'delete', table: 'issueLabels', id: ['a', 'b'] },
  { op: 'delete', table: 'issueLabels', id: { issueId: 'a', labelId: 'b' } },
  { op: 'reset', table: 'labels' },
])
// @ts-expect-error no such table
db.apply([{ op: 'upsert', table: 'project', row: { id: 'p', name: 'P' } }])
// @ts-expect-error no such column
db.apply([{ op: 'update', table: 'issues', id: 'a', set: { titel: 'x' } }])
// @ts-expect-error wrong type
db.apply([{ op: 'upsert', table: 'projects', row: { id: 'p', name: 1 } }])

// In functions that are generic in the table.
function put<T extends TableName<S>>(worker: WorkerDatabase<S>, table: T, row: InputRow<S, T>, id: Key<S, T>) {
  const change: Change<S, T> = { op: 'upsert', table, row }
  db.apply([change, { op: 'update', table, id, set: row }])
  db.apply({ changes: [{ op: 'upsert', table, rows: [row] }, { op: 'delete', table, id }], source: 'api' })
  void worker.apply([{ op: 'upsert', table, row }])
  watches(db).apply([{ op: 'upsert', table, row }])
  db.tenant('a').apply([{ op: 'upsert', table, row }])
  // @ts-expect-error no such column in any of them
  db.apply([{ op: 'upsert', table, row: { ...row, titel: 1 } as { titel: 1 } }])
}
function either(table: 'projects' | 'users', row: InputRow<S, 'projects'> | InputRow<S, 'users'>, changes: readonly Change<S>[]) {
  db.apply(changes)
  db.apply([...changes, { op: 'delete', table: 'projects', id: 'p' }])
  // @ts-expect-error perhaps a row of the other table
  db.apply([{ op: 'upsert', table, row }])
  // @ts-expect-error a row of the other table
  db.apply([{ op: 'upsert', table: 'projects', row: { id: 'p', name: 'P' } }, { op: 'upsert', table: 'users', row: { id: 'u', name: 'U' } }])
  // @ts-expect-error a key of the other table
  db.apply({ changes: [{ op: 'delete', table: 'projects', id: 'p' }, { op: 'delete', table: 'comments', id: 'p' }] })
}
void put; void either

// where
q.where('status', '=', 'open').where('points', 'in', [1, 2]).where('due', 'is', null).where('due', '<', new Date()).where('title', 'like', '%x%')
q.where(i => or(eq(i.status, 'open'), gt(i.points, 2), eq(i.assigneeId, null), eq(i.title, i.projectId)))
// @ts-expect-error no such status
q.where('status', '=', 'opened')
// @ts-expect-error a text is no moment
q.where('title', '=', new Date())
// @ts-expect-error nor is it for a callback
q.where(i => eq(i.title, new Date()))
// @ts-expect-error a named text is no moment
q.where('status', '=', new Date())
// @ts-expect-error a document is no moment
q.where('meta', '=', new Date())
// Constants as on input: moments as milliseconds or ISO texts, bigints as integers; JSON of no known type is anything.
q.where('due', '<', '2024-01-01').where('due', 'in', [5, new Date()]).where('big', '>', 5).where('meta', '=', { a: 1 })
q.where(i => or(gt(i.due, '2024-01-01'), lt(i.due, 5), eq(i.big, 7), eq(i.big, i.big), inArray(i.big, [1, 2n])))
// @ts-expect-error a text is no number
q.where('points', '=', '5')
// @ts-expect-error a text is no number
q.where(i => gt(i.points, '5'))
// @ts-expect-error a text column is no moment
q.where(i => gt(i.due, i.title))
// @ts-expect-error neither is it here
q.where('due', '=', from(schema, 'issues').where as never as Expr<string>)
// @ts-expect-error no such column
q.where('statsu', '=', 'open')
// @ts-expect-error a number is not text
q.where('points', '=', '1')
// @ts-expect-error like is for text
q.where('points', 'like', '%')
// @ts-expect-error `in` takes a list
q.where('points', 'in', 1)
// @ts-expect-error no such status
q.where(i => eq(i.status, 'opened'))
// @ts-expect-error no such column
q.where(i => eq(i.statsu, 'open'))

// rows
const all = db.live(q)
shows<typeof all.rows, readonly Issue[]>()
const once = db.read(q), paged = db.read(q.select('id'), { window: [0, 5] })
shows<typeof once, readonly Issue[]>()
shows<typeof paged, readonly { id: string }[]>()
const byKey = db.get('issues', 'a')
same<typeof byKey, Issue | undefined>()
// @ts-expect-error no such key
db.get('issues', 5)
// @ts-expect-error no such table
db.get('isues', 'a')
shows<RowOf<typeof q>, Issue>()
const picked = q.select('id', 'due')
shows<RowOf<typeof picked>, { id: string; due: Date | null }>()
// @ts-expect-error no such column
q.select('titel')
const made = q.select(i => ({ id: i.id, late: lt(i.due, new Date()), label: concat(i.title, '!'), who: coalesce(i.assigneeId, 'nobody') }))
shows<RowOf<typeof made>, { id: string; late: boolean | null; label: string; who: string }>()

// functions
const computed = q.select(i => ({
  state: when(lt(i.due, new Date()), 'late').when(eq(i.done, true), 'done').otherwise('open'), rank: match(i.status).when('open', 1).otherwise(0), maybe: when(i.done, i.title),
  points: nullif(i.points, 0), top: greatest(i.points, 3), near: round(i.ratio, 2), week: dateTrunc('week', i.due), dow: extract('dow', i.due), next: addInterval(i.due, { months: 1, days: i.points }),
  short: leftOf(i.title, 3), part: substring(i.assigneeId, 1, 2), text: cast(i.points, 'text'), count: cast(i.assigneeId, 'bigint'), a: jsonGet(i.meta, 'a'), t: jsonGetText(i.meta, 'a'), p: jsonPath<string>(i.meta, 'a', 0),
  hit: matches(i.title, '^a'), inside: between(i.due, '2024-01-01', new Date()),
}))
shows<RowOf<typeof computed>, {
  state: 'late' | 'done' | 'open'; rank: 1 | 0; maybe: string | null; points: number | null; top: number | null; near: number; week: Date | null; dow: number | null; next: Date | null
  short: string; part: string | null; text: string; count: bigint | null; a: number | null; t: string | null; p: string | null; hit: boolean | null; inside: boolean | null
}>()
q.where('title', '~*', '^a').where('points', 'between', [1, 3]).where('due', 'not between', ['2024-01-01', new Date()]).where('title', 'not like', 'a%')
// @ts-expect-error patterns are for text
q.where('points', '~', 'a')
// @ts-expect-error no such status
q.where(i => eq(match(i.status).when('opened', 1), 1))
// @ts-expect-error no such unit
q.select(i => ({ x: dateTrunc('dow', i.due) }))
// @ts-expect-error a number is no moment
q.select(i => ({ x: extract('year', i.points) }))
// @ts-expect-error a number is no bound of a moment's column's text
q.where(i => between(i.title, 1, 2))

// associations
const nested = q.with('labels').with('project').with('comments', c => c.orderBy('body', 'desc').limit(3).with('issue'))
shows<RowOf<typeof nested>['labels'], Label[]>()
shows<RowOf<typeof nested>['project'], { id: string; name: string } | null>()
shows<RowOf<typeof nested>['comments'][number]['issue'], Issue | null>()
same<RowOf<typeof nested>['title'], string>()
const narrowed = q.select('id').with('latest', c => c.select('body'))
shows<RowOf<typeof narrowed>, { id: string; latest: { readonly body: string } | null }>()
const passed = db.query.projects.with('labels')
shows<RowOf<typeof passed>['labels'], Label[]>()
// @ts-expect-error no such association
q.with('label')

const counted = q.withCount('comments').withAggregate('newest', 'comments', c => max(c.id)).withAggregate('names', 'labels', l => arrayAgg(l.name)).orderBy('commentsCount')
// Columns that are computed are columns to the steps after.
same<RowOf<typeof counted>['commentsCount'], number>()
counted.where('commentsCount', '>', 3).where(i => gt(i.commentsCount, i.points)).select(i => ({ id: i.id, n: i.commentsCount }))
// @ts-expect-error a number
counted.where('commentsCount', '=', 'x')
shows<Pick<RowOf<typeof counted>, 'commentsCount' | 'newest' | 'names'>, { commentsCount: number; newest: number | null; names: string[] | null }>()
// @ts-expect-error no such association
q.withCount('label')

// joins
const joined = q.innerJoin('projects', (i, p) => eq(i.projectId, p.id))
shows<RowOf<typeof joined>, { issues: Readonly<Issue>; projects: { readonly id: string; readonly name: string } }>()
const left = joined.leftJoin('users', (r, u) => eq(r.issues.assigneeId, u.id))
shows<RowOf<typeof left>['users'], { id: string; email: string } | null>()
const flat = left.where(r => eq(r.projects.name, 'x')).select(r => ({ id: r.issues.id, email: r.users.email }))
shows<RowOf<typeof flat>, { id: string; email: string | null }>()
const selfJoined = q.innerJoin('issues', (a, b) => eq(a.id, b.projectId), 'parent')
same<keyof RowOf<typeof selfJoined>, 'issues' | 'parent'>()

const right = q.rightJoin('projects', (i, p) => eq(i.projectId, p.id))
shows<RowOf<typeof right>, { issues: Readonly<Issue> | null; projects: { readonly id: string; readonly name: string } }>()
const rightTitles = right.select(r => ({ title: r.issues.title, name: r.projects.name }))
shows<RowOf<typeof rightTitles>, { title: string | null; name: string }>()
const full = q.fullJoin('projects', (i, p) => eq(i.projectId, p.id)).select(r => ({ title: r.issues.title, name: r.projects.name }))
shows<RowOf<typeof full>, { title: string | null; name: string | null }>()
const crossed = q.crossJoin('users').select(r => ({ id: r.issues.id, email: r.users.email }))
shows<RowOf<typeof crossed>, { id: string; email: string }>()

// queries in the place of tables
const counts = q.groupBy('projectId').select(i => ({ projectId: i.projectId, n: count(), last: max(i.due) })).as('counts')
const fromCounts = from(counts).where('n', '>', 3).orderBy('last', 'desc')
shows<RowOf<typeof fromCounts>, { projectId: string; n: number; last: Date | null }>()
const withCounts = db.query.projects.leftJoin(counts, (p, c) => eq(p.id, c.projectId)).select(r => ({ name: r.projects.name, n: r.counts.n }))
shows<RowOf<typeof withCounts>, { name: string; n: number | null }>()
const joinedCounts = from(counts).innerJoin('projects', (c, p) => eq(c.projectId, p.id)).select(r => ({ n: r.counts.n, name: r.projects.name }))
shows<RowOf<typeof joinedCounts>, { n: number; name: string }>()
// @ts-expect-error no such column
from(counts).where('title', '=', 'x')
// @ts-expect-error a number is not text
from(counts).where('n', '=', '3')

// distinct rows, first rows, set operations
const latest = q.distinctOn('projectId').orderBy('due', 'desc').limitBy(i => [i.projectId, i.status], 3)
shows<RowOf<typeof latest>, Issue>()
// @ts-expect-error no such column
q.distinctOn('project')
const people = db.query.users.select(u => ({ name: u.email })).union(db.query.labels.select(l => ({ name: l.name })))
shows<RowOf<typeof people>, { name: string }>()
people.distinct().where('name', 'like', 'a%').orderBy('name')
// @ts-expect-error other members
db.query.users.select('email').union(db.query.labels.select('name'))

// groups
const grouped = q.groupBy('status').select(i => ({ status: i.status, n: count(), points: sum(i.points), mean: avg(i.ratio), last: max(i.due), big: sum(i.big) })).orderBy('n', 'desc')
shows<RowOf<typeof grouped>, { status: 'open' | 'done'; n: number; points: number | null; mean: number | null; last: Date | null; big: bigint | null }>()
const rich = q.groupBy('status').having(i => gt(count(i.id, { distinct: true }), 1)).select(i => ({
  titles: stringAgg(i.title, ', ', { orderBy: [i.points, 'desc'] }), dues: arrayAgg(i.due), bigs: arrayAgg(i.big, { distinct: true }), metas: arrayAgg(i.meta),
  done: boolAnd(i.done), usual: mode(i.status), middle: median(i.points), spread: stddev(i.big), newest: first(i.title, { orderBy: [[i.due, 'desc', { nulls: 'last' }], i.id] }),
  some: percentileDisc(i.due, 0.5), open: count({ where: eq(i.status, 'open') }),
}))
shows<RowOf<typeof rich>, {
  titles: string | null; dues: (Date | null)[] | null; bigs: (number | bigint)[] | null; metas: { a: number }[] | null; done: boolean | null; usual: 'open' | 'done' | null
  middle: number | null; spread: number | null; newest: string | null; some: Date | null; open: number
}>()
// Columns may be null in the rows of groupings without them.
const rolled = q.groupBy(rollup('projectId', 'status')).select(i => ({ project: i.projectId, status: i.status, level: grouping(i.projectId, i.status), n: count(), points: sum(i.points) })).orderBy('n')
shows<RowOf<typeof rolled>, { project: string | null; status: 'open' | 'done' | null; level: number; n: number; points: number | null }>()
const byMember = q.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).groupBy(r => ({ project: r.projects.name, status: r.issues.status }), cube('project', 'status')).select(r => ({ name: r.projects.name, n: count() }))
shows<RowOf<typeof byMember>, { name: string | null; n: number }>()
// @ts-expect-error no such column
q.groupBy(rollup('state'))
// @ts-expect-error no such member
q.groupBy(i => ({ s: i.status }), groupingSets(['t'], []))
// @ts-expect-error a text has no mean
q.select(i => ({ x: avg(i.title) }))
// @ts-expect-error a median is of all values
q.select(i => ({ x: median(i.points, { distinct: true }) }))
// @ts-expect-error `having` takes a condition
q.groupBy('status').having(() => count())
const bare = q.groupBy('status')
shows<RowOf<typeof bare>, { status: 'open' | 'done' }>()

// windows
const ranked = q.select(i => ({
  n: over(rowNumber(), { partitionBy: i.status, orderBy: [i.points, 'desc'] }), total: over(sum(i.big)), all: over(count()),
  before: over(lag(i.title), { orderBy: [i.due, i.id] }), or: over(lead(i.points, 1, 0), { orderBy: [[i.due, 'desc', { nulls: 'last' }], i.id] }),
  first: over(firstValue(i.due), { orderBy: i.points, frame: { unit: 'rows', start: { preceding: 2 }, end: 'currentRow', exclude: 'ties' } }),
}))
shows<RowOf<typeof ranked>, { n: number; total: bigint | null; all: number; before: string | null; or: number; first: Date | null }>()
// @ts-expect-error a window function is no expression until it is over something
q.select(() => ({ n: rowNumber() }))
// @ts-expect-error no such frame
over(count(), { frame: { unit: 'row', start: 'currentRow' } })

// live
db.live(nested).subscribe(({ rows, diff }) => {
  shows<(typeof rows)[number]['labels'], Label[]>()
  for (const patch of diff) {
    if (patch.t === 'add') shows<typeof patch.value.labels, Label[]>()
    // @ts-expect-error a removal has no value
    if (patch.t === 'remove') patch.value
  }
})
same<RowOf<ReturnType<() => typeof nested>>['comments'][number]['body'], Comment['body']>()

// sub-queries
const busy = q.where(i => exists(db.query.comments.where(c => eq(c.issueId, i.id))))
  .where(i => inQuery(i.projectId, db.query.projects.where('name', '=', 'x').select('id')))
  .select(i => ({ id: i.id, newest: scalar(db.query.comments.where(c => eq(c.issueId, i.id)).select(c => ({ at: max(c.id) }))) }))
shows<RowOf<typeof busy>, { id: string; newest: number | null }>()
// @ts-expect-error texts are not in a set of numbers
q.where(i => notInQuery(i.projectId, db.query.comments.select('id')))
// @ts-expect-error no such column outside
q.where(i => exists(db.query.comments.where(c => eq(c.issueId, i.identity))))

// values that applications hold
const kept = sync(db, [{ id: 'a', labels: [] as Label[] }], { table: 'issues', event: 'updated', id: 'a' })
same<typeof kept, { id: string; labels: Label[] }[]>()
// @ts-expect-error no such event
sync(db, kept, { table: 'issues', event: 'changed', id: 'a' })
subscribe(db, ['issues', 'updated'], { columns: ['title'] }, ({ events }) => { same<(typeof events)[number]['event'], 'inserted' | 'updated' | 'deleted'>() })

// ---- decimals --------------------------------------------------------------------------------------------------------

const shop = defineSchema({ items: table({ id: int().key(), price: decimal(), tax: decimal().nullable(), weight: number(), n: int() }) })
declare const shopDb: Database<typeof shop>
same<Row<typeof shop, 'items'>, { id: number; price: Decimal; tax: Decimal | null; weight: number; n: number }>()
const item: InputRow<typeof shop, 'items'> = { id: 1, price: 12.5, tax: '0.10', weight: 1, n: 2 }
// @ts-expect-error a date is no decimal
const wrong: InputRow<typeof shop, 'items'> = { id: 1, price: new Date(), weight: 1, n: 2 }
shopDb.query.items.where('price', '>', 9.99).where(i => gt(i.price, '1.50')).where(i => eq(i.tax, 1n))
// @ts-expect-error no number
shopDb.query.items.where(i => gt(i.price, 'dear'))
const priced = shopDb.query.items.select(i => ({
  twice: mul(i.price, 2), gross: mul(i.price, add(i.tax, 1)), each: mul(i.price, i.n), rounded: round(i.price, 1), cut: trunc(i.price, 1), whole: floor(i.weight), plain: trimScale(i.tax), exact: cast(i.n, 'decimal'),
}))
shows<RowOf<typeof priced>, { twice: Decimal; gross: Decimal | null; each: Decimal | number; rounded: Decimal; cut: Decimal; whole: number; plain: Decimal | null; exact: Decimal }>()
const totals = shopDb.query.items.groupBy('n').select(i => ({ sum: sum(i.price), mean: avg(i.tax), spread: stddev(i.price), middle: median(i.price), heavy: avg(i.weight), all: arrayAgg(i.price) }))
shows<RowOf<typeof totals>, { sum: Decimal | null; mean: Decimal | null; spread: Decimal | null; middle: number | null; heavy: number | null; all: number[] | null }>()
void [item, wrong]

// Recursive queries: the step and what comes out have the members of the base.
const below = recursive('below', db.query.issues.select(i => ({ up: i.projectId, id: i.id, n: i.points })), below =>
  below.innerJoin('issues', (b, i) => eq(i.projectId, b.id)).select(({ below, issues }) => ({ up: below.up, id: issues.id, n: issues.points })), { min: { column: 'n', by: ['up', 'id'] } })
shows<RowOf<typeof below>, { up: string; id: string; n: number }>()
const belowProjects = db.query.projects.leftJoin(below, (p, b) => eq(p.id, b.up)).select(({ projects, below }) => ({ name: projects.name, n: below.n }))
shows<RowOf<typeof belowProjects>, { name: string; n: number | null }>()
recursive('r', db.query.projects.select('id'), r => [r, r.innerJoin(r.as('s'), (a, b) => eq(a.id, b.id)).select(({ s }) => ({ id: s.id }))])
// @ts-expect-error other members than the base
recursive('r', db.query.projects.select('id'), r => r.select(x => ({ other: x.id })))
// @ts-expect-error no such column
recursive('r', db.query.projects.select('id'), r => r, { min: { column: 'nam', by: ['id'] } })

const turns = recursive({ mine: db.query.issues.select(i => ({ id: i.id, n: i.points })), yours: db.query.projects.select('id') }, ({ mine, yours }) => {
  shows<RowOf<typeof mine>, { id: string; n: number }>()
  return { mine: [mine], yours: yours.innerJoin(mine, (y, m) => eq(y.id, m.id)).select(({ mine }) => ({ id: mine.id })) }
}, { min: { mine: { column: 'n', by: ['id'] } } })
shows<RowOf<typeof turns.mine>, { id: string; n: number }>()
shows<RowOf<typeof turns.yours>, { id: string }>()
// @ts-expect-error other members than the base
recursive({ a: db.query.projects.select('id') }, ({ a }) => ({ a: a.select(x => ({ other: x.id })) }))
// @ts-expect-error no such query in the group
recursive({ a: db.query.projects.select('id') }, ({ b }) => ({ a: b }))
// @ts-expect-error a step for each
recursive({ a: db.query.projects.select('id'), b: db.query.projects.select('id') }, ({ a }) => ({ a }))

// Everything is sorted and grouped by.
q.orderBy('raw').orderBy('done').orderBy('due').orderBy('big', 'desc').orderBy(i => i.due).distinctOn('due', 'raw').limitBy(['title', 'due'], 2).where('raw', '<', new Uint8Array()).where('meta', '!=', { a: 2 })
q.groupBy('due').select(i => ({ due: i.due, last: max(i.raw) }))
q.groupBy(i => ({ due: i.due, title: i.title })).orderBy('title')
q.orderBy(i => jsonGet<number>(i.meta, 'a')).select(i => ({ place: over(rowNumber(), { orderBy: [[i.due, 'desc'], i.raw], partitionBy: i.title }) })).orderBy('place')
q.leftJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy(r => r.projects.name)
q.leftJoin('projects', (i, p) => eq(i.projectId, p.id)).select(r => ({ projects: r.projects.name, issues: r.issues.meta, n: r.issues.points })).orderBy('projects').orderBy('issues').orderBy('n')
q.rightJoin('projects', (i, p) => eq(i.projectId, p.id)).groupBy(r => ({ projects: r.projects.id })).select(r => ({ projects: r.projects.id, n: count() })).orderBy('projects')
// @ts-expect-error what a join pairs is no column
q.leftJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy('projects')
// @ts-expect-error what a join pairs is no column
q.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy('issues')
// @ts-expect-error what a join pairs is no column
q.rightJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy('issues')
// @ts-expect-error what a join pairs is no column
q.fullJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy('projects')
function byName<Name extends 'title' | 'status'>(name: Name) { return q.orderBy(name).groupBy(name) }
void byName
// JSON has the order of `jsonb`.
q.orderBy('meta').orderBy(i => i.meta).orderBy(i => jsonGet(i.meta, 'b')).distinctOn('title', 'meta').limitBy('meta', 1).where('meta', '<', { a: 1 }).where('meta', 'between', [{ a: 1 }, { a: 2 }])
q.groupBy('meta').orderBy('meta')
q.groupBy(i => ({ meta: i.meta }))
q.select(i => ({ last: max(i.meta), place: over(rowNumber(), { orderBy: i.meta }) }))
q.groupBy('title').select(i => ({ all: arrayAgg(i.id, { orderBy: i.meta }) }))
q.where(i => gt(jsonGet(i.meta, 'a'), 3))

// Alternatives are of the kind of what they stand for.
q.select(i => ({ a: coalesce(i.assigneeId, i.title), b: coalesce(i.due, '2024-01-01'), c: coalesce(i.points, 1.5), d: coalesce(i.big, 5), e: coalesce(i.due, null), f: coalesce(i.meta, { a: 1 }), g: coalesce(i.status, 'none'), h: coalesce(i.title, i.status) }))
q.select(i => ({ a: when(i.done, '5').otherwise('many'), b: when(i.done, null).otherwise(i.due), c: when(i.done, i.status).when(eq(i.points, 1), 'one').otherwise(null), d: when(i.done, 0).when(eq(i.points, 1), i.ratio).otherwise(i.big), e: match(i.status).when('open', '1 day').otherwise(i.title) }))
const dated = q.select(i => ({ a: coalesce(i.due, '2024-01-01'), b: coalesce(i.due, 0), c: coalesce(i.due, null), d: when(i.done, i.due).otherwise('2024-01-01'), e: when(i.done, i.due), f: when(i.done, null).otherwise(i.due), g: coalesce(i.title, 'a') }))
shows<RowOf<typeof dated>, { a: Date; b: Date; c: Date | null; d: Date | null; e: Date | null; f: Date | null; g: string }>()
// @ts-expect-error a text or a number
q.select(i => ({ x: coalesce(i.title, 5) }))
// @ts-expect-error a text or a moment
q.select(i => ({ x: coalesce(i.title, i.due) }))
// @ts-expect-error a moment or a boolean
q.select(i => ({ x: coalesce(i.due, true) }))
// @ts-expect-error a boolean or a text
q.select(i => ({ x: when(eq(i.points, 1), i.done).otherwise('no') }))
// @ts-expect-error a text or a number
q.select(i => ({ x: when(i.done, 'done').when(eq(i.points, 1), 1) }))
// @ts-expect-error bytes or a document
q.select(i => ({ x: match(i.status).when('open', i.raw).otherwise(i.meta) }))

const diary = defineSchema({ days: table({ id: uuid().key(), day: date(), at: time().nullable() }) })
declare const diaryDb: Database<typeof diary>
same<Row<typeof diary, 'days'>, { id: string; day: DateText; at: string | null }>()
// Days are texts to whoever reads them, and a `Date` stands for its day wherever one is compared.
const dayText: string = ({} as Row<typeof diary, 'days'>).day
const dayRow: Row<typeof diary, 'days'> = { id: 'a', day: dayText, at: null }
const days = diaryDb.query.days, noon = new Date()
days.where('day', '=', noon).where('day', '>=', noon).where('day', 'in', [noon, '2024-02-29']).where('day', 'between', [noon, '2024-02-29']).where('day', 'is', noon).where('day', 'like', '2024%')
days.where(d => or(eq(d.day, noon), gt(d.day, noon), inArray(d.day, [noon]), between(d.day, noon, '2024-02-29'), isDistinctFrom(d.day, noon), lt(addDays(d.day, 1), noon), eq(d.day, d.day), eq(d.day, 'x' as string)))
days.where(d => lt(cast('2024-02-29', 'date'), noon)).having(d => gt(max(d.day), noon)).select(d => ({ latest: max(d.day), since: diffDays(d.day, noon), until: diffDays(noon, d.day) }))
withParams({ day: 'date', days: 'date[]' }, p => days.where(d => and(eq(d.day, p.day), anyOf(d.day, p.days))))
diaryDb.live(withParams({ day: 'date' }, p => days.where(d => eq(d.day, p.day))), { params: { day: noon } }).setParams({ day: '2024-02-29' })
days.orderBy('day').startAt({ day: noon }).startAfter({ day: '2024-02-29', id: 'a0eebc999c0b4ef8bb6d6bb9bd380a11' })
withParams({ day: 'date', id: 'uuid' }, p => days.orderBy('day').startAt({ day: p.day, id: p.id }))
withParams({ no: 'int' }, p => {
  // @ts-expect-error a number is no day
  return days.orderBy('day').startAt({ day: p.no })
})
// @ts-expect-error a day is no number
days.orderBy('day').startAt({ day: 5 })
q.orderBy('due').startAfter({ due: 0, id: 'a' }).startAfter({ due: '2024-01-01' }).startAt({ big: 5 }).startAt({ due: null })
// @ts-expect-error a time of day is no moment
days.where('at', '=', noon)
// @ts-expect-error a uuid is no moment
days.where(d => eq(d.id, noon))
// @ts-expect-error a day is no number
days.where('day', '=', 5)
// @ts-expect-error nor is it for a callback
days.where(d => eq(d.day, 5))
void dayRow
const today: InputRow<typeof diary, 'days'> = { id: 'a0eebc999c0b4ef8bb6d6bb9bd380a11', day: new Date() }
const spans = diaryDb.query.days.where('day', '>', '2024-02-29').select(d => ({ next: addDays(d.day, 1), since: diffDays(d.day, '2024-01-01'), moment: cast(d.day, 'timestamp'), at: d.at }))
const daily = diaryDb.query.days.select(d => ({ day: coalesce(d.day, noon), at: coalesce(d.at, '09:00'), or: when(eq(d.day, noon), d.day).otherwise(noon) }))
shows<RowOf<typeof daily>, { day: DateText; at: string; or: DateText }>()
shows<RowOf<typeof spans>, { next: DateText; since: number; moment: Date; at: string | null }>()
void today
const work = defineSchema({ tasks: table({ id: int().key(), took: interval().nullable(), from: timestamp() }) })
declare const workDb: Database<typeof work>
const job: InputRow<typeof work, 'tasks'> = { id: 1, took: { hours: 2 }, from: 0 }
const took = workDb.query.tasks.where('took', '<', { days: 1 }).select(t => ({ end: addInterval(t.from, t.took), sum: sum(t.took), since: elapsed(t.from, t.from) }))
const given = workDb.query.tasks.select(t => ({ took: coalesce(t.took, { hours: 1 }), text: coalesce(t.took, '1 day') }))
shows<RowOf<typeof given>, { took: IntervalText; text: IntervalText }>()
shows<RowOf<typeof took>, { end: Date | null; sum: IntervalText | null; since: IntervalText }>()
void job
const posts = defineSchema({ posts: table({ id: int().key(), tags: array(string().nullable()), days: array(timestamp()).nullable() }) })
declare const postsDb: Database<typeof posts>
const tagged: InputRow<typeof posts, 'posts'> = { id: 1, tags: ['a', null], days: [0, new Date()] }
const tags = postsDb.query.posts.where(p => anyOf('a', p.tags)).select(p => ({ tags: p.tags, first: arrayAt(p.tags, 1), n: cardinality(p.days) }))
shows<RowOf<typeof tags>, { tags: (string | null)[]; first: string | null; n: number | null }>()
postsDb.query.posts.where('tags', '=', ['a'] as const).where('days', '=', [0, '2024-01-01', new Date()]).where(p => eq(p.days, [0]))
// @ts-expect-error elements are moments
postsDb.query.posts.where('days', '=', [true])
// @ts-expect-error elements are texts
postsDb.query.posts.where(p => anyOf(1, p.tags))
void tagged
// Parameters: their types come from the declaration, and go to the values that `live` and `setParams` take.
{
  const busy = withParams({ least: 'int', status: 'text', since: 'timestamp' }, p => {
    same<typeof p.least, Expr<number>>()
    same<typeof p.since, Expr<Date>>()
    return from(schema, 'issues').where(i => gt(i.points, p.least)).limit(p.least).select('id', 'points')
  })
  shows<RowOf<typeof busy>, { id: string; points: number }>()
  const live = db.live(busy, { params: { least: 3, status: 'open', since: new Date() } })
  shows<typeof live.rows, readonly { id: string; points: number }[]>()
  live.setParams({ least: 4 })
  live.setParams({ least: null, since: '2024-01-01T00:00:00Z' })
  // @ts-expect-error a text is no number
  live.setParams({ least: '4' })
  // @ts-expect-error no such parameter
  live.setParams({ most: 4 })
  // @ts-expect-error one is missing
  db.live(busy, { params: { least: 3, status: 'open' } })
  const loose = db.live(from(schema, 'issues').where(i => gt(i.points, param('least'))).offset(param('skipped')), { params: { least: 1, skipped: 0 }, window: [0, 50] })
  loose.setParams({ least: 2 })
  same<typeof loose.total, number>()
}
// Matches are rows: `unnest` gives each, and no value is made of them.
{
  const found = from(schema, 'issues').unnest('m', i => regexpMatches(i.title, '#(.)')).select(r => ({ all: r.m.value, n: r.m.ordinality }))
  shows<RowOf<typeof found>, { all: (string | null)[]; n: number }>()
  // @ts-expect-error rows are no value
  from(schema, 'issues').select(i => ({ m: regexpMatches(i.title, '#') }))
  // @ts-expect-error flags are in the pattern
  from(schema, 'issues').unnest('m', i => regexpMatches(i.title, '#', 'i'))
}
// A database in a worker: promises where something changes, the same rows and parameters.
{
  const far = {} as WorkerDatabase<typeof schema>
  same<ReturnType<typeof far.applyJson>, Promise<Report>>()
  void far.read(far.query.issues.select('id')).then(rows => { same<typeof rows, readonly Readonly<{ id: string }>[]>() })
  void far.apply([{ op: 'delete', table: 'issues', id: 'a' }])
  // @ts-expect-error no such table
  void far.apply([{ op: 'delete', table: 'isues', id: 'a' }])
  const live = far.live(withParams({ least: 'int' }, p => far.query.issues.where(i => gt(i.points, p.least)).select('id', 'points')), { params: { least: 3 } })
  shows<typeof live.rows, readonly { id: string; points: number }[]>()
  same<ReturnType<typeof live.setParams>, Promise<void>>()
  // @ts-expect-error a text is no number
  void live.setParams({ least: '4' })
  const base: LiveQuery<{ id: string; points: number }, any> = live
  void base
}
// What is natural to compare: texts that are named one by one with any text, numbers of any kind, what may be null with what may not.
{
  type UserId = string & { readonly brand: 'user' }
  type TeamId = string & { readonly brand: 'team' }
  type Place = number & { readonly brand: 'place' }
  const marked = defineSchema({
    users: table({ id: uuid<UserId>().key(), teamId: string<TeamId>(), role: string<'admin' | 'guest'>(), rank: int<1 | 2 | 3>(), place: int<Place>(), age: number(), pay: decimal(), big: bigint(), nick: string().nullable(), name: string() }),
    teams: table({ id: string<TeamId>().key(), lead: uuid<UserId>().nullable(), role: string(), size: int() }),
    notes: table({ id: int().key(), body: string() }, { tenant: true }),
  })
  type M = typeof marked
  same<Pick<Row<M, 'users'>, 'id' | 'rank' | 'place'>, { id: UserId; rank: 1 | 2 | 3; place: Place }>()
  const { users, teams, notes } = {} as Database<M>['query']
  users.innerJoin('teams', (u, t) => eq(u.role, t.role)).where(r => eq(r.teams.role, r.users.role))
  users.where(u => or(gt(u.pay, u.rank), gt(u.rank, u.pay), gt(u.big, u.age), lt(u.age, u.big), eq(u.rank, u.age), between(u.pay, u.rank, u.age), inQuery(u.role, teams.select('role')), inArray(u.role, [u.name])))
  withParams({ role: 'text', rank: 'int', least: 'float', like: 'text' }, p => users.where('role', '=', p.role).where('rank', 'in', [p.rank, 3]).where('pay', 'between', [p.least, 9.5]).where('name', '~', p.like).where(u => eq(u.role, p.role)))
  users.where('rank', '=', scalar(users.select(u => ({ n: max(u.rank) })))).where('age', '>', scalar(users.select(u => ({ n: avg(u.age) }))))
  users.where(u => or(like(u.name, u.nick), startsWith(u.name, u.nick), notLike(u.name, concat(u.nick, '%')))).where('name', 'like', scalar(users.select('nick')))
  users.leftJoin('teams', (u, t) => eq(u.id, t.lead))
  // @ts-expect-error a user is no team
  users.innerJoin('teams', (u, t) => eq(u.id, t.id))
  // @ts-expect-error nor is any text one
  users.where(u => eq(u.id, u.name))
  // @ts-expect-error nor any number a place
  users.where(u => eq(u.place, u.rank))
  // @ts-expect-error a text is no number
  users.where(u => eq(u.role, u.rank))
  // @ts-expect-error no such role
  users.where(u => inArray(u.role, ['owner']))
  // @ts-expect-error a pattern is a text
  users.where('name', '~', 5)

  // Constants are members, and what queries are united of may differ in nulls and texts.
  const feed = users.select(u => ({ kind: 'user', id: u.name, at: u.age, n: 0, done: false, none: null })).unionAll(teams.select(t => ({ kind: 'team', id: t.role, at: nullif(t.size, 0), n: t.size, done: true, none: null })), notes.select(n => ({ kind: 'note', id: n.body, at: n.id, n: 1, done: true, none: null })))
  shows<RowOf<typeof feed>, { kind: 'user' | 'team' | 'note'; id: string; at: number | null; n: number; done: boolean; none: null }>()
  const roles = teams.select('role').except(users.select('role'))
  shows<RowOf<typeof roles>, { role: string }>()
  const same_ = users.select('role').intersect(teams.select('role'))
  shows<RowOf<typeof same_>, { role: 'admin' | 'guest' }>()
  const depths = recursive('below', users.select(u => ({ id: u.id, depth: 0 })), b => b.innerJoin('teams', (b, t) => eq(b.id, t.lead)).select(({ below, teams }) => ({ id: below.id, depth: add(below.depth, teams.size) })))
  shows<RowOf<typeof depths>, { id: UserId; depth: number }>()
  // @ts-expect-error a number is no text
  users.select(u => ({ v: u.name })).union(teams.select(t => ({ v: t.size })))
  // @ts-expect-error one is missing
  users.select('name', 'nick').union(users.select('name'))
  // @ts-expect-error a list is no constant
  users.select(u => ({ v: [u.name] }))
  const before = users.select(u => ({ role: over(lag(u.role, 1, 'guest'), { orderBy: u.age }), other: over(lead(u.role, 1, 'none'), { orderBy: u.age }) }))
  shows<RowOf<typeof before>, { role: 'admin' | 'guest'; other: 'admin' | 'guest' | 'none' }>()

  // The scope of a tenant takes parameters as the database does.
  const found = withParams({ text: 'text' }, p => notes.where('body', 'like', p.text))
  const near = ({} as Database<M>).tenant('a').live(found, { params: { text: '%' } })
  shows<typeof near.rows, readonly { id: number; body: string }[]>()
  near.setParams({ text: 'a%' })
  // @ts-expect-error a number is no text
  near.setParams({ text: 5 })
  // @ts-expect-error it is missing
  ;({} as Database<M>).tenant('a').live(found, { params: {} })
  const watched = watches({} as Database<M>).live(found, { params: { text: '%' } })
  watched.setParams({ text: null })
  const far = ({} as WorkerDatabase<M>).tenant('a').live(found, { params: { text: '%' } })
  same<ReturnType<typeof far.setParams>, Promise<void>>()

  // Functions that are generic in what they compare.
  const alike = <V>(a: Expr<V>, b: Expr<V>) => or(eq(a, b), between(a, b, b), isDistinctFrom(a, b))
  users.where(u => alike(u.role, u.role))
  const both = <R>(a: QueryLike<R>, b: QueryLike<R>) => from(({} as Query<M, 'users', null, R>).union(a, b).as('both'))
  void both

  // Numbers that are taken beside decimals are decimals; of several values one is there if the last one is.
  const taken = users.select(u => ({
    pay: coalesce(sum(u.pay), 0), bonus: when(eq(u.role, 'guest'), 0).otherwise(u.pay), least: when(eq(u.role, 'guest'), u.pay), most: greatest(u.pay, 0, 1.5), rank: coalesce(max(u.rank), 0),
    big: coalesce(sum(u.big), 0), double: when(eq(u.role, 'guest'), 1.5).otherwise(u.big), nick: coalesce(u.nick, u.nick, u.name), none: coalesce(u.nick, u.nick, null), text: coalesce(u.nick, 'nobody', u.nick), plain: when(eq(u.role, 'guest'), 0).otherwise(1),
  }))
  shows<RowOf<typeof taken>, {
    pay: Decimal; bonus: Decimal; least: Decimal | null; most: Decimal | null; rank: number
    big: bigint; double: bigint | 1.5; nick: string; none: string | null; text: string | null; plain: 0 | 1
  }>()
}
// The bindings of other frameworks: as hooks, and what each of them takes of its framework.
{
  type Bound = typeof schema
  const since = (d: Database<Bound>) => withParams({ least: 'int', status: 'text' }, p => d.query.issues.where(i => gt(i.points, p.least)).where('status', '=', p.status).select('id', 'points'))
  const least = ref(3), params = { least: 3, status: 'open' }
  type Shown = readonly { id: string; points: number }[]
  const [inVue, inSvelte, inSolid] = [useVueQuery((d: Database<Bound>) => since(d), { params: () => ({ least: least.value, status: 'open' }) }), useSvelteQuery((d: Database<Bound>) => since(d), () => ({ params })), createLiveQuery((d: Database<Bound>) => since(d), { params })]
  shows<typeof inVue.rows.value, Shown>()
  shows<typeof inSvelte.rows, Shown>()
  shows<ReturnType<typeof inSolid.rows>, Shown>()
  // @ts-expect-error a text is no number
  useVueQuery((d: Database<Bound>) => since(d), { params: () => ({ least: 'x', status: 'open' }) })
  // @ts-expect-error one is missing
  useSvelteQuery((d: Database<Bound>) => since(d), () => ({ params: { least: 3 } }))
  // @ts-expect-error all are
  createLiveQuery((d: Database<Bound>) => since(d))
  // @ts-expect-error all are
  useVueQuery((d: Database<Bound>) => since(d))
  const query = from(schema, 'issues').select('id', 'points')
  const given = [useVueQuery(query), useVueQuery(shallowRef(query)), useVueQuery(computedRef(() => least.value > 3 && query)), useVueQuery(() => least.value > 3 ? query : null)]
  shows<typeof given[number]['rows']['value'], Shown>()
  const loose = [useVueQuery((d: Database<Bound>) => d.query.issues.where('points', '>', param('least')).select('id', 'points'), { params: { least: 3 }, window: ref([0, 50] as const) }).rows.value, createLiveQuery((d: Database<Bound>) => d.query.issues.select('id', 'points'), { window: [0, 50], tenant: 'a' }).rows()]
  shows<typeof loose[number], Shown>()
  // @ts-expect-error there is no such option
  useSvelteQuery((d: Database<Bound>) => d.query.issues, { windows: [0, 50] })
}
// Hooks: values of parameters are those that the query declares, and all of them.
{
  type Hooked = typeof schema
  const since = (d: Database<Hooked>) => withParams({ least: 'int', status: 'text' }, p => d.query.issues.where(i => gt(i.points, p.least)).where('status', '=', p.status).select('id', 'points'))
  const seen = useLiveQuery((d: Database<Hooked>) => since(d), { params: { least: 3, status: 'open' }, tenant: 'a' })
  shows<typeof seen.rows, readonly { id: string; points: number }[]>()
  same<typeof seen.total, number | undefined>()
  const waits = useLiveQuery((d: Database<Hooked>) => seen.rows.length > 0 ? since(d) : null, { params: { least: null, status: 'open' } })
  shows<typeof waits.rows, readonly { id: string; points: number }[]>()
  // @ts-expect-error a text is no number
  useLiveQuery((d: Database<Hooked>) => since(d), { params: { least: 'x', status: 'open' } })
  // @ts-expect-error one is missing
  useLiveQuery((d: Database<Hooked>) => since(d), { params: { least: 3 } })
  // @ts-expect-error all are
  useLiveQuery((d: Database<Hooked>) => since(d))
  const plain = useLiveQuery((d: Database<Hooked>) => d.query.issues.with('project'), { window: [0, 50] })
  shows<NonNullable<typeof plain.rows[number]['project']>, { id: string; name: string }>()
  useLiveQuery((d: Database<Hooked>) => d.query.issues.where('points', '>', param('least')), { params: { least: 3 } })
  useLiveQuery<{ id: string }, Hooked>(d => d.query.issues.select('id'))
  useLiveQuery((d: Database<Hooked>) => plain.rows.length > 0 && d.query.issues)
}
