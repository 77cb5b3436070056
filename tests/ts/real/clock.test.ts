// The time as a row, and the place of a row in a long list, as www/docs/following.md has them: what a tick, a look and a jump cost, beside a plain model.
import { describe, expect, it } from 'vitest'
import {
  type LiveQuery, addInterval, and, count, createDatabase, defineSchema, eq, gte, hasMany, int, lt, max, min, scalar, string, table, timestamp, withParams,
} from '../../../pkg/index.inline.js'
import { random } from './support.js'

const schema = defineSchema({
  clock: table({ id: int().key(), now: timestamp() }),
  rooms: table({ id: int().key() }),
  tasks: table({ id: int().key(), roomId: int(), title: string(), due: timestamp() }),
}, { rooms: { tasks: hasMany('tasks', 'roomId', { orderBy: [['due', 'asc'], ['id', 'asc']] }) } })
const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000)

async function opened(rows: number) {
  const db = await createDatabase({ schema, graceMs: 0 })
  // Each second has one task.
  const tasks = Array.from({ length: rows }, (_, id) => ({ id, roomId: id % 7, title: `t${id}`, due: at((id * 997) % rows) }))
  db.apply([{ op: 'insert', table: 'clock', row: { id: 0, now: at(0) } }, { op: 'insert', table: 'rooms', rows: Array.from({ length: 7 }, (_, id) => ({ id })) }, { op: 'insert', table: 'tasks', rows: tasks }])
  return { db, tasks, tick: (seconds: number) => { db.apply([{ op: 'update', table: 'clock', id: 0, set: { now: at(seconds) } }]) } }
}

describe('a clock', () => {
  it.each([3000, 12_000])('of which %i rows are told costs those that it lets in and out', async rows => {
    const { db, tasks, tick } = await opened(rows)
    const now = scalar(db.query.clock.select(c => ({ now: max(c.now) })))
    const byDue = [...tasks].sort((a, b) => a.due.getTime() - b.due.getTime())
    const within = (from: number, to: number) => byDue.slice(from, to)      // each second has one
    const views: [string, LiveQuery<any>, (seconds: number) => unknown][] = [
      ['over', db.live(db.query.tasks.where(t => lt(t.due, now)).orderBy('due').limit(5)), s => within(0, s).slice(0, 5)],
      ['coming', db.live(db.query.tasks.where(t => and(gte(t.due, now), lt(t.due, addInterval(now, { seconds: 10 })))).orderBy('due')), s => within(s, s + 10)],
      ['number', db.live(db.query.tasks.where(t => lt(t.due, now)).select(() => ({ n: count() }))), s => [{ n: within(0, s).length }]],
      ['next', db.live(db.query.tasks.where(t => gte(t.due, now)).select(t => ({ at: min(t.due) }))), s => [{ at: at(s) }]],
      ['nested', db.live(db.query.rooms.orderBy('id').with('tasks', t => t.where(t => and(gte(t.due, now), lt(t.due, addInterval(now, { seconds: 10 })))))),
        s => [0, 1, 2, 3, 4, 5, 6].map(id => ({ id, tasks: within(s, s + 10).filter(t => t.roomId === id) }))],
      ['of each', db.live(db.query.rooms.orderBy('id').select(r => ({ id: r.id, n: scalar(db.query.tasks.where(t => and(eq(t.roomId, r.id), gte(t.due, now))).select(() => ({ n: count() }))) }))),
        s => [0, 1, 2, 3, 4, 5, 6].map(id => ({ id, n: within(s, rows).filter(t => t.roomId === id).length }))],
    ]
    for (const seconds of [100, 101, 103, 104, rows - 20, 50, 49]) {
      const before = db.stats().rowsExamined, [{ n }] = views[2][1].rows
      tick(seconds)
      const crossed = Math.abs(n - seconds)
      for (const [name, live, due] of views) expect(live.rows, `${name} at ${seconds}`).toEqual(due(seconds))
      expect(db.stats().rowsExamined - before, `from ${n} to ${seconds}`).toBeLessThan(100 + 20 * crossed)
    }
  })
})

describe('the place of a row in a list', () => {
  it('is the length of the list less that of the list from the row on', async () => {
    const { db, tasks } = await opened(2000), r = random(7)
    const list = db.query.tasks.where('roomId', '<', 6).orderBy('roomId', 'desc').orderBy('due').orderBy('id')
    const all = db.live(list, { window: [0, 20] })
    const from = db.live(withParams({ roomId: 'int', due: 'timestamp', id: 'int' }, p => list.startAt({ roomId: p.roomId, due: p.due, id: p.id })), { params: { roomId: 0, due: at(0), id: 0 }, window: [0, 1] })
    const rows = new Map(tasks.map(t => [t.id, t]))
    const order = () => [...rows.values()].filter(t => t.roomId < 6).sort((a, b) => b.roomId - a.roomId || a.due.getTime() - b.due.getTime() || a.id - b.id)
    let model = order()
    const events: unknown[] = []
    all.subscribe(e => { events.push(e) })
    for (let i = 0; i < 200; i++) {
      const task = rows.get(r(2000))
      if (task === undefined) continue
      const before = db.stats().rowsExamined
      from.setParams({ roomId: task.roomId, due: task.due, id: task.id })
      const place = from.rows[0]?.id === task.id ? all.total - from.total : -1
      expect(place, `of ${task.id}`).toBe(model.indexOf(task))
      expect(db.stats().rowsExamined - before).toBeLessThan(20)
      expect(events).toEqual([])
      if (place >= 0) expect(all.window(Math.max(0, place - 2), 5).map(t => t.id)).toEqual(model.slice(Math.max(0, place - 2), place + 3).map(t => t.id))
      if (r(4) === 0) {
        if (r(2) === 0) { rows.delete(task.id); db.apply([{ op: 'delete', table: 'tasks', id: task.id }]) }
        else { const moved = { ...task, roomId: r(7), due: at(r(2000)) }; rows.set(task.id, moved); db.apply([{ op: 'upsert', table: 'tasks', row: { ...moved } }]) }
        model = order()
      }
      events.length = 0
    }
  })
})
