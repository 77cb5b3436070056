/**
 * The page of posts with tags, built and in a browser: messages without content become rows, and only what changed is new.
 * `CHROME_PATH` names the browser.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
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
  page = await browser.newPage()
  page.on('pageerror', error => faults.push(String(error)))
  await page.goto(`http://127.0.0.1:${server.address().port}/demos/posts/`)
  await page.waitForSelector('article')
})
after(async () => {
  await browser?.close()
  server?.close()
})

const shown = () => page.locator('article').evaluateAll(articles => articles.map(a => [a.querySelector('h3').textContent, ...[...a.querySelectorAll('.tag')].map(t => t.textContent)]))
/** What the page leaves to chance is the first of everything (0), or the last (0.999). */
const chance = at => page.evaluate(n => { Math.random = () => n }, at)
const act = label => page.getByRole('button', { name: label }).click()

test('shows posts with their tags', async () => {
  assert.deepEqual(await shown(), [['Rivers', 'water'], ['Eddies', 'water', 'calm'], ['Rapids', 'water']])
})

test('a renamed tag changes where it shows, and nowhere else', async () => {
  for (const [at, id, old] of [[0, 1, 'water'], [0.5, 2, 'calm']]) {
    const before = await shown()
    await chance(at)
    await act('Rename a tag')
    // Ids only: the name is fetched.
    const message = JSON.parse(await page.locator('#messages li').first().textContent())
    assert.deepEqual([message[0], message[1][0], message[1][1], Object.keys(message[1][2][0]), message[1][2][0].id], ['EctoSync', 'tags', 'updated', ['id'], id])
    await page.waitForFunction(name => [...document.querySelectorAll('.tag')].every(tag => tag.textContent !== name), old)
    const now = `${old} ${Math.floor(at * 100)}`
    assert.deepEqual(await shown(), before.map(post => post.map(text => (text === old ? now : text))))
    const fresh = await page.locator('article').evaluateAll(articles => articles.map(a => a.classList.contains('fresh')))
    assert.deepEqual(fresh, before.map(post => post.includes(old)))
  }
})

test('a new post arrives with its tag', async () => {
  await chance(0)
  await act('Write a tagged post')
  await page.waitForFunction(() => document.querySelectorAll('article').length === 4 && document.querySelectorAll('article')[3].querySelector('.tag') !== null)
  assert.match((await shown())[3][0], /^Post at /)
})

test('a join row that points elsewhere moves its tag in one step, another one adds a tag, a deleted post goes', async () => {
  const before = await shown()
  const tag = before[3][1]
  await chance(0.999)
  await act('Tag a post')
  await page.waitForFunction(() => [...document.querySelectorAll('article')].at(-1).querySelectorAll('.tag').length === 2)
  assert.deepEqual((await shown())[3].slice(1).map(t => t.split(' ')[0]), [tag.split(' ')[0], 'white'])
  await page.evaluate(() => { const picks = [0.999, 0]; Math.random = () => picks.shift() ?? 0 })
  await act('Move a tag to another post')
  const message = JSON.parse(await page.locator('#messages li').first().textContent())
  assert.deepEqual([message[1][0], message[1][1], message[1][2][0].postId], ['postsTags', 'updated', 1])
  await page.waitForFunction(() => document.querySelectorAll('article')[0].querySelectorAll('.tag').length === 2)
  const moved = await shown()
  assert.deepEqual([moved[0].slice(1).map(t => t.split(' ')[0]), moved[3]], [['water', 'white'], before[3]])
  const fresh = await page.locator('article').evaluateAll(articles => articles.map(a => a.classList.contains('fresh')))
  assert.deepEqual(fresh, [true, false, false, true])
  await chance(0.999)
  await act('Delete a post')
  await page.waitForFunction(() => document.querySelectorAll('article').length === 3)
  assert.deepEqual(await shown(), moved.slice(0, 3))
})

test('a deleted tag leaves every post', async () => {
  const before = (await shown()).flat().length
  for (let i = 0; i < 3; i++) await act('Delete a tag')
  await page.waitForFunction(() => document.querySelectorAll('.tag').length === 0)
  assert.ok((await shown()).flat().length < before)
  assert.deepEqual(faults, [])
})
