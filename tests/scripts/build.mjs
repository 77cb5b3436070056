// `npm run build`: from a fresh clone to a package in pkg. Installs what can be installed, skips what is done.
import { ensureDependencies } from './dependencies.mjs'
import { complain } from './command.mjs'
import { buildEngine } from './engine.mjs'
import { buildLibrary } from './library.mjs'
import { exclusively } from './lock.mjs'
import { reportSize } from './size.mjs'

/** Makes pkg. Its size is judged by `npm run build` and `npm test`, not where someone only wants to see the demo. */
export const build = () => exclusively(async () => {
  await ensureDependencies()
  await buildEngine()
  await buildLibrary()
})

if (import.meta.main ?? process.argv[1] === import.meta.filename) build().then(reportSize).catch(complain)
