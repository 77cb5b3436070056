// Pull: rows and facts, trees that are deep or go in circles, mistakes in patterns.
import { describe, expect, it } from 'vitest'
import { createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { datalog, facts } from '../../../pkg/datalog/index.js'
import { failure, told, world } from '../heritage/wizard.js'

const rows = async () => {
  const db = await createDatabase({ schema: defineSchema({
    issue: table({ id: string().key(), title: string(), points: int().nullable() }), num: table({ id: int().key(), v: string() }), pair: table({ a: int().key(), b: int().key(), w: int() }),
    ...facts({ n: 'int', name: 'string', next: 'ref', 'person/email': { type: 'string', unique: true } }),
  }) })
  const data = datalog(db)
  data.transact([{ 'issue/id': 'i1', 'issue/title': 'One' }, { 'num/id': 7, 'num/v': 'seven' }, { 'pair/a': 1, 'pair/b': 2, 'pair/w': 3 }, { ':db/id': 7, n: 70 }, { ':db/id': 8, n: 80, 'person/email': 'a@b.c' }])
  return data
}

describe('rows', () => {
  it('are pulled by their keys, whatever these are', async () => {
    const data = await rows()
    expect(data.pull('[*]', 'i1')).toEqual({ ':db/id': 'i1', ':issue/id': 'i1', ':issue/title': 'One' })
    expect(data.pull('[:issue/title]', [':issue/id', 'i1'])).toEqual({ ':issue/title': 'One' })
    expect(data.pull('[*]', [1, 2])).toEqual({ ':db/id': [1, 2], ':pair/a': 1, ':pair/b': 2, ':pair/w': 3 })
    expect(data.pull('[:pair/w]', [1, 2], { table: 'pair' })).toEqual({ ':pair/w': 3 })
    expect(failure(() => data.pull('[*]', 1, { table: 'pairs' }))).toMatchObject({ code: 'UNKNOWN_TABLE', nearest: 'pair' })
  })

  it('and facts of one name are one entity', async () => {
    const data = await rows()
    const whole = { ':db/id': 7, ':num/id': 7, ':num/v': 'seven', ':n': 70 }
    expect([data.pull('[*]', 7), data.pull('[*]', 7, { table: 'num' })]).toEqual([whole, whole])
    expect(data.q('[:find (pull ?e [*]) :where [?e :num/v]]')).toEqual([[whole]])
    expect(data.q('[:find (pull ?e [*]) :where [?e :n 70]]')).toEqual([[whole]])
  })

  it('that come later are seen by views that began without any', async () => {
    const data = await rows()
    const view = data.view('v', { query: '[:find (pull ?e [:issue/title :issue/points]) :where [?e :issue/points 5]]' })
    const log = told(view)
    data.transact([[':db/add', 'i1', 'issue/points', 5]])
    data.transact([[':db/add', 'i1', 'issue/title', 'Uno']])
    expect(log.take()).toEqual([{ added: [[{ ':issue/title': 'One', ':issue/points': 5 }]], removed: [] }, { added: [[{ ':issue/title': 'Uno', ':issue/points': 5 }]], removed: [[{ ':issue/title': 'One', ':issue/points': 5 }]] }])
  })

  it('and entities that are not there are nothing', async () => {
    const data = await rows()
    expect([data.pull('[*]', 999), data.pull('[:db/id]', 999), data.pull('[*]', 'none'), data.pull('[*]', [9, 9]), data.pull('[*]', [':person/email', 'x'])]).toEqual([null, null, null, null, null])
    expect([data.pull('[:db/id]', 8), data.pull('[:n]', [':person/email', 'a@b.c'])]).toEqual([{ ':db/id': 8 }, { ':n': 80 }])
    expect(data.pullMany('[:n]', [8, 9])).toEqual([{ ':n': 80 }, null])
  })
})

describe('limits', () => {
  it('are of the trees that are shown: entities without anything that is asked for take no place', async () => {
    const { data } = await world({ name: 'string', friend: { type: 'ref', many: true } })
    data.transact([...[1, 2, 3, 4].map(f => [':db/add', 9, 'friend', f]), ...[2, 3, 4].map(e => [':db/add', e, 'name', `n${e}`]), [':db/add', 5, 'friend', 1], [':db/add', 6, 'friend', 1], [':db/add', 6, 'name', 'n6']])
    expect(data.pull('[{[:friend :limit 2] [:name]}]', 9)).toEqual({ ':friend': [{ ':name': 'n2' }, { ':name': 'n3' }] })
    expect(data.pull('[{[:_friend :limit 1] [:name]}]', 1)).toEqual({ ':_friend': [{ ':name': 'n6' }] })
    expect(data.pull('[[:friend :limit 2]]', 9)).toEqual({ ':friend': [{ ':db/id': 1 }, { ':db/id': 2 }] })
    // Followed: the first one gets its name.
    const view = data.view('v', { query: '[:find (pull ?e [{[:friend :limit 2] [:name]}]) :in ?e :where [?e :friend]]', in: { '?e': 9 } })
    const log = told(view)
    data.transact([[':db/add', 1, 'name', 'n1']])
    expect(log.take().map(t => t.added)).toEqual([[[{ ':friend': [{ ':name': 'n1' }, { ':name': 'n2' }] }]]])
    data.transact([[':db/retract', 9, 'friend', 1]])
    expect(log.take().map(t => t.added)).toEqual([[[{ ':friend': [{ ':name': 'n2' }, { ':name': 'n3' }] }]]])
  })
})

describe('trees', () => {
  const GRAPH = { name: 'string', next: 'ref', part: { type: 'ref', component: true } } as const
  it('of 20,000 levels are made, and followed', async () => {
    const { data } = await world(GRAPH)
    data.transact(Array.from({ length: 20_000 }, (_, i) => [':db/add', i + 1, 'next', i + 2]))
    const depth = (tree: any): number => { let n = 0; for (let t = tree; t !== undefined; t = t[':next']) n++; return n }
    expect(depth(data.pull('[:db/id {:next ...}]', 1))).toBe(20_001)
    const view = data.view('v', { query: '[:find (pull ?e [:db/id {:next ...}]) :in ?e :where [?e :next]]', in: { '?e': 1 } })
    const depths: number[][] = []
    view.listen((added, removed) => { depths.push([...removed, ...added].map(([t]) => depth(t))) })
    data.transact([[':db/retract', 20_000, 'next', 20_001]])
    expect(depths).toEqual([[20_001, 20_000]])
  })

  it.each([['(pull ?e P) .', (a: any) => a], ['[(pull ?e P) ...]', (a: any) => a[0]], ['[(pull ?e P)]', (a: any) => a[0]], ['(pull ?e P)', (a: any) => a[0][0]], ['(pull ?e P) :keys t', (a: any) => a[0].t]])('of 20,000 levels are answers to `:find %s`, of queries and of views, frozen to the ground', async (find, tree) => {
    const { data } = await world(GRAPH)
    data.transact([[':db/add', 1, 'name', 'root'], ...Array.from({ length: 20_000 }, (_, i) => [':db/add', i + 1, 'next', i + 2])])
    const query = `[:find ${find.replace('P', '[:db/id {:next ...}]')} :where [?e :name]]`
    const view = data.view('v', { query })
    for (const [answer, frozen] of [[data.q(query), false], [view.get(), true]] as const) {
      let at = tree(answer)
      for (; ':next' in at; at = at[':next']) expect(Object.isFrozen(at)).toBe(frozen)
      expect([at, Object.isFrozen(at)]).toEqual([{ ':db/id': 20_001 }, frozen])
    }
    expect(view.get()).toBe(view.get())
  })

  it('of components that go in a circle end, in views as well', async () => {
    const { data } = await world(GRAPH)
    data.transact([{ ':db/id': 1, part: 2 }, { ':db/id': 2, part: 1 }, { ':db/id': 3, part: 3 }])
    const tree = { ':db/id': 1, ':part': { ':db/id': 2, ':part': { ':db/id': 1, ':part': { ':db/id': 2 } } } }
    expect([data.pull('[*]', 1), data.pull('[*]', 3)]).toEqual([tree, { ':db/id': 3, ':part': { ':db/id': 3, ':part': { ':db/id': 3 } } }])
    const view = data.view('v', { query: '[:find (pull ?e [*]) :in ?e :where [?e :part]]', in: { '?e': 1 } })
    const log = told(view)
    data.transact([[':db/retract', 2, 'part', 1]])
    expect(log.take()).toEqual([{ added: [[{ ':db/id': 1, ':part': { ':db/id': 2 } }]], removed: [[tree]] }])
  })
})

describe('patterns', () => {
  const ATTRIBUTES = { name: 'string', tags: { type: 'string', many: true }, next: 'ref' } as const
  it.each([
    ['[:nam]', 'UNKNOWN_ATTRIBUTE', 'pattern 1:2', 'name'], ['[:name\n {:nex [:name]}]', 'UNKNOWN_ATTRIBUTE', 'pattern 2:3', 'next'], ['[{:next [:nmae]}]', 'UNKNOWN_ATTRIBUTE', 'pattern 1:10', 'name'],
    ['[{:name [:tags]}]', 'DATALOG_TYPE', 'pattern 1:3', undefined], ['[:_name]', 'DATALOG_TYPE', 'pattern 1:2', undefined], ['[[:name :limit 3]]', 'DATALOG_TYPE', 'pattern 1:3', undefined],
  ])('that no entity could answer are refused with their place: %s', async (pattern, code, path, nearest) => {
    const { data } = await world(ATTRIBUTES)
    data.transact([{ ':db/id': 1, name: 'a' }])
    expect(failure(() => data.pull(pattern, 1))).toMatchObject({ code, path, ...(nearest === undefined ? {} : { nearest }) })
    expect(failure(() => data.view('v', { query: `[:find (pull ?e ${pattern}) :where [?e :name]]` }))).toMatchObject({ code, path: expect.stringMatching(/^query /) })
    expect(failure(() => data.q(`[:find (pull ?e ${pattern}) :where [?e :name]]`)).code).toBe(code)
  })

  it('may have lists as defaults, symbols as names, and `"*"`', async () => {
    const { data } = await world(ATTRIBUTES)
    data.transact([{ ':db/id': 1, name: 'a' }])
    expect(data.pull('[[:tags :default []] [:name :as n]]', 1)).toEqual({ ':tags': [], n: 'a' })
    expect(data.pull('["*" [:tags :default {:a [1 "x"]}]]', 1)).toEqual({ ':db/id': 1, ':name': 'a', ':tags': { ':a': [1, 'x'] } })
    const view = data.view('v', { query: '[:find (pull ?e [[:tags :default [1 "x"]] [:name :as n]]) :where [?e :name]]' })
    expect(data.view('w', { query: view.edn }).hash).toBe(view.hash)
  })
})
