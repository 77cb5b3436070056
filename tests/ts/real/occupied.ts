// Imported before the package, it takes most of the engine's memory as a load of gigabytes would: two blocks of its allocator, which are never
// touched, so the machine has no part in it.
const BLOCK = 1_950_000_000

/** Bytes that are taken. */
export const OCCUPIED = 2 * BLOCK

function occupy({ exports }: WebAssembly.Instance): void {
  const malloc = exports.__wbindgen_malloc as ((bytes: number, align: number) => number) | undefined
  // The host has modules of its own.
  if (malloc === undefined) return
  for (let taken = 0; taken < OCCUPIED; taken += BLOCK) if (malloc(BLOCK, 8) === 0) throw new Error('the engine has no such block')
}

const instantiate = WebAssembly.instantiate as (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => Promise<WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource>
WebAssembly.instantiate = (async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
  const made = await instantiate(source, imports)
  occupy('instance' in made ? made.instance : made)
  return made
}) as typeof WebAssembly.instantiate

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, given: [WebAssembly.Module, WebAssembly.Imports?]) {
    const made = new target(...given)
    occupy(made)
    return made
  },
})
