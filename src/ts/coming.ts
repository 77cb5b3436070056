// Patches of many rows that come, made when somebody looks at them.
import { EddylineError } from './errors.js'
import type { Patch } from './patches.js'
import { ADD, FILL, KIND } from './report.js'
import { Added } from './view-patches.js'
import type { Level } from './view-tree.js'

/** Fewer are made at once. */
const MANY = 64

/**
 * A diff of rows that come and nothing else: of a slice of a large query, or of a large batch. Nobody may look at it; a cell and a patch for
 * each row are most of what such a version costs then, and the cells stay.
 *
 * It can be looked at while its rows are there: an event that is kept unread says so when they are not.
 */
export class Coming {
  readonly #since: number
  /** Of each row its place and its handle. */
  readonly #rows: Int32Array

  private constructor(readonly level: Level, words: Int32Array, at: number, count: number, isFill: boolean) {
    const rows = this.#rows = new Int32Array(2 * count)
    let most = 0
    for (let i = 0; i < count; i++) {
      const handle = rows[2 * i + 1] = isFill ? words[at + 8 + i] : words[at + 8 * i + 5]
      rows[2 * i] = isFill ? i : words[at + 8 * i + 3]
      if (handle > most) most = handle
    }
    this.#since = level.table.watch(most + 1)
  }

  /** The diff of some patches of a flat list, if it can wait. */
  static of(level: Level, words: Int32Array, at: number, patches: number): Coming | undefined {
    const isFill = patches === 1 && (words[at] & KIND) === FILL
    const count = isFill ? words[at + 4] : patches
    if (count < MANY) return undefined
    if (!isFill) for (let n = 0; n < count; n++) if ((words[at + 8 * n] & KIND) !== ADD) return undefined
    return new Coming(level, words, at, count, isFill)
  }

  make(): readonly Patch[] {
    const { level } = this
    const { table } = level
    const rows = this.#rows
    const diff: Patch[] = []
    for (let i = 0; i < rows.length; i += 2) {
      if (table.isGone(rows[i + 1], this.#since)) {
        throw new EddylineError('STALE_EVENT', 'the diff of an event of many rows must be read before they change: during the call')
      }
      diff.push(new Added(level, undefined, rows[i], table.at(rows[i + 1]), undefined) as Patch)
    }
    return diff
  }
}
