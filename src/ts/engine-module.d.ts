// Runtimes that import `.wasm` files give a compiled module.
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
