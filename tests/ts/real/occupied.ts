// Imported before the package, it takes most of the engine's memory as a load of gigabytes would: two blocks of its allocator, which are never
// touched, so the machine has no part in it.
import { onInstance } from './on-instance.js'

const BLOCK = 1_950_000_000

/** Bytes that are taken. */
export const OCCUPIED = 2 * BLOCK

function occupy({ exports }: WebAssembly.Instance): void {
  const malloc = exports.__wbindgen_malloc as ((bytes: number, align: number) => number) | undefined
  // The host has modules of its own.
  if (malloc === undefined) return
  for (let taken = 0; taken < OCCUPIED; taken += BLOCK) if (malloc(BLOCK, 8) === 0) throw new Error('the engine has no such block')
}

onInstance(occupy)
