// What a function asks for in one run, in any order: rows that are written, taken away by lenses and written again, whatever `onConflict`
// says, beside a map that is changed step by step. HERITAGE_RUNS and HERITAGE_SEED choose how many programs, and from where.
import { expect, it } from 'vitest'
import { createDatabase, decimal, defineSchema, int, string, table, timestamp } from '../../../pkg/index.inline.js'
import { projection, projections } from '../../../pkg/project/index.js'
import { random } from '../real/support.js'

const RUNS = Number(process.env.HERITAGE_RUNS ?? 600), FIRST = Number(process.env.HERITAGE_SEED ?? 1)
const schema = defineSchema({
  src: table({ id: int().key() }),
  out: table({ a: int().key(), b: string().key(), s: string().nullable(), n: int().nullable(), t: timestamp().nullable(), d: decimal().nullable() }),
})
type Row = { a: number; b: string; s: string | null; n: number | null; t: Date | null; d: string | null }
type Conflict = 'raise' | 'nothing' | 'replaceAll' | { replace: string[] } | { replaceAllExcept: string[] }
type Step = { readonly rows: Partial<Row>[]; readonly onConflict: Conflict | undefined } | { readonly lens: Record<string, unknown>; readonly has: (row: Row) => boolean }

const COLUMNS = ['s', 'n', 't', 'd'] as const
const DAYS = [new Date('2024-01-01T00:00:00Z'), new Date('2024-01-02T00:00:00.123Z')]
const keyOf = (row: { a?: number; b?: string }): string => `${row.a} ${row.b}`

function steps(pick: (n: number) => number): Step[] {
  const any = <T>(list: readonly T[]): T => list[pick(list.length)]
  const row = (): Partial<Row> => {
    const out: Partial<Row> = { a: pick(3), b: any(['x', 'y']) }
    const all: Omit<Row, 'a' | 'b'> = { s: any(['p', 'q', null]), n: any([0, 1, 2, null]), t: any([...DAYS, null]), d: any(['1.5', '2', null]) }
    for (const c of COLUMNS) if (pick(4) > 0) (out as any)[c] = all[c]
    return out
  }
  const lens = (): Step => {
    const n = pick(3), day = any(DAYS), k = pick(3)
    switch (pick(9)) {
      case 0: return { lens: { s: 'p' }, has: r => r.s === 'p' }
      case 1: return { lens: { s: null }, has: r => r.s === null }
      case 2: return { lens: { n: { '>=': n } }, has: r => r.n !== null && r.n >= n }
      case 3: return { lens: { n: { in: [n, null] } }, has: r => r.n === n }
      case 4: return { lens: { a: k, s: { '!=': 'q' } }, has: r => r.a === k && r.s !== null && r.s !== 'q' }
      case 5: return { lens: { t: day }, has: r => r.t?.getTime() === day.getTime() }
      case 6: return { lens: { d: '1.50' }, has: r => r.d === '1.5' }
      case 7: return { lens: { n: { 'not between': [1, 1] }, b: 'x' }, has: r => r.n !== null && r.n !== 1 && r.b === 'x' }
      default: return { lens: {}, has: () => true }
    }
  }
  return Array.from({ length: 1 + pick(4) }, () => pick(2) === 0 ? lens() : {
    rows: Array.from({ length: 1 + pick(4) }, row),
    onConflict: any([undefined, undefined, 'raise', 'nothing', 'replaceAll', { replace: COLUMNS.filter(() => pick(2) === 0) }, { replaceAllExcept: COLUMNS.filter(() => pick(2) === 0) }] as (Conflict | undefined)[]),
  })
}

/** The same done to a map; undefined where a row is there that must not be. */
function done(before: ReadonlyMap<string, Row>, all: readonly Step[], otherwise: Conflict): Map<string, Row> | undefined {
  const rows = new Map(before)
  for (const step of all) {
    if ('lens' in step) { for (const [key, row] of rows) if (step.has(row)) rows.delete(key); continue }
    const conflict = step.onConflict ?? otherwise
    for (const given of step.rows) {
      const row: Row = { a: given.a!, b: given.b!, s: given.s ?? null, n: given.n ?? null, t: given.t ?? null, d: given.d ?? null }
      const old = rows.get(keyOf(row))
      if (old === undefined || conflict === 'replaceAll') { rows.set(keyOf(row), row); continue }
      if (conflict === 'raise') return undefined
      if (conflict === 'nothing') continue
      const names = 'replace' in conflict ? conflict.replace : COLUMNS.filter(c => !conflict.replaceAllExcept.includes(c))
      rows.set(keyOf(row), { ...old, ...Object.fromEntries(names.map(c => [c, row[c as keyof Row]])) })
    }
  }
  return rows
}

const shown = (rows: Iterable<Row>): string[] => [...rows].map(({ a, b, s, n, t, d }) => JSON.stringify([a, b, s, n, t, d])).sort()

it(`a run writes what a map says that is changed step by step, ${RUNS} programs from ${FIRST}`, async () => {
  let refused = 0, removed = 0
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const pick = random(seed)
    const db = await createDatabase({ schema })
    const onConflict = (['replaceAll', 'raise', 'nothing'] as const)[pick(3)]
    let todo: Step[] = []
    const P = projection(schema, 'out', { inputs: ['src'], onConflict, derive: ({ tx }) => {
      for (const step of todo) {
        if ('lens' in step) tx.dematerialize(step.lens)
        else tx.materialize(structuredClone(step.rows) as Row[], step.onConflict === undefined ? {} : { onConflict: step.onConflict as never })
      }
    } })
    const p = projections(db, { engine: 'inline', measure: false })
    let rows = new Map<string, Row>()
    for (let n = 0; n < 6; n++) {
      todo = steps(pick)
      const at = `seed ${seed}, run ${n}: ${JSON.stringify(todo)} over ${shown(rows.values()).join(' ')}`
      const next = done(rows, todo, onConflict)
      const outcome = await p.project(P, {}, { allowEmptyFilters: true }).then(r => ({ changed: r.changed }), error => ({ refused: error.code as string }))
      const changed = next === undefined ? 0 : [...new Set([...rows.keys(), ...next.keys()])].filter(k => JSON.stringify(rows.get(k)) !== JSON.stringify(next.get(k))).length
      expect(outcome, at).toEqual(next === undefined ? { refused: 'PROJECTION_CONFLICT' } : { changed: expect.any(Number) })
      if (next === undefined) refused++
      else { if (next.size < rows.size) removed++; rows = next }
      expect(shown(db.live(db.query.out).rows as unknown as Row[]), at).toEqual(shown(rows.values()))
      // Decimals keep the form that they were written in: such a row may count.
      if ('changed' in outcome) expect(outcome.changed, at).toBeGreaterThanOrEqual(changed)
    }
    db.close()
  }
  expect([refused > RUNS / 4, removed > RUNS / 4]).toEqual([true, true])
}, 180_000)
