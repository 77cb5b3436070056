// Whether the other end lives: each end holds a Web Lock, which ends with it however it ends, and waits for that of the other.

/** A lock of this page or worker, under a name that nobody else has; undefined where there are no Web Locks. */
export function hold(): Promise<{ readonly name: string; release(): void } | undefined> {
  const locks = lockManager()
  if (locks === undefined) return Promise.resolve(undefined)
  const name = `eddyline:alive:${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`
  return new Promise(resolve => {
    locks.request(name, () => new Promise<void>(release => { resolve({ name, release }) }))
      // Pages without an origin of their own may not.
      .catch(() => { resolve(undefined) })
  })
}

/** Calls `fn` when who holds the lock has gone. Returns the function that ends the wait. */
export function whenGone(name: string | undefined, fn: () => void): () => void {
  const locks = lockManager()
  if (name === undefined || locks === undefined) return () => {}
  const abort = new AbortController()
  locks.request(name, { signal: abort.signal }, () => { if (!abort.signal.aborted) fn() }).catch(() => {})
  return () => { abort.abort() }
}

const lockManager = (): LockManager | undefined => (globalThis as { navigator?: { locks?: LockManager } }).navigator?.locks
