import { expect, it } from 'vitest'
import { runPrograms } from './random-programs.js'

it('a program that fails is told as the shortest that fails, too', async () => {
  // Two operations fail together, others do not.
  const run = ({ ops }: { readonly ops: readonly unknown[] }) => {
    const at = Math.max(ops.indexOf(14), ops.indexOf(28))
    return ops.includes(14) && ops.includes(28) ? { error: new Error('both'), at, compared: at } : { error: undefined, at: ops.length - 1, compared: ops.length }
  }
  const given = { program: (seed: number) => ({ ops: Array.from({ length: 50 }, (_, i) => i * seed) }), run }
  expect(await runPrograms(3, 2, given)).toBe(100)
  await expect(runPrograms(1, 9, given)).rejects.toThrow(/^seed 1\n14\n28\nboth$/)
  await expect(runPrograms(1, 1, { ...given, about: seed => `the ${seed}st` })).rejects.toThrow(/^seed 1, the 1st\n14\n/)
})
