import type { EddylineError } from '../errors.js'
import type { Engine, EngineName } from './engines.js'

export interface ProjectionsOptions {
  /** What runs functions, unless they or the call say otherwise: `'microtask'` by default. */
  engine?: EngineName | Engine | undefined
  /** Whose rows, for tenanted tables: each tenant has projections of its own. */
  tenant?: string | undefined
  /** False: runs are not put on the timeline of the page by `performance.measure`. */
  measure?: boolean | undefined
  /** How often a function may run because of what it has changed itself, without anything from outside: 100 by default, then MAX_ROUNDS. */
  maxRounds?: number | undefined
  /** Gets errors that have no caller: of views, and of functions that ran because their inputs changed. By default they are reported as uncaught. */
  onError?: ((error: unknown) => void) | undefined
  /** Gets EMPTY_LENS; by default it goes to the console. */
  onWarning?: ((warning: EddylineError) => void) | undefined
}

export interface ProjectOptions {
  engine?: EngineName | Engine | undefined
  timeoutMs?: number | undefined
  /** No warning where the lens is empty and everything runs. */
  allowEmptyFilters?: boolean | undefined
  /** For tests: only this projection runs, and reads the tables of its inputs as they are. It does not stay live. */
  skipDependencies?: boolean | undefined
  /** False: run once; its functions do not run again when their inputs change. */
  live?: boolean | undefined
  ignoreUnknown?: boolean | undefined
}

/** How a projection is, or with a lens one scope of it. */
export interface ProjectionStatus {
  /** `'idle'`: no lens of it is live. `'stale'`: inputs have changed, and it will run. `'waiting'`: another tab runs it. */
  readonly status: 'ready' | 'idle' | 'stale' | 'error' | 'paused' | 'waiting'
  readonly error?: unknown
}
