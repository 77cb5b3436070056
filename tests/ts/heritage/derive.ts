// What the tests of reducers share: the users of Derive's README, and their log.
import { type Database, createDatabase, defineSchema, int, json, string, table } from '../../../pkg/index.inline.js'
import { type MemoryLog, type Reducer, memoryLog, reducer } from '../../../pkg/reduce/index.js'
import type { StorageOption } from '../../../pkg/storage/index.js'

export const schema = defineSchema({
  users: table({ id: string().key(), name: string().nullable(), email: string().nullable(), age: int().nullable(), tags: json().nullable() }),
  links: table({ a: string().key(), b: string().key(), note: string().nullable() }),
  bare: table({ id: int().key() }),
})
export type Db = Database<typeof schema>
export interface Event { id: string; type: string; user?: string | null; [more: string]: any }

export const open = (storage?: StorageOption): Promise<Db> => createDatabase({ schema, ...(storage !== undefined ? { storage } : {}), onError: () => {} })

export async function shut(db: Db): Promise<void> {
  const { durability } = db
  db.close()
  await durability?.closed
}

export const handlers = {
  UserCreated: (e: Event, op: any) => { op.insert('users', { id: e.user, name: e.name ?? null, email: e.email ?? null }) },
  UserNameUpdated: (e: Event, op: any) => { op.update('users', e.user, { name: e.name }) },
  UserEmailUpdated: (e: Event, op: any) => { op.update('users', e.user, { email: e.email }) },
  UserDeactivated: (e: Event, op: any) => { op.delete('users', e.user) },
  UserRaised: () => { throw new Error('bad stuff happened') },
}

export const users = (more: Partial<Reducer<Event>> = {}): Reducer<Event> => reducer<Event>('users', {
  version: '1', tables: ['users'], partition: e => e.user, cursor: e => e.id, on: handlers, ...more,
})

export const logOf = (...events: Event[]): MemoryLog<Event> => memoryLog<Event>(e => e.id, events)
export const names = (db: Db): Record<string, string | null> => Object.fromEntries(rows(db).map(r => [r.id, r.name]))

export function rows(db: Db, name: 'users' | 'links' | 'bare' = 'users'): any[] {
  const live = db.live<any>((db.query as any)[name])
  try { return [...live.rows] } finally { live.dispose() }
}
