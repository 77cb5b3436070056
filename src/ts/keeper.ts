// Copies of rows whose handles are gone while somebody may still read them.
import type { RowMemory } from './decoder.js'
import type { PackedLayout } from './layout.js'
import type { Port } from './port.js'

// Rows that are kept share blocks: an array of its own would cost each more than its copy, and a block lives as long as a
// row in it may be read.
const BLOCK = 8192

/** A block of rows whose handles are gone. */
export class Kept implements RowMemory {
  readonly u8: Uint8Array<ArrayBuffer>
  readonly i32: Int32Array<ArrayBuffer>
  readonly view: DataView<ArrayBuffer>
  used = 0
  constructor(bytes: number) {
    const buffer = new ArrayBuffer(bytes)
    this.u8 = new Uint8Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.view = new DataView(buffer)
  }
  fresh(): void {}
}

/** Copies rows out of the engine's memory before their handles go. */
export class Keeper {
  /** Where in its block the last row taken is. */
  at = 0
  #block: Kept | undefined

  /** Copies the row at `at`; the block that holds it now. */
  take(port: Port, at: number, layout: PackedLayout): Kept {
    port.fresh()
    const bytes = rowBytes(port, layout, at)
    const words = (bytes + 3) >>> 2
    let block = this.#block
    if (block === undefined || block.used + words * 4 > block.u8.length) {
      block = new Kept(Math.max(BLOCK, words * 4))
      // A large row has a block of its own, and the rest of the present one stays in use.
      if (words * 4 < BLOCK >> 2) this.#block = block
    }
    const to = this.at = block.used
    if ((at & 3) === 0 && words < 128 && at + words * 4 <= port.u8.length) {
      const from = at >>> 2, target = to >>> 2
      const { i32 } = port, mine = block.i32
      for (let w = 0; w < words; w++) mine[target + w] = i32[from + w]
    } else block.u8.set(port.u8.subarray(at, at + bytes), to)
    block.used = to + words * 4
    return block
  }
}

/** Bytes of the packed row at `at`: its fixed part, and its heap up to the last end. */
export function rowBytes(port: Port, layout: PackedLayout, at: number): number {
  return layout.heapAt + (layout.varCount > 0 ? port.view.getUint32(at + layout.varAt + 4 * (layout.varCount - 1), true) : 0)
}
