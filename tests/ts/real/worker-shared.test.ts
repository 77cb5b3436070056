// Several pages on one engine: here databases of one thread, in tests/e2e/shared-worker.test.mjs tabs of a browser.
import { afterEach, describe, expect, it } from 'vitest'
import { EddylineError, applyPatches, div, eq, gt, int, string, defineSchema, table, withParams } from '../../../pkg/index.inline.js'
import { type CreateWorkerOptions, type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { inWorker } from '../../../pkg/worker/inside.js'
import { type TestSchema, comment, issue, put, random, schema, tick } from './support.js'

const opened: { close(): void }[] = []
afterEach(async () => { for (const db of opened.splice(0)) db.close(); await tick(5) })

let next = 0
const fresh = (): string => `engine ${next++}`
async function tab(shared: string, options?: Partial<CreateWorkerOptions<TestSchema>>): Promise<{ db: WorkerDatabase<TestSchema>; errors: any[] }> {
  const errors: unknown[] = []
  const db = await createWorkerDatabase({ schema, worker: 'inline', shared, onError: e => { errors.push(e) }, ...options })
  opened.push(db)
  return { db, errors }
}
interface Readable { readonly status: string; subscribe(fn: () => void): () => void }
const until = (live: Readable, done: () => boolean): Promise<void> => done() ? Promise.resolve()
  : new Promise(resolve => { const stop = live.subscribe(() => { if (done()) { stop(); resolve() } }) })
const ready = (live: Readable): Promise<void> => until(live, () => live.status !== 'loading')
const eventually = async (what: () => unknown): Promise<void> => { for (let n = 0; n < 400 && !await what(); n++) await tick(5); expect(await what()).toBeTruthy() }
/** The first database of an engine that begins anew: the one before ends when it has heard that its last page has gone. */
async function renewed(name: string): Promise<WorkerDatabase<TestSchema>> {
  let db!: WorkerDatabase<TestSchema>
  await eventually(async () => {
    db = (await tab(name)).db
    if (db.version > 0) db.close()
    return db.version === 0
  })
  return db
}
const code = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'none', e => e instanceof EddylineError ? e.code : e)

describe('several pages on one engine', () => {
  it('see each other\'s changes, each with its own queries and rows', async () => {
    const name = fresh()
    const a = (await tab(name)).db, b = (await tab(name)).db
    const open = a.live(a.query.issues.where('status', '=', 'open').orderBy('id'))
    const titles = b.live(b.query.issues.select('id', 'title').orderBy('id'))
    await ready(open); await ready(titles)
    const told: unknown[] = []
    titles.subscribe(({ diff, version, batch }) => { told.push([version, diff.map(p => p.t), batch?.applied]) })
    const report = await a.apply([put('x'), put('y', { status: 'done' })])
    expect(open.rows.map(r => r.id)).toEqual(['x'])
    await until(titles, () => titles.rows.length === 2)
    expect(titles.rows).toEqual([{ id: 'x', title: 'Issue x' }, { id: 'y', title: 'Issue y' }])
    expect(told).toEqual([[report.version, ['add', 'add'], 2]])
    await b.apply([{ op: 'update', table: 'issues', id: 'y', set: { status: 'open' } }])
    await until(open, () => open.rows.length === 2)
    const stats = await b.stats()
    expect([stats.views, stats.worker.pages, stats.tables[0].rows]).toEqual([2, 2, 2])
    // Rows that only the other page shows are not here.
    expect([(await a.stats()).page.rows, stats.page.rows]).toEqual([2, 2])
    expect(await code(a.apply([{ op: 'insert', table: 'issues', row: issue('x', { title: 'another' }) }]))).toBe('DUPLICATE_KEY')
    expect(b.version).toBe(a.version)
  })

  it('one that comes later gets what is there; equal plans of two pages are two views of the same operators', async () => {
    const name = fresh()
    const a = (await tab(name)).db
    await a.apply([1, 2, 3].map(n => put(`i${n}`, { priority: n })))
    const first = a.live(a.query.issues.orderBy('priority'))
    await ready(first)
    const before = (await a.stats()).nodes
    const b = (await tab(name)).db
    expect(b.version).toBe(a.version)
    const second = b.live(b.query.issues.orderBy('priority'))
    await ready(second)
    expect(second.rows.map(r => r.id)).toEqual(['i1', 'i2', 'i3'])
    const stats = await a.stats()
    expect([stats.nodes, stats.views]).toEqual([before, 2])
  })

  it('a page that closes gives its queries and streams back; the last one ends the engine', async () => {
    const name = fresh()
    const a = (await tab(name)).db, b = (await tab(name)).db
    await a.apply([put('x')])
    const mine = a.live(a.query.issues), theirs = b.live(b.query.issues.with('comments'))
    await ready(mine); await ready(theirs)
    expect(theirs.rows.length).toBe(1)
    expect((await a.stats()).views).toBe(2)
    // A stream that never ends is in the way of others until its page goes.
    const stuck = b.applyJson(new ReadableStream({ pull: () => new Promise(() => {}) }), { table: 'comments' })
    const rejected = code(stuck)
    const later = a.applyJson(new Response(JSON.stringify([{ id: 9, issueId: 'x', body: 'b', at: 1 }])), { table: 'comments' })
    await tick(20)
    b.close()
    expect(await rejected).toBe('CLOSED')
    await later
    const stats = await a.stats()
    expect([stats.views, stats.worker.pages, theirs.status, mine.status]).toEqual([1, 1, 'closed', 'ready'])
    expect(theirs.rows[0]).toMatchObject({ id: 'x', comments: [] })
    a.close()
    const again = await renewed(name)
    expect([(await again.stats()).tables[0].rows, again.version]).toEqual([0, 0])
  })

  it('another schema is refused, and disturbs nobody', async () => {
    const name = fresh()
    const a = (await tab(name)).db
    await a.apply([put('x')])
    const other = defineSchema({ issues: table({ id: string().key(), points: int() }) })
    const refused = createWorkerDatabase({ schema: other, worker: 'inline', shared: name })
    await expect(refused).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH', path: 'schema' })
    expect((await a.stats()).worker.pages).toBe(1)
    // Once nobody has it, the name is free.
    a.close()
    let db: WorkerDatabase<any> | undefined
    await eventually(async () => db = await createWorkerDatabase({ schema: other, worker: 'inline', shared: name }).catch(() => undefined))
    opened.push(db!)
    await db!.apply([{ op: 'insert', table: 'issues', row: { id: 'a', points: 1 } }])
  })

  it('where there is no SharedWorker each page has its own, and is told', async () => {
    const warnings: EddylineError[] = []
    const options = { schema, shared: true, onWarning: (w: EddylineError) => { warnings.push(w) } } as const
    const a = await createWorkerDatabase(options), b = await createWorkerDatabase(options)
    opened.push(a, b)
    await a.apply([put('x')])
    expect([(await a.stats()).tables[0].rows, (await b.stats()).tables[0].rows]).toEqual([1, 0])
    expect(warnings.map(w => [w.code, w instanceof EddylineError])).toEqual([['NOT_SHARED', true], ['NOT_SHARED', true]])
  })

  it('parameters and windows of one page are versions that change nothing on the others', async () => {
    const name = fresh()
    const a = (await tab(name)).db, b = (await tab(name)).db
    await a.apply([1, 2, 3, 4].map(n => put(`i${n}`, { priority: n })))
    const above = (db: WorkerDatabase<TestSchema>) => db.live(withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)).orderBy('id')), { params: { least: 2 } })
    const mine = above(a), theirs = above(b)
    await ready(mine); await ready(theirs)
    let told = 0
    theirs.subscribe(() => { told++ })
    await mine.setParams({ least: 0 })
    await b.apply([])
    expect([mine.rows.length, theirs.rows.length, told]).toEqual([4, 2, 0])
    const part = a.live(a.query.issues.orderBy('id'), { window: [0, 1] })
    await ready(part)
    part.window(2, 2)
    await until(part, () => part.rows.length === 2)
    expect(part.rows.map(r => r.id)).toEqual(['i3', 'i4'])
    expect(theirs.rows.map(r => r.id)).toEqual(['i3', 'i4'])
  })

  it('a nested query that fails and recovers on one page leaves the report whole for the others', async () => {
    const name = fresh()
    const a = (await tab(name)).db, b = (await tab(name)).db
    await a.apply([put('x', { priority: 2 }), comment(1, 'x')])
    const ratio = a.live(a.query.issues.where(i => gt(div(6, i.priority), 0)).with('comments'))
    const plain = b.live(b.query.issues.orderBy('id').with('comments'))
    await ready(ratio); await ready(plain)
    await a.apply([put('x', { priority: 0 })])
    expect(ratio.status).toBe('error')
    await b.apply([put('x', { priority: 3 }), ...Array.from({ length: 40 }, (_, i) => put(`y${i}`)), comment(2, 'x')])
    expect(plain.rows.length).toBe(41)
    expect(plain.rows[0].comments.map((c: any) => c.id)).toEqual([1, 2])
    await until(ratio, () => ratio.status === 'ready')
    expect(ratio.rows.length).toBe(41)
  })
})

describe('rows and sources of several pages', () => {
  it('a touched row is asked of a page that fetches, and of another one when that goes', async () => {
    const name = fresh()
    const asked: string[] = []
    const a = await tab(name)
    const b = (await tab(name, { fetchRow: (_, key) => { asked.push(`b ${key}`); return new Promise(() => {}) } })).db
    await tab(name, { fetchRow: async (_, key) => { asked.push(`c ${key}`); return issue(key, { title: 'fetched' }) } })
    const live = a.db.live(a.db.query.issues)
    await ready(live)
    await a.db.apply([{ op: 'touch', table: 'issues', id: 'x' }])
    await eventually(() => asked.length === 1)
    b.close()
    await until(live, () => live.rows.length === 1)
    expect([asked, live.rows[0].title, a.errors]).toEqual([['b x', 'c x'], 'fetched', []])
  })

  it('a touched row that no page can fetch is told as such', async () => {
    const { db, errors } = await tab(fresh())
    const live = db.live(db.query.issues)
    await ready(live)
    await db.apply([{ op: 'touch', table: 'issues', id: 'x' }])
    await eventually(() => errors.length > 0)
    expect([errors[0].code, live.status, live.error?.code]).toEqual(['NO_FETCH_ROW', 'error', 'FETCH_FAILED'])
  })

  it('a touched row that no page can fetch, and that comes right behind, is there', async () => {
    let inside: any
    const end = inWorker(({ db }) => { inside = db })
    try {
      const { db, errors } = await tab(fresh())
      const live = db.live(db.query.issues)
      await ready(live)
      inside.apply([{ op: 'touch', table: 'issues', id: 'x' }])
      inside.apply([put('x')])
      await eventually(() => errors.length > 0)
      await db.stats()
      expect([errors.map(e => e.code), live.status, live.rows.length]).toEqual([['NO_FETCH_ROW'], 'ready', 1])
    } finally { end() }
  })

  it('a page that comes later knows of the rows that could not be fetched', async () => {
    const name = fresh()
    const a = await tab(name)
    await a.db.apply([{ op: 'touch', table: 'issues', id: 'x' }])
    await eventually(() => a.errors.length > 0)
    const b = await tab(name)
    const issues = b.db.live(b.db.query.issues), projects = b.db.live(b.db.query.projects)
    await ready(issues); await ready(projects)
    expect([issues.status, issues.error?.code, issues.error?.cause, projects.status]).toEqual(['error', 'FETCH_FAILED', expect.objectContaining({ code: 'NO_FETCH_ROW' }), 'ready'])
    await a.db.apply([put('x')])
    await until(issues, () => issues.status === 'ready')
    const c = (await tab(name)).db, later = c.live(c.query.issues)
    await ready(later)
    expect([issues.rows.length, later.status]).toEqual([1, 'ready'])
  })

  it('a source runs once, all are ready, and the next page goes on from its cursor', async () => {
    const name = fresh()
    const a = (await tab(name)).db, b = (await tab(name)).db, c = (await tab(name)).db
    const log: string[] = []
    const feed = (who: string) => ({
      name: 'feed',
      sync(session: any) {
        log.push(`${who} from ${session.cursor}`)
        void (async () => {
          session.begin(); session.write(put(`from ${who}`)); await session.commit({ cursor: Number(session.cursor ?? 0) + 1 })
          session.markReady()
        })()
        return () => { log.push(`${who} ends`) }
      },
    })
    const first = a.connect(feed('a'))
    await a.stats()
    const second = b.connect(feed('b'))
    await b.stats()
    const third = c.connect(feed('c'))
    await Promise.all([first.ready, second.ready, third.ready])
    expect(log).toEqual(['a from undefined'])
    // One that waits may end before its turn.
    second.close()
    a.close()
    await eventually(() => log.length === 3)
    expect(log).toEqual(['a from undefined', 'a ends', 'c from 1'])
    const late = b.connect(feed('b'))
    await late.ready
    const live = b.live(b.query.issues.orderBy('id'))
    await ready(live)
    await until(live, () => live.rows.length === 2)
    expect(live.rows.map(r => r.id)).toEqual(['from a', 'from c'])
    expect(await b.cursor('feed')).toBe('2')
  })

  it('a source that nobody runs any more begins anew: it is ready when it says so', async () => {
    const name = fresh()
    const a = (await tab(name)).db, b = (await tab(name)).db
    const first = a.connect({ name: 'feed', sync(s) { s.markReady() } })
    await first.ready
    first.close()
    for (const db of [a, b]) {
      // Lines of two pages have no order.
      await a.stats()
      let session: any
      const again = db.connect({ name: 'feed', sync(s) { session = s } })
      await eventually(() => session)
      // What is told of it is behind this answer at the latest.
      await db.stats()
      expect(again.status).toBe('connecting')
      session.markReady()
      await again.ready
      again.close()
    }
  })

  it('a query that is dropped and opened anew while its page is behind has its rows, of relations that another page holds', async () => {
    const name = fresh()
    const a = (await tab(name)).db, { db: b, errors } = await tab(name, { ahead: 1, graceMs: 0 })
    await a.apply([{ op: 'upsert', table: 'projects', row: { id: 'p', name: 'P' } }, put('x', { projectId: 'p' })])
    const joined = (db: WorkerDatabase<TestSchema>) => db.live(db.query.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).orderBy(r => r.issues.id))
    const held = joined(a), before = joined(b)
    await ready(held); await ready(before)
    // In one task: versions that leave the page behind, the end of the query's time, and the query again.
    let after: ReturnType<typeof joined> | undefined
    const applied: Promise<unknown>[] = []
    setTimeout(() => { for (const title of ['one', 'two', 'three']) applied.push(b.apply([{ op: 'update', table: 'issues', id: 'x', set: { title } }])) })
    before.dispose()
    setTimeout(() => { after = joined(b) })
    for (const end = performance.now() + 10; performance.now() < end;);
    await eventually(() => after)
    await Promise.all(applied)
    await ready(after!)
    expect([after!.status, after!.rows.map(r => [r.issues.title, r.projects.name]), errors]).toEqual(['ready', [['three', 'P']], []])
    expect((await b.stats()).worker.coalesced).toBeGreaterThan(0)
  })
})

describe('random changes of three pages', () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`rows and patches agree on every page, however far it is behind (seed ${seed})`, async () => {
      const roll = random(seed)
      const name = fresh()
      const tabs = await Promise.all([1, 2, 4].map(ahead => tab(name, { ahead, graceMs: 1 })))
      const plans = (db: WorkerDatabase<TestSchema>) => [
        db.query.issues.orderBy('priority', 'desc').orderBy('id').limit(5),
        db.query.issues.leftJoin('comments', (i, c) => eq(i.id, c.issueId)).select((r: any) => ({ id: r.issues.id, c: r.comments.id, t: r.issues.title })).orderBy('id').orderBy('c'),
        db.query.issues.orderBy('id').with('comments'),
        db.query.issues.where('status', '=', 'open').orderBy('id'),
      ] as any[]
      const followed = tabs.flatMap(({ db }) => plans(db).map((plan, i) => {
        const live = db.live(plan) as any
        const one = { i, live, patched: [] as any[] }
        live.subscribe(({ diff, rows, batch }: any) => { one.patched = batch === undefined ? [...rows] : applyPatches(one.patched, diff) as any[] })
        return one
      }))
      const waiting: Promise<unknown>[] = []
      for (let n = 0; n < 120; n++) {
        const { db } = tabs[roll(3)]
        const id = `i${roll(12)}`
        const change: any = [() => put(id, { priority: roll(5), status: roll(2) ? 'open' : 'done', title: `t${roll(9)}` }), () => ({ op: 'delete', table: 'issues', id }), () => comment(roll(20), id), () => ({ op: 'delete', table: 'comments', id: roll(20) })][roll(4)]()
        waiting.push(db.apply([change]))
        if (roll(5) === 0) await Promise.all(waiting.splice(0))
        if (roll(9) === 0) { const brief = tabs[roll(3)].db; brief.live(plans(brief)[roll(4)].limit(roll(9) + 1)).dispose() }
      }
      await Promise.all(waiting)
      // The last version is everywhere.
      const last = await tabs[0].db.apply([put('last')])
      await eventually(() => tabs.every(({ db }) => db.version >= last.version))
      for (const { i, live, patched } of followed) {
        const same = followed[i].live.rows
        expect(JSON.parse(JSON.stringify(live.rows.map((r: any) => ({ ...r, votes: 0 }))))).toEqual(JSON.parse(JSON.stringify(same.map((r: any) => ({ ...r, votes: 0 })))))
        expect(patched.length).toBe(live.rows.length)
        expect(patched.map((r: any) => r.id)).toEqual(live.rows.map((r: any) => r.id))
      }
      const fourth = (await tab(name)).db
      const fresh4 = plans(fourth).map(plan => fourth.live(plan) as any)
      for (const live of fresh4) await ready(live)
      fresh4.forEach((live, i) => { expect(live.rows.map((r: any) => r.id)).toEqual(followed[i].live.rows.map((r: any) => r.id)) })
      expect(tabs.flatMap(t => t.errors)).toEqual([])
    })
  }
})
