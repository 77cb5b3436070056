// Rows that nobody follows: `read` of a query, `get` of a key; of databases and scopes, in the page and in a worker.
import { describe, expect, it } from 'vitest'
import { bytes, createDatabase, date, decimal, defineSchema, div, eq, gt, int, interval, number, string, table, timestamp, uuid, withParams } from '../../../pkg/index.inline.js'
import '../../../pkg/watch/index.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { eventually, failure, issue, open, put, schema, tick } from './support.js'

describe('read', () => {
  it('gives the rows as they are, and follows nothing', async () => {
    const { db } = await open({ graceMs: 0 })
    const open2 = db.query.issues.where('status', '=', 'open').orderBy('id')
    expect(db.read(open2)).toEqual([])
    db.apply([put('a'), put('b', { status: 'done' }), put('c')])
    const rows = db.read(open2)
    expect(rows.map(r => r.id)).toEqual(['a', 'c'])
    db.apply([put('d')])
    expect(rows.map(r => r.id)).toEqual(['a', 'c'])
    expect(db.read(open2).map(r => r.id)).toEqual(['a', 'c', 'd'])
    await eventually(() => db.stats().views === 0)
    expect(db.stats().views).toBe(0)
  })

  it('shows what a listener has applied before the others hear of it', async () => {
    const { db, errors } = await open()
    const seen: string[][] = []
    db.live(db.query.issues).subscribe(({ rows }) => {
      if (rows.length === 1) db.apply([put('b')])
      seen.push(db.read(db.query.issues.orderBy('id').select('id')).map(r => r.id))
    })
    db.apply([put('a')])
    expect([seen, errors]).toEqual([[['a', 'b'], ['a', 'b']], []])
  })

  it('takes parameters, windows and tenants, and rows of a long list stay readable', async () => {
    const { db } = await open({ graceMs: 0 })
    db.apply([{ op: 'insert', table: 'issues', rows: Array.from({ length: 3000 }, (_, i) => issue(`i${String(i).padStart(4, '0')}`, { priority: i })) }])
    const from = withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)).orderBy('priority'))
    const rows = db.read(from, { params: { least: 99 } })
    expect(db.read(from, { params: { least: 5 }, window: [10, 2] }).map(r => r.priority)).toEqual([16, 17])
    db.apply([{ op: 'reset', table: 'issues' }])
    expect([rows.length, rows[0].priority, rows.at(-1)!.id]).toEqual([2900, 100, 'i2999'])
    const [x, y] = ['x', 'y'].map(id => db.tenant(id))
    x.apply([{ op: 'insert', table: 'notes', row: { id: 1, text: 'mine' } }])
    expect([x, y].map(t => t.read(t.query.notes).length)).toEqual([1, 0])
    expect(db.read(db.query.notes, { tenant: 'x' })).toEqual([{ id: 1, text: 'mine' }])
    expect(failure(() => x.read(x.query.notes, { tenant: 'y' } as never)).code).toBe('TENANT_MISMATCH')
  })

  it('throws what is wrong with a query, and why it cannot be evaluated; and goes on where a row could not be fetched', async () => {
    const { db, errors } = await open({ fetchRow: async () => { throw new Error('away') } })
    db.apply([put('a', { priority: 0 })])
    expect(failure(() => db.read(db.query.issues.where(i => eq(div(1, i.priority), 1))))).toMatchObject({ code: 'DIVISION_BY_ZERO', offending: "'a'" })
    expect(failure(() => db.read(db.query.issues.where(i => gt(i.title, 1 as never)))).code).toBe('TYPE_MISMATCH')
    expect(failure(() => db.read(db.query.issues, { windw: [0, 1] } as never)).code).toBe('INVALID_ARGUMENT')
    // In slices it would have none yet.
    expect(db.read(db.query.issues.where('id', '>', ''), { sliced: true } as never).length).toBe(1)
    db.apply([{ op: 'touch', table: 'issues', id: 'a' }])
    await eventually(() => errors.length > 0)
    expect(db.read(db.query.issues).map(r => r.id)).toEqual(['a'])
    db.close()
    expect(failure(() => db.read(db.query.issues)).code).toBe('CLOSED')
  })

  it('waits for the rows where the engine is in a worker', async () => {
    const db = await createWorkerDatabase({ schema, worker: 'inline', graceMs: 0, onError: () => {} })
    await db.apply([put('a', { priority: 0 }), put('b')])
    const live = db.live(db.query.issues.orderBy('id'), { sliced: true })
    expect((await db.read(db.query.issues.orderBy('id'))).map(r => r.id)).toEqual(['a', 'b'])
    const least = withParams({ least: 'int' }, p => db.query.issues.where(i => gt(i.priority, p.least)))
    expect((await db.read(least, { params: { least: 0 } })).map(r => r.id)).toEqual(['b'])
    await expect(db.read(db.query.issues.where(i => eq(div(1, i.priority), 1)))).rejects.toMatchObject({ code: 'DIVISION_BY_ZERO' })
    await expect(db.read(db.query.issues.where(i => gt(i.title, 1 as never)))).rejects.toMatchObject({ code: 'TYPE_MISMATCH' })
    await db.tenant('x').apply([{ op: 'insert', table: 'notes', row: { id: 1, text: 'mine' } }])
    expect(await db.tenant('x').read(db.query.notes)).toEqual([{ id: 1, text: 'mine' }])
    await expect(db.tenant('x').read(db.query.notes, { tenant: 'y' } as never)).rejects.toMatchObject({ code: 'TENANT_MISMATCH' })
    live.dispose()
    await eventually(async () => (await db.stats()).views === 0)
    expect((await db.stats()).views).toBe(0)
    // One that waits as the database is closed.
    const waiting = db.read(db.query.issues.where('id', '=', 'b')).then(() => 'rows', e => e.code)
    db.close()
    await tick()
    expect(await waiting).toBe('CLOSED')
    await expect(db.read(db.query.issues)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

const keyed = defineSchema({
  all: table({ uid: uuid().key(), at: timestamp().key(), day: date().key(), price: decimal().key(), span: interval().key(), raw: bytes().key(), n: number().key(), text: string() }),
  notes: table({ id: int().key(), text: string() }, { tenant: true }),
})
const row = { uid: '00000000-0000-0000-0000-00000000000a', at: new Date(5), day: '2024-02-29', price: '1.50', span: '1 day', raw: new Uint8Array([1]), n: 0.5, text: 'x' } as const

describe('get', () => {
  it.each(['page', 'worker'])('gives the row with a key as it is now, in each form that a key has (%s)', async where => {
    const db = where === 'page' ? await createDatabase({ schema: keyed }) : await createWorkerDatabase({ schema: keyed, worker: 'inline', graceMs: 0 })
    await db.apply([{ op: 'insert', table: 'all', row: { ...row } }])
    await db.tenant('x').apply([{ op: 'insert', table: 'notes', row: { id: 1, text: 'mine' } }])
    const { uid, at, day, price, span, raw, n, text } = row
    for (const key of [[uid, at, day, price, span, raw, n], [uid.toUpperCase(), 5, new Date('2024-02-29T12:00:00Z'), 1.5, { hours: 24 }, raw, n], { uid, at: at.toISOString(), day, price, span: '24:00', raw, n }]) {
      expect(await db.get('all', key as never), String(key)).toEqual({ uid, at, day, price, span, raw, n, text })
    }
    expect(await db.get('all', [uid, 6, day, price, span, raw, n])).toBe(undefined)
    expect([await db.tenant('x').get('notes', 1), await db.tenant('y').get('notes', 1), await db.get('notes', 1, { tenant: 'x' })]).toEqual([{ id: 1, text: 'mine' }, undefined, { id: 1, text: 'mine' }])
    await db.tenant('x').apply([{ op: 'update', table: 'notes', id: 1, set: { text: 'later' } }])
    expect((await db.tenant('x').get('notes', 1))?.text).toBe('later')
    await db.tenant('x').apply([{ op: 'delete', table: 'notes', id: 1 }])
    expect(await db.tenant('x').get('notes', 1)).toBe(undefined)

    const wrong = (run: () => unknown) => Promise.resolve().then(run).then(() => 'none', ({ code, path, offending }) => [code, path, offending])
    expect(await wrong(() => db.get('al' as never, 1 as never))).toEqual(['UNKNOWN_TABLE', 'table', 'al'])
    expect(await wrong(() => db.get('all', uid as never))).toEqual(['MISSING_KEY', 'id', undefined])
    expect(await wrong(() => db.get('all', undefined as never))).toEqual(['CHANGE_INVALID', 'id', undefined])
    expect(await wrong(() => db.get('notes', 1))).toEqual(['TENANT_REQUIRED', 'tenant', 'notes'])
    expect(await wrong(() => db.get('notes', 'x' as never, { tenant: 'x' }))).toEqual(['TYPE_MISMATCH', 'id', 'id'])
    expect((await wrong(() => db.get('notes', 1, { tenan: 'x' } as never)))[0]).toBe('INVALID_ARGUMENT')
    // What was wrong there does not stay in the way of a change.
    await db.tenant('x').apply([{ op: 'insert', table: 'notes', row: { id: 2, text: 'on' } }])
    expect((await db.tenant('x').get('notes', 2))?.text).toBe('on')
    db.close()
    expect((await wrong(() => db.get('notes', 1, { tenant: 'x' })))[0]).toBe('CLOSED')
  })

  it('sees what a listener has applied, and looks at no other row', async () => {
    const { db } = await open()
    db.apply([{ op: 'insert', table: 'issues', rows: Array.from({ length: 3000 }, (_, i) => issue(`i${i}`)) }])
    const seen: unknown[] = []
    db.live(db.query.issues.where('id', '=', 'i5')).subscribe(({ rows }) => { if (rows[0].title === 'a') db.apply([put('i5', { title: 'b' })]); seen.push(db.get('issues', 'i5')?.title) })
    db.apply([put('i5', { title: 'a' })])
    expect(seen).toEqual(['b', 'b'])
    const { rowsExamined, views } = db.stats()
    for (let i = 0; i < 100; i++) expect(db.get('issues', `i${i}`)?.id).toBe(`i${i}`)
    expect([db.stats().rowsExamined, db.stats().views]).toEqual([rowsExamined, views])
  })
})
