// Starting the worker: where the page is, what the host has.
import { EddylineError } from '../errors.js'
import { isObject, said, shown, wrong } from '../option-kinds.js'
import type { Channel } from './messages.js'
import { portChannel } from './port-channel.js'

/** A worker of `worker_threads`, as far as it is used. */
export interface NodeWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  on(event: string, fn: (value: any) => void): void
  terminate(): Promise<unknown>
  /** -1 when it has ended. */
  readonly threadId?: number
}
interface NodeProcess { getBuiltinModule?(name: string): { Worker?: new (url: URL, options: { execArgv: string[] }) => NodeWorker } | undefined }

type AnyWorker = Worker | SharedWorker | NodeWorker

/** A worker that runs `eddyline/worker/host`, in Node one of `worker_threads`, or the function that makes it; `'inline'`: none, the engine is in this thread. */
export type WorkerInput = AnyWorker | (() => AnyWorker) | 'inline'

/** A worker, or the port of a shared one. */
export const isWorker = (v: unknown): boolean => isObject(v) && (typeof v.postMessage === 'function' || isObject(v.port))

/** A line to the engine; `shared`: other tabs have lines to it, too. */
export interface Line { readonly channel: Channel; readonly shared: boolean }

/** `shared` names the engine that the tabs of this origin have in common; without it, it is this page's alone. */
export function start(input: WorkerInput | undefined, shared: string | undefined): Line {
  if (input === 'inline') return { channel: inline(shared), shared: shared !== undefined }
  try {
    const given = typeof input === 'function' ? input() : input
    if (typeof input === 'function' && !isWorker(given)) throw wrong('INVALID_ARGUMENT', `\`worker\` is a function that makes a Worker or a SharedWorker, not one that gives ${shown(given)}`, 'worker', said(given))
    if (given !== undefined) taken(given)
    if (given !== undefined) return 'port' in given ? { channel: common(given), shared: true } : { channel: 'on' in given ? node(given) : browser(given), shared: false }
    if (shared !== undefined && typeof SharedWorker !== 'undefined') {
      return { channel: common(new SharedWorker(new URL('./host.js', import.meta.url), { type: 'module', name: shared })), shared: true }
    }
    return { channel: alone(), shared: false }
  } catch (error) {
    if (error instanceof EddylineError) throw error
    throw new EddylineError('LOAD_FAILED', `the worker could not be started: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** Workers that have a database, or had one, with which they end. */
const used = new WeakSet<AnyWorker>()

function taken(worker: AnyWorker): void {
  if (used.has(worker)) throw wrong('INVALID_ARGUMENT', 'this worker has a database already, and ends with it: `worker` may be a function that makes one', 'worker')
  used.add(worker)
}

function alone(): Channel {
  if (typeof Worker !== 'undefined') return browser(new Worker(new URL('./host.js', import.meta.url), { type: 'module' }))
  const Threads = (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.('node:worker_threads')?.Worker
  // Not in the form that bundlers for pages look for: they would ship the file twice. Flags such as `--input-type` are not for it.
  if (Threads !== undefined) return node(new Threads(new URL(import.meta.url.replace(/[^/]*$/, 'host.js')), { execArgv: [] }))
  // A host without workers: the same in this thread.
  return inline(undefined)
}

/** Of a script that could not be loaded the event has no message. */
const UNLOADED = 'its script could not be loaded; give `worker` a function that makes one of `eddyline/worker/host`, if your bundler ships none. '
  + "The development servers of Vite 6 and 7 find it with `optimizeDeps: { exclude: ['eddyline'] }`"

function common(worker: SharedWorker): Channel {
  const { port } = worker
  const channel = portChannel(port)
  const { close } = port
  return {
    ...channel,
    close: () => { close.call(port) },
    failed: fn => {
      channel.failed(fn)
      // The end that closes it is told of nothing.
      port.close = () => {
        close.call(port)
        fn('its port was closed')
      }
      worker.onerror = event => { event.preventDefault?.(); fn((event as ErrorEvent).message ?? UNLOADED) }
    },
  }
}

function browser(worker: Worker): Channel {
  const { terminate } = worker
  return {
    post: (message, transfer) => { worker.postMessage(message, transfer) },
    listen: fn => { worker.onmessage = ({ data }) => { fn(data) } },
    failed: fn => {
      // A worker goes on behind an error, as a page does.
      worker.onerror = event => { event.preventDefault?.(); fn(event.message ?? UNLOADED, true) }
      // Of this no event tells, and locks, which would, are for secure origins.
      worker.terminate = () => {
        terminate.call(worker)
        fn('it was terminated')
      }
    },
    unread: fn => { worker.onmessageerror = fn },
    close: () => { terminate.call(worker) },
  }
}

function node(worker: NodeWorker): Channel {
  let open = true
  return {
    post: (message, transfer) => { worker.postMessage(message, transfer) },
    listen: fn => { worker.on('message', fn) },
    failed: fn => {
      worker.on('error', (error: Error) => { fn(error.message) })
      worker.on('exit', (code: number) => { if (open) fn(`it ended with ${code}`) })
      if (worker.threadId === -1) fn('it has ended')
    },
    unread: fn => { worker.on('messageerror', fn) },
    close: () => { open = false; void worker.terminate() },
  }
}

/** Both ends in this thread. The port of the other end is closed by it: what was posted before is still read. */
function inline(shared: string | undefined): Channel {
  const { port1, port2 } = new MessageChannel()
  let fail: (why: string) => void = () => {}
  import('./same-thread.js').then(({ serveHere }) => { serveHere(port2, shared) }, error => { fail(String(error)) })
  return {
    post: (message, transfer) => { port1.postMessage(message, transfer) },
    listen: fn => { port1.onmessage = ({ data }) => { fn(data) } },
    failed: fn => { fail = fn },
    unread: fn => { port1.onmessageerror = fn },
    close: () => { port1.onmessage = null },
  }
}
