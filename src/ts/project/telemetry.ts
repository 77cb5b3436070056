import { report } from '../dispatch.js'

/** A part of a run: `project` has levels, these have one `derive` for each projection, and that what it wrote. */
export type SpanName = 'project' | 'level' | 'derive' | 'materialize' | 'dematerialize'

/** What is known of a part of a run when it begins, has ended, or has failed. */
export interface Span {
  readonly event: SpanName
  readonly phase: 'start' | 'stop' | 'error'
  readonly projection: string
  /** The lens as text. */
  readonly lens: string
  /** Place in the plan, from 0; of levels and what is in them. */
  readonly level?: number
  readonly rowsIn?: number
  readonly rowsOut?: number
  /** Rows that are other than before. */
  readonly changed?: number
  readonly ms?: number
  /** The version that was read; of a `project` that has ended, the one that it made. */
  readonly version?: number
  readonly error?: unknown
}
export type SpanListener = (span: Span) => void
type About = Pick<Span, 'projection' | 'lens' | 'level' | 'version'>
type Outcome = Pick<Span, 'rowsIn' | 'rowsOut' | 'changed' | 'version'>

/** A span that has begun. */
export interface Open { stop(outcome: Outcome): void; fail(error: unknown): void }

/** Measures on the timeline of the page are cleared after so many. */
const KEPT = 2000
const NAMES: readonly SpanName[] = ['project', 'level', 'derive', 'materialize', 'dematerialize']

/** Tells the spans of runs, and puts them on the timeline: `performance.getEntriesByName('eddyline.derive')`. */
export class Telemetry {
  #listeners: readonly SpanListener[] = []
  #measured = 0

  constructor(readonly measure: boolean, readonly onError: ((error: unknown) => void) | undefined) {}

  subscribe(fn: SpanListener): () => void {
    const listener: SpanListener = span => { fn(span) }
    this.#listeners = [...this.#listeners, listener]
    return () => { this.#listeners = this.#listeners.filter(l => l !== listener) }
  }

  begin(event: SpanName, about: About): Open {
    const begun = performance.now()
    this.#tell({ event, phase: 'start', ...about })
    const end = (phase: 'stop' | 'error', more: object): void => {
      const now = performance.now()
      const span: Span = { event, phase, ...about, ms: now - begun, ...more }
      if (this.measure) this.#measure(span, begun, now)
      this.#tell(span)
    }
    return { stop: outcome => { end('stop', outcome) }, fail: error => { end('error', { error }) } }
  }

  #measure(span: Span, start: number, end: number): void {
    if (++this.#measured > KEPT) {
      this.#measured = 1
      for (const name of NAMES) performance.clearMeasures(`eddyline.${name}`)
    }
    const { event, error, ...detail } = span
    performance.measure(`eddyline.${event}`, { start, end, detail: error === undefined ? detail : { ...detail, error: String((error as Error)?.message ?? error) } })
  }

  #tell(span: Span): void { for (const fn of this.#listeners) try { fn(span) } catch (error) { report(error, this.onError) } }
}
