// Mistakes of those who write and run projections.
import { describe, expect, it } from 'vitest'
import { bigint, count, createDatabase, defineSchema, from, int, json, mod, string, table, timestamp } from '../../../pkg/index.inline.js'
import { type DeriveRun, lens, projection, projections, serve, workers } from '../../../pkg/project/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { eventually } from '../real/support.js'
import { all, columns, copied, filled, idsOf, make, schema } from './projections-pair.js'

describe('numbers that callers give', () => {
  it.each([0, -1, NaN, 0.5])('chunks of %s rows are refused', async size => {
    const p = projections(await filled())
    await expect(p.project(make(({ inputs, tx }) => { for (const rows of inputs.src.chunks(size)) tx.materialize(rows) }), {}, all)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'size' })
  })

  it('a run without a time limit, or with a very long one, has its time', async () => {
    const slow = async (run: DeriveRun<any>): Promise<void> => { await new Promise(resolve => { setTimeout(resolve, 20) }); copied(run) }
    for (const timeoutMs of [Infinity, 1e12]) {
      const db = await filled()
      const P = make(slow, { timeoutMs })
      await projections(db).project(P, {}, all)
      await projections(db).project(P, { o: 1 }, { timeoutMs })
      expect(idsOf(db)).toEqual([1, 2])
    }
    for (const timeoutMs of [NaN, -1, '5']) {
      expect(() => make(slow, { timeoutMs })).toThrowError(expect.objectContaining({ code: 'PROJECTION_INVALID', path: 'timeoutMs' }))
      await expect(projections(await filled()).project(make(slow), {}, { ...all, timeoutMs } as any)).rejects.toMatchObject({ code: 'PROJECTION_INVALID', path: 'timeoutMs' })
    }
  })
})

describe('what is no lens', () => {
  it.each([[5], ['abc'], [true], [null], [[]], [['o']], [new Map([['o', 1]])], [new Date(0)], [() => 1]])('%s does not mean everything', async given => {
    const db = await filled()
    const p = projections(db)
    let runs = 0
    const P = make(run => { runs++; if (runs === 1) copied(run); else run.tx.dematerialize(given as never) })
    await p.project(P, {}, all)
    await expect(p.project(P, given as never)).rejects.toMatchObject({ code: 'LENS_INVALID', path: 'lens' })
    expect(runs).toBe(1)
    expect(() => p.query(P, given as never)).toThrowError(expect.objectContaining({ code: 'LENS_INVALID' }))
    await expect(p.project(P, { o: 1 })).rejects.toMatchObject({ code: 'LENS_INVALID' })
    expect([runs, idsOf(db)]).toEqual([2, [1, 2]])
  })
})

describe('a lens means the rows that the engine has for it', () => {
  const three = defineSchema(Object.fromEntries(['src', 'once', 'twice'].map(name => [name, table({ id: int().key(), s: string().nullable() })])))
  const copy = ({ inputs, lens, tx }: any): void => { tx.dematerialize(lens); tx.materialize(Object.values(inputs).flatMap((rows: any) => [...rows])) }
  const Once = projection(three, 'once' as never, { inputs: ['src'], derive: copy } as any)
  const Twice = projection(three, 'twice' as never, { inputs: [Once], derive: copy } as any)
  const operators = (list: unknown[], pair: unknown[]): [string, unknown][] => [
    ...['=', '!=', '<', '<=', '>', '>=', 'is not'].map((op): [string, unknown] => [op, 'b']), ['is', null], ['is not', null], ['!=', null], ['<', null],
    ['in', list], ['not in', list], ['between', pair], ['not between', pair],
  ]
  it.each([...operators([], ['a', 'b']), ...operators(['a'], ['b', 'a']), ...operators(['a', null], [null, 'a'])].map(([op, value]) => ({ op, value })))('$op $value', async ({ op, value }) => {
    const db = await createDatabase({ schema: three })
    db.apply([{ op: 'insert', table: 'src', rows: [null, 'a', 'b', 'c'].map((s, id) => ({ id, s })) }] as never)
    const due = db.live((db.query as any).src.where('s', op, value)).rows
    // What one function has written is another one's input in the same run.
    const { rows } = await projections(db).project(Twice, { s: { [op]: value } })
    expect([[...rows], [...db.live((db.query as any).twice).rows]]).toEqual([[...due], [...due]])
  })
})

describe('a lens that goes to a worker, or is stored', () => {
  // One value of a list is that value: so there are two of one operator.
  const none = { o: { '=': 1, in: [2] } }
  const derive = ({ inputs, lens: l, tx }: any): void => { tx.dematerialize(l); tx.materialize(inputs.src.toArray()) }
  it('has all of its filters there', async () => {
    const db = await filled(), P = make(derive)
    await projections(db).project(P, {}, all)
    const { port1, port2 } = new MessageChannel()
    try {
      serve([P], port2 as never)
      const { rows, changed } = await projections(await filled()).project(P, none, { engine: workers(() => port1 as never) })
      const there = await projections(db).project(P, none, { engine: workers(() => port1 as never) })
      expect([rows, changed, there.rows, there.changed, idsOf(db)]).toEqual([[], 0, [], 0, [1, 2]])
    } finally { port1.close(); port2.close() }
  })
  it('has all of its filters after a restart', async () => {
    const folder = new MemoryFolder(), P = make(derive)
    const page = async () => { const db = await createDatabase({ schema, storage: memory(folder, { onWarning: () => {} }) }); const p = projections(db); p.register(P); return { db, p, leave: async () => { await p.idle(); await db.flush(); db.close(); await db.durability!.closed } } }
    const first = await page()
    first.db.apply([{ op: 'insert', table: 'src', rows: [{ id: 1, o: 1 }, { id: 2, o: 2 }] }] as never)
    await first.p.project(P, none)
    await first.leave()
    const second = await page()
    second.db.apply([{ op: 'insert', table: 'src', row: { id: 3, o: 2 } }] as never)
    await second.p.idle()
    expect(idsOf(second.db)).toEqual([])
    await second.leave()
  })
})

describe('a function that writes what it reads', () => {
  /** `out` copies `src`, and inserts a row there, too, up to `most`. */
  async function feeding(most: number, options: object) {
    const db = await filled()
    const errors: any[] = []
    const p = projections(db, { ...options, onError: e => errors.push(e) })
    let id = 2
    const P = make(run => { if (id < most) db.apply([{ op: 'insert', table: 'src', row: { id: ++id, o: 1 } }]); copied(run) })
    return { db, p, P, errors, last: () => id }
  }

  it.each(['inline', 'microtask'] as const)('is refused after a hundred rounds, and runs again when somebody else has changed something (%s)', async engine => {
    const { db, p, P, errors, last } = await feeding(Infinity, { engine })
    await p.project(P, {}, all)
    await p.idle()
    expect(errors).toMatchObject([{ code: 'MAX_ROUNDS', offending: 'out' }])
    expect(p.status(P)).toMatchObject({ status: 'error', error: { code: 'MAX_ROUNDS' } })
    const there = last()
    expect([there > 100, there < 110]).toEqual([true, true])
    // A task of its own, told by a message: on a slow machine the first timer is due before it is heard.
    for (let turn = 0; turn < 2; turn++) await new Promise(resolve => { setTimeout(resolve, 5) })
    expect(last()).toBe(there)
    db.apply([{ op: 'insert', table: 'src', row: { id: 5000, o: 1 } }])
    await p.idle()
    expect(last()).toBeGreaterThan(there)
    expect(errors).toHaveLength(2)
  })

  it.each(['inline', 'microtask'] as const)('and two that feed each other are refused, too (%s)', async engine => {
    const two = defineSchema({ a: columns(), b: columns(), ofA: columns(), ofB: columns() })
    const db = await createDatabase({ schema: two })
    const errors: any[] = []
    const p = projections(db, { engine, onError: e => errors.push(e) })
    let n = 0
    const feed = (from: 'a' | 'b', to: 'a' | 'b', into: 'ofA' | 'ofB') => projection(two, into, { inputs: [from], derive: ({ inputs, tx }) => { tx.materialize({ id: 1, o: (inputs as any)[from].length }); db.apply([{ op: 'insert', table: to, row: { id: ++n } }] as never) } })
    const [A, B] = [feed('a', 'b', 'ofA'), feed('b', 'a', 'ofB')]
    await p.project(A, {}, all)
    await p.project(B, {}, all)
    await p.idle()
    expect(errors.length).toBeGreaterThan(0)
    for (const e of errors) expect(e).toMatchObject({ code: 'MAX_ROUNDS' })
  })

  it.each(['inline', 'microtask'] as const)('a chain that ends is run to its end (%s)', async engine => {
    const { db, p, P, errors } = await feeding(90, { engine })
    await p.project(P, {}, all)
    await p.idle()
    expect([idsOf(db).length, errors]).toEqual([90, []])
  })

  it('the page has its turn between, and functions that wait are not counted', async () => {
    const { db, p, P } = await feeding(450, { maxRounds: 500 })
    let turns = 0, going = true
    const turn = (): void => { turns++; if (going) setImmediate(turn) }
    setImmediate(turn)
    await p.project(P, {}, all)
    await p.idle()
    going = false
    expect([idsOf(db).length, turns > 2]).toEqual([450, true])
    let id = 5000
    const errors: unknown[] = []
    const slow = projections(await filled(), { onError: e => errors.push(e) })
    const S = make(async run => { if (id < 5150) slow.db.apply([{ op: 'insert', table: 'src', row: { id: ++id } }]); await new Promise(resolve => { setImmediate(resolve) }); copied(run) })
    await slow.project(S, {}, all)
    await slow.idle()
    expect([id, errors]).toEqual([5150, []])
  })
})

describe('a lens that is released before its run is over', () => {
  /** A function that is done when it is let. */
  async function world(folder = new MemoryFolder()) {
    const db = await filled(memory(folder, { onWarning: () => {} }))
    const gates: (() => void)[] = []
    const P = make(async run => { await new Promise<void>(resolve => { gates.push(resolve) }); copied(run) })
    const release = async (): Promise<void> => { await eventually(() => gates.length > 0); gates.shift()!() }
    return { db, P, p: projections(db).register(P), open: release, gates }
  }

  it('has its rows, and does not stay live, nor comes back with a restart', async () => {
    const { db, P, p, open } = await world()
    const run = p.project(P, { o: 1 })
    p.release(P, { o: 1 })
    await open()
    expect([(await run).rows, p.status(P)]).toEqual([[{ id: 1, o: 1 }], { status: 'idle' }])
    p.dispose()
    expect(projections(db).register(P).status(P)).toEqual({ status: 'idle' })
    db.close()
  })

  it('nor does one whose run waits for its turn', async () => {
    const { db, P, p, open } = await world()
    const [first, second] = [p.project(P, { o: 1 }), p.project(P, { o: 2 })]
    p.release(P, { o: 2 })
    await open()
    await open()
    expect([(await first).rows, (await second).rows]).toEqual([[{ id: 1, o: 1 }], [{ id: 2, o: 2 }]])
    expect([p.status(P, { o: 1 } as any), p.status(P, { o: 2 } as any)]).toEqual([{ status: 'ready' }, { status: 'idle' }])
    db.close()
  })

  it('asked for again is another run, that stays live', async () => {
    const { db, P, p, open, gates } = await world()
    const first = p.project(P, { o: 1 }), waits = p.project(P, { o: 2 })
    p.release(P)
    const again = [p.project(P, { o: 1 }), p.project(P, { o: 2 })]
    for (let n = 0; n < 4; n++) await open()
    await Promise.all([first, waits, ...again])
    expect([p.status(P, { o: 1 } as any), p.status(P, { o: 2 } as any), gates.length]).toEqual([{ status: 'ready' }, { status: 'ready' }, 0])
    db.close()
  })
})

describe('a view with two rows of one key', () => {
  it.each(['inline', 'microtask'] as const)('for a version that a listener makes and takes back: its table is what its query says (%s)', async engine => {
    const two = defineSchema({ src: columns(), v: columns() })
    const db = await createDatabase({ schema: two })
    const errors: unknown[] = []
    const V = projection(two, 'v', { view: q => q.src.select(r => ({ id: mod(r.id, 5), o: r.o })) })
    const watched = db.live(db.query.src.where('id', '=', 30))
    const p = projections(db, { engine, onError: e => { errors.push(e) } }).register(V)
    const stop = watched.subscribe(() => {
      stop()
      db.apply([{ op: 'insert', table: 'src', row: { id: 5, o: 1 } }])
      db.apply([{ op: 'delete', table: 'src', id: 5 }])
    })
    db.apply([{ op: 'insert', table: 'src', row: { id: 30, o: 1 } }])
    await p.idle()
    expect([db.live(db.query.v).rows, p.status(V), errors]).toEqual([[{ id: 0, o: 1 }], { status: 'ready' }, []])
    db.apply([{ op: 'update', table: 'src', id: 30, set: { o: 3 } }])
    expect(db.live(db.query.v).rows).toEqual([{ id: 0, o: 3 }])
  })
})

describe('a paused view between functions', () => {
  it.each(['inline', 'microtask'] as const)('keeps its table while they run, and what is made of it goes on (%s)', async engine => {
    const many = defineSchema({ src: columns(), made: columns(), v: columns(), w: columns(), out: columns() })
    const db = await createDatabase({ schema: many })
    const copy = (name: 'src' | 'w') => ({ inputs, tx, lens }: any): void => { tx.dematerialize(lens); tx.materialize(inputs[name].toArray()) }
    const F = projection(many, 'made', { inputs: ['src'], derive: copy('src') })
    const V = projection(many, 'v', { inputs: [F], view: q => q.made.select(m => ({ id: m.id, o: m.o })) })
    const W = projection(many, 'w', { inputs: [V], view: (_, { v }) => from(v).select(r => ({ id: r.id, o: r.o })) })
    const G = projection(many, 'out', { inputs: [W], derive: copy('w') })
    const p = projections(db, { engine }).register(G)
    const ids = (name: 'v' | 'w' | 'out') => db.live(db.query[name]).rows.map((r: any) => r.id)
    db.apply([{ op: 'insert', table: 'src', row: { id: 1, o: 1 } }])
    await p.project(G, { o: 1 })
    p.pause(V)
    db.apply([{ op: 'insert', table: 'src', row: { id: 2, o: 1 } }])
    await p.idle()
    expect([ids('v'), ids('w'), ids('out')]).toEqual([[1], [1, 2], [1, 2]])
    // Who asks for a run has it.
    await p.project(G, { o: 1 })
    expect([ids('v'), p.status(V)]).toEqual([[1, 2], { status: 'paused' }])
    db.apply([{ op: 'delete', table: 'src', id: 1 }])
    await p.idle()
    expect([ids('v'), ids('w'), ids('out')]).toEqual([[1, 2], [2], [2]])
    p.resume(V)
    await p.idle()
    expect(ids('v')).toEqual([2])
  })
})

describe('a circle', () => {
  const many = defineSchema({ a: columns(), b: columns(), c: columns() })
  const of = (name: 'a' | 'b' | 'c', ...inputs: ('a' | 'b' | 'c')[]) => projection(many, name, { inputs, derive: () => {} })

  it('of names that are registered one after another is PROJECTION_CYCLE with its path', async () => {
    const p = projections(await createDatabase({ schema: many }))
    p.register(of('a', 'b'))
    expect(() => p.register(of('b', 'a'))).toThrowError(expect.objectContaining({ code: 'PROJECTION_CYCLE', path: 'a → b → a' }))
    expect(() => p.register(of('c', 'a'), of('b', 'c'))).toThrowError(expect.objectContaining({ code: 'PROJECTION_CYCLE', path: 'a → b → c → a' }))
    expect(() => p.register(of('b', 'c'))).toThrowError(expect.objectContaining({ code: 'PROJECTION_INVALID', path: 'into', offending: 'b' }))
    expect(p.list()).toEqual(['a'])
  })
})

describe('what a function gets', () => {
  it('is its own: what it does to rows, nobody else sees', async () => {
    const deep = defineSchema({ src: table({ id: int().key(), at: timestamp(), data: json().nullable() }), out: table({ id: int().key(), at: timestamp(), data: json().nullable() }) })
    const db = await createDatabase({ schema: deep })
    db.apply([{ op: 'insert', table: 'src', rows: [{ id: 1, at: new Date(5), data: { list: [{ x: 1 }] } }] }])
    const live = db.live(db.query.src)
    const before = live.rows[0]
    const p = projections(db)
    const List = projection(deep, 'list', { output: [{ id: 1, data: [1] }] })
    const kept: any[] = []
    await p.project(projection(deep, 'out', { inputs: ['src', List], derive: async ({ inputs, tx }) => {
      const spoil = (row: any): void => { row.data.list?.[0] === undefined ? row.data.push(2) : row.data.list[0].x = 99; row.at?.setTime(0); row.id = 7; delete row.data.list }
      for (const row of inputs.src) spoil(row)
      for (const rows of inputs.src.chunks(1)) rows.forEach(spoil)
      for await (const row of inputs.src) spoil(row)
      inputs.src.toArray().forEach(spoil)
      for (const row of inputs.list) { spoil(row); kept.push(row.data) }
      tx.materialize(inputs.src.toArray())
    } }), {}, all)
    const row = { id: 1, at: new Date(5), data: { list: [{ x: 1 }] } }
    expect([before, live.rows[0] === before, db.live(db.query.src.where('id', '=', 1)).rows, db.live(db.query.out).rows]).toEqual([row, true, [row], [row]])
    expect([kept, (List.options.output as any)[0]]).toEqual([[[1, 2]], { id: 1, data: [1] }])
  })
})

describe('what is not what it should be', () => {
  const P = 'PROJECTION_INVALID'
  const derive = (): void => {}
  it.each<[string, object | undefined, object]>([
    ['no options', undefined, { path: 'derive' }],
    ['an option that there is not', { inputs: ['src'], derive, onConflikt: 'raise' }, { path: 'onConflikt', nearest: 'onConflict' }],
    ['an option of functions on a view', { inputs: ['src'], view: (q: any) => q.src, version: '2' }, { path: 'version' }],
    ['a function that is none', { inputs: ['src'], derive: 5 }, { path: 'derive', offending: '5' }],
    ['a view that is none', { inputs: ['src'], view: 'src' }, { path: 'view' }],
    ['an output that is none', { output: 5 }, { path: 'output' }],
    ['null among the inputs', { inputs: [null], derive }, { path: 'inputs[0]', offending: 'null' }],
    ['an object among the inputs', { inputs: ['src', {}], derive }, { path: 'inputs[1]' }],
    ['inputs that are no list', { inputs: 'src', derive }, { path: 'inputs' }],
    ['columns as one text', { inputs: ['src'], derive, required: 'o' }, { path: 'required' }],
    ['a word near another', { inputs: ['src'], derive, onConflict: 'replacAll' }, { path: 'onConflict', nearest: 'replaceAll' }],
    ['two kinds of conflict', { inputs: ['src'], derive, onConflict: { replace: ['o'], replaceAllExcept: ['id'] } }, { path: 'onConflict' }],
    ['a version that is no text', { inputs: ['src'], derive, version: 2 }, { path: 'version', offending: '2' }],
    ['an engine that there is not', { inputs: ['src'], derive, engine: 'inlin' }, { path: 'engine', nearest: 'inline' }],
    ['dematerialize as a word', { inputs: ['src'], derive, dematerialize: 'no' }, { path: 'dematerialize' }],
  ])('%s', (_, options, error) => {
    expect(() => projection(schema, 'out', options as never)).toThrowError(expect.objectContaining({ code: P, ...error }))
  })

  it('registered, or asked for', async () => {
    const db = await filled()
    for (const not of [null, undefined, {}, 5]) expect(() => projections(not as never)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT', path: 'db' }))
    expect(() => projections(db, { engin: 'inline' } as never)).toThrowError(expect.objectContaining({ code: P, path: 'engin', nearest: 'engine' }))
    const p = projections(db)
    const Q = make(copied)
    for (const not of [null, undefined, {}, 'out', [Q]]) expect(() => p.register(not as never)).toThrowError(expect.objectContaining({ code: P, path: 'definitions[0]' }))
    expect(p.list()).toEqual([])
    await expect(p.project(Q, {}, { allowEmptyFilter: true } as never)).rejects.toMatchObject({ code: P, path: 'allowEmptyFilter', nearest: 'allowEmptyFilters' })
    await expect(p.project(Q, {}, 5 as never)).rejects.toMatchObject({ code: P, path: 'options' })
    await expect(p.project(null as never, {})).rejects.toMatchObject({ code: 'UNKNOWN_PROJECTION' })
    expect(() => p.subscribe(null as never)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(() => projection(schema, 'out', { inputs: ['src'], view: () => undefined as never }) && p.register(projection(schema, 'out', { inputs: ['src'], view: () => undefined as never }))).toThrowError(expect.objectContaining({ code: P, path: 'view' }))
    expect(() => p.register(projection(schema, 'list', { output: (() => 5) as never }))).toThrowError(expect.objectContaining({ code: P, path: 'output' }))
    for (const not of [0, -1, 'x']) expect(() => workers(() => ({}) as never, { size: not as never })).toThrowError(expect.objectContaining({ code: P, path: 'size' }))
    expect(() => workers(5 as never)).toThrowError(expect.objectContaining({ code: P, path: 'create' }))
    expect(() => { serve(null as never, {} as never) }).toThrowError(expect.objectContaining({ code: P }))
    await expect(projections(db, { tenant: 'x', engine: workers(() => 5 as never) }).project(Q, { o: 1 })).rejects.toMatchObject({ code: P, path: 'create' })
  })

  it('a view whose values the table cannot take is refused when it is registered', async () => {
    const typed = defineSchema({ src: columns(), names: table({ id: int().key(), name: string() }), wide: table({ id: bigint().key(), o: json().nullable() }) })
    const p = projections(await createDatabase({ schema: typed }))
    expect(() => p.register(projection(typed, 'names', { inputs: ['src'], view: (_, { src }) => from(src).select(s => ({ id: s.id, name: s.o }) as any) }))).toThrowError(expect.objectContaining({ code: 'TYPE_MISMATCH', path: 'view', offending: 'name' }))
    expect(p.list()).toEqual([])
    p.register(projection(typed, 'wide', { inputs: ['src'], view: (_, { src }) => from(src) }))
    p.db.apply([{ op: 'insert', table: 'src', row: { id: 1, o: 5 } }])
    expect([p.status('wide'), p.db.live(p.db.query.wide).rows]).toEqual([{ status: 'ready' }, [{ id: 1n, o: 5 }]])
  })

  it.each<[string, unknown, object]>([
    ['rows that are none', (r: any) => { r.tx.materialize([{ id: 1 }, 5]) }, { code: P, path: 'rows[1]' }],
    ['a text for rows', (r: any) => { r.tx.materialize('abc') }, { code: P }],
    ['an option of materialize', (r: any) => { r.tx.materialize([], { onConflikt: 'raise' }) }, { code: P, path: 'onConflikt', nearest: 'onConflict' }],
  ])('%s', async (_, derive, error) => {
    await expect(projections(await filled()).project(make(derive as never), { o: 1 })).rejects.toMatchObject(error)
  })

  it.each<[string, object, object]>([
    ['a value of another type', { o: 'abc' }, { code: 'TYPE_MISMATCH', path: 'lens.o', offending: "'abc'" }],
    ['one in a list', { o: { in: [1, 'abc'] } }, { code: 'TYPE_MISMATCH', path: 'lens.o' }],
    ['a function', { o: () => 1 }, { code: 'TYPE_MISMATCH', path: 'lens.o' }],
    ['an operator that there is not', { o: { '=>': 1 } }, { code: 'LENS_INVALID', path: 'lens.o', nearest: '>=' }],
    ['no operator at all', { o: {} }, { code: 'LENS_INVALID', path: 'lens.o' }],
    ['more values than a query holds', { o: { in: Array.from({ length: 20_000 }, (_, i) => i) } }, { code: 'QUERY_INVALID', path: 'lens' }],
  ])('a lens: %s', async (_, given, error) => {
    const db = await filled()
    await expect(projections(db).project(make(copied), given as never)).rejects.toMatchObject(error)
    expect(() => lens({}, 5 as never)).toThrowError(expect.objectContaining({ code: 'LENS_INVALID', path: 'reducer' }))
    expect(() => lens({}, undefined, { ignoreUnkown: true } as never)).toThrowError(expect.objectContaining({ code: 'LENS_INVALID', nearest: 'ignoreUnknown' }))
  })
})

describe('a function over a view of a function', () => {
  const cells = () => table({ id: int().key(), o: int().nullable() })
  const counts = () => table({ o: int().key(), n: int() })
  const deep = defineSchema({ src: cells(), a: cells(), v: counts(), b: counts() })

  it.each(['inline', 'microtask'] as const)('runs for the lens that a row has left, %s', async engine => {
    const db = await createDatabase({ schema: deep })
    const p = projections(db, { engine })
    const A = projection(deep, 'a', { inputs: ['src'], derive: ({ inputs, tx, lens }) => { tx.dematerialize(lens); tx.materialize(inputs.src.toArray()) } })
    const V = projection(deep, 'v', { inputs: [A], view: (_: any, { a }: any) => (from(a) as any).where('o', 'is not', null).groupBy('o').select((r: any) => ({ o: r.o, n: count() })) } as any)
    const ran: string[] = []
    const B = projection(deep, 'b', { inputs: [V], derive: ({ inputs, tx, lens }: any) => { ran.push(String(lens)); tx.dematerialize(lens); tx.materialize(inputs.v.toArray()) } } as any)
    for (const o of [1, 2]) await p.project(B as any, { o })
    const moved = async (id: number, o: number): Promise<unknown[]> => {
      db.apply([{ op: 'upsert', table: 'src', row: { id, o } }])
      await p.idle()
      return db.live(db.query.b.orderBy('o')).rows.map((r: any) => [r.o, r.n])
    }
    expect(await moved(1, 2)).toEqual([[2, 1]])
    ran.length = 0
    // The first lens takes the row from the second one, which has nothing left to do itself: its view is changed all the same.
    expect(await moved(1, 1)).toEqual([[1, 1]])
    expect(ran).toHaveLength(2)
    expect(await moved(7, 2)).toEqual([[1, 1], [2, 1]])
    expect(await moved(7, 1)).toEqual([[1, 2]])
    expect(p.status(B as any)).toEqual({ status: 'ready' })
    db.close()
  })
})
