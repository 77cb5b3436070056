import module from '../engine.wasm'
import type { EngineModule } from '../port.js'
import { instantiateSync } from '../raw.js'
import { compileError } from './core.js'

/** The module as workerd imports it: bytes may not be compiled there. */
export async function loadWorkerd(): Promise<EngineModule> {
  try {
    return instantiateSync(module)
  } catch (error) { throw compileError(error) }
}
