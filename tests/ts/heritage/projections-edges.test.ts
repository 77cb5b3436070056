// Mistakes of those who write and run projections.
import { describe, expect, it } from 'vitest'
import { type Database, createDatabase, defineSchema, int, table } from '../../../pkg/index.inline.js'
import { type DeriveRun, projection, projections } from '../../../pkg/project/index.js'

const columns = () => table({ id: int().key(), o: int().nullable() })
const schema = defineSchema({ src: columns(), out: columns() })
const all = { allowEmptyFilters: true } as const
const copied = ({ inputs, tx, lens }: DeriveRun<any>): void => { tx.dematerialize(lens); tx.materialize(inputs.src.toArray()) }
const make = (derive: (run: DeriveRun<any>) => unknown, more: object = {}) => projection(schema, 'out', { inputs: ['src'], derive, ...more } as any) as any
const idsOf = (db: Database<typeof schema>): number[] => db.live(db.query.out).rows.map(r => r.id)

async function filled(): Promise<Database<typeof schema>> {
  const db = await createDatabase({ schema })
  db.apply([{ op: 'insert', table: 'src', rows: [{ id: 1, o: 1 }, { id: 2, o: 2 }] }])
  return db
}

describe('numbers that callers give', () => {
  it.each([0, -1, NaN, 0.5])('chunks of %s rows are refused', async size => {
    const p = projections(await filled())
    await expect(p.project(make(({ inputs, tx }) => { for (const rows of inputs.src.chunks(size)) tx.materialize(rows) }), {}, all)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'size' })
  })

  it('a run without a time limit, or with a very long one, has its time', async () => {
    const slow = async (run: DeriveRun<any>): Promise<void> => { await new Promise(resolve => { setTimeout(resolve, 20) }); copied(run) }
    for (const timeoutMs of [Infinity, 1e12]) {
      const db = await filled()
      const P = make(slow, { timeoutMs })
      await projections(db).project(P, {}, all)
      await projections(db).project(P, { o: 1 }, { timeoutMs })
      expect(idsOf(db)).toEqual([1, 2])
    }
    for (const timeoutMs of [NaN, -1, '5']) {
      expect(() => make(slow, { timeoutMs })).toThrowError(expect.objectContaining({ code: 'PROJECTION_INVALID', path: 'timeoutMs' }))
      await expect(projections(await filled()).project(make(slow), {}, { ...all, timeoutMs } as any)).rejects.toMatchObject({ code: 'PROJECTION_INVALID', path: 'timeoutMs' })
    }
  })
})

describe('what is no lens', () => {
  it.each([[5], ['abc'], [true], [null], [[]], [['o']], [new Map([['o', 1]])], [new Date(0)], [() => 1]])('%s does not mean everything', async given => {
    const db = await filled()
    const p = projections(db)
    let runs = 0
    const P = make(run => { runs++; if (runs === 1) copied(run); else run.tx.dematerialize(given as never) })
    await p.project(P, {}, all)
    await expect(p.project(P, given as never)).rejects.toMatchObject({ code: 'LENS_INVALID', path: 'lens' })
    expect(runs).toBe(1)
    expect(() => p.query(P, given as never)).toThrowError(expect.objectContaining({ code: 'LENS_INVALID' }))
    await expect(p.project(P, { o: 1 })).rejects.toMatchObject({ code: 'LENS_INVALID' })
    expect([runs, idsOf(db)]).toEqual([2, [1, 2]])
  })
})

describe('a function that writes what it reads', () => {
  it('runs again and again, and the page has its turn', async () => {
    const db = await filled()
    const p = projections(db)
    let id = 2
    await p.project(make(run => { db.apply([{ op: 'insert', table: 'src', row: { id: ++id } }]); copied(run) }), {}, all)
    await new Promise(resolve => { setTimeout(resolve, 1) })
    p.dispose()
    const there = id
    await new Promise(resolve => { setTimeout(resolve, 5) })
    expect(id).toBe(there)
  })

  it('and `idle` waits for all runs of a long chain', async () => {
    const db = await filled()
    const p = projections(db)
    let id = 2
    await p.project(make(run => { if (id < 350) db.apply([{ op: 'insert', table: 'src', row: { id: ++id } }]); copied(run) }), {}, all)
    await p.idle()
    expect([id, idsOf(db).length]).toEqual([350, 350])
  })
})
