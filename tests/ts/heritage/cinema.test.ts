// HERITAGE 1.4: the scenarios of Cinema, by number.
import { describe, expect, it, vi } from 'vitest'
import { EddylineError, plainPatches } from '../../../pkg/index.inline.js'
import { lens, projection, projections } from '../../../pkg/project/index.js'
import { tick } from '../real/support.js'
import { Accounts, Receivable, filled, rows, schema, totals } from './cinema.js'

const code = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', (e: EddylineError) => e.code)

describe('1.4-1 accounts receivable', () => {
  it('is projected, and kept up by one `set`, with no call', async () => {
    const db = await filled()
    const p = projections(db).register(Receivable)
    const { rows: found } = await p.project(Receivable, { orgId: 123 }, { engine: 'inline' })
    expect(found).toEqual([{ accountId: 1, orgId: 123, total: 15 }, { accountId: 2, orgId: 123, total: 7 }])
    const live = db.live(db.query.receivable.where('orgId', '=', 123))
    const direct = p.live(Receivable, { orgId: 123 })
    const diffs: unknown[] = [], own: unknown[] = []
    live.subscribe(({ diff }) => { diffs.push(plainPatches(diff)) })
    direct.subscribe(({ diff, version }) => { own.push(diff.map(d => d.t), version) })
    const { version } = db.apply([{ op: 'insert', table: 'invoices', row: { id: 9, accountId: 2, amount: 3 } }])
    expect(diffs).toEqual([[{ t: 'set', path: [], key: 2, fields: { total: 10 } }]])
    expect(own).toEqual([['set'], version])
    expect(totals(db)).toEqual({ 1: 15, 2: 10, 3: 100 })
  })

  it('as a function: run again for the lens whose inputs changed, and for no other', async () => {
    const db = await filled()
    const ran: string[] = []
    const Letters = projection(schema, 'letters', {
      inputs: [Receivable],
      derive: ({ inputs, lens, tx }) => {
        ran.push(String(lens))
        tx.dematerialize(lens)
        for (const rows of inputs.receivable.chunks(1)) tx.materialize(rows.map(r => ({ accountId: r.accountId, orgId: r.orgId, text: `owes ${r.total}` })))
      },
    })
    const p = projections(db, { engine: 'inline' })
    await p.project(Letters, { orgId: 123 })
    await p.project(Letters, { orgId: 9 })
    ran.length = 0
    const diffs: unknown[] = []
    db.live(db.query.letters).subscribe(({ diff }) => { diffs.push(plainPatches(diff)) })
    db.apply([{ op: 'insert', table: 'invoices', row: { id: 9, accountId: 2, amount: 3 } }])
    expect(ran).toEqual(['orgId = 123'])
    expect(diffs).toEqual([[{ t: 'set', path: [], key: 2, fields: { text: 'owes 10' } }]])
    // A change that changes nothing of what it reads runs nothing.
    db.apply([{ op: 'update', table: 'accounts', id: 1, set: { name: 'A' } }])
    db.apply([{ op: 'update', table: 'invoices', id: 1, set: { amount: 9 } }, { op: 'update', table: 'invoices', id: 2, set: { amount: 6 } }])
    expect([ran, rows(db, 'letters').map(r => r.text)]).toEqual([['orgId = 123'], ['owes 15', 'owes 10', 'owes 100']])
  })
})

describe('1.4-2 a lens is all that a run repairs', () => {
  it('rows of another org are the same objects, wrong as they are', async () => {
    const db = await filled()
    const p = projections(db).register(Receivable)
    db.apply([{ op: 'update', table: 'receivable', id: 1, set: { total: -1 } }, { op: 'update', table: 'receivable', id: 3, set: { total: -3 } }, { op: 'delete', table: 'receivable', id: 2 }])
    const live = db.live(db.query.receivable)
    const other = live.rows.find(r => r.orgId === 9)
    const { changed } = await p.project(Receivable, { orgId: 123 })
    expect([totals(db), changed]).toEqual([{ 1: 15, 2: 7, 3: -3 }, 2])
    expect(live.rows.find(r => r.orgId === 9)).toBe(other)
  })
})

describe('1.4-3 levels', () => {
  const graph = () => {
    const db = filled()
    const node = (name: string, inputs: any[]) => projection(schema, name, { inputs, output: (q: any) => q.accounts })
    const a = node('a', []), b = node('b', [])
    const c = node('c', [a, b])
    const d = node('d', [c]), e = node('e', [b])
    return { db, a, b, c, d, e, f: node('f', [c, e]) }
  }

  it('are the figures of the rank', async () => {
    const { db, a, d, e, f } = graph()
    const p = projections(await db).register(d, f)
    expect([p.plan(d), p.plan(e), p.plan(a), p.plan(f)]).toEqual([[['a', 'b'], ['c'], ['d']], [['b'], ['e']], [['a']], [['a', 'b'], ['c', 'e'], ['f']]])
  })

  it('a projection that several read runs once', async () => {
    const db = await filled()
    let ran = 0
    const one = projection(schema, 'receivable', { inputs: ['accounts'], derive: ({ tx, inputs }) => { ran++; tx.materialize(inputs.accounts.toArray().map(a => ({ accountId: a.id, orgId: a.orgId, total: 1 }))) } })
    const left = projection(schema, 'letters', { inputs: [one], derive: ({ tx, inputs }) => { for (const r of inputs.receivable) tx.materialize({ accountId: r.accountId, orgId: r.orgId, text: 'l' }) } })
    const both = projection(schema, 'digests', { inputs: [one, left], derive: ({ tx, inputs }) => { tx.materialize({ orgId: 1, lines: inputs.letters.length + inputs.receivable.length }) } })
    await projections(db).project(both, {}, { allowEmptyFilters: true })
    expect([ran, rows(db, 'digests')]).toEqual([1, [{ orgId: 1, lines: 6, text: null }]])
  })

  it('a circle is refused, naming both', async () => {
    const db = await filled()
    const a = projection(schema, 'a', { into: 'letters', inputs: ['digests'], derive: () => {} })
    const b = projection(schema, 'b', { into: 'digests', inputs: [a], derive: () => {} })
    const p = projections(db)
    expect(() => p.register(a, b)).toThrow(expect.objectContaining({ code: 'PROJECTION_CYCLE', path: 'a → b → a', message: expect.stringMatching(/a → b → a/) }))
    expect(p.list()).toEqual([])
    const self = projection(schema, 'receivable', { view: q => q.receivable })
    expect(() => p.register(self)).toThrow(expect.objectContaining({ code: 'PROJECTION_CYCLE' }))
  })
})

describe('1.4-4 a net difference', () => {
  it('1,000 rows taken away and written again with one changed are one patch', async () => {
    const db = await filled()
    let odd = 0
    const Many = projection(schema, 'letters', {
      inputs: ['invoices'],
      derive: ({ tx, lens }) => {
        tx.dematerialize(lens)
        tx.materialize(Array.from({ length: 1000 }, (_, i) => ({ accountId: i, orgId: 1, text: i === 500 ? `odd ${odd}` : 'even' })))
      },
    })
    const p = projections(db)
    await p.project(Many, {}, { allowEmptyFilters: true })
    const live = db.live(db.query.letters)
    const diffs: unknown[] = []
    live.subscribe(({ diff }) => { diffs.push(plainPatches(diff)) })
    const before = live.rows
    odd = 1
    const { changed } = await p.project(Many, {}, { allowEmptyFilters: true })
    expect(diffs).toEqual([[{ t: 'set', path: [], key: 500, fields: { text: 'odd 1' } }]])
    expect([changed, live.rows[499] === before[499]]).toEqual([1, true])
  })
})

describe('1.4-5 onConflict', () => {
  const run = async (onConflict: any) => {
    const db = await filled()
    db.apply([{ op: 'insert', table: 'letters', row: { accountId: 1, orgId: 1, text: 'old', note: 'kept' } }])
    const P = projection(schema, 'letters', { inputs: ['accounts'], onConflict, derive: ({ tx }) => { tx.materialize({ accountId: 1, orgId: 2, text: 'new' }) } })
    const failed = await code(projections(db).project(P, {}, { allowEmptyFilters: true }))
    return failed === 'none' ? rows(db, 'letters')[0] : [failed, rows(db, 'letters')[0].text]
  }

  it.each([
    ['raise', ['PROJECTION_CONFLICT', 'old']],
    ['nothing', { accountId: 1, orgId: 1, text: 'old', note: 'kept' }],
    ['replaceAll', { accountId: 1, orgId: 2, text: 'new', note: null }],
    [{ replace: ['text'] }, { accountId: 1, orgId: 1, text: 'new', note: 'kept' }],
    [{ replaceAllExcept: ['text'] }, { accountId: 1, orgId: 2, text: 'old', note: null }],
    [undefined, { accountId: 1, orgId: 2, text: 'new', note: null }],
  ])('%j', async (onConflict, expected) => { expect(await run(onConflict)).toEqual(expected) })

  it('holds within one run, too, and of what was taken away before there is no conflict', async () => {
    const db = await filled()
    const twice = projection(schema, 'letters', { inputs: ['accounts'], onConflict: 'raise', derive: ({ tx, lens }) => { tx.dematerialize(lens); tx.materialize([{ accountId: 1, orgId: 1 }]); tx.materialize([{ accountId: 1, orgId: 1 }], { onConflict: 'nothing' }) } })
    const p = projections(db)
    expect(await code(p.project(twice, { orgId: 1 }))).toBe('none')
    expect(await code(p.project(twice, { orgId: 1 }))).toBe('none')
    p.dispose()
    const again = projection(schema, 'letters', { inputs: ['accounts'], onConflict: 'raise', derive: ({ tx }) => { tx.materialize([{ accountId: 7, orgId: 1 }]); tx.materialize([{ accountId: 7, orgId: 1 }]) } })
    expect(await code(projections(db, { onError: () => {} }).project(again, { orgId: 1 }))).toBe('PROJECTION_CONFLICT')
    expect(rows(db, 'letters').map(r => r.accountId)).toEqual([1])
  })
})

describe('1.4-6 a lens over virtual inputs', () => {
  const Letters = (seen: unknown[]) => projection(schema, 'letters', { inputs: [Accounts], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); seen.push(inputs.Accounts.toArray()); tx.materialize(inputs.Accounts.toArray().map(a => ({ accountId: a.id, orgId: a.orgId }))) } })

  it('restricts what `derive` gets', async () => {
    const seen: unknown[] = []
    const db = await filled()
    await projections(db).project(Letters(seen), { orgId: 123 })
    expect(seen).toEqual([[{ id: 1, orgId: 123 }, { id: 2, orgId: 123 }]])
  })

  it('an unknown column is an error, unless it is to be left out', async () => {
    const seen: unknown[] = []
    const db = await filled()
    const p = projections(db)
    const P = Letters(seen)
    const error = await p.project(P, { orgI: 123 } as any).catch(e => e)
    expect([error.code, error.path, error.offending, error.nearest]).toEqual(['LENS_FIELD', 'lens.orgI', 'orgI', 'orgId'])
    expect(seen).toEqual([])
    await p.project(P, lens({ orgId: 123, date: '2022-01-01' }, undefined, { ignoreUnknown: true }))
    await p.project(P, { orgId: 123, date: '2022-01-02' }, { ignoreUnknown: true })
    expect(seen.map(s => (s as unknown[]).length)).toEqual([2, 2])
  })

  it('operators and reducers', async () => {
    const seen: any[] = []
    const db = await filled()
    const p = projections(db)
    const P = projection(schema, 'letters', { inputs: [Accounts], derive: ({ inputs }) => { seen.push(inputs.Accounts.toArray()) } })
    await p.project(P, { id: { '>=': 2, in: [1, 2, 3] } })
    await p.project(P, lens({ org: 9 }, ({ value }, q, { columns }) => columns.includes('orgId') ? q.where('orgId', '=', value) : q))
    expect(seen.map(s => s.map((r: any) => r.id))).toEqual([[2, 3], [3]])
  })
})

describe('1.4-7 asynchronous runs', () => {
  it('are pending, then fetched, as often as asked', async () => {
    const db = await filled()
    const P = projection(schema, 'letters', { inputs: ['accounts'], derive: async ({ inputs, tx }) => { for await (const chunk of inputs.accounts.chunks(2)) tx.materialize(chunk.map(a => ({ accountId: a.id, orgId: a.orgId }))) } })
    const p = projections(db)
    const handle = p.project(P, { orgId: 123 }, { async: true })
    expect(handle.status).toBe('pending')
    const result = await handle.fetch()
    expect([handle.status, result.rows.length, await p.fetch(handle) === result]).toEqual(['ok', 2, true])
    expect(await code(p.fetch({} as never))).toBe('PROJECTION_HANDLE')
  })

  it('a timeout leaves the store as it was', async () => {
    const db = await filled()
    let go!: () => void
    const wait = new Promise<void>(resolve => { go = resolve })
    const P = projection(schema, 'letters', { inputs: ['accounts'], derive: async ({ tx }) => { await wait; tx.materialize({ accountId: 1, orgId: 1 }) } })
    const p = projections(db)
    const handle = p.project(P, { orgId: 123 }, { async: true, timeoutMs: 1 })
    expect(await code(handle.fetch())).toBe('PROJECTION_TIMEOUT')
    expect(handle.status).toBe('timeout')
    const { version } = db
    go()
    await tick()
    expect([db.version, rows(db, 'letters')]).toEqual([version, []])
    const slow = projection(schema, 'digests', { inputs: ['accounts'], derive: ({ tx }) => { const end = performance.now() + 5; while (performance.now() < end); tx.materialize({ orgId: 1, lines: 1 }) } })
    expect(await code(p.project(slow, { orgId: 123 }, { engine: 'inline', timeoutMs: 1 }))).toBe('PROJECTION_TIMEOUT')
    expect(rows(db, 'digests')).toEqual([])
  })

  it.each(['inline', 'microtask'] as const)('what throws in level 2 takes level 1 back (%s)', async engine => {
    const db = await filled()
    const first = projection(schema, 'letters', { inputs: ['accounts'], derive: ({ inputs, tx }) => { for (const a of inputs.accounts) tx.materialize({ accountId: a.id, orgId: a.orgId }) } })
    const second = projection(schema, 'digests', { inputs: [first], derive: ({ inputs }) => { if (inputs.letters.length > 0) throw new Error('no') } })
    const p = projections(db)
    const { version } = db
    const handle = p.project(second, { orgId: 123 }, { async: true, engine })
    const error = await handle.fetch().catch(e => e)
    expect([error.code, error.cause.message, handle.status]).toEqual(['DERIVE_FAILED', 'no', 'error'])
    expect([db.version, rows(db, 'letters')]).toEqual([version, []])
  })
})

describe('1.4-8 an empty lens', () => {
  it('is warned of once, or allowed', async () => {
    const db = await filled()
    const warnings: string[] = []
    const p = projections(db, { onWarning: w => { warnings.push(w.code) } }).register(Receivable)
    await p.project(Receivable)
    expect(warnings).toEqual(['EMPTY_LENS'])
    await p.project(Receivable, {}, { allowEmptyFilters: true })
    expect(warnings).toEqual(['EMPTY_LENS'])
  })

  it('goes to the console by default', async () => {
    const db = await filled()
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    await projections(db).project(Receivable)
    expect(warn).toHaveBeenCalledTimes(1)
    warn.mockRestore()
  })
})

describe('1.4-9 reading does not run', () => {
  it('a paused function', async () => {
    const db = await filled()
    let ran = 0
    const P = projection(schema, 'letters', { inputs: ['accounts'], derive: ({ inputs, tx, lens }) => { ran++; tx.dematerialize(lens); for (const a of inputs.accounts) tx.materialize({ accountId: a.id, orgId: a.orgId }) } })
    const p = projections(db, { engine: 'inline' })
    await p.project(P, { orgId: 123 })
    p.pause(P)
    db.apply([{ op: 'insert', table: 'accounts', row: { id: 8, orgId: 123 } }])
    expect([rows(db, 'letters').length, ran, p.status(P)]).toEqual([2, 1, { status: 'paused' }])
    p.resume(P)
    expect([rows(db, 'letters').length, ran, p.status(P)]).toEqual([3, 2, { status: 'ready' }])
  })
})

describe('1.4-10 telemetry', () => {
  it('a run of f is 1 project, 3 levels, 5 derives, with their rows', async () => {
    const db = await filled()
    const a = projection(schema, 'a', { output: q => q.accounts })
    const b = projection(schema, 'b', { output: q => q.invoices.select(i => ({ id: i.id, orgId: i.accountId })) })
    const c = projection(schema, 'letters', { inputs: [a, b], derive: ({ inputs, tx }) => { for (const r of inputs.a) tx.materialize({ accountId: r.id, orgId: r.orgId }) } })
    const e = projection(schema, 'receivable', { inputs: [b], derive: ({ inputs, tx }) => { for (const r of inputs.b) tx.materialize({ accountId: r.id, orgId: r.orgId, total: 0 }) } })
    const f = projection(schema, 'digests', { inputs: [c, e], derive: ({ inputs, tx }) => { tx.materialize({ orgId: 1, lines: inputs.letters.length + inputs.receivable.length }) } })
    const p = projections(db)
    const spans: any[] = []
    p.subscribe(s => { if (s.phase === 'stop') spans.push(s) })
    performance.clearMeasures()
    await p.project(f, {}, { allowEmptyFilters: true })
    const of = (event: string) => spans.filter(s => s.event === event)
    expect(['project', 'level', 'derive', 'materialize', 'dematerialize'].map(n => of(n).length)).toEqual([1, 3, 5, 3 + 4 + 1, 0])
    expect(of('derive').map(s => [s.projection, s.level, s.rowsIn, s.rowsOut, s.changed])).toEqual([['a', 0, 0, 3, 0], ['b', 0, 0, 4, 0], ['letters', 1, 7, 3, 3], ['receivable', 1, 4, 4, 4], ['digests', 2, 7, 1, 1]])
    expect(of('project').map(s => [s.rowsOut, s.changed, s.version, s.lens])).toEqual([[1, 8, db.version, '(everything)']])
    expect(performance.getEntriesByName('eddyline.derive').map(m => (m as any).detail.rowsOut)).toEqual([3, 4, 3, 4, 1])
    expect(performance.getEntriesByName('eddyline.project')).toHaveLength(1)
  })
})
