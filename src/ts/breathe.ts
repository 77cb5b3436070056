/** Long work in slices: `await breath()` between steps gives way once a slice has lasted `ms`, or will when a step takes so many more. */
export function slices(ms = 6): (expected?: number) => Promise<void> | undefined {
  let begun = performance.now()
  return (expected = 0) => {
    if (performance.now() - begun + expected < ms) return undefined
    return pause().then(() => { begun = performance.now() })
  }
}

/**
 * Lets the page draw and listen. A message is not delayed as timers are, and waits its turn behind them, whereas what follows
 * `scheduler.yield()` goes before timers: a long rebuild kept them waiting to its end.
 */
export function pause(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise(resolve => { setImmediate(resolve) })
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => { port1.close(); resolve() }
    port2.postMessage(undefined)
  })
}
declare const setImmediate: ((fn: () => void) => unknown) | undefined

/** A timer that does not keep the process alive, where there is one: for what a program that ends can do without. */
export function later(run: () => void, ms = 0): ReturnType<typeof setTimeout> {
  const timer = setTimeout(run, ms);
  (timer as { unref?: () => void }).unref?.()
  return timer
}
