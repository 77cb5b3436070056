// The quotes demo as two people use it, each in a browser context of their own, and a third in another circle.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startQuotes } from '../../www/demos/quotes/server.mjs'
import { launch } from './site.mjs'

let browser, server
before(async () => {
  browser = await launch()
  server = await startQuotes()
})
after(async () => {
  await browser?.close()
  await server?.close()
})

/** A page in a context of its own: nothing is shared but the server. */
async function visit(circle = 'readers') {
  const context = await browser.newContext()
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', (error) => { problems.push(String(error)) })
  page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()) })
  await page.goto(`${server.url}?circle=${circle}`)
  await page.waitForSelector('body[data-ready]')
  return {
    page, problems, context,
    quotes: () => page.$$eval('#quotes li', (items) => items.map((i) => [i.querySelector('cite').textContent, i.querySelector('.like').textContent])),
    /** What was done to the page since the last time. */
    work: () => page.evaluate(() => { const done = structuredClone(globalThis.work); globalThis.work.patches = []; globalThis.work.callbacks = 0; return done }),
    counters: () => page.$$eval('#counters dd', (all) => all.map((d) => d.textContent).join('')),
    sees: (n) => page.waitForFunction((wanted) => document.querySelectorAll('#quotes li').length === wanted, n),
  }
}

describe('the quotes collection in two browser contexts', () => {
  it('like, add and delete reach both as one patch, and another circle not at all', async () => {
    const [one, two, other] = await Promise.all([visit(), visit(), visit('others')])
    const start = [['Descartes', '♥ 0'], ['Heraclitus', '♥ 0']]
    for (const v of [one, two, other]) {
      assert.deepEqual(await v.quotes(), start)
      await v.work()
    }
    const both = [one, two]

    // A like: the same DOM node, one set.
    await two.page.evaluate(() => { globalThis.kept = document.querySelector('[data-id=heraclitus]') })
    await one.page.click('[data-id=heraclitus] .like')
    for (const v of both) {
      await v.page.waitForFunction(() => document.querySelector('[data-id=heraclitus] .like').textContent === '♥ 1')
      assert.deepEqual(await v.work(), { callbacks: 1, patches: ['set'] })
      assert.equal(await v.counters(), '00011')
    }
    assert.ok(await two.page.evaluate(() => globalThis.kept === document.querySelector('[data-id=heraclitus]')))

    // "Hello World" by Elixir, from the other one.
    await two.page.click('#add button:not([type])')
    for (const v of both) {
      await v.sees(3)
      assert.deepEqual(await v.quotes(), [['Descartes', '♥ 0'], ['Elixir', '♥ 0'], ['Heraclitus', '♥ 1']])
      assert.deepEqual(await v.work(), { callbacks: 1, patches: ['add'] })
      assert.equal(await v.counters(), '10112')
    }

    // One is deleted at random.
    await one.page.click('#random')
    for (const v of both) {
      await v.sees(2)
      assert.deepEqual(await v.work(), { callbacks: 1, patches: ['remove'] })
      assert.equal(await v.counters(), '11213')
    }
    assert.deepEqual(await one.quotes(), await two.quotes())

    assert.deepEqual(await other.work(), { callbacks: 0, patches: [] })
    assert.deepEqual([await other.quotes(), await other.counters()], [start, '00000'])
    for (const v of [one, two, other]) {
      assert.deepEqual(v.problems, [])
      await v.context.close()
    }
  })

  it('a favourite follows its row until it is deleted by somebody else', async () => {
    const [one, two] = await Promise.all([visit('friends'), visit('friends')])
    const says = (text) => one.page.waitForFunction((wanted) => document.querySelector('#favourite').textContent.includes(wanted), text)
    await one.page.click('[data-id=descartes] blockquote')
    await says('liked 0 times')
    await two.page.click('[data-id=descartes] .like')
    await says('liked 1 times')
    for (let left = 2; left > 0; left--) {
      await two.page.click('#random')
      await two.sees(left - 1)
    }
    await says('It has been deleted.')
    assert.deepEqual([one.problems, two.problems], [[], []])
    await Promise.all([one.context.close(), two.context.close()])
  })

  it('a page that was cut off catches up with what differs', async () => {
    const [one, two] = await Promise.all([visit('travellers'), visit('travellers')])
    await one.work()
    // While nobody is connected: pages come back after some seconds.
    server.cut('travellers')
    await two.page.click('[data-id=descartes] .like')
    // Both were cut off, and come back each in its own time.
    for (const { page } of [one, two]) await page.waitForFunction(() => document.querySelector('[data-id=descartes] .like').textContent === '♥ 1')
    assert.deepEqual(await one.work(), { callbacks: 1, patches: ['set'] })
    assert.deepEqual(await one.quotes(), await two.quotes())
    await Promise.all([one.context.close(), two.context.close()])
  })
})
