// A database in a worker from its start to its end: what is wrong, what is set, what comes from elsewhere, what is given back.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { EddylineError, type Source, type SyncSession, applyPatches, createDatabase, div, gt, mul, param, withParams } from '../../../pkg/index.inline.js'
import { type CreateWorkerOptions, type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { BrowserWorker } from './browser-worker.js'
import { type TestSchema, comment, eventually, issue, put, schema } from './support.js'

const opened: { close(): void }[] = []
afterEach(() => { vi.unstubAllGlobals(); for (const db of opened.splice(0)) db.close() })

async function openFar(options?: Partial<CreateWorkerOptions<TestSchema>>): Promise<{ db: WorkerDatabase<TestSchema>; errors: any[] }> {
  const errors: unknown[] = []
  const db = await createWorkerDatabase({ schema, onError: e => { errors.push(e) }, ...options })
  opened.push(db)
  return { db, errors }
}
interface Readable { readonly status: string; subscribe(fn: () => void): () => void }
const until = (live: Readable, done: () => boolean): Promise<void> => done() ? Promise.resolve()
  : new Promise(resolve => { const stop = live.subscribe(() => { if (done()) { stop(); resolve() } }) })
const ready = (live: Readable): Promise<void> => until(live, () => live.status !== 'loading')
async function failure(promise: Promise<unknown>): Promise<EddylineError> {
  try { await promise } catch (error) { if (error instanceof EddylineError) return error; throw error }
  throw new Error('did not fail')
}
const tick = (ms = 0): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })

describe('what is wrong', () => {
  it('rejects as it is thrown in the page, and nothing has happened', async () => {
    const { db, errors } = await openFar()
    await db.apply([put('a')])
    const version = db.version
    const duplicate = await failure(db.apply([put('b'), { op: 'insert', table: 'issues', row: issue('a', { title: 'another' }) }]))
    expect([duplicate.code, duplicate.path]).toEqual(['DUPLICATE_KEY', 'changes[1]'])
    const misspelt = await failure(db.apply([{ op: 'upsert', table: 'issues', rows: [issue('c'), { ...issue('d'), titel: 'x' }] } as never]))
    expect([misspelt.code, misspelt.nearest, misspelt.path]).toEqual(['UNKNOWN_COLUMN', 'title', 'changes[0].rows[1].titel'])
    expect((await failure(db.applyJson('[{"id":'  , { table: 'issues' }))).code).toBe('JSON_MALFORMED')
    expect((await failure(db.applyJson(new Response('no', { status: 500 }), { table: 'issues' }))).code).toBe('FETCH_FAILED')
    expect((await failure(db.apply('x' as never))).code).toBe('CHANGE_INVALID')
    const live = db.live(db.query.issues)
    await ready(live)
    expect(live.rows.map(r => r.id)).toEqual(['a'])
    expect(db.version).toBe(version)
    expect(errors).toEqual([])
  })

  it('of a query shows as its status', async () => {
    const { db } = await openFar()
    const live = db.live({ toJSON: () => ({ from: 'issues', where: { op: '=', args: [{ op: 'col', name: 'statsu' }, { op: 'lit', value: 'x' }] } }), $row: undefined } as never)
    expect(live.status).toBe('loading')
    await ready(live)
    expect([live.status, live.error?.code, live.error?.nearest, live.rows]).toEqual(['error', 'UNKNOWN_COLUMN', 'status', []])
    live.dispose()
  })

  it('while rows are evaluated is an error until it is gone; the last good rows stay', async () => {
    const { db } = await openFar()
    await db.apply([put('a', { priority: 2 }), put('b', { priority: 4 })])
    const ratio = db.live(db.query.issues.select(i => ({ id: i.id, v: div(12, i.priority) })).orderBy('id'))
    await ready(ratio)
    expect(ratio.rows).toEqual([{ id: 'a', v: 6 }, { id: 'b', v: 3 }])
    let patches: readonly any[] = []
    ratio.subscribe(({ diff }) => { patches = diff })
    await db.apply([put('a', { priority: 0 })])
    expect([ratio.status, ratio.error?.code]).toEqual(['error', 'DIVISION_BY_ZERO'])
    expect(ratio.rows).toEqual([{ id: 'a', v: 6 }, { id: 'b', v: 3 }])
    await db.apply([put('c', { priority: 1 })])
    await db.apply([put('a', { priority: 3 })])
    expect([ratio.status, ratio.error]).toEqual(['ready', undefined])
    expect(ratio.rows).toEqual([{ id: 'a', v: 4 }, { id: 'b', v: 3 }, { id: 'c', v: 12 }])
    expect(patches.map(p => p.t)).toEqual(['set', 'add'])
    const broken = db.live(db.query.issues.select(i => ({ id: i.id, v: div(6, gt(i.priority, 0) as never) })) as never)
    await ready(broken)
    expect(broken.status).toBe('error')
  })
})

describe('what is set', () => {
  it('parameters are a diff of the query alone; wrong values reject and are told', async () => {
    const { db, errors } = await openFar()
    await db.apply([1, 2, 3, 4].map(n => put(`i${n}`, { priority: n })))
    const live = db.live(withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)).orderBy('id')), { params: { least: 2 } })
    await ready(live)
    expect(live.rows.map(r => r.id)).toEqual(['i3', 'i4'])
    const kept = live.rows[1]
    const told: unknown[] = []
    live.subscribe(({ diff, version }) => { told.push([version, diff.map(p => [p.t, 'key' in p ? p.key : 0])]) })
    await live.setParams({ least: 3 })
    expect(live.rows.map(r => r.id)).toEqual(['i4'])
    expect(live.rows[0]).toBe(kept)
    expect(told).toEqual([[db.version, [['remove', 'i3']]]])
    await live.setParams({ least: 3 })
    expect(told.length).toBe(1)
    expect((await failure(live.setParams({ most: 3 } as never))).code).toBe('UNKNOWN_PARAMETER')
    expect((await failure(live.setParams({ least: 'x' } as never))).code).toBe('TYPE_MISMATCH')
    await tick()
    expect(errors.map(e => e.code)).toEqual(['UNKNOWN_PARAMETER', 'TYPE_MISMATCH'])
    expect(() => db.live(withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least))), { params: {} as never })).toThrow(/least/)
    expect(() => db.live(db.query.issues.where(i => gt(i.priority, param('least'))), { window: [-1, 2] })).toThrow()
  })

  it('before the rows are there, it is in time', async () => {
    const { db } = await openFar()
    await db.apply([1, 2, 3, 4].map(n => put(`i${n}`, { priority: n })))
    const live = db.live(withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)).orderBy('id')), { params: { least: 2 } })
    const part = db.live(db.query.issues.orderBy('id'), { window: [0, 1] })
    expect(part.window(0, 1)).toEqual([])
    await live.setParams({ least: 0 })
    expect(live.rows.length).toBe(4)
    part.window(2, 2)
    await until(part, () => part.rows.length === 2)
    expect([part.rows.map(r => r.id), part.total]).toEqual([['i3', 'i4'], 4])
  })

  it('only rows of the part that is shown cross, and those that nobody shows any more are given back', async () => {
    const { db } = await openFar({ graceMs: 1 })
    const rows = Array.from({ length: 20_000 }, (_, i) => issue(`i${String(i).padStart(5, '0')}`))
    await db.apply([{ op: 'upsert', table: 'issues', rows }])
    // What is sent is no row that is shown.
    expect((await db.stats()).page).toEqual({ rows: 0, bytes: 0 })
    const live = db.live(db.query.issues.orderBy('id'), { window: [0, 20] })
    await ready(live)
    const { page } = await db.stats()
    expect([live.rows.length, live.total, page.rows]).toEqual([20, 20_000, 20])
    for (let at = 0; at < 20_000; at += 50) live.window(at, 50)
    await until(live, () => live.rows[0]?.id === 'i19950')
    const scrolled = (await db.stats()).page
    expect(scrolled.rows).toBeLessThan(20_000 / 2)
    expect(live.rows.length).toBe(50)

    const all = db.live(db.query.issues.orderBy('title'))
    await ready(all)
    const kept = all.rows
    const bytes = page.bytes / 20
    expect((await db.stats()).page).toEqual({ rows: 20_000, bytes: 20_000 * bytes })
    all.dispose()
    await eventually(async () => (await db.stats()).page.rows <= 5000)
    expect((await db.stats()).page).toEqual({ rows: 50, bytes: 50 * bytes })
    expect(kept[19_999].id).toBe('i19999')
    expect(live.rows.map(r => r.id)[49]).toBe('i19999')
  })
})

describe('what is given back', () => {
  it('queries that come and go, before and after their rows are there, leave nothing behind', async () => {
    const { db } = await openFar({ graceMs: 0 })
    await db.apply([1, 2, 3].map(n => put(`i${n}`, { priority: n })))
    const before = await db.stats()
    for (let round = 0; round < 40; round++) {
      const lives = Array.from({ length: 25 }, (_, n) => db.live(db.query.issues.where('priority', '>', n % 4).select(i => ({ id: i.id, t: i.title, n: div(12, i.priority) })).orderBy('id').limit(n + 1)))
      if (round % 2 === 0) await ready(lives[24])
      for (const live of lives) live.dispose()
      await tick(1)
    }
    await eventually(async () => (await db.stats()).views === 0)
    const after = await db.stats()
    // Rows of the table itself stay until there are some thousand that nobody shows.
    expect([after.views, after.nodes, after.page.rows]).toEqual([0, before.nodes, 3])
    const live = db.live(db.query.issues.select(i => ({ id: i.id, n: div(12, i.priority) })).orderBy('id'))
    await ready(live)
    expect(live.rows).toEqual([{ id: 'i1', n: 12 }, { id: 'i2', n: 6 }, { id: 'i3', n: 4 }])
  })
})

describe('what comes from elsewhere', () => {
  it('streams are read by the worker piece by piece', async () => {
    const { db } = await openFar()
    const text = JSON.stringify(Array.from({ length: 3000 }, (_, i) => issue(`i${i}`, { title: 'ä'.repeat(i % 50), votes: null })))
    const bytes = new TextEncoder().encode(text)
    let sent = 0
    const stream = new ReadableStream<Uint8Array>({ pull: c => { if (sent >= bytes.length) c.close(); else { c.enqueue(bytes.slice(sent, sent + 1000)); sent += 1000 } } })
    const [streamed, whole] = await Promise.all([db.applyJson(stream, { table: 'issues', source: 's', cursor: 7 }), db.applyJson(new Response('[]'), { table: 'issues' })])
    expect([streamed.applied, streamed.cursor, whole.applied, await db.cursor('s')]).toEqual([3000, '7', 0, '7'])
    const part = bytes.subarray(0, bytes.length)
    expect((await db.applyJson(part, { table: 'issues' })).applied).toBe(0)
    expect(part.length).toBe(bytes.length)
    const wrong = new ReadableStream<Uint8Array>({ pull: c => { c.enqueue(new TextEncoder().encode('[{"x"')) } })
    expect((await failure(db.applyJson(wrong, { table: 'issues' }))).code).toBe('JSON_MALFORMED')
  })

  it.each(['page', 'worker'])('a stream that breaks, and one of what is no bytes, are typed errors; what the application throws is told as it is (%s)', async where => {
    const db = where === 'page' ? await createDatabase({ schema }) : (await openFar()).db
    if (where === 'page') opened.push(db)
    const cut = new TypeError('the line is cut')
    for (const cause of [cut, undefined, new DOMException('gone', 'AbortError')]) {
      const broken = await failure(db.applyJson(new ReadableStream<Uint8Array>({ pull: c => { c.error(cause) } }), { table: 'issues' }))
      expect([broken.code, broken.cause]).toEqual(['FETCH_FAILED', cause])
    }
    expect((await failure(db.applyJson(new ReadableStream<Uint8Array>({ pull: c => { c.error(new EddylineError('MINE', 'no')) } }), { table: 'issues' }))).code).toBe('MINE')
    for (const piece of [null, '[]', 5]) expect(await failure(db.applyJson(new ReadableStream<any>({ pull: c => { c.enqueue(piece) } }), { table: 'issues' }))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'input' })
    // A signal that the request has, too, ends it with its reason.
    const stop = new AbortController(), why = new RangeError('enough')
    const ended = db.applyJson(new ReadableStream<Uint8Array>({ start: c => { stop.signal.addEventListener('abort', () => { c.error(new DOMException('gone', 'AbortError')) }) } }), { table: 'issues', signal: stop.signal })
    stop.abort(why)
    await expect(ended).rejects.toBe(why)
    const mine = new RangeError('mine')
    await expect(db.applyJson(new Response('[]'), { table: 'issues', onProgress: () => { throw mine } })).rejects.toBe(mine)
    expect((await db.applyJson(new Response(JSON.stringify([issue('a')])), { table: 'issues' })).applied).toBe(1)
  })

  it('small pieces may come again, and pieces may be parts of one buffer, of which no more goes, or of a shared one', async () => {
    const worker = new BrowserWorker()
    const { db } = await openFar({ worker: worker as never })
    const sent: number[] = []
    const post = worker.postMessage.bind(worker)
    worker.postMessage = (message, transfer) => {
      if (message.t === 'chunk' && message.bytes !== undefined) sent.push(message.bytes.buffer.byteLength)
      post(message, transfer)
    }
    const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
    const line = new TextEncoder().encode('\n')
    const load = (pieces: readonly Uint8Array[]): Promise<{ applied: number }> => {
      let at = 0
      return db.applyJson(new ReadableStream<Uint8Array>({ pull: c => { if (at === pieces.length) c.close(); else c.enqueue(pieces[at++]) } }), { table: 'issues' })
    }
    expect((await load(['a', 'b', 'c'].flatMap(id => [bytes(issue(id, { votes: null })), line]))).applied).toBe(3)
    expect(line.length).toBe(1)
    const all = bytes(Array.from({ length: 2000 }, (_, i) => issue(`i${i}`, { votes: null })))
    sent.length = 0
    expect((await load(Array.from({ length: Math.ceil(all.length / 50_000) }, (_, n) => all.subarray(n * 50_000, (n + 1) * 50_000)))).applied).toBe(2000)
    expect([Math.max(...sent), all.length > 200_000]).toEqual([50_000, true])
    const text = bytes([issue('shared', { votes: null })]), shared = new Uint8Array(new SharedArrayBuffer(text.length))
    shared.set(text)
    expect((await load([shared])).applied).toBe(1)
  })

  it('a load that waits behind another stream ends with its connection, and lets nobody go before its time', async () => {
    const { db, errors } = await openFar()
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
    const open = (): { stream: ReadableStream<Uint8Array>; control: ReadableStreamDefaultController<Uint8Array> } => {
      let control!: ReadableStreamDefaultController<Uint8Array>
      return { stream: new ReadableStream<Uint8Array>({ start: c => { control = c } }), control }
    }
    const sessions: any[] = []
    const connect = (name: string): { close(): void } => db.connect({ name, sync(s) { sessions.push(s) } })
    connect('a')
    const connection = connect('b')
    await eventually(() => sessions.length === 2)
    const first = open(), second = open()
    const loads = [sessions[0].load(first.stream, { table: 'issues', cursor: 1 }), sessions[1].load(second.stream, { table: 'issues', cursor: 2 }), db.applyJson(new Response(JSON.stringify([issue('c')])), { table: 'issues' })]
    first.control.enqueue(bytes(`[${JSON.stringify(issue('a'))}`))
    // All of it is in the worker.
    second.control.enqueue(bytes(JSON.stringify([issue('b')])))
    second.control.close()
    await tick(20)
    connection.close()
    // The first goes on only after this: a load that waited for it would never end.
    expect((await failure(loads[1])).code).toBe('CLOSED')
    expect((await db.stats()).tables.find(t => t.name === 'issues')?.rows).toBe(0)
    first.control.enqueue(bytes(']'))
    first.control.close()
    const reports = await Promise.all([loads[0], loads[2]])
    expect([reports.map(r => [r.version, r.applied]), await db.cursor('a'), await db.cursor('b'), errors]).toEqual([[[1, 1], [2, 1]], '1', undefined, []])
  })

  it('streams show as they come when asked to, tell how far they are, and end with their signal', async () => {
    const { db } = await openFar()
    const bytes = new TextEncoder().encode(JSON.stringify(Array.from({ length: 4000 }, (_, i) => issue(`i${i}`, { title: 'ä'.repeat(100), votes: null }))))
    const stream = (): ReadableStream<Uint8Array> => {
      let sent = 0
      return new ReadableStream<Uint8Array>({ pull: c => { if (sent >= bytes.length) c.close(); else { c.enqueue(bytes.slice(sent, sent + 50_000)); sent += 50_000 } } })
    }
    const told: number[] = []
    const report = await db.applyJson(stream(), { table: 'issues', source: 's', cursor: 7, atomic: false, onProgress: p => told.push(p.bytes) })
    expect(report.version).toBeGreaterThan(2)
    expect([report.applied, report.cursor, told.at(-1), told.length]).toEqual([4000, '7', bytes.length, Math.ceil(bytes.length / 50_000)])
    const stop = new AbortController()
    const why = new Error('enough')
    await expect(db.applyJson(stream(), { table: 'issues', signal: stop.signal, onProgress: p => { if (p.bytes > 200_000) stop.abort(why) } })).rejects.toBe(why)
    expect((await db.applyJson(stream(), { table: 'issues' })).applied).toBe(0)
  })

  it('touched rows are fetched on the page', async () => {
    const asked: unknown[] = []
    let fails = true
    const { db, errors } = await openFar({ fetchRow: async (table, key) => {
      asked.push([table, key])
      if (key === 'gone') return null
      if (key === 'bad' && fails) throw new Error('not today')
      return issue(key, { title: 'fetched' })
    } })
    await db.apply([put('a'), put('gone'), put('bad')])
    const live = db.live(db.query.issues.orderBy('id'))
    await ready(live)
    await db.apply([{ op: 'touch', table: 'issues', id: 'a' }, { op: 'touch', table: 'issues', id: 'gone' }, { op: 'touch', table: 'issues', id: 'bad' }])
    await until(live, () => live.status === 'error' && live.rows.length === 2)
    expect([live.error?.code, live.rows.map(r => [r.id, r.title])]).toEqual(['FETCH_FAILED', [['a', 'fetched'], ['bad', 'Issue bad']]])
    expect(asked.sort()).toEqual([['issues', 'a'], ['issues', 'bad'], ['issues', 'gone']])
    fails = false
    expect(await db.retry()).toBe(1)
    await until(live, () => live.status === 'ready')
    expect(live.rows[1].title).toBe('fetched')
    expect(errors.map(e => e.message).join()).toContain('not today')
    // A failure is over, too, when the row comes as it was.
    fails = true
    for (const again of [() => db.apply([put('bad', { title: 'fetched' })]), () => db.applyJson(JSON.stringify([issue('bad', { title: 'fetched' })]), { table: 'issues' })]) {
      await db.apply([{ op: 'touch', table: 'issues', id: 'bad' }])
      await until(live, () => live.status === 'error')
      await again()
      await until(live, () => live.status === 'ready')
      expect(await db.retry()).toBe(0)
    }
  })

  it('the cursor of a session is the last one that its source has committed, as in the page: by whom ever, and not one that was ignored', async () => {
    const { db } = await openFar()
    const sessions: any[] = []
    const source = () => ({ name: 'api', stale: 'ignore' as const, sync(s: any) { sessions.push(s); s.markReady() } })
    const [first, second] = [db.connect(source()), db.connect(source())]
    await Promise.all([first.ready, second.ready])
    const commit = (cursor: number) => { sessions[0].begin(); sessions[0].write(put(`i${cursor}`)); return sessions[0].commit({ cursor }) }
    expect([(await commit(5)).replayed, (await commit(3)).replayed, sessions.map(s => s.cursor)]).toEqual([false, true, ['5', '5']])
    await db.apply({ changes: [], source: 'api', cursor: 7 })
    expect(sessions.map(s => s.cursor)).toEqual(['7', '7'])
    await db.applyJson(JSON.stringify({ changes: [], source: 'api', cursor: 9 }))
    await expect(db.apply({ changes: [], source: 'api', cursor: 8 })).rejects.toMatchObject({ code: 'CURSOR_BACKWARDS' })
    expect([sessions.map(s => s.cursor), await db.cursor('api')]).toEqual([['9', '9'], '9'])
    await sessions[1].load(new Response('[]'), { table: 'issues', cursor: 11 })
    expect(sessions.map(s => s.cursor)).toEqual(['11', '11'])
  })

  it('sources write in order and are ready when it shows; a wrong write is their error', async () => {
    const { db, errors } = await openFar()
    await db.apply({ changes: [put('x')], source: 'api', cursor: 3 })
    const live = db.live(db.query.issues.orderBy('id'))
    await ready(live)
    let from: unknown
    const connection = db.connect({ name: 'api', sync(s) {
      from = s.cursor
      s.begin(); s.write(put('a')); s.write(put('b')); s.commit({ cursor: 4 })
      s.write({ op: 'delete', table: 'issues', id: 'x' })
      s.markReady()
      return () => { from = 'ended' }
    } })
    await connection.ready
    expect([from, live.rows.map(r => r.id), await db.cursor('api')]).toEqual(['3', ['a', 'b'], '4'])
    connection.close()
    expect(from).toBe('ended')
    const wrong = db.connect({ name: 'other', sync(s) { s.write({ op: 'insert', table: 'issues', row: issue('a', { title: 'another' }) }); s.markReady() } })
    await expect(wrong.ready).rejects.toMatchObject({ code: 'DUPLICATE_KEY' })
    expect([wrong.status, errors.map(e => e.code)]).toEqual(['error', ['DUPLICATE_KEY']])
  })

  it('an error of a connection is over when its source says so behind it, as in the page', async () => {
    const near = await createDatabase({ schema, onError() {} })
    opened.push(near)
    const { db: far, errors } = await openFar()
    for (const db of [near, far as unknown as typeof near]) {
      let session!: SyncSession
      const connection = db.connect({ name: 'api', sync: s => { session = s as never } })
      await eventually(() => session !== undefined)
      session.markError(new Error('offline'))
      expect(connection.status).toBe('error')
      session.write(put('a') as never)
      session.markReady()
      await eventually(() => connection.status === 'ready')
      expect([connection.status, connection.error]).toEqual(['ready', undefined])
      connection.close()
    }
    // One that comes to light behind it is not.
    let session!: SyncSession
    const connection = far.connect({ name: 'api', sync: s => { session = s as never } })
    await eventually(() => session !== undefined)
    session.markError(new Error('offline'))
    session.write({ op: 'insert', table: 'issues', row: issue('a', { title: 'another' }) } as never)
    session.markReady()
    await eventually(() => errors.length === 3)
    expect(errors.map(e => e.code ?? e.message)).toEqual(['offline', 'offline', 'DUPLICATE_KEY'])
    await far.flush()
    expect([connection.status, (connection.error as EddylineError).code]).toEqual(['error', 'DUPLICATE_KEY'])
    session.markReady()
    await eventually(() => connection.status === 'ready')
    expect(connection.status).toBe('ready')
  })

  it('a load that fails is for its source to mend, as in the page', async () => {
    const near = await createDatabase({ schema, onError() {} })
    opened.push(near)
    const { db: far, errors } = await openFar()
    for (const db of [near, far as unknown as typeof near]) {
      const caught: unknown[] = []
      const connection = db.connect({ name: 'api', async sync(s) {
        try { await s.load(new ReadableStream({ start(c) { c.error(new Error('cut')) } }), { table: 'issues' }) } catch (error) { caught.push((error as EddylineError).code) }
        await s.load(new Response(JSON.stringify([issue('a')])), { table: 'issues', cursor: 7 })
        s.markReady()
      } })
      await connection.ready
      expect([caught, connection.status, await db.cursor('api'), errors]).toEqual([['FETCH_FAILED'], 'ready', '7', []])
      // Who does not mend it has failed.
      const other = db.connect({ name: 'other', async sync(s) { await s.load(new Response('no', { status: 503 }), { table: 'issues' }) } })
      await expect(other.ready).rejects.toMatchObject({ code: 'FETCH_FAILED' })
      expect(other.status).toBe('error')
    }
    await eventually(() => errors.length === 1)
    expect(errors).toMatchObject([{ code: 'FETCH_FAILED' }])
  })

  it('nothing of what a connection wrote is held when it is applied', async () => {
    setFlagsFromString('--expose_gc')
    const collect = runInNewContext('gc') as () => void
    const { db } = await openFar({ worker: 'inline' })
    let session!: SyncSession
    db.connect({ name: 'api', sync: s => { session = s as never } })
    await eventually(() => session !== undefined)
    const write = async (n: number): Promise<number> => {
      for (let i = 0; i < n; i++) {
        session.write(put('a', { priority: i % 3 }) as never)
        if (i % 100 === 0) await db.flush()
      }
      await db.flush()
      collect()
      return process.memoryUsage().heapUsed
    }
    await write(10_000)
    const [first, second, third] = [await write(0), await write(40_000), await write(40_000)]
    // A list of promises that have settled was 100 bytes a write, of each window; what else the heap does is of one of them.
    expect(Math.min(second - first, third - second)).toBeLessThan(1.5e6)
  })

  it('a source may be an instance of a class that has its name, its table and what is stale as getters', async () => {
    class Feed implements Source {
      readonly #cursor: number
      constructor(cursor: number) { this.#cursor = cursor }
      get name() { return `feed of ${this.table}` }
      get table() { return 'issues' }
      get stale() { return 'ignore' as const }
      sync(s: SyncSession) {
        s.begin()
        s.truncate()
        s.write({ type: 'insert', value: issue(`${this.#cursor}`) })
        s.commit({ cursor: this.#cursor })
        s.markReady()
      }
    }
    const near = await createDatabase({ schema })
    opened.push(near)
    const { db: far, errors } = await openFar()
    for (const db of [near, far as unknown as typeof near]) {
      await db.apply([comment(1, 'x')])
      for (const cursor of [5, 4]) await db.connect(new Feed(cursor)).ready
      const live = db.live(db.query.issues), comments = db.live(db.query.comments)
      await Promise.all([ready(live), ready(comments)])
      expect([await db.cursor('feed of issues'), live.rows.map(r => r.id), comments.rows.length]).toEqual(['5', ['5'], 1])
    }
    expect(errors).toEqual([])
  })

  it('answers of people: explain, stats, tenants', async () => {
    const { db } = await openFar()
    await db.apply({ changes: [{ op: 'insert', table: 'notes', row: { id: 1, text: 'one' } }], tenant: 't' })
    const notes = db.live(db.query.notes, { tenant: 't' }), none = db.live(db.query.notes, { tenant: 'u' })
    await ready(none)
    expect([notes.rows, none.rows]).toEqual([[{ id: 1, text: 'one' }], []])
    expect(await db.explain(notes)).toContain('notes')
    expect(await db.explain(db.query.issues.where('status', '=', 'open'))).toContain('issues')
    expect((await failure(db.explain({ toJSON: () => ({ from: 'isues' }) } as never))).nearest).toBe('issues')
    const stats = await db.stats()
    expect(stats.tables.find(t => t.name === 'notes')?.rows).toBe(1)
    expect(stats.views).toBe(2)
  })
})

describe('the order of things', () => {
  it('a listener is called once per version, sees that version everywhere, and may apply and close', async () => {
    const { db } = await openFar()
    const a = db.live(db.query.issues.orderBy('id')), b = db.live(db.query.issues.where('status', '=', 'open'))
    await Promise.all([ready(a), ready(b)])
    const told: unknown[] = []
    db.subscribe(report => { told.push(['report', report.version]) })
    let more: Promise<unknown> | undefined
    a.subscribe(({ version, rows }) => {
      told.push([version, rows.length, b.rows.length])
      if (rows.length === 1) more = db.apply([put('z')])
    })
    const first = await db.apply([put('a')])
    await more
    expect(told).toEqual([[first.version, 1, 1], ['report', first.version], [first.version + 1, 2, 2], ['report', first.version + 1]])

    const rows = a.rows
    b.subscribe(({ batch }) => { if (batch !== undefined) db.close() })
    const pending = [db.apply([put('c')]), db.apply([put('d')])]
    expect((await failure(pending[1])).code).toBe('CLOSED')
    await failure(pending[0]).catch(() => {})
    expect([a.status, b.status]).toEqual(['closed', 'closed'])
    expect(rows.map(r => r.id)).toEqual(['a', 'z'])
    expect(a.rows.map(r => r.id)).toEqual(['a', 'c', 'z'])
    expect((await failure(db.apply([]))).code).toBe('CLOSED')
    expect(() => db.live(db.query.issues)).toThrow(/closed/)
    db.close()
  })

  it('a worker that stops ends everything with an error, and what was shown stays', async () => {
    const worker = new BrowserWorker().withLock()
    const { db } = await openFar({ worker: worker as never })
    await db.apply([put('a'), comment(1, 'a')])
    const live = db.live(db.query.issues.with('comments'))
    const never = db.live(db.query.projects)
    await ready(live)
    expect(live.rows[0].comments.length).toBe(1)
    let said = 0
    live.subscribe(() => { said++ })
    void worker.thread.terminate()
    const asked = failure(db.stats() as never)
    await until(live, () => live.status === 'error')
    expect([live.error?.code, (await asked).code, live.rows[0].comments[0].body, never.status]).toEqual(['WORKER_FAILED', 'WORKER_FAILED', 'c1', 'error'])
    expect(said).toBe(1)
    expect((await failure(db.apply([put('b')]))).code).toBe('WORKER_FAILED')
    expect(() => db.live(db.query.issues)).toThrow(EddylineError)
  })

  it('a worker that stops before the database is there rejects', async () => {
    const worker = new BrowserWorker().withLock()
    const { thread } = worker
    // It never answers: its end is all there is.
    worker.postMessage = () => { setTimeout(() => { worker.onmessage!({ data: { alive: 'mine' } }); void thread.terminate() }) }
    expect((await failure(createWorkerDatabase({ schema, worker: worker as never }))).code).toBe('LOAD_FAILED')
  })

  for (const locks of [true, false]) {
    it(`an error that nobody caught in a worker that lives is told, and nothing ends, ${locks ? 'with' : 'without'} Web Locks`, async () => {
      const worker = new BrowserWorker()
      const { db, errors } = await openFar({ worker: (locks ? worker.withLock() : worker) as never })
      const live = db.live(db.query.issues)
      await ready(live)
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        worker.onerror!({ message: 'a timer of mine' })
        expect((await db.apply([put('a')])).applied).toBe(1)
        vi.advanceTimersByTime(60_000)
      } finally { vi.useRealTimers() }
      expect((await db.apply([put('b')])).applied).toBe(1)
      expect([live.status, errors.map(e => [e.code, e.message.includes('a timer of mine')])]).toEqual(['ready', [['WORKER_ERROR', true]]])
    })
  }

  it('one that is silent after that has ended, where there are no Web Locks', async () => {
    const worker = new BrowserWorker()
    const { db, errors } = await openFar({ worker: worker as never })
    await worker.thread.terminate()
    const asked = failure(db.stats() as never)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      worker.onerror!({ message: 'out of memory' })
      vi.advanceTimersByTime(60_000)
    } finally { vi.useRealTimers() }
    expect([(await asked).code, errors.map(e => e.code)]).toEqual(['WORKER_FAILED', ['WORKER_ERROR']])
  })

  it('a crash of the engine in the worker is that crash here', async () => {
    const worker = new BrowserWorker()
    const { db } = await openFar({ worker: () => worker as never })
    await db.apply([put('a')])
    const live = db.live(db.query.issues)
    await ready(live)
    worker.onmessage!({ data: { crash: { code: 'ENGINE_CRASHED', message: 'the engine crashed' } } })
    expect([live.status, live.error?.code, live.rows.length]).toEqual(['error', 'ENGINE_CRASHED', 0])
    expect((await failure(db.apply([]))).code).toBe('ENGINE_CRASHED')
  })

  it('a page that does not take in its messages gets one for all it missed', async () => {
    const worker = new BrowserWorker()
    const { db } = await openFar({ worker: worker as never, ahead: 3 })
    const live = db.live(db.query.issues.orderBy('id'))
    await ready(live)
    const versions: number[] = []
    live.subscribe(({ version }) => { versions.push(version) })
    const deliver = worker.onmessage!
    const held: any[] = []
    worker.onmessage = event => { held.push(event) }
    const sent = Array.from({ length: 500 }, (_, i) => db.apply([put(`i${i % 7}`, { priority: i })]))
    await worker.done()
    // Three versions are on their way, and no more, however long it lasts.
    expect(held.length).toBe(3)
    worker.onmessage = deliver
    for (const event of held) deliver(event)
    const reports = await Promise.all(sent)
    expect(live.rows.map(r => r.priority)).toEqual([497, 498, 499, 493, 494, 495, 496])
    expect(versions.length).toBeLessThan(10)
    expect(versions.at(-1)).toBe(reports[499].version)
    expect(new Set(reports.map(r => r.version)).size).toBe(500)
  })

  it('what it missed is told as steps from what it showed: rows that went by their keys, rows in another order where they are now', async () => {
    const worker = new BrowserWorker()
    const { db } = await openFar({ worker: worker as never, ahead: 1 })
    await db.apply(Array.from({ length: 40 }, (_, i) => put(`i${String(i).padStart(2, '0')}`, { priority: i + 1 })))
    const live = db.live(db.query.issues.orderBy(i => mul(i.priority, param('sign', 'int'))), { params: { sign: 1 } })
    await ready(live)
    let rows: readonly any[] = [...live.rows]
    const unread = db.live(db.query.issues.select('id', 'title').orderBy('id'))
    await ready(unread)
    const told: any[] = []
    const steps: any[] = []
    live.subscribe(({ diff, batch }) => { if (batch !== undefined) { told.push(diff); rows = applyPatches(rows, diff) } })
    unread.subscribe(({ diff }) => { steps.push(...diff) })
    const deliver = worker.onmessage!
    const held: any[] = []
    worker.onmessage = event => { held.push(event) }
    const sent: Promise<unknown>[] = [db.apply([put('first', { priority: 0 })])]
    // Handles of rows that go are taken by rows that come.
    for (let n = 0; n < 20; n++) sent.push(db.apply([{ op: 'delete', table: 'issues', id: `i${String(n).padStart(2, '0')}` }]), db.apply([put(`new${n}`, { priority: 100 + n })]))
    sent.push(live.setParams({ sign: -1 }))
    await worker.done()
    expect(held.length).toBe(1)
    worker.onmessage = deliver
    for (const event of held) deliver(event)
    await Promise.all(sent)
    expect(rows.map(r => r.id)).toEqual(live.rows.map(r => r.id))
    expect(live.rows.map(r => r.priority)).toEqual([...live.rows].map(r => r.priority).sort((a, b) => b - a))
    expect(told.length).toBe(2)
    expect(steps.filter(p => p.t === 'remove').map(p => p.key)).toEqual(Array.from({ length: 20 }, (_, n) => `i${String(19 - n).padStart(2, '0')}`))
    expect(steps.filter(p => p.t === 'add').map(p => p.key)).toEqual(['first', ...Array.from({ length: 20 }, (_, n) => `new${n}`).sort()])
  })

  it('what it missed says which rows changed where they are, and nothing of what is as it was', async () => {
    const worker = new BrowserWorker()
    const { db } = await openFar({ worker: worker as never, ahead: 1 })
    await db.apply(Array.from({ length: 12 }, (_, i) => put(`i${String(i).padStart(2, '0')}`, { priority: i, votes: 5n, meta: { n: i }, due: new Date(i) })))
    const live = db.live(db.query.issues.orderBy('priority').orderBy('id'))
    const some = db.live(db.query.issues.select(i => ({ name: i.title, key: i.id })).orderBy('key'))
    await ready(live); await ready(some)
    let rows: readonly any[] = [...live.rows], named: readonly any[] = [...some.rows]
    const told: any[] = [], late: any[] = []
    live.subscribe(({ diff }) => { told.push(diff); rows = applyPatches(rows, diff) })
    some.subscribe(event => { late.push(event) })
    const deliver = worker.onmessage!
    const held: any[] = []
    worker.onmessage = event => { held.push(event) }
    const kept = live.rows[5]
    const sent = [
      db.apply([put('i00', { priority: 0, votes: 5n, meta: { n: 0 }, due: new Date(0), title: 'before' })]),
      // Another place, other values, gone and back, gone, new, as it was by the end.
      db.apply([put('i01', { priority: 90, votes: 5n })]),
      db.apply([put('i02', { priority: 2, votes: 6n, meta: { n: 2, more: [1] }, due: new Date(2) }), put('i03', { priority: 3, votes: 5n, meta: { n: 3 }, due: new Date(2000) })]),
      db.apply([{ op: 'delete', table: 'issues', id: 'i04' }]),
      db.apply([put('i04', { priority: 4, votes: 5n, meta: { n: 4 }, due: new Date(4), score: 0.5 })]),
      db.apply([{ op: 'delete', table: 'issues', id: 'i06' }, put('new', { priority: 7 })]),
      db.apply([put('i08', { priority: 8, title: 'for a moment' })]),
      db.apply([put('i08', { priority: 8, votes: 5n, meta: { n: 8 }, due: new Date(8) })]),
    ]
    await worker.done()
    worker.onmessage = deliver
    for (const event of held) deliver(event)
    await Promise.all(sent)
    // The first is a version of its own; the others came as one.
    expect(told.length).toBe(2)
    expect(told[1].map((p: any) => [p.t, p.key, ...(p.t === 'set' ? [p.fields] : [])])).toEqual([
      ['remove', 'i06'], ['remove', 'i01'], ['set', 'i02', { votes: 6n, meta: { n: 2, more: [1] } }], ['set', 'i03', { due: new Date(2000) }], ['set', 'i04', { score: 0.5 }], ['add', 'new'], ['add', 'i01'],
    ])
    expect(rows).toEqual([...live.rows])
    expect(live.rows[4]).toBe(kept)
    // Steps that are read when all rows are gone are what they were.
    const shown = some.rows.map(r => r.key)
    await db.apply([{ op: 'reset', table: 'issues', rows: [] }])
    expect([late.length, some.rows.length]).toEqual([3, 0])
    for (const { diff } of late.slice(0, 2)) named = applyPatches(named, diff)
    expect(named.map(r => `${r.key} ${r.name}`)).toEqual(shown.map(key => `${key} ${key === 'i00' ? 'before' : `Issue ${key}`}`))
    expect(late[1].diff.map((p: any) => p.t)).toEqual(['remove', 'add'])
  })

  it('of what it missed, what a query does not show, or what is as it was again, is not told, and rows stay the same objects', async () => {
    const worker = new BrowserWorker()
    const { db } = await openFar({ worker: worker as never, ahead: 1 })
    await db.apply([put('a', { priority: 1 }), put('b', { priority: 2 })])
    const titles = db.live(db.query.issues.select('id', 'title').orderBy('id')), whole = db.live(db.query.issues.orderBy('id'))
    await ready(titles); await ready(whole)
    const told: string[] = []
    titles.subscribe(({ diff }) => { told.push(`titles ${diff.map(p => `${p.t} ${'key' in p ? p.key : ''}`).join()}`) })
    whole.subscribe(({ diff }) => { told.push(`whole ${diff.map(p => `${p.t} ${'key' in p ? p.key : ''}`).join()}`) })
    const deliver = worker.onmessage!
    const missing = async (changes: any[][]): Promise<void> => {
      const held: any[] = []
      worker.onmessage = event => { held.push(event) }
      // Nothing changes by the first, which is a message all the same.
      const sent = [db.apply([{ op: 'update', table: 'issues', id: 'a', set: { title: titles.rows[0].title } }]), ...changes.map(c => db.apply(c))]
      await worker.done()
      worker.onmessage = deliver
      for (const event of held) deliver(event)
      await Promise.all(sent)
    }
    const [a, b] = titles.rows, [wholeA, wholeB] = whole.rows
    await missing([[{ op: 'update', table: 'issues', id: 'a', set: { priority: 7 } }], [{ op: 'update', table: 'issues', id: 'a', set: { priority: 8 } }]])
    expect(told.splice(0)).toEqual(['whole set a'])
    expect([titles.rows[0] === a, titles.rows[1] === b, whole.rows[0] === wholeA, whole.rows[0].priority, whole.rows[1] === wholeB]).toEqual([true, true, false, 8, true])
    await missing([[{ op: 'update', table: 'issues', id: 'b', set: { title: 'for a moment' } }], [{ op: 'update', table: 'issues', id: 'b', set: { title: b.title } }]])
    expect(told.splice(0)).toEqual([])
    expect([titles.rows[1] === b, whole.rows[1] === wholeB]).toEqual([true, true])
    // One row is another, the other shows the same.
    await missing([[{ op: 'update', table: 'issues', id: 'a', set: { title: 'new' } }], [{ op: 'update', table: 'issues', id: 'b', set: { priority: 9 } }]])
    expect(told.splice(0)).toEqual(['titles set a', 'whole set a,set b'])
    expect([titles.rows[0].title, titles.rows[1] === b]).toEqual(['new', true])
  })

  it('what cannot start rejects', async () => {
    expect((await failure(createWorkerDatabase({ schema, worker: () => { throw new Error('no workers here') } }))).code).toBe('LOAD_FAILED')
    expect((await failure(createWorkerDatabase({ schema, module: new Uint8Array([1, 2, 3]) }))).code).toBe('LOAD_FAILED')
  })
})
