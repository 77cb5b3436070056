// Where watches and assigns go wrong easily: what is asked for wrongly, what ends inside of callbacks, what fails.
import { describe, expect, it } from 'vitest'
import { createDatabase, decimal, defineSchema, div, int, interval, table } from '../../../pkg/index.inline.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { assignReady, tenant, watches } from '../../../pkg/watch/index.js'
import { eventually } from '../real/support.js'
import { failure, open, quote, remove, rename, schema, tick, user, vector } from './tenants.js'

const at = (fn: () => unknown): unknown[] => { const { code, path, nearest } = failure(fn); return [code, path, nearest] }

describe('what is asked for wrongly', () => {
  it('of a watch is a typed error, and nothing is held', async () => {
    const { db } = await open()
    const t = tenant(db, 'a') as any
    const wrong: [() => unknown, unknown[]][] = [
      [() => t.watch(null, 'changes', {}), ['WATCH_INVALID', 'query', undefined]],
      [() => t.watch('users'), ['WATCH_INVALID', 'kind', undefined]],
      [() => t.watch('users', 'changes', {}, 5), ['WATCH_INVALID', 'fn', undefined]],
      [() => t.watch('users', 'changes', { lable: 'x' }), ['WATCH_INVALID', 'lable', 'label']],
      [() => t.watch('users', 'changes', { upsertAs: 'inserts' }), ['WATCH_INVALID', 'upsertAs', 'insert']],
      [() => t.watch('users', 'changes', { noop: true }), ['WATCH_INVALID', 'noop', undefined]],
      [() => t.watch('users', 'changes', { signal: 5 }), ['WATCH_INVALID', 'signal', undefined]],
      [() => t.watch('users', 'changes', { owner: 5 }), ['WATCH_INVALID', 'owner', undefined]],
      [() => t.watch('users', 'changes', { columns: 'name' }), ['WATCH_INVALID', 'columns', undefined]],
      [() => t.watch(t.query.users, 'changes', { by: { name: 'x' } }), ['WATCH_INVALID', 'by', undefined]],
      [() => t.watch(t.query.users, 'changes', { columns: ['nme'] }), ['UNKNOWN_COLUMN', 'columns[0]', 'name']],
      [() => t.watch(t.query.users.select('id', 'name'), 'changes', { columns: ['notes'] }), ['UNKNOWN_COLUMN', 'columns[0]', undefined]],
      [() => t.watchRow('users', 5), ['TYPE_MISMATCH', 'id', undefined]],
      [() => t.counters('users', { upsertAs: 'x' }), ['WATCH_INVALID', 'upsertAs', undefined]],
      [() => t.clearCounters('users', { by: { nme: 'x' } }), ['UNKNOWN_COLUMN', 'by.nme', 'name']],
      [() => t.restoreCounters([{ table: 'users', counts: { inserts: 1 } }]), ['WATCH_INVALID', 'saved[0].counts.deletes', undefined]],
      [() => t.restoreCounters(null), ['WATCH_INVALID', 'saved', undefined]],
      [() => t.counters('users', { where: {} }), ['WATCH_INVALID', 'where', undefined]],
      [() => t.counters('users', { upsertas: 'insert' }), ['WATCH_INVALID', 'upsertas', 'upsertAs']],
      [() => t.clearCounters('users', { bye: {} }), ['WATCH_INVALID', 'bye', 'by']],
      [() => t.watchRow('users', '1', { by: { name: 'x' } }), ['WATCH_INVALID', 'by', undefined]],
      [() => t.watchRow('users', '1', { onc: true }), ['WATCH_INVALID', 'onc', 'once']],
      [() => tenant(db, 'b', { maxWatch: 1 } as never), ['WATCH_INVALID', 'maxWatch', 'maxWatches']],
      [() => assignReady([], [], { wacth: false } as never), ['WATCH_INVALID', 'wacth', 'watch']],
      [() => t.assigns().cancel('x', { asign: false }), ['WATCH_INVALID', 'asign', 'assign']],
      [() => t.assigns().cancelAll({ asign: false }), ['WATCH_INVALID', 'asign', 'assign']],
      [() => t.assigns().onAssigns(() => {}, { nam: 'x' }), ['WATCH_INVALID', 'nam', 'name']],
      [() => assignReady(null as never, []), ['WATCH_INVALID', 'futures', undefined]],
      [() => assignReady([], null as never), ['WATCH_INVALID', 'refs', undefined]],
      [() => tenant(db, 'b', { maxWatches: -1 }), ['WATCH_INVALID', 'maxWatches', undefined]],
      [() => tenant(db, 'b', { maxWatches: NaN }), ['WATCH_INVALID', 'maxWatches', undefined]],
    ]
    for (const [fn, expected] of wrong) expect(at(fn), String(fn)).toEqual(expected)
    t.clearCounters('users')
    t.clearCounters('users', { by: { name: 'x' } })
    await eventually(() => db.stats().views === 0)
    expect([t.watchCount, db.stats().views, vector(t.counters('users'))]).toEqual([0, 0, '00000'])
  })

  it('of saved counters is found before any is added', async () => {
    const { db } = await open()
    const t = tenant(db, 'a') as any
    const counts = { inserts: 1, deletes: 1, collection: 2, updates: 1, changes: 3 }
    const good = { table: 'users', counts }
    const wrong: [object, unknown[]][] = [
      [{ table: 'usrs', counts }, ['UNKNOWN_TABLE', 'saved[1].table', 'users']],
      [{ table: 'users', by: { nme: 'x' }, counts }, ['UNKNOWN_COLUMN', 'saved[1].by.nme', 'name']],
      [{ table: 'users', by: { name: 5 }, counts }, ['TYPE_MISMATCH', 'saved[1].by.name', undefined]],
      [{ table: 'users', by: {}, counts }, ['WATCH_INVALID', 'saved[1].by', undefined]],
      [{ table: 'users', noop: 'signl', counts }, ['WATCH_INVALID', 'saved[1].noop', 'signal']],
      [{ table: 'users', counts: { ...counts, updates: -1 } }, ['WATCH_INVALID', 'saved[1].counts.updates', undefined]],
    ]
    for (const [one, expected] of wrong) expect(at(() => t.restoreCounters([good, one]))).toEqual(expected)
    expect([t.savedCounters(), vector(t.counters('users'))]).toEqual([[], '00000'])
    t.restoreCounters([good, { ...good, by: { name: 'x' } }])
    expect([t.counters('users'), t.counters('users', { by: { name: 'x' } })]).toEqual([counts, counts])
  })

  it('of assigns is a typed error, and labels stay as they are', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'Alice')])
    const a = t.assigns().one('x', 'users', '1') as any
    const wrong: [() => unknown, unknown[]][] = [
      [() => a.one('x', 'users', null), ['MISSING_KEY', 'id', undefined]],
      [() => a.one('x', 'users', 5), ['TYPE_MISMATCH', 'id', undefined]],
      [() => a.many('x', 'users', '12'), ['WATCH_INVALID', 'ids', undefined]],
      [() => a.many('x', 'users', ['1', null]), ['MISSING_KEY', 'ids[1]', undefined]],
      [() => a.many('x', 'users', ['1', 2]), ['TYPE_MISMATCH', 'ids[1]', undefined]],
      [() => a.all('x', 5), ['WATCH_INVALID', 'query', undefined]],
      [() => a.all('x', 'users', { watch: 'collections' }), ['WATCH_INVALID', 'watch', 'collection']],
      [() => a.all('x', 'users', { wach: 'updates' }), ['WATCH_INVALID', 'wach', 'watch']],
      [() => a.allBy('x', 'users', {}), ['WATCH_INVALID', 'by', undefined]],
      [() => a.allBy('x', 'users', { name: undefined }), ['WATCH_INVALID', 'by.name', undefined]],
      [() => a.allBy('x', 'users', { nme: 'x' }), ['UNKNOWN_COLUMN', 'by.nme', 'name']],
      [() => a.onAssigns(5), ['WATCH_INVALID', 'fn', undefined]],
      [() => t.assigns({ signal: 5 as never }), ['WATCH_INVALID', 'signal', undefined]],
    ]
    for (const [fn, expected] of wrong) expect(at(fn), String(fn)).toEqual(expected)
    t.apply([rename('1', 'still followed')])
    expect([a.get('x').name, t.watchCount]).toEqual(['still followed', 1])
  })
})

describe('ends', () => {
  it('inside of callbacks silence the rest at once: of these assigns, of the scope, of the database', async () => {
    const { db, errors } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'A'), user('2', 'B')])
    const said: string[] = []
    const a = t.assigns().one('u', 'users', '1'), b = t.assigns().one('u', 'users', '1')
    a.onAssigns(() => { said.push('a'); a.dispose(); b.dispose() })
    a.onAssigns(() => { said.push('a, second') })
    b.onAssigns(() => { said.push('b') })
    t.apply([rename('1', 'x')])
    const c = t.assigns().one('u', 'users', '1')
    c.onAssigns(() => { said.push('c'); t.dispose() })
    t.watch('users', 'changes', () => { said.push('watch of c') })
    t.apply([rename('1', 'y')])
    await eventually(() => db.stats().views === 0)
    expect([said.splice(0), t.watchCount, db.stats().views]).toEqual([['a', 'c'], 0, 0])
    const again = tenant(db, 'a')
    const d = again.assigns().one('u', 'users', '1')
    d.onAssigns(() => { said.push('d'); db.close() })
    d.onAssigns(() => { said.push('d, second') })
    const w = again.watch('users', 'changes', () => { said.push('watch of d') })
    again.apply([rename('1', 'z')])
    await tick(5)
    expect([said, errors, w.active, again.watchCount, d.get('u').name]).toEqual([['d'], [], false, 0, 'z'])
  })

  it('may be ended again, one label and all, also when the database went first', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    const a = t.assigns().one('it', 'users', '1')
    db.close()
    expect(a.cancel('it').cancelAll().cancelAll({ assign: false }).watching()).toBe(false)
    a.dispose()
    expect(a.get('it')).toBe(null)
    expect(failure(() => a.one('it', 'users', '1')).code).toBe('CLOSED')
  })

  it('before the beginning: with a signal that has aborted nothing begins', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'A')])
    const signal = AbortSignal.abort()
    let signals = 0
    const watches = [t.watch('users', 'changes', { signal }, () => { signals++ }), t.watchRow('users', '1', { signal, once: true }, () => { signals++ }), t.watch(t.query.users, 'changes', { signal }, () => { signals++ })]
    const a = t.assigns({ signal })
    expect(at(() => a.one('u', 'users', '1'))[0]).toBe('CLOSED')
    t.apply([rename('1', 'B')])
    await eventually(() => db.stats().views === 0)
    expect([signals, watches.map(w => w.active), t.watchCount, db.stats().views]).toEqual([0, [false, false, false], 0, 0])
  })
})

describe('failures', () => {
  it('inside of a group keep and tell what was put before them', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'A')])
    const a = t.assigns()
    const told: unknown[] = []
    a.onAssigns(changed => { told.push([...changed.keys()]) })
    expect(() => a.group(() => { a.one('u', 'users', '1'); throw new Error('wrong') })).toThrow('wrong')
    expect([told, a.get('u').name]).toEqual([[['u']], 'A'])
    a.one('v', 'users', '1')
    expect(told).toEqual([['u'], ['v']])
  })

  it('of a query that ends as it began tell nobody: the list is the one before', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    t.apply([quote('q', 'A', '…', 3), quote('r', 'B', '…', 4)])
    const shares = t.query.quotes.select(q => ({ id: q.id, share: div(12, q.likes) }))
    const a = t.assigns().all('shares', shares)
    const told: unknown[] = []
    a.onAssigns((changed, _, { patches }) => { told.push([[...changed.keys()], patches.get('shares')?.length]) })
    const likes = (likes: number): void => { t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { likes } }]) }
    const before = a.get('shares')
    likes(0)
    expect(a.error('shares')?.code).toBe('DIVISION_BY_ZERO')
    likes(3)
    expect([a.error('shares'), a.get('shares') === before, told]).toEqual([undefined, true, []])
    likes(0)
    likes(2)
    expect([a.get('shares'), told]).toEqual([[{ id: 'q', share: 6 }, { id: 'r', share: 3 }], [[['shares'], 1]]])
    db.close()
  })

  it('to fetch a touched row show on labels of its table and tenant, which keep their values, until it is fetched', async () => {
    let down = true
    const db = await createDatabase({ schema, onError: () => {}, fetchRow: async (_, id, { tenant }) => { if (down) throw new Error('503'); return { id, name: `of ${tenant}`, notes: null } } })
    const t = db.tenant('a'), other = db.tenant('b')
    t.apply([user('1', 'A')])
    other.apply([user('1', 'B')])
    const labels = (scope: typeof t) => scope.assigns().one('one', 'users', '1').many('many', 'users', ['1']).all('all', 'users').all('quotes', 'quotes')
    const mine = labels(t), theirs = labels(other)
    const codes = (a: typeof mine): unknown[] => ['one', 'many', 'all', 'quotes'].map(l => a.error(l)?.code)
    t.apply([{ op: 'touch', table: 'users', id: '1' }])
    await tick(2)
    expect([codes(mine), codes(theirs)]).toEqual([['FETCH_FAILED', 'FETCH_FAILED', 'FETCH_FAILED', undefined], [undefined, undefined, undefined, undefined]])
    expect([mine.get('one').name, mine.get('many').length, mine.get('all').length]).toEqual(['A', 1, 1])
    down = false
    expect(db.retry()).toBe(1)
    await tick(2)
    expect([codes(mine), mine.get('one').name, theirs.get('one').name]).toEqual([[undefined, undefined, undefined, undefined], 'of a', 'B'])
  })
})

it('what is under way for a former target, a cleared tenant or a closed database comes to nothing', async () => {
  const waiting: (() => void)[] = []
  const db = await createDatabase({ schema, fetchRow: (_, id) => new Promise(resolve => { waiting.push(() => { resolve(waiting.length > 2 ? null : { id, name: 'fetched', notes: null }) }) }) })
  const t = db.tenant('a')
  t.apply([user('1', 'A'), user('2', 'B')])
  const a = t.assigns().one('u', 'users', '1')
  const told: unknown[] = []
  a.onAssigns(() => { told.push(a.get('u')?.name) })
  t.apply([{ op: 'touch', table: 'users', id: '1' }])
  await tick()
  a.one('u', 'users', '2')
  waiting[0]()
  await tick()
  expect([told, t.live(t.query.users).rows[0].name]).toEqual([['B'], 'fetched'])
  t.apply([{ op: 'touch', table: 'users', id: '1' }])
  await tick()
  t.clear()
  waiting[1]()
  await tick()
  // Asked once more, since the row has changed: it is gone.
  expect([waiting.length, t.live(t.query.users).rows]).toEqual([3, []])
  waiting[2]()
  await tick()
  t.apply([user('1', 'A'), { op: 'touch', table: 'users', id: '1' }])
  await tick()
  db.close()
  waiting[3]()
  await tick()
  expect(told).toEqual(['B', undefined])
})

it('a cleared tenant: labels are empty and watched, counters count on, rows come back', async () => {
  const { db } = await open()
  const t = tenant(db, 'a')
  t.apply([user('1', 'Alice'), user('2', 'Bob'), quote('q', 'X', 'c')])
  const a = t.assigns().one('u', 'users', '1').many('us', 'users', ['2', '1']).all('all', 'users')
  t.counters('users')
  t.counters('users', { by: { name: 'Alice' } })
  let calls = 0
  a.onAssigns(() => { calls++ })
  t.clear()
  t.clear()
  expect([calls, a.get('u'), a.get('us'), a.get('all'), vector(t.counters('users')), vector(t.counters('users', { by: { name: 'Alice' } }))]).toEqual([1, null, [], [], '02202', '01101'])
  t.apply([user('1', 'Alice')])
  expect([calls, a.get('u').name, a.get('us').length, vector(t.counters('users', { by: { name: 'Alice' } }))]).toEqual([2, 'Alice', 1, '11202'])
  // A snapshot of the same rows is no news.
  t.apply([{ op: 'reset', table: 'users', rows: [{ id: '1', name: 'Alice', notes: null }] }])
  expect([calls, vector(t.counters('users'))]).toEqual([2, '12303'])
  t.apply([remove('users', '1')])
  expect([calls, a.watching('u')]).toEqual([3, true])
})

it('kept counters are in the storage with the versions that they count, by tenant, and go on after a restart', async () => {
  const folder = new MemoryFolder()
  const start = async () => {
    const db = await createDatabase({ schema, storage: memory(folder) })
    return { db, t: tenant(db, 'a', { keepCounters: true }), other: tenant(db, 'b', { keepCounters: true }) }
  }
  const day = new Date('2024-07-15')
  const first = await start()
  const read = ({ t, other }: typeof first): string[] => [vector(t.counters('users')), vector(t.counters('users', { by: { name: 'Alice' } })), vector(t.counters('quotes', { by: { date: day } })), vector(other.counters('users'))]
  expect(read(first)).toEqual(['00000', '00000', '00000', '00000'])
  first.t.apply([user('1', 'Alice'), quote('q', 'X', 'c', 0, '2024-07-15T00:00:00Z')])
  first.other.apply([user('1', 'Alice'), user('2', 'Bob')])
  await first.db.flush()
  first.t.apply([rename('1', 'Bob')])
  await tick()
  first.db.close()
  await first.db.durability!.closed
  const second = await start()
  expect(read(second)).toEqual(['10112', '11212', '10101', '20202'])
  second.t.clearCounters('users')
  second.t.apply([remove('users', '1')])
  await second.db.flush()
  second.db.close()
  await second.db.durability!.closed
  expect(read(await start()).slice(0, 2)).toEqual(['01101', '11212'])
})

it('kept counters are in the transaction of the rows that they count: whatever of the log is there, they agree', async () => {
  const folder = new MemoryFolder()
  const db = await createDatabase({ schema, storage: memory(folder, { onWarning: () => {} }) })
  const t = tenant(db, 'a', { keepCounters: true })
  t.counters('users')
  t.counters('users', { by: { name: 'Alice' }, noop: 'signal' })
  // A listener that applies: versions that are told later than they are made.
  t.watch('users', 'inserts', ({ keys }) => { if (keys.inserted[0] === '3') t.apply([user('99', 'Alice'), remove('users', '1')]) })
  for (let i = 0; i < 12; i++) {
    t.apply([user(String(i), i % 2 === 0 ? 'Alice' : 'Bob'), ...i > 4 ? [remove('users', String(i - 2))] : []])
    if (i % 4 === 3) await db.flush()
  }
  t.clearCounters('users', { by: { name: 'Alice' } })
  await db.flush()
  const [name] = folder.list().filter(n => folder.files.get(n)!.size > 0)
  const { bytes, size } = folder.files.get(name)!
  const seen = new Set<number>()
  // And all of it, whose last byte the steps need not meet.
  for (const cut of [...Array.from({ length: Math.ceil(size / 40) }, (_, i) => i * 40), size]) {
    const part = new MemoryFolder()
    part.files.set(name, { bytes: bytes.slice(0, cut), size: cut })
    const again = await createDatabase({ schema, storage: memory(part, { onWarning: () => {} }) })
    const a = tenant(again, 'a', { keepCounters: true })
    const { inserts, deletes } = a.counters('users')
    const rows = a.live(a.query.users).rows.length
    expect([cut, inserts - deletes]).toEqual([cut, rows])
    seen.add(inserts)
    again.close()
  }
  expect([...seen]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
  // The scope of the tenant without letters, and that of no tenant, are not one.
  const bare = tenant(db, '', { keepCounters: true })
  bare.counters('users')
  bare.apply([user('1', 'Alice')])
  expect(vector(watches(db, { keepCounters: true }).counters('countries'))).toBe('00000')
  db.close()
})

it('a row that moves through several indexed values in one batch signals where it was and where it is', async () => {
  const { db } = await open()
  const t = tenant(db, 'a')
  const said: string[] = []
  for (const name of ['A', 'B', 'C']) t.watch('users', 'changes', { by: { name }, label: name }, s => { said.push(`${s.label} ${vector(s.counts)}`) })
  t.watch('users', 'changes', { by: { name: 'C', notes: null }, label: 'both' }, s => { said.push(`${s.label} ${vector(s.counts)}`) })
  const step = (changes: unknown[]): string[] => { t.apply(changes as never); return said.splice(0) }
  expect(step([user('1', 'A')])).toEqual(['A 10101'])
  expect(step([rename('1', 'B'), rename('1', 'C')])).toEqual(['A 01111', 'C 10111', 'both 10111'])
  expect(step([rename('1', 'A'), rename('1', 'C')])).toEqual([])
  expect(step([remove('users', '1'), user('1', 'A')])).toEqual(['A 10111', 'C 01111', 'both 01111'])
})

it('a row that comes under another spelling of its key is updated, for watches of queries, too', async () => {
  const db = await createDatabase({ schema: defineSchema({ prices: table({ p: decimal().key(), n: int() }), spans: table({ s: interval().key(), at: int().key(), n: int() }) }) })
  const scope = watches(db)
  const said: unknown[] = []
  const put = (name: string, row: object): any => ({ op: 'upsert', table: name, row })
  db.apply([put('prices', { p: '1.50', n: 1 }), put('spans', { s: '1 day', at: 1, n: 1 })])
  for (const name of ['prices', 'spans'] as const) {
    const query = (db.query as any)[name].where('n', '>', 0)
    scope.watch(name, 'changes', s => { said.push(['table', vector(s.counts), s.keys.updated]) })
    scope.watch(query, 'changes', s => { said.push(['query', vector(s.counts), s.keys.updated]) })
    scope.watch(query, 'collection', s => { said.push(['members', vector(s.counts)]) })
  }
  db.apply([put('prices', { p: '1.5', n: 2 }), put('spans', { s: '24:00:00', at: 1, n: 1 })])
  const [one, two] = [['1.5'], [['24:00:00', 1]]]
  expect(said.splice(0)).toEqual([['table', '00011', one], ['query', '00011', one], ['table', '00011', two], ['query', '00011', two]])
  db.apply([put('prices', { p: '1.500', n: 0 })])
  expect(said.splice(0)).toEqual([['table', '00011', ['1.500']], ['query', '01101', []], ['members', '01101']])
})
