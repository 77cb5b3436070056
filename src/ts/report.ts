import type { Port } from './port.js'
import type { Relations } from './rows.js'
import type { View } from './view.js'

// Words of the head of a report: www/docs/boundary.md.
export const WORDS = 0, VERSION = 1, FLAGS = 2, CHANGED = 3, IGNORED = 4, SECTIONS = 5, FREED = 6, TOUCHES = 7, HEAD = 8
// Flags.
export const REPLAYED = 1, NAMED = 4, OVER = 8, CAME = 16

// Kinds of patches.
export const ADD = 1, REMOVE = 2, MOVE = 3, SET = 4, ONE = 5, SWAP = 6, FILL = 7, KIND = 0xff, INNER = 0x100

/** Reads reports. Its fields hold what the last one brought, so that a commit allocates nothing for it. */
export class ReportReader {
  /** Views that changed: the first `count`. */
  readonly changed: (View | undefined)[] = []
  count = 0
  /** Where the touch records begin, as a word. */
  touchesAt = 0

  constructor(readonly port: Port, readonly relations: Relations, readonly views: ReadonlyMap<number, View>) {}

  /**
   * Hands the sections of a report to their views, then drops the freed handles.
   *
   * Freed last: until then every handle that a patch names can still be read.
   */
  absorb(address: number): void {
    const { port, views } = this
    port.fresh()
    const words = port.i32
    let at = address >>> 2
    const version = words[at + VERSION]
    const sections = words[at + SECTIONS]
    const freed = words[at + FREED]
    at += HEAD
    let count = 0
    for (let s = 0; s < sections; s++) {
      const view = views.get(words[at])
      if (view !== undefined) {
        if (view.absorb(words, at + 4, words[at + 2], version, words[at + 1] !== 0)) this.changed[count++] = view
      }
      at += 4 + words[at + 3]
    }
    // Pairs first: the row of a pair may be read when it goes, and that would make a cell of a member that is gone already.
    if (freed > 1) this.#free(words, at, freed, true)
    this.touchesAt = this.#free(words, at, freed, false)
    this.count = count
  }

  /** Drops the freed handles, those of pairs only or all; the word behind the sections. Dropping one again does nothing. */
  #free(words: Int32Array, at: number, freed: number, pairs: boolean): number {
    const { relations } = this
    for (let s = 0; s < freed; s++) {
      const rel = words[at]
      const n = words[at + 1]
      at += 2
      if (!pairs || relations.isPair(rel)) relations.free(rel, words, at, at + n)
      at += n
    }
    return at
  }
}
