import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** @param {string} path */
const at = path => fileURLToPath(new URL(path, import.meta.url))

/** The folder of the built package; another one can be tried by naming it. */
const eddyline = process.env.EDDYLINE_PACKAGE ?? at('../pkg')

/** Every folder of `demos` is a page, beside the issue tracker; one with a server of its own is not built. */
const demos = readdirSync(at('demos')).filter(name => existsSync(at(`demos/${name}/index.html`)) && !existsSync(at(`demos/${name}/server.mjs`)))
const input = { main: at('index.html'), bench: at('bench/index.html'), ...Object.fromEntries(demos.map(name => [name, at(`demos/${name}/index.html`)])) }

/**
 * `virtual:rivals` is who can be measured on the page of the bench: the libraries that `npm run bench -- --rivals` has installed.
 * Perspective is not among them: its client cannot run in a worker.
 * @returns {import('vite').Plugin}
 */
function rivals() {
  const folder = at('../tests/bench/rivals/')
  const packages = { tanstack: '@tanstack/db', zero: '@rocicorp/zero', rindle: '@rindle/wasm', tinybase: 'tinybase', pglite: '@electric-sql/pglite', 'pglite-incremental': '@electric-sql/pglite', datascript: 'datascript' }
  /** @param {string} name */
  const manifest = name => `${folder}node_modules/${name}/package.json`
  return {
    name: 'rivals',
    resolveId: id => (id === 'virtual:rivals' ? '\0rivals' : null),
    load(id) {
      if (id !== '\0rivals') return null
      const there = Object.entries(packages).filter(([, name]) => existsSync(manifest(name)))
      const imports = there.map(([side]) => `${JSON.stringify(side)}: () => import(${JSON.stringify(`${folder}sides/${side}.mjs`)})`)
      const versions = Object.fromEntries(there.map(([side, name]) => [side, JSON.parse(readFileSync(manifest(name), 'utf8')).version]))
      return `export const sides = { ${imports.join(', ')} }; export const versions = ${JSON.stringify(versions)}`
    },
  }
}

/** What libraries of others are warned of is not ours to change, and `"use client"` means nothing without a server. @type {import('rolldown').InputOptions['onLog']} */
const onLog = (level, log, next) => { if (log.code !== 'MODULE_LEVEL_DIRECTIVE' && !`${log.id} ${log.message}`.includes('rivals/node_modules')) next(level, log) }

export default defineConfig({
  root: at('.'),
  plugins: [rivals()],
  worker: { format: 'es', plugins: () => [rivals()], rolldownOptions: { onLog } },
  resolve: {
    // The package as it was built in this repository, under the names its users import.
    alias: [
      { find: 'eddyline/react', replacement: `${eddyline}/react/index.js` },
      { find: 'eddyline/storage', replacement: `${eddyline}/storage/index.js` },
      { find: 'eddyline/project', replacement: `${eddyline}/project/index.js` },
      { find: 'eddyline/reduce', replacement: `${eddyline}/reduce/index.js` },
      { find: 'eddyline/sync', replacement: `${eddyline}/sync/index.js` },
      { find: 'eddyline/datascript', replacement: `${eddyline}/datascript/index.js` },
      { find: 'eddyline/datalog', replacement: `${eddyline}/datalog/index.js` },
      { find: /^eddyline$/, replacement: `${eddyline}/index.js` },
    ],
  },
  build: { outDir: at('dist'), emptyOutDir: true, assetsInlineLimit: 0, target: 'es2022', chunkSizeWarningLimit: 2_000, rolldownOptions: { input, onLog, checks: { pluginTimings: false } } },
})
