// The engine of a worker's database in the page's own thread, where there are no workers.
import { entry } from '../boot/core.js'
import { loadSlim } from '../boot/slim.js'
import { serve } from './serve.js'

export function serveHere(port: MessagePort): void {
  serve(/* @__PURE__ */ entry(loadSlim), {
    post: (message, transfer) => { port.postMessage(message, transfer) },
    listen: fn => { port.onmessage = ({ data }) => { fn(data) } },
    failed: () => {},
    close: () => { port.close() },
  })
}
