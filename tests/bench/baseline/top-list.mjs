// By hand: the first 50 of one filter and one order. Keeping all matching rows sorted would cost a splice of the whole
// array per change; the best that we know keeps the first few hundred and looks through all rows when those run out.
import { add, before, changedFields, differs, move, placeOf, remove, rowAfter, set } from './patches.mjs'

const RESERVE = 200

export class TopList {
  rows = new Map()
  /** The best rows in order: all that come before the last of them are here. */
  best = []
  refills = 0

  constructor(matches, listener, size) {
    this.matches = matches
    this.listener = listener
    this.size = size
  }

  load(rows) {
    for (const row of rows) this.rows.set(row.id, row)
  }

  ready(order) {
    this.order = order
    this.best = [...this.rows.values()].filter(this.matches).sort(order).slice(0, RESERVE)
  }

  refill() {
    this.refills++
    this.ready(this.order)
  }

  get list() { return this.best.slice(0, this.size) }

  apply(change) {
    const { rows, best, size, matches } = this
    const id = change.op === 'upsert' ? change.row.id : change.id
    const old = rows.get(id)
    const now = rowAfter(old, change)
    if (!differs(old, now)) return
    rows.set(id, now)
    const end = best[best.length - 1]
    // Rows behind the reserve are not held: the reserve only shrinks by what leaves it.
    const from = matches(old) && !before(end, old) ? placeOf(best, old) : -1
    const enters = matches(now) && before(now, end)
    if (from < 0 && !enters) return
    if (from >= 0 && enters && old.updatedAt === now.updatedAt) {
      best[from] = now
      if (from < size) this.listener({ diff: [set(id, changedFields(old, now))] })
      return
    }
    let to = -1
    if (enters) {
      to = placeOf(best, now)
      if (from >= 0) {
        // Where it belongs once the old row is gone. A loop over what lies between is quicker than two calls of `splice`.
        if (to > from) to--
        if (from < to) for (let i = from; i < to; i++) best[i] = best[i + 1]
        else for (let i = from; i > to; i--) best[i] = best[i - 1]
        best[to] = now
      } else {
        best.splice(to, 0, now)
        if (best.length > 2 * RESERVE) best.length = RESERVE
      }
    } else best.splice(from, 1)
    if (best.length < size) this.refill()
    const wasIn = from >= 0 && from < size
    const isIn = to >= 0 && to < size
    if (wasIn && isIn) {
      const patch = set(id, changedFields(old, now))
      this.listener({ diff: from === to ? [patch] : [move(id, from, to), patch] })
    } else if (isIn) {
      const out = this.best[size]
      const entered = add(id, to, now)
      this.listener({ diff: out === undefined ? [entered] : [remove(out.id, size - 1), entered] })
    } else if (wasIn) {
      const next = this.best[size - 1]
      const left = remove(id, from)
      this.listener({ diff: next === undefined ? [left] : [left, add(next.id, size - 1, next)] })
    }
  }
}
