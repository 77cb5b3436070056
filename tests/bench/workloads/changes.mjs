// Streams of single changes, made before the clock runs and given alike to the engine and to the hand-written query.
import { epoch, issue, projectCount, random, span, statuses } from './issues.mjs'

/** The rows as the stream has left them so far. */
class Current {
  #changed = new Map()
  get(index) { return this.#changed.get(index) ?? issue(index) }
  set(index, row) { this.#changed.set(index, row) }
}

/**
 * Four of five changes give a row a new sort key, the fifth a new status. `pick` chooses rows, `key` sort keys.
 * `take(n, form)` makes the next n: `update` (key and changed columns), `upsert` (whole rows) or `json` (bytes of an update).
 */
class Stream {
  #current = new Current()
  #utf8 = new TextEncoder()

  constructor(seed, pick, key) {
    this.next = random(seed)
    this.pick = pick
    this.key = key
  }

  take(count, form) {
    const { next } = this
    const changes = []
    while (changes.length < count) {
      const index = this.pick(next)
      const old = this.#current.get(index)
      const set = next() < 0.8 ? { updatedAt: this.key(next, index) } : { status: statuses[(next() * statuses.length) | 0] }
      const row = { ...old, ...set }
      this.#current.set(index, row)
      if (form === 'upsert') changes.push({ op: 'upsert', table: 'issues', row })
      else {
        const change = { op: 'update', table: 'issues', id: old.id, set }
        changes.push(form === 'json' ? this.#utf8.encode(JSON.stringify(change)) : change)
      }
    }
    return changes
  }
}

const anywhere = (next) => epoch + Math.floor(next() * span)
/** Index of a random row of project 0, which the 1 % filter shows. */
const inProject = (rows) => (next) => Math.floor(next() * Math.ceil(rows / projectCount)) * projectCount

export const streams = {
  /** Rows of the project that is shown. */
  filter: (rows, seed) => new Stream(seed, inProject(rows), anywhere),
  /** Rows of other projects: nothing to tell. */
  outside: (rows, seed) => new Stream(seed, (next) => {
    const index = Math.floor(next() * rows)
    return index % projectCount === 0 ? (index + 1) % rows : index
  }, anywhere),
  /** Rows anywhere, to anywhere. */
  list: (rows, seed) => new Stream(seed, (next) => Math.floor(next() * rows), anywhere),
  chunks: (rows, seed) => streams.list(rows, seed),
  /** Work at the top, as in a list of what happened last: half of the rows come from below, all land in the first 40. */
  top: (rows, seed) => {
    const recent = new Int32Array(40)
    let clock = epoch + span
    let count = 0
    const pick = (next) => count >= 40 && next() < 0.5 ? recent[(next() * 40) | 0] : Math.floor(next() * rows)
    return new Stream(seed, pick, (next, index) => {
      recent[count++ % 40] = index
      clock += 10
      return clock - Math.floor(next() * 400)
    })
  },
}
