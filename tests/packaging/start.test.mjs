// The guide www/docs/start.md as a reader follows it: its files in an empty project with the installed package, its server, Vite's
// development server, and two windows of a real Chromium.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'vite'
import { freePort } from '../demo/free-port.mjs'
import { launch } from '../e2e/site.mjs'
import { inRoot } from '../scripts/place.mjs'
import { project } from './tarball.mjs'

/** The files of the guide: blocks that begin with their path. */
const files = Object.fromEntries([...readFileSync(inRoot('www/docs/start.md'), 'utf8')
  .matchAll(/```\w+\n(?:\/\/|<!--) ([\w./]+\.\w+)(?: -->)?\n([\s\S]*?)```/g)].map(([, path, text]) => [path, text]))

let place, port, server, vite, browser, url
const problems = []

async function start() {
  server = spawn(process.execPath, ['server.mjs'], { cwd: place.folder, stdio: 'inherit' })
  // Any answer will do: who asks for nothing is not listening yet.
  while (!await fetch(`http://localhost:${port}/feed`, { signal: AbortSignal.timeout(5_000) }).then(() => true, () => false)) await sleep(20)
}
async function stop() {
  const ended = once(server, 'exit')
  server.kill('SIGKILL')
  await ended
}

before(async () => {
  port = await freePort()
  const elsewhere = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, text.replaceAll('3000', String(port))]))
  place = await project('start', { files: elsewhere, borrow: ['react', '@types/react'] })
  await start()
  vite = await createServer({ root: place.folder, logLevel: 'silent', server: { host: '127.0.0.1', port: await freePort(), strictPort: true } })
  await vite.listen()
  url = vite.resolvedUrls.local[0]
  browser = await launch()
})
after(async () => {
  await browser?.close()
  await vite?.close()
  if (server !== undefined) await stop()
  place?.remove()
})

async function open() {
  const page = await browser.newPage()
  page.on('pageerror', (error) => problems.push(String(error)))
  await page.goto(url)
  return page
}

const shown = (page) => page.evaluate(() => [document.querySelector('h1').textContent,
  ...[...document.querySelectorAll('li')].map((li) => `${li.querySelector('input').checked ? '✓' : '·'} ${li.querySelector('span').textContent}`)])

async function shows(page, ...wanted) {
  await page.waitForFunction((text) => document.querySelector('h1').textContent + [...document.querySelectorAll('li')].map((li) => (li.querySelector('input').checked ? '✓' : '·') + li.querySelector('span').textContent).join('')
    === text, wanted.map((line) => line.replace(/^([·✓]) /, '$1')).join('')).catch(() => {})
  assert.deepEqual(await shown(page), wanted)
}

const first = ['3 to do', '· Change a row', '· Connect my own backend', '· Read this page']

describe('the guide', () => {
  it('has the files that it speaks of', () => {
    assert.deepEqual(Object.keys(files).sort(), ['index.html', 'server.mjs', 'src/Tasks.tsx', 'src/db.ts', 'src/main.ts'])
  })

  it('type-checks as strictly as its reader may want', () => {
    const { status, stdout } = spawnSync(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--noUncheckedIndexedAccess', '--exactOptionalPropertyTypes',
      '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', '--jsx', 'react-jsx', '--types', '', 'src/main.ts', 'src/Tasks.tsx'], { cwd: place.folder, encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  })

  it('is a list that two windows see change, also behind a server that was away', async () => {
    const [one, other] = [await open(), await open()]
    for (const page of [one, other]) await shows(page, ...first)
    await one.locator('li').filter({ hasText: 'Read this page' }).locator('input').check()
    await one.locator('form input').fill('Buy milk')
    await one.locator('form button').click()
    const then = ['3 to do', '· Buy milk', '· Change a row', '· Connect my own backend', '✓ Read this page']
    for (const page of [one, other]) await shows(page, ...then)
    // An element that did not change is the same one.
    await other.evaluate(() => { globalThis.kept = document.querySelectorAll('li')[1] })
    await other.locator('li').filter({ hasText: 'Buy milk' }).locator('button').click()
    for (const page of [one, other]) await shows(page, '2 to do', ...then.slice(2))
    assert.equal(await other.evaluate(() => globalThis.kept === document.querySelectorAll('li')[0]), true)
    // Another server, which knows nothing of these changes: its rows are what there is.
    await stop()
    await start()
    for (const page of [one, other]) await shows(page, ...first)
    await one.locator('li').filter({ hasText: 'Change a row' }).locator('input').check()
    for (const page of [one, other]) await shows(page, '2 to do', '· Connect my own backend', '· Read this page', '✓ Change a row')
    assert.deepEqual(problems, [])
  })
})
