/** Where to look: everything, mine, or one project, each with its live count; and the busy team. */
import { memo } from 'react'
import { setBusyRate } from './api'
import { useConnection } from './connection'
import { grouped } from './format'
import { isCalm } from './flash'
import { Logo } from './icons'
import { useRows } from './live'
import { myOpenCount, openCounts, projects, type Filters } from './queries'

const RATES = [0, 1, 10, 100, 1000]
const DEMOS = ['graph', 'projections', 'reducer', 'posts', 'quotes']

interface Props {
  scope: Filters['scope']
  onScope: (scope: Filters['scope']) => void
  onError: (error: unknown) => void
}

export const Sidebar = memo(function Sidebar({ scope, onScope, onError }: Props) {
  const all = useRows(projects)
  const counts = useRows(openCounts)
  const mine = useRows(myOpenCount)
  const countOf = new Map(counts.map(c => [c.project_id, c.n]))
  const total = counts.reduce((sum, c) => sum + c.n, 0)
  return (
    <nav className="sidebar" aria-label="Projects">
      <header><Logo /><strong>Eddyline</strong><span className="muted">issues</span></header>
      <Entry name="All issues" count={total} isCurrent={scope.kind === 'all'} onClick={() => onScope({ kind: 'all' })} />
      <Entry name="My issues" count={mine[0]?.n ?? 0} isCurrent={scope.kind === 'mine'} onClick={() => onScope({ kind: 'mine' })} />
      <h2>Projects</h2>
      <div className="projects">
        {all.map(p => (
          <Entry key={p.id} name={p.name} color={p.color} count={countOf.get(p.id) ?? 0} isCurrent={scope.kind === 'project' && scope.id === p.id}
            onClick={() => onScope({ kind: 'project', id: p.id })} />
        ))}
      </div>
      <BusyTeam onError={onError} />
      <nav className="more" aria-label="More demos">More: {DEMOS.map(name => <a key={name} href={`/demos/${name}/`}>{name}</a>)}<a href="/bench/">bench</a></nav>
    </nav>
  )
})

const Entry = memo(function Entry({ name, color, count, isCurrent, onClick }: { name: string, color?: string, count: number, isCurrent: boolean, onClick: () => void }) {
  return (
    <button type="button" className="entry" aria-current={isCurrent || undefined} onClick={onClick}>
      {color ? <i className="dot" style={{ background: color }} /> : <i className="dot plain" />}
      <span>{name}</span>
      <small key={isCalm() ? count : undefined} className="count">{grouped(count)}</small>
    </button>
  )
}, (a, b) => a.name === b.name && a.count === b.count && a.isCurrent === b.isCurrent && a.color === b.color)

function BusyTeam({ onError }: { onError: (error: unknown) => void }) {
  const { busyRate, phase } = useConnection()
  return (
    <section className="busy" aria-label="Busy team">
      <h2>Busy team</h2>
      <p>Made-up colleagues who write this many changes a second into the database.</p>
      <div className="segments" role="radiogroup" aria-label="Changes per second">
        {RATES.map(rate => (
          <button key={rate} type="button" role="radio" aria-checked={busyRate === rate} disabled={phase !== 'live'} data-rate={rate}
            onClick={() => void setBusyRate(rate).catch(onError)}>{rate === 0 ? 'Off' : grouped(rate)}</button>
        ))}
      </div>
    </section>
  )
}
