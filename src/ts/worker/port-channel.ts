import type { Channel } from './messages.js'

/** A line over a port of a MessageChannel or of a SharedWorker. */
export function portChannel(port: MessagePort): Channel {
  return {
    post: (message, transfer) => { port.postMessage(message, transfer) },
    listen: fn => { port.onmessage = ({ data }) => { fn(data) } },
    failed: fn => {
      // Some hosts tell that the other end is gone.
      port.addEventListener('close', () => { fn('it is gone') })
    },
    unread: fn => { port.addEventListener('messageerror', fn) },
    close: () => { port.close() },
  }
}
