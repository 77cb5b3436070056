// Window functions through the built package.
import { describe, expect, it } from 'vitest'
import {
  count, denseRank, eq, exists, firstValue, gt, inQuery, lag, lastValue, lead, max, mul, ntile, nthValue, over, rank, rowNumber, scalar, sum,
} from '../../../pkg/index.inline.js'
import { failure, open, put } from './support.js'

describe('window functions', () => {
  it('number, rank and sum up rows, and follow changes with patches for the rows that change', async () => {
    const { db } = await open()
    const query = db.query.issues.select(i => ({
      id: i.id,
      place: over(rowNumber(), { partitionBy: i.projectId, orderBy: [i.priority, 'desc'] }),
      rank: over(rank(), { partitionBy: i.projectId, orderBy: [i.priority, 'desc'] }),
      sofar: over(sum(i.priority), { partitionBy: i.projectId, orderBy: [i.priority, 'desc'], frame: { unit: 'rows', start: 'unboundedPreceding' } }),
      before: over(lag(i.title, 1, 'first'), { partitionBy: i.projectId, orderBy: [i.priority, 'desc'] }),
    })).orderBy('id')
    db.apply([put('a', { projectId: 'p', priority: 3 }), put('b', { projectId: 'p', priority: 5 }), put('c', { projectId: 'p', priority: 3 }), put('d', { projectId: 'q', priority: 1 })])
    const live = db.live(query)
    expect([...live.rows]).toEqual([
      { id: 'a', place: 2, rank: 2, sofar: 8, before: 'Issue b' },
      { id: 'b', place: 1, rank: 1, sofar: 5, before: 'first' },
      { id: 'c', place: 3, rank: 2, sofar: 11, before: 'Issue a' },
      { id: 'd', place: 1, rank: 1, sofar: 1, before: 'first' },
    ])
    const kept = live.rows[1]
    const said: unknown[] = []
    live.subscribe(({ diff }) => { for (const p of diff) said.push(p.t === 'set' ? [p.key, p.fields] : [p.t, 'key' in p ? p.key : undefined]) })
    db.apply([put('c', { projectId: 'p', priority: 4 })])
    expect(said).toEqual([['a', { place: 3, rank: 3, sofar: 12, before: 'Issue c' }], ['c', { place: 2, sofar: 9, before: 'Issue b' }]])
    expect(live.rows[1]).toBe(kept)
    db.close()
  })

  it('aggregate the rows for which a condition is true', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.orderBy('id').select(i => ({
      id: i.id,
      open: over(count({ where: eq(i.status, 'open') }), { orderBy: i.id }),
      points: over(sum(i.priority, { where: eq(i.status, 'open') }), { orderBy: i.id, frame: { unit: 'rows', start: { preceding: 1 } } }),
      most: over(max(i.priority, { where: eq(i.status, 'open') })),
    })))
    db.apply([put('a', { status: 'open', priority: 3 }), put('b', { status: 'done', priority: 9 }), put('c', { status: 'open', priority: 4 })])
    expect(live.rows).toEqual([{ id: 'a', open: 1, points: 3, most: 4 }, { id: 'b', open: 1, points: 3, most: 4 }, { id: 'c', open: 2, points: 4, most: 4 }])
    db.apply([put('b', { status: 'open', priority: 9 }), put('a', { status: 'done', priority: 3 })])
    expect(live.rows).toEqual([{ id: 'a', open: 0, points: null, most: 9 }, { id: 'b', open: 1, points: 9, most: 9 }, { id: 'c', open: 2, points: 13, most: 9 }])
    expect(failure(() => db.live(db.query.issues.select(i => ({ n: over(count(i.status, { distinct: true })) }))))).toMatchObject({ code: 'QUERY_INVALID', offending: 'count' })
    db.close()
  })

  it('are in sub-queries, over the rows that the row around has', async () => {
    const { db } = await open()
    db.apply([put('a', {}), put('b', {}), put('c', {})])
    const comment = (id: number, issueId: string, at: number) => ({ op: 'upsert', table: 'comments', row: { id, issueId, body: `c${id}`, at } }) as const
    db.apply([comment(1, 'a', -1), comment(2, 'a', -2), comment(3, 'b', -3)])
    const of = (i: { id: any }) => db.query.comments.where(c => eq(c.issueId, i.id))
    const live = db.live(db.query.issues.orderBy('id').select(i => ({
      latest: scalar(of(i).orderBy('id', 'desc').limit(1).select(c => ({ place: over(rowNumber(), { orderBy: c.at }) }))),
      second: inQuery(2, of(i).select(c => ({ place: over(rank(), { orderBy: c.at }) }))),
      third: inQuery(3, db.query.comments.select(c => ({ place: over(rank(), { orderBy: c.at }) }))),
      all: scalar(of(i).select(() => ({ n: over(sum(count())) }))),
    })))
    const rows = () => live.rows.map(r => Object.values(r))
    expect(rows()).toEqual([[1, true, true, 2], [1, false, true, 1], [null, false, true, 0]])
    db.apply([comment(4, 'b', 5), { op: 'delete', table: 'comments', id: 1 }])
    expect(rows()).toEqual([[1, false, true, 1], [2, true, true, 2], [null, false, true, 0]])
    // Of rows that are tied by no equality, and none of distinct ones.
    const above = db.live(db.query.comments.orderBy('id').select(c => ({ n: scalar(db.query.comments.as('o').where(o => gt(o.id, c.id)).orderBy('id').limit(1).select(() => ({ n: over(count()) }))) })))
    expect(above.rows.map(r => r.n)).toEqual([2, 1, null])
    expect(failure(() => db.live(db.query.issues.where(i => inQuery(1, of(i).select(c => ({ place: over(rank(), { orderBy: c.at }) })).distinct()))))).toMatchObject({ code: 'QUERY_INVALID', path: 'where.query.distinct' })
    db.close()
  })

  it('compute with sub-queries, of rows, groups and associations', async () => {
    const { db } = await open()
    db.apply([put('a', { status: 'open', projectId: 'p' }), put('b', { status: 'open', projectId: 'p' }), put('c', { status: 'done', projectId: 'q' })])
    db.apply([1, 2, 3].map(id => ({ op: 'upsert', table: 'comments', row: { id, issueId: id < 3 ? 'a' : 'b', body: `c${id}`, at: -id } }) as const))
    const said = (i: { id: any }) => scalar(db.query.comments.where(c => eq(c.issueId, i.id)).select(() => ({ n: count() })))
    const live = db.live(db.query.issues.orderBy('id').select(i => ({
      id: i.id, place: over(rank(), { orderBy: [said(i), 'desc'] }), all: over(sum(said(i)), { partitionBy: exists(db.query.comments.where(c => eq(c.issueId, i.id))) }), before: over(lag(said(i), 1, 9), { orderBy: i.id }),
    })))
    expect(live.rows).toEqual([{ id: 'a', place: 1, all: 3, before: 9 }, { id: 'b', place: 2, all: 3, before: 2 }, { id: 'c', place: 3, all: 0, before: 1 }])
    const groups = db.live(db.query.issues.groupBy('status').orderBy('status').select(i => ({
      status: i.status, n: over(sum(scalar(db.query.issues.as('o').where(o => eq(o.status, i.status)).select(() => ({ n: count() }))))),
    })))
    expect(groups.rows).toEqual([{ status: 'done', n: 3 }, { status: 'open', n: 3 }])
    const nested = db.live(db.query.issues.where('id', '!=', 'c').orderBy('id').select('id').with('comments', c => c.orderBy('id').select(x => ({ id: x.id, sofar: over(sum(scalar(db.query.issues.where(y => eq(y.id, x.issueId)).select(() => ({ n: count() })))), { orderBy: x.id }) }))))
    expect(nested.rows.map(r => r.comments)).toEqual([[{ id: 1, sofar: 1 }, { id: 2, sofar: 2 }], [{ id: 3, sofar: 1 }]])
    db.apply([{ op: 'upsert', table: 'comments', row: { id: 4, issueId: 'c', body: 'c4', at: 0 } }, { op: 'delete', table: 'comments', id: 1 }])
    expect(live.rows).toEqual([{ id: 'a', place: 1, all: 3, before: 9 }, { id: 'b', place: 1, all: 3, before: 1 }, { id: 'c', place: 1, all: 3, before: 1 }])
    expect(groups.rows).toEqual([{ status: 'done', n: 3 }, { status: 'open', n: 3 }])
    expect(nested.rows.map(r => r.comments)).toEqual([[{ id: 2, sofar: 1 }], [{ id: 3, sofar: 1 }]])
    db.close()
  })

  it('are over groups, in the order, and within associations', async () => {
    const { db } = await open()
    db.apply([put('a', { status: 'open' }), put('b', { status: 'open' }), put('c', { status: 'done' })])
    db.apply([1, 2, 3].map(id => ({ op: 'upsert', table: 'comments', row: { id, issueId: id < 3 ? 'a' : 'b', body: `c${id}`, at: -id } }) as const))
    const groups = db.live(db.query.issues.groupBy('status').select(i => ({ status: i.status, n: count(), of: over(sum(count())), place: over(denseRank(), { orderBy: [[count(), 'desc'], i.status] }) })))
    expect([...groups.rows]).toEqual([{ status: 'done', n: 1, of: 3, place: 2 }, { status: 'open', n: 2, of: 3, place: 1 }])
    const ordered = db.live(db.query.issues.select('id').orderBy(i => over(rowNumber(), { orderBy: i.id }), 'desc'))
    expect(ordered.rows.map(r => r.id)).toEqual(['c', 'b', 'a'])
    const nested = db.live(db.query.issues.select('id').orderBy('id').with('comments', c => c.select(x => ({ id: x.id, place: over(rowNumber(), { orderBy: x.at }), last: over(lastValue(x.body)) }))))
    expect(nested.rows.map(r => r.comments.map(x => [x.id, x.place, x.last]))).toEqual([[[2, 1, 'c2'], [1, 2, 'c2']].sort(), [[3, 1, 'c3']], []].map(list => expect.arrayContaining(list)))
    db.close()
  })

  it('take frames of time in milliseconds', async () => {
    const { db } = await open()
    const at = (ms: number) => new Date(1_700_000_000_000 + ms)
    db.apply([put('a', { due: at(0) }), put('b', { due: at(900) }), put('c', { due: at(2_000) }), put('d')])
    const live = db.live(db.query.issues.select(i => ({ id: i.id, near: over(count(), { orderBy: i.due, frame: { unit: 'range', start: { preceding: 1_000 } } }) })).orderBy('id'))
    expect(live.rows.map(r => r.near)).toEqual([1, 2, 1, 1])
    db.close()
  })

  it('a sum beyond 64 bits is an error of the view, which goes with its row', async () => {
    const { db } = await open()
    const live = db.live(db.query.issues.select(i => ({ id: i.id, v: over(sum(i.votes), { orderBy: i.id }) })).orderBy('id'))
    db.apply([put('a', { votes: 2n ** 62n }), put('b', { votes: 2n ** 62n })])
    expect([live.status, live.error?.code]).toEqual(['error', 'NUMERIC_OVERFLOW'])
    db.apply([put('a', { votes: 1n })])
    expect([live.status, live.rows.map(r => r.v)]).toEqual(['ready', [1n, 2n ** 62n + 1n]])
    db.close()
  })

  it('are refused where they cannot be', async () => {
    const { db } = await open()
    const nowhere = (db.query.issues as any).where((i: any) => over(rank(), { orderBy: i.id }))
    expect(failure(() => db.live(nowhere))).toMatchObject({ code: 'QUERY_INVALID', path: 'where' })
    const mixed = db.query.issues.select(i => ({ x: over(ntile(0), { orderBy: i.id }) }))
    expect(failure(() => db.live(mixed))).toMatchObject({ code: 'QUERY_INVALID', path: 'select[0].expr.args[0]' })
    const typed = db.query.issues.select(i => ({ x: over(sum(mul(i.priority, 2)), { orderBy: i.title, frame: { unit: 'range', start: { preceding: 1 } } }) }))
    expect(failure(() => db.live(typed))).toMatchObject({ code: 'TYPE_MISMATCH', path: 'select[0].expr.over.frame.start.offset' })
    db.close()
  })

  it('frames say their ends, each one', async () => {
    const { db } = await open()
    const said = (frame: unknown): unknown[] => {
      const e = failure(() => db.live(db.query.issues.select(i => ({ x: over(sum(i.priority), { orderBy: i.due, frame: frame as never }) }))))
      return [e.code, e.path, e.offending, e.nearest]
    }
    const at = 'select.over.frame'
    expect(said({ unit: 'range', preceding: '1 day' })).toEqual(['QUERY_INVALID', `${at}.start`, 'undefined', undefined])
    expect(said({ unit: 'rows', strat: 'currentRow', start: 'currentRow' })).toEqual(['QUERY_INVALID', `${at}.strat`, 'strat', 'start'])
    expect(said({ unit: 'rows', start: { precding: 1 } })).toEqual(['QUERY_INVALID', `${at}.start.precding`, 'precding', 'preceding'])
    for (const start of [{ preceding: 1, following: 2 }, {}, null, 5, [1]]) expect(said({ unit: 'rows', start }).slice(0, 2)).toEqual(['QUERY_INVALID', `${at}.start`])
    expect(said({ unit: 'rows', start: 'currentRow', end: { following: 1, preceding: 1 } }).slice(0, 2)).toEqual(['QUERY_INVALID', `${at}.end`])
    db.close()
  })

  it('firstValue, nthValue and lead look along the order', async () => {
    const { db } = await open()
    db.apply([put('a', { score: 1.5 }), put('b', { score: null }), put('c', { score: 2 })])
    const live = db.live(db.query.issues.select(i => ({
      id: i.id, first: over(firstValue(i.score), { orderBy: i.id }), second: over(nthValue(i.id, 2), { orderBy: i.id }), next: over(lead(i.id, 2), { orderBy: i.id }),
    })).orderBy('id'))
    expect([...live.rows]).toEqual([
      { id: 'a', first: 1.5, second: null, next: 'c' }, { id: 'b', first: 1.5, second: 'b', next: null }, { id: 'c', first: 1.5, second: 'b', next: null },
    ])
    db.close()
  })
})
