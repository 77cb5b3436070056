// The React binding in a real browser: what is rendered, how often, and what is left in the engine afterwards.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { EddylineProvider, useLiveQuery } from '../../pkg/react/index.js'
import { bundle, launch, open, serve } from './site.mjs'

let browser, site, code
before(async () => {
  browser = await launch()
  code = await bundle('react.js')
  site = await serve({ '/': '<!doctype html><title>t</title><link rel="icon" href="data:,"><body><script type="module" src="/page.js"></script>', '/page.js': code })
})
after(async () => {
  await browser?.close()
  await site?.close()
})

/** Runs one of the page's tests on a fresh page; no error may be left on it. */
async function run(name, ...args) {
  const { page, problems } = await open(browser, `${site.url}/`)
  try {
    const result = await page.evaluate(([test, given]) => globalThis.tests[test](...given), [name, args])
    assert.deepEqual(problems, [])
    return result
  } finally { await page.close() }
}

describe('useLiveQuery', () => {
  it('under StrictMode: one view for equal plans, one render per change and changed row, nothing left after unmount', async () => {
    const { first, second, kept, after: left, nodes } = await run('strict')
    assert.deepEqual(first, ['TaTbTc', 1])
    // StrictMode renders twice; the rows that did not change are not rendered at all.
    assert.deepEqual(second, ['TachangedTc', 'TachangedTc', { list: 2, twin: 2, 'row b': 4 }])
    assert.deepEqual([kept, left, nodes], [1, 0, 0])
  })

  it('is identified by the plan: inline closures neither register anew nor look at rows again', async () => {
    assert.deepEqual(await run('identity'), { opened: 0, renders: { list: 5 }, views: 1, examined: 0 })
  })

  it('follows its parameters and drops the queries of before', async () => {
    const { said, views, after: left } = await run('parameters')
    assert.deepEqual(said, ['TaTbTc', 'X', 'Y', '', 'TaTbTc', 'TaTbTcX2'])
    assert.deepEqual([views, left], [1, 0])
  })

  it('sets parameters whatever values follow each other', async () => {
    assert.deepEqual(await run('values'), {
      float: ['Infinity', '-Infinity', 'NaN', 'null', '0', '0', '1'], 'float[]': ['[1]', '[NaN]', '[Infinity]', '[1]'],
      bigint: ['5', String(2n ** 60n), String(2n ** 60n + 1n), 'null'], decimal: ['1.5', '2.5', '7'],
      bytes: ['[1]', '[1,2]', 'null', '[1]', 'TYPE_MISMATCH'], timestamp: ['1970-01-01T00:00:00.001Z', 'null', 'TYPE_MISMATCH'], text: ['1970-01-01T00:00:00.000Z', 'TYPE_MISMATCH'],
    })
  })

  it('keeps no value of a parameter that is given no more, and shows what is wrong with others', async () => {
    assert.deepEqual(await run('given'), {
      'all gone': ['Tb', 'MISSING_PARAMETER'], 'one gone': ['Tb', 'MISSING_PARAMETER'], 'one undefined': ['Tb', 'MISSING_PARAMETER'], 'one more': ['Tb', 'UNKNOWN_PARAMETER'],
      'a circle': ['Tb', 'JSON_TOO_DEEP'], another: ['Tb', 'Tc', 'Tb'], closed: ['Tb'],
    })
  })

  it('moves its window, and takes another query when one comes or goes', async () => {
    assert.deepEqual(await run('window'), { said: [['TaTbTc', 1], ['TaTb', 2], ['TbTc', 2], ['TaTbTc', 3], ['Tc', 4]], after: 0 })
  })

  it('says how long the list is that a window shows a part of, and is rendered when that changes', async () => {
    assert.deepEqual(await run('total'), {
      said: [['TaTb of 3', 1], ['TaTb of 5', 2], ['TaTb of 5', 2], ['firstTb of 4', 3], ['other of 4', 5], ['firstTbTcother of undefined', 6], ['first of 4', 7], 'first of 4', 'first of 4'],
      before: 0, after: 0,
    })
  })

  it('re-renders of a tree only what is on the path of the change', async () => {
    const { first, second, renders } = await run('nested')
    assert.deepEqual([first, second], ['PTaTbQTc', 'PTachangedQTc'])
    assert.deepEqual(renders, { 'project p': 1, 'row b': 1 })
  })

  it('never shows two versions in one render, also in slow transitions with changes coming in', async () => {
    const { error, same, length } = await run('transitions')
    assert.equal(error, undefined)
    assert.ok(same)
    assert.equal(length, 40)
  })

  it('leaves nothing behind when React renders and never mounts', async () => {
    const { wait, during, after: left } = await run('abandoned')
    assert.deepEqual([wait, left], ['wait', 0])
    assert.ok(during <= 1)
  })

  it('is pending on a server, and hydrates without a mismatch', async () => {
    const List = () => {
      const { rows, status } = useLiveQuery((db) => db.query.issues)
      return createElement('ul', { 'data-state': status, id: 'list' }, rows.map((row) => createElement('li', { key: row.id }, row.title)))
    }
    for (const db of [undefined, new Promise(() => {})]) {
      const html = renderToString(createElement(EddylineProvider, { db }, createElement(List)))
      assert.equal(html, '<ul data-state="pending" id="list"></ul>')
      assert.deepEqual(await run('hydration', html), { first: 'pending', then: 'ready', text: 'TaTbTc', problems: [] })
    }
  })

  it('waits for the database and for a query that is null', async () => {
    assert.deepEqual(await run('waiting'), { said: ['pending ', 'ready Ta', 'pending '], views: 0 })
  })

  it('shows faults to the error boundary, and the end of the database as a status', async () => {
    const said = await run('faults')
    assert.deepEqual([said['no provider'], said['too early'], said.rejected, said['wrong query']], ['NO_DATABASE', 'NO_DATABASE', 'LOAD_FAILED', 'UNKNOWN_COLUMN'])
    assert.deepEqual(said.closed, ['closed', 'TaTbTc'])
  })

  it('takes the database of the nearest provider, and another one when that changes', async () => {
    assert.deepEqual(await run('two'), { first: ['TaTbTc', 'otherTc'], swapped: ['otherTc', 'TaTbTc'], views: [0, 0] })
  })
})
