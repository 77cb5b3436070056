import type { EngineModule } from '../port.js'
import { instantiate } from '../raw.js'
import { bytesOfBase64, compileError } from './core.js'

/** The module from the base64 text in the package: needs no file, no server and no bundler support. */
export async function loadInline(): Promise<EngineModule> {
  try {
    const { default: text } = await import('../wasm-bytes.js')
    return await instantiate(bytesOfBase64(text))
  } catch (error) { throw compileError(error) }
}
