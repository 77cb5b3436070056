// By hand: one filter, one order, a Map of rows and one sorted array that is changed in place.
import { add, changedFields, differs, move, placeOf, remove, rowAfter, set } from './patches.mjs'

export class SortedList {
  rows = new Map()
  list = []

  constructor(matches, listener) {
    this.matches = matches
    this.listener = listener
  }

  load(rows) {
    for (const row of rows) this.rows.set(row.id, row)
  }

  ready(order) {
    this.list = [...this.rows.values()].filter(this.matches).sort(order)
  }

  apply(change) {
    const { rows, matches } = this
    const id = change.op === 'upsert' ? change.row.id : change.id
    const old = rows.get(id)
    const now = rowAfter(old, change)
    if (!differs(old, now)) return
    rows.set(id, now)
    const was = matches(old)
    const is = matches(now)
    if (!was && !is) return
    let diff
    if (was && is) {
      const from = this.place(old)
      let to = from
      if (old.updatedAt !== now.updatedAt) {
        // Where it belongs once the old row is gone.
        to = this.place(now)
        if (to > from) to--
      }
      this.shift(from, to, now, old)
      const patch = set(id, changedFields(old, now))
      diff = to === from ? [patch] : [move(id, from, to), patch]
    } else if (was) {
      const at = this.place(old)
      this.take(at, old)
      diff = [remove(id, at)]
    } else {
      const at = this.place(now)
      this.put(at, now)
      diff = [add(id, at, now)]
    }
    this.listener({ diff, rows: this.list })
  }

  place(row) { return placeOf(this.list, row) }

  shift(from, to, row) {
    // A loop over what lies between: quicker than two calls of `splice`, which move all behind them as well.
    const { list } = this
    if (from < to) for (let i = from; i < to; i++) list[i] = list[i + 1]
    else for (let i = from; i > to; i--) list[i] = list[i - 1]
    list[to] = row
  }

  take(at) { this.list.splice(at, 1) }
  put(at, row) { this.list.splice(at, 0, row) }
}
