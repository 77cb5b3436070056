// Values that cannot be turned into texts, or contain themselves, in every place that takes one: they work, or are refused by a typed error.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as E from '../../../pkg/index.inline.js'

const schema = E.defineSchema({
  t: E.table({
    id: E.int().key(), text: E.string().nullable(), n: E.number().nullable(), i: E.int().nullable(), big: E.bigint().nullable(), bool: E.boolean().nullable(), at: E.timestamp().nullable(),
    js: E.json().nullable(), raw: E.bytes().nullable(), dec: E.decimal().nullable(), day: E.date().nullable(), tm: E.time().nullable(), uu: E.uuid().nullable(), iv: E.interval().nullable(),
    tags: E.array(E.string()).nullable(), ints: E.array(E.int()).nullable(),
  }),
  p: E.table({ id: E.int().key(), t: E.int() }),
  own: E.table({ id: E.int().key() }, { tenant: true }),
}, { t: { ps: E.hasMany('p', 't') } })
const columns = Object.keys(schema.tables.t.columns)
const L = E as any

const bare = (more: object = {}): any => Object.assign(Object.create(null), more)
const circle: any = { a: 1 }
circle.circle = circle
const ring: any[] = [1]
ring.push(ring)
const unspeakable = { toString() { throw new Error('says nothing') } }
const odd: Record<string, any> = { symbol: Symbol('s'), 'an object without prototype': bare(), 'a circle': circle, 'a ring': ring, unspeakable, 'a list of a symbol': [Symbol('s')], 'a list of bare objects': [bare()], 'a list of a bigint': [1n << 70n], 'a large bigint': 1n << 70n,
  bytes: new Uint8Array([1]), 'no date': new Date(NaN), 'a map': new Map([[1, 2]]), 'a set': new Set([1]), null: null, undefined: undefined, 'an instance': new (class { id = 1 })(), 'an empty text': '', NaN: NaN }

let db: any, q: any
beforeAll(async () => {
  db = await E.createDatabase({ schema, onError() {} })
  q = db.query.t
  db.apply([{ op: 'insert', table: 't', row: { id: 1 } }])
})
afterAll(() => { db.close() })

const said = (v: unknown): string => { try { return String(v) } catch { return 'an object' } }
/** What is no typed error, by the call. */
async function raw(calls: Record<string, (v: any) => unknown>): Promise<string[]> {
  const found: string[] = []
  for (const [call, run] of Object.entries(calls)) {
    for (const [name, v] of Object.entries(odd)) {
      try {
        const made = await run(v)
        // A query that was not refused by its step is when it is opened.
        if (typeof (made as any)?.toJSON === 'function' && (made as any).where !== undefined) db.live(made).dispose()
      } catch (error) {
        if (!(error instanceof E.EddylineError)) found.push(`${call} with ${name}: ${said(error)}`)
        else if (error.code === 'ENGINE_CRASHED') throw error
      }
    }
  }
  expect(db.live(q).status).toBe('ready')
  return found
}

describe('odd values are typed errors or work', () => {
  it('in changes', async () => {
    const apply = (more: object) => () => db.apply({ changes: [{ op: 'upsert', table: 't', row: { id: 1 }, ...more }] })
    expect(await raw({
      'apply()': v => db.apply(v), changes: v => db.apply({ changes: v }), 'a change': v => db.apply([v]),
      ...Object.fromEntries(['source', 'cursor', 'origin', 'tenant', 'stale', 'changes'].map(name => [`batch.${name}`, (v: any) => db.apply({ changes: [], [name]: v })])),
      ...Object.fromEntries(['op', 'table', 'row', 'tenant', 'odd'].map(name => [`change.${name}`, (v: any) => apply({ [name]: v })()])),
      rows: v => db.apply([{ op: 'upsert', table: 't', rows: v }]), 'rows[0]': v => db.apply([{ op: 'upsert', table: 't', rows: [v] }]),
      id: v => db.apply([{ op: 'delete', table: 't', id: v }]), touched: v => db.apply([{ op: 'touch', table: 't', id: v }]),
      set: v => db.apply([{ op: 'update', table: 't', id: 1, set: v }]), 'the tenant of a change': v => db.apply([{ op: 'delete', table: 'own', id: 1, tenant: v }]),
      ...Object.fromEntries(columns.flatMap(c => [[`row.${c}`, (v: any) => apply({ row: { id: 1, [c]: v } })()], [`set.${c}`, (v: any) => db.apply([{ op: 'update', table: 't', id: 1, set: { [c]: v } }])]])),
      applyJson: v => db.applyJson(v), ...Object.fromEntries(['table', 'op', 'source', 'cursor', 'tenant', 'stale', 'origin', 'atomic', 'onProgress', 'signal'].map(name => [`json ${name}`, (v: any) => db.applyJson('[]', { table: 't', [name]: v })])),
    })).toEqual([])
    db.apply([{ op: 'reset', table: 't', rows: [{ id: 1 }] }])
  })

  it('in the methods of a database', async () => {
    const live = db.live(q.where((x: any) => E.gt(x.i, E.param('p'))), { params: { p: 1 } })
    expect(await raw({
      live: v => db.live(v), 'live options': v => db.live(q, v), ...Object.fromEntries(['label', 'tenant', 'params', 'window', 'sliced', 'odd'].map(name => [`live ${name}`, (v: any) => db.live(q, { [name]: v }).dispose()])),
      'live window[0]': v => db.live(q, { window: [v, 1] }), explain: v => db.explain(v), 'explain options': v => db.explain(q, v), 'explain tenant': v => db.explain(q, { tenant: v }),
      cursor: v => db.cursor(v), tenant: v => db.tenant(v), subscribe: v => db.subscribe(v), 'live.subscribe': v => live.subscribe(v), setParams: v => live.setParams(v), 'a parameter': v => live.setParams({ p: v }),
      window: v => live.window(v, 1), 'apply options': v => db.apply([], v), durable: v => db.apply([], { durable: v }),
      connect: v => db.connect(v), ...Object.fromEntries(['name', 'sync', 'stale', 'table', 'odd'].map(name => [`source.${name}`, (v: any) => db.connect({ name: 's', sync() {}, [name]: v }).close()])),
      'tenant.live': v => db.tenant('a').live(v), 'tenant.apply': v => db.tenant('a').apply(v), 'tenant of a batch': v => db.tenant('a').apply({ changes: [], tenant: v }), 'tenant of a change': v => db.tenant('a').apply([{ op: 'delete', table: 'own', id: 1, tenant: v }]),
      'table in a tenant': v => db.tenant('a').apply([{ op: 'delete', table: v, id: 1 }]), 'json in a tenant': v => db.tenant('a').applyJson('[]', { tenant: v }), 'query of a tenant': v => db.tenant('a').live(q, { tenant: v }),
      createDatabase: v => E.createDatabase(v), ...Object.fromEntries(['schema', 'name', 'fetchRow', 'onError', 'graceMs', 'storage', 'memory', 'odd'].filter(name => name !== 'storage').map(name => [`createDatabase ${name}`, async (v: any) => (await E.createDatabase({ schema, [name]: v } as any)).close()])),
      'memory.budget': v => E.createDatabase({ schema, memory: { budget: v } } as any),
    })).toEqual([])
    live.dispose()
  })

  it('in the steps of a query', async () => {
    const on = (a: any, b: any) => E.eq(a.id, b.t)
    const ops = ['=', '!=', '<', 'in', 'not in', 'like', '~', 'between', 'is', 'is not']
    expect(await raw({
      from: v => L.from(v, 't'), 'from name': v => L.from(schema, v), where: v => q.where(v), 'where callback': v => q.where(() => v), 'where column': v => q.where(v, '=', 1), 'where op': v => q.where('id', v, 1),
      ...Object.fromEntries(columns.flatMap(c => ops.map(op => [`where ${c} ${op}`, (v: any) => q.where(c, op, v)]))),
      ...Object.fromEntries(columns.map(c => [`where ${c} in of it`, (v: any) => q.where(c, 'in', [v])])),
      orderBy: v => q.orderBy(v), 'orderBy callback': v => q.orderBy(() => v), direction: v => q.orderBy('id', v), 'order options': v => q.orderBy('id', 'asc', v), nulls: v => q.orderBy('id', 'asc', { nulls: v }),
      as: v => q.as(v), limit: v => q.limit(v), offset: v => q.offset(v), startAt: v => q.startAt(v), startAfter: v => q.orderBy('text').startAfter({ text: v, id: v }), 'start list': v => q.startAt([v]),
      select: v => q.select(v), 'select two': v => q.select('id', v), 'select callback': v => q.select(() => v), member: v => q.select(() => ({ v })),
      with: v => q.with(v), 'with callback': v => q.with('ps', v), 'with given': v => q.with('ps', () => v), withAggregate: v => q.withAggregate(v, 'ps', () => E.count()), 'withAggregate of': v => q.withAggregate('a', v, () => E.count()), 'withAggregate by': v => q.withAggregate('a', 'ps', v), 'withAggregate made': v => q.withAggregate('a', 'ps', () => v), withCount: v => q.withCount(v), 'withCount as': v => q.withCount('ps', v),
      innerJoin: v => q.innerJoin(v, on), on: v => q.innerJoin('p', v), 'on made': v => q.innerJoin('p', () => v), alias: v => q.innerJoin('p', on, v), crossJoin: v => q.crossJoin(v), 'cross alias': v => q.crossJoin('p', v),
      unnest: v => q.unnest(v, (x: any) => x.tags), 'unnest of': v => q.unnest('u', v), 'unnest made': v => q.unnest('u', () => v), 'unnest kind': v => q.unnest('u', (x: any) => x.tags, v),
      distinct: v => q.distinct(v), distinctOn: v => q.distinctOn(v), 'distinctOn made': v => q.distinctOn(() => v), limitBy: v => q.limitBy(v, 1), 'limitBy n': v => q.limitBy('id', v), 'limitBy offset': v => q.limitBy('id', 1, v),
      union: v => q.union(v), groupBy: v => q.groupBy(v), 'groupBy made': v => q.groupBy(() => v), 'groupBy sets': v => q.groupBy(L.rollup('id'), v), 'groupBy two': v => q.groupBy('id', v), having: v => q.groupBy('id').having(v), 'having made': v => q.groupBy('id').having(() => v),
    })).toEqual([])
  })

  it('in functions of queries', async () => {
    const calls: Record<string, (v: any) => unknown> = {}
    const value = (make: (x: any, v: any) => unknown) => (v: any) => q.select((x: any) => ({ v: make(x, v) }))
    const skip = new Set(['createDatabase', 'init', 'defineSchema', 'from', 'EddylineError', 'applyPatches', 'toJsonPatch', 'plainPatches', 'recursive', 'withParams', 'table', 'belongsTo', 'hasOne', 'hasMany', 'manyToMany', 'through', 'array', 'string', 'number', 'int', 'bigint', 'boolean', 'timestamp', 'json', 'bytes', 'decimal', 'date', 'time', 'uuid', 'interval'])
    for (const name of Object.keys(L)) {
      if (skip.has(name) || typeof L[name] !== 'function') continue
      calls[`${name}(v)`] = value((_, v) => L[name](v))
      for (const c of ['text', 'i', 'dec', 'at', 'iv', 'tags', 'js', 'day']) calls[`${name}(${c}, v)`] = value((x, v) => L[name](x[c], v))
      calls[`${name}(text, 'x', v)`] = value((x, v) => L[name](x.text, 'x', v))
      calls[`${name}(v, v, v)`] = value((_, v) => L[name](v, v, v))
      calls[`over(${name}(v))`] = value((_, v) => L.over(L[name](v), v))
    }
    const rank = { partitionBy: 'partitionBy', orderBy: 'orderBy', frame: 'frame' }
    for (const name of Object.keys(rank)) calls[`over ${name}`] = value((_, v) => L.over(E.rowNumber(), { [name]: v }))
    for (const name of ['unit', 'start', 'end', 'exclude']) calls[`frame ${name}`] = value((x, v) => L.over(E.sum(x.i), { orderBy: x.id, frame: { unit: 'rows', start: { preceding: 1 }, [name]: v } }))
    calls['frame offset'] = value((x, v) => L.over(E.sum(x.i), { orderBy: x.id, frame: { unit: 'range', start: { preceding: v } } }))
    for (const name of ['where', 'distinct', 'orderBy']) calls[`stringAgg ${name}`] = v => q.groupBy('id').select((x: any) => ({ v: L.stringAgg(x.text, ',', { [name]: v }) }))
    calls['a parameter without a type'] = v => db.live(q.select(() => ({ v: E.param('p') })), { params: { p: v } }).dispose()
    for (const c of columns) calls[`a parameter beside ${c}`] = v => db.live(q.where((x: any) => E.eq(x[c], E.param('p'))), { params: { p: v } }).dispose()
    Object.assign(calls, {
      recursive: (v: any) => L.recursive(v, q.select('id'), (f: any) => f), 'recursive base': (v: any) => L.recursive('r', v, (f: any) => f), 'recursive step': (v: any) => L.recursive('r', q.select('id'), v), 'recursive made': (v: any) => L.recursive('r', q.select('id'), () => v), 'recursive options': (v: any) => L.recursive('r', q.select('id'), (f: any) => f, v),
      'recursive min': (v: any) => L.recursive('r', q.select('id'), (f: any) => f, { min: v }), 'recursive column': (v: any) => L.recursive('r', q.select('id'), (f: any) => f, { min: { column: v, by: [v] } }), 'recursive rounds': (v: any) => L.recursive('r', q.select('id'), (f: any) => f, { maxRounds: v }),
      withParams: (v: any) => L.withParams(v, () => q), 'withParams type': (v: any) => db.live(L.withParams({ p: v }, (p: any) => q.where((x: any) => E.eq(x.i, p.p))), { params: { p: 1 } }), 'withParams made': (v: any) => db.live(L.withParams({}, () => v)),
    })
    expect(await raw(calls)).toEqual([])
  })

  it('in schemas and diffs', async () => {
    const id = { id: E.int().key() }
    const s = (relation: any) => E.defineSchema({ a: E.table(id), b: E.table({ ...id, a: E.int() }) }, { a: { r: relation } } as any)
    expect(await raw({
      defineSchema: v => L.defineSchema(v), 'a table': v => L.defineSchema({ a: v }), relations: v => L.defineSchema({ a: E.table(id) }, v), 'relations of': v => L.defineSchema({ a: E.table(id) }, { a: v }), relation: v => s(v),
      table: v => L.defineSchema({ a: L.table(v) }), column: v => L.defineSchema({ a: L.table({ ...id, c: v }) }), 'table options': v => L.table(id, v), tenant: v => L.table(id, { tenant: v }), array: v => L.array(v),
      ...Object.fromEntries(['belongsTo', 'hasOne', 'hasMany'].flatMap(kind => [[`${kind} table`, (v: any) => s(L[kind](v, 'a'))], [`${kind} columns`, (v: any) => s(L[kind]('b', v))], [`${kind} options`, (v: any) => s(L[kind]('b', 'a', v))], ...['references', 'where', 'orderBy', 'odd'].map(name => [`${kind} ${name}`, (v: any) => s(L[kind]('b', 'a', { [name]: v }))])])),
      'orderBy of an association': v => s(L.hasMany('b', 'a', { orderBy: [v] })), 'direction of one': v => s(L.hasMany('b', 'a', { orderBy: [['a', v]] })), 'nulls of one': v => s(L.hasMany('b', 'a', { orderBy: [['a', 'asc', { nulls: v }]] })), 'where of one': v => s(L.hasMany('b', 'a', { where: () => v })),
      manyToMany: v => s(L.manyToMany('b', v, ['a', 'id'])), 'manyToMany columns': v => s(L.manyToMany('b', 'b', v)), duplicates: v => s(L.manyToMany('b', 'b', ['a', 'id'], { duplicates: v })), through: v => s(L.through(v, 'a')),
      applyPatches: v => L.applyPatches(v, []), diff: v => L.applyPatches([], v), patch: v => L.applyPatches([], [v]), ...Object.fromEntries(['t', 'path', 'key', 'at', 'value', 'fields', 'from', 'to'].flatMap(name => ['add', 'remove', 'set', 'move', 'one'].map(t => [`${t} ${name}`, (v: any) => L.applyPatches([{ id: 1 }], [{ t, path: [], key: 1, at: 0, from: 0, to: 0, value: { id: 1 }, fields: {}, [name]: v }])]))),
      keyOf: v => L.applyPatches([], [], v), toJsonPatch: v => L.toJsonPatch(v, v), plainPatches: v => L.plainPatches(v),
    })).toEqual([])
  })

  it('objects without a prototype are objects: as options, parts of an interval, rows, keys, sources, batches, orders, and values of JSON', async () => {
    const bareDb = await E.createDatabase(bare({ schema: bare(schema), onError: () => {} }))
    const got: unknown[] = []
    bareDb.apply(bare({ changes: [bare({ op: 'insert', table: 't', row: bare({ id: 1, text: 'a', js: bare({ x: bare() }), iv: bare({ days: 2 }) }) }), bare({ op: 'insert', table: 't', rows: [bare({ id: 2 })] })], source: 's', cursor: 1 }) as any)
    bareDb.apply([bare({ op: 'update', table: 't', id: bare({ id: 1 }), set: bare({ n: 1.5 }) }) as any])
    const live = bareDb.live(bareDb.query.t.orderBy('text', 'desc', bare({ nulls: 'last' })).select(x => bare({ id: x.id, text: x.text, n: x.n, js: x.js, iv: x.iv }) as { id: typeof x.id }), bare({ label: 'l', window: [0, 5] }))
    live.subscribe(({ rows }) => { got.push(...rows) })
    expect(live.rows).toEqual([{ id: 1, text: 'a', n: 1.5, js: { x: {} }, iv: '2 days' }, { id: 2, text: null, n: null, js: null, iv: null }])
    expect(bareDb.live(bareDb.query.t.where('iv', '=', bare({ days: 2 })).startAt(bare({ id: 1 }))).rows.length).toBe(1)
    const connection = bareDb.connect(bare({ name: 'bare', sync(s: any) { s.write(bare({ op: 'delete', table: 't', id: 2 })); s.markReady() } }))
    await connection.ready
    expect(got.map((r: any) => r.id)).toEqual([1])
    expect(() => bareDb.connect(bare({ name: 'bare', snyc() {}, sync() {} }))).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', nearest: 'sync' }))
    bareDb.close()
  })
})
