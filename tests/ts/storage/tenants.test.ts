import { afterEach, describe, expect, it } from 'vitest'
import { createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { MemoryFolder } from '../../../pkg/storage/index.js'
import { tenant as watched, watches } from '../../../pkg/watch/index.js'
import { copyOf, kept } from './disks.js'
import { shut } from './stream.js'

const schema = defineSchema({
  quotes: table({ id: int().key(), text: string() }, { tenant: true }),
  settings: table({ name: string().key(), value: string() }),
})
const row = (id: number) => [{ op: 'insert' as const, table: 'quotes' as const, row: { id, text: 'panta rhei' } }]

let folder = new MemoryFolder()
const open = () => createDatabase({ schema, storage: kept(folder) })
/** What somebody finds who opens a copy of what is stored now. */
async function stored(tenant: string): Promise<number[]> {
  const db = await createDatabase({ schema, storage: kept(copyOf(folder)) })
  const ids = db.tenant(tenant).live(db.query.quotes).rows.map(r => r.id)
  await shut(db)
  return ids
}

describe('the scope of a tenant with storage', () => {
  afterEach(() => { folder = new MemoryFolder() })

  it('waits until its batch is durable, as the database does', async () => {
    const db = await open()
    const report = await db.tenant('a').apply(row(1), { durable: true })
    expect(report.version).toBe(db.version)
    expect(db.durability!.pending).toBe(0)
    expect(await stored('a')).toEqual([1])
    await shut(db)
  })

  it('with watches does so, too, and wakes them at once', async () => {
    const db = await open()
    const scope = watched(db, 'a')
    let signals = 0
    scope.watch('quotes', 'inserts', () => { signals++ })
    const applied = scope.apply(row(1), { durable: true })
    expect(signals).toBe(1)
    expect((await applied).version).toBe(db.version)
    expect(await stored('a')).toEqual([1])
    await watches(db).apply([{ op: 'insert', table: 'settings', row: { name: 'n', value: 'v' } }], { durable: true })
    expect(db.durability!.pending).toBe(0)
    await shut(db)
  })

  it('rejects what it refuses, and without storage', async () => {
    const db = await open()
    const foreign = [{ ...row(1)[0]!, tenant: 'b' }]
    for (const scope of [db.tenant('a'), watched(db, 'a')]) {
      // Types let no other tenant in; programs without them do.
      await expect(scope.apply(foreign as never, { durable: true })).rejects.toMatchObject({ code: 'TENANT_MISMATCH' })
      expect(() => scope.apply(row(1), { durabel: true } as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
      expect(() => scope.applyJson('[]', 5 as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    }
    expect(db.version).toBe(0)
    await shut(db)
    const bare = await createDatabase({ schema })
    await expect(bare.tenant('a').apply(row(1), { durable: true })).rejects.toMatchObject({ code: 'NOT_DURABLE' })
    await expect(watched(bare, 'a').apply(row(1), { durable: true })).rejects.toMatchObject({ code: 'NOT_DURABLE' })
    expect(bare.version).toBe(0)
    bare.close()
  })
})
