// The scripts that judge everything else: what they count, measure, refuse and skip.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { deflateRawSync } from 'node:zlib'
import { again, isStrict } from './again.mjs'
import { run, which } from './command.mjs'
import { bundled } from './bundle.mjs'
import { count } from './counts.mjs'
import { checkFeatures } from './features.mjs'
import { fewerBytes } from './fewer-bytes.mjs'
import { put, step } from './fresh.mjs'
import { likeBesideLike, namedByPlace } from './like-beside-like.mjs'
import { exclusively } from './lock.mjs'
import { cache } from './place.mjs'
import { bodies, counted, namesOf, withNames } from './module-bytes.mjs'
import { measure, reachable } from './size.mjs'

const folder = mkdtempSync(join(tmpdir(), 'eddyline-scripts-'))
const record = join(cache, 'scripts-test.json')
after(() => { rmSync(folder, { recursive: true, force: true }); rmSync(record, { force: true }) })
const write = (name, text) => { put(join(folder, name), text); return join(folder, name) }

describe('calls of functions', () => {
  // (module (func (export "twice") (param i32) (result i32) local.get 0 call 1 call 1) (func (param i32) (result i32) (local i64) local.get 0 i32.const 3 i32.add) (global (mut i32) i32.const 7))
  const wasm = Buffer.from('0061736d01000000' + '01060160017f017f' + '0303020000' + '0606017f0141070b' + '0709010574776963650000' + '0a1402' + '0800200010011001' + '0b' + '0901017e200041036a0b', 'hex')

  it('are counted for each, and nothing else changes', () => {
    assert.ok(WebAssembly.validate(wasm))
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(counted(wasm)))
    assert.deepEqual([exports.twice(1), exports.twice(2)], [7, 8])
    assert.deepEqual([exports.calls0.value, exports.calls1.value], [2, 4])
  })
  it('belong to names', () => {
    assert.deepEqual(namesOf(withNames(wasm, ['a', 'béta'])), ['a', 'béta'])
    assert.deepEqual([namesOf(wasm), bodies(wasm).length], [[], 2])
  })
})

describe('counting', () => {
  const of = (kind, output, code = 0) => { const { passed, failed } = count(kind, { output, code }, join(folder, 'absent.json')); return [passed, failed] }

  it('adds up all binaries of a cargo run', () => {
    assert.deepEqual(of('cargo', 'test result: ok. 2 passed; 0 failed; 1 ignored\nx\ntest result: FAILED. 3 passed; 4 failed; 0 ignored\n', 101), [5, 4])
  })
  it('reads the closing lines of node, coloured or not', () => {
    assert.deepEqual(of('node', '\x1b[34mℹ pass 7\x1b[39m\n\x1b[34mℹ fail 0\x1b[39m\nℹ cancelled 0\n'), [7, 0])
  })
  it('takes a runner that ran nothing for a failure', () => {
    assert.deepEqual(of('cargo', 'test result: ok. 0 passed; 0 failed; 0 ignored\n'), [0, 1])
    assert.deepEqual(of('node', ''), [0, 1])
    assert.deepEqual(of('vitest', ''), [0, 1])
  })
  it('believes the exit code over the text', () => assert.deepEqual(of('node', 'ℹ pass 3\nℹ fail 0\n', 1), [3, 1]))
  it('repeats what failed, and only that', () => {
    const told = (kind, output, code = 1) => count(kind, { output, code }, join(folder, 'absent.json')).told
    assert.equal(told('node', '✔ a\nℹ pass 1\nℹ fail 0\n', 0), undefined)
    assert.equal(told('node', '✔ a\n✖ b\nℹ pass 1\nℹ fail 1\n\n\x1b[31m✖ failing tests:\x1b[39m\n\n✖ b\n  expected'), '✖ b\n  expected')
    assert.equal(told('cargo', 'running\nfailures:\n\n---- b stdout ----\npanicked\n\ntest result: FAILED. 3 passed; 1 failed; 0 ignored\n'),
      '---- b stdout ----\npanicked\n\ntest result: FAILED. 3 passed; 1 failed; 0 ignored')
    assert.equal(told('check', 'one\ntwo\n'), 'one\ntwo')
    const report = write('vitest.json', JSON.stringify({
      numPassedTests: 1, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0, testResults: [
        { name: 'a.test.ts', status: 'failed', message: '', assertionResults: [{ status: 'passed', fullName: 'x', failureMessages: [] }, { status: 'failed', fullName: 'y', failureMessages: ['expected'] }] },
        { name: 'b.test.ts', status: 'failed', message: 'cannot be read', assertionResults: [] }, { name: 'c.test.ts', status: 'passed', message: '', assertionResults: [] }],
    }))
    assert.deepEqual(count('vitest', { output: '', code: 1 }, report), { passed: 1, failed: 1, skipped: 0, files: ['a.test.ts', 'b.test.ts'], told: 'a.test.ts\ny\nexpected\nb.test.ts\ncannot be read' })
  })
  it('knows the files of what failed', () => {
    const output = '✖ a\nℹ pass 1\nℹ fail 2\n\n✖ failing tests:\n\ntest at tests/e2e/a.test.mjs:12:3\n✖ a\ntest at tests/e2e/a.test.mjs:20:3\n✖ b\n'
    assert.deepEqual(count('node', { output, code: 1 }).files, ['tests/e2e/a.test.mjs'])
  })
  it('counts a check as one', () => assert.deepEqual([of('check', '', 0), of('check', '', 2)], [[1, 0], [0, 1]]))
})

describe('a second run', () => {
  const runs = (...results) => { const asked = []; return { asked, run: async (files) => { asked.push(files); return results[asked.length - 1] } } }
  const red = { passed: 5, failed: 2, skipped: 1, files: ['a', 'b'], told: 'x' }

  it('is of the files that failed, and what passes then is flaky and told', async () => {
    const { asked, run } = runs(red, { passed: 3, failed: 0, skipped: 0 })
    assert.deepEqual(await again(run, { strict: false }), { passed: 7, failed: 0, skipped: 1, flaky: 2, wavered: 'x' })
    assert.deepEqual(asked, [undefined, ['a', 'b']])
  })
  it('leaves what fails twice red', async () => {
    const { run } = runs(red, { passed: 2, failed: 1, skipped: 0, files: ['b'], told: 'y' })
    const { passed, failed, flaky, told, wavered } = await again(run, { strict: false })
    assert.deepEqual({ passed, failed, flaky, told, wavered }, { passed: 6, failed: 1, flaky: 1, told: 'y', wavered: 'x' })
    const always = await again(runs(red, red).run, { strict: false })
    assert.deepEqual([always.failed, always.flaky, always.wavered], [2, 0, undefined])
  })
  it('is not for what passed, names no file, or is strict', async () => {
    const green = { passed: 5, failed: 0, skipped: 0 }
    const { files, ...lost } = red
    for (const [result, strict] of [[green, false], [lost, false], [{ ...red, files: [] }, false], [red, true]]) {
      const { asked, run } = runs(result)
      assert.equal(await again(run, { strict }), result)
      assert.equal(asked.length, 1)
    }
    assert.equal(files.length, 2)
    assert.deepEqual([isStrict(['node', 'test.mjs', 'ts']), isStrict(['node', 'test.mjs', 'ts', '--strict'])], [false, true])
  })
})

describe('the order of functions', () => {
  // Two families of functions that differ in a byte each, and others.
  const noise = (seed, length) => Uint8Array.from({ length }, (_, i) => Math.imul(seed + i, 0x9e3779b1) >>> 13)
  const family = (seed) => [0, 1, 2].map((member) => { const code = noise(seed, 300 + member); code[150] = member; return code })
  const [a, b] = [family(1000), family(5000)]
  const codes = [a[0], b[0], noise(20_000, 200), a[1], b[1], noise(30_000, 40), a[2], b[2], new Uint8Array(3)]

  it('puts like beside like, each function once, the longest first', () => {
    const order = likeBesideLike(codes)
    assert.deepEqual([...order].sort((x, y) => x - y), [...codes.keys()])
    assert.equal(codes[order[0]].length, 302)
    const places = (members) => members.map((code) => order.indexOf(codes.indexOf(code))).sort((x, y) => x - y)
    for (const members of [a, b]) assert.equal(places(members)[2] - places(members)[0], 2)
    assert.deepEqual(likeBesideLike(codes), order)
    assert.deepEqual(likeBesideLike([]), [])
  })

  it('moves functions to where deflate makes fewer bytes of all, from near and from far', () => {
    // A pair on either end of 120 kB, a pair that is 8 kB apart, and a pair that lies together already.
    const random = (seed, length) => createHash('shake256', { outputLength: length }).update(String(seed)).digest()
    const others = Array.from({ length: 60 }, (_, i) => random(i, 2000))
    const pair = (seed) => [random(seed, 700), random(seed, 710)]
    const [far, near, beside] = [pair('far'), pair('near'), pair('beside')]
    const list = [far[0], ...others.slice(0, 20), near[0], ...others.slice(20, 24), near[1], ...beside, ...others.slice(24), far[1]]
    const like = (number) => [far, near, beside].flatMap(([x, y]) => (list[number] === x ? [list.indexOf(y)] : list[number] === y ? [list.indexOf(x)] : []))
    const size = (order) => deflateRawSync(Buffer.concat(order.map((number) => list[number])), { level: 9 }).length
    const before = [...list.keys()]
    const order = fewerBytes(before, list, like)
    assert.deepEqual([...order].sort((x, y) => x - y), [...list.keys()])
    for (const [x, y] of [far, near, beside]) assert.equal(Math.abs(order.indexOf(list.indexOf(x)) - order.indexOf(list.indexOf(y))), 1)
    // What was within a window is found there; what was not is not written twice now.
    assert.ok(size(order) <= size(before) - 600, `${size(before)} became ${size(order)}`)
    assert.deepEqual(before, [...list.keys()], 'the order that was given stays')
    assert.deepEqual(fewerBytes(before, list, () => []), before)
    assert.deepEqual(fewerBytes([], [], like), [])
  })

  it('names the functions of a module that it can still run', () => {
    const vector = (...items) => [items.length, ...items.flat()]
    const text = (word) => vector(...Buffer.from(word))
    const section = (id, bytes) => [id, bytes.length, ...bytes]
    const gives = (n) => vector(0, 0x41, n, 0x0b)
    const wasm = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      ...section(1, vector([0x60, ...vector(), ...vector(0x7f)])),
      ...section(2, vector([...text('env'), ...text('memory'), 2, 0, 1], [...text('env'), ...text('table'), 1, 0x70, 1, 1, 9], [...text('env'), ...text('one'), 0, 0])),
      ...section(3, vector(0, 0)), ...section(7, vector([...text('two'), 0, 1], [...text('three'), 0, 2])), ...section(10, vector(gives(2), gives(3))),
      ...section(0, [...text('name'), 1, 4, 1, 0, 1, 0x78])])
    const module = new WebAssembly.Module(namedByPlace(wasm))
    const { two, three } = new WebAssembly.Instance(module, {
      env: { one: () => 1, memory: new WebAssembly.Memory({ initial: 1 }), table: new WebAssembly.Table({ initial: 1, maximum: 9, element: 'anyfunc' }) },
    }).exports
    assert.deepEqual([two(), three()], [2, 3])
    const [names, ...more] = WebAssembly.Module.customSections(module, 'name').map((bytes) => Buffer.from(bytes))
    assert.equal(more.length, 0)
    assert.deepEqual([...names], [1, names.length - 2, ...vector([1, ...text('f000000')], [2, ...text('f000001')])])
  })
})

describe('size', () => {
  write('package/index.js', `import { a } from './a.js'\nexport * from "./types.js"\nconst url = new URL('./engine.wasm', import.meta.url)\nawait import('./lazy.js')`)
  write('package/a.js', `export const a = 1`)
  write('package/types.js', ``)
  write('package/lazy.js', `import bytes from './wasm-bytes.js'`)
  write('package/wasm-bytes.js', 'x'.repeat(1000))
  write('package/unrelated.js', 'x'.repeat(1000))
  write('package/engine.wasm', '12345')
  const place = join(folder, 'package')

  it('counts what the entry can load, and the base64 twin not beside the binary', () => {
    assert.deepEqual(reachable(place, 'index.js').map((file) => file.slice(place.length + 1)), ['a.js', 'engine.wasm', 'index.js', 'lazy.js', 'types.js'])
    assert.equal(measure(place).wasm.raw, 5)
  })
  it('refuses a missing module and an entry without the binary', () => {
    write('broken/index.js', `import './absent.js'`)
    assert.throws(() => reachable(join(folder, 'broken'), 'index.js'), /absent\.js/)
    assert.throws(() => measure(place, 'a.js'), /does not reach/)
  })
})

describe('bundling', () => {
  it('shares what entries have in common, keeps what bundlers read, and names the binary from where it is', async () => {
    write('bundle/boot/browser.js', `export const load = () => fetch(new URL('../engine.wasm', import.meta.url))`)
    write('bundle/shared.js', '/** doc */\nexport const shared = /* @__PURE__ */ f()\nexport const unused = 1')
    for (const name of ['index.inline', 'index.slim', 'index.workerd', 'project/index', 'react/index', 'vue/index', 'svelte/index', 'solid/index', 'reduce/index', 'storage/index', 'storage/opfs-worker', 'sync/index', 'tanstack/index', 'watch/index', 'datalog/index', 'datascript/index', 'worker/index', 'worker/host', 'worker/inside']) {
      write(`bundle/${name}.js`, `export { shared } from '${name.includes('/') ? '..' : '.'}/shared.js'`)
    }
    write('bundle/index.js', `export * from './shared.js'\nexport { load } from './boot/browser.js'\nexport { init } from './glue.js'`)
    const files = await bundled(join(folder, 'bundle'))
    assert.deepEqual([...files.keys()].sort(), ['core.js', 'datalog/index.js', 'datascript/index.js', 'index.inline.js', 'index.js', 'index.slim.js', 'index.workerd.js', 'project/index.js', 'react/index.js', 'reduce/index.js', 'solid/index.js', 'storage/index.js', 'storage/opfs-worker.js', 'svelte/index.js', 'sync/index.js', 'tanstack/index.js', 'vue/index.js', 'watch/index.js', 'worker/host.js', 'worker/index.js', 'worker/inside.js'])
    assert.match(files.get('index.js'), /new URL\("\.\/engine\.wasm",import\.meta\.url\)/)
    assert.match(files.get('index.js'), /from"\.\/glue\.js"/)
    assert.match(files.get('core.js'), /@__PURE__ \*\/ ?f\(\)/)
    assert.doesNotMatch([...files.values()].join(''), /doc/)
  })
})

describe('features', () => {
  /** A module that is nothing but a target_features section. */
  const module = (...names) => {
    const text = (name) => [name.length, ...Buffer.from(name)]
    const body = [...text('target_features'), names.length, ...names.flatMap((name) => [0x2b, ...text(name)])]
    return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, body.length, ...body])
  }
  it('accepts what the oldest supported browsers have', () => checkFeatures(module('sign-ext', 'simd128')))
  it('refuses what would raise the floor', () => assert.throws(() => checkFeatures(module('sign-ext', 'relaxed-simd')), /relaxed-simd/))
  it('refuses a module that does not say', () => assert.throws(() => checkFeatures(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])), /target_features/))
})

describe('steps', () => {
  it('run again when an input, a setting or an output has changed, and only then', async () => {
    const input = write('input', 'one')
    const output = join(folder, 'output')
    const settings = { flavour: 'plain' }
    const once = () => step('scripts-test', { inputs: [input], settings }, async () => { writeFileSync(output, readFileSync(input)); return [output] })
    assert.deepEqual([await once(), await once()], [true, false])
    write('input', 'one')
    assert.equal(await once(), false, 'the same content written again')
    write('input', 'two')
    assert.deepEqual([await once(), await once()], [true, false])
    settings.flavour = 'other'
    assert.deepEqual([await once(), await once()], [true, false])
    rmSync(output)
    assert.deepEqual([await once(), await once()], [true, false])
    writeFileSync(output, 'tampered')
    assert.deepEqual([await once(), await once()], [true, false])
  })
  it('that fail leave no record of success', async () => {
    const failing = () => step('scripts-test', { inputs: [], settings: 'failing' }, async () => { throw new Error('no') })
    await assert.rejects(failing, /no/)
    await assert.rejects(failing, /no/)
  })
})

describe('running', () => {
  it('captures both streams and the exit code', async () => {
    const { code, output } = await run(process.execPath, ['-e', 'console.log("out"); console.error("err"); process.exitCode = 3'], { capture: true })
    assert.deepEqual([code, output.split('\n').sort()], [3, ['', 'err', 'out']])
  })
  it('finds programs on the path only where they are', () => {
    assert.equal(which('no-such-program-here'), undefined)
    assert.equal(which(process.execPath), process.execPath)
    assert.equal(which(folder), undefined)
  })
  it('one at a time, also after a failure', async () => {
    const order = []
    const turn = (name) => exclusively(async () => { order.push(`${name} begins`); await sleep(20); order.push(`${name} ends`); if (name === 'a') throw new Error('no') })
    await Promise.allSettled([turn('a'), turn('b')])
    assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends'])
  })

  it('one process at a time, also of two that wait for one that has died', async () => {
    const place = mkdtempSync(join(folder, 'lock-'))
    const at = (name) => join(place, name)
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    writeFileSync(at('lock'), String(dead))
    // The one that comes first looks who has it, and goes on when the other is in: it has to wait.
    const first = `const { kill } = process
      process.kill = (pid, signal) => {
        if (pid !== ${dead}) writeFileSync(at('first waits'), '')
        else if (!existsSync(at('first looks'))) { writeFileSync(at('first looks'), ''); while (!existsSync(at('second is in'))) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5) }
        return kill(pid, signal)
      }
      await exclusively(async () => { writeFileSync(at('first is in'), '') }, at('lock'))`
    const second = `while (!existsSync(at('first looks'))) await sleep(5)
      await exclusively(async () => {
        writeFileSync(at('second is in'), '')
        while (!existsSync(at('first is in')) && !existsSync(at('first waits'))) await sleep(5)
        if (existsSync(at('first is in'))) writeFileSync(at('both are in'), '')
      }, at('lock'))`
    const ended = (script) => new Promise((resolve) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', `import { existsSync, writeFileSync } from 'node:fs'
        import { setTimeout as sleep } from 'node:timers/promises'
        import { exclusively } from '${new URL('lock.mjs', import.meta.url)}'
        const at = (name) => ${JSON.stringify(`${place}/`)} + name
        ${script}`])
      child.on('exit', resolve)
    })
    assert.deepEqual(await Promise.all([ended(first), ended(second)]), [0, 0])
    assert.deepEqual(readdirSync(place).sort(), ['first is in', 'first looks', 'first waits', 'second is in'])
  })
})
