// What `npm test` runs, in order. Each suite belongs to a part that can be run alone: npm test -- rust
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { again } from './again.mjs'
import { ensureBindgen } from './bindgen.mjs'
import { ensureBrowser } from './browser.mjs'
import { build } from './build.mjs'
import { SetupError, run } from './command.mjs'
import { count } from './counts.mjs'
import { put } from './fresh.mjs'
import { cache, inRoot } from './place.mjs'
import { ensurePostgres } from './postgres.mjs'
import { ensureRust, lockedFlag, target } from './rust.mjs'
import { reportSize } from './size.mjs'

const node = process.execPath
const bin = (...parts) => inRoot('node_modules', ...parts)

const cargo = (kind, ...args) => async () => {
  await ensureRust()
  return count(kind, await run('cargo', args, { capture: true }))
}

/** The files of a suite; a folder without any is an error, never an empty success. */
function testsIn(folder, suffix = '.test.mjs') {
  const files = existsSync(inRoot(folder)) ? readdirSync(inRoot(folder)).filter((name) => name.endsWith(suffix)).sort() : []
  if (files.length === 0) throw new SetupError(`${folder} has no *${suffix}: the suite is missing`)
  return files.map((name) => join(folder, name))
}

const nodeTests = (folder, environment) => async () => {
  const all = testsIn(folder)
  const env = await environment()
  return again(async (files = all) => count('node', await run(node, ['--test', '--test-reporter=spec', '--test-concurrency=1', ...files], { env, capture: true })))
}

const titles = { demo: 'Demo, end to end', differential: 'Engine beside PostgreSQL', tpch: 'TPC-H beside PostgreSQL', bench: 'The bench by itself' }

/** The suites that need a browser or PostgreSQL: those we expect, and any other folder of tests, so that none is forgotten. */
function serverFolders() {
  const found = readdirSync(inRoot('tests')).filter((name) => statSync(inRoot('tests', name)).isDirectory() && readdirSync(inRoot('tests', name)).some((file) => file.endsWith('.test.mjs')))
  return [...new Set([...Object.keys(titles), ...found])].filter((name) => name !== 'scripts' && name !== 'packaging')
}

async function browserEnvironment() {
  const { chrome, driver } = await ensureBrowser()
  return { CHROME_PATH: chrome, CHROMEDRIVER: driver }
}
const serverEnvironment = async () => ({ ...await browserEnvironment(), POSTGRES_BIN: await ensurePostgres() })

async function wasmTests() {
  await ensureRust()
  const { chrome, driver } = await ensureBrowser()
  // The repository's webdriver.json plus the place of this machine's browser.
  const capabilities = JSON.parse(readFileSync(inRoot('webdriver.json'), 'utf8'))
  capabilities['goog:chromeOptions'].binary = chrome
  const configured = join(cache, 'webdriver.json')
  put(configured, JSON.stringify(capabilities))
  const env = {
    CHROMEDRIVER: driver, WASM_BINDGEN_TEST_WEBDRIVER_JSON: configured, WASM_BINDGEN_TEST_TIMEOUT: process.env.WASM_BINDGEN_TEST_TIMEOUT ?? '1800',
    // Of a driver that has not begun to listen; the runner gives it five seconds, which one that is read from a disk for the first time may need.
    WASM_BINDGEN_TEST_DRIVER_TIMEOUT: process.env.WASM_BINDGEN_TEST_DRIVER_TIMEOUT ?? '300',
    PATH: [await ensureBindgen(), process.env.PATH].join(delimiter),
  }
  return again(async () => ({ ...count('cargo', await run('cargo', ['test', '--target', target, '--test', 'wasm', ...lockedFlag()], { env, capture: true })), files: ['tests/wasm.rs'] }))
}

const typeCheck = (project) => async () => {
  if (!existsSync(inRoot(project))) throw new SetupError(`${project} is missing: nothing would be checked`)
  return count('check', await run(node, [bin('typescript/bin/tsc'), '-p', project, '--noEmit'], { capture: true }))
}

/** Nothing is wrong with a test because the machine does other things: it has failed when it does not end at all. */
const patience = ['--testTimeout=180000', '--hookTimeout=180000']

async function vitest(files = []) {
  testsIn('tests/ts', '.test.ts')
  const report = join(cache, 'vitest.json')
  mkdirSync(cache, { recursive: true })
  rmSync(report, { force: true })
  const config = ['ts', 'mts', 'mjs'].map((suffix) => `tests/ts/vitest.config.${suffix}`).find((file) => existsSync(inRoot(file)))
  const args = ['run', ...(config ? ['--config', config] : ['--dir', 'tests/ts']), '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...patience, ...files]
  return count('vitest', await run(node, [bin('vitest/vitest.mjs'), ...args], { capture: true }), report)
}

async function packaging() {
  const { prepareTarball } = await import('../packaging/tarball.mjs')
  const { tarball, remove } = await prepareTarball()
  try {
    return await nodeTests('tests/packaging', async () => ({ ...await browserEnvironment(), EDDYLINE_TARBALL: tarball }))()
  } finally {
    remove()
  }
}

export const suites = [
  { part: 'scripts', name: 'The scripts themselves', run: nodeTests('tests/scripts', () => ({})) },
  { part: 'rust', name: 'Rust formatting', run: cargo('check', 'fmt', '--all', '--check') },
  { part: 'rust', name: 'Rust lints', run: cargo('check', 'clippy', '--workspace', '--all-targets', ...lockedFlag(), '--', '-D', 'warnings') },
  { part: 'rust', name: 'Rust lints of the WebAssembly room', run: cargo('check', 'clippy', '--target', target, '--lib', '--test', 'wasm', ...lockedFlag(), '--', '-D', 'warnings') },
  { part: 'rust', name: 'Rust tests', run: cargo('cargo', 'test', '--no-fail-fast', ...lockedFlag()) },
  { part: 'build', name: 'Build', run: async () => (await build(), { passed: 1, failed: 0, skipped: 0 }) },
  { part: 'size', name: 'Size', needs: 'build', run: async () => (reportSize(), { passed: 1, failed: 0, skipped: 0 }) },
  { part: 'wasm', name: 'Engine in Chromium', run: wasmTests },
  { part: 'ts', name: 'Types of the TypeScript layer', needs: 'build', run: typeCheck('tsconfig.json') },
  { part: 'ts', name: 'Types of its tests', needs: 'build', run: typeCheck('tests/ts/tsconfig.json') },
  { part: 'ts', name: 'TypeScript tests', needs: 'build', run: () => again(vitest) },
  ...serverFolders().map((folder) => ({ part: folder, name: titles[folder] ?? folder, needs: 'build', run: nodeTests(`tests/${folder}`, serverEnvironment) })),
  { part: 'packaging', name: 'Packaging', needs: 'build', run: packaging },
]
