/** The demo without a mouse, and on a narrow screen. `CHROME_PATH` names the browser. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openEmbedded } from '../../www/server/database-embedded.mjs'
import { startDemo } from '../../www/server/demo.mjs'
import { buildPage, builtPage } from '../../www/server/page.mjs'
import { launch } from '../e2e/site.mjs'
import { SMALL_SEED } from './feed-client.mjs'

let demo, browser, page
const faults = []

before(async () => {
  await buildPage()
  demo = await startDemo({ database: await openEmbedded({ seed: SMALL_SEED }), page: builtPage, port: 0 })
  browser = await launch()
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  page.on('pageerror', error => faults.push(String(error)))
  await page.goto(`http://127.0.0.1:${demo.port}/`)
  await page.waitForSelector('.row')
})
after(async () => {
  await browser?.close()
  await demo?.close()
})

/** Presses Tab until the focus is at what a selector finds. @param {string} selector */
async function tabTo(selector) {
  for (let n = 0; n < 80; n++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate(s => document.activeElement?.matches(s), selector)) return
  }
  assert.fail(`Tab does not lead to ${selector}`)
}
const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))

test('Tab leads to the list, arrows and Enter through it, and Escape back', async () => {
  await tabTo('[role=listbox]')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  const active = await page.locator('[role=listbox]').getAttribute('aria-activedescendant')
  assert.equal(await page.locator(`#${active}`).getAttribute('aria-selected'), 'true')
  await page.keyboard.press('Enter')
  await page.getByTestId('panel').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('panel').waitFor({ state: 'detached' })
  assert.equal(await focused(), 'Issues')
})

test('the menu of labels closes before the panel does', async () => {
  await page.keyboard.press('Enter')
  const summary = page.locator('.panel .labels summary')
  await summary.focus()
  await page.keyboard.press('Enter')
  await page.locator('.panel .labels .menu').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  await page.locator('.panel .labels .menu').waitFor({ state: 'hidden' })
  assert.equal(await focused(), 'Change labels')
  await page.keyboard.press('Escape')
  await page.getByTestId('panel').waitFor({ state: 'detached' })
})

test('a link is followed by Enter', async () => {
  await tabTo('.more a')
  await Promise.all([page.waitForURL('**/demos/graph/'), page.keyboard.press('Enter')])
  await page.goBack()
  await page.waitForSelector('.row')
})

test('the form for a new issue keeps the focus, and gives it back', async () => {
  await tabTo('[role=listbox]')
  await page.keyboard.press('c')
  await page.getByRole('dialog', { name: 'New issue' }).waitFor()
  assert.equal(await focused(), 'Title of the new issue')
  for (let n = 0; n < 12; n++) {
    await page.keyboard.press('Tab')
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null), 'the focus stays in the dialog')
  }
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.equal(await focused(), 'Issues')
})

test('a card of the board opens by Enter', async () => {
  await page.getByRole('radio', { name: 'Board' }).click()
  await tabTo('.card')
  const id = await page.evaluate(() => document.activeElement?.getAttribute('data-id'))
  await page.keyboard.press('Enter')
  await page.locator(`.card[data-open][data-id="${id}"]`).waitFor()
  await page.getByTestId('panel').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('radio', { name: 'List' }).click()
})

test('on a narrow screen the projects are in a menu', async () => {
  await page.setViewportSize({ width: 390, height: 844 })
  await page.locator('.sidebar').waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Projects and demos' }).click()
  const project = page.locator('.sidebar .projects .entry').first()
  const name = await project.locator('span').textContent()
  await project.click()
  await page.locator('.sidebar').waitFor({ state: 'hidden' })
  assert.equal(await page.locator('h1').textContent(), name)
  await page.getByRole('button', { name: 'Projects and demos' }).click()
  await page.locator('.sidebar').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.sidebar').waitFor({ state: 'hidden' })
  await page.setViewportSize({ width: 1440, height: 900 })
  assert.deepEqual(faults, [])
})

test('beside an open issue the tools have room, however wide the page is', async () => {
  await page.locator('.row').first().click()
  await page.getByTestId('panel').waitFor()
  for (const width of [920, 1024, 1180, 1440]) {
    await page.setViewportSize({ width, height: 768 })
    const [main, search, create] = await Promise.all(['main', '.search', '.toolbar .primary'].map(s => page.locator(s).boundingBox()))
    assert.ok(search.width > 150, `the search is ${search.width} wide of ${width}`)
    assert.ok(create.x + create.width <= main.x + main.width, `the button is within the issues at ${width}`)
  }
  await page.keyboard.press('Escape')
  await page.setViewportSize({ width: 1440, height: 900 })
})

/** How well a color is read on another, as WCAG counts it. */
const CONTRAST = `(() => {
  const channel = v => (v /= 255, v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  const rgb = text => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const groundOf = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return rgb(getComputedStyle(document.body).backgroundColor)
  }
  const texts = [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest(':disabled') && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim() !== ''))
  return texts.map(e => {
    const [a, b] = [luminance(rgb(getComputedStyle(e).color)), luminance(groundOf(e))].sort((x, y) => y - x)
    return { ratio: (a + 0.05) / (b + 0.05), what: e.className + ' ' + e.textContent.trim().slice(0, 30) }
  }).filter(t => t.ratio < 4.5).map(t => t.ratio.toFixed(2) + ' ' + t.what)
})()`

for (const scheme of ['light', 'dark']) {
  test(`all texts can be read, ${scheme}`, async () => {
    const other = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: scheme, reducedMotion: 'reduce' })
    await other.goto(`http://127.0.0.1:${demo.port}/`)
    await other.waitForSelector('.row')
    await other.locator('.row').first().click()
    await other.getByTestId('panel').waitFor()
    assert.deepEqual([...new Set(await other.evaluate(CONTRAST))], [])
    await other.getByRole('radio', { name: 'Board' }).click()
    await other.waitForSelector('.card')
    assert.deepEqual([...new Set(await other.evaluate(CONTRAST))], [])
    await other.close()
  })
}
