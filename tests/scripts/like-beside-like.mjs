// The order of the functions in the binary: like beside like, so that gzip, which looks back 32 kB, finds what repeats.
// The linker's order puts instances of one generic function anywhere. The code of each function stays as it is.
// After the ordering of functions for compressed size in LLVM's linker (`--bp-compression-sort`); a tour of nearest neighbours, bettered
// by `fewer-bytes.mjs`.
import { fewerBytes } from './fewer-bytes.mjs'
import { bodies, withNames } from './module-bytes.mjs'

/** How far back gzip looks, in bytes. */
const WINDOW = 32_768
/** Bytes of a piece of code that is looked for elsewhere. */
const PIECE = 6
/** A piece that more functions have is found wherever they are. */
const COMMON = 380

/** Hashes of the pieces of a function's code. */
function piecesOf(code) {
  const pieces = new Set()
  for (let at = 0; at + PIECE <= code.length; at++) {
    let hash = 0
    for (let i = at; i < at + PIECE; i++) hash = (Math.imul(hash, 0x01000193) ^ code[i]) >>> 0
    pieces.add(hash)
  }
  return pieces
}

/** What the functions share: for each its pieces that others have too, each with all who have it and what it counts. */
function shares(codes) {
  const owners = new Map()
  codes.forEach((code, number) => {
    for (const piece of piecesOf(code)) {
      const known = owners.get(piece)
      if (known === undefined) owners.set(piece, [number])
      else known.push(number)
    }
  })
  const shared = codes.map(() => [])
  for (const of of owners.values()) {
    if (of.length < 2 || of.length > COMMON) continue
    // To the power of 5/8, as below.
    const piece = { of, weight: 1 / Math.sqrt(of.length * Math.sqrt(Math.sqrt(of.length))), within: 0 }
    for (const number of of) shared[number].push(piece)
  }
  return shared
}

/** The functions that share most with one, so many at most, the likest first. */
function likest(shared, number, most) {
  const score = new Map()
  for (const { of, weight } of shared[number]) for (const other of of) score.set(other, (score.get(other) ?? 0) + weight)
  score.delete(number)
  return [...score.keys()].sort((a, b) => score.get(b) - score.get(a)).slice(0, most)
}

/**
 * An order of `codes`, as their numbers: the longest first, and behind it always the one that shares most, for its length, with the
 * window that ends there. A piece counts the less the more functions have it. Then moved about until deflate makes less of them.
 * The same for the same codes and the same zlib.
 */
export function likeBesideLike(codes) {
  if (codes.length === 0) return []
  const shared = shares(codes)
  return fewerBytes(chain(codes, shared), codes, (number, most) => likest(shared, number, most))
}

/** Always the nearest neighbour. */
function chain(codes, shared) {
  const score = new Float64Array(codes.length)
  const enter = (number) => { for (const piece of shared[number]) if (piece.within++ === 0) for (const other of piece.of) score[other] += piece.weight }
  const leave = (number) => { for (const piece of shared[number]) if (--piece.within === 0) for (const other of piece.of) score[other] -= piece.weight }

  // To the power of 5/8, found by trying: of two that share as large a part, the longer.
  const cost = codes.map((code) => Math.sqrt(code.length * Math.sqrt(Math.sqrt(code.length))))
  const left = new Set(codes.keys())
  const order = []
  let [size, oldest] = [0, 0]
  let next = codes.reduce((longest, code, number) => (code.length > codes[longest].length ? number : longest), 0)
  for (;;) {
    order.push(next)
    left.delete(next)
    if (left.size === 0) return order
    enter(next)
    for (size += codes[next].length; size > WINDOW && oldest < order.length - 1; oldest++) {
      size -= codes[order[oldest]].length
      leave(order[oldest])
    }
    let best = -1
    for (const number of left) if (best < 0 || score[number] / cost[number] > score[best] / cost[best]) best = number
    next = best
  }
}

/** The module with a name for each function that sorts as they should lie: `wasm-opt --reorder-functions-by-name` does the rest. */
export function namedByPlace(wasm) {
  const order = likeBesideLike(bodies(wasm))
  const names = []
  order.forEach((number, place) => { names[number] = `f${String(place).padStart(6, '0')}` })
  return withNames(wasm, names)
}
