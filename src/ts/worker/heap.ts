// The page's copy of the packed rows that its views show: memory like the engine's, so that all else reads it as it is.
import { EddylineError } from '../errors.js'
import { type RowsMessage, slotOf } from './messages.js'

/** Rows between which the page may draw. */
const PORTION = 1024

const FIRST = 1 << 16, MOST = 2 ** 31 - 65536
/** The first address: 0 is none. */
const LEAST = 64

/** Numbers by handle. */
class Table {
  values = new Int32Array(64)
  set(at: number, value: number): void {
    if (at >= this.values.length) {
      const grown = new Int32Array(Math.max(at + 1, this.values.length * 2))
      grown.set(this.values)
      this.values = grown
    }
    this.values[at] = value
  }
  get(at: number): number { return at < this.values.length ? this.values[at] : 0 }
}

function tableOf(tables: Map<number, Table>, rel: number): Table {
  let table = tables.get(rel)
  if (table === undefined) tables.set(rel, table = new Table())
  return table
}

/**
 * Rows by relation and handle, in one buffer with free lists by size.
 *
 * Many rows that come at once are one copy, laid out as they came; each is given back by itself.
 */
export class RowHeap {
  buffer = new ArrayBuffer(FIRST)
  /** Called when `buffer` is another one. What was read of the old one stays as it was. */
  onGrow: () => void = () => {}
  /** Rows that are held, and the bytes of their slots. */
  rows = 0
  bytes = 0
  #u8 = new Uint8Array(this.buffer)
  #i32 = new Int32Array(this.buffer)
  #top = LEAST
  #free = 0
  /** First free slot by size; each holds the address of the next. */
  readonly #slots = new Map<number, number>()
  readonly #at = new Map<number, Table>()
  readonly #size = new Map<number, Table>()
  /** Members of pairs, each plus 2, so that 0 is an unknown one. */
  readonly #left = new Map<number, Table>()
  readonly #right = new Map<number, Table>()

  /** Address of a slot of at least `bytes`. */
  alloc(bytes: number): number {
    const size = slotOf(bytes)
    const free = this.#slots.get(size)
    if (free !== undefined && free !== 0) {
      this.#slots.set(size, this.#i32[free >>> 2] >>> 0)
      this.#free -= size
      return free
    }
    const at = this.#top
    this.#need(at + size)
    this.#top = at + size
    return at
  }

  /** Gives a slot back. */
  release(at: number, bytes: number): void {
    const size = slotOf(bytes)
    this.#free += size
    this.#i32[at >>> 2] = this.#slots.get(size) ?? 0
    this.#slots.set(size, at)
  }

  put(at: number, bytes: Uint8Array): void { this.#u8.set(bytes, at) }

  putWords(words: Int32Array): number {
    const at = this.alloc(words.length * 4 + 4)
    this.#i32.set(words, at >>> 2)
    return at
  }

  /** Takes rows and pairs. It gives way after every thousand of them; the rest is still to come then. */
  *load({ bytes, packed, pairs }: RowsMessage): Generator<void, void, void> {
    const whole = packed.length > 192 && this.#free < bytes.length
    let base = 0
    if (whole) {
      base = this.#top
      this.#need(base + bytes.length)
      this.#top = base + bytes.length
    }
    for (let next = 0; next < packed.length;) {
      const first = next
      next = Math.min(first + PORTION * 3, packed.length)
      const end = next < packed.length ? packed[next + 2] : bytes.length
      if (whole) this.put(base + packed[first + 2], bytes.subarray(packed[first + 2], end))
      for (let i = first; i < next; i += 3) {
        const rel = packed[i], handle = packed[i + 1], from = packed[i + 2]
        const size = (i + 3 < next ? packed[i + 5] : end) - from
        this.#drop(rel, handle)
        const at = whole ? base + from : this.alloc(size)
        if (!whole) this.put(at, bytes.subarray(from, from + size))
        tableOf(this.#at, rel).set(handle, at)
        tableOf(this.#size, rel).set(handle, size)
        this.rows++
        this.bytes += slotOf(size)
      }
      yield
    }
    for (let i = 0; i < pairs.length; i += 4) {
      tableOf(this.#left, pairs[i]).set(pairs[i + 1], pairs[i + 2] + 2)
      tableOf(this.#right, pairs[i]).set(pairs[i + 1], pairs[i + 3] + 2)
      if (i % (PORTION * 4) === 0) yield
    }
  }

  /** A handle is free: its row or pair goes. */
  free(rel: number, handle: number): void {
    this.#drop(rel, handle)
    this.#left.get(rel)?.set(handle, 0)
  }

  /** A relation is gone with all of it. */
  forget(rel: number): void {
    const at = this.#at.get(rel)
    for (let handle = 0; at !== undefined && handle < at.values.length; handle++) this.#drop(rel, handle)
    for (const tables of [this.#at, this.#size, this.#left, this.#right]) tables.delete(rel)
  }

  rowPtr(rel: number, handle: number): number {
    const at = this.#at.get(rel)?.get(handle) ?? 0
    if (at === 0) throw new EddylineError('ENGINE_CRASHED', `the page has no row ${handle} of relation ${rel}, which is a bug of eddyline`)
    return at
  }

  member(rel: number, handle: number, right: boolean): number {
    const member = (right ? this.#right : this.#left).get(rel)?.get(handle) ?? 0
    if (member === 0) throw new EddylineError('ENGINE_CRASHED', `the page has no pair ${handle} of relation ${rel}, which is a bug of eddyline`)
    return member - 2
  }

  #drop(rel: number, handle: number): void {
    const table = this.#at.get(rel)
    const at = table?.get(handle) ?? 0
    if (at === 0) return
    const size = this.#size.get(rel)!.get(handle)
    table!.set(handle, 0)
    this.release(at, size)
    this.rows--
    this.bytes -= slotOf(size)
  }

  /** Begins anew where nothing is held but `own` bytes, which go: gives back what lists of before took, in slots of other sizes perhaps. Whether it has. */
  restart(own: number): boolean {
    if (this.#free + own !== this.#top - LEAST || this.buffer.byteLength <= FIRST) return false
    this.#slots.clear()
    this.#free = 0
    this.#top = LEAST
    this.#take(new ArrayBuffer(FIRST))
    return true
  }

  #need(bytes: number): void {
    if (bytes <= this.buffer.byteLength) return
    if (bytes > MOST) throw new EddylineError('VALUE_TOO_LARGE', 'the rows that the page shows take more than 2 GB')
    const grown = new ArrayBuffer(Math.min(MOST, Math.max(bytes, Math.ceil(this.buffer.byteLength * 1.5 / 65536) * 65536)))
    const before = this.#u8.subarray(0, this.#top)
    this.#take(grown)
    this.#u8.set(before)
  }

  #take(buffer: ArrayBuffer): void {
    this.buffer = buffer
    this.#u8 = new Uint8Array(buffer)
    this.#i32 = new Int32Array(buffer)
    this.onGrow()
  }
}
