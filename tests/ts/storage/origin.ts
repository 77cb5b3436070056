// The private file system of an origin, in memory: what `opfs` uses of it, with a quota and the errors of Chromium.
import { vi } from 'vitest'

const fail = (name: string): never => { throw new DOMException(name, name) }

class FakeFile {
  bytes = new Uint8Array()
  isOpen = false
  constructor(readonly origin: Origin) {}

  async createSyncAccessHandle(): Promise<object> {
    if (this.isOpen) fail('NoModificationAllowedError')
    this.isOpen = true
    return {
      getSize: () => this.bytes.length,
      read: (into: Uint8Array, { at }: { at: number }) => {
        const part = this.bytes.subarray(at, at + into.length)
        into.set(part)
        return part.length
      },
      write: (bytes: Uint8Array, { at }: { at: number }) => {
        const size = Math.max(this.bytes.length, at + bytes.length)
        // The number of an error, as of an unsigned word; nothing is thrown.
        if (this.origin.used() + size - this.bytes.length > this.origin.quota) return 2 ** 32 - 8
        const larger = new Uint8Array(size)
        larger.set(this.bytes)
        larger.set(bytes, at)
        this.bytes = larger
        return bytes.length
      },
      truncate: (size: number) => { this.bytes = this.bytes.slice(0, size) },
      flush: () => {},
      close: () => { this.isOpen = false },
    }
  }
}
// `hasAccessHandles` asks the prototype.
Object.defineProperty(FakeFile.prototype, 'createSyncAccessHandle', { enumerable: true })

class FakeFolder {
  readonly #entries = new Map<string, FakeFile | FakeFolder>()
  constructor(readonly origin: Origin) {}

  async getDirectoryHandle(name: string): Promise<FakeFolder> {
    if (!this.#entries.has(name)) this.#entries.set(name, new FakeFolder(this.origin))
    return this.#entries.get(name) as FakeFolder
  }
  async getFileHandle(name: string): Promise<FakeFile> {
    if (!this.#entries.has(name)) this.#entries.set(name, new FakeFile(this.origin))
    return this.#entries.get(name) as FakeFile
  }
  async removeEntry(name: string): Promise<void> {
    const entry = this.#entries.get(name) ?? fail('NotFoundError')
    if (entry instanceof FakeFile && entry.isOpen) fail('NoModificationAllowedError')
    this.#entries.delete(name)
  }
  async *keys(): AsyncIterable<string> { yield* this.#entries.keys() }
  used(): number {
    let bytes = 0
    for (const entry of this.#entries.values()) bytes += entry instanceof FakeFile ? entry.bytes.length : entry.used()
    return bytes
  }
}

/** What a worker of this origin finds: stands in the globals until `vi.unstubAllGlobals()`. */
export class Origin {
  quota = Infinity
  readonly #root = new FakeFolder(this)
  used(): number { return this.#root.used() }

  enter(): this {
    vi.stubGlobal('WorkerGlobalScope', Object)
    vi.stubGlobal('FileSystemFileHandle', FakeFile)
    vi.stubGlobal('navigator', { storage: { getDirectory: async () => this.#root } })
    return this
  }
}
