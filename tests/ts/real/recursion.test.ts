// Recursive queries of the built package: trees, threads, ways through graphs, as users write them.
import { describe, expect, it } from 'vitest'
import { add, count, createDatabase, defineSchema, eq, from, int, isNull, recursive, string, table } from '../../../pkg/index.inline.js'

const schema = defineSchema({
  people: table({ id: int().key(), name: string(), boss: int().nullable() }),
  edges: table({ a: int().key(), b: int().key(), w: int() }),
})
const open = () => createDatabase({ schema })
const people = (rows: [number, number | null][]) => rows.map(([id, boss]) => ({ op: 'upsert', table: 'people', row: { id, name: `p${id}`, boss } }) as const)
const edge = (a: number, b: number, w = 1) => ({ op: 'upsert', table: 'edges', row: { a, b, w } }) as const
const cut = (a: number, b: number) => ({ op: 'delete', table: 'edges', id: [a, b] }) as const

describe('recursive queries', () => {
  it('follow a tree', async () => {
    const db = await open()
    const below = recursive('below', db.query.people.where('boss', 'is not', null).select(p => ({ boss: p.boss, id: p.id })),
      below => below.innerJoin('people', (b, p) => eq(p.boss, b.id)).select(({ below, people }) => ({ boss: below.boss, id: people.id })))
    expect(below.toJSON()).toBeDefined()
    const team = recursive('team', db.query.people.where('id', '=', 1).select(p => ({ id: p.id, depth: add(p.id, -1) })),
      team => team.innerJoin('people', (t, p) => eq(p.boss, t.id)).select(({ team, people }) => ({ id: people.id, depth: add(team.depth, 1) })))
    const live = db.live(team.orderBy('depth').orderBy('id'))
    db.apply(people([[1, null], [2, 1], [3, 1], [4, 2], [5, 4], [9, 8]]))
    expect(live.rows).toEqual([{ id: 1, depth: 0 }, { id: 2, depth: 1 }, { id: 3, depth: 1 }, { id: 4, depth: 2 }, { id: 5, depth: 3 }])
    const [first] = live.rows
    db.apply(people([[4, 9]]))
    expect(live.rows.map(r => r.id)).toEqual([1, 2, 3])
    expect(live.rows[0]).toBe(first)
    const names = db.live(from(schema, 'people').innerJoin(team, (p, t) => eq(p.id, t.id)).select(({ people, team }) => ({ name: people.name, depth: team.depth })).orderBy('name'))
    expect(names.rows).toEqual([{ name: 'p1', depth: 0 }, { name: 'p2', depth: 1 }, { name: 'p3', depth: 1 }])
    const tops = db.live(db.query.people.where(p => isNull(p.boss)))
    expect(tops.rows.length).toBe(1)
  })

  it('tell what comes and goes with an edge of a circle, and nothing else', async () => {
    const db = await open()
    const reach = recursive('reach', db.query.edges.where('a', '=', 0).select('b'), reach =>
      reach.innerJoin('edges', (r, e) => eq(r.b, e.a)).select(({ edges }) => ({ b: edges.b })))
    const live = db.live(reach.orderBy('b'))
    db.apply([edge(0, 1), edge(1, 2), edge(2, 3), edge(3, 1), edge(4, 5)])
    expect(live.rows.map(r => r.b)).toEqual([1, 2, 3])
    const told: string[] = []
    live.subscribe(({ diff }) => { told.push(diff.map(p => p.t).join()) })
    db.apply([cut(3, 1)])
    db.apply([edge(3, 1), edge(0, 2)])
    db.apply([cut(0, 1)])
    expect(told).toEqual([])
    db.apply([cut(0, 2)])
    expect(told).toEqual(['remove,remove,remove'])
    expect(live.rows).toEqual([])
    expect(db.explain(live)).toMatch(/fixpoint of 1 relations, facts 0, derivations 0, touched \d+, rounds \d+/)
  })

  it('made of each other are right over circles, whatever comes and goes', async () => {
    const db = await open()
    const { even, odd } = recursive({ even: db.query.edges.where('a', '=', 0).select(e => ({ n: e.a })), odd: db.query.edges.where('a', '=', 0).select(e => ({ n: e.b })) }, ({ even, odd }) => ({
      even: odd.innerJoin('edges', (o, e) => eq(o.n, e.a)).select(({ edges }) => ({ n: edges.b })),
      odd: even.innerJoin('edges', (o, e) => eq(o.n, e.a)).select(({ edges }) => ({ n: edges.b })),
    }))
    const lives = { even: db.live(even.orderBy('n')), odd: db.live(odd.orderBy('n')) }
    const both = db.live(even.innerJoin(odd, (e, o) => eq(e.n, o.n)).select(({ even }) => ({ n: even.n })).orderBy('n'))
    const there = new Map<string, [number, number]>()
    let seed = 5
    const pick = (n: number) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return (seed >> 8) % n }
    for (let i = 0; i < 120; i++) {
      const [a, b] = [pick(6), pick(6)]
      const isThere = there.has(`${a} ${b}`)
      db.apply([isThere ? cut(a, b) : edge(a, b)])
      if (isThere) there.delete(`${a} ${b}`)
      else there.set(`${a} ${b}`, [a, b])
      const found = { even: new Set<number>(), odd: new Set<number>() }
      const begun = [...there.values()].some(([from]) => from === 0)
      if (begun) found.even.add(0)
      for (let size = -1; size !== found.even.size + found.odd.size;) {
        size = found.even.size + found.odd.size
        for (const [from, to] of there.values()) { if (found.even.has(from)) found.odd.add(to); if (found.odd.has(from)) found.even.add(to) }
      }
      const ascending = (of: Set<number>) => [...of].sort((x, y) => x - y)
      expect([lives.even.rows.map(r => r.n), lives.odd.rows.map(r => r.n)], `step ${i}`).toEqual([ascending(found.even), ascending(found.odd)])
      expect(both.rows.map(r => r.n)).toEqual(ascending(found.even).filter(n => found.odd.has(n)))
    }
  })

  it('find shortest ways and count by group', async () => {
    const db = await open()
    const path = recursive('path', db.query.edges.select(e => ({ a: e.a, b: e.b, d: e.w })), path =>
      path.innerJoin('edges', (p, e) => eq(p.b, e.a)).select(({ path, edges }) => ({ a: path.a, b: edges.b, d: add(path.d, edges.w) })),
    { min: { column: 'd', by: ['a', 'b'] } })
    const live = db.live(path.where('a', '=', 1).orderBy('b'))
    const counted = db.live(path.groupBy('a').select(p => ({ a: p.a, n: count() })).orderBy('a'))
    db.apply([edge(1, 2, 5), edge(2, 3, 5), edge(3, 1, 1), edge(1, 3, 20)])
    expect(live.rows).toEqual([{ a: 1, b: 1, d: 11 }, { a: 1, b: 2, d: 5 }, { a: 1, b: 3, d: 10 }])
    expect(counted.rows).toEqual([1, 2, 3].map(a => ({ a, n: 3 })))
    db.apply([cut(2, 3)])
    expect(live.rows).toEqual([{ a: 1, b: 1, d: 21 }, { a: 1, b: 2, d: 5 }, { a: 1, b: 3, d: 20 }])
    expect(counted.rows).toEqual([{ a: 1, n: 3 }, { a: 3, n: 3 }])
  })

  it('that find ever more are in error until they end', async () => {
    const db = await open()
    const up = recursive('up', db.query.people.select(p => ({ n: p.id })), up => up.where('n', '>', 0).select(u => ({ n: add(u.n, 1) })), { maxRounds: 500 })
    const live = db.live(up)
    db.apply(people([[1, null]]))
    expect([live.status, live.error?.code]).toEqual(['error', 'RECURSION_LIMIT'])
    db.apply([{ op: 'delete', table: 'people', id: 1 }])
    expect([live.error, live.rows.length]).toEqual([undefined, 0])
  })
})
