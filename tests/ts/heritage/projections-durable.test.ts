// Projections over a restart: rows and what is live in one transaction; what has changed since runs again, and nothing else.
import { describe, expect, it } from 'vitest'
import { EddylineError } from '../../../pkg/index.inline.js'
import { lens, projection, projections } from '../../../pkg/project/index.js'
import { MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { random } from '../real/support.js'
import { type Db, Receivable, filled, open, rows, schema, totals } from './cinema.js'
import { POISON, type R, definitions, functionsOf, naive, open as openWorld, sorted, specs } from './projections-world.js'

const silent = { onWarning: () => {} }
async function shut(db: { durability: Db['durability']; close(): void }): Promise<void> {
  const { durability } = db
  db.close()
  await durability?.closed
}
/** The files as they are now: what a process that is killed leaves. */
function copied(folder: MemoryFolder): MemoryFolder {
  const out = new MemoryFolder()
  for (const [name, { bytes, size }] of folder.files) out.files.set(name, { bytes: bytes.slice(), size })
  return out
}

function letters(ran: string[], more: object = {}) {
  return projection(schema, 'letters', {
    inputs: [Receivable],
    derive: ({ inputs, lens, tx }: any) => { ran.push(String(lens)); tx.dematerialize(lens); tx.materialize(inputs.receivable.toArray().map((r: any) => ({ accountId: r.accountId, orgId: r.orgId, text: `owes ${r.total}` }))) },
    ...more,
  } as any)
}

describe('over a restart', () => {
  it('what is live is live again, and runs only where its inputs are others', async () => {
    const folder = new MemoryFolder()
    const ran: string[] = []
    const db = await filled(memory(folder, silent))
    const p = projections(db)
    await p.project(letters(ran), { orgId: 123 })
    await p.project('letters', { orgId: 9 })
    await p.project('letters', lens({ org: 9 }, (_, q) => q))
    await db.flush()
    await shut(db)
    ran.length = 0
    const again = await open(memory(folder, silent))
    const q = projections(again, { engine: 'inline' }).register(letters(ran))
    expect([ran, q.status('letters', { orgId: 123 }), rows(again, 'letters').length]).toEqual([[], { status: 'ready' }, 3])
    again.apply([{ op: 'insert', table: 'invoices', row: { id: 9, accountId: 2, amount: 3 } }])
    expect(ran).toEqual(['orgId = 123'])
    await again.flush()
    await shut(again)
    // Written where nobody projects: found at the next registration.
    const bare = await open(memory(folder, silent))
    bare.apply([{ op: 'delete', table: 'invoices', id: 4 }])
    expect([totals(bare), rows(bare, 'letters').length]).toEqual([{ 1: 15, 2: 10, 3: 100 }, 3])
    await bare.flush()
    await shut(bare)
    ran.length = 0
    const last = await open(memory(folder, silent))
    const r = projections(last).register(letters(ran))
    // The view at once, the function soon.
    expect(totals(last)).toEqual({ 1: 15, 2: 10 })
    await r.idle()
    expect([ran, rows(last, 'letters').map(x => x.text)]).toEqual([['orgId = 9'], ['owes 15', 'owes 10']])
    r.release('letters')
    await last.flush()
    await shut(last)
    const end = await open(memory(folder, silent))
    expect(projections(end).register(letters(ran)).status('letters')).toEqual({ status: 'idle' })
    await shut(end)
  })

  it('rows of another version are refused, or made anew and never mixed', async () => {
    const folder = new MemoryFolder()
    const ran: string[] = []
    const db = await filled(memory(folder, silent))
    const p = projections(db)
    const first = letters(ran)
    await p.project(first, { orgId: 123 })
    await p.project(first, { orgId: 9 }, { live: false })
    await db.flush()
    await shut(db)
    const again = await open(memory(folder, silent))
    const two = { version: '2', derive: ({ inputs, lens, tx }: any) => { ran.push(`2: ${lens}`); tx.dematerialize(lens); tx.materialize(inputs.receivable.toArray().map((r: any) => ({ accountId: r.accountId, orgId: r.orgId, text: 'two' }))) } }
    const q = projections(again)
    let error: EddylineError | undefined
    try { q.register(letters(ran, two)) } catch (e) { error = e as EddylineError }
    expect([error!.code, q.list(), rows(again, 'letters').length]).toEqual(['NEEDS_REBUILD', [], 3])
    ran.length = 0
    q.register(letters(ran, { ...two, autoRebuild: true }))
    await q.idle()
    // The row of org 9, which no live lens makes, is of the old version: gone.
    expect([ran, rows(again, 'letters').map(r => [r.orgId, r.text])]).toEqual([['2: orgId = 123'], [[123, 'two'], [123, 'two']]])
    await again.flush()
    await shut(again)
    const end = await open(memory(folder, silent))
    ran.length = 0
    await projections(end).register(letters(ran, two)).idle()
    expect([ran, rows(end, 'letters').length]).toEqual([[], 2])
    const third = projections(end)
    third.release('letters')
    third.dispose()
    // Nothing is live that could make them anew.
    projections(end).register(letters(ran, { ...two, version: '3', autoRebuild: true }))
    expect(rows(end, 'letters')).toEqual([])
    await shut(end)
  })

  it.each(Array.from({ length: 25 }, (_, i) => i + 1))('killed at any moment, random graph %i: what is stored is one state, and becomes right', async seed => {
    const rnd = random(1000 + seed)
    // Lists are pulled by explicit runs only.
    const all = specs(rnd).filter(s => s.kind !== 'list')
    const known = new Set(['t0', 't1'])
    const graph = all.filter(s => { const ok = s.inputs.every(i => known.has(i)); if (ok) known.add(s.name); return ok })
    const made = definitions(graph, POISON)
    const folder = new MemoryFolder()
    const db = await openWorld(memory(folder, silent))
    const p = projections(db, { measure: false, onError: e => { throw e } }).register(...made.values())
    const copies: { folder: MemoryFolder; lenses: Map<string, Set<number>> }[] = []
    const lenses = new Map<string, Set<number>>()
    const keep = () => { copies.push({ folder: copied(folder), lenses: new Map([...lenses].map(([k, v]) => [k, new Set(v)])) }) }
    const change = () => Array.from({ length: 1 + rnd(3) }, () => {
      const table = ['t0', 't1'][rnd(2)], id = rnd(8)
      return rnd(4) === 0 ? { op: 'delete', table, id } : { op: 'upsert', table, row: { id, g: rnd(3), v: [null, 1, 2, 3][rnd(4)] } }
    })
    for (let step = 0; step < 10; step++) {
      if (rnd(3) === 0 && graph.length > 0) {
        const name = graph[graph.length - 1 - rnd(Math.min(3, graph.length))].name
        const g = rnd(3)
        await p.project(made.get(name)!, { g })
        // From here on it is in storage, or on its way there.
        for (const f of functionsOf(graph, name)) { if (!lenses.has(f)) lenses.set(f, new Set()); lenses.get(f)!.add(g) }
        await db.flush()
      } else {
        db.apply(change() as never)
        if (rnd(2) === 0) keep()
        for (let n = rnd(4); n > 0; n--) { await null; await new Promise(resolve => { setImmediate(resolve) }) }
      }
      keep()
    }
    await p.idle()
    await shut(db)
    for (const { folder: found, lenses: live } of copies) {
      const after = await openWorld(memory(found, silent))
      const base = (name: string): R[] => sorted((l => { try { return [...l.rows] as R[] } finally { l.dispose() } })(after.live<any>((after.query as any)[name])))
      const q = projections(after, { measure: false, onError: e => { throw e } }).register(...made.values())
      await q.idle()
      const expected = naive(graph, base('t0'), base('t1'), live)
      for (const s of graph) if (s.kind !== 'virtual') expect(base(s.name), `seed ${seed}: ${s.name} ${s.kind} ${s.op}(${s.inputs})`).toEqual(sorted(expected.get(s.name)!))
      await shut(after)
    }
  }, 180_000)
})
