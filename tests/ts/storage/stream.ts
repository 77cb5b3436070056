// A known stream of batches, and what the tables hold at each of its cursors: the oracle of the durability tests.
import { type Database, createDatabase, defineSchema, int, json, string, table } from '../../../pkg/index.inline.js'
import type { StorageOption } from '../../../pkg/storage/index.js'

export const schema = defineSchema({
  items: table({ id: int().key(), n: int(), text: string().nullable(), more: json().nullable() }),
  pairs: table({ a: string().key(), b: int().key(), n: int() }),
  notes: table({ id: int().key(), text: string() }, { tenant: true }),
})
export type Db = Database<typeof schema>

/** Batch `n` (from 1 on): some rows come, some change, some go; every seventh moves the cursor only. */
export function batch(n: number): { changes: any[]; source: string; cursor: number } {
  const changes: any[] = []
  if (n % 7 !== 0) {
    changes.push({ op: 'upsert', table: 'items', row: { id: n % 23, n, text: n % 3 === 0 ? null : `text ${n} ä`, more: n % 4 === 0 ? { n, list: [1, 'x'] } : null } })
    if (n % 5 === 0) changes.push({ op: 'delete', table: 'items', id: (n * 3) % 23 })
    changes.push({ op: 'upsert', table: 'pairs', row: { a: `a${n % 3}`, b: n % 4, n } })
    if (n % 11 === 0) changes.push({ op: 'reset', table: 'pairs' }, { op: 'insert', table: 'pairs', row: { a: 'z', b: n, n } })
    changes.push({ op: 'upsert', table: 'notes', tenant: `t${n % 2}`, row: { id: n % 5, text: `note ${n}` } })
    if (n % 6 === 0) changes.push({ op: 'update', table: 'items', id: n % 23, set: { n: -n } })
  }
  return { changes, source: 's', cursor: n }
}

/** What the tables hold after batches 1 to `cursor`: plain maps, no engine. */
export function oracle(cursor: number): string {
  const items = new Map<number, any>(), pairs = new Map<string, any>(), notes = new Map<string, any>()
  for (let n = 1; n <= cursor; n++) {
    for (const c of batch(n).changes) {
      if (c.table === 'items') {
        if (c.op === 'upsert') items.set(c.row.id, c.row)
        else if (c.op === 'delete') items.delete(c.id)
        else if (items.has(c.id)) items.set(c.id, { ...items.get(c.id), ...c.set })
      } else if (c.table === 'pairs') {
        if (c.op === 'reset') pairs.clear()
        else pairs.set(`${c.row.a} ${c.row.b}`, c.row)
      } else notes.set(`${c.tenant} ${c.row.id}`, { tenant: c.tenant, ...c.row })
    }
  }
  return text([...items.values()], [...pairs.values()], [...notes.values()])
}

export function stateOf(db: Db): string {
  const rows = (live: { rows: Iterable<any>; dispose(): void }): any[] => { try { return [...live.rows] } finally { live.dispose() } }
  const notes = ['t0', 't1'].flatMap(tenant => rows(db.live(db.query.notes, { tenant })).map(r => ({ tenant, ...r })))
  return text(rows(db.live(db.query.items)), rows(db.live(db.query.pairs)), notes)
}

function text(...tables: object[][]): string {
  return tables.map(rows => rows.map(r => JSON.stringify(Object.fromEntries(Object.entries(r).sort(([a], [b]) => a < b ? -1 : 1)))).sort().join('\n')).join('\n--\n')
}

export const open = (storage?: StorageOption): Promise<Db> => createDatabase({ schema, ...(storage !== undefined ? { storage } : {}) })

/** Closes, and waits until the storage is let go. */
export async function shut(db: Database<any>): Promise<void> {
  const { durability } = db
  db.close()
  await durability?.closed
}

/** Batches from the database's cursor to `to`. */
export function feed(db: Db, to: number): void {
  for (let n = Number(db.cursor('s') ?? 0) + 1; n <= to; n++) db.apply(batch(n) as never)
}

/** A database with so many batches of the stream, all of them durable. */
export async function fed(storage: StorageOption, batches: number): Promise<Db> {
  const db = await open(storage)
  feed(db, batches)
  await db.flush()
  return db
}

/** The code that a promise rejects with, or 'none'. */
export const rejection = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', error => (error as { code: string }).code)
