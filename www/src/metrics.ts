/** What the engine did lately, measured at every version and read a few times a second. */
import { useEffect, useState } from 'react'
import type { EngineStats } from 'eddyline'
import { useDatabase } from 'eddyline/react'

export interface Metrics {
  changesPerSecond: number
  versionsPerSecond: number
  /** Microseconds inside the engine for each changed row, over the last second. */
  microsPerChange: number | undefined
  /** Patches handed to the live queries of this page for each changed row. */
  patchesPerChange: number | undefined
  rows: number
  version: number
  /** Memory of the WebAssembly instance. */
  bytes: number
}

interface Sample { at: number, applied: number, micros: number, patches: number }

const WINDOW_MS = 2_000
const READ_MS = 300

/** The snapshot is a change of a hundred thousand rows; it would hide what single changes cost. */
const LARGEST = 5_000

let patches = 0

/** Live queries tell what they were handed; it belongs to the version that is told next. */
export function countPatches(n: number): void {
  patches += n
}

export function useMetrics(): Metrics {
  const db = useDatabase()
  const [metrics, setMetrics] = useState<Metrics>({ changesPerSecond: 0, versionsPerSecond: 0, microsPerChange: undefined, patchesPerChange: undefined, rows: 0, version: 0, bytes: 0 })
  useEffect(() => {
    let samples: Sample[] = []
    let lastMicros: number | undefined
    let lastPatches: number | undefined
    // Called after the live queries of the version.
    const stop = db.subscribe(({ applied, micros }) => {
      if (applied > 0 && applied < LARGEST) samples.push({ at: performance.now(), applied, micros, patches })
      patches = 0
    })
    const timer = setInterval(() => {
      const now = performance.now()
      samples = samples.filter(s => now - s.at < WINDOW_MS)
      const applied = samples.reduce((sum, s) => sum + s.applied, 0)
      if (applied > 0) {
        lastMicros = samples.reduce((sum, s) => sum + s.micros, 0) / applied
        lastPatches = samples.reduce((sum, s) => sum + s.patches, 0) / applied
      }
      const { rows, bytes } = holdings(db.stats())
      setMetrics({
        changesPerSecond: applied / (WINDOW_MS / 1000), versionsPerSecond: samples.length / (WINDOW_MS / 1000),
        microsPerChange: lastMicros, patchesPerChange: lastPatches, rows, version: db.version, bytes,
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
function holdings(stats: EngineStats): { rows: number, bytes: number } {
  const { tables, wasmBytes } = stats as { tables: { rows: number }[], wasmBytes: number }
  return { rows: tables.reduce((sum, t) => sum + t.rows, 0), bytes: wasmBytes }
}
