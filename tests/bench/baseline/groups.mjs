// By hand: one aggregate of groups, kept by what it needs and no more. Floats are added as they come, so sums drift; ours do not.
import { set } from './patches.mjs'

/** Place of a value in a sorted array, or where it belongs. */
export function placeOf(list, row, before) {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (before(list[middle], row)) low = middle + 1
    else high = middle
  }
  return low
}

const byTime = (a, b) => a.updatedAt < b.updatedAt || (a.updatedAt === b.updatedAt && a.id < b.id)

/** A fold that only needs numbers: `start`, `add(state, row, ±1)`, `value(state)`. */
const numbers = (start, add, value) => ({ start, put: (g, row) => add(g, row, 1), take: (g, row) => add(g, row, -1), value })

/** A fold over the rows of a group in the order of time. */
const inOrder = (value) => ({
  start: () => ({ rows: [] }),
  put: (g, row) => { g.rows.splice(placeOf(g.rows, row, byTime), 0, row) },
  take: (g, row) => { g.rows.splice(placeOf(g.rows, row, byTime), 1) },
  value,
})

/** A fold over how often each value is there. */
const counted = (of, value) => ({
  start: () => ({ counts: new Map() }),
  put: (g, row) => { const v = of(row); g.counts.set(v, (g.counts.get(v) ?? 0) + 1) },
  take: (g, row) => { const v = of(row); const n = g.counts.get(v) - 1; if (n === 0) g.counts.delete(v); else g.counts.set(v, n) },
  value,
})

const spread = numbers(
  () => ({ n: 0, mean: 0, squares: 0 }),
  (g, { estimate: x }, by) => {
    const off = x - g.mean
    g.n += by
    g.mean += (by * off) / g.n
    g.squares += by * off * (x - g.mean)
  },
  (g) => Math.sqrt(g.squares / (g.n - 1)),
)

function mostFrequent({ counts }) {
  let best
  let most = 0
  for (const [value, n] of counts) if (n > most || (n === most && value < best)) [best, most] = [value, n]
  return best
}

function middle({ rows }) {
  const at = (rows.length - 1) / 2
  const low = rows[Math.floor(at)].updatedAt
  return low + (rows[Math.ceil(at)].updatedAt - low) / 2
}

export const folds = {
  count: numbers(() => ({ n: 0 }), (g, row, by) => { if (row.status !== 'canceled') g.n += by }, (g) => g.n),
  'count distinct': counted((row) => row.updatedAt % 1000, (g) => g.counts.size),
  sum: numbers(() => ({ sum: 0 }), (g, row, by) => { g.sum += by * row.estimate }, (g) => g.sum),
  avg: numbers(() => ({ sum: 0, n: 0 }), (g, row, by) => { g.sum += by * row.estimate; g.n += by }, (g) => g.sum / g.n),
  min: inOrder((g) => g.rows[0].updatedAt),
  max: inOrder((g) => g.rows[g.rows.length - 1].updatedAt),
  'bool or': numbers(() => ({ n: 0 }), (g, row, by) => { if (row.estimate > 99.9) g.n += by }, (g) => g.n > 0),
  stddev: spread,
  median: inOrder(middle),
  mode: counted((row) => row.status, mostFrequent),
  first: inOrder((g) => g.rows[0].title),
  'string agg': inOrder((g) => g.rows.map((row) => row.status).join(',')),
  'array agg': inOrder((g) => g.rows.map((row) => row.status)),
}

export class Groups {
  rows = new Map()
  groups = new Map()

  constructor(fold, listener) {
    this.fold = fold
    this.listener = listener
  }

  load(rows) {
    for (const row of rows) this.rows.set(row.id, row)
  }

  ready() {
    for (const row of this.rows.values()) {
      let group = this.groups.get(row.projectId)
      if (group === undefined) this.groups.set(row.projectId, (group = { state: this.fold.start(), value: undefined }))
      this.fold.put(group.state, row)
    }
    for (const group of this.groups.values()) group.value = this.fold.value(group.state)
  }

  apply({ id, set: changed }) {
    const old = this.rows.get(id)
    const now = changedRow(old, changed)
    this.rows.set(id, now)
    const group = this.groups.get(old.projectId)
    this.fold.take(group.state, old)
    this.fold.put(group.state, now)
    const value = this.fold.value(group.state)
    if (value === group.value) return
    group.value = value
    this.listener({ diff: [set(old.projectId, { value })] })
  }

  get result() { return [...this.groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([projectId, { value }]) => ({ projectId, value })) }
}

/** A row with what these changes set. */
export const changedRow = (old, set) => ({
  id: old.id, projectId: old.projectId, title: old.title, status: set.status, priority: old.priority, kind: old.kind, number: old.number,
  updatedAt: set.updatedAt, estimate: set.estimate, flagged: old.flagged,
})
