// Handles of a long list, fetched when they are needed.
import { later } from './breathe.js'
import type { Port } from './port.js'

/** Handles that are fetched at a time: a tenth of a millisecond. */
export const PART = 1 << 14
/** Milliseconds that a turn takes while nothing else goes on. */
const TURN = 3

/**
 * Of a million rows a page shows some, and their handles are 5 to 10 ms: those near to what is looked at are fetched at once, the others
 * turn by turn soon after; what is left is fetched before the engine's list changes, so all are those of one version.
 */
export class Handles {
  readonly #parts: (Int32Array | undefined)[]
  readonly #port: Port
  readonly #view: number
  #left: number

  /** `first`: the first part, which is there. */
  constructor(port: Port, view: number, length: number, first: Int32Array) {
    this.#port = port
    this.#view = view
    this.#left = Math.ceil(length / PART) - 1
    this.#parts = new Array<Int32Array | undefined>(this.#left + 1).fill(undefined)
    this.#parts[0] = first
    port.owe(this.rest)
    const turn = (): void => {
      if (this.#left === 0 || port.dead !== undefined) return
      this.rest(performance.now() + TURN)
      later(turn)
    }
    later(turn)
  }

  at(i: number): number { return (this.#parts[Math.floor(i / PART)] ?? this.#fetch(Math.floor(i / PART)))[i % PART] }

  #fetch(part: number): Int32Array {
    const port = this.#port
    const address = port.call('slice', this.#view, part * PART, PART) >>> 2
    port.fresh()
    if (--this.#left === 0) port.paid(this.rest)
    // Copied: making a cell may call the engine, which may move its buffers.
    return this.#parts[part] = port.i32.slice(address + 1, address + 1 + port.i32[address])
  }

  /** Fetches what is not there, until some time. */
  rest = (until = Infinity): void => {
    for (let part = 0; this.#left > 0 && part < this.#parts.length; part++) {
      if (this.#parts[part] !== undefined) continue
      this.#fetch(part)
      if (performance.now() > until) return
    }
  }
}
