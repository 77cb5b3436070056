// The Vue binding in a real browser: what is written to the document, and what is left in the engine afterwards.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createSSRApp, h } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { EddylinePlugin, useLiveQuery } from '../../pkg/vue/index.js'
import { browserPage } from './framework-page.mjs'

const page = browserPage('vue.js')
before(() => page.open())
after(() => page.close())

describe('useLiveQuery of Vue', () => {
  it('writes what changed and nothing else, shares equal plans, and leaves nothing behind', async () => { await page.lists() })

  it('follows what its query reads; several changes of a moment are one query', async () => {
    assert.deepEqual(await page.run('reactive'), {
      said: [['a,b pending0', 1, 3], ['y'], ['y pending0', 2, 1], ['b,c pending0', 3, 3], ['b,c ready2', 4, 3], ['b,c ready2', 4, 3]],
      same: true, views: 0, after: ['closed', 2, 'closed'],
    })
  })

  it('is news only for who shows what changed', async () => {
    assert.deepEqual(await page.run('granular'), { rows: 4, states: 1 })
  })

  it('shows rows of now in a component that was kept away', async () => {
    assert.deepEqual(await page.run('kept'), ['new,Tb,Tc', 0])
  })

  it('throws faults where the application catches errors', async () => {
    assert.deepEqual(await page.run('faults'), { 'no provider': 'NO_DATABASE', 'wrong query': 'UNKNOWN_COLUMN', 'too early': 'NO_DATABASE', rejected: 'LOAD_FAILED' })
  })

  it('does not follow what listeners read', async () => {
    assert.deepEqual(await page.run('untracked'), ['2 of 3', 0])
  })

  it('is pending on a server, opens nothing there, and hydrates without a mismatch', async () => {
    const db = { live() { throw new Error('opened on a server') }, query: {} }
    const List = { setup() { const { rows, status } = useLiveQuery((d) => d.query.issues); return () => h('ul', { 'data-state': status.value }, rows.value.map((row) => h('li', { key: row.id }, row.title))) } }
    for (const given of [db, null, new Promise(() => {})]) {
      const html = await renderToString(createSSRApp(List).use(EddylinePlugin, { db: given }))
      assert.equal(html, '<ul data-state="pending"></ul>')
      const { said, warned, views } = await page.run('hydration', html)
      assert.deepEqual([warned, views], [[], 0])
      assert.deepEqual(said, { there: ['pending', 'ready', 'Ta,Tb,Tc'], promised: ['pending', 'ready', 'Ta,Tb,Tc'] })
    }
  })

  it('ends with an effect scope that is no component', async () => {
    assert.deepEqual(await page.run('scope'), [3, [4], 'closed', 4, 0])
  })
})
