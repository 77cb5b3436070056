// The memory budget: what is refused, who is asked to make room, what is never refused.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Database, EddylineError, type MemoryOptions, createDatabase } from '../../../pkg/index.inline.js'
import { MemoryFolder, memory as storage } from '../../../pkg/storage/index.js'
import { type CreateWorkerOptions, type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type TestSchema, failure, issue, put, schema, tick } from './support.js'

const opened: { close(): void }[] = []
afterEach(() => { for (const db of opened.splice(0)) db.close() })
// What a database has is given back in slices when it closes. By this clock a slice has no end: it is given back at once, and counts for none of the budgets.
beforeAll(() => { vi.spyOn(performance, 'now').mockReturnValue(0) })
afterAll(() => { vi.restoreAllMocks() })

type Options = Partial<Parameters<typeof createDatabase<TestSchema>>[0]>
async function open(options: Options = {}): Promise<Database<TestSchema>> {
  const db = await createDatabase({ schema, ...options })
  opened.push(db)
  return db
}
/** Other databases of the page share the memory: what is in use now, and some bytes. */
async function inUse(more: number): Promise<number> {
  const db = await createDatabase({ schema })
  try { return db.stats().allocatedBytes + more } finally { db.close() }
}
/** A budget that is reached after about so many kilobytes of rows. */
const limited = async (kilobytes: number, onPressure?: MemoryOptions['onPressure'], more: Options = {}): Promise<Database<TestSchema>> =>
  open({ ...more, memory: { budget: await inUse(kilobytes * 1024 + 70_000), onPressure } })

const KB = 'x'.repeat(1000)
const rows = (from: number, count: number) => Array.from({ length: count }, (_, i) => issue(`i${String(from + i).padStart(6, '0')}`, { title: KB }))
const fill = (from: number, count: number) => [{ op: 'upsert' as const, table: 'issues' as const, rows: rows(from, count) }]
const count = (db: Database<TestSchema>): number => db.stats().tables[0].rows
/** Adds rows until one more is refused; how many there are. */
function full(db: Database<TestSchema>): { held: number; refused: EddylineError } {
  for (let n = count(db); n < 10_000; n++) {
    try { db.apply(fill(n, 1)) } catch (error) { return { held: n, refused: error as EddylineError } }
  }
  throw new Error('it is never full')
}

it.each(['a stream', 'a text'])('%s of JSON at the edge of the budget is taken or refused as such, wherever the edge is', async kind => {
  const codes = new Map<string, number>()
  // Long names, of which a part is kept: it is taken before or behind the edge.
  const batch = JSON.stringify({ changes: fill(0, 1), source: 's'.repeat(20_000), cursor: '1' })
  for (let more = 0; more < 120_000; more += 4000) {
    const db = await open({ memory: { budget: await inUse(more), onPressure: () => {} } })
    const applied = kind === 'a text' ? (async () => db.applyJson(batch))() : db.applyJson(new Blob([batch]).stream())
    const code = await applied.then(() => 'none', error => String((error as EddylineError).code))
    codes.set(code, (codes.get(code) ?? 0) + 1)
    expect(count(db), `${more} bytes more`).toBe(code === 'none' ? 1 : 0)
    db.close()
  }
  expect([...codes.keys()].sort()).toEqual(['MEMORY_BUDGET', 'none'])
})

describe('a memory budget', () => {
  it('refuses a batch whose rows do not fit, whole, and says how much is missing', async () => {
    const db = await limited(200)
    const live = db.live(db.query.issues)
    const { held, refused } = full(db)
    expect(held).toBeGreaterThan(100)
    expect([refused.code, refused instanceof EddylineError, refused.budget, db.stats().budget]).toEqual(['MEMORY_BUDGET', true, db.stats().budget, refused.budget])
    expect(refused.needed!).toBeGreaterThan(refused.budget!)
    expect(refused.needed! - refused.budget!).toBeLessThan(3000)
    const { version } = db
    const mixed = failure(() => db.apply({ changes: [{ op: 'update', table: 'issues', id: 'i000000', set: { title: 'short' } }, ...fill(held, 3)], source: 's', cursor: 1 }))
    expect([mixed.code, db.version, count(db), live.rows.length, db.cursor('s')]).toEqual(['MEMORY_BUDGET', version, held, held, undefined])
    expect(live.rows[0].title).toBe(KB)
  })

  it('is exact: what was said to be needed is enough, one byte less is not', async () => {
    const small = await open({ memory: { budget: 1 } })
    const { needed } = failure(() => small.apply(fill(0, 100)))
    const set = (bytes: number): void => { (small as any).limitMemory({ budget: bytes }) }
    set(needed! - 1)
    expect(failure(() => small.apply(fill(0, 100))).needed).toBe(needed)
    expect(count(small)).toBe(0)
    set(needed!)
    small.apply(fill(0, 100))
    expect(count(small)).toBe(100)
  })

  it('never refuses what does not grow the tables', async () => {
    const db = await limited(100)
    const { held } = full(db), { budget } = db.stats();
    // More is in use than is allowed.
    (db as any).limitMemory({ budget: 1 })
    db.apply([{ op: 'update', table: 'issues', id: 'i000002', set: { priority: 8, status: 'none', due: new Date(5) } }])
    expect(failure(() => db.apply([{ op: 'update', table: 'issues', id: 'i000002', set: { title: `${KB}${KB}` } }])).code).toBe('MEMORY_BUDGET')
    const half = Math.floor(held / 2)
    db.apply(fill(0, 1))
    db.apply([{ op: 'update', table: 'issues', id: 'i000000', set: { priority: 7 } }, { op: 'upsert', table: 'issues', row: issue('i000001', { title: 'y'.repeat(1000) }) }])
    db.apply({ changes: [], source: 's', cursor: 5 })
    // As many new ones as go.
    db.apply([...rows(0, half).map(({ id }) => ({ op: 'delete' as const, table: 'issues' as const, id })), ...fill(90_000, half)])
    expect(count(db)).toBe(held)
    expect(failure(() => db.apply(fill(80_000, 3))).code).toBe('MEMORY_BUDGET')
    db.apply([{ op: 'reset', table: 'issues', rows: rows(0, 5) }])
    expect(count(db)).toBe(5)
    // What went is free to be used again.
    ;(db as any).limitMemory({ budget })
    expect(full(db).held).toBeGreaterThan(held * 0.9)
  })

  it('counts JSON, whole and streamed, alike', async () => {
    const db = await limited(200)
    const text = JSON.stringify(rows(0, 2000))
    for (const input of [text, new TextEncoder().encode(text)]) expect(failure(() => db.applyJson(input, { table: 'issues' })).code).toBe('MEMORY_BUDGET')
    await expect(db.applyJson(new Response(text), { table: 'issues' })).rejects.toMatchObject({ code: 'MEMORY_BUDGET' })
    expect([count(db), db.version]).toEqual([0, 0])
    // Nothing of what was refused is kept.
    db.applyJson(JSON.stringify(rows(0, 100)), { table: 'issues' })
    await db.applyJson(new Response(JSON.stringify(rows(50, 60))), { table: 'issues' })
    expect(count(db)).toBe(110)
  })

  it('is a number of bytes, and words that there are not are refused', async () => {
    for (const budget of [0, -1, NaN, '5' as never, undefined as never]) {
      await expect(createDatabase({ schema, memory: { budget } })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'memory.budget' })
    }
    await expect(createDatabase({ schema, memory: { budget: 5, onPresure: () => {} } as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'memory.onPresure', nearest: 'onPressure' })
  })
})

describe('who is asked to make room', () => {
  it('returns changes, which are a version of their own; then the batch goes through', async () => {
    const asked: unknown[] = []
    let oldest = 0
    const db: Database<TestSchema> = await limited(200, ({ needed, budget, waits }) => {
      asked.push([needed > budget, waits, count(db)])
      return rows((oldest += 50) - 50, 50).map(({ id }) => ({ op: 'delete', table: 'issues', id }))
    })
    let n = 0
    while (asked.length === 0) db.apply(fill(n++, 1))
    expect(asked).toEqual([[true, true, n - 1]])
    expect([count(db), db.version]).toEqual([n - 50, n + 1])
    for (; asked.length < 5; n++) db.apply(fill(n, 1))
    // Whole text and stream, too.
    const before = asked.length
    while (asked.length === before) db.applyJson(JSON.stringify(rows(n++, 1)), { table: 'issues' })
    while (asked.length === before + 1) await db.applyJson(new Response(JSON.stringify(rows(n++, 1))), { table: 'issues' })
    expect(count(db)).toBe(n - 50 * asked.length)
  })

  it('may dispose queries, whose memory is free at once', async () => {
    const lists: { dispose(): void }[] = []
    const db: Database<TestSchema> = await limited(150, () => { lists.splice(0).forEach(live => { live.dispose() }) }, { graceMs: 1e9 })
    db.apply(fill(0, 40))
    for (let n = 0; n < 12; n++) lists.push(db.live(db.query.issues.select('id', 'title').orderBy('title').orderBy('id', n % 2 ? 'asc' : 'desc').offset(n)))
    expect(db.stats().views).toBe(12)
    let n = 40
    while (lists.length > 0) db.apply(fill(n++, 1))
    expect([count(db), db.stats().views, db.stats().indexes.length]).toEqual([n, 0, 0])
  })

  it('that frees too little, throws, or is not there: refused', async () => {
    let calls = 0
    const little = await limited(100, () => { calls++ })
    expect(full(little).refused.code).toBe('MEMORY_BUDGET')
    expect(calls).toBe(1)
    const cause = new Error('no')
    const throwing = await limited(100, () => { throw cause })
    const { refused, held } = full(throwing)
    expect([refused.code, refused.cause, count(throwing)]).toEqual(['MEMORY_BUDGET', cause, held])
    const wrong = await limited(100, () => [{ op: 'delete', table: 'isues', id: 'x' }])
    expect(full(wrong).refused).toMatchObject({ code: 'MEMORY_BUDGET', cause: { code: 'UNKNOWN_TABLE' } })
  })

  it('may apply by itself, and is not asked again for what it applies', async () => {
    let calls = 0
    let inner: unknown
    const versions: number[] = []
    const db: Database<TestSchema> = await limited(200, () => {
      calls++
      try { db.apply(fill(50_000, 500)) } catch (error) { inner = (error as EddylineError).code }
      db.apply([{ op: 'reset', table: 'issues', rows: [] }])
      db.applyJson(JSON.stringify(rows(70_000, 2)), { table: 'issues' })
    })
    db.subscribe(({ version }) => { versions.push(version) })
    let n = 0
    while (calls === 0) db.apply(fill(n++, 1))
    expect([inner, calls, count(db)]).toEqual(['MEMORY_BUDGET', 1, 3])
    expect(versions).toEqual(Array.from({ length: n + 2 }, (_, i) => i + 1))
  })

  it('is asked after a version whose queries need more, too, and not again and again', async () => {
    const asked: boolean[] = []
    const db = await open({ memory: { budget: 1 } })
    const lists = Array.from({ length: 5 }, (_, n) => db.live(db.query.issues.orderBy(i => i.title).orderBy('id', n % 2 ? 'asc' : 'desc').offset(n)))
    const { needed } = failure(() => db.apply(fill(0, 2000)));
    // Room for the rows, and little for what the queries keep of them.
    (db as any).limitMemory({ budget: needed! + 2000, onPressure: ({ waits }: { waits: boolean }) => { asked.push(waits) } })
    db.apply(fill(0, 2000))
    expect([count(db), asked, db.stats().allocatedBytes > needed!]).toEqual([2000, [], true])
    await tick()
    expect(asked).toEqual([false])
    const calls = asked.length
    db.apply([{ op: 'update', table: 'issues', id: 'i000000', set: { priority: 9 } }])
    await tick()
    db.apply([{ op: 'delete', table: 'issues', id: 'i000000' }])
    await tick()
    expect(asked.length - calls).toBeLessThanOrEqual(1)
    for (const live of lists) live.dispose()
  })
})

describe('a memory budget beside storage', () => {
  it('what is stored is not refused; the hook makes room when the database is there', async () => {
    const folder = new MemoryFolder()
    const first = await createDatabase({ schema, storage: storage(folder) })
    await first.apply(fill(0, 300), { durable: true })
    first.close()
    await first.durability!.closed
    // Without a hook all of it is there, and nothing fits beside it.
    const budget = await inUse(120_000)
    const plain = await createDatabase({ schema, storage: storage(folder), memory: { budget } })
    expect([count(plain), failure(() => plain.apply(fill(1000, 1))).code]).toEqual([300, 'MEMORY_BUDGET'])
    plain.apply([{ op: 'delete', table: 'issues', id: 'i000299' }])
    plain.close()
    await plain.durability!.closed

    const asked: boolean[] = []
    const db: Database<TestSchema> = await open({ storage: storage(folder), memory: { budget, onPressure: ({ waits }) => { asked.push(waits); return rows(0, 270).map(({ id }) => ({ op: 'delete', table: 'issues', id })) } } })
    expect([count(db), asked]).toEqual([299, []])
    await tick(5)
    expect([count(db), asked]).toEqual([29, [false]])
    await db.flush()
    db.close()
    await db.durability!.closed
    const after = await open({ storage: storage(folder) })
    expect(count(after)).toBe(29)
  })

  it('entries go with the batch that waited, not with what made room', async () => {
    const folder = new MemoryFolder()
    const db: Database<TestSchema> = await limited(200, () => [{ op: 'reset', table: 'issues', rows: [] }], { storage: storage(folder) })
    const commits: unknown[] = []
    let n = 0
    db.subscribe(() => { commits.push(db.durability!.entries('mine').get('at')) })
    while (n < 400 && commits.at(-1) === (n === 0 ? undefined : n - 1)) { db.durability!.commit(fill(n, 1), { mine: { at: n } }); n++ }
    // The version that made room shows the entry of the commit before.
    const made = commits.findIndex((at, i) => i > 0 && at === commits[i - 1])
    expect(made).toBeGreaterThan(50)
    expect(commits[made + 1]).toBe(made)
    expect(commits.length).toBe(n + 1)
  })
})

/** Something to wait for. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open!: () => void
  return { passed: new Promise(resolve => { open = resolve }), open: () => { open() } }
}

for (const worker of ['inline', undefined] as const) {
  describe(`a memory budget ${worker ?? 'in a worker of its own'}`, () => {
    async function far(kilobytes: number, onPressure?: NonNullable<CreateWorkerOptions<TestSchema>['memory']>['onPressure'], more: Partial<CreateWorkerOptions<TestSchema>> = {}): Promise<{ db: WorkerDatabase<TestSchema>; errors: any[] }> {
      const errors: unknown[] = []
      const probe = await createWorkerDatabase({ schema, worker })
      const { allocatedBytes } = await probe.stats()
      probe.close()
      await tick(5)
      const db = await createWorkerDatabase({ schema, worker, onError: e => { errors.push(e) }, ...more, memory: { budget: allocatedBytes + kilobytes * 1024 + 70_000, ...(onPressure ? { onPressure } : {}) } })
      opened.push(db)
      return { db, errors }
    }
    const held = async (db: WorkerDatabase<TestSchema>): Promise<number> => (await db.stats()).tables[0].rows

    it('rejects with what is needed', async () => {
      const { db } = await far(200)
      const error = await db.apply(fill(0, 2000)).catch(e => e)
      expect([error.code, error.needed > error.budget, error.budget]).toEqual(['MEMORY_BUDGET', true, (await db.stats()).budget])
      expect([await held(db), db.version]).toEqual([0, 0])
    })

    it('the hook is on the page, may take its time, and order is kept', async () => {
      const asked: boolean[] = []
      const { db, errors } = await far(300, async ({ waits }) => {
        asked.push(waits)
        await tick(10)
        expect((await db.stats()).tables[0].rows).toBeGreaterThan(0)
        return [{ op: 'reset', table: 'issues', rows: [] }]
      })
      await db.apply(fill(0, 150))
      const versions: string[] = []
      const done = [
        db.apply(fill(1000, 200)).then(({ version }) => { versions.push(`large ${version}`) }),
        db.apply([put('i001000', { title: 'after' })]).then(({ version }) => { versions.push(`after ${version}`) }),
        db.applyJson(JSON.stringify([issue('i001000', { title: 'last' })]), { table: 'issues' }).then(({ version }) => { versions.push(`last ${version}`) }),
      ]
      await Promise.all(done)
      expect([versions, asked, await held(db)]).toEqual([['large 3', 'after 4', 'last 5'], [true], 200])
      const live = db.live(db.query.issues.where('id', '=', 'i001000'))
      await new Promise<void>(resolve => { live.subscribe(() => { resolve() }) })
      expect(live.rows[0].title).toBe('last')
      await db.applyJson(new Response(JSON.stringify(rows(5000, 220))), { table: 'issues' })
      expect([asked.filter(waits => waits), await held(db), errors]).toEqual([[true, true], 220, []])
    })

    it('what is applied while the hook is at work keeps its order', async () => {
      const at = gate(), go = gate()
      const { db, errors } = await far(300, async () => {
        at.open()
        await go.passed
        return [{ op: 'reset', table: 'issues', rows: [] }]
      })
      await db.apply(fill(0, 150))
      const large = db.apply(fill(1000, 200))
      await at.passed
      // By now the hook has given way: these are not its calls.
      const behind = [db.apply([{ op: 'update', table: 'issues', id: 'i001000', set: { title: 'after' } }]), db.applyJson(JSON.stringify([issue('i001001', { title: 'last' })]), { table: 'issues', source: 's', cursor: 7 })]
      const cursor = db.cursor('s')
      await tick(10)
      go.open()
      expect((await Promise.all([large, ...behind])).map(r => [r.version, r.applied])).toEqual([[3, 200], [4, 1], [5, 1]])
      expect([await cursor, await held(db), errors]).toEqual(['7', 200, []])
    })

    it('what the hook asks at once, and within `relieve`, does not wait for the batch that waits', async () => {
      const applied: unknown[] = []
      const { db, errors } = await far(300, async (_, relieve) => {
        await db.flush()
        await relieve(() => db.flush())
        applied.push(await relieve(() => db.apply(fill(5000, 500))).catch(e => e.code))
        applied.push((await relieve(() => db.apply([{ op: 'reset', table: 'issues', rows: [] }]))).version)
        applied.push(await relieve(() => db.cursor('s')))
      })
      await db.apply({ changes: fill(0, 150), source: 's', cursor: 5 } as never)
      expect((await db.apply(fill(1000, 200))).version).toBe(3)
      expect([applied, await held(db), errors]).toEqual([['MEMORY_BUDGET', 2, '5'], 200, []])
      // A stream waits for it just so.
      await db.applyJson(new Response(JSON.stringify(rows(3000, 220))), { table: 'issues' })
      expect([applied.length, await held(db), errors]).toEqual([6, 220, []])
    })

    it('a hook that waits for what waits for it refuses the batch in the end, and says how', async () => {
      const waiting = gate()
      const { db, errors } = await far(200, async () => {
        await db.stats()
        const own = db.apply([put('own')])
        waiting.open()
        await own
      })
      vi.useFakeTimers({ toFake: ['setTimeout'] })
      try {
        const refused = db.apply(fill(0, 2000)).catch(e => e)
        await waiting.passed
        vi.advanceTimersByTime(29_000)
        expect(errors).toEqual([])
        vi.advanceTimersByTime(2_000)
        const error = await refused
        expect([error.code, error.needed > error.budget, error.cause.code, errors.map(e => e.code)]).toEqual(['MEMORY_BUDGET', true, 'CALLBACK_CIRCLE', ['CALLBACK_CIRCLE']])
        expect([(await db.apply([put('x')])).applied, await held(db)]).toEqual([1, 2])
      } finally { vi.useRealTimers() }
    })

    it('also for what was asked before the page knew of it', async () => {
      const at = gate(), pending: Promise<unknown>[] = []
      const { db, errors } = await far(200, async () => {
        at.open()
        await Promise.all(pending.slice(1))
      })
      vi.useFakeTimers({ toFake: ['setTimeout'] })
      try {
        pending.push(db.apply(fill(0, 2000)).catch(e => e), db.apply([put('behind')]))
        await at.passed
        // The worker has told that something waits.
        await db.stats()
        vi.advanceTimersByTime(29_000)
        expect(errors).toEqual([])
        vi.advanceTimersByTime(2_000)
        const error: any = await pending[0]
        expect([error.code, error.cause.code, errors.map(e => e.code)]).toEqual(['MEMORY_BUDGET', 'CALLBACK_CIRCLE', ['CALLBACK_CIRCLE']])
        expect([(await pending[1] as { applied: number }).applied, await held(db)]).toEqual([1, 1])
      } finally { vi.useRealTimers() }
    })

    it('a stream that waits for the hook ends at once with its signal, and who comes behind it goes on when there is room', async () => {
      const at = gate(), go = gate()
      const { db, errors } = await far(200, async () => { at.open(); await go.passed; return [{ op: 'reset', table: 'issues', rows: [] }] })
      await db.apply([put('x')])
      const stop = new AbortController(), why = new Error('enough')
      const stream = db.applyJson(new Response(JSON.stringify(rows(0, 2000))), { table: 'issues', signal: stop.signal }).catch(e => e)
      await at.passed
      const behind = db.applyJson(new Response(JSON.stringify(rows(5000, 3))), { table: 'issues' })
      stop.abort(why)
      expect(await stream).toBe(why)
      expect(await held(db)).toBe(1)
      go.open()
      expect([(await behind).applied, await held(db), errors]).toEqual([3, 3, []])
    })

    it('a stream that waits behind a batch ends at once with its signal', async () => {
      const at = gate(), go = gate()
      const { db } = await far(200, () => { at.open(); return go.passed })
      const large = db.apply(fill(0, 2000)).catch(e => e.code)
      await at.passed
      const stop = new AbortController(), why = new Error('enough')
      const stream = db.applyJson(new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) }), { table: 'issues', signal: stop.signal }).catch(e => e)
      const behind = db.apply([put('x')])
      await db.stats()
      stop.abort(why)
      expect(await stream).toBe(why)
      go.open()
      expect([await large, (await behind).applied, await held(db)]).toEqual(['MEMORY_BUDGET', 1, 1])
    })

    it('a hook that throws refuses the batch with that as its cause, and is told; what came behind goes on', async () => {
      const { db, errors } = await far(200, () => { throw new Error('not today') })
      const refused = db.apply(fill(0, 2000)).catch(e => e), behind = db.apply([put('x')])
      const { code, needed, budget, cause } = await refused
      expect([code, needed > budget, cause?.message, (await behind).applied]).toEqual(['MEMORY_BUDGET', true, 'not today', 1])
      const streamed = await db.applyJson(new Response(JSON.stringify(rows(0, 2000))), { table: 'issues' }).catch(e => e)
      expect([streamed.code, streamed.cause?.message, await held(db)]).toEqual(['MEMORY_BUDGET', 'not today', 1])
      await tick(5)
      expect(errors.map(e => e.message)).toEqual(['not today', 'not today'])
    })

    it('disposed queries of the page are memory at once', async () => {
      const lists: { dispose(): void }[] = []
      const { db } = await far(400, () => { lists.splice(0).forEach(live => { live.dispose() }) }, { graceMs: 1e9 })
      await db.apply(fill(0, 40))
      for (let n = 0; n < 10; n++) {
        const live = db.live(db.query.issues.select('id', 'title').orderBy('title').orderBy('id', n % 2 ? 'asc' : 'desc').offset(n))
        lists.push(live)
        await new Promise<void>(resolve => { live.subscribe(() => { resolve() }) })
      }
      for (let n = 40; lists.length > 0; n++) await db.apply(fill(n, 1))
      expect((await db.stats()).views).toBe(0)
    })
  })
}
