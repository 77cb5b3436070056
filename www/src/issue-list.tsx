/** The whole result as a list; only what is in sight has elements. */
import { memo, useEffect, useRef, type RefObject } from 'react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useTick } from './clock'
import { flashOf } from './flash'
import { ago } from './format'
import { Avatar, LabelChip, PriorityIcon, StatusIcon } from './icons'
import type { Sort, SortColumn } from './queries'
import type { Label, ListedIssue, Project } from './schema'

const ROW_HEIGHT = 40
const rowId = (at: number) => `row-${at}`
const SHOWN_LABELS = 2

interface Props {
  issues: readonly ListedIssue[]
  projects: ReadonlyMap<string, Project>
  sort: Sort
  selected: { id: string, at: number } | undefined
  openId: string | undefined
  onSort: (sort: Sort) => void
  onOpen: (id: string, at: number) => void
}

/**
 * Where rows are. A function of its own: the virtualizer keeps what it was first given as long as it lives, and with it all that was in sight of it;
 * in the component that would be the first list of issues, every row of which is then kept as it was.
 */
function usePlaces(count: number, scroller: RefObject<HTMLDivElement | null>) {
  return useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => ROW_HEIGHT, overscan: 6, useFlushSync: false })
}

export function IssueList({ issues, projects, sort, selected, openId, onSort, onOpen }: Props) {
  const tick = useTick()
  const scroller = useRef<HTMLDivElement>(null)
  const virtualizer = usePlaces(issues.length, scroller)
  const at = selected?.at
  useEffect(() => {
    if (at !== undefined) virtualizer.scrollToIndex(at, { align: 'auto' })
  }, [at, virtualizer])

  const toggle = (column: SortColumn) => onSort({ column, direction: sort.column === column && sort.direction === 'asc' ? 'desc' : 'asc' })
  const heading = (column: SortColumn, name: string) => (
    <button type="button" className={`heading ${column}`} aria-pressed={sort.column === column} onClick={() => toggle(column)}>
      {name}{sort.column === column && <span> {sort.direction === 'asc' ? '↑' : '↓'}</span>}
    </button>
  )
  return (
    <div className="list">
      <div className="headings">
        {heading('priority', 'Priority')}<span className="heading id">ID</span>{heading('title', 'Title')}
        <span className="spacer" />{heading('created_at', 'Created')}{heading('updated_at', 'Updated')}
      </div>
      {issues.length === 0 && <p className="empty">No issue fits these filters.</p>}
      <div className="scroller" ref={scroller} data-testid="list" role="listbox" aria-label="Issues" tabIndex={0} hidden={issues.length === 0}
        aria-activedescendant={selected && issues[selected.at]?.id === selected.id ? rowId(selected.at) : undefined}>
        <div className="runway" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const issue = issues[index]
            return issue && (
              // The key is the place, not the issue: when a busy team reorders the list, elements are filled anew, not made anew.
              <IssueRow key={index} issue={issue} at={index} top={start} project={projects.get(issue.project_id)}
                isSelected={selected?.id === issue.id} isOpen={openId === issue.id} flash={flashOf(issue.id)} tick={tick} onOpen={onOpen} />
            )
          })}
        </div>
      </div>
    </div>
  )
}

function Labels({ labels }: { labels: readonly Label[] }) {
  return (
    <span className="chips">
      {labels.slice(0, SHOWN_LABELS).map(label => <LabelChip key={label.id} label={label} />)}
      {labels.length > SHOWN_LABELS && <span className="label-chip" title={labels.map(l => l.name).join(', ')}>+{labels.length - SHOWN_LABELS}</span>}
    </span>
  )
}

interface RowProps {
  issue: ListedIssue
  at: number
  top: number
  project: Project | undefined
  isSelected: boolean
  isOpen: boolean
  flash: number | undefined
  tick: number
  onOpen: (id: string, at: number) => void
}

/** Rendered again only when its row object is another one: rows that did not change keep theirs. */
const IssueRow = memo(function IssueRow({ issue, at, top, project, isSelected, isOpen, flash, onOpen }: RowProps) {
  return (
    <div className="row" id={rowId(at)} role="option" aria-selected={isSelected} data-id={issue.id} data-selected={isSelected || undefined} data-open={isOpen || undefined}
      style={{ transform: `translateY(${top}px)` }} onClick={() => onOpen(issue.id, at)}>
      {flash !== undefined && <span key={flash} className="flash" />}
      <PriorityIcon priority={issue.priority} />
      <span className="id">{project?.key}-{issue.number}</span>
      <StatusIcon status={issue.status} />
      <span className="title">{issue.title}</span>
      <Labels labels={issue.labels} />
      <Avatar user={issue.assignee} />
      <time>{ago(issue.created_at)}</time>
      <time>{ago(issue.updated_at)}</time>
    </div>
  )
}, (a, b) => a.issue === b.issue && a.at === b.at && a.tick === b.tick && a.top === b.top && a.project === b.project && a.isSelected === b.isSelected
  && a.isOpen === b.isOpen && (b.flash === undefined || a.flash === b.flash) && a.onOpen === b.onOpen)
