// The guide www/docs/following.md, as it stands: its blocks are one program, and what is behind an arrow is what comes out.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as eddyline from '../../../pkg/index.inline.js'
import * as project from '../../../pkg/project/index.js'
import * as sync from '../../../pkg/sync/index.js'
import '../../../pkg/watch/index.js'

it('every line of the guide is true', async () => {
  const text = readFileSync(new URL('../../../www/docs/following.md', import.meta.url), 'utf8')
  const code = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(m => m[1]).join('\n')
  let arrows = 0
  const lines = code.split('\n').map(line => {
    const imported = /^import (\{.*\}) from 'eddyline(?:\/(sync|project))?'/.exec(line)
    if (imported !== null) return `const ${imported[1]} = modules.${imported[2] ?? 'core'}`
    if (line.startsWith('import ')) return ''
    const shown = /^(.*?)\s*\/\/ → (.*)$/.exec(line)
    if (shown === null) return line
    arrows++
    return `same(${shown[1]}, ${shown[2]}, ${JSON.stringify(line)})`
  })
  const same = (is: unknown, wanted: unknown, line: string): void => { expect(is, line).toEqual(wanted) }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const run = new Function('modules', 'same', `return (async () => {\n${lines.join('\n')}\n})()`) as (...given: unknown[]) => Promise<void>
  await run({ core: eddyline, sync, project }, same)
  expect(arrows).toBeGreaterThan(20)
})
