// By hand: the rows of each project in order, and what a query shows of them: the latest three, or a window function.
import { add, remove, set } from './patches.mjs'
import { changedRow, placeOf } from './groups.mjs'

const byTime = (a, b) => a.updatedAt < b.updatedAt || (a.updatedAt === b.updatedAt && a.id < b.id)
const latestFirst = (a, b) => a.updatedAt > b.updatedAt || (a.updatedAt === b.updatedAt && a.id < b.id)

class Parts {
  rows = new Map()
  parts = new Map()

  constructor(before, listener) {
    this.before = before
    this.listener = listener
  }

  load(rows) {
    for (const row of rows) this.rows.set(row.id, row)
  }

  ready() {
    for (const row of this.rows.values()) {
      const part = this.parts.get(row.projectId)
      if (part === undefined) this.parts.set(row.projectId, [row])
      else part.push(row)
    }
    for (const part of this.parts.values()) part.sort((a, b) => (this.before(a, b) ? -1 : 1))
  }

  /** Moves a row to its new place in its part: `{ part, old, now, from, to }`. */
  move({ id, set: changed }) {
    const old = this.rows.get(id)
    const now = changedRow(old, changed)
    this.rows.set(id, now)
    const part = this.parts.get(old.projectId)
    const from = placeOf(part, old, this.before)
    let to = placeOf(part, now, this.before)
    if (to > from) to--
    if (from < to) for (let i = from; i < to; i++) part[i] = part[i + 1]
    else for (let i = from; i > to; i--) part[i] = part[i - 1]
    part[to] = now
    return { part, old, now, from, to }
  }
}

/** The latest `size` of each project. */
export class Latest extends Parts {
  constructor(listener, size) {
    super(latestFirst, listener)
    this.size = size
  }

  apply(change) {
    const { size } = this
    const { part, old, now, from, to } = this.move(change)
    const [was, is] = [from < size, to < size]
    if (!was && !is) return
    const { projectId } = old
    const fields = { status: now.status, updatedAt: now.updatedAt, estimate: now.estimate }
    let diff
    if (was && is) diff = [{ ...set(now.id, fields), path: [projectId] }]
    else if (is) diff = [remove(part[size]?.id, size - 1), add(now.id, to, now)]
    else diff = [remove(now.id, from), add(part[size - 1].id, size - 1, part[size - 1])]
    this.listener({ diff, projectId })
  }

  get result() { return [...this.parts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part.slice(0, this.size).map((row) => row.id)) }
}

/** What functions over partitions by project in the order of time are made of: the value of a place, and which places a move changes. */
export const functions = {
  'row number': { value: (_, i) => i + 1, dirty: (low, high) => [low, high] },
  lag: { value: (part, i) => (i === 0 ? null : part[i - 1].number), dirty: (low, high) => [low, high + 1], ends: 1 },
  'moving avg of 7': { value: (part, i) => { let sum = 0; const from = Math.max(0, i - 6); for (let k = from; k <= i; k++) sum += part[k].number; return sum / (i - from + 1) }, dirty: (low, high) => [low, high + 6], ends: 6 },
}

/** A window function of every row. */
export class Windowed extends Parts {
  values = new Map()

  constructor(fn, listener) {
    super(byTime, listener)
    this.fn = fn
  }

  ready() {
    super.ready()
    for (const part of this.parts.values()) part.forEach((row, i) => this.values.set(row.id, this.fn.value(part, i)))
  }

  apply(change) {
    const { fn, values } = this
    const { part, now, from, to } = this.move(change)
    const diff = [set(now.id, { updatedAt: now.updatedAt })]
    const look = (low, high) => {
      for (let i = low; i <= Math.min(high, part.length - 1); i++) {
        const { id } = part[i]
        const value = fn.value(part, i)
        if (values.get(id) === value) continue
        values.set(id, value)
        diff.push(set(id, { value }))
      }
    }
    // A row number changes for all between the two places, the others at both of them only.
    if (fn.ends === undefined || Math.abs(from - to) <= 2 * fn.ends) look(...fn.dirty(Math.min(from, to), Math.max(from, to)))
    else for (const end of [from, to]) look(...fn.dirty(end, end))
    this.listener({ diff })
  }

  get result() { return [...this.values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, value]) => ({ id, value })) }
}
