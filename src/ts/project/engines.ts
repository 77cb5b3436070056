import { EddylineError } from '../errors.js'
import { checkRows } from './checks.js'
import type { Lens } from './lens.js'
import type { OnConflict, Projection, Transaction } from './definition.js'
import { type Rows } from './rows.js'

/** Something that `derive` asked for. */
export type Operation = { readonly op: 'materialize'; readonly rows: readonly object[]; readonly onConflict?: OnConflict } | { readonly op: 'dematerialize'; readonly lens: Lens }

/** One `derive` to run: its inputs, all of one version. */
export interface Job {
  readonly projection: Projection
  readonly lens: Lens
  /** Its place in the plan, from 0. */
  readonly level: number
  readonly inputs: { readonly [name: string]: Rows }
  readonly signal: AbortSignal
  /** Runs it here. */
  run(): readonly Operation[] | Promise<readonly Operation[]>
}

/** What runs jobs. Jobs of one level are given to it together; what it returns is committed in the order of the plan. */
export interface Engine {
  /** Takes a job: a token to ask with. */
  exec(job: Job): unknown
  /** What came of it: what `job.run()` gave. */
  fetch(token: any): readonly Operation[] | Promise<readonly Operation[]>
}
export type EngineName = 'inline' | 'microtask'

/** Jobs run where they are asked for: a synchronous `derive` is done when `project` returns. */
const inline: Engine = { exec: job => job.run(), fetch: outcome => outcome }
/** Jobs run when the present task is done. */
const microtask: Engine = { exec: job => Promise.resolve().then(() => job.run()), fetch: outcome => outcome }

export function engineOf(given: EngineName | Engine): Engine {
  if (given === 'inline') return inline
  if (given === 'microtask') return microtask
  if (typeof given?.exec === 'function' && typeof given.fetch === 'function') return given
  throw new EddylineError('PROJECTION_INVALID', "an engine is 'inline', 'microtask', what `workers` makes, or { exec, fetch }", { offending: String(given), path: 'engine' })
}

export const isPromise = (value: unknown): value is Promise<any> => typeof (value as { then?: unknown } | null)?.then === 'function'

/** Calls `derive` and records what it asks for. */
export function derive(projection: Projection, inputs: object, l: Lens, signal: AbortSignal, lensOf: (given: any) => Lens): readonly Operation[] | Promise<readonly Operation[]> {
  const operations: Operation[] = []
  let open = true
  const within = (what: string): void => {
    if (!open) throw new EddylineError('OUTSIDE_DERIVE', `\`${what}\` of \`${projection.name}\` is for its \`derive\`, which has returned`, { offending: what })
  }
  const tx: Transaction = {
    materialize(rows, options) {
      within('materialize')
      const list = Symbol.iterator in Object(rows) && typeof rows !== 'string' ? [...rows as Iterable<object>] : [rows as object]
      checkRows(list, options, projection.name)
      operations.push(options?.onConflict === undefined ? { op: 'materialize', rows: list } : { op: 'materialize', rows: list, onConflict: options.onConflict })
    },
    dematerialize(given) {
      within('dematerialize')
      if (projection.options.dematerialize === false) throw new EddylineError('DEMATERIALIZE_OFF', `\`${projection.name}\` does not dematerialize`, { offending: projection.name })
      if (given === undefined || given === null) throw new EddylineError('LENS_INVALID', '`dematerialize` takes a lens', { path: 'lens' })
      operations.push({ op: 'dematerialize', lens: lensOf(given) })
    },
  }
  let returned: unknown
  try { returned = projection.options.derive({ inputs, lens: l, tx, signal }) } catch (error) { open = false; throw error }
  if (!isPromise(returned)) { open = false; return operations }
  return returned.then(() => { open = false; return operations }, error => { open = false; throw error })
}
