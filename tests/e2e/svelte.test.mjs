// The Svelte binding in a real browser: what is written to the document, and what is left in the engine afterwards.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { useLiveQuery } from '../../pkg/svelte/index.js'
import { browserPage } from './framework-page.mjs'
import { rendered } from './svelte-server.mjs'

const page = browserPage('svelte.js')
before(() => page.open())
after(() => page.close())

describe('useLiveQuery of Svelte', () => {
  it('writes what changed and nothing else, shares equal plans, and leaves nothing behind', async () => { await page.lists() })

  it('follows the state that its query and options read', async () => {
    assert.deepEqual(await page.run('reactive'), {
      said: [
        ['a,b of 3 ready', 1], ['y'], ['y of 1 ready', 2], ['a,b of 3 ready', 3], ['b,c of 3 ready', 3], ['b,c of 4 ready', 3], [' of  pending', 3], ['b,c of 4 ready', 4],
      ],
      same: true, views: 0,
    })
  })

  it('does not follow what listeners read, nor minds what they write', async () => {
    assert.deepEqual(await page.run('untracked'), ['b,c of 3true', 0])
  })

  it('is followed by components that use no rune of their own', async () => {
    assert.deepEqual(await page.run('plain'), { said: ['Ta,Tb,Tc', 'Ta,changed,Tc'], views: 0 })
  })

  it('is a store for components as they were written for Svelte 4', async () => {
    assert.deepEqual(await page.run('store'), { said: ['3 ready Ta,Tb,Tc', '3 ready new,Tb,Tc', '1 ready Tx'], views: 0 })
  })

  it('is followed outside of components, too, as long as somebody looks', async () => {
    assert.deepEqual(await page.run('outside'), { looked: 3, told: [3, 4], during: 1, stored: [4, 5], views: 0 })
  })

  it('throws faults to the nearest boundary', async () => {
    assert.deepEqual(await page.run('faults'), {
      'a query of a module': 'NO_DATABASE', 'the database in a module': 'NO_DATABASE', 'no provider': 'NO_DATABASE', 'wrong query': 'UNKNOWN_COLUMN', 'too early': 'NO_DATABASE', rejected: 'LOAD_FAILED',
    })
  })

  it('is pending on a server, opens nothing there, and hydrates without a mismatch', async () => {
    const db = { live() { throw new Error('opened on a server') }, query: {} }
    assert.equal(useLiveQuery((d) => d.query.issues, { db }).status, 'pending')
    for (const given of [db, null, new Promise(() => {})]) {
      const html = await rendered('Provider.svelte', { db: given, view: 'Plain.svelte' })
      assert.match(html.replace(/<!--.*?-->/g, ''), /^<ul data-state="pending"><\/ul>$/)
      assert.deepEqual(await page.run('hydration', html), { said: ['pending', 'ready', 'Ta,Tb,Tc'], warned: [], views: 0 })
    }
  })

  it('shows in each island of a page what its rows say, also where the database was there before the island', async () => {
    const html = await rendered('Provider.svelte', { db: null, view: 'Picture.svelte' })
    assert.match(html, /src="data:,0"/)
    assert.deepEqual(await page.run('islands', html), { shown: ['data:,3', 'data:,3'], views: 0 })
  })
})
