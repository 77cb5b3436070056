/** A small form for a new issue. */
import { useLayoutEffect, useRef, useState } from 'react'
import { createIssue } from './api'
import type { Filters } from './queries'
import { ME, PRIORITIES, STATUSES, type Project } from './schema'

interface Props {
  projects: readonly Project[]
  scope: Filters['scope']
  onClose: () => void
  onCreated: (id: string) => void
  onError: (error: unknown) => void
}

export function NewIssue({ projects, scope, onClose, onCreated, onError }: Props) {
  const [project, setProject] = useState(scope.kind === 'project' ? scope.id : projects[0]?.id ?? '')
  const [title, setTitle] = useState('')
  const [description, setDescription] = useState('')
  const [status, setStatus] = useState('todo')
  const [priority, setPriority] = useState(0)
  const [isSaving, setIsSaving] = useState(false)
  const dialog = useRef<HTMLDialogElement>(null)
  // The page behind it cannot be reached meanwhile, and has the focus again where it was.
  useLayoutEffect(() => {
    const { current } = dialog
    current?.showModal()
    return () => current?.close()
  }, [])
  const submit = () => {
    if (title.trim() === '' || isSaving) return
    setIsSaving(true)
    createIssue({ project_id: project, title, description, status, priority, creator_id: ME })
      .then(({ id }) => { onCreated(id); onClose() }, error => { setIsSaving(false); onError(error) })
  }
  return (
    <dialog ref={dialog} className="dialog" aria-label="New issue" onMouseDown={e => { if (e.target === e.currentTarget) onClose() }}
      onCancel={e => { e.preventDefault(); onClose() }} onKeyDown={e => { e.stopPropagation(); if (e.key === 'Escape') { e.preventDefault(); onClose() } }}>
      <form onSubmit={e => { e.preventDefault(); submit() }}>
        <input className="dialog-title" aria-label="Title of the new issue" placeholder="Title" value={title} autoFocus onChange={e => setTitle(e.target.value)} />
        <textarea aria-label="Description of the new issue" placeholder="Description" rows={4} value={description} onChange={e => setDescription(e.target.value)}
          onKeyDown={e => { if (e.key === 'Enter' && (e.metaKey || e.ctrlKey)) submit() }} />
        <div className="dialog-row">
          <select className="choice" aria-label="Project" value={project} onChange={e => setProject(e.target.value)}>{projects.map(p => <option key={p.id} value={p.id}>{p.name}</option>)}</select>
          <select className="choice" aria-label="Status of the new issue" value={status} onChange={e => setStatus(e.target.value)}>{STATUSES.map(s => <option key={s.id} value={s.id}>{s.name}</option>)}</select>
          <select className="choice" aria-label="Priority of the new issue" value={priority} onChange={e => setPriority(Number(e.target.value))}>{PRIORITIES.map(p => <option key={p.id} value={p.id}>{p.name}</option>)}</select>
          <span className="spacer" />
          <button type="submit" className="primary" disabled={title.trim() === '' || isSaving}>Create</button>
        </div>
      </form>
    </dialog>
  )
}
