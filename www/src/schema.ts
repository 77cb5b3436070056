/** The tables as the page holds them. Names are PostgreSQL's own: rows arrive in the very form they have there. */
import { belongsTo, defineSchema, hasMany, int, manyToMany, string, table, timestamp, type Row } from 'eddyline'

export type Status = 'backlog' | 'todo' | 'in_progress' | 'in_review' | 'done' | 'canceled'

export const STATUSES: readonly { id: Status, name: string }[] = [
  { id: 'backlog', name: 'Backlog' }, { id: 'todo', name: 'Todo' }, { id: 'in_progress', name: 'In Progress' },
  { id: 'in_review', name: 'In Review' }, { id: 'done', name: 'Done' }, { id: 'canceled', name: 'Canceled' },
]

export const PRIORITIES: readonly { id: number, name: string }[] = [
  { id: 0, name: 'No priority' }, { id: 1, name: 'Urgent' }, { id: 2, name: 'High' }, { id: 3, name: 'Medium' }, { id: 4, name: 'Low' },
]

/** The person at this page. There is no sign-in: everyone who opens the demo is the same one. */
export const ME = 'u1'

export const schema = defineSchema({
  projects: table({ id: string().key(), key: string(), name: string(), color: string(), position: int() }),
  users: table({ id: string().key(), name: string(), handle: string(), color: string() }),
  labels: table({ id: string().key(), name: string(), color: string() }),
  issues: table({
    id: string().key(), project_id: string(), number: int(), title: string(), description: string(),
    status: string<Status>(), priority: int(), estimate: int().nullable(), assignee_id: string().nullable(), creator_id: string(),
    created_at: timestamp(), updated_at: timestamp(),
  }),
  issue_labels: table({ issue_id: string().key(), label_id: string().key() }),
  comments: table({ id: string().key(), issue_id: string(), author_id: string(), body: string(), created_at: timestamp() }),
}, {
  issues: {
    project: belongsTo('projects', 'project_id'),
    assignee: belongsTo('users', 'assignee_id'),
    creator: belongsTo('users', 'creator_id'),
    comments: hasMany('comments', 'issue_id', { orderBy: [['created_at', 'asc']] }),
    labels: manyToMany('labels', 'issue_labels', ['issue_id', 'label_id'], { orderBy: [['name', 'asc']] }),
  },
  labels: { issues: manyToMany('issues', 'issue_labels', ['label_id', 'issue_id']) },
  comments: { author: belongsTo('users', 'author_id') },
})

export type Schema = typeof schema
export type Project = Row<Schema, 'projects'>
export type User = Row<Schema, 'users'>
export type Label = Row<Schema, 'labels'>
export type Issue = Row<Schema, 'issues'>
export type Comment = Row<Schema, 'comments'>
/** A row of the list or the board. */
export type ListedIssue = Issue & { labels: Label[], assignee: User | null }

declare module 'eddyline/react' {
  /** The hooks know this schema without being told at every call. */
  interface Register { schema: typeof schema }
}
