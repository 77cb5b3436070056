// The engine of a worker's database in the page's own thread, where there are no workers.
import { entry } from '../boot/core.js'
import { loadSlim } from '../boot/slim.js'
import type { Channel } from './messages.js'
import { portChannel } from './port-channel.js'
import { serve } from './serve.js'

const named = new Map<string, (channel: Channel) => void>()

/** `shared`: with the other databases of that name in this thread. */
export function serveHere(port: MessagePort, shared: string | undefined): void {
  let meet = shared === undefined ? undefined : named.get(shared)
  if (meet === undefined) {
    meet = serve(/* @__PURE__ */ entry(loadSlim), shared !== undefined, false)
    if (shared !== undefined) named.set(shared, meet)
  }
  meet(portChannel(port))
}
