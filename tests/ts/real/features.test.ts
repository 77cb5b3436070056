// The operations of the table in www/docs/features.md, by its titles: a change looks at a few rows of thousands, and leaves what the same
// query says when it is asked anew.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type Change, type Expr, and, array, avg, bigint, boolOr, bytes, count, createDatabase, date, decimal, defineSchema, eq, exists, first, gt, grouping, gte, inArray, inQuery, int, interval, json, lag, last,
  like, max, median, min, not, notExists, or, over, rollup, rowNumber, scalar, stddev, string, stringAgg, sum, table, time, timestamp, uuid,
} from '../../../pkg/index.inline.js'
import { type Db, issue, open } from './support.js'

const SIZE = 3000

interface Feature {
  query: (q: Db['query']) => unknown
  /** Instead of a new priority and title of one issue. */
  changes?: Change[]
  /** Rows that operators may look at. */
  most?: number
}

const update = (id: number, set: object): Change => ({ op: 'update', table: 'issues', id: `i${id}`, set })
const usual = [update(1500, { priority: 2999, title: 'new', status: 'done', projectId: 'p7', votes: 4000n })]

const features: Record<string, Feature> = {
  'filters: and, or, not, in, like': { query: q => q.issues.where(i => and(or(like(i.title, 'n%'), eq(i.priority, 3)), not(eq(i.status, 'closed')), inArray(i.projectId, ['p7', 'p8']))) },
  'inner join': { query: q => q.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id)) },
  'left, right and full join': {
    query: q => q.issues.leftJoin('comments', (i, c) => eq(i.id, c.issueId)).fullJoin('projects', (r, p) => eq(r.issues.projectId, p.id)).rightJoin('members', (r, m) => eq(r.issues.projectId, m.projectId)),
    changes: [update(1500, { projectId: 'p35' })],
  },
  'join on any condition': { query: q => q.issues.where('priority', '>=', 2990).innerJoin('comments', (i, c) => gt(c.at, i.priority)), changes: [update(2995, { priority: 2991 })] },
  'join on one of several equalities': {
    query: q => q.comments.innerJoin('issues', (c, i) => or(eq(c.issueId, i.id), eq(c.at, i.priority))).select(r => ({ c: r.comments.id, i: r.issues.id })),
    changes: [update(1500, { priority: 2999 })],
  },
  'semi join, anti join': { query: q => q.issues.where(i => inQuery(i.projectId, q.projects.where('name', '=', 'even').select('id'))) },
  'exists, not exists': {
    query: q => q.issues.where(i => and(exists(q.comments.where(c => eq(c.issueId, i.id))), notExists(q.members.where(m => eq(m.projectId, i.projectId))))),
    changes: [{ op: 'delete', table: 'comments', id: 1500 }],
  },
  'count, sum, avg': { query: q => q.issues.groupBy('projectId').select(i => ({ p: i.projectId, n: count(), s: sum(i.priority), a: avg(i.score) })) },
  'min, max, when the extreme leaves': { query: q => q.issues.select(i => ({ least: min(i.priority), most: max(i.priority) })), changes: [{ op: 'delete', table: 'issues', id: 'i0' }, { op: 'delete', table: 'issues', id: 'i2999' }] },
  'median, stddev, first, last, lists': {
    query: q => q.issues.groupBy('projectId').select(i => ({
      p: i.projectId, m: median(i.priority), d: stddev(i.score), f: first(i.title, { orderBy: i.priority }), l: last(i.title, { orderBy: i.priority }), any: boolOr(gt(i.priority, 2998)), all: stringAgg(i.title, ','),
    })),
  },
  'group by, having': { query: q => q.issues.groupBy('projectId').having(() => gt(count(), 30)).select(i => ({ p: i.projectId, n: count() })) },
  'rollup, cube, grouping sets': { query: q => q.issues.groupBy(rollup('projectId', 'status')).select(i => ({ p: i.projectId, s: i.status, g: grouping(i.projectId, i.status), n: count(), t: sum(i.priority) })) },
  'order by, no limit': { query: q => q.issues.orderBy('priority', 'desc') },
  'order by, limit': { query: q => q.issues.orderBy('priority', 'desc').limit(10) },
  offset: { query: q => q.issues.orderBy('priority', 'desc').limit(10).offset(1000) },
  'cursor, keyset': { query: q => q.issues.orderBy('priority').startAfter({ priority: 1499, id: 'i1499' }).limit(5) },
  distinct: { query: q => q.issues.select(i => ({ t: i.title })).distinct() },
  'union, intersect, except': {
    query: q => q.issues.select(i => ({ p: i.priority })).union(q.comments.select(c => ({ p: c.at }))).except(q.issues.where('status', '=', 'done').select(i => ({ p: i.priority }))),
  },
  'sub-query in from and join': {
    query: q => q.projects.leftJoin(q.issues.groupBy('projectId').select(i => ({ projectId: i.projectId, n: count() })).as('c'), (p, c) => eq(p.id, c.projectId)).select(r => ({ p: r.projects.id, n: r.c.n })),
  },
  'scalar sub-query': { query: q => q.projects.select(p => ({ id: p.id, n: scalar(q.issues.where(i => eq(i.projectId, p.id)).select(i => ({ n: max(i.priority) }))) })) },
  'first row of each, as a value': {
    query: q => q.projects.select(p => ({ id: p.id, last: scalar(q.issues.where(i => eq(i.projectId, p.id)).orderBy('priority', 'desc').limit(1).select('title')) })),
    changes: [{ op: 'delete', table: 'issues', id: 'i2999' }],
  },
  'comparison with a scalar of all rows': { query: q => q.issues.where(i => gt(i.priority, scalar(q.comments.select(c => ({ a: max(c.at) }))))), changes: [{ op: 'delete', table: 'comments', id: 2999 }] },
  'nested associations': { query: q => q.projects.with('issues', i => i.with('comments')) },
  'order and limit per parent': { query: q => q.projects.with('issues', i => i.orderBy('priority', 'desc').limit(3)) },
  'aggregate on an association': { query: q => q.projects.withCount('issues').orderBy('issuesCount', 'desc') },
  'first rows of each group': { query: q => q.issues.limitBy('projectId', 2).orderBy('priority', 'desc') },
  'window functions': {
    query: q => q.issues.select(i => ({ id: i.id, n: over(rowNumber(), { partitionBy: i.projectId, orderBy: i.priority }), b: over(lag(i.title), { partitionBy: i.projectId, orderBy: i.priority }) })),
    most: 200,
  },
}

const rows: Change[] = [
  { op: 'insert', table: 'issues', rows: Array.from({ length: SIZE }, (_, i) => issue(`i${i}`, { title: `t${i % 900}`, priority: i, projectId: `p${i % 100}`, score: i / 3, votes: BigInt(i + 1) })) },
  { op: 'insert', table: 'projects', rows: Array.from({ length: 100 }, (_, i) => ({ id: `p${i}`, name: i % 2 === 0 ? 'even' : 'odd' })) },
  { op: 'insert', table: 'comments', rows: Array.from({ length: SIZE }, (_, i) => ({ id: i, issueId: `i${i}`, body: `c${i}`, at: i })) },
  { op: 'insert', table: 'members', rows: Array.from({ length: 60 }, (_, i) => ({ projectId: `p${i + 30}`, userId: i, role: 'x' })) },
]

const live = (db: Db, query: Feature['query']) => db.live(query(db.query) as ReturnType<Db['query']['issues']['limit']>)

describe('what www/docs/features.md says of', () => {
  for (const [title, { query, changes = usual, most = 100 }] of Object.entries(features)) {
    it(title, async () => {
      const { db } = await open()
      const kept = live(db, query)
      db.apply(rows as never)
      const before = [...kept.rows]
      const examined = db.stats().rowsExamined
      db.apply(changes as never)
      expect(db.stats().rowsExamined - examined).toBeLessThanOrEqual(most)
      const after = [...kept.rows]
      expect(after).not.toEqual(before)
      const { db: other } = await open()
      other.apply(rows as never)
      other.apply(changes as never)
      expect(after).toEqual([...live(other, query).rows])
      db.close()
      other.close()
    })
  }
})

// A value per number, in the order of the numbers.
const digits = (i: number, n: number) => String(i).padStart(n, '0')
const typed = {
  decimal: (i: number) => `1000000000000${digits(i, 8)}.50`, bigint: (i: number) => 2n ** 60n + BigInt(i), timestamp: (i: number) => new Date(i * 1000),
  date: (i: number) => new Date(i * 86_400_000).toISOString().slice(0, 10), time: (i: number) => new Date(i * 1000).toISOString().slice(11, 19),
  interval: (i: number) => `${i} days`, uuid: (i: number) => `a0eebc99-9c0b-4ef8-bb6d-${digits(i, 12)}`,
  bytes: (i: number) => Uint8Array.of(i >> 8, i & 255), array: (i: number) => ['a', digits(i, 4)],
}
const valuesSchema = defineSchema({
  values: table({
    id: int().key(), decimal: decimal(), bigint: bigint(), timestamp: timestamp(), date: date(), time: time(), interval: interval(), uuid: uuid(), bytes: bytes(), array: array(string()), json: json(),
  }),
})

describe('what www/docs/features.md says of types', () => {
  it('columns of every type are compared, grouped and ordered', async () => {
    const all = (at: number[]) => at.map(i => ({ id: i, ...Object.fromEntries(Object.entries(typed).map(([name, of]) => [name, of(i)])), json: { at: i } }))
    const row = (i: number, as: number) => ({ ...all([as])[0], id: i })
    const changed = { op: 'upsert', table: 'values', row: row(1500, 2999) }
    const made = async () => {
      const db = await createDatabase({ schema: valuesSchema })
      const queries = (Object.keys(typed) as (keyof typeof typed)[]).flatMap(name => {
        const is = (v: { [n in typeof name]: Expr<any> }) => v[name]
        return [
          db.query.values.where(v => gte(is(v), typed[name](2990))).select(v => ({ id: v.id, x: is(v) })), db.query.values.orderBy(name, 'desc').limit(3).select(v => ({ id: v.id, x: is(v) })),
          db.query.values.groupBy(name).having(() => gt(count(), 1)).select(v => ({ x: is(v), n: count() })),
        ]
      })
      return { db, queries: [...queries, db.query.values.where(v => eq(v.json, { at: 2999 })).select(v => ({ id: v.id, x: v.json }))] }
    }
    const { db, queries } = await made()
    db.apply([{ op: 'insert', table: 'values', rows: all(Array.from({ length: SIZE }, (_, i) => i)) }] as never)
    const kept = queries.map(q => db.live(q as never))
    const before = kept.map(k => [...k.rows])
    const examined = db.stats().rowsExamined
    db.apply([changed] as never)
    expect(db.stats().rowsExamined - examined).toBeLessThanOrEqual(30 * kept.length)
    const other = await made()
    other.db.apply([{ op: 'insert', table: 'values', rows: all(Array.from({ length: SIZE }, (_, i) => i)) }, changed] as never)
    kept.forEach((live, n) => {
      expect([...live.rows], String(n)).not.toEqual(before[n])
      expect([...live.rows]).toEqual([...other.db.live(other.queries[n] as never).rows])
    })
    db.close()
    other.db.close()
  })
})

describe('www/docs/features.md', () => {
  const root = new URL('../../../', import.meta.url)
  const text = readFileSync(new URL('www/docs/features.md', root), 'utf8')
  // A row names its tests in the last cell: the title of each, with the file where that is another than the one of this table.
  const cells = text.split('\n').filter(line => line.startsWith('| ')).slice(1).map(line => line.split('|').at(-2)!.trim())

  it('names a test for every operation, and each of them is there', () => {
    const links = cells.filter(cell => !/^(–|-+)$/.test(cell)).flatMap(cell => cell.split(' · ')).map(said => {
      const [, title, path = 'tests/ts/real/features.test.ts'] = /^(.+?)(?: \(`([^`]+)`\))?$/.exec(said)!
      return { title, path }
    })
    expect(links.length).toBeGreaterThanOrEqual(Object.keys(features).length)
    const missing = links.filter(({ title, path }) => {
      const file = new URL(path, root)
      return !existsSync(file) || !readFileSync(file, 'utf8').includes(title)
    })
    expect(missing).toEqual([])
    expect(Object.keys(features).filter(title => !links.some(link => link.title === title))).toEqual([])
  })
})
