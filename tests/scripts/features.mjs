// The WebAssembly features that the binary may use: they set the oldest browser that can run Eddyline.
import { SetupError } from './command.mjs'
import { number } from './module-bytes.mjs'

// Named one by one: `--all-features` lets wasm-opt emit encodings that Node 20 and current browsers refuse to load.
// Each pair: what wasm-opt calls it, what the compiler calls it. All are in Chrome 96, Firefox 89, Safari 16.4 and Node 18.
const features = [
  ['bulk-memory', 'bulk-memory'],
  ['bulk-memory-opt', 'bulk-memory-opt'],
  ['call-indirect-overlong', 'call-indirect-overlong'],
  ['multivalue', 'multivalue'],
  ['mutable-globals', 'mutable-globals'],
  ['nontrapping-float-to-int', 'nontrapping-fptoint'],
  ['reference-types', 'reference-types'],
  ['sign-ext', 'sign-ext'],
  ['simd', 'simd128'],
]

export const optimizerFlags = ['--mvp-features', ...features.map(([name]) => `--enable-${name}`)]

/** Refuses a module whose compiler used more than that, so that a newer toolchain cannot raise the floor unseen. */
export function checkFeatures(wasm) {
  const section = WebAssembly.Module.customSections(new WebAssembly.Module(wasm), 'target_features')[0]
  if (!section) throw new SetupError('the compiled module does not say which features it uses (no target_features section): was it stripped?')
  const allowed = new Set(features.map(([, name]) => name))
  const excess = readFeatures(new Uint8Array(section)).filter((name) => !allowed.has(name))
  if (excess.length) throw new SetupError(`the compiled module uses ${excess.join(', ')}, which would raise the oldest supported browser (tests/scripts/features.mjs)`)
}

/** The section is a vector of (prefix byte '+' or '-', name). */
function readFeatures(bytes) {
  let [count, at] = number(bytes, 0)
  const used = []
  for (; count > 0; count--) {
    const isUsed = bytes[at] === 0x2b
    const [length, behind] = number(bytes, at + 1)
    at = behind + length
    if (isUsed) used.push(new TextDecoder().decode(bytes.subarray(behind, at)))
  }
  return used
}
