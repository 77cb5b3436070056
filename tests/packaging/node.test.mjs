// The installed package in plain Node: import, require, and the subpaths.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { reachable } from '../scripts/size.mjs'
import { project } from './tarball.mjs'

const frameworks = ['react', 'vue', 'svelte', 'solid-js']
let place
before(async () => { place = await project('node', { borrow: frameworks }) })
after(() => place?.remove())

function node(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: place.folder, encoding: 'utf8', timeout: 600_000 })
  assert.equal(status, 0, stderr)
  return stdout
}

const expected = {
  seen: [[], ['Crash', 'Leak'], ['Typo', 'Crash'], ['Typo', 'Leak']],
  last: ['Typo'],
  notifications: 3,
  refusal: { isOurs: true, isError: true, code: 'DUPLICATE_KEY' },
}

describe('in Node', () => {
  for (const script of ['import.mjs', 'import-inline.mjs', 'require.cjs']) {
    it(`a live query follows its changes: ${script}`, () => assert.deepEqual(JSON.parse(node(script)), expected))
  }

  it('importing does nothing yet: no binary is compiled before a database is made', () => {
    const script = `const compiled = []
      for (const name of ['compile', 'compileStreaming', 'instantiate', 'instantiateStreaming']) WebAssembly[name] = () => { compiled.push(name) }
      WebAssembly.Module = new Proxy(WebAssembly.Module, { construct() { compiled.push('Module'); return {} } })
      await import('eddyline')
      await import('eddyline/slim')
      await import('eddyline/sync')
      await import('eddyline/tanstack')
      await import('eddyline/project')
      await import('eddyline/worker')
      await import('eddyline/datalog')
      await import('eddyline/datascript')
      console.log(JSON.stringify(compiled))`
    assert.equal(node('--input-type=module', '-e', script).trim(), '[]')
  })

  it('an engine in a worker answers, and the process ends with it', () => {
    const script = `import { defineSchema, table, string } from 'eddyline'
      import { createWorkerDatabase } from 'eddyline/worker'
      const db = await createWorkerDatabase({ schema: defineSchema({ issues: table({ id: string().key() }) }) })
      const live = db.live(db.query.issues)
      await db.apply([{ op: 'insert', table: 'issues', row: { id: 'a' } }])
      console.log(JSON.stringify([live.status, [...live.rows]]))
      db.close()`
    assert.equal(node('--input-type=module', '-e', script).trim(), '["ready",[{"id":"a"}]]')
  })

  // Servers of React's components look at the first statement, and run such a module in the browser only.
  it('eddyline/react is for client components, and says so', () => {
    assert.match(readFileSync(join(place.installed, 'pkg/react/index.js'), 'utf8').slice(0, 20), /^(["'])use client\1;/)
  })

  it('bindings load on a server, without a document and without the engine, and are pending there', () => {
    const script = `import { effectScope } from 'vue'
      import * as react from 'eddyline/react'
      import * as solid from 'eddyline/solid'
      import * as svelte from 'eddyline/svelte'
      import * as vue from 'eddyline/vue'
      const made = () => null, db = null
      console.log(JSON.stringify([typeof react.useLiveQuery, effectScope().run(() => vue.useLiveQuery(made, { db }).status.value), svelte.useLiveQuery(made, { db }).status, solid.createLiveQuery(made, { db }).status()]))`
    assert.equal(node('--input-type=module', '-e', script).trim(), '["function","pending","pending","pending"]')
    for (const name of ['react', 'vue', 'svelte', 'solid']) {
      const files = reachable(join(place.installed, 'pkg'), `${name}/index.js`)
      assert.deepEqual(files.filter((file) => /engine\.wasm|inline\.js|browser\.js/.test(file)), [], name)
      // Nor any other framework.
      const named = new Set(files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*["'](?!\.)([^"'/]+)/g)].map(([, id]) => id)))
      assert.deepEqual([...named], [name === 'solid' ? 'solid-js' : name])
    }
  })

  it('the binary and the manifest resolve by their names', () => {
    const [wasm, manifest] = JSON.parse(node('--input-type=module', '-e', `import { createRequire } from 'node:module'
      const require = createRequire(process.cwd() + '/x.js')
      console.log(JSON.stringify(['eddyline/engine.wasm', 'eddyline/package.json'].map((name) => require.resolve(name))))`))
    assert.ok(WebAssembly.validate(readFileSync(wasm)))
    assert.equal(JSON.parse(readFileSync(manifest)).name, 'eddyline')
  })

  it('inner modules are not reachable', () => {
    const answer = node('--input-type=module', '-e', `await import('eddyline/pkg/glue.js').then(() => console.log('loaded'), (error) => console.log(error.code))`)
    assert.equal(answer.trim(), 'ERR_PACKAGE_PATH_NOT_EXPORTED')
  })
})
