// Live queries whose parameters are set, whose windows move, that come in slices, and that listeners open, change and end while versions
// come, beside plain arrays: rows, totals, patches, identity, and one call per version.
import { describe, expect, it } from 'vitest'
import { type LiveQuery, type Patch, applyPatches, plainPatches, toJsonPatch } from '../../../pkg/index.inline.js'
import { FAILS, type Params, type Shape, State, open, randomChanges, shapes } from './live-model.js'
import { eventually, random, tick } from './support.js'

const seeds = Number(process.env.LIVE_SEED ?? 1), runs = Number(process.env.LIVE_RUNS ?? 20), steps = Number(process.env.LIVE_STEPS ?? 120)
const text = (value: unknown): string => JSON.stringify(value)

/** What must be shown from a version on. */
interface Shown { version: number; rows: any[]; total: number; status: 'ready' | 'error' }
interface Followed {
  shape: Shape
  live: LiveQuery<any, any>
  params: Params
  window: [number, number] | undefined
  history: Shown[]
  /** What patches make of the rows at the time it was opened. */
  mirror: any[]
  before: readonly any[]
  told: number
  /** Patches that nobody has looked at. */
  unread: (readonly Patch[])[] | undefined
  listens: boolean
  sliced: boolean
  stop: () => void
}

/** Rows that are equal to what was at their place in the tree before are the same objects. */
function checkIdentity(before: readonly any[], now: readonly any[], key: (row: any) => unknown, say: string): void {
  const old = new Map(before.map(row => [text(key(row)), row]))
  for (const row of now) {
    const was = old.get(text(key(row)))
    if (was === undefined || was === row) continue
    expect(text(row), `${say}: an equal row is another object`).not.toBe(text(was))
    for (const name of ['notes', 'arrived']) if (row[name] !== undefined && was[name] !== undefined) {
      if (text(row[name]) === text(was[name])) expect(row[name] === was[name], `${say}: an equal list is another`).toBe(true)
      else checkIdentity(was[name], row[name], r => r.id, say)
    }
  }
}

/** Steps as JSON Patch has them, over plain JSON. */
function jsonPatched(rows: any, operations: readonly any[]): any {
  const root = { rows: JSON.parse(text(rows)) }
  for (const { op, path, from, value } of operations) {
    const place = (pointer: string): [any, string] => {
      const names = ['rows', ...pointer.split('/').slice(1)].map(name => name.replaceAll('~1', '/').replaceAll('~0', '~')), last = names.pop()!
      return [names.reduce((at: any, name) => at[name], root), last]
    }
    const take = (pointer: string): any => { const [at, name] = place(pointer); const was = at[name]; if (Array.isArray(at)) at.splice(Number(name), 1); else delete at[name]; return was }
    const put = (pointer: string, what: any): void => { const [at, name] = place(pointer); if (Array.isArray(at)) at.splice(name === '-' ? at.length : Number(name), 0, what); else at[name] = what }
    if (op === 'remove') take(path)
    else if (op === 'move') put(path, take(from))
    else if (op === 'add') put(path, JSON.parse(text(value)))
    else if (op === 'replace') { const [at, name] = place(path); if (!(name in at)) throw new Error(`nothing at ${path}`); at[name] = JSON.parse(text(value)) }
    else throw new Error(`no operation: ${op}`)
  }
  return root.rows
}

/** Patches in their other forms lead to the same rows. */
function checkCopies(f: Followed, diff: readonly Patch[], due: string, say: string): void {
  // The key of a pair is both keys.
  if (['joined', 'laid over'].includes(f.shape.name)) return
  const key = (row: any): unknown => row.id ?? row.kind
  expect(text(jsonPatched(f.mirror, toJsonPatch(diff, f.mirror, key))), `${say}: as JSON Patch`).toBe(due)
  expect(text(applyPatches(JSON.parse(text(f.mirror)), structuredClone(plainPatches(diff)), key)), `${say}: as plain patches`).toBe(due)
}

async function play(seed: number): Promise<void> {
  const r = random(seed)
  const errors: unknown[] = []
  const db = await open(errors)
  const state = new State()
  const all: Followed[] = []
  // Of some histories the lists are longer than what is shown as an array.
  const sizes = seed % 16 === 0 ? [300, 1800] as const : [40, 60] as const
  const log: string[] = []
  let depth = 0

  const now = (f: Followed): Shown | typeof FAILS => {
    const rows = f.shape.rows(state, f.params)
    if (rows === FAILS) return FAILS
    const { window: w } = f
    return { version: 0, rows: w === undefined ? rows : rows.slice(w[0], w[0] + w[1]), total: rows.length, status: 'ready' }
  }
  /** What everybody shows after the next version. */
  const foresee = (version: number): void => {
    for (const f of all) {
      if (f.live.status === 'closed') continue
      const next = now(f), last = f.history.at(-1)!
      // In error it shows the last good rows.
      const shown = next === FAILS ? { ...last, status: 'error' as const, version } : { ...next, version }
      if (last.version === version) f.history.pop()
      f.history.push(shown)
    }
  }
  const at = (f: Followed, version: number): Shown => { for (let i = f.history.length; i-- > 0;) if (f.history[i].version <= version) return f.history[i]; return f.history[0] }

  const listen = (f: Followed): void => {
    let last = db.version
    f.mirror = [...f.live.rows]
    f.before = f.live.rows
    f.unread = r(3) === 0 ? [] : undefined
    f.listens = true
    const stop = f.live.subscribe(event => {
      const say = `seed ${seed}, ${f.shape.name}, version ${event.version} after ${log.slice(-6).join('; ')}`
      f.told++
      expect(f.live.status === 'closed', `${say}: told when it has ended`).toBe(false)
      if (event.batch !== undefined) {
        expect(event.version, `${say}: a version twice`).toBeGreaterThan(last)
        last = event.version
      }
      const { rows } = event
      if (f.live.status !== 'loading' && !f.sliced) {
        const due = at(f, event.version)
        expect(text(rows), say).toBe(text(due.rows))
      }
      if (f.unread !== undefined) f.unread.push(event.diff)
      else {
        if (r(4) === 0) checkCopies(f, event.diff, text(rows), say)
        f.mirror = applyPatches(f.mirror, event.diff as Patch<any>[], row => row.id ?? row.kind)
        expect(text(f.mirror), `${say}: patches ${text(event.diff.map(p => ({ t: p.t, path: p.path, at: (p as any).at })))}`).toBe(text(rows))
      }
      // Out of an error a row that several queries read may be the object that another of them showed.
      const was = f.history.findLast(h => h.version < event.version)
      if (was?.status !== 'error' || all.filter(o => o.shape === f.shape && o.live.status !== 'closed').length === 1) checkIdentity(f.before, rows, row => [row.id, row.kind], say)
      f.before = rows
      if (depth < 3 && r(12) === 0) act(`within ${f.shape.name}: `)
    })
    f.stop = () => { f.listens = false; stop() }
  }
  const begin = (): void => {
    const shape = shapes[r(shapes.length)]
    const params = shape.params?.(r) ?? {}
    const window = r(3) === 0 ? [r(8), r(3) === 0 ? 100 : r(9)] as [number, number] : undefined
    const sliced = r(6) === 0
    const options = { ...shape.params === undefined ? {} : { params }, ...window === undefined ? {} : { window }, ...sliced ? { sliced } : {} }
    log.push(`open ${all.length} ${shape.name} ${text(options)}`)
    const live = db.live(shape.query(db), options as never) as LiveQuery<any, any>
    const f: Followed = { shape, live, params, window, history: [], mirror: [], before: [], told: 0, unread: undefined, listens: false, sliced, stop: () => {} }
    const next = now(f)
    f.history.push(next === FAILS ? { version: db.version, rows: [...live.rows], total: 0, status: 'error' } : { ...next, version: db.version })
    all.push(f)
    if (live.status !== 'loading') f.sliced = false
    check(f)
    if (r(5) > 0) listen(f)
  }
  const pick = (which: (f: Followed) => boolean): Followed | undefined => { const some = all.filter(f => f.live.status !== 'closed' && which(f)); return some[r(some.length)] }
  const act = (within = ''): void => {
    depth++
    const p = r(20)
    try {
      if (p < 10) {
        const changes = randomChanges(r, state, ...sizes)
        log.push(`${within}apply ${text(changes).slice(0, 400)}`)
        state.apply(changes)
        foresee(db.version + 1)
        if (r(3) === 0) db.applyJson(text(changes)); else db.apply(changes)
      } else if (p < 13) {
        const f = pick(f => f.shape.params !== undefined)
        if (f === undefined) return
        const given = Object.fromEntries(Object.entries(f.shape.params!(r)).filter(() => r(3) > 0))
        log.push(`${within}set ${all.indexOf(f)} ${f.shape.name} ${text(given)}`)
        f.params = { ...f.params, ...given }
        foresee(db.version + 1)
        f.live.setParams(given)
      } else if (p < 15) {
        const f = pick(f => f.window !== undefined)
        if (f === undefined) return
        f.window = [r(10), r(4) === 0 ? 100 : r(10)]
        log.push(`${within}window ${all.indexOf(f)} ${f.shape.name} ${text(f.window)}`)
        foresee(db.version + 1)
        const rows = f.live.window(...f.window)
        expect(rows === f.live.rows).toBe(true)
      } else if (p < 17) begin()
      else if (p < 18) {
        const f = pick(() => true)
        if (f === undefined) return
        log.push(`${within}dispose ${all.indexOf(f)} ${f.shape.name}`)
        const rows = f.live.rows
        f.live.dispose()
        expect([f.live.status, f.live.rows === rows]).toEqual(['closed', true])
      } else if (p < 19) {
        const f = pick(() => true)
        if (f === undefined) return
        log.push(`${within}${f.listens ? 'unlisten' : 'listen'} ${all.indexOf(f)}`)
        if (f.listens) f.stop(); else listen(f)
      } else {
        // What one in slices shows in error the model takes from it when it is looked at.
        const f = pick(f => f.listens && !f.sliced && f.live.status !== 'loading')
        if (f === undefined) return
        const [start, n] = [r(12), r(12)]
        if (f.window === undefined) expect(text(f.live.window(start, n)), `seed ${seed}: a slice of ${f.shape.name} ${log.slice(-4).join('; ')}`).toBe(text(at(f, db.version).rows.slice(start, start + n)))
      }
    } finally { depth-- }
  }
  const look = (kept: { snapshot: { rows: readonly any[] }; rows: string; at: string }[]): void => { for (const { snapshot, rows, at } of kept) expect(text(snapshot.rows), `seed ${seed}: a picture of ${at}`).toBe(rows) }
  const check = (f: Followed): void => {
    if (errors.length > 0) throw errors[0]
    const say = `seed ${seed}, ${all.indexOf(f)} ${f.shape.name} after ${log.slice(-6).join('; ')}`
    const { live } = f
    if (live.status === 'closed' || live.status === 'loading') return
    const due = at(f, db.version)
    // In slices it shows what came before the row that cannot be evaluated, until it can.
    if (f.sliced && due.status === 'error') due.rows = [...live.rows]
    f.sliced = false
    expect([live.status, text(live.rows)], say).toEqual([due.status, text(due.rows)])
    if (due.status === 'error' && live.error?.offending !== undefined) {
      // It names a row that is there, and for which it cannot be evaluated.
      const named = state.items.get(live.error.offending.slice(1, -1))
      expect([live.error.path, named !== undefined, f.shape.name !== 'a quotient of rows' || named?.n], `${say}: ${live.error.message}`).toEqual(['items', true, f.shape.name !== 'a quotient of rows' || 0])
    }
    if (due.status === 'ready') expect(live.total, `${say}: total`).toBe(due.total)
    if (f.listens && f.unread === undefined) expect(text(f.mirror), `${say}: mirror`).toBe(text(live.rows))
    expect(live.getSnapshot(), say).toBe(live.getSnapshot())
  }

  if (sizes[1] > 60) {
    const rows = Array.from({ length: 1400 }, (_, i) => ({ id: `i${String(i).padStart(2, '0')}`, kind: 'abc'[r(3)], n: 1 + r(15), s: `s${r(30)}` }))
    state.apply([{ op: 'upsert', table: 'items', rows }])
    db.apply([{ op: 'upsert', table: 'items', rows }])
  }
  const kept: { snapshot: { rows: readonly any[] }; rows: string; at: string }[] = []
  for (let n = 0; n < 4; n++) begin()
  for (let n = 0; n < (sizes[1] > 60 ? steps / 4 : steps); n++) {
    const before = all.map(f => [f, f.told, text(f.live.rows), f.live.status, f.listens, f.live.error?.message] as const)
    const first = db.version
    act()
    for (const f of all) if (r(3) > 0) check(f)
    if (db.version === first + 1) for (const [f, told, rows, status, listens, error] of before) {
      if (f.sliced || !listens || !f.listens || f.live.status === 'closed' || f.live.status === 'loading' || status === 'loading') continue
      const changed = text(f.live.rows) !== rows || f.live.status !== status || f.live.error?.message !== error
      if (f.shape.name !== 'nested' || changed) expect(f.told - told, `seed ${seed}, ${f.shape.name}: calls after ${log.slice(-3).join('; ')}`).toBe(changed ? 1 : 0)
    }
    // Pictures of then, whose rows are looked at much later.
    const f = all[r(all.length)]
    if (f.live.status === 'ready' && !f.sliced) kept.push({ snapshot: f.live.getSnapshot(), rows: text(at(f, db.version).rows), at: `${f.shape.name} at ${db.version}` })
    if (r(10) === 0) look(kept.splice(r(kept.length), 1))
    if (r(6) === 0) { await tick(); for (const f of all) check(f) }
  }
  await eventually(() => all.every(f => f.live.status !== 'loading'))
  for (const f of all) {
    check(f)
    if (f.live.status === 'closed' || !f.listens || f.unread === undefined) continue
    for (const diff of f.unread) f.mirror = applyPatches(f.mirror, diff as Patch<any>[], row => row.id ?? row.kind)
    expect(text(f.mirror), `seed ${seed}, ${f.shape.name}: patches that were read late`).toBe(text(f.live.rows))
  }
  if (errors.length > 0) throw errors[0]
  for (const f of all) f.live.dispose()
  if (seed % 2 === 0) look(kept.splice(0))
  await eventually(() => db.stats().views === 0)
  expect([db.stats().views, db.stats().nodes], `seed ${seed}: what is left`).toEqual([0, 0])
  db.close()
  look(kept)
}

describe('live queries that are changed while versions come', () => {
  it.each(Array.from({ length: runs }, (_, i) => seeds + i))('seed %d', async seed => { await play(seed) })
})
