// The scenarios of ecto_foundationdb's sync engine, made exact, against the built package. Numbered as in the plan of the
// system that they come from; what each feature and each known hole became is in www/docs/heritage.md.
import { describe, expect, it } from 'vitest'
import { type Patch, plainPatches } from '../../../pkg/index.inline.js'
import { type Signal, type Watch, assignReady, tenant, watches } from '../../../pkg/watch/index.js'
import { eventually } from '../real/support.js'
import { failure, kinds, open, quote, remove, rename, tick, user, vector } from './tenants.js'

it('4.4-1 the quotes collection: like, add and delete arrive as one patch each, without a call, and two subscribers agree', async () => {
  const { db, errors } = await open()
  const t = tenant(db, 'readers')
  t.apply([quote('descartes', 'Descartes', 'I think, therefore I am.'), quote('heraclitus', 'Heraclitus', 'The only constant in life is change.')])
  const list = t.query.quotes.orderBy('author')
  const one = t.assigns().all('quotes', list), two = t.assigns().all('mine', list)
  const said: Patch[][] = []
  let signals = 0
  one.onAssigns((changed, _, { patches }) => { expect([...changed.keys()]).toEqual(['quotes']); said.push(plainPatches(patches.get('quotes')!)) })
  t.watch('quotes', 'changes', () => { signals++ })
  t.apply([{ op: 'update', table: 'quotes', id: 'heraclitus', set: { likes: 1 } }])
  t.apply([quote('elixir', 'Elixir', 'Hello World')])
  t.apply([remove('quotes', 'descartes')])
  expect(said).toEqual([
    [{ t: 'set', path: [], key: 'heraclitus', fields: { likes: 1 } }],
    [{ t: 'add', path: [], key: 'elixir', at: 1, value: { id: 'elixir', author: 'Elixir', content: 'Hello World', likes: 0, date: null } }],
    [{ t: 'remove', path: [], key: 'descartes', at: 0 }],
  ])
  expect(signals).toBe(3)
  expect(one.get('quotes')).toEqual(two.get('mine'))
  expect(one.get('quotes').map((q: { id: string }) => q.id)).toEqual(['elixir', 'heraclitus'])
  expect(errors).toEqual([])
})

describe('4.4-2 counters', () => {
  it('of a table: 00000 → insert 10101 → update 10112 → delete 11213 → clear 00000', async () => {
    const t = tenant((await open()).db, 'a')
    const now = (): string => vector(t.counters('users'))
    expect(now()).toBe('00000')
    t.apply([user('1', 'Alice')])
    expect(now()).toBe('10101')
    t.apply([rename('1', 'Bob')])
    expect(now()).toBe('10112')
    t.apply([remove('users', '1')])
    expect(now()).toBe('11213')
    t.clearCounters('users')
    expect(now()).toBe('00000')
  })

  it.each([undefined, 'insert'] as const)('of an indexed value, upserts as %s: 10101, 10101, 10112, 11223, 21334, 22435, clear 00000', async upsertAs => {
    const t = tenant((await open()).db, 'a')
    const now = (): string => vector(t.counters('users', { by: { name: 'Alice' }, upsertAs }))
    expect(now()).toBe('00000')
    t.apply([user('1', 'Alice')])
    expect(now()).toBe('10101')
    t.apply([user('2', 'Bob')])
    expect(now()).toBe('10101')
    t.apply([{ op: 'update', table: 'users', id: '1', set: { notes: 'not indexed' } }])
    expect(now()).toBe('10112')
    t.apply([rename('1', 'Alicia')])
    expect(now()).toBe('11223')
    t.apply([rename('1', 'Alice')])
    expect(now()).toBe('21334')
    t.apply([remove('users', '1')])
    expect(now()).toBe('22435')
    t.clearCounters('users', { by: { name: 'Alice' } })
    expect(now()).toBe('00000')
  })

  it('a row that comes and goes within one batch moves counters and watches, but no live query', async () => {
    const t = tenant((await open()).db, 'a')
    let patches = 0
    const said: string[] = []
    t.live(t.query.users).subscribe(({ diff }) => { patches += diff.length })
    for (const kind of kinds) t.watch('users', kind, ({ counts }) => { said.push(`${kind} ${vector(counts)}`) })
    t.watch('users', 'collection', { by: { name: 'Alice' } }, ({ keys }) => { said.push(`Alice +${keys.inserted} -${keys.deleted}`) })
    t.watch('users', 'collection', { by: { name: 'Bob' } }, () => { said.push('Bob') })
    t.counters('users')
    t.apply([user('1', 'Alice'), remove('users', '1')])
    expect(said).toEqual(['inserts 11202', 'deletes 11202', 'collection 11202', 'changes 11202', 'Alice +1 -1'])
    expect(vector(t.counters('users'))).toBe('11202')
    expect(patches).toBe(0)
    // There before and after: what happened in between is nobody's business.
    t.apply([user('2', 'Bob')])
    said.length = 0
    t.apply([remove('users', '2'), user('2', 'Bob')])
    t.apply([remove('users', '9'), { op: 'update', table: 'users', id: '9', set: { name: 'x' } }])
    expect(said).toEqual([])
  })

  it('go on over a restart', async () => {
    const first = tenant((await open()).db, 'a')
    first.counters('users')
    first.counters('users', { by: { name: 'Alice' } })
    first.apply([user('1', 'Alice')])
    const saved = JSON.parse(JSON.stringify(first.savedCounters()))
    const second = tenant((await open()).db, 'a')
    second.restoreCounters(saved)
    second.apply([user('2', 'Bob')])
    expect([vector(second.counters('users')), vector(second.counters('users', { by: { name: 'Alice' } }))]).toEqual(['20202', '10101'])
  })
})

describe('4.4-3 what fires', () => {
  const before = [user('1', 'Alice'), user('2', 'Alice')]
  const steps: Record<string, any[]> = {
    insert: [user('9', 'Alice')],
    update: [{ op: 'update', table: 'users', id: '1', set: { notes: 'n' } }],
    'no-op update': [{ op: 'update', table: 'users', id: '1', set: { name: 'Alice' } }],
    'upsert of a new row': [{ op: 'upsert', table: 'users', row: { id: '9', name: 'Alice', notes: null } }],
    'upsert of a row that is there': [{ op: 'upsert', table: 'users', row: { id: '1', name: 'Alice', notes: 'n' } }],
    'no-op upsert': [{ op: 'upsert', table: 'users', row: { id: '1', name: 'Alice', notes: null } }],
    delete: [remove('users', '1')],
    'move to another value': [rename('1', 'Bob')],
    'update of a row that is not there': [rename('7', 'Alice')],
    'delete of a row that is not there': [remove('users', '7')],
  }
  /** Letters of the kinds that fire: inserts, deletes, collection, updates, changes. */
  const I = 'I·C·X', D = '·DC·X', U = '···UX', LEFT = '·DCUX', ENTERED = 'I·CUX', NONE = '·····'
  const table: [string, { all: string; old: string; new: string; insert?: string; signal?: string }][] = [
    ['insert', { all: I, old: I, new: NONE }],
    ['update', { all: U, old: U, new: NONE }],
    ['no-op update', { all: NONE, old: NONE, new: NONE, signal: U }],
    ['upsert of a new row', { all: I, old: I, new: NONE }],
    ['upsert of a row that is there', { all: U, old: U, new: NONE, insert: I }],
    ['no-op upsert', { all: NONE, old: NONE, new: NONE, signal: U }],
    ['delete', { all: D, old: D, new: NONE }],
    ['move to another value', { all: U, old: LEFT, new: ENTERED }],
    ['update of a row that is not there', { all: NONE, old: NONE, new: NONE }],
    ['delete of a row that is not there', { all: NONE, old: NONE, new: NONE }],
  ]
  const letters = ['I', 'D', 'C', 'U', 'X']

  it.each(table)('%s', async (name, fires) => {
    const t = tenant((await open()).db, 'a')
    t.apply(before)
    const fired = (options: any): (() => string) => {
      const seen = kinds.map(() => 0)
      kinds.forEach((kind, i) => { t.watch('users', kind, options, () => { seen[i]++ }) })
      return () => {
        expect(Math.max(...seen), 'at most one signal per batch').toBeLessThan(2)
        return letters.map((l, i) => seen[i] > 0 ? l : '·').join('')
      }
    }
    const all = fired({}), old = fired({ by: { name: 'Alice' } }), neu = fired({ by: { name: 'Bob' } })
    const upsert = fired({ upsertAs: 'insert' }), noop = fired({ noop: 'signal' }), both = fired({ noop: 'signal', upsertAs: 'insert', by: { name: 'Alice' } })
    t.apply(steps[name])
    expect({ all: all(), old: old(), new: neu() }).toEqual({ all: fires.all, old: fires.old, new: fires.new })
    expect(upsert(), 'upsertAs: insert').toBe(fires.insert ?? fires.all)
    expect(noop(), 'noop: signal').toBe(fires.signal ?? fires.all)
    expect(both(), 'both, by').toBe(name === 'no-op upsert' ? I : fires.insert ?? fires.signal ?? fires.old)
  })

  it('columns restrict updates only', async () => {
    const t = tenant((await open()).db, 'a')
    t.apply([quote('q', 'X', 'c')])
    const said: string[] = []
    t.watch('quotes', 'updates', { columns: ['likes'] }, ({ keys }) => { said.push(`likes of ${keys.updated}`) })
    t.watch('quotes', 'changes', { columns: ['likes', 'content'], by: { author: 'X' } }, ({ counts }) => { said.push(`X ${vector(counts)}`) })
    t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { likes: 1 } }])
    t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { content: 'd' } }])
    t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { date: '2024-01-01' } }])
    t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { author: 'Y' } }])
    t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { author: 'X', likes: 2 } }])
    t.apply([quote('r', 'X', 'new')])
    expect(said).toEqual(['likes of q', 'X 00011', 'X 00011', 'X 01101', 'likes of q', 'X 10111', 'X 10101'])
    // An upsert that counts as an insert is one, whatever it changes; a write that changes nothing changes none of the columns.
    said.length = 0
    const both = { columns: ['likes'], noop: 'signal', upsertAs: 'insert' } as const
    t.watch('quotes', 'changes', both, ({ keys }) => { said.push(`+${keys.inserted} ~${keys.updated}`) })
    t.apply([{ ...quote('r', 'X', 'new'), op: 'upsert' }, { op: 'update', table: 'quotes', id: 'q', set: { likes: 2 } }])
    t.apply([{ ...quote('r', 'X', 'newer'), op: 'upsert' }])
    expect(said.filter(s => s.startsWith('+'))).toEqual(['+r ~', '+r ~'])
  })

  it('nulls, moments and composite keys are values to be watched', async () => {
    const t = tenant((await open()).db, 'a')
    const said: string[] = []
    const note = (name: string) => ({ counts, keys }: Signal): void => { said.push(`${name} ${vector(counts)} ${JSON.stringify([keys.inserted, keys.deleted, keys.updated])}`) }
    t.watch('seats', 'changes', { by: { guest: null } }, note('free'))
    t.watchRow('seats', ['A', 2], note('A2'))
    t.watchRow('seats', { row: 'A', number: 3 }, {}, note('A3'))
    t.watch('quotes', 'changes', { by: { date: new Date('2024-07-15') } }, note('day'))
    t.apply([{ op: 'insert', table: 'seats', rows: [{ row: 'A', number: 1, guest: null }, { row: 'A', number: 2, guest: 'Ann' }] }])
    t.apply([{ op: 'update', table: 'seats', id: ['A', 1], set: { guest: 'Ben' } }, { op: 'delete', table: 'seats', id: { row: 'A', number: 2 } }])
    t.apply([quote('q', 'X', 'c', 0, '2024-07-15T00:00:00Z'), quote('r', 'X', 'c', 0, '2024-07-16T00:00:00Z')])
    expect(said).toEqual(['free 10101 [[["A",1]],[],[]]', 'A2 10101 [[["A",2]],[],[]]', 'free 01111 [[],[["A",1]],[["A",1]]]', 'A2 01101 [[],[["A",2]],[]]', 'day 10101 [["q"],[],[]]'])
  })

  it('what is asked for wrongly is a typed error that leaves nothing behind', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    const told = (fn: () => unknown): (string | undefined)[] => { const { code, path, nearest } = failure(fn); return [code, path, nearest] }
    expect(told(() => t.watch('user' as never, 'changes', {}))).toEqual(['UNKNOWN_TABLE', 'table', 'users'])
    expect(told(() => t.watch('users', 'change' as never, {}))).toEqual(['WATCH_INVALID', 'kind', 'changes'])
    expect(told(() => t.watch('users', 'changes', { by: { nmae: 1 } as never }))).toEqual(['UNKNOWN_COLUMN', 'by.nmae', 'name'])
    expect(told(() => t.watch('users', 'changes', { by: {} }))).toEqual(['WATCH_INVALID', 'by', undefined])
    expect(told(() => t.watch('users', 'changes', { columns: ['nam' as never] }))).toEqual(['UNKNOWN_COLUMN', 'columns[0]', 'name'])
    expect(told(() => t.watch('users', 'collection', { columns: ['name'] }))).toEqual(['WATCH_INVALID', 'columns', undefined])
    expect(told(() => t.watch('users', 'changes', { by: { name: 5 as never } }))[0]).toBe('TYPE_MISMATCH')
    expect(told(() => t.watchRow('seats', ['A'] as never))).toEqual(['MISSING_KEY', 'id', undefined])
    expect(told(() => watches(db).watch('users', 'changes', {}))[0]).toBe('TENANT_REQUIRED')
    await eventually(() => db.stats().views === 0)
    expect([t.watchCount, db.stats().views]).toEqual([0, 0])
  })
})

describe('4.4-4 tenants', () => {
  it('with equal ids never wake each other, and a row of one is none of the other', async () => {
    const { db } = await open()
    const a = tenant(db, 'a'), b = tenant(db, 'b')
    const said: string[] = []
    for (const [name, t] of [['a', a], ['b', b]] as const) {
      t.watch('users', 'changes', ({ tenant }) => { said.push(`${name}: table of ${tenant}`) })
      t.watch('users', 'changes', { by: { name: 'Alice' } }, () => { said.push(`${name}: Alice`) })
      t.watchRow('users', '1', {}, () => { said.push(`${name}: row`) })
      t.watch(t.query.users.where('name', '!=', ''), 'changes', () => { said.push(`${name}: query`) })
      t.assigns().one('u', 'users', '1').many('us', 'users', ['1']).all('all', 'users').onAssigns(changed => { said.push(`${name}: ${[...changed.keys()]}`) })
      t.counters('users')
    }
    a.apply([user('1', 'Alice')])
    expect(said.splice(0)).toEqual(['a: table of a', 'a: Alice', 'a: row', 'a: query', 'a: u,us,all'])
    b.apply([user('1', 'Bob')])
    expect(said.splice(0)).toEqual(['b: table of b', 'b: row', 'b: query', 'b: u,us,all'])
    expect([vector(a.counters('users')), vector(b.counters('users'))]).toEqual(['10101', '10101'])
    expect([a.live(a.query.users).rows.map(r => r.name), b.live(b.query.users).rows.map(r => r.name)]).toEqual([['Alice'], ['Bob']])
    expect(tenant(db, 'a')).toBe(a)
  })

  it('cost nothing to each other, and a changed row is looked at once for its table and once for its value', async () => {
    const { db } = await open()
    const a = db.tenant('a'), b = db.tenant('b')
    a.apply(Array.from({ length: 200 }, (_, i) => quote(`q${i}`, `author ${i}`, 'x')))
    b.apply(Array.from({ length: 200 }, (_, i) => quote(`q${i}`, `author ${i}`, 'x')))
    for (let i = 0; i < 200; i++) a.watch('quotes', 'changes', { by: { author: `author ${i}` } }, () => {})
    a.watch('quotes', 'updates', () => {})
    a.watch(a.query.quotes.where('likes', '>', 0), 'changes', () => {})
    a.assigns().many('some', 'quotes', ['q1', 'q2'])
    const before = a.work
    b.apply(Array.from({ length: 200 }, (_, i) => ({ op: 'update', table: 'quotes', id: `q${i}`, set: { likes: 1 } }) as const))
    b.clear()
    expect(a.work).toEqual(before)
    expect(b.work).toEqual({ batches: 0, rows: 0, sets: 0 })
    // 50 rows of the table, of their values, and in the query.
    a.apply(Array.from({ length: 50 }, (_, i) => ({ op: 'update', table: 'quotes', id: `q${i}`, set: { likes: 1 } }) as const))
    expect(a.work).toEqual({ batches: before.batches + 2, rows: before.rows + 150, sets: before.sets + 52 })
    a.apply([{ op: 'update', table: 'quotes', id: 'q100', set: { content: 'y' } }])
    expect(a.work).toEqual({ batches: before.batches + 3, rows: before.rows + 152, sets: before.sets + 54 })
    // Of a row that comes and goes: its table and its value, of two hundred that are watched.
    a.apply([quote('z', 'author 7', 'x'), remove('quotes', 'z')])
    expect(a.work.sets).toBe(before.sets + 56)
  })

  it('a change without a tenant, of another or of none, is refused with nothing applied', async () => {
    const { db } = await open()
    const a = tenant(db, 'a'), all = watches(db)
    a.apply([user('1', 'Alice')])
    a.watch('users', 'changes', () => { throw new Error('nothing has happened') })
    const picture = (): unknown => [db.version, a.live(a.query.users).rows, db.stats().tables.map(t => t.rows)]
    const before = picture()
    const told = (fn: () => unknown): unknown => { const { code, path } = failure(fn); expect(picture()).toEqual(before); return [code, path] }
    expect(told(() => db.apply([user('2', 'Bob')]))).toEqual(['TENANT_REQUIRED', 'changes[0].tenant'])
    expect(told(() => all.apply([user('2', 'Bob')]))).toEqual(['TENANT_REQUIRED', 'changes[0].tenant'])
    expect(told(() => a.apply([rename('1', 'x'), { ...user('2', 'Bob'), tenant: 'b' }]))).toEqual(['TENANT_MISMATCH', 'changes[1].tenant'])
    expect(told(() => a.apply({ changes: [user('2', 'Bob')], tenant: 'b' }))).toEqual(['TENANT_MISMATCH', 'tenant'])
    expect(told(() => a.apply([rename('1', 'x'), { op: 'insert', table: 'countries', row: { code: 'x', name: 'X' } }]))).toEqual(['TENANT_MISMATCH', 'changes[1].table'])
    expect(told(() => all.apply([{ ...user('2', 'Bob'), tenant: 'a' }, { ...user('2', 'Bob'), tenant: 'b' }]))).toEqual(['TENANT_MISMATCH', 'changes[1].tenant'])
    const bob = { op: 'insert', table: 'users', row: { id: '2', name: 'Bob', notes: null } }
    expect(told(() => all.applyJson(JSON.stringify([{ ...bob, tenant: 'a' }, { ...bob, tenant: 'b' }])))).toEqual(['TENANT_MISMATCH', 'changes[1].tenant'])
    expect(told(() => a.apply([rename('1', 'x'), user('1', 'Eve')]))).toEqual(['DUPLICATE_KEY', 'changes[1]'])
    expect(told(() => a.apply(7 as never))).toEqual(['CHANGE_INVALID', 'changes'])
    expect(told(() => db.live(db.query.users))).toEqual(['TENANT_REQUIRED', 'from'])
    const foreign = { ...db.query.users.toJSON(), tenant: 'b' }
    expect(told(() => a.live({ toJSON: () => foreign } as never))).toEqual(['TENANT_MISMATCH', 'tenant'])
    expect(told(() => a.watch({ toJSON: () => foreign } as never, 'changes', {}))).toEqual(['TENANT_MISMATCH', 'tenant'])
  })

  it('is a method of the database: changes, JSON, queries and watches keep to the tenant', async () => {
    const { db } = await open()
    const a = db.tenant('a'), b = db.tenant('b')
    expect([db.tenant('a') === a, tenant(db, 'a') as unknown === a, a.id]).toEqual([true, true, 'a'])
    const said: string[] = []
    a.watch('users', 'changes', ({ tenant, counts }) => { said.push(`${tenant} ${counts.changes}`) })
    b.watch('users', 'changes', ({ tenant, counts }) => { said.push(`${tenant} ${counts.changes}`) })
    const live = a.live(a.query.users)
    a.apply([user('1', 'Alice')])
    a.applyJson('[{"op":"insert","table":"users","row":{"id":"2","name":"Bob","notes":null}},{"op":"insert","table":"users","tenant":"a","row":{"id":"3","name":"Eve","notes":null}}]')
    b.applyJson(new TextEncoder().encode('[{"id":"1","name":"Charlie","notes":null}]'), { table: 'users' })
    await a.applyJson(new Response('{"changes":[{"op":"delete","table":"users","id":"3"}],"tenant":"a"}'))
    expect(said).toEqual(['a 1', 'a 2', 'b 1', 'a 1'])
    expect([live.rows.map(r => r.name), b.live(b.query.users).rows.map(r => r.name)]).toEqual([['Alice', 'Bob'], ['Charlie']])
    const picture = (): unknown => [db.version, live.rows, b.live(b.query.users).rows]
    const before = picture()
    const json = (input: string, opts?: object): unknown => { const { code, path } = failure(() => a.applyJson(input, opts as never)); expect(picture()).toEqual(before); return [code, path] }
    const eve = (tenant: string) => `{"op":"delete","table":"users","id":"1","tenant":"${tenant}"}`
    expect(json(`[${eve('a')},${eve('b')}]`)).toEqual(['TENANT_MISMATCH', 'changes[1].tenant'])
    expect(json(`{"tenant":"b","changes":[{"op":"delete","table":"users","id":"1"}]}`)).toEqual(['TENANT_MISMATCH', 'changes[0].tenant'])
    expect(json(`{"changes":[{"op":"reset","table":"users"}],"tenant":"b"}`)).toEqual(['TENANT_MISMATCH', 'changes[0].tenant'])
    expect(json('[{"op":"insert","table":"countries","row":{"code":"x","name":"X"}}]')).toEqual(['TENANT_MISMATCH', 'changes[0].table'])
    expect(json('[]', { tenant: 'b' })).toEqual(['TENANT_MISMATCH', 'tenant'])
    await expect(a.applyJson(new Response(eve('b')))).rejects.toMatchObject({ code: 'TENANT_MISMATCH' })
    expect(picture()).toEqual(before)
    expect(failure(() => db.tenant(7 as never)).code).toBe('TENANT_REQUIRED')
    a.clear()
    expect([live.rows, b.live(b.query.users).rows.length, said.at(-1)]).toEqual([[], 1, 'a 2'])
  })

  it('clear deletes all rows of the tenant in one version, and only its own', async () => {
    const { db } = await open()
    const a = tenant(db, 'a'), b = tenant(db, 'b')
    for (const t of [a, b]) t.apply([user('1', 'Alice'), user('2', 'Bob'), quote('q', 'X', 'c')])
    watches(db).apply([{ op: 'insert', table: 'countries', row: { code: 'x', name: 'X' } }])
    const said: string[] = []
    a.watch('users', 'deletes', ({ counts, keys }) => { said.push(`a: ${counts.deletes} ${[...keys.deleted].sort()}`) })
    b.watch('users', 'changes', () => { said.push('b') })
    const diffs: string[] = []
    a.live(a.query.users).subscribe(({ diff }) => { diffs.push(...diff.map(p => p.t)) })
    const { version } = db
    a.clear()
    expect([db.version, said, diffs]).toEqual([version + 1, ['a: 2 1,2'], ['remove', 'remove']])
    const count = (t: typeof a): number => t.live(t.query.users).rows.length + t.live(t.query.quotes).rows.length
    expect([count(a), count(b), db.live(db.query.countries).rows.length]).toEqual([0, 3, 1])
  })

  it('tables that belong to no tenant are watched from anywhere, and written outside', async () => {
    const { db } = await open()
    const all = watches(db), a = tenant(db, 'a')
    const said: string[] = []
    all.watch('countries', 'changes', ({ tenant }) => { said.push(`${tenant}`) })
    a.watch('countries', 'changes', ({ tenant }) => { said.push(`${tenant}`) })
    a.counters('countries')
    all.apply([{ op: 'upsert', table: 'countries', row: { code: 'x', name: 'X' } }, { op: 'delete', table: 'countries', id: 'x' }])
    expect([said, vector(a.counters('countries'))]).toEqual([['undefined', 'a'], '11202'])
  })
})

it('4.4-5 one row: updates, another target, deleted, there again, cancelled', async () => {
  const { db, errors } = await open()
  const t = tenant(db, 'a')
  t.apply([user('alice', 'Alice'), user('bob', 'Bob')])
  const a = t.assigns().one('user', 'users', 'alice')
  const said: unknown[] = []
  a.onAssigns((changed, old) => { said.push([(old.get('user') as any)?.name, (changed.get('user') as any)?.name]) })
  t.apply([rename('alice', 'Alicia')])
  a.one('user', 'users', 'bob')
  t.apply([rename('alice', 'silent')])
  t.apply([rename('bob', 'Robert')])
  t.apply([remove('users', 'bob')])
  expect(a.get('user')).toBe(null)
  expect(a.watching('user')).toBe(true)
  t.apply([user('bob', 'Bob II')])
  a.cancel('user')
  expect([a.get('user'), a.watching('user'), t.watchCount]).toEqual([null, false, 0])
  t.apply([rename('bob', 'silent')])
  expect(said).toEqual([['Alice', 'Alicia'], ['Alicia', 'Bob'], ['Bob', 'Robert'], ['Robert', undefined], [undefined, 'Bob II'], ['Bob II', undefined]])
  // A row that was never there is watched as well.
  a.one('new', 'users', 'charlie')
  expect(a.get('new')).toBe(null)
  t.apply([user('charlie', 'Charlie')])
  expect(a.get('new')).toEqual({ id: 'charlie', name: 'Charlie', notes: null })
  a.cancel('new', { assign: false })
  expect(a.get('new').name).toBe('Charlie')
  expect(errors).toEqual([])
})

it('4.4-6 dependent lists: a new member, and then updates of it and of the kept ones all arrive', async () => {
  const { db, errors } = await open()
  const t = tenant(db, 'a')
  t.apply([user('1', 'Alice'), user('2', 'Bob')])
  const a = t.assigns()
  const lists: string[] = [], shown: string[] = []
  a.onAssigns(changed => {
    if (!changed.has('ids')) return
    lists.push(a.get('ids').map((r: { id: string }) => r.id).join())
    a.many('users', 'users', a.get('ids').map((r: { id: string }) => r.id))
  }, { name: 'ids' })
  a.onAssigns(changed => { if (changed.has('users')) shown.push(a.get('users').map((u: { name: string }) => u.name).join()) })
  // Whole rows, so that updates reach the query: they are withheld from the label.
  a.all('ids', t.query.users.orderBy('id'), { watch: 'collection' })
  const [alice, bob] = a.get('users')
  t.apply([user('3', 'Charlie')])
  expect(a.get('users')[0]).toBe(alice)
  expect(a.get('users')[1]).toBe(bob)
  t.apply([rename('3', 'Charles')])
  t.apply([rename('1', 'Alicia')])
  expect(a.get('users')[1]).toBe(bob)
  t.apply([rename('2', 'Robert')])
  t.apply([remove('users', '1')])
  expect(lists).toEqual(['1,2', '1,2,3', '2,3'])
  expect(shown).toEqual(['Alice,Bob', 'Alice,Bob,Charlie', 'Alice,Bob,Charles', 'Alicia,Bob,Charles', 'Alicia,Robert,Charles', 'Robert,Charles'])
  expect(a.get('ids').map((u: { name: string }) => u.name), 'what was withheld comes with the next member').toEqual(['Robert', 'Charles'])
  expect(errors).toEqual([])
})

it('4.4-6 lists by keys: order as given, released members are silent, deleted ones are dropped and come back, none cancel', async () => {
  const { db } = await open()
  const t = tenant(db, 'a')
  t.apply(['1', '2', '3', '4'].map(id => user(id, `u${id}`)))
  const a = t.assigns()
  const shown: string[] = []
  const names = (): string => a.get('sel').map((u: { name: string }) => u.name).join()
  a.onAssigns(() => { shown.push(names()) })
  a.many('sel', 'users', ['3', '1', '9', '1'])
  const [three, one] = a.get('sel')
  expect(t.watchCount).toBe(3)
  a.many('sel', 'users', ['1', '2', '3'])
  expect([a.get('sel')[0] === one, a.get('sel')[2] === three, t.watchCount]).toEqual([true, true, 3])
  t.apply([rename('2', 'two')])
  a.many('sel', 'users', ['3', '1'])
  t.apply([rename('2', 'silent'), user('9', 'silent')])
  t.apply([remove('users', '1')])
  t.apply([user('1', 'back')])
  expect(shown).toEqual(['u3,u1', 'u1,u2,u3', 'u1,two,u3', 'u3,u1', 'u3', 'u3,back'])
  a.many('sel', 'users', [])
  expect([a.get('sel'), a.watching('sel'), t.watchCount]).toEqual([[], false, 0])
  a.many('none', 'users', null)
  expect([a.get('none'), a.watching('none')]).toEqual([[], false])
})

describe('4.4-7 one-shot watches and assignReady', () => {
  const start = async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'Alice'), user('2', 'Bob')])
    const inbox: number[] = []
    const ready = ({ watch }: Signal): void => { inbox.push(watch.ref) }
    return { t, inbox, ready }
  }

  it('a ref nobody knows has no effect: the futures are the same', async () => {
    const { t, ready } = await start()
    const futures = [t.watchRow('users', '1', { label: 'u', once: true }, ready)]
    expect(t.assignReady(futures, [-1])).toEqual([[], [], futures])
    expect(futures[0].active).toBe(true)
  })

  it('a list of futures: once each, re-armed as others, silent in between', async () => {
    const { t, inbox, ready } = await start()
    const first = t.watchRow('users', '1', { label: 'u', once: true }, ready)
    const other = t.watch('users', 'collection', { label: 'all', once: true, query: t.query.users.orderBy('name') }, ready)
    t.apply([rename('1', 'Alicia')])
    t.apply([rename('1', 'Alicia II')])
    expect([inbox, first.ready, first.active]).toEqual([[first.ref], true, false])
    const [assigns, futures, untouched] = assignReady([first, other], inbox.splice(0))
    expect(assigns).toEqual([['u', { id: '1', name: 'Alicia II', notes: null }]])
    expect(untouched).toEqual([other])
    expect(futures).toHaveLength(1)
    expect(futures[0]).not.toBe(first)
    t.apply([rename('1', 'Alicia III'), user('0', 'Zoe')])
    expect(inbox).toEqual([other.ref, futures[0].ref])
    const again = assignReady([...futures, ...untouched], inbox)
    expect(again[0].map(([label, value]) => [label, Array.isArray(value) ? value.map(u => u.name) : (value as any).name])).toEqual([['all', ['Alicia III', 'Bob', 'Zoe']], ['u', 'Alicia III']])
    expect([again[1].length, again[2]]).toEqual([2, []])
  })

  it('a map of futures, and a row that is gone: null, without a new watch', async () => {
    const { t, inbox, ready } = await start()
    const futures = new Map<unknown, Watch>([['one', t.watchRow('users', '1', { once: true }, ready)], [2, t.watchRow('users', '2', { once: true }, ready)]])
    t.apply([remove('users', '1')])
    const [assigns, armed, untouched] = t.assignReady(futures, inbox)
    expect([assigns, armed.size, [...untouched.keys()], t.watchCount]).toEqual([[['one', null]], 0, [2], 1])
  })

  it('without a label it is an error; watch: false leaves none', async () => {
    const { t, inbox, ready } = await start()
    const bare = t.watchRow('users', '1', { once: true }, ready), labelled = t.watchRow('users', '2', { once: true, label: 'b' }, ready)
    t.apply([rename('1', 'x'), rename('2', 'y')])
    expect(failure(() => assignReady([bare, labelled], inbox))).toMatchObject({ code: 'WATCH_INVALID', path: 'futures' })
    expect(t.assignReady([labelled], inbox, { watch: false })).toEqual([[['b', { id: '2', name: 'y', notes: null }]], [], []])
    expect(t.watchCount).toBe(0)
  })

  it('three refs in one call are read at one version', async () => {
    const { t, inbox, ready } = await start()
    t.apply([user('3', 'Carl')])
    const futures = ['1', '2', '3'].map(id => t.watchRow('users', id, { once: true, label: id }, ready))
    t.apply(['1', '2', '3'].map(id => rename(id, 'v1')))
    t.apply(['1', '2', '3'].map(id => rename(id, 'v2')))
    expect(t.assignReady(futures, inbox)[0].map(([, u]) => (u as any).name)).toEqual(['v2', 'v2', 'v2'])
  })
})

it('4.4-8 a query with a date: what is outside of it signals the table, and nothing else', async () => {
  const { db } = await open()
  const t = tenant(db, 'a')
  const recent = t.query.quotes.where('date', '>=', '2024-07-15').orderBy('date')
  const said: string[] = []
  t.watch('quotes', 'inserts', { label: 'table' }, ({ label }) => { said.push(`${label}`) })
  t.watch(recent, 'inserts', { label: 'recent' }, ({ label, keys }) => { said.push(`${label} ${keys.inserted}`) })
  const a = t.assigns().all('recent', recent)
  a.onAssigns((_, __, { patches }) => { said.push(patches.get('recent')!.map(p => p.t).join()) })
  t.apply([quote('old', 'X', 'c', 0, '2024-07-14T12:00:00Z')])
  expect(said.splice(0)).toEqual(['table'])
  t.apply([quote('new', 'X', 'c', 0, '2024-07-16T12:00:00Z')])
  expect(said.splice(0)).toEqual(['table', 'recent new', 'add'])
  t.apply([{ op: 'update', table: 'quotes', id: 'old', set: { date: '2024-08-01' } }])
  expect(said, 'an update of the table that enters the query').toEqual(['recent old', 'add'])
})

it('4.4-9 a group is of one version: never the product of one and the reviews of another', async () => {
  const { db, errors } = await open()
  const t = tenant(db, 'a')
  const write = (version: number): any[] => [
    { op: 'upsert', table: 'products', row: { id: 'p1', name: 'P', version } },
    { op: 'upsert', table: 'reviews', rows: [1, 2].map(id => ({ id, productId: 'p1', version })) },
  ]
  t.apply([...write(1), { op: 'insert', table: 'reviews', row: { id: 9, productId: 'p2', version: 0 } }])
  const a = t.assigns()
  const said: unknown[] = []
  a.onAssigns(changed => {
    const versions = [a.get('product').version, ...a.get('reviews').map((r: { version: number }) => r.version)]
    expect(new Set(versions).size, String(versions)).toBe(1)
    said.push([...changed.keys(), versions[0]])
  })
  a.group(() => { a.one('product', 'products', 'p1'); a.allBy('reviews', 'reviews', { productId: 'p1' }) })
  t.apply(write(2))
  // A listener that applies while the version is being told: what is told stays of its version.
  t.live(t.query.products).subscribe(() => { if (db.version === 3) t.apply(write(4)) })
  t.apply(write(3))
  expect(said).toEqual([['product', 'reviews', 1], ['product', 'reviews', 2], ['product', 'reviews', 3], ['product', 'reviews', 4]])
  expect(errors).toEqual([])
})

it('4.4-10 4,000 random updates of 3 rows in 40 batches: at most 40 callbacks, the last state is right, nothing is left', async () => {
  const { db, errors } = await open()
  const t = tenant(db, 'a')
  const ids = ['x', 'y', 'z']
  t.apply(ids.map(id => quote(id, id, 'c')))
  const scene = new AbortController()
  const a = t.assigns({ signal: scene.signal })
  a.group(() => { a.many('rows', 'quotes', ids).all('all', t.query.quotes.orderBy('id')).one('x', 'quotes', 'x') })
  let callbacks = 0, signals = 0
  a.onAssigns(() => { callbacks++ })
  t.watch('quotes', 'updates', { signal: scene.signal }, () => { signals++ })
  for (const id of ids) t.watch('quotes', 'updates', { by: { author: id }, signal: scene.signal }, () => {})
  const likes = new Map(ids.map(id => [id, 0]))
  let seed = 7
  const random = (n: number): number => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n }
  for (let batch = 0; batch < 40; batch++) {
    t.apply(Array.from({ length: 100 }, () => {
      const id = ids[random(3)], n = random(1000)
      likes.set(id, n)
      return { op: 'update', table: 'quotes', id, set: { likes: n } } as const
    }))
  }
  expect(callbacks).toBeLessThanOrEqual(40)
  expect(callbacks).toBeGreaterThan(38)
  expect(signals).toBeLessThanOrEqual(40)
  const wanted = ids.map(id => [id, likes.get(id)])
  for (const label of ['rows', 'all']) expect(a.get(label).map((q: { id: string; likes: number }) => [q.id, q.likes])).toEqual(wanted)
  expect(a.get('x').likes).toBe(likes.get('x'))
  expect(t.watchCount).toBe(9)
  scene.abort()
  expect([t.watchCount, t.watching(), a.watching()]).toEqual([0, [], false])
  await eventually(() => db.stats().views === 0)
  expect(db.stats()).toMatchObject({ views: 0, nodes: 0 })
  t.apply([{ op: 'update', table: 'quotes', id: 'x', set: { likes: -1 } }])
  expect(a.get('x').likes, 'the values stay').toBe(likes.get('x'))
  expect(errors).toEqual([])
})
