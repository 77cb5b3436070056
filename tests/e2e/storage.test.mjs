// Storage in a real browser: the laws of media over IndexedDB and OPFS, and pages whose browser is killed at random points.
// EDDYLINE_CRASHES=200 kills it more often than the 20 times of `npm test`; EDDYLINE_SEED repeats a run.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { start } from './chromium.mjs'
import { oracle } from './pages/stream.mjs'
import { launch, open, serve, until } from './site.mjs'

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8')
const html = (script) => `<!doctype html><title>t</title><link rel="icon" href="data:,"><script type="module">${script}</script>`
const acknowledged = { indexeddb: 0, opfs: 0 }
const pages = {
  '/stream.mjs': read('pages/stream.mjs'), '/crash.mjs': read('pages/crash.mjs'), '/conformance.mjs': read('../ts/storage/conformance.mjs'), '/faults.mjs': read('pages/faults.mjs'),
  '/faults': html(`import '/faults.mjs'`),
  '/crash': html(`import '/crash.mjs'`),
  '/laws': html(`
    import * as storage from '/pkg/storage/index.js'
    import { lawsOf } from '/conformance.mjs'
    let next = 0
    const disks = {
      indexeddb: () => { const name = 'law' + next++; return { exclusive: false, open: () => new storage.IndexedDbMedium(name) } },
      relaxed: () => { const name = 'law' + next++; return { exclusive: false, open: () => new storage.IndexedDbMedium(name, { durability: 'relaxed' }) } },
      opfs: () => { const name = 'law' + next++; return { exclusive: true, open: () => storage.opfsMedium(name) } },
    }
    globalThis.run = async (kind) => {
      const outcome = {}
      for (const [law, run] of Object.entries(lawsOf({ encode: storage.encodeTransaction, decode: storage.decodeTransaction }, disks[kind]))) {
        try { await run(); outcome[law] = 'ok' } catch (e) { outcome[law] = String(e?.stack ?? e) }
      }
      return outcome
    }
    globalThis.ready = true`),
}
/** Acknowledgements come as requests. */
const fault = (path, request) => {
  if (path !== '/ack') return undefined
  const { searchParams } = new URL(request.url, 'http://x')
  acknowledged[searchParams.get('kind')] = Number(searchParams.get('n'))
  return { status: 204, type: 'text/plain', body: '' }
}

let site
before(async () => { site = await serve(pages, { fault }) })
after(() => site?.close())

describe('the laws of media', () => {
  let browser
  before(async () => { browser = await launch() })
  after(() => browser?.close())
  for (const kind of ['indexeddb', 'relaxed', 'opfs']) {
    it(kind, async () => {
      const { page, problems } = await open(browser, `${site.url}/laws`)
      await page.waitForFunction(() => globalThis.ready)
      const outcome = await page.evaluate((k) => globalThis.run(k), kind)
      assert.ok(Object.keys(outcome).length >= 9)
      assert.deepEqual(Object.entries(outcome).filter(([, told]) => told !== 'ok'), [])
      assert.deepEqual(problems, [])
      await page.close()
    })
  }
})

describe('IndexedDB that fails at every write in turn', () => {
  let browser
  before(async () => { browser = await launch() })
  after(() => browser?.close())
  for (const [way, dead, retries] of [['throws', false, false], ['throws', true, false], ['throws', false, true], ['aborts', false, false], ['aborts', false, true], ['unheard', false, false], ['unheard', false, true]]) {
    it(`${way}${dead ? ', and everything after it' : ''}${retries ? ', tried again' : ''}: a state that was, at least the acknowledged one`, { timeout: 180_000 }, async () => {
      const { page, problems } = await open(browser, `${site.url}/faults`)
      await page.waitForFunction(() => globalThis.ready)
      const { count, wrong, cursors } = await page.evaluate(([w, d, r]) => globalThis.run(w, d, r), [way, dead, retries])
      assert.deepEqual(wrong, [])
      assert.ok(count > 40 && (retries || cursors > 3), `${count} operations, ${cursors} places to end at`)
      assert.deepEqual(problems, [])
      await page.close()
    })
  }
})

describe('a browser that is killed', () => {
  const times = Number(process.env.EDDYLINE_CRASHES ?? 20)
  const seed = Number(process.env.EDDYLINE_SEED ?? Date.now() % 100_000)

  it(`${times} times at random points: the state is the oracle's at the stored cursor, nothing acknowledged is lost, and at the end`, { timeout: 120_000 + times * 15_000 }, async (t) => {
    t.diagnostic(`seed ${seed}`)
    let a = seed
    const random = (n) => { a = (Math.imul(a, 1664525) + 1013904223) >>> 0; return Math.floor(a / 4294967296 * n) }
    const profile = mkdtempSync(join(tmpdir(), 'eddyline-crash-'))
    const cursors = { indexeddb: [], opfs: [] }
    try {
      for (let round = 0; round <= times; round++) {
        const { context, kill } = await start(profile)
        try {
          const visits = []
          for (const kind of ['indexeddb', 'opfs']) {
            const page = await context.newPage()
            await page.goto(`${site.url}/crash?kind=${kind}`)
            await page.waitForFunction(() => globalThis.found)
            const found = await page.evaluate(() => globalThis.found)
            const where = `seed ${seed}, round ${round}, ${kind}`
            assert.deepEqual(found.told, [], where)
            assert.equal(found.status, 'ready', where)
            assert.equal(found.entry, found.cursor, `${where}: the entry of the version`)
            assert.ok(found.cursor >= acknowledged[kind], `${where}: ${found.cursor} of ${acknowledged[kind]} acknowledged; databases that the browser had: ${found.kept.join(', ') || 'none'}`)
            assert.equal(found.state, oracle(found.cursor), `${where}: at ${found.cursor}`)
            cursors[kind].push(found.cursor)
            visits.push(page)
          }
          if (round < times) {
            const before = { ...acknowledged }
            for (const page of visits) page.evaluate(() => globalThis.go(Infinity)).catch(() => {})
            // On a slow disk half a second may be over before anything is durable: every other time something is.
            if (round % 2 === 1) await until('a durable batch', () => Object.keys(before).every((kind) => acknowledged[kind] > before[kind]), 60_000)
            await sleep(random(500))
          } else {
            for (const [i, page] of visits.entries()) {
              const end = Object.values(cursors)[i].at(-1) + 50
              assert.deepEqual(await page.evaluate((to) => globalThis.go(to), end), [])
              await page.reload()
              await page.waitForFunction(() => globalThis.found)
              const found = await page.evaluate(() => globalThis.found)
              assert.deepEqual([found.cursor, found.state], [end, oracle(end)])
            }
          }
        } finally { await kill() }
      }
      t.diagnostic(`cursors: ${JSON.stringify(cursors)}`)
      for (const kind of ['indexeddb', 'opfs']) assert.ok(new Set(cursors[kind]).size > times / 2, `${kind} goes on between kills: ${cursors[kind]}`)
    } finally { rmSync(profile, { recursive: true, force: true, maxRetries: 10 }) }
  })
})
