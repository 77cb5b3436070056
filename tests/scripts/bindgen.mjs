// The wasm-bindgen command line tools, of exactly the version of the library in Cargo.lock: they refuse to work otherwise.
import { dirname, join } from 'node:path'
import { SetupError, ask, must, say, which } from './command.mjs'
import { tools } from './place.mjs'
import { lockedVersion } from './rust.mjs'

const versionOf = (program) => /^wasm-bindgen(?:-test-runner)? (\S+)/.exec(ask(program, ['--version']) ?? '')?.[1]

/** Returns the folder that holds `wasm-bindgen` and `wasm-bindgen-test-runner`; installs them on first use. */
export async function ensureBindgen() {
  const version = lockedVersion('wasm-bindgen')
  const own = join(tools, `wasm-bindgen-${version}`)
  const fits = (folder) => folder !== undefined
    && ['wasm-bindgen', 'wasm-bindgen-test-runner'].every((name) => versionOf(join(folder, name)) === version)
  const onPath = which('wasm-bindgen')
  const found = [onPath && dirname(onPath), join(own, 'bin')].find(fits)
  if (found) return found

  say(`Installing wasm-bindgen-cli ${version} under .data/tools (once; takes a few minutes)`)
  // Without --locked: the lock file inside the published crate may name versions that the registry no longer offers.
  await must('cargo', ['install', 'wasm-bindgen-cli', '--version', version, '--root', own])
  if (!fits(join(own, 'bin'))) throw new SetupError(`cargo installed wasm-bindgen-cli, but not version ${version}; remove .data/tools and run this again`)
  return join(own, 'bin')
}
