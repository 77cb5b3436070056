// Receivers beside the database's own `fetchRow`: a backend whose messages come late and more than once and whose answers come late,
// out of order, as failures or after nobody waits for them, while rows are written and deleted by others. Beside it a model that
// knows what the backend has, which answers are old, and which subscriptions must be in error.
import { describe, expect, it } from 'vitest'
import { createDatabase, decimal, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { receiver, subscribe } from '../../../pkg/sync/index.js'
import { random } from '../fixtures.js'
import { tick } from './tenants.js'

const schema = defineSchema({
  quotes: table({ id: string().key(), likes: int() }, { tenant: true }),
  seats: table({ row: string().key(), number: int().key(), likes: int() }, { tenant: true }),
  countries: table({ code: string().key(), likes: int() }),
  prices: table({ amount: decimal().key(), likes: int() }),
})
const runs = Number(process.env.HERITAGE_RUNS ?? 40)
const places = [['quotes', 'a'], ['seats', 'a'], ['quotes', 'b'], ['countries', undefined], ['prices', undefined]] as const
type Place = typeof places[number]
type Row = Record<string, unknown>

const keys = { quotes: [['q1'], ['q2']], seats: [['x', 1], ['x', 2]], countries: [['de'], ['fr']], prices: [['1.50'], ['2']] } as const
const columns = { quotes: ['id'], seats: ['row', 'number'], countries: ['code'], prices: ['amount'] } as const
const text = (value: unknown): string => JSON.stringify(value)
const named = (name: Place[0], key: readonly unknown[]): Row => Object.fromEntries(columns[name].map((c, i) => [c, key[i]]))

interface Request {
  name: string
  /** Of the receiver; else of the database itself. */
  received: boolean
  row: object | null
  resolve(row: object | null): void
  reject(error: unknown): void
  /** Something newer is known of the row. */
  old: boolean
}
interface Sent { place: Place; name: string; key: readonly unknown[]; message: unknown[]; event: string; ref: number | undefined; row: Row | null }

async function play(seed: number): Promise<void> {
  const r = random(seed)
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]
  const server = new Map<string, Row>()
  const refs = new Map<string, number>()
  const pending: Request[] = []
  const failing = new Set<string>(), ownFailing = new Set<string>()
  const idOf = (name: string, of: string | undefined, key: unknown): string => text([name, of ?? null, Array.isArray(key) ? key : [key]])
  const fetching = (received: boolean) => (name: string, key: any, { tenant: of }: { tenant?: string }): Promise<object | null> => new Promise((resolve, reject) => {
    const at = idOf(name, of, key)
    expect(pending.some(p => p.name === at && p.received === received), 'one request per row').toBe(false)
    pending.push({ name: at, received, row: server.get(at) ?? null, resolve, reject, old: false })
  })
  const db = await createDatabase({ schema, graceMs: 0, onError: () => {}, fetchRow: fetching(false) })
  const feeds = new Map([undefined, 'a', 'b'].map(of => [of, receiver(db, { ...(of === undefined ? {} : { tenant: of }), fetchRow: fetching(true) })]))
  const handles = places.map(place => {
    const handle = { place, error: undefined as unknown, subscription: subscribe(db, place[0], place[1] === undefined ? {} : { tenant: place[1] }, n => { handle.error = n.error }) }
    return handle
  })
  const lives = places.map(([name, of]) => db.live((db.query as any)[name], of === undefined ? {} : { tenant: of }))
  const queue: Sent[] = []

  const check = (what: string): void => {
    for (const { place: [name, of], subscription, error } of handles) {
      const wrong = [...failing].some(f => text(JSON.parse(f).slice(0, 2)) === text([name, of ?? null]))
      expect([name, of, subscription.status, (error as any)?.code], what).toEqual([name, of, wrong ? 'error' : 'ready', wrong ? 'FETCH_FAILED' : undefined])
    }
    places.forEach(([name, of], i) => {
      const wrong = [...ownFailing].some(f => text(JSON.parse(f).slice(0, 2)) === text([name, of ?? null]))
      expect([name, of, lives[i].status], what).toEqual([name, of, wrong ? 'error' : 'ready'])
    })
  }
  /** The row is known: whatever is under way is old, and failures are over. */
  const written = (name: string): void => {
    failing.delete(name)
    ownFailing.delete(name)
    for (const q of pending) if (q.name === name) q.old = true
  }
  const write = ([, of]: Place, change: Row): void => {
    const list = [{ ...change, ...(of === undefined ? {} : { tenant: of }) }]
    if (r(2) === 0) db.apply(list as never)
    else db.applyJson(text(list))
  }
  /** What the backend says of a change: of the row's key only, or all of it. It arrives later. */
  const say = (place: Place, key: readonly unknown[], event: 'updated' | 'deleted', row: Row | null): void => {
    const name = idOf(place[0], place[1], key)
    const ref = (refs.get(name) ?? 0) + 1
    refs.set(name, ref)
    const numbered = r(3) > 0
    const body = r(3) === 0 && row !== null ? row : named(place[0], key)
    const message = numbered ? ['EctoSync', [place[0], event, [body, ref]]] : [[place[0], event], body]
    queue.push({ place, name, key, message, event, ref: numbered ? ref : undefined, row: body === row ? row : null })
  }
  const newest = new Map<string, number>()
  const take = (sent: Sent): void => {
    const { place: [, of], message, name, event, ref, row } = sent
    const { ignored } = feeds.get(of)!.receive(message)
    const again = ref !== undefined && ref <= (newest.get(name) ?? 0)
    expect(ignored, `${text(message)} was seen before`).toBe(again ? 1 : 0)
    if (again) return
    if (ref !== undefined) newest.set(name, ref)
    if (event === 'deleted' || row !== null) written(name)
    else for (const q of pending) if (q.name === name && q.received) q.old = true
  }
  /** Gives the answer; one that is old changes nothing. */
  const answer = async (request: Request, fails: boolean): Promise<void> => {
    pending.splice(pending.indexOf(request), 1)
    const { version } = db
    const before = text(lives.map(l => l.rows))
    const failed = request.received ? failing : ownFailing
    if (fails) request.reject(new Error('offline'))
    else request.resolve(request.row)
    for (let i = 0; i < 12; i++) await Promise.resolve()
    if (request.old) expect([db.version - version, text(lives.map(l => l.rows))], `the answer for ${request.name} is old`).toEqual([0, before])
    else if (fails) failed.add(request.name)
    else {
      expect(db.version, `the answer for ${request.name} is stored`).toBeGreaterThanOrEqual(version)
      written(request.name)
    }
    await tick()
  }

  for (let step = 0; step < 60; step++) {
    const p = pick(places)
    const key = pick<readonly unknown[]>(keys[p[0]])
    const name = idOf(p[0], p[1], key)
    const row = { ...named(p[0], key), likes: r(4) }
    let what = `seed ${seed}, step ${step}: `
    switch (r(10)) {
      // The backend changes, and says so when it likes.
      case 0: case 1:
        what += `backend ${name}`
        if (r(4) === 0) { server.delete(name); say(p, key, 'deleted', null) } else { server.set(name, row); say(p, key, 'updated', row) }
        break
      case 2: case 3: case 4: {
        const count = 1 + r(3)
        for (let i = 0; i < count && queue.length > 0; i++) {
          const next = queue.shift()!
          what += `message ${text(next.message)} `
          take(next)
          if (next.ref !== undefined && next.event === 'updated' && r(3) === 0) take(next)
        }
        if (r(2) === 0) await tick()
        break
      }
      // The database's own way to be told, of the same rows.
      case 5: {
        what += `touch ${name}`
        for (const q of pending) if (q.name === name && !q.received) q.old = true
        write(p, { op: 'touch', table: p[0], id: key.length === 1 ? key[0] : key })
        if (r(2) === 0) await tick()
        break
      }
      // A write of another, which the backend has at once and says later; perhaps of what is there already, or there and back.
      case 6: {
        const same = r(3) === 0 ? server.get(name) ?? row : row
        what += `upsert ${text(same)}`
        if (r(3) === 0) write(p, { op: 'delete', table: p[0], id: key.length === 1 ? key[0] : key })
        write(p, { op: 'upsert', table: p[0], row: same })
        server.set(name, same)
        say(p, key, 'updated', same)
        written(name)
        break
      }
      case 7:
        what += `delete ${name}`
        write(p, { op: 'delete', table: p[0], id: key.length === 1 ? key[0] : key })
        server.delete(name)
        say(p, key, 'deleted', null)
        written(name)
        break
      case 8:
        if (pending.length > 0) {
          const request = pick(pending), fails = r(3) === 0
          what += `${fails ? 'failure' : 'answer'} of ${request.name}${request.received ? '' : ' of its own'}`
          await answer(request, fails)
        }
        break
      default: {
        what += 'retry'
        for (const q of pending) if (!q.received && ownFailing.has(q.name)) q.old = true
        for (const feed of feeds.values()) feed.retry()
        expect(db.retry(), what).toBe(ownFailing.size)
        await tick()
      }
    }
    check(what)
  }
  for (let round = 0; round < 30; round++) {
    for (const sent of queue.splice(0)) take(sent)
    await tick()
    if (pending.length === 0 && failing.size + ownFailing.size === 0) break
    if (pending.length === 0) {
      for (const feed of feeds.values()) feed.retry()
      db.retry()
    }
    await tick()
    for (const request of pending.slice()) await answer(request, false)
  }
  check(`seed ${seed}, at the end`)
  expect([pending.length, failing.size, ownFailing.size]).toEqual([0, 0, 0])
  for (const feed of feeds.values()) await feed.idle
  places.forEach(([name, of], i) => {
    const wanted = keys[name].flatMap((key: readonly unknown[]) => server.get(idOf(name, of, key)) ?? [])
    const sorted = (rows: readonly any[]): string[] => rows.map(row => text(columns[name].map(c => String(row[c])).concat(String(row.likes)))).sort()
    expect(sorted(lives[i].rows), `seed ${seed}: ${name} ${of}`).toEqual(sorted(wanted))
  })
  db.close()
}

describe('rows of a receiver, and of the database beside it', () => {
  it('are as the backend has them, in whatever order messages and answers come, and failures show on subscriptions', async () => {
    for (let seed = 1; seed <= runs; seed++) await play(seed)
  }, 180_000 + runs * 500)
})
