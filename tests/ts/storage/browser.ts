// What tabs of one origin share, in one thread: Web Locks, channels, and the files of OPFS. Tabs can be killed, also in the middle of what they say.
import { vi } from 'vitest'
import { type Folder, Generations, MemoryFolder, type OpfsOptions, type StoreOptions, opfs } from '../../../pkg/storage/index.js'
import type { StorageOption } from '../../../pkg/storage/index.js'
import { look, turns } from './disks.js'
import { open, shut } from './stream.js'

type Heard = { data: any }
const SHARED = 'eddyline:opfs:app'
interface Request { run: () => Promise<unknown>; resolve: (v: unknown) => void; reject: (error: unknown) => void }

/** One tab: made before its database, whose storage is `storage`. */
export class Tab {
  isDead = false
  channel: Channel | undefined
  /** Messages of it that are lost: it is killed before it says them. */
  isLost: (data: any) => boolean = () => false
  /** Told of each call of its medium. */
  asked: (method: string) => void = () => {}
  readonly warnings: string[] = []
  readonly workers: Worker[] = []
  /** Lets its lock go. */
  release: (() => void) | undefined
  constructor(readonly browser: Browser) {}

  storage(options: StoreOptions & OpfsOptions = {}): StorageOption {
    this.browser.current = this
    return opfs('app', { tabs: true, worker: () => new FileWorker(this) as never, onWarning: w => { this.warnings.push(w.code) }, ...options })
  }

  /** Ends without a word: nothing that it does counts any more, and what it held is free. */
  kill(): void {
    this.isDead = true
    this.browser.channels.delete(this.channel!)
    for (const worker of this.workers) worker.terminate()
    this.release?.()
  }
}

class Channel {
  onmessage: ((event: Heard) => void) | undefined
  /** Of those that tabs share; who asks for another one is in the middle of something. */
  readonly tab: Tab | undefined
  constructor(readonly browser: Browser, readonly name: string) {
    browser.channels.add(this)
    if (name !== SHARED) return
    this.tab = browser.current
    this.tab.channel = this
  }
  postMessage(data: any): void {
    if (this.tab?.isDead === true || this.tab?.isLost(data) === true) return
    if (this.tab !== undefined) this.browser.said.push(data)
    for (const other of this.browser.channels) {
      if (other !== this && other.name === this.name) void turns(this.browser.slowness).then(() => { if (this.browser.channels.has(other)) other.onmessage?.({ data }) })
    }
  }
  close(): void { this.browser.channels.delete(this) }
}

/** The worker of `eddyline/storage/opfs-worker` over files in memory. */
class FileWorker {
  onmessage: ((event: Heard) => void) | undefined
  #medium: Generations | undefined
  #reading: AsyncIterator<Uint8Array> | undefined
  #ended = false
  constructor(readonly tab: Tab) { tab.workers.push(this as never) }
  postMessage([id, method, argument]: [number, string, any]): void {
    setImmediate(() => {
      if (this.#ended || this.tab.isDead) return
      void this.#answer(method, argument).then(
        value => { if (!this.#ended) this.onmessage?.({ data: [id, value] }) },
        (error: { code?: string; message?: string }) => { if (!this.#ended) this.onmessage?.({ data: [id, undefined, { code: error.code ?? 'STORAGE_FAILED', message: error.message }] }) })
    })
  }
  async #answer(method: string, argument: any): Promise<unknown> {
    this.tab.asked(method)
    if (method === 'open') {
      const medium = new Generations(this.tab.browser.disk)
      await medium.open()
      this.#medium = medium
      return undefined
    }
    if (method === 'read') {
      if (argument === true) this.#reading = this.#medium!.read()[Symbol.asyncIterator]()
      const { value, done } = await this.#reading!.next()
      return done === true ? [] : [value]
    }
    const medium = this.#medium
    if (method === 'close') this.#medium = undefined
    return (medium as any)?.[method](argument)
  }
  terminate(): void {
    this.#ended = true
    void this.#medium?.close()
    this.#medium = undefined
  }
}

export class Browser {
  readonly folder: MemoryFolder
  /** Where tabs have their files from now on. */
  disk: Folder
  readonly channels = new Set<Channel>()
  /** All that was said. */
  readonly said: any[] = []
  current!: Tab
  /** Turns until a message is there. They come in order. */
  slowness = 1
  #holder = false
  #queue: Request[] = []

  /** Puts itself in the place of the host's. `denied`: a frame of an opaque origin. */
  constructor({ denied = false, folder = new MemoryFolder() }: { denied?: boolean; folder?: MemoryFolder } = {}) {
    this.folder = this.disk = folder
    const browser = this
    vi.stubGlobal('BroadcastChannel', class extends Channel { constructor(name: string) { super(browser, name) } })
    vi.stubGlobal('navigator', {
      locks: {
        request: (_: string, { signal }: { signal: AbortSignal }, fn: () => Promise<void>) => {
          if (denied) return Promise.reject(new DOMException('Access to the Locks API is denied in this context.', 'SecurityError'))
          const tab = this.current
          return new Promise((resolve, reject) => {
            const request: Request = { resolve, reject, run: () => new Promise<void>(done => { if (tab.isDead) { done(); return } tab.release = done; void fn().then(done, error => { done(); reject(error as Error) }) }) }
            signal.addEventListener('abort', () => {
              const at = this.#queue.indexOf(request)
              if (at < 0) return
              this.#queue.splice(at, 1)
              reject(new DOMException('aborted', 'AbortError'))
            })
            tab.release = () => { this.#queue = this.#queue.filter(r => r !== request) }
            this.#queue.push(request)
            this.#next()
          })
        },
      },
    })
  }

  tab(): Tab { return new Tab(this) }

  /** Ends the requests of pages that it has frozen, as of those that it keeps for the way back. */
  drop(): void { for (const { reject } of this.#queue.splice(0)) reject(new DOMException('the page is not active', 'AbortError')) }

  #next(): void {
    if (this.#holder) return
    const request = this.#queue.shift()
    if (request === undefined) return
    this.#holder = true
    setImmediate(() => { void request.run().then(v => { request.resolve(v); this.#holder = false; this.#next() }) })
  }
}

/** Waits until `test` holds. */
export async function until(what: string, test: () => unknown): Promise<void> {
  for (let n = 0; !test(); n++) {
    if (n > 5000) throw new Error(`${what} does not come`)
    await new Promise(resolve => { setImmediate(resolve) })
  }
}

/** What the next one finds that opens the storage. */
export async function stored(browser: Browser): Promise<unknown[]> {
  const tab = browser.tab()
  const db = await open(tab.storage())
  const found = [db.durability!.status, tab.warnings, ...look(db)]
  await shut(db)
  return found
}
