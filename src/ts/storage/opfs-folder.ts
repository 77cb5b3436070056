// Files of the origin's private file system, in a worker: only there are they read and written in place.
import { EddylineError } from '../errors.js'
import type { File, Folder } from './generations.js'
import { PATIENCE } from './medium.js'

interface AccessHandle {
  getSize(): number
  read(into: Uint8Array, options: { at: number }): number
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(size: number): void
  flush(): void
  close(): void
}

/**
 * A number of bytes. Chromium tells of what fails while it reads or writes by no error: it gives the error's number, which is negative, as
 * an unsigned word. −8 is a disk, or a quota, that is full.
 */
function counted(n: number, asked: number): number {
  if (n <= asked) return n
  throw Object.assign(new Error(`the file system's error ${n | 0}`), (n | 0) === -8 ? { name: 'QuotaExceededError' } : {})
}

/** How often a file that is open elsewhere is asked for: those of a worker that was ended come free a moment later. */
const TRIES = 20

/** Whether files can be opened here. */
export const hasAccessHandles = (): boolean =>
  typeof FileSystemFileHandle !== 'undefined' && 'createSyncAccessHandle' in FileSystemFileHandle.prototype && typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope !== 'undefined'

export class OpfsFolder implements Folder {
  readonly kind = 'opfs'
  #folder!: FileSystemDirectoryHandle
  #lock: AccessHandle | undefined

  constructor(readonly name: string) {}

  async open(): Promise<void> {
    if (!hasAccessHandles()) throw new EddylineError('STORAGE_UNAVAILABLE', 'OPFS files can be opened in dedicated workers only')
    const root = await navigator.storage.getDirectory()
    const all = await root.getDirectoryHandle('eddyline', { create: true })
    this.#folder = await all.getDirectoryHandle(encodeURIComponent(this.name), { create: true })
    // Open files are ours alone: holding one keeps other tabs out.
    this.#lock = await this.#access('lock')
  }

  async #access(name: string): Promise<AccessHandle> {
    const handle = await this.#folder.getFileHandle(name, { create: true }) as unknown as { createSyncAccessHandle(): Promise<AccessHandle> }
    for (let n = 1; ; n++) {
      try { return await handle.createSyncAccessHandle() } catch (error) {
        if (n > TRIES || (error as { name?: string }).name !== 'NoModificationAllowedError') throw error
      }
      // Counted, not timed: in a browser that does other work a worker that goes takes longer, too.
      await new Promise(resolve => { setTimeout(resolve, PATIENCE / TRIES) })
    }
  }

  async list(): Promise<string[]> {
    const names: string[] = []
    for await (const name of (this.#folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name)
    return names
  }

  async file(name: string): Promise<File> {
    const handle = await this.#access(name)
    return {
      size: () => handle.getSize(),
      read: (into, at) => counted(handle.read(into, { at }), into.length),
      write: (bytes, at) => counted(handle.write(bytes, { at }), bytes.length),
      truncate: size => { if (handle.getSize() > size) handle.truncate(size) },
      flush: () => { handle.flush() },
      close: () => { handle.close() },
    }
  }

  async remove(name: string): Promise<void> { await this.#folder.removeEntry(name) }

  close(): void {
    this.#lock?.close()
    this.#lock = undefined
  }
}
