// Callbacks of a program that throw: a receiver goes on with all else that it was told, and whoever applies is not thrown at.
import { describe, expect, it } from 'vitest'
import { receiver, subscribe } from '../../../pkg/sync/index.js'
import { eventually } from '../real/support.js'
import { failure, open, person, post, read } from './blog.js'

const updated = (id: number): any => [['posts', 'updated'], { id }]
const deleted = (id: number): any => [['posts', 'deleted'], { id }]
/** All of a row, as it is. */
const whole = (id: number): any => [['posts', 'updated'], post(id, 1).row]

/** A receiver whose requests fail until told otherwise, and subscriptions whose listener throws when their row is known again. */
async function failing(rows: readonly number[], onError?: (error: unknown) => void) {
  const { db, errors } = await open()
  db.apply([person(1), ...rows.map(id => post(id, 1))])
  let fails = true
  const asked: unknown[] = [], told: unknown[] = []
  const feed = receiver(db, {
    fetchRow: async (_, id) => { asked.push(id); if (fails) throw new Error('503'); return { ...post(id, 1).row, name: 'fetched' } },
    onError: onError ?? (e => { told.push(e) }),
  })
  for (const id of rows) subscribe(db, 'posts', { id }, ({ error }) => { if (error === undefined) throw new Error(`listener of ${id}`) })
  return { db, feed, asked, told, errors, works: () => { fails = false } }
}

describe('a receiver', () => {
  it('that closes leaves nothing that is waited for: what comes then is no news, and to others it is', async () => {
    const { db, feed } = await failing([])
    const other = receiver(db, { fetchRow: () => Promise.reject(new Error('503')), onError: () => {} })
    feed.receive([updated(1), updated(2)])
    other.receive([updated(2)])
    await feed.idle
    await other.idle
    let came = 0
    const { arrivals } = db as unknown as { arrivals: { came(): void } }
    arrivals.came = () => { came++; Object.getPrototypeOf(arrivals).came.call(arrivals) }
    feed.close()
    db.apply([person(1), post(1, 1)])
    expect(came).toBe(0)
    db.apply([post(2, 1)])
    expect(came).toBe(1)
    feed.close()
    db.close()
    other.close()
  })

  it('whose listeners throw when a row is known again takes in the messages behind it', async () => {
    const { db, feed, asked, told, works } = await failing([1, 2, 3])
    feed.receive([updated(1), updated(2)])
    await feed.idle
    expect([asked, told.length]).toEqual([[1, 2], 2])
    works()
    expect(feed.receive([whole(1), whole(2), updated(3)])).toEqual({ ignored: 0 })
    await feed.idle
    expect([asked, read(db, db.query.posts).map(p => [p.id, p.name])]).toEqual([[1, 2, 3], [[1, 'post 1'], [2, 'post 2'], [3, 'fetched']]])
    await eventually(() => told.length === 4)
    expect(told.slice(2).map(e => (e as Error).message)).toEqual(['listener of 1', 'listener of 2'])
    db.close()
  })

  it('whose listeners throw when rows come by other means does not throw at who applies them, and tells of all', async () => {
    const { db, feed, asked, told } = await failing([1, 2])
    feed.receive([updated(1), updated(2)])
    await feed.idle
    expect(told.length).toBe(2)
    expect(db.apply([post(1, 1), post(2, 1)]).version).toBe(db.version)
    await eventually(() => told.length === 4)
    feed.retry()
    await feed.idle
    expect([asked, told.slice(2).map(e => (e as Error).message)]).toEqual([[1, 2], ['listener of 1', 'listener of 2']])
    db.close()
  })

  it('whose `onError` throws asks for the other rows, stores what came with them, and is idle in the end', async () => {
    const uncaught: unknown[] = []
    const caught = (e: unknown): void => { uncaught.push(e) }
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', caught)
    try {
      const { db } = await open()
      const feed = receiver(db, {
        fetchRow: async (_, id) => { if (id === 1) throw new Error('503'); return id === 2 ? { ...post(2, 1).row, id: 99 } : id === 3 ? { odd: 1 } : post(id, 1).row },
        onError: () => { throw new Error('mine') },
      })
      feed.receive([1, 2, 3, 4].map(updated))
      await feed.idle
      expect(read(db, db.query.posts).map(p => p.id)).toEqual([4])
      await eventually(() => uncaught.length === 3)
      expect(uncaught.map(e => (e as Error).message)).toEqual(['mine', 'mine', 'mine'])
      db.close()
    } finally {
      process.off('uncaughtException', caught)
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })

  it('of a closed database is none: nothing is fetched for it', async () => {
    const { db } = await open()
    let asked = 0
    db.close()
    expect(failure(() => receiver(db, { fetchRow: async (_, id) => { asked++; return post(id, 1).row } }).receive([updated(2)])).code).toBe('CLOSED')
    expect(asked).toBe(0)
  })

  it('that is closed takes no messages', async () => {
    const { db } = await open()
    const feed = receiver(db, { fetchRow: async (_, id) => post(id, 1).row })
    db.apply([post(1, 1)])
    feed.close()
    expect(failure(() => feed.receive([deleted(1), updated(2)])).code).toBe('CLOSED')
    expect(read(db, db.query.posts).map(p => p.id)).toEqual([1])
    db.close()
  })
})
