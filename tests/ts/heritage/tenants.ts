// What the tests of watches share: a database of tenants, changes, and what an error says.
import { type Database, EddylineError, createDatabase, defineSchema, int, string, table, timestamp } from '../../../pkg/index.inline.js'
import type { Counters, SignalKind } from '../../../pkg/watch/index.js'

export const schema = defineSchema({
  quotes: table({ id: string().key(), author: string(), content: string(), likes: int(), date: timestamp().nullable() }, { tenant: true }),
  users: table({ id: string().key(), name: string(), notes: string().nullable() }, { tenant: true }),
  products: table({ id: string().key(), name: string(), version: int() }, { tenant: true }),
  reviews: table({ id: int().key(), productId: string(), version: int() }, { tenant: true }),
  seats: table({ row: string().key(), number: int().key(), guest: string().nullable() }, { tenant: true }),
  countries: table({ code: string().key(), name: string() }),
})
export type Schema = typeof schema
export type Db = Database<Schema>

export async function open(): Promise<{ db: Db; errors: unknown[] }> {
  const errors: unknown[] = []
  return { db: await createDatabase({ schema, graceMs: 0, onError: e => { errors.push(e) } }), errors }
}
export const quote = (id: string, author: string, content: string, likes = 0, date: string | null = null) =>
  ({ op: 'insert', table: 'quotes', row: { id, author, content, likes, date } }) as const
export const user = (id: string, name: string, notes: string | null = null) => ({ op: 'insert', table: 'users', row: { id, name, notes } }) as const
export const rename = (id: string, name: string) => ({ op: 'update', table: 'users', id, set: { name } }) as const
export const remove = <T extends 'users' | 'quotes' | 'products'>(table: T, id: string) => ({ op: 'delete', table, id }) as const
export const vector = (c: Counters): string => [c.inserts, c.deletes, c.collection, c.updates, c.changes].join('')
export const tick = (ms = 0): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })
export const kinds: SignalKind[] = ['inserts', 'deletes', 'collection', 'updates', 'changes']

export function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) {
    if (!(error instanceof EddylineError)) throw error
    return error
  }
  throw new Error('did not throw')
}
