// The tables of the page, and what is made of them. The worker has the same functions.
import { count, defineSchema, eq, from, int, string, sum, table } from 'eddyline'
import { projection } from 'eddyline/project'

export const schema = defineSchema({
  accounts: table({ id: int().key(), orgId: int(), name: string() }),
  invoices: table({ id: int().key(), accountId: int(), amount: int() }),
  receivable: table({ accountId: int().key(), orgId: int(), name: string(), invoices: int(), total: int() }),
  organisations: table({ orgId: int().key(), accounts: int(), total: int() }),
  reminders: table({ accountId: int().key(), orgId: int(), text: string() }),
  digests: table({ orgId: int().key(), text: string() }),
})

/** Not stored: which account is whose. */
export const Accounts = projection(schema, 'Accounts', { output: q => q.accounts.select(a => ({ id: a.id, orgId: a.orgId, name: a.name })) })

export const Receivable = projection(schema, 'receivable', {
  inputs: [Accounts, 'invoices'],
  view: (_, { Accounts, invoices }) => from(Accounts).innerJoin(invoices, (a, i) => eq(a.id, i.accountId))
    .groupBy(r => ({ accountId: r.Accounts.id, orgId: r.Accounts.orgId, name: r.Accounts.name }))
    .select(r => ({ accountId: r.Accounts.id, orgId: r.Accounts.orgId, name: r.Accounts.name, invoices: count(), total: sum(r.invoices.amount) })),
})

export const Organisations = projection(schema, 'organisations', {
  inputs: [Receivable],
  view: (_, { receivable }) => from(receivable).groupBy('orgId').select(r => ({ orgId: r.orgId, accounts: count(), total: sum(r.total) })),
})

/** Who owes more than 100 gets a letter. */
export const Reminders = projection(schema, 'reminders', {
  inputs: [Receivable],
  derive: async ({ inputs, lens, tx }) => {
    tx.dematerialize(lens)
    for await (const rows of inputs.receivable.chunks(500)) {
      tx.materialize(rows.filter(r => r.total > 100).map(r => ({ accountId: r.accountId, orgId: r.orgId, text: `Dear ${r.name}, of ${r.invoices} invoices ${r.total} is due.` })))
    }
  },
})

export const Digests = projection(schema, 'digests', {
  inputs: [Organisations, Reminders],
  derive: ({ inputs, lens, tx }) => {
    tx.dematerialize(lens)
    const letters = inputs.reminders.length
    tx.materialize(inputs.organisations.toArray().map(o => ({ orgId: o.orgId, text: `${o.total} due from ${o.accounts} accounts, ${letters} reminded` })))
  },
})
