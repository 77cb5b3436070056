/** What a page of a busy team keeps: what it shows, and not every row as it once was. `CHROME_PATH` names the browser. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openEmbedded } from '../../www/server/database-embedded.mjs'
import { startDemo } from '../../www/server/demo.mjs'
import { buildPage, builtPage } from '../../www/server/page.mjs'
import { launch } from '../e2e/site.mjs'
import { until } from './feed-client.mjs'

let demo, browser, page

before(async () => {
  await buildPage()
  demo = await startDemo({ database: await openEmbedded({ seed: { issues: 3_000, comments: 0 } }), page: builtPage, port: 0 })
  browser = await launch()
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  await page.goto(`http://127.0.0.1:${demo.port}/`)
  await page.waitForSelector('.row')
})
after(async () => {
  await browser?.close()
  await demo?.close()
})

test('rows that changed are not kept as they were', async () => {
  const devtools = await page.context().newCDPSession(page)
  /** Moments that are alive: each issue that is an object has two. */
  const moments = async () => {
    await devtools.send('HeapProfiler.collectGarbage')
    const { result } = await devtools.send('Runtime.evaluate', { expression: 'Date.prototype', objectGroup: 'moments' })
    const { objects } = await devtools.send('Runtime.queryObjects', { prototypeObjectId: result.objectId, objectGroup: 'moments' })
    const { result: { value } } = await devtools.send('Runtime.callFunctionOn', { objectId: objects.objectId, functionDeclaration: 'function () { return this.length }', returnByValue: true })
    await devtools.send('Runtime.releaseObjectGroup', { objectGroup: 'moments' })
    return value
  }
  const before = await moments()
  await demo.team.setRate(1000)
  await until(() => demo.team.made > 15_000, 'work')
  await demo.team.setRate(0)
  const shown = () => page.getByTestId('rate').textContent()
  await until(async () => await shown() === '0.0', 'the page to have seen it')
  const now = await moments()
  console.log(`moments alive: ${before} before, ${now} after ${demo.team.made} changes`)
  // An issue that changed may stay an object as it is now; what it was before may not.
  const issues = Number((await page.getByTestId('total').textContent())?.replace(/,/g, ''))
  assert.ok(now < 2 * issues + 200, `${now} moments of ${issues} issues after ${demo.team.made} changes`)
})
