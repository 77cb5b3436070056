/** Search, filters, order and view. All of it only makes another query. */
import { memo, type RefObject } from 'react'
import { grouped } from './format'
import { useRows } from './live'
import { NO_FILTERS, labels, statusCounts, users, type Filters, type Sort, type SortColumn } from './queries'
import { PRIORITIES, STATUSES, type Status } from './schema'

export type ViewKind = 'list' | 'board'

interface Props {
  title: string
  filters: Filters
  /** The filters that the list shows already; they follow while one types. */
  counted: Filters
  sort: Sort
  view: ViewKind
  searchRef: RefObject<HTMLInputElement | null>
  onFilters: (change: Partial<Filters>) => void
  onSort: (sort: Sort) => void
  onView: (view: ViewKind) => void
  onNew: () => void
  onMenu: () => void
}

export const Toolbar = memo(function Toolbar({ title, counted, filters, sort, view, searchRef, onFilters, onSort, onView, onNew, onMenu }: Props) {
  const people = useRows(users)
  const tags = useRows(labels)
  const isFiltered = filters.search !== '' || filters.status !== '' || filters.priority !== '' || filters.assignee !== '' || filters.label !== ''
  return (
    <header className="toolbar">
      <div className="toolbar-row">
        <button type="button" className="icon-button menu-button" aria-label="Projects and demos" onClick={onMenu}>
          <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" aria-hidden="true"><path d="M2 4h12M2 8h12M2 12h12" /></svg>
        </button>
        <h1>{title}</h1>
        <Total filters={counted} />
        <div className="search">
          <svg width="14" height="14" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.6" aria-hidden="true"><circle cx="7" cy="7" r="4.6" /><path d="m10.6 10.6 3.2 3.2" strokeLinecap="round" /></svg>
          <input ref={searchRef} type="search" placeholder="Search titles" aria-label="Search titles" value={filters.search}
            onChange={e => onFilters({ search: e.target.value })} />
          <kbd>/</kbd>
        </div>
        <div className="segments" role="radiogroup" aria-label="View">
          <button type="button" role="radio" aria-checked={view === 'list'} onClick={() => onView('list')}>List</button>
          <button type="button" role="radio" aria-checked={view === 'board'} onClick={() => onView('board')}>Board</button>
        </div>
        <button type="button" className="primary" onClick={onNew}>New issue <kbd>c</kbd></button>
      </div>
      <div className="toolbar-row filters">
        <Choice label="Status" value={filters.status} onChange={v => onFilters({ status: v as Status | 'open' | '' })}
          options={[['open', 'All open'], ...STATUSES.map(s => [s.id, s.name] as const)]} />
        <Choice label="Priority" value={String(filters.priority)} onChange={v => onFilters({ priority: v === '' ? '' : Number(v) })}
          options={PRIORITIES.map(p => [String(p.id), p.name] as const)} />
        <Choice label="Assignee" value={filters.assignee} onChange={v => onFilters({ assignee: v })}
          options={[['nobody', 'Nobody'], ...people.map(u => [u.id, u.name] as const)]} />
        <Choice label="Label" value={filters.label} onChange={v => onFilters({ label: v })} options={tags.map(l => [l.id, l.name] as const)} />
        {isFiltered && <button type="button" className="clear" onClick={() => onFilters({ ...NO_FILTERS, scope: filters.scope })}>Clear</button>}
        <span className="spacer" />
        <label className="order">
          <span>Order</span>
          <select value={sort.column} onChange={e => onSort({ column: e.target.value as SortColumn, direction: e.target.value === 'title' || e.target.value === 'priority' ? 'asc' : 'desc' })}>
            <option value="updated_at">Updated</option><option value="created_at">Created</option>
            <option value="priority">Priority</option><option value="title">Title</option>
          </select>
        </label>
        <button type="button" className="direction" aria-label={sort.direction === 'asc' ? 'Ascending' : 'Descending'}
          onClick={() => onSort({ ...sort, direction: sort.direction === 'asc' ? 'desc' : 'asc' })}>{sort.direction === 'asc' ? '↑' : '↓'}</button>
      </div>
    </header>
  )
})

/** How many issues the filters leave: a sum of the counts that the board shows. Apart, for it changes all the time. */
function Total({ filters }: { filters: Filters }) {
  const counts = useRows(root => statusCounts(root, filters))
  return <span className="total" data-testid="total">{grouped(counts.reduce((sum, c) => sum + c.n, 0))}</span>
}

/** A filter that shows what it is set to. */
function Choice({ label, value, options, onChange }: { label: string, value: string, options: readonly (readonly [string, string])[], onChange: (value: string) => void }) {
  return (
    <select className="choice" aria-label={label} data-set={value !== '' || undefined} value={value} onChange={e => onChange(e.target.value)}>
      <option value="">{label}</option>
      {options.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
    </select>
  )
}
