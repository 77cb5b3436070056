// What a server renders of the Svelte components of tests/e2e/pages/svelte.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compile } from 'svelte/compiler'
import { render } from 'svelte/server'

const root = fileURLToPath(new URL('../../', import.meta.url))
const sources = join(root, 'tests/e2e/pages/svelte'), folder = join(root, '.data/svelte-server')

/** The body; `view` of the properties is another component, by its file. */
export async function rendered(name, { view, ...props }) {
  mkdirSync(folder, { recursive: true })
  for (const file of readdirSync(sources).filter((each) => each.endsWith('.svelte'))) {
    const { js } = compile(readFileSync(join(sources, file), 'utf8'), { filename: join(sources, file), generate: 'server' })
    const code = js.code.replaceAll("'eddyline/svelte'", JSON.stringify(pathToFileURL(join(root, 'pkg/svelte/index.js')).href)).replaceAll("'../issues.js'", "'./issues.js'").replace(/'(\.\/\w+\.svelte)'/g, "'$1.js'")
    writeFileSync(join(folder, `${file}.js`), code)
  }
  writeFileSync(join(folder, 'issues.js'), 'export const count = () => {}\n')
  const load = async (file) => (await import(pathToFileURL(join(folder, `${file}.js`)).href)).default
  return (await render(await load(name), { props: { ...props, view: await load(view) } })).body
}
