// The engine's binary as bytes: a compiled module does not cross to a SharedWorker.
import { fileOfEngine } from '../boot/browser.js'
import { bytesOfBase64, compileError } from '../boot/core.js'

/** The file beside the package, else the text in it. Throws LOAD_FAILED. */
export async function engineBytes(): Promise<ArrayBuffer> {
  try {
    const response = await fileOfEngine()
    const bytes = response?.ok === true ? await response.arrayBuffer() : undefined
    // Development servers that moved the file answer with a page.
    if (bytes !== undefined && new DataView(bytes).byteLength > 4 && new DataView(bytes).getUint32(0) === 0x0061736d) return bytes
    const { default: text } = await import('../wasm-bytes.js')
    return bytesOfBase64(text).buffer
  } catch (error) { throw compileError(error) }
}
