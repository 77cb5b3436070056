// What is in the tarball: all that `exports` promises and the README links to, the binary exactly twice, nothing that is not the package.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, normalize, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { filesBelow } from '../scripts/fresh.mjs'
import { inRoot, root } from '../scripts/place.mjs'
import { gzipCeiling, measure } from '../scripts/size.mjs'
import { project } from './tarball.mjs'

let place, files, manifest
const read = (name) => readFileSync(join(place.installed, name))

before(async () => {
  place = await project('node')
  files = filesBelow(place.installed).map((file) => relative(place.installed, file))
  manifest = JSON.parse(read('package.json'))
})
after(() => place?.remove())

const targets = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(targets))

describe('the tarball', () => {
  it('has every file that package.json points to', () => {
    const named = [manifest.main, manifest.module, manifest.types, ...targets(manifest.exports)]
    assert.ok(named.length > 10)
    assert.deepEqual(named.filter((name) => !existsSync(join(place.installed, name))), [])
  })

  it('names the types first in every entry, where resolvers look', () => {
    const conditional = Object.values(manifest.exports).filter((entry) => typeof entry === 'object')
    assert.ok(conditional.length >= 4)
    for (const entry of conditional) {
      assert.equal(Object.keys(entry)[0], 'types')
      assert.equal(Object.keys(entry).at(-1), 'default')
    }
  })

  // `moduleResolution: node10` does not read `exports`: it is what TypeScript before 6 takes where modules are CommonJS.
  it('names the types of every entry a second time, for resolvers that do not read exports', () => {
    const typed = Object.entries(manifest.exports).filter(([name, entry]) => name !== '.' && typeof entry === 'object')
    assert.deepEqual(manifest.typesVersions, { '*': Object.fromEntries(typed.map(([name, { types }]) => [name.slice(2), [types]])) })
  })

  it('carries the binary exactly twice: as it is and as base64', () => {
    const isWasm = (data) => data.subarray(0, 4).equals(Buffer.from('\0asm', 'latin1'))
    const carriers = files.filter((name) => isWasm(read(name)) || read(name).includes('AGFzbQ'))
    assert.deepEqual(carriers.sort(), ['pkg/engine.wasm', 'pkg/wasm-bytes.js'])
    const [, base64] = /^export default "([A-Za-z0-9+/=]+)"\n$/.exec(read('pkg/wasm-bytes.js'))
    assert.ok(Buffer.from(base64, 'base64').equals(read('pkg/engine.wasm')))
  })

  it('names the binary in one place only, so that bundlers emit one asset', () => {
    const naming = files.filter((name) => name.endsWith('.js') && /new URL\([^)]*engine\.wasm/.test(read(name).toString()))
    assert.equal(naming.length, 1, naming.join(', '))
  })

  it('holds the package and nothing else', () => {
    const expected = /^(package\.json|README\.md|CHANGELOG\.md|LICENSE-(APACHE|MIT)|www\/docs\/(decisions\/)?[\w-]+\.md|www\/docs\/rivals\/\w+\.svg|pkg\/(README\.md|engine\.wasm|[\w./-]+\.(js|d\.ts)))$/
    assert.deepEqual(files.filter((name) => !expected.test(name) || /(^|\/)(tests?|fixtures|node_modules)\/|\.test/.test(name)), [])
  })

  it('has something to say in each of its texts', () => {
    for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'pkg/README.md']) assert.ok(read(name).toString().trim().length > 40, name)
  })

  it('has what its texts link to, from where they are', () => {
    const anchors = (name) => [...read(name).toString().matchAll(/^#+ (.*)$/gm)].map(([, title]) => `#${title.toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-')}`)
    const texts = files.filter((name) => name.endsWith('.md'))
    const links = texts.flatMap((text) => [...read(text).toString().replace(/```[^]*?```|`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => ({ text, link }))).filter(({ link }) => !/^\w+:/.test(link))
    assert.ok(links.filter(({ text }) => text === 'README.md').length > 5 && links.filter(({ text }) => text.startsWith('www/')).length > 5)
    const broken = links.filter(({ text, link }) => {
      const [path, anchor] = link.split('#')
      const place = path === '' ? text : normalize(join(dirname(text), path))
      return !files.some((name) => name === place || name.startsWith(`${place}/`)) || (anchor !== undefined && !anchors(place).includes(`#${anchor}`))
    })
    assert.deepEqual(broken, [])
  })

  it('has the texts of www/docs as they are with their plots, and nothing else', () => {
    const texts = filesBelow(inRoot('www', 'docs')).map((file) => relative(root, file)).filter((name) => /\.(md|svg)$/.test(name)).sort()
    assert.ok(texts.length > 10)
    assert.deepEqual(files.filter((name) => name.startsWith('www/')).sort(), texts)
    for (const name of texts) assert.ok(read(name).equals(readFileSync(inRoot(name))), name)
  })

  it('has declarations beside every module of the public entries', () => {
    const entries = targets(manifest.exports).filter((name) => name.endsWith('.js'))
    assert.ok(entries.length >= 5)
    assert.deepEqual(entries.filter((name) => !existsSync(join(place.installed, name.replace(/\.js$/, '.d.ts')))), [])
  })

  it('tells nothing about the machine that built it', () => {
    const tellTales = [root, homedir(), '.cargo', 'registry/src'].map((text) => Buffer.from(text))
    assert.deepEqual(files.filter((name) => tellTales.some((text) => read(name).includes(text))), [])
  })

  it('downloads no more than the ceiling', () => {
    const { total } = measure(join(place.installed, 'pkg'))
    assert.ok(total.gzip <= gzipCeiling, `${total.gzip} bytes of gzip`)
  })

  it('has no dependencies and no install scripts', () => {
    assert.deepEqual(Object.keys(manifest.dependencies ?? {}), [])
    assert.deepEqual(Object.keys(manifest.scripts ?? {}).filter((name) => /install|prepare/.test(name)), [])
  })
})
