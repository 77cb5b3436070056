// However a log is cut into batches: the same rows, the same partitions that halt and why, and each event counted once.
import { describe, expect, it } from 'vitest'
import { createDatabase } from '../../../pkg/index.inline.js'
import { type Reducer, reducer, reducers } from '../../../pkg/reduce/index.js'
import { type Event, logOf, open, rows, schema } from './derive.js'

const event = (id: number, type: string, more: object = {}): Event => ({ id: String(id), type, user: 'a', ...more })
const written = (more: Partial<Reducer<Event>> = {}): Reducer<Event> => reducer<Event>('users', {
  tables: ['users'], partition: e => e.user, cursor: e => e.id, ...more,
  on: {
    Good: (e: Event, op: any) => { op.merge('users', { id: e.row ?? 'r', name: `by ${e.id}` }) },
    Bad: (e: Event, op: any) => { op.merge('users', { id: e.row ?? 'r', name: 7 }) },
    Whole: (e: Event, op: any) => { op.upsert('users', { id: 'r', name: 'whole' }) },
    Set: (e: Event, op: any) => { op.update('users', 'r', { name: 'set' }) },
    Insert: (e: Event, op: any) => { op.insert('users', { id: 'r', name: 'inserted' }) },
    Delete: (e: Event, op: any) => { op.delete('users', 'r') },
    Where: (e: Event, op: any) => { op.delete('users', { where: { id: 'r' } }) },
    Both: (e: Event, op: any) => { op.insert('users', { id: 'r', name: 7 }); op.delete('users', 'r') },
    Throw: () => { throw new Error('bad') },
  },
})

describe('a row of the wrong type that a later event takes away', () => {
  const later = ['Good', 'Whole', 'Set', 'Insert', 'Delete', 'Where'] as const
  it.each(later.flatMap(type => [[type, false, 'a'], [type, true, 'a'], [type, true, 'b']] as const))('by %s (coalesced: %s, in the partition %s) halts where it was written, however they are cut', async (type, coalesce, user) => {
    const seen = []
    for (const batchSize of [1, 2, 3, 100]) {
      const db = await open()
      const log = logOf(event(1, 'Good', { row: 'other' }), event(2, 'Bad'), event(3, type, { user }), event(4, 'Good', { row: 'other' }))
      const r = await reducers(db).start(written({ coalesce }), { source: log, batchSize })
      await r.awaitCatchup()
      const of = ({ status, error }: any) => [status, error?.type, error?.code, error?.cursor]
      seen.push([of(r.partition('a')), of(r.partition('b')), rows(db).filter(row => row.id === 'r').map(row => row.name)])
      // From there it goes on, and comes to the same end.
      await r.resume('a', 'skip')
      seen.push([of(r.partition('a')), of(r.partition('b')), rows(db).map(row => [row.id, row.name])])
      db.close()
    }
    expect(seen[0][0]).toEqual(['error', 'commit', 'TYPE_MISMATCH', '2'])
    for (let i = 2; i < seen.length; i++) expect(seen[i]).toEqual(seen[i % 2])
  })

  it.each([false, true])('is passed over alone where errors are (coalesced: %s)', async coalesce => {
    const seen = []
    for (const batchSize of [1, 2, 3, 100]) {
      const db = await open()
      const log = logOf(event(1, 'Bad'), event(2, 'Insert'), event(3, 'Bad'), event(4, 'Throw'), event(5, 'Delete'), event(6, 'Bad'), event(7, 'Insert'), event(8, 'Bad', { row: 'last' }))
      const r = await reducers(db).start(written({ coalesce, onError: 'skip' }), { source: log, batchSize })
      await r.awaitCatchup()
      seen.push([rows(db).map(row => [row.id, row.name]), r.partition('a').cursor, r.fold.dropped])
      db.close()
    }
    expect(seen).toEqual(Array(4).fill([[['r', 'inserted']], '8', 5]))
  })

  it.each(['refused', 'impossible', 'both'] as const)('costs each event a few calls where errors are passed over, not one for each that fails: %s', async how => {
    let calls = 0
    const n = 200
    const some = reducer<Event>('users', {
      tables: ['users'], partition: e => e.user, cursor: e => e.id, onError: 'skip',
      on: (e, op) => {
        calls++
        if (e.type === 'Good') op.insert('users', { id: e.id, name: 'good' })
        else if (how === 'refused' || (how === 'both' && Number(e.id) % 4 === 0)) op.insert('users', { id: e.id, name: 7 })
        else op.insert('users', { id: '1', name: 'twice' })
      },
    })
    const db = await open()
    const r = await reducers(db).start(some, { source: logOf(...Array.from({ length: n }, (_, i) => event(i + 1, i % 2 === 0 ? 'Good' : 'Bad'))), batchSize: n })
    await r.awaitCatchup()
    expect([rows(db).length, r.fold.dropped, r.partition('a').cursor]).toEqual([n / 2, n / 2, String(n)])
    expect(calls).toBeLessThanOrEqual(5 * n)
    db.close()
  })

  it('and one for which there is no room are passed over, not those behind it, however they are cut', async () => {
    const seen = []
    for (const batchSize of [1, 3, 100]) {
      const empty = await open()
      const budget = empty.stats().allocatedBytes + 2.5 * 2 ** 20
      empty.close()
      const db = await createDatabase({ schema, memory: { budget, onPressure: () => {} } })
      let calls = 0
      const large = reducer<Event>('users', { tables: ['users'], partition: e => e.user, cursor: e => e.id, onError: 'skip', on: (e, op) => { calls++; op.insert('users', { id: e.id, name: 'x'.repeat(e.size) }) } })
      const r = await reducers(db).start(large, { source: logOf(...Array.from({ length: 40 }, (_, i) => event(i + 1, 'Large', { size: i % 2 === 0 ? 2 ** 20 : 1 }))), batchSize })
      await r.awaitCatchup()
      seen.push([rows(db).map(row => row.id), r.fold.dropped, r.partition('a').cursor])
      expect(calls).toBeLessThanOrEqual(6 * 40)
      db.close()
    }
    expect(seen[0].slice(1)).toEqual([18, '40'])
    expect(seen).toEqual([seen[0], seen[0], seen[0]])
  })

  it('within one event is nothing', async () => {
    for (const batchSize of [1, 100]) {
      const db = await open()
      const r = await reducers(db).start(written(), { source: logOf(event(1, 'Both'), event(2, 'Good')), batchSize })
      await r.awaitCatchup()
      expect([r.errors(), rows(db).map(row => row.name)]).toEqual([[], ['by 2']])
      db.close()
    }
  })
})

describe('an event that comes again', () => {
  const again = [event(1, 'Good'), event(2, 'Good', { user: 'b', row: 's' })]
  it.each([[false, 'halt'], [false, 'skip'], [true, 'halt'], [true, 'skip']] as const)('is counted once, also where what comes with it cannot be committed (coalesced: %s, %s)', async (coalesce, onError) => {
    const db = await open()
    const all = [...again, event(3, 'Bad'), event(4, 'Good', { user: 'b', row: 's' })]
    // The second page repeats the first, as after a crash before the place in the log was stored.
    const source = { fetch: async (after: any) => after === 'start' ? { events: again, cursor: '2' } : { events: after === '2' ? all : [], cursor: '4' }, subscribe: () => () => {} }
    const r = await reducers(db).start(written({ coalesce, onError }), { source })
    await r.awaitCatchup()
    expect([r.skipped, r.fold.dropped, rows(db).map(row => [row.id, row.name])]).toEqual([2, onError === 'skip' ? 1 : 0, [['r', 'by 1'], ['s', 'by 4']]])
    db.close()
  })
})
