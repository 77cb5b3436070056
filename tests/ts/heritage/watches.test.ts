// Watches and assigns as programs use them: begun and ended inside of listeners, ended in every way, their callbacks.
import { describe, expect, it } from 'vitest'
import { div } from '../../../pkg/index.inline.js'
import { type Assigns, tenant } from '../../../pkg/watch/index.js'
import { eventually } from '../real/support.js'
import { type Schema, failure, open, quote, rename, tick, user, vector } from './tenants.js'

describe('inside of a listener', () => {
  it('what begins there is told of later versions only, and shows the newest', async () => {
    const { db, errors } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'Alice'), user('2', 'Bob')])
    const said: string[] = []
    // Somebody watches already, so that the table is looked at while the version is told.
    t.watch('users', 'changes', ({ version }) => { said.push(`first ${version}`) })
    const a = t.assigns()
    a.onAssigns(() => { said.push(`${a.get('us').map((u: { name: string }) => u.name)}`) })
    t.live(t.query.users).subscribe(({ version }) => {
      if (version !== 2) return
      t.apply([rename('1', 'newest')])
      t.watch('users', 'changes', ({ version }) => { said.push(`second ${version}`) })
      t.watch('users', 'changes', { by: { name: 'Bob' } }, ({ version }) => { said.push(`Bob ${version}`) })
      t.counters('users')
      a.many('us', 'users', ['1'])
    })
    t.apply([rename('1', 'older'), { op: 'update', table: 'users', id: '2', set: { notes: 'n' } }])
    expect(said.splice(0)).toEqual(['newest', 'first 2', 'first 3'])
    expect(vector(t.counters('users'))).toBe('00000')
    t.apply([{ op: 'update', table: 'users', id: '2', set: { notes: 'm' } }])
    expect(said).toEqual(['first 4', 'second 4', 'Bob 4'])
    expect(vector(t.counters('users'))).toBe('00011')
    expect(errors).toEqual([])
  })

  it('a watch that is cancelled there, or by a watch before it, is not told any more', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    const said: string[] = []
    const one = t.watch('users', 'changes', () => { said.push('one'); two.cancel() })
    const two = t.watch('users', 'changes', () => { said.push('two') })
    const three = t.watch('users', 'changes', () => { said.push('three') })
    t.live(t.query.users).subscribe(() => { three.cancel() })
    t.apply([user('1', 'Alice')])
    expect([said, one.active, t.watchCount]).toEqual([['one'], true, 1])
  })

  it('a label that is put again there forgets its former target at once', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'Alice'), user('2', 'Bob')])
    const a = t.assigns().one('u', 'users', '1').many('us', 'users', ['1'])
    const said: unknown[] = []
    a.onAssigns(() => { said.push([a.get('u').name, a.get('us').map((u: { name: string }) => u.name)]) })
    t.live(t.query.users).subscribe(() => { a.group(() => { a.one('u', 'users', '2').many('us', 'users', ['2']) }) })
    t.apply([rename('1', 'silent')])
    expect(said).toEqual([['Bob', ['Bob']]])
  })
})

describe('watches end', () => {
  it('by cancel, label, disposal of the handle, of the scope, and of the database', async () => {
    const { db } = await open()
    const t = tenant(db, 'a')
    let signals = 0
    const count = (): void => { signals++ }
    const one = t.watch('users', 'changes', count)
    t.watch('users', 'changes', { label: 'l' }, count)
    t.watch('users', 'changes', { label: 'l', by: { name: 'Alice' } }, count)
    const other = t.watch('users', 'changes', { label: undefined }, count)
    t.apply([user('1', 'Alice')])
    expect(signals).toBe(4)
    one.cancel()
    one.cancel()
    expect([t.unwatch('l'), t.unwatch('l'), t.watching(undefined)]).toEqual([2, 0, [other]])
    other[Symbol.dispose]()
    const gone = new AbortController()
    gone.abort()
    expect(t.watch('users', 'changes', { signal: gone.signal }, count).active).toBe(false)
    t.apply([user('2', 'Bob')])
    expect(signals).toBe(4)
    await eventually(() => db.stats().views === 0)
    expect([t.watchCount, db.stats().views]).toEqual([0, 0])
    t.watch('users', 'changes', count)
    t.counters('users')
    const a = t.assigns().all('u', 'users')
    t.dispose()
    await eventually(() => db.stats().views === 0)
    expect([t.watchCount, db.stats().views, a.get('u').length]).toEqual([0, 0, 2])
    expect(failure(() => a.one('x', 'users', '1')).code).toBe('CLOSED')
    const disposed = { code: 'CLOSED', message: 'this scope is disposed: `tenant(db, id)` and `watches(db)` give another' }
    for (const use of [
      () => t.watch('users', 'changes', count), () => t.watchRow('users', '1', count), () => t.assigns(), () => t.counters('users'), () => { t.restoreCounters([]) },
    ]) expect(failure(use)).toMatchObject(disposed)
    expect([t.watchCount, db.stats().views]).toEqual([0, 0])
    // It keeps to its tenant all the same.
    expect(t.live(t.query.users).rows.length).toBe(2)
    const last = tenant(db, 'a')
    expect(last).not.toBe(t)
    last.watch('users', 'changes', count)
    const b = last.assigns().all('u', 'users').one('first', 'users', '1').many('both', 'users', ['1', '2'])
    db.close()
    expect([b.get('u').length, b.get('first').name, b.get('both').length]).toEqual([2, 'Alice', 2])
    expect(failure(() => last.watch('users', 'changes', count))).toMatchObject({ code: 'CLOSED', message: expect.stringContaining('the database') })
    expect(signals).toBe(4)
  })

  it('when their owner has been collected', async () => {
    const { setFlagsFromString } = await import('node:v8')
    const { runInNewContext } = await import('node:vm')
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const t = tenant((await open()).db, 'a')
    ;(() => {
      let owner: object | undefined = { component: 'quotes' }
      t.assigns({ owner }).all('u', 'users')
      t.watch('users', 'changes', { owner }, () => {})
      owner = undefined
    })()
    expect(t.watchCount).toBe(2)
    await eventually(() => { gc(); return t.watchCount === 0 })
    expect(t.watchCount).toBe(0)
  })

  it('maxWatches are the most: then a typed error, and what is there stays', async () => {
    const { db } = await open()
    const t = tenant(db, 'a', { maxWatches: 3 })
    t.apply(['1', '2', '3', '4'].map(id => user(id, id)))
    const a = t.assigns().one('u', 'users', '1').many('us', 'users', ['1', '2'])
    for (const more of [() => t.watch('users', 'changes', {}), () => a.all('all', 'users'), () => a.one('v', 'users', '2'), () => a.many('us', 'users', ['2', '3', '4']), () => a.many('w', 'users', ['3'])]) {
      expect(failure(more).code).toBe('WATCH_LIMIT')
      expect(t.watchCount).toBe(3)
    }
    t.apply([rename('1', 'x'), rename('2', 'y')])
    expect([a.get('u').name, a.get('us').map((u: { name: string }) => u.name), a.watching('all'), a.watching('w')]).toEqual(['x', ['x', 'y'], false, false])
    // Another target of a label takes the place of the former one.
    a.one('u', 'users', '3').many('us', 'users', ['3', '4']).all('us', 'users').many('us', 'users', ['1', '2'])
    expect([a.get('u').name, t.watchCount]).toEqual(['3', 3])
    a.many('us', 'users', ['2'])
    expect(t.watch('users', 'changes', {}).active).toBe(true)
    expect(tenant(db, 'b').maxWatches).toBe(10_000)
  })
})

describe('callbacks of assigns', () => {
  const start = async (): Promise<{ t: ReturnType<typeof tenant<Schema>>; a: Assigns<Schema>; errors: unknown[] }> => {
    const { db, errors } = await open()
    const t = tenant(db, 'a')
    t.apply([user('1', 'Alice')])
    return { t, a: t.assigns(), errors }
  }

  it('are called in order, until one halts; names are there once; they end', async () => {
    const { t, a } = await start()
    const said: string[] = []
    a.onAssigns(() => { said.push('first') }, { name: 'x' })
    const stop = a.onAssigns(() => { said.push('second'); return 'halt' })
    a.onAssigns(() => { said.push('third') })
    a.one('u', 'users', '1')
    expect(failure(() => a.onAssigns(() => {}, { name: 'x' })).code).toBe('WATCH_INVALID')
    a.onAssigns(() => { said.push('instead') }, { name: 'x', replace: true })
    t.apply([rename('1', 'b')])
    stop()
    t.apply([rename('1', 'c')])
    t.apply([rename('1', 'c')])
    expect(said).toEqual(['first', 'second', 'instead', 'second', 'instead', 'third'])
  })

  it('that throw stop nobody: in a call the caller gets it, else onError', async () => {
    const { t, a, errors } = await start()
    const said: string[] = []
    const wrong = a.onAssigns(() => { throw new Error('wrong') })
    a.onAssigns(changed => { said.push(String([...changed.keys()])) })
    t.watch('users', 'changes', () => { throw new Error('watch') })
    expect(() => a.one('u', 'users', '1')).toThrow('wrong')
    t.apply([rename('1', 'b')])
    await tick()
    expect(said).toEqual(['u', 'u'])
    expect(errors).toHaveLength(1)
    expect((errors[0] as AggregateError).errors.map(e => e.message)).toEqual(['wrong', 'watch'])
    wrong()
  })

  it('may apply: the version they see is whole, and the next one is told next', async () => {
    const { t, a } = await start()
    const said: string[] = []
    a.onAssigns((_, __, { version }) => {
      const { name } = a.get('u')
      said.push(`${version} ${name}`)
      if (name.length < 4) t.apply([rename('1', `${name}!`)])
      expect(a.get('u').name).toBe(name)
    })
    t.apply([rename('1', 'a')])
    a.one('u', 'users', '1')
    expect(said.map(s => s.split(' ')[1])).toEqual(['a', 'a!', 'a!!', 'a!!!'])
  })

  it('that never come to rest are a typed error', async () => {
    const { a } = await start()
    let n = 0
    a.onAssigns(() => { a.many('us', 'users', n++ % 2 === 0 ? ['1'] : ['2']); a.one(`u${n}`, 'users', '1') })
    expect(failure(() => a.one('u', 'users', '1')).code).toBe('CALLBACK_CIRCLE')
  })

  it('snapshots are the same object until a value changes', async () => {
    const { t, a } = await start()
    a.one('u', 'users', '1')
    const before = a.getSnapshot()
    t.apply([user('2', 'Bob')])
    expect(a.getSnapshot()).toBe(before)
    t.apply([rename('1', 'x')])
    expect(a.getSnapshot()).not.toBe(before)
    expect([(before.get('u') as any).name, (a.getSnapshot().get('u') as any).name]).toEqual(['Alice', 'x'])
  })

  it('a query that cannot be evaluated: the last good value, the error, and back', async () => {
    const { t, a } = await start()
    const ratio = t.query.quotes.select(q => ({ id: q.id, share: div(12, q.likes) }))
    t.apply([quote('q', 'X', 'c', 3)])
    a.all('shares', ratio).one('u', 'users', '1')
    t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { likes: 0 } }, rename('1', 'told')])
    expect([a.error('shares')?.code, a.get('shares'), a.get('u').name]).toEqual(['DIVISION_BY_ZERO', [{ id: 'q', share: 4 }], 'told'])
    t.apply([{ op: 'update', table: 'quotes', id: 'q', set: { likes: 6 } }])
    expect([a.error('shares'), a.get('shares'), a.error('u')]).toEqual([undefined, [{ id: 'q', share: 2 }], undefined])
  })

  it('cancelAll: null for rows, empty for lists, one callback', async () => {
    const { t, a } = await start()
    a.group(() => { a.one('u', 'users', '1').many('us', 'users', ['1']).all('all', 'users') })
    let calls = 0
    a.onAssigns(() => { calls++ })
    a.cancelAll()
    expect([calls, [...a.getSnapshot().values()], a.watching(), t.watchCount]).toEqual([1, [null, [], []], false, 0])
  })
})
