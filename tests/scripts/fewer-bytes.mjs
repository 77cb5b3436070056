// An order of functions, made better: each function is moved beside one that it is like, where gzip makes less of all of them then.
// `like-beside-like.mjs` guesses by what functions share; this asks deflate itself, about the 32 kB on either side of a move.
// A local search (steepest of a few moves per function), not the best order: that would be a tour of two thousand towns.
import { deflateRawSync } from 'node:zlib'

/** How far back deflate looks, in bytes. */
const WINDOW = 32_768
/** So many functions are looked at as a function's new neighbour in front, and so many of the moves are weighed in full. */
const NEIGHBOURS = 16, WEIGHED = 4
/** A second time over all functions finds a quarter of what the first did, a third time a tenth. */
const SWEEPS = 4

/** `order` with the function at `from` taken out, and put in at `to` of what is left. */
function moved(order, from, to) {
  const next = order.toSpliced(from, 1)
  next.splice(to, 0, order[from])
  return next
}

/**
 * `order`, numbers of `codes`, with functions moved so that deflate makes fewer bytes of it. `like(number, most)` names functions that
 * share much with one, the likest first. The same for the same codes and the same zlib.
 */
export function fewerBytes(order, codes, like) {
  /** The window in front of a place. */
  const before = (list, place) => {
    let [from, size] = [place, 0]
    while (from > 0 && size < WINDOW) size += codes[list[--from]].length
    return together(list, from, place).subarray(-WINDOW)
  }
  const together = (list, from, to) => Buffer.concat(list.slice(from, to).map((number) => codes[number]))
  const deflated = (code, dictionary) => deflateRawSync(code, { level: 9, ...(dictionary.length > 0 && { dictionary }) }).length
  /** What is made of the functions from one place to another, and of as many behind them as can see them. */
  const made = (list, from, to) => {
    let [end, size] = [to, 0]
    while (end < list.length && size < WINDOW) size += codes[list[end++]].length
    return deflated(together(list, from, end), before(list, from))
  }
  /** How many bytes a move saves. Two places that are far apart are looked at by themselves. */
  const saved = (list, next, from, to) => {
    const [first, last] = [Math.min(from, to), Math.max(from, to) + 1]
    let between = 0
    for (let place = first; place < last; place++) between += codes[list[place]].length
    if (between < 2 * WINDOW) return made(list, first, last) - made(next, first, last)
    return from < to
      ? made(list, from, from + 1) + made(list, to + 1, to + 1) - made(next, from, from) - made(next, to, to + 1)
      : made(list, from, from + 1) + made(list, to, to) - made(next, from + 1, from + 1) - made(next, to, to + 1)
  }

  const neighbours = codes.map((_, number) => like(number, NEIGHBOURS))
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const number of [...order]) {
      const from = order.indexOf(number)
      const rest = order.toSpliced(from, 1)
      const here = deflated(codes[number], before(order, from))
      // Asked first, as it costs a tenth: is the function itself smaller there?
      const moves = neighbours[number]
        .map((other) => ({ to: rest.indexOf(other) + 1 }))
        .filter(({ to }) => to !== from)
        .map(({ to }) => ({ to, there: deflated(codes[number], before(rest, to)) }))
        .filter(({ there }) => there < here)
        .sort((a, b) => a.there - b.there)
      for (const { to } of moves.slice(0, WEIGHED)) {
        const next = moved(order, from, to)
        if (saved(order, next, from, to) <= 0) continue
        order = next
        break
      }
    }
  }
  return order
}
