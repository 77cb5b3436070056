/** Writes. They go to the database and nowhere else: what they did comes back through the feed. */
import type { Issue } from './schema'

export type IssueFields = Partial<Pick<Issue, 'title' | 'description' | 'status' | 'priority' | 'assignee_id' | 'project_id'>>

async function post<T = object>(name: string, body: object): Promise<T> {
  const response = await fetch(`/api/${name}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    .catch(() => { throw new Error('The server does not answer. Nothing was saved.') })
  const answer = await response.json().catch(() => ({})) as T & { error?: string }
  if (!response.ok) throw new Error(`Not saved: ${answer.error ?? response.statusText}.`)
  return answer
}

export const createIssue = (issue: { project_id: string, title: string, description: string, status: string, priority: number, creator_id: string }) =>
  post<{ id: string }>('create-issue', issue)
export const updateIssue = (id: string, set: IssueFields) => post('update-issue', { id, set })
export const deleteIssue = (id: string) => post('delete-issue', { id })
export const addComment = (issue_id: string, author_id: string, body: string) => post('add-comment', { issue_id, author_id, body })
export const addLabel = (issue_id: string, label_id: string) => post('add-label', { issue_id, label_id })
export const removeLabel = (issue_id: string, label_id: string) => post('remove-label', { issue_id, label_id })
export const setBusyRate = (rate: number) => post('busy', { rate })
