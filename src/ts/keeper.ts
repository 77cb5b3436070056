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

  /** Copies the row at `at`, or its first `vars` texts and their like; the block that holds it now. */
  take(port: Port, at: number, layout: PackedLayout, vars = layout.varCount): Kept {
    port.fresh()
    const bytes = rowBytes(port, layout, at, vars)
    const block = this.#room(bytes)
    this.at = copied(port, at, bytes, block)
    return block
  }

  /** The same of several rows, −1 where there is none: where each is stands before them. */
  takeAll(port: Port, at: readonly number[], layouts: readonly PackedLayout[], vars: readonly number[]): Kept {
    port.fresh()
    let all = 4 * at.length
    for (let i = 0; i < at.length; i++) if (at[i] >= 0) all += rowBytes(port, layouts[i], at[i], vars[i]) + 3 & ~3
    const block = this.#room(all)
    const from = this.at = block.used
    block.used += 4 * at.length
    for (let i = 0; i < at.length; i++) block.i32[(from >> 2) + i] = at[i] < 0 ? -1 : copied(port, at[i], rowBytes(port, layouts[i], at[i], vars[i]), block)
    return block
  }

  /** A block with so much room. */
  #room(bytes: number): Kept {
    const block = this.#block
    if (block !== undefined && block.used + bytes <= block.u8.length) return block
    const next = new Kept(Math.max(BLOCK, bytes + 3 & ~3))
    // A large row has a block of its own, and the rest of the present one stays in use.
    if (bytes < BLOCK >> 2) this.#block = next
    return next
  }
}

/** Appends the row at `at`; where it is now. */
function copied(port: Port, at: number, bytes: number, block: Kept): number {
  const to = block.used
  const words = (bytes + 3) >>> 2
  if ((at & 3) === 0 && words < 128 && at + words * 4 <= port.u8.length) {
    const from = at >>> 2, target = to >>> 2
    const { i32 } = port, mine = block.i32
    for (let w = 0; w < words; w++) mine[target + w] = i32[from + w]
  } else block.u8.set(port.u8.subarray(at, at + bytes), to)
  block.used = to + words * 4
  return to
}

/** Bytes of the packed row at `at`: its fixed part, and its heap up to the end of its first `vars` texts and their like. */
export function rowBytes(port: Port, layout: PackedLayout, at: number, vars = layout.varCount): number {
  return layout.heapAt + (vars > 0 ? port.view.getUint32(at + layout.varAt + 4 * (vars - 1), true) : 0)
}
