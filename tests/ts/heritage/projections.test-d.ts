// Checked by `npx tsc --noEmit -p tests/ts/tsconfig.json`: nothing here runs.
import type { Database } from '../../../src/ts/database.js'
import { defineSchema } from '../../../src/ts/define-schema.js'
import { from } from '../../../src/ts/query/builder.js'
import { eq } from '../../../src/ts/query/expr.js'
import { boolean, int, string, table, timestamp } from '../../../src/ts/schema.js'
import { editsOf, lens, overlay, projection, projections } from '../../../src/ts/project/index.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(...proof: Equal<A, B> extends true ? [] : [never]): void
/** The same of rows and lists of rows as queries show them: nobody writes to them. */
declare function shows<A, B>(...proof: Equal<A, B extends readonly (infer E)[] ? readonly Readonly<E>[] : Readonly<B>> extends true ? [] : [never]): void

const schema = defineSchema({
  accounts: table({ id: int().key(), orgId: int(), since: timestamp() }),
  totals: table({ accountId: int().key(), total: int(), note: string().nullable() }),
})
declare const db: Database<typeof schema>
type Total = { accountId: number; total: number; note: string | null }

// Rows of inputs flow into queries and functions.
const Accounts = projection(schema, 'Accounts', { output: q => q.accounts.select(a => ({ id: a.id, org: a.orgId })) })
const Totals = projection(schema, 'totals', {
  inputs: [Accounts, 'accounts'],
  view: (q, { Accounts, accounts }) => {
    same<keyof typeof q, 'accounts' | 'totals'>()
    return from(Accounts).innerJoin(accounts, (a, b) => eq(a.org, b.orgId)).select(r => ({ accountId: r.Accounts.id, total: r.accounts.orgId }))
  },
})
const Made = projection(schema, 'made', {
  into: 'totals', inputs: [Totals, Accounts, 'accounts'], required: ['note'], onConflict: { replace: ['total'] },
  derive: async ({ inputs, tx }) => {
    for (const a of inputs.Accounts) shows<typeof a, { id: number; org: number }>()
    for await (const chunk of inputs.totals.chunks(10)) same<typeof chunk, Total[]>()
    for (const a of inputs.accounts) same<typeof a.since, Date>()
    tx.materialize({ accountId: 1, total: 2, note: 'x' })
    // @ts-expect-error `note` is required
    tx.materialize({ accountId: 1, total: 2 })
    // @ts-expect-error no such column
    tx.materialize([{ accountId: 1, total: 2, note: 'x', nope: 1 }])
    // @ts-expect-error no such input
    void inputs.other
  },
})
// A lens is over the columns of every input, with values as queries take them.
const Grouped = projection(schema, 'totals', { inputs: [Totals, 'totals'], derive: ({ tx }) => { tx.dematerialize({ total: { '>': 5 } }) } })
void projections(db).project(Grouped, { accountId: 1, note: null, total: { in: [1, 2], '>=': 1 } })
void projections(db).project(Grouped, lens({ whatever: 1 }))
void projections(db).project(Grouped, { nope: 1 }, { ignoreUnknown: true })
void projections(db).project('totals', { anything: 1 })
// @ts-expect-error no input has it
void projections(db).project(Grouped, { nope: 1 })
// @ts-expect-error of another type
void projections(db).project(Grouped, { accountId: 'a' })
// @ts-expect-error no such operator
void projections(db).project(Grouped, { accountId: { '=>': 1 } })
// @ts-expect-error the virtual input lacks it
void projections(db).project(Made, { orgId: 1 })
// @ts-expect-error rows of its own table do not have it
projection(schema, 'totals', { inputs: ['accounts'], derive: ({ tx }) => { tx.dematerialize({ orgId: 1 }) } })
const Since = projection(schema, 'totals', { inputs: ['accounts'], derive: () => {} })
void projections(db).project(Since, { since: { between: [new Date(0), '2026-01-01'] }, orgId: 1 })
// @ts-expect-error of its rows
projections(db).live(Accounts, { orgId: 1 })
projections(db).live(Accounts, { org: 1 })
projections(db).project(Made, {}).then(({ rows, changed }) => { same<typeof rows, readonly Total[]>(); same<typeof changed, number>() })
projections(db).project(Accounts, {}, { async: true }).fetch().then(({ rows }) => { shows<typeof rows, readonly { id: number; org: number }[]>() })
same<ReturnType<typeof p.live<Total>>['rows'], readonly Total[]>()
const p = projections(db)
const list = projection(schema, 'list', { output: [{ a: 1 }] })
projection(schema, 'totals', { inputs: [list], derive: ({ inputs }) => { for (const r of inputs.list) same<typeof r, { a: number }>() } })
// @ts-expect-error no such table
projection(schema, 'x', { into: 'total', derive: () => {} })
// @ts-expect-error no such input
projection(schema, 'totals', { inputs: ['account'], derive: () => {} })
// @ts-expect-error no such column
projection(schema, 'totals', { required: ['notes'], derive: () => {} })

// A log of edits: of each column null or its value, but of keys.
const card = { id: string().key(), lane: string<'todo' | 'done'>(), at: timestamp(), owner: string().nullable() }
const board = defineSchema({ theirs: table(card), edits: table(editsOf(card)), cards: table({ ...card, pending: boolean() }) })
declare const boards: Database<typeof board>
const [edit] = boards.read(boards.query.edits)
same<typeof edit, Readonly<{ n: number; made: boolean | null; gone: boolean | null; nulls: string[] | null; id: string; lane: 'todo' | 'done' | null; at: Date | null; owner: string | null }>>()
boards.apply([{ op: 'insert', table: 'edits', row: { n: 1, id: 'a', at: '2026-01-01', nulls: ['owner'] } }])
// @ts-expect-error an edit is of a row
boards.apply([{ op: 'insert', table: 'edits', row: { n: 1, lane: 'done' } }])
// @ts-expect-error no such lane
boards.apply([{ op: 'insert', table: 'edits', row: { n: 1, id: 'a', lane: 'none' } }])
const Cards = overlay(board, 'cards', { rows: 'theirs', edits: 'edits' })
same<typeof Cards.name, 'cards'>()
projections(boards).register(Cards)
void projections(boards).project(Cards, { lane: 'todo' }).then(({ rows }) => { same<(typeof rows)[number]['pending'], boolean>() })
// @ts-expect-error no such table
overlay(board, 'cards', { rows: 'theirs', edits: 'edit' })
