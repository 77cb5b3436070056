// Steps that are skipped while nothing they read has changed: by content, so that a checkout or a touch costs nothing.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { cache, root } from './place.mjs'

export const digest = (data) => createHash('sha256').update(data).digest('hex')

/** All files below a folder, sorted; none when the folder is absent. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort()
}

/** Writes a whole file or nothing, so that a reader never meets half of it. */
export function put(file, data) {
  mkdirSync(dirname(file), { recursive: true })
  const partial = `${file}.${process.pid}.partial`
  writeFileSync(partial, data)
  renameSync(partial, file)
}

const contentOf = (files) => files.map((file) => [relative(root, file), existsSync(file) ? digest(readFileSync(file)) : null])

/** What tells that a file is the one a step wrote, without reading it. */
function mark(file) {
  const { size, mtimeMs } = statSync(file)
  return { file: relative(root, file), size, mtimeMs }
}

function isUntouched({ file, size, mtimeMs }) {
  const now = statSync(join(root, file), { throwIfNoEntry: false })
  return now?.size === size && now.mtimeMs === mtimeMs
}

/**
 * Runs `work` unless it ran before with the same `inputs` (files) and `settings` (any JSON) and its outputs are untouched.
 * `work` returns the list of files that it wrote. Returns whether it ran.
 */
export async function step(name, { inputs, settings = null }, work) {
  const record = join(cache, `${name}.json`)
  const key = digest(JSON.stringify([contentOf(inputs), settings]))
  if (existsSync(record)) {
    const last = JSON.parse(readFileSync(record, 'utf8'))
    if (last.key === key && last.outputs.every(isUntouched)) return false
  }
  const outputs = await work()
  put(record, JSON.stringify({ key, outputs: outputs.map(mark) }))
  return true
}
