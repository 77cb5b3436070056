// What a page downloads of each: its imports bundled and minified, and the binaries that these load, all as gzip.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'

const gzip = (data) => gzipSync(data, { level: 9 }).length

/** `{ js, assets, total }` in bytes; `here` is the folder that has the `node_modules`. */
export async function pageSize({ entry, assets = [] }, here) {
  const folder = mkdtempSync(join(here, '.size-'))
  try {
    const input = join(folder, 'entry.mjs')
    writeFileSync(input, entry)
    const bundle = await rolldown({
      input, platform: 'browser', external: [/^node:/], logLevel: 'silent', transform: { define: { 'process.env.NODE_ENV': '"production"' } },
      plugins: [{ name: 'node', resolveId: (id) => (['fs', 'path', 'crypto', 'module', 'url', 'ws', 'fs/promises', 'util', 'os'].includes(id) ? { id, external: true } : null) }],
    })
    const { output } = await bundle.generate({ format: 'esm', minify: true })
    const js = output.filter((part) => part.type === 'chunk').reduce((sum, part) => sum + gzip(part.code), 0)
    const rest = assets.reduce((sum, name) => sum + gzip(readFileSync(join(here, 'node_modules', name))), 0)
    return { js, assets: rest, total: js + rest }
  } finally { rmSync(folder, { recursive: true, force: true }) }
}
