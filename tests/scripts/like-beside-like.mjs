// The order of the functions in the binary: like beside like, so that gzip, which looks back 32 kB, finds what repeats.
// The linker's order puts instances of one generic function anywhere. The code of each function stays as it is.
// After the ordering of functions for compressed size in LLVM's linker (`--bp-compression-sort`).
import { bodies, withNames } from './module-bytes.mjs'

/** How far back gzip looks, in bytes. */
const WINDOW = 32_768
/** Bytes of a piece of code that is looked for elsewhere. */
const PIECE = 6
/** A piece that more functions have is found wherever they are. */
const COMMON = 380
/** The first function is the one with so many longer ones, found by trying; of few functions the longest. */
const FIRST = 3

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

/**
 * An order of `codes`, as their numbers: a long one first, and behind it always the one that shares most, for its length, with the
 * window that ends there. A piece counts the less the more functions have it. The same for the same codes.
 */
export function likeBesideLike(codes) {
  if (codes.length === 0) return []
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
  const score = new Float64Array(codes.length)
  const enter = (number) => { for (const piece of shared[number]) if (piece.within++ === 0) for (const other of piece.of) score[other] += piece.weight }
  const leave = (number) => { for (const piece of shared[number]) if (--piece.within === 0) for (const other of piece.of) score[other] -= piece.weight }

  // To the power of 5/8, found by trying: of two that share as large a part, the longer.
  const cost = codes.map((code) => Math.sqrt(code.length * Math.sqrt(Math.sqrt(code.length))))
  const left = new Set(codes.keys())
  const order = []
  let [size, oldest] = [0, 0]
  // Which one is first decides up to 2 kB, one way or the other.
  const byLength = [...codes.keys()].sort((a, b) => codes[b].length - codes[a].length)
  let next = byLength[codes.length < 100 ? 0 : FIRST]
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
