// Storage of a database in a worker, in a real browser: in place in files of the origin, in IndexedDB, over reloads; of tabs that share an engine.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, serve, until } from './site.mjs'

const pages = {
  '/': `<!doctype html><title>t</title><link rel="icon" href="data:,"><script type="module">
    import { defineSchema, table, string, int } from '/pkg/index.js'
    import { indexedDb, opfs } from '/pkg/storage/index.js'
    import { createWorkerDatabase } from '/pkg/worker/index.js'
    const kinds = { indexedDb, opfs }
    const columns = { id: string().key(), votes: int() }
    const schemas = [undefined, defineSchema({ issues: table(columns) }), defineSchema({ issues: table({ ...columns, title: string() }) })]
    globalThis.warnings = []
    globalThis.migrated = 0
    globalThis.open = async (kind, { version = 1, tabs, shared, silent } = {}) => {
      // Of what is sent to the worker, whether it was asked for a database.
      const { postMessage } = MessagePort.prototype
      MessagePort.prototype.postMessage = function (message, ...rest) {
        // What the worker asks is never answered.
        if (silent && message?.t === 'migrated') return
        postMessage.call(this, message, ...rest)
        globalThis.asked ||= message?.t === 'open'
      }
      const migrations = version === 2 ? { 2: (row) => { globalThis.migrated++; return { ...row, title: 'T ' + row.id } } } : undefined
      try {
        globalThis.db = await createWorkerDatabase({ schema: schemas[version], shared, storage: kinds[kind]('app', { version, migrations, tabs, onWarning: (w) => { warnings.push(w.code) } }) })
        return [db.durability.kind, db.durability.status, ...warnings]
      } catch (e) { return [e.code] }
    }
    globalThis.put = (votes, options) => db.apply([{ op: 'upsert', table: 'issues', rows: Object.entries(votes).map(([id, votes]) => ({ id, votes })) }], options).then((r) => r.applied, (e) => e.code)
    globalThis.rows = async () => {
      const live = db.live(db.query.issues.orderBy('id'))
      while (live.status === 'loading') await new Promise((done) => setTimeout(done, 1))
      try { return live.rows.map((r) => r.id + r.votes + (r.title ?? '')) } finally { live.dispose() }
    }
    globalThis.close = async () => { db.close(); await db.durability.closed; return db.durability.status }
    globalThis.ready = true
  </script>`,
}

describe('storage of a database in a worker', () => {
  let site, browser
  before(async () => { site = await serve(pages); browser = await launch() })
  after(async () => { await browser?.close(); await site?.close() })
  const visit = async (context) => {
    const page = await context.newPage()
    await page.goto(`${site.url}/`)
    await page.waitForFunction(() => globalThis.ready)
    return {
      page,
      open: (...given) => page.evaluate((given) => globalThis.open(...given), given),
      put: (...given) => page.evaluate((given) => globalThis.put(...given), given),
      rows: () => page.evaluate(() => globalThis.rows()),
      close: () => page.evaluate(() => globalThis.close()),
    }
  }

  for (const kind of ['indexedDb', 'opfs']) {
    it(`${kind}: durable rows survive a page that goes, all rows one that closes; migrations run on the page`, async () => {
      const context = await browser.newContext()
      const a = await visit(context)
      assert.deepEqual(await a.open(kind), [kind.toLowerCase(), 'ready'])
      assert.equal(await a.put({ a: 1, b: 2 }, { durable: true }), 2)
      await a.page.close()
      const b = await visit(context)
      // Files are given back a moment after a worker was ended.
      await until('the storage', async () => { const [, status] = await b.open(kind); if (status !== 'ready') await b.close(); return status === 'ready' })
      assert.deepEqual(await b.rows(), ['a1', 'b2'])
      await b.put({ c: 3 })
      assert.equal(await b.close(), 'closed')
      await b.page.evaluate(() => { globalThis.warnings.length = 0 })
      assert.deepEqual(await b.open(kind, { version: 2 }), [kind.toLowerCase(), 'ready'])
      assert.deepEqual(await b.rows(), ['a1T a', 'b2T b', 'c3T c'])
      assert.equal(await b.page.evaluate(() => globalThis.migrated), 3)
      await context.close()
    })
  }

  it('of two workers on one storage (`tabs`) one leads, and the other takes over', async () => {
    const context = await browser.newContext()
    const a = await visit(context), b = await visit(context)
    assert.deepEqual(await a.open('opfs', { tabs: true }), ['opfs', 'ready'])
    assert.deepEqual(await b.open('opfs', { tabs: true }), ['opfs', 'follower'])
    assert.deepEqual([await a.put({ a: 1 }), await b.put({ b: 1 })], [1, 'FOLLOWER'])
    await until('the row of the other tab', async () => (await b.rows()).length === 1)
    await a.page.close()
    await until('the hand-over', () => b.page.evaluate(() => globalThis.db.durability.status === 'ready'))
    assert.equal(await b.put({ b: 1 }), 1)
    assert.deepEqual(await b.rows(), ['a1', 'b1'])
    await context.close()
  })

  it('tabs that share an engine share its storage; OPFS is for workers of one page', async () => {
    const context = await browser.newContext()
    const a = await visit(context), b = await visit(context)
    assert.deepEqual(await a.open('indexedDb', { shared: true }), ['indexeddb', 'ready'])
    assert.deepEqual(await b.open('indexedDb', { shared: true }), ['indexeddb', 'ready'])
    await a.put({ a: 1 })
    await a.close()
    await b.put({ b: 1 }, { durable: true })
    await b.page.close()
    const c = await visit(context)
    await c.open('indexedDb', { shared: true })
    assert.deepEqual(await c.rows(), ['a1', 'b1'])
    const d = await visit(context)
    assert.deepEqual(await d.open('opfs', { shared: 'files' }), ['opfs', 'memory', 'STORAGE_UNAVAILABLE'])
    await context.close()
  })

  it('a tab that goes in the middle of a migration leaves it to the next one', async () => {
    const context = await browser.newContext()
    const a = await visit(context)
    await a.open('indexedDb')
    await a.put({ a: 1, b: 2 })
    await a.close()
    const b = await visit(context), c = await visit(context)
    void b.open('indexedDb', { version: 2, shared: true, silent: true }).catch(() => {})
    await until('the migration', () => b.page.evaluate(() => globalThis.migrated === 1))
    const opened = c.open('indexedDb', { version: 2, shared: true })
    await until('the other tab to ask', () => c.page.evaluate(() => globalThis.asked))
    await b.page.close()
    assert.deepEqual(await opened, ['indexeddb', 'ready'])
    assert.deepEqual(await c.rows(), ['a1T a', 'b2T b'])
    await context.close()
  })
})
