// Projections that fail: views in error, functions that throw, what goes on beside them and how it comes back.
import { describe, expect, it } from 'vitest'
import { createDatabase, defineSchema, from, int, table } from '../../../pkg/index.inline.js'
import { lens, projection, projections } from '../../../pkg/project/index.js'
import { all, columns, copied, filled, make, schema } from './projections-pair.js'

describe('a view in error', () => {
  const three = defineSchema({ src: columns(), v: table({ id: int().key(), o: int().nullable() }), made: columns(), above: columns() })
  /** `v` has the key `o`; `made` is a function of it, `above` a view of it. */
  async function world(options: object = {}) {
    const db = await createDatabase({ schema: three })
    db.apply([{ op: 'insert', table: 'src', rows: [{ id: 1, o: 10 }, { id: 2, o: 20 }] }])
    const errors: any[] = []
    const p = projections(db, { ...options, onError: e => errors.push(e) })
    const V = projection(three, 'v', { inputs: ['src'], required: ['o'], view: (_, { src }) => from(src).select(s => ({ id: s.o, o: s.id }) as any) })
    const reads: number[][] = []
    const F = projection(three, 'made', { inputs: [V], derive: ({ inputs, tx, lens }) => { reads.push(inputs.v.toArray().map(r => r.o!)); tx.dematerialize(lens); tx.materialize(inputs.v.toArray()) } })
    const W = projection(three, 'above', { inputs: [V], view: (_, { v }) => from(v).select(r => ({ id: r.o, o: r.id })) })
    const show = (name: 'v' | 'made' | 'above') => db.live(db.query[name]).rows.map(r => [r.id, r.o])
    return { db, p, V, F, W, reads, errors, show }
  }

  it.each(['inline', 'microtask'] as const)('keeps what is made of it as it was: functions do not run, views are not written (%s)', async engine => {
    const { db, p, V, F, W, reads, errors, show } = await world({ engine })
    p.register(V)
    p.register(W)
    await p.project(F, {}, all)
    const before = [[10, 1], [20, 2]]
    expect([reads, show('v'), show('made'), show('above')]).toEqual([[[1, 2]], before, before, [[1, 10], [2, 20]]])
    db.apply([{ op: 'insert', table: 'src', row: { id: 3, o: 10 } }])
    await p.idle()
    expect([reads.length, show('v'), show('made'), show('above')]).toEqual([1, before, before, [[1, 10], [2, 20]]])
    for (const P of [V, F, W]) expect(p.status(P)).toMatchObject({ status: 'error', error: { code: 'PROJECTION_CONFLICT', offending: 'v' } })
    // Of one cause there is one word.
    expect(errors).toMatchObject([{ code: 'PROJECTION_CONFLICT' }])
    await expect(p.project(F, {}, all)).rejects.toMatchObject({ code: 'PROJECTION_CONFLICT' })
    db.apply([{ op: 'delete', table: 'src', id: 1 }])
    await p.idle()
    expect([show('v'), show('made'), show('above')]).toEqual([[[10, 3], [20, 2]], [[10, 3], [20, 2]], [[2, 20], [3, 10]]])
    for (const P of [V, F, W]) expect(p.status(P)).toEqual({ status: 'ready' })
    expect(errors).toHaveLength(1)
  })

  it('a lens that the trouble is not in goes on', async () => {
    const { db, p, F, reads, show } = await world()
    await p.project(F, { id: 10 })
    await p.project(F, { id: 20 })
    db.apply([{ op: 'insert', table: 'src', row: { id: 3, o: 10 } }])
    await p.idle()
    db.apply([{ op: 'delete', table: 'src', id: 2 }, { op: 'insert', table: 'src', row: { id: 4, o: 20 } }])
    await p.idle()
    expect([show('made'), reads]).toEqual([[[10, 1], [20, 4]], [[1], [2], [4]]])
    expect([p.status(F, { id: 10 }).status, p.status(F, { id: 20 }).status]).toEqual(['error', 'ready'])
  })

  it('a row that lacks what is required is such an error', async () => {
    const nullable = defineSchema({ src: columns(), v: columns(), made: columns() })
    const db = await createDatabase({ schema: nullable })
    const p = projections(db, { onError: () => {} })
    let runs = 0
    const V = projection(nullable, 'v', { inputs: ['src'], required: ['o'], view: (_, { src }) => from(src) })
    const F = projection(nullable, 'made', { inputs: [V], derive: ({ inputs, tx }) => { runs++; tx.materialize(inputs.v.toArray()) } })
    await p.project(F, {}, all)
    db.apply([{ op: 'insert', table: 'src', row: { id: 1 } }])
    await p.idle()
    expect([runs, p.status(F)]).toMatchObject([1, { status: 'error', error: { code: 'PROJECTION_REQUIRED' } }])
    db.apply([{ op: 'update', table: 'src', id: 1, set: { o: 5 } }])
    await p.idle()
    expect([runs, p.status(F), db.live(nullable && db.query.made).rows]).toEqual([2, { status: 'ready' }, [{ id: 1, o: 5 }]])
  })

  it('registered before what reads it, it is one view: told once, and it can be paused', async () => {
    const { db, p, V, F, W, errors, show } = await world()
    p.register(V)
    p.register(F)
    p.register(W)
    db.apply([{ op: 'insert', table: 'src', row: { id: 3, o: 10 } }])
    await new Promise(resolve => { setTimeout(resolve) })
    expect(errors).toHaveLength(1)
    db.apply([{ op: 'delete', table: 'src', id: 3 }])
    let versions = 0
    db.subscribe(() => { versions++ })
    db.apply([{ op: 'insert', table: 'src', row: { id: 5, o: 50 } }])
    // The row, and the tables of both views.
    expect(versions).toBe(2)
    p.pause(V)
    db.apply([{ op: 'insert', table: 'src', row: { id: 6, o: 60 } }])
    expect(show('v')).toEqual([[10, 1], [20, 2], [50, 5]])
    p.resume(V)
    expect(show('v')).toHaveLength(4)
    // A reader that is refused leaves what was there.
    expect(() => p.register(projection(three, 'made', { inputs: [V, 'nope' as 'src'], derive: () => {} }))).toThrow()
    db.apply([{ op: 'insert', table: 'src', row: { id: 7, o: 70 } }])
    expect([show('v').length, p.list()]).toEqual([5, ['v', 'made', 'above']])
  })

  it('paused in error, what is made of it goes on', async () => {
    const { db, p, V, W, show } = await world()
    p.register(V, W)
    db.apply([{ op: 'insert', table: 'src', row: { id: 3, o: 10 } }])
    expect(show('above')).toHaveLength(2)
    p.pause(V)
    expect([show('above'), show('v')]).toEqual([[[1, 10], [2, 20], [3, 10]], [[10, 1], [20, 2]]])
  })
})

describe('a function that fails and is paused', () => {
  it.each(['inline', 'microtask'] as const)('keeps its rows, and what is made of them goes on (%s)', async engine => {
    const many = defineSchema({ src: columns(), beside: columns(), made: columns(), out: columns(), last: columns() })
    const db = await createDatabase({ schema: many })
    const F = projection(many, 'made', { inputs: ['src'], derive: ({ inputs, tx, lens }) => { if (inputs.src.length > 1) throw new Error('two'); tx.dematerialize(lens); tx.materialize(inputs.src.toArray()) } })
    const G = projection(many, 'out', { inputs: [F, 'beside'], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize([...inputs.made, ...inputs.beside]) } })
    const H = projection(many, 'last', { inputs: [G], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize(inputs.out.toArray()) } })
    const errors: any[] = []
    const p = projections(db, { engine, onError: (e: any) => { errors.push(e.offending) } }).register(H)
    const ids = () => [db.live(db.query.made).rows, db.live(db.query.last).rows].map(rows => rows.map(r => r.id))
    await p.project(H, { o: 1 })
    db.apply([{ op: 'insert', table: 'src', row: { id: 1, o: 1 } }])
    await p.idle()
    db.apply([{ op: 'insert', table: 'src', row: { id: 2, o: 1 } }, { op: 'insert', table: 'beside', row: { id: 9, o: 1 } }])
    await p.idle()
    expect([ids(), [F, G, H].map(f => p.status(f).status), errors]).toEqual([[[1], [1]], ['error', 'error', 'error'], ['made']])
    p.pause(F)
    await p.idle()
    expect([ids(), [F, G, H].map(f => p.status(f).status), errors.length]).toEqual([[[1], [1, 9]], ['paused', 'ready', 'ready'], 1])
    p.resume(F)
    await p.idle()
    expect([p.status(F).status, errors]).toEqual(['error', ['made', 'made']])
    db.apply([{ op: 'delete', table: 'src', id: 1 }])
    await p.idle()
    expect([ids(), [F, G, H].map(f => p.status(f))]).toEqual([[[2], [2, 9]], [{ status: 'ready' }, { status: 'ready' }, { status: 'ready' }]])
  })
})

describe('a paused function that somebody runs and that fails', () => {
  it.each(['inline', 'microtask'] as const)('is in no error once it goes on and its rows are right (%s)', async engine => {
    const many = defineSchema({ src: columns(), made: columns(), out: columns() })
    const db = await createDatabase({ schema: many })
    let broken = false
    const F = projection(many, 'made', { inputs: ['src'], derive: ({ inputs, tx, lens }) => { if (broken) throw new Error('broken'); tx.dematerialize(lens); tx.materialize(inputs.src.toArray()) } })
    const G = projection(many, 'out', { inputs: [F], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize(inputs.made.toArray()) } })
    const p = projections(db, { engine, onError: () => {} }).register(G)
    db.apply([{ op: 'insert', table: 'src', row: { id: 1, o: 1 } }])
    await p.project(G, { o: 1 })
    for (const of of [F, G]) {
      p.pause(F)
      broken = true
      await expect(p.project(of as typeof F, { o: 1 })).rejects.toMatchObject({ code: 'DERIVE_FAILED', offending: 'made' })
      expect([p.status(F), p.status(G)]).toEqual([{ status: 'paused' }, { status: 'ready' }])
      broken = false
      p.resume(F)
      await p.idle()
      expect([p.status(F), p.status(G)]).toEqual([{ status: 'ready' }, { status: 'ready' }])
    }
    // One whose rows are not right is, and tries again.
    p.pause(F)
    broken = true
    db.apply([{ op: 'insert', table: 'src', row: { id: 2, o: 1 } }])
    await expect(p.project(G, { o: 1 })).rejects.toMatchObject({ offending: 'made' })
    p.resume(F)
    await p.idle()
    expect(p.status(F).status).toBe('error')
    broken = false
    db.apply([{ op: 'insert', table: 'src', row: { id: 3, o: 1 } }])
    await p.idle()
    expect([p.status(F), p.status(G), db.live(db.query.out).rows.map(r => r.id)]).toEqual([{ status: 'ready' }, { status: 'ready' }, [1, 2, 3]])
  })
})

describe('a function that failed and was run again by somebody', () => {
  it.each(['inline', 'microtask'] as const)('lets go on what it had held up (%s)', async engine => {
    const many = defineSchema({ src: columns(), beside: columns(), made: columns(), out: columns(), last: columns() })
    const db = await createDatabase({ schema: many })
    let broken = false
    const F = projection(many, 'made', { inputs: ['src'], derive: ({ tx, lens }) => { if (broken) throw new Error('broken'); tx.dematerialize(lens); tx.materialize({ id: 1, o: 1 }) } })
    const G = projection(many, 'out', { inputs: [F, 'beside'], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize([...inputs.made, ...inputs.beside]) } })
    const H = projection(many, 'last', { inputs: [F], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize(inputs.made.toArray()) } })
    const p = projections(db, { engine, onError: () => {} }).register(G, H)
    await p.project(G, { o: 1 })
    await p.project(H, { o: 1 })
    broken = true
    db.apply([{ op: 'insert', table: 'src', row: { id: 1, o: 1 } }, { op: 'insert', table: 'beside', row: { id: 9, o: 1 } }])
    await p.idle()
    expect([F, G, H].map(f => p.status(f).status)).toEqual(['error', 'error', 'error'])
    // What was wrong is none of its inputs, and it makes what it made before.
    broken = false
    await p.project(F, { o: 1 })
    await p.idle()
    expect([db.live(db.query.out).rows.map(r => r.id), ...[F, G, H].map(f => p.status(f))]).toEqual([[1, 9], { status: 'ready' }, { status: 'ready' }, { status: 'ready' }])
  })
})

describe('a run that somebody asks for and that fails', () => {
  it.each(['inline', 'microtask'] as const)('is no error of the functions whose rows are right (%s)', async engine => {
    const many = defineSchema({ src: columns(), made: columns(), out: columns() })
    const db = await createDatabase({ schema: many })
    db.apply([{ op: 'insert', table: 'src', row: { id: 1, o: 1 } }])
    let broken = true
    const F = projection(many, 'made', { inputs: ['src'], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize(inputs.src.toArray()) } })
    const G = projection(many, 'out', { inputs: [F], derive: ({ inputs, tx, lens }) => { if (broken) throw new Error('broken'); tx.dematerialize(lens); tx.materialize(inputs.made.toArray()) } })
    const p = projections(db, { engine }).register(G)
    await p.project(F, { o: 1 })
    await expect(p.project(G, { o: 1 })).rejects.toMatchObject({ code: 'DERIVE_FAILED', offending: 'out' })
    expect([p.status(F, { o: 1 } as any), p.status(G)]).toEqual([{ status: 'ready' }, { status: 'idle' }])
    // One that is live and fails is in error itself.
    broken = false
    await p.project(G, { o: 1 })
    broken = true
    await expect(p.project(G, { o: 1 })).rejects.toMatchObject({ offending: 'out' })
    expect([p.status(F).status, p.status(G).status]).toEqual(['ready', 'error'])
    broken = false
    await p.project(G, { o: 1 })
    expect([p.status(F), p.status(G)]).toEqual([{ status: 'ready' }, { status: 'ready' }])
  })
})

describe('what functions of an application throw', () => {
  const boom = new Error('boom')
  const caught = async (promise: Promise<unknown>): Promise<any> => promise.then(() => undefined, e => e)
  it('comes with a code, the projection and the cause', async () => {
    const db = await filled()
    const p = projections(db, { onError: () => {} })
    const fails = (): never => { throw boom }
    const view = ((): any => { try { p.register(projection(schema, 'out', { inputs: ['src'], view: fails })) } catch (e) { return e } })()
    expect([view.code, view.path, view.offending, view.cause]).toEqual(['PROJECTION_INVALID', 'view', 'out', boom])
    const built = ((): any => { try { p.register(projection(schema, 'out', { inputs: ['src'], view: q => q.src.where('oo' as 'o', '=', 1) })) } catch (e) { return e } })()
    expect([built.code, built.nearest, built.message.includes('`out`')]).toEqual(['UNKNOWN_COLUMN', 'o', true])
    const list = (output: any) => projection(schema, 'list', { output })
    for (const output of [async function *() { yield { id: 1, o: 1 }; throw boom }, function *() { yield { id: 1, o: 1 }; throw boom }, () => Promise.reject(boom)]) {
      const q = projections(db, { tenant: String(output).length.toString() })
      const e = await caught(q.project(projection(schema, 'out', { inputs: [list(output)], derive: () => {} }), { o: 1 }))
      expect([e.code, e.offending, e.cause]).toEqual(['DERIVE_FAILED', 'list', boom])
    }
    const Q = make(copied)
    for (const reducer of [fails, () => 5, () => undefined]) {
      const e = await caught(p.project(Q, lens({ o: 1 }, reducer)))
      expect([e.code, e.offending, e.path, e.cause]).toEqual(['LENS_INVALID', 'src', 'lens', reducer === fails ? boom : undefined])
    }
    const inside = await caught(projections(db, { tenant: 'b' }).project(make(() => { db.apply([{ op: 'insert', table: 'scr' as 'src', row: { id: 1 } }]) }), { o: 1 }))
    expect([inside.code, inside.nearest, inside.message.startsWith('`out`: ')]).toEqual(['UNKNOWN_TABLE', 'src', true])
  })
})
