/** The page: what is chosen, what is open, and the keyboard. */
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import { Board } from './board'
import { useConnection } from './connection'
import { noteFlashes } from './flash'
import { IssueList } from './issue-list'
import { IssuePanel } from './issue-panel'
import { useKeyboard } from './keyboard'
import { useRows } from './live'
import { Loading } from './loading'
import { NewIssue } from './new-issue'
import { NO_FILTERS, issueList, projects, type Filters, type Sort } from './queries'
import type { ListedIssue, Project } from './schema'
import { Sidebar } from './sidebar'
import { StatusBar } from './status-bar'
import { Toolbar, type ViewKind } from './toolbar'

export function App() {
  const { phase } = useConnection()
  const rows = useRows(projects)
  // A reconnection is no reason to hide what is there.
  return rows.length === 0 && phase !== 'live' ? <Loading /> : <Tracker projects={rows} />
}

function Tracker({ projects: rows }: { projects: readonly Project[] }) {
  const [filters, setFilters] = useState<Filters>(NO_FILTERS)
  const [sort, setSort] = useState<Sort>({ column: 'updated_at', direction: 'desc' })
  const [view, setView] = useState<ViewKind>('list')
  const [selected, setSelected] = useState<{ id: string, at: number }>()
  const [openId, setOpenId] = useState<string>()
  const [isNewOpen, setIsNewOpen] = useState(false)
  // Where there is no room for the sidebar beside the issues.
  const [isMenuOpen, setIsMenuOpen] = useState(false)
  const [problem, setProblem] = useState<string>()
  const searchRef = useRef<HTMLInputElement>(null)
  const issuesRef = useRef<readonly ListedIssue[]>([])

  // Typing stays ahead of the queries it causes.
  const effective = useDeferredValue(filters)
  const byId = useMemo(() => new Map(rows.map(p => [p.id, p])), [rows])

  const onFilters = useCallback((change: Partial<Filters>) => {
    setFilters(f => ({ ...f, ...change }))
    setSelected(undefined)
  }, [])
  const onScope = useCallback((scope: Filters['scope']) => {
    onFilters({ scope })
    setIsMenuOpen(false)
  }, [onFilters])
  const onMenu = useCallback(() => setIsMenuOpen(true), [])
  const onOpen = useCallback((id: string, at?: number) => {
    setOpenId(id)
    if (at !== undefined) setSelected({ id, at })
  }, [])
  const onNew = useCallback(() => setIsNewOpen(true), [])
  const onClose = useCallback(() => setOpenId(undefined), [])
  const onError = useCallback((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)), [])

  useEffect(() => {
    if (problem === undefined) return
    const timer = setTimeout(() => setProblem(undefined), 6_000)
    return () => clearTimeout(timer)
  }, [problem])

  useKeyboard({
    step: by => setSelected(s => stepFrom(issuesRef.current, s, by)),
    open: () => { if (selected) setOpenId(selected.id) },
    close: () => { if (isNewOpen) setIsNewOpen(false); else if (isMenuOpen) setIsMenuOpen(false); else if (openId) setOpenId(undefined); else setSelected(undefined) },
    search: () => searchRef.current?.focus(),
    create: onNew,
  })

  const title = filters.scope.kind === 'all' ? 'All issues' : filters.scope.kind === 'mine' ? 'My issues' : byId.get(filters.scope.id)?.name ?? 'Project'
  return (
    <div className="app" data-panel={openId !== undefined || undefined} data-menu={isMenuOpen || undefined}>
      <Sidebar scope={filters.scope} onScope={onScope} onError={onError} />
      <main>
        <Interruption />
        <Toolbar title={title} filters={filters} counted={effective} sort={sort} view={view} searchRef={searchRef}
          onFilters={onFilters} onSort={setSort} onView={setView} onNew={onNew} onMenu={onMenu} />
        {view === 'list'
          ? <List filters={effective} sort={sort} projects={byId} selected={selected} openId={openId} issuesRef={issuesRef} onSort={setSort} onOpen={onOpen} />
          : <Board filters={effective} sort={sort} projects={byId} openId={openId} onOpen={onOpen} onError={onError} />}
      </main>
      {openId !== undefined && <IssuePanel key={openId} id={openId} onClose={onClose} onError={onError} />}
      <StatusBar />
      {isMenuOpen && <div className="menu-backdrop" onClick={() => setIsMenuOpen(false)} />}
      {isNewOpen && <NewIssue projects={rows} scope={filters.scope} onClose={() => setIsNewOpen(false)} onCreated={onOpen} onError={onError} />}
      {problem !== undefined && <div className="toast" role="alert">{problem}</div>}
    </div>
  )
}

/** Says so when what is shown may be old. */
function Interruption() {
  const { phase, isDatabaseConnected, error } = useConnection()
  if (phase === 'live' && isDatabaseConnected) return null
  return (
    <p className="interruption" role="status" title={error}>
      {phase === 'live' ? 'The server has lost its database. What you see is the last known state; it goes on as soon as the database is back.'
        : phase === 'failed' ? `The feed stopped: ${error ?? 'unknown reason'}. Reload the page to go on.`
          : 'The connection is interrupted. What you see is the last known state; it goes on from there as soon as the server is back.'}
    </p>
  )
}

interface ListProps {
  filters: Filters
  sort: Sort
  projects: ReadonlyMap<string, Project>
  selected: { id: string, at: number } | undefined
  openId: string | undefined
  issuesRef: React.RefObject<readonly ListedIssue[]>
  onSort: (sort: Sort) => void
  onOpen: (id: string, at: number) => void
}

function List({ filters, sort, issuesRef, ...rest }: ListProps) {
  const list = useMemo(() => issueList(filters, sort), [filters, sort])
  const issues = list.issuesOf(useRows(list.query, diff => noteFlashes(diff, list.depth)))
  useEffect(() => { issuesRef.current = issues })
  return <IssueList issues={issues} sort={sort} {...rest} />
}

/** The neighbour of the selected issue, which may have moved since it was selected: it is looked for near its old place first. */
function stepFrom(issues: readonly ListedIssue[], selected: { id: string, at: number } | undefined, by: number): { id: string, at: number } | undefined {
  if (issues.length === 0) return undefined
  let at = by > 0 ? -1 : issues.length
  if (selected) {
    at = selected.at
    for (let d = 0; d < 300; d++) {
      if (issues[selected.at - d]?.id === selected.id) { at = selected.at - d; break }
      if (issues[selected.at + d]?.id === selected.id) { at = selected.at + d; break }
    }
  }
  const next = Math.max(0, Math.min(issues.length - 1, at + by))
  return { id: issues[next].id, at: next }
}
