// Opening: stored rows come in parts, and queries that are named grow with them.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { count, createDatabase, defineSchema, from, int, string, table } from '../../../pkg/index.inline.js'
import { MemoryFolder, files, indexedDb, memory, opfs, storage } from '../../../pkg/storage/index.js'
import { inParts } from '../../../src/ts/storage/packed.js'

const schema = defineSchema({
  items: table({ id: int().key(), kind: string(), points: int().nullable() }),
  notes: table({ id: string().key(), text: string() }, { tenant: true } as never),
})
const QUERIES = [
  from(schema, 'items').where('kind', '=', 'a').orderBy('points', 'desc').limit(20),
  from(schema, 'items').groupBy('kind').select(i => ({ kind: i.kind, n: count() })),
  from(schema, 'items').where('points', '>', 500).orderBy('id'),
]
const row = (id: number) => ({ id, kind: 'abc'[id % 3], points: id % 7 === 0 ? null : (id * 7919) % 1000 })

/** 5,000 rows: in the checkpoint, or in the log alone as one transaction with a cursor, and changes behind. */
async function stored(checkpoint: boolean) {
  const folder = new MemoryFolder()
  const db = await createDatabase({ schema, storage: memory(folder, { checkpointBytes: Infinity }) })
  db.apply({ changes: [{ op: 'insert', table: 'items', rows: Array.from({ length: 5000 }, (_, i) => row(i)) }], source: 'api', cursor: 'fünf' })
  if (checkpoint) await db.durability!.checkpoint()
  db.apply([{ op: 'delete', table: 'items', id: 3 }, { op: 'update', table: 'items', id: 4, set: { points: 999 } }, { op: 'insert', table: 'items', row: row(9000) }])
  await db.flush()
  const lists = QUERIES.map(q => [...db.live(q as never).rows])
  const all = [...db.live(db.query.items).rows]
  db.close()
  await db.durability!.closed
  return { folder, lists, all }
}

afterEach(() => { vi.useRealTimers() })

describe('opening', () => {
  it.each([true, false])('queries of the storage are there with the rows, and shared (checkpoint: %s)', async checkpoint => {
    const { folder, lists, all } = await stored(checkpoint)
    // A clock by which each look at it takes two milliseconds: what a part takes, whatever machine this is.
    let turns = 0, open = true, now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now += 2)
    const turn = (): void => { turns++; if (open) setImmediate(turn) }
    setImmediate(turn)
    const db = await createDatabase({ schema, storage: memory(folder, { queries: QUERIES }) })
    open = false
    vi.restoreAllMocks()
    // 5,000 rows, 200 at a time at first, and fewer as they take too long: the page has its turn behind each.
    expect(turns).toBeGreaterThan(25)
    expect([db.stats().views, db.cursor('api')]).toEqual([3, 'fünf'])
    const before = db.stats().rowsExamined
    const lives = QUERIES.map(q => db.live(q as never))
    expect([db.stats().views, db.stats().rowsExamined]).toEqual([3, before])
    expect(lives.map(l => [...l.rows])).toEqual(lists)
    expect([...db.live(db.query.items).rows]).toEqual(all)
    // They go on, and what was loaded is not told.
    let told = 0
    lives[1].subscribe(() => { told++ })
    db.apply([{ op: 'insert', table: 'items', row: row(9001) }])
    expect(told).toBe(1)
    db.close()
  })

  it('queries that nobody asks for are let go after ten seconds', async () => {
    const { folder } = await stored(true)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const db = await createDatabase({ schema, graceMs: 0, storage: memory(folder, { queries: QUERIES }) })
    const kept = db.live(QUERIES[1] as never)
    vi.advanceTimersByTime(9_900)
    expect(db.stats().views).toBe(3)
    vi.advanceTimersByTime(200)
    expect([db.stats().views, kept.rows.length]).toEqual([1, 3])
    db.close()
  })

  it('a query that is wrong is an error with its place, and the storage is free', async () => {
    const { folder } = await stored(true)
    const open = (queries: unknown) => createDatabase({ schema, storage: memory(folder, { queries: queries as never }) })
    await expect(open([QUERIES[0], { toJSON: () => ({ from: 'items', where: { op: '=', args: [{ col: 'pionts' }, { op: 'lit', value: 1 }] } }) }])).rejects.toMatchObject({ path: expect.stringMatching(/^storage\.queries\[1\]/) as unknown })
    await expect(open([5])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'storage.queries[0]' })
    for (const none of [5, null, undefined, 'items', [], new Map()]) await expect(open([QUERIES[0], none])).rejects.toMatchObject({ path: 'storage.queries[1]', message: expect.stringMatching(/^`storage.queries\[1\]`: a query, as .*, not /) as unknown })
    await expect(open([{ query: 5 }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'storage.queries[0].query', offending: '5' })
    await expect(open([{ qurey: QUERIES[0], tenant: 'a' }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'storage.queries[0].qurey', nearest: 'query' })
    await expect(open('items')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'storage.queries' })
    const db = await open(QUERIES)
    expect(db.stats().views).toBe(3)
    db.close()
  })

  it('options that there are not are refused, with the nearest one', () => {
    for (const make of [(o: any) => memory(new MemoryFolder(), o), (o: any) => files('/tmp', o), (o: any) => indexedDb('x', o), (o: any) => opfs('x', o)]) {
      expect(() => make({ querys: [] })).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT', path: 'storage.querys', nearest: 'queries' }))
      expect(() => make({ onCorrupt: 'rebuilt' })).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT', path: 'storage.onCorrupt', nearest: 'rebuild' }))
      expect(() => make({ version: 0 })).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT', path: 'storage.version' }))
    }
    // Those that there are, are taken.
    for (const tabs of [true, false]) for (const made of [indexedDb('x', { durability: 'relaxed', tabs, version: 2, checkpointBytes: 5 }), opfs('x', { worker: () => ({}) as Worker, tabs })]) expect(made.attach).toBeTypeOf('function')
    expect(() => indexedDb('x', { durability: 'strickt' as never })).toThrowError(expect.objectContaining({ nearest: 'strict' }))
  })

  it('places, media and migrations that are none are refused', () => {
    const refused = (make: () => unknown, path: string) => { expect(make).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT', path })) }
    for (const make of [files, indexedDb, opfs] as ((name?: any) => unknown)[]) for (const name of [undefined, '', 5, null, {}]) refused(() => make(name), 'storage')
    for (const open of [undefined, {}, 5, 'files']) refused(() => storage(open as never), 'storage')
    for (const migrations of [{ 2: 5 }, { x: () => null }, [], { 0: () => null }, { '1.5': () => null }]) refused(() => memory(new MemoryFolder(), { version: 2, migrations: migrations as never }), 'storage.migrations')
    expect(memory(new MemoryFolder(), { version: 3, migrations: { 2: r => r, 3: () => null } }).attach).toBeTypeOf('function')
  })

  it('what is no storage is refused by `createDatabase`', async () => {
    for (const given of [files, {}, 'files', 5]) await expect(createDatabase({ schema, storage: given as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'storage' })
  })

  it('a batch in parts is the batch: changes in order, the source with the last', () => {
    const text = (s: string) => new TextEncoder().encode(s)
    const source = text('api'), cursor = text('fünf')
    const head = new Uint8Array(40)
    const view = new DataView(head.buffer)
    view.setUint32(0, 7, true)
    view.setUint32(4, 1, true)
    view.setUint32(8, source.length, true); head.set(source, 12)
    view.setUint32(16, cursor.length, true); head.set(cursor, 20)
    view.setUint32(28, 0xffffffff, true)
    const change = (n: number): Uint8Array => {
      const out = new Uint8Array(16 + ((n + 7) & ~7) + 8)
      new DataView(out.buffer).setUint32(8, n, true)
      new DataView(out.buffer).setUint32(12, n % 2 === 0 ? 0 : 3, true)
      return n % 2 === 0 ? out.subarray(0, out.length - 8) : out
    }
    const changes = [5, 8, 1, 0, 40, 3, 2].map(change)
    const batch = new Uint8Array([...head.subarray(0, 32), ...changes.flatMap(c => [...c])])
    for (const most of [1, 2, 3, 7, 100]) {
      const parts = [...inParts(batch, () => most)]
      const bodies = parts.map((p, i) => p.subarray(i === parts.length - 1 ? 32 : 24))
      expect(parts.map(p => new DataView(p.buffer, p.byteOffset).getUint32(0, true)).reduce((a, b) => a + b)).toBe(7)
      expect(bodies.flatMap(b => [...b])).toEqual(changes.flatMap(c => [...c]))
      expect([...parts[parts.length - 1].subarray(4, 32)]).toEqual([...head.subarray(4, 32)])
      for (const p of parts.slice(0, -1)) expect([...p.subarray(4, 24)]).toEqual([1, 0, 0, 0, ...Array(12).fill(255), 0, 0, 0, 0])
    }
    const empty = batch.slice(0, 32)
    empty[0] = 0
    expect([...inParts(empty, () => 5)]).toEqual([empty])
  })
})
