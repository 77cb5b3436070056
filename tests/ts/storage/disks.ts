// Disks in memory, as the tests of failures need them: full, held by one at a time, left as by a killed process.
import { type File, MemoryFolder, type StoreOptions, memory } from '../../../pkg/storage/index.js'
import { type Db, stateOf } from './stream.js'

/** Storage of a folder that says nothing on the console. */
export const kept = (folder: MemoryFolder, options?: StoreOptions) => memory(folder, { onWarning: () => {}, ...options })

/** What a database has of the stream and of the entries `my`; where it is has the storage, it is stored so. */
export const look = (db: Db): unknown[] => [db.cursor('s'), [...db.durability!.entries('my')], stateOf(db)]

/** What is stored, for who looks at it while somebody has it. */
export function copyOf({ files }: MemoryFolder): MemoryFolder {
  const copy = new MemoryFolder()
  for (const [name, { bytes, size }] of files) copy.files.set(name, { bytes: bytes.slice(), size })
  return copy
}

const noRoom = (): never => { throw Object.assign(new Error('no room'), { name: 'QuotaExceededError' }) }

/** A disk that is full for files of some names, while somebody says so. */
export class Disk extends MemoryFolder {
  full: RegExp | undefined
  /** What a flush waits for. */
  flushed: () => Promise<void> | void = () => {}
  override file(name: string): File {
    const file = super.file(name)
    return { ...file, flush: () => this.flushed(), write: (bytes, at) => this.full?.test(name) ? noRoom() : file.write(bytes, at) }
  }
  /** What the next process finds if this one is killed now. */
  killed(): MemoryFolder { return copyOf(this) }
}

interface Place { holder?: Held; isFull?: boolean; isUnheard?: boolean; isUnreadable?: boolean }

/**
 * Files that one at a time has open, as files of a system: who has not opened them does not let them go. Who has them can lose them, as when a tab
 * is frozen or a connection ends (`delete place.holder`); who is killed (`isDead`) does nothing more.
 */
export class Held extends MemoryFolder {
  override readonly files: MemoryFolder['files']
  isDead = false
  /** What a flush waits for. */
  flushed: () => Promise<void> | undefined = () => undefined
  constructor(readonly place: Place = {}, files: MemoryFolder['files'] = new Map()) { super(); this.files = files }

  /** The same files for another one. */
  again(): Held { return Object.assign(new Held(this.place, this.files), { flushed: this.flushed }) }

  #alive(): void { if (this.isDead) throw new Error('killed') }
  override open(): void {
    this.#alive()
    if (this.place.holder !== undefined) throw Object.assign(new Error('it is in use'), { name: 'NoModificationAllowedError' })
    this.place.holder = this
  }
  override close(): void { if (this.place.holder === this) delete this.place.holder }
  override list(): string[] {
    this.#alive()
    if (this.place.isUnreadable) throw new Error('not now')
    return super.list()
  }
  override remove(name: string): void { this.#alive(); super.remove(name) }
  override file(name: string): File {
    this.#alive()
    const file = super.file(name)
    const flushed = (): void => { this.#alive(); if (this.place.isUnheard) throw new Error('unheard') }
    return {
      ...file,
      write: (bytes, at) => { this.#alive(); return this.place.isFull ? noRoom() : file.write(bytes, at) },
      truncate: n => { this.#alive(); file.truncate(n) },
      flush: () => { const wait = this.flushed(); return wait === undefined ? flushed() : wait.then(flushed) },
    }
  }
}

/** One task of the host. */
export const turn = (): Promise<void> => new Promise(resolve => { setImmediate(resolve) })
export const turns = async (count: number): Promise<void> => { for (let i = 0; i < count; i++) await turn() }
