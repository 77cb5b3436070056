// The engine: Rust → WebAssembly → glue → optimised binary and its base64 twin, the package's two carriers of the binary.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBindgen } from './bindgen.mjs'
import { SetupError, must, say } from './command.mjs'
import { minified } from './bundle.mjs'
import { checkFeatures, optimizerFlags } from './features.mjs'
import { filesBelow, put, step } from './fresh.mjs'
import { namedByPlace } from './like-beside-like.mjs'
import { cache, inRoot, pkg } from './place.mjs'
import { reproducibleEnvironment } from './reproducible.mjs'
import { ensureRust, lockedFlag, lockedVersion, target, targetDirectory } from './rust.mjs'

/** What this room puts into pkg; the rest there is the TypeScript compiler's. */
export const engineFiles = ['engine.wasm', 'wasm-bytes.js', 'glue.js', 'glue.d.ts']

const raw = join(cache, 'compiled.wasm')

/** What is hot is marked in the source (`#[inline(always)]`): what inlining and unrolling beyond this bring elsewhere costs more than it gives (www/docs/decisions/002). */
const thresholds = ['--inline-threshold=50', '--inlinehint-threshold=50', '--unroll-threshold=50'].map((flag) => `-Cllvm-args=${flag}`)

export async function buildEngine() {
  const rustc = await ensureRust()
  await compile(rustc)
  await bind()
}

async function compile(rustc) {
  const inputs = [...filesBelow(inRoot('src')).filter((file) => file.endsWith('.rs')), inRoot('Cargo.toml'), inRoot('Cargo.lock'), inRoot('.cargo/config.toml')]
  await step('compile', { inputs, settings: [rustc, process.env.RUSTFLAGS ?? '', ...thresholds] }, async () => {
    say('Compiling the engine')
    await must('cargo', ['build', '--release', '--lib', '--target', target, ...lockedFlag()], { env: await reproducibleEnvironment(thresholds) })
    const built = readFileSync(join(targetDirectory(), target, 'release', 'eddyline.wasm'))
    checkFeatures(built)
    put(raw, built)
    return [raw]
  })
}

async function bind() {
  const settings = { bindgen: lockedVersion('wasm-bindgen'), optimizerFlags, binaryen: JSON.parse(readFileSync(inRoot('node_modules/binaryen/package.json'), 'utf8')).version }
  await step('bind', { inputs: [raw, ...['engine', 'bundle', 'like-beside-like', 'fewer-bytes', 'module-bytes'].map((script) => inRoot(`tests/scripts/${script}.mjs`))], settings }, async () => {
    say('Binding and optimising')
    const bindgen = join(await ensureBindgen(), 'wasm-bindgen')
    const out = join(cache, 'bound')
    rmSync(out, { recursive: true, force: true })
    mkdirSync(out, { recursive: true })
    // Without a default module path the glue has no `new URL(...)` of its own: bundlers would ship the binary twice.
    await must(bindgen, ['--target', 'web', '--omit-default-module-path', '--out-name', 'glue', '--out-dir', out, raw])
    const glue = readFileSync(join(out, 'glue.js'), 'utf8')
    if (/\bnew URL\s*\(/.test(glue)) throw new SetupError('the generated glue names the binary by itself (new URL): bundlers would ship it twice')

    const optimised = join(out, 'engine.wasm')
    // A second pass finds half a kilobyte; which features the compiler used is checked before they are taken out.
    const optimizer = inRoot('node_modules/binaryen/bin/wasm-opt')
    await must(process.execPath, [optimizer, '-O3', '-O3', '--strip-producers', '--strip-target-features', ...optimizerFlags, join(out, 'glue_bg.wasm'), '-o', optimised])
    if (!existsSync(optimised)) throw new SetupError('wasm-opt wrote nothing')
    const named = join(out, 'named.wasm')
    put(named, namedByPlace(readFileSync(optimised)))
    await must(process.execPath, [optimizer, '--reorder-functions-by-name', '--strip-debug', ...optimizerFlags, named, '-o', optimised])
    const wasm = readFileSync(optimised)
    if (!WebAssembly.validate(wasm)) throw new SetupError('wasm-opt wrote a module that this Node refuses')

    const carriers = {
      'engine.wasm': wasm,
      'wasm-bytes.js': `export default "${wasm.toString('base64')}"\n`,
      'glue.js': await minified('glue.js', glue),
      'glue.d.ts': readFileSync(join(out, 'glue.d.ts')),
    }
    for (const name of engineFiles) put(join(pkg, name), carriers[name])
    return engineFiles.map((name) => join(pkg, name))
  })
}
