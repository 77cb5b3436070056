// The installed package in an empty Vite project, without configuration, in a real Chromium: built, built under a strict
// content policy, built behind a server that cannot serve the binary, and in development.
import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { build, createServer, preview } from 'vite'
import { ensureBrowser } from '../scripts/browser.mjs'
import { filesBelow } from '../scripts/fresh.mjs'
import { freePort } from '../demo/free-port.mjs'
import { patience, patient } from '../e2e/site.mjs'
import { project } from './tarball.mjs'

let place, browser
const quiet = () => ({ root: place.folder, configFile: false, logLevel: 'error' })

before(async () => {
  place = await project('vite')
  const { chrome } = await ensureBrowser()
  browser = patient(await chromium.launch({ executablePath: chrome, args: ['--no-sandbox', '--disable-gpu'], timeout: patience }))
  await build(quiet())
})
after(async () => {
  await browser?.close()
  place?.remove()
})

const listening = async (headers) => ({ host: '127.0.0.1', port: await freePort(), strictPort: true, open: false, headers })

/** Opens the page, sees the list, changes it, sees it change. Returns how the binary came. */
async function visit(url, { prepare } = {}) {
  const page = await browser.newPage()
  const came = { binaries: [], twins: [], streamed: 0, problems: [] }
  page.on('pageerror', (error) => came.problems.push(String(error)))
  page.on('console', (message) => { if (message.type() === 'error') came.problems.push(message.text()) })
  const bodies = []
  page.on('response', (response) => {
    const type = response.headers()['content-type'] ?? ''
    if (new URL(response.url()).pathname.endsWith('.wasm')) came.binaries.push(`${response.status()} ${type}`)
    if (type.includes('javascript')) bodies.push(response.text().then((text) => { if (text.includes('AGFzbQ')) came.twins.push(response.url()) }, () => {}))
  })
  await page.addInitScript(() => {
    globalThis.streamed = 0
    for (const name of ['compileStreaming', 'instantiateStreaming']) {
      const original = WebAssembly[name]
      WebAssembly[name] = async (...args) => { const result = await original.apply(WebAssembly, args); globalThis.streamed += 1; return result }
    }
  })
  try {
    await prepare?.(page)
    await page.goto(url)
    const rows = page.locator('#rows li')
    const expectRows = async (...titles) => {
      await page.waitForFunction((wanted) => [...document.querySelectorAll('#rows li')].map((item) => item.textContent).join() === wanted, titles.join())
        .catch(async () => assert.fail(`expected ${titles}, the screen shows ${await rows.allTextContents()}; ${came.problems.join('; ')}`))
    }
    await expectRows('Crash', 'Leak')
    await page.locator('#change').click()
    await expectRows('Typo', 'Leak')
    came.streamed = await page.evaluate(() => globalThis.streamed)
    await Promise.all(bodies)
    return came
  } finally {
    await page.close()
  }
}

async function visitBuilt(headers, options) {
  const server = await preview({ ...quiet(), preview: await listening(headers) })
  try { return await visit(server.resolvedUrls.local[0] + (options?.search ?? ''), options) } finally { await server.close() }
}

const streamedOnce = { binaries: ['200 application/wasm'], twins: [], streamed: 1, problems: [] }

describe('in an empty Vite project', () => {
  it('the build holds the binary as one asset', () => {
    assert.equal(filesBelow(join(place.folder, 'dist')).filter((file) => file.endsWith('.wasm')).length, 1, readdirSync(join(place.folder, 'dist/assets')).join())
  })

  it('the built page streams that one asset and follows the changes', async () => {
    assert.deepEqual(await visitBuilt(), streamedOnce)
  })

  it('the built page works under a content policy that forbids eval', async () => {
    assert.deepEqual(await visitBuilt({ 'content-security-policy': "default-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'" }), streamedOnce)
  })

  it('the built page has its engine in a worker, and streams the one asset once', async () => {
    assert.deepEqual(await visitBuilt(undefined, { search: '?worker' }), streamedOnce)
    assert.deepEqual(await visitBuilt({ 'content-security-policy': "default-src 'self'; img-src data:; script-src 'self' 'wasm-unsafe-eval'" }, { search: '?worker' }), streamedOnce)
  })

  it('the built page works where the binary is answered with a page of HTML', async () => {
    const prepare = (page) => page.route('**/*.wasm', (route) => route.fulfill({ status: 200, contentType: 'text/html', body: '<!doctype html>' }))
    const came = await visitBuilt(undefined, { prepare })
    assert.equal(came.twins.length, 1)
    assert.equal(came.streamed, 0)
  })

  it('one script works in a page that is opened as a file, which has no origin', async () => {
    const outDir = join(place.folder, 'file')
    await build({ ...quiet(), build: { outDir, rolldownOptions: { input: join(place.folder, 'main.js'), output: { format: 'iife', entryFileNames: 'main.js' } } } })
    writeFileSync(join(outDir, 'index.html'), '<!doctype html><meta charset="utf-8"><button id="change">Change</button><ul id="rows"></ul><script src="main.js"></script>')
    // With the engine in the same thread: a compiled module cannot be handed over there, not even to the page itself.
    for (const search of ['', '?inline']) assert.deepEqual((await visit(pathToFileURL(join(outDir, 'index.html')).href + search)).problems, [])
  })

  it('development mode works', async () => {
    const server = await createServer({ ...quiet(), server: await listening() })
    try {
      await server.listen()
      for (const search of ['', '?worker']) {
        const came = await visit(server.resolvedUrls.local[0] + search)
        assert.deepEqual(came.problems, [])
        assert.ok(came.binaries.length + came.twins.length > 0, 'the binary came from nowhere')
      }
    } finally {
      await server.close()
    }
  })
})
