// The Rust toolchain: new enough, and able to compile to WebAssembly.
import { existsSync, readFileSync } from 'node:fs'
import { SetupError, ask, must, which } from './command.mjs'
import { inRoot } from './place.mjs'

export const target = 'wasm32-unknown-unknown'

const isOlder = (have, need) => {
  const [a, b] = [have, need].map((v) => v.split('.').map(Number))
  return (a[0] - b[0] || a[1] - b[1] || (a[2] ?? 0) - (b[2] ?? 0)) < 0
}

/** Returns the full version text of rustc: part of the identity of what it compiles. */
export async function ensureRust() {
  const need = /^rust-version = "([\d.]+)"/m.exec(readFileSync(inRoot('Cargo.toml'), 'utf8'))[1]
  const version = ask('rustc', ['--version', '--verbose'])
  if (which('rustc') && !version) {
    throw new SetupError('rustc is there but does not run in this folder; this shows why: rustc --version')
  }
  if (!version || !which('cargo')) {
    throw new SetupError(`Rust is missing: Eddyline needs rustc ${need} or newer. Install rustup (https://rustup.rs), then run this again.`)
  }
  const have = /^rustc (\d+\.\d+\.\d+)/.exec(version)[1]
  if (isOlder(have, need)) {
    throw new SetupError(`rustc ${have} is too old: Eddyline needs ${need} or newer. ${which('rustup') ? 'Run: rustup update stable' : 'Install rustup (https://rustup.rs) for a current toolchain.'}`)
  }
  if (!hasTarget()) {
    if (!which('rustup')) {
      throw new SetupError(`rustc ${have} cannot compile to WebAssembly: the standard library of ${target} is missing and there is no rustup to add it. Install rustup (https://rustup.rs), or your distribution's package for that target.`)
    }
    await must('rustup', ['target', 'add', target])
  }
  return version
}

function hasTarget() {
  const library = ask('rustc', ['--print', 'target-libdir', '--target', target])
  return library !== undefined && existsSync(library)
}

/** The version of a package in Cargo.lock. */
export function lockedVersion(name) {
  const lock = readFileSync(inRoot('Cargo.lock'), 'utf8')
  const found = new RegExp(`name = "${name}"\\nversion = "([^"]+)"`).exec(lock)
  if (!found) throw new SetupError(`Cargo.lock has no package ${name}`)
  return found[1]
}

/** CI must not drift from the lock file; at a desk a changed Cargo.toml updates it. */
export const lockedFlag = () => (process.env.CI ? ['--locked'] : [])

/** Where cargo puts what it builds (follows CARGO_TARGET_DIR and the user's own configuration). */
export function targetDirectory() {
  const metadata = ask('cargo', ['metadata', '--no-deps', '--format-version', '1'])
  if (!metadata) throw new SetupError('cargo metadata failed: is Cargo.toml sound?')
  return JSON.parse(metadata).target_directory
}
