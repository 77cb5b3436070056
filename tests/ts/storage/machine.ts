// A machine whose processes are killed and whose power fails: what the next process finds of files that were written and not flushed.
import { type File, type Folder } from '../../../pkg/storage/index.js'

type Random = (n: number) => number
interface Held { now: Uint8Array; safe: Uint8Array }

/** Bytes that reach the disk together. */
const SECTOR = 512
const none = new Uint8Array()

const named = (name: string): Error => Object.assign(new Error(name), { name })

export class Machine {
  files = new Map<string, Held>()
  /** Files whose removal is not on the disk for certain, in order. */
  #removed: [string, Held][] = []
  holder: Process | undefined
  /** The disk has no more room: for files of these names. */
  full: RegExp | undefined
  /** So many operations more work; then one fails, and no other. */
  failsIn = Infinity
  isUnreadable = false
  constructor(readonly rnd: Random) {}

  process(): Process { return new Process(this) }

  /** Made anew, as by a host that writes the names of new files at once: what went before has gone. */
  create(name: string): Held {
    this.#removed = []
    const file = { now: none, safe: none }
    this.files.set(name, file)
    return file
  }

  remove(name: string): void {
    const file = this.files.get(name)
    if (file === undefined) return
    this.#removed.push([name, file])
    this.files.delete(name)
  }

  /** The power fails: of what was not flushed any sectors are there, in whatever order they were written. */
  off(): void {
    const { rnd } = this
    for (const [name, file] of this.#removed.slice(rnd(this.#removed.length + 1))) this.files.set(name, file)
    this.#removed = []
    for (const file of this.files.values()) {
      const { now, safe } = file
      const isInOrder = rnd(2) === 0
      let length = now === safe || rnd(3) === 0 ? now.length : Math.min(now.length, safe.length) + rnd(Math.abs(now.length - safe.length) + 1)
      if (isInOrder && now.length > safe.length) length = safe.length + rnd(now.length - safe.length + 1)
      const left = new Uint8Array(length)
      for (let at = 0; at < length; at += SECTOR) {
        const isThere = isInOrder || rnd(3) > 0
        const from = isThere && at < now.length ? now : safe
        left.set(from.subarray(at, Math.min(at + SECTOR, length)), at)
      }
      file.now = file.safe = left
    }
  }
}

/** What one process has of it: folders are opened by one of them at a time. */
export class Process implements Folder {
  readonly kind = 'memory'
  isDead = false
  /** So many operations more are done; it is killed in the next one. */
  diesIn = Infinity
  constructor(readonly machine: Machine) {}

  #alive(): void { if (this.isDead) throw new Error('killed') }

  kill(): void {
    this.isDead = true
    if (this.machine.holder === this) this.machine.holder = undefined
  }

  /** An operation that changes something; `part` is what there may be of one in which it is killed or fails. */
  #does(name: string, run: () => void, part: () => void = () => {}): void {
    this.#alive()
    const { machine } = this
    if (this.diesIn-- <= 0) {
      if (machine.rnd(3) === 0) run()
      else if (machine.rnd(2) === 0) part()
      this.kill()
      throw new Error('killed')
    }
    if (machine.full?.test(name) === true) { if (machine.rnd(3) === 0) part(); throw named('QuotaExceededError') }
    if (machine.failsIn-- <= 0) { machine.failsIn = Infinity; if (machine.rnd(2) === 0) part(); throw new Error('it failed') }
    run()
  }

  open(): void {
    this.#alive()
    if (this.machine.holder !== undefined) throw named('NoModificationAllowedError')
    this.machine.holder = this
  }
  close(): void { if (this.machine.holder === this) this.machine.holder = undefined }
  list(): string[] {
    this.#alive()
    if (this.machine.isUnreadable) throw new Error('not now')
    return [...this.machine.files.keys()]
  }
  remove(name: string): void { this.#does('remove', () => { this.machine.remove(name) }) }

  file(name: string): File {
    this.#alive()
    const { machine } = this
    if (!machine.files.has(name)) this.#does(name, () => { machine.create(name) })
    const file = machine.files.get(name)!
    const put = (bytes: Uint8Array, at: number): void => {
      const larger = new Uint8Array(Math.max(file.now.length, at + bytes.length))
      larger.set(file.now)
      larger.set(bytes, at)
      file.now = larger
    }
    return {
      size: () => { this.#alive(); return file.now.length },
      read: (into, at) => {
        this.#alive()
        const part = file.now.subarray(at, at + into.length)
        into.set(part)
        return part.length
      },
      write: (bytes, at) => {
        this.#does(name, () => { put(bytes, at) }, () => { put(bytes.subarray(0, machine.rnd(bytes.length)), at) })
        return bytes.length
      },
      truncate: size => { if (size < file.now.length) this.#does('truncate', () => { file.now = file.now.slice(0, size) }) },
      flush: async () => {
        await new Promise(resolve => { setImmediate(resolve) })
        this.#does('flush', () => { file.safe = file.now })
      },
      close: () => {},
    }
  }
}
