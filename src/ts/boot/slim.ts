import { EddylineError } from '../errors.js'
import type { EngineModule } from '../port.js'

/** The slim entry has no binary of its own: the program calls `init({ module })` first. */
export async function loadSlim(): Promise<EngineModule> {
  throw new EddylineError('LOAD_FAILED', "`eddyline/slim` has no engine of its own: call `init({ module })` first, with a URL, a Response, bytes or a WebAssembly.Module")
}
