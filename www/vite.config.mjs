import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** @param {string} path */
const at = path => fileURLToPath(new URL(path, import.meta.url))

/** The folder of the built package; another one can be tried by naming it. */
const eddyline = process.env.EDDYLINE_PACKAGE ?? at('../pkg')

/** Every folder of `demos` is a page, beside the issue tracker; one with a server of its own is not built. */
const demos = readdirSync(at('demos')).filter(name => existsSync(at(`demos/${name}/index.html`)) && !existsSync(at(`demos/${name}/server.mjs`)))
const input = { main: at('index.html'), ...Object.fromEntries(demos.map(name => [name, at(`demos/${name}/index.html`)])) }

export default defineConfig({
  root: at('.'),
  resolve: {
    // The package as it was built in this repository, under the names its users import.
    alias: [
      { find: 'eddyline/react', replacement: `${eddyline}/react/index.js` },
      { find: 'eddyline/storage', replacement: `${eddyline}/storage/index.js` },
      { find: 'eddyline/reduce', replacement: `${eddyline}/reduce/index.js` },
      { find: 'eddyline/sync', replacement: `${eddyline}/sync/index.js` },
      { find: 'eddyline/datascript', replacement: `${eddyline}/datascript/index.js` },
      { find: 'eddyline/datalog', replacement: `${eddyline}/datalog/index.js` },
      { find: /^eddyline$/, replacement: `${eddyline}/index.js` },
    ],
  },
  build: { outDir: at('dist'), emptyOutDir: true, assetsInlineLimit: 0, target: 'es2022', chunkSizeWarningLimit: 2_000, rolldownOptions: { input, checks: { pluginTimings: false } } },
})
