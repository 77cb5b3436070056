import type { EngineModule } from '../port.js'
import { instantiate } from '../raw.js'
import { bytesOfBase64, compileError, isForbidden } from './core.js'
import { loadInline } from './inline.js'

/**
 * The module from `engine.wasm` next to this file, else from the inline chunk.
 *
 * Checked before it is compiled: development servers that moved the file answer 200 with a page, and some servers send
 * another MIME type. Only an `application/wasm` answer (browsers want it without parameters) is compiled while it streams.
 * A file that is broken on its way is as good as none.
 */
export async function loadBrowser(): Promise<EngineModule> {
  try {
    const module = await fetched()
    if (module !== undefined) return await instantiate(module)
  } catch (error) { refused(error) }
  return loadInline()
}

/** The same, compiled only: for an engine in another thread. */
export async function compileBrowser(): Promise<WebAssembly.Module> {
  try {
    const module = await fetched()
    if (module !== undefined) return module
  } catch (error) { refused(error) }
  try {
    const { default: text } = await import('../wasm-bytes.js')
    return await WebAssembly.compile(bytesOfBase64(text))
  } catch (error) { throw compileError(error) }
}

/** The answer for the file; undefined where nobody answers, or this script has no address. The one place that names it, so that bundlers emit it once. */
export async function fileOfEngine(): Promise<Response | undefined> {
  try { return await fetch(new URL('../engine.wasm', import.meta.url)) } catch { return undefined }
}

/** The file, compiled; undefined where there is none, or it is not http. */
async function fetched(): Promise<WebAssembly.Module | undefined> {
  const response = await fileOfEngine()
  if (response?.ok !== true) return undefined
  if (/^\s*application\/wasm\s*$/i.test(response.headers.get('content-type') ?? '')) return await WebAssembly.compileStreaming(response)
  const bytes = new Uint8Array(await response.arrayBuffer())
  return bytes[0] === 0x00 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d ? await WebAssembly.compile(bytes) : undefined
}

/** A policy that forbids compiling forbids it for the inline chunk as well. */
function refused(error: unknown): void { if (isForbidden(error)) throw compileError(error) }
