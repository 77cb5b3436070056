// Touched rows, tenants, watches and assigns together: a backend that answers late, out of order, with failures or not at all, while
// rows are written, deleted and touched again. Beside it a model that knows what the backend has and who must be in error.
import { describe, expect, it } from 'vitest'
import { createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { type Signal, tenant, watches } from '../../../pkg/watch/index.js'
import { random } from '../fixtures.js'
import { tick } from './tenants.js'

const schema = defineSchema({
  quotes: table({ id: string().key(), author: string(), likes: int() }, { tenant: true }),
  seats: table({ row: string().key(), number: int().key(), likes: int() }, { tenant: true }),
  countries: table({ code: string().key(), likes: int() }),
})
const runs = Number(process.env.HERITAGE_RUNS ?? 40)
const places = [['quotes', 'a'], ['quotes', 'b'], ['seats', 'a'], ['seats', 'b'], ['countries', undefined]] as const
type Place = typeof places[number]
type Row = Record<string, unknown>

const keys = { quotes: ['q1', 'q2', 'q3'], seats: [['x', 1], ['x', 2]], countries: ['de', 'fr'] } as const
const rowOf = (name: Place[0], key: any, likes: number): Row => name === 'quotes' ? { id: key, author: 'A', likes } : name === 'seats' ? { row: key[0], number: key[1], likes } : { code: key, likes }
const text = (value: unknown): string => JSON.stringify(value)
const placeName = ([name, of]: Place): string => `${name} ${of ?? ''}`

interface Request { name: string; place: string; row: object | null; signal: AbortSignal; resolve(row: object | null): void; reject(error: unknown): void; touched: boolean }

async function play(seed: number): Promise<void> {
  const r = random(seed)
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]
  const server = new Map<string, Row>()
  const pending: Request[] = []
  const failing = new Set<string>()
  const asked = new Map<string, number>()
  const id = (name: string, of: string | undefined, key: unknown): string => text([name, of ?? null, key])
  const db = await createDatabase({
    schema, graceMs: 0, onError: () => {},
    fetchRow: (name, key, { tenant: of, signal }) => new Promise<object | null>((resolve, reject) => {
      const at = id(name, of, key)
      asked.set(at, (asked.get(at) ?? 0) + 1)
      expect(pending.some(p => p.name === at), 'one request per row').toBe(false)
      // What the backend has at the moment it is asked; it may answer much later.
      pending.push({ name: at, place: `${name} ${of ?? ''}`, row: server.get(at) ?? null, signal, resolve, reject, touched: false })
    }),
  })
  const at = (of: string | undefined): any => of === undefined ? watches(db) : tenant(db, of)
  const lives = new Map(places.map(p => [placeName(p), at(p[1]).live((db.query as any)[p[0]])]))
  const local = (p: Place): Map<string, Row> => new Map(lives.get(placeName(p))!.rows.map((row: any) => [text(p[0] === 'quotes' ? row.id : p[0] === 'seats' ? [row.row, row.number] : row.code), row]))
  const said: { place: string; signal: Signal }[] = []
  for (const p of places) at(p[1]).watch(p[0], 'changes', (signal: Signal) => { said.push({ place: placeName(p), signal }) })
  const assigns = new Map(['a', 'b'].map(of => [of, tenant(db, of).assigns().one('one', 'quotes', 'q1').many('many', 'quotes', ['q3', 'q2']).all('all', 'seats')]))

  let before = new Map(places.map(p => [placeName(p), local(p)]))
  /** What watches said since the last look is what changed in their tables, and nothing else. */
  const versions: { changed: Map<string, Set<string>> }[] = []
  db.subscribe(() => {
    const now = new Map(places.map(p => [placeName(p), local(p)]))
    const changed = new Map<string, Set<string>>()
    for (const p of places) {
      const [old, own] = [before.get(placeName(p))!, now.get(placeName(p))!]
      const others = [...new Set([...old.keys(), ...own.keys()])].filter(k => text(old.get(k)) !== text(own.get(k)))
      if (others.length > 0) changed.set(placeName(p), new Set(others))
    }
    before = now
    versions.push({ changed })
  })

  const check = (what: string): void => {
    const failures = new Set([...failing].map(name => { const [table, of] = JSON.parse(name); return `${table} ${of ?? ''}` }))
    for (const [name, live] of lives) expect([name, live.status, live.error?.code], what).toEqual([name, failures.has(name) ? 'error' : 'ready', failures.has(name) ? 'FETCH_FAILED' : undefined])
    for (const [of, a] of assigns) {
      const rows = local(['quotes', of] as Place)
      expect([a.get('one'), a.get('many'), a.get('all')], what).toEqual([rows.get('"q1"') ?? null, ['"q3"', '"q2"'].flatMap(k => rows.get(k) ?? []), [...lives.get(`seats ${of}`)!.rows]])
      const code = (table: string): string | undefined => failures.has(`${table} ${of}`) ? 'FETCH_FAILED' : undefined
      expect([a.error('one')?.code, a.error('many')?.code, a.error('all')?.code], what).toEqual([code('quotes'), code('quotes'), code('seats')])
    }
    const told = versions.splice(0).flatMap(({ changed }) => [...changed].map(([place, rows]) => [place, [...rows].sort()])).sort((x, y) => text(x) < text(y) ? -1 : 1)
    const heard = said.splice(0).map(({ place, signal: { keys: k } }) => [place, [...k.inserted, ...k.deleted, ...k.updated].map(text).sort()]).sort((x, y) => text(x) < text(y) ? -1 : 1)
    expect(heard, what).toEqual(told)
  }

  /** A change that comes to the database by itself: by objects or as JSON, in the scope of its tenant or with its name. */
  const send = (p: Place, change: Row): void => {
    const of = p[1] === undefined ? {} : { tenant: p[1] }
    switch (r(4)) {
      case 0: db.apply([{ ...change, ...of }] as never); break
      case 1: db.applyJson(text([{ ...change, ...of }])); break
      case 2: at(p[1]).apply([change]); break
      default: at(p[1]).applyJson(text(change))
    }
  }
  /** The row is known by a write: whatever is under way is old, and a failure over. */
  const written = (name: string): void => {
    failing.delete(name)
    for (const q of pending) if (q.name === name) q.touched = true
  }
  const touch = (p: Place, key: unknown): void => {
    const flight = pending.find(q => q.name === id(p[0], p[1], key))
    if (flight !== undefined) flight.touched = true
    send(p, { op: 'touch', table: p[0], id: key })
  }
  const answer = async (request: Request, fails: boolean): Promise<void> => {
    pending.splice(pending.indexOf(request), 1)
    if (fails) {
      request.reject(new Error('offline'))
      if (!request.touched) failing.add(request.name)
    } else request.resolve(request.row)
    const count = asked.get(request.name)
    await tick()
    // A row that came (or was asked for again, and will) is not failing any more.
    if (!fails && asked.get(request.name) === count) failing.delete(request.name)
  }

  for (let step = 0; step < 40; step++) {
    const p = pick(places)
    const key = pick<any>(keys[p[0]])
    const name = id(p[0], p[1], key)
    let what = `seed ${seed}, step ${step}: `
    switch (r(8)) {
      // The backend changes, and says so.
      case 0: case 1: case 2:
        what += `touch ${name}`
        if (r(4) === 0) server.delete(name)
        else server.set(name, rowOf(p[0], key, step))
        touch(p, key)
        // In one go: asked for once.
        if (r(3) === 0) touch(p, key)
        if (r(2) === 0) await tick()
        break
      // A write of one's own, which the backend has at once; perhaps of what is there already.
      case 3: {
        const row = r(3) === 0 ? server.get(name) ?? rowOf(p[0], key, step) : rowOf(p[0], key, step)
        what += `upsert ${name}`
        server.set(name, row)
        send(p, { op: 'upsert', table: p[0], row })
        written(name)
        break
      }
      case 4:
        what += `delete ${name}`
        server.delete(name)
        send(p, { op: 'delete', table: p[0], id: key })
        written(name)
        break
      case 5: case 6:
        if (pending.length > 0) {
          const request = pick(pending), fails = r(3) === 0
          what += `${fails ? 'failure' : 'answer'} of ${request.name}`
          await answer(request, fails)
        }
        break
      default:
        // What is asked for again is not under way already, for what failed.
        what += 'retry'
        expect(db.retry(), what).toBe(failing.size)
        for (const q of pending) if (failing.has(q.name)) q.touched = true
        if (r(2) === 0) await tick()
    }
    check(what)
  }
  // All come to an end: the database has what the backend has.
  for (let round = 0; round < 20; round++) {
    await tick()
    if (pending.length === 0 && failing.size === 0) break
    // What is under way and asked for again would be old when it comes.
    if (pending.length === 0) db.retry()
    await tick()
    for (const request of pending.slice()) await answer(request, false)
  }
  check(`seed ${seed}, at the end`)
  expect([pending.length, failing.size, db.retry()]).toEqual([0, 0, 0])
  for (const p of places) {
    const wanted = keys[p[0]].flatMap((key: any) => server.get(id(p[0], p[1], key)) ?? [])
    const key = (row: any): string => text(Object.values(row))
    expect([...local(p).values()].sort((x, y) => key(x) < key(y) ? -1 : 1), `seed ${seed}: ${placeName(p)}`).toEqual(wanted.sort((x, y) => key(x) < key(y) ? -1 : 1))
  }
  // A database that closes lets go of what it waits for, and nothing happens any more.
  for (const p of places) touch(p, keys[p[0]][0])
  await tick()
  expect(pending.length).toBe(places.length)
  db.close()
  expect(pending.every(q => q.signal.aborted)).toBe(true)
  for (const q of pending) q.resolve(q.row)
  await tick()
  expect(said.length).toBe(0)
}

describe('touched rows of tenants, watched and assigned', () => {
  it('are as the backend has them, in whatever order its answers come, and failures show where the rows are read', async () => {
    for (let seed = 1; seed <= runs; seed++) await play(seed)
  }, 180_000 + runs * 500)
})
