// Migrations whose rows meet: a stored row is never lost without a word.
import { describe, expect, it } from 'vitest'
import { bigint, createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { type Migrations, MemoryFolder, memory } from '../../../pkg/storage/index.js'

const one = defineSchema({ users: table({ id: string().key(), n: int().nullable() }), notes: table({ id: int().key(), by: string() }, { tenant: true }) })
const two = defineSchema({
  users: table({ id: string().key(), n: int().nullable(), extra: string() }),
  people: table({ id: string().key(), n: int().nullable() }),
  wide: table({ id: bigint().key(), at: int().key() }),
  notes: table({ id: int().key(), by: string() }, { tenant: true }),
})
const USERS = [{ id: 'a', n: 1 }, { id: 'b', n: 2 }, { id: 'c', n: 2 }]

async function stored(): Promise<MemoryFolder> {
  const folder = new MemoryFolder()
  const db = await createDatabase({ schema: one, storage: memory(folder) })
  db.apply([{ op: 'insert', table: 'users', rows: USERS }])
  for (const t of ['t1', 't2']) db.tenant(t).apply([{ op: 'insert', table: 'notes', row: { id: 1, by: t } }])
  db.close()
  await db.durability!.closed
  return folder
}

async function open(folder: MemoryFolder, step: Migrations[number]) {
  return createDatabase({ schema: two, storage: memory(folder, { version: 2, migrations: { 2: step } }) })
}

describe('a migration by which keys meet', () => {
  const cases: [string, Migrations[number], string, string][] = [
    ['rows that are equal then', (r, t) => t === 'users' ? { id: 'same', n: 1, extra: 'x' } : r, 'users', 'id = "same"'],
    ['rows that are not', (r, t) => t === 'users' ? { ...r, id: 'same', extra: 'x' } : r, 'users', 'same'],
    ['in a table of another name', (r, t) => t === 'users' ? [{ table: 'people', row: { id: `n${r.n}`, n: r.n } }] : r, 'people', 'id = "n2"'],
    ['by keys of several columns', (r, t) => t === 'users' ? [{ table: 'wide', row: { id: 5n, at: r.n } }] : r, 'wide', 'id = "5", at = 2'],
    ['rows of one row', (r, t) => t === 'users' ? [1, 2].map(() => ({ table: 'users', row: { ...r, extra: '' } })) : r, 'users', 'id = "a"'],
    ['beside, with other content', (r, t) => t === 'users' ? [{ table: 'users', row: { ...r, extra: '' } }, { table: 'people', row: { id: 'p', n: r.n } }] : r, 'people', 'p'],
  ]
  it.each(cases)('%s: MIGRATION_FAILED with table and key, and what is stored stays', async (_, step, name, key) => {
    const folder = await stored()
    const before = [...folder.files].map(([n, f]) => [n, [...f.bytes.subarray(0, f.size)]])
    const error: any = await open(folder, step).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'MIGRATION_FAILED', path: 'storage.migrations.2', offending: 'users', cause: { code: 'DUPLICATE_KEY' } })
    expect(error.cause.message).toContain(name)
    expect(error.message).toContain(key)
    expect([...folder.files].map(([n, f]) => [n, [...f.bytes.subarray(0, f.size)]])).toEqual(before)
    const again = await createDatabase({ schema: one, storage: memory(folder) })
    expect(again.live(again.query.users.orderBy('id')).rows).toEqual(USERS)
  })

  it('rows beside that are equal are one, and keys of two tenants do not meet', async () => {
    const db = await open(await stored(), (r, t) => t === 'users' ? [{ table: 'people', row: { id: `n${r.n}`, n: r.n } }, { table: 'users', row: { ...r, extra: 'x' } }] : r)
    expect(db.live(db.query.people.orderBy('id')).rows).toEqual([{ id: 'n1', n: 1 }, { id: 'n2', n: 2 }])
    expect(db.live(db.query.users.orderBy('id')).rows).toEqual(USERS.map(r => ({ ...r, extra: 'x' })))
    for (const t of ['t1', 't2']) expect(db.live(db.query.notes, { tenant: t }).rows).toEqual([{ id: 1, by: t }])
    db.close()
  })
})
