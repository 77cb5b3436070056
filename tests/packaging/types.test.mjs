// The declarations in the tarball, as strict consumers see them under each way of resolving modules.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inRoot } from '../scripts/place.mjs'
import { editor } from './editor.mjs'
import { project } from './tarball.mjs'

let place
before(async () => { place = await project('types', { borrow: ['react', 'react-dom', '@types/react', 'vue', 'svelte', 'solid-js'] }) })
after(() => place?.remove())

function check(name, options, files) {
  const config = join(place.folder, `tsconfig.${name}.json`)
  const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, target: 'ES2022', types: [], jsx: 'react-jsx', ...options }
  writeFileSync(config, JSON.stringify({ compilerOptions, files }))
  const { status, stdout } = spawnSync(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '-p', config], { cwd: place.folder, encoding: 'utf8' })
  return { isAccepted: status === 0, said: stdout }
}

const resolutions = {
  bundler: { module: 'ESNext', moduleResolution: 'bundler' },
  node16: { module: 'Node16', moduleResolution: 'node16' },
  nodenext: { module: 'NodeNext', moduleResolution: 'nodenext' },
}

describe('the declarations', () => {
  for (const [name, options] of Object.entries(resolutions)) {
    for (const file of ['consumer.ts', 'component.tsx', 'bindings.ts', 'held.ts', 'projected.ts']) {
      it(`hold under ${name}: ${file}`, () => {
        const { isAccepted, said } = check(`${name}.${file}`, options, [file])
        assert.ok(isAccepted, said)
      })
    }
  }

  // A package that others of a monorepo read: a schema that could not be exported would have no use there.
  it('can be written down for what a package exports, and read by another', () => {
    const declared = check('declared', { ...resolutions.nodenext, noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: 'declared' }, ['declared.tsx'])
    assert.ok(declared.isAccepted, declared.said)
    const [, brief] = /brief: (\{[^]*?\n\})/.exec(readFileSync(join(place.folder, 'declared/declared.d.ts'), 'utf8'))
    assert.ok(/QueryOf<\{\s*id: string;\s*title: string;?\s*\}, \{\}, "issues", null, AppSchema>/.test(brief) && !brief.includes('Column<'), brief)
    const declaring = check('declaring', resolutions.nodenext, ['declaring.ts'])
    assert.ok(declaring.isAccepted, declaring.said)
  })

  it('take what is left out as undefined too', () => {
    const { isAccepted, said } = check('optional', { ...resolutions.bundler, exactOptionalPropertyTypes: true }, ['optional.ts'])
    assert.ok(isAccepted, said)
  })

  it('have the compiler say what is right where a beginner goes wrong', () => {
    const { said } = check('mistakes', resolutions.bundler, ['mistakes.ts'])
    const lines = readFileSync(join(place.folder, 'mistakes.ts'), 'utf8').split('\n')
    const errors = new Map(said.split(/^mistakes\.ts(?=\()/m).slice(1).map(error => [Number(/\d+/.exec(error)[0]), error]))
    const expected = lines.flatMap((line, i) => line.startsWith('// says: ') ? [[i + 2, line.slice('// says: '.length)]] : [])
    assert.deepEqual([...errors.keys()], expected.map(([line]) => line), said)
    for (const [line, part] of expected) assert.ok(errors.get(line).includes(part), `${lines[line - 1]}\n${errors.get(line)}`)
  })

  it('have editors offer names and values, and show the rows of a query', async () => {
    const { text, completions, hover, close } = await editor(place.folder, join(place.folder, 'edited.ts'))
    try {
      const offered = [], expected = []
      for (const { index, 0: line, 1: names } of text.matchAll(/^.* \/\/ offers: (.*)$/gm)) {
        expected.push([line, names])
        offered.push([line, (await completions(index + line.lastIndexOf("''") + 1)).join(' ')])
      }
      assert.ok(expected.length > 10)
      assert.deepEqual(offered, expected)
      assert.match(await hover(text.indexOf('shown')), /^const shown: QueryOf<\{\s*id: string;\s*points: number;\s*\}, \{\s*project: \{\s*readonly id: string;\s*readonly name: string;\s*\} \| null;\s*\}, "issues", null, Schema</)
    } finally { close() }
  })

  it('are really read: a mistake of the consumer is refused', () => {
    writeFileSync(join(place.folder, 'mistake.ts'), `import { createDatabase } from 'eddyline'\ncreateDatabase({ schemas: 1 })\n`)
    const { isAccepted, said } = check('mistake', resolutions.bundler, ['mistake.ts'])
    assert.ok(!isAccepted && /mistake\.ts\(2,/.test(said), said)
  })
})
