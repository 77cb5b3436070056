/** What goes on underneath: the connection, and what changes cost the engine. */
import { useConnection } from './connection'
import { grouped, megabytes } from './format'
import { useMetrics } from './metrics'

export function StatusBar() {
  const connection = useConnection()
  const m = useMetrics()
  const { phase, isDatabaseConnected } = connection
  const name = phase === 'live' ? (isDatabaseConnected ? 'Live' : 'Database away') : phase === 'loading' ? 'Loading' : phase === 'failed' ? 'Stopped' : 'Reconnecting …'
  return (
    <footer className="status-bar" aria-label="Engine">
      <span className="connection" data-phase={phase === 'live' && !isDatabaseConnected ? 'away' : phase} data-testid="connection" title={connection.error}><i />{name}</span>
      {connection.database && <span className="muted">{connection.database === 'embedded' ? 'embedded PostgreSQL' : 'PostgreSQL, logical replication'}</span>}
      <span className="spacer" />
      <Figure name="changes/s" value={m.changesPerSecond < 10 ? m.changesPerSecond.toFixed(1) : grouped(Math.round(m.changesPerSecond))} id="rate" />
      <Figure name="versions/s" value={m.versionsPerSecond.toFixed(m.versionsPerSecond < 10 ? 1 : 0)} id="versions" />
      <Figure name="µs/change" value={m.microsPerChange === undefined ? '–' : m.microsPerChange.toFixed(m.microsPerChange < 10 ? 1 : 0)} id="micros" title="Time inside the engine for each changed row, all live queries of this page included" />
      <Figure name="patches/change" value={m.patchesPerChange === undefined ? '–' : m.patchesPerChange.toFixed(1)} id="patches" title="Patches that the live queries of this page were handed for each changed row" />
      <Figure name="rows" value={grouped(m.rows)} id="rows" />
      <Figure name="engine memory" value={megabytes(m.bytes)} id="memory" />
      <Figure name="version" value={grouped(m.version)} id="version" />
    </footer>
  )
}

function Figure({ name, value, id, title }: { name: string, value: string, id: string, title?: string }) {
  return <span className="figure" title={title}><b data-testid={id}>{value}</b> {name}</span>
}
