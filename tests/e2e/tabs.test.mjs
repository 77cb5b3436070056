// Several tabs on one database: one leads, the others follow; the leader is killed, and nothing is lost, doubled or shown too early.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { oracle } from './pages/stream.mjs'
import { launch, patience, serve, until } from './site.mjs'

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8')
let browser, site
before(async () => {
  browser = await launch()
  site = await serve({ '/stream.mjs': read('pages/stream.mjs'), '/tabs.mjs': read('pages/tabs.mjs'), '/tabs': `<!doctype html><title>t</title><link rel="icon" href="data:,"><script type="module">import '/tabs.mjs'</script>` })
})
after(async () => { await browser?.close(); await site?.close() })

const sums = Array.from({ length: 7 }, (_, p) => {
  const mine = Array.from({ length: 200 }, (_, i) => i).filter((i) => i % 7 === p)
  return [`p${p}`, mine.reduce((a, b) => a + b, 0), mine.length]
})

/** Opens pages of one browser profile on one storage; `problems` is what went wrong in them. */
async function pagesOf(kind) {
  const context = await browser.newContext()
  const problems = []
  const visit = async () => {
    const page = await context.newPage()
    page.on('pageerror', (error) => { problems.push(String(error)) })
    page.on('console', (message) => { if (message.type() === 'error') problems.push(message.text()) })
    await page.goto(`${site.url}/tabs?kind=${kind}`)
    await page.waitForFunction(() => globalThis.opened)
    return { page, status: await page.evaluate(() => globalThis.opened), look: () => page.evaluate(() => globalThis.look()), write: () => page.evaluate(() => globalThis.tryToWrite()) }
  }
  return { context, problems, visit }
}
const judge = (seen) => { assert.equal(seen.state, oracle(seen.cursor), `at ${seen.cursor}`) }

/** Whether the reducer has taken all of its log: the source does not wait for it. */
const isReduced = ({ sums }) => sums.reduce((all, [, , events]) => all + events, 0) >= 200

describe('tabs', () => {
  for (const kind of ['indexeddb', 'opfs']) {
    it(`${kind}: followers show what the leader has made durable; killed, it hands over from the durable cursor`, { timeout: 4 * patience }, async () => {
      const { context, problems, visit } = await pagesOf(kind)
      try {
        let leader = await visit()
        await until('the stream', async () => (await leader.look()).cursor > 40)
        let follower = await visit()
        assert.deepEqual([leader.status, follower.status], ['ready', 'follower'])
        assert.deepEqual([await leader.write(), await follower.write()], ['written', 'FOLLOWER'])
        for (let round = 0; round < 3; round++) {
          const first = await follower.look()
          judge(first)
          const later = await until('the next versions', async () => { const seen = await follower.look(); return seen.cursor > first.cursor + 30 && isReduced(seen) && seen })
          judge(later)
          assert.deepEqual(later.starts, [])
          assert.deepEqual(later.sums, sums)
          // Killed: its renderer ends without a word.
          const session = await context.newCDPSession(leader.page)
          const before = (await leader.look()).cursor
          session.send('Page.crash').catch(() => {})
          const taken = await until('the hand-over', async () => { const seen = await follower.look(); return seen.status === 'ready' && seen.starts.length > 0 && seen })
          judge(taken)
          assert.ok(Number(taken.starts[0]) >= later.cursor, `${taken.starts[0]} of ${later.cursor}`)
          await until('more of the stream', async () => (await follower.look()).cursor > before + 20)
          const seen = await follower.look()
          judge(seen)
          assert.deepEqual(seen.sums, sums)
          await leader.page.close().catch(() => {})
          leader = follower
          follower = await visit()
          assert.equal(follower.status, 'follower')
        }
        // And one that closes as it should.
        await leader.page.close()
        judge(await until('the last hand-over', async () => { const seen = await follower.look(); return seen.status === 'ready' && seen.starts.length > 0 && seen }))
        assert.deepEqual(problems, [])
      } finally { await context.close() }
    })

    it(`${kind}: a leader whose engine crashes lets another one lead, though its page is there`, { timeout: 4 * patience }, async () => {
      const { context, problems, visit } = await pagesOf(kind)
      try {
        const leader = await visit(), follower = await visit()
        assert.deepEqual([leader.status, follower.status], ['ready', 'follower'])
        const { cursor } = await until('the stream', async () => { const seen = await follower.look(); return seen.cursor > 40 && seen })
        await leader.page.evaluate(() => { globalThis.trap() })
        const taken = await until('the hand-over', async () => { const seen = await follower.look(); return seen.status === 'ready' && seen.starts.length > 0 && seen })
        judge(taken)
        assert.ok(Number(taken.starts[0]) >= cursor, `${taken.starts[0]} of ${cursor}`)
        const third = await visit()
        assert.equal(third.status, 'follower')
        judge(await until('more of the stream', async () => { const seen = await third.look(); return seen.cursor > taken.cursor && seen }))
        assert.deepEqual([await leader.page.evaluate(() => globalThis.db.durability.status), await leader.write()], ['memory', 'ENGINE_CRASHED'])
        assert.deepEqual(problems.filter((text) => !/crashed/.test(text)), [])
        assert.ok(problems.some((text) => text.startsWith('ENGINE_CRASHED')), problems.join('\n'))
      } finally { await context.close() }
    })
  }
})
