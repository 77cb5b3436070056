import { EddylineError } from '../errors.js'
import { shown, wrong } from '../option-kinds.js'
import { checkWorkers } from './checks.js'
import { CHUNK, type Channel, type ErrorMessage, type FromWorker, type ToWorker, listen } from './channel.js'
import type { Engine, Job, Operation } from './engines.js'
import { restored, stored } from './lens.js'

/** Workers that run functions. */
export interface Workers extends Engine {
  /** Workers that there are now. */
  readonly size: number
  /** Ends them. What they were at is refused. */
  close(): void
}

interface Member { readonly channel: Channel; at: Doing | undefined }
interface Doing { readonly id: number; readonly job: Job; readonly operations: Operation[]; readonly resolve: (o: readonly Operation[]) => void; readonly reject: (e: unknown) => void; readonly done: () => void }

/**
 * An engine that runs `derive` in workers: those of one level beside each other, with the results that they have elsewhere.
 *
 * ```ts
 * const engine = workers(() => new Worker(new URL('./projections.worker.ts', import.meta.url), { type: 'module' }), { size: 4 })
 * projections(db, { engine })
 * ```
 * Workers are made when they are needed, at most `size` (number of processors less one, 4 at most). Rows go in pieces of 2,000, and are all there
 * when `derive` begins. A run that is over time ends its worker. Lenses with reducers run here.
 */
export function workers(create: () => Channel, options: { size?: number } = {}): Workers {
  if (typeof create !== 'function') throw wrong('PROJECTION_INVALID', `\`workers\` takes a function that makes a worker, not ${shown(create)}`, 'create', shown(create))
  checkWorkers(options)
  const most = Math.max(1, options.size ?? Math.min(4, ((globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 2) - 1))
  const members: Member[] = []
  const waiting: Doing[] = []
  let count = 0
  let closed = false

  const retire = (member: Member): void => {
    const i = members.indexOf(member)
    if (i >= 0) members.splice(i, 1)
    member.channel.terminate?.()
  }
  const finish = (member: Member, end: (d: Doing) => void): void => {
    const doing = member.at
    member.at = undefined
    if (doing !== undefined) { doing.done(); end(doing) }
    next()
  }
  const add = (): Member => {
    const channel = create()
    if (typeof channel?.postMessage !== 'function') throw new EddylineError('PROJECTION_INVALID', `what makes workers gave ${shown(channel)}, and no worker`, { offending: shown(channel), path: 'create' })
    const member: Member = { channel, at: undefined }
    members.push(member)
    listen(member.channel, (m: FromWorker) => {
      const doing = member.at
      if (doing === undefined || doing.id !== m.id) return
      if (m.t === 'rows') doing.operations.push({ op: 'materialize', rows: m.rows, ...(m.onConflict === undefined ? {} : { onConflict: m.onConflict }) })
      else if (m.t === 'lens') doing.operations.push({ op: 'dematerialize', lens: restored(m.lens) })
      else if (m.t === 'done') finish(member, d => { d.resolve(d.operations) })
      else finish(member, d => { d.reject(errorOf(m.error)) })
    }, error => {
      // It is gone, or in a state that nobody knows.
      retire(member)
      finish(member, d => { d.reject(error) })
    })
    return member
  }
  const next = (): void => {
    while (waiting.length > 0) {
      let member = members.find(m => m.at === undefined)
      if (member === undefined && members.length >= most) return
      const doing = waiting.shift()!
      try {
        member ??= add()
        member.at = doing
        send(member.channel, doing)
      } catch (error) {
        if (member !== undefined) member.at = undefined
        doing.done()
        doing.reject(error)
      }
    }
  }
  return {
    get size() { return members.length },
    exec(job) {
      if (closed) throw new EddylineError('CLOSED', 'the workers are closed')
      if (stored(job.lens) === undefined) return job.run()
      return new Promise<readonly Operation[]>((resolve, reject) => {
        const aborted = (): void => {
          const at = waiting.indexOf(doing)
          if (at >= 0) waiting.splice(at, 1)
          const member = members.find(m => m.at === doing)
          if (member !== undefined) { retire(member); member.at = undefined; next() }
          reject(job.signal.reason as Error)
        }
        job.signal.addEventListener('abort', aborted)
        const doing: Doing = { id: ++count, job, operations: [], resolve, reject, done: () => { job.signal.removeEventListener('abort', aborted) } }
        waiting.push(doing)
        next()
      })
    },
    fetch: outcome => outcome,
    close() {
      closed = true
      const error = new EddylineError('CLOSED', 'the workers are closed')
      for (const doing of waiting.splice(0)) { doing.done(); doing.reject(error) }
      for (const member of [...members]) {
        retire(member)
        finish(member, d => { d.reject(error) })
      }
    },
  }
}

function send(channel: Channel, { id, job }: Doing): void {
  const post = (message: ToWorker): void => { channel.postMessage(message) }
  post({ t: 'job', id, projection: job.projection.name, lens: stored(job.lens), inputs: Object.keys(job.inputs) })
  for (const [input, rows] of Object.entries(job.inputs)) for (const chunk of rows.chunks(CHUNK)) post({ t: 'rows', id, input, rows: chunk })
  post({ t: 'run', id })
}

function errorOf(e: ErrorMessage): Error {
  if (e.code !== undefined && e.name === 'EddylineError') return new EddylineError(e.code, e.message, e)
  const error = new Error(e.message)
  error.name = e.name
  if (e.stack !== undefined) error.stack = e.stack
  return error
}
