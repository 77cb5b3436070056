// Long lists of the same columns, which share what they show of a row: pictures that are looked at long after rows have changed in what nobody
// shows, have come into other lists by that, have gone, and have left their places to others.
import { describe, expect, it } from 'vitest'
import { type LiveQuery, eq } from '../../../pkg/index.inline.js'
import { type Db, type Item, type Note, State, open } from './live-model.js'
import { random, tick } from './support.js'

const seeds = Number(process.env.UNREAD_SEED ?? 1), runs = Number(process.env.UNREAD_RUNS ?? 6), steps = Number(process.env.UNREAD_STEPS ?? 25)
const text = (value: unknown): string => JSON.stringify(value)
const by = <T>(...keys: ((row: T) => any)[]) => (a: T, b: T): number => { for (const key of keys) { const x = key(a), y = key(b); if (x !== y) return x < y ? -1 : 1 } return 0 }
const N = 1300
const kinds = ['a', 'b', 'c']

interface Kind { query(db: Db, r: (n: number) => number): [query: any, rows: (state: State) => any[], isWhole: boolean] }
/** Lists of three shapes: columns of a table, columns of pairs, and columns of rows below others, which are those of a flat list as well. */
const lists: Kind[] = [
  { query: (db, r) => {
    const least = r(3) === 0 ? r(14) : 0, kind = r(4) === 0 ? kinds[r(3)] : undefined, by0 = (['id', 'n', 'kind'] as const)[r(3)], most = r(3) === 0 ? 1 + r(5) : undefined
    let q: any = db.query.items
    if (least > 0) q = q.where('n', '>=', least)
    if (kind !== undefined) q = q.where('kind', '=', kind)
    q = q.orderBy(by0).select('id', 's')
    if (most !== undefined) q = q.limit(most)
    return [q, state => [...state.items.values()].filter(i => i.n >= least && (kind === undefined || i.kind === kind)).sort(by<Item>(i => i[by0], i => i.id)).slice(0, most).map(({ id, s }) => ({ id, s })), least === 0 && kind === undefined && most === undefined]
  } },
  { query: (db, r) => {
    const since = r(2) === 0 ? r(8) : 0
    let q: any = db.query.notes
    if (since > 0) q = q.where('at', '>=', since)
    return [q.orderBy('id').select('id', 'text'), state => [...state.notes.values()].filter(c => c.at >= since).sort(by(c => c.id)).map(({ id, text }) => ({ id, text })), since === 0]
  } },
  { query: (db, r) => {
    const least = r(2) === 0 ? r(14) : 0
    let q: any = db.query.items
    if (least > 0) q = q.where('n', '>=', least)
    return [q.orderBy('n').select('id', 's').with('notes', (c: any) => c.select('id', 'text').orderBy('at')),
      state => {
        const below = new Map<string, Note[]>()
        for (const c of [...state.notes.values()].sort(by<Note>(c => c.at, c => c.id))) below.set(c.itemId, [...below.get(c.itemId) ?? [], c])
        return [...state.items.values()].filter(i => i.n >= least).sort(by<Item>(i => i.n, i => i.id)).map(({ id, s }) => ({ id, s, notes: (below.get(id) ?? []).map(({ id, text }) => ({ id, text })) }))
      }, false]
  } },
  { query: (db, r) => {
    const since = r(2) === 0 ? r(8) : 0, by0 = r(2) === 0
    let q: any = db.query.notes.innerJoin('items', (c, i) => eq(c.itemId, i.id))
    if (since > 0) q = q.where((p: any) => eq(p.notes.at, since))
    q = (by0 ? q.orderBy((p: any) => p.items.n) : q).orderBy((p: any) => p.notes.id).select((p: any) => ({ id: p.notes.id, s: p.items.s }))
    return [q, state => [...state.notes.values()].filter(c => (since === 0 || c.at === since) && state.items.has(c.itemId)).map(c => ({ id: c.id, n: state.items.get(c.itemId)!.n, s: state.items.get(c.itemId)!.s }))
      .sort(by(p => by0 ? p.n : 0, p => p.id)).map(({ id, s }) => ({ id, s })), false]
  } },
]

async function play(seed: number): Promise<void> {
  const r = random(seed)
  const errors: unknown[] = []
  const db = await open(errors)
  const state = new State()
  /** The batch in which what is shown of an item changed last, or the item came or went. */
  const changed = new Map<string, number>()
  const all: { live: LiveQuery<any>; rows: (state: State) => any[]; isWhole: boolean; window: [number, number] | undefined; say: string }[] = []
  const pictures: { rows: readonly any[]; was: string; at: number; of: typeof all[number] }[] = []
  let batches = 0
  const id = (): string => `i${String(r(N + 100)).padStart(4, '0')}`
  const batch = (): any[] => {
    const changes = new Map<string, any>()
    for (let k = r(6) === 0 ? 200 : 1 + r(12); k > 0; k--) {
      const i = id(), c = r(2 * N), p = r(16)
      if (p < 6) changes.set(i, { op: 'update', table: 'items', id: i, set: r(2) === 0 ? { n: r(15) } : { kind: kinds[r(3)], n: r(15) } })
      else if (p < 7) changes.set(i, { op: 'delete', table: 'items', id: i })
      else if (p < 9) changes.set(i, { op: 'upsert', table: 'items', row: { id: i, kind: kinds[r(3)], n: r(15), s: r(2) === 0 ? state.items.get(i)?.s ?? 'new' : `s${r(9)}` } })
      else if (p < 13) changes.set(`${c}`, { op: 'update', table: 'notes', id: c, set: r(2) === 0 ? { at: r(8) } : { itemId: i } })
      else if (p < 14) changes.set(`${c}`, { op: 'delete', table: 'notes', id: c })
      else changes.set(`${c}`, { op: 'upsert', table: 'notes', row: { id: c, itemId: i, at: r(8), text: r(2) === 0 ? state.notes.get(c)?.text ?? 'new' : `t${r(9)}` } })
    }
    return [...changes.values()]
  }
  const apply = (changes: any[]): void => {
    const before = new Map(state.items)
    batches++
    state.apply(changes)
    for (const c of changes) {
      const key = c.id ?? c.row?.id
      if (c.table === 'items' && before.get(key)?.s !== state.items.get(key)?.s) changed.set(key, batches)
    }
    const json = r(3) === 0
    if (json) db.applyJson(text(changes)); else db.apply(changes)
  }
  const due = (of: typeof all[number]): string => { const rows = of.rows(state); return text(of.window === undefined ? rows : rows.slice(of.window[0], of.window[0] + of.window[1])) }
  const take = (of: typeof all[number]): void => { pictures.push({ rows: of.live.rows, was: due(of), at: batches, of }) }
  const look = ({ rows, was, at: then, of }: typeof pictures[number]): void => {
    const shown = text(rows)
    if (shown !== was) expect(JSON.parse(shown), `seed ${seed}, batch ${batches}: a picture of ${of.say} of batch ${then}`).toEqual(JSON.parse(was))
    // What has not changed since is the same object, whoever looks first.
    if (!of.isWhole || of.say !== '0' || of.window !== undefined || of.live.status === 'closed') return
    const now = new Map(of.live.rows.map(row => [row.id, row]))
    for (const row of rows) if ((changed.get(row.id) ?? 0) <= then && now.get(row.id) !== row) expect.unreachable(`seed ${seed}, batch ${batches}: ${text(row)} of batch ${then} is another object`)
  }
  const begin = (): void => {
    const shape = r(lists.length)
    const [query, rows, isWhole] = lists[shape].query(db, r)
    const window = r(4) === 0 ? [r(9), 1 + r(5)] as [number, number] : undefined
    const of = { live: db.live(query, window === undefined ? {} : { window }) as LiveQuery<any>, rows, isWhole, window, say: `${shape}` }
    all.push(of)
    if (r(3) === 0) of.live.subscribe(event => {
      if (r(6) > 0) return
      // The rows of an event are read when there is another version already.
      const was = due(of), { version } = event
      if (version !== db.version) return
      if (r(2) === 0) apply(batch())
      const shown = text(event.rows)
      if (shown !== was) expect(JSON.parse(shown), `seed ${seed}, batch ${batches}: the rows of an event of ${of.say}`).toEqual(JSON.parse(was))
    })
  }

  apply([
    { op: 'upsert', table: 'items', rows: Array.from({ length: N }, (_, i) => ({ id: `i${String(i).padStart(4, '0')}`, kind: kinds[r(3)], n: r(15), s: `s${r(9)}` })) },
    { op: 'upsert', table: 'notes', rows: Array.from({ length: 2 * N }, (_, i) => ({ id: i, itemId: id(), at: r(8), text: `t${r(9)}` })) },
  ])
  for (let n = 0; n < 7; n++) begin()
  for (let step = 1; step <= steps; step++) {
    apply(batch())
    for (const of of all) if (of.live.status !== 'closed' && r(3) === 0) take(of)
    for (let n = r(3); n > 0 && pictures.length > 0; n--) look(pictures.splice(r(pictures.length), 1)[0])
    const of = all[r(all.length)]
    if (r(8) === 0) of.live.dispose()
    else if (r(6) === 0) begin()
    if (of.window !== undefined && of.live.status !== 'closed') { of.window = [r(N), 1 + r(5)]; of.live.window(...of.window) }
    if (r(8) === 0) await tick()
  }
  if (seed % 2 === 0) db.close()
  for (const picture of pictures) look(picture)
  if (errors.length > 0) throw errors[0]
  db.close()
}

describe('lists of the same columns that nobody has read', () => {
  it.each(Array.from({ length: runs }, (_, i) => seeds + i))('seed %d', async seed => { await play(seed) })
})
