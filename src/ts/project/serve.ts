import { EddylineError } from '../errors.js'
import { shown, wrong } from '../option-kinds.js'
import { checkRegistered } from './checks.js'
import { CHUNK, type Channel, type ErrorMessage, type FromWorker, type ToWorker, listen } from './channel.js'
import type { Projection } from './definition.js'
import { derive } from './engines.js'
import { type Lens, lens as lensOf, restored, stored } from './lens.js'
import { rowsOf } from './rows.js'

interface Running { readonly projection: string; readonly lens: Lens; readonly inputs: Map<string, object[]>; readonly abort: AbortController }

/**
 * Runs the functions of projections in this worker, for the engine that `workers` made.
 *
 * ```ts
 * // projections.worker.ts
 * import { serve } from 'eddyline/project'
 * import { Letters, Digests } from './projections'
 * serve([Letters, Digests])
 * ```
 * `channel`: `parentPort` under Node; the worker's own scope by default. It needs no engine and loads none.
 */
export function serve(definitions: readonly Projection<any, string, any>[], channel: Channel = globalThis as unknown as Channel): void {
  if (!Array.isArray(definitions)) throw wrong('PROJECTION_INVALID', `\`serve\` takes a list of projections, not ${shown(definitions)}`, 'definitions', shown(definitions))
  checkRegistered(definitions)
  const known = new Map(definitions.map(d => [d.name, d]))
  const jobs = new Map<number, Running>()
  const post = (message: FromWorker): void => { channel.postMessage(message) }
  listen(channel, (m: ToWorker) => {
    if (m.t === 'job') {
      jobs.set(m.id, { projection: m.projection, lens: restored(m.lens), inputs: new Map(m.inputs.map(name => [name, []])), abort: new AbortController() })
      return
    }
    const job = jobs.get(m.id)
    if (job === undefined) return
    if (m.t === 'rows') { const list = job.inputs.get(m.input)!; for (const row of m.rows) list.push(row) }
    else if (m.t === 'abort') { jobs.delete(m.id); job.abort.abort() }
    else void run(m.id, job)
  })
  const run = async (id: number, job: Running): Promise<void> => {
    try {
      const definition = known.get(job.projection)
      if (definition === undefined) throw new EddylineError('UNKNOWN_PROJECTION', `the worker does not serve \`${job.projection}\`: serve([…])`, { offending: job.projection })
      const inputs = Object.fromEntries([...job.inputs].map(([name, rows]) => [name, rowsOf(rows)]))
      const operations = await derive(definition, inputs, job.lens, job.abort.signal, given => typeof given?.key === 'string' && Array.isArray(given.filters) ? given : lensOf(given))
      for (const o of operations) {
        if (o.op === 'dematerialize') {
          const lens = stored(o.lens)
          if (lens === undefined) throw new EddylineError('LENS_INVALID', 'a lens with a reducer cannot leave a worker', { path: 'lens' })
          post({ t: 'lens', id, lens })
        } else {
          for (let i = 0; i < Math.max(o.rows.length, 1); i += CHUNK) post({ t: 'rows', id, rows: o.rows.slice(i, i + CHUNK), ...(o.onConflict === undefined ? {} : { onConflict: o.onConflict }) })
        }
      }
      post({ t: 'done', id })
    } catch (error) { post({ t: 'failed', id, error: described(error) }) } finally { jobs.delete(id) }
  }
}

function described(error: unknown): ErrorMessage {
  const e = error as ErrorMessage | null
  const given = Object.fromEntries((['code', 'path', 'offending', 'nearest', 'stack'] as const).flatMap(k => typeof e?.[k] === 'string' ? [[k, e[k]]] : []))
  return { name: String(e?.name ?? 'Error'), message: String(e?.message ?? error), ...given }
}
