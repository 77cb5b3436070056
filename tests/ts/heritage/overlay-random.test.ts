// A board and its labels under edits, refusals, other people's changes, replays and snapshots: what is shown is what a plain model makes of the
// server's rows and of the edits that wait, after each version, and listeners are told of what differs, and of nothing else.
import { describe, expect, it } from 'vitest'
import { applyPatches, boolean, createDatabase, defineSchema, hasMany, manyToMany, string, table } from '../../../pkg/index.inline.js'
import { editsOf, overlay, projections } from '../../../pkg/project/index.js'
import { random } from '../real/support.js'

const card = { id: string().key(), title: string(), lane: string(), owner: string().nullable() }
const link = { cardId: string().key(), labelId: string().key(), note: string().nullable() }
const schema = defineSchema({
  lanes: table({ id: string().key() }), labels: table({ id: string().key() }),
  serverCards: table(card), cardEdits: table(editsOf(card)), cards: table({ ...card, pending: boolean() }),
  serverLinks: table(link), linkEdits: table(editsOf(link)), links: table(link),
}, {
  lanes: { cards: hasMany('cards', 'lane', { orderBy: [['title', 'asc'], ['id', 'asc']] }) },
  cards: { labels: manyToMany('labels', 'links', ['cardId', 'labelId'], { orderBy: [['id', 'asc']] }), links: hasMany('links', 'cardId', { orderBy: [['labelId', 'asc']] }) },
})
type Row = Record<string, any>
interface Edit { n: number; table: 'cards' | 'links'; row: Row; made?: boolean; gone?: boolean; nulls?: string[] }
interface Entry { changes: any[]; ends: number[] }

const seeds = Number(process.env.OVERLAY_SEED ?? 1), runs = Number(process.env.OVERLAY_RUNS ?? 12), steps = Number(process.env.OVERLAY_STEPS ?? 150)
const KEY = { cards: ['id'], links: ['cardId', 'labelId'] }, FIELDS = { cards: ['title', 'lane', 'owner'], links: ['note'] }
const SERVER = { cards: 'serverCards', links: 'serverLinks' } as const, LOG = { cards: 'cardEdits', links: 'linkEdits' } as const
const NEEDED: Record<string, readonly string[]> = { cards: ['title', 'lane'], links: [] }
const both = ['cards', 'links'] as const
const lanes = ['doing', 'done', 'todo'], labels = ['bug', 'perf', 'ui'], owners = [null, 'ann', 'ben']
const text = (v: unknown): string => JSON.stringify(v)
const keyOf = (name: 'cards' | 'links', row: Row): string => KEY[name].map(k => row[k]).join('/')
/** Columns that an edit sets. */
const setBy = (e: Edit): string[] => FIELDS[e.table].filter(f => e.row[f] != null || (!NEEDED[e.table].includes(f) && (e.made === true || e.nulls?.includes(f) === true)))
const by = (...keys: string[]) => (a: Row, b: Row): number => { for (const k of keys) if (a[k] !== b[k]) return a[k] < b[k] ? -1 : 1; return 0 }
const nothing = () => ({ cards: new Map<string, Row>(), links: new Map<string, Row>() })

async function play(seed: number): Promise<void> {
  const r = random(seed), pick = <T>(list: readonly T[]): T => list[r(list.length)], said: string[] = []
  const errors: unknown[] = []
  const db = await createDatabase({ schema, graceMs: 0, onError: e => { errors.push(e) } })
  projections(db).register(overlay(schema, 'cards', { rows: 'serverCards', edits: 'cardEdits' }), overlay(schema, 'links', { rows: 'serverLinks', edits: 'linkEdits' }))
  db.apply([{ op: 'insert', table: 'lanes', rows: lanes.map(id => ({ id })) }, { op: 'insert', table: 'labels', rows: labels.map(id => ({ id })) }])

  const server = nothing(), held = nothing(), pending: Edit[] = [], feed: Entry[] = []
  /** Edits that the server has looked at. */
  const seen = new Set<number>()
  let next = 0, cursor = 0, made = 0
  const laid = (name: 'cards' | 'links'): Row[] => {
    const out = new Map([...held[name]].map(([k, row]) => [k, { row: { ...row }, edited: false }]))
    for (const k of new Set(pending.filter(e => e.table === name).map(e => keyOf(name, e.row)))) {
      const mine = pending.filter(e => e.table === name && keyOf(name, e.row) === k)
      if (mine.at(-1)!.gone === true || (!out.has(k) && !mine.some(e => e.made))) { out.delete(k); continue }
      const row = out.get(k)?.row ?? { ...mine[0].row, ...Object.fromEntries(FIELDS[name].map(f => [f, null])) }
      for (const e of mine) for (const f of setBy(e)) row[f] = e.row[f] ?? null
      if (NEEDED[name].every(f => row[f] !== null)) out.set(k, { row, edited: true })
    }
    return [...out.values()].map(({ row, edited }) => ({ ...Object.fromEntries([...KEY[name], ...FIELDS[name]].map(c => [c, row[c]])), ...(name === 'cards' ? { pending: edited } : {}) })).sort(by(...KEY[name]))
  }
  const board = db.live(db.query.lanes.orderBy('id').with('cards', c => c.with('labels').with('links')))
  const due = {
    cards: () => laid('cards'), links: () => laid('links'),
    board: () => lanes.map(id => ({ id, cards: laid('cards').filter(c => c.lane === id).sort(by('title', 'id')).map(c => {
      const links = laid('links').filter(x => x.cardId === c.id).sort(by('labelId'))
      return { ...c, labels: links.map(x => ({ id: x.labelId })), links }
    }) })),
  }
  const lives = { cards: db.live(db.query.cards.orderBy('id')), links: db.live(db.query.links.orderBy('cardId').orderBy('labelId')), board }
  const mirrors: Record<string, readonly any[]> = {}, told: Record<string, number> = {}, was: Record<string, string> = {}
  const names = Object.keys(lives) as (keyof typeof lives)[]
  for (const name of names) {
    mirrors[name] = lives[name].rows
    was[name] = text(due[name]())
    lives[name].subscribe(({ diff }: any) => {
      told[name] = (told[name] ?? 0) + 1
      mirrors[name] = applyPatches(mirrors[name], diff, (row: any) => row.id ?? [row.cardId, row.labelId])
    })
  }
  const check = (what: string): void => {
    said.push(what)
    const say = `seed ${seed}: ${said.slice(-6).join('; ')}`
    for (const name of names) {
      const now = text(due[name]())
      expect(text(lives[name].rows), `${say}: ${name}`).toBe(now)
      expect(text(mirrors[name]), `${say}: patches of ${name}`).toBe(now)
      expect(told[name] ?? 0, `${say}: told of ${name}`).toBe(now === was[name] ? 0 : 1)
      was[name] = now
      delete told[name]
    }
    expect(errors, say).toEqual([])
  }

  const edit = (...edits: Omit<Edit, 'n'>[]): void => {
    const mine = edits.map(e => ({ n: ++next, ...e }))
    pending.push(...mine)
    db.apply(mine.map(({ table, row, ...more }) => ({ op: 'insert', table: LOG[table], row: { ...row, ...more } })) as never)
  }
  const serve = (e: Edit): void => {
    seen.add(e.n)
    const rows = server[e.table], k = keyOf(e.table, e.row), id = KEY[e.table].map(c => e.row[c]), entry: Entry = { changes: [], ends: [e.n] }
    feed.push(entry)
    if (r(4) === 0) return
    const row = rows.get(k), set = Object.fromEntries(setBy(e).map(f => [f, e.row[f] ?? null]))
    if (e.gone) { if (rows.delete(k)) entry.changes.push({ op: 'delete', table: SERVER[e.table], id }) }
    else if (row !== undefined || (e.made && NEEDED[e.table].every(f => f in set))) {
      const now = { ...Object.fromEntries(KEY[e.table].map(c => [c, e.row[c]])), ...row, ...set }
      rows.set(k, now)
      entry.changes.push(row === undefined ? { op: 'insert', table: SERVER[e.table], row: now } : { op: 'update', table: SERVER[e.table], id, set })
    }
  }
  const apply = (changes: any[], ends: number[], at: number): boolean => {
    const gone = pending.filter(e => ends.includes(e.n))
    return db.apply({ source: 'server', cursor: at, stale: 'ignore', changes: [...changes, ...gone.map(e => ({ op: 'delete', table: LOG[e.table], id: e.n }))] } as never).replayed
  }
  const ended = (ends: number[]): void => { for (let i = pending.length; i-- > 0;) if (ends.includes(pending[i].n)) pending.splice(i, 1) }

  for (let step = 0; step < steps; step++) {
    const cards = laid('cards'), any = cards.length > 0 ? pick(cards) : undefined, act = r(14)
    if (act === 0 || any === undefined) edit({ table: 'cards', made: true, row: { id: `c${++made}`, ...(r(6) ? { title: `T${step}` } : {}), lane: pick(lanes), owner: pick(owners) } })
    else if (act < 3) edit({ table: 'cards', row: { id: r(5) ? any.id : `c${1 + r(made)}`, lane: pick(lanes), ...(r(2) ? { title: `t${r(5)}` } : {}) } })
    else if (act === 3) { const owner = pick(owners); edit({ table: 'cards', row: { id: any.id, owner }, ...(owner === null ? { nulls: ['owner', 'lane'] } : {}) }) }
    else if (act === 4) edit({ table: 'cards', gone: true, row: { id: any.id } }, ...laid('links').filter(x => x.cardId === any.id).map(x => ({ table: 'links' as const, gone: true, row: { cardId: x.cardId, labelId: x.labelId } })))
    else if (act < 7) {
      const labelId = pick(labels), there = laid('links').some(x => x.cardId === any.id && x.labelId === labelId)
      edit({ table: 'links', row: { cardId: any.id, labelId, ...(there && r(2) ? { note: `n${r(3)}` } : {}) }, ...(there ? (r(2) ? { gone: true } : { nulls: ['note'] }) : { made: true }) })
    }
    else if (act < 10) { for (const e of pending) if (!seen.has(e.n) && r(2) === 0) serve(e) }   // in whatever order
    else if (act < 12) {
      const rows = [...server.cards.values()], x = rows.length > 0 ? pick(rows) : undefined
      if (x === undefined) { const row = { id: `o${++made}`, title: 'Other', lane: pick(lanes), owner: null }; server.cards.set(row.id, row); feed.push({ changes: [{ op: 'insert', table: 'serverCards', row }], ends: [] }) }
      else if (r(3) === 0) { server.cards.delete(x.id); feed.push({ changes: [{ op: 'delete', table: 'serverCards', id: x.id }], ends: [] }) }
      else { const set = { title: `o${step}`, owner: pick(owners) }; server.cards.set(x.id, { ...x, ...set }); feed.push({ changes: [{ op: 'update', table: 'serverCards', id: x.id, set }], ends: [] }) }
    }
    else if (act === 12 && cursor > 0) { const entry = feed[r(cursor)]; expect(apply(entry.changes, [], 1 + r(cursor))).toBe(true) }
    else if (cursor < feed.length) {
      const ends = [...seen]
      apply(both.flatMap(name => [{ op: 'reset', table: SERVER[name], rows: [...server[name].values()] }]), ends, cursor = feed.length)
      for (const name of both) held[name] = new Map(server[name])
      ended(ends)
    }
    check(`${step}: ${act}`)
    if (cursor < feed.length && r(2) === 0) {
      const { changes, ends } = feed[cursor]
      apply(changes, ends, ++cursor)
      for (const c of changes) {
        const name = both.find(t => SERVER[t] === c.table)!
        if (c.op === 'delete') held[name].delete([c.id].flat().join('/'))
        else if (c.op === 'insert') held[name].set(keyOf(name, c.row), c.row)
        else { const k = [c.id].flat().join('/'); if (held[name].has(k)) held[name].set(k, { ...held[name].get(k), ...c.set }) }
      }
      ended(ends)
      check(`${step}: delivered`)
    }
  }
  db.close()
}

describe('edits laid over rows', () => {
  it.each(Array.from({ length: runs }, (_, i) => seeds + i))('are what a plain model shows, seed %i', play)
})
