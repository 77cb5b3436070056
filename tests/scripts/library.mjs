// The TypeScript layer: src/ts → pkg, and nothing left in pkg that no source accounts for.
import { readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { must, say } from './command.mjs'
import { bundled } from './bundle.mjs'
import { engineFiles } from './engine.mjs'
import { filesBelow, put, step } from './fresh.mjs'
import { cache, inRoot, pkg } from './place.mjs'

const compiled = join(cache, 'library')
const kept = new Set(['README.md', ...engineFiles])

export async function buildLibrary() {
  const inputs = [...filesBelow(inRoot('src/ts')), inRoot('tsconfig.json'), inRoot('node_modules/typescript/package.json'), inRoot('node_modules/rolldown/package.json'), inRoot('tests/scripts/bundle.mjs')]
  await step('library', { inputs }, async () => {
    say('Compiling the TypeScript layer')
    rmSync(compiled, { recursive: true, force: true })
    // Into a folder of its own first: pkg changes only when everything compiled, and a running page never meets half of it.
    await must(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json', '--outDir', compiled])
    const declarations = filesBelow(compiled).map((file) => relative(compiled, file)).filter((name) => name.endsWith('.d.ts'))
    const shipped = await bundled(compiled)
    for (const name of declarations) shipped.set(name, readFileSync(join(compiled, name), 'utf8'))
    const files = [...shipped.keys()]
    for (const [name, text] of shipped) put(join(pkg, name), text)
    const accounted = new Set([...kept, ...files])
    for (const file of filesBelow(pkg)) if (!accounted.has(relative(pkg, file))) rmSync(file)
    return files.map((name) => join(pkg, name))
  })
}
