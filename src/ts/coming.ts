// Patches of many rows that come, made when somebody looks at them.
import type { Patch } from './patches.js'
import { ADD, FILL, KIND } from './report.js'
import { Unread, WEAK } from './unread.js'
import { Added } from './view-patches.js'
import type { Level } from './view-tree.js'

/** Fewer are made at once. */
const MANY = 64

/**
 * A diff of rows that come and nothing else: of a slice of a large query, or of a large batch. Nobody may look at it; a cell and a patch for
 * each row are most of what such a version costs then, and the cells stay.
 *
 * It can be looked at for ever: a row that changes or goes before is kept for it as it was.
 */
export class Coming {
  readonly #since: number
  readonly #unread: Unread
  /** Of each row its place and its handle. */
  #rows: Int32Array
  #made: readonly Patch[] | undefined

  private constructor(readonly level: Level, words: Int32Array, at: number, readonly length: number, isFill: boolean) {
    const rows = this.#rows = new Int32Array(2 * length)
    let most = 0
    for (let i = 0; i < length; i++) {
      const handle = rows[2 * i + 1] = isFill ? words[at + 8 + i] : words[at + 8 * i + 5]
      rows[2 * i] = isFill ? i : words[at + 8 * i + 3]
      if (handle > most) most = handle
    }
    const { table } = level
    const unread = this.#unread = table.unread ??= new Unread(table)
    this.#since = unread.enter(this, most + 1)
    for (let i = 1; i < rows.length; i += 2) unread.show(rows[i])
  }

  /** The diff of some patches of a flat list, if it can wait. */
  static of(level: Level, words: Int32Array, at: number, patches: number): Coming | undefined {
    const isFill = patches === 1 && (words[at] & KIND) === FILL
    const count = isFill ? words[at + 4] : patches
    if (count < MANY || !WEAK) return undefined
    if (!isFill) for (let n = 0; n < count; n++) if ((words[at + 8 * n] & KIND) !== ADD) return undefined
    return new Coming(level, words, at, count, isFill)
  }

  get isMade(): boolean { return this.#made !== undefined }

  make(): readonly Patch[] {
    if (this.#made !== undefined) return this.#made
    const rows = this.#rows
    const diff: Patch[] = []
    for (let i = 0; i < rows.length; i += 2) {
      diff.push(new Added(this.level, undefined, rows[i], this.#unread.cellOf(rows[i + 1], this.#since), undefined) as Patch)
    }
    this.#rows = NONE
    return this.#made = diff
  }
}

const NONE = /* @__PURE__ */ new Int32Array(0)
