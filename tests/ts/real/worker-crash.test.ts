// An engine that several pages share crashes, and one of them has not heard of it yet when another opens it anew: a tab that is frozen.
import { expect, it } from 'vitest'
import { defineSchema, string, table } from '../../../pkg/index.inline.js'
import { type WorkerDatabase, createWorkerDatabase } from '../../../pkg/worker/index.js'
import { inWorker } from '../../../pkg/worker/inside.js'
import { type TestSchema, eventually, issue, put, schema, tick } from './support.js'
import { Line } from './worker-lines.js'

interface Tab { db: WorkerDatabase<TestSchema>; line: Line; errors: any[]; flows: () => Promise<void> }
/** Messages of these tabs go, those of others wait. */
async function flow(tabs: readonly Pick<Tab, 'line'>[], until: () => boolean): Promise<void> {
  let isDone = false
  await eventually(() => {
    for (const { line } of tabs) { while (line.toEngine() !== undefined); while (line.toPage() !== undefined); }
    return isDone = until()
  })
  expect(isDone, String(until)).toBe(true)
}
async function tab(others: readonly Tab[], options: object = {}): Promise<Tab> {
  const line = new Line(), errors: unknown[] = []
  let db: WorkerDatabase<TestSchema> | undefined
  const opening = createWorkerDatabase({ schema, worker: () => line.worker(), onError: e => { errors.push(e) }, ...options }).then(made => { db = made })
  // One by one: what comes behind the answer finds the database.
  await eventually(async () => { for (const of of [...others, { line }]) { of.line.toEngine(); await tick(); of.line.toPage() } return db !== undefined })
  await opening
  return { db: db!, line, errors, flows: () => flow([{ line }], () => line.up.length + line.down.length === 0) }
}

it('who opens it anew has an engine of its own, with sources, fetches and what code inside tells, whatever another tab has not heard of', async () => {
  let room: any
  const end = inWorker(made => { room = made })
  try {
    const asked: string[] = []
    const frozen = await tab([], { fetchRow: async (_: string, key: string) => { asked.push(`frozen ${key}`); return issue(key) } })
    const other = await tab([frozen])
    const [held, part] = [frozen.db.live(frozen.db.query.issues.orderBy('id')), frozen.db.live(frozen.db.query.issues.orderBy('id'), { window: [0, 1] })]
    frozen.db.connect({ name: 'feed', sync: s => { s.markReady() } })
    void frozen.db.apply([put('a')])
    await flow([frozen, other], () => held.rows.length === 1 && part.rows.length === 1)
    await frozen.flows()
    room.db.inside.port.failure(new WebAssembly.RuntimeError('unreachable'))
    const old = other.db.live
    await flow([other], () => other.line.down.length === 0)
    expect(() => old.call(other.db, other.db.query.issues)).toThrowError(expect.objectContaining({ code: 'ENGINE_CRASHED' }))
    other.db.close()
    await flow([other], () => other.line.up.length === 0)

    const anew = await tab([other], { fetchRow: async (_: string, key: string) => { asked.push(`anew ${key}`); return issue(key) } })
    const live = anew.db.live(anew.db.query.issues.orderBy('id')), told: unknown[] = []
    anew.db.on('told', value => { told.push(value) })
    let session: any
    const fed = anew.db.connect({ name: 'feed', sync: s => { session = s; s.markReady() } })
    const applied: unknown[] = []
    anew.db.apply([put('b')]).then(({ version }) => { applied.push(version) }, error => { applied.push(error) })
    void anew.db.apply([{ op: 'touch', table: 'issues', id: 'c' }])
    room.tell('told', 1)
    const stats = anew.db.stats()
    await flow([anew], () => applied.length > 0 && live.rows.length === 2)
    await flow([anew], () => fed.status === 'ready')
    expect([applied, live.rows.map(r => r.id), told, asked, session !== undefined, (await stats).worker.pages, anew.errors]).toEqual([[1], ['b', 'c'], [1], ['anew c'], true, 1, []])

    // When it hears of it, it is as after any crash, and disturbs nobody.
    await flow([frozen], () => held.status === 'error')
    expect([held.error?.code, held.rows.map(r => r.id)]).toEqual(['ENGINE_CRASHED', ['a']])
    frozen.db.close()
    await flow([frozen, anew], () => frozen.line.up.length === 0)
    void anew.db.apply([put('d')])
    await flow([anew], () => live.rows.length === 3)
    anew.db.close()
    await flow([anew], () => anew.line.up.length === 0)
  } finally { end() }
})

it('who opens it anew may have other tables', async () => {
  let room: any
  const end = inWorker(made => { room = made })
  try {
    const frozen = await tab([])
    room.db.inside.port.failure(new WebAssembly.RuntimeError('unreachable'))
    const anew = await tab([], { schema: defineSchema({ things: table({ id: string().key() }) }) })
    const live = (anew.db as any).live((anew.db as any).query.things)
    await flow([anew], () => live.status === 'ready')
    for (const { db } of [frozen, anew]) db.close()
    await flow([frozen, anew], () => frozen.line.up.length + anew.line.up.length === 0)
  } finally { end() }
})
