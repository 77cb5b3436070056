// A small seeded generator of random numbers: the same seed makes the same case on every machine.

/** @param {number} seed */
export function randomOf(seed) {
  let a = (seed ^ 0x9e3779b9) >>> 0
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  for (let i = 0; i < 4; i++) next()
  const r = {
    /** 0 … n−1. */
    below: (n) => next() % n,
    /** from … to, both included. */
    between: (from, to) => from + (next() % (to - from + 1)),
    /** True once in `n` times. */
    oneIn: (n) => next() % n === 0,
    pick: (list) => list[next() % list.length],
    /** Some of a list, in its order, at least `least`. */
    some(list, least = 0) {
      const out = list.filter(() => next() % 2 === 0)
      return out.length >= least ? out : r.shuffle(list).slice(0, least)
    },
    shuffle(list) {
      const out = [...list]
      for (let i = out.length - 1; i > 0; i--) {
        const j = next() % (i + 1)
        ;[out[i], out[j]] = [out[j], out[i]]
      }
      return out
    },
  }
  return r
}
