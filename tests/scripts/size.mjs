// How much a page downloads: the binary and the JavaScript reachable from the entry, as shipped; the budget that it is meant
// to reach, and the ceiling that it must not pass until then (www/docs/decisions/003-package-size.md).
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { SetupError, say } from './command.mjs'
import { pkg } from './place.mjs'

export const gzipBudget = 150_000

/** Just above what the package is now. It goes up only with a record of what for (decision 003). */
export const gzipCeiling = 605_000

// The base64 twin is loaded instead of the binary, never with it.
const twin = 'wasm-bytes.js'
const specifiers = /(?:\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\s*\(\s*)(["'])(\.[^"']+)\1/g

/** The files of the package that loading `entry` can load, by static or dynamic import or as an asset. */
export function reachable(folder, entry) {
  const seen = new Set()
  const visit = (file) => {
    if (seen.has(file) || relative(folder, file) === twin) return
    if (!existsSync(file)) throw new SetupError(`${relative(folder, file)} is imported but not there`)
    seen.add(file)
    if (!file.endsWith('.js')) return
    for (const [, , specifier] of readFileSync(file, 'utf8').matchAll(specifiers)) visit(join(dirname(file), specifier))
  }
  visit(join(folder, entry))
  return [...seen].sort()
}

/** Sizes of the download in bytes: { raw, gzip, brotli } for the binary, the JavaScript and both. */
export function measure(folder = pkg, entry = 'index.js') {
  const files = reachable(folder, entry)
  if (!files.some((file) => file.endsWith('engine.wasm'))) throw new SetupError(`${entry} does not reach engine.wasm: the size would be too good to be true`)
  const sum = (chosen) => chosen.reduce((total, file) => {
    const data = readFileSync(file)
    return { raw: total.raw + data.length, gzip: total.gzip + gzipSync(data, { level: 9 }).length, brotli: total.brotli + brotliCompressSync(data).length }
  }, { raw: 0, gzip: 0, brotli: 0 })
  return { wasm: sum(files.filter((file) => file.endsWith('.wasm'))), js: sum(files.filter((file) => !file.endsWith('.wasm'))), total: sum(files) }
}

export function reportSize() {
  const sizes = measure()
  const row = (name, ...cells) => say(name.padEnd(16) + cells.map((cell) => cell.toLocaleString('en').padStart(10)).join(''))
  row('bytes', 'raw', 'gzip', 'brotli')
  row('engine.wasm', ...Object.values(sizes.wasm))
  row('JavaScript', ...Object.values(sizes.js))
  row('together', ...Object.values(sizes.total))
  const over = sizes.total.gzip - gzipBudget
  say(over > 0 ? `${over.toLocaleString('en')} bytes of gzip over the budget of ${gzipBudget.toLocaleString('en')}` : 'within the budget')
  if (sizes.total.gzip > gzipCeiling) {
    throw new SetupError(`the package has grown: ${sizes.total.gzip} bytes of gzip, ${gzipCeiling} at most until it is within the budget of ${gzipBudget}`)
  }
}
