// Tabs of one browser on one engine in a SharedWorker: what one changes the others show; a tab that closes, is left or crashes takes its queries with it.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { launch, serve, until } from './site.mjs'

const pages = {
  '/': `<!doctype html><title>t</title><link rel="icon" href="data:,"><script type="module">
    import { defineSchema, table, string, int } from '/pkg/index.js'
    import { createWorkerDatabase } from '/pkg/worker/index.js'
    const schemas = {
      issues: defineSchema({ issues: table({ id: string().key(), title: string(), votes: int() }) }),
      other: defineSchema({ issues: table({ id: string().key(), votes: string() }) }),
    }
    const warnings = []
    globalThis.open = async (name = 'app', schema = 'issues', options = {}) => {
      try {
        globalThis.db = await createWorkerDatabase({ schema: schemas[schema], shared: name, onWarning: (w) => { warnings.push(w.code) }, ...options })
        return ['open', ...warnings]
      } catch (e) { return [e.code, e.path] }
    }
    globalThis.mount = async () => {
      globalThis.live = db.live(db.query.issues.orderBy('votes', 'desc').orderBy('id'))
      globalThis.told = []
      live.subscribe(({ diff }) => { told.push(diff.map((p) => p.t).join(' ')) })
      while (live.status === 'loading') await new Promise((done) => setTimeout(done, 1))
    }
    globalThis.rows = () => live.rows.map((r) => r.id + ' ' + r.votes)
    globalThis.put = (...votes) => db.apply([{ op: 'upsert', table: 'issues', rows: votes.map(([id, votes]) => ({ id, title: 'T ' + id, votes })) }]).then((r) => r.applied)
    globalThis.stats = async () => { const s = await db.stats(); return { views: s.views, pages: s.worker.pages, rows: s.tables[0].rows } }
    globalThis.ready = true
  </script>`,
}

describe('tabs that share an engine', () => {
  let site, browser, context, problems
  before(async () => { site = await serve(pages); browser = await launch() })
  after(async () => { await browser?.close(); await site?.close() })
  const begin = async () => { context = await browser.newContext(); problems = [] }
  const visit = async (...opening) => {
    const page = await context.newPage()
    page.on('pageerror', (error) => { problems.push(String(error)) })
    page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()) })
    await page.goto(`${site.url}/`)
    await page.waitForFunction(() => globalThis.ready)
    const opened = await page.evaluate((given) => globalThis.open(...given), opening)
    return { page, opened, mount: () => page.evaluate(() => globalThis.mount()), rows: () => page.evaluate(() => globalThis.rows()), put: (...votes) => page.evaluate((given) => globalThis.put(...given), votes), stats: () => page.evaluate(() => globalThis.stats()), told: () => page.evaluate(() => globalThis.told) }
  }

  it('show each other\'s changes as diffs; a tab that closes frees its queries', async () => {
    await begin()
    const a = await visit(), b = await visit()
    assert.deepEqual([a.opened, b.opened], [['open'], ['open']])
    await a.mount()
    await b.mount()
    assert.equal(await a.put(['x', 1], ['y', 5]), 2)
    assert.deepEqual(await a.rows(), ['y 5', 'x 1'])
    await until('the change of the other tab', async () => (await b.rows()).length === 2)
    assert.deepEqual(await b.rows(), ['y 5', 'x 1'])
    await b.put(['x', 9])
    await until('the change back', async () => (await a.rows())[0] === 'x 9')
    assert.deepEqual(await a.told(), ['', 'add add', 'move set'])
    assert.deepEqual(await a.stats(), { views: 2, pages: 2, rows: 2 })
    // A third one gets what is there; then it goes.
    const c = await visit()
    await c.mount()
    assert.deepEqual(await c.rows(), ['x 9', 'y 5'])
    assert.deepEqual(await a.stats(), { views: 3, pages: 3, rows: 2 })
    await c.page.close()
    await until('the queries of the closed tab go', async () => (await a.stats()).views === 2)
    assert.deepEqual(await a.stats(), { views: 2, pages: 2, rows: 2 })
    // One that goes elsewhere, too.
    await b.page.goto('about:blank')
    await until('the queries of the tab that was left go', async () => (await a.stats()).views === 1)
    await a.put(['z', 0])
    assert.deepEqual(await a.rows(), ['x 9', 'y 5', 'z 0'])
    assert.deepEqual(problems, [])
    await context.close()
  })

  it('a tab that crashes frees its queries', async () => {
    await begin()
    const a = await visit(), b = await visit()
    await a.mount()
    await b.mount()
    await a.put(['x', 1])
    const session = await context.newCDPSession(b.page)
    session.send('Page.crash').catch(() => {})
    await until('the queries of the crashed tab go', async () => (await a.stats()).views === 1)
    assert.deepEqual(await a.stats(), { views: 1, pages: 1, rows: 1 })
    await a.put(['y', 2])
    assert.deepEqual(await a.rows(), ['y 2', 'x 1'])
    await context.close()
  })

  it('the crash of the tab that came first leaves the others going on, or tells them', async (t) => {
    await begin()
    const a = await visit(), b = await visit()
    await b.mount()
    const session = await context.newCDPSession(a.page)
    session.send('Page.crash').catch(() => {})
    // Browsers may run the engine in the process of either tab.
    const outcome = await until('an answer', async () => {
      const { status, error, done } = await b.page.evaluate(async () => {
        const done = await Promise.race([globalThis.put(['x', 1]).catch((e) => e.code), new Promise((give) => { setTimeout(give, 500) })])
        return { done, status: globalThis.live.status, error: globalThis.live.error?.code }
      })
      return done !== undefined && [status, error, done]
    })
    t.diagnostic(outcome.join(' '))
    assert.ok(outcome[0] === 'ready' || outcome[1] === 'WORKER_FAILED' && outcome[2] === 'WORKER_FAILED', String(outcome))
    await context.close()
  })

  it('another schema is a typed error, and another name another engine', async () => {
    await begin()
    const a = await visit('one')
    await a.put(['x', 1])
    assert.deepEqual((await visit('one', 'other')).opened, ['SCHEMA_MISMATCH', 'schema'])
    const b = await visit('two', 'other')
    assert.deepEqual([b.opened, (await b.stats()).rows], [['open'], 0])
    assert.equal((await a.stats()).pages, 1)
    await context.close()
  })

  it('without SharedWorker each tab has a worker of its own, with a typed warning', async () => {
    await begin()
    await context.addInitScript(() => { delete globalThis.SharedWorker })
    const a = await visit(), b = await visit()
    assert.deepEqual([a.opened, b.opened], [['open', 'NOT_SHARED'], ['open', 'NOT_SHARED']])
    await a.put(['x', 1])
    assert.deepEqual([(await a.stats()).rows, (await b.stats()).rows], [1, 0])
    assert.deepEqual(problems, [])
    await context.close()
  })

  it('without Web Locks a tab that closes says so itself', async () => {
    await begin()
    await context.addInitScript(() => { Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }) })
    const a = await visit(), b = await visit()
    await a.mount()
    await b.mount()
    assert.equal((await a.stats()).views, 2)
    await b.page.close()
    await until('the queries of the closed tab go', async () => (await a.stats()).views === 1)
    await context.close()
  })
})
