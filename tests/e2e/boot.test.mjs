// How the engine gets into a page: streamed next to the module, from the inline chunk when a server is in the way, or handed over.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, open, serve } from './site.mjs'

let browser
before(async () => { browser = await launch() })
after(async () => { await browser?.close() })

const html = (script) => `<!doctype html><title>t</title><link rel="icon" href="data:,"><script type="module">${script}</script>`
// `run(m)` makes a database with one row and tells what a live query sees.
const common = `
  for (const name of ['compileStreaming', 'instantiateStreaming', 'compile', 'instantiate']) {
    const original = WebAssembly[name]
    WebAssembly[name] = async (...args) => { (globalThis.used ??= []).push(name); return original.apply(WebAssembly, args) }
  }
  globalThis.run = async (m, name = 'x') => {
    const schema = m.defineSchema({ t: m.table({ id: m.string().key(), n: m.int() }) })
    const db = await m.createDatabase({ schema, name })
    const live = db.live(db.query.t.orderBy('n'))
    db.apply([{ op: 'insert', table: 't', row: { id: name, n: 1 } }])
    return { db, live, ids: live.rows.map(r => r.id) }
  }
  globalThis.told = async (make) => {
    try { return await make() } catch (e) { return { code: e.code, message: e.message, name: e.name } }
  }
`
const page = (script) => html(`${common}\nglobalThis.result = told(async () => { ${script} })`)
const index = page("const m = await import('/pkg/index.js'); return { ids: (await run(m)).ids, used: globalThis.used }")

async function visit(pages, options, more) {
  const site = await serve(pages, options)
  const visited = await open(browser, `${site.url}/`)
  try {
    const result = await visited.page.evaluate(() => globalThis.result)
    return { ...visited, result, ...(await more?.(visited)) }
  } finally {
    await visited.page.close()
    await site.close()
  }
}
const twin = '/pkg/wasm-bytes.js', binary = '/pkg/engine.wasm'

describe('the entry for browsers', () => {
  it('streams the binary once and never loads its twin', async () => {
    const { result, requests, problems } = await visit({ '/': index })
    assert.deepEqual(result, { ids: ['x'], used: ['compileStreaming', 'instantiate'] })
    assert.deepEqual([requests.filter((r) => r === binary).length, requests.includes(twin), problems], [1, false, []])
  })

  const faults = [
    ['another MIME type: compiled from bytes', { type: 'application/octet-stream' }, false],
    ['no MIME type', { type: '' }, false],
    ['a MIME type with parameters', { type: 'application/wasm; charset=utf-8' }, false],
    ['a page of HTML with status 200', { type: 'text/html', body: '<!doctype html><title>app</title>' }, true],
    ['a page of HTML that claims to be wasm', { type: 'application/wasm', body: '<!doctype html>' }, true],
    ['half of the binary', { body: Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5]) }, true],
    ['not there', { status: 404, type: 'text/plain', body: 'no' }, true],
    ['an error of the server', { status: 500, type: 'text/plain', body: 'no' }, true],
  ]
  for (const [name, answer, usesTwin] of faults) {
    it(`works where the server answers with ${name}`, async () => {
      const { result, requests } = await visit({ '/': index }, { fault: (path) => path === binary ? answer : undefined })
      assert.deepEqual(result.ids, ['x'], JSON.stringify(result))
      assert.equal(requests.includes(twin), usesTwin)
    })
  }

  it('works where the network drops the binary', async () => {
    const site = await serve({ '/': index })
    const visited = await browser.newPage()
    try {
      await visited.route('**/engine.wasm', (route) => route.abort())
      await visited.goto(`${site.url}/`)
      assert.deepEqual((await visited.evaluate(() => globalThis.result)).ids, ['x'])
    } finally {
      await visited.close()
      await site.close()
    }
  })

  it('says what to allow where the policy of the page forbids WebAssembly', async () => {
    const policy = "default-src 'self'; script-src 'self' 'unsafe-inline'; img-src data:"
    for (const entry of ['index.js', 'index.inline.js']) {
      const script = page(`const m = await import('/pkg/${entry}'); return (await run(m)).ids`)
      const { result } = await visit({ '/': script }, { headers: { 'content-security-policy': policy } })
      assert.equal(result.code, 'LOAD_FAILED')
      assert.match(result.message, /Content-Security-Policy must allow 'wasm-unsafe-eval' in script-src/)
    }
    const { result } = await visit({ '/': index }, { headers: { 'content-security-policy': policy.replace("'unsafe-inline'", "'unsafe-inline' 'wasm-unsafe-eval'") } })
    assert.deepEqual(result.ids, ['x'])
  })

  it('can be tried again after it failed', async () => {
    let isUp = false
    const fault = (path) => !isUp && (path === binary || path === twin) ? { status: 503, type: 'text/plain', body: 'later' } : undefined
    const script = page(`const m = await import('/pkg/index.js')
      const first = await told(() => m.init())
      await fetch('/up')
      return { first: first.code, ids: (await told(() => run(m))).ids }`)
    const { result } = await visit({ '/': script }, { fault: (path) => { if (path === '/up') isUp = true; return fault(path) } })
    assert.equal(result.first, 'LOAD_FAILED')
    assert.deepEqual(result.ids, ['x'])
  })
})

describe('the slim entry', () => {
  it('needs a module, and takes it as URL, Response, bytes, Module, promise or function', async () => {
    const given = [
      "'/pkg/engine.wasm'", "new URL('/pkg/engine.wasm', location.href)", "await fetch('/pkg/engine.wasm')", "fetch('/pkg/engine.wasm')",
      "await (await fetch('/pkg/engine.wasm')).arrayBuffer()", "await WebAssembly.compileStreaming(fetch('/pkg/engine.wasm'))", "() => fetch('/pkg/engine.wasm')",
    ]
    for (const input of given) {
      const script = page(`const m = await import('/pkg/index.slim.js')
        const before = await told(() => run(m))
        await m.init({ module: ${input} })
        return { before: before.code, ids: (await run(m)).ids }`)
      const { result, requests } = await visit({ '/': script })
      assert.deepEqual(result, { before: 'LOAD_FAILED', ids: ['x'] }, `${input}: ${JSON.stringify(result)}`)
      assert.ok(!requests.includes(twin))
    }
  })

  it('says what is wrong with what it was given', async () => {
    const script = page(`const m = await import('/pkg/index.slim.js')
      const codes = []
      for (const module of ['/pkg/absent.wasm', new Uint8Array([1, 2, 3]), '/']) codes.push((await told(() => m.init({ module }))).code)
      return codes`)
    const { result } = await visit({ '/': script })
    assert.deepEqual(result, ['LOAD_FAILED', 'LOAD_FAILED', 'LOAD_FAILED'])
  })
})

describe('one page', () => {
  it('holds many databases, of all entries, in one instance', async () => {
    const script = page(`
      const [a, b] = [await import('/pkg/index.js'), await import('/pkg/index.inline.js')]
      const [one, two, three] = await Promise.all([run(a, 'one'), run(a, 'two'), run(b, 'three')])
      two.live.subscribe(() => { one.db.apply([{ op: 'upsert', table: 't', row: { id: 'from two', n: 2 } }]) })
      two.db.apply([{ op: 'upsert', table: 't', row: { id: 'more', n: 3 } }])
      one.db.apply([{ op: 'insert', table: 't', row: { id: 'last', n: 3 } }])
      two.db.close()
      three.db.apply([{ op: 'insert', table: 't', row: { id: 'after', n: 3 } }])
      return { ids: [one, two, three].map(d => d.live.rows.map(r => r.id)), states: [one, two, three].map(d => d.live.status), compiled: used.filter(u => u.startsWith('compile')).length }`)
    const { result, problems } = await visit({ '/': script })
    assert.deepEqual(result, { ids: [['one', 'from two', 'last'], ['two', 'more'], ['three', 'after']], states: ['ready', 'closed', 'ready'], compiled: 1 })
    assert.deepEqual(problems, [])
  })

  it('applies a fetched response and a stream as they come', async () => {
    const rows = JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ id: `r${i}`, n: i })))
    const script = page(`const m = await import('/pkg/index.js')
      const { db, live } = await run(m)
      let told = 0
      live.subscribe(() => { told++ })
      const report = await db.applyJson(await fetch('/rows.json'), { table: 't' })
      const other = await db.applyJson(new Response('{"id":"z","n":-1}\\n').body, { table: 't' })
      return [report.applied, other.applied, live.rows.length, live.rows[0].id, live.rows[2001].id, told]`)
    const { result } = await visit({ '/': script, '/rows.json': rows })
    assert.deepEqual(result, [2000, 1, 2002, 'z', 'r1999', 2])
  })
})
