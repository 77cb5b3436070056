// Indexes that filters of a large table are filled from: made in slices, soon after they are wanted.
import { afterEach, describe, expect, it } from 'vitest'
import { type Db, issue, open, put, tick } from './support.js'

const N = 20_000
let db: Db
afterEach(() => { db.close() })
const filled = async (): Promise<void> => {
  ({ db } = await open({ graceMs: 0 }))
  db.apply([{ op: 'upsert', table: 'issues', rows: Array.from({ length: N }, (_, i) => issue(`i${i}`, { priority: i % 100 })) }])
}
const mount = (priority: number) => db.live(db.query.issues.where('priority', '=', priority))
const bytes = (): number => db.stats().indexes.filter(i => i.kind === 'arrange').reduce((sum, i) => sum + i.bytes, 0)
/** Until an index grows no more: in the time of each look there is a slice, but one may fit into the room that is there. */
const whole = async (): Promise<number> => {
  for (let before = -1, same = 0; ; await tick(5)) { const now = bytes(); same = now === before ? same + 1 : 0; if (same === 10) return now; before = now }
}

describe('an index for the filters of a large table', () => {
  it('is made in slices after the queries that want it, and holds no row twice', async () => {
    await filled()
    for (let n = 0; n < 3; n++) mount(n)
    expect(bytes()).toBe(0)
    const fourth = mount(3)
    const part = bytes()
    // Beyond what the index has, and within.
    db.apply([put(`i${N - 1}`, { priority: 3 }), put('i3', { priority: 4 }), { op: 'delete', table: 'issues', id: `i${N - 97}` }, put('new', { priority: 3 })])
    expect(fourth.rows.length).toBe(N / 100)
    expect(mount(4).rows.length).toBe(N / 100 + 1)
    expect(await whole()).toBeGreaterThan(2 * part)
    expect(mount(5).rows.length).toBe(N / 100)
    const { nodes } = db.stats()
    // One filter and one list more: the gate is gone.
    expect(mount(6).rows.length).toBe(N / 100)
    expect(db.stats().nodes).toBe(nodes + 2)
  })

  it('is made after a query that came in slices, too', async () => {
    await filled()
    const lives = [0, 1, 2, 3].map(n => db.live(db.query.issues.where('priority', '=', n), { sliced: true }))
    while (lives.some(live => live.status !== 'ready')) await tick()
    await whole()
    const before = bytes()
    expect(before).toBeGreaterThan(N * 20)
    expect(mount(7).rows.length).toBe(N / 100)
    expect(bytes()).toBe(before)
  })
})
