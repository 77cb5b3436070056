// Tables that are not stored: `except`.
import { describe, expect, it } from 'vitest'
import { boolean, createDatabase, defineSchema, int, max, scalar, string, table } from '../../../pkg/index.inline.js'
import { editsOf, overlay, projections } from '../../../pkg/project/index.js'
import { MemoryFolder, type StoreOptions, indexedDb, memory } from '../../../pkg/storage/index.js'
import { failure, random } from '../real/support.js'
import { Disk, Held } from './disks.js'

const schema = defineSchema({
  clock: table({ id: int().key(), now: int() }),
  notes: table({ id: int().key(), text: string() }),
  typing: table({ user: string().key(), at: int() }, { tenant: true }),
  mine: table({ id: int().key(), text: string() }, { tenant: true }),
})
const except = ['clock', 'typing']
const open = (folder: MemoryFolder, options: StoreOptions = { except }) => createDatabase({ schema, storage: memory(folder, options), graceMs: 0 })
type Db = Awaited<ReturnType<typeof open>>
const rowsOf = (db: Db) => ({
  clock: db.read(db.query.clock.orderBy('id')), notes: db.read(db.query.notes.orderBy('id')),
  ...Object.fromEntries(['x', 'y'].map(t => [t, { typing: db.tenant(t).read(db.query.typing.orderBy('user')), mine: db.tenant(t).read(db.query.mine.orderBy('id')) }])),
})
const close = async (db: Db) => { const { closed } = db.durability!; db.close(); await closed }
const bytesIn = async (folder: MemoryFolder) => { let n = 0; for (const name of await folder.list()) n += (await folder.file(name)).size(); return n }

describe('tables that are not stored', () => {
  it('begin empty, beside those that are, and with their cursors', async () => {
    const folder = new MemoryFolder()
    let db = await open(folder)
    db.apply({ source: 's', cursor: 1, changes: [{ op: 'insert', table: 'clock', row: { id: 0, now: 1 } }, { op: 'insert', table: 'notes', row: { id: 1, text: 'a' } }] })
    db.tenant('x').apply([{ op: 'insert', table: 'typing', row: { user: 'u', at: 1 } }, { op: 'insert', table: 'mine', row: { id: 1, text: 'm' } }])
    db.apply({ source: 's', cursor: 2, changes: [{ op: 'update', table: 'clock', id: 0, set: { now: 2 } }] })
    await close(db)
    db = await open(folder)
    expect(rowsOf(db)).toEqual({ clock: [], notes: [{ id: 1, text: 'a' }], x: { typing: [], mine: [{ id: 1, text: 'm' }] }, y: { typing: [], mine: [] } })
    expect(db.cursor('s')).toBe('2')
    await db.durability!.checkpoint()
    db.apply([{ op: 'insert', table: 'clock', row: { id: 0, now: 3 } }])
    await db.durability!.checkpoint()
    await close(db)
    db = await open(folder, {})                               // nothing of them is there to be read
    expect(rowsOf(db)).toEqual({ clock: [], notes: [{ id: 1, text: 'a' }], x: { typing: [], mine: [{ id: 1, text: 'm' }] }, y: { typing: [], mine: [] } })
    await close(db)
  })

  it('cost the storage nothing', async () => {
    const folder = new MemoryFolder()
    const db = await open(folder)
    db.apply([{ op: 'insert', table: 'clock', row: { id: 0, now: 0 } }, { op: 'insert', table: 'notes', row: { id: 1, text: 'a' } }])
    await db.flush()
    const before = await bytesIn(folder)
    const later = db.live(db.query.notes.select(n => ({ id: n.id, now: scalar(db.query.clock.select(c => ({ now: max(c.now) }))) })))
    for (let now = 1; now <= 100; now++) await db.apply([{ op: 'update', table: 'clock', id: 0, set: { now } }], { durable: true })
    expect([later.rows, db.durability!.status, await bytesIn(folder)]).toEqual([[{ id: 1, now: 100 }], 'ready', before])
    db.apply([{ op: 'update', table: 'notes', id: 1, set: { text: 'b' } }])
    await db.flush()
    expect(await bytesIn(folder)).toBeGreaterThan(before)
    await close(db)
  })

  it('that were stored before are dropped, in memory and with the next checkpoint', async () => {
    const folder = new MemoryFolder()
    let db = await open(folder, {})
    db.apply([{ op: 'insert', table: 'clock', row: { id: 0, now: 1 } }, { op: 'insert', table: 'notes', row: { id: 1, text: 'a' } }])
    db.tenant('y').apply([{ op: 'insert', table: 'typing', row: { user: 'u', at: 1 } }])
    await close(db)
    db = await open(folder)
    expect(rowsOf(db)).toMatchObject({ clock: [], notes: [{ id: 1, text: 'a' }], y: { typing: [] } })
    db.apply([{ op: 'insert', table: 'clock', row: { id: 0, now: 2 } }])     // no row is there that it could meet
    await db.durability!.checkpoint()
    await close(db)
    db = await open(folder, {})
    expect(rowsOf(db)).toMatchObject({ clock: [], notes: [{ id: 1, text: 'a' }], y: { typing: [] } })
    await close(db)
  })

  it('may be views, which are made anew', async () => {
    const card = { id: string().key(), title: string() }
    const board = defineSchema({ theirs: table(card), edits: table(editsOf(card)), cards: table({ ...card, pending: boolean() }) })
    const folder = new MemoryFolder()
    const opened = async () => {
      const db = await createDatabase({ schema: board, storage: memory(folder, { except: ['cards'] }) })
      projections(db).register(overlay(board, 'cards', { rows: 'theirs', edits: 'edits' }))
      return db
    }
    let db = await opened()
    db.apply([{ op: 'insert', table: 'theirs', row: { id: 'a', title: 'A' } }, { op: 'insert', table: 'edits', row: { n: 1, id: 'a', title: 'Mine' } }])
    const { closed } = db.durability!
    db.close()
    await closed
    db = await opened()
    expect(db.read(db.query.cards)).toEqual([{ id: 'a', title: 'Mine', pending: true }])
    db.apply([{ op: 'delete', table: 'edits', id: 1 }])
    expect(db.read(db.query.cards)).toEqual([{ id: 'a', title: 'A', pending: false }])
    db.close()
  })

  it('keep what they have when storage that could not be read is read late, and when one that was full goes on', async () => {
    const place: Held['place'] = {}, disk = new Held(place)
    let db = await open(disk)
    db.apply([{ op: 'insert', table: 'notes', row: { id: 1, text: 'a' } }])
    await close(db)
    place.isUnreadable = true
    db = await open(disk.again(), { except, onWarning: () => {} })
    expect(db.durability!.status).toBe('memory')
    db.apply([{ op: 'insert', table: 'clock', row: { id: 0, now: 7 } }])
    db.tenant('x').apply([{ op: 'insert', table: 'typing', row: { user: 'u', at: 1 } }])
    const told: unknown[] = []
    db.live(db.query.clock).subscribe(({ rows }) => { told.push(rows) })
    place.isUnreadable = false
    await db.durability!.retry()
    expect(rowsOf(db)).toMatchObject({ clock: [{ id: 0, now: 7 }], notes: [{ id: 1, text: 'a' }], x: { typing: [{ user: 'u', at: 1 }] } })
    expect([db.durability!.status, told]).toEqual(['ready', []])
    await close(db)

    const full = new Disk()
    db = await open(full, { except, onWarning: () => {} })
    await db.flush()
    full.full = /./
    db.apply([{ op: 'insert', table: 'clock', row: { id: 0, now: 7 } }, { op: 'insert', table: 'notes', row: { id: 2, text: 'b' } }])
    await expect(db.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    full.full = undefined
    await db.durability!.retry()
    expect(rowsOf(db)).toMatchObject({ clock: [{ id: 0, now: 7 }], notes: [{ id: 2, text: 'b' }] })
    await close(db)
    db = await open(full, {})
    expect(rowsOf(db)).toMatchObject({ clock: [], notes: [{ id: 2, text: 'b' }] })
    await close(db)
  })

  it('are tables of the schema, and not for several tabs', async () => {
    await expect(open(new MemoryFolder(), { except: ['clok'] })).rejects.toMatchObject({ code: 'UNKNOWN_TABLE', path: 'storage.except[0]', nearest: 'clock' })
    expect(failure(() => memory(new MemoryFolder(), { except: 'clock' as never }))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'storage.except' })
    expect(failure(() => indexedDb('x', { except: ['clock'], tabs: true }))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'storage.except' })
    indexedDb('x', { except: [], tabs: true })
  })

  it.each(Array.from({ length: Number(process.env.EXCEPT_RUNS ?? 8) }, (_, i) => 1 + i))('are as they are said over changes, checkpoints and restarts, seed %i', async seed => {
    const r = random(seed), folder = new MemoryFolder()
    let db = await open(folder, { except, checkpointBytes: 2000 })
    const model: Record<string, Map<unknown, object>> = {}
    const of = (name: string) => model[name] ??= new Map()
    let cursor = 0
    for (let step = 0; step < 120; step++) {
      const act = r(24)
      if (act === 0) {
        await close(db)
        db = await open(folder, { except, checkpointBytes: 2000 })
        for (const name of ['clock', 'x/typing', 'y/typing']) of(name).clear()
      } else if (act === 1) await db.durability!.checkpoint()
      else if (act === 2) await db.flush()
      else {
        const changes = Array.from({ length: 1 + r(4) }, () => {
          const name = ['clock', 'notes', 'x/typing', 'y/typing', 'x/mine', 'y/mine'][r(6)], [tenant, own] = name.includes('/') ? name.split('/') : [undefined, name]
          const id = own === 'typing' ? `u${r(4)}` : r(6), at = { table: own, ...(tenant === undefined ? {} : { tenant }) }
          if (r(4) === 0) { of(name).delete(id); return { op: 'delete', id, ...at } }
          const row = own === 'clock' ? { id, now: step } : own === 'typing' ? { user: id, at: step } : { id, text: 'x'.repeat(r(100)) }
          of(name).set(id, row)
          return { op: 'upsert', row, ...at }
        })
        db.apply((r(2) ? { changes, source: 's', cursor: ++cursor } : changes) as never)
      }
      const rows = (name: string, key: string) => [...of(name).values()].sort((a: any, b: any) => (a[key] < b[key] ? -1 : 1))
      expect(rowsOf(db), `step ${step}`).toEqual({
        clock: rows('clock', 'id'), notes: rows('notes', 'id'), ...Object.fromEntries(['x', 'y'].map(t => [t, { typing: rows(`${t}/typing`, 'user'), mine: rows(`${t}/mine`, 'id') }])),
      })
      expect(db.cursor('s')).toBe(cursor === 0 ? undefined : String(cursor))
    }
    await close(db)
  })
})
