// The Solid binding in a real browser: what is written to the document, and what is left in the engine afterwards.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createComponent } from 'solid-js'
import { renderToString } from 'solid-js/web'
import { EddylineProvider, createLiveQuery } from '../../pkg/solid/index.js'
import { browserPage } from './framework-page.mjs'

const page = browserPage('solid.js')
before(() => page.open())
after(() => page.close())

describe('createLiveQuery of Solid', () => {
  it('makes the items of rows that changed and no others, shares equal plans, and leaves nothing behind', async () => { await page.lists({ changed: ['in', 'out'] }) })

  it('follows what its query and options read; several changes of a batch are one query', async () => {
    assert.deepEqual(await page.run('reactive'), {
      said: [
        ['a,b of 3 ready', 1], ['y'], ['y of 1 ready', 2], ['a,b of 3 ready', 3], ['b,c of 3 ready', 3], ['b,c of 4 ready', 3], [' of undefined pending', 3], ['b,c of 4 ready', 4],
      ],
      same: true, views: 0, after: ['closed', 2],
    })
  })

  it('does not follow what listeners read', async () => {
    assert.deepEqual(await page.run('untracked'), ['b,c of 3', 0])
  })

  it('shows an effect several queries at one version', async () => {
    assert.deepEqual(await page.run('together'), { seen: ['3,3', '4,4', '5,4'], views: 0 })
  })

  it('throws faults to the nearest boundary', async () => {
    assert.deepEqual(await page.run('faults'), {
      'no provider': 'NO_DATABASE', 'wrong query': 'UNKNOWN_COLUMN', 'too early': 'NO_DATABASE', rejected: 'LOAD_FAILED', 'wrong later': 'UNKNOWN_COLUMN', views: 0,
    })
  })

  it('waits for the promise of a database, and takes another one', async () => {
    assert.deepEqual(await page.run('promised'), { said: ['', 'Ta,Tb,Tc', 'Tx', ''], views: [0, 0] })
  })

  it('is pending on a server, opens nothing there, and in the first render of a page that takes over', async () => {
    const db = { live() { throw new Error('opened on a server') }, query: {} }
    for (const given of [db, null, new Promise(() => {})]) {
      const Status = () => { const issues = createLiveQuery((d) => d.query.issues); return `${issues.status()} ${issues.rows().length}` }
      assert.equal(renderToString(() => createComponent(EddylineProvider, { db: given, get children() { return createComponent(Status, {}) } })), 'pending 0')
    }
    assert.deepEqual(await page.run('hydration'), { seen: ['pending 0', 'ready 3'], views: 0 })
  })

  it('ends with a root that is no component', async () => {
    assert.deepEqual(await page.run('root'), [[3, 4], 0])
  })
})
