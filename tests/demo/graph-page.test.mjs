/**
 * The page of a graph, built and in a browser: edges are joined and cut by clicking, and what is reached follows.
 * `CHROME_PATH` names the browser, `SCREENSHOTS` a folder for pictures.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildPage, builtPage } from '../../www/server/page.mjs'
import { launch } from '../e2e/site.mjs'

let server, browser, page
const faults = []

before(async () => {
  await buildPage()
  server = createServer((request, response) => { void builtPage(request, response) })
  await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve) })
  browser = await launch()
  page = await browser.newPage({ viewport: { width: 1240, height: 760 } })
  page.on('pageerror', error => faults.push(String(error)))
  await page.goto(`http://127.0.0.1:${server.address().port}/demos/graph/`)
  await page.waitForSelector('body[data-ready]')
})
after(async () => {
  await browser?.close()
  server?.close()
})

const reached = () => page.locator('.node.live text:first-of-type').allTextContents().then(all => all.join(''))
const badge = id => page.locator(`[data-node="${id}"] .badge`).textContent()
const told = () => page.locator('#log li').first().textContent()
const picture = async name => { if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `graph-${name}.png`) }) }
const node = id => page.locator(`[data-node="${id}"] circle`).click()
/** Edges cross: the click is told to the one that is meant. */
const cut = name => page.locator(`[data-edge="${name}"] .hit`).dispatchEvent('click')

test('shows what is reached, and in how many ways', async () => {
  assert.equal(await reached(), 'BCDEFGHI')
  // B by A and D, F by A and E.
  assert.deepEqual([await badge(2), await badge(6), await badge(3)], ['×2', '×2', '×1'])
  await picture('begin')
})

test('no badge covers an edge, its tip or another node', async () => {
  const covered = await page.evaluate(() => [...document.querySelectorAll('.node')].flatMap(node => {
    const badge = node.querySelector('.badge')
    if (badge === null) return []
    const box = badge.getBoundingClientRect()
    const hits = (x, y) => x > box.left && x < box.right && y > box.top + 3 && y < box.bottom - 3
    const edges = [...document.querySelectorAll('.edge')].filter(edge => {
      const path = edge.querySelector('.shown')
      const [screen, length] = [path.getScreenCTM(), path.getTotalLength()]
      return Array.from({ length: 101 }, (_, i) => path.getPointAtLength(length * i / 100).matrixTransform(screen)).some(p => hits(p.x, p.y))
    })
    const nodes = [...document.querySelectorAll('.node circle')].filter(circle => {
      const other = circle.getBoundingClientRect()
      return circle.parentNode !== node && other.left < box.right && other.right > box.left && other.top < box.bottom - 3 && other.bottom > box.top + 3
    })
    return [...edges.map(e => `${node.dataset.node} ${e.dataset.edge}`), ...nodes.map(n => `${node.dataset.node} ${n.parentNode.dataset.node}`)]
  }))
  assert.deepEqual(covered, [])
})

test('an edge that is cut takes away one derivation, the last one the node', async () => {
  await cut('1-6')
  assert.deepEqual([await badge(6), await reached()], ['×1', 'BCDEFGHI'])
  await cut('5-6')
  assert.equal(await reached(), 'BCDE')
  assert.equal((await told()).trim(), '− F G H I')
})

test('a cycle does not keep itself', async () => {
  // B, C and D derive each other; nothing else does once A is cut off.
  await cut('1-2')
  assert.equal(await reached(), '')
  await picture('cut')
})

test('two clicks join; a double click begins elsewhere', async () => {
  await node(1)
  await node(10)
  assert.equal(await reached(), 'JKL')
  assert.match(await page.locator('#touched').textContent(), /^[1-9]\d*$/)
  await page.locator('[data-node="4"] circle').dblclick()
  assert.equal(await page.locator('#start').textContent(), 'D')
  assert.equal(await reached(), 'BCDE')
  await picture('joined')
})

test('and nothing failed on the way', () => { assert.deepEqual(faults, []) })
