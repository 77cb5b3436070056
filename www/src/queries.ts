/** The page's live queries. A change of a filter is another query; nothing is filtered or sorted outside of the engine. */
import { add, and, count, eq, ilike, mod, not, inArray, isNull, type Database, type Query, type QueryLike } from 'eddyline'
import { ME, type Issue, type ListedIssue, type Schema, type Status } from './schema'

export interface Filters {
  scope: { kind: 'all' } | { kind: 'mine' } | { kind: 'project', id: string }
  search: string
  status: Status | 'open' | ''
  priority: number | ''
  /** A user, nobody, or anyone. */
  assignee: string | 'nobody' | ''
  label: string
}

export type SortColumn = 'priority' | 'title' | 'created_at' | 'updated_at'
export interface Sort { column: SortColumn, direction: 'asc' | 'desc' }

export const NO_FILTERS: Filters = { scope: { kind: 'all' }, search: '', status: '', priority: '', assignee: '', label: '' }
export const CLOSED: Status[] = ['done', 'canceled']

type Root = Database<Schema>['query']
/** Column references of an issue, wherever it stands in a query. */
type Columns = Parameters<Extract<Parameters<Root['issues']['where']>[0], (...a: never[]) => unknown>>[0]
type IssueQuery = Query<Schema, 'issues', any, any, any>

/** `%`, `_` and `\` mean themselves in a search. */
const contains = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`

function conditions(i: Columns, f: Filters) {
  return and(
    f.scope.kind === 'project' && eq(i.project_id, f.scope.id),
    f.scope.kind === 'mine' && eq(i.assignee_id, ME),
    f.search.trim() !== '' && ilike(i.title, contains(f.search.trim())),
    f.status === 'open' ? not(inArray(i.status, CLOSED)) : f.status !== '' && eq(i.status, f.status),
    f.priority !== '' && eq(i.priority, f.priority),
    f.assignee === 'nobody' ? isNull(i.assignee_id) : f.assignee !== '' && eq(i.assignee_id, f.assignee),
  )
}

const hasConditions = (f: Filters) =>
  f.scope.kind !== 'all' || f.search.trim() !== '' || f.status !== '' || f.priority !== '' || f.assignee !== ''

function filtered(q: IssueQuery, f: Filters): IssueQuery {
  return hasConditions(f) ? q.where((i: Columns) => conditions(i, f)) : q
}

function sorted(q: IssueQuery, { column, direction }: Sort): IssueQuery {
  // Urgent is 1 and none is 0, which belongs at the end.
  if (column === 'priority') return q.orderBy((i: Columns) => mod(add(i.priority, 4), 5), direction).orderBy('updated_at', 'desc')
  return q.orderBy(column, direction)
}

const listed = (q: IssueQuery, f: Filters, sort: Sort, limit?: number): IssueQuery => {
  const all = sorted(filtered(q, f), sort).with('labels').with('assignee')
  return limit === undefined ? all : all.limit(limit)
}

/** Issues in order with labels and assignee. With a label filter, they are the label's issues, two steps down its path. */
export interface IssueListQuery {
  query: (root: Root) => QueryLike<any>
  issuesOf: (rows: readonly any[]) => readonly ListedIssue[]
  depth: 0 | 2
}

export function issueList(f: Filters, sort: Sort, limit?: number): IssueListQuery {
  if (f.label === '') return { query: root => listed(root.issues, f, sort, limit), issuesOf: rows => rows, depth: 0 }
  return {
    query: root => root.labels.where('id', '=', f.label).with('issues', q => listed(q, f, sort, limit)),
    issuesOf: rows => rows[0]?.issues ?? NONE,
    depth: 2,
  }
}
const NONE: readonly ListedIssue[] = []

/** Number of issues in each status. */
export function statusCounts(root: Root, f: Filters): QueryLike<{ status: Status, n: number }> {
  if (f.label === '') return filtered(root.issues, f).groupBy('status').select((i: Columns) => ({ status: i.status, n: count() })) as any
  return root.issues.innerJoin('issue_labels', (i, l) => eq(i.id, l.issue_id))
    .where(r => and(eq(r.issue_labels.label_id, f.label), hasConditions(f) && conditions(r.issues as Columns, f)))
    .groupBy(r => ({ status: r.issues.status })).select(r => ({ status: r.issues.status, n: count() })) as any
}

export const projects = (root: Root) => root.projects.orderBy('position')
export const users = (root: Root) => root.users.orderBy('name')
export const labels = (root: Root) => root.labels.orderBy('name')

/** Open issues of each project. */
export const openCounts = (root: Root) =>
  root.issues.where('status', 'not in', CLOSED).groupBy('project_id').select(i => ({ project_id: i.project_id, n: count() }))

/** My open issues: one row. */
export const myOpenCount = (root: Root) =>
  root.issues.where('status', 'not in', CLOSED).where('assignee_id', '=', ME).select(() => ({ n: count() }))

/** One issue with everything its panel shows. */
export const issueDetail = (root: Root, id: Issue['id']) =>
  root.issues.where('id', '=', id).with('project').with('assignee').with('creator').with('labels')
    .with('comments', c => c.with('author'))
