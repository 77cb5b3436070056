import { Worker as Thread } from 'node:worker_threads'
import { expect, vi } from 'vitest'

/** A worker of Node as browsers have it, so that a test can stop it, listen, and speak in its place. */
export class BrowserWorker {
  onmessage: ((event: { data: any }) => void) | null = null
  onerror: ((event: { message: string }) => void) | null = null
  readonly asked: any[] = []
  readonly thread = new Thread(new URL('../../../pkg/worker/host.js', import.meta.url))
  constructor() {
    this.thread.on('message', data => {
      if (this.#refused === undefined || data.error === undefined) { this.onmessage?.({ data }); return }
      this.#refused()
      this.#refused = undefined
    })
    this.thread.on('error', error => { this.onerror?.({ message: error.message }) })
  }
  postMessage(message: any, transfer: any[]): void { this.asked.push(message); this.thread.postMessage(message, transfer) }
  terminate(): void { void this.thread.terminate() }
  /** Stands in for the lock that a browser's worker holds; the thread of Node has none. As in browsers, nothing else tells of its end. */
  withLock(): this {
    vi.stubGlobal('navigator', { locks: { request: async (name: string, { signal }: { signal: AbortSignal }, fn: () => void) => {
      expect(name).toBe('mine')
      this.thread.on('exit', () => { if (!signal.aborted) fn() })
    } } })
    this.thread.once('message', () => { this.onmessage!({ data: { alive: 'mine' } }) })
    return this
  }
  /** Resolves when it has done what it was asked: a question about a query that is not there is refused at once, before what waits for the page. */
  async done(): Promise<void> {
    const refused = new Promise<void>(resolve => { this.#refused = resolve })
    this.thread.postMessage({ t: 'explain', query: -1 })
    await refused
  }
  #refused: (() => void) | undefined
}
