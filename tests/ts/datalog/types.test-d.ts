// Types of `eddyline/datalog` and `eddyline/datascript`: compiled, never run.
import { type Database, defineSchema, gte, int, string, table } from '../../../pkg/index.inline.js'
import { type Datalog, type DatalogView, type DatomSource, type Saved, type TxReport, datalog, facts, text } from '../../../pkg/datalog/index.js'
import { type Connection, type DataScript, type DatabaseValue, load } from '../../../pkg/datascript/index.js'
import { createDatabase } from '../../../pkg/index.inline.js'

declare function same<A, B>(...wrong: [A] extends [B] ? [B] extends [A] ? [] : [A, B] : [A, B]): void

const schema = defineSchema({
  issue: table({ id: string().key(), points: int().nullable() }),
  ...facts({ 'movie/title': 'string', 'movie/cast': { type: 'ref', many: true, component: true }, 'person/email': { type: 'string', unique: 'identity' }, old: { ':db/valueType': ':db.type/long' } }),
})
declare const db: Database<typeof schema>
const data = datalog(db, { functions: { adult: age => gte(age, 18) }, maxRounds: 3, strict: false })
same<typeof data, Datalog>()
// @ts-expect-error no such type
facts({ a: 'strin' })
// @ts-expect-error no such option
datalog(db, { rounds: 3 })

const report = data.transact([{ ':db/id': -1, 'movie/title': 'x' }, [':db/add', 1, 'movie/title', text(':x')], { e: 1, a: 'old', v: 2 }], { by: 'me' })
same<typeof report, TxReport>()
same<typeof report.tempids, Readonly<Record<string, number>>>()
// @ts-expect-error a transaction is a list
data.transact({ 'movie/title': 'x' })
// @ts-expect-error its items are lists or maps
data.transact(['x'])

same<ReturnType<typeof data.q>, unknown>()
same<ReturnType<typeof data.pull>, Record<string, unknown> | null>()
data.pull(['*', { ':movie/cast': ['*'] }], ['person/email', 'a'], { table: 'issue' })
data.ask({ query: [':find', '?t', ':where', ['_', ':movie/title', '?t']], rules: '[]', in: {} })

const view = data.view('v', { query: '[:find ?t :in ?min :where [?m :movie/title ?t]]', in: { '?min': 1 }, storage: 'durable', onMismatch: 'rebuild' })
same<typeof view, DatalogView>()
same<ReturnType<typeof view.verify>, { ok: boolean; missing: unknown[][]; extra: unknown[][] }>()
const stop = view.listen((added, removed, of) => { same<typeof of, DatalogView>(); return added.length > removed.length ? [{ ':db/id': 1, old: 2 }] : undefined })
same<typeof stop, () => void>()
// @ts-expect-error what comes later is for `transact`
view.listen(async added => [{ ':db/id': 1, old: added.length }])
// @ts-expect-error no such storage
data.view('w', { query: '[]', storage: 'disk' })
view.drop({ forget: true })

const source: DatomSource = { name: 's', max: async () => 3, async* datoms(since) { same<typeof since, number | undefined>(); yield [1, 'old', 2, 3]; yield { e: 1, a: 'old', v: 2, tx: 3, added: false } } }
data.sync(source, { chunk: 10, signal: new AbortController().signal, onProgress: p => { same<typeof p.lastTx, number | undefined>() } }).then(r => { same<typeof r.cancelled, boolean>() })
// @ts-expect-error a datom has a transaction
data.sync({ datoms: () => [[1, 'old', 2]] })
const saved: Saved = data.save()
data.load({ workspace: 'w', circuits: { a: { name: 'A', query: '[]' } } }, { state: saved, onMismatch: 'rebuild' })
// @ts-expect-error a circuit has a query
data.load({ circuits: { a: { name: 'A' } } })
same<(typeof data)['kept'] extends ReadonlyMap<string, { readonly hash: string }> ? true : false, true>()
same<ReturnType<typeof data.resume>, DatalogView[]>()

const d: Promise<DataScript> = load(createDatabase)
export async function drop(): Promise<void> {
  const ds = await d
  const conn: Connection = ds.create_conn({ aka: { ':db/cardinality': ':db.cardinality/many' } })
  const value: DatabaseValue = ds.transact(conn, [{ name: 'x' }]).db_after
  const live = ds.q_live('[:find ?n :where [_ "name" ?n]]', conn)
  live.listen((added, removed) => { same<typeof added, unknown[][]>(); void removed })
  same<ReturnType<typeof ds.datoms>[number]['e'], number>()
  ds.q('[:find ?n :where [_ "name" ?n]]', value)
  // @ts-expect-error a connection is no value
  ds.pull(conn, '[*]', 1)
}
