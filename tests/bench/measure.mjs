// Samples: variants take turns within a round, so that a busy moment of the machine meets all of them.

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Runs each variant once per round: `prepare` and the collector outside the clock, `run` (synchronous) inside.
 * A sample has wall time and processor time of this thread, in milliseconds.
 */
export async function sample(host, variants, rounds, warmUp = 1) {
  const names = Object.keys(variants)
  const samples = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = -warmUp; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      // The one that begins changes from round to round.
      const name = names[(i + round + names.length * warmUp) % names.length]
      const variant = variants[name]
      const prepared = await variant.prepare?.(round)
      host.collect()
      variant.rewarm?.(prepared)
      const taken = await timed(host, () => variant.run(prepared))
      await variant.after?.(prepared)
      if (round >= 0) samples[name].push(taken)
    }
  }
  return samples
}

export async function timed(host, run) {
  const cpu = host.cpuNow ? host.cpuNow() : await host.cpu()
  const begun = performance.now()
  run()
  const wall = performance.now() - begun
  return { wall, cpu: (host.cpuNow ? host.cpuNow() : await host.cpu()) - cpu }
}

/** Medians per unit of work. */
export function perUnit(samples, units, scale = 1) {
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, {
    cpu: list.map((s) => (s.cpu * scale) / units), wall: list.map((s) => (s.wall * scale) / units),
  }]))
}
