// Lines between pages and the engine that they share, in this thread: a message goes when a test lets it go, so that pages fall behind,
// requests overtake those of other pages, and what is said of it can be said again.
type Post = (message: any, transfer: Transferable[]) => void

/** A port whose other end is the test. */
class End {
  onmessage: ((event: { data: any }) => void) | null = null
  readonly #ended: (() => void)[] = []
  constructor(readonly post: Post, readonly closed: () => void) {}
  postMessage(message: any, transfer: Transferable[] = []): void { this.post(message, transfer) }
  addEventListener(type: string, fn: () => void): void { if (type === 'close') this.#ended.push(fn) }
  start(): void {}
  close(): void { this.closed() }
  /** The other end is gone. */
  gone(): void { for (const fn of this.#ended) fn() }
}

export class Line {
  /** Messages to the engine and to the page, in their order. */
  readonly up: any[] = []
  readonly down: any[] = []
  open = true
  /** Sees each message before it is on its way. */
  onAsked: (message: any) => void = () => {}
  readonly #page = new End((message, transfer) => {
    const copy = structuredClone(message, { transfer })
    this.onAsked(copy)
    this.up.push(copy)
  }, () => { this.open = false })
  readonly #engine = new End((message, transfer) => { this.down.push(structuredClone(message, { transfer })) }, () => {})

  /** What `createWorkerDatabase` takes as `worker`. */
  worker(): SharedWorker {
    connect(this.#engine as unknown as MessagePort)
    return { port: this.#page, onerror: null } as unknown as SharedWorker
  }
  /** The next message to the engine is there. */
  toEngine(): any {
    const message = this.up.shift()
    if (message !== undefined) this.#engine.onmessage?.({ data: message })
    return message
  }
  /** The next message to the page is there. */
  toPage(): any {
    const message = this.down.shift()
    if (message !== undefined && this.open) this.#page.onmessage?.({ data: message })
    return message
  }
  /** The page is gone without a word. */
  cut(): void {
    this.open = false
    this.up.length = this.down.length = 0
    this.#engine.gone()
  }
}

const scope = globalThis as { onconnect?: ((event: { ports: MessagePort[] }) => void) | null }
// As in a SharedWorker.
scope.onconnect = null
await import('../../../pkg/worker/host.js')
const connect = (port: MessagePort): void => { scope.onconnect!({ ports: [port] }) }
