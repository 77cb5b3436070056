// Projections beyond the scenarios of cinema.test.ts: mistakes, views in trouble, restarts, workers.
import { Worker } from 'node:worker_threads'
import { describe, expect, it, vi } from 'vitest'
import { EddylineError, createDatabase, decimal, defineSchema, div, eq, from, int, string, table, timestamp } from '../../../pkg/index.inline.js'
import { type Engine, type LensFilters, type Projection, lens, projection, projections, workers } from '../../../pkg/project/index.js'
import { tick } from '../real/support.js'
import { Accounts, Receivable, filled, open, rows, schema, totals } from './cinema.js'

const failure = (promise: Promise<unknown>): Promise<EddylineError> => promise.then(() => { throw new Error('did not fail') }, e => e)
const thrown = (fn: () => unknown): EddylineError => { try { fn() } catch (e) { return e as EddylineError } throw new Error('did not throw') }
const all = { allowEmptyFilters: true } as const
/** A function that copies accounts to letters. */
const copy = (more: object = {}, each: (a: any) => object = a => ({ accountId: a.id, orgId: a.orgId })) =>
  projection(schema, 'letters', { inputs: ['accounts'], derive: ({ inputs, tx, lens }: any) => { tx.dematerialize(lens); tx.materialize(inputs.accounts.toArray().map(each)) }, ...more } as any) as Projection<any, 'letters', any>

describe('definitions', () => {
  it('are checked, with the nearest name', async () => {
    const p = projections(await filled())
    const of = (options: object, name = 'letters') => thrown(() => p.register(projection(schema, name as any, options as any)))
    expect(of({ inputs: ['acounts'], derive: () => {} })).toMatchObject({ code: 'UNKNOWN_INPUT', nearest: 'accounts', path: 'inputs[0]' })
    expect(of({ into: 'leters', derive: () => {} })).toMatchObject({ code: 'UNKNOWN_TABLE', nearest: 'letters', path: 'into' })
    expect(of({ required: ['tekst'], derive: () => {} })).toMatchObject({ code: 'UNKNOWN_COLUMN', nearest: 'text', path: 'required' })
    expect(of({ onConflict: { replace: ['tekst'] }, derive: () => {} })).toMatchObject({ code: 'UNKNOWN_COLUMN', path: 'onConflict' })
    expect(of({ onConflict: { replaceAllExcept: ['orgId', 'tekst'] }, derive: () => {} })).toMatchObject({ code: 'UNKNOWN_COLUMN', nearest: 'text', path: 'onConflict' })
    // Of `materialize`, too, before there is any conflict.
    for (const how of ['replace', 'replaceAllExcept']) {
      const P = projection(schema, 'letters', { inputs: ['accounts'], derive: ({ tx }: any) => { tx.materialize([], { onConflict: { [how]: ['tekst'] } }) } } as any) as any
      const own = projections(await filled())
      expect(await failure(own.project(P, { orgId: 5 }))).toMatchObject({ code: 'UNKNOWN_COLUMN', offending: 'tekst', nearest: 'text', path: 'onConflict' })
    }
    expect(of({ onConflict: 'always', derive: () => {} })).toMatchObject({ code: 'PROJECTION_INVALID', path: 'onConflict' })
    expect(of({ inputs: ['accounts', 'accounts'], derive: () => {} })).toMatchObject({ code: 'PROJECTION_INVALID', path: 'inputs[1]' })
    expect(of({ derive: () => {}, view: () => {} })).toMatchObject({ code: 'PROJECTION_INVALID' })
    expect(of({})).toMatchObject({ code: 'PROJECTION_INVALID', path: 'derive' })
    expect(thrown(() => projection(schema, '', { output: [] }))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'name' })
    expect(of({ view: (q: any) => q.accounts })).toMatchObject({ code: 'UNKNOWN_COLUMN', path: 'view' })
    expect(of({ view: (q: any) => q.accounts.select((a: any) => ({ accountId: a.id })) })).toMatchObject({ code: 'MISSING_COLUMN', offending: 'orgId' })
    expect(of({ view: () => [] })).toMatchObject({ code: 'PROJECTION_INVALID', path: 'view' })
    const list = projection(schema, 'list', { output: [{ id: 1 }] })
    expect(of({ inputs: [list], view: (q: any) => q.letters })).toMatchObject({ code: 'PROJECTION_INVALID', path: 'inputs[0]' })
    expect(p.list()).toEqual([])
    expect(thrown(() => p.plan('letters'))).toMatchObject({ code: 'UNKNOWN_PROJECTION' })
  })

  it('a table has one writer, and its name is its projection', async () => {
    const p = projections(await filled()).register(Receivable)
    expect(thrown(() => p.register(projection(schema, 'other', { into: 'receivable', derive: () => {} })))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'into' })
    expect(thrown(() => p.register(projection(schema, 'receivable', { derive: () => {} })))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'name' })
    // Read without being named among the inputs.
    expect(thrown(() => p.register(projection(schema, 'digests', { view: q => q.receivable.groupBy('orgId').select(r => ({ orgId: r.orgId, lines: r.orgId })) })))).toMatchObject({ code: 'PROJECTION_INVALID', offending: 'receivable' })
    const Digests = projection(schema, 'digests', { inputs: ['receivable'], view: (_, { receivable }) => from(receivable).groupBy('orgId').select(r => ({ orgId: r.orgId, lines: r.orgId })) })
    expect(p.register(Digests).plan(Digests)).toEqual([['Accounts'], ['receivable'], ['digests']])
    expect(thrown(() => projections(p.db, { tenant: 'x' }).register(projection(schema, 'letters', { inputs: ['invoices'], derive: () => {} })).register(projection(schema, 'late', { into: 'invoices', derive: () => {} })))).toMatchObject({ code: 'PROJECTION_INVALID', offending: 'late' })
  })

  it('engines', async () => {
    const db = await filled()
    expect(thrown(() => projections(db, { engine: 'quick' as never }))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'engine' })
    const p = projections(db)
    const P = copy()
    expect(await failure(p.project(P, {}, { ...all, engine: {} as never }))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'engine' })
    const nonsense: Engine = { exec: () => 1, fetch: () => 'done' as never }
    expect(await failure(p.project(P, {}, { ...all, engine: nonsense }))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'engine' })
    expect(await failure(p.project(copy(), {}, all))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'name' })
    const refusing: Engine = { exec: () => { throw new Error('full') }, fetch: () => [] }
    p.dispose()
    expect(await failure(projections(db).project(copy(), {}, { ...all, engine: refusing }))).toMatchObject({ code: 'DERIVE_FAILED', cause: { message: 'full' } })
    expect(rows(db, 'letters')).toEqual([])
  })
})

describe('derive', () => {
  it('writes only while it runs, and only what it may', async () => {
    const db = await filled()
    let kept: any
    const P = copy({ derive: ({ tx }: any) => { kept = tx; tx.materialize([]) } })
    const p = projections(db)
    await p.project(P, {}, all)
    expect(thrown(() => kept.materialize({ accountId: 1, orgId: 1 }))).toMatchObject({ code: 'OUTSIDE_DERIVE', offending: 'materialize' })
    expect(thrown(() => kept.dematerialize({}))).toMatchObject({ code: 'OUTSIDE_DERIVE', offending: 'dematerialize' })
    p.dispose()
    for (const [more, code] of [[{ dematerialize: false }, 'DEMATERIALIZE_OFF'], [{ derive: ({ tx }: any) => { tx.dematerialize() } }, 'LENS_INVALID']] as const) {
      const q = projections(db, { onError: () => {} })
      expect(await failure(q.project(copy(more), {}, all))).toMatchObject({ code })
      q.dispose()
    }
  })

  it('a row that lacks what is required, or that the table does not take, fails the run with its place', async () => {
    const db = await filled()
    const run = async (each: (a: any) => object, more: object = {}) => { const p = projections(db, { onError: () => {} }); const e = await failure(p.project(copy(more, each), {}, all)); p.dispose(); return [e.code, e.path] }
    expect(await run(a => ({ accountId: a.id, orgId: a.orgId, text: a.id === 2 ? null : 'x' }), { required: ['text'] })).toEqual(['PROJECTION_REQUIRED', 'rows[1].text'])
    expect(await run(a => ({ accountId: a.id, orgId: a.id === 3 ? 'x' : 1 }))).toEqual(['TYPE_MISMATCH', 'rows[2].orgId'])
    expect(await run(a => ({ accountId: a.id }))).toEqual(['MISSING_COLUMN', 'rows[0].orgId'])
    expect(await run(a => ({ accountId: a.id, orgId: 1, txt: 1 }))).toEqual(['UNKNOWN_COLUMN', 'rows[0].txt'])
    expect(rows(db, 'letters')).toEqual([])
  })

  it('values are what the table shows of them: moments, decimals, absent columns', async () => {
    const schema = defineSchema({ base: table({ id: int().key() }), made: table({ id: int().key(), at: timestamp(), price: decimal(), note: string().nullable() }), seen: table({ id: int().key(), text: string() }) })
    const db = await createDatabase({ schema })
    db.apply([{ op: 'insert', table: 'base', rows: [{ id: 1 }, { id: 2 }] }])
    const Made = projection(schema, 'made', { inputs: ['base'], derive: ({ inputs, tx }) => { for (const b of inputs.base) tx.materialize({ id: b.id, at: '2024-02-29T10:00:00.123456Z', price: 12.5 }) } })
    const Seen = projection(schema, 'seen', { inputs: [Made], derive: ({ inputs, tx }) => { for (const m of inputs.made) tx.materialize({ id: m.id, text: JSON.stringify([m.at instanceof Date, m.at, m.price, m.note]) }) } })
    const p = projections(db)
    await p.project(Seen, {}, all)
    const once = [...db.live(db.query.seen).rows]
    expect(once[0].text).toBe('[true,"2024-02-29T10:00:00.123Z","12.5",null]')
    // From the table, where the functions run apart, they are the same.
    await p.project(Seen, {}, { ...all, skipDependencies: true })
    expect([...db.live(db.query.seen).rows]).toEqual(once)
    // What a `Date` does not show is there.
    expect(db.live(db.query.made.where('at', '=', '2024-02-29T10:00:00.123456Z')).rows).toHaveLength(2)
  })

  it('takes away what it has written itself, and needs a field of the lens to do so', async () => {
    const db = await filled()
    const P = copy({ derive: ({ inputs, tx, lens }: any) => { tx.materialize(inputs.accounts.toArray().map((a: any) => ({ accountId: a.id, orgId: a.orgId }))); tx.dematerialize({ accountId: { '>': 1 } }); void lens } })
    const p = projections(db, { onError: () => {} })
    await p.project(P, {}, all)
    expect(rows(db, 'letters').map(r => r.accountId)).toEqual([1])
    p.dispose()
    const Q = copy({ derive: ({ tx, lens }: any) => { tx.dematerialize(lens) } })
    expect(await failure(projections(db, { onError: () => {} }).project(Q, { name: 'x' }))).toMatchObject({ code: 'LENS_FIELD', path: 'lens.name' })
    expect(rows(db, 'letters')).toHaveLength(1)
  })

  it('takes away by a lens what rows are by then, not what they were before the run', async () => {
    const db = await filled()
    let run = 0
    const letter = (accountId: number, text: string | null) => ({ accountId, orgId: 1, text })
    const P = copy({ derive: ({ tx }: any) => {
      if (run++ === 0) { tx.materialize([letter(1, 'old'), letter(2, 'old'), letter(3, 'kept')]); return }
      tx.materialize([letter(1, 'new'), letter(3, 'old')])
      tx.dematerialize({ text: 'old' })
    } })
    const p = projections(db)
    await p.project(P, {}, all)
    const { changed } = await p.project(P, {}, all)
    expect([rows(db, 'letters').map(r => [r.accountId, r.text]), changed]).toEqual([[[1, 'new']], 3])
  })

  it('asked twice for one lens, runs once: before it has begun, and while nothing has changed', async () => {
    const db = await filled()
    let ran = 0
    const P = copy({}, a => { ran++; return { accountId: a.id, orgId: a.orgId } })
    const p = projections(db)
    const other = p.project(P, { orgId: 9 })
    const [a, b] = [p.project(P, { orgId: 123 }), p.project(P, lens({ orgId: { in: [123] } }))]
    const c = p.project(P, lens({ orgId: 123 }))
    expect([a === c, a === b, p.project(P, { orgId: 9 }) === other]).toEqual([true, true, true])
    expect((await Promise.all([other, a, b, c])).map(r => r.rows.length)).toEqual([1, 2, 2, 2])
    expect(ran).toBe(1 + 2)
    // One that has failed is not shared by who asks again.
    let isBroken = true
    const Q = projection(schema, 'digests', { inputs: ['accounts'], derive: async ({ inputs, tx }) => { await tick(); if (isBroken) throw new Error('broken'); tx.materialize({ orgId: 1, lines: inputs.accounts.length }) } })
    const [x, y] = await Promise.allSettled([p.project(Q, { orgId: 123 }), p.project(Q, { orgId: 123 })])
    expect([x.status, (x as any).reason === (y as any).reason]).toEqual(['rejected', true])
    isBroken = false
    expect((await p.project(Q, { orgId: 123 })).changed).toBe(1)
    // What has changed since it began needs another run.
    await p.idle()
    const began = p.project(P, { orgId: 123 })
    db.apply([{ op: 'insert', table: 'accounts', row: { id: 4, orgId: 123 } }])
    const after = p.project(P, { orgId: 123 })
    expect(after === began).toBe(false)
    expect((await after).rows).toHaveLength(3)
    await p.idle()
    expect(lens({ a: 1, b: null }).key).toBe(lens({ b: { is: null }, a: { '=': 1 } }).key)
    expect(lens({ a: 1 }).key).not.toBe(lens({ a: '1' }).key)
    expect(lens({ a: { in: [2, 1, 2] } }).key).toBe(lens({ a: { in: [1, 2] } }).key)
  })

  it('what is written while it runs makes it run again, with nothing lost', async () => {
    const db = await filled()
    let go!: () => void
    let gate: Promise<void> | undefined = new Promise(resolve => { go = resolve })
    const seen: number[] = []
    const P = copy({ derive: async ({ inputs, tx, lens }: any) => { tx.dematerialize(lens); const list = inputs.accounts.toArray(); seen.push(list.length); await gate; gate = undefined; tx.materialize(list.map((a: any) => ({ accountId: a.id, orgId: a.orgId }))) } })
    const p = projections(db)
    const first = p.project(P, { orgId: 123 })
    await tick()
    db.apply([{ op: 'insert', table: 'accounts', row: { id: 7, orgId: 123 } }, { op: 'delete', table: 'accounts', id: 1 }])
    go()
    expect((await first).rows.map((r: any) => r.accountId)).toEqual([1, 2])
    await p.idle()
    expect([seen, rows(db, 'letters').map(r => r.accountId)]).toEqual([[2, 2], [2, 7]])
  })

  it('several changes of a task are one run; a failure waits for the next change', async () => {
    const db = await filled()
    let ran = 0
    const errors: any[] = []
    const P = copy({}, a => { ran++; if (a.id === 13) throw new Error('thirteen'); return { accountId: a.id, orgId: a.orgId } })
    const p = projections(db, { onError: e => { errors.push(e) } })
    await p.project(P, { orgId: 123 })
    ran = 0
    for (let id = 20; id < 30; id++) db.apply([{ op: 'insert', table: 'accounts', row: { id, orgId: 123 } }])
    expect(p.status(P)).toEqual({ status: 'stale' })
    await p.idle()
    expect([ran, rows(db, 'letters').length]).toEqual([12, 12])
    db.apply([{ op: 'insert', table: 'accounts', row: { id: 13, orgId: 123 } }])
    await p.idle()
    expect([errors.length, errors[0].cause.message, p.status(P).status, p.status(P, { orgId: 123 }).status, rows(db, 'letters').length]).toEqual([1, 'thirteen', 'error', 'error', 12])
    await tick()
    await p.idle()
    expect(errors).toHaveLength(1)
    db.apply([{ op: 'delete', table: 'accounts', id: 13 }, { op: 'delete', table: 'accounts', id: 20 }])
    await p.idle()
    expect([p.status(P), rows(db, 'letters').length]).toEqual([{ status: 'ready' }, 11])
  })

  it('what makes it fail goes away while it runs: it runs again', async () => {
    const db = await filled()
    let go!: () => void
    let gate: Promise<void> | undefined
    const errors: unknown[] = []
    const P = copy({ derive: async ({ inputs, tx, lens }: any) => { await gate; tx.dematerialize(lens); for (const a of inputs.accounts) { if (a.id === 13) throw new Error('thirteen'); tx.materialize({ accountId: a.id, orgId: a.orgId }) } } })
    const p = projections(db, { onError: e => { errors.push(e) } })
    await p.project(P, { orgId: 123 })
    gate = new Promise(resolve => { go = resolve })
    db.apply([{ op: 'insert', table: 'accounts', row: { id: 13, orgId: 123 } }])
    await tick()
    db.apply([{ op: 'delete', table: 'accounts', id: 13 }, { op: 'insert', table: 'accounts', row: { id: 14, orgId: 123 } }])
    go()
    await p.idle()
    expect([errors.length, rows(db, 'letters').map(r => r.accountId), p.status(P)]).toEqual([1, [1, 2, 14], { status: 'ready' }])
  })

  it('streams and lists are pulled once in a run, within the lens', async () => {
    const db = await filled()
    let pulled = 0
    const Stream = projection(schema, 'stream', { output: async function *() { pulled++; for (let i = 0; i < 5000; i++) yield { id: i, orgId: i % 2 } } as any })
    const List = projection(schema, 'list', { output: [{ id: 1, orgId: 0 }, { id: 2, orgId: 1 }] })
    const chunks: number[] = []
    const A = projection(schema, 'letters', { inputs: [Stream], derive: async ({ inputs, tx }) => { for await (const c of inputs.stream.chunks(1000)) { chunks.push(c.length); tx.materialize(c.map((r: any) => ({ accountId: r.id, orgId: r.orgId }))) } } })
    const B = projection(schema, 'digests', { inputs: [Stream, List, A], derive: ({ inputs, tx }) => { tx.materialize({ orgId: 1, lines: inputs.stream.length * 10_000 + inputs.list.length * 1000 + [...inputs.letters].length }) } })
    pulled = 0
    const p = projections(db)
    await p.project(B, { orgId: 1 })
    // One for what it is, when it was registered; one for the run.
    expect([chunks, rows(db, 'digests')[0].lines]).toEqual([[1000, 1000, 500], 2500 * 10_000 + 1000 + 2500])
    expect(pulled).toBe(1)
    expect(await failure(p.project(B, { orgid: 1 } as any))).toMatchObject({ code: 'LENS_FIELD' })
    expect(thrown(() => p.live(List))).toMatchObject({ code: 'PROJECTION_INVALID' })
    expect((await p.project(List, { orgId: { '>=': 1 } })).rows).toEqual([{ id: 2, orgId: 1 }])
  })

  it('for tests: inputs are tables that a test has filled', async () => {
    const db = await filled()
    const A = copy()
    const B = projection(schema, 'digests', { inputs: [A, 'receivable'], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize({ orgId: 5, lines: inputs.letters.length }) } })
    db.apply([{ op: 'insert', table: 'letters', rows: [{ accountId: 70, orgId: 5 }, { accountId: 71, orgId: 5 }] }])
    const p = projections(db)
    await p.project(B, { orgId: 5 }, { engine: 'inline', skipDependencies: true })
    expect([rows(db, 'digests')[0].lines, rows(db, 'letters').length, p.status(B)]).toEqual([2, 2, { status: 'idle' }])
    // Of views, too.
    db.apply([{ op: 'insert', table: 'receivable', rows: [{ accountId: 1, orgId: 5, total: 1 }] }])
    const C = projection(schema, 'other', { into: 'letters', inputs: [Receivable], derive: ({ inputs, tx }) => { for (const r of inputs.receivable) tx.materialize({ accountId: r.accountId, orgId: r.orgId, text: String(r.total) }) } })
    p.dispose()
    const q = projections(db).register(C)
    q.pause(Receivable)
    db.apply([{ op: 'upsert', table: 'receivable', rows: [{ accountId: 1, orgId: 5, total: 77 }] }])
    await q.project(C, { orgId: 5 }, { skipDependencies: true })
    expect(rows(db, 'letters').find(r => r.accountId === 1).text).toBe('77')
  })

  it('ends when the database is closed, and what is asked for then is refused', async () => {
    const db = await filled()
    let signal!: AbortSignal
    const P = copy({ derive: (run: any) => { signal = run.signal; return new Promise(() => {}) } })
    const p = projections(db)
    const handle = p.project(P, { orgId: 1 }, { async: true })
    const waits = p.project(P, { orgId: 2 })
    await tick()
    db.close()
    expect([await failure(handle.fetch()), await failure(waits)].map(e => e.code)).toEqual(['CLOSED', 'CLOSED'])
    expect([signal.aborted, handle.status]).toEqual([true, 'error'])
    expect(await failure(p.project(P))).toMatchObject({ code: 'CLOSED' })
    for (const options of [{}, { tenant: 'a' }]) expect(thrown(() => projections(db, options)).code).toBe('CLOSED')
    const never = await filled()
    never.close()
    expect(thrown(() => projections(never)).code).toBe('CLOSED')
  })

  it('released, it does not run again', async () => {
    const db = await filled()
    let ran = 0
    const P = copy({}, a => { ran++; return { accountId: a.id, orgId: a.orgId } })
    const p = projections(db, { engine: 'inline' })
    await p.project(P, { orgId: 123 })
    await p.project(P, { orgId: 9 }, { live: false })
    p.release(P, { orgId: 123 })
    const nodes = db.stats().views
    db.apply([{ op: 'insert', table: 'accounts', row: { id: 50, orgId: 123 } }, { op: 'insert', table: 'accounts', row: { id: 51, orgId: 9 } }])
    expect([ran, p.status(P), rows(db, 'letters').length]).toEqual([3, { status: 'idle' }, 3])
    expect(nodes).toBeGreaterThan(0)
  })
})

describe('views', () => {
  it('two rows of one key: the table stays, and goes on when that is over', async () => {
    const db = await filled()
    const errors: any[] = []
    const ByOrg = projection(schema, 'digests', { view: q => q.accounts.where('id', '!=', 2).select(a => ({ orgId: a.orgId, lines: a.id })) })
    const p = projections(db, { onError: e => { errors.push(e) } }).register(ByOrg)
    const lines = () => rows(db, 'digests').map(r => [r.orgId, r.lines])
    expect(lines()).toEqual([[9, 3], [123, 1]])
    db.apply([{ op: 'insert', table: 'accounts', row: { id: 4, orgId: 9 } }])
    await tick()
    expect([lines(), p.status(ByOrg).status, errors.map(e => e.code)]).toEqual([[[9, 3], [123, 1]], 'error', ['PROJECTION_CONFLICT']])
    db.apply([{ op: 'update', table: 'accounts', id: 1, set: { orgId: 5 } }])
    expect(lines()).toEqual([[9, 3], [123, 1]])
    db.apply([{ op: 'delete', table: 'accounts', id: 3 }])
    expect([lines(), p.status(ByOrg), errors.length]).toEqual([[[5, 1], [9, 4]], { status: 'ready' }, 1])
    // A key that moves, and rows that change places.
    db.apply([{ op: 'update', table: 'accounts', id: 1, set: { orgId: 9 } }, { op: 'update', table: 'accounts', id: 4, set: { orgId: 5 } }])
    expect(lines()).toEqual([[5, 4], [9, 1]])
  })

  it('what cannot be evaluated: the same', async () => {
    const db = await filled()
    const V = projection(schema, 'digests', { view: q => q.invoices.groupBy('accountId').select(i => ({ orgId: i.accountId, lines: div(100, i.accountId) })) })
    const errors: any[] = []
    const p = projections(db, { onError: (e: any) => { errors.push(e.code) } }).register(V)
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 50, accountId: 0, amount: 1 } }])
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 51, accountId: 50, amount: 1 } }])
    await tick()
    expect([rows(db, 'digests').length, p.status(V).status, errors]).toEqual([3, 'error', ['DIVISION_BY_ZERO']])
    db.apply([{ op: 'delete', table: 'invoices', id: 50 }])
    expect([rows(db, 'digests').map(r => r.lines), p.status(V)]).toEqual([[100, 50, 33, 2], { status: 'ready' }])
  })

  it('paused, the table stays; resumed, one net difference', async () => {
    const db = await filled()
    const p = projections(db).register(Receivable)
    p.pause(Receivable)
    const live = db.live(db.query.receivable)
    const diffs: number[] = []
    live.subscribe(({ diff }) => { diffs.push(diff.length) })
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 9, accountId: 2, amount: 3 } }])
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 10, accountId: 1, amount: 3 } }])
    expect([totals(db), diffs, p.live(Receivable).rows.length]).toEqual([{ 1: 15, 2: 7, 3: 100 }, [], 3])
    p.resume(Receivable)
    expect([totals(db), diffs]).toEqual([{ 1: 18, 2: 10, 3: 100 }, [2]])
  })

  it('of views are all written in one version, and none is behind another', async () => {
    const db = await filled()
    const Sums = projection(schema, 'digests', { inputs: [Receivable, Accounts], view: (_, { receivable, Accounts }) => from(receivable).innerJoin(Accounts, (r, a) => eq(r.accountId, a.id)).groupBy(r => ({ orgId: r.Accounts.orgId })).select(r => ({ orgId: r.Accounts.orgId, lines: r.Accounts.orgId })) })
    const p = projections(db).register(Sums)
    const versions: unknown[] = []
    db.live(db.query.receivable).subscribe(e => { versions.push(['receivable', e.version]) })
    db.live(db.query.digests).subscribe(e => { versions.push(['digests', e.version]) })
    const { version } = db.apply([{ op: 'insert', table: 'accounts', row: { id: 5, orgId: 50 } }, { op: 'insert', table: 'invoices', row: { id: 9, accountId: 5, amount: 3 } }])
    expect(versions).toEqual([['receivable', version + 1], ['digests', version + 1]])
    expect(p.inputsOf(Sums)).toEqual(['receivable', 'Accounts'])
  })

  it('what storage refuses is written with the next change', async () => {
    const db = await filled()
    const errors: any[] = []
    let refuses = false
    const keeper: any = { status: 'ready', leading: Promise.resolve(), entries: () => new Map(), committed: () => {}, close: () => {}, guard: () => {}, commit: (changes: any) => { if (refuses) throw new Error('refused'); return changes.length > 0 ? db.apply(changes) : undefined } };
    (db as any).keeper = keeper
    const p = projections(db, { onError: e => { errors.push(e) } }).register(Receivable)
    refuses = true
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 9, accountId: 2, amount: 3 } }])
    await tick()
    expect([totals(db), p.status(Receivable).status, errors.length]).toEqual([{ 1: 15, 2: 7, 3: 100 }, 'error', 1])
    refuses = false
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 10, accountId: 1, amount: 1 } }])
    expect([totals(db), p.status(Receivable)]).toEqual([{ 1: 16, 2: 10, 3: 100 }, { status: 'ready' }])
  })

  it('keep up inside of listeners, and with several versions at once', async () => {
    const db = await filled()
    projections(db).register(Receivable)
    let once = true
    db.live(db.query.invoices).subscribe(() => {
      if (!once) return
      once = false
      db.apply([{ op: 'insert', table: 'invoices', row: { id: 60, accountId: 2, amount: 100 } }])
      db.apply([{ op: 'delete', table: 'invoices', id: 4 }])
    })
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 61, accountId: 1, amount: 1 } }])
    expect(totals(db)).toEqual({ 1: 16, 2: 107 })
  })
})

describe('tenants', () => {
  it('each has projections of its own', async () => {
    const schema = defineSchema({ notes: table({ id: int().key(), n: int() }, { tenant: true }), counts: table({ n: int().key(), id: int() }, { tenant: true }), made: table({ id: int().key(), n: int() }, { tenant: true }) })
    const db = await createDatabase({ schema })
    const Counts = projection(schema, 'counts', { view: q => q.notes.select(x => ({ n: x.n, id: x.id })) })
    const Made = projection(schema, 'made', { inputs: ['notes'], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize(inputs.notes.toArray().map(r => ({ id: r.id, n: r.n * 10 }))) } })
    expect(thrown(() => projections(db).register(Counts))).toMatchObject({ code: 'TENANT_REQUIRED' })
    for (const tenant of ['a', 'b']) {
      const p = projections(db, { tenant, engine: 'inline' }).register(Counts)
      await p.project(Made, {}, all)
    }
    db.apply([{ op: 'insert', table: 'notes', tenant: 'a', row: { id: 1, n: 5 } }, { op: 'insert', table: 'notes', tenant: 'b', rows: [{ id: 1, n: 6 }, { id: 2, n: 7 }] }])
    const of = (tenant: string) => [[...db.live(db.query.counts, { tenant }).rows], [...db.live(db.query.made, { tenant }).rows]]
    expect(of('a')).toEqual([[{ n: 5, id: 1 }], [{ id: 1, n: 50 }]])
    expect(of('b')).toEqual([[{ n: 6, id: 1 }, { n: 7, id: 2 }], [{ id: 1, n: 60 }, { id: 2, n: 70 }]])
  })
})

describe('telemetry', () => {
  it('of failures, and of listeners that throw', async () => {
    const db = await filled()
    const errors: unknown[] = []
    const p = projections(db, { onError: e => { errors.push(e) }, measure: false })
    performance.clearMeasures()
    const spans: string[] = []
    p.subscribe(() => { throw new Error('listener') })
    p.subscribe(s => { spans.push(`${s.event} ${s.phase}`) })
    await failure(p.project(copy({ derive: () => { throw new Error('no') } }), {}, all))
    await tick()
    expect(spans).toEqual(['project start', 'level start', 'derive start', 'derive error', 'level error', 'project error'])
    expect([errors.length, performance.getEntriesByType('measure').filter(m => m.name.startsWith('eddyline')).length]).toEqual([6, 0])
  })
})

describe('workers', () => {
  const make = (functions: string) => {
    const made: Worker[] = []
    const engine = workers(() => {
      const worker = new Worker(`
        const { projection, serve } = await import(${JSON.stringify(new URL('../../../pkg/project/index.js', import.meta.url).href)})
        const { parentPort } = await import('node:worker_threads')
        serve([${functions}], parentPort)`.replace(/^/, 'const run = async () => {') + '\n}\nvoid run()', { eval: true })
      made.push(worker)
      return worker as never
    }, { size: 2 })
    return { engine, made }
  }
  const define = (name: string, derive: string) => `projection(undefined, ${JSON.stringify(name)}, { inputs: ['accounts'], derive: ${derive} })`

  it('run functions of a level beside each other; large inputs in pieces; errors with their code', async () => {
    const db = await open()
    db.apply([{ op: 'insert', table: 'accounts', rows: Array.from({ length: 5001 }, (_, id) => ({ id, orgId: id % 7 })) }])
    const { engine, made } = make([
      define('letters', `async ({ inputs, tx, lens }) => { tx.dematerialize(lens); let n = 0; for await (const c of inputs.accounts.chunks(100)) { n += c.length; tx.materialize(c.map(a => ({ accountId: a.id, orgId: a.orgId }))) } }`),
      define('receivable', `({ inputs, tx }) => { tx.materialize(inputs.accounts.toArray().map(a => ({ accountId: a.id, orgId: a.orgId, total: 1 }))) }`),
    ].join(','))
    try {
      const none = () => { throw new Error('here') }
      const L = projection(schema, 'letters', { inputs: ['accounts'], derive: none })
      const R = projection(schema, 'receivable', { inputs: ['accounts'], derive: none })
      const D = projection(schema, 'digests', { inputs: [L, R], engine: 'inline', derive: ({ inputs, tx }) => { tx.materialize({ orgId: 0, lines: inputs.letters.length + inputs.receivable.length }) } })
      const p = projections(db, { engine })
      await p.project(D, {}, all)
      expect([rows(db, 'letters').length, rows(db, 'receivable').length, rows(db, 'digests')[0].lines, made.length]).toEqual([5001, 5001, 10_002, 2])
      // Live, from the worker.
      db.apply([{ op: 'delete', table: 'accounts', id: 0 }])
      await p.idle()
      expect(rows(db, 'letters')).toHaveLength(5000)
      const Unknown = projection(schema, 'unknown', { into: 'invoices', inputs: ['accounts'], derive: none })
      expect(await failure(p.project(Unknown, {}, all))).toMatchObject({ code: 'UNKNOWN_PROJECTION', offending: 'unknown' })
    } finally { engine.close() }
  })

  it('a worker that is over time, or dies, is replaced', async () => {
    const db = await filled()
    const { engine, made } = make([
      define('letters', `({ inputs }) => { for (;;); }`),
      define('receivable', `({ inputs }) => { process.exit(3) }`),
      define('digests', `({ tx }) => { tx.materialize({ orgId: 1, lines: 1 }) }`),
      define('invoices', `() => { throw Object.assign(new TypeError('bad'), { code: 'X' }) }`),
    ].join(','))
    try {
      const p = projections(db, { engine, onError: () => {} })
      const of = (name: any) => projection(schema, name, { inputs: ['accounts'], derive: () => {} } as any) as any
      expect(await failure(p.project(of('letters'), {}, { ...all, timeoutMs: 300 }))).toMatchObject({ code: 'PROJECTION_TIMEOUT' })
      expect(engine.size).toBe(0)
      expect(await failure(p.project(of('receivable'), {}, all))).toMatchObject({ code: 'DERIVE_FAILED' })
      expect(await failure(p.project(of('invoices'), {}, all))).toMatchObject({ code: 'DERIVE_FAILED', cause: { name: 'TypeError', message: 'bad' } })
      await p.project(of('digests'), {}, all)
      expect([rows(db, 'digests'), made.length]).toEqual([[{ orgId: 1, lines: 1, text: null }], 3])
    } finally { engine.close() }
    expect(thrown(() => engine.exec({} as never))).toMatchObject({ code: 'CLOSED' })
  })
})

describe('a lens', () => {
  it('is checked', () => {
    for (const bad of [{ a: undefined }, { a: { in: 1 } }, { a: { between: [1] } }, { a: { '=': undefined } }]) expect(thrown(() => lens(bad)).code).toBe('LENS_INVALID')
    expect(String(lens({ b: { '<': 2 }, a: 'x' }))).toBe('a = "x", b < 2')
    // Values of JSON columns are no operators.
    expect(lens({ a: { x: 1 } }).filters).toEqual([{ field: 'a', op: '=', value: { x: 1 } }])
  })

  it('says the same of a list, of rows in a run, and of the engine', async () => {
    const db = await filled()
    db.apply([{ op: 'update', table: 'accounts', id: 1, set: { name: 'Ada' } }, { op: 'update', table: 'accounts', id: 2, set: { name: 'bob' } }])
    const Written = copy({}, a => ({ accountId: a.id, orgId: a.orgId, text: a.name }))
    const list = [{ accountId: 1, orgId: 123, text: 'Ada' }, { accountId: 2, orgId: 123, text: 'bob' }, { accountId: 3, orgId: 9, text: null }]
    const List = projection(schema, 'list', { output: () => list })
    const Read = projection(schema, 'digests', { inputs: [Written, List], derive: ({ inputs, tx }) => { tx.materialize({ orgId: 0, lines: 0, text: JSON.stringify([inputs.letters.toArray().map(r => r.accountId), inputs.list.toArray().map((r: any) => r.accountId)]) }) } })
    const p = projections(db)
    await p.project(Written, {}, all)
    const cases: LensFilters[] = [{ text: null }, { text: 'Ada' }, { text: { '!=': 'Ada' } }, { text: { '>': 'Ada' } }, { text: { '<=': 'Ada' } }, { text: { 'not in': ['bob'] } }, { text: { in: ['bob', 'Ada'] } }, { text: { 'not in': ['bob', null] } },
      { accountId: { between: [2, 3] } }, { accountId: { 'not between': [2, 2] } }, { text: { is: 'bob' } }, { text: { 'is not': 'bob' } }, { text: { 'is not': null } }, { orgId: 123, accountId: { '>=': 2 } }, { accountId: 2n }]
    for (const l of cases) {
      const engine = [...p.live(Written, lens(l)).rows].map(r => r.accountId)
      await p.project(Read, lens(l, undefined, { ignoreUnknown: true }), { live: false, skipDependencies: true })
      expect([JSON.parse(rows(db, 'digests')[0].text), l]).toEqual([[engine, engine], l])
    }
  })
})

describe('another tab', () => {
  it('that follows runs nothing, until it leads', async () => {
    const db = await filled()
    let lead!: () => void
    // What a follower's storage says; its writes are refused.
    const keeper: any = {
      status: 'follower', leading: new Promise<void>(resolve => { lead = resolve }), entries: () => new Map(), committed: () => {}, close: () => {}, flush: () => Promise.resolve(),
      guard: () => {}, commit: (changes: any) => { if (keeper.status === 'follower') throw new Error('a follower wrote'); return changes.length > 0 ? db.apply(changes) : undefined },
    };
    (db as any).keeper = keeper
    const p = projections(db, { engine: 'inline' }).register(Receivable)
    const P = copy()
    expect([totals(db), p.status(Receivable), (await failure(p.project(P, {}, all))).code]).toEqual([{}, { status: 'waiting' }, 'FOLLOWER'])
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 9, accountId: 2, amount: 3 } }])
    expect(totals(db)).toEqual({})
    keeper.status = 'ready'
    lead()
    await tick()
    expect([totals(db), p.status(Receivable)]).toEqual([{ 1: 15, 2: 10, 3: 100 }, { status: 'ready' }])
    await p.project(P, {}, all)
    expect(rows(db, 'letters')).toHaveLength(3)
  })
})

it('nothing warns or logs without a reason', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  await projections(await filled()).project(Receivable, { orgId: 1 })
  expect(warn).not.toHaveBeenCalled()
  warn.mockRestore()
})
