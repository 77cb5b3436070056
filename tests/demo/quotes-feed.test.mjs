/** The feed of the quotes: a page that was cut off is written to no more, however long what it was told before stays on the way. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { openQuotes } from '../../www/demos/quotes/server.mjs'

/** An answer whose socket takes nothing: it never closes. */
class StuckResponse extends EventEmitter {
  isEnded = false
  /** @type {string[]} */ told = []
  writeHead() { return this }
  /** @param {string} text */
  write(text) {
    assert.ok(!this.isEnded, 'written to after its end')
    this.told.push(text)
  }

  end() { this.isEnded = true }
}

test('who was cut off is told nothing more', async () => {
  const quotes = openQuotes()
  const ask = async (/** @type {string} */ path, /** @type {object} */ wish = {}) => {
    const response = new StuckResponse()
    const request = Object.assign((async function* () { yield JSON.stringify(wish) })(), { url: '/?circle=one', method: 'POST' })
    await quotes.answer(/** @type {any} */ (request), /** @type {any} */ (response), path)
    return response
  }
  const reader = await ask('/feed')
  await ask('/write', { like: 'descartes' })
  assert.equal(reader.told.length, 2)
  quotes.cut('one')
  await ask('/write', { like: 'descartes' })
  assert.equal(reader.told.length, 2)
})
