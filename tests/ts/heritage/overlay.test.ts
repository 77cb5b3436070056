// Edits that a server has not confirmed, laid over its rows as a table: `overlay` and `editsOf`.
import { describe, expect, it } from 'vitest'
import {
  array, bigint, boolean, bytes, createDatabase, date, decimal, defineSchema, hasMany, int, interval, json, manyToMany, number, string, table, time, timestamp, uuid,
} from '../../../pkg/index.inline.js'
import { editsOf, overlay, projections } from '../../../pkg/project/index.js'
import { inWorker } from '../../../pkg/worker/inside.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { eventually, failure } from '../real/support.js'

const card = { id: string().key(), title: string(), lane: string(), owner: string().nullable() }
const link = { cardId: string().key(), labelId: string().key() }
const schema = defineSchema({
  lanes: table({ id: string().key() }), labels: table({ id: string().key() }),
  serverCards: table(card), cardEdits: table(editsOf(card)), cards: table({ ...card, pending: boolean() }),
  serverLinks: table(link), linkEdits: table(editsOf(link)), links: table(link),
}, {
  lanes: { cards: hasMany('cards', 'lane', { orderBy: [['title', 'asc']] }) },
  cards: { labels: manyToMany('labels', 'links', ['cardId', 'labelId'], { orderBy: [['id', 'asc']] }) },
})

async function opened() {
  const errors: unknown[] = []
  const db = await createDatabase({ schema, graceMs: 0, onError: e => { errors.push(e) } })
  projections(db).register(overlay(schema, 'cards', { rows: 'serverCards', edits: 'cardEdits' }), overlay(schema, 'links', { rows: 'serverLinks', edits: 'linkEdits' }))
  const cards = db.live(db.query.cards.orderBy('id'))
  const told: unknown[] = []
  cards.subscribe(({ diff }) => { told.push(...diff.map(p => p.t === 'set' ? [p.key, p.fields] : [p.t, 'key' in p ? p.key : null])) })
  const theirs = (id: string, more: object = {}) => ({ op: 'upsert', table: 'serverCards', row: { id, title: `Card ${id}`, lane: 'todo', owner: 'ann', ...more } }) as const
  const edit = (n: number, row: { id: string; [column: string]: unknown }) => ({ op: 'insert', table: 'cardEdits', row: { n, ...row } }) as never
  const done = (...ns: number[]) => ns.map(id => ({ op: 'delete', table: 'cardEdits', id }) as const)
  const shown = () => cards.rows.map(c => `${c.id} ${c.title} ${c.lane} ${c.owner}${c.pending ? ' *' : ''}`)
  return { db, errors, cards, told, theirs, edit, done, shown }
}

describe('overlay', () => {
  it('shows edits at once, and nothing changes when the server brings their effect', async () => {
    const { db, told, theirs, edit, done, shown } = await opened()
    db.apply([theirs('a'), theirs('b')])
    told.length = 0
    db.apply([edit(1, { id: 'a', lane: 'done' })])
    expect(shown()).toEqual(['a Card a done ann *', 'b Card b todo ann'])
    expect(told.splice(0)).toEqual([['a', { lane: 'done', pending: true }]])
    db.apply([{ op: 'update', table: 'serverCards', id: 'a', set: { lane: 'done' } }, ...done(1)])
    expect(told.splice(0)).toEqual([['a', { pending: false }]])
    db.apply([edit(2, { id: 'c', made: true, title: 'Mine', lane: 'todo' })])
    expect(told.splice(0)).toEqual([['add', 'c']])
    db.apply([theirs('c', { title: 'Mine', owner: null }), ...done(2)])
    expect(told.splice(0)).toEqual([['c', { pending: false }]])
    db.apply([edit(3, { id: 'b', gone: true })])
    expect(told.splice(0)).toEqual([['remove', 'b']])
    db.apply([{ op: 'delete', table: 'serverCards', id: 'b' }, ...done(3)])
    expect(told).toEqual([])
    expect(shown()).toEqual(['a Card a done ann', 'c Mine todo null'])
  })

  it('takes back what was refused and nothing else, whatever came first', async () => {
    const { db, theirs, edit, done, shown } = await opened()
    db.apply([theirs('a'), edit(1, { id: 'a', lane: 'doing' }), edit(2, { id: 'a', title: 'New' }), edit(3, { id: 'a', lane: 'done' })])
    expect(shown()).toEqual(['a New done ann *'])
    db.apply(done(3))
    expect(shown()).toEqual(['a New doing ann *'])
    db.apply(done(1))
    expect(shown()).toEqual(['a New todo ann *'])
    db.apply([theirs('a', { title: 'Theirs', owner: 'ben' })])            // shows where nothing is laid over it
    expect(shown()).toEqual(['a New todo ben *'])
    db.apply(done(2))
    expect(shown()).toEqual(['a Theirs todo ben'])
  })

  it('sets columns to null, undoes a delete, and shows no row of which there are edits alone', async () => {
    const { db, theirs, edit, done, shown } = await opened()
    db.apply([theirs('a'), edit(1, { id: 'a', nulls: ['owner'] })])
    expect(shown()).toEqual(['a Card a todo null *'])
    db.apply([edit(2, { id: 'a', owner: 'ben' })])
    expect(shown()).toEqual(['a Card a todo ben *'])
    db.apply([edit(3, { id: 'a', gone: true })])
    expect(shown()).toEqual([])
    db.apply([edit(4, { id: 'a', made: true, title: 'Back', lane: 'todo' })])
    expect(shown()).toEqual(['a Back todo null *'])
    db.apply([...done(1, 2, 3, 4), edit(5, { id: 'a', title: 'Late' }), { op: 'delete', table: 'serverCards', id: 'a' }])   // somebody has deleted it
    expect(shown()).toEqual([])
    db.apply([theirs('a')])
    expect(shown()).toEqual(['a Late todo ann *'])
  })

  it('goes on where an edit lacks what a row must have', async () => {
    const { db, errors, theirs, edit, done, shown } = await opened()
    db.apply([theirs('a'), edit(1, { id: 'b', made: true, lane: 'todo' }), edit(2, { id: 'a', nulls: ['title', 'owner', 'nothing'] }), edit(3, { id: 'a', lane: 'done' })])
    expect(shown()).toEqual(['a Card a done null *'])
    db.apply([edit(4, { id: 'b', title: 'Late' })])
    expect(shown()).toEqual(['a Card a done null *', 'b Late todo null *'])
    db.apply([theirs('b', { lane: 'doing' }), ...done(4)])
    expect(shown()).toEqual(['a Card a done null *', 'b Card b todo null *'])
    expect(errors).toEqual([])
  })

  it('is a table: associations lead to it and over it, and what is not touched is the same object', async () => {
    const { db, theirs, edit, errors } = await opened()
    db.apply([{ op: 'insert', table: 'lanes', rows: [{ id: 'done' }, { id: 'todo' }] }, { op: 'insert', table: 'labels', rows: [{ id: 'bug' }, { id: 'ui' }] }, theirs('a'), theirs('b'),
      { op: 'insert', table: 'serverLinks', row: { cardId: 'a', labelId: 'bug' } }])
    const board = db.live(db.query.lanes.orderBy('id').with('cards', c => c.with('labels')))
    const names = () => board.rows.map(l => [l.id, l.cards.map(c => `${c.id}:${c.labels.map(x => x.id).join()}`)])
    expect(names()).toEqual([['done', []], ['todo', ['a:bug', 'b:']]])
    const { b } = { b: board.rows[1].cards[1] }
    db.apply([edit(1, { id: 'a', lane: 'done' }), { op: 'insert', table: 'linkEdits', row: { n: 1, cardId: 'a', labelId: 'ui', made: true } }, { op: 'insert', table: 'linkEdits', row: { n: 2, cardId: 'a', labelId: 'bug', gone: true } }])
    expect(names()).toEqual([['done', ['a:ui']], ['todo', ['b:']]])
    expect(board.rows[1].cards[0]).toBe(b)
    db.apply([{ op: 'delete', table: 'linkEdits', id: 2 }])
    expect(names()).toEqual([['done', ['a:bug,ui']], ['todo', ['b:']]])
    expect(errors).toEqual([])
  })

  it('lays columns of every type over each other', async () => {
    const all = {
      id: int().key(), text: string(), float: number(), big: bigint(), yes: boolean(), at: timestamp(), meta: json(), price: decimal(), day: date(), hour: time(), uid: uuid(), span: interval(),
      tags: array(string()), raw: bytes(),
    }
    const every = defineSchema({ theirs: table(all), edits: table(editsOf(all)), shown: table(all) })
    const db = await createDatabase({ schema: every })
    projections(db).register(overlay(every, 'shown', { rows: 'theirs', edits: 'edits' }))
    const row = (i: number) => ({
      id: 1, text: `t${i}`, float: i / 4, big: 2n ** 60n + BigInt(i), yes: i % 2 === 0, at: new Date(i), meta: { i, list: [null, i] }, price: `${i}.50`, day: `2024-02-0${i}`, hour: `0${i}:30:00`,
      uid: `00000000-0000-0000-0000-00000000000${i}`, span: `${i + 1} days`, tags: [`x${i}`], raw: new Uint8Array([i]),
    }) as const
    const shown = db.live(db.query.shown)
    db.apply([{ op: 'insert', table: 'theirs', row: row(1) as never }, { op: 'insert', table: 'edits', row: { n: 1, ...row(2) } as never }])
    expect(shown.rows).toEqual([row(2)])
    const { id, text, ...rest } = row(3)
    db.apply([{ op: 'insert', table: 'edits', row: { n: 2, id, ...rest } as never }])
    expect(shown.rows).toEqual([{ ...row(3), text: 't2' }])
    db.apply([{ op: 'reset', table: 'edits' }])
    expect(shown.rows).toEqual([row(1)])
  })

  it('keeps to a tenant', async () => {
    const tenanted = defineSchema({ theirs: table(card, { tenant: true }), edits: table(editsOf(card), { tenant: true }), cards: table(card, { tenant: true }) })
    const db = await createDatabase({ schema: tenanted })
    for (const tenant of ['x', 'y']) projections(db, { tenant }).register(overlay(tenanted, 'cards', { rows: 'theirs', edits: 'edits' }))
    const [x, y] = ['x', 'y'].map(id => db.tenant(id))
    for (const t of [x, y]) t.apply([{ op: 'insert', table: 'theirs', row: { id: 'a', title: 'A', lane: 'todo' } }])
    x.apply([{ op: 'insert', table: 'edits', row: { n: 1, id: 'a', lane: 'done' } }])
    expect([x, y].map(t => t.live(t.query.cards).rows.map(c => c.lane))).toEqual([['done'], ['todo']])
  })

  it('is kept inside of a worker, where pages write the log: what they show never goes back on the way', async () => {
    const end = inWorker(({ db }) => { projections(db).register(overlay(schema, 'cards', { rows: 'serverCards', edits: 'cardEdits' })) })
    const db = await createWorkerDatabase({ schema, worker: 'inline' })
    try {
      const cards = db.live(db.query.cards.orderBy('id'))
      const shown: string[] = []
      cards.subscribe(({ rows }) => { shown.push(rows.map(c => `${c.lane}${c.pending ? ' *' : ''}`).join()) })
      await db.apply([{ op: 'insert', table: 'serverCards', row: { id: 'a', title: 'A', lane: 'todo' } }])
      await db.apply([{ op: 'insert', table: 'cardEdits', row: { n: 1, id: 'a', lane: 'done' } }])
      await db.apply([{ op: 'update', table: 'serverCards', id: 'a', set: { lane: 'done' } }, { op: 'delete', table: 'cardEdits', id: 1 }])
      await eventually(() => cards.rows[0]?.lane === 'done' && !cards.rows[0].pending)
      // A page that is behind is told of several versions at once.
      expect(shown.filter(each => each !== '')).toEqual(['todo', 'done *', 'done'].filter(each => shown.includes(each)))
      expect(shown.at(-1)).toBe('done')
    } finally { db.close(); end() }
  })

  it('says what is wrong where it is', () => {
    const of = (given: unknown, name: unknown = 'cards') => { const { code, path, offending, nearest } = failure(() => overlay(schema, name as 'cards', given as never)); return [code, path, offending, nearest] }
    expect(of({ rows: 'serverCard', edits: 'cardEdits' })).toEqual(['UNKNOWN_TABLE', 'rows', 'serverCard', 'serverCards'])
    expect(of({ rows: 'serverCards' })).toEqual(['UNKNOWN_TABLE', 'edits', 'undefined', undefined])
    expect(of(undefined)[0]).toBe('UNKNOWN_TABLE')
    expect(of({ rows: 'serverCards', edits: 'cardEdits' }, 'card')).toEqual(['UNKNOWN_TABLE', 'table', 'card', 'cards'])
    expect(of({ rows: 'serverCards', edit: 'cardEdits' })).toEqual(['PROJECTION_INVALID', 'edit', 'edit', 'edits'])
    expect(of({ rows: 'serverCards', edits: 'serverCards' })).toEqual(['PROJECTION_INVALID', 'edits', 'serverCards', undefined])
    expect(of({ rows: 'serverCards', edits: 'linkEdits' }).slice(0, 3)).toEqual(['UNKNOWN_COLUMN', 'linkEdits', 'id'])
    expect(failure(() => overlay(undefined as never, 'cards' as never, { rows: 'serverCards', edits: 'cardEdits' } as never))).toMatchObject({ code: 'PROJECTION_INVALID', path: 'schema' })
    const loose = { ...card, title: string().nullable() }
    expect(failure(() => overlay(defineSchema({ theirs: table(loose), edits: table(editsOf(loose)), cards: table(card) }), 'cards', { rows: 'theirs', edits: 'edits' })))
      .toMatchObject({ code: 'PROJECTION_INVALID', path: 'rows', offending: 'title' })
    const named = failure(() => editsOf({ id: string().key(), gone: string() }))
    expect([named.code, named.path]).toEqual(['SCHEMA_INVALID', 'gone'])
    expect(failure(() => editsOf(undefined as never)).code).toBe('SCHEMA_INVALID')
    expect(failure(() => defineSchema({ edits: table(editsOf({ id: string().key(), title: 'text' as never })) }))).toMatchObject({ code: 'SCHEMA_INVALID', path: 'edits.title' })
  })
})
