import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** @param {string} path */
const at = path => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at('.'),
  resolve: {
    // The package as it was built in this repository, under the names its users import.
    alias: [
      { find: 'eddyline/react', replacement: at('../pkg/react/index.js') },
      { find: /^eddyline$/, replacement: at('../pkg/index.js') },
    ],
  },
  build: { outDir: at('dist'), emptyOutDir: true, assetsInlineLimit: 0, target: 'es2022', chunkSizeWarningLimit: 2_000 },
})
