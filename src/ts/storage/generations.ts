// A medium of files: a checkpoint and logs, told apart by generations. Used under Node, in OPFS, and in memory.
import type { Medium } from './medium.js'
import { corrupt, storageError } from './medium.js'
import { isRecord } from './record.js'

type Soon<T> = T | Promise<T>
interface Log { generation: number; file: File; end: number; dirty: boolean }
interface Checkpoint { generation: number; file: File; end: number }

/** A folder of flat files. */
export interface Folder {
  readonly kind: string
  /** Takes hold of it, alone. */
  open(): Soon<void>
  list(): Soon<string[]>
  file(name: string): Soon<File>
  remove(name: string): Soon<void>
  close(): Soon<void>
}

/** An open file, made when it is not there. */
export interface File {
  size(): number
  /** How many bytes were read (written), at least one; none at the end of the file. Anything else is a failure. */
  read(into: Uint8Array, at: number): number
  write(bytes: Uint8Array, at: number): number
  truncate(size: number): void
  /** When it has returned (resolved), what was written survives. */
  flush(): Soon<void>
  close(): void
}

// A frame: magic, bytes, check of all four, bytes from the begin of its append to it; then the record, padded to 8. A checkpoint ends with a frame of
// END and no record.
const FRAME = 0x314d5246, END = 0x31444e45, HEAD = 16
const check = (magic: number, length: number, before: number): number => (Math.imul(length ^ 0x5bd1e995, 0x9e3779b1) ^ magic ^ before) >>> 0
const pad8 = (n: number): number => (n + 7) & ~7
/** Bytes that a disk writes together, at the least. */
const SECTOR = 512
/** Bytes that are looked through at a time. */
const WINDOW = 1 << 16

/**
 * Files `checkpoint-g` and `log-g`. The state is the newest whole checkpoint `g` (none: empty, g = 0), then `log-g`,
 * `log-g+1` and so on: a checkpoint begins its log before it is whole, and older files go when it is.
 *
 * A crash leaves at most one append half written, at the end of the last log, and any sectors of it: it is cut off from the first record that
 * is not whole. Anything else that is wrong is damage. After an append has failed, what it may have left is cut off before the next one.
 *
 * What is read may be of a process that was killed before it had flushed it: it is flushed before anything is written behind it, or removed for it.
 */
export class Generations implements Medium {
  readonly kind: string
  #log: Log | undefined
  #checkpoint: Checkpoint | undefined
  /** The generation of the published checkpoint. */
  #base = 0
  /** It was opened here: one folder may be handed to several, and who was kept out must not let go what another has open. */
  #isOpen = false

  constructor(readonly folder: Folder) { this.kind = folder.kind }

  async open(): Promise<void> {
    try { await this.folder.open() } catch (error) { throw storageError(error, 'the storage cannot be opened', 'STORAGE_UNAVAILABLE') }
    this.#isOpen = true
  }

  async *read(): AsyncIterable<Uint8Array> {
    const { folder } = this
    const names = await folder.list()
    const numbers = (kind: string): number[] => names.flatMap(n => { const m = /^(\w+)-(\d+)$/.exec(n); return m?.[1] === kind ? [Number(m[2])] : [] }).sort((a, b) => a - b)
    const logs = numbers('log')
    const checkpoints = numbers('checkpoint')
    this.#base = 0
    for (const g of [...checkpoints].reverse()) {
      const file = await folder.file(`checkpoint-${g}`)
      try {
        if (!isWhole(file)) continue
        this.#base = g
        for (const record of frames(file, 0, file.size() - HEAD)) {
          if (record === undefined) throw corrupt(`checkpoint ${g}`)
          yield record.bytes
        }
        // Unless what it replaces has gone, which goes below.
        if (checkpoints.some(c => c < g) || logs.some(l => l < g)) await file.flush()
      } finally { file.close() }
      break
    }
    const base = this.#base
    const live = logs.filter(g => g >= base)
    const last = live.at(-1) ?? base
    if (base > 0 || live.length > 0 ? live[0] !== base : false) throw corrupt(`log ${base} is missing`)
    // Leftovers: what came before the checkpoint, and checkpoints that were never finished; not before it is known that this is what they are.
    for (const g of checkpoints) if (g !== base) await folder.remove(`checkpoint-${g}`)
    for (const g of logs) if (g < base) await folder.remove(`log-${g}`)
    for (let g = live[0] ?? base; g <= last; g++) {
      if (live.length > 0 && !live.includes(g)) throw corrupt(`log ${g} is missing`)
      const file = await folder.file(`log-${g}`)
      let isKept = false
      try {
        const size = file.size()
        let end = 0
        for (const record of frames(file, 0, size)) {
          if (record === undefined) break
          end = record.end
          yield record.bytes
        }
        if (end < size) {
          if (g < last || isDamage(file, end, size)) throw corrupt(`log ${g}, byte ${end}`)
          file.truncate(end)
        }
        if (g === last && size > 0) await file.flush()
        isKept = g === last
        if (isKept) this.#log = { generation: g, file, end, dirty: false }
      } finally { if (!isKept) file.close() }
    }
  }

  async append(records: readonly Uint8Array[]): Promise<void> {
    const log = this.#opened()
    try {
      if (log.dirty) { log.file.truncate(log.end); log.dirty = false }
      log.dirty = true
      let end = log.end
      // One write: records go out in as few steps as the host allows.
      const bytes = framed(records)
      writeAll(log.file, bytes, end)
      end += bytes.length
      await log.file.flush()
      log.end = end
      log.dirty = false
    } catch (error) { throw storageError(error, 'a transaction could not be written') }
  }

  async begin(): Promise<void> {
    const log = this.#opened()
    try {
      if (log.dirty) { log.file.truncate(log.end); await log.file.flush(); log.dirty = false }
      this.#drop()
      const generation = log.generation + 1
      const file = await this.#emptied(`log-${generation}`)
      await orClosed(file, () => file.flush())
      log.file.close()
      this.#log = { generation, file, end: 0, dirty: false }
      this.#checkpoint = { generation, file: await this.#emptied(`checkpoint-${generation}`), end: 0 }
    } catch (error) { throw storageError(error, 'a checkpoint could not be begun') }
  }

  async piece(record: Uint8Array): Promise<void> {
    const c = this.#begun()
    const bytes = framed([record])
    try { writeAll(c.file, bytes, c.end) } catch (error) { throw storageError(error, 'a checkpoint could not be written') }
    c.end += bytes.length
  }

  async publish(): Promise<void> {
    const c = this.#begun()
    try {
      // The rows first: an end on the medium says that everything before it is there.
      await c.file.flush()
      const end = new Uint8Array(HEAD)
      head(new DataView(end.buffer), 0, END, c.end, 0)
      writeAll(c.file, end, c.end)
      await c.file.flush()
      // What it replaces goes now, and does not come back: whatever the host has said of writing, the rows have to be there.
      isOfSize(c.file, c.end + HEAD)
      c.file.close()
      this.#checkpoint = undefined
      this.#base = c.generation
      for (const name of await this.folder.list()) {
        const m = /^(?:log|checkpoint)-(\d+)$/.exec(name)
        if (m !== null && Number(m[1]) < c.generation) await this.folder.remove(name)
      }
    } catch (error) { throw storageError(error, 'a checkpoint could not be finished') }
  }

  async clear(): Promise<void> {
    this.#drop()
    this.#log?.file.close()
    this.#log = undefined
    // The newest last: whatever a crash leaves is a state that was there, or nothing that counts.
    const names = (await this.folder.list()).filter(n => /^(log|checkpoint)-\d+$/.test(n))
    for (const name of names) await this.folder.remove(name)
    const file = await this.#emptied('log-0')
    await orClosed(file, () => file.flush())
    this.#base = 0
    this.#log = { generation: 0, file, end: 0, dirty: false }
  }

  async close(): Promise<void> {
    const log = this.#log
    this.#log = undefined
    try {
      this.#drop()
      log?.file.close()
    } finally {
      if (this.#isOpen) {
        this.#isOpen = false
        await this.folder.close()
      }
    }
  }

  async #emptied(name: string): Promise<File> {
    const file = await this.folder.file(name)
    await orClosed(file, () => { file.truncate(0) })
    return file
  }

  #drop(): void {
    const checkpoint = this.#checkpoint
    this.#checkpoint = undefined
    checkpoint?.file.close()
  }

  #opened(): Log {
    if (this.#log === undefined) throw storageError(new Error('it is not open'), 'the storage')
    return this.#log
  }

  #begun(): Checkpoint {
    if (this.#checkpoint === undefined) throw storageError(new Error('no checkpoint was begun'), 'the storage')
    return this.#checkpoint
  }
}

/** Does something with a file; if it fails the file is closed. */
async function orClosed(file: File, fn: () => Soon<void>): Promise<void> {
  try { await fn() } catch (error) { file.close(); throw error }
}

function head(view: DataView, at: number, magic: number, length: number, before: number): void {
  view.setUint32(at, magic, true)
  view.setUint32(at + 4, length, true)
  view.setUint32(at + 8, check(magic, length, before), true)
  view.setUint32(at + 12, before, true)
}

function framed(records: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(records.reduce((n, r) => n + HEAD + pad8(r.length), 0))
  const view = new DataView(out.buffer)
  let at = 0
  for (const record of records) {
    head(view, at, FRAME, record.length, at)
    out.set(record, at + HEAD)
    at += HEAD + pad8(record.length)
  }
  return out
}

function writeAll(file: File, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) {
    const n = file.write(done === 0 ? bytes : bytes.subarray(done), at + done)
    if (!isCount(n, bytes.length - done)) throw new Error(`${n} of ${bytes.length - done} bytes were written`)
    done += n
  }
  isOfSize(file, at + bytes.length)
}

/** Throws if a file does not end where it was written to: hosts have said that they had written what they had not. */
function isOfSize(file: File, size: number): void {
  const has = file.size()
  if (has !== size) throw new Error(`a file has ${has} bytes after ${size} were written`)
}

const isCount = (n: number, asked: number): boolean => Number.isInteger(n) && n > 0 && n <= asked

function readAll(file: File, at: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  for (let done = 0; done < length;) {
    const n = file.read(out.subarray(done), at + done)
    if (n === 0) return out.subarray(0, done)
    // No end: what cannot be read now must not be cut off as what a crash has left.
    if (!isCount(n, length - done)) throw storageError(new Error(`${n} of ${length - done} bytes were read`), 'the storage cannot be read')
    done += n
  }
  return out
}

/** The frame that begins at `at`: bytes of its record, and from the begin of its append to it; undefined when there is none. */
function frameAt(file: File, at: number, size: number): { length: number; before: number } | undefined {
  if (at + HEAD > size) return undefined
  const bytes = readAll(file, at, HEAD)
  if (bytes.length < HEAD) return undefined
  const view = new DataView(bytes.buffer)
  const length = view.getUint32(4, true), before = view.getUint32(12, true)
  return view.getUint32(0, true) === FRAME && view.getUint32(8, true) === check(FRAME, length, before) && at + HEAD + pad8(length) <= size ? { length, before } : undefined
}

/** The records of a file, and where each ends; undefined, and no more, for the first that is not whole. */
function* frames(file: File, at: number, size: number): Generator<{ bytes: Uint8Array; end: number } | undefined> {
  while (at < size) {
    const frame = frameAt(file, at, size)
    const bytes = frame === undefined ? undefined : readAll(file, at + HEAD, frame.length)
    if (bytes === undefined || bytes.length < frame!.length || !isRecord(bytes)) { yield undefined; return }
    at += HEAD + pad8(frame!.length)
    yield { bytes, end: at }
  }
}

/**
 * Whether a damaged place is not what a power failure has left of the last append, of which the host may have written any sectors: a later append
 * follows, or a record of the same one though no sector between is empty.
 */
function isDamage(file: File, at: number, size: number): boolean {
  let whole: number | undefined
  for (let next = magicBehind(file, at + 8, size); next < size;) {
    const frame = frameAt(file, next, size)
    const isWhole = frame !== undefined && isRecord(readAll(file, next + HEAD, frame.length))
    if (isWhole && next - frame.before > at) return true
    if (isWhole) whole ??= next
    next = magicBehind(file, isWhole ? next + HEAD + pad8(frame.length) : next + 8, size)
  }
  return whole !== undefined && !hasEmptySector(readAll(file, at, whole - at), at)
}

/** The first place from `from` on where a frame may begin; `size` if there is none. */
function magicBehind(file: File, from: number, size: number): number {
  for (let at = from; at < size; at += WINDOW) {
    const bytes = readAll(file, at, Math.min(WINDOW, size - at))
    const view = new DataView(bytes.buffer, 0, bytes.length)
    for (let i = 0; i + 4 <= bytes.length; i += 8) if (view.getUint32(i, true) === FRAME) return at + i
  }
  return size
}

function hasEmptySector(bytes: Uint8Array, at: number): boolean {
  for (let from = 0; from < bytes.length;) {
    const to = from + SECTOR - (at + from) % SECTOR
    if (bytes.subarray(from, to).every(b => b === 0)) return true
    from = to
  }
  return false
}

/** Whether a checkpoint has its end. */
function isWhole(file: File): boolean {
  const size = file.size()
  if (size < HEAD) return false
  const bytes = readAll(file, size - HEAD, HEAD)
  const view = new DataView(bytes.buffer)
  const length = view.getUint32(4, true)
  return bytes.length === HEAD && view.getUint32(0, true) === END && length === size - HEAD && view.getUint32(8, true) === check(END, length, 0)
}
