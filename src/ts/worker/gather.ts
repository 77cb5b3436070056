// Which rows the page has, and the bytes of those that it has not.
import { rowBytes } from '../keeper.js'
import { PackedLayout } from '../layout.js'
import type { Port, RelationInfo } from '../port.js'
import { type RowsMessage, slotOf } from './messages.js'

/** Numbers, appended. */
class Words {
  values = new Int32Array(48)
  count = 0
  push(value: number): void {
    if (this.count === this.values.length) {
      const grown = new Int32Array(this.count * 2)
      grown.set(this.values)
      this.values = grown
    }
    this.values[this.count++] = value
  }
  taken(): Int32Array<ArrayBuffer> { return this.values.slice(0, this.count) }
}

/** A set of handles by relation. */
export class Handles {
  readonly flags = new Map<number, Uint8Array>()

  /** Whether it was not in it. */
  add(rel: number, handle: number): boolean {
    let flags = this.flags.get(rel)
    if (flags === undefined || handle >= flags.length) {
      const grown = new Uint8Array(Math.max(handle + 1, (flags?.length ?? 32) * 2))
      if (flags !== undefined) grown.set(flags)
      this.flags.set(rel, flags = grown)
    }
    if (flags[handle] !== 0) return false
    flags[handle] = 1
    return true
  }
  has(rel: number, handle: number): boolean { const flags = this.flags.get(rel); return flags !== undefined && handle < flags.length && flags[handle] !== 0 }
  /** How many there are. */
  count(): number {
    let n = 0
    for (const flags of this.flags.values()) for (let i = 0; i < flags.length; i++) n += flags[i]
    return n
  }
  /** Whether it was in it. */
  delete(rel: number, handle: number): boolean {
    if (!this.has(rel, handle)) return false
    this.flags.get(rel)![handle] = 0
    return true
  }
}

/** A relation as the worker sees it. */
export type Kind = { readonly layout: PackedLayout } | { readonly left: number; readonly right: number }

export const kindOf = (info: RelationInfo): Kind => info.kind === 'packed' ? { layout: new PackedLayout(info) } : { left: info.left, right: info.right }

/** Collects the rows that the page needs and has not, with the members of pairs. */
export class Gatherer {
  /** Rows and pairs sent so far. */
  sent = 0
  #bytes = new Uint8Array(4096)
  #used = 0
  #packed = new Words()
  #pairs = new Words()

  constructor(readonly port: Port, readonly kinds: ReadonlyMap<number, Kind>, public known: Handles) {}

  /** The page is to have a row. */
  need(rel: number, handle: number): void {
    if (handle < 0 || !this.known.add(rel, handle)) return
    this.sent++
    const { port } = this
    const kind = this.kinds.get(rel)!
    if ('layout' in kind) {
      const at = port.rowPtr(rel, handle)
      port.fresh()
      const bytes = rowBytes(port, kind.layout, at)
      const from = this.#used
      this.#reserve(from + slotOf(bytes))
      this.#bytes.set(port.u8.subarray(at, at + bytes), from)
      this.#packed.push(rel); this.#packed.push(handle); this.#packed.push(from)
      return
    }
    const left = port.member(rel, handle, false), right = port.member(rel, handle, true)
    this.#pairs.push(rel); this.#pairs.push(handle); this.#pairs.push(left); this.#pairs.push(right)
    this.need(kind.left, left)
    this.need(kind.right, right)
  }

  /** What was collected, if anything. */
  take(): RowsMessage | undefined {
    if (this.#packed.count === 0 && this.#pairs.count === 0) return undefined
    const rows = { bytes: this.#bytes.slice(0, this.#used), packed: this.#packed.taken(), pairs: this.#pairs.taken() }
    if (this.#used > 1 << 20) this.#bytes = new Uint8Array(4096)
    this.#used = 0
    this.#packed = new Words()
    this.#pairs = new Words()
    return rows
  }

  #reserve(bytes: number): void {
    if (bytes > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(bytes, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = grown
    }
    this.#used = bytes
  }
}

/** Marks rows in place of collecting them. */
export class Marker {
  /** Rows looked at, those of several views as often. */
  walked = 0
  constructor(readonly port: Port, readonly kinds: ReadonlyMap<number, Kind>, readonly live: Handles) {}

  need(rel: number, handle: number): void {
    this.walked++
    if (handle < 0 || !this.live.add(rel, handle)) return
    const kind = this.kinds.get(rel)!
    if ('layout' in kind) return
    this.need(kind.left, this.port.member(rel, handle, false))
    this.need(kind.right, this.port.member(rel, handle, true))
  }
}
