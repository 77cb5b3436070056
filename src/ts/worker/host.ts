// The worker itself: an entry of its own, started by pages. In browsers a module worker, in Node one of `worker_threads`.
import { entry } from '../boot/core.js'
import { loadSlim } from '../boot/slim.js'
import type { Channel } from './messages.js'
import { serve } from './serve.js'

interface Scope { onmessage: ((event: { data: unknown }) => void) | null; postMessage(message: unknown, transfer: ArrayBuffer[]): void; close(): void }
interface ParentPort { on(event: 'message', fn: (message: unknown) => void): void; postMessage(message: unknown, transfer: ArrayBuffer[]): void; close(): void }
interface NodeProcess { getBuiltinModule?(name: string): { parentPort?: ParentPort | null } | undefined }

function here(): Channel {
  const parent = (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.('node:worker_threads')?.parentPort
  if (parent != null) {
    return { post: (message, transfer) => { parent.postMessage(message, transfer) }, listen: fn => { parent.on('message', fn) }, failed: () => {}, close: () => { parent.close() } }
  }
  const scope = globalThis as unknown as Scope
  return { post: (message, transfer) => { scope.postMessage(message, transfer) }, listen: fn => { scope.onmessage = ({ data }) => { fn(data) } }, failed: () => {}, close: () => { scope.close() } }
}

serve(/* @__PURE__ */ entry(loadSlim), here())

export {}
