// The worker itself: an entry of its own, started by pages. In browsers a module worker, dedicated or shared, in Node one of
// `worker_threads`.
import { entry } from '../boot/core.js'
import { loadSlim } from '../boot/slim.js'
import type { Channel } from './messages.js'
import { portChannel } from './port-channel.js'
import { serve } from './serve.js'

interface Scope {
  onmessage: ((event: { data: unknown }) => void) | null
  onmessageerror: (() => void) | null
  onconnect?: ((event: { ports: readonly MessagePort[] }) => void) | null
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  close(): void
}
interface ParentPort { on(event: 'message' | 'messageerror', fn: (message: unknown) => void): void; postMessage(message: unknown, transfer: ArrayBuffer[]): void; close(): void }
interface NodeProcess { getBuiltinModule?(name: string): { parentPort?: ParentPort | null } | undefined }

const scope = globalThis as unknown as Scope

/** The line to the one page of this worker. */
function here(): Channel {
  const parent = (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.('node:worker_threads')?.parentPort
  if (parent != null) {
    return { post: (message, transfer) => { parent.postMessage(message, transfer) }, listen: fn => { parent.on('message', fn) }, failed: () => {}, unread: fn => { parent.on('messageerror', fn) }, close: () => { parent.close() } }
  }
  return { post: (message, transfer) => { scope.postMessage(message, transfer) }, listen: fn => { scope.onmessage = ({ data }) => { fn(data) } }, failed: () => {}, unread: fn => { scope.onmessageerror = fn }, close: () => { scope.close() } }
}

const isShared = 'onconnect' in scope
const meet = serve(/* @__PURE__ */ entry(loadSlim), isShared, true)
if (isShared) scope.onconnect = ({ ports: [port] }) => { meet(portChannel(port)) }
else meet(here())

export {}
