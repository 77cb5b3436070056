/** The same issues by status: each column is a live query with a limit, each number a live count. */
import { memo, useMemo, useState } from 'react'
import { updateIssue } from './api'
import { useTick } from './clock'
import { flashOf, noteFlashes } from './flash'
import { ago, grouped } from './format'
import { Avatar, LabelChip, PriorityIcon, StatusIcon } from './icons'
import { useRows } from './live'
import { issueList, statusCounts, type Filters, type Sort } from './queries'
import { STATUSES, type ListedIssue, type Project, type Status } from './schema'

const CARDS = 40
const DRAGGED = 'application/x-issue-id'

interface Props {
  filters: Filters
  sort: Sort
  projects: ReadonlyMap<string, Project>
  openId: string | undefined
  onOpen: (id: string) => void
  onError: (error: unknown) => void
}

export function Board({ filters, ...rest }: Props) {
  const rows = useRows(root => statusCounts(root, filters))
  const countOf = new Map(rows.map(r => [r.status, r.n]))
  const columns = STATUSES.filter(s => filters.status === '' || filters.status === s.id || (filters.status === 'open' && s.id !== 'done' && s.id !== 'canceled'))
  return (
    <div className="board" data-testid="board">
      {columns.map(s => <Column key={s.id} status={s.id} name={s.name} count={countOf.get(s.id) ?? 0} filters={filters} {...rest} />)}
    </div>
  )
}

interface ColumnProps extends Props { status: Status, name: string, count: number }

const Column = memo(function Column({ status, name, count, filters, sort, projects, openId, onOpen, onError }: ColumnProps) {
  const tick = useTick()
  const [isTarget, setIsTarget] = useState(false)
  const list = useMemo(() => issueList({ ...filters, status }, sort, CARDS), [filters, status, sort])
  const issues = list.issuesOf(useRows(list.query, diff => noteFlashes(diff, list.depth)))
  return (
    <section className="column" aria-label={name} data-status={status} data-target={isTarget || undefined}
      onDragOver={e => { if (e.dataTransfer.types.includes(DRAGGED)) { e.preventDefault(); setIsTarget(true) } }}
      onDragLeave={() => setIsTarget(false)}
      onDrop={e => {
        setIsTarget(false)
        void updateIssue(e.dataTransfer.getData(DRAGGED), { status }).catch(onError)
      }}>
      <header><StatusIcon status={status} /><strong>{name}</strong><small className="count">{grouped(count)}</small></header>
      <div className="cards">
        {issues.map(issue => (
          <Card key={issue.id} issue={issue} project={projects.get(issue.project_id)} isOpen={openId === issue.id} flash={flashOf(issue.id)} tick={tick} onOpen={onOpen} />
        ))}
        {count > issues.length && issues.length > 0 && <p className="more">and {grouped(count - issues.length)} more</p>}
      </div>
    </section>
  )
})

const Card = memo(function Card({ issue, project, isOpen, flash, onOpen }: { issue: ListedIssue, project: Project | undefined, isOpen: boolean, flash: number | undefined, tick: number, onOpen: (id: string) => void }) {
  return (
    <div className="card" role="button" tabIndex={0} draggable data-id={issue.id} data-open={isOpen || undefined} onClick={() => onOpen(issue.id)}
      onKeyDown={e => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); onOpen(issue.id) } }}
      onDragStart={e => e.dataTransfer.setData(DRAGGED, issue.id)}>
      {flash !== undefined && <span key={flash} className="flash" />}
      <div className="card-head"><span className="id">{project?.key}-{issue.number}</span><Avatar user={issue.assignee} size={18} /></div>
      <div className="card-title">{issue.title}</div>
      <div className="card-foot">
        <PriorityIcon priority={issue.priority} />
        <span className="chips">{issue.labels.slice(0, 2).map(label => <LabelChip key={label.id} label={label} />)}</span>
        <time>{ago(issue.updated_at)}</time>
      </div>
    </div>
  )
}, (a, b) => a.issue === b.issue && a.tick === b.tick && a.project === b.project && a.isOpen === b.isOpen && (b.flash === undefined || a.flash === b.flash) && a.onOpen === b.onOpen)
