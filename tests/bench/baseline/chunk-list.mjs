// By hand, beyond what the promise names: the sorted list in chunks that are copied when they change. What the engine's own
// lists do on the JavaScript side, made for one query.
import { SortedList } from './sorted-list.mjs'
import { before, placeOf } from './patches.mjs'

const SIZE = 256

/** An immutable list: nobody writes to `chunks` or to what they hold. */
class Rows {
  constructor(chunks, length) { this.chunks = chunks; this.length = length }
  at(index) {
    let c = 0
    while (index >= this.chunks[c].length) index -= this.chunks[c++].length
    return this.chunks[c][index]
  }
  slice() { return this.chunks.flat() }
}

export class ChunkList extends SortedList {
  ready(order) {
    super.ready(order)
    const all = this.list
    const chunks = []
    for (let at = 0; at < all.length; at += SIZE) chunks.push(all.slice(at, at + SIZE))
    this.list = new Rows(chunks, all.length)
  }

  /** Chunk whose rows `row` is among or belongs to. */
  chunkOf(row) {
    const { chunks } = this.list
    let low = 0
    let high = chunks.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      const chunk = chunks[middle]
      if (before(chunk[chunk.length - 1], row)) low = middle + 1
      else high = middle
    }
    return low
  }

  place(row) {
    const { chunks } = this.list
    const c = this.chunkOf(row)
    let start = 0
    for (let i = 0; i < c; i++) start += chunks[i].length
    return start + placeOf(chunks[c], row)
  }

  /** Replaces, removes or inserts in copies of the chunks concerned and of their list. */
  publish(old, now) {
    const chunks = this.list.chunks.slice()
    let length = this.list.length
    if (old !== undefined) {
      const c = this.chunkOf(old)
      const chunk = chunks[c].slice()
      const at = placeOf(chunk, old)
      if (now !== undefined && old.updatedAt === now.updatedAt) {
        chunk[at] = now
        now = undefined
      } else {
        chunk.splice(at, 1)
        length--
      }
      if (chunk.length > 0) chunks[c] = chunk
      else chunks.splice(c, 1)
      this.list = new Rows(chunks, length)
    }
    if (now !== undefined) {
      const c = this.chunkOf(now)
      const chunk = chunks[c].slice()
      chunk.splice(placeOf(chunk, now), 0, now)
      if (chunk.length > 2 * SIZE) chunks.splice(c, 1, chunk.slice(0, SIZE), chunk.slice(SIZE))
      else chunks[c] = chunk
      length++
    }
    this.list = new Rows(chunks, length)
  }

  shift(from, to, row, old) { this.publish(old, row) }
  take(at, old) { this.publish(old, undefined) }
  put(at, row) { this.publish(undefined, row) }
}
