// Imported before the package: what is done with each engine as soon as there is one.

export function onInstance(fn: (instance: WebAssembly.Instance) => void): void {
  const instantiate = WebAssembly.instantiate as (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => Promise<WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource>
  WebAssembly.instantiate = (async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
    const made = await instantiate(source, imports)
    fn('instance' in made ? made.instance : made)
    return made
  }) as typeof WebAssembly.instantiate

  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(target, given: [WebAssembly.Module, WebAssembly.Imports?]) {
      const made = new target(...given)
      fn(made)
      return made
    },
  })
}
