// Edits that the server has not confirmed, laid over its rows by a query, while sources of several tenants deliver, replay, reset,
// break, end and begin again: live queries beside plain rows, cursors and promises beside what must become of them.
import { describe, expect, it } from 'vitest'
import {
  type LiveQuery, type Patch, type SyncSession, applyPatches, boolean, coalesce, count, createDatabase, defineSchema, eq, from, hasMany, hasOne, isDistinctFrom, isNotNull, param, string, table,
} from '../../../pkg/index.inline.js'
import { failure, random, tick } from './support.js'

const schema = defineSchema({
  cards: table({ id: string().key(), title: string(), lane: string() }, { tenant: true }),
  notes: table({ id: string().key(), cardId: string(), text: string() }, { tenant: true }),
  // Null: as it is there.
  edits: table({ id: string().key(), title: string().nullable(), lane: string().nullable(), gone: boolean() }, { tenant: true }),
}, { cards: { notes: hasMany('notes', 'cardId', { orderBy: [['text', 'desc']] }), edit: hasOne('edits', 'id') } })

const seeds = Number(process.env.EDITS_SEED ?? 1), runs = Number(process.env.EDITS_RUNS ?? 10), steps = Number(process.env.EDITS_STEPS ?? 150)
const text = (value: unknown): string => JSON.stringify(value)
const lanes = ['todo', 'doing', 'done']
type Row = Record<string, any>
type Rows = Map<string, Row>
interface Edit { id: string; title: string | null; lane: string | null; gone: boolean }
interface Tables { cards: Rows; notes: Rows; edits: Rows }
const nothing = (): Tables => ({ cards: new Map(), notes: new Map(), edits: new Map() })

/** What a batch makes of rows; what is refused throws its code, and leaves them as they were. */
function applied(tables: Tables, changes: readonly any[]): { tables: Tables; ignored: number } {
  const next: Tables = { cards: new Map(tables.cards), notes: new Map(tables.notes), edits: new Map(tables.edits) }
  let ignored = 0
  for (const c of changes) {
    const rows = next[c.table as keyof Tables], id = c.id ?? c.row?.id, old = rows.get(id)
    if (c.op === 'reset') { rows.clear(); for (const row of c.rows) rows.set(row.id, row) }
    else if (c.op === 'delete') { if (!rows.delete(id)) ignored++ }
    else if (c.op === 'update') { if (old === undefined) ignored++; else rows.set(id, { ...old, ...c.set }) }
    else if (c.op === 'insert' && old !== undefined && text(old) !== text(c.row)) throw new Error('DUPLICATE_KEY')
    else if (c.row.lane === undefined && c.table === 'cards') throw new Error('MISSING_COLUMN')
    else rows.set(id, c.row)
  }
  return { tables: next, ignored }
}

const by = (...keys: ((row: Row) => any)[]) => (a: Row, b: Row): number => { for (const key of keys) { const x = key(a), y = key(b); if (x !== y) return y === null || (x !== null && x < y) ? -1 : 1 } return 0 }
/** Edits over rows. */
function laid({ cards, edits }: Tables): Row[] {
  return [...new Set([...cards.keys(), ...edits.keys()])].filter(id => edits.get(id)?.gone !== true)
    .map(id => ({ id, title: edits.get(id)?.title ?? cards.get(id)?.title ?? null, lane: edits.get(id)?.lane ?? cards.get(id)?.lane ?? null, pending: edits.has(id) })).sort(by(r => r.id))
}
const cardOf = ({ cards, notes, edits }: Tables) => (row: Row) => ({
  ...cards.get(row.id)!, notes: [...notes.values()].filter(n => n.cardId === row.id).sort((a, b) => by(n => n.text)(b, a) || by(n => n.id)(a, b)), edit: edits.get(row.id) ?? null,
})
const views: Record<string, (tables: Tables, lane: string) => Row[]> = {
  all: laid,
  lane: (t, lane) => laid(t).filter(r => r.lane === lane).sort(by(r => r.title, r => r.id)),
  first: t => laid(t).filter(r => r.title !== null).sort(by(r => r.title, r => r.id)).slice(1, 4),
  pending: t => laid(t).filter(r => r.pending).map(r => ({ id: r.id, title: r.title })),
  lanes: t => [...lanes, 'none'].map(lane => ({ lane, n: laid(t).filter(r => r.lane === lane).length })).filter(g => g.n > 0).sort(by(g => g.lane)),
  nested: t => [...t.cards.values()].sort(by(r => r.title, r => r.id)).map(cardOf(t)),
  top: t => [...t.cards.values()].sort((a, b) => by(r => r.lane)(b, a) || by(r => r.id)(a, b)).slice(0, 3).map(cardOf(t)),
}

/** An edit on its way to the server, in the order of arrival. */
interface Sent { n: number; edit: Edit }
/** What the server tells: rows, and the edits that they are the effect of. */
interface Entry { changes: any[]; confirms: number[] }

class Board {
  tables = nothing()
  readonly server = nothing()
  readonly log: Entry[] = []
  readonly queue: Sent[] = []
  readonly refused: Sent[] = []
  /** The last edit of each card. */
  readonly last = new Map<string, number>()
  cursor = 0
  lane = 'done'
  lives: { name: string; live: LiveQuery<any, any>; mirror: any[]; versions: number[] }[] = []
  sessions: Session[] = []
  constructor(readonly name: string) {}
}
class Session {
  session!: SyncSession<any>
  connection!: any
  open = true
  status = 'connecting'
  ready = 'pending'
  cleanups = 0
  written: any[] | undefined
  constructor(readonly stale: 'error' | 'ignore' | undefined) {}
}

async function play(seed: number): Promise<void> {
  const r = random(seed)
  const errors: unknown[] = []
  const db = await createDatabase({ schema, graceMs: 0, onError: e => { errors.push(e) } })
  const said: string[] = []
  const promises: Promise<unknown>[] = []
  let settled = 0, marked = 0, edited = 0
  const boards = ['one', 'two'].map(name => new Board(name))
  const shown = db.query.cards.fullJoin('edits', (c, e) => eq(c.id, e.id)).where(r => isDistinctFrom(r.edits.gone, true)).select(({ cards, edits }) => ({
    id: coalesce(edits.id, cards.id), title: coalesce(edits.title, cards.title), lane: coalesce(edits.lane, cards.lane), pending: isNotNull(edits.id),
  }))
  const over = shown as any
  const queries: Record<string, any> = {
    all: over.orderBy('id'),
    lane: over.where((r: any) => eq(coalesce(r.edits.lane, r.cards.lane), param('lane'))).orderBy('title').orderBy('id'),
    first: (from(over.as('s')) as any).where((s: any) => isNotNull(s.title)).orderBy('title').orderBy('id').limit(3).offset(1),
    pending: over.where((r: any) => isNotNull(r.edits.id)).select(({ cards, edits }: any) => ({ id: edits.id, title: coalesce(edits.title, cards.title) })).orderBy('id'),
    lanes: (from(over.as('s')) as any).where((s: any) => isNotNull(s.lane)).groupBy('lane').select((s: any) => ({ lane: s.lane, n: count() })).orderBy('lane'),
    nested: db.query.cards.orderBy('title').with('notes').with('edit'),
    top: db.query.cards.orderBy('lane', 'desc').limit(3).with('notes').with('edit'),
  }
  const say = (what: string): string => `seed ${seed}, ${what}, after ${said.slice(-5).join('; ')}`

  const check = (what: string): void => {
    for (const b of boards) {
      for (const { name, live, mirror, versions } of b.lives) {
        const due = text(views[name](b.tables, b.lane))
        expect(text(live.rows), say(`${what}: ${name} of ${b.name}`)).toBe(due)
        expect(text(mirror), say(`${what}: patches of ${name} of ${b.name}`)).toBe(due)
        expect(new Set(versions).size, say(`${what}: a version told twice`)).toBe(versions.length)
      }
      expect(db.cursor(b.name), say(`${what}: the cursor of ${b.name}`)).toBe(b.cursor === 0 ? undefined : String(b.cursor))
      for (const s of b.sessions) expect([s.connection.status, s.ready, s.session?.signal.aborted ?? false, s.cleanups], say(`${what}: a connection of ${b.name}`)).toEqual([s.status, s.ready, !s.open, s.open ? 0 : 1])
    }
  }
  for (const b of boards) for (const name of Object.keys(views)) {
    const live = db.tenant(b.name).live(queries[name], (name === 'lane' ? { params: { lane: b.lane } } : {}) as never) as LiveQuery<any, any>
    const one = { name, live, mirror: [...live.rows], versions: [] as number[] }
    live.subscribe(({ diff, version, rows }) => {
      one.versions.push(version)
      one.mirror = applyPatches(one.mirror, diff as Patch<any>[], row => name === 'all' || name === 'lane' ? row.id : row.id ?? row.lane)
      expect(text(one.mirror), say(`the patches of ${name}`)).toBe(text(rows))
    })
    b.lives.push(one)
  }

  /** Changes of the source, with the edits that they confirm; what `write` gets. */
  const batchOf = (b: Board, entries: readonly Entry[]): any[] => {
    const changes = entries.flatMap(e => e.changes), confirmed = new Set(entries.flatMap(e => e.confirms))
    for (const [id, n] of b.last) if (confirmed.has(n)) changes.push({ op: 'delete', table: 'edits', id })
    return changes.map(c => ({ ...c, tenant: b.name }))
  }
  const begin = (b: Board): void => {
    const s = new Session((['error', 'ignore', undefined] as const)[r(3)])
    const late = r(3) === 0
    b.sessions.push(s)
    said.push(`connect ${b.name}`)
    const clean = (): void => { s.cleanups++ }
    s.connection = db.connect({ name: b.name, ...s.stale === undefined ? {} : { stale: s.stale }, sync: session => { s.session = session; return late ? tick().then(() => clean) : clean } })
    s.connection.ready.then(() => { s.ready = 'ready' }, (e: any) => { s.ready = e.code ?? e.message })
    expect(s.session.cursor).toBe(db.cursor(b.name))
  }
  const end = async (s: Session): Promise<void> => {
    said.push('close')
    s.connection.close()
    s.open = false
    s.status = 'closed'
    s.written = undefined
    // What it still says is of no effect.
    for (const late of [() => s.session.begin(), () => s.session.write({ op: 'delete', table: 'cards', id: 'x' }), () => s.session.commit({ cursor: 1e9 }), () => s.session.truncate('cards'), () => s.session.applyJson('[]')]) expect(failure(late).code).toBe('CLOSED')
    s.session.markReady()
    s.session.markError(new Error('late'))
    await tick()
    await tick()
  }
  /** Commits a transaction and says what must become of it. */
  const commit = (b: Board, s: Session, changes: any[], cursor: number): void => {
    let due: { tables: Tables; ignored: number } | string
    try { due = applied(b.tables, changes) } catch (error) { due = (error as Error).message }
    // What is no batch is none, replayed or not.
    const malformed = due === 'MISSING_COLUMN'
    if (cursor < b.cursor && s.stale !== 'ignore' && !malformed) due = 'CURSOR_BACKWARDS'
    const replayed = !malformed && (cursor === b.cursor || (cursor < b.cursor && s.stale === 'ignore'))
    const version = db.version
    said.push(`commit ${b.name} ${cursor} at ${b.cursor} ${text(changes).slice(0, 300)}`)
    const run = (): any => r(4) === 0 && s.written === undefined
      ? s.session.applyJson(text({ changes, source: b.name, cursor, ...s.stale === undefined ? {} : { stale: s.stale } }))
      : (s.written === undefined && (s.session.begin(), changes.forEach(c => { s.session.write(c) })), s.written = undefined, s.session.commit({ cursor, origin: 'server' }))
    if (replayed) expect(run(), say('a replay')).toMatchObject({ replayed: true, applied: 0 })
    else if (typeof due === 'string') expect(failure(run).code, say('a refused batch')).toBe(due)
    else {
      b.tables = due.tables
      b.cursor = cursor
      expect(run(), say('a batch')).toMatchObject({ replayed: false, version: version + 1, source: b.name, cursor: String(cursor), ignored: due.ignored })
      for (const [id] of b.last) if (!b.tables.edits.has(id)) b.last.delete(id)
      return
    }
    expect(db.version, say('no version')).toBe(version)
  }
  const randomCards = (b: Board): any[] => Array.from({ length: 1 + r(3) }, () => {
    const id = `c${r(7)}`, p = r(9)
    const card = { id, title: `T${r(6)}`, lane: lanes[r(3)] }
    return p < 4 ? { op: 'upsert', table: 'cards', row: card } : p < 5 ? { op: 'update', table: 'cards', id, set: { lane: lanes[r(3)] } } : p < 6 ? { op: 'delete', table: 'cards', id }
      : p < 8 ? { op: 'upsert', table: 'notes', row: { id: `n${r(12)}`, cardId: id, text: `x${r(4)}` } } : { op: 'delete', table: 'notes', id: `n${r(12)}` }
  }).map(c => { void b; return c })
  const effect = (b: Board, { edit }: Sent): any[] => {
    const card = b.server.cards.get(edit.id)
    if (edit.gone) return [{ op: 'delete', table: 'cards', id: edit.id }]
    const row = { id: edit.id, title: edit.title ?? card?.title, lane: edit.lane ?? card?.lane }
    return row.title === undefined || row.lane === undefined ? [] : [{ op: 'upsert', table: 'cards', row }]
  }
  const tell = (b: Board, entry: Entry): void => { Object.assign(b.server, applied(b.server, entry.changes).tables); b.log.push(entry) }

  const act = async (b: Board): Promise<void> => {
    const scope = db.tenant(b.name), live = b.sessions.filter(s => s.open), s = live[r(live.length)], p = r(22)
    if (p < 5) {
      const id = `c${r(7)}`, old = b.tables.edits.get(id) as Edit | undefined
      const gone = r(5) === 0
      const edit: Edit = gone ? { id, title: null, lane: null, gone } : { id, title: r(2) === 0 ? `E${r(6)}` : old?.title ?? null, lane: r(2) === 0 ? lanes[r(3)] : old?.lane ?? null, gone }
      const n = ++edited
      said.push(`edit ${b.name} ${text(edit)}`)
      b.tables = applied(b.tables, [{ op: 'upsert', table: 'edits', row: edit }]).tables
      b.last.set(id, n)
      b.queue.push({ n, edit })
      scope.apply([{ op: 'upsert', table: 'edits', row: { ...edit } }])
    } else if (p < 8 && b.queue.length > 0) {
      const sent = b.queue.shift()!
      if (r(4) === 0) b.refused.push(sent)
      else tell(b, { changes: [...effect(b, sent), ...r(3) === 0 ? randomCards(b) : []], confirms: [sent.n] })
    } else if (p < 10) tell(b, { changes: randomCards(b), confirms: [] })
    else if (p < 11 && b.refused.length > 0) {
      const { n, edit } = b.refused.splice(r(b.refused.length), 1)[0]
      said.push(`refused ${b.name} ${edit.id}`)
      if (b.last.get(edit.id) !== n) return
      b.last.delete(edit.id)
      b.tables = applied(b.tables, [{ op: 'delete', table: 'edits', id: edit.id }]).tables
      scope.applyJson(text([{ op: 'delete', table: 'edits', id: edit.id }]))
    } else if (p < 12) {
      b.lane = lanes[r(3)]
      said.push(`lane ${b.lane}`)
      b.lives.find(l => l.name === 'lane')!.live.setParams({ lane: b.lane })
    } else if (p < 13 && live.length < 3) begin(b)
    else if (s === undefined) begin(b)
    else if (p < 14) await end(s)
    else if (p < 15) {
      said.push('mark')
      if (r(2) === 0) { s.session.markReady(); s.status = 'ready' } else { s.session.markError(new Error('lost')); s.status = 'error'; marked++ }
      await tick()
      if (s.ready === 'pending') throw new Error('`ready` has not settled')
    } else if (p < 16) {
      // A snapshot of what the server has by now; edits on their way to it stay.
      const changes = (['cards', 'notes'] as const).map(table => ({ op: 'reset', table, rows: [...b.server[table].values()], tenant: b.name }))
      const confirmed = batchOf(b, b.log.map(({ confirms }) => ({ changes: [], confirms })))
      if (b.log.length > 0 && s.written === undefined) commit(b, s, [...changes, ...confirmed], b.log.length)
    } else if (p < 17 && s.written === undefined) {
      const wrong = r(2) === 0 ? { op: 'upsert', table: 'cards', row: { id: 'c1', title: 'no lane' }, tenant: b.name } : { op: 'insert', table: 'cards', row: { id: `c${r(7)}`, title: 'another', lane: 'none' }, tenant: b.name }
      commit(b, s, [...randomCards(b).map(c => ({ ...c, tenant: b.name })), { ...wrong }], b.cursor + (r(3) === 0 ? 0 : 1) || 1)
      // One that was new to it is there now: the server has to take it back.
      if (b.cursor > b.log.length) { while (b.log.length < b.cursor - 1) b.log.push({ changes: [], confirms: [] }); b.log.push({ changes: [], confirms: [] }) }
    } else if (b.log.length > 0) {
      // The next ones, or some again.
      const from = r(4) === 0 ? r(b.log.length) : Math.min(b.cursor, b.log.length - 1), to = Math.min(b.log.length, from + 1 + r(3))
      const changes = batchOf(b, b.log.slice(from, to))
      if (s.written === undefined && r(5) === 0) {
        // A transaction that stays open for a while: of no effect before it is committed.
        s.session.begin()
        for (const c of changes) s.session.write(c)
        s.written = [changes, to]
      } else if (s.written !== undefined) commit(b, s, ...(s.written as [any[], number]))
      else commit(b, s, changes, to)
    }
  }

  for (let n = 0; n < steps; n++) {
    await act(boards[r(2)])
    check('a step')
    if (errors.length > marked) throw errors[marked]
    if (r(80) === 0) {
      const b = boards[r(2)]
      said.push(`clear ${b.name}`)
      b.tables = nothing()
      b.last.clear()
      db.tenant(b.name).clear()
      check('a clear')
    }
    if (r(30) === 0) {
      // A stream of rows; it ends with its connection.
      const b = boards[r(2)], s = b.sessions.find(each => each.open && each.written === undefined)
      if (s === undefined || b.log.length === 0) continue
      const rows = [...b.server.cards.values()], cursor = b.log.length, stops = r(3) === 0
      said.push(`load ${b.name} ${cursor} at ${b.cursor}${stops ? ', closed' : ''}`)
      const lines = text(rows).split(/(?<=,)/).map(part => new TextEncoder().encode(part))
      const stream = new ReadableStream({ async pull(c) { await tick(); const line = lines.shift(); if (line === undefined) c.close(); else c.enqueue(line) } })
      const loading = s.session.load(stream, { table: 'cards', op: 'reset', tenant: b.name, cursor }).then(() => 'loaded', e => e.code as string)
      promises.push(loading.then(() => { settled++ }))
      if (stops) await end(s)
      const outcome = await loading
      const due = stops ? 'CLOSED' : cursor < b.cursor && s.stale !== 'ignore' ? 'CURSOR_BACKWARDS' : 'loaded'
      expect(outcome, say('a stream')).toBe(due)
      if (due === 'loaded' && cursor > b.cursor) {
        b.tables = { ...b.tables, cards: new Map(rows.map(row => [row.id, row])) }
        b.cursor = cursor
      }
      check('a stream')
    }
  }
  const opened = boards.flatMap(b => b.sessions.filter(s => s.open))
  const loading = opened.map(s => s.session.load(new ReadableStream({ pull: () => tick(1e6) }), { table: 'cards', tenant: 'one' }).then(() => 'loaded', e => e.code as string))
  for (const b of boards) for (const l of b.lives.splice(3)) l.live.dispose()
  const kept = boards.map(b => b.lives.map(l => text(l.live.rows)))
  db.close()
  expect(await Promise.all(loading), `seed ${seed}: streams of a database that is closed`).toEqual(loading.map(() => 'CLOSED'))
  await Promise.all(promises)
  await tick()
  await tick()
  expect([settled, opened.map(s => [s.connection.status, s.ready === 'pending', s.cleanups, s.session.signal.aborted])], `seed ${seed}: what ends with it`).toEqual([promises.length, opened.map(() => ['closed', false, 1, true])])
  expect(boards.map(b => b.lives.map(l => text(l.live.rows))), `seed ${seed}: rows that were read`).toEqual(kept)
  expect(errors.length, `seed ${seed}: ${String(errors[marked])}`).toBe(marked)
}

describe('unconfirmed edits over the rows of a source', () => {
  it.each(Array.from({ length: runs }, (_, i) => seeds + i))('seed %d', async seed => { await play(seed) })
})
