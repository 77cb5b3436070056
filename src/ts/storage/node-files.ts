// Files under Node (Bun, Deno). The host's modules are asked for when a folder is opened, so bundlers for pages find none.
import { EddylineError } from '../errors.js'
import type { File, Folder } from './generations.js'

/** What is used of `node:fs`. */
interface Fs {
  mkdirSync(path: string, options: { recursive: true }): void
  readdirSync(path: string): string[]
  openSync(path: string, flags: string): number
  closeSync(fd: number): void
  fstatSync(fd: number): Stat & { size: number; nlink: number }
  readSync(fd: number, into: Uint8Array, offset: number, length: number, at: number): number
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number, at: number): number
  ftruncateSync(fd: number, size: number): void
  fsyncSync(fd: number): void
  fsync(fd: number, done: (error: unknown) => void): void
  rmSync(path: string, options: { force: true }): void
  writeFileSync(fd: number, text: string): void
  readFileSync(fd: number, encoding: string): string
  linkSync(from: string, to: string): void
  renameSync(from: string, to: string): void
  statSync(path: string): Stat
}
interface Stat { dev: number; ino: number; mtimeMs: number }
interface Host { getBuiltinModule?(name: string): unknown; pid: number; kill(pid: number, signal: number): void }

/** Milliseconds in which who makes a lock, where that takes two steps, has written its number into it. */
const MAKING = 10_000

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code

/** A folder of the file system; a lock file, held open, keeps others out as long as this process, or the worker in it, lives. */
export class NodeFolder implements Folder {
  readonly kind = 'files'
  #fs!: Fs
  #host!: Host
  /** Its lock: the file, held open, and what tells it from others. */
  #held: { fd: number; mark: string; stat: Stat } | undefined

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

  /**
   * `lock` holds the number of its owner and a mark that no other lock has. Who finds its owner gone makes `lock.<mark>`, which one alone
   * can do; if that one is gone as well, the next makes the one of its mark. The one that was made last becomes `lock`, unless `lock` is
   * another by now: so nobody removes what somebody else has made meanwhile.
   */
  #lock(): void {
    const fs = this.#fs
    const lock = `${this.path}/lock`
    for (let tries = 0; tries < 4; tries++) {
      const names = [lock]
      let first: string | undefined
      for (;;) {
        const name = names[names.length - 1]
        const made = this.#made(name)
        if (made === undefined) {
          const mark = this.#dead(name)
          // It has just gone: from the start.
          if (mark === undefined) break
          first ??= mark
          names.push(`${lock}.${mark}`)
          continue
        }
        let isHeld = first === undefined
        try {
          if (!isHeld && this.#look(lock, file => file.mark) === first) {
            fs.renameSync(name, lock)
            isHeld = true
          }
          if (isHeld) {
            this.#held = { ...made, stat: fs.fstatSync(made.fd) }
            for (const dead of names.slice(1, -1)) fs.rmSync(dead, { force: true })
            return
          }
        } finally {
          if (!isHeld) { fs.rmSync(name, { force: true }); fs.closeSync(made.fd) }
        }
        break
      }
    }
    throw new EddylineError('STORAGE_LOCKED', `\`${this.path}\` is used by others, who come and go`)
  }

  /** Makes a lock, in one step, unless there is one. Its file stays open. */
  #made(lock: string): { fd: number; mark: string } | undefined {
    const fs = this.#fs
    const mark = Math.random().toString(36).slice(2)
    const own = `${lock}.${this.#host.pid}.${mark}`
    const text = `${this.#host.pid} ${mark}`
    let fd = fs.openSync(own, 'wx'), isMade = false
    try {
      fs.writeFileSync(fd, text)
      try { fs.linkSync(own, lock) } catch (error) {
        if (codeOf(error) === 'EEXIST') return undefined
        // A file system without links: in two steps.
        const made = fs.openSync(lock, 'wx')
        fs.closeSync(fd)
        fs.writeFileSync(fd = made, text)
      }
      isMade = true
      return { fd, mark }
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return undefined
      throw error
    } finally {
      if (!isMade) fs.closeSync(fd)
      fs.rmSync(own, { force: true })
    }
  }

  /** The mark of a lock that nobody holds; undefined if it has just gone. Throws STORAGE_LOCKED. */
  #dead(lock: string): string | undefined {
    return this.#look(lock, ({ owner, mark, stat, fd }) => {
      if (owner === '' && Math.abs(Date.now() - stat.mtimeMs) < MAKING) throw new EddylineError('STORAGE_LOCKED', `\`${this.path}\` is being locked by another process`)
      const pid = Number(owner)
      if (pid === this.#host.pid ? this.#isOpen('self', stat, fd) : this.#lives(pid) && this.#isOpen(pid, stat)) throw new EddylineError('STORAGE_LOCKED', `\`${this.path}\` is used by process ${owner}`)
      // While it was looked for, its holder may have let it go: then it is not there any more.
      return mark
    })
  }

  /** What is in a lock, if it is there. It is open meanwhile: no other file gets its number. */
  #look<T>(lock: string, fn: (file: { owner: string; mark: string; stat: Stat; fd: number }) => T): T | undefined {
    const fs = this.#fs
    let fd: number
    try { fd = fs.openSync(lock, 'r') } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
    try {
      const stat = fs.fstatSync(fd)
      const [owner, mark = String(stat.ino)] = fs.readFileSync(fd, 'utf8').split(' ')
      return fn({ owner, mark, stat, fd })
    } finally { fs.closeSync(fd) }
  }

  #lives(pid: number): boolean {
    if (!(pid > 0)) return false
    try { this.#host.kill(pid, 0); return true } catch (error) { return codeOf(error) === 'EPERM' }
  }

  /**
   * Whether a process has a file open, by what Linux tells; elsewhere, and where that is not for us to know, it may have. A worker of this
   * process may be gone; and another process can have the number of the one that was killed, in a container the next one has it.
   */
  #isOpen(pid: number | 'self', { dev, ino }: Stat, own?: number): boolean {
    const fs = this.#fs
    const folder = `/proc/${pid}/fd`
    let fds: string[]
    try { fds = fs.readdirSync(folder) } catch { return true }
    return fds.some(fd => {
      try {
        const file = fs.statSync(`${folder}/${fd}`)
        return Number(fd) !== own && file.ino === ino && file.dev === dev
      } catch { return false }
    })
  }

  /**
   * Whether the lock is still its own. A folder can be deleted, moved or made anew beneath, and a lock be taken by who does not see this
   * process: what is written into files that nobody finds is not durable, and what is there by now is another's.
   */
  #isOurs(): boolean {
    const held = this.#held
    if (held === undefined) return false
    const lock = `${this.path}/lock`
    try {
      const { ino, dev } = this.#fs.statSync(lock)
      // Not every file system gives a file the same number each time.
      return ino === held.stat.ino && dev === held.stat.dev || this.#look(lock, file => file.mark) === held.mark
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(String(codeOf(error)))) return false
      throw error
    }
  }

  #own(): void {
    if (!this.#isOurs()) throw new EddylineError('STORAGE_LOCKED', `\`${this.path}\` was deleted, or is used by another process by now`)
  }

  list(): string[] { return this.#fs.readdirSync(this.path) }

  file(name: string): File {
    const fs = this.#fs
    this.#own()
    const path = `${this.path}/${name}`
    const isNew = !this.list().includes(name)
    if (isNew) fs.closeSync(fs.openSync(path, 'a'))
    const fd = fs.openSync(path, 'r+')
    // The name of a new file is in the folder, which has to be written, too.
    if (isNew) this.#syncFolder()
    const isLinked = fs.fstatSync(fd).nlink > 0
    return {
      size: () => {
        const { size, nlink } = fs.fstatSync(fd)
        if (isLinked && nlink === 0) throw new Error(`\`${path}\` was deleted`)
        return size
      },
      read: (into, at) => fs.readSync(fd, into, 0, into.length, at),
      write: (bytes, at) => fs.writeSync(fd, bytes, 0, bytes.length, at),
      truncate: size => { if (fs.fstatSync(fd).size > size) fs.ftruncateSync(fd, size) },
      flush: () => new Promise<void>((resolve, reject) => { fs.fsync(fd, error => { if (error) reject(error as Error); else resolve() }) }).then(() => { this.#own() }),
      close: () => { fs.closeSync(fd) },
    }
  }

  remove(name: string): void {
    this.#own()
    this.#fs.rmSync(`${this.path}/${name}`, { force: true })
  }

  close(): void {
    const held = this.#held
    if (held === undefined) return
    // In this order: who finds it closed may take it over if it is still there.
    try { if (this.#isOurs()) this.#fs.rmSync(`${this.path}/lock`, { force: true }) } finally {
      this.#held = undefined
      this.#fs.closeSync(held.fd)
    }
  }

  /** Not every system lets folders be opened; those that do not, need not. */
  #syncFolder(): void {
    let fd: number
    try { fd = this.#fs.openSync(this.path, 'r') } catch { return }
    try { this.#fs.fsyncSync(fd) } catch { /* as above */ } finally { this.#fs.closeSync(fd) }
  }
}
