import type { File, Folder } from './generations.js'

/** Files in memory: hand the same one to several databases, one after another. For tests, and where nothing else is allowed. */
export class MemoryFolder implements Folder {
  readonly kind: string = 'memory'
  readonly files = new Map<string, { bytes: Uint8Array; size: number }>()
  #open = false

  open(): void {
    if (this.#open) throw Object.assign(new Error('it is in use'), { name: 'NoModificationAllowedError' })
    this.#open = true
  }

  list(): string[] { return [...this.files.keys()] }

  file(name: string): File {
    let held = this.files.get(name)
    if (held === undefined) this.files.set(name, held = { bytes: new Uint8Array(1024), size: 0 })
    const data = held
    return {
      size: () => data.size,
      read: (into, at) => {
        const part = data.bytes.subarray(at, Math.min(at + into.length, data.size))
        into.set(part)
        return part.length
      },
      write: (bytes, at) => {
        const end = at + bytes.length
        if (end > data.bytes.length) {
          const larger = new Uint8Array(Math.max(end, data.bytes.length * 2))
          larger.set(data.bytes)
          data.bytes = larger
        }
        data.bytes.set(bytes, at)
        data.size = Math.max(data.size, end)
        return bytes.length
      },
      truncate: size => {
        data.bytes.fill(0, Math.min(size, data.size), data.size)
        data.size = Math.min(size, data.size)
      },
      flush: () => {},
      close: () => {},
    }
  }

  remove(name: string): void { this.files.delete(name) }
  close(): void { this.#open = false }
}
