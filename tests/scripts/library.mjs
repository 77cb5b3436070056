// The TypeScript layer: src/ts → pkg, and nothing left in pkg that no source accounts for.
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { must, say } from './command.mjs'
import { withoutComments } from './comments.mjs'
import { engineFiles } from './engine.mjs'
import { filesBelow, put, step } from './fresh.mjs'
import { cache, inRoot, pkg } from './place.mjs'

const compiled = join(cache, 'library')
const kept = new Set(['README.md', ...engineFiles])

export async function buildLibrary() {
  const inputs = [...filesBelow(inRoot('src/ts')), inRoot('tsconfig.json'), inRoot('node_modules/typescript/package.json'), inRoot('tests/scripts/comments.mjs')]
  await step('library', { inputs }, async () => {
    say('Compiling the TypeScript layer')
    rmSync(compiled, { recursive: true, force: true })
    // Into a folder of its own first: pkg changes only when everything compiled, and a running page never meets half of it.
    await must(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json', '--outDir', compiled])
    const files = filesBelow(compiled).map((file) => relative(compiled, file))
    for (const name of files) {
      const text = readFileSync(join(compiled, name), 'utf8')
      put(join(pkg, name), name.endsWith('.js') ? await withoutComments(name, text) : text)
    }
    const accounted = new Set([...kept, ...files])
    for (const file of filesBelow(pkg)) if (!accounted.has(relative(pkg, file))) rmSync(file)
    return files.map((name) => join(pkg, name))
  })
}
