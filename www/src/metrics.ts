/** What the engine did lately, measured at every version and read a few times a second. */
import { useEffect, useState } from 'react'
import { useDatabase } from 'eddyline/react'

export interface Metrics {
  changesPerSecond: number
  versionsPerSecond: number
  /** Microseconds inside the engine for each changed row, over the last second. */
  microsPerChange: number | undefined
  rows: number
  version: number
  bytes: number | undefined
}

interface Sample { at: number, applied: number, micros: number }

const WINDOW_MS = 2_000
const READ_MS = 300

/** The snapshot is a change of a hundred thousand rows; it would hide what single changes cost. */
const LARGEST = 5_000

export function useMetrics(): Metrics {
  const db = useDatabase()
  const [metrics, setMetrics] = useState<Metrics>({ changesPerSecond: 0, versionsPerSecond: 0, microsPerChange: undefined, rows: 0, version: 0, bytes: undefined })
  useEffect(() => {
    let samples: Sample[] = []
    let last: number | undefined
    const stop = db.subscribe(({ applied, micros }) => {
      if (applied > 0 && applied < LARGEST) samples.push({ at: performance.now(), applied, micros })
    })
    const timer = setInterval(() => {
      const now = performance.now()
      samples = samples.filter(s => now - s.at < WINDOW_MS)
      const applied = samples.reduce((sum, s) => sum + s.applied, 0)
      const micros = samples.reduce((sum, s) => sum + s.micros, 0)
      if (applied > 0) last = micros / applied
      const { rows, bytes } = holdings(db.stats())
      setMetrics({
        changesPerSecond: applied / (WINDOW_MS / 1000), versionsPerSecond: samples.length / (WINDOW_MS / 1000),
        microsPerChange: last, rows, version: db.version, bytes,
      })
    }, READ_MS)
    return () => {
      stop()
      clearInterval(timer)
    }
  }, [db])
  return metrics
}

/** Rows and memory out of the engine's own account. */
function holdings(stats: any): { rows: number, bytes: number | undefined } {
  const tables: any[] = Array.isArray(stats.tables) ? stats.tables : Object.values(stats.tables ?? {})
  return { rows: tables.reduce((sum: number, t) => sum + (typeof t === 'number' ? t : Number(t?.rows ?? 0)), 0), bytes: stats.memory?.bytes ?? stats.memory ?? stats.memoryBytes }
}
