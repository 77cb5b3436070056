// The page of the bench: ours and what is written by hand, small; every line gets its numbers, and no result is wrong.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildPage, builtPage } from '../../www/server/page.mjs'
import { launch, patience } from '../e2e/site.mjs'

let browser, server, url
before(async () => {
  await buildPage()
  server = createServer((request, response) => { void builtPage(request, response) })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  url = `http://127.0.0.1:${server.address().port}/bench/`
  browser = await launch()
})
after(async () => { await browser?.close(); server?.close() })

test('the bench in a page', { timeout: 4 * patience }, async () => {
  const page = await browser.newPage({ viewport: { width: 1340, height: 1200 } })
  const problems = []
  page.on('pageerror', (error) => { problems.push(String(error)) })
  await page.goto(url)
  await page.selectOption('select[name=rows]', '2000')
  await page.selectOption('select[name=rounds]', '2')
  for (const side of await page.$$eval('[name=side]', (boxes) => boxes.map((box) => box.value))) if (!['eddyline', 'by-hand'].includes(side)) await page.uncheck(`[value="${side}"]`)
  await page.uncheck('[value=load]')
  await page.click('#start')
  await page.waitForSelector('body[data-done]')
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'bench.png'), fullPage: true })
  const cells = await page.$$eval('td[data-side]', (all) => all.map((cell) => `${cell.parentElement.dataset.line}, ${cell.dataset.side}: ${cell.textContent || cell.title}`))
  assert.equal(cells.length, 1 + 2 * (8 + 8 + 1))
  for (const cell of cells) assert.match(cell, /: [\d,.]+$/)
  assert.deepEqual(problems, [])
})
