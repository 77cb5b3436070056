// Backends: streams and responses, connections, TanStack sources, touched rows.
import { describe, expect, it, vi } from 'vitest'
import { type Change, type SyncSession, createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import { type TanStackSync, fromTanStack } from '../../../pkg/tanstack/index.js'
import { type TestSchema, eventually, issue, failure, open, put, tick } from './support.js'

const encoder = new TextEncoder()
const pieces = (text: string, size: number): ReadableStream<Uint8Array> => {
  const bytes = encoder.encode(text)
  let at = 0
  return new ReadableStream({
    async pull(c) {
      await tick()
      if (at >= bytes.length) { c.close(); return }
      c.enqueue(bytes.slice(at, at += size))
    },
  })
}
const rows = Array.from({ length: 300 }, (_, i) => ({ id: `i${i}`, title: `Tïtle "${i}" \\ 😀`, status: 'open', priority: i, due: new Date(1e12 + i).toISOString(), meta: { n: [i, null] } }))

describe('applyJson', () => {
  it.each([
    ['a response', () => new Response(JSON.stringify(rows))],
    ['a stream in pieces of 7 bytes', () => pieces(JSON.stringify(rows.slice(0, 60)), 7)],
    ['a stream in pieces of 1,000 bytes', () => pieces(JSON.stringify(rows), 1000)],
    ['lines', () => pieces(rows.map(r => JSON.stringify(r)).join('\n'), 333)],
  ])('%s is one version, told once', async (_, make) => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('priority'))
    let told = 0
    live.subscribe(() => { told++ })
    const report = await db.applyJson(make(), { table: 'issues', source: 's', cursor: '0/5', origin: 'o' })
    const n = live.rows.length
    expect(n).toBeGreaterThan(50)
    expect([report.applied, report.version, report.source, report.cursor, report.origin, told, db.cursor('s')]).toEqual([n, 1, 's', '0/5', 'o', 1, '0/5'])
    expect(live.rows[7]).toEqual({ ...issue('i7', { priority: 7, title: rows[7].title, due: new Date(1e12 + 7), meta: { n: [7, null] } }) })
  })

  it('applies a stream as it comes when asked to: first rows first, the cursor with the last', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('priority'))
    const seen: number[] = []
    live.subscribe(({ rows: now }) => { seen.push(now.length); expect(db.cursor('s')).toBe(now.length === 3000 ? '7' : undefined) })
    const many = Array.from({ length: 3000 }, (_, i) => ({ ...rows[i % 300], id: `i${i}`, priority: i, title: 'x'.repeat(200) }))
    const progress: { bytes: number; applied: number }[] = []
    const text = JSON.stringify(many)
    // Rows of a stream that is slow are applied after some time, too, maybe all of them before its end: by this clock it is not slow.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0)
    const report = await db.applyJson(pieces(text, 40_000), { table: 'issues', source: 's', cursor: 7, origin: 'o', atomic: false, onProgress: p => progress.push(p) })
    clock.mockRestore()
    expect(seen.length).toBeGreaterThan(2)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect([report.applied, report.version, report.cursor, report.origin, live.rows.length, db.version]).toEqual([3000, seen.length, '7', 'o', 3000, seen.length])
    expect(progress.at(-1)!.bytes).toBe(text.length + (encoder.encode(text).length - text.length))
    expect(progress[0].applied).toBeLessThan(progress.at(-1)!.applied)
    // The same again is a replay, of which nothing is applied, and an older one an error.
    expect(await db.applyJson(pieces(text, 40_000), { table: 'issues', source: 's', cursor: 7, atomic: false })).toMatchObject({ replayed: true, applied: 0 })
    await expect(db.applyJson(pieces(text, 40_000), { table: 'issues', source: 's', cursor: 6, atomic: false })).rejects.toMatchObject({ code: 'CURSOR_BACKWARDS' })
    expect(db.version).toBe(seen.length)
  })

  it('of a stream that breaks in its middle what was applied stays, without the cursor; a reset is one version still', async () => {
    const { db } = await open()
    const many = Array.from({ length: 3000 }, (_, i) => ({ ...rows[i % 300], id: `i${i}`, priority: i, title: 'x'.repeat(200) }))
    const text = JSON.stringify(many)
    await expect(db.applyJson(pieces(`${text.slice(0, -1)},{"id":5}]`, 40_000), { table: 'issues', source: 's', cursor: 7, atomic: false })).rejects.toMatchObject({ code: 'TYPE_MISMATCH', path: 'rows[3000].id' })
    const kept = db.stats().tables[0].rows
    expect(kept).toBeGreaterThan(300)
    expect(kept).toBeLessThan(3000)
    expect(db.cursor('s')).toBe(undefined)
    expect((await db.applyJson(pieces(text, 40_000), { table: 'issues', source: 's', cursor: 7, atomic: false })).cursor).toBe('7')
    expect(db.stats().tables[0].rows).toBe(3000)
    const before = db.version
    await db.applyJson(pieces(JSON.stringify(many.slice(0, 2500)), 40_000), { table: 'issues', op: 'reset', atomic: false })
    expect([db.version - before, db.stats().tables[0].rows]).toEqual([1, 2500])
  })

  it('a batch object that names its source behind its changes is one version, so that a replay stays one', async () => {
    const { db } = await open()
    const many = Array.from({ length: 3000 }, (_, i) => ({ op: 'upsert', table: 'issues', row: { ...rows[i % 300], id: `i${i}`, title: 'x'.repeat(200) } }))
    const text = (head: string, tail: string): string => `{${head}"changes":${JSON.stringify(many)}${tail}}`
    const behind = text('"cursor":5,', ',"source":"s"')
    expect((await db.applyJson(pieces(behind, 40_000), { atomic: false })).version).toBe(1)
    db.apply([{ op: 'update', table: 'issues', id: 'i3', set: { title: 'newer' } }])
    expect(await db.applyJson(pieces(behind, 40_000), { atomic: false })).toMatchObject({ replayed: true, applied: 0 })
    expect(db.live(db.query.issues.where('id', '=', 'i3')).rows[0].title).toBe('newer')
    expect((await db.applyJson(pieces(text('"source":"s","cursor":6,', ''), 40_000), { atomic: false })).version).toBeGreaterThan(3)
    expect(db.cursor('s')).toBe('6')
  })

  it('ends when its signal says so, and the next one works', async () => {
    const { db } = await open()
    const text = JSON.stringify(rows)
    for (const atomic of [true, false]) {
      const stop = new AbortController()
      const why = new Error('enough')
      let cancelled: unknown
      const slow = new ReadableStream<Uint8Array>({ async pull(c) { await tick(1); c.enqueue(encoder.encode(text.slice(0, 200))) }, cancel(reason) { cancelled = reason } })
      const going = db.applyJson(slow, { table: 'issues', atomic, signal: stop.signal, onProgress: () => { stop.abort(why) } })
      await expect(going).rejects.toBe(why)
      expect([cancelled, db.version]).toEqual([why, 0])
      await expect(db.applyJson(pieces(text, 999), { table: 'issues', signal: stop.signal })).rejects.toBe(why)
    }
    // Closed between two pieces.
    const other = await open()
    const half = other.db.applyJson(pieces(text, 50), { table: 'issues', atomic: false, onProgress: ({ bytes }) => { if (bytes > 1000) other.db.close() } })
    await expect(half).rejects.toMatchObject({ code: 'CLOSED' })
    expect((await db.applyJson(pieces(text, 999), { table: 'issues' })).applied).toBe(300)
  })

  it('ends at once while it waits for another stream, and lets nobody go before its time', async () => {
    const { db } = await open()
    const text = JSON.stringify(rows)
    let give!: (bytes?: Uint8Array) => void
    const slow = new ReadableStream<Uint8Array>({ start(c) { give = bytes => { if (bytes === undefined) c.close(); else c.enqueue(bytes) } } })
    const first = db.applyJson(slow, { table: 'issues' })
    const stop = new AbortController(), why = new Error('enough')
    let cancelled: unknown
    const second = db.applyJson(new ReadableStream<Uint8Array>({ cancel(reason) { cancelled = reason } }), { table: 'issues', signal: stop.signal })
    const third = db.applyJson(pieces('[]', 3), { table: 'issues', op: 'reset' })
    await tick(2)
    stop.abort(why)
    await expect(second).rejects.toBe(why)
    expect(cancelled).toBe(why)
    await expect(db.applyJson(pieces(text, 999), { table: 'issues', signal: stop.signal })).rejects.toBe(why)
    give(encoder.encode(text))
    give()
    expect([(await first).applied, (await third).applied, db.version]).toEqual([300, 300, 2])
  })

  it.each(['while it waits', 'before it comes'])('that is ended %s lets nobody go before its time who comes later', async when => {
    const { db } = await open()
    let give!: (bytes?: Uint8Array) => void
    const first = db.applyJson(new ReadableStream<Uint8Array>({ start(c) { give = bytes => { if (bytes === undefined) c.close(); else c.enqueue(bytes) } } }), { table: 'issues' })
    const text = JSON.stringify(rows.slice(0, 3))
    give(encoder.encode(text.slice(0, 50)))
    await tick(2)
    const stop = new AbortController(), why = new Error('enough')
    if (when === 'before it comes') stop.abort(why)
    const second = db.applyJson(pieces('[]', 3), { table: 'issues', signal: stop.signal })
    stop.abort(why)
    await expect(second).rejects.toBe(why)
    const third = db.applyJson(pieces(JSON.stringify([issue('later', { votes: null })]), 30), { table: 'issues' })
    await tick(5)
    give(encoder.encode(text.slice(50)))
    give()
    const told = [first, third].map(p => p.then(r => [r.version, r.applied], e => e.message))
    expect(await Promise.all(told)).toEqual([[1, 3], [2, 1]])
    expect(db.live(db.query.issues.orderBy('id')).rows.map(r => r.id)).toEqual(['i0', 'i1', 'i2', 'later'])
  })

  it('ends also when its signal comes behind the last byte', async () => {
    for (let turns = 0; turns < 8; turns++) {
      const { db } = await open()
      const stop = new AbortController()
      const stream = new ReadableStream<Uint8Array>({
        start(c) { c.enqueue(encoder.encode(JSON.stringify(rows))) },
        async pull(c) { c.close(); for (let n = 0; n < turns; n++) await undefined; stop.abort(new Error('enough')) },
      })
      const told = await db.applyJson(stream, { table: 'issues', signal: stop.signal }).then(() => 300, () => 0)
      expect([turns, db.stats().tables[0].rows]).toEqual([turns, told])
    }
  })

  it('takes other batches while a stream is open, in the order of their ends', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('priority'))
    const loading = db.applyJson(pieces(JSON.stringify(rows.slice(0, 40)), 50), { table: 'issues', source: 'snapshot' })
    await tick(5)
    db.applyJson(JSON.stringify([put('small')].map(plain)))
    db.applyJson(encoder.encode(JSON.stringify([issue('bound')].map(r => ({ ...r, votes: 1 })))), { table: 'issues', source: 'feed', cursor: 3 })
    db.applyJson(JSON.stringify(Array.from({ length: 3000 }, (_, i) => ({ id: `l${i}`, title: 'x'.repeat(100), status: '', priority: 1e6 + i }))), { table: 'issues' })
    expect(failure(() => db.applyJson('[{"op":')).code).toBe('JSON_MALFORMED')
    db.apply([put('object')])
    expect([live.rows.length, db.version]).toEqual([3003, 4])
    const second = db.applyJson(pieces(JSON.stringify(rows.slice(40, 60)), 50), { table: 'issues' })
    expect([(await loading).version, (await second).version, live.rows.length]).toEqual([5, 6, 3063])
  })

  it('a stream that breaks, or a response that is not ok, changes nothing, and the next one works', async () => {
    const { db } = await open()
    const broken = new ReadableStream<Uint8Array>({ pull(c) { c.enqueue(encoder.encode('[{"id":"x",')); return tick(1).then(() => { throw new Error('reset') }) } })
    await expect(db.applyJson(broken, { table: 'issues' })).rejects.toThrow('reset')
    await expect(db.applyJson(new Response('gone', { status: 410, statusText: 'Gone' }))).rejects.toMatchObject({ code: 'FETCH_FAILED' })
    await expect(db.applyJson(pieces('[{"id":"x"}]', 3), { table: 'issues' })).rejects.toMatchObject({ code: 'MISSING_COLUMN' })
    await expect(db.applyJson(pieces('[]', 3), { table: 'isues' })).rejects.toMatchObject({ code: 'UNKNOWN_TABLE', nearest: 'issues' })
    await expect(db.applyJson(new Response(null, { status: 204 }))).rejects.toMatchObject({ code: 'JSON_MALFORMED' })
    expect([db.version, db.stats().tables[0].rows]).toEqual([0, 0])
    expect((await db.applyJson(pieces(JSON.stringify(rows), 4096), { table: 'issues' })).applied).toBe(300)
  })

  it('ends with the database', async () => {
    const { db } = await open()
    let cancelled = 0
    // Streams that stall: nothing but closing ends them.
    const stalled = (): ReadableStream<Uint8Array> => new ReadableStream({ start(c) { c.enqueue(encoder.encode('[')) }, cancel() { cancelled++ } })
    const going = db.applyJson(stalled(), { table: 'issues' })
    await tick(2)
    const waiting = db.applyJson(stalled(), { table: 'issues' })
    const ends = Promise.allSettled([going, waiting])
    db.close()
    expect((await ends).map(e => e.status === 'rejected' && e.reason.code)).toEqual(['CLOSED', 'CLOSED'])
    expect(cancelled).toBe(2)
  })

  it('a piece that comes after the end is not written anywhere: others have that memory now', async () => {
    const [gone, other] = [await open(), await open()]
    gone.db.apply([put('a')])
    other.db.apply([put('a')])
    let go!: () => void
    const late = new ReadableStream<Uint8Array>({ async pull(c) { await new Promise<void>(resolve => { go = resolve }); c.enqueue(new Uint8Array(60_000).fill(0xff)) } }, { highWaterMark: 0 })
    const reader = late.getReader()
    // A stream that cannot be cancelled, as some polyfills.
    const stubborn = { getReader: () => ({ read: () => reader.read(), cancel: async () => {}, releaseLock() {} }) } as never
    const end = gone.db.applyJson(stubborn, { table: 'issues' })
    await tick()
    gone.db.close()
    const live = other.db.live(other.db.query.issues.orderBy('priority'))
    // Rows that nobody reads yet, and memory of all sizes, so that something of them lies where the input area was.
    other.db.apply([{ op: 'delete', table: 'issues', id: 'a' }, ...Array.from({ length: 300 }, (_, i) => put(`i${i}`, { priority: i, title: 'x'.repeat(200) }))])
    for (let i = 0; i < 20; i++) other.db.live(other.db.query.issues.where('priority', '<', i).orderBy('title').select('title'))
    go()
    await expect(end).rejects.toMatchObject({ code: 'CLOSED' })
    expect(live.rows.map(r => r.title)).toEqual(Array.from({ length: 300 }, () => 'x'.repeat(200)))
    for (let i = 0; i < 300; i++) other.db.apply([put(`i${i}`, { priority: i, title: 'y'.repeat(300) })])
    expect(live.rows.every((r, i) => r.id === `i${i}` && r.title === 'y'.repeat(300))).toBe(true)
  })

  it('replaces a table by reset', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('id'))
    db.apply([put('a'), put('b')])
    const [, b] = live.rows
    const kinds: string[] = []
    live.subscribe(({ diff }) => { kinds.push(...diff.map(p => p.t)) })
    db.applyJson(JSON.stringify([plainRow(issue('b')), plainRow(issue('c'))]), { table: 'issues', op: 'reset' })
    expect([live.rows.map(r => r.id), kinds.sort()]).toEqual([['b', 'c'], ['add', 'remove']])
    expect(live.rows[0]).toBe(b)
    expect(failure(() => db.applyJson(JSON.stringify([{ ...plainRow(issue('b')), title: 'x' }]), { table: 'issues', op: 'insert' })).code).toBe('DUPLICATE_KEY')
  })
})
const plainRow = ({ votes: _, raw: __, ...row }: ReturnType<typeof issue>): object => row
const plain = (c: ReturnType<typeof put>): object => ({ ...c, row: plainRow(c.row) })

describe('connect', () => {
  it('runs a source from its cursor to its end', async () => {
    const { db, errors } = await open()
    const sessions: SyncSession[] = []
    let ended = 0
    const source = { name: 'feed', sync(s: SyncSession) { sessions.push(s); return () => { ended++ } } }
    const first = db.connect(source)
    const s = sessions[0]
    expect([first.status, s.cursor, s.signal.aborted]).toEqual(['connecting', undefined, false])
    s.begin()
    s.write(put('a') as never)
    s.write(put('b') as never)
    expect(db.version).toBe(0)
    expect(s.commit({ cursor: 7, origin: 'me' })).toMatchObject({ version: 1, applied: 2, source: 'feed', cursor: '7', origin: 'me' })
    s.write({ op: 'delete', table: 'issues', id: 'a' } as never)
    s.applyJson(JSON.stringify({ changes: [plain(put('c'))], cursor: 8 }))
    await s.load(pieces(JSON.stringify(rows.slice(0, 5)), 100), { table: 'issues', cursor: 9 })
    s.markReady()
    await first.ready
    expect([first.status, db.cursor('feed'), db.stats().tables[0].rows, db.version]).toEqual(['ready', '9', 7, 4])
    first.close()
    first.close()
    expect([first.status, s.signal.aborted, ended]).toEqual(['closed', true, 1])
    expect(failure(() => s.write(put('x') as never)).code).toBe('CLOSED')
    expect(failure(() => s.applyJson('[]')).code).toBe('CLOSED')
    db.connect(source)
    expect(sessions[1].cursor).toBe('9')
    expect(failure(() => { sessions[1].begin(); sessions[1].commit({ cursor: 3 }) }).code).toBe('CURSOR_BACKWARDS')
    db.close()
    await tick()
    expect([ended, sessions[1].signal.aborted, errors]).toEqual([2, true, []])
  })

  it('a source that throws, or rejects, is in error, tells onError and rejects `ready`', async () => {
    const { db, errors } = await open()
    const one = db.connect({ name: 'one', sync() { throw new Error('sync') } })
    const two = db.connect({ name: 'two', async sync() { await tick(); throw new Error('async') } })
    await expect(one.ready).rejects.toThrow('sync')
    await expect(two.ready).rejects.toThrow('async')
    expect([one.status, two.status, errors.map(e => (e as Error).message)]).toEqual(['error', 'error', ['sync', 'async']])
  })

  it('a failing commit leaves the connection as it was', async () => {
    const { db } = await open()
    let s!: SyncSession
    const connection = db.connect({ name: 'x', sync(session) { s = session } })
    s.begin()
    s.write(put('a') as never)
    s.write({ op: 'insert', table: 'issues', row: { id: 'b' } } as never)
    expect(failure(() => s.commit({ cursor: 1 }))).toMatchObject({ code: 'MISSING_COLUMN', path: 'changes[1].row.title' })
    expect([db.version, db.cursor('x'), connection.status]).toEqual([0, undefined, 'connecting'])
    s.begin()
    s.write(put('a') as never)
    expect(s.commit({ cursor: 1 }).applied).toBe(1)
  })

  it('TanStack options: begin, write, truncate, commit, markReady', async () => {
    const { db, errors } = await open()
    let p!: Parameters<TanStackSync['sync']>[0]
    let ended = 0
    const connection = db.connect(fromTanStack('projects', { sync(params) { p = params; return { cleanup: () => { ended++ } } } }))
    const live = db.live(db.query.projects.orderBy('id'))
    let told = 0
    live.subscribe(() => { told++ })
    p.begin()
    p.write({ type: 'insert', value: { id: 'p1', name: 'One' } })
    p.write({ type: 'insert', value: { id: 'p2', name: 'Two' } })
    p.commit()
    p.markReady()
    await connection.ready
    p.begin()
    p.write({ type: 'update', value: { id: 'p1', name: 'Uno' } })
    p.write({ type: 'delete', key: 'p2' })
    p.commit()
    expect([live.rows, told, connection.status]).toEqual([[{ id: 'p1', name: 'Uno' }], 2, 'ready'])
    const [kept] = live.rows
    p.begin()
    p.truncate()
    p.write({ type: 'insert', value: { id: 'p1', name: 'Uno' } })
    p.write({ type: 'insert', value: { id: 'p3', name: 'Three' } })
    p.commit()
    expect([live.rows.map(r => r.id), told]).toEqual([['p1', 'p3'], 3])
    expect(live.rows[0]).toBe(kept)
    connection.close()
    await tick()
    expect([ended, errors]).toEqual([1, []])
  })
})

describe('touch', () => {
  it('asks for the row, newest answer wins, null deletes, an error leaves it', async () => {
    const answers: ((row: object | null | Error) => void)[] = []
    const asked: unknown[] = []
    const { db, errors } = await open({
      fetchRow: (table, key, { tenant, signal }) => {
        asked.push([table, key, tenant, signal.aborted])
        return new Promise((resolve, reject) => { answers.push(a => { if (a instanceof Error) reject(a); else resolve(a) }) })
      },
    })
    const live = db.live(db.query.issues)
    const touch = (id: string): Change<TestSchema> => ({ op: 'touch', table: 'issues', id })
    expect(db.apply([touch('a')])).toMatchObject({ applied: 0 })
    expect(live.rows).toEqual([])
    await tick()
    answers[0](issue('a', { title: 'one' }))
    await tick()
    expect(live.rows.map(r => r.title)).toEqual(['one'])
    db.apply([touch('a'), put('b')])
    await tick()
    db.applyJson('[{"op":"touch","table":"issues","id":"a"}]')
    answers[1](issue('a', { title: 'old' }))
    await tick()
    expect(live.rows.map(r => r.title)).toEqual(['one', 'Issue b'])
    answers[2](null)
    await tick()
    expect(live.rows.map(r => r.id)).toEqual(['b'])
    db.apply([touch('b')])
    await tick()
    answers[3](new Error('offline'))
    await tick()
    expect([live.rows.length, errors.map(e => (e as Error).message)]).toEqual([1, ['offline']])
    db.apply([{ op: 'touch', table: 'members', id: ['p', 3] }, { op: 'touch', table: 'notes', id: 4, tenant: 't' }])
    await tick()
    answers[5]({ id: 4, text: 'fetched' })
    await tick()
    expect(db.live(db.query.notes, { tenant: 't' }).rows).toEqual([{ id: 4, text: 'fetched' }])
    db.close()
    answers[4]({ projectId: 'p', userId: 3, role: 'late' })
    await tick()
    expect(asked).toEqual([['issues', 'a', undefined, false], ['issues', 'a', undefined, false], ['issues', 'a', undefined, false], ['issues', 'b', undefined, false], ['members', ['p', 3], undefined, false], ['notes', 4, 't', false]])
    expect(errors.length).toBe(1)
  })

  it('an answer of undefined, as a forgotten return gives, is a failure and no delete', async () => {
    const { db, errors } = await open({ fetchRow: (async () => {}) as never })
    db.apply([put('a'), { op: 'touch', table: 'issues', id: 'a' }])
    const live = db.live(db.query.issues)
    await tick()
    expect([live.rows, live.status, live.error?.code, errors.length]).toEqual([[issue('a')], 'error', 'FETCH_FAILED', 1])
  })

  it('each request has a signal of its own, also when a row is asked for again', async () => {
    const signals: AbortSignal[] = []
    const waiting: ((row: object | null) => void)[] = []
    const { db } = await open({ fetchRow: (_, __, { signal }) => { signals.push(signal); return new Promise(resolve => { waiting.push(resolve) }) } })
    for (let i = 0; i < 3; i++) {
      db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
      await tick()
      waiting[i - 1]?.(issue('a'))
      await tick()
    }
    db.apply([{ op: 'touch', table: 'issues', id: 'b' }])
    await tick()
    expect([new Set(signals).size, signals.length, signals.some(s => s.aborted)]).toEqual([4, 4, false])
    db.close()
    expect(signals.map(s => s.aborted)).toEqual([false, false, true, true])
  })

  it('a failure is over when the row comes by other means: changed, whole though as it was, or as a delete', async () => {
    const { db } = await open({ fetchRow: async () => { throw new Error('offline') } })
    const live = db.live(db.query.issues), members = db.live(db.query.members)
    const failed = async (): Promise<void> => {
      db.apply([put('a'), put('b'), { op: 'upsert', table: 'members', row: { projectId: 'p', userId: 3, role: 'r' } }])
      db.apply([{ op: 'touch', table: 'issues', id: 'a' }, { op: 'touch', table: 'issues', id: 'c' }, { op: 'touch', table: 'members', id: ['p', 3] }])
      await tick()
      expect([live.error?.code, members.error?.code]).toEqual(['FETCH_FAILED', 'FETCH_FAILED'])
    }
    await failed()
    const told: string[] = []
    live.subscribe(() => { told.push(live.status) })
    db.apply([put('b', { title: 'another row' })])
    db.apply([{ op: 'upsert', table: 'issues', row: issue('a') }])
    expect(live.status).toBe('error')
    db.applyJson('[{"op":"delete","table":"members","id":{"projectId":"p","userId":3}}]')
    expect(members.status).toBe('ready')
    // It was not there, and is not: a delete says so.
    db.apply([{ op: 'delete', table: 'issues', id: 'c' }])
    expect([live.status, live.error, told]).toEqual(['ready', undefined, ['error', 'error', 'ready']])
    expect(db.retry()).toBe(0)
    await failed()
    db.apply([{ op: 'reset', table: 'issues', rows: [issue('a'), issue('c')] }])
    expect([live.status, members.status]).toEqual(['ready', 'error'])
    db.applyJson('[{"projectId":"p","userId":3,"role":"other"}]', { table: 'members' })
    expect(members.status).toBe('ready')
  })

  it('a failure is over when the row comes as it was, as JSON: in a text, a stream, a reset that has it or has it not', async () => {
    const { db } = await open({ fetchRow: async () => { throw new Error('offline') } })
    const live = db.live(db.query.issues), notes = db.live(db.query.notes, { tenant: 't' })
    db.apply([put('a'), { op: 'upsert', table: 'notes', tenant: 't', row: { id: 1, text: 'x' } }])
    const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
    const failed = async (id: string): Promise<void> => {
      db.apply([{ op: 'touch', table: 'issues', id }, { op: 'touch', table: 'notes', id: 1, tenant: 't' }])
      await tick()
      expect([live.error?.code, notes.error?.code]).toEqual(['FETCH_FAILED', 'FETCH_FAILED'])
    }
    const change = (op: string, more: object): string => JSON.stringify([{ op, table: 'issues', ...more }])
    const ways: [string, () => unknown][] = [
      ['a', () => db.applyJson(change('upsert', { row: issue('a') }))],
      ['a', () => db.applyJson(new Response(bytes(change('insert', { row: issue('a') }))))],
      ['a', () => db.applyJson(JSON.stringify([issue('a')]), { table: 'issues', op: 'reset' })],
      ['c', () => db.applyJson(change('reset', { rows: [issue('a')] }))],
      ['c', () => db.applyJson(change('delete', { id: 'c' }))],
      ['c', () => { const batch = { source: 's', cursor: 1, changes: [{ op: 'delete', table: 'issues', id: 'c' }] }; return db.apply(batch as never) }],
    ]
    for (const [id, way] of ways) {
      await failed(id)
      // Other rows, other tenants, and what is only part of the row say nothing of it.
      db.applyJson(change('upsert', { row: issue('z') }))
      db.applyJson(change('update', { id, set: { title: issue(id).title } }))
      db.apply([{ op: 'reset', table: 'notes', tenant: 'other', rows: [] }])
      expect([live.status, notes.status], id).toEqual(['error', 'error'])
      await way()
      expect([live.status, live.error, notes.status], String(way)).toEqual(['ready', undefined, 'error'])
    }
    db.tenant('t').applyJson('[{"op":"upsert","table":"notes","row":{"id":1,"text":"x"}}]')
    expect([notes.status, db.retry()]).toEqual(['ready', 0])
    // What was told before is not told again: the next failure stays until the row comes once more.
    await failed('a')
    db.apply([put('z')])
    expect([live.status, notes.status, db.retry()]).toEqual(['error', 'error', 2])
  })

  it('a failure shows on the queries over its table, which keep their rows, until the row is fetched', async () => {
    let online = false
    let asks = 0
    const { db, errors } = await open({ fetchRow: async (_, key) => { asks++; if (!online) throw new Error('offline'); return key === 'c' ? null : issue(key, { title: 'fetched' }) } })
    db.apply([put('a')])
    const [live, nested, other] = [db.live(db.query.issues), db.live(db.query.projects.with('issues')), db.live(db.query.comments)]
    const told: unknown[] = []
    live.subscribe(({ batch, diff }) => { told.push([live.status, live.error?.code, batch === undefined, diff.length]) })
    other.subscribe(() => { told.push('other') })
    for (let i = 0; i < 1000; i++) db.apply([{ op: 'touch', table: 'issues', id: 'abc'[i % 3] }])
    await tick()
    expect([asks, errors.length]).toEqual([3, 3])
    expect([live, nested, other].map(q => [q.status, q.error?.code])).toEqual([['error', 'FETCH_FAILED'], ['error', 'FETCH_FAILED'], ['ready', undefined]])
    expect(live.error).toMatchObject({ offending: 'issues', message: 'a row of `issues` could not be fetched: offline' })
    expect([live.rows, live.getSnapshot().status]).toEqual([[issue('a')], 'error'])
    expect(db.live(db.query.issues.limit(1)).error?.code).toBe('FETCH_FAILED')
    // What changes meanwhile is shown.
    expect(told.splice(0)).toEqual([['error', 'FETCH_FAILED', true, 0]])
    db.apply([put('d')])
    expect(told.splice(0)).toEqual([['error', 'FETCH_FAILED', false, 1]])
    expect(live.rows.map(r => r.id)).toEqual(['a', 'd'])
    // Still offline: the same error; then row after row.
    expect(db.retry()).toBe(3)
    await tick()
    expect([asks, live.status]).toEqual([6, 'error'])
    told.length = 0
    online = true
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await tick()
    expect([live.status, live.rows[0].title]).toEqual(['error', 'fetched'])
    expect(db.retry()).toBe(2)
    await tick()
    expect([live, nested].map(q => [q.status, q.error])).toEqual([['ready', undefined], ['ready', undefined]])
    expect(told.at(-1)).toEqual(['ready', undefined, true, 0])
    expect([db.retry(), live.rows.map(r => r.title)]).toEqual([0, ['fetched', 'fetched', 'Issue d']])
  })

  it('a burst: 50 queries, 1,000 touches on 100 rows are a request per row and round, and a version per round', async () => {
    const calls = new Map<string, number>()
    let waiting: (() => void)[] = []
    let bad = ''
    const { db, errors } = await open({ fetchRow: async (_, id) => { calls.set(id, (calls.get(id) ?? 0) + 1); await new Promise<void>(done => { waiting.push(done) }); return issue(id, { title: id === bad ? 5 as never : `call ${calls.get(id)}` }) } })
    db.apply(Array.from({ length: 100 }, (_, i) => put(`i${i}`)))
    const handles = Array.from({ length: 50 }, (_, i) => {
      const handle = { live: db.live(db.query.issues.where('id', '>=', `i${10 + i}`)), told: 0 }
      handle.live.subscribe(() => { handle.told++ })
      return handle
    })
    const burst = (): void => { for (let i = 0; i < 1000; i++) db.apply([{ op: 'touch', table: 'issues', id: `i${i * 7 % 100}` }]) }
    const answer = async (): Promise<void> => { const now = waiting; waiting = []; for (const done of now) done(); await tick() }
    const before = db.version
    burst()
    await tick()
    expect([calls.size, new Set(calls.values())]).toEqual([100, new Set([1])])
    // News during the first round: its answers are old, and one more round is enough.
    burst()
    burst()
    await answer()
    expect([new Set(calls.values()), handles[0].told]).toEqual([new Set([2]), 0])
    await answer()
    expect([new Set(calls.values()), new Set(handles.map(h => h.told)), new Set(handles.flatMap(h => h.live.rows.map(r => r.title)))]).toEqual([new Set([2]), new Set([1]), new Set(['call 2'])])
    expect([waiting.length, db.version - before]).toEqual([0, 3001])
    // One that is refused takes no other with it.
    bad = 'i2'
    db.apply(['i1', 'i2', 'i3'].map(id => ({ op: 'touch', table: 'issues', id })))
    await tick()
    await answer()
    const live = db.live(db.query.issues.where('id', 'in', ['i1', 'i2', 'i3']))
    expect([live.rows.map(r => r.title), live.status, live.error?.code, errors.length]).toEqual([['call 3', 'call 2', 'call 3'], 'error', 'FETCH_FAILED', 1])
  })

  it('without fetchRow is an error of the database, not of the batch', async () => {
    const { db, errors } = await open()
    db.apply([put('b'), { op: 'touch', table: 'issues', id: 'a' }])
    await tick()
    expect([db.version, errors]).toMatchObject([1, [{ code: 'NO_FETCH_ROW', offending: 'issues' }]])
  })

  it('without fetchRow shows on the queries that read the table, as any that could not be fetched, until the row comes by other means', async () => {
    const { db, errors } = await open()
    const [before, other] = [db.live(db.query.issues), db.live(db.query.projects)]
    const told: string[] = []
    before.subscribe(() => { told.push(before.status) })
    db.applyJson('[{"op":"touch","table":"issues","id":"a"}]')
    await eventually(() => errors.length > 0)
    const later = db.live(db.query.issues.where('status', '=', 'open'))
    for (const live of [before, later]) expect([live.status, live.error]).toMatchObject(['error', { code: 'FETCH_FAILED', offending: 'issues', cause: { code: 'NO_FETCH_ROW', offending: 'issues' } }])
    expect([other.status, told, errors]).toMatchObject(['ready', ['error'], [{ code: 'NO_FETCH_ROW' }]])
    expect(db.retry()).toBe(1)
    await eventually(() => errors.length > 1)
    db.apply([put('a')])
    expect([before.status, later.status, before.rows.length]).toEqual(['ready', 'ready', 1])
  })

  it('without fetchRow shows on no query when the row is applied right behind the touch', async () => {
    const { db, errors } = await open()
    const live = db.live(db.query.issues)
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    db.apply([put('a')])
    await eventually(() => errors.length > 0)
    expect([live.status, live.rows, db.retry()]).toEqual(['ready', [issue('a')], 0])
    // Touched behind it, it is not known.
    db.apply([put('a')])
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await eventually(() => errors.length > 1)
    expect([live.status, db.retry()]).toEqual(['error', 1])
    await eventually(() => errors.length > 2)
    // Nor when it comes with the touch, and is touched before it was asked for.
    db.apply([put('a'), { op: 'touch', table: 'issues', id: 'a' }])
    db.apply([put('a')])
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await eventually(() => errors.length > 3)
    expect(live.status).toBe('error')
    db.apply([put('a')])
    expect([live.status, db.retry()]).toEqual(['ready', 0])
  })
})

describe('a connection that ends', () => {
  it('takes its load along: nothing of it is applied, no cursor, and the one that follows keeps its rows', async () => {
    const { db } = await open()
    for (const given of [undefined, new AbortController()]) {
      let loading: Promise<unknown> = Promise.resolve()
      let cancelled = 0
      const slow = (): ReadableStream<Uint8Array> => {
        const text = encoder.encode(JSON.stringify(rows.slice(0, 100)))
        let at = 0
        return new ReadableStream({ async pull(c) { await tick(); if (at >= text.length) c.close(); else c.enqueue(text.slice(at, at += 500)) }, cancel() { cancelled++ } })
      }
      const first = db.connect({ name: 'feed', sync: s => { loading = s.load(slow(), { table: 'issues', op: 'reset', cursor: 9, ...given === undefined ? {} : { signal: given.signal } } as never).catch((e: unknown) => e) } })
      for (let i = 0; i < 3; i++) await tick()
      first.close()
      const next = db.connect({ name: 'feed', sync: s => { s.write(put('mine') as never); s.markReady() } })
      expect(await loading).toMatchObject({ code: 'CLOSED' })
      expect([db.live(db.query.issues).rows.map(r => r.id), db.cursor('feed'), cancelled]).toEqual([['mine'], undefined, 1])
      next.close()
    }
  })

  it('`truncate` of all tables is one version, and leaves those that are by tenants', async () => {
    const schema = defineSchema({ a: table({ id: int().key() }), n: table({ id: int().key() }, { tenant: true }), z: table({ id: int().key() }) })
    const db = await createDatabase({ schema })
    db.apply([{ op: 'insert', table: 'a', row: { id: 1 } }, { op: 'insert', table: 'z', row: { id: 1 } }, { op: 'insert', table: 'n', tenant: 't', row: { id: 1 } }])
    let session!: SyncSession
    db.connect({ name: 's', sync: s => { session = s as never } })
    session.truncate()
    expect([db.version, db.live(db.query.a).rows.length, db.live(db.query.z).rows.length, db.live(db.query.n, { tenant: 't' }).rows.length]).toEqual([2, 0, 0, 1])
    expect(failure(() => { session.truncate('n') }).code).toBe('TENANT_REQUIRED')
    for (const wrong of [null, 'x', 5, undefined, [], {}]) expect(failure(() => { session.write(wrong as never) }).code).toBe('CHANGE_INVALID')
    expect(db.version).toBe(2)
  })

  it('while its source starts is cleaned up all the same', async () => {
    const { db } = await open()
    let cleaned = 0
    db.live(db.query.issues).subscribe(() => { db.close() })
    const connection = db.connect({ name: 'a', sync: s => { s.write(put('x') as never); return () => { cleaned++ } } })
    expect(connection.status).toBe('closed')
    await tick()
    expect(cleaned).toBe(1)
  })

  it('a clean-up that throws or rejects is told', async () => {
    const { db, errors } = await open()
    db.connect({ name: 'a', sync: () => () => { throw new Error('thrown') } }).close()
    db.connect({ name: 'b', sync: () => (async () => { throw new Error('rejected') }) as () => void }).close()
    await tick()
    expect(errors.map(e => (e as Error).message).sort()).toEqual(['rejected', 'thrown'])
  })
})
