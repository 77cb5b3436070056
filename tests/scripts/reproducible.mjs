// Compiler flags that keep this machine out of the binary: panic messages name source files, by default with the home
// folder in front. Also makes the binary the same wherever it is built.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { must } from './command.mjs'
import { root } from './place.mjs'
import { lockedFlag, target } from './rust.mjs'

/** The environment for cargo, with `more` flags; the sources must be there before their folders can be named. */
export async function reproducibleEnvironment(more = []) {
  await must('cargo', ['fetch', '--quiet', '--target', target, ...lockedFlag()])
  const sources = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry', 'src')
  const folders = existsSync(sources) ? readdirSync(sources).map((name) => join(sources, name)) : []
  // Where the standard library's sources are installed, the compiler names them by their place instead of by its own.
  const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8', cwd: root }).trim()
  const flags = [...more, ...[...folders, join(sysroot, 'lib/rustlib/src/rust'), root].map((folder) => `--remap-path-prefix=${folder}=.`)]
  // The encoded form takes precedence over RUSTFLAGS, so the user's own go along.
  const own = process.env.CARGO_ENCODED_RUSTFLAGS?.split('\x1f') ?? process.env.RUSTFLAGS?.split(' ').filter(Boolean) ?? []
  return { CARGO_ENCODED_RUSTFLAGS: [...own, ...flags].join('\x1f') }
}
