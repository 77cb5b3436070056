// Chromium: a page per job in a context of its own, from a static server on this machine.
import { createReadStream, readFileSync, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { threadClock } from './node.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' }
const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--js-flags=--expose-gc']

/** Serves /bench/ (this folder), /pkg/ (the package) and /data.json, isolated so that clocks are fine. */
function serve({ folder, dataFile }) {
  const roots = { bench: here, pkg: folder }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname)
    const [, root, ...rest] = path.split('/')
    const base = roots[root]
    const file = path === '/data.json' ? dataFile : base === undefined ? undefined : normalize(join(base, rest.join('/')))
    const inside = file !== undefined && (file === dataFile || file.startsWith(base.endsWith(sep) ? base : base + sep))
    if (!inside || !existsSync(file) || !statSync(file).isFile()) { response.writeHead(404).end(); return }
    response.writeHead(200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream', 'content-length': statSync(file).size, 'cache-control': 'no-store',
      'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp',
    })
    createReadStream(file).pipe(response)
  })
  return new Promise((resolve) => { server.listen(0, '127.0.0.1', () => { resolve(server) }) })
}

/** The clock of the page's main thread. Browsers do not tell which process a page has: it is the one that works when told to. */
async function rendererClock(browser, page) {
  const session = await browser.newBrowserCDPSession()
  try {
    for (;;) {
      const { processInfo } = await session.send('SystemInfo.getProcessInfo')
      const clocks = processInfo.filter((p) => p.type === 'renderer').map((p) => threadClock(p.id))
      const before = clocks.map((clock) => clock())
      await page.evaluate(() => { for (let i = 0, x = 0; i < 5e7; i++) globalThis.spun = x += i })
      const used = clocks.map((clock, i) => clock() - before[i])
      const most = Math.max(...used)
      if (most > 20) return clocks[used.indexOf(most)]
    }
  } finally { await session.detach() }
}

export async function chromiumRunner({ folder, dataFile }) {
  const { chromium } = await import('playwright-core')
  const server = await serve({ folder, dataFile })
  const origin = `http://127.0.0.1:${server.address().port}`
  const hasProc = existsSync('/proc/self/schedstat')
  const browser = await chromium.launch({ executablePath: process.env.CHROME_PATH || '/usr/bin/chromium', args, ignoreDefaultArgs: ['--hide-scrollbars'] })
  return {
    name: 'Chromium',
    version: browser.version(),
    async run(job) {
      const context = await browser.newContext()
      try {
        const page = await context.newPage()
        page.setDefaultTimeout(0)
        page.on('pageerror', (error) => { console.error(error) })
        let clock
        await page.exposeFunction('benchCpu', () => clock?.() ?? -1)
        await page.goto(`${origin}/bench/page.html`)
        if (hasProc) clock = await rendererClock(browser, page)
        return await page.evaluate((j) => globalThis.runJob(j), job)
      } finally { await context.close() }
    },
    async close() {
      await browser.close()
      server.close()
    },
  }
}
