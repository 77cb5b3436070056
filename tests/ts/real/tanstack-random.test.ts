// Random adapters of TanStack DB: `fromTanStack` beside TanStack DB's own collection, the same rows after each commit.
import { type SyncConfig, createCollection } from '@tanstack/db'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDatabase } from '../../../pkg/index.inline.js'
import { type TanStackSync, fromTanStack } from '../../../pkg/tanstack/index.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, eventually, random, schema } from './support.js'

const seeds = Number(process.env.TANSTACK_SEED ?? 1), runs = Number(process.env.TANSTACK_RUNS ?? 24), steps = Number(process.env.TANSTACK_STEPS ?? 150)

type Row = Record<string, any>
type Adapter = Parameters<TanStackSync['sync']>[0]
type Key = string | number
/** A table, the key of its rows at the adapter, and where the value is that changes. */
interface Kind { name: string; table: 'projects' | 'comments' | 'members'; getKey?: (row: Row) => Key; idOf(row: Row): string; row(n: number): Row; change(r: (n: number) => number): Row }
const kinds: Kind[] = [
  { name: 'its key', table: 'projects', idOf: row => row.id, row: n => ({ id: `p${n}`, name: 'new' }), change: r => ({ name: `N${r(5)}` }) },
  { name: 'another key', table: 'projects', getKey: row => `key of ${row.id}`, idOf: row => row.id, row: n => ({ id: `p${n}`, name: 'new' }), change: r => ({ name: `N${r(5)}` }) },
  { name: 'a number as text', table: 'comments', getKey: row => String(row.id), idOf: row => String(row.id), row: n => ({ id: n, issueId: 'i', body: 'new', at: n }), change: r => (r(2) === 0 ? { body: `N${r(5)}` } : { at: r(4), issueId: `j${r(3)}` }) },
  { name: 'two columns', table: 'members', getKey: row => `${row.projectId}/${row.userId}`, idOf: row => `${row.projectId}/${row.userId}`, row: n => ({ projectId: `p${n % 3}`, userId: n, role: 'new' }), change: r => ({ role: `N${r(5)}` }) },
]

/** TanStack DB's collection, and what its `sync` was given. */
function collectionOf(getKey: (row: Row) => Key, rowUpdateMode: 'partial' | 'full') {
  let params!: Parameters<SyncConfig<Row, Key>['sync']>[0]
  const collection = createCollection<Row, Key>({ getKey, startSync: true, gcTime: 0, sync: { rowUpdateMode, sync(p) { params = p } } })
  const stop = collection.subscribeChanges(() => {})
  return { collection, params, stop }
}

async function program(seed: number, where: 'page' | 'worker'): Promise<void> {
  const r = random(seed), kind = kinds[r(kinds.length)], rowUpdateMode = r(2) === 0 ? 'partial' : 'full'
  const getKey = kind.getKey ?? ((row: Row) => row.id as Key)
  const errors: unknown[] = []
  const options = { schema, graceMs: 0, onError: (e: unknown) => { errors.push(e) } }
  const db = where === 'page' ? await createDatabase(options) : await createWorkerDatabase({ ...options, worker: 'inline' }) as unknown as Db
  const { collection, params: theirs, stop } = collectionOf(getKey, rowUpdateMode)
  let ours!: Adapter
  const connection = db.connect(fromTanStack(kind.table, { getKey: kind.getKey, sync: { rowUpdateMode, sync(p) { ours = p } } }))
  await eventually(() => ours !== undefined)
  const live = db.live((db.query as any)[kind.table]) as { rows: readonly Row[] }
  const said: string[] = []
  const say = (step: string): void => { said.push(step) }
  const sorted = (rows: Iterable<Row>): string[] => [...rows].map(row => JSON.stringify(Object.entries(row).filter(([name]) => !name.startsWith('$')).sort())).sort()
  const check = async (settled = where === 'page'): Promise<void> => {
    if (!settled && r(3) > 0) return
    const wanted = sorted(collection._state.syncedData.values())
    if (where === 'worker') await eventually(() => JSON.stringify(sorted(live.rows)) === JSON.stringify(wanted))
    const where_ = `seed ${seed}, ${kind.name}, ${rowUpdateMode}: ${said.slice(-25).join('; ')}`
    expect(sorted(live.rows), where_).toEqual(wanted)
    // What adapters compare with is the same, too.
    const { _state } = ours.collection
    if (where === 'page') expect(connection.status === 'ready', where_).toBe(collection.status === 'ready')
    if (where === 'page') expect(sorted(_state.syncedData.values()), `stand-in, ${where_}`).toEqual(wanted)
    // TanStack DB gives up an open transaction whose insert another has made one of a row that is there; inserts are upserts here.
    if (collection._state.pendingSyncedTransactions.some(each => each.invalidationError !== undefined)) return
    expect(sorted(new Map<Key, Row>(_state.acceptedSyncedEntries()).values()), `accepted, ${where_}`).toEqual(sorted(new Map<Key, Row>(collection._state.acceptedSyncedEntries()).values()))
  }

  /** Keys that each open transaction wrote, the first begun first. */
  const open: Set<Key>[] = []
  const outer = (key: Key): boolean => open.slice(0, -1).some(keys => keys.has(key))
  const write = (message: { type: 'insert' | 'update' | 'delete'; value?: Row; key?: Key }, key: Key): void => {
    // A row that is there already is refused by TanStack DB.
    try { theirs.write(message as never) } catch { return }
    ours.write(message)
    open.at(-1)!.add(key)
    say(JSON.stringify(message))
  }
  // An update of a row that is not there makes a part of one at TanStack DB, and nothing in a table: no other transaction that is open may have made it.
  const change = (): void => {
    const accepted = [...collection._state.acceptedSyncedEntries()] as [Key, Row][]
    const [key, before] = accepted.length === 0 ? [] : accepted[r(accepted.length)]
    const what = r(10)
    if (before === undefined || what < 4) {
      const row = { ...kind.row(r(12)), ...(r(2) === 0 ? kind.change(r) : {}) }
      write({ type: 'insert', value: row, ...(r(4) === 0 ? { key: getKey(row) } : {}) }, getKey(row))
    } else if (what < 5) write({ type: 'insert', value: { ...before } }, key!)
    else if (what < 8 && !outer(key!)) {
      const whole = { ...before, ...kind.change(r) }
      // With no more than what changed where the key is given, as Electric sends it.
      const part = rowUpdateMode === 'partial' && r(2) === 0
      if (!part) write({ type: 'update', value: whole }, key!)
      else write({ type: 'update', key, value: kind.change(r) }, key!)
    } else if (what > 7 && !outer(key!)) write(r(2) === 0 ? { type: 'delete', key } : { type: 'delete', value: before }, key!)
  }
  const begin = (): void => { theirs.begin(); ours.begin(); open.push(new Set()); say('begin') }
  const commit = async (): Promise<void> => {
    const given = r(8) === 0 ? AbortSignal.abort() : undefined
    const result = theirs.commit(given)
    if (result !== true) (result as Promise<unknown>).catch(() => {})
    const accepted = result === true
    const mine = ours.commit(accepted ? given : AbortSignal.abort())
    open.pop()
    say(accepted ? 'commit' : 'given up')
    const outcome = mine === true || mine.then(() => true, error => error as unknown)
    if (!accepted) expect(await outcome).toMatchObject({ name: 'AbortError' })
    else if (where === 'page') expect(await outcome).toBe(true)
    await check()
  }
  for (let step = 0; step < steps; step++) {
    const what = r(20)
    if (open.length === 0 || (what === 0 && open.length < 3)) begin()
    else if (what < 14) change()
    else if (what < 15 && !open.slice(0, -1).some(keys => keys.size > 0)) {
      const markReady = r(3) === 0 ? undefined : { markReady: r(2) === 0 }
      theirs.truncate(markReady)
      ours.truncate(markReady)
      open.at(-1)!.clear()
      say(`truncate ${JSON.stringify(markReady)}`)
    } else if (what < 16 && r(4) === 0) { theirs.markReady(); ours.markReady(); say('ready') } else if (what > 16) await commit()
  }
  while (open.length > 0) await commit()
  theirs.markReady()
  ours.markReady()
  await check(true)
  await eventually(() => connection.status === 'ready')
  expect([collection.status, connection.status, errors], `seed ${seed}`).toEqual(['ready', 'ready', []])
  stop.unsubscribe()
  connection.close()
  db.close()
}

describe('random adapters', () => {
  it.each(['page', 'worker'] as const)('show what a collection of TanStack DB shows: %s', async where => {
    const rejected: unknown[] = []
    const note = (e: unknown): void => { rejected.push(e) }
    process.on('unhandledRejection', note)
    onTestFinished(() => { process.off('unhandledRejection', note) })
    for (let seed = seeds; seed < seeds + (where === 'page' ? runs : runs / 3); seed++) await program(seed, where)
    expect(rejected).toEqual([])
  })
})
