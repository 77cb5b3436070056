// The six laws over random graphs of projections and random histories, beside a naive evaluation.
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { applyPatches } from '../../../pkg/index.inline.js'
import { type Engine, type Workers, projections, workers } from '../../../pkg/project/index.js'
import { random } from '../real/support.js'
import { POISON, type R, type Spec, apply as compute, chained, definitions, functionsOf, naive, open, sorted, specs } from './projections-world.js'

const RUNS = Number(process.env.ORACLE_RUNS ?? 1) * 60
const seeds = process.env.ORACLE_SEED !== undefined ? [Number(process.env.ORACLE_SEED)] 
  // 94: what makes a run fail goes away while it runs. 525: what a function has no need to run for changes while others do.
  : [...Array.from({ length: RUNS }, (_, i) => i + 1), ...[94, 525].filter(n => n > RUNS)]

/** Jobs wait in a queue, and are done in the order that pleases. */
const lazy = (): Engine => ({ exec: job => ({ job }), fetch: async ({ job }) => { for (let i = job.projection.name.charCodeAt(1) % 4; i > 0; i--) await null; return job.run() } })

/** Two workers of Node. */
const pool = (seed: number): Workers => workers(() => new Worker(new URL('./workers/world.mjs', import.meta.url), { workerData: { apply: String(compute), specs: specs(random(seed)) } }) as never, { size: 2 })

/** `isMoving`: chains of functions with all lenses kept from the beginning, and rows that move between these. */
async function history(seed: number, engine: 'inline' | 'microtask' | Engine, isMoving = false) {
  const rnd = random(seed)
  const all: Spec[] = (isMoving ? chained : specs)(rnd)
  const made = definitions(all)
  const db = await open()
  const errors: unknown[] = []
  const p = projections(db, { engine, measure: false, onError: e => { errors.push(e) } })
  const tables: Record<'t0' | 't1', Map<number, R>> = { t0: new Map(), t1: new Map() }
  const lenses = new Map<string, Set<number>>()
  const change = (): object[] => {
    const out: object[] = []
    for (let n = isMoving ? 1 + rnd(2) : 1 + rnd(4); n > 0; n--) {
      const name = (['t0', 't1'] as const)[isMoving && rnd(3) > 0 ? 0 : rnd(2)]
      const id = rnd(isMoving ? 4 : 8)
      if (rnd(4) === 0) { tables[name].delete(id); out.push({ op: 'delete', table: name, id }) }
      else {
        const row = { id, g: rnd(3), v: [null, 1, 2, 3, 4, POISON][!isMoving && rnd(60) === 0 ? 5 : rnd(5)] }
        tables[name].set(id, row)
        out.push({ op: 'upsert', table: name, row })
      }
    }
    return out
  }
  const apply = (): void => { db.apply(change() as never) }
  const shown = [...all.filter(s => s.kind === 'view' || s.kind === 'derive')].map(s => {
    const live = db.live<any>((db.query as any)[s.name])
    const seen = { rows: live.rows as readonly any[], versions: [] as number[] }
    live.subscribe(({ diff, rows, version }) => {
      // L4, L2, L3.
      expect(seen.versions).not.toContain(version)
      seen.versions.push(version)
      const before = new Map(seen.rows.map(r => [r.id, r]))
      const after = applyPatches(seen.rows as any[], diff)
      expect(after).toEqual([...rows])
      const touched = new Set(diff.map(d => (d as { key?: unknown }).key))
      for (const row of rows as any[]) if (!touched.has(row.id)) expect(row).toBe(before.get(row.id))
      for (const d of diff) if (d.t === 'set') for (const [c, v] of Object.entries(d.fields)) expect(v).not.toEqual(before.get(d.key as number)[c])
      seen.rows = rows as any[]
    })
    return { s, live, seen }
  })
  if (rnd(2) === 0) apply()
  p.register(...made.values())
  let poisoned = 0, compared = 0
  const check = async (what: string): Promise<void> => {
    await p.idle()
    const at = `seed ${seed}, ${what}`
    const bad = [...tables.t0.values(), ...tables.t1.values()].some(r => (r.v ?? 0) >= POISON)
    const expected = naive(all, [...tables.t0.values()], [...tables.t1.values()], lenses)
    // A value that makes functions fail may come of others, too: then what is there is what was.
    const fails = bad || all.some(s => [...expected.get(s.name)!].some(r => (r.v ?? 0) >= POISON))
    if (fails || errors.length > 0) { poisoned++; errors.length = 0; return }
    compared++
    for (const { s, live } of shown) expect(sorted(live.rows as R[]), `${at}: ${s.name} ${s.kind} ${s.op}(${s.inputs})`).toEqual(sorted(expected.get(s.name)!))
    for (const s of all) {
      if (s.kind === 'list') continue
      const live = p.live(made.get(s.name)!)
      expect(sorted(live.rows as R[]), `${at}: live ${s.name}`).toEqual(sorted(expected.get(s.name)!))
      live.dispose()
    }
  }
  await check('registered')
  if (isMoving) {
    for (const s of all.filter(s => s.kind === 'derive').slice(-1 - rnd(2))) {
      for (const g of [0, 1, 2]) {
        await p.project(made.get(s.name)!, { g })
        for (const f of functionsOf(all, s.name)) lenses.set(f, (lenses.get(f) ?? new Set()).add(g))
      }
    }
    await check('kept')
  }
  for (let step = 0; step < (isMoving ? 20 : 12); step++) {
    if (rnd(isMoving ? 15 : 3) === 0) {
      const terminal = all[all.length - 1 - rnd(4)].name
      const g = rnd(3)
      const ok = await p.project(made.get(terminal)!, { g }).then(({ rows }) => rows as R[], e => { errors.push(e); return undefined })
      if (ok === undefined) {
        // Never ran, so it does not stay; a lens that was live does.
        if (![...functionsOf(all, terminal)].every(f => lenses.get(f)?.has(g))) { poisoned++; errors.length = 0; continue }
      } else {
        for (const f of functionsOf(all, terminal)) { if (!lenses.has(f)) lenses.set(f, new Set()); lenses.get(f)!.add(g) }
        const expected = naive(all, [...tables.t0.values()], [...tables.t1.values()], lenses).get(terminal)!
        if (poisoned === 0) expect(sorted(ok), `seed ${seed}, step ${step}: rows of ${terminal}`).toEqual(sorted(expected.filter(r => r.g === g)))
      }
      await check(`step ${step}, project ${terminal} ${g}`)
    } else {
      for (let n = rnd(3); n >= 0; n--) apply()
      await check(`step ${step}`)
    }
  }
  // Without poison all is right again.
  const clean = [...Object.entries(tables)].flatMap(([name, rows]) => [...rows.values()].map(r => { r.v = r.v === POISON ? 2 : r.v; return { op: 'upsert', table: name, row: { ...r } } }))
  db.apply(clean as never)
  await p.idle()
  errors.length = 0
  for (const [name, gs] of lenses) for (const g of gs) await p.project(made.get(name)!, { g }).catch(e => { errors.push(e) })
  await check('end')
  const result = JSON.stringify(shown.map(({ live }) => sorted(live.rows as R[])))
  db.close()
  return { result, poisoned, compared }
}

let compared = 0, skipped = 0

describe('random graphs of projections', () => {
  it.each(seeds)('seed %i: equal to a naive evaluation, whatever runs it', async seed => {
    const results = []
    for (const engine of ['inline', 'microtask', lazy()] as const) results.push(await history(seed, engine))
    for (const { result } of results) expect(result).toBe(results[0].result)
    compared += results.reduce((n, r) => n + r.compared, 0)
    skipped += results.reduce((n, r) => n + r.poisoned, 0)
  }, 180_000)

  it.each(seeds.slice(0, RUNS / 4))('seed %i: functions over views of functions, whose rows move between lenses', async seed => {
    const results = []
    for (const engine of ['inline', 'microtask', lazy()] as const) results.push(await history(seed, engine, true))
    for (const { result, poisoned } of results) expect([result, poisoned]).toEqual([results[0].result, 0])
  }, 180_000)

  it.each(seeds.slice(0, 15))('seed %i: the same from two workers', async seed => {
    const engine = pool(seed)
    try {
      const [here, there] = [await history(seed, 'microtask'), await history(seed, engine)]
      expect(there.result).toBe(here.result)
    } finally { engine.close() }
  }, 180_000)

  it('most of what happened was compared', () => { expect(compared).toBeGreaterThan(2 * skipped) })
})
