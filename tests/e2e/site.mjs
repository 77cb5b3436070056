// A small site for the browser: bundled pages and the built package as static files, with the faults that servers have.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { build } from 'vite'

const root = fileURLToPath(new URL('../../', import.meta.url))
const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' }

/** Components and modules of Svelte. */
const svelte = () => ({
  name: 'svelte',
  async transform(code, id) {
    if (!/\.svelte(\.js)?$/.test(id)) return undefined
    const { compile, compileModule } = await import('svelte/compiler')
    return (id.endsWith('.js') ? compileModule : compile)(code, { filename: id, generate: 'client', dev: true }).js
  },
})

/** Bundles a page of tests/e2e/pages into one module, the package and the framework included. */
export async function bundle(name) {
  const { output } = await build({
    configFile: false, logLevel: 'error', root: join(root, 'tests/e2e/pages'), publicDir: false, plugins: [svelte()],
    resolve: { alias: [{ find: /^eddyline\/(react|vue|svelte|solid)$/, replacement: join(root, 'pkg/$1/index.js') }, { find: /^eddyline$/, replacement: join(root, 'pkg/index.inline.js') }] },
    define: { 'process.env.NODE_ENV': '"development"' },
    build: { write: false, minify: false, rollupOptions: { input: join(root, 'tests/e2e/pages', name), output: { format: 'es', entryFileNames: 'page.js', codeSplitting: false }, preserveEntrySignatures: 'strict' } },
  })
  return output.find((file) => file.type === 'chunk' && file.isEntry).code
}

/**
 * Serves `/pkg/…` from the built package, and `pages` (path → text). `fault(path, request)` may answer instead:
 * `{ status?, type?, body?, headers? }`; it gets the request as well.
 */
export async function serve(pages, { fault = () => undefined, headers = {} } = {}) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname)
    const wrong = fault(path, request)
    const send = (status, type, body, more = {}) => response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers, ...more }).end(body)
    const file = () => readFileSync(join(root, path))
    try {
      if (wrong) send(wrong.status ?? 200, wrong.type ?? types[extname(path)], wrong.body ?? file(), wrong.headers)
      else if (pages[path] !== undefined) send(200, types[extname(path)] ?? 'text/html', pages[path])
      else if (path.startsWith('/pkg/')) send(200, types[extname(path)] ?? 'text/plain', file())
      else send(404, 'text/plain', 'not here')
    } catch { send(404, 'text/plain', 'not here') }
  })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }) }
}

/** Milliseconds after which something does not come at all. Nothing is judged by how long it takes: a machine may do other work meanwhile. */
export const patience = 300_000

/** What waits for elements, pages and conditions waits as long. */
export function patient(browser) {
  const wait = (context) => { context.setDefaultTimeout(patience) }
  browser.contexts().forEach(wait)
  browser.on('context', wait)
  return browser
}

export const launch = async () => patient(await chromium.launch({
  executablePath: process.env.CHROME_PATH || '/usr/bin/chromium', timeout: patience,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
}))

/** A page whose uncaught errors and console errors are kept in `problems`. */
export async function open(browser, url) {
  const page = await browser.newPage()
  const problems = [], requests = []
  page.on('pageerror', (error) => { problems.push(String(error)) })
  page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()) })
  page.on('request', (request) => { requests.push(new URL(request.url()).pathname) })
  await page.goto(url)
  return { page, problems, requests }
}

/** What `test` gives once it gives something; fails after so many milliseconds. */
export async function until(what, test, ms = patience) {
  for (const end = Date.now() + ms; ;) {
    const value = await test()
    if (value) return value
    assert.ok(Date.now() < end, `${what} does not come`)
    await sleep(20)
  }
}
