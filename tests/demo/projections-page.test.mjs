// The page of accounts receivable: a graph of projections with live counts, its functions in workers of the browser.
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
  url = `http://127.0.0.1:${server.address().port}/demos/projections/`
  browser = await launch()
})
after(async () => { await browser?.close(); server?.close() })

test('accounts receivable', { timeout: 4 * patience }, async () => {
  const page = await browser.newPage({ viewport: { width: 1000, height: 900 } })
  const problems = []
  page.on('pageerror', (error) => { problems.push(String(error)) })
  page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text()) })
  await page.goto(url)
  await page.waitForSelector('body[data-ready]')
  const box = (name, part) => page.textContent(`[data-node="${name}"] .${part}`)
  const press = (label) => page.click(`text="${label}"`)
  const runs = () => page.$$eval('#runs li', (lines) => lines.map((l) => l.textContent))
  const settled = (name, part, pattern) => page.waitForFunction(([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ''), [`[data-node="${name}"] .${part}`, pattern])
  await settled('digests', 'rows', '^3 rows')
  assert.equal(await page.locator('#graph .box').count(), 7)
  assert.equal(await box('receivable', 'rows'), '12 rows')
  assert.equal(await box('organisations', 'rows'), '3 rows')
  assert.ok(page.workers().length >= 1, 'functions run in workers')
  assert.deepEqual((await runs()).length, 3)
  if (process.env.SCREENSHOT) await page.screenshot({ path: `${process.env.SCREENSHOT}-1.png`, fullPage: true })

  // One invoice: one row of each view, and the functions of one organisation.
  await press('An invoice of 3')
  await settled('receivable', 'last', '^~1$')
  await settled('organisations', 'last', '^~1$')
  await page.waitForFunction(() => document.querySelectorAll('#runs li').length === 4)
  assert.match((await runs())[0], /^digests · orgId = 9 · /)
  assert.equal(await box('Accounts', 'last'), '')

  // A new account that owes 120 is reminded of it.
  const before = Number((await box('reminders', 'rows')).split(' ')[0])
  await press('A new account')
  await settled('receivable', 'rows', '^13 rows')
  await settled('reminders', 'rows', `^${before + 1} rows`)
  assert.equal(await box('Accounts', 'last'), '+1')

  // Paused, its rows stay; resumed, they follow.
  await press('Pause reminders')
  await settled('reminders', 'last', 'paused')
  const written = await page.textContent('#reminders')
  await press('The first pays')
  await settled('receivable', 'rows', '^12 rows')
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 200) }))
  assert.equal(await page.textContent('#reminders'), written)
  await press('Resume reminders')
  await settled('reminders', 'last', '−1')
  await press('100 invoices')
  await settled('invoices', 'last', '^\\+100$')
  // What the page shows comes to be what its tables say, in one frame.
  await page.waitForFunction(() => {
    const told = parseInt(document.querySelector('[data-node="reminders"] .rows').textContent)
    const owing = [...document.querySelectorAll('#receivable tr')].filter(({ cells }) => Number(cells[3].textContent) > 100)
    return told > 0 && document.querySelectorAll('#reminders li').length === told && owing.length === told
  })
  if (process.env.SCREENSHOT) await page.screenshot({ path: `${process.env.SCREENSHOT}-2.png`, fullPage: true })
  const measures = await page.evaluate(() => performance.getEntriesByName('eddyline.project').length)
  assert.ok(measures >= 6)
  assert.deepEqual(problems, [])
  await page.close()
})
