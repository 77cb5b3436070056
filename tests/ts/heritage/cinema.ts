// What the tests of projections share: the accounts receivable of Cinema's README, and plain rows in and out.
import { type Database, createDatabase, defineSchema, eq, from, int, string, sum, table } from '../../../pkg/index.inline.js'
import { projection } from '../../../pkg/project/index.js'
import type { StorageOption } from '../../../pkg/storage/index.js'

export const schema = defineSchema({
  accounts: table({ id: int().key(), orgId: int(), name: string().nullable() }),
  invoices: table({ id: int().key(), accountId: int(), amount: int() }),
  receivable: table({ accountId: int().key(), orgId: int(), total: int() }),
  letters: table({ accountId: int().key(), orgId: int(), text: string().nullable(), note: string().nullable() }),
  digests: table({ orgId: int().key(), lines: int(), text: string().nullable() }),
})
export type Db = Database<typeof schema>

export const open = (storage?: StorageOption): Promise<Db> => createDatabase({ schema, ...(storage !== undefined ? { storage } : {}), onError: () => {} })

/** Accounts 1 and 2 of org 123, 3 of org 9, and the invoices of the README. */
export async function filled(storage?: StorageOption): Promise<Db> {
  const db = await open(storage)
  db.apply([
    { op: 'insert', table: 'accounts', rows: [{ id: 1, orgId: 123 }, { id: 2, orgId: 123 }, { id: 3, orgId: 9 }] },
    { op: 'insert', table: 'invoices', rows: [{ id: 1, accountId: 1, amount: 10 }, { id: 2, accountId: 1, amount: 5 }, { id: 3, accountId: 2, amount: 7 }, { id: 4, accountId: 3, amount: 100 }] },
  ])
  return db
}

/** Virtual: which account is whose. */
export const Accounts = projection(schema, 'Accounts', { output: q => q.accounts.select(a => ({ id: a.id, orgId: a.orgId })) })

/** What accounts owe, as a query. */
export const Receivable = projection(schema, 'receivable', {
  inputs: [Accounts, 'invoices'], required: ['accountId'],
  view: (_, { Accounts, invoices }) => from(Accounts).innerJoin(invoices, (a, i) => eq(a.id, i.accountId))
    .groupBy(r => ({ accountId: r.Accounts.id, orgId: r.Accounts.orgId }))
    .select(r => ({ accountId: r.Accounts.id, orgId: r.Accounts.orgId, total: sum(r.invoices.amount) })),
})

/** Rows of a table, by its key. */
export function rows(db: Db, name: keyof typeof schema.tables = 'receivable'): any[] {
  const live = db.live<any>((db.query as any)[name])
  try { return [...live.rows] } finally { live.dispose() }
}

export const totals = (db: Db): Record<string, number> => Object.fromEntries(rows(db).map(r => [r.accountId, r.total]))
