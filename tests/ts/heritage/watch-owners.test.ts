// What ends with its owner: of what has ended before, an owner that lives on keeps nothing.
import { expect, it, vi } from 'vitest'
import { tenant } from '../../../pkg/watch/index.js'
import { open } from './tenants.js'

it('watches and assigns that have ended leave nothing behind with an owner that lives on', async () => {
  const taken = vi.spyOn(FinalizationRegistry.prototype, 'register'), left = vi.spyOn(FinalizationRegistry.prototype, 'unregister')
  const here = (): number => taken.mock.calls.filter(([target]) => target === owner).length - left.mock.results.filter(r => r.value === true).length
  const owner = { process: 'reader' }
  const { db } = await open()
  const t = tenant(db, 'a')
  const inbox: number[] = []
  let futures = [t.watch('users', 'changes', { owner, once: true, label: 'users' }, ({ watch }) => { inbox.push(watch.ref) })]
  for (let i = 0; i < 20; i++) {
    t.apply([{ op: 'upsert', table: 'users', row: { id: '1', name: `n${i}` } } as never])
    const [assigns, armed] = t.assignReady(futures, inbox.splice(0))
    expect(assigns.length).toBe(1)
    futures = armed
  }
  for (let i = 0; i < 20; i++) {
    t.assigns({ owner }).all('users', 'users').dispose()
    t.watchRow('users', '1', { owner }).cancel()
  }
  expect([t.watchCount, here()]).toEqual([1, 1])
  t.dispose()
  expect([t.watchCount, here()]).toEqual([0, 0])
  db.close()
  vi.restoreAllMocks()
})
