/** One issue with everything that belongs to it, to read and to edit. */
import { useEffect, useRef, useState } from 'react'
import { addComment, addLabel, deleteIssue, removeLabel, updateIssue, type IssueFields } from './api'
import { useTick } from './clock'
import { ago, fullTime, when } from './format'
import { Avatar, LabelChip, PriorityIcon, StatusIcon } from './icons'
import { useRows } from './live'
import { issueDetail, labels, users } from './queries'
import { ME, PRIORITIES, STATUSES, type Comment, type Label, type Status, type User } from './schema'

interface Props { id: string, onClose: () => void, onError: (error: unknown) => void }

export function IssuePanel({ id, onClose, onError }: Props) {
  const [issue] = useRows(root => issueDetail(root, id))
  const people = useRows(users)
  useTick()
  if (!issue) {
    return (
      <aside className="panel" aria-label="Issue">
        <header><span className="spacer" /><button type="button" className="icon-button" aria-label="Close" onClick={onClose}>✕</button></header>
        <p className="empty">This issue was deleted.</p>
      </aside>
    )
  }
  const save = (set: IssueFields) => void updateIssue(id, set).catch(onError)
  const remove = () => {
    if (confirm(`Delete “${issue.title}” with its comments?`)) void deleteIssue(id).then(onClose, onError)
  }
  return (
    <aside className="panel" aria-label="Issue" data-testid="panel">
      <header>
        <i className="dot" style={{ background: issue.project?.color }} />
        <span className="muted">{issue.project?.name}</span><span className="id">{issue.project?.key}-{issue.number}</span>
        <span className="spacer" />
        <button type="button" className="icon-button" aria-label="Delete the issue" title="Delete" onClick={remove}>
          <svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round"><path d="M2.5 4h11M6 4V2.5h4V4M4 4l.6 9.5h6.8L12 4M6.7 6.8v4.2M9.3 6.8v4.2" /></svg>
        </button>
        <button type="button" className="icon-button" aria-label="Close" title="Close (Esc)" onClick={onClose}>✕</button>
      </header>
      <div className="panel-body">
        <Text className="panel-title" label="Title" value={issue.title} isLine onSave={title => save({ title })} />
        <div className="fields">
          <label><StatusIcon status={issue.status} />
            <select aria-label="Status" value={issue.status} onChange={e => save({ status: e.target.value as Status })}>
              {STATUSES.map(s => <option key={s.id} value={s.id}>{s.name}</option>)}
            </select>
          </label>
          <label><PriorityIcon priority={issue.priority} />
            <select aria-label="Priority" value={issue.priority} onChange={e => save({ priority: Number(e.target.value) })}>
              {PRIORITIES.map(p => <option key={p.id} value={p.id}>{p.name}</option>)}
            </select>
          </label>
          <label><Avatar user={issue.assignee} size={16} />
            <select aria-label="Assignee" value={issue.assignee_id ?? ''} onChange={e => save({ assignee_id: e.target.value || null })}>
              <option value="">Nobody</option>
              {people.map(u => <option key={u.id} value={u.id}>{u.name}</option>)}
            </select>
          </label>
        </div>
        <Labels id={id} worn={issue.labels} onError={onError} />
        <Text className="panel-description" label="Description" value={issue.description} placeholder="Add a description …" onSave={description => save({ description })} />
        <p className="muted small">
          {issue.creator?.name ?? 'Somebody'} opened this {when(issue.created_at)} · changed <span key={issue.updated_at.getTime()} className="pulse">{when(issue.updated_at)}</span>
        </p>
        <Comments id={id} comments={issue.comments} onError={onError} />
      </div>
    </aside>
  )
}

/** Text that is edited in place. While it is, changes of others wait; leaving it saves. */
function Text({ value, label, className, placeholder, isLine = false, onSave }: { value: string, label: string, className: string, placeholder?: string, isLine?: boolean, onSave: (text: string) => void }) {
  const [draft, setDraft] = useState<string>()
  const area = useRef<HTMLTextAreaElement>(null)
  const shown = draft ?? value
  useEffect(() => {
    const { current } = area
    if (!current) return
    current.style.height = '0'
    current.style.height = `${current.scrollHeight}px`
  }, [shown])
  const finish = () => {
    if (draft !== undefined && draft !== value && (draft.trim() !== '' || !isLine)) onSave(draft)
    setDraft(undefined)
  }
  return (
    <textarea ref={area} className={className} aria-label={label} rows={1} value={shown} placeholder={placeholder}
      onFocus={() => setDraft(value)} onChange={e => setDraft(isLine ? e.target.value.replace(/\n/g, ' ') : e.target.value)} onBlur={finish}
      onKeyDown={e => {
        if (e.key === 'Escape') {
          e.stopPropagation()
          setDraft(undefined)
          // After the draft is gone, so that leaving the field saves nothing.
          queueMicrotask(() => area.current?.blur())
        }
        if (e.key === 'Enter' && (isLine || e.metaKey || e.ctrlKey)) {
          e.preventDefault()
          area.current?.blur()
        }
      }} />
  )
}

function Labels({ id, worn, onError }: { id: string, worn: readonly Label[], onError: (error: unknown) => void }) {
  const all = useRows(labels)
  const has = new Set(worn.map(l => l.id))
  return (
    <div className="labels">
      {worn.map(label => <LabelChip key={label.id} label={label} />)}
      <details onKeyDown={e => {
        // The menu closes first, and the panel only then.
        if (e.key !== 'Escape' || !e.currentTarget.open) return
        e.stopPropagation()
        e.currentTarget.open = false
        e.currentTarget.querySelector('summary')?.focus()
      }}>
        <summary aria-label="Change labels">{worn.length === 0 ? '+ Label' : '+'}</summary>
        <div className="menu">
          {all.map(label => (
            <label key={label.id}>
              <input type="checkbox" checked={has.has(label.id)} onChange={() => void (has.has(label.id) ? removeLabel : addLabel)(id, label.id).catch(onError)} />
              <LabelChip label={label} />
            </label>
          ))}
        </div>
      </details>
    </div>
  )
}

function Comments({ id, comments, onError }: { id: string, comments: readonly (Comment & { author: User | null })[], onError: (error: unknown) => void }) {
  const [text, setText] = useState('')
  const submit = () => {
    if (text.trim() === '') return
    void addComment(id, ME, text).then(() => setText(''), onError)
  }
  return (
    <section className="comments">
      <h2>{comments.length === 0 ? 'No comments yet' : comments.length === 1 ? '1 comment' : `${comments.length} comments`}</h2>
      {comments.map(c => (
        <article key={c.id} className="comment">
          <Avatar user={c.author} size={24} />
          <div><strong>{c.author?.name ?? 'Somebody'}</strong> <time title={fullTime(c.created_at)}>{ago(c.created_at)}</time><p>{c.body}</p></div>
        </article>
      ))}
      <form onSubmit={e => { e.preventDefault(); submit() }}>
        <textarea aria-label="Comment" placeholder="Leave a comment …" value={text} rows={2} onChange={e => setText(e.target.value)}
          onKeyDown={e => { if (e.key === 'Enter' && (e.metaKey || e.ctrlKey)) { e.preventDefault(); submit() } }} />
        <button type="submit" className="primary" disabled={text.trim() === ''}>Comment</button>
      </form>
    </section>
  )
}
