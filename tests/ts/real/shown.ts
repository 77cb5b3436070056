// Queries of every kind over many rows, for what becomes of rows that were shown.
import { vi } from 'vitest'
import { count, eq, recursive } from '../../../pkg/index.inline.js'
import { type Db, comment, issue } from './support.js'

export const load = (n: number): any[] => [
  { op: 'upsert', table: 'issues', rows: Array.from({ length: n }, (_, i) => issue(`i${i}`, { priority: i * 7919 % n, projectId: `p${i % 7}`, meta: i % 50 === 0 ? { i } : null })) },
  { op: 'upsert', table: 'comments', rows: Array.from({ length: n }, (_, i) => comment(i, `i${i * 31 % n}`).row) },
  { op: 'upsert', table: 'projects', rows: Array.from({ length: 1100 }, (_, i) => ({ id: `p${i}`, name: `project ${i}` })) },
]
type Queries = Record<string, (db: Pick<Db, 'query'>) => any>
export const queries: Queries = {
  'whole rows': db => db.query.issues.orderBy('priority'),
  'columns': db => db.query.issues.select('id', 'title').orderBy('id'),
  'pairs of whole rows': db => db.query.issues.innerJoin('comments', (i, c) => eq(i.id, c.issueId)).orderBy(r => r.comments.id),
  'left pairs': db => db.query.comments.leftJoin('issues', (c, i) => eq(c.issueId, i.id)).orderBy(r => r.comments.id),
  'columns of pairs': db => db.query.issues.innerJoin('comments', (i, c) => eq(i.id, c.issueId)).select(r => ({ id: r.comments.id, title: r.issues.title, body: r.comments.body })).orderBy('id'),
  'groups': db => db.query.issues.groupBy('priority').select(i => ({ priority: i.priority, n: count() })).orderBy('priority'),
  'found by recursion': db => recursive('found', db.query.issues.select(i => ({ id: i.id, title: i.title })), found => found.innerJoin('comments', (f, c) => eq(f.id, c.body)).select(({ comments }) => ({ id: comments.issueId, title: comments.body }))).orderBy('id'),
  'nested': db => db.query.issues.orderBy('id').with('comments', c => c.orderBy('id')),
  'nested columns': db => db.query.issues.select('id', 'title').orderBy('id').with('comments', c => c.select('id', 'body').orderBy('id')),
  'nested twice': db => db.query.projects.orderBy('id').with('issues', i => i.orderBy('id').with('comments', c => c.orderBy('id'))),
}
export const copied = (rows: unknown): unknown => JSON.parse(JSON.stringify(rows, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)))
/** Each look at the clock takes a millisecond: a slice is a handful of steps, however quick the machine is. */
export const slowClock = (): void => { let now = 0; vi.spyOn(performance, 'now').mockImplementation(() => now++) }
