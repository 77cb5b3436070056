// Files under Node (Bun, Deno). The host's modules are asked for when a folder is opened, so bundlers for pages find none.
import { EddylineError } from '../errors.js'
import type { File, Folder } from './generations.js'

/** What is used of `node:fs`. */
interface Fs {
  mkdirSync(path: string, options: { recursive: true }): void
  readdirSync(path: string): string[]
  openSync(path: string, flags: string): number
  closeSync(fd: number): void
  fstatSync(fd: number): { size: number }
  readSync(fd: number, into: Uint8Array, offset: number, length: number, at: number): number
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number, at: number): number
  ftruncateSync(fd: number, size: number): void
  fsyncSync(fd: number): void
  fsync(fd: number, done: (error: unknown) => void): void
  rmSync(path: string, options: { force: true }): void
  writeFileSync(path: string, text: string, options: { flag: string }): void
  readFileSync(path: string, encoding: string): string
}
interface Host { getBuiltinModule?(name: string): unknown; pid: number; kill(pid: number, signal: number): void }


/** A folder of the file system; a lock file keeps other processes out as long as this one lives. */
export class NodeFolder implements Folder {
  readonly kind = 'files'
  #fs!: Fs
  #host!: Host
  #locked = false

  constructor(readonly path: string) {}

  open(): void {
    const host = (globalThis as { process?: Host }).process
    const fs = host?.getBuiltinModule?.('node:fs') as Fs | undefined
    if (host === undefined || fs === undefined) throw new EddylineError('STORAGE_UNAVAILABLE', '`files` needs Node 20.19 or another host with `process.getBuiltinModule`')
    this.#fs = fs
    this.#host = host
    fs.mkdirSync(this.path, { recursive: true })
    this.#lock()
  }

  #lock(): void {
    const lock = `${this.path}/lock`
    for (let tries = 0; ; tries++) {
      try {
        this.#fs.writeFileSync(lock, String(this.#host.pid), { flag: 'wx' })
        this.#locked = true
        return
      } catch (error) {
        if ((error as { code?: string }).code !== 'EEXIST') throw error
        const owner = Number(this.#fs.readFileSync(lock, 'utf8'))
        if (tries > 2 || owner === this.#host.pid || this.#lives(owner)) throw new EddylineError('STORAGE_LOCKED', `\`${this.path}\` is used by process ${owner}`)
        // Left behind by a process that was killed.
        this.#fs.rmSync(lock, { force: true })
      }
    }
  }

  #lives(pid: number): boolean {
    if (!(pid > 0)) return false
    try { this.#host.kill(pid, 0); return true } catch (error) { return (error as { code?: string }).code === 'EPERM' }
  }

  list(): string[] { return this.#fs.readdirSync(this.path) }

  file(name: string): File {
    const fs = this.#fs
    const path = `${this.path}/${name}`
    const isNew = !this.list().includes(name)
    if (isNew) fs.closeSync(fs.openSync(path, 'a'))
    const fd = fs.openSync(path, 'r+')
    // The name of a new file is in the folder, which has to be written, too.
    if (isNew) this.#syncFolder()
    return {
      size: () => fs.fstatSync(fd).size,
      read: (into, at) => fs.readSync(fd, into, 0, into.length, at),
      write: (bytes, at) => fs.writeSync(fd, bytes, 0, bytes.length, at),
      truncate: size => { if (fs.fstatSync(fd).size > size) fs.ftruncateSync(fd, size) },
      flush: () => new Promise((resolve, reject) => { fs.fsync(fd, error => { if (error) reject(error as Error); else resolve() }) }),
      close: () => { fs.closeSync(fd) },
    }
  }

  remove(name: string): void { this.#fs.rmSync(`${this.path}/${name}`, { force: true }) }

  close(): void {
    if (this.#locked) this.#fs.rmSync(`${this.path}/lock`, { force: true })
    this.#locked = false
  }

  /** Not every system lets folders be opened; those that do not, need not. */
  #syncFolder(): void {
    let fd: number
    try { fd = this.#fs.openSync(this.path, 'r') } catch { return }
    try { this.#fs.fsyncSync(fd) } catch { /* as above */ } finally { this.#fs.closeSync(fd) }
  }
}
