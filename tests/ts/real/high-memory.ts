// Imported before the package, it puts the engine's heap behind the first 2 GiB of its memory, as after a large load.
// The pages in between are never touched, so they cost nothing.
const PAGES = (2 ** 31) / 65536

function raise(instance: WebAssembly.Instance): void { (instance.exports.memory as WebAssembly.Memory).grow(PAGES) }

const instantiate = WebAssembly.instantiate as (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => Promise<WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource>
WebAssembly.instantiate = (async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
  const made = await instantiate(source, imports)
  raise('instance' in made ? made.instance : made)
  return made
}) as typeof WebAssembly.instantiate

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, given: [WebAssembly.Module, WebAssembly.Imports?]) {
    const made = new target(...given)
    raise(made)
    return made
  },
})

export {}
