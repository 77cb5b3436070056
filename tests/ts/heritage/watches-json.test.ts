// JSON that is applied through a scope: rows that come and go within it, upserts, writes that change nothing.
import { expect, it } from 'vitest'
import { bigint, bytes, createDatabase, decimal, defineSchema, int, number, table, timestamp } from '../../../pkg/index.inline.js'
import { tenant, watches } from '../../../pkg/watch/index.js'
import { failure, open, remove, type schema, user, vector } from './tenants.js'

it('what JSON writes through a scope counts as what `apply` writes', async () => {
  const changes: unknown[][] = [
    [user('1', 'Alice'), remove('users', '1')],
    [user('2', 'Bob'), { op: 'upsert', table: 'users', row: { id: '3', name: 'Eve', notes: null } }],
    [{ op: 'upsert', table: 'users', row: { id: '3', name: 'Eve', notes: null } }, { op: 'update', table: 'users', key: '2', set: { name: 'Bob' } }],
    [{ op: 'upsert', table: 'users', row: { id: '3', name: 'Ada', notes: null } }],
    [{ op: 'reset', table: 'users', rows: [{ id: '2', name: 'Bob', notes: null }, { id: '4', name: 'Alice', notes: null }] }, remove('users', '4')],
    [{ op: 'insert', table: 'seats', row: { row: 'A', number: 1, guest: null } }, { op: 'delete', table: 'seats', id: ['A', 1] }],
  ]
  const json = (list: unknown[]): string => JSON.stringify(list)
  const lines = (list: unknown[]): string => `\ufeff${list.map(c => JSON.stringify(c, null, 1)).join('\n')}\n`
  const pieces = (list: unknown[]): ReadableStream<Uint8Array> => new ReadableStream({ start(c) {
    for (const byte of new TextEncoder().encode(json(list))) c.enqueue(Uint8Array.of(byte))
    c.close()
  } })
  type T = ReturnType<typeof tenant<typeof schema>>
  const ways: Record<string, (t: T, list: unknown[]) => unknown> = {
    apply: (t, list) => t.apply(list.map((c: any) => 'key' in c ? { ...c, id: c.key, key: undefined } : c) as never),
    text: (t, list) => t.applyJson(json(list)),
    bytes: (t, list) => t.applyJson(new TextEncoder().encode(lines(list))),
    batch: (t, list) => t.applyJson(`{"tenant":"a","changes":${json(list)}}`),
    stream: (t, list) => t.applyJson(pieces(list)),
    response: (t, list) => t.applyJson(new Response(lines(list))),
    none: (t, list) => watches(t.db).applyJson(json(list), { tenant: 'a' } as never),
  }
  const told: Record<string, string[]> = {}
  for (const [name, apply] of Object.entries(ways)) {
    const t = tenant((await open()).db, 'a')
    const said: string[] = told[name] = []
    t.watch('users', 'changes', { noop: 'signal', upsertAs: 'insert' }, ({ counts, keys }) => { said.push(`${vector(counts)} +${keys.inserted} -${keys.deleted} ~${keys.updated}`) })
    t.watch('users', 'collection', { by: { name: 'Alice' } }, ({ keys }) => { said.push(`Alice +${keys.inserted} -${keys.deleted}`) })
    t.watch('seats', 'inserts', ({ keys }) => { said.push(`seat ${JSON.stringify(keys.inserted)}`) })
    for (const list of changes) await apply(t, list)
    said.push(vector(t.counters('users')))
  }
  expect(told['apply']).toEqual([
    '11202 +1 -1 ~', 'Alice +1 -1', '20202 +2,3 - ~', '10112 +3 - ~2', '10101 +3 - ~', '12314 +4 -3,4 ~2', 'Alice +4 -4', 'seat [["A",1]]', '00000',
  ])
  for (const name of Object.keys(ways)) expect(told[name], name).toEqual(told['apply'])
})

it('keys and values that JSON writes in forms of its own are the same rows', async () => {
  const other = defineSchema({
    big: table({ id: bigint().key(), at: timestamp(), n: int() }), exact: table({ id: decimal().key(), f: number().nullable() }), raw: table({ id: bytes().key(), n: int().nullable() }),
  })
  const t = watches(await createDatabase({ schema: other, graceMs: 0 }))
  const said: unknown[] = []
  t.watch('big', 'changes', { noop: 'signal' }, ({ keys }) => { said.push(keys.updated, keys.inserted) })
  t.watch('big', 'deletes', { by: { at: new Date(0) } }, ({ keys }) => { said.push(['gone', ...keys.deleted]) })
  t.watch('exact', 'deletes', ({ keys }) => { said.push(keys.deleted) })
  t.watch('exact', 'deletes', { by: { f: 0.5 } }, ({ keys }) => { said.push(keys.deleted) })
  t.watch('raw', 'collection', ({ counts, keys }) => { said.push([counts.collection, ...keys.deleted as Uint8Array[]].map(String)) })
  t.apply([{ op: 'insert', table: 'big', row: { id: 9007199254740993n, at: 0, n: 1 } }, { op: 'insert', table: 'big', row: { id: 9007199254740992n, at: 0, n: 2 } }])
  said.length = 0
  t.applyJson('[{"op":"upsert","table":"big","row":{"id":9007199254740993,"at":"1970-01-01T00:00:00.000Z","n":1.0}},{"op":"upsert","table":"big","row":{"id":"9007199254740992","at":0,"n":2}}]')
  expect(said.splice(0)).toEqual([[9007199254740993n, 9007199254740992n], []])
  t.applyJson('[{"op":"insert","table":"big","row":{"id":7,"at":-0,"n":1}},{"op":"delete","table":"big","id":[7]}]')
  expect(said.splice(0)).toEqual([[], [7n], ['gone', 7n]])
  t.applyJson('[{"op":"insert","table":"exact","row":{"id":0.1000000000000000000000000000001,"f":5e-1}},{"op":"delete","table":"exact","id":{"id":"0.1000000000000000000000000000001"}}]')
  expect(said.splice(0)).toEqual([['0.1000000000000000000000000000001'], ['0.1000000000000000000000000000001']])
  t.applyJson('[{"id":"\\\\xff00"},{"id":"_wA="}]', { table: 'raw', op: 'insert' })
  t.applyJson('[{"op":"insert","table":"raw","row":{"id":"AQ"}},{"op":"delete","table":"raw","id":"\\\\x01"}]')
  expect(said.splice(0)).toEqual([['1'], ['2', '1']])
  // What is wrong is told as ever, and nothing is counted.
  expect(failure(() => t.applyJson('[{"op":"insert","table":"raw","row":{"id":"?"}}]')).code).toBe('TYPE_MISMATCH')
  expect(failure(() => t.applyJson('[{"op":')).code).toBe('JSON_MALFORMED')
  expect(said).toEqual([])
})
