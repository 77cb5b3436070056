// The only file that names the generated glue: everything else sees `EngineModule` and `WasmEngine` (port.ts).
import initGlue, { Engine, initSync, last_panic, type InitOutput } from './glue.js'
import type { EngineModule, WasmEngine } from './port.js'

/** What a module can be made of. */
export type EngineSource = BufferSource | WebAssembly.Module | Response

/** Compiles and instantiates; a module that is there already is returned by the glue itself. */
export async function instantiate(source: EngineSource): Promise<EngineModule> {
  return moduleOf(await initGlue({ module_or_path: source }))
}

/** The same without a promise, for runtimes that hand over a compiled module. */
export function instantiateSync(source: BufferSource | WebAssembly.Module): EngineModule {
  return moduleOf(initSync({ module: source }))
}

function moduleOf(output: InitOutput): EngineModule {
  return { memory: output.memory, create: schema => new Engine(schema) as unknown as WasmEngine, lastPanic: last_panic }
}
