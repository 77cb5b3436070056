import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EddylineError, type Source, createDatabase, defineSchema, int, json, string, table } from '../../../pkg/index.inline.js'
import { type File, MemoryFolder, files, indexedDb, memory, opfs } from '../../../pkg/storage/index.js'
import { largestTask } from '../largest-task.js'
import { Disk, kept } from './disks.js'
import { batch, fed, feed, open, oracle, schema, shut, stateOf } from './stream.js'

describe('a database with storage', () => {
  it('has its rows, tenants and cursors again, at every cursor of a known stream', async () => {
    const folder = new MemoryFolder()
    for (let to = 1; to < 60; to += 4) {
      const db = await open(kept(folder))
      expect(stateOf(db)).toBe(oracle(Number(db.cursor('s') ?? 0)))
      feed(db, to)
      await db.flush()
      await shut(db)
    }
    const db = await open(kept(folder))
    expect(db.cursor('s')).toBe('57')
    expect(stateOf(db)).toBe(oracle(57))
  })

  it('keeps it in files', async () => {
    const path = mkdtempSync(join(tmpdir(), 'eddyline-durable-'))
    try {
      const db = await open(files(path))
      feed(db, 30)
      await shut(db)
      const again = await open(files(path))
      expect(stateOf(again)).toBe(oracle(30))
      await expect(open(files(path, { onWarning: () => {} }))).resolves.toMatchObject({ durability: { status: 'memory', warning: { code: 'STORAGE_LOCKED' } } })
      await shut(again)
    } finally { rmSync(path, { recursive: true }) }
  })

  it('a folder of memory is opened right behind the close of the database that had it', async () => {
    const folder = new MemoryFolder()
    const first = await open(kept(folder))
    feed(first, 30)
    first.close()
    const again = await open(kept(folder))
    expect([again.durability?.status, stateOf(again)]).toEqual(['ready', oracle(30)])
    await shut(again)
  })

  it('is closed in the middle of a checkpoint: nothing touches the storage behind it, and what was acknowledged is there', async () => {
    // As a file system: what is written is durable a while later, and a number of a file that was closed is nobody's.
    let isOpen = false
    const late: string[] = []
    class Slow extends MemoryFolder {
      override open(): void { super.open(); isOpen = true }
      override close(): void { super.close(); isOpen = false }
      override list(): string[] { if (!isOpen) late.push('list'); return super.list() }
      override remove(name: string): void { if (!isOpen) late.push(`remove ${name}`); super.remove(name) }
      override file(name: string): File {
        const file = super.file(name)
        let isClosed = false
        const used = (what: string): void => { if (isClosed || !isOpen) late.push(`${what} ${name}`) }
        return {
          ...file,
          write: (bytes, at) => { used('write'); return file.write(bytes, at) },
          truncate: size => { used('truncate'); file.truncate(size) },
          flush: async () => { used('flush'); await new Promise(resolve => { setTimeout(resolve, 1) }); used('flushed') },
          close: () => { used('close'); isClosed = true },
        }
      }
    }
    for (let wait = 0; wait < 40; wait++) {
      const folder = new Slow()
      const options = { checkpointBytes: 300 }
      const first = await fed(kept(folder, options), 12)
      for (let i = 0; i < wait % 20; i++) await (wait < 20 ? Promise.resolve() : new Promise(resolve => { setTimeout(resolve, 0.2) }))
      first.close()
      if (wait % 2 === 0) await first.durability!.closed
      const second = await open(kept(folder, options))
      expect([second.durability!.status, stateOf(second)]).toEqual(['ready', oracle(12)])
      feed(second, 20)
      await second.flush()
      await shut(second)
      const third = await open(kept(folder, options))
      expect(stateOf(third)).toBe(oracle(20))
      await shut(third)
      expect(late).toEqual([])
    }
  })

  it('reads on where it was: a source gets the stored cursor, and a batch that comes again does nothing', async () => {
    const folder = new MemoryFolder()
    const starts: (string | undefined)[] = []
    const source = (to: number): Source => ({
      name: 's',
      sync(session) {
        starts.push(session.cursor)
        // One batch more than needed: servers repeat the last one.
        for (let n = Math.max(1, Number(session.cursor ?? 0)); n <= to; n++) { session.begin(); for (const c of batch(n).changes) session.write(c); session.commit({ cursor: n }) }
        session.markReady()
      },
    })
    for (const to of [10, 20, 33]) {
      const db = await open(kept(folder))
      db.connect(source(to))
      expect(stateOf(db)).toBe(oracle(to))
      await shut(db)
    }
    expect(starts).toEqual([undefined, '10', '20'])
  })

  it('writes versions of listeners, of JSON and of streams as well', async () => {
    const folder = new MemoryFolder()
    const db = await open(kept(folder))
    const live = db.live(db.query.items)
    live.subscribe(({ rows }) => { if (rows.length === 1) db.apply([{ op: 'insert', table: 'items', row: { id: 100, n: 1 } }]) })
    db.apply([{ op: 'insert', table: 'items', row: { id: 1, n: 1 } }])
    db.applyJson('[{"a":"x","b":1,"n":2}]', { table: 'pairs', source: 'json', cursor: 'c1' })
    await db.applyJson(new Response('[{"a":"y","b":1,"n":2}]'), { table: 'pairs' })
    const before = stateOf(db)
    await shut(db)
    const again = await open(kept(folder))
    expect(stateOf(again)).toBe(before)
    expect(again.cursor('json')).toBe('c1')
    expect(again.live(again.query.items.orderBy('id')).rows.map(r => r.id)).toEqual([1, 100])
  })

  it('resolves a durable apply when the version is on the medium, and refuses one without storage', async () => {
    const folder = new MemoryFolder()
    const db = await open(kept(folder))
    const size = () => folder.files.get('log-0')!.size
    const before = size()
    const promise = db.apply(batch(1) as never, { durable: true })
    expect(db.cursor('s')).toBe('1')
    expect(size()).toBe(before)
    expect((await promise).cursor).toBe('1')
    expect(size()).toBeGreaterThan(before)
    expect(db.durability!.pending).toBe(0)
    await expect(db.apply([{ op: 'nonsense' }] as never, { durable: true })).rejects.toMatchObject({ code: 'CHANGE_INVALID' })
    const plain = await open()
    await plain.flush()
    await expect(plain.apply(batch(1) as never, { durable: true })).rejects.toMatchObject({ code: 'NOT_DURABLE' })
  })

  it('writes everything that was applied in one task at once', async () => {
    let flushes = 0
    class Counting extends MemoryFolder {
      override file(name: string): File { const file = super.file(name); return { ...file, flush: () => { flushes++ } } }
    }
    const db = await open(memory(new Counting()))
    await db.flush()
    flushes = 0
    feed(db, 40)
    await db.flush()
    expect(flushes).toBe(1)
  })

  it('writes entries with the version they belong to, in one transaction, and a batch that fails takes them with it', async () => {
    const folder = new MemoryFolder()
    const db = await open(kept(folder))
    const d = db.durability!
    d.commit(batch(1), { r: { a: 1n, b: { x: [1] } } })
    d.commit(undefined, { r: { c: Uint8Array.of(1, 2) }, q: { only: true } })
    expect(() => d.commit([{ op: 'insert', table: 'items', row: { id: 1 } }], { r: { a: 'no' } })).toThrow(EddylineError)
    d.commit({ changes: [], source: 's', cursor: 1 }, { r: { replayed: true } })
    d.commit([], { r: { b: undefined } })
    const wanted = [['a', 1n], ['c', Uint8Array.of(1, 2)], ['replayed', true]]
    expect([...d.entries('r')]).toEqual(wanted)
    await shut(db)
    const again = await open(kept(folder))
    expect([...again.durability!.entries('r')]).toEqual(wanted)
    expect([...again.durability!.entries('q')]).toEqual([['only', true]])
    expect(stateOf(again)).toBe(oracle(1))
    await again.durability!.checkpoint()
    await shut(again)
    expect([...(await open(kept(folder))).durability!.entries('r')]).toEqual(wanted)
  })

  it('writes a checkpoint when the log has grown, while versions go on, and both together are the state', async () => {
    const folder = new MemoryFolder()
    const db = await open(kept(folder, { checkpointBytes: 4000 }))
    for (let n = 1; n <= 400; n++) {
      db.apply(batch(n) as never)
      if (n % 5 === 0) await new Promise(resolve => { setTimeout(resolve) })
    }
    await db.flush()
    const names = [...folder.files.keys()]
    expect(names.some(n => n.startsWith('checkpoint-'))).toBe(true)
    expect(names.length).toBeLessThan(5)
    const bytes = [...folder.files.values()].reduce((sum, f) => sum + f.size, 0)
    expect(bytes).toBeLessThan(60_000)
    await shut(db)
    const again = await open(kept(folder))
    expect(again.cursor('s')).toBe('400')
    expect(stateOf(again)).toBe(oracle(400))
  })

  it('loads 100,000 rows in slices, packed: no row becomes an object', async () => {
    const folder = new MemoryFolder()
    const db = await open(kept(folder))
    for (let from = 0; from < 100_000; from += 10_000) db.apply([{ op: 'insert', table: 'items', rows: Array.from({ length: 10_000 }, (_, i) => ({ id: from + i, n: i, text: `row ${from + i}`, more: null })) }])
    await db.durability!.checkpoint()
    await shut(db)
    const shares: number[] = []
    for (let times = 0; times < 3; times++) {
      const { again, largest } = await largestTask(async () => ({ again: await open(kept(folder)) }))
      expect(again.stats().tables.find(t => t.name === 'items')!.rows).toBe(100_000)
      expect(again.live(again.query.items.where('id', '=', 77_777)).rows).toEqual([{ id: 77_777, n: 7_777, text: 'row 77777', more: null }])
      shares.push(largest)
      await shut(again)
    }
    // No task is most of it. Garbage may be collected in one of them, and is not in all three.
    expect(Math.min(...shares)).toBeLessThan(1 / 2)
  })
})

describe('another schema', () => {
  const two = defineSchema({
    items: table({ id: int().key(), n: int(), text: string().nullable(), size: int() }),
    words: table({ word: string().key(), item: int() }),
    notes: table({ id: int().key(), text: string(), loud: string() }, { tenant: true }),
  })
  async function stored(): Promise<MemoryFolder> {
    const folder = new MemoryFolder()
    const db = await open(kept(folder))
    feed(db, 20)
    db.durability!.commit(undefined, { r: { kept: 1 } })
    await shut(db)
    return folder
  }

  it('is refused, and nothing is lost', async () => {
    const folder = await stored()
    await expect(createDatabase({ schema: two, storage: kept(folder) })).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' })
    await expect(createDatabase({ schema: two, storage: kept(folder, { version: 2 }) })).rejects.toMatchObject({ code: 'SCHEMA_MISMATCH' })
    expect(stateOf(await open(kept(folder)))).toBe(oracle(20))
  })

  it('says what differs first, and what leads there', async () => {
    const folder = await stored()
    const refused = async (items: object, options: object = {}, more: object = {}) => {
      const other = defineSchema({ items: table({ id: int().key(), n: int(), text: string().nullable(), more: json().nullable(), ...items }), pairs: table({ a: string().key(), b: int().key(), n: int() }),
        notes: table({ id: int().key(), text: string() }, { tenant: true }), ...more } as never)
      const error = await createDatabase({ schema: other as typeof schema, storage: kept(folder, options) }).then(() => { throw new Error('it opened') }, (e: EddylineError) => e)
      expect([error.code, error.path]).toEqual(['SCHEMA_MISMATCH', 'storage.version'])
      return [error.offending, error.message.replace(/^.*?: /, '')]
    }
    const bump = 'give `version: 2` and `migrations: { 2: row => … }`, or `onMismatch: \'rebuild\'`'
    expect(await refused({ size: int() })).toEqual(['items.size', '`items.size` is new; ' + bump])
    expect(await refused({ n: string() })).toEqual(['items.n', '`items.n` was int, and is text; ' + bump])
    expect(await refused({ n: int().nullable() })).toEqual(['items.n', '`items.n` was not nullable, and is; ' + bump])
    expect(await refused({ text: string() })).toEqual(['items.text', '`items.text` was nullable, and is not; ' + bump])
    expect(await refused({}, {}, { more: table({ id: int().key() }) })).toEqual(['more', '`more` is new; ' + bump])
    expect(await refused({}, {}, { notes: table({ id: int().key(), text: string() }) })).toEqual(['notes', '`notes` has a tenant no more; ' + bump])
    expect(await refused({}, {}, { pairs: table({ a: string().key(), b: int(), n: int() }) })).toEqual(['pairs', '`pairs` has another key; ' + bump])
    expect(await refused({}, {}, { pairs: table({ a: string().key(), b: int().key() }) })).toEqual(['pairs.n', '`pairs.n` is gone; ' + bump])
    expect(await refused({}, {}, { pairs: table({ n: int(), a: string().key(), b: int().key() }) })).toEqual([undefined, 'tables or columns are in another order; ' + bump])
    expect(await refused({ size: int() }, { version: 3, migrations: { 2: () => null } })).toEqual(['items.size', '`items.size` is new; `migrations` has no step 3'])
    await shut(await open(kept(folder, { version: 3 })))
    expect(await refused({ size: int() }, { version: 2 })).toEqual(['items.size', '`items.size` is new; what is stored is of a newer version: load the application anew'])
  })

  it('begins empty where that was asked for, with a warning', async () => {
    const folder = await stored()
    const warnings: string[] = []
    const db = await createDatabase({ schema: two, storage: memory(folder, { onMismatch: 'rebuild', onWarning: w => { warnings.push(w.code) } }) })
    expect(warnings).toEqual(['SCHEMA_MISMATCH'])
    expect([db.cursor('s'), db.live(db.query.items).rows.length, db.durability!.entries('r').size]).toEqual([undefined, 0, 0])
    db.apply([{ op: 'insert', table: 'words', row: { word: 'a', item: 1 } }])
    await db.flush()
  })

  it('is reached by migrations, row by row over all versions between, with cursors and entries', async () => {
    const folder = await stored()
    const migrations = {
      2: (row: any, name: string) => name === 'items' ? { id: row.id, n: row.n, text: row.text, size: (row.text ?? '').length } : name === 'pairs' ? null : { ...row, loud: row.text.toUpperCase() },
      3: (row: any, name: string) => name === 'items' && row.text !== null ? [{ table: 'items', row }, { table: 'words', row: { word: `w${row.id}`, item: row.id } }] : row,
    }
    const before = await open(kept(folder))
    const items = [...before.live(before.query.items.orderBy('id')).rows]
    const notes = [...before.live(before.query.notes, { tenant: 't1' }).rows]
    await shut(before)
    for (let round = 0; round < 2; round++) {
      const db = await createDatabase({ schema: two, storage: kept(folder, { version: 3, ...(round === 0 ? { migrations } : {}) }) })
      expect(db.live(db.query.items.orderBy('id')).rows).toEqual(items.map(r => ({ id: r.id, n: r.n, text: r.text, size: (r.text ?? '').length })))
      expect(db.live(db.query.words).rows.length).toBe(items.filter(r => r.text !== null).length)
      expect(db.live(db.query.notes, { tenant: 't1' }).rows).toEqual(notes.map(r => ({ ...r, loud: r.text.toUpperCase() })))
      expect([db.cursor('s'), db.durability!.entries('r').get('kept')]).toEqual(['20', 1])
      const { durability } = db
      db.close()
      await durability!.closed
    }
  })

  it('whose migration fails leaves what was stored', async () => {
    const folder = await stored()
    const migrations = { 2: () => { throw new Error('no') } }
    await expect(createDatabase({ schema: two, storage: kept(folder, { version: 2, migrations }) })).rejects.toMatchObject({ code: 'MIGRATION_FAILED', path: 'storage.migrations.2', cause: { message: 'no' } })
    expect(stateOf(await open(kept(folder)))).toBe(oracle(20))
  })

  it('whose new state cannot be written: what was stored stays, nothing is acknowledged, and the next start migrates', async () => {
    for (const when of ['checkpoint-', 'log-']) {
      let full = false
      class Full extends MemoryFolder {
        override file(name: string): File {
          const file = super.file(name)
          return { ...file, write: (bytes, at) => { if (full && name.startsWith(when)) throw Object.assign(new Error('no room'), { name: 'QuotaExceededError' }); return file.write(bytes, at) } }
        }
      }
      const folder = new Full()
      const euros = defineSchema({ t: table({ id: int().key(), euros: int() }) }), cents = defineSchema({ t: table({ id: int().key(), cents: int() }) })
      const first = await createDatabase({ schema: euros, storage: kept(folder) })
      await first.apply([{ op: 'insert', table: 't', row: { id: 1, euros: 5 } }], { durable: true })
      const { durability } = first
      first.close()
      await durability!.closed
      const migrated = () => createDatabase({ schema: cents, storage: kept(folder, { version: 2, migrations: { 2: (row: any) => ({ id: row.id, cents: row.euros * 100 }) } }) })
      full = true
      const db = await migrated()
      const row = db.apply([{ op: 'insert', table: 't', row: { id: 2, cents: 700 } }], { durable: true })
      await expect(row).rejects.toMatchObject({ code: 'STORAGE_FULL' })
      expect([db.durability!.status, db.durability!.warning?.code]).toEqual(['memory', 'STORAGE_FULL'])
      full = false
      if (when === 'log-') {
        await db.durability!.retry()
        expect(db.durability!.status).toBe('ready')
      }
      const last = db.durability!
      db.close()
      await last.closed
      const again = await migrated()
      expect([again.durability!.status, again.live(again.query.t.orderBy('id')).rows]).toEqual(['ready', [{ id: 1, cents: 500 }, ...when === 'log-' ? [{ id: 2, cents: 700 }] : []]])
      const closing = again.durability!
      again.close()
      await closing.closed
    }
  })

  it('of which only associations changed is the same', async () => {
    const folder = await stored()
    const { hasMany } = await import('../../../pkg/index.inline.js')
    const related = defineSchema(schema.tables, { items: { pairs: hasMany('pairs', 'b') } })
    const db = await createDatabase({ schema: related, storage: kept(folder) })
    expect(db.live(db.query.items.with('pairs')).rows.length).toBeGreaterThan(5)
  })
})

describe('storage that fails', () => {
  it('that cannot be opened: a warning, and the engine goes on in memory', async () => {
    for (const [option, code] of [[indexedDb('x', { onWarning: () => {} }), 'STORAGE_UNAVAILABLE'], [opfs('x', { onWarning: () => {} }), 'STORAGE_UNAVAILABLE'], [files('/etc/passwd/x', { onWarning: () => {} }), 'STORAGE_UNAVAILABLE']] as const) {
      const db = await open(option)
      expect(db.durability!.status).toBe('memory')
      feed(db, 5)
      expect(stateOf(db)).toBe(oracle(5))
      expect(db.durability!.warning!.code).toBe(code)
      await expect(db.flush()).rejects.toMatchObject({ code: db.durability!.warning!.code })
      db.durability!.commit(undefined, { r: { a: 1 } })
      expect(db.durability!.entries('r').get('a')).toBe(1)
    }
  })

  it('that is full: a warning, those who wait are told, the page goes on, and `retry` writes everything', async () => {
    let full = false
    class Full extends MemoryFolder {
      override file(name: string): File {
        const file = super.file(name)
        return { ...file, write: (bytes, at) => { if (full) throw Object.assign(new Error('no room'), { name: 'QuotaExceededError' }); return file.write(bytes, at) } }
      }
    }
    const folder = new Full()
    const warnings: string[] = []
    const db = await fed(memory(folder, { onWarning: w => { warnings.push(w.code) } }), 10)
    full = true
    const statuses: string[] = []
    db.durability!.subscribe(s => { statuses.push(s) })
    await expect(db.apply(batch(11) as never, { durable: true })).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    feed(db, 20)
    expect(stateOf(db)).toBe(oracle(20))
    expect([db.durability!.status, warnings, statuses]).toEqual(['memory', ['STORAGE_FULL'], ['memory']])
    await expect(db.durability!.retry()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    full = false
    await db.durability!.retry()
    feed(db, 30)
    await db.flush()
    expect(db.durability!.status).toBe('ready')
    await shut(db)
    expect(stateOf(await open(kept(folder)))).toBe(oracle(30))
  })

  it('that is full for the last of a database that is closed: told, though nobody waits', async () => {
    const disk = new Disk(), warnings: string[] = []
    const storage = memory(disk, { onWarning: w => { warnings.push(w.code) } })
    const db = await fed(storage, 10)
    disk.full = /./
    feed(db, 12)
    await shut(db)
    expect(warnings).toEqual(['STORAGE_FULL'])
    disk.full = undefined
    const again = await open(storage)
    feed(again, 12)
    await shut(again)
    expect(warnings).toEqual(['STORAGE_FULL'])
    expect(stateOf(await open(storage))).toBe(oracle(12))
  })

  it('at any operation, once: `retry` keeps what was acknowledged until the new state is whole, no file stays open, and what is applied meanwhile is written', async () => {
    // As OPFS: a file is opened by one at a time.
    let left = Infinity, times = 1
    const open_ = new Map<string, number>()
    const step = (): void => { if (--left < 0 && times-- > 0) throw Object.assign(new Error('no room'), { name: 'QuotaExceededError' }) }
    class Exclusive extends MemoryFolder {
      override list(): string[] { step(); return super.list() }
      override remove(name: string): void { step(); super.remove(name) }
      override file(name: string): File {
        step()
        if (open_.has(name)) throw Object.assign(new Error(`${name} is open`), { name: 'NoModificationAllowedError' })
        open_.set(name, 1)
        const file = super.file(name)
        return { ...file, read: (into, at) => { step(); return file.read(into, at) }, write: (bytes, at) => { step(); return file.write(bytes, at) }, truncate: size => { step(); file.truncate(size) }, flush: async () => { await null; step() }, close: () => { open_.delete(name) } }
      }
    }
    let failures = 0
    for (const many of [1, 3]) for (let at = 0; at < 40; at++) {
      const folder = new Exclusive()
      left = Infinity
      const db = await fed(kept(folder, { checkpointBytes: 1e9 }), 10)
      left = at
      times = many
      await db.durability!.checkpoint().catch(() => {})
      feed(db, 20)
      await db.flush().catch(() => { failures++ })
      for (let tries = 0; db.durability!.status === 'memory' && tries < 5; tries++) {
        await db.durability!.retry().catch(() => {})
        if (at % 3 === 0) break
      }
      const isReady = db.durability!.status === 'ready'
      left = Infinity
      if (!isReady && at % 2 === 0) {
        // Closed right behind: all that was applied is written.
        const statuses: string[] = []
        db.durability!.subscribe(s => { statuses.push(s) })
        const retried = db.durability!.retry()
        await new Promise(resolve => { setTimeout(resolve, 0) })
        feed(db, 30)
        const wasReady = db.durability!.status === 'ready'
        await Promise.all([shut(db), retried.catch(() => {})])
        expect(statuses.at(-1)).toBe('closed')
        const again = await open(kept(folder))
        expect(stateOf(again)).toBe(wasReady ? oracle(30) : oracle(Number(again.cursor('s'))))
        await shut(again)
      } else {
        await shut(db)
        const again = await open(kept(folder))
        const cursor = Number(again.cursor('s'))
        expect(cursor, `operation ${at}, ${many} times`).toBeGreaterThanOrEqual(isReady ? 20 : 10)
        expect(stateOf(again)).toBe(oracle(cursor))
        await shut(again)
      }
      expect([...open_.keys()], `operation ${at}, ${many} times`).toEqual([])
    }
    expect(failures).toBeGreaterThan(10)
  })

  it('whose state is damaged: a warning and an empty database that its source fills again, or a refusal', async () => {
    const folder = new MemoryFolder()
    const db = await open(kept(folder))
    for (let n = 1; n <= 20; n++) { db.apply(batch(n) as never); await db.flush() }
    await shut(db)
    folder.files.get('log-0')!.bytes[700] ^= 1
    await expect(open(kept(folder, { onCorrupt: 'refuse' }))).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    const warnings: string[] = []
    const again = await open(memory(folder, { onWarning: w => { warnings.push(w.code) } }))
    expect([warnings, again.cursor('s'), stateOf(again)]).toEqual([['STORAGE_CORRUPT'], undefined, oracle(0)])
    feed(again, 25)
    await shut(again)
    expect(stateOf(await open(kept(folder)))).toBe(oracle(25))
  })
})
