// The page of users from events: it folds, halts, skips, rebuilds with its progress, and has its state after a reload.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createServer } from 'node:http'
import { buildPage, builtPage } from '../../www/server/page.mjs'
import { launch, patience } from '../e2e/site.mjs'

let browser, server, url
before(async () => {
  await buildPage()
  server = createServer((request, response) => { void builtPage(request, response) })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  url = `http://127.0.0.1:${server.address().port}/demos/reducer/`
  browser = await launch()
})
after(async () => { await browser?.close(); server?.close() })

test('users from events', { timeout: 4 * patience }, async () => {
  const page = await browser.newPage()
  const problems = []
  page.on('pageerror', (error) => { problems.push(String(error)) })
  const state = () => page.textContent('#state')
  const press = (label) => page.click(`text="${label}"`)
  await page.goto(url)
  await page.waitForSelector('body[data-ready]')
  assert.match(await state(), /event 100000; storage: ready/)
  assert.equal(await page.$$eval('#users tr', (rows) => rows.length), 12)
  await press('Send a broken event')
  await page.waitForSelector('#errors li')
  assert.match(await page.textContent('#errors'), /u000 halted at event 100001/)
  await press('Rename the first')
  await press('Skip broken events')
  await page.waitForFunction(() => document.querySelector('#errors').children.length === 0)
  await page.waitForFunction(() => document.querySelector('#users').textContent.includes('Renamed at'))
  await press('Rebuild')
  await page.waitForFunction(() => /of 100,002, .* done/.test(document.querySelector('#progress').textContent))
  assert.equal(await page.$eval('progress', (bar) => bar.value), 1)
  // The broken event halts it again: a rebuild folds what the log says.
  await page.waitForSelector('#errors li')
  // All of it is stored: what was appended is nowhere else.
  await page.waitForFunction(() => /event 100002; storage: ready\.$/.test(document.querySelector('#state').textContent))
  await page.reload()
  await page.waitForSelector('body[data-ready]')
  assert.match(await page.textContent('#errors'), /u000 halted at event 100001/)
  assert.match(await state(), /event 100002/)
  assert.deepEqual(problems, [])
  await page.close()
})
