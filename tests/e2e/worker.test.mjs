// The engine in a worker, in a real browser: the page goes on while 100,000 rows load.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { FRAME, watchMainThread } from '../demo/main-thread.mjs'
import { launch, open, patience, serve } from './site.mjs'

const ROWS = 100_000
const rows = JSON.stringify(Array.from({ length: ROWS }, (_, i) => ({
  id: `issue-${i}`, title: `Issue number ${i * 7919 % ROWS}`, status: i % 3 === 0 ? 'open' : 'done', priority: i % 7, assignee: `user-${i % 50}`, votes: i % 100, body: `Some words about ${i}`,
})))
const pages = {
  // A worker of the application: the engine, and code of its own beside it.
  '/engine.js': `import '/pkg/worker/host.js'
    import { inWorker } from '/pkg/worker/inside.js'
    import { datalog } from '/pkg/datalog/index.js'
    import { watches } from '/pkg/watch/index.js'
    inWorker(({ db, tell, answer }) => {
      answer('end', () => { setTimeout(() => self.close()) })
      answer('throw', () => { setTimeout(() => { throw new Error('a timer of mine') }) })
      watches(db).watch('issues', 'changes', ({ keys }) => tell('issues', keys.inserted))
      answer('q', (query, ...inputs) => datalog(db).q(query, ...inputs))
    })`,
  '/rows.json': rows,
  '/': `<!doctype html><title>t</title><link rel="icon" href="data:,"><script type="module">
    import { createDatabase, defineSchema, table, string, int } from '/pkg/index.js'
    import { createWorkerDatabase } from '/pkg/worker/index.js'
    const schema = defineSchema({ issues: table({ id: string().key(), title: string(), status: string(), priority: int(), assignee: string(), votes: int(), body: string() }) })
    const kinds = { page: createDatabase, worker: createWorkerDatabase }
    /** Marks in the trace where \`fn\` begins and has ended. */
    const watched = async (fn) => {
      performance.mark('${FRAME}')
      await new Promise((done) => setTimeout(done))
      await fn()
      performance.mark('${FRAME}')
    }
    const ready = async (live) => { while (live.status === 'loading') await new Promise((done) => setTimeout(done, 1)) }
    globalThis.run = async (kind) => {
      const db = await kinds[kind]({ schema })
      const top = db.live(db.query.issues.where('status', '=', 'open').orderBy('votes', 'desc').limit(50))
      const all = db.live(db.query.issues.orderBy('title'))
      await ready(top); await ready(all)
      let told = 0
      all.subscribe(({ rows }) => { told += rows.length })
      await watched(async () => db.applyJson(await fetch('/rows.json'), { table: 'issues' }))
      const seen = [top.rows.length, top.rows[0].votes, all.rows.length, all.rows[0].title, all.rows[${ROWS - 1}].title]
      const more = db.live(db.query.issues.where('priority', '>', 2).orderBy('body'))
      await ready(more)
      seen.push(more.rows.length)
      for (let n = 0; n < 200; n++) await db.apply([{ op: 'update', table: 'issues', id: 'issue-' + n, set: { votes: 100 + n } }])
      seen.push(top.rows[0].votes, told > 0)
      db.close()
      return seen
    }
    /** A worker that lives behind an error, and then ends in one of two ways. */
    globalThis.crash = async (how) => {
      const { promise, resolve } = Promise.withResolvers(), uncaught = Promise.withResolvers()
      const worker = new Worker('/engine.js', { type: 'module' })
      const db = await createWorkerDatabase({ schema, worker, onError: (e) => { uncaught.resolve(e.code + e.message.includes('a timer of mine')) } })
      await db.apply([{ op: 'insert', table: 'issues', row: { id: 'a', title: 't', status: 'open', priority: 1, assignee: 'u', votes: 1, body: 'b' } }])
      const live = db.live(db.query.issues)
      await ready(live)
      await db.ask('throw')
      const before = [await uncaught.promise, live.rows.map((r) => r.id), live.status]
      live.subscribe(() => resolve())
      if (how === 'end') await db.ask('end').catch(() => {})
      else worker.terminate()
      await promise
      const failed = await db.apply([]).catch((e) => e.code)
      return [before, live.status, live.error.code, live.rows.map((r) => r.id), failed]
    }
    globalThis.inside = async (shared) => {
      const db = await createWorkerDatabase({ schema, worker: () => shared ? new SharedWorker('/engine.js', { type: 'module', name: 'inside' }) : new Worker('/engine.js', { type: 'module' }) })
      const live = db.live(db.query.issues.orderBy('id'), { sliced: true })
      const told = []
      db.on('issues', (keys) => { told.push([keys, live.rows.map((r) => r.id)]) })
      await db.apply([{ op: 'insert', table: 'issues', row: { id: shared ? 's' : 'a', title: 't', status: 'open', priority: 1, assignee: 'u', votes: 1, body: 'b' } }])
      await ready(live)
      const found = await db.ask('q', '[:find [?id ...] :where [?i :issues/id ?id] [?i :issues/votes 1]]')
      const wrong = await db.ask('nobody').catch((e) => e.code)
      db.close()
      return [told, found, wrong]
    }
    const ended = (promise) => Promise.race([promise.then(() => 'none', (e) => e.code), new Promise((done) => setTimeout(done, ${patience}, 'waits for ever'))])
    /** What waits when the application ends its worker, where there are no Web Locks. */
    globalThis.owned = async () => {
      Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true })
      const worker = new Worker('/engine.js', { type: 'module' }), early = new Worker('/engine.js', { type: 'module' })
      const shared = new SharedWorker('/engine.js', { type: 'module', name: 'owned' })
      const never = ended(createWorkerDatabase({ schema, worker: early }))
      early.terminate()
      const dbs = [await createWorkerDatabase({ schema, worker }), await createWorkerDatabase({ schema, worker: shared })]
      const waiting = dbs.map((db) => ended(db.stats()))
      worker.terminate()
      shared.port.close()
      return [await never, await Promise.all(waiting), await Promise.all(dbs.map((db) => ended(db.apply([])))), await ended(createWorkerDatabase({ schema, worker }))]
    }
    globalThis.missing = () => createWorkerDatabase({ schema, worker: () => new Worker('/nowhere.js', { type: 'module' }) }).then(() => 'made', (e) => e.code)
    globalThis.ready = true
  </script>`,
}

describe('a database in a worker', () => {
  let site, browser
  before(async () => { site = await serve(pages); browser = await launch() })
  after(async () => { await browser?.close(); await site?.close() })
  const visit = async () => {
    const visited = await open(browser, `${site.url}/`)
    await visited.page.waitForFunction(() => globalThis.ready)
    return visited
  }

  it('leaves the page free while 100,000 rows load', async (t) => {
    const { page, problems } = await visit()
    // In processor time of the page: gaps between its timers would be those of a machine that does other work, too.
    const watch = async (kind) => {
      let seen
      const { tasks, frames: [whole] } = await watchMainThread(browser, page, async () => { seen = await page.evaluate((kind) => globalThis.run(kind), kind) })
      return { seen, longest: Math.max(...tasks), whole }
    }
    const near = await watch('page'), far = await watch('worker')
    for (const [name, { longest, whole }] of Object.entries({ 'in the page': near, 'in a worker': far })) t.diagnostic(`${name} the page works ${whole.toFixed(0)} ms, at most ${longest.toFixed(1)} ms at once`)
    assert.deepEqual(far.seen, near.seen)
    assert.deepEqual(far.seen, [50, 99, ROWS, 'Issue number 0', 'Issue number 99999', near.seen[5], 298, true])
    assert.ok(far.longest < near.longest / 3, 'the page stands still while the worker loads')
    assert.deepEqual(problems, [])
  })

  it('runs code of the application beside the engine, in a worker and in a shared one', async () => {
    const { page, problems } = await visit()
    for (const shared of [false, true]) {
      const id = shared ? 's' : 'a'
      assert.deepEqual(await page.evaluate((shared) => globalThis.inside(shared), shared), [[[[id], [id]]], [id], 'UNKNOWN_REQUEST'])
    }
    assert.deepEqual(problems, [])
  })

  it('ends everything with a typed error when the worker ends, not when it has one, and tells one that is not there', async () => {
    const { page } = await visit()
    for (const how of ['end', 'terminate']) assert.deepEqual(await page.evaluate((how) => globalThis.crash(how), how), [['WORKER_ERRORtrue', ['a'], 'ready'], 'error', 'WORKER_FAILED', ['a'], 'WORKER_FAILED'])
    assert.equal(await page.evaluate(() => globalThis.missing()), 'LOAD_FAILED')
  })

  it('knows at once that the application has ended its worker, without Web Locks', async () => {
    const { page, problems } = await visit()
    assert.deepEqual(await page.evaluate(() => globalThis.owned()), ['LOAD_FAILED', ['WORKER_FAILED', 'WORKER_FAILED'], ['WORKER_FAILED', 'WORKER_FAILED'], 'INVALID_ARGUMENT'])
    assert.deepEqual(problems, [])
  })
})
