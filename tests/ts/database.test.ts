import { describe, expect, it } from 'vitest'
import { EddylineError } from '../../src/ts/errors.js'
import type { SyncSession } from '../../src/ts/source.js'
import { fromTanStack } from '../../src/ts/tanstack/index.js'
import { issue, open } from './fixtures.js'

const tick = (ms = 0) => new Promise(resolve => setTimeout(resolve, ms))
function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) { return error as EddylineError }
  throw new Error('did not throw')
}

describe('errors of the engine', () => {
  it('keep their code and name the place as the user wrote it', () => {
    const { db } = open()
    db.apply([{ op: 'insert', table: 'issues', row: issue('a') }])
    const error = failure(() => db.apply([
      { op: 'insert', table: 'projects', rows: [{ id: 'p', name: 'P' }, { id: 'q', name: 'Q' }] },
      { op: 'insert', table: 'issues', rows: [issue('b'), issue('a', { title: 'other' })] },
    ]))
    expect(error).toBeInstanceOf(EddylineError)
    expect([error.code, error.path]).toEqual(['DUPLICATE_KEY', 'changes[1].rows[1]'])
  })

  it('without a code poison this engine, tell its queries, and leave others alone', async () => {
    const errors: unknown[] = []
    const { db, engine } = open({ onError: e => { errors.push(e) } })
    const other = open()
    db.apply([{ op: 'insert', table: 'issues', row: issue('a') }])
    const live = db.live(db.query.issues)
    const { rows } = live
    const told: string[] = []
    live.subscribe(() => { told.push(live.status) })
    engine.crash = 'index out of bounds at top_k.rs:7'
    const error = failure(() => db.apply([{ op: 'delete', table: 'issues', id: 'a' }]))
    expect(error.code).toBe('ENGINE_CRASHED')
    expect(error.message).toContain('top_k.rs:7')
    expect((error.cause as Error).message).toBe('unreachable')
    expect(told).toEqual(['error'])
    expect(live.error?.code).toBe('ENGINE_CRASHED')
    expect(live.getSnapshot().status).toBe('error')
    expect(live.rows).toEqual(rows)
    engine.crash = undefined
    for (const call of [() => db.apply([]), () => db.live(db.query.issues), () => db.stats(), () => db.applyJson('[]')]) expect(failure(call).code).toBe('ENGINE_CRASHED')
    other.db.apply([{ op: 'insert', table: 'issues', row: issue('a') }])
    expect(other.db.version).toBe(1)
    db.close()
    await tick()
    expect(errors).toEqual([])
  })
})

describe('JSON', () => {
  it('goes to the engine whole when small, in pieces with options or when large', () => {
    const { db, engine } = open()
    db.applyJson('[]')
    expect(engine.calls.filter(c => c.startsWith('json'))).toEqual([])
    expect(engine.json).toBe('[]')
    const text = JSON.stringify(Array.from({ length: 20000 }, (_, i) => ({ id: i, name: 'é😀'.repeat(i % 9) })))
    expect(db.applyJson(text, { table: 'projects', cursor: 5n, source: 's' })).toMatchObject({ source: 's', cursor: '5' })
    expect(engine.calls).toContain('json_begin {"table":"projects","source":"s","cursor":"5"}')
    expect(engine.pieces.length).toBeGreaterThan(5)
    expect(engine.json).toBe(text)
    const bytes = new TextEncoder().encode(text)
    db.applyJson(bytes)
    expect(engine.json).toBe(text)
    db.applyJson(bytes.buffer, { table: 'projects' })
    expect(engine.json).toBe(text)
  })

  it('is streamed from responses, one after the other', async () => {
    const { db, engine } = open()
    const make = (name: string) => new Response(new ReadableStream({
      async start(c) { for (const part of [name, name, name]) { await tick(1); c.enqueue(new TextEncoder().encode(part)) } c.close() },
    }))
    const first = db.applyJson(make('a'), { table: 'projects' })
    const second = db.applyJson(make('b'), { table: 'projects' })
    // A whole text does not wait.
    expect(db.applyJson('[]', { table: 'projects' }).version).toBe(1)
    expect((await first).version).toBe(2)
    await second
    expect(engine.ended).toEqual(['[]', 'aaa', 'bbb'])
    expect(db.version).toBe(3)
  })

  it('of a failing response changes nothing', async () => {
    const { db, engine } = open()
    await expect(db.applyJson(new Response('no', { status: 500 }))).rejects.toMatchObject({ code: 'FETCH_FAILED' })
    const broken = new ReadableStream({ pull() { throw new Error('reset') } })
    await expect(db.applyJson(broken)).rejects.toThrow('reset')
    expect(engine.calls.filter(c => c === 'json_abort').length).toBe(1)
    expect(db.version).toBe(0)
    db.applyJson('[]', { table: 'projects' })
  })
})

describe('touch', () => {
  it('fetches a row once at a time, the newest answer wins, null deletes', async () => {
    const answers: ((row: object | null) => void)[] = []
    const asked: unknown[] = []
    const { db } = open({ fetchRow: (table, key) => { asked.push([table, key]); return new Promise(resolve => { answers.push(resolve) }) } })
    const live = db.live(db.query.issues)
    // In one go: one request.
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await tick()
    expect(asked).toEqual([['issues', 'a']])
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    answers[0](issue('a', { title: 'old' }))
    await tick()
    expect(live.rows).toEqual([])
    expect(asked.length).toBe(2)
    answers[1](issue('a', { title: 'new' }))
    await tick()
    expect(live.rows).toEqual([issue('a', { title: 'new' })])
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await tick()
    answers[2](null)
    await tick()
    expect(live.rows).toEqual([])
  })

  it('tells failures, and goes on', async () => {
    const errors: any[] = []
    let fail = true
    const { db } = open({ onError: e => { errors.push(e) }, fetchRow: async () => { if (fail) throw new Error('offline'); return issue('a') } })
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await tick()
    expect(errors[0].message).toBe('offline')
    fail = false
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await tick()
    expect(db.live(db.query.issues).rows.length).toBe(1)
    const bare = open({ onError: e => { errors.push(e) } })
    bare.db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await tick()
    expect(errors[1].code).toBe('NO_FETCH_ROW')
  })
})

describe('sources', () => {
  it('write transactions with a cursor and resume from it', async () => {
    const { db } = open()
    let session!: SyncSession
    let ended = 0
    const connection = db.connect({ name: 'api', sync(s) { session = s; return () => { ended++ } } })
    expect([connection.status, session.cursor]).toEqual(['connecting', undefined])
    session.begin()
    session.write({ op: 'insert', table: 'issues', row: issue('a') })
    session.write({ op: 'insert', table: 'issues', row: issue('b') })
    expect(db.version).toBe(0)
    expect(session.commit({ cursor: 7 })).toMatchObject({ version: 1, applied: 2, cursor: '7', source: 'api' })
    session.markReady()
    await connection.ready
    expect([connection.status, session.cursor]).toEqual(['ready', '7'])
    session.truncate('issues')
    expect(db.live(db.query.issues).rows).toEqual([])
    connection.close()
    connection.close()
    expect([connection.status, ended, session.signal.aborted]).toEqual(['closed', 1, true])
    expect(failure(() => session.begin()).code).toBe('CLOSED')
  })

  it('tell errors', async () => {
    const errors: unknown[] = []
    const { db } = open({ onError: e => { errors.push(e) } })
    const connection = db.connect({ name: 'bad', sync() { throw new Error('refused') } })
    await expect(connection.ready).rejects.toThrow('refused')
    expect(connection.status).toBe('error')
    const late = db.connect({ name: 'late', async sync() { throw new Error('later') } })
    await expect(late.ready).rejects.toThrow('later')
    expect(errors.length).toBe(2)
    const closed = db.connect({ name: 'closed', sync() {} })
    db.close()
    await expect(closed.ready).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('in TanStack form feed a table', () => {
    const { db } = open()
    let params: any
    let ended = false
    const connection = db.connect(fromTanStack('issues', { sync(p) { params = p; return { cleanup: () => { ended = true } } } }))
    params.begin()
    params.write({ type: 'insert', value: issue('a') })
    params.write({ type: 'insert', value: issue('b') })
    params.write({ type: 'update', value: { id: 'a', title: 'new' } })
    params.write({ type: 'delete', key: 'b' })
    params.commit()
    params.markReady()
    expect(connection.status).toBe('ready')
    const live = db.live(db.query.issues)
    expect(live.rows).toEqual([issue('a', { title: 'new' })])
    params.begin()
    params.truncate()
    params.write({ type: 'insert', value: issue('c') })
    params.commit()
    expect(live.rows).toEqual([issue('c')])
    connection.close()
    expect(ended).toBe(true)
  })
})
