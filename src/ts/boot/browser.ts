import type { EngineModule } from '../port.js'
import { instantiate } from '../raw.js'
import { compileError, isForbidden } from './core.js'
import { loadInline } from './inline.js'

/**
 * The module from `engine.wasm` next to this file, else from the inline chunk.
 *
 * Checked before it is compiled: development servers that moved the file answer 200 with a page, and some servers send
 * another MIME type. Only an `application/wasm` answer (browsers want it without parameters) is compiled while it streams.
 * A file that is broken on its way is as good as none.
 */
export async function loadBrowser(): Promise<EngineModule> {
  let response: Response | undefined
  try {
    response = await fetch(new URL('../engine.wasm', import.meta.url))
  } catch { /* no such file, or not http: the inline chunk has it */ }
  if (response?.ok === true) {
    try {
      if (/^\s*application\/wasm\s*$/i.test(response.headers.get('content-type') ?? '')) return await instantiate(await WebAssembly.compileStreaming(response))
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (bytes[0] === 0x00 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d) return await instantiate(bytes)
    } catch (error) {
      // A policy that forbids compiling forbids it for the inline chunk as well.
      if (isForbidden(error)) throw compileError(error)
    }
  }
  return loadInline()
}
