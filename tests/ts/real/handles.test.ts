// The handles of a long list: fetched where it is looked at, the others soon after, and all before there is another version.
import { describe, expect, it } from 'vitest'
import type { LiveQuery } from '../../../pkg/index.inline.js'
import { type Db, open, tick } from './support.js'

const ROWS = 100_000, PART = 16_384
const row = (id: number): object => ({ projectId: `p${String(id).padStart(6, '0')}`, userId: id, role: 'r' })
async function filled(): Promise<{ db: Db; fetched: number[][] }> {
  const { db } = await open()
  await db.applyJson(JSON.stringify([{ op: 'upsert', table: 'members', rows: Array.from({ length: ROWS }, (_, id) => row(id)) }]))
  const fetched: number[][] = []
  const { engine } = (db as any).inside.port
  const slice = engine.slice.bind(engine)
  engine.slice = (view: number, start: number, count: number) => { fetched.push([start, count]); return slice(view, start, count) }
  return { db, fetched }
}
const list = (db: Db): LiveQuery<any> => db.live(db.query.members.orderBy('userId'))
const check = (rows: readonly any[], from = 0): void => {
  let wrong = 0
  expect(rows.length).toBe(ROWS - from)
  rows.forEach((r, i) => { if (r.userId !== i + from) wrong++ })
  expect(wrong).toBe(0)
}

describe('the handles of a long list', { timeout: 180_000 }, () => {
  it('are fetched where it is looked at, and the others soon after', async () => {
    const { db, fetched } = await filled()
    const live = list(db)
    expect([live.rows.length, live.rows[5].userId, live.rows[PART - 1].userId]).toEqual([ROWS, 5, PART - 1])
    expect(fetched).toEqual([[0, PART]])
    expect([live.rows[90_000].userId, live.rows.at(-1).userId, live.rows.slice(89_999, 90_001).map(r => r.userId)]).toEqual([90_000, ROWS - 1, [89_999, 90_000]])
    expect(fetched.slice(1)).toEqual([[5 * PART, PART], [6 * PART, PART]])
    for (let turns = 0; fetched.length < 7 && turns < 1000; turns++) await tick(1)
    expect(fetched.length).toBe(7)
    check(live.rows)
    expect(fetched.length).toBe(7)
    db.close()
  })

  it('are those of the version that was looked at, whatever comes next', async () => {
    const { db, fetched } = await filled()
    const changes: (() => unknown)[] = [
      () => db.apply([{ op: 'delete', table: 'members', id: { projectId: 'p000000', userId: 0 } } as never]),
      () => db.applyJson(JSON.stringify([{ op: 'upsert', table: 'members', row: row(0) }])),
    ]
    for (const [n, change] of changes.entries()) {
      const live = db.live(db.query.members.where('userId', '>', -1 - n).orderBy('userId'))
      const before = live.rows
      fetched.length = 0
      await change()
      expect(fetched.length).toBe(6)
      check(before, n)
      check(live.rows, 1 - n)
      live.dispose()
    }
    // A limit that is a parameter, rows of a query that is disposed of.
    const live = list(db)
    const { rows } = live
    live.dispose()
    await tick(5)
    await changes[0]()
    check(rows)
    db.close()
  })
})
