// `node tests/scripts/ensure.mjs`: everything the whole test run needs, installed or named.
import { ensureBindgen } from './bindgen.mjs'
import { ensureBrowser } from './browser.mjs'
import { complain, say } from './command.mjs'
import { ensureDependencies } from './dependencies.mjs'
import { ensurePostgres } from './postgres.mjs'
import { ensureRust } from './rust.mjs'

const needs = { Rust: ensureRust, 'wasm-bindgen': ensureBindgen, 'npm packages': ensureDependencies, browser: ensureBrowser, PostgreSQL: ensurePostgres }

for (const [name, ensure] of Object.entries(needs)) {
  try {
    const found = await ensure()
    say(`${name}: ${found === undefined ? 'ready' : typeof found === 'string' ? found.split('\n')[0] : Object.values(found).join(', ')}`)
  } catch (error) {
    complain(error)
  }
}
