// Reducers beyond the scenarios of derive.test.ts: mistakes of those who write them.
import { describe, expect, it } from 'vitest'
import { notifier, reducers } from '../../../pkg/reduce/index.js'
import { tick } from '../real/support.js'
import { type Event, logOf, open, users } from './derive.js'

const created = (id: string, more: object = {}): Event => ({ id, type: 'UserCreated', user: id, name: `n${id}`, ...more })

describe('numbers that callers give', () => {
  it.each([0, -1, NaN, 1.5, '10' as never])('a batch of %s events is refused, and nothing runs', async batchSize => {
    const db = await open()
    const definition = users()
    const refused = { code: 'REDUCER_INVALID', path: 'batchSize' }
    const source = logOf(created('1'))
    await expect(reducers(db).start(definition, { source, batchSize })).rejects.toMatchObject(refused)
    await expect(reducers(db).at(definition, { source, batchSize })).rejects.toMatchObject(refused)
    await expect(reducers(db).notify(notifier('mail', { partition: () => 1, cursor: (e: Event) => e.id, on: () => undefined } as any), { source, batchSize })).rejects.toMatchObject(refused)
    const r = await reducers(db).start(definition, { source, batchSize: 1 })
    await expect(reducers(db).rebuild(definition, { source, batchSize })).rejects.toMatchObject(refused)
    await r.awaitCatchup()
    expect(db.live(db.query.users).rows.length).toBe(1)
    await r.stop()
  })

  it('who waits without a limit, or very long, waits', async () => {
    const db = await open()
    const log = logOf()
    const r = await reducers(db).start(users(), { source: log })
    await expect(r.await(created('1'), { timeout: NaN })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'timeout' })
    const waits = [Infinity, 1e12].map(timeout => r.await(created('1'), { timeout }))
    await new Promise(resolve => { setTimeout(resolve, 20) })
    log.append(created('1'))
    expect(await Promise.all(waits)).toEqual(Array(2).fill({ ok: true, errors: [], timeouts: [] }))
    await r.stop()
  })
})

describe('the end', () => {
  it.each([0, 1, 5])('stopped or closed with %s events to come, it is silent', async count => {
    for (const end of ['stop', 'close'] as const) {
      const db = await open()
      const errors: unknown[] = []
      const log = logOf()
      const r = await reducers(db).start(users(), { source: log, onError: e => { errors.push(e) } })
      await r.awaitCatchup()
      for (let i = 0; i < count; i++) log.append(created(String(i)))
      const ended = end === 'stop' ? r.stop() : db.close()
      log.append(created('late'))
      await ended
      await tick(5)
      expect(errors).toEqual([])
      await expect(r.awaitCatchup()).rejects.toMatchObject({ code: 'CLOSED' })
    }
  })
})
