// A page of tests/e2e/pages with a framework: runs its tests, of which one is the same for all.
import assert from 'node:assert/strict'
import { bundle, launch, open, serve } from './site.mjs'

export function browserPage(name) {
  let browser, site
  /** Runs one of the page's tests on a fresh page; no error may be left on it. */
  async function run(test, ...args) {
    const { page, problems } = await open(browser, `${site.url}/`)
    try {
      const result = await page.evaluate(([wanted, given]) => globalThis.tests[wanted](...given), [test, args])
      assert.deepEqual(problems, [])
      return result
    } finally { await page.close() }
  }
  return {
    async open() {
      browser = await launch()
      const code = await bundle(name)
      site = await serve({ '/': '<!doctype html><title>t</title><link rel="icon" href="data:,"><body><script type="module" src="/page.js"></script>', '/page.js': code })
    },
    async close() {
      await browser?.close()
      await site?.close()
    },
    run,
    /** What a list of the framework does to the document: `listed` of pages/issues.js. */
    async lists({ changed = ['text'] } = {}) {
      const said = await run('list')
      assert.deepEqual([said.first, said.second], ['Ta,Tb,Tc', 'changed,Tbb,Tc'])
      // Rows that did not change are not rendered, and a row that did writes its text.
      assert.deepEqual([said.changed.sort(), said.counted, said.others], [changed, 1, 0])
      assert.deepEqual([said.came, said.left, said.hidden], [['in'], ['out'], []])
      assert.deepEqual([said.both, said.one], [['changed,Tbb,Tc', 'changed,Tbb,Tc', 1], ['changed,Tbb,last', 1]])
      assert.deepEqual([said.long[0], said.long[1].sort(), said.long[2]], [1500, changed, 'changed'])
      assert.deepEqual(said.views, [0, 0, 0])
    },
  }
}
