/** What reaches the server's port and is no request of a page: it is refused, and nothing else is disturbed. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { openQuotes, startQuotes } from '../../www/demos/quotes/server.mjs'
import { FeedPage, ask, until } from './feed-client.mjs'
import { withDemo } from './talking-database.mjs'

/** Sends text as it stands, and resolves to what comes back until the other end closes. @param {number} port @param {string} text */
const send = (port, text) => new Promise((resolve, reject) => {
  const socket = connect(port, '127.0.0.1', () => socket.write(text))
  let answer = ''
  socket.on('data', data => { answer += data })
  socket.on('close', () => resolve(answer))
  socket.on('error', reject)
})

/** @param {string} path @param {string} [more] */
const upgrade = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`

test('an address that is none is refused, by request and by upgrade', async () => {
  await withDemo(async demo => {
    for (const path of ['//', 'http://', '//[', 'x']) {
      assert.match(await send(demo.port, `GET ${path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`), /^HTTP\/1.1 400 /, path)
      assert.match(await send(demo.port, upgrade(path)), /^HTTP\/1.1 40[04] /, path)
    }
  })
})

test('only the feed can be upgraded to, and by the own page', async () => {
  await withDemo(async demo => {
    assert.match(await send(demo.port, upgrade('/nothing')), /^HTTP\/1.1 404 /)
    assert.match(await send(demo.port, upgrade('/feed', 'Origin: http://elsewhere.example\r\n')), /^HTTP\/1.1 403 /)
  })
})

test('connections that break in the middle of an upgrade disturb nobody', async () => {
  await withDemo(async (demo, database) => {
    for (const text of [upgrade('/nothing'), upgrade('/feed', 'Origin: http://elsewhere.example\r\n'), upgrade('/feed'), upgrade('//')]) {
      for (let i = 0; i < 20; i++) {
        await new Promise(resolve => {
          const socket = connect(demo.port, '127.0.0.1', () => socket.write(text, () => socket.resetAndDestroy()))
          socket.on('error', () => {})
          socket.on('close', resolve)
        })
      }
    }
    const page = new FeedPage(demo.port)
    await page.follow(demo.port, { cursor: '0' })
    database.commit(1)
    await until(() => page.replica.tables.labels.has('"l1"'), 'a change')
    await page.leave()
  })
})

test('a page that sends what is no message is let go, and the others go on', async () => {
  await withDemo(async (demo, database) => {
    const [good, bad] = [new FeedPage(demo.port), new FeedPage(demo.port)]
    await good.follow(demo.port, { cursor: '0' })
    await bad.follow(demo.port, { cursor: '0' })
    bad.socket?.send('x'.repeat(100_000))
    await until(() => bad.socket?.readyState === 3, 'the end')
    database.commit(1)
    await until(() => good.replica.tables.labels.has('"l1"'), 'a change')
    await good.leave()
  })
})

test('a body that is too large is answered so, and one without end is cut off', async () => {
  await withDemo(async demo => {
    const url = `http://127.0.0.1:${demo.port}/api/add-comment`
    assert.equal((await ask(url, { method: 'POST', body: 'x'.repeat(1_000_000) })).status, 413)
    const socket = connect(demo.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('POST /api/add-comment HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000000\r\n\r\n')
    const piece = Buffer.alloc(1 << 20)
    let sent = 0
    while (!socket.destroyed && sent < 1_000_000_000) {
      sent += piece.length
      await new Promise(resolve => {
        socket.write(piece, resolve)
        socket.once('close', resolve)
      })
      socket.removeAllListeners('close')
    }
    socket.destroy()
    assert.ok(sent < 256 << 20, `${sent} bytes were taken`)
  })
})

test('what is wished of the quotes is what their pages can read', async () => {
  const { url, close } = await startQuotes()
  try {
    const wish = (/** @type {object} */ body) => fetch(`${url}write?circle=x`, { method: 'POST', body: JSON.stringify(body) })
    const told = await fetch(`${url}feed?circle=x`)
    const reader = /** @type {ReadableStreamDefaultReader<Uint8Array>} */ (told.body?.getReader())
    const next = async () => new TextDecoder().decode((await reader.read()).value)
    await next()
    assert.equal((await wish({ like: { toString: 1, valueOf: 1 } })).status, 400)
    assert.equal((await wish({ like: ['descartes'] })).status, 400)
    assert.equal((await wish({ remove: ['descartes'] })).status, 400)
    assert.equal((await wish({ add: { author: 'half \ud800', content: 'x'.repeat(1999) + '😀' } })).status, 204)
    assert.doesNotMatch(await next(), /\\ud[89a-f]/i)
    await reader.cancel()
    assert.match(await send(Number(new URL(url).port), 'GET // HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 [45]/)
    assert.equal((await fetch(`${url}index.html`)).status, 200)
  } finally {
    await close()
  }
})

test('a reader of the quotes that takes nothing is cut off instead of being kept for', async () => {
  const quotes = openQuotes()
  let isCut = false
  const reader = /** @type {any} */ ({ writableLength: 0, writeHead() {}, on() {}, end() {}, write(/** @type {string} */ text) { this.writableLength += text.length }, destroy() { isCut = true } })
  const ask = (/** @type {string} */ path, /** @type {any} */ response, wish = {}) =>
    quotes.answer(/** @type {any} */ (Object.assign((async function* () { yield JSON.stringify(wish) })(), { url: '/?circle=one', method: 'POST' })), response, path)
  await ask('/feed', reader)
  const answer = { writeHead() { return this }, end() {} }
  for (let i = 0; i < 1000 && !isCut; i++) await ask('/write', answer, { add: { author: 'a', content: 'x'.repeat(2000) } })
  assert.ok(isCut, `${reader.writableLength} bytes are kept for it`)
})
