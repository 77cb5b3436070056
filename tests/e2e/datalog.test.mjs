// Datalog in a real browser: the circuit cases of HERITAGE 3.4-3 over IndexedDB and OPFS, a page for each transaction, and a reload in the middle of a source.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { launch, open, serve, until } from './site.mjs'

const html = (script) => `<!doctype html><title>t</title><link rel="icon" href="data:,"><script type="module">${script}</script>`
const pages = {
  '/cases.mjs': readFileSync(new URL('../ts/heritage/circuit-cases.mjs', import.meta.url), 'utf8'),
  '/datalog': html(`
    import * as eddyline from '/pkg/index.js'
    import * as language from '/pkg/datalog/index.js'
    import * as storage from '/pkg/storage/index.js'
    import { CASES, overPages } from '/cases.mjs'
    const parts = { ...eddyline, ...language }
    const media = { indexeddb: storage.indexedDb, opfs: storage.opfs }
    globalThis.cases = async (kind) => {
      const outcome = {}
      for (const [i, c] of CASES.entries()) {
        try { outcome[c.name] = await overPages(c, parts, () => media[kind]('case' + i, { onWarning: e => { throw e } })) } catch (e) { outcome[c.name] = [String(e?.stack ?? e)] }
      }
      return outcome
    }
    /** Reads a source of 70 transactions of ten facts, the first \`chunks\` chunks of it; what the view counts then. */
    globalThis.read = async (kind, chunks) => {
      const db = await eddyline.createDatabase({ schema: eddyline.defineSchema(language.facts({ n: 'int' })), storage: media[kind]('source') })
      const data = language.datalog(db)
      data.load({ circuits: { count: { query: '[:find ?n (count ?e) :where [?e :n ?n]]' } } })
      const log = Array.from({ length: 700 }, (_, i) => [i + 1, 'n', i % 5, 1 + Math.floor(i / 10)])
      const stop = new AbortController()
      const before = data.lastTx
      const told = await data.sync({ name: 'log', datoms: since => log.filter(d => d[3] > (since ?? 0)) }, { chunk: 100, signal: stop.signal, onProgress: p => { if (p.chunks === chunks) stop.abort() } })
      await db.flush()
      return { before, datoms: told.datoms, counts: data.views.get('count').get() }
    }
    /** A tab of several. */
    globalThis.tab = async (kind) => {
      const db = await eddyline.createDatabase({ schema: eddyline.defineSchema(language.facts({ n: 'int' })), storage: media[kind]('tabs', { tabs: true }) })
      const data = globalThis.data = language.datalog(db)
      data.load({ circuits: { above: { query: '[:find [?e ...] :in ?min :where [?e :n ?n] [(>= ?n ?min)]]', in: { '?min': 2 } } } })
      return db.durability.status
    }
    globalThis.look = () => ({ status: data.db.durability.status, lastTx: data.lastTx - 536870912, above: data.views.get('above').get(), inputs: data.views.get('above').inputs, kept: [...data.kept.values()].map(k => k.inputs) })
    globalThis.write = (tx) => { try { return data.transact(tx).tempids } catch (e) { return e.code } }
    globalThis.set = (min) => { data.views.get('above').setInput('?min', min) }
    globalThis.ready = true`),
}

let site, browser
before(async () => { site = await serve(pages); browser = await launch() })
after(async () => { await browser?.close(); await site?.close() })

for (const kind of ['indexeddb', 'opfs']) {
  describe(kind, () => {
    it('holds facts and circuits of all cases from page to page', async () => {
      const { page, problems } = await open(browser, `${site.url}/datalog`)
      await page.waitForFunction(() => globalThis.ready)
      const outcome = await page.evaluate((k) => globalThis.cases(k), kind)
      assert.ok(Object.keys(outcome).length >= 16)
      assert.deepEqual(Object.entries(outcome).filter(([, wrong]) => wrong.length > 0), [])
      assert.deepEqual(problems, [])
      await page.close()
    })

    it('has read a source once when the page is loaded anew in the middle of it', async () => {
      const { page, problems } = await open(browser, `${site.url}/datalog`)
      await page.waitForFunction(() => globalThis.ready)
      assert.deepEqual(await page.evaluate((k) => globalThis.read(k, 3), kind), { before: 536870912, datoms: 300, counts: [0, 1, 2, 3, 4].map((n) => [n, 60]) })
      await page.reload()
      await page.waitForFunction(() => globalThis.ready)
      assert.deepEqual(await page.evaluate((k) => globalThis.read(k, 99), kind), { before: 30, datoms: 400, counts: [0, 1, 2, 3, 4].map((n) => [n, 140]) })
      assert.deepEqual(problems, [])
      await page.close()
    })

    it('is followed by another tab, which goes on where the first one ended', async () => {
      const context = await browser.newContext()
      const visit = async () => {
        const page = await context.newPage()
        await page.goto(`${site.url}/datalog`)
        await page.waitForFunction(() => globalThis.ready)
        return { page, status: await page.evaluate((k) => globalThis.tab(k), kind), look: () => page.evaluate(() => globalThis.look()), write: (tx) => page.evaluate((t) => globalThis.write(t), tx), set: (min) => page.evaluate((m) => globalThis.set(m), min) }
      }
      const comes = async (tab, want) => {
        let seen
        await until(JSON.stringify(want), async () => isDeepStrictEqual(seen = await tab.look(), want)).catch(() => assert.deepEqual(seen, want))
      }
      try {
        const first = await visit()
        await first.write([{ ':db/id': 1, n: 1 }, { n: 2 }, { n: 3 }])
        const second = await visit()
        assert.deepEqual([first.status, second.status], ['ready', 'follower'])
        await first.set(1)
        assert.deepEqual(await first.write([[':db/retractEntity', 3], { ':db/id': 7, n: 9 }, [':db/retractEntity', 7]]), { ':db/current-tx': 536870914 })
        await comes(second, { status: 'follower', lastTx: 2, above: [2], inputs: { '?min': 2 }, kept: [{ '?min': 1 }] })
        // The inputs of a tab are its own; facts it cannot write.
        await second.set(0)
        assert.equal(await second.write([{ n: 5 }]), 'FOLLOWER')
        await comes(second, { status: 'follower', lastTx: 2, above: [1, 2], inputs: { '?min': 0 }, kept: [{ '?min': 1 }] })
        await first.page.close()
        await comes(second, { status: 'ready', lastTx: 2, above: [1, 2], inputs: { '?min': 0 }, kept: [{ '?min': 0 }] })
        // Neither transactions nor entities of the first one are numbered again.
        assert.deepEqual(await second.write([{ ':db/id': -1, n: 5 }]), { '-1': 8, ':db/current-tx': 536870915 })
        await second.set(2)
        await comes(second, { status: 'ready', lastTx: 3, above: [2, 8], inputs: { '?min': 2 }, kept: [{ '?min': 2 }] })
      } finally { await context.close() }
    })
  })
}
